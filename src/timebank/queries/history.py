"""Heads that were told, and losses that were declared: whether a journal still has what it had."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from timebank.journal import recorded
from timebank.journal.kinds import RecordBody
from timebank.model import Head, RecordRow
from timebank.queries.clock import RESTART
from timebank.queries.records import body_of, find_record
from timebank.statute import MOST_AHEAD
from timebank.storage.protocol import Reader

LOST: Final = "history_lost"
#: Records of a page.
_PAGE: Final = 1_000


def has_record(reader: Reader, sequence: int, digest: bytes) -> bool:
    """Return whether the record of a sequence has a digest."""
    row = find_record(reader, sequence)
    return row is not None and row.digest == digest


def has_head(reader: Reader, head: Head, now: Head) -> bool:
    """Return whether a journal that stands at `now` has a head."""
    if head.journal != now.journal:
        return False
    if head.sequence in {0, now.sequence}:
        return not head.sequence or head.digest == now.digest
    return head.sequence < now.sequence and has_record(reader, head.sequence, head.digest)


def naming(reader: Reader, sequence: int, digest: str) -> RecordRow | None:
    """Return the newest record that declares the loss of this very head, `None` without one."""
    for row in _backwards(reader, reader.head().sequence):
        if row.kind == LOST and body_of(row)["effects"]["lost"] == [sequence, digest]:
            return row
    return None


def excuse(
    reader: Reader, lost: Head, lost_at: int | None, *, clock: int, after: int = 0
) -> RecordRow | None:
    """Return the record that excuses a head which is gone, `None` without one.

    It names the head, or its instant is later than that of the head, `lost_at`: who declared it
    has looked at a journal that had the head no more. A record that lies ahead of the `clock`, or
    behind which the clock was restarted, excuses by name alone, for its instant was wrong.
    Records up to the sequence `after` were looked at before.
    """
    name, is_right = [lost.sequence, lost.digest.hex()], True
    for row in _backwards(reader, reader.head().sequence, after=after):
        if row.kind == RESTART:
            is_right = False
        elif row.kind == LOST:
            record = body_of(row)
            if record["effects"]["lost"] == name:
                return row
            if is_right and lost_at is not None and _is_later(record, lost_at, clock):
                return row
    return None


def _is_later(record: RecordBody, lost_at: int, clock: int) -> bool:
    return lost_at < record["recorded_at"] <= clock + MOST_AHEAD


def _backwards(reader: Reader, end: int, *, after: int = 0) -> Iterator[RecordRow]:
    """Yield records, the newest first."""
    while end > after:
        start = max(end - _PAGE, after)
        yield from reversed(reader.records(after=start, limit=end - start))
        end = start


def instant_of(reader: Reader, sequence: int) -> int:
    """Return the instant of a record in microseconds since 1970; 0 where there is none."""
    row = find_record(reader, sequence)
    return 0 if row is None else recorded(row.body)[0]
