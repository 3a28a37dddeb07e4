"""Cheques on paper: eight a sheet of A4, each with a code that a reader reads, in each language."""

from __future__ import annotations

import base64
import io
import re
from collections.abc import Iterator
from html import unescape
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("segno", reason="codes are drawn by the extra timebank[report]")
pytest.importorskip("zxingcpp", reason="codes are read by the extra timebank[dev]")

import zxingcpp
from PIL import Image, ImageDraw
from selenium import webdriver

import timebank
from browsers import chromium
from support import sources
from timebank import InvalidRequest, TimeBank
from timebank.contrib import cheques
from timebank.contrib.cheques.printing import MAX_LINK_CHARACTERS, ON_A_SHEET
from timebank.reports import words

TITLE = "Banca del Tempo di Quarto Oggiaro"
LINK = "https://banca-del-tempo.example/assegni/"
#: The longest name that an account may have, in the widest letters, and one without any.
LONGEST = "W" * 200
_CODE = re.compile(r'<svg viewBox="0 0 (\d+) \1"><path stroke="#000" d="([^"]+)"/></svg>')
_STEP = re.compile(r"([Mm])(-?\d+) (-?[\d.]+)|h(\d+)")


@pytest.fixture
def bank() -> TimeBank:
    """A bank with three accounts: one with a name, one without, and one with the longest."""
    made = timebank.open("memory:", **sources())
    made.open_account("m1", name="Maria <Rossi> & figlia")
    made.open_account("f1", kind="group")
    made.open_account("m9", name=LONGEST)
    return made


def page_of(bank: TimeBank, account: str, number: int, size: int = 24, **options: Any) -> str:
    """The page of a booklet that is issued for it."""
    booklet = cheques.issue(bank, account, booklet=number, cheques=size)
    return cheques.booklet_html(booklet, bank.account(account), **options)


def read(page: str) -> list[str]:
    """What a reader of codes reads in each code of a page, in their order."""
    return [_read(int(size), path) for size, path in _CODE.findall(page)]


def _read(modules: int, path: str, scale: int = 4) -> str:
    """What one code says, drawn by its path: lines of a module's width from left to right."""
    picture = Image.new("L", (modules * scale, modules * scale), "white")
    draw = ImageDraw.Draw(picture)
    x, y = 0, 0.0
    for move, to_x, to_y, along in _STEP.findall(path):
        if along:
            end = (x + int(along)) * scale - 1
            top = int(y - 0.5) * scale
            draw.rectangle((x * scale, top, end, top + scale - 1), fill="black")
            x += int(along)
        elif move == "M":
            x, y = int(to_x), float(to_y)
        else:
            x, y = x + int(to_x), y + float(to_y)
    (found,) = zxingcpp.read_barcodes(picture)
    return str(found.text)


def printed(page: str) -> list[str]:
    """The numbers that stand in figures on a page: on each stub, and on each cheque."""
    return re.findall(r'<p class="number">([^<]+)</p>', page)


@pytest.mark.parametrize("language", words.languages())
@pytest.mark.parametrize("size", [1, 8, 9, 24, 99])
def test_each_cheque_stands_on_a_sheet_once(bank: TimeBank, size: int, language: str) -> None:
    """In figures on stub and cheque, and as a code, in the order of the booklet."""
    page = page_of(bank, "m1", 17, size, language=language)
    numbers = [str(one) for one in cheques.booklet(bank, 17).numbers]
    assert [one for number in numbers for one in (number, number)] == printed(page)
    assert numbers == read(page)
    sheets = page.split("<section")[1:]
    full, rest = divmod(size, ON_A_SHEET)
    assert [ON_A_SHEET] * full + [rest] * (rest > 0) == [s.count("<article") for s in sheets]


@pytest.mark.parametrize(
    "link", [LINK, "http://b.it/", f"https://{'a' * (MAX_LINK_CHARACTERS - 9)}/"]
)
def test_a_code_with_a_link_is_an_address_that_ends_with_the_number(
    bank: TimeBank, link: str
) -> None:
    """With the longest number too; and who scans one may enter what the scanner says."""
    codes = read(page_of(bank, "m1", 999_999_999, 2, link=link))
    assert [f"{link}999999999-01-89", f"{link}999999999-02-86"] == codes
    pile = cheques.pile_of([{"number": code, "earner": "f1", "hours": "1"} for code in codes])
    assert ["booked", "booked"] == [one.outcome for one in cheques.preview(bank, pile).lines]


@pytest.mark.parametrize(
    "link",
    [
        *("javascript:alert(1)/", "bdt.example/", "https://b.it/ x/", 'https://b.it/"/'),
        *("https://b\n.it/", "https://b.it", "https://"),
        f"https://{'a' * (MAX_LINK_CHARACTERS - 8)}/",
    ],
)
def test_a_link_is_an_address(bank: TimeBank, link: str) -> None:
    """Nothing else is put into a code."""
    with pytest.raises(InvalidRequest, match="a link is an address like https") as error:
        page_of(bank, "m1", 17, link=link)
    assert "Un link è un indirizzo" in timebank.explain(error.value, lang="it")


