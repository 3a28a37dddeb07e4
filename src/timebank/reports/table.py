"""A table of text: columns as wide as what is in them, within the width of a page."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import attrs

from timebank.reports.cells import fit, harmless, pad, width

#: The widest line of a report.
PAGE_COLUMNS: Final = 100
_GAP: Final = "  "


@attrs.frozen
class Column:
    """A column: figures stand on its right; one with `least` may be cut down to that width."""

    title: str
    right: bool = False
    least: int | None = None


#: A row; `None` stands for a rule across the table.
Row = Sequence[str] | None


def table(columns: Sequence[Column], rows: Sequence[Row], *, page: int = PAGE_COLUMNS) -> list[str]:
    """The lines of a table, titles first.

    Where it is wider than the page, the widest column that may be cut is, until it fits.

    >>> from timebank.reports.table import Column, table
    >>> for line in table([Column("Account"), Column("Hours", right=True)], [["m1", "1:30"]]):
    ...     print(line)
    Account  Hours
    -------  -----
    m1        1:30
    """
    cells = [None if row is None else [harmless(cell) for cell in row] for row in rows]
    titles = [column.title for column in columns]
    filled = [titles, *(row for row in cells if row is not None)]
    widths = [max(width(row[i]) for row in filled) for i in range(len(columns))]
    _shrink(widths, columns, page - len(_GAP) * (len(columns) - 1))
    rule = ["-" * columns_wide for columns_wide in widths]
    return [_line(rule if row is None else row, columns, widths) for row in [titles, None, *cells]]


def _shrink(widths: list[int], columns: Sequence[Column], available: int) -> None:
    while (excess := sum(widths) - available) > 0:
        room = {
            i: widths[i] - column.least
            for i, column in enumerate(columns)
            if column.least is not None and widths[i] > column.least
        }
        if not room:
            return
        widest = max(room, key=lambda i: (widths[i], i))
        others = [widths[i] for i in room if i != widest and widths[i] < widths[widest]]
        step = widths[widest] - max(others) if others else excess
        widths[widest] -= max(1, min(excess, room[widest], step))


def _line(row: Sequence[str], columns: Sequence[Column], widths: Sequence[int]) -> str:
    cells = [
        pad(fit(cell, wide), wide, right=column.right)
        for cell, column, wide in zip(row, columns, widths, strict=True)
    ]
    return _GAP.join(cells).rstrip()
