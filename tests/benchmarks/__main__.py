"""Run every benchmark and print a table; `--write FILE` puts it into a page as well.

Rounds of ours and of the yardstick are interleaved in one process on one file system, and
medians are compared. Nothing is asserted: a machine is noisy.
"""

from __future__ import annotations

import argparse
import platform
import random
import resource
import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import date
from functools import partial
from pathlib import Path

import timebank
from benchmarks import joined, servers
from benchmarks.raw import Raw
from timebank import TimeBank

ACCOUNTS = [f"m{n}" for n in range(300)]
DAY = date(2026, 3, 2)


def timed(work: Callable[[], object]) -> float:
    """Seconds that it takes."""
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin


def pairs(number: int, seed: int) -> list[tuple[str, str, int, str, str]]:
    """Transfers between random accounts, the same for both sides."""
    chance = random.Random(seed)  # a load, not secrets
    made = []
    for n in range(number):
        earner, spender = chance.sample(ACCOUNTS, 2)
        made.append(
            (earner, spender, chance.randrange(900, 14400), f"t{seed}-{n}", DAY.isoformat())
        )
    return made


def ours(path: Path, synchronous: str) -> TimeBank:
    """A bank with the defaults, but for the `synchronous` that is measured."""
    bank = timebank.open(f"sqlite:///{path}?synchronous={synchronous}")
    with bank.batch() as batch:
        for account in ACCOUNTS:
            batch.open_account(account, kind="fund")
    return bank


def post(bank: TimeBank, transfers: list[tuple[str, str, int, str, str]]) -> None:
    """One durable transfer after the other."""
    for earner, spender, seconds, id, _ in transfers:
        hours = timebank.Hours.from_seconds(seconds)
        bank.transfer(earner=earner, spender=spender, hours=hours, id=id, occurred_on=DAY)


def singles(folder: Path, synchronous: str, *, rounds: int = 15, each: int = 300) -> list[str]:
    """One durable transfer beside raw `sqlite3`."""
    bank = ours(folder / f"ours-{synchronous}.db", synchronous)
    raw = Raw(folder / f"raw-{synchronous}.db", synchronous=synchronous, accounts=ACCOUNTS)
    mine, yards = [], []
    for number in range(rounds):
        load = pairs(each, number)
        mine.append(timed(partial(post, bank, load)) / each)
        yards.append(timed(partial(raw.post, load)) / each)
    bank.close()
    return row(f"one durable transfer, {synchronous.upper()}", mine[1:], yards[1:], "raw sqlite3")


def batches(folder: Path, *, rounds: int = 3, each: int = 100_000) -> list[str]:
    """A batch of 100,000 beside `executemany` in one commit."""
    mine, yards = [], []
    for number in range(rounds):
        load = pairs(each, 1000 + number)
        bank = ours(folder / f"batch-{number}.db", "full")
        mine.append(timed(partial(in_batch, bank, load)) / each)
        bank.close()
        raw = Raw(folder / f"raw-batch-{number}.db", synchronous="FULL", accounts=ACCOUNTS)
        yards.append(timed(partial(raw.batch, load)) / each)
    return row("transfer in a batch of 100,000", mine, yards, "raw executemany")


def in_batch(bank: TimeBank, load: list[tuple[str, str, int, str, str]]) -> None:
    """All of the transfers, or none."""
    with bank.batch() as batch:
        for earner, spender, seconds, id, _ in load:
            hours = timebank.Hours.from_seconds(seconds)
            batch.transfer(earner=earner, spender=spender, hours=hours, id=id, occurred_on=DAY)


def audits(folder: Path, *, rounds: int = 3, number: int = 100_000) -> list[str]:
    """A full audit of the batch's file beside a bare scan of the same rows and chain."""
    raw = Raw(folder / "raw-audit.db", synchronous="FULL", accounts=ACCOUNTS)
    raw.batch(pairs(number, 1000))
    mine, yards = [], []
    with timebank.open(f"sqlite:///{folder / 'batch-0.db'}", read_only=True) as bank:
        for _ in range(rounds):
            mine.append(timed(bank.audit) / number)
            yards.append(timed(raw.scan) / number)
        if not bank.audit().ok:
            sys.exit("the audited bank is not well")
    return row("audit, a transfer", mine, yards, "bare scan")


def impacts(folder: Path, *, rounds: int = 7, number: int = 100_000) -> list[str]:
    """The impact report of the batch's file beside one scan of its postings."""
    mine, yards = [], []
    with timebank.open(f"sqlite:///{folder / 'batch-0.db'}", read_only=True) as bank:
        for _ in range(rounds):
            mine.append(timed(bank.impact) / number)
            yards.append(timed(partial(scan, bank)) / number)
    return row("impact report, a transfer", mine, yards, "scan of postings")


def scan(bank: TimeBank) -> int:
    """Read every posting once, by account."""
    count = 0
    with bank.store.reader(bank.name) as reader:
        for account in ACCOUNTS:
            after = 0
            while rows := reader.postings(account, after=after, limit=500):
                count += len(rows)
                after = rows[-1].version
    return count


