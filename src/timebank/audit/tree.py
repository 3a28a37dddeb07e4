"""Check that the tree beside the chain is the one over the records, by arithmetic of its own.

While the records go by, the peaks of the tree are kept: one hash for each power of two in the
number of records so far. What they give for every full tile is held against the rows of tiles. The
chain is checked over the same bytes in the same pass, so that both are shown to have the same
leaves. A record that is not there, or cannot be read, leaves a hole: of the tiles over it nothing
is said.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from hashlib import sha256
from typing import ClassVar, Final

from timebank.audit.base import AuditCheck, AuditContext, Page, State
from timebank.audit.findings import MOST_FINDINGS, Check
from timebank.errors import Corrupt, TimebankError
from timebank.model import MAX_INTEGER, Fault, RecordRow, TileRow
from timebank.model.said import said
from timebank.storage.protocol import Reader

#: How many levels of the tree a tile spans, and how many levels of tiles a store may have.
SPAN: Final = 8
LEVELS: Final = 7
#: Expected tiles that wait until they are compared.
PENDING: Final = 500
PAGE: Final = 500

#: A hash, or `None` where a record below it is not known.
_Hash = bytes | None
#: A full tile: its level, its number, and its hash.
_Tile = tuple[int, int, _Hash]


def leaf(body: bytes) -> bytes:
    """Return the hash of a record's bytes, as RFC 6962 has it."""
    return sha256(b"\0" + body).digest()


def records_of(level: int, tile: int) -> tuple[int, int]:
    """Return the first and the last record that a tile is over.

    >>> from timebank.audit.tree import records_of
    >>> records_of(0, 1), records_of(1, 0)
    ((257, 512), (1, 65536))
    """
    width = 1 << SPAN * (level + 1)
    return tile * width + 1, (tile + 1) * width


class Peaks:
    """The tree of the first `size` records, as the hashes of its perfect subtrees.

    >>> from timebank.audit.tree import Peaks, leaf
    >>> peaks = Peaks()
    >>> filled = peaks.add([leaf(b"%d" % number) for number in range(515)])
    >>> [(level, tile) for level, tile, _ in filled], sorted(peaks.hashes), peaks.size
    ([(0, 0), (0, 1)], [0, 1, 9], 515)
    """

    def __init__(self, size: int = 0) -> None:
        self.size = size
        #: By the height of the subtree: two hashes of one height become one above.
        self.hashes: dict[int, _Hash] = {}

    def add(self, nodes: Sequence[_Hash], height: int = 0) -> list[_Tile]:
        """Add the hashes of the next subtrees of one height; return the tiles that they fill.

        The size has to be a multiple of their width.
        """
        row, number = list(nodes), self.size >> height
        self.size += len(row) << height
        filled: list[_Tile] = []
        while row:
            if number & 1:
                row.insert(0, self.hashes.pop(height))
            if len(row) & 1:
                self.hashes[height] = row.pop()
            row = _above(row)
            number, height = number >> 1, height + 1
            if row and not height % SPAN:
                level = height // SPAN - 1
                filled += [(level, tile, found) for tile, found in enumerate(row, number)]
        return filled

    def skip(self, size: int) -> None:
        """Go on to a size that is no smaller, without knowing the records between."""
        differing = (self.size ^ size).bit_length() - 1
        for height in range(size.bit_length()):
            if height <= differing:
                self.hashes.pop(height, None)
                if size >> height & 1:
                    self.hashes[height] = None
        self.size = size

    def root(self) -> _Hash:
        """Return the root."""
        found: _Hash = sha256().digest()
        for place, height in enumerate(sorted(self.hashes)):
            peak = self.hashes[height]
            found = peak if place == 0 else _above([peak, found])[0]
        return found

    def to_json(self) -> list[str | None]:
        """Return the peaks from the lowest, in hex."""
        known = (self.hashes[height] for height in sorted(self.hashes))
        return [None if found is None else found.hex() for found in known]

    @classmethod
    def of_json(cls, size: int, peaks: Sequence[str]) -> Peaks:
        """Read them again.

        :raises TypeError, ValueError: they are no peaks of so many records.
        """
        found = cls(size)
        heights = [height for height in range(size.bit_length()) if size >> height & 1]
        for height, peak in zip(heights, peaks, strict=True):
            found.hashes[height] = bytes.fromhex(peak)
        return found


