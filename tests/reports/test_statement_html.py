"""The statement that is printed: complete, harmless, in any language that has a catalogue."""

from __future__ import annotations

import base64
import io
import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from html import unescape
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from selenium import webdriver

import timebank
from browsers import chromium
from support import Clock, each_once, fill, fill_with_members, fill_with_rules, sources
from timebank import Hours, InvalidRequest, TimeBank
from timebank.cli import main
from timebank.reports.statement import line_figures, shown_columns
from timebank.reports.statement_html import statement_html
from timebank.reports.words import Words, catalogue, languages

PRINTED = date(2026, 3, 31)
WIDTHS = {"phone": 390, "desktop": 1280}
OVERFLOWING = """
const wide = document.documentElement.clientWidth;
const out = [];
for (const element of document.querySelectorAll('main *, header *, footer *')) {
  if (getComputedStyle(element.closest('thead') || element).position === 'absolute') continue;
  const box = element.getBoundingClientRect();
  if (box.right > wide + 1 || box.left < -1) out.push(element.tagName + ' ' + element.className);
}
return out;
"""


class Cells(HTMLParser):
    """The text of each cell, row by row."""

    def __init__(self) -> None:
        super().__init__()
        self.rows: list[list[str]] = []
        self._is_cell = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """A row, or a cell."""
        if tag == "tr":
            self.rows.append([])
        self._is_cell = self._is_cell or tag in {"td", "th"}
        if tag in {"td", "th"}:
            self.rows[-1].append("")

    def handle_endtag(self, tag: str) -> None:
        """The end of a cell."""
        if tag in {"td", "th"}:
            self._is_cell = False

    def handle_data(self, data: str) -> None:
        """What is in it."""
        if self._is_cell:
            self.rows[-1][-1] += data


def cells(page: str) -> list[list[str]]:
    """The rows of all tables."""
    parser = Cells()
    parser.feed(page)
    return [[cell.strip() for cell in row] for row in parser.rows]


@pytest.fixture
def full(clock: Clock) -> TimeBank:
    """A bank with every kind of record."""
    bank = timebank.open("memory:", **sources(clock))
    fill(bank)
    fill_with_rules(bank)
    fill_with_members(bank, clock)
    return bank


def page_of(bank: TimeBank, account: str, language: str = "en", **more: Any) -> str:
    """The page of an account."""
    statement = bank.statement(account, **more)
    return statement_html(statement, head=bank.head(), printed_on=PRINTED, language=language)


@pytest.mark.parametrize("language", languages())
def test_every_figure_is_on_the_page(full: TimeBank, language: str) -> None:
    """Of every account: each line, the totals, what is held; and the head that proves it."""
    for account in full.accounts():
        statement = full.statement(account.id)
        page = page_of(full, account.id, language)
        counted = shown_columns(statement)
        rows = cells(page)[2 : 2 + len(statement.lines)]
        figures = [line_figures(line, counted) for line in statement.lines]
        assert [
            [*row, str(line.balance)] for row, line in zip(figures, statement.lines, strict=True)
        ] == [row[3:] for row in rows]
        assert all(1 == sum(map(bool, row)) for row in figures), "each line is in one column"
        assert str(full.head()) in page
        after = 2 + max(len(statement.lines), 1)
        sums, numbers, closing = cells(page)[after : after + 3]
        totals = [statement.totals[name] for name in counted]
        assert [abs(total.hours) for total in totals] == [
            abs(Hours(cell.removeprefix("+"))) for cell in sums[2:-1]
        ]
        assert [str(total.number) for total in totals] == numbers[2:-1]
        assert str(statement.closing) == closing[-1]
        held = cells(page)[-len(statement.holds) :] if statement.holds else []
        for column, total in ((3, statement.incoming), (4, statement.held)):
            told = [Hours(row[column] or 0) for row in held]
            assert total == sum(told, Hours(0))


def test_days_are_in_the_words_of_the_language(full: TimeBank) -> None:
    """The period too, with both days, one, or none."""
    both = {"since": date(2026, 3, 1), "until": date(2026, 3, 31)}
    assert "dal 1 marzo 2026 al 31 marzo 2026" in page_of(full, "m1", "it", **both)
    assert "from March 1, 2026 on" in page_of(full, "m1", since=both["since"])
    assert "dall&#39;inizio al 31 marzo 2026" in page_of(full, "m1", "it", until=both["until"])
    assert "dall'inizio" in unescape(page_of(full, "m1", "it"))


def test_an_italian_article_fits_its_day(full: TimeBank) -> None:
    """Before 8 and 11, which begin with a vowel, it loses its own; before no other day."""
    for day in range(1, 32):
        it = {"since": date(2026, 3, day), "until": date(2026, 3, day)}
        page = page_of(full, "m1", "it", **it)
        elided = day in {8, 11}
        dal, al = ("dall'", "all'") if elided else ("dal ", "al ")
        written = f"{dal}{day} marzo 2026 {al}{day} marzo 2026"
        assert written in unescape(page), day
        assert f"dall'inizio {al}{day} marzo" in unescape(
            page_of(full, "m1", "it", until=it["until"])
        )
    words = Words("statement", "it")
    assert "chiusi fino all'8 dicembre 2025" == words("closed_through", day="8 dicembre 2025")
    assert "Stampato l'11 marzo 2026" == words("printed", day="11 marzo 2026")
    assert "dal 2026-03-08 in poi" == words("since", since="2026-03-08")
    assert "la categoria era 8 mani" == words("category_was", value="8 mani")


