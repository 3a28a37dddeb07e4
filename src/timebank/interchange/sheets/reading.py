"""Read the rows of a sheet, whatever its file is: CSV in any usual form, `.xlsx`, `.ods`.

A row is always texts. One that cannot be read is given as a `Quarantined`, and the reading goes on.
Of CSV memory holds one row; a workbook is unpacked in memory, within bounds.
"""

from __future__ import annotations

import os
import weakref
from collections.abc import Iterator
from contextlib import suppress
from tempfile import SpooledTemporaryFile
from typing import IO, Any, Final

import attrs

from timebank.errors import WrongType
from timebank.interchange.engine.csv_rows import MAX_ROW_BYTES, Row, Rows
from timebank.interchange.engine.files import Source, named, opened
from timebank.interchange.engine.report import Quarantined
from timebank.interchange.sheets.forms import Form, is_packed, refuse_others, text_form
from timebank.interchange.sheets.workbooks import Workbook, kind_of, opened_workbook

AUTO: Final = "auto"
#: Bytes of what can be read only once that are kept in memory; more are in a temporary file.
_IN_MEMORY: Final = 1 << 20


class Sheet:
    r"""A sheet, of which all that is not named is found out: encoding, delimiter, line ends.

    `name` is that of the file, `form` what it is. `sheet` names one of a workbook; left out, it is
    the first that is shown and not empty, and `others` names the rest. `decimal` is the mark with
    which the numbers of a workbook are written as texts; a row of CSV has at most `longest`
    characters.

    :raises OSError: the file cannot be read.
    :raises InvalidRequest: it is no sheet, or cannot be read as a whole; or a package is missing.

    >>> from io import BytesIO
    >>> from timebank.interchange.sheets.reading import Sheet
    >>> sheet = Sheet(BytesIO(b"Giorno;Ore;Attivit\xe0\r\n2/3/2026;1,5;spesa\r\n"))
    >>> sheet.form.kind, sheet.form.encoding, sheet.form.delimiter
    ('csv', 'cp1252', ';')
    >>> [row.columns for row in sheet.rows()]
    [('Giorno', 'Ore', 'Attività'), ('2/3/2026', '1,5', 'spesa')]
    """

    def __init__(
        self,
        source: Source,
        *,
        encoding: str = AUTO,
        delimiter: str = AUTO,
        quotes: bool = True,
        escape: str | None = None,
        sheet: str | None = None,
        decimal: str = ",",
        longest: int = MAX_ROW_BYTES,
    ) -> None:
        self.name = named(source)
        self._copy: _Copy | None = None
        self._source: Any = source
        if not isinstance(source, str | os.PathLike) and not _is_seekable(source):
            self._copy = _Copy(source)
            self._source = self._copy.file
        self._quotes, self._escape, self._decimal = quotes, escape, decimal
        self._longest = longest
        self._book: Workbook | None = None
        self._rows: Rows | None = None
        self._reads_all = False
        with self._opened() as file:
            head = file.read(1 << 10)
            file.seek(0, os.SEEK_END)
            #: The bytes of the file.
            self.size: int = file.tell()
            file.seek(0)
            refuse_others(self.name, head)
            if is_packed(head):
                self.form = Form(kind=kind_of(self.name, file))
                file.seek(0)
                self._book = opened_workbook(self.name, file, self.form.kind)
            else:
                self.form = text_form(
                    file, encoding=encoding, delimiter=delimiter, quotes=quotes, escape=escape
                )
        self.sheet = "" if self._book is None else self._book.named(sheet)

    @property
    def others(self) -> tuple[str, ...]:
        """The other sheets of a workbook that are shown and not empty."""
        names = () if self._book is None else self._book.sheets
        return tuple(name for name in names if name != self.sheet)

    @property
    def bytes_read(self) -> int:
        """The bytes that the last reading has read so far."""
        if self._rows is not None:
            return self._rows.bytes_read
        return self.size if self._reads_all else 0

    def divided_by(self, delimiter: str) -> Sheet:
        """Return the same sheet with another delimiter."""
        return self._with(form=attrs.evolve(self.form, delimiters=(delimiter,)))

    def of_sheet(self, sheet: str) -> Sheet:
        """Return another sheet of the same workbook, by a name of `others`."""
        return self._with(sheet=sheet)

    def _with(self, **changes: Any) -> Sheet:
        found = object.__new__(Sheet)
        found.__dict__.update({**self.__dict__, **changes})
        return found

    def rows(self) -> Iterator[Row | Quarantined]:
        """Yield the rows from the first on.

        Lines without any character are no rows, nor is one that names the delimiter.
        """
        return self._of_text() if self._book is None else self._of_workbook(self._book)

    def _of_text(self) -> Iterator[Row | Quarantined]:
        form = self.form
        with self._opened() as file:
            self._rows = rows = Rows(
                self.name,
                file,
                delimiter=form.delimiter,
                encoding=form.encoding,
                errors=form.errors,
                newline=form.newline,
                quotes=self._quotes,
                escape=self._escape,
                longest=self._longest,
            )
            found = iter(rows)
            if form.separator_line:
                next(found, None)
            yield from found

    def _of_workbook(self, book: Workbook) -> Iterator[Row | Quarantined]:
        self._reads_all = True
        for number, cells in book.rows(self.sheet, self._decimal):
            yield Row(number, cells)

    def _opened(self) -> Any:
        if not isinstance(self._source, str | os.PathLike):
            self._source.seek(0)
        return opened(self._source)


def _is_seekable(source: IO[bytes]) -> bool:
    with suppress(AttributeError, OSError):
        return source.seekable()
    return False


class _Copy:
    """A copy of what can be read only once, as a pipe; closed when no sheet needs it any more."""

    def __init__(self, source: IO[bytes]) -> None:
        self.file: Any = SpooledTemporaryFile(_IN_MEMORY)  # noqa: SIM115 - closed at the end
        weakref.finalize(self, self.file.close)
        read: Any = source.read
        while chunk := read(_IN_MEMORY):
            if not isinstance(chunk, bytes):
                msg = "the file must be open for reading bytes: open(path, 'rb')"
                raise WrongType(msg)
            self.file.write(chunk)
