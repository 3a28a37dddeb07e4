"""PostgreSQL, spoken to through psycopg 3, or through the driver that a host brings.

A writer reads at READ COMMITTED behind the lock on its bank's row, so that each
question sees all that was committed before the lock was free. All of a batch is
written by one statement.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext, suppress
from functools import cache
from importlib import import_module
from itertools import chain
from typing import Any, Final

import attrs

from timebank.errors import Conflict, InvalidRequest, TimebankError
from timebank.model import AccountRow, HoldRow, PostingRow, RecordRow, StatuteRow, TextRow, TileRow
from timebank.storage.address import ServerUrl
from timebank.storage.protocol import Batch
from timebank.storage.server import postgres_catalogue
from timebank.storage.server.definitions import Catalogue
from timebank.storage.server.dialect import (
    OF_HOST,
    CallAnswers,
    CallQuestions,
    Question,
    Terms,
    queries,
)
from timebank.storage.server.drivers import PostgresDriver, Psycopg, State
from timebank.storage.server.guards import make_refuse, no_statistics, postgres_guards
from timebank.storage.server.limits import (
    CONNECT_SECONDS,
    KEEPALIVE_COUNT,
    KEEPALIVE_IDLE_SECONDS,
    KEEPALIVE_INTERVAL_SECONDS,
    LONG,
    READ,
    UNCONFIRMED_MILLISECONDS,
    Limits,
)
from timebank.storage.server.literals import (
    answers_of,
    filled,
    literal,
    questions_in,
    rows_literal,
    rows_of,
)
from timebank.storage.server.postgres_errors import is_lost, is_rollback, meant, takes_no_writes
from timebank.storage.server.schema import TABLE_NAMES
from timebank.storage.tables import FEW, MANY, Queries

#: What libpq is told unless the URL tells it.
_GIVEN: Final = {
    "connect_timeout": CONNECT_SECONDS,
    "keepalives_idle": KEEPALIVE_IDLE_SECONDS,
    "keepalives_interval": KEEPALIVE_INTERVAL_SECONDS,
    "keepalives_count": KEEPALIVE_COUNT,
    "tcp_user_timeout": UNCONFIRMED_MILLISECONDS,
}
#: Options of a URL that are no options of a connection of libpq.
_OURS: Final = ("options", READ, LONG)
_UNDEFINED: Final = ("42P01", "3F000")
#: A statement in a transaction in which another one failed.
_FAILED: Final = "25P02"
#: As drivers call it.
_UTF8: Final = ("UTF8", "UTF-8", "UNICODE")
_COLUMNS: Final = {
    "records": (RecordRow._fields, ("bigint", "bytea", "bytea", "text", "text", "bigint")),
    "texts": (TextRow._fields, ("bigint", "text", "bytea", "bytea")),
    "accounts": (AccountRow._fields, (*("text",) * 6, "bigint", "bigint", "text")),
    "postings": (PostingRow._fields, ("text", *("bigint",) * 4, "text")),
    "holds": (HoldRow._fields, ("text", *("bigint",) * 4)),
    "statutes": (StatuteRow._fields, ("bigint", "text", "text")),
    "tiles": (TileRow._fields, ("bigint", "bigint", "bytea")),
}
#: Of plain rows the server reads the types from the table.
_INSERT: Final = {
    part: f"INSERT INTO timebank_{part} (bank, {', '.join(names)}) VALUES "  # noqa: S608 - our names
    for part, (names, _) in _COLUMNS.items()
}
_REPLACE: Final = " ON CONFLICT (bank, account) DO UPDATE SET " + ", ".join(
    f"{name} = excluded.{name}" for name in AccountRow._fields[1:]
)


_END_HOLDS: Final = "DELETE FROM timebank_holds WHERE bank = %s AND sequence {}"
_MOVE: Final = (
    "head AS (UPDATE timebank_banks SET sequence = %s, digest = %s "
    "WHERE bank = %s AND sequence = %s RETURNING 1)"
)
#: Where it moves no head it fails, by a division by zero, so that nothing after it is done.
_MUST_MOVE: Final = f"WITH {_MOVE} SELECT 1 / count(*) FROM head"  # noqa: S608 - our words
_NOT_MOVED: Final = "22012"
#: The steps of a statement all run, unless each asks whether the head was where it should be.
_IF_MOVED: Final = "EXISTS (SELECT 1 FROM head)"


_ERASE_TEXT: Final = (
    "DELETE FROM timebank_texts WHERE bank = %s AND (sequence, field) IN "
    "(SELECT * FROM unnest(%s::bigint[], %s::text[]))"
)


def _arrays(part: str) -> str:
    """Return where the rows of a table come from: an array for each column."""
    return f"unnest({', '.join(f'%s::{kind}[]' for kind in _COLUMNS[part][1])})"


@cache
def _append(parts: tuple[str, ...]) -> str:
    """Return one statement that writes the rows of these tables and moves the head.

    The rows are given as an array for each column. Where it does not move the head it writes
    nothing: a host whose callable has ended our savepoint meanwhile would keep what was written.
    """
    steps = []
    moves = "records" in parts
    if moves:
        steps.append(_MOVE)
    for part in parts:
        if part == "resolved":
            ends = _END_HOLDS.format("= ANY(%s::bigint[])")
            steps.append(f"resolved AS ({ends}{f' AND {_IF_MOVED}' if moves else ''})")
            continue
        names = ", ".join(_COLUMNS[part][0])
        steps.append(
            f"{part} AS (INSERT INTO timebank_{part} (bank, {names}) "  # noqa: S608 - our names
            f"SELECT %s, given.* FROM {_arrays(part)} AS given"
            f"{f' WHERE {_IF_MOVED}' if moves else ''}"
            f"{_REPLACE if part == 'accounts' else ''})"
        )
    answer = "SELECT count(*) FROM head" if moves else "SELECT 1"
    return f"WITH {', '.join(steps)} {answer}"


def _append_values(bank: str, rows: Mapping[str, Sequence[Any]]) -> Iterator[str]:
    """Yield a statement for each table, with the values in it.

    :raises ValueError: as `literal`.
    """
    for part, found in rows.items():
        if part == "resolved":
            sequences = ", ".join(str(sequence) for (sequence,) in found)
            yield filled(_END_HOLDS, (bank,)).format(f"IN ({sequences})")
        else:
            replace = _REPLACE if part == "accounts" else ""
            yield f"{_INSERT[part]}{rows_literal(bank, found)}{replace}"


#: Of more rows than these the values go apart from the statement, and the commit after it.
FEW_ROWS: Final = 100
_NO_SAVEPOINT: Final = "3B001"
#: A change that changes nothing: a lock of a row that is locked already would take no id.
_TAKE_XID: Final = (
    "UPDATE timebank_banks SET sequence = sequence WHERE bank = %s RETURNING xmin::text"
)
_HAS_XID: Final = """SELECT EXISTS (SELECT 1 FROM pg_locks WHERE locktype = 'transactionid'
    AND pid = pg_backend_pid() AND transactionid = %s::text::xid
    AND mode = 'ExclusiveLock' AND granted)"""
_LOCK_BANK: Final = "SELECT 1 FROM timebank_banks WHERE bank = %s FOR UPDATE"
_MAY_GUARD: Final = """SELECT substr(version(), 1, 11) = 'PostgreSQL '
    AND position('-' IN split_part(version(), ' ', 2)) = 0
    AND has_table_privilege('timebank_records', 'TRIGGER')"""
_FOUND_SCHEMAS: Final = f"""SELECT n.nspname::text FROM pg_class c
    JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relname IN {TABLE_NAMES} AND pg_table_is_visible(c.oid)"""  # noqa: S608 - our names


#: Of a wait for a standby that was cancelled nothing but a warning tells: it must come through.
_WARN: Final = "SET LOCAL client_min_messages = warning"


@cache
def _begin(mode: str, terms: Terms) -> list[str]:
    """Return the statements that begin a transaction, and set what is to hold in it."""
    steps = [f"BEGIN ISOLATION LEVEL {mode}"]
    if terms.timeout_seconds is not None:
        # 0 would be without end.
        steps.append(f"SET LOCAL lock_timeout = {max(1, int(terms.timeout_seconds * 1000))}")
        # With statistics of before there were other banks, a question about one would walk through
        # all of a table: every question of ours has an index.
        steps.append("SET LOCAL enable_seqscan = off")
    for name, value in terms.settings:
        steps.append(f"SELECT set_config({literal(name)}, {literal(value)}, true)")
    return steps


def _queries() -> Queries:
    """Return the questions, of which three name their index by how they ask.

    A planner that knows nothing of a bank takes every index of its rows for as good, and would read
    all of them for one id. What comes in the order of an index comes from that one; the order of
    what is equal would mean nothing, so that the bounds are two.
    """
    asked = "(SELECT %s::text AS bank) AS bank_asked, "
    record = "SELECT sequence, digest, body, kind, id, refers_to FROM timebank_records "
    by_id = "WHERE bank = bank_asked.bank AND id >= asked.id AND id <= asked.id ORDER BY id LIMIT 1"
    referring = (
        "WHERE bank = bank_asked.bank AND refers_to >= asked.sequence "
        "AND refers_to <= asked.sequence ORDER BY refers_to, sequence"
    )
    return attrs.evolve(
        queries(integer="bigint"),
        find=f"SELECT found.* FROM {asked}(SELECT %s::text AS id) AS asked, "  # noqa: S608 - our words
        f"LATERAL ({record}{by_id}) AS found",
        referring=f"SELECT found.* FROM {asked}(SELECT %s::bigint AS sequence) AS asked, "  # noqa: S608 - our words
        f"LATERAL ({record}{referring}) AS found ORDER BY found.sequence",
        sequences={
            size: f"SELECT found.* FROM {asked}"  # noqa: S608 - our words
            f"(SELECT DISTINCT unnest(ARRAY[{', '.join(['%s'] * size)}]::text[]) AS id) AS asked, "
            f"LATERAL (SELECT id, sequence FROM timebank_records {by_id}) AS found"
            for size in (FEW, MANY)
        },
    )


#: The head, and whether an id is used.
_BEGIN_CALL: Final = f"SELECT head.*, EXISTS ({_queries().find}) FROM ({_queries().head}) AS head"  # noqa: S608 - our words
#: The same, and whether the batch of a mark is there.
_BEGIN_IN_BATCH: Final = _BEGIN_CALL.replace("SELECT head.*", f"SELECT head.*, ({_HAS_XID})", 1)


class PostgreSql:
    """The dialect of PostgreSQL.

    >>> from timebank.storage.server.postgres import PostgreSql
    >>> PostgreSql().name
    'postgresql'
    """

    name = "postgresql"
    title = "PostgreSQL"
    remains: tuple[str, ...] = (
        (
            "PostgreSQL has it in the files of timebank_texts until VACUUM FULL timebank_texts, "
            "done when every transaction that may still see it has ended, a prepared one and that "
            "of a replica too"
        ),
        (
            "PostgreSQL has it in pg_wal until the segments are written over or removed, and for "
            "longer in archives of them, on replicas, in logs of statements and in backups"
        ),
    )
    transactional_ddl = True
    reading = _queries()
    writing = reading
    lock_head = reading.head + " FOR UPDATE"

    def __init__(self, driver: PostgresDriver | None = None) -> None:
        self.driver: PostgresDriver = Psycopg() if driver is None else driver
        self.error: type[Exception] = self.driver.error

    def arguments(self, url: ServerUrl) -> dict[str, Any]:
        """Implement `Dialect.arguments`: the settings in `options` are those of transactions."""
        make_conninfo = import_module("psycopg.conninfo").make_conninfo

        parts = {
            "host": url.host,
            "port": url.port,
            "user": url.user,
            "password": url.password,
            "dbname": url.database,
        }
        options = {name: value for name, value in url.options.items() if name not in _OURS}
        ours = {name: options.pop(name) for name in ("prepare_threshold",) if name in options}
        given = {
            **_GIVEN,
            **{name: value for name, value in parts.items() if value is not None},
            **options,
            "client_encoding": "UTF8",
        }
        try:
            make_conninfo(**given)
        except self.error as error:
            msg = f"{url}: libpq takes no such options ({str(error).partition(' ')[0]})"
            raise InvalidRequest(msg) from None
        return {"autocommit": True, **ours, **given}

    def connect(self, limits: Limits, arguments: dict[str, Any]) -> Any:
        """Implement `Dialect.connect`."""
        from timebank.storage.server.connecting_psycopg import connect

        return connect(limits, **arguments)

    def prepare(self, connection: Any, *, terms: Terms, given: Mapping[str, Any]) -> None:
        """Implement `Dialect.prepare`: behind a pooler no statement is prepared.

        One is noticed by the process that the server names at the start, for cancelling: a pooler
        gives a number of its own. Nothing is set, for the session may be somebody else's next.
        """
        if "prepare_threshold" not in given:
            (process,) = connection.execute("SELECT pg_backend_pid()", prepare=False).fetchone()
            if process != connection.info.backend_pid:
                connection.prepare_threshold = None

    def unfit(self, connection: Any) -> str | None:
        """Implement `Dialect.unfit`."""
        encoding, spoken = self.driver.encodings(connection)
        if encoding != "UTF8":
            return f"it is in {encoding}, and ids and texts need UTF8"
        if spoken not in _UTF8:
            return f"its connection is in {spoken} (client_encoding), and ids and texts need UTF8"
        return None

    def begin_reading(self, cursor: Any, terms: Terms = OF_HOST) -> None:
        """Implement `Dialect.begin_reading`."""
        self.driver.run(cursor, *_begin("REPEATABLE READ READ ONLY", terms))

    def begin_writing(self, cursor: Any, terms: Terms = OF_HOST) -> None:
        """Implement `Dialect.begin_writing`."""
        self.driver.run(cursor, *self._writing(terms))

    @staticmethod
    def _writing(terms: Terms) -> list[str]:
        """Return the statements that begin a transaction which writes."""
        access = "READ ONLY" if terms.read_only else "READ WRITE"
        return [*_begin(f"READ COMMITTED {access}", terms), _WARN]

    def commit(self, cursor: Any) -> bool | None:
        """Implement `Dialect.commit`: that a failed transaction is rolled back is no error.

        A server that stops waiting for its standby has committed, says so in a warning, and may
        lose it.
        """
        with self.driver.hearing(cursor.connection) as warned:
            cursor.execute("COMMIT", prepare=False)
        return self._told(cursor, warned)

    def settle(self, cursor: Any, bank: str) -> None:
        """Implement `Dialect.settle`: to lock the head's row is to write, and is waited for."""

    def rolled_back(self, error: Exception) -> bool:
        """Implement `Dialect.rolled_back`."""
        return is_rollback(self.driver.sqlstate(error))

    def takes_no_writes(self, error: Exception) -> bool:
        """Implement `Dialect.takes_no_writes`; on a standby to begin is refused by another code."""
        return takes_no_writes(self.driver.sqlstate(error), error)

    def cursor(self, connection: Any) -> Any:
        """Implement `Dialect.cursor`."""
        return self.driver.cursor(connection)

    def begin_asking(
        self, cursor: Any, terms: Terms, questions: Sequence[Question]
    ) -> list[list[tuple[Any, ...]]]:
        """Implement `Dialect.begin_asking`, in one trip."""
        begin = self._writing(terms)
        asked = questions_in(questions)
        if asked is None:  # by the driver's own way, which says what is wrong with it
            self.driver.run(cursor, *begin)
            return [cursor.execute(*question).fetchall() for question in questions]
        self.driver.run(cursor, *begin, *asked)
        return answers_of(cursor, before=len(begin), number=len(asked))

    def append_as_text(self, bank: str, batch: Batch, before: int) -> str | None:
        """Implement `Dialect.append_as_text`: a statement for the head, and one for each table."""
        rows = rows_of(batch)
        if batch.erased or not batch.records or sum(map(len, rows.values())) > FEW_ROWS:
            return None
        last = batch.records[-1]
        try:
            moves = filled(_MUST_MOVE, (last.sequence, last.digest, bank, before))
            return "; ".join((moves, *_append_values(bank, rows)))
        except ValueError:
            return None

    def commit_with(self, cursor: Any, append: str) -> tuple[bool, bool | None]:
        """Implement `Dialect.commit_with`: what follows a statement that failed is not done."""
        try:
            with self.driver.hearing(cursor.connection) as warned:
                self.driver.run(cursor, append, "COMMIT")
        except self.error as error:
            if self.driver.sqlstate(error) != _NOT_MOVED:
                raise
            return False, False
        self.driver.to_last(cursor)
        return True, self._told(cursor, warned)

    @staticmethod
    def _told(cursor: Any, warned: Sequence[object]) -> bool | None:
        """Return what a commit has come to, by what the server said of it."""
        if cursor.statusmessage == "ROLLBACK":
            return False
        return True if cursor.statusmessage == "COMMIT" and not warned else None

    def is_failed(self, connection: Any) -> bool:
        """Implement `Dialect.is_failed`."""
        return self.driver.state(connection) is State.FAILED

    def append(self, cursor: Any, bank: str, batch: Batch, before: int) -> bool:
        """Implement `Dialect.append`, in one statement; an erasure, which is rare, has its own."""
        is_current = self._add(cursor, bank, batch, before)
        if is_current and batch.erased:
            cursor.execute(_ERASE_TEXT, (bank, *map(list, zip(*batch.erased, strict=True))))
        return is_current

    def _add(self, cursor: Any, bank: str, batch: Batch, before: int) -> bool:
        rows = rows_of(batch)
        if not rows:
            return True
        values: list[Any] = []
        if batch.records:
            last = batch.records[-1]
            values = [last.sequence, last.digest, bank, before]
        columns = ((bank, *map(list, zip(*found, strict=True))) for found in rows.values())
        values += chain.from_iterable(columns)
        cursor.execute(_append(tuple(rows)), values)
        (moved,) = cursor.fetchone()
        return bool(moved)

    def delete_derived(self, cursor: Any, bank: str) -> None:
        """Implement `Dialect.delete_derived`."""
        cursor.execute("SET LOCAL timebank.rebuild = 'on'")
        cursor.execute("DELETE FROM timebank_postings WHERE bank = %s", (bank,))
        for table in (
            "timebank_holds",
            "timebank_statutes",
            "timebank_tiles",
            "timebank_accounts",
        ):
            cursor.execute(f"DELETE FROM {table} WHERE bank = %s", (bank,))  # noqa: S608 - our names
        cursor.execute("SET LOCAL timebank.rebuild = 'off'")

    def lost(self, connection: Any, error: Exception) -> bool:
        """Implement `Dialect.lost`."""
        return bool(connection.closed) or is_lost(self.driver.sqlstate(error))

    def translated(self, error: Exception, where: str) -> TimebankError:
        """Implement `Dialect.translated`."""
        return meant(self.driver.sqlstate(error), error, where)

    def savepoint(self, cursor: Any, name: str) -> None:
        """Implement `Dialect.savepoint`."""
        self.driver.run(cursor, f"SAVEPOINT {name}")

    def begin_call(self, cursor: Any, name: str, questions: CallQuestions) -> CallAnswers | None:
        """Implement `Dialect.begin_call`, in one trip where the driver has such.

        The lock is a statement of its own: the question after it sees what was committed until
        then, and not what was when the lock was waited for.
        """
        bank, id, mark = questions
        steps = (f"SAVEPOINT {name}", filled(_LOCK_BANK, (bank,)))
        question: Question = (_BEGIN_CALL, (bank, id, bank))
        if mark is not None:
            question = (_BEGIN_IN_BATCH, (mark, bank, id, bank))
        text = questions_in([question]) if self.driver.gives_last(cursor.connection) else None
        if text is None:
            self.driver.run(cursor, *steps)
            cursor.execute(*question)
        else:
            self.driver.run(cursor, *steps, *text)
            self.driver.to_last(cursor)
        row = cursor.fetchone()
        if row is None:
            return CallAnswers(None)
        if mark is not None and not row[3]:
            return None
        return CallAnswers(tuple(row[:3]), id is not None and not row[-1])

    def release(self, cursor: Any, name: str, append: str | None = None) -> bool:
        """Implement `Dialect.release`; the rows that come before it go in the same trip."""
        steps = (f"RELEASE SAVEPOINT {name}",) if append is None else (append, f"RELEASE {name}")
        try:
            return self._guarded(cursor, name, *steps)
        except self.error as error:
            if append is None or self.driver.sqlstate(error) != _NOT_MOVED:
                raise
            msg = "the head of the bank is no longer where it was read"
            raise Conflict(msg) from error

    def undo(self, cursor: Any, name: str) -> bool:
        """Implement `Dialect.undo`."""
        return self._guarded(
            cursor, name, f"ROLLBACK TO SAVEPOINT {name}", f"RELEASE SAVEPOINT {name}"
        )

    def _guarded(self, cursor: Any, name: str, *statements: str) -> bool:
        """Run what names a savepoint behind another, for it fails where that is not there.

        A failure without another savepoint before it would end the host's transaction.

        :raises InvalidRequest: a statement of the host's is under way, or a pipeline: it would
            be waited for, for ever.
        """
        state = self.driver.state(cursor.connection)
        if state in (State.BUSY, State.PIPELINE):
            msg = (
                "a statement of the host's is under way on its connection, so that a savepoint "
                "of ours cannot be ended: roll the host's transaction back"
            )
            raise InvalidRequest(msg)
        if state not in (State.OPEN, State.FAILED):
            return False
        if state is State.OPEN:
            try:
                self.driver.run(cursor, f"SAVEPOINT {name}_probe", *statements)
            except self.error as error:
                if self.driver.sqlstate(error) != _FAILED:
                    healing = (f"ROLLBACK TO SAVEPOINT {name}_probe", f"RELEASE {name}_probe")
                    with suppress(self.error):
                        self.driver.run(cursor, *healing)
                    return self._not_there(error)
            else:
                return True
        # A transaction that failed takes no probe, and needs none. Not every driver knows of it.
        try:
            self.driver.run(cursor, *statements)
        except self.error as error:
            return self._not_there(error)
        return True

    def _not_there(self, error: Exception) -> bool:
        """Return false for a savepoint that is not there; raise every other error."""
        if self.driver.sqlstate(error) != _NO_SAVEPOINT:
            raise error
        return False

    def mark(self, cursor: Any, bank: str) -> str:
        """Implement `Dialect.mark`: the savepoint's own transaction id.

        It is given at its first change. While the savepoint is there the server holds a
        lock on it, which goes when it is released or rolled back.
        """
        cursor.execute(_TAKE_XID, (bank,))
        (xid,) = cursor.fetchone()
        return str(xid)

    def has_savepoint(self, cursor: Any, mark: str) -> bool:
        """Implement `Dialect.has_savepoint`, exactly."""
        cursor.execute(_HAS_XID, (mark,))
        (found,) = cursor.fetchone()
        return bool(found)

    def making_tables(self, cursor: Any) -> AbstractContextManager[None]:
        """Implement `Dialect.making_tables`: all of it is one transaction."""
        return nullcontext()

    def has_tables(self, cursor: Any) -> bool:
        """Implement `Dialect.has_tables`."""
        cursor.execute("SELECT to_regclass('timebank_migrations')::text")
        (found,) = cursor.fetchone()
        return found is not None

    def no_table(self, error: Exception) -> bool:
        """Implement `Dialect.no_table`."""
        return self.driver.sqlstate(error) in _UNDEFINED

    def no_column(self, error: Exception) -> bool:
        """Implement `Dialect.no_column`."""
        return self.driver.sqlstate(error) == "42703"

    def made_already(self, error: Exception) -> bool:
        """Implement `Dialect.made_already`."""
        return self.driver.sqlstate(error) in ("23505", "42P07", "42710", "40001", "40P01")

    def triggers(self, cursor: Any = None) -> tuple[str, ...]:
        """Implement `Dialect.triggers`: partitions that are there have guards of their own."""
        there = () if cursor is None else postgres_catalogue.partitions(cursor)
        made = (statement for guard in postgres_guards(there) for statement in guard.postgres)
        return (make_refuse(), *made, no_statistics())

    def has_no_triggers(self, error: Exception) -> bool:
        """Implement `Dialect.has_no_triggers`."""
        return self.driver.sqlstate(error) in ("0A000", "42501")

    def catalogue(self, cursor: Any) -> Catalogue:
        """Implement `Dialect.catalogue`, by what everybody may read."""
        return postgres_catalogue.read(cursor)

    def unseen(self, cursor: Any) -> tuple[str, ...]:
        """Implement `Dialect.unseen`: everybody may read the catalogue."""
        return ()

    def may_guard(self, cursor: Any) -> bool:
        """Implement `Dialect.may_guard`: an engine that only speaks as PostgreSQL may have none."""
        cursor.execute(_MAY_GUARD)
        (found,) = cursor.fetchone()
        return bool(found)

    def schemas(self, cursor: Any) -> set[str]:
        """Implement `Dialect.schemas`."""
        cursor.execute(_FOUND_SCHEMAS)
        return {name for (name,) in cursor.fetchall()}
