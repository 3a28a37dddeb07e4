"""Holds: reserve, settle, void, expire; on each store."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

import timebank
from support import BEGINNING, Clock
from timebank import (
    AccountNotEmpty,
    AccountNotOpen,
    AlreadyResolved,
    Band,
    Fee,
    Granularity,
    HoldNotFound,
    Hours,
    IdempotencyMismatch,
    InvalidHours,
    InvalidRequest,
    LargestExchange,
    LimitExceeded,
    RecordWithin,
    Statute,
    TimeBank,
    TransferNotFound,
    WrongType,
)
from timebank.model import HoldRow
from timebank.rules import State
from timebank.statute import DEFAULT

DAY = timedelta(days=1)
ZERO = Hours(0)


def figures(bank: TimeBank, id: str) -> tuple[str, str, str]:
    """What is posted, held and incoming."""
    balance = bank.balance(id)
    return str(balance.posted), str(balance.held), str(balance.incoming)


def test_what_is_held_is_not_spent_twice(street: TimeBank) -> None:
    """`posted - held` stays above the floor, `posted + incoming` below the ceiling."""
    street.set_limits("m1", ceiling=15)
    street.hold(earner="m1", spender="f1", hours=12, id="h1")
    assert ("0:00", "12:00", "0:00") == figures(street, "f1")
    assert ("0:00", "0:00", "12:00") == figures(street, "m1")
    assert (Hours(8), Hours(3)) == (street.balance("f1").spendable, street.balance("m1").receivable)
    with pytest.raises(LimitExceeded) as caught:
        street.transfer(earner="m2", spender="f1", hours=9)
    refusal = caught.value
    assert (Hours(8), Hours(9), Hours(12), Hours(1)) == (
        refusal.available,
        refusal.needed,
        refusal.reserved,
        refusal.shortfall,
    )
    with pytest.raises(LimitExceeded, match="ceiling is 15:00 and 12:00 is held, so 3:00 may"):
        street.hold(earner="m1", spender="f2", hours=4)
    street.transfer(earner="m2", spender="f1", hours=8)
    street.settle("h1")
    assert ("-20:00", "0:00", "0:00") == figures(street, "f1")


def test_a_hold_comes_back_as_it_was_made(street: TimeBank) -> None:
    """All that was said of it; and no hours moved."""
    made = street.acting_as("c1").hold(
        earner="m1",
        spender=timebank.split(3, ["f1", "f2"]),
        id="h1",
        occurred_on=date(2026, 3, 1),
        category="care",
        area="family-help",
        resource="car",
        via="fund",
        note="the week's plan",
        tags=["b", "a"],
        source="paper",
        expires_in=7 * DAY,
    )
    assert made == street.hold_by_id("h1") == next(street.holds())
    assert ("open", Hours(3), {"m1": Hours(3)}) == (made.status, made.hours, made.earners)
    assert {"f1": Hours("1:30"), "f2": Hours("1:30")} == made.spenders
    assert made.expires_at is not None
    assert (7 * DAY, date(2026, 3, 1)) == (made.expires_at - made.recorded_at, made.occurred_on)
    assert ("care", "family-help", "car", "fund") == (
        made.category,
        made.area,
        made.resource,
        made.via,
    )
    assert ("the week's plan", ("a", "b"), "paper", "c1", "default/1") == (
        made.note,
        made.tags,
        made.source,
        made.actor,
        made.statute,
    )
    assert [] == list(street.transfers())
    settled = street.settle("h1", id="s1")
    assert ("the week's plan", "care", "exchange", "h1") == (
        settled.note,
        settled.category,
        settled.kind,
        settled.hold,
    )
    assert date(2026, 3, 1) == settled.occurred_on
    assert settled == street.transfer_by_id("s1") == next(street.transfers())
    (line,) = street.statement("m1").lines
    assert ("the week's plan", "care", ("f1", "f2")) == (line.note, line.category, line.others)
    after = street.hold_by_id("h1")
    assert ("settled", "s1") == (after.status, after.resolved_by)


def test_settled_in_part_the_rest_is_released(street: TimeBank) -> None:
    """Shares are apportioned, and the hold is resolved for good."""
    street.hold(earner="m1", spender={"f1": "0:20", "f2": "0:40"}, id="h1")
    settled = street.settle("h1", hours="0:10:01")
    assert {"f1": Hours("0:03:20"), "f2": Hours("0:06:41")} == settled.spenders
    assert ("-0:03:20", "0:00", "0:00") == figures(street, "f1")
    assert ("0:10:01", "0:00", "0:00") == figures(street, "m1")
    with pytest.raises(AlreadyResolved):
        street.settle("h1")


def test_settled_for_longer_the_surplus_is_judged(street: TimeBank) -> None:
    """What goes beyond the hold must be there; what was held always is."""
    street.hold(earner="m1", spender="f1", hours=12, id="h1")
    street.transfer(earner="m2", spender="f1", hours="7:30")
    with pytest.raises(LimitExceeded) as caught:
        street.settle("h1", hours=13)
    assert (Hours("0:30"), Hours(1), Hours("12:30")) == (
        caught.value.available,
        caught.value.needed,
        caught.value.passes,
    )
    assert ("-7:30", "12:00", "0:00") == figures(street, "f1")
    assert Hours("12:30") == street.settle("h1", hours="12:30").hours
    assert ("-20:00", "0:00", "0:00") == figures(street, "f1")


def test_the_surplus_of_an_earner_is_judged_too(street: TimeBank) -> None:
    """By the ceiling."""
    street.set_limits("m1", ceiling=10)
    street.hold(earner="m1", spender="f1", hours=10, id="h1")
    with pytest.raises(LimitExceeded, match="earn 1:00: its ceiling is 10:00") as caught:
        street.settle("h1", hours=11)
    assert Hours(10) == caught.value.passes


@pytest.mark.parametrize("limits", [{"floor": 0}, {"ceiling": 0}])
def test_a_hold_survives_stricter_limits(street: TimeBank, limits: dict[str, int]) -> None:
    """What was reserved may be settled, whatever became of the limits; more may not."""
    street.hold(earner="m1", spender="f1", hours=5, id="h1")
    for id in ("m1", "f1"):
        street.set_limits(id, **limits)
    with pytest.raises(LimitExceeded):
        street.transfer(earner="m1", spender="f1", hours="1s")
    with pytest.raises(LimitExceeded):
        street.settle("h1", hours="5:00:01")
    assert Hours(5) == street.settle("h1").hours


def test_a_hold_survives_a_change_of_statute(street: TimeBank) -> None:
    """Unit and fee are those of the statute that judged it; only a surplus meets today's."""
    street.hold(earner="m1", spender="f1", hours="5:07", id="h1")
    street.hold(earner="m1", spender="f1", hours="1:07", id="h2")
    street.adopt(
        Statute(
            version="strict/1",
            limits={"member": Band(ceiling=0), "group": Band(floor=0)},
            granularity=Granularity(unit=1),
            largest_exchange=LargestExchange(hours=1),
            record_within=RecordWithin(days=0),
            fee=Fee(share="1/2", fund="fund"),
        )
    )
    with pytest.raises(timebank.ExchangeTooLarge):
        street.settle("h1", hours="5:08")
    settled = street.settle("h1")
    assert (Hours("5:07"), ZERO, "strict/1") == (settled.hours, settled.fee, settled.statute)
    assert Hours("0:03") == street.settle("h2", hours="0:03").hours


