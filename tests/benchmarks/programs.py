"""A full audit beside accounting programs that balance the same transfers, written simply."""

from __future__ import annotations

import shutil
import subprocess
import sys
from functools import partial
from pathlib import Path

import timebank
from benchmarks.loads import ACCOUNTS, Load, in_batch, ours, pairs, timed
from benchmarks.table import Line, line


def audit(folder: Path, number: int, *, with_slow: bool) -> list[Line]:
    """All checks of the audit. hledger and bean-check are only asked where `with_slow`."""
    path = folder / f"audit-{number}.db"
    bank, loads = ours(path), []
    for first in range(0, number, 100_000):
        load = pairs(min(100_000, number - first), 800_000 + first)
        in_batch(bank, load)
        loads.append(load)
    bank.close()
    with timebank.open(f"sqlite:///{path}", read_only=True) as bank:
        rounds = 1 if number > 100_000 else 3
        mine = [timed(bank.audit) / number for _ in range(rounds)]
        if not bank.audit(quick=True).ok:
            sys.exit("the audited bank is not well")
    name = f"full audit of {number:,}, a transfer"
    found = [_beside(name, mine, "ledger balance", _ledger(folder, loads, number))]
    if with_slow:
        found.append(_beside(name, mine, "hledger check -s", _hledger(folder, loads, number)))
        found.append(_beside(name, mine, "bean-check", _beancount(folder, loads, number)))
    return found


def _beside(name: str, mine: list[float], program: str, its: float | None) -> Line:
    return line(name, mine, program, None if its is None else [its])


def _ledger(folder: Path, loads: list[Load], number: int) -> float | None:
    path = folder / f"{number}.ledger"
    with path.open("w", encoding="utf-8") as file:
        file.writelines(f"account {account}\n" for account in ACCOUNTS)
        file.write("commodity SEC\n")
        file.writelines(
            f"{day} {id}\n    {earner}  {seconds} SEC\n    {spender}  {-seconds} SEC\n"
            for load in loads
            for earner, spender, seconds, id, day in load
        )
    return _run(number, "ledger", "--strict", "-f", str(path), "balance", "--flat")


def _hledger(folder: Path, loads: list[Load], number: int) -> float | None:
    path = folder / f"{number}.ledger"
    text = path.read_text("utf-8").replace("commodity SEC", "commodity 1000. SEC")
    path.with_suffix(".journal").write_text(text, "utf-8")
    return _run(number, "hledger", "-f", str(path.with_suffix(".journal")), "check", "-s")


def _beancount(folder: Path, loads: list[Load], number: int) -> float | None:
    path = folder / f"{number}.beancount"
    with path.open("w", encoding="utf-8") as file:
        file.writelines(f"2020-01-01 open Assets:M{account} SEC\n" for account in ACCOUNTS)
        file.writelines(
            f'{day} * "{id}"\n  Assets:M{earner}  {seconds} SEC\n'
            f"  Assets:M{spender}  {-seconds} SEC\n"
            for load in loads
            for earner, spender, seconds, id, day in load
        )
    return _run(number, "bean-check", "--no-cache", str(path))


def _run(number: int, name: str, *words: str) -> float | None:
    """Seconds for a transfer; `None` where the program is not installed."""
    beside = Path(sys.executable).parent / name
    program = str(beside) if beside.exists() else shutil.which(name)
    if program is None:
        return None
    command = partial(subprocess.run, [program, *words], capture_output=True, check=True)
    return timed(command) / number
