"""The report of an import: what was booked, was there already, or could not be understood."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

import attrs

from timebank.hours import Hours
from timebank.queries import json_shapes

if TYPE_CHECKING:
    from timebank.interchange.engine.reconcile import Reconciliation

_NO_STATES: Final[Mapping[str, int]] = MappingProxyType({})


@attrs.frozen
class Quarantined:
    """A row that was not booked: where it begins, which column is to blame, and why.

    `line` is the physical line, from 1; `column` is `row` where the row as a whole
    cannot be understood; `value` is what stands in the column, cut where it is long.
    """

    file: str
    line: int
    column: str
    value: str
    reason: str
    #: The row as it stands in the file; empty where it cannot be divided into columns.
    cells: tuple[str, ...] = ()
    #: Accounts whose balance it would have moved, and by how many seconds where that is
    #: known; none where it moves nothing, `None` where even the accounts are not known.
    moves: tuple[tuple[str, int | None], ...] | None = None

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.column}: {self.reason}"


@attrs.frozen
class ImportReport:
    """The counts of an import. Of the quarantined rows, `rows` has the first thousand.

    `booked` tells whether anything was kept: not in a dry run, and not where `strict`
    met a row that it could not take. `moved` is the sum of what was booked now.
    """

    accounts_opened: int = 0
    accounts_there: int = 0
    transfers_booked: int = 0
    transfers_there: int = 0
    moved: Hours = Hours.from_seconds(0)
    quarantined: int = 0
    rows: tuple[Quarantined, ...] = ()
    booked: bool = True
    reversals_booked: int = 0
    reversals_there: int = 0
    #: State of the source → rows of it, which moved no hours.
    passed: Mapping[str, int] = _NO_STATES
    #: Rows that were read; each is counted as one of the above.
    read: int = 0
    #: Those of the accounts that no row lists.
    accounts_implied: int = 0
    accounts_closed: int = 0
    #: Closed in the source but with hours on them: frozen here, id → balance.
    frozen: tuple[tuple[str, Hours], ...] = ()
    #: The balances as the source states them beside ours; `None` where it states none.
    reconciliation: Reconciliation | None = None
    #: Ids of accounts that differ only by case, or by marks and blanks that look alike: each
    #: group sorted, at most a thousand. They are booked as they are.
    alike: tuple[tuple[str, ...], ...] = ()

    @property
    def ok(self) -> bool:
        """Return true where no row was quarantined and no balance differs from the source's."""
        return self.quarantined == 0 and (
            self.reconciliation is None or not self.reconciliation.differences
        )


@json_shapes.of.register
def import_report(report: ImportReport) -> json_shapes.Shape:
    """Return what an import came to as plain dictionaries: see `timebank.reports.json`.

    >>> from timebank import reports
    >>> from timebank.interchange.engine.report import ImportReport
    >>> reports.json.of(ImportReport(read=3, transfers_booked=3))["transfers_booked"]
    3
    """
    found = report.reconciliation
    return {
        "ok": report.ok,
        "booked": report.booked,
        "read": report.read,
        "accounts_opened": report.accounts_opened,
        "accounts_there": report.accounts_there,
        "accounts_closed": report.accounts_closed,
        "transfers_booked": report.transfers_booked,
        "transfers_there": report.transfers_there,
        "reversals_booked": report.reversals_booked,
        "reversals_there": report.reversals_there,
        "passed": dict(report.passed),
        "moved": str(report.moved),
        "frozen": {account: str(balance) for account, balance in report.frozen},
        "quarantined": report.quarantined,
        "rows": [
            {
                "file": row.file,
                "line": row.line,
                "column": row.column,
                "value": row.value,
                "reason": row.reason,
            }
            for row in report.rows
        ],
        "reconciliation": None if found is None else _reconciliation(found),
        "alike": [list(ids) for ids in report.alike],
    }


def _reconciliation(found: Reconciliation) -> json_shapes.Shape:
    return {
        "compared": found.compared,
        "unplaced": found.unplaced,
        "differences": [
            {
                "account": one.account,
                "stated": str(one.stated),
                "ours": json_shapes.hours(one.ours),
                "difference": str(one.difference),
                "quarantined": str(one.quarantined),
                "unclear": one.unclear,
                "explained": one.explained,
            }
            for one in found.differences
        ],
    }
