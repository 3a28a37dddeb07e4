"""Every page of the site, for everybody who may come: a stranger, members, who has a role."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Final, NamedTuple

import attrs
import pytest

from association_site.projects import SERVED, asked, deployed, ledger, seeded
from association_site.visitors import Page, Visitor
from timebank import TimeBank

pytestmark = pytest.mark.slow

#: Who comes, in the order of the columns below.
PEOPLE: Final = ("stranger", "anna", "zeno", "carla", "teresa", "ugo")
#: What each is answered. All ids in addresses are those of Anna's: her account, what is proposed to
#: her, her correction; but the welcome is Giulia's, who has not come yet. 302 is the way to where
#: one signs in, but for those in `ELSEWHERE`.
TABLE: Final = """
                                       stranger anna  zeno  carla    teresa    ugo
address                                -        her   other coordin. treasurer auditor
/                                      302      200   200   200      200       200
/accounts/<path:id>/statement/         302      200   403   200      200       200
/propose/                              302      200   200   200      200       200
/transfers/<path:id>/correct/          302      200   403   200      200       200
/corrections/                          302      200   200   200      200       200
/people/                               302      200   200   200      200       200
/profile/                              302      200   200   200      200       200
/profile/listed/                       302      405   405   405      405       405
/profile/delegate/                     302      200   200   200      200       200
/profile/delegate/end/                 302      405   405   405      405       405
/proposals/<uuid:id>/confirm/          302      405   405   405      405       405
/holds/<path:id>/confirm/              302      405   405   405      405       405
/proposals/<uuid:id>/decline/          302      405   405   405      405       405
/holds/<path:id>/decline/              302      405   405   405      405       405
/proposals/<uuid:id>/withdraw/         302      405   405   405      405       405
/holds/<path:id>/withdraw/             302      405   405   405      405       405
/desk/                                 302      403   403   200      403       403
/desk/record/                          302      403   403   200      403       403
/desk/cheques/                         302      403   403   200      403       403
/desk/cheques/enter/                   302      403   403   200      403       403
/desk/cheques/issue/                   302      403   403   200      403       403
/desk/cheques/<int:number>/            302      403   403   200      403       403
/desk/cheques/<int:number>/print/      302      403   403   200      403       403
/desk/accounts/                        302      403   403   200      403       403
/desk/accounts/open/                   302      403   403   200      403       403
/desk/accounts/<path:id>/state/        302      403   403   405      403       403
/desk/accounts/<path:id>/login/        302      403   403   405      403       403
/desk/accounts/<path:id>/delegate/     302      403   403   200      403       403
/desk/accounts/<path:id>/delegate/end/ 302      403   403   405      403       403
/desk/accounts/<path:id>/leave/        302      403   403   200      403       403
/desk/accounts/<path:id>/              302      403   403   200      403       403
/desk/corrections/                     302      403   403   200      403       403
/desk/corrections/<uuid:pk>/           302      403   403   200      403       403
/desk/calendar/                        302      403   403   200      403       403
/desk/calendar/<int:year>/<int:month>/ 302      403   403   200      403       403
/desk/holds/<path:id>/                 302      403   403   200      403       403
/treasury/                             302      403   403   200      200       200
/treasury/audit/                       302      403   403   200      200       200
/treasury/head/                        302      403   403   200      200       200
/treasury/balances/                    302      403   403   200      200       200
/treasury/dues/                        302      403   403   200      200       200
/treasury/impact/                      302      403   403   200      200       200
/treasury/papers/                      302      403   403   200      200       200
/treasury/export/                      302      403   403   200      200       200
/treasury/export/<str:name>/           302      403   403   200      200       200
/treasury/import/                      302      403   403   200      200       200
/treasury/import/<uuid:id>/            302      403   403   403      200       403
/treasury/import/<uuid:id>/book/       302      405   405   405      405       405
/treasury/import/<uuid:id>/quarantine/ 302      403   403   403      200       403
/login/                                200      302   302   302      302       302
/password/                             302      200   200   200      200       200
/welcome/<uidb64>/<token>/             302      302   302   302      302       302
/language/                             302      302   302   302      302       302
"""
ELSEWHERE: Final = {
    "/login/": "/",
    "/language/": "/",
    "/welcome/<uidb64>/<token>/": "set-password/",
}
#: What Anna must not come to know: his name, and the hours that Zeno exchanged with another.
SECRETS: Final = ("Zeno", "Riservato", "7:43")
HEADERS: Final = {
    "content-security-policy": "default-src 'none'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "cross-origin-opener-policy": "same-origin",
    "referrer-policy": "same-origin",
    "strict-transport-security": "max-age=31536000; includeSubDomains; preload",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
}


class Step(NamedTuple):
    """A page of the site, as the resolver has it, who asked for it, and what was answered."""

    route: str
    name: str
    page: Page


@attrs.frozen
class Site:
    """The site as it is served, who has come to it, and what they saw."""

    paths: dict[str, str]  # by its address, as the resolver has it: the same with ids in it
    visitors: dict[str, Visitor]
    walked: list[Step]
    bank: TimeBank


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """The community of the demo and a few more, served, with everybody signed in."""
    files = tmp_path_factory.mktemp("site")
    ids = seeded(files, "community", **SERVED)
    paths = {route: filled(route, ids) for route in asked(files, "routes")}
    del paths["/logout/"]  # it has a test of its own
    with ExitStack() as stack:
        address = stack.enter_context(deployed(files, processes=1))
        visitors = {name: stack.enter_context(Visitor(address, secure=True)) for name in PEOPLE}
        for name, visitor in visitors.items():
            if name != "stranger":
                assert 200 == visitor.sign_in(name).status
        bank = stack.enter_context(ledger(files))
        walked = [
            Step(route, name, visitor.get(path))
            for route, path in paths.items()
            for name, visitor in visitors.items()
        ]
        yield Site(paths, visitors, walked, bank)


def filled(route: str, ids: dict[str, str]) -> str:
    """An address with ids in it, by the names of its parameters, or by the words before them."""
    parts = route.split("/")
    for n, part in enumerate(parts):
        if part.startswith("<"):
            name = part.strip("<>").rpartition(":")[2]
            key = name if name in ids else parts[n - 1]
            assert key in ids, f"say in seeds.community() what stands for {part} in {route}"
            parts[n] = ids[key]
    return "/".join(parts)


def table(text: str) -> dict[str, list[str]]:
    """The rows of a table by their first word."""
    rows = [line.split() for line in text.strip().splitlines()]
    return {row[0]: row[1:] for row in rows if row[0].startswith("/")}


def test_each_page_is_for_whom_it_is(site: Site) -> None:
    """All addresses of the site are in the table, and answer each of the people as it says."""
    found: dict[str, list[str]] = {}
    for route, _, page in site.walked:
        found.setdefault(route, []).append(str(page.status))
    shown = "".join(f"\n{route:40} {'   '.join(row)}" for route, row in found.items())
    assert table(TABLE) == found, shown


def test_who_has_not_signed_in_is_asked_to(site: Site) -> None:
    """And comes then to where they wanted to go."""
    for route, name, page in site.walked:
        if page.status == 302 and route in ELSEWHERE:
            assert page.to.endswith(ELSEWHERE[route]), route
        elif page.status == 302:
            assert ("stranger", f"/login/?next={page.url}") == (name, page.to)


def test_a_member_sees_nothing_of_who_is_nothing_to_them(site: Site) -> None:
    """Neither the name nor the hours of another are on any page of Anna's; the desk has both."""
    seen: dict[str, set[str]] = {}
    for _, name, page in site.walked:
        seen.setdefault(name, set()).update(one for one in SECRETS if one in page.text)
    assert set() == seen["anna"] | seen["stranger"]
    assert set(SECRETS) == seen["carla"] == seen["teresa"]


