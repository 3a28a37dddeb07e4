"""Show a paper as one HTML file that needs nothing else: pages of A4 that we number ourselves."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib.resources import files
from operator import getitem
from typing import TYPE_CHECKING, Final

import attrs

from timebank.errors import StoreError
from timebank.model import Head
from timebank.reports.pages import Page, letters
from timebank.reports.text import fit, harmless, width
from timebank.reports.words import Words

if TYPE_CHECKING:
    from markupsafe import Markup

#: Letters of the usual and of the small size that are on a millimetre, of a wide font.
_LETTERS_MM: Final = 0.58
_SMALL_MM: Final = 0.76
#: Lines of each size that are in a row.
_LINES: Final = 2
_SMALL_LINES: Final = 3
#: The part of a line that is full: words are not cut where it ends.
_FULL: Final = 0.8
#: Millimetres of a digit, and of what stands between digits, in the bold letters of a wide font.
_DIGIT_MM: Final = 2.1
_MARK_MM: Final = 1.3
_DIGITS: Final = 16


@attrs.frozen
class PaperColumn:
    """A column of a paper: its title, its width in millimetres; figures stand on the right."""

    title: str
    wide: int
    right: bool = False

    def letters(self, *, small: bool) -> int:
        """Return how many letters surely fit into a cell."""
        wide = self.wide - 2
        on_a_line = wide * (_SMALL_MM if small else _LETTERS_MM)
        return int(on_a_line * (_SMALL_LINES if small else _LINES) * _FULL)


def is_small(cell: str, column: PaperColumn) -> bool:
    """Return whether a text needs the small size; a figure does where it is no single line."""
    if column.right:
        digits = sum(map(str.isdigit, cell))
        return _DIGIT_MM * digits + _MARK_MM * (len(cell) - digits) > column.wide - 2
    return letters(cell) > column.letters(small=False)


def fitted(cell: str, column: PaperColumn) -> str:
    """Return a text as it fits into a cell: one that is too long even in small ends in `…`.

    Of a figure nothing is left out: it would be another one.
    """
    if column.right:
        return cell
    wide, most = letters(cell), column.letters(small=True)
    if wide <= most:
        return cell
    return fit(cell, int(most * width(cell) / wide))


class _Column(dict[str, str]):
    """The cells of a column as HTML: each text is written once, however many rows have it."""

    def __init__(self, column: PaperColumn, markup: type[Markup]) -> None:
        super().__init__()
        self._column, self._markup = column, markup

    def __missing__(self, cell: str) -> str:
        """Write a cell."""
        kind = "figure" * self._column.right + " small" * is_small(cell, self._column)
        text = self._markup.escape(fitted(cell, self._column))
        found = self[cell] = f'<td class="{kind}"><div>{text}</div></td>'
        return found


class _Cells:
    """Writes the cells of a row."""

    def __init__(self, columns: Sequence[PaperColumn], markup: type[Markup]) -> None:
        self._columns = [_Column(column, markup) for column in columns]
        self._markup = markup

    def __call__(self, cells: Sequence[str]) -> Markup:
        """Return the cells as HTML."""
        return self._markup("".join(map(getitem, self._columns, cells)))


def paper_html(
    pages: Sequence[Page],
    columns: Sequence[PaperColumn],
    words: Words,
    *,
    title: str,
    association: str | None,
    facts: Sequence[tuple[str, str]],
    head: Head,
    sums: Callable[[str, tuple[int, ...]], Sequence[str]],
) -> str:
    """Return pages as the text of an HTML file.

    `facts` stand at the top of the first page, `sums` makes the cells of a row of what is carried.

    :raises StoreError: the extra `timebank[report]` is not installed.
    """
    try:
        from jinja2 import Environment, StrictUndefined
        from markupsafe import Markup
    except ImportError as error:  # pragma: no cover - it is installed for the tests
        msg = "a paper as HTML needs timebank[report]: pip install 'timebank[report]'"
        raise StoreError(msg) from error
    source = files("timebank").joinpath("data/paper.html.j2").read_text("utf-8")
    template = Environment(autoescape=True, undefined=StrictUndefined).from_string(source)
    place = words("at_record", sequence=words.number(head.sequence))
    return template.render(
        language=words.language,
        words=words,
        pages=pages,
        columns=columns,
        title=title,
        association=harmless(association or ""),
        facts=facts,
        made_from=f"{place} · {head.digest.hex()[:_DIGITS]}…",
        has_rows=any(page.rows for page in pages),
        sums=sums,
        cells_of=_Cells(columns, Markup),
    )
