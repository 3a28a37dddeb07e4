"""Records of welcome credit, dues and demurrage compared with their rules: who, when, how much."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date, timedelta
from fractions import Fraction
from hashlib import sha256
from typing import Any, Final

from timebank.audit.accounts import AccountHistories, AccountHistory
from timebank.audit.base import AuditContext, AuditedRecord, Difference
from timebank.audit.due_days import MONTHS, DueDays, dues_for, in_units
from timebank.audit.findings import quantity
from timebank.errors import shown
from timebank.model import MAX_ID_CHARACTERS, PostingRow
from timebank.model.said import said, who
from timebank.statute import Demurrage, DueRule, Dues, Welcome

PAGE: Final = 500


class DueRecords:
    """Compares each record of what is due with its rule, before it is executed."""

    def __init__(self, context: AuditContext, histories: AccountHistories) -> None:
        self._reader, self._statutes = context.reader, context.statutes
        self._fold = context.fold
        self._histories = histories
        self._days = DueDays(context.statutes, histories)
        #: Seconds by month of service, of the accounts whose demurrage was met.
        self.months: dict[str, dict[str, int]] = {}

    def count(self, postings: Iterable[PostingRow]) -> None:
        """Count what was posted to an account whose balance by month will be asked for."""
        if self.months:
            for row in postings:
                months = self.months.get(row.account)
                if months is not None:
                    months[row.day[:7]] = months.get(row.day[:7], 0) + row.seconds

    def differences(self, record: AuditedRecord) -> Iterator[Difference]:
        """Yield where a record is not what its rule makes due."""
        request, effects = record.request, record.effects
        by, since = request["by"], request["since"]
        statute = self._statutes.by_version(by)
        if statute is None or not self._statutes.was_in_force(by, since):
            yield said("a_statute_in_force_on", since=since), shown(by)
            return
        rule = statute.due_rule(request["rule"])
        if rule is None:
            yield said("a_rule_of_statute", statute=shown(by)), shown(request["rule"])
            return
        day = since if since > (self._fold.closed_through or "") else record.content["recorded_on"]
        if effects["occurred_on"] != day:
            yield said("occurred_on", day=shown(day)), shown(effects["occurred_on"])
        yield from self._whose(rule, request)
        yield from _when(rule, request, self._times(rule, request))
        yield from self._first(rule, record)
        basis = 0
        if isinstance(rule, Demurrage):
            history = self._histories.get(request["account"])
            merged = () if history is None else history.merged
            accounts = (request["account"], *merged)
            basis = sum(self._balance(one, record.sequence, since) for one in accounts)
        if effects.get("basis", 0) != basis or ("basis" in effects) != isinstance(rule, Demurrage):
            yield said("a_basis_of", basis=quantity(basis)), quantity(effects.get("basis"))
        due = _due(rule, request, basis)
        giver, receiver = request["account"], rule.fund
        if isinstance(rule, Welcome):
            giver, receiver = receiver, giver
        if due <= 0 or effects["postings"] != [[receiver, due], [giver, -due]]:
            yield (
                said(
                    "hours_of_account_to",
                    hours=quantity(due),
                    account=who(giver),
                    other=shown(receiver),
                ),
                shown(effects["postings"]),
            )
        for flag in effects.get("flags", ()):
            if flag["rule"] not in {"floor", "ceiling"}:
                yield said("flags_of_limits_only"), shown(flag)

    def _times(self, rule: DueRule, request: dict[str, Any]) -> int:
        """Return how often it is charged with this record, by clocks that were wrong too."""
        history, since = self._histories.get(request["account"]), request["since"]
        if history is None:
            return 1
        whole = tuple(request.get("period", [since, since]))
        return 1 + sum(
            name == rule.name and (first, last) == whole
            for name, first, last, _ in history.doubtful
        )

    def _whose(self, rule: DueRule, request: dict[str, Any]) -> Iterator[Difference]:
        history = self._histories.get(request["account"])
        if history is None or history.kind not in rule.kinds or request["account"] == rule.fund:
            kinds = ", ".join(rule.kinds)
            yield (
                said("an_account_of_kind", kinds=kinds),
                shown(None if history is None else history.kind),
            )

    def _first(self, rule: DueRule, record: AuditedRecord) -> Iterator[Difference]:
        """Yield where it does not fall due on that day, or was charged before."""
        request, history = record.request, self._histories.get(record.request["account"])
        if history is None:
            return
        today = record.content["recorded_on"]
        since, period = request["since"], request.get("period")
        if isinstance(rule, Welcome):
            yield from self._welcomed(history, request, today, before=record.sequence)
        elif isinstance(rule, Demurrage):
            if period is not None:
                yield from self._demurred(history, period, today, before=record.sequence)
        elif period is None and self._was_charged(history, rule.name, before=record.sequence):
            yield said("charged_once", name=rule.name), said("a_second_time")
        else:
            before = record.sequence
            first = self._days.first(request["account"], rule.name, period, before=before)
            if period is None:
                then = self._statutes.on(history.joined).due_rule(rule.name)
                if not isinstance(then, Dues) or then.every != "once":
                    first = None
            if first != since:
                yield said("that_fall_due_on", name=rule.name, day=first), since

    def _was_charged(self, history: AccountHistory, rule: str, *, before: int) -> bool:
        """Return whether dues that are due once were charged, and not taken back as doubtful."""
        return bool(history.once.get(rule)) or any(
            name == rule and first == last and self._histories.is_left(charge, before=before)
            for name, first, last, charge in history.doubtful
        )

    def _demurred(
        self, history: AccountHistory, period: list[str], today: str, *, before: int
    ) -> Iterator[Difference]:
        paid = self._histories.paid_through(history, "demurrage", *period, before=before)
        if paid is not None or period[0] <= history.charged.get("demurrage", ""):
            yield said("a_period_for_which_nothing_was_charged"), shown(period)
        if self._statutes.on(period[0]).demurrage is None:
            yield said("a_period_that_began_with_the_rule"), shown(period)
        if not history.is_open(period[1]):
            yield said("an_account_that_was_open_on", day=period[1]), said("another")
        if today <= period[1]:
            yield said("a_period_that_is_over"), shown(period)

    def _welcomed(
        self, history: AccountHistory, request: dict[str, Any], today: str, *, before: int
    ) -> Iterator[Difference]:
        number = str(len(history.welcomes) + 1)
        expected = _id("welcome", number, request["account"])
        if request["id"] != expected:
            yield said("id", id=shown(expected)), shown(request["id"])
        days = {today} if history.welcomes else {today, min(today, history.joined)}
        if request["since"] not in days:
            yield said("a_welcome_of", days=" or ".join(sorted(days))), request["since"]
        if any(self._histories.is_left(one, before=before) for one in history.welcomes):
            yield said("welcome_after_those_taken_back"), said("a_second_one")

    def _balance(self, account: str, sequence: int, day: str) -> int:
        """Return the balance of an account at the end of a month, by what was recorded so far."""
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


def _when(rule: DueRule, request: dict[str, Any], times: int) -> Iterator[Difference]:
    """Yield where the period is none of the rule's, or the id is not made of it."""
    period, since = request.get("period"), request["since"]
    every = None if isinstance(rule, Welcome) or rule.every == "once" else rule.every
    if (period is None) != (every is None) or (
        period is not None and every is not None and not _is_period(period, every, since)
    ):
        yield said("a_period_of_with_in_it", name=rule.name, since=since), shown(period)
        return
    if isinstance(rule, Demurrage) and period is not None and since != period[1]:
        yield said("what_is_held_at_the_end_of", day=period[1]), since
    which = since if period is None or every is None else _name(period[0], every)
    expected = _id(rule.name, which, request["account"], times)
    if not isinstance(rule, Welcome) and request["id"] != expected:
        yield said("id", id=shown(expected)), shown(request["id"])


