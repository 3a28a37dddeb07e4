"""The engine of every import, by importers that are lists: booked once, quarantined, reconciled."""

from __future__ import annotations

import csv
import io
import json
import sys
import tracemalloc
from collections.abc import Iterator, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import attrs
import pytest
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st

import timebank
from support import sources
from timebank import Hours, InvalidRequest, TimeBank, reports
from timebank.cli import main
from timebank.interchange.engine import row_ids
from timebank.interchange.engine.booking import CHUNK_ROWS, run
from timebank.interchange.engine.csv_rows import Row, Rows, TableReader
from timebank.interchange.engine.opening import ZERO, opening_balances
from timebank.interchange.engine.protocol import (
    ImportedAccount,
    ImportedReversal,
    ImportedRow,
    ImportedTransfer,
    Importer,
    Passed,
)
from timebank.interchange.engine.quarantine import TITLES, Mended, QuarantineFile
from timebank.interchange.engine.reconcile import Difference
from timebank.interchange.engine.report import ImportReport, Quarantined
from timebank.interchange.engine.resaved import restored
from timebank.interchange.engine.row_ids import RowIds
from timebank.reports.imports import import_text

DAY = date(2026, 3, 1)


@attrs.define
class Listed:
    """An importer of rows that are there already."""

    rows: Sequence[ImportedRow]
    name: str = "listed"
    bytes: int = 0
    bytes_read: int = 0

    def read(self) -> Iterator[tuple[str, ImportedRow]]:
        """The rows, of one file."""
        for row in self.rows:
            self.bytes_read += 1
            yield "list.csv", row


def moved(
    line: int, *, earner: str = "a", spender: str = "b", seconds: int = 60, **more: Any
) -> ImportedTransfer:
    """An exchange whose id is its line."""
    return ImportedTransfer(
        line,
        more.pop("id", f"listed:{line}"),
        earner=earner,
        spender=spender,
        seconds=seconds,
        occurred_on=more.pop("day", DAY),
        **more,
    )


A, B = ImportedAccount(1, "a"), ImportedAccount(2, "b")


@pytest.fixture
def memory() -> TimeBank:
    """An empty bank in memory."""
    return timebank.open("memory:", **sources())


def book(bank: TimeBank, *rows: ImportedRow, **options: Any) -> ImportReport:
    """Import these rows."""
    return run(bank, Listed(rows), **options)


def places(report: ImportReport) -> list[tuple[int, str]]:
    """Where the quarantined rows are."""
    return [(row.line, row.column) for row in report.rows]


# -- what is booked -----------------------------------------------------------


def test_everything_of_a_row_is_kept(bank: TimeBank) -> None:
    """Day, original instant, system, note, labels, tags; limits are unchecked."""
    row = moved(
        3,
        seconds=360_000,
        created_at="2026-03-01T23:59:00Z",
        note="two\nlines",
        category="care",
        area="family-help",
        tags=("x", "y"),
        source={"trace": "77"},
    )
    account = ImportedAccount(1, "a", kind="group", name="Vera", joined_on=date(2020, 1, 8))
    report = book(bank, account, B, row)
    assert (2, 1, Hours(100), True, 3) == (
        report.accounts_opened,
        report.transfers_booked,
        report.moved,
        report.ok,
        report.read,
    )
    transfer = bank.transfer_by_id("listed:3")
    assert ("two\nlines", "care", "family-help", ("x", "y"), "unchecked", DAY) == (
        transfer.note,
        transfer.category,
        transfer.area,
        tuple(transfer.tags),
        transfer.limits,
        transfer.occurred_on,
    )
    assert {
        "system": "listed",
        "created_at": "2026-03-01T23:59:00Z",
        "trace": "77",
    } == transfer.source
    found = bank.account("a")
    assert ("group", "Vera", date(2020, 1, 8)) == (found.kind, found.name, found.joined_on)


def test_a_second_run_appends_nothing(bank: TimeBank) -> None:
    """Accounts, transfers, reversals, closings and freezings are all there already."""
    rows = (
        attrs.evolve(A, closed=True),
        B,
        ImportedAccount(3, "c", closed=True),
        ImportedAccount(4, "d", frozen=True),
        moved(5),
        ImportedReversal(6, "listed:6", of="listed:5", reason="undone"),
        moved(7, earner="c"),
        Passed(8, "pending"),
    )
    first = book(bank, *rows)
    head = bank.head()
    second = book(bank, *rows)
    assert head == bank.head()
    assert (4, 3, 1, {"pending": 1}, 1) == (
        first.accounts_opened,
        first.transfers_booked,
        first.reversals_booked,
        first.passed,
        first.accounts_closed,
    )
    assert (0, 0, 0, 4, 3, 1, Hours(0), {"pending": 1}) == (
        second.accounts_opened,
        second.transfers_booked,
        second.reversals_booked,
        second.accounts_there,
        second.transfers_there,
        second.reversals_there,
        second.moved,
        second.passed,
    )


