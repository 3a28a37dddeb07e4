"""Check that the records follow one another, and each says where it belongs."""

from __future__ import annotations

from itertools import accumulate
from typing import ClassVar, Final

from timebank.audit.base import AuditCheck, AuditedRecord
from timebank.audit.findings import RESTORE, Check
from timebank.audit.plain_runs import PlainRun
from timebank.errors import shown
from timebank.journal import FORMAT, digest, genesis
from timebank.model import MAX_INTEGER, Head, RecordRow
from timebank.model.said import said

PAGE: Final = 500
#: Records before a checkpoint that are looked at once more.
LOOKED_BACK: Final = 200


class Chain(AuditCheck):
    """Checks the sequence of each record, its digest, and the names in it."""

    key: ClassVar = "chain"
    promises: ClassVar = (
        Check("sequence", "The records are numbered from 1 without a gap.", RESTORE),
        Check(
            "chain",
            "Each digest is SHA-256 of the one before and the record's bytes, and each record "
            "names this journal, its own sequence and the format.",
            RESTORE,
        ),
    )

    def start(self) -> None:
        """Find records that are numbered below 1; or look back at the last ones."""
        if self.context.since is not None:
            known = self.context.since
            if self.context.goes_on:
                with self.reading("records"):
                    self._look_back(known)
                self.context.last, self.context.digest = known.sequence, known.digest
            return
        with self.reading("records_before_the_first"):
            for row in self.context.reader.records(after=-MAX_INTEGER, limit=PAGE):
                if row.sequence >= 1:
                    return
                place, found = said("record", sequence=row.sequence), f"{row.sequence}"
                self.tell("sequence", place, expected=said("records_from_1"), found=found)

    def _look_back(self, since: Head) -> None:
        """Check that the last records before a checkpoint lead to its head."""
        first = max(since.sequence - LOOKED_BACK, 0)
        rows = self.context.reader.records(after=max(first - 1, 0), limit=LOOKED_BACK + 1)
        rows = [row for row in rows if row.sequence <= since.sequence]
        context = self.context
        context.last, context.digest = first, genesis(since.journal)
        if first and rows and rows[0].sequence == first:
            context.digest = rows.pop(0).digest
        elif first:
            context.last = first - 1  # that it is missing is told with the next one
        context.recent = rows
        for row in rows:
            self.row(row)
        if context.last != since.sequence:
            place = said("record", sequence=since.sequence)
            found = said("record", sequence=context.last)
            self.tell("sequence", place, expected=place, found=found)

    def row(self, row: RecordRow) -> None:
        """Check that a row follows the one before it."""
        context = self.context
        sequence = row.sequence
        if sequence != context.last + 1:
            self.tell(
                "sequence",
                said("record", sequence=sequence),
                expected=said("record", sequence=context.last + 1),
                found=said("record", sequence=sequence),
            )
        elif context.head is not None:
            self.check_digest(context.digest, row)
        context.last, context.digest = sequence, row.digest

    def check_digest(self, before: bytes, row: RecordRow) -> None:
        """Check that a row's digest is that of the digest before it and its bytes."""
        expected = digest(before, row.body)
        if row.digest != expected:
            place = said("record", sequence=row.sequence)
            self.tell("chain", place, expected=expected.hex(), found=row.digest.hex())

    def record(self, record: AuditedRecord) -> None:
        """Check that a record says where it belongs, so that it cannot be moved elsewhere."""
        content, head = record.content, self.context.head
        journal = content["journal"] if head is None else head.journal
        is_here = content["sequence"] == record.sequence and content["journal"] == journal
        if is_here and content["format"] == FORMAT:
            return
        known = {"format": FORMAT, "journal": journal, "sequence": record.sequence}
        for field, expected in known.items():
            if content[field] != expected:
                self.tell(
                    "chain",
                    said("record", sequence=record.sequence),
                    expected=said("field_value", field=field, value=shown(expected)),
                    found=said("field_value", field=field, value=shown(content[field])),
                )

    def is_sure(self, run: PlainRun) -> bool:
        """Compare the numbers and the digests of a run, and what all of its records name."""
        context, stored, said = self.context, run.stored, run.said
        if context.head is None or {*said.journal} != {context.head.journal}:
            return False
        numbers = range(context.last + 1, context.last + 1 + len(run))
        return (
            {*said.format} == {FORMAT}
            and [*stored.sequence] == [*numbers]
            and [*said.sequence] == [*map(str, numbers)]
            and [*accumulate(stored.body, digest, initial=context.digest)][1:] == [*stored.digest]
        )

    def take(self, run: PlainRun) -> None:
        """Go on behind the last record of a run."""
        self.context.last, self.context.digest = run.stored.sequence[-1], run.stored.digest[-1]
