"""The bodies of the messages between two banks, each derived from one record. Pure.

`docs/peer-messages.md` specifies them, so that a program in another language sends and reads them.
A body is the same for ever: asking a journal again gives the same bytes.

>>> from timebank.journal.offers import offer_body
>>> record = {"journal": "j1", "sequence": 3, "recorded_on": "2026-03-02", "request": {
...     "id": "visit-81", "kind": "exchange", "earners": [["peer:j2", 5400]],
...     "spenders": [["f1", 5400]], "offer": {"to": "j2", "earner": "maria", "answer_in": 1000}},
...     "effects": {"lines": [["peer:j2", 5400], ["f1", -5400]], "answer_by": 2000,
...     "terms": [None, 36000], "reserves": [], "statute": "default/1"}}
>>> offer_body(record)["seconds"], offer_body(record)["occurred_on"]
(5400, '2026-03-02')
"""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256
from typing import Any, Final

from timebank.journal.form import canonical

#: The name of the format of messages.
MESSAGES: Final = "timebank-peers/1"
#: What an offer says of the exchange as its hold was asked for.
DESCRIBED: Final = ("area", "category", "from", "note", "resource", "tags", "to")
#: The same under the names that a body has: `from` and `to` are the two banks there.
_NAMES: Final = {"from": "started_at", "to": "ended_at"}

#: A body, and its signature where the two banks do not share a store.
Signed = Mapping[str, Any]


def digest_of(body: Mapping[str, Any]) -> str:
    """Return the digest by which a body is known: SHA-256 of its canonical form, in hex."""
    return sha256(canonical(body)).hexdigest()


def offer_body(record: Mapping[str, Any]) -> dict[str, Any]:
    """Return the offer that the record of a hold makes."""
    request, effects = record["request"], record["effects"]
    asked = request["offer"]
    account = request["earners"][0][0]
    body = {
        "format": MESSAGES,
        "kind": "offer",
        "from": record["journal"],
        "to": asked["to"],
        "id": request["id"],
        "record": record["sequence"],
        "seconds": sum(seconds for id, seconds in effects["lines"] if id == account),
        "exchange": request["kind"],
        "occurred_on": request.get("occurred_on", record["recorded_on"]),
        "answer_by": effects["answer_by"],
        "terms": effects["terms"],
    }
    for field in ("earner", "reverses"):
        if field in asked:
            body[field] = asked[field]
    return body | _seen(effects) | described(request)


def described(request: Mapping[str, Any]) -> dict[str, Any]:
    """Return what an exchange was for, under the names of a body."""
    return {_NAMES.get(one, one): request[one] for one in DESCRIBED if one in request}


def cancel_body(record: Mapping[str, Any]) -> dict[str, Any]:
    """Return the message that takes back the offer which the record of a hold makes."""
    offer = offer_body(record)
    return {
        "format": MESSAGES,
        "kind": "cancel",
        "from": offer["from"],
        "to": offer["to"],
        "offer": offer,
    }


def answer_body(record: Mapping[str, Any]) -> dict[str, Any]:
    """Return the answer that a record is: that of a booking, or of a refusal."""
    request, effects = record["request"], record["effects"]
    accepted = record["kind"] != "refuse"
    body = {
        "format": MESSAGES,
        "kind": "answer",
        "from": record["journal"],
        "to": request["offer"]["body"]["from"],
        "record": record["sequence"],
        "offer": request["offer"],
        "accepted": accepted,
        "terms": effects["terms"],
    }
    if accepted:
        body["occurred_on"] = effects["occurred_on"]
    else:
        body["code"] = request["code"]
    return body | _seen(effects)


def _seen(effects: Mapping[str, Any]) -> dict[str, Any]:
    """Return the head of the other bank that was seen: its size and root, without its signature."""
    return {"seen": effects["seen"][:2]} if "seen" in effects else {}


def offered(signed: Signed) -> dict[str, Any]:
    """Return the offer of a signed offer, or of a signed cancellation."""
    body: dict[str, Any] = signed["body"]
    return body if body["kind"] == "offer" else body["offer"]
