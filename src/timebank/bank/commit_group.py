"""Group commit: threads that post to one bank at the same time share a commit.

A commit waits for the disk, and what it costs hardly depends on how much it makes durable. So the
first thread that comes is the leader: it takes the writer's lock, then all calls that wait by then,
decides each in the order of arrival in one transaction, commits once and wakes everybody. Those who
came meanwhile are led by the first of them.

Nobody returns before the commit: who is refused hears of it when what it was judged by is durable.
Where a group cannot be kept, each of its calls is done again by its own thread, alone: they have
ids, so that none is done twice.

The lead is a turn, as the writer's lock is one: it is over when the leader's call is gone, however
that came to be. Who waits is woken, or looks for itself now and then, and leads.
"""

from __future__ import annotations

import os
import random
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from typing import Any, Final, TypeVar, cast
from weakref import WeakKeyDictionary, ref

import attrs

from timebank.bank.following import MOST, KnownState
from timebank.bank.session import Session, Sources
from timebank.bank.told import ToldHistory
from timebank.errors import (
    FAILURES,
    ClockBehind,
    Conflict,
    InvalidRequest,
    InvalidStatute,
    OutcomeUnknown,
    StoreBusy,
    TimebankError,
    Unavailable,
)
from timebank.rules.state import AnyCommand
from timebank.storage.lock import (
    BUSY_TIMEOUT_SECONDS,
    LOOK_EVERY_SECONDS,
    OVER,
    Turn,
    Turns,
    here,
)
from timebank.storage.protocol import Store, Writer, is_droppable

#: How long a leader waits for each thread of the last group that has not come back: at first, and
#: at most where they have come each time.
LINGERS_SECONDS: Final = 0.0002
LINGERS_AT_MOST_SECONDS: Final = 0.0008

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


#: What comes before the id of a call is looked for, and so says nothing of an earlier try.
_NOT_LOOKED_FOR: Final = (*FAILURES, ClockBehind, InvalidStatute)


def unknown(id: str | None, ids: Iterable[str] | None, error: BaseException) -> OutcomeUnknown:
    """Return the error for calls that may be in a commit that ended so; its cause is the driver's.

    >>> from timebank.bank.commit_group import unknown
    >>> unknown("t1", None, KeyboardInterrupt()).__cause__
    KeyboardInterrupt()
    """
    found = OutcomeUnknown(id, ids=ids)
    found.__cause__ = error.__cause__ if isinstance(error, OutcomeUnknown) else error
    return found


@contextmanager
def naming(command: AnyCommand) -> Iterator[None]:
    """Name a command in the `OutcomeUnknown` of a block: of one that repeats nothing is appended.

    So its store cannot name it.
    """
    try:
        yield
    except OutcomeUnknown as error:
        if command.id is None or command.id in error.ids:
            raise
        named = unknown(command.id, [*error.ids, command.id], error)
        raise named from named.__cause__


def give_up(block: object) -> None:
    """Give back what the block of a reader or writer may still hold, after an exception.

    An interrupt may have come in the first line of its `__exit__`; where it did not, nothing is
    held any more, and nothing happens.
    """
    if is_droppable(block):
        block.drop()


def writing(store: Store, bank: str) -> AbstractContextManager[Writer]:
    """Open the writer of a bank for a piece of work, and give it back whatever comes."""
    return held(store.writer(bank))


@contextmanager
def held(block: AbstractContextManager[Writer]) -> Iterator[Writer]:
    """Enter the block of a writer, and give it back whatever comes."""
    try:
        with block as writer:
            yield writer
    except BaseException:
        give_up(block)
        raise


