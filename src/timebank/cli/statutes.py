"""`timebank statute`: show, adopt, check, replay, schema."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from timebank.cli.address import BankAddress, pass_address
from timebank.cli.options import formatted
from timebank.cli.output import show, show_as, show_json, show_result
from timebank.cli.program import said
from timebank.cli.progress import Progress

if TYPE_CHECKING:
    from timebank.statute import Statute

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.group(no_args_is_help=False, help="The rules of the bank: look at them, adopt others.")
def statute() -> None:
    """The group of the commands of statutes."""


@statute.command("show", help="The statute in force, or the one of --version. JSON can be adopted.")
@click.option("--version", help="An earlier one.")
@click.option("--history", is_flag=True, help="Which was adopted when, newest first.")
@formatted
@pass_address
def show_(address: BankAddress, /, *, version: str | None, history: bool, format: str) -> None:
    """Show a statute."""
    from timebank.reports.statute import history_text, statute_text

    with address.open(read_only=True) as bank:
        if history:
            adopted = [(next(bank.records(after=at - 1)), found) for at, found in bank.statutes()]
            rows = [
                {
                    "version": one.version,
                    "sequence": record.sequence,
                    "recorded_at": str(record.recorded_at),
                }
                for record, one in adopted
            ]
            show_as(format, lambda: rows, lambda: history_text(adopted))
            return
        found = bank.statute(version)
    if format == "json":
        show([found.to_json().rstrip()])
    else:
        show(statute_text(found))


@statute.command("adopt", help="Put the statute of a JSON file in force, from now on.")
@click.argument("file", type=_FILE)
@pass_address
def adopt(address: BankAddress, /, *, file: Path) -> None:
    """Adopt a statute."""
    from timebank.reports.statute import adopted_text

    made = _read(file)
    with address.open() as bank:
        before = bank.head().sequence
        bank.adopt(made)
        after = bank.head().sequence
    show([adopted_text(made, after if after > before else None)])


@statute.command(
    "check",
    help="""Read a JSON file and say what it means.

    With --db also what it would mean for the bank: who stands beyond the new limits, and
    whether it could be adopted. Nothing is written.
    """,
)
@click.argument("file", type=_FILE)
@pass_address
def check(address: BankAddress, /, *, file: Path) -> None:
    """Check a statute."""
    from timebank.reports.statute import beyond_text, doubts_text, statute_text

    made = _read(file)
    show([*statute_text(made), *doubts_text(made)])
    if address.db is None:
        return
    with address.open(read_only=True) as bank, bank.preview() as preview:
        preview.adopt(made)
        beyond = [
            (account, preview.balance(account.id))
            for account in preview.accounts()
            if account.status != "closed"
        ]
    by_months = {kind for kind, bands in made.limits.items() if len(bands) > 1}
    undated = [one.id for one, _ in beyond if one.kind in by_months and one.joined_on is None]
    show(["", *beyond_text(beyond, undated)])


@statute.command(
    "replay",
    help="""Try the statute of a JSON file on what was recorded.

    Each exchange is judged again, against the real balances of its moment: what would have
    been refused, flagged or charged otherwise, by account and rule. Nothing is written.
    """,
)
@click.argument("file", type=_FILE)
@click.option(
    "--include-imports",
    is_flag=True,
    help="Judge also what was imported with unchecked limits, as of its own day.",
)
@formatted
@pass_address
def replay(address: BankAddress, /, *, file: Path, include_imports: bool, format: str) -> None:
    """Show what a statute would have made of the past."""
    from timebank.reports.statute import replay_text

    made = _read(file)
    with address.open(read_only=True) as bank, Progress(said("label_replay")) as progress:
        tried = bank.replay(made, include_imports=include_imports, progress=progress)
    show_result(format, tried, lambda: replay_text(tried))


@statute.command("schema", help="The JSON Schema of a statute, for editors and other programs.")
def schema() -> None:
    """Show the JSON Schema of a statute."""
    import json
    from importlib.resources import files

    text = files("timebank").joinpath("data/statute.schema.json").read_text("utf-8")
    show_json(json.loads(text))


def _read(file: Path) -> Statute:
    from timebank.errors import InvalidStatute
    from timebank.statute import Statute

    try:
        return Statute.from_json(file.read_bytes())
    except InvalidStatute as error:
        msg = f"{file}: {error}"
        raise InvalidStatute(msg).about(
            key="statute_wrong", file=str(file), reason=error
        ) from error
