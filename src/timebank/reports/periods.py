"""The periods of dues, as people say them."""

from __future__ import annotations

from datetime import date


def period_text(period: tuple[date, date] | None) -> str:
    """A period of the calendar as people say it: `2026`, `2026-03`, `2026-07 to 2026-12`.

    >>> from datetime import date
    >>> from timebank.reports.periods import period_text
    >>> period_text((date(2026, 1, 1), date(2026, 6, 30)))
    '2026-01 to 2026-06'
    """
    if period is None:
        return "once"
    first, last = period
    if (first.month, last.month) == (1, 12):
        return f"{first.year:04}"
    months = f"{first:%Y-%m}"
    return months if first.month == last.month else f"{months} to {last:%Y-%m}"
