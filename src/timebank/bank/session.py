"""The road of a command: what it must see is read, `decide` judges, `append` keeps.

A session lives as long as its writer. It holds the fold's state, which is the only
state that `decide` sees, and the rows that are decided but not yet appended.
"""

from __future__ import annotations

from typing import Any, Final

import attrs

from timebank.bank.doors import Doors
from timebank.bank.views import account_view, read_account, read_transfer, transfer_view
from timebank.commands import Command, OpenAccount, Rename, ReverseTransfer
from timebank.decide import Draft, Earlier, Original, State, decide
from timebank.errors import Corrupt
from timebank.fold import Fold, imbalance
from timebank.journal import FORMAT, canonical, commitment, digest, parse, recorded_at
from timebank.model import Head, RecordRow, TextRow
from timebank.statements import name_of
from timebank.statute import DEFAULT
from timebank.storage.protocol import Batch, Writer

FLUSH_EVERY: Final = 1_000
CACHED_ACCOUNTS: Final = 10_000


@attrs.define
class Cache:
    """What a session leaves for the next one, of use only while the head is still this one."""

    head: Head
    recorded_at: int
    fold: Fold


class Session:
    """Judges commands one after the other against one writer."""

    def __init__(self, writer: Writer, doors: Doors, cache: Cache | None = None) -> None:
        self.writer = writer
        self._doors = doors
        self._statute = DEFAULT
        head = writer.head()
        self._journal, self._sequence, self._digest = head.journal, head.sequence, head.digest
        if cache is not None and cache.head == head:
            self._fold, self._recorded_at = cache.fold, cache.recorded_at
        else:
            self._fold, self._recorded_at = Fold(), self._last_instant()
        self._batch = Batch()
        self._pending: set[str] = set()

    def _last_instant(self) -> int:
        if not self._sequence:
            return 0
        rows = self.writer.records(after=self._sequence - 1, limit=1)
        if not rows:
            msg = f"record {self._sequence}, the last one, is missing"
            raise Corrupt(msg)
        return recorded_at(rows[0].body)

    def cache(self) -> Cache | None:
        """What may be kept once the writer has committed; `None` when it is too much."""
        if len(self._fold.accounts) > CACHED_ACCOUNTS:
            return None
        head = Head(self._journal, self._sequence, self._digest)
        return Cache(head, self._recorded_at, self._fold)

    def execute(self, command: Command, actor: str | None) -> Any:
        """Judge a command and keep what it comes to; the result is the caller's.

        :raises TimebankError: as `decide` does; the session is then as it was.
        """
        state = self._state(command)
        now = max(self._doors.now(), self._recorded_at)
        draft = decide(state, command, now)
        if draft is None:
            return state.earlier.result if state.earlier is not None else self._account(command)
        texts = [
            TextRow(self._sequence + 1, field, self._doors.checked_salt(), text)
            for field, text in command.texts.items()
        ]
        record = self._record(command, draft, texts, actor, now)
        self._keep(record, command, draft, texts)
        if command.id is None:
            return self._account(command)
        reverses = command.original if isinstance(command, ReverseTransfer) else None
        return transfer_view(record, command.texts, reverses=reverses)

    def flush(self) -> None:
        """Append what is decided, so that the writer's reads see it."""
        if self._batch.records:
            self.writer.append(self._batch)
            self._batch = Batch()
            self._pending.clear()

    # -- what a command must see ----------------------------------------------

    def _state(self, command: Command) -> State:
        state = State(self._statute, self._fold.accounts, self._fold.balances)
        if command.id is not None:
            state.earlier = self._earlier_operation(command.id)
            if state.earlier is None and isinstance(command, ReverseTransfer):
                state.original = self._original(command)
        for account in command.accounts:
            if account not in self._fold.accounts:
                self._load(account)
        if isinstance(command, OpenAccount):
            state.earlier = self._earlier_account(command)
        elif isinstance(command, Rename):
            row = self._fold.accounts[command.accounts[0]]
            if row is not None:
                self.flush()
                state.name = name_of(self.writer, row)
        return state

    def _load(self, account: str) -> None:
        row = self.writer.account(account)
        last = None if row is None else self.writer.last_posting(account)
        self._fold.accounts[account] = row
        self._fold.balances[account] = (0, 0) if last is None else (last.version, last.balance)

    def _earlier_operation(self, id: str) -> Earlier | None:
        if id in self._pending:
            self.flush()
        row = self.writer.find(id)
        return None if row is None else self._earlier(row, read_transfer(self.writer, row))

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

    def _original(self, command: ReverseTransfer) -> Original | None:
        self.flush()
        row = self.writer.find(command.original)
        if row is None:
            return None
        record = parse(row.body)
        for account, _ in record["effects"]["postings"]:
            if account not in self._fold.accounts:
                self._load(account)
        earlier = self.writer.referring(row.sequence)
        return Original(
            sequence=row.sequence,
            kind=record["kind"],
            effects=record["effects"],
            reversed=tuple(parse(reversal.body)["effects"] for reversal in earlier),
        )

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
        batch = self._batch
        if derived.account is not None:
            batch.accounts[derived.account.account] = derived.account
        batch.postings += derived.postings
        batch.texts += texts
        self._sequence, self._recorded_at = sequence, record["recorded_at"]
        self._digest = digest(self._digest, body)
        if command.id is not None:
            self._pending.add(command.id)
        batch.records.append(RecordRow(sequence, self._digest, body, command.id, draft.refers_to))
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
