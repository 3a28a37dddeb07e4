"""Personal text that is destroyed: what goes, what stays, and what can be found of it later."""

from __future__ import annotations

import json
import random
import shutil
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from datetime import date, time, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import timebank
from support import Clock, fill, fill_with_members, fill_with_rules, sources
from timebank import (
    AccountNotFound,
    AccountNotOpen,
    InvalidRequest,
    NotFound,
    Statute,
    StoreError,
    TimeBank,
    Welcome,
    WrongType,
)
from timebank.bank import erasing
from timebank.bank.carrying import copy_bank
from timebank.journal import parse
from timebank.queries.personal_data import RecordsAbout
from timebank.storage import open_store
from timebank.storage.sqlite.backup import backup_sqlite

STORES = ["memory:", "sqlite://"]
WHY = "asked on 2 March"


@pytest.fixture(params=STORES)
def bank(request: pytest.FixtureRequest) -> Iterator[TimeBank]:
    """A neighbourhood with every kind of record."""
    clock = Clock()
    with timebank.open(request.param, **sources(clock)) as bank:
        fill(bank)
        fill_with_rules(bank)
        fill_with_members(bank, clock)
        yield bank


def texts(bank: TimeBank) -> dict[tuple[int, str], str]:
    """Every text that is there, by record and field."""
    with bank.store.reader(bank.name) as reader:
        rows = reader.texts(after=0, through=reader.head().sequence)
    return {(row.sequence, row.field): row.text for row in rows}


def standing(bank: TimeBank) -> list[Any]:
    """What an erasure must leave as it is."""
    return [
        [bank.balance(account.id) for account in bank.accounts()],
        [(one.id, one.postings, one.occurred_on) for one in bank.transfers()],
        [record.bytes for record in bank.records()],
        [(hold.id, hold.status) for hold in bank.holds()],
    ]


# -- what goes ---------------------------------------------------------------------------


def test_each_text_that_is_about_an_account_goes() -> None:
    """Names, reasons, notes, of each kind of record; those of others stay."""
    bank = timebank.open("memory:")
    for id in ("m1", "m2", "fund"):
        bank.open_account(id, kind="fund" if id == "fund" else "member", name=f"name of {id}")
    bank.rename("m1", "second name")
    bank.freeze("m1", reason="abroad")
    bank.thaw("m1", reason="back")
    bank.transfer(earner="m1", spender="m2", hours=1, id="t", note="given")
    bank.transfer(earner="m2", spender="m1", hours=1, id="u", note="taken")
    bank.transfer(earner={"m2": 1}, spender={"m1": "0:30", "fund": "0:30"}, note="one of two")
    bank.transfer(earner="m2", spender="fund", hours=1, note="of others", via="m1")
    bank.reverse("t", reason="twice")
    bank.hold(earner="m2", spender="m1", hours=1, id="h", note="a plan")
    bank.hold(earner="m2", spender="m1", hours=1, id="v", note="another")
    bank.settle("h")
    bank.void("v", reason="it rained")
    bank.acting_as("m1").freeze("m2", reason="entered by m1")
    bank.transfer(earner="m1", spender="fund", hours="2:30", note="back")
    bank.close_account("m1", reason="left")
    before = standing(bank)
    done = bank.erase("m1", reason=WHY)
    assert 13 == done.texts
    assert (1, (), True) == (len(done.records), done.remains, done.complete)
    left = {"name of m2", "name of fund", "of others", "entered by m1", WHY}
    assert left == set(texts(bank).values())
    assert before == [*standing(bank)[:2], standing(bank)[2][:-1], standing(bank)[3]]
    assert (None, "closed") == (bank.account("m1").name, bank.account("m1").status)
    assert (None, None) == (bank.transfer_by_id("t").note, bank.hold_by_id("v").reason)
    assert bank.audit().ok


@pytest.mark.parametrize("account", ["m1", "f1", "f2", "old", "m3", "m4"])
def test_the_record_names_what_went(bank: TimeBank, account: str) -> None:
    """Sorted commitments, and where they stood; what is left is all the others."""
    before, bytes_before = texts(bank), [record.bytes for record in bank.records()]
    done = bank.erase(account, reason=WHY)
    (sequence,) = done.records
    said = parse([record.bytes for record in bank.records()][-1])
    assert ("erase", sequence, account) == (
        said["kind"],
        said["sequence"],
        said["request"]["account"],
    )
    places = {(record, field) for record, field in said["effects"]["texts"]}
    commitments = {parse(bytes_before[record - 1])["request"][field] for record, field in places}
    assert sorted(commitments) == said["effects"]["erased"]
    assert places | {(sequence, "reason")} == before.keys() ^ texts(bank).keys()
    assert done.texts == len(places)
    assert bytes_before == [record.bytes for record in bank.records()][:-1]
    assert bank.audit().ok
    bank.rebuild()
    assert bank.audit().ok


def test_nothing_is_left_to_erase(bank: TimeBank) -> None:
    """The second time nothing is appended."""
    bank.erase("m1", reason=WHY)
    head = bank.head()
    done = bank.erase("m1", reason="again")
    assert (0, (), head) == (done.texts, done.records, bank.head())
    assert 0 == bank.erase("m2", reason=WHY).texts


