"""What a host's connection may be in when a joined bank is called, and what it is told then."""

from __future__ import annotations

import sqlite3
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("django", reason="the hosts need the extra timebank[dev]")

import pymysql
import sqlalchemy
import sqlite_utils
from sqlalchemy.orm import Session, scoped_session

import timebank
from bank.hosts import (
    AlchemyConnectionPostgres,
    Django,
    DjangoPostgres,
    Host,
    Psycopg,
    PyMySqlMariaDb,
)
from timebank import BankBatch, Conflict, InvalidRequest, TimeBank


def made(kind: type[Host], folder: Path) -> Host:
    """A host, beside whose table a bank has two accounts."""
    host = kind(folder)
    with timebank.open(host.url) as alone:
        alone.open_account("m1")
        alone.open_account("f1", kind="group")
    return host


def move(bank: TimeBank | BankBatch, id: str) -> timebank.Transfer:
    """An hour from the family to the member."""
    return bank.transfer(earner="m1", spender="f1", hours=1, id=id)


def moved(host: Host) -> list[str]:
    """The ids of the transfers that are committed, in a journal that passes its audit."""
    with timebank.open(host.url, create=False) as alone:
        assert () == alone.audit().findings
        return sorted(transfer.id for transfer in alone.transfers())


@pytest.fixture
def postgres(tmp_path: Path) -> Iterator[Host]:
    """psycopg, as a host."""
    host = made(Psycopg, tmp_path)
    yield host
    host.close()


@pytest.fixture
def mariadb(tmp_path: Path) -> Iterator[Host]:
    """PyMySQL, as a host."""
    host = made(PyMySqlMariaDb, tmp_path)
    yield host
    host.close()


# -- a call of the host's own within a call of ours -------------------------------------------


@pytest.mark.servers
def test_a_refused_append_leaves_no_row(postgres: Host) -> None:
    """A clock of the host's rolls back under us: nothing of the call stays in what it commits."""
    armed = [False]

    def clock() -> datetime:
        if armed.pop():
            postgres.handle.execute("ROLLBACK; BEGIN")
        armed.append(False)
        return datetime.now(UTC)

    bank = timebank.join(postgres.handle, clock=clock)
    postgres.run("BEGIN")
    move(bank, "t1")
    hold = bank.hold(earner="m1", spender="f1", hours=1, id="h1")
    postgres.run("COMMIT")
    for call in (
        lambda: bank.transfer(earner="m1", spender="f1", hours=1, id="t3", note="n"),
        lambda: bank.open_account("x"),
        lambda: bank.settle(hold.id),
    ):
        postgres.run("BEGIN")
        bank.open_account("gone")
        armed[0] = True
        with pytest.raises(Conflict):
            call()
        postgres.run("COMMIT")
        assert ["t1"] == moved(postgres)
    with timebank.open(postgres.url) as alone:
        assert ["f1", "m1"] == [account.id for account in alone.accounts()]
        alone.settle(hold.id)


# -- what is under way on psycopg's connection ------------------------------------------------


@pytest.mark.servers
@pytest.mark.parametrize(
    "kind", [Psycopg, AlchemyConnectionPostgres, DjangoPostgres], ids=lambda kind: kind.__name__
)
def test_a_statement_that_is_under_way_is_told_at_once(kind: type[Host], tmp_path: Path) -> None:
    """In a COPY, a stream or a pipeline nothing can be asked: no call waits for its end."""
    host = made(kind, tmp_path)
    bank, other = timebank.join(host.handle), timebank.join(host.handle, bank="other")

    def refused(match: str) -> None:
        calls: tuple[Callable[[], Any], ...] = (
            lambda: other.open_account("late"),
            lambda: bank.balance("m1"),
            lambda: other.batch().__enter__(),
            lambda: move(batch, "late"),
            lambda: batch.balance("m1"),
        )
        for call in calls:
            with pytest.raises(InvalidRequest, match=match):
                call()

    with host.transaction(), bank.batch() as batch:
        move(batch, "t1")
        driver = bank.store.host.writing().driver  # type: ignore[attr-defined]
        with driver.cursor().copy("COPY booking FROM STDIN") as copy:
            copy.write_row(("b1",))
            refused("under way")
        with closing(driver.cursor().stream("SELECT generate_series(1, 3)")) as rows:
            next(rows)
            refused("under way")
        with driver.pipeline():
            refused("pipeline")
        move(batch, "t2")
    assert (1, ["t1", "t2"]) == (host.booked(), moved(host))
    host.close()


@pytest.mark.servers
def test_a_batch_that_ends_while_a_statement_is_under_way(postgres: Host) -> None:
    """Its end says that nothing could be undone or kept, and waits for nothing."""
    bank = timebank.join(postgres.handle)
    for error in (None, KeyError("host")):
        postgres.run("BEGIN")
        rows = postgres.handle.cursor().stream("SELECT generate_series(1, 3)")
        with pytest.raises(InvalidRequest, match="under way"), bank.batch() as batch:
            move(batch, "t1")
            next(rows)
            if error is not None:
                raise error
        rows.close()
        postgres.run("ROLLBACK")
    assert [] == moved(postgres)


