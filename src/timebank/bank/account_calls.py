"""The calls that open and change accounts."""

from __future__ import annotations

from datetime import date

from timebank import rules
from timebank.bank.executing import Executing, HoursLike
from timebank.model import INHERIT, Account, Limit
from timebank.rules import KEEP


class AccountCalls(Executing):
    """Every call becomes a command, checked in the caller's thread before any lock."""

    def open_account(
        self,
        id: str,
        *,
        kind: str = "member",
        name: str | None = None,
        joined_on: date | None = None,
        floor: Limit | HoursLike = INHERIT,
        ceiling: Limit | HoursLike = INHERIT,
        welcome: bool = True,
    ) -> Account:
        """Open an account. Repeated alike, it is the same account and nothing is appended.

        `kind` is member, group, organisation, fund, clearing or issuance; a limit is
        `INHERIT` (the statute's), `None` (unlimited) or hours. The name is personal
        text; the id stays in the journal for ever and should be opaque. Where the statute
        of the day of joining gives welcome credit, it comes with the account, in the same
        commit, unless `welcome` is false.

        :raises InvalidRequest: an id, kind, day or limit that cannot be.
        :raises IdempotencyMismatch: the account was opened by another request.
        :raises AccountNotOpen: the fund of the welcome credit is not open.

        >>> import timebank
        >>> bank = timebank.open("memory:")
        >>> bank.open_account("m1", name="Maria R.").status
        'open'
        """
        command = rules.OpenAccount.of(
            id,
            kind=kind,
            name=name,
            joined_on=joined_on,
            floor=floor,
            ceiling=ceiling,
            welcome=welcome,
        )
        account: Account = self._execute(command)
        return account

    def set_limits(
        self, id: str, *, floor: Limit | HoursLike = KEEP, ceiling: Limit | HoursLike = KEEP
    ) -> Account:
        """Change an account's own floor, ceiling or both; what is left out stays.

        An account that is beyond its new limit may still move back.

        :raises InvalidRequest: no limit given, or a floor above the ceiling.
        :raises AccountNotFound: no such account.
        :raises AccountNotOpen: it is closed.

        >>> import timebank
        >>> bank = timebank.open("memory:")
        >>> _ = bank.open_account("m1")
        >>> bank.set_limits("m1", floor="-5").floor
        Hours('-5:00')
        """
        account: Account = self._execute(rules.SetLimits.of(id, floor=floor, ceiling=ceiling))
        return account

    def rename(self, id: str, name: str | None) -> Account:
        """Give an account another name; `None` takes the name away.

        :raises InvalidRequest: a name that cannot be.
        :raises AccountNotFound: no such account.

        >>> import timebank
        >>> bank = timebank.open("memory:")
        >>> _ = bank.open_account("m1", name="Maria R.")
        >>> bank.rename("m1", "Maria Rossi").name
        'Maria Rossi'
        """
        account: Account = self._execute(rules.Rename.of(id, name=name))
        return account

    def freeze(self, id: str, *, reason: str | None = None) -> Account:
        """Let an account neither earn nor spend; its transfers may still be reversed.

        :raises AccountNotFound: no such account.
        :raises AccountNotOpen: it is closed.

        >>> import timebank
        >>> bank = timebank.open("memory:")
        >>> _ = bank.open_account("m1")
        >>> bank.freeze("m1", reason="moved away for a year").status
        'frozen'
        """
        account: Account = self._execute(rules.Freeze.of(id, reason=reason))
        return account

    def thaw(self, id: str, *, reason: str | None = None) -> Account:
        """Open a frozen account again.

        :raises AccountNotFound: no such account.
        :raises AccountNotOpen: it is closed.

        >>> import timebank
        >>> bank = timebank.open("memory:")
        >>> _ = bank.open_account("m1"), bank.freeze("m1")
        >>> bank.thaw("m1").status
        'open'
        """
        account: Account = self._execute(rules.Thaw.of(id, reason=reason))
        return account

    def close_account(self, id: str, *, reason: str | None = None) -> Account:
        """Close an account whose balance is zero. It keeps its history and may be reopened.

        :raises AccountNotFound: no such account.
        :raises AccountNotEmpty: its balance is not 0:00.

        >>> import timebank
        >>> bank = timebank.open("memory:")
        >>> _ = bank.open_account("m1")
        >>> bank.close_account("m1").status
        'closed'
        """
        account: Account = self._execute(rules.CloseAccount.of(id, reason=reason))
        return account

    def reopen(self, id: str, *, reason: str | None = None) -> Account:
        """Open a closed account again.

        :raises AccountNotFound: no such account.
        :raises AccountNotOpen: it is frozen: thaw it.

        >>> import timebank
        >>> bank = timebank.open("memory:")
        >>> _ = bank.open_account("m1"), bank.close_account("m1")
        >>> bank.reopen("m1").status
        'open'
        """
        account: Account = self._execute(rules.Reopen.of(id, reason=reason))
        return account
