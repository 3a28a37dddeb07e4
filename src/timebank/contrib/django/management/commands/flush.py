"""`manage.py flush`, which knows that a ledger is not to be emptied."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandError
from django.core.management.commands.flush import Command as Flush
from django.db import connections

from timebank.contrib.django import ledger


class Command(Flush):
    """Django's command, which spares a ledger, but in a database that a test runner made.

    Elsewhere it is refused: rows of yours would be gone, and the hours of them still there.
    """

    def handle(self, **options: Any) -> None:
        """Empty the database, and the ledger in it where it is of tests.

        :raises CommandError: the ledger has records, and the database is not one of tests.
        """
        connection = connections[options["database"]]
        if ledger.is_of_tests(connection):
            ledger.empty(connection)
        elif ledger.has_records(connection):
            msg = (
                f"the ledger in {connection.settings_dict['NAME']} has records, and a journal only "
                "grows: flush would take the rows away that they are about. Make a new database "
                "instead"
            )
            raise CommandError(msg)
        super().handle(**options)
