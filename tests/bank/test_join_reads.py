"""Reads where no transaction is open, tables of another version, and tables that are made."""

from __future__ import annotations

import inspect
import itertools
import sqlite3
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, ClassVar

import pytest

pytest.importorskip("django", reason="the hosts need the extra timebank[dev]")

import psycopg
import sqlalchemy
from sqlalchemy.orm import Session

import timebank
from bank.hosts import HOSTS_ONE_EACH, Django, Host, Psycopg, Psycopg2, PyMySqlMariaDb
from servers import ON_SERVERS, drop_database, new_database
from timebank import (
    BankNotFound,
    Conflict,
    Hours,
    InvalidRequest,
    OtherVersion,
    StoreError,
    TimeBank,
)
from timebank.storage.sqlite import schema
from timebank.storage.tables import TABLES

FUTURE = "9999_future"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A file with a bank of two accounts and one transfer."""
    made = tmp_path / "host.db"
    with timebank.open(f"sqlite:///{made}") as bank:
        bank.open_account("m1")
        bank.open_account("f1")
        bank.transfer(earner="m1", spender="f1", hours=1, id="t1")
    return made


def use(bank: TimeBank) -> None:
    """Calls that read, at once and lazily."""
    assert Hours(1) == bank.balance("m1").posted
    assert ["t1"] == [transfer.id for transfer in bank.transfers()]
    assert bank.audit().ok


# -- SQLite's ways to begin --------------------------------------------------------------


MODES: list[dict[str, Any]] = [{"isolation_level": level} for level in (None, "", "IMMEDIATE")]
if sys.version_info >= (3, 12):
    MODES += [{"autocommit": True}, {"autocommit": False}]


@pytest.mark.parametrize("mode", MODES, ids=str)
def test_a_read_leaves_nothing_begun(path: Path, mode: dict[str, Any]) -> None:
    """Whoever begins transactions: what was not open before is not after, and others may write."""
    with closing(sqlite3.connect(path, **mode)) as host:
        before = host.in_transaction  # always, where the driver itself keeps one open
        bank = timebank.join(host)
        use(bank)
        pages = bank.records()
        next(pages)
        assert before == host.in_transaction
        if not before:
            with timebank.open(f"sqlite:///{path}") as other:
                other.open_account("m2")
            with pytest.raises(InvalidRequest, match="none to join"):
                bank.open_account("m3")
            assert "m2" == bank.account("m2").id


def test_a_read_does_not_disturb_what_the_host_is_reading(path: Path) -> None:
    """The rows that a cursor of the host's has not fetched yet come afterwards."""
    with closing(sqlite3.connect(path, isolation_level=None)) as host:
        host.execute("CREATE TABLE booking (id)")
        host.executemany("INSERT INTO booking VALUES (?)", [(n,) for n in range(50)])
        bank = timebank.join(host)
        found = []
        for (number,) in host.execute("SELECT id FROM booking"):
            found.append(number)
            assert Hours(1) == bank.balance("m1").posted
        assert list(range(50)) == found


def test_a_change_that_is_under_way_is_the_hosts(path: Path) -> None:
    """An INSERT whose rows are not all fetched ends when the host has fetched them, and is kept."""
    with closing(sqlite3.connect(path, isolation_level=None)) as host:
        host.execute("CREATE TABLE booking (id)")
        rows = host.execute("INSERT INTO booking VALUES (1), (2), (3) RETURNING id")
        bank = timebank.join(host)
        use(bank)
        assert [(1,), (2,), (3,)] == rows.fetchall()
        assert not host.in_transaction
    with closing(sqlite3.connect(path)) as other:
        assert (3,) == other.execute("SELECT count(*) FROM booking").fetchone()


