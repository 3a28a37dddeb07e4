"""Envelopes: made of what a journal knows when a message is sent, and checked by what it knows.

The head of the sender in it must continue the one that the receiver saw last, and the receiver's
journal must have the head that the sender saw last of it: who has lost records, or rewritten them,
is found out before anything is booked. Which is told of by the errors.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from hashlib import sha256
from typing import Any, Final

import attrs

from timebank.errors import HistoryLost, InvalidRequest, NotAgreed, shown
from timebank.federation.forms import MOST_PROOFS, MessageRefused
from timebank.federation.messages import MOST_BYTES, Message, sign, signer
from timebank.journal.form import canonical
from timebank.journal.kinds import RecordBody
from timebank.journal.offers import MESSAGES, offered
from timebank.model import NEVER, Head
from timebank.model.agreements import Agreement, SeenHead
from timebank.proof.consistency import Continuation
from timebank.proof.errors import Forked
from timebank.proof.heads import Checkpoint, SignedHead, origin_of, own_keys, signed_by
from timebank.proof.keys import PublicKey, SigningKey
from timebank.proof.notes import Note, Signature, base64_of
from timebank.queries.agreements import agreement_with
from timebank.queries.history import LOST
from timebank.queries.holds import unexpired
from timebank.queries.records import PAGE, body_of, record_at
from timebank.storage.protocol import Reader
from timebank.storage.tree import tree_at

#: A key, or the path of its file.
Key = str | os.PathLike[str] | SigningKey
#: So many of the last records with the other bank are looked at for what each saw of the other.
_LOOKS_BACK: Final = 8


def key_of(journal: str, key: Key) -> SigningKey:
    """Return the key with which a bank signs.

    :raises InvalidRequest: it is not the bank's.
    :raises OSError: its file cannot be read.
    :raises StoreError: the package `cryptography` is missing.
    """
    return own_keys(origin_of(journal), key)[0]


# -- making ----------------------------------------------------------------------------------


def sealed(
    reader: Reader,
    signed: Mapping[str, Any],
    key: SigningKey,
    *,
    peer: str,
    texts: Sequence[Mapping[str, str]] = (),
    saw: SeenHead | None = None,
) -> bytes:
    """Return the message of a signed body: in an envelope of this moment.

    The head in it is that of a record with the other bank, and later messages prove that they
    continue each of the last ones of these: which of them the other has seen is not known before
    it answers. `saw` is what it has just said that it saw.

    :raises InvalidRequest: it is longer than any message.
    :raises NotAgreed: there never was an agreement.
    """
    agreement = agreement_with(reader, peer)
    if agreement is None:
        raise NotAgreed(peer, status="none")
    now = reader.head()
    sizes = sorted(set(_marks(reader, agreement)))
    tree = tree_at(reader, _size_of(reader, signed["body"], agreement))
    checkpoint = Checkpoint(origin_of(now.journal), tree.size, tree.root())
    head = SignedHead(checkpoint, signed_by(str(checkpoint), (key,)))
    envelope: dict[str, Any] = {
        "format": MESSAGES,
        "from": now.journal,
        "to": peer,
        "head": str(head),
        "message": dict(signed),
    }
    since = saw if _has(reader, saw) else acknowledged(reader, agreement)
    known = 0 if since is None or since.size > tree.size else since.size
    older = [size for size in sizes if known < size < tree.size][1 - MOST_PROOFS :]
    if known:
        envelope["since"] = known
        older = [known, *older]
    if older:
        envelope["proofs"] = [
            [size, [base64_of(one) for one in tree.consistency(size)]] for size in older
        ]
    if agreement.seen is not None:
        envelope["seen"] = agreement.seen.to_json()[:2]
    if texts:
        envelope["texts"] = [dict(one) for one in texts]
    data = canonical({"envelope": envelope, "signature": sign(envelope, key)})
    if len(data) > MOST_BYTES:
        msg = (
            f"the message would have {len(data)} bytes, more than {MOST_BYTES}: leave the note out"
        )
        raise InvalidRequest(msg).about(key="message_too_long", most=MOST_BYTES, length=len(data))
    return data


def _size_of(reader: Reader, body: Mapping[str, Any], agreement: Agreement) -> int:
    """Return of how many records the head is that a message shows.

    The other bank keeps it where it books: so it is that of the record which is then booked, or
    that of the last one that moved hours between the two, from both of which a proof leads on. A
    request and a position, of which nothing is kept, show the head of now.
    """
    now = reader.head()
    if body["kind"] in {"request", "position"}:
        return now.sequence
    last = reader.last_posting(agreement.account)
    own = body["offer"] if body["kind"] == "cancel" else body
    record = own["record"] if own["from"] == now.journal else 0
    if record > now.sequence:  # of an answer that was brought in: of a journal that is lost
        record = 0
    return max(record, 0 if last is None else last.sequence)


def _marks(reader: Reader, agreement: Agreement) -> Iterator[int]:
    """Yield the records with another bank whose heads it may have kept: the last of them."""
    for record in _with_peer(reader, agreement.account):
        yield record["sequence"]
        body = record["request"].get("answer", {}).get("body")
        if body is not None and body["to"] == record["journal"]:
            yield offered(body["offer"])["record"]
    for hold in unexpired(reader, agreement.account, now=NEVER - 1):
        yield hold.sequence


def acknowledged(reader: Reader, agreement: Agreement) -> SeenHead | None:
    """Return the head of this bank that the other bank saw last, by what it signed.

    What it signed before this journal lost records is left out.
    """
    for record in _with_peer(reader, agreement.account):
        seen = _from_peer(record, agreement.peer).get("seen")
        if seen is not None and _has(reader, found := SeenHead.of(seen)):
            return found
    return None


def _has(reader: Reader, seen: SeenHead | None) -> bool:
    """Return whether this journal has a head that another bank says it saw."""
    return (
        seen is not None
        and 0 < seen.size <= reader.head().sequence
        and tree_at(reader, seen.size).root().hex() == seen.root
    )


def _with_peer(reader: Reader, account: str) -> Iterator[RecordBody]:
    """Yield the last records that moved hours with another bank, the newest first."""
    last = reader.last_posting(account)
    if last is None:
        return
    after = max(last.version - _LOOKS_BACK, 0)
    for posting in reversed(reader.postings(account, after=after, limit=_LOOKS_BACK)):
        yield body_of(record_at(reader, posting.sequence))


def _from_peer(record: RecordBody, peer: str) -> Mapping[str, Any]:
    """Return the body of the other bank's message that a record has; an empty one without."""
    request = record["request"]
    for field in ("offer", "answer"):
        body: Mapping[str, Any] = request.get(field, {}).get("body", {})
        if body.get("from") == peer:
            return body
    return {}


