"""Corrections: what an exchange was for, who joined when, who is whom, which books are closed."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

import timebank
from bank.places import url_at
from servers import ON_SERVERS
from support import Clock, sources
from timebank import (
    AccountNotEmpty,
    AccountNotFound,
    AccountNotOpen,
    Band,
    BooksClosed,
    Demurrage,
    Donate,
    Dues,
    DuesNotCharged,
    FundInUse,
    HoldsOpen,
    Hours,
    IdempotencyMismatch,
    InvalidRequest,
    Statute,
    TimeBank,
    TransferNotFound,
    Welcome,
    WriteOff,
    WrongType,
)

DAY = timedelta(days=1)
BEGINNING = datetime(2026, 12, 1, 9, tzinfo=UTC)
TODAY = BEGINNING.date()


@pytest.fixture
def clock() -> Clock:
    """A clock in the last month of a year."""
    return Clock(BEGINNING)


@pytest.fixture(params=["memory", "file", *ON_SERVERS])
def bank(request: pytest.FixtureRequest, tmp_path: Path, clock: Clock) -> Iterator[TimeBank]:
    """Three members, a family, a fund; audited at the end, and made anew."""
    with url_at(request.param, tmp_path) as url, timebank.open(url, **sources(clock)) as made:
        made.open_account("fund", kind="fund")
        for id in ("m1", "m2", "again"):
            made.open_account(id, name=f"Name of {id}")
        made.open_account("f1", kind="group")
        yield made
        assert () == made.audit().findings
        before = everything(made)
        made.rebuild()
        assert before == everything(made)
        assert () == made.audit().findings


def everything(bank: TimeBank) -> list[Any]:
    """All that a rebuild could change."""
    found = list(bank.accounts())
    return [
        found,
        [bank.balance(one.id) for one in found],
        list(bank.transfers()),
        list(bank.holds(status=None)),
        list(bank.closings()),
    ]


def pay(bank: Any, id: str, *, earner: Any = "m1", spender: Any = "m2", **more: Any) -> Any:
    """An exchange of two hours."""
    return bank.transfer(earner=earner, spender=spender, hours=2, id=id, **more)


# -- what an exchange was for ----------------------------------------------------------------


def test_what_is_amended_is_what_is_shown(bank: TimeBank) -> None:
    """Each field is given, changed and taken away; the record that was stays as it was."""
    pay(bank, "t1", category="shoping", note="for Ann, not Anna", started_at=time(9, 30))
    first = next(bank.records(after=bank.head().sequence - 1))
    amended = bank.amend(
        "t1",
        category="shopping",
        area="family-help",
        resource="car",
        note="for Anna",
        tags=["b", "a"],
        started_at=None,
        ended_at=time(0, 15),
        reason="a slip",
    )
    shown = bank.transfer_by_id("t1")
    assert amended == shown
    assert ("shopping", "family-help", "car", "for Anna") == (
        *(shown.category, shown.area, shown.resource, shown.note),
    )
    assert (("a", "b"), None, time(0, 15)) == (shown.tags, shown.started_at, shown.ended_at)
    (one,) = shown.amendments
    assert {
        "area": (None, "family-help"),
        "category": ("shoping", "shopping"),
        "ended_at": (None, time(0, 15)),
        "note": ("for Ann, not Anna", "for Anna"),
        "resource": (None, "car"),
        "started_at": (time(9, 30), None),
        "tags": ((), ("a", "b")),
    } == one.changes
    assert "a slip" == one.reason
    again = bank.amend("t1", category=None, note=None, tags=(), reason="it was neither")
    assert (None, None, ()) == (again.category, again.note, again.tags)
    assert "family-help" == again.area
    last = bank.head().sequence
    assert [last - 1, last] == [one.sequence for one in again.amendments]
    assert first == next(bank.records(after=first.sequence - 1))


def test_repeated_alike_nothing_is_appended(bank: TimeBank) -> None:
    """Whatever of it is so already: each correction, and each that was corrected back."""
    pay(bank, "t1", category="care", note="a")
    bank.amend("t1", category="shopping", note="b", reason="a slip")
    before = bank.head()
    alike: list[dict[str, Any]] = [
        {"category": "shopping"},
        {"note": "b"},
        {"area": None},
        {"tags": []},
    ]
    for given in alike:
        bank.amend("t1", **given, reason="another reason")
    assert before == bank.head()
    bank.amend("t1", category="care", note="a", reason="it was right")
    assert before.sequence + 1 == bank.head().sequence
    bank.amend_account("m1", joined_on=TODAY, kind="member", reason="a slip")
    bank.close_books(through=TODAY - DAY, reason="approved")
    bank.merge("again", into="m1", reason="twice")
    before = bank.head()
    bank.amend_account("m1", joined_on=TODAY, reason="a slip")
    assert TODAY - DAY == bank.close_books(through=TODAY - DAY, reason="approved").through
    assert "m1" == bank.merge("again", into="m1", reason="twice").id
    assert before == bank.head()


def test_what_cannot_be_amended(bank: TimeBank) -> None:
    """Each is told in the order of the errors, and nothing is recorded."""
    pay(bank, "t1")
    bank.reverse("t1", reason="r", id="r1")
    bank.hold(earner="m1", spender="m2", hours=1, id="h1")
    bank.void("h1", id="v1")
    before = bank.head()
    with pytest.raises(TransferNotFound):
        bank.amend("t9", category="x", reason="r")
    for id in ("r1", "v1"):
        with pytest.raises(InvalidRequest, match=f"'{id}' is"):
            bank.amend(id, category="x", reason="r")
    wrongly: list[dict[str, Any]] = [
        {},
        {"category": "x", "reason": ""},
        {"category": " x"},
        {"category": ""},
    ]
    for given in wrongly:
        with pytest.raises(InvalidRequest):
            bank.amend("t1", **{"reason": "r"} | given)
    for wrong in ("09:30", 9, datetime(2026, 1, 1)):  # noqa: DTZ001  # that is the fault
        with pytest.raises(WrongType):
            bank.amend("t1", started_at=wrong, reason="r")  # type: ignore[arg-type]
    for odd in (time(9, 30, 1), time(9, 30, tzinfo=timezone.utc)):  # noqa: UP017
        with pytest.raises(InvalidRequest, match="whole minutes"):
            bank.amend("t1", ended_at=odd, reason="r")
    assert before == bank.head()


def test_a_settlement_is_described_by_its_hold(bank: TimeBank) -> None:
    """Before and after it was settled, under either id."""
    bank.hold(earner="m1", spender="m2", hours=1, id="h1", category="a", note="n")
    held = bank.amend("h1", category="b", reason="a slip")
    assert ("b", "open") == (held.category, bank.hold_by_id("h1").status)
    bank.settle("h1", id="s1")
    assert ("b", "n", True) == (
        bank.transfer_by_id("s1").category,
        bank.transfer_by_id("s1").note,
        bank.transfer_by_id("s1").amended,
    )
    bank.amend("s1", note="o", reason="a slip")
    assert ("o", "o") == (bank.transfer_by_id("s1").note, bank.hold_by_id("h1").note)
    assert ("settled", "s1") == (bank.hold_by_id("h1").status, bank.hold_by_id("h1").resolved_by)
    assert 2 == len(bank.transfer_by_id("s1").amendments)
    bank.hold(earner="m1", spender="m2", hours=1, id="h2", note="n")
    bank.amend("h2", note="m", reason="a slip")
    assert "m" == bank.void("h2").note


def test_an_amended_exchange_is_reversed_and_settled_as_ever(bank: TimeBank) -> None:
    """What refers to it is not taken for a reversal, nor for what resolved a hold."""
    pay(bank, "t1")
    bank.amend("t1", category="x", reason="r")
    bank.reverse("t1", hours="0:30", reason="r")
    bank.amend("t1", category="y", reason="r")
    assert Hours("1:30") == bank.reverse("t1", reason="r").hours
    bank.hold(earner="m1", spender="m2", hours=1, id="h1")
    bank.amend("h1", category="x", reason="r")
    assert Hours(1) == bank.settle("h1").hours
    assert Hours(1) == bank.balance("m1").posted


def test_an_erased_note_is_not_brought_back(bank: TimeBank) -> None:
    """It counts as alike; an amendment of something else leaves it out."""
    pay(bank, "t1", note="to the clinic")
    bank.amend("t1", note="to the hospital", reason="of Maria")
    bank.erase("m1", reason="asked for")
    assert (None, (None, None), None) == (
        bank.transfer_by_id("t1").note,
        bank.transfer_by_id("t1").amendments[0].changes["note"],
        bank.transfer_by_id("t1").amendments[0].reason,
    )
    before = bank.head()
    bank.amend("t1", note="to the hospital", reason="of Maria")
    bank.amend("t1", note="another one", reason="of Maria")
    assert before == bank.head()
    with pytest.raises(InvalidRequest, match="was erased"):
        bank.amend("t1", note="to the hospital", category="care", reason="r")
    bank.amend("t1", category="care", reason="r")
    assert ("care", None) == (bank.transfer_by_id("t1").category, bank.transfer_by_id("t1").note)
    bank.amend("t1", note=None, reason="there is none")
    bank.amend("t1", note="by bus", reason="a new one")
    assert "by bus" == bank.transfer_by_id("t1").note


@pytest.mark.parametrize("id", ["h1", "s1"])
def test_the_texts_of_a_settlement_are_those_of_its_hold(bank: TimeBank, id: str) -> None:
    """Amended by either id, they are erased by either; and by the record of either."""
    bank.hold(earner="m1", spender="m2", hours=1, id="h1", note="the plan")
    bank.settle("h1", id="s1")
    bank.amend(id, note="she was ill", reason="told later")
    assert 3 == bank.erase(record=id, reason="asked for").texts
    assert bank.transfer_by_id("s1").note is None
    bank.amend("h1", note=None, reason="what was erased is gone")
    bank.amend("h1", note="private", reason="once more")
    sequence = bank.transfer_by_id("s1").sequence
    assert 3 == bank.erase(record=sequence, reason="asked for").texts
    assert bank.transfer_by_id("s1").note is None


def test_times_of_an_exchange(bank: TimeBank) -> None:
    """They are what was given, of holds and settlements too; a repeat must give the same."""
    given: Any = {"started_at": time(22, 0), "ended_at": time(1, 30)}
    assert (time(22, 0), time(1, 30)) == (
        pay(bank, "t1", **given).started_at,
        pay(bank, "t1", **given).ended_at,
    )
    with pytest.raises(IdempotencyMismatch, match="from was '22:00', now it is left out"):
        pay(bank, "t1", ended_at=time(1, 30))
    bank.hold(earner="m1", spender="m2", hours=1, id="h1", **given)
    assert time(22, 0) == bank.hold_by_id("h1").started_at
    assert time(1, 30) == bank.settle("h1").ended_at


# -- accounts --------------------------------------------------------------------------------


def test_limits_by_months_follow_the_day_of_joining(bank: TimeBank, clock: Clock) -> None:
    """Until it was said the account was in month 0."""
    bands = [Band(floor=-1), Band(from_month=12, floor=-25)]
    bank.adopt(Statute(version="v/1", limits={"member": bands}))
    assert Hours(-1) == bank.balance("m1").floor
    bank.amend_account("m1", joined_on=date(2016, 1, 15), reason="by her card")
    assert Hours(-25) == bank.balance("m1").floor
    bank.amend_account("m1", joined_on=None, reason="it was another's card")
    assert (None, Hours(-1)) == (bank.account("m1").joined_on, bank.balance("m1").floor)
    ahead = clock.now.date() + 300 * DAY
    assert ahead == bank.amend_account("m1", joined_on=ahead, reason="next autumn").joined_on
    with pytest.raises(InvalidRequest, match="too far ahead"):
        bank.amend_account("m1", joined_on=ahead + 100 * DAY, reason="r")


def test_kinds_of_people_become_one_another(bank: TimeBank) -> None:
    """And no others; a statute's fund stays one."""
    bank.open_account("desk", kind="organisation")
    bank.adopt(Statute(version="v/1", dues=Dues(hours=1, fund="desk", every="once")))
    assert "group" == bank.amend_account("m1", kind="group", reason="a family").kind
    assert "organisation" == bank.amend_account("m1", kind="organisation", reason="r").kind
    with pytest.raises(FundInUse):
        bank.amend_account("desk", kind="member", reason="r")
    with pytest.raises(InvalidRequest, match="never another"):
        bank.amend_account("fund", kind="organisation", reason="r")
    for kind in ("fund", "clearing", "people"):
        with pytest.raises(InvalidRequest, match="kind must be one of"):
            bank.amend_account("m1", kind=kind, reason="r")
    with pytest.raises(InvalidRequest, match="nothing to amend"):
        bank.amend_account("m1", reason="r")
    with pytest.raises(AccountNotFound):
        bank.amend_account("m9", kind="group", reason="r")
    assert "member" == bank.open_account("m2", name="Name of m2").kind


