"""One durable transfer after the other, from one thread and from eight, beside raw `sqlite3`."""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.loads import ACCOUNTS, Load, ours, pairs, post, timed
from benchmarks.raw import Lean, Raw
from benchmarks.table import Line, line
from timebank import TimeBank

THREADS = 8
Work = Callable[[Load], object]


def one_thread(folder: Path, *, synchronous: str, quick: bool) -> list[Line]:
    """One durable transfer, beside both yardsticks in the same rounds."""
    rounds, each = (4, 50) if quick else (15, 300)
    given: Any = {"synchronous": synchronous, "accounts": ACCOUNTS}
    bank = ours(folder / f"ours-{synchronous}.db", **given)
    raw = Raw(folder / f"raw-{synchronous}.db", **given)
    lean = Lean(folder / f"lean-{synchronous}.db", **given)
    works: tuple[Work, ...] = (partial(post, bank), raw.post, lean.post)
    times: tuple[list[float], ...] = ([], [], [])
    for number in range(rounds):
        load = pairs(each, number)
        for work, found in zip(works, times, strict=True):
            found.append(timed(partial(work, load)) / each)
    bank.close()
    name = f"one durable transfer, {synchronous.upper()}"
    mine, yards, leans = (found[1:] for found in times)
    return [line(name, mine, "raw sqlite3", yards), line(name, mine, "lean sqlite3", leans)]


def eight_threads(folder: Path, *, quick: bool) -> list[Line]:
    """Threads that post to one bank, beside one that commits each transfer by hand."""
    rounds, each = (3, 20) if quick else (9, 100)
    bank = ours(folder / "ours-threads.db")
    raw = Raw(folder / "raw-threads.db", synchronous="FULL", accounts=ACCOUNTS)
    mine, yards = [], []
    for number in range(rounds):
        loads = [pairs(each, 100 * number + thread) for thread in range(THREADS)]
        mine.append(timed(partial(at_once, bank, loads)) / each / THREADS)
        load = pairs(each * THREADS, 50_000 + number)
        yards.append(timed(partial(raw.post, load)) / each / THREADS)
    bank.close()
    name = "8 threads, one bank, FULL, a transfer"
    return [line(name, mine[1:], "raw sqlite3, one commit each", yards[1:])]


def at_once(bank: TimeBank, loads: list[Load]) -> None:
    """Each load by a thread of its own."""
    threads = [threading.Thread(target=post, args=(bank, load)) for load in loads]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
