"""Join a transaction on a host's connection to an SQL server."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from timebank.errors import BankNotFound, InvalidRequest, Retryable, StoreError, TimebankError
from timebank.model import Head
from timebank.storage.joined.drivers import check_idle
from timebank.storage.joined.savepoints import Savepoint
from timebank.storage.protocol import Batch
from timebank.storage.server.dialect import CallQuestions, Dialect, Question
from timebank.storage.server.drivers import Driver, MySql, PostgresDriver, State
from timebank.storage.server.mariadb import MariaDb
from timebank.storage.server.migrations import applied_in, check_reader, half_made, make_ledger
from timebank.storage.server.postgres import PostgreSql
from timebank.storage.server.rows import SqlReader, Transaction
from timebank.storage.server.schema import tables
from timebank.storage.server.trips import LastWriter
from timebank.storage.tables import HEAD


@contextmanager
def _hinting(dialect: Dialect, kind: type[TimebankError] = StoreError) -> Iterator[None]:
    """Say which extra to install where a package is missing that the host does not need."""
    try:
        yield
    except ImportError as error:
        extra = "postgres" if dialect.name == "postgresql" else dialect.name
        why = str(error).partition("\n")[0]
        msg = (
            "to make or check the ledger's tables needs an extra: "
            f"pip install 'timebank[{extra}]' ({why})"
        )
        raise kind(msg) from error


class JoinedSqlReader(SqlReader):
    """A reader in the host's transaction."""

    def check_version(self) -> None:
        """Implement `KnowsVersion.check_version`: an audit begins with it.

        :raises InvalidRequest: a package that an audit needs is missing, which is no damage.
        """
        with _hinting(self.transaction().dialect, InvalidRequest):
            tables()
        super().check_version()


class JoinedSqlWriter(LastWriter):
    """A writer in the host's transaction."""

    _has_appended = False
    _savepoint: Savepoint | None = None

    def took_lock(self, head: tuple[Any, ...] | None) -> None:
        """Take note of the head that was read behind the lock, unless there is none."""
        if head is not None:
            self._head = Head(*self._made(HEAD, head))

    def check_bank(self) -> None:
        """Implement `JoinedWriter.check_bank`: its head was read behind the lock."""
        self.head()

    def keep_to(self, savepoint: Savepoint) -> None:
        """Append only as long as a savepoint is there."""
        self._savepoint = savepoint

    def append(self, batch: Batch) -> None:
        """Implement `Writer.append`."""
        self._check()
        super().append(batch)

    def append_last(self, batch: Batch) -> None:
        """Implement `AppendsLast.append_last`."""
        self._check()
        super().append_last(batch)

    def _check(self) -> None:
        if self._savepoint is not None:
            self._savepoint.check()
        self._has_appended = True

    def last(self) -> str | None:
        """Implement `JoinedWriter.last`."""
        return None if self._last is None else self._last[2]

    def is_untouched(self) -> bool:
        """Return whether nothing was appended, and no statement failed."""
        return not self._has_appended and self.failed is None


