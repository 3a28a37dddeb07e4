"""Read files of messages between banks, and write them: for the commands of `timebank peers`.

A message is one line of text. It is printed, or goes into a file, to be sent by mail or carried on
a stick; what comes in is a file of such lines, or the standard input.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from timebank.cli.heads import EVIDENCE, keep_evidence
from timebank.cli.output import complain, show, show_bytes
from timebank.cli.peer_names import bank_names, words
from timebank.cli.program import TOLD

if TYPE_CHECKING:
    from timebank.bank import TimeBank

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


def said_of(bank: TimeBank, data: bytes) -> list[str]:
    """Return what a message says, in words."""
    from timebank.federation import Message
    from timebank.reports.peers import message_text

    return message_text(Message.of(data), bank_names(bank), own=bank.head().journal)