def _above(row: Sequence[_Hash]) -> list[_Hash]:
    """Return the hashes of the nodes above an even number of them."""
    pairs = zip(row[::2], row[1::2], strict=True)
    if None in row:
        return [
            None if a is None or b is None else sha256(b"\1" + a + b).digest() for a, b in pairs
        ]
    return [sha256(b"\1" + a + b).digest() for a, b in pairs]  # type: ignore[operator]  # none of them is None


class TreeRows(AuditCheck):
    """Expects the tiles that the records fill; compares them hundreds at a time."""

    key: ClassVar = "tree"
    promises: ClassVar = (
        Check(
            "tree",
            "The tree beside the chain is over the bytes of the same records: of each full tile "
            "there is the hash, and no other.",
            "advice_rebuild",
            about="rows",
        ),
    )

    def __init__(self, context: AuditContext) -> None:
        super().__init__(context)
        self._reader = context.reader
        self._peaks = Peaks()
        self._pending: list[_Tile] = []
        self._tells_unreadable = False

    def start(self) -> None:
        """Hold the tiles before a checkpoint against what it knows.

        They lead to its peaks, or something is wrong with them: then all records before it are
        read once more, to say what.
        """
        if self.context.since is None or not self.context.goes_on:
            return
        with self.reading("tree"):
            if not self._leads_to_the_peaks():
                for tiles in _tiles_of(self._reader, Peaks(), self._peaks.size):
                    self._compare(tiles)

    def page(self, page: Page) -> None:
        """Add the records that were read."""
        with self.reading("tree"):
            self._pending += _added(self._peaks, page.stored.sequence, page.stored.body)
            if len(self._pending) >= PENDING:
                self.pause()

    def pause(self) -> None:
        """Compare the tiles that wait."""
        pending, self._pending = self._pending, []
        with self.reading("tree"):
            self._compare(pending)

    def finish(self) -> None:
        """Compare the rest, and look for tiles that no records fill."""
        self.pause()
        context = self.context
        size = self._peaks.size
        if not context.is_complete and context.head is not None:
            size = max(size, context.head.sequence)
        with self.reading("tree"):
            for level in range(LEVELS):
                try:
                    extra = _extra_rows(self._reader, level, size)
                except TimebankError as error:
                    if not self._tells_unreadable:  # of what cannot be read once is enough
                        self._damaged(said("tiles_of_level", level=level), error)
                    continue
                if extra:
                    self._tell(map(_extra, extra))

    # -- rows --------------------------------------------------------------------------------

    def _compare(self, expected: Iterable[_Tile]) -> None:
        """Compare the rows of some tiles, of each level in order."""
        by_level: dict[int, list[TileRow]] = {}
        for level, tile, found in expected:
            if found is not None:
                by_level.setdefault(level, []).append(TileRow(level, tile, found))
        for level, rows in by_level.items():
            first, number = rows[0].tile, len(rows)
            try:
                if self._reader.tiles(level=level, after=first - 1, limit=number) == rows:
                    continue
            except TimebankError:  # which row it is, is seen where each is asked for
                pass
            for row in rows:
                self._one(row)

    def _one(self, row: TileRow) -> None:
        try:
            found = _stored(self._reader, row.level, row.tile)
        except TimebankError as error:
            self._damaged(_place(row.level, row.tile), error)
        else:
            self._tell(_differing(row, found))

    def _tell(self, faults: Iterable[Fault]) -> None:
        for name, place, expected, found in faults:
            self.tell(name, place, expected=expected, found=found)

    def _damaged(self, place: str, error: TimebankError) -> None:
        self._tells_unreadable = True
        self.tell("tree", place, expected=said("rows_that_can_be_read"), found=str(error))

    def _leads_to_the_peaks(self) -> bool:
        """Return whether the tiles before a checkpoint lead to what it knows."""
        known = self._peaks
        try:
            peaks = _from_rows(self._reader, Peaks(), known.size, self._above_agree)
        except TimebankError:
            return False
        return all(
            peaks.hashes.get(height) == found
            for height, found in known.hashes.items()
            if height >= SPAN
        )

    def _above_agree(self, tiles: Sequence[_Tile]) -> bool:
        """Return whether the rows of tiles above the lowest are those of what is below."""
        return all(
            _stored(self._reader, level, tile) == (level, tile, found)
            for level, tile, found in tiles
        )

    # -- checkpoints and stretches -----------------------------------------------------------

    def state(self) -> State:
        """Return the peaks."""
        return {"size": self._peaks.size, "peaks": self._peaks.to_json()}

    def restore(self, state: State) -> None:
        """Go on from there."""
        self._peaks = Peaks.of_json(state["size"], state["peaks"])

    def assume_balances(self, last: RecordRow) -> None:
        """Take the peaks from the rows of tiles, and from the records behind the last of them."""
        self._peaks = peaks_at(self._reader, last.sequence, self._peaks)


