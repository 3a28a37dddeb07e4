"""`timebank key`: keys that sign, and their public halves."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from timebank.cli.address import BankAddress, pass_address
from timebank.cli.heads import words
from timebank.cli.options import formatted
from timebank.cli.output import show_as

if TYPE_CHECKING:
    from timebank.proof import PublicKey


@click.group(no_args_is_help=False, help="Keys that sign for a bank, and those of witnesses.")
def key() -> None:
    """The group of commands on keys."""


@key.command(
    help="""Make a key that signs for the bank, in a new file that only its owner can read.

    Who has the file signs for the bank: keep it, and a copy of it elsewhere. With --witness no
    bank is needed: the key is that of a neighbour who cosigns.
    """
)
@click.argument("file", metavar="FILE")
@click.option("--witness", metavar="NAME", help="Make the key of a witness, of this name.")
@formatted
@pass_address
def make(address: BankAddress, /, *, file: str, witness: str | None, format: str) -> None:
    """Make a key."""
    from timebank.proof import SigningKey, origin_of
    from timebank.proof.folders import make_folder

    if witness is None:
        with address.open(read_only=True) as bank:
            name = origin_of(bank.head().journal)
    else:
        name = witness
    made = SigningKey.make(name, witness=witness is not None)
    if witness is not None:
        make_folder(Path(file).parent)  # that of the witness begins with its key
    made.write(file)
    said = words()("made" if witness is None else "made_of_witness", name=name, file=file)
    show_as(format, lambda: _shape(made.public), lambda: [said, str(made.public)])


@key.command(
    help="""Show the public key of FILE: the line to give to members and neighbours.

    FILE is that of a key, or has public keys, one a line.
    """
)
@click.argument("file", metavar="FILE")
@formatted
def show(*, file: str, format: str) -> None:
    """Show public keys."""
    from timebank.proof import keys_of

    found = keys_of(Path(file))
    show_as(format, lambda: list(map(_shape, found)), lambda: list(map(str, found)))


def _shape(key: PublicKey) -> dict[str, str]:
    return {"name": key.name, "kind": key.kind, "id": key.key_id.hex(), "public": str(key)}
