"""Check that the storage can be read, and report what it finds wrong in itself."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from timebank.audit.base import AuditCheck, AuditContext
from timebank.audit.findings import RESTORE, Check
from timebank.model.said import said
from timebank.storage.protocol import sees_schema


class Storage(AuditCheck):
    """Asks the storage about itself. It reads the whole of it, so a checkpoint leaves it out."""

    key: ClassVar = "storage"
    promises: ClassVar = (
        Check("file", "The storage can be read and is intact.", RESTORE),
        Check(
            "schema",
            "Tables, indexes and triggers are as this version makes them.",
            "advice_schema",
            about="storage",
        ),
        Check("orphans", "Every row belongs to a bank of the storage.", RESTORE, about="storage"),
        Check("references", "Every row that refers to another finds it.", RESTORE, about="storage"),
    )

    def __init__(self, context: AuditContext) -> None:
        super().__init__(context)
        context.tell_unreadable = self.tell_unreadable

    def tell_unreadable(self, place: str, error: Exception) -> None:
        """Tell that something cannot be read, whichever check needed it."""
        self.tell("file", place, expected=said("can_be_read"), found=str(error) or repr(error))

    def start(self) -> None:
        """Ask the storage; it names each fault by a check of its choice."""
        if self.context.since is not None:
            self._schema()
            return
        with self.reading("storage"):
            for fault in self.context.reader.faults(self.context.tell_progress):
                check, place, expected, found = fault
                self.context.findings.add(check, place, expected=expected, found=found)

    def _schema(self) -> None:
        """Look at tables and guards alone, where the storage can."""
        reader = self.context.reader
        if sees_schema(reader):
            with self.reading("storage"):
                for check, place, expected, found in reader.schema_faults():
                    self.context.findings.add(check, place, expected=expected, found=found)

    def names_checked(self) -> Iterator[str]:
        """Yield the names; of an audit since a checkpoint that of the schema, where it is seen."""
        if self.context.since is None:
            return super().names_checked()
        return iter(("schema",) if sees_schema(self.context.reader) else ())
