"""What `resume` finishes in one store, and what it leaves to boards."""

from __future__ import annotations

import pytest

import timebank
from support import sources
from timebank import Hours, TimeBank, federation
from timebank.federation import booking
from timebank.journal.form import parse
from timebank.journal.offers import offer_body


@pytest.fixture
def banks() -> tuple[TimeBank, TimeBank, TimeBank]:
    """Three banks of a store, of which the first agreed with the others, and the second with it."""
    given = sources()
    first = timebank.open("memory:", bank="isola", **given)
    made = (
        first,
        TimeBank(first.store, bank="bovisa", **given),
        TimeBank(first.store, bank="dergano", **given),
    )
    for bank in made:
        bank.open_account("m")
    federation.agree(made[0], made[1], they_may_owe=20, we_may_owe=20)
    federation.agree(made[0], made[2], they_may_owe=20, we_may_owe=20)
    federation.agree(made[1], made[0], they_may_owe=20, we_may_owe=20)
    return made


def offer(bank: TimeBank, peer: TimeBank, id: str) -> None:
    """Make an offer, and stop."""
    federation.make_offer(bank, peer, spender="m", earner="m", hours=1, id=id)


def book(bank: TimeBank, other: TimeBank, id: str) -> None:
    """Book an offer of a bank in the other one, and stop."""
    record = next(one for one in bank.records() if f'"id":"{id}"' in one.bytes.decode())
    booking.book(other, {"body": offer_body(parse(record.bytes))})


def test_who_never_agreed_keeps_no_other_from_being_finished(
    banks: tuple[TimeBank, TimeBank, TimeBank],
) -> None:
    """An offer to a bank that answers nothing stays open, and the next one is carried."""
    first, second, third = banks
    offer(first, third, "a")
    offer(first, second, "b")
    found = federation.resume(*banks)
    assert [("b", "booked")] == [(one.id, one.status) for one in found]
    assert ["a"] == [hold.id for hold in first.holds()]


@pytest.mark.parametrize("again", ["resume", "transfer"])
def test_what_was_booked_of_an_abandoned_offer_is_booked(
    banks: tuple[TimeBank, TimeBank, TimeBank], again: str
) -> None:
    """By `resume`, and by the same call again: both banks have it, and the record is flagged."""
    first, second, _ = banks
    offer(first, second, "a")
    book(first, second, "a")
    federation.abandon(first, "a", reason="nobody answers")
    if again == "resume":
        (made,) = federation.resume(first, second)
    else:
        made = federation.transfer(first, second, spender="m", earner="m", hours=1, id="a")
    assert made.status == "booked"
    assert made.spent is not None
    assert ["late answer"] == [flag.rule for flag in made.spent.flags]
    assert (Hours(-1), Hours(1)) == (first.balance("m").posted, second.balance("m").posted)
    assert federation.reconcile(first, second).items == ()
    assert () == federation.resume(first, second)
    assert () == first.audit().findings


def test_an_abandoned_offer_is_not_booked_any_more(
    banks: tuple[TimeBank, TimeBank, TimeBank],
) -> None:
    """The same call again says that it was abandoned, and the other bank never hears of it."""
    first, second, _ = banks
    offer(first, second, "a")
    federation.abandon(first, "a", reason="it was a mistake")
    before = second.head()
    assert () == federation.resume(first, second)
    made = federation.transfer(first, second, spender="m", earner="m", hours=1, id="a")
    assert ("refused", "abandoned") == (made.status, made.code)
    assert before == second.head()
