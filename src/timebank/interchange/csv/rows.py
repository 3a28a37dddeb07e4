"""Read the cells of a row by their columns' names, and the rows of accounts. Pure."""

from __future__ import annotations

from collections.abc import Mapping as Dict
from collections.abc import Sequence
from datetime import date
from functools import lru_cache
from typing import Final

import attrs

from timebank.errors import InvalidRequest, shown
from timebank.interchange.csv.cells import Amounts, label, plain
from timebank.interchange.csv.keys import Column, columns_of
from timebank.interchange.csv.mapping import Mapping, Part, Transfers
from timebank.interchange.engine.cells import (
    CellFault,
    UnclearCell,
    id_of,
    is_readable,
    unreadable,
)
from timebank.interchange.engine.csv_rows import Row
from timebank.interchange.sheets.titles import (
    MOST_SHOWN,
    did_you_mean,
    encoding_meant,
    folded_title,
    nearest_title,
    titles_of,
    what_it_has,
)
from timebank.model import MAX_LABEL_CHARACTERS, MAX_TEXT_CHARACTERS
from timebank.model.ids import identifier
from timebank.reports.told import refused_by, told

#: Categories, areas and tags that are read once for all rows that repeat them.
_LABELS_REMEMBERED: Final = 1_024
#: The column to blame where it is none in particular.
ROW: Final = "row"
#: The keys of columns whose cells may be missing at the end of a row: some programs write no empty
#: ones there.
_MAY_BE_MISSING: Final = frozenset(
    ("note", "category", "area", "tags", "created", "keep", "name", "joined", "also")
)


class Cells(dict[Column, str]):
    """The cells of a row by the names of their columns.

    A cell is read where it is asked for, unless the heading has read it with all others. It is the
    empty text where it is empty, or missing and optional; a `CellFault` says that it is no text.
    """

    __slots__ = ("_heading", "_row")

    def __init__(self, heading: Heading, row: tuple[str, ...]) -> None:
        self._heading, self._row = heading, row

    def __missing__(self, column: Column) -> str:
        """Read the cell of a column.

        :raises CellFault: it is no text.
        """
        cell = self[column] = self._heading.cell(self._row, column)
        return cell

    def at(self, column: Column | None) -> str:
        """Return the cell of a column; nothing where there is no column.

        :raises CellFault: it is no text.
        """
        return "" if column is None else self[column]

    def raw(self, column: Column | None) -> str:
        """Return the cell as it is in the file; nothing where there is none."""
        place = None if column is None else self._heading.index[column]
        return "" if place is None else self._row[place]


def _stripped(cell: str, strip: tuple[str, ...]) -> str:
    """Return a cell without blanks and these texts at its ends."""
    before = None
    while cell != before:
        before = cell
        cell = cell.strip()
        for text in strip:
            cell = cell.removeprefix(text).removesuffix(text)
    return cell


@attrs.frozen
class Heading:
    """The names of a file's columns, where those are that matter, and what is in them.

    `line` is where the names stand: rows come after it.
    """

    file: str
    names: tuple[str, ...]
    index: Dict[Column, int | None]
    html: frozenset[Column]
    nothing: frozenset[str]
    strip: tuple[str, ...] | None = ()
    line: int = 0
    #: How many cells a row has at the least; those after them may be missing where they are empty.
    least: int = 0
    #: The cells that name the columns, for where they are repeated, and the first without case.
    titles: tuple[str, ...] = ()
    first: str | None = None
    #: The columns that are there and matter, and where.
    _there: tuple[Column, ...] = attrs.field(init=False, eq=False, repr=False)
    _places: tuple[int, ...] = attrs.field(init=False, eq=False, repr=False)

    def __attrs_post_init__(self) -> None:
        """Find the columns that are there."""
        there = {column: place for column, place in self.index.items() if place is not None}
        object.__setattr__(self, "_there", tuple(there))
        object.__setattr__(self, "_places", tuple(there.values()))

    @classmethod
    def of(cls, file: str, part: Part, where: str, mapping: Mapping, row: Row | None) -> Heading:
        """Return the heading that a row says; or the mapping, where there is none.

        :raises InvalidRequest: a column that the mapping needs is missing, or stands twice.
        """
        names: tuple[Column, ...]
        if mapping.csv.header:
            names = () if row is None else titles_of(row.columns)
        else:
            names = tuple(range(1, (part.columns or 0) + 1))
        known = [_compared(name) for name in names]
        index: dict[Column, int | None] = {}
        least = 0
        for key, column in columns_of(part, where):
            count = known.count(_compared(column))
            if not count and column not in part.optional:
                raise _missing(file, column, key, names)
            if count > 1:
                msg = f"{file} has {count} columns {shown(column)}"
                raise InvalidRequest(msg).about(
                    key="columns_alike", file=file, count=count, column=shown(column)
                )
            place = index[column] = known.index(_compared(column)) if count else None
            if place is not None and key.rpartition(".")[2] not in _MAY_BE_MISSING:
                least = max(least, place + 1)
        return cls(
            file,
            tuple(map(str, names)),
            index,
            frozenset(getattr(part, "html", ())),
            frozenset(mapping.csv.nothing),
            part.strip if isinstance(part, Transfers) else getattr(mapping.transfers, "strip", ()),
            mapping.csv.first_lines if row is None else row.line,
            least,
            () if row is None else row.columns,
            None if row is None else row.columns[0].strip().casefold(),
        )

    def cells(self, row: Row) -> Cells:
        """Return the cells of a row; empty ones beyond the last column are none.

        :raises CellFault: it has more of them, or not all that it needs.
        """
        columns, needs = row.columns, len(self.names)
        has = len(columns)
        if has > needs:
            while has > needs and not columns[has - 1].strip():
                has -= 1
        if has < needs and has >= self.least:
            columns += ("",) * (needs - has)
        elif has != needs:
            raise CellFault(columns[0], told("columns", has=has, needs=needs), column=ROW)
        cells = Cells(self, columns)
        if self.strip == () and not self.html and is_readable("".join(columns)):
            said = [*map(str.strip, map(columns.__getitem__, self._places))]
            if self.nothing.isdisjoint(said):
                cells.update(zip(self._there, said, strict=True))
        return cells

    def cell(self, columns: tuple[str, ...], column: Column) -> str:
        """Return one cell of a row.

        :raises CellFault: it is no text.
        """
        if (place := self.index[column]) is None:
            return ""
        cell = columns[place]
        if (strip := self.strip) is not None:
            cell = _stripped(cell, strip) if strip else cell.strip()
        if cell in self.nothing:
            return ""
        if (why := unreadable(cell)) is not None:
            raise CellFault(cell, why, column=column)
        return plain(cell) if column in self.html else cell

    def is_blank(self, row: Row) -> bool:
        """Return whether a row has no text in the columns that are of a meaning.

        A list of members that stands beside a table goes on below it.
        """
        columns = row.columns
        if len(columns) == len(self.names):
            return not any(map(str.strip, map(columns.__getitem__, self._places)))
        return not columns[0].strip() and not any(cell.strip() for cell in columns)

    def is_repeated(self, row: Row) -> bool:
        """Return whether a row names the columns once more."""
        if self.first is None or row.columns[0].strip().casefold() != self.first:
            return False
        titles = [folded_title(name) for name in titles_of(self.titles)]
        return titles == [folded_title(name) for name in titles_of(row.columns)]


