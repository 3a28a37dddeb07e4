"""Define every error that the library raises, as one tree of classes.

Catch `TimebankError` to catch all of them. Catch `Rejected` for what a rule refuses, and
`Retryable` for what may succeed when it is tried again. Facts are attributes of the error
and are shown in its message.

>>> from timebank import AccountNotFound
>>> error = AccountNotFound("m9")
>>> error.account, str(error)
('m9', "no account 'm9' in this bank")
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import date, datetime

    from timebank.hours import Hours


def shown(value: object, *, limit: int = 60) -> str:
    """Return the `repr` of a value, cut to `limit` characters so that it fits into a message."""
    try:
        text = repr(value)
    except Exception as error:  # noqa: BLE001 - an int of too many digits, or another's `repr`
        text = f"<{type(value).__name__}{' too large to show' * isinstance(error, ValueError)}>"
    return text if len(text) <= limit else f"{text[: limit - 1]}…"


class TimebankError(Exception):
    """The base class of every error of this library. Errors and their facts can be pickled.

    Where a class has many errors, `key` names the sentence by which `explain` tells this one, and
    `gaps` are the facts that stand in it.
    """

    key: str = ""
    gaps: Mapping[str, object] = MappingProxyType({})

    def about(self, *, key: str, **gaps: object) -> Self:
        """Set `key` and `gaps`, and return this error."""
        self.key, self.gaps = key, gaps
        return self

    def add_context(self, *, before: str = "", after: str = "") -> None:
        """Put words before and after the message."""
        self.args = (f"{before}{self}{after}",)

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle the message and the facts, for the constructors take facts and no message."""
        return _unpickle, (type(self), self.args, self.__dict__.copy())


def _unpickle(kind: type[TimebankError], args: Any, facts: dict[str, Any]) -> TimebankError:
    error = kind.__new__(kind, *args)
    error.__dict__.update(facts)
    return error


class InvalidRequest(TimebankError, ValueError):
    """The call itself is wrong, in every state of the bank."""


class InvalidHours(InvalidRequest):
    """Not a quantity of hours: not whole seconds, out of range, or not more than zero."""


class WrongType(InvalidRequest, TypeError):
    """A value of a type that is not accepted, as a float, a bool, or a datetime for a date."""


class WrongHoursType(InvalidHours, WrongType):
    """Hours given as a float, a bool or another type that is not exact."""


class UnbalancedTransfer(InvalidRequest):
    """The hours earned differ from the hours spent.

    `earned` and `spent` are the two sums.
    """

    def __init__(self, *, earned: Hours, spent: Hours) -> None:
        msg = f"earners get {earned} but spenders give {spent}: both sides must be equal"
        super().__init__(msg)
        self.earned, self.spent = earned, spent


class InvalidStatute(InvalidRequest):
    """A statute has an unknown key or an invalid value. The message says where."""


class NotFound(TimebankError, LookupError):
    """Something that the call names is not in the bank."""


class AccountNotFound(NotFound):
    """No account has this id, `account`; `near` are those that were perhaps meant, if any."""

    near: tuple[str, ...] = ()

    def __init__(self, account: str) -> None:
        super().__init__(f"no account {shown(account)} in this bank")
        self.account = account


class TransferNotFound(NotFound):
    """No transfer has this id; `id` is the id."""

    def __init__(self, id: str) -> None:
        super().__init__(f"no transfer {shown(id)} in this bank")
        self.id = id


class HoldNotFound(NotFound):
    """No hold has this id; `id` is the id."""

    def __init__(self, id: str) -> None:
        super().__init__(f"no hold {shown(id)} in this bank")
        self.id = id


class StatuteNotFound(NotFound):
    """No statute of this version was adopted; `version` is the version."""

    def __init__(self, version: str) -> None:
        super().__init__(f"no statute {shown(version)} was adopted in this bank")
        self.version = version


