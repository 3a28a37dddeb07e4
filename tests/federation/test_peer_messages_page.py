"""The page of the format of messages: its example is real, and each of its rules is kept.

The example is verified here by code that shares nothing with the library, from the page alone.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Callable
from copy import deepcopy
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from federation.forging import put, sealed_anew, signed_anew
from federation.sides import a_side, exchange, two_sides
from federation.worked_example import PAGE, example, page
from timebank import TimebankError, federation
from timebank.federation import Message
from timebank.federation.messages import MOST_BYTES, sign
from timebank.proof import SigningKey

TEXT = PAGE.read_text("utf-8")
BLOCKS = re.findall(r"```text\n(.*?)\n```", TEXT, re.DOTALL)


def test_the_example_of_the_page_is_what_is_sent() -> None:
    """`python -m federation.worked_example` has written it."""
    assert page() == TEXT
    assert example() in TEXT


# -- from the page alone ---------------------------------------------------------------------


def canonical(value: object) -> str:
    """The canonical form, by the standard library."""
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def holds(line: str, text: str, vkey: str) -> bool:
    """Whether a line is the signature of a text by the key of a line."""
    name, number, key = vkey.split("+", 2)
    dash, signer, value = line.split(" ")
    signed = base64.b64decode(value, validate=True)
    raw = base64.b64decode(key)
    assert (dash, signer, 33, 1) == ("\u2014", name, len(raw), raw[0])
    assert number == hashlib.sha256(f"{name}\n".encode() + raw).hexdigest()[:8]
    assert bytes.fromhex(number) == signed[:4]
    Ed25519PublicKey.from_public_bytes(raw[1:]).verify(signed[4:], text.encode())
    return True


def root(leaves: list[bytes]) -> bytes:
    """The root of RFC 6962, by its definition."""
    if len(leaves) == 1:
        return leaves[0]
    half = 1 << (len(leaves) - 1).bit_length() - 1
    return hashlib.sha256(b"\1" + root(leaves[:half]) + root(leaves[half:])).digest()


def test_the_example_is_verified_from_the_page_alone() -> None:
    """Signatures, digest, commitment and shared id come out as the page says."""
    keys, offered, *lines = BLOCKS
    isola, bovisa = keys.split("\n")
    body, digest = offered.split("\n")
    assert digest == hashlib.sha256(body.encode()).hexdigest()
    sent, answered = map(json.loads, lines)
    for message, line, key, peer in (
        (sent, lines[0], isola, bovisa),
        (answered, lines[1], bovisa, isola),
    ):
        assert line == canonical(message)
        envelope = message["envelope"]
        assert holds(message["signature"], f"{canonical(envelope)}\n", key)
        text, signature = envelope["head"].split("\n\n")
        assert holds(signature.removesuffix("\n"), f"{text}\n", key)
        said = envelope["message"]
        assert holds(said["signature"], f"{canonical(said['body'])}\n", key)
        assert envelope["from"] == said["body"]["from"]
        del peer
    assert body == canonical(sent["envelope"]["message"]["body"])
    (note,) = sent["envelope"]["texts"]
    commitment = hashlib.sha256(bytes.fromhex(note["salt"]) + note["text"].encode()).hexdigest()
    assert commitment == json.loads(body)["note"]
    answer = answered["envelope"]["message"]["body"]
    assert sent["envelope"]["message"] == answer["offer"]
    shared = hashlib.sha256(b"isola-1\0visit-81").hexdigest()[:40]
    assert f"`peer:{shared}`" in TEXT


def test_the_heads_of_the_example_are_those_of_the_journals() -> None:
    """Root, and what was seen, follow from the records, by the definition of the tree."""
    one, other = two_sides()
    exchange(one, other, id="visit-80")
    message = Message.of(one.offers(other, id="visit-81"))
    for side, size, found in (
        (one, message.head.checkpoint.size, message.head.checkpoint.root.hex()),
        (other, *(message.envelope["seen"])),
    ):
        leaves = [hashlib.sha256(b"\0" + record.bytes).digest() for record in side.bank.records()]
        assert root(leaves[:size]).hex() == found


# -- each rule ------------------------------------------------------------------------------------


class World:
    """Two banks that have exchanged, one of which forges."""

    def __init__(self) -> None:
        self.one, self.other = two_sides()
        exchange(self.one, self.other, id="x0")
        exchange(self.other, self.one, id="y0")
        self.before = self.one.backup()
        self.sent = self.one.offers(self.other, id="x1", note="to the clinic", with_note=True)
        self.third = a_side("third", 3)

    def takes(self, data: bytes | str) -> None:
        """Let the other bank answer."""
        self.other.answers(data)

    def forged(self, change: Callable[[dict[str, Any]], None], *, inner: bool = True) -> str:
        """The offer, changed and signed anew."""
        make = signed_anew if inner else sealed_anew
        return make(Message.of(self.sent), self.one.key, change)


def body(field: str, value: object) -> Callable[[World], object]:
    """Return what sends the offer with another value in its body."""
    return lambda world: world.takes(world.forged(put(("message", "body", field), value)))


def envelope(field: str, value: object) -> Callable[[World], object]:
    """Return what sends the offer with another value in its envelope."""
    return lambda world: world.takes(world.forged(put((field,), value), inner=False))


def _old_key(world: World) -> None:
    new = SigningKey(world.one.key.name, "ed25519", bytes([7] * 32))
    terms = {"they_may_owe": 20, "we_may_owe": 20}
    federation.agree(world.other.bank, world.one.journal, key=new.public, **terms)  # type: ignore[arg-type]  # they are hours
    world.takes(world.sent)


def _head_by_another(world: World) -> None:
    text = str(Message.of(world.sent).head.checkpoint)
    thief = SigningKey(world.one.key.name, "ed25519", bytes([7] * 32))
    world.takes(world.forged(put(("head",), f"{text}\n{thief.sign(text)}\n"), inner=False))


def _inner_by_another(world: World) -> None:
    thief = SigningKey(world.one.key.name, "ed25519", bytes([7] * 32))
    line = sign(Message.of(world.sent).body, thief)
    world.takes(world.forged(put(("message", "signature"), line), inner=False))


def _cancel_of_another(world: World) -> None:
    message = Message.of(federation.cancel(world.one.bank, "x1", key=world.one.key))
    world.takes(signed_anew(message, world.one.key, put(("message", "body", "offer", "to"), "x")))


def _answer_without_a_day(world: World) -> None:
    message = Message.of(world.other.answers(world.sent))

    def change(envelope: dict[str, Any]) -> None:
        del envelope["message"]["body"]["occurred_on"]

    world.one.concludes(signed_anew(message, world.other.key, change))


def _request_of_two(world: World) -> None:
    asked = federation.request(
        world.one.bank, world.other.journal, key=world.one.key, hours=1, earner="m1"
    )
    change = put(("message", "body", "reverses"), "x")
    federation.grant(
        world.other.bank, signed_anew(Message.of(asked), world.one.key, change), key=world.other.key
    )


def _half_a_position(world: World) -> None:
    place = federation.position(world.one.bank, world.other.journal, key=world.one.key)
    change = put(("message", "body", "pages"), 2)
    federation.reconcile(world.other.bank, signed_anew(Message.of(place), world.one.key, change))


def _no_agreement(world: World) -> None:
    federation.agree(world.third.bank, world.other.journal, they_may_owe=1, we_may_owe=1)
    moved = signed_anew(Message.of(world.sent), world.third.key, _as_of(world))
    world.takes(moved)


def _as_of(world: World) -> Callable[[dict[str, Any]], None]:
    def change(envelope: dict[str, Any]) -> None:
        envelope["from"] = envelope["message"]["body"]["from"] = world.third.journal
        envelope["head"] = envelope["head"].replace(world.one.journal, world.third.journal)

    return change


def _another_of_its_size(world: World) -> None:
    world.takes(world.sent)
    world.one.restore(world.before)
    world.one.offers(world.other, id="x2", hours=2)
    world.takes(_unseen(world, world.one.offers(world.other, id="x2", hours=2)))


def _another_before(world: World) -> None:
    world.takes(world.sent)
    world.one.restore(world.before)
    world.one.offers(world.other, id="x2")
    world.takes(_unseen(world, world.one.offers(world.other, id="x3")))


def _nothing_before(world: World) -> None:
    world.other.concludes(world.one.answers(world.other.offers(world.one)))
    world.one.restore(world.before)
    for number in range(3):
        world.one.bank.open_account(f"n{number}")
    world.takes(_unseen(world, world.one.offers(world.other, id="x3")))


def _unseen(world: World, data: bytes) -> str:
    """A message without what its sender saw, as one that hides what it has lost."""
    return sealed_anew(Message.of(data), world.one.key, lambda found: found.pop("seen", None))


def _another_digest(world: World) -> None:
    world.takes(world.sent)
    world.takes(world.forged(put(("message", "body", "seconds"), 60)))


def _answer_to_another(world: World) -> None:
    message = Message.of(world.other.answers(world.sent))
    offer = deepcopy(message.body["offer"])
    offer["body"]["seconds"] = 60
    offer["signature"] = sign(offer["body"], world.one.key)
    made = signed_anew(message, world.other.key, put(("message", "body", "offer"), offer))
    world.one.concludes(made)


def _answer_to_nothing(world: World) -> None:
    answered = world.other.answers(world.sent)
    world.one.restore(world.before)
    world.one.concludes(_bare(world, answered))


def _bare(world: World, data: bytes) -> str:
    return sealed_anew(Message.of(data), world.other.key, lambda found: found.pop("seen", None))


#: What breaks each rule, and the key of the sentence by which it is told.
FORGERIES: dict[str, tuple[Callable[[World], object], str]] = {
    "P1": (lambda world: world.takes(world.sent.replace(b'":', b'" :', 1)), "message_unlike"),
    "P2": (lambda world: world.takes(b'{"a":1,' + world.sent[1:]), "message_unlike"),
    "P3": (envelope("format", "timebank-peers/2"), "message_version"),
    "P4": (_old_key, "message_key_before"),
    "P5": (_head_by_another, "signature_wrong_or_unsigned"),
    "P6": (envelope("since", 1), "message_field"),
    "P7": (envelope("texts", [{"salt": "0" * 32, "text": "another"}]), "message_text"),
    "P8": (_inner_by_another, "message_key"),
    "P9": (body("seconds", 0), "message_field"),
    "P10": (body("to", "another"), "message_mixed"),
    "P11": (_cancel_of_another, "message_field"),
    "P12": (_answer_without_a_day, "message_field"),
    "P13": (_request_of_two, "message_field"),
    "P14": (_half_a_position, "position_torn"),
    "P15": (lambda world: world.third.answers(world.sent), "message_for_other"),
    "P16": (_no_agreement, "NotAgreed"),
    "P17": (envelope("seen", [99, "0" * 64]), "history_lost"),
    "P18": (
        lambda world: world.takes(world.forged(_forgotten, inner=False)),
        "history_lost",
    ),
    "P19": (_another_of_its_size, "forked_rewritten"),
    "P20": (_another_before, "forked_rewritten"),
    "P21": (_nothing_before, "message_unproved"),
    "P23": (_another_digest, "OtherOffer"),
    "P25": (_answer_to_another, "OtherOffer"),
    "P26": (_answer_to_nothing, "OfferForgotten"),
}
#: Rules that say what is taken, not what is refused: their tests are elsewhere.
TAKEN = {
    "P22": "test_an_older_head_is_accepted_as_what_it_is",
    "P24": "test_after_its_time_an_offer_is_refused",
    "P27": "test_a_request_is_granted_once",
}


def _forgotten(found: dict[str, Any]) -> None:
    """Claim that the receiver saw the head of now."""
    size = int(found["head"].split("\n")[1])
    found["since"], found["proofs"] = size, [[size, []]]


def test_each_rule_of_the_page_has_a_forgery() -> None:
    """No rule of the page is without one, and none is of a rule that is not there."""
    rules = re.findall(r"^- \*\*(P\d+)\*\*", TEXT, re.MULTILINE)
    assert [f"P{number}" for number in range(1, len(rules) + 1)] == rules
    assert set(rules) == FORGERIES.keys() | TAKEN.keys()


@pytest.mark.parametrize("rule", FORGERIES)
def test_what_breaks_a_rule_is_refused(rule: str) -> None:
    """Whoever breaks it is told so, and nothing is recorded by who was sent it."""
    world = World()
    breaks, key = FORGERIES[rule]
    with pytest.raises(TimebankError) as refusal:
        breaks(world)
    found = {refusal.value.key, type(refusal.value).__name__}
    if rule == "P5":
        assert found & {"signature_wrong", "not_signed"}
    else:
        assert key in found
    assert world.other.bank.audit().ok
    assert world.one.bank.audit().ok


def test_the_limits_of_the_page_are_those_of_the_program() -> None:
    """Its numbers are read by who writes another program."""
    from timebank.federation.forms import MOST_ENTRIES, MOST_PROOFS
    from timebank.journal.tree import MOST_HASHES

    for said in (
        f"{MOST_BYTES:,} bytes",
        f"1 to {MOST_PROOFS} rows",
        f"at most {MOST_HASHES} hashes",
        f"at most {MOST_ENTRIES} rows",
    ):
        assert said in TEXT


def test_the_fields_of_the_page_are_those_of_the_program() -> None:
    """Each field that is read is in a table of this page, or in that of the journal's format."""
    from timebank.federation.forms import _BETWEEN, _FORMS, ENVELOPE_MAY, ENVELOPE_MUST

    told = TEXT + (PAGE.parent / "journal-format.md").read_text("utf-8")
    fields = {*ENVELOPE_MUST, *ENVELOPE_MAY, *_BETWEEN}
    fields.update(*(form for forms in _FORMS.values() for form in forms))
    assert [] == [field for field in sorted(fields) if f"`{field}`" not in told]