def test_dues_go_by_what_is_known_when_they_are_recorded(bank: TimeBank, clock: Clock) -> None:
    """What was charged stays; what was not goes by the kind and the day of today."""
    dues = Dues(hours=4, fund="fund", first_period="months")
    bank.adopt(Statute(version="v/1", dues=dues))
    bank.run_due(through=clock.now.date())
    charged = Hours("0:20")  # a month of a year, for members only
    assert Hours(0) - charged == bank.balance("m1").posted
    bank.amend_account("f1", kind="member", joined_on=date(2026, 1, 1), reason="one person")
    bank.amend_account("m1", joined_on=date(2020, 1, 1), reason="by her card")
    bank.amend_account("m2", kind="group", reason="a family")
    clock.now += timedelta(days=40)
    bank.run_due(through=clock.now.date())
    # From the day of the statute on, a month of 2026; and all of 2027.
    assert Hours("-4:20") == bank.balance("f1").posted
    assert Hours("-4:20") == bank.balance("m1").posted
    assert Hours(0) - charged == bank.balance("m2").posted


def test_each_correction_has_a_reason(bank: TimeBank) -> None:
    """For whoever reads it later; none is recorded without."""
    pay(bank, "t1")
    before = bank.head()
    calls: list[Any] = [
        lambda reason: bank.amend("t1", category="x", reason=reason),
        lambda reason: bank.amend_account("m1", kind="group", reason=reason),
        lambda reason: bank.close_books(through=TODAY - DAY, reason=reason),
        lambda reason: bank.merge("again", into="m1", reason=reason),
    ]
    for call in calls:
        for reason in ("", None):
            with pytest.raises(InvalidRequest, match="needs a reason"):
                call(reason)
    assert before == bank.head()


