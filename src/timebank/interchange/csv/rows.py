"""Read the cells of a row by their columns' names, and the rows of accounts. Pure."""

from __future__ import annotations

from collections.abc import Mapping as Dict
from datetime import date
from typing import Final

import attrs

from timebank.errors import InvalidRequest, shown
from timebank.interchange.csv.cells import UnclearCell, label, plain
from timebank.interchange.csv.keys import Column, columns_of
from timebank.interchange.csv.mapping import Accounts, Balances, Mapping, Part
from timebank.interchange.engine.cells import CellFault, id_of, unreadable
from timebank.interchange.engine.csv_rows import Row, quarantined
from timebank.interchange.engine.protocol import ImportedAccount
from timebank.interchange.engine.report import Quarantined
from timebank.model import MAX_LABEL_CHARACTERS, MAX_TEXT_CHARACTERS
from timebank.model.ids import identifier

#: The column to blame where it is none in particular.
ROW: Final = "row"
#: Columns of a first line that a message shows.
_MOST_SHOWN: Final = 20


class Cells:
    """The cells of a row by the names of their columns."""

    __slots__ = ("_html", "_index", "_nothing", "_row")

    def __init__(self, heading: Heading, row: Row) -> None:
        self._row, self._index = row.columns, heading.index
        self._html, self._nothing = heading.html, heading.nothing

    def __getitem__(self, column: Column) -> str:
        """Return the cell of a column; nothing where it is empty, or missing and optional.

        :raises CellFault: it is no text.
        """
        if (place := self._index[column]) is None:
            return ""
        cell = self._row[place]
        if cell in self._nothing:
            return ""
        if (why := unreadable(cell)) is not None:
            raise CellFault(cell, why, column=column)
        return plain(cell) if column in self._html else cell

    def get(self, column: Column | None) -> str:
        """Return the cell of a column; nothing where there is no column.

        :raises CellFault: it is no text.
        """
        return "" if column is None else self[column]

    def raw(self, column: Column) -> str:
        """Return the cell as it is in the file."""
        place = self._index[column]
        return "" if place is None else self._row[place]


@attrs.frozen
class Heading:
    """The names of a file's columns, where those are that matter, and which have HTML in them."""

    file: str
    names: tuple[str, ...]
    index: Dict[Column, int | None]
    html: frozenset[Column]
    nothing: frozenset[str]

    @classmethod
    def of(cls, file: str, part: Part, where: str, mapping: Mapping, row: Row | None) -> Heading:
        """Return the heading that the first line says; or the mapping, where there is none.

        :raises InvalidRequest: a column that the mapping needs is missing, or stands twice.
        """
        names: list[Column] = []
        if mapping.csv.header:
            names = [] if row is None else [name.strip() for name in row.columns]
        else:
            names = list(range(1, (part.columns or 0) + 1))
        index: dict[Column, int | None] = {}
        for key, column in columns_of(part, where):
            if column not in names and column not in part.optional:
                what = f"{shown(column)}, which {key} of the mapping names"
                msg = f"{file} has no column {what}; {_has(names)}"
                raise InvalidRequest(msg)
            if names.count(column) > 1:
                msg = f"{file} has {names.count(column)} columns {shown(column)}"
                raise InvalidRequest(msg)
            index[column] = names.index(column) if column in names else None
        html = frozenset(() if isinstance(part, Balances) else part.html)
        shown_names = tuple(map(str, names))
        return cls(file, shown_names, index, html, frozenset(mapping.csv.nothing))

    def cells(self, row: Row) -> Cells:
        """Return the cells of a row.

        :raises CellFault: it has more of them, or fewer.
        """
        if len(row.columns) != len(self.names):
            text = f"is how it begins: it has {len(row.columns)} columns, not {len(self.names)}"
            raise CellFault(row.columns[0], text, column=ROW)
        return Cells(self, row)


def _has(names: list[Column]) -> str:
    """Return what columns there are. One alone may be several that were not divided."""
    if not names:
        return "it is empty"
    has = f"it has {', '.join(shown(name) for name in names[:_MOST_SHOWN])}"
    more = f" and {len(names) - _MOST_SHOWN} more" if len(names) > _MOST_SHOWN else ""
    is_undivided = len(names) == 1 and {";", ",", "\t"} & {*str(names[0])}
    return f"{has}{more}{': what is the delimiter?' if is_undivided else ''}"


