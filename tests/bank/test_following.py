"""What is known of a bank follows what others write: as if it had been read anew."""

from __future__ import annotations

import copy
import random
from collections import Counter
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

import timebank
from random_banks import Walk
from support import examples, sources
from timebank import BankBatch, TimeBank, federation
from timebank.bank.following import _STEPS, MOST, KnownState, follow
from timebank.bank.session import Session, Sources
from timebank.contrib import cheques
from timebank.journal import canonical, digest, parse
from timebank.journal.kinds import KINDS
from timebank.model import RecordRow
from timebank.model.agreements import SeenHead
from timebank.rules.agreements import Readmit
from timebank.storage.protocol import Store
from timebank.testing.steps import SteppingStore

#: What changes more than accounts.
RARE = {"adopt", "restart_clock", "close_books", "history_lost", "merge"}


def read(reader: Any, accounts: list[str]) -> KnownState:
    """What is known by reading at the head, with some accounts looked at."""
    session = Session(reader, Sources())
    session.load(accounts)
    return session.known


def shown(known: KnownState) -> Any:
    """All that a judge may see of it; a hold that has expired counts for nothing."""
    fold = known.fold
    holds = {
        (account, row)
        for account, rows in fold.holds.items()
        for row in rows.values()
        if row.expires_at > known.recorded_at
    }
    values = attrs.asdict(known, recurse=False)
    del values["fold"], values["followed"]
    lines = {
        (sequence, account)
        for sequence, accounts in fold.lines.items()
        for account in accounts
        if fold.holds[account][sequence].expires_at > known.recorded_at
    }
    assert lines == {(row.sequence, account) for account, row in holds}
    return values, fold.accounts, fold.balances, fold.closed_through, holds


TERMS: dict[str, Any] = {"they_may_owe": 20, "we_may_owe": 20}
HEAD = SeenHead(size=9, root="00" * 32)


def refuse(bank: TimeBank) -> None:
    """Refuse an offer of the bank next door, by an address that is nobody's."""
    other = TimeBank(bank.store, bank="next door", clock=sources()["clock"])
    other.open_account("p1")
    for one, peer in ((bank, other), (other, bank)):
        federation.agree(one, peer, **TERMS)
    federation.transfer(other, bank, spender="p1", earner="nobody", hours=1)


def cheque(bank: TimeBank) -> None:
    """Give out a booklet of cheques, and void one."""
    cheques.void(bank, cheques.issue(bank, "pot").numbers[0])


#: What a walk seldom does.
SELDOM: tuple[Callable[[TimeBank], object], ...] = (
    lambda bank: federation.agree(bank, "elsewhere", **TERMS),
    lambda bank: federation.suspend(bank, "elsewhere", reason="so"),
    lambda bank: bank._execute(Readmit.of("elsewhere", head=HEAD, reason="so")),
    lambda bank: federation.end(bank, "elsewhere", reason="so"),
    refuse,
    cheque,
    lambda bank: bank.freeze("pot"),
    lambda bank: bank.thaw("pot"),
    lambda bank: bank.close_account("pot"),
    lambda bank: bank.reopen("pot"),
    lambda bank: bank.name_delegate("pot", "luca"),
    lambda bank: bank.end_delegate("pot", "luca"),
)


