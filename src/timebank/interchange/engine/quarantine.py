"""Write quarantined rows as CSV, to be mended there and read with the originals once more.

A line has file, line, column, value and reason, a cell in which the row can be dismissed, a
checksum, and then the cells of the row, which can be mended. In the next import the mended row is
read in place of the original, so that ids which count equal rows stay the same; one that is
dismissed is counted and passed over. The file is read as a spreadsheet saves it, in any dialect.
Which rows are quarantined is decided where they are read (in a format's own files, as
`timeoverflow/rows.py`, and `csv_rows.py`) and booked (`booking.py`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import IO, Final, TextIO
from zlib import crc32

import attrs

from timebank.errors import InvalidRequest, shown
from timebank.interchange.engine.csv_rows import Row
from timebank.interchange.engine.report import Dismissed, Quarantined
from timebank.interchange.engine.resaved import restored
from timebank.interchange.sheets.reading import Sheet
from timebank.interchange.sheets.titles import folded_title
from timebank.reports.csv_lines import csv_line, unguarded
from timebank.reports.told import in_words, told
from timebank.reports.words import language, languages, table

#: The titles of the columns before the checksum, and those of files of earlier versions.
TITLES: Final = ("file", "line", "column", "value", "reason", "dismiss")
_BEFORE: Final = TITLES[:-1]
#: In place of the checksum, where a line has the names of the columns.
NAMES: Final = "check"
#: Before a checksum, so that no spreadsheet takes it for a number.
_CHECK: Final = "c"
#: What does not dismiss a row, in the cell for it.
_NOT: Final = frozenset({"", "no", "n", "0", "false", "falso"})
_MARK: Final = "\ufeff"
#: Characters of a line: those of the longest row, and what stands before it.
_LONGEST: Final = 1_000_000


class QuarantineFile:
    r"""Writes quarantined rows to an open file, each file's names of columns before its first.

    `delimiter` stands between cells, as in the source; with `bom` a byte order mark comes first, by
    which spreadsheets know UTF-8. Titles and reasons are in the language that the program speaks.

    >>> import io
    >>> from timebank.interchange.engine.quarantine import QuarantineFile
    >>> from timebank.interchange.engine.report import Quarantined
    >>> file = io.StringIO()
    >>> quarantine = QuarantineFile(file)
    >>> bad = Quarantined("t.csv", 2, "hours", "x", "'x' is no hours", cells=("7", "x"))
    >>> quarantine.write(bad, ("id", "hours"))
    >>> print(file.getvalue().replace("\r", ""), end="")
    file,line,column,value,reason,dismiss
    t.csv,1,,,,,check,id,hours
    t.csv,2,hours,x,'x' is no hours,,c4de1dd97,7,x
    """

    def __init__(self, file: TextIO, *, delimiter: str = ",", bom: bool = False) -> None:
        self._file = file
        self._delimiter = delimiter
        self._named: set[str] = set()
        if bom:
            file.write(_MARK)
        words = table("cells", language())
        self._write([words[f"title_{title}"] for title in TITLES])

    def write(self, row: Quarantined, names: Sequence[str] = ()) -> None:
        """Write one row. `names` are those of its columns, where the file has them."""
        if names and row.cells and row.file not in self._named:
            self._named.add(row.file)
            self._write([row.file, "1", "", "", "", "", NAMES, *names])
        check = [_CHECK + _check_of(row.cells)] if row.cells else []
        reason = in_words(row.reason)
        self._write(
            [row.file, str(row.line), row.column, row.value, reason, "", *check, *row.cells]
        )

    def _write(self, cells: Iterable[str]) -> None:
        self._file.write(f"{csv_line(cells, delimiter=self._delimiter)}\r\n")


@attrs.frozen
class _MendedRow:
    """A line of a mended file: the cells of a row, and the check of the row that stood there."""

    line: int
    check: str
    cells: tuple[str, ...]
    dismissed: bool = False


class Mended:
    r"""The rows of a mended file that were changed or dismissed, to be read for the originals.

    The file may be CSV in any dialect, `.xlsx` or `.ods`. A mended row replaces only the row that
    was quarantined, also where it stands on another line now: where that has changed since, the
    mended row is itself quarantined. A cell that a spreadsheet only wrote in another way is left
    as it was. Memory grows with the rows of the file.

    >>> from io import BytesIO
    >>> from timebank.interchange.engine.csv_rows import Rows
    >>> from timebank.interchange.engine.quarantine import Mended
    >>> line = b"t.csv;2;hours;x;'x' is no hours;;c4de1dd97;7;1.5\n"
    >>> mended = Mended("bad.csv", BytesIO(b"file;line;column;value;reason;dismiss\n" + line))
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
        #: File → how many columns it has, where the names of them are given.
        self._widths: dict[str, int] = {}
        rows, self._titles = _titled(name, file)
        for row in rows:
            self._take(row)

    def _take(self, row: Row | Quarantined) -> None:
        if isinstance(row, Quarantined):
            msg = f"{self._name}, line {row.line}, cannot be read: {row.reason}"
            raise InvalidRequest(msg)
        first = len(self._titles)
        cells = [*map(unguarded, row.columns), *[""] * (first + 1 - len(row.columns))]
        if not any(cell.strip() for cell in cells):
            return
        file, line, check = cells[0], cells[1].strip(), cells[first].strip().lower()
        says = cells[first - 1].strip().casefold() if first == len(TITLES) else ""
        is_dismissed = says not in _NOT
        cells = cells[first + 1 :]
        if check == NAMES:
            while cells and not cells[-1].strip():
                cells.pop()
            self._widths[file] = len(cells)
            return
        if not check:
            cells = self._without_padding(file, cells)
        check = check.removeprefix(_CHECK) if len(check) > 8 else check.zfill(8) if check else ""  # noqa: PLR2004 - hexadecimal digits
        is_same = not cells or _check_of(cells) == check
        if is_same and not is_dismissed:
            return
        if not (line.isascii() and line.isdigit() and len(line) < 16):  # noqa: PLR2004 - an int
            msg = f"{self._name}, line {row.line}: {shown(line)} is not the number of a line"
            raise InvalidRequest(msg)
        mend = _MendedRow(row.line, check, tuple(cells), is_dismissed)
        known = self._mends.setdefault(file, {}).setdefault(int(line), mend)
        if (known.cells, known.dismissed) != (mend.cells, mend.dismissed):
            msg = (
                f"{self._name}: lines {known.line} and {row.line} mend the same row, each in "
                "another way"
            )
            raise InvalidRequest(msg)

    def _without_padding(self, file: str, cells: list[str]) -> list[str]:
        """Return the cells of a row that could not be divided: a spreadsheet fills them up."""
        while cells and not cells[-1]:
            cells.pop()
        missing = self._widths.get(file, 0) - len(cells)
        return [*cells, *[""] * missing] if cells else cells

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
        """Yield the rows of a file, mended ones in place of the originals.

        A row is found where it stood, or, where rows above it came or went, by all of its cells.
        """
        mends = dict(self._mends.get(name, {}))
        for row in rows:
            line = _line_of(row, mends) if mends else None
            yield row if line is None else self._mended(name, row, mends.pop(line))
        for line, mend in mends.items():
            yield self._stale(name, line, mend)

    def _mended(self, name: str, row: Row | Quarantined, mend: _MendedRow) -> Row | Quarantined:
        """Return a row as it was mended, or dismissed."""
        if mend.dismissed:
            there = row.columns if isinstance(row, Row) else row.cells
            return Dismissed(name, row.line, "row", "", told("dismissed"), there, moves=())
        if isinstance(row, Quarantined):
            return Row(row.line, mend.cells)
        width = len(row.columns)
        cells = [*mend.cells, *[""] * (width - len(mend.cells))]
        while len(cells) > width and not cells[-1].strip():
            cells.pop()
        kept = [restored(one, other) for one, other in zip(row.columns, cells, strict=False)]
        return Row(row.line, (*kept, *cells[width:]))

    def _stale(self, name: str, line: int, mend: _MendedRow) -> Quarantined:
        text = told("no_mended_line", line=line, file=name)
        value = mend.cells[0] if mend.cells else ""
        return Quarantined(self._name, mend.line, "row", value, text)


