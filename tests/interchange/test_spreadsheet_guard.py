"""No CSV that the library writes has a cell that a spreadsheet would execute."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterator
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

import timebank
from support import sources
from timebank import TimeBank
from timebank.interchange.engine.quarantine import QuarantineFile
from timebank.interchange.engine.report import Quarantined
from timebank.interchange.spreadsheet import balances_sheet, statement_sheet, transfers_sheet
from timebank.reports.csv_lines import (
    FORMULA_SIGNS,
    Trusted,
    cell_of,
    csv_line,
    guarded,
    unguarded,
)
from timebank.reports.impact_text import impact_csv

DAY = date(2026, 3, 2)

#: Texts that a spreadsheet executes, each of its kind.
DANGEROUS = [
    "=1+1",
    "+1+1",
    "-1+1",
    "@SUM(A1)",
    "\t=1+1",
    "\r=1+1",
    "\n=1+1",
    "\uff1d1+1",
    "\uff0b1+1",
    "\uff0d1+1",
    "\uff20SUM(A1)",
    "-1+1|calc",
    "=cmd|' /C calc'!A0",
    "=1+1\nbread",
    "'=1+1",
]
#: The same behind what cannot be seen, which a bank takes in no name.
UNSEEN = [" =1+1", "\u00a0@SUM(A1)", "\ufeff=1+1", "\x00=1+1", "\u200b -1+1|calc", "' =1"]
#: Texts in which a spreadsheet that parts columns by another sign finds a cell to execute, with
#: what is written.
WITHIN = {
    "bread;=1+1;milk": "bread;'=1+1;milk",
    "bread,@SUM(A1)": "bread,'@SUM(A1)",
    "bread|=1+1": "bread|'=1+1",
    "bread\n=1+1": "bread\n'=1+1",
    "bread\n-1+1|calc": "bread\n'-1+1|calc",
    "bread; +HYPERLINK(A1)": "bread;' +HYPERLINK(A1)",
    'bread;"=1+1"': 'bread;\'"=1+1"',
    "bread;'=1+1": "bread;''=1+1",
    "bread;\uff1d1+1": "bread;'\uff1d1+1",
}
#: Texts that it does not.
HARMLESS = [
    "bread",
    "",
    "a=b",
    "m1",
    "12",
    "cmd|calc",
    "'tis",
    "due cose:\n- pane\r\n- latte",
    "ore 1,-2; ciao ;-)",
    'he said "=1"',
    "a,b;c",
    "perché",
]
#: Texts of which a spreadsheet makes a number, a day or a truth, and writes that.
CHANGED = [
    *("007", "00", "1E5", "1e-5", "2-3", "1/2", "123456789012", "1.5", "1,5", "1 000", "(5)"),
    *("10%", "12.30", "1:30", "2026-03-02", "3 marzo", "mar-26", "SEPT2", "May 5", "5 PM", "VERO"),
    *("TRUE", "#N/A", "'007", "\u0663\u0664", "\u22125", "\u20ac5"),
]


def rows_of(raw: str, delimiter: str = ",") -> list[list[str]]:
    """The rows, as a program reads them that takes no stray line break."""
    return list(csv.reader(io.StringIO(raw, newline=""), delimiter=delimiter, strict=True))


def bank_with(text: str) -> TimeBank:
    """A bank that has the text wherever people may write it."""
    bank = timebank.open("memory:", **sources())
    for number in range(6):
        bank.open_account(f"a{number}", name=text or None)
    label = text if text.isprintable() and text else None
    for number in range(6):
        bank.transfer(
            earner=f"a{number}",
            spender=f"a{(number + 1) % 6}",
            hours="1:30",
            note=text,
            category=label,
            area=label,
            resource=label,
            tags=[label] if label else [],
            occurred_on=DAY,
        )
    return bank


def transfers(text: str) -> str:
    """`timebank export csv transfers`."""
    return "".join(f"{line}\n" for line in transfers_sheet(bank_with(text)))


def transfers_with_semicolons(text: str) -> str:
    """The same with `--decimal-comma`."""
    return "".join(f"{line}\n" for line in transfers_sheet(bank_with(text), decimal_comma=True))


def balances(text: str) -> str:
    """`timebank export csv balances`."""
    return "".join(f"{line}\n" for line in balances_sheet(bank_with(text).trial_balance()))


def statement(text: str) -> str:
    """`timebank export csv statement`."""
    return "".join(f"{line}\n" for line in statement_sheet(bank_with(text).statement("a1")))


def impact(text: str) -> str:
    """`timebank report impact --format csv`."""
    return impact_csv(bank_with(text).impact())


def quarantine(text: str) -> str:
    """`timebank import … --quarantine FILE`: names, values and rows are another system's."""
    file = io.StringIO(newline="")
    writer = QuarantineFile(file)
    row = Quarantined(text, 2, text, text, text, cells=(text, "bread"))
    writer.write(row, names=(text, "what"))
    return file.getvalue()


