"""Associations' own software, as far as a joined ledger sees it: a table, and transactions."""

from __future__ import annotations

import asyncio
import itertools
import sqlite3
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, TypeVar

import django
import psycopg
import psycopg2.extras
import pymysql
import pytest
import sqlalchemy
import sqlite_utils
from django.conf import settings
from django.db import connections, transaction
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, create_async_engine
from sqlalchemy.orm import Session
from sqlalchemy.util import greenlet_spawn
from sqlalchemy.util.concurrency import in_greenlet

import timebank
from servers import drop_database, new_database

MAKE = "CREATE TABLE booking (id VARCHAR(20) PRIMARY KEY)"
COUNT = "SELECT count(*) FROM booking"
T = TypeVar("T")
#: The event loop of all asynchronous hosts.
LOOP = asyncio.new_event_loop()

pymysql.install_as_MySQLdb()


def within(work: Callable[[], T]) -> T:
    """Do work where what is awaited is waited for, as `run_sync` does it."""
    if in_greenlet():
        return work()
    return LOOP.run_until_complete(greenlet_spawn(work))


class Host(ABC):
    """One kind of host: `handle` is what it joins with, `url` where the ledger is opened alone."""

    #: What `new_database` is asked for; a file where there is none.
    server: str | None = None
    #: Whether its driver is asynchronous.
    is_async = False

    def __init__(self, folder: Path) -> None:
        self.url = (
            f"sqlite:///{folder / 'host.db'}" if self.server is None else new_database(self.server)
        )
        self.path = str(folder / "host.db")
        self.numbers = itertools.count(1)
        self.make_table()
        timebank.open(self.url).close()
        self.handle: Any = self.connect()

    def make_table(self) -> None:
        """The host's own table, beside which ours will be."""
        if self.server is None:
            connection = sqlite3.connect(self.path)
            connection.execute(MAKE)
            connection.close()
            return
        engine = sqlalchemy.create_engine(self.url)
        with engine.begin() as connected:
            connected.exec_driver_sql(MAKE)
        engine.dispose()

    @abstractmethod
    def connect(self) -> Any:
        """The connection, as this host has it."""

    @abstractmethod
    def run(self, sql: str) -> Any:
        """Run a statement; its first row, if it has any."""

    @abstractmethod
    def transaction(self) -> AbstractContextManager[Any]:
        """A transaction, committed at the end or rolled back by an exception."""

    @abstractmethod
    def savepoint(self) -> AbstractContextManager[Any]:
        """A savepoint, released at the end or rolled back by an exception."""

    @abstractmethod
    def disconnect(self) -> None:
        """Close what `connect` made."""

    def close(self) -> None:
        """Leave nothing behind."""
        self.disconnect()
        if self.server is not None:
            drop_database(self.url)

    def numbered_savepoint(self) -> AbstractContextManager[Any]:
        """A savepoint by statements; on MariaDB a name that comes again ends the first of it."""
        name = f"host_{next(self.numbers)}"
        return by_statements(
            self.run,
            f"SAVEPOINT {name}",
            f"RELEASE SAVEPOINT {name}",
            f"ROLLBACK TO SAVEPOINT {name}",
        )

    def book(self, id: str) -> None:
        """The host's own row."""
        self.run(f"INSERT INTO booking VALUES ('{id}')")

    def booked(self) -> int:
        """How many rows of the host are committed, as another connection sees it."""
        if self.server is None:
            connection = sqlite3.connect(self.path)
            (found,) = connection.execute(COUNT).fetchone()
            connection.close()
            return int(found)
        engine = sqlalchemy.create_engine(self.url)
        with engine.connect() as connected:
            found = connected.exec_driver_sql(COUNT).scalar_one()
        engine.dispose()
        return int(found)


@contextmanager
def by_statements(run: Any, begin: str, commit: str, rollback: str) -> Iterator[None]:
    """A block between statements, as programs without a library write it."""
    run(begin)
    try:
        yield
    except BaseException:
        run(rollback)
        raise
    run(commit)


