"""Transfers, reversals and limits, through the one door, on every store."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

import timebank
from support import BEGINNING, Clock
from timebank import Hours, TimeBank
from timebank.errors import (
    AccountNotFound,
    AccountNotOpen,
    IdempotencyMismatch,
    InvalidHours,
    InvalidRequest,
    LimitExceeded,
    OverReversed,
    TransferNotFound,
    UnbalancedTransfer,
    WrongType,
)

TODAY = BEGINNING.date()


def posted(bank: TimeBank, *ids: str) -> list[str]:
    """The balances, as text."""
    return [str(bank.balance(id).posted) for id in ids]


def test_who_gave_the_service_earns(street: TimeBank) -> None:
    """A transfer raises the earner's balance and lowers the spender's by as much."""
    street.transfer(earner="m1", spender="f1", hours="1:30")
    assert ["1:30", "-1:30"] == posted(street, "m1", "f1")


def test_every_field_comes_back(street: TimeBank) -> None:
    """What was entered is what is read, after it was stored."""
    given = street.acting_as("desk").transfer(
        earner="m1",
        spender="f1",
        hours=2,
        id="t1",
        kind="class",
        occurred_on=date(2026, 2, 27),
        category="care",
        area="family-help",
        resource="van",
        via="m3",
        note="to the clinic\nand back 🚐",
        tags={"b", "a"},
        source={"system": "paper"},
    )
    assert given == street.transfer_by_id("t1")
    assert ("class", date(2026, 2, 27), "care", "family-help", "van", "m3", "desk") == (
        given.kind,
        given.occurred_on,
        given.category,
        given.area,
        given.resource,
        given.via,
        given.actor,
    )
    assert ("to the clinic\nand back 🚐", ("a", "b"), {"system": "paper"}, "default/1") == (
        given.note,
        given.tags,
        given.source,
        given.statute,
    )
    assert ({"m1": Hours(2)}, {"f1": Hours(2)}, Hours(2)) == (
        given.earners,
        given.spenders,
        given.hours,
    )


def test_a_side_may_be_shared(street: TimeBank) -> None:
    """One side as an id takes what the other sums to; an account may stand on both."""
    street.transfer(earner="m1", spender=timebank.split("8", ["f1", "f2"]))
    circle = {"m1": "1:00", "m2": "2:00", "m3": "1:00"}
    both = street.transfer(earner=circle, spender={"m1": 2, "m2": 1, "m3": 1}, id="circle")
    assert 6 == len(both.postings)
    assert ["7:00", "1:00", "0:00", "-4:00", "-4:00"] == posted(
        street, "m1", "m2", "m3", "f1", "f2"
    )
    assert ["1:00", "1:00"] == [
        str(line.hours if line.earned else -line.hours) for line in street.statement("m3").lines
    ]


BAD_REQUESTS = [
    ({"hours": 1.5}, WrongType),
    ({"hours": True}, WrongType),
    ({"hours": "NaN"}, InvalidHours),
    ({"hours": "9" * 400}, InvalidHours),
    ({"hours": 10**5000}, InvalidHours),
    ({"hours": 0}, InvalidHours),
    ({"hours": "-1:00"}, InvalidHours),
    ({"hours": None}, InvalidRequest),
    ({"earner": "f1"}, InvalidRequest),
    ({"earner": {}}, InvalidRequest),
    ({"earner": {"m1": 0}}, InvalidHours),
    ({"earner": {"m1": 2}}, UnbalancedTransfer),
    ({"earner": {"m1": 1}, "spender": {"f1": 2}, "hours": None}, UnbalancedTransfer),
    ({"earner": {"m1": 1}, "spender": {"m1": 1}}, InvalidRequest),
    ({"earner": {f"x{n}": 1 for n in range(1001)}}, InvalidRequest),
    ({"earner": 7}, WrongType),
    ({"earner": ["m1"]}, WrongType),
    ({"id": "x" * 10_000}, InvalidRequest),
    ({"id": ""}, InvalidRequest),
    ({"id": " x"}, InvalidRequest),
    ({"id": "x\n"}, InvalidRequest),
    ({"id": "a\x07b"}, InvalidRequest),
    ({"id": "e\u0301"}, InvalidRequest),
    ({"id": "\ud800"}, InvalidRequest),
    ({"id": 5}, WrongType),
    ({"occurred_on": datetime(2026, 3, 2, tzinfo=UTC)}, WrongType),
    ({"occurred_on": "2026-03-02"}, WrongType),
    ({"occurred_on": TODAY + timedelta(days=2)}, InvalidRequest),
    ({"note": "\ud800"}, InvalidRequest),
    ({"note": "a\0b"}, InvalidRequest),
    ({"note": "x" * 10_001}, InvalidRequest),
    ({"note": 5}, WrongType),
    ({"category": " "}, InvalidRequest),
    ({"category": "x" * 201}, InvalidRequest),
    ({"tags": "care"}, WrongType),
    ({"tags": [str(n) for n in range(51)]}, InvalidRequest),
    ({"source": 5}, WrongType),
    ({"source": {}}, InvalidRequest),
    ({"source": {"a": 5}}, WrongType),
    ({"limits": "none"}, InvalidRequest),
    ({"kind": "reversal"}, InvalidRequest),
    ({"via": "nobody"}, AccountNotFound),
    ({"earner": "nobody"}, AccountNotFound),
]


@pytest.mark.parametrize(("wrong", "error"), BAD_REQUESTS)
def test_bad_input_changes_nothing(
    street: TimeBank, wrong: dict[str, object], error: type[Exception]
) -> None:
    """Bad input gets a clear error, and the journal is as it was."""
    before = street.head()
    arguments: dict[str, Any] = {"earner": "m1", "spender": "f1", "hours": 1} | wrong
    with pytest.raises(error) as caught:
        street.transfer(**arguments)
    assert len(str(caught.value)) < 300
    assert before == street.head()


def test_tomorrow_is_accepted(street: TimeBank) -> None:
    """A day of service may lie one day ahead, for clocks and time zones differ."""
    tomorrow = TODAY + timedelta(days=1)
    assert (
        tomorrow
        == street.transfer(earner="m1", spender="f1", hours=1, occurred_on=tomorrow).occurred_on
    )


def test_an_id_is_an_idempotency_key(street: TimeBank) -> None:
    """The same request under an id is the first result; another one is refused."""
    first = street.transfer(earner="m1", spender="f1", hours=1, id="t", note="hello")
    again = street.transfer(earner={"m1": "1:00"}, spender="f1", id="t", note="hello")
    assert first == again
    given: dict[str, Any] = {
        "earner": "m1",
        "spender": "f1",
        "hours": 1,
        "id": "t",
        "note": "hello",
    }
    others: list[dict[str, Any]] = [
        {"hours": 2},
        {"note": "another"},
        {"note": None},
        {"category": "x"},
        {"occurred_on": TODAY},
    ]
    for other in others:
        with pytest.raises(IdempotencyMismatch) as caught:
            street.transfer(**(given | other))
        assert ("t", first) == (caught.value.id, caught.value.original)
    with pytest.raises(IdempotencyMismatch):
        street.reverse("t", reason="x", id="t")
    assert ["1:00"] == posted(street, "m1")


def test_a_refused_call_does_not_use_up_its_id(street: TimeBank) -> None:
    """After a refusal the id is free for another request."""
    with pytest.raises(LimitExceeded):
        street.transfer(earner="m1", spender="f1", hours=21, id="t")
    assert "t" == street.transfer(earner="m1", spender="f1", hours=20, id="t").id


def test_a_floor_says_what_may_still_move(street: TimeBank) -> None:
    """The refusal carries account, limit, what is available and what was needed."""
    street.transfer(earner="m1", spender="f1", hours="19:30")
    with pytest.raises(LimitExceeded) as caught:
        street.transfer(earner="m1", spender="f1", hours=1)
    error = caught.value
    assert ("f1", Hours(-20), Hours("0:30"), Hours(1), "floor", "floor_exceeded") == (
        error.account,
        error.limit,
        error.available,
        error.needed,
        error.rule,
        error.code,
    )


def test_beyond_a_limit_only_the_way_back(street: TimeBank) -> None:
    """An account beyond its limit may move towards it, and no further away."""
    street.transfer(earner="m1", spender="f1", hours=30, limits="unchecked")
    with pytest.raises(LimitExceeded) as caught:
        street.transfer(earner="m1", spender="f1", hours="0:01")
    assert Hours(0) == caught.value.available
    street.transfer(earner="f1", spender="m1", hours=1)
    street.set_limits("m1", ceiling=10)
    with pytest.raises(LimitExceeded) as ceiling:
        street.transfer(earner="m1", spender="f2", hours=1)
    assert ("ceiling", Hours(0)) == (ceiling.value.rule, ceiling.value.available)
    street.transfer(earner="f2", spender="m1", hours=5)
    assert ["24:00", "-29:00"] == posted(street, "m1", "f1")


def test_limits_count_the_net_of_a_circle(street: TimeBank) -> None:
    """Who gives and receives alike in one transfer moves nowhere, whatever the limits."""
    street.set_limits("m1", floor=0, ceiling=0)
    street.set_limits("m2", floor=0, ceiling=0)
    sides = {"m1": 3, "m2": 3}
    street.transfer(earner=sides, spender=sides)
    assert ["0:00", "0:00"] == posted(street, "m1", "m2")


def test_a_balance_says_how_far_it_may_move(street: TimeBank) -> None:
    """`None` is unlimited, everywhere; what may be spent is never negative."""
    street.set_limits("m1", ceiling=3)
    street.transfer(earner="m1", spender="fund", hours=5, limits="unchecked")
    balance = street.balance("m1")
    assert (Hours(25), Hours(0), Hours(-20), Hours(3)) == (
        balance.spendable,
        balance.receivable,
        balance.floor,
        balance.ceiling,
    )
    fund = street.balance("fund")
    assert (None, None, "fund") == (fund.spendable, fund.receivable, fund.id)


def test_a_reversal_moves_all_of_it_back(street: TimeBank) -> None:
    """A reversal is a new transfer, on the original's day, that names it."""
    street.transfer(earner="m1", spender="f1", hours=2, id="t", occurred_on=date(2026, 1, 5))
    back = street.reverse("t", reason="entered twice", id="r")
    assert ("reversal", "t", date(2026, 1, 5), "entered twice") == (
        back.kind,
        back.reverses,
        back.occurred_on,
        back.reason,
    )
    assert back == street.reverse("t", reason="entered twice", id="r")
    assert back == street.transfer_by_id("r")
    assert ["0:00", "0:00"] == posted(street, "m1", "f1")
    with pytest.raises(OverReversed) as caught:
        street.reverse("t", reason="again")
    assert Hours(0) == caught.value.remaining


