"""Import the two CSV files of TimeOverflow: users become accounts, transfers transfers.

The files have no row id. The id of a transfer is made from the row's columns other
than its reason, and from its ordinal among rows that are equal in them: whoever imports
the same files again books nothing twice, and an import that was broken off goes on.

Memory does not grow with the files but for one small number a row, some 80 bytes: it
tells how many equals of a row came before.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, ExitStack, nullcontext
from itertools import islice
from pathlib import Path
from typing import IO, Final, TypeVar

from timebank.bank import BankBatch, TimeBank
from timebank.errors import (
    AccountNotFound,
    AccountNotOpen,
    IdempotencyMismatch,
    InvalidHours,
    InvalidRequest,
    NotFound,
    Rejected,
    TimebankError,
)
from timebank.hours import Hours
from timebank.interchange.csv_rows import Row, Rows
from timebank.interchange.report import ImportReport, Quarantined
from timebank.interchange.timeoverflow_rows import (
    ORGANIZATION,
    SYSTEM,
    Exchange,
    User,
    exchange_of,
    user_of,
)

Source = str | os.PathLike[str] | IO[bytes]
Progress = Callable[[int, int], None]

#: Rows that are booked together.
CHUNK_ROWS: Final = 1_000
#: Quarantined rows that a report keeps; all of them go to `on_quarantine`.
MOST_ROWS_KEPT: Final = 1_000
#: What a row can be refused for; anything else ends the import.
_REFUSALS: Final = (InvalidRequest, NotFound, IdempotencyMismatch, Rejected)

_Call = TypeVar("_Call", User, Exchange)


def import_timeoverflow(
    bank: TimeBank,
    users: Source,
    transfers: Source,
    *,
    strict: bool = False,
    dry_run: bool = False,
    progress: Progress | None = None,
    on_quarantine: Callable[[Quarantined], None] | None = None,
) -> ImportReport:
    r"""Book what the two files say, and report the rows that cannot be understood.

    `users` and `transfers` are paths or files open for reading bytes. The members' uids
    become account ids, and the organization the account `organization`, of the kind
    `organisation`. Limits are unchecked. Rows are booked a thousand in one batch; with
    `strict` all of them in one, and none unless all are good. A dry run decides the
    same and writes nothing. `progress` is called with the bytes read and their number.

    :raises OSError: a file cannot be read.
    :raises WrongType: a file gives text instead of bytes.
    :raises Retryable: another writer holds the bank; a repeated import goes on.

    >>> from io import BytesIO
    >>> import timebank
    >>> from timebank.interchange.timeoverflow import import_timeoverflow
    >>> users = b"1,2018-01-08,Vera,,,,,,,\n2,2018-01-09,Paolo,,,,,,,\n"
    >>> transfers = b"1,member,2,member,5400,2018-01-17 11:35:48,garden,\n"
    >>> bank = timebank.open("memory:")
    >>> report = import_timeoverflow(bank, BytesIO(users), BytesIO(transfers))
    >>> report.transfers_booked, report.moved, bank.balance("2").posted
    (1, Hours('1:30'), Hours('1:30'))
    """
    run = _Import(on_quarantine)
    with ExitStack() as stack:
        # Both are opened before anything is booked, so that a wrong name books nothing.
        files = [_opened(stack, source) for source in (users, transfers)]
        run.follow(progress, files)
        if dry_run:
            with bank.preview() as preview:
                run.book_all(lambda: nullcontext(preview))
        elif strict:
            run.book_strictly(bank)
        else:
            run.book_all(bank.batch)
    return run.report(booked=not dry_run and (run.quarantined == 0 or not strict))


def _opened(stack: ExitStack, source: Source) -> tuple[str, IO[bytes]]:
    """A file with the name it has in a report."""
    if isinstance(source, str | os.PathLike):
        return str(Path(source)), stack.enter_context(Path(source).open("rb"))
    name = getattr(source, "name", None)
    return name if isinstance(name, str) else "file", source


class _NotAllGood(Exception):
    """Rolls back a strict import."""


class _Import:
    """One run over the two files."""

    def __init__(self, on_quarantine: Callable[[Quarantined], None] | None) -> None:
        self.quarantined = 0
        self._on_quarantine = on_quarantine
        self._rows: list[Quarantined] = []
        self._accounts = [0, 0]
        self._transfers = [0, 0]
        self._seconds = 0
        self._has_organization = False
        #: The first 64 bits of a row's key → how many of it came. Should two keys share
        #: them, an ordinal is higher than it need be and the id as good as before.
        self._equals: dict[int, int] = {}

    def follow(self, progress: Progress | None, files: list[tuple[str, IO[bytes]]]) -> None:
        """Set the two files, and who is told how far the reading is."""
        (self._users_name, users), (self._transfers_name, transfers) = files
        self._users = Rows(self._users_name, users)
        self._exchanges = Rows(self._transfers_name, transfers)
        self._progress = progress
        self._bytes = 0 if progress is None else sum(_size(file) for _, file in files)

    def report(self, *, booked: bool) -> ImportReport:
        """What the run came to."""
        return ImportReport(
            accounts_opened=self._accounts[True],
            accounts_there=self._accounts[False],
            transfers_booked=self._transfers[True],
            transfers_there=self._transfers[False],
            moved=Hours.from_seconds(self._seconds),
            quarantined=self.quarantined,
            rows=tuple(self._rows),
            booked=booked,
        )

    def book_strictly(self, bank: TimeBank) -> None:
        """All rows in one batch, which is rolled back unless all are good."""
        try:
            with bank.batch() as batch:
                self.book_all(lambda: nullcontext(batch))
                if self.quarantined:
                    raise _NotAllGood
        except _NotAllGood:
            """The report says which rows were not."""

    def book_all(self, batch: Callable[[], AbstractContextManager[BankBatch]]) -> None:
        """Users first, then transfers, a thousand rows in each batch."""
        for users in _chunks(self._good(self._users, self._users_name, user_of)):
            with batch() as open_batch:
                self._open_accounts(open_batch, users)
            self._tell()
        for exchanges in _chunks(self._good(self._exchanges, self._transfers_name, exchange_of)):
            with batch() as open_batch:
                self._book(open_batch, exchanges)
            self._tell()

    def _good(
        self, rows: Rows, name: str, parse: Callable[[str, Row], _Call | Quarantined]
    ) -> Iterator[_Call]:
        for row in rows:
            call = row if isinstance(row, Quarantined) else parse(name, row)
            if isinstance(call, Quarantined):
                self._quarantine(call)
            else:
                yield call

    def _quarantine(self, row: Quarantined) -> None:
        self.quarantined += 1
        if len(self._rows) < MOST_ROWS_KEPT:
            self._rows.append(row)
        if self._on_quarantine is not None:
            self._on_quarantine(row)

    def _open_accounts(self, batch: BankBatch, users: list[User]) -> None:
        known = {user.id for user in users if _has_account(batch, user.id)}
        for user in users:
            try:
                batch.open_account(**user.arguments)
            except _REFUSALS as error:
                text = str(error)
                self._quarantine(
                    Quarantined(self._users_name, user.line, "member_uid", user.id, text)
                )
            else:
                self._accounts[user.id not in known] += 1
                known.add(user.id)

    def _book(self, batch: BankBatch, exchanges: list[Exchange]) -> None:
        before = batch.head().sequence
        for exchange in exchanges:
            id = self._id_of(exchange)
            if exchange.fault is not None:
                self._quarantine(exchange.fault)
                continue
            try:
                self._need_organization(batch, exchange)
                transfer = batch.transfer(
                    id=id,
                    earner=exchange.earner,
                    spender=exchange.spender,
                    hours=Hours.from_seconds(exchange.seconds),
                    occurred_on=exchange.occurred_on,
                    note=exchange.note,
                    source=exchange.source,
                    limits="unchecked",
                )
            except _REFUSALS as error:
                self._quarantine(_refused(self._transfers_name, exchange, error))
            else:
                is_new = transfer.sequence > before
                self._transfers[is_new] += 1
                self._seconds += exchange.seconds if is_new else 0

    def _id_of(self, exchange: Exchange) -> str:
        short = int.from_bytes(exchange.key[:8], "big")
        ordinal = self._equals[short] = self._equals.get(short, 0) + 1
        return f"{SYSTEM}:{exchange.key.hex()[:32]}-{ordinal}"

    def _need_organization(self, batch: BankBatch, exchange: Exchange) -> None:
        if not self._has_organization and ORGANIZATION in (exchange.spender, exchange.earner):
            is_new = not _has_account(batch, ORGANIZATION)
            batch.open_account(ORGANIZATION, kind="organisation", welcome=False)
            self._accounts[is_new] += 1
            self._has_organization = True

    def _tell(self) -> None:
        if self._progress is not None and self._bytes:
            self._progress(self._users.bytes_read + self._exchanges.bytes_read, self._bytes)


def _size(file: IO[bytes]) -> int:
    """The bytes of a file; 0 where it cannot be known, as of a pipe."""
    try:
        return os.fstat(file.fileno()).st_size
    except OSError:
        return 0


def _chunks(calls: Iterable[_Call]) -> Iterator[list[_Call]]:
    waiting = iter(calls)
    while chunk := list(islice(waiting, CHUNK_ROWS)):
        yield chunk


def _has_account(batch: BankBatch, id: str) -> bool:
    try:
        batch.account(id)
    except AccountNotFound:
        return False
    return True


def _refused(file: str, exchange: Exchange, error: TimebankError) -> Quarantined:
    """The column to blame for what the bank said."""
    column, value = "created_at", exchange.created_at
    if isinstance(error, AccountNotFound | AccountNotOpen):
        side = "source" if error.account == exchange.spender else "destination"
        column, value = f"{side}_member_uid", error.account
    elif isinstance(error, InvalidHours):
        column, value = "amount_seconds", str(exchange.seconds)
    elif isinstance(error, IdempotencyMismatch):
        column, value = "row", error.id
    return Quarantined(file, exchange.line, column, value, str(error))
