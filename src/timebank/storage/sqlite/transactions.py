"""One bank in SQLite: read in a snapshot, written in a transaction that begins with the lock."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import chain
from operator import attrgetter
from types import TracebackType
from typing import Any, Final, Self

from timebank.errors import (
    BankNotFound,
    Conflict,
    Corrupt,
    OutcomeUnknown,
    StoreError,
    TimebankError,
)
from timebank.model import Fault, Head, PostingRow, RecordRow
from timebank.storage.lock import OVER, UNFINISHED, Turn, this_process
from timebank.storage.protocol import Batch
from timebank.storage.sqlite.connections import Connections, begin_late, rolled_back
from timebank.storage.sqlite.errors import ERRORS, commit_failed, translated
from timebank.storage.sqlite.faults import faults, own_faults, schema_faults
from timebank.storage.sqlite.files import Log, file_at, replaced
from timebank.storage.sqlite.log import is_sound
from timebank.storage.sqlite.questions import (
    FOLLOWING_ID,
    HEAD_AND_ID,
    POSTINGS_BEHIND,
    POSTINGS_BETWEEN,
    QUERIES,
    SEQUENCES_BY_ID,
    TOTALS_BY_ACCOUNT,
)
from timebank.storage.sqlite.schema import POSTING_GUARDS, check_version, has_ledger
from timebank.storage.tables import (
    ACCOUNT_TOTALS,
    FEW,
    HEAD,
    MANY,
    POSTING,
    STR,
    TableReader,
    row_type_of,
)

#: Connections of a parent's that a forked child has: to close one would drop the parent's locks.
_INHERITED: Final[list[sqlite3.Connection]] = []

_id_of = attrgetter("id")
#: The id of a record, alone.
_ID: Final = row_type_of("timebank_records", tuple, STR)
_ADD_RECORD = "INSERT INTO timebank_records VALUES (?, ?, ?, ?, ?, ?, ?)"
_ADD_TEXT = "INSERT INTO timebank_texts VALUES (?, ?, ?, ?, ?)"
_ADD_POSTING = "INSERT INTO timebank_postings VALUES (?, ?, ?, ?, ?, ?, ?)"
_ADD_HOLD = "INSERT INTO timebank_holds VALUES (?, ?, ?, ?, ?, ?)"
_ADD_STATUTE = "INSERT INTO timebank_statutes VALUES (?, ?, ?, ?)"
_ADD_TILE = "INSERT INTO timebank_tiles VALUES (?, ?, ?, ?)"
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
_PUT_ACCOUNT = """INSERT INTO timebank_accounts VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT (bank, account) DO UPDATE SET
        kind = excluded.kind, status = excluded.status, joined_on = excluded.joined_on,
        floor = excluded.floor, ceiling = excluded.ceiling,
        opened = excluded.opened, named = excluded.named,
        merged_into = excluded.merged_into"""


class SqliteReader(TableReader):
    """A snapshot of one bank; a context manager, of use between its entry and its end."""

    _sql = QUERIES
    _connection: sqlite3.Connection | None = None
    _pid = 0
    turn = OVER

    def __init__(self, connections: Connections, bank: str) -> None:
        # By hand: each call that writes makes one.
        self._bank = bank
        self._where = connections.where
        self._connections = connections
        #: What is borrowed to read.
        self.slot: list[sqlite3.Connection] = []

    def __enter__(self) -> Self:
        self._pid = this_process.pid
        try:
            self._connections.take(self)
            connection = self.slot[0]
            # Readers of one thread of a private database share a transaction.
            if not connection.in_transaction:
                connection.execute("BEGIN")
        except BaseException as error:
            self.drop()
            if isinstance(error, ERRORS):
                raise translated(error, self._where) from error
            raise
        self._connection = connection
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            self._connection = self._connection or self.connection()
            self.drop()
        except BaseException:  # an interrupt, half way
            self.drop()
            raise

    def drop(self) -> None:
        """Implement `Droppable.drop`."""
        if self._pid == this_process.pid:
            self._connections.give(self)
        elif self.slot:
            _INHERITED.extend(self.slot)
        self._connection = None
        self.turn = OVER

    def cut(self) -> None:
        """Implement `Holder.cut`."""
        self._connection = None
        self.slot.clear()

    def connection(self) -> sqlite3.Connection:
        """Return the connection, between entry and end.

        :raises StoreError: before or after.
        """
        if self._connection is None:
            msg = "this reader is closed"
            raise StoreError(msg)
        return self._connection

    def _fetch(self, sql: str, values: tuple[object, ...]) -> list[tuple[Any, ...]]:
        connection = self._connection or self.connection()
        try:
            return connection.execute(sql, values).fetchall()
        except ERRORS as error:
            raise self.translated(error) from error

    def _values(self, sql: str, values: tuple[object, ...]) -> list[Any]:
        """Return the values of all rows: each is taken apart before the next is read."""
        connection = self._connection or self.connection()
        try:
            return [*chain.from_iterable(connection.execute(sql, values))]
        except ERRORS as error:
            raise self.translated(error) from error

    def translated(self, error: Exception) -> TimebankError:
        """Return the library's error; a file in which there are no tables of ours has no bank."""
        result = translated(error, self._where)
        if isinstance(result, Corrupt) and str(error).startswith("no such table"):
            try:
                if not has_ledger(self.connection()):
                    return BankNotFound(self._bank, self._where)
            except ERRORS:
                pass  # the first error is the one to raise
        return result

    def check_version(self) -> None:
        """Implement `KnowsVersion.check_version`."""
        with suppress(*ERRORS):
            check_version(self.connection(), self._where)

    def faults(self, progress: Callable[[], None] | None = None) -> list[Fault]:
        """Implement `Reader.faults`: of the whole file, not only this bank."""
        return faults(self.connection(), self._where, progress)

    def postings_between(self, wanted: Sequence[tuple[str, int, int]]) -> list[PostingRow]:
        """Implement `FindsPostings.postings_between`."""
        return self._postings_of(POSTINGS_BETWEEN, wanted)

    def postings_behind(self, wanted: Sequence[tuple[str, int]]) -> list[PostingRow]:
        """Implement `FindsPostings.postings_behind`."""
        return self._postings_of(POSTINGS_BEHIND, wanted)

    def _postings_of(
        self, by_size: Mapping[int, str], wanted: Sequence[tuple[Any, ...]]
    ) -> list[PostingRow]:
        found: list[PostingRow] = []
        for sql, values in self._questions(by_size, wanted):
            found += self._rows(POSTING, sql, values)
        return found

    def posting_columns(self, wanted: Sequence[tuple[str, int, int]]) -> list[list[Any]]:
        """Implement `GivesColumns.posting_columns`."""
        found: list[list[Any]] = [[] for _ in PostingRow._fields]
        for sql, values in self._questions(POSTINGS_BETWEEN, wanted):
            for column, more in zip(found, self._columns(POSTING, sql, values), strict=False):
                column.extend(more)
        return found

    def sequences_by_id(self, *, after: int, through: int) -> list[int | None]:
        """Implement `GivesColumns.sequences_by_id`."""
        return self._values(SEQUENCES_BY_ID, (self._bank, after, through))

    def totals_by_account(self) -> list[tuple[str, int, int]]:
        """Implement `GivesColumns.totals_by_account`."""
        return self._rows(ACCOUNT_TOTALS, TOTALS_BY_ACCOUNT, (self._bank,))

    def _questions(
        self, by_size: Mapping[int, str], wanted: Sequence[tuple[Any, ...]]
    ) -> Iterator[tuple[str, tuple[object, ...]]]:
        """Yield the questions, and their values, for postings of so many accounts."""
        size = FEW if len(wanted) <= FEW else MANY
        for first in range(0, len(wanted), size):
            some = wanted[first : first + size]
            values = [*chain.from_iterable(some)]
            values += [None] * (len(some[0]) * (size - len(some)))  # there is no such account
            yield by_size[size], (*values, self._bank)

    def is_shared(self) -> bool:
        """Implement `FindsOwn.is_shared`: of a file that cannot tell, all is looked at."""
        try:
            return super().is_shared()
        except TimebankError:
            return False

    def own_faults(self, progress: Callable[[], None] | None = None) -> list[Fault]:
        """Implement `FindsOwn.own_faults`: the file itself is looked at with `faults`."""
        return own_faults(self.connection(), self._where, self._bank, progress)

    def schema_faults(self) -> list[Fault]:
        """Implement `SeesSchema.schema_faults`."""
        return schema_faults(self.connection(), self._where)


