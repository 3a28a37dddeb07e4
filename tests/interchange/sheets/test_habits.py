"""Sheets of many habits: what is booked is right or nothing is, and a question is one to answer."""

from __future__ import annotations

from pathlib import Path

import pytest

from timebank import InvalidRequest, explain
from timebank.interchange.csv.toml import parsed
from timebank.interchange.propose.proposal import Proposal, propose

GAVE_FIRST = [("2026-05-13", "Anna", "Ugo", 7200), ("2026-05-14", "Ugo", "Lia", 5400)]


def proposed(tmp_path: Path, text: str) -> Proposal:
    path = tmp_path / "sheet.csv"
    path.write_text(text, "utf-8")
    return propose([path])


def understood(found: Proposal) -> list[tuple[str, str, str, int]]:
    """Day, who gave, who received and seconds of the exchanges."""
    assert found.trial is not None
    return [(row.day, row.earner, row.spender, row.seconds) for row in found.trial.first]


def codes(found: Proposal) -> list[str]:
    return [doubt.code for doubt in found.doubts]


@pytest.mark.parametrize(
    "headings",
    [
        *("Socio che offre;Socio che riceve", "Erogatore;Fruitore", "Dà;Prende", "Dato da;Dato a"),
        *("Accredito a;Addebito a", "Creditore;Debitore", "Servizio reso da;Servizio reso a"),
        *("Chi si è offerto;Chi ha avuto bisogno", "Volontario;Assistito", "Payee;Payer"),
        *("Person who did the helping;Person who was helped", "Helped by;Helped"),
        *("Member offering;Member requesting", "Who helped;Who they helped"),
        *("Geleistet von;Empfangen von", "Erbracht von;Erhalten von", "Verkäufer;Käufer"),
        *("Gutschrift für;Belastung für", "Gebendes Mitglied;Empfangendes Mitglied"),
        *("Wer hat geholfen?;Wem wurde geholfen?", "Compte crédité;Compte débité"),
        *("Qui a aidé;Qui a été aidé", "Service rendu par;Service rendu à"),
        *("L'offreur;Le demandeur", "¿Quién ayudó?;¿A quién ayudó?", "Abonado a;Cargado a"),
        *("Persona que da;Persona que recibe", "Quién lo hace;Quién lo pide"),
        *("Chi dona tempo;Chi usa il tempo", "🙋 Chi ha aiutato;🙏 Chi è stato aiutato"),
    ],
)
@pytest.mark.parametrize("is_turned", [False, True])
def test_who_gave_is_seen(tmp_path: Path, headings: str, is_turned: bool) -> None:
    """In either order of the columns; signatures and telephones beside them are nobody's side."""
    order = "{1};{0}" if is_turned else "{0};{1}"
    heading = order.format(*headings.split(";"))
    rows = [order.format("Anna", "Ugo"), order.format("Ugo", "Lia")]
    found = proposed(
        tmp_path,
        f"N.;Data;{heading};Ore;Firma di chi ha dato;Telefono\n"
        f"1;13/05/2026;{rows[0]};2h;A;333 1\n2;14/05/2026;{rows[1]};1,5;U;333 2\n",
    )
    assert (codes(found), understood(found)) == ([], GAVE_FIRST)


@pytest.mark.parametrize(
    "headings",
    [
        *(
            "Da;A",
            "Da chi;A chi",
            "Dal socio;Al socio",
            "De;À",
            "From;To",
            "Von;An",
            "Sender;Recipient",
        ),
        *(
            "Emisor;Receptor",
            "Da;Beneficiario",
            "Mittente;Destinatario",
            "Ore ricevute da;Ore date a",
        ),
        *("Socio A;Socio B", "Paid by;Paid to", "Da parte di;In favore di"),
    ],
)
def test_who_gave_is_asked(tmp_path: Path, headings: str) -> None:
    """From and to may be of the service, or of the hours."""
    found = proposed(
        tmp_path, f"Data;{headings};Ore\n13/05/2026;Anna;Ugo;2\n14/05/2026;Ugo;Lia;1,5\n"
    )
    assert "who_gave" in codes(found)


