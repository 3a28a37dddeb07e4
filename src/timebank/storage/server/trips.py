"""The writer of a transaction that a store has begun itself: it makes as few trips as it can.

What is known to be asked first is asked along with the lock, and the last rows are written along
with the commit. Each statement sees what is committed by then, as if it had come by itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from timebank.errors import Conflict, shown
from timebank.model import Head
from timebank.storage.protocol import Batch
from timebank.storage.server.dialect import Question
from timebank.storage.server.rows import SqlWriter, Transaction
from timebank.storage.tables import Queries

#: What is asked along with the lock.
Answers = Mapping[Question, list[tuple[Any, ...]]]
_NONE: Final[Answers] = {}


def questions_of(
    queries: Queries, bank: str, *, after: int | None, limit: int, id: str | None
) -> list[Question]:
    """Return what a writer will ask that looks at the records behind one, and for an id."""
    asked: list[Question] = []
    if after is not None:
        asked.append((queries.records, (bank, after, limit)))
    if id is not None:
        asked.append((queries.find, (bank, id)))
    return asked


class OwnWriter(SqlWriter):
    """The writer of one bank in a transaction of its store's."""

    def __init__(self, transaction: Transaction, bank: str, answers: Answers = _NONE) -> None:
        super().__init__(transaction, bank)
        #: They are true until something is appended, for the bank's row is locked.
        self._answers = dict(answers)
        #: What is to be written along with the commit: where the head stands before, and the SQL.
        self._last: tuple[Batch, int, str] | None = None

    def _fetch(self, sql: str, values: tuple[object, ...]) -> list[tuple[Any, ...]]:
        """Return what was asked along with the lock, or ask now."""
        if self._last is not None:
            self._write_last()
        if self._answers and self.failed is None:
            found = self._answers.pop((sql, values), None)
            if found is not None:
                self.transaction()
                return found
        return super()._fetch(sql, values)

    def head(self) -> Head:
        """Implement `Reader.head`."""
        if self._last is not None:
            self._write_last()
        return super().head()

    def append(self, batch: Batch) -> None:
        """Implement `Writer.append`."""
        if self._last is not None:
            self._write_last()
        self._answers.clear()
        super().append(batch)

    def append_last(self, batch: Batch) -> None:
        """Implement `AppendsLast.append_last`; what is not so simple is appended at once."""
        if self._last is not None:
            self._write_last()
        before = self.head().sequence
        follow = range(before + 1, before + 1 + len(batch.records))
        text = None
        if self.failed is None and [row.sequence for row in batch.records] == list(follow):
            text = self.transaction().dialect.append_as_text(self._bank, batch, before)
        if text is None:
            self.append(batch)
        else:
            self._answers.clear()
            self._last = (batch, before, text)

    def _write_last(self) -> None:
        """Write what was to be written with the commit: something else comes before."""
        if self._last is not None:
            batch, self._last = self._last[0], None
            super().append(batch)

    def commit(self) -> bool:
        """Commit, with what is to be written along, and return whether the server did.

        :raises Conflict: the head was not where it should be.
        """
        transaction = self.transaction()
        dialect, cursor = transaction.dialect, transaction.cursor
        if self._last is None:
            return dialect.commit(cursor)
        batch, before, text = self._last
        self.last_id = batch.records[-1].id
        try:
            moved, committed = dialect.commit_with(cursor, text)
        except dialect.error as error:
            if dialect.is_failed(cursor.connection):  # by the statement before the commit
                raise transaction.translated(error) from error
            raise
        if not moved:
            msg = f"the head of bank {shown(self._bank)} is no longer at {before}"
            raise Conflict(msg)
        return committed
