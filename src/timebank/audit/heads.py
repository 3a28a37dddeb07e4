"""Check that the head is the last record, and that published heads are in the journal."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from timebank.audit.base import AuditCheck, AuditContext
from timebank.audit.findings import RESTORE, Check
from timebank.audit.losses import DeclaredLosses, declared
from timebank.audit.tree import root_at
from timebank.errors import shown
from timebank.journal import genesis
from timebank.model import Head, RecordRow
from timebank.model.said import said


class Heads(AuditCheck):
    """Checks the storage's head, those that were published, and the one of a checkpoint."""

    key: ClassVar = "heads"
    promises: ClassVar = (
        Check("head", "The head that the storage gives is its last record.", RESTORE),
        Check(
            "published",
            "Each head that was published is in the journal, with its root where it has one, and "
            "so is the one of a checkpoint; or a record declares that it was lost.",
            "advice_published",
        ),
    )

    def __init__(self, context: AuditContext) -> None:
        super().__init__(context)
        self._losses = DeclaredLosses(context.reader)

    def names_checked(self) -> Iterator[str]:
        """Yield `published` only where there is a head to look up."""
        yield "head"
        if self.context.expect or self.context.since is not None:
            yield "published"

    def read_head(self) -> None:
        """Read the head of the storage, from which the audit begins."""
        with self.reading("head"):
            head = self.context.reader.head()
            if type(head.journal) is str:
                self.context.head, self.context.digest = head, genesis(head.journal)
            else:
                found = shown(head.journal)
                self.tell("head", said("journal_id"), expected=said("a_string"), found=found)

    def finish(self) -> None:
        """Compare the head with the last record."""
        context = self.context
        if context.head is None or not context.is_complete:
            return
        sequence, digest = context.head.sequence, context.head.digest
        if (sequence, digest) != (context.last, context.digest):
            self.tell(
                "head",
                said("head"),
                expected=said(
                    "the_last_record", sequence=context.last, digest=context.digest.hex()
                ),
                found=f"{shown(sequence)} {digest.hex()}",
            )

    def find_published(self) -> None:
        """Look up each head that was published."""
        with self.reading("published_heads"):
            for head in self.context.expect:
                self.has(head)

    def has(self, head: Head) -> bool:
        """Return whether the journal has a head; where it has not, tell it.

        The digest beside the record is compared; that it is the digest of all that came before
        is for a full audit to say. A root that came with the head is compared as well; of a head
        without a digest, as one that was signed has none, it is all there is.
        """
        reader = self.context.reader
        journal = reader.head().journal
        if journal != head.journal:
            expected = said("journal", journal=shown(head.journal))
            return self._is_lost(head, expected, said("journal", journal=shown(journal)))
        found = genesis(journal) if head.sequence == 0 else None
        if found is None:
            rows = reader.records(after=head.sequence - 1, limit=1)
            found = rows[0].digest if rows and rows[0].sequence == head.sequence else None
        if found == head.digest or (found is not None and not head.digest):
            return head.given_root is None or self._has_root(head, head.given_root)
        other = said("no_such_record") if found is None else found.hex()
        return self._is_lost(head, (head.digest or head.given_root or b"").hex(), other)

    def _is_lost(self, head: Head, expected: str, found: str) -> bool:
        """Tell that a head is missing: by a note, where the journal declares that it was lost."""
        by = self._losses.excusing(head) if head.digest and head.sequence else None
        if by is not None and head == self.context.since:  # it cannot be gone on from there
            return self._is_not_there(head, expected, said("lost_as_declared", sequence=by))
        if by is None:
            return self._is_not_there(head, expected, found)
        self.context.findings.note(*declared(head, by))
        return False

    def _has_root(self, head: Head, root: bytes) -> bool:
        found = root_at(self.context.reader, head.sequence, root)
        if found == root:
            return True
        other = said("no_such_record") if found is None else found.hex()
        if head.digest and found is not None:  # it is not the records that are others
            other = said("root", digest=found.hex())
            return self._is_not_there(head, said("root", digest=root.hex()), other)
        return self._is_not_there(head, root.hex(), other)

    def _is_not_there(self, head: Head, expected: str, found: str) -> bool:
        place = said("head_published", sequence=head.sequence)
        self.tell("published", place, expected=expected, found=found)
        return False

    def last_record(self, head: Head) -> tuple[bytes, RecordRow] | None:
        """Return the digest before the head's record, and its row; tell it where it is not last."""
        rows = self.context.reader.records(after=max(head.sequence - 2, 0), limit=3)
        before = genesis(head.journal)
        if head.sequence > 1 and rows:
            before = rows.pop(0).digest
        found = [(row.sequence, row.digest) for row in rows]
        if found == ([(head.sequence, head.digest)] if head.sequence else []):
            return (before, rows[0]) if rows else None
        others = ", ".join(f"{shown(sequence)} {value.hex()[:16]}" for sequence, value in found)
        self.tell(
            "head",
            said("head"),
            expected=said("the_last_record_is", sequence=head.sequence),
            found=others,
        )
        return None
