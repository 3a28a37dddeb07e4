"""Return agreements with other banks, and exchanges with them, as plain data: see `json_shapes`.

They are apart from the other results because their classes are loaded only where they are used.
"""

from __future__ import annotations

import attrs

from timebank.hours import Hours
from timebank.model.agreements import Agreement, Crossing, Refusal
from timebank.queries.json_shapes import Shape, hold, hours, of, transfer


@of.register
def agreement(agreement: Agreement) -> Shape:
    """Return what was agreed with another bank, with the smaller of both limits."""
    theirs = agreement.theirs
    return {
        "bank": agreement.peer,
        "account": agreement.account,
        "name": agreement.name,
        "status": agreement.status,
        "ours": _limits(agreement.they_may_owe, agreement.we_may_owe),
        "theirs": None if theirs is None else _limits(theirs[1], theirs[0]),
        "limits": _limits(agreement.may_be_owed_to_us, agreement.may_be_owed_by_us),
        "key": agreement.key,
        "keys": list(agreement.keys),
        "seen": None if agreement.seen is None else attrs.asdict(agreement.seen),
        "sequence": agreement.sequence,
        "repeated": agreement.repeated,
    }


def _limits(they: Hours | None, we: Hours | None) -> Shape:
    """Return how much each of the two may owe, seen from this bank."""
    return {"they_may_owe": hours(they), "we_may_owe": hours(we)}


@of.register
def crossing(crossing: Crossing) -> Shape:
    """Return an exchange between two banks, as far as it has come."""
    return {
        "id": crossing.id,
        "status": crossing.status,
        "code": crossing.code,
        "offer": hold(crossing.offer),
        "spent": None if crossing.spent is None else transfer(crossing.spent),
        "earned": None if crossing.earned is None else transfer(crossing.earned),
    }


@of.register
def refusal(refusal: Refusal) -> Shape:
    """Return an offer that was refused."""
    return {
        "id": refusal.id,
        "sequence": refusal.sequence,
        "code": refusal.code,
        "reason": refusal.reason,
        "repeated": refusal.repeated,
    }
