"""`timebank migrate`: files that an older version made, as they were stored then."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import textwrap
from contextlib import closing
from pathlib import Path
from types import ModuleType

import pytest

import timebank
from timebank import TimeBank
from timebank.errors import InvalidRequest, NotFound, StoreBusy, StoreError
from timebank.storage import migrate_store, open_store
from timebank.storage.sqlite import migrate_sqlite, schema

DATA = Path(__file__).parents[1] / "data"
SOURCE = str(Path(timebank.__file__).parent.parent)
#: Where the banks of the stored file stood when it was made.
HEADS = {
    "main": "timebank/1 id-1 16 0e0e4433d9383bee9c4cecdffec682696894d1d1c90539d8b7b850d2e9078fa2",
    "via-verdi": (
        "timebank/1 id-2 3 41daabc000e400f9bffc5b8fc801e75a7284c25ae6aad60d4c6f2a8e600b83aa"
    ),
}


#: What is still to be done to a file of each older version.
PENDING = {"0001": ["0002_banks", "0003_holds"], "0002": ["0003_holds"]}


def made(path: Path, version: str) -> Path:
    """A file as this version made it, with a table of the host's beside ours."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.executescript((DATA / f"schema-{version}.sql").read_text("utf-8"))
        connection.execute("CREATE TABLE bookings (bank REFERENCES timebank_banks (bank))")
        connection.execute("INSERT INTO bookings VALUES ('main')")
    return path


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """A file of the oldest version."""
    return made(tmp_path / "old.db", "0001")


@pytest.fixture(params=PENDING)
def older(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Path, list[str]]:
    """A file of each older version, and what is still to be done to it."""
    return made(tmp_path / "old.db", request.param), PENDING[request.param]


def dump(path: Path) -> list[str]:
    """Every statement that would make the file again, in a stable order."""
    with closing(sqlite3.connect(path)) as connection:
        return sorted(connection.iterdump())


def heads_of(path: Path) -> dict[str, str]:
    """Where each bank stands; each is audited."""
    heads = {}
    with closing(open_store(f"sqlite:///{path}", create=False)) as store:
        for name in store.banks():
            bank = TimeBank(store, bank=name, create=False)
            assert () == bank.audit().findings
            heads[name] = str(bank.head())
    return heads


def test_a_file_of_each_older_version_opens_after_it(older: tuple[Path, list[str]]) -> None:
    """The heads are those of then, the audit finds nothing, and the bank goes on."""
    old, pending = older
    assert pending == migrate_sqlite(f"sqlite:///{old}")
    assert HEADS == heads_of(old)
    with timebank.open(f"sqlite:///{old}", create=False) as bank:
        assert "Maria R." == bank.account("m1").name
        bank.transfer(earner="m1", spender="f1", hours=1)
        bank.hold(earner="m1", spender="f1", hours=1)
        assert () == bank.audit().findings
    with closing(sqlite3.connect(old)) as connection:
        assert [("main",)] == connection.execute("SELECT bank FROM bookings").fetchall()
        assert [] == connection.execute("PRAGMA foreign_key_check").fetchall()


def test_a_migrated_file_has_the_schema_of_a_fresh_one(
    older: tuple[Path, list[str]], tmp_path: Path
) -> None:
    """To the letter: tables, indexes and triggers, and the record of what was applied."""
    old, _ = older

    def schema(path: Path) -> list[tuple[str, ...]]:
        with closing(sqlite3.connect(path)) as connection:
            made = connection.execute(
                "SELECT type, name, tbl_name, sql FROM sqlite_master WHERE tbl_name <> 'bookings'"
            ).fetchall()
            return (
                sorted(map(repr, made))
                + connection.execute("SELECT * FROM timebank_migrations ORDER BY id").fetchall()
            )

    fresh = tmp_path / "fresh.db"
    open_store(f"sqlite:///{fresh}", create=True).close()
    migrate_sqlite(f"sqlite:///{old}")
    assert schema(fresh) == schema(old)


