"""PostgreSQL, spoken to through psycopg 3, or through the driver that a host brings.

A writer reads at READ COMMITTED behind the lock on its bank's row, so that each
question sees all that was committed before the lock was free. All of a batch is
written by one statement.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from contextlib import AbstractContextManager, nullcontext, suppress
from functools import cache
from importlib import import_module
from itertools import chain
from typing import Any, Final

import attrs

from timebank.errors import (
    Conflict,
    Corrupt,
    InvalidRequest,
    StoreBusy,
    StoreError,
    TimebankError,
)
from timebank.model import AccountRow, HoldRow, PostingRow, RecordRow, StatuteRow, TextRow, TileRow
from timebank.storage.address import ServerUrl
from timebank.storage.protocol import Batch
from timebank.storage.server.dialect import CONNECT_TIMEOUT_SECONDS, OF_HOST, Terms, queries
from timebank.storage.server.drivers import PostgresDriver, Psycopg, State
from timebank.storage.tables import FEW, MANY, Queries

_PREPARED: Final = (
    "a pooler does not keep a connection's prepared statements: switch them off, with "
    "prepare_threshold=none in the URL, or None on a host's own connection"
)
#: By SQLSTATE, or by its class of two characters; what is not here is a `StoreError`.
_MEANINGS: Final[dict[str, tuple[type[TimebankError], str]]] = {
    "40001": (Conflict, "two transactions crossed"),
    "40P01": (Conflict, "two transactions waited for each other"),
    "23505": (Conflict, "a key is taken"),
    "55P03": (StoreBusy, "another transaction holds the lock"),
    "57014": (StoreBusy, "the server stopped the statement, which took too long"),
    "25P03": (StoreBusy, "the server ended the transaction, which was idle for too long"),
    "53300": (StoreBusy, "the server has no connection left"),
    "57P03": (StoreBusy, "the server is starting or stopping"),
    "25P02": (
        InvalidRequest,
        "a statement failed in the host's transaction: roll it back before anything else",
    ),
    "25006": (StoreError, "the storage cannot be written to"),
    "53100": (StoreError, "the disk is full"),
    "42501": (StoreError, "the server's user may not do this"),
    "42P01": (Corrupt, "a table is missing"),
    "42703": (Corrupt, "a column is missing"),
    "42P05": (StoreError, _PREPARED),
    "26000": (StoreError, _PREPARED),
    "22021": (Corrupt, "text is not UTF-8"),
    "XX": (Corrupt, "the server's files are damaged"),
    "08": (StoreError, "the connection was lost"),
    "57": (StoreError, "the server ended the connection"),
}
#: By words: PgBouncer has one SQLSTATE for all, and a standby that of whatever is not supported.
_BY_WORDS: Final[tuple[tuple[str, type[TimebankError], str], ...]] = (
    (
        "transaction blocks not allowed",
        StoreError,
        "a pooler lends connections by the statement: it needs pool_mode = transaction, or session",
    ),
    ("read-write mode during recovery", StoreError, "the storage cannot be written to"),
    ("query_wait_timeout", StoreBusy, "the pooler had no connection free in its time"),
    ("no more connections allowed", StoreBusy, "the pooler takes no more clients"),
)
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
_REPLACE: Final = " ON CONFLICT (bank, account) DO UPDATE SET " + ", ".join(
    f"{name} = excluded.{name}" for name in AccountRow._fields[1:]
)


_END_HOLDS: Final = "DELETE FROM timebank_holds WHERE bank = %s AND sequence = ANY(%s::bigint[])"
#: The steps of a statement all run, unless each asks whether the head was where it should be.
_IF_MOVED: Final = "EXISTS (SELECT 1 FROM head)"


_ERASE_TEXT: Final = (
    "DELETE FROM timebank_texts WHERE bank = %s AND (sequence, field) IN "
    "(SELECT * FROM unnest(%s::bigint[], %s::text[]))"
)


@cache
def _append(parts: tuple[str, ...]) -> str:
    """Return one statement that writes the rows of these tables and moves the head.

    Where it does not move the head it writes nothing: a host whose callable has ended our
    savepoint meanwhile would keep what was written.
    """
    steps = []
    moves = "records" in parts
    if moves:
        steps.append(
            "head AS (UPDATE timebank_banks SET sequence = %s, digest = %s "
            "WHERE bank = %s AND sequence = %s RETURNING 1)"
        )
    for part in parts:
        if part == "resolved":
            steps.append(f"resolved AS ({_END_HOLDS}{f' AND {_IF_MOVED}' if moves else ''})")
            continue
        names, types = _COLUMNS[part]
        arrays = ", ".join(f"%s::{kind}[]" for kind in types)
        steps.append(
            f"{part} AS (INSERT INTO timebank_{part} (bank, {', '.join(names)}) "  # noqa: S608 - our names
            f"SELECT %s, * FROM unnest({arrays}){f' WHERE {_IF_MOVED}' if moves else ''}"
            f"{_REPLACE if part == 'accounts' else ''})"
        )
    answer = "SELECT count(*) FROM head" if moves else "SELECT 1"
    return f"WITH {', '.join(steps)} {answer}"


_NO_SAVEPOINT: Final = "3B001"
#: A change that changes nothing: a lock of a row that is locked already would take no id.
_TAKE_XID: Final = (
    "UPDATE timebank_banks SET sequence = sequence WHERE bank = %s RETURNING xmin::text"
)
_HAS_XID: Final = """SELECT EXISTS (SELECT 1 FROM pg_locks WHERE locktype = 'transactionid'
    AND pid = pg_backend_pid() AND transactionid = %s::text::xid
    AND mode = 'ExclusiveLock' AND granted)"""
_TRIGGER: Final = re.compile(r"TRIGGER (\w+)")
_FOUND_COLUMNS: Final = """SELECT c.relname, a.attname, NOT a.attnotnull,
    CASE WHEN o.collname <> 'default' THEN o.collname::text END
    FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
    LEFT JOIN pg_collation o ON o.oid = a.attcollation
    WHERE c.relname LIKE 'timebank%' AND c.relkind IN ('r', 'p', 'v', 'f')
    AND pg_table_is_visible(c.oid) AND a.attnum > 0 AND NOT a.attisdropped"""
_TABLES: Final = tuple(f"timebank_{table}" for table in ("migrations", "banks", *_COLUMNS))
_FOUND_SCHEMAS: Final = f"""SELECT n.nspname::text FROM pg_class c
    JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relname IN {_TABLES} AND pg_table_is_visible(c.oid)"""  # noqa: S608 - our names


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
        steps.append(f"SELECT set_config({_literal(name)}, {_literal(value)}, true)")
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


def _literal(text: str) -> str:
    """Return a text as SQL, whatever the session thinks of backslashes."""
    return "E'" + text.replace("\\", "\\\\").replace("'", "''") + "'"


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
        options = {name: value for name, value in url.options.items() if name != "options"}
        ours = {name: options.pop(name) for name in ("prepare_threshold",) if name in options}
        given = {
            "connect_timeout": CONNECT_TIMEOUT_SECONDS,
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

    def prepare(self, connection: Any, *, terms: Terms, given: Collection[str]) -> None:
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
        access = "READ ONLY" if terms.read_only else "READ WRITE"
        self.driver.run(cursor, *_begin(f"READ COMMITTED {access}", terms))

    def commit(self, cursor: Any) -> bool:
        """Implement `Dialect.commit`: that a failed transaction is rolled back is no error."""
        cursor.execute("COMMIT", prepare=False)
        return bool(cursor.statusmessage == "COMMIT")

    def cursor(self, connection: Any) -> Any:
        """Implement `Dialect.cursor`."""
        return self.driver.cursor(connection)

    def append(self, cursor: Any, bank: str, batch: Batch, before: int) -> bool:
        """Implement `Dialect.append`, in one statement; an erasure, which is rare, has its own."""
        is_current = self._add(cursor, bank, batch, before)
        if is_current and batch.erased:
            cursor.execute(_ERASE_TEXT, (bank, *map(list, zip(*batch.erased, strict=True))))
        return is_current

    def _add(self, cursor: Any, bank: str, batch: Batch, before: int) -> bool:
        rows: dict[str, list[Any]] = {
            "records": batch.records,
            "texts": [row._replace(text=row.text.encode()) for row in batch.texts],  # type: ignore[arg-type]  # kept as bytes
            "accounts": list(map(_account, batch.accounts.values())),
            "postings": batch.postings,
            "holds": batch.holds,
            "statutes": batch.statutes,
            "tiles": batch.tiles,
            "resolved": [(sequence,) for sequence in batch.resolved],
        }
        parts = tuple(part for part, found in rows.items() if found)
        if not parts:
            return True
        values: list[Any] = []
        if batch.records:
            last = batch.records[-1]
            values = [last.sequence, last.digest, bank, before]
        columns = ((bank, *map(list, zip(*rows[part], strict=True))) for part in parts)
        values += chain.from_iterable(columns)
        cursor.execute(_append(parts), values)
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
        state = self.driver.sqlstate(error)
        return bool(connection.closed) or (state[:2] in ("08", "57") and state != "57014")

    def translated(self, error: Exception, where: str) -> TimebankError:
        """Implement `Dialect.translated`."""
        state = self.driver.sqlstate(error)
        kind, meaning = _MEANINGS.get(
            state, _MEANINGS.get(state[:2], (StoreError, "PostgreSQL failed"))
        )
        said = str(error).partition("\n")[0]
        for words, its_kind, its_meaning in _BY_WORDS:
            if words in said:
                kind, meaning = its_kind, its_meaning
        return kind(f"{where}: {meaning} ({said})")

    def savepoint(self, cursor: Any, name: str) -> None:
        """Implement `Dialect.savepoint`."""
        self.driver.run(cursor, f"SAVEPOINT {name}")

    def release(self, cursor: Any, name: str) -> bool:
        """Implement `Dialect.release`."""
        return self._guarded(cursor, name, f"RELEASE SAVEPOINT {name}")

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

    def triggers(self) -> tuple[str, ...]:
        """Implement `Dialect.triggers`."""
        tables = ("timebank_banks", "timebank_records", "timebank_postings")
        return (
            _REFUSE,
            *(
                f"CREATE OR REPLACE TRIGGER {table}_no_change BEFORE "
                f"{'UPDATE OF bank, journal' if table == 'timebank_banks' else 'UPDATE'} OR DELETE "
                f"ON {table} FOR EACH ROW EXECUTE FUNCTION timebank_refuse()"
                for table in tables
            ),
            *(
                f"CREATE OR REPLACE TRIGGER {table}_no_truncate BEFORE TRUNCATE "
                f"ON {table} FOR EACH STATEMENT EXECUTE FUNCTION timebank_refuse()"
                for table in tables
            ),
        )

    def has_no_triggers(self, error: Exception) -> bool:
        """Implement `Dialect.has_no_triggers`."""
        return self.driver.sqlstate(error) in ("0A000", "42501")

    def guard_names(self) -> set[str]:
        """Implement `Dialect.guard_names`."""
        return {found[1] for text in self.triggers() if (found := _TRIGGER.search(text))}

    def trigger_names(self, cursor: Any) -> set[str] | None:
        """Implement `Dialect.trigger_names`."""
        cursor.execute(
            "SELECT t.tgname FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid "
            "WHERE pg_table_is_visible(c.oid) AND NOT t.tgisinternal "
            "AND t.tgname LIKE 'timebank%%' AND t.tgenabled = 'O'"
        )
        return {name for (name,) in cursor.fetchall()}

    def columns(self, cursor: Any) -> list[tuple[str, str, bool, str | None]]:
        """Implement `Dialect.columns`: of the tables that `search_path` finds, as queries do."""
        cursor.execute(_FOUND_COLUMNS)
        return list(cursor.fetchall())

    def schemas(self, cursor: Any) -> set[str]:
        """Implement `Dialect.schemas`."""
        cursor.execute(_FOUND_SCHEMAS)
        return {name for (name,) in cursor.fetchall()}

    def constraints(self, cursor: Any) -> set[tuple[str, str]] | None:
        """Implement `Dialect.constraints`, from the catalogue, which everybody may read."""
        cursor.execute(
            "SELECT t.relname, c.conname FROM pg_constraint c "
            "JOIN pg_class t ON t.oid = c.conrelid "
            "WHERE pg_table_is_visible(t.oid) AND c.convalidated "
            "AND c.conname LIKE 'timebank%%'"
        )
        return set(cursor.fetchall())


_REFUSE: Final = """CREATE OR REPLACE FUNCTION timebank_refuse() RETURNS trigger
    LANGUAGE plpgsql AS $$
    BEGIN
        IF TG_TABLE_NAME = 'timebank_postings' AND TG_OP = 'DELETE'
                AND current_setting('timebank.rebuild', true) = 'on' THEN
            RETURN OLD;
        END IF;
        RAISE EXCEPTION 'a row of % is never changed', TG_TABLE_NAME
            USING ERRCODE = 'restrict_violation';
    END $$"""


def _account(row: AccountRow) -> AccountRow:
    """Return an account with its limits as text, which a column of one type can hold."""
    return row._replace(floor=_limit(row.floor), ceiling=_limit(row.ceiling))  # type: ignore[arg-type]  # kept as text


def _limit(limit: object) -> str | None:
    return None if limit is None else str(limit)
