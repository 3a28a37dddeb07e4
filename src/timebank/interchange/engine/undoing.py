"""Take back all that was imported from a source: in one commit, or not at all."""

from __future__ import annotations

from typing import Final

import attrs

from timebank.bank import BankBatch, TimeBank
from timebank.errors import (
    AccountNotEmpty,
    AccountNotOpen,
    Conflict,
    IdempotencyMismatch,
    InvalidRequest,
    NotFound,
    Rejected,
    TimebankError,
    shown,
)
from timebank.hours import Hours
from timebank.interchange.engine.booked import Booked, BookedRows
from timebank.interchange.engine.following import MOST_KEPT
from timebank.interchange.engine.meaning import taken_back_id
from timebank.model import MAX_INTEGER
from timebank.queries import json_shapes
from timebank.reports.told import refused_by

#: Why a reversal was made, for whoever reads it later.
UNDO_REASON: Final = "the import that it came with was undone"
_REFUSALS: Final = (InvalidRequest, NotFound, IdempotencyMismatch, Rejected)
#: How often another writer may come between the look at what was booked and the commit.
_TIMES: Final = 5


@attrs.frozen(kw_only=True)
class UndoReport:
    """What was taken back of a source, and the hours `moved` back; of too many, 2**53 seconds.

    `left` are transfers of which nothing is left to be taken back: they were reversed before.
    `refused` has the ids that the bank refuses to take back, and why: then nothing is `done`. It
    is not done in a dry run either.
    """

    source: str
    taken_back: int
    moved: Hours
    left: int
    done: bool
    refused: tuple[tuple[str, str], ...] = ()

    @property
    def ok(self) -> bool:
        """True where nothing was refused."""
        return not self.refused


def undo(bank: TimeBank, source: str, *, dry_run: bool = False) -> UndoReport:
    r"""Reverse all transfers of a source that still count, with `:taken-back` after their ids.

    Its opening balances and levies are among them; accounts stay open. The source may be imported
    again: its rows are booked under other ids then. A transfer that somebody reversed stays
    reversed. An account that is closed is opened for it, and closed again; where hours would be
    left on it, nothing is done.

    :raises NotFound: nothing was imported from such a source.
    :raises Conflict: others write all the time.
    :raises Retryable: another writer holds the bank.

    >>> from io import BytesIO
    >>> import timebank
    >>> from timebank.interchange.engine.booking import run
    >>> from timebank.interchange.engine.undoing import undo
    >>> from timebank.interchange.timeoverflow import TimeOverflow
    >>> bank = timebank.open("memory:")
    >>> users = BytesIO(b"1,2018-01-08,Vera,,,,,,,\n2,2018-01-09,Paolo,,,,,,,\n")
    >>> transfers = BytesIO(b"1,member,2,member,5400,2018-01-17 11:35:48,garden,\n")
    >>> _ = run(bank, TimeOverflow(users, transfers))
    >>> report = undo(bank, "timeoverflow")
    >>> report.taken_back, report.moved, bank.balance("2").posted
    (1, Hours('1:30'), Hours('0:00'))
    """
    booked = BookedRows(bank, source)
    if not len(booked):
        msg = f"nothing was imported from {shown(source)} into this bank"
        raise NotFound(msg).about(key="nothing_imported", source=shown(source))
    for _ in range(_TIMES):
        work = _Undo(booked)
        try:
            if dry_run:
                with bank.preview() as preview:
                    work.take_back(preview)
            else:
                with bank.batch() as batch:
                    work.take_back(batch)
        except _NotAll:
            pass  # the report says what was refused
        except _Moved:
            booked.look()
            continue
        return work.report(source, done=not dry_run)
    msg = "others write to this bank all the time: nothing was undone; try again"
    raise Conflict(msg)


class _NotAll(Exception):
    """Rolls back what was done, for not all of it could be."""


class _Moved(Exception):
    """Another writer came between."""


class _Undo:
    def __init__(self, booked: BookedRows) -> None:
        self._booked = booked
        self._count = self._seconds = 0
        self._refused: list[tuple[str, str]] = []
        #: Accounts that were closed, and are opened until all is taken back.
        self._opened: list[str] = []

    def report(self, source: str, *, done: bool) -> UndoReport:
        """Return what was done, or would be."""
        refused = bool(self._refused)
        return UndoReport(
            source=source,
            taken_back=0 if refused else self._count,
            moved=Hours.from_seconds(0 if refused else min(self._seconds, MAX_INTEGER)),
            left=len(self._booked) - self._booked.count_live(),
            done=done and not refused,
            refused=tuple(self._refused),
        )

    def take_back(self, batch: BankBatch) -> None:
        """Reverse each transfer that still counts.

        :raises _NotAll: the bank refuses one of them, or an account cannot be closed again.
        :raises _Moved: the journal is not what was looked at.
        """
        if batch.head().sequence != self._booked.head:
            raise _Moved
        for one in self._booked.live():
            try:
                self._reverse(batch, one)
            except _REFUSALS as error:
                self._refuse(one.id, error)
        for account in self._opened:
            try:
                batch.close_account(account, reason=UNDO_REASON)
            except AccountNotEmpty as error:
                self._refuse(account, error)
        if self._refused:
            raise _NotAll

    def _reverse(self, batch: BankBatch, one: Booked) -> None:
        id = taken_back_id(one.id)
        while True:
            try:
                done = batch.reverse(one.id, reason=UNDO_REASON, id=id)
            except AccountNotOpen as error:
                if error.status != "closed" or error.merged_into is not None:
                    raise
                batch.reopen(error.account, reason=UNDO_REASON)
                self._opened.append(error.account)
            else:
                self._count += 1
                self._seconds += done.hours.seconds
                return

    def _refuse(self, id: str, error: TimebankError) -> None:
        if len(self._refused) < MOST_KEPT:
            self._refused.append((id, refused_by(error)))


@json_shapes.of.register
def undo_report(report: UndoReport) -> json_shapes.Shape:
    """Return what was undone as a plain dictionary: see `timebank.reports.json`.

    >>> from timebank import Hours, reports
    >>> from timebank.interchange.engine.undoing import UndoReport
    >>> report = UndoReport(source="s", taken_back=1, moved=Hours(1), left=0, done=True)
    >>> reports.json.of(report)["moved"]
    '1:00'
    """
    return {
        "ok": report.ok,
        "done": report.done,
        "source": report.source,
        "taken_back": report.taken_back,
        "moved": str(report.moved),
        "left": report.left,
        "refused": [{"id": id, "reason": reason} for id, reason in report.refused],
    }
