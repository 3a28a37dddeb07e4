"""The pictures of the documentation: made by a script, shown by a page, told to who cannot see."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import pictures
from house.test_documents import PAGES, ROOT

#: `![what it shows](path)`.
_SHOWN = re.compile(r"!\[([^\]]*)\]\(([^)\s]+)\)")
_PNG = b"\x89PNG\r\n\x1a\n"
MOST_BYTES = 100_000


def shown() -> dict[Path, list[str]]:
    """The alternative texts of each picture that a page shows, by its path."""
    found: dict[Path, list[str]] = {}
    for page in [*PAGES, ROOT / "examples" / "association_site" / "README.md"]:
        for text, path in _SHOWN.findall(page.read_text("utf-8")):
            found.setdefault((page.parent / path).resolve(), []).append(text)
    return found


def test_each_picture_is_shown_by_a_page() -> None:
    """And each that is shown is there; those of `docs/img` are the script's."""
    names = {f"{picture.name}.png" for picture in pictures.PICTURES}
    assert names == {path.name for path in pictures.FOLDER.iterdir()}
    assert {pictures.FOLDER / name for name in names} <= shown().keys()
    assert [] == [path for path in shown() if not path.is_file()]


def test_each_picture_is_told_in_words() -> None:
    """Who hears a page, or whose line is slow, learns what is on it."""
    short = {str(path.relative_to(ROOT)): texts for path, texts in shown().items()}
    assert {} == {path: texts for path, texts in short.items() if min(map(len, texts)) < 30}


@pytest.mark.parametrize("picture", pictures.PICTURES, ids=lambda picture: picture.name)
def test_a_picture_is_small(picture: pictures.Picture) -> None:
    """A clone, and a page on a phone, do not wait for it."""
    data = (pictures.FOLDER / f"{picture.name}.png").read_bytes()
    assert data.startswith(_PNG)
    assert len(data) < MOST_BYTES


@pytest.mark.browser
def test_the_script_makes_them(tmp_path: Path) -> None:
    """Of the pages as they are today."""
    some = pictures.PICTURES[:2]
    made = pictures.make(tmp_path, some)
    assert [f"{picture.name}.png" for picture in some] == [path.name for path in made]
    assert all(path.read_bytes().startswith(_PNG) for path in made)
