"""A line of the results, and the table of all."""

from __future__ import annotations

import platform
import sqlite3
import statistics
from datetime import date
from pathlib import Path

import attrs

TITLES = ("work", "ours", "yardstick", "its time", "speed", "spread", "peak", "aim")
#: Columns of numbers, which stand at the right.
NUMBERS = frozenset({"ours", "its time", "speed", "spread", "peak", "aim"})
#: Keeps a number and its unit on one line.
SPACE = "\N{NO-BREAK SPACE}"


@attrs.frozen
class Line:
    """One piece of work: medians in seconds, and the spread of the middle half of ours."""

    work: str
    ours: float
    yardstick: str
    its: float | None
    spread: float

    @property
    def speed(self) -> float | None:
        """How many times as fast as the yardstick."""
        return None if self.its is None else self.its / self.ours


def line(work: str, mine: list[float], yardstick: str, its: list[float] | None) -> Line:
    """A line from the rounds of both. `its` is `None` where the yardstick is not installed."""
    middle = statistics.median(mine)
    quarters = statistics.quantiles(mine, n=4) if len(mine) > 1 else [middle] * 3
    spread = (quarters[2] - quarters[0]) / middle
    return Line(work, middle, yardstick, None if its is None else statistics.median(its), spread)


def shown(one: Line, peak: int | None = None, aim: float | None = None) -> list[str]:
    """The cells of a line. `peak` is that of the process that measured it, in megabytes.

    `aim` is the speed that is aimed at.
    """
    cells = [
        one.work,
        shown_time(one.ours),
        one.yardstick,
        "not installed" if one.its is None else shown_time(one.its),
        "" if one.speed is None else f"{one.speed:.2f}{SPACE}x",
        f"{one.spread:.0%}",
    ]
    if peak is None:
        return cells
    return [*cells, f"{peak}{SPACE}MB", "" if aim is None else f"{aim:.2f}{SPACE}x"]


def render(rows: list[list[str]]) -> str:
    """A table that reads well as text and as Markdown."""
    titles = list(TITLES[: len(rows[0])])
    return _table([titles, *rows], [title in NUMBERS for title in titles])


def grid(head: list[str], rows: list[list[str]], *, words: int = 1) -> str:
    """A table whose first columns are of words, and whose others are of numbers."""
    return _table([head, *rows], [number >= words for number in range(len(head))])


def _table(rows: list[list[str]], are_numbers: list[bool]) -> str:
    columns = []
    for (title, *cells), right in zip(zip(*rows, strict=True), are_numbers, strict=True):
        width = max(map(len, (title, *cells)))
        rule = "-" * (width - 1) + (":" if right else "-")
        put = str.rjust if right else str.ljust
        columns.append([put(title, width), rule, *(put(cell, width) for cell in cells)])
    return "\n".join(f"| {' | '.join(row)} |" for row in zip(*columns, strict=True))


def page_of(table: str, seconds: float | None = None, *, quick: bool = False) -> str:
    """A table, and when and on what it was measured; what is counted takes no time."""
    how = "Counted" if seconds is None else "Measured"
    how += " with small numbers, to try it," if quick else ""
    took = "" if seconds is None else f" in {seconds:.0f} seconds"
    day = date.today().isoformat()  # noqa: DTZ011  # a note for readers
    return (
        f"{table}\n\n{how} on {day}{took}, with Python {platform.python_version()}, "
        f"SQLite {sqlite3.sqlite_version}, {platform.machine()}, {platform.system()}."
    )


def write(path: Path, text: str, markers: tuple[str, str]) -> None:
    """Put the text into a page, between its markers."""
    begin, end = markers
    page = path.read_text(encoding="utf-8")
    if [1, 1] != [page.count(marker) for marker in markers]:
        msg = f"{path} has not {begin} and {end}, each once"
        raise ValueError(msg)
    head, _, rest = page.partition(begin)
    _, _, tail = rest.partition(end)
    path.write_text(f"{head}{begin}\n{text}\n{end}{tail}", encoding="utf-8")


def shown_time(seconds: float) -> str:
    """A time with its unit."""
    if seconds < 0.01:
        return f"{seconds * 1e6:,.1f}{SPACE}µs"
    return f"{seconds:,.2f}{SPACE}s"
