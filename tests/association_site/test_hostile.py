"""Whatever is written into an address or a form, no page of the site fails.

Who has signed in may be a hurried member, or somebody who tries what a form does not offer. Each
test is on a file and on a server, which take other texts badly.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import attrs
import pytest

from association_site.projects import SERVED, asked, deployed, ledger, postgresql, seeded
from association_site.test_walk import filled
from association_site.visitors import Form, Visitor
from timebank import TimeBank

pytestmark = pytest.mark.slow

#: By day; the others at night.
BY_DAY: Final = {"null", "long"}
TEXTS: Final = {
    "script": "<script>alert(1)</script>",
    "quote": "'\"><img src=x onerror=alert(1)>{{ 7*7 }}{% debug %}",
    "direction": "\u202etxt.exe\u2066\u200f",
    "null": "a\0b",
    "controls": "a\x01\x1b[31m\x7f\x85\u2028b\r\nc",
    "surrogate": "\ufffe\U0010ffff",
    "long": "è" * 20_000,
    "number": "9" * 400,
    "negative": "-1",
    "nan": "NaN",
    "infinity": "1e999999",
    "date": "99999-13-45",
    "digits": "٣",
    "path": "../../../etc/passwd",
    "sql": "'; DROP TABLE exchange_person; --",
    "empty": "   ",
}
EACH: Final = [
    pytest.param(text, id=name, marks=[] if name in BY_DAY else pytest.mark.nightly)
    for name, text in TEXTS.items()
]
#: What pages read of an address, behind the question mark.
ASKED: Final = (
    *("q", "page", "since", "until", "day", "number", "account", "other", "mine", "next", "csv"),
    *("sheet", "earner", "spender", "hours", "started_at", "source"),
)


@attrs.frozen
class Site:
    """The site as it is served, who has signed in, its addresses, and its bank."""

    paths: dict[str, str]
    visitors: dict[str, Visitor]
    bank: TimeBank
    files: Path
    database: dict[str, str]


@pytest.fixture(
    scope="module",
    params=["file", pytest.param("server", marks=[pytest.mark.servers, pytest.mark.nightly])],
)
def site(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Site]:
    """The community of the walk, on a file or on a server."""
    files = tmp_path_factory.mktemp("site")
    database = postgresql() if request.param == "server" else {}
    ids = seeded(files, "community", **SERVED, **database)
    paths = {route: filled(route, ids) for route in asked(files, "routes")}
    del paths["/logout/"]
    with ExitStack() as stack:
        address = stack.enter_context(deployed(files, processes=1, threads=8, **database))
        visitors = {}
        for name in ("anna", "zeno", "carla", "teresa"):
            visitors[name] = stack.enter_context(Visitor(address, secure=True))
            visitors[name].sign_in(name)
        bank = stack.enter_context(ledger(files, **database))
        yield Site(paths, visitors, bank, files, database)


def owner(path: str) -> str:
    """Whose page it is."""
    begins = {"/desk/": "carla", "/treasury/": "teresa"}
    return next((name for begin, name in begins.items() if path.startswith(begin)), "anna")


@pytest.mark.parametrize("text", EACH)
def test_no_text_in_an_address_makes_a_page_fail(site: Site, text: str) -> None:
    """Neither as an id nor behind the question mark."""
    failed = list[object]()
    for route, path in site.paths.items():
        visitor = site.visitors[owner(route)]
        hostile = "/".join(
            quote(text[:200], safe="") if part.startswith("<") else part
            for part in route.split("/")
        )
        given = "&".join(f"{name}={quote(text[:30])}" for name in ASKED)
        for address in {hostile, f"{path}?{given}"}:
            page = visitor.get(address)
            if page.status not in {200, 302, 400, 403, 404, 405}:
                failed.append((address[:200], page.status))
            if "<script>alert" in page.content.decode("utf-8", "replace"):
                failed.append((address[:200], "script"))
    assert [] == failed


@pytest.mark.parametrize("text", EACH)
def test_no_text_in_a_form_makes_a_page_fail(site: Site, text: str) -> None:
    """In each field of each form, by who may use it: it is refused in words, or kept as it is."""
    failed = list[object]()
    for route, path in site.paths.items():
        if route.startswith(("/language", "/password", "/login")):
            continue
        visitor = site.visitors[owner(route)]
        for form in visitor.get(path).forms():
            if form.method != "post" or form.action in {"/logout/", "/language/"}:
                continue
            for fields in hostile_fields(form, text):
                page = visitor.send(form, **fields)
                if page.status not in {200, 302, 400, 403, 404, 405}:
                    failed.append((form.action, list(fields), page.status))
                if "<script>alert" in page.content.decode("utf-8", "replace"):
                    failed.append((form.action, list(fields), "script"))
    assert [] == failed


def hostile_fields(form: Form, text: str) -> Iterator[dict[str, Any]]:
    """Fields of a form with a text in them: in each one, and in all at once."""
    names = [name for name in form.fields if name != "csrfmiddlewaretoken"]
    for name in names:
        yield {name: text}
    yield dict.fromkeys((one for one in names if one != "operation"), text)
