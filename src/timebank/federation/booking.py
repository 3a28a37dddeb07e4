"""The three steps of an exchange, each in one commit of one bank: offer, booking, end.

Each may be done again: what is there already is found by its id, and compared by the digest of
the offer.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any, Final

from timebank import checks
from timebank.bank.permitting import Handle, parties
from timebank.bank.session import Session
from timebank.bank.writes import HoursLike
from timebank.errors import (
    HoldNotFound,
    InvalidRequest,
    NotAgreed,
    NotFound,
    Rejected,
    TransferNotFound,
    shown,
)
from timebank.federation.agreements import Peer, journal_of
from timebank.federation.evidence import two_offers
from timebank.hours import Hours
from timebank.journal.kinds import RecordBody, sides_of
from timebank.journal.offers import Signed, digest_of, offer_body, offered
from timebank.model import Hold
from timebank.model.agreements import SeenHead, shared_id
from timebank.permissions import Ask
from timebank.queries.agreements import moved_back
from timebank.queries.corrections import heir
from timebank.queries.records import body_of, resolution_of
from timebank.rules.bookings import AcceptOffer, AcceptReversal
from timebank.rules.conclusions import BringIn, SettleOffer, VoidOffer
from timebank.rules.offers import MakeOffer
from timebank.rules.refusals import Refuse, code_of
from timebank.rules.state import AnyCommand
from timebank.storage.protocol import Reader

#: Returns the head of the other bank that came with a message, where it is new; it may refuse.
Look = Callable[[Reader], SeenHead | None]


def nothing_seen(_: Reader) -> None:
    """Look at nothing: the two banks share a store."""


#: How long an offer waits for its answer, where nothing else is said.
ANSWER_IN: Final = timedelta(days=30)
#: Why an offer is refused that was taken back before it came.
CANCELLED: Final = "cancelled"


class OtherOffer(InvalidRequest):
    """What comes in is of an id that is known with another content: `ours` and `theirs`, as signed.

    It is never answered. Where both are signed, `evidence` is the text of a file that proves to
    anybody that one bank signed both; else it is `None`.
    """

    def __init__(self, id: str, ours: Signed, theirs: Signed) -> None:
        super().__init__(f"offer {shown(id)} is known with another content: it is not answered")
        self.id, self.ours, self.theirs = id, ours, theirs

    @property
    def evidence(self) -> str | None:
        """The text of the file of evidence, if there is any."""
        return two_offers(self.ours, self.theirs)


class OfferForgotten(InvalidRequest):
    """An answer to an offer that this bank's journal does not have; `id` is the offer's."""

    def __init__(self, id: str) -> None:
        super().__init__(
            f"there is no offer {shown(id)} here: where the journal lost its end, a board brings "
            "the exchange in again (timebank peers bring-in)"
        )
        self.id = id


# -- the offer ---------------------------------------------------------------------------


def make_offer(
    bank: Handle,
    peer: Peer,
    *,
    spender: Any,
    earner: str,
    hours: HoursLike,
    id: str | None = None,
    answer_in: timedelta | str = ANSWER_IN,
    **described: Any,
) -> Hold:
    """Reserve hours of an account here, and offer them to an earner of another bank.

    `spender` is an account or a mapping of accounts to hours; `earner` an address that the other
    bank gave out. The other bank is to answer within `answer_in`, a `timedelta` or a text as
    `7d`. What else a hold is described by may be given: `occurred_on`, `category`, `note` and so
    on. The hours stay reserved until the answer comes.

    :raises InvalidRequest: a value that cannot be.
    :raises IdempotencyMismatch: the id was used for another request.
    :raises NotAgreed: there is no agreement, or it is suspended or ended.
    :raises Rejected: as `hold`.
    """
    command = MakeOffer.to(
        journal_of(peer),
        earner=earner,
        answer_in=answer_in,
        spender=spender,
        hours=hours,
        id=bank._new_id() if id is None else id,  # noqa: SLF001 - of the same house
        **described,
    )
    return bank._execute(command)  # noqa: SLF001 - as above


def make_reversal(
    bank: Handle,
    transfer: str,
    *,
    reason: str,
    hours: HoursLike = None,
    id: str | None = None,
    answer_in: timedelta | str = ANSWER_IN,
) -> Hold:
    """Offer to move back what was booked here for another bank: all that is left, without `hours`.

    `transfer` is the id of what was booked. It passes all limits, in both banks; what reversals
    move back in all is never more than the exchange. A fee stays where it went.

    :raises InvalidRequest: no reason, or hours that cannot be.
    :raises NotPermitted: the permissions say no.
    :raises TransferNotFound: nothing was booked here for another bank under this id.
    :raises OverReversed: more than is left.
    :raises NotAgreed: the agreement is ended.
    """
    named = checks.identifier(transfer, "transfer")
    if checks.personal_text(reason, "reason") is None:
        msg = "a reversal needs a reason, for the member who will read it"
        raise InvalidRequest(msg).about(key="reason_missing")
    own = bank._new_id() if id is None else id  # noqa: SLF001 - of the same house
    asked = None if hours is None else checks.positive(hours, "hours")
    checks.duration(answer_in, "answer_in")

    def work(session: Session, actor: str | None) -> Hold:
        session.flush()
        asked_for = _reversal(session.writer, named, asked=asked, id=own)
        command = MakeOffer.to(answer_in=answer_in, id=own, note=reason, **asked_for)
        return session.execute(command, actor)

    return bank._execute_all(_ask_on(bank, "reverse", named), work)  # noqa: SLF001 - as above


def _ask_on(bank: Handle, action: str, id: str) -> Ask:
    """Return the question that asks for what is done to an exchange or to an offer."""
    earners, spenders = parties(bank._reader, id)  # noqa: SLF001 - of the same house
    return Ask(actor=bank._actor, action=action, earners=earners, spenders=spenders)  # noqa: SLF001 - as above


def _booked_by(record: RecordBody) -> dict[str, Any] | None:
    """Return the offer that a transfer booked for another bank, `None` where it booked none.

    What was forgotten and brought in has it in its answer.
    """
    request = record["request"]
    signed = request.get("offer", request.get("answer", {}).get("body", {}).get("offer"))
    body: dict[str, Any] = signed["body"] if signed else {}
    return body if body.get("to") == record["journal"] and "earner" in body else None


def _reversal(reader: Reader, named: str, *, asked: int | None, id: str) -> dict[str, Any]:
    """Return what an offer says that moves an exchange back: all that is left, or `asked`.

    :raises TransferNotFound: nothing was booked here for another bank under this id.
    """
    row = reader.find(named)
    record = None if row is None or row.kind != "transfer" else body_of(row)
    if row is None or record is None or (body := _booked_by(record)) is None:
        raise TransferNotFound(named)
    lines, _ = sides_of(record["effects"])
    earned = next(one for one, seconds in lines if seconds > 0)
    earlier = reader.find(id)
    if asked is None and earlier is not None and earlier.kind == "hold":
        asked = sum(seconds for _, seconds in body_of(earlier)["request"]["earners"])
    if asked is None:
        back = sum(
            seconds
            for effects in moved_back(reader, row.sequence)
            for _, seconds in sides_of(effects)[0]
            if seconds > 0
        )
        asked = max(body["seconds"] - back, 1)
    return {
        "peer": body["from"],
        "reverses": body["id"],
        "spender": heir(reader, earned),
        "hours": Hours.from_seconds(asked),
        "kind": record["request"]["kind"],
    }


# -- the booking --------------------------------------------------------------------------


def book(
    bank: Handle,
    signed: Signed,
    *,
    earner: str | None = None,
    note: str | None = None,
    look: Look = nothing_seen,
) -> RecordBody:
    """Book an offer of another bank, or refuse it, in one commit; return the record of either.

    `signed` is an offer, or what takes one back, that was read and checked before. What was booked
    or refused already is returned as it is. `look` is asked under the lock for the head of the
    other bank that came with it, and may refuse.

    :raises OtherOffer: the id is known with another content.
    :raises NotPermitted: the permissions say no.
    :raises NotAgreed: there never was an agreement with the bank.
    """
    body = offered(signed)
    id = shared_id(body["from"], body["id"])

    def work(session: Session, actor: str | None) -> RecordBody:
        session.flush()
        seen = look(session.writer)
        if (found := known(session.writer, id, signed)) is not None:
            return found
        command = _booking(signed, session.known.journal, earner=earner, note=note, seen=seen)
        try:
            session.execute(command, actor)
        except (InvalidRequest, NotFound, Rejected) as refusal:
            if isinstance(refusal, NotAgreed) and refusal.status == "none":
                raise
            session.execute(Refuse.of(signed, code=code_of(refusal), seen=seen), actor)
        session.flush()
        row = session.writer.find(id)
        assert row is not None  # noqa: S101 - it was just written
        return body_of(row)

    ask = Ask(actor=bank._actor, action="answer", accounts=())  # noqa: SLF001 - of the same house
    return bank._execute_all(ask, work)  # noqa: SLF001 - as above


def _booking(
    signed: Signed, journal: str, *, earner: str | None, note: str | None, seen: SeenHead | None
) -> AnyCommand:
    """Return the command that books an offer, or that uses up the id of one that was taken back."""
    body = signed["body"]
    if body["kind"] == "cancel":
        return Refuse.of(signed, code=CANCELLED, seen=seen)
    if "reverses" in body:
        return AcceptReversal.from_offer(signed, journal=journal, reason=note, seen=seen)
    address = body["earner"] if earner is None else earner
    try:
        return AcceptOffer.from_offer(signed, earner=address, note=note, seen=seen)
    except InvalidRequest as refusal:  # the address is no id of an account
        return Refuse.of(signed, code=code_of(refusal), seen=seen)


def known(reader: Reader, id: str, signed: Signed) -> RecordBody | None:
    """Return what was booked or refused under an id, `None` where nothing was.

    Where a refusal was followed by what had been accepted before, which a bank had forgotten, it
    is the acceptance that counts.

    :raises OtherOffer: it was for another offer.
    """
    row, body = reader.find(id), offered(signed)
    if row is None:
        return None
    record = body_of(row)
    request = record["request"]
    ours = request["offer"] if "offer" in request else request["answer"]["body"]["offer"]
    if digest_of(offered(ours)) != digest_of(body):
        raise OtherOffer(body["id"], ours, signed)
    if row.kind == "refuse":
        again = reader.find(shared_id(body["from"], body["id"], "again"))
        return record if again is None else body_of(again)
    return record


# -- the end -------------------------------------------------------------------------------


def conclude(bank: Handle, signed: Signed, *, look: Look = nothing_seen) -> RecordBody:
    """Book what the other bank has accepted, or release what it refused; return the record.

    Of two answers the acceptance counts: what was released is booked after all, with a flag.
    `look` is as of `book`.

    :raises OtherOffer: the offer that is answered is not the one that was made.
    :raises OfferForgotten: there is no such offer.
    :raises NotPermitted: the permissions say no.
    """

    def work(session: Session, actor: str | None) -> RecordBody:
        session.flush()
        reader = session.writer
        seen = look(reader)
        command = conclusion(reader, signed, seen=seen)
        if isinstance(command, dict):
            return command
        session.execute(command, actor)  # type: ignore[misc]  # the result is of either kind
        session.flush()
        row = reader.find(command.id or "")
        assert row is not None  # noqa: S101 - it was just written
        return body_of(row)

    ask = _ask_on(bank, "conclude", offered(signed["body"]["offer"])["id"])
    return bank._execute_all(ask, work)  # noqa: SLF001 - of the same house


def conclusion(
    reader: Reader, signed: Signed, *, seen: SeenHead | None
) -> SettleOffer | VoidOffer | BringIn | RecordBody:
    """Return the command by which an answer is concluded, or the record that did so before.

    :raises OtherOffer: the offer that is answered is not the one that was made.
    :raises OfferForgotten: there is no such offer.
    """
    answer = signed["body"]
    body = offered(answer["offer"])
    held = _own_offer(reader, answer["offer"])
    booked = reader.find(shared_id(body["from"], body["id"]))
    if booked is not None:
        return body_of(booked)
    ended = resolution_of(reader, held["sequence"])
    if not answer["accepted"]:
        return VoidOffer.by(signed) if ended is None else body_of(ended)
    if ended is None:
        return SettleOffer.by(signed, seen=seen)
    return BringIn.spent(signed, spender=_spenders(reader, held), seen=seen)


def _own_offer(reader: Reader, signed: Signed) -> RecordBody:
    """Return the record of the offer that is answered.

    :raises OfferForgotten: there is none.
    :raises OtherOffer: it is of another content.
    """
    body = offered(signed)
    row = reader.find(body["id"])
    record = None if row is None or row.kind != "hold" else body_of(row)
    if record is None or "offer" not in record["request"]:
        raise OfferForgotten(body["id"])
    ours = offer_body(record)
    if digest_of(ours) != digest_of(body):
        raise OtherOffer(body["id"], {"body": ours}, signed)
    return record


def _spenders(reader: Reader, held: RecordBody) -> dict[str, Hours]:
    """Return who spends by an offer, as accounts are now."""
    found: dict[str, int] = {}
    lines, _ = sides_of(held["effects"])
    for id, seconds in lines:
        if seconds < 0:
            named = heir(reader, id)
            found[named] = found.get(named, 0) - seconds
    return {id: Hours.from_seconds(seconds) for id, seconds in found.items()}


def abandon(bank: Handle, offer: str, *, reason: str) -> Hold:
    """Release an offer that nobody answers, as a board decides: the record has a flag.

    Where the other bank has booked it all the same, and answers later, it is booked then.

    :raises InvalidRequest: no reason.
    :raises HoldNotFound: there is no such offer.
    :raises AlreadyResolved: it has ended.
    :raises NotPermitted: the permissions say no.
    """
    id = checks.identifier(offer, "offer")
    texts = {"reason": reason}
    VoidOffer.abandoned(id, journal="", peer="-", **texts)  # refuses what cannot be

    def work(session: Session, actor: str | None) -> Hold:
        session.flush()
        row = session.writer.find(id)
        record = None if row is None or row.kind != "hold" else body_of(row)
        if record is None or "offer" not in record["request"]:
            raise HoldNotFound(id)
        peer = record["request"]["offer"]["to"]
        journal = record["journal"]
        return session.execute(VoidOffer.abandoned(id, journal=journal, peer=peer, **texts), actor)

    return bank._execute_all(_ask_on(bank, "abandon", id), work)  # noqa: SLF001 - of the same house
