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
from timebank.storage.server.meaning import schema_faults
from timebank.storage.server.rows import Transaction
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
    for check in (schema_faults, _orphans, _levels):
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
