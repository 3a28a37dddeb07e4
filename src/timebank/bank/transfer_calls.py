"""The calls that move hours."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date

from timebank import rules
from timebank.bank.executing import Executing, HoursLike, Side
from timebank.model import Transfer


class TransferCalls(Executing):
    """Transfers, between two or many, and their reversal."""

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
        out. `note` is personal text. The statute's rules on exchanges are for the kind
        `exchange`; `limits="unchecked"` is for imports, which no rule judges. Errors come
        in the order that `timebank.rules` documents.

        :raises InvalidRequest: a value that cannot be, sides that do not match.
        :raises IdempotencyMismatch: the id was used for another request.
        :raises AccountNotFound: an earner, a spender or `via` is no account.
        :raises AccountNotOpen: one of them is frozen or closed.
        :raises Rejected: a rule of the statute on exchanges.
        :raises LimitExceeded: an account would move further beyond its limit.

        >>> import timebank
        >>> bank = timebank.open("memory:")
        >>> _ = bank.open_account("m1"), bank.open_account("f1", kind="group")
        >>> transfer = bank.transfer(earner="m1", spender="f1", hours="1:30", id="visit-81")
        >>> transfer.hours, bank.balance("f1").posted
        (Hours('1:30'), Hours('-1:30'))
        """
        command = rules.MakeTransfer.of(
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
        command = rules.ReverseTransfer.of(
            transfer_id,
            id=self._doors.id() if id is None else id,
            reason=reason,
            hours=hours,
            occurred_on=occurred_on,
        )
        transfer: Transfer = self._execute(command)
        return transfer
