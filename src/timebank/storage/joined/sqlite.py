"""Join a transaction on a host's SQLite connection."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, Final, Protocol

from timebank.errors import InvalidRequest, OtherVersion, StoreError
from timebank.model import Head, RecordRow
from timebank.storage.joined.awaited import Fetched, ThreadOfConnection
from timebank.storage.joined.django import DjangoCursor, marked
from timebank.storage.joined.savepoints import Savepoint
from timebank.storage.protocol import Batch
from timebank.storage.sqlite import schema
from timebank.storage.sqlite.errors import ERRORS, code_of, commit_failed, translated
from timebank.storage.sqlite.questions import HEAD_AND_ID
from timebank.storage.sqlite.schema import (
    APPLIED_AT,
    LEDGER,
    SET,
    has_ledger,
    make_ledger,
    pending,
)
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


#: Where a savepoint is not there.
_MISSING: Final = "no such savepoint"
#: What ends a savepoint or a transaction of ours.
_ENDING: Final = ("RELEASE", "ROLLBACK", "COMMIT")
_ADD_MIGRATION: Final = (
    "INSERT INTO timebank_migrations (migration_set, name, applied_at) VALUES (?, ?, ?)"
)
#: Some rows, of which none is fetched, and a look at the file.
_SNAPSHOT: Final = "SELECT 1 FROM sqlite_master UNION ALL VALUES (2), (3)"
#: What it is called in messages.
WHERE: Final = "the host's SQLite database"


class SqliteRows(Protocol):
    """What runs statements on a host's connection, with rows as plain tuples."""

    where: str

    @property
    def in_transaction(self) -> bool:
        """Whether a transaction is open."""

    def execute(self, sql: str, values: Any = ()) -> Any:
        """Run one statement and return a cursor."""

    def executemany(self, sql: str, rows: Iterable[Any]) -> Any:
        """Run one statement for each of several rows of values."""

    def hold(self, sql: str) -> Callable[[], object]:
        """Run a question and fetch nothing; return what ends it."""

    def set_progress_handler(self, handler: object, steps: int) -> None:
        """Do nothing: the host may have one of its own."""

    def release_while_writing(self, name: str) -> None:
        """Release a savepoint, which fails: see `SqliteConnection.has_savepoint`."""

    def give_back(self) -> None:
        """Give back what an interrupt left open."""


def _check_text(connection: sqlite3.Connection) -> None:
    """Check that the connection gives text as `str`.

    :raises InvalidRequest: it does not.
    """
    if connection.text_factory is not str:
        msg = "the host's connection has a text_factory: the ledger needs text as str"
        raise InvalidRequest(msg)


def _run(connection: sqlite3.Connection, sql: str, values: Any) -> sqlite3.Cursor:
    """Run a statement, with rows as tuples whatever factory or class the host has made."""
    if connection.text_factory is not str:
        _check_text(connection)
    return sqlite3.Cursor(connection).execute(sql, values)


class _NoBlob(Exception):
    """No blob can be opened for writing."""

    def __init__(self, error: Exception) -> None:
        super().__init__(error)
        self.error = error


def _release_while_writing(
    connection: sqlite3.Connection, release: Callable[[], object], blobs: list[sqlite3.Blob]
) -> None:
    """Run a release while a statement that may write is under way: a blob, which is not written.

    :raises _NoBlob: there can be none.
    """
    try:
        blobs.append(sqlite3.Connection.blobopen(connection, *_A_BLOB))
    except ERRORS as error:
        raise _NoBlob(error) from error
    try:
        release()
    finally:
        _close(blobs)


def _close(blobs: list[sqlite3.Blob]) -> None:
    for blob in blobs:
        blob.close()  # as often as one likes: an interrupt may come before the next line
    blobs.clear()


class PlainRows:
    """Rows of a connection of the standard library's."""

    where = WHERE

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._blobs: list[sqlite3.Blob] = []

    def execute(self, sql: str, values: Any = ()) -> Any:
        """Implement `SqliteRows.execute`, as `_run` does."""
        connection = self._connection
        if connection.text_factory is not str:
            _check_text(connection)
        return sqlite3.Cursor(connection).execute(sql, values)

    def executemany(self, sql: str, rows: Iterable[Any]) -> Any:
        """Implement `SqliteRows.executemany`."""
        return sqlite3.Cursor(self._connection).executemany(sql, rows)

    def hold(self, sql: str) -> Callable[[], object]:
        """Implement `SqliteRows.hold`."""
        held: Callable[[], object] = self.execute(sql).close
        return held

    @property
    def in_transaction(self) -> bool:
        """Whether a transaction is open."""
        return self._connection.in_transaction

    def set_progress_handler(self, handler: object, steps: int) -> None:
        """Implement `SqliteRows.set_progress_handler`."""

    def release_while_writing(self, name: str) -> None:
        """Implement `SqliteRows.release_while_writing`."""
        release = partial(self.execute, f"RELEASE SAVEPOINT {name}")
        _release_while_writing(self._connection, release, self._blobs)

    def give_back(self) -> None:
        """Implement `SqliteRows.give_back`."""
        _close(self._blobs)


