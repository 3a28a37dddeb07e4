"""Import the two CSV files of TimeOverflow: users become accounts, transfers transfers.

The files have no row id. The id of a transfer is made from what the row means (who, how long, on
which day) and from its ordinal among rows that mean the same: whoever imports the same files again
books nothing twice, however they are written, and an import that was broken off goes on.

Memory does not grow with the files.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from timebank.bank import TimeBank
from timebank.interchange.engine import booking
from timebank.interchange.engine.booking import MOST_ROWS_KEPT as MOST_ROWS_KEPT  # noqa: PLC0414 - it is public here too
from timebank.interchange.engine.booking import Progress
from timebank.interchange.engine.files import CsvFiles, Source
from timebank.interchange.engine.protocol import ImportedAccount, ImportedTransfer
from timebank.interchange.engine.quarantine import Mended
from timebank.interchange.engine.report import ImportReport, Quarantined
from timebank.interchange.engine.row_ids import RowIds
from timebank.interchange.timeoverflow.rows import SYSTEM, exchange_of, user_of


class TimeOverflow:
    """Reads the two files: an importer, to be run by `booking.run`.

    `users` and `transfers` are paths or files open for reading bytes. The members' uids
    become account ids, and the organization the account `organization`, of the kind
    `organisation`. `mended` has rows to be read instead of some of theirs.

    :raises OSError: a file cannot be read.
    """

    name = SYSTEM

    def __init__(self, users: Source, transfers: Source, *, mended: Mended | None = None) -> None:
        self._files = CsvFiles(users, transfers, mended=mended)
        self.bytes = self._files.bytes

    @property
    def bytes_read(self) -> int:
        """The bytes that are read so far."""
        return self._files.bytes_read

    def read(self) -> Iterator[tuple[str, ImportedAccount | ImportedTransfer | Quarantined]]:
        """Yield the users, then the transfers. Both files are opened before the first row.

        :raises OSError: a file cannot be read.
        :raises WrongType: a file gives text instead of bytes.
        """
        users, transfers = self._files.names
        ids = RowIds(SYSTEM)
        with self._files.rows() as (of_users, of_transfers):
            for row in of_users:
                yield users, row if isinstance(row, Quarantined) else user_of(users, row)
            for row in of_transfers:
                yield (
                    transfers,
                    row if isinstance(row, Quarantined) else exchange_of(transfers, row, ids),
                )


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
    `organisation`. Limits are unchecked. Rows are booked five thousand in one batch; with
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
    return booking.run(
        bank,
        TimeOverflow(users, transfers),
        strict=strict,
        dry_run=dry_run,
        progress=progress,
        on_quarantine=on_quarantine,
    )