# -- what ends a transaction of MariaDB's by the way ------------------------------------------


@pytest.mark.servers
def test_statements_that_commit_by_the_way_end_a_batch(mariadb: Host) -> None:
    """The next call says so, with a savepoint of the host's above and without, and writes nothing.

    The host's rollback afterwards undoes nothing of what was committed by the way.
    """
    mariadb.run("CREATE USER IF NOT EXISTS somebody")
    for number, sql in enumerate(
        (
            *("ANALYZE TABLE booking", "OPTIMIZE TABLE booking", "CHECK TABLE booking"),
            "CREATE OR REPLACE TRIGGER a BEFORE INSERT ON booking FOR EACH ROW SET @a = 1",
            "CREATE OR REPLACE FUNCTION f() RETURNS INT RETURN 1",
            *("CREATE OR REPLACE SEQUENCE s", "CREATE DATABASE IF NOT EXISTS booking_db"),
            *("DROP DATABASE booking_db", "GRANT SELECT ON booking TO somebody"),
            *("SET PASSWORD FOR somebody = PASSWORD('x')", "FLUSH TABLES booking", "FLUSH STATUS"),
            *("CREATE TABLE booking (id INT)", "DROP TABLE nosuch", "EXECUTE IMMEDIATE 'COMMIT'"),
        )
    ):
        bank = timebank.join(mariadb.handle)
        mariadb.run("START TRANSACTION")
        with pytest.raises(InvalidRequest, match="this batch is over"), bank.batch() as batch:
            move(batch, f"t{number}")
            if number % 2:
                mariadb.run("SAVEPOINT above")
            with suppress(pymysql.Error):  # it commits though it fails
                mariadb.run(sql)
            mariadb.run("START TRANSACTION")
            with pytest.raises(InvalidRequest, match="this batch is over"):
                move(batch, "late")
        mariadb.run("ROLLBACK")
        with timebank.open(mariadb.url) as alone:
            alone.reverse(f"t{number}", reason="for the next")
    assert "late" not in moved(mariadb)
    mariadb.run("DROP USER somebody")


@pytest.mark.servers
def test_statements_that_end_nothing_leave_a_batch_alone(mariadb: Host) -> None:
    """Failed ones, tables of the session alone, settings: it goes on, and is undone as a whole."""
    bank = timebank.join(mariadb.handle)
    mariadb.run("START TRANSACTION")
    mariadb.book("b1")
    with suppress(ZeroDivisionError), bank.batch() as batch:
        for number, sql in enumerate(
            (
                *("RELEASE SAVEPOINT nosuch", "ROLLBACK TO SAVEPOINT nosuch", "UNLOCK TABLES"),
                *("CREATE TEMPORARY TABLE temporary_one (a INT)", "SET @a = 1", "SET ROLE NONE"),
                *("DROP TEMPORARY TABLE temporary_one", "INSERT INTO booking VALUES ('b1')"),
                *("XA START 'x'", "CHECKSUM TABLE booking", "SELECT nothing"),
            )
        ):
            for again in "ab":
                with suppress(pymysql.Error):
                    mariadb.run(sql)
                move(batch, f"t{number}{again}")
                batch.reverse(f"t{number}{again}", reason="for the next")
        mariadb.book("b2")
        raise ZeroDivisionError
    mariadb.run("COMMIT")
    assert (1, []) == (mariadb.booked(), moved(mariadb))


def deadlock(host: Host) -> None:
    """Have the host's transaction rolled back, since it and another wait for each other."""
    url = sqlalchemy.make_url(host.url)
    other = pymysql.connect(
        unix_socket=url.query["unix_socket"], user=url.username, database=url.database
    )
    with other.cursor() as cursor:
        cursor.execute("SET innodb_lock_wait_timeout = 20")
        # The server rolls back the one that has written less.
        cursor.execute("INSERT INTO booking SELECT concat('w', seq) FROM seq_1_to_300")
        cursor.execute("UPDATE booking SET id = 'y2' WHERE id = 'r2'")
        host.run("UPDATE booking SET id = 'y1' WHERE id = 'r1'")
        waits = "UPDATE booking SET id = 'z' WHERE id = 'r1'"
        thread = threading.Thread(target=cursor.execute, args=(waits,))
        thread.start()
        with pytest.raises(pymysql.Error, match="Deadlock"):
            host.run("UPDATE booking SET id = 'z' WHERE id = 'r2'")
        thread.join()
    other.rollback()
    other.close()


