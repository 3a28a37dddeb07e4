"""Every page of the site in Chromium: on a phone, at a desk, with a keyboard or a reader."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Final

import attrs
import pytest
from selenium.webdriver.common.by import By

from association_site.axe import source, violations
from association_site.browsing import Browser
from association_site.projects import asked, demo, seeded
from association_site.test_walk import filled
from association_site.visitors import Visitor
from browsers import chromium

pytestmark = pytest.mark.browser

#: Whose pages they are, by how their addresses begin; the others are those of every member.
WHOSE: Final = {
    "/desk/": "carla",
    "/treasury/": "teresa",
    "/login/": "",
    "/welcome/": "",
    "/": "anna",
}
SIZES: Final = {"phone": (390, 844), "desktop": (1280, 900)}
NARROWEST: Final = 320


@attrs.frozen
class Site:
    """The site of the demo, a browser, and the pages that each of the people looks at."""

    browser: Browser
    pages: dict[str, list[str]]
    axe: str


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Serve it; what is no page, but a file or a redirect, is left out."""
    files = tmp_path_factory.mktemp("site")
    script = source(files)
    ids = seeded(files, "community")
    pages: dict[str, list[str]] = {}
    with ExitStack() as stack:
        address = stack.enter_context(demo(files))
        chrome = stack.enter_context(chromium(reaches="127.0.0.1"))
        visitors = {name: stack.enter_context(Visitor(address)) for name in WHOSE.values()}
        for name, visitor in visitors.items():
            if name:
                visitor.sign_in(name)
        for route in asked(files, "routes"):
            name = next(name for begin, name in WHOSE.items() if route.startswith(begin))
            page = visitors[name].get(filled(route, ids))
            if page.status == 200 and page.headers["content-type"].startswith("text/html"):
                pages.setdefault(name, []).append(page.url)
        yield Site(Browser(chrome, address), pages, script)


@pytest.mark.parametrize("language", ["it", "en"])
@pytest.mark.parametrize("device", SIZES)
def test_nobody_is_kept_from_a_page(site: Site, device: str, language: str) -> None:
    """axe-core finds nothing, the console is empty, and no page is wider than a small phone."""
    browser, wrong = site.browser, list[object]()
    for name, paths in site.pages.items():
        browser.language(language)
        browser.sign_out()
        if name:
            browser.sign_in(name)
        for path in paths:
            browser.size(*SIZES[device])
            browser.get(path)
            wrong += [(name, path, one) for one in violations(browser.chrome, site.axe)]
            assert language == browser.chrome.find_element(By.TAG_NAME, "html").get_attribute(
                "lang"
            )
            browser.size(NARROWEST, 800)
            if browser.width() > NARROWEST:
                wrong.append((name, path, f"it is {browser.width()} pixels wide"))
            wrong += [(name, path, one) for one in browser.complaints()]
    assert [] == wrong
