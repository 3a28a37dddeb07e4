"""The road of a command: what it must see is read, `decide` judges, `append` keeps.

A session lives as long as its writer. It holds the fold's state, which is the only
state that `decide` sees, and the rows that are decided but not yet appended.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from typing import Any, Final, TypeGuard

import attrs

from timebank.bank.gather import gather
from timebank.bank.sources import Doors
from timebank.errors import AccountNotFound, AccountNotOpen, Corrupt
from timebank.journal import FORMAT, canonical, commitment, digest, parse
from timebank.journal.fold import Fold, imbalance
from timebank.model import Head, RecordRow, TextRow
from timebank.queries.members import Delegate
from timebank.queries.records import (
    adopted_on,
    delegates_of,
    in_force,
    last_instant,
    of_version,
    unexpired,
)
from timebank.queries.statements import name_of
from timebank.queries.views import (
    TRANSFERS,
    account_view,
    hold_of,
    hold_view,
    read_account,
    read_operation,
    settled_view,
    transfer_view,
)
from timebank.rules import (
    Adopt,
    Command,
    Draft,
    Earlier,
    EndDelegate,
    Erase,
    Exchange,
    Held,
    MakeDue,
    MakeHold,
    NameDelegate,
    OpenAccount,
    Original,
    Rename,
    ReverseTransfer,
    SettleHold,
    State,
    VoidHold,
    decide,
)
from timebank.statute import Demurrage, Statute, Welcome
from timebank.storage.protocol import Batch, Writer, finds_many

FLUSH_EVERY: Final = 1_000
CACHED_ACCOUNTS: Final = 10_000
CACHED_HOLDS: Final = 10_000


@attrs.define
class Cache:
    """What a session leaves for the next one, of use only while the head is still this one."""

    head: Head
    recorded_at: int
    fold: Fold
    statute: Statute


class Session:
    """Judges commands one after the other against one writer."""

    def __init__(self, writer: Writer, doors: Doors, cache: Cache | None = None) -> None:
        self.writer = writer
        self._doors = doors
        head = writer.head()
        self._journal, self._sequence, self._digest = head.journal, head.sequence, head.digest
        if cache is not None and cache.head == head:
            self._fold, self._recorded_at = cache.fold, cache.recorded_at
            self._statute = cache.statute
        else:
            self._fold, self._recorded_at = Fold(), last_instant(writer)
            self._statute = in_force(writer)
        self._batch: Batch | None = None  # made for the first record
        self._pending: set[str] = set()
        self._free: set[str] = set()
        self._stopped: int | None = None
        #: Whether it has destroyed texts: what they leave behind is then to be wiped.
        self.erases = False

    def cache(self) -> Cache | None:
        """What may be kept once the writer has committed; `None` when it is too much."""
        if len(self._fold.accounts) > CACHED_ACCOUNTS or len(self._fold.lines) > CACHED_HOLDS:
            return None
        head = Head(self._journal, self._sequence, self._digest)
        return Cache(head, self._recorded_at, self._fold, self._statute)

    def execute(self, command: Command, actor: str | None) -> Any:
        """Judge a command and keep what it comes to; the result is the caller's.

        :raises TimebankError: as `decide` does; the session is then as it was.
        """
        now = self.now()
        state = self._state(command, now)
        draft = decide(state, command, now)
        if draft is None:
            return self._as_it_is(command, state)
        welcome = None
        if isinstance(command, OpenAccount) and command.welcome:
            welcome = self._welcome(command, now)
        texts = [
            TextRow(self._sequence + 1, field, self._doors.checked_salt(), text)
            for field, text in command.texts.items()
        ]
        record = self._record(command, draft, texts, actor, now)
        self._keep(record, command, draft, texts)
        result = self._result(command, record, now)
        if welcome is not None:
            self.execute(welcome, actor)
        return result

    @property
    def statute(self) -> Statute:
        """The statute that is in force."""
        return self._statute

    def now(self) -> int:
        """The instant that a record of this moment would have, in microseconds since 1970."""
        now = self._doors.now() if self._stopped is None else self._stopped
        return max(now, self._recorded_at)

    def stop(self, now: int) -> None:
        """Let time stand still from here on."""
        self._stopped = now

    @contextmanager
    def stopped(self, now: int) -> Iterator[None]:
        """Let time stand still: what was tried at an instant is done at the same one."""
        self.stop(now)
        try:
            yield
        finally:
            self._stopped = None

    def today(self) -> date:
        """The day of that instant, in the bank's time zone."""
        return date.fromisoformat(self._statute.day(self.now()))

    def _as_it_is(self, command: Command, state: State) -> Any:
        """What the caller gets where nothing was appended."""
        if state.earlier is not None:
            return state.earlier.result
        if isinstance(command, MakeDue):
            return None
        if isinstance(command, NameDelegate):
            return _delegate(command)
        return command.statute if isinstance(command, Adopt) else self._account(command)

    def _result(self, command: Command, record: dict[str, Any], now: int) -> Any:  # noqa: PLR0911 - one for each kind
        """What the caller gets of a command that was kept."""
        match command:
            case Adopt():
                self._statute = command.statute
                return command.statute
            case VoidHold():
                self.flush()
                return hold_of(self.writer, command.hold, now=now)
            case MakeHold():
                return hold_view(record, command.texts, now=now)
            case SettleHold():
                return settled_view(self.writer, record)
            case NameDelegate():
                return _delegate(command)
            case Erase():
                self.erases = True
                return self._sequence
            case ReverseTransfer():
                return transfer_view(record, command.texts, reverses=command.original)
            case Exchange() | MakeDue():
                return transfer_view(record, command.texts)
        return self._account(command)

    def expect(self, ids: Sequence[str]) -> None:
        """Look up together the ids of operations that are about to come, where the store can."""
        writer = self.writer
        if finds_many(writer):
            self._free = set(ids).difference(id for id, _ in writer.sequences(ids))

    def flush(self) -> None:
        """Append what is decided, so that the writer's reads see it."""
        if self._batch is not None:
            self.writer.append(self._batch)
            self._batch = None
            self._pending.clear()

    def _welcome(self, command: OpenAccount, now: int) -> MakeDue | None:
        """What the statute of the day of joining gives to who joins.

        :raises AccountNotFound: there is no such fund.
        :raises AccountNotOpen: the fund is not open: there is then no account either.
        """
        today = self._statute.day(now)
        joined = min(command.request.get("joined_on", today), today)
        by = self._statute
        if joined != today:
            self.flush()
            by = adopted_on(self.writer, joined)
        rule, account = by.welcome, command.accounts[0]
        if not _welcomes(rule, command.request["kind"]) or rule.fund == account:
            return None
        self._load(rule.fund, now)
        fund = self._fold.accounts[rule.fund]
        if fund is None:
            raise AccountNotFound(rule.fund)
        if fund.status != "open":
            raise AccountNotOpen(rule.fund, status=fund.status, doing="take part in welcome")
        day = date.fromisoformat(joined)
        return MakeDue.of(account, rule=rule, by=by, since=day, which="1")

    # -- what a command must see ----------------------------------------------

    def _state(self, command: Command, now: int) -> State:
        fold = self._fold
        state = State(self._statute, fold.accounts, fold.balances, fold.holds)
        if command.id is not None:
            state.earlier = self._earlier_operation(command.id, now)
            if state.earlier is not None:
                return state
        for account in command.accounts:
            self._load(account, now)
        if not isinstance(command, Exchange):
            self._look_up(command, state, now)
        elif self._statute.fee is not None:
            self._load(self._statute.fee.fund, now)
        return state

    def _look_up(self, command: Command, state: State, now: int) -> None:
        """What a command that names something earlier must see of it."""
        if isinstance(command, ReverseTransfer):
            state.original = self._original(command, now)
        elif isinstance(command, SettleHold | VoidHold):
            state.held = self._held(command, now)
        elif isinstance(command, OpenAccount):
            state.earlier = self._earlier_account(command)
        elif isinstance(command, Adopt):
            self.flush()
            state.known = of_version(self.writer, command.statute.version)
        elif isinstance(command, MakeDue) and isinstance(command.rule, Demurrage):
            self.flush()
            earned, spent = self.writer.totals(command.account, until=command.request["since"])
            state.basis = earned - spent
        elif isinstance(command, NameDelegate | EndDelegate):
            row = self._fold.accounts[command.account]
            if row is not None:
                self.flush()
                state.delegates = delegates_of(self.writer, row)
        elif isinstance(command, Rename):
            row = self._fold.accounts[command.accounts[0]]
            if row is not None:
                self.flush()
                state.name = name_of(self.writer, row)

    def _load(self, account: str, now: int) -> None:
        """Know where an account stands; its holds that expire later, for time runs forward."""
        fold = self._fold
        if account in fold.accounts:
            fold.forget_expired(account, now)
            return
        row = self.writer.account(account)
        last = None
        if row is not None:
            last = self.writer.last_posting(account)
            for hold in unexpired(self.writer, account, now=now):
                fold.keep(hold)
        fold.accounts[account] = row
        fold.balances[account] = (0, 0) if last is None else (last.version, last.balance)

    def _earlier_operation(self, id: str, now: int) -> Earlier | None:
        if id in self._free:  # the lock is ours: nobody else has used it since
            self._free.remove(id)
            return None
        if id in self._pending:
            self.flush()
        row = self.writer.find(id)
        return (
            None if row is None else self._earlier(row, read_operation(self.writer, row, now=now))
        )

    def _earlier_account(self, command: OpenAccount) -> Earlier | None:
        account = self._fold.accounts[command.accounts[0]]
        if account is None:
            return None
        self.flush()
        rows = self.writer.records(after=account.opened - 1, limit=1)
        return self._earlier(rows[0], read_account(self.writer, account))

    def _earlier(self, row: RecordRow, result: object) -> Earlier:
        record = parse(row.body)
        texts = self.writer.texts(after=row.sequence - 1, through=row.sequence)
        return Earlier(
            kind=record["kind"],
            request=record["request"],
            texts={text.field: (text.salt, text.text) for text in texts},
            result=result,
        )

    def _original(self, command: ReverseTransfer, now: int) -> Original | None:
        self.flush()
        row = self.writer.find(command.original)
        if row is None:
            return None
        record = parse(row.body)
        if record["kind"] not in TRANSFERS:
            return None
        for account, _ in record["effects"]["postings"]:
            self._load(account, now)
        earlier = self.writer.referring(row.sequence)
        return Original(
            sequence=row.sequence,
            kind=record["kind"],
            effects=record["effects"],
            reversed=tuple(parse(reversal.body)["effects"] for reversal in earlier),
        )

    def _held(self, command: SettleHold | VoidHold, now: int) -> Held | None:
        self.flush()
        row = self.writer.find(command.hold)
        if row is None:
            return None
        record = parse(row.body)
        if record["kind"] != "hold":
            return None
        effects, request = record["effects"], record["request"]
        for account, _, _ in effects["reserves"]:
            self._load(account, now)
        if "via" in request:
            self._load(request["via"], now)
        resolved = None
        for resolving in self.writer.referring(row.sequence)[:1]:
            by = parse(resolving.body)
            resolved = (by["kind"], by["request"]["id"])
        statute = of_version(self.writer, effects["statute"])
        if statute is None:
            msg = f"record {row.sequence} names a statute that was never adopted"
            raise Corrupt(msg)
        if statute.fee is not None:
            self._load(statute.fee.fund, now)
        return Held(row.sequence, request, effects, statute, resolved)

    # -- what it comes to -----------------------------------------------------

    def _record(
        self, command: Command, draft: Draft, texts: list[TextRow], actor: str | None, now: int
    ) -> dict[str, Any]:
        request = command.request
        if texts:
            request = request | {text.field: commitment(text.salt, text.text) for text in texts}
        record = {
            "effects": draft.effects,
            "format": FORMAT,
            "journal": self._journal,
            "kind": command.kind,
            "recorded_at": now,
            "request": request,
            "sequence": self._sequence + 1,
        }
        if actor is not None:
            record["actor"] = actor
        return record

    def _keep(
        self, record: dict[str, Any], command: Command, draft: Draft, texts: list[TextRow]
    ) -> None:
        """Fold the record and put its rows into the batch.

        The postings are summed here once more, by other code than that which made them.
        """
        if imbalance(draft.effects):
            msg = f"the postings of {command.request} do not sum to zero"
            raise Corrupt(msg)
        sequence = self._sequence + 1
        body = canonical(record)
        derived = self._fold.apply(sequence, command.kind, draft.effects)
        if (batch := self._batch) is None:
            batch = self._batch = Batch()
        gather(batch, derived)
        batch.texts += texts
        self._sequence, self._recorded_at = sequence, record["recorded_at"]
        self._digest = digest(self._digest, body)
        if command.id is not None:
            self._pending.add(command.id)
        batch.records.append(
            RecordRow(sequence, self._digest, body, command.kind, command.id, draft.refers_to)
        )
        if len(batch.records) >= FLUSH_EVERY:
            self.flush()

    def _account(self, command: Command) -> Any:
        row = self._fold.accounts[command.accounts[0]]
        if row is None:
            msg = f"account {command.accounts[0]!r} was decided upon but is missing"
            raise Corrupt(msg)
        if row.named == self._sequence and "name" in command.texts:
            return account_view(row, command.texts["name"])
        self.flush()
        return read_account(self.writer, row)


def _delegate(command: NameDelegate) -> Delegate:
    until = command.request.get("until")
    last = None if until is None else date.fromisoformat(until)
    return Delegate(command.account, command.delegate, last)


def _welcomes(rule: Welcome | None, kind: str) -> TypeGuard[Welcome]:
    """Whether a rule gives its credit to such an account when it is opened."""
    return rule is not None and rule.given == "on joining" and kind in rule.kinds
