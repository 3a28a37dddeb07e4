"""What the audit of one bank costs beside many others, and that of all: `python -m` prints it.

Ten thousand banks are made by one statement for each table: the rows of one under other names.
Beside the times stand the rows that the server read, or the pages of the file: that one bank is
as cheap among others as alone is seen there, whatever else the machine does.
"""

from __future__ import annotations

import argparse
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import timebank
from timebank.audit import AuditReport, audit_banks
from timebank.model import (
    AccountRow,
    HoldRow,
    PostingRow,
    RecordRow,
    StatuteRow,
    TextRow,
    TileRow,
)
from timebank.storage import open_store

#: The bank that is made by calls; the others have the same rows under names of their own.
FIRST: Final = "bank-00000"
#: The columns of their rows, parents before children.
COLUMNS: Final = {
    "records": RecordRow._fields,
    "texts": TextRow._fields,
    "accounts": AccountRow._fields,
    "postings": PostingRow._fields,
    "holds": HoldRow._fields,
    "statutes": StatuteRow._fields,
    "tiles": TileRow._fields,
}
_NUMBERS: Final = """WITH RECURSIVE numbers (n) AS (
    SELECT {first} UNION ALL SELECT n + 1 FROM numbers WHERE n < {last})"""
#: Banks that one statement adds.
_STEP: Final = 500
_STORES: Final = ("sqlite", "postgresql", "mariadb")
_ROUNDS: Final = 7


# -- many banks --------------------------------------------------------------------------


def small_bank(url: str, *, records: int = 30) -> None:
    """Make a bank of ten accounts, with names and notes, a hold, a reversal and a statute."""
    chance = random.Random(1)
    with closing(timebank.open(url, bank=FIRST)) as made:
        made.adopt(timebank.Statute(version="2026"))
        with made.batch() as batch:
            for number in range(10):
                batch.open_account(f"m{number}", name=f"Member {number}", kind="fund")
            batch.hold(earner="m1", spender="m2", hours="1:00", id="h1")
            for number in range(records - 13):
                earner, spender = chance.sample(range(10), 2)
                batch.transfer(
                    earner=f"m{earner}",
                    spender=f"m{spender}",
                    hours="0:30",
                    id=f"t{number}",
                    note=f"note {number}",
                )
            batch.reverse("t0", reason="twice", id="r0")


def multiply(url: str, banks: int) -> None:
    """Give a store that has the one bank more of them, up to so many."""
    edges = [*range(1, banks, _STEP), banks]
    with _runner(url) as run:
        for first, end in pairwise(edges):
            for table in ("banks", *COLUMNS):
                run(_statement(url, table, first, end - 1))


def _statement(url: str, table: str, first: int, last: int) -> str:
    """The statement that copies the first bank's rows of a table to banks of some numbers."""
    numbers = _NUMBERS.format(first=first, last=last)
    name = {
        "sqlite": "printf('bank-%05d', n)",
        "postgresql": "'bank-' || lpad(n::text, 5, '0')",
        "mariadb": "concat('bank-', lpad(n, 5, '0'))",
    }[url.partition(":")[0].partition("+")[0]]
    of_banks = ("journal",) if url.startswith("sqlite") else ("journal", "sequence", "digest")
    names = ", ".join(of_banks if table == "banks" else COLUMNS[table])
    into = f"INSERT INTO timebank_{table} (bank, {names})"
    rows = f"SELECT {name}, {names} FROM numbers, timebank_{table} WHERE bank = '{FIRST}'"
    parts = (into, numbers, rows) if url.startswith("mariadb") else (numbers, into, rows)
    return f"{' '.join(parts)} ORDER BY n"


@contextmanager
def _runner(url: str) -> Iterator[Callable[[str], Any]]:
    """What runs a statement, and commits it."""
    if url.startswith("sqlite"):
        import sqlite3

        path = url.removeprefix("sqlite:///")
        with closing(sqlite3.connect(path, isolation_level=None)) as file:
            file.execute("PRAGMA synchronous = OFF")
            yield file.execute
        return
    store: Any = open_store(url, create=False)

    def run(statement: str) -> None:
        with store.transaction() as (_, transaction):
            transaction.cursor.execute(statement)
            store.dialect.commit(transaction.cursor)

    with closing(store):
        yield run


# -- what is read ------------------------------------------------------------------------

_READ_HERE: Final = """SELECT (SELECT coalesce(sum(seq_tup_read), 0) FROM pg_stat_user_tables)
    + (SELECT coalesce(sum(idx_tup_read), 0) FROM pg_stat_user_indexes)"""
