"""Return each result of a bank as plain dictionaries that `json.dumps` takes.

`timebank.reports.json` is the public face of these functions, and `docs/json.md` documents each
shape. They stand here, below the bank, so that the bank itself may use them; those of audits,
replays and the impact report are in `json_report_shapes`, which an open bank does not load.

Hours are text that `Hours` reads back (`"1:30"`, `"-0:45"`), days are `YYYY-MM-DD`, instants are
ISO 8601 in UTC, digests are in hex. What is not known, does not apply or is unlimited is `None`;
a limit that is the statute's is `"inherit"`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import date, datetime, time
from functools import singledispatch
from typing import Any

from timebank.errors import WrongType, shown
from timebank.hours import Hours
from timebank.model import (
    INHERIT,
    Account,
    Across,
    Amendment,
    Balance,
    ClockRestart,
    Closing,
    DeclaredLoss,
    Erasure,
    Flag,
    Head,
    Hold,
    Limit,
    Record,
    Transfer,
)
from timebank.model.members import Charge, Delegate, Due, DueReport, Event, Inactive, Leaving
from timebank.queries.statements import (
    Statement,
    StatementLine,
    TakenBack,
    Total,
    TrialBalance,
    TrialLine,
)
from timebank.statute import Statute

Shape = dict[str, Any]


@singledispatch
def of(result: object) -> Shape:
    """Return a result as a dictionary, by its type.

    Of several, ask for one at a time: `[of(one) for one in bank.accounts()]`.

    :raises WrongType: anything else, a list or an iterator of results among it.

    >>> import timebank
    >>> from timebank import reports
    >>> bank = timebank.open("memory:")
    >>> reports.json.of(bank.open_account("m1"))["kind"]
    'member'
    >>> reports.json.of(bank.balance("m1"))["posted"]
    '0:00'
    """
    msg = f"of takes one result of a bank, such as a Balance or a Statement, not {shown(result)}"
    raise WrongType(msg)


# -- accounts ------------------------------------------------------------------------


@of.register
def account(account: Account) -> Shape:
    """Return an account, with its own limits.

    >>> import timebank
    >>> from timebank import reports
    >>> shape = reports.json.account(timebank.open("memory:").open_account("m1", floor=-5))
    >>> shape["id"], shape["floor"], shape["ceiling"]
    ('m1', '-5:00', 'inherit')
    """
    return {
        "id": account.id,
        "kind": account.kind,
        "name": account.name,
        "status": account.status,
        "joined_on": day(account.joined_on),
        "floor": limit(account.floor),
        "ceiling": limit(account.ceiling),
        "merged_into": account.merged_into,
    }


@of.register
def balance(balance: Balance) -> Shape:
    """Return a balance, with the limits that apply."""
    return {
        "account": balance.account,
        "posted": str(balance.posted),
        "held": str(balance.held),
        "incoming": str(balance.incoming),
        "floor": limit(balance.floor),
        "ceiling": limit(balance.ceiling),
        "spendable": limit(balance.spendable),
        "receivable": limit(balance.receivable),
    }


@of.register
def event(event: Event) -> Shape:
    """Return one event in the history of an account."""
    return {
        "account": event.account,
        "sequence": event.sequence,
        "kind": event.kind,
        "recorded_at": event.recorded_at.isoformat(),
        "actor": event.actor,
        "text": event.text,
        "changes": changes(event.changes),
    }


@of.register
def delegate(delegate: Delegate) -> Shape:
    """Return who may act for an account, and until when."""
    return {
        "account": delegate.account,
        "delegate": delegate.delegate,
        "until": day(delegate.until),
    }


@of.register
def inactive(inactive: Inactive) -> Shape:
    """Return an account that exchanged nothing for long."""
    return {
        "account": account(inactive.account),
        "since": inactive.since.isoformat(),
        "last_exchange": day(inactive.last_exchange),
        "balance": str(inactive.balance),
    }


@of.register
def erasure(erasure: Erasure) -> Shape:
    """Return what an erasure destroyed, and where it may still be read."""
    return {
        "account": erasure.account,
        "record": erasure.record,
        "texts": erasure.texts,
        "records": list(erasure.records),
        "remains": list(erasure.remains),
    }


@of.register
def clock_restart(restart: ClockRestart) -> Shape:
    """Return a restart of the clock."""
    return {
        "sequence": restart.sequence,
        "recorded_at": restart.recorded_at.isoformat(),
        "today": restart.today.isoformat(),
        "ended": list(restart.ended),
    }


@of.register
def declared_loss(loss: DeclaredLoss) -> Shape:
    """Return the declaration of a loss."""
    return {
        "sequence": loss.sequence,
        "recorded_at": loss.recorded_at.isoformat(),
        "lost": {"sequence": loss.lost.sequence, "digest": loss.lost.digest.hex()},
    }


@of.register
def closing(closing: Closing) -> Shape:
    """Return a closing of the books, or an opening."""
    return {
        "sequence": closing.sequence,
        "recorded_at": closing.recorded_at.isoformat(),
        "through": day(closing.through),
        "actor": closing.actor,
        "reason": closing.reason,
    }


# -- transfers and holds -------------------------------------------------------------


@of.register
def transfer(transfer: Transfer) -> Shape:
    """Return a transfer, a settlement or a reversal."""
    return {
        "id": transfer.id,
        "sequence": transfer.sequence,
        "kind": transfer.kind,
        **_sides(transfer),
        "occurred_on": transfer.occurred_on.isoformat(),
        "recorded_at": transfer.recorded_at.isoformat(),
        **_described(transfer),
        "reverses": transfer.reverses,
        "actor": transfer.actor,
        "hold": transfer.hold,
        "period": period(transfer.period),
        "across": across(transfer.across),
        **_judged(transfer),
        "repeated": transfer.repeated,
    }


@of.register
def hold(hold: Hold) -> Shape:
    """Return a hold, and what became of it."""
    return {
        "id": hold.id,
        "sequence": hold.sequence,
        "kind": hold.kind,
        "status": hold.status,
        **_sides(hold),
        "recorded_at": hold.recorded_at.isoformat(),
        "expires_at": moment(hold.expires_at),
        "occurred_on": day(hold.occurred_on),
        **_described(hold),
        "actor": hold.actor,
        "resolved_by": hold.resolved_by,
        "across": across(hold.across),
        **_judged(hold),
        "repeated": hold.repeated,
    }


@of.register
def amendment(amendment: Amendment) -> Shape:
    """Return a correction of what an exchange was for."""
    return {
        "sequence": amendment.sequence,
        "recorded_at": amendment.recorded_at.isoformat(),
        "actor": amendment.actor,
        "reason": amendment.reason,
        "changes": changes(amendment.changes),
    }


def _sides(made: Transfer | Hold) -> Shape:
    """Return the hours, who earns and who spends, without the fee."""
    return {
        "hours": str(made.hours),
        "earners": {id: str(hours) for id, hours in made.earners.items()},
        "spenders": {id: str(hours) for id, hours in made.spenders.items()},
    }


def _described(made: Transfer | Hold) -> Shape:
    """Return the words and the labels that were given with it."""
    return {
        "category": made.category,
        "area": made.area,
        "resource": made.resource,
        "via": made.via,
        "note": made.note,
        "reason": made.reason,
        "tags": list(made.tags),
        "source": source(made.source),
        "limits": made.limits,
        "started_at": clock(made.started_at),
        "ended_at": clock(made.ended_at),
        "amendments": list(map(amendment, made.amendments)),
    }


def _judged(made: Transfer | Hold) -> Shape:
    """Return what the statute made of it."""
    return {
        "statute": made.statute,
        "asked": hours(made.asked),
        "fee": [
            {"account": posting.account, "hours": str(posting.hours)}
            for posting in made.postings
            if posting.fee
        ],
        "flags": flags(made.flags),
    }


def across(across: Across | None) -> Shape | None:
    """Return what an exchange says of another bank, or `None`."""
    if across is None:
        return None
    return {
        "bank": across.bank,
        "offer": across.offer,
        "is_ours": across.is_ours,
        "address": across.address,
        "answer_by": across.answer_by.isoformat(),
    }


# -- statements ----------------------------------------------------------------------


@of.register
def statement(statement: Statement) -> Shape:
    """Return a statement with its lines in order."""
    return {
        "account": account(statement.account),
        "since": day(statement.since),
        "until": day(statement.until),
        "opening": str(statement.opening),
        "lines": list(map(statement_line, statement.lines)),
        "names": dict(statement.names),
        "earned": str(statement.earned),
        "spent": str(statement.spent),
        "totals": {name: total(one) for name, one in statement.totals.items()},
        "closing": str(statement.closing),
        "held": str(statement.held),
        "incoming": str(statement.incoming),
        "holds": list(map(hold, statement.holds)),
        "merged": list(statement.merged),
        "closed_through": day(statement.closed_through),
        "at": statement.at,
    }


@of.register
def total(total: Total) -> Shape:
    """Return one of the totals of a statement."""
    return {"number": total.number, "hours": str(total.hours)}


@of.register
def statement_line(line: StatementLine) -> Shape:
    """Return one line of a statement."""
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
        "takes_back": None if line.takes_back is None else taken_back(line.takes_back),
        "taken_back_on": None if line.taken_back_on is None else line.taken_back_on.isoformat(),
        "taken_back_whole": line.taken_back_whole,
        "counts_as": line.counts_as,
        "fee": line.fee,
        "across": across(line.across),
        "period": period(line.period),
        "account": line.account,
        "started_at": clock(line.started_at),
        "ended_at": clock(line.ended_at),
        "amendments": list(map(amendment, line.amendments)),
        "hours": str(line.hours),
        "earned": hours(line.earned),
        "spent": hours(line.spent),
        "balance": str(line.balance),
    }


@of.register
def taken_back(taken: TakenBack) -> Shape:
    """Return what a line of a statement takes back."""
    return {
        "id": taken.id,
        "sequence": taken.sequence,
        "occurred_on": taken.occurred_on.isoformat(),
        "kind": taken.kind,
        "note": taken.note,
        "hours": str(taken.hours),
    }


@of.register
def trial_balance(trial: TrialBalance) -> Shape:
    """Return a trial balance; its `total` is `"0:00"`."""
    return {
        "on": day(trial.on),
        "lines": list(map(trial_line, trial.lines)),
        "earned": str(trial.earned),
        "spent": str(trial.spent),
        "total": str(trial.total),
        "closed_through": day(trial.closed_through),
        "at": trial.at,
    }


@of.register
def trial_line(line: TrialLine) -> Shape:
    """Return one account of a trial balance."""
    return {
        "account": line.account,
        "kind": line.kind,
        "status": line.status,
        "name": line.name,
        "earned": str(line.earned),
        "spent": str(line.spent),
        "balance": str(line.balance),
        "merged_into": line.merged_into,
    }


def balances(trial: TrialBalance) -> Shape:
    """Return the balance of every account, and nothing else of a trial balance."""
    return {
        "on": day(trial.on),
        "balances": [
            {"account": line.account, "posted": str(line.balance)} for line in trial.lines
        ],
    }


# -- dues and leaving ----------------------------------------------------------------


@of.register
def due(due: Due) -> Shape:
    """Return what is due of an account, or will be."""
    return {
        "account": due.account,
        "rule": due.rule,
        "hours": str(due.hours),
        "fund": due.fund,
        "since": due.since.isoformat(),
        "period": period(due.period),
        "statute": due.statute,
        "basis": hours(due.basis),
    }


@of.register
def charge(charge: Charge) -> Shape:
    """Return what a run of dues charged to one account."""
    return {
        "id": charge.id,
        "account": charge.account,
        "name": charge.name,
        "rule": charge.rule,
        "hours": str(charge.hours),
        "fund": charge.fund,
        "since": charge.since.isoformat(),
        "period": period(charge.period),
        "basis": hours(charge.basis),
        "flags": flags(charge.transfer.flags),
    }


@of.register
def due_report(report: DueReport) -> Shape:
    """Return a run of dues."""
    return {
        "through": report.through.isoformat(),
        "hours": str(report.hours),
        "charges": list(map(charge, report.charges)),
        "suspended": list(report.suspended),
    }


@of.register
def leaving(left: Leaving) -> Shape:
    """Return the steps by which a member left."""
    return {
        "account": account(left.account),
        "charges": [transfer(one.transfer) for one in left.charges],
        "ended": list(left.ended),
        "voided": list(map(hold, left.voided)),
        "given_back": list(map(transfer, left.given_back)),
        "disposal": None if left.disposal is None else transfer(left.disposal),
    }


# -- the statute ---------------------------------------------------------------------


@of.register
def statute(statute: Statute) -> Shape:
    """Return a statute as `Statute.from_json` reads it; a field that says nothing is left out."""
    shape: Shape = json.loads(statute.to_json())
    return shape


# -- the journal ---------------------------------------------------------------------


@of.register
def head(head: Head) -> Shape:
    """Return where a journal stands; `line` is the one that may be published."""
    return {
        "journal": head.journal,
        "sequence": head.sequence,
        "digest": head.digest.hex(),
        "line": str(head),
    }


@of.register
def record(record: Record) -> Shape:
    """Return a record of the journal; `record` is the object whose bytes the digest covers.

    Names, notes and reasons are not in it: it has their commitments.
    """
    return {
        "sequence": record.sequence,
        "kind": record.kind,
        "recorded_at": record.recorded_at.isoformat(),
        "actor": record.actor,
        "digest": record.digest.hex(),
        "record": json.loads(record.bytes),
    }


# -- single values -------------------------------------------------------------------


def hours(hours: Hours | None) -> str | None:
    """Return hours as text, or `None` where there are none."""
    return None if hours is None else str(hours)


def day(day: date | None) -> str | None:
    """Return a day as `YYYY-MM-DD`, or `None`."""
    return None if day is None else day.isoformat()


def clock(time: time | None) -> str | None:
    """Return a time of day as `HH:MM`, or `None`."""
    return None if time is None else f"{time:%H:%M}"


def moment(moment: datetime | None) -> str | None:
    """Return an instant as ISO 8601 has it, or `None`."""
    return None if moment is None else moment.isoformat()


def period(period: tuple[date, date] | None) -> list[str] | None:
    """Return the first and the last day of a period, or `None`."""
    return None if period is None else [day.isoformat() for day in period]


def changes(changes: Mapping[str, tuple[Any, Any]]) -> dict[str, list[Any]]:
    """Return what was and what is of each field: texts, a list of tags, days, times of day."""
    return {field: list(map(_changed, both)) for field, both in changes.items()}


def _changed(value: Any) -> Any:
    if isinstance(value, tuple):
        return list(value)
    if isinstance(value, time):
        return clock(value)
    return day(value) if isinstance(value, date) else value


def limit(limit: Limit) -> str | None:
    """Return a limit as hours, `"inherit"`, or `None` where it is unlimited."""
    if limit is INHERIT:
        return "inherit"
    return str(limit) if isinstance(limit, Hours) else None


def source(source: str | Mapping[str, str] | None) -> str | dict[str, str] | None:
    """Return where a transfer comes from as it was given: text, an object of texts, or `None`."""
    return dict(source) if isinstance(source, Mapping) else source


def flags(flags: Iterable[Flag]) -> list[str]:
    """Return each rule that was passed with the statute's leave, in a sentence."""
    return list(map(str, flags))
