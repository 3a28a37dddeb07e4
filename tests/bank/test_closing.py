"""Closing while others call: each gets what it asked for, or a `StoreError`, and nothing else."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

import timebank
from bank.places import OWN, SOON, in_a_thread, opened, told, url_at
from servers import ON_SERVERS, SERVERS
from timebank import StoreError, TimeBank

#: What lasts longer than the store, so that one may look at what was kept.
LASTING = ("file", *ON_SERVERS)


def pay(bank: Any, id: str) -> Any:
    """A transfer that passes."""
    return bank.transfer(earner="m1", spender="pot", hours="0:01", id=id)


def fill(bank: TimeBank) -> None:
    """Two accounts without limits, and a transfer."""
    bank.open_account("m1", kind="fund")
    bank.open_account("pot", kind="fund")
    pay(bank, "t0")


def in_a_batch(bank: TimeBank, id: str) -> None:
    """Two transfers, together."""
    with bank.batch() as batch:
        pay(batch, f"{id}-a")
        pay(batch, f"{id}-b")


def in_a_preview(bank: TimeBank, id: str) -> None:
    """A transfer that is tried only."""
    with bank.preview() as preview:
        pay(preview, id)
        preview.balance("m1")


#: What threads call while the store is closed.
CALLS: dict[str, Callable[[TimeBank, str], Any]] = {
    "transfer": pay,
    "balance": lambda bank, _: bank.balance("m1"),
    "batch": in_a_batch,
    "statement": lambda bank, _: bank.statement("m1"),
    "transfer without an id": lambda bank, _: bank.transfer(earner="m1", spender="pot", hours=1),
    "preview": in_a_preview,
    "transfers": lambda bank, _: list(bank.transfers()),
    "hold": lambda bank, name: bank.hold(earner="m1", spender="pot", hours=1, id=f"h-{name}"),
    "audit": lambda bank, _: bank.audit(quick=True),
    "head": lambda bank, _: bank.head(),
    "run_due": lambda bank, _: bank.run_due(),
    "batch that reads": lambda bank, _: _read_in_a_batch(bank),
}


def _read_in_a_batch(bank: TimeBank) -> None:
    with bank.batch() as batch:
        list(batch.transfers())


@pytest.fixture(params=OWN)
def place(request: pytest.FixtureRequest) -> str:
    """Each kind of store that is the bank's own."""
    return str(request.param)


@pytest.fixture
def bank(place: str, tmp_path: Path) -> Iterator[TimeBank]:
    """A bank there, that a test closes."""
    with opened(place, tmp_path) as made:
        fill(made)
        yield made


class Crowd:
    """Threads that call a bank until it is closed: what was acknowledged, and what was wrong."""

    def __init__(self, bank: TimeBank, threads: int = 6) -> None:
        self.bank = bank
        self.kept: list[str] = []
        self.wrong: list[str] = []
        self.done = threading.Semaphore(0)
        self.threads = [
            threading.Thread(target=self._work, args=(n,), daemon=True) for n in range(threads)
        ]
        for one in self.threads:
            one.start()

    def _work(self, thread: int) -> None:
        for n in range(10_000):
            names = list(CALLS)
            name = names[(thread + n) % len(names)]
            id = f"{thread}-{n}"
            try:
                CALLS[name](self.bank, id)
            except StoreError:
                break
            except BaseException as error:  # noqa: BLE001 - whatever it is, it is wrong
                self.wrong.append(f"{name}: {type(error).__name__}: {error}")
                break
            finally:
                self.done.release()
            self.kept += {"transfer": [id], "batch": [f"{id}-a", f"{id}-b"]}.get(name, [])

    def called(self, count: int) -> None:
        """Return when there were so many calls."""
        for _ in range(count):
            assert self.done.acquire(timeout=SOON)

    def ended(self) -> list[str]:
        """What was wrong, when all of the threads have heard of it."""
        for one in self.threads:
            one.join(SOON)
        waiting = [one.name for one in self.threads if one.is_alive()]
        return self.wrong + [f"{one} waits for ever" for one in waiting]


def closed_while_called(place: str, folder: Path, calls: int) -> list[str]:
    """Close a bank after so many calls of others; what was wrong."""
    with url_at(place, folder) as url:
        bank = timebank.open(url)
        fill(bank)
        crowd = Crowd(bank)
        crowd.called(calls)
        bank.close()
        wrong = crowd.ended()
        if place == "file" or place in SERVERS:
            with timebank.open(url, create=False) as again:
                there = {one.id for one in again.transfers()}
                if not set(crowd.kept) <= there:
                    wrong.append("what was acknowledged is not there")
                wrong += [f"half a batch: {id}" for id in there if _half(id, there)]
                wrong += [str(one) for one in again.audit().findings]
    return list(dict.fromkeys(wrong))


def _half(id: str, there: set[str]) -> bool:
    return id.endswith("-a") and f"{id[:-2]}-b" not in there


# -- while others call ---------------------------------------------------------------------


def test_closing_while_others_call(place: str, tmp_path: Path) -> None:
    """After few calls and after more: nobody hears of anything but a `StoreError`."""
    for number, calls in enumerate((1, 17, 40)):
        folder = tmp_path / str(number)
        folder.mkdir()
        assert [] == closed_while_called(place, folder, calls)


@pytest.mark.slow
def test_closing_after_any_number_of_calls(place: str, tmp_path: Path) -> None:
    """The same again and again, at other moments."""
    for number in range(12 if place in SERVERS else 40):
        folder = tmp_path / str(number)
        folder.mkdir()
        assert [] == closed_while_called(place, folder, number * 3)


