"""The story of a month: five people at five browsers, from signing in to the assembly's report.

Each figure on a screen is compared with books that this test keeps by itself, from what it has
seen done (`books.py`). The site is in Italian, as its people are. `TIMEBANK_PICTURES` names a
folder that is to have a picture of each step.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import date, datetime, timedelta
from fractions import Fraction
from pathlib import Path
from zoneinfo import ZoneInfo

import attrs
import pytest
from selenium.webdriver.common.by import By

from association_site.books import Books, Entry
from association_site.browsing import Browser
from association_site.projects import SITE, demo, manage, ran, seeded
from association_site.visitors import Visitor
from browsers import chromium

pytestmark = pytest.mark.browser

TODAY = datetime.now(ZoneInfo("Europe/Rome")).date()  # the site's
PASSWORD = "una-frase-mia-2026"  # noqa: S105 - of people of a story
NAMES = {
    "anna": "Anna Ferrari",
    "bruno": "Bruno Conti",
    "luca": "Luca Moretti",
    "carla": "Carla Rizzo",
    "teresa": "Teresa Galli",
}
ROSA, PAOLO, FUND = "Rosa Colombo", "Paolo Greco", "Fondo comune"
RESERVED, COMING = "Impegnate, per ciò che ricevi", "In arrivo, per ciò che hai dato"


def seconds(text: str) -> int:
    """The seconds of hours as a page shows them."""
    found = re.fullmatch(r"([+-]?)(\d+):(\d\d)", text.strip())
    assert found is not None, text
    sign = -1 if found[1] == "-" else 1
    return sign * (int(found[2]) * 3600 + int(found[3]) * 60)


def day(ago: int) -> str:
    """A day of the month that is told of, as a form takes it."""
    return (TODAY - timedelta(days=ago)).isoformat()


def hours(seconds: int) -> str:
    """Seconds as a page shows them."""
    minutes = abs(seconds) // 60
    return f"{'-' * (seconds < 0)}{minutes // 60}:{minutes % 60:02}"


@attrs.define
class Exchange:
    """What the papers are to say of one: with what is left of its hours."""

    earner: str
    spender: str
    day: date
    category: str
    seconds: int


class Story:
    """Who takes part, with a browser each, and the books that the test keeps by their names."""

    def __init__(self, browsers: dict[str, Browser]) -> None:
        self.of = browsers
        self.books = Books()
        self.ids: dict[str, str] = {}
        self.exchanges: list[Exchange] = []
        self._count = 0

    def book(self, earner: str, spender: str, hours: str) -> str:
        """Write down that hours were booked; the number of the entry."""
        return self._entry(self.books.book, earner, spender, hours)

    def exchanged(
        self, earner: str, spender: str, hours: str, ago: int, category: str = ""
    ) -> Exchange:
        """Write down that an exchange was booked, for the papers too."""
        self.book(earner, spender, hours)
        return self.told(earner, spender, hours, ago, category)

    def told(self, earner: str, spender: str, hours: str, ago: int, category: str) -> Exchange:
        """Write down for the papers what an exchange was."""
        when = TODAY - timedelta(days=ago)
        self.exchanges.append(Exchange(earner, spender, when, category, seconds(hours)))
        return self.exchanges[-1]

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
            assert held.get(name, 0) == seconds(shown.get(RESERVED, "0:00")), (who, shown)
            assert coming.get(name, 0) == seconds(shown.get(COMING, "0:00")), (who, shown)
        carla = self.of["carla"]
        carla.get("/desk/accounts/")
        listed = {name: seconds(shown) for name, shown in carla.column("Saldo").items()}
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
    they_exchange(story)
    story.check()
    one_is_refused(story)
    story.check()
    one_acts_for_another(story)
    story.check()
    one_is_put_right(story)
    story.check()
    cheques_come_in(story)
    story.check()
    one_leaves(story)
    story.check()
    dues_are_charged(story)
    story.check()
    the_assembly_reads(story)
    the_ledger_is_well(story, tmp_path)


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


# -- members ---------------------------------------------------------------------------------


def propose(browser: Browser, side: str, other: str, hours: str, ago: int, **more: str) -> None:
    """Fill in the form for a proposal, and send it."""
    browser.get("/propose/")
    browser.fill(side=side, other=other, hours=hours, day=day(ago), **more)
    browser.picture("propose")
    browser.press("Invia la proposta")


def they_exchange(story: Story) -> None:
    """One proposes what she gave, one what he received; these are confirmed, one is declined."""
    anna, bruno, luca = (story.of[who] for who in ("anna", "bruno", "luca"))
    times = {"started_at": "15:00", "ended_at": "16:30", "category": "compagnia"}
    propose(anna, "gave", NAMES["bruno"], "1,5", 27, **times)
    assert "1:30" in anna.said(), anna.text()
    story.check()  # it reserves nothing
    bruno.get("/")
    bruno.picture("asked")
    bruno.press("Conferma")
    story.exchanged(NAMES["anna"], NAMES["bruno"], "1:30", 27, "compagnia")
    story.check()

    propose(bruno, "received", NAMES["luca"], "2", 25, category="riparazioni")
    held = story.reserve(NAMES["luca"], NAMES["bruno"], "2:00")
    story.check()
    luca.get("/")
    luca.press("Conferma")
    story.books.settle(held, held)
    story.told(NAMES["luca"], NAMES["bruno"], "2:00", 25, "riparazioni")
    story.check()

    propose(anna, "gave", NAMES["bruno"], "1:15", 24, category="compagnia")
    bruno.get("/")
    bruno.press("Rifiuta")
    bruno.picture("declines")
    assert "Rifiutat" in bruno.said(), bruno.text()


def one_is_refused(story: Story) -> None:
    """Bruno, at -3:30 of -5:00, would spend ten hours: he reads how many he has left."""
    bruno = story.of["bruno"]
    propose(bruno, "received", NAMES["anna"], "10", 22)
    bruno.picture("refused")
    words = (
        "Bruno Conti non può spendere 10:00: il saldo può scendere fino a -5:00, "
        "quindi può spendere ancora 1:30."
    )
    assert words in bruno.said(), bruno.text()


def one_acts_for_another(story: Story) -> None:
    """Carla lets Luca act for Rosa, who has no login; Anna confirms what he proposes for her."""
    carla, luca, anna = (story.of[who] for who in ("carla", "luca", "anna"))
    carla.get(f"/desk/accounts/{story.ids[ROSA]}/delegate/")
    carla.fill(person=NAMES["luca"])
    carla.picture("delegate")
    carla.press("main form button.main")
    luca.get("/propose/")
    luca.fill(mine=ROSA)
    luca.fill(side="received", other=NAMES["anna"], hours="1h", day=day(20), category="spesa")
    luca.picture("for-rosa")
    luca.press("Invia la proposta")
    held = story.reserve(NAMES["anna"], ROSA, "1:00")
    luca.get("/")
    shown = luca.figures(ROSA)
    assert (0, 3600) == (seconds(shown["Saldo"]), seconds(shown[RESERVED])), shown
    story.check()
    anna.get("/")
    anna.press("Conferma")
    story.books.settle(held, held)
    story.told(NAMES["anna"], ROSA, "1:00", 20, "spesa")


def one_is_put_right(story: Story) -> None:
    """Anna says that it was half an hour less; Carla takes it back, and Anna reads the answer."""
    anna, carla = story.of["anna"], story.of["carla"]
    anna.get(f"/accounts/{story.ids[NAMES['anna']]}/statement/")
    anna.picture("statement")
    anna.chrome.find_element(By.CSS_SELECTOR, "main summary").click()
    anna.press("1:30")
    anna.fill(text="Era un'ora, non un'ora e mezza.")
    anna.picture("asks")
    anna.press("main form button.main")
    carla.get("/desk/corrections/")
    carla.press("main .card a.button")
    carla.fill(how="reverse", hours="0:30", answer="Hai ragione, tolta mezz'ora.")
    carla.picture("corrects")
    carla.press("Rispondi")
    story.book(NAMES["bruno"], NAMES["anna"], "0:30")
    story.exchanges[0].seconds -= seconds("0:30")
    anna.get("/corrections/")
    anna.picture("answered")
    assert "Hai ragione, tolta mezz'ora." in anna.text()


# -- the desk --------------------------------------------------------------------------------


def cheques_come_in(story: Story) -> None:
    """Rosa has a booklet; a pile is booked, a lost cheque is voided, and refused when it comes."""
    carla = story.of["carla"]
    carla.get("/desk/cheques/issue/")
    carla.fill(account=ROSA, cheques=8)
    carla.picture("issues")
    carla.press("main form button.main")
    numbers = [one.text for one in carla.chrome.find_elements(By.CSS_SELECTOR, "main .number")]
    assert 8 == len(numbers)
    carla.picture("booklet")
    carla.get("/desk/cheques/1/print/")
    carla.picture("cheques")

    carla.get("/desk/cheques/enter/")
    lines = (
        (0, "Anna Ferrari", "1", 15),
        (1, "Bruno Conti", "0:45", 13),
        (0, "Luca Moretti", "2", 12),
    )
    for n, (cheque, earner, hours, ago) in enumerate(lines):
        carla.fill_line(n, number=numbers[cheque], earner=earner, hours=hours, day=day(ago))
    carla.picture("pile")
    carla.press("main .row button.main")
    carla.picture("pile-preview")
    assert "ogni numero conta una volta" in carla.text()
    carla.fill_line(2, number="", earner="", hours="", day="")
    carla.press("main .row button.main")
    carla.picture("pile-mended")
    carla.press("Registra questi assegni")
    story.exchanged(NAMES["anna"], ROSA, "1:00", 15)
    story.exchanged(NAMES["bruno"], ROSA, "0:45", 13)
    carla.picture("pile-booked")
    story.check()

    carla.get("/desk/cheques/1/")
    carla.fill(which=numbers[2], reason="Caduto dalla borsa")
    carla.press("main form button")
    carla.picture("voided")
    carla.get("/desk/cheques/enter/")
    carla.fill_line(0, number=numbers[2], earner="Luca Moretti", hours="1", day=day(5))
    carla.press("main .row button.main")
    carla.picture("presented")
    assert "smarrito" in carla.text(), carla.text()


def one_leaves(story: Story) -> None:
    """Paolo's slip counts once; he leaves: the dues of the year, and what is left to the fund."""
    carla = story.of["carla"]
    for said in ("Registrat", "già"):
        carla.get("/desk/record/")
        carla.fill(
            earner=PAOLO,
            spender=NAMES["luca"],
            hours="2:30",
            day=day(10),
            slip="7",
            category="spesa",
        )
        carla.press("main form button.main")
        assert said in carla.said(), carla.text()
    story.exchanged(PAOLO, NAMES["luca"], "2:30", 10, "spesa")
    story.check()
    carla.get(f"/desk/accounts/{story.ids[PAOLO]}/leave/")
    carla.fill(donate=FUND, reason="Si trasferisce")
    carla.press("Mostra che cosa succede")
    carla.picture("leaving")
    carla.press("Sì, fai tutto questo")
    story.book(FUND, PAOLO, "2:00")
    story.book(FUND, PAOLO, "0:30")
    carla.picture("left")


