"""A reader: each question of the protocol, of rows that are committed and of those that are not."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from timebank.journal import genesis
from timebank.model import Head, PostingRow
from timebank.storage.memory.overlay import Overlay
from timebank.storage.protocol import Batch, Reader, Store
from timebank.testing.fixtures import StoreUnderTest
from timebank.testing.rows import DAYS, account, both, hold, record, small_bank


class Reading(StoreUnderTest, part=True):
    """The small bank, asked every question."""

    @pytest.fixture(params=["committed", "in a writer", "on an overlay", "half and half"])
    def reader(self, request: pytest.FixtureRequest, store: Store) -> Iterator[Reader]:
        """Give the small bank as each kind of reader sees it."""
        whole = small_bank()
        if request.param == "committed":
            with store.writer("main") as writer:
                writer.append(whole)
            with store.reader("main") as reading:
                yield reading
        elif request.param == "in a writer":
            with store.writer("main") as writer:
                writer.append(whole)
                yield writer
        elif request.param == "on an overlay":
            with store.reader("main") as reading:
                overlay = Overlay(reading)
                overlay.append(whole)
                yield overlay
        else:
            done = hold("f1", 2, held=7)  # resolved by what comes on top
            first = Batch(
                whole.records[:3],
                whole.texts[:1],
                whole.accounts,
                whole.postings[:2],
                [done, *whole.holds[:1]],
                statutes=whole.statutes[:1],
                tiles=whole.tiles[1:3],
            )
            rest = Batch(
                whole.records[3:],
                whole.texts[1:],
                whole.accounts,
                whole.postings[2:],
                whole.holds[1:],
                [done.sequence],
                whole.statutes[1:],
                [*whole.tiles[:1], *whole.tiles[3:]],
            )
            with store.writer("main") as writer:
                writer.append(first)
            with store.reader("main") as reading:
                overlay = Overlay(reading)
                overlay.append(rest)
                yield overlay

    def test_the_head_of_an_empty_bank_is_digest_zero(self, store: Store) -> None:
        """A bank without records has sequence 0 and the digest of its journal's id."""
        with store.reader("main") as reading:
            assert Head("j1", 0, genesis("j1")) == reading.head()

    def test_the_head_is_the_last_record(self, reader: Reader) -> None:
        """The head follows what was appended."""
        assert Head("j1", 5, b"\x05" * 32) == reader.head()

    def test_records_come_in_pages(self, reader: Reader) -> None:
        """`after` is exclusive and `limit` is kept; rows come back equal."""
        rows = small_bank().records
        assert rows == reader.records(after=0, limit=100)
        assert rows[1:3] == reader.records(after=1, limit=2)
        assert [] == reader.records(after=5, limit=2)
        assert [] == reader.records(after=10**30, limit=2)
        assert rows[:2] == reader.records(after=-7, limit=2)
        assert rows == reader.records(after=-(10**30), limit=100)

    def test_an_operation_is_found_by_its_id(self, reader: Reader) -> None:
        """An id finds its record, and no other id does."""
        rows = small_bank().records
        assert [rows[1], rows[3], None] == [reader.find(id) for id in ("t2", "r4", "T2")]

    def test_what_refers_to_a_record_is_found(self, reader: Reader) -> None:
        """Reversals are found by the sequence of their original."""
        assert [small_bank().records[3]] == reader.referring(2)
        assert [] == reader.referring(3)

    def test_texts_come_by_sequence_and_field(self, reader: Reader) -> None:
        """Texts are within (after, through], ordered by (sequence, field), and come back whole."""
        reason, note, other = small_bank().texts
        assert [note, reason, other] == reader.texts(after=0, through=5)
        assert [note, reason] == reader.texts(after=1, through=2)
        assert [other] == reader.texts(after=2, through=4)
        assert [] == reader.texts(after=4, through=99)

    def test_accounts_come_by_code_point(self, store: Store) -> None:
        """No locale, no folding of case: ids are ordered as their code points are."""
        ids = ["é", "E", "z", "Z", "\U0001f600", "\uffff", "a"]
        with store.writer("main") as writer:
            writer.append(Batch([record(1)], accounts={id: account(id) for id in ids}))
            top = Overlay(writer)
            top.append(Batch(accounts={"m": account("m")}))
            assert sorted([*ids, "m"]) == [row.account for row in top.accounts(after=None, limit=9)]
        with store.reader("main") as reading:
            assert sorted(ids) == [row.account for row in reading.accounts(after=None, limit=9)]
            assert ["a", "z"] == [row.account for row in reading.accounts(after="Z", limit=2)]

    def test_an_account_comes_back_equal(self, reader: Reader) -> None:
        """Limits keep their type: an integer, a word or nothing. A duplicate says whose it is."""
        assert account("m1") == reader.account("m1")
        assert small_bank().accounts["x2"] == reader.account("x2")
        assert sorted(small_bank().accounts.values()) == reader.accounts(after=None, limit=9)
        assert None is reader.account("M1")

    def test_the_last_posting_up_to_a_record(self, reader: Reader) -> None:
        """The last posting is by version, and may be asked for as of a record."""
        rows = small_bank().postings
        assert rows[3] == reader.last_posting("m1")
        assert [None, rows[0], rows[2]] == [
            reader.last_posting("m1", through=through) for through in (1, 2, 4)
        ]
        assert rows[3] == reader.last_posting("m1", through=10**30)
        assert None is reader.last_posting("f1")

    def test_postings_come_by_version(self, reader: Reader) -> None:
        """`after` is a version and exclusive."""
        rows = small_bank().postings
        assert rows[1:3] == reader.postings("m1", after=1, limit=2)
        assert [] == reader.postings("m1", after=4, limit=2)

    def test_postings_by_day_in_both_directions(self, reader: Reader) -> None:
        """Ordered by (day, version); both bounds are included, `after` is not."""
        one, two, three, four = small_bank().postings
        by_day: Any = reader.postings_by_day
        assert [two, four, three, one] == by_day("m1", limit=9)
        assert [one, three, four, two] == by_day("m1", newest_first=True, limit=9)
        assert [two, four] == by_day("m1", until=DAYS[1], limit=9)
        assert [three, one] == by_day("m1", since=DAYS[2], limit=9)
        assert [four] == by_day("m1", after=(DAYS[1], 2), limit=1)
        assert [four, two] == by_day("m1", after=(DAYS[2], 3), newest_first=True, limit=9)
        assert [three] == by_day(
            "m1", since=DAYS[2], until=DAYS[2], after=(DAYS[1], 2), newest_first=False, limit=9
        )
        assert [one] == by_day("m1", newest_first=True, limit=1)
        assert [] == by_day("f1", limit=9)

    def test_pages_of_postings_by_day_meet(self, reader: Reader) -> None:
        """Page after page gives what one page gives, in both directions."""
        for newest_first in (False, True):
            whole = reader.postings_by_day("m1", newest_first=newest_first, limit=9)
            paged: list[PostingRow] = []
            while page := reader.postings_by_day(
                "m1",
                after=(paged[-1].day, paged[-1].version) if paged else None,
                newest_first=newest_first,
                limit=1,
            ):
                paged += page
            assert whole == paged

    def test_totals_within_days(self, reader: Reader) -> None:
        """Earned and spent are apart, both positive, and bounded by days."""
        assert (5460, 3600) == reader.totals("m1")
        assert (1860, 3600) == reader.totals("m1", until=DAYS[2])
        assert (0, 3600) == reader.totals("m1", since=DAYS[2], until=DAYS[2])
        assert (0, 0) == reader.totals("f1")

    def test_open_holds_come_by_sequence_and_account(self, reader: Reader) -> None:
        """All rows of the bank; `after` is exclusive, and ends between the rows of one hold."""
        one, two, three = small_bank().holds
        assert [one, two, three] == reader.holds(after=(0, ""), limit=9)
        assert [two] == reader.holds(after=(3, "f1"), limit=1)
        assert [three] == reader.holds(after=(3, "m1"), limit=9)
        assert [three] == reader.holds(after=(4, ""), limit=9)
        assert [] == reader.holds(after=(5, "m1"), limit=9)

    def test_open_holds_of_an_account_come_by_their_end(self, store: Store) -> None:
        """By (expires_at, sequence), so that those that have expired are passed over."""
        rows = [
            hold("m1", 3, held=5, expires_at=-7),
            hold("m1", 2, held=1, expires_at=20),
            hold("m1", 4, held=2, expires_at=20),
            hold("m1", 1, incoming=3),
        ]
        others = [hold("M1", 2, held=9, expires_at=20)]
        batch = Batch([record(n) for n in (1, 2, 3, 4)], accounts=both("m1", "M1"))
        with store.writer("main") as writer:
            writer.append(batch)
            writer.append(Batch(holds=rows[::-1] + others))
            assert rows == writer.holds_of("m1", after=(-10, 0), limit=9)
        with store.reader("main") as reading:
            assert rows[1:] == reading.holds_of("m1", after=(-7, 2**53), limit=9)
            assert rows[2:3] == reading.holds_of("m1", after=(20, 2), limit=1)
            assert rows[3:] == reading.holds_of("m1", after=(20, 4), limit=9)
            assert others == reading.holds_of("M1", after=(0, 0), limit=9)
            assert [] == reading.holds_of("nobody", after=(0, 0), limit=9)

    def test_statutes_come_newest_first(self, reader: Reader) -> None:
        """`before` is exclusive."""
        one, two = small_bank().statutes
        assert [two, one] == reader.statutes(before=2**53 + 1, limit=9)
        assert [two] == reader.statutes(before=5, limit=1)
        assert [one] == reader.statutes(before=4, limit=9)
        assert [] == reader.statutes(before=1, limit=9)

    def test_tiles_come_by_their_number(self, reader: Reader) -> None:
        """Of one level alone; `after` is exclusive, and below zero at the first page."""
        one, two, above, top = small_bank().tiles
        assert [one, two] == reader.tiles(level=0, after=-1, limit=9)
        assert [one] == reader.tiles(level=0, after=-1, limit=1)
        assert [two] == reader.tiles(level=0, after=0, limit=9)
        assert [] == reader.tiles(level=0, after=1, limit=9)
        assert [above] == reader.tiles(level=1, after=-1, limit=1)
        assert [top] == reader.tiles(level=2, after=-(10**6), limit=9)
        assert [] == reader.tiles(level=3, after=-1, limit=9)

    def test_a_sound_store_has_no_faults(self, reader: Reader) -> None:
        """Nothing is found where nothing is wrong."""
        assert [] == list(reader.faults(lambda: None))
