"""Notices a lost third: what work costs in instructions, beside what raw `sqlite3` costs.

Time is not looked at, for a machine is noisy. Python's instructions and SQL's statements are
counted while the same load is posted by us and by hand: the counts are the same in every run, and
their ratio nearly so in every Python. `tests/benchmarks/guard.json` has the ratios that were
recorded; one that is a fourth higher fails. `--record` writes new ones, to be looked at in a diff.
"""

from __future__ import annotations

import argparse
import json
import sqlite3
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, Final

import timebank
from benchmarks.loads import ACCOUNTS, in_batch, ours, pairs, post
from benchmarks.raw import Lean, Raw
from timebank import TimeBank

RECORDED: Final = Path(__file__).with_name("guard.json")
#: A ratio that is so much higher than the recorded one is a loss.
MOST: Final = 1.25
#: As many as fill one tile of the tree, which is then counted once.
EACH: Final = 256


def counted(work: Callable[[], object]) -> int:
    """How many instructions of Python's a piece of work executes."""
    count = 0

    def trace(frame: Any, event: str, _: object) -> Any:
        nonlocal count
        if event == "call":
            frame.f_trace_opcodes, frame.f_trace_lines = True, False
        elif event == "opcode":
            count += 1
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        work()
    finally:
        sys.settrace(before)
    return count


def statements(work: Callable[[], object]) -> int:
    """How many SQL statements a piece of work executes, on connections that it finds or makes."""
    count = 0

    class Counting(sqlite3.Connection):
        def execute(self, *arguments: Any) -> sqlite3.Cursor:
            nonlocal count
            count += 1
            return super().execute(*arguments)

        def executemany(self, *arguments: Any) -> sqlite3.Cursor:
            nonlocal count
            count += 1
            return super().executemany(*arguments)

    real = sqlite3.connect
    sqlite3.connect = partial(real, factory=Counting)  # type: ignore[assignment]
    try:
        work()
    finally:
        sqlite3.connect = real
    return count


def measured() -> dict[str, float]:
    """What each piece of work costs, in raw transfers of Python's instructions or in statements."""
    with tempfile.TemporaryDirectory() as name:
        return _measured(Path(name))


def _measured(folder: Path) -> dict[str, float]:
    bank = ours(folder / "ours.db")
    raw = Raw(folder / "raw.db", synchronous="FULL", accounts=ACCOUNTS)
    lean = Lean(folder / "lean.db", synchronous="FULL", accounts=ACCOUNTS)
    for load in (pairs(EACH, 1), pairs(EACH, 2)):  # what is cached is so before it is counted
        post(bank, load)
        raw.post(load)
        lean.post(load)
    yard = counted(partial(raw.post, pairs(EACH, 3))) / EACH
    costs: dict[str, Callable[[], object]] = {
        "a transfer": partial(post, bank, pairs(EACH, 4)),
        "a transfer in a batch": partial(in_batch, bank, pairs(EACH, 5)),
        "a transfer of lean sqlite3": partial(lean.post, pairs(EACH, 4)),
        "a balance": lambda: [bank.balance(account) for account in ACCOUNTS[:EACH]],
    }
    found = {name: counted(work) / EACH / yard for name, work in costs.items()}
    records = bank.head().sequence
    found["an audited record"] = counted(bank.audit) / records / yard
    bank.close()
    found["statements of a transfer"] = _statements(folder)
    return {name: round(ratio, 3) for name, ratio in found.items()}


def _statements(folder: Path) -> float:
    """Opened while connections are counted; what opening costs is taken away, and the first loads.

    Each load is new: a call that repeats another asks for what that one has recorded.
    """
    banks: list[TimeBank] = []

    def posted(*seeds: int) -> None:
        banks.append(timebank.open(f"sqlite:///{folder / 'ours.db'}"))
        for seed in seeds:
            post(banks[-1], pairs(EACH, seed))

    before = statements(partial(posted, 6, 7))
    banks[-1].close()
    after = statements(partial(posted, 8, 9, 10))
    banks[-1].close()
    return (after - before) / EACH


def losses(found: dict[str, float], recorded: dict[str, float]) -> list[str]:
    """What costs more than it may, in words."""
    return [
        f"{name} costs {ratio:.2f}, and {recorded[name]:.2f} when it was recorded"
        for name, ratio in found.items()
        if name in recorded and ratio > MOST * recorded[name]
    ]


def main() -> None:
    """Compare, or record."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.guard", description=__doc__)
    parser.add_argument("--record", action="store_true", help="write what was found")
    arguments = parser.parse_args()
    found = measured()
    if arguments.record:
        RECORDED.write_text(json.dumps(found, indent=2) + "\n", "utf-8")
        return
    lost = losses(found, json.loads(RECORDED.read_text("utf-8")))
    for text in lost:
        sys.stderr.write(f"slower: {text}; a better figure is recorded with --record\n")
    if lost:
        sys.exit(1)
    told = ", ".join(f"{name} {ratio:.2f}" for name, ratio in found.items())
    sys.stdout.write(f"in transfers of raw sqlite3, and in statements: {told}\n")


if __name__ == "__main__":
    main()
