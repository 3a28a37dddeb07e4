"""Accounts and transactions as a program for accounting has them, and the protocol of dialects."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any, Final, Protocol

import attrs

#: The first line of a file.
TITLE: Final = (
    "Hours of a time bank: a balance is what an account has earned less what it has spent."
)
#: The tags that a transaction may have, in the order in which they are written; and personal texts.
FIELDS: Final = (
    *("id", "record", "kind", "occurred_on", "started_at", "ended_at", "recorded_at", "reverses"),
    *("hold", "category", "area", "resource", "via", "actor", "tags", "flags", "amended"),
    *("statute", "source", "expires_at"),
)
TEXTS: Final = ("note", "reason")
#: All tags that there may be, those of accounts too.
TAGS: Final = (*FIELDS, *TEXTS, "name", "joined_on", "status", "merged_into")


@attrs.frozen
class Entry:
    """One transaction: `lines` are accounts and quantities, `held` says that it is pending.

    A tag is a `str`, an `int`, a mapping, or a tuple of words. `original` is the record that it
    takes back.
    """

    day: date
    sequence: int
    title: str
    tags: dict[str, Any]
    lines: tuple[tuple[str, str], ...]
    held: bool = False
    original: int | None = None


@attrs.frozen
class Opening:
    """An account: its name in the export, and from which day on; `held` is the name for its holds.

    `held` is `None` where it has no open hold.
    """

    name: str
    held: str | None
    id: str
    since: date
    tags: dict[str, Any]


class Dialect(Protocol):
    """The form in which one program wants a bank to be written."""

    #: The first day that it knows.
    first_day: date

    def account(self, kind: str, id: str, *, held: bool = False) -> str:
        """Return the name of an account, or of its holds: another for each id."""

    def comment(self, text: str) -> str:
        """Return a comment on one line."""

    def head(self, commodity: str, first: date) -> Iterator[str]:
        """Yield the lines above the accounts."""

    def opening(self, opening: Opening, commodity: str) -> Iterator[str]:
        """Yield the declaration of an account."""

    def entry(self, entry: Entry) -> Iterator[str]:
        """Yield a transaction."""

    def balances(
        self, day: date, balances: Iterator[tuple[Opening, str]], commodity: str
    ) -> Iterator[str]:
        """Yield what each account must hold at the end of a day."""
