"""The checker: from what clients were told, and the journal in the end, to a report."""

from __future__ import annotations

from collections import Counter, defaultdict

from timebank.testing.history.evidence import Evidence, gather
from timebank.testing.history.ids import check_ids
from timebank.testing.history.log import Call, History
from timebank.testing.history.losing import check_heads, name_losses
from timebank.testing.history.order import check_order
from timebank.testing.history.report import Report
from timebank.testing.history.sums import check_sums


def check(history: History, *, may_lose: bool = False) -> Report:
    """Judge a history; see `timebank.testing.history.report.KINDS` for what can be found.

    Each bank is to be read by `RecordedBank.journal` when all is over, from each node that is to
    agree. With `may_lose` a storage is judged of which it is declared that it may lose the end of
    the journal, as by asynchronous replication: what was lost is told, and an anomaly only where
    nothing named it, neither a `HistoryLost` nor a record `history_lost`.

    The cost grows with the calls, the records, and the accounts in each snapshot.
    """
    calls: dict[str, list[Call]] = defaultdict(list)
    for call in history.calls:
        calls[call.bank].append(call)
    banks = [
        _checked(gather(bank, of_bank, history.banks.get(bank), may_lose=may_lose))
        for bank, of_bank in sorted(calls.items())
    ]
    return Report(
        history,
        tuple(anomaly for bank in banks for anomaly in bank.anomalies),
        tuple(loss for bank in banks for loss in bank.losses),
        _counts(history, banks),
        tuple(bank.bank for bank in banks if bank.final is None),
    )


def _checked(found: Evidence) -> Evidence:
    """Check one bank; of one that was never read in the end nothing is said."""
    if found.final is not None:
        check_ids(found)
        check_heads(found)
        check_order(found)
        check_sums(found)
        name_losses(found)
    return found


def _counts(history: History, banks: list[Evidence]) -> dict[str, int]:
    """Count calls by how they ended, records, and what became of the unknown ones."""
    counts = {"calls": len(history.calls)}
    counts |= sorted(Counter(call.outcome for call in history.calls).items())
    counts["records"] = sum(len(bank.journal) for bank in banks)
    unknown: Counter[str] = Counter()
    for bank in banks:
        for id, attempts in bank.attempts.items():
            uncertain = [one for one in attempts if one.call.is_uncertain]
            if uncertain:
                unknown["unknown, written" if id in bank.by_id else "unknown, not written"] += 1
                last = attempts[-1].call.outcome
                unknown["unknown, asked again and told"] += last in ("ok", "refused")
    return counts | dict(sorted(unknown.items()))
