"""`timebank history accept`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from timebank.cli.address import BankAddress, pass_address
from timebank.cli.heads import LINE
from timebank.cli.options import formatted
from timebank.cli.output import show_result
from timebank.cli.program import said

if TYPE_CHECKING:
    from timebank.model import Head


@click.group(
    no_args_is_help=False, help="What the storage has lost of what was told to be recorded."
)
def history() -> None:
    """The group of the commands of the history."""


@history.command(
    help="""Go on, though the storage has lost the end of the journal.

    A fail-over lost it, or an older copy was restored; since then whoever was told more writes
    nothing. Look into it first: what was lost is recorded again by hand, or is not. A record
    then names the head that is gone, so that everybody sees the loss. Given twice, it is one loss.
    """
)
@click.option(
    "--head",
    "line",
    required=True,
    metavar="LINE|FILE",
    help="The head that is gone: its line, or a log of heads, of which it is the last.",
)
@click.option("--reason", required=True, help="Personal text: what happened.")
@formatted
@pass_address
def accept(address: BankAddress, /, *, line: str, reason: str, format: str) -> None:
    """Declare a loss."""
    with address.open() as bank:
        made = bank.accept_history(head=_head(line), reason=reason)
    lost = made.lost.sequence
    key = "history_again" if made.repeated else "history_accepted"
    show_result(format, made, lambda: [said(key, sequence=made.sequence, lost=lost)])


def _head(given: str) -> Head:
    """Return the head of a line, or the last one of a log.

    :raises InvalidRequest: no such line, or a file without one.
    :raises NotFound: there is no such file.
    """
    from timebank.bank.head_log import HeadLog
    from timebank.model import Head

    name = given.removeprefix("@")
    if name == given and (given.startswith(LINE) or (" " in given and not Path(given).exists())):
        return Head.of(given)
    return HeadLog(name).last()
