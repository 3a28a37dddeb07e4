"""The road of a command: what its judge must see is read, the judge decides, the record is kept.

A session lives as long as its writer. It holds the fold's state, which is the only state that a
judge sees, and the rows that are decided but not yet appended. Time, ids and salts come in by
its `Sources` and by no other way: two stores given the same sources and the same calls have the
same head.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from datetime import UTC, date, datetime
from functools import partial
from typing import Any, ClassVar, Final, TypeGuard

import attrs

from timebank.errors import AccountNotFound, AccountNotOpen, Corrupt, InvalidRequest, shown
from timebank.journal import FORMAT, canonical, commitment, digest
from timebank.journal.fold import Derived, Fold, imbalance
from timebank.journal.kinds import KINDS, MOVES_HOURS, RecordBody
from timebank.model import (
    SALT_BYTES,
    Account,
    Head,
    Hold,
    RecordRow,
    TextRow,
    Transfer,
    microseconds,
)
from timebank.model.members import Delegate
from timebank.queries.holds import unexpired
from timebank.queries.members import delegates_of
from timebank.queries.records import body_of, last_instant, name_of, record_at
from timebank.queries.statutes import adopted_on, in_force, of_version
from timebank.queries.views import (
    OPERATIONS,
    account_view,
    read_account,
    read_operation,
    transfer_view,
)
from timebank.rules import Draft, Earlier, Held, Original, State, decide
from timebank.rules.accounts import OpenAccount, Rename
from timebank.rules.delegates import EndDelegate, NameDelegate
from timebank.rules.dues import MakeDue
from timebank.rules.holds import SettleHold, VoidHold
from timebank.rules.state import AnyCommand, Command, Result
from timebank.rules.statutes import Adopt
from timebank.rules.transfers import ReverseTransfer
from timebank.statute import Demurrage, Statute, Welcome
from timebank.storage.protocol import Batch, Reader, Writer, finds_many

FLUSH_EVERY: Final = 1_000
#: The kinds of command to which a statute's fee may apply.
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
    """The callables that give time, ids and salts, and what they give, checked."""

    clock: Callable[[], datetime] = utc_now
    id: Callable[[], str] = new_id
    salt: Callable[[], bytes] = new_salt

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


# -- what is known of a bank ------------------------------------------------------------


@attrs.define
class KnownState:
    """What was read so far of a bank at one head: a cache, thrown away where the head differs."""

    journal: str
    sequence: int
    digest: bytes
    recorded_at: int
    statute: Statute
    fold: Fold

    @classmethod
    def read(cls, reader: Reader, head: Head) -> KnownState:
        """Return what is known at a head before any account was looked at."""
        return cls(
            head.journal,
            head.sequence,
            head.digest,
            last_instant(reader),
            in_force(reader),
            Fold(),
        )


def add_derived(batch: Batch, derived: Derived) -> None:
    """Add the derived rows of one record to a batch.

    A hold that the same batch opened and ended leaves no row at all.
    """
    if derived.account is not None:
        batch.accounts[derived.account.account] = derived.account
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


class Session:
    """Judges commands one after the other against one writer."""

    def __init__(self, writer: Writer, sources: Sources, known: KnownState | None = None) -> None:
        self.writer = writer
        self._sources = sources
        head = writer.head()
        if (
            known is None
            or known.digest != head.digest
            or known.sequence != head.sequence
            or known.journal != head.journal
        ):
            known = KnownState.read(writer, head)
        self.known = known
        self._batch: Batch | None = None  # made for the first record
        self._pending_ids: set[str] = set()  # of what is decided and not appended
        self._unused_ids: set[str] = set()  # of what was looked up, and not found
        self._stopped_at: int | None = None  # microseconds since 1970
        #: True once it has destroyed texts: what they leave behind is then to be wiped.
        self.erases = False

    def execute(
        self, command: Command[Any, Result], actor: str | None, now: int | None = None
    ) -> Result:
        """Judge a command and keep its record; return what its caller gets.

        :raises TimebankError: as `decide` does; the session is then as it was.
        """
        if now is None:
            now = self.now()
        state = self._state(command, now)
        draft = decide(state, command, now)
        if draft is None:
            unchanged: Result = self._unchanged(command, state, now)
            return unchanged
        welcome = None
        if isinstance(command, OpenAccount) and command.welcome:
            welcome = self._welcome_command(command, now)
        record = self._keep(command, draft, actor, now)
        result: Result = self._RESULTS[KINDS[command.kind].view](self, command, record, now)
        if welcome is not None:
            self.execute(welcome, actor)
        return result

    @property
    def statute(self) -> Statute:
        """Return the statute that is in force."""
        return self.known.statute

    def now(self) -> int:
        """Return the instant that a record of this moment would have."""
        now = self._sources.now() if self._stopped_at is None else self._stopped_at
        return max(now, self.known.recorded_at)

    @contextmanager
    def stopped(self, now: int) -> Iterator[None]:
        """Stop the clock, so that what was tried at an instant is done at the same one."""
        self._stopped_at = now
        try:
            yield
        finally:
            self._stopped_at = None

    def today(self) -> date:
        """Return the day of that instant, in the bank's time zone."""
        return date.fromisoformat(self.statute.day(self.now()))

    def prefetch_ids(self, ids: Sequence[str]) -> None:
        """Look up together the ids of operations that are about to come, where the store can."""
        writer = self.writer
        if finds_many(writer):
            self._unused_ids = set(ids).difference(id for id, _ in writer.sequences(ids))

    def flush(self) -> None:
        """Append what is decided, so that the writer's reads see it."""
        if self._batch is not None:
            self.writer.append(self._batch)
            self._batch = None
            self._pending_ids.clear()

    def reader(self) -> AbstractContextManager[Reader]:
        """Open a reader that sees what was decided so far."""
        self.flush()
        return nullcontext(self.writer)

    # -- what a judge must see ------------------------------------------------------

    def _state(self, command: AnyCommand, now: int) -> State:
        """Return what the judge of a command may know, read as far as it was not known."""
        known = self.known
        fold, statute = known.fold, known.statute
        state = State(statute, fold.accounts, fold.balances, fold.holds)
        if command.id is not None:
            state.earlier = self._earlier_operation(command.id, now)
            if state.earlier is not None:
                return state
        self._load(command.accounts)
        if command.kind in _MAY_HAVE_A_FEE:
            if statute.fee is not None:
                self._load((statute.fee.fund,))
        elif (look_up := self._LOOK_UPS.get(command.kind)) is not None:
            look_up(self, command, state, now)
        return state

    def _load(self, accounts: Sequence[str]) -> None:
        """Know where accounts stand, with their holds that expire after the last record."""
        fold = self.known.fold
        for account in accounts:
            if account in fold.accounts:
                continue
            row = self.writer.account(account)
            last = None
            if row is not None:
                last = self.writer.last_posting(account)
                for hold in unexpired(self.writer, account, now=self.known.recorded_at):
                    fold.keep(hold)
            fold.accounts[account] = row
            fold.balances[account] = (0, 0) if last is None else (last.version, last.balance)

    def _earlier_operation(self, id: str, now: int) -> Earlier | None:
        if id in self._unused_ids:  # the lock is ours: nobody else has used it since
            self._unused_ids.remove(id)
            return None
        if id in self._pending_ids:
            self.flush()
        row = self.writer.find(id)
        if row is None:
            return None
        return self._earlier(row, read_operation(self.writer, row, now=now))

    def _earlier(self, row: RecordRow, result: object) -> Earlier:
        texts = self.writer.texts(after=row.sequence - 1, through=row.sequence)
        return Earlier(
            kind=row.kind,
            request=body_of(row)["request"],
            texts={text.field: (text.salt, text.text) for text in texts},
            result=result,
        )

    def _see_opening(self, command: OpenAccount, state: State, now: int) -> None:
        account = self.known.fold.accounts[command.accounts[0]]
        if account is not None:
            self.flush()
            row = record_at(self.writer, account.opened)
            state.earlier = self._earlier(row, read_account(self.writer, account))

    def _see_name(self, command: Rename, state: State, now: int) -> None:
        row = self.known.fold.accounts[command.accounts[0]]
        if row is not None:
            self.flush()
            state.name = name_of(self.writer, row)

    def _see_delegates(self, command: NameDelegate | EndDelegate, state: State, now: int) -> None:
        row = self.known.fold.accounts[command.account]
        if row is not None:
            self.flush()
            state.delegates = delegates_of(self.writer, row)

    def _see_version(self, command: Adopt, state: State, now: int) -> None:
        self.flush()
        state.known = of_version(self.writer, command.statute.version)

    def _see_basis(self, command: MakeDue, state: State, now: int) -> None:
        if isinstance(command.rule, Demurrage):
            self.flush()
            earned, spent = self.writer.totals(command.account, until=command.request["since"])
            state.basis = earned - spent

    def _see_original(self, command: ReverseTransfer, state: State, now: int) -> None:
        self.flush()
        row = self.writer.find(command.earlier_id)
        if row is None or row.kind not in MOVES_HOURS:
            return
        effects = body_of(row)["effects"]
        self._load([account for account, _ in effects["postings"]])
        earlier = self.writer.referring(row.sequence)
        state.original = Original(
            sequence=row.sequence,
            kind=row.kind,
            effects=effects,
            reversed=tuple(body_of(reversal)["effects"] for reversal in earlier),
        )

    def _see_hold(self, command: SettleHold | VoidHold, state: State, now: int) -> None:
        self.flush()
        row = self.writer.find(command.earlier_id)
        if row is None or row.kind != "hold":
            return
        record = body_of(row)
        effects, request = record["effects"], record["request"]
        self._load([account for account, _, _ in effects["reserves"]])
        if "via" in request:
            self._load((request["via"],))
        resolved = None
        for resolving in self.writer.referring(row.sequence)[:1]:
            resolved = (resolving.kind, body_of(resolving)["request"]["id"])
        statute = of_version(self.writer, effects["statute"])
        if statute is None:
            msg = f"record {row.sequence} names a statute that was never adopted"
            raise Corrupt(msg)
        if statute.fee is not None:
            self._load((statute.fee.fund,))
        state.held = Held(row.sequence, request, effects, statute, resolved)

    def _welcome_command(self, command: OpenAccount, now: int) -> MakeDue | None:
        """Return the command by which the statute of the day of joining gives its credit.

        :raises AccountNotFound: there is no such fund.
        :raises AccountNotOpen: the fund is not open: there is then no account either.
        """
        today = self.statute.day(now)
        joined = min(command.request.get("joined_on", today), today)
        by = self.statute
        if joined != today:
            self.flush()
            by = adopted_on(self.writer, joined)
        rule, account = by.welcome, command.accounts[0]
        if not _gives_on_joining(rule, command.request["kind"]) or rule.fund == account:
            return None
        self._load((rule.fund,))
        fund = self.known.fold.accounts[rule.fund]
        if fund is None:
            raise AccountNotFound(rule.fund)
        if fund.status != "open":
            raise AccountNotOpen(rule.fund, status=fund.status, doing="take part in welcome")
        day = date.fromisoformat(joined)
        return MakeDue.of(account, rule=rule, by=by, since=day, which="1")

    # -- what is kept -----------------------------------------------------------------

    def _keep(self, command: AnyCommand, draft: Draft, actor: str | None, now: int) -> RecordBody:
        """Make the record of a draft, fold it, and put its rows into the batch.

        The postings are summed here once more, by other code than that which made them.
        """
        if imbalance(draft.effects):
            msg = f"the postings of {command.request} do not sum to zero"
            raise Corrupt(msg)
        known, request = self.known, command.request
        sequence = known.sequence + 1
        texts: list[TextRow] = []
        if command.texts:
            texts = self._salted(command.texts, sequence)
            request = request | {text.field: commitment(text.salt, text.text) for text in texts}
        record: RecordBody = {
            "effects": draft.effects,
            "format": FORMAT,
            "journal": known.journal,
            "kind": command.kind,
            "recorded_at": now,
            "request": request,
            "sequence": sequence,
        }
        if actor is not None:
            record["actor"] = actor
        body = canonical(record)
        derived = known.fold.apply(sequence, command.kind, draft.effects)
        known.digest = digest(known.digest, body)
        known.sequence, known.recorded_at = sequence, now
        if (batch := self._batch) is None:
            batch = self._batch = Batch()
        add_derived(batch, derived)
        batch.texts += texts
        batch.records.append(
            RecordRow(sequence, known.digest, body, command.kind, command.id, draft.refers_to)
        )
        if command.id is not None:
            self._pending_ids.add(command.id)
        if known.fold.lines:
            known.fold.forget_expired(command.accounts, now)
        if isinstance(command, Adopt):
            known.statute = command.statute
        self.erases = self.erases or bool(derived.erased)
        if len(batch.records) >= FLUSH_EVERY:
            self.flush()
        return record

    def _salted(self, texts: Mapping[str, str], sequence: int) -> list[TextRow]:
        """Return the rows of personal texts, each with a salt of its own."""
        salt = self._sources.checked_salt
        return [TextRow(sequence, field, salt(), text) for field, text in texts.items()]

    # -- what the caller gets ----------------------------------------------------------

    def _unchanged(self, command: AnyCommand, state: State, now: int) -> Any:
        """Return what the caller gets where nothing was appended."""
        if state.earlier is not None:
            return state.earlier.result
        if command.kind == "due":
            return None
        return self._RESULTS[KINDS[command.kind].view](self, command, None, now)

    def _account_result(self, command: AnyCommand, record: RecordBody | None, now: int) -> Account:
        row = self.known.fold.accounts[command.accounts[0]]
        if row is None:
            msg = f"account {command.accounts[0]!r} was decided upon but is missing"
            raise Corrupt(msg)
        if row.named == self.known.sequence and "name" in command.texts:
            return account_view(row, command.texts["name"])
        self.flush()
        return read_account(self.writer, row)

    def _transfer_result(
        self, command: AnyCommand, record: RecordBody, now: int
    ) -> Transfer | Hold:
        if command.kind == "settle":  # it is described by its hold, which must be read now
            return OPERATIONS["settle"](self.writer, record, command.texts, now)
        return Transfer.deferred(partial(transfer_view, record, command.texts))

    def _hold_result(self, command: AnyCommand, record: RecordBody, now: int) -> Transfer | Hold:
        return OPERATIONS[command.kind](self.writer, record, command.texts, now)

    def _statute_result(self, command: Adopt, record: RecordBody | None, now: int) -> Statute:
        return command.statute

    def _delegate_result(
        self, command: NameDelegate, record: RecordBody | None, now: int
    ) -> Delegate:
        until = command.request.get("until")
        last = None if until is None else date.fromisoformat(until)
        return Delegate(command.account, command.delegate, last)

    def _erasure_result(self, command: AnyCommand, record: RecordBody, now: int) -> int:
        return record["sequence"]

    #: Look up what a command must see beside its accounts, by its kind.
    _LOOK_UPS: ClassVar[Mapping[str, Callable[[Session, Any, State, int], None]]] = {
        "open_account": _see_opening,
        "rename": _see_name,
        "name_delegate": _see_delegates,
        "end_delegate": _see_delegates,
        "adopt": _see_version,
        "due": _see_basis,
        "reverse": _see_original,
        "settle": _see_hold,
        "void": _see_hold,
    }
    #: Make what the caller of a command gets, by the view of its kind.
    _RESULTS: ClassVar[Mapping[str, Callable[[Session, Any, Any, int], Any]]] = {
        "account": _account_result,
        "transfer": _transfer_result,
        "hold": _hold_result,
        "statute": _statute_result,
        "delegate": _delegate_result,
        "erasure": _erasure_result,
    }


def _gives_on_joining(rule: Welcome | None, kind: str) -> TypeGuard[Welcome]:
    """Return true where a rule gives its credit to such an account when it is opened."""
    return rule is not None and rule.given == "on joining" and kind in rule.kinds