def test_a_resolved_hold_is_final(street: TimeBank) -> None:
    """Settled, voided or expired: each says which, and by what."""
    for id in ("settled", "voided", "expired"):
        street.hold(earner="m1", spender="f1", hours=1, id=id, expires_in=DAY)
    street.settle("settled", id="s1")
    assert "voided" == street.void("voided", id="v1", reason="it rains").status
    assert "it rains" == street.hold_by_id("voided").reason
    clock: Clock = street._sources.clock  # type: ignore[assignment]
    clock.now += 2 * DAY
    for id, by in (("settled", "s1"), ("voided", "v1"), ("expired", None)):
        for call in (street.settle, street.void):
            with pytest.raises(AlreadyResolved) as caught:
                call(id)
            assert (id, id, by) == (caught.value.hold, caught.value.status, caught.value.by)
            assert id in str(caught.value)
            assert caught.value.doing == call.__name__
    assert ("1:00", "0:00", "0:00") == figures(street, "m1")
    assert {"settled", "voided", "expired"} == {hold.status for hold in street.holds(status=None)}
    assert [] == list(street.holds())
    assert ["expired"] == [hold.id for hold in street.holds(status="expired")]


@pytest.mark.parametrize(
    ("first", "then", "said"),
    [
        ("void", "void", "hold 'h1' was voided already by 'x1'; nothing more is to be done"),
        ("settle", "settle", "hold 'h1' was settled already by 'x1'; nothing more is to be done"),
        (
            "void",
            "settle",
            "hold 'h1' was voided by 'x1'; record the exchange as a transfer, or make a new hold",
        ),
        (
            "settle",
            "void",
            "hold 'h1' was settled by 'x1'; reverse 'x1' to take its hours back",
        ),
    ],
)
def test_a_hold_resolved_twice_says_what_it_is(
    street: TimeBank, first: str, then: str, said: str
) -> None:
    """And what may be done then: nothing where it is so already, else what was meant perhaps."""
    street.hold(earner="m1", spender="f1", hours=1, id="h1")
    getattr(street, first)("h1", id="x1")
    with pytest.raises(AlreadyResolved) as caught:
        getattr(street, then)("h1")
    assert said == str(caught.value)