def test_only_the_banks_are_made_anew(old: Path) -> None:
    """Every row of every table is there as it was."""
    before = dump(old)
    migrate_sqlite(f"sqlite:///{old}")
    gone = [line for line in before if line not in dump(old)]
    assert [line for line in gone if not line.startswith("CREATE TABLE timebank_banks")] == []
    assert 1 == len(gone)


def test_a_journal_may_lie_twice_in_one_store(old: Path) -> None:
    """What the migration is for: every key begins with the bank."""
    migrate_sqlite(f"sqlite:///{old}")
    with closing(open_store(f"sqlite:///{old}", create=False)) as store:
        store.make_bank("second", journal="id-1")
        assert ["main", "second", "via-verdi"] == list(store.banks())


@pytest.mark.parametrize(("create", "read_only"), [(True, False), (False, False), (False, True)])
def test_open_says_what_to_run(old: Path, *, create: bool, read_only: bool) -> None:
    """A file of an older version is not opened, and nothing in it is changed."""
    before = dump(old)
    url = f"sqlite:///{old}"
    with pytest.raises(StoreError) as caught:
        open_store(url, create=create, read_only=read_only)
    message = f'{old} was made by an older timebank: run "timebank migrate {url}"'
    assert message == str(caught.value)
    assert before == dump(old)


def test_nothing_to_do(old: Path, tmp_path: Path) -> None:
    """A second run, a fresh file, a private database."""
    url = f"sqlite:///{old}"
    assert [["0002_banks", "0003_holds"], []] == [migrate_store(url), migrate_store(url)]
    open_store(f"sqlite:///{tmp_path}/fresh.db", create=True).close()
    assert [] == migrate_store(f"sqlite:///{tmp_path}/fresh.db")
    assert [] == migrate_store("sqlite://")


def test_what_cannot_be_migrated(old: Path, tmp_path: Path) -> None:
    """It is said why, and no file is made or changed."""
    with closing(sqlite3.connect(tmp_path / "host.db")) as connection:
        connection.execute("CREATE TABLE bookings (id)")
    (tmp_path / "diary.txt").write_text("dear diary, " * 100, "utf-8")
    with closing(sqlite3.connect(old, isolation_level=None)) as connection:
        connection.execute("INSERT INTO timebank_migrations VALUES (9, 'timebank', '0999_x', '-')")
    before = {file.name: file.read_bytes() for file in tmp_path.iterdir()}
    for url, kind, message in (
        (f"sqlite:///{tmp_path}/none.db", NotFound, "no file"),
        (f"sqlite:///{tmp_path}/host.db", StoreError, "has no ledger in it"),
        (f"sqlite:///{tmp_path}/diary.txt", StoreError, "is not a SQLite database"),
        (f"sqlite:///{old}", StoreError, "newer timebank"),
        (f"sqlite:///{old}?x=1", InvalidRequest, "the one option"),
        ("memory:", InvalidRequest, "nothing of an older version"),
        ("nowhere://x", InvalidRequest, "'nowhere'"),
        ("bank.db", InvalidRequest, "a URL"),
    ):
        with pytest.raises(kind, match=message):
            migrate_store(url)
    with pytest.raises(TypeError, match="is a str, not a int"):
        migrate_store(3)  # type: ignore[arg-type]
    assert before == {file.name: file.read_bytes() for file in tmp_path.iterdir()}


