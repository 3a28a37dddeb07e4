"""A CSV file of a mapping: read as often as need be, whatever its letters are encoded in."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from stat import S_ISREG
from typing import IO, Any

import attrs

from timebank.errors import InvalidRequest
from timebank.interchange.csv.mapping import Csv
from timebank.interchange.engine.csv_rows import Row, Rows
from timebank.interchange.engine.files import Source, named, opened
from timebank.interchange.engine.quarantine import Mended
from timebank.interchange.engine.report import Quarantined


@attrs.define
class _Decoded:
    """A file of one-byte letters as one in UTF-8; a byte that is no letter stays what it is."""

    file: IO[bytes]
    encoding: str

    def readline(self, size: int = -1) -> bytes:
        """The next line, or so many bytes of it."""
        line = self.file.readline(size)
        return line.decode(self.encoding, "surrogateescape").encode("utf-8", "surrogateescape")


@attrs.define
class SourceFile:
    """One file that may be read several times: its name in reports, and its rows.

    :raises InvalidRequest: it can be read only once.
    :raises OSError: there is no file of this path.
    """

    source: Source
    csv: Csv
    mended: Mended | None = None
    #: The bytes of it, once.
    size: int = attrs.field(init=False)
    #: How far all readings came.
    bytes_read: int = attrs.field(init=False, default=0)

    def __attrs_post_init__(self) -> None:
        """Look at the file, so that a wrong name is found before anything is booked."""
        if isinstance(self.source, str | os.PathLike):
            found = Path(self.source).stat()
            is_kept, self.size = S_ISREG(found.st_mode), found.st_size
        elif is_kept := self.source.seekable():
            self.size = self.source.seek(0, os.SEEK_END)
        if not is_kept:
            msg = f"{self.name} is read more than once, as a pipe cannot be: save it as a file"
            raise InvalidRequest(msg)

    @property
    def name(self) -> str:
        """What it is called in a report."""
        return named(self.source)

    def rows(self) -> Iterator[Row | Quarantined]:
        """The rows, from the first on, or what they were mended to."""
        before = self.bytes_read
        with opened(self.source) as file:
            if not isinstance(self.source, str | os.PathLike):
                file.seek(0)
            decoded: Any = file
            if self.csv.encoding != "utf-8":
                decoded = _Decoded(file, self.csv.encoding)
            rows = Rows(self.name, decoded, delimiter=self.csv.delimiter, mended=self.mended)
            for row in rows:
                self.bytes_read = before + rows.bytes_read
                yield row
