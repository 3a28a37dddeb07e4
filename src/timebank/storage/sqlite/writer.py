"""One bank in SQLite, written to in a transaction that begins with the lock."""

from __future__ import annotations

import sqlite3
from types import TracebackType
from typing import Any, Self

from timebank.errors import BankNotFound, Conflict, OutcomeUnknown, StoreError, TimebankError
from timebank.model import Head, RecordRow
from timebank.storage.protocol import Batch
from timebank.storage.sqlite.connections import Connections
from timebank.storage.sqlite.errors import ERRORS, code_of, translated
from timebank.storage.sqlite.rows import SqliteReader, rolled_back
from timebank.storage.sqlite.schema import POSTING_GUARDS

_ADD_RECORD = "INSERT INTO timebank_records VALUES (?, ?, ?, ?, ?, ?, ?)"
_ADD_TEXT = "INSERT INTO timebank_texts VALUES (?, ?, ?, ?, ?)"
_ADD_POSTING = "INSERT INTO timebank_postings VALUES (?, ?, ?, ?, ?, ?, ?)"
_ADD_HOLD = "INSERT INTO timebank_holds VALUES (?, ?, ?, ?, ?, ?)"
_ADD_STATUTE = "INSERT INTO timebank_statutes VALUES (?, ?, ?)"
_END_HOLD = "DELETE FROM timebank_holds WHERE bank = ? AND sequence = ?"
_ERASE_TEXT = "DELETE FROM timebank_texts WHERE bank = ? AND sequence = ? AND field = ?"
#: `secure_delete` overwrites what is freed, whole pages too, but not the bytes that a row leaves
#: behind in its page when SQLite moves it to make room for another. So the table is
#: emptied, which frees every page it had, and filled again.
_REMAKE_TEXTS = (
    "CREATE TABLE timebank_moving AS SELECT * FROM timebank_texts",
    "DELETE FROM timebank_texts",
    "INSERT INTO timebank_texts SELECT * FROM timebank_moving ORDER BY bank, sequence, field",
    "DROP TABLE timebank_moving",
)
_PUT_ACCOUNT = """INSERT INTO timebank_accounts VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT (bank, account) DO UPDATE SET
        kind = excluded.kind, status = excluded.status, joined_on = excluded.joined_on,
        floor = excluded.floor, ceiling = excluded.ceiling,
        opened = excluded.opened, named = excluded.named"""


