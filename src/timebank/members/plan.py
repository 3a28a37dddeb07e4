"""What is due of each account through a day: by which statute, for which period, since when.

Dues are found period by period. A period is charged by the statute in force on the first of
its days on which the rule is for the account: the period's own first day, or a later one for
who joined, came back or was thawed later, or where the rule was adopted later. What was
charged for is never charged again, however the periods of another statute lie.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

import attrs

from timebank.members.history import History, Life
from timebank.statute import (
    DEMURRAGE,
    Demurrage,
    Dues,
    Statute,
    months_later,
    period_of,
)
from timebank.statute.periods import DAY

Period = tuple[date, date]


@attrs.frozen
class Planned:
    """One thing that is due; `since` is the day on which it falls due."""

    account: str
    rule: Dues | Demurrage
    by: Statute
    since: date
    period: Period | None


def plan(history: History, *, through: date, today: date) -> list[Planned]:
    """All that is due through a day and was not charged, by day, dues before demurrage.

    Accounts that are closed now are left out; those that are frozen are not. Demurrage waits
    for the end of the day that it is counted on.
    """
    found: list[Planned] = []
    names = sorted({rule.name for _, statute in history.adopted for rule in statute.dues})
    for life in history.lives.values():
        if life.status != "closed":
            for name in names:
                found += _dues(history, life, name, through)
            found += _demurrage(history, life, min(through, today - DAY))
    found.sort(key=lambda one: (one.since, one.rule.name == DEMURRAGE, one.rule.name, one.account))
    return found


def _in_force(history: History) -> Iterator[tuple[date, date, Statute]]:
    """Each statute with the first and the last day at whose end it was in force."""
    adopted = history.adopted
    for number, (first, statute) in enumerate(adopted):
        last = adopted[number + 1][0] - DAY if number + 1 < len(adopted) else date.max
        if first <= last:
            yield first, last, statute


# -- dues --------------------------------------------------------------------------


def _dues(history: History, life: Life, name: str, through: date) -> Iterator[Planned]:
    charged = life.charged.get(name)
    cursor = life.joined if charged is None else charged + DAY
    while cursor <= through:
        found = _first_day(history, life, name, cursor, through)
        if found is None:
            return
        day, rule, by = found
        if rule.every == "once":
            if charged is None:
                yield Planned(life.account, rule, by, day, None)
            return
        period = period_of(rule.every, day)
        if period[1] >= life.opened:
            yield Planned(life.account, rule, by, day, period)
        cursor = period[1] + DAY


def _first_day(
    history: History, life: Life, name: str, cursor: date, through: date
) -> tuple[date, Dues, Statute] | None:
    """The first day, from the cursor on, on which the dues of a name are for an account."""
    for first, last, statute in _in_force(history):
        rule = statute.due_rule(name)
        if last < cursor or not isinstance(rule, Dues) or life.kind not in rule.kinds:
            continue
        if life.account == rule.fund or (rule.every == "once" and life.joined < first):
            continue
        start = max(first, cursor, months_later(life.joined, rule.from_month))
        for opened, closed in life.open_days():
            day = max(start, opened)
            if day <= min(closed, last, through):
                return day, rule, statute
    return None


# -- demurrage ---------------------------------------------------------------------


def _demurrage(history: History, life: Life, through: date) -> Iterator[Planned]:
    cursor = max(life.joined, life.opened)
    if (charged := life.charged.get(DEMURRAGE)) is not None:
        cursor = max(cursor, charged + DAY)
    for first, last, statute in _in_force(history):
        rule = statute.demurrage
        if rule is None or life.kind not in rule.kinds or life.account == rule.fund:
            continue
        day = max(cursor, first)
        while day <= min(last, through):
            period = period_of(rule.every, day)
            day = period[1] + DAY
            if period[1] > min(last, through):
                break
            if history.statute_on(period[0]).demurrage is not None and _is_open(life, period[1]):
                yield Planned(life.account, rule, statute, period[1], period)


def _is_open(life: Life, day: date) -> bool:
    return any(first <= day <= last for first, last in life.open_days())
