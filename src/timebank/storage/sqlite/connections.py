"""Connections to one SQLite database: a pool for readers, one for the writer.

A file has one connection that writes and a pool of those that read. A private
database in memory has one connection in all, which its threads take in turn.
"""

from __future__ import annotations

import os
import sqlite3
import threading
from typing import Final, Protocol

from timebank.errors import InvalidRequest, StoreBusy, StoreError
from timebank.storage.lock import WriterLock
from timebank.storage.sqlite.errors import code_of

#: Readers that are kept open though nobody reads.
IDLE_READERS: Final = 8


class Connections(Protocol):
    """A pool from which readers and writers take their connection."""

    where: str

    def take(self) -> sqlite3.Connection:
        """Take a connection to read with."""

    def give(self, connection: sqlite3.Connection, *, sound: bool) -> None:
        """Give back a reader's connection; not `sound` if its transaction could not be ended."""

    def take_writer(self) -> sqlite3.Connection:
        """Take the connection to write with, and the lock."""

    def give_writer(self, connection: sqlite3.Connection, *, sound: bool) -> None:
        """Give back the writer's connection and release the lock."""

    def owns(self, connection: sqlite3.Connection) -> bool:
        """Return whether it was lent in this process, and not before a fork."""

    def wipe(self) -> tuple[str, ...]:
        """Destroy what deleted rows leave beside the file; return what may remain, in words."""

    def close(self) -> None:
        """Close what is not in use, and what is when it comes back."""


def connect(uri: str, *, synchronous: str, timeout_seconds: float) -> sqlite3.Connection:
    """Open a connection that begins no transaction by itself and enforces the schema.

    `recursive_triggers` because `INSERT OR REPLACE` would otherwise delete rows past
    the triggers that forbid it. `secure_delete` so that erased text is gone.
    """
    connection = sqlite3.connect(
        uri, uri=True, timeout=timeout_seconds, isolation_level=None, check_same_thread=False
    )
    try:
        for pragma in (
            f"synchronous = {synchronous}",
            "foreign_keys = ON",
            "recursive_triggers = ON",
            "secure_delete = ON",
        ):
            _set(connection, pragma)
    except BaseException:
        connection.close()
        raise
    return connection


def _set(connection: sqlite3.Connection, pragma: str) -> None:
    """Set a pragma, unless the schema is damaged.

    Every statement on such a file fails, and to look for its faults takes a connection.
    """
    try:
        connection.execute(f"PRAGMA {pragma}")
    except UnicodeDecodeError:
        pass  # the same, where what SQLite says of it is no UTF-8
    except sqlite3.DatabaseError as error:
        if code_of(error) != sqlite3.SQLITE_CORRUPT:
            raise


class _Process:
    """The connections of one process.

    Those inherited through a fork are neither used nor closed: to close one would drop
    the parent's locks on the file.
    """

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.idle: list[sqlite3.Connection] = []
        self.lent: dict[int, sqlite3.Connection] = {}
        self.writer: sqlite3.Connection | None = None


