"""Mappings: what each shipped one makes of its traps, and what a file of one's own may say."""

from __future__ import annotations

import io
import os
from collections.abc import Mapping as Dict
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import example, given
from hypothesis import strategies as st

import timebank
from support import sources
from timebank import Hours, InvalidRequest, TimeBank
from timebank.cli import main
from timebank.interchange.csv.explanation import explained
from timebank.interchange.csv.importer import MappingImporter
from timebank.interchange.csv.toml import mapping_of, parsed, shipped
from timebank.interchange.engine.booking import run
from timebank.interchange.engine.protocol import (
    ImportedAccount,
    ImportedReversal,
    ImportedTransfer,
    Passed,
)
from timebank.interchange.engine.quarantine import Mended, QuarantineFile
from timebank.interchange.engine.report import ImportReport, Quarantined

SAMPLES = Path(__file__).parents[1] / "data" / "mappings"
HEAD = 'name = "sheet"\ntitle = "Our sheet"\n'
#: What says who is an id, so that tests show whom a row means.
BY_ID = 'people = { by = "id" }\n'
SIDES = 'earner = "to"\nspender = "from"\namount = "hours"\nday = "day"\n'
SHEET = f"{HEAD}{BY_ID}[transfers]\n{SIDES}"


@pytest.fixture
def memory() -> TimeBank:
    """An empty bank in memory."""
    return timebank.open("memory:", **sources())


def sample(name: str) -> MappingImporter:
    """The sample files of a shipped mapping."""
    balances = SAMPLES / f"{name}_balances.csv"
    return MappingImporter(
        mapping_of(name),
        SAMPLES / f"{name}_transfers.csv",
        accounts=SAMPLES / f"{name}_accounts.csv",
        balances=balances if balances.exists() else None,
    )


def importer(
    toml: str,
    transfers: str | bytes,
    *,
    accounts: str | None = None,
    balances: str | None = None,
    mended: Mended | None = None,
) -> MappingImporter:
    """An importer of these texts; accounts that no file names are opened."""
    return MappingImporter(
        parsed(toml.encode(), "sheet.toml"),
        io.BytesIO(_bytes(transfers)),
        accounts=None if accounts is None else io.BytesIO(accounts.encode()),
        balances=None if balances is None else io.BytesIO(balances.encode()),
        open_accounts=accounts is None,
        mended=mended,
    )


def _bytes(text: str | bytes) -> bytes:
    return text.encode() if isinstance(text, str) else text


def items(toml: str, transfers: str | bytes) -> list[Any]:
    """What the rows of transfers say."""
    read = importer(toml, transfers).read()
    return [item for _, item in read if not isinstance(item, ImportedAccount)]


def balances(bank: TimeBank) -> dict[str, str]:
    """What the accounts have, of those that have something."""
    found = ((account.id, bank.balance(account.id).posted) for account in bank.accounts())
    return {id: str(posted) for id, posted in found if posted.seconds}


def places(report: ImportReport) -> list[tuple[str, int, str]]:
    """Which rows are in quarantine, and for which column."""
    return [(Path(row.file).stem.rpartition("_")[2], row.line, row.column) for row in report.rows]


# -- the shipped ones -------------------------------------------------------------------


def test_all_shipped_mappings_have_a_sample_and_a_title() -> None:
    """Each is tried here, and says whose files it is for."""
    samples = {path.name.rpartition("_")[0] for path in SAMPLES.glob("*_transfers.csv")}
    assert samples == set(shipped())
    assert all(shipped().values())