def test_partial_reversals_close_it_exactly(street: TimeBank) -> None:
    """Shares of a many-sided transfer are apportioned over what remains, to the second."""
    spender = {"f1": "0:00:01", "f2": "0:00:02", "m2": "3:00"}
    street.transfer(earner={"m1": "1:00:01", "m3": "2:00:02"}, spender=spender, id="t")
    for part in ("0:00:01", "0:59", "1:00:01"):
        street.reverse("t", reason="less", hours=part)
    with pytest.raises(OverReversed):
        street.reverse("t", reason="too much", hours="1:01:02")
    street.reverse("t", reason="the rest")
    assert ["0:00"] * 5 == posted(street, "m1", "m2", "m3", "f1", "f2")


def test_what_cannot_be_reversed(street: TimeBank) -> None:
    """No reversal without reason, of a reversal, of nothing, or on a closed account."""
    street.transfer(earner="m1", spender="f1", hours=1, id="t")
    for arguments, error in (
        ({"reason": ""}, InvalidRequest),
        ({"reason": None}, InvalidRequest),
        ({"reason": "x", "hours": 0}, InvalidHours),
        ({"reason": "x", "occurred_on": TODAY + timedelta(days=9)}, InvalidRequest),
    ):
        with pytest.raises(error):
            street.reverse("t", **arguments)
    with pytest.raises(TransferNotFound):
        street.reverse("nothing", reason="x")
    street.freeze("f1")
    street.reverse("t", reason="x", id="r", occurred_on=TODAY)
    with pytest.raises(InvalidRequest, match="enter the exchange anew"):
        street.reverse("r", reason="x")
    street.transfer(earner="m1", spender="f2", hours=1, id="u")
    street.transfer(earner="f2", spender="m1", hours=1)
    street.close_account("f2")
    with pytest.raises(AccountNotOpen):
        street.reverse("u", reason="x")


