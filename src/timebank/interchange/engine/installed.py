"""Importers of other packages, by the entry-point group `timebank.importers`."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.metadata import EntryPoint
from pathlib import Path

from timebank.errors import InvalidRequest, shown
from timebank.interchange.engine.protocol import Importer
from timebank.interchange.engine.quarantine import Mended


def installed(point: EntryPoint, paths: Sequence[Path], mended: Mended | None = None) -> Importer:
    """The importer that a package offers, made for these files.

    It is called with the paths, and with `mended=` only where there is something mended.

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
