"""The clients of a cluster: writers, a reader, an administrator, each a process of its own.

What they do is the workload of `timebank.testing.history`, the same as on any store. Here it is
told which ways they take: `python -m clusters.clients JSON` is one of them.
"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import attrs

from clusters.cluster import Way
from clusters.machine import wait_for
from timebank import TimeBank
from timebank.testing.history import Place, Plan, Recorder, read, write

#: A client that was told to stop ends its call first, which has limits of its own.
ENDS_WITHIN_SECONDS: Final = 90.0
_BETWEEN_READS: Final = 0.05
TESTS: Final = Path(__file__).parents[1]


@attrs.frozen
class Client:
    """What one client does: write, read, or administrate. `home` spreads banks over the ways."""

    role: str
    ways: tuple[Way, ...]
    plan: Plan
    log: Path
    home: bool = False

    def to_json(self) -> str:
        """Return it as an argument of a program."""
        return json.dumps({**attrs.asdict(self), "log": str(self.log)})

    @classmethod
    def of_json(cls, text: str) -> Client:
        """Return what `to_json` was given."""
        told: dict[str, Any] = json.loads(text)
        ways = tuple(Way(**way) for way in told["ways"])
        plan = Plan(**{**told["plan"], "banks": tuple(told["plan"]["banks"])})
        return cls(told["role"], ways, plan, Path(told["log"]), told["home"])


class Clients:
    """Those of one chapter: started together, stopped together."""

    def __init__(self) -> None:
        self._running: list[tuple[Client, subprocess.Popen[bytes]]] = []

    def start(self, clients: Sequence[Client]) -> None:
        """Start them, and wait until each has begun a call."""
        for client in clients:
            with client.log.with_suffix(".out").open("wb") as out:
                process = subprocess.Popen(
                    [sys.executable, "-m", "clusters.clients", client.to_json()],
                    stdin=subprocess.DEVNULL,
                    stdout=out,
                    stderr=out,
                    cwd=TESTS,
                    start_new_session=True,  # who interrupts the run ends them through it
                )
            self._running.append((client, process))
        wait_for(self._have_begun, 60, "the clients begin")

    def _have_begun(self) -> bool:
        self.check()
        return all(_has_begun(client.log) for client, _ in self._running)

    def check(self) -> None:
        """See that none has ended by itself.

        :raises RuntimeError: one has; the message has what it said.
        """
        for client, process in self._running:
            if process.poll() is not None:
                said = client.log.with_suffix(".out").read_text(errors="replace")
                msg = f"{client.log.stem} has ended with {process.returncode}: {said[-2000:]}"
                raise RuntimeError(msg)

    def stop(self) -> list[str]:
        """Let each end its call and itself; return the names of those that did not."""
        self.check()
        for _, process in self._running:
            process.send_signal(signal.SIGTERM)
        until = time.monotonic() + ENDS_WITHIN_SECONDS
        hung = []
        for client, process in self._running:
            try:
                process.wait(max(0.1, until - time.monotonic()))
            except subprocess.TimeoutExpired:
                hung.append(client.log.stem)
                process.kill()
                process.wait()
        self._running.clear()
        return hung


def _has_begun(log: Path) -> bool:
    return log.exists() and log.read_bytes().count(b"\n") > 1


def places(ways: Sequence[Way], *, banks: Sequence[str] = (), home: bool = False) -> list[Place]:
    """Return the places of some ways, in the order in which a client tries them.

    With `home` each bank has a way of its own, which all its writers try first.
    """
    if not home:
        return [Place.at(way.url, node=way.name, replica=way.replica) for way in ways]
    plain = places(ways)

    def at(turn: int) -> Place:
        def open_bank(name: str) -> TimeBank:
            return plain[(banks.index(name) + turn) % len(plain)].open(name)

        return Place(open_bank, f"home+{turn}" if turn else "home")

    return [at(turn) for turn in range(len(plain))]


def main(argument: str) -> None:
    """Be one client until SIGTERM."""
    told: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, _: told.append(number))
    client = Client.of_json(argument)

    def stop() -> bool:
        return bool(told)

    with Recorder(client.log) as log:
        if client.role == "write":
            ways = places(client.ways, banks=client.plan.banks, home=client.home)
            write(ways, client.plan, log, stop)
        elif client.role == "read":
            read(places(client.ways)[0], client.plan, log, stop, rest=_BETWEEN_READS)
        else:
            from clusters.administrator import administer

            administer(places(client.ways), client.plan, log, client.log.parent, stop)


if __name__ == "__main__":
    main(sys.argv[1])
