"""People of a source are found by id or by name; who is not known gets an id that says nothing."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from unicodedata import normalize

import pytest
from hypothesis import given
from hypothesis import strategies as st

import timebank
from timebank import NotPermitted, TimeBank
from timebank.interchange.csv.importer import MappingImporter
from timebank.interchange.csv.toml import parsed
from timebank.interchange.engine.booking import run
from timebank.interchange.engine.cells import CellFault
from timebank.interchange.engine.people import Near, People, people_of
from timebank.interchange.engine.row_ids import RowIds
from timebank.model.alike import folded_name

DAY = date(2026, 3, 2)


def bank_of(**names: str | None) -> TimeBank:
    """A bank of these accounts."""
    bank = timebank.open("memory:")
    for id, name in names.items():
        bank.open_account(id, name=name)
    return bank


def fault(people: People, text: str) -> str:
    """Why a text is no account."""
    with pytest.raises(CellFault) as found:
        people.id_of(text, "Who")
    assert (text, "Who") == (found.value.value, found.value.column)
    return found.value.reason


# -- by id, by name --------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "Niccolò D'Angelo",
        "niccolò d'angelo",
        "NICCOLÒ  D\u2019ANGELO ",
        "\u00a0Niccolo D'Angelo",
        normalize("NFD", "Niccolò D'Angelo"),
        "Nic\u200bcolò D'Angelo",
        "Niccolo' D'Angelo",
    ],
)
def test_a_name_is_found_however_it_is_typed(text: str) -> None:
    assert "m1" == people_of(bank_of(m1="Niccolò D'Angelo", m2="Anna"), "s").id_of(text, "Who")


def test_an_id_comes_before_a_name() -> None:
    """Exactly as it is, and though another account has it as its name."""
    people = people_of(bank_of(m1="m2", m2="Anna", anna="Bruno"), "s")
    assert ["m2", "anna", "m2"] == [people.id_of(text, "Who") for text in ("m2", "anna", "Anna")]


def test_a_name_of_several_is_none_of_them() -> None:
    people = people_of(bank_of(m1="Anna Neri", m2="ANNA NERI", m3="Bruno"), "s", opens=True)
    why = fault(people, "Anna Neri")
    assert "is the name of 2 accounts: 'm1', 'm2'; write the id of one of them" == why
    assert {} == people.opened


def test_who_is_not_known_is_refused_and_who_is_near_is_named() -> None:
    people = people_of(bank_of(m1="Maria Rossi", m2="Luca Bianchi"), "s")
    assert "is neither the id nor the name of an account" == fault(people, "Piero")
    why = "is neither the id nor the name of an account; near it: 'Maria Rossi' (m1)"
    assert [why] * 4 == [
        fault(people, text) for text in ("Mria Rossi", "Rossi Maria", "Maria R.", "Maria Rosis")
    ]


@pytest.mark.parametrize("text", ["", " ", "\u200b", "\u0301", "a\x07b", "x" * 5_000])
def test_what_is_no_name_opens_nothing(text: str) -> None:
    people = people_of(bank_of(), "s", opens=True)
    assert fault(people, text)
    assert {} == people.opened


# -- who is opened ---------------------------------------------------------------------------


def test_who_is_not_known_gets_an_id_that_says_nothing() -> None:
    """The next number that is free; the same person is found again."""
    people = people_of(bank_of(**{"s-1": "Maria", "s-3": None}), "s", opens=True)
    texts = ("Luca", "Anna  Neri", "LUCA", "maria")
    assert ["s-2", "s-4", "s-2", "s-1"] == [people.id_of(text, "Who") for text in texts]
    assert {"s-2": "Luca", "s-4": "Anna Neri"} == people.opened


def test_accounts_that_the_source_lists_are_found_by_their_names() -> None:
    """By that of the bank as well, where an account was renamed here."""
    people = people_of(bank_of(m1="Maria Rossi"), "s", opens=True)
    people.note("m1", "Maria Bianchi")
    people.note("m7", "Luca")
    assert ["m1", "m1", "m7"] == [
        people.id_of(text, "Who") for text in ("maria rossi", "maria bianchi", "luca")
    ]
    assert {} == people.opened


def test_a_merged_account_and_what_it_became_are_one_person() -> None:
    """The id is that of the account which was opened first, whichever became the other."""
    for into in ("z", "a"):
        bank = bank_of(z="Maria Rossi", a="Maria Rossi")
        bank.merge("a" if into == "z" else "z", into=into, reason="twice")
        assert "z" == people_of(bank, "s").id_of("Maria Rossi", "Who")


def test_an_account_that_was_renamed_is_found_as_its_source_names_it() -> None:
    """While nobody has that name now, and until it is erased; of other sources only as it is."""
    bank = bank_of(**{"s-1": "G. Moretti", "s-2": "Anna", "t-1": "Luca"})
    for id, name in (("s-1", "Giulia"), ("s-1", "Giulia Moretti"), ("t-1", "Luca Verdi")):
        bank.rename(id, name)
    texts = ("g. moretti", "Giulia Moretti", "giulia", "Luca")
    people = people_of(bank, "s", opens=True)
    assert ["s-1", "s-1", "s-3", "s-4"] == [people.id_of(text, "Who") for text in texts]
    bank.rename("s-2", "G. Moretti")
    assert "s-2" == people_of(bank, "s").id_of("G. Moretti", "Who")
    bank.rename("s-2", "Anna Neri")
    bank.erase("s-1", reason="asked")
    assert "is neither" in fault(people_of(bank, "s"), "G. Moretti")


def test_who_may_not_list_accounts_looks_nobody_up() -> None:
    """It is the bank's refusal; ids that the source lists are found."""
    bank = timebank.open("memory:", permissions=lambda ask: ask.action != "accounts")
    bank.acting_as("x").open_account("m1", name="Maria")
    people = people_of(bank.acting_as("x"), "s", opens=True)
    people.note("m1")
    assert "m1" == people.id_of("m1", "Who")
    with pytest.raises(NotPermitted):
        people.id_of("Maria", "Who")