# -- closed books ----------------------------------------------------------------------------


def test_nothing_of_a_closed_day_is_recorded(bank: TimeBank, clock: Clock) -> None:
    """Not a transfer, a hold, a settlement, a reversal or an amendment; and no day after it is."""
    day = TODAY - 9 * DAY
    pay(bank, "t1", occurred_on=day)
    bank.hold(earner="m1", spender="m2", hours=1, id="h1", occurred_on=day)
    bank.close_books(through=day, reason="approved")
    before = bank.head()
    calls: list[Any] = [
        lambda: pay(bank, "t2", occurred_on=day),
        lambda: pay(bank, "t2", occurred_on=day, kind="gift", limits="unchecked"),
        lambda: pay(bank, "t2", occurred_on=date(1, 1, 1)),
        lambda: bank.hold(earner="m1", spender="m2", hours=1, occurred_on=day),
        lambda: bank.settle("h1", occurred_on=day),
        lambda: bank.reverse("t1", reason="r", occurred_on=day),
        lambda: bank.amend("t1", category="x", reason="r"),
    ]
    for call in calls:
        with pytest.raises(BooksClosed) as caught:
            call()
        assert day == caught.value.through
    assert before == bank.head()
    assert day == pay(bank, "t1", occurred_on=day).occurred_on  # done before, and repeated
    pay(bank, "t2", occurred_on=day + DAY)