class FileConnections:
    """The connections to a file: one that writes, and a pool of those that read."""

    def __init__(self, uri: str, *, where: str, synchronous: str, timeout_seconds: float) -> None:
        self.where = where
        self._uri = uri
        self._synchronous = synchronous
        self._timeout_seconds = timeout_seconds
        self._lock = WriterLock(where=where)
        self._processes: dict[int, _Process] = {}
        self._closed = False

    def _process(self) -> _Process:
        # `setdefault` on a plain dict is atomic: two threads get the same process.
        pid = os.getpid()
        return self._processes.get(pid) or self._processes.setdefault(pid, _Process())

    def _connect(self) -> sqlite3.Connection:
        return connect(
            self._uri, synchronous=self._synchronous, timeout_seconds=self._timeout_seconds
        )

    def _check_open(self) -> None:
        if self._closed:
            msg = "this store is closed"
            raise StoreError(msg)

    def owns(self, connection: sqlite3.Connection) -> bool:
        """Implement `Connections.owns`."""
        process = self._process()
        return process.writer is connection or id(connection) in process.lent

    def take(self) -> sqlite3.Connection:
        """Take the reader's connection that came back last, for its cache is warm."""
        self._check_open()
        process = self._process()
        with process.lock:
            connection = process.idle.pop() if process.idle else self._connect()
            process.lent[id(connection)] = connection
        return connection

    def give(self, connection: sqlite3.Connection, *, sound: bool) -> None:
        """Implement `Connections.give`."""
        process = self._process()
        with process.lock:
            del process.lent[id(connection)]
            if self._closed or not sound or len(process.idle) >= IDLE_READERS:
                connection.close()
            else:
                process.idle.append(connection)

    def take_writer(self) -> sqlite3.Connection:
        """Implement `Connections.take_writer`."""
        if self._closed:
            self._check_open()
        self._lock.acquire(self._timeout_seconds)
        try:
            if self._closed:
                self._check_open()
            process = self._process()
            if process.writer is None:
                process.writer = self._connect()
        except BaseException:
            self._lock.release()
            raise
        return process.writer

    def give_writer(self, connection: sqlite3.Connection, *, sound: bool) -> None:
        """Implement `Connections.give_writer`."""
        if self._closed or not sound:
            self._process().writer = None
            connection.close()
        self._lock.release()

    def wipe(self) -> tuple[str, ...]:
        """Implement `Connections.wipe`. The log has the old pages until it is cut off."""
        connection = self.take_writer()
        sound = False
        try:
            connection.execute(f"PRAGMA busy_timeout = {WIPE_TIMEOUT_SECONDS * 1000}").fetchone()
            (busy, *_) = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            timeout = int(self._timeout_seconds * 1000)
            connection.execute(f"PRAGMA busy_timeout = {timeout}").fetchone()
            sound = True
        finally:
            self.give_writer(connection, sound=sound)
        told = (
            f"another connection is reading: {self.where}-wal has it until that ends and the "
            "erasure is asked for once more"
        )
        return (told,) if busy else ()

    def close(self) -> None:
        """Implement `Connections.close`."""
        process = self._process()
        with process.lock:
            self._closed = True
            while process.idle:
                process.idle.pop().close()
        try:
            self._lock.acquire(0)
        except (InvalidRequest, StoreBusy):
            return  # the writer closes its connection itself, at its end
        writer, process.writer = process.writer, None
        if writer is not None:
            writer.close()
        self._lock.release()


#: How long a wipe waits for readers to end.
WIPE_TIMEOUT_SECONDS: Final = 2


class PrivateConnection:
    """The one connection of a private database in memory; its threads take turns.

    Readers of one thread share a snapshot. A thread that has a writer reads through it:
    there is no second connection that would see the state before.
    """

    def __init__(self, *, where: str, timeout_seconds: float) -> None:
        self.where = where
        self._timeout_seconds = timeout_seconds
        self._connection = connect(":memory:", synchronous="OFF", timeout_seconds=timeout_seconds)
        self._pid = os.getpid()
        self._turn = threading.RLock()
        self._readers = 0
        self._writing = False
        self._closed = False

    def owns(self, connection: sqlite3.Connection) -> bool:
        """Implement `Connections.owns`."""
        return self._pid == os.getpid()

    def _enter(self) -> None:
        if self._closed:
            msg = "this store is closed"
            raise StoreError(msg)
        if self._pid != os.getpid():
            msg = "a private database in memory is not there in a forked process"
            raise StoreError(msg)
        if not self._turn.acquire(timeout=self._timeout_seconds):
            msg = f"another thread held {self.where} for longer than {self._timeout_seconds:g} s"
            raise StoreBusy(msg)
        if self._writing:
            self._turn.release()
            msg = "a batch is open on this thread: read and write through it"
            raise InvalidRequest(msg)

    def _leave(self) -> None:
        if self._closed and not self._readers and not self._writing:
            self._connection.close()
        self._turn.release()

    def take(self) -> sqlite3.Connection:
        """Implement `Connections.take`."""
        self._enter()
        self._readers += 1
        return self._connection

    def give(self, connection: sqlite3.Connection, *, sound: bool) -> None:
        """Implement `Connections.give`."""
        self._readers -= 1
        self._leave()

    def take_writer(self) -> sqlite3.Connection:
        """Implement `Connections.take_writer`."""
        self._enter()
        if self._readers:
            self._turn.release()
            msg = f"a snapshot is open on this thread: {self.where} can be written to after it"
            raise InvalidRequest(msg)
        self._writing = True
        return self._connection

    def give_writer(self, connection: sqlite3.Connection, *, sound: bool) -> None:
        """Implement `Connections.give_writer`."""
        self._writing = False
        self._leave()

    def wipe(self) -> tuple[str, ...]:
        """Implement `Connections.wipe`: there is no log."""
        return ()

    def close(self) -> None:
        """Implement `Connections.close`."""
        self._closed = True
        if self._turn.acquire(blocking=False):
            self._leave()
