"""Checks of the journal itself: its order, its chain, its form, its clocks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from timebank.audit.walk import Check, Finding, Page, Parsed, Walk
from timebank.errors import shown
from timebank.journal import FORMAT, canonical, digest, genesis
from timebank.model import MAX_INTEGER
from timebank.statute import DAY_IN_MICROSECONDS, DEFAULT

_KEYS: Final = frozenset(
    {"effects", "format", "journal", "kind", "recorded_at", "request", "sequence"}
)
RESTORE: Final = "Restore the file from a copy whose head you published, and enter again what is missing."


class _Sequence:
    def __init__(self, walk: Walk) -> None:
        self._last, self._walk = 0, walk

    def page(self, page: Page) -> Iterator[Finding]:
        for record in page.records:
            expected, self._last = self._last + 1, record.row.sequence
            if record.row.sequence != expected:
                yield SEQUENCE.finding(record.place, f"record {expected}", record.place)

    def end(self) -> Iterator[Finding]:
        head = self._walk.head.sequence
        if head != self._last:
            yield SEQUENCE.finding("the head", f"record {head}", f"record {self._last} is the last")


class _Chain:
    def __init__(self, walk: Walk) -> None:
        self._before, self._walk = genesis(walk.head.journal), walk

    def page(self, page: Page) -> Iterator[Finding]:
        journal = self._walk.head.journal
        for record in page.records:
            expected = digest(self._before, record.row.body)
            if record.row.digest != expected:
                yield CHAIN.finding(record.place, expected.hex(), record.row.digest.hex())
            self._before = record.row.digest
            body = record.body
            if body is not None:
                place = (body.get("format"), body.get("journal"), body.get("sequence"))
                if place != (FORMAT, journal, record.row.sequence):
                    yield CHAIN.finding(
                        record.place, (FORMAT, journal, record.row.sequence), shown(place)
                    )

    def end(self) -> Iterator[Finding]:
        if self._walk.records and self._before != self._walk.head.digest:
            yield CHAIN.finding("the head", self._before.hex(), self._walk.head.digest.hex())


class _Form:
    def __init__(self, walk: Walk) -> None:
        self._walk = walk

    def page(self, page: Page) -> Iterator[Finding]:
        for record in page.records:
            body = record.body
            if body is None:
                yield FORM.finding(record.place, "a record in canonical form", record.problem)
                continue
            if canonical(body) != record.row.body:
                yield FORM.finding(record.place, "canonical form", "the same object in another form")
            if body.keys() - {"actor"} != _KEYS:
                yield FORM.finding(record.place, sorted(_KEYS), sorted(body))
            says = body["request"].get("id"), body["effects"].get("reverses")
            if says != (record.row.id, record.row.refers_to):
                yield FORM.finding(record.place, says, (record.row.id, record.row.refers_to))

    def end(self) -> Iterator[Finding]:
        return iter(())


class _Ids:
    def __init__(self, walk: Walk) -> None:
        self._reader = walk.reader

    def page(self, page: Page) -> Iterator[Finding]:
        for record in page.records:
            id = None if record.body is None else record.body["request"].get("id")
            if type(id) is not str:
                continue
            found = self._reader.find(id)
            if found is None or found.sequence != record.row.sequence:
                other = "nothing" if found is None else f"record {found.sequence}"
                yield IDS.finding(f"id {shown(id)}", record.place, other)

    def end(self) -> Iterator[Finding]:
        return iter(())


class _Clocks:
    def __init__(self, walk: Walk) -> None:
        self._last = -MAX_INTEGER

    def page(self, page: Page) -> Iterator[Finding]:
        for record in page.records:
            if record.body is None:
                continue
            at = record.body.get("recorded_at")
            if type(at) is not int or at < self._last:
                yield CLOCKS.finding(
                    record.place, f"recorded_at from {self._last} on", f"recorded_at {shown(at)}"
                )
                continue
            self._last = at
            yield from _day(record, record.body["effects"].get("occurred_on"), at)

    def end(self) -> Iterator[Finding]:
        return iter(())


def _day(record: Parsed, day: Any, at: int) -> Iterator[Finding]:
    """The day of service is at most one day after that of the record."""
    if type(day) is str:
        latest = DEFAULT.day(at + DAY_IN_MICROSECONDS)
        if day > latest:
            yield CLOCKS.finding(record.place, f"a day up to {latest}", f"occurred on {day}")


SEQUENCE: Final = Check(
    "sequence",
    "Records are numbered from 1 without a gap, and the head is the last one.",
    "A record was removed or put in. " + RESTORE,
    _Sequence,
)
CHAIN: Final = Check(
    "chain",
    "Each digest is the SHA-256 of the one before it and the record's bytes, from the journal's id on.",
    "A record, or a digest, was changed after it was written. " + RESTORE,
    _Chain,
)
FORM: Final = Check(
    "form",
    "Each record is in canonical form, has the known fields, and its look-up columns repeat it.",
    "The record was written by a faulty program, or changed. " + RESTORE,
    _Form,
)
IDS: Final = Check(
    "ids",
    "Each id of an operation finds the one record that has it.",
    "Two records share an id, or the index is damaged. " + RESTORE,
    _Ids,
)
CLOCKS: Final = Check(
    "clocks",
    "Instants of record never run back, and no service is more than a day ahead of its record.",
    "The record was written by a faulty program, or changed. " + RESTORE,
    _Clocks,
)
