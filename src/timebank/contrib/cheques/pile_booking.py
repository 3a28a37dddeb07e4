"""Decide what becomes of a pile, and book it: in one commit, or not at all.

What a preview says is what booking does, for both decide by the same calls: the one on a preview
of the bank, the other on a batch.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import attrs

from timebank.bank import BankBatch, TimeBank
from timebank.contrib.cheques.booking import booklet, enter
from timebank.contrib.cheques.looking import recorded_on
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
    TimebankError,
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
        while waiting:
            refused = self._pass(waiting, found)
            if len(refused) == len(waiting):
                break
            waiting = refused
        return tuple(found[line] for line in sorted(found))

    def _pass(self, entries: Iterable[Entry], found: dict[int, LineReport]) -> list[Entry]:
        """Enter what can be entered; return what a limit refused, which others may make room."""
        refused = []
        for entry in entries:
            try:
                found[entry.line.line] = self._entered(entry)
            except _REFUSALS as error:
                found[entry.line.line] = self._report(entry, REFUSED, reason=refused_by(error))
                if isinstance(error, LimitExceeded):
                    refused.append(entry)
        return refused

    def _entered(self, entry: Entry) -> LineReport:
        """Enter a cheque; one that was entered so before is, however it was described then.

        :raises TimebankError: it is refused.
        """
        try:
            made: Transfer = enter(self._handle, str(entry.number), **entry.asked)
        except ChequeEntered as error:
            original = error.original
            if not isinstance(original, Transfer) or not _is_so(original, entry):
                raise
            found = self._entered_as(entry, original, THERE)
            return attrs.evolve(found, entered_on=error.entered_on, differs=True)
        found = self._entered_as(entry, made, THERE if made.repeated else BOOKED)
        if not made.repeated:
            return attrs.evolve(found, flags=made.flags)
        return attrs.evolve(found, entered_on=recorded_on(self._handle, made))

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


def _is_so(original: Transfer, entry: Entry) -> bool:
    """Return whether an exchange has the earner, the hours and the day of an entry."""
    return (
        set(original.earners) == {entry.earner}
        and entry.hours in {original.hours, original.asked}
        and entry.day in {original.occurred_on, None}
    )


def _report(bank: TimeBank, pile: Pile, lines: tuple[LineReport, ...], *, done: bool) -> PileReport:
    names = _names(bank, lines)
    return PileReport(name=pile.name, lines=lines, done=done, names=names, unread=pile.unread)


def _names(bank: TimeBank, lines: Iterable[LineReport]) -> dict[str, str]:
    """Return the names of the accounts of lines, as far as they may be seen."""
    found = {}
    for id in sorted({id for one in lines for id in (one.spender, one.earner) if id is not None}):
        try:
            name = bank.account(id).name
        except TimebankError:
            continue
        if name is not None:
            found[id] = name
    return found
