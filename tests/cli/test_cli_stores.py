"""`timebank copy`, `backup` and `migrate`: what they print, and what they refuse."""

from __future__ import annotations

import io
import json
import os
import re
import shutil
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

import timebank
from support import made_once
from timebank.bank import carrying
from timebank.cli import main
from timebank.cli.progress import Progress, lasting
from timebank.storage import open_store
from timebank.storage.sqlite import schema

SOURCE = str(Path(timebank.__file__).parent.parent)


def call(*words: str) -> Result:
    """Run `timebank` with these words."""
    return CliRunner().invoke(main, list(words))


def well(*words: str) -> str:
    """What a command prints that ends with 0 and complains of nothing."""
    result = call(*words)
    assert (0, "") == (result.exit_code, result.stderr), result.output
    return result.stdout


def refused(result: Result, *words: str) -> None:
    """One line on standard error, nothing on standard output, exit code 2."""
    assert (2, "") == (result.exit_code, result.stdout), result.output
    assert result.stderr.startswith("timebank: ")
    assert 1 == result.stderr.count("\n")
    for word in words:
        assert word in result.stderr


def _fill() -> None:
    """Make the banks."""
    for bank in ("main", "via-verdi"):
        here = ("--db", "bank.db", "--bank", bank)
        well(*here, "init")
        well(*here, "account", "open", "m1", "--name", "Maria R.")
        well(*here, "account", "open", "f1", "--kind", "group")
        well(*here, "transfer", "--earner", "m1", "--spender", "f1", "--hours", "1", "--note", "x")


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder with one file of two banks, and no variable set."""
    monkeypatch.chdir(tmp_path)
    for name in ("TIMEBANK_DB", "TIMEBANK_BANK"):
        monkeypatch.delenv(name, raising=False)
    made_once(_fill)


def head(db: str, bank: str = "main") -> str:
    """The line of `timebank head`, without the root at its end."""
    return well("--db", db, "--bank", bank, "head").rpartition(" ")[0]


def files() -> set[str]:
    """What lies in the folder, apart from what SQLite keeps beside a file that was read."""
    return {path.name for path in Path().iterdir() if not re.search(r"-(wal|shm)$", path.name)}


@pytest.fixture
def _migrations(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two migrations more than `bank.db` has, as a later version may have them."""
    steps = {f"000{n}_more": (f"CREATE TABLE more_{n} (a)",) for n in (2, 3)}
    monkeypatch.setattr(schema, "STEPS", steps)


def older(name: str) -> None:
    """A file as a version before this one made it: with the migrations of today."""
    shutil.copy("bank.db", name)


# -- copy -------------------------------------------------------------------------------


def test_copy_ends_with_head_and_audit() -> None:
    """URLs and paths are both taken; a second run changes nothing."""
    for target in ("copy.db", "copy.db", "sqlite:///other.db"):
        assert f"{head('bank.db')}\naudit: ok\n" == well("copy", "bank.db", target)
    assert head("bank.db") == head("copy.db") == head("other.db")
    assert "All well" in well("--db", "copy.db", "audit")


def test_copy_of_one_bank_of_many() -> None:
    """`--bank` before or behind the command; `--to-bank` gives another name."""
    line = f"{head('bank.db', 'via-verdi')}\naudit: ok\n"
    assert line == well("copy", "bank.db", "a.db", "--bank", "via-verdi")
    assert line == well("--bank", "via-verdi", "copy", "bank.db", "b.db")
    assert line == well("copy", "bank.db", "c.db", "--bank", "via-verdi", "--to-bank", "main")
    assert head("bank.db", "via-verdi") == head("c.db", "main")
    assert line == well("copy", "bank.db", "bank.db", "--bank", "via-verdi", "--to-bank", "third")


def test_copy_of_all_banks() -> None:
    """Each is named."""
    expected = "".join(
        f"{bank}:\n{head('bank.db', bank)}\naudit: ok\n" for bank in ("main", "via-verdi")
    )
    assert expected == well("copy", "--all", "bank.db", "copy.db")
    with closing(sqlite3.connect("host.db")) as host:
        host.execute("CREATE TABLE bookings (id)")
    assert "There is no bank to copy.\n" == well("copy", "--all", "host.db", "none.db")


def test_copy_as_json() -> None:
    """A list, one object a bank."""
    (found,) = json.loads(well("copy", "bank.db", "copy.db", "--format", "json"))
    assert ["main", 3, True, 0] == [
        found["bank"],
        found["head"]["sequence"],
        found["audit"]["ok"],
        found["grown"],
    ]


