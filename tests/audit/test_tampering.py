"""Every column of every table of a file is changed in turn: the audit names each change.

Whoever can write the file can also take the triggers and checks away and put them back,
so that is how it is done here.
"""

from __future__ import annotations

import hashlib
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import date
from pathlib import Path
from typing import Any

import pytest

import timebank
from support import Clock, fill, fill_with_members, fill_with_rules, sources
from timebank import AuditReport, TimebankError
from timebank.audit import unreadable

TABLES = {
    "timebank_banks": ("bank",),
    "timebank_records": ("bank", "sequence"),
    "timebank_texts": ("bank", "sequence", "field"),
    "timebank_accounts": ("bank", "account"),
    "timebank_postings": ("bank", "account", "version"),
    "timebank_holds": ("bank", "account", "expires_at", "sequence"),
    "timebank_statutes": ("bank", "sequence"),
    "timebank_migrations": ("id",),
}

#: Tables with so many rows that to change each of them is slow; of the longest it takes minutes.
LARGE = {
    "timebank_records",
    "timebank_postings",
    "timebank_accounts",
    "timebank_texts",
    "timebank_holds",
}
#: Of large tables, every how many-th row is changed by day; at night it is each.
STRIDE = 37


def marked(table: str, *more: str) -> Iterator[Any]:
    """Yield parameters of a test that changes rows of a table, with the marks that they need."""
    name = "-".join((table, *more))
    if table not in LARGE:
        yield pytest.param(table, *more, 1, id=name)
        return
    yield pytest.param(table, *more, STRIDE, id=name, marks=pytest.mark.slow)
    yield pytest.param(
        table, *more, 1, id=f"{name}-all", marks=[pytest.mark.slow, pytest.mark.nightly]
    )


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small bank with every kind of record, in a file that nobody has open."""
    path = tmp_path_factory.mktemp("tampering") / "bank.db"
    clock = Clock()
    with timebank.open(f"sqlite:///{path}", **sources(clock)) as bank:
        fill(bank)
        fill_with_rules(bank)
        fill_with_members(bank, clock)
        bank.erase("f1", reason="asked")
        correct(bank)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return path


def correct(bank: timebank.TimeBank) -> None:
    """An exchange, an account and a duplicate are put right, and books are closed."""
    bank.open_account("m1 again", joined_on=date(2026, 2, 1))
    bank.transfer(earner="m1 again", spender="f1", hours="0:15", id="errand", note="post")
    bank.amend("errand", category="errands", note="post office", reason="what it was")
    bank.amend_account("m1 again", joined_on=date(2026, 2, 2), reason="a slip")
    bank.merge("m1 again", into="m1", reason="one and the same")
    bank.close_books(through=date(2026, 2, 28), reason="the board")


@pytest.fixture
def copy(original: Path, tmp_path: Path) -> Path:
    """A copy that a test may spoil."""
    return Path(shutil.copy(original, tmp_path / "copy.db"))


def audited(path: Path) -> AuditReport:
    """The audit as the command line makes it: read-only, whatever the file is."""
    try:
        url = f"sqlite:///{path}"
        with timebank.open(url, create=False, read_only=True, **sources()) as bank:
            return bank.audit()
    except TimebankError as error:
        return unreadable(error)


@contextmanager
def tampering(path: Path) -> Iterator[sqlite3.Connection]:
    """A connection on which nothing is refused; the triggers are put back at the end."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA ignore_check_constraints = ON")
        sql = "SELECT name, sql FROM sqlite_master WHERE type = 'trigger'"
        triggers = connection.execute(sql).fetchall()
        for name, _ in triggers:
            connection.execute(f"DROP TRIGGER {name}")
        yield connection
        for _, statement in triggers:
            connection.execute(statement)


def columns(path: Path, table: str) -> list[str]:
    """The names of a table's columns."""
    with closing(sqlite3.connect(path)) as connection:
        return [row[1] for row in connection.execute(f"PRAGMA table_info({table})")]


def rows(path: Path, table: str) -> list[dict[str, object]]:
    """The rows of a table."""
    names = columns(path, table)
    with closing(sqlite3.connect(path)) as connection:
        found = connection.execute(f"SELECT {', '.join(names)} FROM {table}").fetchall()
    return [dict(zip(names, row, strict=True)) for row in found]