SHIPPED: Dict[str, tuple[dict[str, str], dict[str, int], list[tuple[str, int, str]]]] = {
    "ces": (
        {"ctte0001": "0:42", "ctte0002": "0:27", "ctte0003": "-1:21", "levies": "0:12"},
        {},
        [
            ("transfers", 4, "seller_amount"),
            ("transfers", 5, "seller_amount"),
            ("transfers", 6, "seller_amount"),
            ("transfers", 7, "seller_amount"),
        ],
    ),
    "mutual_credit": (
        {"anna": "-1:15", "bruno": "0:15", "carla": "1:00"},
        {"pending": 1, "undone": 2},
        [
            ("transfers", 8, "payee"),
            ("transfers", 9, "created"),
            ("transfers", 10, "created"),
            ("transfers", 11, "state"),
        ],
    ),
    "cyclos3": (
        {"1": "0:06", "21": "-2:00", "22": "1:54"},
        {"pending": 1, "denied": 1, "scheduled": 1},
        [
            ("transfers", 9, "amount"),
            ("transfers", 10, "amount"),
            ("transfers", 12, "status"),
            ("transfers", 11, "chargeback_of_id"),
        ],
    ),
    "timebank_cc": (
        {"1": "-10:00", "2": "9:31:30", "3": "0:28:30"},
        {},
        [
            ("accounts", 6, "accountable_type"),
            ("transfers", 5, "amount"),
            ("transfers", 6, "transaction_status_id"),
            ("transfers", 8, "amount"),
        ],
    ),
    "local_exchange_uk": (
        {"0001": "0:15", "0002": "-1:00", "0003": "0:45"},
        {},
        [
            ("transfers", 8, "description"),
            ("transfers", 9, "amount"),
            ("transfers", 10, "trade_date"),
            ("transfers", 11, "status"),
        ],
    ),
}


@pytest.mark.parametrize("name", SHIPPED)
def test_a_shipped_mapping_books_what_is_sure_and_no_more(memory: TimeBank, name: str) -> None:
    """Balances, states and quarantine are those worked out by hand from the sample's rows.

    What the source states besides is explained by the rows in quarantine.
    """
    report = run(memory, sample(name))
    expected, passed, quarantined = SHIPPED[name]
    assert expected == balances(memory)
    assert passed == dict(report.passed)
    assert sorted(quarantined) == sorted(places(report))
    assert report.reconciliation is not None
    assert () == report.reconciliation.unexplained
    assert memory.audit().ok


@pytest.mark.parametrize("name", SHIPPED)
def test_a_second_run_of_a_sample_appends_nothing(memory: TimeBank, name: str) -> None:
    """Rows with ids and rows without, levies and reversals: all are there already."""
    run(memory, sample(name))
    head = memory.head()
    again = run(memory, sample(name))
    assert (head, 0) == (memory.head(), again.transfers_booked)


@pytest.mark.parametrize("name", SHIPPED)
def test_a_shipped_mapping_says_what_it_does(name: str) -> None:
    """In whole sentences, none of which shows how the program is written."""
    lines = list(explained(mapping_of(name)))
    assert all(line.endswith(".") and "None" not in line and "{" not in line for line in lines[:6])
    assert any(f"{name}:" in line for line in lines)


def test_html_goes_and_its_text_stays(memory: TimeBank) -> None:
    """Tags, entities and line breaks of a description, and of a name."""
    run(memory, sample("ces"))
    notes = {transfer.id: transfer.note for transfer in memory.transfers()}
    assert "Bread & jam" == notes["ces:801"]
    assert "Gardening, 2 hours\nand a cup of tea" == notes["ces:802"]
    assert "2 < 3 & so on" == notes["ces:807"]
    assert "Seán" == memory.account("ctte0002").name


def test_levies_are_transfers_of_their_own(memory: TimeBank) -> None:
    """Each has an id that begins with that of its row; one of zero, or of none, is none."""
    run(memory, sample("ces"))
    ids = [transfer.id for transfer in memory.transfers(account="levies")]
    assert ["ces:801:seller_levy", "ces:801:buyer_levy", "ces:802:buyer_levy"] == ids


def test_a_chargeback_reverses_a_row_further_on(memory: TimeBank) -> None:
    """In a file that begins with the newest, too; its day is its own."""
    run(memory, sample("cyclos3"))
    reversal = memory.transfer_by_id("cyclos3:13")
    assert ("cyclos3:12", date(2024, 4, 3)) == (reversal.reverses, reversal.occurred_on)


def test_what_was_reversed_counts_and_so_does_what_reversed_it(memory: TimeBank) -> None:
    """Local-Exchange-UK marks the original R, and writes a negative row that names it in words."""
    run(memory, sample("local_exchange_uk"))
    ids = [transfer.id.partition(":")[2] for transfer in memory.transfers()]
    assert sorted(["41", "42", "44", "45", "46", "43"]) == sorted(ids)
    assert "local_exchange_uk:42" == memory.transfer_by_id("local_exchange_uk:43").reverses


