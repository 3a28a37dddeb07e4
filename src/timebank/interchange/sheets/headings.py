"""Find the row of a sheet that names its columns, below titles, and the rows that sum others up."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Final

from timebank.interchange.engine.csv_rows import Row
from timebank.interchange.engine.report import Quarantined
from timebank.interchange.sheets.titles import folded_title
from timebank.model.alike import folded_name

#: Rows among which the one is sought that names the columns.
MOST_ROWS: Final = 50
#: How a cell begins that stands in the place of people or of a day in a row of sums.
_TOTAL: Final = re.compile(
    r"(?:sub[- ]?|gran[d]? |zwischen)?"
    r"(?:tot|totale|totali|total|totals|totaal|totaux|totales|somma|somme|suma|sum|summe|"
    r"gesamt|gesamtsumme|insgesamt)\b"
)
#: The first letters of these words; a cell that begins otherwise need not be looked at.
_INITIALS: Final = frozenset("tTsSgGiIzZ \u00a0\t")


def find_titles(
    rows: Iterable[Row | Quarantined], needed: Iterable[str], *, after: int = 0
) -> Row | None:
    """Return the first row that has all the columns that are needed, or `None`.

    It is sought among the first rows that begin below line `after`.

    >>> from timebank.interchange.engine.csv_rows import Row
    >>> from timebank.interchange.sheets.headings import find_titles
    >>> rows = [Row(1, ("Our year", "")), Row(2, (" day", "HOURS")), Row(3, ("2/3", "1"))]
    >>> find_titles(rows, ["Day", "Hours"]).line
    2
    """
    wanted = {folded_title(name) for name in needed}
    for row in first_rows(rows, after=after):
        if isinstance(row, Row) and wanted <= {folded_title(cell) for cell in row.columns}:
            return row
    return None


def first_rows(rows: Iterable[Row | Quarantined], *, after: int = 0) -> Iterator[Row | Quarantined]:
    """Yield the rows among which the names of columns are sought."""
    return islice((row for row in rows if row.line > after), MOST_ROWS)


def likest(rows: Sequence[Row], needed: Iterable[str]) -> Row | None:
    """Return the row that has most of the needed columns; the first, where none has any."""
    wanted = {folded_title(name) for name in needed}
    return max(
        rows,
        key=lambda row: len(wanted & {folded_title(cell) for cell in row.columns}),
        default=None,
    )


def is_total(cell: str) -> bool:
    """Return whether a cell begins with a word for a total.

    >>> from timebank.interchange.sheets.headings import is_total
    >>> is_total("TOTALE ore:"), is_total("Totti Anna")
    (True, False)
    """
    if cell[:1] not in _INITIALS:
        return False
    return _TOTAL.match(folded_name(cell[:100])) is not None