@pytest.mark.parametrize(
    ("call", "remedy"),
    [
        ("void", "it reserves nothing, and nothing more is to be done"),
        ("settle", "record the exchange as a transfer, or make a new hold"),
    ],
)
def test_an_expired_hold_says_what_may_be_done(
    street: TimeBank, clock: Clock, call: str, remedy: str
) -> None:
    """To void it there is nothing to do; to settle it the exchange is recorded."""
    street.hold(earner="m1", spender="f1", hours=1, id="h1", expires_in="1d")
    clock.now += DAY
    with pytest.raises(AlreadyResolved) as caught:
        getattr(street, call)("h1")
    assert f"hold 'h1' has expired; {remedy}" == str(caught.value)


@pytest.mark.parametrize(
    ("text", "span"),
    [
        ("7d", timedelta(days=7)),
        ("12h", timedelta(hours=12)),
        ("30m", timedelta(minutes=30)),
        ("2w", timedelta(weeks=2)),
    ],
)
def test_a_duration_is_written_as_on_the_command_line(
    street: TimeBank, text: str, span: timedelta
) -> None:
    """It is the same request, so that a repeated call may write it either way."""
    made = street.hold(earner="m1", spender="f1", hours=1, id="h1", expires_in=text)
    assert made == street.hold(earner="m1", spender="f1", hours=1, id="h1", expires_in=span)
    assert made.expires_at == made.recorded_at + span


@pytest.mark.parametrize("text", ["", "7", "d", "7 d", "-7d", "7x", "1.5h", "1234567d", "\u0667d"])
def test_what_is_no_duration_says_how_one_is_written(street: TimeBank, text: str) -> None:
    """With the value, and with texts that would do."""
    with pytest.raises(InvalidRequest, match=f"expires_in .*'7d', '12h'.*{text!r}"):
        street.hold(earner="m1", spender="f1", hours=1, expires_in=text)


def test_no_time_at_all_is_no_duration(street: TimeBank) -> None:
    """A hold that has expired when it is made reserves nothing, by text as by `timedelta`."""
    for nothing in ("0d", timedelta(0)):
        with pytest.raises(InvalidRequest, match="expires_in must be more than zero"):
            street.hold(earner="m1", spender="f1", hours=1, expires_in=nothing)


def test_an_expired_hold_frees_its_hours(street: TimeBank, clock: Clock) -> None:
    """At the instant, for the next decision and the next reading, though nobody resolved it."""
    made = street.hold(earner="m1", spender="f1", hours=20, id="h1", expires_in=DAY)
    assert made.expires_at is not None
    clock.now = made.expires_at - timedelta(minutes=1, microseconds=1)
    with pytest.raises(LimitExceeded):
        street.transfer(earner="m2", spender="f1", hours=1)
    clock.now = made.expires_at - timedelta(minutes=1)
    assert ("0:00", "0:00", "0:00") == figures(street, "f1")
    clock.now = made.expires_at - timedelta(minutes=1)
    street.transfer(earner="m2", spender="f1", hours=20)
    assert "expired" == street.hold_by_id("h1").status
    with pytest.raises(AlreadyResolved):
        street.settle("h1")
    street.rebuild()
    assert street.audit().ok


