"""Transfers, holds and settlements compared with what was asked, under their statute.

Shares are not computed here: it is looked at whether they are by largest remainder.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from fractions import Fraction
from math import ceil, floor
from typing import Any, Final

import attrs

from timebank.audit.base import AuditedRecord, Difference
from timebank.audit.findings import quantity
from timebank.audit.plain_runs import PlainRun
from timebank.audit.shares import is_shared
from timebank.audit.statute_history import StatuteHistory
from timebank.errors import shown
from timebank.model.said import said, who
from timebank.statute import Fee, Statute

Lines = list[list[Any]]
#: What a transfer has that two banks had agreed on before, or that a board writes off.
SETTLED: Final = frozenset({"answer", "written_off"})
#: What is said where it is not so.
FEE_AT_THE_END: Final = "fee_at_the_end"


# -- records -------------------------------------------------------------------------------


def exchange_differences(statute: Statute, record: AuditedRecord) -> Iterator[Difference]:
    """Yield where a transfer or hold is not what was asked for under a statute."""
    request, effects = record.request, record.effects
    lines: Lines = effects["postings" if record.kind == "transfer" else "lines"]
    fee: Lines = effects.get("fee", [])
    if not ends_with_fee(lines, fee):
        yield said(FEE_AT_THE_END), shown(fee)
        return
    own = without_fee(lines, fee)
    judged = is_judged(statute, request)
    if not judged and not fee and record.kind == "transfer":
        yield from _as_asked(request, own)  # most records: nothing is made of what was asked
        if "flags" in effects:
            yield from _flag_differences(record, [])
        return
    asked = sum(seconds for _, seconds in request["earners"])
    statute = _judging(statute, record)
    total = in_units(statute, asked) if judged else asked
    if total is None:
        yield said("whole_units_of_the_statute"), quantity(asked)
        return
    if total == asked:
        yield from _as_asked(request, own)
    for sign, what in ((1, "earners"), (-1, "spenders")):
        found = one_side(own, sign)
        yield from side_differences(request[what], found, total=total, what=what)
    if judged:
        yield from fee_differences(statute, own, fee)
    elif fee:
        yield said("no_fee"), shown(fee)
    day = effects.get("occurred_on", request.get("occurred_on"))
    on = record.content["recorded_on"]
    flags = expected_flags(statute, total=total, day=day, on=on) if judged else []
    yield from _flag_differences(record, flags)
    if record.kind == "hold":
        yield from _reserve_differences(statute, own, effects)


def is_as_asked(statute: Statute, run: PlainRun) -> bool:
    """Return whether no rule on exchanges makes more of the transfers of a run than was asked."""
    said = run.said
    kinds = {*zip(said.kind, said.limits, strict=True)}
    requests = [{"kind": kind} | ({"limits": limits} if limits else {}) for kind, limits in kinds]
    if not any(is_judged(statute, request) for request in requests):
        return True
    today = said.recorded_on[0]
    return (
        statute.fee is None
        and all(
            in_units(statute, seconds) == seconds
            and expected_flags(statute, total=seconds, day=None, on=today) == []
            for seconds in {*run.seconds}
        )
        and all(
            expected_flags(statute, total=None, day=day, on=on) == [] for day, _, on in run.days
        )
    )


def settlement_differences(
    statutes: StatuteHistory, record: AuditedRecord, held: dict[str, Any], closed: str | None
) -> Iterator[Difference]:
    """Yield where a settlement is not what was asked of the hold, under the hold's statute.

    Books are `closed` through a day, where they are.
    """
    request, effects = record.request, record.effects
    statute = statutes.by_version(held["effects"]["statute"])
    if statute is None:
        return  # a finding where it was held
    fee: Lines = effects.get("fee", [])
    if not ends_with_fee(effects["postings"], fee):
        yield said(FEE_AT_THE_END), shown(fee)
        return
    own = without_fee(effects["postings"], fee)
    reserved = without_fee(held["effects"]["lines"], held["effects"].get("fee", []))
    whole = sum(seconds for _, seconds in reserved if seconds > 0)
    asked = request.get("hours", whole)
    judged = is_judged(statute, held["request"])
    total = in_units(statute, asked) if judged and asked != whole else asked
    if total is None:
        yield said("whole_units_of_the_statute_of_its_hold"), quantity(asked)
        return
    for sign, what in ((1, "earners"), (-1, "spenders")):
        lines = [[id, abs(seconds)] for id, seconds in reserved if seconds * sign > 0]
        found = one_side(own, sign)
        yield from side_differences(lines, found, total=total, what=what)
    if judged:
        most = None
        if total <= whole and statute.fee is not None and statute.fee.payer == "spender":
            most = one_side(held["effects"].get("fee", []), -1)
        yield from fee_differences(statute, own, fee, most=most)
    elif fee:
        yield said("no_fee"), shown(fee)
    expected_day = _settled_on(record, held, closed or "")
    if effects["occurred_on"] != expected_day:
        yield said("occurred_on", day=shown(expected_day)), shown(effects["occurred_on"])
    larger = total if total > whole and held["request"]["kind"] == "exchange" else None
    given = request.get("occurred_on") if judged else None
    on = record.content["recorded_on"]
    late = expected_flags(statute, total=None, day=given, on=on)
    large = expected_flags(statutes.current, total=larger, day=None, on=on)
    flags = None if late is None or large is None else late + large
    yield from _flag_differences(record, flags)


def _settled_on(record: AuditedRecord, held: dict[str, Any], closed: str) -> str:
    """Return the day of a settlement: as asked, or as the hold was planned for, or today."""
    today: str = record.content["recorded_on"]
    planned: str = held["request"].get("occurred_on", today)
    asked: str = record.request.get("occurred_on", planned if closed < planned <= today else today)
    return asked


def day_differences(record: AuditedRecord) -> Iterator[Difference]:
    """Yield where a transfer or reversal is of another day than was asked."""
    day = record.request.get("occurred_on")
    if day is not None and record.effects["occurred_on"] != day:
        yield said("occurred_on", day=shown(day)), shown(record.effects["occurred_on"])


def _as_asked(request: dict[str, Any], own: Lines) -> Iterator[Difference]:
    """Yield where the lines are not those that were asked for, one by one."""
    expected = request["earners"] + [[id, -seconds] for id, seconds in request["spenders"]]
    if own != expected:
        yield said("postings_are", postings=shown(expected)), shown(own)


def _flag_differences(
    record: AuditedRecord, expected: list[dict[str, Any]] | None
) -> Iterator[Difference]:
    """Yield where a record has other flags of size and day than these; `None` is a refusal.

    Those of what was agreed on before, or is written off, `Agreements` looks at.
    """
    if not record.request.keys().isdisjoint(SETTLED):
        return
    flags = record.effects.get("flags", ())
    found = [flag for flag in flags if flag["rule"] not in {"floor", "ceiling"}]
    if expected is None:
        yield said("exchange_within_size_and_days"), said("one_beyond")
    elif found != expected:
        yield said("flags", flags=shown(expected)), shown(found)


def _reserve_differences(
    statute: Statute, own: Lines, effects: dict[str, Any]
) -> Iterator[Difference]:
    """Yield where a hold does not reserve what settling all of it would post."""
    held, incoming = one_side(own, -1), one_side(own, 1)
    fee = effects.get("fee", [])
    for id, seconds in one_side(fee, 1).items():
        incoming[id] = incoming.get(id, 0) + seconds
    if statute.fee is not None and statute.fee.payer == "spender":
        for id, seconds in one_side(fee, -1).items():
            held[id] = held.get(id, 0) + seconds
    accounts = sorted(held.keys() | incoming.keys())
    expected = [[id, held.get(id, 0), incoming.get(id, 0)] for id in accounts]
    if effects["reserves"] != expected:
        yield said("reserves", reserves=shown(expected)), shown(effects["reserves"])


# -- lines, units, fees --------------------------------------------------------------------


def is_judged(statute: Statute, request: Mapping[str, Any]) -> bool:
    """Return whether the rules on exchanges are for a transfer or hold."""
    return (
        statute.judges_exchanges
        and request.get("kind") == "exchange"
        and "limits" not in request
        and request.keys().isdisjoint(SETTLED)
        and "reverses" not in request.get("offer", ())
    )


def _judging(statute: Statute, record: AuditedRecord) -> Statute:
    """Return what of a statute is for a record: of an exchange with another bank not all of it.

    A fee is each bank's own member's. The bank that made the offer has rounded, and not the other.
    """
    if "offer" not in record.request:
        return statute
    fee, is_offer = statute.fee, record.kind == "hold"
    if fee is not None:
        fee = attrs.evolve(fee, payer="spender" if is_offer else "earner")
    return attrs.evolve(statute, fee=fee, granularity=statute.granularity if is_offer else None)


def ends_with_fee(lines: Lines, fee: Lines) -> bool:
    """Tell whether the last of the lines are those of the fee."""
    return lines[len(lines) - len(fee) :] == fee


def without_fee(lines: Lines, fee: Lines) -> Lines:
    """Return the lines without those of the fee, which come last."""
    return lines[: len(lines) - len(fee)]


def one_side(lines: Lines, sign: int) -> dict[str, int]:
    """Return who is on a side, and the seconds of each, positive."""
    found: dict[str, int] = {}
    for id, seconds in lines:
        if seconds * sign > 0:
            found[id] = found.get(id, 0) + abs(seconds)
    return found


def in_units(statute: Statute, asked: int) -> int | None:
    """Return the seconds that are exchanged where so many were asked; `None` is a refusal."""
    if statute.granularity is None:
        return asked
    unit = statute.granularity.unit.seconds
    if statute.granularity.rounding == "up":
        return ceil(Fraction(asked, unit)) * unit
    if statute.granularity.rounding == "nearest":
        return floor(Fraction(asked, unit) + Fraction(1, 2)) * unit or None
    return asked if asked % unit == 0 else None


def side_differences(
    asked: Lines, found: dict[str, int], *, total: int, what: str
) -> Iterator[Difference]:
    """Yield where the lines of a side are not those that were asked for, in proportion."""
    whole = sum(seconds for _, seconds in asked)
    expected = said(
        "that_share_as_was_asked", what=what, total=quantity(total), whole=quantity(whole)
    )
    if sum(found.values()) != total or found.keys() - {id for id, _ in asked}:
        yield expected, f"{what} {shown(found)}"
        return
    for id, seconds in asked:
        if abs(found.get(id, 0) * whole - seconds * total) >= (whole if total != whole else 1):
            yield (
                expected,
                said("hours_of_account", hours=quantity(found.get(id, 0)), account=who(id)),
            )
            return
    shares = [found.get(id, 0) for id, _ in asked]
    if total != whole and not is_shared(total, [seconds for _, seconds in asked], shares):
        yield expected, said("which_is_not_by_largest_remainder", what=what, found=shown(found))


def fee_of(fee: Fee, basis: int) -> int:
    """Return the fee on what its payers exchange."""
    if fee.fixed is not None:
        return min(basis, fee.fixed.seconds)
    units = Fraction(basis, fee.unit.seconds) * fee.share
    whole = ceil(units) if fee.remainder_to == "fund" else floor(units)
    return min(int(whole) * fee.unit.seconds, basis)


def fee_differences(
    statute: Statute, lines: Lines, found: Lines, *, most: Mapping[str, int] | None = None
) -> Iterator[Difference]:
    """Yield where a fee is not that of the statute; `most` is what was reserved of each payer."""
    fee = statute.fee
    if fee is None:
        if found:
            yield said("no_fee"), shown(found)
        return
    payers = one_side(lines, -1 if fee.payer == "spender" else 1)
    payers.pop(fee.fund, None)
    basis = sum(payers.values())
    amount = fee_of(fee, basis)
    paid, received = one_side(found, -1), one_side(found, 1)
    if received != ({fee.fund: amount} if amount else {}) or sum(paid.values()) != amount:
        yield said("a_fee_of_to", amount=quantity(amount), fund=who(fee.fund)), shown(found)
    for id, seconds in paid.items():
        if most is not None:
            if seconds > most.get(id, 0):
                yield (
                    said("at_most_of", hours=quantity(most.get(id, 0)), account=who(id)),
                    quantity(seconds),
                )
        elif abs(seconds * basis - payers.get(id, 0) * amount) >= basis:
            yield said("a_fee_of_in_proportion", account=who(id)), quantity(seconds)
            return
    weights = payers if most is None else most
    shares = [paid.get(id, 0) for id in weights]
    is_known = paid.keys() <= weights.keys() and sum(shares) == amount  # else that is said
    if is_known and not is_shared(amount, [*weights.values()], shares):
        yield said("a_fee_of_by_largest_remainder", amount=quantity(amount)), shown(found)


def expected_flags(
    statute: Statute, *, total: int | None, day: str | None, on: str
) -> list[dict[str, Any]] | None:
    """Return the flags of size and day that a record should have; `None` is a refusal."""
    found: list[dict[str, Any]] = []
    late, size = statute.record_within, statute.largest_exchange
    if late is not None and day is not None:
        today = date.fromisoformat(on)
        if today - date.fromisoformat(day) > timedelta(days=late.days):
            if late.beyond == "refuse":
                return None
            found.append({"rule": "days to record", "days": late.days, "occurred_on": day})
    if size is not None and total is not None and total > size.hours.seconds:
        if size.beyond == "refuse":
            return None
        found.append({"rule": "largest exchange", "limit": size.hours.seconds, "needed": total})
    return found
