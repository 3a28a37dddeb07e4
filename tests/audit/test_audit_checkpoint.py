"""Going on from a checkpoint finds what a full audit finds of what is new, and knows the same."""

from __future__ import annotations

import copy
import json
import os
import random
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import timebank
from audit.forgeries import FORGERIES, Forgery, small
from servers import ON_SERVERS, SERVERS, drop_database, new_database
from support import Clock, fill, fill_with_members, fill_with_rules, sources
from timebank import (
    Demurrage,
    Donate,
    Dues,
    Head,
    InvalidRequest,
    Statute,
    TimeBank,
    TimebankError,
    Welcome,
    WriteOff,
)
from timebank.audit import Checkpoint, audit
from timebank.journal import genesis
from timebank.model import PostingRow
from timebank.storage import open_store
from timebank.storage.protocol import Batch

LIFE = Statute(
    version="life",
    welcome=Welcome(hours=1, fund="fund", due_back=True),
    dues=[
        Dues(hours="0:20", fund="fund", every="month", first_period="days"),
        Dues(hours="0:30", fund="fund", every="once", name="joining"),
    ],
    demurrage=Demurrage(share="1/7", above="0:30", fund="fund", every="month"),
)
STEPS: dict[str, Callable[[TimeBank, str, str, int], object]] = {
    "pay": lambda b, x, y, n: b.transfer(earner=x, spender=y, hours=1, id=f"t{n}", note="n"),
    "hold": lambda b, x, y, n: b.hold(
        earner=x, spender=y, hours=2, id=f"h{n}", expires_in=timedelta(days=n)
    ),
    "settle": lambda b, _, __, n: b.settle(f"h{n}", hours="0:40"),
    "void": lambda b, _, __, n: b.void(f"h{n}", reason="r"),
    "undo": lambda b, _, __, n: b.reverse(f"t{n}", reason="r", hours="0:07"),
    "name": lambda b, x, _, n: b.rename(x, f"name {n}"),
    "freeze": lambda b, x, _, __: b.freeze(x, reason="r"),
    "thaw": lambda b, x, _, __: b.thaw(x),
    "due": lambda b, _, __, ___: b.run_due(),
    "leave": lambda b, x, _, __: b.leave(x, disposal=[Donate("fund"), WriteOff("fund")]),
    "return": lambda b, x, _, __: b.reopen(x),
    "delegate": lambda b, x, y, _: b.name_delegate(x, y),
    "end": lambda b, x, y, _: b.end_delegate(x, y),
    "adopt": lambda b, _, __, n: b.adopt(LIFE if n % 2 else Statute(version=f"v{n}")),
    "erase": lambda b, x, _, __: b.erase(x, reason="asked"),
    "open": lambda b, _, __, n: b.open_account(f"new{n}", name="New"),
    "amend": lambda b, x, _, n: b.amend(f"{'th'[n % 2]}{n}", reason="r", area=x, note=f"n{n % 2}"),
    "join": lambda b, x, _, n: b.amend_account(x, reason="r", joined_on=day(b, n)),
    "group": lambda b, x, _, n: b.amend_account(x, reason="r", kind=["member", "group"][n % 2]),
    "close": lambda b, _, __, n: b.close_books(through=day(b, n), reason="r"),
    "merge": lambda b, x, y, _: b.merge(x, into=y, reason="r"),
}


def day(bank: TimeBank, number: int) -> date | None:
    """A day so many months ago, or none."""
    today = bank._sources.clock().date()
    return None if number == 4 else today - timedelta(days=28 * number - 20)


