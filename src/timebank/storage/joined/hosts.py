"""The hosts that can be joined: how each says that a transaction is open, and its connection.

Nothing is imported here: a host's package is loaded already, by the host. A host is
known by the name of its connection's class.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, Protocol

import attrs

from timebank.errors import InvalidRequest, TimebankError
from timebank.storage.joined.drivers import is_a, link_to, link_to_django, names_of
from timebank.storage.joined.links import CLOSED, Link, refused
from timebank.storage.joined.refusals import why_not


@attrs.frozen
class Lent:
    """A link to read by, and whether a transaction of our own is needed for it."""

    link: Link
    is_own: bool
    #: Whether the host, apart from its driver, says that a transaction is open.
    is_told: bool = False
    #: Gives back what was borrowed for this call alone.
    give_back: Callable[[], object] | None = None


class Host(Protocol):
    """What somebody joins with. Each call asks it anew."""

    def writing(self, *, looking: bool = False) -> Link:
        """Return the link, in the transaction that is open: see `Link.check_open`.

        :raises InvalidRequest: none is.
        """

    def reading(self) -> Lent:
        """Return the link to read by, in the transaction that is open or in none.

        :raises InvalidRequest: nothing can be asked now.
        """


#: What to do about it, for each host.
_HINTS: Final = {
    "sqlite3.Connection": 'begin one with connection.execute("BEGIN")',
    "psycopg.Connection": (
        "the driver is in autocommit; begin one, as in `with connection.transaction():`"
    ),
}
_SQLITE_UTILS: Final = "begin one, as in `with database.atomic():`"
_CONNECTION: Final = "begin one, as in `with connection.begin():`"
_SESSION: Final = "begin one, as in `with session.begin():`"
_DJANGO: Final = "begin one, as in `with transaction.atomic():`"
_AUTOCOMMIT: Final = "the driver is in autocommit"

#: The packages whose errors a host's handle may raise instead of giving its connection.
_PACKAGES: Final = frozenset(
    {"sqlite3", "psycopg", "psycopg2", "asyncpg", "pymysql", "MySQLdb", "sqlalchemy", "django"}
)
#: What an error of one of those means, by the name of its class, where its text says little.
_SAID: Final = {
    "PendingRollbackError": "the host's transaction must be rolled back before anything else",
    "UnboundExecutionError": "the host's session has no database of its own (no bind)",
    "ResourceClosedError": CLOSED,
    "MissingGreenlet": "the host's connection is asynchronous: call the bank within run_sync",
}


def host_of(connection: Any) -> Host:
    """Return what gives the driver's connection; each call of the bank asks it.

    :raises InvalidRequest: not a connection of a kind that can be joined.
    """
    for name in names_of(connection):
        make = _HOSTS.get(name)
        if make is not None:
            return _Asked(make(connection))
    raise InvalidRequest(why_not(connection))


class _Asked:
    """A host, of whose package's errors it is said what they mean."""

    def __init__(self, host: Host) -> None:
        self._host = host

    def writing(self, *, looking: bool = False) -> Link:
        """Implement `Host.writing`."""
        try:
            return self._host.writing(looking=looking)
        except TimebankError:
            raise
        except Exception as error:
            raise _told(error) from error

    def reading(self) -> Lent:
        """Implement `Host.reading`."""
        try:
            return self._host.reading()
        except TimebankError:
            raise
        except Exception as error:
            raise _told(error) from error


def _told(error: Exception) -> Exception:
    """Return what an error of a host's package means; another error as it is."""
    packages = {kind.__module__.partition(".")[0] for kind in type(error).__mro__}
    if packages.isdisjoint(_PACKAGES):
        raise error
    said = _SAID.get(type(error).__name__)
    if said is None:
        said = CLOSED if "closed" in str(error) else "the host's connection cannot be joined"
    text = str(error).partition("\n")[0]
    return InvalidRequest(f"{said} ({text})")


class _Driver:
    """A driver's own connection, as of sqlite3, psycopg or PyMySQL."""

    _link: Link | None = None

    def __init__(self, connection: Any) -> None:
        self._connection = connection
        names = names_of(connection)
        self._hint = next((_HINTS[name] for name in names if name in _HINTS), _AUTOCOMMIT)

    def writing(self, *, looking: bool = False) -> Link:
        """Implement `Host.writing`: it is the same connection each time."""
        link = self._link
        if link is None:
            link = self._link = link_to(self._connection)
        link.check_open(self._hint, looking=looking)
        return link

    def reading(self) -> Lent:
        """Implement `Host.reading`; what begins by itself begins the host's own."""
        link = link_to(self._connection)
        on_sqlite = is_a(self._connection, "sqlite3.Connection")  # which does so before changes
        is_own = (on_sqlite or not link.begins_by_itself()) and not link.is_open()
        if not is_own:
            link.check_open(self._hint)
        return Lent(link, is_own)


