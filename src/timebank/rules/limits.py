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
from timebank.statute import Beyond


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
    for rule, changes, sign in (("floor", low, -1), ("ceiling", high, 1)):
        for id in sorted(changes):
            needed = sign * changes[id]
            if needed > 0:
                flag = _check(state, rows[id], rule, needed=needed, now=now, beyond=beyond)
                if flag is not None:
                    flags.append(flag)
    return flags


def _check(
    state: State, row: AccountRow, rule: str, *, needed: int, now: int, beyond: Beyond | None
) -> RecordedFlag | None:
    """Return the flag of an account that moves `needed` seconds towards a limit, and beyond it."""
    is_floor = rule == "floor"
    floor, ceiling, becomes = state.statute.limits_of(row, state.today)
    limit = floor if is_floor else ceiling
    soft = None
    if len(state.statute.limits.get(row.kind, ())) > 1:
        soft = state.statute.soft_limits_of(row, state.today)[0 if is_floor else 1]
    if limit is None and soft is None:
        return None
    posted, reserved = state.balances[row.account][1], 0
    if state.holds.get(row.account):
        reserved = state.reserved(row.account, now)[0 if is_floor else 1]
    available = 0
    if limit is not None:
        available = posted - reserved - limit if is_floor else limit - posted - reserved
    if limit is None or needed <= available:
        if soft is None:
            return None
        limit, becomes = soft, "flag"
        available = posted - reserved - limit if is_floor else limit - posted - reserved
        if needed <= available:
            return None
    if (beyond or becomes) == "flag":
        return {
            "rule": rule,
            "account": row.account,
            "limit": limit,
            "available": max(available, 0),
            "needed": needed,
        }
    raise LimitExceeded(
        row.account,
        rule=rule,
        limit=hours(limit),
        available=hours(max(available, 0)),
        needed=hours(needed),
        reserved=hours(reserved),
        shortfall=hours(needed - available),
    )
