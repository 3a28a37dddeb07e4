"""Faults: at every call of the store, and before every statement of its driver."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from typing import TypeVar

from timebank.bank import TimeBank
from timebank.errors import StoreError, TimebankError
from timebank.hours import Hours
from timebank.storage.protocol import Store
from timebank.testing.fixtures import StoreUnderTest, needs
from timebank.testing.steps import SEQUENCES, WHOLE, WORK, Countdown, InjectedError, SteppingStore

Result = TypeVar("Result")


def _fault_of_ours(step: str) -> Exception:
    return StoreError(f"a fault was injected {step}")


class Faults(StoreUnderTest, part=True):
    """After an error nothing was written, and the next call works."""

    def test_faults_at_every_call_of_the_store(self, store: Store) -> None:
        """A call that fails leaves the bank as before it, or done; doing it again completes it."""
        for number in count(1, self.stride):
            countdown = Countdown(number, _fault_of_ours)
            faulty = SteppingStore(store, countdown)
            _work_under_faults(faulty, store, f"bank-{number}", countdown)
            if countdown.left > 0:
                break
        assert 50 < number

    @needs("traced")
    def test_faults_before_every_statement(self, url: str) -> None:
        """The same where the fault comes up through the driver, within the store."""
        store = self.open(url)
        for number in count(1, self.stride):
            countdown = Countdown(number, InjectedError)
            with self.statements(countdown):
                countdown.paused = True
                faulty = self.open(url)
                countdown.paused = False
                _work_under_faults(faulty, store, f"bank-{number}", countdown)
                faulty.close()
            if countdown.left > 0:
                break
        store.close()
        assert 30 < number


def _work_under_faults(faulty: Store, sound: Store, name: str, countdown: Countdown) -> None:
    """Do all of the work, again where it failed, and look at the bank after each call."""
    bank = _again(lambda: TimeBank(faulty, bank=name))
    for step, work in WORK:
        try:
            work(bank)
        except (TimebankError, InjectedError):
            countdown.paused = True
            looking = TimeBank(sound, bank=name)
            assert looking.head().sequence in WHOLE, step
            assert looking.head().sequence <= SEQUENCES[step], step
            assert () == looking.audit().findings, step
            work(bank)
        countdown.paused = True
        assert SEQUENCES[step] == TimeBank(sound, bank=name).head().sequence, step
        countdown.paused = False
    countdown.paused = True
    looking = TimeBank(sound, bank=name)
    assert (Hours(4), Hours(-4)) == tuple(looking.balance(id).posted for id in ("m1", "f1"))
    assert ["t1", "b1", "b2", "b3", "r1", "s1"] == [found.id for found in looking.transfers()]
    assert "clinic" == looking.transfer_by_id("t1").note
    assert ["settled", "open"] == [looking.hold_by_id(id).status for id in ("h1", "h2")]
    assert Hours(2) == looking.balance("f1").held
    assert () == looking.audit().findings


def _again(work: Callable[[], Result]) -> Result:
    """Return the result of work that may fail once."""
    try:
        return work()
    except (TimebankError, InjectedError):
        return work()
