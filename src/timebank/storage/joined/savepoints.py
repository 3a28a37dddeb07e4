"""Savepoints of ours in a host's transaction, and the blocks of readers and writers there.

An exception may come at any line, from a signal for one. So nothing here counts what a missed
end would leave wrong: a name is used once in a process, and what is open is known by a weak
reference that dies with it. Each block has a `drop`, which gives back whatever is left.
"""

from __future__ import annotations

import itertools
import os
import threading
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import TracebackType
from typing import TYPE_CHECKING, Final

from timebank.errors import (
    BankNotFound,
    InvalidRequest,
    Retryable,
    StoreError,
    is_refusal,
)
from timebank.storage.joined.connection import HostConnection, JoinedReader, JoinedWriter
from timebank.storage.protocol import Reader, Writer

if TYPE_CHECKING:
    from timebank.storage.joined.hosts import Lent
    from timebank.storage.joined.store import JoinedStore

#: A name is there once at most: MariaDB would end an outer savepoint of the same name. So it is
#: taken, and given back by who has found its savepoint and ended it; what is lost, is lost.
_NAMES: Final[list[str]] = []
_NUMBERS: Final = itertools.count(1)


def _new_name() -> str:
    try:
        return _NAMES.pop()  # a text that a driver may have prepared
    except IndexError:
        return f"timebank_{next(_NUMBERS)}"


_IS_OPEN: Final = "a batch is open on this thread: write through it"


class Savepoint:
    """A savepoint in the host's transaction, under a name of its own."""

    #: Its name, once it has begun.
    name: str | None = None
    _may_be_there = False

    def __init__(self, connection: HostConnection) -> None:
        self.connection = connection
        self._pid = os.getpid()

    def is_own(self) -> bool:
        """Return whether this process began it: a forked child leaves the connection alone."""
        return self._pid == os.getpid()

    def begin(self) -> None:
        """Begin it; again, where it was undone."""
        self.name = name = _new_name()
        self._may_be_there = True
        self.connection.savepoint(name)

    def begin_call(
        self, bank: str, id: str | None, within: tuple[str, object] | None = None
    ) -> JoinedWriter | None:
        """Begin it with the lock of a bank, and return the writer: `HostConnection.begin_call`."""
        self.name = name = _new_name()
        self._may_be_there = True
        return self.connection.begin_call(name, bank, id, within)

    def release(self, append: str | None = None) -> bool:
        """Keep what was done since; return false where the host has ended it already.

        What is to be appended goes along, and is not kept where it is false.
        """
        return self._found(self.connection.release, append)

    def undo(self) -> bool:
        """Undo what was done since, if it is there still: safe at any time, and twice."""
        return self.is_own() and self._found(self.connection.undo)

    def _found(self, end: Callable[..., bool], *given: str | None) -> bool:
        """End it; return whether it was there."""
        name = self.name
        if name is None or not self._may_be_there:
            return False
        found = end(name, *given)
        self._may_be_there = False
        if found:
            _NAMES.append(name)
        return found

    def check(self) -> None:
        """Check that the host has not ended it meanwhile, in a callable of its own.

        What was judged on what is gone is not written, least of all in no transaction.

        :raises InvalidRequest: it is not there.
        """
        if self.name is None or not self.connection.may_have(self.name):
            raise _not_there()

    def drop(self, error: BaseException | None = None) -> None:
        """Undo it, whatever comes of that: a deadlock or a lost connection has undone all."""
        if isinstance(error, Retryable):
            error.scope = "host"
        with suppress(Exception):
            self.connection.give_back()
            self.undo()


def _not_there() -> InvalidRequest:
    msg = (
        "the host has ended its transaction, or rolled back, from within this call of the "
        "bank (in a clock, a salt or a permission): nothing was written"
    )
    return InvalidRequest(msg)


@contextmanager
def of_host() -> Iterator[None]:
    """Say of an error that it is the host's whole transaction that may succeed again."""
    try:
        yield
    except Retryable as error:
        error.scope = "host"
        raise


