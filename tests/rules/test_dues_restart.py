"""What a false clock charged: once it is taken back, all is due as if it had never been wrong."""

from __future__ import annotations

import itertools
from datetime import UTC, date, datetime, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

import timebank
from support import examples, sources
from timebank import Demurrage, DueReport, Dues, Statute, TimeBank
from timebank.journal import parse

Charges = list[tuple[str, str, str, tuple[str, ...]]]
START = datetime(2026, 1, 20, 9, tzinfo=UTC)
FALSE = datetime(2027, 4, 10, 9, tzinfo=UTC)
periods = st.sampled_from(("month", "quarter", "half-year", "year"))
dues = st.builds(
    Dues,
    hours=st.just(1),
    fund=st.just("pot"),
    every=st.one_of(periods, st.just("once")),
    from_month=st.sampled_from((0, 1, 4, 7)),
    first_period=st.sampled_from(("whole", "months", "days", "free")),
)


class Neighbours:
    """Two members and a fund, with a clock that is set by hand."""

    def __init__(self, every: Any = "quarter") -> None:
        self.now = START
        self.bank: TimeBank = timebank.open("memory:", **sources(lambda: self.now))
        self.bank.open_account("pot", kind="fund")
        self.bank.open_account("m1", joined_on=date(2025, 11, 30))
        self.bank.open_account("m2")
        self.bank.transfer(earner="m1", spender="m2", hours=60, limits="unchecked")
        self.demurrage = Demurrage(share="1/10", above=5, fund="pot", every=every)

    def adopt(self, version: str, *rules: Dues) -> None:
        """Put dues in force, and the demurrage."""
        self.bank.adopt(Statute(version=version, dues=rules, demurrage=self.demurrage))

    def charge(self) -> DueReport:
        """Charge what is due by the clock."""
        return self.bank.run_due(through=self.now.date())

    def lose_time(self, *, takes_back: bool) -> list[str]:
        """Charge for a year by a false clock, and set it right a day later."""
        today = self.now
        self.now = FALSE
        self.bank.rename("m2", "Anna")
        ids = [charge.transfer.id for charge in self.charge().charges]
        self.now = today + timedelta(hours=1)
        self.bank.restart_clock(today=self.now.date(), reason="it ran ahead")
        late = [id for id in ids if self.bank.transfer_by_id(id).occurred_on > self.now.date()]
        if takes_back:
            for id in late:
                self.bank.reverse(id, reason="it is not due yet")
        return late

    def charged(self) -> Charges:
        """What was charged and not taken back: of whom, by which rule, since when, for what."""
        found: dict[int, tuple[str, str, str, tuple[str, ...]]] = {}
        for record in self.bank.records():
            content = parse(record.bytes)
            if record.kind == "due":
                request = content["request"]
                period = tuple(request.get("period", ()))
                key = (request["account"], request["rule"], request["since"], period)
                found[record.sequence] = key
            elif record.kind == "reverse":
                found.pop(content["effects"]["reverses"], None)
        return sorted(found.values())


def go_on(bank: Neighbours, then: Dues) -> None:
    """Go on for a year, with other dues after some months, and charge each time."""
    for month in range(12):
        bank.now += timedelta(days=31)
        if month == 3:
            bank.adopt("v2", then)
        bank.charge()
    assert bank.bank.audit().ok


@examples(10)
@given(dues, dues, periods)
def test_what_was_taken_back_is_charged_when_it_is_due(first: Dues, then: Dues, every: Any) -> None:
    """Also for a period that had begun when the clock was restarted, dues and demurrage."""
    right, wrong = Neighbours(every), Neighbours(every)
    for bank in (right, wrong):
        bank.adopt("v1", first)
        bank.now += timedelta(days=41)
        bank.charge()
    wrong.lose_time(takes_back=True)
    for bank in (right, wrong):
        go_on(bank, then)
    assert right.charged() == wrong.charged()


@examples(10)
@given(dues, dues, periods, st.booleans())
def test_no_day_is_charged_for_twice(first: Dues, then: Dues, every: Any, later: bool) -> None:
    """Whatever was not taken back of it, though the periods of other rules reach over it."""
    bank = Neighbours(every)
    bank.adopt("v1", first)
    bank.now += timedelta(days=41)
    late = bank.lose_time(takes_back=False)
    for id in late[:: 2 + later]:
        bank.bank.reverse(id, reason="it is not due yet")
    bank.demurrage = Demurrage(share="1/10", above=1, fund="pot", every="year")
    go_on(bank, then)
    paid: dict[tuple[str, str], list[tuple[str, str]]] = {}
    for account, rule, since, period in bank.charged():
        if period:
            began = period[0] if rule == "demurrage" else since
            paid.setdefault((account, rule), []).append((began, period[1]))
    for days in paid.values():
        ends = sorted(days)
        assert all(before[1] < after[0] for before, after in itertools.pairwise(ends))


def test_demurrage_of_the_period_that_a_false_clock_ended() -> None:
    """It had begun when the clock was restarted, and is charged when it is over."""
    bank = Neighbours()
    bank.adopt("v1")
    bank.now = datetime(2026, 5, 11, 9, tzinfo=UTC)
    late = bank.lose_time(takes_back=True)
    assert "due:demurrage:2026-Q2:m1" == late[0]
    bank.now = datetime(2026, 7, 1, 9, tzinfo=UTC)
    assert ["due:demurrage:2026-Q2:m1~2"] == [one.transfer.id for one in bank.charge().charges]
    assert bank.bank.audit().ok


def test_dues_of_a_year_that_had_begun() -> None:
    """They fall due in its fifth month: a false clock charged them, and they were taken back."""
    bank = Neighbours()
    bank.adopt("v1", Dues(hours=1, fund="pot", from_month=8))
    assert "due:dues:2026:m1" in bank.lose_time(takes_back=True)
    bank.now = datetime(2026, 7, 30, 9, tzinfo=UTC)
    found = {one.transfer.id: one.since for one in bank.charge().charges}
    assert date(2026, 7, 30) == found["due:dues:2026:m1~2"]
    assert bank.bank.audit().ok