# -- the treasurer ---------------------------------------------------------------------------


def dues_are_charged(story: Story) -> None:
    """Teresa charges the dues of the year: two hours of each member who was there in January."""
    teresa = story.of["teresa"]
    teresa.sign_in("teresa")
    teresa.get("/treasury/dues/")
    teresa.picture("dues")
    owing = [*NAMES.values(), ROSA]
    assert dict.fromkeys(owing, "2:00") == {
        name: hours for name, hours in teresa.column("Ore").items() if name in owing
    }
    teresa.press("Addebita queste quote")
    assert "Addebitate a 6 conti: 12:00" in teresa.said(), teresa.text()
    teresa.picture("charged")
    for name in owing:
        story.book(FUND, name, "2:00")


def the_assembly_reads(story: Story) -> None:
    """The balances, the audit, the report, the register and the value are those of the books."""
    teresa, entries = story.of["teresa"], story.books.booked.values()
    teresa.get("/treasury/balances/")
    teresa.picture("balances")
    posted = story.books.posted()
    for title, expected in (
        ("Dato", {name: sum(e.seconds for e in entries if e.earner == name) for name in story.ids}),
        (
            "Ricevuto",
            {name: sum(e.seconds for e in entries if e.spender == name) for name in story.ids},
        ),
        ("Saldo", {name: posted.get(name, 0) for name in story.ids}),
    ):
        shown = teresa.column(title)
        assert expected == {name: seconds(shown[name]) for name in story.ids}, title
    teresa.get("/treasury/audit/")
    teresa.press("Controlla adesso")
    teresa.picture("audit")
    assert "Tutto a posto" in teresa.text()

    total = sum(one.seconds for one in story.exchanges)
    month = [one for one in story.exchanges if one.day >= TODAY.replace(day=1)]
    teresa.get("/treasury/")
    teresa.picture("treasury")
    figures = teresa.figures("La banca oggi")
    assert str(len(month)) == figures["Scambi di questo mese"]
    assert sum(one.seconds for one in month) == seconds(figures["Ore di questo mese"])
    assert sum(one for one in posted.values() if one > 0) == seconds(
        figures["Somma dei saldi positivi"]
    )

    teresa.get(f"/treasury/impact/?since={day(30)}&until={day(0)}")
    teresa.picture("impact")
    text = " ".join(teresa.body().split())
    active = {name for one in story.exchanges for name in (one.earner, one.spender)}
    count, members = len(story.exchanges), len(active)
    assert f"{hours(total)} Ore {count} Scambi {members} Soci attivi" in text, text
    for kind, amount in (("quota", "14:00"), ("donazione", "0:30")):
        assert re.search(rf"{kind} \d+ {amount}", text), text

    check_register(story)
    check_value(story)


