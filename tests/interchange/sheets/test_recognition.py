"""What columns are taken for, what is asked, and how a mapping is written."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from timebank import InvalidRequest
from timebank.cli import main
from timebank.interchange.csv.toml import mapping_of
from timebank.interchange.propose.contents import amount_form, day_form
from timebank.interchange.propose.drafts import Draft
from timebank.interchange.propose.headings import matches
from timebank.interchange.propose.proposal import propose
from timebank.interchange.propose.tables import Line, table_of
from timebank.interchange.propose.writing import written
from timebank.reports.words import Words


@pytest.mark.parametrize(
    ("role", "headings"),
    [
        (
            "earner",
            "Chi ha dato; OFFERTO DA; Given by; Received from; Da chi ha ricevuto; Eseguito da",
        ),
        ("earner", "Reçu de; De qui avez-vous reçu ?; Gegeben von; Recibido de; Who helped you?"),
        ("earner", "Prestatore d'opera; Volunteer Name; Anbietende Person; Quien hizo el servicio"),
        ("spender", "Chi ha ricevuto; Richiesto da; Received by; Given to; A chi hai dato tempo?"),
        ("spender", "Donné à; A qui avez-vous donné ?; Gegeben an; A quien le diste; Done for"),
        ("spender", "Socio (riceve); Client Name; Nachfragende Person; Per chi; A favore di"),
        ("from", "Ricevuto da; Ha ricevuto da; Bekommen von; Da; From; De; Von"),
        ("activity", "Servizio offerto; Servizio richiesto; What did they do?; Leistung"),
        ("amount", "N° ore; Tempo (hh:mm); Nb d'heures; Std.; How many hours?; Tiempo"),
    ],
)
def test_the_side_is_what_a_heading_says(role: str, headings: str) -> None:
    """Whom one gave *to* received; whom one received *from* gave; what says neither is asked."""
    found = {one: next(iter(matches(one)), None) for one in headings.split("; ")}
    assert dict.fromkeys(found, role) == {one: match and match.role for one, match in found.items()}


def proposed(tmp_path: Path, text: str, **answers: str) -> Any:
    """What is proposed for a sheet."""
    path = tmp_path / "sheet.csv"
    path.write_text(text, "utf-8")
    return propose([path], answers={key.replace("__", "."): said for key, said in answers.items()})


ROWS = "25/3/26;Ada Neri;Ugo Riva;{};{}\n26/3/26;Ugo Riva;Ada Neri;{};{}\n"


@pytest.mark.parametrize(
    ("code", "text"),
    [
        (
            "which_amount",
            "Data;Chi dà;Chi riceve;Ore offerte;Ore accreditate\n" + ROWS.format(1, 2, 1, 1),
        ),
        (
            "which_day",
            "Data inizio;Chi dà;Chi riceve;Ore;Data fine\n"
            + ROWS.format(1, "26/3/26", 1, "28/3/26"),
        ),
        ("two_names", "Data;Nome;Per chi;Ore;Cognome\n" + ROWS.format(1, "Neri", 1, "Riva")),
        ("only_members", "Nome;Telefono\nAda;1\nUgo;2\n"),
        ("one_side", "Data;Volontario;Ore\n25/3/26;Ada;1\n26/3/26;Ugo;2\n"),
        ("one_side", "Data;Socio;Ore date;Ore ricevute\n25/3/26;Ada;1;\n26/3/26;Ugo;;1\n"),
        ("who_gave", ROWS.format("1,5", "spesa", "2", "posta")),
        ("who_gave", "Data;Ricevuto da;Socio;Ore;Note\n" + ROWS.format(1, "x", 1, "y")),
        ("unit", "Data;Offre;Riceve;Durata;Note\n" + ROWS.format(60, "", 45, "")),
        ("decimal", "Data;Offre;Riceve;Ore;Note\n" + ROWS.format("1,125", "", "2.5", "")),
        ("two_figures", "Data;Offre;Riceve;Ore;Note\n" + ROWS.format("1,5", "", "1.30", "")),
        ("two_figures", "Data;Offre;Riceve;Ore;Note\n" + ROWS.format("1,5", "", "1,30", "")),
        ("two_figures", "Data;Offre;Riceve;Ore;Note\n" + ROWS.format("1,25", "", "1,30", "")),
        ("two_figures", "Data;Offre;Riceve;Ore;Note\n" + ROWS.format("1,75", "", "1.30", "")),
        ("state", "Data;Offre;Riceve;Ore;Stato\n" + ROWS.format(1, "fatto", 1, "boh")),
        ("no_day", "Data richiesta;Offre;Riceve;Ore;Note\n" + ROWS.format(1, "", 1, "")),
        ("twice", "Data;Socio;Socio;Ore;Note\n" + ROWS.format(1, "", 1, "")),
        ("nothing", "x\n"),
        ("nothing", ""),
    ],
)
def test_what_cannot_be_seen_is_asked(tmp_path: Path, code: str, text: str) -> None:
    """And a mapping with a question in it imports nothing."""
    found = proposed(tmp_path, text)
    assert code in [doubt.code for doubt in found.doubts]
    assert not found.is_clear
    assert "questions = [" in found.text


def test_numbers_in_brackets_are_ids_where_a_list_has_them(tmp_path: Path) -> None:
    """Else a name with its number is a name, by which two Annas are told apart."""
    text = "Data;Offre;Riceve;Ore\n25/3/26;Anna (12);Ugo (7);1\n26/3/26;Ugo (7);Anna (12);1\n"
    assert "pattern" not in proposed(tmp_path, text).text
    members = tmp_path / "members.csv"
    members.write_text("Codice;Nome;Telefono\n12;Anna;1\n7;Ugo;2\n", "utf-8")
    found = propose([tmp_path / "sheet.csv", members])
    assert "pattern" in found.text
    assert found.trial is not None
    assert [(row.earner, row.spender) for row in found.trial.first] == [("12", "7"), ("7", "12")]


def test_a_mapping_with_a_question_is_refused(tmp_path: Path) -> None:
    """Who does not read what it asks books nothing by guess."""
    (tmp_path / "sheet.csv").write_text(
        "Data;Da;A;Ore\n25/3/26;Ada;Ugo;1\n26/3/26;Ugo;Ada;1\n", "utf-8"
    )
    words = ["--db", str(tmp_path / "bank.db"), "import"]
    made = tmp_path / "mapping.toml"
    asked = CliRunner().invoke(
        main, [*words, "propose", str(tmp_path / "sheet.csv"), "--out", str(made)]
    )
    assert asked.exit_code == 1
    assert mapping_of(made).questions
    done = CliRunner().invoke(
        main,
        [
            *words,
            "csv",
            "--mapping",
            str(made),
            "--transfers",
            str(tmp_path / "sheet.csv"),
            "--open-accounts",
        ],
    )
    assert done.exit_code == 2
    assert "open questions" in done.stderr
    assert not (tmp_path / "bank.db").exists()


def test_a_mapping_that_is_written_over_is_kept(tmp_path: Path) -> None:
    sheet, made = tmp_path / "sheet.csv", tmp_path / "mapping.toml"
    sheet.write_text("Data;Offre;Riceve;Ore\n25/3/26;Ada;Ugo;1\n", "utf-8")
    made.write_text("mine", "utf-8")
    for _ in range(2):  # the second writes what is there already
        done = CliRunner().invoke(main, ["import", "propose", str(sheet), "--out", str(made)])
        assert done.exit_code == 0
    assert (tmp_path / "mapping.toml~").read_text("utf-8") == "mine"


def test_an_answer_that_is_none_is_wrong_use(tmp_path: Path) -> None:
    text = "Data;Offre;Riceve;Ore\n25/3/26;Ada;Ugo;1\n"
    with pytest.raises(InvalidRequest, match="'dya' is not known"):
        proposed(tmp_path, text, transfers__dya="Data")
    sheet = str(tmp_path / "sheet.csv")
    assert CliRunner().invoke(main, ["import", "propose", sheet, "--set", "dmy"]).exit_code == 2


values = (
    st.text(st.characters(exclude_categories=["Cs"]))
    | st.booleans()
    | st.integers(1, 99)
    | st.lists(st.text(st.characters(exclude_categories=["Cs"]), min_size=1), min_size=1)
    | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), st.text("ab"), min_size=1)
)
names = st.sampled_from(
    ["name", "csv.sheet", "days.format", "transfers.day", "transfers.state.moves"]
)


@given(st.dictionaries(names, values), st.text(st.characters(exclude_categories=["Cs"])))
def test_what_is_written_says_what_was_meant(entries: dict[str, Any], column: str) -> None:
    """Whatever stands in headings and cells: it is TOML, and reads as the values that were put."""
    draft = Draft()
    for key, value in entries.items():
        draft.put(key, value, "unit_minutes", column=column)
    assert draft.data == tomllib.loads(written(draft, Words("propose", "it"), [column]))


@given(
    st.lists(
        st.lists(
            st.text(max_size=6) | st.sampled_from(["Data", "Ore", "1,5", "2/3/26"]), max_size=5
        )
    )
)
def test_any_rows_are_a_table(rows: list[list[str]]) -> None:
    """Nothing is lost but blank rows and totals, and nothing raises."""
    lines = [
        Line(number, tuple(cell.strip() for cell in row)) for number, row in enumerate(rows, 1)
    ]
    table = table_of(lines)
    assert len(table.rows) + len(table.titles) <= len(lines)
    assert all(len(column.cells) == len(table.rows) for column in table.columns)


@given(st.text(max_size=20))
def test_any_cell_has_a_form_or_none(text: str) -> None:
    assert day_form(text) in {None, "iso", "ymd", "dmy", "mdy", "either", "epoch", "epoch_ms"}
    assert amount_form(text) in {None, "clock", "number", "words"}


def hours_of(found: Any) -> list[int]:
    """Minutes of the exchanges that are understood."""
    assert found.trial is not None
    return [row.seconds // 60 for row in found.trial.first]


@pytest.mark.parametrize(
    ("one", "other", "answer", "minutes"),
    [
        ("1,5", "1.30", "", [90]),
        ("1,5", "1.30", "minutes", [90, 90]),
        ("1,5", "1.30", "hundredths", [90, 78]),
        ("1,5", "1.30", "asked", [90]),
        ("1,25", "1.30", "minutes", [75, 90]),
        ("1,75", "1.30", "minutes", [105, 90]),
        ("1,5", "1,30", "minutes", [90, 90]),
        ("0,5", "1,45", "hundredths", [30, 87]),
    ],
)
def test_half_past_one_is_asked_and_the_others_are_certain(
    tmp_path: Path, one: str, other: str, answer: str, minutes: list[int]
) -> None:
    """Whatever is answered of `1.30`, `1,5` beside it stays an hour and a half."""
    rows = "25/3/26;Ada;Ugo;{}\n26/3/26;Ugo;Ada;{}\n27/3/26;Ugo;Ada;2h\n28/3/26;Ugo;Ada;1,10\n"
    answers = {"amounts__two_figures": answer} if answer else {}
    found = proposed(tmp_path, "Data;Offre;Riceve;Ore\n" + rows.format(one, other), **answers)
    assert hours_of(found)[: len(minutes)] == minutes
    assert found.is_clear == bool(answer)


def test_figures_that_are_no_minutes_settle_it(tmp_path: Path) -> None:
    """After the same mark; and two marks before one or two figures are no question."""
    rows = "Data;Offre;Riceve;Ore;Note\n"
    settled = proposed(tmp_path, rows + ROWS.format("1,75", "", "1,30", ""))
    assert (settled.is_clear, hours_of(settled)) == (True, [105, 78])
    two_marks = proposed(tmp_path, rows + ROWS.format("1,5", "", "2.5", ""))
    assert (two_marks.is_clear, hours_of(two_marks)) == (True, [90, 150])
