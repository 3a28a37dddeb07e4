"""What a store on an SQL server does when the server, the network or another client does not."""

from __future__ import annotations

import contextlib
import gc
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pymysql
import pytest
import sqlalchemy

import timebank
from servers import ON_SERVERS, drop_database, mariadb, new_database, postgresql
from storage.proxy import Proxy
from support import fill
from timebank import (
    BankNotFound,
    Conflict,
    Corrupt,
    Hours,
    InvalidRequest,
    NotFound,
    OutcomeUnknown,
    StoreBusy,
    StoreError,
    TimeBank,
    TimebankError,
    Unavailable,
)
from timebank.bank import commit_group
from timebank.model import StatuteRow
from timebank.storage import Batch, migrate_store, open_store
from timebank.storage.server import migrations
from timebank.storage.server.guards import REFUSE_BODY, REFUSE_BODY_BEFORE, make_refuse
from timebank.storage.server.postgres import PostgreSql
from timebank.storage.server.schema import tables
from timebank.storage.server.store import SqlStore, open_sql
from timebank.testing.rows import hold, record


@pytest.fixture(params=ON_SERVERS)
def url(request: pytest.FixtureRequest) -> Iterator[str]:
    """An empty database of a server."""
    made = new_database(request.param)
    yield made
    drop_database(made)


@pytest.fixture
def bank(url: str) -> Iterator[TimeBank]:
    """A bank with two accounts."""
    with timebank.open(url) as opened:
        opened.open_account("m1")
        opened.open_account("f1", kind="group")
        yield opened


@pytest.fixture
def admin(url: str) -> Iterator[sqlalchemy.Connection]:
    """Another hand in the same database."""
    engine = sqlalchemy.create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        yield connection
    engine.dispose()


@pytest.fixture
def proxy(url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Proxy, str]]:
    """A wire to the server that can be cut, and the URL of the database through it."""
    folder = Path(os.path.realpath(tmp_path_factory.mktemp("p")))
    if url.startswith("postgresql"):
        path, target = folder / ".s.PGSQL.5432", postgresql() / ".s.PGSQL.5432"
        through = url.partition("?")[0] + f"?host={folder}"
    else:
        path, target = folder / "s", mariadb()
        through = url.partition("?")[0] + f"?unix_socket={path}"
    with Proxy(path, target) as made:
        yield made, through


def move(bank: TimeBank, id: str | None = None, hours: str = "0:01") -> None:
    """A minute from the family to the member."""
    bank.transfer(earner="m1", spender="f1", hours=hours, id=id)


def end_connections(admin: sqlalchemy.Connection) -> None:
    """End every other connection to the database, as a restart of the server does."""
    if admin.engine.name == "postgresql":
        admin.exec_driver_sql(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        ).fetchall()
        return
    rows = admin.exec_driver_sql(
        "SELECT id FROM information_schema.processlist "
        "WHERE db = database() AND id <> connection_id()"
    )
    for (number,) in rows.fetchall():
        admin.exec_driver_sql(f"KILL {number}")


# -- connections ------------------------------------------------------------------------


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_a_commit_whose_answer_is_lost(proxy: tuple[Proxy, str], *, after: bool) -> None:
    """`OutcomeUnknown` names the id; the same call then tells, and moves the hours once."""
    wire, through = proxy
    with timebank.open(through) as bank:
        bank.open_account("m1")
        bank.open_account("f1")
        wire.cut_at(rb"COMMIT(\0|$)", after=after)
        with pytest.raises(OutcomeUnknown) as caught:
            move(bank, "t1")
        assert ("t1", 1) == (caught.value.id, wire.cuts)
        move(bank, "t1")
        assert (Hours("0:01"), 3) == (bank.balance("m1").posted, bank.head().sequence)
        wire.cut_at(rb"COMMIT(\0|$)", after=after)
        with pytest.raises(OutcomeUnknown) as caught, bank.batch() as batch:
            batch.open_account("m2")
            batch.transfer(earner="m1", spender="f1", hours=1, id="b1")
        assert ("b1", ("b1",)) == (caught.value.id, caught.value.ids)
        bank.open_account("m1")  # it waits for the lock that the commit may still have
        assert (5 if after else 3) == bank.head().sequence
        assert () == bank.audit().findings


