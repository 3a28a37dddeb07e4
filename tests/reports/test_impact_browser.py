"""The impact report in headless Chromium: in both languages, on a phone and at a desk."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from selenium import webdriver

import timebank
from browsers import chromium
from support import each_once
from timebank import TimeBank
from timebank.reports.impact_html import impact_html

pytestmark = pytest.mark.browser

WIDTHS = {"phone": 390, "desktop": 1280}
AREAS = ("family help", "territorial hubs", "co-housing", "digital platforms", "mobility")
#: Elements that stick out of the page, or whose text sticks out of them.
OVERFLOWING = """
const wide = document.documentElement.clientWidth;
const out = [];
for (const element of document.querySelectorAll('body *')) {
  if (element.closest('svg') && element.tagName !== 'svg') continue;
  const box = element.getBoundingClientRect();
  if (box.right > wide + 1 || box.left < -1) out.push(element.tagName + ' ' + element.className);
  if (element.scrollWidth > element.clientWidth + 1 && element.clientWidth
      && getComputedStyle(element).display !== 'inline') out.push('in ' + element.tagName);
}
return out;
"""
#: Words of charts that stick out of their drawing.
CUT = """
const out = [];
for (const svg of document.querySelectorAll('svg')) {
  const frame = svg.getBoundingClientRect();
  for (const text of svg.querySelectorAll('text')) {
    const box = text.getBoundingClientRect();
    if (box.right > frame.right + 1 || box.left < frame.left - 1 || box.bottom > frame.bottom + 1)
      out.push(text.textContent);
  }
}
return out;
"""


@pytest.fixture(scope="module")
def community() -> TimeBank:
    """Two years of sixty members, families, a cooperative and a fund."""
    chance = random.Random(7)  # a community, not a secret
    now = datetime(2025, 12, 31, 9, 0, tzinfo=UTC)
    bank = timebank.open("memory:", clock=lambda: now)
    with bank.batch() as batch:
        ids = [f"m{number}" for number in range(60)]
        for id in ids:
            batch.open_account(id, floor=None, joined_on=date(2023, 6, 1))
        for id, kind in (("rossi", "group"), ("coop", "organisation"), ("fund", "fund")):
            batch.open_account(id, kind=kind, floor=None)
        for _ in range(900):
            earner, spender = chance.sample([*ids, "rossi", "coop", "fund"], 2)
            batch.transfer(
                earner=earner,
                spender=spender,
                hours=f"{chance.choice([30, 45, 60, 120, 180])}m",
                occurred_on=date(2024, 1, 1) + timedelta(days=chance.randrange(700)),
                area=chance.choice([*AREAS, None, "a very long word for an area of welfare" * 2]),
                category=chance.choice(["care", "garden", "Supercalifragilistichespiralidoso"]),
                resource=chance.choice(["time", "space", None]),
                via=chance.choice(["coop", None]),
            )
    return bank


@pytest.fixture(scope="module")
def browser() -> Iterator[webdriver.Chrome]:
    """Debian's Chromium, without a window, and with no network but this machine."""
    with chromium(reaches="127.0.0.1") as chrome:
        yield chrome


def messages(browser: Any, log: str) -> list[str]:
    """What a log of the browser says since it was asked last."""
    return [entry["message"] for entry in browser.get_log(log)]


@pytest.mark.parametrize(("device", "language"), each_once(WIDTHS, ["en", "it"]))
def test_nothing_overflows_and_nothing_is_asked_for(
    browser: webdriver.Chrome, community: TimeBank, tmp_path: Path, language: str, device: str
) -> None:
    """Nothing sticks out of the page or of a chart; nothing else is asked for; no error is told."""
    page = tmp_path / f"impact-{language}.html"
    page.write_text(impact_html(community.impact(), language), "utf-8")
    metrics = {"width": WIDTHS[device], "height": 900, "deviceScaleFactor": 1, "mobile": False}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    messages(browser, "performance")
    browser.get(page.as_uri())
    assert WIDTHS[device] == browser.execute_script("return window.innerWidth")
    assert [] == browser.execute_script(OVERFLOWING)
    assert [] == browser.execute_script(CUT)
    # All of them both give and receive: that chart is a sentence.
    assert 3 == browser.execute_script("return document.querySelectorAll('figure svg').length")
    assert language == browser.execute_script("return document.documentElement.lang")
    sent = [told for told in messages(browser, "performance") if "requestWillBeSent" in told]
    assert all(page.as_uri() in told for told in sent)
    assert [] == messages(browser, "browser")


def test_it_prints(browser: webdriver.Chrome, community: TimeBank, tmp_path: Path) -> None:
    """On paper it is a few pages, and all of its tables are there."""
    page = tmp_path / "impact.html"
    page.write_text(impact_html(community.impact(), "it"), "utf-8")
    browser.get(page.as_uri())
    printed = browser.execute_cdp_cmd("Page.printToPDF", {"printBackground": False})
    assert 20_000 < len(printed["data"])