class DjangoRows(PlainRows):
    """Rows of Django's connection, each from a cursor that Django makes."""

    def __init__(self, wrapper: Any) -> None:
        super().__init__(wrapper.connection)
        self._wrapper = wrapper

    def execute(self, sql: str, values: Any = ()) -> Any:
        """Implement `SqliteRows.execute`: without values Django takes a statement as it is."""
        _check_text(self._connection)
        cursor = DjangoCursor(self._wrapper, ERRORS)
        if values:
            cursor.execute(marked(sql), values)
        elif sql.startswith(_ENDING):
            cursor.ending(sql)
        else:
            cursor.execute(sql)
        return cursor

    def executemany(self, sql: str, rows: Iterable[Any]) -> Any:
        """Implement `SqliteRows.executemany`."""
        cursor = DjangoCursor(self._wrapper, ERRORS)
        cursor.executemany(marked(sql), rows)
        return cursor


class AwaitedRows:
    """Rows of an aiosqlite connection, fetched on its thread."""

    where = WHERE

    def __init__(self, connection: Any) -> None:
        self._thread = ThreadOfConnection(connection)

    def execute(self, sql: str, values: Any = ()) -> Any:
        """Implement `SqliteRows.execute`."""

        def fetched(connection: sqlite3.Connection) -> Fetched:
            cursor = _run(connection, sql, values)
            return Fetched(cursor.fetchall(), cursor.rowcount)

        return self._thread.run(fetched)

    def executemany(self, sql: str, rows: Iterable[Any]) -> Any:
        """Implement `SqliteRows.executemany`."""
        values = list(rows)  # here, where the host's own code may run

        def done(connection: sqlite3.Connection) -> Fetched:
            cursor = sqlite3.Cursor(connection).executemany(sql, values)
            return Fetched([], cursor.rowcount)

        return self._thread.run(done)

    def hold(self, sql: str) -> Callable[[], object]:
        """Implement `SqliteRows.hold`."""
        cursor = self._thread.run(lambda connection: _run(connection, sql, ()))
        return lambda: self._thread.run(lambda _: cursor.close())

    @property
    def in_transaction(self) -> bool:
        """Whether a transaction is open."""
        return self._thread.connection().in_transaction

    def set_progress_handler(self, handler: object, steps: int) -> None:
        """Implement `SqliteRows.set_progress_handler`."""

    def release_while_writing(self, name: str) -> None:
        """Implement `SqliteRows.release_while_writing`, as one step of the thread's."""

        def done(connection: sqlite3.Connection) -> None:
            release = partial(_run, connection, f"RELEASE SAVEPOINT {name}", ())
            _release_while_writing(connection, release, [])

        self._thread.run(done)

    def give_back(self) -> None:
        """Implement `SqliteRows.give_back`: no interrupt comes on that thread."""


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
    #: An id that was looked for along with the head, and is free until something is appended.
    _unused: str | None = None
    #: The id that was looked for along with the head.
    _looked_for: str | None = None
    #: Its session is of one call.
    following_id = None  # type: ignore[assignment]

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

    def look(self, id: str | None) -> None:
        """Look at the head, and for an id: whoever confirms them, or asks for one, has it."""
        self._connection = self._plain
        found = self._found = self._fetch(HEAD_AND_ID, (id, self._bank))
        self._looked_for = id
        if found and not found[0][3]:
            self._unused = id

    def check_bank(self) -> None:
        """Implement `JoinedWriter.check_bank`: one that has records is there."""
        if not self._found or None in self._found[0]:
            self.head()

    def confirms(self, journal: str, sequence: int, digest: bytes, *, id: str | None) -> bool:
        """Implement `Confirms.confirms`, by what was found behind the lock."""
        found = self._found
        if not found or id != self._looked_for or self._connection is None:
            return super().confirms(journal, sequence, digest, id=id)
        if found != [(journal, sequence, digest, 0)]:
            return False
        self._sequence = sequence
        return True

    def head(self) -> Head:
        """Implement `Reader.head`, read once: the lock is ours."""
        head = self._head
        if head is None or self._connection is None:
            self.connection()
            head = self._head = super().head()
        return head

    def find(self, id: str) -> RecordRow | None:
        """Implement `Reader.find`."""
        if id == self._unused:
            self.connection()
            return None
        return super().find(id)

    def keep_to(self, savepoint: Savepoint) -> None:
        """Append only as long as a savepoint is there."""
        self._savepoint = savepoint

    def append(self, batch: Batch) -> None:
        """Implement `Writer.append`."""
        if self._savepoint is not None:
            self._savepoint.check()
        self._has_appended = True
        self._head = self._unused = None
        super().append(batch)
        self._head = None

    def last(self) -> str | None:
        """Implement `JoinedWriter.last`: all is written where it is appended."""
        return None

    def close(self) -> None:
        """Every call from now on is an error."""
        self._connection = None