def test_copy_makes_nothing_of_what_is_not_there() -> None:
    """No file, no bank, wrong use: exit code 2 and no file."""
    for words, part in (
        (("none.db", "copy.db"), "no file"),
        (("bank.db", "copy.db", "--bank", "other"), "no bank 'other'"),
        (("bank.db", "copy.db", "--all", "--bank", "main"), "--all copies every bank"),
        (("bank.db", "copy.db", "--all", "--to-bank", "x"), "--all copies every bank"),
        (("bank.db",), "Missing argument"),
        (("bank.db", "nowhere:x"), "no store for the scheme 'nowhere'"),
    ):
        refused(call("copy", *words), part)
    assert {"bank.db"} == files()


def test_copy_over_another_bank_is_refused() -> None:
    """The other one stays as it is."""
    well("--db", "other.db", "init")
    before = head("other.db")
    refused(call("copy", "bank.db", "other.db"), "has the journal")
    assert before == head("other.db")


def test_a_copy_onto_itself_is_complete() -> None:
    """There is nothing to carry, and nothing is changed."""
    line = head("bank.db")
    assert f"{line}\naudit: ok\n" == well("copy", "bank.db", "sqlite:///./bank.db")


def test_copy_tells_the_findings_of_its_audit() -> None:
    """The copy is there, and the exit code is 1."""
    with closing(sqlite3.connect("bank.db", isolation_level=None)) as tool:
        tool.execute("DELETE FROM timebank_texts WHERE bank = 'main' AND sequence = 1")
    result = call("copy", "bank.db", "copy.db", "--all")
    assert (1, "") == (result.exit_code, result.stderr)
    assert "main:\nNOT WELL: 1 cause, 1 finding.\n" in result.stdout
    assert "The name is gone: the opening of the account " in result.stdout
    assert result.stdout.endswith(f"via-verdi:\n{head('copy.db', 'via-verdi')}\naudit: ok\n")


def test_copy_says_when_the_source_grew(monkeypatch: pytest.MonkeyPatch) -> None:
    """What came too late is for the next run."""
    monkeypatch.setattr(carrying, "ROUNDS", 1)
    words = ("transfer", "--earner", "m1", "--spender", "f1", "--hours", "1", "--id", "t1")
    told: list[int] = []

    def grow(self: Progress, done: int, total: int) -> None:
        if self.label != "copy main":
            return  # the audit of the copy
        told.append(done)
        with timebank.open("sqlite:///bank.db") as bank:
            bank.transfer(earner="m1", spender="f1", hours=1)

    with monkeypatch.context() as patch:
        patch.setattr(Progress, "__call__", grow)
        printed = well("copy", "bank.db", "copy.db").splitlines()
    assert ["audit: ok", "The source has 1 record more by now: copy again to fetch it."] == (
        printed[1:]
    )
    well("--db", "bank.db", *words)
    assert f"{head('bank.db')}\naudit: ok\n" == well("copy", "bank.db", "copy.db")
    assert [3] == told


def test_copy_shows_its_pace(monkeypatch: pytest.MonkeyPatch) -> None:
    """On standard error: records, share, time left."""
    monkeypatch.setattr(carrying, "PAGE", 1)
    result = call("copy", "bank.db", "copy.db", "--progress")
    lines = result.stderr.splitlines()
    assert "copy main: 1 of 3 records, 33 %" == lines[0]
    assert re.fullmatch(r"copy main: 2 of 3 records, 66 %, \d+ s left", lines[1])
    assert "copy main: 3 of 3 records, 100 %" == lines[2]
    assert 3 == len(lines)


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        """It is one."""
        return True