class Followed(Walk):
    """A walk beside which what was known at three moments follows, in longer and shorter steps."""

    def __init__(self, seed: int) -> None:
        super().__init__(seed)
        self.chooser = random.Random(seed)
        self.known: list[KnownState | None] = [None, None, None]
        #: The kinds of record that were followed.
        self.kinds: set[str] = set()

    def step(self) -> None:
        """Take one step; some of what is known follows it, and those before."""
        super().step()
        (number,) = self.chooser.choices((0, 1, 2, 3), (6, 2, 1, 1))
        if number < len(self.known):
            self.look(number)

    def look(self, number: int) -> None:
        """Have what was known follow, look at more accounts, and know these as well."""
        with self.bank.store.reader("main") as reader:
            known = self.looked(reader, self.known[number])
            some = self.chooser.sample(self.accounts, 2)
            session: Session = Session(reader, Sources(), known)  # type: ignore[arg-type]  # it only reads
            session.load([*some, f"a{self.chooser.randrange(99)}"])  # or one to be opened
            self.known[number] = session.known

    def looked(self, reader: Any, known: KnownState | None) -> KnownState | None:
        """What follows is as if read; what does not has met a record of a rare kind."""
        head = reader.head()
        if known is None or known.sequence == head.sequence:
            return known
        accounts, behind = list(known.fold.accounts), head.sequence - known.sequence
        kinds = {row.kind for row in reader.records(after=known.sequence, limit=behind)}
        found = follow(known, reader, head)
        assert (found is None) == (bool(kinds & RARE) or behind > MOST)
        if found is not None:
            assert shown(read(reader, accounts)) == shown(found)
            self.kinds |= kinds
        return found


@examples(40)
@given(st.integers(0, 2**32))
def test_what_follows_is_what_would_be_read(seed: int) -> None:
    """After any calls, of any kind: accounts, balances, holds, rules and the instant."""
    Followed(seed).walk(60)


def test_each_kind_is_followed_or_rare() -> None:
    """A new kind of record belongs to one of the two; a walk meets all that are followed."""
    assert set(KINDS) == RARE | set(_STEPS)
    seen: set[str] = set()
    for seed in range(24):
        walk = Followed(seed)
        walk.walk(60)
        seen |= walk.kinds
    walk = Followed(8)
    for call in SELDOM:
        walk.look(0)
        call(walk.bank)
    walk.look(0)
    assert set(_STEPS) == seen | walk.kinds


class Alternating(Walk):
    """A walk of which each step is made by one of three processes, as it were."""

    def __init__(self, seed: int) -> None:
        super().__init__(seed)
        self.chooser = random.Random(seed)
        stores = [SteppingStore(self.bank.store, lambda _: None) for _ in range(3)]
        self.banks = [TimeBank(store, **self.sources) for store in stores]

    def step(self) -> None:
        """Take one step in one of them."""
        self.bank = self.chooser.choice(self.banks)
        super().step()


@examples(40)
@given(st.integers(0, 2**32))
def test_several_processes_write_what_one_would(seed: int) -> None:
    """Each keeps a state of its own, and the journal is that of one process alone."""
    assert Walk(seed).walk(60).head() == Alternating(seed).walk(60).head()


class Counting(SteppingStore):
    """A store that counts what is asked of it."""

    def __init__(self, store: Store) -> None:
        self.asked: Counter[str] = Counter()
        super().__init__(store, lambda step: self.asked.update([step]))

    def calls(self, work: Callable[[], object]) -> dict[str, int]:
        """How often a reader or writer was asked each thing by some work."""
        self.asked.clear()
        work()
        steps = ("head", "records", "find", "account", "last_posting", "holds_of", "statutes")
        found = {step: self.asked[f"before {step}"] for step in steps}
        return {step: number for step, number in found.items() if number}


def two_processes() -> tuple[Counting, TimeBank, TimeBank]:
    """Two banks as of two processes, of which the calls of the first are counted."""
    store = timebank.open("memory:", **sources()).store
    counting, given = Counting(store), sources()
    first, second = (TimeBank(one, **given) for one in (counting, SteppingStore(store, ignore)))
    for account in ("m1", "m2"):
        first.open_account(account, floor=None)
    return counting, first, second


def ignore(_: str) -> None:
    """Do nothing at a step."""


def post(bank: TimeBank | BankBatch, id: str) -> object:
    """Make a transfer."""
    return bank.transfer(earner="m1", spender="m2", hours="0:01", id=id)


def test_what_others_wrote_is_one_question() -> None:
    """A transfer after those of another process reads their records, and no account anew."""
    counting, first, second = two_processes()
    post(first, "a")
    assert {"head": 1, "find": 1} == counting.calls(lambda: post(first, "b"))
    for id in "cde":
        post(second, id)
    assert {"head": 1, "find": 1, "records": 1} == counting.calls(lambda: post(first, "f"))


