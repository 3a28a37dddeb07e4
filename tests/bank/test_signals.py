"""Real signals at random moments: whatever a handler raises or calls, the bank goes on."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from servers import ON_SERVERS, new_database

pytestmark = [
    pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="this system has no such timer"),
    pytest.mark.slow,
]

#: A program that hangs says where, and ends.
LIMIT_SECONDS = 60
#: Interrupts in continuous integration, and at night.
COUNTS = [pytest.param(50, id="some"), pytest.param(1000, id="many", marks=pytest.mark.nightly)]
#: On servers by night. SQLAlchemy's queue of connections has a lock that an interrupt at one line
#: of it leaves taken, for all other threads of the process: about once in a thousand interrupts.
AT_NIGHT = [
    pytest.param(*one.values, marks=[*one.marks, pytest.mark.nightly]) for one in ON_SERVERS
]
STORES = ["memory", "file", "private", *AT_NIGHT]

#: What both programs begin with: a bank, and a timer that comes at any moment of a call.
BEGINNING = """
import faulthandler, random, signal, sys, threading, time
faulthandler.dump_traceback_later({limit}, exit=True)
url, count, seed = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
chance = random.Random(seed)
import timebank
from timebank import Hours, InvalidRequest, Retryable, StoreBusy, StoreError

bank = timebank.open(url)
bank.open_account("m1", kind="fund", name="Maria")
bank.open_account("m2", kind="fund")

def pay(id):
    bank.transfer(earner="m1", spender="m2", hours="0:01", id=id, note="bread")

began = time.perf_counter()
for number in range(20):
    pay(f"first-{{number}}")
typical = (time.perf_counter() - began) / 20

def alarm():
    signal.setitimer(signal.ITIMER_REAL, max(1e-6, chance.uniform(0, 1.5) * typical))

def check(kept):
    signal.setitimer(signal.ITIMER_REAL, 0)
    report = bank.audit()
    assert report.ok, report.findings[:2]
    there = {{one.id for one in bank.transfers()}}
    assert kept <= there, kept - there
    assert Hours.from_seconds(60 * len(there)) == bank.balance("m1").posted
    other = bank
    if bank.store.url.partition(":")[2] not in ("", "//"):
        other = timebank.open(url, create=False)
    told = []
    thread = threading.Thread(target=lambda: told.append(pay("other")), daemon=True)
    thread.start()
    thread.join(10)
    assert told, "another thread is locked out"
    other.transfer(earner="m1", spender="m2", hours="0:01", id="elsewhere")
    assert other.audit().ok
    bank.close()
    print("done", flush=True)
"""

INTERRUPTED = """
class Interrupt(KeyboardInterrupt):
    pass

armed = False

def handler(*_):
    global armed
    if armed:
        armed = False
        raise Interrupt

signal.signal(signal.SIGALRM, handler)
kept, interrupts, number = set(), 0, 0

def in_a_batch(id):
    with bank.batch() as batch:
        for part in ("a", "b"):
            batch.transfer(earner="m1", spender="m2", hours="0:01", id=id + part)

def read(id):
    bank.statement("m1")
    bank.balance("m2")

stop = threading.Event()
failures = []

def post(name):
    at = 0
    while not stop.is_set():
        at += 1
        try:
            pay(f"{name}-{at}")
        except (StoreError, Retryable) as error:
            failures.append(error)
        except BaseException as error:
            failures.append(error)
            raise
        else:
            kept.add(f"{name}-{at}")

threads = [threading.Thread(target=post, args=(f"thread{n}",)) for n in range(int(sys.argv[4]))]
for thread in threads:
    thread.start()
while interrupts < count:
    number += 1
    id = f"t{number}"
    call = chance.choice([pay, pay, pay, in_a_batch, read])
    try:
        armed = True
        alarm()
        call(id)
        armed = False
        if call is not read:
            kept |= {id + "a", id + "b"} if call is in_a_batch else {id}
    except Interrupt:
        interrupts += 1
        began = time.perf_counter()
        pay(f"after-{number}")
        assert time.perf_counter() - began < 5, "the next call waited"
        kept.add(f"after-{number}")
stop.set()
for thread in threads:
    thread.join(10)
    assert not thread.is_alive(), "a thread sleeps for ever"
there = {one.id for one in bank.transfers()}
assert all((f"t{n}a" in there) == (f"t{n}b" in there) for n in range(number + 1))
check(kept)
"""

CALLING = """
kept, times = set(), 0

def handler(*_):
    global times
    times += 1
    began = time.perf_counter()
    for call in (lambda: pay(f"handler-{times}"), lambda: bank.balance("m1")):
        try:
            call()
        except (InvalidRequest, StoreBusy):
            pass
    assert time.perf_counter() - began < 5, "the handler waited"

signal.signal(signal.SIGALRM, handler)
number = 0
while times < count:
    number += 1
    alarm()
    pay(f"t{number}")
    kept.add(f"t{number}")
    bank.balance("m1")
check(kept)
"""


def run(program: str, url: str, *arguments: int) -> None:
    """Run a program that says when it is done; what it said else is shown."""
    limit = LIMIT_SECONDS if arguments[0] < 1000 else 10 * LIMIT_SECONDS
    whole = BEGINNING.format(limit=limit) + program
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", whole, url, *map(str, arguments)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        timeout=limit + 30,
        check=False,
    )
    assert (0, "done\n") == (done.returncode, done.stdout), done.stderr[-4000:]


def url_of(store: str, folder: Path) -> str:
    """An empty store of this kind."""
    if store in ("postgresql", "mariadb"):
        return new_database(store)
    file = f"sqlite:///{folder / 'bank.db'}?synchronous=normal"
    return {"memory": "memory:", "private": "sqlite://", "file": file}[store]


@pytest.mark.parametrize("count", COUNTS)
@pytest.mark.parametrize("store", STORES)
def test_a_signal_that_interrupts(store: str, count: int, tmp_path: Path) -> None:
    """What was acknowledged is there, the next call works at once, and the audit is clean."""
    run(INTERRUPTED, url_of(store, tmp_path), count, 1, 0)


@pytest.mark.parametrize("count", COUNTS)
@pytest.mark.parametrize("store", ["memory", "file", *AT_NIGHT])
def test_a_signal_among_threads_that_share_commits(store: str, count: int, tmp_path: Path) -> None:
    """The same in a thread that leads and follows others, all of which go on."""
    run(INTERRUPTED, url_of(store, tmp_path), count, 2, 3)


@pytest.mark.parametrize("count", COUNTS)
@pytest.mark.parametrize("store", ["memory", "file", "private", *AT_NIGHT])
def test_a_signal_handler_that_calls_the_bank(store: str, count: int, tmp_path: Path) -> None:
    """Its calls are done, or refused at once; nobody waits for itself."""
    run(CALLING, url_of(store, tmp_path), count, 3)
