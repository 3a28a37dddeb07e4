"""Find faults of the schema on an SQL server: what is defined there is compared by its meaning.

No row of a bank is read, nothing is locked, and a user who may only read may ask.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from timebank.model import Fault
from timebank.model.said import said
from timebank.storage.server.definitions import Catalogue, Definition, differences
from timebank.storage.server.rows import Transaction
from timebank.storage.server.schema import GUARDED, UNGUARDED

#: Findings that are named; more of them say nothing new.
MOST: Final = 100
#: The one column that the statements of the guards look after too.
_LOOKED_AFTER: Final = ("timebank_texts", "text")


def schema_faults(transaction: Transaction) -> list[Fault]:
    """Return faults of the schema alone. The driver's errors pass through."""
    return [*_schemas(transaction), *_definitions(transaction)][:MOST]


def schema_unseen(transaction: Transaction) -> list[str]:
    """Return in words what of the schema the server does not show to this user."""
    return list(transaction.dialect.unseen(transaction.cursor))


def lacks_guards(transaction: Transaction) -> bool:
    """Return whether a guard is missing, or is another than this version makes."""
    catalogue = transaction.dialect.catalogue(transaction.cursor)
    found = (one for one in catalogue.found if _is_of_guards(one))
    expected = (one for one in catalogue.expected if _is_of_guards(one))
    return any(str(one.expected) != said("nothing") for one in differences(expected, found))


def _is_of_guards(one: Definition) -> bool:
    return one.kind == "trigger" or (
        one.kind == "column"
        and one.name == _LOOKED_AFTER[1]
        and one.text.startswith("BYTEA")  # PostgreSQL's alone
    )


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


def _definitions(transaction: Transaction) -> Iterator[Fault]:
    """Find what is missing, is another, or is one too many."""
    catalogue = transaction.dialect.catalogue(transaction.cursor)
    noted = names_noted(transaction)
    if noted.isdisjoint({GUARDED, UNGUARDED}):
        yield Fault("schema", said("rows_of_timebank_migrations"), GUARDED, said("nothing"))
    expected = catalogue.expected
    if not _asks_for_guards(transaction, catalogue, noted):
        expected = [one for one in expected if one.kind != "trigger"]
    yield from differences(expected, catalogue.found)


def names_noted(transaction: Transaction) -> set[str]:
    """Return the rows of `timebank_migrations`."""
    transaction.cursor.execute("SELECT name FROM timebank_migrations")
    return {str(name) for (name,) in transaction.cursor.fetchall()}


def _asks_for_guards(transaction: Transaction, catalogue: Catalogue, noted: set[str]) -> bool:
    """Return whether guards are missed.

    Where it is noted that none could be made, they are so by those who may make them, and
    wherever one of them is.
    """
    if GUARDED in noted or UNGUARDED not in noted:
        return True
    ours = {one.meaning for one in catalogue.expected if one.kind == "trigger"}
    if any(one.meaning in ours for one in catalogue.found):
        return True
    return transaction.dialect.may_guard(transaction.cursor)
