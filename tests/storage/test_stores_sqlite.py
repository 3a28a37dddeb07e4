"""What the SQLite store does beyond what every store does: files, locks, damage."""

from __future__ import annotations

import hashlib
import multiprocessing
import os
import re
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import textwrap
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from timebank.errors import (
    BankNotFound,
    Conflict,
    Corrupt,
    InvalidRequest,
    NotFound,
    OutcomeUnknown,
    StoreBusy,
    StoreError,
    TimebankError,
)
from timebank.model import StatuteRow
from timebank.storage import Batch, migrate_store, open_store, tables
from timebank.storage.lock import Turn
from timebank.storage.sqlite import SqliteStore, connections, open_sqlite, schema
from timebank.storage.sqlite.backup import backup_sqlite
from timebank.storage.sqlite.errors import translated
from timebank.storage.sqlite.faults import MOST, faults
from timebank.storage.sqlite.transactions import SqliteReader
from timebank.testing.rows import hold, record, small_bank

TABLES = ("timebank_banks", *tables.TABLES)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A file with one bank in it, closed."""
    path = tmp_path / "bank.db"
    store = open_sqlite(f"sqlite:///{path}", create=True)
    store.make_bank("main", journal="j1")
    with store.writer("main") as writer:
        writer.append(small_bank())
    store.close()
    return path


@pytest.fixture
def store(path: Path) -> Iterator[SqliteStore]:
    """The same, open, with a short time-out."""
    opened = open_sqlite(f"sqlite:///{path}", create=True, busy_timeout_seconds=0.05)
    yield opened
    opened.close()


def tamper(path: Path, *statements: str) -> None:
    """Change a file as another hand would: no foreign keys, no checks, no triggers of rows."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA ignore_check_constraints = ON")
        for name in schema.GUARDS:
            connection.execute(f"DROP TRIGGER IF EXISTS {name}")
        for statement in statements:
            connection.execute(statement)
        there = {name for (name,) in connection.execute("SELECT name FROM sqlite_master")}
        for name, guard in schema.GUARDS.items():
            if name.partition("_no_")[0] in there:
                connection.execute(guard)


@contextmanager
def opened_reader(path: Path) -> Iterator[SqliteReader]:
    """A reader of a file that is opened for it alone."""
    store = open_sqlite(f"sqlite:///{path}", create=False)
    with closing(store), store.reader("main") as reader:
        yield reader


def faults_of(path: Path) -> list[tuple[str, str]]:
    """The checks that find something, and where."""
    with opened_reader(path) as reader:
        return [(fault.check, fault.place) for fault in reader.faults()]


# -- files ----------------------------------------------------------------------------


@pytest.mark.usefixtures("durable")
def test_the_pragmas_are_in_force(tmp_path: Path) -> None:
    """Every connection is durable, checks its keys and leaves no erased text."""
    for option, synchronous in (("", 2), ("?synchronous=full", 2), ("?synchronous=normal", 1)):
        store = open_sqlite(f"sqlite:///{tmp_path}/a%20b.db{option}", create=True)
        with store.reader("") as reader, store.writer("") as writer:
            for connection in (reader.connection(), writer.connection()):
                found = {
                    name: connection.execute(f"PRAGMA {name}").fetchone()[0]
                    for name in (
                        *("journal_mode", "synchronous", "foreign_keys", "secure_delete"),
                        *("recursive_triggers", "busy_timeout"),
                    )
                }
                assert {
                    "journal_mode": "wal",
                    "synchronous": synchronous,
                    "foreign_keys": 1,
                    "secure_delete": 1,
                    "recursive_triggers": 1,
                    "busy_timeout": 30_000,
                } == found
        store.close()
    assert ["a b.db"] == [file.name for file in tmp_path.iterdir()]


