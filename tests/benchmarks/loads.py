"""What is posted, the same for both sides, and how it is timed."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path

import timebank
from timebank import TimeBank
from timebank.bank import BankBatch

ACCOUNTS = [f"m{n}" for n in range(300)]
DAY = date(2026, 3, 2)
#: Earner, spender, seconds, id, day.
Load = list[tuple[str, str, int, str, str]]


def timed(work: Callable[[], object]) -> float:
    """Seconds that it takes."""
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin


def pairs(number: int, seed: int, accounts: list[str] = ACCOUNTS) -> Load:
    """Transfers between random accounts."""
    chance = random.Random(seed)  # a load, not secrets
    made = []
    for n in range(number):
        earner, spender = chance.sample(accounts, 2)
        made.append(
            (earner, spender, chance.randrange(900, 14400), f"t{seed}-{n}", DAY.isoformat())
        )
    return made


def ours(path: Path, synchronous: str = "full", accounts: list[str] = ACCOUNTS) -> TimeBank:
    """A bank with the defaults, but for the `synchronous` that is measured."""
    bank = timebank.open(f"sqlite:///{path}?synchronous={synchronous}")
    with bank.batch() as batch:
        for account in accounts:
            batch.open_account(account, kind="fund")
    return bank


def post(bank: TimeBank | BankBatch, load: Load) -> None:
    """One transfer after the other: each durable, unless it is a batch."""
    for earner, spender, seconds, id, _ in load:
        hours = timebank.Hours.from_seconds(seconds)
        bank.transfer(earner=earner, spender=spender, hours=hours, id=id, occurred_on=DAY)


def in_batch(bank: TimeBank, load: Load) -> None:
    """All of the transfers, or none."""
    with bank.batch() as batch:
        post(batch, load)
