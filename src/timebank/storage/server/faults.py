"""Find faults of a store on an SQL server: in its schema, and rows without a parent.

The server looks after its files itself; what it says of damage comes out as an error.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from timebank.errors import shown
from timebank.model import Fault
from timebank.model.said import said
from timebank.storage.references import own_levels, own_orphans, own_references
from timebank.storage.server.rows import Transaction
from timebank.storage.server.schema import GUARDED, tables
from timebank.storage.sums import Fetch
from timebank.storage.tables import LAST_LEVEL, TABLES, odd_tile

#: Findings of one kind that are named; more of them say nothing new.
MOST: Final = 100

#: Rows whose record, account or bank is missing, should the server's own keys have been off.
_MISSING: Final = {
    "timebank_records": ("timebank_banks", ("bank",)),
    "timebank_texts": ("timebank_records", ("bank", "sequence")),
    "timebank_accounts": ("timebank_banks", ("bank",)),
    "timebank_postings": ("timebank_accounts", ("bank", "account")),
    "timebank_holds": ("timebank_accounts", ("bank", "account")),
    "timebank_statutes": ("timebank_records", ("bank", "sequence")),
    "timebank_tiles": ("timebank_banks", ("bank",)),
}


def faults(transaction: Transaction, progress: Callable[[], None] | None) -> list[Fault]:
    """Return faults of the schema, rows without a parent, and tiles of levels that no tree has.

    The driver's errors pass through.
    """
    found: list[Fault] = []
    for check in (_schemas, _columns, _constraints, _guards, _orphans, _levels):
        if progress is not None:
            progress()
        found += check(transaction)
    return found[:MOST]


def own_faults(
    transaction: Transaction, fetch: Fetch, bank: str, progress: Callable[[], None] | None
) -> list[Fault]:
    """Return faults of the schema, and rows of one bank without a parent: no others are read.

    The driver's errors pass through.
    """
    found = schema_faults(transaction)
    by_key = transaction.dialect.reading.by_key
    for check in (own_orphans, own_references, own_levels):
        if progress is not None:
            progress()
        found += check(fetch, bank, mark="%s", by_key=by_key)
    return found[:MOST]


def schema_faults(transaction: Transaction) -> list[Fault]:
    """Return faults of the schema alone: no row of a bank is read."""
    checks = (_schemas, _columns, _constraints, _guards)
    return [fault for check in checks for fault in check(transaction)][:MOST]


def _schemas(transaction: Transaction) -> Iterator[Fault]:
    """Find tables of one ledger in several schemas: `search_path` mixes two ledgers."""
    found = sorted(transaction.dialect.schemas(transaction.cursor))
    if len(found) > 1:
        yield Fault(
            "schema",
            said("tables_of_the_ledger"),
            said("in_one_schema"),
            said("in_schemas", schemas=", ".join(found)),
        )


def _columns(transaction: Transaction) -> Iterator[Fault]:
    """Find columns that are missing, that may be empty, or that do not compare by code point."""
    found = {
        (table, column): (bool(nullable), collation)
        for table, column, nullable, collation in transaction.dialect.columns(transaction.cursor)
    }
    for table in tables().sorted_tables:
        for column in table.columns:
            there = found.pop((table.name, column.name), None)
            where = said("column", table=table.name, column=column.name)
            if there is None:
                yield Fault("schema", where, said("a_column"), said("nothing"))
                continue
            null, collation = there
            if null != column.nullable:
                expected = said("empty_allowed") if column.nullable else said("never_empty")
                yield Fault("schema", where, expected, said("the_other"))
            if collation is not None and collation not in ("C", "utf8mb4_nopad_bin"):
                yield Fault("schema", where, said("compared_by_code_point"), str(collation))
    for table_name, column_name in sorted(found):
        yield Fault(
            "schema",
            said("column", table=table_name, column=column_name),
            said("nothing"),
            said("a_column"),
        )


def _constraints(transaction: Transaction) -> Iterator[Fault]:
    """Find missing checks, foreign keys and unique keys, as far as the user may see them."""
    found = transaction.dialect.constraints(transaction.cursor)
    if found is None:
        return
    expected = {
        (table.name, str(constraint.name))
        for table in tables().sorted_tables
        for constraint in table.constraints
        if constraint.name is not None
    }
    for table_name, name in sorted(expected - found):
        yield Fault(
            "schema",
            said("constraint_of", name=name, table=table_name),
            said("there"),
            said("nothing"),
        )


def _guards(transaction: Transaction) -> Iterator[Fault]:
    transaction.cursor.execute("SELECT 1 FROM timebank_migrations WHERE name = %s", (GUARDED,))
    if not transaction.cursor.fetchall():
        return  # the engine has no triggers, as was found when the tables were made
    expected = transaction.dialect.guard_names()
    found = transaction.dialect.trigger_names(transaction.cursor)
    if found is None:
        return
    for name in sorted(expected - found):
        yield Fault(
            "schema", said("trigger", name=name), said("there_and_enabled"), said("nothing")
        )
    for name in sorted(found - expected):
        yield Fault("schema", said("trigger", name=name), said("nothing"), said("a_trigger"))


def _orphans(transaction: Transaction) -> Iterator[Fault]:
    for table in TABLES:
        parent, keys = _MISSING[table]
        same = " AND ".join(f"parent.{key} = child.{key}" for key in keys)
        transaction.cursor.execute(
            f"SELECT DISTINCT child.bank FROM {table} child WHERE NOT EXISTS "  # noqa: S608 - our names
            f"(SELECT 1 FROM {parent} parent WHERE {same}) ORDER BY child.bank LIMIT {MOST}",
            (),
        )
        for (bank,) in transaction.cursor.fetchall():
            check = "orphans" if parent == "timebank_banks" else "references"
            yield Fault(
                check,
                table,
                said("rows_with_a_row_of", table=parent),
                said("rows_of_bank", bank=shown(bank)),
            )


def _levels(transaction: Transaction) -> Iterator[Fault]:
    """Find tiles of levels that no tree has, should the server's own checks have been off."""
    transaction.cursor.execute(
        f"SELECT bank, level, tile FROM timebank_tiles "  # noqa: S608 - our number
        f"WHERE level NOT BETWEEN 0 AND {LAST_LEVEL} LIMIT {MOST}",
        (),
    )
    yield from map(odd_tile, transaction.cursor.fetchall())
