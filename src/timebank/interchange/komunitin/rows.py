"""Read Komunitin's accounts and transfers, whether they come as CSV or as JSON:API. Pure."""

from __future__ import annotations

import re
from collections.abc import Container
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Final

import attrs

from timebank.interchange.engine.cells import CellFault, id_of, instant_of
from timebank.interchange.engine.csv_rows import Row, quarantined
from timebank.interchange.engine.protocol import NONE, ImportedAccount, ImportedTransfer, Passed
from timebank.interchange.engine.report import Quarantined
from timebank.model import MAX_INTEGER

SYSTEM: Final = "komunitin"
#: What is kept of who is in none of the lists: the code, in the `source` of the transfer.
OUTSIDER: Final = "outsider"
#: The one state of a transfer that moves hours, and those that move none.
COMMITTED: Final = "committed"
PASSED: Final = frozenset({"new", "pending", "rejected", "submitted", "failed", "deleted"})
_ACTIVE: Final = frozenset({"", "active"})
_FROZEN: Final = frozenset({"disabled", "suspended"})
_CLOSED: Final = "deleted"

_NUMBER: Final = re.compile(r"-?[0-9]{1,15}(\.[0-9]{1,9})?", re.ASCII)


@attrs.frozen
class SourceRow:
    """A row of a file, and what its columns are called there: our field → its name."""

    file: str
    row: Row
    columns: dict[str, str]

    def quarantined(
        self, fault: CellFault, moves: tuple[tuple[str, int | None], ...] | None = None
    ) -> Quarantined:
        """Return the row as one that was not booked. The fault is of a field of ours."""
        column = self.columns.get(str(fault.column), fault.column)
        return quarantined(
            self.file, self.row, CellFault(fault.value, fault.reason, column=column), moves
        )


@attrs.frozen
class Outsiders:
    """The account that stands for everybody who is in none of the lists: of other communities.

    `known` are the codes that a list has. Without an `account` nobody stands for them.
    """

    account: str | None
    known: Container[str]

    def of(self, code: str) -> str:
        """Return the account of a code: that of outsiders, where no list has it."""
        if self.account is None or not code or code in self.known:
            return code
        return self.account


@attrs.frozen
class TransferFields:
    """The fields of a transfer, in the source's words. `value` is in units of the currency."""

    id: str
    state: str
    value: Decimal | str
    created: str
    description: str
    payer: str
    payee: str


def account_of(
    source: SourceRow, code: str, *, status: str, created: str, balance: Decimal | str, unit: int
) -> ImportedAccount | Quarantined:
    """Return what an account says.

    `balance` is text, or a number where it was one; empty text is none stated.

    `unit` is one unit of the currency in seconds. Who is disabled or suspended is frozen.

    >>> from timebank.interchange.engine.csv_rows import Row
    >>> from timebank.interchange.komunitin.rows import SourceRow, account_of
    >>> source = SourceRow("accounts.csv", Row(2, ()), {})
    >>> row = account_of(source, "T0002", status="active", created="", balance="-8.75", unit=3600)
    >>> row.id, row.stated
    ('T0002', -31500)
    """
    try:
        if status not in {*_ACTIVE, *_FROZEN, _CLOSED}:
            raise CellFault(status, "is no status of an account that is known", column="status")
        return ImportedAccount(
            source.row.line,
            id_of(code, "id"),
            joined_on=_day(created, "joined_on") if created else None,
            closed=status == _CLOSED,
            frozen=status in _FROZEN,
            stated=None if balance == "" else _seconds(balance, unit, "stated"),
            columns=source.columns,
            cells=source.row.columns,
        )
    except CellFault as fault:
        return source.quarantined(fault, moves=())


def transfer_of(
    source: SourceRow, fields: TransferFields, *, unit: int, outsiders: Outsiders
) -> ImportedTransfer | Passed | Quarantined:
    """Return what a transfer says: the payer spends, the payee earns, if it is committed."""
    payer, payee = outsiders.of(fields.payer), outsiders.of(fields.payee)
    moves: tuple[tuple[str, int | None], ...] | None = None
    try:
        if fields.state in PASSED:
            return Passed(source.row.line, fields.state)
        moves = ((payee, None), (payer, None))
        if fields.state != COMMITTED:
            raise CellFault(fields.state, "is no state of a transfer that is known", column="state")
        seconds = _seconds(fields.value, unit, "seconds")
        if seconds <= 0:
            raise CellFault(str(fields.value), "is not more than zero", column="seconds")
        moves = ((payee, seconds), (payer, -seconds))
        payer, payee = id_of(payer, "spender"), id_of(payee, "earner")
        if payer == payee:
            raise CellFault(
                payee, "is the payer as well: nobody exchanges with themselves", column="earner"
            )
        outsider = _outsider(outsiders, fields)
        return ImportedTransfer(
            source.row.line,
            _own_id(fields.id),
            earner=payee,
            spender=payer,
            seconds=seconds,
            occurred_on=_day(fields.created, "occurred_on"),
            created_at=fields.created,
            note=fields.description or None,
            columns=source.columns,
            cells=source.row.columns,
            source={OUTSIDER: outsider} if outsider else NONE,
            opens=_opened(outsiders) if outsider else None,
        )
    except CellFault as fault:
        return source.quarantined(fault, moves)


def _outsider(outsiders: Outsiders, fields: TransferFields) -> str | None:
    """Return the code of a side that no list has, where an account stands for it.

    :raises CellFault: it cannot be kept.
    """
    sides = (("spender", fields.payer), ("earner", fields.payee))
    found = [(column, code) for column, code in sides if outsiders.of(code) != code]
    return id_of(found[0][1], found[0][0]) if found else None


def _opened(outsiders: Outsiders) -> ImportedAccount:
    return ImportedAccount(0, outsiders.account or "", kind="clearing")


def _own_id(id: str) -> str:
    if not id:
        raise CellFault(id, "is no id: a transfer has one", column="id")
    return id_of(f"{SYSTEM}:{id}", "id")


def _seconds(value: Decimal | str, unit: int, field: str) -> int:
    if isinstance(value, str):
        if not _NUMBER.fullmatch(value):
            raise CellFault(value, "is not a number like 1.25", column=field)
        value = Decimal(value)
    seconds = Fraction(value) * unit
    if seconds.denominator != 1:
        raise CellFault(str(value), "is not a whole number of seconds", column=field)
    if abs(seconds) > MAX_INTEGER:
        raise CellFault(str(value), "is too large", column=field)
    return seconds.numerator


def _day(text: str, field: str) -> date:
    """Return the day as it is written."""
    if (found := instant_of(text)) is None:
        raise CellFault(text, "is not an instant like 2018-01-31T09:30:00Z", column=field)
    return found.date()
