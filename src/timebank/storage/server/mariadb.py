"""MariaDB, spoken to through PyMySQL (or mysqlclient, where a host brings it).

Beside a host's transaction at REPEATABLE READ a plain question answers from the host's
old snapshot while the lock on the head shows what is there now: so every question of
a writer locks, which makes it see what is there now as well.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import count
from typing import Any, Final

import attrs

from timebank.errors import (
    Conflict,
    Corrupt,
    StoreBusy,
    StoreError,
    TimebankError,
    Unavailable,
)
from timebank.model import AccountRow, HoldRow, PostingRow, RecordRow, StatuteRow, TextRow, TileRow
from timebank.storage.address import ServerUrl
from timebank.storage.protocol import Batch
from timebank.storage.server import mariadb_catalogue
from timebank.storage.server.definitions import Catalogue
from timebank.storage.server.dialect import (
    OF_HOST,
    CallAnswers,
    CallQuestions,
    Question,
    Terms,
    queries,
)
from timebank.storage.server.drivers import Driver, MySql
from timebank.storage.server.guards import mariadb_guards
from timebank.storage.server.limits import CONNECT_SECONDS, LONG, READ, Limits

#: By the server's number; what is not here is a `StoreError`.
_MEANINGS: Final[dict[int, tuple[type[TimebankError], str]]] = {
    1213: (Conflict, "two transactions waited for each other"),
    1020: (Conflict, "two transactions crossed"),
    1412: (Conflict, "a table was changed meanwhile"),
    1062: (Conflict, "a key is taken"),
    1205: (StoreBusy, "another transaction holds the lock"),
    1040: (Unavailable, "the server has no connection left"),
    1203: (Unavailable, "the server has no connection left for its user"),
    1226: (Unavailable, "the server's user has used up what it may"),
    1047: (Unavailable, "the node is not in its cluster"),
    1317: (StoreBusy, "the server stopped the statement"),
    1969: (StoreBusy, "the server stopped the statement, which took too long"),
    1290: (Unavailable, "the storage cannot be written to: it may be a replica"),
    1792: (Unavailable, "the storage cannot be written to: it may be a replica"),
    1836: (Unavailable, "the storage cannot be written to: it may be a replica"),
    1021: (StoreError, "the disk is full"),
    1114: (StoreError, "the disk is full"),
    1142: (StoreError, "the server's user may not do this"),
    1146: (Corrupt, "a table is missing"),
    1054: (Corrupt, "a column is missing"),
    1034: (Corrupt, "the server's files are damaged"),
    1712: (Corrupt, "the server's files are damaged"),
    1877: (Corrupt, "the server's files are damaged"),
}
#: How the driver and the server say that the connection is gone.
_LOST: Final = (
    *(0, 1053, 1079, 1080, 1152, 1158, 1159, 1160, 1161, 1184, 1927),
    *(2002, 2003, 2006, 2012, 2013, 2014, 2055, 4031),
)
_NO_WRITES: Final = (1290, 1792, 1836)
#: What is known to be a rollback where a commit fails: a deadlock, which on Galera is a writer of
#: another node that was first, and what is of the class 23000, a violated key or check.
_ROLLED_BACK: Final = (
    *(1213, 1022, 1048, 1062, 1169, 1216, 1217, 1451, 1452, 1557, 1586, 1761, 1762, 1859, 4025),
)
#: The options of TLS, and what the driver calls them within its `ssl`.
_TLS: Final = {
    "ssl_ca": "ca",
    "ssl_capath": "capath",
    "ssl_cert": "cert",
    "ssl_key": "key",
    "ssl_key_password": "password",
    "ssl_cipher": "cipher",
    "ssl_verify_cert": "verify_mode",
    "ssl_verify_identity": "check_hostname",
}
#: On a node of a cluster: which statements wait until what the others had committed is here, and
#: those that do by themselves. `START TRANSACTION` does by 1, and everything of ours
#: is within a transaction.
SYNC_WAIT: Final = "wsrep_sync_wait"
_BEFORE_READING: Final = 1
#: Options of a URL that are no options of PyMySQL.
_OURS: Final = (READ, LONG, SYNC_WAIT)
_NO_TABLE: Final = (1146, 1049)
_NO_SAVEPOINT: Final = 1305
#: The counters of statements that end a transaction whenever they run, even where they fail.
#: What is made or changed for the session alone (`CREATE TEMPORARY TABLE`) has others.
_ENDING: Final = (
    *("Com_begin", "Com_commit", "Com_rollback", "Com_lock_tables", "Com_truncate"),
    *("Com_analyze", "Com_check", "Com_optimize", "Com_repair", "Com_flush", "Com_reset"),
    *("Com_rename_table", "Com_rename_user", "Com_install_plugin", "Com_uninstall_plugin"),
    *("Com_grant", "Com_grant_role", "Com_revoke", "Com_revoke_all", "Com_revoke_role"),
    *(
        f"Com_{verb}_{thing}"
        for verb in ("create", "alter", "drop")
        for thing in (
            *("db", "event", "function", "index", "package", "package_body", "procedure"),
            *("role", "sequence", "server", "table", "trigger", "udf", "user", "view"),
        )
    ),
)
#: Those that end one in some cases: `SET` does by `autocommit`, and by a password. A statement
#: that fails is rolled back, and at a deadlock its whole transaction is.
_PERHAPS_ENDING: Final = (
    *("Com_set_option", "Com_unlock_tables", "Com_xa_commit", "Com_xa_prepare", "Com_xa_rollback"),
    *("Com_backup", "Com_backup_lock", "Handler_rollback"),
)
_COUNTED: Final = (
    *("Com_savepoint", "Com_release_savepoint", "Com_rollback_to_savepoint"),
    "Handler_savepoint_rollback",
    *_ENDING,
    *_PERHAPS_ENDING,
)
_COUNTERS: Final = f"SHOW SESSION STATUS WHERE Variable_name IN {_COUNTED!r}"
_IN_TRANSACTION: Final = "SELECT @@in_transaction"
#: A name is never used twice: see `timebank.storage.joined.savepoints`.
_PROBES: Final = count(1)
_NO_COLUMN: Final = 1054
_NO_TRIGGERS: Final = (1142, 1227, 1419)


def _insert(table: str, names: tuple[str, ...], tail: str = "") -> str:
    marks = ", ".join(["%s"] * (len(names) + 1))
    return f"INSERT INTO {table} (bank, {', '.join(names)}) VALUES ({marks}){tail}"  # noqa: S608 - our names


_REPLACE: Final = " ON DUPLICATE KEY UPDATE " + ", ".join(
    f"{name} = VALUES({name})" for name in AccountRow._fields[1:]
)
_ADD_RECORD: Final = _insert("timebank_records", RecordRow._fields)
_ADD_TEXT: Final = _insert("timebank_texts", TextRow._fields)
_PUT_ACCOUNT: Final = _insert("timebank_accounts", AccountRow._fields, _REPLACE)
_ADD_POSTING: Final = _insert("timebank_postings", PostingRow._fields)
_ADD_HOLD: Final = _insert("timebank_holds", HoldRow._fields)
_ADD_STATUTE: Final = _insert("timebank_statutes", StatuteRow._fields)
_ADD_TILE: Final = _insert("timebank_tiles", TileRow._fields)
_END_HOLD: Final = "DELETE FROM timebank_holds WHERE bank = %s AND sequence = %s"
_ERASE_TEXT: Final = "DELETE FROM timebank_texts WHERE bank = %s AND sequence = %s AND field = %s"
_MOVE_HEAD: Final = (
    "UPDATE timebank_banks SET sequence = %s, digest = %s WHERE bank = %s AND sequence = %s"
)

_SETTLE: Final = (
    "UPDATE timebank_banks SET sequence = sequence + 1 WHERE bank = %s",
    "UPDATE timebank_banks SET sequence = sequence - 1 WHERE bank = %s",
)


@attrs.define
class Counted:
    """What the counters of a session tell about a savepoint: whether it can still be there.

    MariaDB has no way to ask for a savepoint without ending it. It counts a session's
    statements, those that failed as well. So it is told:

    - that the transaction was ended by a statement, also one that commits by the way;
    - that the transaction is gone, by a deadlock for one, where nothing was run since;
    - while the host has made no savepoint since, everything. Where a counter moved that may
      mean an end, a probe decides: a savepoint of ours right above this one. To release it and
      make it again tells exactly, for nothing of the host's can be above it;
    - where the host has made some, that more were released than those, or that one was rolled
      back to while none of them was left: this one was below.

    It is not told, where the host has made savepoints above this one, which one it then released
    or rolled back to, and of a deadlock that was followed by other statements: then this
    savepoint is believed to be there, and its end tells. And there a `RELEASE` that failed
    counts as one that did not: it is the one case in which the savepoint may be there though it
    is said to be gone.

    >>> from collections import Counter
    >>> from timebank.storage.server.mariadb import Counted
    >>> counted = Counted(Counter(), "probe")
    >>> counted.told(Counter(Com_savepoint=1, Com_release_savepoint=1))
    True
    >>> counted.told(Counter(Com_savepoint=1, Com_release_savepoint=2))
    False
    """

    seen: Counter[str]
    probe: str
    #: At most so many savepoints are above it.
    above: int = 0
    #: Whether a savepoint was made since: where none was, the probe is the uppermost.
    is_covered: bool = False
    is_gone: bool = False

    def told(self, counters: Counter[str]) -> bool | None:
        """Take what was counted by now; return whether the savepoint may be there.

        `None` means that the probe must tell, and harms nothing.
        """
        new = {kind: counters[kind] - self.seen[kind] for kind in _COUNTED}
        self.is_covered = self.is_covered or new["Com_savepoint"] > 0
        above = self.above + new["Com_savepoint"]
        released, undone = new["Com_release_savepoint"], new["Com_rollback_to_savepoint"]
        # One that failed has moved neither of the engines' own counters.
        is_undone = undone > 0 and (new["Handler_savepoint_rollback"] or new["Handler_rollback"])
        # FLUSH STATUS ends the transaction, and counts from 0 again.
        self.is_gone = self.is_gone or min(new.values()) < 0 or any(new[kind] for kind in _ENDING)
        self.seen, self.above = counters, max(0, above - released)
        if self.is_gone:
            return False
        if not self.is_covered:
            may_be_gone = released or is_undone or any(new[kind] for kind in _PERHAPS_ENDING)
            return None if may_be_gone else True
        self.is_gone = released > above or bool(is_undone and above == 0)
        return not self.is_gone


#: With statistics of before there were other banks, it would walk through all of a table.
_BY_KEY: Final = " FORCE INDEX (PRIMARY)"


class MariaDb:
    """The dialect of MariaDB.

    >>> from timebank.storage.server.mariadb import MariaDb
    >>> MariaDb().name
    'mariadb'
    """

    name = "mariadb"
    title = "MariaDB"
    remains: tuple[str, ...] = (
        "MariaDB has it in the file of timebank_texts until OPTIMIZE TABLE timebank_texts",
        (
            "MariaDB has it in its redo log, its doublewrite buffer and its undo logs until they "
            "are written over, and for longer in binary logs, on replicas, in logs of statements "
            "and in backups"
        ),
    )
    transactional_ddl = False
    reading = queries(integer="SIGNED", by_key=_BY_KEY)
    writing = queries(integer="SIGNED", lock=" LOCK IN SHARE MODE", by_key=_BY_KEY)
    lock_head = reading.head + " FOR UPDATE"

    def __init__(self, driver: Driver | None = None) -> None:
        self.driver: Driver = MySql() if driver is None else driver
        self.error: type[Exception] = self.driver.error
        self._ours: Counter[str] = Counter()

    def arguments(self, url: ServerUrl) -> dict[str, Any]:
        """Implement `Dialect.arguments`."""
        parts = {
            "host": url.host,
            "port": url.port,
            "user": url.user,
            # As text the driver would send it in Latin-1.
            "password": None if url.password is None else url.password.encode(),
            "database": url.database,
        }
        options = {name: value for name, value in url.options.items() if name not in _OURS}
        is_asked_for = options.pop("ssl", False)
        tls = {key: options.pop(name) for name, key in _TLS.items() if name in options}
        if tls or is_asked_for:
            options["ssl"] = tls or {"check_hostname": False}
        return {
            "connect_timeout": CONNECT_SECONDS,
            **{name: value for name, value in parts.items() if value is not None},
            **options,
            "charset": "utf8mb4",
            "autocommit": True,
        }

    def connect(self, limits: Limits, arguments: dict[str, Any]) -> Any:
        """Implement `Dialect.connect`."""
        from timebank.storage.server.connecting_pymysql import connect

        return connect(limits, **arguments)

    def prepare(self, connection: Any, *, terms: Terms, given: Mapping[str, Any]) -> None:
        """Implement `Dialect.prepare`. READ COMMITTED locks no gaps, which banks would meet in.

        A node of a cluster has a transaction begin when it has applied what the others had
        committed by then: nothing of ours is read before its transaction has begun.
        """
        seconds = max(1, int(terms.timeout_seconds or 1))
        settings = {
            "innodb_lock_wait_timeout": str(seconds),
            "lock_wait_timeout": str(seconds),  # of tables, which is a day by itself
            "sql_mode": "'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION'",
        }
        with self.cursor(connection) as cursor:
            cursor.execute("SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED")
            cursor.execute("SHOW VARIABLES LIKE 'wsrep_on'")
            if ("wsrep_on", "ON") in cursor.fetchall():
                settings[SYNC_WAIT] = str(given.get(SYNC_WAIT, _BEFORE_READING))
            text = ", ".join(f"{name} = {value}" for name, value in settings.items())
            cursor.execute(f"SET SESSION {text}")

    def unfit(self, connection: Any) -> str | None:
        """Implement `Dialect.unfit`: each column has a character set of its own."""
        return None

    def begin_reading(self, cursor: Any, terms: Terms = OF_HOST) -> None:
        """Implement `Dialect.begin_reading`."""
        cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        cursor.execute("START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY")

    def begin_writing(self, cursor: Any, terms: Terms = OF_HOST) -> None:
        """Implement `Dialect.begin_writing`."""
        cursor.execute(f"START TRANSACTION {'READ ONLY' if terms.read_only else 'READ WRITE'}")

    def begin_asking(
        self, cursor: Any, terms: Terms, questions: Sequence[Question]
    ) -> list[list[tuple[Any, ...]]]:
        """Implement `Dialect.begin_asking`, a trip for each."""
        self.begin_writing(cursor, terms)
        answers = []
        for sql, values in questions:
            cursor.execute(sql, values)
            answers.append(list(cursor.fetchall()))
        return answers

    def append_as_text(self, bank: str, batch: Batch, before: int) -> str | None:
        """Implement `Dialect.append_as_text`: there is a statement for each table."""
        return None

    def commit_with(self, cursor: Any, append: str) -> tuple[bool, bool | None]:
        """Implement `Dialect.commit_with`."""
        raise NotImplementedError

    def is_failed(self, connection: Any) -> bool:
        """Implement `Dialect.is_failed`: a statement that failed leaves the others in force."""
        return False

    def commit(self, cursor: Any) -> bool | None:
        """Implement `Dialect.commit`; a commit that went as it should warns of nothing."""
        cursor.execute("COMMIT")
        return None if getattr(cursor, "warning_count", 0) else True

    def settle(self, cursor: Any, bank: str) -> None:
        """Implement `Dialect.settle`: a lock is not in the logs, so the head goes up, and down."""
        for statement in _SETTLE:
            cursor.execute(statement, (bank,))

    def rolled_back(self, error: Exception) -> bool:
        """Implement `Dialect.rolled_back`."""
        return number_of(error) in _ROLLED_BACK

    def takes_no_writes(self, error: Exception) -> bool:
        """Implement `Dialect.takes_no_writes`."""
        return number_of(error) in _NO_WRITES

    def cursor(self, connection: Any) -> Any:
        """Implement `Dialect.cursor`."""
        return self.driver.cursor(connection)

    def append(self, cursor: Any, bank: str, batch: Batch, before: int) -> bool:
        """Implement `Dialect.append`, in a statement for each table."""
        if batch.records:
            last = batch.records[-1]
            cursor.execute(_MOVE_HEAD, (last.sequence, last.digest, bank, before))
            if not cursor.rowcount:
                return False
        for sql, rows in (
            (_ADD_RECORD, batch.records),
            (_ADD_TEXT, [row._replace(text=row.text.encode()) for row in batch.texts]),  # type: ignore[arg-type]  # kept as bytes
            (_PUT_ACCOUNT, batch.accounts.values()),
            (_ADD_POSTING, batch.postings),
            (_ADD_HOLD, batch.holds),
            (_ADD_STATUTE, batch.statutes),
            (_ADD_TILE, batch.tiles),
        ):
            if rows:
                cursor.executemany(sql, [(bank, *row) for row in rows])
        for sequence in batch.resolved:
            cursor.execute(_END_HOLD, (bank, sequence))
        for place in batch.erased:
            cursor.execute(_ERASE_TEXT, (bank, *place))
        return True

    def delete_derived(self, cursor: Any, bank: str) -> None:
        """Implement `Dialect.delete_derived`."""
        cursor.execute("SET @timebank_rebuild = 1")
        try:
            cursor.execute("DELETE FROM timebank_postings WHERE bank = %s", (bank,))
            for table in (
                "timebank_holds",
                "timebank_statutes",
                "timebank_tiles",
                "timebank_accounts",
            ):
                cursor.execute(f"DELETE FROM {table} WHERE bank = %s", (bank,))  # noqa: S608 - our names
        finally:
            cursor.execute("SET @timebank_rebuild = NULL")

    def lost(self, connection: Any, error: Exception) -> bool:
        """Implement `Dialect.lost`."""
        return number_of(error) in _LOST or not connection.open

    def translated(self, error: Exception, where: str) -> TimebankError:
        """Implement `Dialect.translated`."""
        number = number_of(error)
        kind, meaning = _MEANINGS.get(number, (StoreError, "MariaDB failed"))
        if number in _LOST:
            kind, meaning = Unavailable, "the connection was lost"
        said = error.args[1] if len(error.args) > 1 else error
        return kind(f"{where}: {meaning} ({said})")

    def savepoint(self, cursor: Any, name: str) -> None:
        """Implement `Dialect.savepoint`."""
        self._ours["Com_savepoint"] += 1
        self.driver.run(cursor, f"SAVEPOINT {name}")

    def begin_call(self, cursor: Any, name: str, questions: CallQuestions) -> CallAnswers | None:
        """Implement `Dialect.begin_call`."""
        if questions.mark is not None and not self.has_savepoint(cursor, questions.mark):
            return None
        self.savepoint(cursor, name)
        cursor.execute(self.lock_head, (questions.bank,))
        return CallAnswers(next(iter(cursor.fetchall()), None))

    def release(self, cursor: Any, name: str, append: str | None = None) -> bool:
        """Implement `Dialect.release`: nothing is appended along with it."""
        self._ours["Com_release_savepoint"] += 1
        return self._found(cursor, f"RELEASE SAVEPOINT {name}")

    def undo(self, cursor: Any, name: str) -> bool:
        """Implement `Dialect.undo`."""
        self._ours["Com_rollback_to_savepoint"] += 1
        return self._found(cursor, f"ROLLBACK TO SAVEPOINT {name}") and self.release(cursor, name)

    def _found(self, cursor: Any, sql: str) -> bool:
        """Run what names a savepoint; return false, nothing being done, where it is not there."""
        try:
            self.driver.run(cursor, sql)
        except self.error as error:
            if number_of(error) != _NO_SAVEPOINT:
                raise
            return False
        return True

    def mark(self, cursor: Any, bank: str) -> Counted:
        """Implement `Dialect.mark`: a probe, and how many statements of some kinds were run."""
        probe = f"timebank_probe_{next(_PROBES)}"
        self.savepoint(cursor, probe)
        return Counted(self._counters(cursor), probe)

    def has_savepoint(self, cursor: Any, mark: Counted) -> bool:
        """Implement `Dialect.has_savepoint`, as far as `Counted` tells."""
        found = mark.told(self._counters(cursor)) if self.in_transaction(cursor) else False
        if found is None:
            found = self.release(cursor, mark.probe)
            if found:
                self.savepoint(cursor, mark.probe)
        mark.is_gone = not found
        return found

    @staticmethod
    def in_transaction(cursor: Any) -> bool:
        """Return what the server says: after an error a driver's own note is of before it."""
        cursor.execute(_IN_TRANSACTION)
        (is_open,) = cursor.fetchone()
        return bool(is_open)

    def _counters(self, cursor: Any) -> Counter[str]:
        """Return how often the session ran each kind of statement, without our own."""
        cursor.execute(_COUNTERS)
        found = Counter({name: int(value) for name, value in cursor.fetchall()})
        found.subtract(self._ours)
        return found

    @contextmanager
    def making_tables(self, cursor: Any) -> Iterator[None]:
        """Implement `Dialect.making_tables`."""
        name = "concat('timebank/', left(database(), 50))"
        cursor.execute(f"SELECT get_lock({name}, @@innodb_lock_wait_timeout)")
        try:
            yield
        finally:
            cursor.execute(f"SELECT release_lock({name})")

    def has_tables(self, cursor: Any) -> bool:
        """Implement `Dialect.has_tables`."""
        cursor.execute(
            "SELECT 1 FROM information_schema.tables "
            "WHERE table_schema = database() AND table_name = 'timebank_migrations'"
        )
        return bool(cursor.fetchall())

    def no_table(self, error: Exception) -> bool:
        """Implement `Dialect.no_table`."""
        return number_of(error) in _NO_TABLE

    def no_column(self, error: Exception) -> bool:
        """Implement `Dialect.no_column`."""
        return number_of(error) == _NO_COLUMN

    def made_already(self, error: Exception) -> bool:
        """Implement `Dialect.made_already`."""
        return number_of(error) in (1050, 1061, 1062, 1213, 1684)

    def triggers(self, cursor: Any = None) -> tuple[str, ...]:
        """Implement `Dialect.triggers`."""
        return tuple(guard.mariadb for guard in mariadb_guards())

    def has_no_triggers(self, error: Exception) -> bool:
        """Implement `Dialect.has_no_triggers`."""
        return number_of(error) in _NO_TRIGGERS

    def catalogue(self, cursor: Any) -> Catalogue:
        """Implement `Dialect.catalogue`, as far as the user is shown it."""
        return mariadb_catalogue.read(cursor, self.error, self.no_table)

    def unseen(self, cursor: Any) -> list[str]:
        """Implement `Dialect.unseen`."""
        return mariadb_catalogue.unseen(cursor)

    def may_guard(self, cursor: Any) -> bool:
        """Implement `Dialect.may_guard`."""
        return mariadb_catalogue.may_guard(cursor)

    def schemas(self, cursor: Any) -> set[str]:
        """Implement `Dialect.schemas`: the database."""
        cursor.execute("SELECT database()")
        return {name for (name,) in cursor.fetchall()}


def number_of(error: Exception) -> int:
    """Return the server's number of an error; -1 where there is none."""
    number = error.args[0] if error.args else -1
    return number if type(number) is int else -1
