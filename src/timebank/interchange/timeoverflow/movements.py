"""Keep the table of movements in memory: what each transfer did to which account."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Iterator
from typing import Final

import attrs

MOVEMENT_COLUMNS: Final = ("account_id", "transfer_id", "amount")


@attrs.frozen
class Movement:
    """A line of the table; `amount` is in seconds."""

    transfer: int
    account: int
    amount: int
    line: int


class Movements:
    """Movements, found by their transfer: 32 bytes for each.

    >>> from timebank.interchange.timeoverflow.movements import Movement, Movements
    >>> movements = Movements()
    >>> for line, (transfer, account, amount) in enumerate([(2, 7, -60), (1, 7, 5), (2, 8, 60)]):
    ...     movements.add(Movement(transfer, account, amount, line))
    >>> [(one.account, one.amount) for one in movements.take(2)]
    [(7, -60), (8, 60)]
    >>> [one.transfer for one in movements.remaining()]
    [1]
    """

    def __init__(self) -> None:
        self._columns = tuple(array("q") for _ in range(4))
        self._is_sorted = True
        self._taken = bytearray()

    def add(self, movement: Movement) -> None:
        """Add a movement."""
        transfers = self._columns[0]
        self._is_sorted &= not transfers or transfers[-1] <= movement.transfer
        for column, value in zip(self._columns, attrs.astuple(movement), strict=True):
            column.append(value)
        self._taken.append(0)

    def take(self, transfer: int) -> list[Movement]:
        """Return those of a transfer, in the order of the table."""
        if not self._is_sorted:
            self._sort()
        transfers = self._columns[0]
        first = after = bisect_left(transfers, transfer)
        while after < len(transfers) and transfers[after] == transfer:
            self._taken[after] = 1
            after += 1
        return [self._at(index) for index in range(first, after)]

    def remaining(self) -> Iterator[Movement]:
        """Return those that were not taken."""
        return (self._at(index) for index, taken in enumerate(self._taken) if not taken)

    def _at(self, index: int) -> Movement:
        return Movement(*(column[index] for column in self._columns))

    def _sort(self) -> None:
        order = sorted(range(len(self._taken)), key=self._columns[0].__getitem__)
        self._columns = tuple(
            array("q", (column[index] for index in order)) for column in self._columns
        )
        self._taken = bytearray(self._taken[index] for index in order)
        self._is_sorted = True
