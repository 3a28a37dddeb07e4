"""Return booklets of cheques, and cheques that were voided, as plain data: see `json_shapes`.

They are apart from the other results because their classes are loaded only where they are used.
"""

from __future__ import annotations

from timebank.model.cheques import Booklet, VoidedCheque
from timebank.queries.json_shapes import Shape, of


@of.register
def booklet(booklet: Booklet) -> Shape:
    """Return a booklet, with the numbers of its cheques by what became of them."""
    return {
        "number": booklet.number,
        "account": booklet.account,
        "cheques": booklet.cheques,
        "issued_on": booklet.issued_on.isoformat(),
        "sequence": booklet.sequence,
        "out": list(map(str, booklet.out)),
        "entered": list(map(str, booklet.entered)),
        "voided": list(map(voided_cheque, booklet.voids)),
        "repeated": booklet.repeated,
    }


@of.register
def voided_cheque(voided: VoidedCheque) -> Shape:
    """Return a cheque that was voided."""
    return {
        "number": str(voided.number),
        "code": voided.code,
        "reason": voided.reason,
        "voided_on": voided.voided_on.isoformat(),
        "sequence": voided.sequence,
        "actor": voided.actor,
        "repeated": voided.repeated,
    }
