"""The calls of the life of a member: joining, dues, delegates, leaving."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

from timebank import checks, rules
from timebank.bank import members
from timebank.bank.executing import Executing
from timebank.errors import InvalidRequest
from timebank.model import Account, Transfer
from timebank.permissions import Ask
from timebank.queries.members import (
    Assign,
    Delegate,
    Disposal,
    Donate,
    DueReport,
    History,
    Leaving,
    disposals,
)


class MemberCalls(Executing):
    """Each is one call, though several records may come of it: all of them, or none."""

    _actor: str | None

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
        id = members.checked_account(account)
        ask = Ask(actor=self._actor, action="welcome", accounts=(id,))
        return self._together(ask, lambda session, actor: members.welcome(session, id, actor))

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
        return self._together(
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
        id = members.checked_account(account)
        credit, debt = disposals(disposal)
        to = () if credit is None else (credit.to,)
        if id in to or (debt is not None and debt.on == id):
            msg = "who leaves cannot take over its own hours"
            raise InvalidRequest(msg)
        rules.CloseAccount.of(id, reason=reason)  # refuses a reason that cannot be
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
            new_id=self._doors.id,
            history=history,
        )
        return self._together(
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
        named: Delegate = self._execute(rules.NameDelegate.of(account, delegate, until=until))
        return named

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
        ended: Account = self._execute(rules.EndDelegate.of(account, delegate))
        return ended
