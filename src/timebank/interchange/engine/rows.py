"""Book one row after the other, and count what became of each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache, partial
from typing import Any, Final

import attrs

from timebank.bank import BankBatch, TimeBank
from timebank.bank.batch import expect
from timebank.errors import (
    AccountNotOpen,
    Conflict,
    IdempotencyMismatch,
    InvalidHours,
    InvalidRequest,
    NotFound,
    NotPermitted,
    Rejected,
    TransferNotFound,
    shown,
)
from timebank.hours import Hours
from timebank.interchange.engine.alike import AlikeIds
from timebank.interchange.engine.endings import AccountEndings
from timebank.interchange.engine.heirs import heirs, with_heirs
from timebank.interchange.engine.meaning import (
    FILE,
    MadeIds,
    again_id,
    file_mark,
    texts_of_row,
    texts_of_transfer,
)
from timebank.interchange.engine.people import Near, People
from timebank.interchange.engine.protocol import (
    ImportedAccount,
    ImportedReversal,
    ImportedRow,
    ImportedTransfer,
    Passed,
)
from timebank.interchange.engine.reconcile import Reconciliation, StatedBalances
from timebank.interchange.engine.refusals import Moves, refused
from timebank.interchange.engine.report import Dismissed, ImportReport, Quarantined
from timebank.interchange.engine.survey import COPY, MOVE, Found, Survey
from timebank.interchange.engine.telling import (
    MOST_REASONS,
    MOST_TOLD,
    OTHERS,
    kind_of_reason,
    looks_like_a_name,
    most_frequent,
)
from timebank.model import MAX_INTEGER, MAX_SOURCE_FIELDS, Account, Transfer
from timebank.model.alike import folded_name
from timebank.model.ids import is_plain

#: What a row is counted as that somebody dismissed.
DISMISSED: Final = "dismissed"
#: Quarantined rows that a report keeps; all of them go to `on_quarantine`.
MOST_ROWS_KEPT: Final = 1_000
#: The errors for which a row is quarantined; anything else ends the import.
REFUSALS: Final = (InvalidRequest, NotFound, IdempotencyMismatch, Rejected)
#: Quarantined transfers whose accounts are remembered, for the reversals of them.
_MOST_REMEMBERED: Final = 10_000

#: Most rows are of the same few quantities.
_hours = lru_cache(1_024, typed=True)(Hours.from_seconds)

#: A row with its place among all rows, from 0.
Placed = tuple[int, tuple[str, ImportedRow]]


class RowBooking:
    """Books the rows of one source."""

    def __init__(
        self,
        source: str,
        survey: Survey | None,
        people: People | None,
        *,
        follows: bool,
        on_quarantine: Callable[[Quarantined], None] | None,
    ) -> None:
        self.quarantined = 0
        self.endings = AccountEndings(source)
        #: Reversals that came before what they reverse.
        self.late: list[tuple[str, ImportedReversal]] = []
        self._source = source
        self._survey = survey
        self._people = people
        self._follows = follows
        self._on_quarantine = on_quarantine
        self._made = MadeIds(source)
        self._marks: dict[str, str] = {}
        self._rows: list[Quarantined] = []
        self._accounts, self._transfers, self._reversals = [0, 0], [0, 0], [0, 0]
        self._implied: set[str] = set()
        self._listed: set[str] = set()
        self._read = self._seconds = self._last = 0
        self._waiting = self._equal = self._same = 0
        self._passed: dict[str, int] = {}
        self._reasons: dict[str, int] = {}
        self._named: list[str] = []
        self._differ: list[tuple[str, str]] = []
        self._stated = StatedBalances()
        self._ids = AlikeIds()
        self._alike: tuple[tuple[str, ...], ...] = ()
        self._reconciliation: Reconciliation | None = None
        #: Ids of quarantined transfers → what they would have moved.
        self._unbooked: dict[str, Moves | None] = {}
        for row in () if survey is None else survey.accounts.values():
            if row.closed or row.frozen:
                self.endings.note(row)

    def report(
        self,
        *,
        booked: bool,
        questions: tuple[str, ...],
        not_followed: tuple[tuple[str, str], ...],
        near: tuple[Near, ...],
    ) -> ImportReport:
        """Return the counts."""
        return ImportReport(
            accounts_opened=self._accounts[True],
            accounts_there=self._accounts[False],
            transfers_booked=self._transfers[True],
            transfers_there=self._transfers[False],
            moved=Hours.from_seconds(min(self._seconds, MAX_INTEGER)),
            quarantined=self.quarantined,
            rows=tuple(self._rows),
            booked=booked,
            reversals_booked=self._reversals[True],
            reversals_there=self._reversals[False],
            passed=self._passed,
            read=self._read,
            accounts_implied=len(self._implied),
            accounts_closed=self.endings.closed,
            frozen=tuple(self.endings.frozen),
            reconciliation=self._reconciliation,
            alike=self._alike,
            waiting=self._waiting,
            questions=questions,
            equal=self._equal,
            same=self._same,
            not_followed=not_followed,
            near=near,
            named=tuple(self._named),
            differ=tuple(self._differ),
            reasons=most_frequent(self._reasons),
        )

    # -- a chunk, and the end -------------------------------------------------------------

    def begin(self, batch: BankBatch) -> None:
        """Count what is booked from here on as new."""
        self._last = batch.head().sequence

    def book(self, batch: BankBatch, chunk: list[Placed]) -> None:
        """Book some rows: the accounts among them first, as a journal is easier to read so."""
        self._read += len(chunk)
        accounts = [(file, row) for _, (file, row) in chunk if isinstance(row, ImportedAccount)]
        known = {row.id for _, row in accounts if _account(batch, row.id) is not None}
        self.begin(batch)
        for file, account in accounts:
            self._account(batch, file, account, known)
        found = self._found(chunk)
        new = (row for n, (_, row) in chunk if n not in found or found[n].is_new)
        expect(batch, [row.id for row in new if type(row) is ImportedTransfer and is_plain(row.id)])
        for n, (file, row) in chunk:
            if isinstance(row, ImportedTransfer):
                self._transfer(batch, file, row, found.get(n))
            elif isinstance(row, ImportedReversal):
                self._reverse(batch, file, row)
            elif not isinstance(row, ImportedAccount):
                self._other(row)

    def reverse_late(self, batch: BankBatch, late: list[tuple[str, ImportedReversal]]) -> None:
        """Book reversals that came before what they reverse."""
        self.begin(batch)
        for file, row in late:
            self._reverse(batch, file, row, again=True)

    def end(self, batch: BankBatch) -> None:
        """Close what is closed in the source, and compare balances."""
        self.endings.apply(batch)
        self._reconciliation = self._stated.reconcile(batch)
        self._alike = self._ids.found(batch)

    def _found(self, chunk: list[Placed]) -> Mapping[int, Found]:
        """Return what was found of some rows, where they were compared with what was booked."""
        return {} if self._survey is None else self._survey.of(chunk[0][0], chunk[-1][0])

    def tell(self, bank: TimeBank, chunk: list[Placed]) -> None:
        """Count some rows that are not booked now."""
        self._read += len(chunk)
        found = self._found(chunk)
        for n, (_, row) in chunk:
            self._tell(bank, row, found.get(n))

    def _tell(self, bank: TimeBank, row: ImportedRow, found: Found | None) -> None:
        if isinstance(row, ImportedTransfer):
            if found is None or found.is_new:
                self._waiting += 1
            else:
                self._count_there(row, found)
        elif isinstance(row, ImportedReversal):
            _, of = self._reversed_by(row)
            if of is None:
                self._waiting += 1
            else:
                self._reversals[False] += 1
                self._transfers[False] += 1
        elif isinstance(row, ImportedAccount):
            self._accounts[False] += _account(bank, row.id) is not None
        else:
            self._other(row)

    def _other(self, row: Passed | Quarantined) -> None:
        if isinstance(row, Passed | Dismissed):
            state = DISMISSED if isinstance(row, Dismissed) else row.state
            self._passed[state] = self._passed.get(state, 0) + 1
        else:
            self._quarantine(row)

    # -- accounts -------------------------------------------------------------------------

    def _account(self, batch: BankBatch, file: str, row: ImportedAccount, known: set[str]) -> None:
        self._ids.note(row.id)
        if row.stated is not None:
            self._stated.state(row.id, row.stated)
        is_new = row.id not in known
        try:
            self._open(batch, row)
        except IdempotencyMismatch as error:
            if not self._is_alike(row, error.original) or self._contradicts(row, error.original):
                self._quarantine(refused(file, row, error))
                return
            self._note_difference(row, error.original)
        except REFUSALS as error:
            self._quarantine(refused(file, row, error))
            return
        self._accounts[is_new] += 1
        known.add(row.id)
        self._listed.add(row.id)
        if is_new and row.name is None and row.kind == "member":
            self._note_name(row.id)
        if row.closed or row.frozen:
            self.endings.note(row)

    def _open(self, batch: BankBatch, row: ImportedAccount) -> None:
        """Open an account: who comes from elsewhere was welcomed there."""
        made = self._people is not None and row.id in self._people.opened
        if made:
            self._check_free(_account(batch, row.id), row)
        batch.open_account(
            row.id, kind=row.kind, name=row.name, joined_on=row.joined_on, welcome=False
        )

    def _check_free(self, there: Account | None, row: ImportedAccount) -> None:
        """Check that nobody else has an id that was made for somebody.

        :raises Conflict: another import has opened it meanwhile, for whoever that one names.
        """
        is_taken = there is not None and folded_name(there.name or "") != folded_name(
            row.name or ""
        )
        if is_taken and row.id not in self._listed:
            msg = f"another import has opened account {shown(row.id)} for somebody else: try again"
            raise Conflict(msg)

    @staticmethod
    def _is_alike(row: ImportedAccount, there: object) -> bool:
        """Return whether an account that is there is the one that a row lists."""
        return isinstance(there, Account) and there.kind == row.kind

    def _contradicts(self, row: ImportedAccount, there: object) -> bool:
        """Return whether the source says another thing of an account than in an earlier row."""
        if row.id not in self._listed or not isinstance(there, Account):
            return row.id in self._listed
        is_renamed = row.name is not None and folded_name(row.name) != folded_name(there.name or "")
        return is_renamed or row.joined_on not in {None, there.joined_on}

    def _note_difference(self, row: ImportedAccount, there: object) -> None:
        """Note what the source says of an account that is there, where that is another thing."""
        if not isinstance(there, Account) or len(self._differ) >= MOST_TOLD:
            return
        is_renamed = row.name is not None and folded_name(row.name) != folded_name(there.name or "")
        if is_renamed and there.name is not None:  # else it was erased, or nobody gave one
            self._differ.append((row.id, "name"))
        elif row.joined_on is not None and row.joined_on != there.joined_on:
            self._differ.append((row.id, "joined_on"))

    def _note_name(self, id: str) -> None:
        if looks_like_a_name(id) and len(self._named) < MOST_TOLD:
            self._named.append(id)

    def _imply(self, batch: BankBatch, row: ImportedAccount) -> None:
        """Open an account that no row lists, before the first transfer that needs it."""
        if row.id in self._implied or row.id in self._listed:
            return
        is_new = _account(batch, row.id) is None
        self._ids.note(row.id)
        self._open(batch, row)
        self._accounts[is_new] += 1
        self._implied.add(row.id)

    # -- transfers ------------------------------------------------------------------------

    def _transfer(
        self, batch: BankBatch, file: str, row: ImportedTransfer, found: Found | None
    ) -> None:
        try:
            if found is not None and not found.is_new:
                self._count_there(row, found)
                if row.opens is not None:
                    self._imply(batch, row.opens)
                return
            self._book(batch, file, row, row.id if found is None else found.target)
        except REFUSALS as error:
            fault = refused(file, row, error)
            if len(self._unbooked) < _MOST_REMEMBERED:
                self._unbooked[row.id] = fault.moves
            self._quarantine(fault)

    def _count_there(self, row: ImportedTransfer, found: Found) -> None:
        if found.state == COPY:
            self._same += 1
        else:
            self._equal += self._made.is_repeated(row.id)
        if found.state != MOVE or not self._follows:  # else it was booked anew, and counted then
            self._transfers[False] += 1

    def book_again(self, batch: BankBatch, file: str, row: ImportedTransfer, id: str) -> None:
        """Book a row under an id, with the accounts that the source lists for it.

        :raises TimebankError: the bank refuses it.
        """
        for account in (row.earner, row.spender):
            listed = None if self._survey is None else self._survey.accounts.get(account)
            if listed is not None and _account(batch, account) is None:
                self._open(batch, listed)
        self._book(batch, file, row, id)

    def _book(self, batch: BankBatch, file: str, row: ImportedTransfer, id: str) -> None:
        if self._seconds + row.seconds > MAX_INTEGER:
            msg = "the hours of all rows together would be more than 2**53 seconds"
            raise InvalidHours(msg)
        if row.opens is not None:
            self._imply(batch, row.opens)
        if self._people is not None:
            for account in (row.earner, row.spender):
                if account not in self._listed and account in (made := self._people.opened):
                    self._imply(batch, ImportedAccount(row.line, account, name=made[account]))
        if id != row.id:
            row = attrs.evolve(row, id=id)
        try:
            transfer = self._booked(batch, file, row)
        except IdempotencyMismatch as error:
            if not self._is_there(batch, row, error.original):
                raise
            self._transfers[False] += 1
        else:
            self._equal += self._made.is_repeated(row.id)
            self._count(transfer, self._transfers, row.seconds)

    def _booked(self, batch: BankBatch, file: str, row: ImportedTransfer) -> Transfer:
        """Book a row as it is; where that is refused, on accounts opened again or merged."""
        try:
            return self._call(batch, file, row)
        except (AccountNotOpen, IdempotencyMismatch):
            book = partial(self._call, batch, file)
            return self.endings.reopening(batch, lambda: with_heirs(batch, row, book))

    def _call(self, batch: BankBatch, file: str, row: ImportedTransfer) -> Transfer:
        source: dict[str, Any] = {"system": self._source, **row.source}
        if row.created_at:
            source["created_at"] = row.created_at
        if self._made.ending(row.id) is not None and len(source) < MAX_SOURCE_FIELDS:
            source[FILE] = self._mark(file)
        return batch.transfer(
            id=row.id,
            earner=row.earner,
            spender=row.spender,
            hours=_hours(row.seconds),
            kind=row.kind,
            occurred_on=row.occurred_on,
            category=row.category,
            area=row.area,
            note=row.note,
            tags=row.tags,
            source=source,
            limits="unchecked",
        )

    def _mark(self, file: str) -> str:
        if (mark := self._marks.get(file)) is None:
            mark = self._marks[file] = file_mark(file)
        return mark

    def _is_there(self, batch: BankBatch, row: ImportedTransfer, there: object) -> bool:
        """Return whether a transfer says what a row does, though it is written otherwise."""
        if not isinstance(there, Transfer) or there.kind != row.kind:
            return False
        sides = ((row.earner, there.earners), (row.spender, there.spenders))
        if any(len(one) != 1 or not _is_one(batch, id, *one) for id, one in sides):
            return False
        is_same = there.hours.seconds == row.seconds and there.occurred_on == row.occurred_on
        return is_same and texts_of_row(row) in texts_of_transfer(there)

    # -- reversals ------------------------------------------------------------------------

    def _reverse(
        self, batch: BankBatch, file: str, row: ImportedReversal, *, again: bool = False
    ) -> None:
        hours = None if row.seconds is None else Hours.from_seconds(row.seconds)
        id, of = self._reversed_by(row)
        if of is not None:
            self._reversals[False] += 1
            self._transfers[False] += 1
            return
        original = self._original(row.of)
        try:
            transfer = self.endings.reopening(
                batch,
                lambda: batch.reverse(
                    original, reason=row.reason, hours=hours, occurred_on=row.occurred_on, id=id
                ),
            )
        except REFUSALS as error:
            if isinstance(error, TransferNotFound) and not again:
                self.late.append((file, row))
            else:
                self._quarantine(refused(file, row, error, original=self._moved_by(batch, row.of)))
        else:
            self._count(transfer, self._reversals, transfer.hours.seconds)

    def _original(self, id: str) -> str:
        """Return the id in the bank of what a row takes back."""
        return id if self._survey is None else self._survey.target_of(id, follows=self._follows)

    def _reversed_by(self, row: ImportedReversal) -> tuple[str, str | None]:
        """Return the id of a reversal in the bank and, if it is there, what it took back.

        An id that is made of the original's follows it, where that was booked under another.
        """
        if self._survey is None:
            return row.id, None
        original = self._original(row.of)
        id = row.id
        if original != row.of and id.startswith(row.of):
            id = f"{original}{id.removeprefix(row.of)}"
        times = 1
        while (of := self._survey.booked.reversal_of(made := again_id(id, times))) is not None:
            if of == original:
                return made, of
            times += 1
        return made, None

    def _moved_by(self, batch: BankBatch, id: str) -> Moves | None:
        """Return what a transfer moved, or would have."""
        if id in self._unbooked:
            return self._unbooked[id]
        try:
            transfer = batch.transfer_by_id(self._original(id))
        except REFUSALS:
            return None
        earned = ((account, hours.seconds) for account, hours in transfer.earners.items())
        spent = ((account, -hours.seconds) for account, hours in transfer.spenders.items())
        return (*earned, *spent)

    # -- counting -------------------------------------------------------------------------

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
        kind = kind_of_reason(row)
        if kind not in self._reasons and len(self._reasons) >= MOST_REASONS:
            kind = OTHERS
        self._reasons[kind] = self._reasons.get(kind, 0) + 1
        if len(self._rows) < MOST_ROWS_KEPT:
            self._rows.append(row)
        if self._on_quarantine is not None:
            self._on_quarantine(row)


def _account(bank: TimeBank | BankBatch, id: str) -> Account | None:
    try:
        return bank.account(id)
    except (InvalidRequest, NotFound, NotPermitted):
        return None


def _is_one(batch: BankBatch, id: str, booked: str) -> bool:
    """Return whether an account and one that was booked on are one by now."""
    if id == booked:
        return True
    try:
        return heirs(batch, id)[-1] == heirs(batch, booked)[-1]
    except REFUSALS:
        return False
