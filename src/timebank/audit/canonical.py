"""Check that each record is in canonical form, with known fields and columns that agree."""

from __future__ import annotations

from typing import Any, ClassVar

from timebank.audit.base import AuditCheck, AuditedRecord
from timebank.audit.findings import RESTORE, Check
from timebank.audit.id_rules import all_plain, id_differences
from timebank.audit.plain_transfers import parse_plain_transfer
from timebank.audit.record_fields import field_differences
from timebank.errors import Corrupt, shown
from timebank.journal import canonical, parse, refers_to
from timebank.model import RecordRow


class Canonical(AuditCheck):
    """Reads each record, and checks the columns beside it."""

    key: ClassVar = "canonical"
    promises: ClassVar = (
        Check(
            "canonical",
            "Each record's bytes are its canonical form, its fields are known, and the columns "
            "beside it repeat what it says.",
            RESTORE,
        ),
    )

    def read(self, row: RecordRow) -> dict[str, Any] | None:
        """Return a record's content; `None` where no check could rely on it."""
        content = parse_plain_transfer(row.body)
        if content is None:
            content = self._parsed(row)
        if content is not None and not all_plain(row.body, content["kind"]):
            for expected, found in id_differences(content):  # it can be executed all the same
                self.tell("canonical", f"record {row.sequence}", expected=expected, found=found)
        return content

    def _parsed(self, row: RecordRow) -> dict[str, Any] | None:
        """Return the content of a record that is no plain transfer, where its fields are known."""
        place = f"record {row.sequence}"
        try:
            content = parse(row.body)
            if canonical(content) != row.body:
                found = "other bytes of the same meaning"
                self.tell("canonical", place, expected="canonical bytes", found=found)
        except (Corrupt, ValueError, RecursionError) as error:
            self.tell("canonical", place, expected="canonical JSON", found=str(error))
            return None
        is_sound = True
        for expected, found in field_differences(content):
            self.tell("canonical", place, expected=expected, found=found)
            is_sound = False
        return content if is_sound else None

    def record(self, record: AuditedRecord) -> None:
        """Check the columns beside a record."""
        row, expected_id = record.row, record.request.get("id")
        if row.kind != record.kind:
            self._column(record, "kind", record.kind, row.kind)
        if row.id != expected_id:
            self._column(record, "id", expected_id, row.id)
        if row.refers_to != refers_to(record.effects):
            self._column(record, "refers_to", refers_to(record.effects), row.refers_to)

    def _column(self, record: AuditedRecord, name: str, expected: object, found: object) -> None:
        self.tell(
            "canonical",
            f"record {record.sequence}",
            expected=f"{name} {shown(expected)}",
            found=f"{name} {shown(found)}",
        )
