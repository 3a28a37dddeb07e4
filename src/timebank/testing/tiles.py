"""The tiles of the tree: filled by the record that is their last, in its commit, or not at all."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from functools import cache
from itertools import count

import pytest

from timebank.bank import BankBatch, TimeBank
from timebank.errors import StoreError, TimebankError
from timebank.journal.tree import TILE, leaf_hash, root_by_inclusion, root_of
from timebank.model import TileRow
from timebank.storage import open_store
from timebank.storage.protocol import Batch, Reader, Store
from timebank.storage.tree import tree_at
from timebank.testing.fixtures import StoreUnderTest, needs
from timebank.testing.races import in_processes
from timebank.testing.steps import Countdown, InjectedError, LastStep, SteppingStore


class Tiles(StoreUnderTest, part=True):
    """A tile is there when its records are, whoever writes and whatever fails."""

    def test_the_tree_is_that_of_the_records(self, store: Store) -> None:
        """Through single calls, batches of any size, a rebuild, and for each size that it had."""
        bank = TimeBank(store)
        roots = [bank.head().root]
        for size in (TILE - 2, 1, 1, 1, 2 * TILE + 1, TILE - 3, 1):
            grow(bank, size)
            roots.append(bank.head().root)
        with store.reader("main") as reader:
            before = check_tree(reader)
            sizes = [0, TILE - 2, TILE - 1, TILE, TILE + 1, 3 * TILE + 2, 4 * TILE - 1, 4 * TILE]
            assert roots == [tree_at(reader, size).root() for size in sizes]
        bank.rebuild()
        with store.reader("main") as reader:
            assert before == check_tree(reader)

    def test_what_is_taken_back_leaves_no_tile(self, store: Store) -> None:
        """A preview and a batch know the root that would be; a batch that is kept has told it."""
        begin(store, "tried")
        bank = TimeBank(store, bank="tried")
        before = bank.head().root
        with bank.preview() as preview:
            open_accounts(preview, 3)
            assert before != preview.head().root
        with pytest.raises(ZeroDivisionError), bank.batch() as batch:
            open_accounts(batch, 3)
            assert before != batch.head().root
            raise ZeroDivisionError
        with store.reader("tried") as reader:
            assert [] == check_tree(reader)
        with bank.batch() as batch:
            open_accounts(batch, 3)
            would = batch.head().root
        assert would == bank.head().root
        with store.reader("tried") as reader:
            assert 1 == len(check_tree(reader))

    def test_a_fault_while_a_tile_is_filled(self, store: Store) -> None:
        """Whatever call of the store fails: the last record and its tile are there, or neither."""
        for number in count(1, self.stride):
            countdown = Countdown(number, lambda step: StoreError(f"injected {step}"))
            if not fill(SteppingStore(store, countdown), store, number, countdown):
                break
        assert 10 < number

    @needs("traced")
    def test_a_fault_before_a_statement_of_a_tile(self, url: str) -> None:
        """The same, before each statement of the driver."""
        store = self.open(url)
        for number in count(1, self.stride):
            countdown = Countdown(number, InjectedError)
            with self.statements(countdown):
                countdown.paused = True
                faulty = self.open(url)
                going_on = fill(faulty, store, number, countdown)
                faulty.close()
            if not going_on:
                break
        store.close()
        assert 5 < number

    @needs("shared")
    def test_a_crash_while_a_tile_is_filled(self, url: str) -> None:
        """A process that ends between two calls of the store leaves both, or neither."""
        self._crash(url, traced=False)

    @needs("shared", "traced")
    def test_a_crash_before_a_statement_of_a_tile(self, url: str) -> None:
        """The same, before each statement of the driver."""
        self._crash(url, traced=True)

    def _crash(self, url: str, *, traced: bool) -> None:
        number, told = 1 - self.stride, list[str]()
        while not told:
            number += self.stride
            store = self.open(url)
            begin(store, f"bank-{number}")
            store.close()
            (told,) = in_processes(self._fill_alone(url, traced=traced), [number])
            store = self.open(url)
            with store.reader(f"bank-{number}") as reader:
                check_tree(reader)
                assert reader.head().sequence in ((TILE,) if told else (TILE - 1, TILE))
            assert () == TimeBank(store, bank=f"bank-{number}").audit().findings
            store.close()
        assert 5 < number

    def _fill_alone(
        self, url: str, *, traced: bool
    ) -> Callable[[int, Callable[[str], None]], None]:
        def work(number: int, say: Callable[[str], None]) -> None:
            last = LastStep(number)
            with self.statements(last) if traced else nullcontext():
                store = self.open(url)
                name = f"bank-{number}"
                grow(TimeBank(store if traced else SteppingStore(store, last), bank=name), 1)
                say("filled")

        return work


def grow(bank: TimeBank, count: int) -> None:
    """Append so many records: in one batch, or by one call."""
    if count == 1:
        open_accounts(bank, count)
        return
    with bank.batch() as batch:
        open_accounts(batch, count)


def open_accounts(handle: TimeBank | BankBatch, count: int) -> None:
    """Open so many accounts, each of which is one record."""
    first = handle.head().sequence + 1
    for n in range(first, first + count):
        handle.open_account(f"a{n}", name=f"name {n}")


@cache
def _begun() -> Batch:
    """Return the rows of a bank that lacks one record of a full tile, as every store has them."""
    store = open_store("memory:", create=True)
    store.make_bank("main", journal="j1")
    grow(TimeBank(store), TILE - 1)
    with store.reader("main") as reader:
        return Batch(
            reader.records(after=0, limit=TILE),
            reader.texts(after=0, through=TILE),
            {row.account: row for row in reader.accounts(after=None, limit=TILE)},
        )


def begin(store: Store, bank: str) -> None:
    """Make a bank that lacks one record of a full tile."""
    store.make_bank(bank, journal="j1")
    with store.writer(bank) as writer:
        writer.append(_begun())


def fill(faulty: Store, sound: Store, number: int, countdown: Countdown) -> bool:
    """Fill a tile under faults, again where it failed; return whether the fault was met."""
    name = f"bank-{number}"
    countdown.paused = True
    begin(sound, name)
    bank = TimeBank(faulty, bank=name)
    countdown.paused = False
    try:
        grow(bank, 1)
    except (TimebankError, InjectedError):
        countdown.paused = True
        with sound.reader(name) as reader:
            check_tree(reader)
        if bank.head().sequence < TILE:
            grow(bank, 1)
    countdown.paused = True
    with sound.reader(name) as reader:
        assert 1 == len(check_tree(reader))
    assert () == TimeBank(sound, bank=name).audit().findings
    return countdown.left <= 0


def check_tree(reader: Reader) -> list[TileRow]:
    """Return the tiles of a bank; check them, and proofs from them, with its records' bytes."""
    rows = reader.records(after=0, limit=2**20)
    leaves = [leaf_hash(row.body) for row in rows]
    size = len(leaves)
    tiles, hashes, level = list[TileRow](), leaves, 0
    while hashes:
        hashes = [root_of(hashes[n : n + TILE]) for n in range(0, len(hashes) // TILE * TILE, TILE)]
        expected = [TileRow(level, n, one) for n, one in enumerate(hashes)]
        assert expected == reader.tiles(level=level, after=-1, limit=2**20)
        tiles, level = tiles + expected, level + 1
    tree = tree_at(reader, size)
    assert root_of(leaves) == tree.root()
    for index in {0, size // 2, size - 1, size // TILE * TILE - 1} - {-1, size}:
        proof = tree.inclusion(index)
        assert tree.root() == root_by_inclusion(leaves[index], index=index, size=size, proof=proof)
    return tiles
