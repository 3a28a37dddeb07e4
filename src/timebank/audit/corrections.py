"""Corrections compared with what was asked: amendments, closed books, accounts that are merged.

What an amendment found is read from the records that it goes back to, so that no state is kept.
"""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from datetime import date, timedelta
from typing import Any, Final

from timebank.audit.accounts import AccountHistories
from timebank.audit.base import AuditContext, AuditedRecord, Difference
from timebank.audit.findings import quantity
from timebank.errors import shown
from timebank.journal import parse
from timebank.journal.fold import Fold
from timebank.model import AccountRow, RecordRow

_Object = dict[str, Any]

#: What describes an exchange, as a request has it.
_DESCRIBES: Final = ("area", "category", "from", "note", "resource", "tags", "to")
#: Kinds of account that one may turn out to be instead of another, and those that are no fund.
_AMENDABLE: Final = frozenset({"member", "group", "organisation"})
_NO_FUND: Final = frozenset({"member", "group"})
#: How long after the day of record a member may join.
_MOST_AHEAD: Final = timedelta(days=366)


# -- amendments of exchanges ---------------------------------------------------------------


def amend_differences(context: AuditContext, record: AuditedRecord) -> Iterator[Difference]:
    """Yield where a record amends something else than was asked, or what may not be amended."""
    request, effects = record.request, record.effects
    amends, operation = effects["amends"], request["operation"]
    original = _record(context, amends, before=record.sequence)
    later = _referring(context, amends, before=record.sequence) if original else []
    settled = next((parse(row.body) for row in later if row.kind == "settle"), None)
    known = [original] if original.get("kind") in {"transfer", "hold"} else []
    known += [settled] if known and settled else []
    if operation not in [one["request"]["id"] for one in known]:
        yield f"the transfer or hold of {shown(operation)} amended", f"record {amends}"
        return
    yield from _set(record, original, later)
    closed = context.fold.closed_through
    moved = original if original["kind"] == "transfer" else settled
    if closed is not None and moved is not None:
        if settled is not None:
            later = _referring(context, settled["sequence"], before=record.sequence)
        for one in (moved, *(parse(row.body) for row in later if row.kind == "reverse")):
            if (day := one["effects"]["occurred_on"]) <= closed:
                yield f"an exchange after {closed}, through which books are closed", day


def _set(record: AuditedRecord, original: _Object, later: list[RecordRow]) -> Iterator[Difference]:
    """Yield where an amendment sets other values than were asked, or found others."""
    request, effects = record.request, record.effects
    asked = {name: request[name] for name in _DESCRIBES if name in request}
    asked |= dict.fromkeys(request.get("takes_away", ()))
    if "note" in request:
        asked["note"] = record.sequence
    was = _described(asked.keys(), original, later)
    for what, expected in (("sets", asked), ("was", was)):
        if effects[what] != expected:
            yield f"{what} {shown(expected)}", shown(effects[what])
    if asked and asked == was:
        yield "a field that becomes another", shown(asked)


def _described(names: AbstractSet[str], original: _Object, later: list[RecordRow]) -> _Object:
    """Return some of what an exchange is for, as it was last amended: the newest is read first."""
    found: _Object = {}
    for row in reversed(later):
        if found.keys() >= names:
            break
        if row.kind == "amend":
            found = parse(row.body)["effects"]["sets"] | found
    request = original["request"]
    first = {**request, "note": original["sequence"] if "note" in request else None}
    return {name: found[name] if name in found else first.get(name) for name in names}


def _record(context: AuditContext, sequence: int, *, before: int) -> _Object:
    """Return an earlier record; one without fields where there is none."""
    if not 0 < sequence < before:
        return {}
    rows = context.reader.records(after=sequence - 1, limit=1)
    return parse(rows[0].body) if rows and rows[0].sequence == sequence else {}


def _referring(context: AuditContext, sequence: int, *, before: int) -> list[RecordRow]:
    """Return the records before one that refer to another, in order."""
    return [row for row in context.reader.referring(sequence) if row.sequence < before]


def is_amendment_of(context: AuditContext, sequence: int, original: int, *, before: int) -> bool:
    """Return whether an earlier record is an amendment of a record."""
    found = _record(context, sequence, before=before)
    return found.get("kind") == "amend" and found["effects"]["amends"] == original


# -- amendments of accounts ----------------------------------------------------------------


def amend_account_differences(context: AuditContext, record: AuditedRecord) -> Iterator[Difference]:
    """Yield where a record amends an account in another way than was asked, or than it may."""
    request, effects = record.request, record.effects
    account = effects["account"]
    if account != request["account"]:
        yield f"account {shown(request['account'])}", shown(account)
    row = context.fold.accounts.get(account)
    if row is None or row.merged_into is not None:
        yield "an account that was opened, and not merged", shown(account)
        return
    asked = {name: request[name] for name in ("joined_on", "kind") if name in request}
    asked |= dict.fromkeys(request.get("takes_away", ()))
    was = {name: getattr(row, name) for name in asked}
    for what, expected in (("sets", asked), ("was", was)):
        if effects[what] != expected:
            yield f"{what} {shown(expected)}", shown(effects[what])
    if asked and asked == was:
        yield "a field that becomes another", shown(asked)
    if "kind" in asked:
        yield from _another_kind(context, row, asked["kind"])
    joined, on = asked.get("joined_on"), record.content["recorded_on"]
    if joined is not None and date.fromisoformat(joined) - date.fromisoformat(on) > _MOST_AHEAD:
        yield f"joined_on at most {_MOST_AHEAD.days} days after {on}", joined


