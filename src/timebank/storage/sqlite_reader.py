"""Reading and appending rows on one SQLite connection, within a transaction that is open."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable
from typing import Any, Final

from timebank.errors import BankNotFound, Corrupt
from timebank.journal import genesis
from timebank.model import AccountRow, Fault, Head, PostingRow, RecordRow, TextRow
from timebank.storage import sqlite_schema as schema
from timebank.storage.protocol import Batch
from timebank.storage.sqlite_errors import driver

_RECORD: Final = "SELECT sequence, digest, body, id, refers_to FROM timebank_records"
_ACCOUNT: Final = (
    "SELECT account, kind, status, joined_on, floor, ceiling, opened, named FROM timebank_accounts"
)
_POSTING: Final = "SELECT account, version, sequence, seconds, balance, day FROM timebank_postings"

_HEAD: Final = (
    "SELECT sequence, digest FROM timebank_records WHERE bank = ? ORDER BY sequence DESC LIMIT 1"
)
_LAST: Final = f"{_POSTING} WHERE bank = ? AND account = ? ORDER BY version DESC LIMIT 1"
_LAST_THROUGH: Final = (
    f"{_POSTING} WHERE bank = ? AND account = ? AND sequence <= ? ORDER BY version DESC LIMIT 1"
)
_FIND: Final = f"{_RECORD} INDEXED BY timebank_records_id WHERE bank = ? AND id = ?"

_INSERT_RECORD: Final = (
    "INSERT INTO timebank_records (bank, sequence, digest, body, id, refers_to)"
    " VALUES (?, ?, ?, ?, ?, ?)"
)
_INSERT_TEXT: Final = (
    "INSERT INTO timebank_texts (bank, sequence, field, salt, text) VALUES (?, ?, ?, ?, ?)"
)
_INSERT_ACCOUNT: Final = (
    "INSERT INTO timebank_accounts"
    " (bank, account, kind, status, joined_on, floor, ceiling, opened, named)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
    " ON CONFLICT (bank, account) DO UPDATE SET kind = excluded.kind, status = excluded.status,"
    " joined_on = excluded.joined_on, floor = excluded.floor, ceiling = excluded.ceiling,"
    " opened = excluded.opened, named = excluded.named"
)
_INSERT_POSTING: Final = (
    "INSERT INTO timebank_postings (bank, account, version, sequence, seconds, balance, day)"
    " VALUES (?, ?, ?, ?, ?, ?, ?)"
)


class SqliteReader:
    """One bank, as the transaction on the connection sees it."""

    def __init__(self, connection: sqlite3.Connection, bank: str, where: str) -> None:
        self._connection, self._bank, self._where = connection, bank, where
        self._execute = connection.execute

    @driver
    def head(self) -> Head:
        """See `Reader.head`."""
        try:
            found = self._execute(
                "SELECT journal FROM timebank_banks WHERE bank = ?", (self._bank,)
            ).fetchone()
        except sqlite3.OperationalError as error:
            if not str(error).startswith("no such table") or schema.objects(self._connection):
                raise
            raise BankNotFound(self._bank, self._where) from error
        last = self._execute(_HEAD, (self._bank,)).fetchone()
        if found is None:
            if last is None:
                raise BankNotFound(self._bank, self._where)
            msg = f"bank {self._bank!r} has records, but its own row is missing"
            raise Corrupt(msg)
        return Head(found[0], *last) if last else Head(found[0], 0, genesis(found[0]))

    @driver
    def records(self, *, after: int, limit: int) -> list[RecordRow]:
        """See `Reader.records`."""
        rows = self._execute(
            f"{_RECORD} WHERE bank = ? AND sequence > ? ORDER BY sequence LIMIT ?",
            (self._bank, after, limit),
        )
        return [_checked(RecordRow(*row)) for row in rows]

    @driver
    def find(self, id: str) -> RecordRow | None:
        """See `Reader.find`."""
        row = self._execute(_FIND, (self._bank, id)).fetchone()
        return None if row is None else _checked(RecordRow(*row))

    @driver
    def referring(self, sequence: int) -> list[RecordRow]:
        """See `Reader.referring`."""
        rows = self._execute(
            f"{_RECORD} INDEXED BY timebank_records_refers_to"
            " WHERE bank = ? AND refers_to = ? ORDER BY sequence",
            (self._bank, sequence),
        )
        return [_checked(RecordRow(*row)) for row in rows]

    @driver
    def texts(self, *, after: int, through: int) -> list[TextRow]:
        """See `Reader.texts`."""
        rows = self._execute(
            "SELECT sequence, field, salt, text FROM timebank_texts"
            " WHERE bank = ? AND sequence > ? AND sequence <= ? ORDER BY sequence, field",
            (self._bank, after, through),
        )
        return [TextRow(*row) for row in rows]

    @driver
    def account(self, id: str) -> AccountRow | None:
        """See `Reader.account`."""
        row = self._execute(f"{_ACCOUNT} WHERE bank = ? AND account = ?", (self._bank, id)).fetchone()
        return None if row is None else AccountRow(*row)

    @driver
    def accounts(self, *, after: str | None, limit: int) -> list[AccountRow]:
        """See `Reader.accounts`."""
        rows = self._execute(
            f"{_ACCOUNT} WHERE bank = ? AND account > ? ORDER BY account LIMIT ?",
            (self._bank, "" if after is None else after, limit),
        )
        return [AccountRow(*row) for row in rows]

    @driver
    def last_posting(self, account: str, *, through: int | None = None) -> PostingRow | None:
        """See `Reader.last_posting`."""
        if through is None:
            row = self._execute(_LAST, (self._bank, account)).fetchone()
        else:
            row = self._execute(_LAST_THROUGH, (self._bank, account, through)).fetchone()
        return None if row is None else PostingRow(*row)

    @driver
    def postings(self, account: str, *, after: int, limit: int) -> list[PostingRow]:
        """See `Reader.postings`."""
        rows = self._execute(
            f"{_POSTING} WHERE bank = ? AND account = ? AND version > ? ORDER BY version LIMIT ?",
            (self._bank, account, after, limit),
        )
        return [PostingRow(*row) for row in rows]

    @driver
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
        """See `Reader.postings_by_day`."""
        sql = f"{_POSTING} INDEXED BY timebank_postings_day WHERE bank = ? AND account = ?"
        values: list[Any] = [self._bank, account]
        order, beyond = ("DESC", "<") if newest_first else ("ASC", ">")
        for condition, value in (("day >= ?", since), ("day <= ?", until)):
            if value is not None:
                sql += f" AND {condition}"
                values.append(value)
        if after is not None:
            sql += f" AND (day, version) {beyond} (?, ?)"
            values += after
        sql += f" ORDER BY day {order}, version {order} LIMIT ?"
        return [PostingRow(*row) for row in self._execute(sql, (*values, limit))]

    @driver
    def totals(
        self, account: str, *, since: str | None = None, until: str | None = None
    ) -> tuple[int, int]:
        """See `Reader.totals`."""
        sql = (
            "SELECT coalesce(sum(CASE WHEN seconds > 0 THEN seconds END), 0),"
            " coalesce(-sum(CASE WHEN seconds < 0 THEN seconds END), 0)"
            " FROM timebank_postings WHERE bank = ? AND account = ?"
        )
        values = [self._bank, account]
        for condition, value in (("day >= ?", since), ("day <= ?", until)):
            if value is not None:
                sql += f" AND {condition}"
                values.append(value)
        earned, spent = self._execute(sql, values).fetchone()
        return earned, spent

    def faults(self, progress: Callable[[], None] | None = None) -> Iterable[Fault]:
        """See `Reader.faults`."""
        from timebank.storage.sqlite_faults import faults

        return faults(self._connection, progress)


class SqliteWriter(SqliteReader):
    """The same within an immediate transaction; `last_id` is of the last operation appended."""

    last_id: str | None = None

    @driver
    def append(self, batch: Batch) -> None:
        """See `Writer.append`."""
        if batch.anew:
            self._throw_away()
        bank, many = self._bank, self._connection.executemany
        if batch.records:
            self._follow(batch.records)
            many(_INSERT_RECORD, [(bank, *row) for row in batch.records])
        if batch.texts:
            many(_INSERT_TEXT, [(bank, *row) for row in batch.texts])
        if batch.accounts:
            many(_INSERT_ACCOUNT, [(bank, *row) for row in batch.accounts.values()])
        if batch.postings:
            many(_INSERT_POSTING, [(bank, *row) for row in batch.postings])

    def _follow(self, records: list[RecordRow]) -> None:
        for row in records:
            if row.id is not None:
                self.last_id = row.id

    def _throw_away(self) -> None:
        """Delete the derived rows; the triggers that forbid it stand aside in this transaction."""
        names = [name for name in schema.TRIGGERS if name.startswith("timebank_postings")]
        for name in names:
            self._execute(f"DROP TRIGGER IF EXISTS {name}")
        for table in ("timebank_postings", "timebank_accounts"):
            self._execute(f"DELETE FROM {table} WHERE bank = ?", (self._bank,))  # noqa: S608  # constants
        for name in names:
            self._execute(schema.TRIGGERS[name])


def _checked(row: RecordRow) -> RecordRow:
    """A record whose columns have the types that hashing and parsing rely on."""
    if type(row.digest) is bytes and type(row.body) is bytes and type(row.sequence) is int:
        return row
    msg = f"record {row.sequence!r} is not stored as an integer and two blobs"
    raise Corrupt(msg)
