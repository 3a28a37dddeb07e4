"""What is printed, whatever reads it: a file, a terminal, a pipe that closes early.

Both streams are UTF-8 on every machine, so that the output does not depend on its
language. A reader that closes the pipe has seen enough: what is left is dropped, and
the exit code is that of the work.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, Self, TextIO

_PERCENT: Final = 100


def prepare() -> None:
    """Make both streams UTF-8, and unable to fail at a character or for being closed."""
    if sys.stdout is None:
        sys.stdout = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115  # ends with us
    if sys.stderr is None:
        sys.stderr = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115  # as above
    for stream in (sys.stdout, sys.stderr):
        if (reconfigure := getattr(stream, "reconfigure", None)) is not None:
            reconfigure(encoding="utf-8", errors="backslashreplace")


def finish() -> None:
    """Write what is left in the buffers.

    :raises OSError: there is no place for it.
    """
    try:
        _flush(sys.stderr)
        _flush(sys.stdout)
    except OSError:
        _to_nowhere(sys.stdout)
        raise


def show(lines: Iterable[str]) -> None:
    """Print the lines of a report."""
    for line in lines:
        if not _write(sys.stdout, f"{line}\n"):
            return


def show_json(value: object) -> None:
    """Print one JSON value, indented."""
    show([json.dumps(value, ensure_ascii=False, indent=2)])


def show_bytes(lines: Iterable[bytes]) -> None:
    """Print lines of UTF-8 as they are, byte for byte."""
    sys.stdout.flush()
    stream = getattr(sys.stdout, "buffer", None)
    for line in lines:
        if not (_write(sys.stdout, line.decode()) if stream is None else _write(stream, line)):
            return


def show_as(format: str, value: Callable[[], object], text: Callable[[], Iterable[str]]) -> None:
    """Print what was asked for: JSON or text."""
    if format == "json":
        show_json(value())
    else:
        show(text())


def complain(message: str) -> None:
    """Print one line on standard error."""
    from timebank.reports.cells import harmless

    _write(sys.stderr, f"timebank: {harmless(message)}\n")


class Progress:
    """Shows on standard error how far long work is, where that is a terminal."""

    def __init__(self, label: str) -> None:
        self._label = label
        self._percent = -1
        self._is_shown = sys.stderr.isatty()

    def __call__(self, done: int, total: int) -> None:
        """So much of so much is done."""
        percent = min(_PERCENT * done // total, _PERCENT) if total else _PERCENT
        if self._is_shown and percent != self._percent:
            self._percent = percent
            _write(sys.stderr, f"\r{self._label}: {percent} %")
            _flush(sys.stderr)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        """Take the line away, so that what follows begins on a clean one."""
        if self._percent >= 0:
            _write(sys.stderr, "\r\x1b[K")
            _flush(sys.stderr)


class Pace:
    """Shows on standard error how far work is: records, share, and the time that is left.

    On a terminal the line is written over; elsewhere, if `forced`, each is one of its own.
    """

    def __init__(self, label: str, *, forced: bool) -> None:
        self._label = label
        self._is_terminal = sys.stderr.isatty()
        self._is_shown = forced or self._is_terminal
        self._begun: tuple[float, int] | None = None

    def __call__(self, done: int, total: int) -> None:
        """So many records of so many are there."""
        if not self._is_shown:
            return
        share = min(_PERCENT * done // total, _PERCENT) if total else _PERCENT
        line = f"{self._label}: {done:,} of {total:,} records, {share} %"
        now = time.monotonic()
        if self._begun is None:
            self._begun = now, done  # what was there before this run says nothing of its speed
        elif done < total and done > self._begun[1]:
            left = (now - self._begun[0]) / (done - self._begun[1]) * (total - done)
            line += f", {lasting(left)} left"
        sys.stderr.write(f"\r\x1b[K{line}" if self._is_terminal else f"{line}\n")
        sys.stderr.flush()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        """Take the line away from a terminal."""
        if self._is_terminal and self._begun is not None:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()


def lasting(seconds: float) -> str:
    """A time as people say it, to the second or the minute.

    >>> from timebank.cli.output import lasting
    >>> lasting(0.2), lasting(61), lasting(7260)
    ('1 s', '2 min', '2 h 1 min')
    """
    whole = max(1, -int(-seconds // 1))
    if whole <= 60:  # noqa: PLR2004 - seconds in a minute
        return f"{whole} s"
    minutes = -(-whole // 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min"


def _write(stream: Any, data: str | bytes) -> bool:
    """Whether a stream still takes what is written to it."""
    try:
        stream.write(data)
    except BrokenPipeError:
        _to_nowhere(stream)
        return False
    return True


def _flush(stream: TextIO) -> None:
    try:
        stream.flush()
    except BrokenPipeError:
        _to_nowhere(stream)


def _to_nowhere(stream: Any) -> None:
    """Let what is left in the buffer of a closed pipe go where it hurts nobody."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        with suppress(OSError):  # a stream of a test is no file
            os.dup2(nowhere, stream.fileno())
    finally:
        os.close(nowhere)
