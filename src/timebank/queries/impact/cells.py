"""Hold the counts of exchanges: of each account, and of each month, label and kind."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Final

import attrs

LAST: Final = "9999-12-31"
MEMBERS: Final = frozenset({"member", "group"})


@attrs.define
class Cell:
    """A count of exchanges and seconds, and the set of accounts that took part, as bits."""

    exchanges: int = 0
    seconds: int = 0
    people: int = 0

    @property
    def accounts(self) -> int:
        """The number of accounts that took part."""
        return self.people.bit_count()

    @property
    def is_empty(self) -> bool:
        """True if nothing is left of what was counted."""
        return self.exchanges <= 0 and not self.seconds

    @property
    def size(self) -> int:
        """The accounts by which it is shown or hidden: of what was only taken back, one."""
        return 0 if self.is_empty else max(self.accounts, 1)

    def merge(self, other: Cell, offset: int) -> None:
        """Add the cell of another bank, whose accounts are numbered from `offset` on."""
        self.exchanges += other.exchanges
        self.seconds += other.seconds
        self.people |= other.people << offset


def bits_of(numbers: Collection[int]) -> int:
    """Return a set of accounts as bits, made in one go: it has a bit for each account of a bank.

    >>> from timebank.queries.impact.cells import bits_of
    >>> bits_of({0, 3}) == 1 << 0 | 1 << 3
    True
    """
    found = bytearray(max(numbers, default=0) // 8 + 1)
    for number in numbers:
        found[number >> 3] |= 1 << (number & 7)
    return int.from_bytes(found, "little")


@attrs.define
class AccountCounts:
    """The counts of one account; `net` is the change of its balance in each month.

    `joined` is the day of joining or, where none was given, of being opened; `first` and `last`
    are the days of its first and last exchange.
    """

    kind: str
    joined: str
    status: str = "open"
    given: int = 0
    received: int = 0
    exchanges: int = 0
    first: str = LAST
    last: str = ""
    net: dict[str, int] = attrs.field(factory=dict)

    @property
    def since(self) -> str:
        """The day from which it takes part: who exchanged before joining was there already.

        An account that an import opened without a day of joining has many exchanges before the
        day of the import.
        """
        return min(self.joined, self.first)


@attrs.define
class ExchangeCounts:
    """The counts of one bank, or of several together. Days are `YYYY-MM-DD`."""

    since: str = ""
    until: str = LAST
    banks: int = 1
    people: list[AccountCounts] = attrs.field(factory=list)
    all: Cell = attrs.field(factory=Cell)
    among_members: Cell = attrs.field(factory=Cell)
    arranged: Cell = attrs.field(factory=Cell)
    given_to_banks: Cell = attrs.field(factory=Cell)
    received_from_banks: Cell = attrs.field(factory=Cell)
    others: dict[str, Cell] = attrs.field(factory=dict)
    months: dict[str, Cell] = attrs.field(factory=dict)
    categories: dict[str, Cell] = attrs.field(factory=dict)
    areas: dict[str, Cell] = attrs.field(factory=dict)
    resources: dict[str, Cell] = attrs.field(factory=dict)
    month_areas: dict[tuple[str, str], Cell] = attrs.field(factory=dict)
    flows: dict[tuple[str, str], Cell] = attrs.field(factory=dict)
    today: str = ""

    def merge(self, other: ExchangeCounts) -> None:
        """Add the counts of another bank."""
        offset = len(self.people)
        self.people += other.people
        self.banks += other.banks
        self.today = max(self.today, other.today)
        for mine, theirs in (
            (self.all, other.all),
            (self.among_members, other.among_members),
            (self.arranged, other.arranged),
            (self.given_to_banks, other.given_to_banks),
            (self.received_from_banks, other.received_from_banks),
        ):
            mine.merge(theirs, offset)
        for name in _TABLES:
            table: dict[Any, Cell] = getattr(self, name)
            for key, cell in getattr(other, name).items():
                table.setdefault(key, Cell()).merge(cell, offset)


_TABLES: Final = (
    "others",
    "months",
    "categories",
    "areas",
    "resources",
    "month_areas",
    "flows",
)
