"""PostgreSQL and MariaDB, on real servers, through the kit that is shipped for everybody's."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar
from unittest import mock

import psycopg
import pymysql
import pytest
import sqlalchemy

from servers import drop_database, new_database
from timebank.errors import (
    Conflict,
    Corrupt,
    StoreBusy,
    StoreError,
    TimebankError,
    Unavailable,
)
from timebank.storage.server.script import script_text
from timebank.storage.server.store import dialect_of
from timebank.storage.tables import TABLES
from timebank.testing import StoreConformance


@pytest.mark.servers
class OnServer(StoreConformance):
    """What both servers declare; a fresh place is a database of its own.

    To go through all steps takes minutes: by day it is some of them, and at night each.
    """

    stride = 17
    random_histories = 3
    guards = True
    traced = True
    translated = True
    adds_up = True
    finds_many = True
    adds_late = True
    surveys = True
    addressed = True
    versioned = True
    sees_schema = True
    finds_own = True
    makes_banks = True
    droppable = True
    server: ClassVar[str]
    cursor: ClassVar[Any]

    @pytest.fixture(autouse=True)
    def databases(self) -> Iterator[None]:
        """The databases that one test made, removed after it."""
        self.made: list[str] = []
        yield
        for url in self.made:
            drop_database(url)

    def new_url(self, folder: Path) -> str:
        """Implement `StoreUnderTest.new_url`."""
        self.made.append(new_database(self.server))
        return self.made[-1]

    @contextmanager
    def statements(self, before: Callable[[str], None]) -> Iterator[None]:
        """Implement `StoreUnderTest.statements`, by the cursor of the driver."""
        real = self.cursor.execute

        def execute(cursor: Any, sql: Any, *rest: Any, **named: Any) -> Any:
            before(str(sql))
            return real(cursor, sql, *rest, **named)

        with mock.patch.object(self.cursor, "execute", execute):
            yield

    def translate(self, error: BaseException) -> TimebankError:
        """Implement `StoreUnderTest.translate`."""
        assert isinstance(error, Exception)
        return dialect_of(self.server).translated(error, "here")

    def tamper(self, url: str, bank: str, sequence: int) -> None:
        """Implement `StoreUnderTest.tamper`."""
        engine = sqlalchemy.create_engine(url)
        try:
            with engine.begin() as connection:
                connection.exec_driver_sql(
                    "UPDATE timebank_records SET body = 'xx' WHERE bank = %s AND sequence = %s",
                    (bank, sequence),
                )
        finally:
            engine.dispose()


class TestPostgreSql(OnServer):
    """Through psycopg."""

    server = "postgresql"
    cursor = psycopg.Cursor

    def driver_errors(self) -> Iterable[tuple[BaseException, type[TimebankError]]]:
        """Implement `StoreUnderTest.driver_errors`, in the classes that the driver raises."""
        return (
            (psycopg.errors.SerializationFailure("it failed"), Conflict),
            (psycopg.errors.DeadlockDetected("it failed"), Conflict),
            (psycopg.errors.UniqueViolation("it failed"), Conflict),
            (psycopg.errors.LockNotAvailable("it failed"), StoreBusy),
            (psycopg.errors.QueryCanceled("it failed"), StoreBusy),
            (psycopg.errors.TooManyConnections("it failed"), Unavailable),
            (psycopg.errors.DiskFull("it failed"), StoreError),
            (psycopg.errors.CheckViolation("it failed"), StoreError),
            (psycopg.errors.DataCorrupted("it failed"), Corrupt),
            (psycopg.OperationalError("the connection is closed"), Unavailable),
        )


@pytest.mark.nightly
class TestPartitioned(TestPostgreSql):
    """With tables that an administrator has made, in partitions by the hash of the bank.

    Every other part is in a schema that is on nobody's path. All steps are tried on these.
    """

    stride = 1
    random_histories = 20

    def new_url(self, folder: Path) -> str:
        """Implement `StoreUnderTest.new_url`."""
        url = super().new_url(folder)
        with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as admin:
            admin.execute(script_text("postgresql", partitions=2))
            admin.execute("CREATE SCHEMA parts")
            for table in TABLES:
                admin.execute(f"ALTER TABLE {table}_p1 SET SCHEMA parts")
        return url


class TestMariaDb(OnServer):
    """Through PyMySQL."""

    server = "mariadb"
    cursor = pymysql.cursors.Cursor

    def driver_errors(self) -> Iterable[tuple[BaseException, type[TimebankError]]]:
        """Implement `StoreUnderTest.driver_errors`, in the classes that the driver raises."""
        return (
            (pymysql.err.OperationalError(1213, "it failed"), Conflict),
            (pymysql.err.IntegrityError(1062, "it failed"), Conflict),
            (pymysql.err.OperationalError(1205, "it failed"), StoreBusy),
            (pymysql.err.OperationalError(1040, "it failed"), Unavailable),
            (pymysql.err.OperationalError(1114, "it failed"), StoreError),
            (pymysql.err.OperationalError(2013, "it failed"), Unavailable),
            (pymysql.err.InternalError(1712, "it failed"), Corrupt),
            (pymysql.err.InterfaceError(), StoreError),
        )


@pytest.mark.nightly
class TestMariaDbAtLength(TestMariaDb):
    """All steps."""

    stride = 1
    random_histories = 20