def test_what_is_written_later_is_erased_later(bank: TimeBank) -> None:
    """An erased account lives on: a new name is a name."""
    bank.erase("m1", reason=WHY)
    bank.rename("m1", "Another")
    assert "Another" == bank.account("m1").name
    assert 1 == bank.erase("m1", reason=WHY).texts
    assert None is bank.account("m1").name
    assert bank.audit().ok


def test_one_record(bank: TimeBank) -> None:
    """Named by its number or by the id of its operation; the reason of an erasure too."""
    others = texts(bank)
    assert 1 == bank.erase(record="visit-81", reason=WHY).texts
    done = bank.erase(record=1, reason="again")
    assert (None, 1, 1) == (done.account, done.record, done.texts)
    assert (None, None) == (bank.transfer_by_id("visit-81").note, bank.account("m1").name)
    assert 2 == len(others.keys() - texts(bank).keys())
    assert 1 == bank.erase(record=done.records[0], reason="for good").texts
    assert 0 == bank.erase(record="shared", reason=WHY).texts
    assert bank.audit().ok


def corrected() -> TimeBank:
    """A duplicate that was merged; an exchange of it that was amended; a day of joining."""
    bank = timebank.open("memory:")
    bank.open_account("m1", name="Maria")
    bank.open_account("m1-again", name="Maria R.")
    bank.open_account("f1", name="Rossi")
    bank.transfer(earner="m1", spender="f1", hours=1, id="t1")
    bank.transfer(earner="m1-again", spender="f1", hours=2, id="t2", note="to the clinic")
    more: dict[str, Any] = {"note": "the pharmacy", "started_at": time(9, 30)}
    bank.amend("t2", **more, reason="told by Maria")
    bank.amend_account("m1", joined_on=date(2024, 3, 2), reason="by her card")
    bank.merge("m1-again", into="m1", reason="she registered twice")
    return bank


def test_what_was_merged_and_amended_goes_too() -> None:
    """Of the account that stays; the duplicate is not erased by itself."""
    bank = corrected()
    for _ in range(2):
        with pytest.raises(AccountNotOpen) as caught:
            bank.erase("m1-again", reason=WHY)
        assert "m1" == caught.value.merged_into
        bank.erase("m1", reason=WHY)
    assert {"Rossi", WHY} == set(texts(bank).values())
    amended = bank.transfer_by_id("t2")
    assert (None, None, (None, None)) == (
        amended.note,
        amended.amendments[0].reason,
        amended.amendments[0].changes["note"],
    )
    assert bank.audit().ok


def test_the_amendments_of_one_record_go_with_it() -> None:
    """Its note, the former one, and why it was amended; not those of others."""
    bank = corrected()
    assert 3 == bank.erase(record="t2", reason=WHY).texts
    assert 0 == bank.erase(record="t2", reason=WHY).texts
    left = {"Maria", "Maria R.", "Rossi", "by her card", "she registered twice", WHY}
    assert left == set(texts(bank).values())
    assert bank.audit().ok


def test_who_is_merged_while_an_erasure_reads() -> None:
    """What was passed over, because it was another's, is found when it has become hers."""
    bank = timebank.open("memory:")
    bank.open_account("m1", name="Maria")
    bank.open_account("m1-again", name="Maria R.")
    about = RecordsAbout("m1")
    with bank.store.reader("main") as reader:
        assert [1] == [mention.row.sequence for mention in about.read(reader)]
    bank.merge("m1-again", into="m1", reason="twice")
    with bank.store.reader("main") as reader:
        assert [1, 2, 3] == [mention.row.sequence for mention in about.read(reader)]


def test_many_texts_take_several_records(monkeypatch: pytest.MonkeyPatch) -> None:
    """A record names so many at most; all of them are one commit."""
    monkeypatch.setattr(erasing, "MOST", 3)
    bank = timebank.open("memory:")
    bank.open_account("a", name="A")
    bank.open_account("b", name="B")
    for number in range(7):
        bank.transfer(earner="a", spender="b", hours=1, note=f"visit {number}")
    done = bank.erase("a", reason=WHY)
    assert (8, (10, 11, 12)) == (done.texts, done.records)
    assert {"B", WHY} == set(texts(bank).values())
    assert bank.audit().ok


def test_bad_calls_change_nothing(bank: TimeBank) -> None:
    """Neither or both named, no reason, what is not there."""
    head, before = bank.head(), texts(bank)
    wrong: list[tuple[type[Exception], dict[str, Any]]] = [
        (InvalidRequest, {}),
        (InvalidRequest, {"account": "m1", "record": 1}),
        (InvalidRequest, {"account": " m1"}),
        (InvalidRequest, {"record": 0}),
        (InvalidRequest, {"record": True}),
        (InvalidRequest, {"record": " "}),
        (InvalidRequest, {"account": "m1", "reason": None}),
        (WrongType, {"account": "m1", "reason": 3}),
        (AccountNotFound, {"account": "nobody"}),
        (NotFound, {"record": 9999}),
        (NotFound, {"record": "nothing"}),
    ]
    for error, call in wrong:
        with pytest.raises(error):
            bank.erase(**{"reason": WHY, **call})
    with pytest.raises(TypeError):
        bank.erase("m1")  # type: ignore[call-arg]
    assert (head, before) == (bank.head(), texts(bank))


