"""The fold: records → derived rows. Pure, and it knows no rule.

It executes what a record's effects say and nothing else: no limit, no fee, no
apportionment. It shares no arithmetic with `decide`, so that each checks the other:
the state that `decide` reads is what the fold made of earlier records.

>>> from timebank.journal.fold import Fold
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

from collections.abc import Callable, Iterable, Mapping, MutableMapping, Sequence
from datetime import date
from functools import lru_cache
from operator import itemgetter
from types import MappingProxyType
from typing import Any, Final, NamedTuple

import attrs

from timebank.errors import Corrupt, shown
from timebank.model import (
    ACCOUNT_KINDS,
    MAX_INTEGER,
    NEVER,
    AccountRow,
    HoldRow,
    PostingRow,
    StatuteRow,
)
from timebank.model.rows import posting_of

_SETTABLE: Final = frozenset({"kind", "status", "joined_on", "floor", "ceiling", "named"})
_AMENDABLE: Final = frozenset({"kind", "joined_on"})


#: Where the accounts stand of a record that moves nothing.
NOWHERE: Final[Mapping[str, tuple[int, int]]] = MappingProxyType({})


class Derived(NamedTuple):
    """The rows that one record adds: the account it changed, if any, its postings, and so on.

    `stands` is where the accounts of its postings stand then, as `Fold.balances` has it.
    `other` is a second account that it changed: the one that another was merged into.
    `holds` are the rows of a hold that it opens, `resolved` those of one that it ends;
    `statute` says that one is in force from it on; `erased` are the records and fields whose texts
    went; `ended` are the sequences of the holds that a restart of the clock ends. Most records
    have postings and nothing else: `only_moves` says so.
    """

    account: AccountRow | None = None
    postings: Sequence[PostingRow] = ()
    holds: Sequence[HoldRow] = ()
    resolved: Sequence[HoldRow] = ()
    statute: StatuteRow | None = None
    erased: Sequence[tuple[int, str]] = ()
    ended: Sequence[int] = ()
    other: AccountRow | None = None
    stands: Mapping[str, tuple[int, int]] = NOWHERE
    only_moves: bool = False


@attrs.define
class Fold:
    """The state of the accounts after the records that were applied so far.

    `accounts` holds the rows seen, `None` for an id known to be free; `balances` the
    last `(version, seconds)` of each account; `holds` the rows of open holds, by account
    and by the hold's sequence; `lines` the accounts of each open hold; `closed_through` the last
    day of closed books.
    """

    accounts: MutableMapping[str, AccountRow | None] = attrs.field(factory=dict)
    balances: MutableMapping[str, tuple[int, int]] = attrs.field(factory=dict)
    holds: MutableMapping[str, dict[int, HoldRow]] = attrs.field(factory=dict)
    lines: MutableMapping[int, list[str]] = attrs.field(factory=dict)
    closed_through: str | None = None

    def keep(self, row: HoldRow) -> None:
        """Add a row of an open hold, of this record or read from a store; once for each row."""
        self.holds.setdefault(row.account, {})[row.sequence] = row
        self.lines.setdefault(row.sequence, []).append(row.account)

    def forget_expired(self, accounts: Iterable[str], now: int) -> None:
        """Let go of the rows of accounts' holds that have expired, for good.

        `now` is the instant of a record: no later one lies before it, so that they count for
        nothing any more, and nobody can resolve them.
        """
        for account in accounts:
            rows = self.holds.get(account)
            for row in [row for row in rows.values() if row.expires_at <= now] if rows else ():
                del rows[row.sequence]  # type: ignore[union-attr]  # there are rows
                self.lines[row.sequence].remove(account)
                if not self.lines[row.sequence]:
                    del self.lines[row.sequence]

    def apply(self, sequence: int, kind: str, effects: Mapping[str, Any]) -> Derived:
        """Execute the effects of the record `sequence`: `derive` its rows, and `take` them over.

        :raises Corrupt: as `derive`; the fold is then as it was.
        """
        derived = self.derive(sequence, kind, effects)
        self.take(derived)
        return derived

    def derive(self, sequence: int, kind: str, effects: Mapping[str, Any]) -> Derived:
        """Return the rows that the effects of the record `sequence` come to; change nothing.

        :raises Corrupt: an unknown kind, or effects that cannot be executed.
        """
        step = _STEPS.get(kind)
        if step is None:
            msg = f"record {sequence} is of unknown kind {shown(kind)}"
            raise Corrupt(msg)
        try:
            return step(self, sequence, effects)
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            msg = f"the effects of record {sequence} cannot be executed: {_why(error)}"
            raise Corrupt(msg) from error

    def take(self, derived: Derived) -> None:
        """Stand where the accounts stand after the rows of one record."""
        self.balances.update(derived.stands)
        if derived.only_moves:
            return
        if (row := derived.account) is not None:
            self.accounts[row.account] = row
            self.balances.setdefault(row.account, (0, 0))
        if (row := derived.other) is not None:
            self.accounts[row.account] = row
        if derived.statute is not None:
            self.closed_through = derived.statute.closed_through
        for hold in derived.holds:
            self.keep(hold)
        if derived.resolved:
            del self.lines[derived.resolved[0].sequence]
            for hold in derived.resolved:
                del self.holds[hold.account][hold.sequence]
        for sequence in derived.ended:
            for account in self.lines.pop(sequence, ()):
                del self.holds[account][sequence]


#: Returns the seconds of a line.
_seconds: Final = itemgetter(1)


def imbalance(effects: Mapping[str, Any]) -> int:
    """Return the sum of the postings of a record's effects, in seconds: zero, or it is wrong."""
    return sum(map(_seconds, effects.get("postings", ())))


