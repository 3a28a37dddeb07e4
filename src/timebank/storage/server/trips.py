"""Writers that make as few trips as they can: that of a transaction of the store's, for one.

What is known to be asked first is asked along with the lock, and the last rows are written along
with the commit, or the end of a savepoint. Each statement sees what is committed by then, as if it
had come by itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
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


class LastWriter(SqlWriter):
    """A writer that has its last rows written along with what ends its work."""

    def __init__(self, transaction: Transaction, bank: str, answers: Answers = _NONE) -> None:
        super().__init__(transaction, bank)
        #: They are true until something is appended, for the bank's row is locked.
        self._answers = dict(answers)
        #: What is to be written at the end: where the head stands before, and the SQL.
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
        """Implement `AppendsLast.append_last`; what is not so simple is appended at once.

        So is what comes behind other rows: where the head was moved meanwhile, what ends the work
        along with the last ones would keep those.
        """
        if self._last is not None:
            self._write_last()
        before = self.head().sequence
        follow = list(range(before + 1, before + 1 + len(batch.records)))
        text = None
        is_first = self.failed is None and not self.has_written
        if is_first and [row.sequence for row in batch.records] == follow:
            text = self.transaction().dialect.append_as_text(self._bank, batch, before)
        if text is None:
            self.append(batch)
        else:
            self._answers.clear()
            self._be_patient_for(batch)
            self.has_written = True
            self._last = (batch, before, text)

    def _write_last(self) -> None:
        """Write what was to be written at the end: something else comes before."""
        if self._last is not None:
            batch, self._last = self._last[0], None
            super().append(batch)


class OwnWriter(LastWriter):
    """The writer of one bank in a transaction of its store's."""

    def add_bank(self, journal: str) -> None:
        """Implement `MakesBank.add_bank`: the lock has found no row of the bank."""
        if self._head is None and self.failed is None and not self.has_rows():
            self.insert_bank(journal)
        else:
            super().add_bank(journal)

    def commit(self) -> None:
        """Commit, with what is to be written along.

        :raises Conflict: the head was not where it should be, or as `Transaction.commit`.
        :raises StoreError: the rows could not be written.
        :raises OutcomeUnknown: as `Transaction.commit`.
        """
        transaction = self.transaction()
        if self._last is None:
            self.settle()
            transaction.commit(self.ids, id=self.last_id)
            return
        records = self._last[0].records
        ids = [*self.ids, *(record.id for record in records if record.id is not None)]
        commit = partial(self._commit_with, transaction, *self._last[1:])
        transaction.end(commit, ids, id=records[-1].id)

    def _commit_with(self, transaction: Transaction, before: int, append: str) -> bool | None:
        """Write the last rows and commit; return what the server said of the commit.

        :raises TimebankError: the rows were not written, so that there was nothing to commit.
        """
        dialect, cursor = transaction.dialect, transaction.cursor
        try:
            moved, committed = dialect.commit_with(cursor, append)
        except dialect.error as error:
            if dialect.is_failed(cursor.connection):
                raise transaction.translated(error) from error
            raise  # of the commit, or nobody knows
        if not moved:
            msg = f"the head of bank {shown(self._bank)} is no longer at {before}"
            raise Conflict(msg)
        return committed
