"""A batch, and a preview: calls that are kept together, or not at all.

A block has one owner and one life: it belongs to the thread that entered it, and ends with it,
and every handle of it with it. Whatever leaves it half way, its lock is given back.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from functools import partial
from types import TracebackType
from typing import TYPE_CHECKING, Any
from weakref import ref

from timebank.bank.commit_group import CommitGroup, give_up, unknown
from timebank.bank.permitting import Now, T, Work, looking_up
from timebank.bank.reads import Edge, Item, Page, Reads
from timebank.bank.session import Session, Sources
from timebank.bank.writes import Writes
from timebank.errors import InvalidRequest, OutcomeUnknown
from timebank.permissions import Ask, Permissions
from timebank.rules.state import Command
from timebank.rules.state import actor as checked_actor
from timebank.storage.lock import here, this_process, this_thread
from timebank.storage.memory.overlay import Overlay
from timebank.storage.memory.spilled import SpilledOverlay
from timebank.storage.protocol import Reader, Store, Writer


class Life:
    """The one life of a batch or a preview, which all of its handles share."""

    def __init__(self, session: Session | None) -> None:
        self._session = session
        self._thread = here.thread
        self._pid = this_process.pid
        #: The ids of the commands that were executed in it, in order.
        self.ids: list[str] = []

    def note(self, id: str) -> None:
        """Note a command that was executed, for who asks how the commit ended."""
        self.ids.append(id)

    def expect(self, ids: Sequence[str]) -> None:
        """Look up together the ids of the calls that are about to come.

        :raises InvalidRequest: as `session`.
        """
        self.session().prefetch_ids(ids)

    def check_owner(self) -> None:
        """Check that the thread that asks has opened it.

        :raises InvalidRequest: it is another thread, or a forked process.
        """
        if not self.is_own():
            msg = (
                "a batch or preview belongs to the thread that opened it: open it in the function "
                "that makes all of its calls"
            )
            raise InvalidRequest(msg)

    def session(self) -> Session:
        """Return the session, in the thread that opened it, until the end.

        :raises InvalidRequest: after the end, or on another thread, or in a forked process.
        """
        # The session has no name before: a traceback keeps what has one, and so the lock.
        if self._thread is not here.thread or self._pid != this_process.pid:
            self.check_owner()
        session = self._session
        if session is None:
            raise ended()
        return session

    def check(self) -> object:
        """Check that it lasts, and that this is its thread.

        :raises InvalidRequest: as `session`.
        """
        return self.session()

    def is_own(self) -> bool:
        """Return whether the thread that asks has opened it."""
        return self._thread is here.thread and self._pid == this_process.pid

    def is_idle(self) -> bool:
        """Return whether no call is under way."""
        session = self._session
        return session is None or (session.unfinished is None and session.half_done is None)

    def end(self) -> None:
        """Refuse every further call: the block was left."""
        self._session = None


def ended() -> InvalidRequest:
    """Return the error for a call after the end."""
    return InvalidRequest("this batch or preview has ended")


class BankBatch(Writes, Reads):
    """All of the calls on it, or none. Its reads see what was called on it so far.

    It is of use within its block, on the thread that opened it. A refused call leaves it alive
    where the refusal is caught; any other exception ends it, and nothing of it is kept.
    """

    def __init__(
        self,
        life: Life,
        sources: Sources,
        actor: str | None,
        permissions: Permissions | None = None,
    ) -> None:
        self._life = life
        self._sources = sources
        self._actor = actor
        self._permissions = permissions

    def _new_id(self) -> str:
        """Return a new id; where that fails, the call that asks for it has failed."""
        return self._life.session().guarded(self._sources.id)

    def acting_as(self, actor: str | None) -> BankBatch:
        """Return the same batch with an actor named in every record."""
        self._life.check()
        return type(self)(self._life, self._sources, checked_actor(actor), self._permissions)

    def end(self) -> None:
        """Refuse every further call, on every handle of it: the block was left."""
        self._life.end()

    def _execute(self, command: Command[Any, T]) -> T:
        return self._executed_in(self._life.session(), command)

    def _executed_in(self, session: Session, command: Command[Any, T]) -> T:
        if session.half_done is not None:
            session.check()
        if self._permissions is None:
            result = session.execute(command, self._actor)
        else:
            result = session.guarded(partial(self._execute_in, session, command))
        if command.id is not None:
            self._life.note(command.id)
        return result

    def _execute_all(
        self, ask: Ask, work: Work[T], before: Callable[[Reader], None] | None = None
    ) -> T:
        return self._all_executed_in(self._life.session(), ask, work)

    def _all_executed_in(self, session: Session, ask: Ask, work: Work[T]) -> T:
        """Try it on an overlay first: a refusal half way would leave half of it in the batch."""
        now = session.guarded(partial(self._tried_in, session, ask, work))
        ask = looking_up(ask, session.reader, lambda: now)
        with session.stopped(now):
            done = partial(work, session, self._actor)
            return session.entire(partial(self._told, session, ask, done))

    def _tried_in(self, session: Session, ask: Ask, work: Work[T]) -> int:
        """Try it and return the instant at which it may be done."""
        clock = session.clock()
        self._ask(ask, lambda: clock, session.reader)
        with session.stopped(clock):
            now = session.now()
        session.flush()
        trial = Session(Overlay(session.writer), self._sources)
        with trial.stopped(now):
            ask = looking_up(ask, session.reader, lambda: now)
            self._told(trial, ask, partial(work, trial, self._actor))
        return now

    def _reader(self) -> AbstractContextManager[Reader]:
        session = self._life.session()
        session.check()
        return session.reader()

    def _pages(self, page: Page[Edge, Item], after: Edge, now: Now | None = None) -> Iterator[Item]:
        """Yield page by page, as long as the block lasts."""
        for item in super()._pages(page, after, now):
            yield item
            self._life.check()


def expect(batch: BankBatch, ids: Sequence[str]) -> None:
    """Tell a batch the ids of the calls that are about to come, which it looks up together.

    It changes nothing but the number of statements.
    """
    batch._life.expect(ids)  # noqa: SLF001 - of this file


#: Makes a handle of a life.
MakeHandle = Callable[[Life], BankBatch]


class _Weakly:
    """A method of a block, by which nothing but the `with` statement keeps the block.

    A traceback keeps its frames, and a frame its `self`. An interrupt in the first line of an
    `__exit__` would so leave a block that was left and yet lives, with its lock, for as long as
    the exception is kept. What `with` calls here has the block by a weak reference, and `with`
    itself lets go of it: then the block is gone, and gives back what it held.
    """

    def __init__(self, function: Callable[..., Any]) -> None:
        self._function = function

    def __get__(self, block: Block | None, owner: type[Block]) -> Callable[..., Any]:
        if block is None:  # asked of the class, as an `ExitStack` does
            return lambda block, *given: self._function(ref(block), *given)
        bound = partial(self._function, ref(block))
        bound.block = block  # type: ignore[attr-defined]  # a partial has a dictionary
        return bound


def _enter(block: ref[Block]) -> BankBatch:
    _there(block).check_new()
    try:
        return _there(block).enter()
    except BaseException:
        _drop(block)
        raise


def _exit(
    block: ref[Block],
    kind: type[BaseException] | None,
    error: BaseException | None,
    traceback: TracebackType | None,
) -> None:
    try:
        _there(block).leave(kind, error, traceback)
    except BaseException:
        _drop(block)
        raise


def _there(block: ref[Block]) -> Block:
    found = block()
    if found is None:
        raise ended()
    return found


def _drop(block: ref[Block]) -> None:
    found = block()
    if found is not None:
        found.drop()


class Block(ABC):
    """The block of a batch or a preview, as `with` enters and leaves it, once."""

    _life: Life | None = None
    _begun = False
    _is_over = False

    if TYPE_CHECKING:

        def __enter__(self) -> BankBatch: ...

        def __exit__(
            self,
            kind: type[BaseException] | None,
            error: BaseException | None,
            traceback: TracebackType | None,
        ) -> None: ...

    else:
        __enter__ = _Weakly(_enter)
        __exit__ = _Weakly(_exit)

    def check_new(self) -> None:
        """Check that it was not entered before.

        :raises InvalidRequest: it was.
        """
        if self._begun:
            raise ended()

    def enter(self) -> BankBatch:
        """Begin, and return a handle."""
        self._begun = True
        return self.begin()

    def leave(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """End, on the thread that has begun.

        :raises InvalidRequest: it was not entered, has ended, or another thread asks.
        """
        if self._life is None:
            msg = "this batch or preview was not begun"
            raise InvalidRequest(msg)
        self._life.check()
        self.end(kind, error, traceback)
        self.drop()
        self._is_over = True

    @abstractmethod
    def begin(self) -> BankBatch:
        """Begin, and return a handle."""

    @abstractmethod
    def end(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Keep what was done, or undo it."""

    @abstractmethod
    def drop(self) -> None:
        """End whatever has not ended, and give back what is held; safe at any time, and twice."""

    def __del__(self) -> None:
        if self._begun and not self._is_over:
            self.drop()


