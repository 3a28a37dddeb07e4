"""Import Komunitin's two CSV files, accounts and transfers; decimals stand after a dot.

Account ids are the codes; the ids of transfers are Komunitin's own. Memory grows with the
accounts, not with the transfers.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from timebank.hours import Hours
from timebank.interchange.engine.csv_rows import TableReader
from timebank.interchange.engine.files import CsvFiles, Source
from timebank.interchange.engine.protocol import ImportedAccount, ImportedRow
from timebank.interchange.engine.quarantine import Mended
from timebank.interchange.engine.report import Quarantined
from timebank.interchange.komunitin.rows import (
    SYSTEM,
    Outsiders,
    SourceRow,
    TransferFields,
    account_of,
    transfer_of,
)

_ACCOUNTS: Final = ("code",), ("id", "status", "created", "balance")
_TRANSFERS: Final = (
    ("id", "state", "amount", "created", "payer.code", "payee.code"),
    ("description", "payer.id", "payee.id"),
)
_OF_ACCOUNT: Final = {"id": "code", "joined_on": "created", "stated": "balance"}
_OF_TRANSFER: Final = {
    "spender": "payer.code",
    "earner": "payee.code",
    "seconds": "amount",
    "occurred_on": "created",
    "note": "description",
}


class Komunitin:
    r"""Reads accounts.csv and transfers.csv: an importer, to be run by `booking.run`.

    `unit` is what 1.00 of the currency is. A transfer that names a side by `payer.id` or
    `payee.id` and has no code gets the code that the accounts give for that id. Balances are
    stated. `outsiders` is an account that stands for all who are not listed, as members of other
    communities; without one their rows are quarantined. `mended` has rows to be read instead of
    some of theirs.

    :raises OSError: a file cannot be read.

    >>> from io import BytesIO
    >>> import timebank
    >>> from timebank.interchange.engine.booking import run
    >>> from timebank.interchange.komunitin import Komunitin
    >>> accounts = b"id,code,status,balance\n1,T01,active,0.75\n2,T02,active,-0.75\n"
    >>> transfers = b'''id,state,amount,created,payer.code,payee.code
    ... a1,committed,0.75,2026-03-02T10:00:00.000Z,T02,T01
    ... a2,pending,5.00,2026-03-03T10:00:00.000Z,T02,T01
    ... '''
    >>> bank = timebank.open("memory:")
    >>> report = run(bank, Komunitin(BytesIO(accounts), BytesIO(transfers)))
    >>> report.transfers_booked, report.passed, report.ok, bank.balance("T01").posted
    (1, {'pending': 1}, True, Hours('0:45'))
    """

    name = SYSTEM

    def __init__(
        self,
        accounts: Source,
        transfers: Source,
        *,
        unit: Hours = Hours(1),  # noqa: B008 - it cannot be changed
        outsiders: str | None = None,
        mended: Mended | None = None,
    ) -> None:
        self._codes: set[str] = set()
        self._outsiders = Outsiders(outsiders, self._codes)
        self._files = CsvFiles(accounts, transfers, mended=mended)
        self.bytes = self._files.bytes
        self._unit = unit.seconds
        #: File → the names of its columns, as far as it is read.
        self.headers: dict[str, tuple[str, ...]] = {}

    @property
    def bytes_read(self) -> int:
        """The bytes that are read so far."""
        return self._files.bytes_read

    def read(self) -> Iterator[tuple[str, ImportedRow]]:
        """Yield the accounts, then the transfers. Both first lines are read before the first row.

        :raises InvalidRequest: a file without the columns that are needed.
        :raises OSError: a file cannot be read.
        """
        accounts, transfers = self._files.names
        with self._files.rows() as (of_accounts, of_transfers):
            first = TableReader(of_accounts, accounts, *_ACCOUNTS)
            second = TableReader(of_transfers, transfers, *_TRANSFERS)
            self.headers = {accounts: first.names, transfers: second.names}
            codes: dict[str, str] = {}
            self._codes.clear()
            for account in self._accounts(accounts, first, codes):
                yield accounts, account
            for transfer in self._transfers(transfers, second, codes):
                yield transfers, transfer

    def _accounts(
        self, file: str, rows: TableReader, codes: dict[str, str]
    ) -> Iterator[ImportedAccount | Quarantined]:
        for found in rows:
            if isinstance(found, Quarantined):
                yield found
                continue
            row, (code, id, status, created, balance) = found
            codes.setdefault(id, code)
            self._codes.add(code)
            source = SourceRow(file, row, _OF_ACCOUNT)
            yield account_of(
                source, code, status=status, created=created, balance=balance, unit=self._unit
            )

    def _transfers(
        self, file: str, rows: TableReader, codes: dict[str, str]
    ) -> Iterator[ImportedRow]:
        for found in rows:
            if isinstance(found, Quarantined):
                yield found
                continue
            row, cells = found
            id, state, amount, created, payer, payee, description, payer_id, payee_id = cells
            source = SourceRow(file, row, _OF_TRANSFER)
            payer = payer or codes.get(payer_id, "")
            payee = payee or codes.get(payee_id, "")
            yield transfer_of(
                source,
                TransferFields(id, state, amount, created, description, payer, payee),
                unit=self._unit,
                outsiders=self._outsiders,
            )
