"""Check the two clocks: instants of record, and days of service."""

from __future__ import annotations

from typing import ClassVar

from timebank.audit.base import AuditCheck, AuditContext, AuditedRecord, State
from timebank.audit.findings import Check
from timebank.errors import shown
from timebank.journal import recorded_at
from timebank.model import RecordRow, instant
from timebank.statute import DAY_IN_MICROSECONDS


class Clocks(AuditCheck):
    """Compares each instant with the one before, and each day of service with the instant."""

    key: ClassVar = "clocks"
    promises: ClassVar = (
        Check(
            "clocks",
            "The instants of record never run backwards, and no day of service lies more than a "
            "day ahead.",
            "Set the clock of the machine that writes; what is recorded stays, and may be "
            "reversed.",
        ),
    )

    def __init__(self, context: AuditContext) -> None:
        super().__init__(context)
        self._last: int | None = None
        self._day_number: int | None = None
        self._day = ""

    def record(self, record: AuditedRecord) -> None:
        """Check one record."""
        now = record.content["recorded_at"]
        if self._last is not None and now < self._last:
            self.tell(
                "clocks",
                f"record {record.sequence}",
                expected=f"recorded_at {instant(self._last).isoformat()} or later",
                found=instant(now).isoformat(),
            )
        self._last = now
        day = record.effects.get("occurred_on")
        if day is None:
            return
        # In every time zone it is this day, in UTC, or will be within a day: the usual case.
        if now // DAY_IN_MICROSECONDS != self._day_number:
            self._day_number = now // DAY_IN_MICROSECONDS
            self._day = instant(now).date().isoformat()
        if day > self._day:
            latest = self.context.statutes.current.day(now + DAY_IN_MICROSECONDS)
            if day > latest:
                self.tell(
                    "clocks",
                    f"record {record.sequence}",
                    expected=f"occurred_on {latest} or earlier",
                    found=shown(day),
                )

    def state(self) -> State:
        """Return the instant of the last record."""
        return {"last": self._last}

    def restore(self, state: State) -> None:
        """Go on from that instant."""
        self._last = state["last"]

    def assume_balances(self, last: RecordRow) -> None:
        """Take the instant of the last record."""
        self._last = recorded_at(last.body)
