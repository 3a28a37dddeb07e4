"""One bank in SQLite, read in a snapshot.

Every statement is a constant, so that SQLite's cache of prepared ones serves.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable
from itertools import product
from types import NoneType, TracebackType
from typing import Any, Final, Generic, NamedTuple, Self, TypeVar

from timebank.errors import (
    BankNotFound,
    Corrupt,
    StoreError,
    TimebankError,
    shown,
)
from timebank.journal import genesis
from timebank.model import AccountRow, Fault, Head, PostingRow, RecordRow, TextRow
from timebank.storage.sqlite_connections import Connections
from timebank.storage.sqlite_errors import translated
from timebank.storage.sqlite_faults import faults
from timebank.storage.sqlite_schema import TABLES, has_ledger

Row = TypeVar("Row")

_MOST: Final = 2**63 - 1
_LAST_DAY: Final = "\U0010ffff"

_HEAD = """SELECT b.journal, r.sequence, r.digest FROM timebank_banks b
    LEFT JOIN timebank_records r ON r.bank = b.bank
        AND r.sequence = (SELECT max(sequence) FROM timebank_records WHERE bank = b.bank)
    WHERE b.bank = ?"""
_BANKS = "SELECT bank FROM timebank_banks ORDER BY bank"
_LEFT_OVER = " UNION ALL ".join(
    f"SELECT 1 WHERE EXISTS (SELECT 1 FROM {table} WHERE bank = :bank)"  # noqa: S608 - our names
    for table in TABLES
)
_RECORD = "SELECT sequence, digest, body, id, refers_to FROM timebank_records "
_RECORDS = _RECORD + "WHERE bank = ? AND sequence > ? ORDER BY sequence LIMIT ?"
_FIND = _RECORD + "WHERE bank = ? AND id = ?"
# SQLite, which has no statistics, would walk through the bank to save the sorting.
_REFERRING = _RECORD + (
    "INDEXED BY timebank_records_refers_to WHERE bank = ? AND refers_to = ? ORDER BY sequence"
)
_TEXTS = """SELECT sequence, field, salt, text FROM timebank_texts
    WHERE bank = ? AND sequence > ? AND sequence <= ? ORDER BY sequence, field"""
_ACCOUNT_COLUMNS = "account, kind, status, joined_on, floor, ceiling, opened, named"
_ACCOUNT = f"SELECT {_ACCOUNT_COLUMNS} FROM timebank_accounts WHERE bank = ? AND account "  # noqa: S608 - as above
_ONE_ACCOUNT = _ACCOUNT + "= ?"
_ACCOUNTS = _ACCOUNT + "> ? ORDER BY account LIMIT ?"
_FIRST_ACCOUNTS = _ACCOUNT + ">= ? ORDER BY account LIMIT ?"
_POSTING = """SELECT account, version, sequence, seconds, balance, day FROM timebank_postings
    WHERE bank = ? AND account = ? AND """
_LAST_POSTING = _POSTING + "sequence <= ? ORDER BY version DESC LIMIT 1"
_POSTINGS = _POSTING + "version > ? ORDER BY version LIMIT ?"
_BY_DAY = _POSTING + "day <= ? AND (day, version) > (?, ?) ORDER BY day, version LIMIT ?"
_BY_DAY_BACK = (
    _POSTING + "day >= ? AND (day, version) < (?, ?) ORDER BY day DESC, version DESC LIMIT ?"
)
_TOTALS = """SELECT coalesce(sum(max(seconds, 0)), 0), coalesce(sum(max(-seconds, 0)), 0)
    FROM timebank_postings WHERE bank = ? AND account = ? AND day >= ? AND day <= ?"""


class _Kind(NamedTuple, Generic[Row]):
    """How a row of a table is read: what makes it, and which types its columns may have."""

    table: str
    make: Callable[[Iterable[Any]], Row]
    types: frozenset[tuple[type, ...]]


def _kind(
    table: str, make: Callable[[Iterable[Any]], Row], *columns: tuple[type, ...]
) -> _Kind[Row]:
    return _Kind(table, make, frozenset(product(*columns)))


_INT, _STR, _BYTES = (int,), (str,), (bytes,)
_INT_OR_NULL, _STR_OR_NULL = (int, NoneType), (str, NoneType)
_LIMIT = (int, str, NoneType)

_RECORD_KIND: Final = _kind(
    "timebank_records", RecordRow._make, _INT, _BYTES, _BYTES, _STR_OR_NULL, _INT_OR_NULL
)
_TEXT_KIND: Final = _kind("timebank_texts", TextRow._make, _INT, _STR, _BYTES, _STR)
_ACCOUNT_KIND: Final = _kind(
    "timebank_accounts",
    AccountRow._make,
    *(_STR, _STR, _STR, _STR_OR_NULL, _LIMIT, _LIMIT, _INT, _INT_OR_NULL),
)
_POSTING_KIND: Final = _kind(
    "timebank_postings", PostingRow._make, _STR, _INT, _INT, _INT, _INT, _STR
)
_BANK_KIND: Final = _kind("timebank_banks", tuple, _STR)
_TOTALS_KIND: Final = _kind("timebank_postings", tuple, _INT, _INT)
_HEAD_KIND: Final = _Kind(
    "timebank_banks", tuple, frozenset({(str, int, bytes), (str, NoneType, NoneType)})
)


class SqliteReader:
    """A snapshot of one bank; a context manager, of use between its entry and its end."""

    def __init__(self, connections: Connections, bank: str) -> None:
        self._connections = connections
        self._bank = bank
        self._connection: sqlite3.Connection | None = None
        self._began = False

    def __enter__(self) -> Self:
        try:
            connection = self._connections.take()
        except sqlite3.Error as error:
            raise translated(error, self._connections.where) from error
        # Readers of one thread of a private database share a transaction.
        self._began = not connection.in_transaction
        if self._began:
            connection.execute("BEGIN")
        self._connection = connection
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        connection, self._connection = self.connection(), None
        if self._connections.owns(connection):
            sound = not self._began or rolled_back(connection)
            self._connections.give(connection, sound=sound)

    def connection(self) -> sqlite3.Connection:
        """The connection, between entry and end.

        :raises StoreError: before or after.
        """
        if self._connection is None:
            msg = "this reader is closed"
            raise StoreError(msg)
        return self._connection

    def _rows(self, kind: _Kind[Row], sql: str, values: tuple[object, ...]) -> list[Row]:
        """The rows of a query, each of the types that its table has.

        :raises Corrupt: a value of another type, or text that is not UTF-8.
        """
        try:
            found = self.connection().execute(sql, values).fetchall()
        except sqlite3.Error as error:
            raise self.translated(error) from error
        rows = []
        for row in found:
            if tuple(map(type, row)) not in kind.types:
                msg = f"{self._connections.where}: a row of {kind.table} cannot be: {shown(row)}"
                raise Corrupt(msg)
            rows.append(kind.make(row))
        return rows

    def _row(self, kind: _Kind[Row], sql: str, values: tuple[object, ...]) -> Row | None:
        rows = self._rows(kind, sql, values)
        return rows[0] if rows else None

    def translated(self, error: sqlite3.Error) -> TimebankError:
        """The library's error; a file in which there are no tables of ours has no bank."""
        result = translated(error, self._connections.where)
        if isinstance(result, Corrupt) and str(error).startswith("no such table"):
            try:
                if not has_ledger(self.connection()):
                    return BankNotFound(self._bank, self._connections.where)
            except sqlite3.Error:
                """What was found first is what is told."""
        return result

    def head(self) -> Head:
        """As `Reader.head`.

        :raises BankNotFound: the bank is not in the store.
        :raises Corrupt: the bank's own row is missing, its others are there.
        """
        row = self._row(_HEAD_KIND, _HEAD, (self._bank,))
        if row is not None:
            journal, sequence, digest = row
            return Head(journal, sequence or 0, digest or genesis(journal))
        if self.left_over():
            msg = f"{self._connections.where}: the own row of bank {shown(self._bank)} is missing"
            raise Corrupt(msg)
        raise BankNotFound(self._bank, self._connections.where)

    def banks(self) -> list[str]:
        """The names of the file's banks, by code point; none where there are no tables."""
        try:
            return [bank for (bank,) in self._rows(_BANK_KIND, _BANKS, ())]
        except BankNotFound:
            return []

    def left_over(self) -> bool:
        """Whether any row but its own names the bank."""
        try:
            sql = _LEFT_OVER
            return self.connection().execute(sql, {"bank": self._bank}).fetchone() is not None
        except sqlite3.Error as error:
            raise self.translated(error) from error

    def records(self, *, after: int, limit: int) -> list[RecordRow]:
        """As `Reader.records`."""
        return self._rows(_RECORD_KIND, _RECORDS, (self._bank, min(after, _MOST), limit))

    def find(self, id: str) -> RecordRow | None:
        """As `Reader.find`."""
        return self._row(_RECORD_KIND, _FIND, (self._bank, id))

    def referring(self, sequence: int) -> list[RecordRow]:
        """As `Reader.referring`."""
        return self._rows(_RECORD_KIND, _REFERRING, (self._bank, sequence))

    def texts(self, *, after: int, through: int) -> list[TextRow]:
        """As `Reader.texts`."""
        return self._rows(_TEXT_KIND, _TEXTS, (self._bank, after, through))

    def account(self, id: str) -> AccountRow | None:
        """As `Reader.account`."""
        return self._row(_ACCOUNT_KIND, _ONE_ACCOUNT, (self._bank, id))

    def accounts(self, *, after: str | None, limit: int) -> list[AccountRow]:
        """As `Reader.accounts`."""
        if after is None:
            return self._rows(_ACCOUNT_KIND, _FIRST_ACCOUNTS, (self._bank, "", limit))
        return self._rows(_ACCOUNT_KIND, _ACCOUNTS, (self._bank, after, limit))

    def last_posting(self, account: str, *, through: int | None = None) -> PostingRow | None:
        """As `Reader.last_posting`."""
        end = _MOST if through is None else min(through, _MOST)
        return self._row(_POSTING_KIND, _LAST_POSTING, (self._bank, account, end))

    def postings(self, account: str, *, after: int, limit: int) -> list[PostingRow]:
        """As `Reader.postings`."""
        return self._rows(_POSTING_KIND, _POSTINGS, (self._bank, account, after, limit))

    def postings_by_day(
        self,
        account: str,
        *,
        since: str | None = None,
        until: str | None = None,
        after: tuple[str, int] | None = None,
        newest_first: bool = False,
        limit: int,
    ) -> list[PostingRow]:
        """As `Reader.postings_by_day`."""
        first, last = since or "", _LAST_DAY if until is None else until
        if newest_first:
            end = (last, _MOST) if after is None else min((last, _MOST), after)
            values = (self._bank, account, first, *end, limit)
            return self._rows(_POSTING_KIND, _BY_DAY_BACK, values)
        start = (first, -_MOST) if after is None else max((first, -_MOST), after)
        return self._rows(_POSTING_KIND, _BY_DAY, (self._bank, account, last, *start, limit))

    def totals(
        self, account: str, *, since: str | None = None, until: str | None = None
    ) -> tuple[int, int]:
        """As `Reader.totals`."""
        last = _LAST_DAY if until is None else until
        ((earned, spent),) = self._rows(
            _TOTALS_KIND, _TOTALS, (self._bank, account, since or "", last)
        )
        return earned, spent

    def faults(self, progress: Callable[[], None] | None = None) -> list[Fault]:
        """As `Reader.faults`: of the whole file, not only this bank."""
        return faults(self.connection(), self._connections.where, progress)


def rolled_back(connection: sqlite3.Connection) -> bool:
    """End the transaction, if there is still one; whether the connection is of further use."""
    try:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
    except sqlite3.Error:
        return False
    return True
