"""Find accounts of a source whose ids look alike, among each other or in the bank."""

from __future__ import annotations

from typing import Final

from timebank.bank import BankBatch
from timebank.errors import NotPermitted
from timebank.model.alike import folded

#: Groups of ids that a report keeps.
MOST_KEPT: Final = 1_000


class AlikeIds:
    """The ids of the accounts that a source names, by what they look like.

    Memory grows with the accounts of the source.
    """

    def __init__(self) -> None:
        self._ids: dict[str, set[str]] = {}

    def note(self, id: str) -> None:
        """Remember an id of the source, whether or not it was taken."""
        self._ids.setdefault(folded(id), set()).add(id)

    def found(self, batch: BankBatch) -> tuple[tuple[str, ...], ...]:
        """Return those that differ only by case, or by what cannot be seen, in their order."""
        try:
            for account in batch.accounts() if self._ids else ():
                if (alike := self._ids.get(folded(account.id))) is not None:
                    if account.merged_into is None:
                        alike.add(account.id)
                    else:  # somebody has looked at it
                        alike.discard(account.id)
        except NotPermitted:
            pass  # who may not list the accounts of the bank is told of those of the source
        groups = sorted(tuple(sorted(ids)) for ids in self._ids.values() if len(ids) > 1)
        return tuple(groups[:MOST_KEPT])
