"""The drivers of SQL servers: how each makes a cursor, runs SQL, and tells what it knows.

A dialect says what a server understands; a driver is the Python package that talks to it. Ours are
psycopg 3 and PyMySQL; hosts bring others. None is imported before it is used, and nothing of a
host's connection (the shape of its rows, its kind of cursor) matters here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from enum import Enum
from functools import lru_cache
from importlib import import_module
from typing import Any, Final, Protocol

Values = Sequence[Any]


class State(Enum):
    """What a driver's connection is in."""

    IDLE = "no transaction is open"
    OPEN = "in a transaction"
    #: A statement failed in the transaction; some drivers cannot tell it from `OPEN`.
    FAILED = "in a transaction that can only be rolled back"
    BUSY = "a statement is under way"
    PIPELINE = "in pipeline mode"
    CLOSED = "closed"


class Cursor(Protocol):
    """A cursor that gives rows as tuples; `%s` marks a value, `%%` is a percent sign."""

    #: What the driver's methods take as `connection`.
    connection: Any
    rowcount: int

    def execute(self, sql: str, values: Values | None = None, /) -> object:
        """Run one statement."""

    def executemany(self, sql: str, rows: Any, /) -> object:
        """Run one statement for each of several rows of values."""

    def fetchone(self) -> Any:
        """Return the next row, or `None`."""

    def fetchall(self) -> Iterable[Any]:
        """Return the rows that are left."""


class Driver(Protocol):
    """One package that talks to a server; it keeps nothing of a connection."""

    #: What it raises.
    error: type[Exception]

    def cursor(self, connection: Any) -> Any:
        """Return a cursor with rows as tuples, whatever the connection's default is."""

    def give_types(self, cursor: Any) -> None:
        """Have a cursor that somebody else has made give values as the driver does by itself."""

    def run(self, cursor: Any, *statements: str) -> None:
        """Run statements without values, one after the other; none is worth preparing."""

    def end(self, cursor: Any, *, keep: bool) -> None:
        """Commit or roll back a transaction that we began ourselves."""

    def hearing(self, connection: Any) -> AbstractContextManager[list[Any]]:
        """Return a block with a list of what the server warns of in it, as far as it is told."""

    def state(self, connection: Any) -> State:
        """Return what the connection is in, as far as the driver knows; nothing is asked."""

    def in_autocommit(self, connection: Any) -> bool:
        """Return whether the driver begins no transaction by itself."""


class PostgresDriver(Driver, Protocol):
    """A driver of PostgreSQL."""

    def gives_last(self, connection: Any) -> bool:
        """Return whether of several statements in one trip the last one's rows can be had."""

    def to_last(self, cursor: Any) -> None:
        """Have a cursor that has run several statements give the rows of the last."""

    def sqlstate(self, error: Exception) -> str:
        """Return the SQLSTATE of an error; an empty one where it has none."""

    def encodings(self, connection: Any) -> tuple[str, str]:
        """Return the server's encoding and the connection's, as PostgreSQL calls them."""


#: Severities of what PostgreSQL says beside its answer that are no warnings, in any language.
_HARMLESS: Final = ("NOTICE", "INFO", "LOG", "DEBUG")


def is_warning(severity: str | None, code: str | None) -> bool:
    """Return whether what PostgreSQL says beside its answer is more than a notice.

    By the severity that is in no language; a server that gives none says it by the code.

    >>> from timebank.storage.server.drivers import is_warning
    >>> is_warning("WARNING", "01000"), is_warning("NOTICE", "42P07"), is_warning(None, "00000")
    (True, False, False)
    """
    if severity is None:
        return code != "00000"
    return not severity.startswith(_HARMLESS)


#: By the name of psycopg's and psycopg 2's transaction status.
_STATES: Final = {
    "IDLE": State.IDLE,
    "INTRANS": State.OPEN,
    "INERROR": State.FAILED,
    "ACTIVE": State.BUSY,
    "UNKNOWN": State.CLOSED,
}


