"""Checking how far an account may move: `posted - held >= floor`, `posted + incoming <= ceiling`.

Only whoever is moved *further beyond* a limit is refused, or flagged where the statute
says so: an account that is beyond already may always move back. Where a soft limit lies
within a hard one, whoever passes both is judged by the hard one alone.
"""

from __future__ import annotations

from collections.abc import Mapping

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
    down: list[_Move] = []
    up: list[_Move] = []
    for id, change in changes.items():
        if abs(balances[id][1] + change) > MAX_INTEGER:
            raise too_large(id)
        row = rows[id]
        bounds = fixed_bounds(row.kind, row.floor, row.ceiling)
        floor, ceiling = bounds or statute.bounds_of(row, state.today)
        if change < 0:
            if floor is not None:
                down.append((id, floor, -change))
        elif change and ceiling is not None:
            up.append((id, ceiling, change))
    return _check_all(state, down, up, now=now, beyond=beyond) if down or up else []


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
    `posted + incoming`: floors by id, then ceilings by id.

    :raises LimitExceeded: beyond a limit, and the statute refuses it.
    """
    bounds_of, today = state.statute.bounds_of, state.today
    down = [
        (id, floor, -change)
        for id, change in low.items()
        if change < 0 and (floor := bounds_of(rows[id], today).floor) is not None
    ]
    up = [
        (id, ceiling, change)
        for id, change in high.items()
        if change > 0 and (ceiling := bounds_of(rows[id], today).ceiling) is not None
    ]
    return _check_all(state, down, up, now=now)


#: An account that moves towards a bound, and by how many seconds.
_Move = tuple[str, Bound, int]


def _check_all(
    state: State, down: list[_Move], up: list[_Move], *, now: int, beyond: Beyond | None = None
) -> list[RecordedFlag]:
    """Return the flags of moves beyond a bound: floors by id, then ceilings by id."""
    flags: list[RecordedFlag] = []
    for id, floor, needed in sorted(down):
        flags += _check(state, id, "floor", floor, needed, now=now, beyond=beyond)
    for id, ceiling, needed in sorted(up):
        flags += _check(state, id, "ceiling", ceiling, needed, now=now, beyond=beyond)
    return flags


def _check(
    state: State, id: str, rule: str, bound: Bound, needed: int, *, now: int, beyond: Beyond | None
) -> list[RecordedFlag]:
    """Return the flag of an account that moves `needed` seconds towards a bound, and beyond it."""
    is_floor = rule == "floor"
    posted, reserved = state.balances[id][1], 0
    if state.holds.get(id):
        reserved = state.reserved(id, now)[0 if is_floor else 1]
    limit, becomes, soft = bound
    available = 0
    if limit is not None:
        available = posted - reserved - limit if is_floor else limit - posted - reserved
    if limit is None or needed <= available:
        if soft is None:
            return []
        limit, becomes = soft, "flag"
        available = posted - reserved - limit if is_floor else limit - posted - reserved
        if needed <= available:
            return []
    if (beyond or becomes) == "flag":
        return [
            {
                "rule": rule,
                "account": id,
                "limit": limit,
                "available": max(available, 0),
                "needed": needed,
            }
        ]
    raise LimitExceeded(
        id,
        rule=rule,
        limit=hours(limit),
        available=hours(max(available, 0)),
        needed=hours(needed),
        reserved=hours(reserved),
        shortfall=hours(needed - available),
    )