@pytest.mark.servers
@pytest.mark.parametrize("autocommit", [False, True])
def test_a_batch_is_over_with_a_deadlock_of_the_hosts(mariadb: Host, autocommit: bool) -> None:
    """MariaDB rolls the whole transaction back: the host goes on, the batch does not."""
    mariadb.run("INSERT INTO booking VALUES ('r1'), ('r2')")
    mariadb.handle.autocommit(autocommit)
    bank = timebank.join(mariadb.handle)
    mariadb.run("START TRANSACTION")
    with pytest.raises(InvalidRequest, match="this batch is over"), bank.batch() as batch:
        move(batch, "t1")
        deadlock(mariadb)
        if not autocommit:
            mariadb.book("b1")
        with pytest.raises(InvalidRequest, match="this batch is over"):
            move(batch, "t2")
        if autocommit:
            with pytest.raises(InvalidRequest, match="autocommit"):
                timebank.join(mariadb.handle).open_account("x")
    mariadb.handle.commit()
    assert [] == moved(mariadb)


# -- errors of the host's own -------------------------------------------------------------------


def told(bank: TimeBank, match: str) -> None:
    """Each kind of call is refused, and says why; the driver's own error is behind it."""
    calls: tuple[Callable[[], Any], ...] = (
        lambda: bank.open_account("late"),
        lambda: bank.balance("m1"),
        lambda: bank.batch().__enter__(),
        lambda: bank.preview().__enter__(),
        bank.audit,
    )
    for call in calls:
        with pytest.raises(InvalidRequest, match=match):
            call()


def test_a_closed_connection_is_told(tmp_path: Path) -> None:
    """On SQLite, in each of its hosts, within a batch as well."""
    path = str(tmp_path / "host.db")
    engine = sqlalchemy.create_engine(f"sqlite:///{path}")
    plain, database = sqlite3.connect(path), sqlite_utils.Database(path)
    plain.close()
    database.conn.close()
    told(timebank.join(plain), "connection is closed")
    told(timebank.join(database), "connection is closed")
    connection = engine.connect()
    connection.close()
    told(timebank.join(connection), "connection is closed|none to join")
    with engine.connect() as connection:
        connection.begin()
        bank = timebank.join(connection)
        driver: Any = connection.connection.driver_connection
        driver.close()
        told(bank, "connection is closed")
        connection.invalidate()
        told(bank, "must be rolled back")
    engine.dispose()
    host = made(Django, tmp_path)
    bank = timebank.join(host.handle)
    are_told = False
    with suppress(Exception), host.transaction():  # the host cannot end it
        host.handle.connection.close()
        told(bank, "connection is closed")
        are_told = True
    assert are_told
    host.disconnect()


@pytest.mark.servers
@pytest.mark.parametrize(
    "kind", [Psycopg, PyMySqlMariaDb, DjangoPostgres], ids=lambda kind: kind.__name__
)
def test_a_closed_connection_to_a_server_is_told(kind: type[Host], tmp_path: Path) -> None:
    """The same on servers; a batch that was open then is over."""
    host = made(kind, tmp_path)
    bank = timebank.join(host.handle)
    are_told = False
    with suppress(Exception), host.transaction():  # the host cannot end it
        with pytest.raises(InvalidRequest), bank.batch() as batch:
            move(batch, "t1")
            getattr(host.handle, "connection", host.handle).close()
            with pytest.raises(InvalidRequest, match="this batch is over"):
                move(batch, "t2")
        told(bank, "connection is closed")
        are_told = True
    assert are_told
    host.handle = host.connect()
    assert [] == moved(host)
    host.close()


def test_a_session_that_gives_no_connection_is_told(tmp_path: Path) -> None:
    """One without a database, and one that must be rolled back after a flush that failed."""
    with Session() as session:
        session.begin()
        told(timebank.join(session), "no bind")
    engine = sqlalchemy.create_engine(f"sqlite:///{tmp_path / 'host.db'}")
    with Session(engine) as session:
        session.begin()
        session.connection().invalidate()
        told(timebank.join(session), "must be rolled back")
    engine.dispose()


def test_an_error_of_a_hosts_own_factory_is_its_own() -> None:
    """What is no error of a driver or of its library is not taken for one."""

    def fail() -> Session:
        raise ZeroDivisionError

    factory: Any = fail
    registry: Any = scoped_session(factory)
    with pytest.raises(ZeroDivisionError):
        timebank.join(registry).open_account("m1")


@pytest.mark.skipif(sys.version_info < (3, 12), reason="the driver has this setting since 3.12")
def test_a_driver_in_its_newer_autocommit_is_refused(tmp_path: Path) -> None:
    """SQLAlchemy says that a transaction is open; the driver would commit each statement."""
    url = f"sqlite:///{tmp_path / 'host.db'}"
    engine = sqlalchemy.create_engine(url, connect_args={"autocommit": True})
    with engine.connect() as host, host.begin(), pytest.raises(InvalidRequest, match="autocommit"):
        timebank.join(host).open_account("m1")
    engine.dispose()
