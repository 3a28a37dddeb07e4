"""Two cron jobs at once, and one that is killed half way: real processes, nobody charged twice."""

from __future__ import annotations

import random
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

import timebank
from servers import ON_SERVERS, drop_database, new_database
from support import by_day, run_due
from timebank import Dues, Hours, Statute, TimeBank

pytestmark = pytest.mark.slow

MEMBERS = 60
MONTHS = 24

#: Runs the dues when it is told to, and says what it charged.
RUNNING = """
import sys, timebank
from datetime import UTC, datetime
bank = timebank.open(sys.argv[1], create=False)
print("ready", flush=True)
sys.stdin.readline()
print(len(bank.run_due(through=datetime.now(UTC).date()).charges), flush=True)
"""

#: Runs one month after the other, each in a commit of its own, and says when it is done.
MONTHLY = """
import sys, timebank
from datetime import date
bank = timebank.open(sys.argv[1], create=False)
for month in range(24):
    bank.run_due(through=date(2020 + month // 12, month % 12 + 1, 28))
    print(month, flush=True)
"""


def start(program: str, url: str) -> subprocess.Popen[str]:
    """A process of its own."""
    command = [sys.executable, "-c", program, url]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True)  # our own program


def owing(url: str, members: int = MEMBERS) -> None:
    """Some members who owe an hour for each of at least two years of months."""
    import datetime as dt

    clock = dt.datetime(2020, 1, 1, 9, 0, tzinfo=dt.UTC)
    with timebank.open(url, clock=lambda: clock) as bank, bank.batch() as batch:
        batch.open_account("fund", kind="fund")
        for number in range(members):
            batch.open_account(f"m{number:02}", floor=None)
        batch.adopt(Statute(version="v1", dues=Dues(hours=1, every="month", fund="fund")))


def once_each(bank: TimeBank) -> int:
    """How many charges there are; each is the only one of its account and month."""
    charges = [(next(iter(t.spenders)), t.occurred_on) for t in bank.transfers()]
    assert len(set(charges)) == len(charges)
    assert Hours(len(charges)) == bank.balance("fund").posted
    assert () == bank.audit().findings
    return len(charges)


@pytest.fixture(params=["sqlite", *ON_SERVERS])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """An empty place on each store that processes can share."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'bank.db'}"
        return
    made = new_database(request.param)
    yield made
    drop_database(made)


@pytest.mark.parametrize("members", by_day(10, at_night=MEMBERS))
def test_four_cron_jobs_at_once(url: str, members: int) -> None:
    """One charges all, the others nothing, on each store."""
    owing(url, members)
    with timebank.open(url, create=False) as bank, bank.preview() as preview:
        expected = len(run_due(preview).charges)
    processes = [start(RUNNING, url) for _ in range(4)]
    for process in processes:
        assert process.stdout is not None
        assert "ready\n" == process.stdout.readline()
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
    told = sorted(int(process.communicate()[0]) for process in processes)
    assert [0, 0, 0, expected] == told
    with timebank.open(url, create=False) as bank:
        assert expected == once_each(bank)


def test_killed_half_way_and_run_again(tmp_path: Path) -> None:
    """At random moments, time and again: each month is charged wholly or not at all, and once."""
    chance = random.Random(2026)  # moments, not secrets
    url = f"sqlite:///{tmp_path / 'bank.db'}"
    owing(url)
    for _ in range(8):
        process = start(MONTHLY, url)
        assert process.stdout is not None
        for _ in range(chance.randrange(1, 5)):
            process.stdout.readline()
        timer = threading.Timer(chance.random() / 50, process.kill)
        timer.start()
        process.communicate()
        timer.join()
        with timebank.open(url, create=False) as bank:
            assert 0 == once_each(bank) % MEMBERS
    with timebank.open(url, create=False) as bank:
        bank.run_due(through=date(2021, 12, 31))
        assert MEMBERS * MONTHS == once_each(bank)
        assert () == bank.run_due(through=date(2021, 12, 31)).charges


def test_threads_of_one_bank(tmp_path: Path) -> None:
    """Eight threads that share a bank, with members joining meanwhile."""
    url = f"sqlite:///{tmp_path / 'bank.db'}"
    owing(url)
    with timebank.open(url, create=False) as bank:
        charged: list[int] = []

        def run(number: int) -> None:
            if number % 2:
                bank.open_account(f"new{number}", floor=None)
            charged.append(len(bank.run_due(through=date(2021, 12, 31)).charges))

        threads = [threading.Thread(target=run, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert MEMBERS * MONTHS == sum(charged) == once_each(bank)
