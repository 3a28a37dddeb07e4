"""The tree of a bank's records, from its records and the hashes of its full tiles."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager

import attrs

from timebank.errors import Corrupt
from timebank.journal.tree import TILE, Tree, leaf_hash, root_of
from timebank.model import Head, RecordRow, TileRow
from timebank.storage.protocol import Reader


def tree_at(reader: Reader, size: int) -> Tree:
    """Return the tree of the first `size` records.

    :raises Corrupt: from its methods, where records or hashes are missing or do not fit.
    """

    def hashes(level: int, number: int, width: int) -> Sequence[bytes]:
        first = number * TILE
        if level == 0:
            rows = reader.records(after=first, limit=width)
            if [row.sequence for row in rows] != [*range(first + 1, first + width + 1)]:
                msg = f"there are not all of the records from {first + 1} to {first + width}"
                raise Corrupt(msg)
            return [leaf_hash(row.body) for row in rows]
        tiles = reader.tiles(level=level - 1, after=first - 1, limit=width)
        return _hashes(tiles, first)

    return Tree(size, hashes)


def _hashes(tiles: Sequence[TileRow], first: int) -> list[bytes]:
    """Return the hashes of tiles that follow one another from `first` on."""
    if [row.tile for row in tiles] != [*range(first, first + len(tiles))]:
        return []
    return [row.hash for row in tiles]


def rooted(head: Head, open_reader: Callable[[], AbstractContextManager[Reader]]) -> Head:
    """Return the head with a root that is read when it is asked for."""

    def root() -> bytes:
        with open_reader() as reader:
            return tree_at(reader, head.sequence).root()

    return attrs.evolve(head, find_root=root)


def tiles_filled(
    reader: Reader, records: Sequence[RecordRow], pending: Sequence[TileRow] = ()
) -> list[TileRow]:
    """Return the tiles that records fill, which follow on what a reader sees.

    `pending` are tiles before them that the reader does not see yet.

    :raises Corrupt: records or hashes of before are missing.
    """
    if not records:
        return []
    first = records[0].sequence
    filled, end = (first - 1) // TILE, records[-1].sequence // TILE
    if filled == end:
        return []
    leaves = [leaf_hash(row.body) for row in records[: end * TILE - first + 1]]
    begun = first - 1 - filled * TILE
    if begun:
        before = reader.records(after=filled * TILE, limit=begun)
        leaves = [leaf_hash(row.body) for row in before] + leaves
    found: list[TileRow] = []
    level = 0
    while filled < end:
        if len(leaves) != (end - filled) * TILE:
            msg = "the tree lacks hashes of what came before: rebuild it"
            raise Corrupt(msg)
        rows = [
            TileRow(level, filled + n, root_of(leaves[n * TILE : (n + 1) * TILE]))
            for n in range(end - filled)
        ]
        found += rows
        level += 1
        begun, filled, end = filled % TILE, filled // TILE, end // TILE
        rows = rows[: end * TILE - filled * TILE - begun]
        if filled < end:
            earlier = _begun(reader, pending, level - 1, filled * TILE, begun)
            leaves = _hashes([*earlier, *rows], filled * TILE)
    return found


def _begun(
    reader: Reader, pending: Sequence[TileRow], level: int, first: int, count: int
) -> list[TileRow]:
    """Return `count` tiles of a level from `first` on: stored ones, then those that are pending."""
    stored = reader.tiles(level=level, after=first - 1, limit=count) if count else []
    return [*stored, *(row for row in pending if row.level == level and row.tile >= first)]
