"""Exports as a spreadsheet opens them and saves them again: LibreOffice, in two languages.

LibreOffice is a program that nobody here wrote. One that is not installed is a failure.
"""

from __future__ import annotations

import csv
import io
import os
import shutil
import subprocess
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

import timebank
from support import sources
from timebank import TimeBank
from timebank.interchange.spreadsheet import (
    Sheet,
    balances_sheet,
    statement_sheet,
    transfers_sheet,
)
from timebank.reports.csv_lines import unguarded
from timebank.reports.impact_text import impact_csv

pytestmark = pytest.mark.nightly

DAY = date(2026, 3, 2)
#: Windows' numbers of languages, by which LibreOffice reads and writes numbers and days.
LANGUAGES = {"en": 1033, "it": 1040}
UTF8 = 76
#: Ids of which a spreadsheet would make something else, and some that it leaves alone.
IDS = [
    *("007", "208", "1E5", "1e-7", "2-3", "1/2", "123456789012345678", "3.14", "3,14", "12:30"),
    *("2026-03-02", "3 marzo", "MAR1", "SEPT2", "mag-26", "TRUE", "VERO", "10%", "(5)", "+39 02"),
    *("=1+1", "@here", "'quoted", "#N/A", "m1", "m-1", "gen", "Anna Rossi", "\u0663\u0664"),
]
TEXTS = [
    *("due\nrighe", "due\n=1+1", "a,b;c\td", 'he said "1"', "perch\u00e9 \u2014 \U0001f331"),
    *("=HYPERLINK(1)", "-1+1", "", "a\r\nb", "1.234,56", "0:45", "x" * 300),
]


@pytest.fixture(scope="module")
def bank() -> TimeBank:
    """A bank whose ids and texts are all that a spreadsheet stumbles over."""
    bank = timebank.open("memory:", **sources())
    for number, id in enumerate(IDS):
        bank.open_account(id, name=TEXTS[number % len(TEXTS)] or None, floor=None)
    for number, id in enumerate(IDS[1:]):
        hours = f"{number % 7}:{7 * number % 53 + 5:02}:{number % 50:02}"
        note = TEXTS[number % len(TEXTS)]
        bank.transfer(
            earner=id, spender=IDS[0], hours=hours, note=note, occurred_on=DAY, id=f"0{number}"
        )
    return bank


def converted(path: Path, form: str, lcid: int, *, comma: bool, special: bool) -> Path:
    """A file of a table, opened and saved again in another form; days are sought if `special`."""
    program = shutil.which("soffice")
    assert program is not None, "soffice is not installed"
    delimiter = ord(";" if comma else ",")
    reading = f"CSV:{delimiter},34,{UTF8},1,,{lcid},false,{str(special).lower()}"
    out = path.parent / f"{path.stem}-{form.partition(':')[0]}-{lcid}"
    out.mkdir(exist_ok=True)
    command = [program, f"-env:UserInstallation={(path.parent / 'profile').as_uri()}"]
    command += ["--headless", "--norestore", f"--infilter={reading}", "--convert-to", form]
    done = subprocess.run(
        [*command, "--outdir", str(out), str(path)],
        capture_output=True,
        text=True,
        check=False,
        timeout=180,
        env=os.environ | {"LC_ALL": "C.UTF-8"},
    )
    (made,) = out.iterdir()
    assert 0 == done.returncode, done.stderr
    return made


def saved_again(raw: str, folder: Path, language: str, *, comma: bool, special: bool) -> str:
    """What LibreOffice writes of a table that it opened, through its own format and back."""
    lcid, delimiter = LANGUAGES[language], ord(";" if comma else ",")
    path = folder / "table.csv"
    path.write_text(raw, "utf-8", newline="")
    book = converted(path, "ods", lcid, comma=comma, special=special)
    # As shown, not as stored: that is what it saves if nobody chooses otherwise.
    form = f"csv:Text - txt - csv (StarCalc):{delimiter},34,{UTF8},1,,{lcid},false,true,false"
    back = converted(book, form, lcid, comma=comma, special=special)
    return back.read_text("utf-8-sig")


def rows_of(raw: str, *, comma: bool) -> list[list[str]]:
    """The rows of a table."""
    lines = io.StringIO(raw, newline="")
    return list(csv.reader(lines, delimiter=";" if comma else ",", strict=True))


def number_of(cell: str, *, comma: bool) -> float:
    """A number, as it was written or as a spreadsheet shows it."""
    return float(cell.replace(",", ".") if comma else cell)


TABLES: dict[str, Callable[[TimeBank, bool], Sheet]] = {
    "transfers": lambda bank, comma: transfers_sheet(bank, decimal_comma=comma),
    "balances": lambda bank, comma: balances_sheet(bank.trial_balance(), decimal_comma=comma),
    "statement": lambda bank, comma: statement_sheet(bank.statement("007"), decimal_comma=comma),
}
NUMBERS = {"seconds", "hours", "earned_seconds", "spent_seconds"} | {
    "balance_seconds",
    "balance_hours",
    "sequence",
}
#: Cells that a spreadsheet may show in its own way: they are its own days.
DAYS = {"occurred_on", "recorded_at_utc", "from", "to"}


@pytest.mark.parametrize("special", [False, True], ids=["plain", "days-sought"])
@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("table", TABLES)
def test_an_export_is_shown_unharmed_and_comes_back(
    bank: TimeBank, tmp_path: Path, table: str, language: str, *, special: bool
) -> None:
    """Sums to the second, ids and texts to the letter; no row more and none less."""
    comma = language == "it"
    raw = "".join(f"{line}\n" for line in TABLES[table](bank, comma))
    written = rows_of(raw, comma=comma)
    again = saved_again(raw, tmp_path, language, comma=comma, special=special)
    shown = rows_of(again, comma=comma)
    assert len(written) == len(shown)
    titles = written[0]
    assert titles == shown[0]
    for before, after in zip(written[1:], shown[1:], strict=True):
        for title, was, now in zip(titles, before, after, strict=True):
            if title in NUMBERS and was:
                assert number_of(was, comma=comma) == number_of(now, comma=comma), title
            elif title not in DAYS:
                assert was == now, title
    column = titles.index("account")
    ids = {unguarded(row[column], as_text=True) for row in shown[1:]} - {""}
    assert ids <= set(IDS)
    assert table == "statement" or ids == set(IDS)
    seconds = titles.index("balance_seconds" if table == "balances" else "seconds")
    total = sum(int(row[seconds]) for row in shown[1:] if row[seconds])
    assert total == (bank.balance("007").posted.seconds if table == "statement" else 0)


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_impact_report_opens_as_it_is(bank: TimeBank, tmp_path: Path, language: str) -> None:
    """Its labels and counts; hours are shown as hours."""
    raw = impact_csv(bank.impact(at_least=1), language)
    again = saved_again(raw, tmp_path, language, comma=False, special=False)
    before, after = rows_of(raw, comma=False), rows_of(again, comma=False)
    wide = max(map(len, before))
    assert [row + [""] * (wide - len(row)) for row in before] == [
        [
            shortened(was, now)
            for was, now in zip(row, first + [""] * (wide - len(first)), strict=True)
        ]
        for row, first in zip(after, before, strict=True)
    ]


def shortened(now: str, was: str) -> str:
    """A figure as it was written, where it is shown with fewer noughts behind the mark."""
    is_same = was.replace(",", ".").rstrip("0").rstrip(".") == now.replace(",", ".")
    return was if "." in was.replace(",", ".") and is_same else now
