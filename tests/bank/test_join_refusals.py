"""What cannot be joined is refused by a sentence that names what can, and never by an accident."""

from __future__ import annotations

import asyncio
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("django", reason="the hosts need the extra timebank[dev]")

import aiosqlite
import psycopg
import sqlalchemy
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.utils import ConnectionHandler
from sqlalchemy.ext.asyncio import (
    AsyncSession,
    async_scoped_session,
    async_sessionmaker,
    create_async_engine,
)
from sqlalchemy.orm import Session, sessionmaker

import timebank
from bank.hosts import within
from timebank import InvalidRequest, StoreError


def named(module: str, name: str = "Connection", **attributes: Any) -> Any:
    """Something of a package that is perhaps not installed, as it is seen from outside."""
    return type(name, (), {"__module__": module, **attributes})()


ASYNC = create_async_engine("sqlite+aiosqlite://")
ENGINE = sqlalchemy.create_engine("sqlite://")
PLAIN = sqlite3.connect(":memory:")

#: What is given, and what is said of it.
TABLE: dict[str, tuple[Callable[[], Any], str]] = {
    "AsyncSession": (lambda: AsyncSession(ASYNC), "await session.run_sync"),
    "async_scoped_session": (
        lambda: async_scoped_session(async_sessionmaker(ASYNC), lambda: 1),
        "await session.run_sync",
    ),
    "AsyncConnection": (ASYNC.connect, "await connection.run_sync"),
    "AsyncEngine": (lambda: ASYNC, "await connection.run_sync"),
    "async_sessionmaker": (lambda: async_sessionmaker(ASYNC), "await session.run_sync"),
    "Engine": (lambda: ENGINE, "engine.begin"),
    "sessionmaker": (lambda: sessionmaker(ENGINE), "join the Session of your transaction"),
    "a pool of SQLAlchemy": (lambda: ENGINE.pool, "take one from it"),
    "a connection of that pool": (ENGINE.raw_connection, "driver_connection"),
    "psycopg's AsyncConnection": (
        lambda: psycopg.AsyncConnection.__new__(psycopg.AsyncConnection),
        "create_async_engine.*asyncio.to_thread",
    ),
    "asyncpg": (lambda: named("asyncpg.connection"), "create_async_engine.*asyncio.to_thread"),
    "aiosqlite": (
        lambda: aiosqlite.Connection(lambda: PLAIN, 1),
        "create_async_engine.*asyncio.to_thread",
    ),
    "aiomysql": (lambda: named("aiomysql.connection"), "PyMySQL in a thread"),
    "asyncmy": (lambda: named("asyncmy.connection"), "PyMySQL in a thread"),
    "a pool of psycopg": (lambda: named("psycopg_pool.pool", "ConnectionPool"), "take one from it"),
    "a pool of psycopg2": (lambda: named("psycopg2.pool", "SimplePool"), "take one from it"),
    "a pool of asyncpg": (lambda: named("asyncpg.pool", "Pool"), "take one from it"),
    "Django's connections": (lambda: ConnectionHandler({}), "django.db.connection"),
    "a cursor": (PLAIN.cursor, "join the connection that it is of"),
    "a cursor of psycopg": (lambda: named("psycopg", "Cursor"), "join the connection"),
    "a cursor of psycopg2": (lambda: named("psycopg2.extensions", "cursor"), "join the connection"),
    "a cursor of PyMySQL": (lambda: named("pymysql.cursors", "Cursor"), "join the connection"),
    "a URL": (lambda: "sqlite:///bank.db", "timebank.open"),
    "nothing": (lambda: None, "a SQLAlchemy Connection or Session.*not None"),
    "a class": (lambda: sqlite3.Connection, "what can be joined"),
    "something else": (object, "what can be joined"),
}


@pytest.mark.parametrize("what", TABLE)
def test_what_is_no_host_is_refused_when_it_is_given(what: str) -> None:
    """At `join` itself, by what is to be given instead."""
    make, said = TABLE[what]
    given = make()
    with pytest.raises(InvalidRequest, match=said):
        timebank.join(given)
    if what != "a URL":
        with pytest.raises(InvalidRequest, match=said):
            timebank.migrate_store(given)


class OnUnknownDriver(sqlalchemy.Connection):
    """SQLAlchemy's connection, as far as a driver is asked for."""

    def __init__(self, driver: Any) -> None:
        self.driver = driver

    def in_transaction(self) -> bool:
        """Yes."""
        return True

    @property
    def connection(self) -> Any:
        """What the pool gives."""
        return named("sqlalchemy.pool", dbapi_connection=self.driver)


class OnUnknownDatabase(BaseDatabaseWrapper):  # type: ignore[misc]  # Django has no types
    """Django's connection to a database of another kind."""

    def __init__(self, driver: Any) -> None:
        self.connection = driver
        self.in_atomic_block = True
        self.needs_rollback = False

    def ensure_connection(self) -> None:
        """It is there."""

    def validate_thread_sharing(self) -> None:
        """It is this thread's."""


UNKNOWN = {
    "pg8000": "pg8000.legacy",
    "oracledb": "oracledb.connection",
    "mysql.connector": "mysql.connector.connection_cext",
    "pyodbc": "pyodbc",
    "aioodbc": "aioodbc.connection",
    "asyncmy": "asyncmy.connection",
}


