"""Book what an importer reads, once, thousands of rows at a time.

What was booked before is found by the ids of rows, and where they have none by what they mean: a
second run appends nothing, and one that was broken off goes on (`survey`). What changed in the
source, or is gone from it, is a question; nothing is booked until it is answered (`following`).
Rows of an account that was merged are booked on what it became. Rows that the bank refuses are
quarantined, as are those that the importer could not understand. At the end, accounts are closed
that are closed in the source, and balances are compared with those that it states.

Memory grows with the accounts of the source, and not with its transfers, except for reversals that
come before what they reverse, for quarantined transfers (ten thousand at most), and by the largest
number of rows without ids that mean the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext, suppress
from itertools import chain, islice
from typing import Final, TypeVar

import attrs

from timebank.bank import BankBatch, TimeBank
from timebank.errors import BankNotFound, BooksClosed, Conflict, InvalidRequest, NotPermitted
from timebank.interchange.engine.following import MOST_KEPT, Following, NotFollowed
from timebank.interchange.engine.people import People, people_of
from timebank.interchange.engine.protocol import ImportedRow, Importer
from timebank.interchange.engine.report import ImportReport, Quarantined
from timebank.interchange.engine.rows import MOST_ROWS_KEPT as MOST_ROWS_KEPT  # noqa: PLC0414 - it is public here
from timebank.interchange.engine.rows import REFUSALS as REFUSALS  # noqa: PLC0414 - it is public here
from timebank.interchange.engine.rows import RowBooking
from timebank.interchange.engine.survey import AMEND, MOVE, NEW, REPEAT, Survey
from timebank.interchange.engine.telling import (
    MOST_TOLD,
    changed_rows,
    gone_rows,
    names_of,
    rows_elsewhere,
)
from timebank.reports.told import Refused

Progress = Callable[[int, int], None]
OnQuarantine = Callable[[Quarantined], None]
_Item = TypeVar("_Item")
_Batches = Callable[[], AbstractContextManager[BankBatch]]

#: Rows that are booked together: a commit writes whole pages, of which more rows share each.
CHUNK_ROWS: Final = 5_000
#: How often another writer may come between the look at what was booked and the first commit.
_TIMES: Final = 5
#: The questions that a source may raise.
CHANGED: Final = "changed"
GONE: Final = "gone"
ELSEWHERE: Final = "elsewhere"


@attrs.frozen(kw_only=True)
class Answers:
    """What to do about rows that changed or are gone, and about rows of two files."""

    follow: bool = False
    keep: bool = False
    same_rows: bool = False

    def __attrs_post_init__(self) -> None:
        """Check that they are one answer."""
        if self.follow and self.keep:
            msg = "what changed is followed, or what was booked is kept: not both"
            raise InvalidRequest(msg)


def run(
    bank: TimeBank,
    importer: Importer,
    *,
    strict: bool = False,
    dry_run: bool = False,
    progress: Progress | None = None,
    on_quarantine: OnQuarantine | None = None,
    opening: Iterable[tuple[str, ImportedRow]] = (),
    follow: bool = False,
    keep: bool = False,
    same_rows: bool = False,
) -> ImportReport:
    r"""Book what an importer reads, and report what was not booked.

    Limits are unchecked. Rows are booked five thousand in one batch; with `strict` all of them
    in one, and none unless all are good. A dry run decides the same and writes nothing.
    `progress` is called with the bytes read and their number, where that is known. `opening`
    are rows to be booked after the others, as `opening_balances` reads them.

    Where rows changed or are gone since they were booked, nothing is booked: the report has
    `questions`. With `follow` what is gone is reversed, and what changed is amended or, under its
    own id, reversed and booked anew; with `keep` it stays as it was booked. Nor is anything booked
    where a row without an id stands in two files, unless it was booked already, or `same_rows`
    says that they are the same exchanges.

    :raises OSError: a file cannot be read.
    :raises InvalidRequest: a file as a whole is not what the importer reads, or `follow` with
        `keep`.
    :raises NotPermitted: people are to be found by their names, and accounts may not be listed.
    :raises Retryable: another writer holds the bank, or another import opens the same accounts; a
        repeated import goes on.

    >>> from io import BytesIO
    >>> import timebank
    >>> from timebank.interchange.engine.booking import run
    >>> from timebank.interchange.timeoverflow import TimeOverflow
    >>> users = BytesIO(b"1,2018-01-08,Vera,,,,,,,\n2,2018-01-09,Paolo,,,,,,,\n")
    >>> transfers = BytesIO(b"1,member,2,member,5400,2018-01-17 11:35:48,garden,\n")
    >>> bank = timebank.open("memory:")
    >>> report = run(bank, TimeOverflow(users, transfers))
    >>> report.transfers_booked, report.moved, bank.balance("2").posted
    (1, Hours('1:30'), Hours('1:30'))
    """
    answers = Answers(follow=follow, keep=keep, same_rows=same_rows)
    people = None
    if hasattr(importer, "people"):
        opens = bool(getattr(importer, "opens_accounts", False))
        people = importer.people = people_of(bank, importer.name, opens=opens)
    told = _Told(importer, progress)
    rows: Iterable[tuple[str, ImportedRow]] = chain(importer.read(), opening)
    survey = _survey(bank, importer)
    if survey is not None:
        survey.read(told.telling(rows))
        rows, told = survey.rows, _Told(importer, None)
    for _ in range(_TIMES):
        if survey is not None:
            survey.compare(follow=follow)

        def make(on_quarantine: OnQuarantine | None = on_quarantine) -> _Run:
            return _Run(bank, importer, rows, survey, people, answers, told, on_quarantine)

        try:
            work = _done(make, strict=strict, dry_run=dry_run)
        except _JournalMoved:
            if survey is not None:
                survey.booked.look()
        else:
            return work.report(booked=not dry_run and (work.rows.quarantined == 0 or not strict))
    msg = "others write to this bank all the time: nothing was booked; try again"
    raise Conflict(msg)


def _done(make: Callable[..., _Run], *, strict: bool, dry_run: bool) -> _Run:
    """Return a run that was made: it has booked what it could, or tells why it did not."""
    work = make()
    try:
        if work.takes_back_in_closed_books():
            _refuse_halves(make)
        if work.questions:
            work.only_tell()
        elif dry_run:
            work.preview_all()
        elif strict:
            work.book_strictly()
        else:
            work.book_all()
    except NotFollowed as refused:
        work = make()
        work.not_followed = refused.refusals
        work.only_tell()
    return work


def _refuse_halves(make: Callable[..., _Run]) -> None:
    """Try a run whose source has another row for what is gone, where books are closed.

    What is gone is taken back on a day that is open; the row that stands in its place may be of
    a day that is closed. Half of a correction is none.

    :raises NotFollowed: closed books refuse a row.
    """
    closed: list[tuple[str, str]] = []

    def note(row: Quarantined) -> None:
        if isinstance(row.reason, Refused) and isinstance(row.reason.error, BooksClosed):
            closed.append((f"{row.file}:{row.line}", row.reason))

    make(note).preview_all()
    if closed:
        raise NotFollowed(closed[:MOST_KEPT])


def _survey(bank: TimeBank, importer: Importer) -> Survey | None:
    """Return what compares the rows with what was booked, unless there is nothing to compare."""
    several = getattr(importer, "files_of_transfers", 1) > 1
    try:
        is_new = bank.head().sequence == 0
    except BankNotFound:  # a preview of one that is yet to be made
        is_new = True
    except NotPermitted:  # then all that may be seen is looked at
        is_new = False
    if is_new and not several:
        return None
    survey = Survey(bank, importer.name)
    return survey if several or len(survey.booked) else None


class _JournalMoved(Exception):
    """Another writer came between the look at what was booked and what is to follow it."""


class _NotAllGood(Exception):
    """Rolls back a strict import."""


class _Told:
    """Tells how many bytes are read, after each chunk of rows."""

    def __init__(self, importer: Importer, progress: Progress | None) -> None:
        self._importer, self._progress = importer, progress

    def tell(self) -> None:
        """Tell it now."""
        if self._progress is not None and self._importer.bytes:
            self._progress(self._importer.bytes_read, self._importer.bytes)

    def telling(self, rows: Iterable[_Item]) -> Iterator[_Item]:
        """Yield rows, and tell it on the way."""
        count = 0
        for count, row in enumerate(rows, start=1):
            yield row
            if count % CHUNK_ROWS == 0:
                self.tell()
        if count % CHUNK_ROWS:
            self.tell()


class _Run:
    """One run over all rows."""

    def __init__(  # noqa: PLR0917 - what a run has, all of it
        self,
        bank: TimeBank,
        importer: Importer,
        rows: Iterable[tuple[str, ImportedRow]],
        survey: Survey | None,
        people: People | None,
        answers: Answers,
        told: _Told,
        on_quarantine: OnQuarantine | None,
    ) -> None:
        self._bank, self._importer = bank, importer
        self._survey = survey
        self._answers = answers
        self._told = told
        self._all = rows
        self._following: Following | None = None
        self._people = people
        # Looked up now: when it is followed, what was booked is no longer as it was.
        self._changed = () if survey is None else changed_rows(bank, survey)
        self._gone = () if survey is None else gone_rows(bank, survey)
        self.not_followed: tuple[tuple[str, str], ...] = ()
        self.rows = RowBooking(
            importer.name, survey, people, follows=answers.follow, on_quarantine=on_quarantine
        )
        self.questions = tuple(self._questions())

    def _questions(self) -> Iterator[str]:
        """Yield what has to be answered before anything is booked."""
        survey, answers = self._survey, self._answers
        if survey is None:
            return
        counts = survey.counts()
        changed = counts.get(AMEND, 0) + counts.get(MOVE, 0)
        is_answered = answers.follow or answers.keep
        if changed and not is_answered:
            yield CHANGED
        if survey.gone > survey.perhaps_unread and not is_answered:
            yield GONE
        is_all_there = not (changed or survey.gone or counts.get(NEW) or counts.get(REPEAT))
        if survey.elsewhere and not answers.same_rows and not is_all_there:
            yield ELSEWHERE

    def takes_back_in_closed_books(self) -> bool:
        """Return whether it will take back what is gone, in a bank that has closed its books."""
        is_taken = self._answers.follow and self._survey is not None and self._survey.gone > 0
        with suppress(NotPermitted):  # who may not ask is refused what is closed, row by row
            return is_taken and next(iter(self._bank.closings()), None) is not None
        return False

    def report(self, *, booked: bool) -> ImportReport:
        """Return the counts of the run."""
        report = self.rows.report(
            booked=booked and not self.questions and not self.not_followed,
            questions=self.questions,
            not_followed=self.not_followed,
            near=() if self._people is None else self._people.near(),
        )
        if self._survey is not None:
            report = self._with_survey(report, self._survey)
        report = attrs.evolve(report, rounded=getattr(self._importer, "rounded", 0))
        told = (report.changed, report.gone, report.elsewhere)
        ids = [id for some in told for one in some for id in (one.earner, one.spender)]
        ids += [id for id, _ in (*report.frozen, *report.differ)]
        if report.reconciliation is not None:
            ids += [one.account for one in report.reconciliation.differences[:MOST_TOLD]]
        names = names_of(self._bank, ids)
        if self._people is not None:
            names = {id: self._people.opened[id] for id in ids if id in self._people.opened} | names
        return attrs.evolve(report, names=names)

    def _with_survey(self, report: ImportReport, survey: Survey) -> ImportReport:
        counts = survey.counts()
        following = self._following
        return attrs.evolve(
            report,
            rows_changed=counts.get(AMEND, 0) + counts.get(MOVE, 0),
            changed=self._changed,
            rows_gone=survey.gone,
            gone=self._gone,
            gone_perhaps=survey.perhaps_unread,
            rows_elsewhere=survey.elsewhere,
            elsewhere=rows_elsewhere(survey),
            taken_back=0 if following is None else following.taken_back,
            amended=0 if following is None else following.amended,
        )

    def only_tell(self) -> None:
        """Book nothing, and count what is there and what waits for an answer."""
        for chunk in _chunks(enumerate(self._all)):
            self.rows.tell(self._bank, chunk)

    def book_strictly(self) -> None:
        """Book all rows in one batch, which is rolled back unless all are good."""
        try:
            with self._bank.batch() as batch:
                self.book_all(lambda: nullcontext(batch))
                if self.rows.quarantined:
                    raise _NotAllGood
        except _NotAllGood:
            pass  # the report says which rows were not

    def preview_all(self) -> None:
        """Decide all rows, and write nothing."""
        with self._bank.preview() as preview:
            self.book_all(lambda: nullcontext(preview))

    def book_all(self, batches: _Batches | None = None) -> None:
        """Book all rows, thousands in each batch; then what had to wait for the last of them."""
        batches = self._bank.batch if batches is None else batches
        if self._survey is not None and self._answers.follow:
            self._follow(batches, self._survey)
        for chunk in _chunks(enumerate(self._all)):
            with batches() as batch:
                self.rows.book(batch, chunk)
            self._told.tell()
        for late in _chunks(self.rows.late):
            with batches() as batch:
                self.rows.reverse_late(batch, late)
        with batches() as batch:
            self.rows.end(batch)

    def _follow(self, batches: _Batches, survey: Survey) -> None:
        following = self._following = Following(survey, self.rows.endings)
        if not following.is_needed():
            return
        with batches() as batch:
            if batch.head().sequence != survey.booked.head:
                raise _JournalMoved
            self.rows.begin(batch)
            following.follow(batch, self.rows.book_again)


def _chunks(items: Iterable[_Item]) -> Iterator[list[_Item]]:
    waiting = iter(items)
    while chunk := list(islice(waiting, CHUNK_ROWS)):
        yield chunk
