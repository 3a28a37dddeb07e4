"""Accounts that a source says are closed or frozen: their history first, then their end."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from timebank.bank import BankBatch
from timebank.errors import AccountNotEmpty, AccountNotOpen, InvalidRequest, NotFound
from timebank.hours import Hours
from timebank.interchange.engine.protocol import ImportedAccount
from timebank.model import Transfer

_CLOSED: Final = "closed"
_FROZEN: Final = "frozen"


class AccountEndings:
    """Accounts that the source says are closed or frozen: their history first, then their end.

    Memory grows with the accounts that are not open.

    An account with hours on it cannot be closed. It is frozen, and named in the report, so that
    it is not used until somebody has decided whose the hours are.
    """

    def __init__(self, system: str) -> None:
        self.closed = 0
        #: Closed in the source but with hours on them, and their balances.
        self.frozen: list[tuple[str, Hours]] = []
        self._reason = f"as in {system}"
        self._ends: dict[str, str] = {}

    def note(self, row: ImportedAccount) -> None:
        """Remember that an account is not open in the source."""
        self._ends[row.id] = _CLOSED if row.closed else _FROZEN

    def reopen(self, batch: BankBatch, error: AccountNotOpen) -> bool:
        """Open an account that an earlier run ended, for rows that were mended since.

        One that somebody closed here while it is open in the source is left as it is.
        """
        if error.account not in self._ends or error.merged_into is not None:
            return False
        if error.status == _CLOSED:
            batch.reopen(error.account, reason=self._reason)
        else:
            batch.thaw(error.account, reason=self._reason)
        return True

    def reopening(self, batch: BankBatch, call: Callable[[], Transfer]) -> Transfer:
        """Call what books a row, on accounts that an earlier run may have closed at its end.

        :raises AccountNotOpen: somebody else closed or froze one of them.
        """
        while True:
            try:
                return call()
            except AccountNotOpen as error:
                if not self.reopen(batch, error):
                    raise

    def apply(self, batch: BankBatch) -> None:
        """Close or freeze each account, unless it is so already."""
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
