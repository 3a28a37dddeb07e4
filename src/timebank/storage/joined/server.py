"""Join a transaction on a host's connection to an SQL server."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from timebank.errors import InvalidRequest, StoreError, shown
from timebank.storage.joined.hosts import is_a
from timebank.storage.server.dialect import Dialect
from timebank.storage.server.migrations import make_ledger
from timebank.storage.server.rows import SqlReader, SqlWriter, Transaction


class ServerConnection:
    """An SQL server, on a host's connection."""

    def __init__(self, connection: Any, dialect: Dialect) -> None:
        self.where = f"the host's {dialect.title} database"
        if why := dialect.unfit(connection):
            msg = f"{self.where} cannot hold a ledger: {why}"
            raise StoreError(msg)
        self._dialect, self.remains = dialect, dialect.remains
        self._transaction = Transaction(dialect.cursor(connection), dialect, self.where)

    def run(self, sql: str) -> None:
        """Implement `HostConnection.run`."""
        try:
            self._transaction.cursor.execute(sql)
        except self._dialect.error as error:
            raise self._transaction.translated(error) from error

    @contextmanager
    def reader(self, bank: str) -> Iterator[SqlReader]:
        """Implement `HostConnection.reader`."""
        reader = SqlReader(self._transaction, bank)
        try:
            yield reader
        finally:
            reader.close()

    @contextmanager
    def writer(self, bank: str) -> Iterator[SqlWriter]:
        """Implement `HostConnection.writer`."""
        writer = SqlWriter(self._transaction, bank)
        try:
            writer.lock()
            yield writer
        finally:
            writer.close()
        if writer.failed is not None:
            msg = "a statement failed, so nothing was written"
            raise StoreError(msg) from writer.failed

    def has_tables(self) -> bool:
        """Implement `HostConnection.has_tables`."""
        try:
            return self._dialect.has_tables(self._transaction.cursor)
        except self._dialect.error as error:
            raise self._transaction.translated(error) from error

    def make_tables(self) -> None:
        """Implement `HostConnection.make_tables`: part of the transaction on PostgreSQL alone."""
        if not self._dialect.transactional_ddl:
            msg = (
                f"{self.where} has no ledger in it, and to make the tables here would commit the "
                "host's transaction: run `timebank migrate` with the database's URL once"
            )
            raise StoreError(msg)
        try:
            make_ledger(self._transaction)
        except self._dialect.error as error:
            raise self._transaction.translated(error) from error


def server_connection(driver: Any) -> ServerConnection:
    """Wrap a driver's connection to a server.

    :raises InvalidRequest: a driver that is not known, or text that is not UTF-8.
    """
    if is_a(driver, "psycopg.Connection"):
        from timebank.storage.server.postgres import PostgreSql

        return ServerConnection(driver, PostgreSql())
    package = type(driver).__module__.partition(".")[0]
    if package in ("pymysql", "MySQLdb"):
        from timebank.storage.server.mariadb import MariaDb

        if not driver.character_set_name().startswith("utf8mb4"):
            msg = "the host's connection is not in utf8mb4: the ledger's ids and texts need it"
            raise InvalidRequest(msg)
        return ServerConnection(driver, MariaDb(package))
    msg = f"no database that can be joined: {shown(driver)}"
    raise InvalidRequest(msg)
