"""Check that each record is in canonical form, with known fields and columns that agree."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar

from timebank.audit.base import AuditCheck, AuditedRecord, Difference
from timebank.audit.field_types import is_day
from timebank.audit.findings import RESTORE, Check
from timebank.audit.id_rules import are_ids, has_odd_ids, id_differences, id_problem
from timebank.audit.plain_runs import PlainRun
from timebank.audit.plain_transfers import parse_plain_transfer
from timebank.audit.record_fields import field_differences
from timebank.audit.record_forms import form_differences
from timebank.errors import Corrupt, shown
from timebank.journal import canonical, parse, refers_to
from timebank.model import RecordRow
from timebank.model.said import said


class Canonical(AuditCheck):
    """Reads each record, and checks the columns beside it."""

    key: ClassVar = "canonical"
    promises: ClassVar = (
        Check(
            "canonical",
            "Each record's bytes are its canonical form, its fields are known and as the format "
            "says, and the columns beside it repeat what it says.",
            RESTORE,
        ),
    )

    def read(self, row: RecordRow) -> dict[str, Any] | None:
        """Return a record's content; `None` where no check could rely on it."""
        content = parse_plain_transfer(row.body)
        if content is None:
            content = self._parsed(row)
        if content is not None and has_odd_ids(row.body):
            for expected, found in id_differences(content):  # it can be executed all the same
                self.tell(
                    "canonical",
                    said("record", sequence=row.sequence),
                    expected=expected,
                    found=found,
                )
        return content

    def _parsed(self, row: RecordRow) -> dict[str, Any] | None:
        """Return the content of a record that is no plain transfer, where its fields are known."""
        try:
            content = parse(row.body)
            if canonical(content) != row.body:
                found = said("other_bytes_of_the_same_meaning")
                self._all(row, [(said("canonical_bytes"), found)])
        except (Corrupt, ValueError, RecursionError) as error:
            self._all(row, [(said("canonical_json"), str(error))])
            return None
        if differences := [*field_differences(content)]:
            self._all(row, differences)
            return None
        self._all(row, form_differences(content))
        return content

    def _all(self, row: RecordRow, differences: Iterable[Difference]) -> None:
        for expected, found in differences:
            place = said("record", sequence=row.sequence)
            self.tell("canonical", place, expected=expected, found=found)

    def record(self, record: AuditedRecord) -> None:
        """Check the columns beside a record."""
        row, expected_id = record.row, record.request.get("id")
        if row.kind != record.kind:
            self._column(record, "kind", record.kind, row.kind)
        if row.id != expected_id:
            self._column(record, "id", expected_id, row.id)
        if row.refers_to != refers_to(record.effects):
            self._column(record, "refers_to", refers_to(record.effects), row.refers_to)

    def is_sure(self, run: PlainRun) -> bool:
        """Compare the columns beside a run, and look at each day and each text once.

        That its bytes are canonical, and its fields known, is why it is a run.
        """
        stored, said = run.stored, run.said
        return (
            {*stored.kind} == {"transfer"}
            and [*stored.id] == [*said.id]
            and {*stored.refers_to} == {None}
            and all(is_day(on) and is_day(asked or on) for _, asked, on in run.days)
            and are_ids(said.id)
            and all(id_problem(name) is None for name in run.names)
        )

    def _column(self, record: AuditedRecord, name: str, expected: object, found: object) -> None:
        self.tell(
            "canonical",
            said("record", sequence=record.sequence),
            expected=said("field_value", field=name, value=shown(expected)),
            found=said("field_value", field=name, value=shown(found)),
        )
