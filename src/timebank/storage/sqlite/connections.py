"""Connections to one SQLite file: a pool for readers, one for the writer.

A private database in memory has one in all: see `private`.

What is lent to a reader lies in a slot of his: giving it back takes it out of there, by one
step, so that it is given back once, however often an interrupted program tries. A reader that is
gone without giving back takes his slot along, and SQLite closes the connection. The connection that
writes stays here, and is whose turn it is at the lock.
"""

from __future__ import annotations

import os
import sqlite3
from collections import deque
from contextlib import suppress
from typing import Final, Protocol
from weakref import WeakSet, ref

from timebank.errors import StoreError
from timebank.storage.lock import Holder, Turn, WriterLock, here, this_process
from timebank.storage.sqlite.errors import ERRORS, code_of
from timebank.storage.sqlite.files import (
    File,
    Log,
    file_at,
    file_of,
    has_bytes,
    numbers_here,
    numbers_of,
    replaced,
)

#: All connections to files, for a child that was forked has those of its parent.
_ALL: Final[WeakSet[FileConnections]] = WeakSet()
#: Readers that are kept open though nobody reads.
IDLE_READERS: Final = 8


class Borrower(Holder, Protocol):
    """A reader, and the slot in which what it has borrowed lies."""

    slot: list[sqlite3.Connection]
    #: Its turn at a private database.
    turn: Turn


class BorrowsToWrite(Holder, Protocol):
    """A writer, whose turn at the lock says whether it has the one connection that writes."""

    turn: Turn


class Connections(Protocol):
    """A pool from which readers and writers borrow their connection.

    What is given back twice, or was never lent, is no matter.
    """

    where: str
    #: How long a lock is waited for.
    timeout_seconds: float
    #: The file that the connections have open; `None` for a private database, and before the first.
    file: File | None
    #: The log that the writer's connection has open; `None` before a commit.
    log: Log | None
    #: How many bytes the file had at the last commit.
    size: int

    def take(self, reader: Borrower) -> None:
        """Lend a connection to read with."""

    def give(self, reader: Borrower) -> None:
        """Take a reader's connection back, and end its snapshot unless others share it."""

    def take_writer(self, writer: BorrowsToWrite) -> tuple[sqlite3.Connection, float | None]:
        """Lend the connection to write with, and the lock.

        What is left of the time-out comes with it, where the lock was waited for.
        """

    def give_writer(self, writer: BorrowsToWrite, lent: sqlite3.Connection | None) -> None:
        """Take the writer's connection back, undo what was not committed, release the lock.

        Nothing was begun on it where `lent` is `None`.
        """

    def wipe(self) -> tuple[str, ...]:
        """Destroy what deleted rows leave beside the file; return what may remain, in words."""

    def close(self) -> None:
        """Close what is not in use, and what is when it comes back."""


def connect(uri: str, *, synchronous: str, timeout_seconds: float) -> sqlite3.Connection:
    """Open a connection that begins no transaction by itself and enforces the schema.

    `recursive_triggers` because `INSERT OR REPLACE` would otherwise delete rows past
    the triggers that forbid it. `secure_delete` so that erased text is gone.
    """
    with Use():
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


class Use:
    """Somebody is opening or closing a connection, as long as this is there.

    SQLite has locks of its own meanwhile, which a child that is forked at that moment has a
    copy of, locked for ever. It ends with its block, or is gone with its frame.
    """

    def __enter__(self) -> None:
        _USES[id(self)] = (this_process.pid, ref(self))

    def __exit__(self, *given: object) -> None:
        _USES.pop(id(self), None)


_USES: Final[dict[int, tuple[int, ref[Use]]]] = {}


def _is_used_in_parents() -> bool:
    """Return whether a connection was being opened or closed when this process was forked."""
    pid = this_process.pid
    for key, (owner, use) in list(_USES.items()):
        if use() is None:
            _USES.pop(key, None)
        elif owner != pid:
            return True
    return False