def test_a_row_that_stands_twice_is_booked_once(bank: TimeBank) -> None:
    """Alike it is there already; with other hours it is quarantined."""
    report = book(bank, A, B, moved(3), moved(3), moved(4, id="listed:3", seconds=61))
    assert (1, 1, Hours.from_seconds(60), [(4, "row")]) == (
        report.transfers_booked,
        report.transfers_there,
        report.moved,
        places(report),
    )


def test_an_account_that_is_not_listed_is_opened_when_needed(bank: TimeBank) -> None:
    """Once, before the first transfer that needs it."""
    fund = ImportedAccount(0, "levies", kind="fund")
    assert 0 == book(bank, A, B).accounts_implied
    report = book(bank, A, B, *(moved(n, earner="levies", opens=fund) for n in (3, 4)))
    assert (1, 1, 2) == (
        report.accounts_implied,
        report.accounts_opened,
        report.transfers_booked,
    )
    assert "fund" == bank.account("levies").kind


# -- reversals ----------------------------------------------------------------


def test_a_reversal_finds_its_original_wherever_it_stands(bank: TimeBank) -> None:
    """Before it, in a list that begins with the newest, or behind it; wholly or in part."""
    before = ImportedReversal(3, "r1", of="listed:4", reason="undone", occurred_on=date(2026, 2, 9))
    part = ImportedReversal(6, "r2", of="listed:5", reason="less", seconds=20)
    report = book(bank, A, B, before, moved(4), moved(5), part)
    assert (4, 2, True) == (report.transfers_booked, report.reversals_booked, report.ok)
    assert date(2026, 2, 9) == bank.transfer_by_id("r1").occurred_on
    assert Hours.from_seconds(40) == bank.balance("a").posted


def test_a_reversal_of_nothing_or_of_too_much_is_quarantined(bank: TimeBank) -> None:
    """The column that names the original is to blame, or the one with the hours."""
    columns = {"of": "chargeback_of", "seconds": "amount"}
    report = book(
        bank,
        A,
        B,
        moved(3),
        ImportedReversal(4, "r1", of="listed:9", reason="x", columns=columns),
        ImportedReversal(5, "r2", of="listed:3", reason="x", seconds=61, columns=columns),
    )
    assert [(5, "amount"), (4, "chargeback_of")] == places(report)


# -- accounts that are closed -------------------------------------------------


def test_closed_accounts_keep_their_history(bank: TimeBank) -> None:
    """At zero they are closed; with hours on them they are frozen, and named with their balance."""
    closed = ImportedAccount(1, "a", closed=True), ImportedAccount(2, "c", closed=True)
    report = book(
        bank, *closed, B, moved(3), moved(4, earner="b", spender="a"), moved(5, earner="c")
    )
    assert (1, (("c", Hours.from_seconds(60)),)) == (report.accounts_closed, report.frozen)
    assert ["closed", "open", "frozen"] == [bank.account(id).status for id in "abc"]
    assert any("c has 0:01" in line for line in import_text(report))


def test_history_that_comes_later_wakes_what_the_source_closed(bank: TimeBank) -> None:
    """A row that was mended since is booked, and the account is closed again."""
    closed = ImportedAccount(1, "a", closed=True)
    book(bank, closed, B)
    back = moved(4, earner="b", spender="a")
    report = book(bank, closed, B, moved(3), back)
    assert (2, True, "closed") == (report.transfers_booked, report.ok, bank.account("a").status)


def test_what_was_closed_here_stays_closed(bank: TimeBank) -> None:
    """The source says that it is open: a row for it is quarantined."""
    book(bank, A, B)
    bank.close_account("a")
    report = book(bank, A, B, moved(3, columns={"earner": "to"}))
    assert ([(3, "to")], "closed") == (places(report), bank.account("a").status)


def test_a_frozen_account_that_is_mended_to_zero_is_closed(bank: TimeBank) -> None:
    """What was frozen for its hours is closed once it has none."""
    closed = ImportedAccount(1, "a", closed=True)
    book(bank, closed, B, moved(3))
    assert "frozen" == bank.account("a").status
    book(bank, closed, B, moved(3), moved(4, earner="b", spender="a"))
    assert "closed" == bank.account("a").status


