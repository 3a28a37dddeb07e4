"""A batch whose owner is gone is given back once, and never in the middle of somebody else's."""

from __future__ import annotations

import gc
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import timebank
from timebank import InvalidRequest, OutcomeUnknown, StoreBusy, TimeBank, TimebankError
from timebank.bank import commit_group
from timebank.storage.memory import MemoryStore
from timebank.storage.sqlite import connections, open_sqlite


@pytest.fixture(params=["memory", "file", "private"])
def bank(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[TimeBank]:
    """A bank of two accounts, audited at the end."""
    urls = {"file": f"sqlite:///{tmp_path}/bank.db?synchronous=normal", "private": "sqlite://"}
    made = timebank.open(urls.get(request.param, "memory:"))
    made.open_account("m1", kind="fund")
    made.open_account("f1", kind="fund")
    yield made
    assert () == made.audit().findings
    made.close()


def pay(bank: Any, id: str) -> None:
    """A minute."""
    bank.transfer(earner="m1", spender="f1", hours="0:01", id=id)


def ids(bank: TimeBank) -> list[str]:
    """The transfers that are there."""
    return [transfer.id for transfer in bank.transfers()]


class Doing:
    """A thread at work, and the error that came of it."""

    def __init__(self, work: Callable[[], object]) -> None:
        self.error: BaseException | None = None
        self._work = work
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            self._work()
        except BaseException as error:  # noqa: BLE001 - looked at by the test
            self.error = error

    def wait(self) -> Doing:
        """Wait for its end."""
        self._thread.join(60)
        assert not self._thread.is_alive()
        return self


@pytest.fixture
def slow_rollback(monkeypatch: pytest.MonkeyPatch) -> threading.Event:
    """Set when somebody is about to undo what was not committed; others get on meanwhile."""
    about = threading.Event()
    real = connections.rolled_back

    def slow(connection: Any) -> bool:
        if connection.in_transaction and not about.is_set():
            about.set()
            time.sleep(0.2)  # long enough for who would take the lock now
        return real(connection)

    monkeypatch.setattr(connections, "rolled_back", slow)
    return about


@pytest.mark.parametrize("way", ["its thread ends", "it is collected", "it is left elsewhere"])
def test_what_is_given_back_is_nobody_elses(
    bank: TimeBank, slow_rollback: threading.Event, way: str
) -> None:
    """Who gives back and who takes the lock meet: the batch of the second is whole."""
    kept: list[Any] = []
    goes_on = threading.Event()

    def owner() -> None:
        block = bank.batch()
        batch = block.__enter__()
        pay(batch, "lost")
        bank_of: list[Any] = [block, batch]
        if way == "its thread ends":
            kept.extend(bank_of)
        elif way == "it is collected":
            bank_of.append(bank_of)  # a cycle, so that nobody but the collector finds it
            del block, batch, bank_of
            gc.collect()
        else:
            kept.extend(bank_of)
            del block, batch, bank_of
            assert goes_on.wait(60)

    first = Doing(owner)
    if way == "it is left elsewhere":
        while not kept:
            time.sleep(0.001)
        block, batch = kept
        kept.clear()
        with pytest.raises(InvalidRequest):
            block.__exit__(None, None, None)
        del block, batch
        goes_on.set()
    slow_rollback.wait(0.5)  # in memory nothing is undone

    def second() -> None:
        with bank.batch() as other:
            pay(other, "t1")
            other.head()  # which appends
            time.sleep(0.25)
            pay(other, "t2")

    other = Doing(second).wait()
    first.wait()
    assert (None, None) == (first.error, other.error)
    assert ["t1", "t2"] == ids(bank)
    pay(bank, "t3")


def test_a_batch_that_is_left_elsewhere_while_its_owner_reads(bank: TimeBank) -> None:
    """The owner's call comes to its end; nothing of the batch is there, and no lock either."""
    blocks = [bank.batch()]
    batch = blocks[0].__enter__()
    pay(batch, "lost")
    told: list[BaseException | None] = []

    def meanwhile(done: int, total: int) -> None:
        told.append(Doing(lambda: blocks[0].__exit__(None, None, None)).wait().error)

    batch.impact(progress=meanwhile)
    assert [InvalidRequest] == [type(error) for error in told]
    with pytest.raises(InvalidRequest):
        pay(batch, "after")
    blocks.clear()
    assert None is Doing(lambda: pay(bank, "t1")).wait().error
    assert ["t1"] == ids(bank)


# -- waiting --------------------------------------------------------------------------------


@pytest.fixture(params=["memory", "file"])
def hurried(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[TimeBank]:
    """A bank whose lock is waited for for half a second."""
    url = f"sqlite:///{tmp_path}/bank.db?synchronous=normal"
    store: Any = (
        MemoryStore(busy_timeout_seconds=0.5)
        if request.param == "memory"
        else open_sqlite(url, create=True, busy_timeout_seconds=0.5)
    )
    made = TimeBank(store)
    made.open_account("m1", kind="fund")
    made.open_account("f1", kind="fund")
    yield made
    made.close()


def test_who_writes_without_a_pause_lets_others_in(hurried: TimeBank) -> None:
    """A thread with a batch after the other does not keep a second one waiting for long."""
    stop = threading.Event()

    def imports() -> None:
        number = 0
        while not stop.is_set():
            with hurried.batch() as batch:
                for _ in range(5):
                    number += 1
                    pay(batch, f"i{number}")

    busy = Doing(imports)
    try:
        for number in range(10):
            hurried.rename("m1", f"name {number}")  # it has no id, so that it waits by itself
    finally:
        stop.set()
    assert None is busy.wait().error


def test_a_leader_who_does_not_come_back_is_not_waited_for(
    hurried: TimeBank, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who waits behind it is told in the end: nothing was done of it."""
    monkeypatch.setattr(commit_group, "BUSY_TIMEOUT_SECONDS", 0.2)
    within, goes_on = threading.Event(), threading.Event()

    def salt() -> bytes:
        within.set()
        assert goes_on.wait(60)
        return bytes(16)

    slow = TimeBank(hurried.store, new_salt=salt)
    leader = Doing(
        lambda: slow.transfer(earner="m1", spender="f1", hours=1, id="lead", note="slowly")
    )
    assert within.wait(60)
    follower = Doing(lambda: pay(slow, "follow")).wait()
    goes_on.set()
    assert None is leader.wait().error
    assert isinstance(follower.error, StoreBusy | OutcomeUnknown)
    assert ["lead"] == ids(hurried)
    pay(hurried, "follow")


def test_a_refused_call_after_an_interrupted_commit_copies_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """In memory what a commit left half done is put right by the next writer, and not again."""
    from timebank.storage.memory.rows import Rows

    bank = timebank.open("memory:")
    bank.open_account("m1")
    bank.open_account("f1", kind="group", floor=-2)
    with monkeypatch.context() as patch:

        def interrupted(rows: Rows, top: object) -> Rows:
            raise KeyboardInterrupt

        patch.setattr(Rows, "with_holds", interrupted)
        with pytest.raises(KeyboardInterrupt):
            pay(bank, "t1")
    copies = []
    real = Rows.copied

    def counted(rows: Rows) -> Rows:
        copies.append(rows)
        return real(rows)

    monkeypatch.setattr(Rows, "copied", counted)
    for number in range(3):
        with pytest.raises(TimebankError):
            bank.transfer(earner="m1", spender="f1", hours=9, id=f"r{number}")
    assert 1 == len(copies)
    pay(bank, "t1")
    assert (["t1"], ()) == (ids(bank), bank.audit().findings)
