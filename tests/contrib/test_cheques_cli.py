"""`timebank cheques`: what the commands print, their exit codes, and what hurried people type."""

from __future__ import annotations

import csv
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

import timebank
from support import made_once
from timebank import Roles, TimeBank
from timebank.cli import main
from timebank.contrib import cheques

#: Columns of the list of booklets, in every language.
HEADER = "booklet,account,name,issued_on,cheques,entered,voided,out,numbers_out"


def _fill() -> None:
    """Make the bank."""
    well("init")
    for id, name in (("m1", "Maria Rossi"), ("m2", "Luca Bianchi"), ("m3", "Ada Neri")):
        well("account", "open", id, "--name", name)
    well("cheques", "issue", "maria rossi", "--booklet", "17")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder with a bank: Maria has booklet 17, of 24 cheques."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TIMEBANK_DB", "bank.db")
    monkeypatch.setenv("TIMEBANK_LANG", "en")
    made_once(_fill)
    return tmp_path


def call(*words: str) -> Result:
    """A command, and how it ended."""
    return CliRunner().invoke(main, words, prog_name="timebank")


def well(*words: str) -> str:
    """What a command prints that ends well, and complains of nothing."""
    result = call(*words)
    assert (0, "") == (result.exit_code, result.stderr)
    return result.stdout


def refused(*words: str, code: int = 1) -> str:
    """The one line that a refused command says; nothing was written."""
    before = well("head")
    result = call(*words)
    assert (code, "", 1) == (result.exit_code, result.stdout, len(result.stderr.splitlines()))
    assert before == well("head")
    return result.stderr


def shape(*words: str) -> Any:
    """What a command has as JSON."""
    return json.loads(well(*words, "--format", "json"))


def write(text: str, name: str = "march.csv") -> str:
    """Write a pile, and return its name."""
    Path(name).write_text(text, "utf-8")
    return name


GOOD = "Numero;A favore di;Ore;Giorno\n17-01-39;Luca Bianchi;1,5;2/3/26\n17-02-36;m3;2;3/3/26\n"
BAD = f"{GOOD}17-04-31;m3;1;4/3/26\n"


# -- issuing and printing ------------------------------------------------------------------


def test_issuing_says_the_numbers_and_how_to_print() -> None:
    """With a number, the command may be given again; without one, the next free one is taken."""
    said = well("cheques", "issue", "m1", "--booklet", "17")
    assert "Booklet 17 is issued to m1 Maria Rossi: 24 cheques, 17-01-39 to 17-24-67" in said
    assert "It was issued so before, on " in said
    assert "timebank cheques print 17 > booklet-17.html" in said
    assert 18 == shape("cheques", "issue", "m2", "--cheques", "1")["number"]
    assert "1 assegno, 19-01-21" in well("--lang", "it", "cheques", "issue", "m2", "--cheques", "1")


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("m9",), 2, "no account 'm9'"),
        (("m2", "--booklet", "17"), 2, "the next free number is 18"),
        (("m2", "--booklet", "0"), 2, "'0' is not a whole number from 1 to 999999999"),
        (("m2", "--cheques", "100"), 2, "'100' is not a whole number from 1 to 99"),
    ],
)
def test_what_cannot_be_issued_is_told(words: tuple[str, ...], code: int, said: str) -> None:
    """In one line."""
    assert said in refused("cheques", "issue", *words, code=code)


def test_a_booklet_is_printed_in_either_language() -> None:
    """With the name of the association, and with a link in the codes."""
    pytest.importorskip("segno", reason="codes are drawn by the extra timebank[report]")
    page = well("cheques", "print", "17", "--lang", "it", "--title", "Banca del Tempo")
    assert page.startswith("<!doctype html>")
    assert (3, 24) == (page.count("<section"), page.count("<svg"))
    assert "Banca del Tempo" in page
    assert "assegno-tempo" in page
    assert page != well("cheques", "print", "17", "--link", "https://b.it/")
    assert "a link is an address" in refused("cheques", "print", "17", "--link", "b.it", code=2)
    assert "booklet 18 of cheques was never issued" in refused("cheques", "print", "18", code=2)
    well("cheques", "void", "--booklet", "17")
    assert "there is nothing to print" in refused("cheques", "print", "17", code=2)


# -- piles -----------------------------------------------------------------------------------


def test_a_pile_is_shown_and_then_booked() -> None:
    """And booked again, nothing is."""
    pile, before = write(GOOD), well("head")
    shown = well("cheques", "enter", pile)
    assert before == well("head")
    assert "17-01-39  2026-03-02  m1 Maria Rossi  m2 Luca Bianchi   1:30  to book" in shown
    assert "2 lines: 2 to book, 0 entered already, 0 refused. Hours to book: 3:30." in shown
    assert "With --book it is booked." in shown
    assert "Hours booked: 3:30." in well("cheques", "enter", pile, "--book")
    again = well("--lang", "it", "cheques", "enter", pile, "--book")
    assert "2 righe. Registrati: 0; già registrati: 2; rifiutati: 0. Ore registrate: 0:00." in again
    assert "Non c'era nulla da registrare." in again
    assert "-3:30" == shape("balance", "m1")["posted"]