class BankNotFound(NotFound):
    """The storage, `where`, has no bank of this name, `bank`, and was not asked to create one.

    It names no other bank, for it may be shown to somebody who is not to know of them.
    """

    def __init__(self, bank: str, where: str) -> None:
        super().__init__(f"no bank {shown(bank)} in {where}")
        self.bank, self.where = bank, where


class IdempotencyMismatch(TimebankError):
    """The id was used before, for another request.

    `id` is the id; `original` what was recorded under it: a transfer, a hold, an account or
    a statute; `differs` says in words what differs. `message` replaces the usual one.
    """

    def __init__(
        self, id: str, *, original: object, differs: str, message: str | None = None
    ) -> None:
        super().__init__(
            f"id {shown(id)} was used before for another request: {differs}; "
            "choose a new id, or repeat the first call exactly"
            if message is None
            else message
        )
        self.id = id
        self.original = original
        self.differs = differs


class Rejected(TimebankError):
    """A rule of the bank refuses the call.

    `rule` is the name of the rule; `code` is a stable word for programs. `headroom` is how
    much the rule still allows, where that is a quantity. `passes` are the hours nearest to
    those asked with which the same call would succeed, or `None` if there are none. `remedy`
    is the smallest change with which it would succeed, in words; it is part of the message. What
    follows from a balance that the actor may not read is left out.
    """

    rule: str = "rejected"
    code: str = "rejected"
    headroom: Hours | None = None
    passes: Hours | None = None
    remedy: str = ""

    def add_remedy(self, remedy: str, *, passes: Hours | None = None) -> None:
        """Say what would succeed, unless that was said before."""
        if not self.remedy:
            self.remedy, self.passes = remedy, passes
            self.add_context(after=f"; {remedy}")


class LimitExceeded(Rejected):
    """The account would go beyond its floor or ceiling, or further beyond it.

    `account` is its id; `limit` the floor or ceiling; `available` what may still move;
    `needed` what the call asked for; `reserved` what open holds keep back; `shortfall` what
    the account must earn, or spend, first. All but `account` are `Hours`. An actor who may
    not see the account's balance gets the error with `needed` alone: the others are `None`.
    """

    def __init__(
        self,
        account: str,
        *,
        rule: str,
        needed: Hours,
        limit: Hours | None = None,
        available: Hours | None = None,
        reserved: Hours | None = None,
        shortfall: Hours | None = None,
    ) -> None:
        verb = "spend" if rule == "floor" else "earn"
        held = f" and {reserved} is held" if reserved else ""
        reason = f"is {limit}{held}, so {available} may still move"
        reason = "does not allow it" if limit is None else reason
        super().__init__(f"account {shown(account)} cannot {verb} {needed}: its {rule} {reason}")
        self.account = account
        self.rule = rule
        self.code = f"{rule}_exceeded"
        self.limit = limit
        self.available = self.headroom = available
        self.needed = needed
        self.reserved = reserved
        self.shortfall = shortfall

    def redacted(self) -> LimitExceeded:
        """Return the same refusal without the figures of the account."""
        return LimitExceeded(self.account, rule=self.rule, needed=self.needed)


class ExchangeTooLarge(Rejected):
    """An exchange is larger than the statute allows.

    `limit` is the largest exchange; `needed` what the call asked for.
    """

    rule = "largest exchange"
    code = "exchange_too_large"

    def __init__(self, *, limit: Hours, needed: Hours) -> None:
        super().__init__(f"an exchange moves at most {limit} here, not {needed}")
        self.limit = self.headroom = limit
        self.needed = needed


class RecordedTooLate(Rejected):
    """The day of service is too long ago for the exchange to be recorded.

    `occurred_on` is the day of service; `earliest` the earliest that is accepted; `days`
    within how many days an exchange must be recorded.
    """

    rule = "days to record"
    code = "recorded_too_late"

    def __init__(self, *, occurred_on: str, earliest: str, days: int) -> None:
        super().__init__(
            f"an exchange of {occurred_on} had to be recorded within {days} days: "
            f"the earliest day of service accepted is {earliest}"
        )
        self.occurred_on, self.earliest, self.days = occurred_on, earliest, days
        self.add_remedy(f"a day from {earliest} on would pass")


