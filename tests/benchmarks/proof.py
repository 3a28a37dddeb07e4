"""What proof costs: the tree, of an append; a receipt, in a journal of any length.

`python -m benchmarks.proof` prints the table, `--write FILE` puts it into a page, and `--quick`
tries it with small numbers. The yardstick of a tile is what its records cost without it: 20 x is a
twentieth. That of all else is the same in the shortest journal. Times are of the processor.
"""

from __future__ import annotations

import argparse
import random
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
from timebank import TimeBank
from timebank.bank import session
from timebank.journal.tree import TILE
from timebank.proof import SigningKey, origin_of, receipt, sign_head, verify_receipt
from timebank.storage.tree import tiles_filled, tree_at

MARKERS = ("<!-- proof -->", "<!-- end of proof -->")
CHUNK = 100_000


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


def receipts(folder: Path, *, quick: bool) -> list[Line]:
    """A receipt, and other proofs, after 1,000, 100,000 and 1,000,000 transfers."""
    sizes = [300, 1_000] if quick else [1_000, 100_000, 1_000_000]
    bank, number = ours(folder / "receipts.db"), 0
    key = SigningKey.make(origin_of(bank.head().journal))
    chance = random.Random(1)  # which receipts: no secrets
    ids: list[str] = []
    found: list[Line] = []
    first: dict[str, list[float]] = {}
    for size in sizes:
        while number < size:
            load = pairs(min(CHUNK, size - number), 900_000 + number)
            in_batch(bank, load)
            ids += [id for *_, id, _ in load]
            number += len(load)
        asked = chance.sample(ids, 20 if quick else 200)
        texts = [str(receipt(bank, id, key=key)) for id in asked]
        longest = max(len(text.encode()) for text in texts)
        works: list[tuple[str, list[Callable[[], object]]]] = [
            (
                f"a receipt, {longest:,} bytes at most",
                [partial(receipt, bank, id, key=key) for id in asked],
            ),
            ("checking a receipt", [partial(verify_receipt, one, key.public) for one in texts]),
            ("a signed head", [partial(sign_head, bank, key)] * len(asked)),
            ("a proof of consistency", [partial(_consistency, bank, chance)] * len(asked)),
        ]
        for name, calls in works:
            mine = [timed(call) for call in calls]
            yards = first.setdefault(name.split(",")[0], mine)
            found.append(line(f"{name}, at {size:,}", mine, f"at {sizes[0]:,}", yards))
    bank.close()
    return found


def _consistency(bank: TimeBank, chance: random.Random) -> object:
    size = bank.head().sequence
    with bank.store.reader(bank.name) as reader:
        return tree_at(reader, size).consistency(chance.randrange(1, size))


def main() -> None:
    """Measure, print, and write the page if asked to."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.proof", description=__doc__)
    parser.add_argument("--write", type=Path, help="a page between whose markers the table goes")
    parser.add_argument("--quick", action="store_true", help="small numbers, to try it")
    arguments = parser.parse_args()
    begin = time.monotonic()
    found: list[Line] = []
    for part in (appends, receipts):
        with tempfile.TemporaryDirectory() as folder:
            found += part(Path(folder), quick=arguments.quick)
    text = page_of(render([shown(one) for one in found]), time.monotonic() - begin)
    sys.stdout.write(f"{text}\n")
    if arguments.write:
        write(arguments.write, text, MARKERS)


if __name__ == "__main__":
    main()
