r"""The tree over the records' bytes, beside the chain: roots, and proofs that fit on a page. Pure.

It is the Merkle tree of RFC 6962, section 2.1, with SHA-256: the hash of a leaf is that of a zero
byte and the record's bytes, the hash of two nodes that of a one byte and both. A proof is checked
as RFC 9162 says in sections 2.1.3.2 and 2.1.4.2. Nodes are kept in tiles of 256, as C2SP
*tlog-tiles* has them: who keeps the hash of every full tile can make any proof from at most 256
leaves and one tile for each level, besides those on the right edge.

>>> from timebank.journal.tree import leaf_hash, root_of, root_by_inclusion, node_hash
>>> a, b, c = (leaf_hash(body) for body in (b"1", b"2", b"3"))
>>> root_of([a, b, c]) == root_by_inclusion(c, index=2, size=3, proof=[node_hash(a, b)])
True
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from hashlib import sha256
from typing import Final

from timebank.errors import Corrupt, InvalidRequest
from timebank.model import RecordRow

#: How many hashes make a tile, and how many levels of the tree these span.
TILE: Final = 256
_LEVELS: Final = 8
#: The root of a tree without leaves: SHA-256 of nothing.
EMPTY: Final = sha256(b"").digest()
#: More levels than a journal can have, so more hashes than any proof.
MOST_HASHES: Final = 63

#: Returns the first hashes of a tile, by its level and number, and how many are asked for.
Tiles = Callable[[int, int, int], Sequence[bytes]]


def leaf_hash(body: bytes) -> bytes:
    """Return the hash of a leaf, from a record's bytes."""
    return sha256(b"\0" + body).digest()


