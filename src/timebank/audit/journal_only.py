"""Whether the journal is one at all: what has to hold before anything is made from it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Final, TypeVar, cast

from timebank.audit.audit_pass import PAGE, AuditPass
from timebank.audit.base import UNREADABLE, AuditCheck
from timebank.audit.canonical import Canonical
from timebank.audit.chain import Chain
from timebank.audit.findings import Finding, Findings
from timebank.audit.heads import Heads
from timebank.audit.storage import Storage
from timebank.errors import Corrupt, TimebankError
from timebank.model import Head, RecordRow
from timebank.model.said import said
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
        self._damaged: Corrupt | None = None

    def head(self) -> Head:
        return self._asked(self._reader.head)

    def records(self, *, after: int, limit: int) -> list[RecordRow]:
        return self._asked(lambda: self._reader.records(after=after, limit=limit))

    def _asked(self, ask: Callable[[], T]) -> T:
        try:
            return ask()
        except Corrupt as error:
            self._damaged = error
            raise
        except TimebankError as error:
            if self._damaged is not None:  # a writer says no more after that
                raise self._damaged from error
            raise _FailedReading(error) from error


CHECKS: Final[tuple[type[AuditCheck], ...]] = (_Readable, Chain, Canonical, Heads)


def journal_findings(reader: Reader) -> tuple[Finding, ...]:
    """Find what breaks the sequence, the chain, the canonical form or the head.

    Of the rows beside the journal it is looked at whether they know of a later record.

    :raises TimebankError: the storage failed while it was read: any but `Corrupt`.

    >>> import timebank
    >>> from timebank.audit.journal_only import journal_findings
    >>> with timebank.open("memory:").store.reader("main") as reader:
    ...     journal_findings(reader)
    ()
    """
    journal = cast("Reader", _Journal(reader))  # nothing else is asked of it
    try:
        report = AuditPass(journal, None, checks=CHECKS).run()
    except _FailedReading as failed:
        raise failed.error from failed.error.__cause__
    return report.findings or tuple(_beyond(reader, report.head))


def _beyond(reader: Reader, head: Head | None) -> Iterator[Finding]:
    """Yield the first posting of a record behind the last one: what it told of would be lost.

    Rows that cannot be read tell nothing; they are to be made anew.
    """
    last = 0 if head is None else head.sequence
    with suppress(*UNREADABLE):
        page = reader.accounts(after=None, limit=PAGE)
        while page:
            for account in page:
                row = reader.last_posting(account.account)
                if row is not None and row.sequence > last:
                    findings = Findings(Heads.promises)
                    expected = said("the_last_record_is", sequence=row.sequence)
                    found = said("the_last_record_is", sequence=last)
                    findings.add("head", said("head"), expected=expected, found=found)
                    yield from findings.all()
                    return
            page = reader.accounts(after=page[-1].account, limit=PAGE)
