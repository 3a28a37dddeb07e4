"""The version of the tables on an SQL server: what is there, and what is still to be done."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING, Any, Final

from timebank.errors import (
    Conflict,
    NotFound,
    OtherVersion,
    OutcomeUnknown,
    Retryable,
    StoreError,
    TimebankError,
)
from timebank.storage.server.dialect import Dialect
from timebank.storage.server.guards import no_statistics
from timebank.storage.server.limits import patience
from timebank.storage.server.meaning import lacks_guards, names_noted
from timebank.storage.server.rows import Transaction
from timebank.storage.server.schema import (
    GUARDED,
    LEDGER,
    MIGRATIONS,
    UNGUARDED,
    UNRELEASED,
    tables,
)
from timebank.storage.tables import LACKS_TILES, MADE_BEFORE_RELEASE

if TYPE_CHECKING:
    from timebank.storage.server.store import SqlStore

#: How often making the tables is begun again when another process makes them too.
TRIES: Final = 5


def check_version(store: SqlStore, *, create: bool) -> None:
    """Check that the tables are of this version; with `create` make them where there are none.

    :raises NotFound: there are none, and `create` is false.
    :raises OtherVersion: the tables are of another version.
    """
    applied = applied_to(store)
    if applied is None and not create:
        msg = f"{store.url} has no ledger in it"
        raise NotFound(msg)
    if not applied and create:
        migrate(store)  # what another process is making this moment is waited for
    else:
        _check_applied(applied or set(), store.url)


def _check_applied(applied: set[str], where: str) -> None:
    if not applied.issuperset(MIGRATIONS):
        msg = (
            f"{where} was made by an older timebank, or is half made: "
            "run `timebank migrate` with its URL"
        )
        raise OtherVersion(msg)


def check_reader(transaction: Transaction) -> None:
    """Check that the tables in which a transaction reads are of this version.

    :raises OtherVersion: they are not.
    """
    applied = applied_in(transaction)
    if applied is not None:
        _check_applied(applied, transaction.where)


def applied_to(store: SqlStore) -> set[str] | None:
    """Return the migrations that are recorded; `None` where there is no table of ours.

    :raises OtherVersion: a newer version made the tables, or one from before the first release.
    """
    # Not as a snapshot: MariaDB refuses to look at a table that was made after it.
    with store.transaction(read_only=True) as (_, transaction):
        return applied_in(transaction)


def applied_in(transaction: Transaction) -> set[str] | None:
    """Return the migrations that are recorded: see `applied_to`."""
    applied, where = _recorded(transaction), transaction.where
    if applied and (not applied.isdisjoint(UNRELEASED) or _lacks_columns(transaction)):
        msg = f"{where} {MADE_BEFORE_RELEASE}"
        raise OtherVersion(msg)
    if applied and _lacks_tiles(transaction):
        msg = f"{where} {LACKS_TILES}"
        raise OtherVersion(msg).about(key="store_lacks_tiles", where=where)
    if applied and (unknown := applied.difference(MIGRATIONS, {GUARDED, UNGUARDED})):
        msg = (
            f"{where} was written by a newer timebank (it has {', '.join(sorted(unknown))}): "
            "upgrade timebank to open it"
        )
        raise OtherVersion(msg)
    return applied


def _recorded(transaction: Transaction) -> set[str] | None:
    try:
        if not transaction.dialect.has_tables(transaction.cursor):
            return None
        transaction.cursor.execute("SELECT name FROM timebank_migrations")
        return {name for (name,) in transaction.cursor.fetchall()}
    except transaction.dialect.error as error:
        raise transaction.translated(error) from error


#: What fails where a column lacks that has been there since the first release; and a table.
_COLUMNS: Final = (
    "SELECT kind FROM timebank_records WHERE 1 = 0",
    "SELECT merged_into FROM timebank_accounts WHERE 1 = 0",
)
_TILES: Final = "SELECT hash FROM timebank_tiles WHERE 1 = 0"


def _lacks_columns(transaction: Transaction) -> bool:
    return any(map(transaction.dialect.no_column, _failures(transaction, *_COLUMNS)))


def _lacks_tiles(transaction: Transaction) -> bool:
    return any(map(transaction.dialect.no_table, _failures(transaction, _TILES)))


def _failures(transaction: Transaction, *questions: str) -> Iterator[Exception]:
    """Yield how the first of some questions fails that does; what it means is for the caller."""
    try:
        for question in questions:
            transaction.cursor.execute(question)
    except transaction.dialect.error as error:
        yield error


def migrate(store: SqlStore) -> list[str]:
    """Apply what is pending, also while others do so, and return the names of what was done.

    Guards that are missing, or are not as this version makes them, are made anew. PostgreSQL does
    all in one transaction. MariaDB ends a transaction at each table: what a kill leaves half
    made is made whole by the next try, and recorded only then.

    :raises StoreError: the store was opened to be read only, or guards are to be made anew, and the
        user may not.
    :raises OutcomeUnknown: some or all of it may have been made; the next try tells.
    """
    store.check_writable()
    for _ in range(TRIES):
        applied_to(store)
        try:
            with (
                store.transaction() as (connection, transaction),
                patience(connection),
                store.dialect.making_tables(transaction.cursor),
            ):
                done = make_ledger(transaction, _recorded(transaction) or set())
                transaction.commit()
        except Conflict:  # of the commit: another process has made them
            continue
        except store.dialect.error as error:
            if not store.dialect.made_already(error):
                raise half_made(
                    store.dialect, store.dialect.translated(error, store.url)
                ) from error
        else:
            return done
    msg = f"{store.url}: another process was making the same tables"
    raise Conflict(msg)


def half_made(dialect: Dialect, error: TimebankError) -> TimebankError:
    """Return the error for tables that could not all be made.

    Where each is a commit of its own it is not true that nothing was written.
    """
    is_unknown = isinstance(error, Retryable) and not dialect.transactional_ddl
    return OutcomeUnknown(None) if is_unknown else error


def make_ledger(transaction: Transaction, there: Collection[str] = ()) -> list[str]:
    """Make the tables that are missing, and the guards; record it and return its names.

    The driver's errors are the caller's.

    :raises StoreError: the tables are there, the guards are not, and the user may not make them.
    """
    done = [name for name in MIGRATIONS if name not in there]
    if not done:
        return _mend_guards(transaction)
    for statement in statements(transaction.dialect.name):
        transaction.cursor.execute(statement)
    for name in reversed(done):
        _note(transaction, name)
    if LEDGER in done:
        done += _make_guards(transaction)
        _note(transaction, GUARDED if GUARDED in done else UNGUARDED)
    return done


def _note(transaction: Transaction, name: str) -> None:
    transaction.cursor.execute("DELETE FROM timebank_migrations WHERE name = %s", (name,))
    transaction.cursor.execute("INSERT INTO timebank_migrations (name) VALUES (%s)", (name,))


def _mend_guards(transaction: Transaction) -> list[str]:
    """Make the guards anew where they are not as this version makes them."""
    noted = names_noted(transaction)
    if not lacks_guards(transaction) and GUARDED in noted:
        return []
    made = _make_guards(transaction)
    if not made and GUARDED in noted:
        msg = (
            f"{transaction.where}: guards of the ledger are missing, or are not as this version "
            "makes them, and the user of the URL may not make them: run `timebank migrate` as "
            "the owner of the tables"
        )
        raise StoreError(msg).about(key="guards_not_made", where=transaction.where)
    if made:
        _note(transaction, GUARDED)
        transaction.cursor.execute("DELETE FROM timebank_migrations WHERE name = %s", (UNGUARDED,))
    elif UNGUARDED not in noted:
        _note(transaction, UNGUARDED)
        return [UNGUARDED]
    return made


def _make_guards(transaction: Transaction) -> list[str]:
    """Make the triggers, where the engine and the rights of its user allow it."""
    transaction.cursor.execute("SAVEPOINT timebank_guards")
    try:
        for statement in transaction.dialect.triggers(transaction.cursor):
            transaction.cursor.execute(statement)
    except transaction.dialect.error as error:
        if not transaction.dialect.has_no_triggers(error):
            raise
        if transaction.dialect.name == "postgresql":
            transaction.cursor.execute("ROLLBACK TO SAVEPOINT timebank_guards")
        return []
    return [GUARDED]


def statements(name: str, *, partitions: int = 0, if_missing: bool = True) -> list[str]:
    """Return the statements that make the tables and their indexes on a server of this name.

    With `partitions` each table that has rows of banks is of so many, by the hash of the bank; on
    PostgreSQL alone.
    """
    from sqlalchemy.dialects import mysql, postgresql
    from sqlalchemy.schema import CreateIndex, CreateTable

    kind: Any = postgresql.dialect if name == "postgresql" else mysql.dialect
    dialect: Any = kind()
    made = []
    for table in tables().sorted_tables:
        text = str(CreateTable(table, if_not_exists=if_missing).compile(dialect=dialect)).strip()
        parts = partitions if "bank" in table.columns else 0
        made.append(f"{text} PARTITION BY HASH (bank)" if parts else text)
        made += partitions_of(table.name, parts)
        made += [
            str(CreateIndex(index, if_not_exists=if_missing).compile(dialect=dialect))
            for index in sorted(table.indexes, key=lambda index: str(index.name))
        ]
    if name == "postgresql":
        made.append(no_statistics())
    return made


def partitions_of(table: str, number: int) -> list[str]:
    """Return the statements that make a number of partitions of a table of PostgreSQL.

    >>> from timebank.storage.server.migrations import partitions_of
    >>> [statement.partition(" FOR ")[0] for statement in partitions_of("timebank_banks", 1)]
    ['CREATE TABLE timebank_banks_p0 PARTITION OF timebank_banks']
    """
    return [
        f"CREATE TABLE {partition_name(table, part)} PARTITION OF {table} "
        f"FOR VALUES WITH (MODULUS {number}, REMAINDER {part})"
        for part in range(number)
    ]


def partition_name(table: str, part: int) -> str:
    """Return the name of a partition."""
    return f"{table}_p{part}"