def test_only_what_is_out_is_printed(bank: TimeBank) -> None:
    """A cheque that was lost is not printed again, nor one that was entered."""
    cheques.issue(bank, "m1", booklet=17, cheques=4)
    cheques.enter(bank, "17-01-39", earner="f1", hours=1)
    cheques.void(bank, "17-03-33")
    maria = bank.account("m1")
    page = cheques.booklet_html(cheques.booklet(bank, 17), maria)
    assert ["17-02-36", "17-04-30"] == read(page)
    for number in read(page):
        cheques.void(bank, number)
    with pytest.raises(InvalidRequest, match="no cheque of booklet 17 is out"):
        cheques.booklet_html(cheques.booklet(bank, 17), maria)


def test_nobody_else_is_printed_as_who_spends(bank: TimeBank) -> None:
    """Who signs such a paper would spend another's hours."""
    made = cheques.issue(bank, "m1", booklet=17)
    with pytest.raises(InvalidRequest, match="booklet 17 is of 'm1', not 'f1'"):
        cheques.booklet_html(made, bank.account("f1"))
    bank.merge("m1", into="m9", reason="twice")
    with pytest.raises(InvalidRequest):
        cheques.booklet_html(cheques.booklet(bank, 17), bank.account("m1"))
    assert LONGEST in cheques.booklet_html(cheques.booklet(bank, 17), bank.account("m9"))


def test_names_are_text_and_no_html(bank: TimeBank) -> None:
    """Of the account, and of the association."""
    page = page_of(bank, "m1", 17, 1, title="<b>Banca</b> \u202e")
    assert "Maria &lt;Rossi&gt; &amp; figlia" in page
    assert "&lt;b&gt;Banca&lt;/b&gt;" in page
    assert "\u202e" not in page
    assert "Maria <Rossi> & figlia" in unescape(page)


def test_the_page_needs_nothing_else(bank: TimeBank) -> None:
    """No file, no script, no address but those in codes, which are no text."""
    page = page_of(bank, "m1", 17, title=TITLE, link=LINK)
    assert "default-src 'none'" in page
    assert [] == re.findall(r"<script|<img|<link|href=|src=|url\(|@import|https?:", page)


@pytest.mark.parametrize(
    ("language", "said"),
    [
        ("en", ["time cheque", "Hours spent by", "Signature", "What for"]),
        ("it", ["assegno-tempo", "Spende le ore", "Firma", "Attività", "A favore di"]),
    ],
)
def test_it_is_in_the_language_asked_for(bank: TimeBank, language: str, said: list[str]) -> None:
    """All words, and nothing of another."""
    page = page_of(bank, "m1", 17, language=language, title=TITLE)
    assert [] == [one for one in said if one not in page]
    assert f'<html lang="{language}">' in page


def test_a_language_without_words_is_refused(bank: TimeBank) -> None:
    """As on every paper."""
    with pytest.raises(InvalidRequest, match="no catalogue of words for 'xx'"):
        page_of(bank, "m1", 17, language="xx")


# -- as a browser prints it ----------------------------------------------------------------


@pytest.fixture(scope="module")
def browser() -> Iterator[webdriver.Chrome]:
    """Debian's Chromium."""
    with chromium() as chrome:
        yield chrome


#: What sticks out of its strip, or is wider than its box; a name may be cut in its second line.
_STICKS_OUT = """
const out = [];
for (const strip of document.querySelectorAll('.strip')) {
  const edge = strip.getBoundingClientRect();
  for (const one of strip.querySelectorAll('p, svg, i')) {
    const box = one.getBoundingClientRect();
    const is_empty = !box.height && one.tagName !== 'I';
    if (box.bottom > edge.bottom + 0.5 || box.right > edge.right + 0.5 || is_empty)
      out.push(one.className + ' ' + one.textContent);
    if (one.className !== 'number') continue;
    if (one.scrollWidth > one.clientWidth + 1 && one.closest('.stub'))
      out.push('cut: ' + one.textContent);
    const code = one.closest('.code');
    if (code && box.left < code.getBoundingClientRect().left - 2)
      out.push('wide: ' + one.textContent);
  }
}
return out;
"""


@pytest.mark.browser
@pytest.mark.parametrize("language", words.languages())
@pytest.mark.parametrize(
    "booklet",
    [("m1", 17, 24, TITLE), ("f1", 1, 1, ""), ("m9", 999_999_999, 99, "W" * 200)],
    ids=["usual", "unnamed", "longest"],
)
def test_on_paper_nothing_is_cut_off(
    bank: TimeBank,
    browser: webdriver.Chrome,
    tmp_path: Path,
    booklet: tuple[str, int, int, str],
    language: str,
) -> None:
    """Each sheet is one page of A4, and a reader reads all codes of the first as it is shown."""
    account, number, size, title = booklet
    made = page_of(bank, account, number, size, language=language, title=title)
    page = tmp_path / "booklet.html"
    page.write_text(made, "utf-8")
    browser.set_window_size(900, 1300)
    browser.get(page.as_uri())
    assert [] == browser.execute_script(_STICKS_OUT)
    told = browser.execute_cdp_cmd("Page.printToPDF", {"preferCSSPageSize": True})
    boxes = re.findall(rb"/MediaBox ?\[([^\]]+)\]", base64.b64decode(told["data"]))
    assert -(-size // ON_A_SHEET) == len(boxes)
    assert all([595, 842] == [round(float(one)) for one in box.split()[2:]] for box in boxes)
    shot = Image.open(io.BytesIO(browser.get_screenshot_as_png())).convert("L")
    seen = {one.text for one in zxingcpp.read_barcodes(shot.resize((1800, 2600)))}
    assert set(read(made)[: min(size, ON_A_SHEET)]) <= seen
