"""A witness that is killed at each line, or with half a file: a program, for its own processes.

`python -m proof.witness_kills lines|writes|races FOLDER` prints a line of JSON: how many points
there were, and what was wrong. Each point is one child, which is killed there; then its folder is
asked for the other past, and for the first one again.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import stat
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Any, Final

from proof.histories import KEY, PUBLIC, bank_of, history, rewritten
from timebank.proof import (
    Continuation,
    NotProved,
    OtherSize,
    Signature,
    SigningKey,
    Witness,
    continuation,
    folders,
    witness,
)

OWN: Final = SigningKey(name="anna.example", kind="cosignature", seed=bytes(range(1, 33)))
BEFORE, AFTER = 5, 9
HONEST: Final = history(AFTER)
#: Two pasts after the head that the witness saw: which of them it cosigns, is free.
PASTS: Final = tuple(
    continuation(bank_of(names), BEFORE, KEY)
    for names in (HONEST, rewritten(HONEST, 7), rewritten(HONEST, 9))
)
_FILES: Final = {folders.__file__, witness.__file__}


def template(folder: Path) -> Path:
    """A witness that has seen a head."""
    one = Witness(folder)
    one.trust(PUBLIC)
    OWN.write(folder / "key")
    one.add(continuation(bank_of(HONEST[:BEFORE]), 0, KEY))
    return folder


def ask(folder: Path, past: Continuation) -> Signature | None:
    """What a witness answers; `None`: that it does not cosign."""
    try:
        return Witness(folder).add(past)
    except NotProved:
        return None


def in_a_child(work: Callable[[], Signature | None]) -> tuple[bytes, bool]:
    """What a child wrote of its answer before it ended, and whether it was killed."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        code = 1
        try:
            answer = work()
            os.write(writing, b"none" if answer is None else str(answer).encode())
            code = 0
        finally:
            os._exit(code)
    os.close(writing)
    with os.fdopen(reading, "rb") as stream:
        said = stream.read()
    _, status = os.waitpid(child, 0)
    return said, os.WIFSIGNALED(status)


def die() -> None:
    """End this process as nothing can catch it."""
    os.kill(os.getpid(), signal.SIGKILL)


def wrong_after(folder: Path, said: bytes) -> str | None:
    """What is wrong with a witness that was asked for the first past, and killed."""
    cosigned = {0} if said.startswith("—".encode()) else set()
    for number in (1, 0, 2):
        if ask(folder, PASTS[number]) is not None:
            cosigned.add(number)
    if len(cosigned) > 1:
        return f"pasts {sorted(cosigned)} were cosigned"
    one = Witness(folder)
    seen = one.seen(KEY.name)
    roots = {past.head.checkpoint for past in PASTS}
    if seen is None or seen.checkpoint not in roots:
        return "it cannot go on"
    known = [head.checkpoint for head in one.heads(KEY.name)]
    if len(known) != 2 or known[-1] != seen.checkpoint:
        return f"it keeps {known}"
    if any(PASTS[number].head.checkpoint != seen.checkpoint for number in cosigned):
        return "it cosigned what it did not keep"
    again = attempt_again(folder, next(p for p in PASTS if p.head.checkpoint == seen.checkpoint))
    return None if again else "it does not cosign again what it saw last"


def attempt_again(folder: Path, past: Continuation) -> bool:
    """Whether the bank gets its answer, from the size that the witness tells."""
    try:
        Witness(folder).add(past)
    except OtherSize as error:
        return error.size == AFTER and ask(folder, Continuation(AFTER, (), past.head)) is not None
    return False


