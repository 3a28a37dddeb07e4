"""What a store on an SQL server finds wrong in itself: its schema, and rows of no parent.

The server looks after its files itself; what it says of damage comes out as an error.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final

from timebank.errors import shown
from timebank.model import Fault
from timebank.storage.server.rows import Place
from timebank.storage.server.schema import GUARDED, tables
from timebank.storage.tables import TABLES

#: Findings of one kind that are named; more of them say nothing new.
MOST: Final = 100

_COLUMNS: Final = """SELECT table_name, column_name, data_type, is_nullable, collation_name
    FROM information_schema.columns WHERE table_schema = {schema}
    AND table_name LIKE 'timebank%%'"""
#: Rows whose record, account or bank is missing, should the server's own keys have been off.
_MISSING: Final = {
    "timebank_records": ("timebank_banks", ("bank",)),
    "timebank_texts": ("timebank_records", ("bank", "sequence")),
    "timebank_accounts": ("timebank_banks", ("bank",)),
    "timebank_postings": ("timebank_accounts", ("bank", "account")),
    "timebank_holds": ("timebank_accounts", ("bank", "account")),
    "timebank_statutes": ("timebank_records", ("bank", "sequence")),
}


def faults(place: Place, progress: Callable[[], None] | None) -> list[Fault]:
    """Faults of the schema, then rows without a parent. The driver's errors are the caller's."""
    found: list[Fault] = []
    for check in (_columns, _constraints, _guards, _orphans):
        if progress is not None:
            progress()
        found += check(place)
    return found[:MOST]


def _rows(place: Place, sql: str) -> list[tuple[Any, ...]]:
    schema = "current_schema()" if place.dialect.name == "postgresql" else "database()"
    place.cursor.execute(sql.format(schema=schema), ())
    return list(place.cursor.fetchall())


def _columns(place: Place) -> Iterator[Fault]:
    """Every column is there, is empty only where it may be, and compares by code point."""
    found = {
        (table, column): (nullable == "YES", collation)
        for table, column, _, nullable, collation in _rows(place, _COLUMNS)
    }
    for table in tables().sorted_tables:
        for column in table.columns:
            there = found.pop((table.name, column.name), None)
            where = f"column {table.name}.{column.name}"
            if there is None:
                yield Fault("schema", where, "a column", "nothing")
                continue
            null, collation = there
            if null != column.nullable:
                expected = "empty allowed" if column.nullable else "never empty"
                yield Fault("schema", where, expected, "the other")
            if collation is not None and collation not in ("C", "utf8mb4_nopad_bin"):
                yield Fault("schema", where, "compared by code point", str(collation))
    for table_name, column_name in sorted(found):
        yield Fault("schema", f"column {table_name}.{column_name}", "nothing", "a column")


def _constraints(place: Place) -> Iterator[Fault]:
    """Every check, foreign key and unique key of ours is there, as far as the user may see."""
    found = place.dialect.constraints(place.cursor)
    if found is None:
        return
    expected = {
        (table.name, str(constraint.name))
        for table in tables().sorted_tables
        for constraint in table.constraints
        if constraint.name is not None
    }
    for table_name, name in sorted(expected - found):
        yield Fault("schema", f"constraint {name} of {table_name}", "there", "nothing")


def _guards(place: Place) -> Iterator[Fault]:
    place.cursor.execute("SELECT 1 FROM timebank_migrations WHERE name = %s", (GUARDED,))
    if not place.cursor.fetchall():
        return  # the engine has no triggers, as was found when the tables were made
    expected = place.dialect.guard_names()
    found = place.dialect.trigger_names(place.cursor)
    if found is None:
        return
    for name in sorted(expected - found):
        yield Fault("schema", f"trigger {name}", "there and enabled", "nothing")
    for name in sorted(found - expected):
        yield Fault("schema", f"trigger {name}", "nothing", "a trigger")


def _orphans(place: Place) -> Iterator[Fault]:
    for table in TABLES:
        parent, keys = _MISSING[table]
        same = " AND ".join(f"parent.{key} = child.{key}" for key in keys)
        place.cursor.execute(
            f"SELECT DISTINCT child.bank FROM {table} child WHERE NOT EXISTS "  # noqa: S608 - our names
            f"(SELECT 1 FROM {parent} parent WHERE {same}) ORDER BY child.bank LIMIT {MOST}",
            (),
        )
        for (bank,) in place.cursor.fetchall():
            check = "orphans" if parent == "timebank_banks" else "references"
            yield Fault(check, table, f"rows with a row of {parent}", f"rows of bank {shown(bank)}")
