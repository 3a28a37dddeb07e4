"""What several test files share: sources that give the same at every run, and a small bank."""

from __future__ import annotations

import atexit
import itertools
import shutil
import tempfile
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

import timebank
from timebank import (
    Band,
    BankBatch,
    Demurrage,
    Donate,
    DueReport,
    Dues,
    Fee,
    Granularity,
    Statute,
    TimeBank,
    Welcome,
    WriteOff,
)

BEGINNING = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


def examples(count: int, *, steps: int | None = None) -> settings:
    """Return settings of Hypothesis in proportion to the profile that is in force.

    `count` examples are tried in continuous integration, where other properties have 100. The
    steps of a state machine are all taken there and at night, and half of them elsewhere.
    """
    share = settings().max_examples / 100
    made = settings(max_examples=max(1, round(count * share)))
    if steps is None:
        return made
    return settings(made, stateful_step_count=steps if share >= 1 else steps // 2)


def by_day(some: Any, *more: pytest.MarkDecorator, at_night: Any = 1) -> list[Any]:
    """Return parameters of a test: what continuous integration tries, and what is for the night.

    As a rule they are every how many-th of the places of something; at night it is each of them.
    """
    return [
        pytest.param(some, id="some", marks=more),
        pytest.param(at_night, id="all", marks=[*more, pytest.mark.nightly]),
    ]


def each_once(first: Iterable[Any], second: Iterable[Any]) -> list[Any]:
    """Return parameters of a test, the pairs of two short lists: by day each value is in some.

    The other pairs are for the night.
    """
    return [
        pytest.param(one, other, marks=[pytest.mark.nightly] if (row + column) % 2 else [])
        for row, one in enumerate(first)
        for column, other in enumerate(second)
    ]


class Clock:
    """A clock that moves by a minute at each reading, and by hand."""

    def __init__(self, now: datetime = BEGINNING) -> None:
        self.now = now

    def __call__(self) -> datetime:
        """The next minute."""
        self.now += timedelta(minutes=1)
        return self.now


def run_due(bank: TimeBank | BankBatch) -> DueReport:
    """Charge through the day of the bank's clock, however long ago the last record is."""
    return bank.run_due(through=bank._sources.clock().date())


def sources(clock: Callable[[], datetime] | None = None) -> dict[str, Any]:
    """A clock, ids and salts that are the same in every run."""
    ids, salts = itertools.count(1), itertools.count(1)
    return {
        "clock": Clock() if clock is None else clock,
        "new_id": lambda: f"id-{next(ids)}",
        "new_salt": lambda: next(salts).to_bytes(16, "big"),
    }


_made: dict[Callable[[], object], Path] = {}


def made_once(make: Callable[[], object]) -> None:
    """Fill the current folder, which is empty: by a call that is made once, later by a copy."""
    if make in _made:
        shutil.copytree(_made[make], Path.cwd(), dirs_exist_ok=True)
        return
    make()
    folder = Path(tempfile.mkdtemp(prefix="tb"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    _made[make] = shutil.copytree(Path.cwd(), folder, dirs_exist_ok=True)


def url_of(store: str, folder: Path) -> str:
    """A URL for an empty store of this kind."""
    return {"memory": "memory:", "sqlite": f"sqlite:///{folder / 'bank.db'}"}[store]


def fill(bank: TimeBank) -> None:
    """A small bank with every kind of record, as one neighbourhood may have it."""
    bank.open_account("m1", name="Maria R.", joined_on=BEGINNING.date())
    bank.open_account("f1", kind="group", name="Famiglia Rossi", floor="-20")
    bank.open_account("f2", kind="group", ceiling="100")
    bank.open_account("solidarity", kind="fund")
    bank.transfer(
        earner="m1",
        spender="f1",
        hours="1:30",
        id="visit-81",
        occurred_on=BEGINNING.date(),
        category="care",
        area="family-help",
        resource="car",
        via="solidarity",
        note="accompanied to the clinic",
        tags=["clinic", "car"],
        source={"system": "paper", "page": "12"},
    )
    shared = bank.transfer(earner="m1", spender=timebank.split("8", ["f1", "f2"]), id="shared")
    bank.reverse("visit-81", reason="entered twice", id="undo-81")
    bank.reverse(shared.id, reason="it was less", hours="0:01", id="undo-shared")
    bank.acting_as("coordinator").set_limits("m1", floor=None, ceiling="50")
    bank.rename("f2", "Famiglia Bianchi")
    bank.freeze("f2", reason="abroad")
    bank.thaw("f2")
    bank.open_account("old")
    bank.close_account("old", reason="moved")
    bank.reopen("old")
    bank.close_account("old")


def fill_with_rules(bank: TimeBank) -> None:
    """More of the same neighbourhood: a statute, holds in every state, a fee, a flag."""
    bank.adopt(
        Statute(
            version="via-roma/1",
            time_zone="Europe/Rome",
            limits={"member": Band(floor=-1, ceiling=60, beyond="flag"), "group": Band(floor=-30)},
            granularity=Granularity(unit="0:15", rounding="up"),
            fee=Fee(share="1/10", fund="solidarity", unit="0:01"),
        )
    )
    for id in ("held", "settled", "voided"):
        end = None if id == "held" else timedelta(days=9)
        bank.hold(
            earner="m1",
            spender=timebank.split("2:30", ["f1", "f2"]),
            id=id,
            note="the plan",
            expires_in=end,
        )
    bank.settle("settled", hours="1:10", id="settlement")
    bank.reverse("settlement", hours="0:30", reason="less", id="undo-settlement")
    bank.void("voided", reason="it rained", id="voiding")
    bank.open_account("m2")
    bank.transfer(earner="f1", spender="m2", hours="2:20", id="flagged")


def fill_with_members(bank: TimeBank, clock: Clock) -> None:
    """The same neighbourhood a month on: welcomes, dues beyond a floor, demurrage, leaving."""
    bank.adopt(
        Statute(
            version="via-roma/2",
            time_zone="Europe/Rome",
            limits={"member": Band(floor=-1)},
            welcome=Welcome(hours=2, fund="solidarity", due_back=True),
            dues=[
                Dues(hours="1:30", fund="solidarity", every="month", first_period="days"),
                Dues(name="joining", hours=1, fund="solidarity", every="once"),
            ],
            demurrage=Demurrage(share="1/7", above=1, fund="solidarity", every="month"),
        )
    )
    bank.open_account("m3", joined_on=BEGINNING.date())
    bank.open_account("m4")
    bank.open_account("m5")
    bank.transfer(earner="m4", spender="solidarity", hours=9, id="work")
    bank.name_delegate("m1", "luca")
    bank.name_delegate("m1", "anna", until=BEGINNING.date() + timedelta(days=60))
    bank.end_delegate("m1", "luca")
    clock.now += timedelta(days=64)
    bank.run_due()
    bank.reverse("due:joining:2026-03-02:m3", reason="forgiven", id="forgiven")
    bank.leave("m4", disposal=Donate("solidarity"), reason="moved away")
    bank.leave("m5", disposal=WriteOff("solidarity"))
