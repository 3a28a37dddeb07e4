"""Fixtures over all stores, and the profiles of Hypothesis."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

import timebank
from support import Clock, doors, url_of
from timebank import TimeBank

settings.register_profile(
    "suite",
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
settings.load_profile("suite")


@pytest.fixture
def clock() -> Clock:
    """A clock that moves by a minute at each reading."""
    return Clock()


@pytest.fixture(params=["memory", "sqlite"])
def bank(request: pytest.FixtureRequest, tmp_path: Path, clock: Clock) -> Iterator[TimeBank]:
    """An empty bank, on each store."""
    with timebank.open(url_of(request.param, tmp_path), **doors(clock)) as opened:
        yield opened
        assert opened.audit().findings == ()


@pytest.fixture
def street(bank: TimeBank) -> TimeBank:
    """A bank with three members, two families and a fund."""
    for id in ("m1", "m2", "m3"):
        bank.open_account(id)
    for id in ("f1", "f2"):
        bank.open_account(id, kind="group")
    bank.open_account("fund", kind="fund")
    return bank