class BooksClosed(Rejected):
    """The day of service lies in a period whose books are closed.

    `through` is the last day that is closed; `occurred_on` the day that was refused.
    """

    rule = "closed books"
    code = "books_closed"

    def __init__(self, *, through: date, occurred_on: date, doing: str = "recorded") -> None:
        msg = f"the books are closed through {through}: nothing of {occurred_on} is {doing}"
        super().__init__(msg)
        self.through = through
        self.occurred_on = occurred_on
        first = through.fromordinal(through.toordinal() + 1)
        later = "" if doing == "amended" else f"a day from {first} on would pass, or "
        self.add_remedy(f"{later}open the books again first (timebank close-books --open)")


class DuesNotCharged(Rejected):
    """Books are not closed while dues of their days are still to be charged.

    `through` is the day that was to be closed; `accounts` are those of which something is due.
    """

    rule = "dues before closing"
    code = "dues_not_charged"

    def __init__(self, *, through: date, accounts: Iterable[str]) -> None:
        self.through = through
        self.accounts = tuple(accounts)
        some = ", ".join(map(shown, self.accounts[:3]))
        more = f" and {len(self.accounts) - 3} more" if len(self.accounts) > 3 else ""  # noqa: PLR2004  # shown
        super().__init__(f"dues up to {through} are not charged yet, of {some}{more}")
        self.add_remedy(f"run the dues first (timebank run-due --through {through})")


class GranularityRefused(Rejected):
    """The hours of an exchange are no multiple of the statute's unit.

    `needed` is what the call asked for; `unit` the unit; `lower` and `upper` are the nearest
    multiples below and above, `lower` `None` where that would be zero.
    """

    rule = "granularity"
    code = "granularity_refused"

    def __init__(self, *, needed: Hours, unit: Hours, lower: Hours | None, upper: Hours) -> None:
        super().__init__(f"hours are exchanged in multiples of {unit} here, not {needed}")
        self.needed, self.unit = needed, unit
        self.lower, self.upper = lower, upper


class AccountNotOpen(Rejected):
    """The account is frozen, closed, or merged into another one.

    `account` is its id; `status` is "frozen" or "closed", or "not open" for an actor who may not
    read the account. `merged_into` is the id of the account that it became, or `None`. `role` is
    the role in which it was refused: "earner", "spender", "via", "fund of the fee", "fund of
    welcome" (or of other dues, by their name), or "account" where the call is about the account
    itself. An account may have several roles in one exchange, each of which is checked for itself.
    """

    rule = "account open"
    code = "account_not_open"

    def __init__(
        self,
        account: str,
        *,
        status: str,
        doing: str,
        role: str = "account",
        remedy: str | None = None,
        merged_into: str | None = None,
    ) -> None:
        so = status if merged_into is None else f"merged into {shown(merged_into)}"
        super().__init__(f"account {shown(account)} is {so}: it cannot {doing}")
        self.account = account
        self.status = status
        self.role = role
        self.merged_into = merged_into
        if merged_into is not None:
            self.add_remedy(remedy or f"name {shown(merged_into)} instead")
        elif status in _OPENED_BY:
            also = "" if remedy is None else f", or {remedy}"
            self.add_remedy(f"{_OPENED_BY[status]} it first{also}")


#: The call that opens an account again, by its status.
_OPENED_BY = {"frozen": "thaw", "closed": "reopen"}


