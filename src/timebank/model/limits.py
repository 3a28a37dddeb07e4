"""Define limits as callers give and get them, and as rows and records have them."""

from __future__ import annotations

from enum import Enum
from typing import Any, Final, Literal

from timebank.hours import Hours


class _Inherit(Enum):
    """The type of `INHERIT`, a value that equals no other."""

    INHERIT = "inherit"

    def __repr__(self) -> str:
        return "INHERIT"


#: The limit of an account that has none of its own: the one that the statute in force gives.
INHERIT: Final = _Inherit.INHERIT

#: A limit as callers give and get it: inherited, unlimited (`None`), or a value.
Limit = _Inherit | Hours | None
#: A limit as rows and records have it.
StoredLimit = int | Literal["inherit"] | None


def stored_limit(limit: Any) -> Limit:
    """Return the limit of a row as callers get it."""
    if limit == "inherit":
        return INHERIT
    return None if limit is None else Hours.from_seconds(limit)
