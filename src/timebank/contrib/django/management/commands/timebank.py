"""`manage.py timebank COMMAND`: any command of the library on the ledger in Django's database."""

from __future__ import annotations

from argparse import REMAINDER
from typing import Any

from timebank.contrib.django.commands import LedgerCommand, program


class Command(LedgerCommand):
    """Any command of the library."""

    help = "Run a command of the time bank, as balance, statement, journal or run-due."

    def add_arguments(self, parser: Any) -> None:
        """Add the command, with all that follows it."""
        super().add_arguments(parser)
        parser.add_argument(
            "command",
            nargs=REMAINDER,
            help="The command, with what it is given; its own --help tells of that.",
        )
        # `--help` before a command is Django's, and would not tell which commands there are.
        parser.epilog = f"The commands: {', '.join(sorted(program().commands))}."

    def handle(self, *args: Any, command: list[str], **options: Any) -> None:
        """Run it.

        :raises CommandError: it is refused, or has found something.
        """
        words = command or ["--help"]
        self.run(words, options, failed="ended_so")