def _another_kind(context: AuditContext, row: AccountRow, kind: str) -> Iterator[Difference]:
    if not {kind, row.kind} <= _AMENDABLE:
        yield f"kinds of {', '.join(sorted(_AMENDABLE))}", f"{row.kind} and {kind}"
    elif kind in _NO_FUND and row.account in context.statutes.current.funds:
        yield "no fund of the statute that becomes a member or group", shown(row.account)


# -- closed books --------------------------------------------------------------------------


def close_differences(context: AuditContext, record: AuditedRecord) -> Iterator[Difference]:
    """Yield where books are closed through another day than was asked, or than they may be."""
    asked, found = record.request.get("through"), record.effects["through"]
    if found != asked:
        yield f"books closed through {shown(asked)}", shown(found)
    if found == context.fold.closed_through:
        yield "books closed through another day than before", shown(found)
    if asked is not None and asked >= record.content["recorded_on"]:
        yield f"books closed through a day before {record.content['recorded_on']}", asked


def closed_day_differences(fold: Fold, record: AuditedRecord) -> Iterator[Difference]:
    """Yield where a restart of the clock leaves books closed through its own day, or later."""
    closed, on = fold.closed_through, record.content["recorded_on"]
    expected = None
    if closed is not None and closed >= on:
        expected = (date.fromisoformat(on) - timedelta(days=1)).isoformat()
    if record.effects.get("through") != expected:
        yield f"through {shown(expected)}", shown(record.effects.get("through"))


# -- accounts that are merged --------------------------------------------------------------


def merge_differences(
    context: AuditContext, histories: AccountHistories, record: AuditedRecord
) -> Iterator[Difference]:
    """Yield where an account is merged into another, and may not be, or not so."""
    request, effects = record.request, record.effects
    account, into = effects["account"], effects["into"]
    if (account, into) != (request["account"], request["into"]):
        expected = f"{shown(request['account'])} merged into {shown(request['into'])}"
        yield expected, f"{shown(account)} into {shown(into)}"
    accounts = context.fold.accounts
    row, other = accounts.get(account), accounts.get(into)
    if row is None or other is None or account == into:
        yield "two accounts that were opened", f"{shown(account)} and {shown(into)}"
        return
    record.merging = (row, other)
    yield from _who_merges(context, row, other)
    if effects["of"] != other.opened:
        yield f"the opening of {shown(into)}, record {other.opened}", shown(effects["of"])
    if effects["occurred_on"] != record.content["recorded_on"]:
        yield f"occurred_on {record.content['recorded_on']}", shown(effects["occurred_on"])
    _, balance = context.fold.balances[account]
    postings = [[into, balance], [account, -balance]] if balance else []
    if effects["postings"] != (postings if balance > 0 else postings[::-1]):
        yield f"{quantity(balance)} moved to {shown(into)}", shown(effects["postings"])
    if (others := histories.get(into)) is not None:
        given = row.joined_on is not None and row.joined_on < others.joined
        expected_day = row.joined_on if given else None
        if effects.get("joined_on") != expected_day:
            yield f"joined_on {shown(expected_day)}", shown(effects.get("joined_on"))
    for flag in effects.get("flags", ()):
        if flag["rule"] not in {"floor", "ceiling"}:
            yield "flags of limits only", shown(flag)


def _who_merges(context: AuditContext, row: AccountRow, other: AccountRow) -> Iterator[Difference]:
    if row.kind != other.kind or row.kind == "clearing":
        yield "two accounts of one kind, and not of clearing", f"a {row.kind} and a {other.kind}"
    named = {fund for statute in context.statutes.all_adopted() for fund in statute.funds}
    if funds := {row.account, other.account} & named:
        yield "no fund of any statute so far", ", ".join(map(shown, sorted(funds)))
    if other.status != "open":
        yield f"{shown(other.account)} that is open", f"it was {other.status}"
    if row.merged_into is not None:
        yield f"{shown(row.account)}, which was not merged", f"into {shown(row.merged_into)}"


def heir(fold: Fold, account: str) -> str:
    """Return the account that one was merged into, or the one that stands for that by now.

    >>> from timebank.audit.corrections import heir
    >>> from timebank.journal.fold import Fold
    >>> heir(Fold(), "m1")
    'm1'
    """
    seen = set[str]()
    while account not in seen:  # records that are not as they should be may lead around
        seen.add(account)
        row = fold.accounts.get(account)
        if row is None or row.merged_into is None:
            break
        account = row.merged_into
    return account
