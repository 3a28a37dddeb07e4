"""Corrections on paper: what was amended, merged, closed, planned, in the words of a language."""

from __future__ import annotations

import re
from datetime import date, time, timedelta
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import timebank
from support import BEGINNING, Clock, sources
from timebank import Donate, Dues, Record, Statute, TimeBank, Welcome
from timebank.journal import canonical
from timebank.reports.balances import trial_balance_text
from timebank.reports.impact_html import impact_html
from timebank.reports.impact_text import impact_text
from timebank.reports.journal import operation_of, record_text
from timebank.reports.marks import amended_words
from timebank.reports.members import events_text
from timebank.reports.statement import statement_text
from timebank.reports.statement_html import statement_html
from timebank.reports.words import Words, catalogue, languages

PRINTED = date(2026, 3, 31)
DAY = date(2026, 2, 16)
LAST_YEAR = date(2025, 12, 31)
EN = Words("statement", "en")


class Text(HTMLParser):
    """What is read on a page, piece by piece: neither its style nor its title."""

    def __init__(self) -> None:
        super().__init__()
        self.pieces: list[str] = []
        self._inside: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """What is inside of what; of a cell, the title that a phone shows beside it."""
        if tag not in {"meta", "br"}:
            self._inside.append(tag)
        self.pieces += [value or "" for name, value in attrs if name == "data-title"]

    def handle_endtag(self, tag: str) -> None:
        """The end of it."""
        self._inside.pop()

    def handle_data(self, data: str) -> None:
        """What is read."""
        if "style" not in self._inside and data.strip():
            self.pieces.append(data.strip())


def read(page: str) -> list[str]:
    """The pieces of text of a page."""
    parser = Text()
    parser.feed(page)
    return parser.pieces


def page_of(bank: TimeBank, account: str, language: str = "en", **more: Any) -> str:
    """The page of an account."""
    statement = bank.statement(account, **more)
    return statement_html(statement, head=bank.head(), printed_on=PRINTED, language=language)


@pytest.fixture
def bank(clock: Clock) -> TimeBank:
    """Two members, and the second account of one of them; last year's books are closed."""
    bank = timebank.open("memory:", **sources(clock))
    bank.open_account("m1", name="Maria R.", joined_on=date(2024, 5, 1))
    bank.open_account("m1-bis", name="Maria Rossi")
    bank.open_account("f1", kind="group", name="Famiglia Bianchi")
    sides: dict[str, Any] = {"spender": "f1", "hours": 1}
    bank.transfer(**sides, earner="m1", id="t0", occurred_on=LAST_YEAR, category="spesa")
    times: dict[str, Any] = {"started_at": time(9, 30), "ended_at": time(11)}
    bank.transfer(
        **sides, **times, earner="m1", id="t1", occurred_on=DAY, category="speza", note="pane"
    )
    bank.transfer(**sides, earner="m1-bis", id="t2", occurred_on=DAY, ended_at=time(11))
    bank.close_books(through=LAST_YEAR, reason="approvato")
    bank.amend("t1", category="spesa", note="pane e latte", reason="errore")
    bank.merge("m1-bis", into="m1", reason="doppione")
    return bank


# -- a statement -----------------------------------------------------------------------


def test_a_line_says_once_that_it_was_amended(bank: TimeBank) -> None:
    """With what it said first, but for the note; the line itself is as it is now."""
    lines = statement_text(bank.statement("m1"))
    told = [line.strip() for line in lines]
    assert 1 == sum("amended" in line for line in told)
    place = next(i for i, line in enumerate(told) if line.startswith("amended 2026-03-02"))
    assert "pane e latte (spesa)" in told[place - 1]
    assert "amended 2026-03-02: category was speza; note changed" == " ".join(
        told[place : place + 3]
    )
    assert "pane" not in "".join(told[place:])
    for language, words in (
        ("en", "amended Mar 2, 2026: category was speza; note changed"),
        ("it", "corretto (2 mar 2026): la categoria era speza; nota cambiata"),
    ):
        assert 1 == read(page_of(bank, "m1", language)).count(words)