def begin_late(connection: sqlite3.Connection, left: float, timeout_seconds: float) -> None:
    """Begin a writer's transaction; wait no longer than what is `left` of the time-out."""
    connection.execute(f"PRAGMA busy_timeout = {int(left * 1000)}").fetchone()
    try:
        connection.execute("BEGIN IMMEDIATE")
    finally:
        connection.execute(f"PRAGMA busy_timeout = {int(timeout_seconds * 1000)}").fetchone()


#: What a forked child has of its parent's, and the readers of these: `disinherit` finds them here,
#: and nothing else closes them.
_INHERITED: Final[list[object]] = []


def _forked() -> None:
    """Keep what was inherited: it is closed where that is safe, or never."""
    processes = [
        (connections, process)
        for connections in list(_ALL)
        for _, process in connections.processes()
        if process.inherited is None
    ]
    if not processes:
        return
    here, mark = numbers_here(), _mark()
    for connections, process in processes:
        process.inherited, process.mark = numbers_of(connections.where, here), mark
        _INHERITED.append(connections)
        _INHERITED.extend(reader() for reader in list(process.lent.values()))


def _mark() -> dict[int, File]:
    """Open what nobody else knows of: whoever closes it closes all that this process has."""
    with suppress(OSError):
        mark, other = os.pipe()
        os.close(other)
        file = file_of(mark)
        if file is not None:
            return {mark: file}
    return {}


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forked)


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
        #: The readers that have a connection.
        self.lent: dict[int, ref[Borrower]] = {}
        self.writer: sqlite3.Connection | None = None
        #: The numbers under which SQLite had files open for it when a child was forked from it.
        self.inherited: dict[int, File] | None = None
        #: What the child has open since then, and is closed only where all is.
        self.mark: dict[int, File] = {}

    def is_as_inherited(self) -> bool:
        """Return whether SQLite may close what it has open.

        A daemon closes all that it has inherited, and what it opens then has the same numbers.
        SQLite knows nothing of it, and would close these in turn. Who closed what he himself had
        open of the same files has closed none of SQLite's.
        """
        if any(file_of(number) == file for number, file in self.mark.items()):
            return True
        numbers = self.inherited or {}
        return all(file_of(number) in (file, None) for number, file in numbers.items())

    def close(self) -> None:
        """Close what nobody uses."""
        with Use():
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

    :raises StoreError: the parent was reading or writing when it forked, or this process has closed
        by itself what it had of it.
    """
    file, pid = os.path.realpath(where), this_process.pid
    inherited = [
        (connections, owner, process)
        for connections in list(_ALL)
        if os.path.realpath(connections.where) == file
        for owner, process in connections.processes()
        if owner != pid
    ]
    if _is_used_in_parents() or any(
        connections.is_in_use_in(owner, process) for connections, owner, process in inherited
    ):
        msg = (
            f"{where}: this process was forked while its parent was reading or writing "
            "there: open it in a process that is started anew, or fork before"
        )
        raise StoreError(msg)
    if not all(process.is_as_inherited() for _, _, process in inherited):
        msg = (
            f"{where}: this process has closed what it had from its parent, and has opened other "
            "files since: open it in a process that is started anew, or before these"
        )
        raise StoreError(msg)
    for _, _, process in inherited:
        process.close()
        process.inherited = {}  # the numbers are anybody's from now on


class Wiping:
    """Who holds the writer's connection while the log is cut off, or the store closed."""

    def __init__(self) -> None:
        self.turn = Turn(self)

    def cut(self) -> None:
        """Implement `Holder.cut`: it has a thread's own code, which keeps nothing."""


