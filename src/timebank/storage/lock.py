"""The lock that makes writers of one process wait for each other.

It cannot be left locked. Who holds it is known, weakly: when the holder is gone, or the thread
that took it has ended, its turn is over, and whoever waits goes on. And it is taken and given
back by one step each, so that no interrupt finds it half taken: a turn names its successor, once,
by `dict.setdefault`, and that is what taking the lock is.

A thread that waits for itself would wait for ever, so it gets an error at once.
"""

from __future__ import annotations

import os
import threading
import time
from collections import deque
from contextlib import suppress
from typing import Any, Final, Protocol
from weakref import ref

from timebank.errors import InvalidRequest, StoreBusy

BUSY_TIMEOUT_SECONDS: Final = 30.0
#: Who has waited for longer is not overtaken.
PATIENCE_SECONDS: Final = 0.01
#: How often who waits looks whether the holder is gone without a word.
LOOK_EVERY_SECONDS: Final = 0.05
#: Why a writer takes nothing more, from the first step of an `append` until its last.
UNFINISHED: Final = InterruptedError("it was interrupted while it wrote")


class _Token:
    """What stands for a thread: it is gone when the thread is, and never given to another."""

    __slots__ = ("__weakref__",)


class _Here(threading.local):
    token: _Token
    thread: ref[_Token]

    def __getattr__(self, name: str) -> Any:
        """Make it when it is first asked for, so that an interrupt leaves no thread without."""
        if name == "thread":
            return self.__dict__.setdefault("thread", ref(self.token))
        if name != "token":
            raise AttributeError(name)
        return self.__dict__.setdefault("token", _Token())


#: `here.token` stands for the thread that asks, and `here.thread` refers to it weakly.
here: Final = _Here()


class _Process:
    """The process that runs this. Every lock asks for it, and the system takes long to answer."""

    __slots__ = ("pid",)

    def __init__(self) -> None:
        self.look()

    def look(self) -> None:
        """Ask the system: at the beginning, and in a child that was forked, before all else."""
        self.pid = os.getpid()


this_process: Final = _Process()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=this_process.look)


def this_thread() -> _Token:
    """Return what stands for the thread that asks.

    >>> from timebank.storage.lock import this_thread
    >>> this_thread() is this_thread()
    True
    """
    return here.token


class Holder(Protocol):
    """Who can hold a lock: a writer or a reader, or a call."""

    def cut(self) -> None:
        """Use nothing of what the lock protects any more: it was taken away."""


class Turn:
    """One turn at a lock, from before it is taken; it is over by itself when its holder is gone."""

    __slots__ = ("heirs", "holder", "over", "thread")

    def __init__(self, holder: Holder) -> None:
        self.holder: ref[Holder] = ref(holder)
        self.thread: ref[_Token] = here.thread
        self.over = False
        #: The turn that comes next, at the key 0.
        self.heirs: dict[int, Turn] = {}

    def is_over(self) -> bool:
        """Return whether the lock may be taken after this turn."""
        return self.over or self.holder() is None or self.thread() is None

    def is_mine(self) -> bool:
        """Return whether the thread that asks has taken this turn, and not ended it."""
        return self.thread() is here.token and not self.is_over()

    def is_gone(self) -> bool:
        """Return whether its holder or its thread is gone, so that nobody will end it."""
        return self.holder() is None or self.thread() is None


class _Nobody:
    """Who held a lock before anybody did."""

    def cut(self) -> None:
        """Do nothing."""


_NOBODY: Final = _Nobody()
#: The turn of who has none.
OVER: Final = Turn(_NOBODY)
OVER.over = True


