"""Banks in memory: private to the store, new at each open, gone with it."""

from __future__ import annotations

from types import TracebackType
from typing import Self

from timebank.errors import InvalidRequest, StoreError, shown
from timebank.storage.lock import BUSY_TIMEOUT_SECONDS, WriterLock
from timebank.storage.memory.overlay import Overlay
from timebank.storage.memory.rows import URL, Rows, Snapshot


class MemoryWriter(Overlay):
    """A transaction on one bank of a memory store."""

    def __init__(self, store: MemoryStore, bank: str) -> None:
        self._store = store
        self._bank = bank

    def __enter__(self) -> Self:
        super().__init__(self._store.locked(self._bank))
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()
        try:
            if error is None and self.failed is None:
                self._store.commit(self._bank, self)
        finally:
            self._store.unlock()
        if error is None and self.failed is not None:
            msg = "a statement failed, so nothing was written"
            raise StoreError(msg) from self.failed


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
        self._lock.acquire(self._busy_timeout_seconds)
        try:
            if bank not in self._banks:
                self._banks[bank] = Rows(journal)
        finally:
            self._lock.release()

    def reader(self, bank: str) -> Snapshot:
        """Implement `Store.reader`; the snapshot is taken here."""
        self._check_open()
        return Snapshot(self._banks.get(bank), bank=bank)

    def writer(self, bank: str) -> MemoryWriter:
        """Implement `Store.writer`."""
        self._check_open()
        return MemoryWriter(self, bank)

    def locked(self, bank: str) -> Snapshot:
        """Return what the next writer begins with; the lock is held until `unlock`."""
        self._lock.acquire(self._busy_timeout_seconds)
        return Snapshot(self._banks.get(bank), bank=bank)

    def unlock(self) -> None:
        """Release the lock."""
        self._lock.release()

    def commit(self, bank: str, top: Overlay) -> None:
        """Put the rows of a transaction into the bank, all or none."""
        rows = self._banks.get(bank)
        if rows is None:
            return
        try:
            self._banks[bank] = rows.merged(top)
        except BaseException:
            # An interrupt in the middle: the containers hold rows that were not committed.
            self._banks[bank] = rows.copied()
            raise

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
