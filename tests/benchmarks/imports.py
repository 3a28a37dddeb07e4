"""Importing TimeOverflow's CSV and JSON Lines, beside raw `sqlite3` with the same rows."""

from __future__ import annotations

import json
import random
import sqlite3
from contextlib import closing
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

import timebank
from benchmarks.loads import ACCOUNTS, pairs, timed
from benchmarks.table import Line, line
from timebank.interchange.engine.booking import run
from timebank.interchange.jsonl import export_jsonl
from timebank.interchange.jsonl.importing import import_jsonl
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


def jsonl(folder: Path, *, quick: bool) -> list[Line]:
    """A journal of exchanges with notes, written as JSON Lines, and a bank made of them."""
    number = 2_000 if quick else 50_000
    source, made = folder / "source.db", folder / "made.db"
    lines = folder / "bank.jsonl"
    with timebank.open(f"sqlite:///{source}") as bank:
        with bank.batch() as batch:
            for account in ACCOUNTS:
                batch.open_account(account, kind="fund", name=f"Vera {account}")
            for earner, spender, seconds, id, _ in pairs(number - len(ACCOUNTS), 1):
                hours = timebank.Hours.from_seconds(seconds)
                batch.transfer(earner=earner, spender=spender, hours=hours, id=id, note=f"no. {id}")
        written = timed(partial(_export, bank, lines))
    plain = timed(partial(_export_raw, source, folder / "raw.jsonl"))
    with closing(open_store(f"sqlite:///{made}", create=True)) as store, lines.open("rb") as file:
        read = timed(partial(import_jsonl, store, file))
    its = raw(made, folder / "raw.db")
    return [
        line(
            f"export of {number:,} records as JSON Lines", [written], "raw SELECT, written", [plain]
        ),
        line(f"import of {number:,} records, proved", [read], "raw sqlite3, one commit", [its]),
    ]


def _export(bank: timebank.TimeBank, place: Path) -> None:
    with place.open("wb") as file:
        file.writelines(export_jsonl(bank))


def _export_raw(source: Path, place: Path) -> None:
    """The bytes of each record and its texts, a line each."""
    with closing(sqlite3.connect(source)) as read, place.open("wb") as file:
        found = read.execute(
            "SELECT hex(digest), body, hex(salt), text FROM timebank_records "
            "LEFT JOIN timebank_texts USING (bank, sequence) ORDER BY sequence"
        )
        for digest, body, salt, text in found:
            said = json.dumps({"digest": digest, "salt": salt, "text": text})
            file.write(b"%s %s\n" % (said.encode(), body))


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
