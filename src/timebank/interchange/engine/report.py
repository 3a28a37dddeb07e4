"""The report of an import: what was booked, was there already, or could not be understood."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

import attrs

from timebank.hours import Hours
from timebank.queries import json_shapes

if TYPE_CHECKING:
    from timebank.interchange.engine.people import Near
    from timebank.interchange.engine.reconcile import Reconciliation

_NO_STATES: Final[Mapping[str, int]] = MappingProxyType({})
_NO_NAMES: Final[Mapping[str, str]] = MappingProxyType({})


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
    #: known; none where it moves nothing, `None` where even the accounts are not known. Who is
    #: named by his name, and for the first time further down, is not known yet.
    moves: tuple[tuple[str, int | None], ...] | None = None

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.column}: {self.reason}"


@attrs.frozen
class Dismissed(Quarantined):
    """A row that somebody dismissed in a file of quarantined rows: it is counted, and no more."""


@attrs.frozen
class Changed:
    """A row that says something else than what was booked of it, under `id`.

    `changes` has, by the name of the field, what was booked and what the row says now. `remedy` is
    what follows it: "amend" where texts changed, else "reverse", after which it is booked anew.
    """

    file: str
    line: int
    id: str
    day: date | None
    earner: str
    spender: str
    hours: Hours
    remedy: str
    changes: Mapping[str, tuple[Any, Any]] = attrs.field(hash=False)


@attrs.frozen
class Gone:
    """What was booked from a source and is no longer in it, within its first and last day."""

    id: str
    day: date
    earner: str
    spender: str
    hours: Hours
    note: str | None = None


@attrs.frozen
class Elsewhere:
    """A row that stands in two files: one exchange or two. `booked` if the other came before."""

    file: str
    line: int
    id: str
    day: date | None
    earner: str
    spender: str
    hours: Hours
    booked: bool


@attrs.frozen
class ImportReport:
    """The counts of an import. Of the quarantined rows, `rows` has the first thousand.

    `booked` tells whether anything was kept: not in a dry run, not where `strict` met a row that
    it could not take, and not where a question is open, whose answer is an option of the next
    run. `moved` is the sum of what was booked now. Lists have the first thousand, counts are of
    all. Rows without ids are known by what they mean.
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
    #: Rows that are not booked, for a question is open.
    waiting: int = 0
    #: What is asked: "changed" or "gone" rows are there, or rows that stand "elsewhere" too.
    questions: tuple[str, ...] = ()
    rows_changed: int = 0
    changed: tuple[Changed, ...] = ()
    rows_gone: int = 0
    gone: tuple[Gone, ...] = ()
    #: Of what is gone, that which may be a row that could not be read.
    gone_perhaps: int = 0
    rows_elsewhere: int = 0
    elsewhere: tuple[Elsewhere, ...] = ()
    #: Rows that say the same as another one of their file: each counts.
    equal: int = 0
    #: Amounts that were no whole number of seconds, and were rounded as the source's mapping says.
    rounded: int = 0
    #: Rows that were taken for one with that of another file.
    same: int = 0
    #: What was followed: reversals of what is gone or has other hours, and amendments.
    taken_back: int = 0
    amended: int = 0
    #: Why what changed or is gone could not be followed: its id, and the bank's refusal.
    not_followed: tuple[tuple[str, str], ...] = ()
    #: Names of accounts near each other, of which the source means one.
    near: tuple[Near, ...] = ()
    #: Accounts that were opened with an id that looks like somebody's name, which stays for ever.
    named: tuple[str, ...] = ()
    #: Accounts of which the source has another "name" or "joined_on" day than the bank.
    differ: tuple[tuple[str, str], ...] = ()
    #: Reason → quarantined rows of it; those of the rarest ones are counted as "...".
    reasons: Mapping[str, int] = _NO_STATES
    #: Names of the accounts that are told above, as far as they may be seen.
    names: Mapping[str, str] = _NO_NAMES
    #: Ids of accounts that differ only by case, or by marks and blanks that look alike: each
    #: group sorted, at most a thousand. They are booked as they are.
    alike: tuple[tuple[str, ...], ...] = ()

    @property
    def ok(self) -> bool:
        """Return true where nothing is left over.

        No row was quarantined, no question is open, and no balance differs from the source's.
        """
        return (
            self.quarantined == 0
            and not self.questions
            and not self.not_followed
            and (self.reconciliation is None or not self.reconciliation.differences)
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
        "waiting": report.waiting,
        "questions": list(report.questions),
        "rows_changed": report.rows_changed,
        "changed": [_changed(one) for one in report.changed],
        "rows_gone": report.rows_gone,
        "gone": [{**_exchange(one), "note": one.note} for one in report.gone],
        "rows_elsewhere": report.rows_elsewhere,
        "elsewhere": [
            {"file": one.file, "line": one.line, **_exchange(one), "booked": one.booked}
            for one in report.elsewhere
        ],
        "equal": report.equal,
        "rounded": report.rounded,
        "same": report.same,
        "taken_back": report.taken_back,
        "amended": report.amended,
        "not_followed": [{"id": id, "reason": reason} for id, reason in report.not_followed],
        "near": [
            {"id": one.id, "name": one.name, "other": one.other, "other_name": one.other_name}
            for one in report.near
        ],
        "named": list(report.named),
        "differ": [{"account": id, "differs": how} for id, how in report.differ],
        "reasons": dict(report.reasons),
    }


def _exchange(one: Changed | Gone | Elsewhere) -> json_shapes.Shape:
    return {
        "id": one.id,
        "day": None if one.day is None else one.day.isoformat(),
        "earner": one.earner,
        "spender": one.spender,
        "hours": str(one.hours),
    }


def _changed(one: Changed) -> json_shapes.Shape:
    def plain(value: Any) -> Any:
        return list(value) if isinstance(value, tuple) else None if value is None else str(value)

    return {
        "file": one.file,
        "line": one.line,
        **_exchange(one),
        "remedy": one.remedy,
        "changes": {
            field: {"was": plain(was), "now": plain(now)}
            for field, (was, now) in one.changes.items()
        },
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