@lru_cache(maxsize=1)
def _own_adapters() -> Any:
    """Return how values go to PostgreSQL and come back, as psycopg has it by itself.

    A host may have others for its connection, or for all of them: then a number would be text.
    """
    adapt = import_module("psycopg.adapt")
    own = adapt.AdaptersMap(types=import_module("psycopg").adapters.types)
    import_module("psycopg.postgres").register_default_adapters(own)
    own.register_dumper(list, _lists())
    return own


def _lists() -> Any:
    """Return how a list goes to PostgreSQL: in binary form, which no setting gives a meaning.

    As text its `NULL` is a word where `array_nulls` is off, and the driver doubles the backslashes
    of bytes where `standard_conforming_strings` is.
    """
    module = import_module("psycopg.types.array")

    class Lists(module.ListBinaryDumper):  # type: ignore[misc,name-defined]  # as of any module
        """psycopg's own, which has no binary form for a list of nothing but `None`."""

        def upgrade(self, obj: list[Any], format: Any) -> Any:
            """Return the dumper for a list."""
            if any(item is not None for item in obj):
                return super().upgrade(obj, format)
            made = type(self)(self.cls, self._tx)
            made.oid = module.TEXT_ARRAY_OID
            return made

    return Lists


@lru_cache(maxsize=2)
def own_cursor(name: str) -> Any:
    """Return psycopg's class of cursors of a name, with adapters of our own.

    >>> from timebank.storage.server.drivers import own_cursor
    >>> own_cursor("Cursor").__mro__[1].__name__
    'Cursor'
    """
    kind = getattr(import_module("psycopg"), name)
    return type(f"Timebank{name}", (kind,), {"adapters": property(lambda _: _own_adapters())})


@lru_cache(maxsize=1)
def _loaders() -> tuple[tuple[str, Any], ...]:
    """Return psycopg's own loaders of the types that a ledger is read in, by name."""
    own, text = _own_adapters(), import_module("psycopg").pq.Format.TEXT
    names = ("int2", "int4", "int8", "numeric", "bool", "text", "varchar", "name", "bytea")
    return tuple((name, own.get_loader(own.types[name].oid, text)) for name in names)


class Psycopg:
    """psycopg 3, and what its asynchronous connections have in common with the others."""

    def __init__(self) -> None:
        package = import_module("psycopg")
        self.error: type[Exception] = package.Error
        self._cursor_class: Any = own_cursor("Cursor")
        self._tuple_row: Any = import_module("psycopg.rows").tuple_row

    def cursor(self, connection: Any) -> Any:
        """Implement `Driver.cursor`."""
        return self._cursor_class(connection, row_factory=self._tuple_row)

    def give_types(self, cursor: Any) -> None:
        """Implement `Driver.give_types`."""
        for name, loader in _loaders():
            cursor.adapters.register_loader(name, loader)

    def run(self, cursor: Any, *statements: str) -> None:
        """Implement `Driver.run`, in one trip to the server."""
        cursor.execute("; ".join(statements), prepare=False)

    def end(self, cursor: Any, *, keep: bool) -> None:
        """Implement `Driver.end`."""
        self.run(cursor, "COMMIT" if keep else "ROLLBACK")

    @contextmanager
    def hearing(self, connection: Any) -> Iterator[list[Any]]:
        """Implement `Driver.hearing`."""
        heard: list[Any] = []

        def hear(said: Any) -> None:
            if is_warning(said.severity_nonlocalized, said.sqlstate):
                heard.append(said.message_primary)

        connection.add_notice_handler(hear)
        try:
            yield heard
        finally:
            connection.remove_notice_handler(hear)

    def state(self, connection: Any) -> State:
        """Implement `Driver.state`."""
        if connection.closed:
            return State.CLOSED
        if connection.pgconn.pipeline_status:
            return State.PIPELINE
        return _STATES[connection.info.transaction_status.name]

    def in_autocommit(self, connection: Any) -> bool:
        """Implement `Driver.in_autocommit`."""
        return bool(connection.autocommit)

    def gives_last(self, connection: Any) -> bool:
        """Implement `PostgresDriver.gives_last`."""
        return True

    def to_last(self, cursor: Any) -> None:
        """Implement `PostgresDriver.to_last`."""
        if (choose := getattr(cursor, "set_result", None)) is not None:  # since psycopg 3.3
            choose(-1)
            return
        while cursor.nextset():
            pass

    def sqlstate(self, error: Exception) -> str:
        """Implement `PostgresDriver.sqlstate`."""
        return getattr(error, "sqlstate", None) or ""

    def encodings(self, connection: Any) -> tuple[str, str]:
        """Implement `PostgresDriver.encodings`."""
        status = connection.info.parameter_status
        return str(status("server_encoding")), str(status("client_encoding"))


