"""One bank on an SQL server, read and written within a transaction that somebody else ends.

Who opens the transaction, the store or the joined host, says so by a `Transaction`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

import attrs

from timebank.errors import (
    BankNotFound,
    Conflict,
    Corrupt,
    OutcomeUnknown,
    StoreError,
    TimebankError,
    shown,
)
from timebank.journal import genesis
from timebank.model import AccountRow, Fault, Head, HoldRow, RecordRow, TextRow
from timebank.storage.lock import UNFINISHED
from timebank.storage.protocol import Batch
from timebank.storage.server.dialect import Dialect
from timebank.storage.server.limits import MANY_ROWS, be_patient, patience
from timebank.storage.tables import (
    BYTES,
    HEAD,
    HOLD,
    INT,
    INT_OR_NULL,
    STR,
    STR_OR_NULL,
    Queries,
    TableReader,
    above_end,
    above_hold,
    row_type_of,
)

_ADD_BANK: Final = "INSERT INTO timebank_banks VALUES (%s, %s, 0, %s)"


def _text(values: Iterable[Any]) -> TextRow:
    sequence, field, salt, text = values
    try:
        return TextRow(sequence, field, salt, text.decode())
    except UnicodeDecodeError as error:
        msg = f"the text {field!r} of record {sequence} is not UTF-8"
        raise Corrupt(msg) from error


def _account(values: Iterable[Any]) -> AccountRow:
    row = AccountRow._make(values)
    return row._replace(floor=_limit(row.floor), ceiling=_limit(row.ceiling))


def _limit(text: Any) -> Any:
    if text is None or text == "inherit":
        return text
    try:
        return int(text)
    except ValueError as error:
        msg = f"a limit cannot be {shown(text)}"
        raise Corrupt(msg) from error


@attrs.define
class Transaction:
    """A transaction on a server: its cursor, its dialect, and where it is, for messages."""

    cursor: Any
    dialect: Dialect
    where: str
    #: Whether a host began it, and said whether it may write.
    is_hosts: bool = False

    @property
    def connection(self) -> Any:
        """The driver's connection, as the cursor has it."""
        return self.cursor.connection

    def translated(self, error: Exception) -> TimebankError:
        """The library's error for the driver's; raise it `from` that."""
        if self.is_hosts and self.dialect.takes_no_writes(error):
            return StoreError(f"{self.where}: the storage cannot be written to ({error})")
        return self.dialect.translated(error, self.where)

    def commit(self, ids: Sequence[str] = (), *, id: str | None = None) -> None:
        """Commit, and return where the server has said that it did.

        `ids` are those of all that is in it, and `id` the last one's.

        :raises Conflict: it was rolled back, for another one was first.
        :raises StoreError: it was rolled back.
        :raises OutcomeUnknown: every other error, and a warning of the server's: only that it was
            rolled back is believed.
        """
        self.end(lambda: self.dialect.commit(self.cursor), ids, id=id)

    def end(
        self, commit: Callable[[], bool | None], ids: Sequence[str] = (), *, id: str | None = None
    ) -> None:
        """Commit by a function, as `commit` does by the dialect's.

        Where it raises one of our own errors, it has not come to the commit.
        """
        try:
            committed = commit()
        except TimebankError:
            raise
        except Exception as error:  # a driver raises anything, of an answer that it cannot read
            if isinstance(error, self.dialect.error) and self.dialect.rolled_back(error):
                raise self.translated(error) from error
            raise OutcomeUnknown(id, ids=ids) from error
        if committed is None:
            raise OutcomeUnknown(id, ids=ids) from StoreError(
                f"{self.where}: the server committed with a warning: what it waited for, a "
                "replica perhaps, may not have it"
            )
        if not committed:
            msg = f"{self.where}: the server rolled back instead, so nothing was written"
            raise StoreError(msg)


