"""Copying a bank into another store: byte for byte, and it goes on where it stopped."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import timebank
from support import BEGINNING, Clock, examples, fill, sources
from timebank import TimeBank
from timebank.bank import carrying
from timebank.bank.carrying import carry_bank, copy_bank
from timebank.errors import (
    BankNotFound,
    Conflict,
    Corrupt,
    InvalidRequest,
    NotFound,
    Rejected,
)
from timebank.journal import canonical, commitment, digest, genesis
from timebank.model import RecordRow, TextRow
from timebank.storage import Batch, Store, open_store
from timebank.storage.memory.store import MemoryStore, MemoryWriter

SOURCE = str(Path(timebank.__file__).parent.parent)


@contextmanager
def opened(url: str) -> Iterator[Store]:
    """A store, made where it is missing."""
    with closing(open_store(url, create=True)) as store:
        yield store


def filled(store: Store, *, bank: str = "main") -> TimeBank:
    """A bank with every kind of record and a batch."""
    made = TimeBank(store, bank=bank, **sources())
    fill(made)
    with made.batch() as batch:
        for number in range(30):
            batch.transfer(earner="m1", spender="f1", hours="0:05", note=f"cup {number}")
    return made


def content(store: Store, bank: str = "main") -> tuple[object, ...]:
    """All that a bank's reader gives."""
    with store.reader(bank) as reader:
        accounts = reader.accounts(after=None, limit=99)
        return (
            reader.head(),
            reader.records(after=0, limit=9999),
            reader.texts(after=0, through=9999),
            accounts,
            [reader.postings(row.account, after=0, limit=9999) for row in accounts],
        )


def findings(store: Store, bank: str = "main") -> tuple[object, ...]:
    """What an audit of the bank finds."""
    return TimeBank(store, bank=bank, create=False).audit().findings


# -- whole copies -------------------------------------------------------------------------


@pytest.mark.parametrize("page", [1, 7, 1000])
@pytest.mark.parametrize("first", ["memory:", "sqlite:///a.db"])
@pytest.mark.parametrize("second", ["memory:", "sqlite:///b.db"])
def test_a_copy_is_the_same_byte_for_byte(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, first: str, second: str, page: int
) -> None:
    """Records, texts and derived rows; the bank goes on in the new place as it would have."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(carrying, "PAGE", page)
    with opened(first) as source, opened(second) as target:
        bank = filled(source)
        told: list[tuple[int, int]] = []
        head = copy_bank(source, target, progress=lambda *pace: told.append(pace))
        assert bank.head() == head
        assert content(source) == content(target)
        assert (46, 46) == told[-1]
        assert [min(n * page, 46) for n in range(1, len(told) + 1)] == [done for done, _ in told]
        moved = TimeBank(target, create=False, **sources(Clock(BEGINNING + timedelta(hours=1))))
        for place in (bank, moved):
            place.transfer(earner="m1", spender="f1", hours=1, id="more")
        assert moved.reverse("more", reason="x").reverses == "more"
        assert () == findings(target)


def test_a_copy_under_another_name(tmp_path: Path) -> None:
    """Also into the same store; the name is in no record."""
    with opened(f"sqlite:///{tmp_path}/a.db") as source, opened("sqlite://") as private:
        for store in (source, private):
            bank = filled(store)
            assert bank.head() == copy_bank(store, store, to="second")
            assert content(store) == content(store, "second")
            assert ["main", "second"] == list(store.banks())
        with pytest.raises(InvalidRequest, match="to itself"):
            copy_bank(source, source, bank="second", to="second")


def test_an_empty_bank_is_copied_too() -> None:
    """It has the source's journal id."""
    with opened("memory:") as source, opened("sqlite://") as target:
        head = TimeBank(source).head()
        assert head == copy_bank(source, target)