def test_a_repeated_call_is_alike_and_brings_nothing_back(bank: TimeBank) -> None:
    """Whatever text it has: what it was cannot be known any more."""
    first = bank.transfer_by_id("flagged")
    bank.erase("m1", reason=WHY)
    again = bank.open_account("m1", name="Anybody", joined_on=bank.account("m1").joined_on)
    assert None is again.name
    assert first == bank.transfer(earner="f1", spender="m2", hours="2:20", id="flagged")
    assert bank.audit().ok


def test_a_preview_shows_and_destroys_nothing(bank: TimeBank) -> None:
    """What would go is gone on the preview alone."""
    head, before = bank.head(), texts(bank)
    with bank.preview() as preview:
        done = preview.erase("m1", reason=WHY)
        assert None is preview.account("m1").name
    assert (erasing.NOT_YET,) == done.remains
    assert (head, before) == (bank.head(), texts(bank))
    assert done.texts == bank.erase("m1", reason=WHY).texts


@pytest.mark.parametrize("url", STORES)
def test_in_a_batch(url: str) -> None:
    """What the same batch wrote goes too; where it fails, all stays."""
    bank = timebank.open(url)
    bank.open_account("f1", name="Rossi")
    with pytest.raises(ZeroDivisionError), bank.batch() as batch:
        batch.erase("f1", reason=WHY)
        raise ZeroDivisionError
    assert {"Rossi"} == set(texts(bank).values())
    with bank.batch() as batch:
        batch.open_account("m1", name="Maria")
        batch.transfer(earner="m1", spender="f1", hours=1, note="a visit")
        assert 2 == batch.erase("m1", reason=WHY).texts
        batch.transfer(earner="m1", spender="f1", hours=1, note="another")
    assert {"Rossi", "another", WHY} == set(texts(bank).values())
    assert bank.audit().ok
    bank.close()


def test_welcome_credit_given_back_is_hers() -> None:
    """A due has no text, and its reversal has a reason."""
    bank = timebank.open("memory:")
    bank.open_account("fund", kind="fund")
    bank.adopt(Statute(version="v1", welcome=Welcome(hours=2, fund="fund", due_back=True)))
    bank.open_account("m1", name="Maria")
    bank.leave("m1", reason="moved away")
    assert 3 == bank.erase("m1", reason=WHY).texts
    assert {WHY} == set(texts(bank).values())
    assert bank.audit().ok


# -- what the audit tells apart ----------------------------------------------------------


