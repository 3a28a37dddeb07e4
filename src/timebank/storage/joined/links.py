"""The link to a host's database: its driver's connection, and what that connection is in.

A link is made at each call, by the host's kind; see `timebank.storage.joined.hosts`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, Protocol

from timebank.errors import InvalidRequest
from timebank.storage.server.drivers import Driver, PostgresDriver, State

if TYPE_CHECKING:
    from timebank.storage.joined.connection import HostConnection
    from timebank.storage.joined.sqlite import SqliteRows

CLOSED: Final = "the host's connection is closed"
_NO_TRANSACTION: Final = (
    "no transaction is open on the host's connection, so there is none to join: {hint}"
)
#: What cannot be asked of a connection in a state, and why.
_REFUSED: Final = {
    State.CLOSED: CLOSED,
    State.FAILED: "a statement failed in the host's transaction: roll it back before anything else",
    State.PIPELINE: (
        "the host's connection is in pipeline mode: nothing can be joined in it, leave it first"
    ),
    State.BUSY: (
        "a statement of the host's is under way on its connection, as a COPY or a stream of "
        "rows: end it first"
    ),
}


def refused(hint: str) -> InvalidRequest:
    """Return the error for a call outside a transaction, with what to do."""
    return InvalidRequest(_NO_TRANSACTION.format(hint=hint))


class Link(Protocol):
    """The link to a host's database for one call."""

    #: The driver's own connection, by which two links are known to be to the same.
    driver: Any

    def check_open(self, hint: str, *, looking: bool = False) -> None:
        """Check that a transaction is open; `hint` says how one is begun.

        With `looking` nothing is begun that is not there yet, and a transaction in which a
        statement failed is one as well, though nothing can be done in it but a rollback.

        :raises InvalidRequest: none is, or nothing can be asked now.
        """

    def begin_for(self, hint: str, *, looking: bool = False) -> None:
        """Begin the transaction that its host believes to be open, where the driver has not.

        :raises InvalidRequest: the driver commits each statement.
        """

    def begins_by_itself(self) -> bool:
        """Return whether the next statement is in a transaction, be it the first of one."""

    def is_open(self) -> bool:
        """Return whether a transaction is open in the driver.

        :raises InvalidRequest: nothing can be asked now.
        """

    def connected(self) -> HostConnection:
        """Return what the store needs of the connection."""


class SqliteLink:
    """A connection to SQLite. `make_rows` is called when statements are to be run."""

    _connected: HostConnection | None = None

    def __init__(self, driver: Any, make_rows: Callable[[], SqliteRows]) -> None:
        self.driver = driver
        self._make_rows = make_rows

    def check_open(self, hint: str, *, looking: bool = False) -> None:
        """Implement `Link.check_open`."""
        if not self.driver.in_transaction:
            raise refused(hint)

    def begin_for(self, hint: str, *, looking: bool = False) -> None:
        """Implement `Link.begin_for`.

        SQLAlchemy begins no transaction on SQLite before the first change; a savepoint would then
        be the outermost one, and its release a commit.
        """
        if self.driver.in_transaction:
            return
        if looking or not self.begins_by_itself():
            raise refused(hint)
        self._make_rows().execute("BEGIN")

    def begins_by_itself(self) -> bool:
        """Implement `Link.begins_by_itself`; since Python 3.12 there is a second way to say so."""
        in_autocommit = getattr(self.driver, "autocommit", None) is True
        return not in_autocommit and self.driver.isolation_level is not None

    def is_open(self) -> bool:
        """Implement `Link.is_open`."""
        return bool(self.driver.in_transaction)

    def connected(self) -> HostConnection:
        """Implement `Link.connected`."""
        found = self._connected
        if found is None:
            from timebank.storage.joined.sqlite import SqliteConnection

            found = self._connected = SqliteConnection(self.driver, self._make_rows())
        return found


class PostgresLink:
    """A connection to PostgreSQL; `connection` is what the driver's methods take."""

    def __init__(self, driver: Any, connection: Any, package: PostgresDriver) -> None:
        self.driver = driver
        self._connection = connection
        self._package = package

    def _state(self) -> State:
        state = self._package.state(self._connection)
        if state in _REFUSED:
            raise InvalidRequest(_REFUSED[state])
        return state

    def check_open(self, hint: str, *, looking: bool = False) -> None:
        """Implement `Link.check_open`; the driver begins by itself, unless in autocommit."""
        state = self._package.state(self._connection)
        if state is State.IDLE and (looking or not self.begins_by_itself()):
            raise refused(hint)
        if state is State.CLOSED or not looking:
            self._state()

    def begin_for(self, hint: str, *, looking: bool = False) -> None:
        """Implement `Link.begin_for`."""
        self.check_open(hint, looking=looking)

    def begins_by_itself(self) -> bool:
        """Implement `Link.begins_by_itself`."""
        return not self._package.in_autocommit(self._connection)

    def is_open(self) -> bool:
        """Implement `Link.is_open`."""
        return self._state() is State.OPEN

    def connected(self) -> HostConnection:
        """Implement `Link.connected`."""
        from timebank.storage.joined.server import postgres_connection

        return postgres_connection(self.driver, self._connection, self._package)


class MySqlLink:
    """A connection to MariaDB; `connection` is what the driver's methods take."""

    def __init__(self, driver: Any, connection: Any, package: Driver) -> None:
        self.driver = driver
        self._connection = connection
        self._package = package

    def _check(self) -> None:
        if self._package.state(self._connection) is State.CLOSED:
            raise InvalidRequest(CLOSED)

    def check_open(self, hint: str, *, looking: bool = False) -> None:
        """Implement `Link.check_open`.

        Without autocommit any statement begins one: the driver does not know whether one did.
        """
        self._check()
        if not self.begins_by_itself() and not self.is_open():
            raise refused(hint)

    def begin_for(self, hint: str, *, looking: bool = False) -> None:
        """Implement `Link.begin_for`."""
        self.check_open(hint, looking=looking)

    def begins_by_itself(self) -> bool:
        """Implement `Link.begins_by_itself`."""
        self._check()
        return not self._package.in_autocommit(self._connection)

    def is_open(self) -> bool:
        """Implement `Link.is_open`."""
        from timebank.storage.joined.server import in_mysql_transaction

        self._check()
        return in_mysql_transaction(self.driver, self._connection, self._package)

    def connected(self) -> HostConnection:
        """Implement `Link.connected`."""
        from timebank.storage.joined.server import mysql_connection

        return mysql_connection(self.driver, self._connection, self._package)
