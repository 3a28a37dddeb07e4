"""What the bodies of messages may say: their fields, and what each may be. Pure.

`docs/peer-messages.md` has the same table for people.

>>> from timebank.federation.forms import check_body
>>> check_body({"format": "timebank-peers/2", "kind": "offer"})
Traceback (most recent call last):
...
timebank.federation.forms.MessageRefused: the message is of format 'timebank-peers/2': this \
version of the program reads timebank-peers/1
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import date, time
from typing import Any, Final

from timebank import checks
from timebank.errors import InvalidRequest, shown
from timebank.journal.offers import MESSAGES
from timebank.model import MAX_INTEGER, MAX_TAGS
from timebank.proof.errors import NotProved
from timebank.proof.notes import Signature, hashes_of

_Check = Callable[[Any], bool]


class MessageRefused(NotProved):
    """A message is not read, or does not hold: the error says why. Nothing was written."""


_HEX: Final = re.compile("[0-9a-f]{64}")
#: A message proves at most so many times that its head continues an older one.
MOST_PROOFS: Final = 8
#: Entries of a position on one message.
MOST_ENTRIES: Final = 250


def _whole(least: int, most: int = MAX_INTEGER) -> _Check:
    return lambda value: type(value) is int and least <= value <= most


def _passes(check: Callable[[Any, str], object]) -> _Check:
    """Return whether a check of arguments lets a value pass as it is."""

    def does(value: Any) -> bool:
        try:
            return type(value) is str and check(value, "value") == value
        except InvalidRequest:
            return False

    return does


def _parses(parse: Callable[[str], date | time], write: Callable[[Any], str]) -> _Check:
    def does(value: Any) -> bool:
        try:
            return type(value) is str and write(parse(value)) == value
        except ValueError:
            return False

    return does


def _word(*words: object) -> _Check:
    return lambda value: any(type(value) is type(one) and value == one for one in words)


def _is_hash(value: Any) -> bool:
    return type(value) is str and _HEX.fullmatch(value) is not None


def _is_head(value: Any) -> bool:
    return (
        type(value) is list
        and len(value) == 2  # noqa: PLR2004 - its size and its root
        and _whole(0)(value[0])
        and _is_hash(value[1])
    )


def _are_terms(value: Any) -> bool:
    is_limit = _whole(0)
    return (
        type(value) is list
        and len(value) == 2  # noqa: PLR2004 - one in each direction
        and all(one is None or is_limit(one) for one in value)
    )


def _are_tags(value: Any) -> bool:
    return (
        type(value) is list
        and 1 <= len(value) <= MAX_TAGS
        and all(map(_LABEL, value))
        and value == sorted(set(value))
    )


def is_signed(value: Any) -> bool:
    """Return whether a value is a body with its signature; neither is looked into."""
    return (
        type(value) is dict
        and value.keys() == {"body", "signature"}
        and type(value["body"]) is dict
        and is_signature(value["signature"])
    )


def is_signature(value: Any) -> bool:
    """Return whether a value is the line of a signature."""
    try:
        return type(value) is str and str(Signature.of(value)) == value
    except NotProved:
        return False


def _entries(*checked: _Check) -> _Check:
    """Return whether a value is a list of rows, each of such values."""

    def are(value: Any) -> bool:
        return (
            type(value) is list
            and len(value) <= MOST_ENTRIES
            and all(
                type(row) is list
                and len(row) == len(checked)
                and all(one(cell) for one, cell in zip(checked, row, strict=True))
                for row in value
            )
        )

    return are


_ID: Final = _passes(checks.identifier)
_OPERATION: Final = _passes(lambda value, _: checks.operation(value))
_LABEL: Final = _passes(checks.label)
_DAY: Final = _parses(date.fromisoformat, date.isoformat)
_TIME: Final = _parses(time.fromisoformat, lambda one: one.isoformat("minutes"))
_SECONDS: Final = _whole(1)
_SIGNED_SECONDS: Final = _whole(-MAX_INTEGER)

_BETWEEN: Final[dict[str, _Check]] = {
    "format": _word(MESSAGES),
    "kind": _LABEL,
    "from": _ID,
    "to": _ID,
}
_DESCRIBED: Final[dict[str, _Check]] = {
    "area": _LABEL,
    "category": _LABEL,
    "ended_at": _TIME,
    "note": _is_hash,
    "resource": _LABEL,
    "started_at": _TIME,
    "tags": _are_tags,
}
#: What must be there, and what may, by the kind of a body.
_FORMS: Final[dict[str, tuple[dict[str, _Check], dict[str, _Check]]]] = {
    "offer": (
        {
            "id": _OPERATION,
            "record": _SECONDS,
            "seconds": _SECONDS,
            "exchange": lambda value: _ID(value) and value != "reversal",
            "occurred_on": _DAY,
            "answer_by": _whole(-MAX_INTEGER),
            "terms": _are_terms,
        },
        {**_DESCRIBED, "earner": _LABEL, "reverses": _ID, "seen": _is_head},
    ),
    "cancel": ({"offer": lambda value: type(value) is dict}, {}),
    "answer": (
        {
            "record": _SECONDS,
            "offer": is_signed,
            "accepted": _word(True, False),
            "terms": _are_terms,
        },
        {"occurred_on": _DAY, "code": _LABEL, "seen": _is_head},
    ),
    "request": (
        {"id": _OPERATION, "seconds": _SECONDS},
        {
            **_DESCRIBED,
            "earner": _LABEL,
            "spender": _LABEL,
            "reverses": _ID,
            "occurred_on": _DAY,
        },
    ),
    "position": (
        {
            "record": _whole(0),
            "page": _SECONDS,
            "pages": _SECONDS,
            "balance": _SIGNED_SECONDS,
            "booked": _entries(_ID, _SIGNED_SECONDS),
            "open": _entries(_ID, _SECONDS),
        },
        {},
    ),
}
KINDS: Final = frozenset(_FORMS)


def check_body(body: Mapping[str, Any]) -> None:
    """Check that a body says what its kind says, and nothing else.

    :raises MessageRefused: it does not.
    """
    form = body.get("format")
    if form != MESSAGES:
        msg = (
            f"the message is of format {shown(form)}: this version of the program reads {MESSAGES}"
        )
        raise MessageRefused(msg).about(key="message_version", given=shown(form), known=MESSAGES)
    kind = body.get("kind")
    if type(kind) is not str or kind not in _FORMS:
        msg = f"there is no such message as {shown(kind)}"
        raise MessageRefused(msg).about(key="message_kind_unknown", given=shown(kind))
    must, may = _FORMS[kind]
    check_fields(body, _BETWEEN | must, may, what=kind)
    _AFTER[kind](body)


def check_fields(
    given: Mapping[str, Any],
    must: Mapping[str, _Check],
    may: Mapping[str, _Check],
    *,
    what: str,
) -> None:
    """Check that an object has the fields that it must have, and no others than it may.

    :raises MessageRefused: it has not.
    """
    known = {**must, **may}
    wrong = [name for name in must if name not in given]
    wrong += [name for name, value in given.items() if name not in known or not known[name](value)]
    if wrong:
        raise field_wrong(what=what, field=wrong[0])


def field_wrong(*, what: str, field: str) -> MessageRefused:
    """Return the error that a field is missing, unknown, or says what it cannot."""
    given = shown(field)
    msg = f"the field {given} of this {what} is missing, unknown, or says what it cannot"
    return MessageRefused(msg).about(key="message_field", field=given)


def _check_offer(body: Mapping[str, Any]) -> None:
    if ("earner" in body) == ("reverses" in body):
        raise field_wrong(what="offer", field="earner")


def _check_cancel(body: Mapping[str, Any]) -> None:
    offer = body["offer"]
    check_body(offer)
    if offer["kind"] != "offer" or (offer["from"], offer["to"]) != (body["from"], body["to"]):
        raise field_wrong(what="cancel", field="offer")


def _check_answer(body: Mapping[str, Any]) -> None:
    if ("occurred_on" in body) != body["accepted"] or ("code" in body) == body["accepted"]:
        raise field_wrong(what="answer", field="accepted")
    answered = body["offer"]["body"]
    check_body(answered)
    if answered["kind"] not in {"offer", "cancel"} or (
        body["accepted"] and answered["kind"] == "cancel"
    ):
        raise field_wrong(what="answer", field="offer")
    if (answered["from"], answered["to"]) != (body["to"], body["from"]):
        raise field_wrong(what="answer", field="offer")


def _check_request(body: Mapping[str, Any]) -> None:
    if ("earner" in body) == ("reverses" in body) or {"reverses", "spender"} <= body.keys():
        raise field_wrong(what="request", field="earner")


def _check_position(body: Mapping[str, Any]) -> None:
    if body["page"] > body["pages"]:
        raise field_wrong(what="position", field="page")


#: What is checked of a kind when its fields are there.
_AFTER: Final[dict[str, Callable[[Mapping[str, Any]], None]]] = {
    "offer": _check_offer,
    "cancel": _check_cancel,
    "answer": _check_answer,
    "request": _check_request,
    "position": _check_position,
}


#: The fields of an envelope.
ENVELOPE_MUST: Final[dict[str, _Check]] = {
    "format": _word(MESSAGES),
    "from": _ID,
    "to": _ID,
    "head": lambda value: type(value) is str,
    "message": is_signed,
}


def _is_text(value: Any) -> bool:
    return (
        type(value) is dict
        and value.keys() == {"salt", "text"}
        and type(value["salt"]) is str
        and re.fullmatch("[0-9a-f]{32}", value["salt"]) is not None
        and value["text"] != ""
        and _passes(checks.personal_text)(value["text"])
    )


def _are_proofs(value: Any) -> bool:
    """Return whether a value is a list of sizes, the smallest first, each with its hashes."""
    return (
        _entries(_SECONDS, lambda cell: type(cell) is list)(value)
        and 1 <= len(value) <= MOST_PROOFS
        and all(type(one) is str for _, hashes in value for one in hashes)
        and all(hashes_of(hashes) is not None for _, hashes in value)
        and [size for size, _ in value] == sorted({size for size, _ in value})
    )


ENVELOPE_MAY: Final[dict[str, _Check]] = {
    "since": _SECONDS,
    "proofs": _are_proofs,
    "seen": _is_head,
    "texts": lambda value: (
        type(value) is list and 1 <= len(value) <= 1 and all(map(_is_text, value))
    ),
}