def _set_account(fold: Fold, sequence: int, effects: Mapping[str, Any]) -> Derived:
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
    return Derived(_valid(row))


def _valid(row: AccountRow) -> AccountRow:
    """Return the row of an account whose values can be."""
    if row.kind not in ACCOUNT_KINDS or row.status not in {"open", "frozen", "closed", "agreed"}:
        msg = f"kind {shown(row.kind)} or status {shown(row.status)}"
        raise ValueError(msg)
    for limit in (row.floor, row.ceiling):
        if limit not in {None, "inherit"}:
            _is(int, limit)
    if row.joined_on is not None:
        date.fromisoformat(row.joined_on)
    return row


def _post(fold: Fold, sequence: int, effects: Mapping[str, Any]) -> Derived:
    """Count on from where each account stands, or, on its second line, from the line before."""
    day, balances = _day(effects["occurred_on"]), fold.balances
    stands: dict[str, tuple[int, int]] = {}
    rows = []
    for id, seconds in effects["postings"]:
        if type(seconds) is not int:
            _is(int, seconds)
        version, balance = stands.get(id) or balances[id]
        version += 1
        balance += seconds
        if not seconds or abs(balance) > MAX_INTEGER:
            msg = f"posting of {seconds} seconds, balance of {balance}"
            raise ValueError(msg)
        stands[id] = (version, balance)
        rows.append(posting_of((id, version, sequence, seconds, balance, day)))
    return Derived(postings=rows, stands=stands, only_moves=True)


@lru_cache(maxsize=400)
def _day(text: str) -> str:
    """Check that a text is a day in ISO 8601; cached, for many records have the same day."""
    if date.fromisoformat(text).isoformat() != text:
        msg = f"day {shown(text)}"
        raise ValueError(msg)
    return text


def _hold(fold: Fold, sequence: int, effects: Mapping[str, Any]) -> Derived:
    expires_at = _is(int, effects.get("expires_at", NEVER))
    rows = []
    for id, held, incoming in effects["reserves"]:
        if fold.accounts[id] is None or min(_is(int, held), _is(int, incoming)) < 0:
            msg = f"a reserve of {held} and {incoming} seconds on account {shown(id)}"
            raise ValueError(msg)
        rows.append(HoldRow(id, expires_at, sequence, held, incoming))
    if not rows or len({row.account for row in rows}) < len(rows):
        msg = "a hold reserves once on each of its accounts"
        raise ValueError(msg)
    return Derived(holds=rows)


def _settle(fold: Fold, sequence: int, effects: Mapping[str, Any]) -> Derived:
    accounts = fold.lines[effects["resolves"]]
    derived = _post(fold, sequence, effects)
    released = _released(fold, effects["resolves"], accounts)
    return derived._replace(resolved=released, only_moves=False)


def _void(fold: Fold, sequence: int, effects: Mapping[str, Any]) -> Derived:
    accounts = fold.lines[effects["resolves"]]
    return Derived(resolved=_released(fold, effects["resolves"], accounts))


def _released(fold: Fold, hold: int, accounts: list[str]) -> list[HoldRow]:
    return [fold.holds[account][hold] for account in accounts]


def _adopt(fold: Fold, sequence: int, effects: Mapping[str, Any]) -> Derived:
    version = _is(str, effects["adopts"])
    return Derived(statute=StatuteRow(sequence, version, fold.closed_through))


def _delegate(fold: Fold, sequence: int, effects: Mapping[str, Any]) -> Derived:
    """Add no row: delegates are found by the records that refer to the account's opening."""
    row = fold.accounts[_is(str, effects["account"])]
    if row is None or row.opened != effects["of"]:
        msg = f"record {shown(effects['of'])} does not open account {shown(effects['account'])}"
        raise ValueError(msg)
    return Derived()


def _erase(fold: Fold, sequence: int, effects: Mapping[str, Any]) -> Derived:
    """Texts are not derived, but who reads the record of an erasure erases too."""
    places = [(_is(int, record), _is(str, field)) for record, field in effects["texts"]]
    if not all(0 < record < sequence for record, _ in places):
        msg = "an erasure is of earlier records"
        raise ValueError(msg)
    return Derived(erased=places)


