"""Dues and demurrage: whose, since when, how much, by which statute; once, whoever asks."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import timebank
from support import run_due, sources
from timebank import (
    AccountNotFound,
    AccountNotOpen,
    Band,
    Corrupt,
    Demurrage,
    DueReport,
    Dues,
    Fee,
    Granularity,
    Hours,
    InvalidRequest,
    InvalidStatute,
    LargestExchange,
    NothingDue,
    Statute,
    TimeBank,
    Welcome,
    WrongType,
)
from timebank.journal import parse
from timebank.model import RecordRow
from timebank.queries import dues
from timebank.reports.statement import described
from timebank.storage.protocol import Batch, Reader


class Still:
    """A clock that moves only by hand."""

    def __init__(self) -> None:
        self.now = datetime(2026, 1, 1, 9, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        """The time."""
        return self.now

    def to(self, year: int, month: int, day: int) -> None:
        """Nine in the morning of a day."""
        self.now = datetime(year, month, day, 9, 0, tzinfo=UTC)


@pytest.fixture
def clock() -> Still:
    """One that the bank of a test has too."""
    return Still()


@pytest.fixture
def town(bank: TimeBank) -> TimeBank:
    """A fund and a member."""
    bank.open_account("fund", kind="fund")
    bank.open_account("anna")
    return bank


def adopt(bank: TimeBank, *dues: Dues, version: str = "v1", **rules: Any) -> None:
    """A statute with these dues."""
    bank.adopt(Statute(version=version, dues=list(dues), **rules))


def told(report: DueReport) -> list[tuple[str, str, str, str]]:
    """Account, rule, day and hours of each charge."""
    return [(c.account, c.rule, str(c.since), str(c.hours)) for c in report.charges]


# -- periods and parts -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("first_period", "hours"),
    [("whole", "3:00"), ("months", "1:00"), ("days", "0:32:37"), ("free", None)],
)
def test_a_first_period_that_is_not_whole(
    town: TimeBank, clock: Still, first_period: Any, hours: str | None
) -> None:
    """A quarter of 92 days, of which the last 16 or 17 are left, in the last of three months."""
    adopt(town, Dues(hours=3, every="quarter", fund="fund", first_period=first_period))
    clock.to(2026, 9, 14)
    town.open_account("new")
    clock.to(2026, 9, 30)
    found = {c.account: c for c in run_due(town).charges}
    if hours is None:
        assert "new" not in found
    else:
        expected = Hours("0:33:16") if first_period == "days" else Hours(hours)  # 17/92, up
        assert (expected, date(2026, 9, 14)) == (found["new"].hours, found["new"].since)
    assert ["2026-01-01", "2026-04-01", "2026-07-01"] == [
        str(t.occurred_on) for t in town.transfers(account="anna")
    ]


@pytest.mark.parametrize(
    ("every", "days"),
    [
        ("month", ["01-01", "02-01", "03-01", "04-01", "05-01", "06-01", "07-01"]),
        ("quarter", ["01-01", "04-01", "07-01"]),
        ("half-year", ["01-01", "07-01"]),
        ("year", ["01-01"]),
        ("once", []),  # anna was there before the rule
    ],
)
def test_periods_are_those_of_the_calendar(
    town: TimeBank, clock: Still, every: Any, days: list[str]
) -> None:
    """Each falls due on its first day, however late it is charged."""
    clock.to(2026, 1, 2) if every == "once" else None
    adopt(town, Dues(hours=1, every=every, fund="fund"))
    clock.to(2026, 7, 20)
    assert days == [str(c.since)[5:] for c in run_due(town).charges]


def test_what_does_not_fill_a_unit(town: TimeBank, clock: Still) -> None:
    """Goes to the fund, or stays with who pays."""
    rule: dict[str, Any] = {
        "hours": 1,
        "every": "year",
        "fund": "fund",
        "first_period": "months",
        "unit": "0:15",
    }
    adopt(town, Dues(**rule, name="up"), Dues(**rule, name="down", remainder_to="payer"))
    clock.to(2026, 5, 5)
    town.open_account("new")
    found = {c.rule: str(c.hours) for c in run_due(town).charges if c.account == "new"}
    assert {"up": "0:45", "down": "0:30"} == found  # 40 minutes


def test_a_share_that_comes_to_nothing_is_no_record(town: TimeBank, clock: Still) -> None:
    """Neither on this run nor on the next."""
    adopt(town, Dues(hours="0:01", fund="fund", first_period="days", unit=1, remainder_to="payer"))
    clock.to(2026, 3, 1)
    town.open_account("new")
    assert ["anna"] == [c.account for c in run_due(town).charges]
    assert () == run_due(town).charges


def test_kinds_and_several_rules(town: TimeBank, clock: Still) -> None:
    """Each rule is for its kinds; a fund gives nothing to itself."""
    town.open_account("rossi", kind="group")
    adopt(
        town,
        Dues(hours=1, fund="fund", kinds=["group"]),
        Dues(hours=2, fund="fund", name="all", kinds=["member", "group", "fund"]),
    )
    assert [("anna", "all"), ("rossi", "all"), ("rossi", "dues")] == sorted(
        (c.account, c.rule) for c in run_due(town).charges
    )


# -- the life of an account ---------------------------------------------------------------


def test_suspended_for_a_whole_period_owes_nothing_for_it(town: TimeBank, clock: Still) -> None:
    """Frozen from March to May: April is free; of March and May something was, so they are due."""
    adopt(town, Dues(hours=1, every="month", fund="fund"))
    clock.to(2026, 3, 10)
    town.freeze("anna")
    clock.to(2026, 4, 20)
    report = run_due(town)
    assert ([], ("anna",)) == (told(report), report.suspended)  # January to March wait
    clock.to(2026, 5, 15)
    town.thaw("anna")
    report = run_due(town)
    assert () == report.suspended
    assert ["2026-01-01", "2026-02-01", "2026-03-01", "2026-05-15"] == [
        str(c.since) for c in report.charges
    ]


def test_who_is_suspended_with_nothing_due_is_not_named(town: TimeBank, clock: Still) -> None:
    """The list is of those whose dues wait."""
    town.freeze("anna")
    adopt(town, Dues(hours=1, every="month", fund="fund"))
    clock.to(2026, 4, 20)
    assert () == run_due(town).suspended


def test_who_joined_before_the_account_was_opened(town: TimeBank, clock: Still) -> None:
    """Is a member since then, but for periods that were over when the account was opened."""
    adopt(town, Dues(hours=1, every="month", fund="fund"))
    clock.to(2026, 4, 10)
    town.open_account("late", joined_on=date(2026, 2, 15))
    assert ["2026-04-01"] == [str(c.since) for c in run_due(town).charges if c.account == "late"]


def test_who_will_join_is_not_charged_yet(town: TimeBank, clock: Still) -> None:
    """A day of joining ahead is waited for."""
    adopt(town, Dues(hours=1, every="month", fund="fund"))
    town.open_account("soon", joined_on=date(2026, 2, 20))
    assert ["anna"] == [c.account for c in run_due(town).charges]
    clock.to(2026, 2, 20)
    assert ("soon", "dues", "2026-02-20", "1:00") in told(run_due(town))


def test_dues_may_cross_a_floor_and_say_so(town: TimeBank) -> None:
    """The record has a flag, the report says it, the audit notes it; a hold counts."""
    adopt(town, Dues(hours=2, fund="fund"), limits={"member": Band(floor=-1)})
    town.hold(earner="fund", spender="anna", hours="0:30", id="held")
    (charge,) = run_due(town).charges
    assert charge.over_limit
    (flag,) = charge.transfer.flags
    assert ("floor", "anna", Hours("0:30"), Hours(2)) == (
        flag.rule,
        flag.account,
        flag.available,
        flag.needed,
    )
    report = town.audit()
    assert () == report.findings
    assert ["account 'anna' moves 2:00, though its floor -1:00 left 0:30"] == [
        note.text for note in report.notes
    ]
    with pytest.raises(timebank.LimitExceeded):
        town.transfer(earner="fund", spender="anna", hours="0:01")
    town.transfer(earner="anna", spender="fund", hours=1)


# -- statutes ----------------------------------------------------------------------------


def test_the_statute_in_force_in_each_period(town: TimeBank, clock: Still) -> None:
    """Two hours a month, then three, then none, then one: charged at the end, by each."""
    adopt(town, Dues(hours=2, every="month", fund="fund"))
    clock.to(2026, 2, 10)
    adopt(town, Dues(hours=3, every="month", fund="fund"), version="v2")
    clock.to(2026, 3, 20)
    adopt(town, version="v3")
    clock.to(2026, 5, 7)
    adopt(town, Dues(hours=1, every="month", fund="fund"), version="v4")
    clock.to(2026, 6, 2)
    report = run_due(town)
    assert [
        ("2026-01-01", "2:00", "v1"),
        ("2026-02-01", "2:00", "v1"),
        ("2026-03-01", "3:00", "v2"),
        ("2026-05-07", "1:00", "v4"),
        ("2026-06-01", "1:00", "v4"),
    ] == [(str(c.since), str(c.hours), _by(town, c.transfer.sequence)) for c in report.charges]


def _by(bank: TimeBank, sequence: int) -> str:
    record = next(bank.records(after=sequence - 1))
    body = parse(record.bytes)
    return str(body["request"]["by"])


def test_other_periods_do_not_charge_for_the_same_days(town: TimeBank, clock: Still) -> None:
    """The year was paid in January: a statute of months begins with the next year."""
    adopt(town, Dues(hours=12, every="year", fund="fund"))
    run_due(town)
    clock.to(2026, 7, 1)
    adopt(town, Dues(hours=1, every="month", fund="fund"), version="v2")
    clock.to(2026, 12, 31)
    assert () == run_due(town).charges
    clock.to(2027, 1, 1)
    assert [("anna", "dues", "2027-01-01", "1:00")] == told(run_due(town))


def test_the_day_is_that_of_the_banks_time_zone(town: TimeBank, clock: Still) -> None:
    """It is the first of the month in Rome while it is still the last one in London."""
    clock.now = datetime(2026, 3, 31, 22, 30, tzinfo=UTC)
    adopt(town, Dues(hours=1, every="month", fund="fund"), time_zone="Europe/Rome")
    assert [("anna", "dues", "2026-04-01", "1:00")] == told(town.run_due())


def test_through_a_day(town: TimeBank, clock: Still) -> None:
    """What falls due later waits: nothing is charged beyond the day of the clock."""
    adopt(town, Dues(hours=1, every="month", fund="fund"))
    clock.to(2026, 3, 31)
    assert 2 == len(town.run_due(through=date(2026, 2, 28)).charges)
    assert 1 == len(town.run_due(through=date(2026, 3, 31)).charges)
    with pytest.raises(InvalidRequest, match="through 2026-04-01 is in the future"):
        town.run_due(through=date(2026, 4, 1))
    with pytest.raises(WrongType):
        town.run_due(through=datetime(2026, 3, 1, tzinfo=UTC))


def test_once_and_then_each_year_under_one_name(town: TimeBank, clock: Still) -> None:
    """Who paid on joining pays the year as well; who joined between pays once."""
    clock.to(2026, 1, 2)
    adopt(town, Dues(hours=1, every="once", fund="fund"))
    clock.to(2026, 3, 1)
    town.open_account("new")
    assert [("new", "dues", "2026-03-01", "1:00")] == told(run_due(town))
    clock.to(2026, 12, 1)
    adopt(town, Dues(hours=4, every="year", fund="fund", first_period="free"), version="v2")
    clock.to(2028, 5, 1)
    assert [
        (id, "dues", f"{year}-01-01", "4:00") for year in (2027, 2028) for id in ("anna", "new")
    ] == told(run_due(town))


def test_once_with_free_months_outlives_an_amendment(town: TimeBank, clock: Still) -> None:
    """Whether one joined under the rule depends on the rule, not on the version of the statute."""
    rule = Dues(hours=1, every="once", fund="fund", from_month=3)
    clock.to(2026, 1, 2)
    adopt(town, rule)
    clock.to(2026, 3, 1)
    town.open_account("new")
    clock.to(2026, 5, 1)
    adopt(town, rule, version="v2", limits={"member": Band(floor=-3)})
    clock.to(2026, 9, 1)
    assert [("new", "dues", "2026-06-01", "1:00")] == told(run_due(town))


def test_two_accounts_never_share_an_id(town: TimeBank) -> None:
    """Not a long one and one that is called like its digest."""
    long = "x" * 120
    digest = f"sha256={hashlib.sha256(long.encode()).hexdigest()}"
    for id in (long, digest, digest.removeprefix("sha256=")):
        town.open_account(id)
    adopt(town, Dues(hours=1, fund="fund"))
    assert 4 == len({charge.id for charge in run_due(town).charges})


# -- demurrage ---------------------------------------------------------------------------


def test_demurrage_waits_for_the_end_of_the_day(town: TimeBank, clock: Still) -> None:
    """And counts what was done on it, and what was entered late, by the day of service."""
    clock.to(2026, 3, 1)
    adopt(town, demurrage=Demurrage(share="1/4", above=2, every="month", fund="fund"))
    clock.to(2026, 3, 31)
    assert () == run_due(town).charges
    town.transfer(earner="anna", spender="fund", hours=4)
    clock.to(2026, 4, 1)
    town.transfer(earner="anna", spender="fund", hours=2, occurred_on=date(2026, 3, 30))
    town.transfer(earner="anna", spender="fund", hours=50)
    (charge,) = run_due(town).charges
    assert (Hours(6), Hours(1)) == (charge.basis, charge.hours)
    assert (date(2026, 3, 1), date(2026, 3, 31)) == charge.period


def test_demurrage_of_a_period_that_began_without_it(town: TimeBank, clock: Still) -> None:
    """Is not taken; nor of who was frozen at its end; nor of what is not above the bound."""
    town.open_account("bruno")
    for id in ("anna", "bruno"):
        town.transfer(earner=id, spender="fund", hours=10)
    clock.to(2026, 1, 2)
    adopt(town, demurrage=Demurrage(share="1/2", above=9, every="month", fund="fund"))
    clock.to(2026, 2, 27)
    town.freeze("bruno")
    clock.to(2026, 3, 1)
    town.thaw("bruno")
    assert [("anna", "demurrage", "2026-02-28", "0:30")] == told(run_due(town))


def test_demurrage_run_late_is_that_of_being_run_on_time(clock: Still) -> None:
    """What the first period took is not counted again in the second one."""
    banks = [timebank.open("memory:", **sources(clock)) for _ in range(2)]
    for bank in banks:
        clock.to(2026, 1, 1)
        bank.open_account("fund", kind="fund")
        bank.open_account("anna")
        adopt(bank, demurrage=Demurrage(share="1/2", above=0, every="month", fund="fund"))
        bank.transfer(earner="anna", spender="fund", hours=8)
        for month in (2, 3, 4):
            clock.to(2026, month, 1)
            if bank is banks[0]:
                run_due(bank)
        run_due(bank)
    assert [Hours(1)] * 2 == [bank.balance("anna").posted for bank in banks]


def test_demurrage_is_not_taken_twice_of_the_same_days(town: TimeBank, clock: Still) -> None:
    """Months were charged: a half-year that began before is not, the next one is."""
    adopt(town, demurrage=Demurrage(share="1/4", above=0, every="month", fund="fund"))
    town.transfer(earner="anna", spender="fund", hours=8)
    clock.to(2026, 3, 1)
    assert 2 == len(run_due(town).charges)
    rule = Demurrage(share="1/4", above=0, every="half-year", fund="fund")
    adopt(town, version="v2", demurrage=rule)
    clock.to(2027, 1, 1)
    (charge,) = run_due(town).charges
    assert (date(2026, 7, 1), date(2026, 12, 31)) == charge.period


# -- once --------------------------------------------------------------------------------


def test_a_preview_a_batch_and_a_refusal(town: TimeBank, clock: Still) -> None:
    """A preview writes nothing, a batch that fails leaves nothing, a refused run charges none."""
    adopt(town, Dues(hours=1, fund="fund"))
    head = town.head()
    with town.preview() as preview:
        assert 1 == len(run_due(preview).charges)
        assert () == run_due(preview).charges
    with pytest.raises(ZeroDivisionError), town.batch() as batch:
        assert 1 == len(run_due(batch).charges)
        1 / 0  # noqa: B018
    town.freeze("fund")
    with pytest.raises(AccountNotOpen, match="'fund' is frozen"):
        run_due(town)
    with town.batch() as batch:
        with pytest.raises(AccountNotOpen):
            run_due(batch)
        batch.thaw("fund")
        assert 1 == len(run_due(batch).charges)
    assert head.sequence + 3 == town.head().sequence


def test_a_statement_says_what_dues_were_for(town: TimeBank) -> None:
    """Their rule and their period, on the statement, the transfer, and in its words."""
    adopt(town, Dues(hours=1, every="quarter", fund="fund"))
    (charge,) = run_due(town).charges
    (line,) = town.statement("anna").lines
    assert charge.period == charge.transfer.period == line.period
    assert charge.transfer == town.transfer_by_id(charge.id)
    assert ("dues", ("fund",)) == (line.kind, line.others)
    assert "dues 2026-01 to 2026-03" == described(line)
    town.reverse(charge.id, reason="forgiven")
    assert "reversal 2026-01 to 2026-03: forgiven" == described(town.statement("anna").lines[1])


def test_a_charge_that_was_reversed_is_not_made_again(town: TimeBank) -> None:
    """The board forgave it."""
    adopt(town, Dues(hours=1, fund="fund"))
    (charge,) = run_due(town).charges
    town.reverse(charge.id, reason="ill all year")
    assert () == run_due(town).charges
    assert Hours(0) == town.balance("anna").posted


@pytest.mark.parametrize(
    "call",
    [
        lambda bank, own: bank.transfer(earner="anna", spender="fund", hours=1, id=own),
        lambda bank, own: bank.hold(earner="anna", spender="fund", hours=1, id=own),
        lambda bank, own: bank.reverse("t", reason="why", id=own),
        lambda bank, own: bank.settle("h", id=own),
        lambda bank, own: bank.void("h", id=own),
    ],
)
def test_nobody_takes_the_id_of_their_dues(town: TimeBank, call: Callable[..., Any]) -> None:
    """Ids of the library's own are refused to everybody else."""
    with pytest.raises(InvalidRequest, match="ids that begin with due: are the library's own"):
        call(town, "due:dues:2026:anna")