class Call:
    """A command that one thread wants decided, and its result or error."""

    #: What its thread returns, or raises.
    result: Any = None
    error: BaseException | None = None
    #: What it came to in a group that failed, which may have been kept all the same.
    tried: Any = None
    #: Whether its own thread has to do it, outside of a group.
    is_alone = False
    #: Whether the group may have been kept in which it was tried.
    is_unknown = False
    #: Whether a group has ended that it was in.
    is_done = False
    #: Locked as long as its thread has to wait.
    gate: threading.Lock | None = None
    #: Since when.
    since = 0.0

    def __init__(self, command: AnyCommand, actor: str | None, sources: Sources) -> None:
        self.command = command
        self.actor = actor
        self.sources = sources
        #: Its turn to lead.
        self.turn = Turn(self)

    def cut(self) -> None:
        """Implement `Holder.cut`: who led is gone."""

    def again(self, work: Callable[[], T]) -> T:
        """Do it again, on its own thread; an outcome that was unknown stays so until it is found.

        :raises OutcomeUnknown: it may have been kept before, and this try did not come as far as
            to look.
        """
        try:
            return self.done_again(work())
        except _NOT_LOOKED_FOR as error:
            if not self.is_unknown or isinstance(error, OutcomeUnknown):
                raise
            raise unknown(self.command.id, None, error) from error

    def done_again(self, result: T) -> T:
        """Return what it came to when its own thread did it again.

        Where that finds what the group decided, the call has booked it, and repeats nobody.
        """
        tried: Any = self.tried
        if tried is None or tried.repeated or not (found := cast("Any", result)).repeated:
            return result
        if (found.sequence, found.recorded_at) != (tried.sequence, tried.recorded_at):
            return result
        own: T = attrs.evolve(found, repeated=False)
        return own

    def forget_result(self) -> None:
        """Tell nobody what it came to in a group that may not have been kept."""
        if self.result is not None:  # else it was forgotten before
            self.tried = self.result
        self.result = self.error = None

    def leave_to_own(self) -> None:
        """Have its own thread do it again: the group may have been kept, or not."""
        self.forget_result()
        self.is_alone = self.is_unknown = True

    def wake(self) -> None:
        """Let its thread look what has become of it."""
        if self.gate is not None:
            _open(self.gate)


def _open(gate: threading.Lock) -> None:
    """Let the thread go on that waits at a gate; one that is open stays so."""
    try:  # noqa: SIM105 - three calls less for each thread that waits
        gate.release()
    except RuntimeError:
        pass  # it is open


