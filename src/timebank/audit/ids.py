"""Check that each id of an operation finds its record."""

from __future__ import annotations

from itertools import compress, repeat
from operator import is_not
from typing import ClassVar

from timebank.audit.base import UNREADABLE, AuditCheck, Page
from timebank.audit.findings import RESTORE, Check
from timebank.errors import shown
from timebank.model.said import said
from timebank.storage.protocol import finds_many, gives_columns


class Ids(AuditCheck):
    """Looks up the ids of a page of records: all at once, or where that fails, one by one.

    A store that gives columns is asked for a stretch of records, and no id goes to it.
    """

    key: ClassVar = "ids"
    promises: ClassVar = (
        Check("ids", "Each id of an operation names one record, and finds it.", RESTORE),
    )

    def page(self, page: Page) -> None:
        """Look up the ids of a page."""
        if self._find_their_own(page):
            return
        stored = zip(page.stored.id, page.stored.sequence, strict=True)
        ids = [(id, sequence) for id, sequence in stored if id is not None]
        if page.unreadable:
            ids = [(id, sequence) for id, sequence in ids if sequence not in page.unreadable]
        if not self._all_found(ids):
            for id, sequence in ids:
                with self.reading("record", sequence=sequence):
                    self._find(id, sequence)

    def _find_their_own(self, page: Page) -> bool:
        """Return whether a store finds by each id of a page the record that it is beside."""
        reader, sequences = self.context.reader, page.stored.sequence
        if not gives_columns(reader):
            return False
        try:
            found = reader.sequences_by_id(after=page.after, through=sequences[-1])
        except UNREADABLE:
            return False
        with_id = map(is_not, page.stored.id, repeat(None))
        return found == [*compress(sequences, with_id)]

    def _all_found(self, ids: list[tuple[str, int]]) -> bool:
        """Return whether a store that looks up many ids at once finds exactly these records."""
        reader = self.context.reader
        if not finds_many(reader):
            return False
        try:
            return sorted(reader.sequences([id for id, _ in ids])) == sorted(ids)
        except UNREADABLE:
            return False

    def _find(self, id: str, sequence: int) -> None:
        other = self.context.reader.find(id)
        if other is None or other.sequence != sequence:
            found = said("no_record") if other is None else said("record", sequence=other.sequence)
            self.tell(
                "ids",
                said("id", id=shown(id)),
                expected=said("record", sequence=sequence),
                found=found,
            )
