"""The audit and the tree: each hash that is not that of the records is found, by every audit."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from functools import cache
from pathlib import Path
from typing import Any
from unittest.mock import patch

import attrs
import pytest
from hypothesis import event, given
from hypothesis import strategies as st

import timebank
from audit.test_audit_stretches import Here, same
from audit.test_tampering import audited, changed, columns, rows, tampering
from servers import ON_SERVERS, SERVERS, drop_database, new_database
from support import by_day, sources
from timebank import AuditReport, Head, TimeBank
from timebank.audit import Checkpoint, audit, quick_audit
from timebank.audit.tree import Peaks, leaf, peaks_at, records_of, root_at, tile_of
from timebank.journal.tree import leaf_hash, root_of
from timebank.model import MAX_INTEGER, TileRow
from timebank.storage import open_store
from timebank.storage.protocol import Batch, Reader

Tiles = list[TileRow]
#: The id of the first journal, as the sources of the tests give it.
JOURNAL = "id-1"


@contextmanager
def tiles_of_four() -> Iterator[None]:
    """Tiles of four instead of 256, so that a small bank has several levels of them."""
    with ExitStack() as stack:
        for name, value in (
            ("timebank.journal.tree.TILE", 4),
            ("timebank.journal.tree._LEVELS", 2),
            ("timebank.storage.tree.TILE", 4),
            ("timebank.bank.session.TILE", 4),
            ("timebank.audit.tree.SPAN", 2),
            ("timebank.audit.causes_of_tree.SPAN", 2),
        ):
            stack.enter_context(patch(name, value))
        yield


def people(number: int) -> TimeBank:
    """A bank of so many records, each of which opens an account."""
    bank = timebank.open("memory:", **sources())
    for one in range(number):
        bank.open_account(f"m{one}")
    return bank


def batch_of(reader: Reader) -> Batch:
    """All rows of a bank of at most a thousand."""
    accounts = reader.accounts(after=None, limit=1000)
    return Batch(
        records=reader.records(after=0, limit=1000),
        texts=reader.texts(after=0, through=1000),
        accounts={row.account: row for row in accounts},
        postings=[
            row
            for account in accounts
            for row in reader.postings(account.account, after=0, limit=1000)
        ],
        statutes=reader.statutes(before=MAX_INTEGER, limit=1000)[::-1],
        tiles=[row for level in range(7) for row in reader.tiles(level=level, after=-1, limit=999)],
    )


@cache
def ninety() -> Batch:
    """The rows of a bank of ninety records, in tiles of four."""
    with tiles_of_four(), people(90).store.reader("main") as reader:
        return batch_of(reader)


def first(number: int) -> Batch:
    """The rows of the bank of ninety when it had so many records, in tiles of four."""
    whole = ninety()
    leaves = [leaf(row.body) for row in whole.records[:number]]
    tiles = [TileRow(*place, found or b"") for place, found in expected(leaves, 2).items()]
    return Batch(
        records=whole.records[:number],
        texts=[row for row in whole.texts if row.sequence <= number],
        accounts={id: row for id, row in whole.accounts.items() if row.opened <= number},
        tiles=sorted(tiles),
    )


@contextmanager
def reading(batch: Batch, journal: str, url: str = "memory:") -> Iterator[Reader]:
    """Rows in a store of their own."""
    store = open_store(url, create=True)
    store.make_bank("main", journal=journal)
    with store.writer("main") as writer:
        writer.append(batch)
    with store.reader("main") as reader:
        yield reader
    store.close()


# -- the arithmetic ----------------------------------------------------------------------------


def expected(leaves: Sequence[bytes | None], span: int) -> dict[tuple[int, int], bytes | None]:
    """The tiles over some leaves, by the other arithmetic; `None` where a leaf is not known."""
    found, level = {}, 0
    while (width := 1 << span * (level + 1)) <= len(leaves):
        for tile in range(len(leaves) // width):
            below = leaves[tile * width : (tile + 1) * width]
            known = [one for one in below if one is not None]
            found[level, tile] = root_of(known) if len(known) == width else None
        level += 1
    return found


@given(st.lists(st.integers(0, 300), max_size=6), st.sampled_from([2, 3, 8]))
def test_peaks_give_the_roots_and_the_tiles_of_rfc_6962(pieces: list[int], span: int) -> None:
    """In whatever pieces the records come, and from whatever size on they are read again."""
    leaves = [leaf(b"%d" % number) for number in range(sum(pieces))]
    assert [leaf_hash(b"%d" % number) for number in range(sum(pieces))] == leaves
    with patch("timebank.audit.tree.SPAN", span):
        peaks, filled = Peaks(), []
        for piece in pieces:
            filled += peaks.add(leaves[peaks.size : peaks.size + piece])
            peaks = Peaks.of_json(peaks.size, [peak or "" for peak in peaks.to_json()])
            assert root_of(leaves[: peaks.size]) == peaks.root()
    assert len(leaves) == peaks.size
    assert expected(leaves, span) == {(level, tile): found for level, tile, found in filled}


@given(st.sets(st.integers(1, 90), max_size=70), st.integers(1, 5))
def test_what_is_over_a_missing_record_is_not_known(missing: set[int], limit: int) -> None:
    """All else is; nothing is said of tiles that no record is left of."""
    records = ninety().records
    left = [row for row in records if row.sequence not in missing]
    last = max((row.sequence for row in left), default=0)
    leaves = [None if row.sequence in missing else leaf(row.body) for row in records[:last]]
    with tiles_of_four(), patch("timebank.audit.tree.PAGE", limit):
        from timebank.audit.tree import _tiles_of

        class Left:
            def records(self, *, after: int, limit: int) -> list[Any]:
                return [row for row in left if row.sequence > after][:limit]

        reader_of_few: Any = Left()
        filled = [one for tiles in _tiles_of(reader_of_few, Peaks(), 90) for one in tiles]
    known = {(level, tile): found for level, tile, found in filled}
    assert len(filled) == len(known)
    for place, found in expected(leaves, 2).items():
        assert found == known.get(place)


# -- every change of a tile --------------------------------------------------------------------


def change(tiles: Tiles, data: Any) -> Tiles:
    """Some rows changed, left out, moved, doubled or put in."""
    hashes = {(row.level, row.tile): row.hash for row in tiles}
    for _ in range(data.draw(st.integers(1, 4))):
        how = data.draw(st.sampled_from(["change", "flip", "drop", "move", "swap", "put"]))
        event(how)
        places = sorted(hashes)
        if how == "put" or not places:
            place = (data.draw(st.integers(0, 6)), data.draw(st.sampled_from([-1, 0, 3, 7, 900])))
            hashes[place] = data.draw(st.sampled_from([*hashes.values(), bytes(range(32))]))
            continue
        place = data.draw(st.sampled_from(places))
        if how == "change":
            hashes[place] = bytes(32)
        elif how == "flip":
            hashes[place] = bytes([hashes[place][0] ^ 1]) + hashes[place][1:]
        elif how == "drop":
            del hashes[place]
        elif how == "move":
            hashes[data.draw(st.integers(0, 6)), data.draw(st.integers(0, 40))] = hashes.pop(place)
        else:
            other = data.draw(st.sampled_from(places))
            hashes[place], hashes[other] = hashes[other], hashes[place]
    return [TileRow(*place, hashes[place]) for place in sorted(hashes)]


def differing(tiles: Tiles, others: Tiles) -> set[tuple[int, int]]:
    """The places of the rows that are in one of the lists alone."""
    return {row[:2] for row in {*tiles} ^ {*others}}


def told(report: AuditReport) -> list[tuple[str, str, str, str]]:
    """What a report found, whatever is advised."""
    return sorted((one.check, one.place, one.expected, one.found) for one in report.findings)


def places(report: AuditReport) -> set[tuple[int, int]]:
    """The levels and numbers of the tiles that a report names: it names nothing else."""
    assert {"tree"} >= {one.check for one in report.findings}
    gaps: list[Any] = [getattr(one.place, "gaps", None) for one in report.findings]
    assert len(gaps) == len({(one["level"], one["tile"]) for one in gaps})
    return {(one["level"], one["tile"]) for one in gaps}


@given(st.integers(0, 90), st.data())
def test_every_audit_names_each_tile_that_is_not_that_of_the_records(
    number: int, data: Any
) -> None:
    """A full one, one since any checkpoint, one in stretches: exactly those, and a cause each."""
    at = data.draw(st.integers(0, number), label="checkpoint")
    with tiles_of_four():
        with reading(first(at), JOURNAL) as reader:
            checkpoint = audit(reader).checkpoint
        assert checkpoint is not None
        since = Checkpoint.from_bytes(checkpoint.to_bytes())
        sound = first(number)
        batch = attrs.evolve(sound, tiles=change(sound.tiles, data))
        wrong = differing(sound.tiles, batch.tiles)
        event(f"{min(len(wrong), 3)} differ")
        cuts = data.draw(st.lists(st.integers(1, 90), max_size=3), label="cuts")
        with reading(batch, JOURNAL) as reader:
            whole = audit(reader)
            assert wrong == places(whole)
            here = Here(cuts)
            for report in (
                audit(reader, since=since),
                audit(reader, workers=here),
                audit(reader, since=since, workers=Here(cuts)),
            ):
                assert told(whole) == told(report)
            # What is one too many, or fills in the last stretch, is seen at the end.
            full = wrong & {row[:2] for row in sound.tiles}
            last = max((cut for cut in cuts if cut < number), default=0)
            assert here.taken == all(records_of(*tile)[1] > last for tile in full)
            explained = [place for cause in whole.causes for place in cause.findings]
            assert [*range(1, len(whole.findings) + 1)] == sorted(explained)
            if wrong and quick_audit(reader).ok:  # a quick look reads no record: it sees one level
                assert {level for level, _ in wrong} == {0}


def test_rebuild_makes_the_tiles_anew() -> None:
    """Whatever was there."""
    with tiles_of_four():
        sound = ninety()
        for tiles in ([], [TileRow(3, 7, bytes(32)), *sound.tiles[:5]]):
            store = open_store("memory:", create=True)
            store.make_bank("main", journal=JOURNAL)
            with store.writer("main") as writer:
                writer.append(attrs.evolve(sound, tiles=tiles))
            damaged = TimeBank(store)
            assert {"tree"} == {one.check for one in damaged.audit().findings}
            damaged.rebuild()
            assert damaged.audit().ok
            with store.reader("main") as reader:
                assert sound.tiles == batch_of(reader).tiles


# -- on every store ----------------------------------------------------------------------------

DAMAGES: dict[str, Callable[[Tiles], Tiles]] = {
    "changed": lambda tiles: [tiles[0], tiles[1]._replace(hash=bytes(32))],
    "missing": lambda tiles: tiles[1:],
    "one too many": lambda tiles: [*tiles, TileRow(0, 2, bytes(32))],
    "at a wrong level": lambda tiles: [tiles[0], tiles[1]._replace(level=3)],
    "swapped": lambda tiles: [
        tiles[0]._replace(hash=tiles[1].hash),
        tiles[1]._replace(hash=tiles[0].hash),
    ],
    "none": lambda _: [],
}


@pytest.fixture(scope="module")
def long() -> tuple[Batch, str, Checkpoint]:
    """A bank of 600 records, and what its audit knew at the 300th."""
    bank = people(300)
    checkpoint = bank.audit().checkpoint
    assert checkpoint is not None
    with bank.batch() as batch:
        for number in range(300, 600):
            batch.open_account(f"m{number}")
    with bank.store.reader("main") as reader:
        return batch_of(reader), bank.head().journal, checkpoint


@pytest.mark.parametrize("stride", by_day(4))
@pytest.mark.parametrize("store", ["memory", "sqlite", *ON_SERVERS])
def test_on_every_store_the_same_is_found(
    store: str, stride: int, long: tuple[Batch, str, Checkpoint]
) -> None:
    """In full, since a checkpoint, in stretches: word for word."""
    sound, journal, checkpoint = long
    assert [(0, 0), (0, 1)] == [row[:2] for row in sound.tiles]
    for damage in [*DAMAGES.values()][::stride]:
        batch = attrs.evolve(sound, tiles=damage(sound.tiles))
        with reading(batch, journal) as reader:
            report = audit(reader)
            assert differing(sound.tiles, batch.tiles) == places(report)
            found = told(report)
        where = {"sqlite": "sqlite://"}.get(store, "memory:")
        url = new_database(store) if store in SERVERS else where
        with reading(batch, journal, url) as reader:
            for report in (
                audit(reader),
                audit(reader, workers=Here([200, 400])),
                audit(reader, since=checkpoint),
            ):
                assert found == told(report)
        if store in SERVERS:
            drop_database(url)


def test_processes_find_the_same(
    long: tuple[Batch, str, Checkpoint], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where all is well each of them knows the tree; where it is not, one pass tells."""
    sound, journal, checkpoint = long
    monkeypatch.setattr("timebank.audit.processes.START", 100)
    monkeypatch.setattr("timebank.audit.processes.EACH_ACCOUNT", 0)
    for number, tiles in enumerate([sound.tiles, sound.tiles[1:], DAMAGES["swapped"](sound.tiles)]):
        path = tmp_path / f"{number}.db"
        with reading(attrs.evolve(sound, tiles=tiles), journal, f"sqlite:///{path}"):
            pass
        with timebank.open(f"sqlite:///{path}", create=False, read_only=True) as bank:
            whole = bank.audit()
            assert whole.ok == (number == 0)
            same(whole, bank.audit(processes=2))
            same(bank.audit(since=checkpoint), bank.audit(since=checkpoint, processes=2))


