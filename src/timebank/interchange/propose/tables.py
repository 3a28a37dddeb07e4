"""Find the table in a sheet: which row names the columns, and what stands below it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import attrs

from timebank.interchange.propose import headings
from timebank.interchange.propose.contents import HALF, Column, amount_form, day_form, width
from timebank.interchange.propose.headings import folded, words_of

#: Rows among which the one that names the columns is sought.
MOST_TITLES: Final = 50
#: Rows that are looked at; what comes after them is read by the mapping all the same.
MOST_ROWS: Final = 20_000
#: Roles of which a heading has at least so many.
_LEAST_ROLES: Final = 2
#: Words that stand in the place of a person or a day where a row is a sum.
_TOTALS: Final = words_of(
    "totale totali tot total totals totales somma sum suma summe gesamt gesamtsumme insgesamt "
    "somme subtotale subtotal zwischensumme"
)
_GRAND: Final = words_of("grand generale general gesamt ore hours horas heures stunden")


@attrs.frozen
class Line:
    """A row of a sheet: on which line it begins, and its cells, trimmed."""

    line: int
    cells: tuple[str, ...]


@attrs.frozen
class Table:
    """The columns of a sheet, and the rows below their names.

    `heading` is the row that names the columns, if one does; `titles` are those above it.
    """

    heading: Line | None
    titles: tuple[Line, ...]
    rows: tuple[Line, ...]
    columns: tuple[Column, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """What stands above the columns."""
        return tuple(column.heading for column in self.columns)

    @property
    def language(self) -> str | None:
        """The language of most headings."""
        return headings.language_of(self.names)

    @property
    def weight(self) -> float:
        """How sure it is that this is a table of exchanges, for a choice among several."""
        roles = {found[0].role for name in self.names if (found := headings.matches(name))}
        wanted = {headings.DAY, headings.AMOUNT, headings.MINUTES, headings.EARNER}
        wanted |= {headings.SPENDER, headings.IN, headings.OUT, headings.STARTS}
        days = max((column.day_share for column in self.columns), default=0.0)
        return len(roles) + 3 * len(roles & wanted) + 2 * days + min(len(self.rows), 100) / 1_000


def table_of(lines: Sequence[Line]) -> Table:
    """Return the table in the rows of a sheet.

    >>> from timebank.interchange.propose.tables import Line, table_of
    >>> rows = [("Our year", ""), ("", ""), ("Data", "Ore"), ("2/3/26", "2h"), ("Totale", "2h")]
    >>> table = table_of([Line(n, cells) for n, cells in enumerate(rows, 1)])
    >>> table.names, table.heading.line, [row.cells for row in table.rows]
    (('Data', 'Ore'), 3, [('2/3/26', '2h')])
    """
    place = _heading(lines)
    heading = None if place is None else lines[place]
    above, below = ((), lines) if place is None else (lines[:place], lines[place + 1 :])
    rows = tuple(row for row in below[:MOST_ROWS] if any(row.cells) and not is_total(row.cells))
    wide = max(width([row.cells for row in rows]), len(heading.cells) if heading else 0)
    names = () if heading is None else heading.cells
    columns = tuple(
        Column(
            place,
            names[place] if place < len(names) else "",
            tuple(row.cells[place] if place < len(row.cells) else "" for row in rows),
        )
        for place in range(wide)
    )
    return Table(heading, tuple(row for row in above if any(row.cells)), rows, columns)


def is_total(cells: Sequence[str]) -> bool:
    """Return whether a row is a sum: a word of a sum, and at most figures besides.

    >>> from timebank.interchange.propose.tables import is_total
    >>> is_total(("", "Grand total:", "4,5")), is_total(("2/3/26", "Sum Lee", "4,5"))
    (True, False)
    """
    said = [cell for cell in cells if cell]
    words = [cell for cell in said if amount_form(cell) is None]
    return len(words) == 1 and _is_sum(folded(words[0]))


def _is_sum(text: str) -> bool:
    words = set(text.split())
    return bool(words & _TOTALS) and not words - _TOTALS - _GRAND


def _heading(lines: Sequence[Line]) -> int | None:
    """Return the place of the row that names the columns: of the likeliest the first."""
    best, found = 0, None
    for place, row in enumerate(lines[:MOST_TITLES]):
        said = [cell for cell in row.cells if cell]
        values = sum(day_form(cell) is not None or _is_figures(cell) for cell in said)
        if not said or values > HALF * len(said):
            continue
        roles = {match[0].role for cell in said if (match := headings.matches(cell))}
        if len(roles) >= _LEAST_ROLES and len(roles) > best:
            best, found = len(roles), place
    return found


def _is_figures(cell: str) -> bool:
    return amount_form(cell) is not None
