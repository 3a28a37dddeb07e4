"""A writer: the rows that it keeps, and those that it refuses."""

from __future__ import annotations

from typing import Any, cast

import pytest

from timebank.errors import BankNotFound, Conflict, InvalidRequest, StoreError
from timebank.model import Head, StatuteRow, TextRow
from timebank.storage.memory.overlay import Overlay
from timebank.storage.protocol import Batch, Reader, Store
from timebank.testing.fixtures import StoreUnderTest, needs
from timebank.testing.rows import (
    DAYS,
    account,
    both,
    everything,
    hold,
    posting,
    record,
    small_bank,
    tile,
)


class Writing(StoreUnderTest, part=True):
    """Atomic, exclusive, and in order."""

    def test_an_exception_takes_back_everything(self, filled: Store) -> None:
        """An error that leaves the block leaves nothing behind."""

        class Interrupted(Exception):
            pass

        with pytest.raises(Interrupted), filled.writer("main") as writer:
            writer.append(Batch([record(6, id="t6")], accounts={"x": account("x", opened=6)}))
            assert 6 == writer.head().sequence
            raise Interrupted
        with filled.reader("main") as reading:
            assert (5, None, None) == (
                reading.head().sequence,
                reading.find("t6"),
                reading.account("x"),
            )
        with filled.writer("main") as writer:
            writer.append(Batch([record(6, id="t6")]))

    @pytest.mark.parametrize(
        "batch",
        [
            Batch([record(5)]),
            Batch([record(7)]),
            Batch([record(6), record(8)]),
            Batch([record(6, id="t2")]),
            Batch([record(6, id="new"), record(7, id="new")]),
            Batch([record(6)], postings=[posting("m1", 4, 6, 1, DAYS[0])]),
            Batch(texts=[TextRow(2, "note", b"x" * 16, "another")]),
            Batch(holds=[hold("m1", 3, held=1)]),
            Batch(holds=[hold("m1", 3, held=1, expires_at=7)]),
            Batch([record(6)], holds=[hold("m1", 6, held=n, expires_at=n) for n in (1, 2)]),
            Batch(statutes=[StatuteRow(4, "v3")]),
            Batch(tiles=[tile(1, 0)._replace(hash=bytes(32))]),
            Batch(tiles=[tile(0, 2), tile(0, 2)]),
        ],
        ids=[
            *("taken", "gap", "inner gap", "id", "id twice", "version", "text"),
            *("hold", "hold with another end", "hold twice", "statute"),
            *("tile", "tile twice"),
        ],
    )
    def test_what_does_not_follow_is_a_conflict(self, filled: Store, batch: Batch) -> None:
        """A taken key or a gap is refused; the writer then takes no more and commits nothing."""
        with filled.reader("main") as reading:
            overlay = Overlay(reading)
            with pytest.raises(Conflict):
                overlay.append(batch)
        with (
            pytest.raises(StoreError, match="nothing was written"),
            filled.writer("main") as writer,
        ):
            writer.append(Batch(accounts={"m1": account("m1", status="frozen")}))
            with pytest.raises(Conflict):
                writer.append(batch)
            with pytest.raises(StoreError, match="can only be left"):
                writer.append(Batch([record(6)]))
        with filled.reader("main") as reading:
            assert (account("m1"), 5) == (reading.account("m1"), reading.head().sequence)

    def test_a_conflict_that_leaves_the_block_is_told(self, filled: Store) -> None:
        """The caller sees the conflict itself."""
        with pytest.raises(Conflict), filled.writer("main") as writer:
            writer.append(Batch([record(5)]))

    def test_derived_rows_are_made_anew(self, filled: Store) -> None:
        """`anew` throws away what was derived, of this bank alone, and leaves the journal."""
        filled.make_bank("other", journal="j2")
        with filled.writer("other") as writer:
            writer.append(small_bank())
        with filled.writer("main") as writer:
            new = posting("m2", 1, 2, 5, DAYS[0])
            writer.append(Batch(anew=True, accounts={"m2": account("m2")}, postings=[new]))
            held = [hold("m2", 3, held=4)]
            statutes = [StatuteRow(2, "v9")]
            tiles = [tile(0, 1)._replace(hash=b"\xff" * 32)]
            again = Batch(accounts=both("m3"), holds=held, statutes=statutes, tiles=tiles)
            assert None is writer.account("m1")
            assert [] == writer.postings("m1", after=0, limit=9)
            assert (None, (0, 0)) == (writer.last_posting("m1"), writer.totals("m1"))
            assert [] == writer.postings_by_day("m1", limit=9)
            assert [] == writer.holds(after=(0, ""), limit=9)
            assert [] == writer.holds_of("m1", after=(0, 0), limit=9)
            assert [] == writer.statutes(before=99, limit=9)
            assert [] == [
                row for n in (0, 1, 2) for row in writer.tiles(level=n, after=-1, limit=9)
            ]
            writer.append(again)
        with filled.reader("main") as reading:
            assert ["m2", "m3"] == [row.account for row in reading.accounts(after=None, limit=9)]
            assert [new] == reading.postings("m2", after=0, limit=9)
            assert ([], []) == (reading.postings("m1", after=0, limit=9), list(reading.faults()))
            assert held == reading.holds(after=(0, ""), limit=9)
            assert statutes == reading.statutes(before=99, limit=9)
            assert tiles == reading.tiles(level=0, after=-1, limit=9)
            assert [] == reading.tiles(level=1, after=-1, limit=9)
            assert 5 == len(reading.records(after=0, limit=9))
        with filled.reader("other") as reading:
            assert 4 == len(reading.postings("m1", after=0, limit=9))
            assert small_bank().holds == reading.holds(after=(0, ""), limit=9)
            assert small_bank().tiles[:2] == reading.tiles(level=0, after=-1, limit=9)

    def test_a_resolved_hold_leaves_no_row(self, filled: Store) -> None:
        """All rows of it go, of no other hold and no other bank; one that is not there is none."""
        one, _, three = small_bank().holds
        filled.make_bank("other", journal="j2")
        with filled.writer("other") as writer:
            writer.append(small_bank())
        new = hold("f1", 6, held=8)
        with filled.writer("main") as writer:
            writer.append(Batch([record(6)], holds=[new], resolved=[3, 2]))
            assert [three, new] == writer.holds(after=(0, ""), limit=9)
            assert [new] == writer.holds_of("f1", after=(0, 0), limit=9)
        with filled.reader("main") as reading:
            assert [three, new] == reading.holds(after=(0, ""), limit=9)
            assert [three] == reading.holds_of("m1", after=(0, 0), limit=9)
            overlay = Overlay(reading)
            overlay.append(Batch(resolved=[6]))
            assert [three] == overlay.holds(after=(0, ""), limit=1)
            assert [] == overlay.holds_of("f1", after=(0, 0), limit=1)
        with filled.reader("other") as reading:
            assert [one] == reading.holds_of("f1", after=(0, 0), limit=9)

    def test_a_resolved_hold_comes_back_with_a_rebuild(self, filled: Store) -> None:
        """A hold that was resolved before `anew` is forgotten, in one block too."""
        one, two, three = small_bank().holds
        with filled.writer("main") as writer:
            writer.append(Batch(resolved=[3]))
            writer.append(Batch(anew=True, accounts=both("m1", "f1"), holds=[one, two]))
            writer.append(Batch(holds=[three]))
            assert [one, two, three] == writer.holds(after=(0, ""), limit=9)
            writer.append(Batch(resolved=[5]))
            assert [one, two] == writer.holds(after=(0, ""), limit=9)
        with filled.reader("main") as reading:
            assert [one, two] == reading.holds(after=(0, ""), limit=9)
            assert [one] == reading.holds_of("f1", after=(0, 0), limit=9)

    def test_a_rebuild_taken_back_leaves_all_as_it_was(self, filled: Store) -> None:
        """After a rollback the derived rows and their guards are there."""
        with pytest.raises(ZeroDivisionError), filled.writer("main") as writer:
            writer.append(Batch(anew=True))
            raise ZeroDivisionError
        with filled.reader("main") as reading:
            assert 4 == len(reading.postings("m1", after=0, limit=9))
            assert [] == list(reading.faults())

    def test_banks_are_apart(self, filled: Store) -> None:
        """The same ids and sequences in another bank are others."""
        filled.make_bank("andere", journal="j2")
        assert ["andere", "main"] == list(filled.banks())
        with filled.writer("andere") as writer:
            writer.append(Batch([record(1, id="t2")]))
        with filled.reader("andere") as reading:
            assert Head("j2", 1, b"\x01" * 32) == reading.head()
            assert [record(1, id="t2")] == reading.records(after=0, limit=9)
            assert None is reading.account("m1")

    def test_an_empty_bank_beside_a_full_one_is_empty(self, filled: Store) -> None:
        """Not one question about it is answered from the other, nor by the store on the whole."""
        filled.make_bank("empty", journal="j2")
        filled.make_bank("aaa", journal="j3")
        for bank in ("empty", "aaa"):
            with filled.reader(bank) as reader:
                nothing = everything(reader)[1:]
            rows: list[object] = [
                [],
                [None] * 3,
                [[]] * 3,
                [],
                [None] * 4,
                [],
                None,
                [],
                [],
                (0, 0),
            ]
            assert [*rows, [], [], [], [[]] * 4] == nothing

    def test_many_refer_to_one_record(self, filled: Store) -> None:
        """They come in order, whatever else refers to others, in a writer and after it."""
        with filled.writer("main") as writer:
            writer.append(Batch([record(n, refers_to=2 if n % 2 else 3) for n in range(6, 16)]))
            assert [4, 7, 9, 11, 13, 15] == [row.sequence for row in writer.referring(2)]
        with filled.reader("main") as reader:
            assert [4, 7, 9, 11, 13, 15] == [row.sequence for row in reader.referring(2)]
            assert [6, 8, 10, 12, 14] == [row.sequence for row in reader.referring(3)]

    def test_a_bank_is_made_once(self, filled: Store) -> None:
        """A second time nothing happens, whatever the journal's id."""
        filled.make_bank("main", journal="another")
        with filled.reader("main") as reading:
            assert "j1" == reading.head().journal

    def test_a_bank_that_is_not_there(self, store: Store) -> None:
        """The head says so; every other question finds nothing, and none makes it."""
        with store.reader("nowhere") as reading, pytest.raises(BankNotFound) as caught:
            reading.head()
        assert "nowhere" == caught.value.bank
        store.make_bank("empty", journal="j2")
        with store.reader("empty") as reading:
            nothing = everything(reading)[1:]
        with store.reader("nowhere") as reading:
            assert nothing == everything(cast("Reader", _Headless(reading)))[1:]
        assert ["empty", "main"] == list(store.banks())
        with pytest.raises(BankNotFound), store.writer("nowhere") as writer:
            writer.append(Batch([record(1)]))
        with store.writer("nowhere"):
            pass  # an empty transaction on no bank is no error

    def test_a_block_of_many_batches_is_one_commit(self, store: Store) -> None:
        """Two of a thousand records, all or nothing, and seen by the writer before they are."""
        batches = [
            Batch([record(n, id=f"t{n}") for n in range(first, first + 1000)])
            for first in (1, 1001)
        ]
        error = ZeroDivisionError()
        with pytest.raises(ZeroDivisionError) as caught, store.writer("main") as writer:
            for batch in batches:
                writer.append(batch)
            assert 2000 == writer.head().sequence
            raise error
        assert error is caught.value
        with store.reader("main") as reading:
            assert (0, None) == (reading.head().sequence, reading.find("t1"))
        with store.writer("main") as writer:
            for batch in batches:
                writer.append(batch)
        with store.reader("main") as reading:
            assert 2000 == reading.head().sequence
            assert batches[1].records[-1] == reading.find("t2000")

    def test_what_is_closed_answers_no_more(self, filled: Store) -> None:
        """Readers, writers and stores refuse every call after their end; closing twice is safe."""
        with filled.reader("main") as reading:
            reading.head()
        with filled.writer("main") as writer:
            writer.head()
        for ended in (reading, writer):
            with pytest.raises(StoreError, match="closed"):
                ended.head()
            with pytest.raises(StoreError, match="closed"):
                ended.find("t2")
        with pytest.raises(StoreError, match="closed"):
            writer.append(Batch())
        filled.close()
        filled.close()
        for call in (
            filled.banks,
            lambda: filled.make_bank("x", journal="j9"),
            lambda: filled.reader("main").__enter__(),
            lambda: filled.writer("main").__enter__(),
        ):
            with pytest.raises(StoreError, match="closed"):
                call()

    def test_a_thread_that_would_wait_for_itself_is_told(self, filled: Store) -> None:
        """A second writer on the thread that holds one is refused at once, the first lives on."""
        with filled.writer("main") as writer:
            with pytest.raises(InvalidRequest, match="on this thread"):
                filled.writer("main").__enter__()
            writer.append(Batch([record(6)]))
        with filled.reader("main") as reading:
            assert 6 == reading.head().sequence

    @needs("guards")
    def test_the_storage_refuses_to_change_a_record(self, url: str, filled: Store) -> None:
        """Past the library too: the second half of a pair."""
        with pytest.raises(Exception, match=r".") as caught:
            self.tamper(url, "main", 2)
        assert not isinstance(caught.value, NotImplementedError)
        with filled.reader("main") as reading:
            assert small_bank().records == reading.records(after=0, limit=9)

    @needs("translated")
    def test_errors_of_the_driver_are_translated(self) -> None:
        """Each becomes the error that says what it means."""
        for error, expected in self.driver_errors():
            assert expected is type(self.translate(error)), error


class _Headless:
    """A reader whose head is not asked."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    def __getattr__(self, name: str) -> Any:
        return getattr(self._reader, name)

    def head(self) -> None:
        """Say nothing."""