def test_what_is_missing_makes_nothing() -> None:
    """No bank, no copy; a name that is no id is refused."""
    with opened("memory:") as source, opened("sqlite://") as target:
        with pytest.raises(BankNotFound):
            copy_bank(source, target)
        filled(source)
        with pytest.raises(InvalidRequest):
            copy_bank(source, target, to=" ")
        assert [] == list(target.banks())


Call = tuple[str, int, int, int]


def lived(calls: list[Call]) -> TimeBank:
    """A bank in memory after some calls; what a rule refuses is left out."""
    bank = timebank.open("memory:", **sources())
    for id in "abc":
        bank.open_account(id, name=f"név {id}" if id != "c" else None)
    for number, (kind, one, other, hours) in enumerate(calls):
        first, second = "abc"[one], "abc"[other]
        try:
            if kind == "transfer":
                note = "\U0001f600 ï" * hours or None
                bank.transfer(earner=first, spender=second, hours=hours, id=f"t{number}", note=note)
            elif kind == "reverse":
                bank.reverse(f"t{hours}", reason="r")
            elif kind == "rename":
                bank.rename(first, f"x{hours}" if hours else None)
            else:
                getattr(bank, kind)(first)
        except (InvalidRequest, NotFound, Rejected):
            continue
    return bank


CALLS = st.tuples(
    st.sampled_from(["transfer", "transfer", "reverse", "rename", "freeze", "thaw"]),
    st.integers(0, 2),
    st.integers(0, 2),
    st.integers(0, 5),
)


@given(st.lists(CALLS, max_size=25), st.integers(1, 9))
@examples(60)
def test_a_copy_of_a_copy_is_the_same(calls: list[Call], page: int) -> None:
    """Whatever happened in the bank: bytes, texts, rows and head; and the audit is clean."""
    bank = lived(calls)
    with (
        pytest.MonkeyPatch.context() as patch,
        opened("sqlite://") as between,
        opened("memory:") as target,
    ):
        patch.setattr(carrying, "PAGE", page)
        head = copy_bank(bank.store, between)
        assert bank.head() == head == copy_bank(between, target)
        assert content(bank.store) == content(between) == content(target)


@given(st.lists(CALLS, max_size=20), st.lists(CALLS, max_size=20), st.integers(1, 5))
@examples(40)
def test_a_copy_goes_on_where_it_stopped(early: list[Call], late: list[Call], page: int) -> None:
    """The state of the accounts comes from the target then, to the same rows."""
    bank, before = lived(early + late), lived(early)
    with pytest.MonkeyPatch.context() as patch, opened("sqlite://") as target:
        patch.setattr(carrying, "PAGE", page)
        copy_bank(before.store, target)
        assert bank.head() == copy_bank(bank.store, target)
        assert content(bank.store) == content(target)


# -- going on, growing, meeting others -----------------------------------------------------


def run(code: str, *words: str) -> subprocess.Popen[bytes]:
    """A Python program of its own."""
    return subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(code), *words],
        env={**os.environ, "PYTHONPATH": SOURCE},
        stdout=subprocess.PIPE,
    )


KILLED = """
    import os, signal, sys
    from timebank.bank import carrying
    from timebank.storage import open_store
    carrying.PAGE = 10
    def killed(done, total):
        if done >= int(sys.argv[3]):
            os.kill(os.getpid(), signal.SIGKILL)
    source = open_store(sys.argv[1], create=False)
    target = open_store(sys.argv[2], create=True)
    carrying.copy_bank(source, target, progress=killed)
"""


def test_a_copy_that_was_killed_goes_on(tmp_path: Path) -> None:
    """What it had committed is there and is not carried again."""
    first, second = f"sqlite:///{tmp_path}/a.db", f"sqlite:///{tmp_path}/b.db"
    with opened(first) as source:
        bank = filled(source)
        for at in (10, 30, 46):
            child = run(KILLED, first, second, str(at))
            assert b"" == child.communicate()[0]
            assert -signal.SIGKILL == child.returncode
            with opened(second) as target:
                assert at == TimeBank(target, create=False).head().sequence
                assert () == findings(target)
        with opened(second) as target:
            told: list[int] = []
            head = copy_bank(source, target, progress=lambda *pace: told.append(pace[0]))
            assert (bank.head(), []) == (head, told)
            assert content(source) == content(target)


