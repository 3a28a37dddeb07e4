"""Whether the journal is one at all: what has to hold before anything is made from it."""

from __future__ import annotations

from typing import Final

from timebank.audit.audit_pass import AuditPass
from timebank.audit.base import AuditCheck
from timebank.audit.canonical import Canonical
from timebank.audit.chain import Chain
from timebank.audit.findings import Finding
from timebank.audit.heads import Heads
from timebank.audit.storage import Storage
from timebank.storage.protocol import Reader


class _Readable(Storage):
    """Tells records that cannot be read, and asks nothing about the storage beside them."""

    def start(self) -> None:
        """Check nothing: rows that are to be made anew may be as wrong as they like."""


CHECKS: Final[tuple[type[AuditCheck], ...]] = (_Readable, Chain, Canonical, Heads)


def journal_findings(reader: Reader) -> tuple[Finding, ...]:
    """Find what breaks the sequence, the chain, the canonical form or the head; read no more.

    >>> import timebank
    >>> from timebank.audit.journal_only import journal_findings
    >>> with timebank.open("memory:").store.reader("main") as reader:
    ...     journal_findings(reader)
    ()
    """
    return AuditPass(reader, None, checks=CHECKS).run().findings
