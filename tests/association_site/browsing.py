"""Somebody with a browser: signs in, fills in forms, presses what has a name, reads figures."""

from __future__ import annotations

import base64
import os
from pathlib import Path
from typing import Any

from selenium import webdriver
from selenium.common.exceptions import StaleElementReferenceException, WebDriverException
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.ui import Select, WebDriverWait

from association_site.seeds import PASSWORD


class Browser:
    """A browser that looks at the site; `name` is of whose it is."""

    def __init__(self, chrome: webdriver.Chrome, address: str, name: str = "") -> None:
        self.chrome, self.address, self.name = chrome, address, name
        chrome.execute_cdp_cmd("Network.enable", {})

    # -- how it looks ----------------------------------------------------------------------

    def language(self, language: str) -> None:
        """Prefer a language."""
        headers = {"headers": {"Accept-Language": language}}
        self.chrome.execute_cdp_cmd("Network.setExtraHTTPHeaders", headers)

    def size(self, width: int, height: int) -> None:
        """Be so large."""
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        self.chrome.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)

    def picture(self, what: str) -> None:
        """Keep a picture of the whole page, where `TIMEBANK_PICTURES` names a folder."""
        folder = os.environ.get("TIMEBANK_PICTURES")
        if folder is None:
            return
        count = len(list(Path(folder).glob("*.png")))
        whole = {"captureBeyondViewport": True}
        data = self.chrome.execute_cdp_cmd("Page.captureScreenshot", whole)["data"]
        path = Path(folder) / f"{count:03}-{self.name}-{what}.png"
        path.write_bytes(base64.b64decode(data))

    # -- where it goes ---------------------------------------------------------------------

    def get(self, path: str) -> None:
        """Go to a page."""
        self.chrome.get(self.address + path)

    def sign_in(self, username: str, password: str = PASSWORD) -> None:
        """Sign in."""
        self.get("/login/")
        self.fill(username=username, password=password)
        self.press("main button.main")

    def sign_out(self) -> None:
        """Forget the session, as one who closes the browser."""
        self.chrome.delete_all_cookies()

    # -- what it does ----------------------------------------------------------------------

    def fill(self, **fields: Any) -> None:
        """Write into fields of the page's content, choose, or tick, by their names."""
        for name, value in fields.items():
            found = self.chrome.find_elements(By.CSS_SELECTOR, f"main [name='{name}']")
            shown = [one for one in found if one.is_displayed()]
            assert shown, f"{name} is not on {self.chrome.current_url}: {self.text()}"
            self._write(shown, str(value))

    def fill_line(self, n: int, **fields: Any) -> None:
        """Write into fields of the line `n` of a form that has several, from 0."""
        for name, value in fields.items():
            found = self.chrome.find_elements(By.CSS_SELECTOR, f"main [name='{name}']")
            self._write([found[n]], str(value))

    def _write(self, found: list[WebElement], value: str) -> None:
        element, kind = found[0], found[0].get_attribute("type")
        if element.tag_name == "select":
            choice = Select(element)
            [option] = [one for one in choice.options if value in one.text.split(" (")]
            choice.select_by_visible_text(option.text)
        elif kind in {"radio", "checkbox"}:
            [one] = [
                one for one in found if kind == "checkbox" or one.get_attribute("value") == value
            ]
            one.click()
        elif kind in {"date", "time"}:  # how these are typed is the machine's language
            self.chrome.execute_script("arguments[0].value = arguments[1]", element, value)
        else:
            element.clear()
            element.send_keys(value)

    def press(self, what: str) -> None:
        """Press a button or follow a link, by its text or a selector; wait for the next page."""
        page = self.chrome.find_element(By.TAG_NAME, "html")
        if what.startswith("main "):
            self.chrome.find_element(By.CSS_SELECTOR, what).click()
        else:
            every = self.chrome.find_elements(By.CSS_SELECTOR, "main button, main a, nav a")
            found = [one for one in every if one.text.strip() == what]
            found = found or [one for one in every if what in one.text]
            assert found, f"no {what} on {self.chrome.current_url}: {self.text()}"
            found[0].click()
        self.wait_after(page)

    def wait_after(self, page: WebElement) -> None:
        """Wait until a page is gone, of which this is the root."""
        WebDriverWait(self.chrome, 30).until(lambda _: _is_gone(page))

    # -- what it reads ---------------------------------------------------------------------

    def text(self) -> str:
        """The text of the page's content."""
        return str(self.chrome.find_element(By.TAG_NAME, "main").text)

    def body(self) -> str:
        """The text of a page that is a paper, without the site's frame."""
        return str(self.chrome.find_element(By.TAG_NAME, "body").text)

    def said(self) -> str:
        """What the site says of what was done last, or why it was not."""
        found = self.chrome.find_elements(By.CSS_SELECTOR, ".messages li, .errorlist li, .refusal")
        return " ".join(one.text for one in found)

    def figures(self, card: str = "") -> dict[str, str]:
        """The figures of the page, by their names; of the part that has a title, if it is given."""
        script = """
          const parts = [...document.querySelectorAll('main section, main')].filter((one) =>
            one.tagName === 'MAIN' ? !arguments[0] :
            (one.querySelector('h2')?.textContent ?? '').trim().startsWith(arguments[0]));
          return Object.fromEntries([...parts[0].querySelectorAll('.figures > div')].map((one) =>
            ['dt', 'dd'].map((name) => one.querySelector(name).textContent.trim())));
        """
        return dict(self.chrome.execute_script(script, card))

    def rows(self) -> list[list[str]]:
        """The rows of the page's tables, cell by cell."""
        script = """
          return [...document.querySelectorAll('tr')].map((row) =>
            [...row.querySelectorAll('th, td')].map((one) => one.innerText.trim()));
        """
        return list(self.chrome.execute_script(script))

    def column(self, title: str) -> dict[str, str]:
        """A column of the page's first table, by the first line of the first cell of each row."""
        head, *rows = self.rows()
        n = head.index(title)
        return {row[0].partition("\n")[0]: row[n] for row in rows if len(row) > n}

    def width(self) -> int:
        """How wide the page is, in pixels; what scrolls within it does not count."""
        return int(self.chrome.execute_script("return document.documentElement.scrollWidth"))

    def complaints(self) -> list[str]:
        """What stands in the console since it was asked for last."""
        return [str(one["message"]) for one in self.chrome.get_log("browser")]  # type: ignore[no-untyped-call]


def _is_gone(element: WebElement) -> bool:
    try:
        element.is_enabled()
    except StaleElementReferenceException:
        return True
    except WebDriverException as error:  # the driver notices it a moment before the browser
        if "does not belong to the document" not in str(error):
            raise
        return True
    return False
