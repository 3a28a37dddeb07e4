"""Accounts that the source says are closed or frozen: their history first, their end after it."""

from __future__ import annotations

from typing import Final

from timebank.bank import BankBatch
from timebank.errors import AccountNotEmpty, AccountNotOpen, InvalidRequest, NotFound
from timebank.hours import Hours
from timebank.interchange.engine.protocol import ImportedAccount

_CLOSED: Final = "closed"
_FROZEN: Final = "frozen"


class AccountEndings:
    """How accounts are to end. Memory grows with the accounts that are not open.

    An account with hours on it cannot be closed: it is frozen, and named in the report,
    so that nobody acts by it until somebody has decided whose the hours are.
    """

    def __init__(self, system: str) -> None:
        self.closed = 0
        #: Closed in the source but with hours on them, and what they have.
        self.frozen: list[tuple[str, Hours]] = []
        self._reason = f"as in {system}"
        self._ends: dict[str, str] = {}

    def note(self, row: ImportedAccount) -> None:
        """The source says that this account is no longer open."""
        self._ends[row.id] = _CLOSED if row.closed else _FROZEN

    def wake(self, batch: BankBatch, error: AccountNotOpen) -> bool:
        """Open an account that an earlier run ended, for history that was mended since.

        Not one that somebody closed here while it is open in the source.
        """
        if error.account not in self._ends:
            return False
        if error.status == _CLOSED:
            batch.reopen(error.account, reason=self._reason)
        else:
            batch.thaw(error.account, reason=self._reason)
        return True

    def settle(self, batch: BankBatch) -> None:
        """Close or freeze each, where it is not so already."""
        for id, end in self._ends.items():
            try:
                status = batch.account(id).status
            except (InvalidRequest, NotFound):
                continue
            if status == _CLOSED:
                continue
            if end == _CLOSED and self._is_closed_now(batch, id):
                continue
            if end == _CLOSED:
                self.frozen.append((id, batch.balance(id).posted))
            if status != _FROZEN:
                batch.freeze(id, reason=self._reason)

    def _is_closed_now(self, batch: BankBatch, id: str) -> bool:
        try:
            batch.close_account(id, reason=self._reason)
        except AccountNotEmpty:
            return False
        self.closed += 1
        return True
