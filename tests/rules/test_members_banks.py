"""The rules of real time banks on joining, dues, leaving and acting on behalf, each met.

The banks, and what their statutes say, are those of the project's field notes.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

import timebank
from support import Clock, run_due, sources
from timebank import (
    AccountNotEmpty,
    Assign,
    Donate,
    DueReport,
    Hours,
    LimitExceeded,
    NotPermitted,
    Roles,
    Statute,
    TimeBank,
    WriteOff,
)


def adopt(bank: TimeBank, **rules: Any) -> Statute:
    """Put a statute in force, as its file says it."""
    return bank.adopt(Statute.from_json(json.dumps({"version": "bank/1", **rules})))


def charged(report: DueReport) -> list[tuple[str, str, str, str]]:
    """Who was charged, by which rule, how much, for the period that began when."""
    return [
        (one.account, one.rule, str(one.hours), "" if one.period is None else str(one.period[0]))
        for one in report.charges
    ]


@pytest.fixture
def at(clock: Clock) -> Callable[..., None]:
    """Sets the clock to a day."""

    def set_to(year: int, month: int, day: int) -> None:
        clock.now = datetime(year, month, day, 9, 0, tzinfo=UTC)

    return set_to


@pytest.fixture
def town(bank: TimeBank, at: Callable[..., None]) -> TimeBank:
    """A fund, and two members who joined last year."""
    at(2026, 1, 1)
    bank.open_account("fund", kind="fund")
    for id in ("anna", "bruno"):
        bank.open_account(id, joined_on=date(2025, 5, 1))
    return bank


# -- dues --------------------------------------------------------------------------------


def test_verona_two_hours_a_year_pay_the_organisers(
    town: TimeBank, at: Callable[..., None]
) -> None:
    """Two hours a year into the hours fund; out of it the organisers are paid."""
    adopt(town, dues=[{"hours": 2, "fund": "fund"}])
    expected = [("anna", "dues", "2:00", "2026-01-01"), ("bruno", "dues", "2:00", "2026-01-01")]
    assert expected == charged(run_due(town))
    town.transfer(earner="bruno", spender="fund", hours=3, category="organising")
    at(2027, 1, 1)
    assert [one[3] for one in charged(run_due(town))] == ["2027-01-01"] * 2
    assert ["-4:00", "-1:00", "5:00"] == [
        str(town.balance(id).posted) for id in ("anna", "bruno", "fund")
    ]


@pytest.mark.parametrize(
    ("joined", "due"),
    [
        (date(2025, 5, 1), "4:00"),
        (date(2025, 11, 1), "4:00"),  # the third month begins on 1 January
        (date(2025, 11, 2), "4:00"),  # and here on the 2nd, in the same month
        (date(2026, 1, 20), "3:20"),  # from 20 March on: ten months of twelve
        (date(2026, 9, 30), "0:40"),  # from 30 November on: two
        (date(2026, 11, 15), None),  # not this year
    ],
)
def test_moianes_four_hours_a_year_pro_rata_from_the_third_month(
    town: TimeBank, at: Callable[..., None], joined: date, due: str | None
) -> None:
    """Two months are free; then the year counts by months, that of the first due included."""
    rule = {"hours": 4, "fund": "fund", "from_month": 2, "first_period": "months"}
    adopt(town, dues=[rule])
    at(2026, 12, 31)
    town.open_account("new", joined_on=joined)
    found = {one.account: str(one.hours) for one in run_due(town).charges}
    assert due == found.get("new")


def test_toelz_an_hour_on_joining_and_an_hour_a_year(
    town: TimeBank, at: Callable[..., None]
) -> None:
    """Who was there before the rule pays no joining hour; who comes back pays none again."""
    adopt(
        town,
        dues=[
            {"name": "joining", "hours": 1, "every": "once", "fund": "fund"},
            {"hours": 1, "fund": "fund", "first_period": "free"},
        ],
    )
    at(2026, 4, 1)
    town.open_account("carla")
    assert [("carla", "joining", "1:00", "")] == [
        one for one in charged(run_due(town)) if one[0] == "carla"
    ]
    at(2027, 1, 1)
    assert ["anna", "bruno", "carla"] == [one.account for one in run_due(town).charges]
    town.leave("carla", disposal=WriteOff("fund"))
    at(2028, 3, 1)
    town.reopen("carla")
    found = [one for one in charged(run_due(town)) if one[0] == "carla"]
    assert [] == found  # the first period after coming back is free, and joining was once
    at(2029, 1, 1)
    assert ("carla", "dues", "1:00", "2029-01-01") in charged(run_due(town))


def test_bielefeld_monthly_points_a_share_of_income_and_demurrage(
    town: TimeBank, at: Callable[..., None]
) -> None:
    """A quarter of an hour a month, a tenth of what is earned, and 10 % above 20 h a half-year."""
    adopt(
        town,
        fee={"share": "10%", "payer": "earner", "fund": "fund"},
        dues=[{"name": "points", "hours": "0:15", "every": "month", "fund": "fund"}],
        demurrage={"share": "10%", "above": 20, "every": "half-year", "fund": "fund"},
        limits={"member": [{"floor": -50}]},
    )
    assert Hours(4) == town.transfer(earner="anna", spender="bruno", hours=40).fee
    at(2026, 7, 1)
    report = run_due(town)
    assert ["0:15"] * 7 == [
        str(c.hours) for c in report.charges if (c.account, c.rule) == ("anna", "points")
    ]
    # 40 earned, 4 of fee, 1:30 of points in six months: 34:30, of which 14:30 is above 20
    (demurrage,) = [c for c in report.charges if c.rule == "demurrage"]
    assert ("anna", Hours("34:30"), Hours("1:27"), date(2026, 6, 30)) == (
        demurrage.account,
        demurrage.basis,
        demurrage.hours,
        demurrage.since,
    )
    assert Hours("32:48") == town.balance("anna").posted


# -- joining -----------------------------------------------------------------------------


def test_norcal_two_hours_for_the_orientation(town: TimeBank) -> None:
    """They come when somebody says that the orientation was done, once, and may be kept."""
    adopt(town, welcome={"hours": 2, "fund": "fund", "given": "when asked"})
    town.open_account("carla")
    assert Hours(0) == town.balance("carla").posted
    made = town.acting_as("coordinator").welcome("carla")
    assert ("welcome", Hours(2), "coordinator") == (made.kind, made.hours, made.actor)
    assert made == town.welcome("carla")
    town.leave("carla", disposal=Donate("fund"))
    assert Hours(0) == town.balance("fund").posted


def test_tauschwiki_an_opening_credit_is_given_back_on_leaving(town: TimeBank) -> None:
    """It comes with the account, goes back first, and comes again with who comes back."""
    adopt(town, welcome={"hours": 3, "fund": "fund", "due_back": True})
    town.open_account("carla")
    assert Hours(3) == town.balance("carla").posted
    town.transfer(earner="carla", spender="anna", hours=1)
    left = town.leave("carla", disposal=Donate("fund"))
    (given,) = left.given_back
    assert ("reversal", Hours(3), "due:welcome:1:carla") == (
        given.kind,
        given.hours,
        given.reverses,
    )
    assert left.disposal is not None
    assert Hours(1) == left.disposal.hours
    town.reopen("carla")
    assert Hours(0) == town.balance("carla").posted
    assert "due:welcome:2:carla" == town.welcome("carla").id
    assert Hours(3) == town.balance("carla").posted


# -- leaving -----------------------------------------------------------------------------


def test_debts_are_cleared_first_and_one_leaves_only_at_zero(town: TimeBank) -> None:
    """Who owes is told how much; having earned it, leaves."""
    town.transfer(earner="anna", spender="bruno", hours="2:30")
    with pytest.raises(AccountNotEmpty, match="first earn 2:30, or have it written off"):
        town.leave("bruno")
    with pytest.raises(AccountNotEmpty, match="first earn 2:30"):
        town.leave("bruno", disposal=Donate("fund"))
    town.transfer(earner="bruno", spender="anna", hours="2:30")
    left = town.leave("bruno")
    assert ("closed", None) == (left.account.status, left.disposal)


def test_a_credit_is_donated_to_the_common_account(town: TimeBank) -> None:
    """The hours stay in the bank; what is no fund gets none by donation."""
    town.transfer(earner="anna", spender="bruno", hours="2:30")
    with pytest.raises(AccountNotEmpty, match="donate it to a fund, or assign it"):
        town.leave("anna", disposal=WriteOff("fund"))
    with pytest.raises(timebank.InvalidRequest, match="'bruno' is a member, not a fund"):
        town.leave("anna", disposal=Donate("bruno"))
    town.leave("anna", disposal=Donate("fund"))
    assert Hours("2:30") == town.balance("fund").posted


def test_an_unrecovered_debt_falls_on_the_bank(town: TimeBank) -> None:
    """On a named account, by a transfer that says what it is."""
    town.open_account("losses", kind="issuance")
    town.transfer(earner="anna", spender="bruno", hours=7)
    left = town.leave("bruno", disposal=WriteOff("losses"), reason="could not be found")
    assert left.disposal is not None
    assert ("write-off", {"losses": Hours(7)}) == (left.disposal.kind, left.disposal.spenders)
    assert Hours(-7) == town.balance("losses").posted


def test_a_balance_is_assigned_to_a_consenting_member(town: TimeBank) -> None:
    """Nobody is given hours unasked; the record names who consented; their ceiling holds."""
    town.transfer(earner="anna", spender="fund", hours=7)
    with pytest.raises(timebank.InvalidRequest, match="'bruno' must consent"):
        Assign("bruno")
    town.set_limits("bruno", ceiling=5)
    head = town.head()
    with pytest.raises(LimitExceeded, match="its ceiling is 5:00"):
        town.leave("anna", disposal=Assign("bruno", consented=True))
    assert head == town.head()
    town.set_limits("bruno", ceiling=None)
    left = town.leave("anna", disposal=Assign("bruno", consented=True))
    assert left.disposal is not None
    assert ("assignment", {"bruno": Hours(7)}) == (left.disposal.kind, left.disposal.earners)


def test_a_death(town: TimeBank) -> None:
    """Open holds are released, a frozen account is no hindrance, the reason is a reason."""
    town.transfer(earner="anna", spender="bruno", hours=3)
    town.hold(earner="bruno", spender="anna", hours=2, id="visit")
    town.hold(earner="anna", spender="bruno", hours=1, id="lesson")
    town.freeze("anna", reason="ill")
    left = town.leave("anna", disposal=[Donate("fund"), WriteOff("fund")], reason="died in March")
    assert ["visit", "lesson"] == [hold.id for hold in left.voided]
    assert ["voided"] * 2 == [hold.status for hold in left.voided]
    assert Hours(3) == town.balance("fund").posted
    assert (Hours(0), Hours(0)) == (town.balance("bruno").held, town.balance("bruno").incoming)


def test_dane_county_may_remove_who_exchanged_nothing_for_two_years(
    town: TimeBank, at: Callable[..., None]
) -> None:
    """The list is of candidates; dues are no exchange; who has just joined is not on it."""
    town.transfer(earner="anna", spender="fund", hours=1, occurred_on=date(2025, 12, 30))
    adopt(town, dues=[{"hours": "0:10", "fund": "fund"}])
    at(2028, 1, 2)
    town.open_account("new")
    town.transfer(earner="fund", spender="bruno", hours=1, occurred_on=date(2026, 1, 2))
    run_due(town)
    (one,) = town.inactive(since=date(2026, 1, 1))
    assert ("anna", date(2025, 12, 30), Hours("0:30")) == (one.id, one.last_exchange, one.balance)
    town.leave(one.id, disposal=Donate("fund"), reason="two years without an exchange")
    assert [] == list(town.inactive(since=date(2026, 1, 1)))
    assert ["bruno"] == [one.id for one in town.inactive(since=date(2026, 1, 3))]


def test_dues_that_are_due_are_charged_on_leaving(town: TimeBank, at: Callable[..., None]) -> None:
    """Nobody takes along what cron had not charged yet; what waited while frozen neither."""
    adopt(town, dues=[{"hours": 2, "fund": "fund"}])
    town.transfer(earner="anna", spender="fund", hours=5)
    at(2026, 6, 1)
    town.freeze("anna")
    at(2026, 7, 1)
    left = town.leave("anna", disposal=Donate("fund"))
    assert [("due:dues:2026:anna", Hours(2))] == [(one.id, one.hours) for one in left.charges]
    assert left.disposal is not None
    assert Hours(3) == left.disposal.hours
    town.reopen("anna")
    assert ["bruno"] == [one.account for one in run_due(town).charges]


def test_who_left_has_no_delegates(town: TimeBank) -> None:
    """They end with leaving, and coming back does not bring them back."""
    town.name_delegate("anna", "luca")
    assert ("luca",) == town.leave("anna").ended
    town.reopen("anna")
    assert () == town.delegates("anna")


def test_limits_that_zero_is_not_within_let_go(town: TimeBank) -> None:
    """A floor above zero, or a ceiling below, would keep whoever leaves."""
    town.transfer(earner="anna", spender="bruno", hours=5)
    town.set_limits("anna", floor=2)
    town.set_limits("bruno", ceiling=-1)
    town.leave("anna", disposal=Donate("fund"))
    town.leave("bruno", disposal=WriteOff("fund"))
    assert Hours(0) == town.balance("fund").posted


def test_a_fund_of_the_statute_does_not_leave(town: TimeBank) -> None:
    """Nor is it closed, while exchanges and dues need it."""
    adopt(town, dues=[{"hours": 2, "fund": "fund"}])
    for call in (town.leave, town.close_account):
        with pytest.raises(timebank.FundInUse, match="first adopt a statute that does not name it"):
            call("fund")
    adopt(town, version="none")
    town.leave("fund")


def test_a_refused_leave_in_a_batch_leaves_no_trace(town: TimeBank, clock: Clock) -> None:
    """Though midnight passes while it is decided: it is tried and done at one instant."""
    adopt(
        town,
        limits={"member": [{"ceiling": 9}, {"from_month": 9, "ceiling": 1}]},
    )
    town.transfer(earner="anna", spender="fund", hours=5)
    town.freeze("anna")
    clock.now = datetime(2026, 1, 31, 23, 57, tzinfo=UTC)
    before, left = town.head(), False
    with town.batch() as batch, contextlib.suppress(LimitExceeded):
        batch.leave("anna", disposal=Assign("bruno", consented=True))
        left = True
    assert left == (before != town.head())
    assert () == town.audit().findings


def test_who_left_can_come_back(town: TimeBank) -> None:
    """To the same account, with its history; leaving twice changes nothing."""
    town.transfer(earner="anna", spender="bruno", hours=3)
    town.leave("anna", disposal=Donate("fund"))
    head = town.head()
    again = town.leave("anna", disposal=Donate("fund"))
    assert ((), (), None, "closed") == (
        again.voided,
        again.given_back,
        again.disposal,
        again.account.status,
    )
    assert head == town.head()
    town.reopen("anna")
    town.transfer(earner="anna", spender="bruno", hours=1)
    assert ["3:00", "-3:00", "1:00"] == [str(line.hours) for line in town.statement("anna").lines]


# -- acting on behalf --------------------------------------------------------------------


def test_a_coordinator_or_a_relative_records_for_those_who_cannot(clock: Clock) -> None:
    """The record names who acted; a relative may once they were named, until their day."""
    opened = timebank.open("memory:", permissions=Roles({"carla": "coordinator"}), **sources(clock))
    carla, luca = opened.acting_as("carla"), opened.acting_as("luca")
    for id in ("nonna", "maria"):
        carla.open_account(id)
    made = carla.transfer(earner="maria", spender="nonna", hours=1)
    assert "carla" == made.actor
    with pytest.raises(NotPermitted):
        luca.transfer(earner="maria", spender="nonna", hours=1)
    day = clock.now.date()
    opened.acting_as("nonna").name_delegate("nonna", "luca", until=day)
    assert "luca" == luca.transfer(earner="maria", spender="nonna", hours=1).actor
    assert Hours(-2) == luca.balance("nonna").posted
    clock.now += timedelta(days=1)
    with pytest.raises(NotPermitted):
        luca.transfer(earner="maria", spender="nonna", hours=1)
    opened.close()


# -- what is read ------------------------------------------------------------------------


def test_who_is_inactive(town: TimeBank, at: Callable[..., None]) -> None:
    """A settled hold is an exchange; a gift and a reversal are none; kinds as asked for."""
    town.open_account("rossi", kind="group", joined_on=date(2025, 1, 1))
    town.hold(earner="bruno", spender="fund", hours=1, id="h1")
    town.settle("h1", occurred_on=date(2026, 1, 1))
    town.transfer(earner="anna", spender="fund", hours=1, id="gift", kind="gift")
    town.reverse("gift", reason="a mistake")
    found = {one.id: one.last_exchange for one in town.inactive(since=date(2026, 1, 1))}
    assert {"anna": None, "rossi": None} == found
    assert ["rossi"] == [one.id for one in town.inactive(since=date(2026, 1, 1), kinds="group")]
    at(2027, 1, 1)
    assert ["fund"] == [one.id for one in town.inactive(since=date(2026, 6, 1), kinds=["fund"])]
    with pytest.raises(timebank.InvalidRequest, match="since is missing"):
        town.inactive(since=None)  # type: ignore[arg-type]
    with pytest.raises(timebank.InvalidRequest, match="kinds must be one of"):
        town.inactive(since=date(2026, 1, 1), kinds=["members"])


def test_everything_that_comes_back_has_an_id(town: TimeBank) -> None:
    """So that a host can name it."""
    adopt(town, dues=[{"hours": 2, "fund": "fund"}])
    report = town.run_due(through=date(2026, 1, 1))
    assert ("2026-01-01", Hours(4)) == (report.id, report.hours)
    assert "due:dues:2026:anna" == report.charges[0].id
    assert not report.charges[0].over_limit
    assert "luca" == town.name_delegate("anna", "luca").id
    assert "anna" == town.leave("anna", disposal=WriteOff("fund")).id


def test_disposals_that_cannot_be(town: TimeBank) -> None:
    """Two for a credit, two for a debt, something else: before anything is looked at."""
    credit, debt = Donate("fund"), WriteOff("fund")
    twice: list[list[Any]] = [[credit, Assign("bruno", consented=True)], [debt, debt]]
    for several in twice:
        with pytest.raises(timebank.InvalidRequest, match="one for a credit and one for a debt"):
            town.leave("anna", disposal=several)
    for none in ("fund", 7):
        with pytest.raises(timebank.WrongType, match="disposal is Donate"):
            town.leave("anna", disposal=none)  # type: ignore[arg-type]
    with pytest.raises(timebank.AccountNotFound):
        town.leave("nobody")
    with pytest.raises(timebank.InvalidRequest):
        Donate("")


def test_what_happened_to_an_account(town: TimeBank) -> None:
    """Who did it, and why: a reason that was given can be read again."""
    carla = town.acting_as("carla")
    carla.freeze("anna", reason="ill")
    carla.name_delegate("anna", "luca")
    carla.rename("anna", 'Anna "B."')
    town.transfer(earner="bruno", spender="fund", hours=1, category='"anna"')
    carla.leave("anna", reason="died on 3 June")
    expected = [
        ("open_account", None, None),
        ("freeze", "carla", "ill"),
        ("name_delegate", "carla", "luca"),
        ("rename", "carla", 'Anna "B."'),
        ("thaw", "carla", None),
        ("end_delegate", "carla", "luca"),
        ("close_account", "carla", "died on 3 June"),
    ]
    events = list(town.events("anna"))
    assert expected == [(event.kind, event.actor, event.text) for event in events]
    assert [event.sequence for event in events] == [event.id for event in events]
    with pytest.raises(timebank.AccountNotFound):
        town.events("nobody")
