"""`timebank receipt` and `timebank verify-receipt`."""

from __future__ import annotations

import click

from timebank.cli.address import BankAddress, pass_address
from timebank.cli.heads import keeping_evidence, read, signed_head
from timebank.cli.options import formatted
from timebank.cli.output import show, show_as, show_bytes
from timebank.cli.reports import lang_option, title_option, today


@click.command(
    help="""A receipt of an exchange: text that proves it to who has the bank's public key.

    Keep it in a file, as in > visit.tlog-proof; with --html it is a page for A4, which a person
    reads, and which has the proof in it. It shows the whole record of the exchange.
    """
)
@click.argument("id")
@click.option(
    "--key",
    "keys",
    metavar="FILE",
    multiple=True,
    required=True,
    help="The file of the bank's key. May be given several times.",
)
@click.option("--no-texts", is_flag=True, help="Without names, notes and reasons.")
@click.option(
    "--head",
    metavar="FILE",
    help="A signed head that was published: up to that one, with its cosignatures. Else up to now.",
)
@click.option("--html", is_flag=True, help="One page to print.")
@title_option
@lang_option
@pass_address
def receipt(
    address: BankAddress,
    /,
    *,
    id: str,
    keys: tuple[str, ...],
    no_texts: bool,
    head: str | None,
    html: bool,
    title: str | None,
    lang: str | None,
) -> None:
    """Print a receipt."""
    from timebank.proof import receipt as receipt_of
    from timebank.reports.text import title_of
    from timebank.reports.words import language

    given = None if head is None else read(head, signed_head)
    with address.open(read_only=True) as bank, keeping_evidence(str(head)):
        made = receipt_of(bank, id, key=keys, texts=not no_texts, head=given)
        title = title_of(title, [bank.name])
    checked = made.checked(*keys)
    if html:
        from timebank.reports.receipt_html import receipt_html

        page = receipt_html(checked, printed_on=today(), language=lang or language(), title=title)
        show(page.split("\n"))
    else:
        show_bytes([str(made).encode()])  # byte for byte: of a line's end, too


@click.command(
    "verify-receipt",
    help="""Check a receipt, or the page of one, and say what it proves. No bank is needed.

    What counts is what is printed here, and not what a page says. The exit code is 1 where the
    receipt does not hold.
    """,
)
@click.argument("file", type=click.Path())
@click.option(
    "--key",
    "keys",
    metavar="KEY|FILE",
    multiple=True,
    help="The bank's public key, as timebank key show prints it, or a file with it.",
)
@click.option(
    "--witness",
    "witnesses",
    metavar="KEY|FILE",
    multiple=True,
    help="The public key of a witness who must have cosigned. May be given several times.",
)
@click.option("--policy", metavar="FILE", help="Whose cosignatures are asked for: a policy.")
@formatted
def verify_receipt(
    *,
    file: str,
    keys: tuple[str, ...],
    witnesses: tuple[str, ...],
    policy: str | None,
    format: str,
) -> None:
    """Check a receipt."""
    from timebank.proof import Policy
    from timebank.proof import verify_receipt as verified
    from timebank.proof.files import named, read_short
    from timebank.reports.receipt import receipt_json, receipt_text

    asked = None if policy is None else Policy.read(policy)
    with named(file):
        data = read_short(file)
    checked = verified(data, *keys, witnesses=witnesses, policy=asked)
    show_as(format, lambda: receipt_json(checked), lambda: receipt_text(checked))
