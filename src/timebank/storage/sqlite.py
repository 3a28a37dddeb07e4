"""Banks in a SQLite file, or in a private SQLite database in memory.

Several banks live in one file; several threads and processes may use it. Readers
never wait; writers wait for each other, of whatever bank, as SQLite has one lock.
"""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Final, NamedTuple
from urllib.parse import unquote_to_bytes

from timebank.errors import InvalidRequest, NotFound, StoreError, shown
from timebank.storage.lock import BUSY_TIMEOUT_SECONDS
from timebank.storage.sqlite_connections import (
    Connections,
    FileConnections,
    PrivateConnection,
    connect,
)
from timebank.storage.sqlite_errors import code_of, translated
from timebank.storage.sqlite_rows import SqliteReader
from timebank.storage.sqlite_schema import migrate, pending
from timebank.storage.sqlite_writer import SqliteWriter

SYNCHRONOUS: Final = ("full", "normal")
#: How SQLite fails where it can neither find nor make the log beside a file.
_NO_LOG: Final = (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY)
#: How it fails on a schema that another hand has changed; 0 is the driver's own error.
_UNREADABLE: Final = (0, sqlite3.SQLITE_ERROR, sqlite3.SQLITE_CORRUPT)


class Place(NamedTuple):
    """What a URL names: a file, or a private database where `path` is `None`."""

    path: str | None
    synchronous: str


class SqliteStore:
    """Banks in one SQLite database. Threads may share it; a forked child gets its own connections.

    >>> from timebank.storage.sqlite import open_sqlite
    >>> store = open_sqlite("sqlite://", create=True)
    >>> store.make_bank("main", journal="j1")
    >>> store.banks()
    ['main']
    >>> store.close()
    """

    def __init__(self, url: str, connections: Connections) -> None:
        self.url = url
        self._connections = connections

    def banks(self) -> list[str]:
        """As `Store.banks`."""
        with self.reader("") as reader:
            return reader.banks()

    def make_bank(self, bank: str, *, journal: str) -> None:
        """As `Store.make_bank`.

        :raises Conflict: another bank has this journal's id.
        """
        with self.writer(bank) as writer:
            writer.add_bank(journal)

    def reader(self, bank: str) -> SqliteReader:
        """As `Store.reader`."""
        return SqliteReader(self._connections, bank)

    def writer(self, bank: str) -> SqliteWriter:
        """As `Store.writer`."""
        return SqliteWriter(self._connections, bank)

    def close(self) -> None:
        """As `Store.close`."""
        self._connections.close()


def open_sqlite(
    url: str,
    *,
    create: bool,
    read_only: bool = False,
    busy_timeout_seconds: float = BUSY_TIMEOUT_SECONDS,
) -> SqliteStore:
    """The store of `sqlite:///relative`, `sqlite:////absolute` or `sqlite://` (in memory).

    With `create` the file and its tables are made where they are missing. With
    `read_only` SQLite opens the file so that nothing can be written.

    :raises InvalidRequest: a URL that cannot be.
    :raises NotFound: no such file, and `create` is false.
    :raises StoreError: no folder, no database, or written by a newer version.
    """
    path, synchronous = place_of(url)
    if path is None:
        private = PrivateConnection(where=url, timeout_seconds=busy_timeout_seconds)
        connection = private.take_writer()
        try:
            migrate(connection, url, busy_timeout_seconds)
        finally:
            private.give_writer(connection, sound=True)
        return SqliteStore(url, private)
    file = Path.cwd() / path  # a later change of folder must not change the file
    _check_file(file, create=create)
    mode = "rw" if create or not read_only else "ro"
    try:
        uri = _prepared(file, mode=mode, create=create, timeout_seconds=busy_timeout_seconds)
    except sqlite3.Error as error:
        if code_of(error) == sqlite3.SQLITE_NOTADB:
            msg = f"{file} is not a SQLite database"
            raise StoreError(msg) from error
        raise translated(error, str(file)) from error
    connections = FileConnections(
        uri, where=str(file), synchronous=synchronous, timeout_seconds=busy_timeout_seconds
    )
    return SqliteStore(url, connections)


