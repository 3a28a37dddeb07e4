"""Read the values of a mapping's keys. How one is read is metadata of the field that the key is.

Each reader returns the value as the mapping keeps it, or raises `InvalidRequest` with what it
should be; `Structurer` adds the path of the key.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import date, datetime
from types import MappingProxyType
from typing import Any, Final, NoReturn

import attrs

from timebank.errors import InvalidRequest, shown
from timebank.model.ids import identifier
from timebank.structure import Table, Tables, Value

Column = str | int
#: The metadata of a field that is a key.
Key = Mapping[str, Any]

#: Columns of a file, if they are numbered.
MAX_COLUMN: Final = 1_000
#: Lines before the one that names the columns.
MAX_LINES: Final = 10_000


def _refuse(expected: str, value: object) -> NoReturn:
    """Refuse a value of another kind than the key's."""
    msg = f"{expected}, not {shown(value)}"
    raise InvalidRequest(msg).about(key="wanted_other", expected=expected, given=shown(value))


def _text(value: Any) -> str:
    if type(value) is not str or not value:
        _refuse("a text", value)
    return value


def _texts(value: Any) -> tuple[str, ...]:
    """Return a list of texts, which may be empty texts; one alone is a list of one."""
    found = [value] if type(value) is str else value
    if type(found) is not list or not found or any(type(one) is not str for one in found):
        _refuse("a list of texts", value)
    return tuple(found)


def _names(value: Any) -> dict[str, str]:
    """Return values with their names; in a list each is its own name."""
    if type(value) is dict and value:
        return {name: _text(one) for name, one in value.items()}
    return {one: one for one in _texts(value)}


def _yes(value: Any) -> bool:
    if type(value) is not bool:
        _refuse("true or false", value)
    return value


def _count(value: Any) -> int:
    if type(value) is not int or not 1 <= value <= MAX_COLUMN:
        _refuse(f"a number from 1 to {MAX_COLUMN:,}", value)
    return value


def _lines(value: Any) -> int:
    if type(value) is not int or not 0 <= value <= MAX_LINES:
        _refuse(f"a number of lines up to {MAX_LINES:,}", value)
    return value


def _column(value: Any) -> Column:
    return _text(value) if type(value) is str else _count(value)


def _columns(value: Any) -> tuple[Column, ...]:
    """Return one column or a list of them."""
    return tuple(map(_column, value)) if type(value) is list and value else (_column(value),)


def _pairs(value: Any) -> tuple[tuple[Column, ...], ...]:
    found = tuple(map(_columns, value)) if type(value) is list else ()
    if not found or any(len(pair) != 2 for pair in found):  # noqa: PLR2004 - a pair
        _refuse("a list of pairs of columns", value)
    return found


def _account(value: Any) -> str:
    return identifier(value, "an account")


def _mark(value: Any) -> str:
    if type(value) is not str or len(value) != 1 or value in '"\r\n\0':
        _refuse("one character", value)
    return value


def _stripped(value: Any) -> tuple[str, ...] | None:
    """Return what is taken away from both ends of a cell; `None`, where not even blanks are."""
    if type(value) is bool:
        return () if value else None
    return _texts(value)


def _words(value: Any) -> dict[str, str]:
    if type(value) is not dict or not value:
        _refuse("a table of texts", value)
    return {name: _text(one) for name, one in value.items()}


def _day(value: Any) -> date:
    """Return a day, which TOML has as a value of its own; a text is read as well."""
    if type(value) is date:
        return value
    try:
        if type(value) is str:
            return datetime.strptime(value, "%Y-%m-%d").date()  # noqa: DTZ007 - a day
    except ValueError:
        pass
    _refuse("a day like 2026-03-02", value)


def _regex(value: Any) -> re.Pattern[str]:
    """Return a regular expression."""
    try:
        return re.compile(_text(value), re.ASCII)
    except (re.error, OverflowError, RecursionError) as error:
        msg = f"no regular expression: {error}, in {shown(value)}"
        raise InvalidRequest(msg) from error


def _pattern(value: Any) -> re.Pattern[str]:
    """Return a regular expression with one group, which is what it finds."""
    found = _regex(value)
    if found.groups != 1:
        msg = f"one group in brackets, which is the id; {shown(value)} has {found.groups}"
        raise InvalidRequest(msg)
    return found


def _key(read: Callable[[Any], Any]) -> Key:
    return MappingProxyType({"key": Value(read)})


TEXT: Final = _key(_text)
TEXTS: Final = _key(_texts)
NAMES: Final = _key(_names)
YES: Final = _key(_yes)
COUNT: Final = _key(_count)
LINES: Final = _key(_lines)
COLUMN: Final = _key(_column)
COLUMNS: Final = _key(_columns)
PAIRS: Final = _key(_pairs)
ACCOUNT: Final = _key(_account)
PATTERN: Final = _key(_pattern)
REGEX: Final = _key(_regex)
MARK: Final = _key(_mark)
STRIPPED: Final = _key(_stripped)
WORDS: Final = _key(_words)
DAY: Final = _key(_day)


def named(name: str, key: Key) -> Key:
    """Return a key of this name, which a field cannot have: it is a word of Python."""
    return MappingProxyType({**key, "name": name})


def one_of(*words: str) -> Key:
    """Return a key whose value is one of a few words."""

    def read(value: Any) -> str:
        if type(value) is not str or value not in words:
            msg = f"one of {', '.join(words)}, not {shown(value)}"
            raise InvalidRequest(msg).about(
                key="not_one_of", given=shown(value), choices=", ".join(words)
            )
        return value

    return _key(read)


def table(kind: type) -> Key:
    """Return a key whose value is a table of its own."""
    return MappingProxyType({"key": Table(kind)})


def tables(kind: type) -> Key:
    """Return a key whose value is a list of tables."""
    return MappingProxyType({"key": Tables(kind, "a list of tables")})


def columns_of(part: Any, where: str) -> Iterator[tuple[str, Column]]:
    """Yield each key of a table, and of those in it, that names a column; and the column."""
    for field in attrs.fields(type(part)):
        value, metadata = getattr(part, field.name), field.metadata
        name = f"{where}.{metadata.get('name', field.name)}"
        if value is None or field.name == "optional":
            continue
        key = metadata.get("key")
        if key == COLUMN["key"]:
            yield name, value
        elif key == COLUMNS["key"]:
            yield from ((name, one) for one in value)
        elif key == PAIRS["key"]:
            yield from ((name, one) for pair in value for one in pair)
        elif isinstance(key, Table):
            yield from columns_of(value, name)
        elif isinstance(key, Tables):
            for one in value:
                yield from columns_of(one, name)
