"""Import a sample community, show its reports and audit it: `timebank demo`."""

from __future__ import annotations

import shlex
import shutil
import sys
import time
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Final

import attrs
import click

from timebank.cli.address import BankAddress
from timebank.cli.output import show
from timebank.cli.program import REFUSED, WELL, usage
from timebank.cli.progress import Progress

if TYPE_CHECKING:
    from timebank.bank import TimeBank
    from timebank.interchange.engine.report import ImportReport
    from timebank.queries.statements import Statement

DEFAULT_PATH: Final = "timebank-demo.db"
STATEMENT_LINES: Final = 15
#: The first account of the sample community: by it a bank is known to be the demo's.
_FIRST_ACCOUNT: Final = "208"


@click.command(
    help=f"""Import a sample community into a new file and look at it.

    PATH is {DEFAULT_PATH} when left out. A second run on the same file is safe.
    """
)
@click.argument("path", default=DEFAULT_PATH)
def demo(path: str) -> int:
    """Import the sample, show a statement and the trial balance, and audit the bank."""
    from timebank.reports.balances import trial_balance_in_short
    from timebank.reports.findings import audit_text
    from timebank.reports.imports import import_text
    from timebank.reports.statement import statement_text
    from timebank.reports.text import counted

    started = time.perf_counter()
    address = BankAddress(path if _is_plain(path) else f"./{path}", "main")
    _refuse_other_banks(address)
    with address.open(create=True) as bank:
        report = _import_sample(bank)
        trial = bank.trial_balance()
        busiest = max(trial.lines, key=lambda line: (line.earned + line.spent, line.account))
        statement = bank.statement(busiest.account)
        with Progress("audit") as progress:
            audited = bank.audit(progress)
    seconds = time.perf_counter() - started
    show(["A sample community, imported from TimeOverflow\n", *import_text(report)])
    lines = counted(len(statement.lines), "line")
    show([_title(f"The busiest account: the last {STATEMENT_LINES} of {lines}")])
    show(statement_text(_tail(statement)))
    show([_title("All accounts"), *trial_balance_in_short(trial)])
    show([_title("The audit"), *audit_text(audited)])
    show([_title("What to try next"), *_next_commands(address, busiest.account)])
    show(["", f"All of it took {seconds:.1f} seconds."])
    return WELL if audited.ok and report.ok else REFUSED


def _is_plain(path: str) -> bool:
    """Return whether the path cannot be taken for a URL."""
    return ":" not in path or Path(path).is_absolute()


def _refuse_other_banks(address: BankAddress) -> None:
    """Refuse a file that holds another bank, before anything is made in it."""
    from timebank.errors import NotFound
    from timebank.journal import parse
    from timebank.storage import open_store

    try:
        store = open_store(address.url, create=False, read_only=True)
    except NotFound:
        return
    try:
        banks = list(store.banks())
    finally:
        store.close()
    if banks == [address.bank]:
        with address.open(read_only=True) as bank:
            first = next(bank.records(), None)
        if first is None or parse(first.bytes)["request"].get("account") == _FIRST_ACCOUNT:
            return
    if banks:
        usage(f"{address.db} holds another bank: give the demo a file of its own")


def _import_sample(bank: TimeBank) -> ImportReport:
    from timebank.interchange.timeoverflow import import_timeoverflow

    folder = files("timebank") / "data" / "timeoverflow"
    with (
        (folder / "users.csv").open("rb") as users,
        (folder / "transfers.csv").open("rb") as transfers,
        Progress("import") as progress,
    ):
        return import_timeoverflow(bank, users, transfers, progress=progress)


def _tail(statement: Statement) -> Statement:
    """Return a statement of the last lines, with the balance before them as its opening."""
    lines = statement.lines[-STATEMENT_LINES:]
    opening = lines[0].balance - lines[0].hours if lines else statement.opening
    since = lines[0].occurred_on if lines else None
    return attrs.evolve(statement, since=since, opening=opening, lines=lines)


def _title(text: str) -> str:
    return f"\n== {text} ==\n"


def _next_commands(address: BankAddress, account: str) -> list[str]:
    program = f"{_program()} --db {shlex.quote(str(address.db))}"
    return [
        f"{program} statement {account} --since 2024-01-01",
        f"{program} trial-balance --on 2020-12-31",
        f"{program} audit --format json",
    ]


def _program() -> str:
    """Return how this program was called, so that the commands shown can be copied."""
    called = Path(sys.argv[0])
    if called.name == "__main__.py":
        return f"{shlex.quote(sys.executable)} -m timebank"
    if not called.stem.startswith("timebank"):
        return "timebank"
    found = shutil.which(called.name)
    is_on_path = found is not None and Path(found).resolve() == called.resolve()
    return called.name if is_on_path else shlex.quote(str(called))