def place_of(url: str) -> Place:
    """What a `sqlite:` URL names.

    :raises InvalidRequest: another form, or another option than `synchronous=normal|full`.

    >>> from timebank.storage.sqlite import place_of
    >>> place_of("sqlite:///street%20fair.db?synchronous=normal")
    Place(path='street fair.db', synchronous='normal')
    """
    location, has_options, options = url.partition("?")
    choice = options.removeprefix("synchronous=") if has_options else SYNCHRONOUS[0]
    if choice not in SYNCHRONOUS or (has_options and options == choice):
        msg = f"the one option is synchronous=normal or synchronous=full, not {shown(options)}"
        raise InvalidRequest(msg)
    if location == "sqlite://":
        return Place(None, choice)
    if not location.startswith("sqlite:///"):
        msg = (
            "SQLite is sqlite:///relative.db, sqlite:////absolute.db or, in memory, sqlite://; "
            f"not {shown(url)}"
        )
        raise InvalidRequest(msg)
    try:
        encoded = os.fsencode(location.removeprefix("sqlite:///"))
        path = os.fsdecode(unquote_to_bytes(encoded))
    except UnicodeError as error:
        msg = f"{shown(url)} is no text that can name a file"
        raise InvalidRequest(msg) from error
    if not path or "\0" in path or path == ":memory:":
        msg = f"{shown(url)} names no file; a private database in memory is sqlite://"
        raise InvalidRequest(msg)
    return Place(path, choice)


def _check_file(file: Path, *, create: bool) -> None:
    """Refuse, before SQLite touches it, what cannot be or become a database."""
    try:
        if file.exists():
            if not file.is_file():
                msg = f"{file} is not a file"
                raise StoreError(msg)
            if not create and file.stat().st_size == 0:
                msg = f"{file} is not a SQLite database: it is empty"
                raise StoreError(msg)
        elif not create:
            msg = f"no file {file}"
            raise NotFound(msg)
        elif not file.parent.is_dir():
            msg = f"there is no folder {file.parent} to make {file.name} in"
            raise StoreError(msg)
    except OSError as error:
        msg = f"{file} cannot be looked at: {error.strerror}"
        raise StoreError(msg) from error


def _prepared(file: Path, *, mode: str, create: bool, timeout_seconds: float) -> str:
    """The URI under which the file can be opened; its tables made, if `create`."""
    base = file.as_uri()
    first = f"{base}?mode={'rwc' if create else mode}"
    try:
        _look_into(first, str(file), create=create, timeout_seconds=timeout_seconds)
    except sqlite3.Error as error:
        if code_of(error) not in _NO_LOG or not _sealed(file):
            raise
    else:
        return f"{base}?mode={mode}"
    sealed = f"{base}?mode=ro&immutable=1"
    _look_into(sealed, str(file), create=False, timeout_seconds=timeout_seconds)
    return sealed


def _look_into(uri: str, where: str, *, create: bool, timeout_seconds: float) -> None:
    """Check the version of the tables, and make them if `create`.

    A file whose schema cannot be read is left as it is: its readers raise `Corrupt` and
    an audit says what is wrong.
    """
    with closing(connect(uri, synchronous="full", timeout_seconds=timeout_seconds)) as connection:
        try:
            unfinished = pending(connection, where)
        except sqlite3.Error as error:
            if code_of(error) not in _UNREADABLE:
                raise
            return
        if unfinished and create:
            migrate(connection, where, timeout_seconds)


def _sealed(file: Path) -> bool:
    """Whether nobody can be writing: SQLite then needs no log beside the file, nor can make it.

    `immutable` on a file that another process writes to would give wrong answers.
    """
    log = file.with_name(f"{file.name}-wal")
    return not (log.exists() or os.access(file, os.W_OK) or os.access(file.parent, os.W_OK))
