"""What a user pays: all that the largest US time bank ever exchanged, in a sheet as if of one year.

Of 127 banks that were active in 2019 the median had 61 members and 220 exchanges, the largest 875
and 30,236. The sheet is a treasurer's: days, names, hours and what was done, and no ids. It is
imported, saved and imported once more, audited; the year's impact report, its register of presences
and a backup are made.
"""

from __future__ import annotations

import csv
import random
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Final

import timebank
from benchmarks.loads import timed
from benchmarks.table import Line, line
from timebank import TimeBank
from timebank.interchange.csv.importer import MappingImporter
from timebank.interchange.csv.toml import parsed
from timebank.interchange.engine.booking import run
from timebank.interchange.jsonl import export_jsonl
from timebank.interchange.jsonl.importing import import_jsonl
from timebank.reports.impact_html import impact_html
from timebank.reports.presences_html import presences_html
from timebank.storage import open_store

#: Members and exchanges of the largest bank, and of the median one.
LARGEST, MEDIAN = (875, 30_236), (61, 220)
#: The first of January of the year.
FIRST: Final = date(2026, 1, 1)
UNTIL: Final = date(2026, 12, 31)
AFTER: Final = datetime(2027, 1, 7, 9, 0, tzinfo=UTC)
MAPPING: Final = b"""
name = "sheet"
title = "The sheet of the year"
amounts = { unit = "auto", decimal = "." }
days = { format = "dmy" }

[transfers]
earner = "Who gave"
spender = "Who received"
amount = "Hours"
day = "Day"
note = "What"
category = "Category"
"""
CATEGORIES: Final = ("company", "errands", "garden", "homework", "lifts", "repairs", "sewing", "")
HOURS: Final = ("0:30", "1", "1:30", "2", "2.5", "3", "3", "3", "4", "6:15")


def write(place: Path, members: int, exchanges: int) -> None:
    """The sheet of a year."""
    chance = random.Random(1)  # a load, not secrets
    names = [f"Vera{n % 97} Rossi {n}" for n in range(members)]
    days = sorted(chance.randrange(365) for _ in range(exchanges))
    with place.open("w", encoding="utf-8", newline="") as file:
        sheet = csv.writer(file)
        sheet.writerow(["Day", "Who gave", "Who received", "Hours", "What", "Category"])
        for number, passed in enumerate(days):
            day = FIRST + timedelta(days=passed)
            gave, received = chance.sample(names, 2)
            what = f"help no. {number} at home"
            hours, category = chance.choice(HOURS), chance.choice(CATEGORIES)
            sheet.writerow([f"{day:%d/%m/%Y}", gave, received, hours, what, category])


def _import(bank: TimeBank, sheet: Path, exchanges: int) -> None:
    report = run(bank, MappingImporter(parsed(MAPPING), sheet, open_accounts=True))
    if report.transfers_booked + report.transfers_there != exchanges:
        raise ValueError(report)


def _audit(bank: TimeBank) -> None:
    if not bank.audit().ok:
        raise ValueError(bank)


def _impact(bank: TimeBank) -> None:
    impact_html(bank.impact(since=FIRST, until=UNTIL))


def _register(bank: TimeBank) -> None:
    presences_html(bank.presences(since=FIRST, until=UNTIL), title="Our bank", made_on=AFTER.date())


def _backup(bank: TimeBank, place: Path) -> None:
    with place.open("wb") as file:
        file.writelines(export_jsonl(bank))


def _restore(backup: Path, place: Path) -> None:
    with closing(open_store(f"sqlite:///{place}", create=True)) as store, backup.open("rb") as file:
        import_jsonl(store, file)


def _steps(folder: Path, members: int, exchanges: int) -> Iterator[tuple[str, Callable[[], None]]]:
    """What is done with the year of one bank, in order."""
    sheet, backup = folder / f"{members}.csv", folder / f"{members}.jsonl"
    write(sheet, members, exchanges)
    bank = timebank.open(f"sqlite:///{folder / f'{members}.db'}", clock=lambda: AFTER)
    yield "import of the sheet", partial(_import, bank, sheet, exchanges)
    yield "import of it once more", partial(_import, bank, sheet, exchanges)
    yield "audit", partial(_audit, bank)
    yield "impact report, as HTML", partial(_impact, bank)
    yield "register of presences, as HTML", partial(_register, bank)
    yield "backup as JSON Lines", partial(_backup, bank, backup)
    yield "a bank made of the backup", partial(_restore, backup, folder / f"{members}-again.db")
    bank.close()


def year(folder: Path, *, quick: bool) -> list[Line]:
    """The largest bank beside the median one: each step once, in seconds."""
    members, exchanges = MEDIAN if quick else LARGEST
    its = {name: timed(step) for name, step in _steps(folder, *MEDIAN)}
    mine = {
        name: timed(step) for name, step in _steps(_made(folder / "largest"), members, exchanges)
    }
    for times in (its, mine):
        times["all of it"] = sum(times.values())
    yard = f"the median bank: {MEDIAN[1]}"
    return [
        line(f"{exchanges:,} exchanges of a year: {name}", [mine[name]], yard, [its[name]])
        for name in mine
    ]


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder
