"""Connections to one SQLite database: a pool for readers, one for the writer.

A file has one connection that writes and a pool of those that read. A private
database in memory has one connection in all, which its threads take in turn.

What is lent lies in a slot of whoever borrows it: giving it back takes it out of there, by one
step, so that it is given back once, however often an interrupted program tries. A borrower that is
gone without giving back takes its slot along, and SQLite closes the connection.
"""

from __future__ import annotations

import os
import sqlite3
from collections import deque
from contextlib import suppress
from typing import Final, Protocol
from weakref import WeakSet, ref

from timebank.errors import InvalidRequest, StoreBusy, StoreError
from timebank.storage.lock import Holder, Turn, WriterLock
from timebank.storage.sqlite.errors import ERRORS, code_of

#: All connections to files, for a child that was forked has those of its parent.
_ALL: Final[WeakSet[FileConnections]] = WeakSet()
#: Readers that are kept open though nobody reads.
IDLE_READERS: Final = 8


class Borrower(Holder, Protocol):
    """A reader or a writer, and the slot in which what it has borrowed lies."""

    slot: list[sqlite3.Connection]
    #: A writer's turn at the lock, or a reader's at a private database.
    turn: Turn


class Connections(Protocol):
    """A pool from which readers and writers borrow their connection.

    What is given back twice, or was never lent, is no matter.
    """

    where: str

    def take(self, reader: Borrower) -> None:
        """Lend a connection to read with."""

    def give(self, reader: Borrower) -> None:
        """Take a reader's connection back, and end its snapshot unless others share it."""

    def take_writer(self, writer: Borrower) -> None:
        """Lend the connection to write with, and the lock."""

    def give_writer(self, writer: Borrower) -> None:
        """Take the writer's connection back, undo what was not committed, release the lock."""

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


def rolled_back(connection: sqlite3.Connection) -> bool:
    """End the transaction, if there is one; return whether the connection is of further use."""
    try:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
    except ERRORS:
        return False
    return True


class _Process:
    """The connections of one process."""

    def __init__(self) -> None:
        self.idle: deque[sqlite3.Connection] = deque()
        #: The slots of readers that have a connection.
        self.lent: dict[int, None] = {}
        self.writer: sqlite3.Connection | None = None

    def close(self) -> None:
        """Close what nobody uses."""
        with suppress(IndexError):
            while True:
                self.idle.pop().close()
        writer, self.writer = self.writer, None
        if writer is not None:
            writer.close()


def disinherit(where: str) -> None:
    """Close the connections to a file that this process has from its parent, by a fork.

    SQLite keeps the locks on a file for each process, and a child begins with a copy of what its
    parent held at that moment, which nobody will ever release. Where the parent was reading or
    writing the file can be opened neither by them nor anew. Where it was not, closing what was
    inherited leaves the child as a process that never had the file open, and the parent alone.

    :raises StoreError: the parent was reading or writing when it forked.
    """
    file, pid = os.path.realpath(where), os.getpid()
    for connections in list(_ALL):
        if os.path.realpath(connections.where) != file:
            continue
        for owner, process in connections.processes():
            if owner != pid and connections.is_in_use_in(owner, process):
                msg = (
                    f"{where}: this process was forked while its parent was reading or writing "
                    "there: open it in a process that is started anew, or fork before"
                )
                raise StoreError(msg)
            if owner != pid:
                process.close()


