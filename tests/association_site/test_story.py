"""The story of a month: five people at five browsers, from signing in to the assembly's report.

Each figure on a screen is compared with books that this test keeps by itself, from what it has
seen done (`books.py`). The site is in Italian, as its people are. `TIMEBANK_PICTURES` names a
folder that is to have a picture of each step.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import date, timedelta
from pathlib import Path

import pytest

from association_site.books import Books, Entry
from association_site.browsing import Browser
from association_site.projects import demo, seeded
from browsers import chromium

pytestmark = pytest.mark.browser

TODAY = date.today()  # noqa: DTZ011 - the site's, on the same machine
PASSWORD = "una-frase-mia-2026"  # noqa: S105 - of people of a story
NAMES = {
    "anna": "Anna Ferrari",
    "bruno": "Bruno Conti",
    "luca": "Luca Moretti",
    "carla": "Carla Rizzo",
    "teresa": "Teresa Galli",
}
ROSA, PAOLO, FUND = "Rosa Colombo", "Paolo Greco", "Fondo comune"


def seconds(text: str) -> int:
    """The seconds of hours as a page shows them."""
    found = re.fullmatch(r"([+-]?)(\d+):(\d\d)", text.strip())
    assert found is not None, text
    sign = -1 if found[1] == "-" else 1
    return sign * (int(found[2]) * 3600 + int(found[3]) * 60)


def day(ago: int) -> str:
    """A day of the month that is told of, as a form takes it."""
    return (TODAY - timedelta(days=ago)).isoformat()


class Story:
    """Who takes part, with a browser each, and the books that the test keeps by their names."""

    def __init__(self, browsers: dict[str, Browser]) -> None:
        self.of = browsers
        self.books = Books()
        self.ids: dict[str, str] = {}
        self._count = 0

    def book(self, earner: str, spender: str, hours: str) -> str:
        """Write down that hours were booked; the number of the entry."""
        return self._entry(self.books.book, earner, spender, hours)

    def reserve(self, earner: str, spender: str, hours: str) -> str:
        """Write down that hours were reserved."""
        return self._entry(self.books.reserve, earner, spender, hours)

    def _entry(self, keep: object, earner: str, spender: str, hours: str) -> str:
        self._count += 1
        id = f"story-{self._count}"
        assert callable(keep)
        keep(Entry(id, earner, spender, seconds(hours)))
        return id

    # -- what is compared ------------------------------------------------------------------

    def check(self) -> None:
        """Compare what each sees with the books: their own figures, and the desk's list."""
        posted, held = self.books.posted(), self.books.held()
        coming = self.books.coming()
        for who in ("anna", "bruno", "luca"):
            browser, name = self.of[who], NAMES[who]
            browser.get("/")
            shown = browser.figures(name)
            assert posted.get(name, 0) == seconds(shown["Saldo"]), (who, shown)
            assert held.get(name, 0) == seconds(shown.get("Ore riservate", "0:00")), (who, shown)
            assert coming.get(name, 0) == seconds(shown.get("In arrivo", "0:00")), (who, shown)
        carla = self.of["carla"]
        carla.get("/desk/accounts/")
        listed = {row[0]: seconds(row[4]) for row in carla.rows()[1:]}
        assert {name: posted.get(name, 0) for name in listed} == listed


@pytest.fixture
def story(tmp_path: Path) -> Iterator[Story]:
    """An association that begins, five people before five browsers."""
    ids = seeded(tmp_path, "beginning")
    with ExitStack() as stack:
        address = stack.enter_context(demo(tmp_path))
        browsers = {}
        for who in NAMES:
            chrome = stack.enter_context(chromium(reaches="127.0.0.1"))
            browsers[who] = Browser(chrome, address, who)
            browsers[who].language("it")
            browsers[who].size(*((390, 844) if who in ("anna", "luca") else (1280, 900)))
        story = Story(browsers)
        story.ids |= ids
        yield story


def test_the_story_of_a_month(story: Story, tmp_path: Path) -> None:
    """From signing in to the report for the assembly, each figure is what it has to be."""
    people_join(story)
    story.check()


def people_join(story: Story) -> None:
    """Carla opens five accounts; who uses the site chooses a password by a link, once."""
    carla = story.of["carla"]
    carla.sign_in("carla")
    carla.picture("signed-in")
    for name, username in (
        *((NAMES[who], who) for who in ("anna", "bruno", "luca")),
        (ROSA, ""),
        (PAOLO, ""),
    ):
        carla.get("/desk/accounts/open/")
        carla.fill(name=name, joined_on=f"{TODAY.year - 1}-01-01", username=username)
        carla.picture("open")
        carla.press("Apri il conto")
        assert f"{name}" in carla.said(), carla.text()
        [story.ids[name]] = re.findall(r"p-[0-9a-f]{12}", carla.chrome.current_url)
        if username:
            carla.picture("link")
            [path] = re.findall(r"/welcome/\S+", carla.text())
            choose_a_password(story.of[username], path, username)


def choose_a_password(browser: Browser, path: str, username: str) -> None:
    """Follow the link, choose, sign in."""
    browser.get(path)
    browser.picture("welcome")
    browser.fill(new_password1=PASSWORD, new_password2=PASSWORD)
    browser.press("Scegli questa password")
    browser.sign_in(username, PASSWORD)
    assert "/" == browser.chrome.current_url.removeprefix(browser.address), browser.text()
    browser.get(path)
    assert "link" in browser.said(), browser.text()  # it was used
    browser.get("/profile/")
    browser.press("Mettimi in rubrica")
