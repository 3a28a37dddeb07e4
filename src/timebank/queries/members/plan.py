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

from timebank.queries.members.history import History, Life
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


def plan(
    history: History, *, through: date, today: date, account: str | None = None
) -> list[Planned]:
    """All that is due through a day and was not charged, by day, dues before demurrage.

    Of one account, or of all of them. Accounts that are closed now are left out; those that
    are frozen are not. Demurrage waits for the end of the day that it is counted on.
    """
    found: list[Planned] = []
    names = sorted({rule.name for _, statute in history.adopted for rule in statute.dues})
    lives = history.lives
    chosen = lives.values() if account is None else [lives[account]]
    for life in chosen:
        if life.status != "closed":
            for name in names:
                found += _dues(history, life, name, through)
                found += _once(history, life, name, through)
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
    while (found := _first_day(history, life, name, cursor, through)) is not None:
        day, rule, by = found
        period = period_of(rule.every, day)
        if period[1] >= life.opened:
            yield Planned(life.account, rule, by, day, period)
        cursor = period[1] + DAY


def _once(history: History, life: Life, name: str, through: date) -> Iterator[Planned]:
    """Dues that are due once, of who joined while they were in force."""
    then = history.statute_on(life.joined).due_rule(name)
    if name in life.once or not isinstance(then, Dues) or then.every != "once":
        return
    found = _first_day(history, life, name, life.joined, through, once=True)
    if found is not None:
        day, rule, by = found
        yield Planned(life.account, rule, by, day, None)


def _first_day(
    history: History, life: Life, name: str, cursor: date, through: date, *, once: bool = False
) -> tuple[date, Dues, Statute] | None:
    """The first day, from the cursor on, on which the dues of a name are for an account."""
    for first, last, statute in _in_force(history):
        rule = statute.due_rule(name)
        if last < cursor or not isinstance(rule, Dues) or (rule.every == "once") != once:
            continue
        if life.kind not in rule.kinds or life.account == rule.fund:
            continue
        start = max(first, cursor, months_later(life.joined, rule.from_month))
        for opened, closed in life.open_days():
            day = max(start, opened)
            if day <= min(closed, last, through):
                return day, rule, statute
    return None


# -- demurrage ---------------------------------------------------------------------


def _demurrage(history: History, life: Life, through: date) -> Iterator[Planned]:
    charged = life.charged.get(DEMURRAGE, date.min)
    for first, last, statute in _in_force(history):
        rule = statute.demurrage
        if rule is None or life.kind not in rule.kinds or life.account == rule.fund:
            continue
        day = max(life.joined, life.opened, first)
        while day <= min(last, through):
            period = period_of(rule.every, day)
            day = period[1] + DAY
            if period[1] > min(last, through):
                break
            began_with_it = history.statute_on(period[0]).demurrage is not None
            if began_with_it and period[0] > charged and _is_open(life, period[1]):
                charged = period[1]
                yield Planned(life.account, rule, statute, period[1], period)


def _is_open(life: Life, day: date) -> bool:
    return any(first <= day <= last for first, last in life.open_days())