Writer = Callable[[str], str]
WRITERS: list[Writer] = [
    transfers,
    transfers_with_semicolons,
    balances,
    statement,
    impact,
    quarantine,
]


def cells_of(write: Writer, text: str) -> Iterator[str]:
    """All cells; every row has as many as the first one that has so many columns."""
    rows = rows_of(write(text), ";" if write is transfers_with_semicolons else ",")
    if write not in {impact, quarantine}:
        assert {len(rows[0])} == {len(row) for row in rows}
    yield from (cell for row in rows for cell in row)


#: A quantity, or a band of two: the library's own, which may begin with a minus.
OUR_NUMBERS = re.compile(r"-?[0-9]+([:.,][0-9]+)*( to -?[0-9]+:[0-9]{2})?")


# -- every exporter --------------------------------------------------------------------------


@pytest.mark.parametrize("text", DANGEROUS)
@pytest.mark.parametrize("write", WRITERS)
def test_no_cell_of_any_export_is_a_formula(write: Writer, text: str) -> None:
    """Names, notes, categories, areas, resources, tags, and whatever stands in another's file."""
    for cell in cells_of(write, text):
        assert cell[:1] not in FORMULA_SIGNS or OUR_NUMBERS.fullmatch(cell), cell


@pytest.mark.parametrize("text", DANGEROUS)
@pytest.mark.parametrize("write", [transfers, transfers_with_semicolons, statement, quarantine])
def test_a_text_that_was_guarded_can_be_read_back(write: Writer, text: str) -> None:
    """Full-width signs too; the cells of another's file with their own line breaks."""
    written = text if write is quarantine else cell_of(text)
    assert written in set(map(unguarded, cells_of(write, text)))


@pytest.mark.parametrize("text", CHANGED)
@pytest.mark.parametrize("write", [transfers, transfers_with_semicolons, statement])
def test_what_a_spreadsheet_would_change_is_kept_as_text(write: Writer, text: str) -> None:
    """With a mark that is taken away again; what the library wrote itself has none."""
    cells = set(cells_of(write, text))
    assert f"'{text}" in cells
    assert "'1.5" not in cells - {f"'{text}"}
    assert text in {unguarded(cell, as_text=True) for cell in cells}


def test_cells_of_a_quarantined_row_go_back_as_they_came() -> None:
    """A day and a number in it are not marked."""
    assert {"007", "1:30"} <= set(cells_of(quarantine, "007")) | set(cells_of(quarantine, "1:30"))


@pytest.mark.parametrize("mark", ["\x1b", "\u202e", "\u200f", "\u2066", "\x85", "\u2028"])
@pytest.mark.parametrize("write", [transfers, balances, statement])
def test_no_mark_steers_a_terminal_or_turns_text_round(write: Writer, mark: str) -> None:
    """They are as a terminal is shown them; accents and line breaks stay, a tab is a blank."""
    written = write(f"perch\u00e9{mark}\tbread\r\nmilk")
    assert mark not in written
    assert "perch\u00e9" in written
    if write in {transfers, statement}:
        assert " bread\nmilk" in written


@pytest.mark.parametrize("text", HARMLESS)
@pytest.mark.parametrize("write", [transfers, transfers_with_semicolons, statement, quarantine])
def test_what_is_harmless_is_written_as_it_is(write: Writer, text: str) -> None:
    """A list in the lines of a cell is text, and so is a smile."""
    assert (text if write is quarantine else cell_of(text)) in set(cells_of(write, text))


@pytest.mark.parametrize("text", ["-1+1|calc", "\uff1d1+1"])
def test_the_impact_report_guards_as_the_others_do(text: str) -> None:
    """What went through in its own guard."""
    cells = set(cells_of(impact, text))
    assert f"'{text}" in cells
    assert text not in cells


