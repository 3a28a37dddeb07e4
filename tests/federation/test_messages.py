"""Messages are read strictly: whatever was changed in one is refused, with a sentence."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from datetime import date, time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from federation.forging import INSTEAD, drop, places, put, sealed_anew, signed_anew
from federation.sides import Side, a_side, agree, exchange, two_sides
from support import examples
from timebank import InvalidRequest, NotAgreed, TimebankError, explain, federation
from timebank.federation import Message, MessageRefused
from timebank.federation.forms import check_body
from timebank.federation.messages import MOST_BYTES, sign
from timebank.journal.form import canonical
from timebank.proof import NotProved, SigningKey

DESCRIBED: dict[str, Any] = {
    "area": "care",
    "category": "visits",
    "resource": "car",
    "tags": ("a", "b"),
    "note": "to the clinic",
    "occurred_on": date(2026, 3, 1),
    "started_at": time(9, 30),
    "ended_at": time(10, 30),
}


class Case:
    """Two banks that have exchanged, and one message of each kind."""

    def __init__(self) -> None:
        self.one, self.other = two_sides()
        exchange(self.one, self.other)
        booked = exchange(self.one, self.other)
        exchange(self.other, self.one)
        one, other = self.one, self.other
        offer = one.offers(other, id="full", with_note=True, **DESCRIBED)
        transfer = federation.message(one.bank, _shared(one, booked), key=one.key)
        back = federation.reversal(
            other.bank, _shared(one, booked), key=other.key, reason="too long", with_note=True
        )
        refused = one.offers(other, earner="nobody")
        self.made: dict[str, tuple[Side, Side, bytes]] = {
            "offer": (one, other, offer),
            "reversal": (other, one, back),
            "cancel": (one, other, federation.cancel(one.bank, "full", key=one.key)),
            "accepted": (other, one, other.answers(offer)),
            "refused": (other, one, other.answers(refused)),
            "returned": (one, other, transfer),
            "request": (
                other,
                one,
                federation.request(
                    other.bank, one.journal, key=other.key, hours=1, earner="m1", **DESCRIBED
                ),
            ),
            "position": (
                one,
                other,
                federation.position(one.bank, other.journal, key=one.key).splitlines()[0],
            ),
        }


def _shared(side: Side, id: str) -> str:
    from timebank.model.agreements import shared_id

    return shared_id(side.journal, id)


CASE = Case()
KINDS = tuple(CASE.made)


def refuses(reader: Side, data: bytes | str) -> TimebankError:
    """Check that a bank refuses a message, says so in both languages, and records nothing."""
    before = reader.bank.head()
    with pytest.raises((NotProved, NotAgreed)) as refusal:
        federation.read(reader.bank, data)
    assert before == reader.bank.head()
    for lang in ("en", "it"):
        assert explain(refusal.value, lang=lang)[-1:] in {".", "?", ")"}
    return refusal.value


@pytest.mark.parametrize("kind", KINDS)
def test_each_message_holds_for_whom_it_is(kind: str) -> None:
    """What was sent is read as it was sent, and its bytes are the only ones that say it."""
    _, reader, data = CASE.made[kind]
    message = federation.read(reader.bank, data)
    assert data == message.data == str(message).encode()
    assert data == canonical(json.loads(data))
    assert federation.read(reader.bank, data + b"\n") == message
    assert len(data) < MOST_BYTES


@pytest.mark.parametrize("kind", KINDS)
def test_no_byte_of_it_can_be_changed(kind: str) -> None:
    """Whichever byte is another one, or is missing: the message is refused."""
    _, reader, data = CASE.made[kind]
    agreement = federation.agreement(reader.bank, CASE.made[kind][0].journal)
    for place in range(len(data)):
        _is_no_message(data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :], agreement)
    for place in range(0, len(data), 7):
        _is_no_message(data[:place] + data[place + 1 :], agreement)


def _is_no_message(data: bytes, agreement: federation.Agreement) -> None:
    """Check that bytes are no message, or not one that the other bank signed."""
    from timebank.federation.envelopes import _check_signatures

    with pytest.raises(NotProved):
        _check_signatures(Message.of(data), agreement)


#: What a message may do without, by its last name; a place in a list is what is in the list.
MAY_BE_MISSING = {
    *("area", "category", "resource", "tags", "started_at", "ended_at", "seen", "texts"),
    *("since", *range(10)),
}
#: So may the days and notes of some, by all but the first name.
MAY_BE_MISSING_THERE = {
    ("body", "occurred_on"): {"request"},
    ("body", "offer", "note"): {"cancel"},
    ("body", "offer", "body", "note"): {"accepted"},
}


@pytest.mark.parametrize("kind", KINDS)
def test_each_field_says_only_what_it_can(kind: str) -> None:
    """A bank that signs what is no message is refused: by what each field says."""
    sender, reader, data = CASE.made[kind]
    message = Message.of(data)
    for path, value in places(dict(message.envelope)):
        if path == ("message", "signature"):  # which is made anew
            continue
        forged = [one for one in INSTEAD[type(value)] if one != value]
        is_limit = path[-2:] in {("terms", 0), ("terms", 1)}
        for one in forged:
            if not (one is None and is_limit):
                refuses(reader, signed_anew(message, sender.key, put(path, one)))
        made = signed_anew(message, sender.key, drop(path))
        if path[-1] in MAY_BE_MISSING or kind in MAY_BE_MISSING_THERE.get(path[1:], ()):
            with suppress(NotProved):
                federation.read(reader.bank, made)
        else:
            refuses(reader, made)


@pytest.mark.parametrize("kind", KINDS)
def test_no_field_is_added(kind: str) -> None:
    """A field that the format does not know is refused, wherever it is."""
    sender, reader, data = CASE.made[kind]
    message = Message.of(data)
    found = [(), *(path for path, value in places(dict(message.envelope)) if type(value) is dict)]
    for path in found:
        error = refuses(reader, signed_anew(message, sender.key, put((*path, "zz"), 1)))
        assert isinstance(error, MessageRefused)


@pytest.mark.parametrize("kind", KINDS)
def test_it_is_for_one_bank_and_from_one(kind: str) -> None:
    """A message for another bank, or from one that is not agreed with, is refused."""
    sender, reader, data = CASE.made[kind]
    third = a_side("third", 3)
    error = refuses(third, data)
    assert "message_for_other" == error.key
    agree(third, sender)
    body = put(("to",), third.journal)
    assert "message_mixed" == refuses(third, sealed_anew(Message.of(data), sender.key, body)).key
    stranger = a_side("stranger", 4)
    made = stranger.key
    moved = put(("from",), stranger.journal)
    refuses(reader, sealed_anew(Message.of(data), made, moved))


@pytest.mark.parametrize("kind", KINDS)
def test_every_signature_is_by_the_agreed_key(kind: str) -> None:
    """Envelope, head and body are each signed by the other bank: any other key is refused."""
    sender, reader, data = CASE.made[kind]
    message = Message.of(data)
    thief = SigningKey(sender.key.name, "ed25519", bytes([9] * 32))
    assert "message_key" == refuses(reader, sealed_anew(message, thief, lambda _: None)).key
    if kind != "returned":  # which is signed by the reader itself
        line = sign(message.body, thief)
        inner = put(("message", "signature"), line)
        assert "message_key" == refuses(reader, sealed_anew(message, sender.key, inner)).key
        swapped = put(("message", "signature"), message.signature)
        refuses(reader, sealed_anew(message, sender.key, swapped))
    text = str(message.head.checkpoint)
    head = put(("head",), f"{text}\n{thief.sign(text)}\n")
    refuses(reader, sealed_anew(message, sender.key, head))
    renamed = SigningKey("timebank/x", "ed25519", sender.key.seed)
    refuses(reader, sealed_anew(message, renamed, lambda _: None))


def test_a_key_that_was_changed_signs_anew() -> None:
    """With a new key agreed on, what the old one sealed is refused, and what it signed holds."""
    one, other = two_sides()
    sent = one.offers(other, id="x1")
    old = one.key
    one.key = SigningKey(old.name, "ed25519", bytes([7] * 32))
    federation.agree(other.bank, one.journal, key=one.key.public, they_may_owe=20, we_may_owe=20)
    assert "message_key_before" == refuses(other, sent).key
    assert "message_key" == refuses_key(other, one.offers(other, id="x1"), old).key
    mixed = sealed_anew(Message.of(sent), one.key, put(("head",), _head(one)))
    answered = other.answers(mixed)
    assert "booked" == one.concludes(answered).status
    assert other.bank.audit().ok


def _head(side: Side) -> str:
    from timebank.proof import sign_head

    return str(sign_head(side.bank, side.key))


def refuses_key(reader: Side, data: bytes, key: SigningKey) -> TimebankError:
    """Check that a message is refused whose body was signed by a key that was never agreed on."""
    thief = SigningKey(key.name, "ed25519", bytes([8] * 32))
    message = Message.of(data)
    inner = put(("message", "signature"), sign(message.body, thief))
    sender = SigningKey(key.name, "ed25519", bytes([7] * 32))
    return refuses(reader, sealed_anew(message, sender, inner))


def test_an_agreement_without_a_key_reads_nothing() -> None:
    """Where no key was agreed on, no message proves anything."""
    one, other = two_sides()
    third = a_side("third", 3)
    federation.agree(third.bank, one.journal, they_may_owe=1, we_may_owe=1)
    agree(one, third)
    assert "message_keyless" == refuses(third, one.offers(third)).key
    del other


def test_a_key_is_that_of_the_other_bank() -> None:
    """No agreement has the key of a third bank, of a witness, or what is no key."""
    one, other = a_side("isola", 1), a_side("bovisa", 2)
    witness = SigningKey.make(other.key.name, witness=True)
    for key in (one.key.public, witness.public, "x+y"):
        with pytest.raises((InvalidRequest, OSError)):
            federation.agree(one.bank, other.journal, key=key, they_may_owe=1, we_may_owe=1)
    assert () == federation.agreements(one.bank)


@pytest.mark.parametrize(
    ("data", "key"),
    [
        (b"", "message_unlike"),
        (b"\xff", "message_unlike"),
        (b"[]", "message_unlike"),
        (b"{}", "message_unlike"),
        (b'{"envelope":1,"signature":2}', "message_unlike"),
        (b'{"a":1,"a":1}', "message_unlike"),
        (b'{"a":1.0}', "message_unlike"),
        (b'{"a":NaN}', "message_unlike"),
        (b'{"a":"\\ud800"}', "message_unlike"),
        (b'{"a":123456789012345678901234567890}', "message_unlike"),
        (b"[" * 60_000, "message_unlike"),
        (b'{"a":' * 10_000, "message_unlike"),
        (b'{"envelope":{},"signature":""}', "message_version"),
        (b'{"envelope":{"format":"timebank-peers/2"},"signature":""}', "message_version"),
        (b'{"envelope":{"format":["x"]},"signature":""}', "message_version"),
        (b'{"envelope":{"format":"timebank-peers/1"},"signature":""}', "message_field"),
        (b" " * (MOST_BYTES + 1), "message_too_long"),
    ],
)
def test_what_is_no_message_is_refused(data: bytes, key: str) -> None:
    """Bytes of anything else, of another version or without end, are refused at once."""
    assert key == refuses(CASE.one, data).key


@given(data=st.binary(max_size=200))
@examples(100)
def test_no_bytes_are_read_otherwise(data: bytes) -> None:
    """Whatever the bytes, they are no message, and nothing but a refusal comes of them."""
    with pytest.raises(MessageRefused):
        Message.of(data)


@pytest.mark.parametrize(
    ("body", "key"),
    [
        ({"format": "timebank-peers/1", "kind": "loan"}, "message_kind_unknown"),
        ({"format": "timebank-peers/1", "kind": ["offer"]}, "message_kind_unknown"),
        ({"kind": "offer"}, "message_version"),
    ],
)
def test_no_other_kind_is_known(body: dict[str, Any], key: str) -> None:
    """A body of no kind, or of a later version, is refused by its name."""
    with pytest.raises(MessageRefused) as refusal:
        check_body(body)
    assert key == refusal.value.key


@pytest.mark.parametrize(
    ("kind", "change"),
    [
        ("offer", put(("message", "body", "reverses"), "x")),
        ("reversal", put(("message", "body", "earner"), "m1")),
        ("request", put(("message", "body", "reverses"), "x")),
        ("accepted", put(("message", "body", "accepted"), False)),
        ("accepted", put(("message", "body", "code"), "no")),
        ("refused", put(("message", "body", "accepted"), True)),
        ("refused", put(("message", "body", "occurred_on"), "2026-03-02")),
        ("accepted", put(("message", "body", "offer", "body", "from"), "x")),
        ("cancel", put(("message", "body", "offer", "to"), "x")),
        ("position", put(("message", "body", "page"), 2)),
        ("offer", put(("message", "body", "id"), "due:1")),
        ("offer", put(("message", "body", "exchange"), "reversal")),
        ("offer", put(("message", "body", "occurred_on"), "20260302")),
        ("offer", put(("message", "body", "started_at"), "9:30")),
        ("offer", put(("message", "body", "tags"), ["b", "a"])),
        ("offer", put(("message", "body", "tags"), ["a", "a"])),
        ("offer", put(("since",), 9_999)),
        ("offer", put(("proof",), ["x"])),
        ("offer", put(("texts",), [{"salt": "0" * 32, "text": "another"}])),
        ("cancel", put(("texts",), [{"salt": "0" * 32, "text": "another"}])),
        ("offer", put(("head",), "timebank/isola-1\n1\n")),
    ],
)
def test_its_fields_belong_together(kind: str, change: Callable[[dict[str, Any]], None]) -> None:
    """What each field may say alone, and not with the others, is refused."""
    sender, reader, data = CASE.made[kind]
    refuses(reader, signed_anew(Message.of(data), sender.key, change))


def test_an_answer_gives_back_no_refusal() -> None:
    """Only an acceptance is given back to who has forgotten it."""
    other, one, data = CASE.made["refused"]
    message = Message.of(data)

    def back(envelope: dict[str, Any]) -> None:
        envelope["from"], envelope["to"] = one.journal, other.journal
        envelope["head"] = _head(one)
        for field in ("since", "proof", "seen"):
            envelope.pop(field, None)

    assert "message_field" == refuses(other, sealed_anew(message, one.key, back)).key


def test_no_message_is_longer_than_the_limit() -> None:
    """A note that does not fit is refused before anything is sent; without it the offer goes."""
    one, other = two_sides()
    sent = one.offers(other, id="x1", note="\u20ac" * 10_000)
    assert len(sent) < 2_000
    assert len(one.offers(other, id="x2", note="x" * 10_000, with_note=True)) > 10_000
    longest = "\U0001f600" * 10_000  # 40,000 bytes, and the rest of the message
    assert len(one.offers(other, id="x3", note=longest, with_note=True)) < MOST_BYTES
    quoted = '"\\' * 5_000  # each character is two in JSON
    assert len(one.offers(other, id="x4", note=quoted, with_note=True)) < MOST_BYTES
    control = "\x01" * 10_000  # each is six
    tags = [f"{number:0200}" for number in range(50)]
    with pytest.raises(InvalidRequest, match="leave the note out"):
        one.offers(other, id="x5", note=control, tags=tags, with_note=True)
    assert (
        "booked"
        == one.concludes(other.answers(one.offers(other, id="x5", note=control, tags=tags))).status
    )


@pytest.mark.parametrize("data", [b"", b"\n"])
def test_an_empty_file_is_said_to_be_empty(data: bytes) -> None:
    """Who saved nothing is not told of JSON."""
    with pytest.raises(MessageRefused, match="it is empty"):
        Message.of(data)
