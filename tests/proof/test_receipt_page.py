"""The page that verifies receipts, in headless Chromium: offline, in two languages, on a phone."""

from __future__ import annotations

import json
import re
import subprocess
from base64 import b64encode
from collections.abc import Iterator
from datetime import date
from html import escape
from pathlib import Path

import pytest
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

from proof.strangers import KEY, NOTE, PAGE, WITNESS, Made, flipped, node, word, written
from proof.test_receipt_strangers import ALL, FORGED, UNLIKE, receipts
from reports.test_impact_browser import WIDTHS, browser, messages
from support import by_day
from timebank import InvalidRequest
from timebank.proof import NotProved, PublicKey, Receipt, SigningKey, verify_receipt
from timebank.proof.keys import _OF_ANYBODY
from timebank.reports.receipt_html import receipt_html

__all__ = ["browser"]  # a fixture

OVERFLOWING = """
const wide = document.documentElement.clientWidth;
return [...document.querySelectorAll('body *')].filter((element) => {
  const box = element.getBoundingClientRect();
  return box.width > 1 && (box.right > wide + 1 || box.left < -1);
}).map((element) => `${element.tagName} ${element.className} ${element.textContent.slice(0, 40)}`);
"""
#: It puts a file on the page as a mouse does that drops it.
DROP = """
const [text, name] = arguments, files = new DataTransfer();
files.items.add(new File([text], name));
document.body.dispatchEvent(
  new DragEvent('drop', {dataTransfer: files, bubbles: true, cancelable: true}));
"""
#: It asks the page's verifier about each of some receipts, in base64.
TAKEN = """
const [receipts, keys, done] = arguments;
(async () => {
  const taken = [];
  for (const [place, one] of receipts.entries())
    try {
      await verifyReceipt(Uint8Array.from(atob(one), (letter) => letter.charCodeAt(0)), keys);
      taken.push(place);
    } catch (error) {
      if (!(error instanceof Refused)) taken.push(String(error.stack));
    }
  done(taken);
})();
"""
#: What stands in the title of a verdict, by what it is.
VERDICTS = {
    "en": {"holds": "This receipt holds", "refused": "proves nothing"},
    "it": {"holds": "Questa ricevuta è valida", "refused": "non prova niente"},
}
#: Each device and each language once; all of them at night.
SEEN_BY_DAY = {("phone", "en"), ("desktop", "it")}


class Page:
    """The page, as a member has it before their eyes."""

    def __init__(self, browser: webdriver.Chrome) -> None:
        self.browser = browser

    def open(self, language: str = "en", *, kept: bool = False) -> Page:
        """Open it anew, with nothing remembered of before unless it is kept."""
        self.browser.get(PAGE.as_uri())
        if not kept:
            self.browser.execute_script("localStorage.clear()")
            self.browser.get(PAGE.as_uri())
        self.browser.find_element(By.CSS_SELECTOR, f"[data-language={language}]").click()
        return self

    def keys(self, *keys: object) -> Page:
        """Type public keys, one a line."""
        field = self.browser.find_element(By.ID, "keys")
        field.clear()
        field.send_keys("\n".join(map(str, keys)))
        return self

    def file(self, path: Path) -> Page:
        """Choose a file."""
        self.browser.find_element(By.ID, "file").send_keys(str(path))
        return self

    def verdict(self, expected: str, words: str = "") -> str:
        """Wait for a verdict with words in it; all that the page says of it."""
        selector = f'#result[data-verdict="{expected}"]:not([hidden])'

        def told(browser: webdriver.Chrome) -> str | None:
            text = browser.find_element(By.CSS_SELECTOR, selector).text
            return text if words in text else None

        return str(WebDriverWait(self.browser, 20).until(told))


@pytest.fixture
def page(browser: webdriver.Chrome) -> Iterator[Page]:
    """The page at a desk; nothing is told in the console."""
    sized(browser, "desktop")
    messages(browser, "browser")
    yield Page(browser)
    assert [] == messages(browser, "browser")


def sized(browser: webdriver.Chrome, device: str) -> None:
    """Make the window as wide as that of a device."""
    metrics = {"width": WIDTHS[device], "height": 900, "deviceScaleFactor": 1, "mobile": False}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, SigningKey]:
    """A folder with receipts of a bank, as text and as a page to print, and its key."""
    folder = tmp_path_factory.mktemp("receipts")
    found, key = receipts()
    for id, text in found.items():
        (folder / f"{id}.tlog-proof").write_bytes(text)
    checked = Receipt.of(found["visit"]).checked(key.public)
    html = receipt_html(checked, printed_on=date(2026, 3, 31), language="it")
    (folder / "visit.html").write_text(html, "utf-8")
    return folder, key


