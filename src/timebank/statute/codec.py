"""A statute as JSON for people, and as the object that a record keeps.

In a file, hours are strings (`"-10"`, `"1:30"`) or numbers of hours; in a record they
are whole seconds, as everywhere in a journal. A field that says nothing (unlimited, no
rule, the default) is left out of both. Keys that are not known are refused, for a rule
that is misspelt would be a rule that is not there.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from decimal import Decimal
from functools import lru_cache
from typing import Any, Final

import attrs

from timebank.errors import Corrupt, InvalidRequest, InvalidStatute, shown
from timebank.hours import Hours
from timebank.statute.membership import Dues
from timebank.statute.rules import RULES, Band, Statute

_HOURS: Final = frozenset({"floor", "ceiling", "unit", "hours", "fixed", "above"})

#: A file may name its schema, for editors.
_SCHEMA: Final = "$schema"
_Told = Callable[[Hours], Any]
_Read = Callable[[Any], Hours]
_LISTED: Final[dict[type, str]] = {Band: "bands", Dues: "objects"}


def to_json(statute: Statute) -> str:
    """As `Statute.to_json`."""
    return json.dumps(_told(statute, str), indent=2, ensure_ascii=False) + "\n"


def from_json(text: str | bytes) -> Statute:
    """As `Statute.from_json`."""
    try:
        data = json.loads(
            text, parse_float=Decimal, parse_constant=_refuse, object_pairs_hook=_once
        )
    except InvalidStatute:
        raise
    except (ValueError, TypeError, RecursionError, AttributeError) as error:
        msg = f"a statute is a JSON object: {error}"
        raise InvalidStatute(msg) from error
    if type(data) is dict:
        data.pop(_SCHEMA, None)
    return _read(data, Hours)


def as_record(statute: Statute) -> dict[str, Any]:
    """As a record keeps it."""
    record: dict[str, Any] = _told(statute, lambda hours: hours.seconds)
    return record


def from_record(data: Any) -> Statute:
    """From what a record keeps.

    :raises Corrupt: it cannot be a statute.
    """
    try:
        return _read(data, Hours.from_seconds)
    except InvalidRequest as error:
        msg = f"a statute that was adopted cannot be read: {error}"
        raise Corrupt(msg) from error


@lru_cache(maxsize=64)
def of_body(body: bytes) -> Statute:
    """The statute that the record with these bytes adopted; equal bytes are read once.

    :raises Corrupt: it adopted none, or one that cannot be read.
    """
    from timebank.journal import parse

    record = parse(body)
    if record.get("kind") != "adopt":
        msg = "the record of a statute adopts none"
        raise Corrupt(msg)
    return from_record(record.get("request", {}).get("statute"))


# -- out -------------------------------------------------------------------------


def _told(value: Any, hours: _Told) -> Any:
    """The fields that say something, in their order."""
    if isinstance(value, Hours):
        return hours(value)
    if attrs.has(type(value)):
        told = {}
        for field in attrs.fields(type(value)):
            found = getattr(value, field.name)
            if found != _default(field):
                told[field.name] = _told(found, hours)
        return told
    if isinstance(value, dict):
        return {kind: [_told(band, hours) for band in bands] for kind, bands in value.items()}
    if isinstance(value, tuple):
        return [_told(one, hours) for one in value]
    return value if type(value) in {int, bool} else str(value)


def _default(field: attrs.Attribute[Any]) -> Any:
    """What a field is when it is left out."""
    if isinstance(field.default, attrs.Factory):  # type: ignore[arg-type]  # a class at run time
        return {}
    return field.default


# -- in --------------------------------------------------------------------------


def _refuse(token: str) -> Any:
    msg = f"a statute holds no such number: {token}"
    raise InvalidStatute(msg)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = sorted({name for name in names if names.count(name) > 1})
        msg = f"the key {', '.join(map(shown, twice))} stands twice in one object"
        raise InvalidStatute(msg)
    return found


def _read(data: Any, hours: _Read) -> Statute:
    given = _fields(Statute, data, "statute")
    if "limits" in given:
        given["limits"] = _limits(given["limits"], hours)
    for name, kind in RULES.items():
        if given.get(name) is not None:
            given[name] = _made(kind, given[name], name, hours)
    if "dues" in given:
        given["dues"] = _listed(Dues, given["dues"], "dues", hours)
    statute: Statute = _called(Statute, given, "statute")
    return statute


def _limits(data: Any, hours: _Read) -> dict[str, list[Band]]:
    if type(data) is not dict:
        msg = f"limits: an object of kinds of account, not {shown(data)}"
        raise InvalidStatute(msg)
    found = {}
    for kind, bands in data.items():
        found[kind] = _listed(Band, bands, f"limits.{kind}", hours)
    return found


def _listed(kind: type, data: Any, where: str, hours: _Read) -> list[Any]:
    if type(data) is not list:
        msg = f"{where}: an array of {_LISTED[kind]}, not {shown(data)}"
        raise InvalidStatute(msg)
    return [_made(kind, one, f"{where}[{number}]", hours) for number, one in enumerate(data)]


def _made(kind: type, data: Any, where: str, hours: _Read) -> Any:
    """A value of a class from the object that says its fields."""
    given = _fields(kind, data, where)
    for name in given.keys() & _HOURS:
        if given[name] is not None:
            try:
                given[name] = hours(given[name])
            except InvalidRequest as error:
                msg = f"{where}.{name}: {error}"
                raise InvalidStatute(msg) from error
    return _called(kind, given, where)


def _fields(kind: type, data: Any, where: str) -> dict[str, Any]:
    """The object's own fields.

    :raises InvalidStatute: no object, a key that is not known, or one that is missing.
    """
    if type(data) is not dict:
        msg = f"{where}: an object, not {shown(data)}"
        raise InvalidStatute(msg)
    fields = attrs.fields_dict(kind)
    for name in data:
        if name not in fields:
            msg = f"{where}: the key {shown(name)} is not known; there are {', '.join(fields)}"
            raise InvalidStatute(msg)
    for name, field in fields.items():
        if field.default is attrs.NOTHING and name not in data:
            msg = f"{where}: the key {shown(name)} is missing"
            raise InvalidStatute(msg)
    return dict(data)


def _called(kind: type, given: dict[str, Any], where: str) -> Any:
    try:
        return kind(**given)
    except InvalidRequest as error:
        msg = f"{where}: {error}"
        raise InvalidStatute(msg) from error