# -- cells ---------------------------------------------------------------------------


def id_in(cells: Cells, column: Column | None) -> str:
    """Return the id of an account, or of a row.

    :raises CellFault: it cannot be one of ours.
    """
    return id_of(cells.get(column), ROW if column is None else column)


def seconds_in(mapping: Mapping, cells: Cells, column: Column) -> int:
    """Return an amount in seconds, with its sign.

    :raises CellFault: it is not written as the mapping says, or no whole number of seconds.
    """
    value = cells[column]
    try:
        return mapping.amounts.seconds(value)
    except UnclearCell as error:
        raise CellFault(value, str(error), column=column) from None


def day_in(mapping: Mapping, cells: Cells, column: Column) -> date:
    """Return a day.

    :raises CellFault: it is not written as the mapping says.
    """
    value = cells[column]
    try:
        return mapping.days.day(value)
    except UnclearCell as error:
        raise CellFault(value, str(error), column=column) from None


def text_in(cells: Cells, column: Column | None) -> str | None:
    """Return a note or a reason, if there is one.

    :raises CellFault: it is longer than ours may be.
    """
    value = cells.get(column)
    if column is not None and len(value) > MAX_TEXT_CHARACTERS:
        raise CellFault(value, f"has more than {MAX_TEXT_CHARACTERS:,} characters", column=column)
    return value or None


def label_in(cells: Cells, column: Column | None, *, of: str | None = None) -> str | None:
    """Return a category or an area, or one tag `of` the cell; if there is one.

    :raises CellFault: it cannot be one of ours.
    """
    value = cells.get(column) if of is None else of
    found = label(value)
    if column is None or not found:
        return None
    try:
        return identifier(found, "it", longest=MAX_LABEL_CHARACTERS)
    except InvalidRequest as error:
        raise CellFault(value, f"is no label: {error}", column=column) from None


# -- accounts ------------------------------------------------------------------------


def account_of(
    mapping: Mapping, part: Accounts, heading: Heading, row: Row
) -> ImportedAccount | Quarantined:
    """Return what a row of the file of accounts says."""
    cells = None
    try:
        cells = heading.cells(row)
        name = " ".join(found for one in part.name if (found := cells[one].strip()))
        if len(name) > MAX_TEXT_CHARACTERS:
            raise CellFault(
                name, f"has more than {MAX_TEXT_CHARACTERS:,} characters", column=part.name[0]
            )
        joined, balance = part.joined, part.balance
        return ImportedAccount(
            line=row.line,
            id=id_in(cells, part.id),
            kind=_kind(part, cells),
            name=name or None,
            joined_on=day_in(mapping, cells, joined) if joined and cells[joined] else None,
            closed=part.closed is not None and part.closed.holds(cells[part.closed.column]),
            stated=seconds_in(mapping, cells, balance) if balance and cells[balance] else None,
            columns=_account_names(part),
            cells=row.columns,
        )
    except CellFault as fault:
        # A row of an account moves no hours: it explains nothing of a balance.
        moves = ((cells.raw(part.id), 0),) if cells is not None else ()
        return quarantined(heading.file, row, fault, moves)


def balance_of(
    mapping: Mapping, part: Balances, heading: Heading, row: Row
) -> ImportedAccount | Quarantined:
    """Return what a row of the file of balances says: an account with its balance alone."""
    try:
        cells = heading.cells(row)
        return ImportedAccount(
            line=row.line,
            id=id_in(cells, part.account),
            stated=seconds_in(mapping, cells, part.balance),
            columns={"id": str(part.account), "stated": str(part.balance)},
            cells=row.columns,
        )
    except CellFault as fault:
        return quarantined(heading.file, row, fault, ())


def _account_names(part: Accounts) -> dict[str, str]:
    """Return our fields, and what the source calls the columns that they come from."""
    name = part.name[0] if part.name else None
    closed = None if part.closed is None else part.closed.column
    found = {
        "id": part.id,
        "kind": part.kind,
        "name": name,
        "joined_on": part.joined,
        "closed": closed,
        "stated": part.balance,
    }
    return {field: str(column) for field, column in found.items() if column is not None}


def _kind(part: Accounts, cells: Cells) -> str:
    if part.kind is None:
        return "member"
    if (kind := part.kinds.get(value := cells[part.kind])) is None:
        raise CellFault(value, "is none of the kinds that the mapping knows", column=part.kind)
    return kind
