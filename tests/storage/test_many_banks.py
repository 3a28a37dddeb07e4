"""One bank costs its own: what a call reads is the same alone and beside many other banks.

What is counted are rows of a server's tables, and pages of a file: no test here looks at a clock.
"""

from __future__ import annotations

import sqlite3
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import pytest

import timebank
from benchmarks.many_banks import FIRST, amount_read, audited, multiply, small_bank
from servers import ON_SERVERS, drop_database, new_database
from timebank.audit import audit_banks
from timebank.storage import open_store
from timebank.storage.tables import FEW, MANY, TABLES, Queries

#: So many banks lie beside each other; the one in the middle is looked at.
BANKS = 60
OTHER = f"bank-{BANKS // 2:05d}"
STORES = (
    pytest.param(
        "sqlite",
        marks=pytest.mark.skipif(
            sys.platform != "linux", reason="what a process has read is told by Linux alone"
        ),
    ),
    *ON_SERVERS,
)


def made(store: str, folder: Path, name: str) -> str:
    """The URL of a store with the one bank."""
    url = f"sqlite:///{folder / name}.db" if store == "sqlite" else new_database(store)
    small_bank(url)
    return url


@pytest.fixture(name="place")
def new_place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[str, str]]:
    """The URLs of a store with one bank, and of one with many."""
    store = request.param
    urls = made(store, tmp_path, "alone"), made(store, tmp_path, "many")
    multiply(urls[1], BANKS)
    yield urls
    for url in urls:
        if store != "sqlite":
            drop_database(url)


def run(statements: list[str], url: str) -> None:
    """Run statements past the library, where keys and guards are off."""
    if url.startswith("sqlite"):
        with closing(sqlite3.connect(url.removeprefix("sqlite:///"), isolation_level=None)) as file:
            for statement in statements:
                file.execute(statement)
        return
    store: Any = open_store(url, create=False)
    off = {
        "postgresql": "SET session_replication_role = replica",
        "mariadb": "SET foreign_key_checks = 0",
    }[store.dialect.name]
    with closing(store), store.transaction() as (_, transaction):
        for statement in (off, *statements):
            transaction.cursor.execute(statement)
        store.dialect.commit(transaction.cursor)


# -- what calls read ---------------------------------------------------------------------


def transferred(url: str, bank: str) -> None:
    """A transfer, what it leads to, and what is asked most."""
    with closing(timebank.open(url, bank=bank, create=False)) as one:
        one.transfer(earner="m1", spender="m2", hours=1, id="once")
        one.transfer(earner="m1", spender="m2", hours=1, id="once")
        one.reverse("once", reason="it was not")
        assert 10 == len(one.trial_balance().lines)
        list(one.statement("m1").lines)
        list(one.holds())


def rebuilt(url: str, bank: str) -> None:
    """The derived rows thrown away and made anew."""
    with closing(timebank.open(url, bank=bank, create=False)) as one:
        one.rebuild()


def opened(url: str, bank: str) -> None:
    """The bank opened, and its head."""
    with closing(timebank.open(url, bank=bank)) as one:
        one.head()


def copied(url: str, bank: str) -> None:
    """A copy into another store."""
    from timebank.bank.carrying import copy_bank

    with closing(open_store(url, create=False)) as store:
        copy_bank(store, open_store("memory:", create=True), bank=bank)


WORK: dict[str, Callable[[str, str], object]] = {
    "audit": audited,
    "quick": partial(audited, quick=True),
    "opened": opened,
    "copied": copied,
    "rebuilt": rebuilt,
}


@pytest.mark.parametrize("place", STORES, indirect=True)
def test_what_a_call_reads_is_of_its_own_bank(place: tuple[str, str]) -> None:
    """Sixty banks beside it add less than a tenth, and of pages those of a higher tree."""
    alone, many = place
    checkpoint = audited(alone, FIRST).checkpoint
    works: dict[str, Callable[[str, str], object]] = {
        **WORK,
        "since": partial(audited, since=checkpoint),
    }
    for name, work in works.items():
        if alone.startswith("sqlite"):
            work(alone, FIRST)  # what is read as pages would be modules too, the first time
        few = amount_read(alone, partial(work, alone, FIRST))
        read = amount_read(many, partial(work, many, OTHER))
        slack = 30 if alone.startswith("sqlite") else 10
        assert read <= few * 1.1 + slack, (name, few, read)


@pytest.mark.parametrize("place", STORES, indirect=True)
def test_what_a_transfer_reads_is_of_its_own_bank(place: tuple[str, str]) -> None:
    """The same of what writes, and of what is asked after it."""
    alone, many = place
    few = amount_read(alone, partial(transferred, alone, FIRST))
    read = amount_read(many, partial(transferred, many, OTHER))
    slack = 40 if alone.startswith("sqlite") else 10
    assert read <= few * 1.1 + slack


# -- questions, whatever a planner believes ----------------------------------------------


