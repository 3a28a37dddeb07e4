"""`timebank peers offer`, `answer` and others: messages between banks in two places."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

import click

from timebank.cli.address import BankAddress, pass_address
from timebank.cli.crossings import across_here, booked, crossed, described_options, show_crossings
from timebank.cli.options import DURATION, Number, formatted
from timebank.cli.output import complain, show, show_as
from timebank.cli.peer_files import (
    keeping,
    key_option,
    lines_of,
    note_option,
    out_option,
    put,
    said_of,
)
from timebank.cli.peer_names import bank_names, with_peer, words
from timebank.cli.program import REFUSED, WELL

if TYPE_CHECKING:
    from timebank.bank import TimeBank
    from timebank.federation.folder import Taken

# -- making messages -----------------------------------------------------------------


@click.command(
    help="""Offer hours of a member to somebody of another bank, and print the message to send.

    The hours stay reserved until the other bank answers. The same command with the same --id
    reserves nothing more, and prints the message once more.
    """
)
@click.argument("bank")
@click.option("--spender", metavar="ID", required=True, help="Who spends, in this bank.")
@click.option(
    "--earner", metavar="ADDRESS", required=True, help="Who earns: an address of the other bank."
)
@described_options
@note_option
@key_option
@out_option
@pass_address
def offer(
    address: BankAddress, /, *, bank: str, spender: str, out: str | None, **given: Any
) -> None:
    """Offer."""
    from timebank import federation
    from timebank.cli.finding import account_id

    with with_peer(address, bank) as (own, peer):
        sent = federation.offer(own, peer.journal, spender=account_id(own, spender), **given)
        said = said_of(own, sent)
    put([sent], out, said)


@click.command(help="Take an offer back, and print the message to send. It is answered, too.")
@click.argument("offer_id", metavar="OFFER")
@key_option
@out_option
@pass_address
def cancel(address: BankAddress, /, *, offer_id: str, key: str, out: str | None) -> None:
    """Cancel."""
    from timebank import federation

    with address.open() as bank:
        sent = federation.cancel(bank, offer_id, key=key)
        said = said_of(bank, sent)
    put([sent], out, said)


@click.command(
    help="""Move hours back that a member earned from another bank: all that is left, or --hours.

    TRANSFER is the id under which it was booked here, or that of the other bank's offer. The bank
    of who had earned does it, and it passes all limits of both. With --key it is a message to be
    sent, which is printed; without one the other bank is in this storage.
    """
)
@click.argument("transfer_id", metavar="TRANSFER")
@click.option("--reason", required=True, help="Personal text: why.")
@click.option("--hours", metavar="HOURS", help="A part of it.")
@click.option("--id", "id", metavar="ID", help="Makes repeating the command safe.")
@note_option
@click.option("--key", metavar="FILE", help="The file of this bank's key, which signs.")
@out_option
@formatted
@pass_address
def reverse(address: BankAddress, /, *, transfer_id: str, **given: Any) -> int:
    """Reverse an exchange."""
    from timebank import federation

    out, format, note = given.pop("out"), given.pop("format"), given.pop("with_note")
    with address.open() as bank:
        made = booked(bank, transfer_id)
        if given["key"] is None:
            del given["key"]
            other = across_here(bank, made)
            found = federation.reverse(bank, other, made.id, **given)
            return show_crossings(bank, [found], format, alone=True)
        sent = federation.reversal(bank, made.id, with_note=note, **given)
        said = said_of(bank, sent)
    put([sent], out, said)
    return WELL


@click.command(
    help="""Ask another bank for an offer: --earner claims hours, --reverses moves them back.

    Nothing is recorded: the board of the other bank reads it, and grants it or not.
    """
)
@click.argument("bank")
@click.option("--earner", metavar="ADDRESS", help="Who is to earn, in this bank.")
@click.option("--spender", metavar="ADDRESS", help="Who is to spend, in the other bank.")
@click.option("--reverses", metavar="TRANSFER", help="What the other bank is to move back.")
@described_options
@key_option
@out_option
@pass_address
def request(address: BankAddress, /, *, bank: str, out: str | None, **given: Any) -> None:
    """Request."""
    from timebank import federation

    del given["answer_in"]  # which whoever grants it says
    with with_peer(address, bank) as (own, peer):
        if given["reverses"] is not None:
            given["reverses"] = crossed(own, given["reverses"]).id
        sent = federation.request(own, peer.journal, **given)
        said = said_of(own, sent)
    put([sent], out, said)


@click.command(
    help="""Make the offer that another bank asks for, and print the message to send.

    Granted twice it is one offer.
    """
)
@click.argument("file", metavar="FILE")
@click.option("--spender", metavar="ID", help="Who spends, if it is not who is named there.")
@click.option("--reason", help="Personal text: why hours are moved back.")
@click.option(
    "--answer-in", type=DURATION, metavar="7d|12h|30m|2w", default="30d", show_default=True
)
@key_option
@out_option
@pass_address
def grant(address: BankAddress, /, *, file: str, out: str | None, **given: Any) -> None:
    """Grant."""
    from timebank import federation
    from timebank.cli.finding import account_id

    with address.open() as bank, keeping(file):
        if given["spender"] is not None:
            given["spender"] = account_id(bank, given["spender"])
        sent = [federation.grant(bank, line, **given) for line in lines_of(file)]
        said = [line for one in sent for line in said_of(bank, one)]
    put(sent, out, said)


@click.command(
    help="""Print the message of an offer, or of an answer, once more.

    ID is that of the offer, or of what was booked. Of an offer that is booked it is the other
    bank's acceptance, given back to a bank that has forgotten it.
    """
)
@click.argument("id")
@note_option
@key_option
@out_option
@pass_address
def message(
    address: BankAddress, /, *, id: str, with_note: bool, key: str, out: str | None
) -> None:
    """Print a message again."""
    from timebank import federation

    with address.open() as bank:
        sent = federation.message(bank, _latest(bank, id), key=key, with_note=with_note)
        said = said_of(bank, sent)
    put([sent], out, said)


def _latest(bank: TimeBank, id: str) -> str:
    """Return the id of what was booked for an offer, where it is booked; else the id itself."""
    from timebank.errors import NotFound

    try:
        hold = bank.hold_by_id(id)
    except NotFound:
        return id
    is_booked = hold.across is not None and hold.status == "settled"
    return hold.resolved_by or id if is_booked else id


@click.command(
    help="""Print what may not have reached another bank: offers without an answer, and answers.

    Sending it again does nothing more.
    """
)
@click.argument("bank")
@click.option("--since", type=Number(min=0), metavar="N", help="Answers since record N.")
@key_option
@out_option
@pass_address
def outbox(
    address: BankAddress, /, *, bank: str, since: int | None, key: str, out: str | None
) -> None:
    """Print the outbox."""
    from timebank import federation

    with with_peer(address, bank) as (own, peer):
        sent = federation.outbox(own, peer.journal, key=key, since=since)
        said = [line for one in sent for line in said_of(own, one)]
    if sent:
        put(sent, out, said)
    else:
        complain(words()("nothing_waits"))


# -- what comes in -------------------------------------------------------------------


@click.command("read", help="Say what the messages in a file say. Nothing is done with them.")
@click.argument("file", metavar="FILE")
@formatted
@pass_address
def read_(address: BankAddress, /, *, file: str, format: str) -> None:
    """Read messages."""
    from timebank import federation
    from timebank.reports.peers import message_json, message_text

    with address.open(read_only=True) as bank, keeping(file):
        found = [federation.read(bank, line) for line in lines_of(file)]
        names = bank_names(bank)
    shapes = list(map(message_json, found))
    show_as(
        format, lambda: shapes, lambda: [line for one in found for line in message_text(one, names)]
    )


@click.command(
    help="""Book the offers in a file, or refuse them, and print the messages that answer them.

    What was answered before is answered alike. The hours go to the account whose id is the address
    in the offer, or to --earner.
    """
)
@click.argument("file", metavar="FILE")
@click.option("--earner", metavar="ID", help="Who earns, if it is not who is named there.")
@click.option("--note", help="Personal text: what for. Left out: the note that came along.")
@key_option
@out_option
@pass_address
def answer(
    address: BankAddress,
    /,
    *,
    file: str,
    earner: str | None,
    note: str | None,
    key: str,
    out: str | None,
) -> None:
    """Answer offers."""
    from timebank import federation
    from timebank.cli.finding import account_id

    with address.open() as bank:
        named = None if earner is None else account_id(bank, earner)

        def made(line: bytes) -> bytes:
            return federation.answer(bank, line, key=key, earner=named, note=note)

        with keeping(file):
            sent = list(map(made, lines_of(file)))
        said = [line for one in sent for line in said_of(bank, one)]
    put(sent, out, said)


@click.command(
    help="""Book what the other bank has accepted, or release what it refused.

    The exit code is 1 where an offer was refused.
    """
)
@click.argument("file", metavar="FILE")
@click.option(
    "--key",
    "keys",
    metavar="FILE",
    multiple=True,
    help="This bank's own keys, also those of before: they prove its offers. Or their public keys.",
)
@formatted
@pass_address
def conclude(address: BankAddress, /, *, file: str, keys: tuple[str, ...], format: str) -> int:
    """Conclude offers."""
    from timebank import federation

    with address.open() as bank:
        with keeping(file):
            made = [federation.conclude(bank, line, keys=keys) for line in lines_of(file)]
        return show_crossings(bank, made, format)


@click.command(
    help="""Do what the messages in a file ask for: answer offers, conclude what is answered.

    The answers are printed, to be sent. What is for a board is left: peers read says what it is.
    """
)
@click.argument("file", metavar="FILE")
@key_option
@out_option
@pass_address
def receive(address: BankAddress, /, *, file: str, key: str, out: str | None) -> int:
    """Receive messages."""
    from timebank import federation
    from timebank.cli.program import message_of
    from timebank.errors import FAILURES, TimebankError

    sent: list[bytes] = []
    said: list[str] = []
    refused = False
    with address.open() as bank:
        for line in lines_of(file):
            try:
                with keeping(file):
                    found = federation.receive(bank, line, key=key)
            except FAILURES:
                raise
            except TimebankError as error:
                refused = True
                complain(message_of(error))
                continue
            said += said_of(bank, line if found is None else found)
            sent += [] if found is None else [found]
    if sent:
        put(sent, out, said)
    else:
        show(said)
    return REFUSED if refused else WELL


@click.command(
    help="""Exchange messages through a folder: a stick, or one that both banks share.

    What is for this bank is done, and taken away; answers, and what waits, are put there for the
    others. What is refused is kept, with .refused behind its name. The exit code is 1 then.
    """
)
@click.argument("folder_path", metavar="DIR")
@key_option
@formatted
@pass_address
def folder(address: BankAddress, /, *, folder_path: str, key: str, format: str) -> int:
    """Exchange through a folder."""
    from timebank import federation
    from timebank.federation.folder import Folder

    stick = Folder(folder_path)
    with address.open() as bank:
        taken = sorted(stick.take(bank, key=key), key=_order)
        placed = [
            file
            for one in federation.agreements(bank)
            if one.key is not None and one.status != "ended"
            for file in stick.put(bank, one.peer, key=key)
        ]
        names = bank_names(bank)
    shape = {
        "taken": [_taken_json(one) for one in taken],
        "placed": [file.name for file in placed],
    }
    show_as(format, lambda: shape, lambda: _folder_text(taken, len(placed), names))
    return REFUSED if any(one.error is not None for one in taken) else WELL


def _order(one: Taken) -> tuple[str, int]:
    """Return by what the files of a folder are told of: the order of each bank's journal."""
    if one.message is None:
        return "", 0
    return one.message.sender, one.message.body.get("record", 0)


def _taken_json(one: Taken) -> dict[str, Any]:
    from timebank import reports

    return {
        "file": one.file.name,
        "kind": one.kind,
        "error": None if one.error is None else reports.json.error(one.error),
        "answer": None if one.answer is None else one.answer.name,
        "evidence": None if one.evidence is None else one.evidence.name,
    }


def _folder_text(taken: list[Taken], placed: int, names: dict[str, str]) -> Iterator[str]:
    from timebank.cli.program import message_of
    from timebank.reports.peers import message_text

    for one in taken:
        if one.error is not None:
            yield words()("not_taken", file=one.file.name, why=message_of(one.error))
        elif one.message is not None:
            yield from message_text(one.message, names)
    yield words().counted("taken", sum(one.error is None for one in taken))
    yield words().counted("placed", placed)


COMMANDS: Final[tuple[click.Command, ...]] = (
    offer,
    answer,
    conclude,
    cancel,
    reverse,
    request,
    grant,
    message,
    outbox,
    read_,
    receive,
    folder,
)
