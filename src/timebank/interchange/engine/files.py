"""Open the files that an importer is given: by paths, or open already."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from pathlib import Path
from typing import IO, TYPE_CHECKING

from timebank.interchange.engine.csv_rows import Rows

if TYPE_CHECKING:
    from timebank.interchange.engine.quarantine import Mended

Source = str | os.PathLike[str] | IO[bytes]


def named(source: Source) -> str:
    """Return the name that a file has in a report.

    >>> from io import BytesIO
    >>> from timebank.interchange.engine.files import named
    >>> named("data/users.csv"), named(BytesIO())
    ('data/users.csv', 'file')
    """
    if isinstance(source, str | os.PathLike):
        return str(Path(source))
    name = getattr(source, "name", None)
    return name if isinstance(name, str) else "file"


def opened(source: Source) -> AbstractContextManager[IO[bytes]]:
    """Open a file for reading bytes. One that was open already stays open.

    :raises OSError: it cannot be opened.
    """
    if isinstance(source, str | os.PathLike):
        return Path(source).open("rb")
    return nullcontext(source)


def size(source: Source) -> int:
    """Return the bytes of a file; 0 where they cannot be known, as of a pipe.

    :raises OSError: there is no file of this path.
    """
    if isinstance(source, str | os.PathLike):
        return Path(source).stat().st_size
    try:
        return os.fstat(source.fileno()).st_size
    except OSError:
        return 0


class CsvFiles:
    r"""The CSV files of an importer, opened together: their names, sizes and rows.

    `mended` has rows to be read instead of some of theirs.

    :raises OSError: there is no file of a path.

    >>> from tempfile import TemporaryFile
    >>> from timebank.interchange.engine.files import CsvFiles
    >>> with TemporaryFile() as file:
    ...     _ = file.write(b"m1,1:30\n"), file.seek(0)
    ...     files = CsvFiles(file)
    ...     with files.rows() as (rows,):
    ...         found = [row.columns for row in rows]
    >>> found, files.bytes, files.bytes_read
    ([('m1', '1:30')], 8, 8)
    """

    def __init__(self, *sources: Source, mended: Mended | None = None) -> None:
        self.names = tuple(map(named, sources))
        self.bytes = sum(map(size, sources))
        self._sources = sources
        self._mended = mended
        self._rows: list[Rows] = []
        if mended is not None:
            mended.fit(self.names)

    @property
    def bytes_read(self) -> int:
        """The bytes that are read so far."""
        return sum(rows.bytes_read for rows in self._rows)

    @contextmanager
    def rows(self) -> Iterator[list[Rows]]:
        """Open all files, and return the rows of each.

        :raises OSError: a file cannot be opened.
        """
        with ExitStack() as stack:
            files = [stack.enter_context(opened(source)) for source in self._sources]
            self._rows = [
                Rows(name, file, mended=self._mended)
                for name, file in zip(self.names, files, strict=True)
            ]
            yield self._rows
