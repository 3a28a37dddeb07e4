"""One pass over a journal, in which every record goes by every check of the list."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from hashlib import sha256
from typing import Final

from timebank.audit.base import UNREADABLE, AuditCheck, AuditContext, AuditedRecord, Page, State
from timebank.audit.canonical import Canonical
from timebank.audit.checkpoint import UNUSABLE, Checkpoint, Unusable
from timebank.audit.checks import CHECKS
from timebank.audit.findings import MOST_FINDINGS, Findings
from timebank.audit.heads import Heads
from timebank.audit.plain_runs import PlainRun, StoredColumns, runs_of
from timebank.audit.report import AuditReport, Progress, explained
from timebank.audit.stretches import ASSUMED_BY_ROWS, StretchResult, StretchWorkers, lead_on
from timebank.errors import InvalidRequest
from timebank.journal import canonical, genesis, parse
from timebank.model import Head, RecordRow
from timebank.model.said import said
from timebank.storage.protocol import Reader, surveys

#: Records that are read at once: the more there are, the more of them move each account.
PAGE: Final = 4_000
#: And in the first page: how long they are is known behind it.
FIRST_PAGE: Final = 1_000
#: Bytes of records that the next page is to have at most, if its records are as the last ones:
#: a transfer among hundreds is as long, and moves as many accounts, as hundreds between two.
PAGE_BYTES: Final = 4_000_000


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
        #: How many records others have audited beside this pass, so far.
        self._done_beside: Callable[[], int] = lambda: 0
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
        goes_on, head, shared = self._start(), self._context.head, 0
        self._context.goes_on = goes_on
        try:
            if workers is not None and goes_on and head is not None:
                shared = workers.begin(self._reader, head, self._since)
            for check in self.checks:
                check.start()
            if goes_on:
                if workers is not None and shared:
                    self._share(workers, shared)
                self._read_records()
                for check in self.checks:
                    check.finish()
        except Unusable as error:
            raise _refusal() from error
        finally:
            if workers is not None:
                workers.stop()
        self._heads.find_published()
        return self._report()

    def audit_stretch(self, after: int, through: int) -> StretchResult | None:
        """Audit the records between two; `None` where they are not all well.

        What is before them, but for what a checkpoint tells, is assumed and not audited.

        :raises InvalidRequest: a checkpoint that cannot be used.
        :raises Corrupt: what is there cannot be noted; other errors of what cannot be read.
        """
        self._through = through
        if not self._start():
            return None
        begins = self._assume_through(after)
        self._read_records()
        for check in self.checks:
            check.pause()
        if not self._is_well() or self._context.last != through:
            return None
        counted = {check.key: check.counted() for check in self.checks}
        notes = self.findings.kept_notes()
        return StretchResult(begins, self._fingerprint(), self.count, *notes, counted)

    def _share(self, workers: StretchWorkers, shared: int) -> None:
        """Audit the last stretch alone, from what is assumed; where not all is well, begin again.

        Where `start` found anything no check is made anew: it may know what it told already.
        """
        told, context = self.findings, self._context
        if told.all():
            workers.stop()
            return
        self.findings = context.findings = told.emptied()
        self._done_beside = workers.done
        results: Sequence[StretchResult] | None = None
        with suppress(*UNREADABLE):
            begins = self._assume_through(shared)
            self._read_records()
            results = workers.end(self._tell_progress) if self._is_well() else None
        own, self._done_beside = self.findings, lambda: 0
        self.findings = context.findings = told
        if results is None or not lead_on(results, begins):
            workers.stop()
            self._begin_again()
            return
        for result in results:
            self.count += result.records
            told.add_notes(result.notes, result.more_notes)
            for check in self.checks:
                check.add_counted(result.counted[check.key])
        told.add_notes(*own.kept_notes())

    def _is_well(self) -> bool:
        return self._context.is_complete and not self.findings.all()

    def _begin_again(self) -> None:
        """Forget what was audited of the records, and stand where the pass began."""
        before, since, self.count = self._context, self._since, 0
        self._make_checks()
        context = self._context
        context.head, context.goes_on = before.head, before.goes_on
        context.is_storage_apart = before.is_storage_apart
        if since is not None:
            self._restore(since)
            context.last, context.digest = since.head.sequence, since.head.digest
        elif context.head is not None:
            context.digest = genesis(context.head.journal)

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

    def _tell_progress(self) -> None:
        """Tell how far the audit is."""
        if self._progress is not None:
            before = 0 if self._since is None else self._since.head.sequence
            head = self._context.head
            total = 0 if head is None else head.sequence - before
            self._progress(self.count + self._done_beside(), max(total, 0))

    # -- the journal -----------------------------------------------------------------------

    def _read_records(self) -> None:
        context = self._context
        after, limit = context.last, min(FIRST_PAGE, PAGE)
        while self._through is None or after < self._through:
            try:
                page = StoredColumns.read(
                    self._reader, after=after, limit=self._within(after, limit)
                )
            except UNREADABLE as error:
                if limit > 1:  # look for the one that cannot be read
                    limit //= 2
                    continue
                context.is_complete = False
                context.tell_unreadable(said("record", sequence=after + 1), error)
                if self.findings.count("file") > MOST_FINDINGS or self._is_beyond(after):
                    return
                after += 1
                continue
            if page is None:
                return
            self._check_page(after, page)
            after, limit = page.sequence[-1], _next_limit(page, limit)
            del page  # the next one is read into its place
            self._tell_progress()

    def _check_page(self, after: int, page: StoredColumns) -> None:
        """Run the checks on the records of a page."""
        for part, run in runs_of(page):
            if run is None or not self._take(run):
                for row in part.rows():
                    self._check(row)
        self.count += len(page.sequence)
        read = Page(after, page, self._unreadable)
        for check_page in self._page_steps:
            check_page(read)
        self._unreadable = set()

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
            raise _refusal() from error

    def _stateful(self) -> list[AuditCheck]:
        return [check for check in self.checks if "state" in check.own]

    def _assume_through(self, through: int) -> str:
        """Stand at a record as the stored rows say, unchecked; return the fingerprint of it.

        :raises Corrupt: what is there cannot be noted; other errors of what cannot be read.
        """
        context = self._context
        if context.last < through:
            steps = [check.assume for check in self.checks if "assume" in check.own]
            for row in self._not_by_rows(context.last, through):
                record = AuditedRecord(row, parse(row.body))
                for assume in steps:
                    assume(record)
            last = self._reader.records(after=through - 1, limit=1)[0]
            context.last, context.digest = last.sequence, last.digest
            for check in self.checks:
                check.assume_balances(last)
        return self._fingerprint()

    def _not_by_rows(self, after: int, through: int) -> Iterator[RecordRow]:
        """Yield the records, up to one, whose outcome is not taken from the stored balances."""
        while after < through:
            if surveys(self._reader):
                rows = self._reader.records_but(
                    ASSUMED_BY_ROWS, after=after, through=through, limit=PAGE
                )
                yield from rows
            else:
                rows = self._reader.records(after=after, limit=min(PAGE, through - after))
                yield from (row for row in rows if row.kind not in ASSUMED_BY_ROWS)
            after = rows[-1].sequence if rows else through

    def _fingerprint(self) -> str:
        """Return a digest of where the audit stands, and of all that must be as was assumed."""
        found = sha256(b"%d %s" % (self._context.last, self._context.digest))
        for check in self.checks:
            for part in check.proof():
                found.update(canonical({check.key: part}) + b"\n")
        return found.hexdigest()


def _next_limit(page: StoredColumns, limit: int) -> int:
    """Return how many records to read behind a page that was read with a limit."""
    as_long = PAGE
    with suppress(TypeError, ZeroDivisionError):  # damaged ones may be anything, and empty
        as_long = PAGE_BYTES * len(page.body) // sum(map(len, page.body))
    return max(min(2 * limit, PAGE, as_long), 1)


def _refusal() -> InvalidRequest:
    msg = "this checkpoint cannot be used: audit from the beginning"
    return InvalidRequest(msg).about(key="checkpoint_unusable")


def _sees_transfers(check: AuditCheck) -> bool:
    """Return whether a check looks at the rows of all records, or at those of transfers."""
    is_of_them = check.kinds is None or "transfer" in check.kinds
    return "row" in check.own or ("record" in check.own and is_of_them)