def test_closing_twice_at_once(bank: TimeBank) -> None:
    """Two threads close, while others call; both return, and so does a third time."""
    crowd = Crowd(bank, 3)
    crowd.called(5)
    begun = threading.Barrier(3)
    outcomes: list[str] = []

    def close() -> None:
        begun.wait(SOON)
        outcomes.append(told(bank.close))

    threads = [threading.Thread(target=close, daemon=True) for _ in range(2)]
    for one in threads:
        one.start()
    begun.wait(SOON)
    for one in threads:
        one.join(SOON)
    assert ["done", "done"] == outcomes
    bank.close()
    assert [] == crowd.ended()


def test_every_call_after_closing(bank: TimeBank) -> None:
    """Each is a `StoreError`, on this thread and on others, and on every handle."""
    unread = bank.transfers()
    bank.close()
    for handle in (bank, bank.acting_as("carla")):
        for name, call in CALLS.items():
            if name == "audit":  # it never raises: it has a finding
                assert not handle.audit().ok
                continue
            for outcome in (
                told(partial(call, handle, "t1")),
                in_a_thread(partial(told, partial(call, handle, "t1"))),
            ):
                assert outcome.startswith("StoreError: "), f"{name}: {outcome}"
    assert told(lambda: next(unread)).startswith("StoreError: ")


# -- in the middle of something ------------------------------------------------------------


@pytest.mark.parametrize("who", ["its own thread", "another thread"])
@pytest.mark.parametrize("lasting", LASTING)
def test_closing_within_a_batch(lasting: str, tmp_path: Path, who: str) -> None:
    """What is called goes on or is a `StoreError`; a block with a clean end was kept, all of it."""
    with url_at(lasting, tmp_path) as url:
        bank = timebank.open(url)
        fill(bank)
        outcomes = closed_in_a_batch(bank, who)
        bank.close()
        assert [] == [one for one in outcomes if not one.startswith(("done", "StoreError: "))]
        with timebank.open(url, create=False) as again:
            whole = outcomes[-1] == "done"
            assert ["t0", *(["t1", "t2"] if whole else [])] == [x.id for x in again.transfers()]
            assert () == again.audit().findings
            in_a_thread(lambda: pay(again, "t3"))


@pytest.mark.parametrize("who", ["its own thread", "another thread"])
def test_closing_within_a_batch_wherever_it_is(bank: TimeBank, who: str) -> None:
    """The same on stores of which nothing is left: nobody waits, and all is a `StoreError` then."""
    outcomes = closed_in_a_batch(bank, who)
    assert [] == [one for one in outcomes if not one.startswith(("done", "StoreError: "))]
    bank.close()
    assert told(lambda: pay(bank, "t4")).startswith("StoreError: ")


def closed_in_a_batch(bank: TimeBank, who: str) -> list[str]:
    """Close a bank in the middle of a batch; what its calls, and the block, came to."""
    outcomes: list[str] = []
    closing = bank.close if who == "its own thread" else partial(in_a_thread, bank.close)

    def work() -> None:
        with bank.batch() as batch:
            pay(batch, "t1")
            closing()
            outcomes.extend([told(partial(pay, batch, "t2")), told(lambda: batch.balance("m1"))])
            if outcomes != ["done", "done"]:  # what cannot go on is left with its error
                pay(batch, "t2")

    outcomes.append(told(work))
    return outcomes


def test_closing_while_another_waits_for_the_lock(bank: TimeBank) -> None:
    """Who waits for a batch of another thread hears of it as soon as that ends, at the latest."""
    started = threading.Event()

    def wait() -> str:
        started.set()
        return told(lambda: pay(bank, "t2"))

    results: list[str] = []
    waiting = threading.Thread(target=lambda: results.append(wait()), daemon=True)

    def work() -> None:
        with bank.batch() as batch:
            pay(batch, "t1")
            waiting.start()
            assert started.wait(SOON)
            in_a_thread(bank.close)
            pay(batch, "t3")

    assert told(work).startswith(("done", "StoreError: "))
    waiting.join(SOON)
    assert not waiting.is_alive()
    assert [] == [one for one in results if not one.startswith(("done", "StoreError: "))]


@pytest.mark.parametrize("who", ["its own thread", "another thread"])
def test_closing_while_reading_lazily(bank: TimeBank, who: str) -> None:
    """An iterator goes on with what it has read, or is a `StoreError`; it never makes things up."""
    with bank.batch() as batch:
        for n in range(1, 30):
            pay(batch, f"t{n}")
    closing = bank.close if who == "its own thread" else partial(in_a_thread, bank.close)
    found: list[str] = []

    def read() -> None:
        for number, one in enumerate(bank.transfers()):
            found.append(one.id)
            if number == 3:
                closing()

    assert told(read).startswith(("done", "StoreError: "))
    assert [f"t{n}" for n in range(len(found))] == found


def test_closing_within_a_preview(bank: TimeBank) -> None:
    """Its calls go on or are a `StoreError`, and its block can be left."""
    outcomes: list[str] = []

    def work() -> None:
        with bank.preview() as preview:
            pay(preview, "t1")
            bank.close()
            outcomes.append(told(lambda: pay(preview, "t2")))
            outcomes.append(told(lambda: preview.balance("m1")))

    outcomes.append(told(work))
    assert [] == [one for one in outcomes if not one.startswith(("done", "StoreError: "))]
