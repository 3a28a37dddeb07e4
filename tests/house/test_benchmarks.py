"""The benchmarks measure what users get, beside what does the same; the guard sees a loss."""

from __future__ import annotations

import json
import re
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from datetime import date
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

import timebank
from benchmarks import __main__ as commands
from benchmarks import growth, guard, processes, proof, where
from benchmarks.joined import ByHand
from benchmarks.loads import ACCOUNTS, in_batch, ours, pairs, post
from benchmarks.raw import Lean, Raw
from benchmarks.singles import at_once
from benchmarks.table import Line, line, render, shown, write
from timebank import Hours, LimitExceeded, TimeBank
from timebank.bank import session
from timebank.journal.tree import TILE

ROOT = Path(__file__).parents[2]


def rows(path: Path, table: str) -> int:
    """How many rows of transfers there are."""
    with closing(sqlite3.connect(path)) as connection:
        return int(connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0])


@pytest.mark.usefixtures("durable")
@pytest.mark.parametrize("synchronous", ["full", "normal"])
def test_the_bank_that_is_measured_has_the_defaults(tmp_path: Path, synchronous: str) -> None:
    """Nothing is bought with safety: durability, keys, triggers, digests, checks are all there."""
    bank = ours(tmp_path / "a.db", synchronous)
    post(bank, pairs(5, 1))
    with bank.store.writer("main") as writer:
        connection = writer.connection()  # type: ignore[attr-defined] # SQLite's
        told = {
            name: connection.execute(f"PRAGMA {name}").fetchone()[0]
            for name in (
                *("synchronous", "journal_mode", "foreign_keys"),
                *("recursive_triggers", "secure_delete"),
            )
        }
        triggers = connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'")
        names = {name for (name,) in triggers}
    assert told == {
        "synchronous": {"full": 2, "normal": 1}[synchronous],
        "journal_mode": "wal",
        "foreign_keys": 1,
        "recursive_triggers": 1,
        "secure_delete": 1,
    }
    timebank.open(f"sqlite:///{tmp_path / 'default.db'}").close()
    with closing(sqlite3.connect(tmp_path / "default.db")) as connection:
        found = connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'")
        assert names == {name for (name,) in found}
    assert 4 <= len(names)
    bank.set_limits("m1", floor=0)
    with pytest.raises(LimitExceeded):
        bank.transfer(earner="m2", spender="m1", hours=9999, occurred_on=date(2026, 3, 2))
    assert () == bank.audit().findings
    bank.close()


def test_a_host_by_hand_writes_the_same_rows(tmp_path: Path) -> None:
    """A call each or in a batch: as many records and postings, in a chain that holds."""
    first, second = pairs(30, 3), pairs(30, 4)
    hand = ByHand(tmp_path / "hand.db", synchronous="FULL", accounts=ACCOUNTS)
    hand.apart(first)
    hand.together(second)
    raw = Raw(tmp_path / "raw.db", synchronous="FULL", accounts=ACCOUNTS)
    raw.post([*first, *second])
    assert hand.scan() == raw.scan()
    for one in (hand, raw):
        one.connection.close()
    for table in ("timebank_records", "timebank_postings", "timebank_accounts"):
        assert rows(tmp_path / "hand.db", table) == rows(tmp_path / "raw.db", table)
    balances = "SELECT account, version, balance FROM timebank_postings ORDER BY account, version"
    found = []
    for name in ("hand.db", "raw.db"):
        with closing(sqlite3.connect(tmp_path / name)) as connection:
            found.append(connection.execute(balances).fetchall())
    assert found[0] == found[1]


