"""Plan dues: read what happened to each account, and tell what is due through a day.

The history of accounts is read in one pass over the journal, most lines of which are passed
over unread. It can be taken up again where it ended: most of it is read before the writer's
lock is taken. The same history gives the same dues on the day, a month later, or twice.

Dues are found period by period. A period is charged by the statute in force on the first of
its days on which the rule is for the account: the period's own first day, or a later one for
who joined, came back or was thawed later, or where the rule was adopted later. What was
charged for is never charged again, however the periods of another statute lie.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Final

import attrs

from timebank.errors import Corrupt
from timebank.hours import Hours
from timebank.journal.kinds import (
    PLANS_DUES,
    AccountChanges,
    AccountEffects,
    DueRequest,
    MergeEffects,
)
from timebank.model import RecordRow
from timebank.model.agreements import AGREED
from timebank.model.members import Due
from timebank.queries.accounts import posted_on
from timebank.queries.records import account_row, body_of, hours_left, record_at, records
from timebank.queries.statutes import ever_adopted
from timebank.rules.dues import amount, which_due
from timebank.statute import DEFAULT, DEMURRAGE, Demurrage, Dues, Statute, months_later, period_of
from timebank.statute.codec import of_body
from timebank.statute.periods import DAY
from timebank.storage.protocol import Reader

PAGE: Final = 2_000
Period = tuple[date, date]


@attrs.define
class Charged:
    """One charge of a rule: for which period, if any, since which day, by which record.

    It is doubtful where a clock made it that was wrong: one that was restarted before it fell due.
    It counts until it is `undone`, that is, wholly reversed.
    """

    rule: str
    since: date
    period: Period | None
    sequence: int
    is_doubtful: bool = False
    is_undone: bool = False

    @property
    def first(self) -> date:
        """Return the first day of what it is for."""
        return self.since if self.period is None else self.period[0]

    @property
    def last(self) -> date:
        """Return the last day of what it is for."""
        return self.since if self.period is None else self.period[1]


@attrs.define
class AccountHistory:
    """One account: its kind, its days, and what it was charged.

    It has `joined` on the day that was given, or when it was opened. `statuses` are the days on
    which its status changed, in order, with the status at the end of the day.
    """

    account: str
    kind: str
    opened: date
    given: date | None
    statuses: list[tuple[date, str]] = attrs.field(factory=list)
    charges: list[Charged] = attrs.field(factory=list)

    @property
    def joined(self) -> date:
        """Return the day of joining."""
        return self.opened if self.given is None else self.given

    @property
    def status(self) -> str:
        """Return the status now."""
        return self.statuses[-1][1]

    def charged_through(self, rule: str) -> date | None:
        """Return the last day that was charged for by a rule, doubtful charges left out."""
        days = [one.last for one in self._of(rule) if one.period and not one.is_doubtful]
        return max(days, default=None)

    def paid_through(self, rule: str, first: date, last: date) -> date | None:
        """Return the last day of the doubtful charges for any of some days, but those undone."""
        days = [
            one.last
            for one in self._of(rule)
            if one.is_doubtful and not one.is_undone and one.first <= last and first <= one.last
        ]
        return max(days, default=None)

    def was_charged_once(self, rule: str) -> bool:
        """Return whether a rule that has no periods was charged."""
        return any(one.period is None and not one.is_undone for one in self._of(rule))

    def times(self, rule: str, which: str) -> int:
        """Return how many times it will have been charged, by one charge more."""
        return 1 + sum(which_due(one.since, one.period) == which for one in self._of(rule))

    def _of(self, rule: str) -> Iterator[Charged]:
        return (one for one in self.charges if one.rule == rule)

    def amend(self, sets: AccountChanges) -> None:
        """Have another kind, or another day of joining."""
        self.kind = sets.get("kind", self.kind)
        if "joined_on" in sets:
            joined = sets["joined_on"]
            self.given = None if joined is None else date.fromisoformat(joined)

    def restart(self, today: date) -> None:
        """Count as of the day of a restart whatever lies later, and doubt charges for later."""
        self.opened = min(self.opened, today)
        statuses, self.statuses = self.statuses, []
        for day, status in statuses:
            _change(self.statuses, min(day, today), status)
        for one in self.charges:
            one.is_doubtful = one.is_doubtful or one.since > today

    def open_days(self) -> Iterator[tuple[date, date]]:
        """Yield the first and the last day of each time in which it was open at the day's end.

        The time before the account was opened, from the day of joining on, counts as open.
        """
        began: date | None = self.joined
        for day, status in self.statuses:
            if status == "open" and began is None:
                began = day
            elif status != "open" and began is not None:
                if began < day:
                    yield began, day - DAY
                began = None
        if began is not None:
            yield began, date.max


@attrs.define
class History:
    """The history of all accounts, and the statutes by the day from which on they were in force."""

    accounts: dict[str, AccountHistory] = attrs.field(factory=dict)
    adopted: list[tuple[date, Statute]] = attrs.field(factory=lambda: [(date.min, DEFAULT)])
    after: int = 0

    def read(self, reader: Reader) -> None:
        """Go on to the end of what the reader sees; nothing is read where nothing was ever due.

        :raises Corrupt: a record that cannot be read.
        """
        if not self.after and not any(map(_has_dues, ever_adopted(reader))):
            return
        for row in records(reader, after=self.after, limit=PAGE):
            if row.kind in PLANS_DUES:
                try:
                    self._take(row)
                except (AttributeError, KeyError, TypeError, ValueError) as error:
                    msg = f"record {row.sequence} cannot be read: {error!r}"
                    raise Corrupt(msg) from error
            self.after = row.sequence
        for account in self.accounts.values():
            for one in account.charges:
                if one.is_doubtful and not one.is_undone:
                    one.is_undone = not hours_left(reader, record_at(reader, one.sequence))

    def statute_on(self, day: date) -> Statute:
        """Return the statute that was in force at the end of a day."""
        return next(one for first, one in reversed(self.adopted) if first <= day)

    def _take(self, row: RecordRow) -> None:
        record = body_of(row)
        day = date.fromisoformat(record["recorded_on"])
        if row.kind == "adopt":
            self.adopted.append((day, of_body(row.body)))
        elif row.kind == "restart_clock":
            self.adopted = [(min(first, day), statute) for first, statute in self.adopted]
            for account in self.accounts.values():
                account.restart(day)
        elif row.kind == "due":
            self._charged(row.sequence, record["request"])
        elif row.kind == "open_account":
            self._opened(record["effects"], day)
        elif row.kind == "amend_account":
            self.accounts[record["effects"]["account"]].amend(record["effects"]["sets"])
        elif row.kind == "merge":
            self._merged(record["effects"], day)
        else:
            effects = record["effects"]
            _change(self.accounts[effects["account"]].statuses, day, effects["sets"]["status"])

    def _opened(self, effects: AccountEffects, day: date) -> None:
        id, sets = effects["account"], effects["sets"]
        given = None if sets["joined_on"] is None else date.fromisoformat(sets["joined_on"])
        self.accounts[id] = AccountHistory(id, sets["kind"], day, given, [(day, "open")])

    def _merged(self, effects: MergeEffects, day: date) -> None:
        """Count what was charged to an account as charged to the one that it became."""
        account, into = (self.accounts[effects[name]] for name in ("account", "into"))
        _change(account.statuses, day, "closed")
        into.charges = sorted(into.charges + account.charges, key=lambda one: one.sequence)
        account.charges = []
        if "joined_on" in effects:
            into.given = date.fromisoformat(effects["joined_on"])

    def _charged(self, sequence: int, request: DueRequest) -> None:
        period: Period | None = None
        if "period" in request:
            first, last = map(date.fromisoformat, request["period"])
            period = first, last
        since = date.fromisoformat(request["since"])
        charge = Charged(request["rule"], since, period, sequence)
        self.accounts[request["account"]].charges.append(charge)


def _has_dues(statute: Statute) -> bool:
    return bool(statute.dues) or statute.demurrage is not None


def _change(statuses: list[tuple[date, str]], day: date, status: str) -> None:
    """Note a change of status: of several on one day the last one counts."""
    if statuses and statuses[-1][0] == day:
        statuses.pop()
    statuses.append((day, status))


# -- what is due -----------------------------------------------------------------


@attrs.frozen
class Planned:
    """Something that is due; `since` is the day on which it falls due."""

    account: str
    rule: Dues | Demurrage
    by: Statute
    since: date
    period: Period | None
    times: int = 1


def plan(
    history: History, *, through: date, today: date, account: str | None = None
) -> list[Planned]:
    """Return what is due through a day and was not charged, by day, dues before demurrage.

    It is that of one account, or of all of them. Accounts that are closed now, or that have an
    agreement with another bank, are left out; those that are frozen are not. Demurrage waits for
    the end of the day that it is counted on.
    """
    if not any(_has_dues(statute) for _, statute in history.adopted):
        return []
    found: list[Planned] = []
    names = sorted({rule.name for _, statute in history.adopted for rule in statute.dues})
    accounts = history.accounts
    chosen = accounts.values() if account is None else [accounts[account]]
    for member in chosen:
        if member.status not in {"closed", AGREED}:
            for name in names:
                found += _dues(history, member, name, through)
                found += _once(history, member, name, through)
            found += _demurrage(history, member, min(through, today - DAY))
    found.sort(key=lambda one: (one.since, one.rule.name == DEMURRAGE, one.rule.name, one.account))
    return found


def _in_force(history: History) -> Iterator[tuple[date, date, Statute]]:
    """Yield each statute with the first and the last day at whose end it was in force."""
    adopted = history.adopted
    for number, (first, statute) in enumerate(adopted):
        last = adopted[number + 1][0] - DAY if number + 1 < len(adopted) else date.max
        if first <= last:
            yield first, last, statute


# -- dues --------------------------------------------------------------------------


def _dues(history: History, member: AccountHistory, name: str, through: date) -> Iterator[Planned]:
    charged = member.charged_through(name)
    cursor = member.joined if charged is None else charged + DAY
    while (found := _first_day(history, member, name, cursor, through)) is not None:
        day, rule, by = found
        period = period_of(rule.every, day)
        paid = member.paid_through(name, day, period[1])
        if paid is None and period[1] >= member.opened:
            times = member.times(name, which_due(day, period))
            yield Planned(member.account, rule, by, day, period, times)
        cursor = (period[1] if paid is None else paid) + DAY


def _once(history: History, member: AccountHistory, name: str, through: date) -> Iterator[Planned]:
    """Yield dues that are due once, of a member who joined while they were in force."""
    then = history.statute_on(member.joined).due_rule(name)
    if member.was_charged_once(name) or not isinstance(then, Dues) or then.every != "once":
        return
    found = _first_day(history, member, name, member.joined, through, once=True)
    if found is not None:
        day, rule, by = found
        times = member.times(name, which_due(day, None))
        yield Planned(member.account, rule, by, day, None, times)


def _first_day(
    history: History,
    member: AccountHistory,
    name: str,
    cursor: date,
    through: date,
    *,
    once: bool = False,
) -> tuple[date, Dues, Statute] | None:
    """Return the first day, from the cursor on, on which the dues of a name are for an account."""
    for first, last, statute in _in_force(history):
        rule = statute.due_rule(name)
        if last < cursor or not isinstance(rule, Dues) or (rule.every == "once") != once:
            continue
        if member.kind not in rule.kinds or member.account == rule.fund:
            continue
        start = max(first, cursor, months_later(member.joined, rule.from_month))
        for opened, closed in member.open_days():
            day = max(start, opened)
            if day <= min(closed, last, through):
                return day, rule, statute
    return None


# -- demurrage ---------------------------------------------------------------------


def _demurrage(history: History, member: AccountHistory, through: date) -> Iterator[Planned]:
    charged = member.charged_through(DEMURRAGE) or date.min
    for first, last, statute in _in_force(history):
        rule = statute.demurrage
        if rule is None or member.kind not in rule.kinds or member.account == rule.fund:
            continue
        day = max(member.joined, member.opened, first)
        while day <= min(last, through):
            period = period_of(rule.every, day)
            day = period[1] + DAY
            if period[1] > min(last, through):
                break
            began_with_it = history.statute_on(period[0]).demurrage is not None
            if member.paid_through(DEMURRAGE, *period) is not None:
                continue
            if began_with_it and period[0] > charged and _is_open(member, period[1]):
                charged = period[1]
                times = member.times(DEMURRAGE, which_due(charged, period))
                yield Planned(member.account, rule, statute, charged, period, times)


def _is_open(member: AccountHistory, day: date) -> bool:
    return any(first <= day <= last for first, last in member.open_days())


# -- what it comes to ----------------------------------------------------------------


def due_of(reader: Reader, planned: Planned) -> Due:
    """Return what is due with its hours, by what is recorded now."""
    basis = 0
    if isinstance(planned.rule, Demurrage):
        row = account_row(reader, planned.account)
        basis = posted_on(reader, row, planned.since.isoformat())
    seconds = amount(planned.rule, planned.period, planned.since, basis=basis)
    return Due(
        account=planned.account,
        rule=planned.rule.name,
        hours=Hours.from_seconds(seconds),
        fund=planned.rule.fund,
        since=planned.since,
        period=planned.period,
        statute=planned.by.version,
        basis=Hours.from_seconds(basis) if isinstance(planned.rule, Demurrage) else None,
    )
