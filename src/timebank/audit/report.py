"""The report of an audit."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import attrs

from timebank.audit.chain import LOOKED_BACK
from timebank.audit.checks import AUDIT_CHECKS
from timebank.audit.findings import Finding, Findings, Note
from timebank.audit.open_findings import Cause
from timebank.errors import TimebankError
from timebank.model import Head
from timebank.model.said import said

if TYPE_CHECKING:
    from timebank.audit.checkpoint import Checkpoint
    from timebank.storage.protocol import Reader

#: Called with the records done and their number.
Progress = Callable[[int, int], None]


@attrs.frozen
class AuditReport:
    """The result of an audit. `head` is where the journal stood; `None` if it cannot be read.

    `records` and `accounts` count what was read; `checks` names what was checked. `notes`
    are no findings: transfers that a statute let pass with a flag. `since` is the sequence
    of the checkpoint that it went on from, and `checkpoint` what a later audit may go on
    from, where this one found nothing. `causes` say in words what was done, and which of the
    findings follow from it; `names` are those of the accounts that they name, where the bank has
    them. `apart` names the checks of which only this bank's part was looked at, as other banks
    share the storage: `timebank.audit.audit_banks` looks at the whole of it.

    >>> import timebank
    >>> report = timebank.open("memory:").audit()
    >>> report.ok, report.findings, report.records
    (True, (), 0)
    """

    findings: tuple[Finding, ...]
    head: Head | None
    records: int
    accounts: int
    checks: tuple[str, ...] = tuple(check.name for check in AUDIT_CHECKS)
    notes: tuple[Note, ...] = ()
    since: int | None = None
    checkpoint: Checkpoint | None = attrs.field(default=None, eq=False, repr=False)
    causes: tuple[Cause, ...] = attrs.field(default=(), eq=False, repr=False)
    names: Mapping[str, str] = attrs.field(factory=dict, eq=False, repr=False)
    apart: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        """Return true where nothing was found."""
        return not self.findings

    @property
    def unread_through(self) -> int:
        """Return the last record that an audit since a checkpoint did not look at; 0 for none."""
        return max((self.since or 0) - LOOKED_BACK, 0)

    @property
    def is_quick(self) -> bool:
        """Return true where the records themselves were left out."""
        return "effects" not in self.checks


def explained(
    report: AuditReport, reader: Reader | None, copy: Reader | None = None
) -> AuditReport:
    """Return a report with the causes of what it found, as a reader of the bank can tell them.

    A `copy` of the bank, a backup say, may tell what records said.
    """
    from timebank.audit.causes import causes_of  # it is seldom needed

    told = causes_of(reader, report.findings, report.head, copy)
    return attrs.evolve(report, causes=told.causes, names=told.names)


def unreadable(error: TimebankError) -> AuditReport:
    """Return the report on a storage that cannot be opened or read at all.

    >>> from timebank.audit import unreadable
    >>> from timebank import StoreError
    >>> unreadable(StoreError("not a database")).findings[0].found
    'not a database'
    """
    findings = Findings(AUDIT_CHECKS)
    findings.add(
        "file", said("storage"), expected=said("a_bank_that_can_be_read"), found=str(error)
    )
    report = AuditReport(findings.all(), head=None, records=0, accounts=0)
    return explained(report, None)
