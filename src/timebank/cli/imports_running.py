"""What every import command shares: its options, its files, and how it runs and ends."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from datetime import date
from pathlib import Path
from stat import S_ISFIFO
from typing import TYPE_CHECKING, Any, Final, Self, TypedDict, Unpack

import click

from timebank.cli.options import DAY, formatted
from timebank.cli.output import lasting, show_as
from timebank.cli.place import Place
from timebank.cli.program import REFUSED, WELL, usage

if TYPE_CHECKING:
    from timebank.interchange.engine.protocol import Importer
    from timebank.interchange.engine.quarantine import Mended, QuarantineFile
    from timebank.interchange.engine.report import Quarantined


class Options(TypedDict):
    """What the shared options say."""

    strict: bool
    dry_run: bool
    quarantine: str | None
    mended: str | None
    opening: str | None
    opening_account: str
    opening_day: date | None
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
    formatted,
)


def import_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options of every import."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def run_import(
    place: Place,
    make: Callable[[Mended | None], Importer],
    *,
    open_accounts: bool = False,
    **options: Unpack[Options],
) -> int:
    """Make an importer, run it, show what it came to; the exit code.

    `make` is given what was mended. It looks for its files, so that a wrong name makes no bank.
    `open_accounts` is for the opening balances; an importer opens what it opens.
    """
    from timebank.cli.imports_report import report_shape, report_text
    from timebank.interchange.engine.booking import run

    dry_run = options["dry_run"]
    with ExitStack() as stack:
        mended = _mended(options)
        importer = make(mended)
        opening = _opening(options, mended, open_accounts=open_accounts)
        if mended is not None:
            mended.finish()
        quarantine = stack.enter_context(_quarantine_file(options["quarantine"]))
        opened = place.open_for_preview() if dry_run else place.open(create=True)
        bank = stack.enter_context(opened)
        report = run(
            bank,
            importer,
            strict=options["strict"],
            dry_run=dry_run,
            progress=stack.enter_context(Reading("import")),
            on_quarantine=None if quarantine is None else _keeping(quarantine, importer),
            opening=opening,
        )
    show_as(
        options["format"],
        lambda: report_shape(report),
        lambda: report_text(report, dry_run=dry_run),
    )
    return WELL if report.ok else REFUSED


def _keeping(quarantine: QuarantineFile, importer: Importer) -> Callable[[Quarantined], None]:
    """Writes each row, under the names of its columns where the importer has them."""

    def keep(row: Quarantined) -> None:
        # Asked each time: an importer may know the columns only as it reads.
        headers: Mapping[str, tuple[str, ...]] = getattr(importer, "headers", {})
        quarantine.write(row, headers.get(row.file, ()))

    return keep


def existing(path: str) -> Path:
    """The path of a file that can be read, so that a wrong name is told before anything is made.

    A pipe is not tried, for what is opened twice may come but once.

    :raises OSError: it cannot be.
    """
    try:
        if not S_ISFIFO(Path(path).stat().st_mode):
            with Path(path).open("rb"):
                """It can."""
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


def _opening(options: Options, mended: Mended | None, *, open_accounts: bool) -> Iterator[Any]:
    from timebank.interchange.engine.opening import opening_balances

    if options["opening"] is None:
        return iter(())
    path = existing(options["opening"])
    if mended is not None:
        mended.fit([str(path)])
    return opening_balances(
        path,
        account=options["opening_account"],
        day=options["opening_day"],
        open_accounts=open_accounts,
        mended=mended,
    )


@contextmanager
def _quarantine_file(path: str | None) -> Iterator[QuarantineFile | None]:
    from timebank.interchange.engine.quarantine import QuarantineFile

    if path is None:
        yield None
        return
    with Path(path).open("w", encoding="utf-8", errors="backslashreplace", newline="") as file:
        yield QuarantineFile(file)


class Reading:
    """Shows on standard error how much is read and how long the rest takes, on a terminal."""

    def __init__(self, label: str) -> None:
        self._label = label
        self._is_shown = sys.stderr.isatty()
        self._shown = ""
        self._begun = time.monotonic()

    def __call__(self, done: int, total: int) -> None:
        """So many bytes of so many are read."""
        if not self._is_shown or not total:
            return
        share = min(done / total, 1)
        line = f"{self._label}: {share:.0%}"
        if 0 < share < 1:
            left = (time.monotonic() - self._begun) * (1 - share) / share
            line += f", {lasting(left)} left"
        if line != self._shown:
            self._shown = line
            sys.stderr.write(f"\r\x1b[K{line}")
            sys.stderr.flush()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        """Take the line away, so that what follows begins on a clean one."""
        if self._shown:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()
