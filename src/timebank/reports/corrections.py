"""Show corrections as text: what was amended, which books are closed, what a merge moves."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, time
from typing import Any

import attrs

from timebank.model import Account, Balance, Closing, Hold, Transfer
from timebank.model.members import Delegate
from timebank.queries.statements import Statement, StatementLine
from timebank.reports.text import harmless, kind_text, period_text, status_text, titled
from timebank.reports.words import Words

# -- what is amended -----------------------------------------------------------------


def changes_text(changes: Mapping[str, tuple[Any, Any]]) -> list[str]:
    """Return a phrase for each field that was amended: what it is, and what it was.

    >>> from datetime import time
    >>> from timebank.reports.corrections import changes_text
    >>> changes_text({"category": ("shoping", "shopping"), "started_at": (None, time(9, 30))})
    ['category: shopping (was shoping)', 'from: 09:30 (was none)']
    """
    words = Words("corrections")
    return [harmless(_change(field, was, now, words)) for field, (was, now) in changes.items()]


def _change(field: str, was: object, now: object, words: Words) -> str:
    key = f"field_{field}"
    name = words(key) if words.has(key) else field
    if field == "note" and was is None and now is None:
        return words("note_erased", field=name)
    if field == "kind":
        was, now = kind_text(str(was)), kind_text(str(now))
    return words("change", field=name, was=_value(was, words), now=_value(now, words))


def _value(value: object, words: Words) -> str:
    if isinstance(value, tuple):
        return ", ".join(map(str, value)) or words("none")
    if isinstance(value, time):
        return value.isoformat("minutes")
    if isinstance(value, date):
        return value.isoformat()
    return words("none") if value is None else str(value)


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
    words = Words("corrections")
    if not made.amendments or made.amendments[-1].sequence <= after:
        return [harmless(words("so_already", id=made.id))]
    last = made.amendments[-1]
    key = "would_amend" if dry_run else "amended"
    return [
        harmless(words(key, id=made.id, sequence=last.sequence)),
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
    words, title = Words("corrections"), titled(now.id, now.name)
    pairs = {field: (getattr(was, field), getattr(now, field)) for field in ("joined_on", "kind")}
    changes = {field: pair for field, pair in pairs.items() if pair[0] != pair[1]}
    if not changes:
        return [words("account_so", account=title)]
    key = "account_would" if dry_run else "account_amended"
    return [words(key, account=title), *(f"  {phrase}" for phrase in changes_text(changes))]


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
    words, through, sequence = Words("corrections"), closing.through, closing.sequence
    if sequence <= after:
        if through is None:
            return [words("already_open")]
        return [words("already_closed", day=through)]
    if through is None:
        key = "would_open" if dry_run else "opened"
        return [words(key, sequence=sequence, before=before)]
    closed = words("would_close" if dry_run else "closed_by", day=through, sequence=sequence)
    if before is not None and through < before:
        return [closed, words("between_would" if dry_run else "between_open", before=before)]
    return [closed, words("nothing_would" if dry_run else "nothing_more")]


def closings_text(closings: Iterable[Closing]) -> list[str]:
    """Return through which day books are closed, and a line for each change, the newest first.

    >>> from timebank.reports.corrections import closings_text
    >>> closings_text([])
    ['No books are closed.']
    """
    every = list(closings)
    through = every[0].through if every else None
    words = Words("corrections")
    lines = [words("no_closed") if through is None else words("closed_now", day=through)]
    for one in every:
        what = words("line_open")
        if one.through is not None:
            what = words("line_closed", day=one.through)
        by = words("line_by", actor=one.actor) if one.actor else ""
        record = words("line_record", sequence=one.sequence)
        reason = f": {one.reason}" if one.reason else ""
        lines.append(harmless(f"  {one.recorded_at:%Y-%m-%d}  {what}{by}{record}{reason}"))
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
    words = Words("corrections")
    duplicate, into = plan.duplicate.account, plan.into.account
    ids = {"duplicate": duplicate.id, "into": into.id}
    lines = [
        words("become", duplicate=_of_kind(duplicate), into=_of_kind(into)),
        words(
            "merge_balance",
            hours=plan.duplicate.closing,
            balance=plan.balance.posted,
            beyond=_beyond(plan.balance, words),
            **ids,
        ),
        words.counted("merge_history", len(plan.duplicate.lines), **ids),
    ]
    if (day := plan.merged.joined_on) != into.joined_on:
        if into.joined_on is None:
            lines.append(words("merge_joined_open", into=into.id, day=day))
        else:
            lines.append(words("merge_joined", into=into.id, day=day, before=into.joined_on))
    if charged := _charges(plan.duplicate.lines):
        charges = ", ".join(charged.values())
        lines.append(words("merge_charged", into=into.id, charges=charges))
    lines += [
        words("merge_twice", twice=twice)
        for twice in _charged_twice(charged, _charges(plan.into.lines))
    ]
    if plan.delegates:
        names = ", ".join(one.delegate for one in plan.delegates)
        lines.append(words("merge_delegates", names=names, duplicate=duplicate.id))
    lines.append(words("merge_for_good", duplicate=duplicate.id))
    return list(map(harmless, lines))


def merged_text(duplicate: Account, into: Statement) -> list[str]:
    """Return that an account became another, what that one holds now, what both were charged.

    `duplicate` is the account as it was before, `into` the statement of the one that stays, as it
    is now.
    """
    words = Words("corrections")
    one, other = titled(duplicate.id, duplicate.name), titled(into.id, into.account.name)
    if duplicate.merged_into == into.id:
        return [words("merged_already", duplicate=one, into=other)]
    moved = _charges(line for line in into.lines if line.account == duplicate.id)
    own = _charges(line for line in into.lines if line.account != duplicate.id)
    return [
        words("merged", duplicate=one, into=other, balance=into.closing, id=into.id),
        *(harmless(words("both_charged", twice=one)) for one in _charged_twice(moved, own)),
    ]


def _of_kind(account: Account) -> str:
    status = "" if account.status == "open" else f", {status_text(account)}"
    return f"{titled(account.id, account.name)} ({kind_text(account.kind)}{status})"


def _beyond(balance: Balance, words: Words) -> str:
    """Return the limit beyond which a balance would be, in words, if it is."""
    if balance.floor is not None and balance.posted < balance.floor:
        return words("below", limit=balance.floor)
    if balance.ceiling is not None and balance.posted > balance.ceiling:
        return words("above", limit=balance.ceiling)
    return ""


def _charges(lines: Iterable[StatementLine]) -> dict[str, str]:
    """Return what rules charged to an account or gave it, as `dues 2026`, by the ids."""
    words = Words("corrections")
    return {
        line.id: f"{words.kind(line.kind)} {_period(line)}".rstrip()
        for line in lines
        if line.id is not None and line.id.startswith("due:")
    }


def _period(line: StatementLine) -> str:
    return "" if line.period is None else period_text(line.period)


def _charged_twice(duplicate: Mapping[str, str], into: Mapping[str, str]) -> list[str]:
    """Return what both were charged, and what to do about it."""
    words = Words("corrections")
    return [
        words("twice", what=what, id=id) for id, what in duplicate.items() if what in into.values()
    ]