def make_bank(savepoint: Savepoint, bank: str, journal: str) -> None:
    """Make a bank where it is missing, and the tables where that is part of a transaction."""
    connection = savepoint.connection
    try:
        savepoint.begin()
        if not connection.has_tables():
            connection.make_tables()
        writer = connection.writer(bank)
        writer.lock()
        writer.add_bank(journal)
        writer.close()
        savepoint.release()
    except BaseException as error:
        savepoint.drop(error)
        raise


def begin_writing(
    savepoint: Savepoint, bank: str, store: JoinedStore, id: str | None = None
) -> JoinedWriter:
    """Begin the savepoint and return a writer in it; make a missing bank where that is wanted.

    :raises OtherVersion: the tables are of another version.
    :raises BankNotFound: it is not there, and none is made.
    """
    try:
        return _locked(savepoint, bank, store, id)
    except BankNotFound as error:
        savepoint.drop(error)
        if store.new_journal is None:
            raise
    make_bank(savepoint, bank, store.new_journal())
    return _locked(savepoint, bank, store, id)


def _locked(savepoint: Savepoint, bank: str, store: JoinedStore, id: str | None) -> JoinedWriter:
    connection = savepoint.connection
    if not connection.locks_first:
        store.check_version(connection)
    writer = savepoint.begin_call(bank, id)
    if writer is None:
        raise is_over()  # pragma: no cover - it is within no batch
    if connection.locks_first:
        store.check_version(connection)
    writer.check_bank()
    return writer


class ReaderBlock:
    """The block of a reader, which is no savepoint: what it reads is what the host sees.

    Where no transaction is open it is one of our own, which changes nothing and ends with the
    block.
    """

    _reader: JoinedReader | None = None
    _lent: Lent | None = None
    #: On which a transaction of our own was begun.
    _begun: HostConnection | None = None

    def __init__(self, store: JoinedStore, bank: str) -> None:
        self._store = store
        self._bank = bank
        self._pid = os.getpid()

    @property
    def has_begun(self) -> bool:
        """Whether a transaction of our own is open."""
        return self._begun is not None

    def opened(self) -> JoinedReader:
        """Open the reader, whether its bank is there or not.

        :raises InvalidRequest: nothing can be asked of the host's connection now.
        :raises OtherVersion: the tables are of another version.
        :raises BankNotFound: there are no tables, where to ask for one would be an error.
        """
        with of_host():
            self._lent = lent = self._store.host.reading()
            connection = lent.link.connected()
            if lent.is_own:
                _SNAPSHOTS.note(connection.driver, self)
                self._begun = connection
                connection.begin_reading()
            self._store.check_version(connection)
            self._reader = connection.reader(self._bank)
        return self._reader

    def __enter__(self) -> Reader:
        try:
            with of_host():
                reader = self.opened()
                reader.head()
        except BaseException:
            with suppress(Exception):
                self.drop()
            raise
        return reader

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if isinstance(error, Retryable):
            error.scope = "host"
        if error is None:
            self.drop()
            return
        with suppress(Exception):  # what ended the block is what is told
            self.drop()

    def drop(self) -> None:
        """Close the reader, and end what was begun for it: safe at any time, and twice."""
        if self._reader is not None:
            self._reader.close()
        if self._pid != os.getpid():
            return  # a forked child leaves the connection alone
        try:
            if self._begun is not None:
                self._begun.end(keep=True)
                self._begun = None
        finally:
            if self._lent is not None and self._lent.give_back is not None:
                self._lent.give_back()
            self._lent = None


