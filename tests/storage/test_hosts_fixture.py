"""The fixture for hosts, as a host has it: in a folder of its own, in a process of its own."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest

import timebank
from timebank.testing.hosts import BEGINNING, StandingClock

ROOT = Path(__file__).parents[2]
SOURCE = Path(timebank.__file__).parents[1]
CONFTEST = 'pytest_plugins = ["timebank.testing.hosts"]\n'


def run(folder: Path, *options: str, **files: str) -> str:
    """What pytest prints of these files, with no plugin but its own and the one they name."""
    for name, text in files.items():
        (folder / f"{name}.py").write_text(textwrap.dedent(text), "utf-8")
    (folder / "pytest.ini").write_text(
        "[pytest]\nfilterwarnings = error\naddopts = --strict-markers\n", "utf-8"
    )
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-q", "-rA", *options],
        cwd=folder,
        env={
            **os.environ,
            "PYTHONPATH": str(SOURCE),
            "PYTEST_ADDOPTS": "",
            "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
        },
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout + done.stderr


def told(printed: str) -> dict[str, str]:
    """The outcome of each test."""
    return {
        name: outcome
        for outcome, name in re.findall(
            r"^(PASSED|FAILED|ERROR) \S+?::([\w\[\]]+)", printed, re.MULTILINE
        )
    }


TESTS = """
    import sys
    from datetime import datetime, timedelta, timezone

    import pytest


    @pytest.mark.parametrize("turn", "ab")
    def test_it_is_fresh(timebank_bank, turn):
        assert 0 == timebank_bank.head().sequence
        timebank_bank.open_account("maria")
        assert "memory:" == timebank_bank.store.url
        assert abs(next(timebank_bank.records()).recorded_at - datetime.now(timezone.utc)) < (
            timedelta(hours=1)
        )


    def test_its_clock_stands(timebank_bank, timebank_clock):
        timebank_bank.open_account("maria")
        timebank_clock.forward(timedelta(days=1))
        timebank_bank.open_account("luca")
        days = [str(record.recorded_at.date()) for record in timebank_bank.records()]
        assert ["2026-03-02", "2026-03-03"] == days


    def test_the_order_of_arguments_is_no_matter(timebank_clock, timebank_bank):
        timebank_bank.open_account("maria")
        assert timebank_clock.now == next(timebank_bank.records()).recorded_at


    @pytest.mark.timebank(now=datetime(2026, 12, 31, 23, tzinfo=timezone.utc), counted=True)
    class TestMarked:
        @pytest.mark.parametrize("turn", "ab")
        def test_ids_are_counted(self, timebank_bank, turn):
            timebank_bank.open_account("maria", name="Maria R.")
            assert "id-1" == timebank_bank.head().journal
            digest = "DIGEST"
            assert digest == timebank_bank.head().digest.hex()

        @pytest.mark.timebank(now=datetime(2027, 1, 1, tzinfo=timezone.utc))
        def test_the_nearest_counts(self, timebank_bank):
            timebank_bank.open_account("maria")
            assert "id-1" == timebank_bank.head().journal
            assert 2027 == next(timebank_bank.records()).recorded_at.year


    def test_no_more_was_imported():
        assert "hypothesis" not in sys.modules
        assert "sqlalchemy" not in sys.modules


    @pytest.mark.timebank("memory:")
    def test_a_mark_that_is_none(timebank_bank):
        pass


    @pytest.mark.timebank(clock=None)
    def test_another_mark_that_is_none(timebank_bank):
        pass


    def test_it_can_fail(timebank_bank):
        assert timebank_bank.head().sequence
"""


@pytest.mark.slow
def test_a_host_has_a_bank_for_each_test(tmp_path: Path) -> None:
    """Fresh, by the clock and the ids that were asked for; hypothesis is not needed."""
    options: Any = {"new_id": lambda: "id-1", "new_salt": lambda: bytes(15) + b"\1"}
    clock = StandingClock(BEGINNING.replace(month=12, day=31, hour=23))
    with timebank.open("memory:", clock=clock, **options) as bank:
        bank.open_account("maria", name="Maria R.")
        digest = bank.head().digest.hex()
    printed = run(tmp_path, conftest=CONFTEST, test_host=TESTS.replace("DIGEST", digest))
    assert {
        **dict.fromkeys(
            (
                *("test_it_is_fresh[a]", "test_it_is_fresh[b]", "test_its_clock_stands"),
                "test_the_order_of_arguments_is_no_matter",
                "TestMarked",
                "test_no_more_was_imported",
            ),
            "PASSED",
        ),
        "test_a_mark_that_is_none": "ERROR",
        "test_another_mark_that_is_none": "ERROR",
        "test_it_can_fail": "FAILED",
    } == told(printed), printed
    assert "1 failed, 8 passed, 2 errors" in printed
    assert "the mark is timebank(url, now, counted), all by name" in printed


ELSEWHERE = """
    import pytest
    import timebank


    class TestHere:
        @pytest.fixture
        def timebank_url(self, tmp_path):
            return f"sqlite:///{tmp_path}/bank.db"

        def test_it_is_a_file(self, timebank_bank, tmp_path):
            timebank_bank.open_account("maria")
            assert (tmp_path / "bank.db").exists()


    @pytest.mark.timebank(url="sqlite:///shared.db")
    @pytest.mark.parametrize("turn", "ab")
    def test_a_place_that_is_not_its_own(timebank_bank, turn):
        timebank_bank.open_account("maria")


    class TestOptions:
        @pytest.fixture
        def timebank_options(self):
            return {"permissions": lambda ask: False}

        def test_options(self, timebank_bank):
            with pytest.raises(timebank.NotPermitted):
                timebank_bank.open_account("maria")
"""


@pytest.mark.slow
def test_a_host_says_where_it_is(tmp_path: Path) -> None:
    """By a fixture or a mark; a place with records of another test is refused."""
    printed = run(tmp_path, "-p", "timebank.testing.hosts", test_host=ELSEWHERE)
    assert {
        "TestHere": "PASSED",
        "test_a_place_that_is_not_its_own[a]": "PASSED",
        "test_a_place_that_is_not_its_own[b]": "ERROR",
        "TestOptions": "PASSED",
    } == told(printed), printed
    assert "shared.db has records already" in printed


@pytest.mark.slow
def test_the_page_is_true(tmp_path: Path) -> None:
    """What it shows passes, in its order."""
    page = (ROOT / "docs" / "testing-a-host.md").read_text("utf-8")
    blocks = re.findall(r"^```py\n(.*?)^```", page, re.DOTALL | re.MULTILINE)
    (conftest,) = re.findall(r"^```text\n(.*?)^```", page, re.DOTALL | re.MULTILINE)
    assert CONFTEST == conftest
    printed = run(tmp_path, conftest=conftest, test_page="\n".join(blocks))
    assert "3 passed" in printed, printed
