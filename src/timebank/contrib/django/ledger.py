"""The ledger's tables in Django's databases: made, emptied, taken away, and where they are."""

from __future__ import annotations

from typing import Any, Final

from django.db import connections, router, transaction
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder

from timebank.bank.joining import migrate_store
from timebank.contrib.django import conf
from timebank.storage.tables import TABLES

LABEL: Final = "timebank"
#: Children before parents, so that no reference is in the way.
ALL: Final = (*reversed(TABLES), "timebank_banks", "timebank_migrations")


def is_for(alias: str) -> bool:
    """Return whether the ledger belongs in a database: by the settings, and the routers."""
    return conf.config().database == alias and router.allow_migrate(alias, LABEL)


def make(connection: Any) -> list[str]:
    """Make the tables, or bring them to this version; return the names of what was applied."""
    return migrate_store(connection)


def make_after_migrate(*, using: str, **_given: Any) -> None:
    """Make the tables where a `migrate` has left them out, and they are to be there.

    It has no migrations of this app, as tests may ask; or they were applied here already, when the
    ledger was in another database, and will not be again.
    """
    if not is_for(using):
        return
    connection = connections[using]
    module, _ = MigrationLoader.migrations_module(LABEL)
    if module is None:
        make(connection)
        return
    applied = any(app == LABEL for app, _ in MigrationRecorder(connection).applied_migrations())
    if applied and not tables(connection):
        make(connection)


def tables(connection: Any) -> list[str]:
    """Return the tables of the ledger that are in a database, children before parents."""
    there = set(connection.introspection.table_names())
    return [table for table in ALL if table in there]


def has_records(connection: Any) -> bool:
    """Return whether any bank in a database has a record."""
    return _has_rows(connection, "timebank_records")


def has_banks(connection: Any) -> bool:
    """Return whether there is any bank in a database."""
    return _has_rows(connection, "timebank_banks")


def _has_rows(connection: Any, table: str) -> bool:
    if table not in tables(connection):
        return False
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT 1 FROM {table} LIMIT 1")  # noqa: S608 - a name of our own
        return cursor.fetchone() is not None


def drop(connection: Any) -> None:
    """Take all tables of the ledger away, whatever is in them."""
    there = tables(connection)
    with connection.cursor() as cursor:
        for table in there:
            cursor.execute(f"DROP TABLE {table}")
        if connection.vendor == "postgresql":
            cursor.execute("DROP FUNCTION IF EXISTS timebank_refuse()")


def empty(connection: Any) -> None:
    """Take the ledger away and make its tables anew, where there is any bank."""
    if not has_banks(connection):
        return
    if connection.features.can_rollback_ddl:
        with transaction.atomic(using=connection.alias):
            drop(connection)
            make(connection)
    else:
        drop(connection)
        make(connection)


def is_of_tests(connection: Any) -> bool:
    """Return whether a test runner made the database: only then may a ledger be taken away.

    It has another name than the one in the settings, or is in memory, and the environment of
    tests is set up. A shell that only sets that up is on the real database, by its real name.
    """
    from django.test import utils  # where it is loaded already, there may be tests

    from timebank.contrib.django.apps import TimeBankConfig

    # Django has no other sign of it; without this one nothing is taken away.
    if not hasattr(getattr(utils, "_TestState", None), "saved_data"):
        return False
    in_memory = connection.vendor == "sqlite" and connection.is_in_memory_db()
    configured = TimeBankConfig.configured.get(connection.alias)
    renamed = configured is not None and connection.settings_dict["NAME"] != configured
    return bool(in_memory or renamed)