@pytest.mark.parametrize(
    "headings", ["Registrato da", "Approved by", "Supervisor", "Referente", "Chissà"]
)
def test_who_wrote_it_down_is_not_the_other_side(tmp_path: Path, headings: str) -> None:
    """Though the same people stand there."""
    found = proposed(
        tmp_path, f"Data;Chi ha dato;{headings};Ore\n13/05/2026;Anna;Ugo;2\n14/05/2026;Ugo;Anna;1\n"
    )
    assert {"one_side", "other_side"} & {*codes(found)}


ROWS = "Data;Offre;Riceve;{}\n13/05/2026;Anna;Ugo;{}\n14/05/2026;Ugo;Lia;{}\n"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (ROWS.format("Ore;Minuti", "2;0", "1;30"), "hours_and_minutes"),
        (ROWS.format("Punti", 2, 1), "unit"),
        (ROWS.format("Quarti d'ora", 8, 6), "unit"),
        (ROWS.format("Mezz'ore", 4, 3), "unit"),
        (ROWS.format("Tempo", 20, 15), "unit"),
        (ROWS.format("Ore;Svolto il", "2;14/05/2026", "1;15/05/2026"), "which_day"),
        (ROWS.format("Ore", 1, 1).replace(";Ugo;1", ";Ugo, Lia;1"), "several_people"),
        (ROWS.format("Ore", 1, 1).replace("/2026", ""), "days_unread"),
        (
            ROWS.format("Ore", 1, 1)
            .replace("13/05/2026", "26-05-13")
            .replace("14/05/2026", "26-05-14"),
            "days_year",
        ),
        (
            ROWS.format("Ore", 1, 1)
            .replace("13/05/2026", "3/4/2026")
            .replace("14/05/2026", "4/5/2026 6:02 PM"),
            "days_american",
        ),
        (
            ROWS.format("Ore;Inserito il", "1;3/25/2026", "1;4/30/2026")
            .replace("13/05", "3/4")
            .replace("14/05", "4/5"),
            "days_american",
        ),
        (
            "Data;Ore di Anna;Ore di Bea;Ore di Lia\n13/05/2026;2;-2;\n14/05/2026;;3;-3\n",
            "member_columns",
        ),
        (
            "Data;Con chi;Ore date;Ore ricevute\n13/05/2026;Ugo;2;\n14/05/2026;Lia;;1\n",
            "whose_sheet",
        ),
        (ROWS.format("Ore", "boh", "molte"), "no_amount"),
        (ROWS.format("Ore;Movimento", "1;dato", "1;ricevuto"), "direction"),
    ],
)
def test_what_has_two_readings_is_asked(tmp_path: Path, text: str, code: str) -> None:
    found = proposed(tmp_path, text)
    assert code in codes(found)
    assert not found.is_clear


