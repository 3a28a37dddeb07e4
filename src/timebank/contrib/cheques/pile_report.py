"""Say what becomes of a pile, line by line; as JSON, too."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from functools import cached_property
from typing import Final

import attrs

from timebank.hours import Hours
from timebank.model import Flag
from timebank.queries import json_shapes

#: What becomes of a line: it is booked, or was entered before, stands on an earlier line, or not.
BOOKED: Final = "booked"
THERE: Final = "there"
SAME: Final = "same"
REFUSED: Final = "refused"


@attrs.frozen(kw_only=True)
class LineReport:
    """What becomes of one line. `number` is the cheque's, or what was written in its place.

    `outcome` is `booked`; `there` where it was entered before, on `entered_on`, perhaps with
    another description (`differs`), and all of it reversed since (`is_reversed`); `same` where the
    line stands on an earlier one (`of_line`) already; or `refused`, and `reason` says why: a text
    that `reports.told.in_words` says in each language. `flags` are the rules that it breaks and
    that the statute only flags. `cells` is the line as it stood.
    """

    line: int
    number: str
    outcome: str
    day: date | None = None
    spender: str | None = None
    earner: str | None = None
    hours: Hours | None = None
    entered_on: date | None = None
    differs: bool = False
    is_reversed: bool = False
    of_line: int | None = None
    reason: str | None = None
    flags: tuple[Flag, ...] = ()
    cells: tuple[str, ...] = ()


@attrs.frozen(kw_only=True)
class PileReport:
    """What becomes of a pile, line by line, and whether it was `done`.

    `done` is false for a preview, and for a pile that was not booked because a line was refused.
    `names` are those of the accounts, as far as they may be seen, and `unread` the headings of
    columns of the sheet that were not read. Where the sheet `has_headings` not, its columns were
    read in their usual order.
    """

    name: str
    lines: tuple[LineReport, ...]
    done: bool
    names: Mapping[str, str] = attrs.field(hash=False, factory=dict)
    unread: tuple[str, ...] = ()
    has_headings: bool = True

    def count(self, outcome: str) -> int:
        """Return how many lines have an outcome: `booked`, `there`, `same` or `refused`."""
        return sum(one.outcome == outcome for one in self.lines)

    @property
    def ok(self) -> bool:
        """Whether no line is refused."""
        return not self.refused

    @cached_property
    def refused(self) -> tuple[LineReport, ...]:
        """The lines that are refused."""
        return tuple(one for one in self.lines if one.outcome == REFUSED)

    @property
    def hours(self) -> Hours:
        """The hours of the lines that are booked, or would be."""
        booked = (one.hours for one in self.lines if one.outcome == BOOKED)
        return Hours.from_seconds(sum(hours.seconds for hours in booked if hours is not None))


@json_shapes.of.register
def pile_report(report: PileReport) -> json_shapes.Shape:
    """Return what becomes of a pile as plain dictionaries: see `timebank.reports.json`.

    >>> from timebank import reports
    >>> from timebank.contrib.cheques.pile_report import PileReport
    >>> reports.json.of(PileReport(name="march.csv", lines=(), done=False))["done"]
    False
    """
    return {
        "name": report.name,
        "ok": report.ok,
        "done": report.done,
        "booked": report.count(BOOKED),
        "there": report.count(THERE),
        "same": report.count(SAME),
        "refused": report.count(REFUSED),
        "hours": str(report.hours),
        "has_headings": report.has_headings,
        "unread": list(report.unread),
        "lines": [_line(one) for one in report.lines],
    }


def _line(one: LineReport) -> json_shapes.Shape:
    return {
        "line": one.line,
        "number": one.number,
        "outcome": one.outcome,
        "day": None if one.day is None else one.day.isoformat(),
        "spender": one.spender,
        "earner": one.earner,
        "hours": json_shapes.hours(one.hours),
        "entered_on": None if one.entered_on is None else one.entered_on.isoformat(),
        "differs": one.differs,
        "is_reversed": one.is_reversed,
        "of_line": one.of_line,
        "reason": None if one.reason is None else str(one.reason),
        "flags": json_shapes.flags(one.flags),
    }