class SqliteConnection:
    """SQLite, on a host's connection."""

    where = WHERE
    locks_first = True

    def __init__(self, driver: Any, rows: SqliteRows) -> None:
        self.driver = driver
        self._plain: Any = rows
        #: Lets go of what shows one state to a reader.
        self._held: Callable[[], object] | None = None

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
            if str(error).startswith(_MISSING):
                return False
            raise translated(error, self.where) from error
        return True

    def savepoint(self, name: str) -> None:
        """Implement `HostConnection.savepoint`."""
        self._run(f"SAVEPOINT {name}")

    def begin_call(
        self, name: str, bank: str, id: str | None, within: tuple[str, object] | None = None
    ) -> JoinedSqliteWriter | None:
        """Implement `HostConnection.begin_call`: a batch that is there has the lock."""
        if within is not None and not self.has_savepoint(*within):
            return None
        self._run(f"SAVEPOINT {name}")
        writer = JoinedSqliteWriter(self._plain, bank)
        if within is None:
            writer.lock()
        writer.look(id)
        return writer

    def release(self, name: str, append: str | None = None) -> bool:
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
        if not self._plain.in_transaction:
            return False
        try:
            self._plain.release_while_writing(name)
        except _NoBlob as error:
            cause = error.error
            # The lock was ours until the transaction ended, and so were the tables.
            if code_of(cause) == sqlite3.SQLITE_BUSY or str(cause).startswith("no such"):
                return False
            raise translated(cause, self.where) from cause
        except ERRORS as error:
            if code_of(error) == sqlite3.SQLITE_BUSY:
                return True
            if str(error).startswith(_MISSING):
                return False
            raise translated(error, self.where) from error
        msg = f"{self.where}: a savepoint was released while a statement was under way"
        raise StoreError(msg)

    def may_have(self, name: str) -> bool:
        """Implement `HostConnection.may_have`: it is known."""
        return self.has_savepoint(name, None)

    def give_back(self) -> None:
        """Implement `HostConnection.give_back`."""
        self._plain.give_back()

    def begin_reading(self) -> None:
        """Implement `HostConnection.begin_reading`: by a question that is not read to its end.

        As long as it is under way SQLite shows one state, in no transaction that would have to be
        ended: where the host has not fetched all rows of an INSERT, that would be a part of it.
        """
        try:
            self._held = self._plain.hold(_SNAPSHOT)
        except ERRORS as error:
            raise translated(error, self.where) from error

    def begin_making(self) -> None:
        """Implement `HostConnection.begin_making`."""
        self._run("BEGIN IMMEDIATE")

    def end(self, *, keep: bool) -> None:
        """Implement `HostConnection.end`."""
        if self._held is None and keep:
            try:
                self._plain.execute("COMMIT")
            except ERRORS as error:
                raise commit_failed(error, self.where, ()) from error
        elif self._held is None:
            self._run("ROLLBACK")
        else:
            self._held()
            self._held = None

    def reader(self, bank: str) -> JoinedSqliteReader:
        """Implement `HostConnection.reader`."""
        return JoinedSqliteReader(self._plain, bank)

    def writer(self, bank: str) -> JoinedSqliteWriter:
        """Implement `HostConnection.writer`."""
        return JoinedSqliteWriter(self._plain, bank)

    def has_tables(self) -> bool:
        """Implement `HostConnection.has_tables`."""
        return has_ledger(self._plain)

    def check_version(self) -> bool:
        """Implement `HostConnection.check_version`."""
        try:
            unfinished = pending(self._plain, self.where)
        except ERRORS as error:
            raise translated(error, self.where) from error
        if unfinished:
            msg = f"{self.where} was made by an older timebank: timebank.migrate_store brings it up"
            raise OtherVersion(msg)
        return unfinished is not None

    def make_tables(self) -> None:
        """Implement `HostConnection.make_tables`: in SQLite that is part of the transaction."""
        self.migrate()

    def migrates_alone(self, *, is_told: bool) -> bool:
        """Implement `HostConnection.migrates_alone`."""
        return False

    def migrate(self) -> list[str]:
        """Implement `HostConnection.migrate`."""
        try:
            names = pending(self._plain, self.where)
            if names is None:
                make_ledger(self._plain, self.where)
                return [LEDGER, *schema.STEPS]
            for name in names:
                for statement in schema.STEPS[name]:
                    self._plain.execute(statement)
                self._plain.execute(_ADD_MIGRATION, (SET, name, APPLIED_AT))
        except ERRORS as error:
            raise translated(error, self.where) from error
        return list(names)
