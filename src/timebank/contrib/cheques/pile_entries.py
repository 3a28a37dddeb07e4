"""Make of the lines of a pile what a bank is asked for: a number, who earns, hours, a day."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, time
from typing import Any

import attrs

from timebank.bank import TimeBank
from timebank.contrib.cheques import pile_columns as c
from timebank.contrib.cheques.pile_cells import (
    day_of,
    days_of,
    filled,
    hours_of,
    number_of,
    time_of,
)
from timebank.contrib.cheques.piles import Pile, PileLine
from timebank.errors import NotPermitted, shown
from timebank.hours import Hours
from timebank.interchange.csv.cells import label
from timebank.interchange.csv.days import Days
from timebank.interchange.engine.cells import CellFault, id_of
from timebank.interchange.engine.people import People, people_of
from timebank.model.cheques import Number
from timebank.reports.csv_lines import unguarded
from timebank.reports.told import Refused, told

#: The name under which accounts are looked up: none is ever opened.
_SOURCE = "pile"


@attrs.frozen(kw_only=True)
class Entry:
    """A line that was understood as far as it could be; `fault` is why not to its end."""

    line: PileLine
    number: Number | None = None
    earner: str | None = None
    hours: Hours | None = None
    day: date | None = None
    started_at: time | None = None
    ended_at: time | None = None
    category: str | None = None
    note: str | None = None
    fault: str | None = None

    @property
    def asked(self) -> dict[str, Any]:
        """What `enter` is given beside the number."""
        return {
            "earner": self.earner,
            "hours": self.hours,
            "occurred_on": self.day,
            "started_at": self.started_at,
            "ended_at": self.ended_at,
            "category": self.category,
            "note": self.note,
        }


def entries_of(bank: TimeBank, pile: Pile) -> list[Entry]:
    """Return the lines of a pile as a bank understands them: earners by their ids or names.

    Of a number that stands on several lines with the same values the first counts; where the
    values differ, none does, for nobody knows which line is right.
    """
    reading = _Reading(pile, people_of(bank, _SOURCE))
    entries = [reading.entry(line) for line in pile.lines]
    by_number: dict[Number, list[Entry]] = {}
    for entry in entries:
        if entry.number is not None:
            by_number.setdefault(entry.number, []).append(entry)
    return [_without_rival(entry, by_number) for entry in entries]


def _without_rival(entry: Entry, by_number: Mapping[Number, list[Entry]]) -> Entry:
    """Return an entry, with a fault where another line says something else of its number."""
    if entry.number is None or entry.fault is not None:
        return entry
    for other in by_number[entry.number]:
        if (other.fault, other.asked) != (None, entry.asked):
            return attrs.evolve(entry, fault=told("cheque_twice", line=other.line.line))
    return entry


class _Reading:
    """Reads the lines of one pile."""

    def __init__(self, pile: Pile, people: People) -> None:
        self._pile, self._people = pile, people
        cells = tuple(one.values.get(c.DAY, "") for one in pile.lines)
        self._days: Days = days_of(cells, pile.language)

    def entry(self, line: PileLine) -> Entry:
        """Return a line as far as it can be understood."""
        if line.fault is not None:
            return Entry(line=line, fault=line.fault)
        found: dict[str, Any] = {"fault": None}
        for name, read in self._parts(line.values).items():
            try:
                found[name] = read()
            except CellFault as fault:
                found["fault"] = found["fault"] or _reason(fault)
        return Entry(line=line, **found)

    def _parts(self, values: Mapping[str, str]) -> dict[str, Any]:
        """Return a function for each part of an entry, in the order in which faults are told."""
        heading = self._pile.heading
        return {
            "number": lambda: number_of(
                filled(values, c.NUMBER, heading(c.NUMBER)), heading(c.NUMBER)
            ),
            "earner": lambda: self._earner(filled(values, c.EARNER, heading(c.EARNER))),
            "hours": lambda: hours_of(filled(values, c.HOURS, heading(c.HOURS)), heading(c.HOURS)),
            "day": lambda: day_of(values.get(c.DAY, ""), self._days, heading(c.DAY)),
            "started_at": lambda: time_of(values.get(c.FROM, ""), heading(c.FROM)),
            "ended_at": lambda: time_of(values.get(c.TO, ""), heading(c.TO)),
            "category": lambda: _category(values),
            "note": lambda: _note(values),
        }

    def _earner(self, text: str) -> str:
        said, column = unguarded(text, as_text=True), self._pile.heading(c.EARNER)
        try:
            return self._people.id_of(said, column)
        except NotPermitted:  # who may not list the accounts names one by its id
            return id_of(said, column)


def _reason(fault: CellFault) -> str:
    reason = fault.reason
    if isinstance(reason, Refused):  # a sentence, which says what was written
        return reason
    if fault.value.strip():
        reason = told("cell", value=shown(fault.value), reason=reason)
    return told("of_column", column=fault.column, reason=reason)


def _category(values: Mapping[str, str]) -> str | None:
    """Return the kind of service: where there are both, the activity stands in the note."""
    return label(unguarded(values.get(c.CATEGORY) or values.get(c.ACTIVITY, ""))) or None


def _note(values: Mapping[str, str]) -> str | None:
    both = values.get(c.CATEGORY) and values.get(c.ACTIVITY)
    parts = [values.get(c.ACTIVITY, "") if both else "", values.get(c.NOTE, "")]
    return "; ".join(unguarded(part) for part in parts if part) or None
