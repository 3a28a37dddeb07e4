"""`timebank report impact`."""

from __future__ import annotations

from datetime import date

import click

from timebank.cli.options import DAY
from timebank.cli.output import show, show_json
from timebank.cli.place import Place, pass_place


@click.group(no_args_is_help=False, help="Reports for those who are not treasurers.")
def report() -> None:
    """Reports."""


@report.command(
    "impact",
    help="""What the community exchanged, in figures: to standard output.

    With --format html one file that needs nothing else, for a screen or on paper. Groups of few
    accounts are not shown.
    """,
)
@click.option("--since", type=DAY, help="From this day of service on.")
@click.option("--until", type=DAY, help="Up to this day of service.")
@click.option("--all", "every", is_flag=True, help="Over all banks of the storage.")
@click.option(
    "--at-least",
    type=click.IntRange(1),
    default=5,
    show_default=True,
    help="Smaller groups of accounts are not shown.",
)
@click.option("--lang", type=click.Choice(["en", "it"]), default="en", show_default=True)
@click.option(
    "--format",
    "format",
    type=click.Choice(["text", "json", "csv", "html"]),
    default="text",
    show_default=True,
)
@pass_place
def impact(
    place: Place,
    /,
    *,
    since: date | None,
    until: date | None,
    every: bool,
    at_least: int,
    lang: str,
    format: str,
) -> None:
    """Report the impact."""
    from timebank import reports
    from timebank.bank import TimeBank
    from timebank.reports.impact_text import impact_csv, impact_shape, impact_text

    with place.open(read_only=True) as bank:
        banks = [bank]
        if every:
            banks = [TimeBank(bank.store, bank=name, create=False) for name in bank.store.banks()]
        found = reports.impact(banks, since=since, until=until, at_least=at_least)
    if format == "json":
        show_json(impact_shape(found))
    elif format == "csv":
        show(impact_csv(found, lang).splitlines())
    elif format == "html":
        from timebank.reports.impact_html import impact_html

        show(impact_html(found, lang).splitlines())
    else:
        show(impact_text(found, lang))
