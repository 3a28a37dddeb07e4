"""The drivers of SQLAlchemy's asynchronous engines, within `run_sync`.

SQLAlchemy runs what is given to `run_sync` beside the event loop, and lets it wait there for what
is awaited. Nothing here has a loop or a thread of its own.
"""

from __future__ import annotations

import re
import sqlite3
import sys
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from functools import lru_cache
from importlib import import_module
from itertools import count, islice
from typing import Any, Final, TypeVar

from timebank.errors import InvalidRequest
from timebank.storage.server.drivers import Psycopg, State, Values, is_warning, own_cursor

T = TypeVar("T")

_OUTSIDE: Final = (
    "the host's connection is asynchronous, and a bank on it is called within run_sync: "
    "await session.run_sync(lambda session: timebank.join(session).balance(…))"
)


def wait(awaited: Coroutine[Any, Any, T]) -> T:
    """Wait for what is awaited, as SQLAlchemy's own cursors do.

    :raises InvalidRequest: not within `run_sync`.
    """
    util: Any = sys.modules["sqlalchemy.util"]  # loaded: the host's connection is of it
    try:
        result: T = util.await_only(awaited)
    except Exception as error:
        if type(error).__name__ == "MissingGreenlet":
            awaited.close()
            raise InvalidRequest(_OUTSIDE) from error
        raise
    return result


def unhurried(work: Callable[[], object]) -> None:
    """Do work that awaits, to its end, also where the task is cancelled meanwhile; then say so.

    After a cancelled BEGIN neither asyncpg nor SQLAlchemy would know what the connection is in,
    and it would go back to the pool with that.
    """
    import asyncio  # loaded, as all that awaits

    util: Any = sys.modules["sqlalchemy.util"]

    async def done() -> None:
        task = asyncio.ensure_future(util.greenlet_spawn(work))
        is_cancelled = False
        while not task.done():
            try:
                await asyncio.wait([task])
            except asyncio.CancelledError:
                is_cancelled = True
        if is_cancelled:
            task.exception()  # it is not told: the cancellation is
            raise asyncio.CancelledError
        await task

    wait(done())


class Fetched:
    """The rows of a statement that has run; a cursor that is read where its thread is not."""

    def __init__(self, rows: list[Any], rowcount: int) -> None:
        self._rows = iter(rows)
        self.rowcount = rowcount

    def fetchone(self) -> Any:
        """Return the next row, or `None`."""
        return next(self._rows, None)

    def fetchmany(self, size: int) -> list[Any]:
        """Return the next rows."""
        return list(islice(self._rows, size))

    def fetchall(self) -> list[Any]:
        """Return the rows that are left."""
        return list(self._rows)

    def __iter__(self) -> Iterator[Any]:
        """Yield the rows that are left."""
        return self._rows


# -- PostgreSQL ---------------------------------------------------------------------


class AwaitedCursor(Fetched):
    """A cursor of an asynchronous driver, by a function that runs a statement."""

    def __init__(self, connection: Any, run: Callable[..., tuple[list[Any], int]]) -> None:
        super().__init__([], -1)
        self.connection = connection
        self._run = run

    def execute(self, sql: str, values: Values | None = None, **how: bool) -> object:
        """Implement `Cursor.execute`."""
        rows, self.rowcount = self._run(sql, values, **how)
        self._rows = iter(rows)
        return self

    def executemany(self, sql: str, rows: Any) -> object:
        """Implement `Cursor.executemany`."""
        for values in rows:
            self.execute(sql, values)
        return self


class AsyncPsycopg(Psycopg):
    """psycopg 3's asynchronous connections; `connection` is SQLAlchemy's adapter."""

    def __init__(self) -> None:
        super().__init__()
        self._async_cursor: Any = own_cursor("AsyncCursor")

    def cursor(self, connection: Any) -> Any:
        """Implement `Driver.cursor`."""

        async def asked(
            sql: str, values: Values | None, prepare: bool | None
        ) -> tuple[list[Any], int]:
            cursor = self._async_cursor(connection.driver_connection, row_factory=self._tuple_row)
            await cursor.execute(sql, values, prepare=prepare)
            while cursor.nextset():
                pass
            rows = await cursor.fetchall() if cursor.description else []
            return rows, cursor.rowcount

        return AwaitedCursor(
            connection, lambda sql, values, prepare=None: wait(asked(sql, values, prepare))
        )

    def run(self, cursor: Any, *statements: str) -> None:
        """Implement `Driver.run`, in one trip to the server."""
        cursor.execute("; ".join(statements), prepare=False)

    def to_last(self, cursor: Any) -> None:
        """Implement `PostgresDriver.to_last`: what is awaited are the rows of the last."""

    @contextmanager
    def hearing(self, connection: Any) -> Iterator[list[Any]]:
        """Implement `Driver.hearing`."""
        with super().hearing(connection.driver_connection) as heard:
            yield heard

    def state(self, connection: Any) -> State:
        """Implement `Driver.state`."""
        return super().state(connection.driver_connection)

    def encodings(self, connection: Any) -> tuple[str, str]:
        """Implement `PostgresDriver.encodings`."""
        return super().encodings(connection.driver_connection)


_MARK: Final = re.compile(r"%[s%]")


@lru_cache(maxsize=256)
def numbered(sql: str) -> str:
    """Return a statement with its values marked as PostgreSQL marks them: `$1`, `$2`.

    >>> from timebank.storage.joined.awaited import numbered
    >>> numbered("SELECT %s LIKE 'a%%' OR %s")
    "SELECT $1 LIKE 'a%' OR $2"
    """
    numbers = count(1)
    return _MARK.sub(lambda found: "%" if found[0] == "%%" else f"${next(numbers)}", sql)


