"""Read the cells of `.xlsx` and `.ods` as texts, by the package `python-calamine`.

A file is looked through before the package reads it: one that would unpack to more than memory
should hold, or whose cells lie far apart, is refused in one line.
"""

from __future__ import annotations

import errno
import re
import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from difflib import get_close_matches
from typing import IO, Any, Final
from xml.parsers import expat
from zipfile import BadZipFile, ZipFile

import attrs

from timebank.errors import InvalidRequest, shown
from timebank.interchange.sheets.forms import ODS, XLSX

#: Bytes of a workbook when it is unpacked.
MAX_UNPACKED_BYTES: Final = 200_000_000
#: Cells of the rectangle that holds all cells of a sheet which are not empty.
MAX_CELLS: Final = 5_000_000
_CHUNK: Final = 1 << 16
#: A cell of `.xlsx` that is not empty, and where it stands.
_CELL: Final = re.compile(rb"<(?:\w+:)?c\s[^<>]*?\br=\"([A-Z]{1,3})([0-9]{1,7})\"[^<>]*(?<!/)>")
_ISO_SPAN: Final = re.compile(r"(-?)PT([0-9]+)H([0-9]+)M([0-9]+)(?:[.,]0*)?S")
_BROKEN: Final = (
    *(BadZipFile, zlib.error, expat.ExpatError, NotImplementedError, RuntimeError),
    *(EOFError, ValueError, OverflowError, struct.error),
)
#: A day with a time of day.
_INSTANT: Final = "%Y-%m-%d %H:%M:%S"


@attrs.frozen
class Workbook:
    """The sheets of a workbook that are shown and not empty, by their names."""

    kind: str
    name: str
    sheets: dict[str, Any]

    def rows(self, sheet: str, decimal: str) -> Iterator[tuple[int, tuple[str, ...]]]:
        """Yield each row that is not empty, with its number from 1; all have as many cells."""
        for number, row in enumerate(self.sheets[sheet].iter_rows(), 1):
            cells = tuple(text_of(value, decimal) for value in row)
            if any(cells):
                yield number, cells

    def named(self, sheet: str | None) -> str:
        """Return the name of a sheet; of the first, where none is given.

        :raises InvalidRequest: there is none of this name.
        """
        if sheet is None:
            return next(iter(self.sheets))
        if sheet in self.sheets:
            return sheet
        near = get_close_matches(sheet, self.sheets, 1)
        meant = f"did you mean {shown(near[0])}? " if near else ""
        has = ", ".join(map(shown, self.sheets))
        msg = f"{self.name} has no sheet {shown(sheet)} that is shown and not empty; {meant}"
        msg += f"it has {has}"
        raise InvalidRequest(msg).about(
            key="sheet_missing", file=self.name, sheet=shown(sheet), known=has
        )


def kind_of(name: str, file: IO[bytes]) -> str:
    """Return whether a packed file is `xlsx` or `ods`.

    :raises InvalidRequest: it is neither, or broken.
    """
    with _told(name, "packed file"), ZipFile(file) as archive:
        names = set(archive.namelist())
    if "xl/workbook.xml" in names:
        return XLSX
    if "content.xml" in names:
        return ODS
    msg = f"{name} is a packed file and no sheet: unpack it, or save the sheet as .xlsx or .ods"
    raise InvalidRequest(msg).about(key="file_packed", file=name)


