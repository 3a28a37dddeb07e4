"""What no form offers, but somebody may send: ids of others, the same form from many tabs."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import date
from pathlib import Path
from typing import Any

import attrs
import pytest

from association_site.projects import SERVED, asked, deployed, ledger, postgresql, seeded
from association_site.seeds import PASSWORD
from association_site.visitors import Page, Visitor
from timebank import TimeBank

pytestmark = pytest.mark.slow

AT_ONCE = 8
TODAY = date.today().isoformat()  # noqa: DTZ011 - the site's, on the same machine


@attrs.frozen
class Site:
    """The site as it is served, its bank, and the ids of what is Anna's."""

    address: str
    bank: TimeBank
    ids: dict[str, str]
    files: Path
    database: dict[str, str]
    stack: ExitStack
    visitors: dict[str, Visitor] = attrs.field(factory=dict)

    def visitor(self, name: str) -> Visitor:
        """Somebody who has signed in, once."""
        if name not in self.visitors:
            self.visitors[name] = self.stack.enter_context(Visitor(self.address, secure=True))
            assert 200 == self.visitors[name].sign_in(name).status
        return self.visitors[name]

    def count(self) -> int:
        """How many records the journal has."""
        return self.bank.head().sequence

    def asked(self, what: str, *words: str) -> Any:
        """What a function of `seeds` says of the site."""
        return asked(self.files, what, *words, **self.database)


@pytest.fixture(scope="module", params=["file", pytest.param("server", marks=pytest.mark.servers)])
def site(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Site]:
    """The community of the walk, on a file or on a server, served by two processes."""
    files = tmp_path_factory.mktemp("site")
    database = postgresql() if request.param == "server" else {}
    ids = seeded(files, "community", **SERVED, **database)
    with ExitStack() as stack:
        address = stack.enter_context(deployed(files, processes=2, threads=8, **database))
        bank = stack.enter_context(ledger(files, **database))
        yield Site(address, bank, ids, files, database, stack)
        assert bank.audit().ok


def at_once(visitor: Visitor, path: str, fields: dict[str, Any]) -> list[Page]:
    """What is answered to the same form, sent from several tabs at the same moment."""
    tabs = [Visitor(str(visitor.client.base_url), secure=True) for _ in range(AT_ONCE)]
    for tab in tabs:
        tab.client.cookies.update(dict(visitor.client.cookies))
    with ThreadPoolExecutor(AT_ONCE) as pool:
        answers = list(pool.map(lambda tab: tab.post(path, fields), tabs))
    for tab in tabs:
        tab.client.close()
    return answers


def filled_in(visitor: Visitor, path: str, field: str, **values: str) -> dict[str, Any]:
    """A form of a page that has a field, filled in."""
    form = visitor.get(path).form(field=field)
    assert values.keys() <= form.fields.keys(), form
    return {**form.fields, **values}


# -- the same at once ------------------------------------------------------------------------

SLIP = {"earner": "m-107", "spender": "m-108", "hours": "1"}
ONCE = {
    "hold": ("anna", "/propose/", "side", {"side": "received", "other": "m-102", "hours": "1"}),
    "proposal": ("anna", "/propose/", "side", {"side": "gave", "other": "m-102", "hours": "1"}),
    "slip": ("carla", "/desk/record/", "earner", SLIP),
    "numbered slip": ("carla", "/desk/record/", "earner", {**SLIP, "slip": "17"}),
    "account": ("carla", "/desk/accounts/open/", "kind", {"name": "Nuova", "username": "nuova"}),
    "booklet": ("carla", "/desk/cheques/issue/", "booklet", {"account": "m-107"}),
}  # fmt: skip
#: How many records each writes; a proposal by who earns is none of the journal's.
WRITES = {"hold": 1, "proposal": 0, "slip": 1, "numbered slip": 1, "account": 1, "booklet": 1}


@pytest.mark.parametrize("what", ONCE)
def test_a_form_that_is_sent_at_once_from_many_tabs_counts_once(site: Site, what: str) -> None:
    """And each of the tabs is told that it is done."""
    name, path, field, values = ONCE[what]
    visitor = site.visitor(name)
    before, rows = site.count(), len(site.asked("proposals"))
    answers = at_once(visitor, path, filled_in(visitor, path, field, **values))
    assert [302] * AT_ONCE == [page.status for page in answers], [page.said() for page in answers]
    assert WRITES[what] == site.count() - before
    assert (what == "proposal") == len(site.asked("proposals")) - rows