class AccountNotEmpty(Rejected):
    """The account cannot be closed, for it has a balance or open holds.

    `account` is its id; `balance` its balance; `held` what its holds reserve to be spent;
    `incoming` what holds would let it earn.
    """

    rule = "close at zero"
    code = "account_not_empty"

    def __init__(
        self,
        account: str,
        *,
        balance: Hours,
        held: Hours | None = None,
        incoming: Hours | None = None,
        after: str = "",
        remedy: str | None = None,
    ) -> None:
        open_holds = bool(held or incoming)
        reserved = f", with {held or '0:00'} held and {incoming or '0:00'} incoming"
        also = reserved if open_holds else ""
        verb = f"would hold, {after}," if after else "holds"
        super().__init__(
            f"account {shown(account)} {verb} {balance}{also}: an account is closed at 0:00, "
            "without open holds"
        )
        self.account = account
        self.balance = balance
        self.held = held
        self.incoming = incoming
        if remedy is not None:
            self.add_remedy(remedy)
            return
        steps = ["settle or void its holds"] if open_holds else []
        if balance:
            steps.append(f"{'spend' if balance.seconds > 0 else 'earn'} {abs(balance)}")
        self.add_remedy(f"first {' and '.join(steps)}")


class HoldsOpen(Rejected):
    """The account cannot be merged into another, for open holds reserve hours on it.

    `account` is its id; `held` what they reserve to be spent; `incoming` what they would let
    it earn.
    """

    rule = "no open holds"
    code = "holds_open"

    def __init__(self, account: str, *, held: Hours, incoming: Hours) -> None:
        super().__init__(
            f"account {shown(account)} has open holds, {held} held and {incoming} incoming: "
            "it cannot be merged"
        )
        self.account, self.held, self.incoming = account, held, incoming
        self.add_remedy("settle or void them first")


class NothingDue(Rejected):
    """The statute gives no welcome credit to accounts of this kind.

    `account` is its id; `of` its kind; `statute` the version of the statute.
    """

    rule = "welcome"
    code = "nothing_due"

    def __init__(self, account: str, *, of: str, statute: str) -> None:
        msg = f"statute {shown(statute)} gives no welcome credit to a {of} as {shown(account)}"
        super().__init__(msg)
        self.account, self.of, self.statute = account, of, statute


class NotPermitted(Rejected):
    """The actor may not make this call.

    `actor` is the actor's id, or `None`; `action` the name of the call; `accounts` are the
    accounts that it names. The permission is checked before anything is read, so the error
    tells nothing about the bank.
    """

    rule = "permission"
    code = "not_permitted"

    def __init__(
        self,
        actor: str | None,
        *,
        action: str,
        accounts: tuple[str, ...] = (),
        what: str | None = None,
    ) -> None:
        who = "who names no actor" if actor is None else f"actor {shown(actor)}"
        of = f" of {shown(accounts[0])}" if len(accounts) == 1 else ""
        super().__init__(f"{who} may not do this: {what or action}{of}")
        self.actor, self.action, self.accounts = actor, action, accounts


class FundInUse(Rejected):
    """The account is a fund that the statute in force names, or for a merge any statute so far.

    `account` is its id; `statute` the version of the statute.
    """

    rule = "funds of the statute"
    code = "fund_in_use"

    def __init__(self, account: str, *, statute: str, remedy: str | None = None) -> None:
        super().__init__(f"account {shown(account)} is a fund of statute {shown(statute)}")
        self.account = account
        self.statute = statute
        self.add_remedy(remedy or "first adopt a statute that does not name it")


class OverReversed(Rejected):
    """More would be reversed than the original transfer moved.

    `transfer` is the id of the original; `remaining` what can still be reversed; `needed`
    what the call asked for.
    """

    rule = "reversal within its original"
    code = "over_reversed"

    def __init__(self, transfer: str, *, remaining: Hours, needed: Hours) -> None:
        super().__init__(
            f"transfer {shown(transfer)} has {remaining} left to reverse, not {needed}"
            if remaining
            else f"transfer {shown(transfer)} is reversed already: nothing of it is left"
        )
        self.transfer = transfer
        self.remaining = self.headroom = remaining
        self.needed = needed
        if remaining:
            self.add_remedy(f"{remaining} would pass", passes=remaining)


