"""CSV with the names of its columns in the first line: the cells that matter, in one order."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from timebank.errors import InvalidRequest, shown
from timebank.interchange.engine.csv_rows import Row, unreadable
from timebank.interchange.engine.report import Quarantined
from timebank.model import MAX_LABEL_CHARACTERS

#: Names of a first line that a message shows.
_MOST_SHOWN: Final = 20


class TableReader:
    r"""The rows below the first line, each with its cells in the order of `needed` and `optional`.

    An optional column that the file has not is empty in every row. Other columns are passed over.

    :raises InvalidRequest: the first line has not all that are needed, or one of them twice.

    >>> from io import BytesIO
    >>> from timebank.interchange.engine.csv_rows import Rows
    >>> from timebank.interchange.engine.headed import TableReader
    >>> rows = Rows("t.csv", BytesIO(b"hours,who\n1:30,m1\n"))
    >>> [cells for row, cells in TableReader(rows, "t.csv", ["who", "hours"], ["day"])]
    [('m1', '1:30', '')]
    """

    def __init__(
        self,
        rows: Iterable[Row | Quarantined],
        name: str,
        needed: Sequence[str],
        optional: Sequence[str] = (),
    ) -> None:
        self._rows = iter(rows)
        self._name = name
        first = next(self._rows, None)
        if isinstance(first, Quarantined):
            msg = f"{name} has no first line that can be read: {first.reason}"
            raise InvalidRequest(msg)
        #: The names of the columns.
        self.names = tuple(cell.strip() for cell in first.columns) if first else ()
        self._columns = (*needed, *optional)
        self._indexes = tuple(self._index(column, needed) for column in self._columns)

    def _index(self, column: str, needed: Sequence[str]) -> int | None:
        count = self.names.count(column)
        if count == 0 and column in needed:
            has = ", ".join(map(shown, self.names[:_MOST_SHOWN])) or "nothing"
            msg = f"{self._name} has no column {shown(column)} in its first line; it has {has}"
            raise InvalidRequest(msg)
        if count > 1:
            msg = f"{self._name} has {count} columns {shown(column)}"
            raise InvalidRequest(msg)
        return self.names.index(column) if count else None

    def __iter__(self) -> Iterator[tuple[Row, tuple[str, ...]] | Quarantined]:
        for row in self._rows:
            if isinstance(row, Quarantined):
                yield row
            elif len(row.columns) != len(self.names):
                has = f"has {len(row.columns)} columns, not {len(self.names)}"
                text = f"{shown(row.columns[0])} is how it begins: it {has}"
                yield self._quarantined(row, "row", row.columns[0], text)
            else:
                cells = tuple("" if i is None else row.columns[i] for i in self._indexes)
                yield self._fault(row, cells) or (row, cells)

    def _fault(self, row: Row, cells: tuple[str, ...]) -> Quarantined | None:
        """A cell of those that matter which is no text."""
        for column, cell in zip(self._columns, cells, strict=True):
            if (why := unreadable(cell)) is not None:
                return self._quarantined(row, column, cell, f"{shown(cell)} {why}")
        return None

    def _quarantined(self, row: Row, column: str, value: str, reason: str) -> Quarantined:
        return Quarantined(self._name, row.line, column, shortened(value), reason, row.columns)


def shortened(value: str) -> str:
    """A value as it stands in a quarantine: whole, or cut where it is long."""
    return value if len(value) <= MAX_LABEL_CHARACTERS else shown(value)
