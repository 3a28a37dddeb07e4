"""The types of fields: those that are one class, and those that are more than that.

Stated from `docs/journal-format.md`, as `record_fields` is.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import date
from functools import lru_cache
from typing import Any, Final

from timebank.errors import shown
from timebank.model.said import said

#: A time of day as `HH:MM`.
TIME: Final = r"(?:[01][0-9]|2[0-3]):[0-5][0-9]"
is_time: Final = re.compile(TIME).fullmatch
_HEX: Final = "abcdef0123456789"
_OWED: Final = frozenset({int, type(None)})


class Limit:
    """A type by name only: seconds, `"inherit"`, or null for unlimited."""


class Source:
    """A type by name only: a label, or pairs of them."""


class Words:
    """A type by name only: labels, or null where there are none."""


class Strings:
    """A type by name only: labels."""


class Terms:
    """A type by name only: how much each of two banks may owe, in seconds, or null."""


class SeenHead:
    """A type by name only: a number of records, and the root over them."""


class SignedHead:
    """A type by name only: the same, and the line by which it was signed, where it was."""


class Signed:
    """A type by name only: what one of two banks sent, with its signature where it has one."""


class DayOf:
    """A type by name only: a day of the calendar."""


class TimeOf:
    """A type by name only: a time of day."""


class Commitment:
    """A type by name only: the digest of a text."""


def fields_of(
    what: str, found: dict[str, Any], known: Mapping[str, Any]
) -> Iterator[tuple[str, str]]:
    """Yield what is expected and what was found, for each field of another type, or unknown."""
    types = dict(zip(found, map(type, found.values()), strict=True))
    if types.items() <= known.items():  # most records: each field is known, and of one type
        return
    for name, value in found.items():
        expected = known.get(name)
        if type(value) is not expected and not fits(value, expected):
            wanted = said("of_its_type", field=f"{what}.{name}")
            if expected is None:
                wanted = said("no_such_field")
            yield wanted, said("field_is", what=what, name=shown(name), value=shown(value))


def fits(value: Any, expected: Any) -> bool:
    """Return whether a value is of a type that is more than one class."""
    if expected in _FITS:
        return _FITS[expected](value)
    return type(expected) is tuple and type(value) in expected


def is_strings(value: Any) -> bool:
    """Return whether a value is a list of strings."""
    return type(value) is list and all(type(one) is str for one in value)


def is_pairs(value: Any, second: type) -> bool:
    """Return whether a value is a list of pairs of a string and one more."""
    if type(value) is not list:
        return False
    for pair in value:
        if type(pair) is not list or len(pair) != 2:  # noqa: PLR2004  # a pair
            return False
        if type(pair[0]) is not str or type(pair[1]) is not second:
            return False
    return True


def is_commitment(value: object) -> bool:
    """Return whether a value is SHA-256 in lower-case hex."""
    return type(value) is str and len(value) == 64 and not value.strip(_HEX)  # noqa: PLR2004  # 32 bytes


@lru_cache(maxsize=400)
def is_day(value: str) -> bool:
    """Return whether a text is a day of the calendar as `YYYY-MM-DD`."""
    try:
        return date.fromisoformat(value).isoformat() == value
    except ValueError:
        return False


def _is_seen(value: Any) -> bool:
    return type(value) is list and [*map(type, value)] == [int, str] and is_commitment(value[1])


_FITS: Final[dict[Any, Callable[[Any], bool]]] = {
    Limit: lambda value: value is None or value == "inherit" or type(value) is int,
    Source: lambda value: type(value) is str or is_pairs(value, str),
    Words: lambda value: value is None or is_strings(value),
    Strings: is_strings,
    Terms: lambda value: (
        type(value) is list and [type(one) in _OWED for one in value] == [True, True]
    ),
    SeenHead: _is_seen,
    SignedHead: lambda value: (
        type(value) is list and _is_seen(value[:2]) and [*map(type, value[2:])] in ([], [str])
    ),
    Signed: lambda value: type(value) is dict,
    DayOf: lambda value: type(value) is str and is_day(value),
    TimeOf: lambda value: type(value) is str and bool(is_time(value)),
    Commitment: is_commitment,
}
