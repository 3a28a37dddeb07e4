"""Work costs the same however much there is: counted on two sizes of a bank, and never timed.

What is counted are calls of Python and steps of SQLite; the larger bank has five times as much.
What reads all there is costs the same for each transfer, or account. `benchmarks.growth` times
the same work.
"""

from __future__ import annotations

import gc
import sqlite3
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from benchmarks.growth import IN_FILE, WHOLE, WORKS, Grown, Work, due_run, grown_bank

TIMES = 5
#: How much more the larger may cost: a search takes some steps more. A proof grows up to a bound,
#: with the tiles at the right edge of the tree (`tests/storage/test_tree_large.py`).
MORE = 1.3
MORE_OF = {
    "balance on a day halfway": 2.0,
    "a receipt": 2.5,
    "a signed head": 2.5,
    "an exchange with another bank, by messages": 2.5,
}
#: Steps of SQLite that are counted as one.
STEPS = 5
PAIRS: dict[str, list[dict[str, int]]] = {
    "transfers": [{"size": 1_600}, {"size": 1_600 * TIMES}],
    "accounts": [{"accounts": 6}, {"accounts": 6 * TIMES}],
    "banks": [{"banks": 55}, {"banks": 55 * TIMES}],
}


class Count:
    """Count calls of Python, and steps of SQLite on connections that were made with it."""

    def __init__(self) -> None:
        self.calls = self.steps = 0

    def connect(self, connect: Callable[..., sqlite3.Connection], *given: Any, **how: Any) -> Any:
        """Make a connection whose steps are counted."""
        connection = connect(*given, **how)
        connection.set_progress_handler(self._step, STEPS)
        return connection

    def _step(self) -> int:
        self.steps += 1
        return 0

    def _profile(self, frame: FrameType, event: str, _: object) -> None:
        self.calls += event == "call" and frame.f_code.co_name != "_step"

    def calls_of(self, work: Callable[[], object]) -> float:
        """Count the calls of some work."""
        self.calls = 0
        gc.collect()
        gc.disable()  # what it finishes is of other work
        sys.setprofile(self._profile)
        try:
            work()
        finally:
            sys.setprofile(None)
            gc.enable()
        return self.calls

    def steps_of(self, work: Callable[[], object]) -> float:
        """Count the steps of some work."""
        self.steps = 0
        work()
        return self.steps


@pytest.fixture(scope="module")
def count() -> Iterator[Count]:
    """A count of what happens on connections that are made from now on."""
    with pytest.MonkeyPatch.context() as patch:
        found = Count()
        patch.setattr(sqlite3, "connect", partial(found.connect, sqlite3.connect))
        yield found


@pytest.fixture(scope="module")
def grown(
    count: Count, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[[str], list[Grown]]]:
    """Return a small and a large bank, which are made once."""
    made: dict[str, list[Grown]] = {}
    with ExitStack() as stack:

        def of(axis: str) -> list[Grown]:
            if axis not in made:
                folder = tmp_path_factory.mktemp(axis)
                made[axis] = [
                    stack.enter_context(_bank(folder / f"{n}.db", **how))
                    for n, how in enumerate(PAIRS[axis])
                ]
            return made[axis]

        yield of


@contextmanager
def _bank(path: Path, *, size: int = 500, accounts: int = 6, banks: int = 1) -> Iterator[Grown]:
    with grown_bank(
        f"sqlite:///{path}?synchronous=normal", accounts=accounts, a_day=10, chunk=800
    ) as grown:
        for number in range(banks - 1):
            grown.bank.store.make_bank(f"bank-{number}", journal=f"journal-{number}")
        grown.grow(size)
        # Who opens it compares up to fifty banks of the file with those of its log.
        with closing(sqlite3.connect(path)) as connection:
            connection.execute("PRAGMA wal_checkpoint(PASSIVE)")
        yield grown


WORKS_OF = {
    "transfers": (*WORKS, *IN_FILE, *WHOLE),
    "accounts": (*WORKS, *IN_FILE),
    "banks": (*WORKS, *IN_FILE),
}


@pytest.mark.parametrize(
    ("axis", "work"),
    [
        pytest.param(
            axis,
            work,
            id=f"{axis}: {work.name}",
            marks=[pytest.mark.slow] if axis != "transfers" or work in WHOLE else [],
        )
        for axis, works in WORKS_OF.items()
        for work in works
    ],
)
def test_work_costs_the_same(
    axis: str, work: Work, grown: Callable[[str], list[Grown]], count: Count
) -> None:
    """With five times as many transfers, or accounts, and among five times as many banks."""
    banks = grown(axis)
    for cost_of in (count.calls_of, count.steps_of):
        small, large = (work.cost(bank, 3, cost_of) for bank in banks)
        assert large <= small * MORE_OF.get(work.name, MORE) + 20


def test_a_due_run_costs_the_same_for_each_account(count: Count, tmp_path: Path) -> None:
    """That owes."""
    costs = []
    for accounts in (20, 20 * TIMES):
        with _bank(tmp_path / f"{accounts}.db", accounts=accounts) as grown:
            costs.append(count.calls_of(partial(due_run, grown)) / accounts)
    assert costs[1] <= costs[0] * MORE
