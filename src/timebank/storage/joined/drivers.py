"""Which driver a connection of a host's is of, by the names of its classes."""

from __future__ import annotations

import sys
from functools import lru_cache, partial
from types import FrameType
from typing import TYPE_CHECKING, Any, Final

from timebank.errors import InvalidRequest
from timebank.storage.joined.links import CLOSED, Link, MySqlLink, PostgresLink, SqliteLink
from timebank.storage.joined.refusals import no_driver

if TYPE_CHECKING:
    from timebank.storage.joined.sqlite import SqliteRows

#: The packages whose frames are within a statement on a server.
_DRIVERS: Final = frozenset({"psycopg", "pymysql", "MySQLdb"})
_PACKAGES_OF_MYSQL: Final = ("pymysql", "MySQLdb")


def names_of(connection: Any) -> tuple[str, ...]:
    """Return the full names of the classes of a connection, its own first."""
    return _names(type(connection))  # type: ignore[arg-type]  # a class hashes


@lru_cache(maxsize=64)
def _names(kind: type) -> tuple[str, ...]:
    return tuple(f"{base.__module__}.{base.__qualname__}" for base in kind.__mro__)


def is_a(connection: Any, name: str) -> bool:
    """Return whether a class of this full name is among the classes of the connection."""
    return name in names_of(connection)


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


def link_to(connection: Any) -> Link:
    """Return the link to a driver's connection, or to an adapter of SQLAlchemy's.

    :raises InvalidRequest: a driver that cannot be joined, or a closed connection.
    """
    names = names_of(connection)
    if "sqlite3.Connection" in names:
        return SqliteLink(connection, partial(_plain_rows, connection))
    if "psycopg.Connection" in names:
        from timebank.storage.server.drivers import Psycopg

        return PostgresLink(connection, connection, Psycopg())
    if "psycopg2.extensions.connection" in names:
        from timebank.storage.server.drivers import Psycopg2

        return PostgresLink(connection, connection, Psycopg2())
    for package in _PACKAGES_OF_MYSQL:
        if f"{package}.connections.Connection" in names:
            from timebank.storage.server.drivers import MySql

            return MySqlLink(connection, connection, MySql(package))
    adapted = getattr(connection, "driver_connection", None)
    if adapted is not None:
        return _link_to_adapted(connection, adapted)
    if connection is None:
        raise InvalidRequest(CLOSED)
    raise InvalidRequest(no_driver(connection))


def _plain_rows(connection: Any) -> SqliteRows:
    from timebank.storage.joined.sqlite import PlainRows

    return PlainRows(connection)


def _awaited_rows(connection: Any) -> SqliteRows:
    from timebank.storage.joined.sqlite import AwaitedRows

    return AwaitedRows(connection)


def _django_rows(wrapper: Any) -> SqliteRows:
    from timebank.storage.joined.sqlite import DjangoRows

    return DjangoRows(wrapper)


def _link_to_adapted(adapter: Any, connection: Any) -> Link:
    """Return the link to what SQLAlchemy has made of an asynchronous driver's connection.

    :raises InvalidRequest: it cannot be joined.
    """
    names = names_of(connection)
    if "psycopg.AsyncConnection" in names:
        from timebank.storage.joined.awaited import AsyncPsycopg

        return PostgresLink(connection, adapter, AsyncPsycopg())
    if "asyncpg.connection.Connection" in names:
        from timebank.storage.joined.awaited import Asyncpg

        return PostgresLink(connection, adapter, Asyncpg())
    if "aiosqlite.core.Connection" in names:
        from timebank.storage.joined.awaited import check_thread

        check_thread(connection)
        return SqliteLink(connection, partial(_awaited_rows, connection))
    raise InvalidRequest(no_driver(connection))


def link_to_django(wrapper: Any) -> Link:
    """Return the link to Django's connection, which is open.

    :raises InvalidRequest: it is of a database that cannot be joined.
    """
    connection = wrapper.connection
    names = names_of(connection)
    if "sqlite3.Connection" in names:
        return SqliteLink(connection, partial(_django_rows, wrapper))
    from timebank.storage.joined.django import DjangoDriver, DjangoPostgres
    from timebank.storage.server.drivers import MySql, Psycopg, Psycopg2

    if "psycopg.Connection" in names:
        return PostgresLink(connection, wrapper, DjangoPostgres(Psycopg()))
    if "psycopg2.extensions.connection" in names:
        return PostgresLink(connection, wrapper, DjangoPostgres(Psycopg2()))
    for package in _PACKAGES_OF_MYSQL:
        if f"{package}.connections.Connection" in names:
            return MySqlLink(connection, wrapper, DjangoDriver(MySql(package)))
    raise InvalidRequest(no_driver(connection))