def test_a_relative_path_is_of_the_folder_at_opening(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A later change of the working folder does not change the file."""
    monkeypatch.chdir(tmp_path)
    store = open_store("sqlite:///bank.db", create=True)
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    store.make_bank("main", journal="j1")
    store.close()
    assert (tmp_path / "bank.db").exists()
    assert [] == list((tmp_path / "elsewhere").iterdir())


def test_a_path_that_is_not_utf8(tmp_path: Path) -> None:
    """A file's name is bytes; they may be percent-encoded."""
    open_store(f"sqlite:///{tmp_path}/caf%E9.db", create=True).close()
    assert [b"caf\xe9.db"] == [os.fsencode(file.name) for file in tmp_path.iterdir()]


def test_without_create_nothing_is_made(tmp_path: Path) -> None:
    """No file, no table; a file without our tables has no banks."""
    with pytest.raises(NotFound, match="no file"):
        open_store(f"sqlite:///{tmp_path}/bank.db", create=False)
    assert [] == list(tmp_path.iterdir())
    host = tmp_path / "host.db"
    with closing(sqlite3.connect(host)) as connection:
        connection.execute("CREATE TABLE bookings (id)")
    before = host.read_bytes()
    with closing(open_store(f"sqlite:///{host}", create=False)) as store:
        assert [] == list(store.banks())
        with store.reader("main") as reader:
            with pytest.raises(BankNotFound):
                reader.head()
            assert [] == list(reader.faults())
        with pytest.raises(StoreError, match="no ledger in it"):
            store.make_bank("main", journal="j1")
    assert before == host.read_bytes()


def test_a_host_database_gets_our_tables_beside_its_own(tmp_path: Path) -> None:
    """`create` adds the ledger to a file that has other tables, which stay."""
    host = tmp_path / "host.db"
    with closing(sqlite3.connect(host, isolation_level=None)) as connection:
        connection.execute("CREATE TABLE bookings (id)")
        connection.execute("INSERT INTO bookings VALUES (7)")
    open_store(f"sqlite:///{host}", create=True).close()
    with closing(sqlite3.connect(host)) as connection:
        assert [(7,)] == connection.execute("SELECT id FROM bookings").fetchall()
    assert [] == faults_of(host)


def test_a_host_database_in_utf16_is_refused(tmp_path: Path) -> None:
    """There the order of bytes is not the order of code points."""
    host = tmp_path / "host.db"
    with closing(sqlite3.connect(host)) as connection:
        connection.execute("PRAGMA encoding = 'UTF-16'")
        connection.execute("CREATE TABLE bookings (id)")
    with pytest.raises(StoreError, match="UTF-16"):
        open_store(f"sqlite:///{host}", create=True)


@pytest.mark.parametrize("create", [True, False])
@pytest.mark.parametrize("content", [b"dear diary\n", b"x" * 5000, b""])
def test_a_file_that_is_no_database(tmp_path: Path, content: bytes, *, create: bool) -> None:
    """It is refused at opening and its bytes stay; only an empty file may become one."""
    file = tmp_path / "diary.txt"
    file.write_bytes(content)
    if create and not content:
        open_store(f"sqlite:///{file}", create=True).close()
        assert [] == faults_of(file)
        return
    kind, told = (StoreError, "is not a SQLite database") if content else (NotFound, "is empty")
    with pytest.raises(kind, match=told) as caught:
        open_store(f"sqlite:///{file}", create=create)
    assert (caught.value.__cause__ is None) == (not content)
    assert content == file.read_bytes()


def test_what_can_be_no_file(tmp_path: Path) -> None:
    """A folder, a folder that is missing, a name that is too long."""
    for name, message in (
        ("", "is not a file"),
        ("/none/bank.db", "there is no folder"),
        (f"/{'x' * 300}", "cannot be looked at|there is no folder|cannot be opened"),
    ):
        with pytest.raises(StoreError, match=message):
            open_store(f"sqlite:///{tmp_path}{name}", create=True)
    assert [] == list(tmp_path.iterdir())


def test_a_newer_schema_is_refused(path: Path) -> None:
    """A migration that this version does not know means a newer program wrote it."""
    tamper(path, "INSERT INTO timebank_migrations VALUES (2, 'timebank', '0002_more', '-')")
    for create in (True, False):
        with pytest.raises(StoreError, match=r"newer timebank \(it has 0002_more\)"):
            open_store(f"sqlite:///{path}", create=create)


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO timebank_migrations VALUES (2, 'timebank', '0002_banks', '-')",
        "INSERT INTO timebank_migrations VALUES (3, 'timebank', '0003_holds', '-')",
        "ALTER TABLE timebank_records DROP COLUMN kind",
        "DROP TABLE timebank_tiles",
    ],
)
def test_a_schema_from_before_the_first_release_is_refused(path: Path, statement: str) -> None:
    """By the names of its migrations, or for the first of them by what it lacked."""
    tamper(path, statement)
    before = path.read_bytes()
    message = f"{path} was made by a timebank older than its first release: export its journal"
    if "tiles" in statement:
        message = f"{path} has no table timebank_tiles: either a timebank older than its first"
    for create, read_only in ((True, False), (False, False), (False, True)):
        with pytest.raises(StoreError, match=re.escape(message)):
            open_store(f"sqlite:///{path}", create=create, read_only=read_only)
    with pytest.raises(StoreError, match=re.escape(message)):
        migrate_store(f"sqlite:///{path}")
    with pytest.raises(StoreError, match=re.escape(message)):
        backup_sqlite(f"sqlite:///{path}", f"sqlite:///{path}.copy")
    assert before == path.read_bytes()


def test_reading_only_changes_nothing(path: Path) -> None:
    """With `read_only` reading works, writing is refused and the bytes stay."""
    before = path.read_bytes()
    store = open_store(f"sqlite:///{path}", create=True, read_only=True)
    with store.reader("main") as reader:
        assert 5 == reader.head().sequence
        assert [] == list(reader.faults())
    store.make_bank("main", journal="j9")
    with pytest.raises(StoreError, match="cannot be written to"):
        store.make_bank("other", journal="j2")
    with pytest.raises(StoreError, match="cannot be written to"):
        _append(store, record(6))
    store.close()
    assert before == path.read_bytes()
    with pytest.raises(NotFound):
        open_store(f"sqlite:///{path}.none", create=True, read_only=True)


