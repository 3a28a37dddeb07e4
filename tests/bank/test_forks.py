"""A child that inherits a bank has a working one of its own, or is told; its parent goes on."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from bank.forks import CASES, FILE_CASES
from bank.places import HERE, url_at
from servers import ON_SERVERS

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")

TESTS = Path(__file__).parents[1]
#: What a host may do with one connection, on one thread.
OF_A_HOST = ("idle", "batch", "failing_batch", "preview")
#: The places where each case is tried for each change; elsewhere a few are.
QUICK = {("memory", "batch"), ("file", "posting"), ("file", "locked"), ("file", "daemon")}


def wrong_in(case: str, url: str) -> str:
    """What was wrong in a process that forks, and in its child."""
    done = subprocess.run(
        [sys.executable, "-W", "ignore::DeprecationWarning", "-m", "bank.forks", case, url],
        cwd=TESTS,
        capture_output=True,
        text=True,
        check=False,
    )
    return (done.stdout + done.stderr).strip()


@pytest.mark.parametrize(
    ("place", "case"),
    [
        pytest.param(place, case, marks=[] if (place, case) in QUICK else [pytest.mark.slow])
        for place in HERE
        for case in CASES
    ],
)
def test_a_fork(tmp_path: Path, place: str, case: str) -> None:
    """On stores of this process and of a file, in the middle of each thing."""
    with url_at(place, tmp_path) as url:
        assert wrong_in(case, url) == ""


@pytest.mark.parametrize("case", FILE_CASES)
def test_a_fork_of_a_host_that_does_as_hosts_do(tmp_path: Path, case: str) -> None:
    """Of a bank in a file: what each worker of a web server does is done, and never refused."""
    with url_at("file", tmp_path) as url:
        assert wrong_in(case, url) == ""


@pytest.mark.slow
@pytest.mark.parametrize("case", OF_A_HOST)
def test_a_fork_of_a_host(tmp_path: Path, case: str) -> None:
    """Of a connection that is the host's, the parent goes on with its transaction."""
    assert wrong_in(case, f"joined:{tmp_path / 'host.db'}") == ""


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("place", ON_SERVERS)
def test_a_fork_on_a_server(tmp_path: Path, place: str, case: str) -> None:
    """On servers, where parent and child would talk over one line."""
    with url_at(place, tmp_path) as url:
        assert wrong_in(case, url) == ""
