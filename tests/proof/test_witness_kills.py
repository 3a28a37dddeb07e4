"""A witness that is killed, at any moment, never cosigns two pasts, and goes on afterwards."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from proof import witness_kills
from timebank.proof import Witness

TESTS = Path(__file__).parents[1]


def told(kind: str, folder: Path) -> tuple[int, list[str]]:
    """How many points there were, and what was wrong."""
    command = [sys.executable, "-m", "proof.witness_kills", kind, str(folder)]
    done = subprocess.run(command, cwd=TESTS, capture_output=True, text=True, check=True)
    points, wrong = json.loads(done.stdout)
    return points, wrong


@pytest.mark.skipif(sys.platform == "win32", reason="nothing is killed as here")
@pytest.mark.parametrize(
    ("kind", "least"),
    [
        pytest.param("some lines", 30, marks=pytest.mark.slow),
        pytest.param("lines", 150, marks=[pytest.mark.slow, pytest.mark.nightly]),
        ("writes", 24),
        pytest.param("races", 20, marks=pytest.mark.slow),
    ],
)
def test_it_never_cosigns_two_pasts(tmp_path: Path, kind: str, least: int) -> None:
    points, wrong = told(kind, tmp_path)
    assert wrong == []
    assert points >= least


def test_the_test_sees_a_witness_that_answers_first(
    tmp_path: Path,
) -> None:
    """One that has said what it does not keep is found out."""
    folder = witness_kills.template(tmp_path)
    answer = Witness(folder).key().cosign("what was never kept\n", 1)
    assert "pasts [0, 1] were cosigned" == witness_kills.wrong_after(folder, str(answer).encode())
