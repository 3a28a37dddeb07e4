"""Time cheques: booklets of numbered slips, each of which counts once.

A member is given a booklet (`issue`). Who helps gets a signed cheque, and hands it to the office,
which enters it (`enter`): hours from whose the booklet is to who earned. The number of the cheque
is the id of the exchange, so that it is booked once, at how many desks it may be entered. What is
lost or stolen is voided (`void`), before anybody enters it.

The journal has which booklet is whose, what was entered and what was voided. Paper, signatures and
print-outs are beside it: a booklet is printed again at any time, from what the journal says.

>>> import timebank
>>> from timebank.contrib import cheques
>>> bank = timebank.open("memory:")
>>> _ = bank.open_account("anna"), bank.open_account("bruno")
>>> booklet = cheques.issue(bank, "anna", booklet=17)
>>> str(booklet.numbers[2])
'17-03-33'
>>> _ = cheques.enter(bank, "17 03 33", earner="bruno", hours="1:30")
>>> _ = cheques.void(bank, "17-04-30", code="stolen")
>>> bank.balance("anna").posted, len(cheques.booklet(bank, 17).out)
(Hours('-1:30'), 22)
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from timebank.contrib.cheques.booking import enter, issue, void
    from timebank.contrib.cheques.looking import booklet, booklets, next_booklet
    from timebank.contrib.cheques.pile_booking import book, preview
    from timebank.contrib.cheques.pile_report import LineReport, PileReport
    from timebank.contrib.cheques.pile_text import outcome_text, reason_text
    from timebank.contrib.cheques.piles import Pile, PileLine, pile_of, read_pile
    from timebank.contrib.cheques.printing import booklet_html
    from timebank.contrib.cheques.showing import code_text, ranges, voided_text
    from timebank.contrib.cheques.voiding import Wanted, void_all
    from timebank.errors import (
        BookletNotFound,
        BookletTaken,
        ChequeEntered,
        ChequeMistyped,
        ChequeNotFound,
        ChequeVoided,
    )
    from timebank.model.cheques import Booklet, Number, VoidedCheque

__all__ = [
    "Booklet",
    "BookletNotFound",
    "BookletTaken",
    "ChequeEntered",
    "ChequeMistyped",
    "ChequeNotFound",
    "ChequeVoided",
    "LineReport",
    "Number",
    "Pile",
    "PileLine",
    "PileReport",
    "VoidedCheque",
    "Wanted",
    "book",
    "booklet",
    "booklet_html",
    "booklets",
    "code_text",
    "enter",
    "issue",
    "next_booklet",
    "outcome_text",
    "pile_of",
    "preview",
    "ranges",
    "read_pile",
    "reason_text",
    "void",
    "void_all",
    "voided_text",
]

#: Where each name stands. It is imported when it is asked for: the command line finds its commands
#: in this package, and `--help` is to be quick.
_MODULES = {
    "timebank.contrib.cheques.booking": ("enter", "issue", "void"),
    "timebank.contrib.cheques.looking": ("booklet", "booklets", "next_booklet"),
    "timebank.contrib.cheques.pile_booking": ("book", "preview"),
    "timebank.contrib.cheques.pile_report": ("LineReport", "PileReport"),
    "timebank.contrib.cheques.piles": ("Pile", "PileLine", "pile_of", "read_pile"),
    "timebank.contrib.cheques.pile_text": ("outcome_text", "reason_text"),
    "timebank.contrib.cheques.printing": ("booklet_html",),
    "timebank.contrib.cheques.showing": ("code_text", "ranges", "voided_text"),
    "timebank.contrib.cheques.voiding": ("Wanted", "void_all"),
    "timebank.errors": (
        *("BookletNotFound", "BookletTaken", "ChequeEntered", "ChequeMistyped"),
        *("ChequeNotFound", "ChequeVoided"),
    ),
    "timebank.model.cheques": ("Booklet", "Number", "VoidedCheque"),
}
_WHERE = {name: module for module, names in _MODULES.items() for name in names}


def __getattr__(name: str) -> Any:
    """Import what stands behind a name.

    :raises AttributeError: there is no such name.
    """
    if name not in _WHERE:
        msg = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(msg)
    return getattr(import_module(_WHERE[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
