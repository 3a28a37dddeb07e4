"""`timebank export`: plain-text accounting, JSON Lines, and tables for spreadsheets."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import TYPE_CHECKING, Any, Final, TypedDict, Unpack

import click

from timebank.cli.address import BankAddress, pass_address
from timebank.cli.finding import account_id
from timebank.cli.options import DAY
from timebank.cli.output import complain, show, show_bytes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from timebank.interchange.spreadsheet import Sheet

    Export = Callable[..., Iterator[str]]

#: Format → the program, as its own check is called.
_CHECKS: Final = {
    "hledger": "hledger -f FILE check -s",
    "ledger": "ledger --strict --pedantic -f FILE balance",
    "beancount": "bean-check FILE",
}


@click.group(no_args_is_help=False, help="Take out what the bank has, for other programs.")
def export() -> None:
    """The group of exports."""


def _exporter(format: str) -> Export:
    """Return the exporter of a format, loaded when it is used."""
    if format == "beancount":
        from timebank.interchange.plaintext.beancount import export_beancount

        return export_beancount
    from timebank.interchange.plaintext import hledger

    return hledger.export_ledger if format == "ledger" else hledger.export_hledger


def _command(format: str) -> None:
    def run(address: BankAddress, /, *, unit: str, without_texts: bool) -> None:
        with address.open(read_only=True) as bank:
            show(_exporter(format)(bank, unit=unit, texts=not without_texts))

    command: Any = pass_address(run)
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
    help = f"""As {format} reads it: accounts, transfers, open holds.

    To standard output. {_CHECKS[format]} accepts it, and comes to the same balances.
    """
    export.command(format, help=help)(command)


for _format in _CHECKS:
    _command(_format)


@export.command(
    help="""The journal whole, as JSON Lines, with names, notes, reasons and their salts.

    To standard output. `timebank import jsonl` makes the same bank of it, byte for byte. It
    has all that is personal: --without-texts makes what may be published.
    """
)
@click.option("--without-texts", is_flag=True, help="Leave out names, notes and reasons.")
@pass_address
def jsonl(address: BankAddress, /, *, without_texts: bool) -> None:
    """Export the journal."""
    from timebank.interchange.jsonl import export_jsonl

    with address.open(read_only=True) as bank:
        show_bytes(export_jsonl(bank, texts=not without_texts))


# -- tables for spreadsheets -----------------------------------------------------------


class SheetOptions(TypedDict):
    """The values of the options that all tables share."""

    decimal_comma: bool
    bom: bool
    without_texts: bool


def sheet_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options of every table to a command."""
    for option in (
        click.option("--without-texts", is_flag=True, help="Leave out names, notes and reasons."),
        click.option("--bom", is_flag=True, help="Mark the file as UTF-8, for Excel."),
        click.option("--decimal-comma", is_flag=True, help="1,5 for 1.5, and ; between columns."),
    ):
        command = option(command)
    return command


@export.group(
    "csv",
    no_args_is_help=False,
    help="""Tables for a spreadsheet, to standard output.

    Seconds are exact; hours have four decimals. What would be a formula has a ' before it.
    """,
)
def csv() -> None:
    """The group of tables."""


def _show_sheet(sheet: Sheet, table: str, options: SheetOptions) -> None:
    from timebank.interchange.spreadsheet import MARK
    from timebank.reports.words import Words

    words = Words("exports")
    mark = MARK if options["bom"] else ""
    show(mark + line if number == 0 else line for number, line in enumerate(sheet))
    key = "not_in_file_texts" if options["without_texts"] else "not_in_file"
    complain(words(key, what=words(table)))
    if sheet.rounded:
        complain(words.counted("rounded", sheet.rounded))


@csv.command(help="A row for each account that a transfer moved hours of.")
@click.option("--since", type=DAY, help="From this day of service on.")
@click.option("--until", type=DAY, help="Up to this day of service.")
@sheet_options
@pass_address
def transfers(
    address: BankAddress,
    /,
    *,
    since: date | None,
    until: date | None,
    **options: Unpack[SheetOptions],
) -> None:
    """Export transfers."""
    from timebank.interchange.spreadsheet import transfers_sheet

    texts, comma = not options["without_texts"], options["decimal_comma"]
    with address.open(read_only=True) as bank:
        sheet = transfers_sheet(bank, since=since, until=until, texts=texts, decimal_comma=comma)
        _show_sheet(sheet, "transfers", options)


@csv.command(help="A row for each account, with its balance.")
@click.option("--on", type=DAY, help="Up to and with this day of service.")
@sheet_options
@pass_address
def balances(address: BankAddress, /, *, on: date | None, **options: Unpack[SheetOptions]) -> None:
    """Export balances."""
    from timebank.interchange.spreadsheet import balances_sheet

    with address.open(read_only=True) as bank:
        trial = bank.trial_balance(on)
    texts, comma = not options["without_texts"], options["decimal_comma"]
    _show_sheet(balances_sheet(trial, texts=texts, decimal_comma=comma), "balances", options)


@csv.command(help="A row for each line of an account's statement.")
@click.argument("id")
@click.option("--since", type=DAY, help="The first day.")
@click.option("--until", type=DAY, help="The last day.")
@sheet_options
@pass_address
def statement(
    address: BankAddress,
    /,
    *,
    id: str,
    since: date | None,
    until: date | None,
    **options: Unpack[SheetOptions],
) -> None:
    """Export a statement."""
    from timebank.interchange.spreadsheet import statement_sheet

    with address.open(read_only=True) as bank:
        made = bank.statement(account_id(bank, id, part=True), since=since, until=until)
    texts, comma = not options["without_texts"], options["decimal_comma"]
    _show_sheet(statement_sheet(made, texts=texts, decimal_comma=comma), "statement", options)
