"""`timebank export`."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

import click

from timebank.cli.export_csv import csv
from timebank.cli.output import show, show_bytes
from timebank.cli.place import Place, pass_place

if TYPE_CHECKING:
    from collections.abc import Iterator

    Export = Callable[..., Iterator[str]]

#: Format → the program, as its own check is called.
_CHECKS: Final = {
    "hledger": "hledger -f FILE check -s",
    "ledger": "ledger --strict --pedantic -f FILE balance",
    "beancount": "bean-check FILE",
}


@click.group(no_args_is_help=False, help="Take out what the bank has, for other programs.")
def export() -> None:
    """Exports."""


export.add_command(csv)


def _exporter(format: str) -> Export:
    """The exporter of a format: loaded when it is used."""
    if format == "beancount":
        from timebank.interchange.plaintext.beancount import export_beancount

        return export_beancount
    from timebank.interchange.plaintext import hledger

    return hledger.export_ledger if format == "ledger" else hledger.export_hledger


def _command(format: str) -> None:
    def run(place: Place, /, *, unit: str, without_texts: bool) -> None:
        with place.open(read_only=True) as bank:
            show(_exporter(format)(bank, unit=unit, texts=not without_texts))

    command: Any = pass_place(run)
    command = click.option(
        "--without-texts", is_flag=True, help="Leave out names, notes and reasons."
    )(command)
    command = click.option(
        "--unit",
        type=click.Choice(["seconds", "hours"]),
        default="seconds",
        show_default=True,
        help="Hours have four decimals, where all of them divide.",
    )(command)
    told = f"""As {format} reads it: accounts, transfers, open holds.

    To standard output. {_CHECKS[format]} accepts it, and comes to the same balances.
    """
    export.command(format, help=told)(command)


for _format in _CHECKS:
    _command(_format)


@export.command(
    help="""The journal whole, as JSON Lines, with names, notes, reasons and their salts.

    To standard output. `timebank import jsonl` makes the same bank of it, byte for byte. It
    has all that is personal: --without-texts makes what may be published.
    """
)
@click.option("--without-texts", is_flag=True, help="Leave out names, notes and reasons.")
@pass_place
def jsonl(place: Place, /, *, without_texts: bool) -> None:
    """Export the journal."""
    from timebank.interchange.jsonl import export_jsonl

    with place.open(read_only=True) as bank:
        show_bytes(export_jsonl(bank, texts=not without_texts))
