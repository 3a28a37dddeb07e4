"""Find out what stands between the columns of a CSV, and what ends its lines, by its beginning."""

from __future__ import annotations

import csv
import re
from collections import Counter
from typing import Final

#: What is looked for between columns, the likeliest first.
DELIMITERS: Final = ("\t", ";", ",", "|")
_SEPARATOR: Final = re.compile(r'"?sep=(.)"?[;,\t]*(?:\r\n|\r|\n|$)', re.IGNORECASE)
_QUOTED: Final = re.compile(r'"[^"]*"')
#: Rows that are looked at.
_MOST_ROWS: Final = 200


def separator_named(text: str) -> str | None:
    r"""Return what a first line `sep=;` names, as spreadsheets write and read it, or `None`.

    >>> from timebank.interchange.sheets.dialects import separator_named
    >>> separator_named("sep=;\r\nDay;Hours\r\n")
    ';'
    """
    found = _SEPARATOR.match(text)
    return found[1] if found else None


def line_end(text: str, *, quotes: bool = True) -> str:
    r"""Return what ends the lines of a text: a line feed, or the carriage return of old Macs.

    >>> from timebank.interchange.sheets.dialects import line_end
    >>> line_end("a;b\r\n"), line_end('a;"two\nlines"\rc;d\r')
    ('\n', '\r')
    """
    bare = _QUOTED.sub("", text) if quotes else text
    if "\r" not in bare:
        return "\n"
    return "\n" if bare.count("\n") * 2 >= bare.count("\r") else "\r"


def delimiters(text: str, *, quotes: bool = True, escape: str | None = None) -> tuple[str, ...]:
    r"""Return what may stand between the columns of a text, the likeliest first.

    It is what divides most rows into the same number of cells.

    >>> from timebank.interchange.sheets.dialects import delimiters
    >>> delimiters("Day;Hours;What\n2/3;1,5;bread, milk\n4/3;2;\n")[0]
    ';'
    """
    lines = text.splitlines(keepends=True)
    scores = {one: _score(lines, one, quotes=quotes, escape=escape) for one in DELIMITERS}
    ranked = sorted(DELIMITERS, key=lambda one: scores[one], reverse=True)
    return (
        tuple(ranked)
        if any(share for share, _ in scores.values())
        else (",", *(d for d in ranked if d != ","))
    )


def _score(
    lines: list[str], delimiter: str, *, quotes: bool, escape: str | None
) -> tuple[float, int]:
    """Return the share of rows that have the commonest number of cells, and that number."""
    widths: Counter[int] = Counter()
    reader = csv.reader(
        lines,
        delimiter=delimiter,
        quoting=csv.QUOTE_MINIMAL if quotes else csv.QUOTE_NONE,
        escapechar=escape,
    )
    try:
        for row in reader:
            if any(cell.strip() for cell in row):
                widths[len(row)] += 1
            if widths.total() >= _MOST_ROWS:
                break
    except csv.Error:
        pass  # what was read until then tells enough
    shared = [(count, width) for width, count in widths.items() if width > 1]
    if not shared:
        return 0, 0
    count, width = max(shared)
    return count / widths.total(), width
