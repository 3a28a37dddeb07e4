"""Connections to one SQLite database: who gets which, and how they are set up.

A file has one connection that writes and a pool of those that read. A private
database in memory has one connection in all, which its threads take in turn.
"""

from __future__ import annotations

import os
import sqlite3
import threading
from contextlib import suppress
from typing import Final, Protocol

from timebank.errors import InvalidRequest, StoreBusy, StoreError
from timebank.storage.lock import WriterLock

#: Readers that are kept open though nobody reads.
IDLE_READERS: Final = 8


class Connections(Protocol):
    """Where readers and writers get their connection from, and give it back."""

    where: str

    def take(self) -> sqlite3.Connection:
        """A connection to read with."""

    def give(self, connection: sqlite3.Connection, *, sound: bool) -> None:
        """Back from a reader; not `sound` if its transaction could not be ended."""

    def take_writer(self) -> sqlite3.Connection:
        """The connection to write with, and the lock."""

    def give_writer(self, connection: sqlite3.Connection, *, sound: bool) -> None:
        """Back from a writer; the lock is free."""

    def close(self) -> None:
        """Close what is not in use, and what is when it comes back."""


def connect(uri: str, *, synchronous: str, timeout_seconds: float) -> sqlite3.Connection:
    """A connection that begins no transaction by itself and enforces the schema.

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
            connection.execute(f"PRAGMA {pragma}")
    except BaseException:
        connection.close()
        raise
    return connection


class _Process:
    """The connections of one process. Those inherited by a fork are left alone.

    To close an inherited connection would drop the parent's locks on the file.
    """

    def __init__(self) -> None:
        self.idle: list[sqlite3.Connection] = []
        self.writer: sqlite3.Connection | None = None
        self.out: dict[int, sqlite3.Connection] = {}


class FileConnections:
    """The connections to a file."""

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

    def take(self) -> sqlite3.Connection:
        """The reader that came back last, for its cache is warm."""
        self._check_open()
        process = self._process()
        try:
            connection = process.idle.pop()
        except IndexError:
            connection = self._connect()
        process.out[id(connection)] = connection
        return connection

    def give(self, connection: sqlite3.Connection, *, sound: bool) -> None:
        """As `Connections.give`."""
        process = self._process()
        if process.out.pop(id(connection), None) is None:
            return  # it was taken before a fork: it is the parent's
        if self._closed or not sound or len(process.idle) >= IDLE_READERS:
            connection.close()
        else:
            process.idle.append(connection)

    def take_writer(self) -> sqlite3.Connection:
        """As `Connections.take_writer`."""
        self._check_open()
        self._lock.acquire(self._timeout_seconds)
        try:
            process = self._process()
            if process.writer is None:
                process.writer = self._connect()
            return process.writer
        except BaseException:
            self._lock.release()
            raise

    def give_writer(self, connection: sqlite3.Connection, *, sound: bool) -> None:
        """As `Connections.give_writer`."""
        process = self._process()
        if process.writer is connection and (self._closed or not sound):
            process.writer = None
            connection.close()
        self._lock.release()

    def check_own(self, connection: sqlite3.Connection) -> None:
        """Refuse a writer's connection in a child that was forked while it was open."""

    def close(self) -> None:
        """As `Connections.close`."""
        self._closed = True
        process = self._process()
        while process.idle:
            process.idle.pop().close()
        with suppress(InvalidRequest, StoreBusy):
            self._lock.acquire(0)
            writer, process.writer = process.writer, None
            if writer is not None:
                writer.close()
            self._lock.release()
