"""Count the files and the Python calls that one call of a bank crosses: `python -m walk transfer`.

The road is walked on a SQLite file, warm: the same call was made a few times before. What is
counted are the calls of functions that are written in Python, in the library and in what it
calls; files are those of the library.
"""

from __future__ import annotations

import sys
import tempfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Final

import attrs

import timebank
from timebank import TimeBank

HERE: Final = Path(__file__)
SOURCE: Final = Path(timebank.__file__).parent
#: How often a road is walked before it is counted.
WARM_UP: Final = 5
#: How often it is counted.
TIMES: Final = 3


@attrs.frozen
class Walk:
    """The calls of one road, by file of the library; those elsewhere are under `""`."""

    calls: Counter[tuple[str, str]]

    @property
    def files(self) -> list[str]:
        """Return the files of the library that were entered, by path."""
        return sorted({file for file, _ in self.calls if file})

    @property
    def count(self) -> int:
        """Return the number of Python calls."""
        return self.calls.total()


def walked(road: Callable[[], object]) -> Walk:
    """Take a road once, and count."""
    calls: Counter[tuple[str, str]] = Counter()

    def count(frame: FrameType, event: str, _: object) -> None:
        if event == "call":
            code = frame.f_code
            file = Path(code.co_filename)
            if file != HERE:
                inside = file.is_relative_to(SOURCE)
                name = file.relative_to(SOURCE).as_posix() if inside else ""
                calls[name, code.co_qualname] += 1

    sys.setprofile(count)
    try:
        road()
    finally:
        sys.setprofile(None)
    return Walk(calls)


def transfer(bank: TimeBank) -> object:
    """One exchange between two members."""
    return bank.transfer(earner="m1", spender="m2", hours="1:30")


def statement(bank: TimeBank) -> object:
    """The statement of a member, of five lines."""
    return bank.statement("m1")


def audit(bank: TimeBank) -> object:
    """The audit of a bank of eight records."""
    return bank.audit()


ROADS: Final[dict[str, Callable[[TimeBank], object]]] = {
    "transfer": transfer,
    "statement": statement,
    "audit": audit,
}


def walk(name: str) -> Walk:
    """Walk a road by its name, on a bank in a file of its own."""
    with (
        tempfile.TemporaryDirectory() as folder,
        timebank.open(f"sqlite:///{folder}/bank.db") as bank,
    ):
        for id in ("m1", "m2"):
            bank.open_account(id, name=f"Name of {id}")
        for _ in range(WARM_UP):
            transfer(bank)
        ROADS[name](bank)
        # The shortest of a few: what is remembered for a second or a day is then warm.
        walks = [walked(lambda: ROADS[name](bank)) for _ in range(TIMES)]
        return min(walks, key=lambda walk: walk.count)


def show(line: str) -> None:
    """Print a line."""
    sys.stdout.write(f"{line}\n")


def main(names: list[str]) -> None:
    """Print each road: its files with their calls, and the sums."""
    for name in names or list(ROADS):
        found = walk(name)
        show(f"{name}: {len(found.files)} files, {found.count} Python calls")
        for (file, function), calls in found.calls.items():
            show(f"  {calls:4}  {file or '(elsewhere)'}: {function}")


if __name__ == "__main__":
    main(sys.argv[1:])