@given(
    st.lists(
        st.tuples(
            st.sampled_from(sorted(STEPS)),
            st.sampled_from(["a", "b", "fund"]),
            st.sampled_from(["a", "b", "c"]),
            st.integers(1, 4),
        ),
        max_size=20,
    ),
    st.data(),
)
def test_it_goes_on_from_anywhere(steps: list[tuple[str, str, str, int]], data: Any) -> None:
    """Any history: from any of its checkpoints nothing is found, and the same is known."""
    clock = Clock()
    bank = timebank.open("memory:", **sources(clock))
    for id in ("a", "b", "c", "fund"):
        bank.open_account(id, kind="fund" if id == "fund" else "member", name=id)
    bank.adopt(LIFE)
    kept = [saved(bank)]
    for step, one, other, number in steps:
        clock.now += timedelta(days=number * 5)
        with suppress(TimebankError):
            STEPS[step](bank, one, other, number)
        kept.append(saved(bank))
    chosen = data.draw(st.integers(0, len(kept) - 1), label="checkpoint")
    checkpoint = Checkpoint.from_bytes(kept[chosen])
    report = bank.audit(since=checkpoint)
    assert () == report.findings
    assert bank.head().sequence - checkpoint.head.sequence == report.records
    assert report.checkpoint is not None
    assert json.loads(kept[-1]) == json.loads(report.checkpoint.to_bytes())


def saved(bank: TimeBank) -> bytes:
    """The checkpoint of a full audit, which is well."""
    report = bank.audit()
    assert () == report.findings
    assert report.checkpoint is not None
    return report.checkpoint.to_bytes()


def test_a_bank_with_everything_goes_on(tmp_path: Path) -> None:
    """Holds, fees, flags, dues: from each of three moments, through a file."""
    clock = Clock()
    bank = timebank.open("memory:", **sources(clock))
    paths = []
    parts: list[Callable[[], object]] = [
        lambda: fill(bank),
        lambda: fill_with_rules(bank),
        lambda: fill_with_members(bank, clock),
    ]
    for number, part in enumerate(parts):
        part()
        paths.append(tmp_path / f"{number}")
        checkpoint = bank.audit().checkpoint
        assert checkpoint is not None
        checkpoint.save(paths[-1])
    bank.reverse("shared", reason="more", hours="0:30")
    for path in paths:
        report = bank.audit(since=Checkpoint.load(path))
        assert () == report.findings
        assert Checkpoint.load(path).head.sequence == report.since
    assert ["0", "1", "2"] == sorted(path.name for path in tmp_path.iterdir())


# -- what is wrong in what is new ----------------------------------------------------------


@pytest.fixture
def forgery() -> Forgery:
    """A journal to lie in."""
    return small()


@pytest.mark.parametrize(
    ("forge", "checks"), FORGERIES, ids=lambda case: getattr(case, "__name__", "")
)
def test_a_forged_tail_is_found_as_by_a_full_audit(
    forgery: Forgery, forge: Callable[[Forgery], None], checks: set[str]
) -> None:
    """The same findings, where what came before the checkpoint is as it was."""
    checkpoint = forgery.audited().checkpoint
    assert checkpoint is not None
    records, texts = copy.deepcopy(forgery.records), list(forgery.texts)
    forge(forgery)
    store = open_store("memory:", create=True)
    store.make_bank("main", journal=forgery.records[0]["journal"])
    with store.writer("main") as writer:
        writer.append(forgery.batch())
    with store.reader("main") as reader:
        full, since = audit(reader), audit(reader, since=checkpoint)
    if forgery.records[: len(records)] != records:
        assert ["published"] == [finding.check for finding in since.findings]
    elif [text for text in forgery.texts if text.sequence <= len(records)] == texts:
        assert full.findings == since.findings
        assert checks <= {finding.check for finding in since.findings}


def test_another_journal_is_a_finding() -> None:
    """Another bank, or the same one cut off, or gone its own way; nothing else is told."""
    first, second = timebank.open("memory:"), timebank.open("memory:")
    for bank in (first, second):
        bank.open_account("m1")
        bank.open_account("m2")
    checkpoint = first.audit().checkpoint
    assert checkpoint is not None
    (finding,) = second.audit(since=checkpoint).findings
    assert ("published", "head 2, published") == (finding.check, finding.place)
    longer = attrs_head(checkpoint, sequence=9)
    (finding,) = first.audit(since=longer).findings
    assert "no such record" == finding.found


