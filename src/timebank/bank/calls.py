"""The calls that change a bank, the same on a bank, a batch and a preview."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any

from timebank import commands
from timebank.bank.doors import Doors
from timebank.commands import KEEP, Command
from timebank.model import INHERIT, Account, Limit, Transfer

#: What may be given where hours are expected.
HoursLike = Any
Side = str | Mapping[str, HoursLike]


class Calls:
    """Every call becomes a command, checked in the caller's thread before any lock."""

    _doors: Doors

    def _execute(self, command: Command) -> Any:
        raise NotImplementedError

    def open_account(
        self,
        id: str,
        *,
        kind: str = "member",
        name: str | None = None,
        joined_on: date | None = None,
        floor: Limit | HoursLike = INHERIT,
        ceiling: Limit | HoursLike = INHERIT,
    ) -> Account:
        """Open an account. Repeated alike, it is the same account and nothing is appended.

        `kind` is member, group, organisation, fund, clearing or issuance; a limit is
        `INHERIT` (the statute's), `None` (unlimited) or hours. The name is personal
        text; the id stays in the journal for ever and should be opaque.

        :raises InvalidRequest: an id, kind, day or limit that cannot be.
        :raises IdempotencyMismatch: the account was opened by another request.

        >>> import timebank
        >>> bank = timebank.open("memory:")
        >>> bank.open_account("m1", name="Maria R.").status
        'open'
        """
        command = commands.OpenAccount.of(
            id, kind=kind, name=name, joined_on=joined_on, floor=floor, ceiling=ceiling
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
        account: Account = self._execute(commands.SetLimits.of(id, floor=floor, ceiling=ceiling))
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
        account: Account = self._execute(commands.Rename.of(id, name=name))
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
        account: Account = self._execute(commands.Freeze.of(id, reason=reason))
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
        account: Account = self._execute(commands.Thaw.of(id, reason=reason))
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
        account: Account = self._execute(commands.CloseAccount.of(id, reason=reason))
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
        account: Account = self._execute(commands.Reopen.of(id, reason=reason))
        return account

    def transfer(
        self,
        *,
        earner: Side,
        spender: Side,
        hours: HoursLike = None,
        id: str | None = None,
        kind: str = "exchange",
        occurred_on: date | None = None,
        category: str | None = None,
        area: str | None = None,
        resource: str | None = None,
        via: str | None = None,
        note: str | None = None,
        tags: Iterable[str] = (),
        source: str | Mapping[str, str] | None = None,
        limits: str = "checked",
    ) -> Transfer:
        """Move hours from who spends to who earns: who gave the service earns.

        A side is an account id, or a mapping of ids to hours; both sides sum alike. The
        `id` makes a repeated call safe: the same request gives the same transfer.
        `occurred_on` is the day of service, today in the bank's time zone when left
        out. `note` is personal text. Errors come in the order that `timebank.decide`
        documents.

        :raises InvalidRequest: a value that cannot be, sides that do not match.
        :raises IdempotencyMismatch: the id was used for another request.
        :raises AccountNotFound: an earner, a spender or `via` is no account.
        :raises AccountNotOpen: one of them is frozen or closed.
        :raises LimitExceeded: an account would move further beyond its limit.

        >>> import timebank
        >>> bank = timebank.open("memory:")
        >>> _ = bank.open_account("m1"), bank.open_account("f1", kind="group")
        >>> transfer = bank.transfer(earner="m1", spender="f1", hours="1:30", id="visit-81")
        >>> transfer.hours, bank.balance("f1").posted
        (Hours('1:30'), Hours('-1:30'))
        """
        command = commands.MakeTransfer.of(
            id=self._doors.id() if id is None else id,
            earner=earner,
            spender=spender,
            hours=hours,
            kind=kind,
            occurred_on=occurred_on,
            category=category,
            area=area,
            resource=resource,
            via=via,
            note=note,
            tags=tags,
            source=source,
            limits=limits,
        )
        transfer: Transfer = self._execute(command)
        return transfer

    def reverse(
        self,
        transfer_id: str,
        *,
        reason: str,
        hours: HoursLike = None,
        occurred_on: date | None = None,
        id: str | None = None,
    ) -> Transfer:
        """Move hours of an earlier transfer back: all that is left of it, or `hours`.

        The shares of a many-sided transfer are apportioned over what remains of each, by
        largest remainder, so that partial reversals close it exactly. Limits do not
        apply. The day is the original's unless given; `reason` is personal text.

        :raises InvalidRequest: no reason, a value that cannot be, or the reversal of a reversal.
        :raises IdempotencyMismatch: the id was used for another request.
        :raises TransferNotFound: no such transfer.
        :raises OverReversed: more than is left of it.
        :raises AccountNotOpen: one of its accounts is closed.

        >>> import timebank
        >>> bank = timebank.open("memory:")
        >>> _ = bank.open_account("m1"), bank.open_account("f1", kind="group")
        >>> transfer = bank.transfer(earner="m1", spender="f1", hours=2)
        >>> bank.reverse(transfer.id, reason="it was one hour", hours=1).spenders
        {'m1': Hours('1:00')}
        """
        command = commands.ReverseTransfer.of(
            transfer_id,
            id=self._doors.id() if id is None else id,
            reason=reason,
            hours=hours,
            occurred_on=occurred_on,
        )
        transfer: Transfer = self._execute(command)
        return transfer
