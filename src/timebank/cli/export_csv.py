"""`timebank export csv`: tables for spreadsheets."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import TYPE_CHECKING, Any, TypedDict, Unpack

import click

from timebank.cli.options import DAY
from timebank.cli.output import complain, show
from timebank.cli.place import Place, pass_place

if TYPE_CHECKING:
    from timebank.interchange.spreadsheet import Sheet


class Options(TypedDict):
    """What the shared options say."""

    decimal_comma: bool
    bom: bool
    without_texts: bool


def sheet_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options of every table."""
    for option in (
        click.option("--without-texts", is_flag=True, help="Leave out names, notes and reasons."),
        click.option("--bom", is_flag=True, help="Mark the file as UTF-8, for Excel."),
        click.option("--decimal-comma", is_flag=True, help="1,5 for 1.5, and ; between columns."),
    ):
        command = option(command)
    return command


@click.group(
    "csv",
    no_args_is_help=False,
    help="""Tables for a spreadsheet, to standard output.

    Seconds are exact; hours have four decimals. What would be a formula has a ' before it.
    """,
)
def csv() -> None:
    """Tables."""


def _show(sheet: Sheet, table: str, options: Options) -> None:
    from timebank.interchange.spreadsheet import LEFT_OUT, MARK
    from timebank.reports.balances import counted

    mark = MARK if options["bom"] else ""
    show(mark + line if number == 0 else line for number, line in enumerate(sheet))
    left_out = LEFT_OUT[table]
    if options["without_texts"]:
        left_out = f"names, notes and reasons, {left_out}"
    complain(f"not in this file: {left_out}")
    if sheet.rounded:
        complain(f"{counted(sheet.rounded, 'quantity')} of hours rounded: the seconds are exact")


@csv.command(help="A row for each account that a transfer moved hours of.")
@click.option("--since", type=DAY, help="From this day of service on.")
@click.option("--until", type=DAY, help="Up to this day of service.")
@sheet_options
@pass_place
def transfers(
    place: Place, /, *, since: date | None, until: date | None, **options: Unpack[Options]
) -> None:
    """Export transfers."""
    from timebank.interchange.spreadsheet import transfers_sheet

    texts, comma = not options["without_texts"], options["decimal_comma"]
    with place.open(read_only=True) as bank:
        sheet = transfers_sheet(bank, since=since, until=until, texts=texts, decimal_comma=comma)
        _show(sheet, "transfers", options)


@csv.command(help="A row for each account, with its balance.")
@click.option("--on", type=DAY, help="Up to and with this day of service.")
@sheet_options
@pass_place
def balances(place: Place, /, *, on: date | None, **options: Unpack[Options]) -> None:
    """Export balances."""
    from timebank.interchange.spreadsheet import balances_sheet

    with place.open(read_only=True) as bank:
        trial = bank.trial_balance(on)
    texts, comma = not options["without_texts"], options["decimal_comma"]
    _show(balances_sheet(trial, texts=texts, decimal_comma=comma), "balances", options)


@csv.command(help="A row for each line of an account's statement.")
@click.argument("id")
@click.option("--since", type=DAY, help="The first day.")
@click.option("--until", type=DAY, help="The last day.")
@sheet_options
@pass_place
def statement(
    place: Place, /, *, id: str, since: date | None, until: date | None, **options: Unpack[Options]
) -> None:
    """Export a statement."""
    from timebank.interchange.spreadsheet import statement_sheet

    with place.open(read_only=True) as bank:
        made = bank.statement(id, since=since, until=until)
    texts, comma = not options["without_texts"], options["decimal_comma"]
    _show(statement_sheet(made, texts=texts, decimal_comma=comma), "statement", options)
