"""Histories: what clients are told while several of them work, some of which are killed."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from timebank.bank import TimeBank
from timebank.testing.fixtures import StoreUnderTest, needs
from timebank.testing.history import Place, Plan, run, run_in_threads


class Histories(StoreUnderTest, part=True):
    """What clients were told, and when, is true of the journal in the end."""

    #: How long the processes work, and how many of them are killed meanwhile.
    history_seconds: ClassVar[float] = 1.5
    history_kills: ClassVar[int] = 3

    def _place(self, url: str) -> Place:
        """Open the store in the process, or thread, that asks."""
        store = self.open(url)
        return Place(lambda name: TimeBank(store, bank=name, create=False))

    @needs("shared")
    def test_what_processes_are_told_is_true(self, url: str, tmp_path: Path) -> None:
        """Four that write and one that reads, on two banks; some are killed and begin again."""
        plan = Plan(banks=("main", "other"))
        store = self.open(url)
        for name in plan.banks:
            store.make_bank(name, journal=f"of-{name}")
        store.close()
        folder = tmp_path / "logs"
        folder.mkdir()
        report = run(
            folder,
            lambda: [self._place(url)],
            plan,
            seconds=self.history_seconds,
            kills=self.history_kills,
        )
        assert report.ok is True, str(report)

    def test_what_threads_are_told_is_true(self, url: str, tmp_path: Path) -> None:
        """The same, by threads of one process, which is what a private store can be shared by."""
        store = self.open(url)
        plan = Plan(banks=("main", "other"))
        for name in plan.banks:
            store.make_bank(name, journal=f"of-{name}")
        place = Place(lambda name: TimeBank(store, bank=name, create=False))
        folder = tmp_path / "logs"
        folder.mkdir()
        try:
            report = run_in_threads(folder, place, plan, calls=12)
        finally:
            store.close()
        assert report.ok is True, str(report)
