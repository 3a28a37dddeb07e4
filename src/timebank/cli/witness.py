"""`timebank witness`: a neighbour keeps what it has seen of a bank, and cosigns."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from timebank.cli.heads import read, show_evidence, words
from timebank.cli.options import formatted
from timebank.cli.output import show, show_as
from timebank.cli.program import TOLD, usage

if TYPE_CHECKING:
    from timebank.proof import Forked
    from timebank.proof.witness import Witness


@click.command(
    help="""Cosign the signed head of a neighbour's bank, where it continues what was seen.

    FILE is what `timebank head --sign FILE --since OLD` printed there; with - it is read from
    standard input. The answer goes back to that bank. What was seen is kept in the folder, before
    anything is answered: never put an older copy of it in its place. Exit code 1 where nothing
    is cosigned. Without FILE it is shown what was seen.

    It begins with a key (`timebank key make DIR/key --witness NAME`), and with the public key of
    the bank, which its board hands over itself: --trust takes it.
    """
)
@click.argument("file", metavar="[FILE]", required=False)
@click.option(
    "--folder",
    metavar="DIR",
    required=True,
    envvar="TIMEBANK_WITNESS",
    help="The witness's folder.",
)
@click.option(
    "--trust",
    metavar="PUBLIC",
    multiple=True,
    help="Trust this public key of a bank from now on: a line or a file.",
)
@formatted
def witness(*, file: str | None, folder: str, trust: tuple[str, ...], format: str) -> None:
    """Trust keys, cosign, or show what was seen."""
    from timebank.proof.witness import Witness

    if trust and file is not None:
        usage(words()("trust_alone"))
    one = Witness(folder)
    if trust:
        _trust(one, trust, format)
    elif file is not None:
        _answer(one, file, format)
    else:
        _show(one, format)


def _trust(witness: Witness, given: tuple[str, ...], format: str) -> None:
    from timebank.proof import keys_of
    from timebank.reports.text import harmless

    lines, shapes = [], []
    trusted = list(witness.banks())
    for key in keys_of(*given):
        others = [one for one in trusted if one.name == key.name and one != key]
        trusted += [] if key in trusted else [key]
        place = witness.trust(key)
        id = key.key_id.hex()
        lines.append(harmless(words()("trusted", name=key.name, id=id, file=place)))
        lines += [words()("trusted_too", id=one.key_id.hex()) for one in others]
        shapes.append({"public": str(key), "file": str(place)})
    show_as(format, lambda: shapes, lambda: lines)


def _answer(witness: Witness, file: str, format: str) -> None:
    """Print the cosignature; where the request begins elsewhere, the number it is to begin at.

    :raises NotProved: nothing is cosigned.
    """
    from timebank.proof import Forked
    from timebank.proof.consistency import Continuation
    from timebank.proof.witness import OtherSize

    request = read(file, Continuation.of)
    try:
        signature = witness.add(request)
    except OtherSize as error:
        show([str(error.size)])
        raise
    except Forked as error:
        if error.evidence is not None:
            _name_evidence(witness, request.head.checkpoint.origin, error.evidence, error)
        raise
    shape = {"size": request.head.checkpoint.size, "cosignature": str(signature)}
    show_as(format, lambda: shape, lambda: [str(signature)])


def _name_evidence(witness: Witness, origin: str, text: str, error: Forked) -> None:
    """Say in an error where its evidence is kept; where it could not be kept, show it."""
    try:
        place = witness.evidence_file(origin, text)
    except OSError:
        place = None
    if place is None:
        show_evidence(text)
        told = words()("evidence_unkept")
    else:
        told = words()("evidence_kept", file=place)
    error.add_context(after=f"; {told}")
    setattr(error, TOLD, told)


def _show(witness: Witness, format: str) -> None:
    from timebank.reports.text import harmless

    own = witness.key().public
    shapes, lines = [], [words()("witness_is", name=own.name, public=own)]
    keys: dict[str, list[str]] = {}
    for one in witness.banks():
        keys.setdefault(one.name, []).append(one.key_id.hex())
    for origin, ids in keys.items():
        seen, evidence = witness.seen(origin), witness.evidence(origin)
        size = None if seen is None else seen.checkpoint.size
        shapes.append({"origin": origin, "size": size, "evidence": list(map(str, evidence))})
        gaps = {"origin": origin, "ids": ", ".join(ids)}
        if size is None:
            lines.append(harmless(words()("seen_nothing", **gaps)))
        else:
            lines.append(harmless(words().counted("seen_last", size, **gaps)))
        lines += [harmless(words()("evidence_in", file=file)) for file in evidence]
    show_as(format, lambda: {"public": str(own), "banks": shapes}, lambda: lines)