class SqliteWriter(SqliteReader):
    """The writer of one bank, in a transaction that began with the lock."""

    _sequence: int | None = None
    #: The ids of all that was appended, in order.
    _ids: tuple[str | None, ...] = ()
    _failed: BaseException | None = None
    #: The row of the head, where it was not as expected.
    _found: Sequence[tuple[Any, ...]] = ()

    def __enter__(self) -> Self:
        self._pid = this_process.pid
        self.turn = Turn(self)
        try:
            self._connection, left = self._connections.take_writer(self)
            if left is None:
                self._connection.execute("BEGIN IMMEDIATE")
            else:
                begin_late(self._connection, left, self._connections.timeout_seconds)
        except BaseException as error:
            self.drop()
            if isinstance(error, ERRORS):
                raise translated(error, self._where) from error
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        connection = self._connection
        try:
            if error is None:
                if connection is None:
                    connection = self.connection()
                if self._failed is not None or self._pid != this_process.pid:
                    raise self._not_kept()
                self._commit(connection)
            elif connection is not None and isinstance(error, TimebankError):
                self._check_file(error)
        finally:
            self.drop()

    def _not_kept(self) -> StoreError:
        """Return the error for a clean end after which nothing was written."""
        if self._pid != this_process.pid:
            msg = "this writer belongs to the process that opened it: nothing was written here"
            return StoreError(msg)
        error = StoreError("a statement failed, so nothing was written")
        error.__cause__ = self._failed
        return error

    def drop(self) -> None:
        """Implement `Droppable.drop`: what was not committed is undone."""
        if self._pid == this_process.pid:
            self._connections.give_writer(self, self._connection)
        elif self._connection is not None:
            _INHERITED.append(self._connection)
        self._connection = None
        self.turn = OVER  # who keeps this writer, in a traceback say, keeps no later turn

    def _commit(self, connection: sqlite3.Connection) -> None:
        """Commit, to the file that was opened; `FileConnections` says why, and why here.

        It is looked at last before the commit, so that nothing is written into a file that nobody
        finds, and right after it: where it was replaced in between, nobody knows who has read it.
        """
        where, connections = self._where, self._connections
        file = connections.file
        if file is not None:
            log = connections.log
            # The first commit with one: it is there since the transaction began.
            if log is None or not log.number:
                log = connections.log = Log(where)
            try:
                now = os.stat(where)  # noqa: PTH116 - a str, and quick
                is_there = (
                    (now.st_dev, now.st_ino) == file
                    and log.is_there()
                    # A ledger does not shrink, but by a VACUUM of another program, and by a `cp`.
                    and (now.st_size >= connections.size or self._is_sound())
                )
            except OSError:
                is_there = False
            if not is_there:
                raise replaced(where, file, log)
            connections.size = now.st_size
        try:
            connection.execute("COMMIT")
        except ERRORS as error:
            raise self._commit_failed(connection, error) from error
        if file is not None:
            try:
                now = os.stat(where)  # noqa: PTH116 - as above
                is_there = (now.st_dev, now.st_ino) == file
            except OSError:
                is_there = False
            if not is_there:
                ids = filter(None, self._ids)
                raise OutcomeUnknown(self._last_id(), ids=ids) from replaced(where)

    def _check_file(self, error: TimebankError) -> None:
        """Check, before a refusal is told, that it is of the file which is there.

        :raises StoreError: another one is there by now.
        """
        file = self._connections.file
        if file is not None and file_at(self._where) != file:
            raise replaced(self._where) from error

    def _is_sound(self) -> bool:
        """Return whether what the file is now is a database: see `is_sound`."""
        return is_sound(self._where, timeout_seconds=self._connections.timeout_seconds)

    def _commit_failed(self, connection: sqlite3.Connection, error: Exception) -> TimebankError:
        rolled_back(connection)
        return commit_failed(error, self._where, self._ids, id=self._last_id())

    def _last_id(self) -> str | None:
        """Return the id of what was appended last."""
        return self._ids[-1] if self._ids else None

    def _fetch(self, sql: str, values: tuple[object, ...]) -> list[tuple[Any, ...]]:
        """Fetch as a reader does; after an error nothing more is written."""
        connection = self._connection or self.connection()
        if self._failed is not None:
            msg = "a statement failed before: this writer can only be left"
            raise StoreError(msg) from self._failed
        try:
            return connection.execute(sql, values).fetchall()
        except ERRORS as error:
            self._failed = self.translated(error)
            raise self._failed from error

    def _values(self, sql: str, values: tuple[object, ...]) -> list[Any]:
        """Return them as `_fetch` does: after an error nothing more is written."""
        return [*chain.from_iterable(self._fetch(sql, values))]

    def head(self) -> Head:
        """Implement `Reader.head`."""
        found, self._found = self._found, ()
        if found and None not in found[0]:
            head = Head(*self._made(HEAD, found[0][:3]))
        else:
            head = super().head()
        self._sequence = head.sequence
        return head

    def confirms(self, journal: str, sequence: int, digest: bytes, *, id: str | None) -> bool:
        """Implement `Confirms.confirms`."""
        rows = self._fetch(HEAD_AND_ID, (id, self._bank))
        if rows != [(journal, sequence, digest, 0)]:
            self._found = rows
            return False
        self._sequence = sequence
        return True

    def following_id(self, id: str) -> str | None:
        """Implement `FindsFollowing.following_id`."""
        found = self._row(_ID, FOLLOWING_ID, (self._bank, id))
        return None if found is None else found[0]

    def append(self, batch: Batch) -> None:
        """Implement `Writer.append`; after a failure the writer takes and commits nothing."""
        connection = self._connection or self.connection()
        if self._failed is not None:
            msg = "a statement failed before: this writer can only be left"
            raise StoreError(msg) from self._failed
        if not connection.in_transaction:  # never a statement that is a commit of its own
            self._failed = StoreError("the transaction has ended from without")
            raise self._failed
        if batch.records:
            self._check_sequence(batch.records)
        self._found = ()
        self._failed = UNFINISHED  # until it is: an interrupt may come between any two lines
        try:
            self._append(connection, batch)
        except ERRORS as error:
            self._failed = error
            raise translated(error, self._where) from error
        except BaseException as error:
            self._failed = error
            raise
        self._failed = None

    def _check_sequence(self, records: list[RecordRow]) -> None:
        """Refuse a sequence that leaves a gap; the primary key refuses one that is taken."""
        last = self.head().sequence if self._sequence is None else self._sequence
        for record in records:
            if record.sequence != last + 1:
                msg = f"record {record.sequence} does not follow the last record, {last}"
                self._failed = Conflict(msg)
                raise self._failed
            last += 1
        self._sequence = last
        self._ids += tuple(map(_id_of, records))

    def _append(  # noqa: C901  # a line for each table: a loop costs each call more
        self, connection: sqlite3.Connection, batch: Batch
    ) -> None:
        with_bank = (self._bank,).__add__  # a tuple's own addition: no call of Python for a row
        if batch.anew:
            self._delete_derived(connection)
        add = connection.executemany
        if batch.records:
            add(_ADD_RECORD, map(with_bank, batch.records))
        if batch.texts:
            add(_ADD_TEXT, map(with_bank, batch.texts))
        if batch.accounts:
            add(_PUT_ACCOUNT, map(with_bank, batch.accounts.values()))
        if batch.postings:
            add(_ADD_POSTING, map(with_bank, batch.postings))
        if batch.holds:
            add(_ADD_HOLD, map(with_bank, batch.holds))
        if batch.statutes:
            add(_ADD_STATUTE, map(with_bank, batch.statutes))
        if batch.tiles:
            add(_ADD_TILE, map(with_bank, batch.tiles))
        if batch.resolved:
            keys = [(self._bank, sequence) for sequence in batch.resolved]
            connection.executemany(_END_HOLD, keys)
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

    def _delete_derived(self, connection: sqlite3.Connection) -> None:
        """Delete the derived rows; their guards are away for as long, in this transaction."""
        for name in POSTING_GUARDS:
            connection.execute(f"DROP TRIGGER IF EXISTS {name}")
        connection.execute("DELETE FROM timebank_postings WHERE bank = ?", (self._bank,))
        for table in (
            "timebank_holds",
            "timebank_statutes",
            "timebank_tiles",
            "timebank_accounts",
        ):
            connection.execute(f"DELETE FROM {table} WHERE bank = ?", (self._bank,))  # noqa: S608 - our names
        for statement in POSTING_GUARDS.values():
            connection.execute(statement)

    def add_bank(self, journal: str) -> None:
        """Make the bank where it is missing.

        :raises Corrupt: its own row is missing, its others are there.
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
                    msg = f"{self._where} has no ledger in it: open it with create"
                    result = StoreError(msg)
                raise result from error