@pytest.mark.parametrize(
    ("text", "booked"),
    [
        (
            (
                "Informazioni cronologiche;Nome di chi compila;Hai dato o ricevuto ore?;"
                "Nome dell'altra persona;Ore\n"
                "13/05/2026 18.00.00;Anna;Dato;Ugo;2\n14/05/2026 9.00.00;Lia;Ricevuto;Ugo;1,5\n"
            ),
            GAVE_FIRST,
        ),
        (
            (
                "Marca temporal;Correo electrónico;¿Has dado o recibido?;¿Con quién?;Horas\n"
                "13/05/2026 18:00;a@x.org;Dado;Ugo;2\n14/05/2026 9:00;l@x.org;Recibido;Ugo;1,5\n"
            ),
            [("2026-05-13", "a@x.org", "Ugo", 7200), ("2026-05-14", "Ugo", "l@x.org", 5400)],
        ),
        (
            (
                "Timestamp,Your name,Who did you help?,Hours,Date of help\n"
                "5/14/2026 18:00:00,Anna,Ugo,2,5/13/2026\n5/15/2026 9:00:00,Ugo,Lia,1.5,5/14/2026\n"
            ),
            GAVE_FIRST,
        ),
        (
            "Data;Offre;Riceve;Minuti;Ore\n13/05/2026;Anna;Ugo;120;2\n14/05/2026;Ugo;Lia;90;1,5\n",
            GAVE_FIRST,
        ),
        (
            (
                "Data prestazione;Chi dà;Chi riceve;Ore erogate;Area\n"
                "13/05/2026;Anna;Ugo;2;casa\n14/05/2026;Ugo;Lia;1,5;auto\n"
            ),
            GAVE_FIRST,
        ),
    ],
)
def test_forms_and_sheets_that_say_it(
    tmp_path: Path, text: str, booked: list[tuple[str, str, str, int]]
) -> None:
    found = proposed(tmp_path, text)
    assert (codes(found), understood(found)) == ([], booked)


def test_days_by_the_language_are_told(tmp_path: Path) -> None:
    """They are no question, but who reads the screen or the mapping sees what was taken."""
    found = proposed(tmp_path, "Data;Offre;Riceve;Ore\n3/4/2026;Ada;Ugo;1\n")
    assert [row[0] for row in understood(found)] == ["2026-04-03"]
    assert [entry.code for entry in found.noted] == ["days_by_it"]
    assert "beyond the twelfth" in found.text


@pytest.mark.parametrize(
    ("key", "column", "text", "booked"),
    [
        (
            "transfers.day",
            "Svolto il",
            ROWS.format("Ore;Svolto il", "2;5/14/26", "1;5/15/26"),
            [("2026-05-14", "Anna", "Ugo", 7200), ("2026-05-15", "Ugo", "Lia", 3600)],
        ),
        (
            "transfers.amount",
            "Minuti",
            ROWS.format("Ore;Minuti", "2;10", "1;30"),
            [("2026-05-13", "Anna", "Ugo", 600), ("2026-05-14", "Ugo", "Lia", 1800)],
        ),
    ],
)
def test_a_column_that_is_said_is_looked_at(
    tmp_path: Path, key: str, column: str, text: str, booked: list[tuple[str, str, str, int]]
) -> None:
    """The order of days and the unit are those of the column that was answered, not of another."""
    path = tmp_path / "sheet.csv"
    path.write_text(text, "utf-8")
    found = propose([path], answers={key: column})
    assert (codes(found), understood(found)) == ([], booked)


def test_a_column_without_a_name_is_answered_by_its_number(tmp_path: Path) -> None:
    path = tmp_path / "sheet.csv"
    path.write_text("13/05/2026;Ugo;Anna;2\n14/05/2026;Lia;Ugo;1,5\n", "utf-8")
    assert "who_gave" in codes(propose([path]))
    assert understood(propose([path], answers={"transfers.earner": "3"})) == GAVE_FIRST


def test_another_unit_is_answered_by_its_seconds(tmp_path: Path) -> None:
    path = tmp_path / "sheet.csv"
    path.write_text(ROWS.format("Quarti d'ora", 8, 6), "utf-8")
    found = propose([path], answers={"amounts.unit": "900"})
    assert (codes(found), understood(found)) == ([], GAVE_FIRST)


def test_an_open_mapping_says_what_to_do(tmp_path: Path) -> None:
    """Where a column was not found, too: in both languages, and with the key to be filled in."""
    found = proposed(tmp_path, "Data;Offre;Riceve;Ore\n13/05;Ada;Ugo;boh\n")
    assert '# amount = "…"' in found.text
    with pytest.raises(InvalidRequest, match="open questions") as refused:
        parsed(found.text.encode())
    assert "--set" in explain(refused.value, lang="it")
