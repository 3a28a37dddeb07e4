"""The club's own tests, by Django's runner and by pytest-django, on each database."""

from __future__ import annotations

from pathlib import Path

import pytest

from contrib.projects import PROJECT, Project
from servers import ON_SERVERS

SUITE = ["--noinput", "-t", str(PROJECT), "-p"]


@pytest.mark.parametrize("server", [None, *ON_SERVERS])
def test_the_club_tests_itself(tmp_path: Path, server: str | None) -> None:
    """All of its tests pass, in any order, and no ledger is left behind."""
    project = Project(tmp_path, server)
    told = project.manage("test", "--shuffle", "1", *SUITE, "suite_*.py", str(PROJECT))
    assert "\nOK" in told


@pytest.mark.parametrize(
    ("server", "more"),
    [
        (None, []),
        (None, ["--no-migrations"]),
        pytest.param(
            "mariadb", ["--no-migrations"], marks=[pytest.mark.servers, pytest.mark.nightly]
        ),
    ],
)
def test_pytest_django(tmp_path: Path, server: str | None, more: list[str]) -> None:
    """By pytest, also where it runs no migrations."""
    project = Project(tmp_path, server)
    nothing = tmp_path / "pytest.ini"
    nothing.write_text("[pytest]\n", "utf-8")
    options = ["-q", "-p", "django", "-p", "no:cacheprovider", "-c", str(nothing), *more]
    done = project.run("-m", "pytest", *options, str(PROJECT / "club" / "pytest_suite.py"))
    assert 0 == done.returncode, done.stdout + done.stderr
    assert "7 passed" in done.stdout


def test_in_parallel(tmp_path: Path) -> None:
    """In two processes, each with a copy of the database."""
    project = Project(tmp_path)
    told = project.manage("test", "--parallel", "2", *SUITE, "suite_ledger.py", str(PROJECT))
    assert "\nOK" in told


SPAWN = """
import multiprocessing, sys
from django.core.management import execute_from_command_line
if __name__ == "__main__":
    multiprocessing.set_start_method("spawn")
    execute_from_command_line(sys.argv)
"""


@pytest.mark.slow
def test_in_parallel_by_processes_that_start_anew(tmp_path: Path) -> None:
    """Each with a copy in memory, for Django can do no other there."""
    project = Project(tmp_path)
    del project.settings["DATABASES"]["default"]["TEST"]
    program = tmp_path / "spawn.py"
    program.write_text(SPAWN, "utf-8")
    words = ["test", "--parallel", "2", "-k", "NothingLeft", *SUITE, "suite_ledger.py"]
    done = project.run(str(program), *words, str(PROJECT))
    assert 0 == done.returncode, done.stdout + done.stderr
    assert "\nOK" in done.stderr


@pytest.mark.slow
def test_a_database_that_is_kept(tmp_path: Path) -> None:
    """From one run to the next there is no ledger in it."""
    project = Project(tmp_path)
    for _ in range(2):
        words = ["--keepdb", "-k", "NothingLeft", *SUITE, "suite_ledger.py", str(PROJECT)]
        assert "\nOK" in project.manage("test", *words)