def test_what_takes_today_instead(bank: TimeBank, clock: Clock) -> None:
    """A reversal, a settlement, and dues of a closed day."""
    day = TODAY - 9 * DAY
    pay(bank, "t1", occurred_on=day)
    bank.hold(earner="m1", spender="m2", hours=1, id="h1", occurred_on=day)
    bank.amend("h1", category="x", reason="a hold is in no books")
    bank.close_books(through=day, reason="approved")
    bank.amend("h1", category="y", reason="nor now")
    assert TODAY == bank.reverse("t1", reason="r", hours=1).occurred_on
    assert TODAY == bank.settle("h1", id="s1").occurred_on
    bank.amend("s1", category="z", reason="it is of today")
    assert [Hours(2), Hours(2)] == [
        bank.balance("m1", on=day).posted,
        bank.balance("m1", on=TODAY).posted,
    ]


def test_dues_that_fall_due_in_closed_books(bank: TimeBank, clock: Clock) -> None:
    """They keep the day on which they fell due, and are posted today; demurrage too."""
    bank.freeze("m1")
    bank.open_account("late", joined_on=date(2027, 2, 1))
    pay(bank, "t1", earner="m2", spender="f1")
    bank.adopt(
        Statute(
            version="v/1",
            dues=Dues(hours=1, fund="fund", every="month"),
            demurrage=Demurrage(share="1/2", above=0, fund="fund", every="month"),
        )
    )
    bank.thaw("m1")
    bank.run_due(through=clock.now.date())
    bank.freeze("m1")
    clock.now += timedelta(days=31)
    with pytest.raises(DuesNotCharged) as caught:
        bank.close_books(through=date(2026, 12, 31), reason="approved")
    assert ("m2",) == caught.value.accounts  # for demurrage of December
    bank.run_due(through=date(2026, 12, 31))
    bank.close_books(through=date(2026, 12, 31), reason="approved")
    bank.thaw("m1")
    (due, *_) = bank.run_due(through=clock.now.date()).charges
    assert date(2027, 1, 1) == due.since
    # A day of joining that was wrong: a month falls due that is closed.
    bank.amend_account("late", joined_on=date(2026, 12, 5), reason="by her card")
    charges = list(bank.run_due(through=clock.now.date()).charges)
    assert [date(2026, 12, 5), date(2027, 1, 1)] == [one.since for one in charges]
    assert [clock.now.date(), date(2027, 1, 1)] == [one.transfer.occurred_on for one in charges]
    assert Hours(0) == bank.balance("late", on=date(2026, 12, 31)).posted