def changed(value: object) -> list[object]:
    """Other values for a column: another of its type, and the same in another type."""
    if isinstance(value, bool):
        return [not value]
    if isinstance(value, int):
        return [value + 1, value - 1, -value - 7, value + 0.5, str(value) + "x", None]
    if isinstance(value, str):
        return [value + "x", "", value.encode(), "inherit" if value != "inherit" else -3600, None]
    if isinstance(value, bytes):
        return [value[:-1] + bytes([value[-1] ^ 1]), value + b" ", value.hex(), b"", None]
    return [1, "x", b"x"]


def some_rows(path: Path, table: str, stride: int) -> list[tuple[int, dict[str, object]]]:
    """The rows of a table with their numbers: every so many-th, and the last."""
    found = list(enumerate(rows(path, table)))
    return [*found[:-1:stride], *found[-1:]]


def one(path: Path, table: str, row: dict[str, object]) -> tuple[str, list[object]]:
    """The condition that names one row by its key."""
    keys = TABLES[table]
    return " AND ".join(f"{key} IS ?" for key in keys), [row[key] for key in keys]


def every_column(path: Path) -> Iterator[tuple[str, str]]:
    for table in TABLES:
        for column in columns(path, table):
            yield table, column


COLUMNS = [
    *[("timebank_banks", name) for name in ("bank", "journal")],
    *[
        ("timebank_records", name)
        for name in ("bank", "sequence", "digest", "body", "kind", "id", "refers_to")
    ],
    *[("timebank_texts", name) for name in ("bank", "sequence", "field", "salt", "text")],
    *[
        ("timebank_accounts", name)
        for name in (
            "bank",
            "account",
            "kind",
            "status",
            "joined_on",
            "floor",
            "ceiling",
            "opened",
            "named",
            "merged_into",
        )
    ],
    *[
        ("timebank_postings", name)
        for name in ("bank", "account", "version", "sequence", "seconds", "balance", "day")
    ],
    *[
        ("timebank_holds", name)
        for name in ("bank", "account", "expires_at", "sequence", "held", "incoming")
    ],
    *[("timebank_statutes", name) for name in ("bank", "sequence", "version", "closed_through")],
    *[("timebank_migrations", name) for name in ("id", "migration_set", "name", "applied_at")],
]


def test_the_untouched_copy_is_clean(copy: Path) -> None:
    """Nothing is found where nothing was changed."""
    assert audited(copy).findings == ()


def test_the_records_of_the_bank_are_of_every_kind(original: Path) -> None:
    """What is not there cannot be tampered with."""
    with timebank.open(f"sqlite:///{original}", create=False, read_only=True) as bank:
        assert {record.kind for record in bank.records()} == {
            "open_account",
            "set_limits",
            "rename",
            "freeze",
            "thaw",
            "close_account",
            "reopen",
            "transfer",
            "reverse",
            "hold",
            "settle",
            "void",
            "adopt",
            "due",
            "name_delegate",
            "end_delegate",
            "erase",
            "amend",
            "amend_account",
            "merge",
            "close_books",
        }


def test_an_audit_changes_no_byte(copy: Path) -> None:
    """The file is read only: its bytes are the same before and after."""
    before = hashlib.sha256(copy.read_bytes()).hexdigest()
    assert audited(copy).ok
    assert hashlib.sha256(copy.read_bytes()).hexdigest() == before


def test_every_column_is_tampered_with(original: Path) -> None:
    """The table of columns below is that of the schema: a new column cannot be forgotten."""
    assert list(every_column(original)) == COLUMNS


@pytest.mark.parametrize(
    ("table", "column", "stride"), [one for pair in COLUMNS for one in marked(*pair)]
)
def test_each_changed_value_is_found(
    original: Path, tmp_path: Path, table: str, column: str, stride: int
) -> None:
    """A column that can be changed without notice carries no meaning, and does not exist."""
    unnoticed, changes = [], 0
    for number, row in some_rows(original, table, stride):
        for value in changed(row[column]):
            path = Path(shutil.copy(original, tmp_path / "changed.db"))
            where, key = one(path, table, row)
            with tampering(path) as connection:
                try:
                    connection.execute(
                        f"UPDATE {table} SET {column} = ? WHERE {where}", [value, *key]
                    )
                except sqlite3.IntegrityError:
                    continue  # what no statement can write needs no finding
            after = rows(path, table)
            if after == rows(original, table) and [*map(repr, after)] == [
                *map(repr, rows(original, table))
            ]:
                continue
            changes += 1
            if audited(path).ok:
                unnoticed.append((number, row[column], value))
    assert unnoticed == []
    assert changes > 0