def paper(story: Story, button: str, **fields: str) -> list[list[str]]:
    """The rows of one of the yearly papers, of the month of the story."""
    teresa = story.of["teresa"]
    teresa.get("/treasury/papers/")
    teresa.fill(since=day(30), until=day(0), **fields)
    teresa.press(f"main button[name={button}]")
    teresa.picture(button)
    return teresa.rows()[1:]


def check_register(story: Story) -> None:
    """The register has each exchange, by day, and the sum of the hours that are left."""
    rows = paper(story, "register")
    order = sorted(story.exchanges, key=lambda one: one.day)
    assert [
        [
            one.earner,
            f"{one.day:%d/%m/%Y}",
            hours(one.seconds),
            one.spender,
            one.category or "non indicata",
        ]
        for one in order
    ] == [[row[0], row[1], row[4], row[5], row[6]] for row in rows[:-1]]
    assert hours(sum(one.seconds for one in order)) == rows[-1][4]


def check_value(story: Story) -> None:
    """The value is the exact sum of hours by their rates, rounded once."""
    rates = {"compagnia": 1235, "riparazioni": 1500}  # cents an hour; 10.01 for all others
    table = "categoria;tariffa\ncompagnia;12,35\nriparazioni;15\n*;10,01"
    rows = paper(story, "value", rates=table)
    worth = sum(
        Fraction(one.seconds, 3600) * rates.get(one.category, 1001) for one in story.exchanges
    )
    cents = int(worth + Fraction(1, 2))
    [total] = [row for row in rows if row[0] == "Totale"]
    assert f"{cents // 100},{cents % 100:02}" == total[-1], rows


def the_ledger_is_well(story: Story, files: Path) -> None:
    """The audit, run as a program, finds nothing; a stranger's verifier reads the whole journal."""
    assert "All well" in manage(files, "timebank", "audit", TIMEBANK_LANG="en")
    with Visitor(story.of["teresa"].address) as teresa:
        teresa.sign_in("teresa")
        journal = files / "journal.jsonl"
        journal.write_bytes(teresa.get("/treasury/export/journal/").content)
    verifier = SITE.parent / "verify_journal.py"
    told = [line.split("\t") for line in ran(files, str(verifier), str(journal)).splitlines()]
    found = {id: int(seconds) for id, *more in told for seconds in more}
    posted = story.books.posted()
    assert {id: posted.get(name, 0) for name, id in story.ids.items()} == found
