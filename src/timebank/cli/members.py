"""`timebank welcome`, `run-due`, `leave`, `inactive` and `delegate`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import TYPE_CHECKING, Any

import click

from timebank.cli.address import BankAddress, pass_address
from timebank.cli.options import DAY, formatted
from timebank.cli.output import show_result
from timebank.cli.program import said, usage

if TYPE_CHECKING:
    from timebank.bank import TimeBank
    from timebank.model.members import Delegate, Disposal

_dry_run = click.option("--dry-run", is_flag=True, help="Decide, and write nothing.")


@click.command(help="Give an account the welcome credit of the statute, unless it has one.")
@click.argument("account")
@formatted
@pass_address
def welcome(address: BankAddress, /, *, account: str, format: str) -> None:
    """Give welcome credit."""
    from timebank.cli.finding import account_id
    from timebank.cli.transfers import show_transfer

    with address.open() as bank:
        made = bank.welcome(account_id(bank, account))
    show_transfer(made, format)


@click.command(
    "run-due",
    help="""Charge the dues and the demurrage of the statute that have fallen due.

    Nobody is charged twice, however often it runs: put it into cron.
    """,
)
@click.option("--through", type=DAY, help="What fell due up to this day; today if left out.")
@click.option("--quiet", is_flag=True, help="Print nothing where nothing is due.")
@_dry_run
@formatted
@pass_address
def run_due(
    address: BankAddress, /, *, through: date | None, quiet: bool, dry_run: bool, format: str
) -> None:
    """Charge what is due."""
    from timebank.reports.members import due_text

    with address.open_to_write(dry_run=dry_run) as bank:
        report = bank.run_due(through=through)
    if quiet and not report.charges:
        return
    show_result(format, report, lambda: due_text(report, dry_run=dry_run))


@click.command(help="What is due of an account, and was not charged yet.")
@click.argument("account")
@click.option("--through", type=DAY, help="What will be due by this day; today if left out.")
@formatted
@pass_address
def dues(address: BankAddress, /, *, account: str, through: date | None, format: str) -> None:
    """Show what is due."""
    from timebank.cli.finding import account_id
    from timebank.reports.members import dues_text

    with address.open(read_only=True) as bank:
        account = account_id(bank, account)
        found = bank.dues(account, through=through)
    show_result(format, found, lambda: dues_text(found, account))


@click.command(
    help="""Close the account of who leaves.

    Dues that are due are charged, open holds are released, welcome credit that is due back goes
    back, what is left goes where you say, and the account is closed: all of it or nothing. See
    it with --dry-run.
    """
)
@click.argument("account")
@click.option("--donate-to", metavar="FUND", help="Where a credit goes.")
@click.option("--assign-to", metavar="ID", help="Which account gets a credit instead.")
@click.option("--consented", is_flag=True, help="The holder of that account has consented.")
@click.option("--write-off-on", metavar="ID", help="The account on which a debt falls.")
@click.option("--reason", help="Personal text: why.")
@_dry_run
@formatted
@pass_address
def leave(
    address: BankAddress,
    /,
    *,
    account: str,
    donate_to: str | None,
    assign_to: str | None,
    consented: bool,
    write_off_on: str | None,
    reason: str | None,
    dry_run: bool,
    format: str,
) -> None:
    """Close the account of a member who leaves."""
    from timebank.cli.finding import account_id
    from timebank.reports.members import leaving_text

    if assign_to is not None and not consented:
        usage(said("needs_consent"))
    with address.open_to_write(dry_run=dry_run) as bank:
        id, *others = [
            None if one is None else account_id(bank, one)
            for one in (account, donate_to, assign_to, write_off_on)
        ]
        left = bank.leave(str(id), disposal=_disposals(*others), reason=reason)
    show_result(format, left, lambda: leaving_text(left, dry_run=dry_run))


def _disposals(
    donate_to: str | None, assign_to: str | None, write_off_on: str | None
) -> list[Disposal]:
    from timebank.model.members import Assign, Donate, WriteOff

    found: list[Any] = []
    if donate_to is not None:
        found.append(Donate(donate_to))
    if assign_to is not None:
        found.append(Assign(assign_to, consented=True))
    if write_off_on is not None:
        found.append(WriteOff(write_off_on))
    return found


@click.command(help="Accounts that exchanged nothing since a day: candidates, no more.")
@click.option("--since", type=DAY, required=True, help="From which day of service on.")
@formatted
@pass_address
def inactive(address: BankAddress, /, *, since: date, format: str) -> None:
    """List who is inactive."""
    from timebank.reports.members import inactive_text

    with address.open(read_only=True) as bank:
        found = list(bank.inactive(since=since))
    show_result(format, found, lambda: inactive_text(found, since))


@click.group(no_args_is_help=False, help="Who may act for an account: name them, end it.")
def delegate() -> None:
    """The group of the commands of delegates."""


@delegate.command("name", help="Let somebody act for an account.")
@click.argument("account")
@click.argument("delegate_id", metavar="DELEGATE")
@click.option("--until", type=DAY, help="The last day on which they may.")
@formatted
@pass_address
def name(
    address: BankAddress, /, *, account: str, delegate_id: str, until: date | None, format: str
) -> None:
    """Name a delegate."""
    from timebank.reports.members import delegate_text

    with address.open() as bank:
        named = bank.name_delegate(*_ids(bank, account, delegate_id), until=until)
    show_result(format, named, lambda: [delegate_text(named)])


@delegate.command("end", help="Let somebody act for an account no more.")
@click.argument("account")
@click.argument("delegate_id", metavar="DELEGATE")
@formatted
@pass_address
def end(address: BankAddress, /, *, account: str, delegate_id: str, format: str) -> None:
    """End a delegate."""
    with address.open() as bank:
        account, delegate_id = _ids(bank, account, delegate_id)
        bank.end_delegate(account, delegate_id)
    _list(address, account, format)


def _ids(bank: TimeBank, account: str, delegate: str) -> tuple[str, str]:
    from timebank.cli.finding import account_id

    return account_id(bank, account), _delegate(bank, delegate)


def _delegate(bank: TimeBank, text: str) -> str:
    """Return the id of a delegate, who need not have an account."""
    from timebank.cli.finding import account_id
    from timebank.errors import AccountNotFound

    try:
        return account_id(bank, text)
    except AccountNotFound:
        return text


@delegate.command(
    "list", help="Who may act for an account today, or for whom somebody may with --of."
)
@click.argument("account", required=False)
@click.option("--of", "delegate_id", metavar="DELEGATE", help="The accounts of this delegate.")
@formatted
@pass_address
def list_(
    address: BankAddress, /, *, account: str | None, delegate_id: str | None, format: str
) -> None:
    """List the delegates."""
    from timebank.reports.words import Words

    if (account is None) == (delegate_id is None):
        usage(said("account_or_delegate"))
    if account is not None:
        _list(address, account, format)
    else:
        with address.open(read_only=True) as bank:
            delegate_id = _delegate(bank, str(delegate_id))
            found = bank.acts_for(delegate_id)
        _show(found, Words("members")("acts_for_nobody", delegate=delegate_id), format)


def _list(address: BankAddress, account: str, format: str) -> None:
    from timebank.cli.finding import account_id
    from timebank.reports.words import Words

    with address.open(read_only=True) as bank:
        account = account_id(bank, account)
        found = bank.delegates(account)
    _show(found, Words("members")("nobody_acts", account=account), format)


def _show(found: Sequence[Delegate], none: str, format: str) -> None:
    from timebank.reports.members import delegate_text
    from timebank.reports.text import harmless

    show_result(format, list(found), lambda: list(map(delegate_text, found)) or [harmless(none)])
