"""Records about accounts and delegates compared with what was asked; the history of accounts.

The history is kept for the checks of dues and of delegates. It is asked about a day, and
not about a stretch of time: so the audit does not repeat how the bank looks for what is due.
"""

from __future__ import annotations

from collections.abc import Iterator
from operator import attrgetter, itemgetter
from typing import Any, Final

import attrs

from timebank.audit.base import AuditedRecord, Difference
from timebank.audit.checkpoint import UNUSABLE, Unusable
from timebank.audit.statute_history import StatuteHistory
from timebank.errors import shown
from timebank.journal import parse
from timebank.model.said import said, who
from timebank.storage.protocol import Reader

#: Kind → the status that it leads to.
_STATUS: Final = {
    "freeze": "frozen",
    "thaw": "open",
    "close_account": "closed",
    "reopen": "open",
}
#: The same of what two banks agree on, and of its end.
_AGREED: Final = {"agree": "agreed", "end_agreement": "closed"}
ACCOUNT_RECORDS: Final = frozenset({"open_account", "set_limits", "rename", *_STATUS})
DELEGATE_RECORDS: Final = frozenset({"name_delegate", "end_delegate"})
#: What is noted in the history of an account.
HISTORY_RECORDS: Final = DELEGATE_RECORDS | {
    *("open_account", "amend_account", "merge", "due", "restart_clock"),
    *_STATUS,
    *_AGREED,
}
PAGE: Final = 500


# -- what was asked ------------------------------------------------------------------------


def account_differences(record: AuditedRecord) -> Iterator[Difference]:
    """Yield where a record sets something else of an account than was asked."""
    kind, request, sets = record.kind, record.request, record.effects["sets"]
    if record.effects["account"] != request["account"]:
        yield said("account", account=who(request["account"])), shown(record.effects["account"])
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
        yield said("sets", fields=shown(asked)), shown(sets)


def delegate_differences(record: AuditedRecord) -> Iterator[Difference]:
    """Yield where a record names, or ends, another delegate than was asked."""
    asked = {field: record.request.get(field) for field in ("account", "delegate", "until")}
    found = {field: record.effects.get(field) for field in asked}
    if found != asked:
        yield said("effects", effects=shown(asked)), shown(found)


# -- the history of accounts ---------------------------------------------------------------


@attrs.define
class AccountHistory:
    """One account. `changes` are days, `YYYY-MM-DD`, with the status at their end.

    `charged` has the last day that was charged, by rule; `once` the records of what was charged
    once; `welcomes` those of welcome credit; `delegates` the day until which each acts.
    `doubtful` are the charges that fell due after a restart of the clock that followed them, each
    with its rule, first and last day, and record: they are in neither of the first two. Who
    opened or amended it may have said when it joined. `merged` are the accounts that were merged
    into it, also through others: what was charged to them is among the rest.
    """

    kind: str
    joined: str
    opened: str
    changes: list[tuple[str, str]]
    says_when: bool = False
    charged: dict[str, str] = attrs.field(factory=dict)
    once: dict[str, list[int]] = attrs.field(factory=dict)
    welcomes: list[int] = attrs.field(factory=list)
    delegates: dict[str, str | None] = attrs.field(factory=dict)
    doubtful: list[tuple[str, str, str, int]] = attrs.field(factory=list)
    merged: list[str] = attrs.field(factory=list)

    def is_open(self, day: str) -> bool:
        """Return whether it was open at the end of a day; before it was opened, as a member."""
        status = "open" if self.joined <= day else ""
        for since, then in self.changes:
            if since <= day:
                status = then
        return status == "open"

    def to_json(self) -> dict[str, Any]:
        """Return it as a JSON object, of what it holds itself and is not empty."""
        return {name: part for name, part in zip(_FIELDS, _PARTS(self), strict=True) if part}

    @classmethod
    def of_json(cls, state: dict[str, Any]) -> AccountHistory:
        """Read it again.

        :raises TypeError, ValueError: it is none.
        """
        history = cls(**state)  # what it goes on to change is its own
        history.changes = [(day, status) for day, status in history.changes]
        history.charged, history.delegates = {**history.charged}, {**history.delegates}
        history.once = {rule: [*charges] for rule, charges in history.once.items()}
        history.welcomes, history.merged = [*history.welcomes], [*history.merged]
        history.doubtful = [
            (rule, first, last, charge) for rule, first, last, charge in history.doubtful
        ]
        return history

    def take_over(self, account: str, other: AccountHistory) -> None:
        """Take what was charged to another account, which was merged into this one.

        The other is left with nothing that was charged, and without delegates.
        """
        for rule, last in other.charged.items():
            self.charged[rule] = max(self.charged.get(rule, ""), last)
        for rule, charges in other.once.items():
            self.once[rule] = sorted([*self.once.get(rule, ()), *charges])
        self.welcomes = sorted([*self.welcomes, *other.welcomes])
        self.doubtful = sorted([*self.doubtful, *other.doubtful], key=itemgetter(3))
        self.merged += [account, *other.merged]
        other.charged, other.once, other.welcomes, other.doubtful = {}, {}, [], []
        other.merged, other.delegates = [], {}


