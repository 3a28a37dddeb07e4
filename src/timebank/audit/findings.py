"""Checks by name, findings and notes, and the collector that an audit puts them into."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

import attrs

from timebank.errors import shown
from timebank.hours import Hours
from timebank.model import MAX_INTEGER

#: Findings that are kept for one check; a last one then says how many more there are.
MOST_FINDINGS: Final = 100

#: Advice that several checks give.
RESTORE: Final = (
    "Keep this copy, restore the last backup, and compare its head with a head that was published."
)
ASK: Final = "Find out who wrote it; mend it by a reversal, or an entry that both sides agree on."


@attrs.frozen
class Check:
    """One invariant: what it promises, and what a treasurer can do where it is broken."""

    name: str
    promise: str
    advice: str


@attrs.frozen
class Finding:
    """One thing that is wrong: which check, where, what was expected, what was found."""

    check: str
    place: str
    expected: str
    found: str
    advice: str


@attrs.frozen
class Note:
    """Something that is as the rules allow, and that somebody should see: where, and what."""

    place: str
    text: str


class Findings:
    """Collects findings, at most so many of each check: a damaged journal is no reason to grow."""

    def __init__(self, checks: Sequence[Check]) -> None:
        self._advice = {check.name: check.advice for check in checks}
        self._kept: dict[str, list[Finding]] = {}
        self._more: dict[str, int] = {}
        self._notes: list[Note] = []
        self._more_notes = 0

    def add(self, check: str, place: str, *, expected: str, found: str) -> None:
        """Keep a finding, or count it."""
        kept = self._kept.setdefault(check, [])
        if len(kept) < MOST_FINDINGS:
            kept.append(Finding(check, place, expected, found, self._advice.get(check, RESTORE)))
        else:
            self._more[check] = self._more.get(check, 0) + 1

    def note(self, place: str, text: str) -> None:
        """Keep a note, or count it."""
        if len(self._notes) < MOST_FINDINGS:
            self._notes.append(Note(place, text))
        else:
            self._more_notes += 1

    def kept_notes(self) -> tuple[tuple[Note, ...], int]:
        """Return the notes that are kept, and how many more there are."""
        return tuple(self._notes), self._more_notes

    def add_notes(self, notes: Iterable[Note], more: int) -> None:
        """Add the notes that another audit kept, and the number that it only counted."""
        for note in notes:
            self.note(note.place, note.text)
        self._more_notes += more

    def notes(self) -> tuple[Note, ...]:
        """Return the notes in the order of the journal; a last one says how many more there are."""
        more = [Note("elsewhere", f"{self._more_notes} more")] if self._more_notes else []
        return (*self._notes, *more)

    def count(self, check: str) -> int:
        """Return how many findings of one check there are so far."""
        return len(self._kept.get(check, ())) + self._more.get(check, 0)

    def all(self) -> tuple[Finding, ...]:
        """Return the findings in the order of the checks; those that a store named come last."""
        order = [*self._advice, *(name for name in self._kept if name not in self._advice)]
        found: list[Finding] = []
        for name in order:
            found += self._kept.get(name, ())
            if more := self._more.get(name):
                advice = self._advice.get(name, RESTORE)
                found.append(Finding(name, "elsewhere", "no finding", f"{more} more", advice))
        return tuple(found)


def quantity(seconds: object) -> str:
    """Return seconds as hours, for people; anything that is no such number as it is."""
    if type(seconds) is int and abs(seconds) <= MAX_INTEGER:
        return str(Hours.from_seconds(seconds))
    return shown(seconds)
