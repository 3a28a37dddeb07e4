"""Whether the journal is one at all: what has to hold before anything is made from it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeVar, cast

from timebank.audit.audit_pass import AuditPass
from timebank.audit.base import AuditCheck
from timebank.audit.canonical import Canonical
from timebank.audit.chain import Chain
from timebank.audit.findings import Finding
from timebank.audit.heads import Heads
from timebank.audit.storage import Storage
from timebank.errors import Corrupt, TimebankError
from timebank.model import Head, RecordRow
from timebank.storage.protocol import Reader

T = TypeVar("T")


class _Readable(Storage):
    """Tells records that cannot be read, and asks nothing about the storage beside them."""

    def start(self) -> None:
        """Check nothing: rows that are to be made anew may be as wrong as they like."""


class _FailedReading(Exception):
    """The storage failed, which says nothing of the journal."""

    def __init__(self, error: TimebankError) -> None:
        super().__init__()
        self.error = error


class _Journal:
    """The head and the records of a reader, whose failures no audit takes for damage."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    def head(self) -> Head:
        return self._asked(self._reader.head)

    def records(self, *, after: int, limit: int) -> list[RecordRow]:
        return self._asked(lambda: self._reader.records(after=after, limit=limit))

    def _asked(self, ask: Callable[[], T]) -> T:
        try:
            return ask()
        except Corrupt:
            raise
        except TimebankError as error:
            raise _FailedReading(error) from error


CHECKS: Final[tuple[type[AuditCheck], ...]] = (_Readable, Chain, Canonical, Heads)


def journal_findings(reader: Reader) -> tuple[Finding, ...]:
    """Find what breaks the sequence, the chain, the canonical form or the head; read no more.

    :raises TimebankError: the storage failed while it was read: any but `Corrupt`.

    >>> import timebank
    >>> from timebank.audit.journal_only import journal_findings
    >>> with timebank.open("memory:").store.reader("main") as reader:
    ...     journal_findings(reader)
    ()
    """
    journal = cast("Reader", _Journal(reader))  # nothing else is asked of it
    try:
        return AuditPass(journal, None, checks=CHECKS).run().findings
    except _FailedReading as failed:
        raise failed.error from failed.error.__cause__
