"""Define what values and rows are made of: kinds, sizes, limits of accounts, instants."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from enum import Enum
from typing import Any, Final, Literal

from timebank.errors import InvalidRequest
from timebank.hours import Hours

AccountKind = Literal["member", "group", "organisation", "fund", "clearing", "issuance"]
ACCOUNT_KINDS: Final = ("member", "group", "organisation", "fund", "clearing", "issuance")
Status = Literal["open", "frozen", "closed", "agreed"]

#: The fields of a request that are personal text, of which a record has only commitments.
TEXT_FIELDS: Final = ("name", "note", "reason")

#: Limits on every size. A request beyond one of them is `InvalidRequest`.
MAX_ID_CHARACTERS: Final = 128
MAX_LABEL_CHARACTERS: Final = 200
MAX_TEXT_CHARACTERS: Final = 10_000
MAX_PARTIES: Final = 1_000
MAX_TAGS: Final = 50
MAX_SOURCE_FIELDS: Final = 20
SALT_BYTES: Final = 16

MAX_INTEGER: Final = 2**53
#: The expiry, in microseconds, of a hold that does not expire.
NEVER: Final = MAX_INTEGER


# -- limits of accounts ------------------------------------------------------------


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


# -- instants ------------------------------------------------------------------------

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def instant(microseconds: int) -> datetime:
    """Return the aware UTC datetime of whole microseconds since 1970."""
    return EPOCH + timedelta(microseconds=microseconds)


def microseconds(moment: object) -> int:
    """Return the whole microseconds since 1970 UTC of an aware `datetime`.

    :raises InvalidRequest: not a datetime, naive, or outside the years 1685 to 2255.
    """
    if not isinstance(moment, datetime) or moment.utcoffset() is None:
        msg = f"an instant is an aware datetime (datetime.now(UTC)), not {moment!r}"
        raise InvalidRequest(msg)
    result = (moment - EPOCH) // timedelta(microseconds=1)
    if not -MAX_INTEGER <= result <= MAX_INTEGER:
        msg = f"an instant must lie between the years 1685 and 2255, not {moment.isoformat()}"
        raise InvalidRequest(msg)
    return result
