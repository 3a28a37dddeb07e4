"""`timebank report presences` and `report value`: what they print, and what they refuse."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from support import made_once
from timebank.cli import main


def _fill() -> None:
    """Make the bank, and a file of rates."""
    well("init")
    well("account", "open", "m1", "--name", "Maria R.")
    well("account", "open", "m2", "--name", "Luca B.")
    well("account", "open", "pot", "--kind", "fund", "--name", "Fondo sociale")
    exchange("m1", "m2", "1:30", "--on", "2025-12-30", "--category", "spesa")
    exchange("m1", "m2", "1:30", "--on", "2026-03-02", "--category", "spesa", "--note", "da Aldi")
    exchange("m2", "pot", "2:00", "--on", "2026-03-03", "--category", "cucina", "--tag", "festa")
    Path("rates.csv").write_text("categoria;tariffa\nspesa;12,35\n", "utf-8")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a bank in which two people gave hours in two years, and rates."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TIMEBANK_DB", "bank.db")
    monkeypatch.delenv("TIMEBANK_LANG", raising=False)
    made_once(_fill)
    return tmp_path


def call(*words: str) -> Result:
    """What a command gives."""
    return CliRunner().invoke(main, list(words))


def well(*words: str) -> str:
    """What a command prints that ends well."""
    done = call(*words)
    assert (0, "") == (done.exit_code, done.stderr), done.output
    return done.stdout


def exchange(earner: str, spender: str, hours: str, *words: str) -> None:
    """Record an exchange."""
    well("transfer", "--earner", earner, "--spender", spender, "--hours", hours, *words)


def lines(text: str) -> list[dict[str, str]]:
    """The rows of a CSV."""
    return list(csv.DictReader(io.StringIO(text)))


def test_a_year_is_two_days() -> None:
    """Of which both are in it."""
    year = well("report", "presences", "--year", "2026", "--format", "csv")
    days = ("--since", "2026-01-01", "--until", "2026-12-31")
    assert year == well("report", "presences", *days, "--format", "csv")
    assert ["2026-03-02", "2026-03-03"] == [row["Day"] for row in lines(year)]


@pytest.mark.parametrize(
    ("choice", "names"),
    [
        (("--category", "SPESA"), ["Maria R."]),
        (("--category", "spesa", "--category", "cucina"), ["Maria R.", "Luca B."]),
        (("--tag", "festa"), ["Luca B."]),
        (("--fund", "Fondo sociale"), ["Luca B."]),
        (("--fund", "pot", "--category", "spesa"), []),
        (("--kind", "turno"), []),
    ],
)
def test_what_is_counted_is_chosen(choice: tuple[str, ...], names: list[str]) -> None:
    """Several of an option are any of them; a fund is named as people know it."""
    told = well("report", "presences", "--year", "2026", *choice, "--format", "csv")
    assert names == [row["Name"] for row in lines(told)]


def test_every_form_has_the_same_hours() -> None:
    """Text, a page and JSON; notes are in none of them, unless they are asked for."""
    year = ("report", "presences", "--year", "2026")
    text = well(*year, "--title", "Via Roma", "--lang", "it")
    assert text.startswith("Via Roma\nRegistro delle presenze\n")
    page = well(*year, "--format", "html", "--lang", "it", "--title", "Via Roma")
    shape = json.loads(well(*year, "--format", "json"))
    assert "3:30" in text
    assert "<dd>3:30</dd>" in page
    assert "3:30" == shape["hours"]
    for form in ("text", "html", "csv", "json"):
        assert "Aldi" not in well(*year, "--format", form)
        assert "Aldi" in well(*year, "--format", form, "--notes")


def test_a_sheet_for_each_person() -> None:
    """Is for paper."""
    page = well("report", "presences", "--format", "html", "--by-name")
    assert "Sheet of Luca B. (m2)" in page
    refused = call("report", "presences", "--by-name")
    assert (2, True) == (refused.exit_code, "goes with --format html" in refused.stderr)


def test_the_value_in_every_form() -> None:
    """By category; what has no rate stands apart."""
    value = ("report", "value", "--year", "2026", "--rates", "rates.csv")
    rows = lines(well(*value, "--format", "csv"))
    assert [
        ["spesa", "1:30", "12.35", "18.53"],
        ["cucina", "2:00", "", ""],
        ["Total", "1:30", "", "18.53"],
    ] == [list(row.values()) for row in rows]
    shape = json.loads(well(*value, "--format", "json"))
    assert ("18.53", "2:00") == (shape["total"], shape["hours_without"])
    assert "18,53" in well(*value, "--lang", "it")
    assert "18,53" in well(*value, "--lang", "it", "--format", "html")
    assert "Valore (CHF)" in well(*value, "--lang", "it", "--currency", "chf")
    marked = well(*value, "--format", "csv", "--decimal-comma", "--bom")
    assert marked.startswith("\ufeffCategory;Hours;")
    assert "\nspesa;1:30;12,35;18,53\n" in marked


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("value",), "Missing option '--rates'"),
        (("value", "--rates", "none.csv"), "'none.csv' does not exist"),
        (("value", "--rates", "bank.db"), "is a database and no sheet"),
        (("value", "--rates", "rates.csv", "--currency", "euro"), "three letters"),
        (("presences", "--year", "2026", "--since", "2026-01-01"), "leave --since and --until"),
        (("presences", "--year", "26"), "'26' is not a whole number from"),
        (("presences", "--fund", "nobody"), "no account 'nobody'"),
        (("presences", "--kind", "opening"), "nobody serves anybody"),
        (("presences", "--since", "2026-02-01", "--until", "2026-01-01"), "is after until"),
    ],
)
def test_what_is_refused(words: tuple[str, ...], said: str) -> None:
    """On one line, and nothing is printed."""
    refused = call("report", *words)
    assert (2, "") == (refused.exit_code, refused.stdout), refused.stderr
    assert said in refused.stderr
    assert 1 == refused.stderr.count("\n")