def _append(store: Any, *records: Any) -> None:
    with store.writer("main") as writer:
        writer.append(Batch(list(records)))


READ_AS_ANOTHER = """
    import importlib.metadata, os, sys  # while they can be read
    import timebank.storage.sqlite
    from timebank.errors import StoreError
    from timebank.storage import Batch, open_store
    path, folder_mode = sys.argv[1], int(sys.argv[2], 8)
    os.chmod(path, 0o444)
    os.chmod(os.path.dirname(path), folder_mode)
    if os.getuid() == 0:
        os.setgid(65534)
        os.setuid(65534)
    store = open_store(f"sqlite:///{path}", create=False)
    with store.reader("main") as reader:
        print(reader.head().sequence, len(list(reader.faults())))
    try:
        with store.writer("main") as writer:
            writer.append(Batch(anew=True))
    except StoreError as error:
        print(type(error).__name__)
    store.close()
"""


@pytest.mark.parametrize("folder_mode", ["777", "555"])
def test_a_read_only_file_can_be_read(path: Path, folder_mode: str) -> None:
    """For a user who may not write the file, in a folder that may or may not be written."""
    source = Path(connections.__file__).parents[3]
    # Not below pytest's own folder: each pytest that begins closes that to others.
    folder = Path(tempfile.mkdtemp())
    path = Path(shutil.copy(path, folder))
    try:
        done = subprocess.run(
            [sys.executable, "-c", textwrap.dedent(READ_AS_ANOTHER), str(path), folder_mode],
            env={**os.environ, "PYTHONPATH": str(source)},
            capture_output=True,
            text=True,
            check=False,
        )
    finally:
        folder.chmod(0o777)
        shutil.rmtree(folder)
    assert ("5 0\nStoreError\n", "") == (done.stdout, done.stderr)


# -- what the database itself refuses ---------------------------------------------------


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE timebank_banks SET journal = 'x'",
        "DELETE FROM timebank_banks",
        "UPDATE timebank_records SET body = x'7b7d'",
        "DELETE FROM timebank_records",
        "INSERT OR REPLACE INTO timebank_records SELECT * FROM timebank_records",
        "UPDATE timebank_postings SET seconds = 1",
        "DELETE FROM timebank_postings",
        "INSERT OR REPLACE INTO timebank_postings SELECT * FROM timebank_postings",
    ],
)
def test_triggers_refuse(store: SqliteStore, statement: str) -> None:
    """Records, postings and banks are never changed and never removed."""
    refused = pytest.raises(sqlite3.IntegrityError, match="is never")
    with store.writer("main") as writer, refused:
        writer.connection().execute(statement)
    with store.reader("main") as reader:
        assert (5, []) == (reader.head().sequence, list(reader.faults()))


@pytest.mark.parametrize(
    "batch",
    [
        Batch([record(6)._replace(digest=b"short")]),
        Batch([record(6)._replace(body="text")]),  # type: ignore[arg-type]
        Batch([record(6, refers_to=6)]),
        Batch(postings=[small_bank().postings[0]._replace(version=5, seconds=0)]),
        Batch(postings=[small_bank().postings[0]._replace(version=5, day="yesterday")]),
        Batch(postings=[small_bank().postings[0]._replace(version=5, account="nobody")]),
        Batch(accounts={"m1": small_bank().accounts["m1"]._replace(kind="bank")}),
        Batch(holds=[hold("m1", 4)]),
        Batch(holds=[hold("m1", 4, held=-1, incoming=1)]),
        Batch(holds=[hold("m1", 4, held=2**53 + 1)]),
        Batch(holds=[hold("m1", 4, held=1, expires_at=2**53 + 1)]),
        Batch(holds=[hold("m1", 9, held=1)]),
        Batch(holds=[hold("nobody", 4, held=1)]),
        Batch(statutes=[StatuteRow(5, "")]),
        Batch(statutes=[StatuteRow(5, b"v3")]),  # type: ignore[arg-type]
        Batch(statutes=[StatuteRow(9, "v3")]),
    ],
)
def test_checks_and_keys_refuse(store: SqliteStore, batch: Batch) -> None:
    """A row that cannot be is refused by the database too: the second half of a pair."""
    with pytest.raises(StoreError), store.writer("main") as writer:
        writer.append(batch)
    with store.reader("main") as reader:
        assert small_bank().postings == reader.postings("m1", after=0, limit=9)
        assert small_bank().holds == reader.holds(after=(0, ""), limit=9)
        assert small_bank().statutes[::-1] == reader.statutes(before=99, limit=9)


def test_keys_are_the_second_half_of_a_pair(store: SqliteStore) -> None:
    """A writer that is wrong about the head meets the primary key."""
    with pytest.raises(Conflict), store.writer("main") as writer:
        writer._sequence = 4
        writer.append(Batch([record(5)]))


