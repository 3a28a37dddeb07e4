"""CSV of unknown quality, row by row: bounded memory, and every row knows where it began.

A row may hold line breaks inside quotes. One that cannot be read is given as a
`Quarantined` and reading goes on behind it; nothing in a file ends the reading.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from typing import IO, TYPE_CHECKING, Any, Final

import attrs

from timebank.errors import WrongType
from timebank.interchange.engine.report import Quarantined

if TYPE_CHECKING:
    from timebank.interchange.engine.quarantine import Mended

#: A row longer than this is no row: most often a quote that was never closed.
MAX_ROW_BYTES: Final = 100_000
_MARK: Final = b"\xef\xbb\xbf"
_SURROGATES: Final = range(0xDC80, 0xDD00)


@attrs.frozen
class Row:
    """The columns of a row, and the line of the file on which it begins, from 1."""

    line: int
    columns: tuple[str, ...]


class _TooLong(Exception):
    """The row goes on beyond `MAX_ROW_BYTES`."""


class _Lines:
    """The lines of a file for `csv.reader`, which may go on after an error.

    What is no UTF-8 becomes lone surrogates, which no valid text has, so that the
    column they stand in can be named. `bytes_read` tells how far the reading is.
    """

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.read = 0
        self.bytes_read = 0
        self.bytes_of_row = 0

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        line = self._next_bytes()
        if not line:
            raise StopIteration
        self.read += 1
        if self.read == 1:
            line = line.removeprefix(_MARK)
        self.bytes_of_row += len(line)
        if self.bytes_of_row > MAX_ROW_BYTES:
            while not line.endswith(b"\n") and (line := self._next_bytes()):
                """What belongs to the same line is passed over."""
            raise _TooLong
        return line.decode(errors="surrogateescape")

    def _next_bytes(self) -> bytes:
        line: Any = self._file.readline(MAX_ROW_BYTES + 1)
        if not isinstance(line, bytes):
            msg = "the file must be open for reading bytes: open(path, 'rb')"
            raise WrongType(msg)
        self.bytes_read += len(line)
        return line


class Rows:
    r"""The rows of a file. Empty lines are passed over, and a byte order mark.

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
    ) -> None:
        self._name = name
        self._lines = _Lines(file)
        self._delimiter = delimiter
        self._mended = mended

    @property
    def bytes_read(self) -> int:
        """How far the reading is."""
        return self._lines.bytes_read

    def __iter__(self) -> Iterator[Row | Quarantined]:
        """Each row as it stands in the file, or as it was mended."""
        if self._mended is None:
            return self._as_they_are()
        return self._mended.instead(self._name, self._as_they_are())

    def _as_they_are(self) -> Iterator[Row | Quarantined]:
        lines = self._lines
        reader = csv.reader(lines, strict=True, delimiter=self._delimiter)
        while True:
            first, lines.bytes_of_row = lines.read + 1, 0
            try:
                columns = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                yield self._quarantined(first, str(error))
            except _TooLong:
                yield self._quarantined(
                    first, f"longer than {MAX_ROW_BYTES:,} bytes: a quote may not be closed"
                )
            else:
                if columns:
                    yield Row(first, tuple(columns))

    def _quarantined(self, first: int, reason: str) -> Quarantined:
        last = self._lines.read
        if last > first:
            reason = f"{reason} (the lines up to {last} are part of it)"
        return Quarantined(self._name, first, "row", "", reason)


def unreadable(text: str) -> str | None:
    r"""Why a column's text cannot be taken as it is: it has NUL or is no UTF-8.

    >>> from timebank.interchange.engine.csv_rows import unreadable
    >>> unreadable("caff\udce8"), unreadable("caffè")
    ('is not UTF-8', None)
    """
    if "\0" in text:
        return "has a NUL character"
    if not text.isascii() and any(ord(character) in _SURROGATES for character in text):
        return "is not UTF-8"
    return None
