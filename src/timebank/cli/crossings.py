"""`timebank peers transfer`, `reverse`, `resume`, `abandon` and `write-off`: what crosses banks."""

from __future__ import annotations

from contextlib import closing, suppress
from typing import TYPE_CHECKING, Any

import click

from timebank.cli.address import BankAddress, pass_address
from timebank.cli.options import (
    DAY_OF_SERVICE,
    DURATION,
    TIME,
    formatted,
    old_day_option,
)
from timebank.cli.output import show_as, show_result
from timebank.cli.peer_names import Peer, neighbour, terms_there, with_peer, words
from timebank.cli.program import REFUSED, WELL, usage

if TYPE_CHECKING:
    from timebank.bank import TimeBank
    from timebank.model import Transfer
    from timebank.model.agreements import Crossing


def described_options(command: Any) -> Any:
    """Add the options that say how much, when, and what for, as those of a transfer."""
    for option in reversed(
        (
            click.option("--hours", metavar="HOURS", required=True, help="1:30, 1.5, 1h30 or 90m."),
            click.option("--id", "id", metavar="ID", help="Makes repeating the command safe."),
            click.option(
                "--on",
                "occurred_on",
                type=DAY_OF_SERVICE,
                help="The day of service; today if left out.",
            ),
            old_day_option,
            click.option("--from", "started_at", type=TIME, help="When it began, on that day."),
            click.option(
                "--to", "ended_at", type=TIME, help="When it ended; past midnight, if earlier."
            ),
            click.option("--category", help="What sort of service."),
            click.option("--area", help="The area of welfare."),
            click.option("--note", help="Personal text: what for."),
            click.option("--tag", "tags", multiple=True, help="May be given several times."),
            click.option(
                "--answer-in",
                type=DURATION,
                metavar="7d|12h|30m|2w",
                default="30d",
                show_default=True,
                help="How long the other bank may take to answer.",
            ),
        )
    ):
        command = option(command)
    return command


@click.command(
    help="""Move hours from a member of this bank to a member of another one, in this storage.

    BANK is the earner's bank. It books the hours, or refuses; the exit code is 1 where it refuses.
    The same command with the same --id finishes what a stop left, and repeats nothing.
    """
)
@click.argument("bank")
@click.option("--spender", metavar="ID", required=True, help="Who spends, in this bank.")
@click.option("--earner", metavar="ID", required=True, help="Who earns, in the other bank.")
@described_options
@formatted
@pass_address
def transfer(
    address: BankAddress, /, *, bank: str, spender: str, earner: str, format: str, **given: Any
) -> int:
    """Exchange with a bank of this storage."""
    from timebank import federation
    from timebank.cli.finding import account_id

    with with_peer(address, bank) as (own, peer):
        other = _here(peer)
        if peer.agreement is not None and terms_there(peer, own) is None:
            usage(words()("not_agreed_there", bank=peer.name, alias=other.name, own=own.name))
        named = _earner(other, peer, earner)
        spends = account_id(own, spender)
        made = federation.transfer(own, other, spender=spends, earner=named, **given)
        return show_crossings(own, [made], format, alone=True)


def _earner(other: TimeBank, peer: Peer, text: str) -> str:
    """Return the account of the other bank that is meant.

    :raises click.UsageError: there is none, or there are several.
    """
    from timebank.cli.finding import account_id
    from timebank.errors import AccountNotFound

    try:
        return account_id(other, text)
    except AccountNotFound as error:
        key = "no_earner_near" if error.near else "no_earner"
        near = {"near": ", ".join(error.near)} if error.near else {}
        usage(words()(key, bank=peer.name, text=text, **near))


def _here(peer: Peer) -> TimeBank:
    """Return a bank of this storage.

    :raises click.UsageError: it is elsewhere.
    """
    if peer.bank is None:
        usage(words()("not_here", bank=peer.name))
    return peer.bank


def crossed(bank: TimeBank, text: str) -> Transfer:
    """Return an exchange with another bank: by its id here, or by that of the offer of either.

    :raises click.UsageError: it is no exchange with another bank.
    :raises TransferNotFound: there is none.
    """
    from timebank import federation
    from timebank.errors import NotFound, TransferNotFound
    from timebank.model.agreements import shared_id

    ids = [text, *(shared_id(one.peer, text) for one in federation.agreements(bank))]
    with suppress(NotFound):
        ids.append(bank.hold_by_id(text).resolved_by or text)
    for id in ids:
        try:
            made = bank.transfer_by_id(id)
        except NotFound:
            continue
        if made.across is None:
            usage(words()("not_across", id=text))
        return made
    raise TransferNotFound(text)


def booked(bank: TimeBank, text: str) -> Transfer:
    """Return what was earned here from another bank.

    :raises click.UsageError: it is no exchange with another bank, or was earned there.
    :raises TransferNotFound: there is none.
    """
    made = crossed(bank, text)
    if made.across is not None and made.across.is_ours:
        usage(words()("reversed_there", id=text))
    return made