@pytest.mark.browser
@pytest.mark.parametrize(
    ("device", "language"),
    [
        pytest.param(
            device,
            language,
            marks=[] if (device, language) in SEEN_BY_DAY else pytest.mark.nightly,
        )
        for device in WIDTHS
        for language in VERDICTS
    ],
)
def test_it_says_who_gave_what_to_whom(
    page: Page, made: tuple[Path, SigningKey], language: str, device: str
) -> None:
    """On any screen, in either language; nothing sticks out and nothing is asked of a network."""
    folder, key = made
    sized(page.browser, device)
    messages(page.browser, "performance")
    page.open(language).keys(key.public, WITNESS.public)
    said = page.file(folder / "visit.tlog-proof").verdict("holds")
    gave = {
        "en": "Maria R. gave 1:30 hours to Famiglia Rossi on ",
        "it": "Maria R. ha dato 1:30 ore a",
    }
    for words in (
        VERDICTS[language]["holds"],
        gave[language],
        "to the clinic",
        WITNESS.public.name,
    ):
        assert words in said
    for id in ("part", "back", "hold", "settled", "hidden", "both", "paid"):
        page.open(language).keys(key.public).file(folder / f"{id}.tlog-proof").verdict("holds")
        assert [] == page.browser.execute_script(OVERFLOWING), id
    assert language == page.browser.execute_script("return document.documentElement.lang")
    asked = [
        json.loads(told)["message"]["params"]["request"]["url"]
        for told in messages(page.browser, "performance")
        if '"Network.requestWillBeSent"' in told
    ]
    assert {PAGE.as_uri()} == {*asked}


@pytest.mark.browser
def test_what_came_later_is_told(page: Page, made: tuple[Path, SigningKey]) -> None:
    """That it was taken back, put right, settled, or that an account became another."""
    folder, key = made
    for id, words in {
        "visit": ("stands", "put right", "to the hospital", "Maria R. is part of the account Luca"),
        "part": ("taken back in part", "1:00 hours went back"),
        "back": ("went back from Maria R. to Famiglia Rossi", "half of it"),
        "hold": ("reserved 1:00 hours", "concluded"),
        "settled": ("earned 1:00 hours",),
        "hidden": ("m1 gave 1:30 hours to f1", "not shown here"),
        "undone": ("taken back since", "concluded, and then taken back", "1:00 hours went back"),
        "both": ("Maria R. (1:00) and Luca (1:00) gave 2:00 hours to Famiglia Rossi (1:00) and",),
        "no-name": ("constructor gave 1:00 hours to Famiglia Rossi",),
        "paid": ("Maria R. gave 1:30 hours to Famiglia Rossi", "Fondo +0:10", "Rossi \u22120:10"),
    }.items():
        page.open().keys(key.public)
        said = page.file(folder / f"{id}.tlog-proof").verdict("holds")
        assert [] == [one for one in words if one not in said], (id, said)


@pytest.mark.browser
@pytest.mark.parametrize("language", ["en", "it"])
def test_what_does_not_hold_is_refused_and_not_shown(
    page: Page, tmp_path: Path, language: str
) -> None:
    """Not a word of it."""
    text = Made().text()
    file = tmp_path / "visit.tlog-proof"
    file.write_text(text.replace("index 2", "index 1"), "utf-8")
    said = page.open(language).keys(KEY.public).file(file).verdict("refused")
    assert VERDICTS[language]["refused"] in said
    assert "Maria" not in said
    other = SigningKey.make(KEY.public.name)
    file.write_text(text, "utf-8")
    said = page.open(language).keys(other.public).file(file).verdict("refused")
    assert "Maria" not in said


@pytest.mark.browser
def test_names_that_deceive_the_eye_are_told(page: Page, tmp_path: Path) -> None:
    """What turns a text round, or cannot be seen; tags of HTML are words like others."""
    file = tmp_path / "visit.tlog-proof"
    names = {"m1": "Ma\xadria\u202e.R\u3164\U000e0041", "f1": "<b>Luca</b>\n(m2)"}
    told = written(word() | {"names": names})
    file.write_text(Made(word=told).text(), "utf-8")
    said = page.open().keys(KEY.public).file(file).verdict("holds")
    assert "Ma[U+00AD]ria[U+202E].R[U+3164][U+E0041] gave" in said
    assert "to <b>Luca</b> \u21b5 [m2] on" in said
    assert [] == page.browser.find_elements(By.CSS_SELECTOR, "#result b")


