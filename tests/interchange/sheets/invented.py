"""Sheets that nobody wrote: exchanges in a random dialect, with rows and cells that are spoiled."""

from __future__ import annotations

import csv
import io
from datetime import date, timedelta
from random import Random

import attrs

PEOPLE = (
    *("Ada Neri", "Ugo Riva", "Zoë Müller", "Niccolò Però", "Jordi Puig", "Anna-Maria D'Angelo"),
    *("Éric Noël", "O'Hara Rita", "李 小龙", "Łukasz Żak"),
)
#: Day, giver, receiver, hours, note: as treasurers call them in five languages.
HEADINGS = (
    ("Data", "Chi ha dato", "Chi ha ricevuto", "Ore", "Note"),
    ("Giorno", "Offre", "Riceve", "Durata", "Attività"),
    ("Date", "Giver", "Receiver", "Hours", "Description"),
    ("Fecha", "Ofrece", "Recibe", "Horas", "Observaciones"),
    ("Date", "Donneur", "Receveur", "Durée", "Prestation"),
    ("Datum", "Geber", "Nehmer", "Stunden", "Leistung"),
)
#: What is no day, no amount and nobody, however it is looked at.
NO_DAY = (
    "",
    "?",
    "31/02/2026",
    "2026-13-45",
    "ieri",
    "9" * 4400,
    "\x00",
    "=TODAY()",
    "12",
    "x" * 500,
)
NO_AMOUNT = (
    "",
    "?",
    "un po'",
    "1:75",
    "1,5,5",
    "=SUM(A1:A9)",
    "9" * 4400,
    "\x00",
    "1e3",
    "--2",
    "∞",
)
NOBODY = ("", "   ", "\x00", "\u200b", "x" * 5000, "\ud800")
NOTES = (
    "",
    "spesa",
    "due\nrighe",
    'detto "ciao"',
    "a;b,c|d\te",
    "=1+1",
    "caffè",
    "\U0001d518",
    "'",
    "\u202e",
)


@attrs.frozen
class Invented:
    """A sheet as bytes, what may be booked of it at most, and how many cells it has."""

    content: bytes
    #: Day, giver, receiver, seconds of the rows that nobody spoiled.
    good: tuple[tuple[date, str, str, int], ...]
    cells: int


def invented(random: Random, rows: int) -> Invented:
    """Return a sheet, of which a third of the rows is spoiled in a cell that counts."""
    headings = random.choice(HEADINGS)
    delimiter = random.choice(";,\t|")
    encoding = random.choice(("utf-8", "utf-8-sig", "utf-16", "cp1252"))
    order = random.sample(range(5), 5)
    extra = random.randrange(4)
    mark = random.choice(".,")
    lines = [[headings[n] for n in order] + [f"k{n}" for n in range(extra)]]
    if random.random() < 0.3:
        lines.insert(0, ["Banca del tempo"] + [""] * (4 + extra))
    good = []
    for _ in range(rows):
        day = date(2025, 1, 1) + timedelta(days=random.randrange(400))
        giver, receiver = random.sample(PEOPLE[: 6 if encoding == "cp1252" else None], 2)
        seconds = random.choice((900, 1800, 2700, 3600, 5400, 7200, 9000, 36000))
        cells = [
            _day(random, day),
            giver,
            receiver,
            _hours(random, seconds, mark),
            random.choice(NOTES),
        ]
        if (spoiled := random.random() < 1 / 3) and rows > 3:
            place = random.randrange(4)
            bad = (NO_DAY, NOBODY, NOBODY, NO_AMOUNT)[place]
            cells[place] = random.choice(bad)
        else:
            good.append((day, giver, receiver, seconds))
        lines.append([cells[n] for n in order] + [random.choice(("", "x", "7"))] * extra)
        if spoiled and random.random() < 0.2:
            lines.append([random.choice(("", "?", "Totale", "x"))] * random.randrange(1, 9))
    text = io.StringIO()
    end = random.choice(("\n", "\r\n", "\r"))
    csv.writer(text, delimiter=delimiter, lineterminator=end).writerows(lines)
    content = text.getvalue().encode(encoding, "replace")
    if encoding.startswith("utf-8") and random.random() < 0.2:  # a byte that is of no letter
        place = random.randrange(len(content))
        content = content[:place] + random.choice((b"\xff", b"\x00")) + content[place:]
    if random.random() < 0.1:  # a quote that is never closed
        content += f'"{delimiter}x'.encode(encoding.removesuffix("-sig").replace("16", "16-le"))
    return Invented(content, tuple(good), sum(map(len, lines)))


def _day(random: Random, day: date) -> str:
    return random.choice((f"{day:%d/%m/%Y}", f"{day:%Y-%m-%d}", f"{day.day}/{day.month}/{day:%y}"))


def _hours(random: Random, seconds: int, mark: str) -> str:
    hours, minutes = divmod(seconds // 60, 60)
    decimal = f"{seconds / 3600:g}".replace(".", mark)
    return random.choice((f"{hours}:{minutes:02}", decimal, f"{hours}h{minutes:02}"))
