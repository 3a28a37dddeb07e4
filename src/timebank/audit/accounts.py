"""Records about accounts and delegates compared with what was asked; the history of accounts.

The history is kept for the checks of dues and of delegates. It is asked about a day, and
not about a stretch of time: so the audit does not repeat how the bank looks for what is due.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from functools import lru_cache
from typing import Any, Final

import attrs

from timebank.audit.base import AuditedRecord, Difference
from timebank.audit.statute_history import StatuteHistory
from timebank.errors import shown
from timebank.statute import Dues, months_between

#: Kind → the status that it leads to.
_STATUS: Final = {
    "freeze": "frozen",
    "thaw": "open",
    "close_account": "closed",
    "reopen": "open",
}
ACCOUNT_RECORDS: Final = frozenset({"open_account", "set_limits", "rename", *_STATUS})
DELEGATE_RECORDS: Final = frozenset({"name_delegate", "end_delegate"})
#: What is noted in the history of an account.
HISTORY_RECORDS: Final = frozenset({"open_account", "due", *_STATUS}) | DELEGATE_RECORDS
_DAY: Final = timedelta(days=1)


# -- what was asked ------------------------------------------------------------------------


def account_differences(record: AuditedRecord) -> Iterator[Difference]:
    """Yield where a record sets something else of an account than was asked."""
    kind, request, sets = record.kind, record.request, record.effects["sets"]
    if record.effects["account"] != request["account"]:
        yield f"account {shown(request['account'])}", shown(record.effects["account"])
    if kind == "set_limits":
        asked = {"floor": sets.get("floor"), "ceiling": sets.get("ceiling")}
        asked |= {field: request[field] for field in asked if field in request}
    elif kind == "rename":
        asked = {"named": "name" in request}
    elif kind == "open_account":
        asked = {
            "kind": request["kind"],
            "status": "open",
            "joined_on": request.get("joined_on"),
            "floor": request.get("floor", "inherit"),
            "ceiling": request.get("ceiling", "inherit"),
            "named": "name" in request,
        }
    else:
        asked = {"status": _STATUS[kind]}
    if sets != asked:
        yield f"sets {shown(asked)}", shown(sets)


def delegate_differences(record: AuditedRecord) -> Iterator[Difference]:
    """Yield where a record names, or ends, another delegate than was asked."""
    asked = {field: record.request.get(field) for field in ("account", "delegate", "until")}
    found = {field: record.effects.get(field) for field in asked}
    if found != asked:
        yield f"effects {shown(asked)}", shown(found)


# -- the history of accounts ---------------------------------------------------------------


@attrs.define
class AccountHistory:
    """One account. `changes` are days, `YYYY-MM-DD`, with the status at their end.

    `charged` has the last day that was charged, by rule; `once` the rules that were charged
    once; `welcomes` the records of welcome credit; `delegates` the day until which each acts.
    """

    kind: str
    joined: str
    opened: str
    changes: list[tuple[str, str]]
    charged: dict[str, str] = attrs.field(factory=dict)
    once: set[str] = attrs.field(factory=set)
    welcomes: list[int] = attrs.field(factory=list)
    delegates: dict[str, str | None] = attrs.field(factory=dict)

    def is_open(self, day: str) -> bool:
        """Return whether it was open at the end of a day; before it was opened, as a member."""
        status = "open" if self.joined <= day else ""
        for since, then in self.changes:
            if since <= day:
                status = then
        return status == "open"

    def to_json(self) -> dict[str, Any]:
        """Return it as a JSON object."""
        return attrs.asdict(self) | {"once": sorted(self.once)}

    @classmethod
    def of_json(cls, state: dict[str, Any]) -> AccountHistory:
        """Read it again.

        :raises TypeError, ValueError: it is none.
        """
        history = cls(**state)
        history.changes = [(day, status) for day, status in history.changes]
        # Of other things than names no order can be written down again.
        history.once = {_name(rule) for rule in history.once}
        return history


class AccountHistories:
    """The history of each account, from the records about it."""

    def __init__(self, statutes: StatuteHistory) -> None:
        self._statutes = statutes
        self.by_account: dict[str, AccountHistory] = {}

    def get(self, account: str) -> AccountHistory | None:
        """Return the history of an account so far."""
        return self.by_account.get(account)

    def record(self, record: AuditedRecord) -> None:
        """Take note of one record that was executed."""
        kind, effects = record.kind, record.effects
        if kind == "open_account":
            day, sets = self._day(record), effects["sets"]
            joined = sets["joined_on"] or day
            history = AccountHistory(sets["kind"], joined, day, [(day, "open")])
            self.by_account[effects["account"]] = history
        elif kind == "due":
            self._charge(record.sequence, record.request)
        elif kind in _STATUS:
            found = self.get(effects["account"])
            if found is not None:
                found.changes.append((self._day(record), effects["sets"]["status"]))
        elif kind in DELEGATE_RECORDS:
            found = self.get(effects["account"])
            if found is not None and kind == "name_delegate":
                found.delegates[effects["delegate"]] = effects["until"]
            elif found is not None:
                found.delegates.pop(effects["delegate"], None)

    def _day(self, record: AuditedRecord) -> str:
        return self._statutes.current.day(record.content["recorded_at"])

    def _charge(self, sequence: int, request: dict[str, Any]) -> None:
        history, rule = self.get(request["account"]), request["rule"]
        if history is None:
            return
        if rule == "welcome":
            history.welcomes.append(sequence)
        elif "period" not in request:
            history.once.add(rule)
        else:
            history.charged[rule] = max(history.charged.get(rule, ""), request["period"][1])

    def refusals(self, record: AuditedRecord) -> Iterator[Difference]:
        """Yield why a delegate cannot be named, or ended, before the record is noted."""
        if record.kind not in DELEGATE_RECORDS:
            return
        account, delegate = record.effects["account"], record.effects["delegate"]
        history = self.get(account)
        if history is None:
            return  # a finding of its own
        if record.kind == "end_delegate":
            if delegate not in history.delegates:
                yield "a delegate who was named", shown(delegate)
            return
        until, today = record.effects["until"], self._day(record)
        if until is not None and until < today:
            yield f"until {today} or later", shown(until)
        if delegate == account or history.changes[-1][1] == "closed":
            yield "somebody else's delegate, of an account that is not closed", shown(delegate)
        if history.delegates.get(delegate, "") == until:
            yield "a delegate who was not named so already", shown(delegate)

    # -- when dues fall due ------------------------------------------------------------

    def first_due_day(
        self, history: AccountHistory, rule: Dues, period: list[str] | None
    ) -> str | None:
        """Return the first day on which dues are for an account, of a period or of all days."""
        after = "" if period is None else history.charged.get(rule.name, "")
        first, last = ("", "~") if period is None else (period[0], period[1])
        turns = {history.joined, *(day for day, _ in history.changes), *self._statutes.days()}
        turns |= {first, _next(after)} - {""}
        turns |= {_months_later(history.joined, rule.from_month)}
        for day in sorted(turns):
            if first <= day <= last and day > after and self._is_due(history, rule, day, period):
                return day
        return None

    def _is_due(
        self, history: AccountHistory, rule: Dues, day: str, period: list[str] | None
    ) -> bool:
        found = self._statutes.on(day).due_rule(rule.name)
        if not isinstance(found, Dues) or (found.every == "once") != (period is None):
            return False
        months = months_between(date.fromisoformat(history.joined), date.fromisoformat(day))
        is_member = history.joined <= day and months >= found.from_month
        return is_member and history.kind in found.kinds and history.is_open(day)


def _name(given: object) -> str:
    if not isinstance(given, str):
        msg = f"a name is a string, not {shown(given)}"
        raise TypeError(msg)
    return given


def _next(day: str) -> str:
    return (date.fromisoformat(day) + _DAY).isoformat() if day else ""


@lru_cache(maxsize=1024)
def _months_later(day: str, months: int) -> str:
    """Return the first day so many whole months behind another, or the last day of all."""
    start = date.fromisoformat(day)
    # A month later is at most 31 days later, and at least 28.
    for days in range(months * 28, months * 31 + 1):
        if days > (date.max - start).days:
            break
        if months_between(start, start + timedelta(days=days)) >= months:
            return (start + timedelta(days=days)).isoformat()
    return date.max.isoformat()