def tampered(path: Path, sql: str, *values: object) -> None:
    """Change a file by hand."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute(sql, values)


@pytest.mark.parametrize("erased", [True, False])
def test_erased_and_deleted_are_told_apart(tmp_path: Path, *, erased: bool) -> None:
    """A row that somebody deleted is a finding, and what was erased is none."""
    path = tmp_path / "bank.db"
    with timebank.open(f"sqlite:///{path}") as bank:
        bank.open_account("m1", name="Maria")
        bank.open_account("m2", name="Nina")
        if erased:
            bank.erase("m1", reason=WHY)
            assert () == bank.audit().findings
            tampered(path, "DELETE FROM timebank_texts WHERE sequence = 2")
        else:
            tampered(path, "DELETE FROM timebank_texts WHERE sequence = 1")
        (finding,) = bank.audit().findings
        assert f"text 'name' of record {2 if erased else 1}" == finding.place
        assert "no text, and no erasure" == finding.found


def test_a_deleted_text_is_not_made_good_by_an_erasure(tmp_path: Path) -> None:
    """It is not among what was erased, for it was not there."""
    path = tmp_path / "bank.db"
    with timebank.open(f"sqlite:///{path}") as bank:
        bank.open_account("m1", name="Maria")
        bank.rename("m1", "Mara")
        tampered(path, "DELETE FROM timebank_texts WHERE sequence = 1")
        assert 1 == bank.erase("m1", reason=WHY).texts
        assert ["text 'name' of record 1"] == [one.place for one in bank.audit().findings]


def test_a_text_that_is_put_back_is_found_and_a_rebuild_erases_it(tmp_path: Path) -> None:
    """A backup was mixed in, say."""
    path = tmp_path / "bank.db"
    with timebank.open(f"sqlite:///{path}") as bank:
        bank.open_account("m1", name="Maria")
        with closing(sqlite3.connect(path)) as connection:
            (salt,) = connection.execute("SELECT salt FROM timebank_texts").fetchone()
        bank.erase("m1", reason=WHY)
        sql = "INSERT INTO timebank_texts VALUES ('main', 1, 'name', ?, 'Maria')"
        tampered(path, sql, salt)
        (finding,) = bank.audit().findings
        assert ("texts", "no text, for record 2 erased it") == (finding.check, finding.expected)
        bank.rebuild()
        assert () == bank.audit().findings
        assert {WHY} == set(texts(bank).values())


# -- what is left in files ---------------------------------------------------------------


def found_in(folder: Path, *needles: bytes) -> list[tuple[str, bytes]]:
    """The files of a folder that have one of the needles."""
    return [
        (path.name, needle)
        for path in sorted(folder.iterdir())
        for needle in needles
        if needle in path.read_bytes()
    ]


@pytest.mark.parametrize("seed", range(4))
def test_no_page_of_the_file_has_it(tmp_path: Path, seed: int) -> None:
    """Nor does what lies beside it: whatever rows SQLite has moved to make room for others.

    Several banks in one file, texts of every length, and erasures in between; what SQLite's
    `secure_delete` alone leaves behind would be found here.
    """
    rng = random.Random(seed)
    with timebank.open(f"sqlite:///{tmp_path / 'bank.db'}?synchronous=normal") as first:
        banks = [first, TimeBank(first.store, bank="other")]
        for bank in banks:
            for id in ("a", "b", "c"):
                bank.open_account(id)
        gone: list[bytes] = []
        kept: list[bytes] = []
        for number in range(300):
            bank = rng.choice(banks)
            secret = f"secret-{number:04}"
            one, other = rng.sample(["a", "b", "c"], 2)
            note = secret + "x" * rng.choice([0, 9, 80, 700, 3000])
            bank.transfer(earner=one, spender=other, hours="1s", note=note)
            mine = bank is first and "a" in (one, other)
            (gone if mine else kept).append(secret.encode())
            if number % 100 == 70:
                first.erase("a", reason=WHY)
                assert [] == found_in(tmp_path, *gone)
        assert () == first.erase("a", reason=WHY).remains
        assert [] == found_in(tmp_path, *gone)
        assert {"bank.db"} == {name for name, _ in found_in(tmp_path, *kept)}
        assert len(kept) == len(found_in(tmp_path, *kept))
        assert all(bank.audit().ok for bank in banks)
    assert [] == found_in(tmp_path, *gone)


def test_where_a_reader_holds_the_log_the_result_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Asked once more when the reader is gone, the log is cut off."""
    monkeypatch.setattr("timebank.storage.sqlite.connections.WIPE_TIMEOUT_SECONDS", 0)
    path = tmp_path / "bank.db"
    with timebank.open(f"sqlite:///{path}") as bank:
        bank.open_account("m1", name="Maria Rossi")
        with closing(sqlite3.connect(path, isolation_level=None)) as reader:
            reader.execute("BEGIN")
            assert [("Maria Rossi",)] == reader.execute(
                "SELECT text FROM timebank_texts"
            ).fetchall()
            (told,) = bank.erase("m1", reason=WHY).remains
            assert "another connection is reading" in told
            assert ["bank.db-wal"] == [name for name, _ in found_in(tmp_path, b"Maria Rossi")]
        assert (0, ()) == attrs_of(bank.erase("m1", reason=WHY))
        assert [] == found_in(tmp_path, b"Maria Rossi")


def test_a_reader_that_began_before_keeps_the_file_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was in the file stays there until the log can be written into it: both are named."""
    monkeypatch.setattr("timebank.storage.sqlite.connections.WIPE_TIMEOUT_SECONDS", 0)
    path = tmp_path / "bank.db"
    with timebank.open(f"sqlite:///{path}") as bank:
        bank.open_account("m1", name="Maria Rossi")
    with timebank.open(f"sqlite:///{path}") as bank:
        assert ["bank.db"] == [name for name, _ in found_in(tmp_path, b"Maria Rossi")]
        with bank.store.reader("main") as reader:
            assert 1 == reader.head().sequence
            done = bank.acting_as("c1")
            told = in_a_thread(lambda: done.erase("m1", reason=WHY).remains)
            assert 1 == len(told)
            assert f"is reading or writing: {path} and {path}-wal may have it" in told[0]
            assert ["bank.db"] == [name for name, _ in found_in(tmp_path, b"Maria Rossi")]
        assert (0, ()) == attrs_of(bank.erase("m1", reason=WHY))
        assert [] == found_in(tmp_path, b"Maria Rossi")


def in_a_thread(call: Callable[[], tuple[str, ...]]) -> tuple[str, ...]:
    """What a call returns that another thread makes."""
    found: list[tuple[str, ...]] = []
    thread = threading.Thread(target=lambda: found.append(call()))
    thread.start()
    thread.join()
    return found[0]


def host_file(path: Path, mode: str) -> sqlite3.Connection:
    """A host's connection, in a journal mode, to a file with a ledger and a secret in it."""
    host = sqlite3.connect(path, isolation_level=None)
    assert (mode,) == host.execute(f"PRAGMA journal_mode = {mode}").fetchone()
    host.execute("BEGIN")
    bank = timebank.join(host)
    for number in range(20):
        bank.open_account(f"m{number}", name=f"secret-{number:03}" + "y" * 40 * number)
    host.execute("COMMIT")
    if mode == "wal":  # it is in the file, and not only in the log
        host.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    return host