class _SqliteUtils:
    """A `Database` of sqlite-utils."""

    def __init__(self, database: Any) -> None:
        self._database = database

    def writing(self, *, looking: bool = False) -> Link:
        """Implement `Host.writing`."""
        link = link_to(self._database.conn)
        link.check_open(_SQLITE_UTILS, looking=looking)
        return link

    def reading(self) -> Lent:
        """Implement `Host.reading`."""
        return _Driver(self._database.conn).reading()


class _Connection:
    """SQLAlchemy's `Connection`."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    def writing(self, *, looking: bool = False) -> Link:
        """Implement `Host.writing`."""
        if not self._connection.in_transaction():
            raise refused(_CONNECTION)
        link = self._link()
        link.begin_for(_AUTOCOMMIT, looking=looking)
        return link

    def _link(self) -> Link:
        return link_to(self._connection.connection.dbapi_connection)

    def reading(self) -> Lent:
        """Implement `Host.reading`."""
        link = self._link()
        if self._connection.in_transaction() and link.begins_by_itself():
            link.begin_for(_AUTOCOMMIT)
            return Lent(link, is_own=False, is_told=True)
        return Lent(link, is_own=not link.is_open())


class _Session:
    """SQLAlchemy's `Session`; a `scoped_session` gives that of the thread."""

    def __init__(self, find: Callable[[], Any]) -> None:
        self._find = find

    def writing(self, *, looking: bool = False) -> Link:
        """Implement `Host.writing`."""
        session = self._find()
        if not session.in_transaction():
            raise refused(_SESSION)
        return _Connection(session.connection()).writing(looking=looking)

    def reading(self) -> Lent:
        """Implement `Host.reading`: where the session has begun nothing, it begins nothing."""
        session = self._find()
        if session.in_transaction():
            return _Connection(session.connection()).reading()
        bind = session.get_bind()
        if not hasattr(bind, "raw_connection"):  # it is a connection, and no engine
            return _Connection(bind).reading()
        connection = bind.connect()
        try:
            return attrs.evolve(_Connection(connection).reading(), give_back=connection.close)
        except BaseException:
            connection.close()
            raise


class _Django:
    """Django's connection of a thread, by a function that finds it."""

    def __init__(self, find: Callable[[], Any]) -> None:
        self._find = find

    def writing(self, *, looking: bool = False) -> Link:
        """Implement `Host.writing`."""
        wrapper = self._find()
        if wrapper.connection is None or not self._is_begun(wrapper):
            raise refused(_DJANGO)
        if not looking:
            self._check(wrapper)
        link = link_to_django(wrapper)
        link.check_open(_DJANGO, looking=looking)
        return link

    @staticmethod
    def _is_begun(wrapper: Any) -> bool:
        return bool(wrapper.in_atomic_block or not wrapper.get_autocommit())

    @staticmethod
    def _check(wrapper: Any) -> None:
        if wrapper.needs_rollback:
            msg = "a query failed in the host's atomic block: nothing more can be done in it"
            raise InvalidRequest(msg)

    def reading(self) -> Lent:
        """Implement `Host.reading`."""
        wrapper = self._find()
        wrapper.validate_thread_sharing()
        wrapper.ensure_connection()
        self._check(wrapper)
        link = link_to_django(wrapper)
        on_sqlite = is_a(wrapper.connection, "sqlite3.Connection")
        if self._is_begun(wrapper) and not on_sqlite:
            link.check_open(_DJANGO)
            return Lent(link, is_own=False, is_told=True)
        return Lent(link, is_own=not link.is_open())


def _scoped(registry: Any) -> Host:
    return _Session(registry)


def _alone(session: Any) -> Host:
    return _Session(lambda: session)


def _wrapper(wrapper: Any) -> Host:
    return _Django(lambda: wrapper)


def _proxy(proxy: Any) -> Host:
    return _Django(lambda: proxy._connections[proxy._alias])  # noqa: SLF001 - the thread's own connection


_HOSTS: Final[dict[str, Callable[[Any], Host]]] = {
    "sqlite3.Connection": _Driver,
    "sqlite_utils.db.Database": _SqliteUtils,
    "psycopg.Connection": _Driver,
    "psycopg2.extensions.connection": _Driver,
    "pymysql.connections.Connection": _Driver,
    "MySQLdb.connections.Connection": _Driver,
    "sqlalchemy.engine.base.Connection": _Connection,
    "sqlalchemy.orm.session.Session": _alone,
    "sqlalchemy.orm.scoping.scoped_session": _scoped,
    "django.db.backends.base.base.BaseDatabaseWrapper": _wrapper,
    "django.utils.connection.ConnectionProxy": _proxy,
}
