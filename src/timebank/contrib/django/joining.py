"""Join a bank to Django's connections: to the one of whichever thread calls it."""

from __future__ import annotations

from django.db import connections
from django.utils.connection import ConnectionProxy

from timebank.bank import TimeBank
from timebank.bank.joining import join
from timebank.errors import InvalidRequest, shown
from timebank.permissions import Permissions


def joined(
    name: str, *, alias: str, create: bool = True, permissions: Permissions | None = None
) -> TimeBank:
    """Return a bank on the connections of an alias, each thread's own.

    :raises InvalidRequest: the alias is none of `DATABASES`, or a name that cannot be.
    """
    if alias not in connections.settings:
        known = ", ".join(map(repr, connections.settings))
        msg = f"no database {shown(alias)} in DATABASES: there are {known}"
        raise InvalidRequest(msg)
    proxy = ConnectionProxy(connections, alias)
    return join(proxy, bank=name, create=create, permissions=permissions)