# -- what is quarantined ------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "column"),
    [
        ({"earner": "nobody"}, "to"),
        ({"spender": "nobody"}, "from"),
        ({"earner": "b"}, "day"),
        ({"earner": "a\n"}, "to"),
        ({"seconds": 0}, "hours"),
        ({"seconds": 2**60}, "hours"),
        ({"day": date(9999, 1, 1)}, "day"),
        ({"note": "\0"}, "note"),
        ({"category": " x"}, "category"),
        ({"tags": ("x\n",)}, "tags"),
        ({"source": {"trace": "x\n"}}, "trace"),
        ({"id": "x" * 129}, "row"),
        ({"id": "due:1"}, "row"),
    ],
)
def test_what_the_bank_refuses_is_quarantined(
    bank: TimeBank, change: dict[str, Any], column: str
) -> None:
    """With the column of the source, and the row as it stands there."""
    columns = {
        "earner": "to",
        "spender": "from",
        "seconds": "hours",
        "occurred_on": "day",
        "source": "trace",
    }
    bad = moved(3, **{"columns": columns, "cells": ("as", "it", "is"), **change})
    report = book(bank, A, B, bad, moved(4))
    assert ([(3, column)], 1, ("as", "it", "is")) == (
        places(report),
        report.transfers_booked,
        report.rows[0].cells,
    )


@pytest.mark.parametrize("id", ["", " a", "a ", "a\n", "x" * 129, "\ud800", "e\u0300"])
def test_an_id_that_cannot_be_ours_is_quarantined(bank: TimeBank, id: str) -> None:
    """Of an account; the exchanges of that account follow it."""
    report = book(bank, ImportedAccount(1, id, columns={"id": "code"}), B, moved(3, earner=id))
    assert (1, "code") == places(report)[0]
    assert (2, 0) == (report.quarantined, report.transfers_booked)


def test_strict_and_dry_runs(bank: TimeBank) -> None:
    """Strict books nothing unless all rows are good; a dry run says what a run would do."""
    rows = A, B, moved(3), moved(4, earner="nobody")
    strict = book(bank, *rows, strict=True)
    assert (0, False) == (bank.head().sequence, strict.booked)
    dry = book(bank, *rows, dry_run=True)
    assert (0, False) == (bank.head().sequence, dry.booked)
    assert attrs.evolve(dry, booked=True) == book(bank, *rows)
    assert book(bank, *rows[:3], strict=True).booked


@pytest.mark.slow
def test_an_import_is_a_stream(memory: TimeBank) -> None:
    """Rows are taken thousands at a time, each of these a batch; progress tells how far it is."""

    class Broken(Listed):
        def read(self) -> Iterator[tuple[str, ImportedRow]]:
            yield from super().read()
            raise EOFError

    rows: list[ImportedRow] = [A, B, *(moved(n) for n in range(CHUNK_ROWS * 2))]
    with pytest.raises(EOFError):
        run(memory, Broken(rows))
    assert CHUNK_ROWS * 2 == memory.head().sequence
    told: list[tuple[int, int]] = []
    listed = Listed(rows, bytes=len(rows))
    report = run(memory, listed, progress=lambda *where: told.append(where))
    most = 2 * CHUNK_ROWS + 2
    assert [(CHUNK_ROWS, most), (2 * CHUNK_ROWS, most), (most, most)] == told
    assert (2, CHUNK_ROWS * 2 - 2) == (report.transfers_booked, report.transfers_there)


# -- balances -----------------------------------------------------------------


def test_balances_that_agree_are_counted(bank: TimeBank) -> None:
    """And nothing is compared where the source states nothing."""
    report = book(bank, attrs.evolve(A, stated=60), attrs.evolve(B, stated=-60), moved(3))
    assert report.reconciliation is not None
    assert (2, (), True) == (
        report.reconciliation.compared,
        report.reconciliation.differences,
        report.ok,
    )
    assert "Balances:  all 2 are what the source states" == import_text(report)[-1]
    assert book(bank, A, B).reconciliation is None


