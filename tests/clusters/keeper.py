"""Run something in a child, and see to it that no process of it is left, however it ends.

Servers make servers of their own: Patroni starts PostgreSQL, which has no parent then. Linux gives
the orphans of a process to the nearest ancestor who asked for them: here the parent, who waits for
those that end, as `init` does (one that nobody waits for looks alive to Patroni), and ends those
that are left. Should the parent be killed, the child is told so, and cleans up in its place.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

_SET_DEATH_SIGNAL: Final = 1  # PR_SET_PDEATHSIG of linux/prctl.h
_ADOPT_ORPHANS: Final = 36  # PR_SET_CHILD_SUBREAPER
_ENDING: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
#: What a shell says of a program that was interrupted.
INTERRUPTED: Final = 130
#: For how long a child that was told to end may clean up after itself.
PATIENCE_SECONDS: Final = 30.0


def keep(work: Callable[[], int], clean_up: Callable[[], None]) -> int:
    """Do work in a child and return its exit code; both clean up after it.

    `clean_up` is to find by itself what the child's orphans were, for these may be nobody's.
    """
    parent = os.getpid()
    _control(_ADOPT_ORPHANS, 1)
    child = os.fork()
    if not child:
        os._exit(_work(work, clean_up, parent))
    try:
        return _watch(child)
    finally:
        end_descendants()
        clean_up()


def _work(work: Callable[[], int], clean_up: Callable[[], None], parent: int) -> int:
    """Work as a child who is told when its parent dies, and clean up."""
    _control(_SET_DEATH_SIGNAL, signal.SIGTERM)
    for number in _ENDING:
        signal.signal(number, _interrupt)
    code = 1
    try:
        if os.getppid() == parent:  # else it died before it could be watched
            code = work()
    except KeyboardInterrupt:
        code = INTERRUPTED
    except BaseException:  # noqa: BLE001 - this process ends here, and says why
        traceback.print_exc()
    finally:
        for number in _ENDING:
            signal.signal(number, signal.SIG_IGN)
        end_descendants()
        clean_up()
        sys.stdout.flush()
        sys.stderr.flush()
    return code


def _interrupt(number: int, _: object) -> None:
    raise KeyboardInterrupt


def _watch(child: int) -> int:
    """Wait for the child, and pass on to it what ends this process."""
    asked: list[float] = []

    def pass_on(*_: object) -> None:
        asked.append(time.monotonic())
        with contextlib.suppress(ProcessLookupError):
            os.kill(child, signal.SIGTERM)

    before = {number: signal.signal(number, pass_on) for number in _ENDING}
    try:
        while True:
            found, status = os.waitpid(-1, os.WNOHANG)  # orphans too, whom nobody else waits for
            if found == child:
                code = os.waitstatus_to_exitcode(status)
                return code if code >= 0 else 128 - code  # as a shell tells of a signal
            if asked and time.monotonic() - asked[0] > PATIENCE_SECONDS:
                return INTERRUPTED
            if not found:
                time.sleep(0.05)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def end_descendants() -> None:
    """Kill all processes that this one has started or adopted, until there is none."""
    while True:
        for pid in descendants(os.getpid()):
            send(pid, signal.SIGKILL)
        try:
            os.waitpid(-1, 0)
        except ChildProcessError:
            return


def descendants(pid: int) -> list[int]:
    """Return who comes from a process, children before grandchildren."""
    parents: dict[int, list[int]] = {}
    for one, parent in _parents():
        parents.setdefault(parent, []).append(one)
    found = list(parents.get(pid, ()))
    for one in found:
        found.extend(parents.get(one, ()))
    return found


def _parents() -> Iterator[tuple[int, int]]:
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            with contextlib.suppress(OSError):  # it has ended since
                rest = (folder / "stat").read_text().rpartition(")")[2].split()
                yield int(folder.name), int(rest[1])


def send(pid: int, number: int) -> None:
    """Send a signal to a process, if it is still there."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)


def _control(option: int, value: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(option, value, 0, 0, 0):
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
