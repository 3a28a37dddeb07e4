"""Somebody with a browser: signs in, fills in what has a label, presses what has a name."""

from __future__ import annotations

from selenium import webdriver
from selenium.webdriver.common.by import By

from association_site.seeds import PASSWORD


class Browser:
    """A browser that looks at the site."""

    def __init__(self, chrome: webdriver.Chrome, address: str, name: str = "") -> None:
        self.chrome, self.address, self.name = chrome, address, name
        self._pictures = 0
        chrome.execute_cdp_cmd("Network.enable", {})

    def language(self, language: str) -> None:
        """Prefer a language."""
        headers = {"headers": {"Accept-Language": language}}
        self.chrome.execute_cdp_cmd("Network.setExtraHTTPHeaders", headers)

    def size(self, width: int, height: int) -> None:
        """Be so large."""
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        self.chrome.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)

    def get(self, path: str) -> None:
        """Go to a page."""
        self.chrome.get(self.address + path)

    def sign_in(self, username: str) -> None:
        """Sign in."""
        self.get("/login/")
        for field, value in (("username", username), ("password", PASSWORD)):
            self.chrome.find_element(By.NAME, field).send_keys(value)
        self.chrome.find_element(By.CSS_SELECTOR, "main button.main").click()

    def sign_out(self) -> None:
        """Forget the session, as one who closes the browser."""
        self.chrome.delete_all_cookies()

    def width(self) -> int:
        """How wide the page is, in pixels; what scrolls within it does not count."""
        return int(self.chrome.execute_script("return document.documentElement.scrollWidth"))

    def complaints(self) -> list[str]:
        """What stands in the console since it was asked for last."""
        return [str(one["message"]) for one in self.chrome.get_log("browser")]  # type: ignore[no-untyped-call]
