"""A limit as callers give and get it, and as rows and records hold it."""

from __future__ import annotations

from enum import Enum
from typing import Any, Final, Literal

from timebank.hours import Hours


class _Inherit(Enum):
    """The type of `INHERIT`, so that it can be told from every other value."""

    INHERIT = "inherit"

    def __repr__(self) -> str:
        return "INHERIT"


#: A limit that is the statute's, whatever that says at the time.
INHERIT: Final = _Inherit.INHERIT

#: A limit as callers give and get it: inherited, unlimited (`None`), or a value.
Limit = _Inherit | Hours | None
#: A limit as rows and records hold it.
StoredLimit = int | Literal["inherit"] | None


def stored_limit(limit: Any) -> Limit:
    """A limit from a row, as callers see it."""
    if limit == "inherit":
        return INHERIT
    return None if limit is None else Hours.from_seconds(limit)
