"""The rows of a bank in memory, and a snapshot of them.

A bank's rows are containers that only grow, and a frozen `Rows` that says how much
of them is committed. A commit appends, then puts a new `Rows` in place of the old:
a reader that holds the old one goes on seeing what it saw.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable
from types import TracebackType
from typing import Final, Self

import attrs

from timebank.errors import BankNotFound, StoreError
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
from timebank.storage.memory.overlay import (
    Overlay,
    by_day,
    by_end,
    by_field,
    by_hold,
    by_level,
    by_place,
    by_sequence,
    by_version,
    sum_earned,
    sum_spent,
    within,
)
from timebank.storage.protocol import Batch

URL: Final = "memory:"


@attrs.define
class _PostingsByDay:
    """An account's postings by day, made when asked for: the first `count` of its list."""

    count: int
    rows: list[PostingRow]


@attrs.frozen
class Rows:
    """A bank as of one commit; the containers may hold rows of later commits, to be ignored.

    What is visible are records, texts and postings up to `sequence`, and of an account
    the last row of a commit up to `commit`.
    """

    journal: str
    sequence: int = 0
    commit: int = 0
    records: list[RecordRow] = attrs.field(factory=list)
    operations: dict[str, RecordRow] = attrs.field(factory=dict)
    reversals: dict[int, list[RecordRow]] = attrs.field(factory=dict)
    texts: dict[int, list[TextRow]] = attrs.field(factory=dict)
    accounts: dict[str, list[tuple[int, AccountRow]]] = attrs.field(factory=dict)
    postings: dict[str, list[PostingRow]] = attrs.field(factory=dict)
    days: dict[str, _PostingsByDay] = attrs.field(factory=dict)
    #: Small, and made anew by a commit that changes them: open holds, statutes, and tiles.
    holds: tuple[HoldRow, ...] = ()
    holds_of: dict[str, tuple[HoldRow, ...]] = attrs.field(factory=dict)
    statutes: tuple[StatuteRow, ...] = ()
    tiles: tuple[TileRow, ...] = ()
    #: The commit that is filling the containers; it stays where it was interrupted.
    merging: set[int] = attrs.field(factory=set)

    def is_torn(self) -> bool:
        """Return whether a commit began and did not end: `copied` is what was before it."""
        return bool(self.merging)

    def merged(self, top: Overlay) -> Rows:
        """Return the bank with the rows of a transaction; `merging` says that it has begun.

        Derived rows made anew, or rows for records that are committed already, go into
        new containers, for a snapshot would see them.
        """
        self.merging.add(self.commit + 1)
        rows = attrs.evolve(
            self, sequence=self.sequence + len(top.own_records), commit=self.commit + 1
        )
        if top.anew:
            rows = attrs.evolve(rows, accounts={}, postings={}, days={})
        elif any(row.sequence <= self.sequence for own in top.own_postings.values() for row in own):
            copies = {id: list(own) for id, own in self.postings.items()}
            rows = attrs.evolve(rows, postings=copies, days={})
        if top.erased or any(sequence <= self.sequence for sequence in top.own_texts):
            rows = attrs.evolve(rows, texts=self._texts_without(top.erased))
        rows.records.extend(top.own_records)
        for record in top.own_records:
            if record.id is not None:
                rows.operations[record.id] = record
            if record.refers_to is not None:
                rows.reversals.setdefault(record.refers_to, []).append(record)
        for sequence, texts in top.own_texts.items():
            rows.texts[sequence] = sorted([*rows.texts.get(sequence, []), *texts], key=by_field)
        for account in top.own_accounts.values():
            rows.accounts.setdefault(account.account, []).append((rows.commit, account))
        for id, postings in top.own_postings.items():
            rows.postings.setdefault(id, []).extend(postings)
        return rows.with_holds(top)

    def _texts_without(self, erased: set[tuple[int, str]]) -> dict[int, list[TextRow]]:
        """Return the texts in a container of their own, without those that are erased."""
        texts = dict(self.texts)
        for sequence in {sequence for sequence, _ in erased} & texts.keys():
            texts[sequence] = [row for row in texts[sequence] if by_field(row) not in erased]
        return texts

    def with_holds(self, top: Overlay) -> Rows:
        """Return the bank with a transaction's holds, statutes and tiles, in own containers."""
        own, resolved = top.own_holds, top.own_holds.resolved
        changed = top.anew or own.rows or resolved or top.own_statutes or top.own_tiles
        if not changed:
            return self
        old = Rows(self.journal) if top.anew else self
        kept, holds_of = old.holds, dict(old.holds_of)
        gone = {row.account for row in kept if row.sequence in resolved}
        kept = tuple(row for row in kept if row.sequence not in resolved)
        for id in gone.union(own.of):
            there = [row for row in holds_of.pop(id, ()) if row.sequence not in resolved]
            if there := sorted([*there, *own.of.get(id, ())], key=by_end):
                holds_of[id] = tuple(there)
        return attrs.evolve(
            self,
            holds=tuple(sorted([*kept, *own.rows], key=by_hold)),
            holds_of=holds_of,
            statutes=tuple(sorted((*old.statutes, *top.own_statutes))),
            tiles=tuple(sorted((*old.tiles, *top.own_tiles))),
        )

    def copied(self) -> Rows:
        """Return the same bank in containers that hold nothing more."""
        snapshot, top = Snapshot(self), Overlay(Snapshot(Rows(self.journal)))
        accounts = snapshot.accounts(after=None, limit=len(self.accounts))
        batch = Batch(
            records=snapshot.records(after=0, limit=self.sequence),
            texts=snapshot.texts(after=0, through=self.sequence),
            accounts={row.account: row for row in accounts},
            holds=list(self.holds),
            statutes=list(self.statutes),
            tiles=list(self.tiles),
        )
        for id in list(self.postings):
            batch.postings += snapshot.visible(id)
        top.append(batch)
        copy = Rows(self.journal).merged(top)
        copy.merging.clear()
        return copy