@pytest.mark.browser
def test_a_key_with_which_anybody_signs_is_no_bank_s(page: Page, tmp_path: Path) -> None:
    """As our own program has it: each point of the curve that stays nothing."""
    file = tmp_path / "visit.tlog-proof"
    file.write_text(Made().text(), "utf-8")
    for number in {*_OF_ANYBODY, 2**255 - 1}:
        key = PublicKey(KEY.name, "ed25519", number.to_bytes(32, "little"))
        with pytest.raises(InvalidRequest):
            PublicKey.of(str(key))
        page.open().keys(key).file(file).verdict("needs_key", "anybody can sign")


@pytest.mark.browser
def test_a_page_has_one_receipt_or_none(page: Page, made: tuple[Path, SigningKey]) -> None:
    """The page and our own program find the same one in whatever stands around it, or none."""
    folder, key = made
    html = (folder / "visit.html").read_text("utf-8")
    (own,) = re.findall('<pre id="receipt">[^<]*</pre>', html)
    other = escape((folder / "part.tlog-proof").read_text("utf-8"))
    for around, has_one in {
        html.replace(own, f"<!-- {own} -->"): True,
        html.replace(own, f"<!-- {own} --><pre id=receipt>{other}</pre>"): True,
        html.replace(own, f"<pre id='receipt'>{other}</pre>"): False,
        html.replace(own, f'<pre class="x" id="receipt">{other}</pre>'): False,
        html.replace(own, f'<!-- {own} --><pre id="receipt">{other}</pre>'): False,
        html.replace(own, f"<script>{own}</script>"): True,
        html.replace('"receipt">', '"receipt" style="color: red">'): True,
        html.replace('"receipt">', '"receipt" title="<">'): False,
        html.replace("</pre>", "<b></b></pre>"): False,
        html.replace("\n", "\r\n"): True,
        html.replace("\n", "\r"): True,
        html.replace("\n", "&#13;\n"): False,
        html.replace('"receipt">', '"receipt">\n'): True,
        html.replace('"receipt">', '"receipt">\n\n'): False,
        html.replace("+", "&#43;").replace("=", "&equals;"): False,
        html.replace(own, own.replace("+", "&#x2B;").replace("A", "&#65;")): True,
    }.items():
        page.open().keys(key.public)
        page.browser.execute_script(DROP, around, "page.html")
        if has_one:
            assert verify_receipt(around, key.public).exchange.id == "visit"
            assert "Maria R. gave 1:30 hours" in page.verdict("holds")
        else:
            with pytest.raises(NotProved):
                verify_receipt(around, key.public)
            page.verdict("refused")


@pytest.mark.browser
def test_without_the_bank_s_key_nothing_is_said(page: Page, tmp_path: Path) -> None:
    """It asks for the key; of another bank, of nothing, or a secret one it tells which it is."""
    file = tmp_path / "visit.tlog-proof"
    file.write_text(Made().text(), "utf-8")
    assert KEY.public.name in page.open().file(file).verdict("needs_key")
    for wrong, words in {
        WITNESS.public: "the ones above are of others",
        "nonsense": "This is no public key",
        f"{KEY.public}"[:-2]: "This is no public key",
        f"PRIVATE+KEY+{KEY.public}": "secret key",
    }.items():
        page.keys(wrong).verdict("needs_key", words)
    page.keys(KEY.public).verdict("holds")


@pytest.mark.browser
def test_a_receipt_may_be_dropped_or_pasted(page: Page, made: tuple[Path, SigningKey]) -> None:
    """As text, as the page that was printed; without the end of its last line."""
    folder, key = made
    page.open().keys(key.public).verdict("needs_receipt")
    page.browser.execute_script(DROP, (folder / "visit.html").read_text("utf-8"), "visit.html")
    assert "Maria R. gave" in page.verdict("holds")
    page.browser.execute_script(DROP, "<p>nothing</p>", "page.html")
    assert "There is no receipt in it" in page.verdict("refused")
    twice = (folder / "visit.html").read_text("utf-8") * 2
    page.browser.execute_script(DROP, twice, "twice.html")
    assert "more than one" in page.verdict("refused")
    page.open().keys(key.public)
    page.browser.find_element(By.TAG_NAME, "summary").click()
    text = (folder / "visit.tlog-proof").read_text("utf-8")
    page.browser.find_element(By.ID, "text").send_keys(f"\n{text[:-1]} ")
    assert "Maria R. gave" in page.verdict("holds")


