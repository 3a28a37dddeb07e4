"""`timebank hold`, `settle`, `void` and `holds`."""

from __future__ import annotations

import time
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import click

from timebank.cli.address import BankAddress, pass_address
from timebank.cli.options import (
    DAY_OF_SERVICE,
    DURATION,
    accounts_of,
    exchange_options,
    formatted,
    old_day_option,
)
from timebank.cli.output import show_result
from timebank.cli.peer_names import bank_names
from timebank.cli.twice import show_note, twice_note

if TYPE_CHECKING:
    from timebank.bank import TimeBank
    from timebank.model import Hold


@click.command(
    help="""Reserve the hours of a proposed exchange.

    What is held is not spent twice. Settle it by what was really done, or void it.
    """
)
@exchange_options(on="The day of the service, or the day planned for it.")
@click.option(
    "--expires-in",
    type=DURATION,
    metavar="7d|12h|30m|2w",
    help="After so long it reserves nothing.",
)
@click.option("--dry-run", is_flag=True, help="Decide, and write nothing.")
@formatted
@pass_address
def hold(
    address: BankAddress,
    /,
    *,
    earners: tuple[str, ...],
    spenders: tuple[str, ...],
    expires_in: timedelta | None,
    dry_run: bool,
    format: str,
    **arguments: Any,
) -> None:
    """Hold hours."""
    with address.open_to_write(dry_run=dry_run) as bank:
        arguments |= accounts_of(bank, earners, spenders, arguments["via"])
        made = bank.hold(expires_in=expires_in, **arguments)
        note = None if dry_run or arguments["id"] else twice_note(bank, made)
    _show(made, format, done="would" if dry_run else "made")
    show_note(note)


@click.command(
    help="""Make a hold a transfer: all of it, or the --hours that it really took.

    What is not settled is released. Of more than was held, the surplus is judged as a transfer.
    """
)
@click.argument("hold_id", metavar="HOLD")
@click.option("--hours", metavar="HOURS", help="What it really took.")
@click.option(
    "--on", "occurred_on", type=DAY_OF_SERVICE, help="The day of the service; the hold's, or today."
)
@old_day_option
@click.option("--id", "id", metavar="ID", help="Makes repeating the command safe.")
@click.option("--dry-run", is_flag=True, help="Decide, and write nothing.")
@formatted
@pass_address
def settle(
    address: BankAddress,
    /,
    *,
    hold_id: str,
    hours: str | None,
    occurred_on: date | None,
    id: str | None,
    dry_run: bool,
    format: str,
) -> None:
    """Settle a hold."""
    from timebank.cli.transfers import show_transfer

    arguments: dict[str, Any] = {"hours": hours, "occurred_on": occurred_on, "id": id}
    with address.open_to_write(dry_run=dry_run) as bank:
        made = bank.settle(hold_id, **arguments)
    show_transfer(made, format, dry_run=dry_run)


@click.command(help="Release a hold: its hours may be spent again.")
@click.argument("hold_id", metavar="HOLD")
@click.option("--reason", help="Personal text: why.")
@click.option("--id", "id", metavar="ID", help="Makes repeating the command safe.")
@formatted
@pass_address
def void(
    address: BankAddress, /, *, hold_id: str, reason: str | None, id: str | None, format: str
) -> None:
    """Void a hold."""
    with address.open() as bank:
        made = bank.void(hold_id, reason=reason, id=id)
    _show(made, format, done="released")


@click.command(
    help="""The holds of the bank as a calendar: the open ones, unless told otherwise.

    By the day that is planned, and its times; those without a day come last.
    """
)
@click.option("--account", metavar="ID", help="Only those of this account.")
@click.option(
    "--status",
    type=click.Choice(["open", "settled", "voided", "expired", "all"]),
    default="open",
    show_default=True,
)
@formatted
@pass_address
def holds(address: BankAddress, /, *, account: str | None, status: str, format: str) -> None:
    """List the holds."""
    from timebank.cli.finding import account_id
    from timebank.reports.holds import calendar, holds_text

    with address.open(read_only=True) as bank:
        account = None if account is None else account_id(bank, account)
        found = calendar(bank.holds(account=account, status=None if status == "all" else status))
        today = _today(bank)
        names = bank_names(bank) if any(one.across is not None for one in found) else {}
    show_result(format, found, lambda: holds_text(found, today=today, names=names))


def _today(bank: TimeBank) -> date:
    """Return the day in the time zone of the bank; in UTC, where this machine does not know it."""
    from timebank.errors import InvalidStatute
    from timebank.model import instant

    now = time.time_ns() // 1000
    try:
        return date.fromisoformat(bank.statute().day(now))
    except InvalidStatute:
        return instant(now).date()


def _show(made: Hold, format: str, *, done: str) -> None:
    from timebank.reports.holds import hold_text

    show_result(format, made, lambda: hold_text(made, done=done))