def opened_workbook(name: str, file: IO[bytes], kind: str) -> Workbook:
    """Return the sheets of a workbook.

    :raises InvalidRequest: the package is not installed; the file is broken, has a password, or is
        too large to be read; no sheet of it is shown and has a cell.
    """
    try:
        from python_calamine import CalamineWorkbook, SheetVisibleEnum
    except ImportError as error:
        msg = f"to read {name} install python-calamine: pip install 'timebank[sheets]'"
        raise InvalidRequest(msg).about(key="sheets_package", file=name) from error
    with _told(name, f".{kind}"):
        with ZipFile(file) as archive:
            _look_through(name, archive, kind)
        file.seek(0)
        book = CalamineWorkbook.from_filelike(file)
        seen = [one.name for one in book.sheets_metadata if one.visible == SheetVisibleEnum.Visible]
        sheets = {one: book.get_sheet_by_name(one) for one in seen}
    filled = {title: found for title, found in sheets.items() if found.height and found.width}
    if not filled:
        msg = f"{name} has no sheet with a cell in it"
        raise InvalidRequest(msg).about(key="sheets_empty", file=name)
    return Workbook(kind, name, filled)


@contextmanager
def _told(name: str, what: str) -> Iterator[None]:
    """Tell in one line what makes a file unreadable."""
    try:
        yield
    except InvalidRequest:
        raise
    except OSError as error:
        if error.errno != errno.EINVAL:  # a place before the file's beginning, which it names
            raise
        msg = f"{name} is broken, and no {what} that can be read"
        raise InvalidRequest(msg).about(key="sheet_broken", file=name) from error
    except _BROKEN as error:
        msg = f"{name} is broken, and no {what} that can be read: {_first_line(error)}"
        raise InvalidRequest(msg).about(key="sheet_broken", file=name) from error
    except BaseException as error:
        # Of the package's own errors; one of them is no `Exception`, which a fault of it raises.
        if type(error).__module__.partition(".")[0] in {"python_calamine", "pyo3_runtime"}:
            locked = type(error).__name__ == "PasswordError"
            why = "it has a password" if locked else _first_line(error)
            msg = f"{name} is no {what} that can be read: {why}"
            if locked:
                raise InvalidRequest(msg).about(key="sheet_locked", file=name) from error
            raise InvalidRequest(msg).about(key="sheet_broken", file=name) from error
        raise


def _first_line(error: BaseException) -> str:
    lines = str(error).splitlines()
    return lines[0][:200] if lines else type(error).__name__


# -- before it is read -----------------------------------------------------------------


def _look_through(name: str, archive: ZipFile, kind: str) -> None:
    """Refuse a workbook that would not fit into memory. Each member is unpacked, and checked."""
    if (size := sum(one.file_size for one in archive.infolist())) > MAX_UNPACKED_BYTES:
        msg = f"{name} unpacks to {size:,} bytes, more than {MAX_UNPACKED_BYTES:,}: save it as .csv"
        raise InvalidRequest(msg)
    for member in archive.namelist():
        span = _Span(name)
        look = _seen_by(span, kind, member)
        with archive.open(member) as file:
            while chunk := file.read(_CHUNK):
                look(chunk)


def _seen_by(span: _Span, kind: str, member: str) -> Any:
    if kind == XLSX and member.startswith("xl/worksheets/") and member.endswith(".xml"):
        return span.see_xlsx
    if kind == ODS and member == "content.xml":
        return _Repeats(span).see
    return len  # nothing is to be seen: it is unpacked, which checks it


@attrs.define
class _Span:
    """How far the cells of a sheet reach."""

    name: str
    rows: int = 0
    columns: int = 0
    rest: bytes = b""

    def reach(self, row: int, column: int) -> None:
        self.rows, self.columns = max(self.rows, row), max(self.columns, column)
        if self.rows * self.columns > MAX_CELLS:
            msg = (
                f"{self.name} has cells as far as row {self.rows:,} and column {self.columns:,}: "
                "delete those that are far away, or save the sheet as .csv"
            )
            raise InvalidRequest(msg)

    def see_xlsx(self, chunk: bytes) -> None:
        """Look at the next bytes of a sheet."""
        text = self.rest + chunk
        end = text.rfind(b"<")
        # A tag that goes on for ever is no tag.
        self.rest, text = (text[end:], text[:end]) if len(text) - end < _CHUNK else (b"", text)
        # A cell that was cut off has its beginning in the rest.
        for letters, row in _CELL.findall(text):
            column = 0
            for letter in letters:
                column = column * 26 + letter - 64
            self.reach(int(row), column)