class Sqlite3(Host):
    """The standard library's driver, with its own way to begin transactions."""

    def connect(self) -> Any:
        """As `Host.connect`, with rows in a shape of the host's own."""
        connection = sqlite3.connect(self.path)
        connection.row_factory = sqlite3.Row
        return connection

    def run(self, sql: str) -> Any:
        """As `Host.run`."""
        return self.handle.execute(sql).fetchone()

    def transaction(self) -> AbstractContextManager[Any]:
        """As `Host.transaction`."""
        return by_statements(self.run, "BEGIN", "COMMIT", "ROLLBACK")

    def savepoint(self) -> AbstractContextManager[Any]:
        """As `Host.savepoint`."""
        return self.numbered_savepoint()

    def disconnect(self) -> None:
        """As `Host.disconnect`."""
        self.handle.close()


class SqliteUtils(Sqlite3):
    """sqlite-utils, whose `atomic` is a transaction, and a savepoint within one."""

    def connect(self) -> Any:
        """As `Host.connect`."""
        return sqlite_utils.Database(self.path)

    def transaction(self) -> AbstractContextManager[Any]:
        """As `Host.transaction`."""
        return self.handle.atomic()  # type: ignore[no-any-return]

    def savepoint(self) -> AbstractContextManager[Any]:
        """As `Host.savepoint`."""
        return self.handle.atomic()  # type: ignore[no-any-return]


class AlchemyConnection(Host):
    """A SQLAlchemy `Connection`."""

    def connect(self) -> Any:
        """As `Host.connect`."""
        self.engine = sqlalchemy.create_engine(self.url)
        return self.engine.connect()

    def run(self, sql: str) -> Any:
        """As `Host.run`."""
        result = self.handle.execute(sqlalchemy.text(sql))
        return result.fetchone() if result.returns_rows else None

    def transaction(self) -> AbstractContextManager[Any]:
        """As `Host.transaction`."""
        return self.handle.begin()  # type: ignore[no-any-return]

    def savepoint(self) -> AbstractContextManager[Any]:
        """As `Host.savepoint`."""
        return self.handle.begin_nested()  # type: ignore[no-any-return]

    def disconnect(self) -> None:
        """As `Host.disconnect`."""
        self.handle.close()
        self.engine.dispose()


class AlchemyConnectionPostgres(AlchemyConnection):
    """The same on PostgreSQL."""

    server = "postgresql"


class AlchemyConnectionMariaDb(AlchemyConnection):
    """The same on MariaDB."""

    server = "mariadb"


class AlchemySession(AlchemyConnection):
    """A SQLAlchemy `Session`."""

    def connect(self) -> Any:
        """As `Host.connect`."""
        self.engine = sqlalchemy.create_engine(self.url)
        return Session(self.engine)


class AlchemySessionPostgres(AlchemySession):
    """The same on PostgreSQL."""

    server = "postgresql"


class Psycopg(Host):
    """psycopg 3, with rows in a shape of the host's own."""

    server = "postgresql"

    def connect(self) -> Any:
        """As `Host.connect`."""
        address = self.url.replace("+psycopg", "")
        return psycopg.connect(address, row_factory=psycopg.rows.dict_row, autocommit=True)

    def run(self, sql: str) -> Any:
        """As `Host.run`."""
        cursor = self.handle.execute(sql)
        return cursor.fetchone() if cursor.description else None

    def transaction(self) -> AbstractContextManager[Any]:
        """As `Host.transaction`."""
        return self.handle.transaction()  # type: ignore[no-any-return]

    def savepoint(self) -> AbstractContextManager[Any]:
        """As `Host.savepoint`."""
        return self.handle.transaction()  # type: ignore[no-any-return]

    def disconnect(self) -> None:
        """As `Host.disconnect`."""
        self.handle.close()


