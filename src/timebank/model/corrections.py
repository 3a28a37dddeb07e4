"""Define what callers get of corrections: an amendment, and the closing of books."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any, Final

import attrs

#: The fields of an exchange that may be amended, as a request has them and as callers do; in the
#: order in which they are told.
AMENDABLE: Final[Mapping[str, str]] = {
    "category": "category",
    "area": "area",
    "resource": "resource",
    "tags": "tags",
    "from": "started_at",
    "to": "ended_at",
    "note": "note",
}


@attrs.frozen(kw_only=True)
class Amendment:
    """A correction of what an exchange was for: what was, what is, who and why.

    `changes` has, by the name of the field, what it was and what it became: a label or `None`;
    of `tags` tuples; of `started_at` and `ended_at` times of day; of `note` its texts, `None`
    also where they were erased. `reason` is personal text.

    >>> import timebank
    >>> bank = timebank.open("memory:")
    >>> _ = bank.open_account("m1"), bank.open_account("f1")
    >>> _ = bank.transfer(earner="m1", spender="f1", hours=1, id="t1", category="shoping")
    >>> amended = bank.amend("t1", category="shopping", reason="a slip")
    >>> amended.category, amended.amendments[0].changes
    ('shopping', {'category': ('shoping', 'shopping')})
    """

    sequence: int
    recorded_at: datetime
    actor: str | None
    reason: str | None
    changes: Mapping[str, tuple[Any, Any]] = attrs.field(hash=False)

    @property
    def id(self) -> int:
        """The sequence of the record."""
        return self.sequence


@attrs.frozen(kw_only=True)
class Closing:
    """A closing of the books: nothing of a day up to `through` is recorded from then on.

    `through` is `None` where they were opened again. `recorded_at` is aware, in UTC; `reason`
    is the text that was given. `repeated` is true where the call recorded nothing, for it was so
    already; it is not compared.

    >>> from datetime import UTC, date, datetime
    >>> import timebank
    >>> bank = timebank.open("memory:", clock=lambda: datetime(2027, 2, 1, tzinfo=UTC))
    >>> closing = bank.close_books(through=date(2026, 12, 31), reason="approved on 30 January")
    >>> closing.through, [one.sequence for one in bank.closings()]
    (datetime.date(2026, 12, 31), [1])
    """

    sequence: int
    recorded_at: datetime
    through: date | None
    actor: str | None = None
    reason: str | None = None
    repeated: bool = attrs.field(default=False, eq=False)

    @property
    def id(self) -> int:
        """The sequence of the record."""
        return self.sequence
