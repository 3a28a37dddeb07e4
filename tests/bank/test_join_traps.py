"""What joining must never do to a host, and the traps of each driver."""

from __future__ import annotations

import functools
import re
import sqlite3
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("django", reason="the hosts need the extra timebank[dev]")

import psycopg
import pymysql
import sqlalchemy
import sqlite_utils
from sqlalchemy.orm import Session, scoped_session, sessionmaker

import timebank
from bank.hosts import HOSTS, Host, Psycopg, Sqlite3
from servers import ON_SERVERS, drop_database, new_database
from timebank import Conflict, Hours, InvalidRequest, LimitExceeded, Retryable, StoreError
from timebank.storage.joined.awaited import AwaitedCursor
from timebank.storage.joined.sqlite import AwaitedRows
from timebank.storage.server.drivers import Psycopg2Cursor

#: What ends or changes a transaction; of a savepoint nothing of this is said.
FORBIDDEN = re.compile(
    r"^\s*(COMMIT|END\b|BEGIN|START|ROLLBACK(?!\s+TO)|SET\b|PRAGMA\s+\w+\s*=|LISTEN|LOCK\b)",
    re.IGNORECASE,
)


@pytest.fixture
def url(request: pytest.FixtureRequest) -> Iterator[str]:
    """A database of the server that the test names, with our tables and two accounts."""
    made = new_database(request.param)
    with timebank.open(made) as bank:
        bank.open_account("m1")
        bank.open_account("f1", kind="group")
    yield made
    drop_database(made)


@pytest.fixture
def engine(url: str) -> Iterator[sqlalchemy.Engine]:
    """The host's engine on it."""
    made = sqlalchemy.create_engine(url)
    yield made
    made.dispose()


def use(bank: timebank.TimeBank) -> None:
    """Every kind of call, a refused one among them."""
    bank.open_account("x", name="Maria")
    bank.transfer(earner="x", spender="f1", hours=1, id="t1", note="n")
    with pytest.raises(LimitExceeded):
        bank.transfer(earner="x", spender="f1", hours=99)
    with bank.batch() as batch:
        batch.transfer(earner="x", spender="f1", hours=1)
    bank.reverse("t1", reason="twice")
    bank.balance("x")
    bank.statement("x")
    list(bank.transfers())
    list(bank.records())
    bank.audit()
    bank.rebuild()
    list(bank.store.banks())
    bank.close()


class _Watched:
    """The statements that a driver ran, and its calls that end or change a transaction."""

    def __init__(self) -> None:
        self.statements: list[str] = []
        self.calls: list[str] = []

    def forbid(self, monkeypatch: pytest.MonkeyPatch, owner: Any, *names: str) -> None:
        """Note each call of these methods."""
        for name in names:
            noted = functools.partial(self._called, name)
            monkeypatch.setattr(owner, name, noted, raising=False)

    def _called(self, name: str, *_: Any, **__: Any) -> None:
        self.calls.append(name)

    def note(self, monkeypatch: pytest.MonkeyPatch, owner: Any, name: str) -> None:
        """Note the statements that a method runs."""
        real = getattr(owner, name)

        def noted(cursor: Any, sql: Any, *rest: Any, **named: Any) -> Any:
            self.statements.append(sql if isinstance(sql, str) else bytes(sql).decode())
            return real(cursor, sql, *rest, **named)

        monkeypatch.setattr(owner, name, noted)


class _Strict(sqlite3.Connection):
    """A connection of the standard library that notes what is done to it."""

    watched: _Watched

    def _refuse(self, *_: Any, **__: Any) -> None:
        self.watched.calls.append("a call of the connection")

    commit: Any = _refuse
    rollback = set_progress_handler = set_authorizer = close = commit
    create_function = create_collation = executescript = interrupt = commit


