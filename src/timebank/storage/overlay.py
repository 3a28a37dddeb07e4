"""A writer over any reader, which keeps what is appended in memory.

It is the transaction of the memory store and the whole of a preview: the base is
never changed, and every read sees the base with what was appended on top.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable

from timebank.errors import Conflict
from timebank.model import AccountRow, Fault, Head, PostingRow, RecordRow, TextRow
from timebank.storage.protocol import Batch, Reader


class Overlay:
    """Every answer is the base's, then its own: what is appended comes later in the journal."""

    def __init__(self, base: Reader) -> None:
        self._base = base
        self._base_head = base.head()
        self.anew = False
        self.new_records: list[RecordRow] = []
        self.new_texts: list[TextRow] = []
        self.new_accounts: dict[str, AccountRow] = {}
        self.new_postings: dict[str, list[PostingRow]] = {}
        self._ids: dict[str, RecordRow] = {}

    def append(self, batch: Batch) -> None:
        """Keep the rows; see `Writer.append`."""
        sequence = self.head().sequence
        for row in batch.records:
            sequence += 1
            if row.sequence != sequence:
                msg = f"record {row.sequence} does not follow the head {sequence - 1}"
                raise Conflict(msg)
            if row.id is not None and self.find(row.id) is not None:
                msg = f"the id {row.id!r} is taken"
                raise Conflict(msg)
            self.new_records.append(row)
            if row.id is not None:
                self._ids[row.id] = row
        if batch.anew:
            self.anew = True
            self.new_accounts.clear()
            self.new_postings.clear()
        self.new_texts += batch.texts
        self.new_accounts.update(batch.accounts)
        for posting in batch.postings:
            last = self.last_posting(posting.account)
            if posting.version != (1 if last is None else last.version + 1):
                msg = f"version {posting.version} of account {posting.account!r} is taken"
                raise Conflict(msg)
            self.new_postings.setdefault(posting.account, []).append(posting)

    # -- the journal ----------------------------------------------------------

    def head(self) -> Head:
        """See `Reader.head`."""
        if not self.new_records:
            return self._base_head
        last = self.new_records[-1]
        return Head(self._base_head.journal, last.sequence, last.digest)

    def records(self, *, after: int, limit: int) -> list[RecordRow]:
        """See `Reader.records`."""
        rows = self._base.records(after=after, limit=limit)
        start = max(after - self._base_head.sequence, 0)
        return rows + self.new_records[start : start + limit - len(rows)]

    def find(self, id: str) -> RecordRow | None:
        """See `Reader.find`."""
        return self._ids.get(id) or self._base.find(id)

    def referring(self, sequence: int) -> list[RecordRow]:
        """See `Reader.referring`."""
        own = [row for row in self.new_records if row.refers_to == sequence]
        return self._base.referring(sequence) + own

    def texts(self, *, after: int, through: int) -> list[TextRow]:
        """See `Reader.texts`."""
        start = bisect_right(self.new_texts, after, key=_sequence)
        end = bisect_right(self.new_texts, through, key=_sequence)
        return self._base.texts(after=after, through=through) + sorted(self.new_texts[start:end])

    # -- what is derived ------------------------------------------------------

    def account(self, id: str) -> AccountRow | None:
        """See `Reader.account`."""
        own = self.new_accounts.get(id)
        return own if own is not None or self.anew else self._base.account(id)

    def accounts(self, *, after: str | None, limit: int) -> list[AccountRow]:
        """See `Reader.accounts`."""
        rows = {} if self.anew else {r.account: r for r in self._base.accounts(after=after, limit=limit)}
        for id, row in self.new_accounts.items():
            if after is None or id > after:
                rows[id] = row
        return [rows[id] for id in sorted(rows)[:limit]]

    def last_posting(self, account: str, *, through: int | None = None) -> PostingRow | None:
        """See `Reader.last_posting`."""
        for row in reversed(self.new_postings.get(account, ())):
            if through is None or row.sequence <= through:
                return row
        return None if self.anew else self._base.last_posting(account, through=through)

    def postings(self, account: str, *, after: int, limit: int) -> list[PostingRow]:
        """See `Reader.postings`."""
        rows = [] if self.anew else self._base.postings(account, after=after, limit=limit)
        own = self.new_postings.get(account, [])
        start = bisect_right(own, after, key=_version)
        return rows + own[start : start + limit - len(rows)]

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
        rows = (
            []
            if self.anew
            else self._base.postings_by_day(
                account, since=since, until=until, after=after, newest_first=newest_first, limit=limit
            )
        )
        for row in self.new_postings.get(account, ()):
            if within(row, since, until, after, newest_first=newest_first):
                rows.append(row)
        return sorted(rows, key=_day, reverse=newest_first)[:limit]

    def totals(
        self, account: str, *, since: str | None = None, until: str | None = None
    ) -> tuple[int, int]:
        """See `Reader.totals`."""
        base = (0, 0) if self.anew else self._base.totals(account, since=since, until=until)
        return add_totals(base, self.new_postings.get(account, ()), since, until)

    def faults(self, progress: Callable[[], None] | None = None) -> Iterable[Fault]:
        """See `Reader.faults`: memory has none of its own."""
        return ()


def within(
    row: PostingRow,
    since: str | None,
    until: str | None,
    after: tuple[str, int] | None,
    *,
    newest_first: bool,
) -> bool:
    """Whether a posting lies in the bounds, and behind `after` in the direction of travel."""
    if (since is not None and row.day < since) or (until is not None and row.day > until):
        return False
    if after is None:
        return True
    return _day(row) < after if newest_first else _day(row) > after


def add_totals(
    totals: tuple[int, int], rows: Iterable[PostingRow], since: str | None, until: str | None
) -> tuple[int, int]:
    """Seconds earned and spent, with those of more rows."""
    earned, spent = totals
    for row in rows:
        if within(row, since, until, None, newest_first=False):
            if row.seconds > 0:
                earned += row.seconds
            else:
                spent -= row.seconds
    return earned, spent


def _sequence(row: TextRow) -> int:
    return row.sequence


def _version(row: PostingRow) -> int:
    return row.version


def _day(row: PostingRow) -> tuple[str, int]:
    return row.day, row.version
