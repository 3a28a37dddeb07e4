"""PostgreSQL and MariaDB, on real servers, through the kit that is shipped for everybody's."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar
from unittest import mock

import psycopg
import pymysql
import pytest
import sqlalchemy

from servers import drop_database, new_database
from timebank.testing import StoreConformance


class OnServer(StoreConformance):
    """What both servers declare; a fresh place is a database of its own."""

    guards = True
    traced = True
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
        """As `StorePlace.new_url`."""
        self.made.append(new_database(self.server))
        return self.made[-1]

    @contextmanager
    def statements(self, before: Callable[[str], None]) -> Iterator[None]:
        """As `StorePlace.statements`, by the cursor of the driver."""
        real = self.cursor.execute

        def execute(cursor: Any, sql: Any, *rest: Any, **named: Any) -> Any:
            before(str(sql))
            return real(cursor, sql, *rest, **named)

        with mock.patch.object(self.cursor, "execute", execute):
            yield

    def tamper(self, url: str, bank: str, sequence: int) -> None:
        """As `StorePlace.tamper`."""
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


class TestMariaDb(OnServer):
    """Through PyMySQL."""

    server = "mariadb"
    cursor = pymysql.cursors.Cursor
