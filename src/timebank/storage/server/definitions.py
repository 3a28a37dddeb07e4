"""Compare what is defined on a server with what this version would define there.

Each table, column, constraint, index, guard and setting is a `Definition`: its kind, its table, its
name, and a text that says what it means, in one form. What this version defines is computed from
the tables and guards themselves; what is there, a dialect reads from the server's catalogue. Two of
one text are the same, whatever they are called: a constraint of our name that checks nothing is
another one, and one of another name that checks the same is ours.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

import attrs

from timebank.model import Fault
from timebank.model.said import said
from timebank.storage.server.expressions import one_form
from timebank.storage.server.schema import is_check, is_primary, is_reference, tables

#: Characters of a definition that are shown.
SHOWN: Final = 300
#: Kinds whose name is a part of what they mean.
_NAMED: Final = frozenset({"table", "column", "setting"})


@attrs.frozen
class Definition:
    """What a server has of one kind, on a table, under a name; the text says what it means.

    A `harmless` one may be there without being ours.
    """

    kind: str
    table: str
    name: str
    text: str
    harmless: bool = False

    @property
    def meaning(self) -> tuple[str, str, str, str]:
        """Return what two have in common that mean the same."""
        return self.kind, self.table, self.name if self.kind in _NAMED else "", self.text

    @property
    def place(self) -> str:
        """Return where it is, in words."""
        if self.kind in ("constraint", "rule"):
            key = "constraint_of" if self.kind == "constraint" else "rule_of"
            return said(key, name=self.name, table=self.table)
        if self.kind == "column":
            return said("column", table=self.table, column=self.name)
        return said(self.kind, name=self.name)


@attrs.frozen
class Catalogue:
    """What should be there, as far as it is shown to the user, and what is."""

    expected: Sequence[Definition]
    found: Sequence[Definition]


def differences(expected: Iterable[Definition], found: Iterable[Definition]) -> Iterator[Fault]:
    """Yield a fault for each definition that is missing, is another, or is one too many.

    >>> from timebank.storage.server.definitions import Definition, differences
    >>> ours = Definition("constraint", "timebank_banks", "a", "CHECK (sequence >= 0)")
    >>> list(differences([ours], [Definition("constraint", ours.table, "b", ours.text)]))
    []
    >>> fault, = differences([ours], [Definition("constraint", ours.table, "a", "CHECK (true)")])
    >>> fault.expected, fault.found
    ('CHECK (sequence >= 0)', 'CHECK (true)')
    """
    wanted, there = list(expected), list(found)
    meanings = Counter(one.meaning for one in there)
    ours = {one.meaning for one in wanted}
    missing = []
    for one in wanted:
        if meanings[one.meaning]:
            meanings[one.meaning] -= 1
        else:
            missing.append(one)
    others = [one for one in there if one.meaning not in ours]
    for one in missing:
        instead = _of_its_name(one, others)
        if instead is not None:
            others.remove(instead)
        yield _fault(one, one, instead)
    for one in others:
        if not one.harmless:
            yield _fault(one, None, one)


def _of_its_name(one: Definition, others: Iterable[Definition]) -> Definition | None:
    key = (one.kind, one.table, one.name)
    return next((other for other in others if (other.kind, other.table, other.name) == key), None)


def _fault(one: Definition, expected: Definition | None, found: Definition | None) -> Fault:
    return Fault("schema", one.place, _words(expected), _words(found))


def _words(one: Definition | None) -> str:
    if one is None:
        return said("nothing")
    return one.text if len(one.text) <= SHOWN else f"{one.text[:SHOWN]}..."


# -- what this version defines -------------------------------------------------------------------


def expected_tables(
    type_of: Callable[[Any], str], alias: Mapping[str, str] | None = None
) -> Iterator[Definition]:
    """Yield what the tables of this version mean.

    `type_of` gives the type of a column as the server's catalogue is read.
    """
    for table in tables().sorted_tables:
        yield Definition("table", table.name, table.name, "TABLE")
        for column in table.columns:
            text = column_text(type_of(column), nullable=bool(column.nullable))
            yield Definition("column", table.name, column.name, text)
        yield from _constraints(table, alias)
        for index in table.indexes:
            columns = [column.name for column in index.columns]
            yield Definition("index", table.name, str(index.name), index_text(columns))


def _constraints(table: Any, alias: Mapping[str, str] | None) -> Iterator[Definition]:
    for constraint in table.constraints:
        name = str(constraint.name or f"{table.name}_pkey")
        columns = [column.name for column in getattr(constraint, "columns", ())]
        if is_check(constraint):
            text = check_text(str(constraint.sqltext), alias)
        elif is_reference(constraint):
            others = [element.column.name for element in constraint.elements]
            text = reference_text(columns, constraint.referred_table.name, others)
        elif is_primary(constraint):
            text = key_text(columns, primary=True)
        else:
            text = key_text(columns)
        yield Definition("constraint", table.name, name, text)


def column_text(type_name: str, *, nullable: bool) -> str:
    """Return what a column means."""
    return type_name if nullable else f"{type_name} NOT NULL"


def check_text(condition: str, alias: Mapping[str, str] | None = None) -> str:
    """Return what a check means."""
    form = one_form(condition, alias)
    return f"CHECK {form}" if form.startswith("(") else f"CHECK ({form})"


def reference_text(columns: Iterable[str], table: str, others: Iterable[str]) -> str:
    """Return what a foreign key means."""
    return f"FOREIGN KEY ({', '.join(columns)}) REFERENCES {table} ({', '.join(others)})"


def key_text(columns: Iterable[str], *, primary: bool = False) -> str:
    """Return what a primary or a unique key means."""
    return f"{'PRIMARY KEY' if primary else 'UNIQUE'} ({', '.join(columns)})"


def index_text(columns: Iterable[str]) -> str:
    """Return what an index means."""
    return f"INDEX ({', '.join(columns)})"
