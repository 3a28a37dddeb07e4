"""`timebank import csv`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Unpack

import click

from timebank.cli.imports_running import Options, existing, import_options, run_import
from timebank.cli.output import show
from timebank.cli.place import Place, pass_place
from timebank.cli.program import WELL, usage

if TYPE_CHECKING:
    from timebank.interchange.csv.importer import MappingImporter
    from timebank.interchange.engine.quarantine import Mended


@click.command(
    "csv",
    help="""Import any CSV, as a mapping says what its columns mean.

    Mappings are shipped for ces, cyclos3, local_exchange_uk, mutual_credit and timebank_cc; one
    of your own is a TOML file. Where there is no history, give --opening alone. A second run
    books nothing twice. A row that cannot be understood is quarantined, and the exit code is 1.
    """,
)
@click.option("--mapping", metavar="NAME|FILE", help="One that is shipped, or a TOML file.")
@click.option("--transfers", metavar="FILE", help="The exchanges.")
@click.option("--accounts", metavar="FILE", help="The accounts.")
@click.option("--balances", metavar="FILE", help="What the source states, to compare with.")
@click.option("--open-accounts", is_flag=True, help="Open those that no list has.")
@click.option("--explain", is_flag=True, help="Say what the mapping does, and no more.")
@import_options
@pass_place
def csv(
    place: Place,
    /,
    *,
    mapping: str | None,
    transfers: str | None,
    accounts: str | None,
    balances: str | None,
    open_accounts: bool,
    explain: bool,
    **options: Unpack[Options],
) -> int:
    """Import CSV by a mapping."""
    from timebank.interchange.engine.opening import NoHistory
    from timebank.reports.cells import harmless

    files = transfers, accounts, balances
    if mapping is None:
        if explain or options["opening"] is None or any(files):
            usage("Missing option '--mapping', unless --opening is given alone")
        return run_import(place, lambda _: NoHistory(), open_accounts=open_accounts, **options)

    from timebank.interchange.csv.explanation import explained
    from timebank.interchange.csv.importer import MappingImporter
    from timebank.interchange.csv.toml import mapping_of

    found = mapping_of(mapping)
    if explain:
        show(map(harmless, explained(found)))
        return WELL
    if transfers is None and (accounts is None or options["opening"] is None):
        usage("Missing option '--transfers', unless --accounts and --opening are given")
    paths = [None if file is None else existing(file) for file in files]
    if not any((accounts, balances, open_accounts)) and _is_empty(place):
        usage("No account is there yet: give --accounts FILE, or --open-accounts")

    def make(mended: Mended | None) -> MappingImporter:
        return MappingImporter(
            found,
            paths[0],
            accounts=paths[1],
            balances=paths[2],
            open_accounts=open_accounts,
            mended=mended,
        )

    return run_import(place, make, open_accounts=open_accounts, **options)


def _is_empty(place: Place) -> bool:
    """Whether the bank has no account that an exchange could name."""
    with place.open_for_preview() as bank:
        return next(iter(bank.accounts()), None) is None