class CommitGroup:
    """Lets the threads of one process that write to one bank of one store share commits.

    It also has what a session leaves for the next one, whoever's it is.
    """

    def __init__(self, inside: dict[int, ref[Any]]) -> None:
        #: The block of the store, of whatever bank, in which a thread's own code runs.
        self.inside = inside
        #: What this process was told to be done, which a fork of it was told too.
        self.history = ToldHistory()
        self._begin()

    def forget(self) -> None:
        """Begin anew: nobody is inside, nobody waits, nobody leads, nothing is known."""
        self.inside.clear()
        self._begin()

    def _begin(self) -> None:
        self.known: KnownState | None = None
        self._waiting: deque[Call] = deque()
        self._leads = Turns()
        #: How many calls the last group had.
        self._last = 1
        #: How long the next leader may wait for each of as many, and where it does so.
        self._lingers_seconds = LINGERS_SECONDS
        self._lingering: threading.Lock | None = None

    def keep(self, session: Session) -> None:
        """Keep what a session knows, which has committed, for the next one; and what was told."""
        if session.acknowledges:
            self.history.take(session)
        fold = session.known.fold
        if len(fold.accounts) <= CACHED_ACCOUNTS and len(fold.lines) <= CACHED_HOLDS:
            self.known = session.known

    def _foresee(self, foresee: Callable[..., None], call: Call) -> None:
        """Say what will be asked first; where others wrote of late, what they write too."""
        known = self.known
        after = known.sequence if known is not None and known.others_write() else None
        foresee(after=after, limit=MOST, id=call.command.id)

    def session(
        self,
        writer: Writer,
        sources: Sources,
        *,
        id: str | None = None,
        accepts: bool = False,
    ) -> Session:
        """Return a session that begins with what is known, which is taken away.

        `id` is that of the one call that it is for, where it is for one.

        :raises HistoryLost: the journal has no more what this process was told to be done; not
            where the session `accepts` that.
        :raises InvalidRequest: the log of heads cannot be read, or is of another bank.
        """
        known, self.known = self.known, None
        session = Session(writer, sources, known, id=id)
        history = self.history
        history.begun = session.number = history.begun + 1
        if session.known.digest != history.settled:
            history.check(session, sources, accepts=accepts)
        return session

    def is_led(self) -> bool:
        """Return whether a leader is at work."""
        return not self._leads.last().is_over()

    def is_inside(self) -> bool:
        """Return whether the thread that asks is within a block, so that it must not wait."""
        block = self.inside.get(threading.get_ident())
        return block is not None and block() is not None

    @contextmanager
    def within(self, block: object) -> Iterator[None]:
        """Enter the block of a writer in which a thread's own code runs.

        What it calls there must not wait for others: they may wait for the lock that it has.
        """
        self.enter(block)
        try:
            yield
        finally:
            self.leave(block)

    def enter(self, block: object) -> None:
        """Note that this thread's own code runs in a block, unless it runs in another already."""
        if not self.is_inside():
            self.inside[threading.get_ident()] = ref(block)

    def leave(self, block: object) -> None:
        """Note the end of a block."""
        thread = threading.get_ident()
        noted = self.inside.get(thread)
        if noted is not None and noted() in (block, None):
            self.inside.pop(thread, None)

    def submit(self, store: Store, bank: str, call: Call) -> None:
        """Have a call decided, by this thread or another; `call` then has what came of it.

        :raises InvalidRequest: this thread holds the bank's lock, or leads a group.
        :raises StoreBusy: a leader was at something else for longer than a lock is waited for.
        :raises OutcomeUnknown: it was so while it had this call.
        """
        try:
            if self._leads.take(call.turn):
                self._lead(store, bank, call)
            else:
                self._follow(store, bank, call)
        except BaseException:  # this thread may have been interrupted anywhere
            self._leave(call)
            raise

    def _follow(self, store: Store, bank: str, call: Call) -> None:
        """Wait until a leader has done the call, or there is none."""
        call.since = time.monotonic()
        gate = call.gate = new_gate()
        gate.acquire()
        self._waiting.append(call)
        lingering = self._lingering
        if lingering is not None and self._is_full():
            _open(lingering)
        is_late = False
        while not call.is_done:
            leader = self._leads.last()
            is_own = leader.thread is here.thread
            # Whether it is gone without a word is looked at where it could be so.
            if leader.over or ((is_late or is_own) and leader.is_over()):
                if self._leads.take(call.turn):
                    try:
                        self._waiting.remove(call)
                    except ValueError:  # a leader has had it
                        if not call.is_done:  # and is gone, perhaps after the commit
                            call.leave_to_own()
                    else:
                        self._lead(store, bank, call)
                    self._leave(call)
                    break
            elif is_own:
                msg = "this thread is within a call of the bank: it cannot make another from there"
                raise InvalidRequest(msg)
            else:
                is_late = not gate.acquire(timeout=LOOK_EVERY_SECONDS)
                if is_late and _has_waited_long(call):
                    raise self._too_long(call)

    def _too_long(self, call: Call) -> TimebankError:
        """Return the error for a call that no leader has done in the time that it waits."""
        try:
            self._waiting.remove(call)
        except ValueError:  # a leader has it, and does not come back from where it is
            return OutcomeUnknown(call.command.id)
        msg = f"another thread was at work for longer than {BUSY_TIMEOUT_SECONDS:g} s"
        return StoreBusy(msg)

    def _leave(self, call: Call) -> None:
        """Wait no more; hand the lead on if it was this call's."""
        with suppress(ValueError):
            self._waiting.remove(call)
        call.turn.over = True
        if self._waiting and self._leads.last().is_over():
            with suppress(IndexError):
                self._waiting[0].wake()

    def _lead(self, store: Store, bank: str, first: Call) -> None:
        group = [first]
        block = None
        entered = decided = is_known = False
        began = time.monotonic()
        try:
            if self._last > 1:
                self._linger()
            block = store.writer(bank)
            if (foresee := getattr(block, "foresee", None)) is not None:  # it is a `Foresees`
                self._foresee(foresee, first)
            with block as writer:
                entered = True
                if self._waiting:
                    group += self._arrived(first)
                session = self._decided(group, writer)
                decided = True
            self.keep(session)
            is_known = True
        except BaseException as error:
            give_up(block)
            group += [] if entered else self._waited(first, began, error)
            _failed(group, error, may_be_kept=decided)
            is_known = True
            if first.error is None and not first.is_alone:
                raise
        finally:
            self._last = len(group)
            for call in group:  # before the turn is over: who leads next does what is not done
                if not is_known:  # interrupted while it was told what became of the group
                    call.leave_to_own()
                call.is_done = True
                if call.gate is not None:
                    call.wake()
            first.turn.over = True
            first.turn = OVER  # who keeps this call, in a traceback say, keeps no later turn
            if self._waiting:
                self._leave(first)

    def _decided(self, group: list[Call], writer: Writer) -> Session:
        """Decide the calls of a group, in order; return the session, ready to be committed."""
        first = group[0]
        if len(group) == 1:
            session = self.session(writer, first.sources, id=first.command.id)
        else:
            session = self.session(writer, first.sources)
            session.prefetch_ids([call.command.id for call in group if call.command.id])
        now = session.now()  # one reading of the clock for all
        for call in group:
            try:
                call.result = session.execute(call.command, call.actor, now)
            except FAILURES:  # everybody's
                raise
            except TimebankError as error:  # a refusal is the call's own
                call.error = error
        session.finish()
        return session

    def _linger(self) -> None:
        """Wait briefly for the threads of the last group, so that they can share this commit.

        Who comes last lets the leader go on. Where all have come the next one may wait for longer,
        for a thread that waits costs nothing; where not, for no longer than at first.
        """
        gate = threading.Lock()
        gate.acquire()
        self._lingering = gate
        missing = self._last - 1 - len(self._waiting)
        has_come = missing <= 0 or gate.acquire(timeout=missing * self._lingers_seconds)
        self._lingering = None
        longer = min(2 * self._lingers_seconds, LINGERS_AT_MOST_SECONDS)
        self._lingers_seconds = longer if has_come else LINGERS_SECONDS

    def _is_full(self) -> bool:
        """Return whether as many have come as the last group had."""
        return len(self._waiting) + 1 >= self._last

    def _waited(self, first: Call, began: float, error: BaseException) -> list[Call]:
        """Take the calls that have waited, for a lock or a server, nearly as long as the leader."""
        if not isinstance(error, StoreBusy | Unavailable):
            return []
        now = time.monotonic()
        arrived = self._arrived(first)
        enough = (now - began) / 2 - 2 * LOOK_EVERY_SECONDS
        late = [call for call in arrived if now - call.since >= enough]
        self._waiting.extendleft(call for call in reversed(arrived) if call not in late)
        return late

    def _arrived(self, first: Call) -> list[Call]:
        """Take the calls that wait, in the order in which they came; other sources wait on."""
        found: list[Call] = []
        others: list[Call] = []
        sources = first.sources
        with suppress(IndexError):
            while True:
                call = self._waiting.popleft()
                if call.sources is not sources and call.sources != sources:
                    others.append(call)
                else:
                    found.append(call)
        self._waiting.extendleft(reversed(others))
        return found


