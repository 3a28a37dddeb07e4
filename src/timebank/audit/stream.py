"""One pass over the journal, in which every record goes by every check."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, Final, Protocol

from timebank.audit.asked import differences
from timebank.audit.checkpoint import Checkpoint, restore, state_of
from timebank.audit.clocks import Clocks
from timebank.audit.derived import DerivedRows
from timebank.audit.dues import DueRecords
from timebank.audit.limits import Limits
from timebank.audit.lives import Lives
from timebank.audit.movements import Movements
from timebank.audit.plain import plain
from timebank.audit.published import is_in
from timebank.audit.report import (
    AUDIT_CHECKS,
    MOST_FINDINGS,
    OF_STORAGE,
    AuditReport,
    Findings,
    Progress,
    quantity,
)
from timebank.audit.reversals import Reversals
from timebank.audit.shapes import problems
from timebank.audit.statutes import Statutes
from timebank.audit.texts import Texts
from timebank.errors import Corrupt, TimebankError, shown
from timebank.journal import FORMAT, canonical, digest, genesis, parse, refers_to
from timebank.journal.fold import Derived, Fold, imbalance
from timebank.model import MAX_INTEGER, Flag, Head, RecordRow
from timebank.storage.protocol import Reader, finds_many

PAGE: Final = 500
#: What reading rows of any value may raise, a driver's refusal of odd values included.
_UNREADABLE: Final = (
    TimebankError,
    AttributeError,
    LookupError,
    OverflowError,
    TypeError,
    ValueError,
)


class Apart(Protocol):
    """Audits stretches of the journal beside the audit itself, in other processes."""

    def begin(self, reader: Reader, head: Head, since: Checkpoint | None) -> None:
        """Start on what leads from the checkpoint, or the beginning, to the head."""

    def end(self, audit: Audit) -> None:
        """Wait for them. Where all is well the audit goes on from there, else it does it itself."""

    def stop(self) -> None:
        """Let go of what is still under way; safe to call twice."""


class Audit:
    """Reads one snapshot once; `run` gives the report."""

    def __init__(
        self,
        reader: Reader,
        progress: Progress | None,
        *,
        since: Checkpoint | None = None,
        expect: Iterable[Head] = (),
    ) -> None:
        self._reader, self._progress = reader, progress
        self._since, self._expect = since, tuple(expect)
        self.findings = Findings()
        self._head: Head | None = None
        self.count, self._accounts = 0, 0
        self._last, self._digest = 0, b""
        self._whole = True
        self._through: int | None = None
        self._ids: list[tuple[str, int]] = []

    def run(self, apart: Apart | None = None) -> AuditReport:
        """Check what the storage says of itself, then the journal, then what is derived.

        :raises InvalidRequest: a checkpoint that cannot be used.
        """
        goes_on = self._start()
        try:
            if apart is not None and goes_on and self._head is not None:
                apart.begin(self._reader, self._head, self._since)
            if self._since is None:
                self._try("storage", self._faults)
                self._try("records before the first", self._before)
            if goes_on:
                if apart is not None:
                    apart.end(self)
                self._records()
                self._try("accounts and postings", self._finish_derived)
                self._try("texts", lambda: self.texts.finish(end=self._last))
                self._compare_head()
        finally:
            if apart is not None:
                apart.stop()
        self._try("published heads", self._published)
        return self._report()

    def go_through(self, through: int) -> bool:
        """Check a stretch only, up to this record; whether it was reached and nothing found.

        :raises InvalidRequest: a checkpoint that cannot be used.
        """
        self._through = through
        if not self._start():
            return False
        self._records()
        self._try("postings", self.derived.compare)
        self._try("texts", lambda: self.texts.pause(end=self._last))
        return self._whole and self._last == through and not self.findings.all()

    def stands(self) -> Head:
        """The last record that was checked."""
        journal = "" if self._head is None else self._head.journal
        return Head(journal, self._last, self._digest)

    def go_on_from(self, known: Checkpoint) -> None:
        """Know what is known there, and check what comes behind it.

        :raises InvalidRequest: it cannot be used.
        """
        restore(self, known)
        self._last, self._digest = known.head.sequence, known.head.digest

    def _start(self) -> bool:
        """The head and what is known before; whether the journal goes on from there."""
        self._try("head", self._read_head)
        self.begin()
        if self._since is None:
            return True
        restore(self, self._since)
        return self._goes_on(self._since.head)

    def begin(self) -> None:
        """The checks, which know nothing yet."""
        self.fold = Fold()
        self.derived = DerivedRows(self._reader, self.findings)
        self.texts = Texts(self._reader, self.findings)
        self.statutes = Statutes(self.findings)
        self.limits = Limits(self.fold, self.statutes, self.findings)
        self.movements = Movements(self._reader, self.fold, self.statutes, self.findings)
        self.lives = Lives(self.statutes, self.findings)
        self.dues = DueRecords(self._reader, self.lives, self.statutes, self.findings)
        self.reversals = Reversals(self._reader, self.findings)
        self.clocks = Clocks(self.statutes, self.findings)

    def _report(self) -> AuditReport:
        findings, head = self.findings.all(), self._head
        checkpoint = None
        if not findings and head is not None:
            checkpoint = Checkpoint(head, lambda: state_of(self))
        # With a checkpoint the storage is not asked about itself.
        left_out = frozenset({"published"}) if self._since is None else OF_STORAGE
        if self._expect:
            left_out -= {"published"}
        names = tuple(check.name for check in AUDIT_CHECKS if check.name not in left_out)
        return AuditReport(
            findings,
            head,
            self.count,
            self._accounts,
            checks=names,
            notes=self.findings.notes(),
            since=None if self._since is None else self._since.head.sequence,
            checkpoint=checkpoint,
        )

    def _goes_on(self, known: Head) -> bool:
        """Whether the journal is the one of the checkpoint; where it is not, it is a finding."""
        found: list[bool] = []
        place = f"head {known.sequence}, of the checkpoint"
        self._try(place, lambda: found.append(is_in(self._reader, self.findings, known)))
        if not any(found):
            return False
        self._last, self._digest = known.sequence, known.digest
        return True

    def _published(self) -> None:
        for head in self._expect:
            is_in(self._reader, self.findings, head)

    def _add(self, check: str, place: str, expected: str, found: str) -> None:
        self.findings.add(check, place, expected=expected, found=found)

    def _try(self, place: str, read: Callable[[], None]) -> bool:
        """Whether a part could be read; where not, it is a finding and the next goes on."""
        try:
            read()
        except _UNREADABLE as error:
            self._add("file", place, "can be read", str(error) or repr(error))
            return False
        return True

    # -- storage --------------------------------------------------------------

    def _faults(self) -> None:
        for fault in self._reader.faults(self._tell):
            self._add(*fault)

    def tell(self, done: int) -> None:
        """Say how far it is."""
        if self._progress is not None:
            before = 0 if self._since is None else self._since.head.sequence
            total = 0 if self._head is None else self._head.sequence - before
            self._progress(done, max(total, 0))

    def _tell(self) -> None:
        self.tell(self.count)

    def _read_head(self) -> None:
        head = self._reader.head()
        if type(head.journal) is not str:
            self._add("head", "journal id", "a string", shown(head.journal))
            return
        self._head, self._digest = head, genesis(head.journal)

    def _finish_derived(self) -> None:
        is_whole = self._since is None
        self._accounts = self.derived.finish(self.fold, is_whole=is_whole)

    def _compare_head(self) -> None:
        if self._head is None:
            return
        stands = (self._head.sequence, self._head.digest)
        if self._whole and stands != (self._last, self._digest):
            self._add(
                "head",
                "head",
                f"the last record, {self._last} {self._digest.hex()}",
                f"{shown(stands[0])} {stands[1].hex()}",
            )

    # -- the journal ----------------------------------------------------------

    def _before(self) -> None:
        """Nothing is numbered below 1."""
        for row in self._reader.records(after=-MAX_INTEGER, limit=PAGE):
            if row.sequence >= 1:
                return
            self._add("sequence", f"record {row.sequence}", "records from 1", f"{row.sequence}")

    def _records(self) -> None:
        after, limit, page = self._last, PAGE, list[RecordRow]()
        while self._through is None or after < self._through:
            try:
                page = self._reader.records(after=after, limit=self._within(after, limit))
            except _UNREADABLE as error:
                if limit > 1:  # look for the one that cannot be read
                    limit = 1
                    continue
                self._whole = False
                self._add("file", f"record {after + 1}", "can be read", str(error) or repr(error))
                if self.findings.count("file") > MOST_FINDINGS or self._beyond(after):
                    return
                after += 1
                continue
            if not page:
                return
            for row in page:
                self._record(row)
            through = page[-1].sequence
            self._find_ids()
            self._try(f"texts of records {after + 1} to {through}", self._page(after, through))
            after, limit = through, PAGE
            self._tell()

    def _within(self, after: int, limit: int) -> int:
        """How many records to read: of a stretch only what is left."""
        return limit if self._through is None else min(limit, self._through - after)

    def _find_ids(self) -> None:
        """Each id of a page finds its record: all at once, or where they do not, one by one."""
        ids, self._ids = self._ids, []
        if not _all_found(self._reader, ids):
            for id, sequence in ids:
                self._try(f"record {sequence}", partial(self._find_id, id, sequence))

    def _find_id(self, id: str, sequence: int) -> None:
        other = self._reader.find(id)
        if other is None or other.sequence != sequence:
            found = "no record" if other is None else f"record {other.sequence}"
            self._add("ids", f"id {shown(id)}", f"record {sequence}", found)

    def _page(self, after: int, through: int) -> Callable[[], None]:
        return lambda: self.texts.page(after=after, through=through)

    def _beyond(self, after: int) -> bool:
        """Whether there is nothing behind a record that cannot be read."""
        return self._head is None or after + 1 >= self._head.sequence

    def _record(self, row: RecordRow) -> None:
        self.count += 1
        sequence, body = row.sequence, row.body
        follows = sequence == self._last + 1
        if not follows:
            expected_next = f"record {self._last + 1}"
            self._add("sequence", f"record {sequence}", expected_next, f"record {sequence}")
        elif self._head is not None:
            expected = digest(self._digest, body)
            if row.digest != expected:
                self._add("chain", f"record {sequence}", expected.hex(), row.digest.hex())
        self._last, self._digest = sequence, row.digest
        record = self._read(row)
        if record is None:
            self.texts.unreadable(sequence)
            return
        try:
            self._judge(row, record)
        except _UNREADABLE as error:
            self._add("file", f"record {sequence}", "can be read", str(error) or repr(error))

    def _read(self, row: RecordRow) -> dict[str, Any] | None:
        """What a record says, or nothing where no check could rely on it."""
        record = plain(row.body)
        if record is not None:
            return record
        place = f"record {row.sequence}"
        try:
            record = parse(row.body)
            if canonical(record) != row.body:
                self._add("canonical", place, "canonical bytes", "other bytes of the same meaning")
        except (Corrupt, ValueError, RecursionError) as error:
            self._add("canonical", place, "canonical JSON", str(error))
            return None
        sound = True
        for expected, found in problems(record):
            self._add("canonical", place, expected, found)
            sound = False
        return record if sound else None

    def _judge(self, row: RecordRow, record: dict[str, Any]) -> None:
        sequence, place = row.sequence, f"record {row.sequence}"
        kind, request, effects = record["kind"], record["request"], record["effects"]
        self._names(row, record)
        if row.kind != kind:
            self._add("canonical", place, f"kind {shown(kind)}", f"kind {shown(row.kind)}")
        if row.id != request.get("id"):
            self._add("canonical", place, f"id {shown(request.get('id'))}", f"id {shown(row.id)}")
        if row.refers_to != refers_to(effects):
            expected = f"refers_to {shown(refers_to(effects))}"
            self._add("canonical", place, expected, f"refers_to {shown(row.refers_to)}")
        if total := imbalance(effects):
            self._add("zero-sum", place, "postings that sum to 0:00", quantity(total))
        for asked, found in differences(kind, request, effects):
            self._add("effects", place, asked, found)
        self.texts.record(sequence, kind, request, effects)
        self.statutes.record(sequence, record)
        self.clocks.record(sequence, record)
        via = self.movements.record(sequence, record)
        if kind == "due":
            self.dues.record(sequence, record)
        try:
            derived = self.fold.apply(sequence, kind, effects)
        except Corrupt as error:
            self._add("effects", place, "effects that can be executed", str(error))
        else:
            self._executed(sequence, record, derived, via)
            self.lives.record(sequence, record)
        if row.id is not None:
            self._ids.append((row.id, sequence))

    def _executed(
        self, sequence: int, record: dict[str, Any], derived: Derived, via: str | None
    ) -> None:
        if derived.postings:
            self.derived.expect(derived.postings)
            self.dues.posted(derived.postings)
        if derived.statute is not None:
            self.derived.adopted(derived.statute)
        self.limits.record(sequence, record, derived, via)
        if record["kind"] == "reverse":
            self.reversals.record(sequence, record["request"], record["effects"])
        for flag in record["effects"].get("flags", ()):
            self.findings.note(f"record {sequence}", str(Flag.of(flag)))

    def _names(self, row: RecordRow, record: dict[str, Any]) -> None:
        """A record says where it belongs, so that it cannot be moved elsewhere."""
        journal = record["journal"] if self._head is None else self._head.journal
        known = (FORMAT, journal, row.sequence)
        if (record["format"], record["journal"], record["sequence"]) == known:
            return
        for field, expected in zip(("format", "journal", "sequence"), known, strict=True):
            if record[field] != expected:
                self._add(
                    "chain",
                    f"record {row.sequence}",
                    f"{field} {shown(expected)}",
                    f"{field} {shown(record[field])}",
                )


def _all_found(reader: Reader, ids: list[tuple[str, int]]) -> bool:
    """Whether a store that looks up many ids at once finds exactly these records by them."""
    if not finds_many(reader):
        return False
    try:
        return sorted(reader.sequences([id for id, _ in ids])) == sorted(ids)
    except _UNREADABLE:
        return False
