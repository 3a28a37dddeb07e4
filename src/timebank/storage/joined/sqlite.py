"""Join a transaction on a host's SQLite connection."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from typing import Any, Final

from timebank.errors import InvalidRequest, StoreError
from timebank.model import Head
from timebank.storage.joined.savepoints import Savepoint
from timebank.storage.protocol import Batch
from timebank.storage.sqlite.errors import ERRORS, code_of, translated
from timebank.storage.sqlite.schema import APPLIED, DDL, has_ledger
from timebank.storage.sqlite.transactions import SqliteReader, SqliteWriter

#: Changes nothing, but waits for SQLite's one lock, so that what is read next is the newest.
_LOCK: Final = "DELETE FROM timebank_migrations WHERE 0"
#: A value that is always there, in a column without an index: table, column, row, for writing.
_A_BLOB: Final = ("timebank_migrations", "applied_at", 1)


#: Where what is deleted may still be read, in words.
_FREED: Final = (
    "pages of the host's file that were freed without secure_delete may have copies of it, until "
    "VACUUM"
)
#: Journal mode → what the host keeps beside its file when the transaction has ended.
_BESIDE: Final = {
    "wal": "the host's file, and its log, have it until PRAGMA wal_checkpoint(TRUNCATE), which "
    "is for after the commit, and succeeds while nobody else is reading",
    "persist": "the rollback journal that the host keeps has it until PRAGMA journal_mode = "
    "DELETE, which is for after the commit, on the host's connection",
}


def _is_missing(error: Exception) -> bool:
    return str(error).startswith("no such savepoint")


class PlainRows:
    """The host's connection with rows as plain tuples, whatever factory the host has set."""

    where = "the host's SQLite database"

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def execute(self, sql: str, values: Any = ()) -> sqlite3.Cursor:
        """Implement `Connection.execute`.

        :raises InvalidRequest: the connection does not give text as `str`.
        """
        connection = self._connection
        if connection.text_factory is not str:
            msg = "the host's connection has a text_factory: the ledger needs text as str"
            raise InvalidRequest(msg)
        if connection.row_factory is None:
            return connection.execute(sql, values)
        cursor = connection.cursor(sqlite3.Cursor)
        cursor.row_factory = None
        return cursor.execute(sql, values)

    def executemany(self, sql: str, rows: Iterable[Any]) -> sqlite3.Cursor:
        """Implement `Connection.executemany`."""
        return self._connection.cursor(sqlite3.Cursor).executemany(sql, rows)

    @property
    def in_transaction(self) -> bool:
        """Whether a transaction is open."""
        return self._connection.in_transaction

    def set_progress_handler(self, handler: object, steps: int) -> None:
        """Do nothing: the host may have one of its own."""


class JoinedSqliteReader(SqliteReader):
    """A reader in the host's transaction, of use until `close`."""

    def __init__(self, connection: Any, bank: str) -> None:
        super().__init__(connection, bank)
        self._connection = connection

    def close(self) -> None:
        """Every call from now on is an error."""
        self._connection = None


class JoinedSqliteWriter(SqliteWriter):
    """A writer in the host's transaction, of use from `lock` to `close`."""

    _head: Head | None = None
    _has_appended = False
    _savepoint: Savepoint | None = None

    def __init__(self, connection: Any, bank: str) -> None:
        super().__init__(connection, bank)
        self._plain = connection

    @property
    def failed(self) -> BaseException | None:
        """The first error of a statement: nothing is written then."""
        return self._failed

    def is_untouched(self) -> bool:
        """Return whether nothing was appended, and no statement failed."""
        return not self._has_appended and self._failed is None

    def lock(self) -> None:
        """Wait for SQLite's one lock."""
        self._connection = self._plain
        try:
            self._plain.execute(_LOCK)
        except ERRORS as error:
            self._failed = self.translated(error)
            raise self._failed from error

    def head(self) -> Head:
        """Implement `Reader.head`, read once: the lock is ours."""
        self.connection()
        if self._head is None:
            self._head = super().head()
        return self._head

    def keep_to(self, savepoint: Savepoint) -> None:
        """Append only as long as a savepoint is there."""
        self._savepoint = savepoint

    def append(self, batch: Batch) -> None:
        """Implement `Writer.append`."""
        if self._savepoint is not None:
            self._savepoint.check()
        self._has_appended = True
        self._head = None
        super().append(batch)
        self._head = None

    def close(self) -> None:
        """Every call from now on is an error."""
        self._connection = None


class SqliteConnection:
    """SQLite, on a host's connection."""

    where = PlainRows.where

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.driver: Any = connection
        self._plain: Any = PlainRows(connection)
        self._blob: Any = None

    @property
    def remains(self) -> tuple[str, ...]:
        """Implement `HostConnection.remains`, by what the host keeps beside its file."""
        (mode,) = self._plain.execute("PRAGMA journal_mode").fetchone()
        told = _BESIDE.get(mode)
        return (_FREED,) if told is None else (_FREED, told)

    def _run(self, sql: str) -> None:
        try:
            self._plain.execute(sql)
        except ERRORS as error:
            raise translated(error, self.where) from error

    def _found(self, sql: str) -> bool:
        """Run what names a savepoint; return false, nothing being done, where it is not there."""
        try:
            self._plain.execute(sql)
        except ERRORS as error:
            if _is_missing(error):
                return False
            raise translated(error, self.where) from error
        return True

    def savepoint(self, name: str) -> None:
        """Implement `HostConnection.savepoint`."""
        self._run(f"SAVEPOINT {name}")

    def release(self, name: str) -> bool:
        """Implement `HostConnection.release`."""
        return self._found(f"RELEASE SAVEPOINT {name}")

    def undo(self, name: str) -> bool:
        """Implement `HostConnection.undo`."""
        self.give_back()
        return self._found(f"ROLLBACK TO SAVEPOINT {name}") and self.release(name)

    def mark(self, bank: str) -> None:
        """Implement `HostConnection.mark`: SQLite needs none."""

    def has_savepoint(self, name: str, mark: object) -> bool:
        """Implement `HostConnection.has_savepoint`, exactly.

        While a statement that may write is under way SQLite refuses to release a savepoint,
        for another reason where the savepoint is there than where it is not. A blob that
        is open for writing, and not written, is such a statement.
        """
        if not self.driver.in_transaction:
            return False
        try:
            self._blob = sqlite3.Connection.blobopen(self.driver, *_A_BLOB)
        except ERRORS as error:
            # The lock was ours until the transaction ended, and so were the tables.
            if code_of(error) == sqlite3.SQLITE_BUSY or str(error).startswith("no such"):
                return False
            raise translated(error, self.where) from error
        try:
            self._plain.execute(f"RELEASE SAVEPOINT {name}")
        except ERRORS as error:
            if code_of(error) == sqlite3.SQLITE_BUSY:
                return True
            if _is_missing(error):
                return False
            raise translated(error, self.where) from error
        finally:
            self.give_back()
        msg = f"{self.where}: a savepoint was released while a statement was under way"
        raise StoreError(msg)

    def may_have(self, name: str) -> bool:
        """Implement `HostConnection.may_have`: it is known."""
        return self.has_savepoint(name, None)

    def give_back(self) -> None:
        """Implement `HostConnection.give_back`."""
        if self._blob is not None:
            self._blob.close()  # as often as one likes: an interrupt may come before the next line
            self._blob = None

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
