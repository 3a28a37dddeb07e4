"""Join a transaction on a host's SQLite connection."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from types import TracebackType
from typing import Any, Final, Self

from timebank.errors import InvalidRequest, StoreError
from timebank.model import Head
from timebank.storage.protocol import Batch
from timebank.storage.sqlite.errors import ERRORS, translated
from timebank.storage.sqlite.schema import APPLIED, DDL, has_ledger
from timebank.storage.sqlite.transactions import SqliteReader, SqliteWriter

#: Changes nothing, but waits for SQLite's one lock, so that what is read next is the newest.
_LOCK: Final = "DELETE FROM timebank_migrations WHERE 0"


class PlainRows:
    """The host's connection with rows as plain tuples, whatever factory the host has set."""

    where = "the host's SQLite database"

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        if connection.row_factory is None:
            self.execute = connection.execute  # type: ignore[assignment, method-assign]  # faster

    def execute(self, sql: str, values: Any = ()) -> sqlite3.Cursor:
        """Implement `Connection.execute`."""
        cursor = self._connection.cursor(sqlite3.Cursor)
        cursor.row_factory = None
        return cursor.execute(sql, values)

    def executemany(self, sql: str, rows: Iterable[Any]) -> sqlite3.Cursor:
        """Implement `Connection.executemany`."""
        return self._connection.cursor(sqlite3.Cursor).executemany(sql, rows)

    def set_progress_handler(self, handler: object, steps: int) -> None:
        """Do nothing: the host may have one of its own."""


class _InHostTransaction:
    """The end of a reader or writer in a host's transaction, which stays open."""

    _connection: Any
    _connections: Any

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._connection = None


class JoinedSqliteReader(_InHostTransaction, SqliteReader):
    """A reader in the host's transaction."""

    def __enter__(self) -> Self:
        self._connection = self._connections
        return self


class JoinedSqliteWriter(_InHostTransaction, SqliteWriter):
    """A writer in the host's transaction."""

    _head: Head | None = None

    def __enter__(self) -> Self:
        self._connection = self._connections
        try:
            self._connection.execute(_LOCK)
        except ERRORS as error:
            raise self.translated(error) from error
        return self

    def head(self) -> Head:
        """Implement `Reader.head`, read once: the lock is ours."""
        self.connection()
        if self._head is None:
            self._head = super().head()
        return self._head

    def append(self, batch: Batch) -> None:
        """Implement `Writer.append`."""
        super().append(batch)
        self._head = None

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._connection = None
        if error is None and self._failed is not None:
            msg = "a statement failed, so nothing was written"
            raise StoreError(msg) from self._failed


class SqliteConnection:
    """SQLite, on a host's connection.

    :raises InvalidRequest: the connection does not give text as `str`.
    """

    where = PlainRows.where
    remains = (
        "the host's file may have it where the host wrote without secure_delete, until VACUUM; its "
        "log until PRAGMA wal_checkpoint(TRUNCATE)"
    )

    def __init__(self, connection: sqlite3.Connection) -> None:
        if connection.text_factory is not str:
            msg = "the host's connection has a text_factory: the ledger needs text as str"
            raise InvalidRequest(msg)
        self._plain: Any = PlainRows(connection)

    def run(self, sql: str) -> None:
        """Implement `HostConnection.run`."""
        try:
            self._plain.execute(sql)
        except ERRORS as error:
            raise translated(error, self.where) from error

    def reader(self, bank: str) -> JoinedSqliteReader:
        """Implement `HostConnection.reader`."""
        return JoinedSqliteReader(self._plain, bank)

    def writer(self, bank: str) -> JoinedSqliteWriter:
        """Implement `HostConnection.writer`."""
        return JoinedSqliteWriter(self._plain, bank)

    def has_tables(self) -> bool:
        """Implement `HostConnection.has_tables`."""
        return has_ledger(self._plain)

    def make_tables(self) -> None:
        """Implement `HostConnection.make_tables`: in SQLite that is part of the transaction."""
        try:
            (encoding,) = self._plain.execute("PRAGMA encoding").fetchone()
            if encoding != "UTF-8":
                msg = f"{self.where} is in {encoding}: the ledger's tables need UTF-8"
                raise StoreError(msg)
            for statement in DDL:
                self._plain.execute(statement)
            self._plain.executemany("INSERT INTO timebank_migrations VALUES (?, ?, ?, ?)", APPLIED)
        except ERRORS as error:
            raise translated(error, self.where) from error
