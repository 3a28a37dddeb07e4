"""The two clocks: instants of record, and days of service."""

from __future__ import annotations

from typing import Any

from timebank.audit.report import Findings
from timebank.audit.statutes import Statutes
from timebank.errors import shown
from timebank.model import instant
from timebank.statute import DAY_IN_MICROSECONDS


class Clocks:
    """Instants of record never run backwards; days of service are at most a day ahead."""

    def __init__(self, statutes: Statutes, findings: Findings) -> None:
        self._statutes, self._findings = statutes, findings
        self.last: int | None = None
        self._day_number: int | None = None
        self._day = ""

    def record(self, sequence: int, record: dict[str, Any]) -> None:
        """Check one record."""
        now = record["recorded_at"]
        if self.last is not None and now < self.last:
            self._findings.add(
                "clocks",
                f"record {sequence}",
                expected=f"recorded_at {instant(self.last).isoformat()} or later",
                found=instant(now).isoformat(),
            )
        self.last = now
        day = record["effects"].get("occurred_on")
        if day is None:
            return
        # In every time zone it is this day, in UTC, or will be within a day: the usual case.
        if now // DAY_IN_MICROSECONDS != self._day_number:
            self._day_number = now // DAY_IN_MICROSECONDS
            self._day = instant(now).date().isoformat()
        if day > self._day:
            latest = self._statutes.current.day(now + DAY_IN_MICROSECONDS)
            if day > latest:
                self._findings.add(
                    "clocks",
                    f"record {sequence}",
                    expected=f"occurred_on {latest} or earlier",
                    found=shown(day),
                )
