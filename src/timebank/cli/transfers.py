"""`timebank transfer` and `timebank reverse`."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

import click

from timebank.cli.address import BankAddress, pass_address
from timebank.cli.options import (
    DAY_OF_SERVICE,
    accounts_of,
    exchange_options,
    formatted,
    old_day_option,
)
from timebank.cli.output import show_result
from timebank.cli.twice import show_note, twice_note

if TYPE_CHECKING:
    from timebank.model import Transfer


@click.command(
    help="""Move hours from who spends to who earns.

    Who gave the service earns. Where one side has many, each is named with the hours:
    --earner m1=1:00 --earner m2=0:30.
    """
)
@exchange_options(on="The day of service; today if left out.")
@click.option("--dry-run", is_flag=True, help="Decide, and write nothing.")
@formatted
@pass_address
def transfer(
    address: BankAddress,
    /,
    *,
    earners: tuple[str, ...],
    spenders: tuple[str, ...],
    dry_run: bool,
    format: str,
    **arguments: Any,
) -> None:
    """Record an exchange."""
    with address.open_to_write(dry_run=dry_run) as bank:
        arguments |= accounts_of(bank, earners, spenders, arguments["via"])
        made = bank.transfer(**arguments)
        note = None if dry_run or arguments["id"] else twice_note(bank, made)
    show_transfer(made, format, dry_run=dry_run)
    show_note(note)


@click.command(help="Take a transfer back. All that is left of it is moved back, or --hours of it.")
@click.argument("transfer_id", metavar="TRANSFER")
@click.option("--reason", required=True, help="Personal text: why.")
@click.option("--hours", metavar="HOURS", help="A part of it.")
@click.option("--on", "occurred_on", type=DAY_OF_SERVICE, help="The original's day if left out.")
@old_day_option
@click.option("--id", "id", metavar="ID", help="Makes repeating the command safe.")
@formatted
@pass_address
def reverse(
    address: BankAddress,
    /,
    *,
    transfer_id: str,
    reason: str,
    hours: str | None,
    occurred_on: date | None,
    id: str | None,
    format: str,
) -> None:
    """Take a transfer back."""
    with address.open() as bank:
        made = bank.reverse(transfer_id, reason=reason, hours=hours, occurred_on=occurred_on, id=id)
    show_transfer(made, format)


def show_transfer(made: Transfer, format: str, *, dry_run: bool = False) -> None:
    """Print what was recorded, or would be, with its fee and flags."""
    from timebank.reports.transfers import transfer_text

    show_result(format, made, lambda: transfer_text(made, dry_run=dry_run))
