"""Messages between two banks, as bytes: read strictly, signed, and at most 64 KiB.

A message is an *envelope*, made at each sending, with a *body* in it, which is derived from one
record and the same for ever. Both are signed by the bank that sends them. `docs/peer-messages.md`
specifies every field. What a message says is checked against a journal elsewhere: see `envelopes`.

>>> from timebank.federation.messages import Message
>>> Message.of(b"{}")
Traceback (most recent call last):
...
timebank.federation.forms.MessageRefused: this is no message of another bank: it has no envelope \
with a signature
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

import attrs

from timebank.errors import Corrupt, shown
from timebank.federation.forms import (
    ENVELOPE_MAY,
    ENVELOPE_MUST,
    MessageRefused,
    check_body,
    check_fields,
    field_wrong,
    is_signature,
)
from timebank.journal.form import canonical, commitment, parse
from timebank.journal.offers import MESSAGES, offered
from timebank.model.agreements import SeenHead
from timebank.proof.errors import NotProved
from timebank.proof.heads import SignedHead
from timebank.proof.keys import PublicKey, SigningKey
from timebank.proof.notes import Note, Signature, hashes_of

#: A message has at most so many bytes.
MOST_BYTES: Final = 64 * 1024


def signed_text(value: Mapping[str, Any]) -> str:
    """Return what is signed of a body or an envelope: its canonical form, and a newline."""
    return f"{canonical(value).decode()}\n"


def sign(value: Mapping[str, Any], key: SigningKey) -> str:
    """Return the line of a signature under a body or an envelope."""
    return str(key.sign(signed_text(value)))


def signed_with(body: Mapping[str, Any], key: SigningKey) -> dict[str, Any]:
    """Return a body with its signature."""
    return {"body": dict(body), "signature": sign(body, key)}


def signer(value: Mapping[str, Any], signature: str, keys: Iterable[PublicKey]) -> PublicKey | None:
    """Return which of some keys signed a body or an envelope; `None`: none of them.

    :raises NotProved: the signature has the name and number of one of them, and is not its own.
    """
    note = Note(signed_text(value), (Signature.of(signature),))
    return next((key for key in keys if key.check(note) is not None), None)


@attrs.frozen
class Message:
    """A message that was read. That it is well formed is known; whether it holds is not.

    `kind` is `offer`, `cancel`, `answer`, `request` or `position`; `sender` and `receiver` are
    journals; `body` says what it is about. `str()` is the message as text, on one line.
    """

    data: bytes
    envelope: Mapping[str, Any]
    signature: str
    head: SignedHead

    @classmethod
    def of(cls, data: bytes | str) -> Message:
        """Return the message of some bytes; one newline behind them is let pass.

        :raises MessageRefused: they are none, of another version, or longer than any.
        """
        body = data.encode() if isinstance(data, str) else bytes(data)
        body = body.removesuffix(b"\n")
        if not body:
            raise _unlike(why="it is empty")
        if len(body) > MOST_BYTES:
            msg = f"a message has at most {MOST_BYTES} bytes, not {len(body)}"
            raise MessageRefused(msg).about(
                key="message_too_long", most=MOST_BYTES, length=len(body)
            )
        value = _value_of(body)
        if value.keys() != {"envelope", "signature"} or type(value["envelope"]) is not dict:
            raise _unlike(why="it has no envelope with a signature")
        envelope = value["envelope"]
        if envelope.get("format") != MESSAGES:
            form = shown(envelope.get("format"))
            msg = f"the message is of format {form}: this version of the program reads {MESSAGES}"
            raise MessageRefused(msg).about(key="message_version", given=form, known=MESSAGES)
        if not is_signature(value["signature"]):
            raise field_wrong(what="message", field="signature")
        check_fields(envelope, ENVELOPE_MUST, ENVELOPE_MAY, what="envelope")
        head = _head_of(envelope)
        _check_proofs(envelope, head)
        _check_message(envelope)
        return cls(body, envelope, value["signature"], head)

    @property
    def sender(self) -> str:
        """The journal of the bank that sent it."""
        found: str = self.envelope["from"]
        return found

    @property
    def receiver(self) -> str:
        """The journal of the bank that it is for."""
        found: str = self.envelope["to"]
        return found

    @property
    def signed(self) -> dict[str, Any]:
        """The body with its signature, as records keep it."""
        found: dict[str, Any] = self.envelope["message"]
        return found

    @property
    def body(self) -> dict[str, Any]:
        """What it says."""
        found: dict[str, Any] = self.signed["body"]
        return found

    @property
    def kind(self) -> str:
        """What it is: an offer, a cancel, an answer, a request or a position."""
        found: str = self.body["kind"]
        return found

    @property
    def is_returned(self) -> bool:
        """Whether it gives an answer back to the bank that gave it, which has forgotten it."""
        return self.kind == "answer" and self.body["from"] == self.receiver

    @property
    def since(self) -> int | None:
        """The number of records of the head that the receiver saw last, as the sender knows it."""
        return self.envelope.get("since")

    @property
    def proofs(self) -> dict[int, tuple[bytes, ...]]:
        """The hashes that prove that its head continues older ones, by their number of records."""
        found = self.envelope.get("proofs", ())
        return {size: hashes_of(hashes) or () for size, hashes in found}

    @property
    def seen(self) -> SeenHead | None:
        """The head of the receiver that the sender saw last, if any."""
        found = self.envelope.get("seen")
        return None if found is None else SeenHead.of(found)

    @property
    def claimed(self) -> SeenHead:
        """The sender's head, as a record keeps it."""
        said = self.head.checkpoint
        line = str(self.head.note.signatures[0])
        return SeenHead(size=said.size, root=said.root.hex(), signature=line)

    @property
    def note(self) -> str | None:
        """The note of the exchange, where the sender gave it."""
        texts = self.envelope.get("texts")
        return texts[0]["text"] if texts else None

    def __str__(self) -> str:
        return self.data.decode()


