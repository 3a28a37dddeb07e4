"""Notice the write-ahead log of a file that was replaced, before it is applied to the new one.

SQLite knows a log by its name alone. Who puts a backup where a bank was, and leaves the log
beside it, has the newest pages of the old file written over those of the backup by whoever opens
it next, and that cannot be undone. So a file with a log is looked at without it and with it, by
connections that write nothing: a bank's journal has one id, and its records never change.
"""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Final

from timebank.errors import StoreError
from timebank.storage.sqlite.connections import Use, connect
from timebank.storage.sqlite.errors import ERRORS, code_of
from timebank.storage.sqlite.files import has_bytes

#: How SQLite fails on pages that do not belong together.
_DAMAGED: Final = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)

#: So many banks of a file are looked at.
_BANKS: Final = "SELECT bank, journal FROM timebank_banks ORDER BY bank LIMIT 50"
_LAST: Final = """SELECT sequence, digest FROM timebank_records WHERE bank = ?
    ORDER BY sequence DESC LIMIT 1"""
_JOURNAL: Final = "SELECT journal FROM timebank_banks WHERE bank = ?"
_DIGEST: Final = "SELECT digest FROM timebank_records WHERE bank = ? AND sequence = ?"

#: By bank: the journal's id, and the last record's sequence and digest.
_Heads = dict[str, tuple[str, int, bytes]]


def check_log(file: Path, *, timeout_seconds: float) -> None:
    """Check that the log beside a file, if there is one, goes with it; nothing is changed.

    Where that cannot be told, as while the log is being written into the file, nothing is said.

    :raises StoreError: it is the log of another file, or of one that is gone.
    """
    real = os.path.realpath(file)
    if not has_bytes(f"{real}-wal"):
        return
    # Looked at after the log: whoever makes a file has written to it before there is a log.
    if not has_bytes(real):
        raise _left_alone(real)
    uri = Path(real).as_uri()
    with Use():
        alone = _heads(f"{uri}?mode=ro&immutable=1", timeout_seconds)
        if not alone or _go_together(f"{uri}?mode=ro", alone, timeout_seconds):
            return
    name = os.path.basename(real)  # noqa: PTH119 - as above
    msg = (
        f"{real}-wal is the log of another file, which was there before {name}: together they "
        f"would be damage. Nothing was changed. End all programs that have {name} open, move "
        f"{name}-wal and {name}-shm away, which have what was last recorded in the old file, and "
        "open it again"
    )
    raise StoreError(msg)


def is_sound(path: str, *, timeout_seconds: float) -> bool:
    """Return whether a file with its log is a database, as somebody who opens it now reads it.

    This reads all of it. What another program writes meanwhile is no matter.
    """
    uri = f"{Path(os.path.realpath(path)).as_uri()}?mode=ro"
    try:
        with (
            Use(),
            closing(connect(uri, synchronous="full", timeout_seconds=timeout_seconds)) as found,
        ):
            return bool(found.execute("PRAGMA quick_check(1)").fetchone() == ("ok",))
    except ERRORS:
        return False


def _left_alone(file: str) -> StoreError:
    """Return the error for the log of a file that is gone: SQLite deletes it with a new one."""
    return StoreError(
        f"{file} is missing or empty, and {file}-wal has what was last recorded in the file that "
        f"was there. Put that back to read it, or move {file}-wal and -shm away to begin anew"
    )


def _heads(uri: str, timeout_seconds: float) -> _Heads:
    """Return the heads of the banks of a file, without its log; none where it cannot be read."""
    found: _Heads = {}
    try:
        with closing(connect(uri, synchronous="full", timeout_seconds=timeout_seconds)) as alone:
            for bank, journal in alone.execute(_BANKS).fetchall():
                last = alone.execute(_LAST, (bank,)).fetchone()
                if last is not None:
                    found[bank] = (journal, *last)
    except ERRORS:
        return {}
    return found


def _go_together(uri: str, heads: _Heads, timeout_seconds: float) -> bool:
    """Return whether a file with its log has the banks, and the records, that it has alone."""
    try:
        with closing(connect(uri, synchronous="full", timeout_seconds=timeout_seconds)) as both:
            for bank, (journal, sequence, digest) in heads.items():
                both.execute(_LAST, (bank,)).fetchone()
                if both.execute(_JOURNAL, (bank,)).fetchone() != (journal,):
                    return False
                if both.execute(_DIGEST, (bank, sequence)).fetchone() != (digest,):
                    return False
    except ERRORS as error:
        return code_of(error) not in _DAMAGED and not str(error).startswith("no such table")
    return True
