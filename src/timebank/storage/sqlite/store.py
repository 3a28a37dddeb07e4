"""Banks in a SQLite file, or in a private SQLite database in memory.

Several banks live in one file; several threads and processes may use it. Readers
never wait; writers wait for each other, of whatever bank, as SQLite has one lock.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from typing import Final, NamedTuple
from urllib.parse import unquote_to_bytes

from timebank.errors import InvalidRequest, NotFound, OtherVersion, StoreError, shown
from timebank.storage.lock import BUSY_TIMEOUT_SECONDS
from timebank.storage.options import read_options
from timebank.storage.sqlite.connections import (
    Connections,
    FileConnections,
    Use,
    connect,
    disinherit,
)
from timebank.storage.sqlite.errors import ERRORS, code_of, translated
from timebank.storage.sqlite.files import make_private
from timebank.storage.sqlite.log import check_log
from timebank.storage.sqlite.private import PrivateConnection
from timebank.storage.sqlite.schema import migrate, pending
from timebank.storage.sqlite.transactions import SqliteReader, SqliteWriter

SYNCHRONOUS: Final = "full"
#: How SQLite fails where it can neither find nor make the log beside a file.
_NO_LOG: Final = (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY)
#: How it fails on a schema that another hand has changed; 0 is the driver's own error.
_UNREADABLE: Final = (0, sqlite3.SQLITE_ERROR, sqlite3.SQLITE_CORRUPT)


class Location(NamedTuple):
    """The parts of a URL: a file, or a private database where `path` is `None`, and an option."""

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

    @property
    def address(self) -> str | None:
        """Implement `HasAddress.address`; a private database cannot be opened twice."""
        return None if parse_url(self.url).path is None else self.url

    def banks(self) -> list[str]:
        """Implement `Store.banks`."""
        with self.reader("") as reader:
            return reader.banks()

    def make_bank(self, bank: str, *, journal: str) -> None:
        """Implement `Store.make_bank`."""
        block = self.writer(bank)
        try:
            with block as writer:
                writer.add_bank(journal)
        except BaseException:
            block.drop()
            raise

    def reader(self, bank: str) -> SqliteReader:
        """Implement `Store.reader`."""
        return SqliteReader(self._connections, bank)

    def writer(self, bank: str) -> SqliteWriter:
        """Implement `Store.writer`."""
        return SqliteWriter(self._connections, bank)

    def wipe(self) -> tuple[str, ...]:
        """Implement `Wipes.wipe`: the write-ahead log is cut off, unless somebody is reading."""
        try:
            return self._connections.wipe()
        except ERRORS as error:
            raise translated(error, self._connections.where) from error

    def close(self) -> None:
        """Implement `Store.close`."""
        self._connections.close()


def open_sqlite(
    url: str,
    *,
    create: bool,
    read_only: bool = False,
    busy_timeout_seconds: float = BUSY_TIMEOUT_SECONDS,
) -> SqliteStore:
    """Open the store of `sqlite:///relative`, `sqlite:////absolute` or `sqlite://` (in memory).

    With `create` the file and its tables are made where they are missing; the file is for its
    owner alone, whatever the umask. With `read_only` SQLite opens the file so that nothing can be
    written.

    :raises InvalidRequest: a URL that cannot be.
    :raises NotFound: no such file, and `create` is false.
    :raises StoreError: no folder, no database, written by a newer version, or by an older
        one and not yet migrated; the log beside it is of another file.
    """
    path, synchronous = parse_url(url)
    if path is None:
        private = PrivateConnection(where=url, timeout_seconds=busy_timeout_seconds)
        migrate(private.connection, url, busy_timeout_seconds)  # nobody else has it yet
        return SqliteStore(url, private)
    file = Path.cwd() / path  # a later change of folder must not change the file
    _check_file(file, create=create)
    disinherit(str(file))
    check_log(file, timeout_seconds=busy_timeout_seconds)
    if create:
        make_private(file)
    mode = "rw" if create or not read_only else "ro"
    with _translating(file):
        uri = _prepare(file, url, mode=mode, create=create, timeout_seconds=busy_timeout_seconds)
    connections = FileConnections(
        uri, where=str(file), synchronous=synchronous, timeout_seconds=busy_timeout_seconds
    )
    return SqliteStore(url, connections)


def reading_uri(url: str) -> tuple[str, Path]:
    """Return the URI by which SQLite opens the file of a URL to read it for a backup, and the file.

    A file of an older version is well here: it is copied before it is migrated.

    :raises InvalidRequest: a URL that cannot be, or a private database.
    :raises NotFound: no such file.
    :raises StoreError: no database, or written by a newer version.
    """
    file = file_of(url)
    _check_file(file, create=False)
    check_log(file, timeout_seconds=BUSY_TIMEOUT_SECONDS)
    with _translating(file):
        uri = _prepare(
            file,
            url,
            mode="ro",
            create=False,
            older=True,
            timeout_seconds=BUSY_TIMEOUT_SECONDS,
        )
    return uri, file


def file_of(url: str) -> Path:
    """Return the file that a URL names, from the current folder.

    :raises InvalidRequest: a URL that cannot be, or a private database.
    """
    path, _ = parse_url(url)
    if path is None:
        msg = "a private database in memory has no file: name one like sqlite:///bank.db"
        raise InvalidRequest(msg)
    return Path.cwd() / path


def migrate_sqlite(url: str, *, busy_timeout_seconds: float = BUSY_TIMEOUT_SECONDS) -> list[str]:
    """Bring the tables of a file to this version and return the names of what was applied.

    It is one transaction: after a kill the file is as it was. Others may use the file
    meanwhile, and several processes may do this at once.

    :raises InvalidRequest: a URL that cannot be.
    :raises NotFound: no such file.
    :raises StoreError: no database, no ledger in it, written by a newer version, or it
        cannot be written to.
    :raises StoreBusy: another connection held the lock for longer than the time-out.

    >>> from timebank.storage.sqlite import migrate_sqlite
    >>> migrate_sqlite("sqlite://")
    []
    """
    path, _ = parse_url(url)
    if path is None:
        return []  # a private database is of this version
    file = Path.cwd() / path
    _check_file(file, create=False)
    check_log(file, timeout_seconds=busy_timeout_seconds)
    uri = f"{file.as_uri()}?mode=rw"
    with (
        _translating(file),
        closing(connect(uri, synchronous="full", timeout_seconds=busy_timeout_seconds)) as found,
    ):
        unfinished = pending(found, str(file))
        if unfinished is None:
            msg = f"{file} has no ledger in it"
            raise StoreError(msg).about(key="file_no_ledger", file=str(file))
        return list(migrate(found, str(file), busy_timeout_seconds)) if unfinished else []


def parse_url(url: str) -> Location:
    """Return the parts of a `sqlite:` URL.

    :raises InvalidRequest: another form, or another option than `synchronous=normal|full`.

    >>> from timebank.storage.sqlite.store import parse_url
    >>> parse_url("sqlite:///street%20fair.db?synchronous=normal")
    Location(path='street fair.db', synchronous='normal')
    """
    location, has_options, options = url.partition("?")
    choice = SYNCHRONOUS
    if has_options:
        choice = read_options("sqlite", options).get("synchronous", choice)
    if location == "sqlite://":
        return Location(None, choice)
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
    return Location(path, choice)


def _check_file(file: Path, *, create: bool) -> None:
    """Refuse, before SQLite touches it, what cannot be or become a database."""
    try:
        if file.exists():
            if not file.is_file():
                msg = f"{file} is not a file"
                raise StoreError(msg).about(key="file_is_none", file=str(file))
            if not create and file.stat().st_size == 0:
                msg = f"{file} is empty: there is no bank in it"
                raise NotFound(msg).about(key="file_empty", file=str(file))
        elif not create:
            msg = f"no file {file}"
            raise NotFound(msg).about(key="file_missing", file=str(file))
        elif not file.parent.is_dir():
            msg = f"there is no folder {file.parent} to make {file.name} in"
            raise StoreError(msg).about(
                key="folder_missing", file=str(file), folder=str(file.parent)
            )
    except OSError as error:
        msg = f"{file} cannot be looked at: {error.strerror}"
        raise StoreError(msg) from error


@contextmanager
def _translating(file: Path) -> Iterator[None]:
    """Turn errors of the driver into the library's while a file is being opened."""
    try:
        yield
    except ERRORS as error:
        if code_of(error) == sqlite3.SQLITE_NOTADB:
            msg = f"{file} is not a SQLite database"
            raise StoreError(msg).about(key="file_no_database", file=str(file)) from error
        raise translated(error, str(file)) from error