class _Wiping:
    """Who holds the writer's connection while the log is cut off, or the store closed."""

    def __init__(self) -> None:
        self.slot: list[sqlite3.Connection] = []
        self.turn = Turn(self)

    def cut(self) -> None:
        """Implement `Holder.cut`."""
        self.slot.clear()


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
        _ALL.add(self)

    def is_in_use_in(self, pid: int, process: _Process) -> bool:
        """Return whether somebody read or wrote in a process when this one was forked from it.

        He may have been anywhere within SQLite, with its mutexes locked: nothing is asked of it.
        """
        return bool(process.lent) or self._lock.is_held_in(pid)

    def processes(self) -> list[tuple[int, _Process]]:
        """Return the connections of this process, and of those that it was forked from."""
        return list(self._processes.items())

    def _process(self) -> _Process:
        # `setdefault` on a plain dict is atomic: two threads get the same process.
        pid = os.getpid()
        found = self._processes.get(pid)
        if found is None:
            disinherit(self.where)
            found = self._processes.setdefault(pid, _Process())
        return found

    def _connect(self) -> sqlite3.Connection:
        return connect(
            self._uri, synchronous=self._synchronous, timeout_seconds=self._timeout_seconds
        )

    def _check_open(self) -> None:
        if self._closed:
            msg = "this store is closed"
            raise StoreError(msg)

    def take(self, reader: Borrower) -> None:
        """Lend the connection that came back last, for its cache is warm."""
        if self._closed:
            self._check_open()
        process = self._processes.get(os.getpid()) or self._process()
        process.lent[id(reader.slot)] = None
        try:
            reader.slot.append(process.idle.pop())
        except IndexError:
            reader.slot.append(self._connect())

    def give(self, reader: Borrower) -> None:
        """Implement `Connections.give`."""
        slot = reader.slot
        if not slot:
            return
        connection = slot[0]
        sound = rolled_back(connection)
        process = self._processes.get(os.getpid()) or self._process()
        idle = process.idle
        slot.clear()
        if self._closed or not sound or len(idle) >= IDLE_READERS:
            connection.close()
        else:
            idle.append(connection)
            if self._is_closed:  # meanwhile
                self._close_idle()
        process.lent.pop(id(slot), None)

    def take_writer(self, writer: Borrower) -> None:
        """Implement `Connections.take_writer`."""
        if self._closed:
            self._check_open()
        if not self._lock.take(writer.turn):
            self._lock.acquire(self._timeout_seconds, writer.turn)
        process = self._processes.get(os.getpid()) or self._process()
        if self._closed:
            self._lock.release(writer.turn)
            self._check_open()
        found = process.writer
        if found is None or (found.in_transaction and not rolled_back(found)):
            process.writer = None
            process.writer = found = self._connect()
        writer.slot.append(found)

    def give_writer(self, writer: Borrower) -> None:
        """Implement `Connections.give_writer`."""
        if writer.turn.over:
            return
        if writer.slot:
            connection = writer.slot[0]
            unsound = connection.in_transaction and not rolled_back(connection)
            if unsound or self._closed:
                self._process().writer = None
                connection.close()
        self._lock.release(writer.turn)
        writer.slot.clear()
        if self._closed:
            self._close_writer()

    def wipe(self) -> tuple[str, ...]:
        """Implement `Connections.wipe`. The log has the old pages until it is cut off."""
        wiping = _Wiping()
        self.take_writer(wiping)
        try:
            busy = self._cut_log(wiping.slot[0])
        finally:
            self.give_writer(wiping)
        remaining = (
            f"another connection is reading: {self.where}-wal has it until that ends and the "
            "erasure is asked for once more"
        )
        return (remaining,) if busy else ()

    def _cut_log(self, connection: sqlite3.Connection) -> bool:
        """Cut the log off; return true where somebody is reading, so that it could not be."""
        connection.execute(f"PRAGMA busy_timeout = {WIPE_TIMEOUT_SECONDS * 1000}").fetchone()
        try:
            (busy, *_) = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        finally:
            timeout = int(self._timeout_seconds * 1000)
            connection.execute(f"PRAGMA busy_timeout = {timeout}").fetchone()
        return bool(busy)

    def close(self) -> None:
        """Implement `Connections.close`."""
        self._closed = True
        if os.getpid() in self._processes:  # else nothing is open in this process
            self._close_idle()
            self._close_writer()

    @property
    def _is_closed(self) -> bool:
        return self._closed

    def _close_idle(self) -> None:
        idle = self._process().idle
        with suppress(IndexError):
            while True:
                idle.pop().close()

    def _close_writer(self) -> None:
        """Close the writer's connection, unless somebody holds it, who then closes it."""
        closing = _Wiping()
        if self._lock.take(closing.turn):
            process = self._process()
            writer, process.writer = process.writer, None
            if writer is not None:
                writer.close()
            self._lock.release(closing.turn)


#: How long a wipe waits for readers to end.
WIPE_TIMEOUT_SECONDS: Final = 2


