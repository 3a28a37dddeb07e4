"""A store inside a host's own transaction: the host's row and our record commit together.

Each writer is a savepoint, and a reader is none; where no transaction is open a reader has one of
its own. Nothing here commits, tries again, changes the isolation level, listens, or remembers
anything from one call to the next, but on which connection the tables' version was looked at.
"""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final

from timebank.errors import BankNotFound, Conflict
from timebank.storage.joined.connection import HostConnection
from timebank.storage.joined.hosts import Lent, host_of
from timebank.storage.joined.savepoints import (
    BatchSavepoint,
    Open,
    ReaderBlock,
    Savepoint,
    WriterBlock,
    check_no_snapshot,
    make_bank,
    of_host,
)

#: How often tables are tried again that another process makes at the same time.
_TRIES: Final = 3
#: What remains of what was deleted, until the host ends its transaction.
UNCOMMITTED: Final = "nothing is destroyed before the host commits"


class _OfThread(threading.local):
    """What each thread has open of one store."""

    def __init__(self) -> None:
        self.open = Open()
        #: Gives the connection whose tables were found to be of this version.
        self.checked: Callable[[], object] | None = None


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

    @property
    def open(self) -> Open:
        """What this thread has open."""
        return self._of_thread.open

    def connected(self) -> HostConnection:
        """Return the connection on which the host's transaction is open.

        :raises InvalidRequest: none is.
        """
        link = self.host.writing()
        check_no_snapshot(link.driver)
        return link.connected()

    def check_version(self, connection: HostConnection) -> None:
        """Check once for each connection that a thread joins that its tables are of this version.

        :raises OtherVersion: they are not.
        """
        mine = self._of_thread
        if mine.checked is None or mine.checked() is not connection.driver:
            with of_host():
                is_there = connection.check_version()
            mine.checked = _reference(connection.driver) if is_there else None

    def banks(self) -> list[str]:
        """Implement `Store.banks`."""
        block = ReaderBlock(self, "")
        try:
            with of_host():
                return block.opened().banks()
        except BankNotFound:
            return []  # there are no tables
        finally:
            block.drop()

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

    def writer(
        self,
        bank: str,
        *,
        within: BatchSavepoint | None = None,
        id: str | None = None,
        asks_host: bool = True,
    ) -> WriterBlock:
        """Implement `Store.writer`. The lock is held until the host's transaction ends.

        `within` is the batch that opens it: outside of its batch a bank is not written. The `id`
        of an operation is one that will be looked for. Unless it `asks_host` no callable of the
        host's runs in the block, which could end its transaction.
        """
        return WriterBlock(self, bank, within, id=id, asks_host=asks_host)

    def batch_savepoint(self, bank: str) -> BatchSavepoint:
        """Return the savepoint of a batch, before its `begin`."""
        return BatchSavepoint(self, bank)

    def wipe(self) -> tuple[str, ...]:
        """Implement `Wipes.wipe`: it is the host who ends the transaction, and whose file it is."""
        return (UNCOMMITTED, *self.connected().remains)

    def close(self) -> None:
        """Do nothing: the connection is the host's."""


def _reference(connection: object) -> Callable[[], object]:
    """Return what gives a connection as long as it is there; that of `sqlite3` has to be kept."""
    try:
        return weakref.ref(connection)
    except TypeError:
        return lambda: connection


def migrate_connection(connection: Any) -> list[str]:
    """Bring the tables in the database of a host's connection to this version.

    Return the names of what was done. In a transaction that is open it is part of it; otherwise it
    is one of its own, committed at the end.

    :raises InvalidRequest: not a connection that can be joined, or a transaction is open on
        MariaDB, where making a table would commit it.
    :raises StoreError: a package is missing, or the database cannot hold a ledger.
    :raises OtherVersion: a newer version made the tables, or one from before the first release.
    """
    lent = host_of(connection).reading()
    try:
        check_no_snapshot(lent.link.driver)
        with of_host():
            return _migrated(lent)
    finally:
        if lent.give_back is not None:
            lent.give_back()


def _migrated(lent: Lent) -> list[str]:
    """Migrate what was lent."""
    joined = lent.link.connected()
    if joined.migrates_alone(is_told=lent.is_told) or lent.is_own:
        for _ in range(_TRIES):
            with suppress(Conflict):  # another process made them meanwhile
                return _migrated_alone(joined)
        return _migrated_alone(joined)
    savepoint = Savepoint(joined)
    try:
        savepoint.begin()
        done = joined.migrate()
        savepoint.release()
    except BaseException as error:
        savepoint.drop(error)
        raise
    return done


def _migrated_alone(joined: HostConnection) -> list[str]:
    """Migrate in a transaction of our own."""
    joined.begin_making()
    try:
        done = joined.migrate()
        joined.end(keep=True)
    except BaseException:
        with suppress(Exception):
            joined.end(keep=False)
        raise
    return done
