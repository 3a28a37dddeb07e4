"""A journal audited in stretches, each from a state that is assumed and then proved.

An audit has to know where accounts stand before it can judge the next record. So a stretch in the
middle of a journal begins from an assumption: the balances are those of the postings' rows, and
of the records before it all but transfers and reversals are noted, unchecked. Each stretch is
audited by itself, in whatever process, and ends with what it knows then. Where that is what was
assumed of the next one, for all of them, the whole is proved as in one pass. Where it is not, or a
stretch found anything, its results are dropped: the audit makes one pass, which tells all.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Final, Self

import attrs

from timebank.audit.audit_pass import PAGE, AuditPass
from timebank.audit.base import State
from timebank.audit.checkpoint import Checkpoint
from timebank.audit.findings import Note
from timebank.audit.report import Progress
from timebank.errors import Corrupt
from timebank.model import Head
from timebank.model.said import of_json, to_json
from timebank.storage.protocol import Reader

#: The kinds of record whose outcome is taken from the stored balances.
_ONLY_BALANCES: Final = frozenset({"transfer", "reverse"})


@attrs.frozen
class StretchResult:
    """The result of a stretch without findings: where it stands, and what it saw.

    The totals of its accounts are those of the stretch alone where it began from an assumption.
    """

    checkpoint: Checkpoint
    records: int
    notes: tuple[Note, ...]
    more_notes: int

    def to_line(self) -> str:
        """Return it as a line of JSON."""
        return json.dumps(
            {
                "checkpoint": self.checkpoint.to_bytes().decode(),
                "records": self.records,
                "notes": [[to_json(note.place), to_json(note.text)] for note in self.notes],
                "more": self.more_notes,
            }
        )

    @classmethod
    def of_line(cls, line: str) -> Self:
        """Read it again.

        :raises InvalidRequest: of its checkpoint.
        :raises KeyError, TypeError, ValueError: it is none.
        """
        found = json.loads(line)
        notes = tuple(Note(of_json(place), of_json(text)) for place, text in found["notes"])
        checkpoint = Checkpoint.from_bytes(found["checkpoint"].encode())
        return cls(checkpoint, int(found["records"]), notes, int(found["more"]))


def assumed_checkpoints(
    reader: Reader, head: Head, since: Checkpoint | None, ends: Sequence[int]
) -> Iterator[Checkpoint]:
    """Yield the checkpoint that is assumed at each of the `ends` of stretches.

    :raises Corrupt: what is there cannot be noted; other errors of what cannot be read.
    """
    audit = AuditPass(reader, None)
    after = 0
    if since is not None:
        audit.resume(since)
        after = since.head.sequence
    for end in ends:
        while after < end:
            rows = reader.records(after=after, limit=min(PAGE, end - after))
            if not rows or rows[-1].sequence != after + len(rows):
                msg = f"records are missing behind record {after}"
                raise Corrupt(msg)
            for row in rows:
                if row.kind not in _ONLY_BALANCES:
                    audit.assume(row)
            after, last = rows[-1].sequence, rows[-1]
        yield audit.assumed(head, last)


def audit_stretch(
    reader: Reader, since: Checkpoint | None, through: int, progress: Progress | None = None
) -> StretchResult | None:
    """Audit the records behind a checkpoint, `through` one; `None` where anything is found."""
    audit = AuditPass(reader, progress, since=since)
    if not audit.run_through(through):
        return None
    return StretchResult(audit.checkpoint(), audit.count, *audit.findings.kept_notes())


def join_stretches(
    audit: AuditPass, assumed: Sequence[Checkpoint], results: Sequence[StretchResult]
) -> bool:
    """Let an audit go on from where the stretches ended; return `False` where they do not fit.

    Each is to end as was assumed of the next; there is one more of them than of assumptions.
    """
    for assumption, result in zip(assumed, results[:-1], strict=True):
        found = result.checkpoint
        if assumption.head != found.head:
            return False
        if _comparable(audit, assumption) != _comparable(audit, found):
            return False
    last = results[-1].checkpoint
    state = audit.joined([result.checkpoint.state() for result in results])
    audit.resume(Checkpoint(last.head, lambda: state))
    for result in results:
        audit.add(result.records, result.notes, result.more_notes)
    return True


def _comparable(audit: AuditPass, checkpoint: Checkpoint) -> State:
    """Return what has to agree, as JSON has it, where a pair is a list."""
    read: State = json.loads(json.dumps(audit.comparable(checkpoint.state())))
    return read