def leaf_hashes(rows: Iterable[RecordRow]) -> list[bytes]:
    """Return `leaf_hash` of each of many records, by one call."""
    return [sha256(b"\0" + row.body).digest() for row in rows]


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return the hash of a node, from those of its two children."""
    return sha256(b"\1" + left + right).digest()


def root_of(leaves: Sequence[bytes]) -> bytes:
    """Return the root of a tree, from the hashes of its leaves."""
    if not leaves:
        return EMPTY
    row = list(leaves)
    while len(row) > 1:
        # A node without a sibling goes up as it is: this is the split at powers of two.
        row = _pairs(row) + (row[-1:] if len(row) % 2 else [])
    return row[0]


def _pairs(row: Sequence[bytes]) -> list[bytes]:
    """Return the hashes of the nodes over a row, two by two; an odd one at the end has none."""
    pairs = zip(row[::2], row[1::2], strict=False)
    return [sha256(b"\1" + left + right).digest() for left, right in pairs]


class Tree:
    """The tree of the first `size` records, over what is kept of it.

    `tiles` gives the hashes in a tile: those of the leaves at level 0, and above it those of
    the full tiles one level below. A full tile that is used is compared with its hash above.

    :raises Corrupt: from its methods, where what is kept does not fit together.

    >>> from timebank.journal.tree import Tree, leaf_hash
    >>> leaves = [leaf_hash(b"%d" % n) for n in range(5)]
    >>> tree = Tree(5, lambda level, number, width: leaves[:width])
    >>> len(tree.inclusion(4)), len(tree.inclusion(0)), len(tree.consistency(4))
    (1, 3, 1)
    """

    def __init__(self, size: int, tiles: Tiles) -> None:
        self.size = size
        self._tiles = tiles
        self._known: dict[tuple[int, int], Sequence[Sequence[bytes]]] = {}

    def root(self) -> bytes:
        """Return the root, 32 bytes."""
        return self._hash(0, self.size) if self.size else EMPTY

    def inclusion(self, index: int) -> list[bytes]:
        """Return the proof that the leaf at `index`, from 0, is in the tree.

        Its hashes come from that of the leaf's sibling up to that of a child of the root.

        :raises InvalidRequest: the tree has no such leaf.
        """
        if not 0 <= index < self.size:
            msg = f"a tree of {self.size} records has none at index {index}"
            raise InvalidRequest(msg).about(key="tree_leaf", size=self.size, index=index)
        proof, first, end = [], 0, self.size
        while end - first > 1:
            middle = first + _split(end - first)
            if index < middle:
                proof.append(self._hash(middle, end))
                end = middle
            else:
                proof.append(self._hash(first, middle))
                first = middle
        return proof[::-1]

    def consistency(self, old: int) -> list[bytes]:
        """Return the proof that the tree continues the one of its first `old` leaves.

        It is empty where `old` is 0 or the size itself.

        :raises InvalidRequest: the tree is smaller.
        """
        if not 0 <= old <= self.size:
            msg = f"a tree of {self.size} records continues none of {old}"
            raise InvalidRequest(msg).about(key="tree_continues", size=self.size, old=old)
        proof: list[bytes] = []
        first, end, is_whole = 0, self.size, True  # whether it is a subtree of the old tree's root
        if old == 0:
            return proof
        while old != end:
            middle = first + _split(end - first)
            if old <= middle:
                proof.append(self._hash(middle, end))
                end = middle
            else:
                proof.append(self._hash(first, middle))
                first, is_whole = middle, False
        if not is_whole:
            proof.append(self._hash(first, end))
        return proof[::-1]

    def _hash(self, first: int, end: int) -> bytes:
        """Return the hash of the node over the leaves `first` to `end`, itself excluded."""
        width = end - first
        if width & (width - 1):
            middle = first + _split(width)
            return node_hash(self._hash(first, middle), self._hash(middle, end))
        level, row = divmod(width.bit_length() - 1, _LEVELS)
        start = first >> _LEVELS * level
        return self._tile(level, start // TILE)[row][start % TILE >> row]

    def _tile(self, level: int, number: int) -> Sequence[Sequence[bytes]]:
        """Return the hashes of a tile that are in the tree, and the rows of nodes over them."""
        if (level, number) not in self._known:
            width = min(TILE, (self.size >> _LEVELS * level) - number * TILE)
            rows = [self._tiles(level, number, width)]
            if len(rows[0]) != width:
                msg = f"the tree lacks hashes of tile {number} at level {level}"
                raise damaged(msg)
            while len(row := rows[-1]) > 1:
                rows.append(_pairs(row))
            if width == TILE:
                above = self._tile(level + 1, number // TILE)[0]
                if above[number % TILE] != rows[-1][0]:
                    place = f"tile {number} at level {level}"
                    msg = f"the hash of {place} is not that of its hashes"
                    raise damaged(msg)
            self._known[level, number] = rows
        return self._known[level, number]


def damaged(what: str) -> Corrupt:
    """Return the error that what is kept of a tree does not fit together, or not the records.

    Which of the two was changed is for an audit to say: nothing is to be made anew before.
    """
    return Corrupt(f"{what}: audit the bank, before you rebuild it").about(key="tree_damaged")


def _split(width: int) -> int:
    """Return the largest power of two below a number of leaves above 1."""
    return 1 << (width - 1).bit_length() - 1


# -- what a proof comes to ---------------------------------------------------------------


def _are_no_hashes(*given: bytes) -> bool:
    """Return whether one of them has another length than a hash."""
    return any(len(one) != len(EMPTY) for one in given)


def root_by_inclusion(
    leaf: bytes, *, index: int, size: int, proof: Sequence[bytes]
) -> bytes | None:
    """Return the root to which a proof of inclusion leads; `None` where it cannot be one.

    `leaf` is the hash of the leaf, at `index` from 0 in a tree of `size`. See RFC 9162, 2.1.3.2.
    """
    if not 0 <= index < size or _are_no_hashes(leaf, *proof):
        return None
    place, last, found = index, size - 1, leaf
    for one in proof:
        if last == 0:
            return None
        if place % 2 or place == last:
            found = node_hash(one, found)
            while not place % 2 and place:
                place, last = place >> 1, last >> 1
        else:
            found = node_hash(found, one)
        place, last = place >> 1, last >> 1
    return found if last == 0 else None


def roots_by_consistency(
    old: int, size: int, proof: Sequence[bytes], *, old_root: bytes
) -> tuple[bytes, bytes] | None:
    """Return the old and the new root to which a proof leads; `None` where it cannot be one.

    `old_root` is the hash that the proof may begin with: where the old tree is a perfect one it
    is in no proof, and is returned as it is. A proof between equal sizes, or from an empty tree,
    is empty and says nothing: `None`. See RFC 9162, section 2.1.4.2.
    """
    if not 0 < old < size or _are_no_hashes(old_root, *proof):
        return None
    hashes = list(proof)
    place, last = old - 1, size - 1
    while place % 2:
        place, last = place >> 1, last >> 1
    if place == 0:
        hashes.insert(0, old_root)
    if not hashes:
        return None
    before = after = hashes[0]
    for one in hashes[1:]:
        if last == 0:
            return None
        if place % 2 or place == last:
            before, after = node_hash(one, before), node_hash(one, after)
            while not place % 2 and place:
                place, last = place >> 1, last >> 1
        else:
            after = node_hash(after, one)
        place, last = place >> 1, last >> 1
    return (before, after) if last == 0 else None
