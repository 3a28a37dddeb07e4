"""The fields of the messages between two banks that records hold, and their types.

Stated here once more, from `docs/journal-format.md`, and not taken from the code that makes them.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Any, Final

from timebank.audit.field_types import (
    Commitment,
    DayOf,
    SeenHead,
    Signed,
    Strings,
    Terms,
    TimeOf,
    fields_of,
)
from timebank.errors import shown
from timebank.model import MAX_TAGS
from timebank.model.said import said

#: The name of the format of messages.
FORMAT: Final = "timebank-peers/1"
_SIGNED: Final = {"body": dict, "signature": str}
_ALL: Final = {"format": str, "kind": str, "from": str, "to": str}
#: What an offer says of the exchange, under the names of a body.
DESCRIBED: Final = {
    "started_at": TimeOf,
    "ended_at": TimeOf,
    "category": str,
    "area": str,
    "resource": str,
    "tags": Strings,
    "note": Commitment,
}
_OFFER: Final = {
    **_ALL,
    "id": str,
    "record": int,
    "seconds": int,
    "exchange": str,
    "occurred_on": DayOf,
    "answer_by": int,
    "terms": Terms,
}
_CANCEL: Final = {**_ALL, "offer": dict}
_ANSWER: Final = {**_ALL, "record": int, "offer": Signed, "accepted": bool, "terms": Terms}
#: Kind → the fields that are always there, and those that may be.
_BODIES: Final[dict[str, tuple[dict[str, Any], dict[str, Any]]]] = {
    "offer": (_OFFER, {"earner": str, "reverses": str, "seen": SeenHead, **DESCRIBED}),
    "cancel": (_CANCEL, {}),
    "answer": (_ANSWER, {"occurred_on": DayOf, "code": str, "seen": SeenHead}),
}
#: What the request of a hold has that is an offer, and what of it is always there.
_OFFERED: Final = {"to": str, "answer_in": int, "earner": str, "reverses": str}

Difference = tuple[str, str]


def offered_differences(offer: dict[str, Any]) -> Iterator[Difference]:
    """Yield what is wrong in the fields by which a hold is an offer."""
    yield from fields_of("request.offer", offer, _OFFERED)
    if not offer.keys() >= {"to", "answer_in"} or len(offer.keys() & {"earner", "reverses"}) != 1:
        fields = "to, answer_in, earner | reverses"
        yield said("message_with", where="request.offer", fields=fields), _named(offer)


def signed_differences(where: str, signed: dict[str, Any], *kinds: str) -> Iterator[Difference]:
    """Yield what is wrong in the fields of a signed message, of one of some kinds."""
    yield from fields_of(where, signed, _SIGNED)
    body = signed.get("body")
    if type(body) is not dict:
        if "body" not in signed:
            yield said("message_with", where=where, fields="body"), _named(signed)
        return
    yield from _body(f"{where}.body", body, *kinds)


def _body(where: str, body: dict[str, Any], *kinds: str) -> Iterator[Difference]:
    """Yield what is wrong in the fields of a body."""
    kind = body.get("kind")
    if type(kind) is not str or kind not in kinds:
        yield said("message_of_kind", where=where, kinds=" | ".join(kinds)), shown(kind)
        return
    always, sometimes = _BODIES[kind]
    found = [*fields_of(where, body, always | sometimes)]
    if not always.keys() <= body.keys():
        missing = said("message_with", where=where, fields=", ".join(sorted(always)))
        found.append((missing, _named(body)))
    yield from found
    if found:
        return
    if kind == "offer" and len(body.keys() & {"earner", "reverses"}) != 1:
        yield said("message_with", where=where, fields="earner | reverses"), _named(body)
    if kind == "answer":
        yield from _answer(where, body)
    if kind == "cancel":
        yield from _body(f"{where}.offer", body["offer"], "offer")


def _answer(where: str, body: dict[str, Any]) -> Iterator[Difference]:
    """Yield what is wrong in the fields of an answer, which has a day or a word."""
    has, lacks = ("occurred_on", "code") if body["accepted"] else ("code", "occurred_on")
    if has not in body or lacks in body:
        yield said("message_with", where=where, fields=has), _named(body)
    yield from signed_differences(f"{where}.offer", body["offer"], "offer", "cancel")


def _named(found: dict[str, Any]) -> str:
    return ", ".join(map(shown, sorted(found))) or said("none")


# -- values ------------------------------------------------------------------------------------


def offer_of(signed: dict[str, Any]) -> dict[str, Any]:
    """Return the body of an offer, of a signed offer or of what takes it back.

    >>> from timebank.audit.message_fields import offer_of
    >>> offer_of({"body": {"kind": "cancel", "offer": {"kind": "offer"}}})
    {'kind': 'offer'}
    """
    body: dict[str, Any] = signed["body"]
    return body if body["kind"] == "offer" else body["offer"]


def value_differences(where: str, signed: dict[str, Any]) -> Iterator[Difference]:
    """Yield values of a signed message whose fields are known that are not as they must be."""
    body, where = signed["body"], f"{where}.body"
    if body["format"] != FORMAT:
        yield said("message_format", where=where, format=FORMAT), shown(body["format"])
    yield from _numbers(where, body)
    if body["kind"] == "answer":
        yield from value_differences(f"{where}.offer", body["offer"])
        offer = offer_of(body["offer"])
        if (offer["from"], offer["to"]) != (body["to"], body["from"]):
            yield _turned(where, body, offer)
    elif body["kind"] == "cancel":
        offer = body["offer"]
        yield from _values_of_offer(f"{where}.offer", offer)
        if (offer["from"], offer["to"]) != (body["from"], body["to"]):
            yield _turned(where, body, offer)


def _values_of_offer(where: str, offer: dict[str, Any]) -> Iterator[Difference]:
    """Yield those of an offer that is taken back, which is not signed."""
    yield from _numbers(where, offer)
    if offer["format"] != FORMAT:
        yield said("message_format", where=where, format=FORMAT), shown(offer["format"])


def _turned(where: str, body: dict[str, Any], offer: dict[str, Any]) -> Difference:
    expected = said("an_offer_between_the_same_banks", where=where)
    return expected, shown([offer["from"], offer["to"], body["from"], body["to"]])


def _numbers(where: str, body: dict[str, Any]) -> Iterator[Difference]:
    """Yield numbers that are too small, and tags that are not in order."""
    for field, least in (("seconds", 1), ("record", 1)):
        if body.get(field, least) < least:
            yield said("more_than_0", field=f"{where}.{field}"), shown(body[field])
    yield from told_differences(where, body)
    tags = body.get("tags", ["-"])
    if not 1 <= len(tags) <= MAX_TAGS or not all(one < other for one, other in pairwise(tags)):
        yield said("request_tags_sorted", most=MAX_TAGS), shown(tags)


def told_differences(where: str, told: dict[str, Any]) -> Iterator[Difference]:
    """Yield limits and sizes below zero, of what one of two banks tells the other."""
    for name in ("terms", "theirs"):
        if any(one is not None and one < 0 for one in told.get(name, ())):
            yield said("not_less_than_0", field=f"{where}.{name}"), shown(told[name])
    for name in ("seen", "head"):
        if name in told and told[name][0] < 0:
            yield said("not_less_than_0", field=f"{where}.{name}"), shown(told[name])
