"""Connect to MariaDB by a connection of PyMySQL whose every wait ends."""

from __future__ import annotations

import socket
from importlib import import_module
from typing import Any, Final

from timebank.storage.server.limits import (
    KEEPALIVE_COUNT,
    KEEPALIVE_IDLE_SECONDS,
    KEEPALIVE_INTERVAL_SECONDS,
    UNCONFIRMED_MILLISECONDS,
    Limits,
    addresses,
)

#: What the driver says where it cannot connect.
_UNREACHABLE: Final = 2003
#: What the kernel is asked for, by the name of the option: not every system has each.
_KERNEL: Final = {
    "TCP_KEEPIDLE": KEEPALIVE_IDLE_SECONDS,
    "TCP_KEEPINTVL": KEEPALIVE_INTERVAL_SECONDS,
    "TCP_KEEPCNT": KEEPALIVE_COUNT,
    "TCP_USER_TIMEOUT": UNCONFIRMED_MILLISECONDS,
}


#: Imported by the dialect alone, when it connects.
_connections: Final = import_module("pymysql.connections")


class LimitedConnection(_connections.Connection):  # type: ignore[misc,name-defined]  # as of any module
    """A connection that closes itself where the server says nothing for longer than the limit.

    PyMySQL does so where it has a `read_timeout`; by itself it connects without one.
    """

    def __init__(self, limits: Limits, **arguments: Any) -> None:
        self.limits = limits
        write = arguments.pop("write_timeout", limits.read_seconds)
        seconds = limits.connect_seconds
        super().__init__(read_timeout=seconds, write_timeout=seconds, **arguments)
        self.limit_seconds = limits.read_seconds
        self._write_timeout = write

    @property
    def limit_seconds(self) -> float:
        """The limit of each answer."""
        seconds: float = self._read_timeout
        return seconds

    @limit_seconds.setter
    def limit_seconds(self, seconds: float) -> None:
        self._read_timeout = seconds

    def connect(self, sock: socket.socket | None = None) -> None:
        """Connect; the name is looked up, and each address tried, within the limit.

        :raises OperationalError: there is no such server.
        """
        if sock is None and not self.unix_socket:
            sock = self._reached()
        super().connect(sock)

    def close(self) -> None:
        """Close the connection; one that has closed itself is closed already."""
        if not self._closed:
            super().close()

    def _reached(self) -> socket.socket:
        """Return a socket to the first address of the host that answers."""
        seconds = self.limits.connect_seconds
        source = None if self.bind_address is None else (self.bind_address, 0)
        failed: OSError | None = None
        try:
            for address in addresses(self.host, self.port, seconds):
                try:
                    found = socket.create_connection((address, self.port), seconds, source)
                except OSError as error:
                    failed = error
                else:
                    self.host_info = f"socket {self.host}:{self.port}"
                    return _asking_for_signs_of_life(found)
        except OSError as error:
            failed = error
        msg = f"Can't connect to MySQL server on {self.host!r} ({failed})"
        raise _connections.err.OperationalError(_UNREACHABLE, msg) from failed


def _asking_for_signs_of_life(found: socket.socket) -> socket.socket:
    """Have the kernel find out by itself that the other end is gone."""
    found.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    found.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in _KERNEL.items():
        if (option := getattr(socket, name, None)) is not None:
            found.setsockopt(socket.IPPROTO_TCP, option, value)
    return found


def connect(limits: Limits, **arguments: Any) -> LimitedConnection:
    """Connect by the options of PyMySQL.

    :raises pymysql.Error: the server cannot be reached, or takes nobody of that name.
    """
    return LimitedConnection(limits, **arguments)
