"""The hosts that can be joined: how each says that a transaction is open, and its connection.

Nothing is imported here: a host's package is loaded already, by the host. A host is
known by the name of its connection's class.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import lru_cache, partial
from types import FrameType
from typing import Any, Final, Protocol

from timebank.errors import InvalidRequest, TimebankError, shown


class Host(Protocol):
    """Gives the driver's connection, or raises where none can be joined now."""

    def __call__(self, *, looking: bool = False) -> Any:
        """Return the driver's connection.

        With `looking` nothing is begun that is not there yet, and a transaction in which a
        statement failed is one as well, though nothing can be done in it but a rollback.

        :raises InvalidRequest: no transaction is open.
        """


#: The packages whose frames are within a statement on a server.
_DRIVERS: Final = frozenset({"psycopg", "pymysql", "MySQLdb"})
_NO_TRANSACTION: Final = (
    "no transaction is open on the host's connection, so there is none to join: {hint}"
)

#: What to do about it, for each host.
_SQLITE3: Final = 'begin one with connection.execute("BEGIN")'
_SQLITE_UTILS: Final = "begin one, as in `with database.atomic():`"
_PSYCOPG: Final = "the driver is in autocommit; begin one, as in `with connection.transaction():`"
_CONNECTION: Final = "begin one, as in `with connection.begin():`"
_SESSION: Final = "begin one, as in `with session.begin():`"
_DJANGO: Final = "begin one, as in `with transaction.atomic():`"
_AUTOCOMMIT: Final = "the driver is in autocommit"

#: The packages whose errors a host's handle may raise instead of giving its connection.
_PACKAGES: Final = frozenset({"sqlite3", "psycopg", "pymysql", "MySQLdb", "sqlalchemy", "django"})
_CLOSED: Final = "the host's connection is closed"
#: What an error of one of those means, by the name of its class, where its text says little.
_SAID: Final = {
    "PendingRollbackError": "the host's transaction must be rolled back before anything else",
    "UnboundExecutionError": "the host's session has no database of its own (no bind)",
    "ResourceClosedError": _CLOSED,
}


def refused(hint: str) -> InvalidRequest:
    """Return the error for a call outside a transaction, with what to do."""
    return InvalidRequest(_NO_TRANSACTION.format(hint=hint))


def host_of(connection: Any) -> Host:
    """Return a function that gives the driver's connection; each call of the bank asks it.

    :raises InvalidRequest: not a connection of a kind that can be joined.
    """
    for kind in type(connection).__mro__:
        host = _HOSTS.get(f"{kind.__module__}.{kind.__qualname__}")
        if host is not None:
            return partial(_asked, host, connection)
    msg = (
        "what can be joined is a connection of sqlite3, sqlite_utils, psycopg or PyMySQL, a "
        f"SQLAlchemy Connection or Session, or Django's connection, not {shown(connection)}"
    )
    raise InvalidRequest(msg)


def _asked(host: Callable[..., Any], connection: Any, *, looking: bool = False) -> Any:
    """Ask a host for its driver's connection; say what an error of its package means."""
    try:
        return host(connection, looking=looking)
    except TimebankError:
        raise
    except Exception as error:
        packages = {kind.__module__.partition(".")[0] for kind in type(error).__mro__}
        if packages.isdisjoint(_PACKAGES):
            raise
        said = _SAID.get(type(error).__name__)
        if said is None:
            said = _CLOSED if "closed" in str(error) else "the host's connection cannot be joined"
        text = str(error).partition("\n")[0]
        msg = f"{said} ({text})"
        raise InvalidRequest(msg) from error


def is_a(connection: Any, name: str) -> bool:
    """Return whether a class of this full name is among the classes of the connection."""
    return name in _names(type(connection))  # type: ignore[arg-type]  # a class hashes


@lru_cache(maxsize=64)
def _names(kind: type) -> frozenset[str]:
    return frozenset(f"{base.__module__}.{base.__qualname__}" for base in kind.__mro__)


def check_idle(driver: Any) -> None:
    """Check that this thread is not within a statement on a server's connection.

    A signal handler or a `__del__` that runs there would wait for the driver's lock for
    ever, or read the answer to another question. It is told from the frames that run, so
    that there is no mark which an interrupt could leave behind.

    :raises InvalidRequest: it is.
    """
    frame: FrameType | None = sys._getframe(1)  # noqa: SLF001 - there is no other way
    while frame is not None:
        if frame.f_globals.get("__name__", "").partition(".")[0] in _DRIVERS:
            within = frame.f_locals.get("self")
            if within is driver or getattr(within, "connection", None) is driver:
                msg = (
                    "a statement is under way on the host's connection, on this same thread: "
                    "nothing can be called within it, as from a signal handler"
                )
                raise InvalidRequest(msg)
        frame = frame.f_back