def _restart(fold: Fold, sequence: int, effects: Mapping[str, Any]) -> Derived:
    """Date the statute anew; the rows of the holds that it ends go, whoever has them."""
    ends = [_is(int, hold) for hold in effects.get("ends", ())]
    if not all(0 < hold < sequence for hold in ends):
        msg = "a restart of the clock ends earlier holds"
        raise ValueError(msg)
    through = _day(effects["through"]) if "through" in effects else fold.closed_through
    row = StatuteRow(sequence, _is(str, effects["statute"]), through)
    return Derived(statute=row, ended=ends)


def _close_books(fold: Fold, sequence: int, effects: Mapping[str, Any]) -> Derived:
    through = effects["through"]
    day = None if through is None else _day(through)
    return Derived(statute=StatuteRow(sequence, _is(str, effects["statute"]), day))


def _amend(fold: Fold, sequence: int, effects: Mapping[str, Any]) -> Derived:
    """Add no row: amendments are found by the records that refer to what they amend."""
    if not 0 < _is(int, effects["amends"]) < sequence:
        msg = "what is amended is an earlier record"
        raise ValueError(msg)
    return Derived()


def _amend_account(fold: Fold, sequence: int, effects: Mapping[str, Any]) -> Derived:
    id, sets = effects["account"], dict(effects["sets"])
    before = fold.accounts.get(id)
    if before is None or sets.keys() - _AMENDABLE:
        msg = f"account {shown(id)} is opened before it is amended"
        raise ValueError(msg)
    return Derived(_valid(before._replace(**sets)))


def _merge(fold: Fold, sequence: int, effects: Mapping[str, Any]) -> Derived:
    id, into = effects["account"], effects["into"]
    row, other = fold.accounts.get(id), fold.accounts.get(into)
    if row is None or other is None or row.merged_into is not None or id == into:
        msg = f"account {shown(id)} becomes another account, once"
        raise ValueError(msg)
    derived = _post(fold, sequence, effects)
    if "joined_on" in effects:
        derived = derived._replace(other=_valid(other._replace(joined_on=effects["joined_on"])))
    merged = row._replace(status="closed", merged_into=into)
    return derived._replace(account=merged, only_moves=False)


def _history_lost(fold: Fold, sequence: int, effects: Mapping[str, Any]) -> Derived:
    """Add no row: what was lost is in no journal, and nothing follows from it."""
    lost, digest = effects["lost"]
    if _is(int, lost) < 1 or not _is(str, digest):
        msg = "what was lost is a record and its digest"
        raise ValueError(msg)
    return Derived()


def _agree(fold: Fold, sequence: int, effects: Mapping[str, Any]) -> Derived:
    """Set what an agreement sets of its clearing account, which was opened before."""
    _on_an_account(fold, sequence, effects)
    derived = _set_account(fold, sequence, effects)
    if derived.account is None or derived.account.kind != "clearing":
        msg = f"account {shown(effects['account'])} is no clearing account"
        raise ValueError(msg)
    return derived


def _on_an_account(fold: Fold, sequence: int, effects: Mapping[str, Any]) -> Derived:
    """Add no row: agreements, and booklets of cheques, refer to the opening of their account."""
    return _delegate(fold, sequence, effects)


def _refuse(fold: Fold, sequence: int, effects: Mapping[str, Any]) -> Derived:
    """Add no row: a refusal uses up an id, and moves nothing."""
    return Derived()


def _void_cheque(fold: Fold, sequence: int, effects: Mapping[str, Any]) -> Derived:
    """Add no row: voided cheques are found by the records that refer to their booklet."""
    if not 0 < _is(int, effects["of"]) < sequence:
        msg = "a voided cheque is of a booklet that was issued before"
        raise ValueError(msg)
    return Derived()


def _is(expected: type, value: Any) -> Any:
    if type(value) is not expected:
        msg = f"{shown(value)} is no {expected.__name__}"
        raise TypeError(msg)
    return value


_STEPS: Final[dict[str, Callable[[Fold, int, Mapping[str, Any]], Derived]]] = {
    "open_account": _set_account,
    "set_limits": _set_account,
    "rename": _set_account,
    "freeze": _set_account,
    "thaw": _set_account,
    "close_account": _set_account,
    "reopen": _set_account,
    "transfer": _post,
    "reverse": _post,
    "hold": _hold,
    "settle": _settle,
    "void": _void,
    "adopt": _adopt,
    "due": _post,
    "name_delegate": _delegate,
    "end_delegate": _delegate,
    "erase": _erase,
    "restart_clock": _restart,
    "amend": _amend,
    "amend_account": _amend_account,
    "close_books": _close_books,
    "merge": _merge,
    "history_lost": _history_lost,
    "agree": _agree,
    "suspend_agreement": _on_an_account,
    "end_agreement": _agree,
    "readmit": _on_an_account,
    "refuse": _refuse,
    "issue_cheques": _on_an_account,
    "void_cheque": _void_cheque,
}


def _why(error: Exception) -> str:
    """Say in words why effects cannot be executed, and quote no Python."""
    if isinstance(error, KeyError):
        return f"{shown(error.args[0])} is not there"
    if type(error) is ValueError and "unpack" not in str(error):
        return str(error)
    return "a value is of another type"
