"""The calls that reserve hours, and settle or release what is reserved."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, timedelta

from timebank import rules
from timebank.bank.executing import Executing, HoursLike, Side
from timebank.model import Hold, Transfer


class HoldCalls(Executing):
    """A hold, then its settlement or void: a proposed exchange, then what became of it."""

    def hold(
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
        expires_in: timedelta | None = None,
    ) -> Hold:
        """Reserve the hours of a proposed exchange; it is judged as the transfer would be.

        What is held is not spent twice: `posted - held` stays above the floor, and
        `posted + incoming` below the ceiling. From `recorded_at + expires_in` on the hold
        is expired, though nobody does anything. `occurred_on` is the day of service that
        the settlement then has.

        :raises InvalidRequest: a value that cannot be, sides that do not match.
        :raises IdempotencyMismatch: the id was used for another request.
        :raises AccountNotFound: an earner, a spender or `via` is no account.
        :raises AccountNotOpen: one of them is frozen or closed.
        :raises Rejected: a rule of the statute on exchanges.
        :raises LimitExceeded: an account would move further beyond its limit.

        >>> from datetime import timedelta
        >>> import timebank
        >>> bank = timebank.open("memory:")
        >>> _ = bank.open_account("m1"), bank.open_account("f1", kind="group")
        >>> _ = bank.hold(earner="m1", spender="f1", hours=2, expires_in=timedelta(days=7))
        >>> bank.balance("f1").held, bank.balance("m1").incoming
        (Hours('2:00'), Hours('2:00'))
        """
        command = rules.MakeHold.expiring(
            expires_in,
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
        hold: Hold = self._execute(command)
        return hold

    def settle(
        self,
        hold_id: str,
        *,
        hours: HoursLike = None,
        occurred_on: date | None = None,
        id: str | None = None,
    ) -> Transfer:
        """Make a hold a transfer: all of it, or the `hours` that it really took.

        What is not settled is released, and the hold is resolved for good. Within the hold
        no limit is checked again; of more, the surplus is judged as a transfer. The shares
        of a many-sided hold are apportioned, by largest remainder. The day is the hold's
        where it has one, and today's otherwise, unless `occurred_on` is given.

        :raises InvalidRequest: a value that cannot be.
        :raises IdempotencyMismatch: the id was used for another request.
        :raises HoldNotFound: no such hold.
        :raises AlreadyResolved: it is settled, voided or expired.
        :raises AccountNotOpen: one of its accounts is frozen: void it instead.
        :raises LimitExceeded: the surplus would move an account further beyond its limit.

        >>> import timebank
        >>> bank = timebank.open("memory:")
        >>> _ = bank.open_account("m1"), bank.open_account("f1", kind="group")
        >>> _ = bank.hold(earner="m1", spender="f1", hours=2, id="h1")
        >>> bank.settle("h1", hours="1:45").hours, bank.balance("f1").held
        (Hours('1:45'), Hours('0:00'))
        """
        command = rules.SettleHold.of(
            hold_id,
            hours=hours,
            occurred_on=occurred_on,
            id=self._doors.id() if id is None else id,
        )
        transfer: Transfer = self._execute(command)
        return transfer

    def void(self, hold_id: str, *, reason: str | None = None, id: str | None = None) -> Hold:
        """Release a hold; its hours may be spent again. `reason` is personal text.

        :raises InvalidRequest: a value that cannot be.
        :raises IdempotencyMismatch: the id was used for another request.
        :raises HoldNotFound: no such hold.
        :raises AlreadyResolved: it is settled, voided or expired.

        >>> import timebank
        >>> bank = timebank.open("memory:")
        >>> _ = bank.open_account("m1"), bank.open_account("f1", kind="group")
        >>> _ = bank.hold(earner="m1", spender="f1", hours=2, id="h1")
        >>> bank.void("h1", reason="it rains").status
        'voided'
        """
        command = rules.VoidHold.of(
            hold_id, reason=reason, id=self._doors.id() if id is None else id
        )
        hold: Hold = self._execute(command)
        return hold
