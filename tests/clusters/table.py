"""The table of a run: a line for each fault, and one for all."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import attrs

COLUMNS: Final = (
    *("fault", "seed", "acknowledged", "refused", "unavailable", "unknown"),
    *("done", "not done", "lost", "declared", "doubled", "longest call s", "recovered s", "audit"),
)


@attrs.frozen
class Row:
    """What clients were told from one fault to the next, and what became of it.

    `done` and `not_done` are how the unknown outcomes ended; `recovered` the longest time without
    an acknowledged write to one bank; `audit` findings, `None` where only the end of a chapter is
    audited.
    """

    fault: str
    seed: int
    acknowledged: int = 0
    refused: int = 0
    unavailable: int = 0
    unknown: int = 0
    done: int = 0
    not_done: int = 0
    lost: int = 0
    declared: int = 0
    doubled: int = 0
    longest: float = 0.0
    recovered: float = 0.0
    audit: int | None = None

    def cells(self) -> list[str]:
        """Return it as text."""
        audit = "" if self.audit is None else "well" if not self.audit else f"{self.audit} findings"
        numbers = attrs.astuple(self)[1:11]
        return [
            self.fault,
            *map(str, numbers),
            f"{self.longest:.1f}",
            f"{self.recovered:.1f}",
            audit,
        ]


def total(rows: Sequence[Row], name: str) -> Row:
    """Return the line for all.

    >>> total([Row("kill", 1, acknowledged=2, longest=3.5), Row("stop", 1, acknowledged=5)], "all")
    ... # doctest: +ELLIPSIS
    Row(fault='all', seed=1, acknowledged=7, ..., longest=3.5, ...)
    """
    names = [field.name for field in attrs.fields(Row)]
    counts = {name: sum(getattr(row, name) for row in rows) for name in names[2:11]}
    audits = [row.audit for row in rows if row.audit is not None]
    return Row(
        name,
        rows[0].seed if rows else 0,
        **counts,
        longest=max((row.longest for row in rows), default=0.0),
        recovered=max((row.recovered for row in rows), default=0.0),
        audit=sum(audits) if audits else None,
    )


def render(rows: Sequence[Row]) -> str:
    """Return the lines of a table in Markdown, for a terminal as for a note."""
    lines = [list(COLUMNS), *(row.cells() for row in rows)]
    widths = [max(len(line[at]) for line in lines) for at in range(len(COLUMNS))]
    head, *body = (_line(line, widths) for line in lines)
    rule = "|" + "|".join("-" * (width + 2) for width in widths) + "|"
    return "\n".join((head, rule, *body))


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    texts = [
        cell.ljust(width) if not at else cell.rjust(width)
        for at, (cell, width) in enumerate(zip(cells, widths, strict=True))
    ]
    return f"| {' | '.join(texts)} |"
