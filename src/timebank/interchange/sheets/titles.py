"""Compare the names of columns as people write them, and say which ones a file has."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches
from typing import Final
from unicodedata import normalize

from timebank.errors import shown
from timebank.interchange.sheets.encodings import better
from timebank.model.alike import folded_name

#: Columns that a message shows.
MOST_SHOWN: Final = 20


def folded_title(name: str) -> str:
    """Return what is compared of a column's name: trimmed, composed, without regard to case.

    >>> from timebank.interchange.sheets.titles import folded_title
    >>> folded_title("  Chi  DA\u0300 ") == folded_title("Chi d\u00e0")
    True
    """
    return " ".join(normalize("NFC", name).casefold().split())


def titles_of(columns: Sequence[str]) -> tuple[str, ...]:
    """Return the names of the columns in a row; empty cells at its end are no columns."""
    names = [cell.strip() for cell in columns]
    while names and not names[-1]:
        names.pop()
    return tuple(names)


def did_you_mean(name: str, names: Sequence[str]) -> str:
    """Return a question that names the column which is nearly called so, or nothing.

    >>> from timebank.interchange.sheets.titles import did_you_mean
    >>> did_you_mean("Ore", ["Data", "Ora"])
    "did you mean 'Ora'? "
    """
    near = nearest_title(name, names)
    return f"did you mean {shown(near)}? " if near is not None else ""


def nearest_title(name: str, names: Sequence[str]) -> str | None:
    """Return the column that is nearly called so, if there is one."""
    by_title = {folded_name(one): one for one in names}
    near = get_close_matches(folded_name(name), by_title, 1)
    return by_title[near[0]] if near else None


def what_it_has(names: Sequence[str | int]) -> str:
    """Return what columns there are. One alone may be several that were not divided."""
    if not any(names):
        return "it is empty"
    has = f"it has {', '.join(shown(name) for name in names[:MOST_SHOWN])}"
    more = f" and {len(names) - MOST_SHOWN} more" if len(names) > MOST_SHOWN else ""
    is_undivided = len(names) == 1 and {";", ",", "\t"} & {*str(names[0])}
    text = f"{has}{more}{': what is the delimiter?' if is_undivided else ''}"
    encoding = encoding_meant(names)
    return f"{text}; the file may be in the encoding {encoding}" if encoding else text


def encoding_meant(names: Sequence[str | int]) -> str | None:
    """Return the encoding that would do, where names of columns have bytes that are no letters."""
    return next((found for name in names if (found := _better(str(name)))), None)


def _better(name: str) -> str | None:
    is_whole = name.isascii() or not any("\udc80" <= one <= "\udcff" for one in name)
    return None if is_whole else better(name)
