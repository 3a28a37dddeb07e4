"""One bank in SQLite, read in a snapshot.

Every statement is a constant, so that SQLite's cache of prepared ones serves.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from types import TracebackType
from typing import Any, Final, Self

from timebank.errors import BankNotFound, Corrupt, StoreError, TimebankError
from timebank.model import Fault
from timebank.storage.sqlite.connections import Connections
from timebank.storage.sqlite.errors import ERRORS, translated
from timebank.storage.sqlite.faults import faults
from timebank.storage.sqlite.schema import has_ledger
from timebank.storage.tables import FEW, MANY, TABLES, Queries, TableReader

_RECORD = "SELECT sequence, digest, body, kind, id, refers_to FROM timebank_records "
_ACCOUNT_COLUMNS = "account, kind, status, joined_on, floor, ceiling, opened, named"
_ACCOUNT = f"SELECT {_ACCOUNT_COLUMNS} FROM timebank_accounts WHERE bank = ? "  # noqa: S608 - our names
_POSTING = """SELECT account, version, sequence, seconds, balance, day FROM timebank_postings
    WHERE bank = ? AND account = ? AND """
_HOLD = "SELECT account, expires_at, sequence, held, incoming FROM timebank_holds "

QUERIES: Final = Queries(
    head="""SELECT b.journal, r.sequence, r.digest FROM timebank_banks b
        LEFT JOIN timebank_records r ON r.bank = b.bank
            AND r.sequence = (SELECT max(sequence) FROM timebank_records WHERE bank = b.bank)
        WHERE b.bank = ?""",
    banks="SELECT bank FROM timebank_banks ORDER BY bank",
    left_over=" UNION ALL ".join(
        f"SELECT 1 WHERE EXISTS (SELECT 1 FROM {table} WHERE bank = ?)"  # noqa: S608 - our names
        for table in TABLES
    ),
    records=_RECORD + "WHERE bank = ? AND sequence > ? ORDER BY sequence LIMIT ?",
    find=_RECORD + "WHERE bank = ? AND id = ?",
    # SQLite, which has no statistics, would walk through the bank.
    sequences={
        size: "SELECT id, sequence FROM timebank_records INDEXED BY timebank_records_id "  # noqa: S608 - our words
        f"WHERE bank = ? AND id IN ({', '.join('?' * size)})"
        for size in (FEW, MANY)
    },
    # It would do so here, to save the sorting.
    referring=_RECORD
    + "INDEXED BY timebank_records_refers_to WHERE bank = ? AND refers_to = ? ORDER BY sequence",
    texts="""SELECT sequence, field, salt, text FROM timebank_texts
        WHERE bank = ? AND sequence > ? AND sequence <= ? ORDER BY sequence, field""",
    account=_ACCOUNT + "AND account = ?",
    accounts=_ACCOUNT + "AND account > ? ORDER BY account LIMIT ?",
    first_accounts=_ACCOUNT + "ORDER BY account LIMIT ?",
    last_posting=_POSTING + "sequence <= ? ORDER BY version DESC LIMIT 1",
    postings=_POSTING + "version > ? ORDER BY version LIMIT ?",
    by_day=_POSTING + "day <= ? AND (day, version) > (?, ?) ORDER BY day, version LIMIT ?",
    by_day_back=_POSTING
    + "day >= ? AND (day, version) < (?, ?) ORDER BY day DESC, version DESC LIMIT ?",
    totals="""SELECT coalesce(sum(max(seconds, 0)), 0), coalesce(sum(max(-seconds, 0)), 0)
        FROM timebank_postings WHERE bank = ? AND account = ? AND day >= ? AND day <= ?""",
    # Without statistics SQLite would choose the primary key, and sort.
    holds=_HOLD
    + "INDEXED BY timebank_holds_sequence WHERE bank = ? AND (sequence, account) > (?, ?) "
    + "ORDER BY sequence, account LIMIT ?",
    holds_of=_HOLD
    + "WHERE bank = ? AND account = ? AND (expires_at, sequence) > (?, ?) "
    + "ORDER BY expires_at, sequence LIMIT ?",
    statutes="""SELECT sequence, version FROM timebank_statutes
        WHERE bank = ? AND sequence < ? ORDER BY sequence DESC LIMIT ?""",
)


class SqliteReader(TableReader):
    """A snapshot of one bank; a context manager, of use between its entry and its end."""

    def __init__(self, connections: Connections, bank: str) -> None:
        super().__init__(QUERIES, bank, connections.where)
        self._connections = connections
        self._connection: sqlite3.Connection | None = None
        self._began = False

    def __enter__(self) -> Self:
        try:
            connection = self._connections.take()
        except ERRORS as error:
            raise translated(error, self._connections.where) from error
        # Readers of one thread of a private database share a transaction.
        self._began = not connection.in_transaction
        if self._began:
            try:
                connection.execute("BEGIN")
            except ERRORS as error:
                self._connections.give(connection, sound=False)
                raise translated(error, self._connections.where) from error
        self._connection = connection
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        connection, self._connection = self.connection(), None
        if self._connections.owns(connection):
            sound = not self._began or rolled_back(connection)
            self._connections.give(connection, sound=sound)

    def connection(self) -> sqlite3.Connection:
        """The connection, between entry and end.

        :raises StoreError: before or after.
        """
        if self._connection is None:
            msg = "this reader is closed"
            raise StoreError(msg)
        return self._connection

    def _fetch(self, sql: str, values: tuple[object, ...]) -> list[tuple[Any, ...]]:
        try:
            return self.connection().execute(sql, values).fetchall()
        except ERRORS as error:
            raise self.translated(error) from error

    def translated(self, error: Exception) -> TimebankError:
        """The library's error; a file in which there are no tables of ours has no bank."""
        result = translated(error, self._connections.where)
        if isinstance(result, Corrupt) and str(error).startswith("no such table"):
            try:
                if not has_ledger(self.connection()):
                    return BankNotFound(self._bank, self._connections.where)
            except ERRORS:
                """What was found first is what is told."""
        return result

    def faults(self, progress: Callable[[], None] | None = None) -> list[Fault]:
        """As `Reader.faults`: of the whole file, not only this bank."""
        return faults(self.connection(), self._connections.where, progress)


def rolled_back(connection: sqlite3.Connection) -> bool:
    """End the transaction, if there is still one; whether the connection is of further use."""
    try:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
    except ERRORS:
        return False
    return True