def _prepare(
    file: Path, url: str, *, mode: str, create: bool, timeout_seconds: float, older: bool = False
) -> str:
    """Return the URI by which the file can be opened; with `create` make its tables."""
    base = file.as_uri()
    look = partial(_check_version, file=file, url=url, older=older, timeout_seconds=timeout_seconds)
    try:
        look(f"{base}?mode={'rwc' if create else mode}", create=create)
    except ERRORS as error:
        if code_of(error) not in _NO_LOG or not _is_read_only(file):
            raise
    else:
        return f"{base}?mode={mode}"
    sealed = f"{base}?mode=ro&immutable=1"
    look(sealed, create=False)
    return sealed


def _check_version(
    uri: str, *, file: Path, url: str, create: bool, older: bool, timeout_seconds: float
) -> None:
    """Check the version of the tables, and make them if `create`.

    A file whose schema cannot be read is left as it is: its readers raise `Corrupt` and
    an audit says what is wrong. One of an older version, unless `older`, is left as it
    is too: others may be using it, so that its owner says when.
    """
    with (
        Use(),  # until it is closed again
        closing(connect(uri, synchronous="full", timeout_seconds=timeout_seconds)) as connection,
    ):
        try:
            unfinished = pending(connection, str(file))
        except ERRORS as error:
            if code_of(error) not in _UNREADABLE:
                raise
            return
        if unfinished and not older:
            msg = f'{file} was made by an older timebank: run "timebank migrate {url}"'
            raise OtherVersion(msg)
        if unfinished is None and create:
            migrate(connection, str(file), timeout_seconds)


def _is_read_only(file: Path) -> bool:
    """Return whether nobody can write: SQLite then needs no log beside the file, nor can make it.

    `immutable` on a file that another process writes to would give wrong answers.
    """
    log = file.with_name(f"{file.name}-wal")
    return not (log.exists() or os.access(file, os.W_OK) or os.access(file.parent, os.W_OK))