def attrs_head(checkpoint: Checkpoint, *, sequence: int) -> Checkpoint:
    """The same checkpoint at another place."""
    head = Head(checkpoint.head.journal, sequence, checkpoint.head.digest)
    return Checkpoint(head, checkpoint.state)


def test_derived_rows_of_before_are_looked_at_in_part() -> None:
    """An account's own row, its last balance, and the open holds."""
    bank = timebank.open("memory:")
    for id in ("m1", "m2"):
        bank.open_account(id)
    bank.transfer(earner="m1", spender="m2", hours=1)
    bank.hold(earner="m1", spender="m2", hours=1)
    checkpoint = bank.audit().checkpoint
    with bank.store.writer("main") as writer:
        writer.append(Batch(resolved=[4]))
    assert ["derived", "derived"] == [one.check for one in bank.audit(since=checkpoint).findings]


def test_any_number_of_audits_go_on_from_one_checkpoint() -> None:
    """None changes what it says: a delegate, dues that are charged once, a merge."""
    clock = Clock()
    bank = timebank.open("memory:", **sources(clock))
    for id in ("a", "b", "c", "fund"):
        bank.open_account(id, kind="fund" if id == "fund" else "member")
    checkpoint = Checkpoint.from_bytes(saved(bank))
    known = checkpoint.to_bytes()
    bank.adopt(LIFE)
    bank.name_delegate("a", "b")
    clock.now += timedelta(days=70)
    bank.run_due()
    bank.merge("a", into="c", reason="r")
    for _ in range(3):
        report = bank.audit(since=checkpoint)
        assert () == report.findings
        assert known == checkpoint.to_bytes()


def test_what_an_audit_since_a_checkpoint_asks_does_not_grow_with_accounts_each() -> None:
    """Nor with the records before: what is asked is asked of many at once."""
    asked = [asked_since(accounts, before) for accounts, before in ((40, 30), (400, 30), (40, 900))]
    assert max(asked) - min(asked) <= 12  # pages of accounts, records and tiles


def asked_since(accounts: int, before: int) -> int:
    """How many questions a store is asked where every account has moved since."""
    bank = timebank.open("sqlite://", **sources())
    ids = [f"m{number}" for number in range(accounts)]
    with bank.batch() as batch:
        for id in ids:
            batch.open_account(id, kind="fund")
        for number in range(before):
            batch.transfer(earner=ids[0], spender=ids[number % 9 + 1], hours=1)
    checkpoint = bank.audit().checkpoint
    with bank.batch() as batch:
        for one, other in pairwise(ids[:40]):
            batch.transfer(earner=one, spender=other, hours=1)
    with bank.store.reader("main") as reader:
        counted = Asked(reader)
        assert audit(counted, since=checkpoint).ok
    bank.close()
    return counted.number


class Asked:
    """A reader that counts what it is asked."""

    def __init__(self, reader: Any) -> None:
        self._reader, self.number = reader, 0

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._reader, name)

        def ask(*values: Any, **named: Any) -> Any:
            self.number += 1
            return found(*values, **named)

        return ask


@pytest.mark.parametrize("version", ["x", b"x", 2**60, 4, 2.5])
@pytest.mark.parametrize("account", ["moved", "still", "idle"])
def test_a_row_behind_the_last_is_found_whatever_it_is(version: Any, account: str) -> None:
    """Of an account that moved since the checkpoint, before, or never: as each alone tells it."""
    bank = timebank.open("sqlite://", **sources())
    for id in ("moved", "still", "idle"):
        bank.open_account(id)
    for _ in range(2):
        bank.transfer(earner="moved", spender="still", hours=1)
    checkpoint = bank.audit().checkpoint
    bank.open_account("other")
    bank.transfer(earner="moved", spender="other", hours=1)
    assert bank.audit(since=checkpoint).ok
    with bank.store.writer("main") as writer:
        connection = writer.connection()  # type: ignore[attr-defined]  # SQLite's
        connection.execute("PRAGMA ignore_check_constraints = ON")
        connection.execute(
            "INSERT INTO timebank_postings VALUES ('main', ?, ?, 5, 60, 60, '2026-03-02')",
            (account, version),
        )
    with bank.store.reader("main") as reader:
        found = audit(reader, since=checkpoint)
        alone = audit(One(reader), since=checkpoint)
    bank.close()
    assert found == alone
    assert "derived" in {one.check for one in found.findings}


