"""Write quarantined rows as CSV, to be mended there and read with the originals once more.

A line has file, line, column, value and reason, a checksum, and then the cells of the row, which
can be mended. In the next import the mended row is read in place of the original, so that ids which
count equal rows stay the same. Which rows are quarantined is decided where they are read (in a
format's own files, as `timeoverflow/rows.py`, and `csv_rows.py`) and booked (`booking.py`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import IO, Final, TextIO
from zlib import crc32

import attrs

from timebank.errors import InvalidRequest, shown
from timebank.interchange.engine.csv_rows import Row, Rows
from timebank.interchange.engine.report import Quarantined
from timebank.reports.csv_lines import csv_line, unguarded

TITLES: Final = ("file", "line", "column", "value", "reason")
#: In place of the checksum, where a line has the names of the columns.
NAMES: Final = "check"


class QuarantineFile:
    r"""Writes quarantined rows to an open file, each file's names of columns before its first.

    >>> import io
    >>> from timebank.interchange.engine.quarantine import QuarantineFile
    >>> from timebank.interchange.engine.report import Quarantined
    >>> file = io.StringIO()
    >>> quarantine = QuarantineFile(file)
    >>> bad = Quarantined("t.csv", 2, "hours", "x", "'x' is no hours", cells=("7", "x"))
    >>> quarantine.write(bad, ("id", "hours"))
    >>> print(file.getvalue().replace("\r", ""), end="")
    file,line,column,value,reason
    t.csv,1,,,,check,id,hours
    t.csv,2,hours,x,'x' is no hours,4de1dd97,7,x
    """

    def __init__(self, file: TextIO) -> None:
        self._file = file
        self._named: set[str] = set()
        self._write(TITLES)

    def write(self, row: Quarantined, names: Sequence[str] = ()) -> None:
        """Write one row. `names` are those of its columns, where the file has them."""
        if names and row.cells and row.file not in self._named:
            self._named.add(row.file)
            self._write([row.file, "1", "", "", "", NAMES, *names])
        check = [_check_of(row.cells)] if row.cells else []
        self._write(
            [row.file, str(row.line), row.column, row.value, row.reason, *check, *row.cells]
        )

    def _write(self, cells: Iterable[str]) -> None:
        self._file.write(f"{csv_line(cells)}\r\n")


@attrs.frozen
class _MendedRow:
    """A line of a mended file: the cells of a row, and the check of the row that stood there."""

    line: int
    check: str
    cells: tuple[str, ...]


class Mended:
    r"""The rows of a mended file that were changed, to be read instead of the originals.

    A mended row replaces only the row that was quarantined: where that has changed since, the
    mended row is itself quarantined. Memory grows with the rows of the file.

    >>> from io import BytesIO
    >>> from timebank.interchange.engine.csv_rows import Rows
    >>> from timebank.interchange.engine.quarantine import Mended
    >>> line = b"t.csv,2,hours,x,'x' is no hours,4de1dd97,7,1.5\n"
    >>> mended = Mended("bad.csv", BytesIO(b"file,line,column,value,reason\n" + line))
    >>> [row.columns for row in Rows("t.csv", BytesIO(b"6,2\n7,x\n8,1\n"), mended=mended)]
    [('6', '2'), ('7', '1.5'), ('8', '1')]
    """

    def __init__(self, name: str, file: IO[bytes]) -> None:
        """Read a mended file.

        :raises InvalidRequest: it is not what a quarantine is written as.
        """
        self._name = name
        self._mends: dict[str, dict[int, _MendedRow]] = {}
        self._files: list[str] = []
        rows = iter(Rows(name, file))
        first = next(rows, None)
        titles = first.columns if isinstance(first, Row) else ()
        if tuple(title.strip() for title in titles[: len(TITLES)]) != TITLES:
            msg = f"{name} is no file of quarantined rows: its first line is {','.join(TITLES)}"
            raise InvalidRequest(msg)
        for row in rows:
            self._take(row)

    def _take(self, row: Row | Quarantined) -> None:
        if isinstance(row, Quarantined):
            msg = f"{row.file}, line {row.line}, cannot be read: {row.reason}"
            raise InvalidRequest(msg)
        columns = [*map(unguarded, row.columns), *[""] * (len(TITLES) + 1 - len(row.columns))]
        file, line, _, _, _, check, *cells = columns
        while not check and cells and not cells[-1]:
            cells.pop()  # a spreadsheet fills short lines up
        if check == NAMES or not cells or _check_of(cells) == check:
            return
        if not (line.isascii() and line.isdigit() and len(line) < 16):  # noqa: PLR2004 - an int
            msg = f"{self._name}, line {row.line}: {shown(line)} is not the number of a line"
            raise InvalidRequest(msg)
        mend = _MendedRow(row.line, check, tuple(cells))
        known = self._mends.setdefault(file, {}).setdefault(int(line), mend)
        if known.cells != mend.cells:
            msg = (
                f"{self._name}: lines {known.line} and {row.line} mend the same row, each in "
                "another way"
            )
            raise InvalidRequest(msg)

    def __len__(self) -> int:
        return sum(map(len, self._mends.values()))

    def fit(self, names: Iterable[str]) -> None:
        """Add an importer's files, and find the file of each mended row by its name.

        Where no file has the same path, the last part of it decides: files may have been moved.

        :raises InvalidRequest: several of them are called alike.
        """
        self._files.extend(names)
        fitted: dict[str, dict[int, _MendedRow]] = {}
        for file, mends in self._mends.items():
            last = Path(file).name
            found = {name for name in self._files if name == file} or {
                name for name in self._files if Path(name).name == last
            }
            name = found.pop() if found else file
            if found or name in fitted:
                msg = f"{self._name} mends rows of {shown(file)}: several files are called so"
                raise InvalidRequest(msg)
            fitted[name] = mends
        self._mends = fitted

    def finish(self) -> None:
        """Check that each row is of one of the files.

        :raises InvalidRequest: a row is of none of them.
        """
        for file in self._mends:
            if file not in self._files:
                msg = f"{self._name} mends rows of {shown(file)}, which is not among the files"
                raise InvalidRequest(msg)

    def replace(self, name: str, rows: Iterator[Row | Quarantined]) -> Iterator[Row | Quarantined]:
        """Yield the rows of a file, mended ones in place of the originals."""
        mends = dict(self._mends.get(name, {}))
        for row in rows:
            mend = mends.pop(row.line, None) if mends else None
            if mend is None:
                yield row
            elif mend.check == (_check_of(row.columns) if isinstance(row, Row) else ""):
                yield Row(row.line, mend.cells)
            else:
                yield row
                yield self._stale(name, row.line, mend)
        for line, mend in mends.items():
            yield self._stale(name, line, mend)

    def _stale(self, name: str, line: int, mend: _MendedRow) -> Quarantined:
        text = f"line {line} of {name} is not the row that was mended: the file has changed"
        return Quarantined(self._name, mend.line, "row", mend.cells[0], text)


def _check_of(cells: Iterable[str]) -> str:
    """Return a checksum, which tells whether a row is still what it was."""
    row = "\x1f".join(cells)
    return f"{crc32(row.encode('utf-8', 'backslashreplace')):08x}"