class _Repeats:
    """Follows the rows and cells of `.ods`, which may say how often they are repeated."""

    def __init__(self, span: _Span) -> None:
        self._span = span
        self._row = self._column = self._filled = 0
        self._times_row = self._times_cell = 1
        self._is_filled = False
        self._parser = expat.ParserCreate()
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end

    def see(self, chunk: bytes) -> None:
        """Look at the next bytes of the content."""
        self._parser.Parse(chunk, False)

    def _start(self, tag: str, attributes: dict[str, str]) -> None:
        kind = tag.rpartition(":")[2]
        if kind == "table":
            self._row = 0
        elif kind == "table-row":
            self._column = self._filled = 0
            self._times_row = _times(attributes, "number-rows-repeated")
        elif kind in {"table-cell", "covered-table-cell"}:
            self._times_cell = _times(attributes, "number-columns-repeated")
            self._is_filled = any(name.endswith(("value-type", "formula")) for name in attributes)
        elif kind == "p":
            self._is_filled = True

    def _end(self, tag: str) -> None:
        kind = tag.rpartition(":")[2]
        if kind in {"table-cell", "covered-table-cell"}:
            self._column += self._times_cell
            if self._is_filled:
                self._filled = self._column
        elif kind == "table-row":
            self._row += self._times_row
            if self._filled:
                self._span.reach(self._row, self._filled)


def _times(attributes: dict[str, str], name: str) -> int:
    found = next((value for key, value in attributes.items() if key.endswith(name)), "1")
    return int(found) if found.isascii() and found.isdigit() and len(found) < 9 else 1  # noqa: PLR2004 - an int


# -- cells -----------------------------------------------------------------------------


def text_of(value: Any, decimal: str) -> str:
    """Return the text of a cell: days as ISO, times as `h:mm:ss`, the shortest decimal number.

    >>> from datetime import date, time
    >>> from timebank.interchange.sheets.workbooks import text_of
    >>> text_of(1.5, ","), text_of(0.1 + 0.2, ","), text_of(date(2026, 3, 2), ",")
    ('1,5', '0,3', '2026-03-02')
    >>> text_of(time(0, 45), ",")
    '0:45:00'
    """
    if isinstance(value, str):
        found = _ISO_SPAN.fullmatch(value)
        return (
            value if found is None else f"{found[1]}{int(found[2])}:{found[3]:0>2}:{found[4]:0>2}"
        )
    if isinstance(value, bool):
        return str(value).upper()
    if isinstance(value, int | float):
        return _number(value).replace(".", decimal)
    if isinstance(value, date):
        return _instant(value) if isinstance(value, datetime) else value.isoformat()
    if isinstance(value, time):
        clock = timedelta(hours=value.hour, minutes=value.minute, seconds=value.second)
        return _span(clock + timedelta(microseconds=value.microsecond))
    return _span(value) if isinstance(value, timedelta) else str(value)


def _instant(value: datetime) -> str:
    """Return an instant to the second; a day alone at midnight."""
    whole = value.replace(microsecond=0) + timedelta(seconds=round(value.microsecond / 1e6))
    at_midnight = not (whole.hour or whole.minute or whole.second)
    return whole.date().isoformat() if at_midnight else whole.strftime(_INSTANT)


def _number(value: float) -> str:
    """Return a number of up to 15 digits, as spreadsheets count with them and show them."""
    text = f"{value:.15g}"
    return f"{Decimal(text):f}" if "e" in text else text


def _span(span: timedelta) -> str:
    """Return a time as hours, minutes and seconds: whole ones, for a cell has but a fraction."""
    minutes, seconds = divmod(round(abs(span).total_seconds()), 60)
    hours, minutes = divmod(minutes, 60)
    sign = "-" if span < timedelta(0) else ""
    return f"{sign}{hours}:{minutes:02}:{seconds:02}"
