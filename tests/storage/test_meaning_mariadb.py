"""The audit of MariaDB's tables compares what they mean: each change is made, and looked at."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import pymysql
import pytest

from servers import allow, drop_database, new_database
from storage.mariadb_changes import MARIADB_ALTERS, MARIADB_KEEPS, MARIADB_OFTEN
from timebank.storage.server.mariadb import MariaDb
from timebank.storage.server.meaning import schema_faults
from timebank.storage.server.migrations import make_ledger, statements
from timebank.storage.server.rows import Transaction
from timebank.storage.server.schema import TABLE_NAMES

pytestmark = pytest.mark.servers


@contextmanager
def connected(database: dict[str, str]) -> Iterator[Transaction]:
    """A session of its own, of a user who may do everything."""
    options: Any = {**database, "charset": "utf8mb4", "autocommit": True}
    with pymysql.connect(**options) as connection:
        dialect = MariaDb()
        yield Transaction(dialect.cursor(connection), dialect, "here")


@pytest.fixture(scope="module")
def database() -> Iterator[dict[str, str]]:
    """A database with the tables of a ledger, by what connects to it."""
    allow(allowed=True)
    url = new_database("mariadb")
    name = url.partition("?")[0].rpartition("/")[2]
    options = {"unix_socket": url.partition("unix_socket=")[2], "user": "root", "database": name}
    with connected(options) as ledger:
        make_ledger(ledger)
    yield options
    drop_database(url)


@pytest.fixture
def ledger(database: dict[str, str]) -> Iterator[Transaction]:
    """A session; what its statements have named is made anew afterwards, which is quick."""
    ran: list[str] = []
    with connected(database) as transaction:
        cursor = transaction.cursor
        transaction.cursor = Remembering(cursor, ran)
        yield transaction
    with connected(database) as transaction:
        make_anew(transaction, set(re.findall(r"timebank_[a-z]+", " ".join(ran))))
        assert [] == schema_faults(transaction)


class Remembering:
    """A cursor that keeps what it was given to run."""

    def __init__(self, cursor: Any, ran: list[str]) -> None:
        self._cursor = cursor
        self._ran = ran

    def execute(self, sql: str, *values: Any) -> Any:
        """Run a statement; what begins with SELECT or SHOW changes nothing."""
        if not sql.startswith(("SELECT", "SHOW")):
            self._ran.append(sql)
        return self._cursor.execute(sql, *values)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._cursor, name)


def make_anew(ledger: Transaction, named: set[str]) -> None:
    """Drop the tables that were named, and all that are not ours; make ours."""
    run = ledger.cursor.execute
    run(
        "SELECT table_name, table_type = 'VIEW' FROM information_schema.tables "
        "WHERE table_schema = database()"
    )
    run_later = [
        f"DROP {'VIEW' if is_view else 'TABLE'} {name}"
        for name, is_view in ledger.cursor.fetchall()
        if name in named or name not in TABLE_NAMES
    ]
    run("SET foreign_key_checks = 0")
    for statement in run_later:
        run(statement)
    for statement in statements("mariadb"):
        if not statement.startswith("CREATE TABLE") or _table(statement) in named:
            run(statement)
    for statement in ledger.dialect.triggers():
        if _table(statement) in named:
            run(statement)
    for name in ("guards", "0001_ledger"):
        run("INSERT IGNORE INTO timebank_migrations VALUES (%s)", (name,))
    run("SET foreign_key_checks = 1")


def _table(statement: str) -> str:
    found = re.search(r"timebank_[a-z]+", statement)
    return "" if found is None else found[0]


def told(ledger: Transaction, change: tuple[str, ...]) -> str:
    """All that is said after a change."""
    for statement in change:
        ledger.cursor.execute(statement)
    return "\n".join(" | ".join(map(str, fault)) for fault in schema_faults(ledger))


def few(changes: Iterable[str], often: set[str]) -> list[Any]:
    """Some changes, and the others for the night: MariaDB takes long to make a table."""
    return [
        name if name in often else pytest.param(name, marks=pytest.mark.nightly) for name in changes
    ]


@pytest.mark.parametrize("name", few(MARIADB_ALTERS, MARIADB_OFTEN))
def test_what_alters_a_meaning_is_named(ledger: Transaction, name: str) -> None:
    """Whatever it is called, and whatever is there under the right name."""
    change, words = MARIADB_ALTERS[name]
    found = told(ledger, change)
    assert found, "nothing was found"
    assert words in found


@pytest.mark.parametrize("name", few(MARIADB_KEEPS, MARIADB_OFTEN))
def test_what_alters_no_meaning_passes(ledger: Transaction, name: str) -> None:
    """Whatever an administrator does for speed, order or rights."""
    assert "" == told(ledger, MARIADB_KEEPS[name])
