"""The lives of accounts as the journal goes by: since when, open on which days, charged for what.

Kept for the checks of what is due, and of delegates. A question is asked of a day, not of a
stretch of time: so the audit does not repeat how the bank looks for what is due.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from functools import lru_cache
from typing import Any, Final

import attrs

from timebank.audit.exchanges import Difference
from timebank.audit.report import Findings
from timebank.audit.statutes import Statutes
from timebank.errors import shown
from timebank.statute import Dues, months_between

_STATUSES: Final = frozenset({"freeze", "thaw", "close_account", "reopen"})
_DELEGATES: Final = frozenset({"name_delegate", "end_delegate"})
_DAY: Final = timedelta(days=1)


@attrs.define
class Life:
    """One account. `changes` are days, `YYYY-MM-DD`, with the status at their end."""

    kind: str
    joined: str
    opened: str
    changes: list[tuple[str, str]]
    charged: dict[str, str] = attrs.field(factory=dict)
    once: set[str] = attrs.field(factory=set)
    welcomes: list[int] = attrs.field(factory=list)
    delegates: dict[str, str | None] = attrs.field(factory=dict)

    def is_open(self, day: str) -> bool:
        """Whether it was open at the end of a day; before it was opened, as a member."""
        status = "open" if self.joined <= day else ""
        for since, then in self.changes:
            if since <= day:
                status = then
        return status == "open"


class Lives:
    """Takes note of each record that concerns an account's life, and checks delegates."""

    def __init__(self, statutes: Statutes, findings: Findings) -> None:
        self._statutes, self._findings = statutes, findings
        self._lives: dict[str, Life] = {}

    def of(self, account: str) -> Life | None:
        """The life of an account so far."""
        return self._lives.get(account)

    def know(self, account: str, life: Life) -> None:
        """Go on from a life that is known."""
        self._lives[account] = life

    def record(self, sequence: int, record: dict[str, Any]) -> None:
        """Take note of one record, which was found sound."""
        kind, effects = record["kind"], record["effects"]
        if kind == "open_account":
            day, sets = self._day(record), effects["sets"]
            joined = sets["joined_on"] or day
            self._lives[effects["account"]] = Life(sets["kind"], joined, day, [(day, "open")])
        elif kind in _STATUSES:
            life = self._lives.get(effects["account"])
            if life is not None:
                life.changes.append((self._day(record), effects["sets"]["status"]))
        elif kind in _DELEGATES:
            for expected, found in self._delegate(record):
                place = f"record {sequence}"
                self._findings.add("effects", place, expected=expected, found=found)
        elif kind == "due":
            self._charged(sequence, record["request"])

    def _day(self, record: dict[str, Any]) -> str:
        return self._statutes.current.day(record["recorded_at"])

    def _charged(self, sequence: int, request: dict[str, Any]) -> None:
        life, rule = self._lives.get(request["account"]), request["rule"]
        if life is None:
            return
        if rule == "welcome":
            life.welcomes.append(sequence)
        elif "period" not in request:
            life.once.add(rule)
        else:
            life.charged[rule] = max(life.charged.get(rule, ""), request["period"][1])

    def _delegate(self, record: dict[str, Any]) -> Iterator[Difference]:
        effects = record["effects"]
        account, delegate = effects["account"], effects["delegate"]
        life = self._lives.get(account)
        if life is None:
            return  # a finding of its own
        if record["kind"] == "end_delegate":
            if delegate not in life.delegates:
                yield "a delegate who was named", shown(delegate)
            life.delegates.pop(delegate, None)
            return
        until, today = effects["until"], self._day(record)
        if until is not None and until < today:
            yield f"until {today} or later", shown(until)
        if delegate == account or life.changes[-1][1] == "closed":
            yield "somebody else's delegate, of an account that is not closed", shown(delegate)
        if life.delegates.get(delegate, "") == until:
            yield "a delegate who was not named so already", shown(delegate)
        life.delegates[delegate] = until

    # -- when dues fall due ------------------------------------------------------------

    def first_day(self, life: Life, rule: Dues, period: list[str] | None) -> str | None:
        """The first day on which dues are for an account, of a period or (once) of all days."""
        after = "" if period is None else life.charged.get(rule.name, "")
        first, last = ("", "~") if period is None else (period[0], period[1])
        turns = {life.joined, *(day for day, _ in life.changes), *self._statutes.days()}
        turns |= {first, _next(after)} - {""}
        turns |= {_months_later(life.joined, rule.from_month)}
        for day in sorted(turns):
            if first <= day <= last and day > after and self._is_due(life, rule, day, period):
                return day
        return None

    def _is_due(self, life: Life, rule: Dues, day: str, period: list[str] | None) -> bool:
        found = self._statutes.on(day).due_rule(rule.name)
        if not isinstance(found, Dues) or (found.every == "once") != (period is None):
            return False
        months = months_between(date.fromisoformat(life.joined), date.fromisoformat(day))
        is_member = life.joined <= day and months >= found.from_month
        return is_member and life.kind in found.kinds and life.is_open(day)


def _next(day: str) -> str:
    return (date.fromisoformat(day) + _DAY).isoformat() if day else ""


@lru_cache(maxsize=1024)
def _months_later(day: str, months: int) -> str:
    """The first day that lies so many whole months behind another; the last of all if none."""
    start = date.fromisoformat(day)
    # A month later is at most 31 days later, and at least 28.
    for days in range(months * 28, months * 31 + 1):
        if days > (date.max - start).days:
            break
        if months_between(start, start + timedelta(days=days)) >= months:
            return (start + timedelta(days=days)).isoformat()
    return date.max.isoformat()