def test_a_welcome_of_a_closed_day(bank: TimeBank) -> None:
    """Who is said to have joined long ago has it today."""
    bank.close_books(through=TODAY - DAY, reason="approved")
    bank.adopt(Statute(version="v/1", welcome=Welcome(hours=2, fund="fund")))
    bank.open_account("new", joined_on=TODAY)
    (given,) = bank.transfers(account="new")
    assert TODAY == given.occurred_on


def test_books_are_opened_again(bank: TimeBank, clock: Clock) -> None:
    """By an earlier day or none, and all of it is told."""
    with pytest.raises(InvalidRequest, match="no books are closed"):
        bank.close_books(through=None, reason="r")
    for wrong in (clock.now.date(), clock.now.date() + DAY):
        with pytest.raises(InvalidRequest, match="is not over"):
            bank.close_books(through=wrong, reason="r")
    bank.close_books(through=TODAY - DAY, reason="the wrong year")
    bank.close_books(through=TODAY - 9 * DAY, reason="it was a slip")
    pay(bank, "t1", occurred_on=TODAY - DAY)
    bank.close_books(through=None, reason="a visit was forgotten")
    pay(bank, "t2", occurred_on=TODAY - 20 * DAY)
    assert [
        (None, "a visit was forgotten"),
        (TODAY - 9 * DAY, "it was a slip"),
        (TODAY - DAY, "the wrong year"),
    ] == [(one.through, one.reason) for one in bank.closings()]


def test_a_restart_of_the_clock_moves_the_day_back(bank: TimeBank, clock: Clock) -> None:
    """What a clock closed that was ahead is closed through the day before the restart."""
    clock.now += timedelta(days=900)
    bank.close_books(through=clock.now.date() - DAY, reason="approved")
    clock.now = BEGINNING + timedelta(hours=1)
    bank.restart_clock(today=TODAY, reason="a battery was empty")
    assert TODAY - DAY == next(bank.closings()).through
    pay(bank, "t1")
    with pytest.raises(BooksClosed):
        pay(bank, "t2", occurred_on=TODAY - DAY)
    bank.close_books(through=None, reason="it was closed by that clock")
    pay(bank, "t2", occurred_on=TODAY - DAY)


# -- merges ----------------------------------------------------------------------------------


