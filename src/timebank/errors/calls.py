"""Errors of a call that is wrong in every state of the bank, and of what is not there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from timebank.errors.base import TimebankError, shown

if TYPE_CHECKING:
    from timebank.hours import Hours


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
