"""What a cluster is made of on one machine: programs, ports, members with a group each, cuts.

Every member of a cluster runs under a group id of its own. By it its processes are found, to be
killed or stopped all at once, and by it the firewall tells the members apart, though all of them
talk through the loopback device.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import random
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import permutations
from pathlib import Path
from typing import Any, Final

import attrs

from clusters.keeper import send

#: Where Debian puts programs that are not on everybody's path.
FOLDERS: Final = ("/usr/lib/postgresql/15/bin", "/usr/local/sbin", "/usr/sbin", "/sbin")
PATH: Final = os.pathsep.join((*FOLDERS, "/usr/local/bin", "/usr/bin", "/bin"))
_EPHEMERAL: Final = Path("/proc/sys/net/ipv4/ip_local_port_range")
_FIRST_PORT: Final = 10_000
#: Each run has this many group ids, among those that nobody else is likely to use.
_GROUPS_OF_A_RUN: Final = 16
_GROUPS: Final = range(20_000, 60_000, _GROUPS_OF_A_RUN)


class NotHereError(Exception):
    """What this machine lacks, and how one comes by it."""


def check_programs(programs: Mapping[str, str]) -> None:
    """See that the programs of a cluster are installed; `programs` maps each to its package.

    :raises NotHereError: one is missing, or this is not root, who alone may run them as others.
    """
    missing = sorted({pkg for program, pkg in programs.items() if not found(program)})
    if missing:
        msg = f"not installed here: apt-get install --no-install-recommends {' '.join(missing)}"
        raise NotHereError(msg)
    if os.geteuid():
        msg = "run it as root: each member of a cluster runs as a user and a group of its own"
        raise NotHereError(msg)


def found(program: str) -> str | None:
    """Return where a program is, or a file that is named by its whole path."""
    if program.startswith("/"):
        return program if Path(program).exists() else None
    return shutil.which(program, path=PATH)


def may_cut() -> str:
    """Return why the firewall cannot part members of a cluster here, or nothing if it can."""
    program = found("iptables")
    if program is None:
        return "iptables is not installed: apt-get install iptables"
    tried = subprocess.run(
        [program, "-w", "-L", "OUTPUT", "-n"], capture_output=True, text=True, check=False
    )
    return "" if not tried.returncode else f"iptables is not allowed: {tried.stderr.strip()}"


def free_ports(count: int) -> list[int]:
    """Return ports where nobody listens, below those that clients are given.

    A port above could be some client's own while the server that had it is down.
    """
    last = int(_EPHEMERAL.read_text().split()[0]) if _EPHEMERAL.exists() else 32_768
    ports: list[int] = []
    with contextlib.ExitStack() as held:
        while len(ports) < count:
            port = random.randrange(_FIRST_PORT, last)
            one = held.enter_context(socket.socket())
            with contextlib.suppress(OSError):
                one.bind(("127.0.0.1", port))
                ports.append(port)
    return ports


def free_groups() -> Iterator[int]:
    """Give group ids under which nothing runs."""
    while True:
        first = random.choice(_GROUPS)
        groups = range(first, first + _GROUPS_OF_A_RUN)
        if not any(group in groups for _, group in _groups()):
            return iter(groups)


@attrs.define
class Member:
    """A machine of a cluster, as far as one machine can play several."""

    name: str
    user: str
    group: int
    folder: Path
    #: Where other members reach it; a cut closes these, and no port of clients.
    ports: tuple[int, ...]
    _started: list[subprocess.Popen[bytes]] = attrs.field(factory=list, init=False)

    def prepare(self) -> None:
        """Make its folder, which is its user's."""
        self.folder.mkdir(exist_ok=True)
        os.chown(self.folder, pwd.getpwnam(self.user).pw_uid, self.group)
        self.folder.chmod(0o750)

    def run(self, *words: str, wait: bool = False) -> subprocess.Popen[bytes]:
        """Start a program as this member; what it says goes to its log."""
        options: dict[str, Any] = {"user": self.user, "group": self.group, "extra_groups": []}
        program = found(words[0]) or words[0]
        with self.log.open("ab") as log:
            process = subprocess.Popen(
                [program, *words[1:]],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd="/",
                start_new_session=True,
                env={"PATH": PATH, "LC_ALL": "C", "HOME": str(self.folder)},
                **options,
            )
        if wait:
            process.wait()
        else:
            self._started.append(process)
        return process

    @property
    def log(self) -> Path:
        """What its programs said."""
        return self.folder.with_suffix(".log")

    def pids(self, word: str = "") -> list[int]:
        """Return its processes, or those whose command line has a word."""
        mine = [pid for pid, group in _groups() if group == self.group]
        return [pid for pid in mine if word in _command(pid)] if word else mine

    def send(self, number: int, word: str = "") -> None:
        """Send a signal to its processes, all of them or those whose command line has a word."""
        for pid in self.pids(word):
            send(pid, number)

    def kill(self, word: str = "") -> None:
        """End its processes at once, as a power cut does, until there is none."""
        while pids := self.pids(word):
            for pid in pids:
                send(pid, signal.SIGKILL)
            time.sleep(0.01)
        self._started = [process for process in self._started if process.poll() is None]