class Turns:
    """The turns of one process at a lock. A forked child begins with none.

    >>> from timebank.storage.lock import Turn, Turns, _Nobody
    >>> turns, first, second = Turns(), _Nobody(), _Nobody()
    >>> turn = Turn(first)
    >>> turns.take(turn), turns.take(Turn(second))
    (True, False)
    >>> turn.over = True
    >>> turns.take(Turn(second))
    True
    """

    def __init__(self) -> None:
        #: The last turn of each process, or an earlier one, which leads to it.
        self._last: dict[int, Turn] = {}

    def last(self) -> Turn:
        """Return the turn that was taken last, over or not."""
        turn = self._last.get(this_process.pid)
        if turn is None:
            first = Turn(_NOBODY)
            first.over = True
            turn = self._last.setdefault(this_process.pid, first)
        while turn.heirs:
            turn = turn.heirs[0]
        return turn

    def is_held_in(self, pid: int) -> bool:
        """Return whether somebody had a turn in a process, when this one was forked from it."""
        turn = self._last.get(pid)
        while turn is not None and turn.heirs:
            turn = turn.heirs[0]
        return turn is not None and not turn.over

    def take_over(self, turn: Turn, mine: Turn) -> bool:
        """Begin a turn in the place of one whose holder nobody uses any more.

        Who ends the turn of another, of a thread that has ended or a batch that was
        forgotten, does it so: somebody else may be taking the lock at the same moment, and one of
        the two gets it.
        """
        if self.last() is not turn or turn.heirs.setdefault(0, mine) is not mine:
            return False
        self._last[this_process.pid] = mine
        turn.over = True
        return True

    def take(self, mine: Turn) -> bool:
        """Begin a turn, unless another is not over; return whether it has begun."""
        before = self._last.get(this_process.pid)
        if before is None or not before.over or before.heirs.setdefault(0, mine) is not mine:
            return self._take_after(self.last(), mine)
        self._last[this_process.pid] = mine
        return True

    def _take_after(self, before: Turn, mine: Turn) -> bool:
        """Begin a turn after another that has not said that it is over, unless it is not."""
        if not before.is_over() or before.heirs.setdefault(0, mine) is not mine:
            return False
        self._last[this_process.pid] = mine
        if not before.over and (holder := before.holder()) is not None:
            holder.cut()
        return True


class _Waiter:
    """Who waits for a lock, since when, at a gate that is locked until there is something new."""

    __slots__ = ("gate", "since", "turn")

    def __init__(self, turn: Turn) -> None:
        self.turn = turn
        self.since = time.monotonic()
        self.gate = threading.Lock()
        self.gate.acquire()


class WriterLock(Turns):
    """A lock that one thread has. A forked child begins with a free lock.

    Whoever gives a `Turn` loses the lock with the holder of that turn. Without one the lock is the
    thread's, until `release` or its end.

    >>> from timebank.storage.lock import WriterLock
    >>> lock = WriterLock(where="memory:")
    >>> lock.acquire(1.0)
    1.0
    >>> lock.acquire(1.0)
    Traceback (most recent call last):
    timebank.errors.InvalidRequest: a batch is open on this thread: write through it
    >>> lock.release()
    """

    def __init__(self, *, where: str) -> None:
        super().__init__()
        self._where = where
        #: Who waits, in order.
        self.waiting: deque[_Waiter] = deque()

    def cut(self) -> None:
        """Implement `Holder.cut`: nobody uses a lock that its thread has left behind."""

    def acquire(self, timeout_seconds: float, turn: Turn | None = None) -> float:
        """Wait for the lock; return the seconds that are left of the time-out.

        Who comes while it is free may have it at once, unless somebody waits for long already.

        :raises InvalidRequest: this thread holds it already.
        :raises StoreBusy: another thread held it for longer than the time-out.
        """
        if turn is None:
            turn = Turn(self)
        if not self._others_first(None) and self.take(turn):
            return timeout_seconds
        return self._wait(turn, timeout_seconds)

    def _wait(self, turn: Turn, timeout_seconds: float) -> float:
        me = _Waiter(turn)
        deadline = me.since + timeout_seconds
        self.waiting.append(me)
        try:
            while self._others_first(me) or not self.take(turn):
                if self.last().is_mine():
                    msg = "a batch is open on this thread: write through it"
                    raise InvalidRequest(msg)
                left = deadline - time.monotonic()
                if left <= 0:
                    msg = (
                        f"another thread wrote to {self._where} for longer than "
                        f"{timeout_seconds:g} s"
                    )
                    raise StoreBusy(msg)
                me.gate.acquire(timeout=min(left, LOOK_EVERY_SECONDS))
        finally:
            with suppress(ValueError):  # whoever saw that it is gone has taken it out
                self.waiting.remove(me)
        return max(deadline - time.monotonic(), 0.0)

    def _others_first(self, me: _Waiter | None) -> bool:
        """Return whether somebody else waits, for so long that he has the next turn."""
        try:
            first = self.waiting[0]
        except IndexError:
            return False
        if first is me:
            return False
        if first.turn.is_gone():
            with suppress(ValueError):
                self.waiting.remove(first)
            return False
        return time.monotonic() - first.since > PATIENCE_SECONDS

    def release(self, turn: Turn | None = None) -> None:
        """End a turn, or the one that was taken last, and wake who waits.

        Nothing happens to a turn that never began, or has ended.
        """
        if turn is None:
            turn = self.last()
        turn.over = True
        if self.waiting:
            with suppress(IndexError, RuntimeError):  # whoever waited is gone, or awake
                self.waiting[0].gate.release()
