"""Ids that look alike: named by an import, booked as they are."""

from __future__ import annotations

from io import BytesIO
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import timebank
from interchange.test_importers import Listed, moved
from support import sources
from timebank import TimeBank, reports
from timebank.interchange.engine import alike
from timebank.interchange.engine.booking import run
from timebank.interchange.engine.opening import NoHistory, opening_balances
from timebank.interchange.engine.protocol import ImportedAccount
from timebank.interchange.engine.report import ImportReport
from timebank.model.alike import escaped, folded
from timebank.permissions import Ask
from timebank.reports.imports import import_text


@pytest.fixture
def memory() -> TimeBank:
    """An empty bank in memory."""
    return timebank.open("memory:", **sources())


def imported(bank: TimeBank, *ids: str, **options: Any) -> ImportReport:
    """Import accounts."""
    rows = [ImportedAccount(line, id) for line, id in enumerate(ids, start=1)]
    return run(bank, Listed(rows), **options)


def test_accounts_that_differ_by_case_are_named_and_booked(memory: TimeBank) -> None:
    """In a dry run and in a second run as well; the import is well."""
    ids = ("Anna", "anna", "bruno", "ANNA", "Straße", "STRASSE", "carla")
    named = (("ANNA", "Anna", "anna"), ("STRASSE", "Straße"))
    dry = imported(memory, *ids, dry_run=True)
    for report in (dry, imported(memory, *ids), imported(memory, *ids)):
        assert named == report.alike
        assert report.ok
        text = import_text(report)
        at = text.index(
            "Ids that differ only by case, or by what cannot be seen. Are they the same account?"
        )
        assert ["  ANNA, Anna, anna", "  STRASSE, Straße"] == text[at + 1 : at + 3]
        assert [list(one) for one in named] == reports.json.of(report)["alike"]
    assert 7 == len([*memory.accounts()])


def test_an_account_that_is_there_is_named_beside_that_of_the_source(memory: TimeBank) -> None:
    """Not those that are there already and that the source does not name."""
    for id in ("M1", "old", "Old"):
        memory.open_account(id)
    assert (("M1", "m1"),) == imported(memory, "m1", "m2").alike
    assert () == imported(memory, "m2").alike


def test_what_cannot_be_seen_is_named_by_its_code_point(memory: TimeBank) -> None:
    """What may be no id is quarantined, and named beside the one that it looks like."""
    ids = ("anna", "an\u200bna", "an\ufe0fna", "an\u034fna", "ma ria", "ma\u00a0ria", "\u2800bea")
    report = imported(memory, *ids, "bea")
    assert (
        ("anna", "an\u034fna", "an\u200bna", "an\ufe0fna"),
        ("bea", "\u2800bea"),
        ("ma ria", "ma\u00a0ria"),
    ) == report.alike
    (row,) = report.rows
    assert "account id must not contain '\\u200b', which cannot be seen" in row.reason
    text = import_text(report)
    assert "  anna, an\\u034fna, an\\u200bna, an\\ufe0fna" in text
    assert "  bea, \\u2800bea" in text
    assert "  ma ria, ma\\xa0ria" in text


def test_accounts_that_no_row_lists_are_looked_at_too(memory: TimeBank) -> None:
    """Those that are opened for the first exchange, and those of a sheet of balances."""
    rows = [
        moved(1, earner="a", opens=ImportedAccount(1, "a")),
        moved(2, earner="a", spender="A", opens=ImportedAccount(2, "A")),
    ]
    assert (("A", "a"),) == run(memory, Listed([ImportedAccount(1, "b"), *rows])).alike
    sheet = BytesIO(b"account,balance\nB,1:00\n")
    opening = opening_balances(sheet, open_accounts=True)
    assert (("B", "b"),) == run(memory, NoHistory(), opening=opening).alike


def test_a_report_keeps_a_thousand(memory: TimeBank, monkeypatch: pytest.MonkeyPatch) -> None:
    """And its text a hundred."""
    monkeypatch.setattr(alike, "MOST_KEPT", 102)
    report = imported(memory, *(f"m{n}" for n in range(103)), *(f"M{n}" for n in range(103)))
    assert 102 == len(report.alike)
    assert "  and 2 more" in import_text(report)


def test_who_may_not_list_the_accounts_is_told_of_the_source() -> None:
    """Permissions hold for an import as for anybody."""
    asked: list[str] = []

    def all_but_the_list(ask: Ask) -> bool:
        asked.append(ask.action)
        return ask.action != "accounts"

    bank = timebank.open("memory:", permissions=all_but_the_list, **sources())
    bank.open_account("A")
    assert (("B", "b"),) == imported(bank, "a", "b", "B").alike
    assert "accounts" in asked


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("m1", "M1"),
        ("é", "É"),
        ("Σίσυφος", "σίσυφοσ"),
        ("\u0645\u06cc\u200c\u062e", "\u0645\u06cc\u062e"),
        ("a b", "a\u2003b"),
        ("a\U000e0100", "a"),
        ("\u3164a", "a"),
    ],
)
def test_what_looks_alike(one: str, other: str) -> None:
    """By case, by marks, by blanks."""
    assert folded(one) == folded(other)


@pytest.mark.parametrize(("one", "other"), [("m1", "m2"), ("a b", "ab"), ("e", "é"), ("1", "①")])
def test_what_looks_otherwise(one: str, other: str) -> None:
    """Accents, digits and blanks that are there tell ids apart."""
    assert folded(one) != folded(other)


@given(
    st.text("aB é日", max_size=5),
    st.sampled_from("\u200b\u200c\u200d\u00ad\u2060\u202e\ufeff\ufe0f\u034f\U000e0041"),
    st.integers(0, 5),
)
def test_a_mark_makes_no_difference_and_is_shown(text: str, mark: str, at: int) -> None:
    """Wherever it stands; what is shown of the id has its code point."""
    marked = text[:at] + mark + text[at:]
    assert folded(text) == folded(marked)
    shown = escaped(marked)
    assert mark not in shown
    assert f"{ord(mark):x}" in shown
