"""Lines of CSV in which a spreadsheet finds no formula, and of which it makes nothing else.

Every CSV that the library writes is written by `csv_line`: exports, the impact report and the
file of quarantined rows. A text that a spreadsheet would execute has a `'` before it; in what is
written for people so has a text that it would take for a number or a day, as the ids `007`, `1E5`
and `2-3`. That is a mark which spreadsheets show and keep, in whatever language they are, and
which our importers take away. The ways without a mark that is seen are worse: `="007"` is a
formula, and is lost where formulas are not evaluated; a tab or a blank that cannot be seen stays
in an id when it is copied. Cells of a quarantined row are to go back as they came: there only
formulas are marked.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable
from typing import Final
from unicodedata import category

from timebank.reports.text import harmless

#: A spreadsheet takes a cell for a formula that begins with one of these, full-width or not.
FORMULA_SIGNS: Final = frozenset("=+-@\t\r\n\uff1d\uff0b\uff0d\uff20")
#: Where a spreadsheet for which another sign parts columns finds the beginning of a cell, and a
#: formula in it. What begins with `+` or `-` does something only where it calls
#: (`+HYPERLINK(…)`) or asks another program (`-1|cmd!A0`).
_WITHIN: Final = re.compile(
    "(?<=[,;|\t\r\n])(?=[ '\"]*(?:[=@\uff1d\uff20]|[+\uff0b\uff0d-][^,;|\t\r\n]*[(!|]))"
)
_MARK_WITHIN: Final = re.compile(_WITHIN.pattern.replace("(?=", "'(?=", 1))
#: As many digits a spreadsheet shows as they are: of more it makes `1.23E+11`, and writes that.
_MOST_DIGITS: Final = 11
#: Control characters, marks of format, halves of characters, and breaks of lines and paragraphs.
_STEERING: Final = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
#: What a spreadsheet may leave out before it looks for a formula: blanks besides.
_UNSEEN: Final = _STEERING | {"Zs"}
_BREAK: Final = re.compile("\r\n|\r|\n")
_PLAIN: Final = re.compile(r"0|[1-9][0-9]*", re.ASCII)
#: Numbers, shares, amounts of money, fractions, days and times of the day, in any notation.
_LIKE_A_NUMBER: Final = re.compile(
    r"(?=.*\d)[\d\s.,:;/'\u2019+\u2212\u2010-\u2015()%\u2030$\u20ac\u00a3\u00a5-]+"
    r"(?:(?<=\d)e[+-]?\d+|\s[ap]|\s?[ap]\.?m\.?)?",
    re.IGNORECASE | re.DOTALL,
)
#: The months as spreadsheets know them in English, Italian, Spanish, French and German.
_MONTHS: Final = (
    "jan january janvier januar gen gennaio ene enero feb february febbraio febrero fev fév "
    "février februar mar march marzo mars mär märz apr april aprile abr abril avr avril may mag "
    "maggio mayo mai jun june giu giugno junio juin juni jul july lug luglio julio juil juillet "
    "juli aug august ago agosto aoû août sep sept september set settembre septiembre septembre "
    "oct october ott ottobre octubre octobre okt oktober nov november novembre noviembre dec "
    "december dic dicembre diciembre déc décembre dez dezember"
)
_LIKE_A_DAY: Final = re.compile(
    rf"(?=.*\d)\d{{0,4}}[\W_]{{0,3}}(?:{_MONTHS.replace(' ', '|')})"
    r"[\W_]{0,3}\d{0,4}(?:[\W_]+\d{1,4})?",
    re.IGNORECASE | re.DOTALL,
)
#: Longer texts are no numbers and no days to a spreadsheet; ids have at most 128 characters.
_LONGEST: Final = 256
#: What is true or false in these languages.
_TRUTHS: Final = frozenset(
    ("true", "false", "vero", "falso", "verdadero", "vrai", "faux", "wahr", "falsch")
)
#: `csv.writer` of Python 3.12 and older puts quotes only around the line breaks that it ends with.
_END: Final = "\r\n"


class Trusted(str):
    """A cell that the library made itself, such as `-1.5`: it is never marked."""

    __slots__ = ()


def guarded(cell: str, *, as_text: bool = False) -> str:
    """Return the cell with a `'` before it if a spreadsheet would execute it.

    So would one that takes a comma or a line break within the cell for the end of one: there is a
    mark behind it, where a formula follows. Blanks and signs that cannot be seen do not count.
    `as_text` is for what is to be shown as it stands: a number or a day in it is marked too, but
    for plain numbers of a few digits. One that has such a mark already is given another, so that
    `unguarded` gives the text back.

    >>> from timebank.reports.csv_lines import guarded, unguarded
    >>> guarded("=1+1"), guarded("bread"), guarded("007")
    ("'=1+1", 'bread', '007')
    >>> guarded("bread;=1+1"), unguarded("bread;'=1+1")
    ("bread;'=1+1", 'bread;=1+1')
    >>> guarded("007", as_text=True), guarded("208", as_text=True), guarded("2-3", as_text=True)
    ("'007", '208', "'2-3")
    >>> unguarded("'=1+1"), unguarded("'tis"), unguarded("'007", as_text=True)
    ('=1+1', "'tis", '007')
    """
    within = _WITHIN.sub("'", cell)
    return f"'{within}" if _is_marked(cell.lstrip("'"), as_text=as_text) else within


def unguarded(cell: str, *, as_text: bool = False) -> str:
    """Return the cell as it was before `guarded`, with the same `as_text`."""
    whole = _MARK_WITHIN.sub("", cell)
    is_marked = whole[:1] == "'" and _is_marked(whole.lstrip("'"), as_text=as_text)
    return whole[1:] if is_marked else whole


def _is_marked(text: str, *, as_text: bool) -> bool:
    for character in text:
        if character in FORMULA_SIGNS:
            return True
        if character != " " and category(character) not in _UNSEEN:
            break
    return as_text and is_made_something_of(text)


def is_made_something_of(text: str) -> bool:
    """Return whether a spreadsheet would take a text for a number, a day or a truth.

    >>> from timebank.reports.csv_lines import is_made_something_of
    >>> [text for text in ("1E5", "m1", "3 marzo", "VERO", "12") if is_made_something_of(text)]
    ['1E5', '3 marzo', 'VERO']
    """
    stripped = text.strip()
    if not stripped or len(stripped) > _LONGEST:
        return False
    if _PLAIN.fullmatch(text):
        return len(text) > _MOST_DIGITS
    if stripped.casefold() in _TRUTHS or stripped[0] == "#":
        return True
    return bool(_LIKE_A_NUMBER.fullmatch(stripped) or _LIKE_A_DAY.fullmatch(stripped))


def cell_of(text: str) -> str:
    r"""Return a text as a cell: marks that steer a terminal or turn text round are as shown there.

    Line breaks stay, as line feeds; a tab is a blank, for spreadsheets leave it out.

    >>> from timebank.reports.csv_lines import cell_of
    >>> cell_of("due\r\nrighe\t\x1b[31m \u202e")
    'due\nrighe ␛[31m \ufffd'
    """
    if text.isprintable():
        return text
    return "".join(
        (harmless(character) or " ")
        if character != "\n" and category(character) in _STEERING
        else character
        for line in _BREAK.split(text)
        for character in (*line, "\n")
    )[:-1]


def csv_line(cells: Iterable[str], *, delimiter: str = ",", as_text: bool = False) -> str:
    r"""Return one row as CSV, without a line break at its end. Cells are guarded, unless `Trusted`.

    A cell with a line break stands in quotes, whatever the version of Python. `as_text` is that of
    `guarded`.

    >>> from timebank.reports.csv_lines import Trusted, csv_line
    >>> csv_line(["m1", "=1+1", Trusted("-1.5"), "due\nrighe"])
    'm1,\'=1+1,-1.5,"due\nrighe"'
    """
    line = io.StringIO()
    csv.writer(line, delimiter=delimiter, lineterminator=_END).writerow(
        [cell if type(cell) is Trusted else guarded(cell, as_text=as_text) for cell in cells]
    )
    return line.getvalue()[: -len(_END)]
