"""The yearly papers: what stands on them; pages whose sums are carried and whose rows fit."""

from __future__ import annotations

import re
from datetime import date, time
from html.parser import HTMLParser
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import timebank
from support import Clock, sources
from timebank import Counted, Hours, Presences, TimeBank, reports
from timebank.reports.pages import PAGE_MM, Page, Row, Sheet, height_of, pages_of
from timebank.reports.papers import Note, facts, notes, words_of
from timebank.reports.presences_html import presences_html
from timebank.reports.presences_text import presences_csv, presences_text
from timebank.reports.value_html import value_html
from timebank.reports.value_text import value_text
from timebank.reports.valued import Rates
from timebank.reports.words import languages

YEAR: Any = {"since": date(2026, 1, 1), "until": date(2026, 12, 31)}
MADE = date(2026, 12, 31)


def bank_of(number: int, *, name: str = "Anna Bianchi") -> TimeBank:
    """A bank with so many exchanges, of two people in turns."""
    bank = timebank.open("memory:", **sources(Clock()))
    bank.open_account("anna", name=name, floor=None)
    bank.open_account("bruno", name="Bruno Verdi", floor=None)
    bank.open_account("rossi", kind="group", name="Famiglia Rossi", floor=None)
    with bank.batch() as batch:
        for place in range(number):
            batch.transfer(
                earner=("anna", "bruno")[place % 2],
                spender="rossi",
                hours="1:15",
                id=f"t{place}",
                category="care",
                occurred_on=date(2026, 1, 1 + place % 28),
                started_at=time(9, 30) if place % 3 else None,
                ended_at=time(10, 45) if place % 3 else None,
            )
    return bank


