"""Tables for spreadsheets: sums are exact, and nothing is executed."""

from __future__ import annotations

import csv
import io
from collections import Counter
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st

import timebank
from support import Clock, fill, fill_with_members, fill_with_rules, sources
from timebank import Hours, TimeBank
from timebank.cli import main
from timebank.interchange.spreadsheet import (
    Sheet,
    balances_sheet,
    statement_sheet,
    transfers_sheet,
)
from timebank.reports.csv_lines import cell_of, guarded, unguarded

DAY = date(2026, 3, 2)
texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12)


@pytest.fixture
def full(clock: Clock) -> TimeBank:
    """A bank with every kind of record."""
    bank = timebank.open("memory:", **sources(clock))
    fill(bank)
    fill_with_rules(bank)
    fill_with_members(bank, clock)
    return bank


def read(sheet: Sheet) -> list[dict[str, str]]:
    """The rows, as any program reads CSV."""
    raw = "".join(f"{line}\n" for line in sheet)
    lines = io.StringIO(raw, newline="")
    return list(csv.DictReader(lines, strict=True, delimiter=";" if sheet.decimal_comma else ","))


# -- sums ---------------------------------------------------------------------


@pytest.mark.parametrize("decimal_comma", [False, True])
def test_sums_of_transfers_are_the_balances(full: TimeBank, *, decimal_comma: bool) -> None:
    """Fees, dues, reversals and circles among them; each transfer sums to zero."""
    rows = read(transfers_sheet(full, decimal_comma=decimal_comma))
    sums, each = Counter[str](), Counter[str]()
    for row in rows:
        sums[row["account"]] += int(row["seconds"])
        each[row["id"]] += int(row["seconds"])
    balances = {line.account: line.balance.seconds for line in full.trial_balance().lines}
    assert {id: seconds for id, seconds in balances.items() if seconds} == {
        id: seconds for id, seconds in sums.items() if seconds
    }
    assert set(each.values()) == {0}
    assert [t.id for t in full.transfers()] == list(dict.fromkeys(row["id"] for row in rows))
    told = read(balances_sheet(full.trial_balance(), decimal_comma=decimal_comma))
    assert balances == {row["account"]: int(row["balance_seconds"]) for row in told}


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(1, 10**7), texts), max_size=8))
def test_what_is_read_back_is_what_was_written(moves: list[tuple[str, int, str]]) -> None:
    """Whatever a note says, and however many seconds."""
    bank = timebank.open("memory:", **sources())
    for account in ("a", "b", "c", "=cmd()"):
        bank.open_account(account, kind="fund")
    for earner, seconds, note in moves:
        hours = Hours.from_seconds(seconds)
        bank.transfer(earner=earner, spender="=cmd()", hours=hours, note=note)
    rows = read(transfers_sheet(bank))
    told = [
        (row["account"], int(row["seconds"]), unguarded(row["note"], as_text=True)) for row in rows
    ]
    assert [(id, seconds, cell_of(note)) for id, seconds, note in moves] == told[::2]
    assert ["'=cmd()"] * len(moves) == [row["account"] for row in rows[1::2]]
    lines = read(statement_sheet(bank.statement("=cmd()")))
    assert -sum(seconds for _, seconds, _ in moves) == int(lines[-1]["balance_seconds"])


@given(texts, st.sampled_from(["", "=", "+", "-", "@", "\t", "'", "'=", "\uff1d"]))
def test_no_text_is_a_formula_and_none_is_lost(text: str, first: str) -> None:
    """A cell begins with no sign of a formula, and can be read back."""
    cell = guarded(first + text)
    assert cell[:1] not in set("=+-@\t\r\n\uff1d\uff0b\uff0d\uff20") or not cell
    assert first + text == unguarded(cell)


def test_a_statement_begins_with_its_opening_balance(full: TimeBank) -> None:
    """And each line comes to the balance after it."""
    rows = read(statement_sheet(full.statement("m1", since=DAY)))
    running = int(rows[0]["balance_seconds"])
    for row in rows[1:]:
        running += int(row["seconds"])
        assert running == int(row["balance_seconds"])
    assert full.balance("m1").posted.seconds == running


# -- how it looks -------------------------------------------------------------


def test_decimals_are_as_the_reader_writes_them() -> None:
    """Hours with a comma and semicolons between columns; what is rounded is counted."""
    bank = timebank.open("memory:", **sources())
    bank.open_account("a", kind="fund")
    bank.open_account("b", kind="fund")
    for seconds in (5400, 9, 1, 36000):
        hours = Hours.from_seconds(seconds)
        bank.transfer(earner="a", spender="b", hours=hours, occurred_on=DAY)
    sheet = transfers_sheet(bank, decimal_comma=True)
    assert ["1,5", "0,0025", "0,0003", "10"] == [row["hours"] for row in read(sheet)[::2]]
    assert 2 == sheet.rounded
    assert "1.5" == read(transfers_sheet(bank))[0]["hours"]
    assert "-1.5" == read(transfers_sheet(bank))[1]["hours"]


def test_days_bound_the_transfers(full: TimeBank) -> None:
    """Both included."""
    days = sorted({transfer.occurred_on for transfer in full.transfers()})
    rows = read(transfers_sheet(full, since=days[1], until=days[-2]))
    assert {day.isoformat() for day in days[1:-1]} == {row["occurred_on"] for row in rows}


def test_texts_can_be_left_out(full: TimeBank) -> None:
    """Then no table has a name, a note or a reason."""
    secret = {"Maria R.", "accompanied to the clinic", "entered twice"}
    for with_texts in (True, False):
        sheets = [
            transfers_sheet(full, texts=with_texts),
            balances_sheet(full.trial_balance(), texts=with_texts),
            statement_sheet(full.statement("m1"), texts=with_texts),
        ]
        cells = {cell for sheet in sheets for row in read(sheet) for cell in row.values()}
        assert (secret if with_texts else set()) == secret & cells


# -- by command ---------------------------------------------------------------


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file with a bank."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TIMEBANK_DB", "a.db")
    with timebank.open("sqlite:///a.db", **sources()) as bank:
        fill(bank)
    return tmp_path


def call(*words: str) -> Result:
    """Run `timebank export csv`."""
    return CliRunner().invoke(main, ["export", "csv", *words])


@pytest.mark.parametrize(
    ("words", "left_out"),
    [
        (("transfers", "--since", "2026-01-01"), "digests and salts"),
        (("balances", "--on", "2026-12-31"), "exchanges, open holds"),
        (("statement", "m1"), "digests and salts"),
        (("transfers", "--without-texts"), "names, notes and reasons, digests"),
    ],
)
def test_by_command(shop: Path, words: tuple[Any, ...], left_out: str) -> None:
    """The table on standard output, what it lacks on the other."""
    done = call(*words)
    rows = list(csv.reader(io.StringIO(done.stdout)))
    assert (0, True) == (done.exit_code, len(rows) > 2)
    assert {len(rows[0])} == {len(row) for row in rows}
    assert f"timebank: not in this file: {left_out}" in done.stderr


def test_a_mark_for_excel(shop: Path) -> None:
    """Once, at the beginning of the file."""
    raw = call("balances", "--bom", "--decimal-comma").stdout_bytes
    assert raw.startswith(b"\xef\xbb\xbfaccount;name;")
    assert 1 == raw.count(b"\xef\xbb\xbf")


def test_no_such_account_is_one_line(shop: Path) -> None:
    """With exit code 2, and no table."""
    done = call("statement", "nobody")
    assert (2, "") == (done.exit_code, done.stdout)
    assert "no account 'nobody'" in done.stderr