def test_a_source_that_grows(monkeypatch: pytest.MonkeyPatch) -> None:
    """The copy ends with what the source had at a moment within the call."""
    monkeypatch.setattr(carrying, "PAGE", 20)
    with opened("memory:") as source, opened("sqlite://") as target:
        bank = filled(source)

        def grow(done: int, total: int) -> None:
            if grown:
                grown.pop()
                bank.transfer(earner="m1", spender="f1", hours="0:01")

        grown = [1, 2, 3]
        head = copy_bank(source, target, progress=grow)
        assert (49, bank.head()) == (head.sequence, head)
        grown = [1] * 99
        bank.transfer(earner="m1", spender="f1", hours="0:01")
        head = copy_bank(source, target, progress=grow)
        assert (49 + carrying.ROUNDS, 1) == (head.sequence, bank.head().sequence - head.sequence)
        grown.clear()
        head = copy_bank(source, target)
        assert bank.head() == head


COPY = """
    import sys
    from timebank.bank import carrying
    from timebank.storage import open_store
    carrying.PAGE = 1
    target = open_store(sys.argv[2], create=True)
    print(carrying.copy_bank(open_store(sys.argv[1], create=False), target))
"""


def test_copies_at_the_same_time_help_each_other(tmp_path: Path) -> None:
    """Four processes with one target: each ends with all of it."""
    first, second = f"sqlite:///{tmp_path}/a.db", f"sqlite:///{tmp_path}/b.db"
    with opened(first) as source:
        bank = filled(source)
        children = [run(COPY, first, second) for _ in range(4)]
        printed = [child.communicate()[0].decode() for child in children]
        assert [f"{bank.head()}\n"] * 4 == printed
        with opened(second) as target:
            assert content(source) == content(target)


@pytest.mark.parametrize("rounds", [1, 10])
def test_another_copy_comes_between(monkeypatch: pytest.MonkeyPatch, rounds: int) -> None:
    """What it carried is not carried again, also where it is more than was there at first."""
    monkeypatch.setattr(carrying, "PAGE", 20)
    monkeypatch.setattr(carrying, "ROUNDS", rounds)
    with opened("memory:") as source, opened("sqlite://") as target:
        bank = filled(source)

        def another(done: int, total: int) -> None:
            if done in {20, 46}:
                bank.transfer(earner="m1", spender="f1", hours="0:01")
                carry_bank(source, target)

        assert 48 == copy_bank(source, target, progress=another).sequence
        assert content(source) == content(target)


def test_a_target_that_forgets_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """The head is read once more at the end."""
    with opened("memory:") as source, closing(MemoryStore()) as target:
        filled(source)
        monkeypatch.setattr(target, "commit", lambda *_: None)
        with pytest.raises(Corrupt, match=r"the copy stands at .* 0 .*, its source at .* 46 "):
            copy_bank(source, target)


@pytest.mark.parametrize("often", [1, 3, 99])
def test_a_conflict_is_tried_again(monkeypatch: pytest.MonkeyPatch, often: int) -> None:
    """A few times; what is told then is the conflict, and what is there is whole."""
    monkeypatch.setattr(carrying, "PAGE", 10)
    monkeypatch.setattr("time.sleep", int)
    left = [often]

    def conflicting(self: MemoryWriter, batch: Batch) -> None:
        append(self, batch)
        if self.head().sequence > 20 and left[0]:
            left[0] -= 1
            raise Conflict

    append = MemoryWriter.append
    source, target = filled(timebank.open("memory:").store, bank="b").store, MemoryStore()
    monkeypatch.setattr(MemoryWriter, "append", conflicting)
    if often == 99:
        with pytest.raises(Conflict):
            copy_bank(source, target, bank="b")
        left[0] = 0
        assert 20 == TimeBank(target, bank="b", create=False).head().sequence
    copy_bank(source, target, bank="b")
    assert content(source, "b") == content(target, "b")


