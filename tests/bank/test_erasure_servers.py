"""What an erasure leaves in the files of a server: what is told is so, and so is what helps.

On a PostgreSQL of its own, whose pages are on disk after each checkpoint; MariaDB writes a table's
pages when it is asked to.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import timebank
from servers import drop_database, mariadb, new_database, own_postgresql

pytestmark = pytest.mark.servers
SECRET = b"Zanobia Quaresima"
WHY = "asked on 2 March"


def erased(url: str) -> tuple[str, ...]:
    """What is told of the erasure of a name that was written before others."""
    with timebank.open(url) as bank:
        bank.open_account("m1", name=SECRET.decode() + "." * 1_000)  # what moves over it is less
        bank.open_account("m2", name="somebody else")
        return bank.erase("m1", reason=WHY).remains


def has(path: Path) -> bool:
    """Whether a file, or one of a folder, has the name."""
    files = [path] if path.is_file() else [file for file in path.rglob("*") if file.is_file()]
    assert files
    return any(SECRET in file.read_bytes() for file in files)


@pytest.fixture(scope="module")
def server() -> Iterator[Any]:
    """A PostgreSQL server."""
    made = own_postgresql()
    yield made
    made.cleanup()


@pytest.fixture
def postgresql(server: Any) -> Iterator[tuple[str, Path, Any]]:
    """A database of its own: its URL, the folder of the server's files, and somebody in it."""
    import psycopg

    folder = server.get_postmaster_info().socket_dir
    options: Any = {"host": str(folder), "user": "postgres", "autocommit": True}
    with psycopg.connect(**options) as admin:
        admin.execute("CREATE DATABASE erasures")
        with psycopg.connect(**options, dbname="erasures") as inside:
            yield (
                f"postgresql+psycopg://postgres@/erasures?host={folder}",
                Path(server.pgdata),
                inside,
            )
        admin.execute("DROP DATABASE erasures WITH (FORCE)")


def table(data: Path, inside: Any) -> Path:
    """The file of the table of texts, with all that was written so far."""
    inside.execute("CHECKPOINT")
    (path,) = inside.execute("SELECT pg_relation_filepath('timebank_texts')").fetchone()
    return Path(data, path)


def test_postgresql(postgresql: tuple[str, Path, Any]) -> None:
    """A plain vacuum may leave it in the file, a full one does not; `pg_wal` has it still."""
    url, data, inside = postgresql
    in_table, in_log = erased(url)
    assert has(table(data, inside))
    inside.execute("VACUUM timebank_texts")
    assert has(table(data, inside))
    before = table(data, inside)
    inside.execute("VACUUM FULL timebank_texts")
    assert not has(table(data, inside))
    assert not before.exists() or not has(before)
    assert not has(data / "base")
    assert has(data / "pg_wal")
    assert ("VACUUM FULL timebank_texts" in in_table, "pg_wal" in in_log) == (True, True)


def test_postgresql_while_somebody_may_still_see_it(postgresql: tuple[str, Path, Any]) -> None:
    """A transaction that began before keeps the row, though it never looks at the table."""
    import psycopg

    url, data, inside = postgresql
    with timebank.open(url) as bank:
        bank.open_account("m1", name=SECRET.decode())
        with psycopg.connect(inside.info.dsn) as reading:
            reading.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
            reading.execute("SELECT 1")
            (in_table, _) = bank.erase("m1", reason=WHY).remains
            inside.execute("VACUUM FULL timebank_texts")
            assert has(table(data, inside))
        inside.execute("VACUUM FULL timebank_texts")
        assert not has(table(data, inside))
    assert "when every transaction that may still see it has ended" in in_table


def test_postgresql_keeps_no_statistics_of_texts(postgresql: tuple[str, Path, Any]) -> None:
    """Else the commonest names would lie among them, where no erasure is."""
    url, data, inside = postgresql
    with timebank.open(url) as bank:
        for number in range(9):
            bank.open_account(f"m{number}", name=SECRET.decode())
        inside.execute("ANALYZE")
        columns = inside.execute(
            "SELECT attname FROM pg_stats WHERE tablename = 'timebank_texts' ORDER BY 1"
        ).fetchall()
        assert [("bank",), ("field",), ("salt",), ("sequence",)] == columns
        for number in range(9):
            bank.erase(f"m{number}", reason=WHY)
    inside.execute("VACUUM FULL timebank_texts")
    inside.execute("CHECKPOINT")
    assert not has(data / "base")


def test_mariadb() -> None:
    """The table's file has it until it is made anew; the redo log has it still."""
    import pymysql

    url = new_database("mariadb")
    name = url.partition("?")[0].rpartition("/")[2]
    data = mariadb().parent / "data"
    in_table, in_logs = erased(url)
    with (
        pymysql.connect(unix_socket=str(mariadb()), user="root", database=name) as session,
        session.cursor() as cursor,
    ):

        def in_file() -> bool:
            cursor.execute("FLUSH TABLES timebank_texts FOR EXPORT")
            found = has(data / name / "timebank_texts.ibd")
            cursor.execute("UNLOCK TABLES")
            return found

        assert in_file()
        cursor.execute("ANALYZE TABLE timebank_texts PERSISTENT FOR ALL")
        sql = "SELECT column_name, min_value FROM mysql.column_stats WHERE db_name = %s"
        cursor.execute(sql, (name,))
        assert {"bank", "sequence"} <= set(dict(found := cursor.fetchall()))
        assert "text" not in dict(found)
        cursor.execute("OPTIMIZE TABLE timebank_texts")
        assert not in_file()
        assert not has(data / name)
        assert has(data / "ib_logfile0")
    assert ("OPTIMIZE TABLE timebank_texts" in in_table, "redo log" in in_logs) == (True, True)
    drop_database(url)


def test_mariadb_while_somebody_may_still_see_it() -> None:
    """A transaction that began before, and never looked at the table, does not keep the row."""
    import pymysql

    url = new_database("mariadb")
    name = url.partition("?")[0].rpartition("/")[2]
    data = mariadb().parent / "data"
    options: Any = {"unix_socket": str(mariadb()), "user": "root", "database": name}
    with timebank.open(url) as bank:
        bank.open_account("m1", name=SECRET.decode())
        with pymysql.connect(**options) as reading, pymysql.connect(**options) as session:
            reading.cursor().execute("START TRANSACTION WITH CONSISTENT SNAPSHOT")
            bank.erase("m1", reason=WHY)
            cursor = session.cursor()
            cursor.execute("OPTIMIZE TABLE timebank_texts")
            cursor.execute("FLUSH TABLES timebank_texts FOR EXPORT")
            assert not has(data / name / "timebank_texts.ibd")
            cursor.execute("UNLOCK TABLES")
    drop_database(url)