def test_one_of_two_answers_counts(site: Site) -> None:
    """To confirm and to decline at the same moment, from many tabs, is one of them."""
    anna, bruno = site.visitor("anna"), site.visitor("bruno")
    for side in ("gave", "received"):
        form = filled_in(anna, "/propose/", "side", side=side, other="m-102", hours="0:15")
        [id] = form["operation"]
        assert 302 == anna.post("/propose/", form).status
        kind = "proposals" if side == "gave" else "holds"
        token = {"csrfmiddlewaretoken": bruno.get("/").token()}
        before = site.count()
        with ThreadPoolExecutor(2) as pool:
            paths = [f"/{kind}/{id}/{how}/" for how in ("confirm", "decline")]
            answers = [pool.submit(at_once, bruno, path, token) for path in paths]
        done = [[page.status for page in one.result()].count(302) for one in answers]
        assert sorted(done) == [0, AT_ONCE], done
        assert site.count() - before in ({0, 1} if kind == "proposals" else {1})


def test_a_correction_is_made_once(site: Site) -> None:
    """Whoever of the desk presses the button, at the same moment."""
    carla = site.visitor("carla")
    path = f"/desk/corrections/{site.ids['corrections']}/"
    before = site.count()
    form = filled_in(carla, path, "answer", how="reverse", hours="0:15", answer="Ecco.")
    form.pop("operation", None)
    form["operation"] = [str(uuid.uuid4())]
    answers = at_once(carla, path, form)
    assert [302] * AT_ONCE == [page.status for page in answers]
    assert 1 == site.count() - before


def test_dues_are_charged_once(site: Site) -> None:
    """However many press the button at the same moment."""
    teresa = site.visitor("teresa")
    token = {"csrfmiddlewaretoken": teresa.get("/treasury/dues/").token(), "day": TODAY}
    answers = at_once(teresa, "/treasury/dues/", token)
    assert [302] * AT_ONCE == [page.status for page in answers]
    members = [one for one in site.bank.accounts() if one.kind == "member" and one.status == "open"]
    due = [one for one in site.bank.transfers() if one.kind == "dues"]
    assert sorted(one.id for one in members) == sorted(id for one in due for id in one.spenders)


# -- ids of others ---------------------------------------------------------------------------


def test_nobody_answers_for_another(site: Site) -> None:
    """Zeno sends what only Anna may: her proposals, her corrections, her delegates, her hours."""
    zeno, ids = site.visitor("zeno"), site.ids
    token = {"csrfmiddlewaretoken": zeno.get("/").token()}
    before = site.count(), site.asked("proposals")
    for path in (
        *(f"/proposals/{ids['proposals']}/{how}/" for how in ("confirm", "decline", "withdraw")),
        *(f"/holds/{ids['holds']}/{how}/" for how in ("confirm", "decline", "withdraw")),
        f"/transfers/{ids['transfers']}/correct/",
        "/desk/accounts/m-101/state/",
        "/desk/accounts/m-101/login/",
        "/desk/accounts/m-101/leave/",
        "/desk/cheques/7/",
        "/treasury/dues/",
    ):
        form = {**token, "operation": str(uuid.uuid4()), "text": "mio", "do": "freeze"}
        assert 403 == zeno.post(path, form).status, path
    ends = zeno.post("/profile/delegate/end/", {**token, "account": "m-111", "delegate": "m-105"})
    assert 403 == ends.status
    propose = filled_in(zeno, "/propose/", "side", side="received", other="m-102", hours="1")
    page = zeno.post("/propose/", {**propose, "mine": "m-101"})
    assert page.status in {200, 403}
    assert (*before,) == (site.count(), site.asked("proposals"))


def test_an_auditor_changes_nothing(site: Site) -> None:
    """Who reads all may press no button."""
    ugo, ids = site.visitor("ugo"), site.ids
    token = {"csrfmiddlewaretoken": ugo.get("/").token()}
    before = site.count(), site.asked("proposals")
    for path in (
        *(f"/proposals/{ids['proposals']}/{how}/" for how in ("confirm", "decline", "withdraw")),
        *(f"/holds/{ids['holds']}/{how}/" for how in ("confirm", "decline", "withdraw")),
        "/treasury/dues/",
        "/desk/accounts/m-101/state/",
    ):
        page = ugo.post(path, {**token, "do": "freeze", "day": TODAY})
        assert page.status in {200, 403}, (path, page.status)
    assert (*before,) == (site.count(), site.asked("proposals"))