class Snapshot:
    """A reader of a bank as it was when the snapshot was taken."""

    def __init__(self, rows: Rows | None, *, bank: str = "main") -> None:
        self._missing = rows is None
        self._bank = bank
        self._committed: Rows | None = Rows("") if rows is None else rows

    def _rows(self) -> Rows:
        if self._committed is None:
            msg = "this reader is closed"
            raise StoreError(msg)
        return self._committed

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._committed = None

    def visible(self, account: str, *, through: int | None = None) -> list[PostingRow]:
        """Return the account's postings that are committed, by version."""
        rows = self._rows()
        end = rows.sequence if through is None else min(through, rows.sequence)
        postings = rows.postings.get(account, [])
        return postings[: bisect_right(postings, end, key=by_sequence)]

    def head(self) -> Head:
        """Implement `Reader.head`."""
        rows = self._rows()
        if self._missing:
            raise BankNotFound(self._bank, URL)
        if not rows.sequence:
            return Head(rows.journal, 0, genesis(rows.journal))
        return Head(rows.journal, rows.sequence, rows.records[rows.sequence - 1].digest)

    def records(self, *, after: int, limit: int) -> list[RecordRow]:
        """Implement `Reader.records`."""
        rows = self._rows()
        start = max(after, 0)
        return rows.records[start : min(start + limit, rows.sequence)]

    def find(self, id: str) -> RecordRow | None:
        """Implement `Reader.find`."""
        rows = self._rows()
        row = rows.operations.get(id)
        return row if row is not None and row.sequence <= rows.sequence else None

    def referring(self, sequence: int) -> list[RecordRow]:
        """Implement `Reader.referring`."""
        rows = self._rows()
        return [row for row in rows.reversals.get(sequence, []) if row.sequence <= rows.sequence]

    def texts(self, *, after: int, through: int) -> list[TextRow]:
        """Implement `Reader.texts`."""
        rows = self._rows()
        found: list[TextRow] = []
        for sequence in range(max(after, 0) + 1, min(through, rows.sequence) + 1):
            found += rows.texts.get(sequence, [])
        return found

    def account(self, id: str) -> AccountRow | None:
        """Implement `Reader.account`."""
        rows = self._rows()
        for commit, row in reversed(rows.accounts.get(id, [])):
            if commit <= rows.commit:
                return row
        return None

    def accounts(self, *, after: str | None, limit: int) -> list[AccountRow]:
        """Implement `Reader.accounts`."""
        found: list[AccountRow] = []
        ids = sorted(self._rows().accounts)
        for id in ids[0 if after is None else bisect_right(ids, after) :]:
            row = self.account(id)
            if len(found) >= limit:
                break
            if row is not None:
                found.append(row)
        return found

    def last_posting(self, account: str, *, through: int | None = None) -> PostingRow | None:
        """Implement `Reader.last_posting`."""
        rows = self._rows()
        end = rows.sequence if through is None else min(through, rows.sequence)
        postings = rows.postings.get(account, [])
        count = bisect_right(postings, end, key=by_sequence)
        return postings[count - 1] if count else None

    def postings(self, account: str, *, after: int, limit: int) -> list[PostingRow]:
        """Implement `Reader.postings`."""
        rows = self._rows()
        postings = rows.postings.get(account, [])
        start = bisect_right(postings, after, key=by_version)
        page = postings[start : start + limit]
        return page[: bisect_right(page, rows.sequence, key=by_sequence)]

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
        rows = self._by_day(account)
        start = 0 if since is None else bisect_left(rows, since, key=_day)
        end = len(rows) if until is None else bisect_right(rows, until, key=_day)
        if newest_first:
            if after is not None:
                end = min(end, bisect_left(rows, after, key=by_day))
            return rows[max(start, end - limit) : end][::-1]
        if after is not None:
            start = max(start, bisect_right(rows, after, key=by_day))
        return rows[start : min(start + limit, end)]

    def _by_day(self, account: str) -> list[PostingRow]:
        """Return the visible postings by (day, version); they are kept until there are others."""
        rows, visible = self._rows(), self.visible(account)
        kept = rows.days.get(account)
        if kept is None or kept.count != len(visible):
            kept = rows.days[account] = _PostingsByDay(len(visible), sorted(visible, key=by_day))
        return kept.rows

    def totals(
        self, account: str, *, since: str | None = None, until: str | None = None
    ) -> tuple[int, int]:
        """Implement `Reader.totals`."""
        rows = within(self.visible(account), since=since, until=until)
        return sum_earned(rows), sum_spent(rows)

    def holds(self, *, after: tuple[int, str], limit: int) -> list[HoldRow]:
        """Implement `Reader.holds`."""
        rows = self._rows().holds
        start = bisect_right(rows, after, key=by_hold)
        return list(rows[start : start + limit])

    def holds_of(self, account: str, *, after: tuple[int, int], limit: int) -> list[HoldRow]:
        """Implement `Reader.holds_of`."""
        rows = self._rows().holds_of.get(account, ())
        start = bisect_right(rows, after, key=by_end)
        return list(rows[start : start + limit])

    def statutes(self, *, before: int, limit: int) -> list[StatuteRow]:
        """Implement `Reader.statutes`."""
        rows = self._rows().statutes
        end = bisect_left(rows, before, key=by_sequence)
        return list(rows[max(end - limit, 0) : end][::-1])

    def tiles(self, *, level: int, after: int, limit: int) -> list[TileRow]:
        """Implement `Reader.tiles`."""
        rows = self._rows().tiles
        start = bisect_right(rows, (level, after), key=by_place)
        return list(rows[start : min(start + limit, bisect_left(rows, level + 1, key=by_level))])

    def faults(self, progress: Callable[[], None] | None = None) -> Iterable[Fault]:
        """Find nothing: there is no file that could be damaged."""
        self._rows()
        return ()


def _day(row: PostingRow) -> str:
    return row.day
