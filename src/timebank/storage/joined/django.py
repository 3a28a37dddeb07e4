"""Django's connections: every statement runs through Django's own cursor.

So `connection.queries`, `execute_wrapper` and whatever else a host has put around its queries see
ours too. Django wraps a driver's errors in classes of its own; here they are the driver's again.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from functools import lru_cache, partial
from typing import Any, TypeVar

from timebank.errors import InvalidRequest
from timebank.storage.server.drivers import (
    Driver,
    PostgresDriver,
    Psycopg,
    Psycopg2,
    State,
    Values,
    plain,
)

T = TypeVar("T")
#: What an `except` takes.
ErrorClasses = type[Exception] | tuple[type[Exception], ...]
_BROKEN = "a query failed in the host's atomic block: nothing more can be done in it"


def unwrapped(errors: ErrorClasses, work: Callable[[], T]) -> T:
    """Do work, and raise the driver's error for Django's.

    :raises InvalidRequest: Django lets nothing run in a transaction that must be rolled back.
    """
    # It is loaded: the host's connection is of it.
    wrapped: Any = sys.modules["django.db.utils"].Error
    try:
        return work()
    except wrapped as error:
        found = _meant(error, errors)
        if found is not error:
            # It holds itself, by a frame of Django's, and with it whatever its frames lead to.
            error.__traceback__ = None
    try:
        raise found
    finally:
        del found  # for the same reason


def _meant(error: Exception, errors: ErrorClasses) -> Exception:
    """Return the error to be raised for one of Django's."""
    for cause in (error.__cause__, error.__context__):
        if isinstance(cause, errors):
            return cause
    if any(kind.__name__ == "TransactionManagementError" for kind in type(error).__mro__):
        return InvalidRequest(_BROKEN)
    return error


class DjangoCursor:
    """Runs each statement on a cursor that Django makes for it."""

    def __init__(
        self,
        wrapper: Any,
        errors: ErrorClasses,
        give_types: Callable[[Any], None] = lambda _: None,
    ) -> None:
        self.connection = wrapper
        self._errors = errors
        self._give_types = give_types
        self._cursor: Any = None

    def execute(self, sql: str, values: Values | None = None) -> object:
        """Implement `Cursor.execute`."""
        self._run(lambda cursor: cursor.execute(sql, values))
        return self

    def executemany(self, sql: str, rows: Any) -> object:
        """Implement `Cursor.executemany`."""
        all_of_them = list(rows)
        self._run(lambda cursor: cursor.executemany(sql, all_of_them))
        return self

    def _run(self, work: Callable[[Any], object]) -> None:
        """Do work with a new cursor of Django's, which is closed where it fails.

        An error of Django's keeps it alive, in a cycle. Who collects that may be another thread,
        which would wait for SQLite's lock on this connection while this one waits for that.
        """

        def done() -> None:
            self._cursor = self.connection.cursor()
            try:
                self._give_types(self._cursor.cursor)
                work(self._cursor)
            except BaseException:
                self._cursor.close()
                raise

        unwrapped(self._errors, done)

    @property
    def inner(self) -> Any:
        """Django's cursor of the last statement."""
        return self._cursor

    @property
    def rowcount(self) -> int:
        """The rows that the last statement changed or gave."""
        return int(self._cursor.rowcount)

    def fetchone(self) -> Any:
        """Implement `Cursor.fetchone`."""
        return plain(unwrapped(self._errors, self._cursor.fetchone))

    def fetchmany(self, size: int) -> list[Any]:
        """Return the next rows, as a driver's cursor does."""
        return list(map(plain, unwrapped(self._errors, partial(self._cursor.fetchmany, size))))

    def fetchall(self) -> list[Any]:
        """Implement `Cursor.fetchall`."""
        return list(map(plain, unwrapped(self._errors, self._cursor.fetchall)))

    def close(self) -> None:
        """Let go of the rows that are left."""
        unwrapped(self._errors, self._cursor.close)

    def __iter__(self) -> Iterator[Any]:
        """Yield the rows."""
        return iter(self.fetchall())

    def ending(self, sql: str) -> None:
        """Run what ends a savepoint or a transaction of ours, whatever the host's is in.

        Django lets nothing run where a query failed, and undoes its own savepoints as this does.
        """
        wrapper = self.connection
        noted = wrapper.needs_rollback
        try:
            wrapper.needs_rollback = False
            self.execute(sql)
        finally:
            wrapper.needs_rollback = noted


class DjangoDriver:
    """A driver of a server, through Django; `connection` is Django's wrapper."""

    def __init__(self, driver: Driver) -> None:
        self._driver = driver
        self.error: type[Exception] = driver.error

    def cursor(self, connection: Any) -> Any:
        """Implement `Driver.cursor`."""
        return DjangoCursor(connection, self.error, self._driver.give_types)

    def give_types(self, cursor: Any) -> None:
        """Implement `Driver.give_types`."""
        self._driver.give_types(cursor)

    def run(self, cursor: Any, *statements: str) -> None:
        """Implement `Driver.run`, one by one, for whoever reads the host's log of queries."""
        for statement in statements:
            cursor.ending(statement)

    def end(self, cursor: Any, *, keep: bool) -> None:
        """Implement `Driver.end`: Django's drivers are in autocommit, or the host's."""
        cursor.ending("COMMIT" if keep else "ROLLBACK")

    def hearing(self, connection: Any) -> AbstractContextManager[list[Any]]:
        """Implement `Driver.hearing`."""
        return self._driver.hearing(connection.connection)

    def state(self, connection: Any) -> State:
        """Implement `Driver.state`."""
        inner = connection.connection
        return State.CLOSED if inner is None else self._driver.state(inner)

    def in_autocommit(self, connection: Any) -> bool:
        """Implement `Driver.in_autocommit`."""
        return self._driver.in_autocommit(connection.connection)


class DjangoPostgres(DjangoDriver):
    """PostgreSQL, through Django, on psycopg 3 or psycopg 2."""

    _driver: PostgresDriver

    def __init__(self, driver: Psycopg | Psycopg2) -> None:
        super().__init__(driver)

    def run(self, cursor: Any, *statements: str) -> None:
        """Implement `Driver.run`, in one trip; one by one where a text would be prepared."""
        if self.gives_last(cursor.connection):
            cursor.ending("; ".join(statements))
        else:
            super().run(cursor, *statements)

    def gives_last(self, connection: Any) -> bool:
        """Implement `PostgresDriver.gives_last`: what comes often is prepared by some settings.

        Several statements in one text cannot be.
        """
        return getattr(connection.connection, "prepare_threshold", None) is None

    def to_last(self, cursor: Any) -> None:
        """Implement `PostgresDriver.to_last`."""
        self._driver.to_last(cursor.inner)

    def sqlstate(self, error: Exception) -> str:
        """Implement `PostgresDriver.sqlstate`."""
        return self._driver.sqlstate(error)

    def encodings(self, connection: Any) -> tuple[str, str]:
        """Implement `PostgresDriver.encodings`."""
        return self._driver.encodings(connection.connection)


@lru_cache(maxsize=256)
def marked(sql: str) -> str:
    """Return a statement for SQLite with its values marked as Django marks them."""
    return sql.replace("%", "%%").replace("?", "%s")
