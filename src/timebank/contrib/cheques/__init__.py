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

from timebank.contrib.cheques.booking import (
    booklet,
    booklets,
    enter,
    issue,
    next_booklet,
    void,
)
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
    "Number",
    "VoidedCheque",
    "booklet",
    "booklets",
    "enter",
    "issue",
    "next_booklet",
    "void",
]
