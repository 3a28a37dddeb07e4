"""What the errors of PostgreSQL mean, by SQLSTATE, and by words where there is none."""

from __future__ import annotations

from typing import Final

from timebank.errors import (
    Conflict,
    Corrupt,
    InvalidRequest,
    StoreBusy,
    StoreError,
    TimebankError,
    Unavailable,
)

_NO_WRITES: Final = "the storage cannot be written to: it may be a standby"
_PREPARED: Final = (
    "a pooler does not keep a connection's prepared statements: switch them off, with "
    "prepare_threshold=none in the URL, or None on a host's own connection"
)
#: By SQLSTATE, or by its class of two characters; what is not here is a `StoreError`.
_MEANINGS: Final[dict[str, tuple[type[TimebankError], str]]] = {
    "40001": (Conflict, "two transactions crossed"),
    "40P01": (Conflict, "two transactions waited for each other"),
    "23505": (Conflict, "a key is taken"),
    "55P03": (StoreBusy, "another transaction holds the lock"),
    "57014": (StoreBusy, "the server stopped the statement, which took too long"),
    "25P03": (StoreBusy, "the server ended the transaction, which was idle for too long"),
    "25P04": (StoreBusy, "the server ended the transaction, which took too long"),
    "53300": (Unavailable, "the server has no connection left"),
    "57P03": (Unavailable, "the server is starting or stopping"),
    "25P02": (
        InvalidRequest,
        "a statement failed in the host's transaction: roll it back before anything else",
    ),
    "25006": (Unavailable, _NO_WRITES),
    "53100": (StoreError, "the disk is full"),
    "42501": (StoreError, "the server's user may not do this"),
    "42P01": (Corrupt, "a table is missing"),
    "42703": (Corrupt, "a column is missing"),
    "42P05": (StoreError, _PREPARED),
    "26000": (StoreError, _PREPARED),
    "22021": (Corrupt, "text is not UTF-8"),
    "XX": (Corrupt, "the server's files are damaged"),
    "08": (Unavailable, "the connection was lost"),
    "57": (Unavailable, "the server ended the connection"),
}
#: Of a connection that could not be made or was lost libpq gives no SQLSTATE. It may be there
#: again in a moment, unless the server refused who asks, or what they ask for. (By words, for
#: there is nothing else; said in another language it is called `Unavailable`, which is true too.)
_LOST: Final = (Unavailable, "the server cannot be reached")
_REFUSED: Final = (
    *("authentication failed", "no pg_hba.conf entry", "no password supplied", "does not exist"),
    *("not permitted to log in", "permission denied", "certificate", "does not support ssl"),
    "is not currently accepting connections",
)
#: What is known to be a rollback where a commit fails, by SQLSTATE or its class.
_ROLLED_BACK: Final = ("40001", "40P01")
_VIOLATED: Final = "23"
#: The functions of the server that refuse to begin writing on a standby, as it names them.
_OF_STANDBY: Final = ("check_XactReadOnly", "check_transaction_read_only")
#: By words: PgBouncer has one SQLSTATE for all, and a standby that of whatever is not supported.
_BY_WORDS: Final[tuple[tuple[str, type[TimebankError], str], ...]] = (
    (
        "transaction blocks not allowed",
        StoreError,
        "a pooler lends connections by the statement: it needs pool_mode = transaction, or session",
    ),
    ("read-write mode during recovery", Unavailable, _NO_WRITES),
    ("query_wait_timeout", StoreBusy, "the pooler had no connection free in its time"),
    ("no more connections allowed", Unavailable, "the pooler takes no more clients"),
)


def is_lost(state: str) -> bool:
    """Return whether a SQLSTATE means that the connection is gone."""
    return state[:2] in ("08", "57") and state != "57014"


def is_rollback(state: str) -> bool:
    """Return whether a commit that fails with a SQLSTATE is known to be a rollback."""
    return state in _ROLLED_BACK or state.startswith(_VIOLATED)


def takes_no_writes(state: str, error: Exception) -> bool:
    """Return whether the server takes no writes: a standby refuses to begin by another code."""
    function = getattr(getattr(error, "diag", None), "source_function", None)
    return state == "25006" or function in _OF_STANDBY


def meant(state: str, error: Exception, where: str) -> TimebankError:
    """Return the library's error for a driver's with a SQLSTATE, an empty one where it has none.

    >>> from timebank.storage.server.postgres_errors import meant
    >>> type(meant("40P01", Exception("deadlock detected"), "here")).__name__
    'Conflict'
    """
    said = str(error).partition("\n")[0]
    if takes_no_writes(state, error):
        return Unavailable(f"{where}: {_NO_WRITES} ({said})")
    kind, meaning = _MEANINGS.get(
        state, _MEANINGS.get(state[:2], (StoreError, "PostgreSQL failed"))
    )
    if not state and type(error).__name__ in ("OperationalError", "ConnectionTimeout"):
        kind, meaning = _LOST
        if any(word in str(error).lower() for word in _REFUSED):
            kind, meaning = StoreError, "the server refuses the connection"
    for words, its_kind, its_meaning in _BY_WORDS:
        if words in said:
            kind, meaning = its_kind, its_meaning
    return kind(f"{where}: {meaning} ({said})")
