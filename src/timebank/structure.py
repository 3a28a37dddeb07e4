"""Make values of attrs classes from dictionaries, strictly.

Statutes and mappings are read by it, from JSON and TOML. A key that is not known or missing, and a
value of another kind, are refused with the path of the key, the value and what it should be. No key
is passed over and no value is converted: a rule that is misspelt would be one that is not there.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, NoReturn, TypeVar, cast

import attrs

from timebank.errors import InvalidRequest, shown

T = TypeVar("T")


@attrs.frozen
class Value:
    """A key whose value is read by a function, which raises `InvalidRequest`."""

    read: Callable[[Any], Any]


@attrs.frozen
class Table:
    """A key whose value is a table: the fields of a class."""

    kind: type


@attrs.frozen
class Tables:
    """A key whose value is a list of tables. `expected` is what a message calls it."""

    kind: type
    expected: str


@attrs.frozen
class TablesByName:
    """A key whose value is a table of lists of tables, under names of its own."""

    expected: str
    each: Tables


Key = Value | Table | Tables | TablesByName


@attrs.frozen(kw_only=True)
class Structurer:
    """Makes values of classes whose fields are the keys of tables.

    `key` says how the value of a field is read; where it is `None` the value is taken as it is, and
    the class looks at it. `table` is what messages call a table, and `root` the outermost one;
    the elements of lists are counted from `first`. All is refused as an `error`, what the class
    itself refuses with `InvalidRequest` too.

    >>> import attrs
    >>> from timebank.structure import Structurer, Tables
    >>> @attrs.frozen
    ... class Band:
    ...     floor: int = 0
    >>> @attrs.frozen
    ... class Rules:
    ...     bands: tuple[Band, ...] = attrs.field(metadata={"key": Tables(Band, "a list of bands")})
    >>> structurer = Structurer(key=lambda field: field.metadata.get("key"), table="a table")
    >>> structurer.make(Rules, {"bands": [{"floor": -10}]})
    Rules(bands=(Band(floor=-10),))
    >>> structurer.make(Rules, {"bands": [{"flor": -10}]})
    Traceback (most recent call last):
    ...
    timebank.errors.InvalidRequest: bands[0]: the key 'flor' is not known; there are floor
    """

    key: Callable[[attrs.Attribute[Any]], Key | None]
    table: str
    root: str = ""
    first: int = 0
    error: type[InvalidRequest] = InvalidRequest

    def make(self, kind: type[T], data: Any) -> T:
        """Return the value that a dictionary says.

        Where several keys are at fault, one that is not known or missing is told before the first
        value that cannot be.

        :raises InvalidRequest: it says none; as the class `error`.
        """
        return cast("T", self._made(kind, data, ""))

    def _made(self, kind: type, data: Any, path: str) -> Any:
        where = path or self.root
        if type(data) is not dict:
            self._refuse(where, _wanted(self.table, data))
        fields = {_called_in(field): field for field in attrs.fields(kind) if field.init}
        for name in data:
            if name not in fields:
                known = ", ".join(fields)
                msg = f"the key {shown(name)} is not known; there are {known}"
                reason = InvalidRequest(msg).about(key="key_unknown", name=shown(name), known=known)
                self._refuse(where, reason)
        for name, field in fields.items():
            if field.default is attrs.NOTHING and name not in data:
                msg = f"the key {shown(name)} is missing"
                reason = InvalidRequest(msg).about(key="key_missing", name=shown(name))
                self._refuse(where, reason)
        inner = f"{path}." if path else ""
        given = {
            fields[name].name: self._value(fields[name], value, f"{inner}{name}")
            for name, value in data.items()
        }
        return self._called(partial(kind, **given), where)

    def _value(self, field: attrs.Attribute[Any], value: Any, path: str) -> Any:
        """Return the value of one key."""
        key = self.key(field)
        if isinstance(key, Value):
            return self._called(partial(key.read, value), path)
        if isinstance(key, Table):
            is_left_out = value is None and field.default is None
            return None if is_left_out else self._made(key.kind, value, path)
        if isinstance(key, Tables):
            return tuple(self._each(key, value, path))
        if isinstance(key, TablesByName):
            if type(value) is not dict:
                self._refuse(path, _wanted(key.expected, value))
            return {
                name: self._each(key.each, one, f"{path}.{name}") for name, one in value.items()
            }
        return value

    def _each(self, key: Tables, value: Any, path: str) -> list[Any]:
        if type(value) is not list:
            self._refuse(path, _wanted(key.expected, value))
        return [
            self._made(key.kind, one, f"{path}[{number}]")
            for number, one in enumerate(value, self.first)
        ]

    def _called(self, make: Callable[[], Any], where: str) -> Any:
        try:
            return make()
        except InvalidRequest as error:
            self._refuse(where, error)

    def _refuse(self, where: str, reason: InvalidRequest) -> NoReturn:
        if where:
            msg = f"{where}: {reason}"
            raise self.error(msg).about(key="in_place", where=where, reason=reason) from reason
        error = self.error(str(reason))
        error.key, error.gaps = reason.key, reason.gaps
        raise error from reason


def _wanted(expected: str, found: object) -> InvalidRequest:
    """Return the refusal of a value of another shape."""
    msg = f"{expected}, not {shown(found)}"
    return InvalidRequest(msg).about(key="wanted_other", expected=expected, given=shown(found))


def _called_in(field: attrs.Attribute[Any]) -> str:
    """Return the key of a field: its name, or another where that is a word of Python."""
    return str(field.metadata.get("name", field.name))
