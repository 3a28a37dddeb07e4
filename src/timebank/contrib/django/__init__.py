"""A Django app: the ledger in the database that Django has, in Django's own transactions.

Add `timebank.contrib.django` to `INSTALLED_APPS` and run `migrate`. Then `bank()` is a bank on
Django's connection: what it writes is kept or rolled back with the rows of your models.
`docs/howto-django.md` shows all of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from timebank.bank import TimeBank

__all__ = ["bank"]


def bank(
    name: str | None = None, *, using: str | None = None, actor: str | None = None
) -> TimeBank:
    """Return a bank on the connection that Django has for the thread that calls it.

    `name` is the bank's, and `using` the alias of its database, where they are not those of the
    setting `TIMEBANK`. `actor` is who acts: see `TimeBank.acting_as`. It may be made once, when a
    module is loaded, and serves all threads. What writes is called within
    `transaction.atomic()`, or in a view of a database with `ATOMIC_REQUESTS`; what reads, anywhere.

    :raises ImproperlyConfigured: the setting `TIMEBANK` is wrong, of which `check` says all, or
        the app is not in `INSTALLED_APPS`.
    :raises InvalidRequest: `using` is none of `DATABASES`, or an id that cannot be; at a call that
        writes: no transaction is open.
    """
    from timebank.contrib.django import conf, joining

    config = conf.config()
    joined = joining.joined(
        config.bank if name is None else name,
        alias=config.database if using is None else using,
        create=config.create,
        permissions=config.permissions,
    )
    return joined if actor is None else joined.acting_as(actor)
