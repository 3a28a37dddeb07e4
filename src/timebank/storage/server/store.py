"""Banks on an SQL server: PostgreSQL through psycopg, MariaDB through PyMySQL.

SQLAlchemy has the pool of connections, the schema and the URL; the statements are our
own. Threads and processes may share a server. Writers of one bank wait for each other,
at the lock on its row; writers of different banks do not.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from configparser import Error as ConfigError
from contextlib import suppress
from functools import partial
from importlib import import_module
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final
from weakref import WeakSet

import attrs

from timebank.errors import (
    BankNotFound,
    Conflict,
    InvalidRequest,
    OutcomeUnknown,
    StoreBusy,
    StoreError,
    shown,
)
from timebank.storage.address import server_url
from timebank.storage.lock import BUSY_TIMEOUT_SECONDS, Turn, WriterLock
from timebank.storage.server.dialect import Dialect, Question, Terms
from timebank.storage.server.limits import be_ordinary, limits_of
from timebank.storage.server.migrations import check_version, migrate
from timebank.storage.server.rows import SqlReader, Transaction
from timebank.storage.server.trips import OwnWriter, questions_of

if TYPE_CHECKING:
    from sqlalchemy import Engine
    from sqlalchemy.pool import Pool, PoolProxiedConnection

#: Connections that are kept, and those that may be opened beyond them when many are busy.
POOL: Final = 8
OVERFLOW: Final = 24
#: What a driver raises beside its own errors, where a file is not what it should be.
_OF_DRIVERS: Final = (ConfigError, LookupError, OSError, TypeError, ValueError, NotImplementedError)
#: Whether a transaction may be open on a connection, among what the pool knows of it.
_OPEN: Final = "timebank.open"


class SqlStore:
    """Banks in one database of a server. A forked child gets connections of its own."""

    def __init__(
        self,
        url: str,
        *,
        read_only: bool = False,
        busy_timeout_seconds: float = BUSY_TIMEOUT_SECONDS,
    ) -> None:
        import_module("sqlalchemy")  # what is missing is told before anything else
        self._parts = server_url(url)
        self._address = url
        self.url = str(self._parts)
        self.dialect = dialect_of(self._parts.store)
        self._read_only = read_only
        self.limits = limits_of(self._parts.options)
        #: What holds for each transaction.
        self.terms = Terms(
            read_only=read_only,
            timeout_seconds=self.limits.lock_seconds(busy_timeout_seconds),
            settings=self._parts.options.get("options", ()),
        )
        self._timeout_seconds = busy_timeout_seconds
        self._engines: dict[int, Engine] = {}
        self._locks: dict[str, WriterLock] = {}
        self._closed = False
        #: The pool of a store that is closed: what is lent still comes back to it.
        self._left: Pool | None = None

    @property
    def address(self) -> str:
        """Implement `HasAddress.address`: the URL, with the password."""
        return self._address

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

        arguments = self.dialect.arguments(self._parts)
        engine = create_engine(
            f"{self._parts.scheme}://",
            pool_size=POOL,
            max_overflow=OVERFLOW,
            pool_timeout=self._timeout_seconds,
            pool_use_lifo=True,
            pool_reset_on_return=None,  # every transaction is ended before that
            creator=partial(self.dialect.connect, self.limits, arguments),
        )

        @event.listens_for(engine, "connect", insert=True)
        def set_up(connection: Any, _: object) -> None:
            try:
                if why := self.dialect.unfit(connection):
                    msg = f"{self.url} cannot hold a ledger: {why}"
                    raise StoreError(msg)
                self.dialect.prepare(connection, terms=self.terms, given=self._parts.options)
            except BaseException:
                with suppress(self.dialect.error):  # it may have been closed by the other side
                    connection.close()
                raise

        @event.listens_for(engine, "reset")
        def close_what_was_left(connection: Any, record: Any, _: object) -> None:
            """Close what comes back by itself, for whoever had it was interrupted, or is gone."""
            if record.info.pop(_OPEN, False):
                connection.close()

        # Two threads may both make one: the first is kept, the other has no connection yet.
        kept = self._engines.setdefault(pid, engine)
        if self._closed:
            self.close()
            return self._engine()
        return kept

    def _take(self, slot: list[PoolProxiedConnection]) -> None:
        """Put a connection from the pool into a slot.

        :raises StoreBusy: all are in use, for longer than the time-out.
        :raises Unavailable: the server cannot be reached.
        :raises StoreError: it refuses who asks, or its driver takes no such URL.
        """
        from sqlalchemy.exc import SQLAlchemyError
        from sqlalchemy.exc import TimeoutError as NoneFree

        try:
            slot.append(self._engine().raw_connection())
        except NoneFree as error:
            msg = f"{self.url}: all connections were in use for {self._timeout_seconds:g} s"
            raise StoreBusy(msg) from error
        except SQLAlchemyError as error:
            cause = getattr(error, "orig", None)
            raise self.dialect.translated(cause or error, self.url) from error
        except self.dialect.error as error:
            raise self.dialect.translated(error, self.url) from error
        except _OF_DRIVERS as error:
            msg = f"{self.url}: cannot be connected to ({type(error).__name__} of its driver)"
            raise StoreError(msg) from None  # what it says may quote the URL

    def transaction(self, *, read_only: bool = False) -> SqlTransaction:
        """Return a block in a transaction, rolled back at the end unless it was committed."""
        terms = attrs.evolve(self.terms, read_only=read_only or self._read_only)
        return SqlTransaction(self, partial(self.dialect.begin_writing, terms=terms))

    def begin(self, begin: Callable[[Any], None], slot: list[PoolProxiedConnection]) -> Any:
        """Put a connection into a slot and begin; one that died while it was idle is replaced.

        Return the cursor.
        """
        for last in (False, True):
            self._take(slot)
            lent = slot[0]
            lent.info[_OPEN] = True
            be_ordinary(lent.driver_connection)
            try:
                cursor = self.dialect.cursor(lent.driver_connection)
                begin(cursor)
            except self.dialect.error as error:
                gone = self._is_lost(lent.driver_connection, error)
                lent.invalidate()
                slot.clear()
                translated = self.dialect.translated(error, self.url)
                if last or not gone or isinstance(translated, StoreBusy):
                    raise translated from error
                self._engine().dispose()  # the others are as old
            else:
                return cursor
        raise AssertionError  # pragma: no cover - the loop returns or raises

    def _is_lost(self, connection: Any, error: Exception) -> bool:
        return self.dialect.lost(connection, error)

    def give(self, slot: list[PoolProxiedConnection], *, sound: bool) -> None:
        """Give the connection of a slot back to the pool, or close it.

        It is closed where it cannot be rolled back, and where it is not `sound`: what interrupts
        a program may have left an answer half read.
        """
        for lent in slot:
            if lent.is_valid:
                sound = sound and not self._closed
                if sound:
                    try:
                        lent.driver_connection.rollback()  # type: ignore[union-attr]  # is valid
                        lent.info[_OPEN] = False
                    except self.dialect.error:
                        sound = False
                if not sound:
                    lent.invalidate()
            with suppress(self.dialect.error):
                lent.close()
            if self._left is not None:  # closed meanwhile, so that nobody else empties it
                self._left.dispose()
        slot.clear()

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
        block = self.writer(bank)
        try:
            with block as writer:
                writer.add_bank(journal)
        except BaseException:
            block.drop()
            raise

    def reader(self, bank: str) -> SqlReading:
        """Implement `Store.reader`."""
        return SqlReading(self, bank)

    def writer(self, bank: str) -> SqlWriting:
        """Implement `Store.writer`. Threads wait here for each other, processes at the server.

        :raises StoreError: the store was opened to be read only.
        """
        self.check_writable()
        lock = self._locks.get(bank) or self._locks.setdefault(bank, WriterLock(where=self.url))
        return SqlWriting(self, bank, lock, self._timeout_seconds)

    def check_writable(self) -> None:
        """Check that the store was not opened to be read only: no server is asked.

        :raises StoreError: it was.
        """
        if self._read_only:
            msg = f"{self.url}: the storage cannot be written to: it was opened with read_only"
            raise StoreError(msg)

    def wipe(self) -> tuple[str, ...]:
        """Implement `Wipes.wipe`: what a server keeps of deleted rows is for its administrator."""
        return self.dialect.remains

    def close(self) -> None:
        """Implement `Store.close`."""
        self._closed = True
        engine = self._engines.pop(os.getpid(), None)
        if engine is not None:
            self._left = engine.pool
            engine.dispose()


#: The blocks that are there, for a child that is forked: what they have is the parent's.
_BLOCKS: Final[WeakSet[SqlTransaction]] = WeakSet()
_INHERITED: Final[list[SqlTransaction]] = []


def _forked() -> None:
    """Keep what was inherited: a driver that lets go of a connection says goodbye on its line."""
    _INHERITED.extend(_BLOCKS)
    _BLOCKS.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forked)


class SqlTransaction:
    """A block in a transaction on a connection of the pool.

    It is rolled back at the end unless it was committed. `drop` gives the connection back; what
    comes twice is no matter.
    """

    def __init__(self, store: SqlStore, begin: Callable[[Any], None]) -> None:
        self._store = store
        self._begin = begin
        self._pid = 0
        _BLOCKS.add(self)
        self._sound = False
        #: What is borrowed; who is gone without giving it back takes the slot along.
        self._slot: list[PoolProxiedConnection] = []
        #: The one thread that gives it back: who takes the lock from a thread that has ended would
        #: else do so while the last act of that thread does.
        self._giver: dict[int, int] = {}

    def _give(self, *, sound: bool) -> None:
        thread = threading.get_ident()
        if self._giver.setdefault(0, thread) == thread:
            self._store.give(self._slot, sound=sound)

    def __enter__(self) -> tuple[Any, Transaction]:
        self._pid = os.getpid()
        try:
            return self._began()
        except BaseException as error:
            self._sound = isinstance(error, Exception)
            self.drop()
            raise

    def _began(self) -> tuple[Any, Transaction]:
        cursor = self._store.begin(self._begin, self._slot)
        transaction = Transaction(cursor, self._store.dialect, self._store.url)
        return self._slot[0].driver_connection, transaction

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._sound = error is None or isinstance(error, Exception)
        try:
            self.drop()
        except BaseException:  # an interrupt, half way
            self._sound = False
            self.drop()
            raise

    def drop(self) -> None:
        """Implement `Droppable.drop`."""
        if self._pid == os.getpid():
            # Who comes back to it after an interrupt finds an answer that may be half read.
            sound, self._sound = self._sound, False
            self._give(sound=sound)

    def cut(self) -> None:
        """Implement `Holder.cut`: the thread has ended, and its transaction with it."""
        self._give(sound=False)


class SqlReading(SqlTransaction):
    """The block of a reader."""

    def __init__(self, store: SqlStore, bank: str) -> None:
        super().__init__(store, partial(store.dialect.begin_reading, terms=store.terms))
        self._bank = bank
        self._reader: SqlReader | None = None

    def __enter__(self) -> SqlReader:  # type: ignore[override]  # what the block is about
        _, transaction = super().__enter__()
        self._reader = SqlReader(transaction, self._bank)
        return self._reader

    def drop(self) -> None:
        """Implement `Droppable.drop`."""
        if self._reader is not None:
            self._reader.close()
        super().drop()


class SqlWriting(SqlTransaction):
    """The block of a writer, and its turn at the lock of this process."""

    def __init__(self, store: SqlStore, bank: str, lock: WriterLock, timeout: float) -> None:
        super().__init__(store, self._begin_asking)
        self._bank = bank
        self._lock = lock
        self._timeout_seconds = timeout
        self._turn: Turn | None = None
        self._writer: OwnWriter | None = None
        #: What is asked when it begins, first of all for the head, with its lock.
        self._questions: list[Question] = [(store.dialect.lock_head, (bank,))]
        self._answers: list[list[tuple[Any, ...]]] = []

    def foresee(self, *, after: int | None, limit: int, id: str | None) -> None:
        """Implement `Foresees.foresee`."""
        queries = self._store.dialect.writing
        self._questions += questions_of(queries, self._bank, after=after, limit=limit, id=id)

    def _begin_asking(self, cursor: Any) -> None:
        dialect, terms = self._store.dialect, self._store.terms
        try:
            self._answers = dialect.begin_asking(cursor, terms, self._questions)
        except dialect.error as error:
            if dialect.no_table(error):
                raise BankNotFound(self._bank, self._store.url) from error
            raise

    def __enter__(self) -> OwnWriter:  # type: ignore[override]  # what the block is about
        self._pid = os.getpid()
        self._turn = Turn(self)
        try:
            self._lock.acquire(self._timeout_seconds, self._turn)
            _, self._transaction = self._began()
            answers = dict(zip(self._questions, self._answers, strict=True))
            writer = self._writer = OwnWriter(self._transaction, self._bank, answers)
            writer.lock()
        except BaseException as error:
            self._sound = isinstance(error, Exception)
            self.drop()
            raise
        return writer

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            if error is None:
                self._commit()
            self._sound = error is None or isinstance(error, Exception)
        except OutcomeUnknown:
            raise  # what the server does with that connection now is not known either
        except Exception:
            self._sound = True  # unless it cannot even be rolled back
            raise
        finally:
            self.drop()

    def _commit(self) -> None:
        """Commit.

        :raises StoreError: a statement failed, this is another process than that which began, or
            the writer is closed.
        :raises OutcomeUnknown: it is not known whether the server did: see `Transaction.commit`.
        """
        writer = self._writer
        if self._pid != os.getpid():
            msg = "this writer belongs to the process that opened it: nothing was written here"
            raise StoreError(msg)
        if writer is None or not self._slot:
            msg = "this writer is closed"
            raise StoreError(msg)
        if writer.failed is not None:
            msg = "a statement failed, so nothing was written"
            raise StoreError(msg) from writer.failed
        writer.commit()

    def drop(self) -> None:
        """Implement `Droppable.drop`."""
        if self._writer is not None:
            self._writer.close()
        super().drop()
        if self._turn is not None and self._pid == os.getpid():
            self._lock.release(self._turn)
            self._turn = None  # who keeps this block, in a traceback say, keeps no later turn

    def cut(self) -> None:
        """Implement `Holder.cut`."""
        if self._writer is not None:
            self._writer.close()
        super().cut()


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
    :raises Unavailable: no server can be reached, or it says nothing within the limits of the URL.
    :raises StoreError: no such database, or the tables are of another version.
    """
    store = SqlStore(url, read_only=read_only, busy_timeout_seconds=busy_timeout_seconds)
    try:
        check_version(store, create=create)
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
