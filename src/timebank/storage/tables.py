"""Read one bank from tables, in whatever SQL: the queries, and the types of their rows.

A database gives its `Queries`, the texts of the questions with its own placeholders,
and a way to run them. Each row that comes back is checked for its types.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from itertools import product
from types import NoneType
from typing import Any, ClassVar, Final, Generic, NamedTuple, NoReturn, TypeVar

import attrs

from timebank.errors import BankNotFound, Corrupt, shown
from timebank.journal import genesis
from timebank.model import (
    AccountRow,
    Fault,
    Head,
    HoldRow,
    PostingRow,
    RecordRow,
    StatuteRow,
    TextRow,
    TileRow,
)
from timebank.model.rows import of_fields
from timebank.model.said import said
from timebank.storage.protocol import MOST_KINDS

Row = TypeVar("Row")

#: The tables with a bank of their own, parents before children.
TABLES: Final = (
    "timebank_records",
    "timebank_texts",
    "timebank_accounts",
    "timebank_postings",
    "timebank_holds",
    "timebank_statutes",
    "timebank_tiles",
)
#: The highest level of a tile: one above it would be over more records than there can be.
LAST_LEVEL: Final = 6
#: What is said of a ledger whose tables were made by a version that was never released.
MADE_BEFORE_RELEASE: Final = (
    "was made by a timebank older than its first release: export its journal with that version, "
    "and import it into a new store"
)
LACKS_TILES: Final = (
    "has no table timebank_tiles: either a timebank older than its first release made it (export "
    "its journal with that version, and import it into a new store), or somebody removed the table "
    "(go on with a backup)"
)
MOST: Final = 2**63 - 1
#: How many ids one statement looks up: a few, or many.
FEW, MANY = 8, 100
LAST_DAY: Final = "\U0010ffff"


def last_postings(mark: str, *, through: bool = False) -> str:
    """Return the question for the last posting of each account: one seek in its rows for each.

    Only where it is to be up to a record does it look at what else a row has: one that was
    tampered with may have anything there.
    """
    bound = f"AND q.sequence <= {mark} " if through else ""
    return f"""SELECT p.account, p.version, p.sequence, p.seconds, p.balance, p.day
        FROM timebank_accounts a CROSS JOIN timebank_postings p
        WHERE a.bank = {mark} AND a.account > {mark} AND p.bank = a.bank AND p.account = a.account
            AND p.version = (SELECT q.version FROM timebank_postings q
                WHERE q.bank = a.bank AND q.account = a.account {bound}
                ORDER BY q.version DESC LIMIT 1)
        ORDER BY a.account LIMIT {mark}"""  # noqa: S608 - our names


def other_records(columns: str, mark: str) -> str:
    """Return the question for records of other kinds than some."""
    marks = ", ".join([mark] * MOST_KINDS)
    return (
        f"{columns}WHERE bank = {mark} AND sequence > {mark} AND sequence <= {mark} "
        f"AND kind NOT IN ({marks}) ORDER BY sequence LIMIT {mark}"
    )


class RowType(NamedTuple, Generic[Row]):
    """How to read a row of a table: the function that makes it, and the types of its columns."""

    table: str
    make: Callable[[Iterable[Any]], Row]
    types: frozenset[tuple[type, ...]]


def row_type_of(
    table: str, make: Callable[[Iterable[Any]], Row], *columns: tuple[type, ...]
) -> RowType[Row]:
    """Return the type of a table's rows, by the types that each column may have."""
    return RowType(table, make, frozenset(product(*columns)))


INT, STR, BYTES = (int,), (str,), (bytes,)
INT_OR_NULL, STR_OR_NULL = (int, NoneType), (str, NoneType)
_LIMIT = (int, str, NoneType)