def test_many_records_are_not_read() -> None:
    """Beyond a bound it is less to look at the accounts again; a rare kind begins anew too."""
    counting, first, second = two_processes()
    post(first, "a")
    with second.batch() as batch:
        for number in range(MOST + 1):
            post(batch, f"b{number}")
    anew = {"head": 2, "find": 1, "records": 2, "account": 2, "last_posting": 2, "holds_of": 2}
    assert anew | {"statutes": 1} == counting.calls(lambda: post(first, "c"))
    second.adopt(timebank.Statute(version="2"))
    found = counting.calls(lambda: post(first, "d"))
    assert (2, 2) == (found["account"], found["last_posting"])


def reader_of(rows: list[RecordRow]) -> Any:
    """A reader that has some records, and nothing else."""
    return SimpleNamespace(records=lambda **_: rows)


Damage = Callable[[list[RecordRow]], list[RecordRow]]


def changed(number: int, **values: Any) -> Damage:
    """Change a row, and leave the chain as it was."""
    return lambda rows: [
        row._replace(**values) if place == number else row for place, row in enumerate(rows)
    ]


def forged(number: int, **values: Any) -> Damage:
    """Change what a record says, and make the chain anew."""

    def change(rows: list[RecordRow]) -> list[RecordRow]:
        made, end = [], START
        for place, row in enumerate(rows):
            body = parse(row.body)
            bytes_of = canonical(body | (values if place == number else {}))
            end = digest(end, bytes_of)
            made.append(row._replace(digest=end, body=bytes_of))
        return made

    return change


START = bytes(32)
UNFIT: dict[str, Damage] = {
    "a digest": changed(1, digest=bytes(32)),
    "bytes": changed(1, body=b"{}"),
    "a sequence": changed(1, sequence=9),
    "a row too few": lambda rows: rows[:-1],
    "a gap": lambda rows: [rows[0], rows[2]],
    "none": lambda _: [],
    "another kind in its column": changed(1, kind="hold"),
    "another format": forged(1, format="timebank/9"),
    "an unknown kind": forged(1, kind="dance"),
    "effects of none": forged(1, effects=None),
    "no effects": forged(1, effects={}),
    "postings that are none": forged(1, effects={"occurred_on": "2026-03-02", "postings": [5]}),
    "an instant that is none": forged(2, recorded_at="now"),
    "no day": forged(2, recorded_on=None),
}


@pytest.mark.parametrize("damage", UNFIT.values(), ids=UNFIT)
def test_what_does_not_lead_on_is_not_followed(damage: Damage) -> None:
    """Where anything is odd, all is read anew, and who reads the whole tells what it is."""
    _, first, second = two_processes()
    post(first, "a")
    with first.store.reader("main") as reader:
        known = read(reader, ["m1", "m2"])
    for id in "bcd":
        post(second, id)
    with first.store.reader("main") as reader:
        rows, head = reader.records(after=known.sequence, limit=9), reader.head()
    known.digest = START
    rows = forged(9)(rows)  # the same, from another beginning
    head = attrs.evolve(head, digest=rows[-1].digest)
    found = damage(rows)
    if len(found) == len(rows) and found[-1].digest != rows[-1].digest:
        head = attrs.evolve(head, digest=found[-1].digest)
    assert follow(copy.deepcopy(known), reader_of(rows), attrs.evolve(head, digest=rows[-1].digest))
    assert follow(known, reader_of(found), head) is None


@pytest.mark.parametrize("change", [{"journal": "other"}, {"sequence": 2}, {"digest": START}])
def test_another_head_is_not_followed(change: dict[str, Any]) -> None:
    """Of another journal, of before, or of another record: all is read anew."""
    _, first, _ = two_processes()
    post(first, "a")
    with first.store.reader("main") as reader:
        known, head = read(reader, ["m1"]), attrs.evolve(reader.head(), **change)
        assert follow(known, reader, head) is None
