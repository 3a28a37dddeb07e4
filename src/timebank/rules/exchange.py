"""Apply the rules of a statute on an exchange: its size, its day, its unit, its fee.

A *line* is `[account, seconds]`. Lines of a side are positive, sorted by account.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

from timebank.checks import Side
from timebank.errors import ExchangeTooLarge, GranularityRefused, RecordedTooLate
from timebank.hours import apportion
from timebank.journal.kinds import RecordedFlag
from timebank.rules.state import hours
from timebank.statute import Fee, Granularity, Statute

#: The kind of transfer that is judged as an exchange.
EXCHANGE = "exchange"


def is_judged(statute: Statute, request: Mapping[str, Any]) -> bool:
    """Return true where a statute has a rule for this transfer or hold, beside its limits."""
    return (
        statute.judges_exchanges and request["kind"] == EXCHANGE and request.get("limits") is None
    )


def total(lines: Side) -> int:
    """Return the sum of the seconds of a side."""
    return sum(seconds for _, seconds in lines)


def scaled(lines: Side, to: int) -> Side:
    """Return the lines of a side scaled to another sum, without those that come to zero.

    By largest remainder, so that a line is never rounded further than to its next second.
    """
    if total(lines) == to:
        return lines
    shares = apportion(to, [seconds for _, seconds in lines])
    return [[id, share] for (id, _), share in zip(lines, shares, strict=True) if share]


def rounded(granularity: Granularity | None, asked: int) -> int:
    """Return the seconds that are exchanged where `asked` are asked for.

    :raises GranularityRefused: no multiple of the unit, and the statute refuses it; or
        less than half a unit, which would be nothing.
    """
    if granularity is None:
        return asked
    unit = granularity.unit.seconds
    units, rest = divmod(asked, unit)
    if not rest:
        return asked
    if granularity.rounding == "up":
        return (units + 1) * unit
    if granularity.rounding == "nearest" and (units or 2 * rest >= unit):
        return (units + (2 * rest >= unit)) * unit
    raise GranularityRefused(
        needed=hours(asked),
        unit=granularity.unit,
        lower=hours(units * unit) if units else None,
        upper=hours((units + 1) * unit),
    )


def check_size(statute: Statute, seconds: int) -> list[RecordedFlag]:
    """Return the flag of an exchange that is too large, where it is not refused.

    :raises ExchangeTooLarge: the statute refuses it.
    """
    rule = statute.largest_exchange
    if rule is None or seconds <= rule.hours.seconds:
        return []
    if rule.beyond == "refuse":
        raise ExchangeTooLarge(limit=rule.hours, needed=hours(seconds))
    return [{"rule": "largest exchange", "limit": rule.hours.seconds, "needed": seconds}]


def check_day(statute: Statute, day: str, on: str) -> list[RecordedFlag]:
    """Return the flag of an exchange that is recorded too late, `on` a day, if not refused.

    :raises RecordedTooLate: the statute refuses it.
    """
    rule = statute.record_within
    if rule is None:
        return []
    today = date.fromisoformat(on)
    earliest = today.toordinal() - rule.days
    if date.fromisoformat(day).toordinal() >= earliest:
        return []
    if rule.beyond == "refuse":
        first = today - timedelta(days=min(rule.days, today.toordinal() - 1))
        raise RecordedTooLate(occurred_on=day, earliest=first.isoformat(), days=rule.days)
    return [{"rule": "days to record", "days": rule.days, "occurred_on": day}]


def fee_of(fee: Fee, basis: int) -> int:
    """Return the fee, in seconds, on what its payers exchange; never more than that."""
    if fee.fixed is not None:
        return min(fee.fixed.seconds, basis)
    unit = fee.unit.seconds
    parts = basis * fee.share.numerator
    whole = fee.share.denominator * unit
    units: int = -(-parts // whole) if fee.remainder_to == "fund" else parts // whole
    return min(units * unit, basis)


def fee_lines(
    statute: Statute, earned: Side, spent: Side, *, within: Mapping[str, int] | None = None
) -> Side:
    """Return the lines of the fee: the fund's, positive, then those of the payers, negative.

    The payers share it in proportion to their lines, or to what a hold reserved of each
    (`within`), so that none pays more than was reserved.
    """
    fee = statute.fee
    if fee is None:
        return []
    payers = spent if fee.payer == "spender" else earned
    lines = [line for line in payers if line[0] != fee.fund]
    amount = fee_of(fee, total(lines))
    if not amount:
        return []
    shares = scaled([list(line) for line in within.items()] if within else lines, amount)
    return [[fee.fund, amount], *([id, -share] for id, share in shares)]