class AlreadyResolved(Rejected):
    """The hold was settled or voided, or has expired, and cannot change any more.

    `hold` is its id; `status` is "settled", "voided" or "expired"; `by` the id of the
    settlement or void, `None` for a hold that expired. `doing` is what was asked for, "settle" or
    "void": a second time it comes to nothing more.
    """

    rule = "a resolved hold is final"
    code = "already_resolved"

    def __init__(self, hold: str, *, status: str, by: str | None, doing: str = "settle") -> None:
        already = " already" if status.startswith(doing) else ""
        end = f"was {status}{already} by {shown(by)}" if by is not None else f"has {status}"
        super().__init__(f"hold {shown(hold)} {end}")
        self.hold, self.status, self.by, self.doing = hold, status, by, doing
        if already:
            self.add_remedy("nothing more is to be done")
        elif doing == "settle":
            self.add_remedy("record the exchange as a transfer, or make a new hold")
        elif by is not None:
            self.add_remedy(f"reverse {shown(by)} to take its hours back")
        else:
            self.add_remedy("it reserves nothing, and nothing more is to be done")


class Retryable(TimebankError):
    """Nothing was written, and the same call may succeed later.

    `scope` says what to repeat: "call" for the call, "host" for the whole transaction of the
    host application.
    """

    scope: str = "call"


class StoreBusy(Retryable):
    """Another writer kept the storage locked for longer than the time-out."""


class Conflict(Retryable):
    """Two writers were in conflict: a deadlock, a serialization failure, another head.

    The bank repeats a single call by itself, so a call that raises this has failed several
    times.
    """


class OutcomeUnknown(TimebankError):
    """The storage failed during a commit, which may have happened or not.

    `id` is the id of the last command of the call, or `None` if it has none. Repeat the same
    call with it to learn how the commit ended.
    """

    def __init__(self, id: str | None) -> None:
        super().__init__(
            "the storage failed in the middle of a commit, which may have happened: "
            f"repeat the call with id {shown(id)} to learn it"
        )
        self.id = id


class ClockBehind(TimebankError):
    """The last record lies more than ten minutes ahead of the clock, so nothing is recorded.

    `clock` is the instant of this machine's clock and `last` that of the last record, aware, in
    UTC. Where the clock is wrong it is to be set; where the record is, the clock of the bank is
    restarted, once the machine's is right: see `TimeBank.restart_clock`.
    """

    def __init__(self, *, clock: datetime, last: datetime) -> None:
        super().__init__(
            f"the clock of this machine says {clock:%Y-%m-%d %H:%M:%S} UTC, but the last record is "
            f"of {last:%Y-%m-%d %H:%M:%S} UTC: nothing is recorded until one of them is put right. "
            "If this clock is wrong, set it. If the record's was, go on by restart_clock "
            "(timebank clock restart)"
        )
        self.clock = clock
        self.last = last


class StoreError(TimebankError):
    """The storage failed; the driver's error is the `__cause__`."""


class OtherVersion(StoreError):
    """Another version of the library made the tables; the message says how to go on."""


class Corrupt(TimebankError):
    """Stored data is not valid: run an audit."""


#: Errors that are no judgement on one call, but a failure of what it needs: after one of them it
#: cannot be gone on. Every other `TimebankError` is a refusal, and leaves everything as it was.
FAILURES = (Corrupt, OutcomeUnknown, Retryable, StoreError)


def is_refusal(error: BaseException) -> bool:
    """Return whether an error says no to a call, and not that something failed on the way.

    >>> from timebank.errors import InvalidRequest, StoreBusy, is_refusal
    >>> is_refusal(InvalidRequest("no")), is_refusal(StoreBusy("wait")), is_refusal(KeyError())
    (True, False, False)
    """
    return isinstance(error, TimebankError) and not isinstance(error, FAILURES)
