"""A writer that keeps in memory what is appended, over any reader.

Every read answers from the reader below and the rows on top together. It is the
transaction of the memory store, and what a preview decides against on any store.
"""

from __future__ import annotations

import heapq
from bisect import bisect_left, bisect_right, insort
from collections.abc import Callable, Iterable
from operator import attrgetter
from typing import TypeVar

from timebank.errors import Conflict, StoreError, shown
from timebank.model import (
    MAX_PARTIES,
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
from timebank.storage.lock import UNFINISHED
from timebank.storage.protocol import Batch, Reader

Row = TypeVar("Row")

by_version = attrgetter("version")
by_sequence = attrgetter("sequence")
by_day = attrgetter("day", "version")
by_field = attrgetter("sequence", "field")
by_hold = attrgetter("sequence", "account")
by_end = attrgetter("expires_at", "sequence")
by_level = attrgetter("level")
by_place = attrgetter("level", "tile")


class Overlay:
    """Rows appended on top of a reader, which is left as it is.

    >>> from timebank.model import AccountRow
    >>> from timebank.storage import Batch, open_store
    >>> from timebank.storage.memory.overlay import Overlay
    >>> store = open_store("memory:", create=True)
    >>> store.make_bank("main", journal="j1")
    >>> with store.reader("main") as reader:
    ...     top = Overlay(reader)
    ...     row = AccountRow("m1", "member", "open", None, "inherit", "inherit", 1, None)
    ...     top.append(Batch(accounts={"m1": row}))
    ...     top.account("m1").kind, reader.account("m1")
    ('member', None)
    """

    def __init__(self, base: Reader) -> None:
        self._below: Reader | None = base
        self._head: Head | None = None
        self.failed: BaseException | None = None
        self.anew = False
        self.own_records: list[RecordRow] = []
        self.own_texts: dict[int, list[TextRow]] = {}
        self.erased: set[tuple[int, str]] = set()
        self.own_accounts: dict[str, AccountRow] = {}
        self.own_postings: dict[str, list[PostingRow]] = {}
        self.own_holds = OwnHolds()
        self.own_statutes: list[StatuteRow] = []
        self.own_tiles: list[TileRow] = []
        self._operations: dict[str, RecordRow] = {}
        self._reversals: dict[int, list[RecordRow]] = {}

    def _base(self) -> Reader:
        if self._below is None:
            msg = "this writer is closed"
            raise StoreError(msg)
        return self._below

    def put_over(self, base: Reader) -> None:
        """Lie over another reader of the same rows."""
        self._below = base

    def close(self) -> None:
        """Close the writer: every later call is an error."""
        self._below = None

    # -- writing --------------------------------------------------------------

    def append(self, batch: Batch) -> None:
        """Keep the rows of the batch on top.

        After a failure the overlay may hold half of a batch, so it takes no more.

        :raises Conflict: a record's sequence does not follow the head, or an id, a text, an
            account's version, a hold's row, a statute's or a tile's is taken.
        """
        self._base()
        if self.failed is not None:
            msg = "a statement failed before: this writer can only be left"
            raise StoreError(msg) from self.failed
        self.failed = UNFINISHED  # until it is: an interrupt may come between any two lines
        try:
            self._append(batch)
        except BaseException as error:
            self.failed = error
            raise
        self.failed = None

    def appended(self) -> Batch:
        """Return all that was appended, as one batch."""
        return Batch(
            records=self.own_records,
            texts=[row for rows in self.own_texts.values() for row in rows],
            accounts=self.own_accounts,
            postings=[row for rows in self.own_postings.values() for row in rows],
            holds=self.own_holds.rows,
            resolved=sorted(self.own_holds.resolved),
            statutes=self.own_statutes,
            tiles=self.own_tiles,
            erased=sorted(self.erased),
            anew=self.anew,
        )

    def _append(self, batch: Batch) -> None:
        if batch.anew:
            self.anew = True
            self.own_accounts.clear()
            self.own_postings.clear()
            self.own_holds.clear()
            self.own_statutes.clear()
            self.own_tiles.clear()
        for record in batch.records:
            self._append_record(record)
        for text in batch.texts:
            self._append_text(text)
        self._erase(batch.erased)
        self.own_accounts.update(batch.accounts)
        for posting in batch.postings:
            self._append_posting(posting)
        self.own_holds.resolve(batch.resolved)
        for row in batch.holds:
            self._append_hold(row)
        for statute in batch.statutes:
            self._append_statute(statute)
        for tile in batch.tiles:
            self._append_tile(tile)

    def _append_hold(self, row: HoldRow) -> None:
        taken = self.own_holds.has(row)
        if not taken and not self.anew and row.sequence <= self._committed():
            there = self.holds(after=(row.sequence, ""), limit=MAX_PARTIES)
            taken = (row.sequence, row.account) in {(r.sequence, r.account) for r in there}
        if taken:
            msg = f"hold {row.sequence} has its row of {shown(row.account)} already"
            raise Conflict(msg)
        self.own_holds.add(row)

    def _append_statute(self, row: StatuteRow) -> None:
        last = self.statutes(before=row.sequence + 1, limit=1)
        if last and last[0].sequence == row.sequence:
            msg = f"record {row.sequence} has adopted a statute already"
            raise Conflict(msg)
        self.own_statutes.append(row)

    def _append_tile(self, row: TileRow) -> None:
        there = self.tiles(level=row.level, after=row.tile - 1, limit=1)
        if there and there[0].tile == row.tile:
            msg = f"tile {row.tile} of level {row.level} is there already"
            raise Conflict(msg)
        self.own_tiles.append(row)

    def _committed(self) -> int:
        """Return the last sequence below."""
        return self.head().sequence - len(self.own_records)

    def _append_record(self, record: RecordRow) -> None:
        head = self.head()
        if record.sequence != head.sequence + 1:
            msg = f"record {record.sequence} does not follow the last record, {head.sequence}"
            raise Conflict(msg)
        if record.id is not None:
            if self.find(record.id) is not None:
                msg = f"the id {shown(record.id)} is taken"
                raise Conflict(msg)
            self._operations[record.id] = record
        if record.refers_to is not None:
            self._reversals.setdefault(record.refers_to, []).append(record)
        self.own_records.append(record)
        self._head = Head(head.journal, record.sequence, record.digest)

    def _append_text(self, text: TextRow) -> None:
        there = self.own_texts.get(text.sequence, [])
        if text.sequence <= self._committed():
            there = there + self._base().texts(after=text.sequence - 1, through=text.sequence)
        if any(row.field == text.field for row in there):
            msg = f"record {text.sequence} has its text {text.field!r} already"
            raise Conflict(msg)
        self.own_texts.setdefault(text.sequence, []).append(text)

    def _erase(self, places: Iterable[tuple[int, str]]) -> None:
        self.erased.update(places)
        for sequence in {sequence for sequence, _ in places} & self.own_texts.keys():
            kept = [row for row in self.own_texts[sequence] if by_field(row) not in self.erased]
            self.own_texts[sequence] = kept

    def _append_posting(self, posting: PostingRow) -> None:
        last = self.last_posting(posting.account)
        if last is not None and posting.version <= last.version:
            msg = f"version {posting.version} of account {shown(posting.account)} is taken"
            raise Conflict(msg)
        self.own_postings.setdefault(posting.account, []).append(posting)

    # -- reading --------------------------------------------------------------

    def head(self) -> Head:
        """Return the head below, or the last record on top."""
        if self._head is None or self._below is None:
            self._head = self._base().head()
        return self._head

    def records(self, *, after: int, limit: int) -> list[RecordRow]:
        """Implement `Reader.records`."""
        rows = self._base().records(after=after, limit=limit)
        return (rows + _above(self.own_records, after, by_sequence))[:limit]

    def find(self, id: str) -> RecordRow | None:
        """Implement `Reader.find`."""
        base = self._base()
        return self._operations.get(id) or base.find(id)

    def referring(self, sequence: int) -> list[RecordRow]:
        """Implement `Reader.referring`."""
        return self._base().referring(sequence) + self._reversals.get(sequence, [])

    def texts(self, *, after: int, through: int) -> list[TextRow]:
        """Implement `Reader.texts`."""
        rows = self._base().texts(after=after, through=through)
        if self.erased:
            rows = [row for row in rows if by_field(row) not in self.erased]
        few = through - after < len(self.own_texts)
        sequences = range(after + 1, through + 1) if few else self.own_texts
        own = [
            row
            for sequence in sequences
            if after < sequence <= through
            for row in self.own_texts.get(sequence, [])
        ]
        return sorted(rows + own, key=by_field)

    def account(self, id: str) -> AccountRow | None:
        """Implement `Reader.account`."""
        base = self._base()
        own = self.own_accounts.get(id)
        return own if own is not None or self.anew else base.account(id)

    def accounts(self, *, after: str | None, limit: int) -> list[AccountRow]:
        """Implement `Reader.accounts`."""
        base = self._base()
        below = [] if self.anew else base.accounts(after=after, limit=limit)
        rows = {row.account: row for row in below}
        rows.update(
            (id, row) for id, row in self.own_accounts.items() if after is None or id > after
        )
        return [rows[id] for id in sorted(rows)[:limit]]

    def last_posting(self, account: str, *, through: int | None = None) -> PostingRow | None:
        """Implement `Reader.last_posting`."""
        base = self._base()
        own = self.own_postings.get(account, [])
        count = len(own) if through is None else bisect_right(own, through, key=by_sequence)
        if count:
            return own[count - 1]
        return None if self.anew else base.last_posting(account, through=through)

    def postings(self, account: str, *, after: int, limit: int) -> list[PostingRow]:
        """Implement `Reader.postings`."""
        base = self._base()
        rows = [] if self.anew else base.postings(account, after=after, limit=limit)
        own = self.own_postings.get(account, [])
        return (rows + _above(own, after, by_version))[:limit]

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
        """Implement `Reader.postings_by_day`."""
        below = (
            []
            if self.anew
            else self._base().postings_by_day(
                account,
                since=since,
                until=until,
                after=after,
                newest_first=newest_first,
                limit=limit,
            )
        )
        own = sorted(self.own_postings.get(account, []), key=by_day, reverse=newest_first)
        own = within(own, since=since, until=until)
        if after is not None:
            own = [row for row in own if (by_day(row) > after) != newest_first]
            own = [row for row in own if by_day(row) != after]
        return list(heapq.merge(below, own, key=by_day, reverse=newest_first))[:limit]

    def totals(
        self, account: str, *, since: str | None = None, until: str | None = None
    ) -> tuple[int, int]:
        """Implement `Reader.totals`."""
        base = self._base()
        earned, spent = (0, 0) if self.anew else base.totals(account, since=since, until=until)
        own = within(self.own_postings.get(account, []), since=since, until=until)
        return earned + sum_earned(own), spent + sum_spent(own)

    def holds(self, *, after: tuple[int, str], limit: int) -> list[HoldRow]:
        """Implement `Reader.holds`."""
        base = self._base()
        return self.own_holds.page(None if self.anew else base, after=after, limit=limit)

    def holds_of(self, account: str, *, after: tuple[int, int], limit: int) -> list[HoldRow]:
        """Implement `Reader.holds_of`."""
        base = self._base()
        return self.own_holds.page_of(
            None if self.anew else base, account, after=after, limit=limit
        )

    def statutes(self, *, before: int, limit: int) -> list[StatuteRow]:
        """Implement `Reader.statutes`."""
        base = self._base()
        below = [] if self.anew else base.statutes(before=before, limit=limit)
        own = [row for row in self.own_statutes if row.sequence < before]
        return sorted(own + below, reverse=True)[:limit]

    def tiles(self, *, level: int, after: int, limit: int) -> list[TileRow]:
        """Implement `Reader.tiles`."""
        base = self._base()
        below = [] if self.anew else base.tiles(level=level, after=after, limit=limit)
        own = [row for row in self.own_tiles if row.level == level and row.tile > after]
        return sorted(below + own)[:limit]

    def faults(self, progress: Callable[[], None] | None = None) -> Iterable[Fault]:
        """Find nothing: the rows on top are in no file."""
        self._base()
        return ()


class OwnHolds:
    """Rows of holds on top of those of a reader, some of which are resolved.

    >>> from timebank.model import NEVER, HoldRow
    >>> from timebank.storage.memory.overlay import OwnHolds
    >>> own = OwnHolds()
    >>> own.add(HoldRow("m1", NEVER, 7, 3600, 0))
    >>> own.resolve([7, 3])
    >>> own.rows, sorted(own.resolved)
    ([], [3, 7])
    """

    def __init__(self) -> None:
        self.rows: list[HoldRow] = []
        self.resolved: set[int] = set()
        self.of: dict[str, list[HoldRow]] = {}

    def clear(self) -> None:
        """Forget all rows."""
        self.rows.clear()
        self.of.clear()

    def add(self, row: HoldRow) -> None:
        """Add a row, in its place of both orders."""
        insort(self.rows, row, key=by_hold)
        insort(self.of.setdefault(row.account, []), row, key=by_end)

    def has(self, row: HoldRow) -> bool:
        """Return whether the account has its row of this hold already."""
        place = bisect_left(self.rows, by_hold(row), key=by_hold)
        return [by_hold(row)] == [by_hold(other) for other in self.rows[place : place + 1]]

    def resolve(self, sequences: Iterable[int]) -> None:
        """Take away the rows of these holds, here and in what is below."""
        for sequence in sequences:
            first = bisect_left(self.rows, (sequence, ""), key=by_hold)
            end = bisect_left(self.rows, (sequence + 1, ""), key=by_hold)
            for row in self.rows[first:end]:
                self.of[row.account].remove(row)
            del self.rows[first:end]
            self.resolved.add(sequence)

    def page(self, below: Reader | None, *, after: tuple[int, str], limit: int) -> list[HoldRow]:
        """Implement `Reader.holds`, of what is below and on top."""
        own = self.rows[bisect_right(self.rows, after, key=by_hold) :][:limit]
        there: list[HoldRow] = []
        while below is not None and len(there) < limit:
            page = below.holds(after=after, limit=limit)
            there += self._open(page)
            if len(page) < limit:
                break
            after = by_hold(page[-1])
        return sorted(there + own, key=by_hold)[:limit]

    def page_of(
        self, below: Reader | None, account: str, *, after: tuple[int, int], limit: int
    ) -> list[HoldRow]:
        """Implement `Reader.holds_of`, of what is below and on top."""
        own = self.of.get(account, [])
        own = own[bisect_right(own, after, key=by_end) :][:limit]
        there: list[HoldRow] = []
        while below is not None and len(there) < limit:
            page = below.holds_of(account, after=after, limit=limit)
            there += self._open(page)
            if len(page) < limit:
                break
            after = by_end(page[-1])
        return sorted(there + own, key=by_end)[:limit]

    def _open(self, rows: list[HoldRow]) -> list[HoldRow]:
        return [row for row in rows if row.sequence not in self.resolved]


def _above(rows: list[Row], after: int, key: Callable[[Row], int]) -> list[Row]:
    """Return the rows whose key is above `after`, of rows in order of that key."""
    return rows[bisect_right(rows, after, key=key) :]


def within(rows: Iterable[PostingRow], *, since: str | None, until: str | None) -> list[PostingRow]:
    """Return the postings whose day lies within the bounds, both included."""
    return [
        row
        for row in rows
        if (since is None or row.day >= since) and (until is None or row.day <= until)
    ]


def sum_earned(rows: Iterable[PostingRow]) -> int:
    """Return the seconds earned."""
    return sum(row.seconds for row in rows if row.seconds > 0)


def sum_spent(rows: Iterable[PostingRow]) -> int:
    """Return the seconds spent, as a positive number."""
    return -sum(row.seconds for row in rows if row.seconds < 0)
