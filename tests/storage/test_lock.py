"""A lock that cannot be left locked: its turn is over when its holder is gone, or its thread."""

from __future__ import annotations

import gc
import sys
import threading
from collections.abc import Callable

import pytest

from timebank import InvalidRequest, StoreBusy
from timebank.storage.lock import Turn, Turns, WriterLock


class Holder:
    """Who holds a lock, and notes that it was taken away."""

    def __init__(self) -> None:
        self.cuts = 0

    def cut(self) -> None:
        """Implement `Holder.cut`."""
        self.cuts += 1


@pytest.fixture
def lock() -> WriterLock:
    """A lock that nobody holds."""
    return WriterLock(where="here")


def test_a_turn_that_is_held_is_waited_for_and_then_given_up(lock: WriterLock) -> None:
    """Another thread waits for as long as it was told to, and no longer."""
    holder = Holder()
    lock.acquire(1, Turn(holder))
    told = []

    def other() -> None:
        mine = Holder()
        with pytest.raises(StoreBusy, match=r"wrote to here for longer than 0\.01 s"):
            lock.acquire(0.01, Turn(mine))
        told.append(True)

    in_a_thread(other)
    assert [True] == told
    assert 0 == holder.cuts


def test_the_same_thread_is_told_at_once(lock: WriterLock) -> None:
    """It would wait for itself."""
    holder, other = Holder(), Holder()
    turn = Turn(holder)
    lock.acquire(1, turn)
    with pytest.raises(InvalidRequest, match="a batch is open on this thread"):
        lock.acquire(60, Turn(other))
    lock.release(turn)
    lock.acquire(0, Turn(other))


def test_a_holder_that_is_gone_holds_nothing(lock: WriterLock) -> None:
    """Nobody has to say so."""
    holder = Holder()
    lock.acquire(1, Turn(holder))
    del holder
    gc.collect()
    lock.acquire(0, Turn(Holder()))


def test_a_thread_that_has_ended_holds_nothing(lock: WriterLock) -> None:
    """What it held is taken away from its holder, who may still be there."""
    holders: list[Holder] = []

    def left_open() -> None:
        holders.append(Holder())
        lock.acquire(1, Turn(holders[0]))

    in_a_thread(left_open)
    mine = Holder()
    lock.acquire(1, Turn(mine))
    assert [1] == [holder.cuts for holder in holders]
    assert 0 == mine.cuts


def test_who_waits_goes_on_when_the_holder_is_gone(lock: WriterLock) -> None:
    """Nobody wakes it; it looks for itself."""
    holders = [Holder()]
    lock.acquire(1, Turn(holders[0]))
    waits, goes_on = threading.Event(), threading.Event()

    def other() -> None:
        mine = Holder()
        waits.set()
        lock.acquire(60, Turn(mine))
        goes_on.set()

    thread = threading.Thread(target=other, daemon=True)
    thread.start()
    assert waits.wait(60)
    holders.clear()
    gc.collect()
    assert goes_on.wait(60)
    thread.join(60)


def test_to_end_a_turn_twice_is_no_matter(lock: WriterLock) -> None:
    """Nor one that never began; the turn of another goes on."""
    first, second = Holder(), Holder()
    turn, never = Turn(first), Turn(first)
    lock.acquire(1, turn)
    lock.release(turn)
    lock.acquire(1, Turn(second))
    lock.release(turn)
    lock.release(never)
    assert lock.last().is_mine()
    assert not lock.take(Turn(first))


def test_one_of_many_takes_a_turn() -> None:
    """Threads that all come at once follow each other, and two are never in it together."""
    turns, inside, most, done = Turns(), [0], [0], []

    def work() -> None:
        for _ in range(200):
            holder = Holder()
            turn = Turn(holder)
            while not turns.take(turn):
                pass
            inside[0] += 1
            most[0] = max(most[0], inside[0])
            inside[0] -= 1
            turn.over = True
        done.append(True)

    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        threads = [threading.Thread(target=work, daemon=True) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
    finally:
        sys.setswitchinterval(before)
    assert (6, 1, 0) == (len(done), most[0], inside[0])


def test_turns_that_are_over_are_not_kept(lock: WriterLock) -> None:
    """The lock knows the last one, not its history."""

    def count() -> int:
        gc.collect()
        return sum(type(found) is Turn for found in gc.get_objects())

    def hold() -> None:
        holder = Holder()
        turn = Turn(holder)
        lock.acquire(1, turn)
        lock.release(turn)

    hold()
    before = count()
    for _ in range(50):
        hold()
    assert before == count()


def in_a_thread(work: Callable[[], None]) -> None:
    """Do it in a thread, and wait for its end."""
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    thread.join(60)
    assert not thread.is_alive()