SECRET = b"secret-007"
#: Journal mode → the files that have it when the host has committed, what says so, its remedy.
BESIDE = {
    "delete": (set(), None, "SELECT 1"),
    "truncate": (set(), None, "SELECT 1"),
    "memory": (set(), None, "SELECT 1"),
    "wal": (
        {"host.db"},
        "the host's file, and its log, have it",
        "PRAGMA wal_checkpoint(TRUNCATE)",
    ),
    "persist": (
        {"host.db-journal"},
        "the rollback journal that the host keeps has it",
        "PRAGMA journal_mode = DELETE",
    ),
}


@pytest.mark.parametrize("mode", BESIDE)
def test_what_a_host_keeps_beside_its_file(tmp_path: Path, mode: str) -> None:
    """What is told is so in each journal mode, and so is what helps."""
    there, told, remedy = BESIDE[mode]
    with closing(host_file(tmp_path / "host.db", mode)) as host:
        host.execute("BEGIN")
        remains = timebank.join(host).erase("m7", reason=WHY).remains
        host.execute("COMMIT")
        assert there == {name for name, _ in found_in(tmp_path, SECRET)}
        assert (2 if told is None else 3) == len(remains)
        assert told is None or (told in remains[2] and remedy in remains[2])
        host.execute(remedy).fetchall()
        assert [] == found_in(tmp_path, SECRET)


def test_a_log_that_was_not_cut_off_has_it(tmp_path: Path) -> None:
    """What was never in the file is in the log alone, until the same remedy."""
    with closing(host_file(tmp_path / "host.db", "wal")) as host:
        host.execute("BEGIN")
        timebank.join(host).rename("m7", "a name of today")
        host.execute("COMMIT")
        host.execute("BEGIN")
        assert "its log, have it" in timebank.join(host).erase("m7", reason=WHY).remains[2]
        host.execute("COMMIT")
        assert {"host.db-wal"} == {name for name, _ in found_in(tmp_path, b"a name of today")}
        host.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        assert [] == found_in(tmp_path, b"a name of today", SECRET)


@pytest.mark.parametrize("is_open", [True, False])
def test_a_journal_that_another_program_keeps_goes_with_an_erasure(
    tmp_path: Path, *, is_open: bool
) -> None:
    """Ours removes it under SQLite's own lock, though the program that keeps it is still there."""
    path = tmp_path / "host.db"
    host = host_file(path, "persist")
    host.execute("BEGIN")
    timebank.join(host).erase("m7", reason=WHY)
    host.execute("COMMIT")
    if not is_open:
        host.close()
    assert ["host.db-journal"] == [name for name, _ in found_in(tmp_path, SECRET)]
    with timebank.open(f"sqlite:///{path}") as bank:
        assert (0, ()) == attrs_of(bank.erase("m7", reason=WHY))
        assert [] == found_in(tmp_path, SECRET)
    host.close()


def test_a_journal_that_is_in_use_is_told(tmp_path: Path) -> None:
    """The program that keeps it is in a transaction: its journal stays, and what may be in it."""
    path = tmp_path / "host.db"
    with closing(host_file(path, "persist")) as host:
        host.execute("BEGIN")
        timebank.join(host).erase("m7", reason=WHY)
        host.execute("COMMIT")
        with timebank.open(f"sqlite:///{path}") as bank:
            host.execute("BEGIN IMMEDIATE")
            host.execute("CREATE TABLE bookings (id)")
            (told,) = bank.store.wipe()  # type: ignore[attr-defined]  # it has one
            assert f"{path}-journal may have it, where another program keeps" in told
            host.execute("ROLLBACK")
            assert () == bank.erase("m7", reason=WHY).remains
    assert [] == found_in(tmp_path, SECRET)


def test_beside_the_file_and_not_beside_a_link_to_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SQLite follows links, and what is told names the files that there are."""
    monkeypatch.setattr("timebank.storage.sqlite.connections.WIPE_TIMEOUT_SECONDS", 0)
    there, link = tmp_path / "there", tmp_path / "link.db"
    there.mkdir()
    with timebank.open(f"sqlite:///{there / 'bank.db'}") as bank:
        bank.open_account("m1", name="Maria Rossi")
    link.symlink_to(there / "bank.db")
    with timebank.open(f"sqlite:///{link}") as bank, closing(sqlite3.connect(link)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT 1 FROM timebank_texts").fetchall()
        (told,) = bank.erase("m1", reason=WHY).remains
        assert f"{there / 'bank.db'}-wal may have it" in told


def test_pages_that_a_tool_has_freed_have_it_until_a_vacuum(tmp_path: Path) -> None:
    """Nobody can know what is in them: it is told of a host's file, and in the documentation."""
    path = tmp_path / "host.db"
    with closing(host_file(path, "delete")) as host:
        host.execute("PRAGMA secure_delete = OFF")
        for number in range(5):
            host.execute(f"CREATE TABLE copy_{number} AS SELECT * FROM timebank_texts")
        for number in range(5):
            host.execute(f"DROP TABLE copy_{number}")
        host.execute("BEGIN")
        remains = timebank.join(host).erase("m7", reason=WHY).remains
        host.execute("COMMIT")
        assert "freed without secure_delete may have copies of it, until VACUUM" in remains[1]
        assert ["host.db"] == [name for name, _ in found_in(tmp_path, SECRET)]
        host.execute("VACUUM")
        assert [] == found_in(tmp_path, SECRET)


