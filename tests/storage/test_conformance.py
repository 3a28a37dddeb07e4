"""Our own stores, through the kit that is shipped for everybody's."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

from timebank.errors import Conflict, Corrupt, StoreBusy, StoreError, TimebankError
from timebank.storage import open_store
from timebank.storage.sqlite.errors import translated
from timebank.testing import StoreConformance


class TestMemory(StoreConformance):
    """Private to its process, and gone with it."""

    shared = False
    makes_banks = True
    droppable = True

    def new_url(self, folder: Path) -> str:
        """Implement `StoreUnderTest.new_url`."""
        return "memory:"


class TestPrivateSqlite(StoreConformance):
    """One connection in all, which readers and writers take in turn."""

    random_histories = 6
    shared = False
    snapshots = False
    adds_up = True
    finds_many = True
    adds_late = True
    surveys = True
    finds_postings = True
    gives_columns = True
    versioned = True
    sees_schema = True
    finds_own = True
    makes_banks = True
    confirming = True
    finds_following = True
    droppable = True

    def new_url(self, folder: Path) -> str:
        """Implement `StoreUnderTest.new_url`."""
        return "sqlite://"


def failed(code: int, message: str = "it failed") -> sqlite3.Error:
    """An error as the driver raises it."""
    error = sqlite3.OperationalError(message)
    error.sqlite_errorcode = code
    return error


class TestSqliteFile(StoreConformance):
    """A file, with everything that can be declared; some of the steps by day."""

    stride = 9
    random_histories = 6
    guards = True
    traced = True
    translated = True
    adds_up = True
    finds_many = True
    adds_late = True
    surveys = True
    finds_postings = True
    gives_columns = True
    versioned = True
    sees_schema = True
    finds_own = True
    makes_banks = True
    confirming = True
    finds_following = True
    droppable = True
    addressed = True

    def new_url(self, folder: Path) -> str:
        """Implement `StoreUnderTest.new_url`."""
        return f"sqlite:///{folder / 'bank.db'}"

    @contextmanager
    def statements(self, before: Callable[[str], None]) -> Iterator[None]:
        """Implement `StoreUnderTest.statements`, by connections that say what they run."""

        class Saying(sqlite3.Connection):
            def execute(self, sql: str, *values: Any) -> sqlite3.Cursor:
                before(sql)
                return super().execute(sql, *values)

            def executemany(self, sql: str, *rows: Any) -> sqlite3.Cursor:
                before(sql)
                return super().executemany(sql, *rows)

        real = sqlite3.connect

        def connect(*arguments: Any, **options: Any) -> sqlite3.Connection:
            return real(*arguments, **options, factory=Saying)

        with mock.patch.object(sqlite3, "connect", connect):
            yield

    def driver_errors(self) -> Iterable[tuple[BaseException, type[TimebankError]]]:
        """Implement `StoreUnderTest.driver_errors`."""
        return (
            (failed(sqlite3.SQLITE_BUSY), StoreBusy),
            (failed(sqlite3.SQLITE_BUSY_SNAPSHOT), Conflict),
            (failed(sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY), Conflict),
            (failed(sqlite3.SQLITE_CONSTRAINT_CHECK), StoreError),
            (failed(sqlite3.SQLITE_FULL), StoreError),
            (failed(sqlite3.SQLITE_CORRUPT_VTAB), Corrupt),
            (sqlite3.OperationalError("no such table: timebank_records"), Corrupt),
        )

    def translate(self, error: BaseException) -> TimebankError:
        """Implement `StoreUnderTest.translate`."""
        assert isinstance(error, sqlite3.Error)
        return translated(error, "bank.db")

    def tamper(self, url: str, bank: str, sequence: int) -> None:
        """Implement `StoreUnderTest.tamper`."""
        connection = sqlite3.connect(url.removeprefix("sqlite:///"))
        try:
            sql = "UPDATE timebank_records SET body = x'7b7d' WHERE bank = ? AND sequence = ?"
            connection.execute(sql, (bank, sequence))
        finally:
            connection.close()


@pytest.mark.nightly
class TestPrivateSqliteAtLength(TestPrivateSqlite):
    """More random histories."""

    random_histories = 20


@pytest.mark.nightly
class TestSqliteFileAtLength(TestSqliteFile):
    """All steps, and more random histories."""

    stride = 1
    random_histories = 20


def test_a_stride_leaves_steps_out() -> None:
    """Every so many-th step fails, from the first on, until there is none at the number."""

    class Striding(TestMemory):
        stride = 50

    with closing(open_store("memory:", create=True)) as store:
        Striding().test_faults_at_every_call_of_the_store(store)
        numbers = sorted(int(name.removeprefix("bank-")) for name in store.banks())
    assert [*range(1, 50 * len(numbers), 50)] == numbers
    assert 3 < len(numbers)