# -- what must not be copied, or not over --------------------------------------------------


def test_a_target_with_another_journal() -> None:
    """It is a bank of its own: nothing is written to it."""
    with opened("memory:") as source, opened("sqlite://") as target:
        filled(source)
        TimeBank(target, new_id=lambda: "other")
        with pytest.raises(InvalidRequest, match="has the journal 'other', not 'id-1'"):
            copy_bank(source, target)
        assert 0 == TimeBank(target).head().sequence


@pytest.mark.parametrize("at", [1, 2, 17, 46])
def test_a_target_that_went_its_own_way(at: int) -> None:
    """The first record that differs is named."""
    with opened("memory:") as source, opened("sqlite://") as target:
        filled(source)
        carried = copied_through(source, target, at - 1)
        other = TimeBank(target, create=False, **sources(Clock(BEGINNING + timedelta(hours=1))))
        other.open_account("elsewhere")
        for number in range(at % 3):
            other.open_account(f"more-{number}")
        before = content(target)
        match = f"has gone its own way: record {at} is not the source's"
        with pytest.raises(InvalidRequest, match=match):
            copy_bank(source, target)
        assert before == content(target)
        assert at - 1 == carried


def copied_through(source: Store, target: Store, sequence: int) -> int:
    """Copy only the first records."""

    class Early(Exception):
        """Enough."""

    def stop(done: int, total: int) -> None:
        if done == sequence:
            raise Early

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(carrying, "PAGE", 1)
        try:
            if sequence:
                copy_bank(source, target, progress=stop)
            else:
                with source.reader("main") as reader:
                    target.make_bank("main", journal=reader.head().journal)
        except Early:
            pass
    with target.reader("main") as reader:
        return reader.head().sequence


def test_a_target_that_has_more() -> None:
    """Then it is the other one that would have to be copied."""
    with opened("memory:") as source, opened("sqlite://") as target:
        bank = filled(source)
        copy_bank(source, target)
        with opened("memory:") as early:
            copied_through(source, early, 20)
            with pytest.raises(InvalidRequest, match="has 46 records, the source 20"):
                copy_bank(early, target)
        assert bank.head() == TimeBank(target).head()


def damaged(tmp_path: Path, statement: str) -> Store:
    """A filled file that another hand changed."""
    path = tmp_path / "a.db"
    with opened(f"sqlite:///{path}") as store:
        filled(store)
    with closing(sqlite3.connect(path, isolation_level=None)) as tool:
        triggers = tool.execute(
            "SELECT name, sql FROM sqlite_master WHERE type = 'trigger'"
        ).fetchall()
        for name, _ in triggers:
            tool.execute(f"DROP TRIGGER {name}")
        tool.execute(statement)
        for _, sql in triggers:
            tool.execute(sql)
    return open_store(f"sqlite:///{path}", create=False)


@pytest.mark.parametrize("page", [1, 1000])
@pytest.mark.parametrize(
    ("statement", "message", "kept"),
    [
        ("UPDATE timebank_records SET body = x'7b7d' WHERE sequence = 9", "record 9", 8),
        ("UPDATE timebank_records SET digest = zeroblob(32) WHERE sequence = 46", "record 46", 45),
        ("DELETE FROM timebank_records WHERE sequence = 12", "record 12 .* is missing", 11),
        ("UPDATE timebank_banks SET journal = 'x'", "record 1", 0),
    ],
)
def test_a_damaged_source_is_not_carried(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    *,
    statement: str,
    message: str,
    kept: int,
    page: int,
) -> None:
    """The record is named; what was before it may be there already."""
    monkeypatch.setattr(carrying, "PAGE", page)
    with closing(damaged(tmp_path, statement)) as source, opened("sqlite://") as target:
        with pytest.raises(Corrupt, match=message):
            copy_bank(source, target)
        assert () == findings(target)
        assert (kept if page == 1 else 0) == TimeBank(target).head().sequence


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b'{"kind":"transfer"}', "record 1 cannot be executed"),
        (b'{"effects":{"postings":[["a"]]},"kind":"transfer"}', "record 1 cannot"),
        (b'{"effects":{},"kind":"dance"}', "unknown kind 'dance'"),
        (b"{", "not canonical JSON"),
    ],
)
def test_a_record_that_cannot_be_executed(body: bytes, message: str) -> None:
    """A chain may hold and say nothing that this version understands."""
    with opened("memory:") as source, opened("sqlite://") as target:
        source.make_bank("main", journal="j")
        with source.writer("main") as writer:
            writer.append(
                Batch([RecordRow(1, digest(genesis("j"), body), body, "transfer", None, None)])
            )
        with pytest.raises(Corrupt, match=message):
            copy_bank(source, target)
        assert 0 == TimeBank(target).head().sequence


