"""PostgreSQL under Patroni: three nodes, an etcd of three, and HAProxy.

Synchronous means strict here: where no standby confirms, no commit ends. The fence is twofold: a
primary that was cut off cannot commit, for its standby has left it, and HAProxy asks Patroni itself
(`GET /primary`) and ends the sessions of who is none any more. `failsafe_mode` lets a primary go
on without etcd only as long as every other node agrees.
"""

from __future__ import annotations

import http.client
import json
import signal
import subprocess
import time
from collections.abc import Sequence
from typing import Any, ClassVar, Final

from clusters.cluster import DATABASE, PASSWORD, USER, Place, Way
from clusters.machine import Member, found, free_groups, free_ports, wait_for

#: Which package of Debian's has what this needs.
PROGRAMS: Final = {
    "patroni": "patroni",
    "etcd": "etcd-server",
    "haproxy": "haproxy",
    "/usr/lib/postgresql/15/bin/postgres": "postgresql-15",
}
_NODES: Final = 3
#: The least that Patroni takes: a node that is gone is replaced after so long.
_TTL_SECONDS: Final = 20
_ADMIN: Final = "postgres"
#: By how much standbys lag before a kill, where commits do not wait for them.
_LAG_SECONDS: Final = 0.5
#: What a kill may be: the first is noticed at once, so that many fit in; it comes more often.
_KILLS: Final = (*(("postmaster",) * 9), "node")
#: Faults after which another primary is elected once the lease has ended.
_NOTICED_BY_LEASE: Final = ("node", "manager", "stop", "partition")


