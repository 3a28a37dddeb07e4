"""Real processes that are killed anywhere: hours are on both sides or on neither."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random

import pytest

from federation import kills
from federation.simulation import judging
from federation.simulation.wires import Signed
from servers import ON_SERVERS, drop_database, new_database
from timebank import federation

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform == "win32", reason="nothing is killed as here"),
]
#: How often processes are killed: by day, and at night.
KILLS = (pytest.param(15), pytest.param(1500, marks=pytest.mark.nightly))


@pytest.fixture(params=["sqlite", *ON_SERVERS])
def new_place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[[], str]]:
    """A function that makes an empty place, on each store that processes can share."""
    made: list[str] = []

    def make() -> str:
        if request.param == "sqlite":
            made.append(f"sqlite:///{tmp_path / f'{len(made)}.db'}")
        else:
            made.append(new_database(request.param))
        return made[-1]

    yield make
    if request.param != "sqlite":
        for url in made:
            drop_database(url)


def judge(servers: list[kills.Server]) -> None:
    """Nothing is wrong between the banks, and each audits well."""
    assert [] == list(judging.wrong_at_last(servers))
    for server in servers:
        assert () == server.bank.audit().findings
    found = judging.exchanges(servers).values()
    assert any(one.earned for one in found)
    assert any(one.is_refused for one in found)


@pytest.mark.parametrize("count", KILLS)
def test_in_one_store(new_place: Callable[[], str], count: int) -> None:
    """Processes that cross in both directions; `resume` finishes what their ends left."""
    url = new_place()
    names = ("isola", "bovisa")
    kills.make(*((url, name) for name in names))
    works = [kills.crossing(url, pair, 1) for pair in (names, names[::-1]) * 2]
    kills.under_kills(works, count, Random(count))
    with kills.opened(*((url, name) for name in names)) as servers:
        federation.resume(*(server.bank for server in servers))
        judge(servers)


@pytest.mark.parametrize("count", KILLS)
def test_between_two_servers(new_place: Callable[[], str], tmp_path: Path, count: int) -> None:
    """Two processes of each of two banks, each in a place of its own, and a folder of messages."""
    places = [(new_place(), name) for name in ("isola", "bovisa")]
    (tmp_path / "post").mkdir()
    post, wire = kills.Post(tmp_path / "post"), Signed()
    kills.make(*places)
    with kills.opened(*places) as servers:
        journals = [server.journal for server in servers]
    works = [
        kills.serving(place, peer, post, wire, 1)
        for place, peer in zip(places * 2, journals[::-1] * 2, strict=True)
    ]
    kills.under_kills(works, count, Random(count))
    with kills.opened(*places) as servers:
        kills.heal(servers, post, wire)
        judge(servers)
