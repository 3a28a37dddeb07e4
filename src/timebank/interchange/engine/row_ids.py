"""Make ids for rows that have none, of what they say: the same in every run, in flat memory."""

from __future__ import annotations

from datetime import date
from hashlib import sha256
from typing import Final

from timebank.storage.temporary import Connection, temporary_database

#: Digests whose counts are kept in memory; the others are in a temporary file.
IN_MEMORY: Final = 100_000
_PUT: Final = "INSERT INTO counts VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET n = excluded.n"


class RowIds:
    """Ids from what rows say, and their ordinals among equal rows.

    >>> from timebank.interchange.engine.row_ids import RowIds
    >>> ids = RowIds("ces")
    >>> [ids.of(row)[-5:] for row in (b"1 to 2", b"1 to 3", b"1 to 2")]
    ['b31-1', '2c8-1', 'b31-2']
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._counts = _Counts()

    def of(self, row: bytes) -> str:
        """Return the id of a row. `row` has no personal text: its digest is in the id."""
        return self.of_digest(sha256(row).digest())

    def of_meaning(self, *, earner: str, spender: str, seconds: int, day: date | None) -> str:
        """Return the id of a row from what it means, however its cells are written.

        Equal rows of one file are told by their ordinal; so each file has a `RowIds` of its own,
        and a row that stands in two files has one id. The accounts are those that the row was
        first booked on; a note, which is personal, has no part in it.

        >>> from datetime import date
        >>> from timebank.interchange.engine.row_ids import RowIds
        >>> ids, day = RowIds("sheet"), date(2026, 3, 2)
        >>> ids.of_meaning(earner="m1", spender="f1", seconds=5400, day=day)
        'sheet:1422b85c004d8a4bbceeef4bc1210bae-1'
        """
        # No id has a line break, so that these separate them.
        said = f"{earner}\n{spender}\n{seconds}\n{'' if day is None else day.isoformat()}"
        return self.of_digest(sha256(said.encode()).digest())

    def of_digest(self, digest: bytes) -> str:
        """Return the id of a row from its SHA-256."""
        # Should two digests share 64 bits, the ordinal is higher than it need be, and the id is
        # still the only one.
        return f"{self._name}:{digest[:16].hex()}-{self._counts.next(digest[:8])}"


class _Counts:
    """Counts of keys of eight bytes: the recent ones in memory, all others in a file."""

    def __init__(self) -> None:
        self._recent: dict[bytes, int] = {}
        self._older: Connection | None = None

    def next(self, key: bytes) -> int:
        """Count one more of a key, and return how many there are."""
        count = self._recent.get(key)
        if count is None:
            if len(self._recent) >= IN_MEMORY:
                self._put_away()
            count = 0 if self._older is None else _counted(self._older, key)
        self._recent[key] = count = count + 1
        return count

    def _put_away(self) -> None:
        if self._older is None:
            self._older = temporary_database(self)
            self._older.execute("CREATE TABLE counts (key INTEGER PRIMARY KEY, n INTEGER)")
        self._older.execute("BEGIN")
        counts = sorted((_number(key), count) for key, count in self._recent.items())
        self._older.executemany(_PUT, counts)
        self._older.execute("COMMIT")
        self._recent.clear()


def _counted(older: Connection, key: bytes) -> int:
    row = older.execute("SELECT n FROM counts WHERE key = ?", (_number(key),)).fetchone()
    return 0 if row is None else int(row[0])


def _number(key: bytes) -> int:
    return int.from_bytes(key, "big", signed=True)