def _failed(group: list[Call], error: BaseException, *, may_be_kept: bool) -> None:
    """Nothing of a group was kept, or nobody knows: tell, or let each thread do its own again.

    It may be kept where whoever leads was interrupted once all was decided, and so in the commit.
    """
    for call in group:
        call.forget_result()
        if isinstance(error, OutcomeUnknown):
            call.error = unknown(call.command.id, None, error)
        elif isinstance(error, StoreBusy | Unavailable):  # the next try would wait as long again
            call.error = type(error)(*error.args)
            call.error.__cause__ = error.__cause__
        elif len(group) > 1 or isinstance(error, Conflict):
            call.is_alone = True
            call.is_unknown = may_be_kept and not isinstance(error, Exception)
    if not isinstance(error, Exception):
        group[0].is_alone = False  # interrupted: this thread does nothing more


def _has_waited_long(call: Call) -> bool:
    """Return whether nobody has done a call in the time that it waits; looked at last."""
    return time.monotonic() - call.since > BUSY_TIMEOUT_SECONDS and not call.is_done


class _Groups:
    """The commit groups of one store, by bank."""

    def __init__(self) -> None:
        self.inside: dict[int, ref[Any]] = {}
        self.of_banks: dict[str, CommitGroup] = {}


_of_stores: WeakKeyDictionary[Store, _Groups] = WeakKeyDictionary()


def group_of(store: Store, bank: str) -> CommitGroup:
    """Return the one commit group of a bank of a store, however often it was opened.

    A store that cannot be the key of a dictionary, or not weakly referred to, has as many as
    banks that were made on it.
    """
    try:
        groups = _of_stores.setdefault(store, _Groups())
    except TypeError:
        groups = _Groups()
    # `setdefault` of a plain dict is atomic: two threads get the same group.
    return groups.of_banks.setdefault(bank, CommitGroup(groups.inside))


def _forked() -> None:
    """Reset the groups in a forked child, which has none of its parent's threads."""
    for groups in list(_of_stores.values()):
        for group in list(groups.of_banks.values()):
            group.forget()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forked)
