"""A journal audited in stretches, each from a state that is assumed and then proved.

An audit has to know where accounts stand before it can judge the next record. So a stretch in the
middle of a journal begins from an assumption: the balances are those of the postings' rows, and
of the records before it all but transfers and reversals are noted, unchecked. Each stretch is
audited by itself, in whatever process, which reads from the same storage what it assumes. It tells
a fingerprint of that, and one of what it knows at its end. Where each ends with what was assumed of
the next, the whole is proved as in one pass. Where one does not, or a stretch found anything, all
of this is dropped: the audit makes one pass, which tells all.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any, Final, Protocol, Self

import attrs

from timebank.audit.checkpoint import Checkpoint
from timebank.audit.findings import Note
from timebank.model import Head
from timebank.model.said import of_json, to_json
from timebank.storage.protocol import Reader

#: The kinds of record whose outcome is taken from the stored balances.
ASSUMED_BY_ROWS: Final = ("transfer", "reverse")


@attrs.frozen
class StretchResult:
    """The result of a stretch without findings: what it began from and ended with, and what it saw.

    `begins` and `ends` are fingerprints; `counted` is what each check counted in it, by its key.
    """

    begins: str
    ends: str
    records: int
    notes: tuple[Note, ...]
    more_notes: int
    counted: dict[str, Any]

    def to_line(self) -> str:
        """Return it as a line of JSON."""
        notes = [[to_json(note.place), to_json(note.text)] for note in self.notes]
        fields = [self.begins, self.ends, self.records, notes, self.more_notes, self.counted]
        return json.dumps(fields, separators=(",", ":"))

    @classmethod
    def of_line(cls, line: str) -> Self:
        """Read it again.

        :raises TypeError, ValueError: it is none.
        """
        begins, ends, records, notes, more, counted = json.loads(line)
        read = tuple(Note(of_json(place), of_json(text)) for place, text in notes)
        return cls(str(begins), str(ends), int(records), read, int(more), dict(counted))


class StretchWorkers(Protocol):
    """Audits stretches of the journal beside the audit itself, which audits the last of them."""

    def begin(self, reader: Reader, head: Head, since: Checkpoint | None) -> int:
        """Start on what leads from the checkpoint, or the beginning, towards the head.

        Return the record behind which the audit is to go on itself; 0 leaves it all of them.
        """

    def done(self) -> int:
        """Return how many records they have audited so far."""

    def end(self, tell: Callable[[], None]) -> Sequence[StretchResult] | None:
        """Wait for them, telling now and then; return their results, in order, if all are well."""

    def stop(self) -> None:
        """End what is still under way; safe to call twice."""


def lead_on(results: Sequence[StretchResult], assumed: str) -> bool:
    """Return whether each stretch ends with what was assumed of the next, and of the last one."""
    begins = [*(result.begins for result in results[1:]), assumed]
    return bool(results) and [result.ends for result in results] == begins
