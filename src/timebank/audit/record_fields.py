"""The fields of a record of each kind, and their types.

Stated here once more, from `docs/journal-format.md`, and not taken from the code that
writes records. Checking a field is a look-up of its type: an audit does it a million times.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from timebank.audit.field_types import (
    Limit,
    Signed,
    SignedHead,
    Source,
    Terms,
    Words,
    fields_of,
    is_commitment,
    is_day,
    is_pairs,
    is_strings,
    is_time,
)
from timebank.audit.message_fields import offered_differences, signed_differences
from timebank.errors import shown
from timebank.model import ACCOUNT_KINDS, TEXT_FIELDS
from timebank.model.said import said

_RECORD: Final = {
    "actor": str,
    "effects": dict,
    "format": str,
    "journal": str,
    "kind": str,
    "recorded_at": int,
    "recorded_on": str,
    "request": dict,
    "sequence": int,
}
_ALWAYS: Final = _RECORD.keys() - {"actor"}


_STATUS: Final = {"account": str, "reason": str}
_SETS: Final = {
    "kind": str,
    "status": str,
    "joined_on": (str, type(None)),
    "floor": Limit,
    "ceiling": Limit,
    "named": bool,
}
#: Fields of a request that may be amended, in an exchange and in an account, and what each is then.
_AMENDED: Final = {
    "category": (str, type(None)),
    "area": (str, type(None)),
    "resource": (str, type(None)),
    "from": (str, type(None)),
    "to": (str, type(None)),
    "tags": Words,
    "note": (int, type(None)),
}
_AMENDED_ACCOUNT: Final = {"joined_on": (str, type(None)), "kind": str}
_EXCHANGE: Final = {
    "id": str,
    "kind": str,
    "earners": list,
    "spenders": list,
    "category": str,
    "area": str,
    "resource": str,
    "via": str,
    "note": str,
    "occurred_on": str,
    "from": str,
    "to": str,
    "tags": list,
    "source": Source,
    "limits": str,
}
_BOOKED: Final = {"offer": Signed, "answer": Signed, "written_off": bool}
_EXCHANGED: Final = frozenset({"id", "kind", "earners", "spenders"})
#: Kind → fields of the request and their types, and those that are always there.
_REQUESTS: Final[dict[str, tuple[dict[str, Any], frozenset[str]]]] = {
    "open_account": (
        {
            "account": str,
            "kind": str,
            "name": str,
            "joined_on": str,
            "floor": Limit,
            "ceiling": Limit,
        },
        frozenset({"account", "kind"}),
    ),
    "set_limits": (
        {"account": str, "floor": Limit, "ceiling": Limit},
        frozenset({"account"}),
    ),
    "rename": ({"account": str, "name": str}, frozenset({"account"})),
    "freeze": (_STATUS, frozenset({"account"})),
    "thaw": (_STATUS, frozenset({"account"})),
    "close_account": (_STATUS, frozenset({"account"})),
    "reopen": (_STATUS, frozenset({"account"})),
    "transfer": (_EXCHANGE | _BOOKED, _EXCHANGED),
    "reverse": (
        {
            "id": str,
            "transfer": str,
            "hours": int,
            "occurred_on": str,
            "reason": str,
            "offer": Signed,
        },
        frozenset({"id", "transfer"}),
    ),
    "hold": (_EXCHANGE | {"expires_in": int, "offer": dict}, _EXCHANGED),
    "settle": (
        {"id": str, "hold": str, "hours": int, "occurred_on": str, "answer": Signed},
        frozenset({"id", "hold"}),
    ),
    "void": (
        {"id": str, "hold": str, "reason": str, "answer": Signed, "abandoned": bool},
        frozenset({"id", "hold"}),
    ),
    "adopt": ({"statute": dict}, frozenset({"statute"})),
    "due": (
        {"id": str, "account": str, "by": str, "rule": str, "since": str, "period": list},
        frozenset({"id", "account", "by", "rule", "since"}),
    ),
    "name_delegate": (
        {"account": str, "delegate": str, "until": str},
        frozenset({"account", "delegate"}),
    ),
    "end_delegate": ({"account": str, "delegate": str}, frozenset({"account", "delegate"})),
    "erase": ({"account": str, "record": int, "reason": str}, frozenset({"reason"})),
    "restart_clock": ({"reason": str, "today": str}, frozenset({"reason", "today"})),
    "amend": (
        {
            "operation": str,
            "category": str,
            "area": str,
            "resource": str,
            "from": str,
            "to": str,
            "tags": list,
            "note": str,
            "takes_away": list,
            "reason": str,
        },
        frozenset({"operation", "reason"}),
    ),
    "amend_account": (
        {"account": str, "joined_on": str, "kind": str, "takes_away": list, "reason": str},
        frozenset({"account", "reason"}),
    ),
    "close_books": ({"through": str, "reason": str}, frozenset({"reason"})),
    "merge": (
        {"account": str, "into": str, "reason": str},
        frozenset({"account", "into", "reason"}),
    ),
    "history_lost": ({"lost": list, "reason": str}, frozenset({"reason"})),
    "agree": (
        {
            "account": str,
            "peer": str,
            "they_may_owe": (int, type(None)),
            "we_may_owe": (int, type(None)),
            "key": str,
            "theirs": Terms,
            "reason": str,
        },
        frozenset({"account", "peer", "they_may_owe", "we_may_owe"}),
    ),
    "suspend_agreement": (_STATUS, frozenset({"account", "reason"})),
    "end_agreement": (_STATUS, frozenset({"account", "reason"})),
    "readmit": (
        {"account": str, "head": SignedHead, "reason": str},
        frozenset({"account", "head", "reason"}),
    ),
    "refuse": (
        {"id": str, "code": str, "offer": Signed, "reason": str},
        frozenset({"id", "code", "offer"}),
    ),
    "issue_cheques": (
        {"id": str, "account": str, "cheques": int},
        frozenset({"id", "account", "cheques"}),
    ),
    "void_cheque": ({"id": str, "code": str, "reason": str}, frozenset({"id", "code"})),
}
_PEER_EFFECTS: Final = {"account": str, "of": int}
_ACCOUNT_EFFECTS: Final = {"account": str, "sets": dict}
_TRANSFER_EFFECTS: Final = {"occurred_on": str, "postings": list, "statute": str}
_HOLD_EFFECTS: Final = {"lines": list, "reserves": list, "statute": str}
#: Kind → effects that are always there.
_EFFECTS: Final[dict[str, dict[str, Any]]] = {
    **dict.fromkeys(_REQUESTS, _ACCOUNT_EFFECTS),
    "transfer": _TRANSFER_EFFECTS,
    "reverse": {**_TRANSFER_EFFECTS, "reverses": int},
    "hold": _HOLD_EFFECTS,
    "settle": {**_TRANSFER_EFFECTS, "resolves": int},
    "void": {"resolves": int},
    "adopt": {"adopts": str},
    "erase": {"erased": list, "texts": list},
    "restart_clock": {"statute": str},
    "due": _TRANSFER_EFFECTS,
    "name_delegate": {"account": str, "delegate": str, "of": int, "until": (str, type(None))},
    "end_delegate": {"account": str, "delegate": str, "of": int},
    "amend": {"amends": int, "sets": dict, "was": dict},
    "amend_account": {"account": str, "sets": dict, "was": dict},
    "close_books": {"statute": str, "through": (str, type(None))},
    "merge": {**_TRANSFER_EFFECTS, "account": str, "into": str, "of": int},
    "history_lost": {"lost": list},
    "agree": {**_PEER_EFFECTS, "sets": dict},
    "suspend_agreement": _PEER_EFFECTS,
    "end_agreement": {**_PEER_EFFECTS, "sets": dict},
    "readmit": _PEER_EFFECTS,
    "refuse": {},
    "issue_cheques": _PEER_EFFECTS,
    "void_cheque": {"of": int},
}
_TOLD: Final = {"terms": Terms, "seen": SignedHead}
#: Kind → effects that may be there.
_SOMETIMES: Final[dict[str, dict[str, Any]]] = {
    "transfer": {"fee": list, "flags": list, **_TOLD},
    "reverse": {"fee": list, **_TOLD},
    "hold": {
        "fee": list,
        "flags": list,
        "expires_at": int,
        "answer_by": int,
        "reverses": int,
        **_TOLD,
    },
    "settle": {"fee": list, "flags": list, "seen": SignedHead},
    "void": {"flags": list},
    "refuse": _TOLD,
    "due": {"basis": int, "flags": list},
    "restart_clock": {"ends": list, "through": str},
    "merge": {"joined_on": str, "flags": list},
}
#: Kind → what `sets` and `was` may have, and so `takes_away` of the first.
_SET: Final[dict[str, dict[str, Any]]] = {"amend": _AMENDED, "amend_account": _AMENDED_ACCOUNT}
_TAKEN: Final = {"amend": _AMENDED.keys(), "amend_account": frozenset({"joined_on"})}
_FLAG: Final = {
    "rule": str,
    "account": str,
    "limit": int,
    "available": int,
    "needed": int,
    "days": int,
    "occurred_on": str,
}
_DAYS: Final = frozenset({"joined_on", "occurred_on", "since", "through", "today", "until"})
#: The kinds of record whose `kind` is that of an account.
_KINDS: Final = frozenset({"open_account", "amend_account"})


def field_differences(record: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield what is expected and what was found, for each field that is wrong."""
    if not record.keys() >= _ALWAYS:
        yield said("the_fields", fields=", ".join(sorted(_ALWAYS))), ", ".join(map(shown, record))
        return
    yield from fields_of("record", record, _RECORD)
    kind, request, effects = record["kind"], record["request"], record["effects"]
    if type(on := record["recorded_on"]) is str and not is_day(on):
        yield said("recorded_on_a_day"), shown(on)
        return
    if type(kind) is not str or kind not in _EFFECTS:
        yield said("a_known_kind_of_record"), shown(kind)
        return
    if type(request) is not dict or type(effects) is not dict:
        return
    found = list(_known(kind, request, effects))
    yield from found
    if not found:  # what is in a list can be looked at where it is one
        yield from _deeper(kind, request, effects)


