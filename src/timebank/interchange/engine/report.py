"""The report of an import: what was booked, was there already, or could not be understood."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

import attrs

from timebank.hours import Hours

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

    @property
    def ok(self) -> bool:
        """Whether no row was quarantined and no balance differs from what the source states."""
        return self.quarantined == 0 and (
            self.reconciliation is None or not self.reconciliation.differences
        )
