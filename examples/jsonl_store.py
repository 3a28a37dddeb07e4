"""A complete store: a folder of JSON Lines, a file for each bank, a line for each commit."""
# ruff: noqa: D102, EM101, EM102, TRY003 - the protocol says what each method does

import fcntl
import hashlib
import json
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import timebank
from timebank import BankNotFound, Corrupt, NotFound, OutcomeUnknown, StoreBusy, StoreError
from timebank.journal import genesis
from timebank.model import AccountRow, Fault, Head, PostingRow, RecordRow, TextRow
from timebank.storage.lock import BUSY_TIMEOUT_SECONDS, WriterLock
from timebank.storage.overlay import Overlay


class JsonlReader:
    """A snapshot: one bank as the lines of its file were when the block was entered."""

    def __init__(self, path: Path, bank: str) -> None:
        self.path, self.bank, self.journal = path, bank, ""
        self.rows: list[RecordRow] = []
        self.notes: list[TextRow] = []
        self.holders: dict[str, AccountRow] = {}
        self.sides: list[PostingRow] = []
        with translated(path):
            *lines, self.torn = path.read_bytes().split(b"\n") if path.exists() else [b""]
        for number, line in enumerate(lines, start=1):
            try:
                self.take(json.loads(line, object_hook=lambda found: bytes.fromhex(found["hex"])))
            except (ValueError, TypeError, LookupError) as error:
                if not line.endswith(b"#"):  # the mark behind a torn line
                    raise Corrupt(f"{path}: line {number} cannot be read") from error

    def take(self, line: Any) -> None:
        """Put the rows of a commit into their places; the first line names the bank."""
        if not self.journal:
            self.bank, self.journal = line
            return
        anew, records, texts, accounts, postings = line
        if anew:
            self.holders, self.sides = {}, []
        self.rows += [RecordRow(*row) for row in records]
        self.notes += [TextRow(*row) for row in texts]
        self.holders |= {row[0]: AccountRow(*row) for row in accounts}
        self.sides += [PostingRow(*row) for row in postings]

    def close(self) -> None:
        vars(self).clear()

    def __getattr__(self, name: str) -> Any:
        raise StoreError("this reader is closed")  # for nothing is left in it

    def head(self) -> Head:
        if not self.journal:
            raise BankNotFound(self.bank, str(self.path.parent))
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

    def faults(self, progress: Callable[[], None] | None = None) -> list[Fault]:
        return []


class JsonlStore:
    """The banks of a folder. Writers take turns, those of other processes too."""

    def __init__(self, folder: Path, *, read_only: bool) -> None:
        self.url, self.folder, self.read_only = f"jsonl:{folder}", folder, read_only
        self.threads, self.closed = WriterLock(where=self.url), False

    def close(self) -> None:
        self.closed = True

    def path_of(self, bank: str) -> Path:
        if self.closed:
            raise StoreError("this store is closed")
        return self.folder / f"{hashlib.sha256(bank.encode()).hexdigest()}.jsonl"

    def banks(self) -> list[str]:
        with translated(self.path_of("").parent):
            found = [JsonlReader(path, "") for path in self.folder.glob("*.jsonl")]
        return sorted(reader.bank for reader in found if reader.journal)

    def make_bank(self, bank: str, *, journal: str) -> None:
        with self.locked(bank) as reader:
            if not reader.journal:
                with translated(reader.path):
                    reader.path.touch()
                    sync(self.folder)
                write(reader, [bank, journal], None)

    @contextmanager
    def reader(self, bank: str) -> Iterator[JsonlReader]:
        reader = JsonlReader(self.path_of(bank), bank)
        try:
            yield reader
        finally:
            reader.close()

    @contextmanager
    def writer(self, bank: str) -> Iterator[Overlay]:
        with self.locked(bank) as reader:
            top = Overlay(reader)
            try:
                yield top
            finally:
                top.close()
            if top.failed is not None:
                raise StoreError("an append failed, so nothing was written") from top.failed
            texts, postings = (
                [row for rows in own.values() for row in rows]
                for own in (top.own_texts, top.own_postings)
            )
            line = [top.anew, top.own_records, texts, list(top.own_accounts.values()), postings]
            if any(line):
                write(reader, line, top.own_records[-1].id if top.own_records else None)

    @contextmanager
    def locked(self, bank: str) -> Iterator[JsonlReader]:
        """The bank as it is, and will be until the block ends."""
        path = self.path_of(bank)
        if self.read_only:
            raise StoreError(f"{self.url} was opened to be read only")
        self.threads.acquire(BUSY_TIMEOUT_SECONDS)
        try:
            with translated(path):
                lock = (self.folder / "lock").open("ab")
            with lock:
                wait_for(lock.fileno())
                try:
                    yield JsonlReader(path, bank)
                finally:
                    fcntl.flock(lock, fcntl.LOCK_UN)  # a forked child may hold the file open
        finally:
            self.threads.release()


def wait_for(lock: int) -> None:
    """Wait until no other process has the lock."""
    end = time.monotonic() + BUSY_TIMEOUT_SECONDS
    while True:
        try:
            return fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            if time.monotonic() > end:
                raise StoreBusy("another process has the lock for too long") from error
        time.sleep(0.01)


def write(reader: JsonlReader, line: list[Any], id: str | None) -> None:
    """Commit a line: it counts once its newline is there. A torn one before it gets a mark."""
    reader.head()
    text = json.dumps(line, default=lambda value: {"hex": value.hex()})
    rest = (b"#\n" if reader.torn else b"") + text.encode() + b"\n"
    with translated(reader.path), reader.path.open("ab", buffering=0) as file:
        while rest:
            rest = rest[file.write(rest) :]
        try:
            os.fsync(file.fileno())
        except OSError as error:
            raise OutcomeUnknown(id) from error


@contextmanager
def translated(where: object) -> Iterator[None]:
    """Errors of the driver, here the operating system, as the library's."""
    try:
        yield
    except OSError as error:
        raise StoreError(f"{where}: {error.strerror}") from error


def sync(folder: Path) -> None:
    """Make the names in a folder durable."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def open_jsonl(url: str, *, create: bool, read_only: bool) -> JsonlStore:
    """The store of `jsonl:folder`; the registry calls this."""
    folder = Path(url.removeprefix("jsonl:"))
    with translated(folder):
        if create:
            folder.mkdir(exist_ok=True)
            sync(folder.parent)
        if not folder.is_dir():
            raise NotFound(f"no folder {folder}")
    return JsonlStore(folder, read_only=read_only)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        store = open_jsonl(f"jsonl:{folder}", create=True, read_only=False)
        with timebank.TimeBank(store) as bank:
            bank.open_account("m1", name="Maria R.")
            bank.open_account("f1", kind="group", name="Famiglia Rossi")
            bank.transfer(earner="m1", spender="f1", hours="1:30")
            print(bank.balance("m1").posted, "audit:", bank.audit().ok)