class One(Asked):
    """A reader that answers of one account at a time alone."""

    def __getattr__(self, name: str) -> Any:
        """All but what is asked of many."""
        if name in {"last_postings", "postings_between", "postings_behind"}:
            raise AttributeError(name)
        return super().__getattr__(name)


# -- the file --------------------------------------------------------------------------------


@pytest.fixture
def content() -> bytes:
    """A checkpoint."""
    bank = timebank.open("memory:", **sources())
    fill(bank)
    return saved(bank)


def test_damage_is_told(content: bytes) -> None:
    """Any byte that is another, any end that is missing."""
    for place in range(0, len(content) - 1, 97):
        damaged = bytearray(content)
        damaged[place] ^= 1
        with pytest.raises(InvalidRequest, match="checkpoint"):
            Checkpoint.from_bytes(bytes(damaged))
    for end in (0, 1, 50, len(content) - 2):
        with pytest.raises(InvalidRequest, match="checkpoint"):
            Checkpoint.from_bytes(content[:end])


@given(
    st.binary()
    | st.recursive(st.none() | st.integers() | st.text(), st.lists).map(
        lambda value: json.dumps({"format": "timebank-checkpoint/5", "state": value}).encode()
    )
)
def test_no_content_crashes_it(content: bytes) -> None:
    """One clear error."""
    with pytest.raises(InvalidRequest, match="checkpoint"):
        Checkpoint.from_bytes(content)


def test_what_is_forged_with_a_right_digest_crashes_nothing(content: bytes) -> None:
    """Parts that are missing, or of another type: an error, or findings; never a crash."""
    bank = timebank.open("memory:", **sources())
    fill(bank)
    checkpoint = Checkpoint.from_bytes(content)
    for part in checkpoint.state():
        values: list[Any] = [None, 3, "x", [], {}, [[1]], {"m1": None}, {"m1": {}}]
        for value in values:
            with suppress(InvalidRequest):
                bank.audit(since=knowing(checkpoint, checkpoint.state() | {part: value}))
        state = {name: kept for name, kept in checkpoint.state().items() if name != part}
        with pytest.raises(InvalidRequest, match="cannot be used"):
            bank.audit(since=knowing(checkpoint, state))


def test_whatever_is_forged_within_it_crashes_nothing(content: bytes) -> None:
    """Any value as any part of it: an error or a report, from which the next can go on."""
    clock = Clock()
    bank = timebank.open("memory:", **sources(clock))
    fill(bank)
    checkpoint = Checkpoint.from_bytes(content)
    fill_with_rules(bank)
    fill_with_members(bank, clock)
    values: list[Any] = [None, -1, 2**53 - 1, "", "2026-02-31", [], {}, [[]], ["x", 3], {"a": 1}]
    places = list(within(checkpoint.state()))
    rng = random.Random(0)
    for place in rng.sample(places, 150):
        state = copy.deepcopy(checkpoint.state())
        part: Any = state
        for step in place[:-1]:
            part = part[step]
        part[place[-1]] = rng.choice(values)
        with suppress(InvalidRequest):
            report = bank.audit(since=knowing(checkpoint, state))
            if report.checkpoint is not None:
                assert bank.audit(since=Checkpoint.from_bytes(report.checkpoint.to_bytes())).ok


