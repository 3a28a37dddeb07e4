"""Write what commands print into their pages: `cd tests && python -m house.transcripts PAGE…`.

Each page is run in an empty folder, or after those that come before it in the Italian guide. What
changes from run to run becomes `...`; an output that still fits stays as it is. Read the diff: a
command that fails is written down like any other.
"""

from __future__ import annotations

import os
import re
import shlex
import sys
import tempfile
from collections.abc import Iterator
from contextlib import chdir
from pathlib import Path

import pytest

from house.test_documents import VARIABLES, fits, run, speaking, story

_BLOCK = re.compile(r"(^```console\n)(.*?)(^```)", re.MULTILINE | re.DOTALL)
#: What is another each time, and how it is shown.
_CHANGES = (
    (re.compile(r"timebank/1 \S+ (\d+) [0-9a-f]{64}"), r"timebank/1 ... \1 ..."),
    (re.compile(r"\b[0-9a-f]{32}\b"), "..."),
)


def filled(page: Path) -> str:
    """The text of a page with what its commands print now."""
    speaking(page)
    return _BLOCK.sub(
        lambda found: found[1] + "".join(_answered(found[2])) + found[3], page.read_text("utf-8")
    )


def _answered(block: str) -> Iterator[str]:
    status = 0
    for part in f"\n{block}".split("\n$ ")[1:]:
        command, _, shown = part.partition("\n")
        words = shlex.split(command)
        yield f"$ {command}\n"
        printed = ""
        if words[0] == "export":
            name, _, value = words[1].partition("=")
            os.environ[name] = value
        elif words[0] == "cat":
            Path(words[1]).write_text(printed := shown, "utf-8")
        elif command == "echo $?":
            printed = f"{status}\n"
        elif words[-2:-1] == [">"]:
            text, status = run(words[1:-2])
            Path(words[-1]).write_text(text, "utf-8")
        else:
            printed, status = run(words[1:])
            for change, instead in _CHANGES:
                printed = change.sub(instead, printed)
        yield _ended(shown if shown and fits(shown, printed) else printed)


def _ended(text: str) -> str:
    text = "\n".join(line.rstrip() for line in text.splitlines())
    return f"{text}\n" if text else ""


def main(pages: list[str]) -> None:
    """Fill pages in, one after the other."""
    for page in map(Path, pages):
        with (
            tempfile.TemporaryDirectory() as folder,
            pytest.MonkeyPatch.context() as patch,
        ):
            for name, value in VARIABLES.items():
                patch.setenv(name, value)
            *earlier, last = (one.resolve() for one in story(page.resolve()))
            with chdir(folder):
                for one in earlier:
                    filled(one)
                text = filled(last)
        last.write_text(text, "utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