# -- checking --------------------------------------------------------------------------------


@attrs.frozen
class Opened:
    """A message that holds: the agreement with its sender, and what is new of the sender's head."""

    agreement: Agreement
    seen: SeenHead | None


def opened(reader: Reader, message: Message) -> Opened:
    """Check a message against a journal: that it is for it, who signed it, and both heads.

    :raises MessageRefused: it is for another bank, or its signatures are not by agreed keys.
    :raises NotAgreed: there never was an agreement with its sender.
    :raises HistoryLost: this bank's own journal lacks what the sender saw of it.
    :raises Forked: the sender's journal does not continue what was seen; with evidence.
    :raises NotProved: a signature or a proof does not hold.
    """
    own = reader.head().journal
    if message.receiver != own:
        msg = f"the message is for bank {shown(message.receiver)}, and this is {shown(own)}"
        raise MessageRefused(msg).about(key="message_for_other", to=message.receiver, own=own)
    agreement = agreement_with(reader, message.sender)
    if agreement is None:
        raise NotAgreed(message.sender, status="none")
    _check_signatures(message, agreement)
    return Opened(agreement, look(reader, agreement, message))


def keys_agreed(agreement: Agreement) -> tuple[PublicKey, ...]:
    """Return the public keys that the other bank ever had, the one of now first.

    :raises MessageRefused: none was agreed on.
    """
    if agreement.key is None:
        msg = f"no key of bank {shown(agreement.peer)} is agreed on: its messages prove nothing"
        raise MessageRefused(msg).about(key="message_keyless", peer=agreement.peer)
    return tuple(map(PublicKey.of, dict.fromkeys((agreement.key, *agreement.keys))))


def _check_signatures(message: Message, agreement: Agreement) -> None:
    keys = keys_agreed(agreement)
    by = signer(message.envelope, message.signature, keys)
    if by != keys[0]:
        raise _not_signed(agreement.peer, before=by is not None)
    message.head.checked(keys[:1])
    if not message.is_returned:  # that was signed by this bank itself: its keys are not here
        check_signed(message.signed, agreement)


def check_signed(signed: Mapping[str, Any], agreement: Agreement) -> None:
    """Check that the other bank signed a body, with any key that it ever had.

    :raises MessageRefused: it did not.
    :raises NotProved: a signature with the name and number of its key is not its own.
    """
    if signer(signed["body"], signed["signature"], keys_agreed(agreement)) is None:
        raise _not_signed(agreement.peer, before=False)


def _not_signed(peer: str, *, before: bool) -> Exception:
    if before:
        msg = (
            f"the message is signed with a key that bank {shown(peer)} had before: ask for it "
            "again, it is signed anew then"
        )
        return MessageRefused(msg).about(key="message_key_before", peer=peer)
    msg = f"the message is not signed with the key that was agreed on with bank {shown(peer)}"
    return MessageRefused(msg).about(key="message_key", peer=peer)


