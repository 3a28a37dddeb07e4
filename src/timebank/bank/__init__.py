"""The bank, the one door: read, decide, append.

A call becomes a command, `decide` makes it a record, `append` makes it durable,
the fold makes it a balance.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from datetime import datetime
from functools import partial
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import attrs

from timebank import checks
from timebank.bank.calls import Calls
from timebank.bank.commit_group import Call, meeting_of
from timebank.bank.erasing import wiped
from timebank.bank.executing import Result, Work
from timebank.bank.gather import gather
from timebank.bank.permitting import ask_of, kept_from
from timebank.bank.reads import Reads
from timebank.bank.retrying import retried
from timebank.bank.session import FLUSH_EVERY, Session
from timebank.bank.sources import Doors, new_id, new_salt, utc_now
from timebank.errors import (
    BankNotFound,
    Corrupt,
    IdempotencyMismatch,
    InvalidRequest,
    LimitExceeded,
    NotFound,
    TimebankError,
    shown,
)
from timebank.journal import parse
from timebank.journal.fold import Fold
from timebank.model import Head
from timebank.permissions import Ask, Permissions, checked, permit
from timebank.rules import Command
from timebank.rules import actor as checked_actor
from timebank.storage import open_store
from timebank.storage.protocol import Batch, Reader, Store, Writer

if TYPE_CHECKING:
    from timebank.audit import AuditReport, Checkpoint, StretchWorkers

Progress = Callable[[int, int], None]

__all__ = ["BankBatch", "TimeBank", "open_bank"]


class BankBatch(Calls, Reads):
    """All of the calls on it, or none. Its reads see what was called on it so far.

    A refused call leaves it alive where the refusal is caught.
    """

    def __init__(
        self,
        session: Session,
        doors: Doors,
        actor: str | None,
        permissions: Permissions | None = None,
    ) -> None:
        self._session: Session | None = session
        self._doors = doors
        self._actor = actor
        self._permissions = permissions

    def acting_as(self, actor: str | None) -> BankBatch:
        """The same batch with an actor named in every record."""
        return BankBatch(self._open(), self._doors, checked_actor(actor), self._permissions)

    def _open(self) -> Session:
        if self._session is None:
            msg = "this batch or preview has ended"
            raise InvalidRequest(msg)
        return self._session

    def end(self) -> None:
        """Refuse every further call: the block was left."""
        self._session = None

    def _execute(self, command: Command) -> Any:
        return _asked(self._open(), command, self._actor, self._permissions, self._doors)

    def _together(
        self, ask: Ask, work: Work[Result], before: Callable[[Reader], None] | None = None
    ) -> Result:
        """Tried on a preview first: a refusal half way would leave half of it in the batch."""
        from timebank.storage.memory.overlay import Overlay  # loaded on first use

        session = self._open()
        self._ask(attrs.evolve(ask, **self._looks()))
        session.flush()
        now = session.now()
        trial = Session(Overlay(session.writer), self._doors)
        with trial.stopped(now):
            work(trial, self._actor)
        with session.stopped(now):
            return work(session, self._actor)

    def _reader(self) -> AbstractContextManager[Reader]:
        session = self._open()
        session.flush()
        return nullcontext(session.writer)


def _asked(
    session: Session,
    command: Command,
    actor: str | None,
    permissions: Permissions | None,
    doors: Doors,
) -> Any:
    """Ask for a command, then execute it."""
    if permissions is None:
        return session.execute(command, actor)

    def look() -> AbstractContextManager[Reader]:
        session.flush()
        return nullcontext(session.writer)

    ask = ask_of(command, actor, look, doors)
    permit(permissions, ask)
    refusal: TimebankError
    try:
        return session.execute(command, actor)
    except (IdempotencyMismatch, LimitExceeded) as error:
        refusal = kept_from(error, permissions, ask)
        if refusal is error:
            raise
    raise refusal  # outside of the handler: its context would tell what is kept


class TimeBank(Calls, Reads):
    """One bank in a store. Threads may share it; it is a context manager that closes the store.

    `clock` gives an aware UTC `datetime`, `new_id` an id, `new_salt` sixteen random
    bytes: time, ids and salts come in by these three doors only. With `permissions` every
    call is asked for first, as `timebank.permissions` says; without, the caller is trusted.

    :raises InvalidRequest: a bank's name that is no id, permissions that are no callable.
    :raises BankNotFound: no such bank, and `create` is false.

    >>> from timebank import TimeBank, open
    >>> first = open("memory:", bank="via-roma")
    >>> second = TimeBank(first.store, bank="via-verdi")
    >>> list(second.store.banks())
    ['via-roma', 'via-verdi']
    """

    def __init__(
        self,
        store: Store,
        *,
        bank: str = "main",
        create: bool = True,
        clock: Callable[[], datetime] = utc_now,
        new_id: Callable[[], str] = new_id,
        new_salt: Callable[[], bytes] = new_salt,
        permissions: Permissions | None = None,
    ) -> None:
        self.store = store
        self.name = checks.identifier(bank, "bank")
        self._doors = Doors(clock, new_id, new_salt)
        self._actor: str | None = None
        self._permissions = checked(permissions)
        self._meeting = meeting_of(store, self.name)
        try:
            with store.reader(bank) as reader:
                reader.head()
        except BankNotFound:
            if not create:
                raise
            store.make_bank(bank, journal=checks.identifier(new_id(), "journal id"))
        except Corrupt:
            """A damaged bank opens all the same, so that it can be audited."""

    def __repr__(self) -> str:
        return f"<TimeBank {self.name!r} in {self.store.url}>"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the store; safe to call twice."""
        self.store.close()

    def acting_as(self, actor: str | None) -> TimeBank:
        """The same bank with an actor named in every record.

        >>> import timebank
        >>> bank = timebank.open("memory:").acting_as("coordinator-1")
        >>> _ = bank.open_account("m1")
        >>> next(bank.records()).actor
        'coordinator-1'
        """
        other = object.__new__(type(self))
        other.__dict__.update(self.__dict__)
        other._actor = checked_actor(actor)
        return other

    # -- writing --------------------------------------------------------------

    def _execute(self, command: Command) -> Any:
        if self._may_share(command):
            call = Call(command, self._actor, self._doors)
            self._meeting.decide(self.store, self.name, call)
            if not call.is_alone:
                return call.outcome()
        return retried(partial(self._execute_once, command))

    def _may_share(self, command: Command) -> bool:
        """Whether other threads' commits may keep it: what has no id could not be done again.

        Permissions are the caller's own code, and asked for in the caller's own thread.
        """
        return (
            command.id is not None
            and self._permissions is None
            and threading.get_ident() not in self._meeting.inside
        )

    def _execute_once(self, command: Command) -> Any:
        with self._alone() as session:
            return _asked(session, command, self._actor, self._permissions, self._doors)

    def _together(
        self, ask: Ask, work: Work[Result], before: Callable[[Reader], None] | None = None
    ) -> Result:
        self._ask(attrs.evolve(ask, **self._looks()))
        if before is not None:
            with self._reader() as reader:
                before(reader)
        return retried(partial(self._together_once, work))

    def _together_once(self, work: Work[Result]) -> Result:
        with self._alone() as session:
            return work(session, self._actor)

    def _wiped(self) -> tuple[str, ...]:
        return wiped(self.store)

    @contextmanager
    def _alone(self) -> Iterator[Session]:
        """A session in a commit of its own, which owns the cache: an error leaves none behind."""
        with self.store.writer(self.name) as writer, self._meeting.within():
            cache, self._meeting.cache = self._meeting.cache, None
            session = Session(writer, self._doors, cache)
            yield session
            session.flush()
        self._meeting.cache = session.cache()

    @contextmanager
    def batch(self) -> Iterator[BankBatch]:
        """All of the calls on the batch, or none. The writer's lock is taken at entry.

        :raises StoreBusy: another writer held the lock for longer than the time-out.

        >>> import timebank
        >>> bank = timebank.open("memory:")
        >>> with bank.batch() as b:
        ...     for id in ["m1", "m2", "m3"]:
        ...         _ = b.open_account(id)
        >>> bank.head().sequence
        3
        """
        with self._alone() as session:
            batch = BankBatch(session, self._doors, self._actor, self._permissions)
            try:
                yield batch
            finally:
                batch.end()
        if session.erases:
            self._wiped()

    @contextmanager
    def preview(self) -> Iterator[BankBatch]:
        """Decide the same calls, on a snapshot, and write nothing.

        What is called on the preview is written nowhere; what is called on the bank itself
        meanwhile is written as ever.

        >>> import timebank
        >>> bank = timebank.open("memory:")
        >>> with bank.preview() as p:
        ...     p.open_account("m1").status
        'open'
        >>> bank.head().sequence
        0
        """
        from timebank.storage.memory.overlay import Overlay  # loaded on first use

        with self.store.reader(self.name) as reader:
            session = Session(Overlay(reader), self._doors)
            preview = BankBatch(session, self._doors, self._actor, self._permissions)
            try:
                yield preview
            finally:
                preview.end()

    # -- reading --------------------------------------------------------------

    def _reader(self) -> AbstractContextManager[Reader]:
        return self.store.reader(self.name)

    def audit(
        self,
        progress: Progress | None = None,
        *,
        since: Checkpoint | None = None,
        expect: Iterable[Head | str] = (),
        quick: bool = False,
        processes: int = 1,
    ) -> AuditReport:
        """Derive everything again and compare it with everything that is stored.

        Never raises on bad data: a finding says what, where, expected and found.
        `progress` is called with the records done and their number. With a checkpoint (the
        `.checkpoint` of an earlier report) what came `since` is audited, at a cost that grows
        with that and the number of accounts. `expect` are heads that were published, or
        their lines: each is to be in the journal. A `quick` audit looks at balances, sums
        and the head only. With more `processes` than one, a long journal in a file or on a
        server is audited in stretches by as many Python processes; the report is the same.

        :raises InvalidRequest: a line that is no head, a checkpoint that cannot be used, a
            quick audit with one, or a number of processes below 1.
        :raises StoreBusy: the storage could not be read for longer than the time-out.

        >>> import timebank
        >>> timebank.open("memory:").audit().ok
        True
        """
        from timebank.audit import audit, quick_audit, unreadable
        from timebank.errors import StoreError

        heads = [head if isinstance(head, Head) else Head.of(head) for head in expect]
        if quick and since is not None:
            msg = "a quick audit goes on from no checkpoint: choose one of the two"
            raise InvalidRequest(msg)
        if type(processes) is not int or processes < 1:
            msg = f"an audit is done by 1 process or more, not {shown(processes)}"
            raise InvalidRequest(msg)
        self._may("audit")
        workers = None if quick or processes == 1 else self._stretch_workers(processes)
        try:
            with self._reader() as reader:
                if quick:
                    return quick_audit(reader, expect=heads)
                return audit(reader, progress=progress, since=since, expect=heads, workers=workers)
        except (Corrupt, NotFound, StoreError) as error:
            return unreadable(error)

    def _stretch_workers(self, processes: int) -> StretchWorkers | None:
        """Return what audits stretches in other processes, where they can open the storage too."""
        from timebank.audit.processes import Processes

        address = getattr(self.store, "address", None)
        return None if address is None else Processes(address, self.name, processes)

    def rebuild(self, progress: Progress | None = None) -> None:
        """Throw the derived rows away and make them again from the journal, in one commit.

        :raises Corrupt: a record cannot be read or executed; nothing is changed then.

        >>> import timebank
        >>> bank = timebank.open("memory:")
        >>> _ = bank.open_account("m1")
        >>> bank.rebuild()
        >>> bank.account("m1").status
        'open'
        """
        self._may("rebuild")
        with self.store.writer(self.name) as writer:
            self._meeting.cache = None
            erases = _rebuild(writer, progress)
        if erases:
            self._wiped()


