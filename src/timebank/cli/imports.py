"""`timebank import`: a command for each source, and those that other packages offer.

An installed package offers an importer in the entry-point group `timebank.importers`: the
name is the command, the value a callable that is given the files' paths and returns an
importer. It is loaded when its command is called.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Unpack

import click

from timebank.cli.address import BankAddress, pass_address
from timebank.cli.options import Number, formatted
from timebank.cli.output import complain, show, show_as, show_result
from timebank.cli.program import REFUSED, WELL, usage
from timebank.cli.progress import Progress
from timebank.cli.run_import import Options, existing, import_options, run_import

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

    from timebank.interchange.csv.importer import MappingImporter
    from timebank.interchange.engine.quarantine import Mended


class Importers(click.Group):
    """The group of our own import commands and of those that packages offer."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return all names; nothing is loaded for that."""
        return sorted({*super().list_commands(ctx), *(point.name for point in _offered())})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return one of our commands, else the one that a package offers."""
        found = super().get_command(ctx, cmd_name)
        if found is not None:
            return found
        points = [point for point in _offered() if point.name == cmd_name]
        if len(points) > 1:
            packages = ", ".join(sorted(point.value.partition(":")[0] for point in points))
            usage(f"Several packages offer the importer {cmd_name!r}: {packages}")
        return _command_of(points[0]) if points else None


def _offered() -> Iterable[EntryPoint]:
    from importlib.metadata import entry_points

    from timebank.interchange.engine.protocol import ENTRY_POINTS

    return entry_points(group=ENTRY_POINTS)


def _command_of(point: EntryPoint) -> click.Command:
    """Return the command of a package's importer: the files, and the options of every import."""

    @click.command(point.name, help=f"The importer {point.name}, of the package {_package(point)}.")
    @click.argument("files", metavar="FILE...", nargs=-1, required=True)
    @import_options
    @pass_address
    def command(
        address: BankAddress, /, *, files: tuple[str, ...], **options: Unpack[Options]
    ) -> int:
        from timebank.interchange.engine.protocol import load_importer

        paths = [existing(path) for path in files]
        return run_import(address, lambda mended: load_importer(point, paths, mended), **options)

    return command


def _package(point: EntryPoint) -> str:
    return point.dist.name if point.dist is not None else point.value.partition(":")[0]


@click.group(
    "import", cls=Importers, no_args_is_help=False, help="Bring in what another system has."
)
def import_() -> None:
    """The group of imports."""


@import_.command(
    "csv",
    help="""Import any CSV, as a mapping says what its columns mean.

    Mappings are shipped for ces, cyclos3, local_exchange_uk, mutual_credit and timebank_cc; one
    of your own is a TOML file. Where there is no history, give --opening alone. A second run
    books nothing twice, however the sheet was saved. A row that cannot be understood is
    quarantined; where rows changed or are gone since, nothing is booked without --follow or
    --keep; the exit code is 1 in each case.
    """,
)
@click.option("--mapping", metavar="NAME|FILE", help="One that is shipped, or a TOML file.")
@click.option("--transfers", metavar="FILE", multiple=True, help="The exchanges; several times.")
@click.option("--accounts", metavar="FILE", help="The accounts.")
@click.option("--balances", metavar="FILE", help="What the source states, to compare with.")
@click.option("--open-accounts", is_flag=True, help="Open those that no list has.")
@click.option("--explain", is_flag=True, help="Say what the mapping does, and no more.")
@import_options
@pass_address
def csv(
    address: BankAddress,
    /,
    *,
    mapping: str | None,
    transfers: tuple[str, ...],
    accounts: str | None,
    balances: str | None,
    open_accounts: bool,
    explain: bool,
    **options: Unpack[Options],
) -> int:
    """Import CSV by a mapping."""
    from timebank.interchange.engine.opening import NoHistory
    from timebank.reports.text import harmless

    if mapping is None:
        if explain or options["opening"] is None or any((transfers, accounts, balances)):
            usage("Missing option '--mapping', unless --opening is given alone")
        return run_import(address, lambda _: NoHistory(), open_accounts=open_accounts, **options)

    from timebank.interchange.csv.explanation import explained
    from timebank.interchange.csv.importer import MappingImporter
    from timebank.interchange.csv.toml import mapping_of

    found = mapping_of(mapping)
    if explain:
        show(map(harmless, explained(found)))
        return WELL
    if not transfers and options["opening"] is None:
        usage("Missing option '--transfers', unless --opening is given")
    exchanges = _different(transfers)
    lists = [None if file is None else existing(file) for file in (accounts, balances)]
    if not any((accounts, balances, open_accounts)) and _is_empty(address):
        usage("No account is there yet: give --accounts FILE, or --open-accounts")

    def make(mended: Mended | None) -> MappingImporter:
        return MappingImporter(
            found,
            exchanges or None,
            accounts=lists[0],
            balances=lists[1],
            open_accounts=open_accounts,
            mended=mended,
        )

    return run_import(address, make, open_accounts=open_accounts, **options)