def test_a_clock_that_goes_back_brings_no_hold_back(street: TimeBank, clock: Clock) -> None:
    """The time is never before the last record, for reading as for deciding."""
    street.hold(earner="m1", spender="f1", hours=20, id="h1", expires_in=DAY)
    clock.now += DAY
    street.open_account("late")
    clock.now -= timedelta(minutes=9)
    assert ("0:00", "0:00", "0:00") == figures(street, "f1")
    assert [] == list(street.holds())
    with pytest.raises(AlreadyResolved, match="has expired"):
        street.settle("h1")
    street.transfer(earner="m2", spender="f1", hours=20)


def test_of_a_frozen_account_a_hold_is_voided_not_settled(street: TimeBank) -> None:
    """Whichever side is frozen; once thawed it may be settled."""
    for id in ("h1", "h2"):
        street.hold(earner="m1", spender="f1", hours=1, id=id, via="m2")
    for id in ("m1", "f1"):
        street.freeze(id)
        with pytest.raises(AccountNotOpen, match="thaw it first, or void the hold"):
            street.settle("h1")
        with pytest.raises(AccountNotOpen):
            street.hold(earner="m1", spender="f1", hours=1)
        street.thaw(id)
    street.freeze("f1")
    street.void("h2")
    street.thaw("f1")
    street.freeze("m2")  # who arranged it may be frozen
    street.settle("h1")
    street.thaw("m2")
    street.hold(earner="m1", spender="f1", hours=1, id="h3", via="m2")
    street.close_account("m2")
    with pytest.raises(AccountNotOpen, match="as the intermediary"):
        street.settle("h3")


def test_an_account_with_open_holds_is_not_closed(street: TimeBank, clock: Clock) -> None:
    """On either side; an expired hold is none."""
    street.hold(earner="m1", spender="f1", hours=1, id="h1", expires_in=DAY)
    for id in ("m1", "f1"):
        with pytest.raises(AccountNotEmpty, match="first settle or void its holds") as caught:
            street.close_account(id)
        assert Hours(1) == (caught.value.held or ZERO) + (caught.value.incoming or ZERO)
    clock.now += 2 * DAY
    assert "closed" == street.close_account("m1").status


def test_ids_are_idempotency_keys_of_holds_too(street: TimeBank) -> None:
    """The same call gives the same result; another one is told; there is one name space."""
    made = street.hold(earner="m1", spender="f1", hours=2, id="h1", note="x", expires_in=DAY)
    again = street.hold(earner="m1", spender="f1", hours=2, id="h1", note="x", expires_in=DAY)
    assert made == again
    for other in ({"expires_in": 2 * DAY}, {"expires_in": None}, {"hours": 3}, {"note": "y"}):
        with pytest.raises(IdempotencyMismatch) as caught:
            asked = {"hours": 2, "note": "x", "expires_in": DAY, **other}
            street.hold(earner="m1", spender="f1", id="h1", **asked)  # type: ignore[arg-type]
        assert made == caught.value.original
    with pytest.raises(IdempotencyMismatch, match="a call of hold, now it is one of transfer"):
        street.transfer(earner="m1", spender="f1", hours=2, id="h1")
    settled = street.settle("h1", hours=1, id="s1")
    assert settled == street.settle("h1", hours=1, id="s1")
    with pytest.raises(IdempotencyMismatch, match="hours was 1:00"):
        street.settle("h1", id="s1")
    street.hold(earner="m1", spender="f1", hours=2, id="h2")
    voided = street.void("h2", id="v1")
    assert voided == street.void("h2", id="v1")
    with pytest.raises(IdempotencyMismatch):
        street.void("h2", id="v1", reason="other")
    assert (
        "settled"
        == street.hold(earner="m1", spender="f1", hours=2, id="h1", note="x", expires_in=DAY).status
    )


