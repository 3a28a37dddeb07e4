"""The verdict on a chapter: the history checker's, the audit's, and a line for each fault."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import attrs

import timebank
from clusters.cluster import Way
from clusters.table import Row
from timebank import TimeBank
from timebank.testing.history import Call, Plan, Report, check, read_log

#: The calls that write, of which a fault may cut the answer off.
WRITES: Final = frozenset({"transfer", "reverse", "hold", "settle", "void", "batch"})
_BILLION: Final = 1_000_000_000


@attrs.frozen
class Verdict:
    """What became of a chapter: its lines, and every lie that was found."""

    rows: tuple[Row, ...]
    lies: tuple[str, ...]
    report: Report


def judge(
    folder: Path, plan: Plan, direct: Sequence[Way], *, seed: int, hung: list[str], may_lose: bool
) -> Verdict:
    """Check the logs of a folder, and audit each bank at each member."""
    report = check(read_log(folder), may_lose=may_lose)
    findings = list(audit_all(plan, direct, folder))
    rows = [*_rows(report, seed)]
    if rows:
        rows[-1] = attrs.evolve(rows[-1], audit=len(findings))
    lies = [f"{name} did not end its call" for name in hung]
    lies += findings
    if not report.ok:
        lies.append(str(report))
    return Verdict(tuple(rows), tuple(lies), report)


def audit_all(plan: Plan, direct: Sequence[Way], folder: Path) -> list[str]:
    """Return the findings of a whole audit of each bank, at each member.

    Heads that were logged are to be there, or to be declared as lost, where nobody lags.
    """
    found = []
    for way in direct:
        with timebank.open(way.url, bank=plan.banks[0], create=False, read_only=True) as first:
            for name in plan.banks:
                bank = TimeBank(first.store, bank=name, create=False)
                heads = [] if way.replica else logged_heads(folder, name)
                report = bank.audit(expect=heads)
                found += [f"audit at {way.name}: {finding}" for finding in report.findings]
    return found


def logged_heads(folder: Path, bank: str) -> list[str]:
    """Return all heads that the administrator's log has of a bank."""
    log = folder / f"{bank}.heads"
    return log.read_text().splitlines() if log.exists() else []


def _rows(report: Report, seed: int) -> list[Row]:
    """Return a line for what happened from each fault to the next."""
    history = report.history
    starts = [fault.at for fault in history.faults]
    calls: dict[int, list[Call]] = defaultdict(list)
    for call in history.calls:
        if call.do in WRITES:
            calls[bisect_right(starts, call.ended or call.began) - 1].append(call)
    calls[0] = calls.pop(-1, []) + calls[0]  # what came before the first counts with it
    written = _written(history.calls)
    losses = [loss for loss in report.losses if loss.call.outcome == "ok"]
    lost = Counter(bisect_right(starts, loss.call.ended or 0) - 1 for loss in losses)
    named = Counter(
        bisect_right(starts, loss.call.ended or 0) - 1 for loss in losses if loss.named_by
    )
    silences = _silences(history.calls, starts)
    return [
        attrs.evolve(
            _row(calls[at], written),
            fault=fault.says,
            seed=seed,
            lost=lost[at],
            declared=named[at],
            recovered=silences[at],
            doubled=report.kinds.get("doubled", 0) if at == len(starts) - 1 else 0,
        )
        for at, fault in enumerate(history.faults)
    ]


def _row(calls: Sequence[Call], written: frozenset[tuple[str, str]]) -> Row:
    """Count calls by what was told, and what became of those whose outcome was not."""
    told = Counter(call.outcome for call in calls)
    uncertain = [call for call in calls if call.is_uncertain]
    done = sum(any((call.bank, id) in written for id in ids_of(call)) for call in uncertain)
    spans = [(call.ended - call.began) / _BILLION for call in calls if call.ended]
    return Row(
        "",
        0,
        acknowledged=told["ok"],
        refused=told["refused"],
        unavailable=told["fail"],
        unknown=len(uncertain),
        done=done,
        not_done=len(uncertain) - done,
        longest=max(spans, default=0.0),
    )


def ids_of(call: Call) -> list[str]:
    """Return the ids of a call, or of all the calls of a batch."""
    if call.do == "batch":
        return [part["ask"]["id"] for part in call.ask["calls"]]
    return [call.ask["id"]]


def _written(calls: Sequence[Call]) -> frozenset[tuple[str, str]]:
    """Return bank and id of all that the last readings of the journals have."""
    return frozenset(
        (call.bank, record["id"])
        for call in calls
        if call.do == "journal"
        for record in call.records
        if record["id"] is not None
    )


def _silences(calls: Sequence[Call], starts: Sequence[int]) -> list[float]:
    """Return for each fault how long a bank was without an acknowledged write, at most."""
    found = [0.0] * len(starts)
    last: dict[str, int] = {}
    heard = [call for call in calls if call.do in WRITES and call.outcome == "ok" and call.ended]
    for call in sorted(heard, key=lambda call: call.ended or 0):
        assert call.ended is not None
        at = bisect_right(starts, call.ended) - 1
        if at >= 0 and call.bank in last:
            found[at] = max(found[at], (call.ended - last[call.bank]) / _BILLION)
        last[call.bank] = call.ended
    return found
