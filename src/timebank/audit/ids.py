"""Check that each id of an operation finds its record."""

from __future__ import annotations

from typing import ClassVar

from timebank.audit.base import UNREADABLE, AuditCheck, Page
from timebank.audit.findings import RESTORE, Check
from timebank.errors import shown
from timebank.model.said import said
from timebank.storage.protocol import finds_many


class Ids(AuditCheck):
    """Looks up the ids of a page of records: all at once, or where that fails, one by one."""

    key: ClassVar = "ids"
    promises: ClassVar = (
        Check("ids", "Each id of an operation names one record, and finds it.", RESTORE),
    )

    def page(self, page: Page) -> None:
        """Look up the ids of a page."""
        stored = zip(page.stored.id, page.stored.sequence, strict=True)
        ids = [(id, sequence) for id, sequence in stored if id is not None]
        if page.unreadable:
            ids = [(id, sequence) for id, sequence in ids if sequence not in page.unreadable]
        if not self._all_found(ids):
            for id, sequence in ids:
                with self.reading("record", sequence=sequence):
                    self._find(id, sequence)

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
