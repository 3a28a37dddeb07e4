"""Numbers of records that somebody made up: an audit counts no gap that no memory can count."""

from __future__ import annotations

import shutil
import sqlite3
import tracemalloc
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

import timebank
from support import sources
from timebank.audit import AuditReport, audit
from timebank.audit.report import explained

#: As far as an integer of a record goes, and where a gap is wide but can be looked through.
FAR = (2**53 - 5, 10**12, 3_000_000)
#: The tables that name records; all of them, or the journal alone.
TABLES = {
    "records": ("timebank_records",),
    "records and rows": ("timebank_records", "timebank_postings"),
    "rows": ("timebank_postings",),
}


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A few exchanges, in one file."""
    path = tmp_path_factory.mktemp("gaps") / "bank.db"
    with timebank.open(f"sqlite:///{path}", **sources()) as bank:
        bank.open_account("m1")
        bank.open_account("f1", kind="fund")
        with bank.batch() as batch:
            for number in range(700):
                batch.transfer(earner="m1", spender="f1", hours="0:01", id=f"t{number}")
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode = DELETE")
    return path


def moved(path: Path, tables: tuple[str, ...], record: int, to: int) -> None:
    """Give a record, or the rows that name it, another number."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        found = connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'")
        for (name,) in found.fetchall():
            connection.execute(f"DROP TRIGGER {name}")
        for table in tables:
            sql = f"UPDATE {table} SET sequence = ? WHERE sequence = ?"
            connection.execute(sql, (to, record))


def audited(path: Path, copy: Path, now: int | None) -> tuple[AuditReport, int]:
    """The report of an audit, with a copy to look into, and the questions that it asked."""
    asked: list[str] = []
    with (
        timebank.open(f"sqlite:///{path}", create=False, read_only=True) as bank,
        timebank.open(f"sqlite:///{copy}", create=False, read_only=True) as known,
        bank.store.reader(bank.name) as reader,
        known.store.reader(known.name) as other,
    ):
        for one in (reader, other):
            one.connection().set_trace_callback(asked.append)  # type: ignore[attr-defined]  # of SQLite
        found = explained(audit(reader, now=now), reader, other)
    return found, len(asked)


RECORDS = {"first": 1, "middle": 300, "last": 702}


def each_pair() -> list[Any]:
    """Return parameters in which each two of three stand together once; the others are slow."""
    return [
        pytest.param(
            TABLES[tables],
            RECORDS[record],
            far,
            id=f"{tables}-{record}-{far}",
            marks=[pytest.mark.slow] if (one + other + third) % 3 else [],
        )
        for one, tables in enumerate(TABLES)
        for other, record in enumerate(RECORDS)
        for third, far in enumerate(FAR)
    ]


@pytest.mark.parametrize(("tables", "record", "far"), each_pair())
def test_it_ends_and_tells_the_gap(
    original: Path, tmp_path: Path, tables: tuple[str, ...], record: int, far: int
) -> None:
    """Whoever audits, and whatever his clock: in few questions, and in little memory."""
    path = Path(shutil.copyfile(original, tmp_path / "bank.db"))
    moved(path, tables, record, far)
    for now in (None, 0):
        tracemalloc.start()
        report, asked = audited(path, original, now)
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert not report.ok
        assert most < 100_000_000
        assert asked < 3_000
        if "timebank_records" in tables:
            assert {"sequence"} <= {one.check for one in report.findings}


@pytest.mark.parametrize("far", FAR)
def test_records_that_stand_elsewhere_are_told_before_a_gap(
    original: Path, tmp_path: Path, far: int
) -> None:
    """Whether all behind the first of them moved is not counted one by one."""
    path = Path(shutil.copyfile(original, tmp_path / "bank.db"))
    moved(path, TABLES["records"], 702, far)
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        guards = "SELECT name FROM sqlite_master WHERE type = 'trigger'"
        for (name,) in connection.execute(guards).fetchall():
            connection.execute(f"DROP TRIGGER {name}")
        bodies = (
            "SELECT body FROM timebank_records WHERE sequence BETWEEN 10 AND 12 ORDER BY sequence"
        )
        found = [body for (body,) in connection.execute(bodies).fetchall()]
        for number, body in zip((11, 12, 10), found, strict=True):
            sql = "UPDATE timebank_records SET body = ? WHERE sequence = ?"
            connection.execute(sql, (body, number))
    report, _ = audited(path, original, 0)
    assert {"chain", "sequence"} <= {one.check for one in report.findings}
