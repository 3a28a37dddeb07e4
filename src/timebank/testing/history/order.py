"""Check that the order of real time is the order of records, and that reads are of the present."""

from __future__ import annotations

from bisect import bisect_right
from itertools import accumulate

from timebank.testing.history.evidence import NEVER, SNAPSHOTS, Evidence
from timebank.testing.history.log import Call


def check_order(found: Evidence) -> None:
    """Check records, then reads."""
    _check_records(found)
    for call in found.of("head", *SNAPSHOTS):
        if not call.replica and found.has_head(call.result["head"]):
            _check_fresh(found, call, call.result["head"][0])
    for call in found.of("find", "find_hold"):
        record = found.looked_up(call)
        if call.result.get("found") is None and record is not None and not call.replica:
            _check_fresh(found, call, record["sequence"] - 1)
    _check_batches(found)


def _check_records(found: Evidence) -> None:
    """Check that no record was asked for after itself or a later one was known."""
    for sequence in range(1, len(found.journal) + 1):
        began, call = found.asked[sequence]
        known = found.known[sequence]
        if known.at < began:
            says = f"record {sequence} was asked for when it, or a later one, was known already"
            found.find("order", says, known.call, call)


def _check_fresh(found: Evidence, call: Call, sequence: int) -> None:
    """Check that nothing above a sequence was known before a call began that saw no more."""
    if sequence >= len(found.journal):
        return
    known = found.known[sequence + 1]
    if known.at < call.began:
        says = f"it saw nothing above record {sequence}, and the next was known before it began"
        found.find("stale_read", says, known.call, call)


def _check_batches(found: Evidence) -> None:
    """Check that a batch is there as a whole, in a row, and was seen by no one in part."""
    inside: dict[int, Call] = {}
    for call in found.calls:
        if call.do != "batch" or call.outcome in ("refused", "fail"):
            continue  # what is there of these was written though it was denied
        ids = [part["ask"]["id"] for part in call.ask["calls"]]
        there = [found.by_id[id]["sequence"] for id in ids if id in found.by_id]
        if there and (len(there) < len(ids) or there != list(range(there[0], there[0] + len(ids)))):
            says = f"a batch of {len(ids)} is recorded as {', '.join(map(str, there))}"
            found.find("half_batch", says, call, found.final)
        inside.update(dict.fromkeys(there[:-1], call))
    for reader in found.of("head", *SNAPSHOTS):
        head = reader.result["head"]
        if head[0] in inside and found.has_head(head):
            says = f"its head {head[0]} lies within a batch"
            found.find("half_batch", says, inside[head[0]], reader)


class Window:
    """Between which records a call that names no sequence can have looked at the bank."""

    def __init__(self, found: Evidence) -> None:
        told = sorted(
            (known.at, sequence) for sequence, known in enumerate(found.known) if known.at < NEVER
        )
        self._told_at = [at for at, _ in told]
        self._told = list(accumulate((sequence for _, sequence in told), max))
        asked = sorted((at, sequence) for sequence, (at, _) in enumerate(found.asked))
        self._asked_at = [at for at, _ in asked]
        self._asked = list(accumulate((sequence for _, sequence in asked), max))

    def of(self, call: Call) -> tuple[int, int]:
        """Return the least and the greatest sequence that it can have seen last."""
        before = bisect_right(self._told_at, call.began)
        until = bisect_right(self._asked_at, call.ended or NEVER)
        least = self._told[before - 1] if before else 0
        return least, max(self._asked[until - 1] if until else 0, least)