def _known(
    kind: str, request: dict[str, Any], effects: dict[str, Any]
) -> Iterator[tuple[str, str]]:
    """Yield fields that are not known, missing, or of another type."""
    known, sometimes = _EFFECTS[kind], _SOMETIMES.get(kind)
    yield from fields_of("effects", effects, known if sometimes is None else known | sometimes)
    if not known.keys() <= effects.keys():
        yield said("effects", effects=", ".join(known)), ", ".join(map(shown, effects))
    if kind in _REQUESTS:  # of an erasure only the effects are settled
        fields, always = _REQUESTS[kind]
        yield from fields_of("request", request, fields)
        if not request.keys() >= always:
            yield (
                said("request_with", fields=", ".join(sorted(always))),
                ", ".join(map(shown, request)),
            )


def _deeper(
    kind: str, request: dict[str, Any], effects: dict[str, Any]
) -> Iterator[tuple[str, str]]:
    """Yield what is wrong within lists."""
    for what, side in (
        ("request.earners", request.get("earners", [])),
        ("request.spenders", request.get("spenders", [])),
        ("effects.postings", effects.get("postings", [])),
        ("effects.lines", effects.get("lines", [])),
        ("effects.fee", effects.get("fee", [])),
    ):
        if not is_pairs(side, int):
            yield said("of_account_seconds", what=what), shown(side)
    yield from _values(request)
    yield from _messages(kind, request)
    if "reserves" in effects or "flags" in effects or "fee" in effects:
        yield from _reserves_and_flags(effects)
    if kind == "erase":
        yield from _erased(effects)
    elif kind in _SET:
        yield from _amended(kind, request, effects)
    elif kind == "history_lost":
        yield from _lost(request, effects)
    ends = effects.get("ends")
    if ends is not None and not (ends and all(type(hold) is int for hold in ends)):
        yield said("effects_ends_of_sequences_or_left_out"), shown(ends)
    yield from _words(kind, request, effects)


