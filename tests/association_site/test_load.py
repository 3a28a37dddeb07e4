"""Many members at once: nothing is lost, and nobody sees a page of an error."""

from __future__ import annotations

from pathlib import Path

import pytest

from association_site.load import differences, run
from association_site.projects import postgresql

pytestmark = pytest.mark.slow


@pytest.mark.servers
def test_nothing_is_lost_on_a_server(tmp_path: Path) -> None:
    """What twenty members were told in ten seconds is in the ledger, and nothing else is."""
    _check(tmp_path, postgresql())


@pytest.mark.nightly
def test_nothing_is_lost_in_a_file(tmp_path: Path) -> None:
    """As on a server; who writes waits for the others."""
    _check(tmp_path, {})


def _check(files: Path, database: dict[str, str]) -> None:
    told = run(files, database, members=20, seconds=10)
    assert [] == differences(files, database, told)
    assert {"propose, gave", "propose, received", "confirm", "decline"} <= set(told.seconds)
    assert told.books().booked
