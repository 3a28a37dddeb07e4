"""The yearly papers as headless Chromium prints them: as many pages as they say, nothing cut."""

from __future__ import annotations

import base64
import random
import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import pytest
from selenium import webdriver

import timebank
from browsers import chromium
from support import each_once
from timebank import Counted, Presences, reports
from timebank.reports.presences_html import presences_html
from timebank.reports.value_html import value_html
from timebank.reports.valued import Rates

pytestmark = pytest.mark.browser

#: How many exchanges, and whether names are as long as people make them.
SIZES = {"none": (0, False), "one": (1, False), "30": (30, False), "300": (300, False)}
LONG = {"long names": (60, True)}
NAMES = ("Anna Bianchi", "Giuseppina Maria Colombo", "Carla Rizzo Ferrara", "Özge Yalçin")
LONG_NAMES = (
    "Maria Addolorata Immacolata Concetta Rossi Sforza Visconti di Modrone",
    "W" * 90,
    "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft",
    "<b>&amp; x",
)
#: Elements that lie below the foot of their page, over it, or beside the page.
OUTSIDE = """
const out = [];
for (const page of document.querySelectorAll('.page')) {
  const frame = page.getBoundingClientRect();
  const foot = page.querySelector('.foot').getBoundingClientRect();
  for (const element of page.querySelectorAll('table, h1, h2, dl, .note, .signed, .empty, .top')) {
    const box = element.getBoundingClientRect();
    if (box.bottom > foot.top + 1 || box.right > frame.right + 1 || box.left < frame.left - 1)
      out.push(element.tagName + ' ' + element.className + ' ' + element.textContent.slice(0, 40));
  }
  for (const row of page.querySelectorAll('tbody tr'))
    if (row.getBoundingClientRect().height > 31.5) out.push('row ' + row.textContent);
  for (const cell of page.querySelectorAll('td > div'))
    if (cell.scrollHeight > cell.clientHeight + 1 || cell.scrollWidth > cell.clientWidth + 1)
      out.push('cell ' + cell.textContent);
}
return out;
"""


def presences_of(number: int, *, long: bool) -> Presences:
    """A year of so many exchanges, some of them without times, a few not counted."""
    chance = random.Random(5)  # a community, not a secret
    now = datetime(2026, 12, 31, 9, tzinfo=UTC)
    bank = timebank.open("memory:", clock=lambda: now)
    labels: tuple[str | None, ...] = ("accompagnamento", "spesa e commissioni", "compiti", None)
    if long:
        labels = (
            "accompagnamento alle visite mediche e specialistiche altrove",
            "M" * 150,
            None,
            "x",
        )
    hours = ("0:45", "1:00", "2:01", *(("1234:30:15", "12345678:09:59") if long else ()))
    names = LONG_NAMES if long else NAMES
    bank.open_account("pot", kind="fund", name="Fondo di solidarietà")
    ids = [f"m{place}" for place, _ in enumerate(names)]
    with bank.batch() as batch:
        for id, name in zip(ids, names, strict=True):
            batch.open_account(id, name=name, floor=None, ceiling=None)
        for _ in range(number):
            earner, spender = chance.sample(ids, 2)
            begins = chance.choice((None, time(9, 30), time(15)))
            batch.transfer(
                earner=earner,
                spender=chance.choice((spender, spender, "pot")),
                hours=chance.choice(hours),
                occurred_on=date(2026, 1, 1) + timedelta(days=chance.randrange(300)),
                started_at=begins,
                ended_at=None if begins is None else begins.replace(minute=45),
                category=chance.choice(labels),
                tags=["volontari"],
            )
    return bank.presences(
        since=date(2026, 1, 1), until=date(2026, 12, 31), counted=Counted(tags="volontari")
    )


@pytest.fixture(scope="module")
def browser() -> Iterator[webdriver.Chrome]:
    """Debian's Chromium, without a window and without a network."""
    with chromium() as chrome:
        yield chrome


def printed(browser: webdriver.Chrome) -> int:
    """The pages of the PDF of what is shown."""
    options: Any = {"preferCSSPageSize": True, "printBackground": False}
    made = browser.execute_cdp_cmd("Page.printToPDF", options)
    return len(re.findall(rb"/Type\s*/Page\b", base64.b64decode(made["data"])))


@pytest.mark.parametrize(("size", "language"), each_once([*SIZES, *LONG], ["it", "en"]))
def test_there_are_as_many_pages_as_they_say(
    browser: webdriver.Chrome, tmp_path: Path, size: str, language: str
) -> None:
    """And nothing lies over the foot of a page, beside it, or in a row that grew."""
    number, long = (SIZES | LONG)[size]
    found = presences_of(number, long=long)
    about: Any = {"title": "Banca del Tempo di Via Roma " * (4 if long else 1), "made_on": date.max}
    worth = reports.value(found, Rates.of({"compiti": "12,55", "M": "3"}))
    pages = {
        "register": presences_html(found, language, **about),
        "sheets": presences_html(found, language, by_name=True, **about),
        "value": value_html(worth, language, **about),
    }
    for name, page in pages.items():
        path = tmp_path / f"{name}.html"
        path.write_text(page, "utf-8")
        browser.get(path.as_uri())
        said = {int(last) for last in re.findall(r"(?:Page|Pagina) \d+ (?:of|di) (\d+)<", page)}
        assert {printed(browser)} == said, name
        assert [] == browser.execute_script(OUTSIDE), name
        assert language == browser.execute_script("return document.documentElement.lang")


def test_a_choice_of_many_words_takes_the_pages_that_it_needs(
    browser: webdriver.Chrome, tmp_path: Path
) -> None:
    """Fifty tags of two hundred letters."""
    bank = timebank.open("memory:")
    tags = [f"{number:02}{'W' * 198}" for number in range(50)]
    found = bank.presences(counted=Counted(tags=tags, categories=tags))
    path = tmp_path / "register.html"
    path.write_text(presences_html(found, "it"), "utf-8")
    browser.get(path.as_uri())
    numbers = browser.execute_script("return document.querySelectorAll('.page').length")
    assert numbers == printed(browser)
    assert [] == browser.execute_script(OUTSIDE)
