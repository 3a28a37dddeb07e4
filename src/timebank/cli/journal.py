"""`timebank init`, `journal` and `rebuild`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import click

from timebank.cli.address import BankAddress, pass_address, without_password
from timebank.cli.options import Number, formatted
from timebank.cli.output import show, show_as, show_bytes
from timebank.cli.program import said, said_of
from timebank.cli.progress import Progress

if TYPE_CHECKING:
    from timebank.bank import TimeBank
    from timebank.model import Amendment, Record


@click.command(help="Make the file and the bank where they are missing.")
@formatted
@pass_address
def init(address: BankAddress, /, *, format: str) -> None:
    """Make a bank."""
    from timebank import reports
    from timebank.reports.text import harmless

    with address.open(create=True) as bank:
        head = bank.head()
    shape = {
        "bank": address.bank,
        "url": without_password(address.url),
        "head": reports.json.head(head),
    }
    where = without_password(str(address.db))
    line = harmless(said("ready", bank=address.bank, where=where))
    show_as(format, lambda: shape, lambda: [line])


@click.command(help="The records as JSON Lines: sequence, digest, record.")
@click.option(
    "--after",
    type=Number(min=0, max=2**53),
    default=0,
    metavar="N",
    help="Only those with a higher sequence.",
)
@click.option(
    "--format",
    "format",
    type=click.Choice(["json", "text"]),
    default="json",
    show_default=True,
    help="For programs or for people.",
)
@pass_address
def journal(address: BankAddress, /, *, after: int, format: str) -> None:
    """Print the journal, page by page."""
    from timebank.interchange.jsonl import line_of

    with address.open(read_only=True) as bank:
        records = bank.records(after=after)
        if format == "json":
            show_bytes(line_of(record) for record in records)
        else:
            show(_described(bank, records))


def _described(bank: TimeBank, records: Iterable[Record]) -> Iterator[str]:
    """Yield each record as a line.

    The amendments of an exchange are read at the first of them, and kept until the last.
    """
    from timebank.reports.journal import operation_of, record_text

    known: dict[str, tuple[Amendment, ...]] = {}
    banks = _banks(bank)
    for record in records:
        operation = operation_of(record)
        if operation is None:
            yield record_text(record, banks=banks)
            continue
        amendments = known.pop(operation, ())
        if not any(one.sequence == record.sequence for one in amendments):
            amendments = _amendments(bank, operation)
        yield record_text(record, amendments, banks=banks)
        if amendments and amendments[-1].sequence > record.sequence:
            known[operation] = amendments


def _banks(bank: TimeBank) -> dict[str, str]:
    """Return what other banks are called, by their journals."""
    from timebank import federation
    from timebank.errors import TimebankError

    try:
        agreed = federation.agreements(bank)
    except TimebankError:  # a journal that is not well is shown too
        return {}
    return {one.peer: one.name for one in agreed if one.name is not None}


def _amendments(bank: TimeBank, operation: str) -> tuple[Amendment, ...]:
    """Return the amendments of an exchange, which have the texts of its notes."""
    from timebank.errors import NotFound, TimebankError

    try:
        try:
            return bank.transfer_by_id(operation).amendments
        except NotFound:
            return bank.hold_by_id(operation).amendments
    except TimebankError:  # a journal that is not well is shown too
        return ()


@click.command(
    help="""Make accounts and postings anew from the journal, where that is well.

    It is looked at first: where its sequence, chain or canonical form fails, nothing is changed.
    """
)
@click.option("--force", is_flag=True, help="From a journal that is not well, too.")
@formatted
@pass_address
def rebuild(address: BankAddress, /, *, force: bool, format: str) -> None:
    """Rebuild the derived rows."""
    with address.open() as bank:
        with Progress(said("label_rebuild")) as progress:
            bank.rebuild(progress, force=force)
        records = bank.head().sequence
    line = said_of("rebuilt", records)
    show_as(format, lambda: {"records": records}, lambda: [line])
