"""Rows that a program wrote without their last empty cells, and texts that it or we marked."""

from __future__ import annotations

from io import BytesIO

import pytest

import timebank
from timebank.hours import Hours
from timebank.interchange.csv.importer import MappingImporter
from timebank.interchange.csv.toml import parsed
from timebank.interchange.engine.booking import run
from timebank.interchange.engine.people import People
from timebank.interchange.engine.report import ImportReport
from timebank.reports.told import in_words

_MAPPING = b"""
name = "sheet"
title = "Sheet"
amounts = { unit = "auto", decimal = "," }
days = { format = "dmy" }
[transfers]
earner = "who"
spender = "whom"
amount = "hours"
day = "day"
note = "note"
category = "kind"
"""
_HEAD = "day;who;whom;hours;note;kind\n"


def _book(bank: timebank.TimeBank, rows: str, *, opens: bool = True) -> ImportReport:
    file = BytesIO(f"{_HEAD}{rows}".encode())
    return run(bank, MappingImporter(parsed(_MAPPING), file, open_accounts=opens))


@pytest.mark.parametrize(
    "row", ["2/3/2026;a b;b c;1", "2/3/2026;a b;b c;1;x", "2/3/2026;a b;b c;1;;"]
)
def test_a_row_may_lack_its_last_optional_cells(bank: timebank.TimeBank, row: str) -> None:
    """A note and a category that are empty need not be written, and the row is the same row."""
    report = _book(bank, f"{row}\n")

    assert (1, 0) == (report.transfers_booked, report.quarantined)

    again = _book(bank, f"{row}{';' * (5 - row.count(';'))}\n")

    assert (0, 1, True) == (again.transfers_booked, again.transfers_there, again.ok)


@pytest.mark.parametrize("row", ["2/3/2026;a b;b c", "2/3/2026", "2/3/2026;a b;b c;1;x;y;z"])
def test_a_row_has_all_that_moves_hours_and_no_more(bank: timebank.TimeBank, row: str) -> None:
    """A row without an amount is quarantined whole, as one with too many cells is."""
    report = _book(bank, f"{row}\n3/3/2026;a b;b c;1\n")

    assert (1, 1) == (report.transfers_booked, report.quarantined)
    assert "columns" in report.rows[0].reason


@pytest.mark.parametrize("id", ["007", "1E5", "2-3"])
def test_the_mark_before_an_id_is_taken_away(bank: timebank.TimeBank, id: str) -> None:
    """What an export marks, so that a spreadsheet leaves it as it is, is the account's id."""
    bank.open_account(id)
    bank.open_account("m1")

    report = _book(bank, f"2/3/2026;'{id};m1;1\n", opens=False)

    assert report.ok
    assert Hours(1) == bank.balance(id).posted


def test_a_name_that_begins_with_an_apostrophe_keeps_it(bank: timebank.TimeBank) -> None:
    """Only what a spreadsheet would change has such a mark: a name is not such a text."""
    _book(bank, "2/3/2026;'Ndrea Bo;'t Hooft;1\n")

    assert ["'Ndrea Bo", "'t Hooft"] == [account.name for account in bank.accounts()]


def test_reasons_are_counted_by_what_all_rows_share(bank: timebank.TimeBank) -> None:
    """One kind of fault is one reason, however long the cell; it is said in each language."""
    cells = ("x", "1:90", "9" * 4400, "'", "\u200b")
    report = _book(bank, "".join(f"2/3/2026;a b;b c;{cell}\n" for cell in cells))

    (reason,) = report.reasons

    assert 5 == report.reasons[reason]
    assert "hours: … is no number of hours like 1,50, 1:30, 2h or 90 min" == reason
    assert "hours: … non è un numero di ore come 1,50, 1:30, 2h o 90 min" == in_words(reason, "it")


def test_who_is_not_known_is_told_in_each_language(bank: timebank.TimeBank) -> None:
    """What is wrong with a name is said as any other fault of a cell."""
    for id in ("m1", "m2"):
        bank.open_account(id, name="Luca Bo")
    bank.open_account("m3", name="Caro No")

    report = _book(bank, "2/3/2026;luca bo;m3;1\n2/3/2026;Paola;m3;1\n2/3/2026;Cara No;m3;1\n",
                   opens=False)  # fmt: skip

    assert [
        "'luca bo' è il nome di 2 conti: 'm1', 'm2'; scrivete l'identificativo di uno di loro",
        "'Paola' non è né l'identificativo né il nome di un conto",
        "'Cara No' non è né l'identificativo né il nome di un conto; somiglia a: 'Caro No' (m3)",
    ] == [in_words(row.reason, "it") for row in report.rows]


def test_what_is_near_a_long_name_is_found_in_time_that_grows_with_it() -> None:
    """A name of 60,000 letters is no reason to keep all but one of them 60,000 times."""
    people = People("sheet")
    people.note("m1", "x" * 60_000)
    people.note("m2", "y" + "x" * 59_999)
    people.note("m3", "Anna Bo")

    assert () == people.near()
