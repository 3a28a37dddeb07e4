"""An overlay in flat memory: what was appended first is in a temporary file.

A preview of ten calls keeps them in memory; one of a hundred thousand, as a dry run of an import
is, would not fit there.
"""

from __future__ import annotations

import heapq
import pickle
from collections.abc import Iterable
from typing import Any, Final

from timebank.errors import Conflict
from timebank.model import PostingRow, RecordRow, TextRow
from timebank.storage.memory.overlay import Overlay, by_day, by_field
from timebank.storage.protocol import Batch, Reader
from timebank.storage.temporary import Connection, temporary_database

#: Records that are kept in memory; with one more, all of them go into the file.
IN_MEMORY: Final = 5_000
_TABLES: Final = """
CREATE TABLE records (
  sequence INTEGER PRIMARY KEY, id TEXT, refers_to INTEGER, row BLOB NOT NULL
);
CREATE UNIQUE INDEX records_by_id ON records (id) WHERE id IS NOT NULL;
CREATE INDEX records_by_reference ON records (refers_to) WHERE refers_to IS NOT NULL;
CREATE TABLE texts (
  sequence INTEGER, field TEXT, row BLOB NOT NULL, PRIMARY KEY (sequence, field)
) WITHOUT ROWID;
CREATE TABLE postings (
  account TEXT, version INTEGER, sequence INTEGER, day TEXT, seconds INTEGER, row BLOB NOT NULL,
  PRIMARY KEY (account, version)
) WITHOUT ROWID;
CREATE INDEX postings_by_sequence ON postings (account, sequence);
CREATE INDEX postings_by_day ON postings (account, day, version);
"""