@pytest.mark.parametrize("kind", HOSTS, ids=lambda kind: kind.__name__)
def test_nothing_is_done_to_the_hosts_transaction(
    kind: type[Host], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No commit, no rollback but to our savepoints, no setting, no listener, on any driver."""
    host = kind(tmp_path)
    bank = timebank.join(host.handle)
    with host.transaction():
        bank.open_account("f1", kind="fund")
        bank.set_limits("f1", floor=-10)
    watched = _Watched()
    with host.transaction(), monkeypatch.context() as patch:
        host.book("b1")
        for owner in (psycopg.Connection, pymysql.connections.Connection):
            watched.forbid(patch, owner, "commit", "rollback", "close", "cancel")
            watched.forbid(patch, owner, "set_isolation_level", "set_autocommit", "autocommit")
        watched.forbid(patch, sqlalchemy.Connection, "commit", "rollback", "begin", "close")
        watched.forbid(patch, sqlalchemy.Connection, "begin_nested", "execution_options")
        watched.forbid(patch, Session, "commit", "rollback", "flush", "close", "begin")
        watched.forbid(patch, sqlalchemy.event, "listen", "listens_for")
        watched.note(patch, psycopg.Cursor, "execute")
        watched.note(patch, pymysql.cursors.Cursor, "execute")
        watched.note(patch, Psycopg2Cursor, "execute")
        for owner in (AwaitedCursor, AwaitedRows):
            watched.note(patch, owner, "execute")
        traced = host.server is None and not host.is_async and driver_of(host)
        if traced:
            traced.set_trace_callback(watched.statements.append)
        use(bank)
        if traced:
            traced.set_trace_callback(None)
    assert [] == watched.calls
    assert 20 < len(watched.statements)
    rebuilding = {"SET LOCAL timebank.rebuild = 'on'", "SET LOCAL timebank.rebuild = 'off'"}
    rebuilding |= {"SET @timebank_rebuild = 1", "SET @timebank_rebuild = NULL"}
    said = [sql for sql in watched.statements if FORBIDDEN.match(sql)]
    assert set() == set(said) - rebuilding
    assert 1 == host.booked()
    host.close()


def driver_of(host: Host) -> sqlite3.Connection:
    """The connection of the standard library beneath a host on SQLite."""
    from timebank.storage.joined.hosts import host_of

    found = host_of(host.handle).writing().driver
    assert isinstance(found, sqlite3.Connection)
    return found


def test_a_connection_that_notes_its_calls_hears_none(tmp_path: Path) -> None:
    """The methods of SQLite's connection that end, listen or interrupt are left alone."""
    connection = sqlite3.connect(tmp_path / "host.db", factory=_Strict)
    connection.watched = _Watched()
    connection.execute("BEGIN")
    bank = timebank.join(connection)
    bank.open_account("f1", kind="fund")
    bank.set_limits("f1", floor=-10)
    use(bank)
    assert [] == connection.watched.calls
    connection.execute("ROLLBACK")
    super(_Strict, connection).close()


# -- making what is missing ---------------------------------------------------------


def test_tables_are_made_within_a_transaction_of_sqlite(tmp_path: Path) -> None:
    """In a file that has none, the first call makes tables and bank; a rollback takes them away."""
    path = tmp_path / "host.db"
    host = sqlite3.connect(path)
    bank = timebank.join(host)
    for end in (host.rollback, host.commit):
        host.execute("BEGIN")
        assert [] == list(bank.store.banks())
        bank.open_account("m1", name="Maria")
        end()
    host.close()
    with timebank.open(f"sqlite:///{path}", create=False) as alone:
        assert (1, ()) == (alone.head().sequence, alone.audit().findings)


@pytest.mark.parametrize("server", ON_SERVERS)
def test_tables_are_made_where_that_is_part_of_a_transaction(server: str) -> None:
    """PostgreSQL makes them and takes them back; on MariaDB the host is told what to run."""
    url = new_database(server)
    engine = sqlalchemy.create_engine(url)
    with engine.connect() as host:
        with host.begin() as ending:
            if server == "mariadb":
                with pytest.raises(StoreError, match="timebank migrate"):
                    timebank.join(host).open_account("m1")
            else:
                timebank.join(host).open_account("m1")
            ending.rollback()
        assert [] == sqlalchemy.inspect(host).get_table_names()
    engine.dispose()
    drop_database(url)


# -- SQLAlchemy on SQLite -------------------------------------------------------------


def test_a_transaction_that_the_driver_has_not_begun(tmp_path: Path) -> None:
    """SQLAlchemy says that one is open; the driver has none: its rollback undoes ours."""
    engine = sqlalchemy.create_engine(f"sqlite:///{tmp_path / 'host.db'}")
    with engine.connect() as host, host.begin() as ending:
        assert not host.connection.driver_connection.in_transaction  # type: ignore[union-attr]
        timebank.join(host).open_account("m1")
        ending.rollback()
    with engine.connect() as host:
        assert [] == sqlalchemy.inspect(host).get_table_names()
    with Session(engine) as session:
        with pytest.raises(InvalidRequest, match="with session"):
            timebank.join(session).open_account("m1")
        session.begin()
        timebank.join(session).open_account("m1")
        session.rollback()
    with engine.connect() as host:
        assert [] == sqlalchemy.inspect(host).get_table_names()
    engine.dispose()


def test_a_driver_in_autocommit_is_refused(tmp_path: Path) -> None:
    """Where each statement is committed at once there is no transaction to join."""
    url = f"sqlite:///{tmp_path / 'host.db'}"
    engine = sqlalchemy.create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as host, host.begin(), pytest.raises(InvalidRequest, match="autocommit"):
        timebank.join(host).open_account("m1")
    engine.dispose()


@pytest.mark.parametrize("url", ON_SERVERS, indirect=True)
def test_a_server_in_autocommit_is_refused(url: str) -> None:
    """The same on servers, unless the host began a transaction by a statement of its own."""
    engine = sqlalchemy.create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as host, host.begin():
        bank = timebank.join(host)
        with pytest.raises(InvalidRequest, match="autocommit"):
            bank.open_account("x")
        host.exec_driver_sql("START TRANSACTION")
        bank.open_account("x")
        host.exec_driver_sql("ROLLBACK")
    engine.dispose()
    with timebank.open(url) as alone:
        assert 2 == alone.head().sequence


@pytest.mark.servers
@pytest.mark.parametrize("url", ["postgresql"], indirect=True)
def test_psycopg_begins_by_itself(url: str) -> None:
    """Without autocommit any statement begins a transaction: ours may be the first."""
    address = url.replace("+psycopg", "")
    with psycopg.connect(address) as host:
        bank = timebank.join(host)
        bank.open_account("x")
        host.rollback()
        bank.open_account("y")
        host.commit()
    with pytest.raises(ZeroDivisionError), psycopg.connect(address) as host:
        timebank.join(host).open_account("z")
        raise ZeroDivisionError
    with timebank.open(url) as alone:
        assert ["f1", "m1", "y"] == [account.id for account in alone.accounts()]


def test_other_shapes_of_sessions(tmp_path: Path) -> None:
    """A registry of sessions gives this thread's; a session without an engine is told so."""
    engine = sqlalchemy.create_engine(f"sqlite:///{tmp_path / 'host.db'}")
    registry = scoped_session(sessionmaker(engine))
    bank = timebank.join(registry)
    with pytest.raises(InvalidRequest):
        bank.open_account("m1")
    with registry.begin():
        bank.open_account("m1")
    registry.remove()
    engine.dispose()
    with timebank.open(f"sqlite:///{tmp_path / 'host.db'}") as alone:
        assert 1 == alone.head().sequence


# -- what cannot be joined --------------------------------------------------------------


@pytest.mark.parametrize("thing", [None, "sqlite:///x.db", object(), sqlite3])
def test_what_is_no_connection_is_refused(thing: object) -> None:
    """The message names what can be joined."""
    with pytest.raises(InvalidRequest, match="what can be joined"):
        timebank.join(thing)


def test_text_that_is_not_str_is_refused(tmp_path: Path) -> None:
    """A host whose connection gives bytes for text would have every row misread."""
    host = sqlite3.connect(tmp_path / "host.db")
    host.text_factory = bytes
    host.execute("BEGIN")
    with pytest.raises(InvalidRequest, match="text_factory"):
        timebank.join(host).open_account("m1")
    host.close()


@pytest.mark.servers
@pytest.mark.parametrize("url", ["mariadb"], indirect=True)
def test_a_connection_that_is_not_in_unicode_is_refused(url: str) -> None:
    """On MariaDB the connection's character set would change ids and texts."""
    engine = sqlalchemy.create_engine(url, connect_args={"charset": "latin1"})
    with engine.connect() as host, host.begin(), pytest.raises(InvalidRequest, match="utf8mb4"):
        timebank.join(host).open_account("x")
    engine.dispose()


@pytest.mark.servers
def test_a_failed_transaction_of_the_hosts_is_told(tmp_path: Path) -> None:
    """PostgreSQL does nothing more in a transaction whose statement failed: nor do we."""
    host = Psycopg(tmp_path)
    with pytest.raises(psycopg.Error), host.transaction():
        with pytest.raises(psycopg.Error):
            host.run("SELECT nothing")
        with pytest.raises(InvalidRequest, match="roll it back"):
            timebank.join(host.handle).open_account("m1")
        host.run("SELECT 1")
    host.close()


# -- isolation --------------------------------------------------------------------------


def spend(url: str, id: str) -> None:
    """Somebody else's transfer, committed."""
    with timebank.open(url) as bank:
        bank.transfer(earner="m1", spender="f1", hours=19, id=id)


@pytest.mark.servers
@pytest.mark.parametrize("url", ["mariadb"], indirect=True)
def test_an_old_snapshot_of_mariadb_decides_nothing(url: str, engine: sqlalchemy.Engine) -> None:
    """At REPEATABLE READ the host's snapshot is old; the floor is judged by what is there now."""
    with engine.connect() as host, host.begin():
        host.execution_options()
        host.exec_driver_sql("SET @a = 1")
        host.exec_driver_sql("SELECT count(*) FROM timebank_records").fetchall()
        spend(url, "other")
        bank = timebank.join(host)
        with pytest.raises(LimitExceeded):
            bank.transfer(earner="m1", spender="f1", hours=2)
        bank.transfer(earner="m1", spender="f1", hours=1, id="mine")
        with pytest.raises(timebank.IdempotencyMismatch):
            bank.transfer(earner="m1", spender="f1", hours=1, id="other")
        bank.reverse("other", reason="twice")
    with timebank.open(url) as alone:
        assert (5, ()) == (alone.head().sequence, alone.audit().findings)
        assert Hours(-1) == alone.balance("f1").posted


@pytest.mark.servers
@pytest.mark.parametrize("url", ["postgresql"], indirect=True)
@pytest.mark.parametrize("level", ["REPEATABLE READ", "SERIALIZABLE"])
def test_a_conflict_is_of_the_hosts_whole_transaction(
    url: str, engine: sqlalchemy.Engine, level: str
) -> None:
    """PostgreSQL refuses to build on an old snapshot: the host repeats its transaction."""
    host = engine.connect().execution_options(isolation_level=level)
    with host.begin():
        host.exec_driver_sql("SELECT count(*) FROM timebank_records").fetchall()
        spend(url, "other")
        bank = timebank.join(host)
        with pytest.raises(Conflict) as caught:
            bank.transfer(earner="m1", spender="f1", hours=1)
        assert "host" == caught.value.scope
    with host.begin():
        bank.transfer(earner="m1", spender="f1", hours=1)
    host.close()
    with timebank.open(url) as alone:
        assert (4, ()) == (alone.head().sequence, alone.audit().findings)


def test_an_old_snapshot_of_sqlite_is_the_hosts_conflict(tmp_path: Path) -> None:
    """A host that read before another wrote cannot write any more, and is told at once."""
    host = Sqlite3(tmp_path)
    bank = timebank.join(host.handle)
    with host.transaction():
        bank.open_account("m1")
        bank.open_account("f1", kind="group")
    with host.transaction():
        host.run("SELECT count(*) FROM booking")
        spend(host.url, "other")
        with pytest.raises(Conflict) as caught:
            bank.transfer(earner="m1", spender="f1", hours=1)
        assert "host" == caught.value.scope
    with host.transaction():
        bank.transfer(earner="m1", spender="f1", hours=1)
    host.close()


@pytest.mark.parametrize("url", ON_SERVERS, indirect=True)
def test_a_writer_that_waits_too_long_is_told_whose_the_repeat_is(
    url: str, engine: sqlalchemy.Engine
) -> None:
    """The lock of another is `StoreBusy`, and the host's transaction is what to repeat."""
    waits: dict[str, Callable[[Any], Any]] = {
        "postgresql": lambda host: host.exec_driver_sql("SET LOCAL lock_timeout = '50ms'"),
        "mariadb": lambda host: host.exec_driver_sql("SET innodb_lock_wait_timeout = 1"),
    }
    with timebank.open(url) as alone, engine.connect() as host:
        with alone.batch() as batch, host.begin():
            batch.open_account("x")
            waits[engine.name](host)
            with pytest.raises(Retryable) as caught:
                timebank.join(host).open_account("y")
            assert ("host", "StoreBusy") == (caught.value.scope, type(caught.value).__name__)
        with host.begin():
            timebank.join(host).open_account("y")
    with timebank.open(url) as alone:
        assert (4, ()) == (alone.head().sequence, alone.audit().findings)


@pytest.mark.parametrize("url", ON_SERVERS, indirect=True)
def test_hosts_that_wait_for_each_other_are_told_apart(url: str, engine: sqlalchemy.Engine) -> None:
    """Two hosts that lock two banks crosswise: one gets a conflict of its own, the other passes."""
    for name in ("a", "b"):
        with timebank.open(url, bank=name) as bank:
            bank.open_account("m1")
    met = threading.Barrier(2, timeout=20)
    told: list[str] = []

    def work(first: str, second: str) -> None:
        # At REPEATABLE READ MariaDB locks the gaps between rows too, and a neighbour's with them.
        with engine.connect() as host:
            host = host.execution_options(isolation_level="READ COMMITTED")  # noqa: PLW2901
            try:
                with host.begin():
                    timebank.join(host, bank=first).freeze("m1")
                    met.wait()
                    timebank.join(host, bank=second).freeze("m1")
            except Conflict as error:
                told.append(error.scope)

    threads = [threading.Thread(target=work, args=pair) for pair in (("a", "b"), ("b", "a"))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert ["host"] == told
    for name in ("a", "b"):
        with timebank.open(url, bank=name) as bank:
            assert ("frozen", ()) == (bank.account("m1").status, bank.audit().findings)


@pytest.mark.servers
def test_a_lost_connection_is_told_as_what_it_is(tmp_path: Path) -> None:
    """The connection ended under us: an error of the storage, and no other over it."""
    host = Psycopg(tmp_path)
    bank = timebank.join(host.handle)
    with pytest.raises(psycopg.OperationalError), host.transaction():
        bank.open_account("m1")
        with psycopg.connect(host.url.replace("+psycopg", ""), autocommit=True) as other:
            other.execute("SELECT pg_terminate_backend(%s)", (host.handle.info.backend_pid,))
        with pytest.raises(timebank.Unavailable, match="PostgreSQL database"):
            bank.open_account("m2")
        host.run("SELECT 1")
    host.close()


def test_sqlite_utils_in_a_transaction_of_its_driver(tmp_path: Path) -> None:
    """A `Database` is joined by the connection beneath it, however its transaction began."""
    database = sqlite_utils.Database(tmp_path / "host.db")
    bank = timebank.join(database)
    with database.atomic():
        database["booking"].insert({"id": "b1"})  # type: ignore[union-attr]
        bank.open_account("m1")
    with pytest.raises(ZeroDivisionError), database.atomic():
        database["booking"].insert({"id": "b2"})  # type: ignore[union-attr]
        bank.open_account("m2")
        raise ZeroDivisionError
    assert 1 == database["booking"].count
    database.close()
    with timebank.open(f"sqlite:///{tmp_path / 'host.db'}") as alone:
        assert ["m1"] == [account.id for account in alone.accounts()]
