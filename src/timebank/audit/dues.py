"""What a statute makes due of an account, worked out once more: whose, when, for what, how much."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date, timedelta
from fractions import Fraction
from hashlib import sha256
from math import ceil, floor
from typing import Any, Final

from timebank.audit.exchanges import Difference
from timebank.audit.report import Findings, quantity
from timebank.audit.statutes import Statutes
from timebank.errors import shown
from timebank.fold import Fold
from timebank.model import MAX_ID_CHARACTERS, PostingRow
from timebank.statute import Demurrage, DueRule, Dues, Welcome, months_between
from timebank.storage.protocol import Reader

PAGE: Final = 500
_MONTHS: Final = {"month": 1, "quarter": 3, "half-year": 6, "year": 12}


class DueRecords:
    """Checks each record of welcome credit, dues and demurrage, before the fold executes it."""

    def __init__(self, reader: Reader, fold: Fold, statutes: Statutes, findings: Findings) -> None:
        self._reader, self._fold = reader, fold
        self._statutes, self._findings = statutes, findings
        #: Seconds by month of service, of the accounts whose demurrage was met.
        self._months: dict[str, dict[str, int]] = {}

    def record(self, sequence: int, record: dict[str, Any]) -> None:
        """Check one record."""
        for expected, found in self._differences(sequence, record):
            self._findings.add("effects", f"record {sequence}", expected=expected, found=found)

    def posted(self, postings: Iterable[PostingRow]) -> None:
        """Count what was posted, where a balance by day will be asked for."""
        if self._months:
            for row in postings:
                months = self._months.get(row.account)
                if months is not None:
                    months[row.day[:7]] = months.get(row.day[:7], 0) + row.seconds

    def _differences(self, sequence: int, record: dict[str, Any]) -> Iterator[Difference]:
        request, effects = record["request"], record["effects"]
        by, since = request["by"], request["since"]
        statute = self._statutes.of(by)
        if statute is None or not self._statutes.was_in_force(by, since):
            yield f"a statute in force on {since}", shown(by)
            return
        rule = statute.due_rule(request["rule"])
        if rule is None:
            yield f"a rule of statute {shown(by)}", shown(request["rule"])
            return
        if effects["occurred_on"] != since:
            yield f"occurred_on {shown(since)}", shown(effects["occurred_on"])
        yield from self._whose(rule, request)
        yield from _when(rule, request)
        basis = 0
        if isinstance(rule, Demurrage):
            basis = self._basis(request["account"], sequence, since)
        if effects.get("basis", 0) != basis or ("basis" in effects) != isinstance(rule, Demurrage):
            yield f"a basis of {quantity(basis)}", quantity(effects.get("basis"))
        due = _due(rule, request, basis)
        giver, receiver = request["account"], rule.fund
        if isinstance(rule, Welcome):
            giver, receiver = receiver, giver
        if due <= 0 or effects["postings"] != [[receiver, due], [giver, -due]]:
            yield (
                f"{quantity(due)} of {shown(giver)} to {shown(receiver)}",
                shown(effects["postings"]),
            )
        for flag in effects.get("flags", ()):
            if flag["rule"] not in {"floor", "ceiling"}:
                yield "flags of limits only", shown(flag)

    def _whose(self, rule: DueRule, request: dict[str, Any]) -> Iterator[Difference]:
        row = self._fold.accounts.get(request["account"])
        if row is None or row.kind not in rule.kinds or row.account == rule.fund:
            kinds = ", ".join(rule.kinds)
            yield f"an account of kind {kinds}", shown(None if row is None else row.kind)
        elif isinstance(rule, Dues) and row.joined_on is not None:
            since = date.fromisoformat(request["since"])
            months = months_between(date.fromisoformat(row.joined_on), since)
            if months < rule.from_month or row.joined_on > request["since"]:
                yield f"{rule.from_month} months of membership", f"{months}"

    def _basis(self, account: str, sequence: int, day: str) -> int:
        """The balance of an account at the end of a month, by what was recorded so far."""
        if account not in self._months:
            months: dict[str, int] = {}
            after = 0
            while rows := self._reader.postings(account, after=after, limit=PAGE):
                for row in rows:
                    if row.sequence < sequence:
                        months[row.day[:7]] = months.get(row.day[:7], 0) + row.seconds
                after = rows[-1].version
            self._months[account] = months
        months = self._months[account]
        return sum(seconds for month, seconds in months.items() if month <= day[:7])


def _when(rule: DueRule, request: dict[str, Any]) -> Iterator[Difference]:
    """Where the period is none of the rule's, or the id is not made of it."""
    period, since = request.get("period"), request["since"]
    every = None if isinstance(rule, Welcome) or rule.every == "once" else rule.every
    if (period is None) != (every is None) or (
        period is not None and every is not None and not _is_period(period, every, since)
    ):
        yield f"a period of {rule.name} with {since} in it", shown(period)
        return
    if isinstance(rule, Demurrage) and period is not None and since != period[1]:
        yield f"what is held at the end of {period[1]}", since
    which = since if period is None or every is None else _name(period[0], every)
    ids = [_id(rule.name, which, request["account"])]
    if isinstance(rule, Welcome):
        which = request["id"].removeprefix("due:welcome:").partition(":")[0]
        ids = [_id(rule.name, which, request["account"])] if which.isdecimal() else []
    if request["id"] not in ids:
        yield f"id {shown(ids[0] if ids else 'due:welcome:1:…')}", shown(request["id"])


def _name(first: str, every: str) -> str:
    """What a period is called: `2026`, `2026-H1`, `2026-Q1`, `2026-01`."""
    year, month = first[:4], int(first[5:7])
    if every in {"quarter", "half-year"}:
        return f"{year}-{every[0].upper()}{month // _MONTHS[every] + 1}"
    return year if every == "year" else first[:7]


def _is_period(period: list[str], every: str, since: str) -> bool:
    first, last = (date.fromisoformat(day) for day in period)
    months = _MONTHS[every]
    after = last + timedelta(days=1)
    return (
        first.day == after.day == 1
        and (first.month - 1) % months == 0
        and (after.year - first.year) * 12 + after.month - first.month == months
        and period[0] <= since <= period[1]
    )


def _id(rule: str, which: str, account: str) -> str:
    id = f"due:{rule}:{which}:{account}"
    if len(id) <= MAX_ID_CHARACTERS:
        return id
    return ":".join(["due", rule, which, sha256(account.encode()).hexdigest()])


def _due(rule: DueRule, request: dict[str, Any], basis: int) -> int:
    """The seconds that are due."""
    if isinstance(rule, Welcome):
        return rule.hours.seconds
    if isinstance(rule, Demurrage):
        above = Fraction(max(0, basis - rule.above.seconds))
        return min(_units(rule, above * rule.share), int(above))
    period, since = request.get("period"), date.fromisoformat(request["since"])
    if period is None or request["since"] == period[0] or rule.first_period == "whole":
        return rule.hours.seconds
    first, last = (date.fromisoformat(day) for day in period)
    if rule.first_period == "free":
        return 0
    if rule.first_period == "days":
        gone = Fraction((since - first).days, (last - first).days + 1)
    else:
        gone = Fraction(since.month - first.month, last.month - first.month + 1)
    return min(_units(rule, rule.hours.seconds * (1 - gone)), rule.hours.seconds)


def _units(rule: Dues | Demurrage, seconds: Fraction) -> int:
    units = seconds / rule.unit.seconds
    return (ceil(units) if rule.remainder_to == "fund" else floor(units)) * rule.unit.seconds
