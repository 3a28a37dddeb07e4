"""What is read: `timebank balance`, `statement`, `trial-balance`."""

from __future__ import annotations

from datetime import date

import click

from timebank.cli.options import DAY, formatted
from timebank.cli.output import show, show_as
from timebank.cli.place import Place, pass_place


@click.command(help="What an account has, and how far it may move. Without ID, all balances.")
@click.argument("id", required=False)
@click.option("--on", type=DAY, help="At the end of this day of service.")
@formatted
@pass_place
def balance(place: Place, /, *, id: str | None, on: date | None, format: str) -> None:
    """Show a balance, or all."""
    from timebank.reports import balances, shapes

    with place.open(read_only=True) as bank:
        if id is None:
            trial = bank.trial_balance(on)
            show_as(
                format,
                lambda: shapes.balances_shape(trial),
                lambda: balances.balances_text(trial),
            )
            return
        found = bank.balance(id, on=on)
        status = bank.account(id).status
    if on is None:
        lines = balances.balance_text(found, status)
        show_as(format, lambda: shapes.balance_shape(found), lambda: lines)
        return
    # What may still move is known of today only.
    past = {"account": id, "on": on.isoformat(), "posted": str(found.posted)}
    show_as(format, lambda: past, lambda: [f"Balance on {on}: {found.posted}"])


@click.command(help="What an account earned and spent, day by day. Both days are included.")
@click.argument("id")
@click.option("--since", type=DAY, help="The first day.")
@click.option("--until", type=DAY, help="The last day.")
@click.option(
    "--format",
    "format",
    type=click.Choice(["text", "json", "html"]),
    default="text",
    show_default=True,
    help="For people, for programs, or one page to print.",
)
@click.option(
    "--lang", metavar="CODE", default="en", show_default=True, help="Of the page: en, it."
)
@pass_place
def statement(
    place: Place, /, *, id: str, since: date | None, until: date | None, format: str, lang: str
) -> None:
    """Show a statement."""
    from timebank.reports.shapes import statement_shape
    from timebank.reports.statement import statement_text

    with place.open(read_only=True) as bank:
        head = bank.head()
        made = bank.statement(id, since=since, until=until)
    if format == "html":
        from timebank.reports.statement_html import statement_html

        printed_on = date.today()  # noqa: DTZ011  # of whoever prints it
        page = statement_html(made, head=head, printed_on=printed_on, language=lang)
        show(page.splitlines())
        return
    show_as(format, lambda: statement_shape(made), lambda: statement_text(made))


@click.command(
    "trial-balance",
    help="All accounts with what they earned and spent. The balances sum to 0:00.",
)
@click.option("--on", type=DAY, help="Up to and with this day of service.")
@formatted
@pass_place
def trial_balance(place: Place, /, *, on: date | None, format: str) -> None:
    """Show the trial balance."""
    from timebank.reports.balances import trial_balance_text
    from timebank.reports.shapes import trial_balance_shape

    with place.open(read_only=True) as bank:
        made = bank.trial_balance(on)
    show_as(format, lambda: trial_balance_shape(made), lambda: trial_balance_text(made))
