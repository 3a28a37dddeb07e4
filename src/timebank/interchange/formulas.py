"""Text that a spreadsheet would execute, made harmless, and back."""

from __future__ import annotations

from typing import Final

#: A spreadsheet takes a cell for a formula that begins with one of these, full-width or not.
_FORMULA: Final = frozenset("=+-@\t\r\n\uff1d\uff0b\uff0d\uff20")


def guarded(cell: str) -> str:
    """The cell with a `'` before what a spreadsheet would execute.

    One that has the mark already is given another, so that nothing is lost.

    >>> from timebank.interchange.formulas import guarded, unguarded
    >>> guarded("=1+1"), guarded("bread"), unguarded("'=1+1")
    ("'=1+1", 'bread', '=1+1')
    """
    return f"'{cell}" if cell.lstrip("'")[:1] in _FORMULA else cell


def unguarded(cell: str) -> str:
    """The cell as it was before `guarded`."""
    return cell[1:] if cell[:1] == "'" and cell.lstrip("'")[:1] in _FORMULA else cell