def _sqlite3(connection: Any, *, looking: bool = False) -> Any:
    if not connection.in_transaction:
        raise refused(_SQLITE3)
    return connection


def _sqlite_utils(database: Any, *, looking: bool = False) -> Any:
    if not database.conn.in_transaction:
        raise refused(_SQLITE_UTILS)
    return database.conn


def _psycopg(connection: Any, *, looking: bool = False) -> Any:
    """Return the connection; its driver begins by itself, unless it is in autocommit."""
    state = connection.info.transaction_status.name
    if state == "IDLE" and (looking or connection.autocommit):
        raise refused(_PSYCOPG)
    if state == "UNKNOWN":
        raise InvalidRequest(_CLOSED)
    if looking:
        return connection
    if state == "INERROR":
        msg = "a statement failed in the host's transaction: roll it back before anything else"
        raise InvalidRequest(msg)
    if connection.pgconn.pipeline_status:
        msg = (
            "the host's connection is in pipeline mode: nothing can be joined in it, leave it first"
        )
        raise InvalidRequest(msg)
    if state == "ACTIVE":
        msg = (
            "a statement of the host's is under way on its connection, as a COPY or a stream of "
            "rows: end it first"
        )
        raise InvalidRequest(msg)
    return connection


def _sqlalchemy(connection: Any, *, looking: bool = False) -> Any:
    if not connection.in_transaction():
        raise refused(_CONNECTION)
    return _begun(connection.connection.driver_connection, looking=looking)


def _session(session: Any, *, looking: bool = False) -> Any:
    if not session.in_transaction():
        raise refused(_SESSION)
    return _sqlalchemy(session.connection(), looking=looking)


def _scoped_session(registry: Any, *, looking: bool = False) -> Any:
    return _session(registry(), looking=looking)


def _begun(driver: Any, *, looking: bool) -> Any:
    """Return the driver's connection, in a transaction as its host believes it to be.

    SQLAlchemy begins none on SQLite before the first change; a savepoint would then be
    the outermost transaction, and its release a commit. psycopg begins by itself.

    :raises InvalidRequest: the driver commits each statement.
    """
    if is_a(driver, "sqlite3.Connection"):
        if not driver.in_transaction:
            # Since Python 3.12 there is a second way to say so.
            in_autocommit = getattr(driver, "autocommit", None) is True
            if looking or in_autocommit or driver.isolation_level is None:
                raise refused(_AUTOCOMMIT)
            driver.execute("BEGIN")
        return driver
    if is_a(driver, "psycopg.Connection"):
        return _psycopg(driver, looking=looking)
    return _mysql(driver)


def _mysql(driver: Any, *, looking: bool = False) -> Any:
    if not driver.open:
        raise InvalidRequest(_CLOSED)
    # Without autocommit any statement begins one: the driver does not know whether one did.
    if driver.get_autocommit() and not in_mysql_transaction(driver):
        raise refused(_AUTOCOMMIT)
    return driver


def in_mysql_transaction(driver: Any) -> bool:
    """Return what the server says: after an error a driver's own note is of before it."""
    check_idle(driver)
    cursor = driver.cursor()
    try:
        cursor.execute("SELECT @@in_transaction")
        row = cursor.fetchone()
    finally:
        cursor.close()
    (found,) = row.values() if isinstance(row, dict) else row
    return bool(found)


def _django(wrapper: Any, *, looking: bool = False) -> Any:
    if not wrapper.in_atomic_block and (wrapper.connection is None or wrapper.get_autocommit()):
        raise refused(_DJANGO)
    if wrapper.needs_rollback and not looking:
        msg = "a query failed in the host's atomic block: nothing more can be done in it"
        raise InvalidRequest(msg)
    driver = wrapper.connection
    if is_a(driver, "sqlite3.Connection"):
        return _sqlite3(driver)
    if is_a(driver, "psycopg.Connection"):
        return _psycopg(driver, looking=looking)
    return _mysql(driver)


def _django_proxy(proxy: Any, *, looking: bool = False) -> Any:
    wrapper = proxy._connections[proxy._alias]  # noqa: SLF001 - the thread's own connection
    return _django(wrapper, looking=looking)


_HOSTS: Final[dict[str, Callable[..., Any]]] = {
    "sqlite3.Connection": _sqlite3,
    "sqlite_utils.db.Database": _sqlite_utils,
    "psycopg.Connection": _psycopg,
    "pymysql.connections.Connection": _mysql,
    "MySQLdb.connections.Connection": _mysql,
    "sqlalchemy.engine.base.Connection": _sqlalchemy,
    "sqlalchemy.orm.session.Session": _session,
    "sqlalchemy.orm.scoping.scoped_session": _scoped_session,
    "django.db.backends.base.base.BaseDatabaseWrapper": _django,
    "django.utils.connection.ConnectionProxy": _django_proxy,
}
