"""The tree of a bank's records, from its records and the hashes of its full tiles."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager

import attrs

from timebank.errors import InvalidRequest
from timebank.journal.tree import EMPTY, TILE, Tree, damaged, leaf_hashes, root_of
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
                what = f"there are not all of the records from {first + 1} to {first + width}"
                raise damaged(what)
            return leaf_hashes(rows)
        tiles = reader.tiles(level=level - 1, after=first - 1, limit=width)
        return _hashes(tiles, first)

    return Tree(size, hashes)


def _hashes(tiles: Sequence[TileRow], first: int) -> list[bytes]:
    """Return the hashes of tiles that follow one another from `first` on; none if they cannot be.

    A hash of another length would be hashed like any other, and give a root that nobody can prove.
    """
    known = [row.tile for row in tiles if len(row.hash) == len(EMPTY)]
    if known != [*range(first, first + len(tiles))]:
        return []
    return [row.hash for row in tiles]


def rooted(head: Head, open_reader: Callable[[], AbstractContextManager[Reader]]) -> Head:
    """Return the head with a root that is read when it is asked for.

    It is refused where the records are then others, as after a rollback: it would not be theirs.
    """

    def root(of: Head) -> bytes:
        with open_reader() as reader:
            _check_there(reader, of)
            return tree_at(reader, of.sequence).root()

    return attrs.evolve(head, find_root=root)


def _check_there(reader: Reader, head: Head) -> None:
    """Check that a head is in a journal.

    :raises InvalidRequest: it is not.
    """
    now, first = reader.head(), head.sequence - 1
    if now != head and head.sequence:
        rows = reader.records(after=first, limit=1)
        digests = [row.digest for row in rows if row.sequence == head.sequence]
        if digests != [head.digest] or now.journal != head.journal:
            msg = (
                f"the head of {head.sequence} records is not in this journal: it was rolled back, "
                "or it is of another one"
            )
            raise InvalidRequest(msg).about(key="head_gone", size=head.sequence)


def tiles_filled(
    reader: Reader, records: Sequence[RecordRow], pending: Sequence[TileRow] = ()
) -> list[TileRow]:
    """Return the tiles that records fill, which follow on what a reader sees.

    `pending` are tiles before them that the reader does not see yet.

    :raises Corrupt: records or hashes of before are missing, or tiles are there that nothing fills.
    """
    if not records:
        return []
    first = records[0].sequence
    filled, end = (first - 1) // TILE, records[-1].sequence // TILE
    if filled == end:
        return []
    leaves = leaf_hashes(records[: end * TILE - first + 1])
    begun = first - 1 - filled * TILE
    if begun:
        before = reader.records(after=filled * TILE, limit=begun)
        leaves = leaf_hashes(before) + leaves
    found: list[TileRow] = []
    level = 0
    while filled < end:
        if len(leaves) != (end - filled) * TILE:
            msg = "the tree lacks hashes of what came before"
            raise damaged(msg)
        beyond = reader.tiles(level=level, after=filled - 1, limit=1)
        if beyond and beyond[0].tile < end and reader.head().sequence < first:
            place = f"tile {beyond[0].tile} of level {level}"
            msg = f"the tree has {place}, of records that were not there yet"
            raise damaged(msg)
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
