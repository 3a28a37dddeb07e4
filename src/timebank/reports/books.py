"""What is wrong in a host's books, as text: the verdict first, then what to do."""

from __future__ import annotations

from typing import Any

from timebank.audit import BooksReport
from timebank.reports.balances import counted
from timebank.reports.findings import finding_text
from timebank.reports.shapes import finding_shape


def books_text(report: BooksReport) -> list[str]:
    """The verdict, and a block for each finding.

    >>> from timebank.audit import BooksReport
    >>> from timebank.reports.books import books_text
    >>> books_text(BooksReport((), accounts=292, transfers=4_559, movements=9_115))
    ['All well: 292 accounts, 4,559 transfers and 9,115 movements agree.']
    """
    rows = (
        f"{counted(report.accounts, 'account')}, {counted(report.transfers, 'transfer')} "
        f"and {counted(report.movements, 'movement')}"
    )
    if report.ok:
        return [f"All well: {rows} agree."]
    lines = [f"NOT WELL: {counted(len(report.findings), 'finding')} in {rows}."]
    for number, finding in enumerate(report.findings, start=1):
        lines += ["", *finding_text(number, finding)]
    return lines


def books_shape(report: BooksReport) -> dict[str, Any]:
    """As data, in the shape that an audit has."""
    return {
        "ok": report.ok,
        "findings": list(map(finding_shape, report.findings)),
        "accounts": report.accounts,
        "transfers": report.transfers,
        "movements": report.movements,
    }