def test_each_difference_is_explained_or_shown(bank: TimeBank) -> None:
    """By the hours of quarantined rows that touch the account; what is left over is shown."""
    late = moved(6, earner="a", spender="c", seconds=5, day=date(9999, 1, 1))
    unclear = Quarantined("list.csv", 7, "hours", "?", "no hours", moves=(("b", None),))
    nobody = Quarantined("list.csv", 8, "row", "?", "broken")
    report = book(
        bank,
        attrs.evolve(A, stated=65),
        attrs.evolve(B, stated=-50),
        ImportedAccount(3, "c", stated=-5),
        ImportedAccount(4, " ", stated=7),
        moved(5),
        late,
        unclear,
        nobody,
    )
    found = report.reconciliation
    assert found is not None
    second = Hours.from_seconds
    assert (
        Difference(" ", second(7), None, second(0)),
        Difference("a", second(65), second(60), second(5)),
        Difference("b", second(-50), second(-60), second(0), unclear=1),
        Difference("c", second(-5), second(0), second(-5)),
    ) == found.differences
    assert ([" ", "b"], 1) == ([one.account for one in found.unexplained], found.unplaced)
    shape = json.loads(json.dumps(reports.json.of(report)))["reconciliation"]
    assert (4, 1, [False, True, False, True]) == (
        shape["compared"],
        shape["unplaced"],
        [one["explained"] for one in shape["differences"]],
    )
    text = "\n".join(import_text(report))
    assert "0 are what the source states, 4 are not; 2 unexplained" in text
    assert "UNEXPLAINED, 1 quarantined without hours" in text


def test_an_unexplained_difference_alone_is_not_well(bank: TimeBank) -> None:
    """All rows are good, and the balance is another one all the same."""
    report = book(bank, attrs.evolve(A, stated=61), B, moved(3))
    assert (False, 0) == (report.ok, report.quarantined)


def test_a_reversal_in_quarantine_explains_as_its_original_would(bank: TimeBank) -> None:
    """Both are missing, so that together they explain nothing: the balance is right."""
    bad = moved(3, day=date(9999, 1, 1))
    back = ImportedReversal(4, "r", of="listed:3", reason="x", seconds=60)
    report = book(bank, attrs.evolve(A, stated=0), attrs.evolve(B, stated=1), bad, back)
    assert report.reconciliation is not None
    [difference] = report.reconciliation.differences
    assert ("b", Hours(0), 0) == (
        difference.account,
        difference.quarantined,
        report.reconciliation.unplaced,
    )


# -- opening balances ---------------------------------------------------------


def test_opening_balances_are_booked_once(bank: TimeBank) -> None:
    """Against an account of their own; zero is passed over, and nothing is booked by guess."""
    raw = b"balance,account\n1:30,a\n-0.5,b\n0,c\nmuch,a\n2,nobody\n"

    def again() -> ImportReport:
        opening = opening_balances(io.BytesIO(raw), day=DAY)
        return book(bank, A, B, opening=opening)

    report = again()
    assert (2, {ZERO: 1}, [(5, "balance"), (6, "account")]) == (
        report.transfers_booked,
        report.passed,
        places(report),
    )
    balances = [str(bank.balance(id).posted) for id in ("a", "b", "opening")]
    assert ["1:30", "-0:30", "-1:00"] == balances
    assert ("issuance", "opening", DAY) == (
        bank.account("opening").kind,
        bank.transfer_by_id("opening:a").kind,
        bank.transfer_by_id("opening:a").occurred_on,
    )
    head = bank.head()
    assert (2, head) == (again().transfers_there, bank.head())


def test_another_opening_balance_for_the_same_account_is_quarantined(bank: TimeBank) -> None:
    """It is booked once, whatever a later file says."""
    for raw, expected in ((b"account,balance\na,1\n", 0), (b"account,balance\na,2\n", 1)):
        report = book(bank, A, B, opening=opening_balances(io.BytesIO(raw), account="start"))
        assert expected == report.quarantined
    assert Hours(1) == bank.balance("a").posted
    assert Hours(-1) == bank.balance("start").posted


# -- the quarantine as a file, mended -----------------------------------------

cells = st.lists(
    st.text(st.characters(exclude_characters="\0"), max_size=6)
    | st.sampled_from(["=1", "'=1", "'"]),
    min_size=1,
    max_size=4,
)


def kept(*rows: Quarantined, names: Sequence[str] = ()) -> bytes:
    """The file of these rows."""
    file = io.StringIO(newline="")
    quarantine = QuarantineFile(file)
    for row in rows:
        quarantine.write(row, names)
    return file.getvalue().encode("utf-8", "backslashreplace")


def mended_of(raw: bytes) -> Mended:
    """A mended file of rows of f.csv."""
    mended = Mended("bad.csv", io.BytesIO(raw))
    mended.fit(["f.csv"])
    mended.finish()
    return mended


def as_csv(*rows: Sequence[str]) -> bytes:
    """These rows as CSV."""
    file = io.StringIO(newline="")
    csv.writer(file, quoting=csv.QUOTE_ALL).writerows(rows)
    return file.getvalue().encode("utf-8", "surrogateescape")


