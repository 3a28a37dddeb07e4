"""A batch, an audit and the impact report of 100,000 transfers, and importing the library."""

from __future__ import annotations

import subprocess
import sys
from functools import partial
from pathlib import Path

import timebank
from benchmarks.loads import ACCOUNTS, in_batch, ours, pairs, timed
from benchmarks.raw import Raw
from benchmarks.table import Line, line
from timebank import TimeBank


def batch(folder: Path, *, quick: bool) -> list[Line]:
    """A batch beside `executemany` in one commit; then what is read of its file."""
    rounds, each = (2, 2_000) if quick else (3, 100_000)
    mine, yards = [], []
    for number in range(rounds):
        load = pairs(each, 1000 + number)
        bank = ours(folder / f"batch-{number}.db")
        mine.append(timed(partial(in_batch, bank, load)) / each)
        bank.close()
        raw = Raw(folder / f"raw-batch-{number}.db", synchronous="FULL", accounts=ACCOUNTS)
        yards.append(timed(partial(raw.batch, load)) / each)
    found = [line(f"a transfer in a batch of {each:,}", mine, "raw executemany", yards)]
    with timebank.open(f"sqlite:///{folder / 'batch-0.db'}", read_only=True) as bank:
        found.append(_impact(bank, each, rounds=3 if quick else 7))
    return found


def _impact(bank: TimeBank, number: int, *, rounds: int) -> Line:
    """The impact report beside one scan of the postings."""
    mine, yards = [], []
    for _ in range(rounds):
        mine.append(timed(bank.impact) / number)
        yards.append(timed(partial(_scan, bank)) / number)
    return line("impact report, a transfer", mine, "one scan of postings", yards)


def _scan(bank: TimeBank) -> int:
    """Read every posting once, by account."""
    count = 0
    with bank.store.reader(bank.name) as reader:
        for account in ACCOUNTS:
            after = 0
            while rows := reader.postings(account, after=after, limit=500):
                count += len(rows)
                after = rows[-1].version
    return count


def importing(folder: Path, *, quick: bool) -> list[Line]:
    """`import timebank` in a new interpreter, beside `import sqlite_utils`."""
    mine: list[float] = []
    yards: list[float] = []
    for _ in range(3 if quick else 15):
        for times, module in ((mine, "timebank"), (yards, "sqlite_utils")):
            code = (
                "import time; begin = time.perf_counter(); "
                f"import {module}; print(time.perf_counter() - begin)"
            )
            done = subprocess.run(
                [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=folder
            )
            times.append(float(done.stdout))
    return [line("import timebank", mine[1:], "import sqlite_utils", yards[1:])]
