"""The audit: everything that is stored, derived again and compared. From a `Reader`.

Each invariant is a named check of `AUDIT_CHECKS`, and each check is a file of this folder: the list
is `timebank.audit.checks.CHECKS`. The other files help them: `audit_pass` runs the list,
`checkpoint` keeps what the checks knew, `stretches` and `processes` share the work, `findings`
and `report` hold the result; `accounts`, `exchanges`, `dues`, `corrections`, `crossings` and
`statute_history` know what `effects` compares; `record_fields`, `record_forms`, `message_fields`,
`field_types`, `id_rules` and `plain_transfers` take records apart, `plain_runs` many at once;
`order` and `shares` look at lines. `banks` audits all of a storage; `quick` and `compare` are
audits of their own, and `steady` is what all of them read by. The audit shares no code with the
rules: that limits held and reversals stayed within their originals is worked out here once more. It
reads one snapshot in pages, so that its memory grows with the number of accounts and not with that
of records, and it writes nothing.
"""

from __future__ import annotations

from collections.abc import Iterable

from timebank.audit.audit_pass import AuditPass
from timebank.audit.banks import BankReport, audit_banks
from timebank.audit.checkpoint import Checkpoint
from timebank.audit.checks import AUDIT_CHECKS
from timebank.audit.compare import BooksReport, compare_balances
from timebank.audit.findings import Check, Finding, Note
from timebank.audit.open_findings import Cause
from timebank.audit.quick import quick_audit
from timebank.audit.report import AuditReport, Progress, unreadable
from timebank.audit.steady import steady
from timebank.audit.stretches import StretchWorkers
from timebank.model import Head
from timebank.storage.protocol import Reader

__all__ = [
    "AUDIT_CHECKS",
    "AuditReport",
    "BankReport",
    "BooksReport",
    "Cause",
    "Check",
    "Checkpoint",
    "Finding",
    "Note",
    "StretchWorkers",
    "audit",
    "audit_banks",
    "compare_balances",
    "quick_audit",
    "unreadable",
]


def audit(
    reader: Reader,
    *,
    progress: Progress | None = None,
    since: Checkpoint | None = None,
    expect: Iterable[Head] = (),
    workers: StretchWorkers | None = None,
    now: int | None = None,
) -> AuditReport:
    """Check everything that a reader can see; or, with a checkpoint, what came `since`.

    Never raises on bad data: a finding says what, where, expected and found, and what
    can still be checked is. At most 100 findings of a check are kept; a last one says
    how many more there are. `progress` is called with the records done and their number.
    Each head of `expect` is to be in the journal, with the root that was given with it; one whose
    digest is empty is compared by its root alone. `now` is the instant of who audits, in
    microseconds since 1970: that of this machine's clock, unless given. The `workers` audit
    stretches of the journal in other processes.

    :raises InvalidRequest: a checkpoint that cannot be used.
    :raises Retryable: the storage is busy, or went away: that says nothing of what it has.

    >>> import timebank
    >>> from timebank.audit import audit
    >>> bank = timebank.open("memory:")
    >>> _ = bank.open_account("m1")
    >>> with bank.store.reader("main") as reader:
    ...     report = audit(reader)
    >>> report.ok, report.records, report.accounts
    (True, 1, 1)
    """
    with steady(reader) as steadily:
        return AuditPass(steadily, progress, since=since, expect=expect, now=now).run(workers)
