"""Make the pictures of the documentation from the demo's bank: `cd tests && python -m pictures`.

It needs Chromium (the package `chromium`), and the extras `report` and `proof`. The people of the
demo are invented, so that a statement of one of them can be shown.
"""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

import attrs
from PIL import Image, ImageChops

FOLDER: Final = Path(__file__).parents[1] / "docs" / "img"
#: As a browser shows a page at a desk, in pixels; what is empty below is cut off.
WIDTH: Final = 900
COLOURS: Final = 64
MARGIN: Final = 20
#: The name of an association that is none, by language.
TITLES: Final = {"en": "Time Bank of Via Roma", "it": "Banca del Tempo di Via Roma"}
_MEMBER: Final = "Carla Rizzo Ferrara"
#: An exchange of the demo, between the same member and another.
_EXCHANGE: Final = "timeoverflow:3b272627f7bb5b920b029c4c1d8465e9-1"
_OF_2023: Final = ("--since", "2023-01-01", "--until", "2023-12-31")


@attrs.frozen
class Picture:
    """A page that `timebank` prints as HTML, and how much of it is shown, in pixels."""

    name: str
    language: str
    command: tuple[str, ...]
    height: int = 2_000


PICTURES: Final = tuple(
    picture
    for language in ("en", "it")
    for picture in (
        Picture(
            f"statement-{language}",
            language,
            (
                *("statement", _MEMBER, "--since", "2024-01-01"),
                *("--format", "html", "--lang", language),
            ),
        ),
        Picture(
            f"impact-{language}",
            language,
            ("report", "impact", *_OF_2023, "--format", "html", "--lang", language),
            height=890,
        ),
        Picture(
            f"receipt-{language}",
            language,
            ("receipt", _EXCHANGE, "--key", "bank.key", "--html", "--lang", language),
        ),
        Picture(
            f"cheques-{language}",
            language,
            ("cheques", "print", "17", "--lang", language),
            height=445,
        ),
    )
)


def make(folder: Path, pictures: tuple[Picture, ...] = PICTURES) -> list[Path]:
    """Make pictures in a folder, and return their paths."""
    made = []
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        printed(work, "demo", "demo.db")
        printed(work, "--db", "demo.db", "key", "make", "bank.key")
        printed(work, "--db", "demo.db", "cheques", "issue", _MEMBER, "--booklet", "17")
        for picture in pictures:
            page = work / f"{picture.name}.html"
            title = TITLES[picture.language]
            page.write_bytes(printed(work, "--db", "demo.db", *picture.command, title=title))
            made.append(folder / f"{picture.name}.png")
            made[-1].write_bytes(small(looked_at(page, picture.height)))
    return made


def printed(folder: Path, *words: str, title: str = "") -> bytes:
    """What `timebank` prints, run in a folder, for the association of a title."""
    command = [sys.executable, "-m", "timebank", *words]
    env = {**os.environ, "TIMEBANK_TITLE": title}
    return subprocess.run(command, cwd=folder, env=env, capture_output=True, check=True).stdout


def looked_at(page: Path, height: int) -> bytes:
    """A page as Chromium shows it, as PNG."""
    chromium = shutil.which("chromium")
    assert chromium is not None, "install Chromium: the package `chromium`"
    shot = page.with_suffix(".png")
    options = ("--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars")
    size, to = f"--window-size={WIDTH},{height}", f"--screenshot={shot}"
    subprocess.run([chromium, *options, size, to, page.as_uri()], capture_output=True, check=True)
    return shot.read_bytes()


def small(png: bytes) -> bytes:
    """The same picture in few colours, without what is empty below."""
    picture = Image.open(io.BytesIO(png)).convert("RGB")
    white = Image.new("RGB", picture.size, "white")
    box = ImageChops.difference(picture, white).getbbox()
    assert box is not None, "the page is empty"
    cut = picture.crop((0, 0, picture.width, min(box[3] + MARGIN, picture.height)))
    stream = io.BytesIO()
    cut.quantize(COLOURS).save(stream, "png", optimize=True)
    return stream.getvalue()


def main() -> None:
    """Make all of them where the pages look for them."""
    FOLDER.mkdir(exist_ok=True)
    for path in make(FOLDER):
        sys.stdout.write(f"{path.name}: {path.stat().st_size:,} bytes\n")


if __name__ == "__main__":
    main()
