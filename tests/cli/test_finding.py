"""Accounts by name on the command line: found without a guess, or told who was perhaps meant."""

from __future__ import annotations

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st

import timebank
from support import sources
from timebank import AccountNotFound, TimeBank
from timebank.cli.finding import account_id, named, nearest
from timebank.model.alike import folded_name
from timebank.reports.words import speaking

PEOPLE = {
    "m1": "Maria Rossi",
    "m2": "Nicolò D'Angelo",
    "m3": "José Ramírez",
    "m4": "Carla Bianchi",
    "m5": "Carla Verdi",
    "luca": "Anna",
}


@pytest.fixture
def bank() -> TimeBank:
    """A bank of a few people."""
    bank = timebank.open("memory:", **sources())
    for id, name in PEOPLE.items():
        bank.open_account(id, name=name)
    return bank


@pytest.mark.parametrize(
    ("text", "id"),
    [
        ("m1", "m1"),
        ("MARIA  ROSSI", "m1"),
        (" maria rossi ", "m1"),
        ("Maria\u00a0Rossi\u200b", "m1"),
        ("Nicolo' D\u2019Angelo", "m2"),
        ("nicolo d'angelo", "m2"),
        ("Jose\u0301 RAMI\u0301REZ", "m3"),
        ("luca", "luca"),
    ],
)
def test_an_account_is_found_by_its_id_or_its_name(bank: TimeBank, text: str, id: str) -> None:
    assert id == account_id(bank, text)


def test_an_id_goes_before_a_name(bank: TimeBank) -> None:
    bank.open_account("m9", name="luca")
    assert "luca" == account_id(bank, "luca")
    assert "m9" == account_id(bank, "Luca")


def test_several_of_a_name_are_listed_in_the_language_and_none_is_taken(bank: TimeBank) -> None:
    bank.open_account("m6", name="maria ROSSI")
    with pytest.raises(click.UsageError) as error:
        account_id(bank, "Maria Rossi")
    said = "2 accounts are called 'Maria Rossi': m1 Maria Rossi, m6 maria ROSSI. Give the id"
    assert said == error.value.message
    with speaking("it"), pytest.raises(click.UsageError, match="2 conti si chiamano"):
        account_id(bank, "Maria Rossi")


def test_of_many_namesakes_a_few_are_listed_and_the_others_counted(bank: TimeBank) -> None:
    for number in range(12):
        bank.open_account(f"x{number:02}", name="Piero")
    with pytest.raises(click.UsageError, match="x09 Piero, and 2 more"):
        account_id(bank, "piero")


@pytest.mark.parametrize(
    ("text", "near"),
    [
        ("Mria Rosi", ("m1 Maria Rossi",)),
        ("Carla", ("m4 Carla Bianchi", "m5 Carla Verdi")),
        ("m11", ("m1 Maria Rossi",)),
        ("nobody at all", ()),
        ("", ()),
        (" ", ()),
        ("x" * 400, ()),
    ],
)
def test_who_is_not_found_was_perhaps_one_that_is_near(
    bank: TimeBank, text: str, near: tuple[str, ...]
) -> None:
    with pytest.raises(AccountNotFound) as error:
        account_id(bank, text)
    assert near == error.value.near
    assert ("did you mean" in str(error.value)) == bool(near)


def test_a_merged_account_and_its_heir_are_one(bank: TimeBank) -> None:
    bank.open_account("m7", name="maria rossi")
    bank.merge("m7", into="m1", reason="entered twice")
    assert "m1" == account_id(bank, "Maria Rossi")
    bank.open_account("m8", name="Mariuccia")
    bank.merge("m8", into="m1", reason="entered twice")
    assert "m1" == account_id(bank, "mariuccia")
    assert "m8" == account_id(bank, "m8"), "an id is the account of that id"
    assert ["m1"] == [one.id for one in nearest(bank.accounts(), "Mariucia")]


def test_a_part_of_a_name_lists_all_who_have_it(bank: TimeBank) -> None:
    assert ["m4", "m5"] == [one.id for one in named(bank.accounts(), "CARLA", part=True)]
    assert [] == named(bank.accounts(), "", part=True)


@given(st.text(max_size=20))
def test_a_folded_name_folds_to_itself(name: str) -> None:
    folded = folded_name(name)
    assert folded == folded_name(folded)
    assert folded == folded_name(f"  {name}\t")


@given(st.text(st.characters(categories=["Lu", "Ll"], max_codepoint=0x17F), min_size=1))
def test_case_says_nothing_in_a_name(name: str) -> None:
    assert folded_name(name) == folded_name(name.upper()) == folded_name(name.title())


def test_who_only_looks_finds_one_by_a_word_of_the_name(bank: TimeBank) -> None:
    """Whole words, of one account alone; nothing is taken of several, and nobody pays by it."""
    assert "m2" == account_id(bank, "NICOLO", part=True)
    assert "m4" == account_id(bank, "bianchi carla", part=True)
    bank.open_account("m6", name="Carla Bianchi bis")
    bank.merge("m6", into="m4", reason="entered twice")
    assert "m4" == account_id(bank, "Bianchi", part=True)
    for text in ("Carla", "Bianc", "", " "):
        with pytest.raises(AccountNotFound):
            account_id(bank, text, part=True)
    with pytest.raises(AccountNotFound):
        account_id(bank, "Nicolò")