class WriterBlock:
    """The block of the one writer that a thread may have of a bank: a savepoint.

    A refusal before anything was written keeps what the host's own callables did in it.
    Every other exception undoes all of it.
    """

    is_over = False
    _savepoint: Savepoint | None = None
    _writer: JoinedWriter | None = None

    def __init__(
        self,
        store: JoinedStore,
        bank: str,
        within: BatchSavepoint | None = None,
        *,
        id: str | None = None,
        asks_host: bool = True,
    ) -> None:
        self._store = store
        self._bank = bank
        self._within = within
        self._id = id
        self._asks_host = asks_host

    def __enter__(self) -> Writer:
        store, bank, within = self._store, self._bank, self._within
        store.open.check(bank, within)
        connection = store.connected() if within is None else within.reached()
        _WRITERS.begin(connection.driver, bank, self)
        savepoint = self._savepoint = Savepoint(connection)
        try:
            if within is None:
                writer = begin_writing(savepoint, bank, store, self._id)
            else:
                writer = within.begun(savepoint, self._id)
            if self._asks_host:
                writer.keep_to(savepoint)
            self._writer = writer
        except BaseException as error:
            self._undo(error)
            raise
        return writer

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        writer, savepoint = self._writer, self._savepoint
        if writer is None or savepoint is None or self.is_over:
            return  # it was dropped
        try:
            writer.close()
            if error is None and writer.failed is not None:
                msg = "a statement failed, so nothing was written"
                raise StoreError(msg) from writer.failed
            if error is not None and not (is_refusal(error) and writer.is_untouched()):
                self._undo(error)
                return
            # Where the host ended it, in a callable of its own, what was written stands.
            last = writer.last() if error is None else None
            if not savepoint.release(last) and last is not None:
                raise _not_there()
        except BaseException as failure:
            self._undo(failure)
            if error is None or not isinstance(failure, Exception):
                raise
        self.is_over = True

    def _undo(self, error: BaseException) -> None:
        if self._savepoint is not None:
            self._savepoint.drop(error)
        self.is_over = True

    def drop(self) -> None:
        """Undo what may be left of it: safe at any time, twice, and after a normal end."""
        if self._writer is not None:
            self._writer.close()
        if self._savepoint is not None:
            self._savepoint.drop()
        self.is_over = True


class BatchSavepoint:
    """The one savepoint of a batch: for all of its calls, or none.

    Each call has a savepoint of its own in it. The host may end it at any moment, by
    ending its transaction, or by a savepoint of its own that is older: `is_there` tells.
    """

    is_over = False
    _savepoint: Savepoint | None = None
    _mark: object = None

    def __init__(self, store: JoinedStore, bank: str) -> None:
        self._store = store
        self._bank = bank

    def begin(self) -> None:
        """Begin it in the transaction that is open; make a missing bank where that is wanted.

        :raises InvalidRequest: this thread has a batch of this bank open already.
        :raises BankNotFound: the bank is not there, and none is made.
        """
        self._store.open.check(self._bank, None)
        self._savepoint = savepoint = Savepoint(self._store.connected())
        self._store.open.note_batch(self._bank, self)
        try:
            begin_writing(savepoint, self._bank, self._store).close()
            self._mark = savepoint.connection.mark(self._bank)
        except BaseException as error:
            savepoint.drop(error)
            self.is_over = True
            raise

    def _reached(self, *, looking: bool = False) -> Savepoint | None:
        """Return the savepoint, where the host's handle still leads to its connection."""
        savepoint = self._savepoint
        if savepoint is None or not savepoint.is_own() or (self.is_over and not looking):
            return None  # what an interrupt left of it is looked for though it is over
        try:
            driver = self._store.host.writing(looking=True).driver
        except Exception:  # noqa: BLE001 - a handle that gives nothing has no transaction
            return None
        if driver is not savepoint.connection.driver:
            return None
        if not looking:
            self._store.host.writing()
        return savepoint

    def reached(self) -> HostConnection:
        """Return the connection that it was begun on.

        :raises InvalidRequest: it has ended, or the host's handle leads elsewhere.
        """
        savepoint = self._reached()
        if savepoint is None:
            raise is_over()
        return savepoint.connection

    def begun(self, call: Savepoint, id: str | None) -> JoinedWriter:
        """Begin the savepoint of a call in it, and return the writer: the lock is there.

        :raises InvalidRequest: it is not there.
        """
        savepoint = self._savepoint
        if savepoint is None or savepoint.name is None:
            raise is_over()
        writer = call.begin_call(self._bank, id, (savepoint.name, self._mark))
        if writer is None:
            raise is_over()
        writer.check_bank()
        return writer

    def check(self) -> None:
        """Check that it is there still.

        :raises InvalidRequest: it is not.
        """
        if not self.is_there():
            raise is_over()

    def is_there(self) -> bool:
        """Return whether it is there still, as far as the database tells; change nothing.

        It is exact on SQLite and PostgreSQL. On MariaDB a host that ended, out of order,
        an older savepoint of its own than this one, while it had newer ones as well, is
        found out by `release` and `undo` alone.

        :raises InvalidRequest: a statement failed in the host's transaction.
        """
        savepoint = self._reached()
        if savepoint is None or savepoint.name is None:
            return False
        try:
            return savepoint.connection.has_savepoint(savepoint.name, self._mark)
        except Retryable as error:
            error.scope = "host"
            raise

    def release(self) -> bool:
        """Keep the batch; return false where it is no longer there, and change nothing then.

        :raises InvalidRequest: a statement failed in the host's transaction.
        """
        savepoint = self._reached()
        with of_host():
            found = savepoint is not None and savepoint.release()
        self.is_over = True
        return found

    def undo(self) -> bool:
        """Undo the batch; return false where it is no longer there, and change nothing then.

        It heals a transaction in which a statement failed since.
        """
        savepoint = self._reached(looking=True)
        with of_host():
            found = savepoint is not None and savepoint.undo()
        self.is_over = True
        return found

    def drop(self) -> None:
        """Undo what may be left of it: safe at any time, twice, and after a normal end."""
        try:
            savepoint = self._reached(looking=True)
            if savepoint is not None:
                savepoint.drop()
        finally:
            self.is_over = True


