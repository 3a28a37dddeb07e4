"""Connect to PostgreSQL by a connection of psycopg whose every wait ends."""

from __future__ import annotations

from collections.abc import Generator
from importlib import import_module
from time import monotonic
from typing import Any, Final, TypeVar

from timebank.storage.server.limits import READ, Limits, addresses

Result = TypeVar("Result")
_PORT: Final = "5432"
#: Imported by the dialect alone, when it connects.
_psycopg: Final = import_module("psycopg")


class LimitedConnection(_psycopg.Connection):  # type: ignore[misc,name-defined]  # as of any module
    """A connection that closes itself where the server says nothing for longer than the limit."""

    #: Those of its store, and the one that holds now; none, until it is connected.
    limits = Limits()
    limit_seconds = float("inf")

    def wait(self, gen: Any, *args: Any, **options: Any) -> Any:
        """Wait for an answer as psycopg does, which looks about itself ten times in a second.

        :raises ConnectionFailure: nothing came for longer than the limit.
        """
        return super().wait(self._ending(gen), *args, **options)

    def _ending(self, gen: Generator[Any, Any, Result]) -> Generator[Any, Any, Result]:
        """Run a generator of psycopg, which is sent a falsy word where nothing has come."""
        try:
            wanted = next(gen)
            until = monotonic() + self.limit_seconds
            while True:
                ready = yield wanted
                if ready:
                    until = monotonic() + self.limit_seconds
                elif monotonic() >= until:
                    raise self._silent() from None
                wanted = gen.send(ready)
        except StopIteration as end:
            result: Result = end.value
            return result

    def _silent(self) -> Exception:
        """Close the connection, on which an answer may come at any time, and return the error."""
        self.close()
        said = f"the server said nothing for {self.limit_seconds:g} s ({READ} in the URL)"
        error: Exception = _psycopg.errors.ConnectionFailure(said)
        return error


def connect(limits: Limits, **arguments: Any) -> LimitedConnection:
    """Connect by the options of libpq and psycopg, to the first of the hosts that will do.

    Each address of each host has the limit of connecting, and so has each name to be looked up.

    :raises psycopg.Error: there is none.
    """
    connection: LimitedConnection = LimitedConnection.connect(**_looked_up(limits, arguments))
    connection.limits = limits
    connection.limit_seconds = limits.read_seconds
    return connection


def _looked_up(limits: Limits, arguments: dict[str, Any]) -> dict[str, Any]:
    """Return the options with the addresses of hosts, which libpq would look up without a limit.

    A host that cannot be found is left out, unless it is the last one: the others may be there.
    """
    if "hostaddr" in arguments or not arguments.get("host"):
        return arguments
    hosts = str(arguments["host"]).split(",")
    ports = str(arguments.get("port") or "").split(",")
    if len(ports) == 1:
        ports *= len(hosts)
    found: list[tuple[str, str, str]] = []
    unknown: OSError | None = None
    for host, port in zip(hosts, ports, strict=True):
        if not host or host.startswith(("/", "@")):
            found.append((host, "", port))  # the folder of a socket
            continue
        try:
            found += [
                (host, address, port)
                for address in addresses(host, port or _PORT, limits.connect_seconds)
            ]
        except OSError as error:
            unknown = error
    if not found:
        msg = f"the host {hosts[-1]!r} was not found ({unknown})"
        raise _psycopg.OperationalError(msg) from unknown
    columns = [",".join(column) for column in zip(*found, strict=True)]
    named = dict(zip(("host", "hostaddr", "port"), columns, strict=True))
    return {**arguments, **{name: value for name, value in named.items() if value.strip(",")}}