def test_a_duplicate_becomes_the_account_that_stays(bank: TimeBank) -> None:
    """The balance moves, the other is closed for good, and is named in every refusal."""
    pay(bank, "t1", earner="again", spender="f1")
    bank.name_delegate("again", "luca")
    assert "m1" == bank.merge("again", into="m1", reason="registered twice").id
    merged = bank.account("again")
    assert ("closed", "m1") == (merged.status, merged.merged_into)
    assert [Hours(2), Hours(0)] == [bank.balance(id).posted for id in ("m1", "again")]
    assert () == bank.delegates("again")
    before = bank.head()
    calls: list[Any] = [
        lambda: pay(bank, "t2", earner="again"),
        lambda: pay(bank, "t2", spender="again"),
        lambda: pay(bank, "t2", via="again"),
        lambda: bank.hold(earner="again", spender="m2", hours=1),
        lambda: bank.rename("again", "x"),
        lambda: bank.set_limits("again", floor=-1),
        lambda: bank.freeze("again"),
        lambda: bank.thaw("again"),
        lambda: bank.close_account("again"),
        lambda: bank.reopen("again"),
        lambda: bank.amend_account("again", kind="group", reason="r"),
        lambda: bank.name_delegate("again", "luca"),
        lambda: bank.end_delegate("again", "luca"),
        lambda: bank.welcome("again"),
        lambda: bank.leave("again"),
        lambda: bank.erase("again", reason="r"),
        lambda: bank.merge("again", into="m2", reason="r"),
        lambda: bank.merge("m2", into="again", reason="r"),
    ]
    for call in calls:
        with pytest.raises(AccountNotOpen, match="merged into 'm1'") as caught:
            call()
        assert ("again", "m1") == (caught.value.account, caught.value.merged_into)
    assert before == bank.head()
    assert "closed" == bank.open_account("again", name="Name of again").status
    pay(bank, "t1", earner="again", spender="f1")
    assert before == bank.head()


def test_what_cannot_be_merged(bank: TimeBank) -> None:
    """Each is told, and nothing is recorded."""
    bank.open_account("gas", kind="clearing")
    bank.open_account("gas2", kind="clearing")
    bank.open_account("pot", kind="fund")
    bank.open_account("shut")
    bank.close_account("shut")
    bank.open_account("cold")
    bank.freeze("cold")
    bank.hold(earner="m2", spender="f1", hours=1, id="h1")
    bank.adopt(Statute(version="v/1", dues=Dues(hours=1, fund="fund", every="once")))
    bank.adopt(Statute(version="v/2"))  # what fell due by the other still goes to its fund
    before = bank.head()
    for account, into, error in (
        ("m1", "m1", InvalidRequest),
        ("m1", "m9", AccountNotFound),
        ("m9", "m1", AccountNotFound),
        ("m1", "f1", InvalidRequest),
        ("gas", "gas2", InvalidRequest),
        ("pot", "fund", FundInUse),
        ("fund", "pot", FundInUse),
        ("m1", "shut", AccountNotOpen),
        ("m1", "cold", AccountNotOpen),
        ("m2", "m1", HoldsOpen),
    ):
        with pytest.raises(error):
            bank.merge(account, into=into, reason="r")
    with pytest.raises(InvalidRequest, match="reason"):
        bank.merge("m1", into="again", reason="")
    assert before == bank.head()
    bank.void("h1")
    for account in ("m2", "shut", "cold"):
        bank.merge(account, into="m1", reason="all of one person")


def test_a_statute_that_names_a_merged_fund_is_told_of_the_other(bank: TimeBank) -> None:
    """Nobody can reopen it."""
    bank.open_account("old fund", kind="fund")
    bank.merge("old fund", into="fund", reason="one is enough")
    with pytest.raises(AccountNotOpen, match="name 'fund' instead") as refusal:
        bank.adopt(Statute(version="v/1", dues=Dues(hours=1, fund="old fund")))
    assert ("fund", "fund of dues") == (refusal.value.merged_into, refusal.value.role)


def test_limits_do_not_keep_a_duplicate_apart(bank: TimeBank) -> None:
    """Whoever goes beyond one has a flag."""
    bank.set_limits("m1", ceiling=1)
    pay(bank, "t1", earner="again")
    bank.merge("again", into="m1", reason="twice")
    assert (Hours(2), Hours(1)) == (bank.balance("m1").posted, bank.balance("m1").ceiling)
    assert ["account 'm1' moves 2:00, though its ceiling 1:00 left 1:00"] == [
        note.text for note in bank.audit().notes if "ceiling" in note.text
    ]


def test_reversals_are_of_the_account_that_stays(bank: TimeBank) -> None:
    """Partly before and partly after; of both on one side, and of one on each."""
    bank.transfer(
        earner={"again": "1:00:01", "m1": "2:00:02", "m2": "0:00:03"}, spender="f1", id="many"
    )
    bank.transfer(earner="again", spender="m1", hours=1, id="between")
    bank.reverse("many", hours="0:30", reason="r")
    bank.merge("again", into="m1", reason="twice")
    with pytest.raises(timebank.OverReversed):
        bank.reverse("many", hours="2:30:07", reason="r")
    part = bank.reverse("many", hours="0:30", reason="r")
    assert {"m1", "m2"} >= set(part.spenders)
    bank.reverse("many", reason="r")
    both = bank.reverse("between", reason="r")
    assert ({"m1": Hours(1)}, {"m1": Hours(1)}) == (both.earners, both.spenders)
    assert {Hours(0)} == {bank.balance(id).posted for id in ("m1", "m2", "again", "f1")}


