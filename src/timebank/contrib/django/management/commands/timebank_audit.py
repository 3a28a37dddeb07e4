"""`manage.py timebank_audit`: audit the ledger; the exit code is 1 where something differs."""

from __future__ import annotations

from typing import Any

from timebank.contrib.django.commands import LedgerCommand


class Command(LedgerCommand):
    """Audit the ledger."""

    help = "Derive the whole ledger again and compare. Exit code 1 where something differs."

    def add_arguments(self, parser: Any) -> None:
        """Add how much is looked at, and how it is told."""
        super().add_arguments(parser)
        parser.add_argument("--quick", action="store_true", help="Balances and sums only.")
        parser.add_argument("--format", default="text", choices=("text", "json", "junit"))

    def handle(self, *args: Any, **options: Any) -> None:
        """Audit it.

        :raises CommandError: something differs, or there is no ledger.
        """
        arguments = ["audit", "--format", options["format"]]
        if options["quick"]:
            arguments.append("--quick")
        self.run(arguments, options, failed="ledger_not_well")
