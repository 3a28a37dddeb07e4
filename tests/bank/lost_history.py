"""Stores whose end is taken back, as a fail-over or a restored backup does: for tests of that."""

from __future__ import annotations

import copy
import shutil
import sqlite3
import subprocess
from abc import ABC, abstractmethod
from contextlib import closing
from pathlib import Path
from typing import Any, Final

from servers import drop_database, mariadb, new_database
from timebank import TimeBank, open
from timebank.storage.memory import MemoryStore

#: Where they are that need no server.
PLACES: Final = ("memory", "file")


class TakenBack(ABC):
    """A store of which a copy can be kept and put back, and that several processes open.

    A process is a store of its own: what it was told lies there.
    """

    def __init__(self) -> None:
        self._open: list[TimeBank] = []

    def process(self, **given: Any) -> TimeBank:
        """Open the bank as another process does."""
        bank = self.opened(**given)
        self._open.append(bank)
        return bank

    @abstractmethod
    def opened(self, **given: Any) -> TimeBank:
        """Open the bank."""

    @abstractmethod
    def keep(self) -> Any:
        """Return a copy of what is there."""

    @abstractmethod
    def put_back(self, kept: Any) -> None:
        """Take back what came since."""

    def close(self) -> None:
        """Close what is open."""
        for bank in self._open:
            bank.close()


class InMemory(TakenBack):
    """Stores that share their banks: a copy is a fork of them."""

    def __init__(self) -> None:
        super().__init__()
        self._first = MemoryStore()

    def opened(self, **given: Any) -> TimeBank:
        """Share the banks of the first."""
        store = MemoryStore()
        store._banks, store._lock = self._first._banks, self._first._lock
        return TimeBank(store, **given)

    def keep(self) -> Any:
        """Fork them."""
        return copy.deepcopy(self._first._banks)

    def put_back(self, kept: Any) -> None:
        """Put a fork into their place."""
        self._first._banks.clear()
        self._first._banks.update(copy.deepcopy(kept))


class InFile(TakenBack):
    """A SQLite file, of which a copy is put back while others have it open."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.path, self._copies, self._folder = folder / "bank.db", 0, folder

    def opened(self, **given: Any) -> TimeBank:
        """Open the file."""
        return open(f"sqlite:///{self.path}?synchronous=normal", **given)

    def keep(self) -> Path:
        """Copy it."""
        self._copies += 1
        kept = self._folder / f"copy-{self._copies}.db"
        _copied(self.path, kept)
        return kept

    def put_back(self, kept: Path) -> None:
        """Copy it back."""
        _copied(kept, self.path)


def _copied(source: Path, target: Path) -> None:
    with closing(sqlite3.connect(source)) as one, closing(sqlite3.connect(target)) as other:
        one.backup(other)


class OnPostgresql(TakenBack):
    """A database that is made anew from a copy; who was connected is cut off, as in a fail-over."""

    def __init__(self) -> None:
        super().__init__()
        self.url = new_database("postgresql")
        self._copies: list[str] = []

    def opened(self, **given: Any) -> TimeBank:
        """Open the database."""
        return open(self.url, **given)

    def _run(self, *statements: str) -> None:
        import psycopg

        host = self.url.partition("host=")[2]
        with psycopg.connect(host=host, user="postgres", autocommit=True) as connection:
            for statement in statements:
                connection.execute(statement.encode())

    @property
    def _name(self) -> str:
        return self.url.partition("?")[0].rpartition("/")[2]

    def keep(self) -> str:
        """Copy the database."""
        name = f"{self._name}_{len(self._copies)}"
        others = (
            f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{self._name}'"
        )
        copied = f"CREATE DATABASE {name} TEMPLATE {self._name} STRATEGY FILE_COPY"
        self._run(others, copied)
        self._copies.append(name)
        return name

    def put_back(self, kept: str) -> None:
        """Make it anew from the copy."""
        self._run(
            f"DROP DATABASE {self._name} WITH (FORCE)",
            f"CREATE DATABASE {self._name} TEMPLATE {kept} STRATEGY FILE_COPY",
        )

    def close(self) -> None:
        """Remove the database and its copies."""
        super().close()
        self._run(*(f"DROP DATABASE {name}" for name in self._copies))
        drop_database(self.url)


class OnMariadb(TakenBack):
    """A database into which a dump is read."""

    def __init__(self) -> None:
        super().__init__()
        self.url = new_database("mariadb")

    def opened(self, **given: Any) -> TimeBank:
        """Open the database."""
        return open(self.url, **given)

    def _run(self, program: str, *words: str, **given: Any) -> bytes:
        name = self.url.partition("?")[0].rpartition("/")[2]
        found = shutil.which(program)
        assert found is not None
        command = [found, "--no-defaults", f"--socket={mariadb()}", "--user=root", *words, name]
        done = subprocess.run(command, check=True, capture_output=True, **given)
        return bytes(done.stdout)

    def keep(self) -> bytes:
        """Dump it."""
        return self._run("mariadb-dump", "--single-transaction")

    def put_back(self, kept: bytes) -> None:
        """Read the dump."""
        self._run("mariadb", input=kept)

    def close(self) -> None:
        """Remove the database."""
        super().close()
        drop_database(self.url)


def taken_back(place: str, folder: Path) -> TakenBack:
    """A store of this kind."""
    match place:
        case "memory":
            return InMemory()
        case "file":
            return InFile(folder)
        case "postgresql":
            return OnPostgresql()
    return OnMariadb()