def attrs_of(done: timebank.Erasure) -> tuple[int, tuple[str, ...]]:
    """How many texts went, and what remains."""
    return done.texts, done.remains


def test_a_batch_cuts_the_log_off_too(tmp_path: Path) -> None:
    """When it is kept."""
    with timebank.open(f"sqlite:///{tmp_path / 'bank.db'}") as bank:
        bank.open_account("m1", name="Maria Rossi")
        with bank.batch() as batch:
            assert (erasing.NOT_YET,) == batch.erase("m1", reason=WHY).remains
        assert [] == found_in(tmp_path, b"Maria Rossi")


def test_a_hosts_connection_overwrites_what_is_erased(tmp_path: Path) -> None:
    """Though the host writes without `secure_delete`, which stays as the host has it."""
    path = tmp_path / "host.db"
    with closing(sqlite3.connect(path, isolation_level=None)) as host:
        host.execute("PRAGMA secure_delete = OFF")
        host.execute("BEGIN")
        bank = timebank.join(host)
        for number in range(40):
            bank.open_account(f"m{number}", name=f"secret-{number:03}" + "y" * 17 * number)
        host.execute("COMMIT")
        host.execute("BEGIN")
        told = bank.erase("m7", reason=WHY).remains
        assert 2 == len(told)  # the host keeps no journal
        assert [True, True] == ["host commits" in told[0], "VACUUM" in told[1]]
        host.execute("COMMIT")
        assert (0,) == host.execute("PRAGMA secure_delete").fetchone()
        host.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        assert [] == found_in(tmp_path, b"secret-007")
        assert [] != found_in(tmp_path, b"secret-008")


def test_a_host_that_rolls_back_has_it_still(tmp_path: Path) -> None:
    """Nothing is destroyed before the host commits."""
    with closing(sqlite3.connect(tmp_path / "host.db", isolation_level=None)) as host:
        host.execute("BEGIN")
        bank = timebank.join(host)
        bank.open_account("m1", name="Maria")
        host.execute("COMMIT")
        host.execute("BEGIN")
        bank.erase("m1", reason=WHY)
        host.execute("ROLLBACK")
        host.execute("BEGIN")
        assert "Maria" == bank.account("m1").name
        assert bank.audit().ok
        host.execute("ROLLBACK")


@pytest.mark.parametrize("at", range(9))
def test_a_kill_leaves_all_or_nothing(tmp_path: Path, at: int) -> None:
    """Wherever the process ends while it erases, and the next attempt finishes."""
    path = tmp_path / "bank.db"
    with timebank.open(f"sqlite:///{path}") as bank:
        bank.open_account("m1", name="Maria Rossi")
        bank.open_account("m2", name="Nina")
    program = f"""
import os, timebank, timebank.storage.sqlite.transactions as writer
count = 0
class Dying:
    def __init__(self, connection): self.connection = connection
    def __getattr__(self, name): return getattr(self.connection, name)
    def execute(self, *a):
        global count; count += 1
        if count > {at}: os._exit(9)
        return self.connection.execute(*a)
real = writer.SqliteWriter._erase
writer.SqliteWriter._erase = lambda self, c, places: real(self, Dying(c), places)
timebank.open("sqlite:///{path}").erase("m1", reason="asked")
"""
    source = str(Path(timebank.__file__).parents[1])
    environment = {"PYTHONPATH": source}
    subprocess.run([sys.executable, "-c", program], env=environment, check=False)
    with timebank.open(f"sqlite:///{path}") as bank:
        assert bank.audit().ok
        assert {"Nina"} < set(texts(bank).values()) | {"-"}
        bank.erase("m1", reason=WHY)
        assert None is bank.account("m1").name
        assert bank.audit().ok
        assert [] == found_in(tmp_path, b"Maria Rossi")


def test_a_failed_wipe_is_told_and_raised_nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """The erasure is committed: an error would say that it is not."""
    bank = timebank.open("memory:")
    bank.open_account("m1", name="Maria")

    def failing() -> tuple[str, ...]:
        raise StoreError(*["the disk is gone"])

    monkeypatch.setattr(bank.store, "wipe", failing)
    (told,) = bank.erase("m1", reason=WHY).remains
    assert told.startswith("the disk is gone: what was erased may remain until the erasure is ask")
    monkeypatch.setattr(bank.store, "wipe", None)
    (told,) = bank.erase("m1", reason=WHY).remains
    assert "does not say" in told


# -- copies, followers, backups ----------------------------------------------------------


