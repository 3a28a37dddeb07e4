"""Import a sample community, show its reports and audit it: `timebank demo`."""

from __future__ import annotations

import shlex
import shutil
import sys
import textwrap
import time
from collections import Counter
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
    from timebank.queries.statements import Statement, TrialBalance
    from timebank.reports.words import Words

DEFAULT_PATH: Final = "timebank-demo.db"
STATEMENT_LINES: Final = 15
#: Of the sentences between the tables.
WIDTH: Final = 88
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
    from timebank.reports.words import Words

    started = time.perf_counter()
    words = Words("demo")
    address = BankAddress(path if _is_plain(path) else f"./{path}", "main")
    _refuse_other_banks(address)
    with address.open(create=True) as bank:
        report = _import_sample(bank)
        trial = bank.trial_balance()
        richest = sorted(trial.lines, key=lambda line: (line.earned + line.spent, line.account))
        busiest = richest[-1].account
        statement = bank.statement(busiest)
        below = _below_floor(bank, trial)
        with Progress("audit") as progress:
            audited = bank.audit(progress)
        head = bank.head()
    seconds = f"{time.perf_counter() - started:.1f}".replace(".", words("decimal"))
    show([words("title"), "", *import_text(report)])
    lines = words.counted("lines", len(statement.lines))
    show([_title(words("busiest", shown=STATEMENT_LINES, lines=lines))])
    show(statement_text(_tail(statement)))
    show([_title(words("all_accounts")), *trial_balance_in_short(trial), *_folded(below)])
    show([_title(words("audit")), *audit_text(audited), *_folded(words("head"))])
    program = f"{_program()} --db {shlex.quote(str(address.db))}"
    show([f"  {program} audit --expect-head '{head}'"])
    show([_title(words("next")), *_next_commands(words, program, trial, busiest)])
    show([words("seconds", seconds=seconds)])
    return WELL if audited.ok and report.ok else REFUSED


def _below_floor(bank: TimeBank, trial: TrialBalance) -> str:
    """Return why some accounts stand below their floor, where some do."""
    from timebank.reports.words import Words

    balances = [bank.balance(line.account) for line in trial.lines if line.balance.seconds < 0]
    floors = [one.floor for one in balances if one.floor is not None and one.posted < one.floor]
    return Words("demo").counted("below", len(floors), floor=max(floors)) if floors else ""


def _folded(text: str) -> list[str]:
    """Return a text as lines that fit a terminal, after an empty one."""
    return ["", *textwrap.wrap(text, WIDTH)] if text else []


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
        from timebank.reports.words import Words

        usage(Words("demo")("other_bank", db=address.db))


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


def _next_commands(words: Words, program: str, trial: TrialBalance, account: str) -> list[str]:
    """Return what to try, each with the command for it."""
    names = Counter(line.name for line in trial.lines)
    members = [line for line in trial.lines if line.name is not None and names[line.name] == 1]
    others = [line for line in members if line.account != account]
    richest = max(others, key=lambda line: (line.balance, line.account))
    spender, note = shlex.quote(str(richest.name)), shlex.quote(words("note"))
    commands = {
        "record": f"transfer --earner {account} --spender {spender} --hours 1:30 --note {note}",
        "see": f"statement {spender} --since 2024-01-01",
        "past": "trial-balance --on 2020-12-31",
        "figures": "report impact --since 2023-01-01 --until 2023-12-31",
    }
    return [
        line
        for key, command in commands.items()
        for line in (*textwrap.wrap(words(key), WIDTH), f"  {program} {command}", "")
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
