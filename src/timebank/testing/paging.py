"""Pages: of every size, and while another writes."""

from __future__ import annotations

from timebank.bank import TimeBank
from timebank.model import HoldRow, StatuteRow, TileRow
from timebank.storage.protocol import Batch, Reader, Store
from timebank.testing.fixtures import StoreUnderTest, sources
from timebank.testing.rows import account, both, hold, posting, record, tile

COUNT = 23


class Paging(StoreUnderTest, part=True):
    """Page after page, nothing is missed and nothing comes twice."""

    def test_pages_of_every_size_meet(self, store: Store) -> None:
        """Records, accounts and postings, by pages of any size, are what one page gives."""
        ids = [f"m{n:03}" for n in range(COUNT)]
        with store.writer("main") as writer:
            postings = [posting("m001", n, n, n, f"2026-01-{n:02}") for n in range(1, COUNT + 1)]
            records = [record(n) for n in range(1, COUNT + 1)]
            writer.append(
                Batch(records, accounts={id: account(id) for id in ids}, postings=postings)
            )
        for size in (1, 2, 3, COUNT - 1, COUNT, COUNT + 1):
            with store.reader("main") as reader:
                sequences, versions = [0], [0]
                while page := reader.records(after=sequences[-1], limit=size):
                    sequences += [row.sequence for row in page]
                while rows := reader.postings("m001", after=versions[-1], limit=size):
                    versions += [row.version for row in rows]
                names: list[str] = []
                while found := reader.accounts(after=names[-1] if names else None, limit=size):
                    names += [row.account for row in found]
            assert list(range(COUNT + 1)) == sequences == versions
            assert ids == names

    def test_pages_of_holds_and_statutes_meet(self, store: Store) -> None:
        """In a reader, and in a writer that has just resolved some and added others."""
        numbers = range(1, COUNT + 1)
        rows = [
            hold(id, n, held=n, expires_at=n % 5)
            for n in numbers
            for id in ("a", "b", "c")[: n % 4]
        ]
        statutes = [StatuteRow(n, f"v{n % 3}") for n in numbers]
        with store.writer("main") as writer:
            batch = Batch([record(n) for n in numbers], accounts=both("a", "b", "c"), holds=rows)
            batch.statutes = statutes
            writer.append(batch)
        with store.reader("main") as reader:
            _pages_meet(reader, rows, statutes)
        more = [hold(id, COUNT + 1, incoming=1, expires_at=2) for id in ("a", "c")]
        ended = list(range(2, COUNT - 1))
        rows = [row for row in rows if row.sequence not in ended] + more
        statutes = [*statutes, StatuteRow(COUNT + 1, "v0")]
        with store.writer("main") as writer:
            batch = Batch([record(COUNT + 1)], holds=more, resolved=ended)
            batch.statutes = statutes[-1:]
            writer.append(batch)
            _pages_meet(writer, rows, statutes)
        with store.reader("main") as reader:
            _pages_meet(reader, rows, statutes)

    def test_pages_of_tiles_meet(self, store: Store) -> None:
        """Of each level, in a writer that has just added some, and in a reader."""
        rows = [tile(level, n) for level in (0, 1, 6) for n in range(COUNT - level)]
        with store.writer("main") as writer:
            writer.append(Batch(tiles=rows[::2]))
        with store.writer("main") as writer:
            writer.append(Batch(tiles=rows[1::2]))
            _pages_of_tiles_meet(writer, rows)
        with store.reader("main") as reader:
            _pages_of_tiles_meet(reader, rows)

    def test_a_follower_misses_no_record(self, store: Store) -> None:
        """Records that are committed between two pages come, in order, and once."""
        written, seen = 0, list[int]()
        for size in (1, 2, 3, 5, 1, 8, 2, 2, 9, 9):
            with store.writer("main") as writer:
                more = range(written + 1, written + 4)
                writer.append(Batch([record(n) for n in more]))
            written += len(more)
            with store.reader("main") as reader:
                page = reader.records(after=seen[-1] if seen else 0, limit=size)
            seen += [row.sequence for row in page]
            assert list(range(1, len(seen) + 1)) == seen
        with store.reader("main") as reader:
            seen += [row.sequence for row in reader.records(after=seen[-1], limit=999)]
        assert list(range(1, written + 1)) == seen

    def test_a_banks_lists_go_on_while_it_is_written_to(self, store: Store) -> None:
        """Lazy lists pin nothing: what is recorded meanwhile comes too, in its place."""
        bank = TimeBank(store, bank="paged", **sources())
        bank.open_account("a", kind="fund")
        bank.open_account("b", kind="fund")
        records = bank.records()
        assert [1, 2] == [next(records).sequence for _ in range(2)]
        for n in range(3):
            bank.transfer(earner="a", spender="b", hours=1, id=f"t{n}")
        transfers = bank.transfers(newest_first=True)
        assert "t2" == next(transfers).id
        bank.transfer(earner="a", spender="b", hours=1, id="t3")
        assert ["t1", "t0"] == [transfer.id for transfer in transfers]
        assert [3, 4, 5, 6] == [found.sequence for found in bank.records(after=2)]
        assert [3, 4, 5, 6] == [found.sequence for found in records]


def _pages_meet(reader: Reader, rows: list[HoldRow], statutes: list[StatuteRow]) -> None:
    """Check that pages of any size give these rows of holds, and these statutes."""
    for size in (1, 2, 3, len(rows), len(rows) + 1):
        found: list[HoldRow] = []
        after = (0, "")
        while page := reader.holds(after=after, limit=size):
            found += page
            after = (page[-1].sequence, page[-1].account)
        assert rows == found
        for id in ("a", "b", "c"):
            ends: list[HoldRow] = []
            end = (-1, 0)
            while page := reader.holds_of(id, after=end, limit=size):
                ends += page
                end = (page[-1].expires_at, page[-1].sequence)
            own = [row for row in rows if row.account == id]
            assert sorted(own, key=lambda row: (row.expires_at, row.sequence)) == ends
        adopted: list[StatuteRow] = []
        while versions := reader.statutes(
            before=adopted[-1].sequence if adopted else 99, limit=size
        ):
            adopted += versions
        assert statutes[::-1] == adopted


def _pages_of_tiles_meet(reader: Reader, rows: list[TileRow]) -> None:
    """Check that pages of any size give these tiles, level by level."""
    for size in (1, 2, 3, COUNT, COUNT + 1):
        found: list[TileRow] = []
        for level in range(8):
            after = -1
            while page := reader.tiles(level=level, after=after, limit=size):
                found += page
                after = page[-1].tile
        assert rows == found
