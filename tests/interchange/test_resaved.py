"""Files of quarantined rows as spreadsheets save them again, opening balances, and words."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import example, given
from hypothesis import strategies as st

import timebank
from support import sources
from timebank import Hours, InvalidRequest, TimeBank, reports
from timebank.cli import main
from timebank.interchange.csv.importer import MappingImporter
from timebank.interchange.csv.toml import parsed
from timebank.interchange.engine.booking import run
from timebank.interchange.engine.csv_rows import Row, Rows
from timebank.interchange.engine.opening import NoHistory, opening_balances
from timebank.interchange.engine.protocol import ImportedTransfer
from timebank.interchange.engine.quarantine import Mended, QuarantineFile
from timebank.interchange.engine.report import Dismissed, ImportReport, Quarantined
from timebank.interchange.engine.resaved import is_resaved, restored
from timebank.interchange.spreadsheet import balances_sheet
from timebank.reports.told import Told, in_words, refused_by, state_in_words, told
from timebank.reports.words import speaking

SHEET = """
name = "sheet"
title = "Il foglio"
amounts = { unit = "auto", decimal = "," }
days = { format = "dmy" }

[transfers]
earner = "Chi dà"
spender = "Chi riceve"
amount = "Ore"
day = "Data"
note = "Note"
"""
HEAD = "Data;Chi dà;Chi riceve;Ore;Note\r\n"
ROWS = (
    "2/3/2025;Maria Rossi;Luca;1,5;spesa\r\n"
    "2/3/2025;Maria Rossi;Luca;1,30;caffè, due\r\n"
    "3/3/2025;Luca;Maria Rossi;2 volte;\r\n"
    "4/3/2025;007;Luca;0:45;x\r\n"
)


@pytest.fixture
def memory() -> TimeBank:
    """An empty bank in memory."""
    return timebank.open("memory:", **sources())


def imported(bank: TimeBank, mended: Mended | None = None) -> tuple[ImportReport, bytes]:
    """What an import of the sheet comes to, and its file of quarantined rows."""
    file = io.StringIO(newline="")
    raw = io.BytesIO((HEAD + ROWS).encode("cp1252"))
    found = MappingImporter(parsed(SHEET.encode()), raw, open_accounts=True, mended=mended)
    quarantine = QuarantineFile(file, delimiter=found.dialect, bom=True)
    report = run(
        bank, found, on_quarantine=lambda row: quarantine.write(row, found.headers[row.file])
    )
    return report, file.getvalue().encode()


# -- quarantine -----------------------------------------------------------------------------


def test_a_quarantine_is_in_the_dialect_of_the_sheet(memory: TimeBank) -> None:
    """With semicolons where the sheet has them, and a mark by which spreadsheets know UTF-8."""
    report, raw = imported(memory)
    text = raw.decode("utf-8-sig")
    assert (2, 2, b"\xef\xbb\xbf") == (report.transfers_booked, report.quarantined, raw[:3])
    lines = list(csv.reader(io.StringIO(text, newline=""), delimiter=";"))
    assert ["file", "line", "column", "value", "reason", "dismiss"] == lines[0]
    assert ["check", "Data", "Chi dà", "Chi riceve", "Ore", "Note"] == lines[1][6:]
    assert ["3", "Ore", "1,30"] == lines[2][1:4]
    assert lines[2][6].startswith("c")


def test_its_words_are_those_of_the_language(memory: TimeBank) -> None:
    """Titles and reasons; it is read back whatever the language."""
    with speaking("it"):
        report, raw = imported(memory)
    text = raw.decode("utf-8-sig")
    assert text.startswith("file;riga;colonna;valore;motivo;scarta")
    assert "può essere 1:30 oppure 1,30 ore" in text
    assert "may be 1:30 or 1,30 hours" in report.rows[0].reason
    assert 0 == len(Mended("bad.csv", io.BytesIO(raw)))


def resaved(
    raw: bytes, delimiter: str, encoding: str, end: str, quoting: int, *, padded: bool
) -> bytes:
    """The file as a spreadsheet saves it: cells that look like numbers are numbers."""
    rows = list(csv.reader(io.StringIO(raw.decode("utf-8-sig"), newline=""), delimiter=";"))
    width = max(map(len, rows)) if padded else 0
    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter=delimiter, lineterminator=end, quoting=quoting)  # type: ignore[arg-type]  # one of csv's
    for row in rows:
        cells = [_number(cell, encoding) for cell in row]
        writer.writerow(cells + [""] * (width - len(cells)))
    return text.getvalue().encode(encoding, "replace")


def _number(cell: str, encoding: str) -> str:
    if cell.isdigit():
        return cell.lstrip("0") or "0"
    whole, mark, fraction = cell.partition(",")
    if mark and whole.isdigit() and fraction.isdigit():
        return f"{whole},{fraction.rstrip('0')}".rstrip(",")
    day = cell.split("/")
    return f"{int(day[0]):02}/{int(day[1]):02}/{day[2]}" if len(day) == 3 else cell


@given(
    delimiter=st.sampled_from([";", ",", "\t"]),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "cp1252", "utf-16"]),
    end=st.sampled_from(["\r\n", "\n", "\r"]),
    quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
    padded=st.booleans(),
)
@example(delimiter=";", encoding="cp1252", end="\r\n", quoting=csv.QUOTE_MINIMAL, padded=True)
def test_a_quarantine_that_was_saved_again_mends_the_same(
    delimiter: str, encoding: str, end: str, quoting: int, *, padded: bool
) -> None:
    """What was not changed is what it was; what was mended comes in; what was dismissed counts."""
    bank = timebank.open("memory:", **sources())
    _, raw = imported(bank)
    text = raw.decode("utf-8-sig")
    text = text.replace("Luca;1,30;", "Luca;1:30;")
    lines = [
        line.replace(";;c", ";x;c") if "2 volte" in line else line for line in text.split("\r\n")
    ]
    again = resaved("\r\n".join(lines).encode(), delimiter, encoding, end, quoting, padded=padded)
    report, _ = imported(bank, Mended("bad.csv", io.BytesIO(again)))
    assert (1, 2, 0, {"dismissed": 1}) == (
        report.transfers_booked,
        report.transfers_there,
        report.quarantined,
        dict(report.passed),
    )
    assert report.ok
    assert Hours(3) == bank.balance("sheet-1").posted
    notes = {transfer.note for transfer in bank.transfers()}
    assert {"spesa", "caffè, due", "x"} == notes


def test_a_mend_of_a_row_that_changed_is_told(memory: TimeBank) -> None:
    """Wherever it stands in the mended file: above where the rows of the sheet begin, too."""
    _, raw = imported(memory)
    stale = raw.replace(b";;c", b";;c0").replace(b"c0heck", b"check")
    stale = stale.replace(b"Luca;1,30", b"Luca;1:30")
    titles = "Il nostro anno\r\n" * 9
    file = io.BytesIO((titles + HEAD + ROWS).encode())
    found = MappingImporter(
        parsed(SHEET.encode()),
        file,
        open_accounts=True,
        mended=Mended("bad.csv", io.BytesIO(stale)),
    )
    report = run(memory, found)
    told_of = [(row.file, row.line) for row in report.rows]
    assert [("bad.csv", 3)] == [one for one in told_of if one[0] == "bad.csv"][:1]
    assert all("the file has changed" in row.reason for row in report.rows if row.file == "bad.csv")


def test_a_mended_file_may_be_a_workbook(tmp_path: Path, memory: TimeBank) -> None:
    """Whoever mended it saved it as one."""
    openpyxl = pytest.importorskip("openpyxl")
    _, raw = imported(memory)
    book = openpyxl.Workbook()
    for row in csv.reader(io.StringIO(raw.decode("utf-8-sig"), newline=""), delimiter=";"):
        book.active.append([int(cell) if cell.isdigit() else cell for cell in row])
    for row in book.active.iter_rows():
        for cell in row[7:]:
            cell.value = {"1,30": "1h 30m", "2 volte": 2}.get(cell.value, cell.value)
    book.save(tmp_path / "bad.xlsx")
    with (tmp_path / "bad.xlsx").open("rb") as file:
        report, _ = imported(memory, Mended("bad.xlsx", file))
    assert (2, 0) == (report.transfers_booked, report.quarantined)


def test_files_of_earlier_versions_are_read() -> None:
    """Without the column in which a row is dismissed, and with a checksum that lost its zeros."""
    line = "t.csv,2,hours,x,'x' is no hours,{},7,1.5\n"
    for check in ("4de1dd97", "c4de1dd97"):
        raw = b"file,line,column,value,reason\n" + line.format(check).encode()
        mended = Mended("bad.csv", io.BytesIO(raw))
        rows = Rows("t.csv", io.BytesIO(b"6,2\n7,x\n"), mended=mended)
        assert [("6", "2"), ("7", "1.5")] == [row.columns for row in rows if isinstance(row, Row)]


@pytest.mark.parametrize(("says", "is_dismissed"), [("x", True), ("sì", True), ("no", False)])
def test_a_row_is_dismissed_by_any_word_but_no(says: str, *, is_dismissed: bool) -> None:
    """In the column for it, and only if the row is still the one that was quarantined."""
    raw = f"file;line;column;value;reason;dismiss\nt.csv;2;h;x;why;{says};c4de1dd97;7;x\n".encode()
    mended = Mended("bad.csv", io.BytesIO(raw))
    rows = list(Rows("t.csv", io.BytesIO(b"6,2\n7,x\n"), mended=mended))
    assert is_dismissed == isinstance(rows[1], Dismissed)
    changed = list(Rows("t.csv", io.BytesIO(b"6,2\n7,y\n"), mended=mended))
    assert is_dismissed == any(type(row) is Quarantined for row in changed)


def test_the_longest_row_can_be_mended() -> None:
    """Its line in the quarantine is longer than a row may be."""
    cells = ("7", "x" * 99_000)
    [row] = Rows("t.csv", io.BytesIO((",".join(cells) + "\n").encode()))
    assert isinstance(row, Row)
    file = io.StringIO(newline="")
    QuarantineFile(file).write(Quarantined("t.csv", 1, "h", "x", "why", cells=row.columns))
    assert 0 == len(Mended("bad.csv", io.BytesIO(file.getvalue().encode())))


@pytest.mark.parametrize(
    ("original", "cell", "expected"),
    [
        *(("007", "7", True), ("1,50", "1,5", True), ("1,50", "1.5", True), ("2,00", "2", True)),
        *(("+5", "5", True), ("1234567890123456", "1,23457E+15", True), (" a ", "a", True)),
        *(("2/3/2026", "02/03/2026", True), ("2/3/26", "02/03/2026", True)),
        *(("caffè", "caff?", True), ("a\nb", "a\r\nb", True), ("\udce8", "\\udce8", True)),
        *(("007", "8", False), ("1,50", "1,05", False), ("5", "-5", False), ("", "0", False)),
        *(("2/3/2026", "3/2/2026", False), ("2/3/2026", "2026-03-02", False)),
        *(("1234567890123456", "1,3E+15", False), ("caffè", "caffe", False), ("0", "", False)),
        ("9" * 4_400, "9" * 4_399, False),
    ],
)
def test_what_a_spreadsheet_made_of_a_cell(original: str, cell: str, *, expected: bool) -> None:
    """Is the cell as it was; anything else is what somebody wrote."""
    assert expected == is_resaved(original, cell)
    assert (original if expected else cell) == restored(original, cell)


@given(st.text(max_size=30), st.text(max_size=30))
def test_no_cell_upsets_the_comparison(one: str, other: str) -> None:
    """And each is itself."""
    assert is_resaved(one, one)
    assert restored(one, other) in {one, other}


# -- opening balances -----------------------------------------------------------------------


@pytest.mark.parametrize("decimal_comma", [False, True])
def test_our_own_balances_are_opening_balances(*, decimal_comma: bool) -> None:
    """To the second, with names and kinds; the account of the balances is the other side."""
    bank = timebank.open("memory:", **sources())
    for id, kind, name in (("m1", "member", "=Maria"), ("f1", "group", "Famiglia, Rossi")):
        bank.open_account(id, kind=kind, name=name)
    bank.open_account("z", kind="fund")
    bank.transfer(earner="m1", spender="f1", hours="1:20:01")
    text = "\n".join(balances_sheet(bank.trial_balance(), decimal_comma=decimal_comma))
    other = timebank.open("memory:", **sources())
    opening = opening_balances(io.BytesIO(text.encode("utf-8-sig")), open_accounts=True)
    report = run(other, NoHistory(), opening=opening)
    assert (2, {"zero balance": 1}, 0) == (
        report.transfers_booked,
        dict(report.passed),
        report.quarantined,
    )
    assert [("=Maria", "member"), ("Famiglia, Rossi", "group")] == [
        (other.account(id).name, other.account(id).kind) for id in ("m1", "f1")
    ]
    assert bank.balance("m1").posted == other.balance("m1").posted


def test_a_mapping_says_the_columns_of_opening_balances(memory: TimeBank) -> None:
    """In its unit, by names, with a total below."""
    mapping = parsed(f'{SHEET}[opening]\naccount = "Socio"\nbalance = "Saldo"\n'.encode())
    found = MappingImporter(mapping, None, open_accounts=True)
    raw = "I nostri saldi;\nSOCIO;saldo\nMaria Rossi;1,5\nLuca;-2h\nBea;boh\nTotale;9\n"
    opening = found.opening(io.BytesIO(raw.encode()), open_accounts=True)
    report = run(memory, found, opening=opening)
    assert (2, [("Saldo", 5)], {"total": 1}) == (
        report.transfers_booked,
        [(row.column, row.line) for row in report.rows],
        dict(report.passed),
    )
    assert Hours("1:30") == memory.balance("sheet-1").posted


@pytest.mark.parametrize("balance", ["9" * 4_400, "x", "1:75", "\0", ""])
def test_a_balance_that_is_none_is_quarantined(balance: str) -> None:
    """In a column of hours, and in one of seconds."""
    for column in ("balance", "balance_seconds"):
        raw = f"account;{column}\nm1;{balance}\nm2;5\n".encode()
        (_, bad), *good = opening_balances(io.BytesIO(raw))
        assert isinstance(bad, Quarantined)
        assert [True] == [isinstance(row, ImportedTransfer) for _, row in good]


# -- words ----------------------------------------------------------------------------------


def test_a_reason_is_told_in_each_language() -> None:
    """In JSON and as a text it is English; a text of another importer is what it is."""
    reason = told("cell", value="'x'", reason=told("no_day", form=told("form_dmy")))
    row = Quarantined("t.csv", 2, "Data", "x", reason)
    assert "t.csv:2: Data: 'x' is no day like 31/12/2026" == str(row)
    assert "'x' non è una data come 31/12/2026" == in_words(row.reason, "it")
    shape = json.loads(json.dumps(reports.json.of(ImportReport(rows=(row,)))))
    assert "'x' is no day like 31/12/2026" == shape["rows"][0]["reason"]
    with speaking("it"):
        assert "'x' non è una data come 31/12/2026" == in_words(row.reason)
        assert "andere Worte" == in_words("andere Worte")
        assert "righe di totale" == state_in_words("total")
        assert "storniert" == state_in_words("storniert")


def test_what_a_bank_refused_is_explained(memory: TimeBank) -> None:
    """By the sentence of the error, in the language."""
    with pytest.raises(timebank.AccountNotFound) as caught:
        memory.account("m9")
    reason = refused_by(caught.value)
    assert str(caught.value) == reason
    assert timebank.reports.explaining.explain(caught.value, lang="it") == in_words(reason, "it")


def test_every_reason_of_a_sheet_can_be_told(memory: TimeBank) -> None:
    """None is a plain text: what people read of a sheet is in their language."""
    toml = f"""{SHEET}
        [accounts]
        id = "id"
    """
    rows = [
        "x;a;b;1;",
        "2/3/2025;a;a;1;",
        ";;;;1;1;1",
        "2/3/1826;a;b;1;",
        "2/3/2025;a;b;;",
        'a"b;"c"d',
    ]
    found = MappingImporter(
        parsed(toml.encode()),
        io.BytesIO((HEAD + "\r\n".join(rows)).encode()),
        accounts=io.BytesIO(b"id\na\nb\n"),
    )
    report = run(memory, found)
    assert len(rows) == report.quarantined
    for row in report.rows:
        assert isinstance(row.reason, Told)
        assert row.reason != in_words(row.reason, "it")


# -- the command ----------------------------------------------------------------------------


def test_a_treasurer_mends_and_dismisses_until_all_is_well(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Exit code 1 becomes 0, with --strict too."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TIMEBANK_DB", "bank.db")
    (tmp_path / "m.toml").write_text(SHEET, "utf-8")
    (tmp_path / "ore.csv").write_bytes((HEAD + ROWS).encode("cp1252"))
    words = ["import", "csv", "--mapping", "m.toml", "--transfers", "ore.csv", "--open-accounts"]

    def call(*more: str) -> int:
        return CliRunner().invoke(main, [*words, *more]).exit_code

    assert 1 == call("--strict", "--quarantine", "bad.csv")
    text = (tmp_path / "bad.csv").read_text("utf-8-sig")
    lines = text.replace("Luca;1,30;", "Luca;1:30;").split("\n")
    lines = [one.replace(";;c", ";sì;c") if "2 volte" in one else one for one in lines]
    (tmp_path / "good.csv").write_text("\n".join(lines), "cp1252", newline="")
    assert 0 == call("--strict", "--mended", "good.csv")
    assert 1 == call()
    bank = timebank.open(f"sqlite:///{tmp_path / 'bank.db'}")
    assert 3 == len(list(bank.transfers()))
    bank.close()


def test_a_file_that_is_no_quarantine_is_refused() -> None:
    """With the titles that it would have."""
    with pytest.raises(InvalidRequest, match="its first line is file,line,column"):
        Mended("bad.csv", io.BytesIO(b"a;b;c\n"))
