"""A complete store: a folder of JSON Lines, a file for each bank, a line for each commit."""
# ruff: noqa: D102, EM101, EM102, TRY003 - the protocol says what each method does

import fcntl
import hashlib
import json
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any

from timebank import TimeBank, errors
from timebank.journal import genesis
from timebank.model import (
    AccountRow,
    Fault,
    Head,
    HoldRow,
    PostingRow,
    RecordRow,
    StatuteRow,
    TextRow,
    TileRow,
)
from timebank.storage.lock import BUSY_TIMEOUT_SECONDS, WriterLock
from timebank.storage.memory.overlay import Overlay

TORN = b"#"


class JsonlReader:
    """A snapshot: one bank as the lines of its file were when the block was entered."""

    def __init__(self, path: Path, bank: str) -> None:
        self.path, self.bank, self.journal, self.holders = path, bank, "", dict[str, AccountRow]()
        self.rows, self.notes, self.sides = list[RecordRow](), list[TextRow](), list[PostingRow]()
        self.open, self.adopted, self.full = list[HoldRow](), list[StatuteRow](), list[TileRow]()
        with translated(path):
            content = path.read_bytes() if path.exists() else b""
        self.size = len(content)
        *lines, self.torn = content.split(b"\n")
        try:
            for line in lines:
                if not line.endswith(TORN):
                    self.take(json.loads(line, object_hook=lambda o: bytes.fromhex(o["hex"])))
        except (ValueError, TypeError, LookupError) as error:
            raise errors.Corrupt(f"{path}: a line cannot be read: {error}") from error

    def take(self, line: Any) -> None:
        """Put the rows of a commit into their places; the first line names the bank."""
        if not self.journal:
            self.bank, self.journal = line
            return
        anew, records, texts, accounts, postings, holds, resolved, statutes, tiles, erased = line
        if anew:
            self.holders, self.sides, self.open, self.adopted, self.full = {}, [], [], [], []
        self.rows += [RecordRow(*row) for row in records]
        self.notes += [TextRow(*row) for row in texts]
        self.notes = [row for row in self.notes if [row.sequence, row.field] not in erased]
        self.holders |= {row[0]: AccountRow(*row) for row in accounts}
        self.sides += [PostingRow(*row) for row in postings]
        self.open = [row for row in self.open if row.sequence not in resolved]
        self.open += [HoldRow(*row) for row in holds]
        self.adopted += [StatuteRow(*row) for row in statutes]
        self.full += [TileRow(*row) for row in tiles]

    def close(self) -> None:
        vars(self).clear()

    def __getattr__(self, name: str) -> Any:
        # One of those that a reader may have, unless nothing is left in it.
        raise AttributeError(name) if vars(self) else errors.StoreError("this reader is closed")

    def head(self) -> Head:
        if not self.journal:
            raise errors.BankNotFound(self.bank, str(self.path.parent))
        last = self.rows[-1].digest if self.rows else genesis(self.journal)
        return Head(self.journal, len(self.rows), last)

    def records(self, *, after: int, limit: int) -> list[RecordRow]:
        return self.rows[max(after, 0) :][:limit]

    def find(self, id: str) -> RecordRow | None:
        return next((row for row in self.rows if row.id == id), None)

    def referring(self, sequence: int) -> list[RecordRow]:
        return [row for row in self.rows if row.refers_to == sequence]

    def texts(self, *, after: int, through: int) -> list[TextRow]:
        return sorted(row for row in self.notes if after < row.sequence <= through)

    def account(self, id: str) -> AccountRow | None:
        return self.holders.get(id)

    def accounts(self, *, after: str | None, limit: int) -> list[AccountRow]:
        ids = sorted(id for id in self.holders if after is None or id > after)
        return [self.holders[id] for id in ids[:limit]]

    def last_posting(self, account: str, *, through: int | None = None) -> PostingRow | None:
        rows = self.postings(account, after=0, limit=None)
        return max((r for r in rows if through is None or r.sequence <= through), default=None)

    def postings(self, account: str, *, after: int, limit: int | None) -> list[PostingRow]:
        return [row for row in self.sides if row.account == account and row.version > after][:limit]

    def postings_by_day(
        self,
        account: str,
        *,
        since: str | None = None,
        until: str | None = None,
        after: tuple[str, int] | None = None,
        newest_first: bool = False,
        limit: int | None,
    ) -> list[PostingRow]:
        found = [
            ((row.day, row.version), row)
            for row in self.postings(account, after=0, limit=None)
            if (since is None or row.day >= since) and (until is None or row.day <= until)
        ]
        if after is not None:
            found = [(k, row) for k, row in found if (k < after if newest_first else k > after)]
        return [row for _, row in sorted(found, reverse=newest_first)][:limit]

    def totals(self, account: str, **days: Any) -> tuple[int, int]:
        rows = self.postings_by_day(account, **days, limit=None)
        return sum(max(row.seconds, 0) for row in rows), sum(max(-row.seconds, 0) for row in rows)

    def holds(self, *, after: tuple[int, str], limit: int) -> list[HoldRow]:
        found = [((row.sequence, row.account), row) for row in self.open]
        return [row for key, row in sorted(found) if key > after][:limit]

    def holds_of(self, account: str, *, after: tuple[int, int], limit: int) -> list[HoldRow]:
        found = [((r.expires_at, r.sequence), r) for r in self.open if r.account == account]
        return [row for key, row in sorted(found) if key > after][:limit]

    def statutes(self, *, before: int, limit: int) -> list[StatuteRow]:
        return [row for row in reversed(self.adopted) if row.sequence < before][:limit]

    def tiles(self, *, level: int, after: int, limit: int) -> list[TileRow]:
        return sorted(row for row in self.full if row.level == level and row.tile > after)[:limit]

    def faults(self, progress: Callable[[], None] | None = None) -> list[Fault]:
        return []