def test_a_merged_history_reads_as_one(bank: TimeBank) -> None:
    """Its title says whose it is, and a line of the duplicate says so."""
    text = statement_text(bank.statement("m1"))
    assert "With the history of m1-bis Maria Rossi" == text[1]
    assert ["m1-bis" in line for line in text if line.startswith("20")] == [False, False, True]
    pieces = read(page_of(bank, "m1"))
    assert "with the history of Maria Rossi (m1-bis)" in pieces
    assert 1 == pieces.count("account m1-bis")
    pieces = read(page_of(bank, "m1", "it"))
    assert "con i movimenti di Maria Rossi (m1-bis)" in pieces
    assert 1 == pieces.count("conto m1-bis")
    alone = read(page_of(bank, "f1", "it"))
    assert not any("m1-bis" in piece and "movimenti" in piece for piece in alone)


def test_the_statement_of_the_duplicate_ends_with_its_merge(bank: TimeBank) -> None:
    """Which account it became is said beside its kind."""
    assert (
        "Statement of m1-bis Maria Rossi (member, merged into m1)"
        == (statement_text(bank.statement("m1-bis"))[0])
    )
    pieces = read(page_of(bank, "m1-bis", "it"))
    assert {"(socio, unito a m1)", "unione: doppione"} <= set(pieces)


def test_closed_books_and_what_was_known_are_named(bank: TimeBank) -> None:
    """On the statement and the trial balance, in the words of the language."""
    assert "Books closed through 2025-12-31" in statement_text(bank.statement("m1"))
    assert "Books closed through 2025-12-31" in trial_balance_text(bank.trial_balance())
    assert {"Libri contabili", "chiusi fino al 31 dicembre 2025"} <= set(
        read(page_of(bank, "m1", "it"))
    )
    before = 6  # the last record before the closing
    text = statement_text(bank.statement("m1", at=before))
    assert ["Period: from the beginning", "As known at record 6"] == text[1:3]
    assert ["As known at record 6"] == trial_balance_text(bank.trial_balance(at=before))[1:2]
    pieces = read(page_of(bank, "m1", "it", at=before))
    assert {"Come risultava", "alla registrazione 6 del registro"} <= set(pieces)
    assert not {"Libri contabili", "corretto"} & set(pieces)


def test_times_are_on_the_line(bank: TimeBank) -> None:
    """Both of them, or the one that there is."""
    text = statement_text(bank.statement("m1"))
    assert ["", "09:30\u201311:00", "to 11:00"] == [
        line[12:23].strip() for line in text if line.startswith("20")
    ]
    assert {"09:30\u201311:00", "to 11:00"} <= set(read(page_of(bank, "m1")))
    assert {"09:30\u201311:00", "fino alle 11:00"} <= set(read(page_of(bank, "m1", "it")))


def test_a_reversal_has_no_times_of_day(bank: TimeBank) -> None:
    """It is of another day than its original may be: what was taken back then was not done then."""
    bank.reverse("t1", reason="no", occurred_on=date(2026, 3, 1))
    *_, line = bank.statement("f1").lines
    assert (True, "spesa") == (line.reverses, line.category)
    assert (None, None) == (line.started_at, line.ended_at)


def test_a_column_of_times_or_accounts_stands_only_where_it_is_needed(bank: TimeBank) -> None:
    """A statement without them is as narrow as ever."""
    text = statement_text(bank.statement("m1", until=LAST_YEAR))
    title = next(line for line in text if line.startswith("Day"))
    assert ["Day", "With", "Description", "Given", "Received", "Balance"] == title.split()


