"""`timebank clock restart`."""

from __future__ import annotations

from datetime import date

import click

from timebank.cli.address import BankAddress, pass_address
from timebank.cli.options import DAY, formatted
from timebank.cli.output import show_result
from timebank.cli.program import said, usage


@click.group(no_args_is_help=False, help="The clock of the bank, where one was once wrong.")
def clock() -> None:
    """The group of the commands of the clock."""


@clock.command(
    "restart",
    help="""Go on with the clock of this machine, though a record lies ahead of it.

    A clock that was once wrong has written a record of a later day; since then nothing is recorded.
    Set the clock of this machine first. You say which day it is, so that a clock which is
    wrong again cannot take the bank back. Holds that were to expire some day have expired then.
    """,
)
@click.option("--reason", required=True, help="Personal text: what was wrong with the clock.")
@click.option(
    "--today",
    type=DAY,
    help="The day of today, as a calendar says it. Asked for if left out.",
)
@formatted
@pass_address
def restart(address: BankAddress, /, *, reason: str, today: date | None, format: str) -> None:
    """Restart the clock of a bank."""
    from timebank.reports.text import harmless

    if today is None:
        today = _asked()
    with address.open() as bank:
        made = bank.restart_clock(today=today, reason=reason)
    lines = [said("clock_on", day=made.today, sequence=made.sequence)]
    if made.ended:
        lines.append(said("clock_ended", names=", ".join(made.ended)))
    lines.append(said("clock_look"))
    show_result(format, made, lambda: map(harmless, lines))


def _asked() -> date:
    try:
        day: date = click.prompt(said("clock_asked"), type=DAY, err=True)
    except click.Abort:
        usage(said("clock_missing"))
    return day
