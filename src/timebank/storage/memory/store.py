"""Banks in memory: private to the store, new at each open, gone with it."""

from __future__ import annotations

import os
from types import TracebackType
from typing import Self

from timebank.errors import BankNotFound, InvalidRequest, StoreError, shown
from timebank.storage.lock import BUSY_TIMEOUT_SECONDS, Turn, WriterLock
from timebank.storage.memory.overlay import Overlay
from timebank.storage.memory.rows import URL, Rows, Snapshot


class MemoryWriter(Overlay):
    """A transaction on one bank of a memory store."""

    #: The bank, where this transaction makes it.
    made: Rows | None = None

    def __init__(self, store: MemoryStore, bank: str) -> None:
        self._store = store
        self._bank = bank
        self._pid = 0
        self.turn: Turn | None = None

    def __enter__(self) -> Self:
        self._pid = os.getpid()
        self.turn = Turn(self)
        try:
            super().__init__(self._store.locked(self._bank, self.turn))
        except BaseException:
            self.drop()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if error is None:
            self._base()
        try:
            if error is None and self.failed is None and self._pid == os.getpid():
                self._store.commit(self._bank, self)
        finally:
            self.drop()
        if error is not None:
            return
        if self._pid != os.getpid():
            msg = "this writer belongs to the process that opened it: nothing was written here"
            raise StoreError(msg)
        if self.failed is not None:
            msg = "a statement failed, so nothing was written"
            raise StoreError(msg) from self.failed

    def add_bank(self, journal: str) -> None:
        """Implement `MakesBank.add_bank`."""
        try:
            self.head()
        except BankNotFound:
            self.made = Rows(journal)
            self.put_over(Snapshot(self.made, bank=self._bank))

    def drop(self) -> None:
        """Implement `Droppable.drop`."""
        self._below = None
        if self.turn is not None and self._pid == os.getpid():
            self._store.unlock(self.turn)
        self.turn = None  # who keeps this writer, in a traceback say, keeps no later turn

    def cut(self) -> None:
        """Implement `Holder.cut`."""
        self._below = None


class MemoryStore:
    """Banks in the memory of this process. Threads may share it.

    >>> from timebank.storage.memory import MemoryStore
    >>> store = MemoryStore()
    >>> store.make_bank("main", journal="j1")
    >>> with store.reader("main") as reader:
    ...     reader.head().sequence
    0
    """

    def __init__(self, *, busy_timeout_seconds: float = BUSY_TIMEOUT_SECONDS) -> None:
        self.url = URL
        self._busy_timeout_seconds = busy_timeout_seconds
        self._banks: dict[str, Rows] = {}
        self._lock = WriterLock(where=URL)
        self._closed = False

    def _check_open(self) -> None:
        if self._closed:
            msg = "this store is closed"
            raise StoreError(msg)

    def banks(self) -> list[str]:
        """Implement `Store.banks`."""
        self._check_open()
        return sorted(self._banks)

    def make_bank(self, bank: str, *, journal: str) -> None:
        """Implement `Store.make_bank`."""
        self._check_open()
        self._banks.setdefault(bank, Rows(journal))
        self._check_open()

    def reader(self, bank: str) -> Snapshot:
        """Implement `Store.reader`; the snapshot is taken here."""
        rows = self._banks.get(bank)
        self._check_open()
        return Snapshot(rows, bank=bank)

    def writer(self, bank: str) -> MemoryWriter:
        """Implement `Store.writer`."""
        self._check_open()
        return MemoryWriter(self, bank)

    def locked(self, bank: str, turn: Turn) -> Snapshot:
        """Return what the next writer begins with; the lock is held until `unlock`."""
        self._lock.acquire(self._busy_timeout_seconds, turn)
        rows = self._banks.get(bank)
        self._check_open()
        if rows is not None and rows.is_torn():
            rows = self._banks[bank] = rows.copied()
        return Snapshot(rows, bank=bank)

    def unlock(self, turn: Turn) -> None:
        """Release the lock."""
        self._lock.release(turn)

    def commit(self, bank: str, top: MemoryWriter) -> None:
        """Put the rows of a transaction into the bank, all or none.

        An interrupt in the middle leaves rows in the containers that were not committed: who
        writes next sees that they are torn, and copies what was.
        """
        rows = self._banks.get(bank) or top.made
        if rows is None or self._closed:
            self._check_open()
            return
        self._banks[bank] = rows.merged(top)
        rows.merging.clear()

    def wipe(self) -> tuple[str, ...]:
        """Implement `Wipes.wipe`: there is nothing to wipe."""
        self._check_open()
        return ()

    def close(self) -> None:
        """Implement `Store.close`; the banks are gone."""
        self._closed = True
        self._banks = {}


def open_memory(url: str, *, create: bool = True, read_only: bool = False) -> MemoryStore:
    """Open a new store in memory.

    :raises InvalidRequest: anything after `memory:`.
    """
    if url != URL:
        msg = f"a store in memory is {URL!r} with nothing behind it, not {shown(url)}"
        raise InvalidRequest(msg)
    return MemoryStore()