class JsonlStore:
    """The banks of a folder. Writers take turns, those of other processes too."""

    def __init__(self, folder: Path, *, read_only: bool) -> None:
        self.url, self.folder, self.read_only = f"jsonl:{folder}", folder, read_only
        self.threads, self.closed = WriterLock(where=self.url), False

    def close(self) -> None:
        self.closed = True

    def wipe(self) -> tuple[str, ...]:
        for bank in self.banks():
            with self.locked(bank) as reader, translated(reader.path):
                shrink(reader)
        return ()

    def path_of(self, bank: str) -> Path:
        if self.closed:
            raise errors.StoreError("this store is closed")
        return self.folder / f"{hashlib.sha256(bank.encode()).hexdigest()}.jsonl"

    def banks(self) -> list[str]:
        with translated(self.path_of("").parent):
            found = [JsonlReader(path, "") for path in self.folder.glob("*.jsonl")]
        return sorted(reader.bank for reader in found if reader.journal)

    def make_bank(self, bank: str, *, journal: str) -> None:
        with self.locked(bank) as reader:
            if not reader.journal:
                write(reader, [bank, journal])

    def reader(self, bank: str) -> AbstractContextManager[JsonlReader]:
        return closing(JsonlReader(self.path_of(bank), bank))

    @contextmanager
    def writer(self, bank: str) -> Iterator[Overlay]:
        with self.locked(bank) as reader:
            with closing(Overlay(reader)) as top:
                yield top
            if top.failed is not None:
                raise errors.StoreError("an append failed, so nothing was written") from top.failed
            new = top.appended()
            line = [new.anew, new.records, new.texts, list(new.accounts.values()), new.postings]
            line += [new.holds, new.resolved, new.statutes, new.tiles, new.erased]
            if any(line) or reader.journal:
                reader.head()
                write(reader, line, *[row.id for row in new.records])

    @contextmanager
    def locked(self, bank: str) -> Iterator[JsonlReader]:
        """The bank as it is, and will be until the block ends."""
        path = self.path_of(bank)
        if self.read_only:
            raise errors.StoreError(f"{self.url} was opened to be read only")
        with ExitStack() as ending:
            self.threads.acquire(BUSY_TIMEOUT_SECONDS)
            ending.callback(self.threads.release)
            with translated(path):
                lock = ending.enter_context((self.folder / "lock").open("ab"))
                wait_for(lock.fileno())
            ending.callback(fcntl.flock, lock, fcntl.LOCK_UN)  # a forked child has it open too
            yield JsonlReader(path, bank)


def wait_for(lock: int) -> None:
    """Wait until no other process has the lock."""
    end = time.monotonic() + BUSY_TIMEOUT_SECONDS
    while True:
        try:
            return fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            if time.monotonic() > end:
                raise errors.StoreBusy("another process has the lock for too long") from error
        time.sleep(0.01)


def write(reader: JsonlReader, line: list[Any], *ids: str | None) -> None:
    """Commit a line, which counts from its newline on; where a torn one is before it, mark that."""
    text = json.dumps(line, default=lambda value: {"hex": value.hex()}).encode() + b"\n"
    # Where there is nothing to write, what is there is made durable all the same.
    rest = (TORN + b"\n" if reader.torn else b"") + text if any(line) else b""
    with translated(reader.path), reader.path.open("ab", buffering=0) as file:
        if file.tell() != reader.size:
            raise errors.Conflict(f"{reader.path} has grown although the lock was held")
        if not reader.size:
            sync(reader.path.parent)
        while rest:
            rest = rest[file.write(rest) :]
        try:
            os.fsync(file.fileno())
            file.close()
        except OSError as error:
            raise errors.OutcomeUnknown([None, *ids][-1], ids=filter(None, ids)) from error


def shrink(now: JsonlReader) -> None:
    """Put a file that has all rows as one commit in the place of one with erased texts in it."""
    new = now.path.with_suffix(".new")
    new.unlink(missing_ok=True)
    write(JsonlReader(new, ""), [now.bank, now.journal])
    line = [True, now.rows, now.notes, list(now.holders.values()), now.sides, now.open]
    write(JsonlReader(new, ""), [*line, [], now.adopted, now.full, []])
    new.replace(now.path)
    sync(now.path.parent)


@contextmanager
def translated(where: object) -> Iterator[None]:
    """Errors of the driver, here the operating system, as the library's."""
    try:
        yield
    except OSError as error:
        raise errors.StoreError(f"{where}: {error.strerror}") from error


def sync(folder: Path) -> None:
    """Make the names in a folder durable."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def open_jsonl(url: str, *, create: bool, read_only: bool) -> JsonlStore:
    """The store of `jsonl:folder`; the registry calls this."""
    folder = Path(name := url.removeprefix("jsonl:"))
    if not name or "\0" in name:
        raise errors.InvalidRequest("a store of JSON Lines is jsonl:folder")
    with translated(folder):
        if create:
            folder.mkdir(exist_ok=True)
            sync(folder.parent)
        if not folder.is_dir():
            raise errors.NotFound(f"no folder {folder}")
    return JsonlStore(folder, read_only=read_only)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        store = open_jsonl(f"jsonl:{folder}", create=True, read_only=False)
        with TimeBank(store) as bank:
            bank.open_account("m1", name="Maria R.")
            bank.open_account("f1", kind="group", name="Famiglia Rossi")
            bank.transfer(earner="m1", spender="f1", hours="1:30")
            print(bank.balance("m1").posted, "audit:", bank.audit().ok)
