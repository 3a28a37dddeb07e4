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

from typing import TYPE_CHECKING, Any, ClassVar

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
    """A rule of the bank said no. `rule` names the rule, `code` is stable for programs."""

    rule: ClassVar[str] = "rejected"
    code: ClassVar[str] = "rejected"


class LimitExceeded(Rejected):
    """The account would move further beyond its floor or ceiling.

    `account`; `limit` the floor or ceiling; `available` what may still move;
    `needed` what the call asked. All but the account are `Hours`.
    """

    def __init__(
        self, account: str, *, rule: str, limit: Hours, available: Hours, needed: Hours
    ) -> None:
        verb = "spend" if rule == "floor" else "earn"
        super().__init__(
            f"account {shown(account)} cannot {verb} {needed}: its {rule} is {limit}, "
            f"so {available} may still move"
        )
        self.account = account
        self.rule = rule  # type: ignore[misc]  # one class serves both limits
        self.code = f"{rule}_exceeded"  # type: ignore[misc]  # as above
        self.limit = limit
        self.available = available
        self.needed = needed


class AccountNotOpen(Rejected):
    """The account is frozen or closed; `account` and `status`."""

    rule = "account open"
    code = "account_not_open"

    def __init__(self, account: str, *, status: str, doing: str) -> None:
        super().__init__(f"account {shown(account)} is {status}: it cannot {doing}")
        self.account = account
        self.status = status


class AccountNotEmpty(Rejected):
    """An account is closed at zero only; `account` and its `balance`."""

    rule = "close at zero"
    code = "account_not_empty"

    def __init__(self, account: str, *, balance: Hours) -> None:
        super().__init__(f"account {shown(account)} holds {balance}: an account is closed at 0:00")
        self.account = account
        self.balance = balance


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
        )
        self.transfer = transfer
        self.remaining = remaining
        self.needed = needed


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