RECORD: Final = row_type_of(
    "timebank_records", of_fields(RecordRow), INT, BYTES, BYTES, STR, STR_OR_NULL, INT_OR_NULL
)
TEXT: Final = row_type_of("timebank_texts", of_fields(TextRow), INT, STR, BYTES, STR)
ACCOUNT: Final = row_type_of(
    "timebank_accounts",
    of_fields(AccountRow),
    *(STR, STR, STR, STR_OR_NULL, _LIMIT, _LIMIT, INT, INT_OR_NULL, STR_OR_NULL),
)
POSTING: Final = row_type_of(
    "timebank_postings", of_fields(PostingRow), STR, INT, INT, INT, INT, STR
)
HOLD: Final = row_type_of("timebank_holds", of_fields(HoldRow), STR, INT, INT, INT, INT)
STATUTE: Final = row_type_of("timebank_statutes", of_fields(StatuteRow), INT, STR, STR_OR_NULL)
TILE: Final = row_type_of("timebank_tiles", of_fields(TileRow), INT, INT, BYTES)
OPERATION: Final = row_type_of("timebank_records", tuple, STR, INT)
BANK: Final = row_type_of("timebank_banks", tuple, STR)
TOTALS: Final = row_type_of("timebank_postings", tuple, INT, INT)
LATE: Final = row_type_of("timebank_postings", tuple, INT)
HEAD: Final = RowType(
    "timebank_banks", tuple, frozenset({(str, int, bytes), (str, NoneType, NoneType)})
)


def odd_tile(row: Sequence[object]) -> Fault:
    """Return the fault that a bank has a tile of a level that no tree has."""
    levels = said("levels", first=0, last=LAST_LEVEL)
    return Fault("tree", "timebank_tiles", levels, shown(tuple(row)))


@attrs.frozen(kw_only=True)
class Queries:
    """The SQL of the queries. The first value of each is the bank."""

    head: str
    banks: str
    has_rows: str
    records: str
    find: str
    sequences: Mapping[int, str]
    referring: str
    texts: str
    account: str
    accounts: str
    first_accounts: str
    records_but: str
    last_posting: str
    last_postings: str
    last_postings_through: str
    postings: str
    by_day: str
    by_day_back: str
    totals: str
    all_totals: str
    late: str
    holds: str
    holds_of: str
    statutes: str
    tiles: str
    #: Whether a bank of another name is there.
    others: str
    #: What stands behind a table so that its rows are found by their key, whatever is known of
    #: their number: without it a server may walk through those of all banks.
    by_key: str = ""


#: Return the types of the values of a row.
_types: Final = partial(map, type)


