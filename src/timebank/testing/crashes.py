"""Crashes: a process that ends between any two calls, or any two statements."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext

from timebank.bank import TimeBank
from timebank.errors import BankNotFound
from timebank.testing.fixtures import StoreUnderTest, needs
from timebank.testing.races import in_processes
from timebank.testing.steps import SEQUENCES, WHOLE, WORK, LastStep, SteppingStore


class Crashes(StoreUnderTest, part=True):
    """What was acknowledged is there; what was begun is there whole, or not at all."""

    @needs("shared")
    def test_a_crash_between_any_two_calls(self, url: str) -> None:
        """A child is ended at its n-th step, for every n, and this process looks."""
        self._crash_at_every_step(url, traced=False)

    @needs("shared", "traced")
    def test_a_crash_between_any_two_statements(self, url: str) -> None:
        """The same, before each statement of the driver."""
        self._crash_at_every_step(url, traced=True)

    def _crash_at_every_step(self, url: str, *, traced: bool) -> None:
        self.open(url).close()
        number = 1 - self.stride
        whole = [step for step, _ in WORK]
        told: list[str] = []
        while told != whole:
            number += self.stride
            (told,) = in_processes(self._work(url, traced=traced), [number])
            self._look(url, f"bank-{number}", told)
        assert 30 < number

    def _work(self, url: str, *, traced: bool) -> Callable[[int, Callable[[str], None]], None]:
        def work(number: int, say: Callable[[str], None]) -> None:
            last = LastStep(number)
            with self.statements(last) if traced else nullcontext():
                store = self.open(url)
                bank = TimeBank(
                    store if traced else SteppingStore(store, last), bank=f"bank-{number}"
                )
                for step, act in WORK:
                    act(bank)
                    say(step)

        return work

    def _look(self, url: str, name: str, told: list[str]) -> None:
        store = self.open(url)
        try:
            bank = TimeBank(store, bank=name, create=False)
        except BankNotFound:
            assert [] == told
        else:
            least = SEQUENCES[told[-1]] if told else 0
            assert least <= bank.head().sequence, told
            assert bank.head().sequence in WHOLE, told
            assert () == bank.audit().findings, told
        finally:
            store.close()
