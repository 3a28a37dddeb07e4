"""The memory store: private, gone when it is closed, for tests and previews.

Rows are only ever added, so a snapshot is a length: a reader sees the records up to
the head it was opened at, and no posting of a later record.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Sequence
from threading import Lock, get_ident
from types import TracebackType

import attrs

from timebank.errors import BankNotFound, InvalidRequest, StoreError
from timebank.journal import genesis
from timebank.model import AccountRow, Fault, Head, PostingRow, RecordRow, TextRow
from timebank.storage.overlay import Overlay, add_totals, within


@attrs.define
class Rows:
    """One bank. Lists grow; `accounts` and, when rebuilt, `postings` are replaced."""

    journal: str
    records: list[RecordRow] = attrs.field(factory=list)
    ids: dict[str, RecordRow] = attrs.field(factory=dict)
    referring: dict[int, list[RecordRow]] = attrs.field(factory=dict)
    texts: list[TextRow] = attrs.field(factory=list)
    accounts: dict[str, AccountRow] = attrs.field(factory=dict)
    postings: dict[str, list[PostingRow]] = attrs.field(factory=dict)

    def merge(self, overlay: Overlay) -> None:
        """Take over what a transaction appended; the records last, for they move the head."""
        if overlay.anew:
            self.accounts = dict(overlay.new_accounts)
            self.postings = {id: list(rows) for id, rows in overlay.new_postings.items()}
        else:
            if overlay.new_accounts:
                self.accounts = self.accounts | overlay.new_accounts
            for id, rows in overlay.new_postings.items():
                self.postings.setdefault(id, []).extend(rows)
        self.texts += sorted(overlay.new_texts)
        for row in overlay.new_records:
            if row.id is not None:
                self.ids[row.id] = row
            if row.refers_to is not None:
                self.referring.setdefault(row.refers_to, []).append(row)
        self.records += overlay.new_records


class MemoryReader:
    """A snapshot of one bank."""

    def __init__(self, rows: Rows) -> None:
        self._rows = rows
        self._end = len(rows.records)
        self._accounts, self._postings = rows.accounts, rows.postings

    def head(self) -> Head:
        """See `Reader.head`."""
        journal = self._rows.journal
        last = self._rows.records[self._end - 1] if self._end else None
        return Head(journal, self._end, genesis(journal) if last is None else last.digest)

    def records(self, *, after: int, limit: int) -> list[RecordRow]:
        """See `Reader.records`."""
        return self._rows.records[after : min(after + limit, self._end)]

    def find(self, id: str) -> RecordRow | None:
        """See `Reader.find`."""
        row = self._rows.ids.get(id)
        return row if row is not None and row.sequence <= self._end else None

    def referring(self, sequence: int) -> list[RecordRow]:
        """See `Reader.referring`."""
        return [r for r in self._rows.referring.get(sequence, ()) if r.sequence <= self._end]

    def texts(self, *, after: int, through: int) -> list[TextRow]:
        """See `Reader.texts`."""
        texts, through = self._rows.texts, min(through, self._end)
        start = bisect_right(texts, after, key=lambda row: row.sequence)
        return texts[start : bisect_right(texts, through, key=lambda row: row.sequence)]

    def account(self, id: str) -> AccountRow | None:
        """See `Reader.account`."""
        return self._accounts.get(id)

    def accounts(self, *, after: str | None, limit: int) -> list[AccountRow]:
        """See `Reader.accounts`."""
        ids = sorted(self._accounts)
        start = 0 if after is None else bisect_right(ids, after)
        return [self._accounts[id] for id in ids[start : start + limit]]

    def last_posting(self, account: str, *, through: int | None = None) -> PostingRow | None:
        """See `Reader.last_posting`."""
        rows = self._of(account, through)
        return rows[-1] if rows else None

    def postings(self, account: str, *, after: int, limit: int) -> list[PostingRow]:
        """See `Reader.postings`."""
        return self._of(account)[after : after + limit]

    def postings_by_day(
        self,
        account: str,
        *,
        since: str | None = None,
        until: str | None = None,
        after: tuple[str, int] | None = None,
        newest_first: bool = False,
        limit: int,
    ) -> list[PostingRow]:
        """See `Reader.postings_by_day`."""
        rows = [
            row
            for row in list(self._of(account))
            if within(row, since, until, after, newest_first=newest_first)
        ]
        rows.sort(key=lambda row: (row.day, row.version), reverse=newest_first)
        return rows[:limit]

    def totals(
        self, account: str, *, since: str | None = None, until: str | None = None
    ) -> tuple[int, int]:
        """See `Reader.totals`."""
        return add_totals((0, 0), list(self._of(account)), since, until)

    def faults(self, progress: Callable[[], None] | None = None) -> Iterable[Fault]:
        """See `Reader.faults`: there is no file that could be damaged."""
        return ()

    def _of(self, account: str, through: int | None = None) -> list[PostingRow]:
        """The postings of an account up to a sequence: not to be changed, or gone through lazily."""
        rows = self._postings.get(account, [])
        last = self._end if through is None else min(through, self._end)
        if rows and rows[-1].sequence > last:
            return rows[: bisect_right(rows, last, key=lambda row: row.sequence)]
        return rows


class _Reading:
    def __init__(self, store: MemoryStore, bank: str) -> None:
        self._store, self._bank = store, bank

    def __enter__(self) -> MemoryReader:
        return self._store.snapshot(self._bank)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Nothing to release."""


