"""Show or erase what is personal: `timebank personal-data`, `timebank erase`."""

from __future__ import annotations

import click

from timebank.cli.address import BankAddress, pass_address
from timebank.cli.options import formatted
from timebank.cli.output import show_json, show_result
from timebank.cli.program import said, usage


@click.command("personal-data", help="All that is held of a person, as JSON, for that person.")
@click.argument("id")
@pass_address
def personal_data(address: BankAddress, /, *, id: str) -> None:
    """Show what is held of a person."""
    from timebank.cli.finding import account_id

    with address.open(read_only=True) as bank:
        show_json(bank.personal_data(account_id(bank, id)))


@click.command(
    help="""Destroy the personal text of an account: names, notes, reasons. For good.

    Balances, and every proof, stay as they are. With --record, the text of one record.
    """
)
@click.argument("id", required=False)
@click.option("--record", metavar="N|ID", help="A record's number, or the id of an operation.")
@click.option("--reason", required=True, help="Why. It is kept: name nobody in it.")
@click.option("--dry-run", is_flag=True, help="Show what would go, and write nothing.")
@formatted
@pass_address
def erase(
    address: BankAddress,
    /,
    *,
    id: str | None,
    record: str | None,
    reason: str,
    dry_run: bool,
    format: str,
) -> None:
    """Erase the texts of an account or of a record."""
    from timebank.cli.finding import account_id
    from timebank.reports.members import erasure_text

    if (id is None) == (record is None):
        usage(said("account_or_record"))
    named = int(record) if record is not None and _is_number(record) else record
    with address.open_to_write(dry_run=dry_run) as bank:
        account = None if id is None else account_id(bank, id)
        done = bank.erase(account, record=named, reason=reason)
    show_result(format, done, lambda: erasure_text(done, dry_run=dry_run))


def _is_number(record: str) -> bool:
    return record.isascii() and record.isdigit() and len(record) < 17  # noqa: PLR2004 - digits of a sequence
