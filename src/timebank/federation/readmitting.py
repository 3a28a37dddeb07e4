"""Going on after a loss: a board readmits the other bank, and brings in what one has forgotten.

A journal that was restored from an old backup has lost its end. Its bank declares that
(`accept_history`); the other bank takes its new head (`readmit`). What both had agreed on, and one
of them has no more, is in a signed acceptance: whoever kept it gives it back (`message`), and the
other brings it in (`bring_in`).

>>> import timebank
>>> from timebank import federation
>>> from timebank.proof import SigningKey, origin_of, sign_head
>>> isola, bovisa = timebank.open("memory:"), timebank.open("memory:")
>>> ours, theirs = (SigningKey.make(origin_of(b.head().journal)) for b in (isola, bovisa))
>>> terms = {"they_may_owe": 20, "we_may_owe": 20}
>>> _ = federation.agree(isola, bovisa, key=theirs.public, **terms)
>>> head = str(sign_head(bovisa, theirs))
>>> readmitted = federation.readmit(isola, bovisa, head=head, reason="a backup was put back")
>>> readmitted.seen.size == bovisa.head().sequence
True
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from typing import Any

from timebank.bank import TimeBank
from timebank.bank.permitting import Handle
from timebank.bank.session import Session
from timebank.errors import InvalidRequest, NotAgreed, shown
from timebank.federation import booking
from timebank.federation.agreements import Peer, journal_of
from timebank.federation.booking import OfferForgotten, OtherOffer
from timebank.federation.envelopes import check_signed, keys_agreed
from timebank.federation.forms import MessageRefused
from timebank.federation.messages import Message
from timebank.federation.servers import Data, check_own, looking, opened_by
from timebank.journal.kinds import RecordBody
from timebank.journal.offers import offered
from timebank.model import Transfer
from timebank.model.agreements import Agreement, SeenHead, account_of, shared_id
from timebank.permissions import Ask
from timebank.proof.heads import SignedHead
from timebank.queries.agreements import agreement_with
from timebank.queries.records import record_at
from timebank.queries.views import read_transfer
from timebank.rules.agreements import Readmit
from timebank.rules.conclusions import BringIn
from timebank.rules.state import AnyCommand
from timebank.storage.protocol import Reader


def readmit(bank: Handle, peer: Peer, *, head: bytes | str | SignedHead, reason: str) -> Agreement:
    """Take the other bank's journal as it stands now, though it does not continue what was seen.

    `head` is its signed head, or any message of its: that is what is seen of it from now on. Both
    boards look into it before: `reconcile` lists what only one of the two banks still has.

    :raises InvalidRequest: no reason.
    :raises NotProved: the head is not signed with the key that was agreed on, or of another bank.
    :raises NotAgreed: there is no agreement, or it is ended.
    :raises NotPermitted: the permissions say no.
    :raises StoreError: the package `cryptography` is missing.
    """
    journal = journal_of(peer)
    given = head if isinstance(head, SignedHead) else _head_in(head)
    with bank._reader() as reader:  # noqa: SLF001 - of the same house
        agreement = agreement_with(reader, journal)
    if agreement is None:
        raise NotAgreed(journal, status="none")
    if given.journal != journal:
        msg = f"the head is of bank {shown(given.journal)}, not of {shown(journal)}"
        raise MessageRefused(msg).about(
            key="head_of_another_bank", journal=given.journal, peer=journal
        )
    (key,) = given.checked(keys_agreed(agreement)[:1]).signers
    said = given.checkpoint
    line = next(one for one in given.note.signatures if one.key == (key.name, key.key_id))
    seen = SeenHead(size=said.size, root=said.root.hex(), signature=str(line))
    return bank._execute(Readmit.of(journal, head=seen, reason=reason))  # noqa: SLF001 - as above


def _head_in(data: bytes | str) -> SignedHead:
    """Return the signed head that is given as such, or in a message."""
    text = data if isinstance(data, str) else data.decode(errors="replace")
    return Message.of(data).head if text.lstrip().startswith("{") else SignedHead.of(data)


def bring_in(
    bank: TimeBank,
    data: Data,
    *,
    keys: Sequence[Any],
    spender: Any = None,
    earner: str | None = None,
) -> Transfer:
    """Book an exchange that both banks had agreed on, and that this one has no more.

    `data` is the acceptance, in a message of the other bank. `keys` are this bank's own, also
    those of before: its own signature is what it is known by. Where this bank had made the offer,
    `spender` says who spends, an account or a mapping of accounts to hours; where it had booked
    it, the hours go to the account whose id is the address in the offer, or to `earner`. It passes
    all limits, and is flagged. What is booked already is returned.

    :raises MessageRefused: as `read`; or it accepts nothing, or this bank's signature is not in it.
    :raises OtherOffer: the id was used for another offer, and that was booked.
    :raises OfferForgotten: the offer was this bank's own, and no spender is named.
    :raises NotAgreed: there is no agreement with its sender, or it is ended.
    :raises AccountNotFound: there is no such account.
    :raises AccountNotOpen: it is closed.
    :raises HistoryLost: this bank's own journal lacks what the sender saw, and declares no loss.
    :raises Forked: the sender's journal does not continue what was seen; with evidence.
    :raises NotProved: a signature or a proof does not hold.
    :raises NotPermitted: the permissions say no.
    :raises StoreError: the package `cryptography` is missing.
    """
    message, opening = opened_by(bank, data, "answer")
    accepted = message.signed
    if not accepted["body"]["accepted"]:
        msg = "this answer accepts nothing: there is nothing to bring in"
        raise MessageRefused(msg).about(key="message_refuses")
    offer = accepted["body"]["offer"]
    if message.is_returned:
        check_own(accepted, keys, needed=True)
        check_signed(offer, opening.agreement)
        make = partial(_earned, message, earner)
    else:
        check_own(offer, keys, needed=True)
        make = partial(_spent, message, spender)
    look = looking(message)

    def work(session: Session, actor: str | None) -> Transfer:
        session.flush()
        seen = look(session.writer)
        found = make(session.writer, seen)
        return found if isinstance(found, Transfer) else session.execute(found, actor)

    ask = Ask(actor=bank._actor, action="readmit", accounts=(account_of(message.sender),))  # noqa: SLF001 - of the same house
    return bank._execute_all(ask, work)  # noqa: SLF001 - as above


def _spent(
    message: Message, spender: Any, reader: Reader, seen: SeenHead | None
) -> Transfer | AnyCommand:
    """Return what books it where the offer was made, or what was booked of it."""
    body = offered(message.body["offer"])
    record = booking.known(reader, shared_id(body["from"], body["id"]), message.body["offer"])
    if record is not None:
        return _transfer(reader, record)
    with suppress(OfferForgotten, OtherOffer):  # the id may be used for another offer since
        command = booking.conclusion(reader, message.signed, seen=seen)
        if not isinstance(command, dict):
            return command
    if spender is None:
        raise OfferForgotten(body["id"])
    return BringIn.spent(message.signed, spender=spender, seen=seen)


def _earned(
    message: Message, earner: str | None, reader: Reader, seen: SeenHead | None
) -> Transfer | AnyCommand:
    """Return what books it where the offer was accepted, or what was booked of it."""
    body = offered(message.body["offer"])
    record = booking.known(reader, shared_id(body["from"], body["id"]), message.body["offer"])
    if record is not None and record["kind"] != "refuse":
        return _transfer(reader, record)
    address = body.get("earner") if earner is None else earner
    if address is None:
        msg = "say who gives the hours back or gets them: what is brought in moves an exchange back"
        raise InvalidRequest(msg).about(key="earner_missing")
    return BringIn.earned(message.signed, earner=address, again=record is not None, seen=seen)


def _transfer(reader: Reader, record: RecordBody) -> Transfer:
    return read_transfer(reader, record_at(reader, record["sequence"]))
