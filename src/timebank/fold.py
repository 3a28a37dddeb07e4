"""The fold: records → derived rows. Pure, and it knows no rule.

It executes what a record's effects say and nothing else: no limit, no fee, no
apportionment. It shares no arithmetic with `decide`, so that each checks the other:
the state that `decide` reads is what the fold made of earlier records.

>>> from timebank.fold import Fold
>>> fold = Fold()
>>> sets = {"kind": "member", "status": "open", "joined_on": None,
...         "floor": "inherit", "ceiling": "inherit", "named": False}
>>> for sequence, id in enumerate(["m1", "f1"], start=1):
...     _ = fold.apply(sequence, "open_account", {"account": id, "sets": sets})
>>> derived = fold.apply(3, "transfer", {"occurred_on": "2026-03-02",
...                      "postings": [["m1", 5400], ["f1", -5400]], "statute": "default/1"})
>>> [(row.account, row.version, row.balance) for row in derived.postings]
[('m1', 1, 5400), ('f1', 1, -5400)]
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any, Final

import attrs

from timebank.errors import Corrupt, shown
from timebank.model import ACCOUNT_KINDS, MAX_INTEGER, AccountRow, PostingRow

_SETTABLE: Final = frozenset({"kind", "status", "joined_on", "floor", "ceiling", "named"})


@attrs.frozen
class Derived:
    """What one record adds: the account it changed, if any, and its postings."""

    account: AccountRow | None
    postings: list[PostingRow]


@attrs.define
class Fold:
    """Where the accounts stand after the records applied so far.

    `accounts` holds the rows seen, `None` for an id known to be free; `balances` the
    last `(version, seconds)` of each account.
    """

    accounts: dict[str, AccountRow | None] = attrs.field(factory=dict)
    balances: dict[str, tuple[int, int]] = attrs.field(factory=dict)

    def apply(self, sequence: int, kind: str, effects: dict[str, Any]) -> Derived:
        """Execute the effects of the record `sequence`.

        :raises Corrupt: an unknown kind, or effects that cannot be executed; the fold
            is then as it was.
        """
        step = _STEPS.get(kind)
        if step is None:
            msg = f"record {sequence} is of unknown kind {shown(kind)}"
            raise Corrupt(msg)
        try:
            return step(self, sequence, effects)
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            msg = f"the effects of record {sequence} cannot be executed: {error!r}"
            raise Corrupt(msg) from error


def imbalance(effects: dict[str, Any]) -> int:
    """What the postings of a record's effects sum to, in seconds: zero, or it is wrong."""
    total = 0
    for _, seconds in effects.get("postings", ()):
        total += seconds
    return total


def _set_account(fold: Fold, sequence: int, effects: dict[str, Any]) -> Derived:
    id, sets = effects["account"], dict(effects["sets"])
    if "named" in sets:
        sets["named"] = sequence if _is(bool, sets["named"]) else None
    before = fold.accounts.get(id)
    if ("kind" in sets) != (before is None) or sets.keys() - _SETTABLE:
        msg = f"account {shown(id)} is opened once, before anything else"
        raise ValueError(msg)
    if before is None:
        row = AccountRow(account=_is(str, id), opened=sequence, **sets)
    else:
        row = before._replace(**sets)
    if row.kind not in ACCOUNT_KINDS or row.status not in {"open", "frozen", "closed"}:
        msg = f"kind {shown(row.kind)} or status {shown(row.status)}"
        raise ValueError(msg)
    for limit in (row.floor, row.ceiling):
        if limit not in {None, "inherit"}:
            _is(int, limit)
    if row.joined_on is not None:
        date.fromisoformat(row.joined_on)
    fold.accounts[id] = row
    fold.balances.setdefault(id, (0, 0))
    return Derived(row, [])


def _post(fold: Fold, sequence: int, effects: dict[str, Any]) -> Derived:
    day = effects["occurred_on"]
    if date.fromisoformat(day).isoformat() != day:
        msg = f"day {shown(day)}"
        raise ValueError(msg)
    after: dict[str, tuple[int, int]] = {}
    rows = []
    for id, seconds in effects["postings"]:
        version, balance = after.get(id) or fold.balances[id]
        version += 1
        balance += _is(int, seconds)
        if not seconds or abs(balance) > MAX_INTEGER:
            msg = f"posting of {seconds} seconds, balance of {balance}"
            raise ValueError(msg)
        after[id] = (version, balance)
        rows.append(PostingRow(id, version, sequence, seconds, balance, day))
    fold.balances.update(after)
    return Derived(None, rows)


def _nothing(fold: Fold, sequence: int, effects: dict[str, Any]) -> Derived:
    """An erasure changes texts, which are not derived."""
    return Derived(None, [])


def _is(expected: type, value: Any) -> Any:
    if type(value) is not expected:
        msg = f"{shown(value)} is no {expected.__name__}"
        raise TypeError(msg)
    return value


_STEPS: Final[dict[str, Callable[[Fold, int, dict[str, Any]], Derived]]] = {
    "open_account": _set_account,
    "set_limits": _set_account,
    "rename": _set_account,
    "freeze": _set_account,
    "thaw": _set_account,
    "close_account": _set_account,
    "reopen": _set_account,
    "transfer": _post,
    "reverse": _post,
    "erase": _nothing,
}