def test_look_ups_use_their_index(store: SqliteStore) -> None:
    """No query walks through a bank's rows."""
    from timebank.storage.sqlite.questions import QUERIES
    from timebank.storage.sqlite.transactions import _END_HOLD

    with store.reader("main") as reader:
        for sql, values, expected in (
            (QUERIES.find, 2, "timebank_records_id (bank=? AND id=?)"),
            (QUERIES.referring, 2, "timebank_records_refers_to (bank=? AND refers_to=?)"),
            (QUERIES.records, 3, "PRIMARY KEY (bank=? AND sequence>?)"),
            (QUERIES.last_posting, 3, "PRIMARY KEY (bank=? AND account=?)"),
            (QUERIES.postings, 4, "PRIMARY KEY (bank=? AND account=? AND version>?)"),
            (QUERIES.by_day, 6, "timebank_postings_day (bank=? AND account=? AND "),
            (QUERIES.by_day_back, 6, "timebank_postings_day (bank=? AND account=? AND "),
            (
                QUERIES.totals,
                4,
                "timebank_postings_day (bank=? AND account=? AND day>? AND day<?)",
            ),
            (QUERIES.late, 5, "PRIMARY KEY (bank=? AND account=? AND version>? AND version<?)"),
            (
                QUERIES.holds,
                4,
                "timebank_holds_sequence (bank=? AND (sequence,account)>(?,?))",
            ),
            (
                QUERIES.holds_of,
                5,
                "PRIMARY KEY (bank=? AND account=? AND (expires_at,sequence)>(?,?))",
            ),
            (QUERIES.statutes, 3, "PRIMARY KEY (bank=? AND sequence<?)"),
            (_END_HOLD, 2, "timebank_holds_sequence (bank=? AND sequence=?)"),
        ):
            plan = reader.connection().execute(f"EXPLAIN QUERY PLAN {sql}", (None,) * values)
            detail = " / ".join(step[3] for step in plan)
            assert expected in detail
            assert "TEMP B-TREE" not in detail


# -- locks, disks, forks ------------------------------------------------------------------


def test_busy_from_another_connection(store: SqliteStore, path: Path) -> None:
    """Contention is `StoreBusy`, and goes away with the other writer."""
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreBusy):
            store.writer("main").__enter__()
        with store.reader("main") as reader:
            assert 5 == reader.head().sequence
    _append(store, record(6))


def test_a_full_disk(store: SqliteStore) -> None:
    """Nothing is written, and the store works on when there is room."""
    with store.writer("main") as writer:
        pages = writer.connection().execute("PRAGMA page_count").fetchone()[0]
        writer.connection().execute(f"PRAGMA max_page_count = {pages}")
    large = record(6)._replace(body=b"x" * 100_000)
    with pytest.raises(StoreError, match="the disk is full"):
        _append(store, large)
    with store.reader("main") as reader:
        assert (5, []) == (reader.head().sequence, list(reader.faults()))
    with store.writer("main") as writer:
        writer.connection().execute("PRAGMA max_page_count = 1000000")
        writer.append(Batch([large]))


class Failing(sqlite3.Connection):
    """A connection that fails at one statement."""

    at = ""
    code = 0

    def execute(self, sql: str, *values: Any) -> sqlite3.Cursor:
        """Fail where asked to."""
        if self.at and sql.startswith(self.at):
            error = sqlite3.OperationalError("disk I/O error")
            error.sqlite_errorcode = self.code
            raise error
        return super().execute(sql, *values)


@pytest.fixture
def failing(path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SqliteStore]:
    """The store on connections that can be made to fail."""
    connect = sqlite3.connect

    def connected(*values: Any, **options: Any) -> sqlite3.Connection:
        return connect(*values, factory=Failing, **options)

    monkeypatch.setattr(sqlite3, "connect", connected)
    opened = open_sqlite(f"sqlite:///{path}", create=True)
    yield opened
    monkeypatch.setattr(Failing, "at", "")
    opened.close()


@pytest.mark.parametrize("id", ["t6", None])
def test_a_commit_that_fails_in_the_middle(
    failing: SqliteStore, monkeypatch: pytest.MonkeyPatch, id: str | None
) -> None:
    """Whether it happened is not known: the error says which id to ask for."""
    monkeypatch.setattr(Failing, "code", sqlite3.SQLITE_IOERR_FSYNC)
    with pytest.raises(OutcomeUnknown) as caught, failing.writer("main") as writer:
        writer.append(Batch([record(6, id="t5b"), record(7, id=id)]))
        monkeypatch.setattr(Failing, "at", "COMMIT")
    assert id == caught.value.id
    monkeypatch.setattr(Failing, "at", "")
    with failing.reader("main") as reader:
        assert 5 == reader.head().sequence
    _append(failing, record(6))


#: The primary codes of SQLite that are errors.
CODES = {
    code
    for name, code in vars(sqlite3).items()
    if name.startswith("SQLITE_") and name.count("_") == 1 and type(code) is int and 0 < code < 27
}