def test_a_cancelled_row_is_booked_and_reversed(memory: TimeBank) -> None:
    """Timebank.cc keeps it in the table, with the instant at which it was cancelled."""
    run(memory, sample("timebank_cc"))
    reversal = memory.transfer_by_id("timebank_cc:3:reversed")
    assert ("timebank_cc:3", date(2024, 5, 9)) == (reversal.reverses, reversal.occurred_on)


def test_a_closed_account_is_closed_when_its_history_is_in(memory: TimeBank) -> None:
    """At zero only: one that has hours is frozen, for nobody's hours vanish."""
    run(memory, sample("timebank_cc"))
    run(memory, sample("local_exchange_uk"))
    status = {id: memory.account(id).status for id in ("4", "0003", "0004")}
    assert {"4": "closed", "0003": "frozen", "0004": "closed"} == status


# -- rows -----------------------------------------------------------------------------------


def test_a_sheet_of_italy_comes_in(memory: TimeBank) -> None:
    """Semicolons, cp1252, a comma in decimals, days as they are said, tags, an area."""
    toml = f"""{HEAD}{BY_ID}
        csv = {{ delimiter = ";", encoding = "cp1252" }}
        amounts = {{ decimal = ",", thousands = "." }}
        days = {{ format = "%d/%m/%Y" }}
        [transfers]
        earner = "Chi dà"
        spender = "Chi riceve"
        amount = "Ore"
        day = "Data"
        note = "Attività"
        area = "Ambito"
        tags = "Parole"
    """
    text = (
        "Data;Chi dà;Chi riceve;Ore;Attività;Ambito;Parole\r\n"
        "2/3/2026;nonna Zoë;m1;1,5;un caffè € 1;aiuto familiare;casa , bimbi,,casa\r\n"
    )
    report = run(memory, importer(toml, text.encode("cp1252")))
    [transfer] = memory.transfers()
    assert (1, 0) == (report.transfers_booked, report.quarantined)
    assert {"nonna Zoë": Hours("1:30")} == transfer.earners
    assert ("un caffè € 1", "aiuto familiare") == (transfer.note, transfer.area)
    assert (("bimbi", "casa"), date(2026, 3, 2)) == (tuple(transfer.tags), transfer.occurred_on)


def test_a_byte_that_is_no_letter_is_quarantined(memory: TimeBank) -> None:
    """In cp1252 some bytes are none; in UTF-8 those of another encoding are."""
    toml = SHEET + 'note="note"\n[csv]\nencoding="cp1252"\n'
    bad = b"to,from,hours,day,note\na,b,1,2026-03-02,\x81\nb,a,1,2026-03-02,caff\xe8\n"
    first, second = items(toml, bad)
    assert (2, "note") == (first.line, first.column)
    assert "caffè" == second.note
    assert "note" == items(toml.replace("cp1252", "utf-8"), bad)[1].column


@pytest.mark.parametrize(
    ("more", "amount", "expected"),
    [
        ('other = "partner"\n', "1", ("a", "b")),
        ('other = "partner"\n', "-1", ("b", "a")),
        ('other = "partner"\npositive = "spent"\n', "1", ("b", "a")),
        ('against = "house"\n', "1", ("a", "house")),
        ('against = "house"\npositive = "spent"\n', "-1", ("a", "house")),
    ],
)
def test_a_sign_may_tell_who_earned(more: str, amount: str, expected: tuple[str, str]) -> None:
    """One account with a partner, in a column or the same for all rows."""
    toml = f'{HEAD}{BY_ID}[transfers]\naccount="mine"\namount="h"\nday="d"\n{more}'
    [row] = items(toml, f"mine,partner,h,d\na,b,{amount},2026-03-02\n")
    assert (*expected, 3600) == (row.earner, row.spender, row.seconds)


def test_columns_may_be_numbers() -> None:
    """Where there is no first line: from 1, and each row has as many as the mapping says."""
    toml = (
        f"{HEAD}{BY_ID}[csv]\nheader=false\n"
        "[transfers]\nearner=3\nspender=2\namount=4\nday=1\ncolumns=4\n"
    )
    good, more, fewer = items(toml, "2026-03-02,f1,m1,2\n2026-03-02,f1,m1,2,5\n2026-03-02,f1,m1\n")
    assert ("m1", "f1", 7200) == (good.earner, good.spender, good.seconds)
    assert ["row", "row"] == [more.column, fewer.column]


