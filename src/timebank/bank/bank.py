"""The bank: read, decide, append.

A call becomes a command, its judge makes it a record, `append` makes it durable, the fold makes
it a balance.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from datetime import datetime
from functools import partial
from os import PathLike
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from timebank import checks
from timebank.bank.batch import BankBatch, BatchBlock, Life, PreviewBlock
from timebank.bank.commit_group import Call, group_of, naming, retried, writing
from timebank.bank.erasing import wiped
from timebank.bank.following import rebuilds
from timebank.bank.head_log import HeadLog
from timebank.bank.permitting import T, Work, looking_up
from timebank.bank.reads import Reads
from timebank.bank.session import (
    FLUSH_EVERY,
    Session,
    Sources,
    add_derived,
    new_id,
    new_salt,
    utc_now,
)
from timebank.bank.writes import Writes
from timebank.errors import BankNotFound, Corrupt, InvalidRequest, NotFound, shown
from timebank.journal import parse
from timebank.journal.fold import Fold
from timebank.model import Head
from timebank.permissions import Ask, Permissions, checked
from timebank.queries.clock import check_format
from timebank.rules.history import AcceptHistory
from timebank.rules.state import Command
from timebank.rules.state import actor as checked_actor
from timebank.storage import open_store
from timebank.storage.protocol import (
    Batch,
    Reader,
    Store,
    Writer,
    check_complete,
    has_address,
    knows_version,
)
from timebank.storage.tree import tiles_filled

if TYPE_CHECKING:
    from timebank.audit import AuditReport, Checkpoint, StretchWorkers

#: Called with the records that are done, and their number.
Progress = Callable[[int, int], None]


class TimeBank(Writes, Reads):
    """One bank in a store. Threads may share it; it is a context manager that closes the store.

    `clock` gives an aware UTC `datetime`, `new_id` an id, `new_salt` sixteen random
    bytes: time, ids and salts come in by these three sources only. With `permissions` every
    call is asked for first, as `timebank.permissions` says; without, the caller is trusted.

    `heads` is a file that `timebank head --log` writes: its last head is told to this process.

    :raises InvalidRequest: a bank's name that is no id; permissions, a clock or another source that
        is no callable, or a coroutine function; `heads` without a head.
    :raises BankNotFound: no such bank, and `create` is false.
    :raises NotFound: there is no such file as `heads`.

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
        heads: str | PathLike[str] | None = None,
    ) -> None:
        self.store = store
        self.name = checks.identifier(bank, "bank")
        self._sources = Sources(clock, new_id, new_salt)
        self._new_id = new_id
        self._actor: str | None = None
        self._permissions = checked(permissions)
        self._group = group_of(store, self.name)
        try:
            with store.reader(bank) as reader:
                check_complete(reader, store.url)
                check_format(reader, reader.head())
        except BankNotFound:
            if not create:
                raise
            store.make_bank(bank, journal=checks.identifier(new_id(), "journal id"))
        except Corrupt:
            pass  # a damaged bank opens all the same, so that it can be audited
        if heads is not None:
            self._group.history.watch(HeadLog(heads))

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
        """Return the same bank with an actor named in every record.

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

    def _execute(self, command: Command[Any, T]) -> T:
        group = self._group
        # What has no id could not be done again, and permissions are the caller's own code, which
        # is asked in the caller's own thread: no other thread's commit keeps either.
        if (
            command.id is None
            or self._permissions is not None
            or (group.inside and group.is_inside())
        ):
            return self._execute_alone(command)
        call = Call(command, self._actor, self._sources)
        group.submit(self.store, self.name, call)
        if call.is_alone:
            return self._execute_alone(command, call)
        if call.error is not None:
            raise call.error
        result: T = call.result
        return result

    def _execute_alone(self, command: Command[Any, T], call: Call | None = None) -> T:
        """Do it in a commit of its own; of a `call` that a group could not keep, do it again."""
        work = partial(
            self._in_session,
            partial(self._execute_in, command=command),
            accepts=isinstance(command, AcceptHistory),
        )
        with naming(command):
            return retried(work) if call is None else call.again(partial(retried, work))

    def _execute_all(
        self, ask: Ask, work: Work[T], before: Callable[[Reader], None] | None = None
    ) -> T:
        now = self._sources.now()
        self._ask(ask, lambda: now)
        if before is not None:
            with self._reader() as reader:
                before(reader)
        return retried(partial(self._in_session, partial(self._all_in, ask, work, now)))

    def _all_in(self, ask: Ask, work: Work[T], now: int, session: Session) -> T:
        with session.stopped(now):
            session.now()  # refuses what would append nothing too, as it does of a single command
            ask = looking_up(ask, session.reader, lambda: now)
            return self._told(session, ask, partial(work, session, self._actor))

    def _in_session(self, work: Callable[[Session], T], *, accepts: bool = False) -> T:
        """Do work in a session, in a commit of its own; after an error nothing it knew is kept."""
        with writing(self.store, self.name) as writer, self._group.within(writer):
            session = self._group.session(writer, self._sources, accepts=accepts)
            result = work(session)
            session.finish()
        self._group.keep(session)
        return result

    def _wiped(self) -> tuple[str, ...]:
        return wiped(self.store)

    def _handle(self, life: Life) -> BankBatch:
        """Return a handle of a batch or preview, with this bank's actor and permissions."""
        return BankBatch(life, self._sources, self._actor, self._permissions)

    def batch(self) -> AbstractContextManager[BankBatch]:
        """Keep all of the calls on the batch, or none. The writer's lock is taken at entry.

        It belongs to the thread that enters it, and ends with its block. A refusal that is caught
        leaves it alive. After any other exception, though it is caught, nothing of it is kept,
        and a clean end of the block is a `StoreError`.

        :raises StoreBusy: another writer held the lock for longer than the time-out.

        >>> import timebank
        >>> bank = timebank.open("memory:")
        >>> with bank.batch() as b:
        ...     for id in ["m1", "m2", "m3"]:
        ...         _ = b.open_account(id)
        >>> bank.head().sequence
        3
        """
        return BatchBlock(
            self.store, self.name, self._group, self._sources, self._handle, self._wiped
        )

    def preview(self) -> AbstractContextManager[BankBatch]:
        """Decide the same calls, on a snapshot, and write nothing.

        What is called on the preview is written nowhere; what is called on the bank itself
        meanwhile is written as ever. It belongs to the thread that enters it, as a batch does.

        >>> import timebank
        >>> bank = timebank.open("memory:")
        >>> with bank.preview() as p:
        ...     p.open_account("m1").status
        'open'
        >>> bank.head().sequence
        0
        """
        return PreviewBlock(self.store.reader(self.name), self._sources, self._handle)

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
        server is audited in stretches by up to as many, this one among them, where that is quicker;
        the report is the same.

        :raises InvalidRequest: a line that is no head, a checkpoint that cannot be used, a
            quick audit with one, or a number of processes below 1.
        :raises StoreBusy: the storage could not be read for longer than the time-out.
        :raises Unavailable: it cannot be reached, or was lost on the way.
        :raises OtherVersion: the tables are to be migrated, or of a newer version.

        >>> import timebank
        >>> timebank.open("memory:").audit().ok
        True
        """
        from timebank.audit import audit, quick_audit, unreadable
        from timebank.errors import OtherVersion, StoreError

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
                if knows_version(reader):
                    reader.check_version()
                if quick:
                    return self._audited(reader, lambda: quick_audit(reader, expect=heads))
                return self._audited(
                    reader,
                    lambda: audit(
                        reader,
                        progress=progress,
                        since=since,
                        expect=heads,
                        workers=workers,
                        now=self._sources.now(),
                    ),
                )
        except OtherVersion:
            raise  # there is nothing wrong with it
        except (Corrupt, NotFound, StoreError) as error:
            return unreadable(error)

    def _audited(self, reader: Reader, ask: Callable[[], AuditReport]) -> AuditReport:
        """Return the report of an audit: what a reader of our own sees is one state."""
        return ask()

    def _stretch_workers(self, processes: int) -> StretchWorkers | None:
        """Return what audits stretches in other processes, where they can open the storage too."""
        from timebank.audit.processes import Processes

        store = self.store
        return Processes(store.address, self.name, processes) if has_address(store) else None

    def rebuild(self, progress: Progress | None = None, *, force: bool = False) -> None:
        """Throw the derived rows away and make them again from the journal, in one commit.

        The journal is looked at first: where its sequence, chain, canonical form or head fail,
        nothing is made from it, unless you `force` that. What the records say is not judged: an
        audit does that, and advises a rebuild where it helps. What this process knows of the rows
        is read anew; other processes that have the bank open are to be started anew.

        :raises NotPermitted: the permissions say no.
        :raises StoreBusy: another writer held the lock for longer than the time-out.
        :raises Corrupt: the journal does not hold, or a record cannot be read or executed; nothing
            is changed then.

        >>> import timebank
        >>> bank = timebank.open("memory:")
        >>> _ = bank.open_account("m1")
        >>> bank.rebuild()
        >>> bank.account("m1").status
        'open'
        """
        self._may("rebuild")
        with writing(self.store, self.name) as writer, self._group.within(writer):
            self._group.known = None
            if not force:
                _check_journal(writer, self.name)
            erases = _rebuild(writer, progress)
            rebuilds.number += (
                1  # under the lock: whoever reads what is known, reads it behind this
            )
        if erases:
            self._wiped()


def _check_journal(reader: Reader, bank: str) -> None:
    """Check that there is a journal that something can be made from.

    :raises Corrupt: its sequence, chain, canonical form or head fail.
    """
    from timebank.audit.journal_only import journal_findings

    findings = journal_findings(reader)
    if findings:
        first = findings[0]
        more = f", and {len(findings) - 1} more" if len(findings) > 1 else ""
        msg = (
            f"the journal of bank {shown(bank)} is not well, so that nothing is made anew from it: "
            f"{first.check}, {first.place}: expected {first.expected}, found {first.found}{more}. "
            "Keep this copy, run `timebank audit`, and restore a backup whose head was published; "
            "who knows what the records say may force it (--force, or force=True)"
        )
        raise Corrupt(msg).about(key="journal_not_well", place=first.place)


def _rebuild(writer: Writer, progress: Progress | None) -> bool:
    """Derive all again; return true where there were erasures, which are then done once more."""
    erases = False
    fold, after, total = Fold(), 0, writer.head().sequence
    batch = Batch(anew=True)
    while page := writer.records(after=after, limit=FLUSH_EVERY):
        for row in page:
            body = parse(row.body)
            derived = fold.apply(row.sequence, body["kind"], body["effects"])
            add_derived(batch, derived)
        batch.tiles = tiles_filled(writer, page)
        writer.append(batch)
        erases = erases or bool(batch.erased)
        batch, after = Batch(), page[-1].sequence
        if progress is not None:
            progress(after, total)
    if batch.anew:
        writer.append(batch)
    return erases


def open_bank(
    url: str | PathLike[str],
    *,
    bank: str = "main",
    create: bool = True,
    read_only: bool = False,
    clock: Callable[[], datetime] = utc_now,
    new_id: Callable[[], str] = new_id,
    new_salt: Callable[[], bytes] = new_salt,
    permissions: Permissions | None = None,
    heads: str | PathLike[str] | None = None,
) -> TimeBank:
    """Open a bank, made where it is missing unless `create` is false. Appends no record.

    `url` is `memory:` (private, new at each open), `sqlite:///path`,
    `sqlite:///path?synchronous=normal`, `sqlite://` (private, in memory), a server's, or what an
    installed package registers. A path is that of a SQLite file. With `read_only` the storage is
    opened so that nothing in it, or beside it, can be made or changed. `heads` is a file that
    `timebank head --log` writes: where the journal has the last head of it no more, every call that
    writes is refused with `HistoryLost` ([the page](history.md)); who only reads needs none.

    :raises InvalidRequest: a URL or a bank's name that cannot be; permissions, a clock or another
        source that is no callable, or a coroutine function; `heads` without a head.
    :raises NotFound: no such file, and `create` is false; no such file as `heads`.
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
            heads=None if read_only else heads,
        )
    except BaseException:
        store.close()
        raise
