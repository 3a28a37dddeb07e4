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
from timebank.model.said import said, who

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
        yield (
            said("the_transfer_or_hold_of_amended", operation=shown(operation)),
            said("record", sequence=amends),
        )
        return
    yield from _set(record, original, later)
    closed = context.fold.closed_through
    moved = original if original["kind"] == "transfer" else settled
    if closed is not None and moved is not None:
        if settled is not None:
            later = _referring(context, settled["sequence"], before=record.sequence)
        for one in (moved, *(parse(row.body) for row in later if row.kind == "reverse")):
            if (day := one["effects"]["occurred_on"]) <= closed:
                yield said("exchange_after_closed_books", closed=closed), day


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
        yield said("a_field_that_becomes_another"), shown(asked)


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
        yield said("account", account=who(request["account"])), shown(account)
    row = context.fold.accounts.get(account)
    if row is None or row.merged_into is not None:
        yield said("an_account_that_was_opened_and_not_merged"), shown(account)
        return
    asked = {name: request[name] for name in ("joined_on", "kind") if name in request}
    asked |= dict.fromkeys(request.get("takes_away", ()))
    was = {name: getattr(row, name) for name in asked}
    for what, expected in (("sets", asked), ("was", was)):
        if effects[what] != expected:
            yield f"{what} {shown(expected)}", shown(effects[what])
    if asked and asked == was:
        yield said("a_field_that_becomes_another"), shown(asked)
    if "kind" in asked:
        yield from _another_kind(context, row, asked["kind"])
    joined, on = asked.get("joined_on"), record.content["recorded_on"]
    if joined is not None and date.fromisoformat(joined) - date.fromisoformat(on) > _MOST_AHEAD:
        yield said("joined_on_at_most_days_after", days=_MOST_AHEAD.days, on=on), joined


def _another_kind(context: AuditContext, row: AccountRow, kind: str) -> Iterator[Difference]:
    if not {kind, row.kind} <= _AMENDABLE:
        yield (
            said("kinds_of", kinds=", ".join(sorted(_AMENDABLE))),
            said("one_and_another", one=row.kind, other=kind),
        )
    elif kind in _NO_FUND and row.account in context.statutes.current.funds:
        yield said("no_fund_that_becomes_a_member"), shown(row.account)


# -- closed books --------------------------------------------------------------------------


def close_differences(context: AuditContext, record: AuditedRecord) -> Iterator[Difference]:
    """Yield where books are closed through another day than was asked, or than they may be."""
    asked, found = record.request.get("through"), record.effects["through"]
    if found != asked:
        yield said("books_closed_through", day=shown(asked)), shown(found)
    if found == context.fold.closed_through:
        yield said("books_closed_through_another_day_than_before"), shown(found)
    if asked is not None and asked >= record.content["recorded_on"]:
        yield (
            said("books_closed_through_a_day_before", day=record.content["recorded_on"]),
            asked,
        )


def closed_day_differences(fold: Fold, record: AuditedRecord) -> Iterator[Difference]:
    """Yield where a restart of the clock leaves books closed through its own day, or later."""
    closed, on = fold.closed_through, record.content["recorded_on"]
    expected = None
    if closed is not None and closed >= on:
        expected = (date.fromisoformat(on) - timedelta(days=1)).isoformat()
    if record.effects.get("through") != expected:
        yield said("through", day=shown(expected)), shown(record.effects.get("through"))


# -- accounts that are merged --------------------------------------------------------------


def merge_differences(
    context: AuditContext, histories: AccountHistories, record: AuditedRecord
) -> Iterator[Difference]:
    """Yield where an account is merged into another, and may not be, or not so."""
    request, effects = record.request, record.effects
    account, into = effects["account"], effects["into"]
    if (account, into) != (request["account"], request["into"]):
        expected = said(
            "account_merged_into", account=who(request["account"]), into=who(request["into"])
        )
        yield expected, said("account_into", account=who(account), into=who(into))
    accounts = context.fold.accounts
    row, other = accounts.get(account), accounts.get(into)
    if row is None or other is None or account == into:
        yield (
            said("two_accounts_that_were_opened"),
            said("one_and_another", one=shown(account), other=shown(into)),
        )
        return
    record.merging = (row, other)
    yield from _who_merges(context, row, other)
    if effects["of"] != other.opened:
        yield (
            said("the_opening_of_record", into=who(into), opened=other.opened),
            shown(effects["of"]),
        )
    if effects["occurred_on"] != record.content["recorded_on"]:
        yield (
            said("occurred_on", day=record.content["recorded_on"]),
            shown(effects["occurred_on"]),
        )
    _, balance = context.fold.balances[account]
    postings = [[into, balance], [account, -balance]] if balance else []
    if effects["postings"] != (postings if balance > 0 else postings[::-1]):
        yield (
            said("moved_to", balance=quantity(balance), into=who(into)),
            shown(effects["postings"]),
        )
    if (others := histories.get(into)) is not None:
        given = row.joined_on is not None and row.joined_on < others.joined
        expected_day = row.joined_on if given else None
        if effects.get("joined_on") != expected_day:
            yield (
                said("joined_on", day=shown(expected_day)),
                shown(effects.get("joined_on")),
            )
    for flag in effects.get("flags", ()):
        if flag["rule"] not in {"floor", "ceiling"}:
            yield said("flags_of_limits_only"), shown(flag)


def _who_merges(context: AuditContext, row: AccountRow, other: AccountRow) -> Iterator[Difference]:
    if row.kind != other.kind or row.kind == "clearing":
        yield (
            said("two_accounts_of_one_kind_and_not_of_clearing"),
            said("a_and_a", one=row.kind, other=other.kind),
        )
    named = {fund for statute in context.statutes.all_adopted() for fund in statute.funds}
    if funds := {row.account, other.account} & named:
        yield said("no_fund_of_any_statute_so_far"), ", ".join(map(shown, sorted(funds)))
    if other.status != "open":
        yield (
            said("that_is_open", account=who(other.account)),
            said("it_was", status=other.status),
        )
    if row.merged_into is not None:
        yield (
            said("which_was_not_merged", account=who(row.account)),
            said("merged_into_account", merged_into=who(row.merged_into)),
        )


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
