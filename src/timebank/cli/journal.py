"""The journal itself: `timebank init`, `journal`, `head`, `audit`, `rebuild`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from timebank.cli.options import formatted
from timebank.cli.output import Progress, show, show_as, show_bytes
from timebank.cli.place import Place, pass_place, without_password
from timebank.cli.program import REFUSED, WELL

if TYPE_CHECKING:
    from timebank.audit import AuditReport
    from timebank.model import Record


@click.command(help="Make the file and the bank where they are missing.")
@formatted
@pass_place
def init(place: Place, /, *, format: str) -> None:
    """Make a bank."""
    from timebank.reports.cells import harmless
    from timebank.reports.shapes import head_shape

    with place.open(create=True) as bank:
        head = bank.head()
    shape = {"bank": place.bank, "url": without_password(place.url), "head": head_shape(head)}
    line = harmless(f"Bank {place.bank} is ready in {without_password(str(place.db))}.")
    show_as(format, lambda: shape, lambda: [line])


@click.command(help="The records as JSON Lines: sequence, digest, record.")
@click.option(
    "--after",
    type=click.IntRange(min=0, max=2**53),
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
@pass_place
def journal(place: Place, /, *, after: int, format: str) -> None:
    """Print the journal, page by page."""
    from timebank.interchange.jsonl import line_of

    with place.open(read_only=True) as bank:
        records = bank.records(after=after)
        if format == "json":
            show_bytes(line_of(record) for record in records)
        else:
            show(_described(record) for record in records)


def _described(record: Record) -> str:
    actor = "" if record.actor is None else f" by {record.actor}"
    recorded_at = f"{record.recorded_at:%Y-%m-%d %H:%M:%S} UTC"
    return f"{record.sequence:>8}  {recorded_at}  {record.digest.hex()[:16]}  {record.kind}{actor}"


@click.command(
    help="Where the journal stands. The line may be published, to prove what came before."
)
@formatted
@pass_place
def head(place: Place, /, *, format: str) -> None:
    """Print the head."""
    from timebank.reports.shapes import head_shape

    with place.open(read_only=True) as bank:
        found = bank.head()
    show_as(format, lambda: head_shape(found), lambda: [str(found)])


@click.command(help="Derive everything again and compare. Exit code 1 where something differs.")
@formatted
@pass_place
def audit(place: Place, /, *, format: str) -> int:
    """Audit the bank, read-only."""
    from timebank.reports.findings import audit_text
    from timebank.reports.shapes import audit_shape

    report = _audited(place)
    show_as(format, lambda: audit_shape(report), lambda: audit_text(report))
    return WELL if report.ok else REFUSED


def _audited(place: Place) -> AuditReport:
    """The report, also on a file that cannot be opened: that it is damaged is a finding."""
    from timebank.audit import unreadable
    from timebank.errors import Corrupt, StoreError

    try:
        with place.open(read_only=True) as bank, Progress("audit") as progress:
            return bank.audit(progress)
    except (Corrupt, StoreError) as error:
        return unreadable(error)


@click.command(help="Make accounts and postings anew from the journal.")
@formatted
@pass_place
def rebuild(place: Place, /, *, format: str) -> None:
    """Rebuild the derived rows."""
    from timebank.reports.balances import counted

    with place.open() as bank:
        with Progress("rebuild") as progress:
            bank.rebuild(progress)
        records = bank.head().sequence
    line = f"Accounts and postings are made anew from {counted(records, 'record')}."
    show_as(format, lambda: {"records": records}, lambda: [line])