def questions(sql: Queries, bank: str) -> dict[str, tuple[str, tuple[object, ...]]]:
    """Each question that a bank asks, with values that find a little."""
    most = 2**53
    own: dict[str, tuple[object, ...]] = {
        "head": (),
        "records": (100, 50),
        "find": ("t3",),
        "referring": (13,),
        "texts": (20, 30),
        "account": ("m3",),
        "accounts": ("m3", 3),
        "first_accounts": (3,),
        "last_posting": ("m3", most),
        "postings": ("m3", 5, 10),
        "by_day": ("m3", "~", "", "", -1, 10),
        "by_day_back": ("m3", "", "~", "~", most, 10),
        "holds": (-5, -5, "", 10),
        "holds_of": ("m1", -5, -5, -5, 10),
        "statutes": (most, 2),
        "tiles": (0, -1, 256),
    }
    asked = {name: (getattr(sql, name), (bank, *values)) for name, values in own.items()}
    for size in (FEW, MANY):
        ids = [f"t{number}" for number in range(size)]
        asked[f"sequences of {size}"] = (sql.sequences[size], (bank, *ids))
    asked["has_rows"] = (sql.has_rows, (bank,) * len(TABLES))
    return asked


def read_in_session(store: Any, cursor: Any) -> int:
    """The rows of tables and indexes that the transaction, or the session, has read so far."""
    if store.dialect.name == "mariadb":
        cursor.execute("SHOW SESSION STATUS LIKE 'Handler_read%'")
        return sum(int(value) for _, value in cursor.fetchall())
    cursor.execute(
        "SELECT sum(pg_stat_get_xact_tuples_returned(oid)) FROM pg_class "
        "WHERE relname LIKE 'timebank%' AND relkind IN ('r', 'i')"
    )
    return int(cursor.fetchone()[0])


def with_statistics(url: str, *, fresh: bool) -> None:
    """Let the planner know of all banks, or of the first alone, and learn nothing more."""
    store: Any = open_store(url, create=False)
    tables = ("timebank_banks", *TABLES)
    if store.dialect.name == "mariadb":
        off = "ALTER TABLE {} STATS_PERSISTENT=1 STATS_AUTO_RECALC=0"
        analyze = "ANALYZE TABLE {} PERSISTENT FOR ALL"
    else:
        off, analyze = "ALTER TABLE {} SET (autovacuum_enabled = off)", "ANALYZE {}"
    with closing(store), store.transaction() as (_, transaction):
        for table in tables:
            transaction.cursor.execute(off.format(table))
            transaction.cursor.execute(analyze.format(table))
        store.dialect.commit(transaction.cursor)
    if not fresh:
        multiply(url, 20)


@pytest.mark.parametrize("fresh", [True, False], ids=["fresh", "stale"])
@pytest.mark.parametrize("server", ON_SERVERS)
def test_no_question_reads_what_it_does_not_answer(server: str, fresh: bool) -> None:
    """With statistics of before there were other banks too: a page, an id, a sum of one bank.

    A planner that believes that there is one bank walks through all of a table; one that believes
    that a bank has no rows takes any index for as good as another.
    """
    url = new_database(server)
    small_bank(url, records=300)
    if fresh:
        multiply(url, 20)
    with_statistics(url, fresh=fresh)
    store: Any = open_store(url, create=False)
    wrong = []
    with closing(store):
        for bank in (FIRST, "bank-00010"):
            for sql in (store.dialect.reading, store.dialect.writing):
                with store.transaction() as (_, transaction):
                    cursor = transaction.cursor
                    for name, (question, values) in questions(sql, bank).items():
                        before = read_in_session(store, cursor)
                        cursor.execute(question, values)
                        rows = len(cursor.fetchall())
                        read = read_in_session(store, cursor) - before
                        # An index and its table count twice, a look behind the last row once.
                        if read > 3 * rows + 10 + FEW:
                            wrong.append((bank, name, rows, read))
    drop_database(url)
    assert [] == wrong


@pytest.mark.parametrize("server", ON_SERVERS)
def test_no_sum_reads_other_banks_rows(server: str) -> None:
    """What a quick audit adds up, and what an audit compares, with stale statistics."""
    url = new_database(server)
    small_bank(url, records=300)
    with_statistics(url, fresh=False)
    store: Any = open_store(url, create=False)
    read: dict[str, int] = {}
    with closing(store):
        for bank in (FIRST, "bank-00010"):
            for name in ("sums", "own_faults"):
                with store.reader(bank) as reader:
                    cursor = reader.transaction().cursor
                    before = read_in_session(store, cursor)
                    assert [] == list(getattr(reader, name)())
                    read[f"{bank} {name}"] = read_in_session(store, cursor) - before
    drop_database(url)
    # 300 records, 576 postings and 297 texts, of which each sum and reference has some; of all
    # twenty banks one statement alone would read 11,000.
    assert not {name: rows for name, rows in read.items() if rows > 9_000}