@pytest.mark.parametrize(
    ("more", "row", "column"),
    [
        ("", "a,b,1", "row"),
        ("", "a,b,1,2026-03-02,,x", "row"),
        ("", "a,a,1,2026-03-02,", "from"),
        ("", "a\x07,b,1,2026-03-02,", "to"),
        ("", ",b,1,2026-03-02,", "to"),
        ("", f"{'a' * 129},b,1,2026-03-02,", "to"),
        ("", "a\u200e\x1b,b,1,2026-03-02,", "to"),
        ("", "a,b,0,2026-03-02,", "hours"),
        ("", "a,b,-1,2026-03-02,", "hours"),
        ("", "a,b,one,2026-03-02,", "hours"),
        ("", "a,b,1,soon,", "day"),
        ('note="x"\n', f"a,b,1,2026-03-02,{'x' * 10_001}", "x"),
        ('note="x"\n', "a,b,1,2026-03-02,a\0b", "x"),
        ('category="x"\n', f"a,b,1,2026-03-02,{'x' * 201}", "x"),
        ('tags="x"\n', f"a,b,1,2026-03-02,{' '.join(map(str, range(51)))}", "x"),
        ('keep="x"\n', "a,b,1,2026-03-02,\x07", "x"),
        ('id="x"\n', "a,b,1,2026-03-02,", "x"),
        ('id="x"\n', f"a,b,1,2026-03-02,{'x' * 123}", "x"),
    ],
)
def test_a_row_that_is_not_sure_is_quarantined(more: str, row: str, column: str) -> None:
    """The column to blame is named, in the words of the file; rows around it are read."""
    toml = f'{SHEET}separator=" "\n{more}'
    good = 'a,b,1,2026-03-02,"{}{}"\n'
    parts = ("n1", ""), ("n2", "") if "id=" in more else ("two\n", "lines")
    first, last = (good.format(*part) for part in parts)
    found = items(toml, f"to,from,hours,day,x\n{first}\n{row}\n{last}")
    bad = [item for item in found if isinstance(item, Quarantined)]
    assert [(4, column)] == [(item.line, item.column) for item in bad]
    assert len(str(bad[0])) < 300


def test_a_refused_row_says_whose_balance_it_would_have_moved() -> None:
    """As far as it can be told: so a difference to what the source states has its reason."""
    levy = '[[transfers.levies]]\namount="levy"\npayer="from"\nto="fund"\n'
    head = "to,from,hours,day,levy\n"
    rows = "a,b,2,soon,0.5\na,b,two,2026-03-02,\n,b,2,2026-03-02,\na,b,2\na,b,2,soon,0\n"
    assert [
        (("a", 7200), ("b", -7200), ("b", -1800), ("fund", 1800)),
        (("a", None), ("b", None)),
        (("b", -7200),),
        (),
        (("a", 7200), ("b", -7200)),
    ] == [row.moves for row in items(f"{SHEET}{levy}", head + rows)]


def test_of_a_row_that_may_not_count_nobody_knows_what_it_moves() -> None:
    """One of a state that is not known, and one that was taken back."""
    more = '[transfers.state]\ncolumn="s"\nmoves=["ok"]\n[transfers.reversed]\ncolumn="undone"\n'
    rows = "a,b,2,soon,ok,\na,b,2,2026-03-02,new,\na,b,2,soon,ok,yes\n"
    found = items(f"{SHEET}{more}", f"to,from,hours,day,s,undone\n{rows}")
    assert [(("a", 7200), ("b", -7200)), *[(("a", None), ("b", None))] * 2] == [
        row.moves for row in found
    ]


def test_rows_of_nothing_may_pass() -> None:
    """Where the mapping says so they are counted."""
    [row] = items(f'{SHEET}zero="pass"\n', "to,from,hours,day\na,b,0,2026-03-02\n")
    assert Passed(line=2, state="zero") == row


def test_a_negative_amount_may_go_the_other_way() -> None:
    """Where the mapping says so."""
    [row] = items(f'{SHEET}negative="swap"\n', "to,from,hours,day\na,b,-1,2026-03-02\n")
    assert ("b", "a", 3600) == (row.earner, row.spender, row.seconds)