def test_a_hold_that_a_duplicate_arranged_is_settled(bank: TimeBank) -> None:
    """By who it became, who may not have left."""
    for id in ("h1", "h2", "h3"):
        bank.hold(earner="m1", spender="f1", hours=1, id=id, via="again")
    bank.merge("again", into="m2", reason="twice")
    assert "again" == bank.settle("h1", id="s1").via
    bank.freeze("m2")
    bank.settle("h2", id="s2")
    bank.thaw("m2")
    bank.close_account("m2")
    with pytest.raises(AccountNotOpen, match=r"'m2' is closed.*via") as refusal:
        bank.settle("h3", id="s3")
    assert ("m2", "via", None) == (
        refusal.value.account,
        refusal.value.role,
        refusal.value.merged_into,
    )
    bank.void("h3")


def test_merges_of_merges(bank: TimeBank) -> None:
    """Who became somebody who became somebody else is that one."""
    bank.open_account("third")
    pay(bank, "t1", earner="third", spender="f1")
    bank.merge("third", into="again", reason="twice")
    bank.merge("again", into="m1", reason="thrice")
    back = bank.reverse("t1", hours=1, reason="r")
    assert {"m1": Hours(1)} == back.spenders
    with pytest.raises(AccountNotOpen) as caught:
        bank.merge("third", into="m1", reason="r")
    assert "again" == caught.value.merged_into


def test_the_earlier_day_of_joining_holds(bank: TimeBank) -> None:
    """Whichever account had it."""
    for account, into, expected in (
        (date(2020, 1, 1), date(2024, 1, 1), date(2020, 1, 1)),
        (date(2024, 1, 1), date(2020, 1, 1), date(2020, 1, 1)),
        (date(2024, 1, 1), None, date(2024, 1, 1)),
        (None, date(2024, 1, 1), date(2024, 1, 1)),
        (None, None, None),
    ):
        ids = [f"{which}{account}{into}" for which in "ab"]
        for id, day in zip(ids, (account, into), strict=True):
            bank.open_account(id, joined_on=day)
        assert expected == bank.merge(ids[0], into=ids[1], reason="twice").joined_on


def test_nobody_joins_later_by_a_merge(bank: TimeBank, clock: Clock) -> None:
    """Who gave no day joined when the account was opened: they owe nothing that newcomers owe."""
    clock.now += 400 * DAY
    rules = Statute(version="v/1", dues=Dues(name="joining", hours=1, fund="fund", every="once"))
    bank.adopt(rules)
    clock.now += 30 * DAY
    bank.open_account("later", joined_on=clock.now.date() - DAY)
    assert bank.merge("later", into="m1", reason="twice").joined_on is None
    assert () == bank.dues("m1")
    # No day is made of an opening: who gave none has the limits of month 0.
    bank.open_account("new")
    assert bank.merge("again", into="new", reason="twice").joined_on is None


def test_a_day_that_a_false_clock_gave_is_no_later_one(bank: TimeBank, clock: Clock) -> None:
    """The opening counts as of the restart of the clock, as for all else: no given day is later."""
    clock.now += 100 * DAY
    bank.open_account("ahead")
    clock.now -= 90 * DAY
    restarted = clock.now.date()
    bank.restart_clock(today=restarted, reason="the battery")
    clock.now += 5 * DAY
    for number, (given, holds) in enumerate(((DAY, False), (-DAY, True))):
        bank.open_account(f"m{number}x", joined_on=restarted + given)
        joined = bank.merge(f"m{number}x", into="ahead", reason="twice").joined_on
        assert (restarted + given if holds else None) == joined


