"""Lines of CSV in which a spreadsheet finds no formula.

Every CSV that the library writes is written by `csv_line`: exports, the impact report and the
file of quarantined rows.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from typing import Final

#: A spreadsheet takes a cell for a formula that begins with one of these, full-width or not.
FORMULA_SIGNS: Final = frozenset("=+-@\t\r\n\uff1d\uff0b\uff0d\uff20")
#: `csv.writer` of Python 3.12 and older puts quotes only around the line breaks that it ends with.
_END: Final = "\r\n"


class Trusted(str):
    """A cell that the library made itself, such as `-1.5`: it is never marked."""

    __slots__ = ()


def guarded(cell: str) -> str:
    """Return the cell with a `'` before it if a spreadsheet would execute it.

    One that has such a mark already is given another, so that `unguarded` gives the text back.

    >>> from timebank.reports.csv_lines import guarded, unguarded
    >>> guarded("=1+1"), guarded("bread"), unguarded("'=1+1")
    ("'=1+1", 'bread', '=1+1')
    """
    return f"'{cell}" if cell.lstrip("'")[:1] in FORMULA_SIGNS else cell


def unguarded(cell: str) -> str:
    """Return the cell as it was before `guarded`."""
    return cell[1:] if cell[:1] == "'" and cell.lstrip("'")[:1] in FORMULA_SIGNS else cell


def csv_line(cells: Iterable[str], *, delimiter: str = ",") -> str:
    r"""Return one row as CSV, without a line break at its end. Cells are guarded, unless `Trusted`.

    A cell with a line break stands in quotes, whatever the version of Python.

    >>> from timebank.reports.csv_lines import Trusted, csv_line
    >>> csv_line(["m1", "=1+1", Trusted("-1.5"), "due\nrighe"])
    'm1,\'=1+1,-1.5,"due\nrighe"'
    """
    line = io.StringIO()
    csv.writer(line, delimiter=delimiter, lineterminator=_END).writerow(
        [cell if type(cell) is Trusted else guarded(cell) for cell in cells]
    )
    return line.getvalue()[: -len(_END)]
