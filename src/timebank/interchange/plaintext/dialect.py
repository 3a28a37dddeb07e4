"""What there is to say to an accounting program, and how a dialect says it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any, Final, Protocol

import attrs

#: What a file says of itself.
TITLE: Final = (
    "Hours of a time bank: a balance is what an account has earned less what it has spent."
)
#: What a transaction may be told, in the order in which it is written; and what is personal text.
TOLD: Final = (
    *("id", "record", "kind", "occurred_on", "recorded_at", "reverses", "hold", "category", "area"),
    *("resource", "via", "actor", "tags", "flags", "statute", "source", "expires_at"),
)
TEXTS: Final = ("note", "reason")
#: All tags that there may be, those of accounts too.
TAGS: Final = (*TOLD, *TEXTS, "name", "joined_on", "status")


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
    """An account: what it is called in the export, and from which day on; `held` is for its holds.

    `held` is `None` where it has no open hold.
    """

    name: str
    held: str | None
    id: str
    since: date
    tags: dict[str, Any]


class Dialect(Protocol):
    """How one program wants it written."""

    #: The first day that it knows.
    first_day: date

    def account(self, kind: str, id: str, *, held: bool = False) -> str:
        """The name of an account: another for each id."""

    def comment(self, text: str) -> str:
        """A line that means nothing to the program."""

    def head(self, commodity: str, first: date) -> Iterator[str]:
        """What stands before the accounts."""

    def opening(self, opening: Opening, commodity: str) -> Iterator[str]:
        """The declaration of an account."""

    def entry(self, entry: Entry) -> Iterator[str]:
        """A transaction."""

    def balances(
        self, day: date, balances: Iterator[tuple[Opening, str]], commodity: str
    ) -> Iterator[str]:
        """What each account must hold at the end of a day."""
