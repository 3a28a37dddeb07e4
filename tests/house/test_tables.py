"""Tables of the documentation, as they are rendered: what a reader sees is what was written."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from docutils import nodes
from docutils.core import publish_doctree
from myst_parser.parsers.docutils_ import Parser

DOCS = Path(__file__).parents[2] / "docs"
PAGES = sorted(path.relative_to(DOCS).as_posix() for path in DOCS.rglob("*.md"))
#: A page that is read without Sphinx has references and directives that are not known.
SETTINGS = {
    "report_level": 5,
    "halt_level": 5,
    "myst_enable_extensions": ["deflist"],
    "myst_suppress_warnings": ["myst"],
}


def read(text: str) -> nodes.document:
    """A page as docutils has it."""
    return publish_doctree(text, parser=Parser(), settings_overrides=SETTINGS)


def written(text: str) -> list[int]:
    """The number of rows of each table that a page writes, the line of dashes left out."""
    plain = re.sub(r"^( *)(```+|~~~+).*?^\1\2`*~* *$", "", text, flags=re.MULTILINE | re.DOTALL)
    blocks = re.findall(r"(?:^ *\|.*\n?)+", plain, re.MULTILINE)
    return [len(block.strip().splitlines()) - 1 for block in blocks]


def rendered(page: nodes.document) -> list[int]:
    """The number of rows of each table that a reader sees."""
    return [len([*table.findall(nodes.row)]) for table in page.findall(nodes.table)]


def stray(page: nodes.document) -> list[str]:
    """The paragraphs with a bar that is no table's: what is in code may have one."""
    return [
        paragraph.astext()
        for paragraph in page.findall(nodes.paragraph)
        if not isinstance(paragraph.parent, nodes.entry)
        and any(
            "|" in text
            for text in paragraph.findall(nodes.Text)
            if not isinstance(text.parent, nodes.literal)
        )
    ]


@pytest.mark.parametrize("name", PAGES)
def test_each_table_is_one_table(name: str) -> None:
    """With all of its rows, and nothing of it in a paragraph."""
    text = (DOCS / name).read_text("utf-8")
    page = read(text)
    assert written(text) == rendered(page)
    assert [] == stray(page)


def test_a_table_that_a_blank_line_cuts_in_two_is_noticed() -> None:
    """It once stood so under the effects of a transfer."""
    page = read("| a | b |\n| --- | --- |\n| 1 | 2 |\n\n| 3 | 4 |\n")
    assert [2] == rendered(page)
    assert ["| 3 | 4 |"] == stray(page)