@given(cells, cells)
def test_a_mended_row_stands_where_the_original_stood(bad: list[str], good: list[str]) -> None:
    """Whatever is in its cells, before and after; a row that was not changed stays what it was."""
    if "\ufeff" in bad[0]:
        return
    original = as_csv(bad)
    [row] = Rows("f.csv", io.BytesIO(original))
    assert isinstance(row, Row)
    raw = kept(Quarantined("f.csv", 1, "x", "", "why", cells=row.columns))
    assert 0 == len(mended_of(raw))
    lines = list(csv.reader(io.StringIO(raw.decode(), newline="")))
    again = kept(Quarantined("f.csv", 1, "x", "", "why", cells=tuple(good)))
    lines[1][7:] = next(iter(list(csv.reader(io.StringIO(again.decode(), newline="")))[1:]))[7:]
    mended = mended_of(as_csv(*lines))
    # As many as there were, but for cells that were added; written otherwise is not changed.
    width = len(row.columns)
    cells = [*good, *[""] * (width - len(good))]
    while len(cells) > width and not cells[-1].strip():
        cells.pop()
    said = [restored(*pair) for pair in zip(row.columns, cells, strict=False)]
    expected = (*said, *cells[width:])
    assert [Row(1, expected)] == list(Rows("f.csv", io.BytesIO(original), mended=mended))


def test_a_spreadsheet_executes_no_cell_of_a_quarantine() -> None:
    """What begins like a formula begins with a quote; the quote goes when it is read."""
    raw = kept(Quarantined("f.csv", 1, "x", "=1+1", "why", cells=("=1+1", "-5", "a")))
    assert b",'=1+1,why," in raw
    assert b",'=1+1,'-5,a\r\n" in raw


def test_the_names_of_columns_stand_above_the_rows() -> None:
    """Of each file once; they are nothing to be mended."""
    bad = Quarantined("f.csv", 3, "hours", "x", "why", cells=("m1", "x"))
    raw = kept(bad, bad, names=("who", "hours"))
    lines = raw.decode().splitlines()
    assert (4, "f.csv,1,,,,,check,who,hours") == (len(lines), lines[1])
    assert 0 == len(mended_of(raw))


def test_a_row_that_could_not_be_read_can_be_written_anew() -> None:
    """It has no cells in the quarantine; whoever mends it writes them."""
    broken = b'1,"a"b\n2,c\n'
    [bad, _] = Rows("f.csv", io.BytesIO(broken))
    assert isinstance(bad, Quarantined)
    raw = kept(bad)
    assert 0 == len(mended_of(raw))
    mended = mended_of(raw.rstrip() + b",,1,ab\n")
    rows = [
        row.columns
        for row in Rows("f.csv", io.BytesIO(broken), mended=mended)
        if isinstance(row, Row)
    ]
    assert [("1", "ab"), ("2", "c")] == rows


def test_a_mended_row_is_not_taken_for_another() -> None:
    """Where the original is no longer there as it was, the mended row is quarantined."""
    raw = kept(Quarantined("f.csv", 1, "x", "", "why", cells=("1", "bad")))
    mended = mended_of(raw.replace(b"1,bad\r\n", b"1,good\r\n"))
    for original, count in ((b"0,new\n1,other\n", 2), (b"1,good\n", 1), (b"", 0)):
        rows = list(Rows("f.csv", io.BytesIO(original), mended=mended))
        assert count == sum(isinstance(row, Row) for row in rows)
        [stale] = [row for row in rows if isinstance(row, Quarantined)]
        assert ("bad.csv", 2) == (stale.file, stale.line)
        assert "the file has changed" in stale.reason
    [row] = Rows("f.csv", io.BytesIO(b"1,bad\n"), mended=mended)
    assert Row(1, ("1", "good")) == row


