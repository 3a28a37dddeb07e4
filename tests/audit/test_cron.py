"""The cron set of the page: each of its commands, run as it stands there, against each damage."""

from __future__ import annotations

import os
import re
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

import timebank
from audit.test_audit_table import MORE, PAGE, TAMPERINGS, fill, forging, more, settle
from support import Clock, sources

#: What the page calls them, in the order of its lines.
JOBS = ("each hour", "each night", "the kept heads")
SAYS = "says it"


def unguard(path: Path) -> None:
    """A guard is taken away, and nothing else."""
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("DROP TRIGGER timebank_records_no_update")


def change_late(path: Path) -> None:
    """Two hours instead of one, in the record before the last."""
    with forging(path) as connection:
        sql = "SELECT max(sequence) - 1 FROM timebank_records"
        ((sequence,),) = connection.execute(sql).fetchall()
        sql = "SELECT body FROM timebank_records WHERE sequence = ?"
        ((body,),) = connection.execute(sql, (sequence,)).fetchall()
        sql = "UPDATE timebank_records SET body = ? WHERE sequence = ?"
        connection.execute(sql, (more(body), sequence))


DAMAGES: dict[str, Callable[[Path], None]] = {
    **TAMPERINGS,
    "take away a guard": unguard,
    "change one of the last records": change_late,
}
#: One stands for all, where what is slow is left out: each job starts Python once or twice.
QUICK = ("rewrite the journal, with care",)


def commands() -> dict[str, str]:
    """The commands of the page's block, by job."""
    (block,) = re.findall(r"```text\nMAILTO=.*?```", PAGE, re.DOTALL)
    lines = [line for line in block.splitlines() if re.match(r"[\d*]+ [\d*]+ \* \* \* ", line)]
    return dict(zip(JOBS, (line.split(" ", 5)[5] for line in lines), strict=True))


def table() -> dict[str, list[bool]]:
    """What the page says that each job notices."""
    part = PAGE.split("| what is done | each hour | each night | the kept heads |")[1]
    rows = re.findall(r"^\| (\w[^|]*?) \| (.*?) \|$", part, re.MULTILINE)
    return {name: [cell.strip() == SAYS for cell in rest.split("|")] for name, rest in rows}


class Machine:
    """A folder with a bank and what is kept elsewhere, and a shell that has `timebank`."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.bank = folder, folder / "quartiere.db"
        (folder / "audit").mkdir(exist_ok=True)
        program = folder / "bin" / "timebank"
        program.parent.mkdir(exist_ok=True)
        program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m timebank "$@"\n')
        program.chmod(0o755)

    def run(self, command: str) -> str:
        """Run a line as cron does; return what it would send."""
        path = f"{self.folder / 'bin'}{os.pathsep}{os.environ['PATH']}"
        source = os.pathsep.join([str(Path(timebank.__file__).parents[1])])
        done = subprocess.run(
            ["/bin/sh", "-c", command.replace("/srv/audit", str(self.folder / "audit"))],
            env={"PATH": path, "PYTHONPATH": source, "TIMEBANK_DB": str(self.bank)},
            capture_output=True,
            text=True,
            check=False,
        )
        return done.stdout + done.stderr


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bank as the page says: audited once, its head kept; and an exchange since."""
    machine = Machine(tmp_path_factory.mktemp("cron"))
    with timebank.open(f"sqlite:///{machine.bank}", **sources(Clock())) as bank:
        fill(bank)
        with bank.batch() as batch:
            for number in range(MORE):
                earner, spender = ("m1", "m2") if number % 2 else ("m2", "m1")
                batch.transfer(earner=earner, spender=spender, hours=1)
        settle(machine.bank)
        assert machine.run(commands()["each night"]) == ""
        assert machine.run("timebank head --log /srv/audit/heads") == ""
        bank.transfer(earner="m1", spender="m2", hours=1)
    settle(machine.bank)
    return machine.folder


def test_the_table_has_every_damage() -> None:
    """And a cell for each job; each damage is noticed by one of them at least."""
    assert list(DAMAGES) == list(table())
    assert all(len(cells) == len(JOBS) and any(cells) for cells in table().values())


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=marks if name not in QUICK else [])
        for number, name in enumerate(DAMAGES)
        for marks in [[pytest.mark.slow, *([pytest.mark.nightly] if number % 2 else [])]]
    ],
)
def test_what_each_job_notices(prepared: Path, tmp_path: Path, name: str) -> None:
    """As the table of the page says: a job that notices nothing says nothing."""
    shutil.copytree(prepared, tmp_path, dirs_exist_ok=True)
    machine = Machine(tmp_path)
    DAMAGES[name](machine.bank)
    found = []
    for job, command in commands().items():
        kept = tmp_path / "kept"
        shutil.copytree(tmp_path / "audit", kept)  # each job finds what the others found
        mail = machine.run(command)
        assert "Traceback" not in mail, job
        assert mail == "" or mail.startswith("NOT WELL: "), job
        found.append(mail != "")
        shutil.rmtree(tmp_path / "audit")
        kept.rename(tmp_path / "audit")
    assert table()[name] == found


def test_where_all_is_well_nothing_is_said(prepared: Path, tmp_path: Path) -> None:
    """Hour after hour; a checkpoint and one more head are kept."""
    shutil.copytree(prepared, tmp_path, dirs_exist_ok=True)
    machine = Machine(tmp_path)
    before = (tmp_path / "audit" / "checkpoint").read_bytes()
    for command in commands().values():
        assert machine.run(command) == ""
    assert before != (tmp_path / "audit" / "checkpoint").read_bytes()
    first, second = (tmp_path / "audit" / "heads").read_text().splitlines()
    assert first != second
    assert machine.run(commands()["the kept heads"]) == ""


@pytest.mark.slow
def test_without_a_bank_each_job_says_so(prepared: Path, tmp_path: Path) -> None:
    """A file that is gone is noticed by every one of them."""
    shutil.copytree(prepared, tmp_path, dirs_exist_ok=True)
    machine = Machine(tmp_path)
    machine.bank.unlink()
    for command in commands().values():
        assert "quartiere.db" in machine.run(command)
