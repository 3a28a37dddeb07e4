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
from support import fill, sources
from timebank.errors import InvalidRequest, NotFound, OtherVersion, StoreBusy, StoreError
from timebank.storage import migrate_store, open_store
from timebank.storage.sqlite import migrate_sqlite, schema

SOURCE = str(Path(timebank.__file__).parent.parent)
#: A migration as a later version may have one.
MORE = {"0002_more": ("CREATE TABLE more (a)", "INSERT INTO more VALUES (1)")}


@pytest.fixture
def old(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file of a version before this one, with a table of the host's beside ours."""
    path = tmp_path / "old.db"
    for name in ("main", "via-verdi"):
        with timebank.open(f"sqlite:///{path}", bank=name, **sources()) as bank:
            fill(bank)
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("CREATE TABLE bookings (bank REFERENCES timebank_banks (bank))")
        connection.execute("INSERT INTO bookings VALUES ('main')")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    for name, statements in MORE.items():
        monkeypatch.setitem(schema.STEPS, name, statements)
    return path


def dump(path: Path) -> list[str]:
    """Every statement that would make the file again, in a stable order."""
    with closing(sqlite3.connect(path)) as connection:
        return sorted(connection.iterdump())


def count_of(connection: sqlite3.Connection, table: str) -> int:
    """How many rows a table has."""
    (count,) = connection.execute(f"SELECT count(*) FROM {table}").fetchone()
    return int(count)


def test_a_file_of_an_older_version_opens_after_it(old: Path) -> None:
    """Every row of every table is there as it was, and the bank goes on."""
    before = dump(old)
    assert ["0002_more"] == migrate_sqlite(f"sqlite:///{old}")
    assert [line for line in before if line not in dump(old)] == []
    added = [line for line in dump(old) if line not in before]
    assert 3 == len(added)
    assert "(2,'timebank','0002_more','-')" in next(line for line in added if "migrations" in line)
    with timebank.open(f"sqlite:///{old}", create=False) as bank:
        bank.transfer(earner="m1", spender="f1", hours="0:01")


@pytest.mark.parametrize(("create", "read_only"), [(True, False), (False, False), (False, True)])
def test_open_says_what_to_run(old: Path, *, create: bool, read_only: bool) -> None:
    """A file of an older version is not opened, and nothing in it is changed."""
    before = dump(old)
    url = f"sqlite:///{old}"
    with pytest.raises(OtherVersion) as caught:
        open_store(url, create=create, read_only=read_only)
    message = f'{old} was made by an older timebank: run "timebank migrate {url}"'
    assert message == str(caught.value)
    assert before == dump(old)


@pytest.mark.parametrize("quick", [True, False])
def test_an_audit_of_a_bank_that_is_open_says_so_too(old: Path, *, quick: bool) -> None:
    """In a host's transaction, say: it is no damage, and there is no report."""
    with closing(sqlite3.connect(old, isolation_level=None)) as host:
        host.execute("BEGIN")
        bank = timebank.join(host)
        with pytest.raises(OtherVersion, match=r"older timebank: timebank\.migrate_store"):
            bank.audit(quick=quick)
        host.execute("ROLLBACK")
        migrate_sqlite(f"sqlite:///{old}")
        host.execute("BEGIN")
        places = {one.place for one in bank.audit(quick=quick).findings}
        assert places <= {"rows of timebank_migrations", "table more"}  # this test's own migration
        host.execute("ROLLBACK")
        host.execute("INSERT INTO timebank_migrations VALUES (9, 'timebank', '0999_x', '-')")
        host.execute("BEGIN")
        with pytest.raises(OtherVersion, match="newer timebank"):
            bank.audit(quick=quick)


def test_nothing_to_do(old: Path, tmp_path: Path) -> None:
    """A second run, a fresh file, a private database."""
    url = f"sqlite:///{old}"
    assert [["0002_more"], []] == [migrate_store(url), migrate_store(url)]
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
        (f"sqlite:///{old}?x=1", InvalidRequest, "has no option x"),
        ("memory:", InvalidRequest, "nothing of an older version"),
        ("nowhere://x", InvalidRequest, "'nowhere'"),
        ("none.db", NotFound, "no file"),
    ):
        with pytest.raises(kind, match=message):
            migrate_store(url)
    with pytest.raises(TypeError, match="by a URL or by the path of a file, not by a int"):
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
        assert 2 == count_of(other, "timebank_banks")
        assert ["0002_more"] == migrate_sqlite(f"sqlite:///{old}")
        assert 2 == count_of(other, "timebank_banks")
        other.execute("COMMIT")
        assert 1 == count_of(other, "more")


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
    from timebank.storage.sqlite import schema
    schema.STEPS["0002_more"] = ("CREATE TABLE more (a)", "INSERT INTO more VALUES (1)")
    print(migrate_store(sys.argv[1]))
"""


def test_many_processes_migrate_at_once(old: Path) -> None:
    """One of them does it; the others find it done."""
    children = [run(MIGRATE, f"sqlite:///{old}") for _ in range(6)]
    printed = sorted(child.communicate()[0] for child in children)
    assert [0] * 6 == [child.returncode for child in children]
    assert ["['0002_more']\n"] + ["[]\n"] * 5 == printed
    with closing(sqlite3.connect(old)) as connection:
        assert 1 == count_of(connection, "more")


KILLED = """
    import itertools, os, shutil, signal, sqlite3, sys
    from timebank.storage.sqlite import schema

    schema.STEPS["0002_more"] = ("CREATE TABLE more (a)", "INSERT INTO more VALUES (1)")

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


@pytest.mark.slow
def test_a_kill_in_the_middle_leaves_the_old_one(old: Path) -> None:
    """Before whatever statement it comes; and migrating once more goes through."""
    before = dump(old)
    child = run(KILLED, str(old))
    printed = child.communicate()[0]
    assert 0 == child.returncode
    steps = int(printed)
    assert len(MORE["0002_more"]) < steps
    done = []
    for step in range(1, steps + 1):
        path = Path(f"{old}.{step}")
        done.append(dump(path) != before)
        migrate_sqlite(f"sqlite:///{path}")
        with closing(sqlite3.connect(path)) as connection:
            assert 1 == count_of(connection, "more")
    # The trace comes before a statement runs, so only what follows COMMIT finds it done.
    assert sorted(done) == done
    assert not done[steps // 2]
    assert done[-1]


def test_a_step_that_fails_stops_it(old: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever fails in the middle, all of it is undone."""
    before = dump(old)
    broken = {"0002_more": (*MORE["0002_more"], "SELECT no_such_column FROM timebank_banks")}
    monkeypatch.setattr(schema, "STEPS", broken)
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


def test_a_file_that_forgot_who_made_its_tables_is_refused(tmp_path: Path) -> None:
    """Its list of migrations was emptied by hand: nothing is applied to it, and it is said why."""
    file = tmp_path / "forgot.db"
    timebank.open(f"sqlite:///{file}", create=True).close()
    with closing(sqlite3.connect(file, isolation_level=None)) as host:
        for (name,) in host.execute(
            "SELECT name FROM sqlite_master WHERE type = 'trigger'"
        ).fetchall():
            host.execute(f'DROP TRIGGER "{name}"')
        host.execute("DELETE FROM timebank_migrations")
    for call in (migrate_store, timebank.open):
        with pytest.raises(OtherVersion, match="no note that 0001_ledger made them"):
            call(f"sqlite:///{file}")
