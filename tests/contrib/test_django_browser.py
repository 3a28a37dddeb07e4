"""The pages of the admin in headless Chromium: in both languages, light and dark, on a phone."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

from contrib.projects import PROJECT, Project
from reports.test_impact_browser import WIDTHS, browser, messages
from support import each_once

__all__ = ["browser"]  # a fixture
pytestmark = pytest.mark.browser

PAGES = {
    "en": {
        "account/": "Accounts",
        "account/m1/?since=": "Statement of m1 Maria R.",
        "account/x_2F_3Cb_3E1/?since=": "Statement of x/<b>1 <script>",
        "hold/?status=": "Holds",
        "record/": "Journal",
        "record/68/": "Record 68",
        "audit/": "Audit",
    },
    "it": {
        "account/": "Conti",
        "account/m1/?since=": "Estratto conto di m1 Maria R.",
        "account/x_2F_3Cb_3E1/?since=": "Estratto conto di x/<b>1 <script>",
        "hold/?status=": "Ore impegnate",
        "record/": "Registro",
        "record/68/": "Riga 68",
        "audit/": "Controllo",
    },
}
#: What sticks out of the window, or out of what scrolls within it.
OVERFLOWING = """
const out = [];
if (document.documentElement.scrollWidth > window.innerWidth) out.push('the page');
for (const element of document.querySelectorAll('#content *')) {
  const box = element.getBoundingClientRect();
  if (box.width && (box.right > window.innerWidth + 1 || box.left < -1))
    out.push(element.tagName + ' ' + element.className + ' ' + element.textContent.slice(0, 40));
}
return out;
"""
#: How bright a colour is, from 0 to 255: that of the page, and that of its words.
BRIGHTNESS = """
const bright = (colour) => colour.match(/\\d+/g).slice(0, 3).reduce((a, b) => a + Number(b), 0) / 3;
return [...document.querySelectorAll('#content h1, #content td, #content label, #content dd')].map(
  (element) => {
    let under = element, colour = 'rgba(0, 0, 0, 0)';
    while (under && (colour = getComputedStyle(under).backgroundColor) === 'rgba(0, 0, 0, 0)')
      under = under.parentElement;
    return [bright(colour), bright(getComputedStyle(element).color)];
  });
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The club's site, with a ledger of some months, as a server of its own."""
    project = Project(tmp_path_factory.mktemp("site"), DEBUG=True)
    project.settings["DATABASES"]["default"]["ATOMIC_REQUESTS"] = True
    project.manage("migrate", "-v0")
    done = project.run(str(PROJECT / "seed.py"))
    assert 0 == done.returncode, done.stderr
    key = project.folder / "bank.key"
    project.manage("timebank", "key", "make", str(key))
    project.settings["TIMEBANK"] = {"KEY": str(key)}
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        place = f"127.0.0.1:{free.getsockname()[1]}"
    command = [sys.executable, str(PROJECT / "manage.py"), "runserver", place, "--noreload"]
    with (project.folder / "log").open("wb") as log:
        server = subprocess.Popen(
            command, cwd=project.folder, env=project.environment(), stdout=log, stderr=log
        )
    try:
        wait_for(place, server, project.folder / "log")
        yield f"http://{place}/admin/"
    finally:
        server.terminate()
        server.wait()


def wait_for(place: str, server: subprocess.Popen[bytes], log: Path) -> None:
    """Wait until the server answers."""
    host, _, port = place.partition(":")
    for _ in range(300):
        assert server.poll() is None, log.read_text("utf-8")
        with socket.socket() as client:
            if client.connect_ex((host, int(port))) == 0:
                return
        time.sleep(0.1)
    message = f"the site did not start: {log.read_text('utf-8')}"
    raise RuntimeError(message)


def shown(browser: webdriver.Chrome, selector: str) -> str:
    """The text of an element, as soon as the page that has it is there."""
    found = WebDriverWait(browser, 30).until(
        lambda one: one.find_element(By.CSS_SELECTOR, selector)
    )
    return str(found.text)


@pytest.fixture(scope="module")
def signed_in(site: str, browser: webdriver.Chrome) -> webdriver.Chrome:
    """A browser in which anna has signed in."""
    browser.get(site)
    for name in ("username", "password"):
        browser.find_element(By.NAME, name).send_keys("anna")
    browser.find_element(By.CSS_SELECTOR, "input[type=submit]").click()
    assert shown(browser, ".app-timebank")
    browser.execute_cdp_cmd("Network.enable", {})
    return browser


@pytest.mark.parametrize(("device", "language"), each_once(WIDTHS, ["en", "it"]))
def test_the_pages_fit_and_say_what_they_are(
    signed_in: webdriver.Chrome, site: str, language: str, device: str
) -> None:
    """Nothing sticks out, nothing of a note runs, the language is the reader's."""
    headers = {"headers": {"Accept-Language": language}}
    signed_in.execute_cdp_cmd("Network.setExtraHTTPHeaders", headers)
    metrics = {"width": WIDTHS[device], "height": 900, "deviceScaleFactor": 1, "mobile": False}
    signed_in.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    messages(signed_in, "browser")
    for address, title in PAGES[language].items():
        signed_in.get(f"{site}timebank/{address}")
        assert signed_in.find_element(By.TAG_NAME, "h1").text.startswith(title)
        assert [] == signed_in.execute_script(OVERFLOWING), address
        assert language == signed_in.execute_script("return document.documentElement.lang")
    signed_in.find_element(By.CSS_SELECTOR, ".timebank input[type=submit]").click()
    verdict = shown(signed_in, ".timebank-verdict")
    assert verdict.startswith({"en": "All well", "it": "Tutto a posto"}[language])
    assert [] == [told for told in messages(signed_in, "browser") if "favicon" not in told]


@pytest.mark.parametrize(("device", "language"), each_once(WIDTHS, ["en", "it"]))
def test_a_record_leads_to_its_receipt(
    signed_in: webdriver.Chrome, site: str, language: str, device: str
) -> None:
    """It is a page to print, in the reader's language, and fits on a screen too."""
    headers = {"headers": {"Accept-Language": language}}
    signed_in.execute_cdp_cmd("Network.setExtraHTTPHeaders", headers)
    metrics = {"width": WIDTHS[device], "height": 900, "deviceScaleFactor": 1, "mobile": False}
    signed_in.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    messages(signed_in, "browser")
    signed_in.get(f"{site}timebank/record/66/")
    signed_in.find_element(By.CSS_SELECTOR, ".timebank-receipt .button").click()
    text = shown(signed_in, "pre#receipt")
    assert text.startswith("c2sp.org/tlog-proof@v1")
    heading = signed_in.find_element(By.TAG_NAME, "h1").text
    assert {"en": "Receipt of an exchange", "it": "Ricevuta di uno scambio"}[language] == heading
    width = signed_in.execute_script("return document.documentElement.scrollWidth")
    assert width <= WIDTHS[device]
    assert [] == [told for told in messages(signed_in, "browser") if "favicon" not in told]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_words_stand_out_in_the_dark_too(
    signed_in: webdriver.Chrome, site: str, scheme: str
) -> None:
    """The pages take the colours of the admin."""
    features = [{"name": "prefers-color-scheme", "value": scheme}]
    signed_in.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
    for address in ("account/", "account/m1/", "record/68/"):
        signed_in.get(f"{site}timebank/{address}")
        found = signed_in.execute_script(BRIGHTNESS)
        assert found
        for under, words in found:
            assert abs(under - words) > 90, (address, under, words)
            assert (under < 128) == (scheme == "dark")