class SpilledOverlay(Overlay):
    """Rows appended on top of a reader, of which the first are in a file, as many as they are.

    Accounts, holds and statutes stay in memory. It is not committed: `appended` has what is in
    memory alone.

    >>> from timebank.model import AccountRow
    >>> from timebank.storage import Batch, open_store
    >>> from timebank.storage.memory.spilled import SpilledOverlay
    >>> store = open_store("memory:", create=True)
    >>> store.make_bank("main", journal="j1")
    >>> with store.reader("main") as reader:
    ...     top = SpilledOverlay(reader)
    ...     row = AccountRow("m1", "member", "open", None, "inherit", "inherit", 1, None)
    ...     top.append(Batch(accounts={"m1": row}))
    ...     top.account("m1").kind
    'member'
    """

    def __init__(self, base: Reader) -> None:
        super().__init__(base)
        self._db: Connection | None = None
        self._spilled = 0

    # -- writing --------------------------------------------------------------

    def _append(self, batch: Batch) -> None:
        if batch.anew and self._db is not None:
            self._db.execute("DELETE FROM postings")
        super()._append(batch)
        if len(self.own_records) > IN_MEMORY:
            self._spill()

    def _spill(self) -> None:
        """Put away what was appended so far."""
        if self._db is None:
            self._db = temporary_database(self)
            self._db.executescript(_TABLES)
        db = self._db
        db.execute("BEGIN")
        db.executemany(
            "INSERT INTO records VALUES (?, ?, ?, ?)",
            ((one.sequence, one.id, one.refers_to, _kept(one)) for one in self.own_records),
        )
        db.executemany(
            "INSERT INTO texts VALUES (?, ?, ?)",
            (
                (one.sequence, one.field, _kept(one))
                for rows in self.own_texts.values()
                for one in rows
            ),
        )
        db.executemany(
            "INSERT INTO postings VALUES (?, ?, ?, ?, ?, ?)",
            (
                (one.account, one.version, one.sequence, one.day, one.seconds, _kept(one))
                for rows in self.own_postings.values()
                for one in rows
            ),
        )
        db.execute("COMMIT")
        self._spilled += len(self.own_records)
        for rows in (self.own_records, self.own_texts, self.own_postings):
            rows.clear()
        self._operations.clear()
        self._reversals.clear()

    def _committed(self) -> int:
        return super()._committed() - self._spilled

    def _append_text(self, text: TextRow) -> None:
        found = self._all("SELECT row FROM texts WHERE sequence = ?", text.sequence)
        if any(row.field == text.field for row in found):
            msg = f"record {text.sequence} has its text {text.field!r} already"
            raise Conflict(msg)
        super()._append_text(text)

    def _erase(self, places: Iterable[tuple[int, str]]) -> None:
        places = list(places)
        super()._erase(places)
        if self._db is not None and places:
            self._db.executemany("DELETE FROM texts WHERE sequence = ? AND field = ?", places)

    # -- reading --------------------------------------------------------------

    def _all(self, question: str, *values: object) -> list[Any]:
        """Return the rows that were put away and answer a question."""
        if self._db is None:
            return []
        return [_read(row) for (row,) in self._db.execute(question, values)]

    def records(self, *, after: int, limit: int) -> list[RecordRow]:
        """Implement `Reader.records`."""
        if self._db is None or not self._spilled:
            return super().records(after=after, limit=limit)
        below = self._base().records(after=after, limit=limit)
        if len(below) < limit:
            below += self._all(
                "SELECT row FROM records WHERE sequence > ? ORDER BY sequence LIMIT ?",
                after,
                limit - len(below),
            )
        own = (row for row in self.own_records if row.sequence > after)
        return (below + list(own))[:limit] if len(below) < limit else below

    def find(self, id: str) -> RecordRow | None:
        """Implement `Reader.find`."""
        found = self._all("SELECT row FROM records WHERE id = ?", id)
        return found[0] if found else super().find(id)

    def referring(self, sequence: int) -> list[RecordRow]:
        """Implement `Reader.referring`."""
        found = self._all("SELECT row FROM records WHERE refers_to = ? ORDER BY sequence", sequence)
        if not found:
            return super().referring(sequence)
        return sorted([*super().referring(sequence), *found], key=lambda row: row.sequence)

    def texts(self, *, after: int, through: int) -> list[TextRow]:
        """Implement `Reader.texts`."""
        found = self._all(
            "SELECT row FROM texts WHERE sequence > ? AND sequence <= ?", after, through
        )
        return sorted([*super().texts(after=after, through=through), *found], key=by_field)

    def last_posting(self, account: str, *, through: int | None = None) -> PostingRow | None:
        """Implement `Reader.last_posting`."""
        own = self.own_postings.get(account, [])
        if not own or (through is not None and own[0].sequence > through):
            found = self._all(
                "SELECT row FROM postings WHERE account = ? AND sequence <= ? "
                "ORDER BY version DESC LIMIT 1",
                account,
                self.head().sequence if through is None else through,
            )
            if found:
                last: PostingRow = found[0]
                return last
        return super().last_posting(account, through=through)

    def postings(self, account: str, *, after: int, limit: int) -> list[PostingRow]:
        """Implement `Reader.postings`."""
        found = self._all(
            "SELECT row FROM postings WHERE account = ? AND version > ? ORDER BY version LIMIT ?",
            account,
            after,
            limit,
        )
        rows = [*super().postings(account, after=after, limit=limit), *found]
        return sorted(rows, key=lambda row: row.version)[:limit]

    def postings_by_day(
        self,
        account: str,
        *,
        since: str | None = None,
        until: str | None = None,
        after: tuple[str, int] | None = None,
        newest_first: bool = False,
        limit: int,
    ) -> list[PostingRow]:
        """Implement `Reader.postings_by_day`."""
        there = super().postings_by_day(
            account, since=since, until=until, after=after, newest_first=newest_first, limit=limit
        )
        way, sign = ("DESC", "<") if newest_first else ("ASC", ">")
        edge = after or (("~", 0) if newest_first else ("", 0))
        found = self._all(
            f"SELECT row FROM postings WHERE account = ? AND day >= ? AND day <= ? "  # noqa: S608 - two words of our own
            f"AND (day, version) {sign} (?, ?) ORDER BY day {way}, version {way} LIMIT ?",
            account,
            since or "",
            until or "~",
            *edge,
            limit,
        )
        return list(heapq.merge(there, found, key=by_day, reverse=newest_first))[:limit]

    def totals(
        self, account: str, *, since: str | None = None, until: str | None = None
    ) -> tuple[int, int]:
        """Implement `Reader.totals`."""
        earned, spent = super().totals(account, since=since, until=until)
        if self._db is not None:
            found = self._db.execute(
                "SELECT coalesce(sum(CASE WHEN seconds > 0 THEN seconds END), 0), "
                "coalesce(sum(CASE WHEN seconds < 0 THEN seconds END), 0) "
                "FROM postings WHERE account = ? AND day >= ? AND day <= ?",
                (account, since or "", until or "~"),
            )
            more_earned, more_spent = found.fetchone()
            earned, spent = earned + more_earned, spent - more_spent
        return earned, spent


def _kept(row: RecordRow | TextRow | PostingRow) -> bytes:
    return pickle.dumps(row, pickle.HIGHEST_PROTOCOL)


def _read(kept: bytes) -> Any:
    return pickle.loads(kept)  # noqa: S301 - written by `_kept`, in a file that has no name
