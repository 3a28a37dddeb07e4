"""The calls that change a bank, the same on a bank, a batch and a preview."""

from __future__ import annotations

from timebank import rules
from timebank.bank.account_calls import AccountCalls
from timebank.bank.executing import HoursLike, Side
from timebank.bank.hold_calls import HoldCalls
from timebank.bank.member_calls import MemberCalls
from timebank.bank.privacy_calls import PrivacyCalls
from timebank.bank.transfer_calls import TransferCalls
from timebank.statute import Statute

__all__ = ["Calls", "HoursLike", "Side"]


class Calls(AccountCalls, TransferCalls, HoldCalls, MemberCalls, PrivacyCalls):
    """All of them, and the adoption of a statute."""

    def adopt(self, statute: Statute) -> Statute:
        """Put a statute in force: a record, and the rules of every record after it.

        Nothing is appended where it is in force already. An earlier statute may be adopted
        again; a version means the same rules for ever.

        :raises WrongType: not a `Statute`.
        :raises IdempotencyMismatch: the version was adopted before, with other rules.
        :raises AccountNotFound: a fund that its rules name is no account.
        :raises AccountNotOpen: a fund that its rules name is closed.

        >>> import timebank
        >>> from timebank import Band, Statute
        >>> bank = timebank.open("memory:")
        >>> _ = bank.adopt(Statute(version="via-roma/1", limits={"member": Band(floor=-10)}))
        >>> _ = bank.open_account("m1")
        >>> bank.balance("m1").floor
        Hours('-10:00')
        """
        adopted: Statute = self._execute(rules.Adopt.of(statute))
        return adopted
