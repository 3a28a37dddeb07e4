"""MariaDB with Galera: three nodes, each of which takes writes.

Every node has the whole data, and a commit is ordered over all before it is told. A node that
cannot see the majority takes no writes and answers 1047. The advice is one writing node for each
bank; `--anywhere` lets writers of one bank work at any node, whose commits then meet.
"""

from __future__ import annotations

import re
import signal
import subprocess
from collections.abc import Sequence
from typing import Any, ClassVar, Final

from clusters.cluster import DATABASE, PASSWORD, USER, Place, Way
from clusters.machine import Member, found, free_groups, free_ports, wait_for

_PROVIDER: Final = "/usr/lib/galera/libgalera_smm.so"
#: Which package of Debian's has what this needs.
PROGRAMS: Final = {
    "mariadbd": "mariadb-server",
    "mariadb-install-db": "mariadb-server",
    _PROVIDER: "galera-4",
    "rsync": "rsync",
    "ss": "iproute2",
}
_NODES: Final = 3
_POSITION: Final = re.compile(r"Recovered position:?\s+([0-9a-f-]{36}:-?\d+)")
_ON_DISK: Final = re.compile(r":(-?\d+)$")


class Galera:
    """A cluster of MariaDB servers, all of which write."""

    usual: ClassVar[Sequence[str]] = ("kill", "stop", "partition")
    faults: ClassVar[Sequence[str]] = (*usual, "all")

    def __init__(self, place: Place) -> None:
        self._place = place
        groups, ports = free_groups(), iter(free_ports(5 * _NODES))
        self.members = []
        self._clients = []
        for i in range(_NODES):
            self._clients.append(next(ports))
            own = tuple(next(ports) for _ in range(4))
            self.members.append(Member(f"n{i}", "mysql", next(groups), place.folder / f"n{i}", own))

    # -- from start to stop -----------------------------------------------------------------

    def start(self) -> None:
        """Make the cluster, node by node, and wait until it is whole."""
        for i, member in enumerate(self.members):
            member.prepare()
            made = member.run(
                *("mariadb-install-db", "--no-defaults", f"--datadir={member.folder / 'data'}"),
                *("--auth-root-authentication-method=normal", "--skip-test-db"),
                wait=True,
            )
            if made.returncode:
                msg = f"mariadb-install-db ended with {made.returncode}: {member.log}"
                raise RuntimeError(msg)
            self._start_node(i, *(() if i else ("--wsrep-new-cluster",)))
            self._await(i)
        self._sql(0, f"CREATE DATABASE {DATABASE} CHARACTER SET utf8mb4")
        self._sql(0, f"CREATE USER {USER}@'127.0.0.1' IDENTIFIED BY '{PASSWORD}'")
        self._sql(0, f"GRANT ALL ON {DATABASE}.* TO {USER}@'127.0.0.1'")
        wait_for(self.whole, 60, "three nodes")

    def _start_node(self, i: int, *more: str) -> None:
        self.members[i].run("mariadbd", *self._settings(i), *more)

    def _await(self, i: int) -> None:
        wait_for(lambda: self._synced(i), 120, f"node {i}")

    def stop(self) -> None:
        """End all its processes."""
        for member in self.members:
            member.kill()

    # -- what it is like -----------------------------------------------------------------------

    def primary(self) -> int | None:
        """Return a node that takes writes: any, as chance has it."""
        ready = [i for i in range(_NODES) if self._synced(i)]
        return self._place.chance.choice(ready) if ready else None

    def whole(self) -> bool:
        """Return whether all nodes are in one cluster."""
        return all(self._state(i) == ("Synced", "Primary", str(_NODES)) for i in range(_NODES))

    def help(self) -> str:
        """Start the nodes that have ended by themselves, as one whose state could not be sent."""
        gone = [i for i, member in enumerate(self.members) if not member.pids("mariadbd")]
        if len(gone) in range(1, _NODES):
            for i in gone:
                self._start_node(i, *self._recovered(i))
        elif gone:
            self._start_again()
        names = " and ".join(self.members[i].name for i in gone)
        return f"{names} had ended, and is started again" if gone else ""

    def _synced(self, i: int) -> bool:
        return self._state(i)[:2] == ("Synced", "Primary")

    def _state(self, i: int) -> tuple[str, ...]:
        import pymysql

        try:
            said = dict(self._sql(i, "SHOW STATUS LIKE 'wsrep%'"))
        except pymysql.MySQLError:
            return ("down", "", "")
        names = ("wsrep_local_state_comment", "wsrep_cluster_status", "wsrep_cluster_size")
        return tuple(said.get(name, "") for name in names)

    def ways(self) -> Sequence[Way]:
        """Return the way to each node."""
        return [
            Way(m.name, f"mariadb+pymysql://{USER}:{PASSWORD}@127.0.0.1:{port}/{DATABASE}")
            for m, port in zip(self.members, self._clients, strict=True)
        ]

    def direct(self) -> Sequence[Way]:
        """Return the same: there is no proxy."""
        return self.ways()

    def versions(self) -> Sequence[str]:
        """Return what runs, with versions."""
        program = found("mariadbd") or "mariadbd"
        said = subprocess.run([program, "--version"], capture_output=True, text=True, check=False)
        galera = dict(self._sql(0, "SHOW STATUS LIKE 'wsrep_provider_version'"))
        return said.stdout.strip(), f"Galera {galera.get('wsrep_provider_version', '')}"

    # -- faults --------------------------------------------------------------------------------

    def fault(self, kind: str, member: int) -> None:
        """Do a fault to a node."""
        node = self.members[member]
        if kind == "kill":
            node.kill()
        elif kind == "stop":
            node.send(signal.SIGSTOP)
        elif kind == "partition":
            self._place.cuts.apart([node], [m for m in self.members if m is not node])
        elif kind == "all":
            for each in self.members:  # first none can go on, then none is left
                each.send(signal.SIGSTOP)
            self.stop()

    def hold_seconds(self, kind: str) -> float:
        """Return for how long a fault is left: until the others have noticed."""
        return {"stop": 12, "partition": 12, "all": 1}.get(kind, 3)

    def said(self, kind: str) -> str:
        """Return the kind."""
        return kind

    def heal(self, kind: str, member: int) -> None:
        """Mend what a fault has done."""
        if kind == "kill":
            self._start_node(member, *self._recovered(member))
        elif kind == "stop":
            self.members[member].send(signal.SIGCONT)
        elif kind == "partition":
            self._place.cuts.heal()
        elif kind == "all":
            self._start_again()

    def _start_again(self) -> None:
        """Begin with the node that has most on its disk, as an administrator does."""
        found = {i: self._recovered(i) for i in range(_NODES)}
        first = max(found, key=lambda i: _sequence(found[i]))
        state = self.members[first].folder / "data" / "grastate.dat"
        state.write_text(state.read_text().replace("safe_to_bootstrap: 0", "safe_to_bootstrap: 1"))
        self._start_node(first, *found.pop(first), "--wsrep-new-cluster")
        self._await(first)
        for i, more in found.items():
            self._start_node(i, *more)
            self._await(i)

    def _recovered(self, i: int) -> tuple[str, ...]:
        """Return how far a killed node has come, as `galera_recovery` asks it."""
        member = self.members[i]
        log = member.folder / "recover.log"
        log.unlink(missing_ok=True)
        member.run(
            "mariadbd", *self._settings(i), "--wsrep-recover", f"--log-error={log}", wait=True
        )
        places = _POSITION.findall(log.read_text(errors="replace")) if log.exists() else []
        return (f"--wsrep-start-position={places[-1]}",) if places else ()

    # -- settings ------------------------------------------------------------------------------

    def _settings(self, i: int) -> list[str]:
        member = self.members[i]
        group, increments, snapshots, _ = member.ports
        nodes = ",".join(f"127.0.0.1:{m.ports[0]}" for m in self.members)
        data = member.folder / "data"
        provider = {
            "base_port": group,
            "gmcast.listen_addr": f"tcp://127.0.0.1:{group}",
            "ist.recv_addr": f"127.0.0.1:{increments}",
            "gcache.size": "128M",
            "gcache.dir": data,
        }
        return [
            "--no-defaults",
            f"--datadir={data}",
            f"--socket={member.folder / 'socket'}",
            f"--pid-file={member.folder / 'pid'}",
            f"--port={self._clients[i]}",
            "--bind-address=127.0.0.1",
            "--skip-name-resolve",
            "--max-connections=200",
            "--default-storage-engine=InnoDB",
            "--log-bin-trust-function-creators=1",  # else no user but root can make the guards
            "--binlog-format=ROW",
            "--innodb-autoinc-lock-mode=2",
            "--innodb-buffer-pool-size=64M",
            "--innodb-flush-log-at-trx-commit=1",
            "--wsrep-on=ON",
            f"--wsrep-provider={_PROVIDER}",
            "--wsrep-cluster-name=tb",
            f"--wsrep-cluster-address=gcomm://{nodes}",
            f"--wsrep-node-name={member.name}",
            "--wsrep-node-address=127.0.0.1",
            "--wsrep-sst-method=rsync",
            f"--wsrep-sst-receive-address=127.0.0.1:{snapshots}",
            "--wsrep-slave-threads=2",
            "--wsrep-provider-options=" + ";".join(f"{k}={v}" for k, v in provider.items()),
        ]

    def _sql(self, i: int, statement: str) -> list[Any]:
        import pymysql

        with (
            pymysql.connect(
                unix_socket=str(self.members[i].folder / "socket"),
                user="root",
                autocommit=True,
                connect_timeout=3,
                read_timeout=5,
            ) as connection,
            connection.cursor() as cursor,
        ):
            cursor.execute(statement)
            return list(cursor.fetchall())


def _sequence(position: Sequence[str]) -> int:
    """Return the number of the last transaction in an option that says where to start.

    >>> _sequence(("--wsrep-start-position=0f6b3a2c-…:17",)), _sequence(())
    (17, -1)
    """
    number = _ON_DISK.search(position[0]) if position else None
    return int(number[1]) if number else -1
