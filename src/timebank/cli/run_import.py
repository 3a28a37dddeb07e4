"""Run an import: the options that every import command has, its files, and its exit code."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from datetime import date
from pathlib import Path
from stat import S_ISFIFO
from typing import TYPE_CHECKING, Any, Final, TypedDict, Unpack

import click

from timebank.cli.address import BankAddress
from timebank.cli.options import DAY, formatted
from timebank.cli.output import show_result
from timebank.cli.program import REFUSED, WELL, usage
from timebank.cli.progress import Progress

if TYPE_CHECKING:
    from timebank.interchange.engine.protocol import Importer
    from timebank.interchange.engine.quarantine import Mended, QuarantineFile
    from timebank.interchange.engine.report import Quarantined


class Options(TypedDict):
    """The values of the options that all imports share."""

    strict: bool
    dry_run: bool
    quarantine: str | None
    mended: str | None
    opening: str | None
    opening_account: str
    opening_day: date | None
    source: str | None
    follow: bool
    keep: bool
    same_rows: bool
    format: str


_OPTIONS: Final = (
    click.option("--strict", is_flag=True, help="Book nothing, unless all rows are good."),
    click.option("--dry-run", is_flag=True, help="Decide, and write nothing."),
    click.option("--quarantine", metavar="FILE", help="Write all quarantined rows there, as CSV."),
    click.option("--mended", metavar="FILE", help="Such a file, mended: read its rows instead."),
    click.option("--opening", metavar="FILE", help="Opening balances: CSV, account,balance."),
    click.option(
        "--opening-account",
        metavar="ID",
        default="opening",
        show_default=True,
        help="Where opening balances come from.",
    ),
    click.option("--opening-day", type=DAY, help="Their day; today if left out."),
    click.option("--source", metavar="NAME", help="What the source is called, as ids begin."),
    click.option("--follow", is_flag=True, help="Reverse what is gone, amend what changed."),
    click.option("--keep", is_flag=True, help="Keep what is gone or changed as it was booked."),
    click.option("--same-rows", is_flag=True, help="Rows of two files are the same exchanges."),
    formatted,
)


def import_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options of every import to a command."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def run_import(
    address: BankAddress,
    make: Callable[[Mended | None], Importer],
    *,
    open_accounts: bool = False,
    **options: Unpack[Options],
) -> int:
    """Make an importer, run it, show its report, and return the exit code.

    `make` is given what was mended. It looks for its files, so that a wrong name makes no bank.
    `open_accounts` is for the opening balances; an importer opens what it opens.
    """
    from timebank.interchange.engine.booking import run
    from timebank.reports.imports import import_text

    dry_run = options["dry_run"]
    if options["follow"] and options["keep"]:
        usage("--follow and --keep are two answers: give one of them")
    with ExitStack() as stack:
        mended = _mended(options)
        importer = _named(make(mended), options["source"])
        opening = _opening(options, importer, mended, open_accounts=open_accounts)
        if mended is not None:
            mended.finish()
        quarantine = stack.enter_context(_quarantine_file(options["quarantine"], importer))
        opened = address.open_for_preview() if dry_run else address.open(create=True)
        bank = stack.enter_context(opened)
        report = run(
            bank,
            importer,
            strict=options["strict"],
            dry_run=dry_run,
            progress=stack.enter_context(Progress("import", left=True)),
            on_quarantine=None if quarantine is None else _keeping(quarantine, importer),
            opening=opening,
            follow=options["follow"],
            keep=options["keep"],
            same_rows=options["same_rows"],
        )
    show_result(options["format"], report, lambda: import_text(report, dry_run=dry_run))
    return WELL if report.ok else REFUSED


def _keeping(quarantine: QuarantineFile, importer: Importer) -> Callable[[Quarantined], None]:
    """Return a function that writes each row, under the names of its columns if known."""

    def keep(row: Quarantined) -> None:
        # Asked each time: an importer may know the columns only as it reads.
        headers: Mapping[str, tuple[str, ...]] = getattr(importer, "headers", {})
        quarantine.write(row, headers.get(row.file, ()))

    return keep


def existing(path: str) -> Path:
    """Return the path of a file that can be read; a wrong name fails before anything is made.

    A pipe is not tried, for what is opened twice may come but once.

    :raises OSError: it cannot be.
    """
    try:
        if not S_ISFIFO(Path(path).stat().st_mode):
            with Path(path).open("rb"):
                pass  # it can be read
        return Path(path)
    except ValueError:
        usage(f"{path!r} can name no file")


def _mended(options: Options) -> Mended | None:
    from timebank.interchange.engine.quarantine import Mended

    path = options["mended"]
    if path is None:
        return None
    if options["quarantine"] is not None and Path(path) == Path(options["quarantine"]):
        usage("--quarantine would write over what --mended reads: give it another name")
    with existing(path).open("rb") as file:
        return Mended(path, file)


def _named(importer: Importer, name: str | None) -> Importer:
    """Return an importer whose source has a name."""
    from timebank.interchange.engine.source_name import Renamed

    return importer if name is None else Renamed(importer, name)


def _opening(
    options: Options, importer: Any, mended: Mended | None, *, open_accounts: bool
) -> Iterator[Any]:
    """Return the rows of opening balances, as the importer reads them where it does."""
    from timebank.interchange.engine.opening import opening_balances

    if options["opening"] is None:
        return iter(())
    path = existing(options["opening"])
    if mended is not None:
        mended.fit([str(path)])
    # A mapping says what the columns of a file of balances mean.
    read: Callable[..., Iterator[Any]] = getattr(importer, "opening", opening_balances)
    return read(
        path,
        account=options["opening_account"],
        day=options["opening_day"],
        open_accounts=open_accounts,
        mended=mended,
    )


@contextmanager
def _quarantine_file(path: str | None, importer: Importer) -> Iterator[QuarantineFile | None]:
    from timebank.interchange.engine.quarantine import QuarantineFile

    if path is None:
        yield None
        return
    with open(
        path, "w", encoding="utf-8", errors="backslashreplace", newline="", opener=private
    ) as file:
        # In the dialect of the sheet, with a mark by which spreadsheets know UTF-8.
        yield QuarantineFile(file, delimiter=getattr(importer, "dialect", ","), bom=True)


def private(path: str, flags: int) -> int:
    """Open a file, made for its owner alone where it is not there: the rows are about people."""
    return os.open(path, flags, 0o600)