class ServerConnection:
    """An SQL server, on a host's connection; `connection` is what the driver's methods take."""

    locks_first = False

    def __init__(self, driver: Any, connection: Any, dialect: Dialect) -> None:
        self.where = f"the host's {dialect.title} database"
        if why := dialect.unfit(connection):
            msg = f"{self.where} cannot hold a ledger: {why}"
            raise StoreError(msg)
        self.driver = driver
        self._connection = connection
        self._dialect = dialect
        self._transaction = Transaction(
            dialect.cursor(connection), dialect, self.where, is_hosts=True
        )
        self._is_making = False

    @property
    def remains(self) -> tuple[str, ...]:
        """Implement `HostConnection.remains`."""
        return self._dialect.remains

    @contextmanager
    def _asking(self, bank: str | None = None) -> Iterator[Any]:
        """Give the cursor, on which nothing is under way; translate the driver's errors.

        :raises BankNotFound: a bank is asked about, and there are no tables.
        """
        check_idle(self.driver)
        try:
            yield self._transaction.cursor
        except self._dialect.error as error:
            if bank is not None and self._dialect.no_table(error):
                raise BankNotFound(bank, self.where) from error
            raise self._transaction.translated(error) from error

    def savepoint(self, name: str) -> None:
        """Implement `HostConnection.savepoint`."""
        with self._asking() as cursor:
            self._dialect.savepoint(cursor, name)

    def begin_call(
        self, name: str, bank: str, id: str | None, within: tuple[str, object] | None = None
    ) -> JoinedSqlWriter | None:
        """Implement `HostConnection.begin_call`."""
        mark = None if within is None else within[1]
        transaction = self._transaction
        with self._asking(bank) as cursor:
            found = self._dialect.begin_call(cursor, name, CallQuestions(bank, id, mark))
        if found is None:
            return None
        answers: dict[Question, list[tuple[Any, ...]]] = {}
        if found.is_free:
            answers[self._dialect.writing.find, (bank, id)] = []
        writer = JoinedSqlWriter(transaction, bank, answers)
        writer.took_lock(found.head)
        return writer

    def release(self, name: str, append: str | None = None) -> bool:
        """Implement `HostConnection.release`."""
        with self._asking() as cursor:
            return self._dialect.release(cursor, name, append)

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
        driver = self._dialect.driver
        if isinstance(self._dialect, MariaDb):
            # Without autocommit the next statement is in a transaction whatever became of the last.
            return not driver.in_autocommit(self._connection) or self._is_in_transaction()
        return driver.state(self._connection) is State.OPEN

    def _is_in_transaction(self) -> bool:
        with self._asking() as cursor:
            return MariaDb.in_transaction(cursor)

    def reader(self, bank: str) -> JoinedSqlReader:
        """Implement `HostConnection.reader`."""
        if self._dialect.transactional_ddl and not self.has_tables():
            # A statement that fails would end the host's transaction.
            raise BankNotFound(bank, self.where)
        return JoinedSqlReader(self._transaction, bank)

    def writer(self, bank: str) -> JoinedSqlWriter:
        """Implement `HostConnection.writer`."""
        return JoinedSqlWriter(self._transaction, bank)

    def give_back(self) -> None:
        """Implement `HostConnection.give_back`: nothing is open between two statements."""

    def has_tables(self) -> bool:
        """Implement `HostConnection.has_tables`."""
        with self._asking() as cursor:
            return self._dialect.has_tables(cursor)

    def begin_reading(self) -> None:
        """Implement `HostConnection.begin_reading`: where the driver begins, that is the first."""
        with self._asking() as cursor:
            if self._dialect.driver.in_autocommit(self._connection) or isinstance(
                self._dialect, MariaDb
            ):
                self._dialect.begin_reading(cursor)
            else:
                cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")

    def begin_making(self) -> None:
        """Implement `HostConnection.begin_making`."""
        self._is_making = True
        if self._dialect.driver.in_autocommit(self._connection):
            with self._asking() as cursor:
                self._dialect.begin_writing(cursor)

    def end(self, *, keep: bool) -> None:
        """Implement `HostConnection.end`; of what was made it is told whether it was kept.

        :raises OutcomeUnknown: that is not known.
        """
        is_made, self._is_making = self._is_making and keep, False
        if is_made:
            check_idle(self.driver)
            self._transaction.end(self._kept)
            return
        with self._asking() as cursor:
            self._dialect.driver.end(cursor, keep=keep)

    def _kept(self) -> bool | None:
        """Commit, and return what `Dialect.commit` does, by what each driver tells."""
        driver = self._dialect.driver
        if driver.state(self._connection) is State.FAILED:
            driver.end(self._transaction.cursor, keep=True)
            return False
        with driver.hearing(self._connection) as warned:
            driver.end(self._transaction.cursor, keep=True)
        return None if warned else True

    def check_version(self) -> bool:
        """Implement `HostConnection.check_version`.

        Of tables that lack a column it is told by an error, which PostgreSQL would have the
        host's transaction suffer for.
        """
        if not self.has_tables():
            return False
        if not self._dialect.transactional_ddl:
            check_reader(self._transaction)
            return True
        savepoint = Savepoint(self)
        try:
            savepoint.begin()
            check_reader(self._transaction)
        finally:
            savepoint.drop()
        return True

    def make_tables(self) -> None:
        """Implement `HostConnection.make_tables`: part of the transaction on PostgreSQL alone."""
        if not self._dialect.transactional_ddl:
            msg = (
                f"{self.where} has no ledger in it, and to make the tables here would commit the "
                "host's transaction: run `manage.py migrate` in a Django site, or "
                "`timebank migrate` with the database's URL once, or "
                "timebank.migrate_store(connection) while no transaction is open"
            )
            raise StoreError(msg)
        self.migrate()

    def migrates_alone(self, *, is_told: bool) -> bool:
        """Implement `HostConnection.migrates_alone`: MariaDB commits at each table."""
        if self._dialect.transactional_ddl:
            return False
        if is_told or self._is_in_transaction():
            msg = (
                f"{self.where} would commit the transaction that is open at each table that is "
                "made: call migrate_store while none is open"
            )
            raise InvalidRequest(msg)
        return True

    def migrate(self) -> list[str]:
        """Implement `HostConnection.migrate`."""
        applied_in(self._transaction)  # refuses tables of another version
        try:
            with (
                _hinting(self._dialect),
                self._asking() as cursor,
                self._dialect.making_tables(cursor),
            ):
                # Another may have made them while this one waited.
                return make_ledger(self._transaction, applied_in(self._transaction) or set())
        except Retryable as error:
            raise half_made(self._dialect, error) from error.__cause__


def postgres_connection(driver: Any, connection: Any, package: PostgresDriver) -> ServerConnection:
    """Return a host's connection to PostgreSQL.

    :raises InvalidRequest: a statement is under way on this thread.
    :raises StoreError: the database cannot hold a ledger.
    """
    check_idle(driver)
    return ServerConnection(driver, connection, PostgreSql(package))


def mysql_connection(driver: Any, connection: Any, package: Driver) -> ServerConnection:
    """Return a host's connection to MariaDB.

    :raises InvalidRequest: text that is not UTF-8, types of the host's own, or a statement is under
        way on this thread.
    """
    check_idle(driver)
    if not driver.character_set_name().startswith("utf8mb4"):
        msg = "the host's connection is not in utf8mb4: the ledger's ids and texts need it"
        raise InvalidRequest(msg)
    if not MySql.has_own_types(driver):
        msg = (
            "the host's connection gives numbers or text in types of its own (conv or use_unicode "
            "of PyMySQL), in which the ledger would be misread: join one without"
        )
        raise InvalidRequest(msg)
    return ServerConnection(driver, connection, MariaDb(package))


def in_mysql_transaction(driver: Any, connection: Any, package: Driver) -> bool:
    """Return whether the server says that a transaction is open.

    :raises InvalidRequest: a statement is under way on this thread.
    """
    check_idle(driver)
    return MariaDb.in_transaction(package.cursor(connection))
