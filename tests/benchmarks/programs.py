"""A full audit beside accounting programs that balance the same transfers, written simply."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from functools import partial
from pathlib import Path

from benchmarks.loads import ACCOUNTS, Load, in_batch, ours, pairs, timed
from benchmarks.table import Line, line


def audit(folder: Path, number: int) -> list[Line]:
    """All checks of the audit, by one process and by one for each processor."""
    path = folder / f"audit-{number}.db"
    bank, loads = ours(path), []
    for first in range(0, number, 100_000):
        load = pairs(min(100_000, number - first), 800_000 + first)
        in_batch(bank, load)
        loads.append(load)
    bank.close()
    rounds, processors = 1 if number > 100_000 else 3, os.cpu_count() or 1
    alone: list[float] = []
    shared: list[float] = []
    its: dict[str, list[float | None]] = {}
    programs = {
        "ledger balance": _ledger,
        "hledger check -s": _hledger,
        "bean-check": _beancount,
    }
    for _ in range(rounds):
        alone.append(_audit(path, 1) / number)
        shared.append(_audit(path, processors) / number)
        for program, run in programs.items():
            its.setdefault(program, []).append(run(folder, loads, number))
    name = f"full audit of {number:,}, a transfer"
    found = [_beside(f"{name}, one process", alone, "ledger balance", its["ledger balance"])]
    name += f", {processors} processes"
    return found + [_beside(name, shared, program, times) for program, times in its.items()]


def _audit(path: Path, processes: int) -> float:
    """Seconds for an audit as a user asks for it: a program that starts, reads and ends."""
    words = (*("--db", str(path), "audit"), "--processes", str(processes))
    command = [sys.executable, "-m", "timebank", *words]
    return timed(partial(subprocess.run, command, capture_output=True, check=True))


def _beside(name: str, mine: list[float], program: str, its: list[float | None]) -> Line:
    there = [seconds for seconds in its if seconds is not None]
    return line(name, mine, program, there or None)


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