@given(st.lists(st.sampled_from("abc"), max_size=8), st.lists(st.sampled_from("abc"), max_size=8))
def test_a_mended_row_is_found_where_rows_came_or_went(before: list[str], after: list[str]) -> None:
    """By its cells: as many of the same rows are mended as there are both of them and of mends."""
    lines = [(line, cell) for line, cell in enumerate(before, 1) if cell == "a"]
    bad = [Quarantined("f.csv", line, "x", "", "why", cells=("1", "a")) for line, _ in lines]
    mended = mended_of(kept(*bad).replace(b"1,a\r\n", b"1,good\r\n"))
    raw = "".join(f"1,{cell}\n" for cell in after).encode()
    rows = list(Rows("f.csv", io.BytesIO(raw), mended=mended))
    good = min(len(bad), after.count("a"))
    assert good == sum(isinstance(row, Row) and row.columns == ("1", "good") for row in rows)
    assert len(bad) - good == sum(isinstance(row, Quarantined) for row in rows)
    others = [row.columns[1] for row in rows if isinstance(row, Row)]
    assert [cell for cell in after if cell != "a"] == [one for one in others if one in ("b", "c")]


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (b"", "is no file of quarantined rows"),
        (b"id,hours\n1,2\n", "is no file of quarantined rows"),
        (b"file,line,column,value,reason\nf.csv,x,,,,c,1\n", "'x' is not the number of a line"),
        (b'file,line,column,value,reason\nf.csv,1,"a"b\n', "line 2, cannot be read"),
        (
            b"file,line,column,value,reason\nf.csv,1,,,,c,1\nf.csv,1,,,,c,2\n",
            "lines 2 and 3 mend the same row",
        ),
        (b"file,line,column,value,reason\ng.csv,1,,,,c,1\n", "'g.csv', which is not among"),
    ],
)
def test_a_mended_file_has_to_be_one(raw: bytes, message: str) -> None:
    """One line says what is wrong with it."""
    with pytest.raises(InvalidRequest, match=message):
        mended_of(raw)


def test_a_mended_file_finds_files_that_were_moved() -> None:
    """By the last part of their path, unless two are called alike."""
    raw = b"file,line,column,value,reason\nold/f.csv,1,,,,c,1\n"
    mended = Mended("bad.csv", io.BytesIO(raw))
    mended.fit(["new/f.csv", "g.csv"])
    mended.finish()
    with pytest.raises(InvalidRequest, match="several files are called so"):
        Mended("bad.csv", io.BytesIO(raw)).fit(["a/f.csv", "b/f.csv"])


# -- files with a first line --------------------------------------------------


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (b"", "has no column 'id' in its first line; it has nothing"),
        (b"name,hours\n", "has no column 'id' in its first line; it has 'name', 'hours'"),
        (b"id,id\n", "has 2 columns 'id'"),
        (b'"id\n', "has no first line that can be read"),
    ],
)
def test_a_first_line_has_to_name_the_columns(raw: bytes, message: str) -> None:
    """Empty, another, with a name twice, or broken."""
    with pytest.raises(InvalidRequest, match=message):
        TableReader(Rows("f.csv", io.BytesIO(raw)), "f.csv", ["id"])


# -- properties ---------------------------------------------------------------

ids = st.sampled_from(["a", "b", "c", "", " x", "y\n"])
rows_of = st.lists(
    st.one_of(
        st.builds(
            ImportedAccount,
            line=st.just(1),
            id=ids,
            name=st.none() | st.just("Vera"),
            closed=st.booleans(),
            frozen=st.booleans(),
            stated=st.none() | st.integers(-100, 100),
        ),
        st.builds(
            moved,
            line=st.integers(1, 9),
            earner=ids,
            spender=ids,
            seconds=st.integers(-1, 3),
            note=st.none() | st.just("n\0"),
        ),
        st.builds(
            ImportedReversal,
            line=st.just(1),
            id=st.sampled_from(["r1", "r2", "listed:1"]),
            of=st.sampled_from(["listed:1", "listed:2", "r1"]),
            reason=st.sampled_from(["", "undone"]),
            seconds=st.none() | st.integers(-1, 3),
        ),
        st.builds(Passed, line=st.just(1), state=st.sampled_from(["new", "old"])),
        st.builds(
            Quarantined,
            file=st.just("f"),
            line=st.just(1),
            column=st.just("c"),
            value=st.just(""),
            reason=st.just("r"),
        ),
    ),
    max_size=14,
)


@given(rows_of)
def test_every_row_is_counted_once_and_booked_once(rows: list[ImportedRow]) -> None:
    """Whatever an importer gives: what is read is the sum, and a second run appends nothing."""
    rows = sorted(rows, key=lambda row: not isinstance(row, ImportedAccount))
    bank = timebank.open("memory:")
    report = book(bank, *rows)
    counted = (
        report.accounts_opened
        + report.accounts_there
        - report.accounts_implied
        + report.transfers_booked
        + report.transfers_there
        + report.quarantined
        + sum(report.passed.values())
    )
    assert (len(rows), len(rows)) == (report.read, counted)
    assert bank.audit().ok
    head = bank.head()
    second = book(bank, *rows)
    assert (head, 0) == (bank.head(), second.transfers_booked)