def test_planned_holds_stand_in_the_order_of_their_days(bank: TimeBank) -> None:
    """With their day and times, below what they are for."""
    for id, ahead, start in (("h1", 9, None), ("h2", 3, time(9)), ("h3", None, time(8))):
        day = None if ahead is None else BEGINNING.date() + timedelta(days=ahead)
        bank.hold(
            earner="m1", spender="f1", hours=1, id=id, note=id, occurred_on=day, started_at=start
        )
    pieces = read(page_of(bank, "m1", "it"))
    assert ["h2", "previsto: 5 mar 2026, dalle 09:00", "h1", "previsto: 11 mar 2026"] == [
        piece for piece in pieces if piece in {"h1", "h2"} or piece.startswith("previsto")
    ]
    assert ["h3", "dalle 08:00"] == pieces[pieces.index("h3") :][:2]


# -- its words ---------------------------------------------------------------------------


@pytest.fixture
def everything(bank: TimeBank, clock: Clock) -> TimeBank:
    """All that the library calls by a word of its own happened to one member."""
    bank.open_account("cassa", kind="fund")
    bank.adopt(
        Statute(
            version="v1",
            welcome=Welcome(hours=2, fund="cassa", given="when asked", due_back=True),
            dues=Dues(hours=1, fund="cassa", every="half-year"),
        )
    )
    bank.welcome("m1")
    bank.run_due()
    bank.reverse("t1", reason="errore")
    bank.transfer(earner="m1", spender="f1", hours=1, area="family help", kind="regalo")
    bank.leave("m1", disposal=Donate("cassa"))
    return bank


def english() -> set[str]:
    """The words of an English statement, in pieces between the gaps."""
    words = catalogue("statement", "en") | dict.fromkeys(("dues", "welcome", "donation"), "")
    texts = [*words.values(), "dues", "welcome", "donation", "given back on leaving", "family help"]
    pieces = {piece.strip(" .,:()") for text in texts for piece in re.split(r"{\w+}", text)}
    own = catalogue("statement", "it").values()
    return {piece for piece in pieces if len(piece) > 1 and not any(piece in one for one in own)}


def test_no_english_stands_on_an_italian_statement(everything: TimeBank) -> None:
    """Neither a word of the page, nor a kind, a period, a reason or an area of the library's."""
    found = set()
    for account in ("m1", "m1-bis", "f1", "cassa"):
        for more in ({}, {"at": 6} if account != "cassa" else {}):
            page = " | ".join(read(page_of(everything, account, "it", **more)))
            found |= {word for word in english() if re.search(rf"\b{re.escape(word)}\b", page)}
    assert set() == found
    page = " | ".join(read(page_of(everything, "m1", "it")))
    for words in (
        "credito di benvenuto",
        "quota da 2026-01 a 2026-06",
        "donazione",
        "restituito all'uscita",
        "aiuto alle famiglie",
        "regalo",
    ):
        assert words in page


def test_kinds_of_the_library_are_translated_in_figures(everything: TimeBank) -> None:
    """Among the movements that are no exchanges; the community's own stand as they are."""
    told = "\n".join(impact_text(everything.impact(at_least=1), "it"))
    assert all(f"\n{kind} " in told for kind in ("quota", "donazione", "regalo"))
    assert not any(f"\n{kind} " in told for kind in ("dues", "donation", "welcome"))


@pytest.mark.parametrize("language", languages())
def test_every_field_has_its_words(language: str) -> None:
    """What was, and that there was none, in each language and for each field that is amended."""
    words = catalogue("statement", language)
    for field in ("category", "area", "resource", "tags", "started_at", "ended_at"):
        assert "{value}" in words[f"{field}_was"]
        assert words[f"no_{field}"]


# -- marks -------------------------------------------------------------------------------


def line_of(bank: TimeBank, *, place: int = 0) -> Any:
    """A line of the statement of m1."""
    return bank.statement("m1").lines[place]


@pytest.fixture
def plain(clock: Clock) -> TimeBank:
    """One exchange that says nothing."""
    bank = timebank.open("memory:", **sources(clock))
    bank.open_account("m1")
    bank.open_account("f1")
    bank.transfer(earner="m1", spender="f1", hours=1, id="t1")
    return bank


