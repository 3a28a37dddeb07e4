"""Quarantine rows that a bank refused: the column to blame, and what would have moved."""

from __future__ import annotations

from typing import Final

from timebank.errors import (
    AccountNotFound,
    AccountNotOpen,
    IdempotencyMismatch,
    InvalidHours,
    OverReversed,
    TimebankError,
    shown,
)
from timebank.interchange.engine.protocol import ImportedAccount, ImportedReversal, ImportedTransfer
from timebank.interchange.engine.report import Quarantined
from timebank.model import MAX_LABEL_CHARACTERS
from timebank.reports.told import refused_by

#: What a message of `InvalidRequest` begins with → the field that it is about.
_FIELDS: Final = {
    "id": "id",
    "ids": "id",
    "earner": "earner",
    "spender": "spender",
    "category": "category",
    "area": "area",
    "note": "note",
    "tag": "tags",
    "source": "source",
}
Moves = tuple[tuple[str, int | None], ...]


def refused(
    file: str,
    row: ImportedAccount | ImportedTransfer | ImportedReversal,
    error: TimebankError,
    *,
    original: Moves | None = None,
) -> Quarantined:
    """Return a row that a bank refused as a quarantined one.

    `original` is what the transfer moved that the row takes back.

    >>> from datetime import date
    >>> from timebank import AccountNotFound
    >>> from timebank.interchange.engine.protocol import ImportedTransfer
    >>> from timebank.interchange.engine.refusals import refused
    >>> row = ImportedTransfer(
    ...     7, "ces:1", earner="m1", spender="m9", seconds=60, occurred_on=date(2026, 3, 2),
    ...     columns={"spender": "buyer"},
    ... )
    >>> str(refused("trades.csv", row, AccountNotFound("m9")))
    "trades.csv:7: buyer: no account 'm9' in this bank"
    """
    field, value = _blamed(row, error)
    column = row.columns.get(field, "row" if field == "id" else field)
    if len(value) > MAX_LABEL_CHARACTERS:
        value = shown(value)
    moves: Moves | None = ()
    if isinstance(row, ImportedTransfer):
        moves = ((row.earner, row.seconds), (row.spender, -row.seconds))
    elif isinstance(row, ImportedReversal):
        moves = _taken_back(row, original)
    return Quarantined(file, row.line, column, value, refused_by(error), row.cells, moves)


def _blamed(
    row: ImportedAccount | ImportedTransfer | ImportedReversal, error: TimebankError
) -> tuple[str, str]:
    """Return the field to blame, and its value."""
    if isinstance(row, ImportedAccount) or isinstance(error, IdempotencyMismatch):
        return "id", row.id
    if isinstance(row, ImportedReversal):
        if isinstance(error, OverReversed | InvalidHours) and row.seconds is not None:
            return "seconds", str(row.seconds)
        return "of", row.of
    return _blamed_of_transfer(row, error)


def _blamed_of_transfer(row: ImportedTransfer, error: TimebankError) -> tuple[str, str]:
    if isinstance(error, AccountNotOpen):
        return ("spender" if error.role == "spender" else "earner"), error.account
    if isinstance(error, AccountNotFound):
        return ("spender" if error.account == row.spender else "earner"), error.account
    if isinstance(error, InvalidHours):
        return "seconds", str(row.seconds)
    named = str(error).partition(" ")[0]
    if named in _FIELDS:
        found = getattr(row, _FIELDS[named])
        return _FIELDS[named], found if isinstance(found, str) else ""
    return "occurred_on", row.created_at or str(row.occurred_on or "")


def _taken_back(row: ImportedReversal, original: Moves | None) -> Moves | None:
    """Return the opposite of what the original moved, exactly where it had two sides."""
    if original is None:
        return None
    if row.seconds is None:
        return tuple((account, None if moved is None else -moved) for account, moved in original)
    if len(original) != 2:  # noqa: PLR2004 - an earner and a spender
        return tuple((account, None) for account, _ in original)
    return tuple(
        (account, None if moved is None else (-row.seconds if moved > 0 else row.seconds))
        for account, moved in original
    )
