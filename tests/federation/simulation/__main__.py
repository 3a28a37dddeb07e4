"""Run schedules: `python -m federation.simulation --from 0 --count 10000 --processes 2`."""

from __future__ import annotations

import argparse
import json
import sys
import time
import traceback
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from itertools import repeat

from federation.simulation.schedule import TROUBLES, Schedule
from federation.simulation.wires import Sealed, Signed, Wire

CHUNK = 250


WIRES: dict[str, Callable[[], Wire]] = {"signed": Signed, "sealed": Sealed}


def run(
    first: int, count: int, wire: str, troubles: Sequence[str] = ()
) -> tuple[Counter[str], list[str]]:
    """Run so many schedules; return their figures, and what was wrong."""
    began = time.process_time()
    figures: Counter[str] = Counter()
    wrong: list[str] = []
    for seed in range(first, first + count):
        try:
            figures += Schedule(seed, wire=WIRES[wire](), troubles=troubles).run()
        except Exception as error:  # noqa: BLE001 - each failure is told with its seed
            last = traceback.extract_tb(error.__traceback__)[-1]
            wrong.append(f"seed {seed}: {error!r:.400} ({last.filename}:{last.lineno})")
    figures["milliseconds of a processor"] = round(1000 * (time.process_time() - began))
    return figures, wrong


def main() -> int:
    """Run what is asked for and print figures; 1 where something was wrong."""
    parser = argparse.ArgumentParser(prog="federation.simulation", description=__doc__)
    parser.add_argument("--from", dest="first", type=int, default=0, help="the first seed")
    parser.add_argument("--count", type=int, default=1000, help="how many seeds")
    parser.add_argument("--wire", choices=sorted(WIRES), default="signed")
    parser.add_argument("--trouble", choices=TROUBLES, action="append", default=[])
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--tell", action="store_true", help="tell what happens, one seed each")
    asked = parser.parse_args()
    if asked.tell:
        for seed in range(asked.first, asked.first + asked.count):
            Schedule(seed, wire=WIRES[asked.wire](), troubles=asked.trouble, tell=True).run()
        return 0
    began = time.monotonic()
    chunks = range(asked.first, asked.first + asked.count, CHUNK)
    sizes = [min(CHUNK, asked.first + asked.count - first) for first in chunks]
    figures: Counter[str] = Counter()
    wrong: list[str] = []
    with ProcessPoolExecutor(asked.processes) as pool:
        for counted, found in pool.map(
            run, chunks, sizes, repeat(asked.wire), repeat(asked.trouble)
        ):
            figures += counted
            wrong += found
    seconds = round(time.monotonic() - began, 1)
    told = {"first": asked.first, "count": asked.count, "seconds": seconds, "wrong": len(wrong)}
    print(json.dumps(told | dict(sorted(figures.items())), indent=1))  # noqa: T201 - its figures
    for one in wrong[:40]:
        print(one)  # noqa: T201 - what was wrong
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
