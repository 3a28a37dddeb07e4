"""The driver's errors as ours: one table for SQLite."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from functools import wraps
from typing import Final, ParamSpec, TypeVar

from timebank.errors import Conflict, Corrupt, OutcomeUnknown, StoreBusy, StoreError, TimebankError

P = ParamSpec("P")
T = TypeVar("T")

_PRIMARY: Final = 0xFF
_UNIQUE: Final = {sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY, sqlite3.SQLITE_CONSTRAINT_UNIQUE}

#: Primary result code → our error and what it says.
_TABLE: Final[dict[int, tuple[type[TimebankError], str]]] = {
    sqlite3.SQLITE_BUSY: (StoreBusy, "another writer held the file for too long: try again"),
    sqlite3.SQLITE_LOCKED: (StoreBusy, "the file is locked: try again"),
    sqlite3.SQLITE_READONLY: (StoreError, "the file is read-only"),
    sqlite3.SQLITE_FULL: (StoreError, "the disk is full: nothing was written"),
    sqlite3.SQLITE_CANTOPEN: (StoreError, "the file cannot be opened"),
    sqlite3.SQLITE_NOTADB: (StoreError, "the file is not a SQLite database"),
    sqlite3.SQLITE_CORRUPT: (Corrupt, "the file is damaged"),
    sqlite3.SQLITE_IOERR: (StoreError, "the file cannot be read or written"),
}


def translated(error: sqlite3.Error) -> TimebankError:
    """Our error for one of the driver's; raise it from the original."""
    code = getattr(error, "sqlite_errorcode", None)
    if code in _UNIQUE:
        return Conflict(f"a row is there already although the lock was held: {error}")
    if code is not None and code & _PRIMARY in _TABLE:
        kind, says = _TABLE[code & _PRIMARY]
        return kind(f"{says} ({error})")
    text = str(error)
    if "decode" in text or text.startswith(("no such table", "no such column")):
        return Corrupt(f"what is stored cannot be read: {text}")
    return StoreError(f"SQLite says: {text}")


def committing(error: sqlite3.Error, id: str | None) -> TimebankError:
    """Our error for one in the middle of a commit: after a failed write nobody knows."""
    code = getattr(error, "sqlite_errorcode", 0) or 0
    if code & _PRIMARY == sqlite3.SQLITE_IOERR:
        return OutcomeUnknown(id)
    return translated(error)


def driver(function: Callable[P, T]) -> Callable[P, T]:
    """Turn the driver's errors that leave a function into ours."""

    @wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return function(*args, **kwargs)
        except sqlite3.Error as error:
            raise translated(error) from error

    return call
