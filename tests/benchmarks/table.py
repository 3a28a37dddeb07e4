"""A line of the results, and the table of all."""

from __future__ import annotations

import statistics

import attrs

TITLES = ("work", "ours", "yardstick", "its time", "speed", "spread", "peak")


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


def shown(one: Line, peak: int) -> list[str]:
    """The cells of a line. `peak` is that of the process that measured it, in megabytes."""
    return [
        one.work,
        _time(one.ours),
        one.yardstick,
        "not installed" if one.its is None else _time(one.its),
        "" if one.speed is None else f"{one.speed:.2f} x",
        f"{one.spread:.0%}",
        f"{peak} MB",
    ]


def render(rows: list[list[str]]) -> str:
    """A table that reads well as text and as Markdown."""
    table = [list(TITLES), *rows]
    widths = [max(len(row[column]) for row in table) for column in range(len(TITLES))]
    rule = ["-" * width for width in widths]
    return "\n".join(
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |"
        for row in (table[0], rule, *table[1:])
    )


def _time(seconds: float) -> str:
    if seconds < 0.01:
        return f"{seconds * 1e6:,.1f} µs"
    return f"{seconds:,.2f} s"
