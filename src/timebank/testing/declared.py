"""The optional methods of a store: they work where they are declared, and are not needed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import pytest

from timebank.bank import TimeBank
from timebank.errors import StoreError
from timebank.hours import Hours
from timebank.journal import genesis
from timebank.model import Fault, Head, PostingRow, RecordRow, TextRow
from timebank.storage.protocol import (
    Batch,
    Store,
    adds_late,
    adds_up,
    confirms,
    finds_following,
    finds_many,
    finds_own,
    finds_postings,
    gives_columns,
    has_address,
    is_droppable,
    knows_version,
    makes_bank,
    sees_schema,
    surveys,
    wipes,
)
from timebank.testing.fixtures import StoreUnderTest, needs, sources
from timebank.testing.names import ALIKE
from timebank.testing.rows import both, posting, record, small_bank

_OPTIONAL: Final = frozenset(
    {
        *("add_bank", "address", "check_version", "confirms", "drop", "own_faults"),
        *("schema_faults", "schema_unseen", "sequences", "sums", "late", "wipe"),
        *("last_postings", "records_but", "postings_between", "postings_behind"),
        *("following_id", "record_columns", "posting_columns"),
        *("sequences_by_id", "totals_by_account"),
    }
)


class Declared(StoreUnderTest, part=True):
    """The optional methods of `timebank.storage.protocol`."""

    def test_what_the_store_has_is_declared(self, filled: Store) -> None:
        """A method that is not declared would not be tested; one that is must be there."""
        with filled.writer("main") as writer:
            written, late = finds_many(writer), adds_late(writer)
            making, confirming = makes_bank(writer), confirms(writer)
            following = finds_following(writer)
        with filled.reader("main") as reader:
            found = {
                "adds_up": adds_up(reader),
                "surveys": surveys(reader),
                "finds_postings": finds_postings(reader),
                "gives_columns": gives_columns(reader),
                "adds_late": adds_late(reader) and late,
                "finds_many": finds_many(reader) and written,
                "addressed": has_address(filled),
                "wipes": wipes(filled),
                "versioned": knows_version(reader),
                "sees_schema": sees_schema(reader),
                "finds_own": finds_own(reader),
                "makes_banks": making,
                "confirming": confirming,
                "finds_following": following,
                "droppable": is_droppable(filled.writer("main")),
            }
        assert {name: getattr(self, name) for name in found} == found

    @needs("finds_many")
    def test_many_operations_are_looked_up_at_once(self, store: Store) -> None:
        """Each id that was used, with its record, and no other; a writer sees its own."""
        count = 230
        used = [*ALIKE[::2], *(f"t{number}" for number in range(count))]
        expected = [(id, n) for n, id in enumerate(used, start=1)]
        asked = [*reversed(used), *ALIKE[1::2], "elsewhere"]
        store.make_bank("other", journal="journal-2")
        with store.writer("main") as writer:
            writer.append(Batch([record(n, id=id) for n, id in enumerate(used, start=1)]))
            assert finds_many(writer)
            assert expected == sorted(writer.sequences(asked), key=lambda pair: pair[1])
        with store.writer("other") as writer:
            writer.append(Batch([record(1, id="elsewhere")]))
        with store.reader("main") as reader:
            assert finds_many(reader)
            assert [] == reader.sequences([])
            assert expected == sorted(reader.sequences(asked), key=lambda pair: pair[1])

    @needs("confirming")
    def test_what_is_as_expected_is_confirmed(self, store: Store) -> None:
        """The head that is there, with an id that is free, and nothing else; also of its own."""
        store.make_bank("other", journal="journal-2")
        with store.writer("other") as writer:
            writer.append(Batch([record(1, id="elsewhere")]))
        heads = []
        with store.writer("main") as writer:
            assert confirms(writer)
            heads.append(writer.head())
            for sequence in (1, 2, 3):
                writer.append(Batch([record(sequence, id=f"t{sequence}")]))
                heads.append(writer.head())
        with store.writer("main") as writer:
            assert confirms(writer)
            for head in heads:
                for id in (None, "t1", "t3", "T1", "elsewhere", ""):
                    expected = head == heads[-1] and id not in {"t1", "t3"}
                    given = (head.journal, head.sequence, head.digest)
                    assert expected == writer.confirms(*given, id=id)
            last = heads[-1]
            for wrong in (
                ("journal-2", last.sequence, last.digest),
                (last.journal, last.sequence + 1, last.digest),
                (last.journal, last.sequence, bytes(32)),
                (last.journal, last.sequence, heads[0].digest),
            ):
                assert not writer.confirms(*wrong, id=None)

    @needs("surveys")
    def test_accounts_are_asked_together_for_their_last_postings(self, store: Store) -> None:
        """As each alone, a page at a time, up to any record, of this bank and no other."""
        ids = sorted([*ALIKE, "idle", *(f"m{n:03}" for n in range(120))])
        moved = [id for id in ids if id != "idle"]
        postings = [
            posting(id, version, version * 1000 + place, version, "2026-03-01")
            for version in (1, 2, 3)
            for place, id in enumerate(moved[version % 2 :], start=1)
        ]
        numbers = range(1, max(row.sequence for row in postings) + 1)
        rows = [record(n, kind=["transfer", "due", "reverse"][n % 3]) for n in numbers]
        store.make_bank("other", journal="journal-2")
        for bank, part in (("main", postings), ("other", postings[:1])):
            with store.writer(bank) as writer:
                writer.append(Batch(rows, accounts=both(*ids), postings=part))
        with store.reader("main") as reader:
            assert surveys(reader)
            for through in (None, 999, 2040, 10**6):
                each = [reader.last_posting(id, through=through) for id in ids]
                found, after = list[PostingRow](), ""
                while page := reader.last_postings(after=after, limit=50, through=through):
                    assert len(page) <= 50  # as was asked
                    found, after = found + page, page[-1].account
                assert [row for row in each if row is not None] == found
            for kinds in (["transfer"], ["transfer", "reverse"]):
                wanted = [row for row in rows[5:30] if row.kind not in kinds]
                assert wanted[:4] == reader.records_but(kinds, after=5, through=30, limit=4)
                assert wanted == reader.records_but(kinds, after=5, through=30, limit=99)

    @needs("finds_postings")
    def test_postings_of_many_accounts_are_looked_up_at_once(self, store: Store) -> None:
        """Those above a version and up to another, of few accounts and of many."""
        ids = sorted([*ALIKE, *(f"m{n:03}" for n in range(120))])
        postings = [
            posting(id, version, version, version, "2026-03-01")
            for version in range(1, 6)
            for id in ids
        ]
        store.make_bank("other", journal="journal-2")
        for bank in ("main", "other"):
            rows = [record(n) for n in range(1, 6)]
            with store.writer(bank) as writer:
                writer.append(Batch(rows, accounts=both(*ids), postings=postings))
        with store.reader("main") as reader:
            assert finds_postings(reader)
            for some in ([], ids[:1], ids[:8], ids[:9], ids):
                wanted = [(id, place % 4, 4) for place, id in enumerate(some)]
                expected = [
                    row
                    for id, after, through in wanted
                    for row in reader.postings(id, after=after, limit=through - after)
                ]
                assert expected == sorted(reader.postings_between(wanted))
                behind = [(id, after) for id, after, _ in wanted]
                rest = [reader.postings(id, after=after, limit=9) for id, after in behind]
                assert [row for rows in rest for row in rows] == sorted(
                    reader.postings_behind(behind)
                )

    @needs("gives_columns")
    def test_columns_are_those_of_the_rows(self, filled: Store) -> None:
        """Of records and of postings, also where there are none."""
        with filled.reader("main") as reader:
            assert finds_postings(reader)
            given: Any = reader
            assert gives_columns(given)
            wanted = [(row.account, 0, 9) for row in reader.accounts(after=None, limit=200)]
            for some in (wanted, wanted[:1]):
                rows = reader.postings_between(some)
                assert rows == [*map(PostingRow, *given.posting_columns(some))]
            for after, limit in ((0, 1), (1, 100), (-9, 2)):
                records = reader.records(after=after, limit=limit)
                columns = given.record_columns(after=after, limit=limit)
                assert records == [*map(RecordRow, *columns)]
            assert [] == [*given.record_columns(after=10**6, limit=9)]

    @needs("gives_columns")
    def test_what_all_ids_find_and_accounts_come_to_is_told_at_once(self, filled: Store) -> None:
        """As by an id, of some records or none; and as by an account."""
        with filled.reader("main") as reader:
            assert gives_columns(reader)
            for after, through in ((0, 10**6), (1, 2), (10**6, 10**7)):
                rows = reader.records(after=after, limit=100)
                found = [reader.find(row.id) for row in rows if row.id and row.sequence <= through]
                expected = [row and row.sequence for row in found]
                assert expected == reader.sequences_by_id(after=after, through=through)
            accounts = [row.account for row in reader.accounts(after=None, limit=200)]
            moved = [id for id in accounts if reader.last_posting(id)]
            totals = [(id, *reader.totals(id)) for id in moved]
            assert sorted(totals) == sorted(reader.totals_by_account())

    @needs("finds_following")
    def test_the_id_that_follows_is_found(self, store: Store) -> None:
        """By code point, of this bank, and among what the writer has appended itself."""
        used = sorted(ALIKE[::2])
        store.make_bank("other", journal="journal-2")
        with store.writer("other") as writer:
            writer.append(Batch([record(1, id=ALIKE[1])]))
        with store.writer("main") as writer:
            assert finds_following(writer)
            assert None is writer.following_id("")
            rows = [record(n, id=id) for n, id in enumerate(reversed(used), start=1)]
            writer.append(Batch([*rows, record(len(used) + 1, kind="open_account")]))
            for asked in ("", *ALIKE, "\U0010fffd"):
                expected = next((id for id in used if id >= asked), None)
                assert expected == writer.following_id(asked)

    @needs("sees_schema")
    def test_the_tables_are_as_they_were_made(self, filled: Store) -> None:
        """What is not of this bank's rows alone is looked at, and nothing is wrong with it."""
        with filled.reader("main") as reader:
            assert sees_schema(reader)
            assert [] == list(reader.schema_faults())

    @needs("finds_own")
    def test_what_is_of_one_bank_is_told_apart(self, store: Store) -> None:
        """A reader tells whether there are other banks, and finds nothing wrong with its own."""
        with store.writer("main") as writer:
            writer.append(small_bank())
        with store.reader("main") as reader:
            assert finds_own(reader)
            assert not reader.is_shared()
            assert [] == list(reader.own_faults())
        store.make_bank("other", journal="journal-2")
        for bank in ("main", "other"):
            with store.reader(bank) as reader:
                assert finds_own(reader)
                assert reader.is_shared()
                assert [] == list(reader.own_faults(lambda: None))

    @needs("adds_late")
    def test_what_came_late_is_added_up(self, store: Store) -> None:
        """Above a version and up to another, of days up to one: of this account and bank alone."""
        days = ["2026-03-02", "2026-03-05", "2026-03-01", "2026-03-05", "2026-03-04", "2026-03-02"]
        seconds = [10, 200, -3, 4_000, 50_000, 600_000]
        store.make_bank("other", journal="journal-2")
        for bank, sign in (("main", 1), ("other", -1)):
            postings = [
                posting(account, n, n, sign * times * one, day)
                for times, account in ((1, "m1"), (7, "f1"))
                for n, (one, day) in enumerate(zip(seconds, days, strict=True), start=1)
            ]
            rows = [record(n) for n in range(1, 7)]
            with store.writer(bank) as writer:
                writer.append(Batch(rows, accounts=both("m1", "f1"), postings=postings))
                assert adds_late(writer)
                found = writer.late("m1", after=1, through=5, until="2026-03-04")
                assert sign * 49_997 == found
        with store.reader("main") as reader:
            assert adds_late(reader)
            for after, through, until, expected in (
                (0, 6, "9999-12-31", 654_207),
                (2, 6, "2026-03-04", 649_997),
                (2, 3, "2026-02-28", 0),
                (6, 6, "2026-03-04", 0),
            ):
                assert expected == reader.late("m1", after=after, through=through, until=until)
            assert -21 == reader.late("f1", after=2, through=4, until="2026-03-01")
            assert 0 == reader.late("f2", after=0, through=9, until="2026-03-04")

    @needs("adds_up")
    def test_sums_find_what_does_not_add_up(self, store: Store) -> None:
        """A wrong balance, a transfer that does not cancel out; of this bank, and no other."""
        right = [posting("m1", 1, 2, 3600, "2026-03-01"), posting("f1", 1, 2, -3600, "2026-03-01")]
        wrong = [
            posting("m1", 2, 3, 60, "2026-03-02")._replace(balance=3661),
            posting("f1", 2, 3, -30, "2026-03-02")._replace(balance=-3630),
        ]
        rows = [record(1, kind="open_account"), record(2)]
        store.make_bank("other", journal="journal-2")
        for bank, records, postings in (
            ("main", rows, right),
            ("other", [*rows, record(3)], right + wrong),
        ):
            with store.writer(bank) as writer:
                writer.append(Batch(records, accounts=both("m1", "f1"), postings=postings))
        with store.reader("main") as reader:
            assert adds_up(reader)
            assert [] == list(reader.sums())
        with store.reader("other") as reader:
            assert adds_up(reader)
            assert {
                Fault(
                    "derived",
                    "posting 2 of account 'm1'",
                    f"balance {Hours.from_seconds(3660)}",
                    f"balance {Hours.from_seconds(3661)}",
                ),
                Fault(
                    "zero-sum",
                    "record 3",
                    "postings that sum to 0:00",
                    str(Hours.from_seconds(30)),
                ),
            } == set(reader.sums())

    @needs("addressed")
    def test_the_store_is_opened_by_its_address(self, filled: Store) -> None:
        """It leads to the same banks."""
        assert has_address(filled)
        other = self.open(filled.address)
        try:
            with other.reader("main") as reader, filled.reader("main") as expected:
                assert expected.head() == reader.head()
        finally:
            other.close()

    @needs("wipes")
    def test_a_wipe_says_what_may_remain(self, filled: Store) -> None:
        """In sentences, as often as it is asked for; what is not erased is there after it."""
        with filled.writer("main") as writer:
            writer.append(Batch(erased=[(2, "note")]))
        assert wipes(filled)
        for _ in range(2):
            told = filled.wipe()
            assert (True, True) == (type(told) is tuple, all(type(one) is str for one in told))
        with filled.reader("main") as reading:
            assert sorted(small_bank().texts)[1:] == reading.texts(after=0, through=9)
            assert 5 == reading.head().sequence
            assert small_bank().postings == reading.postings("m1", after=0, limit=9)

    @needs("wipes")
    def test_what_was_wiped_is_in_no_file(self, tmp_path: Path, store: Store) -> None:
        """Where a wipe says that nothing remains no file of the place has the text; others do."""
        gone, kept = (f"{word}-{word[::-1]}-" * 9 for word in ("erased", "remains"))
        with store.writer("main") as writer:
            rows = [TextRow(1, "name", bytes(16), kept), TextRow(1, "note", bytes(16), gone)]
            writer.append(Batch([record(1)], rows))
        with store.writer("main") as writer:
            writer.append(Batch([record(2)], erased=[(1, "note")]))
        assert wipes(store)
        told = store.wipe()
        files = [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()]
        assert (any(kept.encode() in content for content in files)) == bool(files)
        assert told or not any(gone.encode() in content for content in files)

    @needs("versioned")
    def test_a_version_is_the_one_that_is_expected(self, filled: Store) -> None:
        """Tables that were just made are of this version."""
        with filled.reader("main") as reader:
            assert knows_version(reader)
            reader.check_version()

    @needs("makes_banks")
    def test_a_writer_makes_its_bank_in_its_own_commit(self, store: Store) -> None:
        """The bank and its first records are there together, or neither; one that is stays."""
        with pytest.raises(ZeroDivisionError), store.writer("new") as writer:
            assert makes_bank(writer)
            writer.add_bank("j9")
            assert Head("j9", 0, genesis("j9")) == writer.head()
            writer.append(Batch([record(1)]))
            raise ZeroDivisionError
        assert ["main"] == list(store.banks())
        with store.writer("new") as writer:
            assert makes_bank(writer)
            writer.add_bank("j9")
            writer.append(Batch([record(1)]))
        assert ["main", "new"] == list(store.banks())
        with store.writer("new") as writer:
            assert makes_bank(writer)
            writer.add_bank("j10")
            writer.append(Batch([record(2)]))
        with store.reader("new") as reader:
            assert ("j9", 2) == (reader.head().journal, reader.head().sequence)

    @needs("droppable")
    def test_a_block_is_dropped_at_any_time(self, filled: Store) -> None:
        """Before its entry, twice, after its end; what was not committed goes with it."""
        never: Any = filled.writer("main")
        never.drop()
        block: Any = filled.writer("main")
        writer = block.__enter__()
        writer.append(Batch([record(6)]))
        block.drop()
        block.drop()
        with pytest.raises(StoreError):
            writer.head()
        ended: Any = filled.writer("main")  # the lock is free
        with ended as writer:
            assert 5 == writer.head().sequence
            writer.append(Batch([record(6)]))
        ended.drop()
        reading: Any = filled.reader("main")
        with reading as reader:
            reader.head()
        if hasattr(reading, "drop"):
            reading.drop()
        with filled.reader("main") as reader:
            assert 6 == reader.head().sequence

    def test_none_of_it_is_needed(self, store: Store) -> None:
        """A bank on the same store without these methods does the same, in a longer way."""
        bank = TimeBank(_Bare(store), bank="bare", **sources())
        bank.open_account("m1", name="Maria")
        bank.open_account("f1", kind="group")
        with bank.batch() as batch:
            for n in range(9):
                batch.transfer(earner="m1", spender="f1", hours=1, id=f"t{n}", note="clinic")
        assert () == bank.audit().findings
        assert () == bank.audit(quick=True).findings
        assert () == bank.audit(processes=2).findings
        assert bank.erase("m1", reason="asked").remains
        assert () == bank.audit().findings
        assert Hours(9) == TimeBank(store, bank="bare").balance("m1").posted


class _Bare:
    """A store that passes everything on but the optional methods."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.url = store.url

    def __getattr__(self, name: str) -> Any:
        if name in _OPTIONAL:
            raise AttributeError(name)
        return getattr(self._store, name)

    @contextmanager
    def reader(self, bank: str) -> Iterator[Any]:
        """Implement `Store.reader`."""
        with self._store.reader(bank) as reader:
            yield _BareReader(reader)

    @contextmanager
    def writer(self, bank: str) -> Iterator[Any]:
        """Implement `Store.writer`."""
        with self._store.writer(bank) as writer:
            yield _BareReader(writer)


class _BareReader:
    """A reader or writer that passes everything on but the optional methods."""

    def __init__(self, reader: Any) -> None:
        self._reader = reader

    def __getattr__(self, name: str) -> Any:
        if name in _OPTIONAL:
            raise AttributeError(name)
        return getattr(self._reader, name)
