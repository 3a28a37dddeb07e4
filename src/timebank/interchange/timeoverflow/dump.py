"""Import the tables that TimeOverflow's database dumps, with the balances that it caches.

Ids of accounts are those that the two CSV files have: the member's uid, and `organization`.
Ids of transfers are the table's own. Memory grows with the accounts, and by some 70 bytes
for each transfer: its two movements, which stand in a table of their own.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from timebank.interchange.engine.cells import CellFault, instant_of, whole_number
from timebank.interchange.engine.csv_rows import TableReader, quarantined
from timebank.interchange.engine.files import CsvFiles
from timebank.interchange.engine.protocol import NONE, ImportedRow, ImportedTransfer, Passed
from timebank.interchange.engine.quarantine import Mended
from timebank.interchange.engine.report import Quarantined
from timebank.interchange.timeoverflow.members import (
    ACCOUNT_COLUMNS,
    MEMBER_COLUMNS,
    USER_COLUMNS,
    Accounts,
)
from timebank.interchange.timeoverflow.movements import (
    MOVEMENT_COLUMNS,
    Movement,
    Movements,
)
from timebank.interchange.timeoverflow.tables import table_rows, tables_in

NAME: Final = "timeoverflow-tables"
#: How a transfer of another organization is counted.
ELSEWHERE: Final = "of another organization"
_TRANSFER_COLUMNS: Final = ("id", "created_at"), ("reason", "post_id")
_NEEDED: Final = {
    "accounts": ACCOUNT_COLUMNS,
    "members": MEMBER_COLUMNS,
    "transfers": _TRANSFER_COLUMNS,
    "movements": (MOVEMENT_COLUMNS, ()),
}
_COLUMNS_OF: Final = {**_NEEDED, "users": USER_COLUMNS}
_COLUMNS: Final = {"occurred_on": "created_at", "note": "reason", "source": "post_id"}
_BOTH_SIDES: Final = 2
_Moves = tuple[tuple[str, int | None], ...]


class TimeOverflowTables:
    r"""Reads the tables of a folder: an importer, to be run by `booking.run`.

    `accounts.csv`, `members.csv`, `transfers.csv` and `movements.csv` are needed; `users.csv` has
    the names. `organization` is an id, needed where the tables have several. A transfer is
    booked where one account gave what another got; all else is quarantined. Members who
    are not active are closed. The balance that is cached with each account is stated.

    :raises NotFound: no such folder, or a table is missing.
    :raises OSError: a file cannot be read.

    >>> import tempfile
    >>> from pathlib import Path
    >>> import timebank
    >>> from timebank.interchange.engine.booking import run
    >>> from timebank.interchange.timeoverflow.dump import TimeOverflowTables
    >>> bank = timebank.open("memory:")
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     for table, rows in {
    ...         "accounts": "id,accountable_id,accountable_type,balance\n1,7,Member,60\n"
    ...                     "2,8,Member,-60\n",
    ...         "members": "id,member_uid\n7,31\n8,32\n",
    ...         "transfers": "id,created_at\n1,2018-01-17 11:35:48\n",
    ...         "movements": "account_id,transfer_id,amount\n1,1,60\n2,1,-60\n",
    ...     }.items():
    ...         _ = Path(folder, f"{table}.csv").write_text(rows)
    ...     report = run(bank, TimeOverflowTables(folder))
    >>> report.ok, bank.transfer_by_id("timeoverflow-tables:1").earners
    (True, {'31': Hours('0:01')})
    """

    name = NAME

    def __init__(
        self,
        folder: str | os.PathLike[str],
        *,
        organization: str | None = None,
        mended: Mended | None = None,
    ) -> None:
        self._organization = organization
        found = tables_in(Path(folder), tuple(_NEEDED))
        self._paths = {table: found[table] for table in _COLUMNS_OF if table in found}
        self._files = CsvFiles(*self._paths.values(), mended=mended)
        self.bytes = self._files.bytes
        #: File → the names of its columns, as far as it is read.
        self.headers: dict[str, tuple[str, ...]] = {}

    @property
    def bytes_read(self) -> int:
        """The bytes that are read so far."""
        return self._files.bytes_read

    def read(self) -> Iterator[tuple[str, ImportedRow]]:
        """Yield the accounts first. All first lines are read before the first row.

        :raises InvalidRequest: a table without the columns that are needed, or several
            organizations of which none was chosen.
        :raises OSError: a file cannot be read.
        """
        with self._files.rows() as files:
            tables = {}
            for (table, path), rows in zip(self._paths.items(), files, strict=True):
                reader = table_rows(table, str(path), rows, *_COLUMNS_OF[table])
                tables[table], self.headers[str(path)] = reader, reader.names
            accounts = Accounts(self._organization)
            if "users" in tables:
                yield from self._of("users", accounts.read_users(tables["users"]))
            yield from self._of("members", accounts.read_members(tables["members"]))
            file = self._file("accounts")
            yield from self._of("accounts", accounts.read_accounts(file, tables["accounts"]))
            movements = Movements()
            yield from self._of("movements", self._read_movements(tables["movements"], movements))
            booked = self._transfers(tables["transfers"], movements, accounts.ids)
            yield from self._of("transfers", booked)
            yield from self._of("movements", self._orphans(movements, accounts.ids))

    def _file(self, table: str) -> str:
        return str(self._paths[table])

    def _of(self, table: str, rows: Iterator[ImportedRow]) -> Iterator[tuple[str, ImportedRow]]:
        file = self._file(table)
        return ((file, row) for row in rows)

    def _read_movements(self, rows: TableReader, movements: Movements) -> Iterator[Quarantined]:
        file = self._file("movements")
        for found in rows:
            if isinstance(found, Quarantined):
                yield found
                continue
            row, cells = found
            account, transfer, amount = numbers = tuple(map(whole_number, cells))
            if account is None or transfer is None or amount is None:
                place = numbers.index(None)
                fault = CellFault(
                    cells[place], "is not a whole number", column=MOVEMENT_COLUMNS[place]
                )
                yield quarantined(file, row, fault)
            else:
                movements.add(Movement(transfer, account, amount, row.line))

    def _transfers(
        self, rows: TableReader, movements: Movements, ids: dict[int, str | None]
    ) -> Iterator[ImportedRow]:
        file = self._file("transfers")
        for found in rows:
            if isinstance(found, Quarantined):
                yield found
                continue
            row, (id, created_at, reason, post_id) = found
            number = whole_number(id)
            if number is None:
                yield quarantined(file, row, CellFault(id, "is not a whole number", column="id"))
                continue
            lines = movements.take(number)
            if lines and all(ids.get(line.account, "") is None for line in lines):
                yield Passed(row.line, ELSEWHERE)
                continue
            why = _fault_of(lines, ids)
            moves = _moves(lines, ids)
            entered = instant_of(created_at.strip())
            if why is not None:
                yield quarantined(file, row, CellFault(id, why, column="id"), moves)
            elif entered is None:
                fault = CellFault(created_at, "is no instant", column="created_at")
                yield quarantined(file, row, fault, moves)
            else:
                earner, spender = sorted(lines, key=lambda line: -line.amount)
                yield ImportedTransfer(
                    row.line,
                    f"{NAME}:{number}",
                    earner=ids[earner.account] or "",
                    spender=ids[spender.account] or "",
                    seconds=earner.amount,
                    occurred_on=entered.date(),
                    created_at=created_at,
                    note=reason or None,
                    source={"post_id": post_id} if post_id else NONE,
                    columns=_COLUMNS,
                    cells=row.columns,
                )

    def _orphans(self, movements: Movements, ids: dict[int, str | None]) -> Iterator[Quarantined]:
        """Yield movements of transfers that are not in their table: deleted, most often."""
        file = self._file("movements")
        for line in movements.remaining():
            if ids.get(line.account, "") is None:
                continue
            text = f"transfer {line.transfer} is not in transfers.csv: it may have been deleted"
            moves = _moves([line], ids)
            yield Quarantined(file, line.line, "transfer_id", str(line.transfer), text, (), moves)


def _moves(lines: list[Movement], ids: dict[int, str | None]) -> _Moves:
    """Return what the movements do to accounts of ours."""
    return tuple((id, line.amount) for line in lines if (id := ids.get(line.account)) is not None)


def _fault_of(lines: list[Movement], ids: dict[int, str | None]) -> str | None:
    """Return why the movements are no exchange between two, or `None` where they are."""
    if not lines:
        return "has no movements: nobody's hours moved"
    return _fault_between(lines, ids)


def _fault_between(lines: list[Movement], ids: dict[int, str | None]) -> str | None:
    unknown = [line.account for line in lines if ids.get(line.account) is None]
    if unknown:
        return f"has a movement of account {unknown[0]}, which was not taken"
    if len(lines) != _BOTH_SIDES:
        return f"has {len(lines)} movement{'s' * (len(lines) > 1)}, not two"
    one, other = lines
    if one.amount != -other.amount:
        return f"does not sum to zero: {one.amount} and {other.amount} seconds"
    if one.amount == 0:
        return "moves nothing: its movements are of zero seconds"
    if one.account == other.account:
        return f"is of account {one.account} on both sides"
    return None