def test_what_was_never_said_is_told_so(plain: TimeBank) -> None:
    """Field by field, in an order of their own; the note last."""
    assert not amended_words(line_of(plain), EN)
    plain.amend(
        *("t1",),
        reason="x",
        note="a",
        tags=["b"],
        started_at=time(9),
        ended_at=time(10),
        category="c",
        area="d",
        resource="e",
    )
    assert (
        "amended 2026-03-02: there was no category; there was no area; there was no resource; "
        "there were no tags; no beginning was given; no end was given; note changed"
    ) == amended_words(line_of(plain), EN)
    plain.amend("t1", reason="x", tags=["b", "c"], started_at=time(8))
    assert "there were no tags; no beginning was given" in amended_words(line_of(plain), EN)


def test_what_was_said_before_is_told_in_the_words_of_a_language(plain: TimeBank) -> None:
    """Tags one after the other, times to the minute, areas and resources as they are translated."""
    said: dict[str, Any] = {
        "area": "family help",
        "resource": "skill",
        "tags": ["a", "b"],
        "started_at": time(9),
        "ended_at": time(10, 5),
    }
    plain.transfer(earner="m1", spender="f1", hours=1, id="t2", **said)
    plain.amend("t2", reason="x", **dict.fromkeys(said))
    line = line_of(plain, place=1)
    assert (
        "amended 2026-03-02: area was family help; resource was skill; tags were a, b; "
        "began at 09:00; ended at 10:05"
    ) == amended_words(line, EN)
    assert (
        "corretto (2026-03-02): l'area era aiuto alle famiglie; la risorsa era competenze; "
        "le etichette erano a, b; iniziava alle 09:00; finiva alle 10:05"
    ) == amended_words(line, Words("statement", "it"))


def test_what_was_amended_back_is_told_without_words(plain: TimeBank) -> None:
    """That somebody amended it is said all the same, with the day of the last time."""
    plain.amend("t1", reason="x", category="a")
    plain.amend("t1", reason="x", category=None)
    assert "amended 2026-03-02" == amended_words(line_of(plain), EN)


def test_a_reversal_says_of_its_original_what_it_shows(plain: TimeBank) -> None:
    """Its labels are the original's; its note and its times are not."""
    plain.reverse("t1", reason="y")
    plain.amend("t1", reason="x", note="a", started_at=time(9))
    assert ["amended 2026-03-02: no beginning was given; note changed", ""] == [
        amended_words(line, EN) for line in plain.statement("m1").lines
    ]
    plain.amend("t1", reason="x", category="b")
    assert "amended 2026-03-02: there was no category" == amended_words(line_of(plain, place=1), EN)


@given(st.lists(st.sampled_from([None, "a", "b"]), min_size=1, max_size=4))
def test_the_first_and_the_last_are_compared(values: list[str | None]) -> None:
    """Whatever was in between."""
    bank = timebank.open("memory:")
    bank.open_account("m1")
    bank.open_account("f1")
    bank.transfer(earner="m1", spender="f1", hours=1, id="t1", category=values[0])
    for value in values[1:]:
        bank.amend("t1", reason="x", category=value)
    told = amended_words(line_of(bank), EN)
    changed = any(one != other for one, other in pairwise(values))
    assert changed == told.startswith("amended ")
    was = "there was no category" if values[0] is None else f"category was {values[0]}"
    assert (values[0] != values[-1]) == told.endswith(was)


# -- histories and figures ---------------------------------------------------------------


def test_the_history_of_an_account_tells_corrections(bank: TimeBank) -> None:
    """Of who was merged into it too."""
    bank.acting_as("luca").amend_account(
        "m1", joined_on=date(2024, 4, 1), kind="group", reason="tessera"
    )
    assert [
        "2026-03-02  opened: Maria R.",
        "2026-03-02  m1-bis opened: Maria Rossi",
        "2026-03-02  m1-bis merged into it: doppione",
        "2026-03-02  amended by luca: tessera",
        "            joined: 2024-04-01 (was 2024-05-01)",
        "            kind: group (was member)",
    ] == events_text(bank.events("m1"))
    assert "2026-03-02  m1-bis merged into m1: doppione" == events_text(bank.events("m1-bis"))[-1]


