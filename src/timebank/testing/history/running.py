"""Runs: processes that write and read, some of them killed and begun again, or threads.

Each process is forked, so that a store which lives in a test file is there too; it opens the store
itself, for a connection is nothing to share.
"""

from __future__ import annotations

import os
import random
import signal
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final, Self

from timebank.testing.history.checking import check
from timebank.testing.history.log import Recorder, read_log
from timebank.testing.history.report import Report
from timebank.testing.history.workload import Place, Plan, finish, prepare, read, write

#: What a process of a run does, with its log, until it is told to stop.
Work = Callable[[Recorder, Callable[[], bool]], None]
#: Opens the places, in the process that uses them.
Places = Callable[[], Sequence[Place]]
#: How long a process that is told to stop may take for the call that it is in.
PATIENCE_SECONDS: Final = 60.0


class Crew:
    """The processes of a run, by name. Each writes a log of its own in the folder.

    >>> import tempfile
    >>> from pathlib import Path
    >>> from timebank.testing.history import Crew, read_log
    >>> folder = Path(tempfile.mkdtemp())
    >>> with Crew(folder) as crew:
    ...     crew.start("w1", lambda log, stop: log.note("fault", says="hello"))
    ...     crew.wait("w1")
    >>> [fault.says for fault in read_log(folder).faults]
    ['hello']
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._pids: dict[str, int] = {}
        self._works: dict[str, Work] = {}
        self._lives: dict[str, int] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for name in list(self._pids):
            self._end(name, signal.SIGKILL)

    @property
    def names(self) -> list[str]:
        """The names of those that were started and not ended."""
        return list(self._pids)

    def start(self, name: str, work: Work) -> None:
        """Fork a process and let it work; a name that was used before is a further life of it."""
        life = self._lives[name] = self._lives.get(name, 0) + 1
        self._works[name] = work
        process = name if life == 1 else f"{name}.{life}"
        # It is told to stop by a signal, which waits until it is listened to.
        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
        pid = os.fork()
        if pid:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGTERM])
            self._pids[name] = pid
            return
        status = 1
        try:
            told: list[int] = []
            signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent's, who ends this one
            signal.signal(signal.SIGTERM, lambda *_: told.append(1))
            signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGTERM])
            with Recorder(self.folder / f"{process}.jsonl") as log:
                work(log, lambda: bool(told))
            status = 0
        except BaseException:  # noqa: BLE001 - told to the parent
            (self.folder / f"{process}.error").write_text(traceback.format_exc())
        finally:
            os._exit(status)

    def kill(self, name: str, *, again: bool = True) -> None:
        """End a process as it stands, and begin it `again`."""
        self._end(name, signal.SIGKILL)
        if again:
            self.start(name, self._works[name])

    def wait(self, name: str) -> None:
        """Wait for a process that ends by itself.

        :raises RuntimeError: it ended by an error.
        """
        pid = self._pids.pop(name)
        self._check(name, os.waitpid(pid, 0)[1])

    def stop(self) -> None:
        """Tell all to stop, and wait until they have; one that does not end is killed.

        :raises RuntimeError: one ended by an error.
        """
        for pid in self._pids.values():
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGTERM)
        until = time.monotonic() + PATIENCE_SECONDS
        for name, pid in list(self._pids.items()):
            status = _ended(pid, until)
            if status is None:
                self._end(name, signal.SIGKILL)
                continue
            del self._pids[name]
            self._check(name, status)

    def _end(self, name: str, how: int) -> None:
        pid = self._pids.pop(name)
        with suppress(ProcessLookupError):
            os.kill(pid, how)
        with suppress(ChildProcessError):
            os.waitpid(pid, 0)

    def _check(self, name: str, status: int) -> None:
        if os.waitstatus_to_exitcode(status):
            said = [path.read_text() for path in sorted(self.folder.glob(f"{name}*.error"))]
            msg = f"{name} of the run failed: {''.join(said)}"
            raise RuntimeError(msg)


def _ended(pid: int, until: float) -> int | None:
    """Wait for a process until an instant; return its status, or `None` where it goes on."""
    while True:
        found, status = os.waitpid(pid, os.WNOHANG)
        if found:
            return status
        if time.monotonic() > until:
            return None
        time.sleep(0.01)


@contextmanager
def working(
    folder: Path, places: Places, plan: Plan, *, writers: int = 4, readers: int = 1
) -> Iterator[Crew]:
    """Prepare the banks, let writers and readers work in the block, then read all to the end.

    Who is in the block does harm, by `crew.kill` or to what is below, and says so by a log.

    :raises RuntimeError: a process ended by an error of its own.
    """
    with Crew(folder) as crew:
        crew.start("0", lambda log, _: prepare(places()[0], plan, log))
        crew.wait("0")
        for number in range(writers):
            crew.start(f"w{number}", lambda log, stop: write(places(), plan, log, stop))
        for number in range(readers):
            crew.start(f"r{number}", lambda log, stop: read(places()[0], plan, log, stop))
        yield crew
        crew.stop()
        crew.start("z", lambda log, _: finish(places(), plan, log))
        crew.wait("z")


def run(
    folder: Path,
    places: Places,
    plan: Plan,
    *,
    seconds: float,
    kills: int = 0,
    writers: int = 4,
    readers: int = 1,
    may_lose: bool = False,
) -> Report:
    """Let processes work for a time, kill some of them, and check what they were told.

    The banks are there already, and empty.

    :raises RuntimeError: a process ended by an error of its own.
    """
    chance = random.Random(plan.seed)  # noqa: S311 - no secret
    with (
        Recorder(folder / "faults.jsonl") as log,
        working(folder, places, plan, writers=writers, readers=readers) as crew,
    ):
        for _ in range(kills):
            time.sleep(seconds / (kills + 1) * (0.5 + chance.random()))
            name = chance.choice(crew.names)
            crew.kill(name)
            log.note("fault", says=f"{name} was killed, and began again")
        time.sleep(seconds / (kills + 1))
    return check(read_log(folder), may_lose=may_lose)


def run_in_threads(
    folder: Path, place: Place, plan: Plan, *, calls: int, writers: int = 4, readers: int = 1
) -> Report:
    """Let threads of this process make so many calls each, and check what they were told.

    For a store that no other process can open.
    """
    with Recorder(folder / "0.jsonl") as log:
        prepare(place, plan, log)

    def never() -> bool:
        return False

    def act(name: str) -> None:
        with Recorder(folder / f"{name}.jsonl") as log:
            if name.startswith("w"):
                write([place], plan, log, never, calls=calls)
            else:
                read(place, plan, log, never, calls=calls)

    names = [f"w{number}" for number in range(writers)]
    names += [f"r{number}" for number in range(readers)]
    threads = [threading.Thread(target=act, args=[name]) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with Recorder(folder / "z.jsonl") as log:
        finish([place], plan, log)
    return check(read_log(folder))
