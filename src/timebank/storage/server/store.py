"""Banks on an SQL server: PostgreSQL through psycopg, MariaDB through PyMySQL.

SQLAlchemy has the pool of connections, the schema and the URL; the statements are our
own. Threads and processes may share a server. Writers of one bank wait for each other,
at the lock on its row; writers of different banks do not.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, Final

from timebank.errors import (
    BankNotFound,
    Conflict,
    InvalidRequest,
    OutcomeUnknown,
    StoreBusy,
    StoreError,
    shown,
)
from timebank.storage.lock import BUSY_TIMEOUT_SECONDS, WriterLock
from timebank.storage.server.dialect import Dialect
from timebank.storage.server.migrations import migrate, newest
from timebank.storage.server.rows import SqlReader, SqlWriter, Transaction

if TYPE_CHECKING:
    from sqlalchemy import Engine
    from sqlalchemy.pool import PoolProxiedConnection

#: Connections that are kept, and those that may be opened beyond them when many are busy.
POOL: Final = 8
OVERFLOW: Final = 24
CONNECT_TIMEOUT_SECONDS: Final = 10


class SqlStore:
    """Banks in one database of a server. A forked child gets connections of its own."""

    def __init__(
        self,
        url: str,
        *,
        read_only: bool = False,
        busy_timeout_seconds: float = BUSY_TIMEOUT_SECONDS,
    ) -> None:
        from sqlalchemy import make_url
        from sqlalchemy.exc import SQLAlchemyError

        try:
            self._url = make_url(url)
        except (SQLAlchemyError, ValueError) as error:
            msg = "a server is named like postgresql+psycopg://user:password@host/database"
            raise InvalidRequest(msg) from error
        self.url = self._url.render_as_string(hide_password=True)
        self.dialect = dialect_of(self._url.get_backend_name())
        self._read_only = read_only
        self._timeout_seconds = busy_timeout_seconds
        self._engines: dict[int, Engine] = {}
        self._locks: dict[str, WriterLock] = {}
        self._making = threading.Lock()
        self._closed = False

    @property
    def address(self) -> str:
        """Implement `HasAddress.address`: the URL, with the password."""
        return self._url.render_as_string(hide_password=False)

    # -- connections ----------------------------------------------------------

    def _engine(self) -> Engine:
        """Return the pool of this process: a connection inherited through a fork is never used."""
        if self._closed:
            msg = "this store is closed"
            raise StoreError(msg)
        pid = os.getpid()
        engine = self._engines.get(pid)
        return self._make_engine(pid) if engine is None else engine

    def _make_engine(self, pid: int) -> Engine:
        from sqlalchemy import create_engine, event

        engine = create_engine(
            self._url,
            pool_size=POOL,
            max_overflow=OVERFLOW,
            pool_timeout=self._timeout_seconds,
            pool_use_lifo=True,
            pool_reset_on_return=None,  # every transaction is ended before that
            connect_args=_arguments(self._url),
        )

        @event.listens_for(engine, "connect", insert=True)
        def set_up(connection: Any, _: object) -> None:
            if why := self.dialect.unfit(connection):
                connection.close()
                msg = f"{self.url} cannot hold a ledger: {why}"
                raise StoreError(msg)
            self.dialect.prepare(
                connection, read_only=self._read_only, timeout_seconds=self._timeout_seconds
            )

        # Two threads may both make one: the first is kept, the other has no connection yet.
        return self._engines.setdefault(pid, engine)

    def _lent(self) -> PoolProxiedConnection:
        """Take a connection from the pool.

        :raises StoreBusy: all are in use, for longer than the time-out.
        :raises StoreError: the server cannot be reached.
        """
        from sqlalchemy.exc import SQLAlchemyError
        from sqlalchemy.exc import TimeoutError as NoneFree

        try:
            return self._engine().raw_connection()
        except NoneFree as error:
            msg = f"{self.url}: all connections were in use for {self._timeout_seconds:g} s"
            raise StoreBusy(msg) from error
        except SQLAlchemyError as error:
            cause = getattr(error, "orig", None)
            raise self.dialect.translated(cause or error, self.url) from error
        except self.dialect.error as error:
            raise self.dialect.translated(error, self.url) from error

    @contextmanager
    def transaction(self, begin: Callable[[Any], None]) -> Iterator[tuple[Any, Transaction]]:
        """Begin a transaction; it is rolled back at the end unless it was committed.

        What interrupts a program may have left an answer half read: that connection is dropped.
        """
        lent, cursor = self._began(begin)
        connection = lent.driver_connection
        owner = os.getpid()
        sound = False
        try:
            yield connection, Transaction(cursor, self.dialect, self.url)
            sound = True
        except Exception:
            sound = True  # unless it cannot even be rolled back
            raise
        finally:
            if os.getpid() == owner:
                self._give(lent, connection, sound=sound)

    def _began(self, begin: Callable[[Any], None]) -> tuple[PoolProxiedConnection, Any]:
        """Take a connection and begin; one that died while it was idle is replaced."""
        for last in (False, True):
            lent = self._lent()
            try:
                cursor = self.dialect.cursor(lent.driver_connection)
                begin(cursor)
            except self.dialect.error as error:
                gone = self._gone(lent.driver_connection, error)
                lent.invalidate()
                if last or not gone:
                    raise self.dialect.translated(error, self.url) from error
                self._engine().dispose()  # the others are as old
            except BaseException:
                lent.invalidate()
                raise
            else:
                return lent, cursor
        raise AssertionError  # pragma: no cover - the loop returns or raises

    def _gone(self, connection: Any, error: Exception) -> bool:
        return self.dialect.lost(connection, error)

    def _give(self, lent: PoolProxiedConnection, connection: Any, *, sound: bool) -> None:
        """Give a connection back to the pool, or close it where it cannot be rolled back."""
        if sound:
            try:
                connection.rollback()
            except self.dialect.error:
                sound = False
        if not sound:
            lent.invalidate()
        with suppress(self.dialect.error):
            lent.close()

    # -- the protocol -----------------------------------------------------------

    def banks(self) -> list[str]:
        """Implement `Store.banks`."""
        with self.reader("") as reader:
            return reader.banks()

    def make_bank(self, bank: str, *, journal: str) -> None:
        """Implement `Store.make_bank`."""
        with suppress(Conflict):  # somebody else has just made it
            self._make_bank(bank, journal)
            return
        self._make_bank(bank, journal)

    def _make_bank(self, bank: str, journal: str) -> None:
        with self.writer(bank) as writer:
            writer.add_bank(journal)

    @contextmanager
    def reader(self, bank: str) -> Iterator[SqlReader]:
        """Implement `Store.reader`."""
        with self.transaction(self.dialect.begin_reading) as (_, transaction):
            reader = SqlReader(transaction, bank)
            try:
                yield reader
            finally:
                reader.close()

    @contextmanager
    def writer(self, bank: str) -> Iterator[SqlWriter]:
        """Implement `Store.writer`. Threads wait here for each other, processes at the server."""
        lock = self._locks.get(bank) or self._locks.setdefault(bank, WriterLock(where=self.url))
        lock.acquire(self._timeout_seconds)
        owner = os.getpid()
        try:
            with self.transaction(self.dialect.begin_writing) as (connection, transaction):
                writer = SqlWriter(transaction, bank)
                try:
                    with suppress(BankNotFound):  # told by what is asked of the writer
                        writer.lock()
                    yield writer
                finally:
                    writer.close()
                self._end(connection, transaction, writer, owner)
        finally:
            lock.release()

    def _end(
        self, connection: Any, transaction: Transaction, writer: SqlWriter, owner: int
    ) -> None:
        """Commit.

        :raises StoreError: a statement failed, or this is another process than that which began.
        :raises OutcomeUnknown: the connection was lost before the server answered.
        """
        if writer.failed is not None:
            msg = "a statement failed, so nothing was written"
            raise StoreError(msg) from writer.failed
        if os.getpid() != owner:
            msg = "this writer belongs to the process that opened it: nothing was written here"
            raise StoreError(msg)
        try:
            committed = self.dialect.commit(transaction.cursor)
        except self.dialect.error as error:
            if self._gone(connection, error):
                raise OutcomeUnknown(writer.last_id) from error
            raise transaction.translated(error) from error
        if not committed:
            msg = f"{self.url}: the server rolled back instead, so nothing was written"
            raise StoreError(msg)

    def wipe(self) -> tuple[str, ...]:
        """Implement `Wipes.wipe`: what a server keeps of deleted rows is for its administrator."""
        return (self.dialect.remains,)

    def close(self) -> None:
        """Implement `Store.close`."""
        self._closed = True
        engine = self._engines.pop(os.getpid(), None)
        if engine is not None:
            engine.dispose()


def dialect_of(backend: str) -> Dialect:
    """Return the dialect of a server, by the first part of its URL.

    :raises InvalidRequest: another server.
    :raises ImportError: its driver is not installed.
    """
    if backend == "postgresql":
        from timebank.storage.server.postgres import PostgreSql

        return PostgreSql()
    if backend in ("mariadb", "mysql"):
        from timebank.storage.server.mariadb import MariaDb

        return MariaDb()
    msg = f"no dialect for {shown(backend)}: there are postgresql and mariadb"
    raise InvalidRequest(msg)


def _arguments(url: Any) -> dict[str, Any]:
    """Return what a driver is told unless the URL says otherwise; transactions are begun by us."""
    arguments: dict[str, Any] = {"autocommit": True}
    if "connect_timeout" not in url.query:
        arguments["connect_timeout"] = CONNECT_TIMEOUT_SECONDS
    if url.get_backend_name() != "postgresql":
        arguments["charset"] = "utf8mb4"
    return arguments


def open_sql(
    url: str,
    *,
    create: bool,
    read_only: bool = False,
    busy_timeout_seconds: float = BUSY_TIMEOUT_SECONDS,
) -> SqlStore:
    """Open the store of `postgresql+psycopg://…` or `mariadb+pymysql://…`.

    With `create` the tables are made in a database that has none of ours.

    :raises InvalidRequest: a URL that cannot be.
    :raises NotFound: there are no tables, and `create` is false.
    :raises StoreError: no such server or database, or the tables are of another version.
    """
    store = SqlStore(url, read_only=read_only, busy_timeout_seconds=busy_timeout_seconds)
    try:
        newest(store, create=create)
    except BaseException:
        store.close()
        raise
    return store


def migrate_sql(url: str) -> list[str]:
    """Bring the tables of a server to this version and return the names of what was done.

    :raises StoreError: no such server or database, or a newer version made the tables.
    """
    store = SqlStore(url)
    try:
        return migrate(store)
    finally:
        store.close()
