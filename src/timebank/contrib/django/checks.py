"""The app's system checks: `manage.py check` says of each by its id, and a hint what to do."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from importlib.util import find_spec
from typing import Any, Final

from django.conf import settings
from django.core import checks
from django.core.checks import CheckMessage, Tags
from django.core.exceptions import ImproperlyConfigured
from django.db import connections, router
from django.db.utils import DatabaseError

from timebank.contrib.django import conf
from timebank.contrib.django.joining import joined
from timebank.contrib.django.ledger import LABEL
from timebank.errors import NotFound, OtherVersion, TimebankError, WrongType

#: The databases of Django that can hold a ledger: the extra that each needs, if any.
_EXTRAS: Final = {"sqlite": None, "postgresql": "postgres", "mysql": "mariadb"}

#: The commands of `manage.py` that look at how requests are served.
_TOLD: Final = (["check"], ["runserver"])


def register_all() -> None:
    """Register the checks with Django."""
    checks.register(check_settings, "timebank")
    checks.register(check_permissions, "timebank")
    checks.register(check_key, "timebank")
    checks.register(check_database, "timebank")
    checks.register(check_tables, Tags.database)
    checks.register(check_tables_at_runserver, "timebank")


def _message(kind: Callable[..., CheckMessage], id: str, text: str, hint: str) -> CheckMessage:
    return kind(text, hint=hint, id=f"timebank.{id}")


def check_settings(app_configs: object, **_given: object) -> Iterable[CheckMessage]:
    """Tell what is wrong in the setting `TIMEBANK`: E001, E002, E003."""
    return [_message(checks.Error, one.id, one.text, one.hint) for one in conf.problems()]


def check_permissions(app_configs: object, **_given: object) -> Iterable[CheckMessage]:
    """Tell where the permissions cannot be imported, E003, or cannot be used, E004."""
    if any(conf.problems()):
        return []
    named = conf.config().permissions
    if not isinstance(named, conf.NamedPermissions):
        return []
    try:
        conf.permissions_of(named.path)
    except ImproperlyConfigured as error:
        hint = "Name a function by its dotted path, as in club.permissions.may."
        return [_message(checks.Error, "E003", f"{error}.", hint)]
    except WrongType as error:
        hint = "Only an answer that is True, at once, allows anything: name a plain function."
        return [_message(checks.Error, "E004", f"{error}.", hint)]
    return []


def check_key(app_configs: object, **_given: object) -> Iterable[CheckMessage]:
    """Tell where the file of the bank's key has none that signs, E007, or is not there, W004.

    The file may be made by `manage.py timebank key make`, and what it needs, so that its absence
    is no error, which would keep every command from running.
    """
    if any(conf.problems()) or (path := conf.config().key) is None:
        return []
    from timebank.proof import SigningKey

    try:
        witness = SigningKey.read(path).public.is_witness
        why = "it has the key of a witness" if witness else None
    except FileNotFoundError:
        text = f"TIMEBANK['KEY'] names {path!r}, which is not there: no receipt can be signed."
        hint = f"`manage.py timebank key make {path}` makes it; or put the bank's key there."
        return [_message(checks.Warning, "W004", text, hint)]
    except (TimebankError, OSError) as error:
        why = str(error)
    if why is None:
        return []
    text = f"TIMEBANK['KEY'] names {path!r}, and no receipt can be signed: {why}."
    hint = "`manage.py timebank key make FILE` makes a key, in a file that there is not yet."
    return [_message(checks.Error, "E007", text, hint)]


def check_database(app_configs: object, **_given: object) -> Iterable[CheckMessage]:
    """Tell what the ledger's database lacks, by the settings: E005, W001, W003, I001."""
    if any(conf.problems()):
        return []
    return list(_of_database(conf.config().database))


def _of_database(alias: str) -> Iterator[CheckMessage]:
    connection = connections[alias]
    vendor, where = connection.vendor, f"DATABASES[{alias!r}]"
    if vendor not in _EXTRAS:
        text = f"The ledger's database, {where}, is of a kind that cannot hold a ledger: {vendor}."
        hint = "It is SQLite, PostgreSQL or MariaDB: name another in TIMEBANK['DATABASE']."
        yield _message(checks.Error, "E005", text, hint)
        return
    extra = _EXTRAS[vendor]
    if extra is not None and find_spec("sqlalchemy") is None:
        text = f"The ledger's database, {where}, needs a package that is not installed: sqlalchemy."
        yield _message(checks.Error, "E005", text, f"pip install 'timebank[{extra}]'.")
    options = connection.settings_dict.get("OPTIONS", {})
    if vendor == "sqlite" and str(options.get("transaction_mode", "")).upper() != "IMMEDIATE":
        text = f"Two requests that write at once may fail with SQLite as {where} is set up."
        hint = (
            "A transaction that has read cannot always begin to write. Begin each as a writer: "
            f'{where}["OPTIONS"] = {{"transaction_mode": "IMMEDIATE"}}.'
        )
        yield _message(checks.Warning, "W001", text, hint)
    if not router.allow_migrate(alias, LABEL):
        text = f"A router does not allow the app {LABEL!r} in the ledger's database, {where}."
        hint = "So `migrate` makes no tables there. Let allow_migrate of your router answer True."
        yield _message(checks.Warning, "W003", text, hint)
    if _serves() and not connection.settings_dict["ATOMIC_REQUESTS"]:
        text = f"{where} has no ATOMIC_REQUESTS, so a view that records hours needs atomic()."
        hint = (
            f'{where}["ATOMIC_REQUESTS"] = True makes each request one transaction. Where '
            "your views use transaction.atomic, silence this in SILENCED_SYSTEM_CHECKS."
        )
        yield _message(checks.Info, "I001", text, hint)


def _serves() -> bool:
    """Return whether to tell of requests: to who checks the settings, or is about to serve.

    It is told, and not warned of, for a call that writes outside of a transaction is refused and
    never half done. So it is not said again at each command.
    """
    return bool(getattr(settings, "ROOT_URLCONF", None)) and sys.argv[1:2] in _TOLD


def check_tables(
    app_configs: object, databases: Iterable[str] | None = None, **_given: object
) -> Iterable[CheckMessage]:
    """Tell where the tables are of another version: E006 of a newer one, W002 of an older one."""
    if any(conf.problems()):
        return []
    alias = conf.config().database
    return list(_of_tables(alias)) if alias in (databases or ()) else []


def check_tables_at_runserver(app_configs: object, **_given: object) -> Iterable[CheckMessage]:
    """Do the same for `runserver`, which runs no checks of databases, and is about to serve."""
    if sys.argv[1:2] != ["runserver"] or any(conf.problems()):
        return []
    return list(_of_tables(conf.config().database))


def _of_tables(alias: str) -> Iterator[CheckMessage]:
    connection: Any = connections[alias]
    if connection.vendor not in _EXTRAS:
        return
    try:
        joined("main", alias=alias, create=False).head()
    except NotFound:
        return
    except OtherVersion as error:
        if "older timebank" in str(error):
            hint = "Run `manage.py migrate`."
            yield _message(checks.Warning, "W002", f"{error}.", hint)
        else:
            hint = "The ledger is refused until it is: nothing was changed."
            yield _message(checks.Error, "E006", f"{error}.", hint)
    except (TimebankError, DatabaseError):
        return  # a database that cannot be reached is told of by Django, at its first use