def test_the_yardstick_writes_the_same_rows(tmp_path: Path) -> None:
    """As many records and postings, to the same balances, in a chain that holds."""
    load = pairs(50, 3)
    bank = ours(tmp_path / "ours.db")
    raw = Raw(tmp_path / "raw.db", synchronous="FULL", accounts=ACCOUNTS)
    post(bank, load)
    raw.post(load)
    raw.connection.close()
    for table in ("timebank_records", "timebank_postings", "timebank_accounts"):
        assert rows(tmp_path / "ours.db", table) == rows(tmp_path / "raw.db", table)
    with closing(sqlite3.connect(tmp_path / "raw.db")) as connection:
        for account in ACCOUNTS[:9]:
            sql = "SELECT coalesce(sum(seconds), 0) FROM timebank_postings WHERE account = ?"
            (seconds,) = connection.execute(sql, (account,)).fetchone()
            assert Hours.from_seconds(seconds) == bank.balance(account).posted
    raw = Raw(tmp_path / "other.db", synchronous="FULL", accounts=ACCOUNTS)
    raw.batch(load)
    assert 50 + len(ACCOUNTS) == raw.scan()
    raw.connection.close()
    bank.close()


def test_the_lean_yardstick_keeps_a_chain_and_balances(tmp_path: Path) -> None:
    """Each record follows from the one before, each balance is the sum so far; nothing is lost."""
    load = pairs(50, 3)
    bank = ours(tmp_path / "ours.db")
    lean = Lean(tmp_path / "lean.db", synchronous="FULL", accounts=ACCOUNTS)
    post(bank, load)
    lean.post(load)
    pragmas = ("synchronous", "journal_mode")
    told = [lean.connection.execute(f"PRAGMA {name}").fetchone()[0] for name in pragmas]
    assert [2, "wal"] == told
    lean.connection.close()
    with closing(sqlite3.connect(tmp_path / "lean.db")) as connection:
        before = b""
        for digest, body in connection.execute("SELECT digest, body FROM records"):
            before = sha256(before + body).digest()
            assert before == digest
        for account, balance in connection.execute("SELECT id, balance FROM accounts"):
            sql = "SELECT seconds, balance FROM postings WHERE account = ? ORDER BY sequence"
            moved = connection.execute(sql, (account,)).fetchall()
            assert balance == sum(seconds for seconds, _ in moved)
            assert balance == (moved[-1][1] if moved else 0)
            assert Hours.from_seconds(balance) == bank.balance(account).posted
    counts = [rows(tmp_path / "lean.db", table) for table in ("records", "postings")]
    assert [50, 100] == counts
    bank.close()


def test_threads_and_batches_post_the_whole_load(tmp_path: Path) -> None:
    """What is timed is what was asked for."""
    bank = ours(tmp_path / "a.db")
    at_once(bank, [pairs(5, seed) for seed in range(8)])
    in_batch(bank, pairs(7, 99))
    assert 47 == sum(1 for _ in bank.transfers())
    bank.close()


def test_a_line_of_the_table() -> None:
    """Medians, how many times as fast, the spread; what is not installed is named."""
    cells = shown(line("work", [2e-6, 4e-6, 6e-6], "by hand", [2e-6]), 30)
    assert [
        "work",
        "4.0\xa0µs",
        "by hand",
        "2.0\xa0µs",
        "0.50\xa0x",
        "100%",
        "30\xa0MB",
        "",
    ] == cells
    missing = shown(line("work", [0.5], "another", None), 30, 0.9)
    assert [
        "work",
        "0.50\xa0s",
        "another",
        "not installed",
        "",
        "0%",
        "30\xa0MB",
        "0.90\xa0x",
    ] == missing
    assert 3 == len(render([cells]).splitlines())