class FileConnections:
    """The connections to a file: one that writes, and a pool of those that read.

    All of them have the same file open. Who replaces a file that is in use takes it away from
    under them, and what they wrote then would be in a file that nobody finds. So a reader looks
    whether the path still leads to it before he is lent one, and a writer before anything is told:
    right before his commit, right after it, and before a refusal. That is done where it is needed
    and in no function, for it is on the road of every call.
    """

    file: File | None = None
    log: Log | None = None
    size: int = 0

    def __init__(self, uri: str, *, where: str, synchronous: str, timeout_seconds: float) -> None:
        self.where = where
        self._uri = uri
        self._synchronous = synchronous
        self.timeout_seconds = timeout_seconds
        self._lock = WriterLock(where=where)
        self._processes: dict[int, _Process] = {}
        self._closed = False
        _ALL.add(self)

    def is_in_use_in(self, pid: int, process: _Process) -> bool:
        """Return whether somebody read or wrote in a process when this one was forked from it.

        He may have been anywhere within SQLite, with its mutexes locked: nothing is asked of it.
        """
        reading = any(reader() is not None for reader in list(process.lent.values()))
        return reading or self._lock.is_held_in(pid)

    def processes(self) -> list[tuple[int, _Process]]:
        """Return the connections of this process, and of those that it was forked from."""
        return list(self._processes.items())

    def _process(self) -> _Process:
        # `setdefault` on a plain dict is atomic: two threads get the same process.
        pid = this_process.pid
        found = self._processes.get(pid)
        if found is None:
            disinherit(self.where)
            found = self._processes.setdefault(pid, _Process())
        return found

    def _connect(self) -> sqlite3.Connection:
        """Open a connection, to the file that the others have open.

        :raises StoreError: another file is there by now.
        """
        before = file_at(self.where)
        connection = connect(
            self._uri, synchronous=self._synchronous, timeout_seconds=self.timeout_seconds
        )
        # Of two threads that open the first ones, one says which file it is: `setdefault` is
        # atomic. As long as a connection is open no other file can have its number.
        if not before == file_at(self.where) == self.__dict__.setdefault("file", before):
            connection.close()
            raise replaced(self.where)
        return connection

    def _check_open(self) -> None:
        if self._closed:
            msg = "this store is closed"
            raise StoreError(msg)

    def take(self, reader: Borrower) -> None:
        """Lend the connection that came back last, for its cache is warm.

        :raises StoreError: another file is there than the one that was opened.
        """
        if self._closed:
            self._check_open()
        if self.file is not None:
            try:
                now = os.stat(self.where)  # noqa: PTH116 - a str, and quick
            except OSError as error:
                raise replaced(self.where) from error
            if (now.st_dev, now.st_ino) != self.file:
                raise replaced(self.where)
        process = self._processes.get(this_process.pid) or self._process()
        process.lent[id(reader.slot)] = ref(reader)
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
        process = self._processes.get(this_process.pid) or self._process()
        idle = process.idle
        slot.clear()
        if self._closed or not sound or len(idle) >= IDLE_READERS:
            connection.close()
        else:
            idle.append(connection)
            if self._is_closed:  # meanwhile
                self._close_idle()
        process.lent.pop(id(slot), None)

    def take_writer(self, writer: BorrowsToWrite) -> tuple[sqlite3.Connection, float | None]:
        """Implement `Connections.take_writer`."""
        left = None
        if self._lock.waiting or not self._lock.take(writer.turn):
            self._check_open()
            left = self._lock.acquire(self.timeout_seconds, writer.turn)
        if self._closed:
            self._lock.release(writer.turn)
            self._check_open()
        process = self._processes.get(this_process.pid) or self._process()
        found = process.writer
        if found is None or (found.in_transaction and not rolled_back(found)):
            process.writer = None
            self.log = None
            process.writer = found = self._connect()
        return found, left

    def give_writer(self, writer: BorrowsToWrite, lent: sqlite3.Connection | None) -> None:
        """Implement `Connections.give_writer`."""
        turn = writer.turn
        if turn.over:
            return
        if turn.thread is not here.thread or turn.holder() is None:
            self._give_for(writer)
        elif lent is not None and (lent.in_transaction or self._closed):
            self._end(lent)
        turn.over = True
        if self._lock.waiting:
            self._lock.release(turn)
        if self._closed:
            self._close_writer()

    def _end(self, connection: sqlite3.Connection) -> None:
        """Undo what was not committed, by who has the lock."""
        unsound = connection.in_transaction and not rolled_back(connection)
        if unsound or self._closed:
            self._process().writer = self.log = None
            connection.close()

    def _give_for(self, writer: BorrowsToWrite) -> None:
        """Give back for a writer that nobody uses any more, unless its lock was taken already.

        The connection is that of all writers: whoever has the lock now undoes what was left.
        """
        closing = Wiping()
        if self._lock.take_over(writer.turn, closing.turn):
            connection = self._process().writer
            if connection is not None:
                self._end(connection)
            self._lock.release(closing.turn)

    def wipe(self) -> tuple[str, ...]:
        """Implement `Connections.wipe`. The log has the old pages until it is cut off.

        Until then the file may have them too, for what is new is in the log. A rollback journal
        that another program keeps has the pages of before its last transaction.
        """
        wiping, connection = Wiping(), None
        try:
            connection, _ = self.take_writer(wiping)
            if file_at(self.where) != self.file:
                raise replaced(self.where)
            busy = self._cut_log(connection)
            self._drop_journal(connection)
        finally:
            self.give_writer(wiping, connection)
        file = os.path.realpath(self.where)  # what lies beside it is beside no link
        told = []
        if busy:
            told.append(
                f"another connection is reading or writing: {file} and {file}-wal may have it "
                "until that ends and the erasure is asked for once more"
            )
        if has_bytes(f"{file}-journal"):
            told.append(
                f"{file}-journal may have it, where another program keeps its rollback journal: "
                "until that program says PRAGMA journal_mode = DELETE"
            )
        return tuple(told)

    def _drop_journal(self, connection: sqlite3.Connection) -> None:
        """Remove a rollback journal that another program has left, as SQLite itself does it.

        That is, under a lock, and never one that a transaction still needs: a connection that
        ceases to keep its journal removes it.
        """
        (mode,) = connection.execute("PRAGMA journal_mode").fetchone()
        if mode in ("delete", "persist"):  # the latter where this was interrupted before
            try:
                connection.execute("PRAGMA journal_mode = PERSIST").fetchone()
            finally:
                connection.execute("PRAGMA journal_mode = DELETE").fetchone()

    def _cut_log(self, connection: sqlite3.Connection) -> bool:
        """Cut the log off; return true where somebody is reading, so that it could not be."""
        connection.execute(f"PRAGMA busy_timeout = {WIPE_TIMEOUT_SECONDS * 1000}").fetchone()
        try:
            (busy, *_) = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        finally:
            timeout = int(self.timeout_seconds * 1000)
            connection.execute(f"PRAGMA busy_timeout = {timeout}").fetchone()
        return bool(busy)

    def close(self) -> None:
        """Implement `Connections.close`."""
        self._closed = True
        if this_process.pid in self._processes:  # else nothing is open in this process
            self._close_idle()
            self._close_writer()

    @property
    def _is_closed(self) -> bool:
        return self._closed

    def _close_idle(self) -> None:
        idle = self._process().idle
        with Use(), suppress(IndexError):
            while True:
                idle.pop().close()

    def _close_writer(self) -> None:
        """Close the writer's connection, unless somebody holds it, who then closes it."""
        closing = Wiping()
        if self._lock.take(closing.turn):
            process = self._process()
            writer, process.writer = process.writer, None
            self.log = None
            if writer is not None:
                writer.close()
            self._lock.release(closing.turn)


#: How long a wipe waits for readers to end.
WIPE_TIMEOUT_SECONDS: Final = 2
