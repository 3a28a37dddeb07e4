"""What is printed, whatever reads it: a file, a terminal, a pipe that closes early.

Both streams are UTF-8 on every machine, so that the output does not depend on its
language. A reader that closes the pipe has seen enough: what is left is dropped, and
the exit code is that of the work.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterable
from typing import Any, Final, TextIO

import click

PROGRESS_STEPS: Final = 100


def prepare() -> None:
    """Make both streams UTF-8, and unable to fail at a character."""
    for stream in (sys.stdout, sys.stderr):
        if (reconfigure := getattr(stream, "reconfigure", None)) is not None:
            reconfigure(encoding="utf-8", errors="backslashreplace")


def finish() -> None:
    """Write what is left in the buffers."""
    for stream in (sys.stdout, sys.stderr):
        _kept(stream, stream.flush)


def show(lines: Iterable[str]) -> None:
    """Print the lines of a report."""
    for line in lines:
        if not _kept(sys.stdout, lambda line=line: sys.stdout.write(f"{line}\n")):  # type: ignore[misc]  # a default binds the line
            return


def show_json(value: object) -> None:
    """Print one JSON value, indented."""
    show([json.dumps(value, ensure_ascii=False, indent=2)])


def show_bytes(lines: Iterable[bytes]) -> None:
    """Print lines as they are, byte for byte."""
    sys.stdout.flush()
    for line in lines:
        if not _kept(sys.stdout, lambda line=line: sys.stdout.buffer.write(line)):  # type: ignore[misc]  # as above
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

    line = f"timebank: {harmless(message)}\n"
    _kept(sys.stderr, lambda: sys.stderr.write(line))


class Progress:
    """Shows on standard error how far long work is, where that is a terminal."""

    def __init__(self, label: str) -> None:
        self._label = label
        self._step = -1
        self._shown = sys.stderr.isatty()

    def __call__(self, done: int, total: int) -> None:
        """So much of so much is done."""
        step = PROGRESS_STEPS * done // total if total else PROGRESS_STEPS
        if self._shown and step != self._step:
            self._step = step
            click.echo(f"\r{self._label}: {min(step, PROGRESS_STEPS)} %", err=True, nl=False)

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, *error: object) -> None:
        """Take the line away, so that what follows begins on a clean one."""
        if self._step >= 0:
            click.echo("\r\x1b[K", err=True, nl=False)


def _kept(stream: TextIO, write: Callable[[], Any]) -> bool:
    """Whether a stream still takes what is written to it."""
    try:
        write()
    except BrokenPipeError:
        _to_nowhere(stream)
        return False
    return True


def _to_nowhere(stream: TextIO) -> None:
    """Let what is left in the buffer of a closed pipe go where it hurts nobody."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, stream.fileno())
    finally:
        os.close(nowhere)