def test_each_changed_value_of_a_row_is_found(
    long: tuple[Batch, str, Checkpoint], tmp_path: Path
) -> None:
    """Each column of a file's table, as another value and of another type; and a row deleted."""
    sound, journal, _ = long
    path = tmp_path / "bank.db"
    with reading(sound, journal, f"sqlite:///{path}"):
        pass
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    (row, *_) = rows(path, "timebank_tiles")
    assert columns(path, "timebank_tiles") == [*row] == ["bank", "level", "tile", "hash"]
    statements = [
        (f"UPDATE timebank_tiles SET {column} = ? WHERE tile = 0", [value])
        for column in row
        for value in changed(row[column])
    ]
    refused = 0
    for sql, values in [*statements, ("DELETE FROM timebank_tiles WHERE tile = 0", [])]:
        other = Path(shutil.copy(path, tmp_path / "changed.db"))
        with tampering(other) as connection:
            try:
                connection.execute(sql, values)
            except sqlite3.IntegrityError:  # what no statement can write needs no finding
                refused += 1
                continue
        found = {one.check for one in audited(other).findings}
        assert found & {"tree", "orphans"}, (sql, values)
    assert 15 < len(statements) - refused


# -- a damaged journal -------------------------------------------------------------------------


def test_of_tiles_over_missing_records_nothing_is_said(
    long: tuple[Batch, str, Checkpoint],
) -> None:
    """Their records are; the other tiles are compared as ever."""
    sound, journal, _ = long
    records = [row for row in sound.records if row.sequence not in (100, 101, 600)]
    with reading(sound, journal) as reader:

        class Holed:
            def __getattr__(self, name: str) -> Any:
                return getattr(reader, name)

            def records(self, *, after: int, limit: int) -> list[Any]:
                return [row for row in records if row.sequence > after][:limit]

            def tiles(self, *, level: int, after: int, limit: int) -> list[TileRow]:
                rows = reader.tiles(level=level, after=after, limit=limit)
                return [row._replace(hash=bytes(32)) for row in rows]

        holed: Any = Holed()
        report = audit(holed)
    assert [257] == [one.place.gaps["first"] for one in report.findings if one.check == "tree"]  # type: ignore[attr-defined]  # it is a text of the catalogue
    (advice,) = {one.advice for one in report.findings if one.check == "tree"}
    assert advice.startswith("Change nothing yet.")