def test_a_settlement_is_a_transfer_and_a_hold_is_none(street: TimeBank) -> None:
    """It can be reversed, wholly and in part; the hold cannot."""
    street.hold(earner="m1", spender={"f1": "0:20", "f2": "0:41"}, id="h1")
    with pytest.raises(TransferNotFound):
        street.reverse("h1", reason="x")
    with pytest.raises(TransferNotFound):
        street.transfer_by_id("h1")
    street.settle("h1", hours="0:31", id="s1")
    for id in ("s1", "nothing"):
        with pytest.raises(HoldNotFound):
            street.settle(id)
        with pytest.raises(HoldNotFound):
            street.void(id)
        with pytest.raises(HoldNotFound):
            street.hold_by_id(id)
    street.reverse("s1", hours="0:07:07", reason="less")
    street.reverse("s1", reason="none at all")
    assert all("0:00" == str(line.balance) for line in street.trial_balance().lines)


def test_in_one_batch_and_in_a_preview(street: TimeBank) -> None:
    """Held, settled and voided before anything is appended; a preview leaves nothing."""
    before = street.head()
    for block in (street.preview, street.batch):
        with block() as calls:
            calls.hold(earner="m1", spender="f1", hours=20, id="h1")
            with pytest.raises(LimitExceeded):
                calls.transfer(earner="m2", spender="f1", hours=1)
            assert ("0:00", "20:00", "0:00") == (
                str(calls.balance("f1").posted),
                str(calls.balance("f1").held),
                str(calls.balance("f1").incoming),
            )
            calls.void("h1", id="v1")
            calls.hold(earner="m1", spender="f1", hours=20, id="h2")
            calls.settle("h2", hours=1, id="s2")
            calls.hold(earner="m1", spender="f1", hours=2, id="h3")
        if block == street.preview:
            assert before == street.head()
    assert ("-1:00", "2:00", "0:00") == figures(street, "f1")
    assert ["h3"] == [hold.id for hold in street.holds()]


def test_who_stands_on_both_sides_reserves_both(street: TimeBank) -> None:
    """A circle: what each gives and receives is held gross, and both lines are seen."""
    street.hold(earner={"m1": 1, "m2": 2}, spender={"m1": 2, "m2": 1}, id="h1")
    assert ("0:00", "2:00", "1:00") == figures(street, "m1")
    street.settle("h1", hours="1:30", id="s1")
    lines = street.statement("m1").lines
    assert ["0:30", "-1:00"] == [str(line.hours) for line in lines]
    assert ("-0:30", "0:00", "0:00") == figures(street, "m1")


def test_the_day_of_a_settlement(street: TimeBank, clock: Clock) -> None:
    """What is given, else the hold's, else today's."""
    day = BEGINNING.date()
    for id, own in (("h1", day - 3 * DAY), ("h2", None), ("h3", None), ("h4", None)):
        street.hold(earner="m1", spender="f1", hours=1, id=id, occurred_on=own)
    clock.now += 5 * DAY
    settled = [
        street.settle("h1"),
        street.settle("h2"),
        street.settle("h3", occurred_on=day + 2 * DAY),
    ]
    assert [day - 3 * DAY, day + 5 * DAY, day + 2 * DAY] == [one.occurred_on for one in settled]
    with pytest.raises(InvalidRequest, match="is in the future"):
        street.settle("h4", occurred_on=day + 30 * DAY)


def test_a_hold_is_planned_ahead(street: TimeBank, clock: Clock) -> None:
    """For any day; settled before it, it was today; settled behind it, it was that day."""
    day = BEGINNING.date()
    for id in ("early", "late"):
        hold = street.hold(earner="m1", spender="f1", hours=1, id=id, occurred_on=day + 30 * DAY)
        assert day + 30 * DAY == hold.occurred_on
    assert day == street.settle("early").occurred_on
    clock.now += 40 * DAY
    assert day + 30 * DAY == street.settle("late").occurred_on