# -- welcome -----------------------------------------------------------------------------


def test_welcome_by_the_statute_of_the_day_of_joining(town: TimeBank, clock: Still) -> None:
    """Not of the day of record: who joined before the rule has none, nor another kind."""
    clock.to(2026, 3, 1)
    adopt(town, welcome=Welcome(hours=2, fund="fund"))
    clock.to(2026, 4, 1)
    adopt(town, version="v2", welcome=Welcome(hours=5, fund="fund", kinds="group"))
    expected = {"a": (date(2026, 2, 28), 0), "b": (date(2026, 3, 1), 2), "c": (None, 0)}
    for id, (joined, hours) in expected.items():
        town.open_account(id, joined_on=joined)
        assert Hours(hours) == town.balance(id).posted
    town.open_account("g", kind="group")
    assert Hours(5) == town.balance("g").posted
    town.open_account("h", kind="group", welcome=False)
    assert Hours(0) == town.balance("h").posted
    with pytest.raises(NothingDue) as caught:
        town.welcome("a")
    assert ("a", "member", "nothing_due") == (
        caught.value.account,
        caught.value.of,
        caught.value.code,
    )


def test_an_account_and_its_welcome_are_one_commit(town: TimeBank) -> None:
    """Where the fund is frozen there is neither; opened again alike there is one of each."""
    adopt(town, welcome=Welcome(hours=2, fund="fund"), limits={"fund": Band(floor=-1)})
    town.freeze("fund")
    with pytest.raises(AccountNotOpen, match="'fund' is frozen"):
        town.open_account("new")
    with pytest.raises(AccountNotFound):
        town.account("new")
    with town.batch() as batch, pytest.raises(AccountNotOpen):
        batch.open_account("new")
    with pytest.raises(AccountNotFound):
        town.account("new")
    town.thaw("fund")
    town.open_account("new")
    head = town.head()
    town.open_account("new")
    assert head == town.head()
    assert ["account 'fund' moves 2:00, though its floor -1:00 left 1:00"] == [
        note.text for note in town.audit().notes
    ]


