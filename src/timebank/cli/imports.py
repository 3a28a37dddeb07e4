"""`timebank import timeoverflow`."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import click

from timebank.cli.options import formatted
from timebank.cli.output import Progress, show_as
from timebank.cli.place import Place, pass_place
from timebank.cli.program import REFUSED, WELL, usage

if TYPE_CHECKING:
    from collections.abc import Callable

    from timebank.interchange.report import ImportReport, Quarantined


@click.group("import", no_args_is_help=False, help="Bring in what another system has.")
def import_() -> None:
    """Imports."""


@import_.command(
    help="""Import the two CSV files of TimeOverflow.

    A second run books nothing twice. A row that cannot be understood is reported,
    and the exit code is 1.
    """
)
@click.option("--users", metavar="FILE", required=True, help="The members, without a header.")
@click.option("--transfers", metavar="FILE", required=True, help="The exchanges, likewise.")
@click.option("--strict", is_flag=True, help="Book nothing, unless all rows are good.")
@click.option("--dry-run", is_flag=True, help="Decide, and write nothing.")
@click.option("--quarantine", metavar="FILE", help="Write all quarantined rows there, as CSV.")
@formatted
@pass_place
def timeoverflow(
    place: Place,
    /,
    *,
    users: str,
    transfers: str,
    strict: bool,
    dry_run: bool,
    quarantine: str | None,
    format: str,
) -> int:
    """Import TimeOverflow's files."""
    from timebank.interchange.timeoverflow import import_timeoverflow

    with ExitStack() as stack:
        # Files first, so that a wrong name makes no bank.
        sources = [stack.enter_context(_opened(path)) for path in (users, transfers)]
        keep = stack.enter_context(_quarantine_file(quarantine))
        opened = place.open_for_preview() if dry_run else place.open(create=True)
        bank = stack.enter_context(opened)
        progress = stack.enter_context(Progress("import"))
        report = import_timeoverflow(
            bank,
            *sources,
            strict=strict,
            dry_run=dry_run,
            progress=progress,
            on_quarantine=keep,
        )
    show_as(format, lambda: report_shape(report), lambda: report_text(report, dry_run=dry_run))
    return WELL if report.ok else REFUSED


def _opened(path: str) -> BinaryIO:
    try:
        return Path(path).open("rb")
    except ValueError:
        usage(f"{path!r} can name no file")


@contextmanager
def _quarantine_file(path: str | None) -> Iterator[Callable[[Quarantined], None] | None]:
    """A CSV file of the quarantined rows, with a header."""
    if path is None:
        yield None
        return
    with Path(path).open("w", encoding="utf-8", errors="backslashreplace", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["file", "line", "column", "value", "reason"])
        yield lambda row: writer.writerow([row.file, row.line, row.column, row.value, row.reason])


def report_text(report: ImportReport, *, dry_run: bool = False) -> list[str]:
    """The counts of an import, then each quarantined row."""
    from timebank.reports.balances import counted
    from timebank.reports.cells import harmless

    lines = [
        f"Accounts:  {report.accounts_opened:,} opened, {report.accounts_there:,} there already",
        f"Transfers: {report.transfers_booked:,} booked, {report.transfers_there:,} there already",
        f"Moved:     {report.moved} hours",
    ]
    if dry_run:
        lines.append("This was a dry run: nothing is written.")
    elif not report.booked:
        lines = ["Nothing is booked, for not all rows are good."]
    if report.ok:
        return lines
    lines += ["", f"{counted(report.quarantined, 'row')} could not be taken:"]
    lines += [f"  {harmless(str(row))}" for row in report.rows]
    if more := report.quarantined - len(report.rows):
        lines.append(f"  and {more:,} more: --quarantine FILE writes all of them")
    return lines


def report_shape(report: ImportReport) -> dict[str, Any]:
    """The same as JSON."""
    return {
        "ok": report.ok,
        "booked": report.booked,
        "accounts_opened": report.accounts_opened,
        "accounts_there": report.accounts_there,
        "transfers_booked": report.transfers_booked,
        "transfers_there": report.transfers_there,
        "moved": str(report.moved),
        "quarantined": report.quarantined,
        "rows": [
            {
                "file": row.file,
                "line": row.line,
                "column": row.column,
                "value": row.value,
                "reason": row.reason,
            }
            for row in report.rows
        ],
    }
