"""`timebank audit-host`: the books of another system."""

from __future__ import annotations

import click

from timebank.cli.options import formatted
from timebank.cli.output import show_as
from timebank.cli.program import REFUSED, WELL


@click.group(
    "audit-host",
    no_args_is_help=False,
    help="Audit the books of another system. No storage of ours is needed.",
)
def audit_host() -> None:
    """Hosts."""


@audit_host.command(
    help="""Audit the tables that TimeOverflow's database dumps, as CSV with a header, in a folder.

    accounts.csv, movements.csv and transfers.csv are needed. Exit code 1 with findings.
    """
)
@click.argument("folder", metavar="DIR")
@formatted
def timeoverflow(*, folder: str, format: str) -> int:
    """Audit TimeOverflow's tables."""
    from timebank.interchange.timeoverflow.books import audit_timeoverflow
    from timebank.reports.books import books_shape, books_text

    report = audit_timeoverflow(folder)
    show_as(format, lambda: books_shape(report), lambda: books_text(report))
    return WELL if report.ok else REFUSED
