"""An exchange costs the same with one other bank and with a thousand: counted, and never timed."""

from __future__ import annotations

import gc
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

import timebank
from federation.simulation.worlds import key_of
from support import sources, url_of
from timebank import TimeBank, federation
from timebank.testing.steps import SteppingStore

PEERS = 1_000
TERMS: dict[str, Any] = {"they_may_owe": None, "we_may_owe": None}


class Counted:
    """What work costs: calls of the store, rows that were read, and calls of Python."""

    def __init__(self) -> None:
        self.steps: Counter[str] = Counter()
        self.rows = self.calls = 0

    def step(self, step: str) -> None:
        """Count a call of the store."""
        self.steps[step] += 1

    def _profile(self, frame: FrameType, event: str, result: Any) -> None:
        if event == "call":
            self.calls += 1
        elif event == "return" and isinstance(result, list) and _is_of_store(frame):
            self.rows += len(result)

    def of(self, work: Callable[[], object]) -> tuple[Counter[str], int, int]:
        """Return what work costs."""
        self.steps, self.rows, self.calls = Counter(), 0, 0
        gc.collect()
        gc.disable()  # what it finishes is of other tests
        sys.setprofile(self._profile)
        try:
            work()
        finally:
            sys.setprofile(None)
            gc.enable()
        return Counter(self.steps), self.rows, self.calls


def _is_of_store(frame: FrameType) -> bool:
    return "/storage/" in frame.f_code.co_filename.replace("\\", "/")


def banks(url: str, counted: Counted, peers: int) -> tuple[TimeBank, TimeBank]:
    """Return two banks of a store that agreed with each other, and with others before and after.

    Their journals are as long with few others as with many, for proofs grow with journals.
    """
    given = sources()
    store = timebank.open(url, bank="isola", **given).store
    stepping = SteppingStore(store, counted.step)
    pair = [TimeBank(stepping, bank=name, **given) for name in ("isola", "bovisa")]
    for bank, other in (pair, pair[::-1]):
        bank.open_account("m", floor=None)
        bank.open_account("n")
        with bank.batch() as batch:
            for number in range(PEERS):
                if number == PEERS // 2:
                    _agree(batch, other)
                if number < peers - 1:
                    federation.agree(batch, f"journal-{number}", **TERMS)
                else:
                    batch.open_account(f"account-{number}", floor=0)
                    batch.set_limits(f"account-{number}", floor=-1)
    return pair[0], pair[1]


def _agree(bank: Any, other: TimeBank) -> None:
    journal = other.head().journal
    federation.agree(bank, journal, key=key_of(journal, 1).public, **TERMS)


def in_one_store(first: TimeBank, second: TimeBank, id: str) -> None:
    """Carry an exchange from one bank of a store to the other."""
    made = federation.transfer(first, second, spender="m", earner="n", hours=1, id=id)
    assert made.status == "booked"


def by_messages(first: TimeBank, second: TimeBank, id: str) -> None:
    """Carry it by messages."""
    ours, theirs = (key_of(bank.head().journal, 1) for bank in (first, second))
    sent = federation.offer(first, second, key=ours, spender="m", earner="n", hours=1, id=id)
    answered = federation.answer(second, sent, key=theirs)
    assert federation.conclude(first, answered, keys=[ours]).status == "booked"


@pytest.mark.parametrize("way", [in_one_store, by_messages])
@pytest.mark.parametrize("store", ["memory", "sqlite"])
def test_an_exchange_costs_the_same(
    way: Callable[[TimeBank, TimeBank, str], None], store: str, tmp_path: Path
) -> None:
    """The same calls of the store, as many rows, and as many calls of Python."""
    costs = []
    for peers in (1, PEERS):
        folder = tmp_path / str(peers)
        folder.mkdir()
        counted = Counted()
        first, second = banks(url_of(store, folder), counted, peers)
        for number in range(12):  # until as much is known of the other bank as is ever read
            way(first, second, f"before-{number}")
        costs.append(counted.of(lambda: way(first, second, "x")))  # noqa: B023 - called here
        first.close()
    assert costs[0][0] == costs[1][0]
    assert costs[0][1:] == costs[1][1:]