def _values(request: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield lists of a request that are not of strings, times that are none, and such days."""
    for name in ("tags", "takes_away"):
        if name in request and not is_strings(request[name]):
            yield said("request_of_strings", name=name), shown(request[name])
    for name in ("from", "to"):
        if name in request and not is_time(request[name]):
            yield said("request_a_time_of_day", name=name), shown(request[name])
    for what, value in _days(request):
        if type(value) is not str or not is_day(value):
            yield said("request_a_day", what=what), shown(value)


def _messages(kind: str, request: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield what is wrong in the fields of what is between two banks."""
    if "offer" in request:
        if kind == "hold":
            yield from offered_differences(request["offer"])
        else:
            kinds = ("offer", "cancel") if kind == "refuse" else ("offer",)
            yield from signed_differences("request.offer", request["offer"], *kinds)
    if "answer" in request:
        yield from signed_differences("request.answer", request["answer"], "answer")


def _erased(effects: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield what is wrong in an erasure."""
    commitments, texts = effects["erased"], effects["texts"]
    if not commitments or not all(map(is_commitment, commitments)):
        yield said("effects_erased_of_commitments"), shown(commitments)
        return
    for text in texts:
        if type(text) is not list or [*map(type, text)] != [int, str] or text[1] not in TEXT_FIELDS:
            yield said("effects_texts_of_record_field"), shown(text)
            return
    if not texts:
        yield said("effects_texts_and_some"), said("none")


def _lost(request: dict[str, Any], effects: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield what is wrong in what names the head that was lost."""
    for what, one in (("request", request.get("lost")), ("effects", effects["lost"])):
        if one is None:
            continue
        if [*map(type, one)] != [int, str] or one[0] < 1 or not is_commitment(one[1]):
            yield said("lost_of_sequence_digest", what=what), shown(one)


def _amended(
    kind: str, request: dict[str, Any], effects: dict[str, Any]
) -> Iterator[tuple[str, str]]:
    """Yield what is wrong in what an amendment sets, and in what it takes away."""
    for name in ("sets", "was"):
        yield from fields_of(name, effects[name], _SET[kind])
    for field in request.get("takes_away", ()):
        if type(field) is str and field not in _TAKEN[kind]:
            yield (
                said("request_takes_away_of", fields=", ".join(sorted(_TAKEN[kind]))),
                shown(field),
            )


def _days(request: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """Yield the fields of a request that are days."""
    for what in sorted(_DAYS & request.keys()):
        yield what, request[what]
    period = request.get("period")
    if type(period) is list:
        yield from (("period", day) for day in period)
        if len(period) != 2:  # noqa: PLR2004  # first and last
            yield said("period"), period


def _words(
    kind: str, request: dict[str, Any], effects: dict[str, Any]
) -> Iterator[tuple[str, str]]:
    """Yield wrong words, commitments, and fields that are set of an account."""
    if request.get("limits", "unchecked") != "unchecked":
        yield said("request_limits_unchecked_or_none"), shown(request["limits"])
    for field in TEXT_FIELDS:
        if field in request and not is_commitment(request[field]):
            yield said("request_a_commitment_of_64_hex_digits", field=field), shown(request[field])
    if kind in _KINDS and request.get("kind", "member") not in ACCOUNT_KINDS:
        yield said("a_kind_of_account"), shown(request["kind"])
    if kind not in _SET and type(effects.get("sets")) is dict:
        yield from fields_of("sets", effects["sets"], _SETS)


def _reserves_and_flags(effects: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for what in ("fee", "flags"):
        if effects.get(what) == []:
            yield said("effects_left_out_where_there_are_none", what=what), shown([])
    for reserve in effects.get("reserves", ()):
        if type(reserve) is not list or [*map(type, reserve)] != [str, int, int]:
            yield said("effects_reserves_of_account_held_incoming"), shown(reserve)
    for flag in effects.get("flags", ()):
        if type(flag) is not dict or type(flag.get("rule")) is not str:
            yield said("effects_flags_of_objects_with_a_rule"), shown(flag)
        else:
            yield from fields_of("flag", flag, _FLAG)