def _different(files: tuple[str, ...]) -> list[Path]:
    """Return the paths of files, none of which is given twice."""
    paths = [existing(file) for file in files]
    if len({path.resolve() for path in paths}) < len(paths):
        usage("--transfers names a file twice")
    return paths


def _is_empty(address: BankAddress) -> bool:
    """Return whether the bank has no account that an exchange could name."""
    with address.open_for_preview() as bank:
        return next(iter(bank.accounts()), None) is None


@import_.command(
    help="""Take back all that was imported from a source, in one commit or not at all.

    SOURCE is the name with which the ids of its exchanges begin: that of the mapping, timeoverflow,
    komunitin. Its rows may be imported again.
    """
)
@click.argument("source", metavar="SOURCE")
@click.option("--dry-run", is_flag=True, help="Decide, and write nothing.")
@formatted
@pass_address
def undo(address: BankAddress, /, *, source: str, dry_run: bool, format: str) -> int:
    """Take an import back."""
    from timebank.interchange.engine.undoing import undo as undo_import
    from timebank.reports.imports import undo_text

    with address.open_for_preview() if dry_run else address.open() as bank:
        report = undo_import(bank, source, dry_run=dry_run)
    show_result(format, report, lambda: undo_text(report, dry_run=dry_run))
    return WELL if report.ok else REFUSED


@import_.command(
    help="""Make the bank that an export of JSON Lines has, and audit it.

    FILE is proved before anything is written. Where the bank has the beginning already, it
    takes what is missing. What stops it on the way says which records are kept, and the same
    command goes on from there; with --atomic none are.
    """
)
@click.argument("file", metavar="FILE")
@click.option("--expect-head", metavar="LINE", help="A head that was published; it must be there.")
@click.option("--atomic", is_flag=True, help="Keep all records in one commit, or none.")
@formatted
@pass_address
def jsonl(
    address: BankAddress, /, *, file: str, expect_head: str | None, atomic: bool, format: str
) -> int:
    """Import an export."""
    from timebank import reports
    from timebank.audit import audit
    from timebank.interchange.jsonl.importing import carry_export
    from timebank.interchange.jsonl.lines import Export, importing_nothing
    from timebank.model import Head
    from timebank.reports.findings import audit_text
    from timebank.storage import open_store

    expect = None if expect_head is None else Head.of(expect_head)
    with existing(file).open("rb") as lines:
        with importing_nothing():
            found = Export.of(file, lines)
            found.prove(expect)  # before a file is made
        with closing(open_store(address.url, create=True)) as store:
            with _telling_notes(), Progress("import", counted="records", left=True) as pace:
                head = carry_export(store, found, bank=address.bank, atomic=atomic, progress=pace)
            with store.reader(address.bank) as reader, Progress("audit") as progress:
                report = audit(reader, progress=progress)

    def shape() -> dict[str, Any]:
        return {
            "bank": address.bank,
            "head": reports.json.head(head),
            "audit": reports.json.audit_report(report),
        }

    show_as(format, shape, lambda: [str(head), "audit: ok"] if report.ok else audit_text(report))
    return WELL if report.ok else REFUSED


