"""Two banks: hours across, none lost, none doubled.

Each bank agrees with the other (`agree`), and gets a clearing account for it. The bank of who
spends reserves the hours and offers them; the bank of who earns books them, or refuses, in one
commit of its own, which is the only one that counts; the first bank books what was accepted, and
releases what was refused. Each step may be done again at any time: it comes to nothing more.

Banks of one store exchange by `transfer`, which does all three steps, and `resume`, which finishes
what a stop left.

>>> import timebank
>>> from timebank import federation
>>> isola = timebank.open("memory:", bank="isola")
>>> bovisa = timebank.TimeBank(isola.store, bank="bovisa")
>>> _ = isola.open_account("anna"), bovisa.open_account("bruno")
>>> _ = federation.agree(isola, bovisa, name="Bovisa", they_may_owe=20, we_may_owe=20)
>>> _ = federation.agree(bovisa, isola, name="Isola", they_may_owe=20, we_may_owe=20)
>>> crossing = federation.transfer(isola, bovisa, spender="anna", earner="bruno", hours=2, id="x1")
>>> crossing.status, isola.balance("anna").posted, bovisa.balance("bruno").posted
('booked', Hours('-2:00'), Hours('2:00'))
"""

from __future__ import annotations

from timebank.federation.agreements import (
    agree,
    agreement,
    agreements,
    end,
    suspend,
    write_off,
)
from timebank.federation.auditing import audit_pairs
from timebank.federation.booking import (
    OfferForgotten,
    OtherOffer,
    abandon,
    make_offer,
    make_reversal,
)
from timebank.federation.cards import Card
from timebank.federation.evidence import OfferEvidence
from timebank.federation.forms import MessageRefused
from timebank.federation.messages import Message
from timebank.federation.one_store import resume, reverse, transfer
from timebank.federation.readmitting import bring_in, readmit
from timebank.federation.reconciling import Compared, Reconciliation, position, reconcile
from timebank.federation.requests import grant, request
from timebank.federation.servers import (
    answer,
    cancel,
    conclude,
    message,
    offer,
    outbox,
    read,
    receive,
    reversal,
)
from timebank.model.across import Across
from timebank.model.agreements import Agreement, Crossing, Refusal, SeenHead

__all__ = [
    "Across",
    "Agreement",
    "Card",
    "Compared",
    "Crossing",
    "Message",
    "MessageRefused",
    "OfferEvidence",
    "OfferForgotten",
    "OtherOffer",
    "Reconciliation",
    "Refusal",
    "SeenHead",
    "abandon",
    "agree",
    "agreement",
    "agreements",
    "answer",
    "audit_pairs",
    "bring_in",
    "cancel",
    "conclude",
    "end",
    "grant",
    "make_offer",
    "make_reversal",
    "message",
    "offer",
    "outbox",
    "position",
    "read",
    "readmit",
    "receive",
    "reconcile",
    "request",
    "resume",
    "reversal",
    "reverse",
    "suspend",
    "transfer",
    "write_off",
]
