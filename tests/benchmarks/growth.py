"""The same work on small banks and on large ones: where a curve bends, it is seen here."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from functools import partial
from pathlib import Path

import timebank
from benchmarks.loads import in_batch, ours, pairs, post, timed
from benchmarks.table import Line, line
from timebank import TimeBank

CHUNK = 100_000

Work = Callable[[TimeBank, int], object]
#: What should cost the same however much there is.
WORKS: list[tuple[str, Work]] = [
    ("one more transfer", lambda bank, n: post(bank, pairs(1, 500_000 + n))),
    ("current balance", lambda bank, _: bank.balance("m1")),
    ("last lines of a statement", lambda bank, _: bank.statement("m1", since=date(2026, 3, 3))),
    ("opening the bank", lambda bank, _: timebank.open(bank.store.url).close()),
]


def transfers(folder: Path, *, quick: bool) -> list[Line]:
    """After 1,000, 10,000, 100,000 and 1,000,000 transfers, beside after 1,000."""
    sizes = [1_000, 5_000] if quick else [1_000, 10_000, 100_000, 1_000_000]
    bank, number = ours(folder / "growth.db"), 0
    found: list[Line] = []
    first: dict[str, list[float]] = {}
    first_batch: list[float] = []
    for size in sizes:
        begin = number
        seconds = 0.0
        while number < size:
            load = pairs(min(CHUNK, size - number), 600_000 + number)
            seconds += timed(partial(in_batch, bank, load))
            number += len(load)
        each = [seconds / (size - begin)]
        first_batch = first_batch or each
        name = f"a transfer in batches, to {size:,}"
        found.append(line(name, each, f"to {sizes[0]:,}", first_batch))
        for name, work in WORKS:
            mine = [timed(partial(work, bank, size + n)) for n in range(20 if quick else 100)]
            yards = first.setdefault(name, mine)
            found.append(line(f"{name}, at {size:,}", mine, f"at {sizes[0]:,}", yards))
    bank.close()
    return found


def accounts(folder: Path, *, quick: bool) -> list[Line]:
    """With 10, 1,000 and 100,000 accounts, beside with 10."""
    found: list[Line] = []
    first: dict[str, list[float]] = {}
    for size in [10, 100] if quick else [10, 1_000, 100_000]:
        names = [f"m{n}" for n in range(size)]
        bank = ours(folder / f"accounts-{size}.db", accounts=names)
        in_batch(bank, pairs(1_000, 700_000, names))
        for name, work in WORKS[1:]:
            mine = [timed(partial(work, bank, n)) for n in range(20 if quick else 100)]
            yards = first.setdefault(name, mine)
            found.append(line(f"{name}, {size:,} accounts", mine, "with 10", yards))
        load = [(pairs(1, 710_000 + n, names)) for n in range(20 if quick else 100)]
        mine = [timed(partial(post, bank, one)) for one in load]
        yards = first.setdefault("transfer", mine)
        found.append(line(f"one more transfer, {size:,} accounts", mine, "with 10", yards))
        bank.close()
    return found


def banks(folder: Path, *, quick: bool) -> list[Line]:
    """Opening a bank, and one more transfer, in a file with 10,000 banks, beside with one."""
    found: list[Line] = []
    first: dict[str, list[float]] = {}
    for count in (1, 20) if quick else (1, 100, 10_000):
        with ours(folder / f"banks-{count}.db") as bank:
            for number in range(count - 1):
                bank.store.make_bank(f"bank-{number}", journal=f"journal-{number}")
            for name, work in (WORKS[3], WORKS[0]):
                mine = [timed(partial(work, bank, n)) for n in range(20 if quick else 100)]
                yards = first.setdefault(name, mine)
                found.append(line(f"{name}, of {count:,} in a file", mine, "of one", yards))
    return found
