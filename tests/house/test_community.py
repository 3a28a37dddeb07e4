"""The simulated community: the same from one seed, and with the habits of real ones."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from datetime import date
from statistics import median

import pytest

import timebank
from support import sources
from timebank import Band, InvalidRequest, Statute
from timebank.testing import SIZES, simulate


def test_the_same_seed_makes_the_same_community() -> None:
    """To the byte, given the same sources; another seed another one."""
    heads = []
    for seed in (1, 1, 2):
        with timebank.open("memory:", **sources()) as bank:
            simulate(bank, members=30, exchanges=60, seed=seed)
            heads.append(bank.head())
    assert heads[0] == heads[1] != heads[2]


@pytest.mark.parametrize("size", ["median", "large"])
def test_its_size_is_that_of_real_ones(size: str) -> None:
    """So many members and exchanges, each on a day on which both were there; the audit is clean."""
    with timebank.open("memory:") as bank:
        made = simulate(bank, size=size)
        assert SIZES[size] == (len(made.members), made.exchanges)
        assert made.exchanges == sum(1 for _ in bank.transfers())
        joined = {account.id: account.joined_on for account in bank.accounts()}
        for transfer in bank.transfers():
            for id in {*transfer.earners, *transfer.spenders} - {made.organisation}:
                day = joined[id]
                assert day is not None
                assert day <= transfer.occurred_on <= date(2025, 12, 31)
        assert bank.audit().ok


def test_its_habits() -> None:
    """A few do much, many little; August is dead; three hours in the median."""
    with timebank.open("memory:") as bank:
        made = simulate(bank, size="large", seed=3)
        parts: Counter[str] = Counter()
        months: Counter[int] = Counter()
        minutes = []
        for transfer in bank.transfers():
            parts.update({*transfer.earners, *transfer.spenders})
            months[transfer.occurred_on.month] += 1
            minutes.append(transfer.hours.seconds // 60)
        members = sorted((parts[id] for id in made.members), reverse=True)
        tenth = len(members) // 10
        assert sum(members[:tenth]) > 0.35 * sum(members)
        assert sum(members[len(members) // 2 :]) < 0.3 * sum(members)
        assert 8 == min(months, key=lambda month: months[month])
        assert 180 == median(minutes)
        areas = {group.key for group in bank.impact(at_least=1).by_area}
        assert {"family help", "mobility", "co-housing", ""} < areas


def test_a_statute_can_be_tried_on_it() -> None:
    """That is what it is for: the stricter the floor, the more would be refused."""
    with timebank.open("memory:") as bank:
        simulate(bank, size="large", seed=5)
        refused = [
            bank.replay(Statute(version=f"v{floor}", limits={"member": Band(floor=-floor)})).refused
            for floor in (100, 20, 5)
        ]
        assert 0 <= refused[0] < refused[1] < refused[2] <= SIZES["large"][1]


def test_what_cannot_be() -> None:
    """Nobody to exchange with, no years, a size that is not known: nothing is made."""
    with timebank.open("memory:") as bank:
        with pytest.raises(InvalidRequest, match="size is one of median, large, largest"):
            simulate(bank, size="huge")
        for wrong in ({"members": 1}, {"years": 0}, {"exchanges": -1}):
            with pytest.raises(InvalidRequest, match="2 members or more"):
                simulate(bank, **wrong)  # type: ignore[arg-type]
        assert 0 == bank.head().sequence


def test_it_needs_no_tool_of_development() -> None:
    """It is there where pytest and Hypothesis are not."""
    program = (
        "import sys; sys.modules['pytest'] = sys.modules['hypothesis'] = None; "
        "import timebank; from timebank.testing import simulate; "
        "simulate(timebank.open('memory:'), members=5, exchanges=5)"
    )
    subprocess.run([sys.executable, "-c", program], check=True)  # our own program
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        timebank.testing.nothing  # noqa: B018