class Psycopg2(Host):
    """psycopg 2, with rows in a shape of the host's own."""

    server = "postgresql"

    def connect(self) -> Any:
        """As `Host.connect`."""
        url = sqlalchemy.make_url(self.url)
        made = psycopg2.connect(
            host=url.query["host"],
            user=url.username,
            dbname=url.database,
            cursor_factory=psycopg2.extras.RealDictCursor,
        )
        made.autocommit = True
        return made

    def run(self, sql: str) -> Any:
        """As `Host.run`."""
        with self.handle.cursor() as cursor:
            cursor.execute(sql)
            return cursor.fetchone() if cursor.description else None

    def transaction(self) -> AbstractContextManager[Any]:
        """As `Host.transaction`."""
        return by_statements(self.run, "BEGIN", "COMMIT", "ROLLBACK")

    def savepoint(self) -> AbstractContextManager[Any]:
        """As `Host.savepoint`."""
        return self.numbered_savepoint()

    def disconnect(self) -> None:
        """As `Host.disconnect`."""
        self.handle.close()


class AlchemyConnectionPsycopg2(AlchemyConnection):
    """SQLAlchemy on psycopg 2."""

    server = "postgresql"

    def connect(self) -> Any:
        """As `Host.connect`."""
        self.engine = sqlalchemy.create_engine(self.url.replace("+psycopg", "+psycopg2"))
        return self.engine.connect()


class AsyncSessionAiosqlite(AlchemySession):
    """SQLAlchemy's `AsyncSession`; what joins is the session that `run_sync` gives."""

    driver = "aiosqlite"
    is_async = True

    def connect(self) -> Any:
        """As `Host.connect`."""
        return within(self.made)

    def made(self) -> Any:
        """What is joined."""
        self.async_engine = self.make_engine()
        return AsyncSession(self.async_engine).sync_session

    def make_engine(self) -> AsyncEngine:
        """The engine, on this kind's driver."""
        url = sqlalchemy.make_url(self.url)
        return create_async_engine(
            url.set(drivername=f"{url.get_backend_name()}+{self.driver}"),
            poolclass=sqlalchemy.NullPool,
        )

    def disconnect(self) -> None:
        """As `Host.disconnect`."""
        within(self.handle.close)


class AsyncConnectionAiosqlite(AsyncSessionAiosqlite):
    """SQLAlchemy's `AsyncConnection`, on the same driver."""

    def made(self) -> Any:
        """What is joined."""
        self.async_engine = self.make_engine()
        return self.async_engine.sync_engine.connect()


class AsyncSessionAsyncpg(AsyncSessionAiosqlite):
    """`AsyncSession` on asyncpg."""

    server = "postgresql"
    driver = "asyncpg"


class AsyncConnectionPsycopg(AsyncConnectionAiosqlite):
    """`AsyncConnection` on psycopg 3."""

    server = "postgresql"
    driver = "psycopg"


class PyMySqlMariaDb(Host):
    """PyMySQL, with rows in a shape of the host's own."""

    server = "mariadb"

    def connect(self) -> Any:
        """As `Host.connect`."""
        url = sqlalchemy.make_url(self.url)
        return pymysql.connect(
            unix_socket=url.query["unix_socket"],
            user=url.username,
            database=url.database,
            charset="utf8mb4",
            autocommit=True,
            cursorclass=pymysql.cursors.DictCursor,
        )

    def run(self, sql: str) -> Any:
        """As `Host.run`."""
        with self.handle.cursor() as cursor:
            cursor.execute(sql)
            return cursor.fetchone()

    def transaction(self) -> AbstractContextManager[Any]:
        """As `Host.transaction`."""
        return by_statements(self.run, "START TRANSACTION", "COMMIT", "ROLLBACK")

    def savepoint(self) -> AbstractContextManager[Any]:
        """As `Host.savepoint`."""
        return self.numbered_savepoint()

    def disconnect(self) -> None:
        """As `Host.disconnect`."""
        self.handle.close()