class _Keeper:
    """What a session keeps of the block of its writer: it is given back when nobody has either.

    So a batch that another thread leaves, while its owner may be in the middle of a call, is
    given back when that call is done, and no sooner.
    """

    _block: object = None

    def hold(self, block: object) -> None:
        """Keep a block."""
        self._block = block

    def give(self) -> None:
        """Give the block back."""
        give_up(self._block)
        self._block = None

    def __del__(self) -> None:
        if self._block is not None:
            give_up(self._block)


def _leave_by(block: AbstractContextManager[Any], error: BaseException) -> None:
    """Leave the block of a reader or writer by an error, whatever is left of it.

    What wraps the block of another store may have `drop` where that one has none, so it is left
    in the usual way first.
    """
    try:
        block.__exit__(type(error), error, error.__traceback__)
    finally:
        give_up(block)


class BatchBlock(Block):
    """The block of a batch: entered, it holds the writer's lock; left, it commits or rolls back."""

    _session: Session | None = None
    _block: AbstractContextManager[Writer] | None = None

    def __init__(  # noqa: PLR0917 - what a bank gives its batch, all of it
        self,
        store: Store,
        bank: str,
        group: CommitGroup,
        sources: Sources,
        handle: MakeHandle,
        wiped: Callable[[], object],
    ) -> None:
        self._store = store
        self._bank = bank
        self._group = group
        self._sources = sources
        self._handle = handle
        self._wiped = wiped

    def begin(self) -> BankBatch:
        """Take the writer's lock."""
        self._thread = ref(this_thread(), partial(_abandoned, ref(self)))
        block = self._block = self._store.writer(self._bank)
        writer = block.__enter__()
        try:
            self._group.enter(block)
            session = self._session = self._group.session(writer, self._sources)
            session.keeper = _Keeper()
            session.keeper.hold(block)
            self._life = Life(session)
            return self._handle(self._life)
        except BaseException as error:
            _leave_by(block, error)
            raise

    def end(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Leave the writer's block: it commits, unless the batch cannot be kept."""
        session, block = self._session, self._block
        if session is None or block is None:
            raise ended()
        if error is None:
            try:
                session.finish()
            except BaseException as failure:
                block.__exit__(type(failure), failure, failure.__traceback__)
                raise
        try:
            block.__exit__(kind, error, traceback)
        except OutcomeUnknown as failure:
            named = self._unknown(failure)
            raise named from named.__cause__
        if error is None:
            self._group.keep(session)
        erases = session.erases
        self.drop()
        if erases:
            self._wiped()

    def _unknown(self, error: OutcomeUnknown) -> OutcomeUnknown:
        """Return an error that names all of the batch: of what repeats nothing is appended."""
        told = self._life.ids if self._life is not None else []
        ids = dict.fromkeys((*error.ids, *told))
        return unknown(error.id or next(reversed(ids), None), ids, error)

    def drop(self) -> None:
        """End the batch, and give back what it holds; what its owner is still at, gives it back."""
        life, session, block = self._life, self._session, self._block
        own = life is None or (life.is_own() and life.is_idle())
        if life is not None:
            life.end()
        if block is not None:
            self._group.leave(block)
            if own:
                give_up(block)
        if session is not None and own and session.keeper is not None:
            session.keeper.give()
        self._session = self._block = None

    def abandon(self) -> None:
        """Give back what it holds: its thread has ended, so that nobody is at it."""
        if self._life is not None:
            self._life.end()
        if self._block is not None:
            give_up(self._block)


def _abandoned(block: ref[BatchBlock], thread: object) -> None:
    """Give back what the batch of a thread holds that has ended, and left it open."""
    left = block()
    if left is not None:
        left.abandon()


class _PreviewLife(Life):
    """That of a preview, of which nothing is committed."""

    def note(self, id: str) -> None:
        """Note nothing: however many calls there are, they take no more room."""


class PreviewBlock(Block):
    """The block of a preview: a snapshot, and what is decided on top of it."""

    _block: AbstractContextManager[Reader] | None = None

    def __init__(
        self, block: AbstractContextManager[Reader], sources: Sources, handle: MakeHandle
    ) -> None:
        self._block = block
        self._sources = sources
        self._handle = handle

    def begin(self) -> BankBatch:
        """Take the snapshot."""
        block = self._block
        if block is None:
            raise ended()
        reader = block.__enter__()
        try:
            session = Session(SpilledOverlay(reader), self._sources)
            session.keeper = _Keeper()
            session.keeper.hold(block)
            self._life = _PreviewLife(session)
            return self._handle(self._life)
        except BaseException as error:
            _leave_by(block, error)
            raise

    def end(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Give the snapshot back."""
        if self._block is not None:
            self._block.__exit__(kind, error, traceback)

    def drop(self) -> None:
        """End the preview; what its owner is still at, gives the snapshot back."""
        life, block = self._life, self._block
        own = life is None or (life.is_own() and life.is_idle())
        if life is not None:
            life.end()
        if block is not None and own:
            give_up(block)
        self._block = None