def test_a_welcome_that_was_reversed_can_be_given_again(town: TimeBank) -> None:
    """One that is partly taken back is still there."""
    adopt(town, welcome=Welcome(hours=2, fund="fund"))
    town.open_account("new")
    first = town.welcome("new")
    town.reverse(first.id, reason="less", hours=1)
    assert first.id == town.welcome("new").id
    town.reverse(first.id, reason="a mistake")
    assert "due:welcome:2:new" == town.welcome("new").id
    with pytest.raises(AccountNotFound):
        town.welcome("nobody")


# -- statutes that cannot be -------------------------------------------------------------
#: The same classes, for arguments that no type checker lets pass.
DUES: Any = Dues
DEMURRAGE: Any = Demurrage
WELCOME: Any = Welcome
STATUTE: Any = Statute
FEE: Any = Fee
GRANULARITY: Any = Granularity
LARGEST: Any = LargestExchange


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: DUES(hours=0, fund="f"), "hours must be more than 0:00"),
        (lambda: DUES(hours=None, fund="f"), "hours is missing"),
        (lambda: DUES(hours=1, fund="f", unit=None), "unit is missing"),
        (lambda: DEMURRAGE(share="1/2", above=1, fund="f", unit=None), "unit is missing"),
        (lambda: FEE(share="1/2", fund="f", unit=None), "unit is missing"),
        (lambda: GRANULARITY(unit=None), "unit is missing"),
        (lambda: LARGEST(hours=None), "hours is missing"),
        (lambda: DUES(hours=1, fund=""), "fund"),
        (lambda: DUES(hours=1, fund="f", every="week"), "every must be one of once, month"),
        (lambda: DUES(hours=1, fund="f", name="Dues:1"), "name must be up to 32 of"),
        (lambda: DUES(hours=1, fund="f", name="welcome"), "is that of another rule"),
        (lambda: DUES(hours=1, fund="f", kinds=["members"]), "'members' is none of member"),
        (lambda: DUES(hours=1, fund="f", kinds=[]), "kinds must be kinds of account"),
        (lambda: DUES(hours=1, fund="f", kinds=7), "kinds must be kinds of account"),
        (lambda: DUES(hours=1, fund="f", from_month=-1), "from_month"),
        (lambda: DUES(hours=1, fund="f", first_period="half"), "first_period"),
        (lambda: DEMURRAGE(share=None, above=1, fund="f"), "share is missing"),
        (lambda: DEMURRAGE(share="1/2", above=-1, fund="f"), "above must be 0:00 or more"),
        (lambda: DEMURRAGE(share="1/2", above=None, fund="f"), "above is missing"),
        (lambda: DEMURRAGE(share="1/2", above=1, fund="f", every="once"), "every"),
        (lambda: WELCOME(hours=1, fund="f", due_back="no"), "due_back must be true or false"),
        (lambda: STATUTE(version="v", dues=7), "dues must be Dues"),
        (lambda: STATUTE(version="v", dues=[1]), "dues must be Dues"),
        (
            lambda: STATUTE(version="v", dues=[Dues(hours=1, fund="f"), Dues(hours=2, fund="f")]),
            "each with a name of its own",
        ),
        (lambda: STATUTE(version="v", welcome=1), "welcome must be Welcome"),
        (lambda: Statute.from_json('{"version":"v","dues":{"hours":1}}'), "dues: an array"),
        (
            lambda: Statute.from_json('{"version":"v","dues":[{"hours":1,"found":"f"}]}'),
            r"dues\[0\]: the key 'found' is not known",
        ),
    ],
)
def test_a_rule_that_cannot_be(make: Callable[[], object], says: str) -> None:
    """It is refused when it is made, and says what is wrong."""
    with pytest.raises(InvalidRequest, match=says):
        make()


