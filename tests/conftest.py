"""Fixtures over all stores, and the profiles of Hypothesis."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

import timebank
from servers import mariadb_program
from support import Clock, doors, url_of
from timebank import TimeBank

settings.register_profile(
    "suite",
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
settings.load_profile("suite")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Where MariaDB is not installed its tests say so; where it must be (as in CI) they fail."""
    if mariadb_program() is not None or os.environ.get("TIMEBANK_MARIADB") == "required":
        return
    absent = pytest.mark.skip(reason="MariaDB is not installed: the package mariadb-server has it")
    for item in items:
        if "mariadb" in item.nodeid.lower() and "errors_of_mariadb" not in item.nodeid:
            item.add_marker(absent)


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
