"""Check that each commitment has its text, matching, unless an erasure names it.

An erasure may come anywhere behind the record whose text it destroyed, so what is
missing waits until one names it. Where too many wait, the rest of the journal is looked
through for erasures once more, and they are forgotten.
"""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from typing import Any, ClassVar, Final

from timebank.audit.base import AuditCheck, AuditContext, AuditedRecord, Page
from timebank.audit.effects import Effects
from timebank.audit.findings import Check
from timebank.audit.record_fields import is_commitment
from timebank.errors import Corrupt, TimebankError, shown
from timebank.journal import commitment, parse
from timebank.model import (
    MAX_INTEGER,
    MAX_TEXT_CHARACTERS,
    SALT_BYTES,
    TEXT_FIELDS,
    RecordRow,
    TextRow,
)

#: How many commitments may wait to be compared.
MOST_WAITING: Final = 50_000
PAGE: Final = 500
_PREFIX: Final = "commitment "
_FIELDS: Final = frozenset(TEXT_FIELDS)

#: The sequence of a text's record, and its field.
TextKey = tuple[int, str]


class Texts(AuditCheck):
    """Expects the commitments of a page of records, then reads the texts beside it."""

    key: ClassVar = "texts"
    promises: ClassVar = (
        Check(
            "texts",
            "Every commitment has its text, matching, unless it was erased; there is no other "
            "text.",
            "Restore the texts from a backup; balances do not depend on them.",
            about="texts",
        ),
    )

    def __init__(self, context: AuditContext) -> None:
        super().__init__(context)
        self._reader = context.reader
        self._expected: dict[TextKey, str] = {}
        self._missing: dict[TextKey, str] = {}
        self._erasures: list[tuple[int, dict[str, Any]]] = []

    def record(self, record: AuditedRecord) -> None:
        """Expect the texts of one record, or take note of what it erased."""
        request = record.request
        if not _FIELDS.isdisjoint(request):
            for field in TEXT_FIELDS:
                if field in request:
                    self._expected[record.sequence, field] = request[field]
        if record.kind == "erase":
            self._erasures.append((record.sequence, record.effects))

    def page(self, page: Page) -> None:
        """Compare the texts beside the records of a page.

        The texts of a record that cannot be read are neither expected nor a finding.
        """
        through = page.rows[-1].sequence
        with self.reading(f"texts of records {page.after + 1} to {through}"):
            self._compare(page.after, through, page.unreadable)

    def _compare(
        self, after: int, through: int, unreadable: AbstractSet[int] = frozenset()
    ) -> None:
        for row in self._rows(after, through):
            expected = self._expected.pop((row.sequence, row.field), None)
            if expected is None:
                if row.sequence not in unreadable:
                    self._tell(row.sequence, row.field, "no text without a commitment", "a text")
            elif (found := _committed(row)) != _PREFIX + expected:
                self._tell(row.sequence, row.field, _PREFIX + expected, found)
        self._missing |= self._expected
        self._expected.clear()
        for sequence, effects in self._erasures:
            self._erased(sequence, effects)
        self._erasures.clear()
        if len(self._missing) > MOST_WAITING:
            self._all_erased(after=through, last=False)

    def _rows(self, after: int, through: int) -> list[TextRow]:
        """Return the texts of some records; where one row spoils the page, those of each record."""
        try:
            return self._reader.texts(after=after, through=through)
        except TimebankError as error:
            rows, spoiled = self._rows_one_by_one()
            if not spoiled:  # it is none of those that were expected
                self._unreadable(f"texts of records {after + 1} to {through}", error)
            return rows

    def _rows_one_by_one(self) -> tuple[list[TextRow], bool]:
        """Return the texts of each record that should have some; whether some could not be read."""
        rows: list[TextRow] = []
        spoiled = False
        for sequence in sorted({sequence for sequence, _ in self._expected}):
            try:
                rows += self._reader.texts(after=sequence - 1, through=sequence)
            except TimebankError as error:
                self._unreadable(f"texts of record {sequence}", error)
                spoiled = True
                for field in TEXT_FIELDS:
                    self._expected.pop((sequence, field), None)
        return rows, spoiled

    def _unreadable(self, place: str, error: TimebankError) -> None:
        self.tell("texts", place, expected="rows that can be read", found=str(error))

    def pause(self) -> None:
        """Find the erasures, behind the stretch, of what is missing in it."""
        with self.reading("texts"):
            self._all_erased(after=self.context.last, last=False)

    def finish(self) -> None:
        """Tell texts outside the journal, and those that are missing."""
        with self.reading("texts"):
            self._compare(-PAGE, 0)
            self._compare(self.context.last, MAX_INTEGER)
            self._all_erased(after=self.context.last, last=True)

    def _erased(self, sequence: int, effects: dict[str, Any]) -> None:
        """Check that what a record erased was committed to, and is not there."""
        commitments = set()
        for record, field in effects["texts"]:
            was = self._missing.pop((record, field), None)
            if was is None:
                was = self._look(sequence, record, field)
            commitments.add(was)
        erased = set(effects["erased"])
        if None not in commitments and commitments != erased:
            expected = f"{len(commitments)} commitments, of its texts"
            self._tell_erasure(sequence, expected, "other commitments")

    def _look(self, sequence: int, record: int, field: str) -> str | None:
        """Return the commitment of a text that was not missed, where there is none now."""
        for row in self._reader.texts(after=record - 1, through=record):
            if row.field == field:
                self._tell(record, field, f"no text, for record {sequence} erased it", "a text")
                return None
        for found in self._reader.records(after=record - 1, limit=1):
            was = _commitments(found.body).get(field) if found.sequence == record else None
            if was is not None:
                return was
        found_text = f"text {shown(field)} of record {shown(record)}, which never was"
        self._tell_erasure(sequence, "texts of earlier records, erased", found_text)
        return None

    def _all_erased(self, *, after: int, last: bool) -> None:
        """Check that what is missing is named by an erasure, wherever that is.

        At the end, where all of them were met, there is nothing to look for.
        """
        while not last and self._missing and (rows := self._page_of(after)):
            for row in rows:
                if b'"kind":"erase"' in row.body:
                    for place in _places(row.body):
                        self._missing.pop(place, None)
            after = rows[-1].sequence
        for (sequence, field), missing in self._missing.items():
            self._tell(sequence, field, _PREFIX + missing, "no text, and no erasure")
        self._missing.clear()

    def _page_of(self, after: int) -> list[RecordRow]:
        return self._reader.records(after=after, limit=PAGE)

    def _tell_erasure(self, sequence: int, expected: str, found: str) -> None:
        self.context.check(Effects).tell_erasure(sequence, expected, found)

    def _tell(self, sequence: int, field: str, expected: str, found: str) -> None:
        place = f"text {shown(field)} of record {shown(sequence)}"
        self.tell("texts", place, expected=expected, found=found)


def _committed(row: TextRow) -> str:
    """Return the commitment that a text and its salt make; no personal text is shown."""
    if type(row.salt) is not bytes or len(row.salt) != SALT_BYTES or type(row.text) is not str:
        return "a salt or a text of the wrong type"
    if not 1 <= len(row.text) <= MAX_TEXT_CHARACTERS or "\0" in row.text:
        return f"a text of {len(row.text)} characters, or with NUL"
    try:
        return _PREFIX + commitment(row.salt, row.text)
    except ValueError:
        return "a text that is no Unicode"


def _places(body: bytes) -> list[TextKey]:
    """Return the texts that a record erased; one that cannot be read was a finding of its own."""
    try:
        record = parse(body)
        names = record["effects"]["texts"] if record["kind"] == "erase" else []
        return [(sequence, field) for sequence, field in names]
    except (Corrupt, KeyError, TypeError, ValueError):
        return []


def _commitments(body: bytes) -> dict[str, str]:
    """Return the commitments of a record, by field; none of one that cannot be read."""
    try:
        request = parse(body)["request"]
        return {f: request[f] for f in TEXT_FIELDS if is_commitment(request.get(f))}
    except (AttributeError, Corrupt, KeyError, TypeError):
        return {}
