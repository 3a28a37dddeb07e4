"""The files that an importer is given: a path, or a file that is open already."""

from __future__ import annotations

import os
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import IO

Source = str | os.PathLike[str] | IO[bytes]


def named(source: Source) -> str:
    """The name that a file has in a report.

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
    """The file open for reading bytes. One that was open already stays so.

    :raises OSError: it cannot be opened.
    """
    if isinstance(source, str | os.PathLike):
        return Path(source).open("rb")
    return nullcontext(source)


def size(source: Source) -> int:
    """The bytes of a file; 0 where they cannot be known, as of a pipe.

    :raises OSError: there is no file of this path.
    """
    if isinstance(source, str | os.PathLike):
        return Path(source).stat().st_size
    try:
        return os.fstat(source.fileno()).st_size
    except OSError:
        return 0
