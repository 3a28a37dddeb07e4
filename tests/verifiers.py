"""The two verifiers among the examples, run as programs, and what a bank says for comparison."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from datetime import date
from itertools import combinations
from pathlib import Path

import pytest

from timebank import TimeBank
from timebank.errors import AccountNotFound
from timebank.model.agreements import shared_id

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


def expected_of_pairs(banks: dict[Path, TimeBank]) -> str:
    """What is printed of each two banks that agreed with each other, by the library's figures."""
    told = []
    for (path, one), (other_path, other) in combinations(banks.items(), 2):
        mirrors = [mirror(bank, peer) for bank, peer in ((one, other), (other, one))]
        if mirrors == [None, None] or one.head().journal == other.head().journal:
            continue
        line = [
            f"{bank.head().journal}\t{owed or 0}"
            for bank, owed in zip((one, other), mirrors, strict=True)
        ]
        signatures = sum(
            record.bytes.count(b'"\xe2\x80\x94 timebank/')
            for bank in (one, other)
            for record in bank.records()
        )
        told += [f"{path} and {other_path}:", "\t".join(line), f"signatures\t{signatures}"]
        told += [one for bank, peer in ((one, other), (other, one)) for one in waiting(bank, peer)]
        told.append("")
    return "".join(f"{line}\n" for line in told)


def mirror(bank: TimeBank, peer: TimeBank) -> int | None:
    """What stands on the account of an agreement, in seconds; `None` without one."""
    account = f"peer:{peer.head().journal}"
    with suppress(AccountNotFound):
        return bank.balance(account).posted.seconds
    return None


def waiting(bank: TimeBank, peer: TimeBank) -> Iterator[str]:
    """The offers of a bank that wait for an answer."""
    for hold in bank.holds():
        if hold.status == "open" and hold.earners.keys() == {f"peer:{peer.head().journal}"}:
            (hours,) = hold.earners.values()
            yield f"offered\t{shared_id(bank.head().journal, hold.id)}\t{hours.seconds}"


def verdicts(told: Told) -> dict[str, tuple[str, str]]:
    """Each export that was refused, with the line and the rule."""
    refusals = [line.split(": ", 3) for line in told[2].splitlines()]
    return {path: (line, rule) for path, line, rule, _ in refusals}