def _rebuild(writer: Writer, progress: Progress | None) -> bool:
    """Derive all again; whether there were erasures, which are then done once more."""
    erases = False
    fold, after, total = Fold(), 0, writer.head().sequence
    batch = Batch(anew=True)
    while page := writer.records(after=after, limit=FLUSH_EVERY):
        for row in page:
            body = parse(row.body)
            derived = fold.apply(row.sequence, body["kind"], body["effects"])
            gather(batch, derived)
        writer.append(batch)
        erases = erases or bool(batch.erased)
        batch, after = Batch(), page[-1].sequence
        if progress is not None:
            progress(after, total)
    if batch.anew:
        writer.append(batch)
    return erases


def open_bank(
    url: str,
    *,
    bank: str = "main",
    create: bool = True,
    read_only: bool = False,
    clock: Callable[[], datetime] = utc_now,
    new_id: Callable[[], str] = new_id,
    new_salt: Callable[[], bytes] = new_salt,
    permissions: Permissions | None = None,
) -> TimeBank:
    """Open a bank, made where it is missing unless `create` is false. Appends no record.

    `url` is `memory:` (private, new at each open), `sqlite:///path`,
    `sqlite:///path?synchronous=normal`, `sqlite://` (private, in memory), or what an
    installed package registers. With `read_only` the storage is opened so that nothing
    in it, or beside it, can be made or changed.

    :raises InvalidRequest: a URL or a bank's name that cannot be.
    :raises NotFound: no such file, and `create` is false.
    :raises BankNotFound: no such bank, and `create` is false.
    :raises StoreError: the file is no database, or a newer version wrote it.

    >>> import timebank
    >>> with timebank.open("memory:") as bank:
    ...     bank.head().sequence
    0
    """
    create = create and not read_only
    store = open_store(url, create=create, read_only=read_only)
    try:
        return TimeBank(
            store,
            bank=bank,
            create=create,
            clock=clock,
            new_id=new_id,
            new_salt=new_salt,
            permissions=permissions,
        )
    except BaseException:
        store.close()
        raise