@given(st.integers(0, 40))
def test_an_interrupted_import_goes_on(cut: int) -> None:
    """Part of it, then all of it: the same transfers as all of it at once."""
    rows: list[ImportedRow] = [A, B, *(moved(n, seconds=n) for n in range(1, 38))]
    whole, broken = timebank.open("memory:"), timebank.open("memory:")
    book(whole, *rows)
    book(broken, *rows[:cut])
    book(broken, *rows)
    for bank in (whole, broken):
        assert [f"listed:{n}" for n in range(1, 38)] == [one.id for one in bank.transfers()]


@given(st.lists(st.binary(max_size=3), max_size=8))
def test_made_ids_are_apart_and_the_same_in_every_run(keys: list[bytes]) -> None:
    """Equal rows by their ordinal, others by what they say."""
    made = [[ids.of(key) for key in keys] for ids in (RowIds("x"), RowIds("x"))]
    assert made[0] == made[1]
    assert len(keys) == len(set(made[0]))


@given(st.lists(st.binary(max_size=1), max_size=60), st.integers(1, 9))
def test_made_ids_do_not_depend_on_the_memory(keys: list[bytes], most: int) -> None:
    """Counts that were put away into a file are those that were kept."""
    whole = RowIds("x")
    with pytest.MonkeyPatch.context() as patch:
        expected = [whole.of(key) for key in keys]
        patch.setattr(row_ids, "IN_MEMORY", most)
        small = RowIds("x")
        assert expected == [small.of(key) for key in keys]


@pytest.mark.slow
def test_made_ids_are_in_flat_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten times as many rows take no more."""
    monkeypatch.setattr(row_ids, "IN_MEMORY", 1_000)
    peaks = []
    for rows in (5_000, 50_000):
        ids = RowIds("x")
        tracemalloc.start()
        for number in range(rows):
            ids.of(b"%d" % number)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.2 * peaks[0]


# -- the command line ---------------------------------------------------------


def call(*words: str) -> Result:
    """Run `timebank` with these words, on bank.db."""
    return CliRunner().invoke(main, ["--db", "bank.db", *words])


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder to work in."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


USERS = "1,,Vera,,,,,,,\n2,,Paolo,,,,,,,\n"
ROW = "1,member,2,member,{},2018-01-17 11:35:48,garden,\n"
TIMEOVERFLOW = ("import", "timeoverflow", "--users", "users.csv", "--transfers", "t.csv")


@pytest.fixture
def files(folder: Path) -> Path:
    """TimeOverflow's files, with one row that is not good, among its equals."""
    (folder / "users.csv").write_text(USERS, "utf-8")
    (folder / "t.csv").write_text(ROW.format(60) + ROW.format("6O") + ROW.format(60), "utf-8")
    return folder


def test_a_mended_quarantine_is_imported(files: Path) -> None:
    """The mended row is booked; the originals, imported whole again, book nothing twice."""
    first = call(*TIMEOVERFLOW, "--quarantine", "bad.csv")
    assert (1, True) == (first.exit_code, "2 booked" in first.stdout)
    bad = (files / "bad.csv").read_text("utf-8")
    (files / "mended.csv").write_text(bad.replace(",6O,2018", ",90,2018"), "utf-8")
    second = call(*TIMEOVERFLOW, "--mended", "mended.csv")
    assert (0, True) == (second.exit_code, "1 booked, 2 there already" in second.stdout)
    third = call(*TIMEOVERFLOW)
    assert (1, True) == (third.exit_code, "0 booked, 2 there already" in third.stdout)
    (files / "t.csv").write_text(ROW.format(60) + ROW.format(90) + ROW.format(60), "utf-8")
    fourth = call(*TIMEOVERFLOW)
    assert (0, True) == (fourth.exit_code, "0 booked, 3 there already" in fourth.stdout)


