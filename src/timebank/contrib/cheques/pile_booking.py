"""Decide what becomes of a pile, and book it: in one commit, or not at all.

What a preview says is what booking does, for both decide by the same calls: the one on a preview
of the bank, the other on a batch.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterable
from typing import Final

import attrs

from timebank.bank import BankBatch, TimeBank
from timebank.contrib.cheques.booking import enter
from timebank.contrib.cheques.looking import Entered, booklet, entered, names_of
from timebank.contrib.cheques.pile_entries import Entry, entries_of
from timebank.contrib.cheques.pile_report import (
    BOOKED,
    REFUSED,
    SAME,
    THERE,
    LineReport,
    PileReport,
)
from timebank.contrib.cheques.piles import Pile
from timebank.errors import (
    BookletNotFound,
    ChequeEntered,
    IdempotencyMismatch,
    InvalidRequest,
    LimitExceeded,
    NotFound,
    NotPermitted,
    Rejected,
)
from timebank.model import Transfer
from timebank.reports.told import refused_by

#: What refuses a line. Anything else is of the storage, and ends the whole.
_REFUSALS: Final = (InvalidRequest, IdempotencyMismatch, NotFound, Rejected)


class _NotAllGood(Exception):
    """Rolls a pile back."""


def preview(bank: TimeBank, pile: Pile) -> PileReport:
    """Return what booking a pile would do, line by line. Nothing is written.

    :raises StoreError: the storage failed; or another error that is not of a line.

    >>> import timebank
    >>> from timebank.contrib import cheques
    >>> bank = timebank.open("memory:")
    >>> _ = bank.open_account("m1"), bank.open_account("m2", name="Luca B.")
    >>> number = str(cheques.issue(bank, "m1").out[0])
    >>> pile = cheques.pile_of([{"number": number, "earner": "luca b.", "hours": "1:30"}])
    >>> report = cheques.preview(bank, pile)
    >>> [(one.outcome, one.spender, one.earner) for one in report.lines], str(report.hours)
    ([('booked', 'm1', 'm2')], '1:30')
    >>> report.done, str(bank.balance("m2").posted)
    (False, '0:00')
    """
    entries = entries_of(bank, pile)
    with bank.preview() as handle:
        lines = _Decision(handle).lines(entries)
    return _report(bank, pile, lines, done=False)


def book(
    bank: TimeBank, pile: Pile, *, leave_out: bool = False, seen: str | None = None
) -> PileReport:
    """Book a pile in one commit, and return what became of each line.

    Where a line is refused nothing is booked, and the report is not `done`; with `leave_out` the
    others are. A number that was entered already is no refusal, if it was entered so: a pile may
    be booked again, and by any number of people at the same time. Lines that a limit refuses are
    tried again behind the others, for the papers of a drawer are in no order.

    `seen` is the `digest` of the pile that was shown to who books: where it is of other lines,
    nothing is booked, and the report is that of `preview`.

    :raises OutcomeUnknown: the connection was lost at the commit: book it again, each number
        counts once.
    :raises StoreError: the storage failed; or another error that is not of a line.

    >>> import timebank
    >>> from timebank.contrib import cheques
    >>> bank = timebank.open("memory:")
    >>> _ = bank.open_account("m1"), bank.open_account("m2")
    >>> number = str(cheques.issue(bank, "m1").out[0])
    >>> pile = cheques.pile_of([{"number": number, "earner": "m2", "hours": "1:30"}])
    >>> [cheques.book(bank, pile).lines[0].outcome for _ in range(2)]
    ['booked', 'there']
    >>> str(bank.balance("m2").posted)
    '1:30'
    >>> cheques.book(bank, pile, seen="of other lines").done
    False
    """
    if seen not in {None, pile.digest}:
        return preview(bank, pile)
    entries = entries_of(bank, pile)
    lines: tuple[LineReport, ...] = ()
    try:
        with bank.batch() as handle:
            lines = _Decision(handle).lines(entries)
            if not leave_out and any(one.outcome == REFUSED for one in lines):
                raise _NotAllGood
    except _NotAllGood:
        done = False
    else:
        done = True
    return _report(bank, pile, lines, done=done)


class _Decision:
    """Decides the entries of a pile, on a batch or on a preview."""

    def __init__(self, handle: BankBatch) -> None:
        self._handle = handle
        #: Booklet → whose it is; `None` where nobody's, or where that may not be seen.
        self._owners: dict[int, str | None] = {}

    def lines(self, entries: Iterable[Entry]) -> tuple[LineReport, ...]:
        """Return what becomes of each, in their order."""
        found: dict[int, LineReport] = {}
        waiting: list[Entry] = []
        first: dict[str, int] = {}
        for entry in entries:
            number = str(entry.number)
            if entry.fault is not None:
                found[entry.line.line] = self._report(entry, REFUSED, reason=entry.fault)
            elif number in first:
                same = self._report(entry, SAME, of_line=first[number])
                found[entry.line.line] = same
            else:
                first[number] = entry.line.line
                waiting.append(entry)
        refused = self._enter_all(waiting, found)
        self._enter_all(refused, found)  # the others said since what may still be moved
        return tuple(found[line] for line in sorted(found))

    def _enter_all(self, entries: Iterable[Entry], found: dict[int, LineReport]) -> list[Entry]:
        """Enter what can be entered; return what a limit refused.

        An entry that an account's floor refuses is tried again where that account has earned since,
        and one that its ceiling refuses where it has spent: no entry is tried for nothing.
        """
        queue = deque(entries)
        waiting: defaultdict[tuple[str | None, str], list[Entry]] = defaultdict(list)
        while queue:
            entry = queue.popleft()
            try:
                made = self._entered(entry)
            except _REFUSALS as error:
                made = self._report(entry, REFUSED, reason=refused_by(error))
                if isinstance(error, LimitExceeded):
                    waiting[error.account, error.rule].append(entry)
            found[entry.line.line] = made
            if made.outcome == BOOKED:
                queue += waiting.pop((made.earner, "floor"), ())
                queue += waiting.pop((made.spender, "ceiling"), ())
        return [entry for some in waiting.values() for entry in some]

    def _entered(self, entry: Entry) -> LineReport:
        """Enter a cheque; one that was entered so before is, however it was described then.

        :raises TimebankError: it is refused.
        """
        differs = False
        try:
            made: Transfer = enter(self._handle, str(entry.number), **entry.asked)
        except ChequeEntered as error:
            original = error.original
            if not isinstance(original, Transfer):
                raise
            known, made, differs = entered(self._handle, original), original, True
            if not _is_so(made, known, entry):
                raise
        else:
            if not made.repeated:
                return attrs.evolve(self._entered_as(entry, made, BOOKED), flags=made.flags)
            known = entered(self._handle, made)
        return attrs.evolve(
            self._entered_as(entry, made, THERE),
            entered_on=known.on,
            differs=differs,
            is_reversed=known.reversed >= made.hours,
        )

    def _entered_as(self, entry: Entry, made: Transfer, outcome: str) -> LineReport:
        """Return what becomes of a cheque that is entered as an exchange."""
        return attrs.evolve(
            self._report(entry, outcome),
            day=made.occurred_on,
            spender=next(iter(made.spenders)),
            earner=next(iter(made.earners)),
            hours=made.hours,
        )

    def _report(
        self, entry: Entry, outcome: str, *, reason: str | None = None, of_line: int | None = None
    ) -> LineReport:
        written = entry.line.values.get("number", "")
        return LineReport(
            line=entry.line.line,
            number=written if entry.number is None else str(entry.number),
            outcome=outcome,
            day=entry.day,
            spender=self._owner(entry),
            earner=entry.earner,
            hours=entry.hours,
            of_line=of_line,
            reason=reason,
            cells=entry.line.cells,
        )

    def _owner(self, entry: Entry) -> str | None:
        """Return whose booklet a number is of, where there is such a booklet."""
        if entry.number is None:
            return None
        number = entry.number.booklet
        if number not in self._owners:
            try:
                self._owners[number] = booklet(self._handle, number).account
            except (BookletNotFound, NotPermitted):
                self._owners[number] = None
        return self._owners[number]


def _is_so(original: Transfer, known: Entered, entry: Entry) -> bool:
    """Return whether an exchange has the earner, the hours and the day of an entry.

    Who earned may have been merged into another since.
    """
    return (
        entry.earner in {*original.earners, known.earner}
        and entry.hours in {original.hours, original.asked}
        and entry.day in {original.occurred_on, None}
    )


def _report(bank: TimeBank, pile: Pile, lines: tuple[LineReport, ...], *, done: bool) -> PileReport:
    ids = (id for one in lines for id in (one.spender, one.earner) if id is not None)
    return PileReport(
        name=pile.name,
        lines=lines,
        done=done,
        names=names_of(bank, ids),
        unread=pile.unread,
        has_headings=pile.has_headings,
    )
