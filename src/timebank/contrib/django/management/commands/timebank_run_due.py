"""`manage.py timebank_run_due`: charge the dues that have fallen due; for cron."""

from __future__ import annotations

from typing import Any

from timebank.contrib.django.commands import LedgerCommand


class Command(LedgerCommand):
    """Charge what is due."""

    help = "Charge the dues and the demurrage that have fallen due. Nobody is charged twice."

    def add_arguments(self, parser: Any) -> None:
        """Add through which day, and whether anything is written."""
        super().add_arguments(parser)
        parser.add_argument("--through", metavar="DAY", help="What fell due up to this day.")
        parser.add_argument("--quiet", action="store_true", help="Print nothing if nothing is due.")
        parser.add_argument("--dry-run", action="store_true", help="Decide, and write nothing.")

    def handle(self, *args: Any, **options: Any) -> None:
        """Charge it, in one transaction.

        :raises CommandError: it is refused.
        """
        arguments = ["run-due"]
        if options["through"]:
            arguments += ["--through", options["through"]]
        arguments += [f"--{one}" for one in ("quiet", "dry-run") if options[one.replace("-", "_")]]
        self.run(arguments, options, failed="ended_so")
