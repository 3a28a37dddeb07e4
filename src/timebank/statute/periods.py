"""Compute the calendar periods in which dues and demurrage recur."""

from __future__ import annotations

import calendar
from datetime import date, timedelta
from typing import Final, Literal

Every = Literal["once", "month", "quarter", "half-year", "year"]

#: The number of months of a period. The first period of a year begins on 1 January.
MONTHS: Final = {"month": 1, "quarter": 3, "half-year": 6, "year": 12}
DAY: Final = timedelta(days=1)


def period_of(every: str, day: date) -> tuple[date, date]:
    """Return the first and the last day of the period that contains a day.

    >>> from datetime import date
    >>> from timebank.statute.periods import period_of
    >>> first, last = period_of("half-year", date(2026, 8, 15))
    >>> str(first), str(last)
    ('2026-07-01', '2026-12-31')
    """
    months = MONTHS[every]
    first = date(day.year, (day.month - 1) // months * months + 1, 1)
    end = first.month + months - 1
    return first, date(day.year, end, calendar.monthrange(day.year, end)[1])


def period_name(first: date, last: date) -> str:
    """Return the name of a period in ids, which no other period has.

    >>> from datetime import date
    >>> from timebank.statute.periods import MONTHS, period_name, period_of
    >>> [period_name(*period_of(every, date(2026, 8, 15))) for every in MONTHS]
    ['2026-08', '2026-Q3', '2026-H2', '2026']
    """
    months = last.month - first.month + 1
    if months == MONTHS["year"]:
        return f"{first.year:04}"
    if months == MONTHS["month"]:
        return f"{first.year:04}-{first.month:02}"
    number = last.month // months
    return f"{first.year:04}-{'Q' if months == MONTHS['quarter'] else 'H'}{number}"


def months_later(day: date, months: int) -> date:
    """Return the day so many months later, or the last day of a shorter month.

    Return `date.max` if the result would be later.

    >>> from datetime import date
    >>> from timebank.statute.periods import months_later
    >>> str(months_later(date(2026, 12, 31), 2))
    '2027-02-28'
    """
    years, month = divmod(day.month - 1 + months, 12)
    year = day.year + years
    if year > date.max.year:
        return date.max
    return date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))
