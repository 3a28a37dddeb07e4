"""What a declared loss says: which head the journal has no more."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from timebank.audit.base import AuditContext, AuditedRecord, Difference
from timebank.errors import Corrupt, shown
from timebank.journal import parse
from timebank.model import Head, RecordRow
from timebank.model.said import Said, said
from timebank.storage.protocol import Reader

KIND: Final = "history_lost"
_PAGE: Final = 500
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def loss_differences(context: AuditContext, record: AuditedRecord) -> Iterator[Difference]:
    """Yield where a loss is of another head than was asked, or of one that is there; note it."""
    lost, asked = record.effects["lost"], record.request.get("lost", record.effects["lost"])
    if asked != lost:
        yield said("a_loss_of", lost=shown(asked)), shown(lost)
    sequence, digest = lost
    if sequence < record.sequence and _digest_of(context.reader, sequence) == digest:
        yield said("a_head_that_is_not_in_the_journal"), shown(lost)
    context.findings.note(
        said("record", sequence=record.sequence),
        said("a_loss_was_declared", sequence=sequence, digest=digest),
    )


def _digest_of(reader: Reader, sequence: int) -> str | None:
    row = _row(reader, sequence)
    return None if row is None else row.digest.hex()


def _row(reader: Reader, sequence: int) -> RecordRow | None:
    rows = reader.records(after=sequence - 1, limit=1)
    return rows[0] if rows and rows[0].sequence == sequence else None


class DeclaredLosses:
    """The losses that a journal declares, read when a head is missing."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        #: The sequence of each, its instant, and the head that it names; the instant is `None`
        #: where the clock was restarted behind it, which makes of it another.
        self._found: list[tuple[int, datetime | None, tuple[int, str]]] | None = None

    def excusing(self, head: Head) -> int | None:
        """Return the record that declares the loss of a head, `None` where there is none.

        It names the head; or it is later than the instant that a line of a log gives the head, and
        so is what stands in its place: what a clock cannot have written before is no rewriting.
        """
        losses = self._losses()
        for sequence, _, lost in losses:
            if lost == (head.sequence, head.digest.hex()):
                return sequence
        if head.recorded_at is None or not losses or not self._is_later(head, head.recorded_at):
            return None
        for sequence, moment, _ in losses:
            if moment is not None and moment > head.recorded_at:
                return sequence
        return None

    def _is_later(self, head: Head, moment: datetime) -> bool:
        """Return whether what stands in the place of a head, if anything, is of a later instant."""
        if head.journal != self._reader.head().journal:
            return False
        row = _row(self._reader, head.sequence)
        return row is None or _moment(parse(row.body)) > moment

    def _losses(self) -> list[tuple[int, datetime | None, tuple[int, str]]]:
        if self._found is None:
            self._found = []
            after = 0
            while page := self._reader.records(after=after, limit=_PAGE):
                for row in page:
                    self._take(row)
                after = page[-1].sequence
        return self._found

    def _take(self, row: RecordRow) -> None:
        assert self._found is not None  # noqa: S101  # it was begun
        if row.kind == "restart_clock":
            self._found = [(sequence, None, lost) for sequence, _, lost in self._found]
        elif row.kind == KIND:
            try:
                record = parse(row.body)
                sequence, digest = record["effects"]["lost"]
                self._found.append((row.sequence, _moment(record), (sequence, digest)))
            except (Corrupt, KeyError, OverflowError, TypeError, ValueError):
                return  # it is a finding elsewhere


def _moment(record: Any) -> datetime:
    return _EPOCH + timedelta(microseconds=record["recorded_at"])


def declared(head: Head, by: int) -> tuple[Said, Said]:
    """Return the place and the words of a note on a head that is missing, as was declared."""
    return (
        said("head_published", sequence=head.sequence),
        said("lost_as_declared", sequence=by),
    )