def test_where_a_line_is_refused_nothing_is_booked_unless_it_is_left_out() -> None:
    """What is left out is in a file for its owner alone, which is mended and entered."""
    pile, before = write(BAD), well("head")
    for words in ((), ("--book",)):
        result = call("cheques", "enter", pile, *words)
        assert (1, "") == (result.exit_code, result.stderr)
        assert "(1) line 4: The number 17-04-31 cannot be right" in result.stdout
        assert before == well("head")
    assert "Nothing is booked, for not all lines are good." in result.stdout
    result = call("cheques", "enter", pile, "--book", "--leave-out", "left.csv")
    assert 1 == result.exit_code
    assert "The refused lines are in left.csv" in result.stdout
    left = Path("left.csv")
    if os.name == "posix":
        assert 0o600 == left.stat().st_mode & 0o777
    assert "17-04-31;m3;1;4/3/26;" in left.read_text("utf-8")
    mended = write(left.read_text("utf-8").replace("17-04-31", "17-04-30"), "mended.csv")
    assert "1 line: 1 booked" in well("cheques", "enter", mended, "--book")
    assert "-4:30" == shape("balance", "m1")["posted"]


def test_a_file_of_what_is_left_out_is_not_written_over() -> None:
    """Nobody has mended it yet; and where nothing is refused, none is left."""
    pile = write(BAD)
    write("kept", "left.csv")
    words = ("cheques", "enter", pile, "--book", "--leave-out")
    assert "left.csv: File exists" in refused(*words, "left.csv", code=2)
    assert "kept" == Path("left.csv").read_text("utf-8")
    assert "march.csv: File exists" in refused(*words, pile, code=2)
    assert "--leave-out goes with --book" in refused(
        "cheques", "enter", pile, "--leave-out", "x.csv", code=2
    )
    well("cheques", "enter", write(GOOD), "--book", "--leave-out", "none.csv")
    assert not Path("none.csv").exists()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "0 lines"),
        ("Numero;A chi;Giorno\n17-01-39;m2;2/3/26\n", "no column of hours"),
        ("%PDF-1.4 x", "a PDF: save the sheet itself"),
    ],
)
def test_a_file_that_is_no_pile_is_told(text: str, said: str) -> None:
    """In one line, whatever it is; an empty one has no cheque."""
    result = call("cheques", "enter", write(text))
    assert said in result.stdout + result.stderr
    assert (result.exit_code == 0) == (text == "")
    assert "none.csv: No such file or directory" in refused("cheques", "enter", "none.csv", code=2)


def test_a_pile_as_json_says_what_becomes_of_each_line() -> None:
    """With the exit code of a refusal."""
    result = call("cheques", "enter", write(BAD), "--format", "json")
    assert 1 == result.exit_code
    found = json.loads(result.stdout)
    assert ["booked", "booked", "refused"] == [one["outcome"] for one in found["lines"]]
    assert (False, False, "3:30") == (found["ok"], found["done"], found["hours"])


# -- void, list, show --------------------------------------------------------------------


def test_cheques_are_voided_by_number_by_range_and_by_booklet() -> None:
    """Of a range those that are out; one that was entered is refused by its number, and none is."""
    well("cheques", "enter", write(GOOD), "--book")
    assert "17-03-33 is void from " in well("cheques", "void", "17 03 33")
    assert "17-03-33 was void already, from " in well("cheques", "void", "170333")
    assert "was entered before" in refused("cheques", "void", "17-04-30", "17-01-39", code=2)
    assert "was voided on " in refused("cheques", "void", "17-03-33", "--code", "stolen")
    said = well("cheques", "void", "17-01..17-05-27", "--code", "spoiled", "--reason", "the dog")
    assert ["17-04-30", "17-05-27"] == [line[:8] for line in said.splitlines() if "void" in line]
    assert "3 cheques were used up before, and stay as they are: 17-01-39, 17-02-36, 17-03" in said
    found = shape("cheques", "void", "--booklet", "17", "--code", "stolen")
    assert (19, {"stolen"}) == (len(found), {one["code"] for one in found})
    assert "24 cheques were used up before" in well("cheques", "void", "--booklet", "17")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "Give the numbers of cheques, or --booklet"),
        (("17-05..18-07",), "is no range of cheques of one booklet"),
        (("17-07..17-05",), "is no range of cheques of one booklet"),
        (("17-05..",), "is the number of no cheque"),
        (("17-05-28",), "its check digits do not belong to it"),
        (("18-01-30",), "booklet 18 of cheques was never issued"),
        (("17-25-64",), "booklet 17 has cheques 1 to 24 only"),
        (("17-03-33", "--code", "eaten"), "'eaten' is not one of"),
    ],
)
def test_what_cannot_be_voided_is_told(words: tuple[str, ...], said: str) -> None:
    """And nothing is."""
    assert said in refused("cheques", "void", *words, code=2)


