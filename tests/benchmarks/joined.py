"""A ledger joined to a host's transaction on SQLite: many transfers in one commit of the host's."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Final

import timebank
from benchmarks.raw import BANK, FIND, HEAD, LAST, POSTING, Raw, _effects, _request
from timebank import TimeBank
from timebank.bank import BankBatch

DAY = date(2026, 3, 2)
Load = list[tuple[str, str, int, str, str]]


#: As `Raw` has them, so that both do the same.
PRAGMAS: Final = (
    "journal_mode = WAL",
    "synchronous = FULL",
    "foreign_keys = ON",
    "secure_delete = ON",
    "recursive_triggers = ON",
)


class ByHand(Raw):
    """The same bank by hand, in a transaction that a host opens and ends: a savepoint a call."""

    def apart(self, transfers: Load) -> None:
        """A call each: the head, the id and where the accounts stand are read in each."""
        self.connection.execute("BEGIN IMMEDIATE")
        for earner, spender, seconds, id, day in transfers:
            self._savepoint(earner, spender, seconds, id, day, None)
        self.connection.execute("COMMIT")

    def together(self, transfers: Load) -> None:
        """In a batch, which knows where the accounts stand that its own calls have moved."""
        self.connection.execute("BEGIN IMMEDIATE")
        self.connection.execute("SAVEPOINT batch")
        last: dict[str, tuple[int, int]] = {}
        for earner, spender, seconds, id, day in transfers:
            self._savepoint(earner, spender, seconds, id, day, last)
        self.connection.execute("RELEASE SAVEPOINT batch")
        self.connection.execute("COMMIT")

    def _savepoint(  # noqa: PLR0917  # a row of the load
        self,
        earner: str,
        spender: str,
        seconds: int,
        id: str,
        day: str,
        last: dict[str, tuple[int, int]] | None,
    ) -> None:
        execute = self.connection.execute
        execute("SAVEPOINT call")
        self.sequence, self.digest = execute(HEAD, (BANK,)).fetchone()
        if execute(FIND, (BANK, id)).fetchone() is not None:
            raise ValueError(id)
        rows = []
        for account, change in ((earner, seconds), (spender, -seconds)):
            known = None if last is None else last.get(account)
            version, balance = known or execute(LAST, (BANK, account)).fetchone() or (0, 0)
            if change < 0 and balance + change < -(2**53):
                raise ValueError(account)
            if last is not None:
                last[account] = (version + 1, balance + change)
            rows.append(
                (BANK, account, version + 1, self.sequence + 1, change, balance + change, day)
            )
        self._record("transfer", _request(id, earner, spender, seconds), _effects(rows, day), id)
        for row in rows:
            execute(POSTING, row)
        execute("RELEASE SAVEPOINT call")


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
    """Seconds for a transfer, ours and by hand: a savepoint each, by itself or in a batch."""
    host = sqlite3.connect(folder / f"host-{batched}.db", isolation_level=None)
    for pragma in PRAGMAS:
        host.execute(f"PRAGMA {pragma}")
    bank = timebank.join(host)
    host.execute("BEGIN")
    for account in accounts:
        bank.open_account(account, kind="fund")
    host.execute("COMMIT")
    raw = ByHand(folder / f"hand-{batched}.db", synchronous="FULL", accounts=accounts)
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
        begin = time.perf_counter()
        (raw.together if batched else raw.apart)(load)
        yards.append((time.perf_counter() - begin) / each)
    host.close()
    return mine[1:], yards[1:]