class Cells(HTMLParser):
    """What stands in the cells of each page's table, by page and row."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.pages: list[list[list[str]]] = []
        self._inside = False
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """A page, a row, a cell."""
        if tag == "section":
            self.pages.append([])
        elif tag == "tr":
            self.pages[-1].append([])
        elif tag in {"td", "th"}:
            self.pages[-1][-1].append("")
            self._inside = True

    def handle_endtag(self, tag: str) -> None:
        """The end of a cell."""
        if tag in {"td", "th"}:
            self._inside = False

    def handle_data(self, data: str) -> None:
        """A text."""
        if self._inside:
            self.pages[-1][-1][-1] += data


# -- pages -----------------------------------------------------------------------------


def sums_agree(pages: list[Page], total: int) -> None:
    """Each page begins with what the one before ends with, and the rows come to the total."""
    running = 0
    for page in pages:
        if page.rows:
            assert (page.carried or (0,)) == (running,)
            running += sum(row.adds[0] for row in page.rows if row.adds)
            assert page.to_carry in (None, (running,))
    assert total == running


@given(
    st.lists(st.integers(-(10**6), 10**6), max_size=150),
    st.lists(st.text(min_size=1, max_size=3_000), max_size=12),
    st.integers(1, 7),
)
def test_every_row_and_note_is_on_one_page_and_fits(
    seconds: list[int], texts: list[str], facts: int
) -> None:
    """Nothing is lost, sums are carried, numbers go up, and no page is fuller than it may be."""
    rows = [Row(("x",), (one,)) for one in seconds]
    end = [Row(("total",), style="sum")]
    said = [Note(text, is_heading=not number % 4) for number, text in enumerate(texts)]
    pages = pages_of([Sheet([*rows, *end])], said, facts=facts, signature="signed")
    assert [*range(1, len(pages) + 1)] == [page.number for page in pages]
    assert [*rows, *end] == [row for page in pages for row in page.rows]
    sums_agree(pages, sum(seconds))
    written = "".join("".join(note.text.split()) for page in pages for note in page.notes)
    assert "".join("".join(text.split()) for text in texts) == written
    assert 1 == sum(len(page.signed) for page in pages)
    assert ["signed"] == pages[-1].signed
    for page in pages:
        assert page.used_mm <= PAGE_MM
        assert not page.notes or not page.notes[-1].is_heading or page.signed


@given(st.lists(st.integers(1, 60), min_size=1, max_size=5))
def test_a_sheet_begins_on_a_page_of_its_own(lengths: list[int]) -> None:
    """With its heading on each of its pages, its own sums, and a place to sign."""
    sheets = [
        Sheet([Row(("x",), (1,))] * length, heading=f"s{number}", signed=f"by {number}")
        for number, length in enumerate(lengths)
    ]
    pages = pages_of(sheets, [Note("said")], facts=4, signature="signed", notes_first=True)
    assert [Note("said")] == pages[0].notes
    for number, length in enumerate(lengths):
        own = [page for page in pages if page.heading == f"s{number}"]
        sums_agree([page for page in own if page.rows], length)
        assert [[]] * (len(own) - 1) + [[f"by {number}"]] == [page.signed for page in own]


def test_a_total_is_never_alone_on_its_page() -> None:
    """The last row goes with it."""
    for length in range(1, 100):
        rows = [*[Row(("x",), (1,))] * length, Row(("total",), style="sum")]
        *_, last = [p for p in pages_of([Sheet(rows)], [], facts=4, signature="s") if p.rows]
        assert 2 <= len(last.rows)


def test_nothing_is_carried_beyond_a_total() -> None:
    """What follows it is no part of the sum; and what stands above some rows is on their page."""
    for length in range(1, 60):
        rows = [
            *[Row(("x",), (1,))] * length,
            Row(("total",), style="sum"),
            Row(("others",), style="heading"),
            *[Row(("y",))] * 20,
        ]
        pages = [page for page in pages_of([Sheet(rows)], [], facts=4, signature="s") if page.rows]
        for page, following in pairwise(pages):
            assert page.to_carry == following.carried
            assert "heading" != page.rows[-1].style
            is_over = any(row.style == "sum" for one in pages[: page.number] for row in one.rows)
            assert is_over == (page.to_carry is None)


@pytest.mark.parametrize("language", languages())
def test_what_is_not_claimed_is_on_the_page_of_its_heading(language: str) -> None:
    """Alone it would be read as a claim."""
    words = words_of(language)
    for number in range(8, 32, 2):
        found = bank_of(number).presences()
        page = _unescaped(presences_html(found, language))
        (own,) = [one for one in page.split("<section")[1:] if words("not_claimed") in one]
        assert all(words(key) in own for key in ("not_law", "not_register", "not_signed"))


def test_a_note_is_measured_by_its_letters() -> None:
    """Capitals are wider than other letters, and a line that is copied has a width of its own."""
    assert height_of(Note("a" * 80)) < height_of(Note("A" * 80))
    assert height_of(Note("a" * 97)) < height_of(Note("a" * 99))


# -- on paper --------------------------------------------------------------------------


@pytest.mark.parametrize("number", [0, 1, 30, 300])
@pytest.mark.parametrize("language", languages())
def test_the_pages_number_themselves_and_carry_their_sums(number: int, language: str) -> None:
    """*Page 3 of 12*; each table repeats its head; what is carried is the sum of what was."""
    found = bank_of(number).presences(**YEAR)
    page = presences_html(found, language, title="Via Roma", made_on=MADE)
    words = words_of(language)
    pages = Cells(page).pages
    for place in range(1, len(pages) + 1):
        said = words("page", page=place, pages=len(pages))
        assert f"<span>{said}</span></footer>" in page
    carried = ""
    every: list[list[str]] = []
    for rows in filter(None, pages):
        head, *rest = rows
        assert [words("name"), words("day"), words("from")] == head[:3]
        for cells in rest:
            if cells[0] == words("carried"):
                assert carried == cells[4]
            elif cells[0] == words("to_carry"):
                carried = cells[4]
                assert carried == str(sum((Hours(one[4]) for one in every), Hours(0)))
            elif cells[0] == words("total"):
                assert str(found.hours) == cells[4]
            else:
                every.append(cells)
    assert number == len(every) == len(found.lines)
    assert str(found.head) in page
    assert (words("none") in _unescaped(page)) == (number == 0)


@pytest.mark.parametrize("language", languages())
def test_what_is_not_claimed_stands_on_every_form(language: str) -> None:
    """On the register and on the value, as text and as a page."""
    found = bank_of(3).presences(**YEAR)
    worth = reports.value(found, Rates.of({"care": "12,50"}))
    words = words_of(language)
    of_register = [presences_html(found, language), _flat(presences_text(found, language))]
    of_value = [value_html(worth, language), _flat(value_text(worth, language))]
    claims = {"not_law", "not_signed", "not_done"}
    for papers, said in (
        (of_register, claims | {"not_register", "names_today"}),
        (of_value, claims | {"not_income", "not_rates"}),
    ):
        for paper in papers:
            plain = _flat([_unescaped(paper)])
            assert [] == [key for key in sorted(said) if words(key) not in plain]
            assert str(found.head) in plain


def _flat(lines: list[str]) -> str:
    return " ".join(" ".join(lines).split())


def _unescaped(page: str) -> str:
    from html import unescape

    return unescape(page)


def test_each_person_has_a_sheet_to_sign() -> None:
    """By name; all that is said of the register stands before them."""
    found = bank_of(5).presences(**YEAR)
    page = presences_html(found, "it", by_name=True)
    assert ["Foglio di Anna Bianchi (anna)", "Foglio di Bruno Verdi (bruno)"] == re.findall(
        r"<h2>(Foglio di .*?)</h2>", page
    )
    totals = [rows[-1][4] for rows in Cells(page).pages if rows]
    assert ["3:45", "2:30"] == totals
    assert "Firma di Anna Bianchi<" in page


def test_a_name_is_a_text_and_no_markup() -> None:
    """Nor does it turn the line round."""
    page = presences_html(bank_of(1, name="<b>A</b>\u202e&").presences(), "it")
    assert "&lt;b&gt;A&lt;/b&gt;\ufffd&amp;" in page
    assert "\u202e" not in page


def test_a_long_name_is_cut_on_paper_and_whole_in_csv() -> None:
    """The row keeps its height."""
    name = "Maria Addolorata Immacolata Concetta " * 9
    found = bank_of(1, name=name).presences()
    page = presences_html(found, "it")
    assert name.strip() not in page
    assert "Maria Addolorata Immacolata" in page
    assert "…" in page
    assert name.strip() in presences_csv(found)


# -- words -----------------------------------------------------------------------------


def said(found: Presences, language: str = "en") -> str:
    """The foot of a register."""
    return "\n".join(note.text for note in notes(found, words_of(language)))


def test_the_choice_is_said_with_what_it_leaves_out() -> None:
    """By every sort, in both languages; a fund is named."""
    bank = bank_of(3)
    counted = Counted(kinds=["exchange", "turn"], categories="care", funds="rossi", tags="x")
    found = bank.presences(**YEAR, counted=counted)
    english, italian = said(found), said(found, "it")
    assert (
        "By its own choice the association counts, of the exchanges from 1 January 2026 to "
        "31 December 2026, those of the kind “exchange” or “turn”, of the category “care”, for "
        "which Famiglia Rossi spends the hours, and with the tag “x”."
    ) in english
    assert "Left out by this choice: 3 exchanges of the period, of 3:45 hours." in english
    assert "There is no exchange of the period with the tag “x”." in english
    assert "Esclusi da questa scelta: 3 scambi del periodo, per 3:45 ore." in italian
    assert "della categoria «care», le cui ore sono a carico di Famiglia Rossi" in italian


def test_all_exchanges_are_said_to_be_all() -> None:
    """Nothing is left out, and nothing is said of that."""
    found = bank_of(2).presences()
    assert "All exchanges from the beginning are counted." in said(found)
    assert "Left out" not in said(found)
    assert "no exchange" not in said(found)
    counted = Counted(categories="care")
    assert "leaves out no exchange" in said(bank_of(2).presences(counted=counted))


def test_who_is_on_a_line_that_takes_back_alone_was_not_present() -> None:
    """At the top are counted those who gave hours in the period."""
    bank = bank_of(1)
    bank.transfer(
        earner="bruno", spender="rossi", hours=2, occurred_on=date(2025, 12, 1), id="supper"
    )
    bank.close_books(through=date(2025, 12, 31), reason="approved")
    bank.reverse("supper", reason="it was not", hours=1)
    found = bank.presences(**YEAR)
    assert ["0:15", "1", "1"] == [
        str(found.hours),
        *re.findall(r"\d+", dict(facts(found, words_of("en"), None))["Presences"]),
    ]
    assert ("anna", "bruno") == found.people


def test_presences_without_times_are_marked_and_counted() -> None:
    """A register asks for both."""
    found = bank_of(3).presences()
    assert "One presence does not say when it began" in said(found)
    text = presences_text(found, "en")
    assert 1 == sum(line.split().count("*") == 2 for line in text)
    assert "marked" not in said(bank_of(0).presences())


# -- CSV -------------------------------------------------------------------------------


def test_the_csv_has_a_row_for_each_presence() -> None:
    """Days and times as programs read them; no sums, no notes unless they are asked for."""
    bank = bank_of(1)
    bank.amend("t0", note="at home, by car", reason="more")
    found = bank.presences()
    head = "Name,Account,Day,From,To,Hours,For whom,Activity,Record\n"
    row = "Anna Bianchi,anna,2026-01-01,,,1:15,Famiglia Rossi,{},4\n"
    assert head + row.format("care") == presences_csv(found, "en")
    assert head + row.format('"care, at home, by car"') == presences_csv(
        found, "en", with_notes=True
    )
    assert presences_csv(found, "it", semicolons=True).startswith("Nome;Conto;Giorno;Dalle;")


def test_a_formula_in_a_name_stays_a_text() -> None:
    """A spreadsheet would execute it."""
    found = bank_of(1, name="=HYPERLINK(1)").presences()
    assert "\n'=HYPERLINK(1),anna," in presences_csv(found, "en")