class _SharedTurn(Turn):
    """A turn at a private database, which readers of one thread share."""

    __slots__ = ("others", "writes")

    def __init__(self, first: Borrower, *, writes: bool) -> None:
        super().__init__(first)
        self.writes = writes
        #: All who share it, by identity; who is gone without a word does not count.
        self.others: dict[int, ref[Borrower]] = {id(first): ref(first)}

    def is_over(self) -> bool:
        """Return whether nobody is left."""
        others = list(self.others.values())
        return self.over or self.thread() is None or all(other() is None for other in others)


class PrivateConnection:
    """The one connection of a private database in memory; its threads take turns.

    Readers of one thread share a snapshot. A thread that has a writer reads through it:
    there is no second connection that would see the state before.
    """

    def __init__(self, *, where: str, timeout_seconds: float) -> None:
        self.where = where
        self._timeout_seconds = timeout_seconds
        self.connection = connect(":memory:", synchronous="OFF", timeout_seconds=timeout_seconds)
        self._pid = os.getpid()
        self._turns = WriterLock(where=where)
        self._closed = False

    def _check_open(self) -> None:
        if self._closed:
            msg = "this store is closed"
            raise StoreError(msg)
        if self._pid != os.getpid():
            msg = "a private database in memory is not there in a forked process"
            raise StoreError(msg)

    def _own_turn(self) -> _SharedTurn | None:
        """Return the turn that this thread has; one that is over is given back first."""
        last = self._turns.last()
        return last if isinstance(last, _SharedTurn) and last.is_mine() else None

    def _begin(self, borrower: Borrower, *, writes: bool) -> None:
        turn = borrower.turn = _SharedTurn(borrower, writes=writes)
        try:
            self._turns.acquire(self._timeout_seconds, turn)
        except StoreBusy as error:
            msg = f"another thread held {self.where} for longer than {self._timeout_seconds:g} s"
            raise StoreBusy(msg) from error
        if self._closed:
            self._turns.release(turn)
            self._close_connection()
            self._check_open()
        rolled_back(self.connection)  # what was left by who is gone
        borrower.slot.append(self.connection)

    def take(self, reader: Borrower) -> None:
        """Implement `Connections.take`."""
        self._check_open()
        own = self._own_turn()
        if own is None:
            self._begin(reader, writes=False)
            return
        if own.writes:
            msg = "a batch is open on this thread: read and write through it"
            raise InvalidRequest(msg)
        reader.turn = own
        own.others[id(reader)] = ref(reader)
        reader.slot.append(self.connection)

    def give(self, reader: Borrower) -> None:
        """Implement `Connections.give`."""
        self._leave(reader)

    def take_writer(self, writer: Borrower) -> None:
        """Implement `Connections.take_writer`."""
        self._check_open()
        own = self._own_turn()
        if own is not None:
            msg = (
                "a batch is open on this thread: write through it"
                if own.writes
                else f"a snapshot is open on this thread: {self.where} can be written to after it"
            )
            raise InvalidRequest(msg)
        self._begin(writer, writes=True)

    def give_writer(self, writer: Borrower) -> None:
        """Implement `Connections.give_writer`."""
        self._leave(writer)

    def _leave(self, borrower: Borrower) -> None:
        """Take a borrower's share away; the last one ends the snapshot, or what it wrote."""
        turn = borrower.turn
        if not isinstance(turn, _SharedTurn) or turn.over:
            return
        own = turn.others.get(id(borrower))
        if own is None or own() is not borrower:
            return
        rest = [other() for key, other in list(turn.others.items()) if key != id(borrower)]
        if all(other is None for other in rest):
            if self._turns.last() is turn:
                rolled_back(self.connection)
            self._turns.release(turn)
        turn.others.pop(id(borrower), None)
        borrower.slot.clear()
        if self._closed:
            self._close_connection()

    def wipe(self) -> tuple[str, ...]:
        """Implement `Connections.wipe`: there is no log."""
        return ()

    def close(self) -> None:
        """Implement `Connections.close`."""
        self._closed = True
        self._close_connection()

    def _close_connection(self) -> None:
        """Close, unless somebody has a turn, who then closes it at the end."""
        closing = _Wiping()
        if self._pid == os.getpid() and self._turns.take(closing.turn):
            self.connection.close()
            self._turns.release(closing.turn)
