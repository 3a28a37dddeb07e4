"""What is wrong with a time cheque: its number, its booklet, or what became of it before."""

from __future__ import annotations

from typing import TYPE_CHECKING

from timebank.errors.base import shown
from timebank.errors.calls import IdempotencyMismatch, InvalidRequest, NotFound
from timebank.errors.rejected import Rejected

if TYPE_CHECKING:
    from datetime import date

    from timebank.hours import Hours
    from timebank.model import Transfer


class ChequeMistyped(InvalidRequest):
    """What was typed is the number of no cheque; `typed` is what it was.

    `reason` is "form", where it is no booklet, cheque and check digits, or "check", where the two
    check digits do not belong to the others: one digit is wrong, or two were swapped.
    """

    def __init__(self, typed: str, *, reason: str) -> None:
        why = (
            "its check digits do not belong to it: a digit is wrong, or two are swapped"
            if reason == "check"
            else "it is a booklet, a cheque and two check digits, as 17-03-33"
        )
        super().__init__(f"{shown(typed)} is the number of no cheque: {why}")
        self.typed, self.reason = typed, reason


class BookletNotFound(NotFound):
    """No booklet of this number was issued; `booklet` is the number."""

    def __init__(self, booklet: int) -> None:
        super().__init__(f"booklet {booklet} of cheques was never issued by this bank")
        self.booklet = booklet


class ChequeNotFound(NotFound):
    """The booklet has no such cheque.

    `number` is the cheque's, as text; `booklet` that of the booklet, and `cheques` how many it has.
    """

    def __init__(self, number: str, *, booklet: int, cheques: int) -> None:
        super().__init__(f"cheque {number}: booklet {booklet} has cheques 1 to {cheques} only")
        self.number, self.booklet, self.cheques = number, booklet, cheques


class ChequeVoided(Rejected):
    """The cheque was voided: it is entered no more, and voided in no other way.

    `number` is the cheque's, as text; `voided_on` the day on which it was voided, and `why` the
    code that was given for it, as "lost".
    """

    rule = "a voided cheque moves nothing"
    code = "cheque_voided"

    def __init__(self, number: str, *, voided_on: date, why: str) -> None:
        super().__init__(f"cheque {number} was voided on {voided_on} ({why})")
        self.number, self.voided_on, self.why = number, voided_on, why


class ChequeEntered(IdempotencyMismatch):
    """The cheque was entered before: otherwise than now, or it was to be voided.

    `number` is the cheque's, as text; `original` the transfer, and `entered_on` the day on which it
    was entered; `earner` who earned, `hours` how much, and `occurred_on` the day of it. Where it
    `is_reversed`, all of it was moved back since. `doing` is "enter" or "void".
    """

    def __init__(
        self,
        number: str,
        *,
        original: Transfer,
        entered_on: date,
        differs: str,
        doing: str,
        is_reversed: bool = False,
    ) -> None:
        what = {
            ("enter", False): f"{differs}; each cheque counts once",
            ("enter", True): "it was reversed since, and is entered no more; record an exchange",
            ("void", False): "to take it back, reverse the exchange instead",
            ("void", True): "it was reversed since, and there is nothing to void",
        }[doing, is_reversed]
        self.earner: str = next(iter(original.earners))
        self.hours: Hours = original.hours
        self.occurred_on: date = original.occurred_on
        super().__init__(
            original.id,
            original=original,
            differs=differs,
            message=f"cheque {number} was entered before, on {entered_on}, {self.hours} for "
            f"{shown(self.earner)}: {what}",
        )
        self.number, self.entered_on, self.doing = number, entered_on, doing
        self.is_reversed = is_reversed


class BookletTaken(IdempotencyMismatch):
    """The number of a booklet was given out before, to another account or for other cheques.

    `booklet` is the number; `original` the booklet that has it, `account` whose it is, `cheques`
    how many it has; `free` is a number that is free.
    """

    def __init__(
        self, id: str, *, original: object, booklet: int, account: str, cheques: int, free: int
    ) -> None:
        super().__init__(
            id,
            original=original,
            differs=f"it is a booklet of {cheques} cheques for {shown(account)}",
            message=f"booklet {booklet} was issued before, with {cheques} cheques for "
            f"{shown(account)}: the next free number is {free}",
        )
        self.booklet, self.account, self.cheques, self.free = booklet, account, cheques, free
