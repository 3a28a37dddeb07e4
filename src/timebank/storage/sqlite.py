"""The SQLite store: the embedded default, a file that many threads and processes may use.

WAL, `synchronous=FULL`, foreign keys, `secure_delete`; a writer begins immediately, for a
deferred transaction that has read may never become a writer under contention. Readers
have a connection each and never wait for the writer.
"""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Sequence
from pathlib import Path
from threading import Lock, RLock, get_ident
from types import TracebackType
from typing import Final
from urllib.parse import parse_qsl, quote, unquote, urlsplit

from timebank.errors import Corrupt, InvalidRequest, NotFound, StoreBusy, StoreError
from timebank.storage import sqlite_schema as schema
from timebank.storage.sqlite_errors import committing, driver, translated
from timebank.storage.sqlite_reader import SqliteReader, SqliteWriter

BUSY_SECONDS: Final = 30.0
IDLE_READERS: Final = 8

#: Connections that a forked child inherited: closing one could remove the parent's WAL.
_inherited: Final[list[object]] = []


class SqliteStore:
    """Banks in one file, or in private memory where `path` is `None`."""

    def __init__(
        self,
        path: str | None,
        *,
        create: bool = True,
        read_only: bool = False,
        synchronous: str = "FULL",
        busy_seconds: float = BUSY_SECONDS,
    ) -> None:
        self.url = "sqlite://" if path is None else f"sqlite:///{path}"
        self._path, self._synchronous, self._busy_seconds = path, synchronous, busy_seconds
        self._create, self._read_only = create, read_only
        self._immutable = False
        self._closed = False
        self._start()
        self._open()

    def _start(self) -> None:
        """Locks and connections of this process."""
        self._pid = os.getpid()
        self._lock = Lock() if self._path is not None else RLock()
        self._pooling = Lock()
        self._owner: int | None = None
        self._idle: list[sqlite3.Connection] = []
        self._writing: sqlite3.Connection | None = None

    # -- opening --------------------------------------------------------------

    @driver
    def _open(self) -> None:
        self._check_path()
        connection = self._connect_or_immutable()
        try:
            names = schema.applied(connection)
            unknown = [name for name in names or () if name not in schema.MIGRATIONS]
            if unknown:
                msg = f"{self.url} was written by a newer timebank (it has {unknown[-1]})"
                raise StoreError(msg)
            pending = len(names or ()) < len(schema.MIGRATIONS)
            if pending and not self._read_only and (self._create or names is not None):
                self._migrate(connection)
        except BaseException:
            connection.close()
            raise
        if self._path is None:
            self._writing = connection
        else:
            self._idle.append(connection)

    def _check_path(self) -> None:
        if self._path is None:
            return
        path = Path(self._path)
        if path.is_dir():
            msg = f"{self._path} is a folder, not a file"
            raise StoreError(msg)
        if not path.exists():
            if not self._create:
                msg = f"no file {self._path}"
                raise NotFound(msg)
            if not path.parent.is_dir():
                msg = f"there is no folder {path.parent} to make {path.name} in"
                raise StoreError(msg)

    def _connect_or_immutable(self) -> sqlite3.Connection:
        """A connection that has read the file; `immutable` only where nobody can write it."""
        connection = self._connect()
        try:
            connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
        except sqlite3.OperationalError:
            connection.close()
            if self._immutable or not self._unwritable():
                raise
            self._immutable = True
            return self._connect_or_immutable()
        except sqlite3.Error:
            connection.close()
            raise
        return connection

    def _unwritable(self) -> bool:
        """A file in WAL mode cannot be read where neither it nor its folder can be written."""
        if self._path is None:
            return False
        path = Path(self._path)
        wal = path.with_name(f"{path.name}-wal")
        return not (os.access(path, os.W_OK) or os.access(path.parent, os.W_OK) or wal.exists())

    def _connect(self) -> sqlite3.Connection:
        if self._path is None:
            target = ":memory:"
        else:
            mode = "ro" if self._read_only else "rwc" if self._create else "rw"
            immutable = "&immutable=1" if self._immutable else ""
            target = f"file:{quote(self._path)}?mode={mode}{immutable}"
        connection = sqlite3.connect(
            target,
            uri=self._path is not None,
            timeout=self._busy_seconds,
            isolation_level=None,
            check_same_thread=False,
        )
        for pragma in (
            f"synchronous = {self._synchronous}",
            "foreign_keys = ON",
            "secure_delete = ON",
            "recursive_triggers = ON",
        ):
            connection.execute(f"PRAGMA {pragma}").fetchall()
        return connection

    def _migrate(self, connection: sqlite3.Connection) -> None:
        if self._path is not None:
            self._enter_wal(connection)
        connection.execute("BEGIN IMMEDIATE")
        try:
            schema.migrate(connection)
            connection.execute("COMMIT")
        except BaseException:
            _roll_back(connection)
            raise

    def _enter_wal(self, connection: sqlite3.Connection) -> None:
        """Change the file to WAL; the busy time-out does not cover two who do it at once."""
        deadline = time.monotonic() + self._busy_seconds
        while True:
            try:
                connection.execute("PRAGMA journal_mode = WAL").fetchall()
            except sqlite3.OperationalError as error:
                busy = (error.sqlite_errorcode & 0xFF) == sqlite3.SQLITE_BUSY
                if not busy or time.monotonic() > deadline:
                    raise
                time.sleep(0.01)
            else:
                return

    # -- the protocol ---------------------------------------------------------

    @driver
    def banks(self) -> Sequence[str]:
        """See `Store.banks`."""
        with self.reader("-") as reader:
            connection = reader._connection
            if schema.applied(connection) is None:
                return []
            rows = connection.execute("SELECT bank FROM timebank_banks ORDER BY bank")
            return [bank for (bank,) in rows]

    @driver
    def make_bank(self, bank: str, *, journal: str) -> None:
        """See `Store.make_bank`."""
        with self.writer(bank) as writer:
            execute = writer._connection.execute
            if execute("SELECT 1 FROM timebank_banks WHERE bank = ?", (bank,)).fetchone():
                return
            for table in schema.LEDGER_TABLES[:-1]:
                sql = f"SELECT 1 FROM {table} WHERE bank = ? LIMIT 1"  # noqa: S608  # a constant
                if execute(sql, (bank,)).fetchone():
                    msg = f"bank {bank!r} has rows in {table}, but its own row is missing"
                    raise Corrupt(msg)
            execute("INSERT INTO timebank_banks (bank, journal) VALUES (?, ?)", (bank, journal))

    def reader(self, bank: str) -> _Reading:
        """See `Store.reader`."""
        return _Reading(self, bank)

    def writer(self, bank: str) -> _Writing:
        """See `Store.writer`."""
        return _Writing(self, bank)

    def close(self) -> None:
        """See `Store.close`."""
        if self._closed:
            return
        self._closed = True
        if self._pid != os.getpid():
            return
        with self._pooling:
            connections, self._idle = self._idle, []
            if self._writing is not None:
                connections.append(self._writing)
                self._writing = None
        for connection in connections:
            connection.close()

    # -- connections ----------------------------------------------------------

    def _alive(self) -> None:
        if self._closed:
            msg = "the store is closed"
            raise StoreError(msg)
        if self._pid != os.getpid():
            _inherited.extend([self._idle, self._writing])
            if self._path is None:
                msg = "a store in private memory does not outlive a fork"
                raise StoreError(msg)
            self._start()

    def lend(self) -> sqlite3.Connection:
        """A connection to read with."""
        self._alive()
        if self._path is None:
            self._lock.acquire()
            if self._writing is None:
                self._lock.release()
                msg = "the store is closed"
                raise StoreError(msg)
            return self._writing
        with self._pooling:
            if self._idle:
                return self._idle.pop()
        return self._connect()

    def give_back(self, connection: sqlite3.Connection) -> None:
        """Take a reader's connection back."""
        if self._path is None:
            self._lock.release()
            return
        with self._pooling:
            if not self._closed and len(self._idle) < IDLE_READERS:
                self._idle.append(connection)
                return
        connection.close()

    def lock(self) -> sqlite3.Connection:
        """Take the writer's lock of this process, and its connection."""
        self._alive()
        if self._owner == get_ident():
            msg = "a batch is open on this thread: write through it"
            raise InvalidRequest(msg)
        if not self._lock.acquire(timeout=self._busy_seconds):
            msg = f"another thread held the writer for {self._busy_seconds:g} seconds: try again"
            raise StoreBusy(msg)
        self._owner = get_ident()
        try:
            if self._writing is None:
                self._writing = self._connect()
        except BaseException:
            self.unlock()
            raise
        return self._writing

    def unlock(self) -> None:
        """Release the writer's lock of this process."""
        self._owner = None
        self._lock.release()


