"""A head: its line with a root and without, and a root that is read when it is asked for."""

from __future__ import annotations

import copy
import pickle
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import timebank
from timebank.errors import InvalidRequest, StoreError
from timebank.journal.tree import EMPTY, leaf_hash, node_hash
from timebank.model import Head

digests = st.binary(min_size=32, max_size=32)
journals = st.text(st.characters(codec="utf-8", exclude_categories=("Z", "C")), min_size=1)


@given(journals, st.integers(0, 2**53), digests, digests)
def test_a_line_is_read_with_its_root_and_without(
    journal: str, sequence: int, digest: bytes, root: bytes
) -> None:
    """Heads are equal by what they have always had; the root is beside it."""
    head = Head(journal, sequence, digest)
    read = Head.of(f"{head} {root.hex()}")
    assert (head, str(head)) == (read, str(read))
    assert (root, True, f"{head} {root.hex()}") == (read.root, read.has_root, read.with_root())
    assert not Head.of(str(head)).has_root


def test_a_head_without_a_root_says_so() -> None:
    """It was made by hand, read from a line without one, or pickled."""
    with timebank.open("memory:") as bank:
        found = bank.head()
        for head in (
            Head("j1", 0, bytes(32)),
            Head.of(str(found)),
            pickle.loads(pickle.dumps(found)),  # noqa: S301 - what was pickled here
            copy.copy(found),
        ):
            assert not head.has_root
            with pytest.raises(InvalidRequest, match="this head has no root"):
                head.with_root()
        assert (True, EMPTY) == (found.has_root, found.root)


@pytest.mark.parametrize("url", ["memory:", "sqlite:///{}/bank.db"])
def test_a_root_is_that_of_the_head_whatever_came_after(url: str, tmp_path: Path) -> None:
    """It is read when it is asked for, from the bank, which may have gone on; not when closed."""
    with timebank.open(url.format(tmp_path)) as bank:
        bank.open_account("m1")
        first = bank.head()
        bank.open_account("m2")
        one, two = (leaf_hash(record.bytes) for record in bank.records())
        assert (one, node_hash(one, two)) == (first.root, bank.head().root)
        assert f"{first} {one.hex()}" == first.with_root()
        with bank.batch() as batch:
            inside = batch.head()
            assert node_hash(one, two) == inside.root
        with pytest.raises(InvalidRequest, match="batch"):
            _ = inside.root
    with pytest.raises(StoreError, match="closed"):
        _ = first.root
