"""Read a pile of signed cheques that was written down as a list: a sheet, or lines of a form."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from io import BytesIO
from typing import Any, Final

import attrs

from timebank.contrib.cheques import pile_columns as c
from timebank.errors import InvalidRequest, WrongType, shown
from timebank.interchange.engine.csv_rows import Row
from timebank.interchange.engine.files import Source
from timebank.interchange.engine.report import Quarantined
from timebank.interchange.propose.headings import language_of
from timebank.interchange.propose.tables import Line, is_total
from timebank.interchange.sheets.forms import CSV
from timebank.interchange.sheets.reading import Sheet
from timebank.reports.told import told
from timebank.reports.words import Words

#: Lines of a pile: it is a drawer of paper, and booked in one commit.
MAX_LINES: Final = 5_000
#: The name of a pile that is of no file.
_FORM: Final = "form"


@attrs.frozen(kw_only=True)
class PileLine:
    """A cheque as it was written down: on which line, and what each column says, as text.

    `cells` is the line as it stood in its sheet. `fault` is why it could not be read at all.
    """

    line: int
    values: Mapping[str, str] = attrs.field(hash=False)
    cells: tuple[str, ...] = ()
    fault: str | None = None


@attrs.frozen(kw_only=True)
class Pile:
    """A list of cheques, as it was written down. `name` is that of its file.

    `headings` is column → what stands above it, and `unread` what stands above columns that are
    not read, though something is in them. `titles` are the cells of the row of headings, as they
    stood in the sheet, and `delimiter` what stands between cells where it is CSV. Where it
    `has_headings` not, its columns are read in their usual order.
    """

    name: str
    lines: tuple[PileLine, ...]
    headings: Mapping[str, str] = attrs.field(hash=False, factory=dict)
    unread: tuple[str, ...] = ()
    titles: tuple[str, ...] = ()
    delimiter: str = ","
    has_headings: bool = True

    @property
    def language(self) -> str | None:
        """The language of most headings."""
        return language_of(self.headings.values())

    @property
    def digest(self) -> str:
        """A digest of the lines as they stand, by which `book` knows what was shown before."""
        lines = [[one.line, *one.cells] for one in self.lines]
        return hashlib.sha256(json.dumps(lines).encode("ascii")).hexdigest()

    def heading(self, column: str) -> str:
        """Return what stands above a column; else its name in the language that is spoken."""
        return self.headings.get(column) or Words("cheques")(f"column_{column}")


def read_pile(source: Source | bytes, *, sheet: str | None = None) -> Pile:
    r"""Return the pile that a sheet has: `.csv` in any usual form, `.xlsx` or `.ods`.

    `source` is a path, an open file or the bytes of one; `sheet` names one of a workbook. The
    columns are known by what stands above them, in English or Italian: number, earner, hours, and
    perhaps day, from, to, activity or category, note; others are not read. Without headings they
    stand in this order. Empty rows and totals are no cheques. Nothing is looked up yet: see
    `preview`.

    :raises OSError: the file cannot be read.
    :raises InvalidRequest: it is no sheet, a column that is needed is missing, or it has too many
        lines.

    >>> from timebank.contrib.cheques.piles import read_pile
    >>> pile = read_pile(b"Numero;A chi;Ore\n17-03-33;Maria R.;1,5\n;Totale;1,5\n")
    >>> [(one.line, one.values["earner"], one.values["hours"]) for one in pile.lines]
    [(2, 'Maria R.', '1,5')]
    """
    file: Any = BytesIO(source) if isinstance(source, bytes | bytearray) else source
    read = Sheet(file, sheet=sheet)
    delimiters = read.form.delimiters or ("",)
    rows = list(_some(read))
    place, columns = _columns(rows, read.name)
    for delimiter in delimiters[1:]:
        if place is not None:
            break
        # What stands between cells is seen by the headings: the likeliest that makes some, is it.
        other = list(_some(read.divided_by(delimiter)))
        found, others = _columns(other, read.name)
        if found is not None:
            rows, place, columns = other, found, others
            delimiters = (delimiter,)
    titles = () if place is None else _cells(rows[place])
    lines = rows if place is None else rows[place + 1 :]
    is_parted = read.form.kind == CSV and delimiters[0] == ","
    below = titles if is_parted else ()
    return Pile(
        name=read.name,
        lines=tuple(one for row in lines if (one := _line(row, columns, below)) is not None),
        headings={name: titles[at].strip() for name, at in columns.items() if titles},
        unread=tuple(_unread(lines, columns, titles)),
        titles=titles,
        has_headings=place is not None,
        delimiter=delimiters[0] if read.form.kind == CSV and delimiters[0] else ",",
    )


def pile_of(lines: Iterable[Mapping[str, object]], *, name: str = _FORM) -> Pile:
    """Return a pile of lines that were typed into a form, each a mapping of columns to texts.

    The columns are number, earner, hours, day, from, to, activity, category and note. A line
    without any text is left out; the first is line 1.

    :raises WrongType: no mappings, or values that are neither texts nor `None`.
    :raises InvalidRequest: an unknown column, or too many lines.

    >>> from timebank.contrib.cheques.piles import pile_of
    >>> pile = pile_of([{"number": "17-03-33", "earner": "m2", "hours": "1:30"}, {"number": ""}])
    >>> len(pile.lines), pile.lines[0].cells
    (1, ('17-03-33', 'm2', '1:30', '', '', '', '', '', ''))
    """
    made = [_typed(number, line) for number, line in enumerate(lines, 1)]
    if len(made) > MAX_LINES:
        raise _too_many(name)
    return Pile(name=name, lines=tuple(one for one in made if any(one.cells)))


def _typed(number: int, line: object) -> PileLine:
    if not isinstance(line, Mapping):
        msg = f"a line of a pile is a mapping of columns to texts, not {shown(line)}"
        raise WrongType(msg).about(key="pile_text")
    values = {}
    for column, text in line.items():
        if column not in c.ALL:
            msg = f"a line of a pile has {', '.join(c.ALL)}, and no {shown(column)}"
            raise InvalidRequest(msg).about(key="pile_key", known=", ".join(c.ALL))
        if text is not None and not isinstance(text, str):
            msg = f"{column} of line {number} is a text, not {shown(text)}"
            raise WrongType(msg).about(key="pile_text")
        values[column] = (text or "").strip()
    return PileLine(line=number, values=values, cells=tuple(values.get(one, "") for one in c.ALL))


# -- rows of a sheet ---------------------------------------------------------------------


def _some(sheet: Sheet) -> Iterable[Row | Quarantined]:
    for number, row in enumerate(sheet.rows()):
        if number > MAX_LINES:
            raise _too_many(sheet.name)
        yield row


def _too_many(name: str) -> InvalidRequest:
    msg = f"{name} has more than {MAX_LINES:,} lines: enter them as several piles"
    return InvalidRequest(msg).about(key="pile_too_long", file=name, most=MAX_LINES)


def _columns(rows: Sequence[Row | Quarantined], name: str) -> tuple[int | None, dict[str, int]]:
    lines = [Line(row.line, tuple(cell.strip() for cell in _cells(row))) for row in rows]
    return c.columns_of(lines, name)


def _cells(row: Row | Quarantined) -> tuple[str, ...]:
    return row.columns if isinstance(row, Row) else row.cells


def _unread(
    rows: Iterable[Row | Quarantined], columns: Mapping[str, int], titles: Sequence[str]
) -> Iterator[str]:
    """Yield what stands above each column that is not read, and has something in it."""
    filled = {place for row in rows for place, cell in enumerate(_cells(row)) if cell.strip()} - {
        *columns.values()
    }
    for place in sorted(filled):
        title = titles[place].strip() if place < len(titles) else ""
        if not c.is_reason(title):
            yield title or str(place + 1)


def _line(
    row: Row | Quarantined, columns: Mapping[str, int], titles: Sequence[str]
) -> PileLine | None:
    """Return a row as a line; `None` where it is empty, or adds others up.

    `titles` are given where commas stand between the cells: above each cell must be one.
    """
    cells = _cells(row)
    if isinstance(row, Quarantined):
        return PileLine(line=row.line, values={}, cells=cells or (row.value,), fault=row.reason)
    trimmed = tuple(cell.strip() for cell in cells)
    if not any(trimmed) or is_total(trimmed):
        return None
    values = {name: trimmed[at] for name, at in columns.items() if at < len(trimmed)}
    fault = _parted(trimmed, titles) if titles else None
    return PileLine(line=row.line, values=values, cells=cells, fault=fault)


def _parted(cells: Sequence[str], titles: Sequence[str]) -> str | None:
    """Return what is wrong where a cell has no title: hours with a comma were two of them."""
    for place, cell in enumerate(cells):
        if cell and not "".join(titles[place : place + 1]).strip():
            reason = told("cell", value=shown(cell), reason=told("cheque_beyond"))
            return told("of_column", column=str(place + 1), reason=reason)
    return None
