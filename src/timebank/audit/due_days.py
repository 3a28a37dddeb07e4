"""On which day dues fall due, worked out once more.

Time is gone through from the day of joining, or from where an account was charged last. Each day on
which dues are for the account begins a period of the rule that is in force on it; the next day that
is looked at lies behind that period. Periods that ended before the account was opened, and those
that come to nothing, are charged to nobody.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from fractions import Fraction
from functools import lru_cache
from math import ceil, floor
from typing import Final

from timebank.audit.accounts import AccountHistories, AccountHistory
from timebank.audit.statute_history import StatuteHistory
from timebank.statute import Demurrage, Dues, months_between

MONTHS: Final = {"month": 1, "quarter": 3, "half-year": 6, "year": 12}
_DAY: Final = timedelta(days=1)


class DueDays:
    """Finds the first day on which dues fall due, from the histories of statutes and accounts."""

    def __init__(self, statutes: StatuteHistory, histories: AccountHistories) -> None:
        self._statutes, self._histories = statutes, histories

    def first(
        self, account: str, name: str, period: list[str] | None, *, before: int
    ) -> str | None:
        """Return the first day on which dues are for an account, of a period or of all days.

        What was charged is what was, before a record. `None` where there is no such day.
        """
        history = self._histories.get(account)
        if history is None:
            return None
        if period is None:
            return next(self._days(account, history, name, history.joined, once=True), None)
        charged = history.charged.get(name)
        start = history.joined if charged is None else _next(charged)
        while True:
            day = next(self._days(account, history, name, start, once=False), None)
            rule = None if day is None else self._statutes.on(day).due_rule(name)
            if day is None or day > period[1] or not isinstance(rule, Dues):
                return None
            its = period_of(rule.every, day)
            last = self._histories.paid_through(history, name, day, its[1], before=before)
            if last is None:  # nobody pays twice for what was charged and not taken back
                if its == period or (its[1] >= history.opened and dues_for(rule, its, day)):
                    return day
                last = its[1]
            start = _next(last)

    def _days(
        self, account: str, history: AccountHistory, name: str, start: str, *, once: bool
    ) -> Iterator[str]:
        """Yield days from one on, between which nothing changes, on which dues are for it."""
        turns = {start, *(day for day, _ in history.changes), *self._statutes.days()}
        for statute in self._statutes.all_known():
            rule = statute.due_rule(name)
            if isinstance(rule, Dues):
                turns.add(_months_later(history.joined, rule.from_month))
        for day in sorted(turns):
            rule = self._statutes.on(day).due_rule(name)
            if (
                day >= start
                and isinstance(rule, Dues)
                and (rule.every == "once") == once
                and account != rule.fund
                and history.kind in rule.kinds
                and history.joined <= day
                and history.is_open(day)
                and months_between(date.fromisoformat(history.joined), date.fromisoformat(day))
                >= rule.from_month
            ):
                yield day


def period_of(every: str, day: str) -> list[str]:
    """Return the first and the last day of the period that a day lies in.

    >>> from timebank.audit.due_days import period_of
    >>> period_of("quarter", "2026-02-10")
    ['2026-01-01', '2026-03-31']
    """
    months, year, month = MONTHS[every], int(day[:4]), int(day[5:7])
    first = month - (month - 1) % months
    after = first + months
    if after > 12 and year == date.max.year:  # noqa: PLR2004  # months
        return [f"{year:04}-{first:02}-01", date.max.isoformat()]
    last = date(year + after // 13, (after - 1) % 12 + 1, 1) - _DAY
    return [f"{year:04}-{first:02}-01", last.isoformat()]


def dues_for(rule: Dues, period: list[str] | None, day: str) -> int:
    """Return the seconds of dues of a period that fall due on a day of it."""
    if period is None or day == period[0] or rule.first_period == "whole":
        return rule.hours.seconds
    if rule.first_period == "free":
        return 0
    first, last, since = map(date.fromisoformat, (*period, day))
    if rule.first_period == "days":
        gone = Fraction((since - first).days, (last - first).days + 1)
    else:
        gone = Fraction(since.month - first.month, last.month - first.month + 1)
    return min(in_units(rule, rule.hours.seconds * (1 - gone)), rule.hours.seconds)


def in_units(rule: Dues | Demurrage, seconds: Fraction) -> int:
    """Return whole units of seconds, up for the fund or down for who pays."""
    units = seconds / rule.unit.seconds
    return (ceil(units) if rule.remainder_to == "fund" else floor(units)) * rule.unit.seconds


def _next(day: str) -> str:
    """Return the day after a day; there is none after the last."""
    return "~" if day == date.max.isoformat() else (date.fromisoformat(day) + _DAY).isoformat()


@lru_cache(maxsize=1024)
def _months_later(day: str, months: int) -> str:
    """Return the first day so many whole months behind another, or the last day of all."""
    start = date.fromisoformat(day)
    # A month later is at most 31 days later, and at least 28.
    for days in range(months * 28, months * 31 + 1):
        if days > (date.max - start).days:
            break
        if months_between(start, start + timedelta(days=days)) >= months:
            return (start + timedelta(days=days)).isoformat()
    return date.max.isoformat()
