"""Run the association's site in processes of its own: its commands, and the site itself."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

import timebank
from servers import new_database
from timebank import TimeBank

SITE = Path(__file__).parents[2] / "examples" / "association_site"
SOURCE = Path(__file__).parents[2] / "src"
TESTS = Path(__file__).parents[1]
#: What makes it a site that is served, as `docs` of the example say.
SERVED = {
    "SITE_SECRET": "b3ca63cd0d5a4c4a9a8c1a72-not-a-secret-of-anybody-0451",
    "SITE_HOSTS": "127.0.0.1",
}
#: Its lines in a log are of something that nobody has thought of.
FAULTS = ("Traceback", "Error:", "Internal Server Error")


def environment(files: Path, **more: str) -> dict[str, str]:
    """The environment of the site's processes; its files are in a folder."""
    left_out = {"SITE_SECRET", "SITE_HOSTS", "SITE_NAME", "PGDATABASE", "TIMEBANK_LANG"}
    return {
        **{name: value for name, value in os.environ.items() if name not in left_out},
        "SITE_FILES": str(files),
        "DJANGO_SETTINGS_MODULE": "association_site.quick_settings",
        "PYTHONPATH": os.pathsep.join((str(SOURCE), str(SITE), str(TESTS))),
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONWARNINGS": "error",
        **more,
    }


def manage(files: Path, *words: str, code: int = 0, **more: str) -> str:
    """Run `manage.py`, which must end with an exit code; what it prints on both streams."""
    return ran(files, str(SITE / "manage.py"), *words, code=code, **more)


def ran(files: Path, *words: str, code: int = 0, **more: str) -> str:
    """Run Python in the environment of the site; what it prints on both streams."""
    done = subprocess.run(
        [sys.executable, *words],
        env=environment(files, **more),
        cwd=files,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert code == done.returncode, done.stdout + done.stderr
    return done.stdout + done.stderr


def seeded(files: Path, what: str, *words: str, **more: str) -> Any:
    """Make the tables, and what a function of `seeds` makes; what it returns."""
    manage(files, "migrate", "-v0", code=0, **more)
    return asked(files, what, *words, **more)


def asked(files: Path, what: str, *words: str, **more: str) -> Any:
    """What a function of `seeds` returns."""
    return json.loads(
        ran(files, str(Path(__file__).parent / "seeds.py"), what, *words, code=0, **more)
    )


def postgresql() -> dict[str, str]:
    """The environment that puts the site on a new database of a PostgreSQL server."""
    name, _, folder = new_database("postgresql").partition("@/")[2].partition("?host=")
    return {"PGDATABASE": name, "PGHOST": folder, "PGUSER": "postgres"}


def ledger(files: Path, **more: str) -> TimeBank:
    """The site's bank, to read, from outside of Django."""
    url = f"sqlite:///{files / 'association.sqlite3'}"
    if "PGDATABASE" in more:
        url = f"postgresql+psycopg://postgres@/{more['PGDATABASE']}?host={more['PGHOST']}"
    return timebank.open(url, bank="main", create=False, read_only=True)


def free_port() -> int:
    """A port that nobody listens at."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@contextmanager
def demo(files: Path, **more: str) -> Iterator[str]:
    """The site as `manage.py demo` shows it, as a process; its address."""
    place = f"127.0.0.1:{free_port()}"
    command = [sys.executable, str(SITE / "manage.py"), "demo", place]
    with _running(command, files, place, more):
        yield f"http://{place}"


@contextmanager
def deployed(files: Path, *, processes: int = 2, threads: int = 8, **more: str) -> Iterator[str]:
    """The site as it is served behind a proxy, by gunicorn: its address, of plain HTTP.

    Who asks says by `X-Forwarded-Proto` that the proxy was asked by https.
    """
    place = f"127.0.0.1:{free_port()}"
    command = [
        *(sys.executable, "-m", "gunicorn", "association.wsgi"),
        *("--bind", place, "--workers", str(processes), "--threads", str(threads)),
        *("--chdir", str(SITE), "--error-logfile", "-", "--timeout", "120", "--keep-alive", "75"),
        "--no-control-socket",
    ]
    # Threads that end with the server leave their connections to the garbage collector.
    warnings = {"PYTHONWARNINGS": "error,ignore::ResourceWarning"}
    with _running(command, files, place, {**SERVED, **warnings, **more}):
        yield f"http://{place}"


@contextmanager
def _running(command: list[str], files: Path, place: str, more: dict[str, str]) -> Iterator[None]:
    """A process that listens at a place until the block ends, and never complains."""
    log = files / f"log-{place.partition(':')[2]}"
    with log.open("wb") as stream:
        server = subprocess.Popen(
            command, cwd=files, env=environment(files, **more), stdout=stream, stderr=stream
        )
    try:
        _wait_for(place, server, log)
        yield
    finally:
        server.terminate()
        server.wait()
    told = log.read_text("utf-8")
    assert [] == [fault for fault in FAULTS if fault in told], told[-10_000:]


def _wait_for(place: str, server: subprocess.Popen[bytes], log: Path) -> None:
    for _ in range(600):
        assert server.poll() is None, log.read_text("utf-8")
        try:
            httpx.get(f"http://{place}/login/")
        except httpx.HTTPError:
            time.sleep(0.1)
        else:
            return
    msg = f"the site did not start: {log.read_text('utf-8')}"
    raise RuntimeError(msg)
