"""Trees of a few records, and proofs near the right ones."""

from __future__ import annotations

from hypothesis import strategies as st

from timebank.journal.tree import TILE, Tree, leaf_hash


def tree_of(records: list[bytes], size: int) -> Tree:
    """Our tree of the first of some records."""
    leaves = [leaf_hash(one) for one in records[:size]]

    def hashes(level: int, number: int, width: int) -> list[bytes]:
        assert level == 0
        return leaves[number * TILE :][:width]

    return Tree(size, hashes)


def changed_proofs(proof: list[bytes]) -> st.SearchStrategy[list[bytes]]:
    """A proof, and others in which a hash was changed, left out, doubled or moved."""
    many = len(proof)
    if not many:
        return st.just([]) | st.just([bytes(32)])
    place = st.integers(0, many - 1)
    return st.one_of(
        st.just(proof),
        place.map(lambda n: [*proof[:n], bytes(32), *proof[n + 1 :]]),
        place.map(lambda n: [*proof[:n], *proof[n + 1 :]]),
        place.map(lambda n: [*proof[: n + 1], *proof[n:]]),
        place.map(lambda n: [*proof[n:], *proof[:n]]),
    )
