"""Every page of the site in Chromium: on a phone, at a desk, with a keyboard or a reader."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Final

import attrs
import pytest
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement

from association_site.axe import source, violations
from association_site.browsing import Browser
from association_site.projects import asked, demo, seeded
from association_site.seeds import PASSWORD
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
SEND: Final = "main form.fields button.main"
#: Whether one sees that an element has the focus: it has an outline, and is not out of the window.
OUTLINE: Final = """
const style = getComputedStyle(arguments[0]), box = arguments[0].getBoundingClientRect();
return {seen: style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) > 0 && box.right > 0};
"""


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
    assert [] == wrong, "\n".join(map(str, wrong))


def test_nobody_is_kept_from_what_a_form_says(site: Site) -> None:
    """Each form is sent as it stands: the page that says what is missing is as good."""
    browser, wrong, sent = site.browser, list[object](), 0
    browser.language("it")
    browser.size(*SIZES["phone"])
    for name, paths in site.pages.items():
        browser.sign_out()
        if name:
            browser.sign_in(name)
        for path in paths:
            browser.get(path)
            if browser.chrome.find_elements(By.CSS_SELECTOR, SEND):
                sent += 1
                browser.press(SEND)
                wrong += [(name, path, one) for one in violations(browser.chrome, site.axe)]
                wrong += [(name, path, one) for one in browser.complaints()]
    assert sent > 10
    assert [] == wrong, "\n".join(map(str, wrong))


def test_a_flow_needs_nothing_but_the_keyboard(site: Site) -> None:
    """To sign in, to propose and to confirm: with Tab, Space and Enter, and the focus is seen."""
    browser = site.browser
    browser.language("en")
    browser.size(*SIZES["desktop"])
    browser.sign_out()
    browser.get("/login/")
    type_in(browser, "username", "bruno")
    type_in(browser, "password", PASSWORD)
    press_by_key(browser, "Sign in")
    browser.get("/propose/")
    to(browser, lambda one: one.get_attribute("name") == "side").send_keys(Keys.SPACE)
    to(browser, lambda one: one.get_attribute("name") == "other").send_keys("Anna")
    type_in(browser, "hours", "1:15")
    press_by_key(browser, "Send the proposal")
    assert "1:15" in browser.said(), browser.text()
    browser.sign_out()
    browser.sign_in("anna")
    press_by_key(browser, "Confirm")
    assert browser.said()


def to(browser: Browser, wanted: Callable[[WebElement], bool]) -> WebElement:
    """Go on with Tab until the focus is where it is wanted; each stop on the way can be seen."""
    for _ in range(80):
        ActionChains(browser.chrome).send_keys(Keys.TAB).perform()
        element = browser.chrome.switch_to.active_element
        if element.tag_name == "body":
            continue
        style = browser.chrome.execute_script(OUTLINE, element)
        assert style["seen"], element.get_attribute("outerHTML")
        if wanted(element):
            return element
    msg = f"Tab does not lead there: {browser.text()}"
    raise AssertionError(msg)


def type_in(browser: Browser, name: str, text: str) -> None:
    """Write into a field that the keyboard leads to."""
    to(browser, lambda one: one.get_attribute("name") == name).send_keys(text)


def press_by_key(browser: Browser, text: str) -> None:
    """Press a button that the keyboard leads to, with Enter, and wait for the next page."""
    page = browser.chrome.find_element(By.TAG_NAME, "html")
    to(browser, lambda one: one.text.strip() == text).send_keys(Keys.ENTER)
    browser.wait_after(page)


def test_no_script_is_needed(site: Site) -> None:
    """With JavaScript switched off, one signs in, proposes, and the other confirms."""
    browser = site.browser
    browser.language("it")
    browser.chrome.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    try:
        browser.sign_out()
        browser.sign_in("luca")
        browser.get("/propose/")
        browser.fill(mine="Luca Moretti")
        browser.fill(side="gave", other="Giulia Serra", hours="0:45")
        browser.press("Invia la proposta")
        assert "0:45" in browser.said()
        browser.sign_out()
        browser.sign_in("giulia")
        browser.press("Conferma")
        assert browser.said()
    finally:
        browser.chrome.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})