def test_numbers_and_days_are_written_as_they_are() -> None:
    """Below zero too: a mark before a number would make it a text."""
    header, first, *_ = rows_of(transfers("bread"))
    row = dict(zip(header, first, strict=True))
    assert ("5400", "1.5", "2026-03-02") == (row["seconds"], row["hours"], row["occurred_on"])
    assert {"-5400", "-1.5"} <= set(cells_of(transfers, "bread"))
    assert {"-5400", "-1,5"} <= set(cells_of(transfers_with_semicolons, "bread"))
    assert "-1:30" in csv_line(["bread", Trusted("-1:30")])


def test_bands_of_balances_are_the_librarys_own_words() -> None:
    """They begin with a minus, and are no formula."""
    bank = timebank.open("memory:", **sources())
    for number in range(12):
        bank.open_account(f"a{number}")
    for number in range(6):
        bank.transfer(earner=f"a{number}", spender=f"a{number + 6}", hours="7:00")
    titles = [row[1] for row in rows_of(impact_csv(bank.impact())) if row[0].startswith("Balance")]
    assert any(title.startswith("-") for title in titles), titles


# -- the guard --------------------------------------------------------------------------------


@pytest.mark.parametrize("text", UNSEEN)
def test_what_cannot_be_seen_hides_no_formula(text: str) -> None:
    """Neither from the guard, nor in the file of quarantined rows."""
    assert f"'{text}" == guarded(text)
    assert text == unguarded(guarded(text))
    assert f"'{text}" in set(cells_of(quarantine, text))


@pytest.mark.parametrize("text", DANGEROUS)
def test_what_is_dangerous_has_one_mark_more(text: str) -> None:
    """And loses it again; behind a line break at its beginning there is another."""
    within = f"{text[0]}'{text[1:]}" if text[0] in "\t\r\n" else text
    assert f"'{within}" == guarded(text)
    assert text == unguarded(guarded(text))


@pytest.mark.parametrize("text", HARMLESS)
def test_what_is_harmless_has_none(text: str) -> None:
    """It is the same text, and nothing is taken from it."""
    assert text == guarded(text) == unguarded(text)
    assert text == guarded(text, as_text=True) == unguarded(text, as_text=True)


@pytest.mark.parametrize("text", WITHIN)
@pytest.mark.parametrize("write", [transfers, transfers_with_semicolons, statement, quarantine])
def test_no_cell_is_a_formula_where_another_sign_parts_columns(write: Writer, text: str) -> None:
    """A file with commas is opened where semicolons are meant, or the other way."""
    assert WITHIN[text] == guarded(text)
    assert text == unguarded(guarded(text))
    assert WITHIN[text] in set(cells_of(write, text))
    for delimiter in ",;|\t":
        for line in write(text).splitlines():
            for cell in line.split(delimiter):
                seen = cell.lstrip(' "')
                assert seen[:1] not in {"=", "@", "\uff1d"}, cell


@given(
    text=st.text(
        st.sampled_from(" '\"=+-@,;|\t\r\n(!1a\uff1d\ufeff\u00a0") | st.characters(), max_size=16
    ),
    as_text=st.booleans(),
)
def test_no_text_of_signs_is_lost_by_the_guard(text: str, *, as_text: bool) -> None:
    """Of those that it looks for, in any order; and marking what is marked loses nothing."""
    once = guarded(text, as_text=as_text)
    assert text == unguarded(once, as_text=as_text)
    twice = guarded(once, as_text=as_text)
    assert once == unguarded(twice, as_text=as_text)


@given(text=st.text(max_size=12), as_text=st.booleans())
def test_no_text_is_lost_by_the_guard(text: str, *, as_text: bool) -> None:
    """Whatever it is, and however many marks it has already."""
    assert text == unguarded(guarded(text, as_text=as_text), as_text=as_text)


@given(st.integers(0, 10**11 - 1))
def test_plain_numbers_of_a_few_digits_are_ids_as_well(number: int) -> None:
    """As the member numbers of a register: a spreadsheet shows and writes them as they are."""
    assert str(number) == guarded(str(number), as_text=True)
    assert f"'0{number}" == guarded(f"0{number}", as_text=True)


@pytest.mark.parametrize("delimiter", [",", ";"])
@pytest.mark.parametrize("text", ["a\nb", "a\rb", "a\r\nb", "\n", "a\n=1+1", "a;=1+1"])
def test_a_row_is_one_row_whatever_the_python(text: str, delimiter: str) -> None:
    """Line breaks stand in quotes: Python 3.12 and older leave them bare with no line end."""
    line = csv_line(["m1", text, "end"], delimiter=delimiter)
    assert [["m1", guarded(text), "end"]] == rows_of(f"{line}\n", delimiter)
