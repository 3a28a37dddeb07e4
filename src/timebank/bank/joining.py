"""A bank inside a host's own transaction."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime
from functools import partial
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final
from weakref import ref

from timebank import checks
from timebank.bank.bank import TimeBank
from timebank.bank.batch import BankBatch, Block, Life, MakeHandle, ended
from timebank.bank.commit_group import CACHED_ACCOUNTS, CACHED_HOLDS, CommitGroup
from timebank.bank.following import KnownState
from timebank.bank.half_way import UNDER_WAY, cannot_go_on, nothing_written
from timebank.bank.permitting import T, Work
from timebank.bank.session import (
    Session,
    Sources,
    new_id,
    new_salt,
    utc_now,
)
from timebank.errors import FAILURES, Conflict, InvalidRequest, TimebankError
from timebank.model import Head
from timebank.permissions import Ask, Permissions, checked
from timebank.rules.clock import RestartClock
from timebank.rules.state import AnyCommand, Command, Result
from timebank.storage.joined.savepoints import BatchSavepoint, WriterBlock, is_over
from timebank.storage.joined.store import JoinedStore, migrate_connection
from timebank.storage.memory.overlay import Overlay
from timebank.storage.protocol import Reader
from timebank.storage.registry import migrate_store as migrate_url

if TYPE_CHECKING:
    from timebank.audit import AuditReport


#: How often an audit is tried while others write.
_TRIES: Final = 5


class NoGroup(CommitGroup):
    """The group of a bank whose calls share no commit, and tell of none."""

    def keep(self, session: Session) -> None:
        """Keep nothing."""


class Calls:
    """Does the work of calls, each in its writer's block, and has what one leaves for the next.

    What was read of a bank is true for one head, whose digest covers all that came before: it is
    true whoever wrote that, in whatever transaction and database, and whatever was rolled back
    since. At another head the next call follows the records in between, or reads anew.
    """

    def __init__(self, sources: Sources, permissions: Permissions | None) -> None:
        self._sources = sources
        #: Whether a callable of the host's may run within a call.
        self.asks_host = permissions is not None or sources != Sources()
        #: One at most, taken and put in one step each, for threads share the bank.
        self._known: deque[KnownState] = deque(maxlen=1)

    def do(self, block: WriterBlock, work: Callable[[Session], T], *, id: str | None = None) -> T:
        """Do the work of one call in a session; nothing that a failed one knew is kept.

        `id` is that of the operation, where the block looks for one.
        """
        try:
            with block as writer:
                session = Session(writer, self._sources, self._taken(), id=id)
                result = work(session)
                session.finish()
        except BaseException:
            block.drop()
            raise
        known = session.known
        fold = known.fold
        if len(fold.accounts) <= CACHED_ACCOUNTS and len(fold.lines) <= CACHED_HOLDS:
            self._known.append(known)
        return result

    def _taken(self) -> KnownState | None:
        try:
            return self._known.pop()
        except IndexError:
            return None


class JoinedBank(TimeBank):
    """A bank whose calls are savepoints of a transaction that the host opens and ends.

    It never commits, never tries again, and looks where the journal stands at each call.
    """

    def __init__(
        self,
        store: JoinedStore,
        *,
        bank: str,
        sources: Sources,
        permissions: Permissions | None = None,
    ) -> None:
        self.store: JoinedStore = store
        self.name = checks.identifier(bank, "bank")
        self._sources = sources
        self._new_id = sources.id
        self._actor: str | None = None
        self._permissions = checked(permissions)
        self._group = NoGroup({})
        self._calls = Calls(sources, self._permissions)

    def _execute(self, command: Command[Any, T]) -> T:
        block = self.store.writer(self.name, id=command.id, asks_host=self._calls.asks_host)
        return self._calls.do(block, partial(self._execute_in, command=command), id=command.id)

    def _in_session(self, work: Callable[[Session], T], *, accepts: bool = False) -> T:
        return self._calls.do(self.store.writer(self.name), work)

    def _audited(self, reader: Reader, ask: Callable[[], AuditReport]) -> AuditReport:
        """Return the report of an audit: what others write while it lasts is no damage.

        :raises Conflict: they did so each time.
        """
        for _ in range(_TRIES):
            report = ask()
            if report.ok or report.head is None or reader.head() == report.head:
                return report
        raise _moved()

    def _firm(self, reader: Reader, work: Callable[[], T]) -> T:
        """Return what several statements find; find it again where others wrote between two.

        :raises Conflict: they did so each time.
        """
        for _ in range(_TRIES):
            before = reader.head()
            found = work()
            if reader.head() == before:
                return found
        raise _moved()

    def batch(self) -> AbstractContextManager[BankBatch]:
        """Keep all of the calls on the batch, or none: one savepoint around those of the calls.

        Each call writes before it returns, and begins by looking where the journal stands: the
        host may roll back to any savepoint of its own meanwhile. Once it has released the batch's
        savepoint with an older one of its own, or rolled back past it, the batch is over.

        :raises InvalidRequest: no transaction is open, or another batch of this bank is; at a call
            and at a clean end: the batch is over. What the host kept stays then.
        """
        return JoinedBatchBlock(self.store, self.name, self._calls, self._joined_handle)

    def _joined_handle(self, life: Life) -> BankBatch:
        return JoinedBatch(life, self._sources, self._actor, self._permissions)

    def preview(self) -> AbstractContextManager[BankBatch]:
        """Decide the same calls on what the host's transaction sees, and write nothing.

        It is no savepoint, and needs no open transaction. Where the journal beneath it moves,
        because the host rolls back or the bank is called, what was called on the preview so far is
        decided anew.

        :raises InvalidRequest: at a call: what was called so far is refused now.
        :raises BankNotFound: the bank is made by its first call that writes.
        """
        tells = self._permissions is None
        return JoinedPreviewBlock(
            self.store, self.name, self._sources, self._joined_handle, tells=tells
        )


class JoinedLife(Life):
    """The life of a joined batch or preview, which has a session for each call."""

    def __init__(self, block: JoinedBatchBlock | JoinedPreviewBlock) -> None:
        super().__init__(None)
        # Weakly: who forgets a batch has it ended there and then.
        self._block: ref[JoinedBatchBlock | JoinedPreviewBlock] | None = ref(block)
        #: What keeps it from being kept: a call that is under way, was interrupted or failed.
        self.unfinished: BaseException | None = None

    def check(self) -> JoinedBatchBlock | JoinedPreviewBlock:
        """Return the block: see `Life.check`."""
        self.check_owner()
        block = None if self._block is None else self._block()
        if block is None:
            raise ended()
        return block

    def expect(self, ids: Sequence[str]) -> None:
        """Look nothing up: the host may write between two calls."""

    def end(self) -> None:
        """Refuse every further call: the block was left."""
        self._block = None

    def call(self, work: Callable[[Session], T], id: str | None = None) -> T:
        """Do the work of one call that may write, in a session of its own.

        :raises InvalidRequest: a call is under way or was interrupted, or the batch is over.
        """
        return self.guarded(partial(self.check().call, work, id))

    def guarded(self, work: Callable[[], T]) -> T:
        """Do work: whatever else than a refusal ends it leaves nothing to be kept."""
        if self.unfinished is not None:
            raise cannot_go_on(self.unfinished)
        self.unfinished = UNDER_WAY
        try:
            result = work()
        except TimebankError as error:
            self.unfinished = error if isinstance(error, FAILURES) else None
            raise
        self.unfinished = None
        return result

    def check_unfinished(self) -> None:
        """Check that no call is under way, was interrupted or failed."""
        if self.unfinished is not None:
            raise cannot_go_on(self.unfinished)


class JoinedBatch(BankBatch):
    """A batch or preview whose every call begins by looking where the journal stands."""

    _life: JoinedLife

    def _new_id(self) -> str:
        self._life.check()
        return self._life.guarded(self._sources.id)

    def _execute(self, command: Command[Any, T]) -> T:
        return self._life.call(lambda session: self._executed_in(session, command), command.id)

    def _execute_all(
        self, ask: Ask, work: Work[T], before: Callable[[Reader], None] | None = None
    ) -> T:
        return self._life.call(lambda session: self._all_executed_in(session, ask, work))

    def _reader(self) -> AbstractContextManager[Reader]:
        block = self._life.check()
        self._life.check_unfinished()
        return block.reader()


class JoinedBatchBlock(Block):
    """The block of a joined batch: one savepoint of the host's transaction."""

    _life: JoinedLife | None = None
    _savepoint: BatchSavepoint | None = None

    def __init__(self, store: JoinedStore, bank: str, calls: Calls, handle: MakeHandle) -> None:
        self._store = store
        self._bank = bank
        self._calls = calls
        self._handle = handle

    def begin(self) -> BankBatch:
        """Begin the savepoint."""
        savepoint = self._savepoint = self._store.batch_savepoint(self._bank)
        savepoint.begin()
        self._life = JoinedLife(self)
        return self._handle(self._life)

    def call(self, work: Callable[[Session], T], id: str | None) -> T:
        """Do the work of one call, in a savepoint of its own, written when it returns.

        :raises InvalidRequest: the host has ended the batch's savepoint.
        """
        calls = self._calls
        block = self._store.writer(
            self._bank, within=self._savepoint, id=id, asks_host=calls.asks_host
        )
        return calls.do(block, work, id=id)

    def reader(self) -> AbstractContextManager[Reader]:
        """Return a reader of what the host's transaction sees.

        :raises InvalidRequest: the host has ended the batch's savepoint.
        """
        if self._savepoint is not None:
            self._savepoint.check()
        return self._store.reader(self._bank)

    def end(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Keep the savepoint, or undo it."""
        life, savepoint = self._life, self._savepoint
        if life is None or savepoint is None:
            raise ended()
        if error is not None:
            savepoint.undo()
        elif life.unfinished is not None:
            savepoint.undo()
            raise nothing_written(life.unfinished)
        elif not savepoint.release():
            raise is_over()

    def drop(self) -> None:
        """End the batch, and undo what may be left of it."""
        own = self._life is None or self._life.is_own()
        if self._life is not None:
            self._life.end()
        if self._savepoint is not None and own:  # on another thread the connection is not ours
            self._savepoint.drop()


class _Noted(Session):
    """A session that notes what was done in it, so that it can be done again."""

    def __init__(self, writer: Overlay, sources: Sources, head: Head) -> None:
        super().__init__(writer, sources)
        self.over = writer
        #: Where the journal stood beneath.
        self.head = head
        self.done: list[tuple[AnyCommand, str | None, int]] = []

    def execute(
        self, command: Command[Any, Result], actor: str | None, now: int | None = None
    ) -> Result:
        """Execute a command, and note it."""
        if now is None:
            now = self.moment(command)
        # Done again over another head, it is of that head's instant, if that is later.
        restarts = isinstance(command, RestartClock)
        result = super().execute(
            command, actor, now if restarts else max(now, self.known.recorded_at)
        )
        self.done.append((command, actor, now))
        return result

    def again(self, reader: Reader, head: Head, *, tells: bool) -> _Noted:
        """Do all of it again, over another head.

        :raises InvalidRequest: something of it is refused now; why, is only said where it `tells`.
        """
        session = _Noted(Overlay(reader), self._sources, head)
        try:
            for command, actor, now in self.done:
                session.execute(command, actor, now)
        except TimebankError as error:
            if tells or isinstance(error, FAILURES):
                why = f" ({error})"
                raise _refused_again(why) from error
        else:
            return session
        raise _refused_again()


def _refused_again(why: str = "") -> InvalidRequest:
    msg = (
        "the journal has changed beneath this preview, and what was called on it is "
        f"refused now{why}: open another"
    )
    return InvalidRequest(msg)


class JoinedPreviewBlock(Block):
    """The block of a joined preview, which is no savepoint."""

    _life: JoinedLife | None = None

    def __init__(
        self,
        store: JoinedStore,
        bank: str,
        sources: Sources,
        handle: MakeHandle,
        *,
        tells: bool,
    ) -> None:
        self._store = store
        self._bank = bank
        self._sources = sources
        self._handle = handle
        self._tells = tells
        self._session: _Noted | None = None

    def begin(self) -> BankBatch:
        """Look at what is there."""
        with self._store.reader(self._bank) as reader:
            self._at(reader)
        self._life = JoinedLife(self)
        return self._handle(self._life)

    def _at(self, reader: Reader) -> _Noted:
        """Return the session, over what a reader sees now."""
        head, session = reader.head(), self._session
        if session is None:
            session = _Noted(Overlay(reader), self._sources, head)
        elif session.head == head:
            session.over.put_over(reader)
        else:
            session = session.again(reader, head, tells=self._tells)
        self._session = session
        return session

    def call(self, work: Callable[[Session], T], id: str | None) -> T:
        """Do the work of one call."""
        with self._store.reader(self._bank) as reader:
            session = self._at(reader)
            try:
                return work(session)
            except TimebankError as error:
                if not isinstance(error, FAILURES):
                    session.flush()
                raise

    @contextmanager
    def reader(self) -> Iterator[Reader]:
        """Open a reader of what was decided so far, on top of what the host sees."""
        with self._store.reader(self._bank) as reader, self._at(reader).reader() as over:
            yield over

    def end(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """End it; there is nothing to undo."""

    def drop(self) -> None:
        """End it."""
        if self._life is not None:
            self._life.end()


def _moved() -> Conflict:
    """Return the error for figures that several statements read, at READ COMMITTED.

    Each of them sees what is committed by then.
    """
    return Conflict(
        "others wrote to the bank while it was read, and the host's transaction sees that (READ "
        "COMMITTED): read outside of a transaction, or in one at REPEATABLE READ"
    )


def join(
    connection: Any,
    *,
    bank: str = "main",
    create: bool = True,
    clock: Callable[[], datetime] = utc_now,
    new_id: Callable[[], str] = new_id,
    new_salt: Callable[[], bytes] = new_salt,
    permissions: Permissions | None = None,
) -> TimeBank:
    """Return a bank in the database of a host's connection, within the host's own transaction.

    `connection` is a `sqlite3` or `sqlite_utils` connection, one of psycopg, psycopg2, PyMySQL or
    mysqlclient, Django's, or a SQLAlchemy `Connection` or `Session` on any of these drivers; on
    asyncpg, aiosqlite and psycopg's asynchronous connections within `run_sync`. Each call that
    writes is a savepoint in the transaction that is open then: the host's commit keeps it, the
    host's rollback undoes it, and a refusal of ours leaves the host's transaction as it was.
    Reads are no savepoints, and need no open transaction: where none is, each call (of an
    iterator, each page) reads in one of its own and ends that. The bank is made by its first call
    that writes where it is missing, unless `create` is false, and so are its tables, where that
    is part of a transaction (not on MariaDB: there `migrate_store` makes them once).

    Nothing here commits, tries again, changes the isolation level or listens. What a call has read
    the next one knows, where it finds the same head.
    A `Retryable` has the scope "host": what may succeed again is the host's whole transaction.

    :raises InvalidRequest: not such a connection, or a bank's name that is no id; at each
        call: no transaction is open that could be written in, or nothing can be asked now.
    :raises BankNotFound: at each call that reads: no such bank.
    :raises OtherVersion: at the first call: the tables are of another version.

    >>> import sqlite3, timebank
    >>> host = sqlite3.connect(":memory:")
    >>> _ = host.execute("CREATE TABLE booking (id TEXT)")
    >>> bank = timebank.join(host)
    >>> _ = host.execute("INSERT INTO booking VALUES ('b1')")
    >>> bank.open_account("m1").status
    'open'
    >>> host.rollback()
    >>> host.execute("SELECT count(*) FROM sqlite_master WHERE name LIKE 'timebank%'").fetchone()
    (0,)
    >>> host.close()
    """
    store = JoinedStore(
        connection,
        new_journal=(lambda: checks.identifier(new_id(), "journal id")) if create else None,
    )
    return JoinedBank(
        store, bank=bank, sources=Sources(clock, new_id, new_salt), permissions=permissions
    )


def migrate_store(target: Any) -> list[str]:
    """Bring the ledger's tables to this version and return the names of what was done.

    `target` is the URL or the file of a store, where the tables are (a new store is made by
    `open`), or a connection that can be joined. On that they are made where they are missing: in
    the transaction that is open, or, where none is, in one of its own. On MariaDB none may be
    open, for each `CREATE TABLE` would commit it.

    :raises InvalidRequest: a URL or a connection that cannot be, or a transaction is open on
        MariaDB.
    :raises NotFound: no such file.
    :raises StoreError: no ledger at the URL, a package is missing, or it cannot be written to.
    :raises OtherVersion: a newer version made the tables, or one from before the first release.

    >>> import sqlite3, timebank
    >>> host = sqlite3.connect(":memory:")
    >>> timebank.migrate_store(host), timebank.migrate_store(host)
    (['0001_ledger'], [])
    >>> host.close()
    """
    if isinstance(target, str | os.PathLike):
        return migrate_url(target)
    return migrate_connection(target)
