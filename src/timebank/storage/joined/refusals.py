"""What cannot be joined, and what to give instead, each in a sentence."""

from __future__ import annotations

from typing import Any, Final

from timebank.errors import shown

_CAN: Final = (
    "what can be joined is a connection of sqlite3, sqlite_utils, psycopg, psycopg2, PyMySQL or "
    "mysqlclient, a SQLAlchemy Connection or Session on one of them or on aiosqlite, or Django's "
    "connection"
)
_DRIVERS: Final = (
    "SQLite is joined through sqlite3 or aiosqlite, PostgreSQL through psycopg, psycopg2 or "
    "asyncpg, MariaDB through PyMySQL or mysqlclient"
)
_RUN_SYNC: Final = (
    "{what} is asynchronous: within it, "
    "await {name}.run_sync(lambda {inner}: timebank.join({inner}).balance(…))"
)
_OF_POOL: Final = (
    "{what} is no connection: take one from it for your transaction, and join that connection"
)
_OF_ASYNC: Final = (
    "{what} is asynchronous, and so are its calls: let a SQLAlchemy async engine have the "
    "connection (create_async_engine), and join within `await connection.run_sync(…)`; "
    "or join a connection of a synchronous driver in a thread (asyncio.to_thread)"
)
_OF_MARIADB: Final = (
    "asynchronous drivers of MariaDB cannot be joined: join a connection of PyMySQL in a thread "
    "(asyncio.to_thread)"
)
_OF_CURSOR: Final = "{what} is a cursor: join the connection that it is of"

#: By the full name of a class, or by its package and a dot: what is said of it.
_SAID: Final = {
    "sqlalchemy.ext.asyncio.session.AsyncSession": _RUN_SYNC.format(
        what="an AsyncSession", name="session", inner="session"
    ),
    "sqlalchemy.ext.asyncio.scoping.async_scoped_session": _RUN_SYNC.format(
        what="an async_scoped_session", name="session", inner="session"
    ),
    "sqlalchemy.ext.asyncio.engine.AsyncConnection": _RUN_SYNC.format(
        what="an AsyncConnection", name="connection", inner="connection"
    ),
    "sqlalchemy.ext.asyncio.engine.AsyncEngine": (
        "an AsyncEngine is no connection: open one, async with engine.begin() as connection, and "
        "await connection.run_sync(lambda connection: timebank.join(connection).balance(…))"
    ),
    "sqlalchemy.ext.asyncio.session.async_sessionmaker": (
        "an async_sessionmaker makes sessions and is none: async with it() as session, and "
        "await session.run_sync(lambda session: timebank.join(session).balance(…))"
    ),
    "sqlalchemy.engine.base.Engine": (
        "an Engine is no connection: join the Connection of your transaction, "
        "with engine.begin() as connection"
    ),
    "sqlalchemy.orm.session.sessionmaker": (
        "a sessionmaker makes sessions and is none: join the Session of your transaction"
    ),
    "sqlalchemy.pool.base._ConnectionFairy": (
        "a connection of SQLAlchemy's pool is joined by its driver's: give its driver_connection, "
        "or a Connection of the Engine"
    ),
    "django.db.utils.ConnectionHandler": (
        "Django's connections are several: give one, as django.db.connection or "
        "connections['default']"
    ),
    "psycopg.AsyncConnection": _OF_ASYNC.format(what="an AsyncConnection of psycopg"),
    "asyncpg.connection.Connection": _OF_ASYNC.format(what="a connection of asyncpg"),
    "asyncpg.pool.PoolConnectionProxy": _OF_ASYNC.format(what="a connection of asyncpg"),
    "aiosqlite.core.Connection": _OF_ASYNC.format(what="a connection of aiosqlite"),
    "aiomysql.": _OF_MARIADB,
    "asyncmy.": _OF_MARIADB,
    "psycopg_pool.": _OF_POOL.format(what="a pool of psycopg"),
    "psycopg2.pool.": _OF_POOL.format(what="a pool of psycopg2"),
    "asyncpg.pool.Pool": _OF_POOL.format(what="a pool of asyncpg"),
    "sqlalchemy.pool.": _OF_POOL.format(what="a pool of SQLAlchemy"),
    "sqlite3.Cursor": _OF_CURSOR.format(what="this"),
    "psycopg.Cursor": _OF_CURSOR.format(what="this"),
    "psycopg.AsyncCursor": _OF_CURSOR.format(what="this"),
    "psycopg2.extensions.cursor": _OF_CURSOR.format(what="this"),
    "pymysql.cursors.Cursor": _OF_CURSOR.format(what="this"),
    "MySQLdb.cursors.BaseCursor": _OF_CURSOR.format(what="this"),
    "django.db.backends.utils.CursorWrapper": _OF_CURSOR.format(what="this"),
}


def why_not(connection: Any) -> str:
    """Return why something that is no host cannot be joined, and what can."""
    for kind in type(connection).__mro__:
        name = f"{kind.__module__}.{kind.__qualname__}"
        for known, said in _SAID.items():
            if name == known or (known.endswith(".") and name.startswith(known)):
                return said
    if isinstance(connection, str):
        return f"a URL is not joined but opened, as timebank.open(url); {_CAN}"
    return f"{_CAN}, not {shown(connection)}"


def no_driver(connection: Any) -> str:
    """Return why a host's connection cannot be joined: it is of a driver that is not known here."""
    package = type(connection).__module__.partition(".")[0]
    package = {"mysql": "mysql.connector"}.get(package, package)
    return f"the host's connection is of {package}, which cannot be joined: {_DRIVERS}"
