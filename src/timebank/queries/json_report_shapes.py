"""Return audits, replays, the impact report and presences as plain dictionaries: see `json_shapes`.

They are apart from the other results because their classes are loaded only where they are used.
"""

from __future__ import annotations

from collections.abc import Iterable

from timebank.audit import AuditReport, BankReport, BooksReport, Cause, Finding
from timebank.queries.impact import Count, Group, Impact
from timebank.queries.json_shapes import Shape, clock, day, hours, of
from timebank.queries.presences import Counted, Presence, Presences
from timebank.queries.replay import EXEMPTIONS, OUTCOMES, Replay, ReplayLine

# -- audits --------------------------------------------------------------------------


@of.register
def audit_report(report: AuditReport) -> Shape:
    """Return an audit; `head` is the line of the head, or `None` where it cannot be read."""
    return {
        "ok": report.ok,
        "causes": list(map(cause, report.causes)),
        "findings": list(map(finding, report.findings)),
        "head": None if report.head is None else str(report.head),
        "records": report.records,
        "accounts": report.accounts,
        "since": report.since,
        "unread_through": report.unread_through,
        "checks": list(report.checks),
        "apart": list(report.apart),
        "notes": [{"place": str(note.place), "text": str(note.text)} for note in report.notes],
    }


@of.register
def bank_report(one: BankReport) -> Shape:
    """Return the audit of one of a storage's banks; of the storage itself `bank` is `None`."""
    return {"bank": one.bank, **audit_report(one.report)}


@of.register
def books_report(report: BooksReport) -> Shape:
    """Return the audit of another system's books."""
    return {
        "ok": report.ok,
        "findings": list(map(finding, report.findings)),
        "accounts": report.accounts,
        "transfers": report.transfers,
        "movements": report.movements,
    }


@of.register
def cause(cause: Cause) -> Shape:
    """Return what was done to a bank; `findings` are the places of what follows, from 1."""
    return {
        "what": str(cause.what),
        "details": list(map(str, cause.details)),
        "advice": str(cause.advice),
        "findings": list(cause.findings),
    }


@of.register
def finding(finding: Finding) -> Shape:
    """Return one thing that an audit found wrong."""
    return {
        "check": finding.check,
        "place": str(finding.place),
        "expected": str(finding.expected),
        "found": str(finding.found),
        "advice": str(finding.advice),
    }


# -- replays -------------------------------------------------------------------------


@of.register
def replay(replay: Replay) -> Shape:
    """Return what a statute would have made of history."""
    return {
        "statute": replay.statute,
        "judged": replay.judged,
        "judged_imports": replay.judged_imports,
        "exempt": replay.exempt,
        **{exemption: getattr(replay, exemption) for exemption in EXEMPTIONS},
        **{outcome: getattr(replay, outcome) for outcome in OUTCOMES},
        "lines": list(map(replay_line, replay.lines)),
    }


@of.register
def replay_line(line: ReplayLine) -> Shape:
    """Return what one rule would have done otherwise to one account."""
    return {
        "account": line.account,
        "outcome": line.outcome,
        "rule": line.rule,
        "exchanges": line.exchanges,
        "hours": str(line.hours),
        "first": line.first,
        "last": line.last,
    }


# -- the impact report ---------------------------------------------------------------


@of.register
def impact(impact: Impact) -> Shape:
    """Return the impact report; what is hidden or cannot be worked out is `None`.

    `reciprocity`, `velocity`, `gini` and the days of `first_exchange_days` are numbers with a
    fraction, for they are no hours.
    """
    return {
        "since": day(impact.since),
        "until": day(impact.until),
        "through": day(impact.through),
        "banks": impact.banks,
        "at_least": impact.at_least,
        "accounts": dict(impact.accounts),
        "members": impact.members,
        "active": impact.active,
        "dormant": impact.dormant,
        "exchanges": _count(impact.exchanges),
        "among_members": _count(impact.among_members),
        "with_organisations": _count(impact.with_organisations),
        "arranged": _count(impact.arranged),
        "given_to_banks": _count(impact.given_to_banks),
        "received_from_banks": _count(impact.received_from_banks),
        "others": {kind: _count(count) for kind, count in impact.others.items()},
        "by_month": _groups(impact.by_month),
        "by_category": _groups(impact.by_category),
        "by_area": _groups(impact.by_area),
        "by_resource": _groups(impact.by_resource),
        "by_month_and_area": {
            area: _groups(groups) for area, groups in impact.by_month_and_area.items()
        },
        "flows": [
            {"spender": spender, "earner": earner, "hours": hours(moved)}
            for spender, earner, moved in impact.flows
        ],
        "given": str(impact.given),
        "received": str(impact.received),
        "both": impact.both,
        "give_only": impact.give_only,
        "receive_only": impact.receive_only,
        "reciprocity": impact.reciprocity,
        "stock": hours(impact.stock),
        "velocity": impact.velocity,
        "balances": [
            {"low": hours(band.low), "high": hours(band.high), "accounts": band.accounts}
            for band in impact.balances
        ],
        "gini": impact.gini,
        "first_exchange_days": impact.first_exchange_days and list(impact.first_exchange_days),
        "first_exchange_members": impact.first_exchange_members,
    }


def _groups(groups: Iterable[Group]) -> list[Shape]:
    return [
        {
            "key": group.key,
            "exchanges": group.exchanges,
            "hours": hours(group.hours),
            "accounts": group.accounts,
        }
        for group in groups
    ]


def _count(count: Count) -> Shape:
    return {"exchanges": count.exchanges, "hours": str(count.hours)}


# -- presences -------------------------------------------------------------------------


@of.register
def presences(found: Presences) -> Shape:
    """Return who gave hours in a period; `head` is the line of the head."""
    return {
        "since": day(found.since),
        "until": day(found.until),
        "counted": counted(found.counted),
        "hours": str(found.hours),
        "lines": list(map(presence, found.lines)),
        "names": dict(found.names),
        "left_out": _count(found.left_out),
        "of_others": _count(found.of_others),
        "from_banks": _count(found.from_banks),
        "unmet": {sort: list(words) for sort, words in found.unmet.items()},
        "closed_through": day(found.closed_through),
        "head": str(found.head),
    }


@of.register
def presence(line: Presence) -> Shape:
    """Return one earner of one exchange."""
    return {
        "account": line.account,
        "occurred_on": line.occurred_on.isoformat(),
        "started_at": clock(line.started_at),
        "ended_at": clock(line.ended_at),
        "hours": str(line.hours),
        "spenders": list(line.spenders),
        "kind": line.kind,
        "category": line.category,
        "area": line.area,
        "tags": list(line.tags),
        "note": line.note,
        "exchange": line.exchange,
        "sequence": line.sequence,
        "takes_back": line.takes_back,
    }


@of.register
def counted(choice: Counted) -> Shape:
    """Return which exchanges an association counts."""
    return {
        "kinds": list(choice.kinds),
        "categories": list(choice.categories),
        "funds": list(choice.funds),
        "tags": list(choice.tags),
    }
