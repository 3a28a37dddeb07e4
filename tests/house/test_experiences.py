"""The experiences that the library is for: each example runs, from any folder, and has its page."""

from __future__ import annotations

import runpy
import subprocess
import sys
from pathlib import Path

import pytest

from timebank import TimeBank

ROOT = Path(__file__).parents[2]
SCRIPTS = sorted((ROOT / "examples" / "experiences").glob("*.py"))
PAGES = {page.stem for page in (ROOT / "docs" / "experiences").glob("*.md")} - {"index"}


def test_each_has_a_page() -> None:
    """And no page is without its script."""
    assert {script.stem for script in SCRIPTS} == PAGES


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.stem)
def test_an_example_comes_to_what_it_says(script: Path) -> None:
    """Its own assertions hold, its books are sound, it says its Italian name and it is short."""
    told = runpy.run_path(str(script))
    made = told["main"]()
    banks = made if isinstance(made, list) else [made]
    assert all(isinstance(bank, TimeBank) for bank in banks)
    for bank in banks:
        assert () == bank.audit().findings
        assert "0:00" == str(bank.trial_balance().total)
    assert "*" in told["__doc__"]
    assert len(script.read_text("utf-8").splitlines()) <= 110


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.stem)
def test_an_example_prints_a_statement(script: Path, tmp_path: Path) -> None:
    """Without arguments, in an empty folder, in which it leaves nothing."""
    command = [sys.executable, str(script)]
    done = subprocess.run(command, capture_output=True, cwd=tmp_path, check=True)
    text = done.stdout.decode()
    assert "Statement of" in text
    assert "" == done.stderr.decode()
    assert [] == list(tmp_path.iterdir())