class _Reading:
    """A snapshot: a deferred transaction that only reads."""

    def __init__(self, store: SqliteStore, bank: str) -> None:
        self._store, self._bank = store, bank

    def __enter__(self) -> SqliteReader:
        try:
            self._connection = self._store.lend()
        except sqlite3.Error as error:
            raise translated(error) from error
        self._outer = self._connection.in_transaction
        try:
            if not self._outer:
                self._connection.execute("BEGIN")
        except sqlite3.Error as error:
            self._store.give_back(self._connection)
            raise translated(error) from error
        return SqliteReader(self._connection, self._bank, self._store.url)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            if not self._outer:
                _roll_back(self._connection)
        finally:
            self._store.give_back(self._connection)


class _Writing:
    """The one writer: an immediate transaction, committed at the end or rolled back."""

    def __init__(self, store: SqliteStore, bank: str) -> None:
        self._store, self._bank = store, bank

    def __enter__(self) -> SqliteWriter:
        try:
            connection = self._store.lock()
        except sqlite3.Error as error:
            raise translated(error) from error
        try:
            connection.execute("BEGIN IMMEDIATE")
        except sqlite3.Error as error:
            self._store.unlock()
            raise translated(error) from error
        self._writer = SqliteWriter(connection, self._bank, self._store.url)
        self._connection = connection
        return self._writer

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            if kind is None:
                self._connection.execute("COMMIT")
            else:
                _roll_back(self._connection)
        except sqlite3.Error as failure:
            _roll_back(self._connection)
            raise committing(failure, self._writer.last_id) from failure
        finally:
            self._store.unlock()


