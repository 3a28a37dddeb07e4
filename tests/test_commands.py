"""The command line as a treasurer and her cron meet it: exit codes, files, one line an error."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

import timebank
from support import doors, fill
from timebank.cli import main

ROOT = Path(__file__).parent.parent


def run(*arguments: str) -> Result:
    """A command, within this process."""
    return CliRunner().invoke(main, list(arguments))


@pytest.fixture
def db(tmp_path: Path) -> str:
    """The path of a small bank."""
    path = tmp_path / "bank.db"
    with timebank.open(f"sqlite:///{path}", **doors()) as bank:
        fill(bank)
    return str(path)


READING = ["account list", "account show m1", "balance", "balance m1", "statement f1"]
READING += ["trial-balance", "audit"]
OTHERS = ["journal", "head", "rebuild", "account freeze m1", "reverse visit-81 --reason x"]
OTHERS += ["transfer --earner m1 --spender f1 --hours 1", "account open m9"]


@pytest.mark.parametrize("command", READING)
def test_what_shows_something_shows_it_for_people_and_programs(db: str, command: str) -> None:
    """Text that ends in a line break, and JSON that parses."""
    text = run("--db", db, *command.split())
    assert (0, "\n") == (text.exit_code, text.output[-1:])
    data = run("--db", db, *command.split(), "--format", "json")
    assert 0 == data.exit_code
    assert json.loads(data.output)


@pytest.mark.parametrize("command", READING + OTHERS)
def test_a_command_makes_no_bank_where_there_is_none(tmp_path: Path, command: str) -> None:
    """It exits with 2, says one line and creates nothing: no file, and no bank in a file."""
    missing = run("--db", str(tmp_path / "none.db"), *command.split())
    assert (2, 1) == (missing.exit_code, len(missing.output.splitlines()))
    assert [] == list(tmp_path.iterdir())
    assert 0 == run("--db", str(tmp_path / "one.db"), "init").exit_code
    other = run("--db", str(tmp_path / "one.db"), "--bank", "other", *command.split())
    assert (2, 1) == (other.exit_code, len(other.output.splitlines()))
    with timebank.open(f"sqlite:///{tmp_path / 'one.db'}") as bank:
        assert ["main"] == list(bank.store.banks())


@pytest.mark.parametrize(
    ("code", "command"),
    [
        (1, "transfer --earner m1 --spender f1 --hours 40"),
        (1, "account close f1"),
        (1, "reverse visit-81 --reason again"),
        (1, "transfer --earner old --spender f1 --hours 1"),
        (2, "transfer --earner m1 --spender f1 --hours 0"),
        (2, "transfer --earner m1 --spender f1 --hours 1:75"),
        (2, "transfer --earner m1 --spender f1 --hours 1 --on yesterday"),
        (2, "transfer --earner m1 --spender nobody --hours 1"),
        (2, "transfer --earner m1=1 --spender f1=2"),
        (2, "transfer --earner m1=1 --earner m1=1 --spender f1"),
        (2, "transfer --earner m1 --spender f1 --hours 9 --id visit-81"),
        (2, "account open m1 --kind fund"),
        (2, "account show nobody"),
        (2, "statement f1 --since 2026-02-01 --until 2026-01-01"),
        (2, "dance"),
    ],
)
def test_a_refusal_is_one_line_and_changes_nothing(db: str, code: int, command: str) -> None:
    """1 where a rule said no, 2 for wrong use; the head is as it was."""
    before = run("--db", db, "head").output
    result = run("--db", db, *command.split())
    assert (code, 1) == (result.exit_code, len(result.output.splitlines()))
    assert result.output.startswith("timebank: ")
    assert before == run("--db", db, "head").output


def test_the_life_of_an_account_by_commands(db: str) -> None:
    """Each command of the group does what it says."""
    for command, shown in (
        ("open m9 --name Nina --joined-on 2026-01-01 --floor=-5 --ceiling none", "-5:00"),
        ("limits m9 --floor inherit --ceiling 9", "9:00"),
        ("rename m9 Nino", "Nino"),
        ("freeze m9 --reason abroad", "frozen"),
        ("thaw m9", "open"),
        ("close m9", "closed"),
        ("reopen m9", "open"),
    ):
        result = run("--db", db, "account", *command.split())
        assert 0 == result.exit_code, result.output
        assert shown in result.output


def test_many_sides_on_the_command_line(db: str) -> None:
    """`A=1:00` as often as needed; a bare id takes what the other side sums to."""
    result = run(
        *f"--db {db} transfer --earner m1=1:00 --earner solidarity=0:30 --spender f1 --id w".split()
    )
    assert 0 == result.exit_code, result.output
    with timebank.open(f"sqlite:///{db}") as bank:
        assert {"f1": timebank.Hours("1:30")} == bank.transfer_by_id("w").spenders


def test_a_damaged_or_foreign_file_is_a_finding(tmp_path: Path) -> None:
    """The audit reports it with exit code 1; every other command says one line and 2."""
    notes = tmp_path / "notes.db"
    notes.write_text("these are notes, and no database at all\n" * 50)
    before = notes.read_bytes()
    audit = run("--db", str(notes), "audit", "--format", "json")
    report = json.loads(audit.output)
    assert (1, False, "file") == (audit.exit_code, report["ok"], report["findings"][0]["check"])
    assert {"check", "place", "expected", "found", "advice"} == set(report["findings"][0])
    assert 2 == run("--db", str(notes), "balance").exit_code
    assert before == notes.read_bytes()


def test_the_journal_is_verified_by_a_program_that_knows_nothing_of_ours(db: str) -> None:
    """What `timebank journal` prints, `examples/verify_journal.py` verifies to the same head."""
    exported = run("--db", db, "journal").output
    verified = subprocess.run(
        [sys.executable, str(ROOT / "examples" / "verify_journal.py")],
        input=exported,
        capture_output=True,
        text=True,
        check=True,
        encoding="utf-8",
    )
    assert run("--db", db, "head").output.strip() in verified.stdout


def test_a_closed_pipe_is_no_error(db: str) -> None:
    """`timebank journal | head -n 1` ends quietly."""
    with timebank.open(f"sqlite:///{db}") as bank, bank.batch() as batch:
        for _ in range(2000):
            batch.transfer(earner="m1", spender="solidarity", hours="0:00:01")
    command = [sys.executable, "-m", "timebank", "--db", db, "journal"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        assert "" == process.stderr.read()


def test_the_demo_may_be_run_twice(tmp_path: Path) -> None:
    """The second run finds everything there already, and the head stays."""
    path = str(tmp_path / "demo.db")
    assert 0 == run("demo", path).exit_code
    head = run("--db", path, "head").output
    again = run("demo", path)
    assert 0 == again.exit_code, again.output
    assert head == run("--db", path, "head").output
    assert "4,558 there already" in again.output


def test_help_needs_no_bank() -> None:
    """`--help` and `--version` ask for nothing, at every level."""
    for arguments in (["--help"], ["--version"], ["account", "--help"], ["transfer", "--help"]):
        assert 0 == run(*arguments).exit_code
