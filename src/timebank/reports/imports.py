"""Show the report of an import as text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final

from timebank.model.alike import escaped
from timebank.reports.text import Column, counted, harmless, table

if TYPE_CHECKING:
    from timebank.interchange.engine.reconcile import Difference, Reconciliation
    from timebank.interchange.engine.report import ImportReport

#: Balances that differ, accounts that were frozen and ids that look alike, which the text shows.
MOST_SHOWN: Final = 100


def import_text(report: ImportReport, *, dry_run: bool = False) -> list[str]:
    """Return the counts of an import, each quarantined row, and how the balances compare."""
    lines = list(_counts(report))
    if dry_run:
        lines.append("This was a dry run: nothing is written.")
    elif not report.booked:
        lines = ["Nothing is booked, for not all rows are good."]
    if report.quarantined:
        lines += ["", f"{counted(report.quarantined, 'row')} could not be taken:"]
        lines += [f"  {harmless(str(row))}" for row in report.rows]
        if more := report.quarantined - len(report.rows):
            lines.append(f"  and {more:,} more: --quarantine FILE writes all of them")
    if report.frozen:
        lines += ["", *_frozen(report)]
    if report.alike:
        lines += ["", *_alike(report.alike)]
    if report.reconciliation is not None:
        lines += ["", *_reconciled(report.reconciliation)]
    return lines


def _counts(report: ImportReport) -> Iterator[str]:
    yield f"Accounts:  {report.accounts_opened:,} opened, {report.accounts_there:,} there already"
    if report.accounts_closed:
        yield f"           {report.accounts_closed:,} closed, as they are in the source"
    yield (
        f"Transfers: {report.transfers_booked:,} booked, {report.transfers_there:,} there already"
    )
    if reversals := report.reversals_booked + report.reversals_there:
        yield f"           {reversals:,} of them are reversals"
    for state, count in report.passed.items():
        yield f"           {count:,} passed over: {harmless(state)}"
    yield f"Moved:     {report.moved} hours"


def _frozen(report: ImportReport) -> Iterator[str]:
    yield "Closed in the source, but with hours on them. They are frozen:"
    for account, balance in report.frozen[:MOST_SHOWN]:
        yield f"  {harmless(account)} has {balance}"
    if (more := len(report.frozen) - MOST_SHOWN) > 0:
        yield f"  and {more:,} more"


def _alike(alike: Sequence[Sequence[str]]) -> Iterator[str]:
    yield "Ids that differ only by case, or by what cannot be seen. Are they the same account?"
    for ids in alike[:MOST_SHOWN]:
        yield f"  {', '.join(harmless(escaped(id)) for id in ids)}"
    if (more := len(alike) - MOST_SHOWN) > 0:
        yield f"  and {more:,} more"


def _reconciled(found: Reconciliation) -> Iterator[str]:
    differ, unexplained = len(found.differences), len(found.unexplained)
    if not differ:
        yield f"Balances:  all {found.compared:,} are what the source states"
        return
    yield (
        f"Balances:  {found.compared - differ:,} are what the source states, {differ:,} are not; "
        f"{unexplained:,} unexplained"
    )
    if found.unplaced:
        yield f"           ({found.unplaced:,} quarantined rows may be of any account)"
    yield ""
    columns = (
        Column("Account", least=12),
        *(Column(title, right=True) for title in ("Stated", "Ours", "Differs by", "Quarantined")),
        Column(""),
    )
    shown = (*found.unexplained, *(one for one in found.differences if one.explained))
    yield from table(columns, [_row(one) for one in shown[:MOST_SHOWN]])
    if differ > MOST_SHOWN:
        yield f"and {differ - MOST_SHOWN:,} more: --format json has all of them"


def _row(one: Difference) -> list[str]:
    ours = "none" if one.ours is None else str(one.ours)
    remark = "explained" if one.explained else "UNEXPLAINED"
    if one.unclear and not one.explained:
        remark += f", {one.unclear} quarantined without hours"
    return [one.account, str(one.stated), ours, str(one.difference), str(one.quarantined), remark]