def is_over() -> InvalidRequest:
    """Return the error for a batch whose savepoint the host has ended."""
    msg = (
        "this batch is over: the host has released its savepoint, rolled back past it, or ended "
        "its transaction; what the host kept stays"
    )
    return InvalidRequest(msg)


class _Writers(threading.local):
    """The writers that one thread has open, by connection and bank; what was abandoned is not.

    They are of all stores: a callable of the host's may have joined the connection once more.
    """

    def __init__(self) -> None:
        self._blocks: dict[tuple[int, str], weakref.ref[WriterBlock]] = {}

    def begin(self, driver: object, bank: str, block: WriterBlock) -> None:
        """Take note of a writer that begins; it keeps the connection, whose identity is its own.

        :raises InvalidRequest: one is open: a call is under way, from within which this one comes.
        """
        key = id(driver), bank
        found = self._blocks.get(key)
        before = None if found is None else found()
        if before is not None and not before.is_over:
            raise InvalidRequest(_IS_OPEN)
        self._blocks[key] = weakref.ref(block)


_WRITERS: Final = _Writers()


class _Snapshots(threading.local):
    """The readers of one thread, by connection, for which a transaction of our own is open."""

    def __init__(self) -> None:
        self._blocks: dict[int, weakref.ref[ReaderBlock]] = {}

    def is_open(self, driver: object) -> bool:
        """Return whether what is open on a connection is a transaction of our own."""
        found = self._blocks.get(id(driver))
        block = None if found is None else found()
        return block is not None and block.has_begun

    def note(self, driver: object, block: ReaderBlock) -> None:
        """Take note of a reader that begins; it keeps the connection, whose identity is its own."""
        self._blocks[id(driver)] = weakref.ref(block)


_SNAPSHOTS: Final = _Snapshots()


def check_no_snapshot(driver: object) -> None:
    """Check that the transaction on a connection is not one of our own, which is for reading.

    :raises InvalidRequest: it is: a call that reads is under way, from within which this comes.
    """
    if _SNAPSHOTS.is_open(driver):
        msg = (
            "no transaction of the host's is open on its connection, but one of our own for the "
            "call that is under way, which reads: nothing can be written from within it"
        )
        raise InvalidRequest(msg)


class Open:
    """The batches that one thread has open of one store, by bank; what was abandoned is not."""

    def __init__(self) -> None:
        self._batches: dict[str, weakref.ref[BatchSavepoint]] = {}

    def check(self, bank: str, within: BatchSavepoint | None) -> None:
        """Check that a writer of a bank may begin, within a batch or outside of any.

        :raises InvalidRequest: it may not.
        """
        batch = self._batches.get(bank)
        savepoint = None if batch is None else batch()
        if savepoint is not None and not savepoint.is_over and savepoint is not within:
            raise InvalidRequest(_IS_OPEN)

    def note_batch(self, bank: str, savepoint: BatchSavepoint) -> None:
        """Take note of a batch that begins."""
        self._batches[bank] = weakref.ref(savepoint)