@pytest.mark.browser
def test_a_key_is_remembered_where_that_is_asked(page: Page, tmp_path: Path) -> None:
    """And forgotten again."""
    file = tmp_path / "visit.tlog-proof"
    file.write_text(Made().text(), "utf-8")
    page.open().keys(KEY.public)
    page.open(kept=True).file(file).verdict("needs_key")
    page.open().keys(KEY.public)
    page.browser.find_element(By.ID, "remember").click()
    assert NOTE in page.open(kept=True).file(file).verdict("holds")
    page.browser.find_element(By.ID, "remember").click()
    page.open(kept=True).file(file).verdict("needs_key")


@pytest.mark.browser
def test_a_bank_may_write_its_key_into_the_page(page: Page, tmp_path: Path) -> None:
    """Where the page says so: then a member has to drop the receipt only."""
    source, mark = PAGE.read_text("utf-8"), '<textarea id="keys"'
    before, field, after = source.partition(mark)
    with_key = before + field + after.replace("></textarea>", f">{KEY.public}</textarea>", 1)
    own = tmp_path / "our-receipts.html"
    own.write_text(with_key, "utf-8")
    file = tmp_path / "visit.tlog-proof"
    file.write_text(Made().text(), "utf-8")
    page.browser.get(own.as_uri())
    page.file(file).verdict("holds")


@pytest.mark.browser
def test_a_browser_that_is_too_old_says_so(page: Page, tmp_path: Path) -> None:
    """It gives no verdict."""
    file = tmp_path / "visit.tlog-proof"
    file.write_text(Made().text(), "utf-8")
    page.open("it").keys(KEY.public).verdict("needs_receipt")
    page.browser.execute_script("crypto.subtle.importKey = () => Promise.reject(new Error('no'))")
    page.file(file).verdict("too_old", "troppo vecchio")


@pytest.mark.browser
@pytest.mark.parametrize("stride", by_day(7))
def test_in_the_browser_too_no_bit_can_be_flipped(page: Page, stride: int) -> None:
    """Nor is anything taken that is forged."""
    page.open()
    page.browser.set_script_timeout(300)
    wrong = flipped(Made().text().encode(), stride)
    wrong += [one.text().encode() for one in (FORGED | UNLIKE).values()]
    packed = [b64encode(one).decode() for one in [*wrong, Made().text().encode()]]
    keys = [str(key.public) for key in ALL]
    assert [len(wrong)] == page.browser.execute_async_script(TAKEN, packed, keys)


def test_its_words_are_the_same_in_both_languages() -> None:
    """The same keys, with the same places in each; and each that the page looks up is there."""
    source = PAGE.read_text("utf-8")
    script = "const fs = require('fs'); const [, words] = /<script id=\"words\">([^]*?)<\\/script>/"
    script += ".exec(fs.readFileSync(process.argv[1], 'utf8'));"
    script += "console.log(JSON.stringify(eval(`${words}; WORDS`)))"
    told = subprocess.run(
        [node(), "-e", script, str(PAGE)], capture_output=True, text=True, check=True
    )
    words: dict[str, dict[str, str]] = json.loads(told.stdout)
    assert ["en", "it"] == [*words]
    assert [*words["en"]] == [*words["it"]]
    english, italian = words["en"], words["it"]
    assert {} == {key: one for key, one in english.items() if places(one) != places(italian[key])}
    assert [] == [key for key, one in words["it"].items() if not one.strip()]
    quoted = {*re.findall(r'"(\w+)"', source), *re.findall(r'data-say="(\w+)"', source)}
    stems = {re.sub("^(why|status)_|_(many|but)$", "", key): key for key in words["en"]}
    unused = {key for stem, key in stems.items() if stem not in quoted}
    assert all(key.startswith("kind_") for key in unused), (
        unused
    )  # these are looked up by the record
    codes = re.findall(r'(?:check\(.*, |Refused\()"(\w+)"(?:, \{[^}]*\})?\)', source)
    said = re.findall(r'(?:say|phrase)\("(\w+)"', source)
    assert {*said, *(f"why_{code}" for code in codes)} <= words["en"].keys()
    assert {"form", "inclusion", "signature", "word", "no_key", "browser"} <= {*codes}


def places(text: str) -> list[str]:
    """The names of the places in a sentence."""
    return sorted(one.partition("}")[0] for one in text.split("{")[1:])
