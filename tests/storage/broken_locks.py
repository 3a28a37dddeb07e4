"""Stores whose lock between processes is broken, each in one way: the kit must catch every one.

All are the store of JSON Lines of `examples`, which keeps every promise, with another lock. Its
lengths are compared before each commit, so that most of them never lose a record: they would
be found by nobody who looks at what is recorded alone.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import runpy
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import pytest

from timebank import errors
from timebank.storage.lock import WriterLock
from timebank.storage.memory.overlay import Overlay
from timebank.testing import StoreConformance, processes

MODULE: dict[str, Any] = runpy.run_path(
    str(Path(__file__).parents[2] / "examples" / "jsonl_store.py")
)
Jsonl: Any = MODULE["JsonlStore"]
Reader: Any = MODULE["JsonlReader"]
write: Any = MODULE["write"]


class Sound(Jsonl):  # type: ignore[misc]  # loaded from a file
    """The lock of the example, in pieces that others replace."""

    @contextlib.contextmanager
    def locked(self, bank: str) -> Iterator[Any]:
        """Threads first, then processes, then look at the bank."""
        path = self.path_of(bank)
        with contextlib.ExitStack() as ending:
            self.lock_threads(ending)
            self.lock_processes(ending)
            yield Reader(path, bank)

    def lock_threads(self, ending: contextlib.ExitStack) -> None:
        """Wait for the threads of this process."""
        self.threads.acquire(30.0)
        ending.callback(self.threads.release)

    def lock_processes(self, ending: contextlib.ExitStack) -> None:
        """Wait for other processes."""
        lock = ending.enter_context(self.lock_file().open("ab"))
        self.wait(lock.fileno())
        ending.callback(fcntl.flock, lock, fcntl.LOCK_UN)

    def lock_file(self) -> Path:
        """The file that is locked."""
        return Path(self.folder / "lock")

    def wait(self, lock: int) -> None:
        """Wait for a lock."""
        fcntl.flock(lock, fcntl.LOCK_EX)


class NoLockBetweenProcesses(Sound):
    """Threads wait for each other, and no process does."""

    def lock_processes(self, ending: contextlib.ExitStack) -> None:
        """Wait for nobody."""


class LockAfterTheHead(Sound):
    """What was read before the lock counts."""

    @contextlib.contextmanager
    def locked(self, bank: str) -> Iterator[Any]:
        """Look at the bank, then wait."""
        path = self.path_of(bank)
        with contextlib.ExitStack() as ending:
            self.lock_threads(ending)
            reader = Reader(path, bank)
            self.lock_processes(ending)
            yield reader


class ReleasedBeforeTheCommit(Sound):
    """The lock is held while a writer decides, and not while it writes."""

    @contextlib.contextmanager
    def writer(self, bank: str) -> Iterator[Any]:
        """An overlay, whose rows are written when the lock is free again."""
        with self.locked(bank) as reader, contextlib.closing(Overlay(reader)) as top:
            yield top
            failed, new = top.failed, top.appended()
        if failed is not None:
            msg = "an append failed, so nothing was written"
            raise errors.StoreError(msg) from failed
        line = [new.anew, new.records, new.texts, list(new.accounts.values()), new.postings]
        line += [new.holds, new.resolved, new.statutes, new.tiles, new.erased]
        if any(line):
            reader = Reader(self.path_of(bank), bank)
            reader.head()
            time.sleep(0.02)  # as a disk may take
            write(reader, line, new.records[-1].id if new.records else None)


class LockOfTheObject(Sound):
    """POSIX locks are of a process: another object of the same place is let in."""

    def wait(self, lock: int) -> None:
        """Wait for other processes alone."""
        fcntl.lockf(lock, fcntl.LOCK_EX)


class LockOfTheProcess(Sound):
    """POSIX locks, and threads of one place that wait for each other by themselves."""

    of_places: ClassVar[dict[Any, WriterLock]] = {}

    def lock_threads(self, ending: contextlib.ExitStack) -> None:
        """Wait for the threads of this process, whichever store object they have."""
        place, here = os.path.realpath(self.folder), WriterLock(where=self.url)
        threads = self.of_places.setdefault(place, here)
        threads.acquire(30.0)
        ending.callback(threads.release)

    def wait(self, lock: int) -> None:
        """Wait for other processes."""
        fcntl.lockf(lock, fcntl.LOCK_EX)


class LockLostByARead(LockOfTheProcess):
    """A reader opens the file that is locked, and closes it: the lock of its process is gone."""

    @contextlib.contextmanager
    def reader(self, bank: str) -> Iterator[Any]:
        """Look at the lock."""
        with contextlib.suppress(OSError):
            self.lock_file().read_bytes()
        with super().reader(bank) as reader:
            yield reader


class LockLostByAnotherBank(LockOfTheProcess):
    """One file is locked for all banks, and threads of other banks are let in, and close it."""

    @contextlib.contextmanager
    def locked(self, bank: str) -> Iterator[Any]:
        """Wait for the threads of this bank alone."""
        here = WriterLock(where=self.url)
        threads = self.of_places.setdefault((os.path.realpath(self.folder), bank), here)
        threads.acquire(30.0)
        with contextlib.ExitStack() as ending:
            ending.callback(threads.release)
            self.lock_processes(ending)
            yield Reader(self.path_of(bank), bank)


class OldRowsUnderTheLock(Sound):
    """The head is that of the lock; which accounts and ids there are is of before."""

    @contextlib.contextmanager
    def locked(self, bank: str) -> Iterator[Any]:
        """Look at the bank, then wait, and look at the head."""
        old = Reader(self.path_of(bank), bank)
        with super().locked(bank) as reader:
            reader.holders, reader.find = old.holders, old.find
            yield reader


class BanksOfTheFirstLook(Sound):
    """Which banks there are is looked at once."""

    def banks(self) -> list[str]:
        """Keep them."""
        if "known" not in vars(self):
            self.known: list[str] = super().banks()
        return self.known


class LockOfTheSpelling(Sound):
    """The lock goes by how the folder is spelled: a link leads past it."""

    def lock_file(self) -> Path:
        """A file beside the folder, by the name that was given."""
        name = hashlib.sha256(str(self.folder).encode()).hexdigest()
        return Path(self.folder).parent / f"lock-{name}"


class KeptByTheDead(Sound):
    """The lock is a file that is there: whoever is killed leaves it."""

    def lock_processes(self, ending: contextlib.ExitStack) -> None:
        """Wait until nobody has the file."""
        path = self.folder / "lock"
        while True:
            try:
                os.close(os.open(path, os.O_CREAT | os.O_EXCL))
            except FileExistsError:
                time.sleep(0.005)
            else:
                break
        ending.callback(path.unlink)


class ReadByOthersTooEarly(Sound):
    """Each append is written at once and cut off again after an error: other processes see it.

    Within the process readers are kept to what is committed.
    """

    committed: ClassVar[dict[str, int]] = {}

    @contextlib.contextmanager
    def reader(self, bank: str) -> Iterator[Any]:
        """What is committed, where that is known."""
        path = self.path_of(bank)
        length = self.committed.get(str(path))
        if length is None:
            with super().reader(bank) as reader:
                yield reader
            return
        content = path.read_bytes()[:length]
        with tempfile.TemporaryDirectory() as folder:
            copy = Path(folder) / path.name
            copy.write_bytes(content)
            with contextlib.closing(Reader(copy, bank)) as reader:
                reader.path = path
                yield reader

    @contextlib.contextmanager
    def writer(self, bank: str) -> Iterator[Any]:
        """A writer that writes at each append."""
        with self.locked(bank) as reader:
            path = reader.path
            self.committed[str(path)] = reader.size
            try:
                with contextlib.closing(_AtOnce(reader)) as top:
                    yield top
                    failed = top.failed
                if failed is not None:
                    msg = "an append failed, so nothing was written"
                    raise errors.StoreError(msg) from failed
            except BaseException:
                if path.exists():
                    os.truncate(path, self.committed[str(path)])
                raise
            finally:
                del self.committed[str(path)]


class _AtOnce(Overlay):
    """An overlay that writes what it takes."""

    def __init__(self, reader: Any) -> None:
        super().__init__(reader)
        self._file = (reader.path, reader.bank)

    def append(self, batch: Any) -> None:
        """Take the rows, and write them."""
        super().append(batch)
        line = [batch.anew, batch.records, batch.texts, list(batch.accounts.values())]
        line += [batch.postings, batch.holds, batch.resolved]
        line += [batch.statutes, batch.tiles, batch.erased]
        reader = Reader(*self._file)
        if any(line):
            reader.head()
            write(reader, line, None)


class Locked(StoreConformance):
    """The example with a lock of its own."""

    broken: ClassVar[Any] = Sound

    def new_url(self, folder: Path) -> str:
        """Implement `StoreUnderTest.new_url`."""
        return f"jsonl:{folder / 'books'}"

    def open(self, url: str) -> Any:
        """Implement `StoreUnderTest.open`."""
        folder = Path(url.removeprefix("jsonl:"))
        folder.mkdir(exist_ok=True)
        return self.broken(folder, read_only=False)


class TestSoundLock(Locked):
    """The pieces themselves break nothing: the kit passes."""


class TestNoLockBetweenProcesses(Locked):
    """With it, in each test."""

    broken = NoLockBetweenProcesses


class TestLockAfterTheHead(Locked):
    """With it, in each test."""

    broken = LockAfterTheHead


class TestReleasedBeforeTheCommit(Locked):
    """With it, in each test."""

    broken = ReleasedBeforeTheCommit


class TestLockOfTheObject(Locked):
    """With it, in each test."""

    broken = LockOfTheObject


class TestLockLostByARead(Locked):
    """With it, in each test."""

    broken = LockLostByARead


class TestLockLostByAnotherBank(Locked):
    """With it, in each test."""

    broken = LockLostByAnotherBank


class TestOldRowsUnderTheLock(Locked):
    """With it, in each test."""

    broken = OldRowsUnderTheLock


class TestBanksOfTheFirstLook(Locked):
    """With it, in each test."""

    broken = BanksOfTheFirstLook


class TestLockOfTheSpelling(Locked):
    """With it, in each test."""

    broken = LockOfTheSpelling


class TestKeptByTheDead(Locked):
    """With it, in each test."""

    broken = KeptByTheDead

    @pytest.fixture(autouse=True)
    def impatient(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Do not wait for long for what never comes."""
        monkeypatch.setattr(processes, "PATIENCE_SECONDS", 2.0)


class TestReadByOthersTooEarly(Locked):
    """With it, in each test."""

    broken = ReadByOthersTooEarly
