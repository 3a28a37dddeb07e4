"""`timebank peers position`, `reconcile`, `readmit` and `bring-in`: what boards look into."""

from __future__ import annotations

from typing import Any

import click

from timebank.cli.address import BankAddress, pass_address
from timebank.cli.options import formatted
from timebank.cli.output import show_as
from timebank.cli.peer_files import keeping, key_option, lines_of, out_option, put
from timebank.cli.peer_names import bank_names, with_peer, words
from timebank.cli.program import REFUSED, WELL, usage


@click.command(
    help="""Take the other bank's journal as it stands now, after it has lost its end.

    FILE has its signed head, or any message of its. Both boards look into it before: peers
    reconcile lists what only one of the two has.
    """
)
@click.argument("bank")
@click.argument("file", metavar="FILE")
@click.option("--reason", required=True, help="Personal text: what both boards looked into.")
@formatted
@pass_address
def readmit(address: BankAddress, /, *, bank: str, file: str, reason: str, format: str) -> None:
    """Readmit a bank."""
    from timebank import federation, reports
    from timebank.proof.files import named, plain, read_short

    with with_peer(address, bank) as (own, peer), named(file):
        data = plain(read_short(file))
        found = federation.readmit(own, peer.journal, head=data, reason=reason)
    size = 0 if found.seen is None else found.seen.size
    said = words().counted("readmitted", size, bank=peer.name)
    show_as(format, lambda: reports.json.agreement(found), lambda: [said])


@click.command(
    "bring-in",
    help="""Book exchanges that both banks had agreed on, and that this one has lost.

    FILE has the acceptances, as the other bank gives them back (peers message, peers outbox). Of
    an offer of this bank say who spends. It passes all limits, and is flagged.
    """,
)
@click.argument("file", metavar="FILE")
@click.option("--spender", metavar="ID", help="Who spends, where the offer was this bank's.")
@click.option("--earner", metavar="ID", help="Who earns, if it is not who is named there.")
@click.option(
    "--key",
    "keys",
    metavar="FILE",
    multiple=True,
    required=True,
    help="This bank's own keys, also those of before. Or their public keys.",
)
@formatted
@pass_address
def bring_in(
    address: BankAddress,
    /,
    *,
    file: str,
    spender: str | None,
    earner: str | None,
    keys: tuple[str, ...],
    format: str,
) -> None:
    """Bring exchanges in."""
    from timebank import federation, reports
    from timebank.cli.finding import account_id
    from timebank.reports.transfers import transfer_text

    with address.open() as bank:
        who: dict[str, Any] = {
            name: None if text is None else account_id(bank, text)
            for name, text in (("spender", spender), ("earner", earner))
        }
        with keeping(file):
            made = [federation.bring_in(bank, line, keys=keys, **who) for line in lines_of(file)]
        names = bank_names(bank)
    shapes = list(map(reports.json.transfer, made))
    show_as(
        format,
        lambda: shapes,
        lambda: [line for one in made for line in transfer_text(one, names=names)],
    )


@click.command(help="""Print what this bank has of another one, signed: for its peers reconcile.""")
@click.argument("bank")
@key_option
@out_option
@pass_address
def position(address: BankAddress, /, *, bank: str, key: str, out: str | None) -> None:
    """Print a position."""
    from timebank import federation

    with with_peer(address, bank) as (own, peer):
        sent = federation.position(own, peer.journal, key=key)
    put([line for line in sent.splitlines() if line], out)


@click.command(
    help="""Compare what two banks have of each other: what only one has, and what is under way.

    FILE is what the other bank printed with peers position; a bank of this storage needs none.
    The exit code is 1 where more than what is under way stands between the two.
    """
)
@click.argument("bank")
@click.argument("file", metavar="[FILE]", required=False)
@formatted
@pass_address
def reconcile(address: BankAddress, /, *, bank: str, file: str | None, format: str) -> int:
    """Compare two banks."""
    from timebank import federation
    from timebank.reports.peers import reconciliation_json, reconciliation_text

    with with_peer(address, bank, read_only=True) as (own, peer):
        theirs: Any = peer.bank
        if file is not None:
            theirs = b"\n".join(lines_of(file))
        if theirs is None:
            usage(words()("position_needed", bank=peer.name))
        with keeping(str(file)):
            found = federation.reconcile(own, theirs)
    show_as(
        format, lambda: reconciliation_json(found), lambda: reconciliation_text(found, peer.name)
    )
    return WELL if found.ok else REFUSED