def test_a_reversal_may_be_of_a_part_and_have_a_positive_amount(memory: TimeBank) -> None:
    """It is the row it names that is taken back, by so much."""
    toml = f'{SHEET}id="n"\n[transfers.reversal]\ncolumn="of"\noriginal="of"\namount="positive"\n'
    report = run(
        memory,
        importer(toml, "n,to,from,hours,day,of\n1,a,b,2,2026-03-02,\n2,b,a,0.5,2026-03-03,1\n"),
    )
    assert (0, {"a": "1:30", "b": "-1:30"}) == (report.quarantined, balances(memory))


@pytest.mark.parametrize("name", ["earner", "note", "day"])
def test_a_missing_column_is_said_before_anything_is_booked(name: str) -> None:
    """With the key of the mapping that names it, and the columns that there are."""
    toml = f'{HEAD}[transfers]\n{SIDES}note="note"\n'.replace(f'{name} = "', f'{name} = "no ')
    toml = toml.replace(f'{name}="', f'{name}="no ')
    message = rf"has no column 'no .*, which transfers\.{name} of the mapping names; did you mean '"
    with pytest.raises(InvalidRequest, match=message):
        importer(toml, "to,from,hours,day,note\n")


def test_an_optional_column_may_be_missing() -> None:
    """Then it says nothing."""
    toml = f'{SHEET}category="c"\noptional="c"\n'
    [row] = items(toml, "to,from,hours,day\na,b,1,2026-03-02\n")
    assert row.category is None


@pytest.mark.parametrize(
    ("transfers", "message"),
    [
        ("", "it is empty"),
        ("to/from/hours/day\n", "it has 'to/from/hours/day'"),
        ('to,from,hours,"day\n', "has no first line that can be read"),
        ("to,from,hours,day,to\n", "has 2 columns 'to'"),
    ],
)
def test_a_first_line_has_to_be_one(transfers: str, message: str) -> None:
    """Empty, broken, or with a column twice."""
    with pytest.raises(InvalidRequest, match=message):
        importer(SHEET, transfers)


# -- accounts and balances --------------------------------------------------------------------


def test_nobody_is_opened_unless_it_is_asked(memory: TimeBank) -> None:
    """An id that only a transfer names may be a slip of the pen."""
    raw = io.BytesIO(b"to,from,hours,day\na,b,1,2026-03-02\n")
    report = run(memory, MappingImporter(parsed(SHEET.encode()), raw))
    assert [("file", 2, "to")] == [(row.file, row.line, row.column) for row in report.rows]


def test_a_file_of_balances_may_be_all_there_is_of_accounts() -> None:
    """Its accounts are members; one that stands twice is quarantined."""
    toml = f'{SHEET}[balances]\naccount="who"\nbalance="is"\n'
    given_ = importer(toml, "to,from,hours,day\n", balances="who,is\na,1\nb,-1\na,2\n")
    read = [item for _, item in given_.read()]
    rows = [(item.id, item.stated) for item in read if isinstance(item, ImportedAccount)]
    assert [("a", 3600), ("b", -3600)] == rows
    assert [4] == [item.line for item in read if isinstance(item, Quarantined)]


def test_a_balance_of_no_account_is_quarantined() -> None:
    """Where a file says which accounts there are."""
    toml = f'{SHEET}[accounts]\nid="id"\n[balances]\naccount="who"\nbalance="is"\n'
    given_ = importer(toml, "to,from,hours,day\n", balances="who,is\nb,-1\n", accounts="id\na\n")
    read = [item for _, item in given_.read()]
    assert [("who", 2)] == [(one.column, one.line) for one in read if isinstance(one, Quarantined)]


def test_a_pipe_is_refused(tmp_path: Path) -> None:
    """It could be read only once, and half of what it says would be lost."""
    reading, writing = os.pipe()
    os.close(writing)
    mapping = parsed(SHEET.encode())
    with os.fdopen(reading, "rb") as pipe, pytest.raises(InvalidRequest, match="save it as a file"):
        MappingImporter(mapping, pipe)
    with pytest.raises(InvalidRequest, match="is read more than once"):
        MappingImporter(mapping, tmp_path)
    with pytest.raises(FileNotFoundError):
        MappingImporter(mapping, tmp_path / "none.csv")


def test_a_file_that_the_mapping_does_not_know_is_refused() -> None:
    """Rather than not read."""
    with pytest.raises(
        InvalidRequest, match="the mapping sheet says nothing of a file of balances"
    ):
        importer(SHEET, "to,from,hours,day\n", balances="who,is\n")


# -- quarantine -------------------------------------------------------------------------------


