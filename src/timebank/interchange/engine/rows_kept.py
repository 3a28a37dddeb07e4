"""Keep the rows of a source while they are compared with what was booked: in flat memory.

Rows may come from a pipe, or from files that somebody is writing to. They are read once, kept in a
temporary file that has no name, and booked from there.
"""

from __future__ import annotations

import pickle
import struct
import weakref
from collections.abc import Iterable, Iterator
from io import BytesIO
from itertools import islice
from operator import attrgetter
from tempfile import SpooledTemporaryFile
from types import MappingProxyType
from typing import Any, Final

import attrs

from timebank.interchange.engine.protocol import ImportedRow, ImportedTransfer

#: Rows that are written together: what they share, as the names of columns, is written once.
_TOGETHER: Final = 500
#: Bytes that are kept in memory; what is larger is in a file.
_IN_MEMORY: Final = 1_000_000
_LENGTH: Final = struct.Struct(">Q")
Placed = tuple[str, ImportedRow]
#: The values of a transfer, as most rows are, in the order in which it is made of them.
_values: Final = attrgetter(*(field.name for field in attrs.fields(ImportedTransfer)))


class KeptRows:
    """Rows with the names of their files, in the order in which they were added.

    >>> from timebank.interchange.engine.protocol import Passed
    >>> from timebank.interchange.engine.rows_kept import KeptRows
    >>> kept = KeptRows()
    >>> for file, row in kept.keeping([("f.csv", Passed(2, "pending"))]):
    ...     pass
    >>> list(kept)
    [('f.csv', Passed(line=2, state='pending'))]
    """

    def __init__(self) -> None:
        self._file = SpooledTemporaryFile(max_size=_IN_MEMORY)  # noqa: SIM115 - closed with this
        weakref.finalize(self, self._file.close)

    def keeping(self, rows: Iterable[Placed]) -> Iterator[Placed]:
        """Yield rows, and keep each of them."""
        waiting = iter(rows)
        while together := list(islice(waiting, _TOGETHER)):
            made = BytesIO()
            pickler = pickle.Pickler(made, pickle.HIGHEST_PROTOCOL)
            pickler.dispatch_table = {MappingProxyType: _plain, ImportedTransfer: _made_again}
            pickler.dump(together)
            self._file.write(_LENGTH.pack(made.tell()))
            self._file.write(made.getbuffer())
            yield from together

    def __iter__(self) -> Iterator[Placed]:
        """Yield the rows once more, from the first on."""
        place = 0
        while True:
            self._file.seek(place)
            if not (length := self._file.read(_LENGTH.size)):
                return
            (bytes_,) = _LENGTH.unpack(length)
            together: list[Placed] = pickle.loads(self._file.read(bytes_))  # noqa: S301 - our own
            place = self._file.tell()
            yield from together


def _made_again(row: ImportedTransfer) -> tuple[type[ImportedTransfer], tuple[Any, ...]]:
    """Return how a transfer is made again: by one call, and not field by field."""
    return ImportedTransfer, _values(row)


def _plain(mapping: MappingProxyType[str, str]) -> tuple[type[dict[str, str]], tuple[object]]:
    """Return how a mapping that cannot be pickled is made again: as a dictionary."""
    return dict, (dict(mapping),)
