"""A ledger joined to a host's transaction on SQLite: many transfers in one commit of the host's."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path

import timebank
from benchmarks.raw import Raw
from timebank import TimeBank
from timebank.bank import BankBatch

DAY = date(2026, 3, 2)
Load = list[tuple[str, str, int, str, str]]


def _post(bank: TimeBank | BankBatch, load: Load) -> None:
    for earner, spender, seconds, id, _ in load:
        hours = timebank.Hours.from_seconds(seconds)
        bank.transfer(earner=earner, spender=spender, hours=hours, id=id, occurred_on=DAY)


def in_one_commit(
    folder: Path,
    accounts: list[str],
    loads: Callable[[int, int], Load],
    *,
    batched: bool,
    rounds: int = 5,
    each: int = 10_000,
) -> tuple[list[float], list[float]]:
    """Seconds for a transfer, ours (each call a savepoint, or one batch) and raw."""
    host = sqlite3.connect(folder / f"host-{batched}.db", isolation_level=None)
    host.execute("PRAGMA journal_mode = WAL")
    host.execute("PRAGMA synchronous = FULL")
    bank = timebank.join(host)
    host.execute("BEGIN")
    for account in accounts:
        bank.open_account(account, kind="fund")
    host.execute("COMMIT")
    mine, yards = [], []
    for number in range(rounds):
        load = loads(each, 7000 + number)
        begin = time.perf_counter()
        host.execute("BEGIN")
        if batched:
            with bank.batch() as batch:
                _post(batch, load)
        else:
            _post(bank, load)
        host.execute("COMMIT")
        mine.append((time.perf_counter() - begin) / each)
        raw = Raw(folder / f"raw-{batched}-{number}.db", synchronous="FULL", accounts=accounts)
        begin = time.perf_counter()
        raw.batch(load)
        yards.append((time.perf_counter() - begin) / each)
    host.close()
    return mine[1:], yards[1:]
