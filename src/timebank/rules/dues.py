"""Charging what a rule of a statute makes due: welcome credit, dues, demurrage.

It moves whatever the limits are, for the members have agreed to it: whoever goes further
beyond a limit by it has a flag.
"""

from __future__ import annotations

import re
from datetime import date
from fractions import Fraction
from hashlib import sha256
from typing import Final

import attrs

from timebank import checks
from timebank.checks import RESERVED_PREFIX
from timebank.journal.kinds import DueRequest, Lines, MoveEffects
from timebank.model import MAX_ID_CHARACTERS, Transfer
from timebank.rules.limits import check_moves
from timebank.rules.roles import EARNER, SPENDER, check_roles, fund_of
from timebank.rules.state import Command, Draft, State, open_day
from timebank.statute import Demurrage, DueRule, Dues, Statute, Welcome
from timebank.statute.periods import MONTHS, period_name

Period = tuple[date, date]
#: Stands before the digest of an account's id.
HASHED: Final = "sha256="


#: What an id ends in that is charged once more.
_AGAIN: Final = re.compile(r"~[0-9]+\Z")


def due_id(rule: str, which: str, account: str, times: int = 1) -> str:
    """Return the id of what is due of an account by a rule: one for each period, whoever asks.

    Where the account's id is too long for it, or looks as if it were one, the SHA-256 of that
    id stands in its place: two accounts never share one. What a false clock had charged, and was
    taken back, is charged under an id that says how many `times` it was charged.

    >>> from timebank.rules.dues import due_id
    >>> due_id("dues", "2026", "m1"), due_id("dues", "2026", "m1", times=2)
    ('due:dues:2026:m1', 'due:dues:2026:m1~2')
    """
    end = "" if times == 1 else f"~{times}"
    id = f"{RESERVED_PREFIX}{rule}:{which}:{account}{end}"
    looks_like_one = account.startswith(HASHED) or _AGAIN.search(account)
    if len(id) <= MAX_ID_CHARACTERS and not looks_like_one:
        return id
    return f"{RESERVED_PREFIX}{rule}:{which}:{HASHED}{sha256(account.encode()).hexdigest()}{end}"


@attrs.frozen
class MakeDue(Command[DueRequest, Transfer | None]):
    """Move what a rule makes due, between an account and the rule's fund."""

    kind = "due"
    rule: DueRule = attrs.field(kw_only=True)

    @classmethod
    def of(
        cls,
        account: object,
        *,
        rule: DueRule,
        by: Statute,
        since: date,
        period: Period | None = None,
        which: str | None = None,
        times: int = 1,
    ) -> MakeDue:
        """Make it for an account, by a rule of the statute that makes it due.

        `since` is the day on which it fell due, or the end of what it is counted on;
        `which` tells several of one rule apart, where they have no period; `times` says how often
        it is charged, where it was charged before by a false clock.
        """
        checked = checks.identifier(account, "account id")
        request: DueRequest = {
            "account": checked,
            "by": by.version,
            "id": due_id(rule.name, which or which_due(since, period), checked, times),
            "rule": rule.name,
            "since": since.isoformat(),
        }
        if period is not None:
            request["period"] = [day.isoformat() for day in period]
        return cls(request, {}, (checked, rule.fund), request["id"], rule=rule)

    @property
    def account(self) -> str:
        """Return the account of which it is due."""
        return self.accounts[0]

    @property
    def period(self) -> Period | None:
        """Return the first and the last day of what it is due for."""
        found = self.request.get("period")
        return None if found is None else (_day(found[0]), _day(found[1]))

    @property
    def since(self) -> date:
        """Return the day on which it falls due."""
        return _day(self.request["since"])


def which_due(since: date, period: Period | None) -> str:
    """Return what tells the charges of one rule apart: the period, or the day where there is none.

    >>> from datetime import date
    >>> from timebank.rules.dues import which_due
    >>> which_due(date(2026, 3, 2), (date(2026, 1, 1), date(2026, 3, 31)))
    '2026-Q1'
    """
    return since.isoformat() if period is None else period_name(*period)


def _day(text: str) -> date:
    return date.fromisoformat(text)


def due(state: State, command: MakeDue, now: int) -> Draft | None:
    """Move what is due; nothing, where a share of it comes to nothing.

    :raises AccountNotFound: there is no such account, or no such fund.
    :raises AccountNotOpen: the account or the fund is not open.
    :raises InvalidHours: a balance too large to be stored.
    """
    rule = command.rule
    rows = {id: state.account(id) for id in command.accounts}
    own = EARNER if isinstance(rule, Welcome) else SPENDER
    check_roles(rows, [(own, command.account)], of=f" of {rule.name}")
    check_roles(rows, [(fund_of(rule.name), rule.fund)])
    seconds = amount(rule, command.period, command.since, basis=state.basis)
    if not seconds:
        return None
    giver, receiver = command.account, rule.fund
    if isinstance(rule, Welcome):
        giver, receiver = receiver, giver
    lines: Lines = [[receiver, seconds], [giver, -seconds]]
    changes = {receiver: seconds, giver: -seconds}
    flags = check_moves(state, rows, changes, now=now, beyond="flag")
    day = open_day(state, command.request["since"])
    effects: MoveEffects = {
        "occurred_on": day,
        "postings": lines,
        "statute": state.statute.version,
    }
    if isinstance(rule, Demurrage):
        effects["basis"] = state.basis
    if flags:
        effects["flags"] = flags
    return Draft(effects)


def amount(
    rule: Welcome | Dues | Demurrage, period: Period | None, since: date, *, basis: int
) -> int:
    """Return the seconds that are due; `basis` are those that a share is taken of.

    >>> from datetime import date
    >>> from timebank import Dues
    >>> from timebank.rules.dues import amount
    >>> year = date(2026, 1, 1), date(2026, 12, 31)
    >>> rule = Dues(hours=4, fund="common", first_period="months")
    >>> amount(rule, year, date(2026, 4, 20), basis=0) / 3600
    3.0
    """
    if isinstance(rule, Demurrage):
        above = max(basis - rule.above.seconds, 0)
        return min(_in_units(rule, above * rule.share), above)
    whole = rule.hours.seconds
    if isinstance(rule, Welcome) or period is None or since <= period[0]:
        return whole
    if rule.first_period == "whole":
        return whole
    return min(_in_units(rule, whole * _part(rule, period, since)), whole)


def _part(rule: Dues, period: Period, since: date) -> Fraction:
    """Which part of a period is due by who comes to it on its day `since`."""
    first, last = period
    if rule.first_period == "months":
        left = (last.year - since.year) * 12 + last.month - since.month + 1
        return Fraction(left, MONTHS[rule.every])
    if rule.first_period == "days":
        return Fraction((last - since).days + 1, (last - first).days + 1)
    return Fraction(0)


def _in_units(rule: Dues | Demurrage, seconds: Fraction) -> int:
    """Whole units of it, up for the fund or down for who pays."""
    units = seconds / rule.unit.seconds
    whole = -(-units // 1) if rule.remainder_to == "fund" else units // 1
    return int(whole) * rule.unit.seconds