class _Writing:
    def __init__(self, store: MemoryStore, bank: str) -> None:
        self._store, self._bank = store, bank

    def __enter__(self) -> Overlay:
        self._store.lock()
        try:
            self._overlay = Overlay(self._store.snapshot(self._bank))
        except BaseException:
            self._store.unlock()
            raise
        return self._overlay

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if kind is None:
            self._store.merge(self._bank, self._overlay)
        self._store.unlock()


class MemoryStore:
    """Banks in this process only."""

    url = "memory:"

    def __init__(self) -> None:
        self._banks: dict[str, Rows] = {}
        self._writing, self._changing = Lock(), Lock()
        self._writer: int | None = None
        self._closed = False

    def banks(self) -> Sequence[str]:
        """See `Store.banks`."""
        return sorted(self._banks)

    def make_bank(self, bank: str, *, journal: str) -> None:
        """See `Store.make_bank`."""
        self._banks.setdefault(bank, Rows(journal))

    def reader(self, bank: str) -> _Reading:
        """See `Store.reader`."""
        return _Reading(self, bank)

    def writer(self, bank: str) -> _Writing:
        """See `Store.writer`."""
        return _Writing(self, bank)

    def close(self) -> None:
        """See `Store.close`."""
        self._closed = True

    def snapshot(self, bank: str) -> MemoryReader:
        """A reader of what is committed."""
        if self._closed:
            msg = "the store is closed"
            raise StoreError(msg)
        rows = self._banks.get(bank)
        if rows is None:
            raise BankNotFound(bank, self.url)
        with self._changing:
            return MemoryReader(rows)

    def merge(self, bank: str, overlay: Overlay) -> None:
        """Commit a transaction; no snapshot is taken meanwhile."""
        with self._changing:
            self._banks[bank].merge(overlay)

    def lock(self) -> None:
        """Take the writer's lock."""
        if self._writer == get_ident():
            msg = "a batch is open on this thread: write through it"
            raise InvalidRequest(msg)
        self._writing.acquire()
        self._writer = get_ident()

    def unlock(self) -> None:
        """Release it."""
        self._writer = None
        self._writing.release()


def open_memory(url: str, *, create: bool, read_only: bool) -> MemoryStore:
    """A new, empty store.

    :raises InvalidRequest: anything behind `memory:`, for it has no name.
    """
    if url != MemoryStore.url:
        msg = f"the memory store has no path: memory:, not {url}"
        raise InvalidRequest(msg)
    return MemoryStore()
