"""The importer for TimeOverflow: what is booked, what is quarantined and where, run after run."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from datetime import date, timedelta
from importlib.resources import files
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import timebank
from support import BEGINNING, sources, url_of
from timebank import Hours, InvalidRequest, NotFound, TimeBank, WrongType
from timebank.interchange.engine.booking import run as book
from timebank.interchange.engine.csv_rows import MAX_ROW_BYTES, Row, Rows
from timebank.interchange.engine.meaning import file_mark
from timebank.interchange.engine.report import ImportReport, Quarantined
from timebank.interchange.timeoverflow.dump import TimeOverflowTables
from timebank.interchange.timeoverflow.importer import MOST_ROWS_KEPT, import_timeoverflow
from timebank.interchange.timeoverflow.movements import Movement, Movements

SAMPLE = Path(str(files("timebank") / "data" / "timeoverflow"))
USERS = b"""\
1,2018-01-08,Vera,De Luca,Rossi,1,1996-12-19,381,,u1@example.org
2,2018-01-09,Paolo,,,2,,,,
3,,,,,,,,,
"""
INSTANT = "2018-01-17 11:35:48"


def run(
    bank: TimeBank, transfers: str | bytes, users: bytes = USERS, **options: Any
) -> ImportReport:
    """Import these texts."""
    raw = transfers.encode() if isinstance(transfers, str) else transfers
    return import_timeoverflow(bank, io.BytesIO(users), io.BytesIO(raw), **options)


def places(report: ImportReport) -> list[tuple[int, str]]:
    """Where the quarantined rows are."""
    return [(row.line, row.column) for row in report.rows]


@pytest.fixture
def memory() -> TimeBank:
    """An empty bank in memory."""
    return timebank.open("memory:", **sources())


# -- what is booked -----------------------------------------------------------


def test_rows_become_accounts_and_transfers(bank: TimeBank) -> None:
    """Names are joined, days kept, the source spends, limits are unchecked, the origin is named."""
    report = run(bank, f'1,member,2,member,90000,{INSTANT},"two\r\nlines",8\r\n')
    assert (3, 1, Hours(25), True) == (
        report.accounts_opened,
        report.transfers_booked,
        report.moved,
        report.ok,
    )
    vera = bank.account("1")
    assert ("Vera De Luca Rossi", date(2018, 1, 8)) == (vera.name, vera.joined_on)
    assert (None, None) == (bank.account("3").name, bank.account("3").joined_on)
    [transfer] = bank.transfers()
    assert ({"2": Hours(25)}, {"1": Hours(25)}) == (transfer.earners, transfer.spenders)
    assert ("two\r\nlines", date(2018, 1, 17)) == (transfer.note, transfer.occurred_on)
    assert {
        "system": "timeoverflow",
        "created_at": INSTANT,
        "post_id": "8",
        "file": file_mark("file"),
    } == transfer.source
    assert ("exchange", "unchecked", None) == (transfer.kind, transfer.limits, transfer.category)


def test_organization_is_an_account_opened_when_needed(bank: TimeBank) -> None:
    """Its uid is ignored, as source and as destination, and it may owe what it likes."""
    run(bank, "")
    assert "organization" not in {account.id for account in bank.accounts()}
    report = run(
        bank,
        f"77,organization,2,member,360000,{INSTANT},,\n"
        f",organization,2,member,360000,{INSTANT},,\n"
        f"2,member, no id ,organization,60,{INSTANT},,\n",
    )
    assert (1, 3, 3) == (report.accounts_opened, report.accounts_there, report.transfers_booked)
    account = bank.account("organization")
    assert ("organisation", "-199:59") == (account.kind, str(bank.balance(account.id).posted))


def test_equal_rows_are_told_apart_by_their_ordinal(bank: TimeBank) -> None:
    """Equal rows are two transfers, in whatever file they stand; the reason is not asked."""
    row = f"1,member,2,member,60,{INSTANT},{{}},\n"
    report = run(bank, row.format("a") + row.format("b") + row.format("a"))
    ids = [transfer.id for transfer in bank.transfers()]
    assert (3, 1) == (report.transfers_booked, len({id.rpartition("-")[0] for id in ids}))
    assert ["1", "2", "3"] == [id.rpartition("-")[2] for id in ids]
    assert all(len(id) == len("timeoverflow:") + 32 + 2 for id in ids)


def test_the_id_does_not_betray_the_reason(memory: TimeBank) -> None:
    """The reason is personal text: rows that differ in nothing else have the same id."""
    ids = set()
    for reason in ("therapy", "garden"):
        bank = timebank.open("memory:")
        run(bank, f"1,member,2,member,60,{INSTANT},{reason},\n")
        ids |= {transfer.id for transfer in bank.transfers()}
    assert 1 == len(ids)


@pytest.mark.parametrize(
    "instant",
    [
        "2018-01-17",
        "2018-01-17 11:35",
        "2018-01-17T11:35:48Z",
        "2018-01-17 11:35:48.123456",
        "2018-01-17 11:35:48 UTC",
        "2018-01-17 23:59:59 +0200",
    ],
)
def test_instants_of_several_dumps_are_understood(memory: TimeBank, instant: str) -> None:
    """The day is the one that is written; the original stays in the source."""
    report = run(memory, f"1,member,2,member,60,{instant},,\n")
    [transfer] = memory.transfers()
    assert (True, date(2018, 1, 17)) == (report.ok, transfer.occurred_on)
    mark = file_mark("file")
    assert {"system": "timeoverflow", "created_at": instant, "file": mark} == transfer.source


def test_marks_line_ends_and_empty_lines_do_not_matter(memory: TimeBank) -> None:
    """A byte order mark, CRLF, blank lines and a missing last line break are all read."""
    mark = b"\xef\xbb\xbf"
    row = f"1,member,2,member,60,{INSTANT},,"
    users = mark + USERS.replace(b"\n", b"\r\n")
    report = run(memory, mark + f"\r\n{row}\r\n\n\n{row}".encode(), users)
    assert (3, 2, True) == (report.accounts_opened, report.transfers_booked, report.ok)


# -- again and again ----------------------------------------------------------


def test_a_second_run_appends_nothing(bank: TimeBank) -> None:
    """The sample community comes in whole, and once."""
    paths = (SAMPLE / "users.csv", str(SAMPLE / "transfers.csv"))
    first = import_timeoverflow(bank, *paths)
    head = bank.head()
    second = import_timeoverflow(bank, *paths)
    assert head == bank.head()
    assert (292, 4_558, Hours("11067:56"), 0) == (
        first.accounts_opened,
        first.transfers_booked,
        first.moved,
        first.quarantined,
    )
    assert (0, 292, 0, 4_558, Hours(0)) == (
        second.accounts_opened,
        second.accounts_there,
        second.transfers_booked,
        second.transfers_there,
        second.moved,
    )
    assert Hours(0) == bank.trial_balance().total


@given(st.integers(min_value=0, max_value=60), st.randoms(use_true_random=False))
def test_an_import_broken_off_anywhere_goes_on(cut: int, random: Any) -> None:
    """Part of the file, then all of it: the same transfers as all of it at once."""
    rows = [
        f"{spender},member,{earner},member,{seconds},{INSTANT},,\n"
        for spender, earner in ((1, 2), (2, 1), (1, 3))
        for seconds in (60, 60, 120, 60)
        for _ in range(random.randint(1, 3))
    ]
    random.shuffle(rows)
    whole, broken = timebank.open("memory:"), timebank.open("memory:")
    run(whole, "".join(rows))
    run(broken, "".join(rows[:cut]))
    run(broken, "".join(rows))
    assert [transfer.id for transfer in whole.transfers()] == [
        transfer.id for transfer in broken.transfers()
    ]


def test_a_mended_row_changes_no_other_id(memory: TimeBank) -> None:
    """A row whose reason cannot be taken counts among its equals all the same."""
    row = f"1,member,2,member,60,{INSTANT},{{}},\n"
    bad = run(memory, row.format("\0") + row.format("b"))
    assert ([(1, "reason")], 1) == (places(bad), bad.transfers_booked)
    mended = run(memory, row.format("a") + row.format("b"))
    assert (1, 1, True) == (mended.transfers_booked, mended.transfers_there, mended.ok)


def test_an_account_with_other_data_is_quarantined(bank: TimeBank) -> None:
    """A user repeated alike is the same; one that differs from what is there is reported."""
    users = USERS + USERS[: USERS.index(b"\n") + 1] + b"2,2018-01-09,Anna,,,2,,,,\n"
    report = run(bank, "", users)
    assert (3, 1, [(5, "member_uid")]) == (
        report.accounts_opened,
        report.accounts_there,
        places(report),
    )
    assert "Paolo" == bank.account("2").name


# -- what is quarantined ------------------------------------------------------


@pytest.mark.parametrize(
    ("row", "column"),
    [
        ("1,member,2,member,60", "row"),
        (f"1,member,2,member,60,{INSTANT},,,", "row"),
        (f"9,member,2,member,60,{INSTANT},,", "source_member_uid"),
        (f"1,member,9,member,60,{INSTANT},,", "destination_member_uid"),
        (f",member,2,member,60,{INSTANT},,", "source_member_uid"),
        (f"1,member, 2,member,60,{INSTANT},,", "destination_member_uid"),
        (f"{'1' * 10_000},member,2,member,60,{INSTANT},,", "source_member_uid"),
        (f"e\u0300,member,2,member,60,{INSTANT},,", "source_member_uid"),
        (f"organization,member,2,member,60,{INSTANT},,", "source_member_uid"),
        (f"1,Member,2,member,60,{INSTANT},,", "source_type"),
        (f"1,member,2,,60,{INSTANT},,", "destination_type"),
        (f"1,member,1,member,60,{INSTANT},,", "destination_member_uid"),
        (f",organization,,organization,60,{INSTANT},,", "destination_member_uid"),
        (f"1,member,2,member,0,{INSTANT},,", "amount_seconds"),
        (f"1,member,2,member,-60,{INSTANT},,", "amount_seconds"),
        (f"1,member,2,member,60.0,{INSTANT},,", "amount_seconds"),
        (f"1,member,2,member,1e3,{INSTANT},,", "amount_seconds"),
        (f"1,member,2,member,NaN,{INSTANT},,", "amount_seconds"),
        (f"1,member,2,member,٣٠,{INSTANT},,", "amount_seconds"),
        (f"1,member,2,member,{2**53 + 1},{INSTANT},,", "amount_seconds"),
        (f"1,member,2,member,{'9' * 400},{INSTANT},,", "amount_seconds"),
        ("1,member,2,member,60,,,", "created_at"),
        ("1,member,2,member,60,2018-02-30 11:35:48,,", "created_at"),
        ("1,member,2,member,60,2018-01-17 25:00:00,,", "created_at"),
        ("1,member,2,member,60,17/01/2018,,", "created_at"),
        ("1,member,2,member,60,9999-01-01,,", "created_at"),
        (f"1,member,2,member,60,{INSTANT},{'x' * 10_001},", "reason"),
        (f"1,member,2,member,60,{INSTANT},a\0b,", "reason"),
        (f"1,member,2,member,60,{INSTANT},,{'8' * 201}", "post_id"),
        (f'1,member,2,member,60,{INSTANT},"a"b,', "row"),
        (f"1,member,2,member,60,{INSTANT},{'x' * 150_000},", "row"),
        (f"1,member,2,member,60,{INSTANT},{'x' * 300_000},", "row"),
        ("a,b\rc,d", "row"),
    ],
)
def test_a_bad_row_is_quarantined_with_its_place(bank: TimeBank, row: str, column: str) -> None:
    """It is named by line and column, the rows around it are booked, and the audit is clean."""
    good = f'1,member,2,member,60,{INSTANT},"over\ntwo lines",\n'
    report = run(bank, f"{good}\n{row}\n{good}")
    assert ([(4, column)], 2) == (places(report), report.transfers_booked)
    assert "" != report.rows[0].reason
    assert len(str(report.rows[0])) < 300


@pytest.mark.parametrize(
    ("row", "column"),
    [
        (b"\xff,member,2,member,60,2018-01-17,,", "source_member_uid"),
        (b"1,member,2,member,60,2018-01-17,caff\xe8,", "reason"),
        (b"1,member,2,member,60,2018-01-17,\xed\xa0\x80,", "reason"),
        (b"1,member,2,member,60,2018-01-17,,\x80", "post_id"),
    ],
)
def test_what_is_no_utf8_is_quarantined(memory: TimeBank, row: bytes, column: str) -> None:
    """Invalid bytes and encoded surrogates are reported in the column where they stand."""
    report = run(memory, row + b"\n1,member,2,member,60,2018-01-17,caff\xc3\xa8,\n")
    assert ([(1, column)], 1) == (places(report), report.transfers_booked)
    assert "UTF-8" in report.rows[0].reason


@pytest.mark.parametrize(
    ("row", "column"),
    [
        ("4,2018-01-08,Vera", "row"),
        (",2018-01-08,Vera,,,,,,,", "member_uid"),
        ("organization,2018-01-08,Vera,,,,,,,", "member_uid"),
        ("4,08/01/2018,Vera,,,,,,,", "entry_date"),
        ("4,2018-13-08,Vera,,,,,,,", "entry_date"),
        ("4,2018-01-08,V\0ra,,,,,,,", "name"),
        (f"4,2018-01-08,{'V' * 9_999},x,,,,,,", "name"),
    ],
)
def test_a_bad_user_is_quarantined(memory: TimeBank, row: str, column: str) -> None:
    """A user who cannot be understood gets no account; the others do."""
    report = run(memory, "", row.encode() + b"\n" + USERS)
    assert ([(1, column)], 3) == (places(report), report.accounts_opened)


def test_a_quote_that_is_never_closed_takes_no_more_than_its_limit(memory: TimeBank) -> None:
    """The rows it swallowed are named with it, and reading goes on behind them."""
    row = f"1,member,2,member,60,{INSTANT},x,\n"
    broken = f'1,member,2,member,60,{INSTANT},"never closed,\n'
    report = run(memory, row + broken + row * 5_000)
    [quarantined] = report.rows
    swallowed = MAX_ROW_BYTES // len(row)
    assert (2, "row") == (quarantined.line, quarantined.column)
    assert f"the lines up to {2 + swallowed}" in quarantined.reason
    assert 5_001 - swallowed == report.transfers_booked


def test_a_quote_open_at_the_end_is_quarantined(memory: TimeBank) -> None:
    """The end of the file closes no quote."""
    report = run(memory, f'1,member,2,member,60,{INSTANT},"open\nstill open')
    assert ([(1, "row")], 0) == (places(report), report.transfers_booked)


def test_a_day_ahead_is_taken_and_two_are_not(bank: TimeBank) -> None:
    """As for every transfer, the day of service lies at most a day ahead."""
    days = [(BEGINNING + timedelta(days=ahead)).date() for ahead in (1, 2)]
    report = run(bank, "".join(f"1,member,2,member,60,{day},,\n" for day in days))
    assert ([(2, "created_at")], 1) == (places(report), report.transfers_booked)


def test_what_the_bank_refuses_is_quarantined(bank: TimeBank) -> None:
    """A closed account, an organization of another kind, a balance that cannot be stored."""
    run(bank, "")
    bank.close_account("3")
    bank.open_account("organization")
    largest = f"1,member,2,member,{2**53},{INSTANT},,\n"
    report = run(
        bank,
        f"3,member,2,member,60,{INSTANT},,\n2,member,9,organization,60,{INSTANT},,\n" + largest * 2,
    )
    assert [(1, "source_member_uid"), (2, "row"), (4, "amount_seconds")] == places(report)
    assert 1 == report.transfers_booked


def test_all_quarantined_rows_are_told_and_a_thousand_kept(memory: TimeBank) -> None:
    """The report is bounded; the callback gets every row."""
    told: list[Quarantined] = []
    report = run(memory, "bad\n" * 1_500, on_quarantine=told.append)
    assert (1_500, 1_500, MOST_ROWS_KEPT) == (report.quarantined, len(told), len(report.rows))
    assert list(report.rows) == told[:MOST_ROWS_KEPT]


# -- strict, dry, and how it is called ----------------------------------------


def test_strict_books_nothing_unless_all_are_good(bank: TimeBank) -> None:
    """One bad row in many thousands, and the journal is as it was."""
    good = f"1,member,2,member,60,{INSTANT},,\n"
    refused = run(bank, good * 2_500 + "bad\n", strict=True)
    assert (False, 1, 0) == (refused.booked, refused.quarantined, bank.head().sequence)
    taken = run(bank, good * 2_500, strict=True)
    assert (True, 2_500, 2_503) == (taken.booked, taken.transfers_booked, bank.head().sequence)


@pytest.mark.parametrize("strict", [False, True])
def test_a_dry_run_decides_the_same_and_writes_nothing(bank: TimeBank, strict: bool) -> None:
    """Its counts are those of the run that follows."""
    transfers = f"1,member,2,member,60,{INSTANT},,\n1,member,9,member,60,{INSTANT},,\n"
    dry = run(bank, transfers, dry_run=True, strict=strict)
    assert (0, False) == (bank.head().sequence, dry.booked)
    wet = run(bank, transfers)
    assert (dry.accounts_opened, dry.transfers_booked, dry.rows) == (
        wet.accounts_opened,
        wet.transfers_booked,
        wet.rows,
    )


def test_a_missing_file_books_nothing(bank: TimeBank, tmp_path: Path) -> None:
    """Both files are opened before the first row is read."""
    with pytest.raises(FileNotFoundError):
        import_timeoverflow(bank, SAMPLE / "users.csv", tmp_path / "missing.csv")
    assert 0 == bank.head().sequence


def test_a_file_of_text_is_a_wrong_type(memory: TimeBank) -> None:
    """Bytes are needed, for the encoding is part of what is checked."""
    text: Any = io.StringIO("1,2018-01-08\n")
    with pytest.raises(WrongType, match="'rb'"):
        import_timeoverflow(memory, text, io.BytesIO())


def test_progress_tells_bytes(tmp_path: Path, memory: TimeBank) -> None:
    """It grows to the size of both files; where that is unknown nothing is told."""
    told: list[tuple[int, int]] = []
    paths = (SAMPLE / "users.csv", SAMPLE / "transfers.csv")
    import_timeoverflow(memory, *paths, progress=lambda done, total: told.append((done, total)))
    total = sum(path.stat().st_size for path in paths)
    assert (sorted(told), (total, total)) == (told, told[-1])
    told.clear()
    run(memory, "", progress=lambda done, total: told.append((done, total)))
    assert [] == told


def test_the_actor_is_named_in_every_record(memory: TimeBank) -> None:
    """An import by a bank that acts for somebody says for whom."""
    run(memory.acting_as("treasurer"), f"1,member,2,member,60,{INSTANT},,\n")
    assert {"treasurer"} == {record.actor for record in memory.records()}


@pytest.mark.parametrize("store", ["memory", "sqlite"])
def test_the_head_is_the_same_on_every_store(store: str, tmp_path: Path) -> None:
    """Given the same sources, the same files give the same journal."""
    heads = []
    for url in (url_of(store, tmp_path), "memory:"):
        with timebank.open(url, **sources()) as bank:
            run(bank, f"1,member,2,member,60,{INSTANT},x,\n")
            heads.append(bank.head())
    assert heads[0] == heads[1]


# -- the rows themselves ------------------------------------------------------

cells = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=8)


@given(st.lists(st.lists(cells, min_size=2, max_size=4), max_size=6))
def test_what_csv_writes_is_read_back(rows: list[list[str]]) -> None:
    """Whatever stands in the cells, the rows and the lines where they begin come back."""
    text, begins, line = "", [], 1
    for row in rows:
        file = io.StringIO(newline="")
        csv.writer(file, quoting=csv.QUOTE_ALL).writerow(row)
        begins.append(line)
        text += file.getvalue()
        line += file.getvalue().count("\n")
    expected = [Row(first, tuple(row)) for first, row in zip(begins, rows, strict=True)]
    assert expected == list(Rows("f", io.BytesIO(text.encode())))


@given(st.binary(max_size=200))
def test_no_bytes_end_the_reading(raw: bytes) -> None:
    """Any bytes give rows and quarantined rows, with lines that only grow."""
    lines = [row.line for row in Rows("f", io.BytesIO(raw))]
    assert sorted(set(lines)) == lines


@given(st.binary(max_size=300))
def test_no_bytes_break_an_import(raw: bytes) -> None:
    """Any two files are imported, and the bank stays sound."""
    bank = timebank.open("memory:")
    report = run(bank, raw, raw)
    assert len(report.rows) == report.quarantined
    assert bank.audit().ok


def test_a_line_without_end_takes_little_memory() -> None:
    """A file that is one line of many megabytes is one quarantined row, read in pieces."""

    class Endless(io.RawIOBase):
        """Forty megabytes without a line break; remembers the largest piece asked for."""

        left = 40_000_000
        largest = 0

        def read(self, size: int | None = -1, /) -> bytes:
            assert size is not None
            assert size > 0
            Endless.largest = max(self.largest, size)
            piece = min(self.left, size)
            Endless.left = self.left - piece
            return b"x" * piece

    file: Any = Endless()
    [row] = Rows("f", file)
    assert (1, 0) == (row.line, Endless.left)
    assert Endless.largest <= MAX_ROW_BYTES


def test_report_says_where(memory: TimeBank) -> None:
    """The text of a quarantined row is file, line, column and reason."""
    named: Callable[[], Any] = lambda: io.BytesIO(b"bad\n")  # noqa: E731  # a file without a name
    report = import_timeoverflow(memory, named(), named())
    assert [
        "file:1: row: 'bad' is how it begins: it has 1 columns, not 10",
        "file:1: row: 'bad' is how it begins: it has 1 columns, not 8",
    ] == [str(row) for row in report.rows]


# -- ids that must never change -----------------------------------------------


def test_the_ids_of_rows_are_for_ever(memory: TimeBank) -> None:
    """Whoever imports again with a later version books nothing twice."""
    row = f"1,member,,organization,60,{INSTANT},garden,8\n"
    run(memory, row * 2)
    made = "timeoverflow:207d204e15afd9b86b7f9090e0ffcd2f"
    assert [f"{made}-1", f"{made}-2"] == [transfer.id for transfer in memory.transfers()]


def test_rows_of_an_earlier_version_are_known(memory: TimeBank) -> None:
    """Its ids were made of how a row is written: what it means is what it meant."""
    run(memory, "")
    memory.open_account("organization", kind="organisation")
    for n in (1, 2):
        memory.transfer(
            earner="organization",
            spender="1",
            hours="0:01",
            id=f"timeoverflow:766a714c18e95f37653ee7b23b03bf72-{n}",
            occurred_on=date(2018, 1, 17),
            note="garden",
            source={"system": "timeoverflow", "created_at": INSTANT, "post_id": "8"},
            limits="unchecked",
        )
    row = f"1,member,,organization,60,{INSTANT},garden,8\n"
    report = run(memory, row * 3)
    assert (1, 2, True) == (report.transfers_booked, report.transfers_there, report.ok)


# -- the tables of the database -----------------------------------------------

DUMP = Path(__file__).parents[1] / "data" / "timeoverflow-dump"
TABLES = {
    "accounts": "id,accountable_id,accountable_type,balance,organization_id\n"
    "1,7,Member,60,1\n2,8,Member,-60,1\n3,1,Organization,0,1\n",
    "members": "id,user_id,entry_date,member_uid,active\n7,5,2018-01-08,31,t\n8,6,,32,t\n",
    "users": "id,username\n5,Vera\n",
    "transfers": f"id,post_id,reason,created_at\n1,9,garden,{INSTANT}\n",
    "movements": "id,account_id,transfer_id,amount\n1,1,1,60\n2,2,1,-60\n",
}


def tables(folder: Path, **change: str) -> TimeOverflowTables:
    """These tables, with some lines added to them."""
    for table, text in TABLES.items():
        (folder / f"{table}.csv").write_text(text + change.get(table, ""), "utf-8")
    return TimeOverflowTables(folder)


def test_tables_become_accounts_and_transfers(bank: TimeBank, tmp_path: Path) -> None:
    """Uids are the ids, users have the names, the day is kept, cached balances are compared."""
    report = book(bank, tables(tmp_path))
    assert (3, 1, True) == (report.accounts_opened, report.transfers_booked, report.ok)
    vera = bank.account("31")
    assert ("Vera", date(2018, 1, 8)) == (vera.name, vera.joined_on)
    assert "organisation" == bank.account("organization").kind
    [transfer] = bank.transfers()
    assert ("timeoverflow-tables:1", {"31": Hours("0:01")}, "garden", date(2018, 1, 17)) == (
        transfer.id,
        transfer.earners,
        transfer.note,
        transfer.occurred_on,
    )
    assert {
        "system": "timeoverflow-tables",
        "created_at": INSTANT,
        "post_id": "9",
    } == transfer.source
    head = bank.head()
    assert 1 == book(bank, tables(tmp_path)).transfers_there
    assert head == bank.head()


def test_a_damaged_dump_is_booked_as_far_as_it_is_sure(memory: TimeBank) -> None:
    """What was planted is quarantined, or comes out as a balance that is not explained."""
    report = book(memory, TimeOverflowTables(DUMP))
    assert (292, 4_556, 3) == (
        report.accounts_opened,
        report.transfers_booked,
        report.quarantined,
    )
    assert ["'1616'", "'4559'", "'4560'"] == [row.reason.split()[0] for row in report.rows]
    assert report.reconciliation is not None
    assert {"78"} == {one.account for one in report.reconciliation.differences if one.explained}
    deleted = [{"189", "143"}, {"282", "125"}, {"5", "17"}]
    unexplained = {one.account for one in report.reconciliation.unexplained}
    assert {"46"}.union(*deleted) == unexplained


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"accounts": "4,9,Member,0,1\n"}, ("accounts", "accountable_id")),
        ({"accounts": "4,9,Fund,0,1\n"}, ("accounts", "accountable_type")),
        ({"accounts": "4,7,Member,0,1\n"}, ("accounts", "accountable_id")),
        ({"accounts": "x,7,Member,0,1\n"}, ("accounts", "id")),
        ({"accounts": "4,9,Member,0.5,1\n"}, ("accounts", "balance")),
        ({"accounts": "4\n"}, ("accounts", "row")),
        (
            {"members": "9,,soon,33,t\n", "accounts": "4,9,Member,0,1\n"},
            ("accounts", "accountable_id"),
        ),
        (
            {"members": "9,,, 33,t\n", "accounts": "4,9,Member,0,1\n"},
            ("accounts", "accountable_id"),
        ),
        (
            {"members": "9,,,organization,t\n", "accounts": "4,9,Member,0,1\n"},
            ("accounts", "accountable_id"),
        ),
        ({"members": '9,"a"b\n'}, ("members", "row")),
        ({"users": "9\n"}, ("users", "row")),
        ({"transfers": f"2,,,{INSTANT}\n"}, ("transfers", "id")),
        ({"transfers": f"x,,,{INSTANT}\n"}, ("transfers", "id")),
        ({"transfers": f"1,,other,{INSTANT}\n"}, ("transfers", "row")),
        ({"movements": "3,1,1\n"}, ("movements", "row")),
        ({"movements": "3,1,9,60\n"}, ("movements", "transfer_id")),
        ({"movements": "3,1,1,x\n"}, ("movements", "amount")),
        ({"movements": "3,,1,5\n"}, ("movements", "account_id")),
    ],
)
def test_a_bad_line_of_a_table_is_quarantined(
    memory: TimeBank, tmp_path: Path, change: dict[str, str], place: tuple[str, str]
) -> None:
    """Table and column are named, and what is good is booked."""
    report = book(memory, tables(tmp_path, **change))
    assert [place] == [(Path(row.file).stem, row.column) for row in report.rows]
    assert 1 == report.transfers_booked


@pytest.mark.parametrize(
    ("movements", "reason"),
    [
        ("", "has no movements"),
        ("3,1,2,60\n", "has 1 movement, not two"),
        ("3,1,2,60\n4,2,2,-50\n", "does not sum to zero"),
        ("3,1,2,0\n4,2,2,0\n", "moves nothing"),
        ("3,1,2,60\n4,1,2,-60\n", "on both sides"),
        ("3,1,2,60\n4,2,2,-50\n5,3,2,-10\n", "has 3 movements, not two"),
        ("3,1,2,60\n4,99,2,-60\n", "a movement of account 99"),
    ],
)
def test_what_is_no_exchange_between_two_is_quarantined(
    memory: TimeBank, tmp_path: Path, movements: str, reason: str
) -> None:
    """With its movements, so that balances are explained by it."""
    change = {"transfers": f"2,,,{INSTANT}\n", "movements": movements}
    report = book(memory, tables(tmp_path, **change))
    [row] = report.rows
    assert ("id", True) == (row.column, reason in row.reason)
    sums = {"31": 60, "32": -60}
    for line in movements.splitlines():
        account, amount = {"1": "31", "2": "32"}.get(line.split(",")[1]), int(line.split(",")[3])
        if account:
            sums[account] += amount
    assert report.reconciliation is not None
    for one in report.reconciliation.differences:
        assert one.ours is not None
        assert sums[one.account] == one.ours.seconds + one.quarantined.seconds


def test_members_who_are_not_active_are_closed(memory: TimeBank, tmp_path: Path) -> None:
    """Those with hours are frozen instead."""
    importer = tables(
        tmp_path,
        members="9,,,33,f\n10,,,34,f\n",
        accounts="4,9,Member,0,1\n5,10,Member,5,1\n",
        transfers=f"2,,,{INSTANT}\n",
        movements="3,5,2,5\n4,2,2,-5\n",
    )
    report = book(memory, importer)
    assert (1, (("34", Hours.from_seconds(5)),)) == (report.accounts_closed, report.frozen)


def test_one_organization_of_several_is_chosen(memory: TimeBank, tmp_path: Path) -> None:
    """What belongs to another is passed over; without a choice nothing is booked."""
    tables(
        tmp_path,
        accounts="4,2,Organization,-5,2\n5,9,Member,5,2\n",
        members="9,,,31,t\n",
        transfers=f"2,,,{INSTANT}\n",
        movements="3,5,2,5\n4,4,2,-5\n",
    )
    with pytest.raises(InvalidRequest, match="accounts of 2 organizations: choose one of '1', '2'"):
        book(memory, TimeOverflowTables(tmp_path))
    with pytest.raises(InvalidRequest, match="has no accounts of the organization '3'"):
        book(memory, TimeOverflowTables(tmp_path, organization="3"))
    assert 0 == memory.head().sequence
    report = book(memory, TimeOverflowTables(tmp_path, organization="2"))
    assert (2, 1, {"of another organization": 1}, True) == (
        report.accounts_opened,
        report.transfers_booked,
        report.passed,
        report.ok,
    )


def test_a_missing_table_is_named(tmp_path: Path) -> None:
    """Before anything is booked."""
    tables(tmp_path)
    (tmp_path / "members.csv").unlink()
    with pytest.raises(NotFound, match=r"no file members\.csv"):
        TimeOverflowTables(tmp_path)


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(-3, 3)), max_size=20))
def test_movements_are_found_in_whatever_order_they_stand(lines: list[tuple[int, int]]) -> None:
    """Each is taken with its transfer or left, and none twice."""
    movements = Movements()
    made = [Movement(transfer, 1, amount, n) for n, (transfer, amount) in enumerate(lines)]
    for one in made:
        movements.add(one)
    for transfer in (0, 3, 7):
        assert [one for one in made if one.transfer == transfer] == movements.take(transfer)
    left = sorted(movements.remaining(), key=lambda one: one.line)
    assert [one for one in made if one.transfer not in {0, 3, 7}] == left


@given(st.sampled_from(sorted(TABLES)), st.binary(max_size=200))
def test_no_bytes_break_an_import_of_tables(table: str, raw: bytes) -> None:
    """Below a good first line, in any of the tables."""
    bank = timebank.open("memory:")
    with TemporaryDirectory() as folder:
        importer = tables(Path(folder))
        with Path(folder, f"{table}.csv").open("ab") as file:
            file.write(raw)
        report = book(bank, importer)
    assert report.transfers_booked <= 1
    assert bank.audit().ok