# -- what a store has ----------------------------------------------------------------------


def peaks_at(reader: Reader, size: int, before: Peaks | None = None) -> Peaks:
    """Return the tree of the first records by the rows of tiles, of which none is checked.

    :raises Corrupt: tiles or records are missing.
    """
    known = Peaks() if before is None else before
    peaks = _from_rows(reader, _whole_tiles(known), size, lambda _: True)
    for _ in _tiles_of(reader, peaks, size, whole=True):
        pass
    return peaks


def root_at(reader: Reader, size: int, expected: bytes) -> bytes | None:
    """Return the root of the first records; `None` where not all of them are there.

    It is worked out from the rows of tiles. Where that is not what is `expected`, the rows may be
    wrong, and all records are read.
    """
    try:
        root = peaks_at(reader, size).root()
    except Corrupt:
        root = None
    if root != expected:
        peaks = Peaks()
        for _ in _tiles_of(reader, peaks, size):
            pass
        root = peaks.root() if peaks.size == size else None
    return root


def tile_of(reader: Reader, level: int, tile: int) -> bytes | None:
    """Return the hash of a tile by the records of a bank; `None` where some are not there."""
    first, last = records_of(level, tile)
    peaks = Peaks()
    peaks.skip(first - 1)
    for tiles in _tiles_of(reader, peaks, last):
        for one in tiles:
            if one[:2] == (level, tile):
                return one[2]
    return None


def tree_faults(reader: Reader, size: int) -> Iterator[Fault]:
    """Yield where the tiles of so many records do not agree with each other; no record is read."""
    peaks, end = Peaks(), size >> SPAN
    while (first := peaks.size >> SPAN) < end:
        limit = min(PAGE, end - first)
        found = {row.tile: row.hash for row in reader.tiles(level=0, after=first - 1, limit=limit)}
        nodes = [found.get(tile) for tile in range(first, first + limit)]
        for tile, node in enumerate(nodes, first):
            if node is None:
                yield Fault("tree", _place(0, tile), said("a_row"), said("no_such_row"))
        for level, tile, node in peaks.add(nodes, SPAN):
            if node is not None:
                yield from _differing(TileRow(level, tile, node), _stored(reader, level, tile))
    for level in range(LEVELS):
        yield from map(_extra, _extra_rows(reader, level, size))