def test_bad_input_is_told(street: TimeBank) -> None:
    """Each with its own error, and nothing is reserved."""
    for value, error in (
        (3600, WrongType),
        (timedelta(0), InvalidRequest),
        (timedelta(seconds=-1), InvalidRequest),
        (timedelta(days=999_999), InvalidRequest),
        (timedelta(days=100_000), InvalidRequest),
    ):
        with pytest.raises(error, match="expires_in"):
            street.hold(earner="m1", spender="f1", hours=1, expires_in=value)  # type: ignore[arg-type]
    street.open_account("a", kind="fund")
    street.open_account("b", kind="fund")
    most = Hours.from_seconds(2**53)
    street.hold(earner="a", spender="b", hours=most, id="most")
    with pytest.raises(InvalidHours, match="would reserve more than"):
        street.hold(earner="a", spender="b", hours="1s")
    street.void("most")
    street.hold(earner="m1", spender="f1", hours=1, id="h1")
    for hours in (0, -1):
        with pytest.raises(InvalidHours):
            street.settle("h1", hours=hours)
    with pytest.raises(InvalidRequest):
        list(street.holds(status="gone"))
    with pytest.raises(timebank.AccountNotFound):
        street.holds(account="nobody")
    assert ("0:00", "1:00", "0:00") == figures(street, "f1")


def test_unchecked_holds_are_recorded_as_such(street: TimeBank) -> None:
    """Beyond every limit, as an import may be; what is settled of it is within the hold."""
    made = street.hold(earner="m1", spender="f1", hours=30, id="h1", limits="unchecked")
    assert "unchecked" == made.limits
    assert Hours(30) == street.settle("h1").hours


def test_the_statement_shows_what_is_held(street: TimeBank) -> None:
    """The open holds of the account, whatever the period."""
    street.hold(earner="m1", spender="f1", hours=2, id="h1", note="Monday")
    street.hold(earner="f1", spender="m2", hours=1, id="h2")
    street.hold(earner="m1", spender="f2", hours=1, id="h3")
    statement = street.statement("f1", until=date(2020, 1, 1))
    assert (Hours(2), Hours(1)) == (statement.held, statement.incoming)
    assert ["h1", "h2"] == [hold.id for hold in statement.holds]
    assert ["h2"] == [hold.id for hold in street.holds(account="m2")]


def test_many_holds_come_page_by_page(bank: TimeBank) -> None:
    """More than a page of them, each once, in the order of the journal."""
    bank.open_account("m1", floor=None)
    bank.open_account("f1", floor=None)
    with bank.batch() as batch:
        for number in range(1203):
            batch.hold(earner="m1", spender="f1", hours="1s", id=f"h{number}")
        for number in range(0, 1203, 3):
            batch.void(f"h{number}", id=f"v{number}")
    expected = [f"h{number}" for number in range(1203) if number % 3]
    assert expected == [hold.id for hold in bank.holds()]
    assert expected == [hold.id for hold in bank.holds(account="f1")]
    assert 401 == len(list(bank.holds(status="voided")))
    assert Hours("802s") == bank.balance("f1").held
    assert Hours("802s") == bank.balance("m1").incoming


def test_to_the_microsecond(street: TimeBank, clock: Clock) -> None:
    """Until its instant a hold can be settled; from it on it is expired."""
    minute, tick = timedelta(minutes=1), timedelta(microseconds=1)
    for id in ("h1", "h2"):
        street.hold(earner="m1", spender="f1", hours=1, id=id, expires_in=DAY)
    first, second = street.holds()
    assert first.expires_at is not None
    assert second.expires_at is not None
    clock.now = first.expires_at - minute - tick
    street.settle("h1")
    clock.now = second.expires_at - minute
    with pytest.raises(AlreadyResolved, match="has expired"):
        street.settle("h2")


def test_a_decision_counts_no_hold_that_has_expired() -> None:
    """Though it is told of it."""
    rows = {1: HoldRow("a", 100, 1, 5, 0), 2: HoldRow("a", 101, 2, 0, 7)}
    state = State(DEFAULT, accounts={}, balances={}, holds={"a": rows}, today="1970-01-01")
    assert [(5, 7), (0, 7), (0, 0)] == [state.reserved("a", now) for now in (99, 100, 101)]
    assert (0, 0) == state.reserved("b", 0)