def test_every_code_of_a_commit(failing: SqliteStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only what is known to be a rollback is one; a full disk may have the mark of the commit."""
    assert len(CODES) > 20
    known = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_CONSTRAINT}
    for code in sorted(CODES):
        monkeypatch.setattr(Failing, "code", code)
        with pytest.raises(TimebankError) as caught, failing.writer("main") as writer:
            writer.append(Batch([record(6, id="t6"), record(7), record(8, id="t8")]))
            monkeypatch.setattr(Failing, "at", "COMMIT")
        monkeypatch.setattr(Failing, "at", "")
        if code in known:
            assert not isinstance(caught.value, OutcomeUnknown)
        else:
            assert isinstance(caught.value, OutcomeUnknown)
            assert ("t8", ("t6", "t8")) == (caught.value.id, caught.value.ids)


def test_a_commit_that_is_refused(failing: SqliteStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """An error of a commit that certainly did not happen is what it is."""
    monkeypatch.setattr(Failing, "code", sqlite3.SQLITE_BUSY)
    with pytest.raises(StoreBusy), failing.writer("main"):
        monkeypatch.setattr(Failing, "at", "COMMIT")
    monkeypatch.setattr(Failing, "at", "")
    _append(failing, record(6))


@pytest.mark.parametrize("begin", ["reader", "writer"])
def test_a_connection_that_cannot_be_made(
    failing: SqliteStore, monkeypatch: pytest.MonkeyPatch, begin: str
) -> None:
    """The lock is free again after it."""
    monkeypatch.setattr(Failing, "code", sqlite3.SQLITE_CANTOPEN)
    monkeypatch.setattr(Failing, "at", "PRAGMA")
    with pytest.raises(StoreError, match="cannot be opened"):
        getattr(failing, begin)("main").__enter__()
    monkeypatch.setattr(Failing, "at", "")
    _append(failing, record(6))


def test_an_interrupt_while_waiting_frees_the_lock(
    failing: SqliteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl-C during BEGIN leaves the store usable."""

    def interrupted(self: Failing, sql: str, *values: Any) -> sqlite3.Cursor:
        if sql == "BEGIN IMMEDIATE":
            raise KeyboardInterrupt
        return sqlite3.Connection.execute(self, sql, *values)

    with monkeypatch.context() as patched:
        patched.setattr(Failing, "execute", interrupted)
        with pytest.raises(KeyboardInterrupt):
            failing.writer("main").__enter__()
    _append(failing, record(6))


def test_a_connection_that_cannot_roll_back_is_given_up(
    failing: SqliteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next reader and writer get others."""
    monkeypatch.setattr(Failing, "at", "ROLLBACK")
    with failing.reader("main") as reader:
        first = reader.connection()
        reader.head()
    with pytest.raises(ZeroDivisionError), failing.writer("main") as writer:
        writer.append(Batch([record(6)]))
        raise ZeroDivisionError
    assert (0, None) == _kept(failing)
    monkeypatch.setattr(Failing, "at", "")
    with pytest.raises(sqlite3.ProgrammingError):
        first.execute("SELECT 1")
    _append(failing, record(6))


def _kept(store: SqliteStore) -> tuple[int, object]:
    process = store._connections._process()  # type: ignore[attr-defined]
    return len(process.idle), process.writer


def test_closing_while_others_read_and_write(store: SqliteStore) -> None:
    """What is under way ends as it would have; its connections are closed then."""
    with store.reader("main") as reader, store.writer("main") as writer:
        store.close()
        assert 5 == reader.head().sequence
        writer.append(Batch([record(6)]))
    assert (0, None) == _kept(store)
    with opened_reader(Path(store._connections.where)) as reader:
        assert 6 == reader.head().sequence


def test_a_writer_that_waited_for_a_store_that_was_closed(store: SqliteStore) -> None:
    """It is told so when its turn comes."""
    failures: list[str] = []
    waiting = threading.Event()

    def wait() -> None:
        try:
            with store.writer("main"):
                pass
        except (StoreError, StoreBusy) as error:
            failures.append(type(error).__name__)

    acquire = store._connections._lock.acquire  # type: ignore[attr-defined]

    def told(seconds: float, turn: Turn) -> None:
        waiting.set()
        acquire(30, turn)

    with store.writer("main"):
        store._connections._lock.acquire = told  # type: ignore[attr-defined]
        thread = threading.Thread(target=wait)
        thread.start()
        assert waiting.wait(30)
        store._connections._closed = True  # type: ignore[attr-defined]
    thread.join()
    assert ["StoreError"] == failures


def test_idle_readers_are_few(store: SqliteStore) -> None:
    """After a crowd most connections are closed."""
    readers = [store.reader("main") for _ in range(12)]
    for reader in readers:
        reader.__enter__()
    for reader in readers:
        reader.__exit__(None, None, None)
    assert connections.IDLE_READERS == _kept(store)[0]


def _in_a_child(store: SqliteStore, writer: Any, results: Any) -> None:
    try:
        writer.__exit__(None, None, None)
    except StoreError as error:
        results.put(str(error)[:35])
    writer._connection = store._connections._processes[os.getppid()].writer  # type: ignore[attr-defined]
    results.put(writer.__exit__(ValueError, ValueError(), None))
    for url in (store.url, store.url + "?synchronous=normal"):
        try:
            open_sqlite(url, create=False).close()
        except StoreError as error:
            results.put("forked while its parent was reading or writing" in str(error))
    try:
        store.reader("main").__enter__()
    except StoreError as error:
        results.put("forked while its parent was reading or writing" in str(error))
    store.close()


def test_a_forked_child_leaves_the_parents_batch_alone(path: Path) -> None:
    """It neither commits nor breaks it; and it has SQLite's locks as they were, so it is told."""
    store = open_sqlite(f"sqlite:///{path}", create=True)
    context = multiprocessing.get_context("fork")
    results = context.SimpleQueue()
    with store.reader("main") as reader, store.writer("main") as writer:
        reader.head()
        writer.append(Batch([record(6)]))
        child = context.Process(target=_in_a_child, args=(store, writer, results))
        child.start()
        child.join()
        assert 0 == child.exitcode
        told = [results.get() for _ in range(5)]
        assert ["this writer belongs to the process ", None, True, True, True] == told
        assert 5 == reader.head().sequence
    with store.reader("main") as reader:
        assert 6 == reader.head().sequence
    store.close()


def _write_in_a_child(store: SqliteStore, results: Any) -> None:
    _append(store, record(6))
    with store.reader("main") as reader:
        results.put(reader.head().sequence)


def test_a_forked_child_of_who_was_idle_writes(path: Path) -> None:
    """It has connections of its own, and what it inherited is closed: no lock is left of it."""
    store = open_sqlite(f"sqlite:///{path}", create=True)
    with store.reader("main"), store.writer("main"):
        pass  # connections of both kinds are kept
    context = multiprocessing.get_context("fork")
    results = context.SimpleQueue()
    child = context.Process(target=_write_in_a_child, args=(store, results))
    child.start()
    child.join()
    assert (0, 6) == (child.exitcode, results.get())
    _append(store, record(7))
    with store.reader("main") as reader:
        assert 7 == reader.head().sequence
    store.close()


MAKE = """
    import sys
    from timebank.storage import Batch, open_store
    from timebank.model import RecordRow
    store = open_store(f"sqlite:///{sys.argv[1]}", create=True)
    store.make_bank("main", journal=sys.argv[2])
    for _ in range(25):
        with store.writer("main") as writer:
            n = writer.head().sequence + 1
            writer.append(Batch([RecordRow(n, bytes(32), b"{}", "freeze", None, None)]))
    store.close()
"""


def test_many_processes_open_a_new_file_at_once(tmp_path: Path) -> None:
    """One makes the tables, all of them write, and nothing is lost."""
    path = tmp_path / "bank.db"
    source = Path(connections.__file__).parents[3]
    children = [
        subprocess.Popen(
            [sys.executable, "-c", textwrap.dedent(MAKE), str(path), f"j{n}"],
            env={**os.environ, "PYTHONPATH": str(source)},
        )
        for n in range(6)
    ]
    assert [0] * 6 == [child.wait() for child in children]
    with opened_reader(path) as reader:
        assert 150 == reader.head().sequence
    assert [] == faults_of(path)


def test_the_switch_to_wal_waits_for_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SQLite's time-out does not cover it: it is tried again until the deadline."""
    path = tmp_path / "bank.db"
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("CREATE TABLE t (x)")
        other.execute("BEGIN EXCLUSIVE")
        tried: list[float] = []

        def paused(seconds: float) -> None:
            tried.append(seconds)
            if len(tried) == 3:
                other.execute("COMMIT")

        monkeypatch.setattr(time, "sleep", paused)
        with closing(sqlite3.connect(path, timeout=0, isolation_level=None)) as connection:
            schema.migrate(connection, "bank.db", 30)
        assert 3 == len(tried)
        other.execute("BEGIN EXCLUSIVE")
        other.execute("CREATE TABLE u (x)")
        with pytest.raises(StoreBusy):
            open_sqlite(f"sqlite:///{path}?synchronous=normal", create=True, busy_timeout_seconds=0)
            with closing(
                open_sqlite(f"sqlite:///{path}", create=True, busy_timeout_seconds=0)
            ) as store:
                _append(store)


def test_a_migration_that_fails_leaves_no_table(tmp_path: Path) -> None:
    """Schema and the record of it are one transaction."""
    host = tmp_path / "host.db"
    with closing(sqlite3.connect(host)) as connection:
        connection.execute("CREATE TABLE timebank_accounts (mine)")
    with pytest.raises(StoreError, match="already exists"):
        open_store(f"sqlite:///{host}", create=True)
    with closing(sqlite3.connect(host)) as connection:
        tables = connection.execute("SELECT name FROM sqlite_master").fetchall()
    assert [("timebank_accounts",)] == tables


# -- damage -----------------------------------------------------------------------------


def test_rows_whose_bank_is_missing(path: Path) -> None:
    """They are found from the whole file; the bank cannot be made over them."""
    tamper(path, "DELETE FROM timebank_banks")
    with closing(open_store(f"sqlite:///{path}", create=True)) as store:
        with pytest.raises(Corrupt, match="own row of bank 'main' is missing"):
            store.make_bank("main", journal="j1")
        with pytest.raises(Corrupt, match="own row of bank 'main' is missing"):
            _append(store, record(6))
    assert [("orphans", table) for table in tables.TABLES] == faults_of(path)


def test_rows_of_another_bank_that_is_not_there(path: Path) -> None:
    """One fault for each table and bank, whatever the bank's name is made of."""
    for bank in ("'ghost'", "x'00ff'", "'ghost two'"):
        tamper(path, f"INSERT INTO timebank_texts VALUES ({bank}, 1, 'note', zeroblob(16), 'x')")
    found = faults_of(path)
    assert 3 == found.count(("orphans", "timebank_texts"))


def test_references_are_checked(path: Path) -> None:
    """At most a hundred of a table are named."""
    tamper(path, "DELETE FROM timebank_accounts WHERE account = 'm1'")
    with opened_reader(path) as reader:
        found = [fault for fault in reader.faults() if fault.check == "references"]
    parent = "a row of timebank_accounts"
    assert [("timebank_postings", parent), ("timebank_holds", parent)] == [
        (fault.place, fault.expected) for fault in found
    ]
    assert 100 == MOST


@pytest.mark.parametrize("ignores_checks", [False, True])
@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE timebank_postings SET sequence = 99 WHERE version = 1",
        "UPDATE timebank_postings SET sequence = 0 WHERE version = 1",
        "UPDATE timebank_postings SET sequence = 1.5 WHERE version = 1",
        "UPDATE timebank_postings SET sequence = 'x' WHERE version = 1",
        "UPDATE timebank_postings SET account = 'm9' WHERE account = 'm1'",
        "UPDATE OR REPLACE timebank_texts SET sequence = 99",
        "UPDATE OR REPLACE timebank_texts SET sequence = -1",
        "UPDATE timebank_records SET refers_to = 99 WHERE sequence = 4",
        "UPDATE timebank_records SET refers_to = 1.5 WHERE sequence = 4",
        "UPDATE timebank_records SET sequence = 2.5 WHERE sequence = 3",
        "UPDATE timebank_records SET sequence = 0 WHERE sequence = 3",
        "DELETE FROM timebank_records WHERE sequence = 3",
        "DELETE FROM timebank_records WHERE sequence = 5",
    ],
)
def test_references_are_those_that_sqlite_finds_row_by_row(
    path: Path, statement: str, ignores_checks: bool
) -> None:
    """However they are asked for: what says of many rows that all is well looks at none of them.

    A host's connection may have been told to ignore what SQLite checks of numbers.
    """
    tamper(path, statement)
    with closing(sqlite3.connect(path)) as connection:
        by_row = [
            (table, f"a row of {parent}")
            for table, _, parent, _ in connection.execute("PRAGMA foreign_key_check")
            if parent != "timebank_banks"
        ]
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(f"PRAGMA ignore_check_constraints = {int(ignores_checks)}")
        found = faults(connection, str(path), None)
    assert by_row
    told = {(fault.place, fault.expected) for fault in found if fault.check == "references"}
    assert {*by_row} == told