def lines(root: Path, stride: int = 1) -> list[str | None]:
    """Kill it at each line of the witness and of what writes its files, or every so many-th."""
    found: list[str | None] = []
    start = template(root / "start")
    for point in range(1, 10_000, stride):
        folder = Path(shutil.copytree(start, root / f"at-{point}"))

        def work(folder: Path = folder, point: int = point) -> Signature | None:
            left = point

            def trace(frame: FrameType, event: str, arg: Any) -> Any:
                nonlocal left
                if frame.f_code.co_filename not in _FILES:
                    return None
                if event in {"line", "return"}:
                    left -= 1
                    if left == 0:
                        die()
                return trace

            sys.settrace(trace)
            try:
                return ask(folder, PASTS[0])
            finally:
                sys.settrace(None)

        said, was_killed = in_a_child(work)
        wrong = wrong_after(folder, said)
        found.append(wrong and f"at point {point}: {wrong}")
        shutil.rmtree(folder)
        if not was_killed:
            return found
    return [*found, "it has no end"]


class Dying:
    """The calls that reach the disk; in the nth of them this process dies.

    `size` is how many bytes of a file are there then, however many were written; `None`: all, and
    a rename is done.
    """

    def __init__(self, nth: int, size: int | None) -> None:
        self._left, self._size = nth, size
        self._fsync, self._replace = os.fsync, os.replace
        os.fsync, os.replace = self.fsync, self.replace  # type: ignore[assignment]  # in a child, for its life

    def _is_here(self) -> bool:
        self._left -= 1
        return self._left == 0

    def fsync(self, number: int) -> None:
        """Reach the disk, or die with so much of a file."""
        if self._is_here():
            if self._size is not None and stat.S_ISREG(os.fstat(number).st_mode):
                os.truncate(number, self._size)
            die()
        self._fsync(number)

    def replace(self, source: str, target: str) -> None:
        """Rename, or die before it, or after it."""
        if self._is_here():
            if self._size is None:
                self._replace(source, target)
            die()
        self._replace(source, target)


def writes(root: Path) -> list[str | None]:
    """Kill it in each write, when so many bytes are in the file; before and after each rename."""
    found: list[str | None] = []
    start = template(root / "start")
    for nth in range(1, 100):
        ended = True
        for size in (0, 1, 100, None):
            folder = Path(shutil.copytree(start, root / f"at-{nth}-{size}"))

            def work(folder: Path = folder, nth: int = nth, size: int | None = size) -> Any:
                Dying(nth, size)
                return ask(folder, PASTS[0])

            said, was_killed = in_a_child(work)
            wrong = wrong_after(folder, said)
            found.append(wrong and f"in call {nth}, with {size} bytes: {wrong}")
            shutil.rmtree(folder)
            ended = ended and not was_killed
        if ended:
            return found
    return [*found, "it has no end"]


def races(root: Path) -> list[str | None]:
    """Ask for all pasts at once, from six processes."""
    found: list[str | None] = []
    start = template(root / "start")
    for turn in range(20):
        folder = Path(shutil.copytree(start, root / f"at-{turn}"))
        pipes = []
        for number in range(6):
            reading, writing = os.pipe()
            if os.fork() == 0:
                os.close(reading)
                try:
                    answer = ask(folder, PASTS[number % 3])
                    if answer is not None:
                        os.write(writing, str(number % 3).encode())
                finally:
                    os._exit(0)
            os.close(writing)
            pipes.append(reading)
        said = b""
        for reading in pipes:
            with os.fdopen(reading, "rb") as stream:
                said += stream.read()
            os.wait()
        if len(set(said)) != 1:
            found.append(f"in turn {turn} the pasts {said!r} were cosigned")
        else:
            found.append(None)
    return found


def main(kind: str, folder: str) -> None:
    """Run a kind, and print what was wrong."""
    kinds: dict[str, Callable[[Path], list[str | None]]] = {
        "lines": lines,
        "some lines": partial(lines, stride=5),
        "writes": writes,
        "races": races,
    }
    found = kinds[kind](Path(folder))
    print(json.dumps([len(found), [one for one in found if one]]))  # noqa: T201 - for who started it


if __name__ == "__main__":
    main(*sys.argv[1:])
