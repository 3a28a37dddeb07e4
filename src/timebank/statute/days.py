"""Compute days and months by the calendar and a bank's time zone."""

from __future__ import annotations

import calendar
from datetime import UTC, date, tzinfo
from functools import lru_cache
from typing import Final

from timebank.errors import InvalidStatute, shown

DAY_IN_MICROSECONDS: Final = 86_400_000_000
#: How far the last record may lie ahead of the clock, in microseconds: ten minutes.
MOST_AHEAD: Final = 600_000_000


@lru_cache(maxsize=64)
def zone(name: str) -> tzinfo:
    """Return the time zone of a name of the IANA database, as `Europe/Rome`.

    :raises InvalidStatute: no such zone, or this machine has no data for it.
    """
    if name == "UTC":
        return UTC
    from zoneinfo import ZoneInfo  # loaded on first use

    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:
        msg = (
            f"the time zone {shown(name)} is not known here: a name is as Europe/Rome, and a "
            "machine without time zones needs the package tzdata (pip install tzdata)"
        )
        raise InvalidStatute(msg) from error


def days_later(day: str, days: int) -> str:
    """Return the day, `YYYY-MM-DD`, so many days behind another, or the last day of all.

    >>> from timebank.statute import days_later
    >>> days_later("2026-02-28", 1)
    '2026-03-01'
    """
    last = date.max.toordinal()
    return date.fromordinal(min(date.fromisoformat(day).toordinal() + days, last)).isoformat()


def months_between(first: date, last: date) -> int:
    """Return the number of whole months from one day to another; 0 if `last` is earlier.

    A month is whole on the same day of the next month, or on its last day if it is shorter.

    >>> from datetime import date
    >>> from timebank.statute import months_between
    >>> months_between(date(2025, 1, 31), date(2025, 2, 28))
    1
    >>> months_between(date(2025, 1, 31), date(2026, 1, 30))
    11
    """
    months = (last.year - first.year) * 12 + last.month - first.month
    full = min(first.day, calendar.monthrange(last.year, last.month)[1])
    return max(months - (last.day < full), 0)
