"""`timebank cheques`: issue and print booklets, enter piles, void, list, show.

What a command needs of the library is imported when it runs, so that `--help` is quick.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

import click

from timebank.cli.address import BankAddress, pass_address
from timebank.cli.cheques import cheques
from timebank.cli.options import Number, formatted
from timebank.cli.output import show, show_as, show_json, show_result
from timebank.cli.program import REFUSED, WELL, usage
from timebank.cli.reports import lang_option, title_option

_BOOKLET = Number(1, 999_999_999)


@cheques.command(
    help="""Issue a booklet of numbered cheques to an account.

    With --booklet the command can be repeated: a booklet of that number is issued once.
    """
)
@click.argument("account")
@click.option("--cheques", "size", type=Number(1, 99), default=24, show_default=True)
@click.option("--booklet", type=_BOOKLET, metavar="N", help="Its number; left out, the next one.")
@formatted
@pass_address
def issue(
    address: BankAddress, /, *, account: str, size: int, booklet: int | None, format: str
) -> None:
    """Issue a booklet."""
    from timebank.cli.finding import account_id
    from timebank.contrib import cheques as library
    from timebank.contrib.cheques.looking import names_of
    from timebank.contrib.cheques.showing import issued_text

    with address.open() as bank:
        id = account_id(bank, account)
        made = library.issue(bank, id, booklet=booklet, cheques=size)
        name = names_of(bank, [made.account]).get(made.account)
    show_result(format, made, lambda: issued_text(made, name))


@cheques.command(
    "print",
    help="""The cheques of a booklet that are out, as one page for A4: eight a sheet, with stubs.

    Keep it in a file, as in > booklet.html, and print that from a browser. The code on a cheque
    is its number, which a phone reads.
    """,
)
@click.argument("booklet", type=_BOOKLET)
@click.option(
    "--link",
    metavar="PREFIX",
    default="",
    help="An address to which the number is added in the code, so that a phone opens a page.",
)
@title_option
@lang_option
@pass_address
def print_(
    address: BankAddress, /, *, booklet: int, link: str, title: str | None, lang: str | None
) -> None:
    """Print a booklet."""
    from timebank.contrib import cheques as library
    from timebank.contrib.cheques.printing import booklet_html
    from timebank.reports.text import title_of
    from timebank.reports.words import language

    with address.open(read_only=True) as bank:
        found = library.booklet(bank, booklet)
        account = bank.account(found.account)
        title = title_of(title, [bank.name])
    page = booklet_html(found, account, language=lang or language(), title=title, link=link)
    show(page.splitlines())


# -- a pile ------------------------------------------------------------------------------


@cheques.command(
    help="""Enter a pile of signed cheques: show what becomes of each and, with --book, book it.

    PILE is .csv, .xlsx or .ods, with number, earner, hours, and perhaps day, from, to, activity
    or category, note: by their headings, or in this order. It is booked in one commit, or not at
    all; with --leave-out the good lines are booked, and the others written to a file. A pile that
    is entered again books nothing twice.
    """
)
@click.argument("pile")
@click.option("--book", "books", is_flag=True, help="Book it; left out, it is shown alone.")
@click.option("--leave-out", metavar="FILE", help="Write refused lines there, book the others.")
@click.option("--sheet", metavar="NAME", help="Which sheet of a workbook; else the first.")
@formatted
@pass_address
def enter(
    address: BankAddress,
    /,
    *,
    pile: str,
    books: bool,
    leave_out: str | None,
    sheet: str | None,
    format: str,
) -> int:
    """Enter a pile."""
    from timebank.cli.run_import import existing
    from timebank.contrib import cheques as library
    from timebank.contrib.cheques.pile_text import pile_text, write_refused
    from timebank.reports.words import Words

    path = existing(pile)
    if leave_out is not None and not books:
        usage(Words("cheques")("leave_out_books"))
    read = library.read_pile(path, sheet=sheet)
    with address.open(read_only=not books) as bank, _kept(leave_out) as file:
        if books:
            report = library.book(bank, read, leave_out=leave_out is not None)
        else:
            report = library.preview(bank, read)
        if file is not None and report.refused:
            write_refused(report, read, file)
    left_out = leave_out or ""
    show_result(format, report, lambda: pile_text(report, booking=books, left_out=left_out))
    return WELL if report.ok else REFUSED


@contextmanager
def _kept(path: str | None) -> Iterator[TextIO | None]:
    """Open a new file for what is refused, before anything is booked; an empty one is not kept.

    :raises OSError: it is there already, with lines that nobody has mended perhaps, or cannot be.
    """
    from timebank.cli.run_import import private

    if path is None:
        yield None
        return
    with open(
        path, "x", encoding="utf-8", errors="backslashreplace", newline="", opener=private
    ) as file:
        try:
            yield file
        finally:
            if file.tell() == 0:
                Path(path).unlink()


# -- void, list, show --------------------------------------------------------------------


@cheques.command(
    help="""Void cheques that are lost, stolen or spoiled: they are entered no more.

    NUMBERS are those of cheques, as on the paper, or ranges within a booklet, as 17-05..17-24,
    where a number may be without its check digits. Of a range, and with --booklet, those that are
    out are voided. All are voided in one commit.
    """
)
@click.argument("numbers", nargs=-1)
@click.option("--booklet", type=_BOOKLET, metavar="N", help="All that are out of a booklet.")
@click.option(
    "--code",
    type=click.Choice(["lost", "stolen", "spoiled"]),
    default="lost",
    show_default=True,
    help="Why, in a word.",
)
@click.option("--reason", help="Personal text: why.")
@formatted
@pass_address
def void(
    address: BankAddress,
    /,
    *,
    numbers: tuple[str, ...],
    booklet: int | None,
    code: str,
    reason: str | None,
    format: str,
) -> None:
    """Void cheques."""
    from timebank import reports
    from timebank.contrib.cheques.showing import voided_text
    from timebank.contrib.cheques.voiding import Wanted, void_all
    from timebank.reports.words import Words

    if not numbers and booklet is None:
        usage(Words("cheques")("numbers_or_booklet"))
    wanted = [Wanted.of(text) for text in numbers]
    if booklet is not None:
        wanted.append(Wanted.of_booklet(booklet))
    with address.open() as bank:
        voided, passed = void_all(bank, wanted, code=code, reason=reason)
    show_as(
        format,
        lambda: [reports.json.of(one) for one in voided],
        lambda: voided_text(voided, passed),
    )


@cheques.command("list", help="Who has which booklet, and which of its cheques are out.")
@click.option("--account", metavar="ID", help="Those of one account.")
@click.option("--out", "only_out", is_flag=True, help="Only booklets of which cheques are out.")
@click.option(
    "--format",
    "format",
    type=click.Choice(["text", "json", "csv"]),
    default="text",
    show_default=True,
)
@pass_address
def list_(address: BankAddress, /, *, account: str | None, only_out: bool, format: str) -> None:
    """List booklets."""
    from timebank import reports
    from timebank.cli.finding import account_id
    from timebank.contrib import cheques as library
    from timebank.contrib.cheques.looking import names_of
    from timebank.contrib.cheques.showing import booklets_csv, booklets_text

    with address.open(read_only=True) as bank:
        id = None if account is None else account_id(bank, account, part=True)
        found = [one for one in library.booklets(bank, id) if one.out or not only_out]
        names = names_of(bank, (one.account for one in found))
    if format == "json":
        show_json([reports.json.of(one) for one in found])
    else:
        show(booklets_csv(found, names) if format == "csv" else booklets_text(found, names))


@cheques.command("show", help="What became of a cheque: out, entered as which exchange, or void.")
@click.argument("number")
@formatted
@pass_address
def show_(address: BankAddress, /, *, number: str, format: str) -> None:
    """Show a cheque."""
    from timebank.contrib import cheques as library
    from timebank.contrib.cheques.looking import booklet_with, entered, names_of
    from timebank.contrib.cheques.showing import cheque_json, cheque_text

    cheque = library.Number.parse(number)
    with address.open(read_only=True) as bank:
        booklet = booklet_with(bank, cheque)
        exchange = bank.transfer_by_id(cheque.id) if cheque in booklet.entered else None
        known = None if exchange is None else entered(bank, exchange)
        ids = [booklet.account, *(() if exchange is None else exchange.earners)]
        names = names_of(bank, ids)
    show_as(
        format,
        lambda: cheque_json(cheque, booklet, exchange, known),
        lambda: cheque_text(cheque, booklet, exchange, known, names),
    )
