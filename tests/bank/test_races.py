"""Real processes: killed at random moments, and racing for the hours of one account."""

from __future__ import annotations

import random
import subprocess
import sys
from pathlib import Path

import pytest

import timebank
from support import by_day
from timebank import Hours

pytestmark = pytest.mark.slow

#: Posts for ever, and says each transfer's id once it is acknowledged.
POSTING = """
import sys, timebank
bank = timebank.open(sys.argv[1], create=False)
for n in range(1_000_000):
    id = f"{sys.argv[2]}-{n}"
    if n % 5:
        bank.transfer(earner="m1", spender="fund", hours="0:01", id=id, note="n" * 300)
    else:
        with bank.batch() as batch:
            for part in "abc":
                batch.transfer(earner="m1", spender="fund", hours="0:01", id=id + part)
        id = " ".join(id + part for part in "abc")
    print(id, flush=True)
"""

#: Tries to spend one unit eight hundred times, and says how often it was let.
SPENDING = """
import sys, timebank
from timebank import LimitExceeded
bank = timebank.open(sys.argv[1], create=False)
passed = 0
for n in range(800):
    try:
        bank.transfer(earner="pot", spender="hot", hours="0:00:01", id=f"{sys.argv[2]}-{n}")
    except LimitExceeded:
        continue
    passed += 1
print(passed)
"""

OPENING = """
import sys, timebank
with timebank.open(sys.argv[1]) as bank:
    bank.open_account(f"m{sys.argv[2]}")
"""


def start(program: str, *arguments: str) -> subprocess.Popen[str]:
    """A process of its own."""
    command = [sys.executable, "-c", program, *arguments]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)  # our own program


@pytest.mark.parametrize("kills", by_day(15, at_night=50))
def test_a_killed_process_loses_no_acknowledged_transfer(tmp_path: Path, kills: int) -> None:
    """At random moments, time and again: all that was acknowledged is there, batches are whole."""
    url = f"sqlite:///{tmp_path / 'bank.db'}"
    with timebank.open(url) as bank:
        bank.open_account("m1")
        bank.open_account("fund", kind="fund")
    chance = random.Random(2026)  # moments, not secrets
    acknowledged: set[str] = set()
    for run in range(kills):
        process = start(POSTING, url, f"run{run}")
        assert process.stdout is not None
        for _ in range(chance.randrange(1, 40)):
            acknowledged.update(process.stdout.readline().split())
        process.kill()
        acknowledged.update(process.stdout.read().split("\n")[0].split())
        process.stdout.close()
        process.wait()
    with timebank.open(url, create=False) as bank:
        ids = [transfer.id for transfer in bank.transfers()]
        assert set() == acknowledged - set(ids)
        assert len(ids) == len(set(ids))
        assert Hours.from_seconds(60 * len(ids)) == bank.balance("m1").posted
        for part in "abc":
            batches = {id[:-1] for id in ids if id.endswith(part)}
            assert {id[:-1] for id in ids if id[-1] in "abc"} == batches
        assert () == bank.audit().findings


def test_two_thousand_units_are_spent_two_thousand_times(tmp_path: Path) -> None:
    """Four processes, one hot account, 3,200 attempts: exactly 2,000 pass."""
    url = f"sqlite:///{tmp_path / 'bank.db'}"
    with timebank.open(url) as bank:
        bank.open_account("hot", floor=0)
        bank.open_account("pot", kind="fund")
        bank.transfer(earner="hot", spender="pot", hours=Hours.from_seconds(2000))
    processes = [start(SPENDING, url, f"p{n}") for n in range(4)]
    passed = [int(process.communicate()[0]) for process in processes]
    with timebank.open(url, create=False) as bank:
        assert 2000 == sum(passed)
        assert Hours(0) == bank.balance("hot").posted
        assert 2003 == bank.head().sequence
        assert () == bank.audit().findings


def test_many_processes_make_one_new_file(tmp_path: Path) -> None:
    """Whoever is first makes the file and the bank; nobody fails, nobody makes another."""
    url = f"sqlite:///{tmp_path / 'new.db'}"
    processes = [start(OPENING, url, str(n)) for n in range(8)]
    assert [0] * 8 == [process.wait() for process in processes]
    for process in processes:
        assert process.stdout is not None
        process.stdout.close()
    with timebank.open(url, create=False) as bank:
        assert [f"m{n}" for n in range(8)] == [account.id for account in bank.accounts()]
        assert () == bank.audit().findings