def _line_of(row: Row | Quarantined, mends: dict[int, _MendedRow]) -> int | None:
    """Return the line where the row stood that was mended, if it is one of these."""
    check = _check_of(row.columns) if isinstance(row, Row) else ""
    mend = mends.get(row.line)
    if mend is not None and mend.check == check:
        return row.line
    return next((line for line, one in mends.items() if check and one.check == check), None)


def is_of_another(row: Row | Quarantined, file: str) -> bool:
    """Return whether a row is not one of the file: a mended one that fits no row of it.

    Its line is that of the mended file.
    """
    return isinstance(row, Quarantined) and row.file != file


def _titled(name: str, file: IO[bytes]) -> tuple[Iterator[Row | Quarantined], tuple[str, ...]]:
    """Return the rows below the titles of a mended file, and its titles in English.

    :raises InvalidRequest: it has no such titles.
    """
    sheet = Sheet(file, longest=_LONGEST)
    known = [
        {folded_title(table("cells", code)[f"title_{title}"]): title for title in TITLES}
        for code in languages()
    ]
    for divided in (sheet, *map(sheet.divided_by, sheet.form.delimiters[1:])):
        rows = divided.rows()
        first = next(rows, None)
        cells = first.columns[: len(TITLES)] if isinstance(first, Row) else ()
        said = [folded_title(cell) for cell in cells]
        for words in known:
            titles = tuple(words.get(one, "") for one in said)
            if titles == TITLES or titles[: len(_BEFORE)] == _BEFORE:
                return rows, titles if titles == TITLES else _BEFORE
    msg = f"{name} is no file of quarantined rows: its first line is {','.join(TITLES)}"
    raise InvalidRequest(msg)


def _check_of(cells: Iterable[str]) -> str:
    """Return a checksum, which tells whether a row is still what it was."""
    row = "\x1f".join(cells)
    return f"{crc32(row.encode('utf-8', 'backslashreplace')):08x}"