def test_a_refused_read_leaves_nothing_begun(path: Path) -> None:
    """An account that is not there, a bank that is not, a permission that says no."""
    with closing(sqlite3.connect(path)) as host:
        bank = timebank.join(host, permissions=lambda ask: ask.action != "head")
        refusals: tuple[tuple[type[Exception], Callable[[], object]], ...] = (
            (timebank.AccountNotFound, lambda: bank.balance("nobody")),
            (timebank.NotPermitted, bank.head),
            (BankNotFound, timebank.join(host, bank="nowhere").head),
        )
        for kind, call in refusals:
            with pytest.raises(kind):
                call()
            assert not host.in_transaction


def test_an_interrupt_within_a_read_leaves_nothing_begun(path: Path) -> None:
    """As from a signal, in the middle of an audit."""

    def interrupt(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with closing(sqlite3.connect(path)) as host:
        bank = timebank.join(host)
        with pytest.raises(KeyboardInterrupt):
            bank.audit(interrupt)
        assert not host.in_transaction
        use(bank)


def test_one_audit_sees_one_state(path: Path) -> None:
    """Outside of a transaction too: what others write meanwhile is not in it."""
    others = timebank.open(f"sqlite:///{path}")

    def progress(done: int, total: int) -> None:
        others.open_account(f"n{others.head().sequence}")

    with closing(sqlite3.connect(path)) as host, others:
        bank = timebank.join(host)
        assert bank.audit(progress).ok
        assert 3 < bank.head().sequence


@pytest.mark.servers
def test_what_others_write_within_a_read_is_no_damage() -> None:
    """A host's transaction at READ COMMITTED sees it between two statements of one call."""
    url = new_database("postgresql")
    others = timebank.open(url)
    others.open_account("m1")
    others.open_account("m2", floor=None)
    statements: Iterator[int] = iter(())

    class Meddled(psycopg.Connection[Any]):
        def wait(self, *given: Any, **more: Any) -> Any:
            if next(statements, None) == 0:
                others.transfer(earner="m1", spender="m2", hours="0:01")
            return super().wait(*given, **more)

    host: Any = Meddled.connect(url.replace("+psycopg", ""))
    bank = timebank.join(host)
    bank.balance("m1")
    for number in range(3, 40, 4):
        statements = iter(range(number, -1, -1))
        assert bank.audit().ok
        statements = iter(range(number, -1, -1))
        assert not bank.trial_balance().total
        statements = iter(range(number, -1, -1))
        found = bank.presences()
        assert found.head.sequence - 2 == len(found.lines)
    statements = itertools.cycle(range(3))
    with pytest.raises(Conflict, match="READ COMMITTED") as caught:
        bank.trial_balance()
    assert "host" == caught.value.scope
    statements = iter(())
    host.close()
    others.close()
    drop_database(url)


# -- SQLAlchemy, where it has begun nothing ------------------------------------------------


@pytest.mark.parametrize("server", ["sqlite", *ON_SERVERS])
def test_a_session_that_has_begun_nothing_has_not_afterwards(server: str, tmp_path: Path) -> None:
    """No transaction, and no connection that is kept from the pool."""
    url = f"sqlite:///{tmp_path / 'host.db'}" if server == "sqlite" else new_database(server)
    with timebank.open(url) as alone:
        alone.open_account("m1")
        alone.open_account("f1")
        alone.transfer(earner="m1", spender="f1", hours=1, id="t1")
    engine = sqlalchemy.create_engine(url, poolclass=sqlalchemy.QueuePool)
    pool: Any = engine.pool
    with Session(engine) as session:
        bank = timebank.join(session)
        use(bank)
        assert (False, 0) == (session.in_transaction(), pool.checkedout())
        with pytest.raises(timebank.AccountNotFound):
            bank.balance("nobody")
        assert (False, 0) == (session.in_transaction(), pool.checkedout())
        with session.begin():
            bank.open_account("m2")
    with engine.connect() as connection:
        use(timebank.join(connection))
        assert not connection.in_transaction()
        with connection.begin():
            timebank.join(connection).open_account("m3")
    with engine.execution_options(isolation_level="AUTOCOMMIT").connect() as connection:
        connection.execute(sqlalchemy.text("SELECT 1"))
        use(timebank.join(connection))
    engine.dispose()
    with timebank.open(url) as alone:
        assert 5 == alone.head().sequence
    if server != "sqlite":
        drop_database(url)


# -- what the host has begun itself ----------------------------------------------------------


@pytest.mark.servers
@pytest.mark.parametrize("kind", [Psycopg, Psycopg2, PyMySqlMariaDb], ids=lambda k: k.__name__)
def test_a_read_ends_no_transaction_of_the_hosts(kind: type[Host], tmp_path: Path) -> None:
    """Begun by a statement while the driver is in autocommit: it is read in, and goes on."""
    host = kind(tmp_path)
    with timebank.open(host.url) as alone:
        alone.open_account("m1")
    bank = timebank.join(host.handle)
    for end, kept in (("ROLLBACK", 0), ("COMMIT", 1)):
        host.run("BEGIN")
        host.book("b1")
        assert 1 == bank.head().sequence
        assert bank.audit().ok
        host.run(end)
        assert kept == host.booked()
    host.close()


@pytest.mark.servers
def test_nothing_is_asked_within_a_copy_of_psycopg2(tmp_path: Path) -> None:
    """From a function that psycopg 2 calls while a statement is under way; the copy goes on."""
    host = Psycopg2(tmp_path)
    bank = timebank.join(host.handle)
    refusals = []

    class Lines:
        """A file that asks the bank before it gives its lines."""

        lines: ClassVar = ["b1\n", ""]

        def read(self, size: int) -> str:
            for call in (bank.head, lambda: bank.open_account("m1")):
                with pytest.raises(InvalidRequest, match="under way"):
                    call()
                refusals.append(size)
            return self.lines.pop(0)

    with host.transaction(), host.handle.cursor() as cursor:
        cursor.copy_expert("COPY booking FROM STDIN", Lines())
    assert (4, 1) == (len(refusals), host.booked())
    host.close()


@pytest.mark.servers
def test_another_encoding_of_the_connection_is_told(tmp_path: Path) -> None:
    """Texts would not go through it as they are."""
    for kind in (Psycopg, Psycopg2):
        host = kind(tmp_path)
        host.run("SET client_encoding = 'LATIN1'")
        with pytest.raises(StoreError, match=r"LATIN1.*client_encoding"):
            timebank.join(host.handle).head()
        host.close()


@pytest.mark.servers
def test_a_failed_transaction_is_not_read_in(tmp_path: Path) -> None:
    """A statement of the host's failed: a read says so, and does not end its transaction."""
    host = Psycopg(tmp_path)
    bank = timebank.join(host.handle)
    host.run("BEGIN")
    with pytest.raises(psycopg.Error):
        host.run("SELECT nothing")
    with pytest.raises(InvalidRequest, match="a statement failed"):
        bank.head()
    assert "INERROR" == host.handle.info.transaction_status.name
    host.close()


# -- a bank that is not there ------------------------------------------------------------------


def reads() -> dict[str, Callable[[TimeBank], object]]:
    """Every public call of a bank that reads, by its name, with arguments that serve."""
    from datetime import date

    from timebank.bank.reads import Reads

    given: dict[str, tuple[Any, ...]] = {
        "replay": (timebank.Statute(version="v"),),
        **dict.fromkeys(("account", "balance", "statement", "delegates", "events"), ("m1",)),
        **dict.fromkeys(("dues", "personal_data", "acts_for"), ("m1",)),
        **dict.fromkeys(("transfer_by_id", "hold_by_id"), ("t1",)),
    }
    named: dict[str, dict[str, Any]] = {"inactive": {"since": date(2020, 1, 1)}}

    def call(name: str) -> Callable[[TimeBank], object]:
        def run(bank: TimeBank) -> object:
            found = getattr(bank, name)(*given.get(name, ()), **named.get(name, {}))
            return list(found) if inspect.isgenerator(found) else found

        return run

    return {name: call(name) for name in vars(Reads) if not name.startswith("_")}


@pytest.mark.parametrize("kind", HOSTS_ONE_EACH, ids=lambda kind: kind.__name__)
def test_a_read_never_makes_a_bank(kind: type[Host], tmp_path: Path) -> None:
    """A misspelt one is `BankNotFound` by each read, in a transaction and without."""
    host = kind(tmp_path)
    timebank.open(host.url, bank="main").close()
    bank = timebank.join(host.handle, bank="misspelt")

    def check() -> None:
        for name, call in reads().items():
            with pytest.raises(BankNotFound, match="misspelt"):
                call(bank)
                pytest.fail(name)
        with pytest.raises(BankNotFound):
            bank.preview().__enter__()
        assert ["main"] == list(bank.store.banks())

    check()
    with host.transaction():
        host.book("b1")
        check()
    host.close()


def test_without_tables_there_is_no_bank(tmp_path: Path) -> None:
    """On SQLite, in a transaction and without; nothing is made."""
    with closing(sqlite3.connect(tmp_path / "host.db")) as host:
        bank = timebank.join(host)
        for begin in ("SELECT 1", "BEGIN"):
            host.execute(begin)
            for call in (bank.head, lambda: list(bank.transfers())):
                with pytest.raises(BankNotFound):
                    call()
            assert [] == list(bank.store.banks())
        with pytest.raises(BankNotFound):
            timebank.join(host, create=False).open_account("m1")
        assert [] == host.execute("SELECT name FROM sqlite_master").fetchall()


# -- tables of another version -----------------------------------------------------------------


@pytest.mark.parametrize("kind", HOSTS_ONE_EACH, ids=lambda kind: kind.__name__)
def test_tables_of_another_version_are_told(kind: type[Host], tmp_path: Path) -> None:
    """At the first call of any kind, as `open` does; the host's transaction goes on."""
    host = kind(tmp_path)
    timebank.open(host.url).close()
    columns = (
        "(migration_set, name, applied_at) VALUES ('timebank', "
        if (host.server is None)
        else "(name) VALUES ("
    )
    with host.transaction():
        host.run(
            f"INSERT INTO timebank_migrations {columns}'{FUTURE}'"
            + (", '-')" if host.server is None else ")")
        )
    calls: tuple[Callable[[TimeBank], object], ...] = (
        TimeBank.head,
        TimeBank.audit,
        lambda bank: list(bank.store.banks()),
        lambda _: timebank.migrate_store(host.handle),
    )
    for call in calls:
        with pytest.raises(OtherVersion, match=FUTURE):
            call(timebank.join(host.handle))
    writes: tuple[Callable[[TimeBank], object], ...] = (
        lambda bank: bank.open_account("m1"),
        lambda bank: bank.batch().__enter__(),
    )
    with host.transaction():
        host.book("b1")
        for call in (*calls[:3], *writes):
            with pytest.raises(OtherVersion, match=FUTURE):
                call(timebank.join(host.handle))
        host.book("b2")
    assert 2 == host.booked()
    host.close()


@pytest.mark.servers
def test_tables_from_before_the_release_harm_no_transaction() -> None:
    """What lacks a column is told by an error of PostgreSQL's: the host's transaction lives on."""
    url = new_database("postgresql")
    engine = sqlalchemy.create_engine(url)
    timebank.open(url).close()
    with engine.begin() as host:
        host.exec_driver_sql("ALTER TABLE timebank_accounts DROP COLUMN merged_into")
        host.exec_driver_sql("CREATE TABLE booking (id INT)")
    with engine.begin() as host:
        host.exec_driver_sql("INSERT INTO booking VALUES (1)")
        for call in (TimeBank.head, lambda bank: bank.open_account("m1")):
            with pytest.raises(OtherVersion, match="first release"):
                call(timebank.join(host))
    with engine.connect() as host:
        assert 1 == host.exec_driver_sql("SELECT count(*) FROM booking").scalar_one()
        with pytest.raises(OtherVersion, match="first release"):
            timebank.migrate_store(host)
    engine.dispose()
    drop_database(url)


def test_the_version_is_looked_at_once(path: Path) -> None:
    """For each connection that a bank is called on."""
    asked: list[str] = []
    for _ in range(2):
        with closing(sqlite3.connect(path)) as host:
            bank = timebank.join(host)
            host.set_trace_callback(asked.append)
            bank.head()
            assert any("timebank_migrations" in sql for sql in asked)
            asked.clear()
            bank.balance("m1")
            assert not any("timebank_migrations" in sql for sql in asked)
            asked.clear()


def test_a_lock_is_waited_for_by_the_first_call(path: Path) -> None:
    """The version is looked at behind the lock: who has read before has no time-out on SQLite."""
    other = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    other.execute("BEGIN IMMEDIATE")
    other.execute("CREATE TABLE changed (id)")
    asked = threading.Event()

    def release() -> None:
        asked.wait()
        other.execute("COMMIT")

    thread = threading.Thread(target=release)
    thread.start()
    with closing(sqlite3.connect(path, isolation_level=None)) as host, closing(other):
        host.execute("BEGIN")
        host.set_trace_callback(lambda sql: asked.set() if "DELETE" in sql else None)
        try:
            assert "m2" == timebank.join(host).open_account("m2").id
        finally:
            asked.set()
            thread.join()
        host.execute("COMMIT")


# -- tables that are made ------------------------------------------------------------------------


def everything(path: Path) -> list[Any]:
    """The schema of a file, and what it says of its version."""
    with closing(sqlite3.connect(path)) as file:
        found = file.execute(
            "SELECT type, name, tbl_name, sql FROM sqlite_master WHERE name LIKE 'timebank%' "
            "ORDER BY name"
        ).fetchall()
        return [*found, *file.execute("SELECT * FROM timebank_migrations")]


@pytest.mark.parametrize("begin", ["SELECT 1", "BEGIN"])
def test_what_is_made_is_what_open_makes(tmp_path: Path, begin: str) -> None:
    """The same schema and version, in the host's transaction or in one of its own."""
    timebank.open(f"sqlite:///{tmp_path / 'alone.db'}").close()
    with closing(sqlite3.connect(tmp_path / "host.db")) as host:
        host.execute(begin)
        assert [schema.LEDGER] == timebank.migrate_store(host)
        assert [] == timebank.migrate_store(host)
        assert ("BEGIN" == begin) == host.in_transaction
        host.commit()
    assert everything(tmp_path / "alone.db") == everything(tmp_path / "host.db")


def test_a_url_is_migrated_as_ever(path: Path) -> None:
    """`timebank.migrate_store` takes what `timebank.storage.migrate_store` takes."""
    assert [] == timebank.migrate_store(f"sqlite:///{path}")
    with pytest.raises(timebank.NotFound):
        timebank.migrate_store(f"sqlite:///{path}x")


def test_another_encoding_is_refused(tmp_path: Path) -> None:
    """Keys would not be in the order of code points; nothing is left begun, or made."""
    with closing(sqlite3.connect(tmp_path / "host.db")) as host:
        host.execute("PRAGMA encoding = 'UTF-16'")
        host.execute("CREATE TABLE booking (id)")
        with pytest.raises(StoreError, match="UTF-16"):
            timebank.migrate_store(host)
        assert not host.in_transaction
        host.execute("BEGIN")
        with pytest.raises(StoreError, match="UTF-16"):
            timebank.migrate_store(host)
        with pytest.raises(StoreError, match="UTF-16"):
            timebank.join(host).open_account("m1")
        assert [("booking",)] == host.execute("SELECT name FROM sqlite_master").fetchall()


def test_an_older_version_is_brought_up_in_the_hosts_transaction(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its steps are part of it: a rollback undoes them, and until then a call is refused."""
    step = ("ALTER TABLE timebank_banks ADD COLUMN added TEXT", "SELECT 1")
    monkeypatch.setitem(schema.STEPS, "0002_added", step)
    with closing(sqlite3.connect(path)) as host:
        bank = timebank.join(host)
        with pytest.raises(OtherVersion, match=r"older.*migrate_store"):
            bank.head()
        for end in (host.rollback, host.commit):
            host.execute("BEGIN")
            with pytest.raises(OtherVersion, match="older"):
                bank.open_account("m9")
            assert ["0002_added"] == timebank.migrate_store(host)
            assert [] == timebank.migrate_store(host)
            end()
        assert 3 == bank.head().sequence
        sql = "SELECT migration_set, name, applied_at FROM timebank_migrations ORDER BY id"
        assert ("timebank", "0002_added", "-") == host.execute(sql).fetchall()[-1]


@pytest.mark.parametrize("kind", HOSTS_ONE_EACH, ids=lambda kind: kind.__name__)
def test_every_host_makes_tables(kind: type[Host], tmp_path: Path) -> None:
    """Outside of a transaction they are committed at once; what is there is left alone."""
    host = kind(tmp_path)
    drop_tables(host)
    assert schema.LEDGER == timebank.migrate_store(host.handle)[0]
    assert [] == timebank.migrate_store(host.handle)
    bank = timebank.join(host.handle)
    with host.transaction():
        host.book("b1")
        if host.server == "mariadb":
            with pytest.raises(InvalidRequest, match="while none is open"):
                timebank.migrate_store(host.handle)
        else:
            assert [] == timebank.migrate_store(host.handle)
        bank.open_account("m1")
    with timebank.open(host.url, create=False) as alone:
        assert (True, 1) == (alone.audit().ok, host.booked())
    host.close()


def drop_tables(host: Host) -> None:
    """Take the ledger's tables away again."""
    engine = sqlalchemy.create_engine(host.url)
    with engine.begin() as connection:
        for table in (*reversed(TABLES), "timebank_banks", "timebank_migrations"):
            connection.exec_driver_sql(f"DROP TABLE {table}")
    engine.dispose()


@pytest.mark.servers
@pytest.mark.parametrize("kind", [Psycopg, Psycopg2], ids=lambda kind: kind.__name__)
def test_tables_are_part_of_the_hosts_transaction_on_postgresql(
    kind: type[Host], tmp_path: Path
) -> None:
    """A rollback takes them away."""
    host = kind(tmp_path)
    drop_tables(host)
    with pytest.raises(ZeroDivisionError), host.transaction():
        assert schema.LEDGER == timebank.migrate_store(host.handle)[0]
        raise ZeroDivisionError
    with pytest.raises(BankNotFound):
        timebank.join(host.handle).head()
    host.close()


def test_djangos_reads_in_autocommit_leave_nothing_begun(tmp_path: Path) -> None:
    """Its next atomic block is the outermost one, and commits."""
    host = Django(tmp_path)
    bank = timebank.join(host.handle)
    with host.transaction():
        bank.open_account("m1")
    assert "m1" == bank.account("m1").id
    assert not host.handle.connection.in_transaction
    assert not host.handle.in_atomic_block
    with host.transaction():
        host.book("b1")
    assert 1 == host.booked()
    host.close()


@pytest.mark.parametrize("server", ON_SERVERS)
def test_two_that_make_the_tables_at_once_both_find_them(server: str) -> None:
    """One of them makes them; the other one waits, and has nothing to do."""
    url = new_database(server)
    engine = sqlalchemy.create_engine(url, isolation_level="AUTOCOMMIT")
    start, done = threading.Barrier(3), list[list[str]]()

    def migrate() -> None:
        with engine.connect() as connection:
            if server == "mariadb":  # a slow machine is no failure
                connection.exec_driver_sql("SET SESSION innodb_lock_wait_timeout = 600")
                connection.exec_driver_sql("SET SESSION lock_wait_timeout = 600")
            start.wait()
            done.append(timebank.migrate_store(connection))

    threads = [threading.Thread(target=migrate) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    engine.dispose()
    assert [[], [], ["0001_ledger", "guards"]] == sorted(done)
    drop_database(url)
