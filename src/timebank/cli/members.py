"""`timebank welcome`, `run-due`, `leave`, `inactive` and `delegate`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from typing import TYPE_CHECKING, Any

import click

from timebank.cli.options import DAY, formatted
from timebank.cli.output import show_as
from timebank.cli.place import Place, pass_place
from timebank.cli.program import usage

if TYPE_CHECKING:
    from timebank.bank import BankBatch, TimeBank
    from timebank.model.members import Delegate, Disposal

_dry_run = click.option("--dry-run", is_flag=True, help="Decide, and write nothing.")


@contextmanager
def _tried(place: Place, *, dry_run: bool) -> Iterator[TimeBank | BankBatch]:
    """The bank, or a preview of it."""
    with place.open(read_only=dry_run) as bank:
        if dry_run:
            with bank.preview() as preview:
                yield preview
        else:
            yield bank


@click.command(help="Give an account the welcome credit of the statute, unless it has one.")
@click.argument("account")
@formatted
@pass_place
def welcome(place: Place, /, *, account: str, format: str) -> None:
    """Give welcome credit."""
    from timebank.cli.transfers import show_transfer

    with place.open() as bank:
        made = bank.welcome(account)
    show_transfer(made, format, verb="is")


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
@pass_place
def run_due(
    place: Place, /, *, through: date | None, quiet: bool, dry_run: bool, format: str
) -> None:
    """Charge what is due."""
    from timebank.reports.members import due_shape, due_text

    with _tried(place, dry_run=dry_run) as bank:
        report = bank.run_due(through=through)
    if quiet and not report.charges:
        return
    show_as(format, lambda: due_shape(report), lambda: due_text(report, dry_run=dry_run))


@click.command(help="What is due of an account, and was not charged yet.")
@click.argument("account")
@click.option("--through", type=DAY, help="What will be due by this day; today if left out.")
@formatted
@pass_place
def dues(place: Place, /, *, account: str, through: date | None, format: str) -> None:
    """Show what is due."""
    from timebank.reports.members import dues_text, one_due_shape

    with place.open(read_only=True) as bank:
        found = bank.dues(account, through=through)
    show_as(
        format,
        lambda: [one_due_shape(one) for one in found],
        lambda: dues_text(found, account),
    )


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
@pass_place
def leave(
    place: Place,
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
    """Leave."""
    from timebank.reports.members import leaving_shape, leaving_text

    if assign_to is not None and not consented:
        usage("--assign-to needs --consented: nobody is given hours without being asked")
    disposal = _disposals(donate_to, assign_to, write_off_on)
    with _tried(place, dry_run=dry_run) as bank:
        left = bank.leave(account, disposal=disposal, reason=reason)
    show_as(format, lambda: leaving_shape(left), lambda: leaving_text(left, dry_run=dry_run))


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
@pass_place
def inactive(place: Place, /, *, since: date, format: str) -> None:
    """List who is inactive."""
    from timebank.reports.members import inactive_shape, inactive_text

    with place.open(read_only=True) as bank:
        found = list(bank.inactive(since=since))
    show_as(
        format, lambda: [inactive_shape(one) for one in found], lambda: inactive_text(found, since)
    )


@click.group(no_args_is_help=False, help="Who may act for an account: name them, end it.")
def delegate() -> None:
    """Delegates."""


@delegate.command("name", help="Let somebody act for an account.")
@click.argument("account")
@click.argument("delegate_id", metavar="DELEGATE")
@click.option("--until", type=DAY, help="The last day on which they may.")
@formatted
@pass_place
def name(
    place: Place, /, *, account: str, delegate_id: str, until: date | None, format: str
) -> None:
    """Name a delegate."""
    from timebank.reports.members import delegate_shape, delegate_text

    with place.open() as bank:
        named = bank.name_delegate(account, delegate_id, until=until)
    show_as(format, lambda: delegate_shape(named), lambda: [delegate_text(named)])


@delegate.command("end", help="Let somebody act for an account no more.")
@click.argument("account")
@click.argument("delegate_id", metavar="DELEGATE")
@formatted
@pass_place
def end(place: Place, /, *, account: str, delegate_id: str, format: str) -> None:
    """End a delegate."""
    with place.open() as bank:
        bank.end_delegate(account, delegate_id)
    _list(place, account, format)


@delegate.command(
    "list", help="Who may act for an account today, or for whom somebody may with --of."
)
@click.argument("account", required=False)
@click.option("--of", "delegate_id", metavar="DELEGATE", help="The accounts of this delegate.")
@formatted
@pass_place
def list_(place: Place, /, *, account: str | None, delegate_id: str | None, format: str) -> None:
    """List the delegates."""
    if (account is None) == (delegate_id is None):
        usage("Name an account, or a delegate with --of")
    if account is not None:
        _list(place, account, format)
    else:
        with place.open(read_only=True) as bank:
            found = bank.acts_for(str(delegate_id))
        _show(found, f"{delegate_id} may act for nobody.", format)


def _list(place: Place, account: str, format: str) -> None:
    with place.open(read_only=True) as bank:
        found = bank.delegates(account)
    _show(found, f"Nobody may act for {account}.", format)


def _show(found: Sequence[Delegate], none: str, format: str) -> None:
    from timebank.reports.cells import harmless
    from timebank.reports.members import delegate_shape, delegate_text

    show_as(
        format,
        lambda: [delegate_shape(one) for one in found],
        lambda: list(map(delegate_text, found)) or [harmless(none)],
    )