class TableReader:
    """A reader of the protocol, over whatever runs a query."""

    #: What the rows of two tables are here; a database may keep a column otherwise.
    text_type: ClassVar[RowType[TextRow]] = TEXT
    account_type: ClassVar[RowType[AccountRow]] = ACCOUNT

    #: The questions of the database.
    _sql: Queries

    #: How a value is marked in a statement.
    mark: ClassVar[str] = "?"

    def __init__(self, queries: Queries, bank: str, where: str) -> None:
        self._sql = queries
        self._bank = bank
        self._where = where

    @abstractmethod
    def _fetch(self, sql: str, values: tuple[object, ...]) -> list[tuple[Any, ...]]:
        """Return the rows of a query as the driver gives them; its errors are translated."""

    def _rows(self, row_type: RowType[Row], sql: str, values: tuple[object, ...]) -> list[Row]:
        """Return the rows of a query, each of the types that its table has.

        :raises Corrupt: a value of another type, or text that is not UTF-8.
        """
        rows, types = self._fetch(sql, values), row_type.types
        if not types.issuperset(map(tuple, map(_types, rows))):
            self._refuse(row_type, next(row for row in rows if tuple(map(type, row)) not in types))
        return list(map(row_type.make, rows))

    def _row(self, row_type: RowType[Row], sql: str, values: tuple[object, ...]) -> Row | None:
        found = self._fetch(sql, values)
        return self._made(row_type, found[0]) if found else None

    def _made(self, row_type: RowType[Row], row: tuple[Any, ...]) -> Row:
        if tuple(map(type, row)) not in row_type.types:
            self._refuse(row_type, row)
        return row_type.make(row)

    def _refuse(self, row_type: RowType[Row], row: tuple[Any, ...]) -> NoReturn:
        msg = f"{self._where}: a row of {row_type.table} cannot be: {shown(row)}"
        raise Corrupt(msg)

    def _page(
        self,
        row_type: RowType[Row],
        sql: str,
        values: tuple[object, ...],
        goes_on: Callable[[Row], bool],
    ) -> list[Row]:
        """Return the rows of a page, which must lead on from where it begins.

        In a damaged file a page may lead back: whoever asks for the next would never end.

        :raises Corrupt: it does not go on.
        """
        rows = self._rows(row_type, sql, values)
        if rows and not goes_on(rows[-1]):
            self._lead_back(row_type)
        return rows

    def _lead_back(self, row_type: RowType[Row]) -> NoReturn:
        msg = f"{self._where}: the rows of {row_type.table} are out of order"
        raise Corrupt(msg)

    def _columns(
        self, row_type: RowType[Row], sql: str, values: tuple[object, ...]
    ) -> list[tuple[Any, ...]]:
        """Return what `_rows` does, column by column: none where there is no row."""
        rows, types = self._fetch(sql, values), row_type.types
        columns = [*zip(*rows, strict=True)]
        if rows and not types.issuperset(product(*[{*map(type, one)} for one in columns])):
            self._refuse(row_type, next(row for row in rows if tuple(map(type, row)) not in types))
        return columns

    def head(self) -> Head:
        """Implement `Reader.head`.

        :raises BankNotFound: the bank is not in the store.
        :raises Corrupt: the bank's own row is missing, its others are there.
        """
        row = self._row(HEAD, self._sql.head, (self._bank,))
        if row is None:
            if not self.has_rows():
                raise BankNotFound(self._bank, self._where)
            # A writer sees what others commit: the bank may have been made between two questions.
            row = self._row(HEAD, self._sql.head, (self._bank,))
        if row is None:
            msg = f"{self._where}: the own row of bank {shown(self._bank)} is missing"
            raise Corrupt(msg)
        journal, sequence, digest = row
        return Head(journal, sequence or 0, digest or genesis(journal))

    def banks(self) -> list[str]:
        """Return the names of the banks, by code point; none where there are no tables."""
        try:
            return [bank for (bank,) in self._rows(BANK, self._sql.banks, ())]
        except BankNotFound:
            return []

    def has_rows(self) -> bool:
        """Return whether any row but its own names the bank."""
        return bool(self._fetch(self._sql.has_rows, (self._bank,) * len(TABLES)))

    def records(self, *, after: int, limit: int) -> list[RecordRow]:
        """Implement `Reader.records`."""
        # No honest row is below 1: an audit asks for such, as far as a database counts.
        values = (self._bank, min(max(after, -MOST), MOST), limit)
        return self._page(RECORD, self._sql.records, values, lambda row: row.sequence > after)

    def record_columns(self, *, after: int, limit: int) -> list[tuple[Any, ...]]:
        """Implement `GivesColumns.record_columns`."""
        values = (self._bank, min(max(after, -MOST), MOST), limit)
        columns = self._columns(RECORD, self._sql.records, values)
        if columns and columns[0][-1] <= after:
            self._lead_back(RECORD)
        return columns

    def find(self, id: str) -> RecordRow | None:
        """Implement `Reader.find`."""
        return self._row(RECORD, self._sql.find, (self._bank, id))

    def sequences(self, ids: Sequence[str]) -> list[tuple[str, int]]:
        """Implement `FindsMany.sequences`."""
        found: list[tuple[str, int]] = []
        size = FEW if len(ids) <= FEW else MANY
        for first in range(0, len(ids), size):
            some = [*ids[first : first + size]]
            some += some[:1] * (size - len(some))
            found += self._rows(OPERATION, self._sql.sequences[size], (self._bank, *some))
        return found

    def referring(self, sequence: int) -> list[RecordRow]:
        """Implement `Reader.referring`."""
        return self._rows(RECORD, self._sql.referring, (self._bank, sequence))

    def texts(self, *, after: int, through: int) -> list[TextRow]:
        """Implement `Reader.texts`."""
        return self._rows(self.text_type, self._sql.texts, (self._bank, after, through))

    def account(self, id: str) -> AccountRow | None:
        """Implement `Reader.account`."""
        return self._row(self.account_type, self._sql.account, (self._bank, id))

    def accounts(self, *, after: str | None, limit: int) -> list[AccountRow]:
        """Implement `Reader.accounts`."""
        if after is None:
            return self._rows(self.account_type, self._sql.first_accounts, (self._bank, limit))
        values = (self._bank, after, limit)
        row_type, sql = self.account_type, self._sql.accounts
        return self._page(row_type, sql, values, lambda row: row.account > after)

    def last_posting(self, account: str, *, through: int | None = None) -> PostingRow | None:
        """Implement `Reader.last_posting`."""
        end = MOST if through is None else min(through, MOST)
        return self._row(POSTING, self._sql.last_posting, (self._bank, account, end))

    def last_postings(
        self, *, after: str, limit: int, through: int | None = None
    ) -> list[PostingRow]:
        """Implement `Surveys.last_postings`."""
        bound = () if through is None else (through,)
        sql = self._sql.last_postings_through if bound else self._sql.last_postings
        values = (self._bank, after, *bound, limit)
        return self._page(POSTING, sql, values, lambda row: row.account > after)

    def records_but(
        self, kinds: Sequence[str], *, after: int, through: int, limit: int
    ) -> list[RecordRow]:
        """Implement `Surveys.records_but`."""
        named = [*kinds, *[kinds[0]] * (MOST_KINDS - len(kinds))]
        values = (self._bank, after, through, *named, limit)
        return self._page(RECORD, self._sql.records_but, values, lambda row: row.sequence > after)

    def postings(self, account: str, *, after: int, limit: int) -> list[PostingRow]:
        """Implement `Reader.postings`."""
        values = (self._bank, account, after, limit)
        return self._page(POSTING, self._sql.postings, values, lambda row: row.version > after)

    def postings_by_day(
        self,
        account: str,
        *,
        since: str | None = None,
        until: str | None = None,
        after: tuple[str, int] | None = None,
        newest_first: bool = False,
        limit: int,
    ) -> list[PostingRow]:
        """Implement `Reader.postings_by_day`."""
        first, last = since or "", LAST_DAY if until is None else until
        if newest_first:
            end = (last, MOST) if after is None else min((last, MOST), after)
            values = self._day_values(account, first, end, limit)
            sql = self._sql.by_day_back
            return self._page(POSTING, sql, values, lambda row: (row.day, row.version) < end)
        start = (first, -MOST) if after is None else max((first, -MOST), after)
        values, sql = self._day_values(account, last, start, limit), self._sql.by_day
        return self._page(POSTING, sql, values, lambda row: (row.day, row.version) > start)

    def _day_values(
        self, account: str, bound: str, edge: tuple[str, int], limit: int
    ) -> tuple[object, ...]:
        """Return the values of a query by day: a bound on one side, a page's edge on the other."""
        return (self._bank, account, bound, *edge, limit)

    def totals(
        self, account: str, *, since: str | None = None, until: str | None = None
    ) -> tuple[int, int]:
        """Implement `Reader.totals`."""
        sql, days = self._sql.all_totals, tuple[str, ...]()
        if since is not None or until is not None:
            sql, days = self._sql.totals, (since or "", LAST_DAY if until is None else until)
        ((earned, spent),) = self._rows(TOTALS, sql, (self._bank, account, *days))
        return earned, spent

    def late(self, account: str, *, after: int, through: int, until: str) -> int:
        """Implement `AddsLate.late`."""
        values = (self._bank, account, after, through, until)
        ((seconds,),) = self._rows(LATE, self._sql.late, values)
        total: int = seconds
        return total

    def holds(self, *, after: tuple[int, str], limit: int) -> list[HoldRow]:
        """Implement `Reader.holds`."""
        values = (self._bank, *after, limit)
        return self._page(HOLD, self._sql.holds, values, above_hold(after))

    def holds_of(self, account: str, *, after: tuple[int, int], limit: int) -> list[HoldRow]:
        """Implement `Reader.holds_of`."""
        values = (self._bank, account, *after, limit)
        return self._page(HOLD, self._sql.holds_of, values, above_end(after))

    def statutes(self, *, before: int, limit: int) -> list[StatuteRow]:
        """Implement `Reader.statutes`."""
        values = (self._bank, min(before, MOST), limit)
        return self._page(STATUTE, self._sql.statutes, values, lambda row: row.sequence < before)

    def tiles(self, *, level: int, after: int, limit: int) -> list[TileRow]:
        """Implement `Reader.tiles`."""
        values = (self._bank, level, after, limit)
        return self._page(TILE, self._sql.tiles, values, lambda row: row.tile > after)

    def sums(self) -> list[Fault]:
        """Implement `AddsUp.sums`."""
        from timebank.storage.sums import faults_of_sums

        by_key = self._sql.by_key
        return list(faults_of_sums(self._fetch, self._bank, mark=self.mark, by_key=by_key))

    def is_shared(self) -> bool:
        """Implement `FindsOwn.is_shared`."""
        return bool(self._fetch(self._sql.others, (self._bank,)))


def above_hold(after: tuple[int, str]) -> Callable[[HoldRow], bool]:
    """Return whether a row comes behind another, by sequence and account."""
    return lambda row: (row.sequence, row.account) > after


def above_end(after: tuple[int, int]) -> Callable[[HoldRow], bool]:
    """Return whether a row comes behind another, by its end and sequence."""
    return lambda row: (row.expires_at, row.sequence) > after
