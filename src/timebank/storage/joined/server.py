"""Join a transaction on a host's connection to an SQL server."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from timebank.errors import BankNotFound, InvalidRequest, StoreError, shown
from timebank.storage.joined.hosts import check_idle, in_mysql_transaction, is_a
from timebank.storage.joined.savepoints import Savepoint
from timebank.storage.protocol import Batch
from timebank.storage.server.dialect import Dialect
from timebank.storage.server.migrations import make_ledger
from timebank.storage.server.rows import SqlReader, SqlWriter, Transaction


class JoinedSqlWriter(SqlWriter):
    """A writer in the host's transaction."""

    _has_appended = False
    _savepoint: Savepoint | None = None

    def keep_to(self, savepoint: Savepoint) -> None:
        """Append only as long as a savepoint is there."""
        self._savepoint = savepoint

    def append(self, batch: Batch) -> None:
        """Implement `Writer.append`."""
        if self._savepoint is not None:
            self._savepoint.check()
        self._has_appended = True
        super().append(batch)

    def is_untouched(self) -> bool:
        """Return whether nothing was appended, and no statement failed."""
        return not self._has_appended and self.failed is None


class ServerConnection:
    """An SQL server, on a host's connection."""

    def __init__(self, connection: Any, dialect: Dialect) -> None:
        self.where = f"the host's {dialect.title} database"
        if why := dialect.unfit(connection):
            msg = f"{self.where} cannot hold a ledger: {why}"
            raise StoreError(msg)
        self.driver = connection
        self._dialect = dialect
        self._transaction = Transaction(dialect.cursor(connection), dialect, self.where)

    @property
    def remains(self) -> tuple[str, ...]:
        """Implement `HostConnection.remains`."""
        return self._dialect.remains

    @contextmanager
    def _asking(self) -> Iterator[Any]:
        """Give the cursor, on which nothing is under way; translate the driver's errors."""
        check_idle(self.driver)
        try:
            yield self._transaction.cursor
        except self._dialect.error as error:
            raise self._transaction.translated(error) from error

    def savepoint(self, name: str) -> None:
        """Implement `HostConnection.savepoint`."""
        with self._asking() as cursor:
            self._dialect.savepoint(cursor, name)

    def release(self, name: str) -> bool:
        """Implement `HostConnection.release`."""
        with self._asking() as cursor:
            return self._dialect.release(cursor, name)

    def undo(self, name: str) -> bool:
        """Implement `HostConnection.undo`."""
        with self._asking() as cursor:
            return self._dialect.undo(cursor, name)

    def mark(self, bank: str) -> object:
        """Implement `HostConnection.mark`."""
        with self._asking() as cursor:
            return self._dialect.mark(cursor, bank)

    def has_savepoint(self, name: str, mark: object) -> bool:
        """Implement `HostConnection.has_savepoint`."""
        with self._asking() as cursor:
            return self._dialect.has_savepoint(cursor, mark)

    def may_have(self, name: str) -> bool:
        """Implement `HostConnection.may_have`, by what the driver knows of the server."""
        info = getattr(self.driver, "info", None)
        if info is not None:
            return bool(info.transaction_status.name == "INTRANS")
        # Without autocommit the next statement is in a transaction whatever became of the last.
        return not self.driver.get_autocommit() or in_mysql_transaction(self.driver)

    def reader(self, bank: str) -> SqlReader:
        """Implement `HostConnection.reader`."""
        if self._dialect.transactional_ddl and not self.has_tables():
            # A statement that fails would end the host's transaction.
            raise BankNotFound(bank, self.where)
        return SqlReader(self._transaction, bank)

    def writer(self, bank: str) -> JoinedSqlWriter:
        """Implement `HostConnection.writer`."""
        return JoinedSqlWriter(self._transaction, bank)

    def give_back(self) -> None:
        """Implement `HostConnection.give_back`: nothing is open between two statements."""

    def has_tables(self) -> bool:
        """Implement `HostConnection.has_tables`."""
        with self._asking() as cursor:
            return self._dialect.has_tables(cursor)

    def make_tables(self) -> None:
        """Implement `HostConnection.make_tables`: part of the transaction on PostgreSQL alone."""
        if not self._dialect.transactional_ddl:
            msg = (
                f"{self.where} has no ledger in it, and to make the tables here would commit the "
                "host's transaction: run `timebank migrate` with the database's URL once"
            )
            raise StoreError(msg)
        with self._asking():
            make_ledger(self._transaction)


def server_connection(driver: Any) -> ServerConnection:
    """Wrap a driver's connection to a server.

    :raises InvalidRequest: a driver that is not known, text that is not UTF-8, or a
        statement that is under way on this thread.
    """
    check_idle(driver)
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
