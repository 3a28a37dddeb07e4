"""What a rule makes due of an account: welcome credit, dues, demurrage.

It moves whatever the limits are, for the members have agreed to it: whoever goes further
beyond a limit by it has a flag.
"""

from __future__ import annotations

from datetime import date
from fractions import Fraction
from typing import Any

from timebank.commands.dues import MakeDue, Period
from timebank.decide.limits import check_limits
from timebank.decide.state import Draft, State, check_range
from timebank.errors import AccountNotOpen
from timebank.statute import Demurrage, Dues, Welcome
from timebank.statute.periods import MONTHS


def due(state: State, command: MakeDue, now: int) -> Draft | None:
    """Move what is due; nothing, where a share of it comes to nothing.

    :raises AccountNotFound: there is no such account, or no such fund.
    :raises AccountNotOpen: the account or the fund is not open.
    :raises InvalidHours: a balance too large to be stored.
    """
    rule = command.rule
    rows = {id: state.account(id) for id in command.accounts}
    for id, row in rows.items():
        if row.status != "open":
            raise AccountNotOpen(id, status=row.status, doing=f"take part in {rule.name}")
    seconds = amount(rule, command.period, command.since, basis=state.basis)
    if not seconds:
        return None
    giver, receiver = command.account, rule.fund
    if isinstance(rule, Welcome):
        giver, receiver = receiver, giver
    lines: list[list[Any]] = [[receiver, seconds], [giver, -seconds]]
    changes = {receiver: seconds, giver: -seconds}
    check_range(state, changes)
    flags = check_limits(state, rows, low=changes, high=changes, now=now, beyond="flag")
    day = command.request["since"]
    effects = {"occurred_on": day, "postings": lines, "statute": state.statute.version}
    if isinstance(rule, Demurrage):
        effects["basis"] = state.basis
    if flags:
        effects["flags"] = flags
    return Draft(effects)


def amount(
    rule: Welcome | Dues | Demurrage, period: Period | None, since: date, *, basis: int
) -> int:
    """The seconds that are due; `basis` are those that a share is taken of.

    >>> from datetime import date
    >>> from timebank import Dues
    >>> from timebank.decide.dues import amount
    >>> year = date(2026, 1, 1), date(2026, 12, 31)
    >>> rule = Dues(hours=4, fund="common", first_period="months")
    >>> amount(rule, year, date(2026, 4, 20), basis=0) / 3600
    3.0
    """
    if isinstance(rule, Demurrage):
        above = max(basis - rule.above.seconds, 0)
        return min(_in_units(rule, above * rule.share), above)
    whole = rule.hours.seconds
    if isinstance(rule, Welcome) or period is None or since <= period[0]:
        return whole
    if rule.first_period == "whole":
        return whole
    return min(_in_units(rule, whole * _part(rule, period, since)), whole)


def _part(rule: Dues, period: Period, since: date) -> Fraction:
    """Which part of a period is due by who comes to it on its day `since`."""
    first, last = period
    if rule.first_period == "months":
        left = (last.year - since.year) * 12 + last.month - since.month + 1
        return Fraction(left, MONTHS[rule.every])
    if rule.first_period == "days":
        return Fraction((last - since).days + 1, (last - first).days + 1)
    return Fraction(0)


def _in_units(rule: Dues | Demurrage, seconds: Fraction) -> int:
    """Whole units of it, up for the fund or down for who pays."""
    units = seconds / rule.unit.seconds
    whole = -(-units // 1) if rule.remainder_to == "fund" else units // 1
    return int(whole) * rule.unit.seconds
