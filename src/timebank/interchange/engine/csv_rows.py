"""Read CSV of unknown quality, row by row, in bounded memory.

Every row knows on which line it began.

A row may hold line breaks inside quotes. One that cannot be read is given as a `Quarantined`, and
reading goes on after it; nothing in a file ends the reading.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from typing import IO, TYPE_CHECKING, Any, Final, NamedTuple

from timebank.errors import InvalidRequest, WrongType, shown
from timebank.interchange.engine.cells import CellFault, shortened, unreadable
from timebank.interchange.engine.report import Quarantined
from timebank.interchange.sheets.titles import did_you_mean, folded_title, titles_of
from timebank.reports.told import told

if TYPE_CHECKING:
    from timebank.interchange.engine.quarantine import Mended

#: A longer row is refused: most often a quote was never closed.
MAX_ROW_BYTES: Final = 100_000
_MARK: Final = "\ufeff"
#: Names of a first line that a message shows.
_MOST_NAMES_SHOWN: Final = 20


class Row(NamedTuple):
    """The columns of a row, and the line of the file on which it begins, from 1."""

    line: int
    columns: tuple[str, ...]


class _TooLong(Exception):
    """A row is longer than `MAX_ROW_BYTES`."""


class _Counted(io.BufferedIOBase):
    """Gives the bytes of a file and counts them. Closed, it leaves the file open."""

    def __init__(self, file: IO[bytes]) -> None:
        self._read: Any = getattr(file, "read1", None) or file.read
        self.bytes_read = 0

    def readable(self) -> bool:
        return True

    def read1(self, size: int = -1, /) -> bytes:
        found = self._read(size)
        if not isinstance(found, bytes):
            msg = "the file must be open for reading bytes: open(path, 'rb')"
            raise WrongType(msg)
        self.bytes_read += len(found)
        return found


class _Lines:
    """The lines of a file for `csv.reader`, which may go on after an error.

    Bytes that are no letters become lone surrogates, which no valid text has, so that their column
    can be named.
    """

    def __init__(
        self, file: IO[bytes], encoding: str, errors: str, newline: str, longest: int
    ) -> None:
        self._bytes = _Counted(file)
        text = io.TextIOWrapper(self._bytes, encoding, errors, newline)  # type: ignore[type-var]  # it has all that is read
        self._next_line, self._newline, self._longest = text.readline, newline, longest
        self.read = 0
        self.characters_of_row = 0

    @property
    def bytes_read(self) -> int:
        return self._bytes.bytes_read

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        line = self._next_line(self._longest + 1)
        if not line:
            raise StopIteration
        self.read += 1
        if self.read == 1:
            line = line.removeprefix(_MARK)
        self.characters_of_row += len(line)
        if self.characters_of_row > self._longest:
            while not line.endswith(self._newline) and (line := self._next_line(self._longest + 1)):
                pass  # the rest of the line
            raise _TooLong
        return line


class Rows:
    r"""The rows of a file. Empty lines and a byte order mark are passed over.

    Bytes that are no letters of the `encoding` are kept as lone surrogates by `errors`. `newline`
    ends a line; a row has at most `longest` characters. Without `quotes` no mark holds a cell
    together; `escape` takes its meaning from the character after it.

    >>> from io import BytesIO
    >>> from timebank.interchange.engine.csv_rows import Rows
    >>> for row in Rows("f.csv", BytesIO(b'1,"two\nlines"\n\n3,"x"y\n4,5\n')):
    ...     print(row.line, getattr(row, "columns", "cannot be read"))
    1 ('1', 'two\nlines')
    4 cannot be read
    5 ('4', '5')
    """

    def __init__(
        self,
        name: str,
        file: IO[bytes],
        *,
        delimiter: str = ",",
        mended: Mended | None = None,
        encoding: str = "utf-8",
        errors: str = "surrogateescape",
        newline: str = "\n",
        quotes: bool = True,
        escape: str | None = None,
        longest: int = MAX_ROW_BYTES,
    ) -> None:
        self._name = name
        self._longest = longest
        self._lines = _Lines(file, encoding, errors, newline, longest)
        self._mended = mended
        self._reader = csv.reader(
            self._lines,
            strict=True,
            delimiter=delimiter,
            quoting=csv.QUOTE_MINIMAL if quotes else csv.QUOTE_NONE,
            escapechar=escape,
        )

    @property
    def bytes_read(self) -> int:
        """The bytes that are read so far."""
        return self._lines.bytes_read

    def __iter__(self) -> Iterator[Row | Quarantined]:
        """Yield each row as it stands in the file, or as it was mended."""
        if self._mended is None:
            return self._as_they_are()
        return self._mended.replace(self._name, self._as_they_are())

    def _as_they_are(self) -> Iterator[Row | Quarantined]:
        lines, reader = self._lines, self._reader
        while True:
            first, lines.characters_of_row = lines.read + 1, 0
            try:
                columns = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                yield self._quarantined(first, _why(error))
            except _TooLong:
                yield self._quarantined(first, told("too_long_row", most=f"{self._longest:,}"))
            else:
                if columns:
                    yield Row(first, tuple(columns))

    def _quarantined(self, first: int, reason: str) -> Quarantined:
        last = self._lines.read
        if last > first:
            reason = told("lines_of_row", reason=reason, last=last)
        return Quarantined(self._name, first, "row", "", reason)


def _why(error: csv.Error) -> str:
    """Return why a row cannot be divided into cells."""
    text = str(error)
    if "expected after" in text:
        return told("quote_in_cell")
    if "unexpected end of data" in text:
        return told("quote_open")
    return told("line_end_in_cell") if "new-line character" in text else text


def quarantined(
    file: str, row: Row, fault: CellFault, moves: tuple[tuple[str, int | None], ...] | None = None
) -> Quarantined:
    """Return a row as one that was not booked: what is wrong, and what it would have moved."""
    reason = told("cell", value=shown(fault.value), reason=fault.reason)
    value = shortened(fault.value)
    return Quarantined(file, row.line, str(fault.column), value, reason, row.columns, moves)


class TableReader:
    r"""The rows of a CSV whose first line names the columns, with the cells of some columns.

    The cells of a row are in the order of `needed` and `optional`. An optional column that the file
    has not is empty in every row. Other columns are passed over. Names are compared trimmed, and
    without regard to case. Empty cells at the end of a row are no columns; in a `padded` table they
    may be missing as well.

    :raises InvalidRequest: the first line has not all that are needed, or one of them twice.

    >>> from io import BytesIO
    >>> from timebank.interchange.engine.csv_rows import Rows, TableReader
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
        *,
        padded: bool = False,
    ) -> None:
        self._rows = iter(rows)
        self._padded = padded
        self._name = name
        first = next(self._rows, None)
        if isinstance(first, Quarantined):
            msg = f"{name} has no first line that can be read: {first.reason}"
            raise InvalidRequest(msg)
        #: The names of the columns.
        self.names = titles_of(first.columns) if first else ()
        self._titles = tuple(map(folded_title, self.names))
        #: The columns whose cells are given.
        self.columns = (*needed, *optional)
        self._indexes = tuple(self._index(column, needed) for column in self.columns)

    def _index(self, column: str, needed: Sequence[str]) -> int | None:
        count = self._titles.count(folded_title(column))
        if count == 0 and column in needed:
            has = ", ".join(map(shown, self.names[:_MOST_NAMES_SHOWN])) or "nothing"
            meant = did_you_mean(column, self.names)
            msg = (
                f"{self._name} has no column {shown(column)} in its first line; {meant}it has {has}"
            )
            raise InvalidRequest(msg).about(
                key="column_not_there", file=self._name, column=shown(column), names=has
            )
        if count > 1:
            msg = f"{self._name} has {count} columns {shown(column)}"
            raise InvalidRequest(msg)
        return self._titles.index(folded_title(column)) if count else None

    def __iter__(self) -> Iterator[tuple[Row, tuple[str, ...]] | Quarantined]:
        for row in self._rows:
            if isinstance(row, Quarantined):
                yield row
            elif (has := self._width(row)) != len(self.names):
                reason = told("columns", has=has, needs=len(self.names))
                yield quarantined(self._name, row, CellFault(row.columns[0], reason, column="row"))
            else:
                cells = tuple(self._cell(row, index) for index in self._indexes)
                yield self._unreadable(row, cells) or (row, cells)

    def _width(self, row: Row) -> int:
        """Return how many columns a row has, without empty ones beyond the last."""
        has, needs = len(row.columns), len(self.names)
        while has > needs and not row.columns[has - 1].strip():
            has -= 1
        return needs if self._padded and has < needs else has

    @staticmethod
    def _cell(row: Row, index: int | None) -> str:
        return "" if index is None or index >= len(row.columns) else row.columns[index]

    def _unreadable(self, row: Row, cells: tuple[str, ...]) -> Quarantined | None:
        """Return the row as a quarantined one, if a cell that is given is no text."""
        for column, cell in zip(self.columns, cells, strict=True):
            if (why := unreadable(cell)) is not None:
                return quarantined(self._name, row, CellFault(cell, why, column=column))
        return None