class SqliteWriter(SqliteReader):
    """The writer of one bank, in a transaction that began with the lock."""

    def __init__(self, connections: Connections, bank: str) -> None:
        super().__init__(connections, bank)
        self._sequence: int | None = None
        self._last_id: str | None = None
        self._failed: BaseException | None = None

    def __enter__(self) -> Self:
        where = self._connections.where
        try:
            connection = self._connections.take_writer()
        except ERRORS as error:
            raise translated(error, where) from error
        try:
            connection.execute("BEGIN IMMEDIATE")
        except ERRORS as error:
            self._connections.give_writer(connection, sound=rolled_back(connection))
            raise translated(error, where) from error
        except BaseException:
            self._connections.give_writer(connection, sound=rolled_back(connection))
            raise
        self._connection = connection
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        connection, self._connection = self.connection(), None
        if not self._connections.owns(connection):
            if error is None:
                msg = "this writer belongs to the process that opened it: nothing was written here"
                raise StoreError(msg)
            return
        sound = False
        try:
            if error is None and self._failed is None:
                self._commit(connection)
            sound = rolled_back(connection)
        finally:
            self._connections.give_writer(connection, sound=sound)
        if error is None and self._failed is not None:
            msg = "a statement failed, so nothing was written"
            raise StoreError(msg) from self._failed

    def _commit(self, connection: sqlite3.Connection) -> None:
        try:
            connection.execute("COMMIT")
        except ERRORS as error:
            rolled_back(connection)
            if code_of(error) == sqlite3.SQLITE_IOERR:
                raise OutcomeUnknown(self._last_id) from error
            raise translated(error, self._connections.where) from error

    def _fetch(self, sql: str, values: tuple[object, ...]) -> list[tuple[Any, ...]]:
        """As a reader's; an error may have ended the transaction, so nothing more is written."""
        self.connection()
        if self._failed is not None:
            msg = "a statement failed before: this writer can only be left"
            raise StoreError(msg) from self._failed
        try:
            return super()._fetch(sql, values)
        except TimebankError as error:
            self._failed = error
            raise

    def head(self) -> Head:
        """As `Reader.head`."""
        head = super().head()
        self._sequence = head.sequence
        return head

    def append(self, batch: Batch) -> None:
        """As `Writer.append`. After a failure the writer takes no more and commits nothing."""
        connection = self.connection()
        if self._failed is not None:
            msg = "a statement failed before: this writer can only be left"
            raise StoreError(msg) from self._failed
        try:
            self._check_sequence(batch.records)
            self._append(connection, batch)
        except ERRORS as error:
            self._failed = error
            raise translated(error, self._connections.where) from error
        except BaseException as error:
            self._failed = error
            raise

    def _check_sequence(self, records: list[RecordRow]) -> None:
        """The primary key refuses a sequence that is taken; this, one that leaves a gap."""
        if not records:
            return
        last = self._sequence if self._sequence is not None else self.head().sequence
        for record in records:
            if record.sequence != last + 1:
                msg = f"record {record.sequence} does not follow the last record, {last}"
                raise Conflict(msg)
            last = record.sequence
        self._sequence, self._last_id = last, records[-1].id

    def _append(self, connection: sqlite3.Connection, batch: Batch) -> None:
        bank = self._bank
        if batch.anew:
            self._throw_away(connection)
        for sql, rows in (
            (_ADD_RECORD, batch.records),
            (_ADD_TEXT, batch.texts),
            (_PUT_ACCOUNT, batch.accounts.values()),
            (_ADD_POSTING, batch.postings),
            (_ADD_HOLD, batch.holds),
            (_ADD_STATUTE, batch.statutes),
        ):
            if rows:
                connection.executemany(sql, [(bank, *row) for row in rows])
        if batch.resolved:
            connection.executemany(_END_HOLD, [(bank, sequence) for sequence in batch.resolved])
        if batch.erased:
            self._erase(connection, batch.erased)

    def _erase(self, connection: sqlite3.Connection, places: list[tuple[int, str]]) -> None:
        """Delete texts so that no page has them; a host's connection may not do so by itself."""
        (secure,) = connection.execute("PRAGMA secure_delete").fetchone()
        connection.execute("PRAGMA secure_delete = ON").fetchone()
        try:
            keys = [(self._bank, *place) for place in places]
            if connection.executemany(_ERASE_TEXT, keys).rowcount:
                for statement in _REMAKE_TEXTS:
                    connection.execute(statement)
        finally:
            connection.execute(f"PRAGMA secure_delete = {int(secure)}").fetchone()

    def _throw_away(self, connection: sqlite3.Connection) -> None:
        """Delete the derived rows; their guards are away for as long, in this transaction."""
        for name in POSTING_GUARDS:
            connection.execute(f"DROP TRIGGER IF EXISTS {name}")
        connection.execute("DELETE FROM timebank_postings WHERE bank = ?", (self._bank,))
        for table in ("timebank_holds", "timebank_statutes", "timebank_accounts"):
            connection.execute(f"DELETE FROM {table} WHERE bank = ?", (self._bank,))  # noqa: S608 - our names
        for statement in POSTING_GUARDS.values():
            connection.execute(statement)

    def add_bank(self, journal: str) -> None:
        """Make the bank where it is missing.

        :raises Corrupt: its own row is missing, its others are there.
        :raises Conflict: another bank has this journal's id.
        """
        try:
            self.head()
        except BankNotFound:
            try:
                sql = "INSERT INTO timebank_banks VALUES (?, ?)"
                self.connection().execute(sql, (self._bank, journal))
            except ERRORS as error:
                self._failed = error
                result = self.translated(error)
                if isinstance(result, BankNotFound):
                    msg = f"{self._connections.where} has no ledger in it: open it with create"
                    result = StoreError(msg)
                raise result from error
