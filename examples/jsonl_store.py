"""A complete store: a folder of JSON Lines, with a file for each bank and a line for each commit."""

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
from urllib.parse import unquote

import timebank
from timebank import BankNotFound, Corrupt, NotFound, OutcomeUnknown, StoreBusy, StoreError
from timebank.journal import genesis
from timebank.model import AccountRow, Fault, Head, PostingRow, RecordRow, TextRow
from timebank.storage.lock import BUSY_TIMEOUT_SECONDS, WriterLock
from timebank.storage.overlay import Overlay

Day = str | None


def line_of(top: Overlay) -> bytes:
    """What a block appended, as one line: what is bytes becomes hexadecimal."""
    texts = [row for rows in top.own_texts.values() for row in rows]
    postings = [row for rows in top.own_postings.values() for row in rows]
    parts = [top.anew, top.own_records, texts, list(top.own_accounts.values()), postings]
    return json.dumps(parts, default=bytes.hex).encode() + b"\n"


class JsonlReader:
    """A snapshot: one bank as its lines were when the block was entered."""

    def __init__(self, bank: str, where: str) -> None:
        self.bank, self.where, self.journal = bank, where, ""
        self.rows: list[RecordRow] = []
        self.ids: dict[str, RecordRow] = {}
        self.notes: dict[tuple[int, str], TextRow] = {}
        self.holders: dict[str, AccountRow] = {}
        self.sides: dict[str, list[PostingRow]] = {}
        self.found: list[Fault] = []

    def take(self, line: bytes) -> None:
        """Put the rows of one commit into their places."""
        anew, records, texts, accounts, postings = json.loads(line)
        if anew:
            self.holders, self.sides = {}, {}
        for sequence, digest, body, id, refers_to in records:
            row = RecordRow(sequence, bytes.fromhex(digest), bytes.fromhex(body), id, refers_to)
            self.rows.append(row)
            self.ids[id] = row
        for sequence, field, salt, text in texts:
            self.notes[sequence, field] = TextRow(sequence, field, bytes.fromhex(salt), text)
        for account in accounts:
            self.holders[account[0]] = AccountRow(*account)
        for posting in postings:
            self.sides.setdefault(posting[0], []).append(PostingRow(*posting))

    def close(self) -> None:
        vars(self).clear()

    def __getattr__(self, name: str) -> Any:
        """A closed reader has nothing left, so every call on it comes here."""
        raise StoreError("this reader is closed")

    def head(self) -> Head:
        if not self.journal:
            raise BankNotFound(self.bank, self.where)
        last = self.rows[-1].digest if self.rows else genesis(self.journal)
        return Head(self.journal, len(self.rows), last)

    def records(self, *, after: int, limit: int) -> list[RecordRow]:
        return self.rows[max(after, 0) :][:limit]

    def find(self, id: str) -> RecordRow | None:
        return self.ids.get(id)

    def referring(self, sequence: int) -> list[RecordRow]:
        return [row for row in self.rows if row.refers_to == sequence]

    def texts(self, *, after: int, through: int) -> list[TextRow]:
        return [row for key, row in sorted(self.notes.items()) if after < key[0] <= through]

    def account(self, id: str) -> AccountRow | None:
        return self.holders.get(id)

    def accounts(self, *, after: str | None, limit: int) -> list[AccountRow]:
        rows = [row for id, row in sorted(self.holders.items()) if after is None or id > after]
        return rows[:limit]

    def last_posting(self, account: str, *, through: int | None = None) -> PostingRow | None:
        rows = reversed(self.sides.get(account, []))
        return next((row for row in rows if through is None or row.sequence <= through), None)

    def postings(self, account: str, *, after: int, limit: int) -> list[PostingRow]:
        return [row for row in self.sides.get(account, []) if row.version > after][:limit]

    def postings_by_day(
        self,
        account: str,
        *,
        since: Day = None,
        until: Day = None,
        after: tuple[str, int] | None = None,
        newest_first: bool = False,
        limit: int | None,
    ) -> list[PostingRow]:
        keys = {(row.day, row.version): row for row in self.sides.get(account, [])}
        rows = [
            row
            for key, row in sorted(keys.items(), reverse=newest_first)
            if (since is None or row.day >= since) and (until is None or row.day <= until)
            if after is None or (key < after if newest_first else key > after)
        ]
        return rows[:limit]

    def totals(self, account: str, *, since: Day = None, until: Day = None) -> tuple[int, int]:
        rows = self.postings_by_day(account, since=since, until=until, limit=None)
        return sum(max(row.seconds, 0) for row in rows), sum(max(-row.seconds, 0) for row in rows)

    def faults(self, progress: Callable[[], None] | None = None) -> list[Fault]:
        return self.found


@contextmanager
def translated(where: object) -> Iterator[None]:
    """Errors of the driver, which here is the operating system, as the library's."""
    try:
        yield
    except OSError as error:
        raise StoreError(f"{where}: {error.strerror}") from error


