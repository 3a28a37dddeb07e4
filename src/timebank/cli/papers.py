"""`timebank report presences` and `report value`: the yearly papers."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypedDict, Unpack

import click

from timebank.cli.address import BankAddress, pass_address
from timebank.cli.finding import account_id
from timebank.cli.options import DAY, Number
from timebank.cli.output import show, show_json
from timebank.cli.program import usage
from timebank.cli.reports import lang_option, title_option, today

if TYPE_CHECKING:
    from timebank.queries.presences import Presences

_FIRST_YEAR: Final = 1970
_LAST_YEAR: Final = 2200


class Choice(TypedDict):
    """The values of the options that both papers share."""

    since: date | None
    until: date | None
    year: int | None
    kinds: tuple[str, ...]
    categories: tuple[str, ...]
    funds: tuple[str, ...]
    tags: tuple[str, ...]


def choice_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that say which exchanges are counted to a command."""
    for option in (
        click.option("--tag", "tags", multiple=True, help="With this tag; repeatable."),
        click.option(
            "--fund",
            "funds",
            metavar="ID",
            multiple=True,
            help="That this account spent; repeatable.",
        ),
        click.option(
            "--category", "categories", multiple=True, help="Of this category; repeatable."
        ),
        click.option(
            "--kind", "kinds", multiple=True, help="Of this kind; repeatable. Else exchange."
        ),
        click.option("--until", type=DAY, help="Up to this day of service."),
        click.option("--since", type=DAY, help="From this day of service on."),
        click.option(
            "--year",
            metavar="YYYY",
            type=Number(_FIRST_YEAR, _LAST_YEAR),
            help="A year, instead of days.",
        ),
    ):
        command = option(command)
    return command


def format_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that say in which form a paper is shown to a command."""
    for option in (
        click.option("--bom", is_flag=True, help="Mark the file as UTF-8, for Excel."),
        click.option("--decimal-comma", is_flag=True, help="1,5 for 1.5, and ; between columns."),
        click.option(
            "--format",
            "format",
            type=click.Choice(["text", "json", "csv", "html"]),
            default="text",
            show_default=True,
        ),
    ):
        command = option(command)
    return command


class Form(Choice):
    """The values of all options that both papers share."""

    title: str | None
    lang: str | None
    format: str
    decimal_comma: bool
    bom: bool


def _found(address: BankAddress, choice: Form) -> tuple[Presences, str | None]:
    """Return the presences that the options ask for, and the title of the paper."""
    from timebank.queries.presences import Counted
    from timebank.reports.text import title_of

    since, until = choice["since"], choice["until"]
    if choice["year"] is not None:
        if since is not None or until is not None:
            usage(_words()("year_alone"))
        since, until = date(choice["year"], 1, 1), date(choice["year"], 12, 31)
    with address.open(read_only=True) as bank:
        counted = Counted(
            kinds=choice["kinds"] or ("exchange",),
            categories=choice["categories"],
            funds=[account_id(bank, fund) for fund in choice["funds"]],
            tags=choice["tags"],
        )
        found = bank.presences(since=since, until=until, counted=counted)
        return found, title_of(choice["title"], [bank.name])


def _show_csv(text: str, options: Form) -> None:
    from timebank.interchange.spreadsheet import MARK

    show(f"{MARK if options['bom'] else ''}{text}".splitlines())


def _words() -> Any:
    from timebank.reports.words import Words

    return Words("options")


@click.command(
    "presences",
    help="""Who gave hours, when, to whom and for what: a register of presences.

    Of the exchanges that the association counts, which the paper says, with what it leaves out. Of
    one option several are any of them, and all options together must fit. With --format html pages
    of A4, numbered, with sums carried forward; to standard output.
    """,
)
@choice_options
@click.option("--by-name", is_flag=True, help="A sheet for each person, to be signed; with html.")
@click.option("--notes", is_flag=True, help="Show the notes of exchanges too: they are personal.")
@title_option
@lang_option
@format_options
@pass_address
def presences(
    address: BankAddress,
    /,
    *,
    by_name: bool,
    notes: bool,
    **options: Unpack[Form],
) -> None:
    """Show the register of presences."""
    from timebank import reports
    from timebank.reports.presences_text import presences_csv, presences_text

    format, lang = options["format"], options["lang"]
    if by_name and format != "html":
        usage(_words()("by_name_html"))
    found, title = _found(address, options)
    about: Any = {"title": title, "made_on": today(), "with_notes": notes}
    if format == "json":
        shape = reports.json.presences(found)
        for line in shape["lines"]:
            line["note"] = line["note"] if notes else None
        show_json(shape)
    elif format == "csv":
        semicolons = options["decimal_comma"]
        _show_csv(presences_csv(found, lang, with_notes=notes, semicolons=semicolons), options)
    elif format == "html":
        from timebank.reports.presences_html import presences_html

        show(presences_html(found, lang, by_name=by_name, **about).splitlines())
    else:
        show(presences_text(found, lang, **about))


@click.command(
    "value",
    help="""What the hours of the presences are worth by hourly rates, by category.

    The value is figurative. The rates are of the association: a sheet with the columns category and
    rate (categoria, tariffa), a row * for all others. Categories without a rate are listed apart.
    """,
)
@click.option(
    "--rates",
    metavar="FILE",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    required=True,
    help="The rates: .csv, .xlsx or .ods.",
)
@click.option("--currency", default="EUR", show_default=True, help="Three letters, on the paper.")
@choice_options
@title_option
@lang_option
@format_options
@pass_address
def value(
    address: BankAddress,
    /,
    *,
    rates: Path,
    currency: str,
    **options: Unpack[Form],
) -> None:
    """Show the value of the hours."""
    from timebank import reports
    from timebank.interchange.rates import read_rates
    from timebank.reports.value_text import value_csv, value_text

    given = read_rates(rates)
    format, lang = options["format"], options["lang"]
    found, title = _found(address, options)
    worth = reports.value(found, given, currency)
    about: Any = {"title": title, "made_on": today()}
    if format == "json":
        show_json(reports.json.value(worth))
    elif format == "csv":
        _show_csv(value_csv(worth, lang, decimal_comma=options["decimal_comma"]), options)
    elif format == "html":
        from timebank.reports.value_html import value_html

        show(value_html(worth, lang, **about).splitlines())
    else:
        show(value_text(worth, lang, **about))
