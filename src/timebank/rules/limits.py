"""Checking how far an account may move: `posted - held >= floor`, `posted + incoming <= ceiling`.

Only whoever is moved *further beyond* a limit is refused, or flagged where the statute
says so: an account that is beyond already may always move back. Where a soft limit lies
within a hard one, whoever passes both is judged by the hard one alone.
"""

from __future__ import annotations

from collections.abc import Mapping

from timebank.errors import LimitExceeded
from timebank.journal.kinds import RecordedFlag
from timebank.model import AccountRow
from timebank.rules.state import State, hours
from timebank.statute import Beyond, Bound


def check_limits(
    state: State,
    rows: Mapping[str, AccountRow],
    *,
    low: Mapping[str, int],
    high: Mapping[str, int],
    now: int,
    beyond: Beyond | None = None,
) -> list[RecordedFlag]:
    """Return the flags of whoever moves beyond a limit that is not refused.

    `beyond`, where it is given, says what becomes of it, whatever the statute says.

    `low` is by how much `posted - held` of each account changes, `high` the same of
    `posted + incoming`: floors by id, then ceilings by id.

    :raises LimitExceeded: beyond a limit, and the statute refuses it.
    """
    flags: list[RecordedFlag] = []
    bounds_of, today = state.statute.bounds_of, state.today
    for id, change in sorted(low.items()):
        if change < 0 and (bound := bounds_of(rows[id], today).floor) is not None:
            flags += _check(state, id, "floor", bound, -change, now=now, beyond=beyond)
    for id, change in sorted(high.items()):
        if change > 0 and (bound := bounds_of(rows[id], today).ceiling) is not None:
            flags += _check(state, id, "ceiling", bound, change, now=now, beyond=beyond)
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