class SqlReader(TableReader):
    """A reader of one bank, of use until `close`."""

    mark = "%s"
    text_type = row_type_of("timebank_texts", _text, INT, STR, BYTES, BYTES)
    account_type = row_type_of(
        "timebank_accounts",
        _account,
        *(STR, STR, STR, STR_OR_NULL, STR_OR_NULL, STR_OR_NULL, INT, INT_OR_NULL, STR_OR_NULL),
    )

    def __init__(self, transaction: Transaction, bank: str, queries: Queries | None = None) -> None:
        super().__init__(queries or transaction.dialect.reading, bank, transaction.where)
        self._transaction: Transaction | None = transaction

    def transaction(self) -> Transaction:
        """Return the transaction, until `close`.

        :raises StoreError: after.
        """
        if self._transaction is None:
            msg = "this reader is closed"
            raise StoreError(msg)
        return self._transaction

    def close(self) -> None:
        """Every call from now on is an error."""
        self._transaction = None

    @contextmanager
    def _translating(self) -> Iterator[Transaction]:
        transaction = self.transaction()
        try:
            yield transaction
        except transaction.dialect.error as error:
            if transaction.dialect.no_table(error):
                raise BankNotFound(self._bank, transaction.where) from error
            raise transaction.translated(error) from error

    def _fetch(self, sql: str, values: tuple[object, ...]) -> list[tuple[Any, ...]]:
        transaction = self.transaction()
        try:
            transaction.cursor.execute(sql, values)
            return list(transaction.cursor.fetchall())
        except transaction.dialect.error as error:
            if transaction.dialect.no_table(error):
                raise BankNotFound(self._bank, transaction.where) from error
            raise transaction.translated(error) from error

    def _day_values(
        self, account: str, bound: str, edge: tuple[str, int], limit: int
    ) -> tuple[object, ...]:
        return (self._bank, account, bound, edge[0], *edge, limit)

    def holds(self, *, after: tuple[int, str], limit: int) -> list[HoldRow]:
        """Implement `Reader.holds`."""
        values = (self._bank, after[0], *after, limit)
        return self._page(HOLD, self._sql.holds, values, above_hold(after))

    def holds_of(self, account: str, *, after: tuple[int, int], limit: int) -> list[HoldRow]:
        """Implement `Reader.holds_of`."""
        values = (self._bank, account, after[0], *after, limit)
        return self._page(HOLD, self._sql.holds_of, values, above_end(after))

    def check_version(self) -> None:
        """Implement `KnowsVersion.check_version`."""
        from timebank.storage.server.migrations import check_reader

        check_reader(self.transaction())

    def faults(self, progress: Callable[[], None] | None = None) -> list[Fault]:
        """Implement `Reader.faults`: of all tables of the ledger, not only this bank's rows."""
        from timebank.storage.server.faults import faults

        with self._translating() as transaction, patience(transaction.connection):
            return faults(transaction, progress)

    def own_faults(self, progress: Callable[[], None] | None = None) -> list[Fault]:
        """Implement `FindsOwn.own_faults`."""
        from timebank.storage.server.faults import own_faults

        with self._translating() as transaction:
            return own_faults(transaction, self._fetch, self._bank, progress)

    def schema_unseen(self) -> list[str]:
        """Implement `TellsUnseen.schema_unseen`."""
        from timebank.storage.server.meaning import schema_unseen

        with self._translating() as transaction:
            return schema_unseen(transaction)

    def schema_faults(self) -> list[Fault]:
        """Implement `SeesSchema.schema_faults`."""
        from timebank.storage.server.meaning import schema_faults

        with self._translating() as transaction, patience(transaction.connection):
            return schema_faults(transaction)

    def sums(self) -> list[Fault]:
        """Implement `AddsUp.sums`, of all postings."""
        with patience(self.transaction().connection):
            return super().sums()

    def totals(
        self, account: str, *, since: str | None = None, until: str | None = None
    ) -> tuple[int, int]:
        """Implement `Reader.totals`, of all that an account has."""
        with patience(self.transaction().connection):
            return super().totals(account, since=since, until=until)

    def late(self, account: str, *, after: int, through: int, until: str) -> int:
        """Implement `AddsLate.late`, of perhaps all that an account has."""
        with patience(self.transaction().connection):
            return super().late(account, after=after, through=through, until=until)