def test_who_has_which_booklet_is_listed() -> None:
    """As text, JSON and CSV; of one account, and only with cheques that are out."""
    well("cheques", "issue", "m2", "--booklet", "18", "--cheques", "2")
    well("cheques", "enter", write(GOOD), "--book")
    well("cheques", "void", "--booklet", "18")
    text = well("cheques", "list")
    assert "2 booklets, 26 cheques: 2 entered, 2 void, 22 out." in text
    assert "03–24" in text  # noqa: RUF001  # a span has an en dash
    assert [17] == [one["number"] for one in shape("cheques", "list", "--out")]
    assert [18] == [one["number"] for one in shape("cheques", "list", "--account", "luca")]
    assert "There is no such booklet." in well("cheques", "list", "--account", "m3")
    header, *rows = csv.reader(well("cheques", "list", "--format", "csv").splitlines())
    assert HEADER.split(",") == header
    assert ["17", "m1", "Maria Rossi", "24", "2", "0", "22"] == rows[0][:3] + rows[0][4:8]
    assert 22 == len(rows[0][8].split())


def test_what_became_of_a_cheque_is_shown() -> None:
    """Out, entered, or void."""
    write("17-01-39;m2;1,5;2/3/2026;9.30;11;shopping\n")
    well("--lang", "it", "cheques", "enter", "march.csv", "--book")
    well("cheques", "void", "17-03-33", "--code", "stolen", "--reason", "on the tram")
    out = well("cheques", "show", "170236")
    assert "What became of it: it is out" in out
    entered = well("cheques", "show", "17-01-39")
    for said in ("entered on ", "m2 Luca Bianchi", "1:30", "2026-03-02", "shopping", "09:30"):
        assert said in entered
    assert "cheque:17-01-39" in entered
    assert "Reversed since" not in entered
    well("reverse", "cheque:17-01-39", "--hours", "0:30", "--reason", "it was less")
    assert re.search("Reversed since: +0:30\n", well("cheques", "show", "17-01-39"))
    assert "0:30" == shape("cheques", "show", "17-01-39")["reversed"]
    void = well("--lang", "it", "cheques", "show", "cheque:17-03-33")
    assert "(rubato)" in void
    assert "on the tram" in void
    assert "was never issued" in refused("cheques", "show", "18-01-30", code=2)
    assert "has cheques 1 to 24 only" in refused("cheques", "show", "17-25-64", code=2)
    assert "17-01-39" == shape("cheques", "show", "17-01-39")["number"]
    assert ["out", "entered", "voided"] == [
        shape("cheques", "show", number)["status"]
        for number in ("17-02-36", "17-01-39", "17-03-33")
    ]


# -- who acts, and how quick it is -----------------------------------------------------------


def test_who_enters_stands_in_the_journal() -> None:
    """As given with `--actor`."""
    well("--actor", "carla", "cheques", "enter", write(GOOD), "--book")
    assert "carla" == shape("cheques", "show", "17-01-39")["entered"]["actor"]


def test_a_member_sees_and_voids_cheques_of_their_own_alone(folder: Path) -> None:
    """As `Roles` says, of the functions that the commands call."""
    with timebank.open(f"sqlite:///{folder / 'bank.db'}") as bank:
        ruled = TimeBank(bank.store, permissions=Roles())
        maria, luca = ruled.acting_as("m1"), ruled.acting_as("m2")
        assert 24 == len(cheques.booklet(maria, 17).out)
        assert "lost" == cheques.void(maria, "17-01-39").code
        for call_of in (cheques.booklet, lambda bank, n: cheques.void(bank, f"{n}-02-36")):
            with pytest.raises(timebank.NotPermitted):
                call_of(luca, 17)


def test_help_is_quick() -> None:
    """The commands are found by the name of their module; nothing of a bank is loaded for them."""
    code = (
        "import sys, timebank.cli as cli\n"
        "assert sorted(cli.main.commands['cheques'].commands)[0] == 'enter'\n"
        "print([m for m in sys.modules if m in ('timebank.bank', 'timebank.model', 'segno')])\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True)
    assert "[]" == done.stdout.strip()


def test_the_commands_are_there_whichever_module_comes_first() -> None:
    """A program may import them without the command line."""
    code = "import timebank.contrib.cheques.commands as c; print(len(c.cheques.commands))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True)
    assert "6" == done.stdout.strip()
