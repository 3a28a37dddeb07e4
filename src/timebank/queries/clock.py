"""Days and instants of records: the bank's own day now, and what a restart of the clock undid.

Every record says its instant and its day. A clock that was once wrong may have written some that
lie later than what follows: after a restart they count as the restart's.
"""

from __future__ import annotations

from datetime import datetime
from itertools import pairwise
from typing import NamedTuple

from timebank.errors import InvalidRequest, InvalidStatute, OtherVersion
from timebank.journal import OF_NOVEMBER, is_of_november, recorded
from timebank.model import Head, StatuteRow, instant, microseconds
from timebank.queries.records import last_recorded, record_at
from timebank.queries.statutes import in_force, statute_rows
from timebank.statute import DEFAULT, MOST_AHEAD, days_later
from timebank.storage.protocol import Reader

RESTART = "restart_clock"


#: What stands before the first row of statutes.
_NONE = StatuteRow(0, DEFAULT.version, None)


class Restart(NamedTuple):
    """A record at which the clock was restarted: its sequence, its instant and its day."""

    sequence: int
    recorded_at: int
    recorded_on: str


class Restarts(tuple[Restart, ...]):
    """The restarts of a bank's clock, the newest first."""

    __slots__ = ()

    @classmethod
    def read(cls, reader: Reader, *, after: int = 0) -> Restarts:
        """Read those behind a record."""
        found = []
        for row, earlier in pairwise((*statute_rows(reader), _NONE)):
            if row.sequence <= after:
                break
            if _may_restart(row, earlier):
                record = record_at(reader, row.sequence)
                if record.kind == RESTART:
                    found.append(Restart(row.sequence, *recorded(record.body)))
        return cls(found)

    def dated(self, sequence: int, recorded_at: int, recorded_on: str) -> tuple[int, str]:
        """Return the instant and the day for which a record counts.

        >>> from timebank.queries.clock import Restart, Restarts
        >>> Restarts([Restart(9, 70, "2026-03-02")]).dated(8, 90, "2099-01-01")
        (70, '2026-03-02')
        """
        for restart in self:
            if restart.sequence <= sequence:
                break
            recorded_at = min(recorded_at, restart.recorded_at)
            recorded_on = min(recorded_on, restart.recorded_on)
        return recorded_at, recorded_on


def _may_restart(row: StatuteRow, earlier: StatuteRow) -> bool:
    """Return whether a row may be that of a restart, by the row before it.

    A restart keeps the statute that is in force, and closes no books.
    """
    closes = (row.closed_through or "") > (earlier.closed_through or "")
    return row.version == earlier.version and not closes


def was_restarted(reader: Reader, *, after: int) -> bool:
    """Return whether the clock was restarted behind a record."""
    return bool(Restarts.read(reader, after=after))


def check_format(reader: Reader, head: Head) -> None:
    """Check that a bank is not of before the format was settled: neither end of it, if any.

    :raises OtherVersion: it is.
    """
    ends = {0, head.sequence - 1} if head.sequence else set()
    rows = [row for after in ends for row in reader.records(after=after, limit=1)]
    if rows and all(is_of_november(row.body) for row in rows):
        raise OtherVersion(OF_NOVEMBER)


def day_of(reader: Reader, sequence: int) -> str:
    """Return the day, `YYYY-MM-DD`, for which a record counts."""
    found = recorded(record_at(reader, sequence).body)
    return Restarts.read(reader, after=sequence).dated(sequence, *found)[1]


def latest_day(reader: Reader, sequence: int) -> str:
    """Return the last day that a posting can be of which had been recorded by a record.

    It is the day after its own; where the clock was restarted by then, after the last day that a
    false clock had said.
    """
    before = (one.sequence - 1 for one in Restarts.read(reader) if one.sequence <= sequence)
    days = [recorded(record_at(reader, one).body)[1] for one in (sequence, *before)]
    return days_later(max(days), 1)


def day_now(reader: Reader, now: int) -> str:
    """Return the day, `YYYY-MM-DD`, of an instant for who reads: that of a record of then.

    Reading needs no data on time zones: where this machine has none, it is the day in UTC. Where
    the last record lies ahead of the clock, so that nothing is recorded, it is the clock's day.
    """
    last_at, last_on = last_recorded(reader)
    try:
        day = in_force(reader).day(now)
    except InvalidStatute:
        day = instant(now).date().isoformat()
    return day if last_at - now > MOST_AHEAD else max(day, last_on)


def sequence_at(reader: Reader, at: int | datetime) -> int:
    """Return the last sequence that was recorded by a point: a sequence, or an aware instant.

    It is found by binary search, for instants only grow: what lies later than a restart of the
    clock that followed it counts as the restart's.

    :raises InvalidRequest: a negative sequence, or no aware instant.
    """
    if type(at) is int:
        if at < 0:
            msg = f"at is a sequence from 0 or an aware datetime, not {at}"
            raise InvalidRequest(msg)
        return at
    moment = microseconds(at)
    low, high = 0, reader.head().sequence
    restarts = Restarts.read(reader)
    while low < high:
        middle = (low + high + 1) // 2
        instant, _ = restarts.dated(middle, *recorded(record_at(reader, middle).body))
        low, high = (middle, high) if instant <= moment else (low, middle - 1)
    return low
