"""Debian's Chromium, for the pages that people see."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from selenium import webdriver
from selenium.webdriver.chrome.service import Service


@contextmanager
def chromium(*, reaches: str = "") -> Iterator[webdriver.Chrome]:
    """A browser without a window, which keeps logs and has no network but the host it `reaches`."""
    program, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if program is None or driver is None:
        assert os.environ.get("TIMEBANK_CHROMIUM") != "required", "chromium is not installed"
        pytest.skip("Chromium is not installed: the packages chromium and chromium-driver have it")
    options = webdriver.ChromeOptions()
    options.binary_location = program
    for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"):
        options.add_argument(argument)
    but = f", EXCLUDE {reaches}" if reaches else ""
    options.add_argument(f"--host-resolver-rules=MAP * ~NOTFOUND{but}")
    options.set_capability("goog:loggingPrefs", {"performance": "ALL", "browser": "ALL"})
    chrome = webdriver.Chrome(options=options, service=Service(driver))
    try:
        yield chrome
    finally:
        chrome.quit()
