"""Read the statutes that were adopted: the one in force, one by its version, one by a day."""

from __future__ import annotations

from collections.abc import Iterator

from timebank.errors import Corrupt
from timebank.journal import recorded
from timebank.model import MAX_INTEGER, StatuteRow
from timebank.queries.records import PAGE, find_record, record_at
from timebank.statute import DEFAULT, Statute
from timebank.statute.codec import of_body
from timebank.storage.protocol import Reader


def in_force(reader: Reader) -> Statute:
    """Return the statute that was adopted last; the default one, where none was."""
    return last_rules(reader)[0]


def last_rules(reader: Reader) -> tuple[Statute, str | None]:
    """Return the statute that is in force, and the last day of closed books, if any."""
    rows = reader.statutes(before=MAX_INTEGER + 1, limit=1)
    return (adopted_by(reader, rows[0]), rows[0].closed_through) if rows else (DEFAULT, None)


def of_version(reader: Reader, version: str) -> Statute | None:
    """Return the statute of a version that was adopted, or is the library's own."""
    if version == DEFAULT.version:
        return DEFAULT
    rows = [row for row in statute_rows(reader) if row.version == version]
    return _first_adopted(reader, rows[-1]) if rows else None


def ever_adopted(reader: Reader) -> Iterator[Statute]:
    """Yield each statute that was ever adopted, once: those that came last come first."""
    first: dict[str, StatuteRow] = {}
    for row in statute_rows(reader):
        first.pop(row.version, None)
        first[row.version] = row
    for version, row in first.items():
        if version != DEFAULT.version:
            yield adopted_by(reader, row)


def _first_adopted(reader: Reader, row: StatuteRow) -> Statute | None:
    """Return the statute that the first record of its version adopted."""
    record = record_at(reader, row.sequence)
    return of_body(record.body) if record.kind == "adopt" else None


def adopted_on(reader: Reader, day: str) -> Statute:
    """Return the statute in force at the end of a day, `YYYY-MM-DD`.

    The newest come first: so a statute of a day that a restart of the clock undid is never met
    before the restart, which dates it anew.
    """
    for row in statute_rows(reader):
        if recorded(record_at(reader, row.sequence).body)[1] <= day:
            return adopted_by(reader, row)
    return DEFAULT


def statute_rows(reader: Reader) -> list[StatuteRow]:
    """Return adoptions, restarts of the clock and closings, newest first: some a year."""
    rows = reader.statutes(before=MAX_INTEGER + 1, limit=PAGE)
    while len(rows) % PAGE == 0 and (page := _before(reader, rows)):
        rows += page
    return rows


def _before(reader: Reader, rows: list[StatuteRow]) -> list[StatuteRow]:
    return reader.statutes(before=rows[-1].sequence, limit=PAGE) if rows else []


def adopted_by(reader: Reader, row: StatuteRow) -> Statute:
    """Return the statute that a record adopted, or that was in force when it was another one.

    :raises Corrupt: the record is missing, or adopts none.
    """
    found = find_record(reader, row.sequence)
    if found is None:
        msg = f"record {row.sequence}, which adopted a statute, is missing"
        raise Corrupt(msg)
    if found.kind in {"restart_clock", "close_books"}:
        statute = of_version(reader, row.version)
        if statute is None:
            msg = f"record {row.sequence} names a statute that was never adopted"
            raise Corrupt(msg)
        return statute
    return of_body(found.body)
