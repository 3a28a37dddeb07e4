"""The tree in a store, in tiles of four: however records come in, it is that of their bytes."""

from __future__ import annotations

import itertools
import shutil
import sys
import tempfile
from contextlib import closing, suppress
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

import timebank
from timebank import Corrupt
from timebank.bank import session
from timebank.bank.carrying import carry_bank
from timebank.journal import tree
from timebank.journal.tree import leaf_hash, roots_by_consistency
from timebank.model import Head, RecordRow, TileRow
from timebank.storage import open_store
from timebank.storage import tree as stored
from timebank.storage.tree import tiles_filled, tree_at
from timebank.testing import tiles
from timebank.testing.rows import record

PACKAGE = str(Path(timebank.__file__).parent)


@pytest.fixture(autouse=True)
def four(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tiles of four hashes, so that few records have several levels of them."""
    monkeypatch.setattr(tree, "_LEVELS", 2)
    for module in (tree, stored, session, tiles):
        monkeypatch.setattr(module, "TILE", 4)


class Rows:
    """What a reader gives of the tree: records, and tiles."""

    def __init__(self) -> None:
        self.rows: list[RecordRow] = []
        self.full: list[TileRow] = []

    def records(self, *, after: int, limit: int) -> list[RecordRow]:
        """As `Reader.records`."""
        return [row for row in self.rows if row.sequence > after][:limit]

    def head(self) -> Head:
        """As `Reader.head`."""
        return Head("j1", len(self.rows), b"")

    def tiles(self, *, level: int, after: int, limit: int) -> list[TileRow]:
        """As `Reader.tiles`."""
        found = sorted(row for row in self.full if row.level == level and row.tile > after)
        return found[:limit]


def expected(rows: list[RecordRow]) -> list[TileRow]:
    """The tiles of records, by the definition."""
    found, hashes, level = list[TileRow](), [leaf_hash(row.body) for row in rows], 0
    while hashes:
        full = range(0, len(hashes) // 4 * 4, 4)
        hashes = [tree.root_of(hashes[n : n + 4]) for n in full]
        found += [TileRow(level, n, one) for n, one in enumerate(hashes)]
        level += 1
    return found


@pytest.mark.parametrize("size", [1, 2, 3, 4, 5, 7, 16, 21, 64, 65, 90])
def test_tiles_are_filled_by_pages_of_any_size(size: int) -> None:
    """As a rebuild does it, and a copy."""
    rows = [record(n) for n in range(1, 91)]
    reader: Any = Rows()
    for first in range(0, len(rows), size):
        page = rows[first : first + size]
        new = tiles_filled(reader, page)
        reader.rows += page
        reader.full += new
        assert expected(reader.rows) == sorted(reader.full)
    assert [] == tiles_filled(reader, [])


@pytest.mark.parametrize("shown", [0, 1, 3, 4, 15, 16, 17, 63])
def test_tiles_are_filled_over_those_that_are_pending(shown: int) -> None:
    """As a session does it: its reader sees neither the batch's records nor its tiles."""
    rows = [record(n) for n in range(1, 140)]
    reader: Any = Rows()
    reader.rows, reader.full = rows[:shown], expected(rows[:shown])
    pending: list[TileRow] = []
    for end in range(shown + 1, len(rows) + 1):
        if end % 4 == 0:
            batch = rows[shown:end]
            pending += tiles_filled(reader, batch[-4:], pending)
    assert expected(rows) == sorted(reader.full + pending)


@pytest.mark.parametrize(
    ("records", "lost"), [(3, "record"), (15, "tile 0"), (15, "tile 2"), (63, "above 1")]
)
def test_what_lacks_its_past_is_not_filled(records: int, lost: str) -> None:
    """A tile is never made of the wrong hashes."""
    rows = [record(n) for n in range(1, records + 2)]
    reader: Any = Rows()
    reader.rows, reader.full = rows[:-1], expected(rows[:-1])
    if lost == "record":
        del reader.rows[1]
    else:
        place = TileRow(int(lost.startswith("above")), int(lost.split()[1]), b"")
        reader.full = [row for row in reader.full if row[:2] != place[:2]]
    with pytest.raises(Corrupt, match="rebuild it"):
        tiles_filled(reader, rows[-1:])


@pytest.mark.parametrize(("records", "level"), [(3, 0), (15, 0), (15, 1), (63, 2)])
def test_a_tile_that_nothing_fills_is_told_before_it_is_written_again(
    records: int, level: int
) -> None:
    """A storage would say that a key is taken, as of two who write at once."""
    rows = [record(n) for n in range(1, records + 2)]
    reader: Any = Rows()
    reader.rows, reader.full = rows[:-1], expected(rows[:-1])
    new = tiles_filled(reader, rows[-1:])
    reader.full += [row for row in new if row.level == level]
    with pytest.raises(Corrupt, match="of records that were not there yet"):
        tiles_filled(reader, rows[-1:])
    reader.rows = rows  # somebody else has written it meanwhile: that is a conflict
    assert new == tiles_filled(reader, rows[-1:])


def test_a_hash_of_another_length_is_none() -> None:
    """It would be hashed like any other."""
    rows = [record(n) for n in range(1, 17)]
    reader: Any = Rows()
    reader.rows, reader.full = rows[:-1], expected(rows[:-1])
    for length in (0, 31, 33):
        reader.full[1] = TileRow(0, 1, bytes(length))
        for question in (
            lambda: tree_at(reader, 15).root(),
            lambda: tree_at(reader, 15).inclusion(4),
        ):
            with pytest.raises(Corrupt, match="lacks hashes"):
                question()
        reader.rows = rows[:-1]
        with pytest.raises(Corrupt, match="lacks hashes"):
            tiles_filled(reader, rows[-1:])
        reader.rows = rows


@pytest.mark.parametrize("place", [0, 3, 9])
def test_a_tree_lacks_no_record(place: int) -> None:
    """One that is missing, or elsewhere, is told where its leaf is needed."""
    rows = [record(n) for n in range(1, 11)]
    reader: Any = Rows()
    reader.rows, reader.full = rows[:place] + rows[place + 1 :], expected(rows)
    with pytest.raises(Corrupt, match="not all of the records"):
        tree_at(reader, 10).inclusion(place)


# -- histories -----------------------------------------------------------------------------

counts = st.sampled_from([1, 2, 3, 4, 5, 11, 16, 17, 50])
NAMES = itertools.count()


class Histories(RuleBasedStateMachine):
    """One bank on a file, one in memory, and the bytes of every record that was acknowledged."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.bank = timebank.open(self.url("bank"))
        self.bodies: list[bytes] = []
        self.roots = {0: self.bank.head().root}

    def url(self, name: str) -> str:
        """Of a file in the folder."""
        return f"sqlite:///{self.folder / name}.db"

    def teardown(self) -> None:
        """Remove what was made."""
        self.bank.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    @rule()
    def one_call(self) -> None:
        """A record, in a commit of its own."""
        self.bank.open_account(f"m{next(NAMES)}", kind="fund")

    @rule(count=counts)
    def a_batch(self, count: int) -> None:
        """Many records in a commit; the tree is asked for on the way."""
        with self.bank.batch() as batch:
            for n in range(count):
                batch.open_account(f"m{next(NAMES)}", kind="fund")
                if n == count // 2:
                    check(batch.head().sequence, batch.head().root, batch)

    @rule(count=counts)
    def taken_back(self, count: int) -> None:
        """A batch that fails, and a preview."""
        with pytest.raises(timebank.NotFound), self.bank.batch() as batch:
            for _ in range(count):
                batch.open_account(f"m{next(NAMES)}", kind="fund")
            batch.freeze("nobody")
        with self.bank.preview() as preview:
            for _ in range(count):
                preview.open_account(f"m{next(NAMES)}", kind="fund")
            check(preview.head().sequence, preview.head().root, preview)

    @rule()
    def rebuilt(self) -> None:
        """Derived rows are made anew, and are what they were."""
        self.bank.rebuild()

    @rule()
    def erased(self) -> None:
        """An erasure destroys texts, and no leaf."""
        id = f"m{next(NAMES)}"
        self.bank.open_account(id, name="Maria")
        self.bank.erase(id, reason="asked")

    @rule(again=st.booleans())
    def copied(self, again: bool) -> None:
        """A copy has the tree, from the beginning or behind what it has; the bank goes on in it."""
        url = self.url("again" if again else f"copy{next(NAMES)}")
        if url != self.bank.store.url:
            with closing(open_store(url, create=True)) as target:
                carry_bank(self.bank.store, target)
            self.bank.close()
            self.bank = timebank.open(url)

    @rule()
    def opened_again(self) -> None:
        """As by another process."""
        name = str(self.bank.store.url)
        self.bank.close()
        self.bank = timebank.open(name)

    @invariant()
    def the_tree_is_that_of_the_bytes(self) -> None:
        """Every root that it ever had is proved to be one of its past; the bytes never change."""
        with self.bank.store.reader("main") as reader:
            rows = reader.records(after=0, limit=9999)
            tiles.check_tree(reader)
            kept = tree_at(reader, len(rows))
            root = self.roots[len(rows)] = kept.root()
            for size, old_root in self.roots.items():
                assert old_root == tree_at(reader, size).root()
                if 0 < size < len(rows):
                    proof = kept.consistency(size)
                    roots = roots_by_consistency(size, len(rows), proof, old_root=old_root)
                    assert (old_root, root) == roots
        bodies = [row.body for row in rows]
        assert self.bodies == bodies[: len(self.bodies)]
        self.bodies = bodies


def check(size: int, root: bytes, handle: Any) -> None:
    """Check the root that a batch or a preview tells, by the bytes that it tells."""
    leaves = [leaf_hash(one.bytes) for one in handle.records()]
    assert (size, tree.root_of(leaves)) == (len(leaves), root)


def test_histories() -> None:
    """Whatever comes in whatever order."""
    run_state_machine_as_test(
        Histories,
        settings=settings(
            max_examples=15,
            stateful_step_count=20,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )


# -- interrupts ----------------------------------------------------------------------------


class Interrupt(KeyboardInterrupt):
    """What a user's Ctrl-C raises, told from a real one."""


class AtLine:
    """Traces the library, and interrupts it at its nth line."""

    def __init__(self, number: int) -> None:
        self.left = number

    def __call__(self, frame: FrameType, event: str, _: object) -> Any:
        """Count a line of the library."""
        if not frame.f_code.co_filename.startswith(PACKAGE):
            return None
        if event == "line":
            self.left -= 1
            if not self.left:
                raise Interrupt
        return self


@pytest.mark.parametrize(("url", "step"), [("memory:", 3), ("sqlite:///{}/bank.db", 12)])
@pytest.mark.filterwarnings("ignore::ResourceWarning")  # a connection is left to be collected
def test_an_interrupt_while_a_tile_is_filled(url: str, step: int, tmp_path: Path) -> None:
    """At one line in a few: the record and its tile are there, or neither, and it goes on."""
    number, going_on = 1, True
    while going_on:
        with timebank.open(url.format(tmp_path), bank=f"bank-{number}") as bank:
            for n in range(15):
                bank.open_account(f"m{n}")
            at_line = AtLine(number)
            before = sys.gettrace()
            sys.settrace(at_line)
            try:
                with suppress(Interrupt):
                    bank.open_account("last")
            finally:
                sys.settrace(before)
            going_on = at_line.left <= 0
            with bank.store.reader(bank.name) as reader:
                assert reader.head().sequence in (15, 16)
                tiles.check_tree(reader)
            bank.open_account("last")
            with bank.store.reader(bank.name) as reader:
                assert 5 == len(tiles.check_tree(reader))
        number += step
    assert 100 < number
