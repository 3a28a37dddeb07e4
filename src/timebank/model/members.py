"""Define the results of dues and of leaving, and the disposals of a remaining balance."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, datetime
from typing import Any

import attrs

from timebank.errors import InvalidRequest, WrongType, shown
from timebank.hours import Hours
from timebank.model import Account, Hold, Transfer
from timebank.model.ids import identifier


def _id(_: object, field: attrs.Attribute[Any], value: object) -> None:
    identifier(value, field.name)


# -- delegates -----------------------------------------------------------------------


@attrs.frozen
class Delegate:
    """A delegate of an account, who may act for it until a day, or until it is ended (`None`).

    `repeated` is true where the call that named them recorded nothing, for they were named so
    already; it is not compared.

    >>> import timebank
    >>> bank = timebank.open("memory:")
    >>> _ = bank.open_account("m1")
    >>> bank.name_delegate("m1", "luca").delegate
    'luca'
    """

    account: str
    delegate: str
    until: date | None = None
    repeated: bool = attrs.field(default=False, eq=False)

    @property
    def id(self) -> str:
        """The delegate."""
        return self.delegate


@attrs.frozen
class Event:
    """Something that happened to an account itself: opened, renamed, frozen, left, and so on.

    `kind` is that of the record, `text` the reason or the name that was given with it, `None`
    where there was none or it was erased; of a delegate it is the delegate's id, of cheques the
    number of their booklet. `account` is the one that it happened to, which may have been merged
    since. `changes` has what was and what is of a correction: of `kind`, of `joined_on` (days, or
    `None`), and of `merged` the ids of the duplicate and of the account that it became.

    >>> import timebank
    >>> bank = timebank.open("memory:")
    >>> _ = bank.open_account("m1"), bank.freeze("m1", reason="abroad")
    >>> [(event.kind, event.text) for event in bank.events("m1")]
    [('open_account', None), ('freeze', 'abroad')]
    """

    account: str
    kind: str
    sequence: int
    recorded_at: datetime
    actor: str | None = None
    text: str | None = None
    changes: Mapping[str, tuple[Any, Any]] = attrs.field(factory=dict, hash=False)

    @property
    def id(self) -> int:
        """The sequence of its record."""
        return self.sequence


# -- dues ----------------------------------------------------------------------------


@attrs.frozen
class Charge:
    """The hours that a rule charged to an account, or that a welcome credit gave it.

    `rule` is the name of the dues, or `demurrage`; `period` the first and last day that it is
    for, `None` for dues that are due once; `since` the day on which it fell due; `basis` the
    balance that demurrage was computed from; `name` the name of the account.
    """

    account: str
    rule: str
    hours: Hours
    fund: str
    since: date
    period: tuple[date, date] | None
    transfer: Transfer
    basis: Hours | None = None
    name: str | None = None

    @property
    def id(self) -> str:
        """The id of the transfer."""
        return self.transfer.id

    @property
    def over_limit(self) -> bool:
        """True if it moved an account further beyond a limit."""
        return bool(self.transfer.flags)


@attrs.frozen
class Due:
    """Hours that are, or will be, due from an account and were not charged yet.

    `hours` are computed from what is recorded now. `rule`, `since`, `period` and `basis` are
    those of a `Charge`; `statute` is the version by which it is due.

    >>> from datetime import UTC, date, datetime
    >>> import timebank
    >>> from timebank import Dues, Statute
    >>> bank = timebank.open("memory:", clock=lambda: datetime(2026, 3, 2, tzinfo=UTC))
    >>> _ = bank.open_account("common", kind="fund"), bank.open_account("m1")
    >>> _ = bank.adopt(Statute(version="verona/1", dues=Dues(hours=2, fund="common")))
    >>> [str(one.since) for one in bank.dues("m1", through=date(2027, 12, 31))]
    ['2026-03-02', '2027-01-01']
    """

    account: str
    rule: str
    hours: Hours
    fund: str
    since: date
    period: tuple[date, date] | None
    statute: str
    basis: Hours | None = None

    @property
    def id(self) -> str:
        """The rule and the day."""
        return f"{self.rule} {self.since}"


@attrs.frozen
class DueReport:
    """The charges of one run, in the order of day, rule and account.

    `suspended` are the accounts that are frozen now, which are charged when they are thawed.
    Charges of an earlier run are not included.

    >>> from datetime import date
    >>> import timebank
    >>> timebank.open("memory:").run_due(through=date(2026, 3, 2)).charges
    ()
    """

    through: date
    charges: tuple[Charge, ...]
    suspended: tuple[str, ...] = ()

    @property
    def id(self) -> str:
        """The day."""
        return self.through.isoformat()

    @property
    def hours(self) -> Hours:
        """The sum of all charges."""
        return Hours.from_seconds(sum(one.hours.seconds for one in self.charges))


# -- leaving -------------------------------------------------------------------------


@attrs.frozen
class Donate:
    """Give the credit of a member who leaves to a fund.

    >>> from timebank import Donate
    >>> Donate("solidarity").to
    'solidarity'
    """

    to: str = attrs.field(validator=_id)


@attrs.frozen
class Assign:
    """The credit of who leaves goes to another account, whose holder has consented.

    :raises InvalidRequest: without their consent.

    >>> from timebank import Assign
    >>> Assign("m2", consented=True).to
    'm2'
    """

    to: str = attrs.field(validator=_id)
    consented: bool = attrs.field(default=False, kw_only=True)

    def __attrs_post_init__(self) -> None:
        """Nobody is given hours without being asked."""
        if self.consented is not True:
            msg = f"{shown(self.to)} must consent to it first: say consented=True"
            raise InvalidRequest(msg).about(key="consent_missing", account=self.to)


@attrs.frozen
class WriteOff:
    """The debt of who leaves falls on a named account.

    >>> from timebank import WriteOff
    >>> WriteOff("losses").on
    'losses'
    """

    on: str = attrs.field(validator=_id)


Disposal = Donate | Assign | WriteOff


def disposals(given: Any) -> tuple[Donate | Assign | None, WriteOff | None]:
    """Check disposals, at most one for a credit and one for a debt, and return them.

    :raises WrongType: neither a disposal nor several.
    :raises InvalidRequest: two for a credit, or two for a debt.
    """
    every = [given] if isinstance(given, Donate | Assign | WriteOff) else given
    every = [] if every is None else every
    if isinstance(every, str) or not isinstance(every, Iterable):
        msg = f"disposal is Donate(…), Assign(…) or WriteOff(…), not {shown(given)}"
        raise WrongType(msg)
    credit: Donate | Assign | None = None
    debt: WriteOff | None = None
    for one in every:
        if isinstance(one, WriteOff) and debt is None:
            debt = one
        elif isinstance(one, Donate | Assign) and credit is None:
            credit = one
        else:
            msg = f"disposal: one for a credit and one for a debt at most, not {shown(given)}"
            raise InvalidRequest(msg)
    return credit, debt


@attrs.frozen
class Leaving:
    """The steps by which a member left, each of them a record.

    `charges` are the dues that were due and not charged yet, `voided` the holds that were
    released, `ended` the delegates, `given_back` the welcome credit that went back,
    `disposal` the transfer that brought the balance to zero, `kind` what it was: donation,
    assignment or write-off. `account` is closed. All are empty where it had left before; `repeated`
    is true then, and not compared.

    >>> import timebank
    >>> bank = timebank.open("memory:")
    >>> _ = bank.open_account("m1")
    >>> bank.leave("m1").account.status
    'closed'
    """

    account: Account
    charges: tuple[Charge, ...] = ()
    voided: tuple[Hold, ...] = ()
    ended: tuple[str, ...] = ()
    given_back: tuple[Transfer, ...] = ()
    disposal: Transfer | None = None
    repeated: bool = attrs.field(default=False, eq=False)

    @property
    def id(self) -> str:
        """The account's id."""
        return self.account.id


@attrs.frozen
class Inactive:
    """An account that exchanged nothing for long; `last_exchange` is a day of service, or `None`.

    `since` is the day from which it is a member: of joining, or of being opened; that of its first
    exchange, where it is a member by that alone, as after an import without days of joining.
    """

    account: Account
    since: date
    last_exchange: date | None
    balance: Hours

    @property
    def id(self) -> str:
        """The account's id."""
        return self.account.id
