"""What a statute makes of an exchange, worked out once more, and by other arithmetic.

Shares are not computed here: each must lie within a second of its proportion, and their
sum must be exact. So the audit does not repeat how a remainder is handed out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from fractions import Fraction
from math import ceil, floor
from typing import Any

from timebank.audit.report import quantity
from timebank.errors import shown
from timebank.statute import Fee, Statute

Lines = list[list[Any]]
Difference = tuple[str, str]


def is_judged(statute: Statute, request: Mapping[str, Any]) -> bool:
    """Whether the rules on exchanges are for a transfer or hold."""
    return (
        statute.judges_exchanges and request.get("kind") == "exchange" and "limits" not in request
    )


def exchanged(lines: Lines, fee: Lines) -> Lines:
    """The lines without those of the fee, which come last."""
    return lines[: len(lines) - len(fee)]


def one_side(lines: Lines, sign: int) -> dict[str, int]:
    """Who is on a side, and the seconds of each, positive."""
    found: dict[str, int] = {}
    for id, seconds in lines:
        if seconds * sign > 0:
            found[id] = found.get(id, 0) + abs(seconds)
    return found


def in_units(statute: Statute, asked: int) -> int | None:
    """The seconds that are exchanged where so many were asked for; none where it is refused."""
    if statute.granularity is None:
        return asked
    unit = statute.granularity.unit.seconds
    if statute.granularity.rounding == "up":
        return ceil(Fraction(asked, unit)) * unit
    if statute.granularity.rounding == "nearest":
        return floor(Fraction(asked, unit) + Fraction(1, 2)) * unit or None
    return asked if asked % unit == 0 else None


def sides(asked: Lines, found: dict[str, int], *, total: int, what: str) -> Iterator[Difference]:
    """Where the lines of a side are not those that were asked for, in proportion."""
    whole = sum(seconds for _, seconds in asked)
    expected = f"{what} that share {quantity(total)} as {quantity(whole)} was asked"
    if sum(found.values()) != total or found.keys() - {id for id, _ in asked}:
        yield expected, f"{what} {shown(found)}"
        return
    for id, seconds in asked:
        if abs(found.get(id, 0) * whole - seconds * total) >= (whole if total != whole else 1):
            yield expected, f"{quantity(found.get(id, 0))} of {shown(id)}"


def fee_of(fee: Fee, basis: int) -> int:
    """The fee on what its payers exchange."""
    if fee.fixed is not None:
        return min(basis, fee.fixed.seconds)
    units = Fraction(basis, fee.unit.seconds) * fee.share
    whole = ceil(units) if fee.remainder_to == "fund" else floor(units)
    return min(int(whole) * fee.unit.seconds, basis)


def fees(
    statute: Statute, lines: Lines, found: Lines, *, most: Mapping[str, int] | None = None
) -> Iterator[Difference]:
    """Where a fee is not that of the statute; `most` is what was reserved of each payer."""
    fee = statute.fee
    if fee is None:
        if found:
            yield "no fee", shown(found)
        return
    payers = one_side(lines, -1 if fee.payer == "spender" else 1)
    payers.pop(fee.fund, None)
    basis = sum(payers.values())
    amount = fee_of(fee, basis)
    paid, received = one_side(found, -1), one_side(found, 1)
    if received != ({fee.fund: amount} if amount else {}) or sum(paid.values()) != amount:
        yield f"a fee of {quantity(amount)} to {shown(fee.fund)}", shown(found)
    for id, seconds in paid.items():
        if most is not None:
            if seconds > most.get(id, 0):
                yield f"at most {quantity(most.get(id, 0))} of {shown(id)}", quantity(seconds)
        elif abs(seconds * basis - payers.get(id, 0) * amount) >= basis:
            yield f"a fee of {shown(id)} in proportion", quantity(seconds)


def flags(
    statute: Statute, *, total: int | None, day: str | None, now: int
) -> list[dict[str, Any]] | None:
    """The flags of size and day that a record has; `None` where it is refused."""
    found: list[dict[str, Any]] = []
    late, size = statute.record_within, statute.largest_exchange
    if late is not None and day is not None:
        today = date.fromisoformat(statute.day(now))
        if today - date.fromisoformat(day) > timedelta(days=late.days):
            if late.beyond == "refuse":
                return None
            found.append({"rule": "days to record", "days": late.days, "occurred_on": day})
    if size is not None and total is not None and total > size.hours.seconds:
        if size.beyond == "refuse":
            return None
        found.append({"rule": "largest exchange", "limit": size.hours.seconds, "needed": total})
    return found