@pytest.mark.parametrize("url", STORES)
def test_a_copy_erases_what_its_source_has_erased(bank: TimeBank, url: str) -> None:
    """A copy made before, brought up to date."""
    with closing(open_store(url, create=True)) as target:
        copy_bank(bank.store, target)
        copy = TimeBank(target)
        assert texts(bank) == texts(copy)
        bank.erase("m1", reason=WHY)
        bank.rename("m1", "Another")
        copy_bank(bank.store, target)
        assert (texts(bank), bank.head()) == (texts(copy), copy.head())
        assert copy.audit().ok


def test_the_file_of_a_copy_has_it_no_more(tmp_path: Path) -> None:
    """Its pages are overwritten, and its log is cut off."""
    url = f"sqlite:///{tmp_path / 'copy.db'}"
    with timebank.open("memory:") as bank, closing(open_store(url, create=True)) as target:
        bank.open_account("m1", name="Maria Rossi")
        copy_bank(bank.store, target)
        assert [] != found_in(tmp_path, b"Maria Rossi")
        bank.erase("m1", reason=WHY)
        copy_bank(bank.store, target)
        assert [] == found_in(tmp_path, b"Maria Rossi")


def test_a_backup_made_later_has_it_no_more_and_one_made_before_has_it(tmp_path: Path) -> None:
    """Which is why backups have to be let go in time."""
    url, later = f"sqlite:///{tmp_path / 'bank.db'}", tmp_path / "later"
    later.mkdir()
    with timebank.open(url) as bank:
        bank.open_account("m1", name="Maria Rossi")
        backup_sqlite(url, f"sqlite:///{tmp_path / 'before.db'}")
        bank.erase("m1", reason=WHY)
        backup_sqlite(url, f"sqlite:///{later / 'later.db'}")
    assert [] == found_in(later, b"Maria Rossi")
    shutil.rmtree(later)
    assert ["before.db"] == [name for name, _ in found_in(tmp_path, b"Maria Rossi")]


# -- what is held of a person -------------------------------------------------------------


def test_personal_data_has_every_record_that_names_a_person(bank: TimeBank) -> None:
    """Each exactly once, whatever her part in it, and nothing of records that do not."""
    for account in bank.accounts():
        found = json.loads(json.dumps(bank.personal_data(account.id)))
        told = [
            one["record"]
            for part in ("events", "exchanges", "holds", "mentions")
            for one in found[part]
        ]
        assert len(told) == len(set(told))
        assert records_about(bank, account.id) == set(told)
        assert str(bank.balance(account.id).posted) == found["balance"]["posted"]
        earned = sum(timebank.Hours(one["earned"]).seconds for one in found["exchanges"])
        spent = sum(timebank.Hours(one["spent"]).seconds for one in found["exchanges"])
        fees = sum(
            posting.hours.seconds
            for transfer in bank.transfers(account=account.id)
            for posting in transfer.postings
            if posting.account == account.id and transfer.sequence not in told
        )
        assert bank.balance(account.id).posted.seconds == earned - spent + fees


def records_about(bank: TimeBank, account: str) -> set[int]:
    """The records that name an account, or refer to an exchange in which it is a side."""
    named, taken = set[int](), set[int]()
    for record in bank.records():
        body = parse(record.bytes)
        request, effects = body["request"], body["effects"]
        people = {request.get(field) for field in ("account", "via", "delegate")} | {record.actor}
        sides = {id for side in ("earners", "spenders") for id, _ in request.get(side, ())}
        sides |= {request["account"]} if record.kind == "due" else set()
        if account in sides or {effects.get("reverses"), effects.get("resolves")} & taken:
            taken.add(record.sequence)
        if account in people:
            named.add(record.sequence)
    return named | taken


def test_personal_data_reads_like_what_was_entered() -> None:
    """Text, hours, days; an erased text is named, and is not there."""
    clock = Clock()
    bank = timebank.open("memory:", **sources(clock))
    bank.open_account("m1", name="Maria", floor=-5, joined_on=date(2026, 1, 2))
    bank.open_account("f1")
    bank.rename("m1", "Mara")
    bank.set_limits("m1", ceiling="9:30")
    bank.name_delegate("m1", "luca")
    bank.name_delegate("f1", "m1")
    bank.transfer(
        earner="m1",
        spender="f1",
        hours="1:30",
        id="t",
        note="clinic",
        tags=["car"],
        via="f1",
        occurred_on=date(2026, 3, 1),
        source={"page": "12"},
    )
    bank.hold(earner="f1", spender="m1", hours=1, id="h", expires_in=timedelta(days=2), note="plan")
    bank.acting_as("m1").freeze("f1", reason="not hers")
    found = bank.personal_data("m1")
    assert ("Mara", "-5:00", "9:30", "2026-01-02") == tuple(
        found["account"][field] for field in ("name", "floor", "ceiling", "joined_on")
    )
    assert {"posted": "1:30", "held": "1:00", "incoming": "0:00"} == found["balance"]
    assert ["Maria", "Mara", None, None] == [one.get("name") for one in found["events"]]
    assert "9:30" == found["events"][2]["ceiling"]
    assert "luca" == found["events"][3]["delegate"]
    (exchange,) = found["exchanges"]
    assert ("1:30", "0:00", ["f1"], "clinic", "2026-03-01", ["car"], {"page": "12"}) == tuple(
        exchange[field]
        for field in ("earned", "spent", "with", "note", "occurred_on", "tags", "source")
    )
    (hold,) = found["holds"]
    assert ("open", "plan", "1:00") == (hold["status"], hold["note"], hold["spent"])
    assert [["delegate"], ["actor"]] == [one["as"] for one in found["mentions"]]
    assert "not hers" not in json.dumps(found)
    bank.erase("m1", reason=WHY)
    found = bank.personal_data("m1")
    assert (None, ["note"]) == (found["exchanges"][0]["note"], found["exchanges"][0]["erased"])
    assert ["name"] == found["events"][0]["erased"]
    assert not {"Maria", "Mara", "clinic", "plan"} & set(json.dumps(found).split('"'))