def test_a_statute_is_read_back_before_it_is_written(
    town: TimeBank, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What could not be read again would be in force for ever."""
    monkeypatch.setattr("timebank.rules.statutes.as_record", lambda _: {"version": "other"})
    with pytest.raises(InvalidStatute, match="would not be read back as it is written"):
        adopt(town)


def test_a_day_of_joining_too_far_ahead(town: TimeBank, clock: Still) -> None:
    """A year is enough for a plan; more is a slip."""
    clock.to(2026, 3, 1)
    town.open_account("soon", joined_on=date(2027, 3, 2))
    with pytest.raises(InvalidRequest, match="joined_on 2062-02-01 is too far ahead"):
        town.open_account("slip", joined_on=date(2062, 2, 1))


def test_what_is_due_can_be_seen_before(town: TimeBank, clock: Still) -> None:
    """Of one account, also by a day to come; nothing is charged by looking."""
    adopt(
        town,
        Dues(hours=1, fund="fund", every="half-year"),
        demurrage=Demurrage(share="1/2", above=1, fund="fund", every="half-year"),
    )
    town.transfer(earner="anna", spender="fund", hours=5)
    head = town.head()
    seen = town.dues("anna", through=date(2026, 12, 31))
    assert [
        ("dues 2026-01-01", Hours(1), None, "v1"),
        ("demurrage 2026-06-30", Hours(2), Hours(5), "v1"),
        ("dues 2026-07-01", Hours(1), None, "v1"),
        ("demurrage 2026-12-31", Hours(2), Hours(5), "v1"),
    ] == [(one.id, one.hours, one.basis, one.statute) for one in seen]
    assert head == town.head()
    assert ["dues"] == [one.rule for one in town.dues("anna")]
    run_due(town)
    assert () == town.dues("anna")
    with pytest.raises(AccountNotFound):
        town.dues("nobody")


def test_what_is_due_of_all_is_what_is_due_of_each(town: TimeBank, clock: Still) -> None:
    """Without an account: in one reading of the journal, by day; and what a run then charges."""
    clock.to(2026, 3, 2)
    adopt(
        town, Dues(hours=1, fund="fund", every="half-year"), Dues(hours=2, fund="fund", name="card")
    )
    for through in (None, date(2026, 12, 31)):
        each = [due for one in town.accounts() for due in town.dues(one.id, through=through)]
        every = town.dues(through=through)
        assert sorted(each, key=lambda one: (one.since, one.rule, one.account)) == list(every)
        assert every
    due = [(one.account, one.rule, one.hours) for one in town.dues()]
    assert due == [(one.account, one.rule, one.hours) for one in run_due(town).charges]
    assert () == town.dues()


def test_the_funds_of_a_statute_must_be_there(town: TimeBank) -> None:
    """All of them, when it is adopted."""
    for rules in (
        {"welcome": Welcome(hours=1, fund="none")},
        {"dues": Dues(hours=1, fund="none")},
        {"demurrage": Demurrage(share="1/2", above=1, fund="none")},
    ):
        with pytest.raises(AccountNotFound, match="'none'"):
            town.adopt(Statute(version="v1", **rules))
    with pytest.raises(InvalidStatute):
        Statute(version="v1", dues=[Dues(hours=1, fund="f", name=str(n)) for n in range(13)])


def test_a_journal_that_cannot_be_read() -> None:
    """It is corrupt, and says where; no other error comes out."""
    with timebank.open("memory:") as bank:
        bank.open_account("fund", kind="fund")
        bank.adopt(Statute(version="v1", dues=[Dues(hours=1, fund="fund")]))
        with bank.store.writer("main") as writer:
            body = b'{"effects":{},"kind":"freeze","recorded_at":1,"request":{}}'
            writer.append(Batch(records=[RecordRow(3, bytes(32), body, "freeze", None, None)]))
        with pytest.raises(Corrupt, match="record 3 cannot be read"):
            run_due(bank)


@pytest.mark.parametrize("is_due", [False, True])
def test_the_journal_is_read_where_something_may_be_due(
    is_due: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who never had dues closes books, and runs dues, without reading all that there is."""
    with timebank.open("memory:", **sources()) as bank:
        bank.open_account("fund", kind="fund")
        bank.open_account("m", kind="fund")
        bank.adopt(Statute(version="v1", dues=[Dues(hours=1, fund="fund")] if is_due else []))
        bank.adopt(Statute(version="v2"))
        asked: list[int] = []
        real = dues.records  # type: ignore[attr-defined] # as it is called there

        def records(reader: Reader, *, after: int, limit: int) -> Iterator[RecordRow]:
            asked.append(after)
            return real(reader, after=after, limit=limit)

        monkeypatch.setattr(dues, "records", records)
        bank.close_books(through=date(2026, 2, 1), reason="approved")
        assert () == run_due(bank).charges
        assert () == bank.dues("m")
        assert is_due == bool(asked)


# -- a property --------------------------------------------------------------------------

actions = st.one_of(
    st.tuples(st.sampled_from(["freeze", "thaw"]), st.sampled_from("ab")),
    st.tuples(st.just("adopt"), st.integers(0, 5)),
    st.tuples(st.just("open"), st.integers(-60, 40)),
    st.tuples(st.just("spend"), st.integers(1, 5)),
)
RULES: list[dict[str, Any]] = [
    {},
    {"dues": Dues(hours=1, every="month", fund="fund", first_period="days")},
    {"dues": Dues(hours=3, every="quarter", fund="fund", first_period="months", from_month=1)},
    {
        "dues": [
            Dues(hours=2, every="once", name="joining", fund="fund", from_month=1),
            Dues(hours=12, every="year", fund="fund", first_period="free"),
        ]
    },
    {"demurrage": Demurrage(share="1/3", above=1, every="month", fund="fund")},
    {
        "demurrage": Demurrage(share="1/7", above=0, every="quarter", fund="fund", unit="7s"),
        "dues": Dues(hours=1, every="month", fund="fund"),
    },
]


def _act(bank: TimeBank, day: date, what: str, value: Any) -> None:
    """What happens on a day; nothing, where it cannot."""
    if what == "adopt":
        bank.adopt(Statute(version=f"v{value}", **RULES[value]))
    elif what == "open":
        joined = day + timedelta(days=value)
        bank.open_account(f"joined {joined}", joined_on=joined)
    elif what == "spend":
        if bank.account("a").status == "open":
            bank.transfer(earner="a", spender="fund", hours=value)
    else:
        getattr(bank, what)(value)


def _lived(history: list[tuple[int, tuple[str, Any]]], *, nightly: bool) -> list[tuple[Any, ...]]:
    """The charges of a history, run at the end of each day or of the last one only."""
    clock = Still()
    with timebank.open("memory:", **sources(clock)) as bank:
        bank.open_account("fund", kind="fund")
        for id in "ab":
            bank.open_account(id)
        for days, (what, value) in history:
            for _ in range(days):
                if nightly:
                    run_due(bank)
                clock.now += timedelta(days=1)
            _act(bank, clock.now.date(), what, value)
        clock.now += timedelta(days=1)
        for id in "ab":
            bank.thaw(id)
        run_due(bank)
        assert () == run_due(bank).charges
        assert () == bank.audit().findings
        return sorted((t.id, t.hours, t.occurred_on) for t in bank.transfers() if t.id[0] == "d")


@given(st.lists(st.tuples(st.integers(0, 45), actions), min_size=2, max_size=12))
def test_run_every_night_or_once_at_the_end(history: list[tuple[int, tuple[str, Any]]]) -> None:
    """The same is charged, of the same days, whenever it is run; a second run charges nothing.

    What happens on a day of a run happens before it: else the run could not have known.
    """
    assert _lived(history, nightly=False) == _lived(history, nightly=True)
