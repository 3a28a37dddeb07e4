"""Eight processes that cross between two banks of a store: floors are exact, and nobody waits."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import timebank
from federation.kills import opened
from federation.simulation import judging
from servers import ON_SERVERS, drop_database, new_database
from timebank import Hours, LimitExceeded, TimeBank, federation
from timebank.testing.races import in_processes

pytestmark = pytest.mark.slow

NAMES = ("isola", "bovisa")
UNITS = 40
TRIES = 15
WORKERS = 8
UNIT = Hours.from_seconds(1)


@pytest.fixture(params=["sqlite", *ON_SERVERS])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """An empty place on each store that processes can share."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'bank.db'}"
        return
    made = new_database(request.param)
    yield made
    drop_database(made)


def make(url: str, *, they_may_owe: Hours | None, we_may_owe: Hours | None) -> None:
    """Two banks, in each of which an account has so many units, and another takes all."""
    banks = [timebank.open(url, bank=name) for name in NAMES]
    for bank, other in (banks, banks[::-1]):
        bank.open_account("hot", floor=0)
        bank.open_account("pot", kind="fund")
        bank.transfer(earner="hot", spender="pot", hours=Hours.from_seconds(UNITS))
        federation.agree(bank, other, they_may_owe=they_may_owe, we_may_owe=we_may_owe)
    for bank in banks:
        bank.close()


def crossing(url: str, spender: str) -> Callable[[int, Callable[[str], None]], None]:
    """Return what a process does: it tries to spend a unit, so often; every other one crosses."""

    def work(number: int, say: Callable[[str], None]) -> None:
        names = NAMES if number % 2 else NAMES[::-1]
        own, other = (timebank.open(url, bank=name, create=False) for name in names)
        passed = [_passes(own, other, spender, f"p{number}-{n}") for n in range(TRIES)]
        say(str(sum(passed)))
        own.close()
        other.close()

    return work


def _passes(own: TimeBank, other: TimeBank, spender: str, id: str) -> bool:
    try:
        made = federation.transfer(own, other, spender=spender, earner="pot", hours=UNIT, id=id)
    except LimitExceeded:
        return False
    return made.status == "booked"


def test_processes_cross_in_both_directions(url: str) -> None:
    """As many pass in each direction as there are units; then the mirrors are at zero."""
    make(url, they_may_owe=None, we_may_owe=None)
    told = in_processes(crossing(url, "hot"), range(WORKERS))
    passed = [int(lines[0]) for lines in told]
    assert [UNITS, UNITS] == [sum(passed[::2]), sum(passed[1::2])]
    with opened(*((url, name) for name in NAMES)) as servers:
        assert [] == list(judging.wrong_at_last(servers))
        for server, other in (servers, servers[::-1]):
            account = federation.agreement(server.bank, other.journal).account
            assert Hours(0) == server.bank.balance(account).posted
            assert Hours(0) == server.bank.balance("hot").posted
            assert () == server.bank.audit().findings


@pytest.mark.parametrize("who", ["who lends", "who owes"])
def test_what_may_be_owed_is_exact(url: str, who: str) -> None:
    """Where one bank alone spends, as much passes as either of the two lets it owe."""
    limit = Hours.from_seconds(UNITS)
    make(
        url,
        they_may_owe=limit if who == "who lends" else None,
        we_may_owe=limit if who == "who owes" else None,
    )
    told = in_processes(crossing(url, "pot"), range(1, 2 * WORKERS, 2))
    assert UNITS == sum(int(lines[0]) for lines in told)
    with opened(*((url, name) for name in NAMES)) as servers:
        assert [] == list(judging.wrong_at_last(servers))
        for server, other, sign in zip(servers, servers[::-1], (1, -1), strict=True):
            account = federation.agreement(server.bank, other.journal).account
            assert limit * sign == server.bank.balance(account).posted
            assert () == server.bank.audit().findings
