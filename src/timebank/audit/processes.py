"""Stretches of a journal audited in processes of their own: `python -m` this is one of them.

Each reads from its standard input which bank and which stretch, and writes to its output how many
records it has done, now and then, and at last what it found. What it assumes of the records
before its stretch it reads from the storage itself: little goes from one process to another,
however many accounts there are. Whatever goes wrong there, the audit that started it does the
work itself.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any, Final

from timebank.audit.audit_pass import PAGE, AuditPass
from timebank.audit.checkpoint import Checkpoint
from timebank.audit.stretches import StretchResult
from timebank.errors import TimebankError
from timebank.model import Head
from timebank.storage.protocol import Reader

#: What a process more costs, in plain transfers that are audited meanwhile: two processes that
#: shared 100,000 of them took as much of the processor as one does for 107,000. It is to start
#: Python and read the library.
START: Final = 10_000
#: And of each account: what opened it is noted, and where it stands read, and written for the
#: proof. With 37,000 accounts and 94,000 transfers it was 1.8 for each.
EACH_ACCOUNT: Final = 2
#: What the last of them does besides takes as long as one transfer in so many of all: it asks the
#: storage, reads where the accounts stand before its stretch, and sums them at the end.
_BESIDES: Final = 5
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

    def __init__(self, task: dict[str, Any], since: str) -> None:
        super().__init__(daemon=True)
        self._task = json.dumps(task) + "\n" + since
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
                    if line.startswith("["):
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
    """Audits a bank at an address by so many processes, of which the one that asks is the last."""

    def __init__(self, address: str, bank: str, count: int) -> None:
        self._address, self._bank, self._count = address, bank, count
        self._workers: list[Worker] = []

    def begin(self, reader: Reader, head: Head, since: Checkpoint | None) -> int:
        """Start one for each stretch but the last, where that saves time."""
        start = 0 if since is None else since.head.sequence
        try:
            ends = stretch_ends(start, head.sequence, self._worthwhile(reader, start, head))
            known = "" if since is None or len(ends) == 1 else since.to_bytes().decode()
            for after, through in pairwise([start, *ends[:-1]]):
                task = {"address": self._address, "bank": self._bank}
                self._workers.append(Worker(task | {"after": after, "through": through}, known))
        except _FAILED:
            self.stop()
        return ends[-2] if self._workers else 0

    def _worthwhile(self, reader: Reader, start: int, head: Head) -> int:
        """Return how many processes are worth their while, of those that were asked for."""
        records, accounts, count, after = head.sequence - start, 0, self._count, None
        while (count := worthwhile(records, accounts, count)) > 1:
            page = reader.accounts(after=after, limit=PAGE)
            if not page:
                break
            accounts, after = accounts + len(page), page[-1].account
        return count

    def done(self) -> int:
        """Return how many records they have audited so far."""
        return sum(worker.records for worker in self._workers)

    def end(self, tell: Callable[[], None]) -> Sequence[StretchResult] | None:
        """Wait for them; return their results if all are well."""
        while any(worker.is_alive() for worker in self._workers):
            for worker in self._workers:
                worker.join(_PACE)
            tell()
        results = [worker.result for worker in self._workers if worker.result is not None]
        return results if len(results) == len(self._workers) else None

    def stop(self) -> None:
        """End what is still under way."""
        for worker in self._workers:
            worker.stop()
        self._workers.clear()


def worthwhile(records: int, accounts: int, most: int) -> int:
    """Return how many processes shorten an audit: each has a stretch that outweighs its cost.

    >>> from timebank.audit.processes import worthwhile
    >>> worthwhile(1_000_000, 1_000, 2), worthwhile(131_000, 37_000, 2), worthwhile(9_000, 10, 8)
    (2, 1, 1)
    """
    return max(1, min(most, records // (START + EACH_ACCOUNT * accounts)))


def stretch_ends(start: int, end: int, count: int) -> list[int]:
    """Return where each stretch ends: the last begins at once, and does more besides.

    >>> from timebank.audit.processes import stretch_ends
    >>> stretch_ends(0, 1_000_000, 2), stretch_ends(100, 50_100, 1)
    ([595000, 1000000], [50100])
    """
    records = end - start
    each = max((records + records // _BESIDES - START) // count, 1)
    if count > 1:  # something is left to the last
        each = min(each, (records - 1) // (count - 1))
    return [*(start + each * part for part in range(1, count)), end]


def main() -> None:
    """Audit one stretch; answer nothing where that fails."""
    from timebank.storage import open_store

    task = json.loads(sys.stdin.readline())
    known = sys.stdin.read().encode()
    since = Checkpoint.from_bytes(known) if known else None

    def tell(done: int, total: int) -> None:
        sys.stdout.write(f"{done}\n")
        sys.stdout.flush()

    store = open_store(task["address"], create=False, read_only=True)
    try:
        with store.reader(task["bank"]) as reader:
            audit = AuditPass(reader, tell, since=since)
            found = audit.audit_stretch(task["after"], task["through"])
    finally:
        store.close()
    if found is not None:
        sys.stdout.write(found.to_line() + "\n")


if __name__ == "__main__":
    main()
