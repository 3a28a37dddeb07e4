"""What a page shows can be run again in the same folder: nothing is booked a second time."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sybil import Document, Example
from sybil.parsers.myst import CodeBlockParser, PythonCodeBlockParser

import timebank
from house.test_documents import PAGES, ROOT, elsewhere, run, speaking, story
from timebank.storage import open_store

__all__ = ["elsewhere"]

#: The pages that keep a bank in a file.
ON_FILES = [
    page for page in PAGES if any(word in page.read_text("utf-8") for word in ("sqlite:///", ".db"))
]
#: Those that matter most; of the others it is every third by day.
FIRST = {"README.md", "docs/tutorial.md", "docs/cli.md", "docs/howto-import-csv.md"}
#: The examples that are programs of their own; what `experiences` has is tested with its pages.
PROGRAMS = [
    script
    for script in sorted(ROOT.glob("examples/*.py"))
    if "__main__" in script.read_text("utf-8") and not script.name.startswith("verify_")
]
#: What Python says where an example is not what a page shows: a later run may come to another.
_DIFFERS = "did not evaluate as expected"
_RAISED = "Traceback"


def console(example: Example) -> None:
    """Run the commands of a block, whatever they print."""
    for block in f"\n{example.parsed}".split("\n$ ")[1:]:
        command, _, shown = block.partition("\n")
        words = shlex.split(command)
        if words[0] == "export":
            name, _, os.environ[name] = words[1].partition("=")
        elif words[0] == "cat":
            Path(words[1]).write_text(shown, "utf-8")
        elif words[0] == "timebank" and words[-2:-1] == [">"]:
            Path(words[-1]).write_text(run(words[1:-2])[0], "utf-8")
        elif words[0] == "timebank":
            run(words[1:])


def once(page: Path, evaluate: Callable[[Example], Any]) -> None:
    """Run all that a page shows, in its order, with the environment of a new shell."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in (("TIMEBANK_DB", ""), ("TIMEBANK_BANK", "main"), ("TIMEBANK_LANG", "")):
            patch.setenv(name, value)
        speaking(page)
        document = Document(page.read_text("utf-8"), str(page))
        for parser in (PythonCodeBlockParser(), CodeBlockParser("console", console)):
            for region in parser(document):
                document.add(region)
        for example in document.examples():
            evaluate(example)


def again(example: Example) -> None:
    """Run an example of which a figure on the way may be another; it may not fail."""
    try:
        example.evaluate()
    except AssertionError as failure:  # an `assert` of the page's, or what sybil compared
        expected, _, got = str(failure).partition("\nGot:\n")
        if _DIFFERS not in expected or (_RAISED in got and _RAISED not in expected):
            raise


def booked(folder: Path) -> dict[str, set[str]]:
    """The ids of the transfers in the files of a folder, by journal: a copy has the same one."""
    found: dict[str, set[str]] = {}
    for file in sorted(folder.rglob("*.db")):
        url = f"sqlite:///{file}"
        store = open_store(url, create=False, read_only=True)
        try:
            banks = list(store.banks())
        finally:
            store.close()
        for name in banks:
            with timebank.open(url, bank=name, create=False, read_only=True) as bank:
                ids = {transfer.id for transfer in bank.transfers()}
                found.setdefault(bank.head().journal, set()).update(ids)
    return found


@pytest.mark.usefixtures("elsewhere")
@pytest.mark.parametrize(
    "page",
    [
        pytest.param(page, id=name, marks=[] if number % 3 == 0 or name in FIRST else nightly)
        for number, page in enumerate(ON_FILES)
        for name, nightly in [(page.relative_to(ROOT).as_posix(), [pytest.mark.nightly])]
    ],
)
def test_a_second_run_books_nothing(page: Path, tmp_path: Path) -> None:
    """Whoever copies an example into a file, and runs it again, has the books that they had."""
    for one in story(page):
        once(one, lambda example: example.evaluate())
    before = booked(tmp_path)
    once(page, again)
    assert before == booked(tmp_path)


@pytest.mark.parametrize("script", PROGRAMS, ids=lambda script: script.name)
def test_an_example_leaves_no_file(script: Path, tmp_path: Path) -> None:
    """Its bank is in memory, or in a folder that goes with it: a second run begins anew."""
    command = [sys.executable, str(script)]
    subprocess.run(command, capture_output=True, cwd=tmp_path, check=True)
    assert [] == list(tmp_path.iterdir())


def test_there_are_pages_with_files() -> None:
    """And those that matter most are among them."""
    names = {page.relative_to(ROOT).as_posix() for page in ON_FILES}
    assert names >= FIRST