# -- who is near -----------------------------------------------------------------------------


def test_names_near_each_other_are_told_where_the_source_means_one() -> None:
    bank = bank_of(m1="Maria Rossi", m2="Luca Bianchi", m3="Luca Bianch", m4="Member 1")
    people = people_of(bank, "s", opens=True)
    for text in ("Mria Rossi", "Member 2", "Anna", "Anne", "Maria R."):
        people.id_of(text, "Who")
    assert (
        Near("m1", "Maria Rossi", "s-1", "Mria Rossi"),
        Near("m1", "Maria Rossi", "s-5", "Maria R."),
    ) == people.near()


def test_who_was_merged_is_near_nobody_any_more() -> None:
    bank = bank_of(m1="Maria Rossi", m2="Mria Rossi")
    bank.merge("m2", into="m1", reason="twice")
    people = people_of(bank, "s")
    people.id_of("Mria Rossi", "Who")
    assert () == people.near()


NAMES = st.text("abàÀ'\u2019 .\u00a0\u200b", min_size=1, max_size=8)


@given(st.lists(NAMES, max_size=12))
def test_texts_are_one_person_just_where_they_are_typed_alike(texts: list[str]) -> None:
    people = People("s", opens=True)
    found = {}
    for text in texts:
        try:
            found[text] = people.id_of(text, "Who")
        except CellFault:
            is_a_name = any(map(str.isalnum, text))
            assert not is_a_name or not " ".join(text.split()).isprintable()
    for one, id in found.items():
        for other, other_id in found.items():
            assert (id == other_id) == (folded_name(one) == folded_name(other))
    assert {f"s-{n}" for n in range(1, len(set(found.values())) + 1)} == set(found.values())


# -- ids of what rows mean -------------------------------------------------------------------


def test_ids_are_of_what_a_row_means() -> None:
    """Each of the four counts; equal rows are numbered; another file has the same ids."""
    row = {"earner": "a", "spender": "b", "seconds": 60, "day": DAY}
    others = ({"earner": "c"}, {"spender": "c"}, {"seconds": 61}, {"day": date(2026, 3, 3)})
    ids = RowIds("s")
    first = ids.of_meaning(**row)  # type: ignore[arg-type]  # a row of one test
    made = [first, *(ids.of_meaning(**{**row, **one}) for one in others)]  # type: ignore[arg-type]  # as above
    assert 5 == len(set(made))
    assert f"{first[:-1]}2" == ids.of_meaning(**row)  # type: ignore[arg-type]  # as above
    assert first == RowIds("s").of_meaning(**row)  # type: ignore[arg-type]  # as above


def test_accounts_that_exchanges_name_are_opened_before_them(tmp_path: Path) -> None:
    """In the order in which they are named; the sheet is read once, and its bytes counted once."""
    sheet = tmp_path / "sheet.csv"
    sheet.write_text("who,whom,hours\nAnna,Bea,1\n,Zoe,1\nBea,Carla,2\nDora,Anna,1\n", "utf-8")
    mapping = parsed(
        b'name = "sheet"\ntitle = "t"\namounts = { unit = "auto", decimal = "." }\n'
        b'transfers = { earner = "who", spender = "whom", amount = "hours", '
        b"day_is = 2026-03-02 }\n"
    )
    told: list[tuple[int, int]] = []
    bank = timebank.open("memory:")
    importer = MappingImporter(mapping, sheet, open_accounts=True)
    report = run(bank, importer, progress=lambda *read: told.append(read))
    assert (3, 1) == (report.transfers_booked, report.quarantined)
    assert ["open_account"] * 4 + ["transfer"] * 3 == [one.kind for one in bank.records()]
    assert ["Anna", "Bea", "Carla", "Dora"] == [one.name for one in bank.accounts()]
    assert told[-1] == (sheet.stat().st_size, sheet.stat().st_size)
