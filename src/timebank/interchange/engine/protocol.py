"""The protocol of importers, which read another system's files row by row and book nothing.

An importer understands a file; `timebank.interchange.engine.booking.run` books what it
understood. An importer never opens a bank, and the engine never looks into a file.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from importlib.metadata import EntryPoint
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, Protocol, runtime_checkable

import attrs

from timebank.errors import InvalidRequest, shown
from timebank.interchange.engine.report import Quarantined

if TYPE_CHECKING:
    from timebank.interchange.engine.quarantine import Mended

#: For a row that has no such mapping.
NONE: Final[Mapping[str, str]] = MappingProxyType({})

#: The entry-point group in which a package registers its importers.
ENTRY_POINTS: Final = "timebank.importers"


@attrs.frozen
class ImportedAccount:
    """An account of the source. `stated` is its balance as the source states it, in seconds.

    An account that is `closed` in the source is closed after its history is booked.
    """

    line: int
    id: str
    kind: str = "member"
    name: str | None = None
    joined_on: date | None = None
    closed: bool = False
    stated: int | None = None
    #: Suspended in the source: frozen after the history is booked.
    frozen: bool = False
    #: Our field → the source's column, to be named where the row is refused.
    columns: Mapping[str, str] = NONE
    #: The row as it stands in the file.
    cells: tuple[str, ...] = ()


@attrs.frozen
class ImportedTransfer:
    """Hours that moved. `id` is whole, as the bank keeps it, and the same in every run.

    `created_at` is the instant as the source writes it. The transfer keeps it as its `source`,
    with the importer's name and what is in `source` here.
    """

    line: int
    id: str
    earner: str
    spender: str
    seconds: int
    occurred_on: date | None
    created_at: str = ""
    note: str | None = None
    category: str | None = None
    area: str | None = None
    tags: tuple[str, ...] = ()
    source: Mapping[str, str] = NONE
    columns: Mapping[str, str] = NONE
    cells: tuple[str, ...] = ()
    kind: str = "exchange"
    #: An account that the source has without listing it, opened before the first that needs it.
    opens: ImportedAccount | None = None


@attrs.frozen
class ImportedReversal:
    """A transfer that the source took back: `of` is the id of its `ImportedTransfer`.

    `seconds` is `None` where all that remains of it is taken back, and `occurred_on` where the
    day is that of the original. The original may come later than the reversal does.
    """

    line: int
    id: str
    of: str
    reason: str
    seconds: int | None = None
    occurred_on: date | None = None
    source: Mapping[str, str] = NONE
    columns: Mapping[str, str] = NONE
    cells: tuple[str, ...] = ()


@attrs.frozen
class Passed:
    """A row that moved no hours. It is counted under the state that the source gives it."""

    line: int
    state: str


ImportedRow = ImportedAccount | ImportedTransfer | ImportedReversal | Passed | Quarantined


@runtime_checkable
class Importer(Protocol):
    """Reads a source. All but `read` may be plain attributes.

    The names of columns in `headers`, a mapping that an importer may have of files to these, are
    written into the file of quarantined rows, above the first row of each file. Where it has an
    attribute `people`, `run` sets that before it reads; `opens_accounts` tells whether who is
    not known there gets an account. `files_of_transfers` is their number, where it is not one.
    """

    @property
    def name(self) -> str:
        """The system, with which every id begins: `komunitin` for `komunitin:7c1f…`."""

    @property
    def bytes_read(self) -> int:
        """The bytes that are read so far."""

    @property
    def bytes(self) -> int:
        """The bytes to be read; 0 where that is unknown."""

    def read(self) -> Iterator[tuple[str, ImportedRow]]:
        """Yield each row with the name of its file; an account before the rows that name it.

        It is called once in a run. Files are opened here or before. A row that cannot be
        understood is given as `Quarantined`, and none ends the reading.

        :raises InvalidRequest: a file as a whole is not what it should be: no such column.
        :raises OSError: a file cannot be read.
        """


def load_importer(
    point: EntryPoint, paths: Sequence[Path], mended: Mended | None = None
) -> Importer:
    """Return the importer that a package offers, made for these files.

    The package's callable is given the paths, and `mended=` only where rows were mended.

    :raises InvalidRequest: it cannot be loaded, or what it gives is no importer.
    :raises OSError: a file cannot be read.
    """
    try:
        make = point.load()
    except Exception as error:
        msg = f"the importer {shown(point.name)} ({point.value}) cannot be loaded: {error}"
        raise InvalidRequest(msg) from error
    importer = make(*paths) if mended is None else make(*paths, mended=mended)
    if not isinstance(importer, Importer):
        lacks = [
            name for name in ("name", "bytes", "bytes_read", "read") if not hasattr(importer, name)
        ]
        msg = f"what {point.value} gives is no importer: it has no {', '.join(lacks)}"
        raise InvalidRequest(msg)
    return importer
