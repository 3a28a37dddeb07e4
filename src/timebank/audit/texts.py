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
from timebank.audit.field_types import is_commitment
from timebank.audit.findings import Check
from timebank.audit.plain_runs import PlainRun
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
from timebank.model.said import Said, said

#: How many commitments may wait to be compared.
MOST_WAITING: Final = 50_000
PAGE: Final = 500
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
            "advice_texts",
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

    def is_sure(self, run: PlainRun) -> bool:
        """Return that nothing is told now: texts are compared behind the page."""
        return True

    def take(self, run: PlainRun) -> None:
        """Expect the notes of a run."""
        notes = run.said.note
        if any(notes):
            for sequence, note in zip(run.stored.sequence, notes, strict=True):
                if note:
                    self._expected[sequence, "note"] = note

    def page(self, page: Page) -> None:
        """Compare the texts beside the records of a page.

        The texts of a record that cannot be read are neither expected nor a finding.
        """
        through = page.stored.sequence[-1]
        with self.reading("texts_of_records_to", first=page.after + 1, last=through):
            self._compare(page.after, through, page.unreadable)

    def _compare(
        self, after: int, through: int, unreadable: AbstractSet[int] = frozenset()
    ) -> None:
        for row in self._rows(after, through):
            expected = self._expected.pop((row.sequence, row.field), None)
            if expected is None:
                if row.sequence not in unreadable:
                    self._tell(
                        row.sequence,
                        row.field,
                        said("no_text_without_a_commitment"),
                        said("a_text"),
                    )
            elif (found := _committed(row)) != expected:
                self._tell(row.sequence, row.field, _said(expected), _said(found))
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
                self._unreadable(said("texts_of_records_to", first=after + 1, last=through), error)
            return rows

    def _rows_one_by_one(self) -> tuple[list[TextRow], bool]:
        """Return the texts of each record that should have some; whether some could not be read."""
        rows: list[TextRow] = []
        spoiled = False
        for sequence in sorted({sequence for sequence, _ in self._expected}):
            try:
                rows += self._reader.texts(after=sequence - 1, through=sequence)
            except TimebankError as error:
                self._unreadable(said("texts_of_record", sequence=sequence), error)
                spoiled = True
                for field in TEXT_FIELDS:
                    self._expected.pop((sequence, field), None)
        return rows, spoiled

    def _unreadable(self, place: str, error: TimebankError) -> None:
        self.tell("texts", place, expected=said("rows_that_can_be_read"), found=str(error))

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
            expected = said("commitments_of_its_texts", number=len(commitments))
            self._tell_erasure(sequence, expected, said("other_commitments"))

    def _look(self, sequence: int, record: int, field: str) -> str | None:
        """Return the commitment of a text that was not missed, where there is none now."""
        for row in self._reader.texts(after=record - 1, through=record):
            if row.field == field:
                self._tell(
                    record,
                    field,
                    said("no_text_for_record_erased_it", sequence=sequence),
                    said("a_text"),
                )
                return None
        for found in self._reader.records(after=record - 1, limit=1):
            was = _commitments(found.body).get(field) if found.sequence == record else None
            if was is not None:
                return was
        found_text = said(
            "text_of_record_which_never_was", field=shown(field), record=shown(record)
        )
        self._tell_erasure(sequence, said("texts_of_earlier_records_erased"), found_text)
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
            self._tell(sequence, field, _said(missing), said("no_text_and_no_erasure"))
        self._missing.clear()

    def _page_of(self, after: int) -> list[RecordRow]:
        return self._reader.records(after=after, limit=PAGE)

    def _tell_erasure(self, sequence: int, expected: str, found: str) -> None:
        self.context.check(Effects).tell_erasure(sequence, expected, found)

    def _tell(self, sequence: int, field: str, expected: str, found: str) -> None:
        place = said("text_of_record", field=shown(field), sequence=shown(sequence))
        self.tell("texts", place, expected=expected, found=found)


def _committed(row: TextRow) -> str:
    """Return the commitment that a text and its salt make; no personal text is shown."""
    if type(row.salt) is not bytes or len(row.salt) != SALT_BYTES or type(row.text) is not str:
        return said("a_salt_or_a_text_of_the_wrong_type")
    if not 1 <= len(row.text) <= MAX_TEXT_CHARACTERS or "\0" in row.text:
        return said("a_text_of_characters_or_with_nul", number=len(row.text))
    try:
        return commitment(row.salt, row.text)
    except ValueError:
        return said("a_text_that_is_no_unicode")


def _said(found: str) -> str:
    """Return a commitment in words; what is none is words already."""
    return found if isinstance(found, Said) else said("commitment", digest=found)


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
