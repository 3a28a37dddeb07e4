"""Read the rows of a file of accounts, and of one of balances. Pure, but that people are noted."""

from __future__ import annotations

from timebank.interchange.csv.mapping import Accounts, Balances, Mapping
from timebank.interchange.csv.rows import (
    Cells,
    Heading,
    day_in,
    id_in,
    seconds_in,
)
from timebank.interchange.csv.who import Who
from timebank.interchange.engine.cells import CellFault
from timebank.interchange.engine.csv_rows import Row, quarantined
from timebank.interchange.engine.protocol import ImportedAccount, Passed
from timebank.interchange.engine.report import Quarantined
from timebank.interchange.sheets.headings import is_total
from timebank.model import MAX_TEXT_CHARACTERS
from timebank.reports.told import told

BLANK = "blank"
TOTAL = "total"
HEADING = "heading"

FoundAccount = ImportedAccount | Quarantined | Passed


class AccountReader:
    """Reads the rows of a file of accounts."""

    def __init__(self, mapping: Mapping, part: Accounts, heading: Heading, who: Who) -> None:
        self._mapping, self._part, self._heading, self._who = mapping, part, heading, who
        self._amounts = part.amounts or mapping.amounts
        self._names = _account_names(part)
        #: Accounts that are told by their names → where they stand.
        self._lines: dict[str, int] = {}

    def read(self, row: Row) -> tuple[FoundAccount, ...]:
        """Return what a row says: an account, and what is wrong with the balance that it states.

        A balance that cannot be read loses neither the account nor its exchanges.
        """
        if (passed := passed_over(self._heading, row)) is not None:
            return (passed,)
        cells = None
        try:
            cells = self._heading.cells(row)
            if self._is_total(cells):
                return (Passed(row.line, TOTAL),)
            return self._account(row, cells)
        except CellFault as fault:
            # A row of an account moves no hours: it explains nothing of a balance.
            said = "" if cells is None else cells.raw(self._part.id)
            return (quarantined(self._heading.file, row, fault, ((said, 0),) if said else ()),)

    def _account(self, row: Row, cells: Cells) -> tuple[FoundAccount, ...]:
        part = self._part
        name = " ".join(found for one in part.name if (found := cells[one].strip()))
        if len(name) > MAX_TEXT_CHARACTERS:
            reason = told("too_long", most=f"{MAX_TEXT_CHARACTERS:,}")
            raise CellFault(name, reason, column=part.name[0])
        id = self._id(row, cells, name)
        joined, closed = part.joined, part.closed
        stated, fault = self._stated(row, cells, id)
        account = ImportedAccount(
            line=row.line,
            id=id,
            kind=_kind(part, cells),
            name=name or None,
            joined_on=day_in(self._mapping, cells, joined) if joined and cells[joined] else None,
            closed=closed is not None and closed.holds(cells[closed.column]),
            stated=stated,
            columns=self._names,
            cells=row.columns,
        )
        self._who.note(id, name, *(cells[one] for one in part.also if cells[one]))
        return (account,) if fault is None else (account, fault)

    def _id(self, row: Row, cells: Cells, name: str) -> str:
        """Return the id of a row's account: its own, or that of its name, which stands once."""
        part = self._part
        if part.id is not None:
            return id_in(cells, part.id)
        id = self._who.opened(name, part.name[0])
        if (line := self._lines.setdefault(id, row.line)) != row.line:
            raise CellFault(name, told("name_twice", line=line), column=part.name[0])
        return id

    def _stated(self, row: Row, cells: Cells, id: str) -> tuple[int | None, Quarantined | None]:
        """Return the balance that a row states, or why it cannot be read."""
        column = self._part.balance
        try:
            if column is None or not cells[column]:
                return None, None
            return seconds_in(self._amounts, cells, column), None
        except CellFault as fault:
            return None, quarantined(self._heading.file, row, fault, ((id, 0),))

    def _is_total(self, cells: Cells) -> bool:
        part = self._part
        said = [cells.raw(one).strip() for one in (part.id, *part.name, part.joined) if one]
        filled = [cell for cell in said if cell]
        return bool(filled) and all(map(is_total, filled))


class BalanceReader:
    """Reads the rows of a file of balances. `opens` says that it lists all accounts there are."""

    def __init__(
        self, mapping: Mapping, part: Balances, heading: Heading, who: Who, *, opens: bool
    ) -> None:
        self._part, self._heading, self._who, self._opens = part, heading, who, opens
        self._amounts = part.amounts or mapping.amounts

    def read(self, row: Row) -> tuple[FoundAccount, ...]:
        """Return what a row says: an account with its balance alone, or without, and a fault."""
        if (passed := passed_over(self._heading, row)) is not None:
            return (passed,)
        part = self._part
        try:
            cells = self._heading.cells(row)
            if is_total(cells[part.account]):
                return (Passed(row.line, TOTAL),)
            find = self._who.opened if self._opens else self._who.of
            id = find(cells[part.account], part.account)
        except CellFault as fault:
            return (quarantined(self._heading.file, row, fault, ()),)
        faults, stated = [], None
        try:
            stated = seconds_in(self._amounts, cells, part.balance)
        except CellFault as fault:
            faults.append(quarantined(self._heading.file, row, fault, ((id, 0),)))
        account = ImportedAccount(
            line=row.line,
            id=id,
            name=self._who.name_of(id),
            stated=stated,
            columns={"id": str(part.account), "stated": str(part.balance)},
            cells=row.columns,
        )
        return (account, *faults)


def passed_over(heading: Heading, row: Row) -> Passed | None:
    """Return a row that says nothing, as one that is counted: blank, or the heading once more."""
    if heading.is_blank(row):
        return Passed(row.line, BLANK)
    return Passed(row.line, HEADING) if heading.is_repeated(row) else None


def _account_names(part: Accounts) -> dict[str, str]:
    """Return our fields, and what the source calls the columns that they come from."""
    name = part.name[0] if part.name else None
    closed = None if part.closed is None else part.closed.column
    found = {
        "id": part.id if part.id is not None else name,
        "kind": part.kind,
        "name": name,
        "joined_on": part.joined,
        "closed": closed,
        "stated": part.balance,
    }
    return {field: str(column) for field, column in found.items() if column is not None}


def _kind(part: Accounts, cells: Cells) -> str:
    if part.kind is None:
        return "member"
    if (kind := part.kinds.get(value := cells[part.kind])) is None:
        raise CellFault(value, told("no_kind"), column=part.kind)
    return kind
