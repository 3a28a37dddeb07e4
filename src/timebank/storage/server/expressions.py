"""Read the conditions of constraints, and write each in one form, whoever has written it.

A server gives a condition back in words of its own: PostgreSQL has `= ANY (ARRAY['a'::text])` for
what was `IN ('a')`, MariaDB has `octet_length` for `length`. Two conditions of one form are the
same. What is not understood stays as it is, and so is like no other.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Final

_TOKEN: Final = re.compile(
    r"""\s*(?:
        (?P<number>\d+)
        |(?P<text>'(?:[^'\\]|'')*')
        |(?P<quoted>`\w+`|"\w+")
        |(?P<word>[A-Za-z_][A-Za-z_0-9]*)
        |(?P<sign>::|<=|>=|<>|!=|[-+=<>().,\[\]])
    )""",
    re.VERBOSE,
)
_COMPARED: Final = {"=", "<>", "<", ">", "<=", ">="}
#: Types that a value may be said to be of, as it is anyway.
_OF_TEXT: Final = frozenset({"text"})
_OF_NUMBERS: Final = frozenset({"bigint", "integer"})
_NUMBER: Final = re.compile(r"'-?\d+'")
_RESERVED: Final = frozenset({"AND", "OR", "NOT", "IS", "IN", "BETWEEN", "ANY", "ARRAY", "NULL"})


class NotUnderstoodError(ValueError):
    """A condition has something in it that none of ours has."""


def one_form(condition: str, alias: Mapping[str, str] | None = None) -> str:
    """Return a condition in the one form; as it is, where it is not understood.

    `alias` has names of functions that are another's on the server.

    >>> from timebank.storage.server.expressions import one_form
    >>> one_form("a BETWEEN 1 AND 3 OR kind IN ('y', 'x')")
    "((a >= 1 AND a <= 3) OR kind IN ('x', 'y'))"
    >>> one_form("(((a >= 1) AND (a <= '3'::bigint)) OR (kind = ANY (ARRAY['y'::text, 'x'])))")
    "((a >= 1 AND a <= 3) OR kind IN ('x', 'y'))"
    """
    try:
        return _Parser(condition, alias or {}).whole()
    except (NotUnderstoodError, RecursionError):
        return " ".join(condition.split())


def _tokens(condition: str) -> list[tuple[str, str]]:
    found, place = [], 0
    text = condition.rstrip()
    while place < len(text):
        match = _TOKEN.match(text, place)
        if match is None or match.lastgroup is None:
            raise NotUnderstoodError(condition)
        kind, value = match.lastgroup, match[match.lastgroup]
        if kind == "word":
            kind, value = _word(value)
        elif kind == "quoted":
            kind, value = "name", value[1:-1]
        found.append((kind, "<>" if value == "!=" else value))
        place = match.end()
    return [*found, ("end", "")]


def _word(word: str) -> tuple[str, str]:
    is_reserved = word.upper() in _RESERVED
    return ("reserved", word.upper()) if is_reserved else ("name", word.lower())


class _Parser:
    """Reads one condition by recursive descent; every method returns text in the one form."""

    def __init__(self, condition: str, alias: Mapping[str, str]) -> None:
        self._tokens = _tokens(condition)
        self._place = 0
        self._alias = alias

    def whole(self) -> str:
        """Read all of it."""
        made = self._any_of()
        self._expect("")
        return made

    def _next(self) -> str:
        kind, value = self._tokens[self._place]
        return value if kind in ("sign", "reserved", "end") else ""

    def _accept(self, value: str) -> bool:
        kind, found = self._tokens[self._place]
        if kind in ("sign", "reserved") and found == value:
            self._place += 1
            return True
        return False

    def _expect(self, value: str) -> None:
        if value == "":
            if self._tokens[self._place][0] != "end":
                raise NotUnderstoodError
        elif not self._accept(value):
            raise NotUnderstoodError

    def _any_of(self) -> str:
        return self._joined("OR", self._all_of)

    def _all_of(self) -> str:
        return self._joined("AND", self._compared)

    def _joined(self, word: str, part: Callable[[], str]) -> str:
        parts = [part()]
        while self._accept(word):
            parts.append(part())
        return parts[0] if len(parts) == 1 else f"({f' {word} '.join(parts)})"

    def _compared(self) -> str:
        left = self._sum()
        if self._accept("IS"):
            negated = self._accept("NOT")
            self._expect("NULL")
            return f"{left} IS {'NOT ' if negated else ''}NULL"
        if self._accept("BETWEEN"):
            low = self._sum()
            self._expect("AND")
            return f"({left} >= {low} AND {left} <= {self._sum()})"
        if self._accept("IN"):
            return self._one_of(left, "(", ")")
        if self._next() in _COMPARED:
            return self._with_sign(left)
        return left

    def _with_sign(self, left: str) -> str:
        sign = self._next()
        self._accept(sign)
        if sign == "=" and self._accept("ANY"):
            self._expect("(")
            self._expect("ARRAY")
            made = self._one_of(left, "[", "]")
            self._expect(")")
            return made
        return f"{left} {sign} {self._sum()}"

    def _one_of(self, left: str, before: str, behind: str) -> str:
        values = sorted(set(self._list(before, behind)))
        return f"{left} IN ({', '.join(values)})" if len(values) > 1 else f"{left} = {values[0]}"

    def _list(self, before: str, behind: str) -> list[str]:
        self._expect(before)
        made = [self._sum()]
        while self._accept(","):
            made.append(self._sum())
        self._expect(behind)
        return made

    def _sum(self) -> str:
        made = self._typed()
        while (sign := self._next()) in ("+", "-"):
            self._accept(sign)
            made = f"({made} {sign} {self._typed()})"
        return made

    def _typed(self) -> str:
        made = self._value()
        while self._accept("::"):
            made = self._of_type(made)
        return made

    def _of_type(self, made: str) -> str:
        """Read a type; a value that is of it anyway stays as it is."""
        name = self._name()
        if name in _OF_TEXT and made.startswith("'"):
            return made
        if name in _OF_NUMBERS and made.lstrip("-").isdigit():
            return made
        if name in _OF_NUMBERS and _NUMBER.fullmatch(made):
            return made[1:-1]
        return f"{made}::{name}"

    def _value(self) -> str:
        if self._accept("("):
            made = self._any_of()
            self._expect(")")
            return made
        if self._accept("-"):
            made = self._value()
            if not made.isdigit():
                raise NotUnderstoodError
            return f"-{made}"
        kind, value = self._tokens[self._place]
        if kind == "name":
            name = self._name()
            if self._next() != "(":
                return name
            return f"{self._alias.get(name, name)}({', '.join(self._list('(', ')'))})"
        if kind not in ("number", "text"):
            raise NotUnderstoodError
        self._place += 1
        return str(int(value)) if kind == "number" else value

    def _name(self) -> str:
        """Read a name; the server's own may be said to be in its own schema."""
        for _ in range(2):
            kind, name = self._tokens[self._place]
            if kind != "name":
                raise NotUnderstoodError
            self._place += 1
            if name != "pg_catalog" or not self._accept("."):
                return name
        raise NotUnderstoodError
