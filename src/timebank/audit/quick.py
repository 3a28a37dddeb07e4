"""The quick audit: balances and sums, where the storage keeps them, and the head.

What the records say is not looked at, so it takes a small part of the time of a full audit and
finds a small part of what that finds: derived rows that were changed without care.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from timebank.audit.base import AuditContext
from timebank.audit.chain import Chain
from timebank.audit.checks import AUDIT_CHECKS
from timebank.audit.findings import Findings, quantity
from timebank.audit.heads import Heads
from timebank.audit.report import AuditReport, explained
from timebank.audit.steady import steady
from timebank.audit.storage import Storage
from timebank.audit.tree import tree_faults
from timebank.errors import TimebankError, shown
from timebank.model import Fault, Head, PostingRow
from timebank.model.said import said, who
from timebank.storage.protocol import Reader, adds_up

PAGE: Final = 500
#: The checks that a quick audit makes, in part.
QUICK_CHECKS: Final = ("file", "sequence", "chain", "zero-sum", "derived", "tree", "head")


def quick_audit(reader: Reader, *, expect: Iterable[Head] = ()) -> AuditReport:
    """Check the balances, the sums and the head; never raises on bad data.

    Every balance beside a posting is the sum of the account's postings so far, the postings of
    every record sum to zero, the records are numbered from 1 to the head, the tree has a tile for
    each 256 of them and those above are of those below, and the head's digest is that of the
    last record and the digest before it. Where the storage cannot be asked for
    sums in its own language the rows are read, and the postings of all records are summed
    together, not those of each.

    :raises Retryable: the storage is busy, or went away: that says nothing of what it has.
    """
    with steady(reader) as steadily:
        return _quick_audit(steadily, expect)


def _quick_audit(reader: Reader, expect: Iterable[Head]) -> AuditReport:
    context = AuditContext(reader, Findings(AUDIT_CHECKS, reads="sums"), expect=tuple(expect))
    storage, chain, heads = Storage(context), Chain(context), Heads(context)
    head: Head | None = None
    accounts = 0
    try:
        head = reader.head()
        for check, place, expected, found in _sums(reader):
            context.findings.add(check, place, expected=expected, found=found)
        for check, place, expected, found in tree_faults(reader, head.sequence):
            context.findings.add(check, place, expected=expected, found=found)
        last = heads.last_record(head)
        if last is not None:
            chain.check_digest(*last)
        for published in context.expect:
            heads.has(published)
        accounts = sum(1 for _ in _accounts(reader))
    except (TimebankError, OverflowError, TypeError, ValueError) as error:
        storage.tell_unreadable(said("storage"), error)
    records = 0 if head is None else head.sequence
    checks = (*QUICK_CHECKS, "published") if context.expect else QUICK_CHECKS
    report = AuditReport(
        context.findings.all(),
        head,
        records,
        accounts,
        notes=context.findings.notes(),
        checks=checks,
    )
    return report if report.ok else explained(report, reader)


def _sums(reader: Reader) -> Iterable[Fault]:
    return reader.sums() if adds_up(reader) else _sums_by_reading(reader)


def _sums_by_reading(reader: Reader) -> Iterator[Fault]:
    """Yield what a database would say of its sums, by reading the postings."""
    total = 0
    for account in _accounts(reader):
        running = version = 0
        while rows := reader.postings(account, after=version, limit=PAGE):
            for row in rows:
                running, version = running + row.seconds, version + 1
                if (row.version, row.balance) != (version, running):
                    yield _wrong(row, version, running)
                    running, version = row.balance, row.version
            total += sum(row.seconds for row in rows)
    if total:
        yield Fault(
            "zero-sum", said("all_records"), said("postings_that_sum_to_0_00"), quantity(total)
        )


def _wrong(row: PostingRow, version: int, running: int) -> Fault:
    place = said("posting_of_account", version=shown(row.version), account=who(row.account))
    if row.version != version:
        return Fault(
            "derived",
            place,
            said("version", version=version),
            said("version", version=shown(row.version)),
        )
    expected, found = (
        said("balance", balance=quantity(running)),
        said("balance", balance=quantity(row.balance)),
    )
    return Fault("derived", place, expected, found)


def _accounts(reader: Reader) -> Iterator[str]:
    after: str | None = None
    while page := reader.accounts(after=after, limit=PAGE):
        yield from (row.account for row in page)
        after = page[-1].account
