"""Heads that were published, looked up in the journal."""

from __future__ import annotations

from timebank.audit.report import Findings
from timebank.errors import shown
from timebank.journal import genesis
from timebank.model import Head
from timebank.storage.protocol import Reader


def is_in(reader: Reader, findings: Findings, head: Head) -> bool:
    """Whether the journal has a head; where it has not, it is a finding.

    The digest beside the record is compared; that it is the digest of all that came before
    is for a full audit to say.
    """
    place = f"head {head.sequence}, published"
    journal = reader.head().journal
    if journal != head.journal:
        expected = f"journal {shown(head.journal)}"
        findings.add("published", place, expected=expected, found=f"journal {shown(journal)}")
        return False
    found = genesis(journal) if head.sequence == 0 else None
    if found is None:
        rows = reader.records(after=head.sequence - 1, limit=1)
        found = rows[0].digest if rows and rows[0].sequence == head.sequence else None
    if found == head.digest:
        return True
    told = "no such record" if found is None else found.hex()
    findings.add("published", place, expected=head.digest.hex(), found=told)
    return False
