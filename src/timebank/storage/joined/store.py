"""A store inside a host's own transaction: the host's row and our record commit together.

Each reader and each writer is a savepoint. Nothing here commits, tries again, changes
the isolation level, listens, or remembers anything from one call to the next.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from types import TracebackType
from typing import Any, Final, Protocol

from timebank.errors import BankNotFound, InvalidRequest, Retryable
from timebank.storage.joined.hosts import host_of, is_a
from timebank.storage.protocol import Reader, Writer


class JoinedReader(Reader, Protocol):
    """A reader that can name all banks."""

    def banks(self) -> list[str]:
        """Return the names of the banks, by code point."""


class JoinedWriter(Writer, Protocol):
    """A writer that can make its bank."""

    def add_bank(self, journal: str) -> None:
        """Make the bank where it is missing."""


class HostConnection(Protocol):
    """A driver's connection of a host: what the store needs of each kind of database."""

    where: str
    #: Where what is deleted may still be read, in words.
    remains: str

    def run(self, sql: str) -> None:
        """Run a statement that gives no rows."""

    def reader(self, bank: str) -> AbstractContextManager[JoinedReader]:
        """Return a reader in the transaction that is open."""

    def writer(self, bank: str) -> AbstractContextManager[JoinedWriter]:
        """Return a writer in the transaction that is open; the lock is taken at entry."""

    def has_tables(self) -> bool:
        """Return whether the tables of the ledger are there; to ask is no error if not."""

    def make_tables(self) -> None:
        """Make the tables of the ledger.

        :raises StoreError: to make them would commit the host's transaction.
        """


#: Begins a reader or a writer on a connection.
Begin = Callable[[HostConnection, str], AbstractContextManager[Reader]]


class _Depth(threading.local):
    """The number of our savepoints that this thread is in, on whatever connection."""

    value = 0


#: On MariaDB a savepoint ends an outer one of the same name: names are by depth.
_DEPTH: Final = _Depth()


class _Writing(threading.local):
    """The banks of one store that this thread is writing."""

    def __init__(self) -> None:
        self.banks: set[str] = set()


class JoinedStore:
    """The banks of the database that a host's connection is in.

    `new_journal` gives the id of a bank that is made because it is missing; with `None`
    none is made.

    :raises InvalidRequest: not a connection that can be joined.
    """

    def __init__(self, connection: Any, *, new_journal: Callable[[], str] | None = None) -> None:
        self._host = host_of(connection)
        self._new_journal = new_journal
        self._writing = _Writing()

    #: What it is called in messages; the host's own URL is the host's secret.
    url = "joined:"

    def check(self) -> None:
        """Check that a transaction is open.

        :raises InvalidRequest: none is.
        """
        self._host()

    def _savepoint(self) -> _Savepoint:
        return _Savepoint(connection_of(self._host()))

    def banks(self) -> list[str]:
        """Implement `Store.banks`."""
        with self._savepoint() as connection:
            if not connection.has_tables():
                return []
            with connection.reader("") as reader:
                return reader.banks()

    def make_bank(self, bank: str, *, journal: str) -> None:
        """Implement `Store.make_bank`; the tables too, where that is part of a transaction."""
        with self._savepoint() as connection:
            if not connection.has_tables():
                connection.make_tables()
            with connection.writer(bank) as writer:
                writer.add_bank(journal)

    def reader(self, bank: str) -> AbstractContextManager[Reader]:
        """Implement `Store.reader`, of what the host's transaction sees."""
        return _Block(self, bank)

    def writer(self, bank: str) -> AbstractContextManager[Writer]:
        """Implement `Store.writer`. The lock is held until the host's transaction ends."""
        return _WriterBlock(self, bank)

    def writing(self) -> set[str]:
        """Return the banks that this thread is writing."""
        return self._writing.banks

    def enter(self, bank: str, begin: Begin, *, make: bool = True) -> tuple[_Savepoint, Any, Any]:
        """Begin a reader or writer in a savepoint; make a missing bank where that is wanted.

        :raises BankNotFound: it is not there, and none is made.
        """
        savepoint = self._savepoint()
        connection = savepoint.__enter__()
        try:
            block = begin(connection, bank)
            opened = block.__enter__()
            opened.head()
        except BaseException as error:
            savepoint.__exit__(type(error), error, error.__traceback__)
            if not (make and self._new_journal and isinstance(error, BankNotFound)):
                raise
        else:
            return savepoint, block, opened
        self.make_bank(bank, journal=self._new_journal())
        return self.enter(bank, begin, make=False)

    def wipe(self) -> tuple[str, ...]:
        """Implement `Wipes.wipe`: it is the host who ends the transaction, and whose file it is."""
        with self._savepoint() as connection:
            return ("nothing is destroyed before the host commits", connection.remains)

    def close(self) -> None:
        """Do nothing: the connection is the host's."""


class _Savepoint:
    """A savepoint in the host's transaction: kept at the end of the block, undone by an error."""

    def __init__(self, connection: HostConnection) -> None:
        self._connection = connection
        self._name = f"timebank_{_DEPTH.value}"

    def __enter__(self) -> HostConnection:
        self._connection.run(f"SAVEPOINT {self._name}")
        _DEPTH.value += 1
        return self._connection

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        _DEPTH.value -= 1
        if error is None:
            try:
                self._connection.run(f"RELEASE SAVEPOINT {self._name}")
            except BaseException as failure:
                self._undo(failure)
                raise
        else:
            self._undo(error)

    def _undo(self, error: BaseException) -> None:
        if isinstance(error, Retryable):
            error.scope = "host"
        # A deadlock or a lost connection has undone all already: what came first is told.
        with suppress(Exception):
            self._connection.run(f"ROLLBACK TO SAVEPOINT {self._name}")
            self._connection.run(f"RELEASE SAVEPOINT {self._name}")


class _Block:
    """The block of a reader or writer, within its savepoint."""

    def __init__(self, store: JoinedStore, bank: str) -> None:
        self._store = store
        self._bank = bank

    def __enter__(self) -> Any:
        self._savepoint, self._inner, opened = self._store.enter(self._bank, self._begin)
        return opened

    def _begin(self, connection: HostConnection, bank: str) -> AbstractContextManager[Reader]:
        return connection.reader(bank)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            self._inner.__exit__(kind, error, traceback)
        except BaseException as failure:
            self._savepoint.__exit__(type(failure), failure, failure.__traceback__)
            raise
        self._savepoint.__exit__(kind, error, traceback)


class _WriterBlock(_Block):
    """The block of the one writer that a thread may have of a bank."""

    def _begin(self, connection: HostConnection, bank: str) -> AbstractContextManager[Writer]:
        return connection.writer(bank)

    def __enter__(self) -> Any:
        if self._bank in self._store.writing():
            msg = "a batch is open on this thread: write through it"
            raise InvalidRequest(msg)
        opened = super().__enter__()
        self._store.writing().add(self._bank)
        return opened

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._store.writing().discard(self._bank)
        super().__exit__(kind, error, traceback)


def connection_of(driver: Any) -> HostConnection:
    """Wrap a driver's connection by its kind of database.

    :raises InvalidRequest: no database that can be joined.
    """
    if is_a(driver, "sqlite3.Connection"):
        from timebank.storage.joined.sqlite import SqliteConnection

        return SqliteConnection(driver)
    from timebank.storage.joined.server import server_connection

    return server_connection(driver)
