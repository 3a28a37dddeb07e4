"""The road of a command: what its judge must see is read, the judge decides, the record is kept.

A session lives as long as its writer. It holds the fold's state, which is the only state that a
judge sees, and the rows that are decided but not yet appended. Time, ids and salts come in by
its `Sources` and by no other way: two stores given the same sources and the same calls have the
same head.

To judge changes nothing. What a call comes to is computed first, as steps, and taken over when all
of it is there. Whatever else than a refusal ends a call, an interrupt between any two lines or an
error in a clock, leaves a session that takes no call, and is not kept.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, date, datetime
from functools import partial
from typing import Any, Final, NamedTuple, TypeVar

import attrs

from timebank.bank.following import KnownState, known_at, rebuilds
from timebank.bank.half_way import UNDER_WAY, cannot_go_on, nothing_written
from timebank.bank.look_ups import LOOK_UPS
from timebank.bank.opening import opening_steps
from timebank.bank.results import RESULTS, repeated
from timebank.errors import (
    FAILURES,
    ClockBehind,
    Corrupt,
    InvalidRequest,
    TimebankError,
    shown,
)
from timebank.journal import FORMAT, canonical, commitment, digest
from timebank.journal.fold import Derived, imbalance
from timebank.journal.kinds import KINDS, RecordBody
from timebank.journal.tree import TILE
from timebank.model import (
    SALT_BYTES,
    Head,
    Hold,
    RecordRow,
    TextRow,
    Transfer,
    instant,
    microseconds,
)
from timebank.model.callables import function
from timebank.model.rows import of_fields, record_of
from timebank.queries.holds import unexpired
from timebank.queries.records import body_of
from timebank.queries.views import hold_view, read_operation, transfer_view
from timebank.rules import Draft, Earlier, State, decide
from timebank.rules.accounts import OpenAccount
from timebank.rules.clock import RestartClock
from timebank.rules.state import AnyCommand, Command, Result
from timebank.rules.statutes import Adopt
from timebank.statute import MOST_AHEAD, Statute
from timebank.storage.protocol import Batch, Reader, Writer, finds_many
from timebank.storage.tree import tiles_filled

FLUSH_EVERY: Final = 1_000
#: What comes behind every id.
_BEHIND_ALL: Final = "\U0010ffff"
T = TypeVar("T")

#: The judges by which a statute's fee may apply.
_MAY_HAVE_A_FEE: Final = frozenset({"transfer", "hold"})


# -- where time, ids and salts come from ----------------------------------------------


def utc_now() -> datetime:
    """Return the instant, aware, in UTC."""
    return datetime.now(UTC)


def new_id() -> str:
    """Return a random id that sorts by the time it was made: 12 hex digits of it, 20 random.

    Ids made one after the other lie beside each other in the storage's index.
    """
    return f"{time.time_ns() // 1_000_000:012x}{os.urandom(10).hex()}"


def new_salt() -> bytes:
    """Return sixteen random bytes."""
    return os.urandom(SALT_BYTES)


@attrs.frozen
class Sources:
    """The callables that give time, ids and salts, and what they give, checked.

    :raises WrongType: one of them is no callable, or a coroutine function.
    """

    clock: Callable[[], datetime] = utc_now
    id: Callable[[], str] = new_id
    salt: Callable[[], bytes] = new_salt

    def __attrs_post_init__(self) -> None:
        """Refuse a coroutine function before anything waits for what it gives."""
        function(self.clock, "clock is a callable", gives="returns an aware datetime")
        function(self.id, "new_id is a callable", gives="returns an id")
        function(self.salt, "new_salt is a callable", gives="returns 16 bytes")

    def now(self) -> int:
        """Return the instant in microseconds since 1970.

        :raises InvalidRequest: the clock gave no aware datetime.
        """
        if self.clock is utc_now:
            return time.time_ns() // 1000
        return microseconds(self.clock())

    def checked_salt(self) -> bytes:
        """Return a salt.

        :raises InvalidRequest: the source gave no 16 bytes.
        """
        salt = self.salt()
        if type(salt) is not bytes or len(salt) != SALT_BYTES:
            msg = f"a salt is {SALT_BYTES} bytes, not {shown(salt)}"
            raise InvalidRequest(msg)
        return salt


# -- what a call comes to ---------------------------------------------------------------


class Step(NamedTuple):
    """One record that a call comes to, and its rows: computed, and not yet taken over."""

    command: AnyCommand
    record: RecordBody
    row: RecordRow
    texts: list[TextRow]
    derived: Derived


_step_of: Final = of_fields(Step)


def add_derived(batch: Batch, derived: Derived) -> None:
    """Add the derived rows of one record to a batch.

    A hold that the same batch opened and ended leaves no row at all.
    """
    if derived.account is not None:
        batch.accounts[derived.account.account] = derived.account
    if derived.other is not None:
        batch.accounts[derived.other.account] = derived.other
    batch.postings += derived.postings
    batch.holds += derived.holds
    if derived.resolved:
        ended = derived.resolved[0].sequence
        kept = [row for row in batch.holds if row.sequence != ended]
        if len(kept) == len(batch.holds):
            batch.resolved.append(ended)
        batch.holds = kept
    if derived.statute is not None:
        batch.statutes.append(derived.statute)
    if derived.erased:
        batch.erased += derived.erased
    if derived.ended:
        opened = {row.sequence for row in batch.holds}
        batch.resolved += [hold for hold in derived.ended if hold not in opened]
        batch.holds = [row for row in batch.holds if row.sequence not in derived.ended]


class _Reading:
    """The block of a read in a session, which lasts as long as somebody reads."""

    __slots__ = ("_session",)

    def __init__(self, session: Session) -> None:
        self._session = session

    def __enter__(self) -> Reader:
        return self._session.writer

    def __exit__(self, *given: object) -> None:
        pass


class Session:
    """Judges commands one after the other against one writer."""

    #: The head that this process was told and the journal has no more, where that is to be
    #: accepted; and when it began, counted over the sessions of its bank.
    lost: Head | None = None
    number: int = 0
    #: What keeps it from taking a call, or from being kept.
    unfinished: BaseException | None = None
    #: The same of a call that is several commands, or asks for permission.
    half_done: BaseException | None = None
    #: Kept with the session, and gone with it.
    keeper: Any = None
    #: True once it has destroyed texts: what they leave behind is then to be wiped.
    erases: bool = False
    #: True once a call of it was done, or found done before: its commit tells that it is.
    acknowledges: bool = False
    _batch: Batch | None = None  # made for the first record
    _unused_ids: AbstractSet[str] = frozenset()  # of what was looked up, and not found
    _free_ids: tuple[str, str] = ("", "")  # from the one up to the other none is appended
    _stopped_at: int | None = None  # microseconds since 1970

    def __init__(
        self,
        writer: Writer,
        sources: Sources,
        known: KnownState | None = None,
        *,
        id: str | None = None,
    ) -> None:
        """Begin with what is known, where it is true still; `id` is that of the call to come."""
        self.writer = writer
        self._sources = sources
        self._pending_ids: set[str] = set()  # of what is decided and not appended
        known = known if known is None or known.rebuilds == rebuilds.number else None
        confirms = getattr(writer, "confirms", None)  # a `Confirms`: asked at each call
        if (
            known is not None
            and confirms is not None
            and confirms(known.journal, known.sequence, known.digest, id=id)
        ):
            self.known = known
            if id is not None:
                self._unused_ids = {id}
            return
        head = writer.head()
        if (
            known is None
            or known.digest != head.digest
            or known.sequence != head.sequence
            or known.journal != head.journal
        ):
            known = known_at(writer, head, known)
        self.known = known

    def execute(
        self, command: Command[Any, Result], actor: str | None, now: int | None = None
    ) -> Result:
        """Judge a command and keep its record; return what its caller gets.

        :raises InvalidRequest: a call is under way on this thread, or was interrupted.
        :raises StoreError: one has failed before.
        :raises TimebankError: as `decide` does; the session is then as it was, unless it is one
            of `FAILURES`.
        """
        if self.unfinished is not None:
            raise cannot_go_on(self.unfinished)
        self.unfinished = UNDER_WAY
        try:
            if now is None:
                now = self.moment(command)
            state = self._state(command, now)
            draft = decide(state, command, now)
            if draft is None:
                steps: tuple[Step, ...] = ()
            elif isinstance(command, OpenAccount):
                steps = opening_steps(self, command, draft, actor, state, now)
            else:
                steps = (self.step(command, draft, actor, state.today, now),)
        except TimebankError as error:
            self.unfinished = error if isinstance(error, FAILURES) else None
            raise
        # Nothing is refused from here on.
        result: Result
        if draft is None:
            result = self._unchanged(command, state, now)
        else:
            for step in steps:
                self._take(step)
            result = RESULT_OF[command.kind](self, command, steps[0].record, now)
        self.unfinished = None
        self.acknowledges = True
        return result

    def guarded(self, work: Callable[[], T]) -> T:
        """Do work of which nothing is kept by itself: a refusal leaves the session as it was.

        :raises InvalidRequest: a call is under way on this thread, or was interrupted.
        :raises StoreError: one has failed before.
        """
        self.check()
        self.half_done = UNDER_WAY
        try:
            result = work()
        except TimebankError as error:
            self.half_done = error if isinstance(error, FAILURES) else None
            raise
        self.half_done = None
        return result

    def entire(self, work: Callable[[], T]) -> T:
        """Do work that keeps several records: whatever ends it half way ends the session."""
        self.check()
        self.half_done = UNDER_WAY
        result = work()
        self.half_done = None
        return result

    def check(self) -> None:
        """Check that no call is under way, or was interrupted.

        :raises InvalidRequest: one is.
        :raises StoreError: one has failed.
        """
        why = self.half_done if self.unfinished is None else self.unfinished
        if why is not None:
            raise cannot_go_on(why)

    def finish(self) -> None:
        """Append what is left, so that the writer can commit.

        :raises StoreError: a call failed or was interrupted, so nothing of it all may be kept.
        """
        why = self.half_done if self.unfinished is None else self.unfinished
        if why is not None:
            raise nothing_written(why)
        if (batch := self._batch) is not None:
            writer: Any = self.writer
            append = getattr(writer, "append_last", None)  # an `AppendsLast`: asked at each call
            (writer.append if append is None else append)(batch)
            self._batch = None

    @property
    def statute(self) -> Statute:
        """Return the statute that is in force."""
        return self.known.statute

    def now(self) -> int:
        """Return the instant that a record of this moment would have.

        :raises ClockBehind: the last record lies more than ten minutes ahead of the clock.
        """
        now = self._sources.now() if self._stopped_at is None else self._stopped_at
        last = self.known.recorded_at
        if last - now > MOST_AHEAD:
            raise ClockBehind(clock=instant(now), last=instant(last))
        return max(last, now)

    def clock(self) -> int:
        """Return the instant of the clock, which may be behind the last record."""
        return self._sources.now() if self._stopped_at is None else self._stopped_at

    def moment(self, command: AnyCommand) -> int:
        """Return the instant that the record of a command would have.

        :raises ClockBehind: as `now`, but not for a restart of the clock.
        """
        return self.clock() if isinstance(command, RestartClock) else self.now()

    @contextmanager
    def stopped(self, now: int) -> Iterator[None]:
        """Stop the clock, so that what was tried at an instant is done at the same one."""
        self._stopped_at = now
        try:
            yield
        finally:
            self._stopped_at = None

    def today(self) -> date:
        """Return the day that a record of this moment would have.

        :raises ClockBehind: as `now`.
        :raises InvalidStatute: this machine does not know the bank's time zone.
        """
        return date.fromisoformat(max(self.statute.day(self.now()), self.known.recorded_on))

    def prefetch_ids(self, ids: Sequence[str]) -> None:
        """Look up together the ids of operations that are about to come, where the store can."""
        writer = self.writer
        if finds_many(writer):
            used = [id for id, _ in writer.sequences(ids)]
            self._unused_ids = set(ids).difference(used, self._pending_ids)

    def flush(self) -> None:
        """Append what is decided, so that the writer's reads see it."""
        if self._batch is not None:
            self._free_ids = ("", "")  # before an interrupt may come
            self._unused_ids -= self._pending_ids
            self.writer.append(self._batch)
            self._batch = None
            self._pending_ids.clear()

    def reader(self) -> AbstractContextManager[Reader]:
        """Open a reader that sees what was decided so far."""
        self.flush()
        return _Reading(self)

    # -- what a judge must see ------------------------------------------------------

    def _state(self, command: AnyCommand, now: int) -> State:
        """Return what the judge of a command may know, read as far as it was not known.

        The day is that of the time zone that is then in force.

        :raises InvalidStatute: this machine does not know the time zone.
        """
        known = self.known
        fold, statute = known.fold, known.statute
        today = (command.statute if isinstance(command, Adopt) else statute).day(now)
        if today < known.recorded_on and not isinstance(command, RestartClock):
            today = known.recorded_on
        state = State(
            statute,
            fold.accounts,
            fold.balances,
            fold.holds,
            today=today,
            closed_through=fold.closed_through,
        )
        if command.id is not None:
            earlier = self.earlier_operation(command.id, now)
            if earlier is not None:
                state.earlier = earlier
                return state
        for account in command.accounts:
            if account not in fold.accounts:
                self._read(account)
        if command.judged_as in _MAY_HAVE_A_FEE:
            if statute.fee is not None:
                self.load((statute.fee.fund,))
        elif (look_up := LOOK_UPS.get(command.judged_as)) is not None:
            look_up(self, command, state, now)
        return state

    def load(self, accounts: Sequence[str]) -> None:
        """Know where accounts stand, with their holds that expire after the last record."""
        for account in accounts:
            if account not in self.known.fold.accounts:
                self._read(account)

    def _read(self, account: str) -> None:
        """Read where an account stands of which nothing is known."""
        fold, last = self.known.fold, None
        row = self.writer.account(account)
        if row is not None:
            last = self.writer.last_posting(account)
            for hold in unexpired(self.writer, account, now=self.known.recorded_at):
                fold.keep(hold)
        fold.balances[account] = (0, 0) if last is None else (last.version, last.balance)
        fold.accounts[account] = row

    def earlier_operation(self, id: str, now: int) -> Earlier | None:
        """Return the record that has the id of an operation, `None` where it is free."""
        if id in self._pending_ids:
            self.flush()
        elif id in self._unused_ids:  # the lock is ours: nobody else has used it since
            return None
        first, end = self._free_ids
        if first <= id < end:
            return None
        following = getattr(self.writer, "following_id", None)  # a `FindsFollowing`
        if following is not None and (end := following(id)) != id:
            self._free_ids = id, end or _BEHIND_ALL
            return None
        row = self.writer.find(id)
        if row is None:
            return None
        return self.earlier(row, read_operation(self.writer, row, now=now))

    def earlier(self, row: RecordRow, result: object) -> Earlier:
        """Return the record that a command's id, or its account, already names."""
        texts = self.writer.texts(after=row.sequence - 1, through=row.sequence)
        return Earlier(
            kind=row.kind,
            request=body_of(row)["request"],
            texts={text.field: (text.salt, text.text) for text in texts},
            result=result,
        )

    # -- what is kept -----------------------------------------------------------------

    def step(
        self,
        command: AnyCommand,
        draft: Draft,
        actor: str | None,
        today: str,
        now: int,
        *,
        known: KnownState | None = None,
    ) -> Step:
        """Return the record of a draft and the rows that it comes to; change nothing.

        The postings are summed here once more, by other code than that which made them.
        """
        if known is None:
            known = self.known
        effects, request, kind = draft.effects, command.request, command.kind
        if imbalance(effects):
            msg = f"the postings of {request} do not sum to zero"
            raise Corrupt(msg)
        sequence = known.sequence + 1
        texts: list[TextRow] = []
        if command.texts:
            texts = self._salted(command.texts, sequence)
            request = request | {text.field: commitment(text.salt, text.text) for text in texts}
        record: RecordBody = {
            "effects": effects,
            "format": FORMAT,
            "journal": known.journal,
            "kind": kind,
            "recorded_at": now,
            "recorded_on": today,
            "request": request,
            "sequence": sequence,
        }
        if actor is not None:
            record["actor"] = actor
        body = canonical(record)
        chained = digest(known.digest, body)
        row = record_of((sequence, chained, body, kind, command.id, draft.refers_to))
        derived = known.fold.derive(sequence, kind, effects)
        return _step_of((command, record, row, texts, derived))

    def _take(self, step: Step) -> None:
        """Stand behind a record, and put its rows into the batch."""
        command, record, row, texts, derived = step
        known, batch = self.known, self._batch
        fold = known.fold
        fold.take(derived)
        known.sequence, known.digest = row.sequence, row.digest
        known.recorded_at, known.recorded_on = record["recorded_at"], record["recorded_on"]
        if batch is None:
            batch = self._batch = Batch()
        batch.records.append(row)
        if derived.only_moves:
            batch.postings += derived.postings
        else:
            self._change(command, batch, derived)
        if texts:
            batch.texts += texts
        if row.id is not None:
            self._pending_ids.add(row.id)
        if fold.lines:
            fold.forget_expired(command.accounts, known.recorded_at)
        if row.sequence % TILE == 0:
            self._fill(batch)

    def _change(self, command: AnyCommand, batch: Batch, derived: Derived) -> None:
        """Put rows into the batch of a record that does more than move hours."""
        add_derived(batch, derived)
        if isinstance(command, Adopt):
            self.known.statute = command.statute
        if derived.erased:
            self.erases = True

    def _fill(self, batch: Batch) -> None:
        """Add the tile of the tree that the last record fills; append what has come together."""
        batch.tiles += tiles_filled(self.writer, batch.records[-TILE:], batch.tiles)
        if len(batch.records) >= FLUSH_EVERY:
            self.flush()

    def _salted(self, texts: Mapping[str, str], sequence: int) -> list[TextRow]:
        """Return the rows of personal texts, each with a salt of its own."""
        salt = self._sources.checked_salt
        return [TextRow(sequence, field, salt(), text) for field, text in texts.items()]

    def _unchanged(self, command: AnyCommand, state: State, now: int) -> Any:
        """Return what the caller gets where nothing was appended."""
        if state.earlier is not None:
            return repeated(state.earlier.result)
        if command.kind == "due":
            return None
        return repeated(RESULT_OF[command.kind](self, command, None, now))


# -- what the caller gets ------------------------------------------------------------


def _transfer(session: Session, command: AnyCommand, record: RecordBody, now: int) -> Transfer:
    return Transfer.deferred(partial(transfer_view, record, command.texts), record["sequence"])


def _hold(session: Session, command: AnyCommand, record: RecordBody, now: int) -> Hold:
    make = partial(hold_view, record, command.texts, now=now)
    return Hold.deferred(make, record["sequence"])


#: Make what the caller of a command gets, by the kind of its record. What resolves a hold is
#: described by it, and it must be read now.
RESULT_OF: Final[Mapping[str, Callable[[Any, Any, Any, int], Any]]] = {
    **{
        name: _transfer if kind.view == "transfer" else RESULTS[kind.view]
        for name, kind in KINDS.items()
    },
    "hold": _hold,
    "settle": RESULTS["hold"],
}
