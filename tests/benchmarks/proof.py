"""What proof costs at each append: the tiles of the tree.

`python -m benchmarks.proof` prints the table, `--write FILE` puts it into a page, and `--quick`
tries it with small numbers. The yardstick of a tile is what its records cost without it: 20 x is a
twentieth. Times are of the processor. What a receipt costs is in `benchmarks.growth`.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.loads import in_batch, ours, pairs, post
from benchmarks.table import Line, line, page_of, render, shown, write
from timebank.bank import session
from timebank.journal.tree import TILE
from timebank.storage.tree import tiles_filled

MARKERS = ("<!-- proof -->", "<!-- end of proof -->")


def timed(work: Callable[[], object]) -> float:
    """Seconds of the processor that it takes: what else the machine does is not in them."""
    begin = time.process_time()
    work()
    return time.process_time() - begin


@contextmanager
def tiles_in(seconds: list[float]) -> Iterator[None]:
    """Put the seconds that each tile takes into a list."""

    def filled(*given: Any) -> Any:
        begin = time.process_time()
        rows = tiles_filled(*given)
        seconds.append(time.process_time() - begin)
        return rows

    session.tiles_filled = filled  # type: ignore[assignment, attr-defined] # as it is called
    try:
        yield
    finally:
        session.tiles_filled = tiles_filled  # type: ignore[attr-defined] # as it was


def appends(folder: Path, *, quick: bool) -> list[Line]:
    """A tile beside the 256 transfers that fill it: one by one, and in a batch of many."""
    works: list[tuple[str, Callable[..., object], int, int]] = [
        ("a commit each", post, 2 if quick else 20, 1),
        ("in a batch", in_batch, 1 if quick else 5, 4 if quick else 100),
    ]
    found = []
    for name, work, rounds, count in works:
        bank = ours(folder / f"{name}.db")
        post(bank, pairs(TILE - bank.head().sequence % TILE, 800_000))
        mine: list[float] = []
        its: list[float] = []
        for n in range(rounds):
            before = sum(mine)
            with tiles_in(mine):
                whole = timed(partial(work, bank, pairs(count * TILE, 800_001 + n)))
            its.append((whole - sum(mine) + before) / count)
        assert rounds * count == len(mine)
        found.append(line(f"a tile of the tree, {name}", mine, f"{TILE} transfers, {name}", its))
        bank.close()
    return found


def main() -> None:
    """Measure, print, and write the page if asked to."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.proof", description=__doc__)
    parser.add_argument("--write", type=Path, help="a page between whose markers the table goes")
    parser.add_argument("--quick", action="store_true", help="small numbers, to try it")
    arguments = parser.parse_args()
    begin = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        found = appends(Path(folder), quick=arguments.quick)
    text = page_of(
        render([shown(one) for one in found]), time.monotonic() - begin, quick=arguments.quick
    )
    sys.stdout.write(f"{text}\n")
    if arguments.write:
        write(arguments.write, text, MARKERS)


if __name__ == "__main__":
    main()