@pytest.mark.parametrize(
    ("statement", "place"),
    [
        ("DROP TRIGGER timebank_records_no_update", "trigger timebank_records_no_update"),
        ("DROP INDEX timebank_records_id", "index timebank_records_id"),
        ("DROP TABLE timebank_texts", "table timebank_texts"),
        ("DROP TABLE timebank_migrations", "table timebank_migrations"),
        ("ALTER TABLE timebank_texts ADD COLUMN more", "table timebank_texts"),
        ("CREATE VIEW timebank_view AS SELECT 1", "view timebank_view"),
        (
            "CREATE TRIGGER spy AFTER INSERT ON timebank_records BEGIN SELECT 1; END",
            "trigger spy",
        ),
        ("UPDATE timebank_migrations SET applied_at = 'x'", "rows of timebank_migrations"),
        ("UPDATE timebank_migrations SET id = 9 WHERE id = 1", "rows of timebank_migrations"),
        (
            "INSERT INTO timebank_migrations VALUES (4, 'mine', 'm', '-')",
            "rows of timebank_migrations",
        ),
    ],
)
def test_the_schema_is_compared_with_a_fresh_one(path: Path, statement: str, place: str) -> None:
    """What is missing, changed or added is named."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute(statement)
    assert ("schema", place) in faults_of(path)


@pytest.mark.parametrize(
    ("statement", "call"),
    [
        ("UPDATE timebank_records SET body = 'text'", "records"),
        ("UPDATE timebank_records SET digest = 'text' WHERE sequence = 5", "head"),
        ("UPDATE timebank_accounts SET floor = 0.5", "account"),
        ("UPDATE timebank_postings SET balance = 'x'", "last_posting"),
        ("UPDATE timebank_postings SET seconds = x'00'", "totals"),
        ("UPDATE timebank_texts SET text = CAST(x'ff' AS TEXT)", "texts"),
        ("DROP INDEX timebank_records_refers_to", "referring"),
        ("DROP TABLE timebank_records", "find"),
        ("ALTER TABLE timebank_records RENAME COLUMN body TO corpse", "find"),
        ("DROP TABLE timebank_banks", "banks"),
        ("DROP TABLE timebank_accounts", "has_rows"),
    ],
)
def test_what_was_changed_by_another_hand_is_corrupt(path: Path, statement: str, call: str) -> None:
    """A row of a wrong type, text that is no UTF-8, a table or column that is gone."""
    tamper(path, statement)
    values: dict[str, dict[str, Any]] = {
        "records": {"after": 0, "limit": 9},
        "texts": {"after": 0, "through": 9},
        "account": {"id": "m1"},
        "last_posting": {"account": "m1"},
        "totals": {"account": "m1"},
        "find": {"id": "t2"},
        "referring": {"sequence": 2},
    }
    with opened_reader(path) as reader, pytest.raises(Corrupt):
        getattr(reader, call)(**values.get(call, {}))
    # That a text is no UTF-8 is for the audit to say, which reads all of them.
    assert (call == "texts") == (faults_of(path) == [])


def test_a_table_of_migrations_of_another_shape(path: Path) -> None:
    """The file opens, so that an audit can say what is wrong with it."""
    tamper(path, "ALTER TABLE timebank_migrations RENAME COLUMN name TO named")
    assert "file" in {check for check, _ in faults_of(path)}


@pytest.mark.parametrize("page", range(2, 16))
def test_a_damaged_page_is_a_fault_and_never_an_error(path: Path, page: int) -> None:
    """Whatever page is overwritten, the file opens and the faults name it."""
    content = bytearray(path.read_bytes())
    if page * 4096 <= len(content):
        content[(page - 1) * 4096 : page * 4096] = bytes(range(256)) * 16
    path.write_bytes(bytes(content))
    found = {check for check, _ in faults_of(path)}
    assert ("file" in found) == (page * 4096 <= len(content))


def test_a_damaged_schema_is_corrupt(path: Path) -> None:
    """The file opens, for an audit to say so; every use of it is an error."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA writable_schema = ON")
        connection.execute(
            "UPDATE sqlite_master SET sql = 'CREATE nonsense' WHERE name LIKE '%day'"
        )
    with closing(open_sqlite(f"sqlite:///{path}", create=True)) as store:
        with store.reader("main") as reader:
            for call in (reader.head, reader.has_rows, reader.banks):
                with pytest.raises(Corrupt, match="the file is damaged"):
                    call()
        with pytest.raises(Corrupt):
            _append(store, record(6))
    assert {"file"} == {check for check, _ in faults_of(path)}


