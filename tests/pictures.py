"""Make the pictures of the documentation from the demo's bank: `cd tests && python -m pictures`.

It needs Chromium (the package `chromium`), and the extras `report` and `proof`. The people of the
demo are invented, so that a statement of one of them can be shown.
"""

from __future__ import annotations

import io
import os
import re
import shutil
import subprocess
import sys
import tempfile
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Final

import attrs
from PIL import Image, ImageChops

import timebank

FOLDER: Final = Path(__file__).parents[1] / "docs" / "img"
#: As a browser shows a page at a desk, in pixels; what is empty below is cut off.
WIDTH: Final = 900
COLOURS: Final = 64
MARGIN: Final = 20
#: The name of an association that is none, by language.
TITLES: Final = {"en": "Time Bank of Via Roma", "it": "Banca del Tempo di Via Roma"}
_MEMBER: Final = "Carla Rizzo Ferrara"
#: The people of the yearly papers, and what they do; the demo says neither times nor categories.
VOLUNTEERS: Final = ("Carla Rizzo", "Davide Nguyen", "Elda Fumagalli", "Francesco Greco")
CATEGORIES: Final = ("compagnia", "spesa", "compiti", "trasporto")
RATES: Final = "categoria;tariffa\ncompagnia;12,35\nspesa;11,11\ncompiti;14,10\n"
#: An exchange of the demo, between the same member and another.
_EXCHANGE: Final = "timeoverflow:3b272627f7bb5b920b029c4c1d8465e9-1"
_OF_2023: Final = ("--since", "2023-01-01", "--until", "2023-12-31")


@attrs.frozen
class Picture:
    """A page that `timebank` prints as HTML of a bank, and how much of it is shown, in pixels.

    Without a command it is the first page of a member in the association's site.
    """

    name: str
    language: str
    command: tuple[str, ...] = ()
    height: int = 2_000
    db: str = "demo.db"


PICTURES: Final = (
    tuple(
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
    + tuple(
        Picture(
            f"{name}-it",
            "it",
            ("report", name, "--year", "2026", *more, "--format", "html", "--lang", "it"),
            height=height,
            db="papers.db",
        )
        for name, more, height in (
            ("presences", ("--tag", "volontari"), 1_060),
            ("value", ("--tag", "volontari", "--rates", "rates.csv"), 1_060),
        )
    )
    + (Picture("site-it", "it", height=820),)
)


def make(folder: Path, pictures: tuple[Picture, ...] = PICTURES) -> list[Path]:
    """Make pictures in a folder, and return their paths."""
    made = []
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        printed(work, "demo", "demo.db")
        printed(work, "--db", "demo.db", "key", "make", "bank.key")
        printed(work, "--db", "demo.db", "cheques", "issue", _MEMBER, "--booklet", "17")
        volunteer(work / "papers.db")
        (work / "rates.csv").write_text(RATES, "utf-8")
        for picture in pictures:
            page = work / f"{picture.name}.html"
            title = TITLES[picture.language]
            if picture.command:
                text = printed(work, "--db", picture.db, *picture.command, title=title)
            else:
                text = visited(work, picture.language)
            page.write_bytes(text)
            made.append(folder / f"{picture.name}.png")
            made[-1].write_bytes(small(looked_at(page, picture.height)))
    return made


def volunteer(path: Path) -> None:
    """Make a bank of four people who give hours to a fund, most of them with times."""
    now = datetime(2026, 12, 31, 9, tzinfo=UTC)
    with timebank.open(f"sqlite:///{path}", clock=lambda: now) as bank:
        bank.open_account("fondo", kind="fund", name="Fondo di solidarietà")
        bank.open_account("rossi", kind="group", name="Famiglia Rossi", floor=None)
        for number, name in enumerate(VOLUNTEERS):
            bank.open_account(f"s{number}", name=name)
        for number in range(30):
            begins = time(9 + number % 6, 30 * (number % 2))
            minutes = 60 + 5 * (number % 7)
            ends = (datetime.combine(now, begins) + timedelta(minutes=minutes)).time()
            is_timed = bool(number % 5)
            bank.transfer(
                earner=f"s{number % 4}",
                spender="rossi" if number % 3 else "fondo",
                hours=f"{minutes}m",
                occurred_on=date(2026, 1, 12) + timedelta(days=11 * number),
                started_at=begins if is_timed else None,
                ended_at=ends if is_timed else None,
                category=CATEGORIES[number * 3 % 4],
                tags=["volontari"] if number % 9 else [],
            )


def visited(folder: Path, language: str) -> bytes:
    """The first page of Anna in the demo of `examples/association_site`, with its style in it."""
    from association_site.projects import SITE, demo
    from association_site.visitors import Visitor

    with demo(folder) as address, Visitor(address, language=language) as visitor:
        page = visitor.sign_in("anna").content.decode("utf-8")
    style = (SITE / "exchange" / "static" / "exchange" / "site.css").read_text("utf-8")
    link = re.compile('<link rel="stylesheet"[^>]*>')
    return link.sub(lambda _: f"<style>{style}</style>", page).encode("utf-8")


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
