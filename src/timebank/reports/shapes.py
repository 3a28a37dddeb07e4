"""The same reports as JSON: plain dictionaries, hours as text that `Hours` reads back.

Days are `YYYY-MM-DD`, instants ISO 8601 in UTC, digests in hex; what is not known or
unlimited is `null`, and a limit that is the statute's is `"inherit"`.
"""

from __future__ import annotations

from datetime import date
from typing import Any

from timebank.audit import AuditReport, Finding
from timebank.hours import Hours
from timebank.model import INHERIT, Account, Balance, Head, Hold, Limit, Transfer
from timebank.queries.statements import Statement, StatementLine, TrialBalance, TrialLine

Shape = dict[str, Any]


def account_shape(account: Account) -> Shape:
    """An account.

    >>> import timebank
    >>> from timebank.reports.shapes import account_shape
    >>> shape = account_shape(timebank.open("memory:").open_account("m1", floor=-5))
    >>> shape["id"], shape["floor"], shape["ceiling"]
    ('m1', '-5:00', 'inherit')
    """
    return {
        "id": account.id,
        "kind": account.kind,
        "name": account.name,
        "status": account.status,
        "joined_on": _day(account.joined_on),
        "floor": _limit(account.floor),
        "ceiling": _limit(account.ceiling),
    }


def balance_shape(balance: Balance) -> Shape:
    """A balance, with the limits that apply."""
    return {
        "account": balance.account,
        "posted": str(balance.posted),
        "held": str(balance.held),
        "incoming": str(balance.incoming),
        "floor": _limit(balance.floor),
        "ceiling": _limit(balance.ceiling),
        "spendable": _limit(balance.spendable),
        "receivable": _limit(balance.receivable),
    }


def transfer_shape(transfer: Transfer) -> Shape:
    """A transfer or a reversal."""
    source = transfer.source
    return {
        "id": transfer.id,
        "sequence": transfer.sequence,
        "kind": transfer.kind,
        "hours": str(transfer.hours),
        "earners": {id: str(hours) for id, hours in transfer.earners.items()},
        "spenders": {id: str(hours) for id, hours in transfer.spenders.items()},
        "occurred_on": transfer.occurred_on.isoformat(),
        "recorded_at": transfer.recorded_at.isoformat(),
        "category": transfer.category,
        "area": transfer.area,
        "resource": transfer.resource,
        "via": transfer.via,
        "note": transfer.note,
        "reason": transfer.reason,
        "tags": list(transfer.tags),
        "source": source if source is None or isinstance(source, str) else dict(source),
        "limits": transfer.limits,
        "reverses": transfer.reverses,
        "actor": transfer.actor,
        "hold": transfer.hold,
        "period": _period(transfer.period),
        **_judged(transfer),
    }


def hold_shape(hold: Hold) -> Shape:
    """A hold, and what became of it."""
    source = hold.source
    return {
        "id": hold.id,
        "sequence": hold.sequence,
        "kind": hold.kind,
        "status": hold.status,
        "hours": str(hold.hours),
        "earners": {id: str(hours) for id, hours in hold.earners.items()},
        "spenders": {id: str(hours) for id, hours in hold.spenders.items()},
        "recorded_at": hold.recorded_at.isoformat(),
        "expires_at": None if hold.expires_at is None else hold.expires_at.isoformat(),
        "occurred_on": _day(hold.occurred_on),
        "category": hold.category,
        "area": hold.area,
        "resource": hold.resource,
        "via": hold.via,
        "note": hold.note,
        "reason": hold.reason,
        "tags": list(hold.tags),
        "source": source if source is None or isinstance(source, str) else dict(source),
        "limits": hold.limits,
        "actor": hold.actor,
        "resolved_by": hold.resolved_by,
        **_judged(hold),
    }


def _judged(made: Transfer | Hold) -> Shape:
    """What the statute made of it."""
    return {
        "statute": made.statute,
        "asked": None if made.asked is None else str(made.asked),
        "fee": [
            {"account": posting.account, "hours": str(posting.hours)}
            for posting in made.postings
            if posting.fee
        ],
        "flags": [str(flag) for flag in made.flags],
    }


def statement_shape(statement: Statement) -> Shape:
    """A statement with its lines in order."""
    return {
        "account": account_shape(statement.account),
        "since": _day(statement.since),
        "until": _day(statement.until),
        "opening": str(statement.opening),
        "lines": [_statement_line(line) for line in statement.lines],
        "names": dict(statement.names),
        "earned": str(statement.earned),
        "spent": str(statement.spent),
        "closing": str(statement.closing),
        "held": str(statement.held),
        "incoming": str(statement.incoming),
        "holds": [hold_shape(hold) for hold in statement.holds],
    }


def _statement_line(line: StatementLine) -> Shape:
    return {
        "id": line.id,
        "sequence": line.sequence,
        "occurred_on": line.occurred_on.isoformat(),
        "others": list(line.others),
        "kind": line.kind,
        "category": line.category,
        "area": line.area,
        "note": line.note,
        "reason": line.reason,
        "reverses": line.reverses,
        "fee": line.fee,
        "period": _period(line.period),
        "hours": str(line.hours),
        "earned": None if line.earned is None else str(line.earned),
        "spent": None if line.spent is None else str(line.spent),
        "balance": str(line.balance),
    }


def trial_balance_shape(trial: TrialBalance) -> Shape:
    """A trial balance; `total` is `"0:00"`."""
    return {
        "on": _day(trial.on),
        "lines": [_trial_line(line) for line in trial.lines],
        "earned": str(trial.earned),
        "spent": str(trial.spent),
        "total": str(trial.total),
    }


def _trial_line(line: TrialLine) -> Shape:
    return {
        "account": line.account,
        "kind": line.kind,
        "status": line.status,
        "name": line.name,
        "earned": str(line.earned),
        "spent": str(line.spent),
        "balance": str(line.balance),
    }


def balances_shape(trial: TrialBalance) -> Shape:
    """The balance of every account."""
    return {
        "on": _day(trial.on),
        "balances": [
            {"account": line.account, "posted": str(line.balance)} for line in trial.lines
        ],
    }


def head_shape(head: Head) -> Shape:
    """Where a journal stands; `line` is the one that may be published."""
    return {
        "journal": head.journal,
        "sequence": head.sequence,
        "digest": head.digest.hex(),
        "line": str(head),
    }


def finding_shape(finding: Finding) -> Shape:
    """One thing that is wrong, in an audit of a bank or of a host's books."""
    return {
        "check": finding.check,
        "place": finding.place,
        "expected": finding.expected,
        "found": finding.found,
        "advice": finding.advice,
    }


def audit_shape(report: AuditReport) -> Shape:
    """The report of an audit; `head` is its line, or `null` where it cannot be read."""
    return {
        "ok": report.ok,
        "findings": list(map(finding_shape, report.findings)),
        "head": None if report.head is None else str(report.head),
        "records": report.records,
        "accounts": report.accounts,
        "since": report.since,
        "checks": list(report.checks),
        "notes": [{"place": note.place, "text": note.text} for note in report.notes],
    }


def _period(period: tuple[date, date] | None) -> list[str] | None:
    return None if period is None else [day.isoformat() for day in period]


def _day(day: date | None) -> str | None:
    return None if day is None else day.isoformat()


def _limit(limit: Limit) -> str | None:
    if limit is INHERIT:
        return "inherit"
    return str(limit) if isinstance(limit, Hours) else None