def test_an_id_that_is_taken_books_nothing_else(site: Site) -> None:
    """A form with the id of what is of others is refused, and tells nothing."""
    zeno = site.visitor("zeno")
    before = site.count(), site.asked("proposals")
    for operation in (site.ids["proposals"], str(uuid.UUID(int=0)), "zeno-1", "demo-1", ""):
        form = filled_in(zeno, "/propose/", "side", side="gave", number="m-102", hours="1")
        page = zeno.post("/propose/", {**form, "operation": operation})
        if operation != str(uuid.UUID(int=0)):
            assert 200 == page.status, operation
            assert "Anna" not in " ".join(page.said())
    assert before[0] == site.count()
    assert before[1].items() <= site.asked("proposals").items()


# -- who was somebody else -------------------------------------------------------------------


def test_a_role_that_is_taken_away_is_gone_at_once(site: Site) -> None:
    """A form of the desk that was open is refused; the session of a member goes on."""
    site.asked("make", "dora", "coordinator")
    dora = site.visitor("dora")
    form = filled_in(dora, "/desk/record/", "earner", earner="m-107", spender="m-108", hours="1")
    site.asked("take_roles", "dora")
    before = site.count()
    assert 403 == dora.post("/desk/record/", form).status
    assert 200 == dora.get("/").status
    assert before == site.count()


def test_who_has_left_is_signed_out(site: Site) -> None:
    """A session that was open is over when the desk lets somebody leave."""
    sofia, carla = site.visitor("sofia"), site.visitor("carla")
    path = "/desk/accounts/m-110/leave/"
    form = filled_in(carla, path, "donate", donate="fondo")
    if site.bank.balance("m-110").posted.seconds < 0:
        earn = {"earner": "m-110", "spender": "m-108", "hours": "9", "day": TODAY}
        record = filled_in(carla, "/desk/record/", "earner", **earn)
        assert 302 == carla.post("/desk/record/", record).status
    page = carla.post(path, {**form, "confirm": "yes"})
    assert 302 == page.status, page.said()
    assert "/login/?next=/" == sofia.get("/").to
    with Visitor(site.address, secure=True) as again:
        assert "/login/" == again.sign_in("sofia").url


def test_nobody_is_sent_to_another_site(site: Site) -> None:
    """By an address after signing in, or after choosing a language."""
    for elsewhere in ("https://evil.example/", "//evil.example", "javascript:alert(1)", "\\\\evil"):
        with Visitor(site.address, secure=True) as anna:
            form = anna.get(f"/login/?next={elsewhere}").form(field="password")
            page = anna.send(form, username="anna", password=PASSWORD)
            assert "/" == page.to
            token = {"csrfmiddlewaretoken": anna.get("/").token()}
            page = anna.post("/language/", {**token, "language": "en", "next": elsewhere})
            assert "evil" not in page.to


# -- files -----------------------------------------------------------------------------------

FILES = {
    "empty": b"",
    "noise": bytes(range(256)) * 40,
    "picture": b"\x89PNG\r\n\x1a\n" + bytes(2_000),
    "pdf": b"%PDF-1.7\n%\xe2\xe3\n1 0 obj\n",
    "zip": b"PK\x03\x04" + bytes(3_000),
    "text": b"ciao",
    "utf-16": "Data;Ore\n1/1/2026;1\n".encode("utf-16"),
    "null": b"Data;Chi\0;Ore\n",
    "many columns": b";".join([b"x"] * 20_000) + b"\n",
    "large": b"x;y\n" * 1_500_000,
}


@pytest.mark.parametrize(
    "name",
    [
        "foglio.csv",
        pytest.param("foglio.xlsx", marks=pytest.mark.nightly),
        pytest.param("../../foglio.ods", marks=pytest.mark.nightly),
        pytest.param("\0.csv", marks=pytest.mark.nightly),
    ],
)
@pytest.mark.parametrize("what", FILES)
def test_what_is_no_sheet_is_refused_in_words(site: Site, what: str, name: str) -> None:
    """As an import, as a pile of cheques, and as a table of rates; nothing is booked."""
    before = site.count()
    teresa, carla = site.visitor("teresa"), site.visitor("carla")
    file = (name, FILES[what], "application/octet-stream")
    form = teresa.get("/treasury/import/").form(field="operation")
    pile = carla.get("/desk/cheques/enter/").forms()[-1]
    papers = teresa.get("/treasury/papers/").form(field="rates")
    for page in (
        teresa.send(form, files={"file": file}),
        carla.send(pile, files={"file": file}),
        teresa.send(papers, button="value", files={"rates_file": file}),
    ):
        assert page.status in {200, 302, 400}, (page.url, page.status)
    assert before == site.count()
