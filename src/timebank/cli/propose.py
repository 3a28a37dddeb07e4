"""`timebank import propose`: look at sheets, and write the mapping that says what they mean."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Unpack

import click

from timebank.cli.address import BankAddress, pass_address
from timebank.cli.imports import import_
from timebank.cli.output import show, show_json
from timebank.cli.program import REFUSED, WELL
from timebank.cli.run_import import Options, existing, import_options, run_import

if TYPE_CHECKING:
    from timebank.interchange.csv.importer import MappingImporter
    from timebank.interchange.engine.quarantine import Mended
    from timebank.interchange.propose.proposal import Proposal


@click.command(
    "propose",
    help="""Look at sheets, and propose the mapping that says what their columns mean.

    FILE is .csv, .xlsx or .ods; several are of one kind, or one is a list of members. What was
    understood is shown by ten exchanges, and what nobody can see is asked: the exit code is 1
    then. Answer by --set. With --yes, and no doubt left, it is imported at once. Files of systems
    that are known need no mapping: the command for them is named.
    """,
)
@click.argument("files", metavar="FILE...", nargs=-1, required=True)
@click.option("--out", metavar="FILE", help="Write the mapping there, not on the screen.")
@click.option("--set", "said", metavar="KEY=VALUE", multiple=True, help="An answer; repeatable.")
@click.option("--yes", is_flag=True, help="Import at once, if nothing has to be asked.")
@import_options
@pass_address
@click.pass_context
def propose(
    context: click.Context,
    address: BankAddress,
    /,
    *,
    files: tuple[str, ...],
    out: str | None,
    said: tuple[str, ...],
    yes: bool,
    **options: Unpack[Options],
) -> int:
    """Propose a mapping."""
    from timebank.interchange.propose.drafts import answers_of
    from timebank.interchange.propose.proposal import propose as proposal_of
    from timebank.interchange.propose.showing import MAPPING, proposal_text, proposal_value
    from timebank.reports.words import Words

    is_json = options["format"] == "json"
    paths = [existing(path) for path in files]
    # JSON is the same in every language, so that comments of a mapping are in one.
    found = proposal_of(
        paths,
        answers=answers_of(said),
        name=options["source"],
        language="en" if is_json else None,
    )
    kept = _write(Path(out), found.text) if out is not None and found.text else None
    does_import = yes and found.is_clear
    if is_json:
        if not does_import:
            show_json(proposal_value(found, out or MAPPING))
    else:
        words = Words("propose")
        lines = [
            *([words("written", file=out)] if out is not None and found.text else []),
            *([words("kept", file=str(kept))] if kept is not None else []),
            *proposal_text(found, out or MAPPING, imports=does_import),
            *([] if found.is_clear else [words("not_booked")]),
        ]
        if out is None and found.text and not yes:
            # What is printed is a mapping as a whole, so that it can be sent to a file.
            lines = [*found.text.splitlines(), *(f"# {line}".rstrip() for line in lines)]
        show(lines)
    if not found.is_clear:
        return REFUSED
    return _import(context, address, found, options) if yes else WELL


def _write(path: Path, text: str) -> Path | None:
    """Write a mapping. One that is there and says something else is kept, under another name."""
    kept = None
    if path.exists() and path.read_text("utf-8", "replace") != text:
        kept = path.with_name(f"{path.name}~")
        path.replace(kept)
    path.write_text(text, "utf-8", newline="\n")
    return kept


def _import(context: click.Context, address: BankAddress, found: Proposal, options: Options) -> int:
    """Import what was proposed, by the mapping or by the command of a system that is known."""
    if found.known is not None:
        name, *words = found.known.command
        command = import_.commands[name]
        with command.make_context(name, words, parent=context.parent) as inner:
            inner.params.update(options)
            code: int = command.invoke(inner)
            return code

    from timebank.interchange.csv.importer import MappingImporter
    from timebank.interchange.csv.toml import parsed

    mapping = parsed(found.text.encode())

    def make(mended: Mended | None) -> MappingImporter:
        return MappingImporter(
            mapping,
            list(found.transfers) or None,
            accounts=found.accounts,
            open_accounts=True,
            mended=mended,
        )

    if found.opening is not None:
        options["opening"] = str(found.opening)
    return run_import(address, make, open_accounts=True, **options)
