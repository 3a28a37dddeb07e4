"""axe-core, which finds what keeps people from using a page: as npm has it, run by DevTools.

The site's Content-Security-Policy lets no script into a page; what DevTools evaluate is none of it.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tarfile
from pathlib import Path
from typing import Any, Final

import pytest
from selenium import webdriver

TAGS: Final = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice")
_RUN: Final = """
axe.run(document, {runOnly: %s, resultTypes: ['violations', 'incomplete']}).then((found) =>
  JSON.stringify(found.violations.map((one) => ({
    id: one.id, help: one.help,
    nodes: one.nodes.slice(0, 3).map((node) => node.html.slice(0, 200) + ' ' + node.failureSummary),
  }))))
"""


def source(folder: Path) -> str:
    """The script, from npm's package `axe-core`; skips where there is no npm, or nothing comes."""
    npm = shutil.which("npm")
    done = npm and subprocess.run(
        [npm, "pack", "--silent", "axe-core@4"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    if not done or done.returncode:
        assert os.environ.get("TIMEBANK_AXE") != "required", done or "npm is not installed"
        pytest.skip("axe-core is not here: npm (the packages nodejs and npm) brings it")
    [archive] = folder.glob("axe-core-*.tgz")
    with tarfile.open(archive) as package:
        script = package.extractfile("package/axe.min.js")
        assert script is not None
        return script.read().decode("utf-8")


def violations(browser: webdriver.Chrome, script: str) -> list[dict[str, Any]]:
    """What axe finds wrong with the page that a browser shows."""
    _evaluate(browser, script)
    return list(json.loads(_evaluate(browser, _RUN % json.dumps(TAGS))))


def _evaluate(browser: webdriver.Chrome, expression: str) -> str:
    given = {"expression": expression, "awaitPromise": True, "returnByValue": True}
    told = browser.execute_cdp_cmd("Runtime.evaluate", given)
    assert "exceptionDetails" not in told, told
    return str(told["result"].get("value", ""))
