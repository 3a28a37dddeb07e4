"""Whether each id of an operation finds its record."""

from __future__ import annotations

from typing import ClassVar

from timebank.audit.base import UNREADABLE, AuditCheck, AuditContext, AuditedRecord, Page
from timebank.audit.findings import RESTORE, Check
from timebank.errors import shown


class Ids(AuditCheck):
    """Looks up the ids of a page of records: all at once, or where that fails, one by one."""

    key: ClassVar = "ids"
    promises: ClassVar = (
        Check("ids", "Each id of an operation names one record, and finds it.", RESTORE),
    )

    def __init__(self, context: AuditContext) -> None:
        super().__init__(context)
        self._ids: list[tuple[str, int]] = []

    def record(self, record: AuditedRecord) -> None:
        """Look the id of a record up at the end of its page."""
        if record.row.id is not None:
            self._ids.append((record.row.id, record.sequence))

    def page(self, page: Page) -> None:  # the ids are enough
        """Look up the ids of the page."""
        ids, self._ids = self._ids, []
        if not self._all_found(ids):
            for id, sequence in ids:
                with self.reading(f"record {sequence}"):
                    self._find(id, sequence)

    def _all_found(self, ids: list[tuple[str, int]]) -> bool:
        """Return whether a store that looks up many ids at once finds exactly these records."""
        ask = getattr(self.context.reader, "sequences", None)
        try:
            return ask is not None and sorted(ask([id for id, _ in ids])) == sorted(ids)
        except UNREADABLE:
            return False

    def _find(self, id: str, sequence: int) -> None:
        other = self.context.reader.find(id)
        if other is None or other.sequence != sequence:
            found = "no record" if other is None else f"record {other.sequence}"
            self.tell("ids", f"id {shown(id)}", expected=f"record {sequence}", found=found)
