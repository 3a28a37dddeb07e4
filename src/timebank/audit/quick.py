"""The quick audit: balances and sums, where the storage keeps them, and the head.

What the records say is not looked at, so it takes a small part of the time of a full audit and
finds a small part of what that finds: derived rows that were changed without care.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from timebank.audit.published import is_in
from timebank.audit.report import AuditReport, Findings, quantity
from timebank.errors import TimebankError, shown
from timebank.journal import digest, genesis
from timebank.model import Fault, Head, PostingRow
from timebank.storage.protocol import Reader, adds_up

PAGE: Final = 500
#: The checks that a quick audit makes, in part.
QUICK_CHECKS: Final = ("file", "sequence", "chain", "zero-sum", "derived", "head")


def quick_audit(reader: Reader, *, expect: Iterable[Head] = ()) -> AuditReport:
    """Check the balances, the sums and the head; never raises on bad data.

    Every balance beside a posting is the sum of the account's postings so far, the postings of
    every record sum to zero, the records are numbered from 1 to the head, and the head's digest
    is that of the last record and the digest before it. Where the storage cannot be asked for
    sums in its own language the rows are read, and the postings of all records are summed
    together, not those of each.
    """
    findings = Findings()
    head: Head | None = None
    accounts, expected = 0, tuple(expect)
    try:
        head = reader.head()
        for fault in _sums(reader):
            findings.add(fault.check, fault.place, expected=fault.expected, found=fault.found)
        _last(reader, head, findings)
        for published in expected:
            is_in(reader, findings, published)
        accounts = sum(1 for _ in _accounts(reader))
    except (TimebankError, OverflowError, TypeError, ValueError) as error:
        findings.add("file", "storage", expected="can be read", found=str(error) or repr(error))
    records = 0 if head is None else head.sequence
    checks = (*QUICK_CHECKS, "published") if expected else QUICK_CHECKS
    return AuditReport(findings.all(), head, records, accounts, checks=checks)


def _sums(reader: Reader) -> Iterable[Fault]:
    return reader.sums() if adds_up(reader) else _read(reader)


def _read(reader: Reader) -> Iterator[Fault]:
    """As a database would say it, by reading the postings."""
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
        yield Fault("zero-sum", "all records", "postings that sum to 0:00", quantity(total))


def _wrong(row: PostingRow, version: int, running: int) -> Fault:
    place = f"posting {shown(row.version)} of account {shown(row.account)}"
    if row.version != version:
        return Fault("derived", place, f"version {version}", f"version {shown(row.version)}")
    told = f"balance {quantity(running)}", f"balance {quantity(row.balance)}"
    return Fault("derived", place, *told)


def _accounts(reader: Reader) -> Iterator[str]:
    after: str | None = None
    while page := reader.accounts(after=after, limit=PAGE):
        yield from (row.account for row in page)
        after = page[-1].account


def _last(reader: Reader, head: Head, findings: Findings) -> None:
    """The last record is the head's, and its digest is that of its bytes and the one before."""
    rows = reader.records(after=max(head.sequence - 2, 0), limit=3)
    before = genesis(head.journal)
    if head.sequence > 1 and rows:
        before = rows.pop(0).digest
    found = [(row.sequence, row.digest) for row in rows]
    expected = [(head.sequence, head.digest)] if head.sequence else []
    if found != expected:
        told = ", ".join(f"{shown(sequence)} {value.hex()[:16]}" for sequence, value in found)
        findings.add("head", "head", expected=f"the last record is {head.sequence}", found=told)
    elif rows and digest(before, rows[0].body) != head.digest:
        place = f"record {head.sequence}"
        right = digest(before, rows[0].body).hex()
        findings.add("chain", place, expected=right, found=head.digest.hex())