_OTHERS: Final = """SELECT count(*) FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid()"""


def amount_read(url: str, work: Callable[[], object]) -> int:
    """What work reads that closes its stores: rows of a server's tables, or pages of a file."""
    before = _read_so_far(url)
    work()
    return _read_so_far(url) - before


def _read_so_far(url: str) -> int:
    if url.startswith("sqlite"):
        lines = Path("/proc/self/io").read_text().splitlines()
        return int(dict(line.split(": ") for line in lines)["rchar"]) // 4096
    with closing(open_store(url, create=False)) as store:
        blocks: Any = store
        with blocks.transaction(read_only=True) as (_, transaction):
            cursor = transaction.cursor
            if url.startswith("mariadb"):
                cursor.execute("SHOW GLOBAL STATUS LIKE 'Handler_read%'")
                return sum(int(value) for _, value in cursor.fetchall())
    return _read_by_postgresql(url)


def _read_by_postgresql(url: str) -> int:
    """What sessions that have ended have read: they say so as they end."""
    import psycopg

    with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as session:
        while session.execute(_OTHERS).fetchone() != (0,):
            time.sleep(0.01)
        row = session.execute(_READ_HERE).fetchone()
        return 0 if row is None else int(row[0])


def audited(url: str, bank: str, **ask: Any) -> AuditReport:
    """The report of one bank's audit, by a store that is opened for it and closed."""
    with closing(timebank.open(url, bank=bank, create=False, read_only=True)) as one:
        return one.audit(**ask)


def all_audited(url: str) -> int:
    """Audit all banks, all of which are well; return how many there are."""
    with closing(open_store(url, create=False, read_only=True)) as store:
        found = list(audit_banks(store))
    if not all(one.report.ok for one in found):
        msg = "the banks that were made are not well"
        raise RuntimeError(msg)
    return len(found) - 1


# -- the table ---------------------------------------------------------------------------


def seconds(work: Callable[[], object], rounds: int = _ROUNDS) -> float:
    """The median of some rounds of work."""
    times = []
    for _ in range(rounds):
        begin = time.perf_counter()
        work()
        times.append(time.perf_counter() - begin)
    return statistics.median(times)


def _measured(alone: str, many: str, banks: int) -> Iterator[tuple[str, str, str]]:
    """What was asked, and its cost alone and among others."""
    asks: tuple[tuple[str, dict[str, Any]], ...] = (
        ("audit of one bank", {}),
        ("quick audit of one bank", {"quick": True}),
        ("audit since a checkpoint", {"since": audited(alone, FIRST).checkpoint}),
    )
    for name, ask in asks:
        costs = []
        for url, bank in ((alone, FIRST), (many, f"bank-{banks // 2:05d}")):
            with closing(timebank.open(url, bank=bank, create=False)) as one:
                taken = seconds(partial(one.audit, **ask))
            read = amount_read(url, partial(audited, url, bank, **ask))
            costs.append(f"{taken * 1000:.1f} ms, {read:,} read")
        yield name, costs[0], costs[1]


def _all_of(url: str, banks: int) -> str:
    begin = time.perf_counter()
    number = all_audited(url)
    taken = time.perf_counter() - begin
    return f"audit of all {number:,}: {taken:.1f} s, {taken / banks * 1000:.1f} ms a bank"


def main() -> None:
    """Make the banks, and print a table for each store."""
    import servers

    parser = argparse.ArgumentParser(prog="python -m benchmarks.many_banks", description=__doc__)
    parser.add_argument("--banks", type=int, default=10_000, help="left out: 10000")
    parser.add_argument("--only", choices=_STORES, help="one store")
    parser.add_argument("--all", action="store_true", help="audit all of them too: minutes")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        for store in _STORES if asked.only is None else (asked.only,):
            urls = []
            for place in ("alone", "many"):
                on_server = store != "sqlite"
                url = servers.new_database(store) if on_server else f"sqlite:///{folder}/{place}.db"
                small_bank(url)
                urls.append(url)
            begin = time.perf_counter()
            multiply(urls[1], asked.banks)
            made = time.perf_counter() - begin
            sys.stdout.write(f"{store}: {asked.banks:,} banks, made in {made:.0f} s\n")
            for name, alone, many in _measured(urls[0], urls[1], asked.banks):
                sys.stdout.write(f"  {name}: alone {alone}; among them {many}\n")
            if asked.all:
                sys.stdout.write(f"  {_all_of(urls[1], asked.banks)}\n")


if __name__ == "__main__":
    main()