def test_the_clock_never_runs_back_in_the_journal(street: TimeBank, clock: Clock) -> None:
    """Where the clock is a little behind the last record, the last record's instant is taken."""
    first = street.transfer(earner="m1", spender="f1", hours=1)
    clock.now -= timedelta(minutes=11)
    second = street.transfer(earner="m1", spender="f1", hours=1)
    assert first.recorded_at == second.recorded_at


def test_a_naive_clock_is_refused() -> None:
    """A clock must give an aware datetime, within the range of the journal."""
    for moment in (
        datetime(2026, 3, 2),  # noqa: DTZ001  # naive on purpose
        datetime(2400, 1, 1, tzinfo=UTC),
        "now",
    ):
        bank = timebank.open("memory:", clock=lambda moment=moment: moment)  # type: ignore[misc]  # wrong on purpose
        with pytest.raises(InvalidRequest, match="instant"):
            bank.open_account("m1")
        assert 0 == bank.head().sequence


def test_a_wrong_salt_is_refused() -> None:
    """A salt has sixteen bytes, or the commitment would be weak."""
    bank = timebank.open("memory:", new_salt=lambda: b"short")
    with pytest.raises(InvalidRequest, match="salt"):
        bank.open_account("m1", name="Maria")
    assert [] == list(bank.accounts())


