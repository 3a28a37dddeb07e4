"""The rows that a store keeps: plain tuples of integers, strings and bytes.

They go into a database, and come back equal, as they are. `RecordRow` and `TextRow` are
the truth; the others are derived from it and can be made again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, Final, NamedTuple, TypeVar

from timebank.model.scalars import StoredLimit


class RecordRow(NamedTuple):
    """One line of the journal as stored: `body` are the bytes that were hashed.

    `kind`, `id` and `refers_to` repeat what the body says, for look-ups: the kind of the
    record, the id of the operation, and the sequence of the record that this one refers to.
    """

    sequence: int
    digest: bytes
    body: bytes
    kind: str
    id: str | None
    refers_to: int | None


class TextRow(NamedTuple):
    """A personal text, beside the record that has its commitment."""

    sequence: int
    field: str
    salt: bytes
    text: str


class AccountRow(NamedTuple):
    """An account as the journal leaves it. `opened` and `named` are sequences of records.

    `merged_into` is the account that it became, `None` for one that is itself.
    """

    account: str
    kind: str
    status: str
    joined_on: str | None
    floor: StoredLimit
    ceiling: StoredLimit
    opened: int
    named: int | None
    merged_into: str | None = None


class PostingRow(NamedTuple):
    """One account's side of a transfer, with the balance after it.

    `version` counts the postings of the account from 1, without gaps; `day` is the
    day of service, `YYYY-MM-DD`.
    """

    account: str
    version: int
    sequence: int
    seconds: int
    balance: int
    day: str


class HoldRow(NamedTuple):
    """The seconds that an open hold reserves on one account: to be spent, and to be earned.

    `sequence` is the hold's record. `expires_at` is an instant in microseconds since 1970,
    `NEVER` for a hold without one: from then on the row counts for nothing, though it
    stays until somebody resolves the hold.
    """

    account: str
    expires_at: int
    sequence: int
    held: int
    incoming: int


class StatuteRow(NamedTuple):
    """What is in force from a record on: the version of a statute, and the last closed day.

    There is one for each record that adopts a statute, dates it anew, or closes books;
    `closed_through` is `YYYY-MM-DD`, `None` where no books are closed.
    """

    sequence: int
    version: str
    closed_through: str | None = None


class TileRow(NamedTuple):
    """A full tile of the tree over the records: its level, its number from 0, and its hash.

    Tile n of level l is full once there are `(n + 1) * 256 ** (l + 1)` records; it never changes.
    """

    level: int
    tile: int
    hash: bytes


class Fault(NamedTuple):
    """Something a store sees wrong in itself: which check, where, and what."""

    check: str
    place: str
    expected: str
    found: str


# -- rows of which there are many -----------------------------------------------------

Row = TypeVar("Row", bound=tuple[Any, ...])


def of_fields(row: type[Row]) -> Callable[[Iterable[Any]], Row]:
    """Return what makes a named tuple of all its fields, which its own class does by a call more.

    >>> from timebank.model.rows import record_of
    >>> record_of((1, bytes(32), b"{}", "transfer", "t1", None)).kind
    'transfer'
    """
    return partial(tuple.__new__, row)


record_of: Final = of_fields(RecordRow)
posting_of: Final = of_fields(PostingRow)
