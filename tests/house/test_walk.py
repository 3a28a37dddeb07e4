"""The roads of calls stay short: files that are crossed, Python calls that are made."""

from __future__ import annotations

import pytest

from walk import walk

#: By road: at most so many files of the library, and so many Python calls. Python 3.12 and later
#: make fewer calls, for a comprehension is none there.
LIMITS = {"transfer": (20, 66), "statement": (21, 349), "audit": (44, 1006)}


@pytest.mark.parametrize("road", LIMITS)
def test_a_road_is_as_short_as_promised(road: str) -> None:
    """A change that makes a road longer must say so here."""
    files, calls = LIMITS[road]
    found = walk(road)
    assert len(found.files) <= files, found.files
    assert found.count <= calls, sorted(found.calls.items())


def test_a_walk_counts_what_is_called() -> None:
    """The figures are of the library: a road enters the bank, and a transfer enters the fold."""
    found = walk("transfer")
    assert {"bank/writes.py", "rules/transfers.py", "journal/fold.py"} <= set(found.files)
    assert 1 == found.calls["bank/writes.py", "Writes.transfer"]
    assert found.count == sum(found.calls.values())
