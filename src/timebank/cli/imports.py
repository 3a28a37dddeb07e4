"""`timebank import`: what other systems have, one command for each, and those of other packages.

An installed package offers an importer in the entry-point group `timebank.importers`: the
name is the command, the value a callable that is given the files' paths and returns an
importer. It is loaded when its command is called.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Unpack

import click

from timebank.cli.import_csv import csv
from timebank.cli.import_jsonl import jsonl
from timebank.cli.imports_report import report_text as report_text  # noqa: PLC0414 - demo shows it
from timebank.cli.imports_running import Options, existing, import_options, run_import
from timebank.cli.place import Place, pass_place
from timebank.cli.program import usage

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint


class Importers(click.Group):
    """Our own commands, and those that packages offer."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """All names; nothing is loaded for that."""
        return sorted({*super().list_commands(ctx), *(point.name for point in _offered())})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """One of ours; else the one that a package offers."""
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
    """The command of a package's importer: the files, and the options of every import."""

    @click.command(point.name, help=f"The importer {point.name}, of the package {_package(point)}.")
    @click.argument("files", metavar="FILE...", nargs=-1, required=True)
    @import_options
    @pass_place
    def command(place: Place, /, *, files: tuple[str, ...], **options: Unpack[Options]) -> int:
        from timebank.interchange.engine.protocol import load_importer

        paths = [existing(path) for path in files]
        return run_import(place, lambda mended: load_importer(point, paths, mended), **options)

    return command


def _package(point: EntryPoint) -> str:
    return point.dist.name if point.dist is not None else point.value.partition(":")[0]


@click.group(
    "import", cls=Importers, no_args_is_help=False, help="Bring in what another system has."
)
def import_() -> None:
    """Imports."""


import_.add_command(csv)
import_.add_command(jsonl)


@import_.command(
    help="""Import the two CSV files of TimeOverflow.

    A second run books nothing twice. A row that cannot be understood is reported,
    and the exit code is 1.
    """
)
@click.option("--users", metavar="FILE", required=True, help="The members, without a header.")
@click.option("--transfers", metavar="FILE", required=True, help="The exchanges, likewise.")
@import_options
@pass_place
def timeoverflow(place: Place, /, *, users: str, transfers: str, **options: Unpack[Options]) -> int:
    """Import TimeOverflow's files."""
    from timebank.interchange.timeoverflow import TimeOverflow

    paths = existing(users), existing(transfers)
    return run_import(place, lambda mended: TimeOverflow(*paths, mended=mended), **options)


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
@pass_place
def timeoverflow_tables(
    place: Place, /, *, folder: str, organization: str | None, **options: Unpack[Options]
) -> int:
    """Import TimeOverflow's tables."""
    from timebank.interchange.timeoverflow.dump import TimeOverflowTables

    def make(mended: Any) -> TimeOverflowTables:
        return TimeOverflowTables(folder, organization=organization, mended=mended)

    return run_import(place, make, **options)


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
@click.option("--scale", type=click.IntRange(0, 9), help="Decimals of amounts in documents.")
@import_options
@pass_place
def komunitin(
    place: Place,
    /,
    *,
    accounts: str | None,
    transfers: str | None,
    documents: tuple[str, ...],
    unit: str,
    scale: int | None,
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
            place,
            lambda mended: KomunitinDocuments(*paths, unit=of_one, scale=scale, mended=mended),
            **options,
        )
    if documents or not accounts or not transfers:
        usage("Give --accounts and --transfers, or --documents")
    files = existing(accounts), existing(transfers)
    return run_import(
        place, lambda mended: Komunitin(*files, unit=of_one, mended=mended), **options
    )