def _name(first: str, every: str) -> str:
    """Return the name of a period: `2026`, `2026-H1`, `2026-Q1`, `2026-01`."""
    year, month = first[:4], int(first[5:7])
    if every in {"quarter", "half-year"}:
        return f"{year}-{every[0].upper()}{month // MONTHS[every] + 1}"
    return year if every == "year" else first[:7]


def _is_period(period: list[str], every: str, since: str) -> bool:
    first, last = (date.fromisoformat(day) for day in period)
    months = MONTHS[every]
    after = last + timedelta(days=1)
    return (
        first.day == after.day == 1
        and (first.month - 1) % months == 0
        and (after.year - first.year) * 12 + after.month - first.month == months
        and period[0] <= since <= period[1]
    )


def _id(rule: str, which: str, account: str, times: int = 1) -> str:
    end = f"~{times}" if times > 1 else ""
    id = f"due:{rule}:{which}:{account}{end}"
    _, tilde, number = account.rpartition("~")
    counts = tilde and number.isascii() and number.isdigit()
    if len(id) <= MAX_ID_CHARACTERS and not account.startswith("sha256=") and not counts:
        return id
    return f"due:{rule}:{which}:sha256={sha256(account.encode()).hexdigest()}{end}"


def _due(rule: DueRule, request: dict[str, Any], basis: int) -> int:
    """Return the seconds that are due."""
    if isinstance(rule, Welcome):
        return rule.hours.seconds
    if isinstance(rule, Demurrage):
        above = Fraction(max(0, basis - rule.above.seconds))
        return min(in_units(rule, above * rule.share), int(above))
    return dues_for(rule, request.get("period"), request["since"])