@contextmanager
def _telling_notes() -> Iterator[None]:
    """Show the notes of what ends a command without a message of its own."""
    try:
        yield
    except (KeyboardInterrupt, OSError, MemoryError) as error:
        for note in getattr(error, "__notes__", ()):
            complain(note)
        raise


@import_.command(
    help="""Import the two CSV files of TimeOverflow.

    A second run books nothing twice. A row that cannot be understood is reported,
    and the exit code is 1.
    """
)
@click.option("--users", metavar="FILE", required=True, help="The members, without a header.")
@click.option("--transfers", metavar="FILE", required=True, help="The exchanges, likewise.")
@import_options
@pass_address
def timeoverflow(
    address: BankAddress, /, *, users: str, transfers: str, **options: Unpack[Options]
) -> int:
    """Import TimeOverflow's files."""
    from timebank.interchange.timeoverflow import TimeOverflow

    paths = existing(users), existing(transfers)
    return run_import(address, lambda mended: TimeOverflow(*paths, mended=mended), **options)


@import_.command(
    "timeoverflow-tables",
    help="""Import the tables that TimeOverflow's database dumps, as CSV with a header, in a folder.

    accounts.csv, members.csv, transfers.csv and movements.csv are needed; users.csv has
    the names. Balances are compared at the end.
    """,
)
@click.argument("folder", metavar="DIR")
@click.option("--organization", metavar="ID", help="Which, where the tables have several.")
@import_options
@pass_address
def timeoverflow_tables(
    address: BankAddress, /, *, folder: str, organization: str | None, **options: Unpack[Options]
) -> int:
    """Import TimeOverflow's tables."""
    from timebank.interchange.timeoverflow.dump import TimeOverflowTables

    def make(mended: Any) -> TimeOverflowTables:
        return TimeOverflowTables(folder, organization=organization, mended=mended)

    return run_import(address, make, **options)


@import_.command(
    help="""Import what Komunitin or IntegralCES has: two CSV files, or JSON:API documents.

    Account ids are the codes. Only committed transfers move hours; the others are counted.
    Balances are compared at the end.
    """
)
@click.option("--accounts", metavar="FILE", help="accounts.csv")
@click.option("--transfers", metavar="FILE", help="transfers.csv")
@click.option("--documents", metavar="FILE", multiple=True, help="JSON:API; several times.")
@click.option("--unit", metavar="HOURS", default="1:00", show_default=True, help="What 1.00 is.")
@click.option("--scale", type=Number(0, 9), help="Decimals of amounts in documents.")
@click.option("--outsiders", metavar="ID", help="The account of all who are in no list.")
@import_options
@pass_address
def komunitin(
    address: BankAddress,
    /,
    *,
    accounts: str | None,
    transfers: str | None,
    documents: tuple[str, ...],
    unit: str,
    scale: int | None,
    outsiders: str | None,
    **options: Unpack[Options],
) -> int:
    """Import Komunitin's files."""
    from timebank.hours import Hours
    from timebank.interchange.komunitin import Komunitin
    from timebank.interchange.komunitin.documents import KomunitinDocuments

    if (of_one := Hours(unit)) <= Hours(0):
        usage("--unit must be more than 0:00")
    if documents and not accounts and not transfers:
        paths = [existing(path) for path in documents]
        return run_import(
            address,
            lambda mended: KomunitinDocuments(
                *paths, unit=of_one, scale=scale, outsiders=outsiders, mended=mended
            ),
            **options,
        )
    if documents or not accounts or not transfers:
        usage("Give --accounts and --transfers, or --documents")
    files = existing(accounts), existing(transfers)
    return run_import(
        address,
        lambda mended: Komunitin(*files, unit=of_one, outsiders=outsiders, mended=mended),
        **options,
    )


# Commands of other files are added below this line.
