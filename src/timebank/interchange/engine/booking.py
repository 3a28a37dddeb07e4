"""Book what an importer reads, once, thousands of rows at a time.

Rows that were booked before are found by their ids: a second run appends nothing, and one that
was broken off goes on. Rows of an account that was merged are booked on what it became. Rows that
the bank refuses are quarantined, as are those that the importer could not understand. At the end,
accounts are closed that are closed in the source, and balances are compared with those that it
states.

Memory grows with the accounts of the source, and not with its transfers, except for reversals that
come before what they reverse, and for quarantined transfers (ten thousand at most).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from itertools import chain, islice
from typing import Final, TypeVar

from timebank.bank import BankBatch, TimeBank
from timebank.errors import (
    AccountNotEmpty,
    AccountNotOpen,
    IdempotencyMismatch,
    InvalidRequest,
    NotFound,
    Rejected,
    TransferNotFound,
)
from timebank.hours import Hours
from timebank.interchange.engine.alike import AlikeIds
from timebank.interchange.engine.heirs import with_heirs
from timebank.interchange.engine.people import people_of
from timebank.interchange.engine.protocol import (
    ImportedAccount,
    ImportedReversal,
    ImportedRow,
    ImportedTransfer,
    Importer,
    Passed,
)
from timebank.interchange.engine.reconcile import Reconciliation, StatedBalances
from timebank.interchange.engine.refusals import Moves, refused
from timebank.interchange.engine.report import ImportReport, Quarantined
from timebank.model import Transfer

Progress = Callable[[int, int], None]
OnQuarantine = Callable[[Quarantined], None]
_Item = TypeVar("_Item")
_Batches = Callable[[], AbstractContextManager[BankBatch]]

#: Rows that are booked together: a commit writes whole pages, of which more rows share each.
CHUNK_ROWS: Final = 5_000
#: Quarantined rows that a report keeps; all of them go to `on_quarantine`.
MOST_ROWS_KEPT: Final = 1_000
#: The errors for which a row is quarantined; anything else ends the import.
REFUSALS: Final = (InvalidRequest, NotFound, IdempotencyMismatch, Rejected)
#: Quarantined transfers whose accounts are remembered, for the reversals of them.
_MOST_REMEMBERED: Final = 10_000
_CLOSED: Final = "closed"
_FROZEN: Final = "frozen"


def run(
    bank: TimeBank,
    importer: Importer,
    *,
    strict: bool = False,
    dry_run: bool = False,
    progress: Progress | None = None,
    on_quarantine: OnQuarantine | None = None,
    opening: Iterable[tuple[str, ImportedRow]] = (),
) -> ImportReport:
    r"""Book what an importer reads, and report what was not booked.

    Limits are unchecked. Rows are booked five thousand in one batch; with `strict` all of them
    in one, and none unless all are good. A dry run decides the same and writes nothing.
    `progress` is called with the bytes read and their number, where that is known. `opening`
    are rows to be booked after the others, as `opening_balances` reads them.

    :raises OSError: a file cannot be read.
    :raises InvalidRequest: a file as a whole is not what the importer reads.
    :raises Retryable: another writer holds the bank; a repeated import goes on.

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
    if hasattr(importer, "people"):
        opens = bool(getattr(importer, "opens_accounts", False))
        importer.people = people_of(bank, importer.name, opens=opens)
    work = _Run(importer, opening, progress, on_quarantine)
    if dry_run:
        with bank.preview() as preview:
            work.book_all(lambda: nullcontext(preview))
    elif strict:
        work.book_strictly(bank)
    else:
        work.book_all(bank.batch)
    return work.report(booked=not dry_run and (work.quarantined == 0 or not strict))


class _NotAllGood(Exception):
    """Rolls back a strict import."""


