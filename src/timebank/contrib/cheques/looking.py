"""Look a cheque up: the booklet that it is of, and on which day it was entered."""

from __future__ import annotations

from datetime import date

from timebank.bank.permitting import Handle
from timebank.contrib.cheques.booking import booklet
from timebank.errors import ChequeNotFound
from timebank.model import Transfer
from timebank.model.cheques import Booklet, Number
from timebank.queries.records import body_of, record_at


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


def recorded_on(bank: Handle, transfer: Transfer) -> date:
    """Return the day on which an exchange was recorded, in the time zone of the statute.

    >>> from datetime import UTC, date, datetime
    >>> import timebank
    >>> from timebank.contrib.cheques.looking import recorded_on
    >>> bank = timebank.open("memory:", clock=lambda: datetime(2026, 3, 2, tzinfo=UTC))
    >>> _ = bank.open_account("m1"), bank.open_account("m2")
    >>> recorded_on(bank, bank.transfer(earner="m1", spender="m2", hours=1))
    datetime.date(2026, 3, 2)
    """
    with bank._reader() as reader:  # noqa: SLF001 - of the same house
        record = bank._firm(reader, lambda: body_of(record_at(reader, transfer.sequence)))  # noqa: SLF001 - as above
    return date.fromisoformat(record["recorded_on"])
