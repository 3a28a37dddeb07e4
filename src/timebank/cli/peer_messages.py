"""`timebank peers offer`, `answer` and others: messages between banks that are not in one storage.

A message is one line of text. It is printed, or goes into a file, to be sent by mail or carried on
a stick; what comes in is a file of such lines, or the standard input.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from timebank.cli.address import BankAddress, pass_address
from timebank.cli.crossings import across_here, booked, described_options, show_crossings
from timebank.cli.heads import EVIDENCE, keep_evidence
from timebank.cli.options import DURATION, formatted
from timebank.cli.output import complain, show, show_as, show_bytes
from timebank.cli.peer_names import bank_names, with_peer, words
from timebank.cli.program import REFUSED, TOLD, WELL

if TYPE_CHECKING:
    from timebank.bank import TimeBank
    from timebank.federation.folder import Taken

#: Of a file of messages so much is read.
_MOST_BYTES: Final = 64 * 1024 * 1024

key_option = click.option(
    "--key", metavar="FILE", required=True, help="The file of this bank's key, which signs."
)
out_option = click.option(
    "--out", metavar="FILE", help="Where the message goes. Left out: standard output."
)
note_option = click.option(
    "--with-note", is_flag=True, help="Send the note along: else it stays in this bank."
)


# -- files ---------------------------------------------------------------------------


def lines_of(file: str) -> list[bytes]:
    """Return the messages of a file, one a line; a `-` is the standard input.

    :raises InvalidRequest: it is longer than any such file.
    :raises NotProved: there is none in it.
    :raises OSError: it cannot be read.
    """
    from timebank.errors import InvalidRequest
    from timebank.federation import Message
    from timebank.proof.files import plain

    if file == "-":
        data = sys.stdin.buffer.read(_MOST_BYTES + 1)
    else:
        with Path(file).open("rb") as stream:
            data = stream.read(_MOST_BYTES + 1)
    if len(data) > _MOST_BYTES:
        msg = f"{file} is longer than any file of messages"
        raise InvalidRequest(msg).about(key="file_too_long")
    lines = [line.strip() for line in plain(data).split(b"\n") if line.strip()]
    return lines or [Message.of(b"").data]  # which is refused, with a sentence


@contextmanager
def keeping(file: str) -> Iterator[None]:
    """Write the evidence of what is found in the block beside a file, and say where it is.

    :raises Forked: the same error, which tells the file.
    :raises OtherOffer: as above.
    """
    from timebank.federation import OtherOffer
    from timebank.proof import Forked

    try:
        yield
    except (Forked, OtherOffer) as error:
        place = f"{'timebank' if file == '-' else file}{EVIDENCE}"
        told = keep_evidence(error, place)  # type: ignore[arg-type]  # both have it
        if told is not None:
            error.add_context(after=f"; {told}")
            setattr(error, TOLD, told)
        raise


def put(messages: Iterable[bytes], out: str | None, said: Iterable[str] = ()) -> None:
    """Print messages, one a line; or write them into a file, and say so.

    What was `said` of them is printed too: on standard error, where a message is printed.

    :raises OSError: it cannot be written.
    """
    data = b"".join(b"%s\n" % one for one in messages)
    if out is None or out == "-":
        for line in said:
            complain(line)
        show_bytes([data])
        return
    path = Path(out)
    part = path.with_name(f".{path.name}.part")
    part.write_bytes(data)
    part.replace(path)
    show([*said, words().counted("sent_to", data.count(b"\n"), file=out)])


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
        said = _said(own, sent)
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
        said = _said(bank, sent)
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
        said = _said(bank, sent)
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
            given["reverses"] = booked(own, given["reverses"]).id
        sent = federation.request(own, peer.journal, **given)
        said = _said(own, sent)
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
        said = [line for one in sent for line in _said(bank, one)]
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
        said = _said(bank, sent)
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
@click.option("--since", type=click.IntRange(min=0), metavar="N", help="Answers since record N.")
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
        said = [line for one in sent for line in _said(own, one)]
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
        said = [line for one in sent for line in _said(bank, one)]
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
            said += _said(bank, line if found is None else found)
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


# -- boards --------------------------------------------------------------------------


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
            from timebank.cli.program import usage

            usage(words()("position_needed", bank=peer.name))
        with keeping(str(file)):
            found = federation.reconcile(own, theirs)
    show_as(
        format, lambda: reconciliation_json(found), lambda: reconciliation_text(found, peer.name)
    )
    return WELL if found.ok else REFUSED


def _said(bank: TimeBank, data: bytes) -> list[str]:
    """Return what a message says, in words."""
    from timebank.federation import Message
    from timebank.reports.peers import message_text

    return message_text(Message.of(data), bank_names(bank), own=bank.head().journal)


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
    readmit,
    bring_in,
    position,
    reconcile,
)