class SqlWriter(SqlReader):
    """The writer of one bank; its bank's row is locked until the transaction ends."""

    def __init__(self, transaction: Transaction, bank: str) -> None:
        super().__init__(transaction, bank, transaction.dialect.writing)
        self._head: Head | None = None
        #: How many rows were written, roughly.
        self._written = 0
        self.last_id: str | None = None
        #: The ids of all that was appended, in order.
        self.ids: list[str] = []
        self.failed: BaseException | None = None
        #: Whether there is something to commit.
        self.has_written = False

    def _fetch(self, sql: str, values: tuple[object, ...]) -> list[tuple[Any, ...]]:
        """Fetch as a reader does; after an error nothing more is written."""
        self.transaction()
        if self.failed is not None:
            msg = "a statement failed before: this writer can only be left"
            raise StoreError(msg) from self.failed
        try:
            return super()._fetch(sql, values)
        except TimebankError as error:
            self.failed = error
            raise

    def lock(self) -> None:
        """Take the writer's lock: the bank's row, if the bank is there."""
        row = self._row(HEAD, self.transaction().dialect.lock_head, (self._bank,))
        self._head = None if row is None else Head(*row)

    def settle(self) -> None:
        """Have the commit wait for what was committed before, where it would by itself not."""
        if not self.has_written and self._head is not None:
            with self._translating() as transaction:
                transaction.dialect.settle(transaction.cursor, self._bank)

    def head(self) -> Head:
        """Implement `Reader.head`: the row is ours, so nobody else moves it."""
        self.transaction()
        return super().head() if self._head is None else self._head

    def append(self, batch: Batch) -> None:
        """Implement `Writer.append`; after a failure the writer takes and commits nothing."""
        self.transaction()
        if self.failed is not None:
            msg = "a statement failed before: this writer can only be left"
            raise StoreError(msg) from self.failed
        head = self.head()
        self.has_written = True
        self.failed = UNFINISHED  # until it is: an interrupt may come between any two lines
        try:
            with self._translating() as transaction:
                self._append(transaction, batch, head)
        except BaseException as error:
            self.failed = error
            raise
        self.failed = None

    def _append(self, transaction: Transaction, batch: Batch, head: Head) -> None:
        last = head.sequence
        for record in batch.records:
            if record.sequence != last + 1:
                msg = f"record {record.sequence} does not follow the last record, {last}"
                raise Conflict(msg)
            last = record.sequence
        self._be_patient_for(batch)
        if batch.anew:
            transaction.dialect.delete_derived(transaction.cursor, self._bank)
        if not transaction.dialect.append(transaction.cursor, self._bank, batch, head.sequence):
            msg = f"the head of bank {shown(self._bank)} is no longer at {head.sequence}"
            raise Conflict(msg)
        if batch.records:
            end: RecordRow = batch.records[-1]
            self._head, self.last_id = Head(head.journal, end.sequence, end.digest), end.id
            self.ids += [record.id for record in batch.records if record.id is not None]

    def _be_patient_for(self, batch: Batch) -> None:
        """Let the server take its time for a transaction of many rows, its commit included."""
        self._written += len(batch.records) + len(batch.postings) + len(batch.tiles)
        if batch.anew or self._written > MANY_ROWS:
            be_patient(self.transaction().connection)

    def add_bank(self, journal: str) -> None:
        """Make the bank where it is missing.

        :raises Corrupt: its own row is missing, its others are there.
        """
        try:
            self.head()
        except BankNotFound:
            self.insert_bank(journal)

    def insert_bank(self, journal: str) -> None:
        """Make the bank, which is missing."""
        self.has_written = True
        with self._translating() as transaction:
            transaction.cursor.execute(_ADD_BANK, (self._bank, journal, genesis(journal)))
