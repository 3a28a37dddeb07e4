"""A chapter: new banks, clients who use them, some faults, and the verdict on what was told."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

import attrs

import timebank
from clusters.administrator import Administrator
from clusters.clients import Client, Clients, places
from clusters.cluster import Cluster, Place, Way
from clusters.judging import Verdict, judge
from clusters.machine import wait_for
from timebank.testing.history import Plan, Recorder, finish, prepare

#: How long a cluster may take to be whole again by itself, and how often it is helped.
_ALONE_SECONDS: Final = 60.0
_HELPS: Final = 3
_QUIET_SECONDS: Final = (1.0, 4.0)


@attrs.frozen
class Wanted:
    """What a run is asked for."""

    kinds: tuple[str, ...]
    seed: int
    writers: int = 4
    banks: int = 4
    #: Each bank is written at one node, where there are several that write.
    home: bool = False
    may_lose: bool = False


def play(
    cluster: Cluster,
    place: Place,
    wanted: Wanted,
    *,
    number: int,
    faults: int,
    goes_on: Callable[[], bool],
    say: Callable[[str], None],
) -> Verdict:
    """Let clients work through some faults, and judge what they were told.

    :raises TimeoutError: the cluster does not become whole again.
    """
    seed = wanted.seed + number
    folder = place.folder / f"chapter{number}"
    folder.mkdir()
    plan = Plan(banks=tuple(f"c{number}-{i}" for i in range(wanted.banks)), seed=seed)
    ways = cluster.ways()
    _make_banks(ways, plan, folder)
    clients = Clients()
    clients.start(list(_clients(ways, plan, folder, wanted)))
    with Recorder(folder / "faults.jsonl") as log:
        time.sleep(2)
        for at in range(faults):
            if at and not goes_on():
                break
            _break_and_mend(cluster, place, wanted.kinds, log, say)
            clients.check()
    hung = clients.stop()
    _wait_for_whole(cluster, "at the end", say)
    direct = cluster.direct()
    if wanted.may_lose:  # what the log of heads has, and no record declares yet
        with Recorder(folder / "administrator-end.jsonl") as log:
            primary = places([way for way in direct if not way.replica])
            Administrator(primary, plan, log, folder).look()
    with Recorder(folder / "end.jsonl") as log:
        finish(places(direct), plan, log)
    return judge(folder, plan, direct, seed=seed, hung=hung, may_lose=wanted.may_lose)


def _make_banks(ways: Sequence[Way], plan: Plan, folder: Path) -> None:
    """Make the banks, through one way, until the other ways know them as well."""
    for name in plan.banks:
        timebank.open(ways[0].url, bank=name).close()
    with Recorder(folder / "begin.jsonl") as log:
        prepare(places(ways)[0], plan, log)


def _clients(ways: Sequence[Way], plan: Plan, folder: Path, wanted: Wanted) -> Iterator[Client]:
    """Give the clients; each writer begins at another way, unless every bank has its own."""
    for number in range(wanted.writers):
        turn = 0 if wanted.home else number % len(ways)
        turned = (*ways[turn:], *ways[:turn])
        yield Client("write", turned, plan, folder / f"w{number}.jsonl", home=wanted.home)
    yield Client("read", tuple(ways[:1]), plan, folder / "reader.jsonl")
    if wanted.may_lose:
        yield Client("administrate", tuple(ways), plan, folder / "administrator.jsonl")


def _wait_for_whole(cluster: Cluster, when: str, say: Callable[[str], None]) -> None:
    """Wait until a cluster is whole, and help it now and then.

    :raises TimeoutError: it is not, for all the help.
    """
    for _ in range(_HELPS):
        with suppress(TimeoutError):
            wait_for(cluster.whole, _ALONE_SECONDS, f"the whole cluster {when}")
            return
        if done := cluster.help():
            say(f"  not whole: {done}")
    wait_for(cluster.whole, _ALONE_SECONDS, f"the whole cluster {when}")


def _break_and_mend(
    cluster: Cluster,
    place: Place,
    kinds: Sequence[str],
    log: Recorder,
    say: Callable[[str], None],
) -> None:
    """Do one fault to the primary, mend it, and wait until the cluster is whole."""
    member = cluster.primary()
    if member is None:
        wait_for(lambda: cluster.primary() is not None, _ALONE_SECONDS, "a primary")
        member = cluster.primary()
    assert member is not None
    kind = place.chance.choice(list(kinds))
    began = time.monotonic()
    log.note("fault", says=f"{kind} of {cluster.members[member].name}")
    cluster.fault(kind, member)
    say(f"{cluster.said(kind)} of {cluster.members[member].name}")
    time.sleep(cluster.hold_seconds(kind))
    cluster.heal(kind, member)
    _wait_for_whole(cluster, f"after {kind}", say)
    say(f"  whole again after {time.monotonic() - began:.1f} s")
    time.sleep(place.chance.uniform(*_QUIET_SECONDS))