@pytest.mark.parametrize(("table", "stride"), [one for table in TABLES for one in marked(table)])
def test_each_deleted_row_is_found(original: Path, tmp_path: Path, table: str, stride: int) -> None:
    """No row of any table can be taken away."""
    unnoticed = []
    for _, row in some_rows(original, table, stride):
        path = Path(shutil.copy(original, tmp_path / "deleted.db"))
        where, key = one(path, table, row)
        with tampering(path) as connection:
            connection.execute(f"DELETE FROM {table} WHERE {where}", key)
        if audited(path).ok:
            unnoticed.append(row)
    assert unnoticed == []


@pytest.mark.parametrize(
    ("table", "stride"),
    [one for table in TABLES if table != "timebank_banks" for one in marked(table)],
)
def test_each_doubled_row_is_found(original: Path, tmp_path: Path, table: str, stride: int) -> None:
    """No row can be put in beside another, whichever part of its key is changed.

    A second row of `timebank_banks` is left out: it is another, empty bank.
    """
    unnoticed, doubled = [], 0
    for _, row in some_rows(original, table, stride):
        for key in TABLES[table]:
            for value in changed(row[key]):
                path = Path(shutil.copy(original, tmp_path / "doubled.db"))
                twin = {**row, key: value}
                if table == "timebank_migrations":
                    twin["name"] = "another"  # a name is there once
                values = list(twin.values())
                marks = ", ".join("?" * len(values))
                with tampering(path) as connection:
                    try:
                        connection.execute(f"INSERT INTO {table} VALUES ({marks})", values)
                    except sqlite3.IntegrityError:
                        continue
                doubled += 1
                if audited(path).ok:
                    unnoticed.append((row, key, value))
    assert unnoticed == []
    assert doubled > 0


TRIGGERS = [
    f"timebank_{table}_no_{action}"
    for table in ("banks", "records", "postings")
    for action in ("update", "delete")
]


@pytest.mark.parametrize("trigger", TRIGGERS)
def test_a_dropped_trigger_is_found(copy: Path, trigger: str) -> None:
    """What refuses a change must be there."""
    with closing(sqlite3.connect(copy)) as connection:
        connection.execute(f"DROP TRIGGER {trigger}")
        connection.commit()
    assert {(f.check, f.place) for f in audited(copy).findings} == {
        ("schema", f"trigger {trigger}")
    }


@pytest.mark.parametrize("trigger", TRIGGERS)
def test_an_altered_trigger_is_found(copy: Path, trigger: str) -> None:
    """A trigger of the same name that refuses nothing is no trigger."""
    with closing(sqlite3.connect(copy)) as connection:
        sql = "SELECT tbl_name, sql FROM sqlite_master WHERE name = ?"
        table, statement = connection.execute(sql, [trigger]).fetchone()
        connection.execute(f"DROP TRIGGER {trigger}")
        connection.execute(f"CREATE TRIGGER {trigger} AFTER INSERT ON {table} BEGIN SELECT 1; END")
        connection.commit()
        assert {f.check for f in audited(copy).findings} == {"schema"}
        connection.execute(f"DROP TRIGGER {trigger}")
        connection.execute(statement)
        connection.commit()
    assert audited(copy).findings == ()


@pytest.mark.parametrize("table", TABLES)
def test_a_dropped_table_is_found(copy: Path, table: str) -> None:
    """A missing table is a finding and no exception."""
    with closing(sqlite3.connect(copy, isolation_level=None)) as connection:
        connection.execute(f"DROP TABLE {table}")
    assert not audited(copy).ok


def spoiled_index(connection: sqlite3.Connection) -> None:
    connection.execute("DROP INDEX timebank_postings_day")


