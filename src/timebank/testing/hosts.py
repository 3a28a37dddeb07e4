"""Fixtures of pytest for programs that use a bank: a fresh one for each test.

In the `conftest.py` at the root of your tests:

    pytest_plugins = ["timebank.testing.hosts"]

`timebank_bank` is then a bank in memory. `timebank_url` says where it is and may be overridden, as
any fixture; `timebank_clock` is its clock, in a test that asks for it. The mark says the same for
one test, a class or a module: `@pytest.mark.timebank(url=..., now=..., counted=True)`.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pytest

import timebank
from timebank import TimeBank

#: When a clock stands that was given no time: a Monday morning.
BEGINNING: Final = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
_MARK: Final = (
    "timebank(url, now, counted): where the bank of timebank_bank is; when its clock stands, an "
    "aware datetime; whether ids and salts are counted, so that they are the same in every run"
)
_OPTIONS: Final = frozenset({"counted", "now", "url"})


class StandingClock:
    """A clock that stands still until it is moved.

    >>> from datetime import timedelta
    >>> from timebank.testing.hosts import StandingClock
    >>> clock = StandingClock()
    >>> clock.forward(timedelta(days=1))
    >>> str(clock())
    '2026-03-03 09:00:00+00:00'
    """

    def __init__(self, now: datetime = BEGINNING) -> None:
        self.now = now

    def __call__(self) -> datetime:
        """Return the instant at which it stands."""
        return self.now

    def forward(self, by: timedelta) -> None:
        """Move it ahead, or back by a negative duration."""
        self.now += by


def pytest_configure(config: pytest.Config) -> None:
    """Tell pytest of the mark."""
    config.addinivalue_line("markers", _MARK)


def _asked(request: pytest.FixtureRequest) -> dict[str, Any]:
    """Return what the marks of a test ask for; the nearest one counts.

    :raises pytest.UsageError: a mark that asks for something else.
    """
    asked: dict[str, Any] = {}
    for mark in reversed(list(request.node.iter_markers("timebank"))):
        if mark.args or not _OPTIONS.issuperset(mark.kwargs):
            msg = f"the mark is {_MARK.partition(':')[0]}, all by name"
            raise pytest.UsageError(msg)
        asked |= mark.kwargs
    return asked


@pytest.fixture
def timebank_url(request: pytest.FixtureRequest) -> str:
    """Return where the bank of a test is: in memory, unless the test's mark says otherwise."""
    return str(_asked(request).get("url", "memory:"))


@pytest.fixture
def timebank_clock(request: pytest.FixtureRequest) -> StandingClock:
    """Return the clock of the bank, which stands still."""
    return StandingClock(_asked(request).get("now", BEGINNING))


@pytest.fixture
def timebank_options(request: pytest.FixtureRequest) -> dict[str, Any]:
    """Return what `timebank.open` is given beside the URL, as the test's mark says."""
    options: dict[str, Any] = {}
    asked = _asked(request)
    if "now" in asked or "timebank_clock" in request.fixturenames:
        options["clock"] = request.getfixturevalue("timebank_clock")
    if asked.get("counted", False):
        ids, salts = itertools.count(1), itertools.count(1)
        options["new_id"] = lambda: f"id-{next(ids)}"
        options["new_salt"] = lambda: next(salts).to_bytes(16, "big")
    return options


@pytest.fixture
def timebank_bank(timebank_url: str, timebank_options: dict[str, Any]) -> Iterator[TimeBank]:
    """Open a bank in which nothing is recorded, and close it after the test.

    :raises pytest.UsageError: something is recorded there: the place is not the test's own.
    """
    with timebank.open(timebank_url, **timebank_options) as bank:
        with bank.store.reader(bank.name) as reader:  # whatever the bank permits
            records = reader.head().sequence
        if records:
            msg = (
                f"{bank.store.url} has records already: timebank_url is to name a fresh place for "
                "each test, as in its tmp_path"
            )
            raise pytest.UsageError(msg)
        yield bank
