"""Importing TimeOverflow's CSV, beside raw `sqlite3` inserting the same rows in one commit."""

from __future__ import annotations

import random
import sqlite3
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

import timebank
from benchmarks.loads import timed
from benchmarks.table import Line, line
from timebank.interchange.engine.booking import run
from timebank.interchange.timeoverflow import TimeOverflow
from timebank.storage import open_store

MEMBERS = 1_000
TABLES = ("timebank_records", "timebank_texts", "timebank_accounts", "timebank_postings")
#: Table → the order in which its rows are inserted: that of the journal.
ORDER = {"timebank_accounts": "opened", "timebank_postings": "sequence"}
PAGE = 10_000


def rows(folder: Path, number: int) -> list[Line]:
    """So many exchanges between a thousand members."""
    users, transfers = folder / "users.csv", folder / "transfers.csv"
    write(users, transfers, number)
    bank = timebank.open(f"sqlite:///{folder / f'import-{number}.db'}")
    mine = timed(partial(run, bank, TimeOverflow(users, transfers)))
    bank.close()
    its = raw(folder / f"import-{number}.db", folder / f"import-raw-{number}.db")
    name = f"import of {number:,} rows, a row"
    return [line(name, [mine / number], "raw sqlite3, one commit", [its / number])]


def write(users: Path, transfers: Path, number: int) -> None:
    """Files as TimeOverflow writes them."""
    chance = random.Random(1)  # a load, not secrets
    with users.open("w", encoding="utf-8") as file:
        for n in range(1, MEMBERS + 1):
            file.write(f"{n},2018-01-08,Vera{n},Rossi,,,,,,v{n}@example.org\n")
    moment = datetime(2018, 1, 9, 8, 0)  # noqa: DTZ001 - as it stands in the file
    with transfers.open("w", encoding="utf-8") as file:
        for n in range(number):
            moment += timedelta(seconds=60)
            one, other = chance.sample(range(1, MEMBERS + 1), 2)
            seconds = chance.choice([900, 1800, 2700, 3600, 5400, 7200])
            file.write(
                f"{one},member,{other},member,{seconds},{moment:%Y-%m-%d %H:%M:%S},"
                f"Turno GAS: arance {n % 50},{chance.choice(['', '3', '17'])}\n"
            )


def raw(source: Path, target: Path) -> float:
    """Seconds that the inserts of all rows of a bank take, and their one commit."""
    store = open_store(f"sqlite:///{target}", create=True)
    store.make_bank("main", journal="x")
    store.close()
    read = sqlite3.connect(source)
    written = sqlite3.connect(target, isolation_level=None)
    for pragma in (
        "synchronous = FULL",
        "foreign_keys = ON",
        "recursive_triggers = ON",
        "secure_delete = ON",
    ):
        written.execute(f"PRAGMA {pragma}")
    seconds = timed(partial(written.execute, "BEGIN IMMEDIATE"))
    for table in TABLES:
        order = ORDER.get(table, "sequence")
        found = read.execute(f"SELECT * FROM {table} ORDER BY {order}")
        marks = ", ".join("?" * len(found.description))
        sql = f"INSERT INTO {table} VALUES ({marks})"
        while page := found.fetchmany(PAGE):  # the reading is not counted
            seconds += timed(partial(written.executemany, sql, page))
    seconds += timed(partial(written.execute, "COMMIT"))
    read.close()
    written.close()
    return seconds