@pytest.mark.parametrize(
    "forged", [{"kind": "member"}, {"changes": 3}, {"changes": [["2026-03-02"]]}, {"merged": None}]
)
def test_a_history_that_cannot_be_is_refused_when_it_is_asked_for(forged: dict[str, Any]) -> None:
    """The checkpoint is told to be wrong, and not the bank."""
    bank = timebank.open("memory:", **sources())
    bank.open_account("m1")
    checkpoint = bank.audit().checkpoint
    assert checkpoint is not None
    state = copy.deepcopy(checkpoint.state())
    known = state["effects"]["accounts"]["m1"]
    known["history"] = forged if "kind" in forged else known["history"] | forged
    assert bank.audit(since=knowing(checkpoint, state)).ok
    bank.freeze("m1", reason="away")
    with pytest.raises(InvalidRequest, match="this checkpoint cannot be used"):
        bank.audit(since=knowing(checkpoint, state))


def within(value: Any, *path: Any) -> Iterator[tuple[Any, ...]]:
    """The ways to all the parts of a JSON value."""
    steps = value if isinstance(value, dict) else range(len(value) if type(value) is list else 0)
    for step in steps:
        yield (*path, step)
        yield from within(value[step], *path, step)


def knowing(checkpoint: Checkpoint, state: dict[str, Any]) -> Checkpoint:
    """The same checkpoint that knows something else."""
    return Checkpoint(checkpoint.head, lambda: state)


def test_it_is_saved_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was there stays where the new one cannot be written."""
    old, checkpoint = (timebank.open("memory:").audit().checkpoint for _ in range(2))
    assert old is not None
    assert checkpoint is not None
    path = tmp_path / "kept"
    old.save(path)

    def failing(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", failing)
    with pytest.raises(OSError, match="No space"):
        checkpoint.save(path)
    assert (old.to_bytes(), [path]) == (path.read_bytes(), list(tmp_path.iterdir()))


def test_only_a_checkpoint_is_overwritten(tmp_path: Path) -> None:
    """Not a bank's file, a folder or a device, whatever it was called for; a link is followed."""
    with timebank.open(f"sqlite:///{tmp_path / 'bank.db'}") as bank:
        checkpoint = bank.audit().checkpoint
    assert checkpoint is not None
    content = (tmp_path / "bank.db").read_bytes()
    (tmp_path / "text").write_text('{"digest":"sha256:0"}', "utf-8")
    for name in ("bank.db", "text"):
        with pytest.raises(InvalidRequest, match=f"{name}' is no checkpoint, and is not overwr"):
            checkpoint.save(tmp_path / name)
    for other in (tmp_path, "", os.devnull):
        with pytest.raises(InvalidRequest, match="that is no file"):
            checkpoint.save(other)
    with pytest.raises(InvalidRequest, match="there is no such folder"):
        checkpoint.save(tmp_path / "nowhere" / "kept")
    assert content == (tmp_path / "bank.db").read_bytes()
    (tmp_path / "empty").touch()
    (tmp_path / "link").symlink_to("empty")
    for _ in range(2):
        checkpoint.save(tmp_path / "link")
        assert checkpoint.head == Checkpoint.load(tmp_path / "empty").head
    assert ["bank.db", "empty", "link", "text"] == sorted(one.name for one in tmp_path.iterdir())


def test_where_there_are_findings_there_is_none() -> None:
    """Nobody goes on from what is wrong."""
    bank = timebank.open("memory:")
    bank.open_account("m1")
    with bank.store.writer("main") as writer:
        writer.append(Batch(anew=True))
    report = bank.audit()
    assert (False, None) == (report.ok, report.checkpoint)


# -- published heads -------------------------------------------------------------------------


def test_every_head_that_was_published_is_found() -> None:
    """As an object or as its line, the empty journal's too, by each kind of audit."""
    bank = timebank.open("memory:")
    heads: list[Head | str] = [bank.head()]
    for number in range(5):
        bank.open_account(f"m{number}")
        heads += [bank.head(), f"  {bank.head()}\n"]
    checkpoint = bank.audit().checkpoint
    ways: list[dict[str, Any]] = [{}, {"quick": True}, {"since": checkpoint}]
    for how in ways:
        report = bank.audit(expect=heads, **how)
        assert () == report.findings
        assert "published" in report.checks
    assert "published" not in bank.audit().checks


