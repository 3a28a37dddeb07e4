"""What an import came to: what was booked, what was there, what could not be understood."""

from __future__ import annotations

import attrs

from timebank.hours import Hours


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

    @property
    def ok(self) -> bool:
        """No row was quarantined."""
        return self.quarantined == 0