def test_a_mended_quarantine_comes_in_once(memory: TimeBank) -> None:
    """In the place of the original rows, whose equals keep their ids, in whatever encoding."""
    toml = SHEET + 'note="note"\n[csv]\nencoding="latin-1"\ndelimiter=";"\n[amounts]\ndecimal=","\n'
    head, good = "to;from;hours;day;note\n", "a;b;1,5;2026-03-02;caffè\n"
    raw = (head + good.replace("1,5", "1h30") + good).encode("latin-1")
    written, first = io.StringIO(), importer(toml, raw)
    quarantine = QuarantineFile(written)
    run(
        memory,
        first,
        on_quarantine=lambda row: quarantine.write(row, first.headers[row.file]),
    )
    assert ["sheet", 1] == [first.name, len(list(memory.transfers()))]
    bad = io.BytesIO(written.getvalue().replace("1h30,2026", '"1,5",2026').encode())
    report = run(memory, importer(toml, raw, mended=Mended("bad.csv", bad)))
    assert (1, 1, 0) == (report.transfers_booked, report.transfers_there, report.quarantined)
    again = run(memory, importer(toml, raw))
    assert (0, 1, 1) == (again.transfers_booked, again.transfers_there, again.quarantined)
    assert ["caffè", "caffè"] == [transfer.note for transfer in memory.transfers()]


# -- properties -------------------------------------------------------------------------------

_CELL = st.sampled_from(
    ["a", "b", "c", " a", "", "1", "-1", "0", "1,5", "2026-03-02", "2026-02-30", "NULL", "R", "#1"]
) | st.text(max_size=6)
_ROWS = st.lists(st.lists(_CELL, min_size=5, max_size=6), max_size=12)
FULL = f"""{SHEET}id="n"
note="n"
html="n"
[transfers.state]
column="hours"
moves=["1", "-1", "0"]
passed=["1,5"]
[transfers.reversal]
column="n"
values=["R", "#1"]
original="n"
pattern="#([0-9]+)"
"""


def csv_of(rows: list[list[str]]) -> str:
    """The rows as CSV, with every cell in quotes."""
    quoted = (",".join('"' + cell.replace('"', '""') + '"' for cell in row) for row in rows)
    return "\n".join(["n,to,from,hours,day", *quoted, ""])


def check(bank: TimeBank, toml: str, raw: bytes) -> ImportReport:
    """Import, and look at what must hold whatever the file has."""
    given_ = importer(toml, raw)
    read = list(given_.read())
    assert read == list(given_.read())
    report = run(bank, importer(toml, raw))
    assert bank.audit().ok
    assert Hours(0) == bank.trial_balance().total
    moves = sum(isinstance(item, ImportedTransfer | ImportedReversal) for _, item in read)
    faults = sum(isinstance(item, Quarantined) for _, item in read)
    done = report.transfers_booked + report.transfers_there
    assert moves + faults == done + report.quarantined
    assert sum(isinstance(item, Passed) for _, item in read) == sum(dict(report.passed).values())
    head = bank.head()
    again = run(bank, importer(toml, raw))
    assert (head, 0) == (bank.head(), again.transfers_booked)
    return report


@given(st.binary(max_size=300))
@example(b'"')
@example(b"\xff\xfe")
def test_arbitrary_bytes_book_nothing(raw: bytes) -> None:
    """Under a good first line, bytes are quarantined, row by row."""
    report = check(timebank.open("memory:"), FULL, b"n,to,from,hours,day\n" + raw)
    assert 0 == report.transfers_booked


@given(_ROWS)
@example([["1", "a", "b", "1", "2026-03-02"], ["#1", "a", "b", "-1", "2026-03-02"]])
def test_every_row_is_booked_passed_or_quarantined(rows: list[list[str]]) -> None:
    """None is lost, none is counted twice, and a second run appends nothing."""
    bank = timebank.open("memory:")
    report = check(bank, FULL, csv_of(rows).encode("utf-8", "surrogatepass"))
    done = report.transfers_booked + report.transfers_there
    assert len(rows) == done + report.quarantined + sum(dict(report.passed).values())