def test_progress_is_told_and_may_stop(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the callback raises is raised, not swallowed by SQLite."""
    monkeypatch.setattr("timebank.storage.sqlite.faults.STEPS", 10)
    called: list[int] = []

    def stop() -> None:
        called.append(1)
        if len(called) == 3:
            raise KeyboardInterrupt

    with opened_reader(path) as reader:
        assert [] == reader.faults(lambda: None)
        with pytest.raises(KeyboardInterrupt):
            reader.faults(stop)
        assert [] == reader.faults()


def test_the_audit_of_faults_changes_no_byte(path: Path) -> None:
    """Looking for faults leaves the file as it is."""
    before = hashlib.sha256(path.read_bytes()).hexdigest()
    assert [] == faults_of(path)
    assert before == hashlib.sha256(path.read_bytes()).hexdigest()


def test_errors_of_the_driver_have_one_table() -> None:
    """Codes are masked to the primary one; an unknown one is a `StoreError`."""
    for code, kind in (
        (sqlite3.SQLITE_BUSY_SNAPSHOT, Conflict),
        (sqlite3.SQLITE_LOCKED_SHAREDCACHE, StoreBusy),
        (sqlite3.SQLITE_CORRUPT_INDEX, Corrupt),
        (sqlite3.SQLITE_NOTADB, Corrupt),
        (sqlite3.SQLITE_CONSTRAINT_UNIQUE, Conflict),
        (sqlite3.SQLITE_CONSTRAINT_CHECK, StoreError),
        (sqlite3.SQLITE_TOOBIG, StoreError),
    ):
        error = sqlite3.OperationalError("it failed")
        error.sqlite_errorcode = code
        assert kind is type(translated(error, "bank.db"))


def test_a_url_of_sqlite_has_one_option() -> None:
    """The option is kept for every connection."""
    with pytest.raises(InvalidRequest):
        open_sqlite("sqlite:///x.db?synchronous=extra", create=True)
