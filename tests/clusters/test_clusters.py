"""Ten minutes of each cluster, at night; where their packages are missing the tests say which."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from clusters import galera, patroni
from clusters.machine import NotHereError, check_programs

RUNS = (
    ("patroni", patroni.PROGRAMS, ()),
    ("patroni", patroni.PROGRAMS, ("--async",)),
    ("galera", galera.PROGRAMS, ()),
    ("galera", galera.PROGRAMS, ("--anywhere",)),
)


@pytest.mark.nightly
@pytest.mark.parametrize(("engine", "programs", "more"), RUNS)
def test_nobody_is_told_what_is_not_so(
    engine: str, programs: dict[str, str], more: tuple[str, ...]
) -> None:
    """Kills, stops, partitions: what was told done is there once, and what was lost is named."""
    try:
        check_programs(programs)
    except NotHereError as error:
        pytest.skip(str(error))
    minutes = "10" if not more else "5"
    done = subprocess.run(
        [sys.executable, "-m", "clusters", engine, *more, "--minutes", minutes],
        cwd=Path(__file__).parents[1],
        check=False,
        capture_output=True,
        text=True,
    )
    print(done.stdout, done.stderr)  # noqa: T201 - pytest shows it where the run has failed
    assert 0 == done.returncode