def test_a_connection_whose_rollback_was_interrupted_is_closed(
    bank: TimeBank, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its answer may be half read: the next question would get the answer to this one."""
    store = bank.store
    assert isinstance(store, SqlStore)
    block = store.writer("main")
    block.__enter__()
    connection: Any = block._slot[0].driver_connection

    def interrupted(_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(type(connection), "rollback", interrupted)
        error = ValueError()
        with pytest.raises(KeyboardInterrupt):
            block.__exit__(ValueError, error, None)
    block.drop()  # as whoever has the block does after an interrupt
    assert store.dialect.lost(connection, error)
    move(bank)


def test_a_connection_lost_before_the_commit(proxy: tuple[Proxy, str]) -> None:
    """Nothing was written, and the next call has another connection."""
    wire, through = proxy
    with timebank.open(through) as bank:
        bank.open_account("m1")
        wire.cut_at(b"timebank_records", after=True)
        with pytest.raises(Unavailable):
            bank.open_account("m2")
        assert 1 == wire.cuts
        bank.open_account("m2")
        assert (2, ()) == (bank.head().sequence, bank.audit().findings)


def test_connections_that_died_while_idle_are_replaced(
    bank: TimeBank, admin: sqlalchemy.Connection
) -> None:
    """After a restart of the server the first call goes through."""
    with bank.store.reader("main"), bank.store.reader("main"):
        pass  # two connections, idle from now on
    for _ in range(2):
        end_connections(admin)
        move(bank)
        end_connections(admin)
        assert () == bank.audit().findings
    assert Hours("0:02") == bank.balance("m1").posted


def test_a_connection_that_ends_within_a_batch(
    bank: TimeBank, admin: sqlalchemy.Connection
) -> None:
    """The batch is gone, whatever its block does next; the bank goes on."""
    with pytest.raises(Unavailable), bank.batch() as batch:
        batch.open_account("x")
        end_connections(admin)
        batch.account("m1")
    with pytest.raises((Unavailable, OutcomeUnknown)), bank.batch() as batch:
        batch.open_account("x")
        end_connections(admin)
    assert 2 == bank.head().sequence
    move(bank)


def test_every_transfer_arrives_once_though_connections_die(
    bank: TimeBank, admin: sqlalchemy.Connection
) -> None:
    """Threads post while connections are ended under them: each id is repeated, and moves once."""

    def post(number: int) -> None:
        for turn in range(25):
            for _ in range(200):
                try:
                    move(bank, f"t{number}-{turn}")
                except (Unavailable, OutcomeUnknown, StoreBusy):
                    continue
                break

    threads = [threading.Thread(target=post, args=[number]) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        while thread.is_alive():
            with contextlib.suppress(sqlalchemy.exc.OperationalError):
                end_connections(admin)  # one of them may have gone by itself
            thread.join(0.05)
    assert (102, Hours("1:40")) == (bank.head().sequence, bank.balance("m1").posted)
    assert () == bank.audit().findings


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_no_server_and_no_database(url: str) -> None:
    """What is not there is a `StoreError`, who does not answer `Unavailable`; no password shows."""
    made = sqlalchemy.make_url(url)
    for other, kind in (
        (made.set(database="nowhere", password="hush"), StoreError),  # noqa: S106 - no secret
        (made.set(query={"host": "/nowhere", "unix_socket": "/nowhere"}), Unavailable),
    ):
        query = {key: value for key, value in other.query.items() if key in made.query}
        named = other.set(query=query).render_as_string(hide_password=False)
        with pytest.raises(kind) as caught:
            timebank.open(named)
        assert "hush" not in str(caught.value)
    del caught
    gc.collect()  # PyMySQL forgets to close the socket of a connection that failed


def test_all_connections_in_use(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A pool that has none left is busy, not broken."""
    monkeypatch.setattr("timebank.storage.server.store.POOL", 1)
    monkeypatch.setattr("timebank.storage.server.store.OVERFLOW", 0)
    store = open_sql(url, create=True, busy_timeout_seconds=0.05)
    store.make_bank("main", journal="j1")
    with (
        store.reader("main"),
        pytest.raises(StoreBusy, match="all connections"),
        store.reader("main"),
    ):
        pass
    store.close()


def test_a_forked_child_has_connections_of_its_own(bank: TimeBank) -> None:
    """The child reads and writes; the parent's connection is as it was, and its batch too."""
    move(bank)
    with bank.batch() as batch:
        batch.open_account("x")
        child = os.fork()
        if not child:
            code = 1
            try:
                with timebank.open(bank_url(bank)) as own:
                    code = 0 if own.head().sequence == bank.head().sequence == 3 else 2
            finally:
                os._exit(code)
        assert 0 == os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        batch.open_account("y")
    child = os.fork()
    if not child:
        code = 1
        try:
            move(bank)
            code = 0
        finally:
            os._exit(code)
    assert 0 == os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    move(bank)
    assert (7, ()) == (bank.head().sequence, bank.audit().findings)


def test_a_child_does_not_end_its_parents_batch(bank: TimeBank) -> None:
    """What the child leaves is not committed, nor rolled back, over the parent's connection."""
    with bank.batch() as batch:
        batch.open_account("x")
        child = os.fork()
        if not child:
            code = 1
            try:
                with pytest.raises(StoreError, match="belongs to the process"):
                    leave(bank)
                code = 0
            finally:
                os._exit(code)
        assert 0 == os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        batch.open_account("y")
    assert 4 == bank.head().sequence


def leave(bank: TimeBank) -> None:
    """End, in a child, the block of a writer that another process began."""
    store = bank.store
    assert isinstance(store, SqlStore)
    parent = os.getppid()
    writer = store.writer("other")
    writer.__enter__()
    real = os.getpid
    try:
        os.getpid = lambda: parent
        writer.__exit__(None, None, None)
    finally:
        os.getpid = real


def bank_url(bank: TimeBank) -> str:
    """The URL of a bank's store, password and all."""
    assert isinstance(bank.store, SqlStore)
    return bank.store.address


def test_an_error_that_a_batch_hides_commits_nothing(bank: TimeBank) -> None:
    """A statement that failed ends the transaction: a commit would be a rollback in silence."""
    with pytest.raises(StoreError, match="nothing was written"), bank.batch() as batch:
        batch.transfer(earner="m1", spender="f1", hours=1, id="t1")
        assert Hours(1) == batch.balance("m1").posted
        writer: Any = batch._life.session().writer
        with pytest.raises(TimebankError):
            writer._fetch("SELECT nothing FROM timebank_banks WHERE bank = %s", ("main",))
        with pytest.raises(StoreError, match="only be left"):
            batch.balance("m1")
    assert 2 == bank.head().sequence
    store: Any = bank.store
    with pytest.raises(StoreError), store.writer("main") as writer:
        writer.append(Batch([record(3)]))
        with pytest.raises(store.dialect.error):
            writer.transaction().cursor.execute("SELECT nothing FROM timebank_banks")
        if store.dialect.name == "mariadb":
            raise StoreError
    assert 2 == bank.head().sequence


def test_what_interrupts_a_program_drops_the_connection(bank: TimeBank) -> None:
    """An answer may be half read: that connection is not used again, and nothing was written."""
    with pytest.raises(KeyboardInterrupt), bank.batch() as batch:
        batch.open_account("x")
        raise KeyboardInterrupt
    assert 2 == bank.head().sequence
    move(bank)


# -- locks and conflicts -----------------------------------------------------------------


def test_a_lock_held_too_long_is_busy(url: str, bank: TimeBank) -> None:
    """Another process's writer is waited for as long as the time-out."""
    store = open_sql(url, create=False, busy_timeout_seconds=1)
    with bank.batch() as batch:
        batch.open_account("x")
        with pytest.raises(StoreBusy), store.writer("main"):
            pass
    with store.writer("main") as writer:
        assert 3 == writer.head().sequence
    store.close()


def test_writers_of_two_banks_do_not_wait(url: str, bank: TimeBank) -> None:
    """A batch of one bank does not hold up another."""
    with timebank.open(url, bank="other") as other, bank.batch() as batch:
        batch.open_account("x")
        other.open_account("x")
        other.open_account("y")
        other.transfer(earner="x", spender="y", hours=1)
    assert 3 == bank.head().sequence


def test_a_deadlock_is_tried_again(bank: TimeBank, monkeypatch: pytest.MonkeyPatch) -> None:
    """A real deadlock, provoked: our call is repeated and passes, once.

    How often it is repeated is for the other transaction to say, which may not have ended yet.
    """
    tried = provoke(bank, "m1", monkeypatch)
    assert 2 <= tried <= 1 + 1 + commit_group.RETRIES
    assert Hours("0:01") == bank.balance("m1").posted
    assert () == bank.audit().findings


def test_a_conflict_that_does_not_end_is_told(
    bank: TimeBank, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a bounded number of tries the conflict is the caller's."""
    monkeypatch.setattr("time.sleep", lambda _: None)
    store, tries = bank.store, []

    def conflicting(cursor: object, *rest: object) -> bool:
        tries.append(rest)
        return False

    def conflicting_at_end(self: object, *rest: object) -> tuple[bool, bool]:
        tries.append(rest)
        return False, True

    assert isinstance(store, SqlStore)
    monkeypatch.setattr(type(store.dialect), "append", conflicting)
    monkeypatch.setattr(type(store.dialect), "commit_with", conflicting_at_end)
    with pytest.raises(Conflict, match="no longer at 2") as caught:
        move(bank)
    # Once in a group, and then alone as often as any call.
    assert (1 + 1 + commit_group.RETRIES, "call") == (len(tries), caught.value.scope)
    monkeypatch.undo()
    assert 2 == bank.head().sequence


def provoke(bank: TimeBank, account: str, monkeypatch: pytest.MonkeyPatch) -> int:
    """Transfer while another transaction locks crosswise; how often the call began."""
    store = bank.store
    assert isinstance(store, SqlStore)
    dialect, tries = store.dialect, []
    began, locked = threading.Event(), threading.Event()
    real = type(dialect).append_as_text  # which is asked before anything is written

    def append_as_text(self: object, *rest: object) -> str | None:
        tries.append(rest)
        if len(tries) == 1:
            began.set()
            assert locked.wait(20)
        return real(dialect, *rest)  # type: ignore[arg-type]

    def other() -> None:
        assert began.wait(20)
        engine = sqlalchemy.create_engine(bank_url(bank))
        with engine.connect() as connection, connection.begin() as ending:
            # Who gives way is the server's choice: PostgreSQL's who notices, MariaDB's who has
            # changed less.
            if engine.name == "postgresql":
                connection.exec_driver_sql("SET LOCAL deadlock_timeout = '20s'")
            names = ", ".join(f"('x{n}')" for n in range(100))
            connection.exec_driver_sql(f"INSERT INTO timebank_migrations VALUES {names}")
            connection.exec_driver_sql("SELECT 1 FROM timebank_accounts FOR UPDATE").fetchall()
            locked.set()
            connection.exec_driver_sql("SELECT 1 FROM timebank_banks FOR UPDATE").fetchall()
            ending.rollback()
        engine.dispose()

    monkeypatch.setattr(type(dialect), "append_as_text", append_as_text)
    thread = threading.Thread(target=other)
    thread.start()
    bank.transfer(earner=account, spender="f1", hours="0:01", id="t1")
    thread.join()
    return len(tries)


# -- the schema ----------------------------------------------------------------------------


def test_every_key_begins_with_the_bank() -> None:
    """A distributed engine can partition by it: primary, unique and foreign keys, and indexes."""
    for table in tables().sorted_tables:
        if table.name == "timebank_migrations":
            continue
        assert "bank" == next(iter(table.primary_key.columns)).name
        for constraint in table.constraints:
            if not isinstance(constraint, sqlalchemy.CheckConstraint):
                columns = [column.name for column in constraint.columns]  # type: ignore[attr-defined]
                assert "bank" == columns[0], constraint.name
        for key in table.foreign_key_constraints:
            assert next(iter(key.elements)).target_fullname.endswith(".bank")
        for index in table.indexes:
            assert "bank" == next(iter(index.columns)).name


def test_nothing_that_a_distributed_engine_lacks(
    bank: TimeBank, admin: sqlalchemy.Connection
) -> None:
    """Read off the server: plain types, no sequences, no partial, unique or expression index."""
    inspector = sqlalchemy.inspect(admin)
    plain = {"TEXT", "VARCHAR", "BIGINT", "BYTEA", "VARBINARY", "LONGBLOB"}
    for table in inspector.get_table_names():
        assert table.startswith("timebank_")
        for column in inspector.get_columns(table):
            kind = type(column["type"]).__name__
            assert kind in plain, (table, column)
            assert (None, False) == (column["default"], bool(column.get("autoincrement")))
            collation = getattr(column["type"], "collation", None)
            assert collation in (None, "C", "utf8mb4_nopad_bin")
        for index in inspector.get_indexes(table):
            assert "expressions" not in index
            assert None not in index["column_names"]
            assert not (index.get("dialect_options") or {}).get("postgresql_where")
        for key in inspector.get_foreign_keys(table):
            assert "bank" == key["constrained_columns"][0] == key["referred_columns"][0]
            assert not {"deferrable", "initially", "ondelete"} & set(key["options"])
    assert [] == (inspector.get_sequence_names() if admin.engine.name == "postgresql" else [])


@pytest.mark.parametrize(
    "tampering",
    [
        "UPDATE timebank_records SET body = 'xx' WHERE sequence = 1",
        "DELETE FROM timebank_records WHERE sequence = 2",
        "UPDATE timebank_postings SET seconds = 7",
        "DELETE FROM timebank_postings",
        "UPDATE timebank_banks SET journal = 'another'",
        "DELETE FROM timebank_banks",
        "TRUNCATE timebank_postings",
        "TRUNCATE timebank_banks CASCADE",
    ],
)
def test_the_server_refuses_to_change_what_is_recorded(
    bank: TimeBank, admin: sqlalchemy.Connection, tampering: str
) -> None:
    """Triggers are the second half of a pair."""
    if tampering.startswith("TRUNCATE") and admin.engine.name == "mariadb":
        return  # MariaDB has no trigger for it; a table that others refer to refuses it
    move(bank)
    with pytest.raises(sqlalchemy.exc.DatabaseError):
        admin.exec_driver_sql(tampering)
    assert () == bank.audit().findings


@pytest.mark.parametrize(
    ("damage", "check", "place"),
    [
        ("DROP TRIGGER timebank_records_{} {}", "schema", "trigger timebank_records_{}"),
        ("ALTER TABLE timebank_accounts ADD more BIGINT", "schema", "timebank_accounts.more"),
        (
            "ALTER TABLE timebank_postings DROP CONSTRAINT timebank_postings_seconds",
            "schema",
            "timebank_postings_seconds",
        ),
        ("DROP TABLE timebank_texts", "file", ""),
    ],
)
def test_an_audit_finds_what_was_done_to_the_schema(
    bank: TimeBank, admin: sqlalchemy.Connection, damage: str, check: str, place: str
) -> None:
    """A trigger, constraint, column or table that is not as it was made is a finding."""
    postgres = admin.engine.name == "postgresql"
    name, table = ("no_change", "ON timebank_records") if postgres else ("no_update", "")
    admin.exec_driver_sql(damage.format(name, table))
    findings = bank.audit().findings
    assert any(check == f.check and place.format(name) in f.place for f in findings), findings


def test_rows_changed_behind_the_guards_are_found(
    bank: TimeBank, admin: sqlalchemy.Connection
) -> None:
    """Derived rows, a head, a limit that is no number: each is a finding or `Corrupt`."""
    move(bank)
    admin.exec_driver_sql("UPDATE timebank_accounts SET status = 'frozen' WHERE account = 'm1'")
    assert ["derived"] == [finding.check for finding in bank.audit().findings]
    bank.rebuild()
    assert () == bank.audit().findings
    admin.exec_driver_sql("UPDATE timebank_accounts SET floor = 'much' WHERE account = 'm1'")
    with pytest.raises(Corrupt, match="much"):
        bank.account("m1")
    assert not bank.audit().ok
    bank.rebuild()
    admin.exec_driver_sql("UPDATE timebank_banks SET sequence = 2")
    assert "head" in [finding.check for finding in bank.audit().findings]


def test_a_rebuild_leaves_the_guards_in_place(url: str, admin: sqlalchemy.Connection) -> None:
    """Derived rows are made anew; what guards them is there before, and after."""
    with timebank.open(url) as bank:
        fill(bank)
        expected = bank.head(), [str(b) for b in bank.trial_balance().lines]
        bank.rebuild()
        assert expected == (bank.head(), [str(b) for b in bank.trial_balance().lines])
        assert () == bank.audit().findings
        with pytest.raises(sqlalchemy.exc.DatabaseError):
            admin.exec_driver_sql("DELETE FROM timebank_postings")


def test_a_user_who_may_only_read_can_audit(url: str, admin: sqlalchemy.Connection) -> None:
    """What such a user is not shown of the schema is no finding; and nothing can be written."""
    with timebank.open(url) as bank:
        fill(bank)
    name = f"reader{os.getpid()}"
    if url.startswith("postgresql"):
        admin.exec_driver_sql(f"CREATE ROLE {name} LOGIN")
        admin.exec_driver_sql(f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO {name}")
    else:
        admin.exec_driver_sql(f"CREATE USER {name}@localhost")
        admin.exec_driver_sql(f"GRANT SELECT ON {admin.engine.url.database}.* TO {name}@localhost")
    made = sqlalchemy.make_url(url).set(username=name)
    with timebank.open(made.render_as_string(hide_password=False), read_only=True) as reading:
        report = reading.audit()
        assert () == report.findings
        unseen = {note.place for note in report.notes if "triggers" in note.place}
        expected = "triggers of timebank_banks, timebank_records, timebank_postings"
        assert (set() if url.startswith("postgresql") else {expected}) == unseen
        admin.exec_driver_sql(
            "ALTER TABLE timebank_postings DROP CONSTRAINT timebank_postings_balance"
        )
        assert ["schema"] == [finding.check for finding in reading.audit().findings]
    with (
        timebank.open(made.render_as_string(hide_password=False)) as bank,
        pytest.raises(StoreError, match="may not do this"),
    ):
        bank.open_account("x")
    if url.startswith("postgresql"):
        admin.exec_driver_sql(f"DROP OWNED BY {name}")
    admin.exec_driver_sql(f"DROP USER {name}{'' if 'postgres' in url else '@localhost'}")


@pytest.mark.servers
@pytest.mark.parametrize("encoding", ["LATIN1", "SQL_ASCII"])
def test_a_database_that_cannot_hold_every_id_is_refused(encoding: str) -> None:
    """PostgreSQL in another encoding than UTF-8 is told at once, and nothing is made in it."""
    url = new_database("postgresql", encoding=encoding)
    with pytest.raises(StoreError, match=f"it is in {encoding}"):
        timebank.open(url)
    with (
        psycopg.connect(url.replace("+psycopg", "")) as host,
        pytest.raises(StoreError, match=f"it is in {encoding}"),
    ):
        timebank.join(host).open_account("m1")
    drop_database(url)


# -- versions ----------------------------------------------------------------------------------


def test_many_processes_make_the_tables_at_once(url: str) -> None:
    """Whoever is first makes them; nobody fails."""
    program = "import sys, timebank; timebank.open(sys.argv[1]).open_account('m' + sys.argv[2])"
    command = [sys.executable, "-c", program, url]
    processes = [subprocess.Popen([*command, str(n)]) for n in range(4)]
    assert [0] * 4 == [process.wait() for process in processes]
    with timebank.open(url, create=False) as bank:
        assert (4, ()) == (bank.head().sequence, bank.audit().findings)


def test_nothing_is_made_unless_asked(url: str, admin: sqlalchemy.Connection) -> None:
    """`create=False` and `read_only` make neither tables nor bank; reading only cannot write."""
    options: Any
    for options in ({"create": False}, {"read_only": True}):
        with pytest.raises(NotFound, match="no ledger"):
            timebank.open(url, **options)
    assert [] == sqlalchemy.inspect(admin).get_table_names()
    with timebank.open(url) as bank:
        bank.open_account("m1")
    with pytest.raises(BankNotFound):
        timebank.open(url, bank="other", create=False)
    with timebank.open(url, read_only=True) as reading:
        assert () == reading.audit().findings
        with pytest.raises(StoreError, match="written"):
            reading.open_account("m2")


def test_tables_that_are_gone_are_no_bank(url: str, admin: sqlalchemy.Connection) -> None:
    """Whether it is to be read or written: a writer learns it with its lock."""
    with timebank.open(url) as bank:
        bank.open_account("m1")
        for table in reversed(tables().sorted_tables):
            admin.exec_driver_sql(f"DROP TABLE {table.name}")
        admin.commit()
        for call in (lambda: bank.balance("m1"), lambda: bank.open_account("m2")):
            with pytest.raises(BankNotFound):
                call()


def test_tables_of_another_version_are_refused(
    url: str, admin: sqlalchemy.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Older or newer: the message says what to do."""
    assert ["0001_ledger", "guards"] == migrate_store(url)
    assert [] == migrate_store(url)
    with monkeypatch.context() as patch:
        patch.setattr(migrations, "MIGRATIONS", ("0001_ledger", "0002_more"))
        with pytest.raises(StoreError, match=r"made by an older timebank.*timebank migrate"):
            timebank.open(url)
    admin.exec_driver_sql("INSERT INTO timebank_migrations VALUES ('0009_more')")
    with pytest.raises(StoreError, match=r"newer timebank \(it has 0009_more\)"):
        timebank.open(url)


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO timebank_migrations VALUES ('0002_holds')",
        "ALTER TABLE timebank_records DROP COLUMN kind",
        "DROP TABLE timebank_tiles",
    ],
)
def test_tables_from_before_the_first_release_are_refused(
    url: str, admin: sqlalchemy.Connection, statement: str
) -> None:
    """By the name of a migration, or for the first of them by what it lacked."""
    with timebank.open(url) as bank:
        fill(bank)
    if admin.engine.name == "mariadb" and "DROP COLUMN" in statement:
        admin.exec_driver_sql("ALTER TABLE timebank_records DROP CONSTRAINT timebank_records_kind")
    admin.exec_driver_sql(statement)
    message = "was made by a timebank older than its first release: export its journal"
    if "tiles" in statement:
        message = "has no table timebank_tiles: either a timebank older than its first release"
    for create in (True, False):
        with pytest.raises(StoreError, match=message):
            timebank.open(url, create=create)
    with pytest.raises(StoreError, match=message):
        migrate_store(url)


def test_what_an_older_version_lacks_is_made(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A migration that is not recorded is applied once; what the bank has stays as it is."""
    with timebank.open(url) as bank:
        fill(bank)
        head = bank.head()
    monkeypatch.setattr(migrations, "MIGRATIONS", ("0001_ledger", "0002_more"))
    assert [["0002_more"], []] == [migrate_store(url), migrate_store(url)]
    with timebank.open(url, create=False) as bank:
        assert (head, ()) == (bank.head(), bank.audit().findings)


@pytest.mark.parametrize(
    "batch",
    [
        Batch(holds=[hold("m1", 3)]),
        Batch(holds=[hold("m1", 3, held=-1, incoming=1)]),
        Batch(holds=[hold("m1", 3, held=2**53 + 1)]),
        Batch(holds=[hold("m1", 3, held=1, expires_at=2**53 + 1)]),
        Batch(holds=[hold("m1", 99, held=1)]),
        Batch(holds=[hold("nobody", 3, held=1)]),
        Batch(statutes=[StatuteRow(3, "")]),
        Batch(statutes=[StatuteRow(99, "v3")]),
    ],
)
def test_checks_and_keys_refuse(url: str, bank: TimeBank, batch: Batch) -> None:
    """A row of a hold or a statute that cannot be is refused by the server too."""
    move(bank)
    store = open_store(url, create=False)
    with pytest.raises(StoreError), store.writer("main") as writer:
        writer.append(batch)
    store.close()
    assert () == bank.audit().findings


def test_half_made_tables_are_made_whole(url: str, admin: sqlalchemy.Connection) -> None:
    """What a kill left on MariaDB, where each table is a commit, is taken up again."""
    migrate_store(url)
    for table in ("statutes", "holds", "postings", "texts", "accounts"):
        admin.exec_driver_sql(f"DROP TABLE timebank_{table}")
    admin.exec_driver_sql("DELETE FROM timebank_migrations")
    with pytest.raises(StoreError, match="half made"):
        timebank.open(url, create=False)
    with timebank.open(url) as bank:
        fill(bank)
        assert () == bank.audit().findings


def test_an_engine_without_triggers(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where they cannot be made the tables are made without, and an audit does not miss them."""
    from timebank.storage.server.dialect import Dialect
    from timebank.storage.server.store import dialect_of

    dialect: type[Dialect] = type(dialect_of(url.partition("+")[0]))
    monkeypatch.setattr(dialect, "triggers", lambda *_: ("SELECT no_such_thing",))
    monkeypatch.setattr(dialect, "has_no_triggers", lambda *_: True)
    monkeypatch.setattr(dialect, "may_guard", lambda *_: False)
    assert ["0001_ledger"] == migrate_store(url)
    with timebank.open(url) as bank:
        fill(bank)
        bank.rebuild()
        assert () == bank.audit().findings
        monkeypatch.undo()
        found = {finding.place for finding in bank.audit().findings}
        assert any("timebank_records_no" in place for place in found)  # by who may make them
        assert [["guards"], []] == [migrate_store(url), migrate_store(url)]
        assert () == bank.audit().findings


def test_guards_of_an_older_version_are_made_anew(url: str, admin: sqlalchemy.Connection) -> None:
    """The audit names them, a reader cannot mend them, and `timebank migrate` does."""
    with timebank.open(url) as bank:
        fill(bank)
        for statement in older_guards(admin.engine.name):
            admin.exec_driver_sql(statement)
        assert {"schema"} == {finding.check for finding in bank.audit().findings}
        assert [["guards"], []] == [migrate_store(url), migrate_store(url)]
        assert () == bank.audit().findings
        with pytest.raises(sqlalchemy.exc.DatabaseError):
            admin.exec_driver_sql("UPDATE timebank_records SET kind = 'x'")


def older_guards(server: str) -> list[str]:
    """What takes a guard back to what it once was."""
    if server == "mariadb":
        return ["DROP TRIGGER timebank_records_no_update"]
    function = make_refuse().replace(REFUSE_BODY, REFUSE_BODY_BEFORE).replace("%", "%%")
    table = "timebank_postings"
    trigger = (
        f"CREATE OR REPLACE TRIGGER {table}_no_change BEFORE UPDATE OR DELETE ON {table} "
        "FOR EACH ROW EXECUTE FUNCTION timebank_refuse()"
    )
    return [function, trigger]


# -- errors --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("state", "kind"),
    [
        ("40001", Conflict),
        ("40P01", Conflict),
        ("23505", Conflict),
        ("55P03", StoreBusy),
        ("57014", StoreBusy),
        ("53300", Unavailable),
        ("57P03", Unavailable),
        ("53100", StoreError),
        ("25006", Unavailable),
        ("08006", Unavailable),
        ("57P01", Unavailable),
        ("XX001", Corrupt),
        ("42P01", Corrupt),
        ("23514", StoreError),
        ("99999", StoreError),
        (None, StoreError),
    ],
)
def test_errors_of_postgresql_have_one_table(state: str | None, kind: type[Exception]) -> None:
    """By SQLSTATE, then by its class."""
    error = Exception("it failed")
    error.sqlstate = state  # type: ignore[attr-defined]
    assert kind is type(PostgreSql().translated(error, "here"))


@pytest.mark.parametrize(
    ("number", "kind"),
    [
        (1213, Conflict),
        (1020, Conflict),
        (1062, Conflict),
        (1205, StoreBusy),
        (1040, Unavailable),
        (1047, Unavailable),
        (1290, Unavailable),
        (1792, Unavailable),
        (1836, Unavailable),
        (1114, StoreError),
        (2013, Unavailable),
        (1146, Corrupt),
        (9999, StoreError),
    ],
)
def test_errors_of_mariadb_have_one_table(number: int, kind: type[Exception]) -> None:
    """By the server's number."""
    from timebank.storage.server.mariadb import MariaDb

    assert kind is type(MariaDb().translated(pymysql.err.Error(number, "it failed"), "here"))
    assert StoreError is type(MariaDb().translated(pymysql.err.Error(), "here"))


@pytest.mark.parametrize(
    "url", ["postgresql+psycopg://h:x/d", "postgresql+psycopg", "mariadb+pymysql://h:x/d"]
)
def test_a_url_that_cannot_be(url: str) -> None:
    """It is told what one looks like."""
    with pytest.raises(InvalidRequest, match=r"a colon behind it|named like"):
        timebank.open(url)


# -- races ----------------------------------------------------------------------------------------

#: Tries to spend one unit two hundred times, and says how often it was let.
SPENDING = """
import sys, timebank
from timebank import LimitExceeded
bank = timebank.open(sys.argv[1], create=False)
passed = 0
for n in range(200):
    try:
        bank.transfer(earner="pot", spender="hot", hours="0:00:01", id=f"{sys.argv[2]}-{n}")
    except LimitExceeded:
        continue
    passed += 1
print(passed)
"""


def test_a_hot_account_is_spent_exactly(url: str) -> None:
    """Four processes, 800 attempts at 500 units: exactly 500 pass."""
    with timebank.open(url) as bank:
        bank.open_account("hot", floor=0)
        bank.open_account("pot", kind="fund")
        bank.transfer(earner="hot", spender="pot", hours=Hours.from_seconds(500))
    command = [sys.executable, "-c", SPENDING, url]
    processes = [
        subprocess.Popen([*command, f"p{n}"], stdout=subprocess.PIPE, text=True) for n in range(4)
    ]
    passed = [int(process.communicate()[0]) for process in processes]
    with timebank.open(url, create=False) as bank:
        assert (500, Hours(0)) == (sum(passed), bank.balance("hot").posted)
        assert (503, ()) == (bank.head().sequence, bank.audit().findings)
