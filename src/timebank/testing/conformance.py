"""All parts of the kit, as one class to inherit."""

from __future__ import annotations

from timebank.testing.agreement import Agreement
from timebank.testing.crashes import Crashes
from timebank.testing.crossings import Crossings
from timebank.testing.declared import Declared
from timebank.testing.erasing import Erasing
from timebank.testing.faults import Faults
from timebank.testing.histories import Histories
from timebank.testing.names import Names
from timebank.testing.paging import Paging
from timebank.testing.processes import Processes
from timebank.testing.races import Races
from timebank.testing.reading import Reading
from timebank.testing.snapshots import Snapshots
from timebank.testing.tiles import Tiles
from timebank.testing.writing import Writing


class StoreConformance(
    Reading,
    Writing,
    Erasing,
    Declared,
    Snapshots,
    Names,
    Paging,
    Tiles,
    Races,
    Processes,
    Faults,
    Crashes,
    Crossings,
    Agreement,
    Histories,
    part=True,
):
    """Every promise of a store. Inherit it, say where a fresh place is, and run pytest.

    >>> from timebank.testing import StoreConformance
    >>> class TestMemory(StoreConformance):
    ...     shared = False
    ...
    ...     def new_url(self, folder):
    ...         return "memory:"
    """
