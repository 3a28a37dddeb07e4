"""Audit the books of TimeOverflow, as its database dumps them: what is wrong in *them*.

TimeOverflow keeps a balance with each account, beside the movements that make it, and
lets transfers be deleted, changed by hand, or saved without movements. The tables are CSV
with a header: `accounts`, `movements` and `transfers`, and others where they were dumped.
All amounts are seconds. Memory grows by some hundred bytes for each transfer and account.
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from typing import Final

from timebank.audit import BooksReport, Check, Finding
from timebank.audit.findings import MOST_FINDINGS, quantity
from timebank.errors import shown
from timebank.interchange.timeoverflow.tables import (
    REFERENCES,
    REQUIRED,
    Broken,
    Move,
    Table,
    instant_of,
    tables_in,
)

_ASK: Final = "Ask who entered it, and have it entered again as it was, or taken back."
_RECOUNT: Final = (
    "Trust the movements: set the cached balance to their sum, once it is known what was deleted."
)

#: Every check of such books, in the order of the report.
BOOK_CHECKS: Final = (
    Check("row", "Each row can be read, and has an id of its own.", "Dump the table again."),
    Check("cached-balance", "An account's balance is the sum of its movements.", _RECOUNT),
    Check("zero-sum", "The movements of a transfer sum to zero.", _ASK),
    Check("no-movements", "A transfer has movements.", "Nobody's hours moved: " + _ASK.lower()),
    Check("zero-amount", "A transfer moves something.", "Nobody's hours moved: " + _ASK.lower()),
    Check(
        "sub-minute",
        "A transfer is of a minute or more: TimeOverflow shows less as 0:00.",
        "Seconds were probably meant as minutes, or minutes as hours: ask, and enter it again.",
    ),
    Check(
        "duplicate",
        "No exchange between the same two, of the same amount and reason, is entered twice "
        "within ten minutes.",
        "A form was probably sent twice: ask both, and take the second one back.",
    ),
    Check(
        "orphan",
        "What a row refers to is there, where its table was dumped.",
        "Something was deleted that others refer to: restore it from a backup.",
    ),
)
_ADVICE: Final = {check.name: check.advice for check in BOOK_CHECKS}

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
    tables = tables_in(Path(folder))
    books = _Books(tables)
    for name in REQUIRED:
        getattr(books, f"read_{name}")(tables[name])
    for name in tables.keys() - set(REQUIRED):
        books.read_others(tables[name])
    books.look()
    return BooksReport(
        tuple(_most(books.findings)),
        len(books.cached),
        len(books.moves),
        books.movements,
    )


def _most(findings: Iterable[Finding]) -> Iterator[Finding]:
    """In the order of the checks, not too many of each."""
    found = defaultdict(list)
    for finding in findings:
        found[finding.check].append(finding)
    for check in BOOK_CHECKS:
        of_check = found[check.name]
        yield from of_check[:MOST_FINDINGS]
        if (more := len(of_check) - MOST_FINDINGS) > 0:
            yield Finding(check.name, "elsewhere", "no finding", f"{more:,} more", check.advice)


class _Books:
    """The rows that the checks need, and what they find."""

    def __init__(self, tables: dict[str, Table]) -> None:
        self.findings: list[Finding] = []
        self.movements = 0
        self.cached: dict[str, int | None] = {}
        self.moves: dict[str, Move] = {}
        self._sums: dict[str, int] = defaultdict(int)
        self._ids: dict[str, set[str]] = {name: set() for name in tables}
        #: Place, table and id of what a row refers to, to be looked up at the end.
        self._refers: list[tuple[str, str, str]] = []

    def _add(self, check: str, place: str, expected: str, found: str) -> None:
        self.findings.append(Finding(check, place, expected, found, _ADVICE[check]))

    # -- reading --------------------------------------------------------------

    def _rows(self, table: Table) -> Iterator[tuple[str, dict[str, str]]]:
        """The rows that can be read, with the id of each; of the others there is a finding."""
        ids = self._ids[table.name]
        for row in table.rows():
            if isinstance(row, Broken):
                self._add("row", row.place, row.expected, row.found)
                continue
            id = row["id"]
            if id in ids:
                self._add(
                    "row", f"{table.one} {shown(id)}", "an id of its own", "it is there twice"
                )
                continue
            ids.add(id)
            self._note_references(table, id, row)
            yield id, row

    def _note_references(self, table: Table, id: str, row: dict[str, str]) -> None:
        for column, kind, target in REFERENCES[table.name]:
            refers = row.get(column)
            if refers and target in self._ids and (not kind or row[kind[0]] == kind[1]):
                self._refers.append((f"{table.one} {id}", target, refers))

    def read_accounts(self, table: Table) -> None:
        """The balance that is kept with each account; `None` where there is none."""
        for id, row in self._rows(table):
            self.cached[id] = table.seconds(row, "balance") if row["balance"] else None

    def read_transfers(self, table: Table) -> None:
        """When each was entered, and why."""
        for id, row in self._rows(table):
            entered = instant_of(row["created_at"])
            if entered is None:
                place = f"transfer {id}"
                self._add("row", place, "created_at, an instant", shown(row["created_at"]))
            self.moves[id] = Move(row.get("reason", ""), entered)

    def read_movements(self, table: Table) -> None:
        """What each account and each transfer comes to."""
        for _, row in self._rows(table):
            self.movements += 1
            amount = table.seconds(row, "amount")
            account, transfer = row["account_id"], row["transfer_id"]
            self._sums[account] += amount
            if transfer in self.moves:
                self.moves[transfer].lines.append((account, amount))

    def read_others(self, table: Table) -> None:
        """Their ids, and what they refer to."""
        for _ in self._rows(table):
            """It is noted."""

    # -- looking --------------------------------------------------------------

    def look(self) -> None:
        """Find what is wrong."""
        for id in sorted(self.cached, key=_by_number):
            cached = self.cached[id]
            if self._sums[id] != (cached or 0):
                found = "no balance" if cached is None else quantity(cached)
                self._add("cached-balance", f"account {id}", quantity(self._sums[id]), found)
        for id, move in self.moves.items():
            self._look_at(id, move)
        for ids in _twice(self.moves):
            told = _told(self.moves[ids[0]], len(ids))
            self._add("duplicate", f"transfers {', '.join(ids)}", "one of them", told)
        for place, table, id in self._refers:
            if id not in self._ids[table]:
                self._add("orphan", place, f"{shown(id)} in the table {table}", "no such row")

    def _look_at(self, id: str, move: Move) -> None:
        place = f"transfer {id}"
        total = sum(amount for _, amount in move.lines)
        most = max((abs(amount) for _, amount in move.lines), default=0)
        if not move.lines:
            self._add("no-movements", place, "movements", "none")
        elif total:
            found = f"{len(move.lines)} that sum to {quantity(total)}"
            if len(move.lines) == 1:
                found = f"only {quantity(total)} of account {move.lines[0][0]}"
            self._add("zero-sum", place, "movements that sum to 0:00", found)
        elif not most:
            self._add("zero-amount", place, "more than 0:00", "0:00")
        elif most < _MINUTE:
            self._add("sub-minute", place, "0:01 or more", quantity(most))


def _by_number(id: str) -> tuple[int, str]:
    """Ids are numbers, in text."""
    return len(id), id


def _told(move: Move, times: int) -> str:
    """What was entered twice, in words."""
    amount = quantity(max(abs(seconds) for _, seconds in move.lines))
    (spender, _), (earner, _) = sorted(move.lines, key=lambda line: line[1])
    often = "twice" if times == 2 else f"{times} times"  # noqa: PLR2004  # as people say it
    why = f", {shown(move.reason)}" if move.reason else ""
    return f"{amount} from account {spender} to account {earner}{why}, {often} within ten minutes"


def _twice(moves: dict[str, Move]) -> Iterator[list[str]]:
    """Transfers that are alike, each at most ten minutes after the one before."""
    alike = defaultdict(list)
    for id, move in moves.items():
        if move.is_between_two and move.entered is not None:
            alike[(tuple(sorted(move.lines)), move.reason)].append((move.entered, id))
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