@pytest.mark.slow
def test_proof_is_measured() -> None:
    """Tiles, with small numbers."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.proof", "--quick"],
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT / "tests",
    )
    assert "| a tile of the tree, in a batch" in done.stdout


def test_every_table_of_the_page_is_written_by_a_command() -> None:
    """Each has its place, once; what a command writes is put there, and nothing else is changed."""
    page = (ROOT / "docs" / "performance.md").read_text("utf-8")
    tables = [commands.markers(table) for table in ("year", "table", "million")]
    tables += [part.MARKERS for part in (growth, where, proof, processes)]
    places = [marker for markers in tables for marker in markers]
    assert [1] * len(places) == [page.count(marker) for marker in places]
    assert sorted(places) == sorted(re.findall("<!-- .* -->", page))


def test_a_table_is_put_between_its_marks(tmp_path: Path) -> None:
    """A page without them is left as it is."""
    page = tmp_path / "page.md"
    page.write_text("before\n<!-- a -->\nold\n<!-- end of a -->\nbehind\n", "utf-8")
    write(page, "new", commands.markers("a"))
    whole = "before\n<!-- a -->\nnew\n<!-- end of a -->\nbehind\n"
    assert whole == page.read_text("utf-8")
    with pytest.raises(ValueError, match="has not <!-- b -->"):
        write(page, "new", commands.markers("b"))
    assert whole == page.read_text("utf-8")


def test_where_the_time_goes_is_all_of_it() -> None:
    """Every file of the library is of a part, and the parts of one transfer are what it takes."""
    names = {where.part_of(str(path)) for path in Path(timebank.__file__).parent.rglob("*.py")}
    assert set(where.PARTS) <= names
    spent = where.Spent().of(lambda: Hours("1:30"))
    assert 0 < spent.instructions["checks, hours"] <= sum(spent.instructions.values())


def test_what_is_not_installed_is_said(monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    """A part that cannot run is named, and why; the others are measured."""

    def part(_: Path, *, quick: bool) -> list[Line]:
        raise ModuleNotFoundError(name="psycopg")

    monkeypatch.setitem(commands.PARTS, "servers", part)
    commands.measure("servers", quick=True)
    told = json.loads(capsys.readouterr().out)
    assert ([], "servers (psycopg is not installed)") == (told["lines"], told["missing"])


@pytest.mark.parametrize("work", [post, in_batch])
def test_the_tree_costs_no_more_than_a_twentieth(
    work: Callable[..., object], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of an append, one by one or in a batch: counted, over one whole tile."""
    counts = []
    for name in ("without", "with"):
        if name == "with":
            monkeypatch.undo()
        else:
            monkeypatch.setattr(session, "tiles_filled", lambda *_: [])
        bank = ours(tmp_path / f"{name}.db")
        for seed in (1, 2):  # what is cached is so before it is counted
            work(bank, pairs(TILE, seed))
        counts.append(guard.counted(partial(work, bank, pairs(TILE, 3))))
        bank.close()
    without, with_it = counts
    assert without < with_it <= without * 21 / 20


@pytest.mark.slow
def test_one_command_measures_a_part() -> None:
    """In a process of its own, with small numbers."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks", "--quick", "--only", "full"],
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT / "tests",
    )
    assert "| one durable transfer, FULL" in done.stdout
    assert "raw sqlite3" in done.stdout


# -- the guard ----------------------------------------------------------------


def test_the_count_of_instructions_is_the_same_in_every_run() -> None:
    """And grows with the work."""

    def work(times: int) -> int:
        return guard.counted(lambda: [str(n) for n in range(times)])

    assert work(100) == work(100)
    assert 1.8 * work(100) < work(200) < 2.2 * work(100)


@pytest.fixture(scope="module")
def before() -> dict[str, float]:
    """What work costs."""
    return guard.measured()


@pytest.mark.slow
def test_the_guard_notices_a_lost_third(
    before: dict[str, float], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a transfer that does more, and that alone; and it is quiet about what is recorded."""
    recorded = json.loads(guard.RECORDED.read_text("utf-8"))
    assert {} != recorded
    assert [] == guard.losses(before, before)
    real = TimeBank.transfer

    def slower(self: TimeBank, **given: object) -> object:
        for _ in range(500):  # about half of what a transfer costs
            pass
        return real(self, **given)  # type: ignore[arg-type]

    monkeypatch.setattr(TimeBank, "transfer", slower)
    (lost,) = guard.losses(guard.measured(), before)
    assert lost.startswith("a transfer costs")


@pytest.mark.slow
def test_the_guard_counts_statements(
    before: dict[str, float], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two more look-ups in a transfer are seen."""
    real = TimeBank.transfer

    def asking(self: TimeBank, **given: object) -> object:
        self.head()
        return real(self, **given)  # type: ignore[arg-type]

    monkeypatch.setattr(TimeBank, "transfer", asking)
    after = guard.measured()
    assert before["statements of a transfer"] + 2 < after["statements of a transfer"]
    assert any("statements" in text for text in guard.losses(after, before))
