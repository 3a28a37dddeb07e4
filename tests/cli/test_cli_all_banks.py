"""`timebank audit --all`: every bank of a storage, and once what is of the storage as a whole."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from xml.etree.ElementTree import fromstring

import pytest
from click.testing import CliRunner, Result

from support import made_once
from timebank.cli import main

BANKS = ("main", "via-verdi")
WELL = """\
All well: 2 banks, with 4 records and 4 accounts.
Looked at once, for the storage as a whole: the file, tables, rows of no bank, references.
"""
BENE = """\
Tutto a posto: 2 banche, con 4 registrazioni e 4 conti.
Guardati una volta, per l'archivio nel suo insieme: il file, tabelle, righe di nessuna banca,
riferimenti.
"""


def _fill() -> None:
    """Make the banks."""
    for bank in BANKS:
        assert 0 == call("--bank", bank, "init").exit_code
        for account in ("m1", "m2"):
            assert 0 == call("--bank", bank, "account", "open", account).exit_code


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file of two banks, each with two members."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TIMEBANK_DB", "bank.db")
    made_once(_fill)
    return tmp_path


def call(*words: str) -> Result:
    """A command, and how it ended."""
    return CliRunner().invoke(main, words, prog_name="timebank")


def tamper(*statements: str) -> None:
    """Change the file by another tool."""
    with closing(sqlite3.connect("bank.db", isolation_level=None)) as tool:
        for statement in statements:
            tool.execute(statement)


def findings(shapes: Sequence[dict[str, object]]) -> set[tuple[object, str]]:
    """The banks of reports, with the checks that found something."""
    return {(one["bank"], found["check"]) for one in shapes for found in one["findings"]}  # type: ignore[attr-defined]  # JSON


def test_all_well() -> None:
    """The banks are counted; it says what was looked at once, and each head on request."""
    result = call("audit", "--all")
    assert (0, WELL, "") == (result.exit_code, result.stdout, result.stderr)
    assert BENE == call("--lang", "it", "audit", "--all").stdout
    lines = call("audit", "--all", "--verbose").stdout.splitlines()
    heads = [call("--bank", bank, "head").stdout.split() for bank in BANKS]
    shown = [one.split()[1:] for one in lines if one.startswith("Head")]
    assert [head[: len(one)] for head, one in zip(heads, shown, strict=True)] == shown
    assert ["Bank main:", "Bank via-verdi:"] == [one for one in lines if one.startswith("Bank")]
    assert (
        "All well: 2 banks, with 4 records and 4 accounts.\n"
        == call("audit", "--all", "--quick").stdout
    )


def test_one_bank_says_what_was_not_looked_at() -> None:
    """Where another is beside it; a bank that is alone has nothing to say."""
    told = call("audit").stdout
    assert "other banks share the storage: the file, rows of no bank, references." in " ".join(
        told.split()
    )
    tamper("DROP TRIGGER timebank_banks_no_delete")
    for table in ("accounts", "records", "banks"):
        tamper(
            f"DROP TRIGGER IF EXISTS timebank_{table}_no_delete",
            f"DELETE FROM timebank_{table} WHERE bank = 'via-verdi'",
        )
    assert "share" not in call("audit").stdout


def test_what_is_found_is_told_with_its_bank() -> None:
    """Exit code 1; a row of no bank is of the storage, and is no bank's."""
    tamper(
        "DELETE FROM timebank_accounts WHERE bank = 'via-verdi' AND account = 'm1'",
        "INSERT INTO timebank_tiles VALUES ('ghost', 0, 0, zeroblob(32))",
    )
    result = call("audit", "--all")
    assert 1 == result.exit_code
    verdict = "NOT WELL: 2 findings; banks with some of their own: 1 of 2.\n"
    assert result.stdout.startswith(verdict)
    for part in ("The storage as a whole:", "Bank via-verdi:", "ghost"):
        assert part in result.stdout
    assert "Bank main:" not in result.stdout
    shapes = json.loads(call("audit", "--all", "--format", "json").stdout)
    assert [None, *BANKS] == [one["bank"] for one in shapes]
    assert {(None, "orphans"), ("via-verdi", "derived")} == findings(shapes)
    suites = fromstring(call("audit", "--all", "--format", "junit").stdout)  # noqa: S314 - ours
    assert {
        "timebank audit, the storage": "1",
        "timebank audit, bank main": "0",
        "timebank audit, bank via-verdi": "1",
    } == {one.attrib["name"]: one.attrib["failures"] for one in suites}


def test_the_same_is_found_as_by_an_audit_of_each() -> None:
    """What each bank's audit finds is found; and with it what none of them looks at."""
    tamper("UPDATE timebank_accounts SET status = 'frozen' WHERE bank = 'main'")
    each = [json.loads(call("--bank", one, "audit", "--format", "json").stdout) for one in BANKS]
    shapes = json.loads(call("audit", "--all", "--format", "json").stdout)
    assert [one["findings"] for one in each] == [one["findings"] for one in shapes[1:]]
    assert each[0]["findings"]


@pytest.mark.parametrize(
    "words",
    [
        ("--since", "x"),
        ("--save", "x"),
        ("--expect-head", "x"),
        ("--key", "x"),
        ("--evidence", "x"),
        ("--copy", "x"),
    ],
)
def test_what_is_about_one_bank_does_not_go_with_it(words: tuple[str, str]) -> None:
    """The option is named."""
    result = call("audit", "--all", *words)
    assert (2, "") == (result.exit_code, result.stdout)
    assert f"--all audits every bank of the storage: leave {words[0]} out" in result.stderr


def test_a_storage_that_cannot_be_read_is_a_finding(folder: Path) -> None:
    """Exit code 1, as of one bank; where there is none it is 2."""
    (folder / "bank.db").write_bytes(b"no database at all, and longer than a header" * 100)
    result = call("audit", "--all")
    assert 1 == result.exit_code
    assert "Looked at once, for the storage as a whole: the file." in result.stdout
    assert 2 == call("--db", "none.db", "audit", "--all").exit_code


def test_copies_of_all_are_looked_at_as_a_whole(folder: Path) -> None:
    """A row of no bank that was in the target is told, and the exit code is 1."""
    assert 0 == call("copy", "--all", "bank.db", "copy.db").exit_code
    with closing(sqlite3.connect(folder / "copy.db", isolation_level=None)) as tool:
        tool.execute("INSERT INTO timebank_tiles VALUES ('ghost', 0, 0, zeroblob(32))")
    result = call("copy", "--all", "bank.db", "copy.db")
    assert 1 == result.exit_code
    assert "ghost" in result.stderr
