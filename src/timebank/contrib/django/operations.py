"""The operation of the app's migrations: make the ledger's tables, or bring them up to date."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandError
from django.db.migrations.operations.base import Operation

from timebank.contrib.django import ledger
from timebank.errors import OtherVersion


class MigrateLedger(Operation):
    """Bring the tables to the version of the library that is installed.

    Each version of the tables has a migration of this kind. A ledger that is there already, made by
    `timebank.open` for one, is taken as it is. Only the migration that is `first` takes the
    tables away when it is undone, and refuses while there are records.
    """

    #: What it does is not seen by Django, which would write it as SQL, or look at models.
    reduces_to_sql = False
    reversible = True
    #: On MariaDB each table is a transaction of its own. Elsewhere the migration is one.
    atomic = False
    elidable = False

    def __init__(self, *, first: bool = False) -> None:
        self.first = first

    def deconstruct(self) -> tuple[str, list[Any], dict[str, Any]]:
        """Return how it is written in a migration."""
        return type(self).__name__, [], {"first": True} if self.first else {}

    def state_forwards(self, app_label: str, state: Any) -> None:
        """Change no model."""

    def database_forwards(
        self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any
    ) -> None:
        """Make the tables, in the ledger's database."""
        connection = schema_editor.connection
        if not ledger.is_for(connection.alias):
            return
        try:
            ledger.make(connection)
        except OtherVersion as error:
            raise CommandError(str(error)) from error

    def database_backwards(
        self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any
    ) -> None:
        """Take the tables away, where there is no record in them.

        :raises CommandError: there is one.
        """
        connection = schema_editor.connection
        if not self.first or not ledger.is_for(connection.alias):
            return
        if ledger.has_records(connection):
            msg = (
                "the ledger has records, and a journal only grows: its tables are not taken away. "
                "Export it first, with `manage.py timebank export jsonl > bank.jsonl`, which has "
                "the names and notes too; who means it drops the tables timebank_* by hand"
            )
            raise CommandError(msg)
        ledger.drop(connection)

    def describe(self) -> str:
        """Return what it does, in words."""
        return "Make the ledger's tables" if self.first else "Bring the ledger's tables up to date"
