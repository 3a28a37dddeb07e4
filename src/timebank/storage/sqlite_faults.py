"""What a SQLite file finds wrong in itself: damage, schema, triggers, rows of no bank."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from typing import Final

from timebank.errors import shown
from timebank.model import Fault
from timebank.storage import sqlite_schema as schema

MOST: Final = 100
_STEPS_BETWEEN_PROGRESS: Final = 1_000_000


def faults(
    connection: sqlite3.Connection, progress: Callable[[], None] | None
) -> Iterator[Fault]:
    """Each check on its own: one that cannot be made is a fault, and the next goes on."""
    if progress is not None:
        tell = progress
        connection.set_progress_handler(lambda: tell() and None, _STEPS_BETWEEN_PROGRESS)
    try:
        for check in (_integrity, _schema, _migrations, _orphans, _references):
            try:
                yield from check(connection)
            except (sqlite3.Error, UnicodeError) as error:
                yield Fault("file", check.__name__[1:], "readable", str(error))
    finally:
        connection.set_progress_handler(None, 0)


def _integrity(connection: sqlite3.Connection) -> Iterator[Fault]:
    for (line,) in connection.execute(f"PRAGMA integrity_check({MOST})"):
        if line != "ok":
            yield Fault("file", "integrity", "ok", str(line))


def _schema(connection: sqlite3.Connection) -> Iterator[Fault]:
    """Compare every object that is ours, or hangs on a table of ours, with a fresh schema."""
    fresh = sqlite3.connect(":memory:", isolation_level=None)
    try:
        schema.migrate(fresh)
        expected = schema.objects(fresh)
    finally:
        fresh.close()
    found = schema.objects(connection)
    for name in sorted(expected.keys() | found.keys()):
        if expected.get(name) != found.get(name):
            yield Fault("schema", str(name), _sql(expected.get(name)), _sql(found.get(name)))


def _sql(described: tuple[str, ...] | None) -> str:
    return "nothing" if described is None else described[-1] or described[0]


def _migrations(connection: sqlite3.Connection) -> Iterator[Fault]:
    expected = [
        (number, schema.MIGRATION_SET, name, schema.APPLIED_AT)
        for number, name in enumerate(schema.MIGRATIONS, start=1)
    ]
    found = schema.migration_rows(connection)
    if found != expected:
        yield Fault("schema", schema.MIGRATIONS_TABLE, shown(expected), shown(found))


def _orphans(connection: sqlite3.Connection) -> Iterator[Fault]:
    for table in schema.LEDGER_TABLES[:-1]:
        rows = connection.execute(
            f"SELECT bank, count(*) FROM {table}"  # noqa: S608  # a constant
            " WHERE bank NOT IN (SELECT bank FROM timebank_banks) GROUP BY bank LIMIT ?",
            (MOST,),
        )
        for bank, count in rows:
            yield Fault(
                "orphans", table, "rows of a bank of the file", f"{count} of bank {shown(bank)}"
            )


def _references(connection: sqlite3.Connection) -> Iterator[Fault]:
    left = MOST
    for table in schema.LEDGER_TABLES:
        for _, _, parent, number in connection.execute(f"PRAGMA foreign_key_check({table})"):
            if not left:
                return
            left -= 1
            yield Fault(
                "references", table, f"rows that refer to a row of {parent}", f"key {number} broken"
            )
