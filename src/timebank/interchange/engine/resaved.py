"""Tell what a spreadsheet made of a cell from what somebody changed in it.

A spreadsheet takes cells for numbers and days, and writes them in its own way: `007` becomes `7`,
`1,50` becomes `1,5`, a long number `1,23457E+15`. Saved in an old encoding, letters become `?`.
"""

from __future__ import annotations

import re
from decimal import Decimal, InvalidOperation
from itertools import zip_longest
from typing import Final

#: The encodings in which letters may have been lost.
_OLD: Final = ("cp1252", "latin-1", "mac-roman", "cp850", "ascii")
_NUMBER: Final = re.compile(r"([+-]?)0*([0-9]+)(?:[.,]([0-9]*?)0*)?", re.ASCII)
_LONG: Final = re.compile(r"([0-9](?:[.,][0-9]+)?)E\+?([0-9]{1,3})", re.ASCII | re.IGNORECASE)
_DAY: Final = re.compile(
    r"[0-9]{1,4}([/.-])[0-9]{1,2}\1[0-9]{1,4}(?:[ T][0-9]{1,2}(?::[0-9]{2}){1,2})?", re.ASCII
)
_FIGURES: Final = re.compile(r"[0-9]+", re.ASCII)
_LONGEST: Final = 400


def restored(original: str, cell: str) -> str:
    """Return the original of a cell, if a spreadsheet made the cell of it; else the cell.

    >>> from timebank.interchange.engine.resaved import restored
    >>> restored("007", "7"), restored("1,50", "1.5"), restored("2/3/2026", "02/03/26")
    ('007', '1,50', '2/3/2026')
    >>> restored("1,50", "1,75")
    '1,75'
    """
    return original if is_resaved(original, cell) else cell


def is_resaved(original: str, cell: str) -> bool:
    """Return whether a cell says what the original does, written as a spreadsheet writes it."""
    if original == cell:
        return True
    one, other = original.strip(), cell.strip()
    if "\n" in one or "\r" in one:
        one, other = " ".join(one.split()), " ".join(other.split())
    if one == other or other in _as_written(one):
        return True
    if not (one and other) or max(len(one), len(other)) > _LONGEST:
        return False
    return _is_number(one, other) or _is_day(one, other)


def _as_written(text: str) -> set[str]:
    """Return what becomes of a text with letters that a file cannot have."""
    if text.isascii():
        return set()
    found = {text.encode("utf-8", "backslashreplace").decode()}
    for encoding in _OLD:
        plain = text.encode(encoding, "replace").decode(encoding)
        found |= {plain, plain.strip()}
    return found


def _is_number(one: str, other: str) -> bool:
    first, second = _NUMBER.fullmatch(one), _NUMBER.fullmatch(other)
    if first is not None and second is not None:
        # A fraction of zeros is none: `2,00` and `2`; nor is a plus a sign.
        one, other = (
            f"{found[1].strip('+')}{found[2]}.{found[3] or ''}" for found in (first, second)
        )
        return one == other
    long = _LONG.fullmatch(other)
    if long is None or not (one.isascii() and one.isdigit()):
        return False
    try:
        shown = Decimal(f"{long[1].replace(',', '.')}E{long[2]}")
        figures = len(long[1].replace(",", "").replace(".", ""))
        return shown == Decimal(f"{Decimal(one):.{figures - 1}E}")
    except InvalidOperation:
        return False


def _is_day(one: str, other: str) -> bool:
    """Return whether two texts are one day in one order: `2/3/26` and `02/03/2026`."""
    if _DAY.fullmatch(one) is None or _DAY.fullmatch(other) is None:
        return False
    figures = [[int(part) for part in _FIGURES.findall(text)] for text in (one, other)]
    pairs = list(zip_longest(*figures, fillvalue=0))
    return all(a == b or {a, b} == {a % 100, 2000 + a % 100} for a, b in pairs)