# -- what is found -----------------------------------------------------------------------

STRAY = (
    "INSERT INTO timebank_accounts (bank, account, kind, status, opened) "
    "VALUES ('ghost', 'm1', 'fund', 'open', 1)"
)
LOST = f"DELETE FROM timebank_accounts WHERE bank = '{OTHER}' AND account = 'm1'"
ODD = "INSERT INTO timebank_statutes (bank, sequence, version) VALUES ('{}', 999, 'v')"


def found(url: str, bank: str) -> set[str]:
    """The checks under which an audit of a bank finds something."""
    return {finding.check for finding in audited(url, bank).findings}


@pytest.mark.parametrize("place", STORES, indirect=True)
def test_all_is_found_that_each_audit_found(place: tuple[str, str]) -> None:
    """Rows of no bank by the audit of all; what refers to nothing by its own bank's audit too."""
    _, many = place
    run([STRAY, LOST, ODD.format(OTHER)], many)
    assert set() == found(many, FIRST)
    assert {"references", "derived"} <= found(many, OTHER)
    assert ("file", "orphans", "references") == audited(many, FIRST).apart
    with closing(open_store(many, create=False)) as store:
        reports = {one.bank: one.report for one in audit_banks(store)}
        with store.reader(FIRST) as reader:
            whole = {fault.check for fault in reader.faults()}
    storage = reports.pop(None)
    assert whole == {finding.check for finding in storage.findings} == {"orphans", "references"}
    assert ("file", "schema", "orphans", "references") == storage.checks
    assert [OTHER] == [bank for bank, report in reports.items() if not report.ok]
    assert BANKS == len(reports)
    assert not any({"orphans", "schema"} & set(report.checks) for report in reports.values())


@pytest.mark.parametrize("place", STORES, indirect=True)
def test_a_bank_that_is_alone_is_audited_with_all_its_storage(place: tuple[str, str]) -> None:
    """Rows of no bank too, and the report leaves nothing out."""
    alone, _ = place
    assert () == audited(alone, FIRST).apart
    run([STRAY], alone)
    assert "orphans" in found(alone, FIRST)


def test_an_index_without_its_rows_is_found_beside_other_banks(tmp_path: Path) -> None:
    """Where SQLite's own check of the whole file is left out, an index is counted."""
    url = made("sqlite", tmp_path, "many")
    multiply(url, 3)
    file = tmp_path / "many.db"
    name = "timebank_records_refers_to"
    forget = f"DELETE FROM sqlite_master WHERE name = '{name}'"
    change = "UPDATE timebank_records SET refers_to = NULL WHERE bank = 'bank-00001'"
    with closing(sqlite3.connect(file, isolation_level=None)) as editor:
        kept = editor.execute("SELECT * FROM sqlite_master WHERE name = ?", (name,)).fetchone()
        editor.execute("DROP TRIGGER timebank_records_no_update")
        editor.execute("PRAGMA writable_schema = ON")
        editor.execute(forget)
    with closing(sqlite3.connect(file, isolation_level=None)) as editor:
        editor.execute(change)  # the index, which is not there, learns nothing of it
        editor.execute("PRAGMA writable_schema = ON")
        editor.execute("INSERT INTO sqlite_master VALUES (?, ?, ?, ?, ?)", kept)
    report = audited(url, "bank-00001")
    assert ["index timebank_records_refers_to"] == [
        str(finding.place) for finding in report.findings if finding.check == "file"
    ]


class Bare:
    """A store of another make, which does not tell what is of one bank."""

    def __init__(self, store: Any) -> None:
        self._store = store
        self.url, self.asked = store.url, 0

    def banks(self) -> Any:
        """As the store has them."""
        return self._store.banks()

    def reader(self, bank: str) -> Any:
        """A reader without what is optional."""
        return _BareBlock(self, self._store.reader(bank))


class _BareBlock:
    def __init__(self, store: Bare, block: Any) -> None:
        self._store, self._block = store, block

    def __enter__(self) -> Any:
        self._reader = self._block.__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        self._block.__exit__(*error)

    def faults(self, progress: Any = None) -> Any:
        """Count how often it is asked."""
        self._store.asked += 1
        return self._reader.faults(progress)

    def __getattr__(self, name: str) -> Any:
        if name in ("own_faults", "is_shared", "schema_faults", "check_version"):
            raise AttributeError(name)
        return getattr(self._reader, name)


def test_a_store_that_cannot_tell_is_asked_with_each_bank(tmp_path: Path) -> None:
    """The longer way, with the same findings in each report as before."""
    url = made("sqlite", tmp_path, "many")
    multiply(url, 3)
    run([STRAY], url)
    with closing(open_store(url, create=False)) as store:
        bare: Any = Bare(store)
        reports = list(audit_banks(bare))
    assert 3 == bare.asked == len(reports)
    assert all("orphans" in {f.check for f in one.report.findings} for one in reports)
    assert {()} == {one.report.apart for one in reports}