class Psycopg2:
    """psycopg 2. Its cursors give bytes as `memoryview`, and may be of a class of the host's."""

    def __init__(self) -> None:
        package = import_module("psycopg2")
        self.error: type[Exception] = package.Error
        self._package: Any = import_module("psycopg2.extensions")
        self._array: Any = import_module("psycopg2._psycopg").List
        #: Types as the driver knows them, should the host have registered others for all cursors.
        names = ("UNICODE", "INTEGER", "LONGINTEGER", "BOOLEAN", "DECIMAL")
        self._types = (package.BINARY, *(getattr(self._package, name) for name in names))
        self._states: dict[int, State] = {
            getattr(self._package, f"TRANSACTION_STATUS_{name}"): state
            for name, state in _STATES.items()
        }

    def cursor(self, connection: Any) -> Any:
        """Implement `Driver.cursor`."""
        cursor = self._package.cursor(connection)
        self.give_types(cursor)
        return Psycopg2Cursor(cursor, self._array)

    def give_types(self, cursor: Any) -> None:
        """Implement `Driver.give_types`."""
        for kind in self._types:
            self._package.register_type(kind, cursor)

    def run(self, cursor: Any, *statements: str) -> None:
        """Implement `Driver.run`, in one trip to the server."""
        cursor.execute("; ".join(statements))

    def end(self, cursor: Any, *, keep: bool) -> None:
        """Implement `Driver.end`: the driver notes what it began by itself, and ends that alone."""
        connection = cursor.connection
        if self.in_autocommit(connection):
            self.run(cursor, "COMMIT" if keep else "ROLLBACK")
        elif keep:
            self._package.connection.commit(connection)
        else:
            self._package.connection.rollback(connection)

    @contextmanager
    def hearing(self, connection: Any) -> Iterator[list[Any]]:
        """Implement `Driver.hearing`: the driver has the words alone, so any are a warning."""
        kept, heard = connection.notices, list[Any]()
        connection.notices = heard
        try:
            yield heard
        finally:
            kept += heard
            connection.notices = kept

    def state(self, connection: Any) -> State:
        """Implement `Driver.state`."""
        if connection.closed:
            return State.CLOSED
        if connection.isexecuting():
            return State.BUSY
        return self._states[connection.get_transaction_status()]

    def in_autocommit(self, connection: Any) -> bool:
        """Implement `Driver.in_autocommit`."""
        return bool(connection.autocommit)

    def gives_last(self, connection: Any) -> bool:
        """Implement `PostgresDriver.gives_last`."""
        return True

    def to_last(self, cursor: Any) -> None:
        """Implement `PostgresDriver.to_last`: it has no others."""

    def sqlstate(self, error: Exception) -> str:
        """Implement `PostgresDriver.sqlstate`."""
        return getattr(error, "pgcode", None) or ""

    def encodings(self, connection: Any) -> tuple[str, str]:
        """Implement `PostgresDriver.encodings`: the driver's own may not be what was set."""
        status = connection.get_parameter_status
        spoken = str(status("client_encoding"))
        return str(status("server_encoding")), connection.encoding if spoken == "UTF8" else spoken