def added_column(connection: sqlite3.Connection) -> None:
    connection.execute("ALTER TABLE timebank_texts ADD COLUMN more TEXT")


def added_table(connection: sqlite3.Connection) -> None:
    connection.execute("CREATE TABLE timebank_more (a)")


def added_trigger(connection: sqlite3.Connection) -> None:
    connection.execute("CREATE TRIGGER quiet AFTER INSERT ON timebank_records BEGIN SELECT 1; END")


@pytest.mark.parametrize("spoil", [spoiled_index, added_column, added_table, added_trigger])
def test_another_schema_is_found(copy: Path, spoil: Callable[[sqlite3.Connection], None]) -> None:
    """The tables are exactly as this version makes them, and nothing hangs on them."""
    with closing(sqlite3.connect(copy, isolation_level=None)) as connection:
        spoil(connection)
    assert "schema" in {f.check for f in audited(copy).findings}


@pytest.mark.parametrize("is_shared", [False, True])
def test_an_index_that_leads_elsewhere_is_found(copy: Path, is_shared: bool) -> None:
    """Also by an audit beside another bank, which does not check the whole file."""
    if is_shared:
        timebank.open(f"sqlite:///{copy}", bank="another").close()
    first = "UPDATE timebank_postings SET version = ? WHERE version = ? AND account = 'm1'"
    with tampering(copy) as connection:
        connection.execute(first, (999, 1))
        (index,) = connection.execute(
            "SELECT * FROM sqlite_master WHERE name = 'timebank_postings_day'"
        )
        connection.execute("PRAGMA writable_schema = ON")
        connection.execute("DELETE FROM sqlite_master WHERE name = 'timebank_postings_day'")
    with tampering(copy) as connection:  # which does not know of the index
        connection.execute(first, (1, 999))
        connection.execute("PRAGMA writable_schema = ON")
        connection.execute("INSERT INTO sqlite_master VALUES (?, ?, ?, ?, ?)", index)
    report = audited(copy)
    found = {one.check for one in report.findings}
    assert (True, not is_shared) == ("derived" in found, "file" in found)


@pytest.mark.parametrize("is_shared", [False, True])
def test_an_index_of_ids_that_leads_elsewhere_is_found(copy: Path, is_shared: bool) -> None:
    """One id finds nothing and another two records, so that as many are found as there are."""
    with timebank.open(f"sqlite:///{copy}") as bank:
        since = bank.audit().checkpoint
        for id in ("one", "two"):
            bank.transfer(earner="m1", spender="f1", hours="0:01", id=id)
    if is_shared:
        timebank.open(f"sqlite:///{copy}", bank="another").close()
    with tampering(copy) as connection:
        (sql,) = connection.execute(
            "SELECT sql FROM sqlite_master WHERE name = 'timebank_records_id'"
        ).fetchone()
        connection.execute("DROP INDEX timebank_records_id")
        connection.execute(
            "CREATE INDEX timebank_records_id ON timebank_records"
            " (bank, CASE id WHEN 'one' THEN 'two' ELSE id END) WHERE id IS NOT NULL"
        )
        connection.execute("PRAGMA writable_schema = ON")
        connection.execute(
            "UPDATE sqlite_master SET sql = ? WHERE name = 'timebank_records_id'", (sql,)
        )
    with timebank.open(f"sqlite:///{copy}") as bank:
        for report in (bank.audit(), bank.audit(since=since)):
            assert 2 == [one.check for one in report.findings].count("ids")


def test_a_damaged_page_is_found(original: Path, tmp_path: Path) -> None:
    """Whichever page of the file is overwritten, the audit says so and does not raise."""
    data = original.read_bytes()
    size = int.from_bytes(data[16:18], "big")
    clean = []
    for page in range(len(data) // size):
        path = tmp_path / "damaged.db"
        path.write_bytes(data[: page * size] + b"\xa5" * size + data[(page + 1) * size :])
        if audited(path).ok:
            clean.append(page)
    assert clean == []


def test_a_truncated_file_is_found(original: Path, tmp_path: Path) -> None:
    """A file that ends too early is a finding."""
    data = original.read_bytes()
    path = tmp_path / "short.db"
    for length in (len(data) // 2, 5000, 100, 20):
        path.write_bytes(data[:length])
        assert not audited(path).ok
