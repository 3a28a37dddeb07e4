"""Read opening balances, where a source has balances and no history."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from hashlib import sha256
from typing import Final

from timebank.errors import InvalidRequest
from timebank.hours import Hours
from timebank.interchange.engine.cells import CellFault
from timebank.interchange.engine.csv_rows import Rows, TableReader, quarantined
from timebank.interchange.engine.files import Source, named, opened
from timebank.interchange.engine.protocol import (
    ImportedAccount,
    ImportedRow,
    ImportedTransfer,
    Passed,
)
from timebank.interchange.engine.quarantine import Mended
from timebank.interchange.engine.report import Quarantined
from timebank.model import MAX_ID_CHARACTERS

#: The account against which the balances are booked, unless another is named.
ACCOUNT: Final = "opening"
#: What a row of zero is counted as.
ZERO: Final = "zero balance"
_COLUMNS: Final = ("account", "balance")
_NAMES: Final = {"id": "account", "earner": "account", "spender": "account", "seconds": "balance"}


def opening_balances(
    source: Source,
    *,
    account: str = ACCOUNT,
    day: date | None = None,
    open_accounts: bool = False,
    mended: Mended | None = None,
) -> Iterator[tuple[str, ImportedRow]]:
    r"""Yield the rows of a CSV with the columns `account` and `balance`, to be booked by `run`.

    Balances are hours as `Hours` reads them: `1:30`, `-0.25`, `2`. Each becomes one transfer
    of the kind `opening` between the account and `account`, which is of the kind `issuance`;
    its id names the account, so that it is booked once. `day` is the day of the balances,
    the day of the import when left out. An account that is not there is quarantined or, with
    `open_accounts`, opened.

    :raises InvalidRequest: the file has no such columns.
    :raises OSError: it cannot be read.

    >>> from io import BytesIO
    >>> from timebank.interchange.engine.opening import opening_balances
    >>> for file, row in opening_balances(BytesIO(b"account,balance\nm1,-1:30\n")):
    ...     print(row.id, row.spender, row.earner, row.seconds)
    opening:m1 m1 opening 5400
    """
    file_name = named(source)
    own = ImportedAccount(0, account, kind="issuance")
    with opened(source) as file:
        for found in TableReader(Rows(file_name, file, mended=mended), file_name, _COLUMNS):
            if isinstance(found, Quarantined):
                yield file_name, found
                continue
            row, (id, balance) = found
            try:
                seconds = Hours(balance.strip()).seconds
            except InvalidRequest as error:
                fault = CellFault(balance, f"is no balance: {error}", column="balance")
                yield file_name, quarantined(file_name, row, fault, ((id, None),))
                continue
            if open_accounts:
                yield file_name, ImportedAccount(row.line, id, cells=row.columns, columns=_NAMES)
            if seconds == 0:
                yield file_name, Passed(row.line, ZERO)
                continue
            earner, spender = (id, account) if seconds > 0 else (account, id)
            yield (
                file_name,
                ImportedTransfer(
                    row.line,
                    _id_of(id),
                    earner=earner,
                    spender=spender,
                    seconds=abs(seconds),
                    occurred_on=day,
                    columns=_NAMES,
                    cells=row.columns,
                    kind="opening",
                    opens=own,
                ),
            )


class NoHistory:
    """An importer of nothing, for where opening balances are all there is."""

    name: Final = "opening"
    bytes: Final = 0
    bytes_read: Final = 0

    def read(self) -> Iterator[tuple[str, ImportedRow]]:
        """Return no rows."""
        return iter(())


def _id_of(account: str) -> str:
    id = f"opening:{account}"
    if len(id) <= MAX_ID_CHARACTERS:
        return id
    return f"opening:{sha256(account.encode(errors='replace')).hexdigest()}"