def _stored(reader: Reader, level: int, tile: int) -> TileRow | None:
    rows = reader.tiles(level=level, after=tile - 1, limit=1)
    return rows[0] if rows and rows[0].tile == tile else None


def _differing(row: TileRow, found: TileRow | None) -> Iterator[Fault]:
    if found != row:
        other = said("no_such_row") if found is None else _words(found)
        yield Fault("tree", _place(row.level, row.tile), _words(row), other)


def _extra(row: TileRow) -> Fault:
    return Fault("tree", _place(row.level, row.tile), said("no_such_row"), _words(row))


def _tiles_of(
    reader: Reader, peaks: Peaks, size: int, *, whole: bool = False
) -> Iterator[list[_Tile]]:
    """Add the records up to one, and yield the tiles that they fill.

    :raises Corrupt: some are missing, and `whole` asks for all.
    """
    while peaks.size < size:
        rows = reader.records(after=peaks.size, limit=min(PAGE, size - peaks.size))
        rows = [row for row in rows if row.sequence <= size]
        if whole and (not rows or rows[-1].sequence != peaks.size + len(rows)):
            msg = f"records are missing behind record {peaks.size}"
            raise Corrupt(msg)
        if not rows:
            return
        yield _added(peaks, [row.sequence for row in rows], [row.body for row in rows])


def _added(peaks: Peaks, sequences: Sequence[int], bodies: Sequence[bytes]) -> list[_Tile]:
    """Add records, with a hole where some are missing; return the tiles that they fill."""
    first = peaks.size + 1
    if sequences[0] == first and sequences[-1] - first == len(sequences) - 1:
        return peaks.add([sha256(b"\0" + body).digest() for body in bodies])
    filled: list[_Tile] = []
    for sequence, body in zip(sequences, bodies, strict=True):
        if sequence > peaks.size + 1:
            peaks.skip(sequence - 1)
        if sequence == peaks.size + 1:
            filled += peaks.add([leaf(body)])
    return filled


def _whole_tiles(peaks: Peaks) -> Peaks:
    """Return the part of a tree that is in full tiles of the lowest level."""
    found = Peaks(peaks.size >> SPAN << SPAN)
    found.hashes = {height: peak for height, peak in peaks.hashes.items() if height >= SPAN}
    return found


def _from_rows(
    reader: Reader, peaks: Peaks, size: int, agree: Callable[[Sequence[_Tile]], bool]
) -> Peaks:
    """Add the rows of the lowest tiles that so many records fill.

    :raises Corrupt: one is missing, or those above it do not `agree`.
    """
    end = size >> SPAN
    while (first := peaks.size >> SPAN) < end:
        rows = reader.tiles(level=0, after=first - 1, limit=min(PAGE, end - first))
        if not rows or [row.tile for row in rows] != [*range(first, first + len(rows))]:
            msg = f"a tile is missing behind record {peaks.size}"
            raise Corrupt(msg)
        if not agree(peaks.add([row.hash for row in rows], SPAN)):
            msg = "tiles of different levels do not agree"
            raise Corrupt(msg)
    return peaks


def _extra_rows(reader: Reader, level: int, size: int) -> list[TileRow]:
    """Return rows of a level that so many records do not fill, some of them at least."""
    before, end = -MAX_INTEGER - 1, size >> SPAN * (level + 1)
    first = reader.tiles(level=level, after=before, limit=1)
    if not first:
        return []
    rows = reader.tiles(level=level, after=end - 1, limit=MOST_FINDINGS)
    if first[0].tile >= 0:
        return rows
    below = reader.tiles(level=level, after=before, limit=MOST_FINDINGS)
    return [row for row in below if row.tile < 0] + [row for row in rows if row.tile >= 0]


def _place(level: int, tile: int) -> str:
    first, last = records_of(level, tile)
    return said("tile", level=level, tile=tile, first=first, last=last)


def _words(row: TileRow) -> str:
    return row.hash.hex()
