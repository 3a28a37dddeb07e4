"""Book the rows of accounts that were merged: on what they became, and each row once.

A source goes on naming a duplicate that a bank has merged since. A row that was booked before the
merge names it still, one that was booked afterwards names the account that it became.
"""

from __future__ import annotations

from collections.abc import Callable

import attrs

from timebank.bank import BankBatch, TimeBank
from timebank.errors import AccountNotOpen, IdempotencyMismatch, InvalidRequest, NotFound
from timebank.interchange.engine.protocol import ImportedTransfer
from timebank.model import Transfer


def with_heirs(
    batch: BankBatch, row: ImportedTransfer, book: Callable[[ImportedTransfer], Transfer]
) -> Transfer:
    """Book a row as it is; where an account of it was merged, on the one that it became.

    :raises TimebankError: what `book` raises, where no merge explains it.

    >>> import timebank
    >>> from timebank.interchange.engine.heirs import with_heirs
    >>> from timebank.interchange.engine.protocol import ImportedTransfer
    >>> bank = timebank.open("memory:")
    >>> for id in ["m1", "m1-again", "f1"]:
    ...     _ = bank.open_account(id)
    >>> _ = bank.merge("m1-again", into="m1", reason="she registered twice")
    >>> row = ImportedTransfer(
    ...     2, "t1", earner="m1-again", spender="f1", seconds=60, occurred_on=None
    ... )
    >>> with bank.batch() as batch:
    ...     made = with_heirs(batch, row, lambda row: batch.transfer(
    ...         earner=row.earner, spender=row.spender, hours="0:01", id=row.id))
    >>> list(made.earners)
    ['m1']
    """
    try:
        return book(row)
    except AccountNotOpen as error:
        if error.merged_into is None:
            raise
        sides = [heirs(batch, id)[-1] for id in (row.earner, row.spender)]
    except IdempotencyMismatch:
        sides = _as_booked(batch, row)
        if sides == [row.earner, row.spender]:
            raise
    return book(attrs.evolve(row, earner=sides[0], spender=sides[1]))


def heirs(batch: BankBatch | TimeBank, id: str) -> list[str]:
    """Return an account, then those that it became by merges, the last of which stands for it.

    :raises AccountNotFound: no such account.
    """
    found = [id]
    while (into := batch.account(found[-1]).merged_into) is not None:
        found.append(into)
    return found


def _as_booked(batch: BankBatch, row: ImportedTransfer) -> list[str]:
    """Return the earner and the spender of a row as they were called when it was booked."""
    try:
        booked = batch.transfer_by_id(row.id)
        names = [(heirs(batch, id), id) for id in (row.earner, row.spender)]
    except (InvalidRequest, NotFound):
        return [row.earner, row.spender]
    sides = (booked.earners, booked.spenders)
    return [
        next((one for one in became if one in side), id)
        for (became, id), side in zip(names, sides, strict=True)
    ]