def across_here(bank: TimeBank, made: Transfer) -> TimeBank:
    """Return the other bank of an exchange, which is in this storage.

    :raises click.UsageError: it is elsewhere.
    """
    from timebank import federation

    assert made.across is not None  # noqa: S101 - it is an exchange with another bank
    agreement = federation.agreement(bank, made.across.bank)
    return _here(Peer(agreement.peer, agreement, neighbour(bank, agreement.peer)))


@click.command(
    help="""Finish what a stop left between the banks of this storage.

    It may be run at any time: what is finished is not repeated. The option --bank plays no part.
    """
)
@formatted
@pass_address
def resume(address: BankAddress, /, *, format: str) -> int:
    """Resume."""
    from timebank import federation
    from timebank.bank import TimeBank
    from timebank.storage import open_store

    with closing(open_store(address.url, create=False)) as store:
        banks = [
            TimeBank(store, bank=name, create=False).acting_as(address.actor)
            for name in store.banks()
        ]
        made = federation.resume(*banks)
        by_journal = {bank.head().journal: bank for bank in banks}
        shapes, lines = [], []
        for one in made:
            own = by_journal[_journal_of(one, banks)]
            shape, text = _told(own, one)
            shapes.append({"bank": own.name, **shape})
            lines += text
    show_as(format, lambda: shapes, lambda: lines or [words()("nothing_left")])
    return REFUSED if any(one.status == "refused" for one in made) else WELL


def _journal_of(crossing: Crossing, banks: list[TimeBank]) -> str:
    """Return the journal of the bank that made an offer."""
    for bank in banks:
        with bank.store.reader(bank.name) as reader:
            row = reader.find(crossing.id)
            if row is not None and row.sequence == crossing.offer.sequence:
                return reader.head().journal
    raise AssertionError  # it was just read there


def show_crossings(
    bank: TimeBank, made: list[Crossing], format: str, *, alone: bool = False
) -> int:
    """Print exchanges, and return the exit code: 1 where one was refused."""
    told = [_told(bank, one) for one in made]
    shapes = [shape for shape, _ in told]
    show_as(
        format,
        lambda: shapes[0] if alone else shapes,
        lambda: [line for _, lines in told for line in lines],
    )
    return REFUSED if any(one.status == "refused" for one in made) else WELL


def _told(bank: TimeBank, crossing: Crossing) -> tuple[dict[str, Any], list[str]]:
    """Return an exchange as JSON and as text."""
    from timebank import federation, reports
    from timebank.reports.peers import crossing_text

    across = crossing.offer.across
    assert across is not None  # noqa: S101 - it is an offer
    agreement = federation.agreement(bank, across.bank)
    return reports.json.crossing(crossing), crossing_text(crossing, agreement)


@click.command(
    help="""Give an offer up that the other bank does not answer: its hours are free again.

    Where the other bank has booked it all the same, and answers later, it is booked then,
    whatever the limits.
    """
)
@click.argument("offer")
@click.option("--reason", required=True, help="Personal text: why.")
@formatted
@pass_address
def abandon(address: BankAddress, /, *, offer: str, reason: str, format: str) -> None:
    """Abandon an offer."""
    from timebank import federation
    from timebank.model.agreements import Crossing
    from timebank.reports.peers import crossing_text

    with address.open() as bank:
        made = federation.abandon(bank, offer, reason=reason)
        assert made.across is not None  # noqa: S101 - it is an offer
        agreement = federation.agreement(bank, made.across.bank)
    ended = Crossing(offer=made, status="refused", code="abandoned")
    show_result(format, made, lambda: crossing_text(ended, agreement))


@click.command(
    "write-off",
    help="""Write off what a bank owes that will never pay: --account bears it.

    Hours below 0:00 are what this bank owes: --account gets them. The board decides it, and the
    record has a flag. What the other bank's books say is not changed.
    """,
)
@click.argument("bank")
@click.option("--account", metavar="ID", required=True, help="Who bears it: a fund.")
@click.option("--hours", metavar="HOURS", required=True, help="How much.")
@click.option("--reason", required=True, help="Personal text: why.")
@click.option("--id", "id", metavar="ID", help="Makes repeating the command safe.")
@formatted
@pass_address
def write_off(
    address: BankAddress,
    /,
    *,
    bank: str,
    account: str,
    hours: str,
    reason: str,
    id: str | None,
    format: str,
) -> None:
    """Write off."""
    from timebank import federation
    from timebank.cli.finding import account_id
    from timebank.reports.peers import write_off_text

    with with_peer(address, bank) as (own, peer):
        account = account_id(own, account)
        made = federation.write_off(
            own, peer.journal, account=account, hours=hours, reason=reason, id=id
        )
        agreement = federation.agreement(own, peer.journal)
    show_result(format, made, lambda: write_off_text(made, agreement))
