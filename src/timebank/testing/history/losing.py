"""Find what was told and is not in the journal, and whether somebody named its loss."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import attrs

from timebank.testing.history.evidence import NEVER, SNAPSHOTS, WRITES, Evidence
from timebank.testing.history.log import Call
from timebank.testing.history.report import Loss


@attrs.frozen
class Naming:
    """Somebody said that the journal was cut: `HistoryLost`, or a record of it.

    `sequence` is that of the lost head, `told_at` when somebody was told of it, `at` when its loss
    was named. A record of the loss names all that was told before.
    """

    sequence: int
    by: str
    told_at: int
    at: int
    is_record: bool


def lose(
    found: Evidence,
    call: Call,
    sequence: int | None,
    *,
    digest: str | None = None,
    ids: tuple[str, ...] = (),
) -> None:
    """Keep that a call was told of what the journal has not."""
    found.losses.append(Loss(found.bank, sequence or 0, digest, ids, call))


def check_heads(found: Evidence) -> None:
    """Find the heads and records that were read and are not in the journal."""
    for call in found.of(*SNAPSHOTS):
        _check_torn(found, call)
    for call in found.of("head", *SNAPSHOTS):
        if call is found.final:
            continue
        other = _first_other(found, call)
        if other is not None:
            _judge(found, call, *other)
    for call in found.of(*WRITES, outcome="fail"):
        lost = call.answer.get("lost")
        if lost and found.has_head(lost):
            says = f"record {lost[0]} was said to be lost, and is in the journal"
            found.find("false_alarm", says, call, found.final)
        elif lost and not found.may_lose:
            lose(found, call, lost[0], digest=lost[1])


def _check_torn(found: Evidence, call: Call) -> None:
    """Check that the records of a snapshot follow each other up to its head."""
    sequence, last = call.ask["after"], None
    for entry in call.records:
        sequence += 1
        told, last, id = _entry(entry)
        record = found.record(sequence)
        if record is not None and record["digest"] == last and record["id"] != id:
            says = f"record {sequence} was read with the id {id}, and it has {record['id']}"
            found.find("two_results", says, call, found.final)
        if told != sequence:
            says = f"record {told} was read in the place of record {sequence}"
            found.find("torn_read", says, call)
            return
    head = call.result["head"]
    if found.may_lose and not call.records and head[0] < sequence:
        return  # who had read further than the cut reads nothing; a read that is late is `order`'s
    if sequence != head[0] or (last is not None and last != head[1]):
        says = f"the records that were read end with {sequence}, and the head is {head[0]}"
        found.find("torn_read", says, call)


def _first_other(found: Evidence, call: Call) -> tuple[int, str] | None:
    """Return the first record that a reader was told and the journal has not, if there is one."""
    for entry in call.records:
        sequence, digest, _ = _entry(entry)
        record = found.record(sequence)
        if record is None or record["digest"] != digest:
            return sequence, digest
    head = call.result["head"]
    return None if found.has_head(head) else (head[0], head[1])


def _entry(entry: Any) -> tuple[int, str, str | None]:
    """Return the sequence, digest and id of a record as it was read."""
    if isinstance(entry, dict):
        return entry["sequence"], entry["digest"], entry["id"]
    return entry[0], entry[1], entry[2]


def _judge(found: Evidence, call: Call, sequence: int, digest: str) -> None:
    """Tell a branch that lives beside the journal from a part that was lost.

    Where it was read after the journal's own record of that sequence was known to somebody, both
    were the present at one time.
    """
    record = found.record(sequence)
    if record is None:
        if not found.is_too_late(call):
            lose(found, call, sequence, digest=digest)
        return
    known = found.known[sequence]
    if known.at < call.began and not call.replica:
        says = f"record {sequence} is {digest[:8]} for one and {record['digest'][:8]} for others"
        found.find("fork", says, known.call, call)
    else:
        lose(found, call, sequence, digest=digest)


def name_losses(found: Evidence) -> None:
    """Say of each loss who named it; one that is not allowed, or not named, is an anomaly.

    Readers hear of no loss: what nobody was told to be done, and somebody read, may go unnamed.
    """
    namings = _namings(found)
    losses, found.losses = found.losses, []
    for loss in losses:
        naming = next((one for one in namings if _names(found, one, loss)), None)
        named = attrs.evolve(loss, named_by=None if naming is None else naming.by)
        found.losses.append(named)
        what = " ".join(loss.ids) or f"head {(loss.digest or '')[:8]}"
        says = f"{what}, told as record {loss.sequence}, is not in the journal"
        if not found.may_lose:
            found.find("lost", says, loss.call, found.final)
        elif naming is None and loss.call.do in WRITES:  # what was only read, nobody promised
            found.find("unnamed_loss", f"{says}, and nobody said so", loss.call, found.final)


def _names(found: Evidence, naming: Naming, loss: Loss) -> bool:
    """Return whether a lost head is of the same branch as a loss that was told before.

    Where one record of a branch is lost, those above it are, and down to where the journal goes on.
    Of two losses one after the other, the second has in its branch what was known after the first.
    """
    told = loss.call.ended or NEVER
    if told > naming.at and not loss.call.replica:
        return False
    if naming.is_record:
        return True
    low, later = naming.sequence, told
    if loss.sequence <= low:
        low, later = loss.sequence, naming.told_at
    return found.record(low) is None or found.known[low].at >= later


def _namings(found: Evidence) -> list[Naming]:
    """Return what named a lost head: errors first, then records."""
    told: dict[int, list[int]] = defaultdict(list)
    for loss in found.losses:
        if loss.call.outcome == "ok":  # not who names it, where none may be lost
            told[loss.sequence].append(loss.call.ended or NEVER)

    def naming(sequence: int, by: str, at: int, *, is_record: bool = False) -> Naming:
        told_at = max((one for one in told[sequence] if one <= at), default=0)
        return Naming(sequence, by, told_at, at, is_record)

    namings = []
    for call in found.calls:
        lost = call.answer.get("lost")
        if lost and call.ended is not None and not found.has_head(lost):
            by = f"{call.answer['error']} of {call.process} #{call.number}"
            namings.append(naming(lost[0], by, call.ended))
    for record in found.journal:
        if record["kind"] == "history_lost" and "lost" in record:
            at = found.known[record["sequence"]].at
            by = f"record {record['sequence']}"
            namings.append(naming(record["lost"][0], by, at, is_record=True))
    return namings
