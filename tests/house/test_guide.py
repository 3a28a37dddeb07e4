"""What leads a treasurer: the first page, the guide in Italian, and commands that there are."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from house.test_documents import GUIDE, PAGES, ROOT
from timebank.cli import main
from timebank.reports import words

_LINK = re.compile(r"\]\(([^)#\s]+)")
#: A command as a sentence names it: in backticks, or at the end of a line of advice.
_NAMED = re.compile(r"\btimebank ((?:--?[a-z]+ [\w./-]+ )*)([a-z][a-z-]+)(?: ([a-z][a-z-]+))?")
#: Of the pages: what stands in backticks.
_CODE = re.compile(r"`(timebank [^`\n]+)`")
#: Commands that a page makes up: of an importer that its reader writes.
_MADE_UP = {"import diary"}
MOST_LINES = 14


def test_the_first_lines_lead_to_the_sheet_and_to_the_statement() -> None:
    """Each is one click from there, in English and in Italian."""
    text = (ROOT / "docs" / "index.md").read_text("utf-8")
    first = "\n".join(text.splitlines()[:MOST_LINES])
    pages = {f"it/{page.name}" for page in GUIDE}
    assert {"howto-sheets.md", "howto-spreadsheets.md", *pages} <= set(_LINK.findall(first))


def test_the_guide_has_six_pages_that_lead_on() -> None:
    """From each to the next, and from the first to all."""
    assert ["1", "2", "3", "4", "5", "6"] == [page.name.partition("-")[0] for page in GUIDE]
    links = [set(_LINK.findall(page.read_text("utf-8"))) for page in GUIDE]
    for found, following in zip(links, [page.name for page in GUIDE[1:]], strict=False):
        assert following in found
    assert {page.name for page in GUIDE[1:]} <= links[0]


@pytest.mark.parametrize(
    ("number", "commands"),
    [
        (1, {"import propose", "import csv", "import undo"}),
        (2, {"account open", "transfer", "reverse", "amend", "account merge", "close-books"}),
        (3, {"statement", "trial-balance", "report impact", "export csv", "personal-data"}),
        (4, {"audit", "head", "backup"}),
        (5, {"peers agree", "peers offer", "peers conclude", "peers reconcile"}),
        (6, {"cheques issue", "cheques enter", "report presences", "report value"}),
    ],
)
def test_the_guide_shows_what_a_treasurer_does(number: int, commands: set[str]) -> None:
    """In blocks that run, not in sentences only."""
    text = GUIDE[number - 1].read_text("utf-8")
    shown = {line.removeprefix("$ timebank ") for line in text.splitlines() if line[:1] == "$"}
    assert {
        command for command in commands if not any(line.startswith(command) for line in shown)
    } == set()


def unknown(text: str) -> Iterator[str]:
    """The commands that a text names and that there are not."""
    for _, first, second in _NAMED.findall(text):
        command = main.commands.get(first)
        if command is None:
            yield first
        elif isinstance(command, click.Group) and second and second not in command.commands:
            yield f"{first} {second}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_a_page_names_commands_that_there_are(page: Path) -> None:
    """Also where it does not run them."""
    text = page.read_text("utf-8")
    found = {one for code in _CODE.findall(text) for one in unknown(code)}
    assert set() == found - _MADE_UP


@pytest.mark.parametrize("language", words.languages())
def test_what_people_are_told_names_commands_that_there_are(language: str) -> None:
    """In advice, in refusals and in remedies."""
    told = [
        (name, key, one)
        for name in words.tables(language)
        for key, text in words.table(name, language).items()
        for said in (text.values() if isinstance(text, dict) else [text])
        for one in unknown(str(said))
    ]
    assert [] == told
