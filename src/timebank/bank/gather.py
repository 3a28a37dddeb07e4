"""What the fold derives from a record, gathered into the batch that a store appends."""

from __future__ import annotations

from timebank.journal.fold import Derived
from timebank.storage.protocol import Batch


def gather(batch: Batch, derived: Derived) -> None:
    """Put the derived rows of one record into a batch.

    A hold that the same batch opened and ended leaves no row at all.
    """
    if derived.account is not None:
        batch.accounts[derived.account.account] = derived.account
    batch.postings += derived.postings
    batch.holds += derived.holds
    if derived.resolved:
        ended = derived.resolved[0].sequence
        kept = [row for row in batch.holds if row.sequence != ended]
        if len(kept) == len(batch.holds):
            batch.resolved.append(ended)
        batch.holds = kept
    if derived.statute is not None:
        batch.statutes.append(derived.statute)
    if derived.erased:
        batch.erased += derived.erased