@given(st.lists(st.sampled_from(["a,b,1", "b,a,1", "a,c,0.5"]), max_size=9), st.data())
def test_an_import_without_ids_that_was_broken_off_goes_on(rows: list[str], data: Any) -> None:
    """Part of the file, then all of it: the same transfers as all of it at once."""
    texts = [f"{row},2026-03-02\n" for row in rows]
    cut = data.draw(st.integers(min_value=0, max_value=len(rows)))
    whole, broken = timebank.open("memory:"), timebank.open("memory:")
    run(whole, importer(SHEET, "to,from,hours,day\n" + "".join(texts)))
    for part in (texts[:cut], texts):
        run(broken, importer(SHEET, "to,from,hours,day\n" + "".join(part)))
    ids = [[transfer.id for transfer in bank.transfers()] for bank in (whole, broken)]
    assert sorted(ids[0]) == sorted(ids[1])
    assert len(rows) == len(ids[0])


# -- the command ------------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder to be in, with a mapping and a sheet of two rows, of which one is bad."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TIMEBANK_DB", "bank.db")
    monkeypatch.delenv("TIMEBANK_BANK", raising=False)
    (tmp_path / "sheet.toml").write_text(SHEET)
    (tmp_path / "t.csv").write_text("to,from,hours,day\na,b,1,2026-03-02\na,b,x,2026-03-02\n")
    return tmp_path


def call(*words: str) -> tuple[int, str]:
    """What `timebank import csv` ends with, and says."""
    result = CliRunner().invoke(main, ["import", "csv", "--mapping", *words])
    return result.exit_code, result.output


def test_the_command_tries_books_and_mends(folder: Path) -> None:
    """A dry run makes no bank, a bad row is 1, and mended it comes in."""
    words = ("sheet.toml", "--transfers", "t.csv", "--open-accounts")
    code, text = call(*words, "--dry-run")
    assert 1 == code
    assert "  t.csv:3: hours: 'x' is no number like 1.50" in text.splitlines()
    assert not (folder / "bank.db").exists()
    code, text = call(*words, "--quarantine", "bad.csv")
    assert (1, "Transfers: 1 booked, 0 there already") == (code, text.splitlines()[1])
    bad = (folder / "bad.csv").read_text().replace(",x,2026", ",2,2026")
    (folder / "mended.csv").write_text(bad)
    code, text = call(*words, "--mended", "mended.csv")
    assert (0, "Transfers: 1 booked, 1 there already") == (code, text.splitlines()[1])


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("sheet.toml",), "Missing option '--transfers'"),
        (("sheet.toml", "--transfers", "t.csv"), "No account is there yet: give --accounts FILE"),
        (("sheet.toml", "--transfers", "none.csv"), "none.csv: No such file"),
        (("none.toml", "--explain"), "none.toml: No such file"),
        (("none", "--explain"), "no mapping 'none': there are ces,"),
        (("ces", "--transfers", "t.csv", "--open-accounts"), "t.csv has no column 'seller_amount'"),
        (
            ("sheet.toml", "--transfers", "t.csv", "--accounts", "t.csv"),
            "the mapping sheet says nothing of a file of accounts",
        ),
    ],
)
def test_wrong_use_is_one_line(folder: Path, words: tuple[str, ...], message: str) -> None:
    """With exit code 2, and without a bank."""
    code, text = call(*words)
    assert (2, 1) == (code, len(text.splitlines()))
    assert message in text
    assert not (folder / "bank.db").exists()


@pytest.mark.usefixtures("folder")
def test_explain_needs_no_bank(monkeypatch: pytest.MonkeyPatch) -> None:
    """And no file but the mapping."""
    monkeypatch.delenv("TIMEBANK_DB")
    code, text = call("sheet.toml", "--explain")
    assert (0, "to earned, from spent, by hours, on day.") == (code, text.splitlines()[6])


def test_several_files_of_transfers_are_all_read(memory: TimeBank, tmp_path: Path) -> None:
    """Each with its own first line, and its equal rows counted by itself."""
    first, second = tmp_path / "march.csv", tmp_path / "april.csv"
    first.write_text("to,from,hours,day\na,b,1.00,2025-03-02\na,b,1.00,2025-03-02\n")
    second.write_text("day,hours,from,to\n2025-04-02,2.00,a,b\n")
    found = MappingImporter(parsed(SHEET.encode()), [first, second], open_accounts=True)
    report = run(memory, found)
    assert (3, True, 2) == (report.transfers_booked, report.ok, found.files_of_transfers)
    assert found.bytes == found.bytes_read
    assert 2 == len(found.headers)
