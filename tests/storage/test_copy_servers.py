"""A journal carried from store to store, through both servers, and back."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest

import timebank
from servers import SERVERS, drop_database, new_database
from support import fill, sources
from timebank.bank.carrying import copy_bank
from timebank.storage import open_store


@pytest.mark.servers
def test_a_journal_goes_round_by_mariadb_and_postgresql(tmp_path: Path) -> None:
    """The same bytes, texts, salts and head at every station, and it goes on from there."""
    urls = [*map(new_database, SERVERS), f"sqlite:///{tmp_path / 'bank.db'}"]
    bank = timebank.open("memory:", **sources())
    fill(bank)
    stores = [bank.store, *(open_store(url, create=True) for url in urls)]
    for _ in range(2):
        for source, target in pairwise(stores):
            assert bank.head() == copy_bank(source, target)
        with bank.store.reader("main") as first, stores[-1].reader("main") as last:
            assert first.records(after=0, limit=999) == last.records(after=0, limit=999)
            assert first.texts(after=0, through=999) == last.texts(after=0, through=999)
        bank.open_account("m9", name="Nuova")  # the next round carries what came since
    for store in stores:
        store.close()
    for url in urls[:-1]:
        drop_database(url)
