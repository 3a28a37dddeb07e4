"""`timebank peers`: agreements with other banks, and what each of the two may owe."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from timebank.cli.address import BankAddress, pass_address
from timebank.cli.crossings import abandon, resume, transfer, write_off
from timebank.cli.options import OWED, formatted
from timebank.cli.output import show, show_as, show_result
from timebank.cli.peer_boards import bring_in, position, readmit, reconcile
from timebank.cli.peer_messages import COMMANDS
from timebank.cli.peer_names import (
    Peer,
    find_peer,
    neighbour,
    peer_of,
    terms_there,
    told,
    with_peer,
    words,
)
from timebank.cli.program import usage

if TYPE_CHECKING:
    from timebank.bank import TimeBank
    from timebank.federation.cards import Card
    from timebank.hours import Hours
    from timebank.model import Hold
    from timebank.model.agreements import Agreement


@click.group(
    no_args_is_help=False,
    help="""Other banks: agreements with them, and exchanges of members of both.

    BANK is the other bank: its name here, its name in this storage, or the id of its journal.
    """,
)
def peers() -> None:
    """The group of commands on other banks."""


@peers.command(
    help="""Agree with another bank, change what was agreed, or end a suspension.

    BANK is a bank of this storage, one that was agreed with before, or the file of the other
    bank's card (see peers card). Both boards agree, each in its own bank; in each direction the
    smaller of the two limits holds. Without limits those of before stay.
    """
)
@click.argument("bank")
@click.option("--they-may-owe", type=OWED, help="How much the other bank may owe this one.")
@click.option("--we-may-owe", type=OWED, help="How much this bank may owe the other one.")
@click.option("--name", help="What the other bank is called here. Personal text.")
@click.option("--key", metavar="PUBLIC", help="The other bank's public key: a line or a file.")
@click.option("--reason", help="Personal text: why.")
@formatted
@click.pass_context
def agree(context: click.Context, /, bank: str, **options: Any) -> None:
    """Agree. An option of `none` is not one that was left out."""
    from timebank import federation
    from timebank.reports.peers import agreement_text

    format = options.pop("format")
    for name in ("they_may_owe", "we_may_owe"):
        if context.get_parameter_source(name) is click.core.ParameterSource.DEFAULT:
            del options[name]
    with context.obj.open() as own:
        peer, given = _agreed_with(own, bank, options)
        agreement = federation.agree(own, peer.journal, **given)
        agreement = told(Peer(peer.journal, agreement, peer.bank), own) or agreement
        owed, offers = _state(own, agreement)
    show_result(format, agreement, lambda: agreement_text(agreement, owed, offers))


def _agreed_with(bank: TimeBank, text: str, options: dict[str, Any]) -> tuple[Peer, dict[str, Any]]:
    """Return who is agreed with, and on what: as was given, as its card says, or as before.

    :raises click.UsageError: it is not known who is meant, or how much may be owed.
    """
    card = _card_in(text)
    if card is not None:
        peer = peer_of(bank, card.journal) or Peer(
            card.journal, None, neighbour(bank, card.journal)
        )
    else:
        found = peer_of(bank, text)
        if found is None and options["key"] is None:
            found = find_peer(bank, text)
        peer = found or Peer(text, None, neighbour(bank, text))
    given = {name: value for name, value in options.items() if name != "key"}
    key = _key(options["key"], peer, card)
    if key is None and peer.agreement is None and peer.bank is None:
        usage(words()("which_key", bank=peer.name))
    name = given["name"] or (None if card is None else card.name)
    if name is None and peer.agreement is None and peer.bank is not None:
        name = peer.bank.name
    for limit in ("they_may_owe", "we_may_owe"):
        if limit not in given:
            if peer.agreement is None:
                usage(words()("limits_needed"))
            given[limit] = getattr(peer.agreement, limit)
    theirs = terms_there(peer, bank) if card is None else card.terms
    return peer, {**given, "name": name, "key": key, "theirs": theirs}


def _card_in(text: str) -> Card | None:
    """Return the card in a file, where a text is the path of one."""
    path = Path(text)
    try:
        if not path.is_file():
            return None
    except (OSError, ValueError):  # it is no path
        return None
    from timebank.federation.cards import Card
    from timebank.proof.files import named, read_short

    with named(text):
        return Card.of(read_short(text).decode("utf-8", "replace"))


def _key(given: str | None, peer: Peer, card: Card | None) -> str | None:
    """Return the line of the other bank's key: that which was given, else that of its card."""
    if given is None:
        return None if card is None else card.key
    from timebank.federation.cards import key_of_bank
    from timebank.proof import keys_of

    (key, *_) = keys_of(given)
    return str(key_of_bank(str(key), peer.journal))