class AsyncpgError(Exception):
    """An error of asyncpg's, which has two families of them; it is the cause of this one."""

    def __init__(self, error: BaseException) -> None:
        super().__init__(str(error))
        self.sqlstate: str = getattr(error, "sqlstate", None) or ""


class Asyncpg:
    """asyncpg; `connection` is SQLAlchemy's adapter, and statements run on the driver itself.

    It does not tell whether a statement failed in the transaction: the next one does.
    """

    error: type[Exception] = AsyncpgError

    def __init__(self) -> None:
        package = import_module("asyncpg")
        self._errors = (package.PostgresError, package.InterfaceError)

    def _wait(self, awaited: Coroutine[Any, Any, T]) -> T:
        try:
            return wait(awaited)
        except self._errors as error:
            raise AsyncpgError(error) from error

    def cursor(self, connection: Any) -> Any:
        """Implement `Driver.cursor`."""

        def run(sql: str, values: Values | None) -> tuple[list[Any], int]:
            self._begin(connection)
            asked = sql if values is None else numbered(sql)
            found = self._wait(connection.driver_connection.fetch(asked, *(values or ())))
            return list(map(tuple, found)), len(found)

        return AwaitedCursor(connection, run)

    def give_types(self, cursor: Any) -> None:
        """Implement `Driver.give_types`: Django has no such cursors."""

    def _begin(self, connection: Any) -> None:
        """Let the adapter begin the host's transaction, as at each first statement."""
        if not connection.driver_connection.is_in_transaction() and not connection.autocommit:
            cursor = connection.cursor()
            # No query: what is read is yet to come.
            unhurried(lambda: cursor.execute("SHOW transaction_isolation"))
            cursor.close()

    def run(self, cursor: Any, *statements: str) -> None:
        """Implement `Driver.run`, in one trip to the server."""
        self._begin(cursor.connection)
        self._wait(cursor.connection.driver_connection.execute("; ".join(statements)))

    def end(self, cursor: Any, *, keep: bool) -> None:
        """Implement `Driver.end`: the adapter notes what it began by itself."""
        connection = cursor.connection
        if connection.autocommit:
            unhurried(lambda: self.run(cursor, "COMMIT" if keep else "ROLLBACK"))
        else:
            unhurried(connection.commit if keep else connection.rollback)

    @contextmanager
    def hearing(self, connection: Any) -> Iterator[list[Any]]:
        """Implement `Driver.hearing`: a listener is called before what is awaited goes on."""
        heard: list[Any] = []

        def hear(_: object, said: Any) -> None:
            if is_warning(said.severity_en, said.sqlstate):
                heard.append(said.message)

        driver = connection.driver_connection
        driver.add_log_listener(hear)
        try:
            yield heard
        finally:
            driver.remove_log_listener(hear)

    def state(self, connection: Any) -> State:
        """Implement `Driver.state`."""
        driver = connection.driver_connection
        if driver.is_closed():
            return State.CLOSED
        return State.OPEN if driver.is_in_transaction() else State.IDLE

    def in_autocommit(self, connection: Any) -> bool:
        """Implement `Driver.in_autocommit`."""
        return bool(connection.autocommit)

    def gives_last(self, connection: Any) -> bool:
        """Implement `PostgresDriver.gives_last`: of several statements it tells no rows."""
        return False

    def to_last(self, cursor: Any) -> None:
        """Implement `PostgresDriver.to_last`."""

    def sqlstate(self, error: Exception) -> str:
        """Implement `PostgresDriver.sqlstate`."""
        return error.sqlstate if isinstance(error, AsyncpgError) else ""

    def encodings(self, connection: Any) -> tuple[str, str]:
        """Implement `PostgresDriver.encodings`: the driver speaks UTF-8 alone."""
        settings = connection.driver_connection.get_settings()
        return str(settings.server_encoding), "UTF8"


# -- SQLite -------------------------------------------------------------------------


def check_thread(connection: Any) -> None:
    """Check that a function can be run on the thread of an aiosqlite connection.

    :raises InvalidRequest: not with this version of aiosqlite.
    """
    if not (hasattr(connection, "_execute") and hasattr(type(connection), "_conn")):
        msg = (
            "this version of aiosqlite shows no way to its own thread, so that its connections "
            "cannot be joined: join one of sqlite3 in a thread (asyncio.to_thread)"
        )
        raise InvalidRequest(msg)


class ThreadOfConnection:
    """The thread of an aiosqlite connection, on which alone its SQLite connection may be used."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    def connection(self) -> sqlite3.Connection:
        """Return the SQLite connection.

        :raises InvalidRequest: it is closed.
        """
        try:
            found: sqlite3.Connection = self._connection._conn  # noqa: SLF001 - it shows no other
        except ValueError as error:
            msg = "the host's connection is closed"
            raise InvalidRequest(msg) from error
        return found

    def run(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Return what a function returns that is given the connection, on its thread.

        Its error is raised here: the thread, and what is awaited, keep theirs for a while, and
        with it all that its traceback leads to.
        """
        results: list[T] = []
        errors: list[Exception] = []

        def do(connection: sqlite3.Connection) -> None:
            try:
                results.append(work(connection))
            except Exception as error:  # noqa: BLE001 - it is raised where the call came from
                errors.append(error)

        done: Coroutine[Any, Any, None] = self._connection._execute(do, self.connection())  # noqa: SLF001 - the one way to its thread
        wait(done)
        if errors:
            raise errors.pop()
        return results.pop()
