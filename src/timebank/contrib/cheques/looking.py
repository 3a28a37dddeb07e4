"""Ask for booklets, and what became of a cheque of one."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

import attrs

from timebank.bank import TimeBank
from timebank.bank.permitting import Handle
from timebank.errors import BookletNotFound, ChequeNotFound, NotFound, NotPermitted
from timebank.hours import Hours
from timebank.model import Transfer
from timebank.model.cheques import Booklet, Number, booklet_number
from timebank.queries import cheques as queries
from timebank.queries.records import account_row


@attrs.frozen
class Entered:
    """What is to be known of a cheque that was entered, beside the exchange.

    `on` is the day on which it was entered, in the time zone of the statute; `earner` who earned,
    or what that account was merged into. `reversed` are the hours that were moved back since.
    """

    on: date
    earner: str
    reversed: Hours


def entered(bank: Handle, exchange: Transfer) -> Entered:
    """Return what is to be known of the exchange that a cheque was entered as.

    >>> from datetime import UTC, datetime
    >>> import timebank
    >>> from timebank.contrib import cheques
    >>> from timebank.contrib.cheques.looking import entered
    >>> bank = timebank.open("memory:", clock=lambda: datetime(2026, 3, 2, tzinfo=UTC))
    >>> _ = bank.open_account("m1"), bank.open_account("m2"), cheques.issue(bank, "m1", booklet=17)
    >>> made = cheques.enter(bank, "17-03-33", earner="m2", hours=2)
    >>> _ = bank.reverse(made.id, hours="0:30", reason="it was less")
    >>> entered(bank, made)
    Entered(on=datetime.date(2026, 3, 2), earner='m2', reversed=Hours('0:30'))
    """
    with bank._reader() as reader:  # noqa: SLF001 - of the same house
        on, earner, back = bank._firm(  # noqa: SLF001 - as above
            reader, lambda: queries.entered(reader, exchange.sequence)
        )
    return Entered(on, earner, Hours.from_seconds(back))


def next_booklet(bank: Handle) -> int:
    """Return the number that the next booklet gets, where `issue` is given none.

    Who prints it on a form, and issues by it, can send the form twice. It costs the records since
    the last booklet was issued.

    :raises NotPermitted: the permissions say no.

    >>> import timebank
    >>> from timebank.contrib import cheques
    >>> cheques.next_booklet(timebank.open("memory:"))
    1
    """
    bank._may("booklets")  # noqa: SLF001 - of the same house
    with bank._reader() as reader:  # noqa: SLF001 - as above
        return bank._firm(reader, lambda: queries.next_number(reader))  # noqa: SLF001 - as above


def booklets(bank: Handle, account: str | None = None) -> tuple[Booklet, ...]:
    """Return the booklets of an account, and of those that were merged into it; or all of them.

    They come as they were issued, by number where all are asked for. Those of an account cost what
    that account has; all of them cost a question for each account, and one for each booklet.

    :raises InvalidRequest: an id that cannot be.
    :raises NotPermitted: the permissions say no.
    :raises AccountNotFound: no such account.

    >>> import timebank
    >>> from timebank.contrib import cheques
    >>> bank = timebank.open("memory:")
    >>> _ = bank.open_account("m1"), cheques.issue(bank, "m1"), cheques.issue(bank, "m1")
    >>> [booklet.number for booklet in cheques.booklets(bank, "m1")]
    [1, 2]
    """
    bank._may("booklets", account)  # noqa: SLF001 - of the same house

    def found() -> tuple[Booklet, ...]:
        if account is None:
            return tuple(sorted(queries.all_booklets(reader), key=lambda one: one.number))
        return tuple(queries.booklets_of(reader, account_row(reader, account)))

    with bank._reader() as reader:  # noqa: SLF001 - as above
        return bank._firm(reader, found)  # noqa: SLF001 - as above


def booklet(bank: Handle, number: int) -> Booklet:
    """Return the booklet with a number, and what became of its cheques.

    :raises WrongType: a number that is no `int`.
    :raises InvalidRequest: one that cannot be.
    :raises NotPermitted: the permissions say no.
    :raises BookletNotFound: none was issued with this number.

    >>> import timebank
    >>> from timebank.contrib import cheques
    >>> bank = timebank.open("memory:")
    >>> _ = bank.open_account("m1"), cheques.issue(bank, "m1", booklet=17, cheques=8)
    >>> [str(number) for number in cheques.booklet(bank, 17).out[:2]]
    ['17-01-39', '17-02-36']
    """
    booklet_number(number)
    with bank._reader() as reader:  # noqa: SLF001 - of the same house
        found = bank._firm(reader, lambda: queries.booklet_with(reader, number))  # noqa: SLF001 - as above
    try:
        bank._may("booklets", None if found is None else found.account)  # noqa: SLF001 - as above
    except NotPermitted as refusal:  # which does not tell whose it is
        raise NotPermitted(refusal.actor, action=refusal.action) from None
    if found is None:
        raise BookletNotFound(number)
    return found


def booklet_with(bank: Handle, number: Number) -> Booklet:
    """Return the booklet of a cheque.

    :raises BookletNotFound: it was never issued.
    :raises ChequeNotFound: it has fewer cheques.
    :raises NotPermitted: the permissions say no.

    >>> import timebank
    >>> from timebank.contrib import cheques
    >>> from timebank.contrib.cheques.looking import booklet_with
    >>> bank = timebank.open("memory:")
    >>> _ = bank.open_account("m1"), cheques.issue(bank, "m1", booklet=17)
    >>> booklet_with(bank, cheques.Number(17, 3)).account
    'm1'
    """
    found = booklet(bank, number.booklet)
    if number.cheque > found.cheques:
        raise ChequeNotFound(str(number), booklet=number.booklet, cheques=found.cheques)
    return found


def names_of(bank: TimeBank, ids: Iterable[str]) -> dict[str, str]:
    """Return the names of accounts, of those that there are, have one, and may be seen.

    >>> import timebank
    >>> from timebank.contrib.cheques.looking import names_of
    >>> bank = timebank.open("memory:")
    >>> _ = bank.open_account("m1", name="Maria R."), bank.open_account("m2")
    >>> names_of(bank, ["m1", "m2", "m3"])
    {'m1': 'Maria R.'}
    """
    found = {}
    for id in sorted({*ids}):
        try:
            name = bank.account(id).name
        except (NotFound, NotPermitted):
            continue
        if name is not None:
            found[id] = name
    return found
