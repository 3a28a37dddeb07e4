"""Audit the books of TimeOverflow, as its database dumps them.

TimeOverflow keeps a balance with each account, beside the movements that make it, and
lets transfers be deleted, changed by hand, or saved without movements. The tables are CSV
with a header: `accounts`, `movements` and `transfers`, and others where they were dumped.
All amounts are seconds. Memory grows by some hundred bytes for each transfer and account.
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Final

import attrs

from timebank.audit import BooksReport, Check, Finding
from timebank.audit.findings import MOST_FINDINGS, quantity
from timebank.errors import shown
from timebank.interchange.engine.cells import instant_of, unreadable, whole_number
from timebank.interchange.engine.csv_rows import Rows, TableReader
from timebank.interchange.engine.report import Quarantined
from timebank.interchange.timeoverflow.tables import REFERENCES, table_rows, tables_in
from timebank.model.said import said

#: The tables that are needed, in the order in which they are read, and the columns of theirs that
#: are needed.
_NEEDED: Final = {
    "accounts": ("id", "accountable_id", "accountable_type", "balance"),
    "transfers": ("id", "reason", "created_at"),
    "movements": ("id", "account_id", "transfer_id", "amount"),
}
#: The columns that are whole seconds; an empty balance is none.
_SECONDS: Final = {"accounts": "balance", "movements": "amount"}

_ASK: Final = "advice_books_ask"
_NOBODY: Final = "advice_books_nobody"
_RECOUNT: Final = "advice_books_recount"

#: Every check of such books, in the order of the report.
BOOK_CHECKS: Final = (
    Check("row", "Each row can be read, and has an id of its own.", "advice_books_dump"),
    Check("cached-balance", "An account's balance is the sum of its movements.", _RECOUNT),
    Check("zero-sum", "The movements of a transfer sum to zero.", _ASK),
    Check("no-movements", "A transfer has movements.", _NOBODY),
    Check("zero-amount", "A transfer moves something.", _NOBODY),
    Check(
        "sub-minute",
        "A transfer is of a minute or more: TimeOverflow shows less as 0:00.",
        "advice_books_sub_minute",
    ),
    Check(
        "duplicate",
        "No exchange between the same two, of the same amount and reason, is entered twice "
        "within ten minutes.",
        "advice_books_duplicate",
    ),
    Check(
        "orphan",
        "What a row refers to is there, where its table was dumped.",
        "advice_books_orphan",
    ),
)
_CHECKS: Final = {check.name: check for check in BOOK_CHECKS}

#: How close to each other two equal transfers are probably one.
TWICE_WITHIN: Final = timedelta(minutes=10)
_MINUTE: Final = 60


def audit_timeoverflow(folder: str | os.PathLike[str]) -> BooksReport:
    r"""Check the tables of a folder: `accounts.csv`, `movements.csv`, `transfers.csv`.

    `members.csv`, and others that are there, are looked into for what refers to them; a
    reference into a table that was not dumped is no finding. At most 100 findings of a
    check are kept; a last one says how many more there are.

    :raises NotFound: no such folder, or one of the three tables is missing.
    :raises InvalidRequest: a table without the columns that are needed.
    :raises OSError: a file cannot be read.

    >>> import tempfile
    >>> from pathlib import Path
    >>> from timebank.interchange.timeoverflow.books import audit_timeoverflow
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     for table, rows in {
    ...         "accounts": "id,accountable_id,accountable_type,balance\n1,7,Member,60\n",
    ...         "transfers": "id,reason,created_at\n",
    ...         "movements": "id,account_id,transfer_id,amount\n",
    ...     }.items():
    ...         _ = Path(folder, f"{table}.csv").write_text(rows)
    ...     report = audit_timeoverflow(folder)
    >>> [(finding.check, finding.place, finding.found) for finding in report.findings]
    [('cached-balance', 'account 1', '0:01')]
    """
    tables = tables_in(Path(folder), tuple(_NEEDED))
    books = _Books(tables)
    books.read_accounts()
    books.read_transfers()
    books.read_movements()
    for name in tables.keys() - _NEEDED.keys():
        books.read_ids(name)
    books.check()
    return BooksReport(
        tuple(_most(books.findings)),
        len(books.cached),
        len(books.entries),
        books.movements,
    )


def _most(findings: Iterable[Finding]) -> Iterator[Finding]:
    """Yield findings in the order of the checks, not too many of each."""
    found = defaultdict(list)
    for finding in findings:
        found[finding.check].append(finding)
    for check in BOOK_CHECKS:
        of_check = found[check.name]
        yield from of_check[:MOST_FINDINGS]
        if (more := len(of_check) - MOST_FINDINGS) > 0:
            yield Finding(
                check.name,
                said("elsewhere"),
                said("no_finding"),
                said("more", more=f"{more:,}"),
                check.advice,
            )


@attrs.define
class _Entry:
    """A transfer: why, when it was entered, and its movements, as account and seconds."""

    reason: str
    entered: datetime | None
    movements: list[tuple[str, int]] = attrs.field(factory=list)

    @property
    def is_between_two(self) -> bool:
        """Return true where one account gave what another got."""
        if len(self.movements) != 2:  # noqa: PLR2004  # both sides
            return False
        (one, given), (other, got) = self.movements
        return one != other and given == -got


class _Books:
    """The rows that the checks need, and what the checks find."""

    def __init__(self, tables: dict[str, Path]) -> None:
        self.findings: list[Finding] = []
        self.movements = 0
        self.cached: dict[str, int | None] = {}
        self.entries: dict[str, _Entry] = {}
        self._tables = tables
        self._sums: dict[str, int] = defaultdict(int)
        self._ids: dict[str, set[str]] = {name: set() for name in tables}
        #: Place, table and id of what a row refers to, to be looked up at the end.
        self._refers: list[tuple[str, str, str]] = []

    def _add(self, check: str, place: str, expected: str, found: str) -> None:
        self.findings.append(Finding(check, place, expected, found, _CHECKS[check].advice))

    # -- reading --------------------------------------------------------------

    def _rows(self, table: str) -> Iterator[tuple[str, dict[str, str]]]:
        """Yield the rows that can be read, with their ids; of the others there is a finding."""
        path, ids, one = self._tables[table], self._ids[table], table.removesuffix("s")
        refers = [column for column, _, _ in REFERENCES[table]]
        needed = _NEEDED.get(table, ("id",))
        optional = [column for column in dict.fromkeys(refers) if column not in needed]
        with path.open("rb") as file:
            reader = table_rows(table, path.name, Rows(path.name, file), needed, optional)
            for found in reader:
                if isinstance(found, Quarantined):
                    self._add("row", *_unread(found, reader))
                    continue
                row, cells = found
                named = dict(zip(reader.columns, cells, strict=True))
                if (fault := _fault_of(table, named)) is not None:
                    self._add("row", said("line", file=path.name, line=row.line), *fault)
                    continue
                id = named["id"]
                if id in ids:
                    self._add(
                        "row",
                        f"{one} {shown(id)}",
                        said("an_id_of_its_own"),
                        said("it_is_there_twice"),
                    )
                    continue
                ids.add(id)
                self._note_references(table, f"{one} {id}", named)
                yield id, named

    def _note_references(self, table: str, place: str, row: dict[str, str]) -> None:
        for column, kind, target in REFERENCES[table]:
            refers = row[column]
            if refers and target in self._ids and (not kind or row[kind[0]] == kind[1]):
                self._refers.append((place, target, refers))

    def read_accounts(self) -> None:
        """Read the balance that is kept with each account; `None` where there is none."""
        for id, row in self._rows("accounts"):
            self.cached[id] = int(row["balance"]) if row["balance"] else None

    def read_transfers(self) -> None:
        """Read when each was entered, and why."""
        for id, row in self._rows("transfers"):
            entered = instant_of(row["created_at"].strip())
            if entered is None:
                place = said("transfer", id=id)
                self._add("row", place, said("created_at_an_instant"), shown(row["created_at"]))
            self.entries[id] = _Entry(row["reason"], entered)

    def read_movements(self) -> None:
        """Add up what each account and each transfer comes to."""
        for _, row in self._rows("movements"):
            self.movements += 1
            amount = int(row["amount"])
            account, transfer = row["account_id"], row["transfer_id"]
            self._sums[account] += amount
            if transfer in self.entries:
                self.entries[transfer].movements.append((account, amount))

    def read_ids(self, table: str) -> None:
        """Read the ids of another table, and what its rows refer to."""
        for _ in self._rows(table):
            pass  # `_rows` notes both

    # -- checking -------------------------------------------------------------

    def check(self) -> None:
        """Find what is wrong."""
        for id in sorted(self.cached, key=_by_number):
            cached = self.cached[id]
            if self._sums[id] != (cached or 0):
                found = said("no_balance") if cached is None else quantity(cached)
                self._add(
                    "cached-balance", said("account", account=id), quantity(self._sums[id]), found
                )
        for id, entry in self.entries.items():
            self._check_entry(id, entry)
        for ids in _twice(self.entries):
            found = _duplicate_text(self.entries[ids[0]], len(ids))
            self._add(
                "duplicate", said("transfers", ids=", ".join(ids)), said("one_of_them"), found
            )
        for place, table, id in self._refers:
            if id not in self._ids[table]:
                self._add(
                    "orphan",
                    place,
                    said("in_the_table", id=shown(id), table=table),
                    said("no_such_row"),
                )

    def _check_entry(self, id: str, entry: _Entry) -> None:
        place = said("transfer", id=id)
        total = sum(amount for _, amount in entry.movements)
        most = max((abs(amount) for _, amount in entry.movements), default=0)
        if not entry.movements:
            self._add("no-movements", place, said("movements"), said("none"))
        elif total:
            found = said("that_sum_to", number=len(entry.movements), total=quantity(total))
            if len(entry.movements) == 1:
                found = said(
                    "only_of_account", total=quantity(total), account=entry.movements[0][0]
                )
            self._add("zero-sum", place, said("movements_that_sum_to_0_00"), found)
        elif not most:
            self._add("zero-amount", place, said("more_than_0_00"), "0:00")
        elif most < _MINUTE:
            self._add("sub-minute", place, said("a_minute_or_more"), quantity(most))


def _unread(row: Quarantined, reader: TableReader) -> tuple[str, str, str]:
    """Return where a row begins that cannot be read, what was expected, and what was found."""
    place = said("line", file=row.file, line=row.line)
    if not row.cells:
        return place, said("a_row"), row.reason
    if len(row.cells) != len(reader.names):
        return place, said("columns", number=len(reader.names)), f"{len(row.cells)}"
    why = unreadable(row.cells[reader.names.index(row.column)])
    return place, said("that_can_be_read", column=row.column), said("it_why", why=why)


def _fault_of(table: str, row: dict[str, str]) -> tuple[str, str] | None:
    """Return what is expected of a row and what was found, or `None` where it is well."""
    if not row["id"].strip():
        return said("an_id"), said("none")
    column = _SECONDS.get(table)
    if column is None or whole_number(row[column]) is not None:
        return None
    is_no_balance = column == "balance" and not row[column]
    return None if is_no_balance else (said("in_whole_seconds", column=column), shown(row[column]))


def _by_number(id: str) -> tuple[int, str]:
    """Return a key that sorts ids, which are numbers in text."""
    return len(id), id


def _duplicate_text(entry: _Entry, times: int) -> str:
    """Return what was entered twice, in words."""
    amount = quantity(max(abs(seconds) for _, seconds in entry.movements))
    (spender, _), (earner, _) = sorted(entry.movements, key=lambda line: line[1])
    often = said("twice") if times == 2 else said("times", n=times)  # noqa: PLR2004  # as people say it
    why = f", {shown(entry.reason)}" if entry.reason else ""
    return said(
        "entered_often_within_ten_minutes",
        amount=amount,
        spender=spender,
        earner=earner,
        why=why,
        often=often,
    )


def _twice(entries: dict[str, _Entry]) -> Iterator[list[str]]:
    """Yield transfers that are alike, each at most ten minutes after the one before."""
    alike = defaultdict(list)
    for id, entry in entries.items():
        if entry.is_between_two and entry.entered is not None:
            alike[(tuple(sorted(entry.movements)), entry.reason)].append((entry.entered, id))
    for found in alike.values():
        if len(found) == 1:
            continue
        found.sort()
        run = [found[0][1]]
        for (before, _), (entered, id) in pairwise(found):
            if entered - before > TWICE_WITHIN:
                if len(run) > 1:
                    yield run
                run = []
            run.append(id)
        if len(run) > 1:
            yield run