def look(reader: Reader, agreement: Agreement, message: Message) -> SeenHead | None:
    """Compare both heads with a journal; return the sender's, where it is newer than what was seen.

    :raises HistoryLost: this journal lacks what the sender saw of it, and no record declares it.
    :raises Forked: the sender's journal does not continue what was seen; with evidence.
    :raises NotProved: its proof does not hold.
    """
    _check_remembered(reader, message.seen)
    known, said = agreement.seen, message.head.checkpoint
    size = 0 if known is None else known.size
    if (message.since or 0) > size:  # it says that this bank saw a head which it does not know
        _check_declared(reader, None, message)
        return None
    if known is None or size == 0:
        return message.claimed
    if said.size <= size:
        if said.size == size:
            _check_continues(message, known, ())
        return None
    if size in message.proofs:
        _check_continues(message, known, message.proofs[size])
        return message.claimed
    _check_may_be_unproved(reader, agreement, message)
    return None


def _check_may_be_unproved(reader: Reader, agreement: Agreement, message: Message) -> None:
    """Check that a sender need not prove that it continues what was seen last.

    It proves no more than fits. It does not know by which head a board readmitted it. And an offer
    that was booked here it may have given up since. What it does prove is checked.

    :raises MessageRefused: it would prove it, if its journal were the one that was seen.
    :raises Forked: it does not continue a head that was seen earlier; with evidence.
    :raises NotProved: its proof does not hold.
    """
    row = reader.account(agreement.account)
    rows = [] if row is None else reader.referring(row.opened)
    readmitted = [body_of(one) for one in rows if one.kind == "readmit"]
    since = max((one["sequence"] for one in readmitted), default=0)
    records = [one for one in _with_peer(reader, agreement.account) if one["sequence"] > since]
    booked = [one for one in records if "offer" in one["request"]]
    known = [] if agreement.seen is None else agreement.seen.to_json()
    if (
        len(message.proofs) < MOST_PROOFS
        and known not in [one["request"]["head"] for one in readmitted]
        and known[:1] not in [[offered(one["request"]["offer"])["record"]] for one in booked]
    ):
        msg = (
            f"bank {shown(agreement.peer)} does not prove that its journal continues the "
            f"{known[0]} records that were seen of it: it may have lost some"
        )
        raise MessageRefused(msg).about(key="message_unproved", peer=agreement.peer, size=known[0])
    for record in records:
        found = record["effects"].get("seen")
        if found is not None and found[0] in message.proofs:
            _check_continues(message, SeenHead.of(found), message.proofs[found[0]])
            return


def _check_remembered(reader: Reader, seen: SeenHead | None) -> None:
    """Check that this journal has a head that another bank saw of it, or says that it was lost.

    :raises HistoryLost: it has not.
    """
    if seen is not None and seen.size and not _has(reader, seen):
        _check_declared(reader, seen, None)


def _check_declared(reader: Reader, seen: SeenHead | None, message: Message | None) -> None:
    """Check that a record declares the loss of a head; of any, where it is not known which.

    :raises HistoryLost: none does. It names the head, so that `accept_history` can declare it.
    """
    now = reader.head()
    least = 0 if seen is None else seen.size
    for record in _losses(reader, now.sequence):
        if record["effects"]["lost"][0] >= least:
            return
    if seen is not None:
        lost = Head(now.journal, seen.size, bytes.fromhex(seen.root))
    else:
        name = sha256(b"" if message is None else message.data).digest()
        lost = Head(now.journal, now.sequence + 1, name)
    raise HistoryLost(head=lost, found=now)


def _losses(reader: Reader, end: int) -> Iterator[RecordBody]:
    while end > 0:
        start = max(end - PAGE, 0)
        for row in reversed(reader.records(after=start, limit=end - start)):
            if row.kind == LOST:
                yield body_of(row)
        end = start


def _check_continues(message: Message, seen: SeenHead, hashes: tuple[bytes, ...]) -> None:
    """Check that the sender's head continues one that was seen.

    :raises Forked: it excludes it; with evidence, where the one that was seen is kept as signed.
    :raises NotProved: its proof does not say so.
    """
    origin = message.head.checkpoint.origin
    checkpoint = Checkpoint(origin, seen.size, bytes.fromhex(seen.root))
    signatures = () if seen.signature is None else (Signature.of(seen.signature),)
    before = SignedHead(checkpoint, Note(str(checkpoint), signatures))
    try:
        Continuation(seen.size, hashes, message.head).check_from(before)
    except Forked as error:
        if signatures:
            raise
        # Who reads it has to believe this bank that the other one signed the first head.
        bare = Forked(str(error)).about(key="forked_unsigned", size=seen.size)
        raise bare from error
