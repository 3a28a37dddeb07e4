"""What is known of one bank of a history: its journal in the end, who asked for what, and when.

The order of records is there to be read, so that nothing is searched for. `asked` of a sequence is
the earliest instant at which its record can have been written: its call began. `known` is
the earliest at which it must have been: a call was told of it, or of a later one. Both are the
basis of every check of order, which is then one comparison.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Any, Final

import attrs

from timebank.testing.history.log import Beginning, Call
from timebank.testing.history.report import Anomaly, Loss

#: Later than every instant of a log.
NEVER: Final = 1 << 62
#: The calls that write, and those that see a head.
WRITES: Final = ("transfer", "reverse", "hold", "settle", "void", "batch")
SNAPSHOTS: Final = ("read", "journal")
#: What kinds of record are found by a call.
FOUND: Final = {"find": ("transfer", "reverse", "settle", "due"), "find_hold": ("hold",)}


@attrs.define(eq=False)
class Attempt:
    """One asking for one id: a call, or a part of a batch."""

    call: Call
    do: str
    ask: dict[str, Any]
    result: dict[str, Any] | None

    @property
    def is_ok(self) -> bool:
        """Whether it was told to be done."""
        return self.result is not None

    @property
    def may_write(self) -> bool:
        """Whether the record of its id can be its work, as far as it was told."""
        return self.call.is_uncertain or (self.result is not None and not self.is_repeated)

    @property
    def is_repeated(self) -> bool:
        """Whether it was told that it had been done before."""
        return self.result is not None and bool(self.result.get("repeated"))


@attrs.define(eq=False)
class Known:
    """The earliest instant at which something is known, and the call that shows it."""

    at: int = NEVER
    call: Call | None = None


@attrs.define(eq=False)
class Evidence:
    """Everything about one bank, and what was found of it."""

    bank: str
    calls: list[Call]
    begun: Beginning | None
    may_lose: bool
    #: The last whole reading of the journal, and its records by sequence, from 1.
    final: Call | None = None
    journal: list[dict[str, Any]] = attrs.field(factory=list)
    by_id: dict[str, dict[str, Any]] = attrs.field(factory=dict)
    attempts: dict[str, list[Attempt]] = attrs.field(factory=lambda: defaultdict(list))
    known: list[Known] = attrs.field(factory=list)
    asked: list[tuple[int, Call | None]] = attrs.field(factory=list)
    anomalies: list[Anomaly] = attrs.field(factory=list)
    losses: list[Loss] = attrs.field(factory=list)

    def find(self, kind: str, says: str, *calls: Call | None) -> None:
        """Add an anomaly, with the calls that show it."""
        told = tuple(call for call in calls if call is not None)
        self.anomalies.append(Anomaly(kind, self.bank, says, told))

    def record(self, sequence: int) -> dict[str, Any] | None:
        """Return the record of a sequence, if the journal has it."""
        return self.journal[sequence - 1] if 0 < sequence <= len(self.journal) else None

    def has_head(self, head: list[Any]) -> bool:
        """Whether the journal has a head that was told: its sequence and digest."""
        sequence, digest = head
        record = self.record(sequence)
        return sequence == 0 or (record is not None and record["digest"] == digest)

    def is_too_late(self, call: Call) -> bool:
        """Whether a call ended after the last reading began, so that it need not be in it."""
        return self.final is None or (call.ended or NEVER) > self.final.began

    def sequence_told(self, attempt: Attempt) -> int | None:
        """Return the sequence that an attempt was told; that of its id for a void, which has none.

        `None` where it was told none, or its id is not in the journal.
        """
        if attempt.result is None:
            return None
        if "sequence" in attempt.result:
            sequence: int = attempt.result["sequence"]
            return sequence
        record = self.by_id.get(attempt.ask["id"])
        return None if record is None else record["sequence"]

    def is_there(self, attempt: Attempt) -> bool:
        """Whether the journal has what an attempt was told: its id, by the record that it was."""
        record = self.by_id.get(attempt.ask["id"])
        return record is not None and same_record(attempt.result or {}, record)

    def looked_up(self, call: Call) -> dict[str, Any] | None:
        """Return the record that a `find` or `find_hold` looked for, if the journal has it."""
        record = self.by_id.get(call.ask["id"])
        return record if record is not None and record["kind"] in FOUND[call.do] else None

    def of(self, *do: str, outcome: str = "ok") -> Iterator[Call]:
        """Return the calls of some kinds that ended so."""
        return (call for call in self.calls if call.do in do and call.outcome == outcome)

    @property
    def begins_at(self) -> int:
        """The sequence of the last record that nobody is asked about."""
        return 0 if self.begun is None else self.begun.head[0]


def same_record(told: dict[str, Any], record: dict[str, Any]) -> bool:
    """Whether what a call was told is of this record; a void is not told which it is."""
    return all(told.get(name, record[name]) == record[name] for name in ("sequence", "recorded_at"))


def gather(bank: str, calls: list[Call], begun: Beginning | None, *, may_lose: bool) -> Evidence:
    """Put together what is known of one bank; see `Evidence`."""
    found = Evidence(bank, calls, begun, may_lose)
    for attempt in _attempts(calls):
        found.attempts[attempt.ask["id"]].append(attempt)
    found.final = _last_reading(found.of("journal"))
    if found.final is None:
        return found
    for sequence, record in enumerate(found.final.records, start=1):
        if record["sequence"] != sequence:
            break  # told as a reading that is torn
        found.journal.append(record)
        if record["id"] is not None:
            found.by_id.setdefault(record["id"], record)
    found.known = _known(found)
    found.asked = [(0, None)] * (len(found.journal) + 1)
    for id, record in found.by_id.items():
        found.asked[record["sequence"]] = _asked(found, found.attempts.get(id, ()))
    return found


def _attempts(calls: Iterable[Call]) -> Iterator[Attempt]:
    for call in calls:
        if call.do == "batch":
            results = call.result.get("results") or [None] * len(call.ask["calls"])
            for part, result in zip(call.ask["calls"], results, strict=True):
                yield Attempt(call, part["do"], part["ask"], result)
        elif call.do in WRITES:
            yield Attempt(call, call.do, call.ask, call.result or None)


def _last_reading(readings: Iterable[Call]) -> Call | None:
    """Choose the longest of the last whole readings of each node; of equals, the last."""
    last: dict[str | None, Call] = {}
    for call in readings:
        if not call.replica and call.ask["after"] == 0:
            last[call.node] = call
    return max(last.values(), key=lambda call: (len(call.records), call.began), default=None)


def _known(found: Evidence) -> list[Known]:
    """Return since when each record was known: some call was told of it, or of a later one."""
    known = [Known() for _ in range(len(found.journal) + 2)]
    if found.begun is not None and found.has_head(list(found.begun.head)):
        known[found.begins_at] = Known(found.begun.at)
    for sequence, call in _told(found):
        if call.ended is not None and call.ended < known[sequence].at:
            known[sequence] = Known(call.ended, call)
    for sequence in range(len(found.journal) - 1, -1, -1):
        if known[sequence + 1].at < known[sequence].at:
            known[sequence] = known[sequence + 1]
    return known


def _told(found: Evidence) -> Iterator[tuple[int, Call]]:
    """Return each call that was told of a record that the journal has, and of which."""
    for attempts in found.attempts.values():
        for attempt in attempts:
            if attempt.is_ok and found.is_there(attempt):
                yield found.by_id[attempt.ask["id"]]["sequence"], attempt.call
    for call in found.of("head", *SNAPSHOTS):
        if not call.replica and found.has_head(call.result["head"]):
            yield call.result["head"][0], call
    for call in found.of("find", "find_hold"):
        told, record = call.result.get("found"), found.looked_up(call)
        if not call.replica and told and record and same_record(told, record):
            yield record["sequence"], call


def _asked(found: Evidence, attempts: Iterable[Attempt]) -> tuple[int, Call | None]:
    """Return when the record of an id can have been written at the earliest, and by whom."""
    for attempt in attempts:
        if attempt.is_ok and not attempt.is_repeated and found.is_there(attempt):
            return attempt.call.began, attempt.call
    first = min(
        (one.call for one in attempts if one.may_write), key=lambda call: call.began, default=None
    )
    return (0, None) if first is None else (first.began, first)