def _groups() -> Iterator[tuple[int, int]]:
    """Give each process that lives, and its group id."""
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            with contextlib.suppress(OSError):  # it has ended since
                lines = (folder / "status").read_text().splitlines()
                told = dict(line.split(":\t", 1) for line in lines if ":\t" in line)
                if not told["State"].startswith("Z"):
                    yield int(folder.name), int(told["Gid"].split()[0])


def _command(pid: int) -> str:
    with contextlib.suppress(OSError):
        return (
            Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        )
    return ""


class Cuts:
    """Cuts in the network between members, in a chain of rules that is this run's own."""

    def __init__(self, name: str) -> None:
        self.chain = f"timebank-{name}"

    def apart(self, one: Sequence[Member], other: Sequence[Member]) -> None:
        """Drop in silence all that members of one side send to those of the other, both ways."""
        self._table("-N", self.chain)
        if self._table("-C", "OUTPUT", "-o", "lo", "-j", self.chain):
            self._table("-I", "OUTPUT", "-o", "lo", "-j", self.chain)
        for rule in [*_new_ones(one, other), *_new_ones(other, one), *_standing(one, other)]:
            if self._table("-A", self.chain, "-p", "tcp", *rule, "-j", "DROP"):
                msg = f"iptables does not take the rule {' '.join(rule)}"
                raise RuntimeError(msg)

    def heal(self) -> None:
        """Let everything through again."""
        self._table("-F", self.chain)

    def remove(self) -> None:
        """Leave the firewall as it was found."""
        if found("iptables"):
            self._table("-D", "OUTPUT", "-o", "lo", "-j", self.chain)
            self.heal()
            self._table("-X", self.chain)

    @staticmethod
    def _table(*words: str) -> int:
        program = found("iptables") or "iptables"
        return subprocess.run([program, "-w", *words], capture_output=True, check=False).returncode


def _new_ones(from_: Sequence[Member], to: Sequence[Member]) -> Iterator[list[str]]:
    """Give the rules for what members send to the ports of others."""
    for sender in from_:
        for receiver in to:
            for port in receiver.ports:
                owner = ["-m", "owner", "--gid-owner", str(sender.group)]
                yield [*owner, "--dport", str(port)]


def _standing(one: Sequence[Member], other: Sequence[Member]) -> Iterator[list[str]]:
    """Give the rules for connections that stand: answers go to a port that no member has."""
    side = {m.group: 1 for m in one} | {m.group: 2 for m in other}
    group_of = {pid: m.group for m in (*one, *other) for pid in m.pids()}
    rows = _connections()
    at = {local: side[group_of[pid]] for pid, local, _ in rows if pid in group_of}
    pairs = {(local, peer) for _, local, peer in rows if {at.get(local), at.get(peer)} == {1, 2}}
    for local, peer in sorted(pairs):
        for from_, to in permutations((local, peer)):
            yield ["--sport", str(from_), "--dport", str(to)]


def _connections() -> list[tuple[int, int, int]]:
    """Return process, own port and the other's port of each connection on this machine."""
    program = found("ss") or "ss"
    said = subprocess.run([program, "-tnpH"], capture_output=True, text=True, check=True)
    rows = []
    for line in said.stdout.splitlines():
        words = line.split()
        for part in line.split("pid=")[1:]:
            local, peer = (int(word.rpartition(":")[2]) for word in words[3:5])
            rows.append((int(part.partition(",")[0]), local, peer))
    return rows


def wait_for(that: Callable[[], object], seconds: float, what: str) -> float:
    """Wait until something holds, and return for how long.

    :raises TimeoutError: it does not within the time.
    """
    began = time.monotonic()
    while time.monotonic() - began < seconds:
        if that():
            return time.monotonic() - began
        time.sleep(0.2)
    msg = f"{what}: not within {seconds:.0f} s"
    raise TimeoutError(msg)
