"""A bank inside a host's own transaction."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Any

from timebank import checks
from timebank.bank.bank import Progress, TimeBank
from timebank.bank.commit_group import CommitGroup
from timebank.bank.permitting import T
from timebank.bank.session import Session, Sources, new_id, new_salt, utc_now
from timebank.permissions import Permissions, checked
from timebank.rules.state import Command
from timebank.storage.joined.store import JoinedStore

if TYPE_CHECKING:
    from timebank.audit import AuditReport


class NoGroup(CommitGroup):
    """The group of a bank whose every call finds out again where the journal stands."""

    def keep(self, session: Session) -> None:
        """Keep nothing."""


class JoinedBank(TimeBank):
    """A bank whose calls are savepoints of a transaction that the host opens and ends.

    It never commits, never tries again, and keeps nothing from one call to the next.
    """

    def __init__(
        self,
        store: JoinedStore,
        *,
        bank: str,
        sources: Sources,
        permissions: Permissions | None = None,
    ) -> None:
        self.store: JoinedStore = store
        self.name = checks.identifier(bank, "bank")
        self._sources = sources
        self._actor: str | None = None
        self._permissions = checked(permissions)
        self._group = NoGroup({})

    def _may_share(self, command: Command[Any, T]) -> bool:
        return False

    def audit(self, progress: Progress | None = None, **how: Any) -> AuditReport:
        """Audit what the host's transaction sees: see `TimeBank.audit`.

        :raises InvalidRequest: no transaction is open.
        """
        self.store.check()
        return super().audit(progress, **how)


def join(
    connection: Any,
    *,
    bank: str = "main",
    create: bool = True,
    clock: Callable[[], datetime] = utc_now,
    new_id: Callable[[], str] = new_id,
    new_salt: Callable[[], bytes] = new_salt,
    permissions: Permissions | None = None,
) -> TimeBank:
    """Return a bank in the database of a host's connection, within the host's own transaction.

    `connection` is a `sqlite3` or `sqlite_utils` connection, a SQLAlchemy `Connection` or
    `Session` on SQLite, PostgreSQL or MariaDB, a psycopg 3 connection, or Django's
    connection. Each call of the bank is a savepoint in the transaction that is open then:
    the host's commit keeps it, the host's rollback undoes it, and a refusal of ours leaves
    the host's transaction as it was. The bank is made by its first call where it is missing,
    unless `create` is false, and so are its tables, where that is part of a transaction
    (not on MariaDB: there `timebank migrate` makes them once).

    Nothing here commits, tries again, changes the isolation level, listens or keeps a cache.
    A `Retryable` has the scope "host": what may succeed again is the host's whole transaction.

    :raises InvalidRequest: not such a connection, or a bank's name that is no id; at each
        call: no transaction is open.

    >>> import sqlite3, timebank
    >>> host = sqlite3.connect(":memory:")
    >>> _ = host.execute("CREATE TABLE booking (id TEXT)")
    >>> bank = timebank.join(host)
    >>> _ = host.execute("INSERT INTO booking VALUES ('b1')")
    >>> bank.open_account("m1").status
    'open'
    >>> host.rollback()
    >>> host.execute("SELECT count(*) FROM sqlite_master WHERE name LIKE 'timebank%'").fetchone()
    (0,)
    >>> host.close()
    """
    store = JoinedStore(
        connection,
        new_journal=(lambda: checks.identifier(new_id(), "journal id")) if create else None,
    )
    return JoinedBank(
        store, bank=bank, sources=Sources(clock, new_id, new_salt), permissions=permissions
    )
