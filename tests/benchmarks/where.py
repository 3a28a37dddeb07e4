"""Where the time of one transfer goes: instructions and calls of Python, by part of the library.

`python -m benchmarks.where` prints a table, `--write FILE` puts it into a page. It is counted, so
that it is the same in every run, and about the same with every Python. Beside what one transfer
costs stands what it costs in a batch, what a recorded one costs an audit, and both yardsticks.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Any, Final

import timebank
from benchmarks.guard import EACH
from benchmarks.loads import ACCOUNTS, in_batch, ours, pairs, post
from benchmarks.raw import Lean, Raw
from benchmarks.table import grid, page_of, write

MARKERS: Final = ("<!-- where -->", "<!-- end of where -->")
#: Part → its folders and files of the library, and what it does.
PARTS: Final = {
    "bank": (("bank/",), "the queue of threads, the call, the session, the result"),
    "rules, statute": (("rules/", "statute/"), "the command, its sides, terms, limits, the day"),
    "checks, hours": (("checks.py", "hours.py", "permissions.py"), "the arguments"),
    "journal": (("journal/",), "bytes and digest; versions and balances after it"),
    "model": (("model/",), "the values that go from one part to the next"),
    "storage": (("storage/",), "connection, lock, look-ups, rows, commit"),
    "queries": (("queries/",), "what is read of accounts and records"),
    "audit": (("audit/",), "the second witness"),
    "errors": (("errors/",), "what is told"),
}
ATTRS: Final = "what attrs makes"
OTHER: Final = "Python's own library"
BENCHMARK: Final = "the benchmark"
_LIBRARY: Final = str(Path(timebank.__file__).parent)
_BENCHMARKS: Final = str(Path(__file__).parent)


def part_of(path: str) -> str:
    """The part of the library that a file of code is of."""
    if path.startswith("<attrs"):
        return ATTRS
    if path.startswith(_BENCHMARKS):
        return BENCHMARK
    if not path.startswith(_LIBRARY):
        return OTHER
    name = Path(path).relative_to(_LIBRARY).as_posix()
    return next(
        (part for part, (places, _) in PARTS.items() if name.startswith(places)), "the rest"
    )


class Spent:
    """Instructions and calls, by part."""

    def __init__(self) -> None:
        self.instructions: Counter[str] = Counter()
        self.calls: Counter[str] = Counter()
        self._parts: dict[str, str] = {}

    def _trace(self, frame: FrameType, event: str, _: object) -> Any:
        path = frame.f_code.co_filename
        part = self._parts.get(path)
        if part is None:
            part = self._parts[path] = part_of(path)
        if event == "call":
            frame.f_trace_opcodes, frame.f_trace_lines = True, False
            self.calls[part] += 1
        elif event == "opcode":
            self.instructions[part] += 1
        return self._trace

    def of(self, work: Callable[[], object]) -> Spent:
        """Count some work."""
        before = sys.gettrace()
        sys.settrace(self._trace)
        try:
            work()
        finally:
            sys.settrace(before)
        return self


def counted(folder: Path) -> dict[str, tuple[Spent, int]]:
    """What each piece of work spends, and by how many transfers it is divided."""
    bank = ours(folder / "ours.db")
    raw = Raw(folder / "raw.db", synchronous="FULL", accounts=ACCOUNTS)
    lean = Lean(folder / "lean.db", synchronous="FULL", accounts=ACCOUNTS)
    posts: dict[str, Callable[[Any], object]] = {
        "a transfer": partial(post, bank),
        "in a batch": partial(in_batch, bank),
        "raw sqlite3": raw.post,
        "lean sqlite3": lean.post,
    }
    for number, work in enumerate(posts.values()):  # what is cached is so before it is counted
        work(pairs(EACH, number))
    found = {
        name: (Spent().of(partial(work, pairs(EACH, 10 + number))), EACH)
        for number, (name, work) in enumerate(posts.items())
    }
    in_batch(bank, pairs(20 * EACH, 20))
    found["in an audit"] = (Spent().of(bank.audit), bank.head().sequence)
    bank.close()
    return found


def table(found: dict[str, tuple[Spent, int]]) -> str:
    """A row for each part, a column for each piece of work: instructions, and calls."""
    names = ["a transfer", "in a batch", "in an audit", "raw sqlite3", "lean sqlite3"]
    words = {name: what for name, (_, what) in PARTS.items()}
    parts = [*words, ATTRS, OTHER, BENCHMARK]
    rows = [
        [part, words.get(part, ""), *(_cell(*found[name], part) for name in names)]
        for part in parts
        if any(round(found[name][0].instructions[part] / found[name][1]) for name in names)
    ]
    rows.append(["all", "", *(_cell(*found[name]) for name in names)])
    return grid(["part", "what for", *names], rows, words=2)


def _cell(spent: Spent, number: int, part: str | None = None) -> str:
    """Instructions, and calls in brackets, of one transfer."""
    counts = [spent.instructions, spent.calls]
    found = [round((sum(one.values()) if part is None else one[part]) / number) for one in counts]
    return f"{found[0]:,} ({found[1]})" if found[0] else "-"


def main() -> None:
    """Count, print, and write the page if asked to."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.where", description=__doc__)
    parser.add_argument("--write", type=Path, help="a page between whose markers the table goes")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        text = page_of(table(counted(Path(folder))))
    sys.stdout.write(f"{text}\n")
    if arguments.write:
        write(arguments.write, text, MARKERS)


if __name__ == "__main__":
    main()