def test_a_terminal_gets_one_line_that_is_taken_away(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is written over; elsewhere nothing is shown unless that is asked for."""
    moments = iter([10.0, 20.0, 25.0])
    monkeypatch.setattr(time, "monotonic", lambda: next(moments))
    terminal, file = Terminal(), io.StringIO()
    monkeypatch.setattr(sys, "stderr", terminal)
    with Progress("copy main", counted="records", left=True) as pace:
        for done in (500, 1500, 2500):
            pace(done, 2500)
    assert (
        "\r\x1b[Kcopy main: 500 of 2,500 records, 20 %"
        "\r\x1b[Kcopy main: 1,500 of 2,500 records, 60 %, 10 s left"
        "\r\x1b[Kcopy main: 2,500 of 2,500 records, 100 %"
        "\r\x1b[K"
    ) == terminal.getvalue()
    monkeypatch.setattr(sys, "stderr", file)
    with Progress("copy main", counted="records", left=True) as pace:
        pace(1, 2)
    assert "" == file.getvalue()


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "1 s"), (59.2, "60 s"), (60.5, "2 min"), (3600, "1 h 0 min"), (90_000, "25 h 0 min")],
)
def test_time_left_is_rounded_up(seconds: float, text: str) -> None:
    """To the second, and beyond a minute to the minute."""
    assert text == lasting(seconds)


# -- backup -----------------------------------------------------------------------------


def test_backup_prints_the_heads_of_the_copy() -> None:
    """A line a bank; the copy may be used as it is."""
    expected = "".join(f"{bank}: {head('bank.db', bank)}\n" for bank in ("main", "via-verdi"))
    assert expected == well("--db", "bank.db", "backup", "copy.db")
    assert head("bank.db") == head("copy.db")
    well("--db", "copy.db", "account", "open", "new")
    assert "All well" in well("--db", "copy.db", "audit")


def test_backup_never_overwrites_unless_forced() -> None:
    """The exit code is 2 and the file stays."""
    Path("copy.db").write_text("dear diary\n", "utf-8")
    refused(call("--db", "bank.db", "backup", "copy.db"), "is there already", "--force")
    assert "dear diary\n" == Path("copy.db").read_text("utf-8")
    well("--db", "bank.db", "backup", "copy.db", "--force")
    assert head("bank.db") == head("copy.db")


def test_backup_as_json() -> None:
    """A list of banks and heads."""
    printed = well("--db", "bank.db", "backup", "copy.db", "--format", "json")
    found = json.loads(printed)
    assert [("main", 3), ("via-verdi", 3)] == [
        (bank["bank"], bank["head"]["sequence"]) for bank in found
    ]


def test_backup_of_a_file_without_a_bank() -> None:
    """It is a file like others; that no bank is in it is said."""
    with closing(sqlite3.connect("host.db")) as host:
        host.execute("CREATE TABLE bookings (id)")
    assert "It is copied; there is no bank in it.\n" == well("--db", "host.db", "backup", "b.db")


def test_backup_refuses_what_is_no_file() -> None:
    """Another store is copied; the file itself is no place; neither is what is not there."""
    for words, part in (
        (("--db", "memory:", "backup", "copy.db"), "use copy"),
        (("--db", "bank.db", "backup", "memory:"), "use copy"),
        (("--db", "bank.db", "backup", "bank.db", "--force"), "is the file that is to be copied"),
        (("--db", "none.db", "backup", "copy.db"), "no file"),
        (("--db", "bank.db", "backup", "none/copy.db"), "there is no folder"),
        (("backup", "copy.db"), "--db URL"),
    ):
        refused(call(*words), part)
    assert {"bank.db"} == files()


# -- migrate ----------------------------------------------------------------------------


@pytest.mark.usefixtures("_migrations")
def test_migrate_says_what_it_did() -> None:
    """By URL, by path, by `--db`; a second time there is nothing to do."""
    for number, words in enumerate(
        [
            ("migrate", "sqlite:///old-0.db"),
            ("migrate", "old-1.db"),
            ("--db", "old-2.db", "migrate"),
        ]
    ):
        older(f"old-{number}.db")
        assert "Applied 0002_more.\nApplied 0003_more.\n" == well(*words)
        assert "There is nothing to do.\n" == well(*words)
        assert " 3 " in head(f"old-{number}.db")


@pytest.mark.usefixtures("_migrations")
def test_every_command_says_how_to_migrate() -> None:
    """The command that the error names is the one that helps."""
    older("old file.db")
    commands = set()
    for words in (("head",), ("init",), ("audit",), ("rebuild",), ("account", "open", "x")):
        result = call("--db", "old file.db", *words)
        assert 2 == result.exit_code
        told = " ".join((result.stderr + result.stdout).split())
        found = re.search(r'made by an older timebank: run "timebank (migrate \S+)"', told)
        assert found is not None
        commands.add(found[1])
    refused(call("copy", "old file.db", "copy.db"), 'run "timebank migrate ')
    assert "Applied 0002_more.\nApplied 0003_more.\n" == well(*commands.pop().split())
    assert set() == commands
    assert " 3 " in head("old file.db")


@pytest.mark.usefixtures("_migrations")
def test_migrate_may_rebuild() -> None:
    """What is derived is made anew, of every bank."""
    older("old.db")
    assert (
        "Applied 0002_more.\nApplied 0003_more.\n"
        "Accounts and postings of main are made anew.\n"
        "Accounts and postings of via-verdi are made anew.\n"
    ) == well("migrate", "old.db", "--rebuild")
    again = json.loads(well("migrate", "old.db", "--rebuild", "--format", "json"))
    assert {"applied": [], "rebuilt": ["main", "via-verdi"]} == again


def test_migrate_refuses_what_it_cannot() -> None:
    """No file is made."""
    refused(call("migrate"), "--db URL")
    refused(call("migrate", "none.db"), "no file")
    refused(call("migrate", "memory:"), "nothing of an older version")
    assert {"bank.db"} == files()


def test_in_processes_of_their_own() -> None:
    """No traceback, and nothing on standard error where that is no terminal."""
    older("old.db")
    for words in (
        ("migrate", "old.db"),
        ("copy", "--all", "old.db", "copy.db"),
        ("--db", "old.db", "backup", "backup.db"),
    ):
        done = subprocess.run(
            [sys.executable, "-m", "timebank", *words],
            env={**os.environ, "PYTHONPATH": SOURCE},
            capture_output=True,
            check=False,
        )
        assert (0, b"") == (done.returncode, done.stderr)
        assert done.stdout


# -- which banks there are ----------------------------------------------------------------


def test_the_banks_are_listed() -> None:
    """By code point, with their journals, how many records, and when the last one was made."""
    with closing(open_store("sqlite:///bank.db", create=True)) as store:
        store.make_bank("\x1b[31m città", journal="j3")  # not by the library's own names
    shown = well("--db", "bank.db", "banks").splitlines()
    assert ["Bank", "Journal", "Records", "Last"] == shown[0].split()
    assert ["␛[31m città", "main", "via-verdi"] == [line.split("  ")[0] for line in shown[2:]]
    assert re.search(r" 0  none$", shown[2])
    assert re.search(r" 3  \d{4}-\d\d-\d\d \d\d:\d\d UTC$", shown[3])
    listed = json.loads(well("--db", "bank.db", "banks", "--format", "json"))
    assert ["\x1b[31m città", "main", "via-verdi"] == [one["bank"] for one in listed]
    assert [0, 3, 3] == [one["records"] for one in listed]
    with timebank.open("sqlite:///bank.db", create=False) as bank:
        (*_, last) = bank.records()
        assert (bank.head().journal, last.recorded_at.isoformat()) == (
            listed[1]["journal"],
            listed[1]["last"],
        )
    with closing(sqlite3.connect("host.db")) as host:
        host.execute("CREATE TABLE bookings (id)")
    assert "There is no bank.\n" == well("--db", "host.db", "banks")
    assert [] == json.loads(well("--db", "host.db", "banks", "--format", "json"))
    refused(call("--db", "none.db", "banks"), "no file")
    assert not Path("none.db").exists()


@pytest.mark.parametrize(
    ("names", "told"),
    [
        ((), "there is no bank there: the command init makes one"),
        (("a",), "there is 'a' (--bank names one)"),
        (("b", "a"), "there are 'a' and 'b' (--bank names one)"),
        ("abcde", "there are 'a', 'b', 'c', 'd' and 'e' (--bank names one)"),
        ("abcdefg", "there are 'a', 'b', 'c', 'd', 'e' and 2 more (--bank names one)"),
    ],
)
def test_a_bank_that_is_not_there_is_told_with_those_that_are(names: str, told: str) -> None:
    """A few of them; whatever the command; and nothing is made."""
    with closing(sqlite3.connect("some.db")) as host:
        host.execute("CREATE TABLE bookings (id)")
    for name in names:
        well("--db", "some.db", "--bank", name, "init")
    before = Path("some.db").read_bytes()
    for words in (
        ("--db", "some.db", "balance"),
        ("--db", "some.db", "account", "open", "m1"),
        ("--db", "some.db", "--bank", "x", "journal"),
        ("copy", "some.db", "copy.db", "--bank", "x"),
    ):
        refused(call(*words), "no bank 'x' in" if "x" in words else "no bank 'main' in", told)
    assert before == Path("some.db").read_bytes()
    assert not Path("copy.db").exists()


def test_python_is_not_told_of_other_banks() -> None:
    """A web service may pass the message on."""
    with pytest.raises(timebank.BankNotFound) as caught:
        timebank.open("sqlite:///bank.db", bank="x", create=False)
    assert "verdi" not in str(caught.value)
    assert ("x", True) == (caught.value.bank, caught.value.where.endswith("bank.db"))


@pytest.mark.parametrize("server", ["postgresql", "mariadb"])
def test_the_schema_without_its_packages_says_which_extra(server: str) -> None:
    """As the opening of a store does; a process of its own has no such package."""
    program = (
        "import sys; sys.modules['sqlalchemy'] = None; from timebank.cli import main; "
        f"main(['schema', '--for', {server!r}])"
    )
    said = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"PYTHONPATH": SOURCE},
    )
    assert 2 == said.returncode
    assert "pip install 'timebank[" in said.stderr
    assert "Traceback" not in said.stderr