def test_the_history_of_who_was_merged_twice_over(bank: TimeBank) -> None:
    """Whose each merge was is said once."""
    bank.open_account("m0")
    bank.merge("m1", into="m0", reason="terza")
    assert [
        "2026-03-02  m1 opened: Maria R.",
        "2026-03-02  m1-bis opened: Maria Rossi",
        "2026-03-02  m1-bis merged into m1: doppione",
        "2026-03-02  opened",
        "2026-03-02  m1 merged into it: terza",
    ] == events_text(bank.events("m0"))


def test_the_labels_of_a_narrow_statement_are_whole(bank: TimeBank) -> None:
    """With times, merged accounts and amendments beside each other."""
    bank.rename("f1", name="Famiglia Bianchi Esposito De Luca")
    text = "\n".join(statement_text(bank.statement("m1")))
    assert "Opening balance" in text
    assert "Closing balance" in text


def test_the_impact_report_names_the_closed_year(bank: TimeBank, tmp_path: Path) -> None:
    """Where it is given one."""
    impact = bank.impact()
    assert not any("closed" in line for line in impact_text(impact))
    closed = impact_text(impact, closed_through=LAST_YEAR)
    assert "Books closed through 31 December 2025" == closed[2]
    page = read(impact_html(impact, "it", closed_through=LAST_YEAR))
    assert "Libri contabili chiusi fino al 31 dicembre 2025" in page


# -- the journal as text -----------------------------------------------------------------


def told(bank: TimeBank) -> list[str]:
    """The records of a journal as text, from their kind on."""
    return [record_text(record)[53:] for record in bank.records()]


def test_records_of_corrections_say_what_they_came_to(bank: TimeBank) -> None:
    """Without the amendments that a caller looks up, which have texts."""
    bank.acting_as("luca").amend_account("m1", kind="group", reason="x")
    bank.close_books(through=None, reason="x")
    assert [
        "close_books: books are closed through 2025-12-31",
        "amend t1",
        "merge m1-bis into m1: 1:00 moved",
        "amend_account m1 by luca: kind: group (was member)",
        "close_books: books are open again",
    ] == told(bank)[6:]
    records = {record.sequence: record for record in bank.records()}
    amendments = bank.transfer_by_id("t1").amendments
    assert "t1" == operation_of(records[8])
    assert None is operation_of(records[9])
    assert (
        "amend t1: category: spesa (was speza); note: pane e latte (was pane); reason: errore"
        == (record_text(records[8], amendments)[53:])
    )


def test_a_restart_of_the_clock_says_which_books_are_still_closed() -> None:
    """Where it moves the day back."""
    now = [BEGINNING + timedelta(days=99)]
    bank = timebank.open("memory:", clock=lambda: now[0])
    bank.close_books(through=BEGINNING.date() + timedelta(days=9), reason="x")
    now[0] = BEGINNING
    bank.restart_clock(today=BEGINNING.date(), reason="x")
    assert "restart_clock: books are closed through 2026-03-01" == told(bank)[-1]


@pytest.mark.parametrize("kind", ["amend", "amend_account", "close_books", "merge", "transfer"])
@pytest.mark.parametrize(
    "body",
    [
        {},
        {"effects": [], "request": []},
        {"effects": {"sets": {"kind": "group"}, "was": {}, "through": 7}, "request": {}},
        {"effects": {"postings": [["m1", "x"]], "sets": 1, "was": 2}, "request": {"operation": 3}},
    ],
)
def test_a_record_that_is_not_well_is_a_line_too(kind: str, body: dict[str, Any]) -> None:
    """Somebody has written into the storage: the line says its kind, and where to go on."""
    record = Record(
        sequence=1, kind=kind, recorded_at=BEGINNING, digest=bytes(32), bytes=canonical(body)
    )
    assert None is operation_of(record)
    assert record_text(record)[53:].startswith(kind)
    if kind in {"merge", "amend_account"}:
        assert record_text(record).endswith(": cannot be read, run an audit")
