"""How the value of a key of a mapping is read, as metadata of the field that the key is.

Each reader gives the value as the mapping keeps it, or raises `InvalidRequest` with what it
should be; whoever calls it knows the file and the key.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import Any, Final

import attrs

from timebank.errors import InvalidRequest, shown
from timebank.model.ids import identifier

Column = str | int
Key = Mapping[str, Any]

#: Columns of a file, if they are numbered.
MAX_COLUMN: Final = 1_000


class _Refused(InvalidRequest):
    """A value of another kind than the key's."""

    def __init__(self, expected: str, value: object) -> None:
        super().__init__(f"{expected}, not {shown(value)}")


def _text(value: Any) -> str:
    if type(value) is not str or not value:
        expected = "a text"
        raise _Refused(expected, value)
    return value


def _texts(value: Any) -> tuple[str, ...]:
    """A list of texts, which may be empty texts; one alone is a list of one."""
    found = [value] if type(value) is str else value
    if type(found) is not list or not found or any(type(one) is not str for one in found):
        expected = "a list of texts"
        raise _Refused(expected, value)
    return tuple(found)


def _names(value: Any) -> dict[str, str]:
    """Values with their names; a list gives each its own."""
    if type(value) is dict and value:
        return {name: _text(one) for name, one in value.items()}
    return {one: one for one in _texts(value)}


def _yes(value: Any) -> bool:
    if type(value) is not bool:
        expected = "true or false"
        raise _Refused(expected, value)
    return value


def _count(value: Any) -> int:
    if type(value) is not int or not 1 <= value <= MAX_COLUMN:
        expected = f"a number from 1 to {MAX_COLUMN:,}"
        raise _Refused(expected, value)
    return value


def _column(value: Any) -> Column:
    return _text(value) if type(value) is str else _count(value)


def _columns(value: Any) -> tuple[Column, ...]:
    """One column or a list of them."""
    return tuple(map(_column, value)) if type(value) is list and value else (_column(value),)


def _pairs(value: Any) -> tuple[tuple[Column, ...], ...]:
    found = tuple(map(_columns, value)) if type(value) is list else ()
    if not found or any(len(pair) != 2 for pair in found):  # noqa: PLR2004 - a pair
        expected = "a list of pairs of columns"
        raise _Refused(expected, value)
    return found


def _account(value: Any) -> str:
    return identifier(value, "an account")


def _pattern(value: Any) -> re.Pattern[str]:
    """A regular expression with one group, which is what it finds."""
    try:
        found = re.compile(_text(value), re.ASCII)
    except (re.error, OverflowError, RecursionError) as error:
        msg = f"no regular expression: {error}, in {shown(value)}"
        raise InvalidRequest(msg) from error
    if found.groups != 1:
        msg = f"one group in brackets, which is the id; {shown(value)} has {found.groups}"
        raise InvalidRequest(msg)
    return found


def _key(read: Callable[[Any], Any]) -> Key:
    return MappingProxyType({"read": read})


TEXT: Final = _key(_text)
TEXTS: Final = _key(_texts)
NAMES: Final = _key(_names)
YES: Final = _key(_yes)
COUNT: Final = _key(_count)
COLUMN: Final = _key(_column)
COLUMNS: Final = _key(_columns)
PAIRS: Final = _key(_pairs)
ACCOUNT: Final = _key(_account)
PATTERN: Final = _key(_pattern)


def one_of(*words: str) -> Key:
    """A key whose value is one of a few words."""

    def read(value: Any) -> str:
        if type(value) is not str or value not in words:
            expected = f"one of {', '.join(words)}"
            raise _Refused(expected, value)
        return value

    return _key(read)


def table(kind: type) -> Key:
    """A key whose value is a table of its own."""
    return MappingProxyType({"table": kind})


def tables(kind: type) -> Key:
    """A key whose value is a list of tables."""
    return MappingProxyType({"tables": kind})


def simple(kind: type) -> Key:
    """A key whose value is a table of texts and numbers, which the class looks at itself."""
    return MappingProxyType({"simple": kind})


def columns_of(part: Any, where: str) -> Iterator[tuple[str, Column]]:
    """Each key of a table, and of those in it, that names a column; and the column."""
    for field in attrs.fields(type(part)):
        value, key = getattr(part, field.name), field.metadata
        name = f"{where}.{field.name}"
        if value is None or field.name == "optional":
            continue
        if key == COLUMN:
            yield name, value
        elif key == COLUMNS:
            yield from ((name, one) for one in value)
        elif key == PAIRS:
            yield from ((name, one) for pair in value for one in pair)
        elif "table" in key:
            yield from columns_of(value, name)
        elif "tables" in key:
            for one in value:
                yield from columns_of(one, name)
