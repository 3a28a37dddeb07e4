"""Run the club's project, a Django site, in processes of its own, on each database."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import coverage
import sqlalchemy

from servers import new_database

PROJECT = Path(__file__).parent / "django_project"
SOURCE = Path(__file__).parents[2] / "src"


def database(folder: Path, server: str | None = None) -> dict[str, Any]:
    """What Django's settings say of a new database: a file, or one on a server."""
    if server is None:
        return {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": str(folder / "club.db"),
            "TEST": {"NAME": str(folder / "test.db")},
        }
    url = sqlalchemy.make_url(new_database(server))
    name = {"NAME": url.database, "USER": url.username}
    if server == "postgresql":
        return name | {"ENGINE": "django.db.backends.postgresql", "HOST": url.query["host"]}
    return name | {"ENGINE": "django.db.backends.mysql", "HOST": url.query["unix_socket"]}


class Project:
    """The project, with the settings that a test changes."""

    def __init__(self, folder: Path, server: str | None = None, **settings: Any) -> None:
        self.folder = folder
        self.settings: dict[str, Any] = {"DATABASES": {"default": database(folder, server)}}
        self.settings |= settings

    def environment(self) -> dict[str, str]:
        """The environment of its processes."""
        return {
            **os.environ,
            "CLUB": json.dumps(self.settings),
            "DJANGO_SETTINGS_MODULE": "settings",
            "PYTHONPATH": os.pathsep.join((str(SOURCE), str(PROJECT))),
            "PYTHONDONTWRITEBYTECODE": "1",
            "PYTHONWARNINGS": "error",
            "PYTEST_ADDOPTS": "",
        }

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run Python; measured, where this process is."""
        command = [sys.executable, *_measured(), *words]
        return subprocess.run(
            command,
            env=self.environment(),
            cwd=self.folder,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )

    def manage(self, *words: str, code: int = 0) -> str:
        """Run `manage.py`, which must end with an exit code; what it prints on both streams."""
        done = self.run(str(PROJECT / "manage.py"), *words)
        assert code == done.returncode, done.stdout + done.stderr
        return done.stdout + done.stderr

    def script(self, text: str) -> str:
        """Run Python code in the project; what it prints."""
        path = self.folder / "script.py"
        path.write_text(f"import django\ndjango.setup()\n{text}\n", "utf-8")
        done = self.run(str(path))
        assert 0 == done.returncode, done.stdout + done.stderr
        return done.stdout


def _measured() -> list[str]:
    """The words that measure the coverage of a process, where that of this one is measured."""
    current = coverage.Coverage.current()
    if current is None:
        return []
    data = Path(current.config.data_file).absolute()
    return ["-m", "coverage", "run", "-p", "--branch", "--source=timebank", f"--data-file={data}"]