def test_the_audit_of_the_copy_is_told(tmp_path: Path) -> None:
    """What the chain does not cover is found at the end: here a text of the source is gone."""
    with (
        closing(damaged(tmp_path, "DELETE FROM timebank_texts WHERE sequence = 1")) as source,
        opened("sqlite://") as target,
    ):
        with pytest.raises(Corrupt, match="its audit has findings, 1 in all: texts"):
            copy_bank(source, target)
        assert carry_bank(source, target).sequence == 46


# -- erased texts --------------------------------------------------------------------------


def forged(store: Store, *, erased: bool, kept: bool) -> None:
    """A journal of an account with a name, and, if `erased`, of its erasure."""
    salt = bytes(16)
    name = commitment(salt, "Maria R.")
    sets = dict.fromkeys(("floor", "ceiling"), "inherit") | {
        "kind": "member",
        "status": "open",
        "joined_on": None,
        "named": True,
    }
    request: dict[str, object] = {"account": "m1", "kind": "member", "name": name}
    said: list[tuple[str, dict[str, object], dict[str, object]]] = [
        ("open_account", {"account": "m1", "sets": sets}, request)
    ]
    if erased:
        effects = {"erased": [name], "texts": [[1, "name"]]}
        said.append(("erase", effects, {"account": "m1", "reason": name}))
    store.make_bank("main", journal="j")
    before, records = genesis("j"), []
    for sequence, (kind, effects, asked) in enumerate(said, 1):
        record = {"format": "timebank/1", "journal": "j", "kind": kind, "sequence": sequence}
        when = {"recorded_at": 1, "recorded_on": "1970-01-01"}
        body = canonical(record | {"effects": effects, "request": asked} | when)
        before = digest(before, body)
        records.append(RecordRow(sequence, before, body, kind, None, None))
    texts = [TextRow(1, "name", salt, "Maria R.")] if kept else []
    texts += [TextRow(2, "reason", salt, "Maria R.")] if erased else []
    with store.writer("main") as writer:
        writer.append(Batch(records, texts))


def texts_of(store: Store) -> list[TextRow]:
    """Every text of a bank."""
    with store.reader("main") as reader:
        return reader.texts(after=0, through=99)


def test_a_text_erased_at_the_source_is_absent() -> None:
    """Its commitment and its erasure come along."""
    with opened("memory:") as source, opened("sqlite://") as target:
        forged(source, erased=True, kept=False)
        carry_bank(source, target)
        assert ["reason"] == [row.field for row in texts_of(target)]


def test_a_text_erased_after_it_was_carried_is_erased_in_the_copy() -> None:
    """Who reads the record of the erasure erases too."""
    with opened("memory:") as early, opened("memory:") as late, opened("sqlite://") as target:
        forged(early, erased=False, kept=True)
        forged(late, erased=True, kept=False)
        carry_bank(early, target)
        assert ["Maria R."] == [row.text for row in texts_of(target)]
        copy_bank(late, target)
        assert ["reason"] == [row.field for row in texts_of(target)]
