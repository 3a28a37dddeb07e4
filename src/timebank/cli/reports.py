"""`timebank balance`, `statement`, `trial-balance` and `report impact`."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

import click

from timebank.cli.address import BankAddress, pass_address
from timebank.cli.finding import account_id
from timebank.cli.options import DAY, Number, at_option, formatted
from timebank.cli.output import show, show_as, show_json, show_result

if TYPE_CHECKING:
    from timebank.bank import TimeBank

title_option = click.option(
    "--title",
    envvar="TIMEBANK_TITLE",
    metavar="TEXT",
    help="The name of the association, on the page; also TIMEBANK_TITLE. Else that of the bank.",
)
lang_option = click.option(
    "--lang", metavar="CODE", help="Of the page: en, it. Else the program's."
)


@click.command(help="What an account has, and how far it may move. Without ID, all balances.")
@click.argument("id", required=False)
@click.option("--on", type=DAY, help="At the end of this day of service.")
@at_option
@formatted
@pass_address
def balance(
    address: BankAddress,
    /,
    *,
    id: str | None,
    on: date | None,
    at: int | datetime | None,
    format: str,
) -> None:
    """Show a balance, or all."""
    from timebank import reports
    from timebank.reports.balances import balance_text, balances_text
    from timebank.reports.words import Words

    with address.open(read_only=True) as bank:
        if id is None:
            trial = bank.trial_balance(on, at=at)
            show_as(format, lambda: reports.json.balances(trial), lambda: balances_text(trial))
            return
        id = account_id(bank, id, part=True)
        found = bank.balance(id, on=on, at=at)
        account = bank.account(id)
    if on is None and at is None:
        show_result(format, found, lambda: balance_text(found, account))
        return
    words = Words("accounts")
    # What may still move is known of today only.
    past: dict[str, object] = {"account": id, "posted": str(found.posted)}
    hours = found.posted
    if on is not None:
        past["on"], said = on.isoformat(), words("on_day", day=on, hours=hours)
    elif isinstance(at, int):
        past["at"], said = at, words("at_record", sequence=at, hours=hours)
    elif at is not None:
        past["at"] = at.isoformat()
        said = words("at_instant", instant=at.isoformat(), hours=hours)
    show_as(format, lambda: past, lambda: [said])


@click.command(help="What an account earned and spent, day by day. Both days are included.")
@click.argument("id")
@click.option("--since", type=DAY, help="The first day.")
@click.option("--until", type=DAY, help="The last day.")
@at_option
@click.option(
    "--format",
    "format",
    type=click.Choice(["text", "json", "html"]),
    default="text",
    show_default=True,
    help="For people, for programs, or one page to print.",
)
@title_option
@lang_option
@pass_address
def statement(
    address: BankAddress,
    /,
    *,
    id: str,
    since: date | None,
    until: date | None,
    at: int | datetime | None,
    format: str,
    title: str | None,
    lang: str | None,
) -> None:
    """Show a statement."""
    from timebank import reports
    from timebank.reports.text import title_of
    from timebank.reports.words import language

    with address.open(read_only=True) as bank:
        head, name = bank.head(), bank.name
        title = title_of(title, [name])
        made = bank.statement(account_id(bank, id, part=True), since=since, until=until, at=at)
    if format == "json":
        show_json({**reports.json.statement(made), "bank": name, "head": str(head)})
    elif format == "html":
        from timebank.reports.statement_html import statement_html

        page = statement_html(
            made, head=head, printed_on=today(), language=lang or language(), title=title
        )
        show(page.splitlines())
    else:
        from timebank.reports.statement import statement_text

        show(statement_text(made, head=head, title=title, language=lang))


def today() -> date:
    """Return the day of whoever prints a paper."""
    return date.today()  # noqa: DTZ011  # by the clock on their wall


@click.command(
    "trial-balance",
    help="All accounts with what they earned and spent. The balances sum to 0:00.",
)
@click.option("--on", type=DAY, help="Up to and with this day of service.")
@at_option
@formatted
@pass_address
def trial_balance(
    address: BankAddress, /, *, on: date | None, at: int | datetime | None, format: str
) -> None:
    """Show the trial balance."""
    from timebank.reports.balances import trial_balance_text

    with address.open(read_only=True) as bank:
        made = bank.trial_balance(on, at=at)
    show_result(format, made, lambda: trial_balance_text(made))


@click.group(no_args_is_help=False, help="Reports for those who are not treasurers.")
def report() -> None:
    """The group of reports."""


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
    type=Number(min=1),
    default=5,
    show_default=True,
    help="Smaller groups of accounts are not shown.",
)
@title_option
@lang_option
@click.option(
    "--format",
    "format",
    type=click.Choice(["text", "json", "csv", "html"]),
    default="text",
    show_default=True,
)
@pass_address
def impact(
    address: BankAddress,
    /,
    *,
    since: date | None,
    until: date | None,
    every: bool,
    at_least: int,
    title: str | None,
    lang: str | None,
    format: str,
) -> None:
    """Report the impact."""
    from timebank import reports
    from timebank.bank import TimeBank
    from timebank.reports.impact_text import impact_csv, impact_text
    from timebank.reports.text import title_of

    with address.open(read_only=True) as bank:
        banks = [bank]
        if every:
            banks = [TimeBank(bank.store, bank=name, create=False) for name in bank.store.banks()]
        heads = [one.head() for one in banks]
        found = reports.impact(banks, since=since, until=until, at_least=at_least)
        closed = _closed_through(banks)
        title = title_of(title, (one.name for one in banks))
    about: Any = {"closed_through": closed, "title": title, "made_on": today(), "heads": heads}
    if format == "json":
        show_json({**reports.json.impact(found), "heads": list(map(str, heads))})
    elif format == "csv":
        show(impact_csv(found, lang).splitlines())
    elif format == "html":
        from timebank.reports.impact_html import impact_html

        show(impact_html(found, lang, **about).splitlines())
    else:
        show(impact_text(found, lang, **about))


def _closed_through(banks: Iterable[TimeBank]) -> date | None:
    """Return the last day through which the books of all banks are closed."""
    days = []
    for bank in banks:
        last = next(bank.closings(), None)
        if last is None or last.through is None:
            return None
        days.append(last.through)
    return min(days, default=None)
