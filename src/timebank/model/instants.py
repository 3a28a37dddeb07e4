"""Convert instants between whole microseconds since 1970 UTC and aware datetimes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

from timebank.errors import InvalidRequest
from timebank.model.bounds import MAX_INTEGER

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
