"""What each call comes to, word for word: the effects that are recorded, or why it was refused."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

import pytest

import timebank
from rules.decisions import retold, stories
from support import BEGINNING, sources
from timebank import (
    AccountNotOpen,
    Demurrage,
    Dues,
    Hours,
    IdempotencyMismatch,
    InvalidRequest,
    LimitExceeded,
    OverReversed,
    Statute,
    TimeBank,
)
from timebank.journal import parse
from timebank.model import MAX_INTEGER, AccountRow
from timebank.rules import State, decide
from timebank.rules.dues import MakeDue, amount


@pytest.mark.parametrize("title", stories())
def test_each_call_comes_to_what_was_written_down(title: str) -> None:
    """`data/decisions.txt` has calls on a new bank, and below each its records or its error."""
    written = stories()[title]
    assert written == retold(written)


@pytest.fixture
def bank() -> Iterator[TimeBank]:
    """Two members, of whom one has spent nineteen hours, and a fund."""
    with timebank.open("memory:", **sources()) as opened:
        for id in ("m1", "m2"):
            opened.open_account(id)
        opened.open_account("pot", kind="fund")
        opened.transfer(earner="pot", spender="m1", hours=19, id="work")
        yield opened


def test_a_limit_says_what_it_leaves_in_hours(bank: TimeBank) -> None:
    """All facts are there; what holds keep is `None` where there is none."""
    with pytest.raises(LimitExceeded) as caught:
        bank.transfer(earner="m2", spender="m1", hours=3)
    error = caught.value
    assert ("m1", "floor", "floor_exceeded") == (error.account, error.rule, error.code)
    told = (error.limit, error.available, error.needed, error.shortfall, error.passes)
    assert tuple(Hours(n) for n in (-20, 1, 3, 2, 1)) == told
    assert Hours(0) == error.reserved
    bank.hold(earner="m2", spender="m1", hours="0:30")
    with pytest.raises(LimitExceeded) as caught:
        bank.transfer(earner="m2", spender="m1", hours=3)
    assert (Hours("0:30"), Hours("0:30")) == (caught.value.reserved, caught.value.available)


def test_a_version_of_other_rules_says_which_was_adopted(bank: TimeBank) -> None:
    """The error has the version and the statute that it names."""
    adopted = bank.adopt(Statute(version="v1"))
    with pytest.raises(IdempotencyMismatch) as caught:
        bank.adopt(Statute(version="v1", time_zone="Europe/Rome"))
    assert ("v1", adopted) == (caught.value.id, caught.value.original)


def test_what_is_more_than_is_left_is_told_in_hours(bank: TimeBank) -> None:
    """What remains, what was asked, and what would pass."""
    with pytest.raises(OverReversed) as caught:
        bank.reverse("work", reason="r", hours=20)
    error = caught.value
    told = (error.transfer, error.remaining, error.needed, error.passes)
    assert ("work", Hours(19), Hours(20), Hours(19)) == told


def test_a_hold_ends_before_the_last_instant_that_can_be_written(bank: TimeBank) -> None:
    """That instant itself stands for a hold without an end."""
    now = (BEGINNING - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
    for left, ends in ((1, MAX_INTEGER - 1), (0, None)):
        with timebank.open("memory:", **sources(lambda: BEGINNING)) as still:
            still.open_account("a")
            still.open_account("b")
            end = timedelta(microseconds=MAX_INTEGER - left - now)
            if ends is None:
                with pytest.raises(InvalidRequest, match="beyond the year 2255"):
                    still.hold(earner="a", spender="b", hours=1, expires_in=end)
            else:
                still.hold(earner="a", spender="b", hours=1, expires_in=end, id="h")
                (record,) = still.records(after=2)
                assert ends == parse(record.bytes)["effects"]["expires_at"]


@pytest.mark.parametrize(
    ("basis", "due"), [(3599, 0), (3600, 0), (3601, 1), (3606, 1), (3607, 1), (3608, 2)]
)
def test_nothing_is_due_of_what_is_not_above(basis: int, due: int) -> None:
    """Demurrage is of what lies above, a second more for each that was begun."""
    rule = Demurrage(share="1/7", above=1, fund="pot", unit="0:00:01", remainder_to="fund")
    assert due == amount(rule, None, date(2026, 3, 31), basis=basis)


def test_who_is_frozen_takes_no_part_in_what_is_due() -> None:
    """The refusal names the account, and the rule by its name."""
    rule = Dues(hours=1, fund="pot", name="club")
    statute = Statute(version="v1", dues=rule)
    rows = {
        "m1": AccountRow("m1", "member", "frozen", None, "inherit", "inherit", 1, None),
        "pot": AccountRow("pot", "fund", "open", None, "inherit", "inherit", 2, None),
    }
    state = State(statute, rows, {"m1": (0, 0), "pot": (0, 0)}, today="2026-03-01")
    command = MakeDue.of("m1", rule=rule, by=statute, since=date(2026, 3, 1))
    with pytest.raises(AccountNotOpen) as caught:
        decide(state, command, now=0)
    told = "account 'm1' is frozen: it cannot take part as the spender of club; thaw it first"
    assert ("m1", "frozen", told) == (caught.value.account, caught.value.status, str(caught.value))
