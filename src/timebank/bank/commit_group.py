"""Group commit: threads that post to one bank at the same time share a commit.

A commit waits for the disk, and what it costs hardly depends on how much it makes durable. So the
first thread that comes is the leader: it takes the writer's lock, then all calls that wait by then,
decides each in the order of arrival in one transaction, commits once and wakes everybody. Those who
came meanwhile are led by the first of them.

Nobody returns before the commit: who is refused hears of it when what it was judged by is durable.
Where a group cannot be kept, each of its calls is done again by its own thread, alone: they have
ids, so that none is done twice.
"""

from __future__ import annotations

import os
import random
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final, TypeVar
from weakref import WeakKeyDictionary

from timebank.bank.session import KnownState, Session, Sources
from timebank.errors import (
    Conflict,
    Corrupt,
    OutcomeUnknown,
    Retryable,
    StoreBusy,
    StoreError,
    TimebankError,
)
from timebank.rules.state import AnyCommand
from timebank.storage.protocol import Store

#: What ends a group: not a judgement on one command, but a failure of what all of them need.
_FAILURES: Final = (Corrupt, OutcomeUnknown, Retryable, StoreError)
#: How often a leader lets other threads go on, so that those of the last group may come back.
_YIELDS: Final = 20

new_gate = threading.Lock

#: A known that knows of more is not kept.
CACHED_ACCOUNTS: Final = 10_000
CACHED_HOLDS: Final = 10_000

T = TypeVar("T")

RETRIES: Final = 8
#: The longest wait before the first retry; it doubles with each.
FIRST_WAIT_SECONDS: Final = 0.005


def retried(work: Callable[[], T]) -> T:
    """Return the result of `work`, which is done again where a conflict took it back.

    Databases refuse one of two transactions that cross; nothing was written then, and the same
    call on its own will pass. It is tried a few times, each a little later than the last. What
    is joined to a host's transaction is never tried again.

    :raises Conflict: every try met one, or it concerns a host's transaction.

    >>> from timebank.bank.commit_group import retried
    >>> retried(lambda: 3)
    3
    """
    for retry in range(RETRIES):
        try:
            return work()
        except Conflict as error:
            if error.scope != "call":
                raise
        # By chance, for two that met would else meet again.
        time.sleep(random.random() * FIRST_WAIT_SECONDS * 2**retry)  # noqa: S311 - no secret
    return work()


class Call:
    """A command that one thread wants decided, and its result or error."""

    __slots__ = ("actor", "command", "error", "gate", "is_alone", "result", "sources")

    def __init__(self, command: AnyCommand, actor: str | None, sources: Sources) -> None:
        self.command = command
        self.actor = actor
        self.sources = sources
        self.result: Any = None
        self.error: BaseException | None = None
        #: Whether its own thread has to do it, outside of a group.
        self.is_alone = False
        #: Locked as long as its thread has to wait.
        self.gate: threading.Lock | None = None

    def outcome(self) -> Any:
        """Return the result, in the thread whose call it is.

        :raises TimebankError: it was refused, or the storage failed.
        """
        if self.error is not None:
            raise self.error
        return self.result

    def decide(self, session: Session, now: int) -> None:
        """Judge it; a refusal is the call's own, and a failure everybody's."""
        try:
            self.result = session.execute(self.command, self.actor, now)
        except _FAILURES:
            raise
        except TimebankError as error:
            self.error = error


