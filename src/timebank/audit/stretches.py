"""A journal audited in stretches, each from a state that is claimed and then proved.

An audit has to know where accounts stand before it can judge the next record. So a stretch in the
middle of a journal begins from a claim: the balances are those of the postings' rows, and of the
records before it all but transfers and reversals are noted, unchecked. Each stretch is audited by
itself, in whatever process, and ends with what it knows then. Where that is what was claimed of
the next one, for all of them, the whole is proved as in one pass. Where it is not, or a stretch
found anything, nothing is told of it: the audit makes one pass, which tells what is wrong.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any, Final, Self

import attrs

from timebank.audit.checkpoint import Checkpoint, restore, state_of
from timebank.audit.report import Note, Progress
from timebank.audit.stream import PAGE, Audit
from timebank.errors import Corrupt
from timebank.journal import parse, recorded_at
from timebank.model import Head, RecordRow
from timebank.storage.protocol import Reader

#: What only transfers and reversals have. Quotes are escaped in texts, so it is nowhere else.
_TRANSFER: Final = b'"kind":"transfer","recorded_at":'
_REVERSAL: Final = b'"kind":"reverse","recorded_at":'
#: What a checkpoint keeps so that less is read again; it follows from the rest.
_KEPT_FOR_SPEED: Final = ("left", "months", "totals")


@attrs.frozen
class Found:
    """What a stretch without findings ended with: where it stands, and what it saw.

    The totals of its accounts are those of the stretch alone where it began from a claim.
    """

    checkpoint: Checkpoint
    records: int
    notes: tuple[Note, ...]
    more_notes: int

    def to_line(self) -> str:
        """As a line of JSON."""
        return json.dumps(
            {
                "checkpoint": self.checkpoint.to_bytes().decode(),
                "records": self.records,
                "notes": [[note.place, note.text] for note in self.notes],
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
        notes = tuple(Note(place, text) for place, text in found["notes"])
        checkpoint = Checkpoint.from_bytes(found["checkpoint"].encode())
        return cls(checkpoint, int(found["records"]), notes, int(found["more"]))


def claims(
    reader: Reader, head: Head, since: Checkpoint | None, ends: Sequence[int]
) -> Iterator[Checkpoint]:
    """What is claimed of the state at the `ends` of stretches.

    :raises Corrupt: what is there cannot be noted; other errors of what cannot be read.
    """
    audit = Audit(reader, None)
    audit.begin()
    after = 0
    if since is not None:
        restore(audit, since)
        after = since.head.sequence
    for end in ends:
        while after < end:
            rows = reader.records(after=after, limit=min(PAGE, end - after))
            if not rows or rows[-1].sequence != after + len(rows):
                msg = f"records are missing behind record {after}"
                raise Corrupt(msg)
            for row in rows:
                if _TRANSFER not in row.body and _REVERSAL not in row.body:
                    _note(audit, row)
            after, last = rows[-1].sequence, rows[-1]
        audit.clocks.last = recorded_at(last.body)
        for account in audit.fold.accounts:
            posting = reader.last_posting(account, through=end)
            stands = (0, 0) if posting is None else (posting.version, posting.balance)
            audit.fold.balances[account] = stands
        audit.derived.totals.clear()
        state = state_of(audit)
        yield Checkpoint(Head(head.journal, end, last.digest), lambda state=state: state)  # type: ignore[misc]  # bound now


def _note(audit: Audit, row: RecordRow) -> None:
    record = parse(row.body)
    kind = record["kind"]
    if kind == "adopt":
        audit.statutes.record(row.sequence, record)
    derived = audit.fold.apply(row.sequence, kind, record["effects"])
    if derived.statute is not None:
        audit.derived.adopted(derived.statute)
    audit.lives.record(row.sequence, record)


def audit_stretch(
    reader: Reader, since: Checkpoint | None, through: int, progress: Progress | None = None
) -> Found | None:
    """Audit the records behind a checkpoint, `through` one; nothing where anything is found."""
    audit = Audit(reader, progress, since=since)
    if not audit.go_through(through):
        return None
    head = audit.stands()
    state = state_of(audit)
    return Found(Checkpoint(head, lambda: state), audit.count, *audit.findings.noted())


def take(audit: Audit, claimed: Sequence[Checkpoint], found: Sequence[Found]) -> bool:
    """Let an audit go on from where the stretches ended; `False` where they do not fit.

    Each is to end as was claimed of the next; there is one more of them than of claims.
    """
    for claim, end in zip(claimed, found[:-1], strict=True):
        if claim.head != end.checkpoint.head:
            return False
        if _comparable(claim.state()) != _comparable(end.checkpoint.state()):
            return False
    audit.begin()
    audit.go_on_from(_joined(found))
    for stretch in found:
        audit.count += stretch.records
        audit.findings.take_notes(stretch.notes, stretch.more_notes)
    return True


def _comparable(state: dict[str, Any]) -> dict[str, Any]:
    """What has to agree, as JSON has it, where a pair is a list."""
    accounts = {
        id: {name: value for name, value in known.items() if name not in _KEPT_FOR_SPEED}
        for id, known in state["accounts"].items()
    }
    compared = {name: value for name, value in state.items() if name not in _KEPT_FOR_SPEED}
    read: dict[str, Any] = json.loads(json.dumps(compared | {"accounts": accounts}))
    return read


def _joined(found: Sequence[Found]) -> Checkpoint:
    """The last checkpoint, with the totals of all stretches."""
    last = found[-1].checkpoint
    state = last.state()
    totals: dict[str, tuple[int, int]] = {}
    for stretch in found:
        for id, known in stretch.checkpoint.state()["accounts"].items():
            earned, spent = totals.get(id, (0, 0))
            more, less = known["totals"]
            totals[id] = (earned + more, spent + less)
    accounts = {id: known | {"totals": [*totals[id]]} for id, known in state["accounts"].items()}
    whole = state | {"accounts": accounts}
    return Checkpoint(last.head, lambda: whole)
