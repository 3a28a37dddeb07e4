"""Every error the library raises, as one tree.

A caller who catches `TimebankError` catches all of it; one who wants to tell a
member "no" apart from "try again" catches `Rejected` and `Retryable`. Facts are
attributes and are shown in the message.

>>> from timebank import AccountNotFound
>>> error = AccountNotFound("m9")
>>> error.account, str(error)
('m9', "no account 'm9' in this bank")
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from timebank.hours import Hours


def shown(value: object, *, limit: int = 60) -> str:
    """The `repr` of a value, cut so that a hostile one cannot flood a message."""
    try:
        text = repr(value)
    except ValueError:  # an int of more digits than Python is willing to print
        text = f"<{type(value).__name__} too large to show>"
    return text if len(text) <= limit else f"{text[: limit - 1]}…"


class TimebankError(Exception):
    """The root of every error of this library. Errors survive pickling, facts and all."""

    def __reduce__(self) -> tuple[Any, ...]:
        """Rebuild by what it carries, for the constructors take facts and not a message."""
        return _restored, (type(self), self.args, self.__dict__.copy())


def _restored(
    kind: type[TimebankError], args: tuple[Any, ...], facts: dict[str, Any]
) -> TimebankError:
    error = kind.__new__(kind, *args)
    error.__dict__.update(facts)
    return error


class InvalidRequest(TimebankError, ValueError):
    """The call itself is wrong, whatever the state of the bank."""


class InvalidHours(InvalidRequest):
    """Not a quantity of hours: not whole seconds, out of range, zero or negative where it moves."""


class WrongType(InvalidRequest, TypeError):
    """A type whose meaning would have to be guessed: a float, a bool, a datetime for a date."""


class WrongHoursType(InvalidHours, WrongType):
    """Hours given as a float or another type that cannot be exact."""


class UnbalancedTransfer(InvalidRequest):
    """What is earned differs from what is spent.

    `earned` and `spent` are the two sums.
    """

    def __init__(self, *, earned: Hours, spent: Hours) -> None:
        super().__init__(
            f"earners get {earned} but spenders give {spent}: both sides must be equal"
        )
        self.earned = earned
        self.spent = spent


class InvalidStatute(InvalidRequest):
    """A statute that cannot be: a key that is not known, a value of another kind. It says where."""


class NotFound(TimebankError, LookupError):
    """What was named is not in the bank."""


class AccountNotFound(NotFound):
    """No account has this id; `account` is the id."""

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
    """No statute of this version was adopted; `version`."""

    def __init__(self, version: str) -> None:
        super().__init__(f"no statute {shown(version)} was adopted in this bank")
        self.version = version


class BankNotFound(NotFound):
    """The storage has no bank of this name, and was not asked to make one."""

    def __init__(self, bank: str, where: str) -> None:
        super().__init__(f"no bank {shown(bank)} in {where}")
        self.bank = bank


class IdempotencyMismatch(TimebankError):
    """The id was used before, for another request; `original` is what it names."""

    def __init__(self, id: str, *, original: object, differs: str) -> None:
        super().__init__(
            f"id {shown(id)} was used before for another request: {differs}; "
            "choose a new id, or repeat the first call exactly"
        )
        self.id = id
        self.original = original


class Rejected(TimebankError):
    """A rule of the bank said no. `rule` names the rule, `code` is stable for programs.

    `headroom` is what the rule still leaves, where it is a quantity. `passes` are the
    hours nearest to those asked with which the same call would pass, `None` where none
    would. `remedy` says the smallest change that would, and is part of the message.
    """

    rule: str = "rejected"
    code: str = "rejected"
    headroom: Hours | None = None
    passes: Hours | None = None
    remedy: str = ""

    def advised(self, remedy: str, *, passes: Hours | None = None) -> None:
        """Add what would pass; told once, by what refused."""
        if not self.remedy:
            self.remedy, self.passes = remedy, passes
            self.args = (f"{self.args[0]}; {remedy}",)


class LimitExceeded(Rejected):
    """The account would move further beyond its floor or ceiling.

    `account`; `limit` the floor or ceiling; `available` what may still move;
    `needed` what the call asked; `reserved` what open holds keep back; `shortfall` what
    the account must first earn, or spend, for this rule to let it pass. All but the
    account are `Hours`, but for who may not see the account: to them only `needed` is told.
    """

    def __init__(
        self,
        account: str,
        *,
        rule: str,
        limit: Hours,
        available: Hours,
        needed: Hours,
        reserved: Hours | None = None,
        shortfall: Hours | None = None,
    ) -> None:
        verb = "spend" if rule == "floor" else "earn"
        held = f" and {reserved} is held" if reserved else ""
        super().__init__(
            f"account {shown(account)} cannot {verb} {needed}: its {rule} is {limit}{held}, "
            f"so {available} may still move"
        )
        self.account = account
        self.rule = rule
        self.code = f"{rule}_exceeded"
        self.limit = limit
        self.available = self.headroom = available
        self.needed = needed
        self.reserved = reserved
        self.shortfall = shortfall

    def veiled(self) -> LimitExceeded:
        """The same refusal for who may not see the account: without its figures, all `None`."""
        veiled = LimitExceeded.__new__(LimitExceeded)
        verb = "spend" if self.rule == "floor" else "earn"
        Rejected.__init__(
            veiled,
            f"account {shown(self.account)} cannot {verb} {self.needed}: its {self.rule} "
            "does not allow it",
        )
        veiled.__dict__.update(account=self.account, rule=self.rule, code=self.code)
        hidden = ("limit", "available", "headroom", "reserved", "shortfall", "passes")
        veiled.__dict__.update(dict.fromkeys(hidden), needed=self.needed)
        return veiled


class ExchangeTooLarge(Rejected):
    """One exchange moves at most so much; `limit` and what the call `needed`."""

    rule = "largest exchange"
    code = "exchange_too_large"

    def __init__(self, *, limit: Hours, needed: Hours) -> None:
        super().__init__(f"an exchange moves at most {limit} here, not {needed}")
        self.limit = self.headroom = limit
        self.needed = needed


class RecordedTooLate(Rejected):
    """The day of service lies too far back; `occurred_on`, the `earliest` day, and `days`."""

    rule = "days to record"
    code = "recorded_too_late"

    def __init__(self, *, occurred_on: str, earliest: str, days: int) -> None:
        super().__init__(
            f"an exchange of {occurred_on} had to be recorded within {days} days: "
            f"the earliest day of service accepted is {earliest}"
        )
        self.occurred_on = occurred_on
        self.earliest = earliest
        self.days = days
        self.advised(f"a day from {earliest} on would pass")


class GranularityRefused(Rejected):
    """An exchange that is no multiple of the bank's unit.

    `needed` what the call asked; `unit`; `lower` (`None` for zero) and `upper` the
    multiples on both sides of it.
    """

    rule = "granularity"
    code = "granularity_refused"

    def __init__(self, *, needed: Hours, unit: Hours, lower: Hours | None, upper: Hours) -> None:
        super().__init__(f"hours are exchanged in multiples of {unit} here, not {needed}")
        self.needed = needed
        self.unit = unit
        self.lower = lower
        self.upper = upper


class AccountNotOpen(Rejected):
    """The account is frozen or closed; `account` and `status`."""

    rule = "account open"
    code = "account_not_open"

    def __init__(self, account: str, *, status: str, doing: str) -> None:
        super().__init__(f"account {shown(account)} is {status}: it cannot {doing}")
        self.account = account
        self.status = status
        if status in _OPENED_BY:
            self.advised(f"{_OPENED_BY[status]} it first")


#: What opens an account again.
_OPENED_BY = {"frozen": "thaw", "closed": "reopen"}


class AccountNotEmpty(Rejected):
    """An account is closed at zero and without open holds only.

    `account`, its `balance`, and what is `held` and `incoming`.
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
        also = (
            f", with {held or '0:00'} held and {incoming or '0:00'} incoming" if open_holds else ""
        )
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
            self.advised(remedy)
            return
        steps = ["settle or void its holds"] if open_holds else []
        if balance:
            steps.append(f"{'spend' if balance.seconds > 0 else 'earn'} {abs(balance)}")
        self.advised(f"first {' and '.join(steps)}")


