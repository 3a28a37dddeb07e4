"""What Komunitin's accounts and transfers say, whether they come as CSV or as JSON:API. Pure."""

from __future__ import annotations

import re
from datetime import date, time
from decimal import Decimal
from fractions import Fraction
from typing import Final

import attrs

from timebank.errors import InvalidRequest, shown
from timebank.interchange.engine.headed import shortened
from timebank.interchange.engine.protocol import ImportedAccount, ImportedTransfer, Passed
from timebank.interchange.engine.report import Quarantined
from timebank.model import MAX_INTEGER
from timebank.model.ids import identifier

SYSTEM: Final = "komunitin"
#: The one state of a transfer that moves hours, and those that move none.
COMMITTED: Final = "committed"
PASSED: Final = frozenset({"new", "pending", "rejected", "submitted", "failed", "deleted"})
_ACTIVE: Final = frozenset({"", "active"})
_FROZEN: Final = frozenset({"disabled", "suspended"})
_CLOSED: Final = "deleted"

_NUMBER: Final = re.compile(r"-?[0-9]{1,15}(\.[0-9]{1,9})?", re.ASCII)
_INSTANT: Final = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})"
    r"(?:[ T]([0-9]{2}:[0-9]{2}(?::[0-9]{2})?)(?:\.[0-9]+)?(?:Z| ?UTC| ?[+-][0-9]{2}:?[0-9]{2})?)?",
    re.ASCII,
)


class Fault(Exception):
    """What is wrong, of which of our fields."""

    def __init__(self, *, field: str, value: str, reason: str) -> None:
        super().__init__(reason)
        self.field, self.value, self.reason = field, value, reason


@attrs.frozen
class SourceRow:
    """Where a row stands, and what its columns are called there."""

    file: str
    line: int
    columns: dict[str, str]
    cells: tuple[str, ...]

    def quarantined(
        self, fault: Fault, moves: tuple[tuple[str, int | None], ...] | None = None
    ) -> Quarantined:
        """The row, and what is wrong with it."""
        column = self.columns.get(fault.field, fault.field)
        reason = f"{shown(fault.value)} {fault.reason}"
        return Quarantined(
            self.file, self.line, column, shortened(fault.value), reason, self.cells, moves
        )


@attrs.frozen
class TransferFields:
    """What a transfer says, in the source's words. `value` is in units of the currency."""

    id: str
    state: str
    value: Decimal | str
    created: str
    description: str
    payer: str
    payee: str


def account_of(
    place: SourceRow, code: str, *, status: str, created: str, balance: Decimal | str, unit: int
) -> ImportedAccount | Quarantined:
    """An account. `balance` is text, or a number where it was one; empty text is none stated.

    `unit` is what one of the currency is, in seconds. Who is disabled or suspended is frozen.

    >>> from timebank.interchange.komunitin.rows import SourceRow, account_of
    >>> place = SourceRow("accounts.csv", 2, {}, ())
    >>> row = account_of(place, "QTOG0002", status="active", created="", balance="-8.75", unit=3600)
    >>> row.id, row.stated
    ('QTOG0002', -31500)
    """
    try:
        if status not in {*_ACTIVE, *_FROZEN, _CLOSED}:
            raise Fault(
                field="status", value=status, reason="is no status of an account that is known"
            )
        return ImportedAccount(
            place.line,
            _id(code, "id"),
            joined_on=_day(created, "joined_on") if created else None,
            closed=status == _CLOSED,
            frozen=status in _FROZEN,
            stated=None if balance == "" else _seconds(balance, unit, "stated"),
            columns=place.columns,
            cells=place.cells,
        )
    except Fault as fault:
        return place.quarantined(fault, moves=())


def transfer_of(
    place: SourceRow, told: TransferFields, *, unit: int
) -> ImportedTransfer | Passed | Quarantined:
    """A transfer: the payer spends, the payee earns. Only what is committed moves hours."""
    moves: tuple[tuple[str, int | None], ...] | None = None
    try:
        if told.state in PASSED:
            return Passed(place.line, told.state)
        moves = ((told.payee, None), (told.payer, None))
        if told.state != COMMITTED:
            raise Fault(
                field="state", value=told.state, reason="is no state of a transfer that is known"
            )
        seconds = _seconds(told.value, unit, "seconds")
        if seconds <= 0:
            raise Fault(field="seconds", value=str(told.value), reason="is not more than zero")
        moves = ((told.payee, seconds), (told.payer, -seconds))
        payer, payee = _id(told.payer, "spender"), _id(told.payee, "earner")
        if payer == payee:
            raise Fault(
                field="earner",
                value=payee,
                reason="is the payer as well: nobody exchanges with themselves",
            )
        return ImportedTransfer(
            place.line,
            _own_id(told.id),
            earner=payee,
            spender=payer,
            seconds=seconds,
            occurred_on=_day(told.created, "occurred_on"),
            created_at=told.created,
            note=told.description or None,
            columns=place.columns,
            cells=place.cells,
        )
    except Fault as fault:
        return place.quarantined(fault, moves)


def _own_id(id: str) -> str:
    if not id:
        raise Fault(field="id", value=id, reason="is no id: a transfer has one")
    return _id(f"{SYSTEM}:{id}", "id")


def _id(text: str, field: str) -> str:
    try:
        return identifier(text, "it")
    except InvalidRequest as error:
        raise Fault(field=field, value=text, reason=f"is no id: {error}") from None


def _seconds(value: Decimal | str, unit: int, field: str) -> int:
    if isinstance(value, str):
        if not _NUMBER.fullmatch(value):
            raise Fault(field=field, value=value, reason="is not a number like 1.25")
        value = Decimal(value)
    seconds = Fraction(value) * unit
    if seconds.denominator != 1:
        raise Fault(field=field, value=str(value), reason="is not a whole number of seconds")
    if abs(seconds) > MAX_INTEGER:
        raise Fault(field=field, value=str(value), reason="is too large")
    return seconds.numerator


def _day(text: str, field: str) -> date:
    """The day as it is written."""
    try:
        if (match := _INSTANT.fullmatch(text)) is None:
            raise ValueError
        if match[2] is not None:
            time.fromisoformat(match[2])
        return date.fromisoformat(match[1])
    except ValueError:
        raise Fault(
            field=field, value=text, reason="is not an instant like 2018-01-31T09:30:00Z"
        ) from None