@peers.command(
    help="""Make and take no new offers; what is under way goes on, and so do reversals.

    peers agree ends the suspension.
    """
)
@click.argument("bank")
@click.option("--reason", required=True, help="Personal text: why.")
@formatted
@pass_address
def suspend(address: BankAddress, /, *, bank: str, reason: str, format: str) -> None:
    """Suspend an agreement."""
    from timebank import federation
    from timebank.reports.peers import bank_text

    with with_peer(address, bank) as (own, peer):
        found = federation.suspend(own, peer.journal, reason=reason)
    show_result(format, found, lambda: [words()("suspended", bank=bank_text(found))])


@peers.command(help="End an agreement, where neither bank owes hours and no offer waits.")
@click.argument("bank")
@click.option("--reason", required=True, help="Personal text: why.")
@formatted
@pass_address
def end(address: BankAddress, /, *, bank: str, reason: str, format: str) -> None:
    """End an agreement."""
    from timebank import federation
    from timebank.reports.peers import bank_text

    with with_peer(address, bank) as (own, peer):
        found = federation.end(own, peer.journal, reason=reason)
    show_result(format, found, lambda: [words()("ended", bank=bank_text(found))])


@peers.command("list", help="The other banks: what each of the two owes, and may owe at most.")
@formatted
@pass_address
def list_(address: BankAddress, /, *, format: str) -> None:
    """List the agreements."""
    from timebank import federation, reports
    from timebank.reports.peers import agreements_text

    with address.open(read_only=True) as bank:
        found = []
        for one in federation.agreements(bank):
            peer = Peer(one.peer, one, neighbour(bank, one.peer))
            agreement = told(peer, bank) or one
            owed, offers = _state(bank, agreement)
            found.append((agreement, owed, len(offers)))
    shapes = [
        {**reports.json.agreement(one), "owed": str(owed), "waiting": waiting}
        for one, owed, waiting in found
    ]
    show_as(format, lambda: shapes, lambda: agreements_text(found))


@peers.command("show", help="One agreement: both limits of both banks, and the offers that wait.")
@click.argument("bank")
@formatted
@pass_address
def show_(address: BankAddress, /, *, bank: str, format: str) -> None:
    """Show an agreement."""
    from timebank import federation, reports
    from timebank.reports.peers import agreement_text

    with with_peer(address, bank, read_only=True) as (own, peer):
        agreement = told(peer, own) or federation.agreement(own, peer.journal)
        owed, offers = _state(own, agreement)
    shape = {
        **reports.json.agreement(agreement),
        "owed": str(owed),
        "offers": list(map(reports.json.hold, offers)),
    }
    show_as(format, lambda: shape, lambda: agreement_text(agreement, owed, offers))


def _state(bank: TimeBank, agreement: Agreement) -> tuple[Hours, list[Hold]]:
    """Return what the other bank owes, and the offers to it that wait for an answer."""
    from timebank.federation.agreements import owed

    offers = [hold for hold in bank.holds(account=agreement.account) if hold.across is not None]
    return owed(bank, agreement.peer), offers


@peers.command(
    help="""The card of this bank, for the board of another one: in a file, as in > isola.card.

    It has the bank's name, the id of its journal, its public key, and how much each may owe.
    Nobody signs it: compare the number of the key by telephone.
    """
)
@click.option("--key", metavar="FILE", help="The file of this bank's key, or its public key.")
@click.option("--name", help="The name of this bank. Left out: that of the storage.")
@click.option("--they-may-owe", type=OWED, required=True, help="As in peers agree.")
@click.option("--we-may-owe", type=OWED, required=True, help="As in peers agree.")
@pass_address
def card(address: BankAddress, /, *, key: str | None, name: str | None, **limits: Any) -> None:
    """Print a card."""
    from timebank.federation.cards import Card, key_of_bank
    from timebank.proof import keys_of

    with address.open(read_only=True) as bank:
        journal = bank.head().journal
        called = bank.name
    line = None
    if key is not None:
        (public, *_) = keys_of(key)
        line = str(key_of_bank(str(public), journal))
    made = Card(
        journal=journal,
        name=name or called,
        key=line,
        you_may_owe=_seconds(limits["they_may_owe"]),
        we_may_owe=_seconds(limits["we_may_owe"]),
    )
    show(str(made).splitlines())


def _seconds(limit: Hours | None) -> int | None:
    return None if limit is None else limit.seconds


for _command in (
    transfer,
    resume,
    *COMMANDS,
    position,
    reconcile,
    readmit,
    bring_in,
    abandon,
    write_off,
):
    peers.add_command(_command)
