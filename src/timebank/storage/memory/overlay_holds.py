"""The holds of a transaction: the rows that it has added, and which holds it has resolved."""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterable
from operator import attrgetter
from typing import Final

from timebank.model import HoldRow
from timebank.storage.protocol import Reader

by_hold: Final = attrgetter("sequence", "account")
by_end: Final = attrgetter("expires_at", "sequence")


class OwnHolds:
    """Rows of holds on top of those of a reader, some of which are resolved.

    >>> from timebank.model import NEVER, HoldRow
    >>> from timebank.storage.memory.overlay_holds import OwnHolds
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
        """Keep a row, in its place of both orders."""
        insort(self.rows, row, key=by_hold)
        insort(self.of.setdefault(row.account, []), row, key=by_end)

    def has(self, row: HoldRow) -> bool:
        """Whether the account has its row of this hold already."""
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
        """As `Reader.holds`, of what is below and on top."""
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
        """As `Reader.holds_of`, of what is below and on top."""
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
