"""Two servers: messages made of records, and what comes of a message that came in.

Each call may be made again at any time: a body is derived from its record, and what was booked is
found by its id. A bank that is joined to a host's own transaction returns messages of what that has
not committed yet: they are sent after its commit, and dropped where it is rolled back.

>>> import timebank
>>> from timebank import federation
>>> from timebank.federation import Message
>>> from timebank.proof import SigningKey, origin_of
>>> isola, bovisa = timebank.open("memory:"), timebank.open("memory:")
>>> ours, theirs = (SigningKey.make(origin_of(b.head().journal)) for b in (isola, bovisa))
>>> _ = isola.open_account("anna"), bovisa.open_account("bruno")
>>> terms = {"they_may_owe": 20, "we_may_owe": 20}
>>> _ = federation.agree(isola, bovisa, key=theirs.public, **terms)
>>> _ = federation.agree(bovisa, isola, key=ours.public, **terms)
>>> sent = federation.offer(
...     isola, bovisa, key=ours, spender="anna", earner="bruno", hours=2, id="x1")
>>> federation.read(bovisa, sent).kind
'offer'
>>> federation.outbox(isola, bovisa, key=ours) == [sent]
True
>>> answered = federation.receive(bovisa, sent, key=theirs)
>>> federation.receive(isola, answered, key=ours), isola.balance("anna").posted
(None, Hours('-2:00'))
>>> given = federation.message(bovisa, isola.transfers().__next__().id, key=theirs)
>>> Message.of(given).signed == Message.of(answered).signed
True
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Any, Final

from timebank import checks
from timebank.bank import TimeBank
from timebank.bank.writes import HoursLike
from timebank.errors import AlreadyResolved, NotAgreed, NotFound, shown
from timebank.federation import booking
from timebank.federation.agreements import Peer, journal_of
from timebank.federation.booking import ANSWER_IN, make_offer
from timebank.federation.envelopes import Key, Opened, acknowledged, key_of, look, opened, sealed
from timebank.federation.forms import MessageRefused
from timebank.federation.messages import Message, signed_with, signer
from timebank.federation.one_store import crossing, offer_record
from timebank.journal.kinds import RecordBody
from timebank.journal.offers import Signed, answer_body, cancel_body, offer_body, offered
from timebank.model import RecordRow
from timebank.model.agreements import Agreement, Crossing, SeenHead, account_of
from timebank.proof.heads import check_kept
from timebank.proof.keys import PublicKey, SigningKey, keys_of
from timebank.queries.agreements import agreement_with, offers_under_way
from timebank.queries.records import PAGE, body_of, resolution_of
from timebank.storage.protocol import Reader

Data = bytes | str | Message
#: The key of the error by which a message is left to a board.
FOR_BOARD: Final = "message_for_board"
_ANSWERS: Final = frozenset({"transfer", "reverse", "refuse"})


def read(bank: TimeBank, data: Data) -> Message:
    """Return a message that holds for this bank; nothing is done with it.

    :raises MessageRefused: it is no message, for another bank, or not signed with an agreed key.
    :raises NotAgreed: there never was an agreement with its sender.
    :raises HistoryLost: this bank's own journal lacks what the sender saw of it.
    :raises Forked: the sender's journal does not continue what was seen; with evidence.
    :raises NotProved: a signature or a proof does not hold.
    :raises NotPermitted: the permissions say no.
    """
    return opened_by(bank, data)[0]


def opened_by(bank: TimeBank, data: Data, *kinds: str) -> tuple[Message, Opened]:
    """Return a message that holds for a bank, and what was found; of some kinds, if any is given.

    :raises MessageRefused: it is of another kind; and as `read`.
    """
    check_kept(bank)
    message = data if isinstance(data, Message) else Message.of(data)
    bank._may("account", account_of(message.sender))  # noqa: SLF001 - of the same house
    if kinds and message.kind not in kinds:
        msg = f"this is a message of another kind, {message.kind}"
        raise MessageRefused(msg).about(key="message_kind", kind=message.kind)
    with bank.store.reader(bank.name) as reader:
        return message, opened(reader, message)


def looking(message: Message) -> booking.Look:
    """Return what looks at both heads once more, under the lock of the bank that books."""

    def looks(reader: Reader) -> SeenHead | None:
        agreement = agreement_with(reader, message.sender)
        return None if agreement is None else look(reader, agreement, message)

    return looks


# -- the offer -------------------------------------------------------------------------------


def offer(
    bank: TimeBank,
    peer: Peer,
    *,
    key: Key,
    spender: Any,
    earner: str,
    hours: HoursLike,
    id: str | None = None,
    answer_in: timedelta | str = ANSWER_IN,
    with_note: bool = False,
    **described: Any,
) -> bytes:
    """Reserve hours of an account here for an earner of another bank; return the message to send.

    As `make_offer`; `key` is this bank's own, or the path of its file. The note goes along only
    `with_note`; otherwise the other bank gets its commitment. The same call with the same `id`
    appends nothing, and returns a message of the same content.

    :raises InvalidRequest: a value that cannot be, or a key that is not the bank's.
    :raises IdempotencyMismatch: the id was used for another request.
    :raises NotAgreed: there is no agreement, or it is suspended or ended.
    :raises Rejected: as `hold`.
    :raises StoreError: the package `cryptography` is missing.

    >>> import timebank
    >>> from timebank import federation
    >>> from timebank.federation import Message
    >>> from timebank.proof import SigningKey, origin_of
    >>> isola, bovisa = timebank.open("memory:"), timebank.open("memory:")
    >>> ours, theirs = (SigningKey.make(origin_of(b.head().journal)) for b in (isola, bovisa))
    >>> _ = isola.open_account("anna"), bovisa.open_account("bruno")
    >>> terms = {"they_may_owe": 20, "we_may_owe": 20}
    >>> _ = federation.agree(isola, bovisa, key=theirs.public, **terms)
    >>> _ = federation.agree(bovisa, isola, key=ours.public, **terms)
    >>> sent = federation.offer(
    ...     isola, bovisa, key=ours, spender="anna", earner="bruno", hours=2, id="x1")
    >>> Message.of(sent).kind, len(sent) < 2000
    ('offer', True)
    >>> answered = federation.answer(bovisa, sent, key=theirs)
    >>> federation.conclude(isola, answered, keys=[ours]).status
    'booked'
    """
    check_kept(bank)
    signing = key_of(journal_of(bank), key)
    hold = make_offer(
        bank,
        peer,
        spender=spender,
        earner=earner,
        hours=hours,
        id=id,
        answer_in=answer_in,
        **described,
    )
    with bank.store.reader(bank.name) as reader:
        return _offered(reader, hold.id, signing, with_note=with_note)


def reversal(
    bank: TimeBank,
    transfer: str,
    *,
    key: Key,
    reason: str,
    hours: HoursLike = None,
    id: str | None = None,
    answer_in: timedelta | str = ANSWER_IN,
    with_note: bool = False,
) -> bytes:
    """Offer to move back what was booked here for another bank; return the message to send.

    As `make_reversal`; the reason goes along only `with_note`.

    :raises InvalidRequest: no reason, hours that cannot be, or a key that is not the bank's.
    :raises TransferNotFound: nothing was booked here for another bank under this id.
    :raises OverReversed: more than is left.
    :raises NotAgreed: the agreement is ended.
    :raises StoreError: the package `cryptography` is missing.
    """
    check_kept(bank)
    signing = key_of(journal_of(bank), key)
    hold = booking.make_reversal(
        bank, transfer, reason=reason, hours=hours, id=id, answer_in=answer_in
    )
    with bank.store.reader(bank.name) as reader:
        return _offered(reader, hold.id, signing, with_note=with_note)


def _offered(reader: Reader, id: str, key: SigningKey, *, with_note: bool = False) -> bytes:
    record = offer_record(reader, id)
    body = offer_body(record)
    texts = _texts(reader, record) if with_note else ()
    return sealed(reader, signed_with(body, key), key, peer=body["to"], texts=texts)


def _texts(reader: Reader, record: RecordBody) -> tuple[dict[str, str], ...]:
    """Return the note of a record, and its salt, where it was not erased."""
    sequence = record["sequence"]
    return tuple(
        {"salt": row.salt.hex(), "text": row.text}
        for row in reader.texts(after=sequence - 1, through=sequence)
        if row.field == "note"
    )


def cancel(bank: TimeBank, id: str, *, key: Key) -> bytes:
    """Take an offer back; return the message to send. The hours stay reserved until the answer.

    The other bank answers with what it has booked, or refuses the offer for ever. Nothing is
    recorded here before that.

    :raises HoldNotFound: there is no such offer.
    :raises AlreadyResolved: it has ended.
    :raises InvalidRequest: a key that is not the bank's.
    :raises NotPermitted: the permissions say no.
    :raises StoreError: the package `cryptography` is missing.
    """
    check_kept(bank)
    bank._may_see("hold_by_id", id)  # noqa: SLF001 - of the same house
    signing = key_of(journal_of(bank), key)
    with bank.store.reader(bank.name) as reader:
        record = offer_record(reader, checks.identifier(id, "offer"))
        ended = resolution_of(reader, record["sequence"])
        if ended is not None:
            status = "settled" if ended.kind == "settle" else "voided"
            raise AlreadyResolved(id, status=status, by=ended.id, doing="void")
        body = cancel_body(record)
        return sealed(reader, signed_with(body, signing), signing, peer=body["to"])


# -- the answer ------------------------------------------------------------------------------


def answer(
    bank: TimeBank, data: Data, *, key: Key, earner: str | None = None, note: str | None = None
) -> bytes:
    """Book an offer of another bank, or refuse it; return the message that answers it.

    `data` is a message that offers, or that takes an offer back. The hours go to the account whose
    id is the address in the offer, or to `earner`. Its note is the one that came along, or
    `note`. What was answered before is answered alike, whatever the arguments.

    :raises MessageRefused: as `read`; or it is neither an offer nor takes one back.
    :raises OtherOffer: the id is known with another content; with evidence.
    :raises NotAgreed: there never was an agreement with its sender.
    :raises HistoryLost: this bank's own journal lacks what the sender saw of it.
    :raises Forked: the sender's journal does not continue what was seen; with evidence.
    :raises NotProved: a signature or a proof does not hold.
    :raises InvalidRequest: a key that is not the bank's.
    :raises NotPermitted: the permissions say no.
    :raises StoreError: the package `cryptography` is missing.
    """
    signing = key_of(journal_of(bank), key)
    message, _ = opened_by(bank, data, "offer", "cancel")
    record = booking.book(
        bank,
        message.signed,
        earner=earner,
        note=message.note if note is None else note,
        look=looking(message),
    )
    with bank.store.reader(bank.name) as reader:
        return _answered(reader, record, signing, saw=message.seen)


def _answered(
    reader: Reader, record: RecordBody, key: SigningKey, *, saw: SeenHead | None = None
) -> bytes:
    """Return the answer that a record is; one that was brought in has the answer of before."""
    request = record["request"]
    signed: Signed
    signed = request["answer"] if "answer" in request else signed_with(answer_body(record), key)
    return sealed(reader, signed, key, peer=signed["body"]["to"], saw=saw)


def conclude(bank: TimeBank, data: Data, *, keys: Sequence[Any] = ()) -> Crossing:
    """Book what the other bank has accepted, or release what it refused.

    `data` is a message that answers an offer of this bank. `keys` are this bank's own, of which
    the signature under its offer is to be one. Of two answers the acceptance counts.

    :raises MessageRefused: as `read`; or it is no answer to an offer of this bank.
    :raises OtherOffer: the offer that is answered is not the one that was made.
    :raises OfferForgotten: there is no such offer: see `bring_in`.
    :raises NotAgreed: there never was an agreement with its sender.
    :raises HistoryLost: this bank's own journal lacks what the sender saw of it.
    :raises Forked: the sender's journal does not continue what was seen; with evidence.
    :raises NotProved: a signature or a proof does not hold.
    :raises NotPermitted: the permissions say no.
    """
    message, _ = opened_by(bank, data, "answer")
    if message.is_returned:
        msg = "this is an answer of this bank's own, given back: a board may bring it in"
        raise MessageRefused(msg).about(key="message_returned")
    check_own(message.body["offer"], keys)
    booking.conclude(bank, message.signed, look=looking(message))
    return crossing(bank, None, offered(message.body["offer"])["id"])


def check_own(signed: Signed, keys: Sequence[Any], *, needed: bool = False) -> None:
    """Check that what claims to be signed by this bank is, as far as its keys are given.

    :raises MessageRefused: no key is given, and one is `needed`; or none of them signed it.
    :raises NotProved: one of them did not.
    """
    own: tuple[PublicKey, ...] = keys_of(*keys)
    by = signer(signed["body"], signed["signature"], own)
    if by is None and needed:
        msg = "this bank's own signature is in the message, and it is by none of the keys given"
        raise MessageRefused(msg).about(key="message_own_key")


# -- any message, and those that wait ----------------------------------------------------------


def receive(bank: TimeBank, data: Data, *, key: Key) -> bytes | None:
    """Do what a message asks for without a board; return the answer to send back, if there is one.

    An offer, or what takes one back, is answered; an answer is concluded. What is for a board to
    look at, as a request, is refused: read it (`read`), and grant it (`grant`).

    :raises MessageRefused: as `read`; or it is for a board.
    :raises OtherOffer: an offer's id is known with another content.
    :raises OfferForgotten: an answer is to an offer that is not here: see `bring_in`.
    :raises TimebankError: as `answer` and `conclude`.
    """
    signing = key_of(journal_of(bank), key)
    message, _ = opened_by(bank, data)
    if message.kind in {"offer", "cancel"}:
        return answer(bank, message, key=signing)
    if message.kind == "answer" and not message.is_returned:
        conclude(bank, message, keys=[signing])
        return None
    msg = f"a message of this kind is for a board: {message.kind}"
    raise MessageRefused(msg).about(key="message_for_board", kind=message.kind)


def message(bank: TimeBank, id: str, *, key: Key, with_note: bool = False) -> bytes:
    """Return the message of an offer or an answer once more, by the id of its operation.

    Of a settlement it is the other bank's own acceptance, given back: a bank that has forgotten
    it brings it in by that.

    :raises NotFound: nothing was offered or answered under this id.
    :raises InvalidRequest: an id that cannot be, or a key that is not the bank's.
    :raises NotPermitted: the permissions say no.
    :raises StoreError: the package `cryptography` is missing.
    """
    check_kept(bank)
    bank._may_see("transfer_by_id", id)  # noqa: SLF001 - of the same house
    signing = key_of(journal_of(bank), key)
    with bank.store.reader(bank.name) as reader:
        row = reader.find(checks.identifier(id, "id"))
        found = None if row is None else _message_of(reader, row, signing, with_note=with_note)
    if found is None:
        msg = f"nothing was offered to another bank, or answered, under {shown(id)}"
        raise NotFound(msg).about(key="message_not_found", id=id)
    return found


def _message_of(
    reader: Reader, row: RecordRow, key: SigningKey, *, with_note: bool
) -> bytes | None:
    record = body_of(row)
    request = record["request"]
    if row.kind == "hold" and "offer" in request:
        return _offered(reader, str(row.id), key, with_note=with_note)
    if row.kind in _ANSWERS and "signature" in request.get("offer", {}):
        return _answered(reader, record, key)
    signed = request.get("answer", {})
    if "signature" in signed and signed["body"]["accepted"]:
        body = signed["body"]
        peer = body["to"] if body["from"] == record["journal"] else body["from"]
        return sealed(reader, signed, key, peer=peer)
    return None


def outbox(bank: TimeBank, peer: Peer, *, key: Key, since: int | None = None) -> list[bytes]:
    """Return the messages for another bank that may not have reached it.

    These are the offers without an answer, and the answers that were given since the head which
    the other bank is known to have seen; or since the record `since`. Sending one again does
    nothing more. An answer that was lost comes again when its offer does.

    :raises NotAgreed: there never was an agreement.
    :raises InvalidRequest: a key that is not the bank's.
    :raises NotPermitted: the permissions say no.
    :raises StoreError: the package `cryptography` is missing.
    """
    check_kept(bank)
    journal = journal_of(peer)
    account = account_of(journal)
    bank._may("account", account)  # noqa: SLF001 - of the same house
    signing = key_of(journal_of(bank), key)
    with bank.store.reader(bank.name) as reader:
        agreement = agreement_of_peer(reader, journal)
        offers = [record["request"]["id"] for record in offers_under_way(reader, account)]
        found = [_offered(reader, id, signing) for id in offers]
        known = acknowledged(reader, agreement)
        after = since if since is not None else 0 if known is None else known.size
        found += [_answered(reader, one, signing) for one in _answers(reader, journal, after)]
    return found


def agreement_of_peer(reader: Reader, journal: str) -> Agreement:
    """Return what was agreed with a bank.

    :raises NotAgreed: nothing ever was.
    """
    found = agreement_with(reader, journal)
    if found is None:
        raise NotAgreed(journal, status="none")
    return found


def _answers(reader: Reader, peer: str, after: int) -> Iterator[RecordBody]:
    """Yield the records by which messages of another bank were answered, in their order.

    What was offered and booked within one storage needs none.
    """
    while page := reader.records(after=after, limit=PAGE):
        for row in page:
            if row.kind in _ANSWERS and row.id is not None and row.id.startswith("peer:"):
                record = body_of(row)
                signed: Mapping[str, Any] = record["request"].get("offer", {})
                if "signature" in signed and offered(signed)["from"] == peer:
                    yield record
        after = page[-1].sequence
