"""Show the report of an audit to people and to a CI."""

from __future__ import annotations

import re
import textwrap
from typing import Final
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from timebank.audit import AuditReport, BooksReport, Finding
from timebank.reports.text import PAGE_COLUMNS, counted, harmless

_LABELS: Final = ("expected", "found", "advice")
_NO_XML: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def audit_text(report: AuditReport) -> list[str]:
    """Return the verdict, the head, and a block for each finding.

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
    """Return the first line: whether all is well."""
    if not report.ok:
        return f"NOT WELL: {counted(len(report.findings), 'finding')}."
    records, accounts = counted(report.records, "record"), counted(report.accounts, "account")
    if report.since is not None:
        records += f" since record {report.since}"
    looked = "at a quick look " if report.is_quick else ""
    return f"All well: {looked}{records} and {accounts} agree in {len(report.checks)} checks."


def audit_junit(report: AuditReport) -> list[str]:
    """Return the report as JUnit XML: a case for each check, failed where it found something.

    >>> import timebank
    >>> from timebank.reports.findings import audit_junit
    >>> audit_junit(timebank.open("memory:").audit())[1].startswith("<testsuite name=")
    True
    """
    found: dict[str, list[Finding]] = {check: [] for check in report.checks}
    for finding in report.findings:
        found.setdefault(finding.check, []).append(finding)
    failed = sum(1 for findings in found.values() if findings)
    suite = Element("testsuite", name="timebank audit", tests=str(len(found)), errors="0")
    suite.set("failures", str(failed))
    if report.head is not None:
        kept = SubElement(SubElement(suite, "properties"), "property", name="head")
        kept.set("value", _xml(str(report.head)))
    for check, findings in found.items():
        case = SubElement(suite, "testcase", classname="timebank.audit", name=_xml(check))
        for number, finding in enumerate(findings, start=1):
            failure = SubElement(case, "failure", message=_xml(finding.place), type=_xml(check))
            failure.text = _xml("\n".join(finding_text(number, finding)))
    indent(suite)
    return ['<?xml version="1.0" encoding="UTF-8"?>', *tostring(suite, "unicode").splitlines()]


def _xml(text: str) -> str:
    """Return text without the characters that no XML can hold."""
    return _NO_XML.sub("\N{REPLACEMENT CHARACTER}", harmless(text))


def finding_text(number: int, finding: Finding) -> list[str]:
    """Return the block of one finding: what and where, then what to do."""
    lines = [f"{number}. {finding.check}, {harmless(finding.place)}"]
    for label in _LABELS:
        lines += textwrap.wrap(
            harmless(getattr(finding, label)),
            PAGE_COLUMNS,
            initial_indent=f"   {label + ':':<10}",
            subsequent_indent=" " * 13,
            break_on_hyphens=False,
        )
    return lines


def books_text(report: BooksReport) -> list[str]:
    """Return the verdict, and a block for each finding.

    >>> from timebank.audit import BooksReport
    >>> from timebank.reports.findings import books_text
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
