"""One pass over a journal, in which every record goes by every check of the list."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from typing import Final, Protocol

from timebank.audit.base import UNREADABLE, AuditCheck, AuditContext, AuditedRecord, Page, State
from timebank.audit.canonical import Canonical
from timebank.audit.checkpoint import UNUSABLE, Checkpoint
from timebank.audit.checks import CHECKS
from timebank.audit.findings import MOST_FINDINGS, Findings, Note
from timebank.audit.heads import Heads
from timebank.audit.plain_runs import PlainRun, runs_of
from timebank.audit.report import AuditReport, Progress, explained
from timebank.errors import InvalidRequest
from timebank.journal import parse
from timebank.model import Head, RecordRow
from timebank.model.said import said
from timebank.storage.protocol import Reader

PAGE: Final = 1_000


class StretchWorkers(Protocol):
    """Audits stretches of the journal beside the audit itself, in other processes."""

    def begin(self, reader: Reader, head: Head, since: Checkpoint | None) -> None:
        """Start on what leads from the checkpoint, or the beginning, to the head."""

    def end(self, audit: AuditPass) -> None:
        """Wait for them. Where all is well the audit goes on from there, else from the start."""

    def stop(self) -> None:
        """End what is still under way; safe to call twice."""


class AuditPass:
    """Reads one snapshot once; `run` gives the report."""

    def __init__(
        self,
        reader: Reader,
        progress: Progress | None,
        *,
        since: Checkpoint | None = None,
        expect: Iterable[Head] = (),
        now: int | None = None,
        is_storage_known: bool = False,
        checks: Sequence[type[AuditCheck]] = CHECKS,
    ) -> None:
        self._reader, self._progress = reader, progress
        self._since, self._expect, self._now = since, tuple(expect), now
        self._is_storage_known = is_storage_known
        self._classes = checks
        promises = [promise for check in checks for promise in check.promises]
        self.findings = Findings(promises, reads="all" if since is None else "new")
        self.count = 0
        self._through: int | None = None
        self._make_checks()

    def _make_checks(self) -> None:
        """Make the checks, which know nothing yet."""
        context = self._context = AuditContext(
            self._reader,
            self.findings,
            since=None if self._since is None else self._since.head,
            expect=self._expect,
            now=self._now,
            is_storage_known=self._is_storage_known,
            tell_progress=self._tell_progress,
        )
        for check in self._classes:
            context.checks[check] = check(context)
        self.checks = tuple(context.checks.values())
        self._canonical, self._heads = context.check(Canonical), context.check(Heads)
        self._row_steps = [check.row for check in self.checks if "row" in check.own]
        self._page_steps = [check.page for check in self.checks if "page" in check.own]
        self._of_runs = [check for check in self.checks if _sees_transfers(check)]
        self._steps: dict[str, tuple[Callable[[AuditedRecord], None], ...]] = {}
        self._unreadable: set[int] = set()

    # -- the pass --------------------------------------------------------------------------

    def run(self, workers: StretchWorkers | None = None) -> AuditReport:
        """Check what lies before the journal, each record, and what is derived.

        :raises InvalidRequest: a checkpoint that cannot be used.
        """
        goes_on, head = self._start(), self._context.head
        self._context.goes_on = goes_on
        try:
            if workers is not None and goes_on and head is not None:
                workers.begin(self._reader, head, self._since)
            for check in self.checks:
                check.start()
            if goes_on:
                if workers is not None:
                    workers.end(self)
                self._read_records()
                for check in self.checks:
                    check.finish()
        finally:
            if workers is not None:
                workers.stop()
        self._heads.find_published()
        return self._report()

    def run_through(self, through: int) -> bool:
        """Check a stretch only, up to this record; whether it was reached and nothing found.

        :raises InvalidRequest: a checkpoint that cannot be used.
        """
        self._through = through
        if not self._start():
            return False
        self._read_records()
        for check in self.checks:
            check.pause()
        context = self._context
        return context.is_complete and context.last == through and not self.findings.all()

    def _start(self) -> bool:
        """Read the head and what was known; return whether the journal goes on from there."""
        self._heads.read_head()
        if self._since is None:
            return True
        self._restore(self._since)
        known = self._since.head
        goes_on = False
        with self._heads.reading("head_of_the_checkpoint", sequence=known.sequence):
            goes_on = self._heads.has(known)
        if goes_on:
            self._context.last, self._context.digest = known.sequence, known.digest
        return goes_on

    def _report(self) -> AuditReport:
        findings, head = self.findings.all(), self._context.head
        report = AuditReport(
            findings,
            head,
            self.count,
            self._context.accounts,
            checks=tuple(name for check in self.checks for name in check.names_checked()),
            notes=self.findings.notes(),
            since=None if self._since is None else self._since.head.sequence,
            checkpoint=None if findings or head is None else Checkpoint(head, self.state),
            apart=tuple(name for check in self.checks for name in check.names_apart()),
        )
        return explained(report, self._reader) if findings else report

    def tell_progress(self, done: int) -> None:
        """Tell how far the audit is."""
        if self._progress is not None:
            before = 0 if self._since is None else self._since.head.sequence
            head = self._context.head
            total = 0 if head is None else head.sequence - before
            self._progress(done, max(total, 0))

    def _tell_progress(self) -> None:
        self.tell_progress(self.count)

    # -- the journal -----------------------------------------------------------------------

    def _read_records(self) -> None:
        context = self._context
        after, limit, page = context.last, PAGE, list[RecordRow]()
        while self._through is None or after < self._through:
            try:
                page = self._reader.records(after=after, limit=self._within(after, limit))
            except UNREADABLE as error:
                if limit > 1:  # look for the one that cannot be read
                    limit = 1
                    continue
                context.is_complete = False
                context.tell_unreadable(said("record", sequence=after + 1), error)
                if self.findings.count("file") > MOST_FINDINGS or self._is_beyond(after):
                    return
                after += 1
                continue
            if not page:
                return
            for rows, run in runs_of(page):
                if run is None or not self._take(run):
                    for row in rows:
                        self._check(row)
            self.count += len(page)
            read = Page(after, page, self._unreadable)
            for check_page in self._page_steps:
                check_page(read)
            self._unreadable = set()
            after, limit = page[-1].sequence, PAGE
            self._tell_progress()

    def _within(self, after: int, limit: int) -> int:
        """Return how many records to read: of a stretch only what is left."""
        return limit if self._through is None else min(limit, self._through - after)

    def _is_beyond(self, after: int) -> bool:
        """Return whether there is nothing behind a record that cannot be read."""
        head = self._context.head
        return head is None or after + 1 >= head.sequence

    def _take(self, run: PlainRun) -> bool:
        """Go on behind a run, where each check is sure that there is nothing to tell of it."""
        try:
            is_sure = run.execute(self._context.fold.balances) and all(
                check.is_sure(run) for check in self._of_runs
            )
        except UNREADABLE:
            return False
        if is_sure:
            for check in self._of_runs:
                check.take(run)
        return is_sure

    def _check(self, row: RecordRow) -> None:
        """Run the checks on one record; one that fails to read it does not stop the others."""
        for check_row in self._row_steps:
            check_row(row)
        content = self._canonical.read(row)
        if content is None:
            self._unreadable.add(row.sequence)
            return
        record = AuditedRecord(row, content)
        steps = iter(self._steps.get(record.kind) or self._steps_of(record.kind))
        try:
            for step in steps:
                step(record)
        except UNREADABLE as error:
            self._context.tell_unreadable(said("record", sequence=record.sequence), error)
            for step in steps:
                with suppress(*UNREADABLE):
                    step(record)

    def _steps_of(self, kind: str) -> tuple[Callable[[AuditedRecord], None], ...]:
        """Return the checks that look at records of a kind."""
        self._steps[kind] = tuple(
            check.record
            for check in self.checks
            if "record" in check.own and (check.kinds is None or kind in check.kinds)
        )
        return self._steps[kind]

    # -- checkpoints and stretches -----------------------------------------------------------

    def state(self) -> State:
        """Return what each check knows, by its key."""
        return {check.key: check.state() for check in self._stateful()}

    def _restore(self, checkpoint: Checkpoint) -> None:
        """Restore the state of each check from a checkpoint.

        :raises InvalidRequest: what was written cannot be.
        """
        try:
            states = checkpoint.state()
            checks = {check.key: check for check in self._stateful()}
            if states.keys() != checks.keys():
                raise KeyError(*states)
            for key, check in checks.items():
                check.restore(states[key])
        except UNUSABLE as error:
            msg = "this checkpoint cannot be used: audit from the beginning"
            raise InvalidRequest(msg) from error

    def _stateful(self) -> list[AuditCheck]:
        return [check for check in self.checks if "state" in check.own]

    def checkpoint(self) -> Checkpoint:
        """Return a checkpoint of where the audit is now."""
        context, state = self._context, self.state()
        journal = "" if context.head is None else context.head.journal
        return Checkpoint(Head(journal, context.last, context.digest), lambda: state)

    def resume(self, checkpoint: Checkpoint) -> None:
        """Forget what was known, and go on from a checkpoint.

        :raises InvalidRequest: a checkpoint that cannot be used.
        """
        head = self._context.head
        self._make_checks()
        self._restore(checkpoint)
        self._context.head = head
        self._context.last = checkpoint.head.sequence
        self._context.digest = checkpoint.head.digest

    def add(self, records: int, notes: Iterable[Note], more_notes: int) -> None:
        """Count records that others checked, and add their notes."""
        self.count += records
        self.findings.add_notes(notes, more_notes)

    def assume(self, row: RecordRow) -> None:
        """Let the checks take note of a record, unchecked.

        :raises Corrupt: it cannot be; other errors of what cannot be read.
        """
        record = AuditedRecord(row, parse(row.body))
        for check in self.checks:
            check.assume(record)

    def assumed(self, head: Head, last: RecordRow) -> Checkpoint:
        """Return the checkpoint that is assumed at a record, without checking what led to it."""
        for check in self.checks:
            check.assume_balances(last)
        state = self.state()
        return Checkpoint(Head(head.journal, last.sequence, last.digest), lambda: state)

    def comparable(self, states: State) -> State:
        """Return the parts of the checks' states that must be what was assumed."""
        return {check.key: check.comparable(states[check.key]) for check in self._stateful()}

    def joined(self, states: Sequence[State]) -> State:
        """Return the checks' states behind stretches that ended with these."""
        return {
            check.key: check.joined([state[check.key] for state in states])
            for check in self._stateful()
        }


def _sees_transfers(check: AuditCheck) -> bool:
    """Return whether a check looks at the rows of all records, or at those of transfers."""
    is_of_them = check.kinds is None or "transfer" in check.kinds
    return "row" in check.own or ("record" in check.own and is_of_them)
