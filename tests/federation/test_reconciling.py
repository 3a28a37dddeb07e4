"""What two banks have of each other: the difference of their mirrors is exactly the list."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from federation.forging import put, signed_anew
from federation.sides import Side, exchange, two_sides
from support import examples
from timebank import Hours, NotAgreed, federation
from timebank.federation import Message, MessageRefused, Reconciliation
from timebank.model.agreements import shared_id


def position(side: Side, other: Side) -> bytes:
    """What a bank says that it has."""
    return federation.position(side.bank, other.journal, key=side.key)


def explained(found: Reconciliation) -> Hours:
    """What the list comes to."""
    return sum(
        (one for item in found.items for one in (item.here, item.there) if one is not None),
        Hours(0),
    )


def statuses(found: Reconciliation) -> dict[str | None, str]:
    """What is said of each offer that the bank knows."""
    return {item.offer: item.status for item in found.items}


@given(steps=st.lists(st.integers(0, 8), max_size=12), data=st.data())
@examples(30)
def test_the_difference_is_the_list(steps: list[int], data: st.DataObject) -> None:
    """However far each exchange has come, both banks agree on what is under way."""
    one, other = two_sides()
    sent: list[tuple[Side, Side, bytes]] = []
    answered: list[tuple[Side, bytes]] = []
    for step in steps:
        sides = (one, other) if step % 2 else (other, one)
        if step < 4:
            hours = data.draw(st.sampled_from(["0:10", 1, 30]))
            earner = data.draw(st.sampled_from(["m1", "m1", "nobody"]))
            if str(hours) != "30":
                sent.append((*sides, sides[0].offers(sides[1], earner=earner, hours=hours)))
        elif step < 7 and sent:
            side, peer, message = data.draw(st.sampled_from(sent))
            answered.append((side, peer.answers(message)))
        elif answered:
            side, message = data.draw(st.sampled_from(answered))
            side.concludes(message)
    for side, peer in ((one, other), (other, one)):
        found = federation.reconcile(side.bank, peer.bank)
        assert found.difference == explained(found)
        assert found.ok
        told = federation.reconcile(side.bank, position(peer, side))
        assert _nameless(found) == _nameless(told)
        assert {"offered", "booked here", "booked there"} >= {one.status for one in found.items}
    for side, message in ((side, peer.answers(message)) for side, peer, message in sent):
        side.concludes(message)
    assert () == federation.reconcile(one.bank, other.bank).items


def _nameless(found: Reconciliation) -> list[federation.Compared]:
    """What is compared, without the ids that only the bank of an offer gives it."""
    return [attrs.evolve(item, offer=None) for item in found.items]


def test_each_way_that_two_banks_differ_has_its_word() -> None:
    """Offered, booked on one side, forgotten, given up, written off: each is told apart."""
    one, other = two_sides()
    one.bank.open_account("fund", kind="fund")
    exchange(one, other, id="both")
    one.offers(other, id="offered")
    other.answers(one.offers(other, id="booked"))
    other.answers(one.offers(other, id="given up"))
    federation.abandon(one.bank, "given up", reason="nobody answers")
    federation.write_off(one.bank, other.journal, account="fund", hours=-1, reason="a gift")
    found = federation.reconcile(one.bank, other.bank)
    mine = {item.offer: item.status for item in found.items}
    assert {"offered": "offered", "booked": "booked there", None: "written off"}.items() <= (
        mine.items()
    )
    by_id = {item.id: item for item in found.items}
    given_up = by_id[shared_id(one.journal, "given up")]
    assert ("only there", None, "-1:00") == (given_up.status, given_up.here, str(given_up.there))
    assert {given_up, *(item for item in found.items if item.status == "written off")} == set(
        found.wrong
    )
    assert not found.ok
    assert 2 == len(found.under_way)
    assert found.difference == explained(found)
    theirs = federation.reconcile(other.bank, one.bank)
    assert found.difference == theirs.difference
    assert "booked here" in statuses(theirs).values()
    assert "only here" in statuses(theirs).values()


def test_what_was_booked_after_a_position_is_later() -> None:
    """A position that is older than an exchange accuses nobody of having forgotten it."""
    one, other = two_sides()
    place = position(other, one)
    exchange(one, other, id="x1")
    found = federation.reconcile(one.bank, place)
    assert {"x1": "later"} == statuses(found)
    assert found.ok


def test_banks_that_booked_other_hours_differ() -> None:
    """A position that says other hours of an exchange is told, with both."""
    one, other = two_sides()
    exchange(one, other, id="x1")
    message = Message.of(position(other, one))
    shared = shared_id(one.journal, "x1")

    def twice(envelope: dict[str, Any]) -> None:
        envelope["message"]["body"]["booked"] = [[shared, -7200]]
        envelope["message"]["body"]["balance"] = -7200

    found = federation.reconcile(one.bank, signed_anew(message, other.key, twice))
    (item,) = found.items
    assert ("differs", "1:00", "-2:00") == (item.status, str(item.here), str(item.there))
    assert found.difference == explained(found) == Hours(-1)


def test_a_long_position_is_several_messages(monkeypatch: pytest.MonkeyPatch) -> None:
    """What does not fit into one message is told in more, which belong together."""
    monkeypatch.setattr("timebank.federation.reconciling.MOST_ENTRIES", 3)
    one, other = two_sides()
    for number in range(5):
        other.answers(one.offers(other, id=f"x{number}", hours="0:01"))
    place = position(other, one)
    lines = place.splitlines()
    assert [(1, 2), (2, 2)] == [
        (body["page"], body["pages"]) for body in (Message.of(line).body for line in lines)
    ]
    found = federation.reconcile(one.bank, place)
    assert 5 == len(found.under_way) == len(found.items)
    assert found == federation.reconcile(one.bank, b"\n".join(reversed(lines)).decode())
    for torn in (lines[0], lines[1], b"\n".join([*lines, lines[0]]), b""):
        with pytest.raises(MessageRefused, match="not whole"):
            federation.reconcile(one.bank, torn)


@pytest.mark.parametrize(
    "change",
    [
        put(("message", "body", "balance"), 1),
        put(("message", "body", "booked"), [["peer:x", 1]]),
    ],
)
def test_a_position_comes_to_its_balance(change: Callable[[dict[str, Any]], None]) -> None:
    """What a bank says it has sums to the balance that it says."""
    one, other = two_sides()
    exchange(one, other)
    made = signed_anew(Message.of(position(other, one)), other.key, change)
    with pytest.raises(MessageRefused, match="balance"):
        federation.reconcile(one.bank, made)


def test_it_is_of_two_banks_that_agreed() -> None:
    """Without an agreement there is nothing to compare."""
    one, other = two_sides()
    federation.end(one.bank, other.journal, reason="they moved")
    assert federation.reconcile(one.bank, other.bank).ok  # an ended one is compared, too
    from federation.sides import a_side

    third = a_side("third", 3)
    with pytest.raises(NotAgreed):
        federation.reconcile(one.bank, third.bank)
    with pytest.raises(NotAgreed):
        federation.position(third.bank, one.journal, key=third.key)
