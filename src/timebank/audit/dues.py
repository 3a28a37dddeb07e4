"""What a statute makes due of an account, worked out once more: whose, when, for what, how much."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date, timedelta
from fractions import Fraction
from hashlib import sha256
from math import ceil, floor
from typing import Any, Final

from timebank.audit.exchanges import Difference
from timebank.audit.lives import Life, Lives
from timebank.audit.report import Findings, quantity
from timebank.audit.statutes import Statutes
from timebank.errors import shown
from timebank.journal import parse
from timebank.model import MAX_ID_CHARACTERS, PostingRow
from timebank.statute import Demurrage, DueRule, Dues, Welcome
from timebank.storage.protocol import Reader

PAGE: Final = 500
_MONTHS: Final = {"month": 1, "quarter": 3, "half-year": 6, "year": 12}


class DueRecords:
    """Checks each record of welcome credit, dues and demurrage, before the fold executes it."""

    def __init__(
        self, reader: Reader, lives: Lives, statutes: Statutes, findings: Findings
    ) -> None:
        self._reader, self._lives = reader, lives
        self._statutes, self._findings = statutes, findings
        #: Seconds by month of service, of the accounts whose demurrage was met.
        self.months: dict[str, dict[str, int]] = {}

    def record(self, sequence: int, record: dict[str, Any]) -> None:
        """Check one record."""
        for expected, found in self._differences(sequence, record):
            self._findings.add("effects", f"record {sequence}", expected=expected, found=found)

    def posted(self, postings: Iterable[PostingRow]) -> None:
        """Count what was posted, where a balance by day will be asked for."""
        if self.months:
            for row in postings:
                months = self.months.get(row.account)
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
        yield from self._first(rule, record)
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
        life = self._lives.of(request["account"])
        if life is None or life.kind not in rule.kinds or request["account"] == rule.fund:
            kinds = ", ".join(rule.kinds)
            yield f"an account of kind {kinds}", shown(None if life is None else life.kind)

    def _first(self, rule: DueRule, record: dict[str, Any]) -> Iterator[Difference]:
        """Where it does not fall due on that day, or was charged before."""
        request, life = record["request"], self._lives.of(record["request"]["account"])
        if life is None:
            return
        today = self._statutes.current.day(record["recorded_at"])
        since, period = request["since"], request.get("period")
        if isinstance(rule, Welcome):
            yield from self._welcomed(life, request, today)
        elif isinstance(rule, Demurrage):
            if period is not None:
                yield from self._demurred(life, period, today)
        elif period is None and rule.name in life.once:
            yield f"{rule.name} charged once", "a second time"
        else:
            first = self._lives.first_day(life, rule, period)
            if period is None:
                then = self._statutes.on(life.joined).due_rule(rule.name)
                if not isinstance(then, Dues) or then.every != "once":
                    first = None
            if first != since:
                yield f"{rule.name} that fall due on {first}", since

    def _demurred(self, life: Life, period: list[str], today: str) -> Iterator[Difference]:
        if period[0] <= life.charged.get("demurrage", ""):
            yield "a period for which nothing was charged", shown(period)
        if self._statutes.on(period[0]).demurrage is None:
            yield "a period that began with the rule", shown(period)
        if not life.is_open(period[1]):
            yield f"an account that was open on {period[1]}", "another"
        if today <= period[1]:
            yield "a period that is over", shown(period)

    def _welcomed(self, life: Life, request: dict[str, Any], today: str) -> Iterator[Difference]:
        number = str(len(life.welcomes) + 1)
        expected = _id("welcome", number, request["account"])
        if request["id"] != expected:
            yield f"id {shown(expected)}", shown(request["id"])
        days = {today} if life.welcomes else {today, min(today, life.joined)}
        if request["since"] not in days:
            yield f"a welcome of {' or '.join(sorted(days))}", request["since"]
        if life.welcomes and self._left(life.welcomes[-1]):
            yield "a welcome where the last one was taken back", "a second one"

    def _left(self, sequence: int) -> int:
        """What was not moved back of a welcome."""
        rows = [
            *self._reader.records(after=sequence - 1, limit=1),
            *self._reader.referring(sequence),
        ]
        sums = [
            sum(seconds for _, seconds in parse(row.body)["effects"]["postings"] if seconds > 0)
            for row in rows
        ]
        left: int = sums[0] - sum(sums[1:])
        return left

    def _basis(self, account: str, sequence: int, day: str) -> int:
        """The balance of an account at the end of a month, by what was recorded so far."""
        if account not in self.months:
            months: dict[str, int] = {}
            after = 0
            while rows := self._reader.postings(account, after=after, limit=PAGE):
                for row in rows:
                    if row.sequence < sequence:
                        months[row.day[:7]] = months.get(row.day[:7], 0) + row.seconds
                after = rows[-1].version
            self.months[account] = months
        months = self.months[account]
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
    expected = _id(rule.name, which, request["account"])
    if not isinstance(rule, Welcome) and request["id"] != expected:
        yield f"id {shown(expected)}", shown(request["id"])


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
    if len(id) <= MAX_ID_CHARACTERS and not account.startswith("sha256="):
        return id
    return f"due:{rule}:{which}:sha256={sha256(account.encode()).hexdigest()}"


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