def growth(folder: Path) -> list[list[str]]:
    """The same work on a bank of 300 records and on one of 100,300."""
    lines = []
    small = ours(folder / "small.db", "full")
    post(small, pairs(10, 7))
    large = timebank.open(f"sqlite:///{folder / 'batch-0.db'}")
    works: list[tuple[str, Callable[[TimeBank, int], object]]] = [
        ("one more transfer", lambda bank, n: post(bank, pairs(1, 5000 + n))),
        ("current balance", lambda bank, _: bank.balance("m1")),
        ("last lines of a statement", lambda bank, _: bank.statement("m1", since=date(2026, 3, 3))),
        ("opening the bank", lambda bank, _: timebank.open(bank.store.url).close()),
    ]
    for name, work in works:
        mine = [timed(partial(work, large, n)) for n in range(200)]
        yards = [timed(partial(work, small, n)) for n in range(200)]
        lines.append(row(name + ", at 100,000", mine, yards, "the same at 10"))
    small.close()
    large.close()
    return lines


def many_banks(folder: Path) -> list[list[str]]:
    """Opening a bank of a file with 10,000 banks, beside one with a bank."""
    works = []
    for count in (10_000, 1):
        with timebank.open(f"sqlite:///{folder / f'banks-{count}.db'}") as bank:
            for number in range(count - 1):
                bank.store.make_bank(f"bank-{number}", journal=f"journal-{number}")
        works.append(partial(reopen, folder / f"banks-{count}.db"))
    mine, yards = [], []
    for _ in range(200):
        mine.append(timed(works[0]))
        yards.append(timed(works[1]))
    return [row("opening a bank, of 10,000 in a file", mine, yards, "the same of one")]


def reopen(path: Path) -> None:
    """Open the bank of a file, and close it."""
    timebank.open(f"sqlite:///{path}").close()


def on_servers() -> list[list[str]]:
    """PostgreSQL beside statements by hand."""
    one = servers.one_client(ACCOUNTS, pairs)
    eight = servers.eight_processes(ACCOUNTS, pairs)
    yardstick = "psycopg by hand"
    return [
        row("one durable transfer, PostgreSQL", *one, yardstick),
        row("the same, 8 processes on 8 banks", *eight, yardstick),
    ]


def in_a_host(folder: Path) -> list[list[str]]:
    """Joined on SQLite, 10,000 transfers in one commit of the host's."""
    lines = []
    for batched, how in ((False, "a call each"), (True, "in a batch")):
        times = joined.in_one_commit(folder, ACCOUNTS, pairs, batched=batched)
        lines.append(row(f"joined on SQLite, {how}", *times, "raw executemany"))
    return lines


def row(work: str, mine: list[float], yards: list[float], yardstick: str) -> list[str]:
    """A line of the table: medians, times as fast as the yardstick, spread of the middle half."""
    middle, yard = statistics.median(mine), statistics.median(yards)
    quarters = statistics.quantiles(mine, n=4) if len(mine) > 1 else [middle] * 3
    spread = (quarters[2] - quarters[0]) / middle
    return [
        work,
        f"{middle * 1e6:,.1f} µs",
        yardstick,
        f"{yard * 1e6:,.1f} µs",
        f"{yard / middle:.2f} x",
        f"{spread:.0%}",
    ]


def main() -> None:
    """Measure, print, and write the page if asked to."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--write", type=Path, help="a page between whose markers the table goes")
    parser.add_argument("--only", help="run the parts whose name has this in it")
    arguments = parser.parse_args()
    lines = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        measures: dict[str, Callable[[], list[list[str]]]] = {
            "full": lambda: [singles(folder, "full")],
            "normal": lambda: [singles(folder, "normal")],
            "batch": lambda: [batches(folder)],
            "batch audit": lambda: [audits(folder)],
            "batch impact": lambda: [impacts(folder)],
            "batch growth": lambda: growth(folder),
            "banks": lambda: many_banks(folder),
            "joined": lambda: in_a_host(folder),
            "servers": on_servers,
        }
        chosen = [work for name, work in measures.items() if (arguments.only or "") in name]
        for measure in chosen:
            lines += measure()
            sys.stderr.write(f"{lines[-1][0]} done\n")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    table = render(lines)
    foot = (
        f"Measured on {date.today().isoformat()} with Python {platform.python_version()}, "  # noqa: DTZ011  # a note for readers
        f"SQLite {sqlite3.sqlite_version}, {platform.machine()}, {platform.system()}; "
        f"peak memory of the whole run {peak} MB."
    )
    sys.stdout.write(f"{table}\n\n{foot}\n")
    if arguments.write:
        begin, end = "<!-- table -->", "<!-- end of table -->"
        page = arguments.write.read_text(encoding="utf-8")
        head, _, rest = page.partition(begin)
        _, _, tail = rest.partition(end)
        page = f"{head}{begin}\n{table}\n\n{foot}\n{end}{tail}"
        arguments.write.write_text(page, encoding="utf-8")


def render(lines: list[list[str]]) -> str:
    """A table that reads well as text and as Markdown."""
    table = [["work", "ours", "yardstick", "its time", "speed", "spread"], *lines]
    widths = [max(len(line[column]) for line in table) for column in range(len(table[0]))]
    rule = ["-" * width for width in widths]
    return "\n".join(
        "| "
        + " | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True))
        + " |"
        for line in (table[0], rule, *table[1:])
    )


if __name__ == "__main__":
    main()
