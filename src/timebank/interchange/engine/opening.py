"""Read opening balances, where a source has balances and no history."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import date
from hashlib import sha256
from typing import Final

import attrs

from timebank.errors import InvalidRequest
from timebank.hours import Hours
from timebank.interchange.engine.cells import CellFault
from timebank.interchange.engine.csv_rows import TableReader, quarantined
from timebank.interchange.engine.files import Source
from timebank.interchange.engine.people import People
from timebank.interchange.engine.protocol import (
    ImportedAccount,
    ImportedRow,
    ImportedTransfer,
    Passed,
)
from timebank.interchange.engine.quarantine import Mended, is_of_another
from timebank.interchange.engine.report import Quarantined
from timebank.interchange.engine.telling import looks_like_a_name
from timebank.interchange.sheets.headings import find_titles, is_total
from timebank.interchange.sheets.reading import Sheet
from timebank.model import ACCOUNT_KINDS, MAX_ID_CHARACTERS
from timebank.reports.csv_lines import unguarded
from timebank.reports.told import refused_by, told

#: The account against which the balances are booked, unless another is named.
ACCOUNT: Final = "opening"
#: What a row of zero is counted as.
ZERO: Final = "zero balance"
#: The account of the balances itself, which an export has among the others.
SELF: Final = "self"
_BLANK: Final = "blank"
_TOTAL: Final = "total"
_ACCOUNT: Final = "account"
_BALANCE: Final = "balance"
#: The balance as our own export of balances has it, exactly.
_SECONDS: Final = "balance_seconds"
_OPTIONAL: Final = ("name", "kind")
_NAMES: Final = {"id": "account", "earner": "account", "spender": "account", "seconds": "balance"}


def opening_balances(
    source: Source,
    *,
    account: str = ACCOUNT,
    day: date | None = None,
    open_accounts: bool = False,
    mended: Mended | None = None,
) -> Iterator[tuple[str, ImportedRow]]:
    r"""Yield the rows of a sheet with the columns `account` and `balance`, to be booked by `run`.

    The sheet is CSV, `.xlsx` or `.ods`, as a spreadsheet saves it; our own export of balances is
    one, whose column `balance_seconds` is read. Balances are hours as `Hours` reads them: `1:30`,
    `-0.25`, `2`. Each becomes one transfer of the kind `opening` between the account and `account`,
    which is of the kind `issuance`; its id names the account, so that it is booked once. `day` is
    the day of the balances, the day of the import when left out. An account that is not there is
    quarantined or, with `open_accounts`, opened, by its `name` and `kind` where there are such
    columns.

    :raises InvalidRequest: the file has no such columns.
    :raises OSError: it cannot be read.

    >>> from io import BytesIO
    >>> from timebank.interchange.engine.opening import opening_balances
    >>> for file, row in opening_balances(BytesIO(b"account;balance\nm1;-1,5\n")):
    ...     print(row.id, row.spender, row.earner, row.seconds)
    opening:m1 m1 opening 5400
    """
    reader = OpeningReader(account=account, day=day, open_accounts=open_accounts)
    return reader.read(source, mended=mended)


@attrs.frozen(kw_only=True)
class OpeningReader:
    """Makes the rows that opening balances become: see `opening_balances`.

    `find` tells which account a text means, where it is no id that must be taken as it is; `names`
    are those of the accounts that were made for it. A row with a name or a kind has an id, as those
    of our export of balances.
    """

    account: str = ACCOUNT
    day: date | None = None
    open_accounts: bool = False
    find: Callable[[str, str], str] | None = None
    names: Mapping[str, str] = attrs.field(factory=dict)

    def read(
        self, source: Source, *, mended: Mended | None = None
    ) -> Iterator[tuple[str, ImportedRow]]:
        """Yield the rows of a sheet with the columns `account` and `balance`.

        :raises InvalidRequest: the file has no such columns.
        :raises OSError: it cannot be read.
        """
        sheet, line, balance = _columns(Sheet(source))
        found_rows = sheet.rows()
        if mended is not None:
            found_rows = mended.replace(sheet.name, found_rows)
        rows = (row for row in found_rows if row.line >= line or is_of_another(row, sheet.name))
        table = TableReader(rows, sheet.name, (_ACCOUNT, balance), _OPTIONAL, padded=True)
        for found in table:
            if isinstance(found, Quarantined):
                yield sheet.name, found
                continue
            row, cells = found
            id, said, name, kind = (unguarded(cell.strip(), as_text=True) for cell in cells)
            if not any(cell.strip() for cell in row.columns):
                yield sheet.name, Passed(row.line, _BLANK)
                continue
            if is_total(id):
                yield sheet.name, Passed(row.line, _TOTAL)
                continue
            columns = {**_NAMES, "seconds": balance, "name": "name", "kind": "kind"}
            try:
                is_id = bool(name or kind) or id == self.account
                if self.find is not None and not is_id:
                    id = self.find(id, _ACCOUNT)
                seconds = _seconds(said, balance)
            except CellFault as fault:
                yield sheet.name, quarantined(sheet.name, row, fault, ((id, None),))
                continue
            account = ImportedAccount(
                row.line,
                id,
                kind=kind if kind in ACCOUNT_KINDS else "member",
                name=name or self.names.get(id),
                stated=seconds,
                columns=columns,
                cells=row.columns,
            )
            yield from ((sheet.name, item) for item in self.items(account))

    def items(self, row: ImportedAccount) -> Iterator[ImportedRow]:
        """Yield what an account with a stated balance becomes: a transfer, and perhaps itself."""
        own = ImportedAccount(0, self.account, kind="issuance")
        seconds, names = row.stated or 0, {**_NAMES, **row.columns}
        if row.id == self.account:
            yield Passed(row.line, SELF)
            return
        if self.open_accounts:
            yield attrs.evolve(row, stated=None, columns=names)
        if seconds == 0:
            yield Passed(row.line, ZERO)
            return
        earner, spender = (row.id, self.account) if seconds > 0 else (self.account, row.id)
        yield ImportedTransfer(
            row.line,
            _id_of(row.id),
            earner=earner,
            spender=spender,
            seconds=abs(seconds),
            occurred_on=self.day,
            columns={**names, "earner": names["id"], "spender": names["id"]},
            cells=row.cells,
            kind="opening",
            opens=own,
        )


def _columns(sheet: Sheet) -> tuple[Sheet, int, str]:
    """Return a sheet, the line that names its columns, and the column of the balance.

    Where nothing has these columns, it is the first line, which is then refused.
    """
    for divided in (sheet, *map(sheet.divided_by, sheet.form.delimiters[1:])):
        for balance in (_BALANCE, _SECONDS):
            if (found := find_titles(divided.rows(), (_ACCOUNT, balance))) is not None:
                return divided, found.line, balance
    return sheet, 0, _BALANCE


def _seconds(said: str, balance: str) -> int:
    """Return a balance in seconds.

    :raises CellFault: it is none.
    """
    try:
        if balance == _BALANCE:
            return Hours(said).seconds
        figures = said.removeprefix("-")
        if not (figures.isascii() and figures.isdigit() and len(figures) <= 16):  # noqa: PLR2004 - 2**53
            return Hours(f"{said}s").seconds  # refused, with what it should be
        return Hours.from_seconds(int(said)).seconds
    except InvalidRequest as error:
        reason = told("no_balance", why=refused_by(error))
        raise CellFault(said, reason, column=balance) from None


class NoHistory:
    """An importer of nothing, for where opening balances are all there is.

    No mapping says whether people stand there by ids or by names: what looks like a name is one.
    """

    name: Final = "opening"
    bytes: Final = 0
    bytes_read: Final = 0

    def __init__(self) -> None:
        #: Those of the bank, set before anything is read.
        self.people: People | None = None

    def opening(
        self,
        source: Source,
        *,
        account: str = ACCOUNT,
        day: date | None = None,
        open_accounts: bool = False,
        mended: Mended | None = None,
    ) -> Iterator[tuple[str, ImportedRow]]:
        """Yield the rows of a sheet as `opening_balances` does, with people by name.

        :raises InvalidRequest: the file has no such columns.
        :raises OSError: it cannot be read.
        """
        people = self.people or People(self.name)

        def find(text: str, column: str) -> str:
            people.opens = open_accounts
            return people.id_of(text, column) if looks_like_a_name(text) else text

        reader = OpeningReader(
            account=account, day=day, open_accounts=open_accounts, find=find, names=people.opened
        )
        yield from reader.read(source, mended=mended)

    def read(self) -> Iterator[tuple[str, ImportedRow]]:
        """Return no rows."""
        return iter(())


def _id_of(account: str) -> str:
    id = f"opening:{account}"
    if len(id) <= MAX_ID_CHARACTERS:
        return id
    return f"opening:{sha256(account.encode(errors='replace')).hexdigest()}"