def _roll_back(connection: sqlite3.Connection) -> None:
    """Undo what is open; an error here must not hide the one that led to it."""
    if connection.in_transaction:
        try:
            connection.execute("ROLLBACK")
        except sqlite3.Error:
            connection.interrupt()


def open_sqlite(url: str, *, create: bool, read_only: bool) -> SqliteStore:
    """Open `sqlite:///path[?synchronous=normal]`, or `sqlite://` in private memory.

    :raises InvalidRequest: another form of URL.
    :raises NotFound: there is no such file, and `create` is false.
    :raises StoreError: the file is no database, or a newer version wrote it.
    """
    parts = urlsplit(url)
    options = dict(parse_qsl(parts.query, keep_blank_values=True))
    synchronous = options.pop("synchronous", "full").upper()
    if parts.netloc or parts.fragment or options or not url.startswith("sqlite://"):
        msg = f"write sqlite:///path, sqlite:////absolute/path or sqlite://, not {url}"
        raise InvalidRequest(msg)
    if synchronous not in {"FULL", "NORMAL"}:
        msg = f"synchronous is full or normal, not {synchronous.lower()}"
        raise InvalidRequest(msg)
    path = unquote(parts.path)[1:]
    if "\0" in path:
        msg = "a path has no NUL"
        raise InvalidRequest(msg)
    return SqliteStore(
        path or None, create=create, read_only=read_only, synchronous=synchronous
    )
