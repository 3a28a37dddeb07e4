"""Write and read statutes: as JSON for people, and as the object that a record keeps.

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
from timebank.model.ids import identifier
from timebank.statute.membership import Dues
from timebank.statute.rules import RULES, Band, Statute
from timebank.structure import Key, Structurer, Table, Tables, TablesByName, Value

#: The fields that are hours, in any of the rules.
_HOURS: Final = ("floor", "ceiling", "unit", "hours", "fixed", "above")
_ZONE: Final = "time_zone"
#: A file may name its schema, for editors.
_SCHEMA: Final = "$schema"
_WriteHours = Callable[[Hours], Any]
_ReadHours = Callable[[Any], Hours]


def to_json(statute: Statute) -> str:
    """Return a statute as the text of a JSON file: see `Statute.to_json`."""
    return json.dumps(_plain(statute, str), indent=2, ensure_ascii=False) + "\n"


def from_json(text: str | bytes) -> Statute:
    """Return the statute of a JSON file: see `Statute.from_json`."""
    try:
        data = json.loads(
            text, parse_float=Decimal, parse_constant=_refuse, object_pairs_hook=_once
        )
    except InvalidStatute:
        raise
    except json.JSONDecodeError as error:
        msg = f"a statute is a JSON object: line {error.lineno}, column {error.colno} is no JSON"
        raise InvalidStatute(msg).about(
            key="statute_no_json", line=error.lineno, column=error.colno
        ) from error
    except UnicodeDecodeError as error:
        msg = "a statute is a JSON object, in UTF-8: this is another encoding"
        raise InvalidStatute(msg).about(key="statute_encoding") from error
    except (ValueError, TypeError, RecursionError, AttributeError) as error:
        msg = f"a statute is a JSON object: {error}"
        raise InvalidStatute(msg) from error
    if type(data) is dict:
        data.pop(_SCHEMA, None)
    return _IN_FILES.make(Statute, data)


def as_record(statute: Statute) -> dict[str, Any]:
    """Return a statute as a record keeps it."""
    record: dict[str, Any] = _plain(statute, lambda hours: hours.seconds)
    return record


def from_record(data: Any) -> Statute:
    """Return the statute that a record keeps, though this machine may not know its time zone.

    :raises Corrupt: it cannot be a statute.
    """
    zone = data.get(_ZONE) if type(data) is dict else None
    try:
        if zone is None:
            return _IN_RECORDS.make(Statute, data)
        identifier(zone, _ZONE)
        statute = _IN_RECORDS.make(Statute, {k: v for k, v in data.items() if k != _ZONE})
    except InvalidRequest as error:
        msg = f"a statute that was adopted cannot be read: {error}"
        raise Corrupt(msg) from error
    # Whether this machine knows the time zone is asked by who writes, and by nobody who reads.
    object.__setattr__(statute, _ZONE, zone)
    return statute


@lru_cache(maxsize=64)
def of_body(body: bytes) -> Statute:
    """Return the statute that the record with these bytes adopted; equal bytes are read once.

    :raises Corrupt: it adopted none, or one that cannot be read.
    """
    from timebank.journal import parse

    record = parse(body)
    if record.get("kind") != "adopt":
        msg = "the record of a statute adopts none"
        raise Corrupt(msg)
    return from_record(record.get("request", {}).get("statute"))


# -- writing ---------------------------------------------------------------------


def _plain(value: Any, hours: _WriteHours) -> Any:
    """Return a value as JSON has it: of a class, the fields that say something, in their order."""
    if isinstance(value, Hours):
        return hours(value)
    if attrs.has(type(value)):
        fields = {}
        for field in attrs.fields(type(value)):
            found = getattr(value, field.name)
            if found != _default(field):
                fields[field.name] = _plain(found, hours)
        return fields
    if isinstance(value, dict):
        return {kind: [_plain(band, hours) for band in bands] for kind, bands in value.items()}
    if isinstance(value, tuple):
        return [_plain(one, hours) for one in value]
    return value if type(value) in {int, bool} else str(value)


def _default(field: attrs.Attribute[Any]) -> Any:
    """Return the value of a field that is left out."""
    if isinstance(field.default, attrs.Factory):  # type: ignore[arg-type]  # a class at run time
        return {}
    return field.default


# -- reading ---------------------------------------------------------------------


def _structurer(read: _ReadHours) -> Structurer:
    """Return what makes statutes of objects in which hours are written in one way."""
    hours = Value(lambda value: None if value is None else read(value))
    keys: dict[str, Key] = {
        **dict.fromkeys(_HOURS, hours),
        **{name: Table(kind) for name, kind in RULES.items()},
        "limits": TablesByName("an object of kinds of account", Tables(Band, "an array of bands")),
        "dues": Tables(Dues, "an array of objects"),
    }
    return Structurer(
        key=lambda field: keys.get(field.name),
        table="an object",
        root="statute",
        error=InvalidStatute,
    )


_IN_FILES: Final = _structurer(Hours)
_IN_RECORDS: Final = _structurer(Hours.from_seconds)


def _refuse(token: str) -> Any:
    msg = f"a statute holds no such number: {token}"
    raise InvalidStatute(msg)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = sorted({name for name in names if names.count(name) > 1})
        msg = f"the key {', '.join(map(shown, twice))} stands twice in one object"
        raise InvalidStatute(msg).about(key="statute_twice", names=", ".join(map(shown, twice)))
    return found
