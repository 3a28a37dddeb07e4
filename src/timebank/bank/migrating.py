"""Bringing the tables of a store to the version of this program."""

from __future__ import annotations

from typing import Final

from timebank.errors import InvalidRequest, WrongType, shown

#: The schemes of SQL servers, before any `+driver`.
SERVERS: Final = ("mariadb", "postgresql")


def migrate_store(url: str) -> list[str]:
    """Apply what is pending to the store of a URL; the names of what was applied, in order.

    An empty list says that there was nothing to do. Records and texts stay byte for byte.

    :raises InvalidRequest: a URL that cannot be, or a scheme that is not migrated here.
    :raises NotFound: no such file.
    :raises StoreError: no ledger there, one of a newer version, or it cannot be written to.
    :raises StoreBusy: another writer held the lock for longer than the time-out.

    >>> from timebank.bank.migrating import migrate_store
    >>> migrate_store("sqlite://")
    []
    """
    if type(url) is not str:
        msg = f"the URL of a store is a str, not {shown(url)}"
        raise WrongType(msg)
    scheme, colon, _ = url.partition(":")
    if not colon:
        msg = f"a store is named by a URL like sqlite:///bank.db, not {shown(url)}"
        raise InvalidRequest(msg)
    if scheme == "sqlite":
        from timebank.storage.sqlite import migrate_sqlite

        return migrate_sqlite(url)
    if scheme.partition("+")[0] in SERVERS:
        from timebank.storage.sql_store import migrate_sql

        return migrate_sql(url)
    if scheme == "memory":
        msg = "a store in memory is new at each open: it has nothing of an older version"
        raise InvalidRequest(msg)
    msg = f"stores of the scheme {shown(scheme)} are not migrated here: ask the package they are of"
    raise InvalidRequest(msg)
