"""What is read after corrections: merged histories, amended labels, closed years."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

import timebank
from support import Clock, sources
from timebank import (
    INHERIT,
    AccountNotFound,
    Band,
    Closing,
    Dues,
    Fee,
    Hours,
    InvalidRequest,
    Statement,
    Statute,
    TimeBank,
    Transfer,
)
from timebank.errors import NotFound, Rejected
from timebank.queries import records as queries_records
from timebank.queries.impact import Group

JOINED = date(2025, 1, 7)
BEGIN = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)
NEW_YEAR_EVE = date(2026, 12, 31)


# -- histories with corrections ------------------------------------------------------------

ids = st.sampled_from(["a", "b", "c", "g", "dup", "twin", "org", "fund"])
members = st.sampled_from(["a", "b", "c", "g", "dup", "twin"])
words = st.sampled_from([None, "care", "mobility", 'a "word"'])
numbers = st.integers(0, 30)
days = st.integers(0, 500)
steps = st.lists(
    st.one_of(
        st.tuples(
            st.just("exchange"),
            st.lists(ids, min_size=1, max_size=2, unique=True),
            st.lists(ids, min_size=1, max_size=2, unique=True),
            days,
            st.tuples(words, words),
        ),
        st.tuples(st.just("hold"), ids, ids, days, st.tuples(words, words)),
        st.tuples(st.just("settle"), numbers),
        st.tuples(st.just("reverse"), numbers, st.integers(0, 2)),
        st.tuples(st.just("amend"), numbers, st.sampled_from(["category", "area"]), words),
        st.tuples(st.just("amend_account"), members, st.integers(0, 3), days),
        st.tuples(st.just("merge"), members, members),
        st.tuples(st.just("end"), members, st.booleans()),
        st.tuples(st.just("wait"), st.integers(1, 60)),
    ),
    max_size=25,
)
closings = st.tuples(st.just("close"), st.integers(-1, 500))


class History:
    """A bank that steps are taken in; what is refused is no matter."""

    def __init__(self, *, statute: Statute | None = None) -> None:
        self.clock = Clock(BEGIN)
        self.bank = timebank.open("memory:", **sources(self.clock))
        for id in ("a", "b", "c", "dup"):
            self.bank.open_account(id, name=f"Name of {id}", joined_on=JOINED)
        self.bank.open_account("org", kind="organisation")
        self.bank.open_account("fund", kind="fund")
        if statute is not None:
            self.bank.adopt(statute)
        self.bank.open_account("g", kind="group")
        self.bank.open_account("twin")
        self.made: list[str] = []
        self.held: list[str] = []

    def take(self, steps: list[Any]) -> None:
        """Take each step."""
        for name, *more in steps:
            with suppress(Rejected, InvalidRequest, NotFound):
                getattr(self, name)(*more)

    def day(self, number: int) -> date:
        """A day of the last months."""
        return min(JOINED + timedelta(days=number + 300), self.clock.now.date())

    def exchange(self, up: Any, down: Any, day: int, labels: Any) -> None:
        """One between two, or among more."""
        number, (area, word), timed = len(self.made), labels, day % 3 == 0
        made = self.bank.transfer(
            earner=timebank.split(Hours.from_seconds(3600 + 60 * number), up),
            spender=timebank.split(Hours.from_seconds(3600 + 60 * number), down),
            occurred_on=self.day(day),
            area=area,
            category=word,
            kind="gift" if number % 7 == 6 else "exchange",
            started_at=time(9, 30) if timed else None,
            note="a note" if timed else None,
            id=f"x{number}",
        )
        self.made.append(made.id)

    def hold(self, up: str, down: str, day: int, labels: Any) -> None:
        """Propose one."""
        area, word = labels
        id = f"h{len(self.held)}"
        planned = self.day(day) if day % 2 else None
        self.bank.hold(
            earner=up, spender=down, hours=2, id=id, occurred_on=planned, area=area, resource=word
        )
        self.held.append(id)

    def settle(self, number: int) -> None:
        """Settle one of the holds."""
        if self.held:
            self.made.append(self.bank.settle(self.held[number % len(self.held)], id=None).id)

    def reverse(self, number: int, part: int) -> None:
        """Take back all of an exchange, or a part of it."""
        if self.made:
            hours = Hours.from_seconds(part * 1800) if part else None
            self.bank.reverse(self.made[number % len(self.made)], reason="why", hours=hours)

    def amend(self, number: int, field: str, word: str | None) -> None:
        """Give an exchange, or a hold, another label and other times."""
        if every := self.made + self.held:
            more: dict[str, Any] = {field: word, "ended_at": time(number % 24, 15)}
            self.bank.amend(every[number % len(every)], reason="a slip", **more)

    def amend_account(self, id: str, what: int, day: int) -> None:
        """Give an account another kind, or day of joining."""
        kinds: tuple[Any, ...] = ("member", "group", "organisation")
        if what < 3:
            self.bank.amend_account(id, kind=kinds[what], reason="it is one")
        else:
            self.bank.amend_account(id, joined_on=self.day(day), reason="by the card")

    def merge(self, one: str, other: str) -> None:
        """Let one become the other."""
        self.bank.merge(one, into=other, reason="twice")

    def end(self, id: str, again: bool) -> None:
        """Freeze an account, or thaw it."""
        (self.bank.thaw if again else self.bank.freeze)(id)

    def wait(self, days: int) -> None:
        """Let days pass."""
        self.clock.now += timedelta(days=days)

    def wait_for(self, year: int) -> None:
        """Let time pass until it is January."""
        self.clock.now = max(self.clock.now, datetime(year, 1, 20, 9, 0, tzinfo=UTC))

    def close(self, day: int) -> Closing:
        """Close the books, or open them."""
        through = None if day < 0 else min(self.day(day), self.clock.now.date() - timedelta(days=2))
        return self.bank.close_books(through=through, reason="approved")

    def rename(self, id: str, name: str | None) -> None:
        """Give an account another name."""
        self.bank.rename(id, name)

    def erase(self, id: str) -> None:
        """Erase what is about somebody."""
        self.bank.erase(id, reason="asked")

    def run_due(self) -> None:
        """Charge what is due."""
        self.bank.run_due(through=self.clock.now.date())

    def open(self, id: str, day: int) -> None:
        """Open one more account."""
        self.bank.open_account(f"new {id} {day}", joined_on=self.day(day))


# -- what the journal says, read by itself ---------------------------------------------------


def bodies(bank: TimeBank) -> list[dict[str, Any]]:
    """The records, parsed."""
    return [json.loads(record.bytes) for record in bank.records()]


def posted(bank: TimeBank, through: date) -> dict[str, list[tuple[str, int, int]]]:
    """Account → day, sequence and seconds of its postings of days up to one, by day."""
    found: dict[str, list[tuple[str, int, int]]] = defaultdict(list)
    for body in bodies(bank):
        effects = body["effects"]
        for account, seconds in effects.get("postings", ()):
            if effects["occurred_on"] <= through.isoformat():
                found[account].append((effects["occurred_on"], body["sequence"], seconds))
    return {account: sorted(lines, key=lambda line: line[:2]) for account, lines in found.items()}


def root(bank: TimeBank, id: str) -> str:
    """The account that one became."""
    into = {body["effects"]["account"]: body["effects"]["into"] for body in _of(bank, "merge")}
    while id in into:
        id = into[id]
    return id


def _of(bank: TimeBank, kind: str) -> list[dict[str, Any]]:
    return [body for body in bodies(bank) if body["kind"] == kind]


def closed_at(bank: TimeBank, sequence: int) -> str:
    """The last day of closed books before a record."""
    found = ""
    for body in _of(bank, "close_books"):
        if body["sequence"] < sequence:
            found = body["request"].get("through", "")
    return found


# -- a closed year ---------------------------------------------------------------------------


def own_lines(statement: Statement) -> list[Any]:
    """The lines that are the account's own, without running balances and what is told later.

    That is what was erased, amended or taken back since.
    """
    later: Any = {"note": None, "reason": None, "amendments": ()}
    later |= {"taken_back_on": None, "taken_back_whole": False}
    return [
        attrs.evolve(line, balance=Hours(0), **later)
        for line in statement.lines
        if line.account is None
    ]


def unnamed(value: Any) -> Any:
    """A statement or trial balance without what may change: names and texts."""
    if isinstance(value, Statement):
        bare: Any = {"note": None, "reason": None, "amendments": ()}
        lines = tuple(attrs.evolve(line, **bare) for line in value.lines)
        account = attrs.evolve(value.account, name=None)
        return attrs.evolve(value, names={}, lines=lines, account=account)
    return attrs.evolve(value, lines=[attrs.evolve(line, name=None) for line in value.lines])


later = st.lists(
    st.one_of(
        steps.filter(bool).map(lambda taken: taken[0]),
        st.tuples(st.just("rename"), members, st.sampled_from([None, "another"])),
        st.tuples(st.just("erase"), members),
        st.tuples(st.just("run_due")),
        st.tuples(st.just("open"), ids, days),
        st.tuples(st.just("close"), st.integers(425, 500)),
    ),
    max_size=25,
)


@given(steps, later)
def test_a_closed_year_stays_as_it_is(before: list[Any], after: list[Any]) -> None:
    """Whatever is called: hours, lines and balances of each account, by the journal and by us."""
    dues = Dues(hours=1, fund="fund", every="quarter", name="plot")
    history = History(statute=Statute(version="v1", dues=dues))
    history.take(before)
    bank = history.bank
    history.wait_for(2027)
    history.run_due()
    closing = bank.close_books(through=NEW_YEAR_EVE, reason="approved")
    accounts = [account.id for account in bank.accounts()]

    def state() -> Iterator[Any]:
        """What must stay, in this order."""
        yield posted(bank, NEW_YEAR_EVE)
        trial = bank.trial_balance(NEW_YEAR_EVE)
        yield [(line.account, line.earned, line.spent) for line in trial.lines]
        yield trial.closed_through
        known = bank.trial_balance(NEW_YEAR_EVE, at=closing.sequence)
        yield unnamed(known)
        for id in accounts:
            yield own_lines(bank.statement(id, until=NEW_YEAR_EVE))
            yield unnamed(bank.statement(id, until=NEW_YEAR_EVE, at=closing.sequence))

    first = list(state())
    assert NEW_YEAR_EVE == first[2]
    history.take(after)
    closed = [one.through for one in bank.closings()]
    assert all(through is not None and through >= NEW_YEAR_EVE for through in closed)
    second = list(state())
    first[2] = second[2]  # more may have been closed since
    assert first == second


@pytest.mark.parametrize("page", [1, 2, 3, 500])
def test_transfers_and_holds_of_a_family(page: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """All that became one, each once, in order, both ways, from wherever one goes on."""
    monkeypatch.setattr(queries_records, "PAGE", page)
    bank = timebank.open("memory:", **sources())
    for id in ("m1", "again", "third", "f1"):
        bank.open_account(id)
    sides = ["m1", "again", "third", "f1", "again", "again", "m1", "third"]
    for number, earner in enumerate(sides):
        other = "f1" if earner != "f1" else "m1"
        bank.transfer(earner=earner, spender=other, hours=1, id=f"t{number}")
        bank.hold(earner=earner, spender=other, hours=1, id=f"h{number}")
        bank.void(f"h{number}")
    bank.transfer(earner={"again": 1, "m1": 1}, spender={"third": 1, "f1": 1}, id="circle")
    bank.merge("third", into="again", reason="twice")
    bank.merge("again", into="m1", reason="thrice")
    bank.reverse("t1", reason="r", id="back")
    expected = [*(f"t{number}" for number in range(len(sides))), "circle", "back"]
    assert expected == [one.id for one in bank.transfers(account="m1")]
    newest = [one.id for one in bank.transfers(account="m1", newest_first=True)]
    assert expected[::-1] == newest
    for place, id in enumerate(expected):
        assert expected[place + 1 :] == [one.id for one in bank.transfers(account="m1", after=id)]
    held = [f"h{number}" for number in range(len(sides))]
    assert held == [one.id for one in bank.holds(account="m1", status=None)]
    assert ["h1", "h2", "h4", "h5", "h7"] == [
        one.id for one in bank.holds(account="again", status="voided")
    ]


@given(steps)
def test_a_statement_has_the_postings_of_a_family(taken: list[Any]) -> None:
    """By day and sequence, with a running balance; and as the balance of each day has it."""
    history = History()
    history.take([*taken, ("merge", "dup", "a"), ("merge", "a", "b")])
    bank = history.bank
    merged = {body["sequence"] for body in _of(bank, "merge")}
    every = posted(bank, date.max)
    for account in bank.accounts():
        statement = bank.statement(account.id)
        family = {one for one in every if one == account.id or _is_into(bank, one, account.id)}
        own_merge = {
            body["sequence"]
            for body in _of(bank, "merge")
            if body["effects"]["account"] == account.id
        }
        expected = sorted(
            (day, sequence, seconds, one)
            for one in family
            for day, sequence, seconds in every[one]
            if sequence not in merged or sequence in own_merge
        )
        found = [
            (
                line.occurred_on.isoformat(),
                line.sequence,
                line.hours.seconds,
                line.account or account.id,
            )
            for line in statement.lines
        ]
        assert expected == sorted(found)
        assert [line[:2] for line in expected] == [line[:2] for line in found]
        running = 0
        for line in statement.lines:
            running += line.hours.seconds
            assert running == line.balance.seconds
        assert bank.balance(account.id).posted == statement.closing
        for day in {line.occurred_on for line in statement.lines}:
            part = bank.statement(account.id, since=day, until=day)
            assert bank.balance(account.id, on=day).posted == part.closing
            assert bank.balance(account.id, on=day - timedelta(days=1)).posted == part.opening


def _is_into(bank: TimeBank, one: str, other: str) -> bool:
    """Whether an account became another one, perhaps by way of others."""
    into = {body["effects"]["account"]: body["effects"]["into"] for body in _of(bank, "merge")}
    while one in into:
        one = into[one]
        if one == other:
            return True
    return False


@given(st.lists(steps, min_size=1, max_size=3))
def test_what_was_known_at_a_record(parts: list[Any]) -> None:
    """Statements and trial balances of then, asked for later, are those that were given then."""
    history = History()
    bank, given = history.bank, []
    for part in parts:
        history.take(part)
        sequence = bank.head().sequence
        found = {account.id: bank.statement(account.id) for account in bank.accounts()}
        given.append((sequence, found, bank.trial_balance()))
    for sequence, found, trial in given:
        assert attrs.evolve(trial, at=sequence) == bank.trial_balance(at=sequence)
        for id, statement in found.items():
            known = bank.statement(id, at=sequence)
            nothing = Hours(0)
            bare = attrs.evolve(statement, at=sequence, holds=(), held=nothing, incoming=nothing)
            assert bare == known


# -- one by one ------------------------------------------------------------------------------


def test_what_a_line_says_of_amendments() -> None:
    """Of a transfer, of a reversal of it, and of a settlement by way of its hold."""
    history = History()
    bank = history.bank
    bank.transfer(earner="a", spender="b", hours=2, id="t", category="shoping", note="the market")
    bank.reverse("t", hours=1, reason="it was less")
    bank.hold(earner="a", spender="c", hours=1, id="h", area="south")
    bank.settle("h", id="s")
    before = bank.head().sequence
    bank.amend("t", category="shopping", note=None, reason="a slip")
    bank.acting_as("carla").amend("s", area="north", started_at=time(22), reason="by her diary")
    moved, back, settled = bank.statement("a").lines
    assert ("shopping", None, "shopping", None) == (
        moved.category,
        moved.note,
        back.category,
        back.note,
    )
    assert "it was less" == back.reason
    (amended,) = moved.amendments
    assert ("a slip", {"category": ("shoping", "shopping"), "note": ("the market", None)}) == (
        amended.reason,
        amended.changes,
    )
    assert moved.amendments == back.amendments
    assert ("north", time(22), None) == (settled.area, settled.started_at, settled.ended_at)
    assert ["carla"] == [one.actor for one in settled.amendments]
    then, _, held = bank.statement("a", at=before).lines
    assert ("shoping", "the market", ()) == (then.category, then.note, then.amendments)
    assert ("south", None) == (held.area, held.started_at)


def test_the_statement_of_a_duplicate_ends_with_the_merge() -> None:
    """Its last line is what was taken away; that of the other has the lines of both."""
    bank = History().bank
    bank.transfer(earner="dup", spender="c", hours=2, id="t1", occurred_on=date(2026, 10, 2))
    bank.transfer(earner="c", spender="a", hours=1, id="t2", occurred_on=date(2026, 10, 1))
    before = bank.head().sequence
    bank.merge("dup", into="a", reason="twice")
    first, last = bank.statement("dup").lines
    assert ("t1", None, "merge", ("a",), "twice", Hours(0)) == (
        first.id,
        last.id,
        last.kind,
        last.others,
        last.reason,
        last.balance,
    )
    statement = bank.statement("a")
    assert ("dup",) == statement.merged
    assert [("t2", None, Hours(-1)), ("t1", "dup", Hours(1))] == [
        (line.id, line.account, line.balance) for line in statement.lines
    ]
    assert {"c": "Name of c", "dup": "Name of dup"} == statement.names
    assert ((), Hours(-1)) == (
        bank.statement("a", at=before).merged,
        bank.balance("a", at=before).posted,
    )
    assert Hours(-1) == bank.balance("a", on=date(2026, 10, 1)).posted
    assert {"dup": "a"} == {
        line.account: line.merged_into
        for line in bank.trial_balance().lines
        if line.merged_into is not None
    }
    assert bank.trial_balance(at=before).lines == tuple(
        attrs.evolve(line, merged_into=None, status="open", spent=Hours(0), earned=Hours(2))
        if line.account == "dup"
        else attrs.evolve(line, earned=Hours(0))
        if line.account == "a"
        else line
        for line in bank.trial_balance().lines
    )


def test_points_of_the_record() -> None:
    """A sequence, an instant; beyond the end is the end, and before the opening is nothing."""
    history = History()
    bank = history.bank
    head = bank.head().sequence
    history.wait(30)
    moment = history.clock.now
    history.wait(1)
    bank.transfer(earner="a", spender="b", hours=2)
    bank.set_limits("a", ceiling=9)
    bank.freeze("a")
    assert head == bank.statement("a", at=moment).at == bank.trial_balance(at=moment).at
    assert (INHERIT, "open") == (
        bank.statement("a", at=head).account.ceiling,
        bank.statement("a", at=head).account.status,
    )
    assert head + 3 == bank.statement("a", at=99).at
    assert ("frozen", Hours(2)) == (
        bank.statement("a", at=99).account.status,
        bank.statement("a", at=99).closing,
    )
    with pytest.raises(AccountNotFound):
        bank.statement("b", at=1)
    assert (0, ()) == (bank.trial_balance(at=0).at, bank.trial_balance(at=0).lines)
    for wrong in (-1, datetime(2026, 1, 1)):  # noqa: DTZ001 - it has no zone
        with pytest.raises(InvalidRequest):
            bank.statement("a", at=wrong)
        with pytest.raises(InvalidRequest):
            bank.trial_balance(at=wrong)


def test_who_was_opened_after_a_day_is_not_in_its_trial_balance() -> None:
    """But with hours of a day up to it; those who were there are in it without hours too."""
    history = History()
    bank, day = history.bank, history.clock.now.date()
    history.wait(2)
    bank.open_account("late")
    bank.open_account("worked")
    bank.transfer(earner="worked", spender="a", hours=1, occurred_on=day)
    there = {line.account for line in bank.trial_balance(day).lines}
    assert {"a", "b", "c", "dup", "g", "twin", "org", "fund", "worked"} == there
    assert () == bank.trial_balance(day - timedelta(days=400)).lines


def test_what_happened_to_a_person() -> None:
    """Events of both accounts, in order; what a correction changed; the merge once."""
    bank = History().bank
    bank.amend_account("a", kind="group", joined_on=date(2024, 1, 2), reason="a family")
    bank.amend_account("a", kind="member", joined_on=None, reason="no, it is her")
    bank.freeze("dup", reason="who is it?")
    bank.name_delegate("a", "luca")
    bank.merge("dup", into="a", reason="twice")
    events = list(bank.events("a"))
    assert [
        ("a", "open_account"),
        ("dup", "open_account"),
        ("a", "amend_account"),
        ("a", "amend_account"),
        ("dup", "freeze"),
        ("a", "name_delegate"),
        ("a", "merge"),
    ] == [(event.account, event.kind) for event in events]
    assert [
        {"kind": ("member", "group"), "joined_on": (JOINED, date(2024, 1, 2))},
        {"kind": ("group", "member"), "joined_on": (date(2024, 1, 2), None)},
        {"merged": ("dup", "a")},
    ] == [event.changes for event in events if event.changes]
    assert ["open_account", "freeze", "merge"] == [event.kind for event in bank.events("dup")]
    assert "twice" == events[-1].text


def test_who_exchanged_as_another() -> None:
    """What was merged into an account keeps it from being inactive."""
    history = History()
    bank = history.bank
    bank.transfer(earner="dup", spender="org", hours=1, occurred_on=date(2026, 10, 2))
    since = date(2026, 9, 1)
    assert {"a", "b", "c"} <= {one.id for one in bank.inactive(since=since)}
    bank.merge("dup", into="a", reason="twice")
    found = {one.id: one for one in bank.inactive(since=since)}
    assert {"b", "c"} == set(found)
    history.wait(60)
    found = {one.id: one for one in bank.inactive(since=date(2026, 11, 1))}
    assert (date(2026, 10, 2), Hours(1)) == (found["a"].last_exchange, found["a"].balance)
    bank.merge("a", into="twin", reason="three times")
    history.wait(60)
    twin = next(one for one in bank.inactive(since=date(2027, 2, 1)) if one.id == "twin")
    assert (JOINED, date(2026, 10, 2)) == (twin.since, twin.last_exchange)


# -- a statute that is tried on history -------------------------------------------------------


@given(st.lists(st.one_of(steps, closings.map(lambda step: [step])), max_size=5))
def test_nothing_differs_under_the_statute_that_was_in_force(parts: list[Any]) -> None:
    """However kinds, days of joining, accounts and books were corrected."""
    bands = [Band(floor=-3), Band(floor=-9, ceiling=30, from_month=12)]
    statute = Statute(version="v1", limits={"member": bands, "group": Band(floor=-5)})
    history = History(statute=statute)
    for part in parts:
        history.take(part)
    moved = sum(body["kind"] in {"reverse", "settle"} for body in bodies(history.bank))
    tried = history.bank.replay(statute)
    assert (False, moved) == (tried.differs, tried.exempt)


def test_an_exchange_is_judged_by_the_day_of_joining_that_was_known() -> None:
    """What was allowed to a member of long standing was so, though she joined later."""
    history = History()
    bank = history.bank
    bank.open_account("new", joined_on=date(2020, 1, 1))
    bank.transfer(earner="a", spender="new", hours=2, id="before")
    bank.amend_account("new", joined_on=date(2026, 11, 1), reason="by her card")
    bank.transfer(earner="a", spender="new", hours=3, id="after")
    bands = [Band(floor=0), Band(floor=None, from_month=12)]
    (line,) = bank.replay(Statute(version="v2", limits={"member": bands})).lines
    assert ("new", "after", "after") == (line.account, line.first, line.last)


# -- the impact report -----------------------------------------------------------------------

#: Exchanges, seconds and accounts of a group.
Figures = tuple[int, int, int]


class Slow:
    """The figures by what the bank shows of each transfer, one after the other."""

    def __init__(self, bank: TimeBank, since: date, until: date) -> None:
        self.bank, self.since, self.until = bank, since, until
        accounts = list(bank.accounts())
        self.roots = {account.id: root(bank, account.id) for account in accounts}
        self.kinds = {account.id: account.kind for account in accounts}
        self.parts = list(self._parts())

    def _parts(self) -> Iterator[tuple[Transfer, date, int, int, set[str]]]:
        """Of each transfer: the day, seconds, exchanges and people that it counts for."""
        every = list(self.bank.transfers())
        for made in every:
            if made.reverses is not None:
                continue
            left = here = made.hours.seconds
            count, who = 1, {self.roots[id] for id in (*made.earners, *made.spenders)}
            for back in every:
                if back.reverses != made.id:
                    continue
                left -= back.hours.seconds
                if made.occurred_on.isoformat() <= closed_at(self.bank, back.sequence):
                    yield made, back.occurred_on, -back.hours.seconds, -(left == 0), set()
                else:
                    here -= back.hours.seconds
                    count -= left == 0
            yield made, made.occurred_on, here, count, who if count else set()

    def within(self, kind: str = "exchange") -> list[tuple[Transfer, date, int, int, set[str]]]:
        """Those of the period."""
        return [
            part
            for part in self.parts
            if (part[0].kind == "exchange") == (kind == "exchange")
            and self.since <= part[1] <= self.until
        ]

    def by(self, key: Callable[[Transfer, date], str]) -> dict[str, Figures]:
        """The groups of a key."""
        found: dict[str, tuple[list[int], list[int], set[str]]] = defaultdict(
            lambda: ([], [], set())
        )
        for made, day, seconds, count, who in self.within():
            counts, hours, people = found[key(made, day)]
            counts.append(count)
            hours.append(seconds)
            people |= who
        sums = {key: (sum(one), sum(two), len(three)) for key, (one, two, three) in found.items()}
        return {key: value for key, value in sums.items() if value[0] > 0 or value[1]}

    def total(self, parts: list[Any]) -> tuple[int, int]:
        """Exchanges and seconds."""
        return sum(part[3] for part in parts), sum(part[2] for part in parts)

    def people(self) -> dict[str, str]:
        """Person → kind: each once, from joining or the first exchange on, as known now."""
        first: dict[str, str] = {}
        for made in self.bank.transfers():
            if made.kind == "exchange" and made.reverses is None:
                for id in (*made.earners, *made.spenders):
                    day = str(made.occurred_on)
                    first[self.roots[id]] = min(first.get(self.roots[id], day), day)
        opened: dict[str, str] = {}
        for body in _of(self.bank, "open_account"):
            opened.setdefault(self.roots[body["effects"]["account"]], body["recorded_on"])
        return {
            account.id: account.kind
            for account in self.bank.accounts()
            if account.merged_into is None
            if min(
                str(account.joined_on or opened[account.id]), first.get(account.id, str(date.max))
            )
            <= str(self.until)
        }

    def moved(self) -> dict[str, list[int]]:
        """Person → seconds given and received in the period."""
        found: dict[str, list[int]] = defaultdict(lambda: [0, 0])
        made = {transfer.id: transfer for transfer in self.bank.transfers()}
        for transfer in made.values():
            original, sign, day = transfer, 1, transfer.occurred_on
            if transfer.reverses is not None:
                original, sign = made[transfer.reverses], -1
                if original.occurred_on.isoformat() > closed_at(self.bank, transfer.sequence):
                    day = original.occurred_on
            if original.kind != "exchange" or not self.since <= day <= self.until:
                continue
            gave, took = transfer.earners, transfer.spenders
            if sign < 0:
                gave, took = took, gave
            for place, side in enumerate((gave, took)):
                for id, hours in side.items():
                    found[self.roots[id]][place] += sign * hours.seconds
        return found


def shown(groups: tuple[Group, ...]) -> dict[str, Figures]:
    """Exchanges, seconds and accounts by key."""
    return {
        one.key: (one.exchanges or 0, (one.hours or Hours(0)).seconds, one.accounts or 0)
        for one in groups
    }


def agrees(bank: TimeBank, since: date, until: date) -> None:
    """Every figure of the report that corrections touch is that of the slow count."""
    found, slow = bank.impact(since=since, until=until, at_least=1), Slow(bank, since, until)
    everything = slow.within()
    assert slow.total(everything) == (found.exchanges.exchanges, found.exchanges.hours.seconds)
    assert slow.by(lambda _, day: str(day)[:7]) == shown(found.by_month)
    assert slow.by(lambda made, _: made.area or "") == shown(found.by_area)
    assert slow.by(lambda made, _: made.category or "") == shown(found.by_category)
    assert slow.by(lambda made, _: made.resource or "") == shown(found.by_resource)
    cells = slow.by(lambda made, day: f"{made.area or ''}/{str(day)[:7]}")
    listed = {
        f"{area}/{key}": figures
        for area, groups in found.by_month_and_area.items()
        for key, figures in shown(groups).items()
    }
    assert cells == listed
    members = {id for id, kind in slow.kinds.items() if kind in {"member", "group"}}
    inner = [
        part
        for part in everything
        if {slow.roots[id] for id in (*part[0].earners, *part[0].spenders)} <= members
    ]
    assert slow.total(inner) == (
        found.among_members.exchanges,
        found.among_members.hours.seconds,
    )
    gifts = sum(seconds for _, _, seconds, _, _ in slow.within("gift"))
    assert gifts == sum(count.hours.seconds for count in found.others.values())
    people = slow.people()
    kinds = list(people.values())
    assert {kind: kinds.count(kind) for kind in sorted(kinds)} == dict(found.accounts)
    members &= set(people)
    active = set().union(*(who for *_, who in everything)) & members
    assert len(active) == found.active
    moved = slow.moved()
    assert sum(moved[id][0] for id in members) == found.given.seconds
    assert sum(moved[id][1] for id in members) == found.received.seconds
    both = sum(moved[id][0] > 0 and moved[id][1] > 0 for id in active)
    assert both == (found.both or 0)


@given(
    st.lists(st.one_of(steps, closings.map(lambda step: [step])), max_size=5),
    days,
    days,
    st.booleans(),
)
def test_impact_is_that_of_a_slow_count(
    parts: list[Any], one: int, other: int, has_fee: bool
) -> None:
    """Amended labels, merged people, kinds of now, reversals behind closed books; any period."""
    fee = Fee(share="1/30", fund="fund") if has_fee else None
    history = History(statute=Statute(version="v1", fee=fee))
    for part in parts:
        history.take(part)
    since, until = sorted((history.day(one), history.day(other)))
    agrees(history.bank, since, until)
    agrees(history.bank, JOINED, history.clock.now.date())


def test_an_exchange_with_oneself() -> None:
    """Of two accounts that are one person: counted once, and gone when it is taken back."""
    bank = History().bank
    day = date(2026, 10, 2)
    bank.transfer(earner="dup", spender="a", hours=1, id="t", occurred_on=day)
    bank.merge("dup", into="a", reason="twice")
    found = bank.impact(at_least=1)
    assert (1, 1, 1) == (found.exchanges.exchanges, found.active, found.by_month[0].accounts)
    agrees(bank, JOINED, day)
    bank.reverse("t", reason="with herself")
    assert (0, 0) == (bank.impact().exchanges.exchanges, bank.impact().active)
    agrees(bank, JOINED, day)


def test_who_is_paid_a_fee_took_no_part() -> None:
    """A fund leaves the group of its own exchange, though it has the fee of another one in it."""
    bank = History(statute=Statute(version="v1", fee=Fee(share="1/30", fund="fund"))).bank
    day = date(2026, 10, 2)
    for id, spender in (("t", "fund"), ("u", "b")):
        more: dict[str, Any] = {"id": id, "area": "south", "category": id, "occurred_on": day}
        bank.transfer(earner="a", spender=spender, hours=1, **more)
    bank.amend("t", category="u", reason="a slip")
    assert [("u", 2, 3)] == [
        (one.key, one.exchanges, one.accounts) for one in bank.impact(at_least=1).by_category
    ]
    bank.reverse("t", reason="of the wrong one")
    assert [("south", 1, 2)] == [
        (one.key, one.exchanges, one.accounts) for one in bank.impact(at_least=1).by_area
    ]
    agrees(bank, JOINED, day)


def test_what_is_taken_back_behind_closed_books() -> None:
    """It is subtracted in its own month; who took part did so, and stays counted."""
    bank = History().bank
    day = date(2026, 10, 2)
    for id, earner in (("t", "a"), ("u", "b")):
        bank.transfer(earner=earner, spender="c", hours=1, id=id, area="south", occurred_on=day)
    bank.close_books(through=date(2026, 10, 31), reason="approved")
    bank.reverse("t", reason="it was another")
    agrees(bank, JOINED, date(2026, 11, 30))
    found = bank.impact(at_least=1)
    assert (1, Hours(1), 3) == (found.exchanges.exchanges, found.exchanges.hours, found.active)
    assert [("2026-10", 2, Hours(2), 3), ("2026-11", -1, Hours(-1), 0)] == [
        (one.key, one.exchanges, one.hours, one.accounts) for one in found.by_month
    ]
    assert [("south", 1, 3)] == [(one.key, one.exchanges, one.accounts) for one in found.by_area]
    assert {None} == {one.hours for one in bank.impact().by_month}


@given(steps, steps)
def test_impact_of_a_closed_year_keeps_its_hours(before: list[Any], after: list[Any]) -> None:
    """Hours by month and label, however much is taken back or amended afterwards."""
    history = History(statute=Statute(version="v1", fee=Fee(share="1/30", fund="fund")))
    history.take(before)
    history.wait_for(2027)
    bank = history.bank
    bank.close_books(through=NEW_YEAR_EVE, reason="approved")

    def figures() -> Any:
        """Exchanges and hours: who is one person may have become known since."""
        found = bank.impact(until=NEW_YEAR_EVE, at_least=1)
        tables = (found.by_month, found.by_area, found.by_category, found.by_resource)
        return found.exchanges, [
            {one.key: (one.exchanges, one.hours) for one in table} for table in tables
        ]

    first = figures()
    history.take(after)
    assert first == figures()
