"""Text that stands in a table: harmless on a terminal, as wide as it looks, cut where too long."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final
from unicodedata import category, east_asian_width

_JOINER: Final = "\u200d"
_EMOJI_STYLE: Final = "\ufe0f"
_SKIN_TONES: Final = range(0x1F3FB, 0x1F400)
_BLANK: Final = frozenset("\t\n\r\v\f\x1c\x1d\x1e\x1f\x85")
_UNKNOWN: Final = "\ufffd"


def harmless(text: str) -> str:
    r"""The text on one line, unable to steer a terminal or to turn its neighbours round.

    Line breaks and tabs become blanks; other control characters become their picture,
    or `\ufffd` where they have none, as do lone surrogates and marks of direction.

    >>> from timebank.reports.cells import harmless
    >>> harmless("due\nrighe \x1b[31m")
    'due righe ␛[31m'
    """
    if text.isprintable():
        return text
    return "".join(map(_harmless_character, text)).strip()


def _harmless_character(character: str) -> str:
    if character in _BLANK:
        return " "
    code, kind = ord(character), category(character)
    if kind in {"Zl", "Zp", "Zs"}:
        return " "
    if kind == "Cc":
        if code == 0x7F:  # noqa: PLR2004  # DELETE has its picture apart from the others
            return "\u2421"
        return chr(0x2400 + code) if code < ord(" ") else _UNKNOWN
    if kind in {"Cs", "Cf"} and character not in {_JOINER, "\u200c"}:
        return _UNKNOWN
    return character


def width(text: str) -> int:
    """How many columns a terminal gives to the text.

    >>> from timebank.reports.cells import width
    >>> width("è"), width("時間"), width("👩‍🌾")
    (1, 4, 2)
    """
    if text.isascii():
        return len(text)
    return sum(columns for _, columns in _measured(text))


def _measured(text: str) -> Iterator[tuple[str, int]]:
    """Each character with the columns that it adds to those before it."""
    before, columns_before = "", 0
    for character in text:
        if before == _JOINER or category(character) in {"Mn", "Me", "Cf"}:
            columns = 0
            if character == _EMOJI_STYLE and columns_before == 1:
                columns = 1
        elif ord(character) in _SKIN_TONES and columns_before:
            columns = 0
        else:
            columns = 2 if east_asian_width(character) in "WF" else 1
        yield character, columns
        before = character
        columns_before = columns or columns_before


def fit(text: str, columns: int) -> str:
    """The text in at most so many columns, its end replaced by `…` where it is longer.

    >>> from timebank.reports.cells import fit
    >>> fit("accompanied to the clinic", 12)
    'accompanied…'
    """
    if width(text) <= columns:
        return text
    kept, used = "", 0
    for character, more in _measured(text):
        used += more
        if used > columns - 1:
            break
        kept += character
    return f"{kept.rstrip(_JOINER + ' ')}…" if columns > 0 else ""


def pad(text: str, columns: int, *, right: bool = False) -> str:
    """The text filled with blanks to so many columns, on its left if `right`."""
    blanks = " " * (columns - width(text))
    return f"{blanks}{text}" if right else f"{text}{blanks}"
