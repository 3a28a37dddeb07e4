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


@pytest.mark.parametrize("server", [None, *ON_SERVERS])
def test_pytest_django(tmp_path: Path, server: str | None) -> None:
    """By pytest, and without migrations as well."""
    project = Project(tmp_path, server)
    suite = str(PROJECT / "club" / "pytest_suite.py")
    for more in ([], ["--no-migrations"]) if server != "postgresql" else ([],):
        options = ["-q", "-p", "django", "-p", "no:cacheprovider", "-c", os_null(tmp_path), *more]
        done = project.run("-m", "pytest", *options, suite)
        assert 0 == done.returncode, done.stdout + done.stderr
        assert "7 passed" in done.stdout


def os_null(folder: Path) -> str:
    """The path of a configuration that says nothing."""
    path = folder / "pytest.ini"
    path.write_text("[pytest]\n", "utf-8")
    return str(path)


def test_in_parallel(tmp_path: Path) -> None:
    """In two processes, each with a copy of the database, in memory."""
    project = Project(tmp_path)
    del project.settings["DATABASES"]["default"]["TEST"]
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
def test_in_parallel_with_databases_that_are_kept(tmp_path: Path) -> None:
    """Processes that are started anew, databases that are kept from one run to the next."""
    project = Project(tmp_path)
    program = tmp_path / "spawn.py"
    program.write_text(SPAWN, "utf-8")
    words = ["test", "--keepdb", "--parallel", "2", *SUITE, "suite_ledger.py", str(PROJECT)]
    for _ in range(2):
        done = project.run(str(program), *words)
        assert 0 == done.returncode, done.stdout + done.stderr
        assert "\nOK" in done.stderr
