"""The lock that makes writers of one process wait for each other.

A thread that waits for itself would wait for ever, so it is told at once.
"""

from __future__ import annotations

import os
import threading
from typing import Final

from timebank.errors import InvalidRequest, StoreBusy

BUSY_TIMEOUT_SECONDS: Final = 30.0


class _Held:
    """The lock of one process, and the thread that holds it."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.owner: int | None = None


class WriterLock:
    """A lock that one thread holds. A forked child begins with a free lock of its own.

    >>> from timebank.storage.lock import WriterLock
    >>> lock = WriterLock(where="memory:")
    >>> lock.acquire(1.0)
    >>> lock.acquire(1.0)
    Traceback (most recent call last):
    timebank.errors.InvalidRequest: a batch is open on this thread: write through it
    >>> lock.release()
    """

    def __init__(self, *, where: str) -> None:
        self._where = where
        self._processes: dict[int, _Held] = {}

    def _held(self) -> _Held:
        # `setdefault` on a plain dict is atomic: two threads get the same lock.
        pid = os.getpid()
        return self._processes.get(pid) or self._processes.setdefault(pid, _Held())

    def acquire(self, timeout_seconds: float) -> None:
        """Wait for the lock.

        :raises InvalidRequest: this thread holds it already.
        :raises StoreBusy: another thread held it for longer than the time-out.
        """
        held, thread = self._processes.get(os.getpid()) or self._held(), threading.get_ident()
        if held.owner == thread:
            msg = "a batch is open on this thread: write through it"
            raise InvalidRequest(msg)
        if not held.lock.acquire(timeout=timeout_seconds):
            msg = f"another thread wrote to {self._where} for longer than {timeout_seconds:g} s"
            raise StoreBusy(msg)
        held.owner = thread

    def release(self) -> None:
        """Free the lock; nothing happens in a child that was forked while it was held."""
        held = self._processes.get(os.getpid()) or self._held()
        if held.owner is not None:
            held.owner = None
            held.lock.release()