class Django(Host):
    """Django's connection, of an alias of its own."""

    engine = "sqlite3"

    def connect(self) -> Any:
        """As `Host.connect`."""
        if not settings.configured:
            settings.configure(DATABASES={}, USE_TZ=True)
            django.setup()
        whole = connections.configure_settings({"default": {}, "host": self.options()})
        connections.settings["host"] = whole["host"]
        return connections["host"]

    def options(self) -> dict[str, Any]:
        """What Django's settings say of the database."""
        if self.server is None:
            return {"ENGINE": "django.db.backends.sqlite3", "NAME": self.path}
        url = sqlalchemy.make_url(self.url)
        options: dict[str, Any] = {
            "ENGINE": f"django.db.backends.{self.engine}",
            "NAME": url.database,
            "USER": url.username,
        }
        if self.server == "postgresql":
            return options | {"HOST": url.query["host"]}
        return options | {"HOST": url.query["unix_socket"]}

    def run(self, sql: str) -> Any:
        """As `Host.run`."""
        with self.handle.cursor() as cursor:
            cursor.execute(sql)
            return cursor.fetchone() if cursor.description else None

    def transaction(self) -> AbstractContextManager[Any]:
        """As `Host.transaction`."""
        return transaction.atomic(using="host")  # type: ignore[no-any-return]

    def savepoint(self) -> AbstractContextManager[Any]:
        """As `Host.savepoint`."""
        return transaction.atomic(using="host")  # type: ignore[no-any-return]

    def disconnect(self) -> None:
        """As `Host.disconnect`."""
        self.handle.close()
        del connections["host"]
        del connections.settings["host"]


class DjangoPostgres(Django):
    """The same on PostgreSQL."""

    server = "postgresql"
    engine = "postgresql"


class DjangoMariaDb(Django):
    """The same on MariaDB."""

    server = "mariadb"
    engine = "mysql"


KINDS: tuple[type[Host], ...] = (
    Sqlite3,
    SqliteUtils,
    AlchemyConnection,
    AlchemyConnectionPostgres,
    AlchemyConnectionMariaDb,
    AlchemySession,
    AlchemySessionPostgres,
    Psycopg,
    Psycopg2,
    AlchemyConnectionPsycopg2,
    AsyncSessionAiosqlite,
    AsyncConnectionAiosqlite,
    AsyncSessionAsyncpg,
    AsyncConnectionPsycopg,
    PyMySqlMariaDb,
    Django,
    DjangoPostgres,
    DjangoMariaDb,
)
#: What is like another of its driver, at night alone.
_ALIKE = {"AlchemyConnectionPsycopg2", "AsyncConnectionAiosqlite", "AsyncConnectionPsycopg"}
#: The same for what is tried at length.
_ALIKE_AT_LENGTH = _ALIKE | {
    "AlchemyConnection",
    "AlchemyConnectionPostgres",
    "AlchemyConnectionMariaDb",
    "AsyncSessionAsyncpg",
    "DjangoMariaDb",
    "DjangoPostgres",
    "Psycopg2",
    "SqliteUtils",
}


def _parameters(at_night: set[str]) -> tuple[Any, ...]:
    """The kinds as parameters of a test: what is on a server needs the mark of it."""
    return tuple(
        pytest.param(
            kind,
            marks=[
                *([] if kind.server is None else [pytest.mark.servers]),
                *([pytest.mark.nightly] if kind.__name__ in at_night else []),
            ],
        )
        for kind in KINDS
    )


HOSTS = _parameters(_ALIKE)
#: One of each kind of database by day, and the others at night.
HOSTS_ONE_EACH = _parameters(
    {kind.__name__ for kind in KINDS} - {"Sqlite3", "Django", "Psycopg", "PyMySqlMariaDb"}
)
HOSTS_AT_LENGTH = _parameters(_ALIKE_AT_LENGTH)