def _compared(name: Column) -> Column:
    return folded_title(name) if isinstance(name, str) else name


def _missing(file: str, column: Column, key: str, names: Sequence[str | int]) -> InvalidRequest:
    """Return the refusal of a file without a column, which says what is most likely wrong."""
    titles = [str(name) for name in names if name]
    name, has = shown(column), ", ".join(map(shown, titles[:MOST_SHOWN]))
    meant = did_you_mean(str(column), titles)
    what = f"{name}, which {key} of the mapping names; {meant}{what_it_has(names)}"
    msg = f"{file} has no column {what}"
    if not titles:
        return InvalidRequest(msg).about(key="sheet_empty", file=file, column=name, named_by=key)
    if (code := encoding_meant(names)) is not None:
        return InvalidRequest(msg).about(
            key="column_missing_encoding",
            file=file,
            column=name,
            named_by=key,
            names=has,
            encoding=code,
        )
    if (near := nearest_title(str(column), titles)) is not None:
        return InvalidRequest(msg).about(
            key="column_missing_near",
            file=file,
            column=name,
            named_by=key,
            names=has,
            near=shown(near),
        )
    return InvalidRequest(msg).about(
        key="column_missing", file=file, column=name, named_by=key, names=has
    )


# -- cells ---------------------------------------------------------------------------


def id_in(cells: Cells, column: Column | None) -> str:
    """Return the id of an account, or of a row.

    :raises CellFault: it cannot be one of ours.
    """
    return id_of(cells.at(column), ROW if column is None else column)


def seconds_in(amounts: Amounts, cells: Cells, column: Column) -> int:
    """Return an amount in seconds, with its sign.

    :raises CellFault: it is not written as the mapping says, or no whole number of seconds.
    """
    return amount_in(amounts, cells, column)[0]


def amount_in(amounts: Amounts, cells: Cells, column: Column) -> tuple[int, bool]:
    """Return an amount in seconds, with its sign, and whether it was rounded.

    :raises CellFault: as `seconds_in`.
    """
    value = cells[column]
    try:
        return amounts.read(value)
    except UnclearCell as error:
        raise CellFault(value, error.reason if value else told("empty"), column=column) from None


def day_in(mapping: Mapping, cells: Cells, column: Column) -> date:
    """Return a day.

    :raises CellFault: it is not written as the mapping says.
    """
    value = cells[column]
    try:
        return mapping.days.day(value)
    except UnclearCell as error:
        raise CellFault(value, error.reason if value else told("empty"), column=column) from None


def text_in(cells: Cells, column: Column | None) -> str | None:
    """Return a note or a reason, if there is one.

    :raises CellFault: it is longer than ours may be.
    """
    value = cells.at(column)
    if "\r" in value:  # a program that saves the sheet again ends lines in a cell as it likes
        value = value.replace("\r\n", "\n").replace("\r", "\n")
    if column is not None and len(value) > MAX_TEXT_CHARACTERS:
        raise CellFault(value, told("too_long", most=f"{MAX_TEXT_CHARACTERS:,}"), column=column)
    return value or None


def label_in(cells: Cells, column: Column | None, *, of: str | None = None) -> str | None:
    """Return a category or an area, or one tag `of` the cell; if there is one.

    :raises CellFault: it cannot be one of ours.
    """
    value = cells.at(column) if of is None else of
    if column is None or not value:
        return None
    try:
        return _label(value)
    except InvalidRequest as error:
        raise CellFault(value, told("no_label", why=refused_by(error)), column=column) from None


@lru_cache(_LABELS_REMEMBERED)
def _label(value: str) -> str | None:
    """Return a label that can be one of ours, if there is one.

    :raises InvalidRequest: it cannot.
    """
    found = label(value)
    return identifier(found, "it", longest=MAX_LABEL_CHARACTERS) if found else None
