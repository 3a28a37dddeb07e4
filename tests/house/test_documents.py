"""Everything shown runs: README, the documentation and every docstring.

Python blocks share one namespace a page; a docstring has one of its own. A `console`
block holds commands after `$ ` and what they print; `...` stands for what changes.
"""

from __future__ import annotations

import io
import os
import shlex
import sys
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from doctest import ELLIPSIS, OutputChecker
from pathlib import Path

import pytest
from sybil import Document, Example
from sybil.document import PythonDocStringDocument
from sybil.parsers.myst import CodeBlockParser, PythonCodeBlockParser
from sybil.parsers.rest import DocTestParser
from sybil.typing import Parser

from timebank.cli import main

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted(ROOT.glob("docs/**/*.md"))]
#: For the treasurer, in Italian: each page goes on where the one before it ended.
GUIDE = sorted(ROOT.glob("docs/it/*.md"))
MODULES = sorted(ROOT.glob("src/timebank/**/*.py"))


def run(arguments: list[str]) -> tuple[str, int]:
    """What `timebank` prints on both streams, and its exit code."""
    stream = io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True)
    code: object = 0
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(stream), redirect_stderr(stream):
        patch.setattr(sys, "argv", ["timebank", *arguments])
        try:
            main()
        except SystemExit as ending:
            code = ending.code or 0
    assert isinstance(code, int)
    return stream.buffer.getvalue().decode(), code


def fits(expected: str, printed: str) -> bool:
    """Whether an output is what a page shows, in which `...` stands for anything."""
    return OutputChecker().check_output(f"{expected.strip()}\n", f"{printed.strip()}\n", ELLIPSIS)


def console(example: Example) -> str | None:
    """Run the commands of a block, in order, and compare what they print."""
    status = 0
    for block in f"\n{example.parsed}".split("\n$ ")[1:]:
        command, _, expected = block.partition("\n")
        words = shlex.split(command)
        if words[:1] == ["export"]:
            name, _, value = words[1].partition("=")
            os.environ[name] = value
            printed = ""
        elif command == "echo $?":
            printed = f"{status}\n"
        elif words[0] == "timebank" and words[-2:-1] == [">"]:
            printed, status = run(words[1:-2])
            if status:
                return f"$ {command}\nends with {status}:\n{printed}"
            Path(words[-1]).write_text(printed, "utf-8")
            printed = ""
        elif words[0] == "cat":  # the file that a page shows is made as it shows it
            Path(words[1]).write_text(printed := expected, "utf-8")
        elif words[0] == "timebank":
            printed, status = run(words[1:])
        else:
            return f"only timebank, cat, export and echo $? run here, not: {command}"
        if not fits(expected, printed):
            return f"$ {command}\nexpected:\n{expected}\ngot:\n{printed}"
    return None


def story(page: Path) -> list[Path]:
    """The pages that are read one after the other up to this one: those of the Italian guide."""
    return [one for one in GUIDE if one <= page] if page in GUIDE else [page]


def speaking(page: Path) -> None:
    """Set the language of the commands of a page, and how wide its terminal is."""
    os.environ["TIMEBANK_LANG"], os.environ["COLUMNS"] = (
        ("it", "84") if page in GUIDE else ("en", VARIABLES["COLUMNS"])
    )


def evaluate(document: Document, *parsers: Parser) -> None:
    """Run the examples of a document in their order."""
    for parser in parsers:
        for region in parser(document):
            document.add(region)
    for example in document.examples():
        example.evaluate()


VARIABLES = {
    "COLUMNS": "100",
    "TIMEBANK_DB": "",
    "TIMEBANK_BANK": "main",
    "TIMEBANK_LANG": "en",
    "TIMEBANK_TITLE": "",
}


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An empty folder to run in, and an environment that is put back."""
    with monkeypatch.context() as patch:
        patch.chdir(tmp_path)
        for name, value in VARIABLES.items():
            patch.setenv(name, value)
        yield


@pytest.mark.usefixtures("elsewhere")
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_what_a_page_shows_runs(page: Path) -> None:
    """Every Python and console block of a page does what it says."""
    for one in story(page):
        speaking(one)
        document = Document(one.read_text("utf-8"), str(one))
        evaluate(document, PythonCodeBlockParser(), CodeBlockParser("console", console))


@pytest.mark.usefixtures("elsewhere")
@pytest.mark.parametrize("module", MODULES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_what_a_docstring_shows_runs(module: Path) -> None:
    """Each docstring's example runs with nothing but what it imports itself."""
    source = module.read_text("utf-8")
    for start, _, text in PythonDocStringDocument.extract_docstrings(source):
        lines_before = source.count("\n", 0, start)
        evaluate(Document("\n" * lines_before + text, str(module)), DocTestParser())