class _Run:
    """One run over all rows."""

    def __init__(
        self,
        importer: Importer,
        opening: Iterable[tuple[str, ImportedRow]],
        progress: Progress | None,
        on_quarantine: OnQuarantine | None,
    ) -> None:
        self.quarantined = 0
        self._importer = importer
        self._opening = opening
        self._progress = progress
        self._on_quarantine = on_quarantine
        self._rows: list[Quarantined] = []
        self._accounts, self._transfers, self._reversals = [0, 0], [0, 0], [0, 0]
        self._implied: set[str] = set()
        self._read = self._seconds = self._last = 0
        self._passed: dict[str, int] = {}
        self._stated = StatedBalances()
        self._endings = AccountEndings(importer.name)
        self._ids = AlikeIds()
        self._alike: tuple[tuple[str, ...], ...] = ()
        self._reconciliation: Reconciliation | None = None
        #: Reversals that came before what they reverse.
        self._late: list[tuple[str, ImportedReversal]] = []
        #: Ids of quarantined transfers → what they would have moved.
        self._unbooked: dict[str, Moves | None] = {}

    def report(self, *, booked: bool) -> ImportReport:
        """Return the counts of the run."""
        return ImportReport(
            accounts_opened=self._accounts[True],
            accounts_there=self._accounts[False],
            transfers_booked=self._transfers[True],
            transfers_there=self._transfers[False],
            moved=Hours.from_seconds(self._seconds),
            quarantined=self.quarantined,
            rows=tuple(self._rows),
            booked=booked,
            reversals_booked=self._reversals[True],
            reversals_there=self._reversals[False],
            passed=self._passed,
            read=self._read,
            accounts_implied=len(self._implied),
            accounts_closed=self._endings.closed,
            frozen=tuple(self._endings.frozen),
            reconciliation=self._reconciliation,
            alike=self._alike,
        )

    def book_strictly(self, bank: TimeBank) -> None:
        """Book all rows in one batch, which is rolled back unless all are good."""
        try:
            with bank.batch() as batch:
                self.book_all(lambda: nullcontext(batch))
                if self.quarantined:
                    raise _NotAllGood
        except _NotAllGood:
            pass  # the report says which rows were not

    def book_all(self, batches: _Batches) -> None:
        """Book all rows, thousands in each batch; then what had to wait for the last of them."""
        for chunk in _chunks(chain(self._importer.read(), self._opening)):
            with batches() as batch:
                self._book(batch, chunk)
            if self._progress is not None and self._importer.bytes:
                self._progress(self._importer.bytes_read, self._importer.bytes)
        for late in _chunks(self._late):
            with batches() as batch:
                self._last = batch.head().sequence
                for file, row in late:
                    self._reverse(batch, file, row, again=True)
        with batches() as batch:
            self._endings.apply(batch)
            self._reconciliation = self._stated.reconcile(batch)
            self._alike = self._ids.found(batch)

    # -- rows -----------------------------------------------------------------

    def _book(self, batch: BankBatch, chunk: list[tuple[str, ImportedRow]]) -> None:
        self._read += len(chunk)
        known = {
            row.id for _, row in chunk if type(row) is ImportedAccount and _is_there(batch, row)
        }
        self._last = batch.head().sequence
        for file, row in chunk:
            if isinstance(row, ImportedTransfer):
                self._transfer(batch, file, row)
            elif isinstance(row, Quarantined):
                self._quarantine(row)
            elif isinstance(row, Passed):
                self._passed[row.state] = self._passed.get(row.state, 0) + 1
            elif isinstance(row, ImportedReversal):
                self._reverse(batch, file, row)
            else:
                self._account(batch, file, row, known)

    def _account(self, batch: BankBatch, file: str, row: ImportedAccount, known: set[str]) -> None:
        self._ids.note(row.id)
        if row.stated is not None:
            self._stated.state(row.id, row.stated)
        try:
            _open(batch, row)
        except REFUSALS as error:
            self._quarantine(refused(file, row, error))
            return
        self._accounts[row.id not in known] += 1
        known.add(row.id)
        if row.closed or row.frozen:
            self._endings.note(row)

    def _transfer(self, batch: BankBatch, file: str, row: ImportedTransfer) -> None:
        try:
            if row.opens is not None and row.opens.id not in self._implied:
                self._imply(batch, row.opens)
            book = partial(_booked, batch, self._importer.name)
            transfer = self._reopening(batch, lambda: with_heirs(batch, row, book))
        except REFUSALS as error:
            fault = refused(file, row, error)
            if len(self._unbooked) < _MOST_REMEMBERED:
                self._unbooked[row.id] = fault.moves
            self._quarantine(fault)
        else:
            self._count(transfer, self._transfers, row.seconds)

    def _imply(self, batch: BankBatch, row: ImportedAccount) -> None:
        is_new = not _is_there(batch, row)
        self._ids.note(row.id)
        _open(batch, row)
        self._accounts[is_new] += 1
        self._implied.add(row.id)

    def _reverse(
        self, batch: BankBatch, file: str, row: ImportedReversal, *, again: bool = False
    ) -> None:
        hours = None if row.seconds is None else Hours.from_seconds(row.seconds)
        try:
            transfer = self._reopening(
                batch,
                lambda: batch.reverse(
                    row.of, reason=row.reason, hours=hours, occurred_on=row.occurred_on, id=row.id
                ),
            )
        except REFUSALS as error:
            if isinstance(error, TransferNotFound) and not again:
                self._late.append((file, row))
            else:
                self._quarantine(refused(file, row, error, original=self._moved_by(batch, row.of)))
        else:
            self._count(transfer, self._reversals, transfer.hours.seconds)

    def _reopening(self, batch: BankBatch, call: Callable[[], Transfer]) -> Transfer:
        """Call what books a row, on accounts that an earlier run may have closed at its end."""
        while True:
            try:
                return call()
            except AccountNotOpen as error:
                if not self._endings.reopen(batch, error):
                    raise

    # -- counting -------------------------------------------------------------

    def _count(self, transfer: Transfer, counts: list[int], seconds: int) -> None:
        """Count a transfer as new, if its record comes after the last one, or as there already."""
        is_new = transfer.sequence > self._last
        counts[is_new] += 1
        if counts is self._reversals:
            self._transfers[is_new] += 1
        if is_new:
            self._last = transfer.sequence
            self._seconds += seconds

    def _quarantine(self, row: Quarantined) -> None:
        self.quarantined += 1
        self._stated.quarantine(row)
        if len(self._rows) < MOST_ROWS_KEPT:
            self._rows.append(row)
        if self._on_quarantine is not None:
            self._on_quarantine(row)

    def _moved_by(self, batch: BankBatch, id: str) -> Moves | None:
        """Return what a transfer moved, or would have."""
        if id in self._unbooked:
            return self._unbooked[id]
        try:
            transfer = batch.transfer_by_id(id)
        except REFUSALS:
            return None
        earned = ((account, hours.seconds) for account, hours in transfer.earners.items())
        spent = ((account, -hours.seconds) for account, hours in transfer.spenders.items())
        return (*earned, *spent)


