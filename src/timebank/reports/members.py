"""Dues, leaving, delegates and who was long away: as text, and as JSON."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import Any, Final

from timebank.hours import Hours
from timebank.model.members import Charge, Delegate, Due, DueReport, Event, Inactive, Leaving
from timebank.reports.cells import harmless
from timebank.reports.periods import period_text
from timebank.reports.shapes import account_shape, hold_shape, transfer_shape
from timebank.reports.statement import titled
from timebank.reports.table import Column, Row, table

Shape = dict[str, Any]

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
    """Who was charged what, a line for each, and what each fund got.

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


def due_shape(report: DueReport) -> Shape:
    """A run of dues."""
    return {
        "through": report.through.isoformat(),
        "hours": str(report.hours),
        "charges": [
            {
                "id": one.id,
                "account": one.account,
                "name": one.name,
                "rule": one.rule,
                "hours": str(one.hours),
                "fund": one.fund,
                "since": one.since.isoformat(),
                "period": None if one.period is None else [str(day) for day in one.period],
                "basis": None if one.basis is None else str(one.basis),
                "flags": [str(flag) for flag in one.transfer.flags],
            }
            for one in report.charges
        ],
        "suspended": list(report.suspended),
    }


def dues_text(dues: Iterable[Due], account: str) -> list[str]:
    """What is due of one account and was not charged yet, a line for each."""
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


def one_due_shape(one: Due) -> Shape:
    """What is due, or will be."""
    return {
        "account": one.account,
        "rule": one.rule,
        "hours": str(one.hours),
        "fund": one.fund,
        "since": one.since.isoformat(),
        "period": None if one.period is None else [str(day) for day in one.period],
        "statute": one.statute,
        "basis": None if one.basis is None else str(one.basis),
    }


# -- leaving -------------------------------------------------------------------------


def leaving_text(left: Leaving, *, dry_run: bool = False) -> list[str]:
    """The steps by which a member left, a line for each.

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


def leaving_shape(left: Leaving) -> Shape:
    """The steps."""
    return {
        "account": account_shape(left.account),
        "charges": [transfer_shape(one.transfer) for one in left.charges],
        "ended": list(left.ended),
        "voided": [hold_shape(hold) for hold in left.voided],
        "given_back": [transfer_shape(given) for given in left.given_back],
        "disposal": None if left.disposal is None else transfer_shape(left.disposal),
    }


# -- who acts, who is away -----------------------------------------------------------


def delegate_text(delegate: Delegate) -> str:
    """Who may act, and until when."""
    until = "" if delegate.until is None else f" until {delegate.until}"
    return harmless(f"{delegate.delegate} may act for {delegate.account}{until}")


def delegate_shape(delegate: Delegate) -> Shape:
    """A delegate."""
    until = None if delegate.until is None else delegate.until.isoformat()
    return {"account": delegate.account, "delegate": delegate.delegate, "until": until}


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
}


def events_text(events: Iterable[Event]) -> list[str]:
    """What happened to an account, a line for each.

    >>> from datetime import UTC, datetime
    >>> import timebank
    >>> from timebank.reports.members import events_text
    >>> bank = timebank.open("memory:", clock=lambda: datetime(2026, 3, 2, tzinfo=UTC))
    >>> _ = bank.open_account("m1"), bank.acting_as("carla").freeze("m1", reason="abroad")
    >>> events_text(bank.events("m1"))
    ['2026-03-02  opened', '2026-03-02  frozen by carla: abroad']
    """
    lines = []
    for event in events:
        by = f" by {event.actor}" if event.actor else ""
        text = f": {event.text}" if event.text else ""
        lines.append(harmless(f"{event.recorded_at:%Y-%m-%d}  {_HAPPENED[event.kind]}{by}{text}"))
    return lines


def event_shape(event: Event) -> Shape:
    """What happened to an account."""
    return {
        "sequence": event.sequence,
        "kind": event.kind,
        "recorded_at": event.recorded_at.isoformat(),
        "actor": event.actor,
        "text": event.text,
    }


def inactive_text(found: Iterable[Inactive], since: date) -> list[str]:
    """Who exchanged nothing since a day, a line for each."""
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


def inactive_shape(one: Inactive) -> Shape:
    """An account that exchanged nothing for long."""
    last = one.last_exchange
    return {
        "account": account_shape(one.account),
        "since": one.since.isoformat(),
        "last_exchange": None if last is None else last.isoformat(),
        "balance": str(one.balance),
    }
