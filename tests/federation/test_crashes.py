"""A server that ends at any call of its store: what comes next finishes it, and nothing twice."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest

from federation.kills import Server
from federation.simulation import judging
from federation.simulation.hosts import FATES, Crashed, Fault, Host
from federation.simulation.worlds import BEGINNING, copied, world
from timebank import OutcomeUnknown, TimeBank, Unavailable, federation
from timebank.storage.memory import MemoryStore
from timebank.testing.steps import SteppingStore

#: A step has more calls of its store than this.
LEAST = 20
Step = Callable[[TimeBank], Any]


def hosts() -> list[Host]:
    """Two servers whose banks agreed, with keys."""
    now = BEGINNING + timedelta(hours=1)
    return [
        Host(f"b{number}", copied(rows), now=lambda: now)
        for number, rows in enumerate(world(2, 0, keys=True))
    ]


def until_done(host: Host, step: Step, *, at: int, fate: str) -> tuple[Any, bool]:
    """Do a step that meets a fault, and do it again; return what it says, and whether it met one.

    The second time it may meet one, too, half as late.
    """
    is_met = False
    for left in (at, at // 2 + 1 if at else 0, 0):
        with host.soon(left, fate):
            try:
                done = host.call(step)
            except (Unavailable, OutcomeUnknown):
                done = None
        if done is not None:
            return done, is_met
        is_met = True
    msg = "it never ends well"
    raise AssertionError(msg)


def exchange(first: Host, second: Host, fault: tuple[int, int, str]) -> bool:
    """Carry an exchange by messages, with a fault in one of its steps; return whether it came."""
    which, at, fate = fault
    sent: bytes = b""
    came = False

    def offer(bank: TimeBank) -> bytes:
        return federation.offer(
            bank,
            second.journal,
            key=first.key,
            spender="m0",
            earner="m1",
            hours="0:30",
            id="x1",
        )

    steps: tuple[tuple[Host, Step], ...] = (
        (first, offer),
        (second, lambda bank: federation.answer(bank, sent, key=second.key)),
        (first, lambda bank: federation.conclude(bank, sent, keys=[first.key])),
    )
    for number, (host, step) in enumerate(steps):
        here = at if number == which else 0
        sent, is_met = until_done(host, step, at=here, fate=fate)
        came = came or is_met
    return came


@pytest.mark.parametrize("fate", sorted(set(FATES)))
@pytest.mark.parametrize("which", range(3))
def test_a_fault_at_every_call_of_the_store(which: int, fate: str) -> None:
    """Of the offer, the answer, and the end: the exchange is booked, once on each side."""
    at = came = 0
    while at == came:
        at += 1
        first, second = hosts()
        came += exchange(first, second, (which, at, fate))
        (one,) = judging.exchanges([first, second]).values()
        assert (1800, 1800) == (sum(one.spent), sum(one.earned))
        assert [] == list(judging.wrong_at_last([first, second]))
        if at % 8 == 0:
            assert [] == list(judging.findings([first, second]))
    assert LEAST < came


def test_a_crash_at_every_call_in_one_store() -> None:
    """What the end of a call leaves, `resume` finishes; and so does the same call again."""
    at, is_over = 0, False
    while not is_over:
        at += 1
        for again in (False, True):
            store, fault = MemoryStore(), Fault()
            for name, rows in zip(("b0", "b1"), world(2, 0, keys=False), strict=True):
                store._banks[name] = copied(rows)
            fault.left, fault.fate = at, "crash"
            with suppress(Crashed):
                _cross(SteppingStore(store, fault))
                is_over = True
            first, second = _banks(store)
            federation.resume(first, second)
            if again:
                _cross(store)
            assert () == federation.resume(second, first)
            places = [Server(bank, bank.head().journal) for bank in (first, second)]
            assert [] == list(judging.wrong_at_last(places))
            booked = sum(sum(one.earned) for one in judging.exchanges(places).values())
            assert booked == 1800 or (booked == 0 and not again and not is_over)
    assert 100 < at


def _banks(store: Any) -> list[TimeBank]:
    return [
        TimeBank(store, bank=name, create=False, clock=lambda: BEGINNING + timedelta(hours=1))
        for name in ("b0", "b1")
    ]


def _cross(store: Any) -> None:
    first, second = _banks(store)
    made = federation.transfer(first, second, spender="m0", earner="m1", hours="0:30", id="x1")
    assert made.status == "booked"