class AccountEndings:
    """Accounts that the source says are closed or frozen: their history first, then their end.

    Memory grows with the accounts that are not open.

    An account with hours on it cannot be closed. It is frozen, and named in the report, so that
    it is not used until somebody has decided whose the hours are.
    """

    def __init__(self, system: str) -> None:
        self.closed = 0
        #: Closed in the source but with hours on them, and their balances.
        self.frozen: list[tuple[str, Hours]] = []
        self._reason = f"as in {system}"
        self._ends: dict[str, str] = {}

    def note(self, row: ImportedAccount) -> None:
        """Remember that an account is not open in the source."""
        self._ends[row.id] = _CLOSED if row.closed else _FROZEN

    def reopen(self, batch: BankBatch, error: AccountNotOpen) -> bool:
        """Open an account that an earlier run ended, for rows that were mended since.

        One that somebody closed here while it is open in the source is left as it is.
        """
        if error.account not in self._ends or error.merged_into is not None:
            return False
        if error.status == _CLOSED:
            batch.reopen(error.account, reason=self._reason)
        else:
            batch.thaw(error.account, reason=self._reason)
        return True

    def apply(self, batch: BankBatch) -> None:
        """Close or freeze each account, unless it is so already."""
        for id, end in self._ends.items():
            try:
                status = batch.account(id).status
            except (InvalidRequest, NotFound):
                continue
            if status == _CLOSED:
                continue
            if end == _CLOSED and self._is_closed_now(batch, id):
                continue
            if end == _CLOSED:
                self.frozen.append((id, batch.balance(id).posted))
            if status != _FROZEN:
                batch.freeze(id, reason=self._reason)

    def _is_closed_now(self, batch: BankBatch, id: str) -> bool:
        try:
            batch.close_account(id, reason=self._reason)
        except AccountNotEmpty:
            return False
        self.closed += 1
        return True


def _booked(batch: BankBatch, system: str, row: ImportedTransfer) -> Transfer:
    source = {"system": system, **row.source}
    if row.created_at:
        source["created_at"] = row.created_at
    return batch.transfer(
        id=row.id,
        earner=row.earner,
        spender=row.spender,
        hours=Hours.from_seconds(row.seconds),
        kind=row.kind,
        occurred_on=row.occurred_on,
        category=row.category,
        area=row.area,
        note=row.note,
        tags=row.tags,
        source=source,
        limits="unchecked",
    )


def _open(batch: BankBatch, row: ImportedAccount) -> None:
    """Open an account: who comes from elsewhere was welcomed there."""
    batch.open_account(row.id, kind=row.kind, name=row.name, joined_on=row.joined_on, welcome=False)


def _is_there(batch: BankBatch, row: ImportedAccount) -> bool:
    try:
        batch.account(row.id)
    except (InvalidRequest, NotFound):
        return False
    return True


def _chunks(items: Iterable[_Item]) -> Iterator[list[_Item]]:
    waiting = iter(items)
    while chunk := list(islice(waiting, CHUNK_ROWS)):
        yield chunk
