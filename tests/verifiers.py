"""The two verifiers among the examples, run as programs, and what a bank says for comparison."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path

import pytest

from timebank import TimeBank

EXAMPLES = Path(__file__).parents[1] / "examples"
PYTHON_SOURCE, NODE_SOURCE = EXAMPLES / "verify_journal.py", EXAMPLES / "verify_journal.mjs"
#: A day of service, or a sequence of the journal.
Point = date | int
#: What a verifier said: its exit code, standard output and standard error.
Told = tuple[int, str, str]


def python() -> list[str]:
    """The command of the one in Python, which sees nothing but the standard library."""
    return [sys.executable, "-I", "-X", "utf8", str(PYTHON_SOURCE)]


def node() -> list[str]:
    """The command of the one in JavaScript; where Node is not there, the test says so."""
    program = shutil.which("node")
    if program is None:
        assert os.environ.get("TIMEBANK_NODE") != "required", "node is not installed"
        pytest.skip("Node is not installed: the package nodejs has it")
    return [program, str(NODE_SOURCE)]


#: Name → the command of a verifier.
VERIFIERS: dict[str, Callable[[], list[str]]] = {"python": python, "node": node}


def run(
    command: list[str],
    exports: Sequence[Path] = (),
    *,
    points: Sequence[Point] = (),
    lines: bytes = b"",
) -> Told:
    """What a verifier says of exports, or of what is on its standard input."""
    options: list[str] = []
    for point in points:
        options += ["--at" if isinstance(point, int) else "--on", str(point)]
    result = subprocess.run(
        [*command, *options, *map(str, exports)], input=lines, capture_output=True, check=False
    )
    return result.returncode, result.stdout.decode(), result.stderr.decode()


def expected(bank: TimeBank, points: Sequence[Point] = ()) -> str:
    """What a verifier should print of the export of a bank: head, root and balances."""
    accounts = sorted(account.id for account in bank.accounts())
    opened = {
        json.loads(record.bytes)["request"]["account"]: record.sequence
        for record in bank.records()
        if record.kind == "open_account"
    }
    lines = [bank.head().with_root()]
    for point in points or (None,):
        at = point if isinstance(point, int) else None
        on = point if isinstance(point, date) else None
        if point is not None:
            lines.append(f"{'on' if at is None else 'at'} {point}")
        trial = {line.account: line.balance.seconds for line in bank.trial_balance(on).lines}
        lines += [
            f"{id}\t{trial.get(id, 0) if at is None else bank.balance(id, at=at).posted.seconds}"
            for id in accounts
            if at is None or opened[id] <= at
        ]
    return "\n".join(lines) + "\n"


def expected_of_many(banks: dict[Path, TimeBank], points: Sequence[Point] = ()) -> str:
    """What is printed of several exports."""
    return "".join(f"{path}:\n{expected(bank, points)}\n" for path, bank in banks.items())


def verdicts(told: Told) -> dict[str, tuple[str, str]]:
    """Each export that was refused, with the line and the rule."""
    refusals = [line.split(": ", 3) for line in told[2].splitlines()]
    return {path: (line, rule) for path, line, rule, _ in refusals}
