"""The audit: derive everything again, and compare it with everything that is stored.

It reads one snapshot, page by page; its memory grows with the accounts, never with
the journal. It shares no code with `decide`: a limit is checked by the balances of the
fold. Bad data is never an exception, it is a finding.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

import attrs

from timebank.audit.checks import AUDIT_CHECKS
from timebank.audit.walk import Check, Finding, Page, Walk
from timebank.errors import Corrupt, TimebankError
from timebank.model import Head
from timebank.storage.protocol import Reader

__all__ = ["AUDIT_CHECKS", "AuditReport", "Check", "Finding", "audit", "unreadable"]

PAGE: Final = 500
#: More findings of one check than this are counted, not kept.
MOST: Final = 100


@attrs.frozen
class AuditReport:
    """What an audit found. `head` is the line to publish; `None` where it cannot be read."""

    findings: tuple[Finding, ...]
    head: Head | None
    records: int
    accounts: int
    checks: tuple[str, ...] = tuple(check.name for check in AUDIT_CHECKS)

    @property
    def ok(self) -> bool:
        """Whether there is no finding."""
        return not self.findings


@attrs.define
class _Kept:
    """Findings, at most a hundred of each check and then how many more."""

    kept: list[Finding] = attrs.field(factory=list)
    counts: dict[str, int] = attrs.field(factory=dict)

    def add(self, finding: Finding) -> None:
        number = self.counts[finding.check] = self.counts.get(finding.check, 0) + 1
        if number <= MOST:
            self.kept.append(finding)

    def all(self) -> tuple[Finding, ...]:
        more = [
            _named(name, "further on", "no finding", f"{count - MOST} more findings")
            for name, count in self.counts.items()
            if count > MOST
        ]
        return (*self.kept, *more)


def audit(reader: Reader, *, progress: Callable[[int, int], None] | None = None) -> AuditReport:
    """Audit one bank. `progress` is called with the records done and their number."""
    kept = _Kept()
    for fault in reader.faults():
        kept.add(_named(*fault))
    walk: Walk | None = None
    try:
        walk = Walk(reader, reader.head())
        for finding in _walk(walk, progress):
            kept.add(finding)
    except TimebankError as error:
        kept.add(_unreadable(error, "the journal" if walk is None else f"after record {walk.sequence}"))
    return AuditReport(
        findings=kept.all(),
        head=None if walk is None else walk.head,
        records=0 if walk is None else walk.records,
        accounts=0 if walk is None else len(walk.fold.accounts),
    )


def unreadable(error: TimebankError) -> AuditReport:
    """The report on a store that cannot even be opened."""
    return AuditReport(findings=(_unreadable(error, "the store"),), head=None, records=0, accounts=0)


def _walk(walk: Walk, progress: Callable[[int, int], None] | None) -> Iterator[Finding]:
    checks = [check for check in AUDIT_CHECKS if check.begin is not None]
    running = [check.begin(walk) for check in checks if check.begin is not None]
    while rows := walk.reader.records(after=walk.sequence, limit=PAGE):
        page = Page(rows, walk)
        for step in running:
            yield from step.page(page)
        walk.pass_page(page)
        if progress is not None:
            progress(walk.sequence, walk.head.sequence)
    for step in running:
        yield from step.end()


def _unreadable(error: TimebankError, place: str) -> Finding:
    expected = "readable rows" if isinstance(error, Corrupt) else "a store that can be read"
    return _named("file", place, expected, str(error))


def _named(name: str, place: str, expected: str, found: str) -> Finding:
    advice = next(check.advice for check in AUDIT_CHECKS if check.name == name)
    return Finding(check=name, place=place, expected=expected, found=found, advice=advice)