def test_rows_that_cannot_be_read_are_told(long: tuple[Batch, str, Checkpoint]) -> None:
    """Each by itself, by each audit, and the others are compared."""
    sound, journal, checkpoint = long
    with reading(sound, journal) as reader:

        class Broken:
            def __getattr__(self, name: str) -> Any:
                return getattr(reader, name)

            def tiles(self, *, level: int, after: int, limit: int) -> list[TileRow]:
                if level == 0 and after < 0:
                    msg = "timebank_tiles has a row of other types"
                    raise timebank.Corrupt(msg)
                return reader.tiles(level=level, after=after, limit=limit)

        broken: Any = Broken()
        for report in (audit(broken), audit(broken, since=checkpoint)):
            told = {(one.check, str(one.place)) for one in report.findings}
            assert ("tree", "tile 0 of level 0, over records 1 to 256") in told
            assert all("tile 1 of level 0" not in place for _, place in told)
        assert {"file"} == {one.check for one in quick_audit(broken).findings}


# -- published roots ---------------------------------------------------------------------------


def test_a_published_root_is_compared(long: tuple[Batch, str, Checkpoint]) -> None:
    """By each audit, from tiles that are damaged too; without a digest it is all there is."""
    sound, journal, checkpoint = long
    bodies = [row.body for row in sound.records]
    for damage in (lambda tiles: tiles, *DAMAGES.values()):
        with reading(attrs.evolve(sound, tiles=damage(sound.tiles)), journal) as reader:
            right, wrong = list[Head](), list[Head]()
            for size in (1, 256, 299, 512, 600):
                root = root_of([leaf_hash(body) for body in bodies[:size]])
                assert root == root_at(reader, size, root) == root_at(reader, size, bytes(32))
                line = f"timebank/1 {journal} {size} {sound.records[size - 1].digest.hex()}"
                right += [Head.of(line), Head.of(f"{line} {root.hex()}")]
                right.append(Head(journal, size, b"", find_root=root))
                wrong.append(Head.of(f"{line} {bytes(32).hex()}"))
                wrong.append(Head(journal, size, b"", find_root=bytes(32)))
            wrong.append(Head(journal, 601, b"", find_root=root))
            for heads in (right, wrong):
                number = len(heads) if heads is wrong else 0
                for report in (
                    audit(reader, expect=heads),
                    audit(reader, expect=heads, since=checkpoint),
                    quick_audit(reader, expect=heads),
                ):
                    found = [one for one in report.findings if one.check == "published"]
                    assert number == len(found)


def test_a_head_of_a_bank_is_not_asked_for_its_root() -> None:
    """It may be closed by then."""
    bank = people(3)
    head = attrs.evolve(bank.head(), find_root=lambda _: bytes(1 // 0))
    assert bank.audit(expect=[head]).ok


def test_the_tree_of_any_size_is_that_of_rows_and_records(
    long: tuple[Batch, str, Checkpoint],
) -> None:
    """Peaks from the tiles are those from the records."""
    sound, journal, _ = long
    leaves = [leaf(row.body) for row in sound.records]
    with reading(sound, journal) as reader:
        for size in (0, 1, 255, 256, 257, 511, 512, 513, 600):
            assert root_of(leaves[:size]) == peaks_at(reader, size).root()
        assert [row.hash for row in sound.tiles] == [tile_of(reader, 0, n) for n in range(2)]
        assert [None, None] == [tile_of(reader, 0, 2), tile_of(reader, 1, 0)]
        assert root_at(reader, 601, bytes(32)) is None
