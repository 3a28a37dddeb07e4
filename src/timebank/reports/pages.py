"""Divide a paper into pages of A4 that any browser prints as they are: numbered, with sums carried.

Rows have a fixed height, so many are on a page that they surely fit, and what is written below the
table is measured by letters of a wide font. A page that is too full would be two on paper, and the
numbers would be wrong: so there is always some room left.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from textwrap import wrap
from typing import Final

import attrs

from timebank.reports.papers import Note
from timebank.reports.text import width

#: Millimetres: what is printed on a page, between the margins. `data/paper.html.j2` has the same.
PAGE_MM: Final = 257
ROW_MM: Final = 8
FOOT_MM: Final = 10
TOP_MM: Final = 10
HEAD_MM: Final = 8
CARRIED_MM: Final = 6
SIGNATURE_MM: Final = 23
_SPARE_MM: Final = 5
#: What stands at the top of the first page: the association, the title, the facts.
_TITLE_MM: Final = 22
_FACT_MM: Final = 6
#: Of a paragraph: a line, the room around it, and letters on a line, the capitals of a wide font.
_LINE_MM: Final = 4.3
_ABOVE_MM: Final = 1.6
_HEADING_MM: Final = 9
_LETTERS: Final = 98
_CAPITAL: Final = 1.45
_WIDEST: Final = 1.95
_CODE_LETTERS: Final = 104
#: A longer paragraph is divided, so that each fits on a page.
_MOST_LETTERS: Final = 1_500


@attrs.frozen
class Row:
    """A row of the table: its cells, what it adds to the sums, and how it looks.

    `style` is empty, `sum` for a sum, or `heading` for a row of words.
    """

    cells: tuple[str, ...]
    adds: tuple[int, ...] = ()
    style: str = ""


@attrs.define
class Page:
    """A page: rows with the sums that are carried to it and from it, then notes.

    `heading` stands above its table; `signed` are the places for a signature.
    """

    number: int
    heading: str = ""
    rows: tuple[Row, ...] = ()
    carried: tuple[int, ...] | None = None
    to_carry: tuple[int, ...] | None = None
    notes: list[Note] = attrs.field(factory=list)
    signed: list[str] = attrs.field(factory=list)
    used_mm: float = 0

    @property
    def left_mm(self) -> float:
        """What is left of it."""
        return PAGE_MM - _SPARE_MM - self.used_mm


@attrs.frozen
class Sheet:
    """A table that begins on a page of its own, unless it is the first, under a heading."""

    rows: Sequence[Row]
    heading: str = ""
    signed: str = ""


def pages_of(
    sheets: Iterable[Sheet],
    notes: Sequence[Note],
    *,
    facts: int,
    signature: str,
    notes_first: bool = False,
) -> list[Page]:
    """Return the pages of a paper: its tables, then its notes with a place for a signature.

    `facts` is how many there are at the top of the first page. With `notes_first` they stand on the
    first pages, and each table on pages of its own.

    >>> from timebank.reports.pages import Row, Sheet, pages_of
    >>> rows = [Row(("m1",), (3600,))] * 60
    >>> made = pages_of([Sheet(rows)], [], facts=4, signature="signed")
    >>> [(page.number, len(page.rows), page.carried, page.to_carry) for page in made]
    [(1, 22, None, (79200,)), (2, 26, (79200,), (172800,)), (3, 12, (172800,), None)]
    """
    first = Page(1, used_mm=FOOT_MM + _TITLE_MM + _FACT_MM * facts)
    pages = [first]
    if notes_first:
        _write(pages, notes, signature)
    for number, sheet in enumerate(sheets):
        if number or notes_first:
            pages.append(_next(pages))
        _tabulate(pages, sheet)
    if not notes_first:
        _write(pages, notes, signature)
    return pages


def _next(pages: Sequence[Page]) -> Page:
    return Page(len(pages) + 1, used_mm=FOOT_MM + TOP_MM)


def _tabulate(pages: list[Page], sheet: Sheet) -> None:
    """Put the rows of a table on the last page, and on as many more as it needs."""
    rows, place, sums = list(sheet.rows), 0, None
    while place < len(rows) or not place:
        page = pages[-1]
        page.heading = sheet.heading
        page.used_mm += HEAD_MM + (_HEADING_MM if sheet.heading else 0)
        if sums is not None:
            page.carried = sums
            page.used_mm += CARRIED_MM
        fitting = _fitting(page, rows, place)
        page.rows = tuple(rows[place : place + fitting])
        page.used_mm += ROW_MM * len(page.rows)
        place += fitting
        sums = _added(sums, page.rows)
        if place >= len(rows):
            break
        if any(row.style == "sum" for row in page.rows):
            sums = None  # what follows a total is no part of it
        page.to_carry = sums
        page.used_mm += CARRIED_MM
        pages.append(_next(pages))
    if sheet.signed:
        if pages[-1].left_mm < SIGNATURE_MM:
            pages.append(_next(pages))
            pages[-1].heading = sheet.heading
        pages[-1].signed.append(sheet.signed)
        pages[-1].used_mm += SIGNATURE_MM


def _fitting(page: Page, rows: Sequence[Row], place: int) -> int:
    """Return how many rows a page takes: a total is not alone on the next, nor a heading last."""
    fitting = max(int((page.left_mm - CARRIED_MM) // ROW_MM), 1)
    left = len(rows) - place
    leaves_total = left == fitting + 1 and rows[-1].style == "sum"
    ends_in_heading = left > fitting and rows[place + fitting - 1].style == "heading"
    return fitting - 1 if fitting > 1 and (leaves_total or ends_in_heading) else fitting


def _added(sums: tuple[int, ...] | None, rows: Iterable[Row]) -> tuple[int, ...] | None:
    adds = [row.adds for row in rows if row.adds]
    if not adds:
        return sums
    return tuple(map(sum, zip(*([] if sums is None else [sums]), *adds, strict=True)))


def _write(pages: list[Page], notes: Sequence[Note], signature: str) -> None:
    """Put notes below what is there, and a place for a signature at their end.

    What stays with the next is on the page of that; the last one stays with the signature.
    """
    kept = 0.0
    waiting: list[Note] = []
    for note in _divided(notes):
        waiting.append(note)
        kept += height_of(note)
        if not note.stays:
            _put(pages, waiting, kept)
            waiting, kept = [], 0.0
    _put(pages, waiting, kept + SIGNATURE_MM)
    pages[-1].signed.append(signature)


def _put(pages: list[Page], notes: Iterable[Note], needs: float) -> None:
    if pages[-1].left_mm < needs:
        pages.append(_next(pages))
    pages[-1].notes += notes
    pages[-1].used_mm += needs


def _divided(notes: Iterable[Note]) -> Iterator[Note]:
    for note in notes:
        parts = wrap(note.text, _MOST_LETTERS, break_on_hyphens=False) or [note.text]
        yield from (attrs.evolve(note, text=part) for part in parts)


def height_of(note: Note) -> float:
    """Return how many millimetres a note needs at most."""
    if note.is_heading:
        return _HEADING_MM
    lines = len(note.text) // _CODE_LETTERS if note.is_code else int(letters(note.text) / _LETTERS)
    return _LINE_MM * (lines + 1) + _ABOVE_MM


def letters(text: str) -> float:
    """Return how many small letters a text is as wide as.

    >>> from timebank.reports.pages import letters
    >>> letters("aa"), letters("AA")
    (2, 2.9)
    """
    return width(text) + sum(
        (_WIDEST if letter in "MW" else _CAPITAL) - 1 for letter in text if letter.isupper()
    )
