"""The tree of a journal that fills a tile of tiles: 65,536 records, in the sizes of the format."""

from __future__ import annotations

from pathlib import Path

import pytest

import timebank
from timebank.journal.tree import TILE, leaf_hash, root_by_inclusion
from timebank.storage.tree import tree_at
from timebank.testing.tiles import check_tree

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(
    "last",
    [
        pytest.param(TILE**2 - 1, id="by a call"),
        pytest.param(TILE**2 + 700, id="in a batch", marks=pytest.mark.nightly),
    ],
)
def test_a_tile_of_tiles_is_filled_by_its_last_record(tmp_path: Path, last: int) -> None:
    """By a call, in the middle of a batch, and by a rebuild; the audit says that it is right."""
    with timebank.open(f"sqlite:///{tmp_path}/bank.db") as bank:
        for id in ("m1", "m2"):
            bank.open_account(id, kind="fund")
        with bank.batch() as batch:
            for n in range(last - 2):
                batch.transfer(earner="m1", spender="m2", hours="1m", id=f"t{n}")
        for n in range(last - 2, TILE**2 + 700):
            bank.transfer(earner="m1", spender="m2", hours="1m", id=f"t{n}")
        with bank.store.reader("main") as reader:
            found = check_tree(reader)
            tree = tree_at(reader, bank.head().sequence)
            row = reader.find("t77")
            assert row is not None
            proof = tree.inclusion(row.sequence - 1)
            assert 18 >= len(proof)
            assert tree.root() == root_by_inclusion(
                leaf_hash(row.body), index=row.sequence - 1, size=tree.size, proof=proof
            )
        assert [TILE + 2, 1] == [sum(row.level == level for row in found) for level in (0, 1)]
        assert () == bank.audit().findings
        bank.rebuild()
        with bank.store.reader("main") as reader:
            assert found == check_tree(reader)
    assert TILE + 3 == len(found)
