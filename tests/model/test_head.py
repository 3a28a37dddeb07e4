"""A head: its line with a root and without, and a root that is read when it is asked for."""

from __future__ import annotations

import copy
import pickle
from pathlib import Path

import attrs
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
    """It was made by hand, read from a line without one, or is a bank's and was pickled."""
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


def test_a_root_that_was_given_goes_with_the_head() -> None:
    """Into another process, and into a copy."""
    head = Head.of(f"{Head('j1', 1, bytes(32))} {'01' * 32}")
    copies = [pickle.loads(pickle.dumps(head)), copy.copy(head), copy.deepcopy(head)]  # noqa: S301 - what was pickled here
    assert [head.with_root()] * 3 == [one.with_root() for one in copies]


def test_a_root_is_that_of_no_other_head() -> None:
    """A head that was changed by hand has the root of what it says, or none."""
    with timebank.open("memory:") as bank:
        heads = []
        for name in ("m1", "m2", "m3"):
            bank.open_account(name)
            heads.append(bank.head())
        last = heads[-1]
        for one in heads:
            same = attrs.evolve(last, sequence=one.sequence, digest=one.digest)
            assert (one, one.root) == (same, same.root)
        for changes in ({"sequence": 2}, {"sequence": 4}, {"digest": bytes(32)}, {"journal": "j2"}):
            with pytest.raises(InvalidRequest, match="is not in this journal"):
                _ = attrs.evolve(last, **changes).root


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
