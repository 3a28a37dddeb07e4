"""The hours of a community as a test counts them by itself, from what it did and was told."""

from __future__ import annotations

from collections import Counter

import attrs

from timebank import TimeBank


@attrs.frozen
class Entry:
    """An exchange, or hours that are reserved for one, in seconds."""

    id: str
    earner: str
    spender: str
    seconds: int


@attrs.define
class Books:
    """What was booked, and what is reserved, by what the site has acknowledged."""

    booked: dict[str, Entry] = attrs.field(factory=dict)
    reserved: dict[str, Entry] = attrs.field(factory=dict)

    def book(self, entry: Entry) -> None:
        """Count an exchange, once."""
        assert entry.id not in self.booked
        self.booked[entry.id] = entry

    def reserve(self, entry: Entry) -> None:
        """Reserve the hours of an exchange that is to come."""
        assert entry.id not in self.reserved
        self.reserved[entry.id] = entry

    def settle(self, id: str, settled: str) -> None:
        """Book what was reserved, by the id that the site gives it."""
        self.book(attrs.evolve(self.reserved.pop(id), id=settled))

    def release(self, id: str) -> None:
        """Reserve it no longer."""
        del self.reserved[id]

    def posted(self) -> dict[str, int]:
        """The balance of each account that is not zero, in seconds."""
        sums: Counter[str] = Counter()
        for entry in self.booked.values():
            sums[entry.earner] += entry.seconds
            sums[entry.spender] -= entry.seconds
        return {account: seconds for account, seconds in sums.items() if seconds}

    def held(self) -> dict[str, int]:
        """What each account has reserved to give away, in seconds."""
        sums: Counter[str] = Counter()
        for entry in self.reserved.values():
            sums[entry.spender] += entry.seconds
        return dict(sums)

    def coming(self) -> dict[str, int]:
        """What is reserved for each account, in seconds."""
        sums: Counter[str] = Counter()
        for entry in self.reserved.values():
            sums[entry.earner] += entry.seconds
        return dict(sums)


def ledger_says(bank: TimeBank) -> Books:
    """The same from a ledger: its exchanges, and the holds that are open."""
    books = Books()
    for one in bank.transfers():
        [earner], [spender] = one.earners, one.spenders
        books.book(Entry(one.id, earner, spender, one.hours.seconds))
    for hold in bank.holds(status="open"):
        [earner], [spender] = hold.earners, hold.spenders
        books.reserve(Entry(hold.id, earner, spender, hold.hours.seconds))
    return books
