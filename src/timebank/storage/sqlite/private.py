"""The one connection of a private SQLite database in memory, which its threads take in turn."""

from __future__ import annotations

import sqlite3
from weakref import ref

from timebank.errors import InvalidRequest, StoreBusy, StoreError
from timebank.storage.lock import Turn, WriterLock, this_process, this_thread
from timebank.storage.sqlite.connections import (
    Borrower,
    BorrowsToWrite,
    Wiping,
    connect,
    rolled_back,
)
from timebank.storage.sqlite.files import File, Log


class _SharedTurn(Turn):
    """A turn at a private database, which readers of one thread share."""

    __slots__ = ("others", "writes")

    def __init__(self, first: BorrowsToWrite, *, writes: bool) -> None:
        super().__init__(first)
        self.writes = writes
        #: All who share it, by identity; who is gone without a word does not count.
        self.others: dict[int, ref[BorrowsToWrite]] = {id(first): ref(first)}

    def is_over(self) -> bool:
        """Return whether nobody is left."""
        others = list(self.others.values())
        return self.over or self.thread() is None or all(other() is None for other in others)


class PrivateConnection:
    """The one connection of a private database in memory; its threads take turns.

    Readers of one thread share a snapshot. A thread that has a writer reads through it:
    there is no second connection that would see the state before.
    """

    file: File | None = None
    log: Log | None = None
    size: int = 0

    def __init__(self, *, where: str, timeout_seconds: float) -> None:
        self.where = where
        self.timeout_seconds = timeout_seconds
        self.connection = connect(":memory:", synchronous="OFF", timeout_seconds=timeout_seconds)
        self._pid = this_process.pid
        self._turns = WriterLock(where=where)
        self._closed = False

    def _check_open(self) -> None:
        if self._closed:
            msg = "this store is closed"
            raise StoreError(msg)
        if self._pid != this_process.pid:
            msg = "a private database in memory is not there in a forked process"
            raise StoreError(msg)

    def _own_turn(self) -> _SharedTurn | None:
        """Return the turn that this thread has; one that is over is given back first."""
        last = self._turns.last()
        return last if isinstance(last, _SharedTurn) and last.is_mine() else None

    def _begin(self, borrower: BorrowsToWrite, *, writes: bool) -> None:
        turn = borrower.turn = _SharedTurn(borrower, writes=writes)
        try:
            self._turns.acquire(self.timeout_seconds, turn)
        except StoreBusy as error:
            msg = f"another thread held {self.where} for longer than {self.timeout_seconds:g} s"
            raise StoreBusy(msg) from error
        if self._closed:
            self._turns.release(turn)
            self._close_connection()
            self._check_open()
        rolled_back(self.connection)  # what was left by who is gone

    def take(self, reader: Borrower) -> None:
        """Implement `Connections.take`."""
        self._check_open()
        own = self._own_turn()
        if own is None:
            self._begin(reader, writes=False)
        elif own.writes:
            msg = "a batch is open on this thread: read and write through it"
            raise InvalidRequest(msg)
        else:
            reader.turn = own
            own.others[id(reader)] = ref(reader)
        reader.slot.append(self.connection)

    def give(self, reader: Borrower) -> None:
        """Implement `Connections.give`."""
        self._leave(reader)
        reader.slot.clear()

    def take_writer(self, writer: BorrowsToWrite) -> tuple[sqlite3.Connection, float | None]:
        """Implement `Connections.take_writer`; nobody else has the database."""
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
        return self.connection, None

    def give_writer(self, writer: BorrowsToWrite, lent: sqlite3.Connection | None) -> None:
        """Implement `Connections.give_writer`."""
        self._leave(writer)

    def _leave(self, borrower: BorrowsToWrite) -> None:
        """Take a borrower's share away; the last one ends the snapshot, or what it wrote."""
        turn = borrower.turn
        if not isinstance(turn, _SharedTurn) or turn.over or id(borrower) not in turn.others:
            return
        rest = [other() for key, other in list(turn.others.items()) if key != id(borrower)]
        if all(other is None for other in rest):
            has_begun = self._turns.last() is turn  # else another's transaction is open there
            is_own = turn.thread() is this_thread() and turn.others[id(borrower)]() is borrower
            if has_begun and is_own:
                rolled_back(self.connection)
            else:  # nobody uses it any more, and somebody else may be taking his turn
                closing = Wiping()
                if self._turns.take_over(turn, closing.turn):
                    rolled_back(self.connection)
                    self._turns.release(closing.turn)
            self._turns.release(turn)
        turn.others.pop(id(borrower), None)
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
        closing = Wiping()
        if self._pid == this_process.pid and self._turns.take(closing.turn):
            self.connection.close()
            self._turns.release(closing.turn)
