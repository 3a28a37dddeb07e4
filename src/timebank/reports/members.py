"""Show dues, leaving, delegates, events and erasures as text."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import Final

from timebank.hours import Hours
from timebank.model import Erasure
from timebank.model.members import Charge, Delegate, Due, DueReport, Event, Inactive, Leaving
from timebank.reports.corrections import changes_text
from timebank.reports.text import Column, Row, counted, harmless, period_text, table, titled

_DUE: Final = (
    Column("Due on"),
    Column("Account", least=16),
    Column("What for", least=12),
    Column("Period"),
    Column("Hours", right=True),
    Column("To", least=12),
    Column("Note", least=20),
)
_IDLE: Final = (
    Column("Account", least=20),
    Column("Kind"),
    Column("Status"),
    Column("Member since"),
    Column("Last exchange"),
    Column("Balance", right=True),
)


# -- dues ----------------------------------------------------------------------------


def due_text(report: DueReport, *, dry_run: bool = False) -> list[str]:
    """Return a line for each charge of a run, and the sum that each fund got.

    >>> from datetime import UTC, date, datetime
    >>> import timebank
    >>> from timebank import Dues, Statute
    >>> from timebank.reports.members import due_text
    >>> bank = timebank.open("memory:", clock=lambda: datetime(2026, 3, 2, tzinfo=UTC))
    >>> _ = bank.open_account("common", kind="fund"), bank.open_account("m1", name="Maria R.")
    >>> _ = bank.adopt(Statute(version="verona/1", dues=Dues(hours=2, fund="common")))
    >>> for line in due_text(bank.run_due(through=date(2026, 3, 2))):
    ...     print(line)
    Due on      Account      What for  Period  Hours  To      Note
    ----------  -----------  --------  ------  -----  ------  ----
    2026-03-02  m1 Maria R.  dues      2026     2:00  common
    <BLANKLINE>
    Charged to 1 account: 2:00, to common 2:00.
    """
    rows: list[Row] = [
        [
            one.since.isoformat(),
            titled(one.account, one.name),
            one.rule,
            period_text(one.period),
            str(one.hours),
            one.fund,
            _note(one),
        ]
        for one in report.charges
    ]
    lines = [*table(_DUE, rows), ""] if rows else []
    lines.append(_totals(report, "Would be charged" if dry_run else "Charged"))
    if report.suspended:
        names = ", ".join(map(harmless, report.suspended))
        lines.append(f"Suspended, and to be charged when they are thawed: {names}.")
    return lines


def _note(one: Charge) -> str:
    notes = [] if one.basis is None else [f"of {one.basis}"]
    notes += [
        f"below its floor {flag.limit}" if flag.rule == "floor" else f"above {flag.limit}"
        for flag in one.transfer.flags
    ]
    return ", ".join(notes)


def _totals(report: DueReport, verb: str) -> str:
    if not report.charges:
        return f"Nothing is due through {report.through}."
    funds: dict[str, int] = {}
    for one in report.charges:
        funds[one.fund] = funds.get(one.fund, 0) + one.hours.seconds
    to = ", ".join(
        f"to {harmless(fund)} {Hours.from_seconds(seconds)}"
        for fund, seconds in sorted(funds.items())
    )
    accounts = len({one.account for one in report.charges})
    plural = "account" if accounts == 1 else "accounts"
    return f"{verb} to {accounts} {plural}: {report.hours}, {to}."


def dues_text(dues: Iterable[Due], account: str) -> list[str]:
    """Return a line for each of what is due of one account and was not charged yet."""
    rows: list[Row] = [
        [
            one.since.isoformat(),
            one.rule,
            period_text(one.period),
            str(one.hours),
            one.fund,
            "" if one.basis is None else f"of {one.basis}",
        ]
        for one in dues
    ]
    if not rows:
        return [harmless(f"Nothing is due of {account}.")]
    return table([column for column in _DUE if column.title != "Account"], rows)


# -- leaving -------------------------------------------------------------------------


def leaving_text(left: Leaving, *, dry_run: bool = False) -> list[str]:
    """Return a line for each step by which a member left.

    >>> import timebank
    >>> from timebank.reports.members import leaving_text
    >>> bank = timebank.open("memory:")
    >>> _ = bank.open_account("m1", name="Maria R.")
    >>> leaving_text(bank.leave("m1"))
    ['m1 Maria R. has left: the account is closed.']
    """
    lines = [
        f"Dues: {one.rule} {period_text(one.period)}: {one.hours} to {one.fund}."
        for one in left.charges
    ]
    lines += [
        f"Hold {hold.id}: {hold.hours} of {', '.join(hold.spenders)} for "
        f"{', '.join(hold.earners)} released."
        for hold in left.voided
    ]
    lines += [f"Delegate {delegate}: may act no more." for delegate in left.ended]
    lines += [
        f"Welcome credit: {given.hours} given back to {', '.join(given.earners)}."
        for given in left.given_back
    ]
    if (made := left.disposal) is not None:
        (earner,), (spender,) = made.earners, made.spenders
        lines.append(
            f"Debt: {made.hours} written off, on {spender}."
            if made.kind == "write-off"
            else f"{made.kind.capitalize()}: {made.hours} to {earner}."
        )
    verb = "would leave: the account would be" if dry_run else "has left: the account is"
    title = titled(left.account.id, left.account.name)
    return [harmless(line) for line in [*lines, f"{title} {verb} closed."]]


# -- who acts, who is away -----------------------------------------------------------


def delegate_text(delegate: Delegate) -> str:
    """Return who may act for an account, and until when."""
    until = "" if delegate.until is None else f" until {delegate.until}"
    return harmless(f"{delegate.delegate} may act for {delegate.account}{until}")


_HAPPENED: Final = {
    "open_account": "opened",
    "rename": "renamed",
    "set_limits": "limits set",
    "freeze": "frozen",
    "thaw": "thawed",
    "close_account": "closed",
    "reopen": "reopened",
    "name_delegate": "delegate named",
    "end_delegate": "delegate ended",
    "amend_account": "amended",
}


def events_text(events: Iterable[Event]) -> list[str]:
    """Return a line for each event in the history of an account, and one for each change of it.

    >>> from datetime import UTC, datetime
    >>> import timebank
    >>> from timebank.reports.members import events_text
    >>> bank = timebank.open("memory:", clock=lambda: datetime(2026, 3, 2, tzinfo=UTC))
    >>> _ = bank.open_account("m1"), bank.acting_as("carla").freeze("m1", reason="abroad")
    >>> events_text(bank.events("m1"))
    ['2026-03-02  opened', '2026-03-02  frozen by carla: abroad']
    """
    every = list(events)
    merged = {event.changes["merged"][0] for event in every if event.kind == "merge"}
    lines = []
    for event in every:
        of = event.account if event.account in merged else None
        by = f" by {event.actor}" if event.actor else ""
        text = f": {event.text}" if event.text else ""
        lines.append(harmless(f"{event.recorded_at:%Y-%m-%d}  {_happened(event, of)}{by}{text}"))
        if event.kind == "amend_account":
            lines += [f"{'':12}{phrase}" for phrase in changes_text(event.changes)]
    return lines


def _happened(event: Event, of: str | None) -> str:
    """Return what happened, in words; `of` is the merged account to which it did."""
    if event.kind == "merge":
        account, into = event.changes["merged"]
        own = event.account == account
        return f"{account} merged into {into if own or of else 'it'}"
    return f"{'' if of is None else f'{of} '}{_HAPPENED[event.kind]}"


def inactive_text(found: Iterable[Inactive], since: date) -> list[str]:
    """Return a line for each account that exchanged nothing since a day."""
    rows: list[Row] = [
        [
            titled(one.account.id, one.account.name),
            one.account.kind,
            one.account.status,
            one.since.isoformat(),
            "never" if one.last_exchange is None else one.last_exchange.isoformat(),
            str(one.balance),
        ]
        for one in found
    ]
    return (
        table(_IDLE, rows)
        if rows
        else [f"Nobody who was a member before {since} has been without an exchange since."]
    )


# -- what is erased -------------------------------------------------------------------


def erasure_text(done: Erasure, *, dry_run: bool = False) -> list[str]:
    """Return how many texts went, of whom, and where they may still be read.

    >>> from timebank import Erasure
    >>> from timebank.reports.members import erasure_text
    >>> erasure_text(Erasure("m1", None, 2, (9,), ()))
    ['2 texts of account m1 are erased, says record 9.']
    """
    of = f"account {done.account}" if done.account is not None else f"record {done.record}"
    if not done.texts:
        lines = [f"Nothing of {of} is left to erase."]
    elif dry_run:
        are = "is" if done.texts == 1 else "are"
        lines = [f"{counted(done.texts, 'text')} of {of} {are} there to be erased."]
    else:
        says = f"record {done.records[0]}"
        if len(done.records) > 1:
            says = f"records {done.records[0]} to {done.records[-1]}"
        is_said = "say" if len(done.records) > 1 else "says"
        are = "is" if done.texts == 1 else "are"
        lines = [f"{counted(done.texts, 'text')} of {of} {are} erased, {is_said} {says}."]
    if dry_run:
        lines.append("This was a dry run: nothing is destroyed.")
    else:
        lines += [f"It may still be read: {remains}." for remains in done.remains]
    return [harmless(line) for line in lines]