class NothingDue(Rejected):
    """The statute gives no welcome credit to such an account; `account`, its kind `of`."""

    rule = "welcome"
    code = "nothing_due"

    def __init__(self, account: str, *, of: str, statute: str) -> None:
        super().__init__(
            f"statute {shown(statute)} gives no welcome credit to a {of} as {shown(account)}"
        )
        self.account = account
        self.of = of
        self.statute = statute


class NotPermitted(Rejected):
    """Who asks may not do it; `actor`, the `action`, and the `accounts` that were named.

    It is said before anything is looked at, so it tells nothing of the bank.
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
        self.actor = actor
        self.action = action
        self.accounts = accounts


class FundInUse(Rejected):
    """The statute in force gives to the account, or takes from it; `account`, `statute`."""

    rule = "funds of the statute"
    code = "fund_in_use"

    def __init__(self, account: str, *, statute: str) -> None:
        super().__init__(f"account {shown(account)} is a fund of statute {shown(statute)}")
        self.account = account
        self.statute = statute
        self.advised("first adopt a statute that does not name it")


class OverReversed(Rejected):
    """More would be reversed than the original moved.

    `transfer` the original's id; `remaining` what can still be reversed;
    `needed` what the call asked.
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
            self.advised(f"{remaining} would pass", passes=remaining)


class AlreadyResolved(Rejected):
    """The hold is settled, voided or expired, and that is final.

    `hold` its id; `status`; `by` the id of the settlement or void, `None` where it expired.
    """

    rule = "a resolved hold is final"
    code = "already_resolved"

    def __init__(self, hold: str, *, status: str, by: str | None) -> None:
        told = f"was {status} by {shown(by)}" if by is not None else f"has {status}"
        super().__init__(f"hold {shown(hold)} {told}")
        self.hold = hold
        self.status = status
        self.by = by
        if status == "settled":
            self.advised("nothing more is to be done")
        else:
            self.advised("record the exchange as a transfer, or make a new hold")


class Retryable(TimebankError):
    """Nothing was written and nothing is wrong: the same call may succeed later.

    `scope` says what to repeat: the "call", or the whole transaction of the "host".
    """

    scope: str = "call"


class StoreBusy(Retryable):
    """Another writer held the storage for longer than the time-out."""


class Conflict(Retryable):
    """Two writers crossed: a deadlock, a serialization failure, a head that moved past the lock.

    The bank tries a single call again by itself; what comes out has failed several times.
    """


class OutcomeUnknown(TimebankError):
    """The storage failed in the middle of a commit: the same call with `id` tells.

    `id` is the id of the last command of the call, `None` where it has none.
    """

    def __init__(self, id: str | None) -> None:
        super().__init__(
            "the storage failed in the middle of a commit, which may have happened: "
            f"repeat the call with id {shown(id)} to learn it"
        )
        self.id = id


class StoreError(TimebankError):
    """The storage failed; the driver's error is the `__cause__`."""


class Corrupt(TimebankError):
    """What was read back cannot be: run an audit."""
