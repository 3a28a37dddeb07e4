"""What is asked of a `Reader` in more than one place: open holds, delegates, statutes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from timebank.errors import Corrupt
from timebank.journal import parse, recorded_at
from timebank.model import MAX_INTEGER, AccountRow, HoldRow, StatuteRow
from timebank.statute import DEFAULT, Statute
from timebank.statute.codec import of_body
from timebank.storage.protocol import Reader

PAGE: Final = 500


def unexpired(reader: Reader, account: str, *, now: int) -> Iterator[HoldRow]:
    """The rows of an account's open holds that expire after an instant, a page at a time."""
    after = (now, MAX_INTEGER)
    while page := reader.holds_of(account, after=after, limit=PAGE):
        yield from page
        if len(page) < PAGE:
            return
        after = (page[-1].expires_at, page[-1].sequence)


def rows_of_hold(reader: Reader, sequence: int) -> list[HoldRow]:
    """The rows of one open hold, by account; none where it is resolved."""
    rows: list[HoldRow] = []
    after = (sequence, "")
    while page := reader.holds(after=after, limit=PAGE):
        rows += [row for row in page if row.sequence == sequence]
        if len(page) < PAGE or page[-1].sequence != sequence:
            break
        after = (sequence, page[-1].account)
    return rows


def reserved(reader: Reader, account: str, *, now: int) -> tuple[int, int]:
    """The seconds that open holds keep of an account: to be spent, and to be earned.

    The time is that of the last record where `now` is behind it, as a decision's is.
    """
    rows = list(unexpired(reader, account, now=now))
    if not rows:
        return 0, 0
    now = max(now, last_instant(reader))
    rows = [row for row in rows if row.expires_at > now]
    return sum(row.held for row in rows), sum(row.incoming for row in rows)


def last_instant(reader: Reader) -> int:
    """The instant of the last record, in microseconds since 1970; 0 where there is none.

    :raises Corrupt: the last record is missing.
    """
    sequence = reader.head().sequence
    if not sequence:
        return 0
    rows = reader.records(after=sequence - 1, limit=1)
    if not rows:
        msg = f"record {sequence}, the last one, is missing"
        raise Corrupt(msg)
    return recorded_at(rows[0].body)


def in_force(reader: Reader) -> Statute:
    """The statute that was adopted last; the default one, where none was."""
    rows = reader.statutes(before=MAX_INTEGER + 1, limit=1)
    return adopted_by(reader, rows[0]) if rows else DEFAULT


def of_version(reader: Reader, version: str) -> Statute | None:
    """The statute of a version that was adopted, or is the library's own."""
    for row in statute_rows(reader):
        if row.version == version:
            return adopted_by(reader, row)
    return DEFAULT if version == DEFAULT.version else None


def adopted_on(reader: Reader, day: str) -> Statute:
    """The statute that was in force at the end of a day, `YYYY-MM-DD`, in its own time zone."""
    for row in statute_rows(reader):
        statute = adopted_by(reader, row)
        body = reader.records(after=row.sequence - 1, limit=1)[0].body
        if statute.day(recorded_at(body)) <= day:
            return statute
    return DEFAULT


def statute_rows(reader: Reader) -> Iterator[StatuteRow]:
    """The adoptions, newest first, a page at a time."""
    before = MAX_INTEGER + 1
    while page := reader.statutes(before=before, limit=PAGE):
        yield from page
        before = page[-1].sequence


def delegates_of(reader: Reader, row: AccountRow) -> dict[str, str | None]:
    """Who was named to act for an account and not ended, each with the last day, if it has one.

    Those whose day is over are still among them.
    """
    found: dict[str, str | None] = {}
    for record in reader.referring(row.opened):
        body = parse(record.body)
        effects = body["effects"]
        found.pop(effects["delegate"], None)
        if body["kind"] == "name_delegate":
            found[effects["delegate"]] = effects["until"]
    return found


def adopted_by(reader: Reader, row: StatuteRow) -> Statute:
    """The statute that a record adopted.

    :raises Corrupt: the record is missing, or adopts none.
    """
    found = reader.records(after=row.sequence - 1, limit=1)
    if not found or found[0].sequence != row.sequence:
        msg = f"record {row.sequence}, which adopted a statute, is missing"
        raise Corrupt(msg)
    return of_body(found[0].body)