def test_personal_data_of_a_merged_account_is_that_of_the_one_that_it_became() -> None:
    """Both histories, each record once; amendments with what was and what is."""
    bank = corrected()
    found = json.loads(json.dumps(bank.personal_data("m1")))
    assert ["m1-again"] == [one["id"] for one in found["merged"]]
    assert ("3:00", "0:00") == (
        found["balance"]["posted"],
        bank.personal_data("m1-again")["balance"]["posted"],
    )
    assert ["1:00", "2:00"] == [one["earned"] for one in found["exchanges"]]
    amended = found["exchanges"][1]
    assert ("the pharmacy", "09:30") == (amended["note"], amended["started_at"])
    assert [["to the clinic", "the pharmacy"]] == [
        one["changes"]["note"] for one in amended["amendments"]
    ]
    (mention,) = found["mentions"]
    assert ("t2", ["side"], "told by Maria") == tuple(mention[f] for f in ("id", "as", "reason"))
    events = [one["event"] for one in found["events"]]
    assert ["open_account", "open_account", "amend_account", "merge"] == events
    assert "by her card" == found["events"][2]["reason"]


def test_personal_data_of_nobody(bank: TimeBank) -> None:
    """Clear errors."""
    with pytest.raises(AccountNotFound):
        bank.personal_data("nobody")
    with pytest.raises(InvalidRequest):
        bank.personal_data("")


# -- any history ---------------------------------------------------------------------------


class Model:
    """A bank, and whose each of its texts is."""

    def __init__(self, bank: TimeBank) -> None:
        self.bank = bank
        self.left: dict[tuple[int, str], set[str]] = {}
        for id in ("a", "b", "c"):
            bank.open_account(id, name=id, floor=None)
            self.left[bank.head().sequence, "name"] = {id}

    def write(self, step: str, id: str, number: int) -> None:
        """A call that writes a text, and whose text it is."""
        bank, other, before = self.bank, "b" if id == "a" else "a", self.bank.head()
        pair: dict[str, Any] = {"earner": id, "spender": other, "hours": 1, "note": "n"}
        made: Any = None
        match step:
            case "pay":
                made = bank.transfer(**pair, id=f"t{number}")
            case "hold":
                made = bank.hold(**pair, id=f"h{number}")
            case "name":
                bank.rename(id, f"name {number}")
            case "void":
                made = bank.void(f"h{number}", reason="r")
            case "undo":
                made = bank.reverse(f"t{number}", reason="r", hours="0:01")
        if bank.head() != before:  # a repeated call appends nothing
            field = {"name": "name", "pay": "note", "hold": "note"}.get(step, "reason")
            owners = {id} if made is None else {posting.account for posting in made.postings}
            self.left[bank.head().sequence, field] = owners

    def erase(self, step: str, id: str, number: int) -> None:
        """Of an account, or of a record."""
        if step == "record":
            gone = [place for place in self.left if place[0] == number]
            done = self.bank.erase(record=number, reason="why")
        else:
            gone = [place for place, owners in self.left.items() if id in owners]
            done = self.bank.erase(id, reason="why")
        assert len(gone) == done.texts
        for place in gone:
            del self.left[place]
        if gone:
            self.left[self.bank.head().sequence, "reason"] = set()


@given(
    steps=st.lists(
        st.tuples(
            st.sampled_from(["pay", "name", "hold", "void", "undo", "erase", "record"]),
            st.sampled_from(["a", "b", "c"]),
            st.integers(1, 12),
        ),
        max_size=25,
    ),
    url=st.sampled_from(STORES),
)
def test_any_history_has_what_was_not_erased(steps: list[tuple[str, str, int]], url: str) -> None:
    """And audits clean, and is the same after a rebuild."""
    with timebank.open(url, **sources()) as bank:
        model = Model(bank)
        for step, id, number in steps:
            with suppress(timebank.TimebankError):
                (model.erase if step in {"erase", "record"} else model.write)(step, id, number)
        assert model.left.keys() == texts(bank).keys()
        assert () == bank.audit().findings
        bank.rebuild()
        assert model.left.keys() == texts(bank).keys()
        assert () == bank.audit().findings