@pytest.mark.parametrize("package", UNKNOWN)
@pytest.mark.parametrize("host", [OnUnknownDriver, OnUnknownDatabase])
def test_an_unknown_driver_is_named(package: str, host: type[Any]) -> None:
    """Each call says which driver it is, and which can be joined; adapted or plain."""
    plain = named(UNKNOWN[package])
    for driver in (plain, named("sqlalchemy.dialects", driver_connection=plain)):
        if host is OnUnknownDatabase and driver is not plain:
            continue
        bank = timebank.join(host(driver))
        for call in (lambda: bank.open_account("m1"), lambda: bank.balance("m1"), bank.audit):  # noqa: B023 - called at once
            with pytest.raises(InvalidRequest, match=f"is of {package}, which .*PostgreSQL.*psyc"):
                call()


def test_an_aiosqlite_without_its_own_thread_is_refused() -> None:
    """A version of the package that shows no way to its thread is told, and nothing breaks."""
    plain = named("aiosqlite.core")
    bank = timebank.join(OnUnknownDriver(named("sqlalchemy.dialects", driver_connection=plain)))
    with pytest.raises(InvalidRequest, match=r"this version of aiosqlite.*to_thread"):
        bank.balance("m1")


def test_an_asynchronous_connection_is_called_within_run_sync(tmp_path: Path) -> None:
    """A bank that was joined there and kept, and is called outside, says so."""
    engine = create_async_engine(f"sqlite+aiosqlite:///{tmp_path / 'host.db'}")

    def made() -> tuple[Any, timebank.TimeBank]:
        connection = engine.sync_engine.connect()
        connection.begin()
        bank = timebank.join(connection)
        bank.open_account("m1")
        return connection, bank

    connection, bank = within(made)
    for call in (lambda: bank.open_account("m2"), lambda: bank.balance("m1")):
        with pytest.raises(InvalidRequest, match="within run_sync"):
            call()
    within(lambda: connection.commit() or connection.close())
    within(engine.sync_engine.dispose)


def test_a_thread_takes_a_synchronous_connection(tmp_path: Path) -> None:
    """The road of an asynchronous program whose driver cannot be joined."""

    def book() -> str:
        connection = sqlite3.connect(tmp_path / "host.db")
        connection.execute("BEGIN")
        made = timebank.join(connection).open_account("m1").id
        connection.commit()
        connection.close()
        return made

    async def main() -> str:
        return await asyncio.to_thread(book)

    assert "m1" == asyncio.run(main())


# -- packages that are missing --------------------------------------------------------

_WITHOUT = """
import sys
for name in {names!r}:
    sys.modules[name] = None
import timebank
"""
_SQLITE = """
import sqlite3
host = sqlite3.connect(":memory:")
bank = timebank.join(host)
with host:
    host.execute("BEGIN")
    bank.open_account("m1")
assert bank.audit().ok
print("sqlite3 needs nothing")
try:
    timebank.join(object())
except timebank.InvalidRequest:
    print("refused")
"""
_POSTGRES = """
import psycopg2
host = psycopg2.connect(host={host!r}, user="postgres", dbname={name!r})
bank = timebank.join(host)
try:
    bank.open_account("m1")
except timebank.StoreError as error:
    print(error)
try:
    timebank.migrate_store(host)
except timebank.StoreError as error:
    print(error)
host.rollback()
"""
_USED = """
bank.open_account("m1")
host.commit()
print(bank.account("m1").id)
try:
    bank.audit()
except timebank.InvalidRequest as error:
    print(error)
"""


def ran(program: str) -> str:
    """What a program prints, in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program], capture_output=True, text=True, check=False
    )
    assert "" == done.stderr
    return done.stdout


def test_sqlite_is_joined_without_any_extra() -> None:
    """Neither SQLAlchemy nor Django nor a driver of a server is needed."""
    names = ["sqlalchemy", "django", "psycopg", "psycopg2", "pymysql", "asyncpg", "aiosqlite"]
    said = ran(_WITHOUT.format(names=names) + _SQLITE)
    assert "sqlite3 needs nothing\nrefused\n" == said


@pytest.mark.servers
def test_the_extra_that_is_missing_is_named() -> None:
    """A host on psycopg 2 alone: with the tables there it can be used; to make them, it is told."""
    from servers import drop_database, new_database

    url = new_database("postgresql")
    name, _, query = url.partition("?")
    asked = _POSTGRES.format(host=query.removeprefix("host="), name=name.rpartition("/")[2])
    without = _WITHOUT.format(names=["sqlalchemy", "psycopg", "django"])
    said = ran(without + asked).splitlines()
    assert 2 == len(said)
    assert all("pip install 'timebank[postgres]'" in line for line in said)
    timebank.open(url).close()
    said = ran(without + asked + _USED).splitlines()
    assert "m1" in said
    assert "pip install 'timebank[postgres]'" in said[-1]
    drop_database(url)


def test_a_hint_is_a_store_error() -> None:
    """So that whoever handles what a store says handles it."""
    from timebank.storage.joined.server import _hinting
    from timebank.storage.server.mariadb import MariaDb

    with pytest.raises(StoreError, match=r"timebank\[mariadb\]"), _hinting(MariaDb()):
        raise ModuleNotFoundError(name="sqlalchemy")


def test_a_session_without_a_database_is_told() -> None:
    """For reads too, where nothing is begun."""
    with Session() as session, pytest.raises(InvalidRequest, match="no bind"):
        timebank.join(session).balance("m1")


def test_what_cannot_be_shown_is_refused_all_the_same() -> None:
    """Its `repr` raises."""

    class Odd:
        def __repr__(self) -> str:
            raise RuntimeError

    with pytest.raises(InvalidRequest, match="not <Odd>"):
        timebank.join(Odd())
