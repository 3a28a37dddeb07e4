"""Print to a file, a terminal or a pipe that closes early.

Both streams are UTF-8 on every machine, so that the output does not depend on its
language. A reader that closes the pipe has seen enough: what is left is dropped, and
the exit code is that of the work.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any, TextIO


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


def show_result(format: str, result: object, text: Callable[[], Iterable[str]]) -> None:
    """Print a result of a bank, or a list of them, as `reports.json` has it or as text."""
    from timebank import reports

    def value() -> object:
        if isinstance(result, list | tuple):
            return list(map(reports.json.of, result))
        return reports.json.of(result)

    show_as(format, value, text)


def complain(message: str) -> None:
    """Print one line on standard error."""
    from timebank.reports.text import harmless

    _write(sys.stderr, f"timebank: {harmless(message)}\n")


def write_progress(text: str) -> None:
    """Write to standard error at once, with no line break of its own."""
    _write(sys.stderr, text)
    _flush(sys.stderr)


def _write(stream: Any, data: str | bytes) -> bool:
    """Write to a stream; return whether it still takes anything."""
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
    """Send what is left in the buffer of a closed pipe to the null device."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        with suppress(OSError):  # a stream of a test is no file
            os.dup2(nowhere, stream.fileno())
    finally:
        os.close(nowhere)