class CommitGroup:
    """Lets the threads of one process that write to one bank of one store share commits.

    It also has what a session leaves for the next one, whoever's it is.
    """

    def __init__(self, inside: set[int]) -> None:
        #: Threads in whose own code a lock of the store is held, of whatever bank.
        self.inside = inside
        self.forget()

    def forget(self) -> None:
        """Begin anew: nobody waits, nobody leads, nothing is known."""
        self.known: KnownState | None = None
        self.inside.clear()
        self._mutex = threading.Lock()
        self._waiting: deque[Call] = deque()
        self._leader: Call | None = None
        self._last = 1

    def keep(self, session: Session) -> None:
        """Keep what a session knows, which has committed, for the next one."""
        fold = session.known.fold
        if len(fold.accounts) <= CACHED_ACCOUNTS and len(fold.lines) <= CACHED_HOLDS:
            self.known = session.known

    @contextmanager
    def within(self) -> Iterator[None]:
        """Enter a block in which a thread's own code runs: what it calls must not wait for others.

        They may wait for the lock that it has itself.
        """
        thread = threading.get_ident()
        is_first = thread not in self.inside
        self.inside.add(thread)
        try:
            yield
        finally:
            if is_first:
                self.inside.discard(thread)

    def submit(self, store: Store, bank: str, call: Call) -> None:
        """Have a call decided, by this thread or another; `call` then has what came of it.

        :raises InvalidRequest: this thread holds the bank's lock.
        """
        try:
            with self._mutex:
                if self._leader is None:
                    self._leader = call
                else:
                    call.gate = new_gate()
                    call.gate.acquire()
                    self._waiting.append(call)
            if call.gate is not None:
                call.gate.acquire()
            if self._leader is call:
                self._lead(store, bank, call)
        except BaseException:  # this thread may have been interrupted while it waited
            self._leave(call)
            raise

    def _leave(self, call: Call) -> None:
        """Hand the lead on if it is this call's, and wait no more."""
        with self._mutex:
            if self._leader is call:
                self._leader = self._waiting.popleft() if self._waiting else None
                if self._leader is not None:
                    _wake(self._leader)
            elif call in self._waiting:
                self._waiting.remove(call)

    def _lead(self, store: Store, bank: str, first: Call) -> None:
        group = [first]
        entered = False
        try:
            if self._last > 1:
                self._linger()
            with store.writer(bank) as writer:
                entered = True
                if self._waiting:
                    group += self._arrived(first.sources)
                known, self.known = self.known, None
                session = Session(writer, first.sources, known)
                now = session.now()  # one reading of the clock for all
                if len(group) > 1:
                    session.prefetch_ids([call.command.id for call in group if call.command.id])
                for call in group:
                    call.decide(session, now)
                session.flush()
            self.keep(session)
        except BaseException as error:
            if isinstance(error, StoreBusy) and not entered:
                group += self._arrived(first.sources)  # they have waited for the same lock
            _failed(group, error)
            if first.error is None and not first.is_alone:
                raise
        finally:
            self._last = len(group)
            self._leave(first)
            for call in group[1:]:
                _wake(call)

    def _linger(self) -> None:
        """Wait briefly for the threads of the last group, so that they can share this commit."""
        for _ in range(_YIELDS):
            if len(self._waiting) + 1 >= self._last:
                break
            time.sleep(0)

    def _arrived(self, sources: Sources) -> list[Call]:
        """Take the calls that wait, in the order in which they came; other sources wait on."""
        with self._mutex:
            found = [call for call in self._waiting if call.sources == sources]
            if len(found) == len(self._waiting):
                self._waiting.clear()
            else:
                self._waiting = deque(call for call in self._waiting if call.sources != sources)
        return found


def _wake(call: Call) -> None:
    if call.gate is not None and call.gate.locked():
        call.gate.release()


def _failed(group: list[Call], error: BaseException) -> None:
    """Nothing of a group was kept, or nobody knows: tell, or let each thread do its own again."""
    for call in group:
        call.result = call.error = None
        if isinstance(error, OutcomeUnknown):
            call.error = OutcomeUnknown(call.command.id)
        elif isinstance(error, StoreBusy):
            call.error = StoreBusy(*error.args)
        elif len(group) > 1 or isinstance(error, Conflict):
            call.is_alone = True
    if not isinstance(error, Exception):
        group[0].is_alone = False  # interrupted: this thread does nothing more


class _Groups:
    """The commit groups of one store, by bank."""

    def __init__(self) -> None:
        self.inside: set[int] = set()
        self.of_banks: dict[str, CommitGroup] = {}


_registry = threading.Lock()
_of_stores: WeakKeyDictionary[Store, _Groups] = WeakKeyDictionary()


def group_of(store: Store, bank: str) -> CommitGroup:
    """Return the one commit group of a bank of a store, however often it was opened.

    A store that cannot be the key of a dictionary, or not weakly referred to, has as many as
    banks that were made on it.
    """
    with _registry:
        try:
            groups = _of_stores.setdefault(store, _Groups())
        except TypeError:
            groups = _Groups()
        found = groups.of_banks.get(bank)
        if found is None:
            found = groups.of_banks[bank] = CommitGroup(groups.inside)
        return found


def _forked() -> None:
    """Reset the groups in a forked child, which has none of its parent's threads."""
    global _registry  # noqa: PLW0603 - it may have been locked when the process was forked
    _registry = threading.Lock()
    for groups in _of_stores.values():
        for group in groups.of_banks.values():
            group.forget()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forked)