def test_one_migrates_while_another_writes(old: Path) -> None:
    """It waits for the lock, then says that it was busy; a reader is no obstacle."""
    before = dump(old)
    with closing(sqlite3.connect(old, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreBusy):
            migrate_sqlite(f"sqlite:///{old}", busy_timeout_seconds=0)
        other.execute("ROLLBACK")
        assert before == dump(old)
        other.execute("BEGIN")
        assert 2 == other.execute("SELECT count(*) FROM timebank_banks").fetchone()[0]
        assert ["0002_banks", "0003_holds"] == migrate_sqlite(f"sqlite:///{old}")
        assert 16 == other.execute("SELECT max(sequence) FROM timebank_records").fetchone()[0]
    assert HEADS == heads_of(old)


def run(code: str, *words: str) -> subprocess.Popen[str]:
    """A Python program of its own."""
    return subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(code), *words],
        env={**os.environ, "PYTHONPATH": SOURCE},
        stdout=subprocess.PIPE,
        text=True,
    )


MIGRATE = """
    import sys
    from timebank.storage import migrate_store
    print(migrate_store(sys.argv[1]))
"""


def test_many_processes_migrate_at_once(old: Path) -> None:
    """One of them does it; the others find it done."""
    children = [run(MIGRATE, f"sqlite:///{old}") for _ in range(6)]
    printed = sorted(child.communicate()[0] for child in children)
    assert [0] * 6 == [child.returncode for child in children]
    assert ["['0002_banks', '0003_holds']\n"] + ["[]\n"] * 5 == printed
    assert HEADS == heads_of(old)


KILLED = """
    import itertools, os, shutil, signal, sqlite3, sys
    from timebank.storage.sqlite import schema

    def migrate(path, at):
        connection = sqlite3.connect(path, isolation_level=None)
        count = itertools.count(1)
        def end(statement):
            if next(count) == at:
                os.kill(os.getpid(), signal.SIGKILL)
        connection.set_trace_callback(end)
        schema.migrate(connection, path, 30)

    for at in itertools.count(1):
        path = f"{sys.argv[1]}.{at}"
        shutil.copy(sys.argv[1], path)
        child = os.fork()
        if not child:
            migrate(path, at)
            os._exit(0)
        if os.waitpid(child, 0)[1] == 0:
            break
    print(at)
"""


def test_a_kill_in_the_middle_leaves_the_old_one(older: tuple[Path, list[str]]) -> None:
    """Before whatever statement it comes; and migrating once more goes through."""
    old, pending = older
    before = dump(old)
    child = run(KILLED, str(old))
    printed = child.communicate()[0]
    assert 0 == child.returncode
    steps = int(printed)
    assert sum(map(len, (schema._REMAKE_BANKS, schema._HOLDS)[-len(pending) :])) < steps
    done = []
    for step in range(1, steps + 1):
        path = Path(f"{old}.{step}")
        done.append(dump(path) != before)
        migrate_sqlite(f"sqlite:///{path}")
        assert HEADS == heads_of(path)
    # The trace comes before a statement runs, so only what follows COMMIT finds it done.
    assert sorted(done) == done
    assert not done[steps // 2]
    assert done[-1]


def test_a_bank_that_cannot_be_moved_stops_it(old: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever fails in the middle, all of it is undone."""
    before = dump(old)
    broken = (*schema._REMAKE_BANKS, "SELECT no_such_column FROM timebank_banks")
    monkeypatch.setattr(schema, "_REMAKE_BANKS", broken)
    with pytest.raises(timebank.TimebankError, match="no_such_column"):
        migrate_sqlite(f"sqlite:///{old}")
    assert before == dump(old)


def test_servers_migrate_by_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """A URL of a SQL server goes to the store of SQL servers, loaded for it alone."""
    asked: list[str] = []

    def migrate_sql(url: str) -> list[str]:
        asked.append(url)
        return ["0001"]

    module = ModuleType("timebank.storage.server.store")
    vars(module)["migrate_sql"] = migrate_sql
    monkeypatch.setitem(sys.modules, module.__name__, module)
    for url in ("postgresql+psycopg://u@h/b", "mariadb+pymysql://u@h/b", "postgresql://h/b"):
        assert ["0001"] == migrate_store(url)
        assert url.replace("postgresql:", "postgresql+psycopg:") == asked[-1]