def test_every_answer_has_the_headers(site: Site) -> None:
    """Pages, redirects and refusals alike; none sets a cookie that goes by plain HTTP."""
    for route, name, page in site.walked:
        assert {key: page.headers.get(key) for key in HEADERS} == HEADERS, (route, name)
        assert {"private", "no-store"} <= set(page.headers["cache-control"].split(", ")), route
    for visitor in site.visitors.values():
        assert all(visitor.cookies.values())


def test_nothing_is_sent_from_elsewhere(site: Site) -> None:
    """What is posted without the token of a form of the site is refused, whatever the address."""
    head = site.bank.head()
    for path in [*site.paths.values(), "/logout/"]:
        for name, visitor in site.visitors.items():
            assert 403 == visitor.post(path, {}).status, (path, name)
    assert head == site.bank.head()


def test_no_form_fails_where_it_is_empty(site: Site) -> None:
    """Whoever sends it, wherever; nobody without a role changes anything by it."""
    head, failed = site.bank.head(), []
    for name in ("stranger", "zeno", "ugo", "anna", "carla", "teresa"):
        visitor = site.visitors[name]
        token = {"csrfmiddlewaretoken": visitor.get("/niente/").token()}
        for path in site.paths.values():
            page = visitor.post(path, token)
            if page.status not in {200, 302, 400, 403, 404, 405}:
                failed.append((name, path, page.status))
        if name in {"stranger", "zeno", "ugo"}:
            assert head == site.bank.head(), name
    assert [] == failed


def test_what_is_not_there_is_said_in_the_language_of_who_asks(site: Site) -> None:
    """In a page of the site, with the way back."""
    page = site.visitors["anna"].get("/niente/")
    assert 404 == page.status
    assert "This page is not here" in page.text
    assert "/" in page.links()


def test_who_signs_out_is_a_stranger(site: Site) -> None:
    """And the session is over, whoever has kept its cookie."""
    with Visitor(str(site.visitors["anna"].client.base_url), secure=True) as anna:
        anna.sign_in("anna")
        kept = dict(anna.client.cookies)
        out = anna.send(anna.get("/").form(action="/logout/"))
        assert (302, "/login/") == (out.status, out.to)
        anna.client.cookies.update(kept)
        assert 302 == anna.get("/").status
