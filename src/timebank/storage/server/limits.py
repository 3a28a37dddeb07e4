"""Time limits: no call waits without end for a server, a network or a name.

A driver waits for ever by itself where a server is stopped, or a network swallows what is sent. So
our connections have a limit for each answer: where a server says nothing for so long, the
connection is closed and never used again, for what was sent may be done all the same. Work on all
of a bank has a limit of its own, which is long. A host's connection has the host's limits.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from queue import Empty, SimpleQueue
from typing import Any, Final, Protocol, TypeGuard, TypeVar

import attrs

Result = TypeVar("Result")

#: Unless the URL says another number: to connect, or to look one name up; for one answer; and for
#: one answer where it is about all of a bank, or all tables.
CONNECT_SECONDS: Final = 10
READ_SECONDS: Final = 60
LONG_SECONDS: Final = 3600
#: The options of a URL that say so, in seconds.
CONNECT: Final = "connect_timeout"
READ: Final = "read_timeout"
LONG: Final = "long_read_timeout"
#: When the kernel ends a connection whose other end is gone: it is asked after so many seconds
#: without a word, as often and each so much later; and what was sent is not confirmed for so long.
KEEPALIVE_IDLE_SECONDS: Final = 30
KEEPALIVE_INTERVAL_SECONDS: Final = 10
KEEPALIVE_COUNT: Final = 3
UNCONFIRMED_MILLISECONDS: Final = 30_000
#: A lock is waited for at most so much of the limit of one answer: the server is to say that it is
#: held, before nobody believes that the server is there.
_OF_AN_ANSWER: Final = 0.75
#: Where more rows are written by one transaction, it has the limit of long work, and its commit.
MANY_ROWS: Final = 10_000


@attrs.frozen
class Limits:
    """The limits of a store, in seconds.

    >>> from timebank.storage.server.limits import Limits, limits_of
    >>> limits_of({})
    Limits(connect_seconds=10, read_seconds=60, long_seconds=3600)
    >>> limits_of({"read_timeout": 20}).lock_seconds(30)
    15.0
    """

    connect_seconds: float = CONNECT_SECONDS
    read_seconds: float = READ_SECONDS
    long_seconds: float = LONG_SECONDS

    def lock_seconds(self, busy_seconds: float) -> float:
        """Return how long the server has a statement wait for a lock."""
        return min(busy_seconds, self.read_seconds * _OF_AN_ANSWER)


def limits_of(options: Mapping[str, Any]) -> Limits:
    """Return the limits that the options of a URL say; long work never has less than the rest."""
    read = options.get(READ, READ_SECONDS)
    # libpq means 130 seconds by 0, and never takes less than two.
    connect = options.get(CONNECT, CONNECT_SECONDS) or 130
    return Limits(connect, read, max(read, options.get(LONG, LONG_SECONDS)))


class Limited(Protocol):
    """A connection of ours, whose every wait ends."""

    #: Those of its store, and the one that holds now.
    limits: Limits
    limit_seconds: float


def is_limited(connection: object) -> TypeGuard[Limited]:
    """Return whether a connection is ours; a host's has the host's limits."""
    return isinstance(getattr(connection, "limits", None), Limits)


def be_patient(connection: object) -> None:
    """Let each answer take as long as long work may, until `be_ordinary`."""
    if is_limited(connection):
        connection.limit_seconds = connection.limits.long_seconds


def be_ordinary(connection: object) -> None:
    """Let each answer take as long as one may."""
    if is_limited(connection):
        connection.limit_seconds = connection.limits.read_seconds


@contextmanager
def patience(connection: object) -> Iterator[None]:
    """Let each answer take as long as long work may, within the block."""
    if not is_limited(connection):
        yield
        return
    before = connection.limit_seconds
    be_patient(connection)
    try:
        yield
    finally:
        connection.limit_seconds = before


def within(seconds: float, work: Callable[[], Result]) -> Result:
    """Return the result of work that has no limit of its own; it goes on alone after ours.

    :raises TimeoutError: it takes longer.

    >>> from timebank.storage.server.limits import within
    >>> within(5.0, lambda: 3)
    3
    """
    told: SimpleQueue[tuple[Result | None, Exception | None]] = SimpleQueue()

    def run() -> None:
        try:
            told.put((work(), None))
        except Exception as error:  # noqa: BLE001 - it is raised where the result is waited for
            told.put((None, error))

    threading.Thread(target=run, daemon=True, name="timebank-look-up").start()
    try:
        result, error = told.get(timeout=seconds)
    except Empty:
        msg = f"it took longer than {seconds:g} s"
        raise TimeoutError(msg) from None
    if error is not None:
        raise error
    return result  # type: ignore[return-value]  # what the work gave


def addresses(host: str, port: int | str, seconds: float) -> list[str]:
    """Return the addresses of a host; an address is its own, and nobody is asked.

    :raises OSError: nobody knows the name, or nobody answers within the limit.
    """
    try:
        return _found(host, port, socket.AI_NUMERICHOST)
    except socket.gaierror:
        return within(seconds, lambda: _found(host, port))


def _found(host: str, port: int | str, flags: int = 0) -> list[str]:
    found = socket.getaddrinfo(
        host, port or None, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP, flags=flags
    )
    return list(dict.fromkeys(str(address[0]) for *_, address in found))