def test_welcome_and_dues_are_charged_once(bank: TimeBank, clock: Clock) -> None:
    """What the duplicate had counts, and the numbers of welcomes go on."""
    bank.adopt(
        Statute(
            version="v/1",
            welcome=Welcome(hours=2, fund="fund", given="when asked", due_back=True),
            dues=[
                Dues(hours=4, fund="fund"),
                Dues(hours=1, fund="fund", every="once", name="joining"),
            ],
        )
    )
    bank.welcome("again")
    bank.welcome("m1")
    bank.freeze("m1")  # so that only the other one is charged
    bank.run_due(through=clock.now.date())
    bank.thaw("m1")
    bank.merge("again", into="m1", reason="twice")
    assert () == bank.dues("m1")
    assert () == tuple(
        one for one in bank.run_due(through=clock.now.date()).charges if one.account == "m1"
    )
    assert bank.welcome("m1").id in {"due:welcome:1:m1", "due:welcome:1:again"}
    for id in ("due:welcome:1:m1", "due:welcome:1:again"):
        bank.reverse(id, reason="given back")
    assert "due:welcome:3:m1" == bank.welcome("m1").id
    left = bank.leave("m1", disposal=[Donate("fund"), WriteOff("fund")])
    assert ["due:welcome:3:m1"] == [one.reverses for one in left.given_back]


@pytest.mark.parametrize("taken", ["m1", "again"])
def test_one_welcome_of_two_is_taken_back(bank: TimeBank, taken: str) -> None:
    """Who was welcomed twice, and keeps one, whichever it is, gets no third."""
    bank.adopt(Statute(version="v/1", welcome=Welcome(hours=2, fund="fund", given="when asked")))
    given = {id: bank.welcome(id) for id in ("m1", "again")}
    bank.merge("again", into="m1", reason="twice")
    bank.reverse(given.pop(taken).id, reason="a member has one")
    (kept,) = given.values()
    assert kept == bank.welcome("m1")
    assert Hours(2) == bank.balance("m1").posted
    bank.reverse(kept.id, reason="given back")
    assert "due:welcome:3:m1" == bank.welcome("m1").id


@pytest.mark.parametrize(("earner", "spender"), [("m1", "again"), ("again", "m2")])
def test_demurrage_is_of_what_both_had(
    bank: TimeBank, clock: Clock, earner: str, spender: str
) -> None:
    """Of the balance that a statement shows on the day, for who was merged since."""
    rule = Demurrage(share="1/10", above=1, fund="fund", every="month", kinds=["member"])
    bank.adopt(Statute(version="v/1", demurrage=rule))
    last = date(2026, 12, 31)
    bank.transfer(earner=earner, spender=spender, hours=11, id="t1")
    clock.now += 35 * DAY
    bank.merge("again", into="m1", reason="twice")
    clock.now += 30 * DAY
    both = bank.balance("m1", on=last).posted
    assert (Hours(0) if earner == "m1" else Hours(11)) == both
    expected = [] if earner == "m1" else [(last, Hours(11), Hours(1))]
    due = [(one.since, one.basis, one.hours) for one in bank.dues("m1", through=last)]
    assert expected == due
    report = bank.run_due(through=last)
    charged = [(one.since, one.basis, one.hours) for one in report.charges if one.account == "m1"]
    assert expected == charged
    january = date(2027, 1, 31)  # of which the merge is
    later = [one.basis for one in bank.dues("m1", through=january)]
    assert ([] if earner == "m1" else [Hours(10)]) == later


def test_a_merge_in_a_batch_and_in_a_preview(bank: TimeBank) -> None:
    """What comes behind it in the block knows of it; a preview leaves nothing."""
    pay(bank, "t1", earner="again")
    with bank.preview() as preview:
        preview.merge("again", into="m1", reason="twice")
        with pytest.raises(AccountNotOpen):
            pay(preview, "t2", earner="again")
        assert Hours(2) == preview.balance("m1").posted
    assert None is bank.account("again").merged_into
    with bank.batch() as batch:
        batch.merge("again", into="m1", reason="twice")
        with pytest.raises(AccountNotOpen):
            pay(batch, "t2", earner="again")
        batch.reverse("t1", reason="r")
        with pytest.raises(AccountNotOpen):
            batch.reopen("again")
        batch.amend("t1", category="x", reason="r")
        batch.close_books(through=TODAY - 30 * DAY, reason="approved")
        with pytest.raises(BooksClosed):
            pay(batch, "t3", occurred_on=TODAY - 30 * DAY)
        with pytest.raises(AccountNotEmpty):
            pay(batch, "t4")
            batch.close_account("m1")
    assert Hours(2) == bank.balance("m1").posted