def test_hostile_texts_are_only_texts() -> None:
    """Neither markup, nor marks that turn the line round."""
    bank = timebank.open("memory:", **sources())
    bank.open_account("m1", name="<script>alert(1)</script>")
    bank.open_account("f1", kind="group", name="\u202eevil")
    bank.transfer(earner="m1", spender="f1", hours=1, note='"><img src=http://x/y onerror=z>')
    page = page_of(bank, "m1")
    assert "<script" not in page
    assert "<img" not in page
    assert "\u202e" not in page
    assert not re.search(r"""(?:src|href)\s*=\s*["']""", page)


def test_another_language_is_a_catalogue(full: TimeBank) -> None:
    """Nothing else is needed: the days are Babel's."""
    words = catalogue("statement", "en") | {"title": "Kontoauszug"}
    page = statement_html(
        full.statement("m1"), head=full.head(), printed_on=PRINTED, language="de", words=words
    )
    assert "<h1>Kontoauszug</h1>" in page
    assert "31. März 2026" in page


def test_a_language_without_a_catalogue_is_refused(full: TimeBank) -> None:
    """Those that there are, are told."""
    for language in ("de", "../en", ""):
        with pytest.raises(InvalidRequest, match="there are en, it"):
            page_of(full, "m1", language)


def test_by_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A whole page on standard output, or one line."""
    monkeypatch.chdir(tmp_path)
    with timebank.open("sqlite:///a.db", **sources()) as bank:
        fill(bank)
    words = ["--db", "a.db", "statement", "m1", "--format", "html", "--lang"]
    done = CliRunner().invoke(main, [*words, "it"])
    assert (0, True) == (done.exit_code, done.stdout.startswith("<!doctype html>"))
    assert "Estratto conto" in done.stdout
    wrong = CliRunner().invoke(main, [*words, "xx"])
    assert (2, "") == (wrong.exit_code, wrong.stdout)
    assert "no catalogue of words for 'xx'" in wrong.stderr


# -- in a browser -------------------------------------------------------------


@pytest.fixture(scope="module")
def browser() -> Iterator[webdriver.Chrome]:
    """Debian's Chromium, without a window and without a network."""
    with chromium() as chrome:
        yield chrome


@pytest.fixture(scope="module")
def long_one() -> TimeBank:
    """Two hundred exchanges, with long words; amended, of two accounts, in closed books."""
    now = datetime(2026, 3, 31, 9, 0, tzinfo=UTC)
    bank = timebank.open("memory:", clock=lambda: now)
    bank.open_account("m1", name="Maria Supercalifragilistica " * 3, floor=None)
    for number in range(5):
        bank.open_account(f"f{number}", kind="group", floor=None, name=f"Famiglia {number}")
    with bank.batch() as batch:
        for number in range(200):
            batch.transfer(
                earner="m1",
                spender=f"f{number % 5}",
                hours="1:30",
                occurred_on=date(2025, 3, 1) + timedelta(days=number),
                note="accompagnata in ambulatorio " * (1 + number % 4) + "x" * 60,
                category="assistenza",
            )
    bank.hold(earner="f1", spender="m1", hours=2, note="lunedì", expires_in=timedelta(days=9))
    corrected(bank)
    return bank


def corrected(bank: TimeBank) -> None:
    """Whatever corrections show on a page, as long as it can be."""
    day = date(2026, 3, 30)
    duplicate = "m1-" + "x" * 60
    bank.open_account(duplicate, name="Maria Superca " * 4)
    bank.transfer(
        earner=duplicate,
        spender="f1",
        hours=1,
        id="t1",
        occurred_on=day,
        category="assistenza",
        started_at=time(22, 30),
        ended_at=time(1),
        tags=["una", "due"],
    )
    bank.amend("t1", reason="x", category="a" * 200, tags=[], note="y", started_at=None)
    bank.amend("t1", reason="x", category="b", area="family help", resource="car")
    bank.merge(duplicate, into="m1", reason="doppione")
    bank.hold(
        earner="f1",
        spender="m1",
        hours=2,
        occurred_on=date(2026, 12, 30),
        started_at=time(9, 30),
        ended_at=time(11),
    )
    bank.close_books(through=date(2026, 3, 29), reason="x")


@pytest.mark.browser
@pytest.mark.parametrize(("device", "language"), each_once(WIDTHS, languages()))
def test_nothing_overflows_and_nothing_is_asked_for(
    browser: Any, long_one: TimeBank, tmp_path: Path, device: str, language: str
) -> None:
    """On a phone and at a desk."""
    page = tmp_path / f"statement-{language}.html"
    page.write_text(page_of(long_one, "m1", language), "utf-8")
    metrics = {"width": WIDTHS[device], "height": 900, "deviceScaleFactor": 1, "mobile": False}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    browser.get_log("performance")
    browser.get(page.as_uri())
    assert [] == browser.execute_script(OVERFLOWING)
    assert language == browser.execute_script("return document.documentElement.lang")
    sent = [told["message"] for told in browser.get_log("performance")]
    asked = [told for told in sent if "requestWillBeSent" in told]
    assert all(page.as_uri() in told for told in asked)
    assert [] == browser.get_log("browser")


@pytest.mark.browser
def test_it_prints_on_a4(browser: Any, long_one: TimeBank, tmp_path: Path) -> None:
    """Several pages of 210 by 297 millimetres."""
    page = tmp_path / "statement.html"
    page.write_text(page_of(long_one, "m1", "it"), "utf-8")
    browser.get(page.as_uri())
    told = browser.execute_cdp_cmd("Page.printToPDF", {"preferCSSPageSize": True})
    raw = io.BytesIO(base64.b64decode(told["data"])).getvalue()
    sizes = re.findall(rb"/MediaBox \[0 0 ([\d.]+) ([\d.]+)\]", raw)
    assert 5 <= len(sizes) <= 30
    assert {(595, 842)} == {(round(float(wide)), round(float(high))) for wide, high in sizes}
