"""Checks by name, findings and notes, and the collector that an audit puts them into."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final, Literal

import attrs

from timebank.errors import shown
from timebank.hours import Hours
from timebank.model import MAX_INTEGER
from timebank.model.said import said, told

#: Findings that are kept for one check; a last one then says how many more there are.
MOST_FINDINGS: Final = 100

#: Advice that several checks give, by its key in the catalogue.
RESTORE: Final = "advice_restore"
#: Of what follows from the journal, where the journal has findings of its own.
JOURNAL_FIRST: Final = "advice_journal_first"
#: The same, where an audit did not read the whole journal.
ALL_FIRST: Final = "advice_all_first"
ASK: Final = "advice_ask"


@attrs.frozen
class Check:
    """One invariant: what it promises, and what a treasurer can do where it is broken.

    `about` says what fails: the journal itself, the storage, the texts beside the journal, or the
    rows that follow from it. Where the journal fails the advice on the rows is to leave them alone.
    The advice is given by its key in the catalogue, or as free text.
    """

    name: str
    promise: str
    _advice: str
    about: Literal["journal", "storage", "texts", "rows"] = "journal"

    @property
    def advice(self) -> str:
        """Return what a treasurer can do, in English."""
        return told(self._advice)


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
    """Collects findings, at most so many of each check: a damaged journal is no reason to grow.

    An audit that reads only the new records, or sums, cannot tell whether the journal is well.
    """

    def __init__(
        self, checks: Sequence[Check], *, reads: Literal["all", "new", "sums"] = "all"
    ) -> None:
        self._checks = {check.name: check for check in checks}
        self._reads: Literal["all", "new", "sums"] = reads
        self._kept: dict[str, list[Finding]] = {}
        self._more: dict[str, int] = {}
        self._notes: list[Note] = []
        self._more_notes = 0

    def emptied(self) -> Findings:
        """Return another for the same checks, with nothing in it."""
        return Findings([*self._checks.values()], reads=self._reads)

    def add(self, check: str, place: str, *, expected: str, found: str) -> None:
        """Keep a finding, or count it."""
        kept = self._kept.setdefault(check, [])
        if len(kept) < MOST_FINDINGS:
            kept.append(Finding(check, place, expected, found, advice=""))  # known at the end
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
        more = (
            [Note(said("elsewhere"), said("more", more=self._more_notes))]
            if self._more_notes
            else []
        )
        return (*self._notes, *more)

    def count(self, check: str) -> int:
        """Return how many findings of one check there are so far."""
        return len(self._kept.get(check, ())) + self._more.get(check, 0)

    def all(self) -> tuple[Finding, ...]:
        """Return the findings in the order of the checks; those that a store named come last."""
        order = [*self._checks, *(name for name in self._kept if name not in self._checks)]
        found: list[Finding] = []
        for name in order:
            if name not in self._kept:
                continue
            advice = self._advice(name)
            found += [attrs.evolve(one, advice=advice) for one in self._kept[name]]
            if more := self._more.get(name):
                found.append(
                    Finding(
                        name, said("elsewhere"), said("no_finding"), said("more", more=more), advice
                    )
                )
        return tuple(found)

    def _advice(self, name: str) -> str:
        """Return what to do about a check's findings, considering those of the others."""
        check = self._checks.get(name)
        if check is None:
            return told(RESTORE)
        if check.about != "rows":
            return check.advice
        if self._reads == "sums":
            return told(ALL_FIRST)
        known = self._checks.values()
        fails = any(one.about == "journal" and self.count(one.name) for one in known)
        if fails:
            return told(JOURNAL_FIRST)
        return check.advice if self._reads == "all" else told(ALL_FIRST)


def quantity(seconds: object) -> str:
    """Return seconds as hours, for people; anything that is no such number as it is."""
    if type(seconds) is int and abs(seconds) <= MAX_INTEGER:
        return str(Hours.from_seconds(seconds))
    return shown(seconds)