def test_opening_balances_by_command(files: Path) -> None:
    """A file, an account, a day."""
    (files / "o.csv").write_text("account,balance\n1,2:00\n9,1\n", "utf-8")
    words = ("--opening", "o.csv", "--opening-account", "start", "--opening-day", "2018-01-01")
    result = call(*TIMEOVERFLOW, *words, "--format", "json", "--quarantine", "bad.csv")
    shape = json.loads(result.stdout)
    assert (3, 2) == (shape["transfers_booked"], shape["quarantined"])
    bad = (files / "bad.csv").read_text("utf-8")
    assert "o.csv,3,account,9,There is no account 9 in this bank.," in bad
    (files / "mended.csv").write_text(bad.replace(",9,1\n", ",2,1\n"), "utf-8")
    again = call(*TIMEOVERFLOW, *words, "--mended", "mended.csv")
    assert "Transfers: 1 booked, 3 there already" in again.stdout


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--mended", "no.csv"), "no.csv: No such file"),
        (("--mended", "t.csv"), "t.csv is no file of quarantined rows"),
        (("--opening", "no.csv"), "no.csv: No such file"),
        (("--quarantine", "x.csv", "--mended", "x.csv"), "would write over"),
        (("--opening", "t.csv"), "t.csv has no column 'account' in its first line"),
    ],
)
def test_wrong_options_are_told_in_one_line(
    files: Path, words: tuple[str, ...], message: str
) -> None:
    """Exit code 2."""
    result = call(*TIMEOVERFLOW, *words)
    assert (2, "", 1) == (result.exit_code, result.stdout, result.stderr.count("\n"))
    assert message in result.stderr


# -- importers of other packages ----------------------------------------------

PACKAGE = """
class Diary:
    name = "diary"
    def __init__(self, path, *, mended=None):
        self.path, self.bytes, self.bytes_read = path, 0, 0
    def read(self):
        from timebank.interchange.engine.protocol import ImportedAccount
        for line, id in enumerate(self.path.read_text().split(), start=1):
            yield str(self.path), ImportedAccount(line, id)

def nothing(*paths):
    return 7
"""


@pytest.fixture
def package(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """An installed package that offers importers; the name of its module."""
    module = "diary_of_a_test"
    (folder / f"{module}.py").write_text(PACKAGE, "utf-8")
    info = folder / f"{module}-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {module}\nVersion: 1\n")
    (info / "entry_points.txt").write_text(
        f"[timebank.importers]\ndiary = {module}:Diary\nseven = {module}:nothing\n"
        f"lost = {module}:lost\n"
    )
    monkeypatch.syspath_prepend(str(folder))
    yield module
    sys.modules.pop(module, None)


def test_a_package_adds_an_importer(folder: Path, package: str) -> None:
    """It is a command with the files and the options of every import."""
    (folder / "diary.txt").write_text("m1 m2", "utf-8")
    help_ = CliRunner().invoke(main, ["import", "--help"]).stdout
    assert "diary" in help_
    result = call("import", "diary", "diary.txt")
    assert (0, "Accounts:  2 opened") == (result.exit_code, result.stdout[:19])
    assert "2 there already" in call("import", "diary", "diary.txt", "--strict").stdout


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("seven", "d.txt"), "gives is no importer: it has no name, bytes, bytes_read, read"),
        (("lost", "d.txt"), "cannot be loaded"),
        (("diary", "missing.txt"), "missing.txt: No such file"),
        (("unknown", "d.txt"), "No such command 'unknown'"),
    ],
)
def test_an_importer_that_is_none_is_told_in_one_line(
    folder: Path, package: str, words: tuple[str, ...], message: str
) -> None:
    """Exit code 2, and no bank is made."""
    (folder / "d.txt").write_text("m1", "utf-8")
    result = call("import", *words)
    assert (2, 1, False) == (
        result.exit_code,
        result.stderr.count("\n"),
        (folder / "bank.db").exists(),
    )
    assert message in result.stderr


def test_an_importer_is_what_has_what_one_needs() -> None:
    """No class has to be inherited."""
    assert isinstance(Listed([]), Importer)
    assert TITLES == ("file", "line", "column", "value", "reason", "dismiss")


def test_balances_without_a_history(folder: Path) -> None:
    """A sheet of balances is all there is: its accounts are opened, those of zero too, once."""
    (folder / "o.csv").write_text("account,balance\nm1,1:30\nm2,-1:30\nm3,0\n")
    words = ("import", "csv", "--opening", "o.csv", "--open-accounts")
    assert "Accounts:  4 opened" in call(*words).stdout
    assert "Accounts:  0 opened, 4 there" in call(*words).stdout
    assert "0:00" in call("balance", "m3").stdout


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ((), "Missing option '--mapping', unless --opening is given alone"),
        (("--opening", "o.csv", "--accounts", "o.csv"), "Missing option '--mapping'"),
        (("--mapping", "ces"), "Missing option '--transfers'"),
    ],
    ids=["nothing", "a file without a mapping", "a mapping without files"],
)
def test_csv_needs_a_mapping_or_opening_balances(
    folder: Path, words: tuple[str, ...], message: str
) -> None:
    """What is missing is told, before a bank is made."""
    result = call("import", "csv", *words)
    assert (2, True) == (result.exit_code, message in result.stderr)
    assert [] == list(folder.glob("*.db"))
