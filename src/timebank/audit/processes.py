"""Stretches of a journal audited in processes of their own: `python -m` this is one of them.

Each reads from its standard input which bank, which stretch and what is assumed before it, and
writes to its output how many records it has done, now and then, and at last what it ended with.
Whatever goes wrong there, the audit that started it does the work itself.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from typing import Any, Final

from timebank.audit.audit_pass import AuditPass
from timebank.audit.checkpoint import Checkpoint
from timebank.audit.stretches import (
    StretchResult,
    assumed_checkpoints,
    audit_stretch,
    join_stretches,
)
from timebank.errors import TimebankError
from timebank.model import Head
from timebank.storage.protocol import Reader

#: Records for which a process more is worth its while.
LEAST: Final = 10_000
#: Seconds between two words on how far it is.
_PACE: Final = 0.2
#: What reading what cannot be read, or starting what cannot be started, may raise.
_FAILED: Final = (
    TimebankError,
    AttributeError,
    LookupError,
    OSError,
    OverflowError,
    TypeError,
    ValueError,
)


class Worker(threading.Thread):
    """One process, and the thread that reads its answers."""

    def __init__(self, task: dict[str, Any], since: Checkpoint | None) -> None:
        super().__init__(daemon=True)
        self._task = json.dumps(task) + "\n"
        if since is not None:
            self._task += since.to_bytes().decode()
        self.records = 0
        self.result: StretchResult | None = None
        self._process = subprocess.Popen(  # noqa: S603 - this Python, this module
            [sys.executable, "-P", "-m", __name__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=os.environ | {"PYTHONPATH": os.pathsep.join(part or "." for part in sys.path)},
            text=True,
            encoding="utf-8",
        )
        self.start()

    def run(self) -> None:
        """Tell it what to do, and read its answers."""
        try:
            with self._process as process:
                if process.stdin is None or process.stdout is None:
                    return
                process.stdin.write(self._task)
                process.stdin.close()
                for line in process.stdout:
                    if line.startswith("{"):
                        self.result = StretchResult.of_line(line)
                    else:
                        self.records = int(line)
        except _FAILED:
            self.result = None

    def stop(self) -> None:
        """End it, if it has not ended."""
        self._process.kill()
        self.join()


class Processes:
    """Audits a bank at an address by so many processes: the `StretchWorkers` of a pass."""

    def __init__(self, address: str, bank: str, count: int) -> None:
        self._address, self._bank, self._count = address, bank, count
        self._workers: list[Worker] = []
        self._assumed: list[Checkpoint] = []

    def begin(self, reader: Reader, head: Head, since: Checkpoint | None) -> None:
        """Start each as soon as what is assumed before its stretch is known."""
        start = 0 if since is None else since.head.sequence
        number = head.sequence - start
        count = min(self._count, number // LEAST)
        if count <= 1:
            return
        ends = [start + number * part // count for part in range(1, count + 1)]
        known = self._assumptions(reader, head, since, ends[:-1])
        try:
            for through, assumption in zip(ends, known, strict=True):
                task = {"address": self._address, "bank": self._bank, "through": through}
                self._workers.append(Worker(task, assumption))
        except _FAILED:
            self.stop()

    def _assumptions(
        self, reader: Reader, head: Head, since: Checkpoint | None, ends: list[int]
    ) -> Iterator[Checkpoint | None]:
        yield since
        for assumption in assumed_checkpoints(reader, head, since, ends):
            self._assumed.append(assumption)
            yield assumption

    def end(self, audit: AuditPass) -> None:
        """Wait for them; where all is well the audit goes on from there."""
        while any(worker.is_alive() for worker in self._workers):
            for worker in self._workers:
                worker.join(_PACE)
            audit.tell_progress(sum(worker.records for worker in self._workers))
        results = [worker.result for worker in self._workers if worker.result is not None]
        if results and len(results) == len(self._workers):
            join_stretches(audit, self._assumed, results)

    def stop(self) -> None:
        """End what is still under way."""
        for worker in self._workers:
            worker.stop()
        self._workers.clear()
        self._assumed.clear()


def main() -> None:
    """Audit one stretch; answer nothing where that fails."""
    from timebank.storage import open_store

    task = json.loads(sys.stdin.readline())
    assumption = sys.stdin.read().encode()
    since = Checkpoint.from_bytes(assumption) if assumption else None

    def tell(done: int, total: int) -> None:
        sys.stdout.write(f"{done}\n")
        sys.stdout.flush()

    store = open_store(task["address"], create=False, read_only=True)
    try:
        with store.reader(task["bank"]) as reader:
            found = audit_stretch(reader, since, task["through"], tell)
    finally:
        store.close()
    if found is not None:
        sys.stdout.write(found.to_line() + "\n")


if __name__ == "__main__":
    main()
