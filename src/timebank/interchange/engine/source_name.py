"""Import under another name of the source: ids begin with it, and it is a source of its own."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

import attrs

from timebank.errors import InvalidRequest
from timebank.interchange.engine.people import People
from timebank.interchange.engine.protocol import (
    ImportedReversal,
    ImportedRow,
    ImportedTransfer,
    Importer,
)

#: Names become the beginning of ids.
_NAME: Final = re.compile(r"[a-z][a-z0-9_-]{0,31}", re.ASCII)
#: Ids that begin with these are made by the library itself.
_OWN_NAMES: Final = frozenset({"due", "opening"})


def checked_name(name: str) -> str:
    """Return the name of a source.

    :raises InvalidRequest: it cannot be the beginning of ids.
    """
    if not _NAME.fullmatch(name) or name in _OWN_NAMES:
        msg = (
            "the name of a source has small letters, digits, - and _, as ids begin with it, and is "
            f"not due or opening: {name!r} cannot be one"
        )
        raise InvalidRequest(msg)
    return name


class Renamed:
    r"""An importer whose source has another name. It has all that the other importer has.

    >>> from io import BytesIO
    >>> import timebank
    >>> from timebank.interchange.engine.booking import run
    >>> from timebank.interchange.engine.source_name import Renamed
    >>> from timebank.interchange.timeoverflow import TimeOverflow
    >>> users = BytesIO(b"1,,Vera,,,,,,,\n2,,Paolo,,,,,,,\n")
    >>> transfers = BytesIO(b"1,member,2,member,5400,2018-01-17 11:35:48,garden,\n")
    >>> bank = timebank.open("memory:")
    >>> _ = run(bank, Renamed(TimeOverflow(users, transfers), "san-salvario"))
    >>> next(bank.transfers()).id[:13]
    'san-salvario:'
    """

    def __init__(self, importer: Importer, name: str) -> None:
        """Take an importer and the name.

        :raises InvalidRequest: it cannot be the beginning of ids.
        """
        self.name = checked_name(name)
        self._importer: Any = importer

    def __getattr__(self, name: str) -> Any:
        """Return what the importer has."""
        if name == "_importer":  # not made yet
            raise AttributeError(name)
        return getattr(self._importer, name)

    @property
    def bytes(self) -> int:
        """The bytes to be read; 0 where that is unknown."""
        found: int = self._importer.bytes
        return found

    @property
    def bytes_read(self) -> int:
        """The bytes that are read so far."""
        found: int = self._importer.bytes_read
        return found

    @property
    def people(self) -> People | None:
        """The people of the bank, where the importer asks for them."""
        found: People | None = self._importer.people
        return found

    @people.setter
    def people(self, people: People) -> None:
        self._importer.people = people

    def read(self) -> Iterator[tuple[str, ImportedRow]]:
        """Yield each row with the name of its file; its ids begin with the other name."""
        for file, row in self._importer.read():
            if isinstance(row, ImportedTransfer):
                yield file, attrs.evolve(row, id=self._of(row.id))
            elif isinstance(row, ImportedReversal):
                yield file, attrs.evolve(row, id=self._of(row.id), of=self._of(row.of))
            else:
                yield file, row

    def _of(self, id: str) -> str:
        before = f"{self._importer.name}:"
        return f"{self.name}:{id.removeprefix(before)}" if id.startswith(before) else id