def plain(row: Any) -> Any:
    """Return a row of psycopg 2 as a tuple with bytes, as all other drivers give it."""
    if row is None:
        return None
    return tuple(bytes(value) if type(value) is memoryview else value for value in row)


class Psycopg2Cursor:
    """A cursor of psycopg 2, with bytes as `bytes`."""

    def __init__(self, cursor: Any, make_array: Callable[[Any], Any]) -> None:
        self._cursor = cursor
        #: Makes an array of a list: the host may have all lists adapted as JSON.
        self._make_array = make_array
        self.connection: Any = cursor.connection

    def execute(self, sql: str, values: Values | None = None) -> object:
        """Implement `Cursor.execute`."""
        if values is not None:
            values = [self._make_array(one) if type(one) is list else one for one in values]
        self._cursor.execute(sql, values)
        return self

    def executemany(self, sql: str, rows: Any) -> object:
        """Implement `Cursor.executemany`."""
        self._cursor.executemany(sql, rows)
        return self

    @property
    def rowcount(self) -> int:
        """The rows that the last statement changed or gave."""
        return int(self._cursor.rowcount)

    def fetchone(self) -> Any:
        """Implement `Cursor.fetchone`."""
        return plain(self._cursor.fetchone())

    def fetchall(self) -> list[Any]:
        """Implement `Cursor.fetchall`."""
        return list(map(plain, self._cursor.fetchall()))


class MySql:
    """PyMySQL or mysqlclient, by the name of its package."""

    def __init__(self, package: str = "pymysql") -> None:
        self.error: type[Exception] = import_module(package).Error
        self._cursor_class: Any = import_module(f"{package}.cursors").Cursor

    def cursor(self, connection: Any) -> Any:
        """Implement `Driver.cursor`."""
        return connection.cursor(self._cursor_class)

    def give_types(self, cursor: Any) -> None:
        """Implement `Driver.give_types`: they are the connection's, see `has_own_types`."""

    @staticmethod
    def has_own_types(connection: Any) -> bool:
        """Return whether PyMySQL's connection gives numbers or text as the driver does by itself.

        mysqlclient's keeps nothing that would tell.
        """
        decoders = getattr(connection, "decoders", None)
        if decoders is None:
            return True
        own = import_module("pymysql.converters").decoders
        kinds = vars(import_module("pymysql.constants.FIELD_TYPE"))
        names = ("TINY", "SHORT", "LONG", "LONGLONG", "DECIMAL", "NEWDECIMAL")
        same = all(decoders.get(kinds[name]) is own[kinds[name]] for name in names)
        return same and bool(connection.use_unicode)

    def run(self, cursor: Any, *statements: str) -> None:
        """Implement `Driver.run`."""
        for statement in statements:
            cursor.execute(statement)

    def end(self, cursor: Any, *, keep: bool) -> None:
        """Implement `Driver.end`."""
        self.run(cursor, "COMMIT" if keep else "ROLLBACK")

    @contextmanager
    def hearing(self, connection: Any) -> Iterator[list[Any]]:
        """Implement `Driver.hearing`: mysqlclient tells nothing without being asked."""
        heard: list[Any] = []
        yield heard
        if getattr(getattr(connection, "_result", None), "warning_count", 0):
            heard.append("a warning")

    def state(self, connection: Any) -> State:
        """Implement `Driver.state`: after an error a driver's own note is of before it.

        So the server alone knows whether a transaction is open: see `MariaDb.in_transaction`.
        """
        return State.IDLE if connection.open else State.CLOSED

    def in_autocommit(self, connection: Any) -> bool:
        """Implement `Driver.in_autocommit`."""
        return bool(connection.get_autocommit())
