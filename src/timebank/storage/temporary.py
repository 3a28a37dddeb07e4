"""Keep rows out of memory for a while: in a database that is a temporary file, and no ledger."""

from __future__ import annotations

import sqlite3
import weakref

#: A connection to such a database.
Connection = sqlite3.Connection


def temporary_database(owner: object) -> Connection:
    """Return a database in a temporary file without a name, which is gone when its owner is.

    >>> from timebank.storage.temporary import temporary_database
    >>> class Counts:
    ...     def __init__(self):
    ...         self.rows = temporary_database(self)
    >>> counts = Counts()
    >>> counts.rows.execute("SELECT 1").fetchall()
    [(1,)]
    """
    found = sqlite3.connect("", isolation_level=None, check_same_thread=False)
    weakref.finalize(owner, found.close)
    return found