class Patroni:
    """A cluster of PostgreSQL servers with one primary."""

    usual: ClassVar[Sequence[str]] = ("kill", "stop", "partition", "switchover")
    faults: ClassVar[Sequence[str]] = (*usual, "postmaster", "node", "manager")

    def __init__(self, place: Place, *, synchronous: bool = True, etcd3: bool = False) -> None:
        self._place = place
        self._etcd = "etcd3" if etcd3 else "etcd"
        self._synchronous = synchronous
        groups = free_groups()
        ports = iter(free_ports(4 * _NODES + 1))
        self._etcds = [
            Member(
                f"e{i}",
                "postgres",
                next(groups),
                place.folder / f"e{i}",
                (next(ports), next(ports)),
            )
            for i in range(_NODES)
        ]
        self.members = [
            Member(
                f"n{i}",
                "postgres",
                next(groups),
                place.folder / f"n{i}",
                (next(ports), next(ports)),
            )
            for i in range(_NODES)
        ]
        self._proxy = Member(
            "haproxy", "haproxy", next(groups), place.folder / "haproxy", (next(ports),)
        )
        self._drawn = ""  # what a kill was

    # -- from start to stop -----------------------------------------------------------------

    def start(self) -> None:
        """Make the cluster and wait until two standbys follow the primary."""
        for member in (*self._etcds, *self.members, self._proxy):
            member.prepare()
        self._start_etcd()
        for i, member in enumerate(self.members):
            (self._place.folder / f"{member.name}.yml").write_text(self._settings(i))
            self._start_node(i)
            if not i:
                wait_for(lambda: self.primary() is not None, 120, "a first primary")
        config = self._place.folder / "haproxy.cfg"
        config.write_text(self._proxy_settings())
        self._proxy.run("haproxy", "-f", str(config), "-db")
        wait_for(self.whole, 120, "two standbys")
        primary = self.primary()
        assert primary is not None
        self._sql(primary, f"CREATE USER {USER} PASSWORD '{PASSWORD}'")
        self._sql(primary, f"CREATE DATABASE {DATABASE} OWNER {USER}")

    def _start_etcd(self) -> None:
        names = [(m.name, *(f"http://127.0.0.1:{port}" for port in m.ports)) for m in self._etcds]
        peers = ",".join(f"{name}={peer}" for name, _, peer in names)
        for member, (name, client, peer) in zip(self._etcds, names, strict=True):
            member.run(
                *("etcd", "--name", name, "--data-dir", str(member.folder / "data")),
                *("--listen-client-urls", client, "--advertise-client-urls", client),
                *("--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer),
                *("--initial-cluster", peers, "--initial-cluster-state", "new"),
                "--enable-v2=true",
                *("--heartbeat-interval", "200", "--election-timeout", "2000"),  # a busy machine
            )
        wait_for(lambda: all(_ask(m.ports[0], "/health") for m in self._etcds), 60, "etcd")

    def _start_node(self, i: int) -> None:
        member = self.members[i]
        member.run("patroni", str(self._place.folder / f"{member.name}.yml"))

    def stop(self) -> None:
        """End all its processes."""
        for member in (self._proxy, *self.members, *self._etcds):
            member.kill()

    # -- what it is like -----------------------------------------------------------------------

    def primary(self) -> int | None:
        """Return the one node that takes itself for the primary, if it is one."""
        found = [i for i in range(_NODES) if _leads(self._status(i))]
        return found[0] if len(found) == 1 else None

    def whole(self) -> bool:
        """Return whether two standbys follow the primary, one of them confirming if it must."""
        primary = self.primary()
        if primary is None:
            return False
        followers = self._status(primary).get("replication", [])
        streaming = [one for one in followers if one.get("state") == "streaming"]
        known = _ask(self.members[primary].ports[1], "/cluster").get("members", [])
        confirming = any(one.get("role") == "sync_standby" for one in known)
        return len(streaming) == _NODES - 1 and confirming == self._synchronous

    def help(self) -> str:
        """Start Patroni anew where it is not there, or else at the primary.

        After a pause of its machine, Patroni 3.0 may hold what it knew of etcd before for true, and
        asks for ever to change a key that has changed since: no standby is made to confirm then.
        """
        gone = [i for i, member in enumerate(self.members) if not member.pids("patroni")]
        primary = self.primary()
        ill = gone or ([] if primary is None else [primary])
        for i in ill:
            self.members[i].kill("patroni")
            self._start_node(i)
        names = " and ".join(self.members[i].name for i in ill)
        return f"Patroni of {names} is started anew" if ill else ""

    def _status(self, i: int) -> dict[str, Any]:
        return _ask(self.members[i].ports[1], "/patroni")

    def ways(self) -> Sequence[Way]:
        """Return the two ways: through the proxy, and by libpq, who asks each host."""
        hosts = ",".join("127.0.0.1" for _ in self.members)
        ports = ",".join(str(m.ports[0]) for m in self.members)
        several = f"{_url('')}?host={hosts}&port={ports}&target_session_attrs=read-write"
        proxy = _url(f"127.0.0.1:{self._proxy.ports[0]}")
        return Way("HAProxy", proxy), Way("libpq", several)

    def direct(self) -> Sequence[Way]:
        """Return the way to each node; a standby may lag."""
        primary = self.primary()
        return [
            Way(m.name, _url(f"127.0.0.1:{m.ports[0]}"), replica=i != primary)
            for i, m in enumerate(self.members)
        ]

    def versions(self) -> Sequence[str]:
        """Return what runs, with versions."""
        return tuple(
            _first_line(*words)
            for words in (
                ("/usr/lib/postgresql/15/bin/postgres", "--version"),
                ("patroni", "--version"),
                ("etcd", "--version"),
                ("haproxy", "-v"),
            )
        )

    # -- faults --------------------------------------------------------------------------------

    def fault(self, kind: str, member: int) -> None:
        """Do a fault to a node."""
        node = self.members[member]
        if kind == "kill":
            kind = self._drawn = self._place.chance.choice(_KILLS)
        if not self._synchronous and kind in {"postmaster", "node"}:
            node.send(signal.SIGSTOP, "walsender")  # what is committed now is not sent
            time.sleep(_LAG_SECONDS)
        if kind == "postmaster":
            node.kill("postgres")
        elif kind == "node":
            node.kill()
        elif kind == "manager":
            node.kill("patroni")
        elif kind == "stop":
            node.send(signal.SIGSTOP)
        elif kind == "partition":
            others = [m for m in self.members if m is not node]
            self._place.cuts.apart([node], [*others, *self._etcds])
        elif kind == "switchover":
            self._switch_over(member)

    def hold_seconds(self, kind: str) -> float:
        """Return for how long a fault is left: until the lease has ended, if that is the point."""
        if kind == "kill":
            kind = self._drawn
        if kind == "stop":  # well beyond: at the border Patroni 3.0 may hang, see `help`
            return 2 * _TTL_SECONDS
        return _TTL_SECONDS + 5 if kind in _NOTICED_BY_LEASE else 2

    def said(self, kind: str) -> str:
        """Return what a kill was: of the postmaster, or of the whole node."""
        return f"kill ({self._drawn})" if kind == "kill" else kind

    def heal(self, kind: str, member: int) -> None:
        """Mend what a fault has done."""
        node = self.members[member]
        kind = self._drawn if kind == "kill" else kind
        if kind in {"node", "manager"}:
            self._start_node(member)
        elif kind == "stop":
            node.send(signal.SIGCONT)
        elif kind == "partition":
            self._place.cuts.heal()

    def _switch_over(self, member: int) -> None:
        body = json.dumps({"leader": self.members[member].name}).encode()
        _ask(self.members[member].ports[1], "/switchover", body, seconds=60)

    # -- settings ------------------------------------------------------------------------------

    def _settings(self, i: int) -> str:
        """Return what a node's Patroni reads: JSON, which YAML understands."""
        node = self.members[i]
        database, rest = node.ports
        synchronous = self._synchronous
        return json.dumps(
            {
                "scope": "tb",
                "name": node.name,
                "restapi": {
                    "listen": f"127.0.0.1:{rest}",
                    "connect_address": f"127.0.0.1:{rest}",
                },
                self._etcd: {"hosts": [f"127.0.0.1:{m.ports[0]}" for m in self._etcds]},
                "bootstrap": {
                    "dcs": {
                        "ttl": _TTL_SECONDS,
                        "loop_wait": 1,
                        "retry_timeout": 5,
                        "primary_start_timeout": 0,  # a crashed primary is not waited for
                        "failsafe_mode": True,
                        "synchronous_mode": synchronous,
                        "synchronous_mode_strict": synchronous,
                        "maximum_lag_on_failover": 16 << 20,
                        "postgresql": {
                            "use_pg_rewind": True,
                            "use_slots": True,
                            "parameters": _PARAMETERS,
                        },
                    },
                    "initdb": [{"encoding": "UTF8"}, {"locale": "C"}, "data-checksums"],
                },
                "postgresql": {
                    "listen": f"127.0.0.1:{database}",
                    "connect_address": f"127.0.0.1:{database}",
                    "data_dir": str(node.folder / "data"),
                    "bin_dir": "/usr/lib/postgresql/15/bin",
                    "pgpass": str(node.folder / "pgpass"),
                    "authentication": {
                        "replication": {"username": "repl", "password": PASSWORD},
                        "superuser": {"username": _ADMIN, "password": PASSWORD},
                    },
                    "pg_hba": [
                        "host replication repl 127.0.0.1/32 scram-sha-256",
                        "host all all 127.0.0.1/32 scram-sha-256",
                    ],
                    "parameters": {"unix_socket_directories": str(node.folder)},
                },
            }
        )

    def _proxy_settings(self) -> str:
        servers = "\n".join(
            f"  server {m.name} 127.0.0.1:{m.ports[0]} maxconn 100 check port {m.ports[1]}"
            for m in self.members
        )
        return f"""
global
  maxconn 400
defaults
  mode tcp
  timeout client 30m
  timeout connect 4s
  timeout server 30m
  timeout check 2s
listen primary
  bind 127.0.0.1:{self._proxy.ports[0]}
  option httpchk GET /primary
  http-check expect status 200
  default-server inter 1s fall 2 rise 1 on-marked-down shutdown-sessions
{servers}
"""

    def _sql(self, i: int, statement: str) -> None:
        import psycopg

        with psycopg.connect(
            host="127.0.0.1",
            port=self.members[i].ports[0],
            user=_ADMIN,
            password=PASSWORD,
            dbname="postgres",
            autocommit=True,
            connect_timeout=5,
        ) as connection:
            connection.execute(statement.encode())


_PARAMETERS: Final = {
    "max_connections": 120,
    "wal_keep_size": "256MB",
    "wal_log_hints": "on",
    "synchronous_commit": "on",
    "shared_buffers": "64MB",
    "hot_standby": "on",
}


def _leads(said: dict[str, Any]) -> bool:
    return said.get("role") in {"master", "primary"} and said.get("state") == "running"


def _url(host: str) -> str:
    return f"postgresql+psycopg://{USER}:{PASSWORD}@{host}/{DATABASE}"


def _ask(port: int, path: str, body: bytes | None = None, *, seconds: float = 2) -> dict[str, Any]:
    """Return what a server on this machine says in JSON, or nothing if it does not."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=seconds)
    try:
        connection.request("GET" if body is None else "POST", path, body)
        said = json.loads(connection.getresponse().read())  # a 503 says who is no primary, and more
    except (OSError, ValueError, http.client.HTTPException):
        return {}
    finally:
        connection.close()
    return said if isinstance(said, dict) else {}


def _first_line(*words: str) -> str:
    program = found(words[0]) or words[0]
    said = subprocess.run([program, *words[1:]], capture_output=True, text=True, check=False)
    return said.stdout.partition("\n")[0]