def test_no_balance_grows_past_what_can_be_stored(street: TimeBank) -> None:
    """Sums beyond 2**53 seconds are refused before anything is written."""
    street.open_account("g", kind="fund")
    most = Hours.from_seconds(2**53)
    street.transfer(earner="g", spender="fund", hours=most)
    with pytest.raises(InvalidHours):
        street.transfer(earner="g", spender="fund", hours="0:00:01")
    assert most == street.balance("g").posted


def test_a_limit_is_exact_to_the_second(street: TimeBank) -> None:
    """All that is left may move, and not a second more, on both sides."""
    street.set_limits("m1", ceiling=20)
    for earner, spender in (("fund", "f1"), ("m1", "fund")):
        with pytest.raises(LimitExceeded):
            street.transfer(earner=earner, spender=spender, hours="20:00:01")
        street.transfer(earner=earner, spender=spender, hours=20)
        with pytest.raises(LimitExceeded):
            street.transfer(earner=earner, spender=spender, hours="0:00:01")
    assert ["20:00", "-20:00"] == posted(street, "m1", "f1")


def test_what_a_clock_dated_that_ran_ahead_is_reversed_on_its_day(
    street: TimeBank, clock: Clock
) -> None:
    """So that the two cancel out on every day; a day that is given may not lie ahead."""
    street.transfer(
        earner="m1", spender="f1", hours=1, id="of yesterday", occurred_on=date(2026, 3, 1)
    )
    before = street.balance("m1").posted
    clock.now += timedelta(days=400)
    ahead = street.transfer(earner="m1", spender="f1", hours=1, id="ahead").occurred_on
    clock.now -= timedelta(days=400)
    street.restart_clock(today=BEGINNING.date(), reason="a dead battery")
    with pytest.raises(InvalidRequest, match="in the future"):
        street.reverse("ahead", reason="again", occurred_on=ahead)
    assert ahead == street.reverse("ahead", reason="again").occurred_on
    assert all(before == street.balance("m1", on=day).posted for day in (BEGINNING.date(), ahead))
    assert date(2026, 3, 1) == street.reverse("of yesterday", reason="again").occurred_on
