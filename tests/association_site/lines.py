"""How long the site is: `cd tests && python -m association_site.lines` writes it into its page.

Rounded to tens, so that the page is changed where the site has changed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from association_site.projects import SITE

PAGE: Final = SITE / "README.md"
#: What is read in this order: what it is called, the files, what they have.
PARTS: Final = (
    ("`association`", ("association/*.py",), "settings and addresses"),
    (
        "`exchange`",
        ("exchange/*.py",),
        "`access.py`, roles; `answers.py`, forms that book once, refusals in words; `models.py`",
    ),
    (
        "`exchange/members`",
        ("exchange/members/*.py",),
        "`views.py`, balance and statement; `proposals.py`, to propose and to answer",
    ),
    (
        "templates",
        ("exchange/templates/**/*.html", "exchange/members/templates/**/*.html"),
        "`base.html`, the frame of all pages; those of members",
    ),
    (
        "`exchange/desk`",
        ("exchange/desk/*.py", "exchange/desk/templates/**/*.html"),
        "the coordinator's pages and their templates, a file a subject",
    ),
    (
        "`exchange/treasury`",
        ("exchange/treasury/*.py", "exchange/treasury/templates/**/*.html"),
        "the treasurer's; `imports.py` is the longest: a sheet, its preview, what is refused",
    ),
)


def lines(paths: Iterable[Path]) -> int:
    """The lines of files that are not empty, rounded to tens."""
    texts = (path.read_text("utf-8") for path in paths)
    return round(sum(bool(line.strip()) for text in texts for line in text.splitlines()), -1)


def _files(*patterns: str) -> list[Path]:
    return [path for pattern in patterns for path in sorted(SITE.glob(pattern))]


def written(page: str) -> str:
    """The page with the lines that are there now."""
    rows = [f"| {name} | {lines(_files(*files))} | {what} |" for name, files, what in PARTS]
    table = "| read | lines | what is there |\n| --- | --- | --- |\n" + "\n".join(rows) + "\n"
    page = re.sub(r"\| read \| lines .*\n(\|.*\n)*", lambda _: table, page)
    apart = {"tests", "migrations"}
    every = {path for path in SITE.rglob("*.py") if apart.isdisjoint(path.relative_to(SITE).parts)}
    return re.sub(
        r"has \d+ lines of Python, and \d+ of",
        f"has {lines(every)} lines of Python, and {lines(SITE.rglob('*.html'))} of",
        page,
    )


if __name__ == "__main__":
    PAGE.write_text(written(PAGE.read_text("utf-8")), "utf-8")
