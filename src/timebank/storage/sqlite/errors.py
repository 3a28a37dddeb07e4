"""The errors of SQLite, and the library's error for each."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Final

from timebank.errors import (
    Conflict,
    Corrupt,
    OutcomeUnknown,
    StoreBusy,
    StoreError,
    TimebankError,
)

#: By primary result code, the low byte; what is not here is a `StoreError`.
_MEANINGS: Final[dict[int, tuple[type[TimebankError], str]]] = {
    sqlite3.SQLITE_BUSY: (StoreBusy, "another connection holds the lock"),
    sqlite3.SQLITE_LOCKED: (StoreBusy, "another connection holds the lock"),
    sqlite3.SQLITE_CORRUPT: (Corrupt, "the file is damaged"),
    sqlite3.SQLITE_NOTADB: (Corrupt, "the file is damaged: it is no SQLite database"),
    sqlite3.SQLITE_FULL: (StoreError, "the disk is full"),
    sqlite3.SQLITE_READONLY: (StoreError, "the storage cannot be written to"),
    sqlite3.SQLITE_CANTOPEN: (StoreError, "the file cannot be opened"),
    sqlite3.SQLITE_IOERR: (StoreError, "the disk failed"),
}
_TAKEN: Final = (sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY, sqlite3.SQLITE_CONSTRAINT_UNIQUE)
#: Errors without a code of their own that a file changed by another hand gives.
_CHANGED: Final = (
    "Could not decode to UTF-8",
    "no such table: timebank_",
    "no such index: timebank_",
    "no such column: ",
)


#: What a statement may raise: where a damaged schema is told about, Python cannot decode it.
ERRORS: Final = (sqlite3.Error, UnicodeDecodeError)


#: Where a commit fails with one of these nothing was kept. With any other, a full disk among them,
#: the mark of the commit may be in the log all the same, and a recovery would find it.
_ROLLED_BACK: Final = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_CONSTRAINT)


def commit_failed(
    error: Exception, where: str, ids: Sequence[str], *, id: str | None = None
) -> TimebankError:
    """Return the error for a commit that failed, of records with these ids.

    >>> import sqlite3
    >>> from timebank.storage.sqlite.errors import commit_failed
    >>> commit_failed(sqlite3.OperationalError("disk I/O error"), "bank.db", ["t1"], id="t1").ids
    ('t1',)
    """
    if code_of(error) in _ROLLED_BACK:
        return translated(error, where)
    return OutcomeUnknown(id, ids=ids)


def code_of(error: Exception) -> int:
    """Return the primary result code; 0 where the error is the Python driver's own."""
    return extended_code_of(error) & 0xFF


def extended_code_of(error: Exception) -> int:
    """Return the extended result code; 0 where the error is the Python driver's own."""
    return int(getattr(error, "sqlite_errorcode", 0))


def translated(error: Exception, where: str) -> TimebankError:
    """The library's error for the driver's; raise it `from` that.

    >>> import sqlite3
    >>> from timebank.storage.sqlite.errors import translated
    >>> translated(sqlite3.OperationalError("no such table: timebank_records"), "bank.db")
    Corrupt('bank.db: no such table: timebank_records')
    """
    if extended_code_of(error) in _TAKEN:
        return Conflict(f"{where}: a key is taken: {error}")
    if isinstance(error, UnicodeDecodeError):
        return Corrupt(f"{where}: the file is damaged, and so is what SQLite says of it")
    if str(error).startswith(_CHANGED):
        return Corrupt(f"{where}: {error}")
    if extended_code_of(error) == sqlite3.SQLITE_BUSY_SNAPSHOT:
        return Conflict(f"{where}: another connection wrote since this transaction began to read")
    kind, meaning = _MEANINGS.get(code_of(error), (StoreError, "SQLite failed"))
    return kind(f"{where}: {meaning} ({error})")
