"""A store inside a host's own transaction: the host's row and our record commit together.

Each writer is a savepoint, and a reader is none. Nothing here commits, tries again, changes
the isolation level, listens, or remembers anything from one call to the next.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from timebank.errors import BankNotFound
from timebank.storage.joined.hosts import host_of, is_a
from timebank.storage.joined.savepoints import (
    BatchSavepoint,
    HostConnection,
    Open,
    ReaderBlock,
    Savepoint,
    WriterBlock,
    make_bank,
    of_host,
)


class _OfThread(threading.local):
    """What each thread has open of one store."""

    def __init__(self) -> None:
        self.open = Open()


class JoinedStore:
    """The banks of the database that a host's connection is in.

    `new_journal` gives the id of a bank that is made because it is missing; with `None`
    none is made.

    :raises InvalidRequest: not a connection that can be joined.
    """

    def __init__(self, connection: Any, *, new_journal: Callable[[], str] | None = None) -> None:
        self.host = host_of(connection)
        self.new_journal = new_journal
        self._of_thread = _OfThread()

    #: What it is called in messages; the host's own URL is the host's secret.
    url = "joined:"

    def check(self) -> None:
        """Check that a transaction is open.

        :raises InvalidRequest: none is.
        """
        self.host()

    @property
    def open(self) -> Open:
        """What this thread has open."""
        return self._of_thread.open

    def connected(self) -> HostConnection:
        """Return the connection on which the host's transaction is open.

        :raises InvalidRequest: none is.
        """
        return connection_of(self.host())

    def banks(self) -> list[str]:
        """Implement `Store.banks`."""
        try:
            with of_host():
                return self.connected().reader("").banks()
        except BankNotFound:
            return []  # there are no tables

    def make_bank(self, bank: str, *, journal: str) -> None:
        """Implement `Store.make_bank`; the tables too, where that is part of a transaction."""
        savepoint = Savepoint(self.connected())
        try:
            make_bank(savepoint, bank, journal)
        finally:
            savepoint.drop()

    def reader(self, bank: str) -> ReaderBlock:
        """Implement `Store.reader`, of what the host's transaction sees. It makes no bank."""
        return ReaderBlock(self, bank)

    def writer(self, bank: str, *, within: BatchSavepoint | None = None) -> WriterBlock:
        """Implement `Store.writer`. The lock is held until the host's transaction ends.

        `within` is the batch that opens it: outside of its batch a bank is not written.
        """
        return WriterBlock(self, bank, within)

    def batch_savepoint(self, bank: str) -> BatchSavepoint:
        """Return the savepoint of a batch, before its `begin`."""
        return BatchSavepoint(self, bank)

    def wipe(self) -> tuple[str, ...]:
        """Implement `Wipes.wipe`: it is the host who ends the transaction, and whose file it is."""
        return ("nothing is destroyed before the host commits", *self.connected().remains)

    def close(self) -> None:
        """Do nothing: the connection is the host's."""


def connection_of(driver: Any) -> HostConnection:
    """Wrap a driver's connection by its kind of database.

    :raises InvalidRequest: no database that can be joined.
    """
    if is_a(driver, "sqlite3.Connection"):
        from timebank.storage.joined.sqlite import SqliteConnection

        return SqliteConnection(driver)
    from timebank.storage.joined.server import server_connection

    return server_connection(driver)
