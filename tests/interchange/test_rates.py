"""Rates as a treasurer saves them: any usual file, and nothing guessed."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from timebank import InvalidRequest, explain
from timebank.interchange.rates import MOST_RATES, read_rates
from timebank.reports.valued import Rates

SPESA = Rates({"spesa": 1_250}, 1_000)


def rates_of(text: str, encoding: str = "utf-8") -> Rates:
    """The rates of a text that is saved in an encoding."""
    return read_rates(io.BytesIO(text.encode(encoding)))


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("categoria;tariffa\nspesa;12,50\n*;10\n", "utf-8"),
        ("Categoria;Tariffa (€/h)\r\nspesa;€ 12,50\r\nAltro;€ 10\r\n", "cp1252"),
        ("category,rate\nspesa,12.50\nother,10\n", "utf-8-sig"),
        ('category,rate\nspesa,"12,50"\nother,10\n', "utf-8"),
        ("category\thourly rate\nspesa\t12.50\nother\t10.00\n", "utf-16"),
        ("sep=;\nCategoria;Costo orario\nspesa;12,5\n*;10\n", "utf-8"),
        (
            "Banca del tempo 2026;;\n;;\nLivello;Categoria;Tariffa\nC1;spesa;12,50\nC2;*;10\n",
            "utf-8",
        ),
        ("tariffa;categoria\n12,50;spesa\n10;*\n;\n", "mac-roman"),
        ("categoria;tariffa\nspesa;12,50\ncucina;\n*;10\n", "utf-8"),
    ],
)
def test_a_table_in_any_usual_form(text: str, encoding: str) -> None:
    """Whatever its separator, marks, encoding, titles and columns besides."""
    assert SPESA == rates_of(text, encoding)


def test_a_workbook(tmp_path: Path) -> None:
    """Its numbers are numbers: no mark can be wrong."""
    openpyxl = pytest.importorskip("openpyxl")
    book = openpyxl.Workbook()
    for row in (["Categoria", "Tariffa"], ["spesa", 12.5], ["*", 10]):
        book.active.append(row)
    book.save(tmp_path / "rates.xlsx")
    assert SPESA == read_rates(tmp_path / "rates.xlsx")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "there is no rate in it"),
        ("spesa;12\n", "no columns called category and rate: it has 'spesa', '12'"),
        ("categoria;tariffa\n", "there is no rate in it"),
        ("categoria;tariffa\nspesa;\n", "there is no rate in it"),
        ("categoria;tariffa\nspesa;12,505\n", "line 2, column 2: a rate has at most two decimals"),
        ("categoria;tariffa\n\nspesa;-3\n", "line 3, column 2: a rate is not below zero: '-3'"),
        ("categoria;tariffa\nspesa;dodici\n", "line 2, column 2: a rate is an amount like"),
        (
            "categoria;tariffa\nspesa;1\nSPESA ;2\n",
            "line 3, column 1: .* a rate already, on line 2",
        ),
        ("categoria;tariffa\n*;1\naltro;2\n", "line 3, column 1: .* a rate already, on line 2"),
        ("categoria;tariffa\n;13\n", r"line 2, column 1: .* for all others write \*"),
        ("category,rate\nspesa,12,50\n", "line 2, column 3: .* a decimal comma"),
        (
            "categoria;importo;tariffa\nspesa;99;2\n",
            "line 1, column 3: 'importo' and 'tariffa' may",
        ),
        ("category,service,rate\na,b,2\n", "line 1, column 2: 'category' and 'service' may be"),
        ('categoria;tariffa\n"spesa;12\n', "line 2, column 1: the text cannot be read"),
    ],
)
def test_what_cannot_be_understood_is_told_with_its_place(text: str, said: str) -> None:
    """In English, and in Italian with the same place."""
    with pytest.raises(InvalidRequest, match=said) as caught:
        rates_of(text)
    line = said.partition("line ")[2].partition(",")[0]
    assert f"riga {line}" in explain(caught.value, lang="it") or not line


def test_there_are_not_too_many() -> None:
    """A table of rates is short: a long file is another one."""
    rows = "".join(f"c{number};1\n" for number in range(MOST_RATES + 1))
    with pytest.raises(InvalidRequest, match="there are more than 1000 rates"):
        rates_of(f"categoria;tariffa\n{rows}")


def test_what_is_no_sheet() -> None:
    """It is said what it is."""
    with pytest.raises(InvalidRequest, match="a PDF: save the sheet itself"):
        read_rates(io.BytesIO(b"%PDF-1.7"))
    with pytest.raises(OSError, match="No such file"):
        read_rates("/nowhere/rates.csv")
