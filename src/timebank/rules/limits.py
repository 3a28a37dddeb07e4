"""Checking how far an account may move: `posted - held >= floor`, `posted + incoming <= ceiling`.

Only whoever is moved *further beyond* a limit is refused, or flagged where the statute
says so: an account that is beyond already may always move back. Where a soft limit lies
within a hard one, whoever passes both is judged by the hard one alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from timebank.errors import LimitExceeded
from timebank.journal.kinds import RecordedFlag
from timebank.model import MAX_INTEGER, AccountRow
from timebank.rules.state import State, hours, too_large
from timebank.statute import Beyond, Bound


def check_moves(
    state: State,
    rows: Mapping[str, AccountRow],
    changes: Mapping[str, int],
    *,
    now: int,
    beyond: Beyond | None = None,
) -> list[RecordedFlag]:
    """Return the flags of whoever `changes` move beyond a limit that is not refused.

    `beyond`, where it is given, says what becomes of it, whatever the statute says.

    :raises InvalidHours: a balance too large to be stored.
    :raises LimitExceeded: beyond a limit, and the statute refuses it.
    """
    balances, statute = state.balances, state.statute
    fixed_bounds = statute.fixed_bounds
    passed: list[_Passed] = []
    for id, change in changes.items():
        if abs(balances[id][1] + change) > MAX_INTEGER:
            raise too_large(id)
        row = rows[id]
        bounds = fixed_bounds(row.kind, row.floor, row.ceiling)
        floor, ceiling = bounds or statute.bounds_of(row, state.today)
        if change < 0:
            if floor is not None:
                passed += _passed(state, id, floor, -change, now=now)
        elif change and ceiling is not None:
            passed += _passed(state, id, ceiling, change, now=now, up=True)
    return _judged(passed, beyond) if passed else []


def check_limits(
    state: State,
    rows: Mapping[str, AccountRow],
    *,
    low: Mapping[str, int],
    high: Mapping[str, int],
    now: int,
) -> list[RecordedFlag]:
    """Return the flags of whoever moves beyond a limit that is not refused, as `check_moves`.

    `low` is by how much `posted - held` of each account changes, `high` the same of
    `posted + incoming`.

    :raises LimitExceeded: beyond a limit, and the statute refuses it.
    """
    bounds_of, today = state.statute.bounds_of, state.today
    passed: list[_Passed] = []
    for id, change in low.items():
        if change < 0 and (floor := bounds_of(rows[id], today).floor) is not None:
            passed += _passed(state, id, floor, -change, now=now)
    for id, change in high.items():
        if change > 0 and (ceiling := bounds_of(rows[id], today).ceiling) is not None:
            passed += _passed(state, id, ceiling, change, now=now, up=True)
    return _judged(passed)


class _Passed(NamedTuple):
    """A limit that an account moves beyond by the `needed` seconds, and what becomes of that.

    `up` is true of a ceiling. Sorted, they are in the order in which they are told: floors by id,
    then ceilings by id.
    """

    up: bool
    account: str
    limit: int
    becomes: Beyond
    needed: int
    available: int
    reserved: int


def _passed(
    state: State, id: str, bound: Bound, needed: int, *, now: int, up: bool = False
) -> tuple[_Passed, ...]:
    """Return the limit that an account passes which moves `needed` seconds towards a bound."""
    posted, reserved = state.balances[id][1], 0
    if state.holds.get(id):
        reserved = state.reserved(id, now)[up]
    limit, becomes, soft = bound
    available = 0
    if limit is not None:
        available = (limit - posted if up else posted - limit) - reserved
    if limit is None or needed <= available:
        if soft is None:
            return ()
        limit, becomes = soft, "flag"
        available = (limit - posted if up else posted - limit) - reserved
        if needed <= available:
            return ()
    return (_Passed(up, id, limit, becomes, needed, available, reserved),)


def _judged(passed: list[_Passed], beyond: Beyond | None = None) -> list[RecordedFlag]:
    """Return the flags of limits that were passed, in the order in which they are told.

    :raises LimitExceeded: the first that is refused.
    """
    flags: list[RecordedFlag] = []
    for one in sorted(passed):
        rule = "ceiling" if one.up else "floor"
        available = max(one.available, 0)
        if (beyond or one.becomes) != "flag":
            raise LimitExceeded(
                one.account,
                rule=rule,
                limit=hours(one.limit),
                available=hours(available),
                needed=hours(one.needed),
                reserved=hours(one.reserved),
                shortfall=hours(one.needed - one.available),
            )
        flags.append(
            {
                "rule": rule,
                "account": one.account,
                "limit": one.limit,
                "available": available,
                "needed": one.needed,
            }
        )
    return flags
