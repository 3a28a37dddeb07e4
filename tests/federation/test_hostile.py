"""A bank that signs whatever it likes: the journal of who reads it stays well."""

from __future__ import annotations

from datetime import date
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from federation.forging import put, signed_anew
from federation.sides import two_sides
from support import examples
from timebank.federation import Message, MessageRefused

LABELS = st.text(st.characters(codec="utf-8", categories=("L", "N")), min_size=1, max_size=200)
OFFERS = st.fixed_dictionaries(
    {
        "id": LABELS.map(lambda text: text[:128]),
        "seconds": st.integers(1, 2**53 - 1) | st.sampled_from([1, 3600, 3601]),
        "exchange": LABELS.map(lambda text: text[:128]) | st.just("exchange"),
        "occurred_on": st.dates().map(date.isoformat) | st.just("2026-03-02"),
        "answer_by": st.integers(-(2**53) + 1, 2**53 - 1),
        "terms": st.lists(st.none() | st.integers(0, 2**53 - 1), min_size=2, max_size=2),
        "record": st.integers(1, 2**53 - 1),
    },
    optional={
        "area": LABELS,
        "category": LABELS,
        "resource": LABELS,
        "tags": st.sets(LABELS, min_size=1, max_size=5).map(sorted),
        "started_at": st.just("09:30"),
        "ended_at": st.just("00:00"),
        "note": st.just("0" * 64),
        "seen": st.just([3, "0" * 64]),
    },
)


@given(said=OFFERS, reverses=st.none() | LABELS, earner=st.sampled_from(["m1", "nobody", "own"]))
@examples(40)
def test_whatever_a_bank_signs_the_journal_stays_well(
    said: dict[str, Any], reverses: str | None, earner: str
) -> None:
    """An offer of any form that can be read is booked or refused, and the audit finds nothing."""
    one, other = two_sides()
    message = Message.of(one.offers(other))
    named = f"peer:{one.journal}" if earner == "own" else earner
    end = {"earner": named} if reverses is None else {"reverses": reverses[:128]}
    fixed = {name: message.body[name] for name in ("format", "kind", "from", "to")}
    made = signed_anew(message, one.key, put(("message", "body"), {**fixed, **said, **end}))
    try:
        other.answers(made)
    except MessageRefused:
        return
    assert other.bank.audit().ok