@pytest.mark.parametrize("how", [{}, {"quick": True}])
def test_a_head_that_is_not_there_is_a_finding(how: dict[str, Any]) -> None:
    """Of another journal, of the future, of another past."""
    bank = timebank.open("memory:")
    bank.open_account("m1")
    head = bank.head()
    for wrong in (
        Head("another", 1, head.digest),
        Head(head.journal, 2, head.digest),
        Head(head.journal, 1, genesis(head.journal)),
        Head(head.journal, 0, head.digest),
    ):
        (finding,) = bank.audit(expect=[wrong], **how).findings
        assert ("published", f"head {wrong.sequence}, published") == (finding.check, finding.place)


@pytest.mark.parametrize("line", ["", "timebank/1 j 1", "timebank/2 j 1 " + "0" * 64, 3, b""])
def test_what_is_no_head_is_refused(line: Any) -> None:
    """Before anything is read."""
    with pytest.raises(InvalidRequest, match="a head is a line like"):
        timebank.open("memory:").audit(expect=[line])


journals = st.text(min_size=1).filter(lambda text: text == text.strip() and text.isprintable())


@given(journals, st.integers(0, 2**53))
def test_a_line_is_read_as_it_was_printed(journal: str, sequence: int) -> None:
    """Whatever the journal's id is, blanks within it too."""
    head = Head(journal, sequence, bytes(range(32)))
    assert head == Head.of(str(head))


# -- the quick audit -------------------------------------------------------------------------


@pytest.mark.parametrize("url", ["memory:", "sqlite://"])
def test_a_quick_audit_of_all_that_there_is(url: str) -> None:
    """Nothing is found in what is well, of whatever history."""
    clock = Clock()
    with timebank.open(url, **sources(clock)) as bank:
        assert bank.audit(quick=True).ok
        fill(bank)
        fill_with_rules(bank)
        fill_with_members(bank, clock)
        report = bank.audit(quick=True)
        assert () == report.findings
        full = bank.audit()
        assert (full.records, full.accounts) == (report.records, report.accounts)


def test_a_quick_audit_goes_on_from_nothing() -> None:
    """One or the other."""
    bank = timebank.open("memory:")
    with pytest.raises(InvalidRequest, match="choose one of the two"):
        bank.audit(quick=True, since=bank.audit().checkpoint)


def spoiled(bank: TimeBank) -> None:
    """By the store's own writer: a balance that is no sum, and an hour that nobody spent."""
    with bank.store.reader("main") as reader:
        accounts = {row.account: row for row in reader.accounts(after=None, limit=99)}
        rows = {id: reader.postings(id, after=0, limit=99) for id in accounts}
    rows["m1"][1] = rows["m1"][1]._replace(balance=1)
    rows["f1"][-1] = rows["f1"][-1]._replace(seconds=rows["f1"][-1].seconds + 3600)
    postings = sorted((row for found in rows.values() for row in found), key=sequence_of)
    with bank.store.writer("main") as writer:
        writer.append(Batch(anew=True, accounts=accounts, postings=postings))


def sequence_of(row: PostingRow) -> int:
    """Of its record."""
    return row.sequence


@pytest.mark.parametrize("store", ["memory", "sqlite", *ON_SERVERS])
def test_every_store_is_asked_for_the_same_sums(store: str) -> None:
    """In the language of a database or by reading; a checkpoint serves on each of them too."""
    clock = Clock()
    url = new_database(store) if store in SERVERS else {"sqlite": "sqlite://"}.get(store, "memory:")
    with timebank.open(url, **sources(clock)) as bank:
        fill(bank)
        checkpoint = Checkpoint.from_bytes(saved(bank))
        fill_with_rules(bank)
        fill_with_members(bank, clock)
        assert () == bank.audit(quick=True).findings
        assert () == bank.audit(since=checkpoint).findings
        spoiled(bank)
        findings = bank.audit(quick=True).findings
        assert {"derived", "zero-sum"} == {one.check for one in findings}
        assert ("posting 2 of account 'm1'", "balance 0:00:01") in {
            (one.place, one.found) for one in findings
        }
    if store in SERVERS:
        drop_database(url)