def _unlike(*, why: str) -> MessageRefused:
    msg = f"this is no message of another bank: {why}"
    return MessageRefused(msg).about(key="message_unlike")


def _value_of(data: bytes) -> dict[str, Any]:
    """Return the object that bytes say, which are the only bytes that say it.

    :raises MessageRefused: they are no canonical JSON.
    """
    try:
        value = parse(data)
        is_canonical = canonical(value) == data
    except (Corrupt, ValueError, RecursionError):  # lone surrogates are a ValueError
        is_canonical = False
    if not is_canonical:
        raise _unlike(why="it is no JSON in canonical form (a line was changed, or cut)")
    return value


def _head_of(envelope: Mapping[str, Any]) -> SignedHead:
    try:
        head = SignedHead.of(envelope["head"])
    except NotProved as error:
        raise field_wrong(what="envelope", field="head") from error
    is_own = head.checkpoint.origin == f"timebank/{envelope['from']}"
    if not is_own or len(head.note.signatures) != 1 or str(head) != envelope["head"]:
        raise field_wrong(what="envelope", field="head")
    return head


def _check_proofs(envelope: Mapping[str, Any], head: SignedHead) -> None:
    sizes = [size for size, _ in envelope.get("proofs", ())]
    if sizes and sizes[-1] > head.checkpoint.size:
        raise field_wrong(what="envelope", field="proofs")
    if "since" in envelope and envelope["since"] not in sizes[:1]:
        raise field_wrong(what="envelope", field="since")


def _check_message(envelope: Mapping[str, Any]) -> None:
    body = envelope["message"]["body"]
    check_body(body)
    between = (body["from"], body["to"])
    returned = body["kind"] == "answer" and between == (envelope["to"], envelope["from"])
    if between != (envelope["from"], envelope["to"]) and not returned:
        msg = "the envelope and the message in it are of other banks"
        raise MessageRefused(msg).about(key="message_mixed")
    if returned and not body["accepted"]:
        raise field_wrong(what="answer", field="accepted")
    for one in envelope.get("texts", ()):
        about = body if body["kind"] == "request" else offered(envelope["message"])
        wanted = about.get("note") if body["kind"] in {"offer", "request"} else None
        if commitment(bytes.fromhex(one["salt"]), one["text"]) != wanted:
            msg = "the text in the envelope is not the note of this message"
            raise MessageRefused(msg).about(key="message_text")
