"""Show corrections as text: what was amended, which books are closed, what a merge moves."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, time
from typing import Any, Final

import attrs

from timebank.model import Account, Balance, Closing, Hold, Transfer
from timebank.model.members import Delegate
from timebank.queries.statements import Statement, StatementLine
from timebank.reports.text import counted, harmless, period_text, status_text, titled

#: The names of fields as people know them, where they are not those of the library.
_NAMES: Final = {"started_at": "from", "ended_at": "to", "joined_on": "joined"}


# -- what is amended -----------------------------------------------------------------


def changes_text(changes: Mapping[str, tuple[Any, Any]]) -> list[str]:
    """Return a phrase for each field that was amended: what it is, and what it was.

    >>> from datetime import time
    >>> from timebank.reports.corrections import changes_text
    >>> changes_text({"category": ("shoping", "shopping"), "started_at": (None, time(9, 30))})
    ['category: shopping (was shoping)', 'from: 09:30 (was none)']
    """
    return [
        harmless(f"{_NAMES.get(field, field)}: {_change(field, was, now)}")
        for field, (was, now) in changes.items()
    ]


def _change(field: str, was: object, now: object) -> str:
    if field == "note" and was is None and now is None:
        return "changed, its texts are erased"
    return f"{_value(now)} (was {_value(was)})"


def _value(value: object) -> str:
    if isinstance(value, tuple):
        return ", ".join(map(str, value)) or "none"
    if isinstance(value, time):
        return value.isoformat("minutes")
    if isinstance(value, date):
        return value.isoformat()
    return "none" if value is None else str(value)


def amendment_text(made: Transfer | Hold, *, after: int, dry_run: bool = False) -> list[str]:
    """Return what an exchange says now; `after` is the last record of before the amendment.

    >>> import timebank
    >>> from timebank.reports.corrections import amendment_text
    >>> bank = timebank.open("memory:")
    >>> _ = bank.open_account("m1"), bank.open_account("f1")
    >>> _ = bank.transfer(earner="m1", spender="f1", hours=1, id="t1", category="shoping")
    >>> for line in amendment_text(bank.amend("t1", category="shopping", reason="slip"), after=3):
    ...     print(line)
    t1 is amended, by record 4:
      category: shopping (was shoping)
    """
    if not made.amendments or made.amendments[-1].sequence <= after:
        return [harmless(f"{made.id} says so already: nothing is to be amended.")]
    last = made.amendments[-1]
    is_amended = "would be amended" if dry_run else "is amended"
    return [
        harmless(f"{made.id} {is_amended}, by record {last.sequence}:"),
        *(f"  {phrase}" for phrase in changes_text(last.changes)),
    ]


def account_amendment_text(was: Account, now: Account, *, dry_run: bool = False) -> list[str]:
    """Return what of an account is amended.

    >>> import attrs
    >>> import timebank
    >>> from timebank.reports.corrections import account_amendment_text
    >>> was = timebank.open("memory:").open_account("m1", name="Maria R.")
    >>> account_amendment_text(was, attrs.evolve(was, kind="group"))
    ['m1 Maria R. is amended:', '  kind: group (was member)']
    """
    title = titled(now.id, now.name)
    pairs = {field: (getattr(was, field), getattr(now, field)) for field in ("joined_on", "kind")}
    changes = {field: pair for field, pair in pairs.items() if pair[0] != pair[1]}
    if not changes:
        return [f"{title} is so already: nothing is to be amended."]
    is_amended = "would be amended" if dry_run else "is amended"
    return [f"{title} {is_amended}:", *(f"  {phrase}" for phrase in changes_text(changes))]


# -- closed books --------------------------------------------------------------------


def closing_text(
    closing: Closing, *, before: date | None, after: int, dry_run: bool = False
) -> list[str]:
    """Return through which day books are closed now, and how they are opened.

    `before` is the day through which they were closed before, and `after` the last record then.

    >>> from datetime import UTC, date, datetime
    >>> from timebank import Closing
    >>> from timebank.reports.corrections import closing_text
    >>> closing = Closing(
    ...     sequence=81, recorded_at=datetime(2027, 2, 1, tzinfo=UTC), through=date(2026, 12, 31)
    ... )
    >>> for line in closing_text(closing, before=None, after=80):
    ...     print(line)
    The books are closed through 2026-12-31, by record 81.
    Nothing of a day up to then is recorded or amended any more.
    """
    through, are = closing.through, "would be" if dry_run else "are"
    state = "open" if through is None else f"closed through {through}"
    if closing.sequence <= after:
        return [f"The books are {state} already: nothing is to be recorded."]
    by = f"by record {closing.sequence}"
    if through is None:
        return [f"The books {are} open again, {by}: they were closed through {before}."]
    lines = [f"The books {are} {state}, {by}."]
    if before is not None and through < before:
        lines.append(f"They were closed through {before}: the days in between {are} open again.")
    else:
        is_recorded = "would be" if dry_run else "is"
        lines.append(f"Nothing of a day up to then {is_recorded} recorded or amended any more.")
    return lines


def closings_text(closings: Iterable[Closing]) -> list[str]:
    """Return through which day books are closed, and a line for each change, the newest first.

    >>> from timebank.reports.corrections import closings_text
    >>> closings_text([])
    ['No books are closed.']
    """
    every = list(closings)
    through = every[0].through if every else None
    lines = [
        "No books are closed." if through is None else f"The books are closed through {through}."
    ]
    for one in every:
        what = "open again" if one.through is None else f"closed through {one.through}"
        by = f" by {one.actor}" if one.actor else ""
        reason = f": {one.reason}" if one.reason else ""
        lines.append(
            harmless(f"  {one.recorded_at:%Y-%m-%d}  {what}{by}, record {one.sequence}{reason}")
        )
    return lines


# -- merging -------------------------------------------------------------------------


@attrs.frozen(kw_only=True)
class MergePlan:
    """What a merge comes to, before anybody says yes.

    `duplicate` and `into` are the statements of both accounts as they are, `delegates` those of the
    duplicate. `merged` and `balance` are the account that stays and its balance as they would be.
    """

    duplicate: Statement
    into: Statement
    delegates: tuple[Delegate, ...]
    merged: Account
    balance: Balance


def merge_text(plan: MergePlan) -> list[str]:
    """Return what a merge moves and ends, and that nothing takes it back.

    >>> import timebank
    >>> from timebank.reports.corrections import MergePlan, merge_text
    >>> bank = timebank.open("memory:")
    >>> _ = bank.open_account("m1", name="Maria R."), bank.open_account("m1-again")
    >>> _ = bank.open_account("f1"), bank.transfer(earner="m1-again", spender="f1", hours=2)
    >>> with bank.preview() as preview:
    ...     plan = MergePlan(
    ...         duplicate=preview.statement("m1-again"),
    ...         into=preview.statement("m1"),
    ...         delegates=preview.delegates("m1-again"),
    ...         merged=preview.merge("m1-again", into="m1", reason="she registered twice"),
    ...         balance=preview.balance("m1"),
    ...     )
    >>> for line in merge_text(plan):
    ...     print(line)
    m1-again (member) would become m1 Maria R. (member):
      balance: 2:00 of m1-again would move to m1, which would hold 2:00
      history: 1 line of m1-again would be read with those of m1
    Nothing takes a merge back: m1-again would be closed for good.
    """
    duplicate, into = plan.duplicate.account, plan.into.account
    balance = f"{plan.duplicate.closing} of {duplicate.id} would move to {into.id}"
    held = f"which would hold {plan.balance.posted}{_beyond(plan.balance)}"
    history = f"{counted(len(plan.duplicate.lines), 'line')} of {duplicate.id}"
    lines = [
        f"{_of_kind(duplicate)} would become {_of_kind(into)}:",
        f"  balance: {balance}, {held}",
        f"  history: {history} would be read with those of {into.id}",
    ]
    if plan.merged.joined_on != into.joined_on:
        lines.append(
            f"  joined: {into.id} would have joined on {plan.merged.joined_on}, "
            f"not on {into.joined_on or 'the day on which it was opened'}"
        )
    if charged := _charges(plan.duplicate.lines):
        lines.append(f"  charged: it would count for {into.id}: {', '.join(charged.values())}")
    lines += [
        f"  charged to both: {twice}"
        for twice in _charged_twice(charged, _charges(plan.into.lines))
    ]
    if plan.delegates:
        names = ", ".join(one.delegate for one in plan.delegates)
        lines.append(f"  delegates: {names} could act for {duplicate.id} no more")
    lines.append(f"Nothing takes a merge back: {duplicate.id} would be closed for good.")
    return list(map(harmless, lines))


def merged_text(duplicate: Account, into: Statement) -> list[str]:
    """Return that an account became another, what that one holds now, what both were charged.

    `duplicate` is the account as it was before, `into` the statement of the one that stays, as it
    is now.
    """
    one, other = titled(duplicate.id, duplicate.name), titled(into.id, into.account.name)
    if duplicate.merged_into == into.id:
        return [f"{one} was merged into {other} already: nothing is to be recorded."]
    moved = _charges(line for line in into.lines if line.account == duplicate.id)
    own = _charges(line for line in into.lines if line.account != duplicate.id)
    return [
        f"{one} is merged into {other}, which holds {into.closing}: use {into.id} from now on.",
        *(harmless(f"Both were charged {twice}.") for twice in _charged_twice(moved, own)),
    ]


def _of_kind(account: Account) -> str:
    status = "" if account.status == "open" else f", {status_text(account)}"
    return f"{titled(account.id, account.name)} ({account.kind}{status})"


def _beyond(balance: Balance) -> str:
    """Return the limit beyond which a balance would be, in words, if it is."""
    if balance.floor is not None and balance.posted < balance.floor:
        return f", below its floor {balance.floor}"
    if balance.ceiling is not None and balance.posted > balance.ceiling:
        return f", above its ceiling {balance.ceiling}"
    return ""


def _charges(lines: Iterable[StatementLine]) -> dict[str, str]:
    """Return what rules charged to an account or gave it, as `dues 2026`, by the ids."""
    return {
        line.id: f"{line.kind} {'' if line.period is None else period_text(line.period)}".rstrip()
        for line in lines
        if line.id is not None and line.id.startswith("due:")
    }


def _charged_twice(duplicate: Mapping[str, str], into: Mapping[str, str]) -> list[str]:
    """Return what both were charged, and what to do about it."""
    return [
        f"{what}: reverse {id}, if it is owed once"
        for id, what in duplicate.items()
        if what in into.values()
    ]
