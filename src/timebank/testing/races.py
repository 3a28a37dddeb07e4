"""Threads and processes that want the same thing at the same time."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable
from typing import Any

from timebank.bank import TimeBank
from timebank.errors import LimitExceeded
from timebank.hours import Hours
from timebank.storage.protocol import Batch, Store
from timebank.testing.fixtures import StoreUnderTest, needs
from timebank.testing.rows import account, record

#: What a child does with its argument, and how it says a line to the parent.
Work = Callable[[Any, Callable[[str], None]], None]

UNITS = 60
TRIES = 25
WORKERS = 4
LOCKED_OUT_SECONDS = 0.2


class Races(StoreUnderTest, part=True):
    """One writer at a time for each bank, whoever they are."""

    def test_threads_take_turns(self, store: Store) -> None:
        """Every append of every thread is there, and no two took one place."""

        def work(_: int) -> None:
            for _turn in range(10):
                with store.writer("main") as writer:
                    writer.append(Batch([record(writer.head().sequence + 1)]))
                with store.reader("main") as reader:
                    reader.records(after=0, limit=5)

        _in_threads(work, 8)
        with store.reader("main") as reader:
            rows = reader.records(after=0, limit=999)
            assert list(range(1, 81)) == [row.sequence for row in rows]

    def test_a_second_writer_waits_for_the_first(self, store: Store) -> None:
        """While one thread writes another cannot begin; then it sees what the first has written."""
        check_turns(store, store)

    def test_a_hot_account_is_spent_exactly_by_threads(self, store: Store) -> None:
        """As many transfers pass as there are units, and not one more."""
        bank = _hot(store)
        passed: list[int] = []

        def work(number: int) -> None:
            passed.append(_spend(bank, f"t{number}"))

        _in_threads(work, WORKERS)
        _check_spent(bank, sum(passed))

    @needs("shared")
    def test_a_hot_account_is_spent_exactly_by_processes(self, url: str, store: Store) -> None:
        """The same between processes, each of which opens the place for itself."""
        _hot(store)
        store.close()

        def work(number: int, say: Callable[[str], None]) -> None:
            own = TimeBank(self.open(url), bank="hot", create=False)
            say(str(_spend(own, f"p{number}")))
            own.close()

        told = in_processes(work, range(WORKERS))
        again = TimeBank(self.open(url), bank="hot", create=False)
        _check_spent(again, sum(int(line) for lines in told for line in lines))
        again.close()

    @needs("shared")
    def test_processes_make_one_place(self, url: str) -> None:
        """Whoever is first makes it, and the bank; nobody fails, nobody makes another."""

        def work(number: int, say: Callable[[str], None]) -> None:
            own = TimeBank(self.open(url), bank="new")
            own.open_account(f"m{number}")
            say(own.head().journal)
            own.close()

        told = in_processes(work, range(WORKERS))
        bank = TimeBank(self.open(url), bank="new", create=False)
        assert [[bank.head().journal]] * WORKERS == told
        assert [f"m{n}" for n in range(WORKERS)] == [found.id for found in bank.accounts()]
        assert () == bank.audit().findings
        bank.close()

    def test_two_banks_are_written_at_once(self, store: Store) -> None:
        """Threads that write to two banks leave in each what is its own."""
        banks = [TimeBank(store, bank=name) for name in ("left", "right")]
        for number, bank in enumerate(banks):
            bank.open_account("a", kind="fund", name=bank.name)
            bank.open_account("b", kind="fund")
            bank.open_account(f"only-{number}", kind="fund")

        def work(number: int) -> None:
            for turn in range(10):
                bank = banks[number]
                bank.transfer(earner="a", spender="b", hours=number + 1, id=f"t{turn}")

        _in_threads(work, 2)
        for number, bank in enumerate(banks):
            assert Hours(10 * (number + 1)) == bank.balance("a").posted
            assert ["a", "b", f"only-{number}"] == [found.id for found in bank.accounts()]
            assert bank.name == bank.account("a").name
            assert ({number + 1}, 13) == (
                {int(t.hours.as_decimal()) for t in bank.transfers()},
                bank.head().sequence,
            )
            assert () == bank.audit().findings

    @needs("snapshots")
    def test_readers_never_see_half_of_a_commit(self, store: Store) -> None:
        """While one thread writes batches, the rows that others read are whole batches."""
        done = threading.Event()
        halves: list[object] = []

        def read() -> None:
            while not done.is_set():
                with store.reader("main") as reader:
                    sequence = reader.head().sequence
                    found = len(reader.records(after=0, limit=999))
                    accounts = len(reader.accounts(after=None, limit=999))
                if sequence % 3 or not sequence == found == accounts:
                    halves.append((sequence, found, accounts))

        readers = [threading.Thread(target=read) for _ in range(2)]
        for thread in readers:
            thread.start()
        try:
            for turn in range(15):
                with store.writer("main") as writer:
                    for n in range(turn * 3 + 1, turn * 3 + 4):
                        row = account(f"m{n}", opened=n)
                        writer.append(Batch([record(n)], accounts={row.account: row}))
        finally:
            done.set()
            for thread in readers:
                thread.join()
        assert [] == halves


def check_turns(first: Store, second: Store) -> None:
    """Check that a writer of the second store waits for that of the first, and sees its record."""
    entered = threading.Event()
    seen: list[int] = []

    def wait() -> None:
        with second.writer("main") as writer:
            entered.set()
            seen.append(writer.head().sequence)

    with first.writer("main") as writer:
        thread = threading.Thread(target=wait)
        thread.start()
        # A lock that holds makes this wait as long as it may; one that lies ends it at once.
        assert not entered.wait(LOCKED_OUT_SECONDS)
        writer.append(Batch([record(1)]))
    thread.join()
    assert [1] == seen


def _hot(store: Store) -> TimeBank:
    bank = TimeBank(store, bank="hot")
    bank.open_account("hot", floor=0)
    bank.open_account("pot", kind="fund")
    bank.transfer(earner="hot", spender="pot", hours=Hours.from_seconds(UNITS))
    return bank


def _spend(bank: TimeBank, name: str) -> int:
    passed = 0
    for n in range(TRIES):
        try:
            bank.transfer(earner="pot", spender="hot", hours="0:00:01", id=f"{name}-{n}")
        except LimitExceeded:
            continue
        passed += 1
    return passed


def _check_spent(bank: TimeBank, passed: int) -> None:
    assert UNITS == passed
    assert Hours(0) == bank.balance("hot").posted
    assert UNITS + 3 == bank.head().sequence
    assert () == bank.audit().findings


def _in_threads(work: Callable[[int], None], count: int) -> None:
    """Run a function in threads and raise the first error of one."""
    errors: list[BaseException] = []

    def guarded(number: int) -> None:
        try:
            work(number)
        except BaseException as error:  # noqa: BLE001 - raised again below
            errors.append(error)

    threads = [threading.Thread(target=guarded, args=[number]) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]


def in_processes(work: Work, arguments: Iterable[Any]) -> list[list[str]]:
    """Run it in forked children, one for each argument; the lines that each of them said.

    A child is a copy of this process, so that a store defined in a test file is there too.

    :raises AssertionError: a child failed.
    """
    children = []
    for argument in arguments:
        read, write = os.pipe()
        pid = os.fork()
        if not pid:
            os.close(read)
            run_child(work, argument, write)
        os.close(write)
        children.append((pid, read))
    told = []
    for pid, read in children:
        with os.fdopen(read) as lines:
            told.append(lines.read().splitlines())
        status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        assert 0 == status, told[-1]
    return told


def run_child(work: Work, argument: Any, pipe: int) -> None:
    """Do the work and end the process, past everything that the parent would do at its end."""
    status = 1
    try:
        work(argument, lambda line: _say(pipe, line))
        status = 0
    except BaseException as error:  # noqa: BLE001 - told to the parent
        _say(pipe, repr(error))
    finally:
        os._exit(status)


def _say(pipe: int, line: str) -> None:
    os.write(pipe, f"{line}\n".encode())
