"""The calls that change a bank, the same on a bank, a batch and a preview.

Each becomes a command, checked in the caller's thread before any lock, or several commands
that are kept together.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, time, timedelta
from typing import Any

import attrs

from timebank import checks
from timebank.bank import erasing, members
from timebank.bank.permitting import Handle
from timebank.checks import LEFT_OUT, called_wrongly
from timebank.errors import InvalidRequest
from timebank.model import (
    INHERIT,
    Account,
    ClockRestart,
    Closing,
    DeclaredLoss,
    Erasure,
    Head,
    Hold,
    Limit,
    Transfer,
)
from timebank.model.members import (
    Assign,
    Delegate,
    Disposal,
    Donate,
    DueReport,
    Leaving,
    disposals,
)
from timebank.permissions import Ask
from timebank.queries.dues import History
from timebank.queries.personal_data import RecordsAbout
from timebank.rules import accounts, delegates, holds, statutes, transfers
from timebank.rules.accounts import KEEP
from timebank.rules.amendments import Amend
from timebank.rules.clock import RestartClock
from timebank.rules.closing import CloseBooks
from timebank.rules.erasures import Erase
from timebank.rules.history import AcceptHistory
from timebank.rules.merging import Merge
from timebank.statute import Statute

#: Anything that `Hours` takes.
HoursLike = Any
#: An account id, or a mapping of ids to hours.
Side = str | Mapping[str, HoursLike]


class Writes(Handle):
    """The calls that change a bank."""

    # -- accounts -----------------------------------------------------------------

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
        command = accounts.OpenAccount.of(
            id,
            kind=kind,
            name=name,
            joined_on=joined_on,
            floor=floor,
            ceiling=ceiling,
            welcome=welcome,
        )
        return self._execute(command)

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
        return self._execute(accounts.SetLimits.of(id, floor=floor, ceiling=ceiling))

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
        return self._execute(accounts.Rename.of(id, name=name))

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
        return self._execute(accounts.Freeze.of(id, reason=reason))

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
        return self._execute(accounts.Thaw.of(id, reason=reason))

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
        return self._execute(accounts.CloseAccount.of(id, reason=reason))

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
        return self._execute(accounts.Reopen.of(id, reason=reason))

    # -- transfers ----------------------------------------------------------------

    @checks.by_name
    def transfer(
        self,
        *by_position: object,
        earner: Side,
        spender: Side,
        hours: HoursLike = None,
        id: str | None = None,
        kind: str = "exchange",
        occurred_on: date | None = None,
        started_at: time | None = None,
        ended_at: time | None = None,
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
        out; `started_at` and `ended_at` are times of that day, of the next one where the second is
        not later. `note` is personal text. The statute's rules on exchanges are for the kind
        `exchange`; `limits="unchecked"` is for imports, which no rule judges. Errors come
        in the order that `timebank.rules` documents.

        :raises InvalidRequest: a value that cannot be, sides that do not match.
        :raises IdempotencyMismatch: the id was used for another request.
        :raises BooksClosed: the books of its day are closed.
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
        if by_position or earner is LEFT_OUT or spender is LEFT_OUT:
            raise called_wrongly(
                self.transfer, by_position, earner=earner, spender=spender, hours=hours
            )
        command = transfers.MakeTransfer.of(
            id=self._new_id() if id is None else id,
            earner=earner,
            spender=spender,
            hours=hours,
            kind=kind,
            occurred_on=occurred_on,
            started_at=started_at,
            ended_at=ended_at,
            category=category,
            area=area,
            resource=resource,
            via=via,
            note=note,
            tags=tags,
            source=source,
            limits=limits,
        )
        return self._execute(command)

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
        apply. The day is the original's unless given, or today where the books of that are
        closed. What an account gave that was merged since, the one that it became gives back.
        `reason` is personal text.

        :raises InvalidRequest: no reason, a value that cannot be, or the reversal of a reversal.
        :raises IdempotencyMismatch: the id was used for another request.
        :raises TransferNotFound: no such transfer.
        :raises BooksClosed: the books of the day that was given are closed.
        :raises OverReversed: more than is left of it.
        :raises AccountNotOpen: one of its accounts is closed.

        >>> import timebank
        >>> bank = timebank.open("memory:")
        >>> _ = bank.open_account("m1"), bank.open_account("f1", kind="group")
        >>> transfer = bank.transfer(earner="m1", spender="f1", hours=2)
        >>> bank.reverse(transfer.id, reason="it was one hour", hours=1).spenders
        {'m1': Hours('1:00')}
        """
        command = transfers.ReverseTransfer.of(
            transfer_id,
            id=self._new_id() if id is None else id,
            reason=reason,
            hours=hours,
            occurred_on=occurred_on,
        )
        return self._execute(command)

    # -- holds --------------------------------------------------------------------

    @checks.by_name
    def hold(
        self,
        *by_position: object,
        earner: Side,
        spender: Side,
        hours: HoursLike = None,
        id: str | None = None,
        kind: str = "exchange",
        occurred_on: date | None = None,
        started_at: time | None = None,
        ended_at: time | None = None,
        category: str | None = None,
        area: str | None = None,
        resource: str | None = None,
        via: str | None = None,
        note: str | None = None,
        tags: Iterable[str] = (),
        source: str | Mapping[str, str] | None = None,
        limits: str = "checked",
        expires_in: timedelta | str | None = None,
    ) -> Hold:
        """Reserve the hours of a proposed exchange; it is judged as the transfer would be.

        What is held is not spent twice: `posted - held` stays above the floor, and
        `posted + incoming` below the ceiling. From `recorded_at + expires_in` on the hold
        is expired, though nobody does anything: a `timedelta`, or a text like `"7d"`, `"12h"`,
        `"30m"` or `"2w"`. `occurred_on` is the day for which it is
        planned, any day ahead, or the day of a service that was; `started_at` and `ended_at` are
        times of that day. The settlement has them.

        :raises InvalidRequest: a value that cannot be, sides that do not match.
        :raises IdempotencyMismatch: the id was used for another request.
        :raises BooksClosed: the books of its day are closed.
        :raises AccountNotFound: an earner, a spender or `via` is no account.
        :raises AccountNotOpen: one of them is frozen or closed.
        :raises Rejected: a rule of the statute on exchanges.
        :raises LimitExceeded: an account would move further beyond its limit.

        >>> import timebank
        >>> bank = timebank.open("memory:")
        >>> _ = bank.open_account("m1"), bank.open_account("f1", kind="group")
        >>> _ = bank.hold(earner="m1", spender="f1", hours=2, expires_in="7d")
        >>> bank.balance("f1").held, bank.balance("m1").incoming
        (Hours('2:00'), Hours('2:00'))
        """
        if by_position or earner is LEFT_OUT or spender is LEFT_OUT:
            raise called_wrongly(
                self.hold, by_position, earner=earner, spender=spender, hours=hours
            )
        command = holds.MakeHold.of(
            expires_in=expires_in,
            id=self._new_id() if id is None else id,
            earner=earner,
            spender=spender,
            hours=hours,
            kind=kind,
            occurred_on=occurred_on,
            started_at=started_at,
            ended_at=ended_at,
            category=category,
            area=area,
            resource=resource,
            via=via,
            note=note,
            tags=tags,
            source=source,
            limits=limits,
        )
        return self._execute(command)

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
        :raises BooksClosed: the books of the day that was given are closed.
        :raises AccountNotOpen: one of its accounts is frozen: void it instead.
        :raises LimitExceeded: the surplus would move an account further beyond its limit.

        >>> import timebank
        >>> bank = timebank.open("memory:")
        >>> _ = bank.open_account("m1"), bank.open_account("f1", kind="group")
        >>> _ = bank.hold(earner="m1", spender="f1", hours=2, id="h1")
        >>> bank.settle("h1", hours="1:45").hours, bank.balance("f1").held
        (Hours('1:45'), Hours('0:00'))
        """
        command = holds.SettleHold.of(
            hold_id,
            hours=hours,
            occurred_on=occurred_on,
            id=self._new_id() if id is None else id,
        )
        return self._execute(command)

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
        command = holds.VoidHold.of(hold_id, reason=reason, id=self._new_id() if id is None else id)
        return self._execute(command)

    # -- corrections ----------------------------------------------------------------

    def amend(
        self,
        id: str,
        *,
        reason: str,
        note: str | None = KEEP,  # type: ignore[assignment]  # stands for what is left out
        category: str | None = KEEP,  # type: ignore[assignment]  # as above
        area: str | None = KEEP,  # type: ignore[assignment]  # as above
        resource: str | None = KEEP,  # type: ignore[assignment]  # as above
        tags: Iterable[str] | None = KEEP,  # type: ignore[assignment]  # as above
        started_at: time | None = KEEP,  # type: ignore[assignment]  # as above
        ended_at: time | None = KEEP,  # type: ignore[assignment]  # as above
    ) -> Transfer | Hold:
        """Put right what a transfer, a settlement or a hold was for: a record.

        What is left out stays as it is; `None` takes it away. Hours, accounts and days are never
        amended: reverse the exchange, and enter it anew. What it said before stays in the
        journal, and is told by `amendments` of what is returned. A settlement is described by
        its hold: to amend either amends both. `note` and `reason` are personal text. Repeated
        alike, nothing is appended; a note that was erased is not brought back.

        :raises InvalidRequest: a value that cannot be, no reason, nothing to amend, or an operation
            that nobody described: a reversal, or what a rule made due.
        :raises TransferNotFound: no such transfer or hold.
        :raises BooksClosed: it, or what was reversed of it, lies in closed books.

        >>> import timebank
        >>> bank = timebank.open("memory:")
        >>> _ = bank.open_account("m1"), bank.open_account("f1")
        >>> _ = bank.transfer(earner="m1", spender="f1", hours=1, id="t1", category="shoping")
        >>> amended = bank.amend("t1", category="shopping", reason="a slip")
        >>> amended.category, amended.amended, amended.hours
        ('shopping', True, Hours('1:00'))
        """
        command = Amend.of(
            id,
            reason=reason,
            note=note,
            category=category,
            area=area,
            resource=resource,
            tags=tags,
            started_at=started_at,
            ended_at=ended_at,
        )
        return self._execute(command)

    def amend_account(
        self,
        id: str,
        *,
        reason: str,
        joined_on: date | None = KEEP,  # type: ignore[assignment]  # stands for what is left out
        kind: str = KEEP,  # type: ignore[assignment]  # as above
    ) -> Account:
        """Put right the day of joining of an account, its kind, or both: a record.

        Limits by months of membership, and dues that are not charged yet, go by the new ones from
        then on; what was judged before stays. Kinds move among member, group and organisation.
        `joined_on=None` takes the day away: the account then joined when it was opened. Repeated
        alike, nothing is appended. `reason` is personal text.

        :raises InvalidRequest: a value that cannot be, no reason, nothing to amend, or a day more
            than a year ahead.
        :raises AccountNotFound: no such account.
        :raises AccountNotOpen: it was merged into another.
        :raises FundInUse: a fund of the statute would become a member or a group.

        >>> from datetime import date
        >>> import timebank
        >>> bank = timebank.open("memory:")
        >>> _ = bank.open_account("m1")
        >>> amended = bank.amend_account("m1", joined_on=date(2024, 3, 2), reason="by her card")
        >>> amended.joined_on
        datetime.date(2024, 3, 2)
        """
        return self._execute(
            accounts.AmendAccount.of(id, reason=reason, joined_on=joined_on, kind=kind)
        )

    def close_books(self, *, through: date | None, reason: str) -> Closing:
        """Close the books through a day, so that what was approved stays as it is: a record.

        From then on nothing of a day up to `through` is recorded or amended. A reversal without a
        day of its own, dues that fell due and the settlement of a hold of such a day are of today
        instead. `None`, or an earlier day, opens books again, for all to see. Repeated alike,
        nothing is appended. `reason` is personal text.

        :raises InvalidRequest: not a date, a day that is not over, or no reason.
        :raises DuesNotCharged: dues up to the day are to be charged first: see `run_due`.

        >>> from datetime import UTC, date, datetime
        >>> import timebank
        >>> from timebank import BooksClosed
        >>> bank = timebank.open("memory:", clock=lambda: datetime(2027, 2, 1, tzinfo=UTC))
        >>> _ = bank.open_account("m1"), bank.open_account("f1")
        >>> _ = bank.close_books(through=date(2026, 12, 31), reason="approved on 30 January")
        >>> try:
        ...     bank.transfer(earner="m1", spender="f1", hours=1, occurred_on=date(2026, 12, 30))
        ... except BooksClosed as refusal:
        ...     print(refusal.through)
        2026-12-31
        """
        command = CloseBooks.of(through=through, reason=reason)
        history = History()
        return self._execute_all(
            Ask(actor=self._actor, action="close_books", request=command.request),
            lambda session, actor: members.close_books(session, history, command, actor),
            before=history.read,
        )

    def merge(self, account: str, *, into: str, reason: str) -> Account:
        """Let a duplicate become the account that stays, and return that one: a record.

        The balance moves, whatever the limits are, with a flag where one is passed. The duplicate
        is closed for good: **nothing takes a merge back**. From then on a statement of `into` shows
        both histories as one; later reversals of the duplicate's exchanges are of `into`; its
        welcome credit and dues count as charged, and the earlier day of joining holds. Delegates of
        the duplicate end. Repeated alike, nothing is appended. `reason` is personal text.

        :raises InvalidRequest: an id that cannot be, no reason, or accounts of two kinds.
        :raises AccountNotFound: one of them is no account.
        :raises AccountNotOpen: the duplicate was merged before, or `into` is not open.
        :raises FundInUse: one of them is a fund of a statute that is or was in force.
        :raises HoldsOpen: the duplicate has open holds: settle or void them first.

        >>> import timebank
        >>> bank = timebank.open("memory:")
        >>> _ = bank.open_account("m1"), bank.open_account("m1-again"), bank.open_account("f1")
        >>> _ = bank.transfer(earner="m1-again", spender="f1", hours=2)
        >>> bank.merge("m1-again", into="m1", reason="she registered twice").id
        'm1'
        >>> bank.balance("m1").posted, bank.account("m1-again").merged_into
        (Hours('2:00'), 'm1')
        """
        return self._execute(Merge.of(account, into=into, reason=reason))

    # -- statutes -----------------------------------------------------------------

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
        return self._execute(statutes.Adopt.of(statute))

    # -- the clock ----------------------------------------------------------------

    def restart_clock(self, *, today: date, reason: str) -> ClockRestart:
        """Go on with this machine's clock, though a record lies ahead of it: a clock was wrong.

        Until then every call that writes is refused with `ClockBehind`. `today` is the day of today
        as a calendar says it, and the machine's clock has to agree. From this record on, what
        was recorded with a later instant or day counts as recorded then: statutes are in force from
        `today` on, and accounts opened on that day. Every hold that was to expire some day has
        expired. Dues that the wrong clock charged for periods that begin later stay as they are:
        reverse those that are not due, and they are charged anew when they are. Nothing else is
        changed; days of service stay, and may be put right by a reversal.

        :raises InvalidRequest: `today` is not the day of this machine's clock in the bank's time
            zone, no reason, or no record lies ahead of the clock.

        >>> from datetime import UTC, date, datetime
        >>> import timebank
        >>> from timebank import ClockBehind
        >>> now = [datetime(2099, 1, 1, tzinfo=UTC)]  # a computer without a battery
        >>> bank = timebank.open("memory:", clock=lambda: now[0])
        >>> _ = bank.open_account("m1"), bank.open_account("f1")
        >>> now[0] = datetime(2026, 3, 2, 9, tzinfo=UTC)  # its clock was set
        >>> try:
        ...     bank.transfer(earner="m1", spender="f1", hours=1)
        ... except ClockBehind as refusal:
        ...     print(refusal.last.year)
        2099
        >>> restart = bank.restart_clock(today=date(2026, 3, 2), reason="a battery was empty")
        >>> bank.transfer(earner="m1", spender="f1", hours=1).occurred_on
        datetime.date(2026, 3, 2)
        """
        return self._execute(RestartClock.of(today=today, reason=reason))

    # -- the history --------------------------------------------------------------

    def accept_history(self, *, reason: str, head: Head | None = None) -> DeclaredLoss:
        """Go on, though the storage has lost the end of the journal: it was looked into.

        Until then every call that writes is refused with `HistoryLost` in each process that was
        told what is gone. The record names the head that is gone, so that every process, audit and
        peer sees one declared loss. Nothing of what was lost comes back by it: see
        [the page](history.md). A process that was told nothing itself gives the `head`, as
        `HistoryLost` or a log of heads has it; named once more, it is the same loss, and nothing is
        appended.

        :raises WrongType: `head` is none.
        :raises InvalidRequest: no reason, or nothing is missing: the journal has the head.

        >>> import timebank
        >>> bank = timebank.open("memory:")
        >>> told = timebank.Head(bank.head().journal, 7, bytes(32))  # somebody wrote it down
        >>> bank.accept_history(head=told, reason="the server of before was lost").sequence
        1
        >>> bank.accept_history(head=told, reason="the same again").repeated
        True
        """
        return self._execute(AcceptHistory.of(head=head, reason=reason))

    # -- members ------------------------------------------------------------------

    def welcome(self, account: str) -> Transfer:
        """Give an account the welcome credit of the statute in force.

        It comes with the account where the statute says so; this is for one that is given
        when it is asked for, or to who comes back. Who has one already that was not given back
        keeps it: nothing is appended. Where the fund goes below its floor by it, it has a flag.

        :raises AccountNotFound: no such account, or no such fund.
        :raises NothingDue: the statute gives none to such an account.
        :raises AccountNotOpen: the account or the fund is not open.

        >>> import timebank
        >>> from timebank import Statute, Welcome
        >>> bank = timebank.open("memory:")
        >>> _ = bank.open_account("common", kind="fund"), bank.open_account("m1")
        >>> rule = Welcome(hours=2, fund="common", given="when asked")
        >>> _ = bank.adopt(Statute(version="norcal/1", welcome=rule))
        >>> bank.welcome("m1").id, bank.balance("m1").posted
        ('due:welcome:1:m1', Hours('2:00'))
        """
        id = checks.identifier(account, "account id")
        ask = Ask(actor=self._actor, action="welcome", accounts=(id,))
        return self._execute_all(ask, lambda session, actor: members.welcome(session, id, actor))

    def run_due(self, *, through: date | None = None) -> DueReport:
        """Charge the dues and the demurrage that fell due through a day, and were not charged.

        Each is charged by the statute in force on the day on which it fell due, and has an
        id made of the rule, the period and the account: a second run, or two at once, charge
        nobody twice. All of a run is one commit. Dues go beyond a floor where they must, and
        have a flag then. Accounts that are frozen wait; those that were for a whole period
        owe nothing for it. `through` is today when left out. On a preview nothing is charged.

        :raises InvalidRequest: not a date, or more than a day ahead.
        :raises AccountNotOpen: a fund is frozen or closed.

        >>> from datetime import UTC, date, datetime
        >>> import timebank
        >>> from timebank import Dues, Statute
        >>> bank = timebank.open("memory:", clock=lambda: datetime(2026, 3, 2, tzinfo=UTC))
        >>> _ = bank.open_account("common", kind="fund"), bank.open_account("m1")
        >>> _ = bank.adopt(Statute(version="verona/1", dues=Dues(hours=2, fund="common")))
        >>> report = bank.run_due(through=date(2026, 3, 2))
        >>> [(one.account, one.rule, one.hours) for one in report.charges]
        [('m1', 'dues', Hours('2:00'))]
        >>> bank.run_due(through=date(2026, 3, 2)).charges
        ()
        """
        checks.day(through, "through")
        ask = Ask(actor=self._actor, action="run_due")
        history = History()
        return self._execute_all(
            ask,
            lambda session, actor: members.run_due(session, history, through, actor),
            before=history.read,
        )

    def leave(
        self,
        account: str,
        *,
        disposal: Disposal | Iterable[Disposal] | None = None,
        reason: str | None = None,
    ) -> Leaving:
        """Close the account of who leaves, in steps that are one commit.

        Dues that are due are charged; open holds are voided, delegates ended; welcome credit
        that is due back goes back; what is left goes by the `disposal`: `Donate` or `Assign`
        for a credit, `WriteOff` for a debt, one of each where it is not known which it will
        be. Then the account is closed, and may be reopened.
        A frozen account is thawed for it. `reason` is personal text: a death, a removal, two years
        without an exchange. Who has left already has left: nothing is appended.
        On a preview it shows the steps.

        :raises InvalidRequest: a value that cannot be, or a donation to what is no fund.
        :raises AccountNotFound: no such account, or what is disposed to is none.
        :raises AccountNotOpen: what is disposed to is frozen or closed.
        :raises LimitExceeded: what is disposed to would move beyond its limit.
        :raises AccountNotEmpty: hours are left, and nothing was said of them.

        >>> import timebank
        >>> from timebank import Donate
        >>> bank = timebank.open("memory:")
        >>> _ = bank.open_account("m1"), bank.open_account("f1", kind="group")
        >>> _ = bank.open_account("solidarity", kind="fund")
        >>> _ = bank.transfer(earner="m1", spender="f1", hours="1:30")
        >>> left = bank.leave("m1", disposal=Donate("solidarity"))
        >>> left.disposal.kind, left.account.status, bank.balance("solidarity").posted
        ('donation', 'closed', Hours('1:30'))
        """
        id = checks.identifier(account, "account id")
        credit, debt = disposals(disposal)
        to = () if credit is None else (credit.to,)
        if id in to or (debt is not None and debt.on == id):
            msg = "who leaves cannot take over its own hours"
            raise InvalidRequest(msg).about(key="own_hours")
        accounts.CloseAccount.of(id, reason=reason)  # refuses a reason that cannot be
        request = {"account": id}
        if credit is not None:
            request["donate_to" if isinstance(credit, Donate) else "assign_to"] = credit.to
        if debt is not None:
            request["write_off_on"] = debt.on
        ask = Ask(
            actor=self._actor,
            action="leave",
            request=request,
            accounts=(id, *to, *(() if debt is None else (debt.on,))),
            spenders=(id,),
            earners=to if isinstance(credit, Assign) else (),
            writes_off=debt is not None,
        )
        history = History()
        departure = members.Departure(
            account=id,
            reason=reason,
            credit=credit,
            debt=debt,
            new_id=self._sources.id,
            history=history,
        )
        return self._execute_all(
            ask,
            lambda session, actor: members.leave(session, departure, actor),
            before=history.read,
        )

    # -- delegates ---------------------------------------------------------------------

    def name_delegate(self, account: str, delegate: str, *, until: date | None = None) -> Delegate:
        """Let somebody act for an account, until a day (included) or until it is ended: a record.

        `delegate` is an actor, who needs no account. It matters where a bank has
        permissions: see `Roles`. Named again, with another day, the new day counts.

        :raises InvalidRequest: an id that cannot be, or a day that is over.
        :raises AccountNotFound: no such account.
        :raises AccountNotOpen: it is closed.

        >>> from datetime import date
        >>> import timebank
        >>> bank = timebank.open("memory:")
        >>> _ = bank.open_account("m1")
        >>> _ = bank.name_delegate("m1", "luca", until=date(2199, 12, 31))
        >>> [one.delegate for one in bank.delegates("m1")]
        ['luca']
        """
        return self._execute(delegates.NameDelegate.of(account, delegate, until=until))

    def end_delegate(self, account: str, delegate: str) -> Account:
        """Let somebody act for an account no more: a record. Nothing, where they could not.

        :raises InvalidRequest: an id that cannot be.
        :raises AccountNotFound: no such account.

        >>> import timebank
        >>> bank = timebank.open("memory:")
        >>> _ = bank.open_account("m1"), bank.name_delegate("m1", "luca")
        >>> _ = bank.end_delegate("m1", "luca")
        >>> bank.delegates("m1")
        ()
        """
        return self._execute(delegates.EndDelegate.of(account, delegate))

    # -- personal texts -------------------------------------------------------------

    def _wiped(self) -> tuple[str, ...]:
        """Destroy what deleted rows leave behind; return what may remain of it, in words."""
        return (erasing.NOT_YET,)

    def erase(
        self, account: str | None = None, *, record: int | str | None = None, reason: str
    ) -> Erasure:
        """Destroy the personal text, and the salts, of an account; or of one record.

        Of an account: its names, the reasons why it was frozen, closed or reopened, and the
        notes and reasons of the exchanges and holds in which it is a side, and of their amendments;
        all of it also of accounts that were merged into it. Of a `record`, named by its sequence
        or by the id of its operation: its texts, which of a settlement are those of its hold, and
        those of its amendments. What was erased cannot be brought back. Records say which
        commitments have no text any more; balances and digests stay, and so do ids, hours, days
        and categories. Nothing is appended where nothing is left to erase. `reason` is kept: name
        nobody in it.

        The whole journal is read, most of it while others may write. See `Erasure.remains`
        for where the text may still be read: a backup made before is not of this store.

        :raises InvalidRequest: both an account and a record or neither, an id that cannot be,
            or no reason.
        :raises AccountNotFound: no such account.
        :raises AccountNotOpen: it was merged into another, whose erasure covers it.
        :raises NotFound: no such record.

        >>> import timebank
        >>> bank = timebank.open("memory:")
        >>> _ = bank.open_account("m1", name="Maria R."), bank.open_account("f1")
        >>> _ = bank.transfer(earner="m1", spender="f1", hours=1, note="to the clinic")
        >>> bank.erase("m1", reason="asked on 2 March").texts
        2
        >>> bank.account("m1").name, bank.balance("m1").posted, bank.audit().ok
        (None, Hours('1:00'), True)
        """
        if (account is None) == (record is None):
            msg = "erase takes an account or a record, one of the two"
            raise InvalidRequest(msg)
        Erase.of(account=account, record=None, reason=reason)  # refuses what cannot be
        if account is not None:
            id = checks.identifier(account, "account id")
            search = erasing.Search(RecordsAbout(id))
            done = self._execute_all(
                Ask(actor=self._actor, action="erase", accounts=(id,)),
                lambda session, actor: erasing.erase_account(session, search, reason, actor),
                before=search.read,
            )
        else:
            named = erasing.checked_record(record)
            done = self._execute_all(
                Ask(actor=self._actor, action="erase", request={"record": named}),
                lambda session, actor: erasing.erase_record(session, named, reason, actor),
            )
        return attrs.evolve(done, remains=self._wiped())
