"""The club's own tests, by Django's runner and by pytest-django, on each database."""

from __future__ import annotations

from pathlib import Path

import pytest

from contrib.projects import PROJECT, Project
from servers import ON_SERVERS


@pytest.mark.parametrize("server", [None, *ON_SERVERS])
def test_the_club_tests_itself(tmp_path: Path, server: str | None) -> None:
    """All of its tests pass, in any order, and no ledger is left behind."""
    project = Project(tmp_path, server)
    top = ["-t", str(PROJECT), "-p", "suite_*.py"]
    told = project.manage("test", "--noinput", "--shuffle", "1", *top, str(PROJECT))
    assert "OK" in told
