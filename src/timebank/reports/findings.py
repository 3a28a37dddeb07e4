"""The report of an audit as text: the verdict first, then what to do."""

from __future__ import annotations

import textwrap
from typing import Final

from timebank.audit import AuditReport, Finding
from timebank.reports.balances import counted
from timebank.reports.cells import harmless

_LABELS: Final = ("expected", "found", "advice")
_COLUMNS: Final = 100


def audit_text(report: AuditReport) -> list[str]:
    """The verdict, the head, and a block for each finding.

    >>> import timebank
    >>> from timebank.reports.findings import audit_text
    >>> report = timebank.open("memory:").audit()
    >>> audit_text(report)[0].partition(" in ")[0]
    'All well: 0 records and 0 accounts agree'
    """
    lines = [verdict(report)]
    if report.head is not None:
        lines.append(f"Head: {report.head}")
    for number, finding in enumerate(report.findings, start=1):
        lines += ["", *finding_text(number, finding)]
    if report.notes:
        lines += ["", f"{counted(len(report.notes), 'note')}, which the rules allow:"]
        lines += [harmless(f"  {note.place}: {note.text}") for note in report.notes]
    return lines


def verdict(report: AuditReport) -> str:
    """The first line: whether all is well."""
    if not report.ok:
        return f"NOT WELL: {counted(len(report.findings), 'finding')}."
    records, accounts = counted(report.records, "record"), counted(report.accounts, "account")
    return f"All well: {records} and {accounts} agree in {len(report.checks)} checks."


def finding_text(number: int, finding: Finding) -> list[str]:
    """The block of one finding: what and where, then what to do."""
    lines = [f"{number}. {finding.check}, {harmless(finding.place)}"]
    for label in _LABELS:
        lines += textwrap.wrap(
            harmless(getattr(finding, label)),
            _COLUMNS,
            initial_indent=f"   {label + ':':<10}",
            subsequent_indent=" " * 13,
            break_on_hyphens=False,
        )
    return lines
