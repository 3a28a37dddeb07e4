"""Check that a hold is settled or voided once, before it expires."""

from __future__ import annotations

from typing import ClassVar

from timebank.audit.base import AuditCheck, AuditContext, AuditedRecord, ResolvedHold
from timebank.audit.findings import ASK, Check
from timebank.errors import shown
from timebank.journal import parse
from timebank.model.said import said


class Holds(AuditCheck):
    """Tells where `find_hold` found no open hold; `Effects` asks it before it executes a record."""

    key: ClassVar = "holds"
    promises: ClassVar = (
        Check("holds", "A hold is settled or voided once at most, and before it expires.", ASK),
    )
    kinds: ClassVar = frozenset({"settle", "void"})

    def record(self, record: AuditedRecord) -> None:
        """Check one settlement or void."""
        if record.hold is not None and record.hold.problem:
            self.tell(
                "holds",
                said("record", sequence=record.sequence),
                expected=said("an_open_hold", hold=shown(record.request["hold"])),
                found=record.hold.problem,
            )


def find_hold(context: AuditContext, record: AuditedRecord) -> ResolvedHold:
    """Return the record of the hold that a record resolves; a problem where it is not open."""
    hold, now = record.effects["resolves"], record.content["recorded_at"]
    rows = context.reader.records(after=hold - 1, limit=1) if 0 < hold < record.sequence else []
    found = parse(rows[0].body) if rows and rows[0].sequence == hold else {}
    problem = ""
    if found.get("kind") != "hold" or found["request"]["id"] != record.request["hold"]:
        problem = said("record_is_no_such_hold", hold=hold)
    elif hold not in context.fold.lines:
        problem = said("hold_was_resolved_before", hold=hold)
    elif now >= found["effects"].get("expires_at", now + 1):
        problem = said("the_hold_of_record_had_expired", hold=hold)
    return ResolvedHold(found, problem)