class JsonlStore:
    """The banks in a folder. Writers take turns, those of other processes too."""

    def __init__(self, folder: Path, *, read_only: bool) -> None:
        self.url, self._place, self._read_only = f"jsonl:{folder}", folder, read_only
        self._threads, self._closed = WriterLock(where=self.url), False

    def close(self) -> None:
        self._closed = True

    @property
    def _folder(self) -> Path:
        if self._closed:
            raise StoreError("this store is closed")
        return self._place

    def _path(self, bank: str) -> Path:
        return self._folder / f"{hashlib.sha256(bank.encode()).hexdigest()}.jsonl"

    def banks(self) -> list[str]:
        with translated(self.url):
            readers = [self._read(path)[0] for path in self._folder.glob("*.jsonl")]
        return sorted(reader.bank for reader in readers if reader.journal)

    def make_bank(self, bank: str, *, journal: str) -> None:
        path = self._path(bank)
        with self._locked():
            reader, mark = self._read(path, bank)
            if not reader.journal:
                with translated(path):
                    path.touch()
                    sync(self._folder)
                self._write(path, mark + json.dumps([bank, journal]).encode() + b"\n", None)

    @contextmanager
    def reader(self, bank: str) -> Iterator[JsonlReader]:
        reader, _ = self._read(self._path(bank), bank)
        try:
            yield reader
        finally:
            reader.close()

    @contextmanager
    def writer(self, bank: str) -> Iterator[Overlay]:
        path = self._path(bank)
        with self._locked():
            reader, mark = self._read(path, bank)
            top = Overlay(reader)
            try:
                yield top
            finally:
                top.close()
            if top.failed is not None:
                raise StoreError("an append failed, so nothing was written") from top.failed
            if line := line_of(top):
                reader.head()
                self._write(path, mark + line, top.own_records and top.own_records[-1].id or None)

    def _read(self, path: Path, bank: str = "") -> tuple[JsonlReader, bytes]:
        """A bank, and the mark to write before its next line where the last one is torn."""
        with translated(path):
            *lines, torn = path.read_bytes().split(b"\n") if path.exists() else [b""]
        reader = JsonlReader(bank, self.url)
        for number, line in enumerate(lines, start=1):
            try:
                if line.endswith(b"#"):
                    continue
                if reader.journal:
                    reader.take(line)
                else:
                    reader.bank, reader.journal = json.loads(line)
            except (ValueError, TypeError, LookupError) as error:
                raise Corrupt(f"{path}: line {number} cannot be read") from error
        return reader, b"#\n" if torn else b""

    def _write(self, path: Path, line: bytes, id: str | None) -> None:
        with translated(path), path.open("ab", buffering=0) as file:
            while line:
                line = line[file.write(line) :]
            try:
                os.fsync(file.fileno())
            except OSError as error:
                raise OutcomeUnknown(id) from error

    @contextmanager
    def _locked(self) -> Iterator[None]:
        if self._read_only:
            raise StoreError(f"{self.url} was opened to be read only")
        path = self._folder / "lock"
        self._threads.acquire(BUSY_TIMEOUT_SECONDS)
        try:
            with translated(path):
                file = path.open("ab")
            with file:
                wait_for(file.fileno(), path)
                try:
                    yield
                finally:
                    fcntl.flock(file, fcntl.LOCK_UN)
        finally:
            self._threads.release()


def wait_for(lock: int, path: Path) -> None:
    """Until other processes have left the lock."""
    end = time.monotonic() + BUSY_TIMEOUT_SECONDS
    with translated(path):
        while True:
            try:
                return fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                if time.monotonic() > end:
                    raise StoreBusy(f"{path} was held for {BUSY_TIMEOUT_SECONDS:g} s") from error
                time.sleep(0.01)


def sync(folder: Path) -> None:
    """Make the names in a folder durable."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def open_jsonl(url: str, *, create: bool, read_only: bool) -> JsonlStore:
    """The store of `jsonl:folder`: what the registry calls."""
    folder = Path(unquote(url.removeprefix("jsonl:")))
    with translated(folder):
        if create:
            folder.mkdir(exist_ok=True)
            sync(folder.parent)
        if not folder.is_dir():
            raise NotFound(f"no folder {folder}")
    return JsonlStore(folder, read_only=read_only)


def main() -> None:
    """Open a bank, exchange an hour and a half, and look."""
    with tempfile.TemporaryDirectory() as folder:
        store = open_jsonl(f"jsonl:{folder}", create=True, read_only=False)
        with timebank.TimeBank(store) as bank:
            bank.open_account("m1", name="Maria R.")
            bank.open_account("f1", kind="group", name="Famiglia Rossi")
            bank.transfer(earner="m1", spender="f1", hours="1:30")
            print(bank.balance("m1").posted, bank.audit().ok)


if __name__ == "__main__":
    main()