_FIELDS: Final = tuple(field.name for field in attrs.fields(AccountHistory))
_NAMES: Final = frozenset(_FIELDS)
_PARTS: Final = attrgetter(*_FIELDS)


class AccountHistories:
    """The history of each account, from the records about it."""

    def __init__(self, statutes: StatuteHistory, reader: Reader) -> None:
        self._statutes, self._reader = statutes, reader
        self.by_account: dict[str, AccountHistory] = {}
        #: Those of a checkpoint of which nothing was asked yet, as JSON.
        self._restored: dict[str, dict[str, Any]] = {}

    def get(self, account: str) -> AccountHistory | None:
        """Return the history of an account so far.

        :raises Unusable: the checkpoint has none of it that could be.
        """
        if account in self._restored:
            try:
                history = AccountHistory.of_json(self._restored.pop(account))
            except UNUSABLE as error:
                raise Unusable(account) from error
            self.by_account[account] = history
        return self.by_account.get(account)

    def restore(self, account: str, state: dict[str, Any]) -> None:
        """Restore the history of an account as `to_json` returned it; it is read when asked for.

        :raises TypeError: it is none.
        """
        if type(state) is not dict or not state.keys() <= _NAMES:
            msg = f"{shown(account)} has no such history"
            raise TypeError(msg)
        self._restored[account] = state

    def to_json(self, account: str) -> dict[str, Any] | None:
        """Return the history of an account as a JSON object."""
        if account in self._restored:
            return self._restored[account]
        found = self.by_account.get(account)
        return None if found is None else found.to_json()

    def record(self, record: AuditedRecord) -> None:
        """Take note of one record that was executed."""
        kind, effects = record.kind, record.effects
        if kind == "due":
            self._charge(record.sequence, record.request)
        elif kind == "restart_clock":
            for account in [*self._restored]:
                self.get(account)
            for account, history in self.by_account.items():
                self._restart(account, history, record)
        elif kind == "open_account":
            self._open(record)
        elif kind == "merge":
            self._merge(record)
        elif kind in HISTORY_RECORDS and (found := self.get(effects["account"])) is not None:
            self._change(found, record)

    def _open(self, record: AuditedRecord) -> None:
        day, sets = self._day(record), record.effects["sets"]
        says_when = sets["joined_on"] is not None
        self.by_account[record.effects["account"]] = AccountHistory(
            sets["kind"], sets["joined_on"] or day, day, [(day, "open")], says_when
        )

    def _change(self, history: AccountHistory, record: AuditedRecord) -> None:
        """Take note of another status, kind, day of joining, or delegate of an account."""
        kind, effects = record.kind, record.effects
        if kind == "amend_account":
            sets = effects["sets"]
            history.kind = sets.get("kind", history.kind)
            if "joined_on" in sets:  # as if it had been so from the beginning
                history.says_when = sets["joined_on"] is not None
                history.joined = sets["joined_on"] or history.opened
        elif kind in _STATUS or kind in _AGREED:
            history.changes.append((self._day(record), effects["sets"]["status"]))
        elif kind == "name_delegate":
            history.delegates[effects["delegate"]] = effects["until"]
        else:
            history.delegates.pop(effects["delegate"], None)

    def _merge(self, record: AuditedRecord) -> None:
        """Close an account, and count what was charged to it to the one that it is merged into."""
        account, joined = record.effects["account"], record.effects.get("joined_on")
        history, other = self.get(account), self.get(record.effects["into"])
        if history is None or other is None or history is other:
            return  # a finding of its own
        other.take_over(account, history)
        history.changes.append((self._day(record), "closed"))
        if joined is not None:
            other.joined, other.says_when = joined, True

    def _day(self, record: AuditedRecord) -> str:
        day: str = record.content["recorded_on"]
        return day

    # -- a restart of the clock --------------------------------------------------------------

    def _restart(self, account: str, history: AccountHistory, record: AuditedRecord) -> None:
        """Count as of its day whatever lies later, and doubt what fell due later."""
        day = self._day(record)
        if not history.says_when:
            history.joined = min(history.joined, day)
        history.opened = min(history.opened, day)
        history.changes = [(min(since, day), status) for since, status in history.changes]
        if any(history.once.values()) or any(last > day for last in history.charged.values()):
            self._doubt(account, history, record)

    def _doubt(self, account: str, history: AccountHistory, record: AuditedRecord) -> None:
        """Tell the charges that fell due after a restart from the others."""
        day = self._day(record)
        wanted = {rule for rule, last in history.charged.items() if last > day}
        known = {sequence for *_, sequence in history.doubtful}
        charged = dict.fromkeys(wanted, "")
        # One account is charged through later and later days; those that became one are not.
        for one in (account, *history.merged):
            through = dict.fromkeys(wanted, ("", ""))
            for posted, request, sequence in self._charges(one, before=record.sequence):
                # What fell due is posted on that day, or on a later one where books were closed.
                if posted <= day and all(posted <= since for since, _ in through.values()):
                    break
                rule, since = request["rule"], request["since"]
                first, last = request.get("period", [since, since])
                if rule == "welcome" or sequence in known:
                    continue
                if since > day:
                    history.doubtful.append((rule, first, last, sequence))
                    if "period" not in request:
                        left = (
                            charge for charge in history.once.get(rule, ()) if charge != sequence
                        )
                        history.once[rule] = [*left]
                elif rule in wanted and "period" in request:
                    through[rule] = max(through[rule], (since, last))
            charged |= {rule: max(charged[rule], last) for rule, (_, last) in through.items()}
        history.doubtful.sort(key=itemgetter(3))
        for rule, last in charged.items():
            if last:
                history.charged[rule] = last
            else:
                del history.charged[rule]

    def _charges(self, account: str, *, before: int) -> Iterator[tuple[str, dict[str, Any], int]]:
        """Yield what was charged to an account before a record, by day of posting, last first.

        Each with that day, its request and its record.
        """
        after: tuple[str, int] | None = None
        while rows := self._reader.postings_by_day(
            account, after=after, newest_first=True, limit=PAGE
        ):
            for row in rows:
                found = self._reader.records(after=row.sequence - 1, limit=1)
                if row.sequence < before and found and found[0].kind == "due":
                    request = parse(found[0].body)["request"]
                    if request["account"] == account:
                        yield row.day, request, row.sequence
            after = (rows[-1].day, rows[-1].version)

    def paid_through(
        self, history: AccountHistory, rule: str, first: str, last: str, *, before: int
    ) -> str | None:
        """Return the last day of the doubtful charges for any of some days, but those undone."""
        found = None
        for name, begins, ends, charge in history.doubtful:
            is_of_it = name == rule and begins <= last and ends >= first
            if is_of_it and ends > (found or "") and self.is_left(charge, before=before):
                found = ends
        return found

    def is_left(self, charge: int, *, before: int) -> bool:
        """Return whether anything of a charge was not moved back before a record."""
        rows = [
            *self._reader.records(after=charge - 1, limit=1),
            *(
                row
                for row in self._reader.referring(charge)
                if row.sequence < before and row.kind == "reverse"
            ),
        ]
        sums = [
            sum(seconds for _, seconds in parse(row.body)["effects"]["postings"] if seconds > 0)
            for row in rows
        ]
        return bool(sums[0] - sum(sums[1:]))

    def _charge(self, sequence: int, request: dict[str, Any]) -> None:
        history, rule = self.get(request["account"]), request["rule"]
        if history is None:
            return
        if rule == "welcome":
            history.welcomes.append(sequence)
        elif "period" not in request:
            history.once.setdefault(rule, []).append(sequence)
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
                yield said("a_delegate_who_was_named"), shown(delegate)
            return
        until, today = record.effects["until"], self._day(record)
        if until is not None and until < today:
            yield said("until_or_later", today=today), shown(until)
        if delegate == account or history.changes[-1][1] == "closed":
            yield said("somebody_else_s_delegate"), shown(delegate)
        if history.delegates.get(delegate, "") == until:
            yield said("a_delegate_who_was_not_named_so_already"), shown(delegate)
