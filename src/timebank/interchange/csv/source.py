"""The files that a mapping is used on: each with the row that names its columns."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from stat import S_ISREG
from typing import Final

from timebank.errors import InvalidRequest
from timebank.interchange.csv.keys import columns_of
from timebank.interchange.csv.mapping import Mapping
from timebank.interchange.csv.rows import Heading
from timebank.interchange.engine.csv_rows import Row
from timebank.interchange.engine.files import Source, named
from timebank.interchange.engine.quarantine import Mended, is_of_another
from timebank.interchange.engine.report import Quarantined
from timebank.interchange.sheets.headings import find_titles, first_rows, likest
from timebank.interchange.sheets.reading import Sheet

#: How many lines are read until it is told how far the reading came.
_OFTEN: Final = 64


class SourceFile:
    """A file that may be read several times, as a table of the mapping says: `where`.

    :raises InvalidRequest: it can be read only once, is no sheet, or has not the columns.
    :raises OSError: there is no file of this path.
    """

    def __init__(
        self,
        mapping: Mapping,
        where: str,
        source: Source,
        mended: Mended | None = None,
        sheet: Sheet | None = None,
    ) -> None:
        """Look for the file, so that a wrong name is found before anything is booked."""
        self.name = named(source)
        self._mapping, self._where = mapping, where
        self._part = getattr(mapping, where)
        self._mended = mended
        self._needed = _needed(mapping, where)
        if sheet is None:
            self._refuse_pipes(source)
            self.sheet = self._with_columns(_sheet_of(mapping, source))
        else:
            self.sheet = sheet
        #: The bytes of it, once.
        self.size = self.sheet.size
        #: How far all readings came.
        self.bytes_read = 0
        self.heading = self._heading()

    @classmethod
    def of(
        cls, mapping: Mapping, where: str, source: Source | None, mended: Mended | None
    ) -> SourceFile | None:
        """Return a file that was given, or `None`."""
        return None if source is None else cls(mapping, where, source, mended)

    @property
    def delimiter(self) -> str:
        """What stands between columns where rows of the file are written as CSV."""
        return self.sheet.form.delimiter or (";" if self._mapping.amounts.decimal == "," else ",")

    def rows(self, *, counted: bool = True) -> Iterator[Row | Quarantined]:
        """Yield the rows below the heading, mended ones in place of the originals."""
        before = self.bytes_read
        rows = self.sheet.rows()
        if self._mended is not None:
            rows = self._mended.replace(self.name, rows)
        first, sheet = self.heading.line, self.sheet
        for row in rows:
            if counted and not row.line % _OFTEN:
                self.bytes_read = before + sheet.bytes_read
            if row.line > first or is_of_another(row, self.name):
                yield row
        if counted:
            self.bytes_read = before + self.size

    def others(self, source: Source) -> Iterator[SourceFile]:
        """Yield the other sheets of a workbook that have the columns, if none was named."""
        if self._mapping.csv.sheet is not None or not self._needed:
            return
        for name in self.sheet.others:
            sheet = self.sheet.of_sheet(name)
            if self._titles(sheet) is not None:
                found = SourceFile(self._mapping, self._where, source, self._mended, sheet)
                found.name = f"{self.name} [{name}]"
                yield found

    # -- the heading ------------------------------------------------------------------

    def _with_columns(self, sheet: Sheet) -> Sheet:
        """Return the sheet with the delimiter, or the sheet of the workbook, that has the columns.

        Where none has, it is the sheet as it was found.
        """
        if not self._needed or self._titles(sheet) is not None:
            return sheet
        divided = [sheet.divided_by(one) for one in sheet.form.delimiters[1:]]
        is_named = self._mapping.csv.sheet is not None
        others = () if is_named else tuple(sheet.of_sheet(one) for one in sheet.others)
        return next((one for one in (*divided, *others) if self._titles(one) is not None), sheet)

    def _titles(self, sheet: Sheet) -> Row | None:
        return find_titles(sheet.rows(), self._needed, after=self._mapping.csv.first_lines)

    def _heading(self) -> Heading:
        mapping, part = self._mapping, self._part
        if not mapping.csv.header:
            return Heading.of(self.name, part, self._where, mapping, None)
        titles = self._titles(self.sheet)
        if titles is None:
            rows = list(first_rows(self.sheet.rows(), after=mapping.csv.first_lines))
            titles = likest([row for row in rows if isinstance(row, Row)], self._needed)
            bad = next((row for row in rows if isinstance(row, Quarantined)), None)
            if bad is not None and (titles is None or bad.line < titles.line):
                msg = f"{self.name} has no first line that can be read: {bad.reason}"
                raise InvalidRequest(msg)
        return Heading.of(self.name, part, self._where, mapping, titles)

    def _refuse_pipes(self, source: Source) -> None:
        if isinstance(source, str | os.PathLike):
            is_kept = S_ISREG(Path(source).stat().st_mode)
        else:
            is_kept = source.seekable()
        if not is_kept:
            msg = f"{self.name} is read more than once, as a pipe cannot be: save it as a file"
            raise InvalidRequest(msg)


def sources_of(
    mapping: Mapping, where: str, sources: Sequence[Source], mended: Mended | None
) -> tuple[SourceFile, ...]:
    """Return the files of a table of the mapping; of a workbook, each sheet that has the columns.

    :raises InvalidRequest: as `SourceFile`.
    :raises OSError: there is no file of a path.
    """
    found: list[SourceFile] = []
    for source in sources:
        first = SourceFile(mapping, where, source, mended)
        found += [first, *first.others(source)]
    return tuple(found)


def _sheet_of(mapping: Mapping, source: Source) -> Sheet:
    csv = mapping.csv
    return Sheet(
        source,
        encoding=csv.encoding,
        delimiter=csv.delimiter,
        quotes=csv.quotes,
        escape=csv.escape,
        sheet=csv.sheet,
        decimal=mapping.amounts.decimal,
    )


def _needed(mapping: Mapping, where: str) -> tuple[str, ...]:
    """Return the names of the columns that a file must have; none, where columns are numbered."""
    part = getattr(mapping, where)
    columns = (column for _, column in columns_of(part, where))
    return tuple(c for c in columns if isinstance(c, str) and c not in part.optional)
