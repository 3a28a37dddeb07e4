"""Run timebank on a cluster of real servers, break it again and again, and check what was told.

The cluster is made in a new temporary folder, on ports that are free, and all of it is ended, even
where the run is interrupted or killed. It needs Linux, root, and packages of Debian, which it names
where they are missing. The exit code is 1 where a client was told what is not so, 2 where the run
could not be made.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import time
from collections.abc import Mapping, Sequence
from typing import Final

from clusters import galera, patroni
from clusters.chapter import Wanted, play
from clusters.cluster import Cluster, Place
from clusters.keeper import keep
from clusters.machine import NotHereError, check_programs, may_cut
from clusters.table import Row, render, total

_CLUSTERS: Final[Mapping[str, type[patroni.Patroni | galera.Galera]]] = {
    "patroni": patroni.Patroni,
    "galera": galera.Galera,
}
_PROGRAMS: Final = {"patroni": patroni.PROGRAMS, "galera": galera.PROGRAMS}
_NOT_RUN: Final = 2


def parser() -> argparse.ArgumentParser:
    """Return what reads the command line."""
    found = argparse.ArgumentParser(prog="python -m clusters", description=__doc__)
    found.add_argument("engine", choices=sorted(_CLUSTERS))
    found.add_argument("--faults", metavar="KIND,…", help="kinds of faults; as is usual without")
    found.add_argument("--minutes", type=float, default=2.0, help="for how long (2)")
    found.add_argument("--times", type=int, help="how many faults, however long it takes")
    found.add_argument("--seed", type=int, help="of all that is drawn (from the clock)")
    found.add_argument("--writers", type=int, default=4)
    found.add_argument("--banks", type=int, default=4)
    found.add_argument("--chapter", type=int, default=20, help="faults between two checks (20)")
    found.add_argument(
        "--async",
        dest="asynchronous",
        action="store_true",
        help="Patroni: commits wait for no standby, so that history is lost",
    )
    found.add_argument(
        "--anywhere", action="store_true", help="Galera: the writers of one bank work at all nodes"
    )
    found.add_argument(
        "--etcd3", action="store_true", help="Patroni: the etcd3 language, which forgets a fence"
    )
    found.add_argument("--keep", action="store_true", help="leave the folder with all logs")
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    """Run, and return the exit code."""
    options = parser().parse_args(arguments)
    try:
        check_programs(_PROGRAMS[options.engine])
        kinds = _kinds(options)
    except NotHereError as error:
        _say(str(error))
        return _NOT_RUN
    seed = int(time.time()) % 100_000 if options.seed is None else options.seed
    place = Place.make(seed)
    cluster = _cluster(options, place)

    def clean_up() -> None:
        cluster.stop()
        place.cuts.remove()
        if not options.keep:
            shutil.rmtree(place.folder, ignore_errors=True)

    if options.keep:
        _say(f"all logs are in {place.folder}")
    return keep(lambda: _run(cluster, place, options, kinds, seed), clean_up)


def _kinds(options: argparse.Namespace) -> tuple[str, ...]:
    """Return the kinds of faults that were asked for and can be done.

    :raises NotHereError: one is unknown, or none can be done.
    """
    known = _CLUSTERS[options.engine].faults
    usual = _CLUSTERS[options.engine].usual
    kinds = tuple(options.faults.split(",")) if options.faults else tuple(usual)
    for kind in kinds:
        if kind not in known:
            msg = f"{options.engine} knows the faults {', '.join(known)}, and not {kind}"
            raise NotHereError(msg)
    why = may_cut() if "partition" in kinds else ""
    if why:
        _say(f"no partitions: {why}")
        kinds = tuple(kind for kind in kinds if kind != "partition")
    if not kinds:
        msg = "there is no fault left to do"
        raise NotHereError(msg)
    return kinds


def _cluster(options: argparse.Namespace, place: Place) -> Cluster:
    if options.engine == "patroni":
        return patroni.Patroni(place, synchronous=not options.asynchronous, etcd3=options.etcd3)
    return galera.Galera(place)


def _run(
    cluster: Cluster,
    place: Place,
    options: argparse.Namespace,
    kinds: tuple[str, ...],
    seed: int,
) -> int:
    """Start the cluster, play chapters until the time is over, and print the table."""
    began = time.monotonic()
    cluster.start()
    for version in cluster.versions():
        _say(version)
    _say(f"started in {time.monotonic() - began:.0f} s; seed {seed}; {', '.join(kinds)}")
    wanted = Wanted(
        kinds,
        seed,
        writers=options.writers,
        banks=options.banks,
        home=options.engine == "galera" and not options.anywhere,
        may_lose=options.asynchronous,
    )
    rows: list[Row] = []
    lies: list[str] = []
    until = time.monotonic() + 60 * options.minutes
    number = 0
    while _goes_on(options, rows, until):
        left = options.chapter
        if options.times is not None:
            left = min(left, options.times - len(rows))
        try:
            verdict = play(
                cluster,
                place,
                wanted,
                number=number,
                faults=left,
                goes_on=lambda: options.times is not None or time.monotonic() < until,
                say=_say,
            )
        except TimeoutError as error:  # the cluster, not the bank, did not come back
            _say(f"given up: {error}")
            _print(rows, seed, lies, time.monotonic() - began)
            return 1 if lies else _NOT_RUN
        number += 1
        rows += verdict.rows
        lies += verdict.lies
        for lie in verdict.lies:
            _say(lie)
    _print(rows, seed, lies, time.monotonic() - began)
    return 1 if lies else 0


def _goes_on(options: argparse.Namespace, rows: list[Row], until: float) -> bool:
    times: int | None = options.times
    if times is not None:
        return len(rows) < times
    return not rows or time.monotonic() < until


def _print(rows: Sequence[Row], seed: int, lies: Sequence[str], seconds: float) -> None:
    """Print the table, and whether somebody was told what is not so."""
    verdict = f"{len(lies)} lies" if lies else "no lie"
    sys.stdout.write(f"{render([*rows, total(rows, 'all')])}\n")
    sys.stdout.write(f"{len(rows)} faults in {seconds / 60:.1f} minutes, seed {seed}: {verdict}\n")


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")


if __name__ == "__main__":
    sys.exit(main())
