"""Ids, names and texts: kept to the last code point, and told apart by it."""

from __future__ import annotations

from typing import Final

from timebank.bank import TimeBank
from timebank.model import MAX_INTEGER, NEVER, HoldRow, StatuteRow, TextRow, TileRow
from timebank.storage.protocol import Batch, Store
from timebank.testing.fixtures import StoreUnderTest
from timebank.testing.rows import DAYS, account, hold, posting, record

#: Ids that a careless comparison takes for one another: by case, accent, width, blank.
ALIKE: Final = (
    *("a", "A", "á", "à", "ä", "å", "ª", "\uff41", "\U0001d41a", "\u0430"),
    *("i", "I", "ı", "İ", "ss", "ß", "ẞ", "SS", "ſs", "ﬁ", "fi", "ø", "o", "ö"),
    *("a b", "a  b", "a\u00a0b", "a\u2003b", "ab", "a-b", "a_b", "a%b", "a.b", "a'b", 'a"b'),
    *("1", "01", "1.0", "１", "①", "²", "2"),
    *("\ufffd", "\U0001f600", "\U0001f601", "\U0010fffd", "\ue000", "~", "\u00ad", "a\u00ad"),
    *("\\", "\\\\", "%s", "?", ":a", "NULL", "null", "x" * 128, "x" * 127 + "y"),
    "\U0001f600" * 128,
)
#: Texts that storages cut, strip, quote or refuse.
TEXTS: Final = (
    *("", " ", "  a  ", "a\n", "\r\n", "\0", "a\0b", "\x7f", "\ufeff", "\uffff", "e\u0301"),
    *("'", '"', "\\", "\\'", "%s %d %%", "{}", "--", "\U0001f600" * 2_500, "x" * 10_000),
)


class Names(StoreUnderTest, part=True):
    """What is written comes back as it was, and is found under no other name."""

    def test_accounts_that_look_alike_are_apart(self, store: Store) -> None:
        """By case, accent, width and blank: each is found as itself, in order of code points."""
        with store.writer("main") as writer:
            rows = {id: account(id) for id in ALIKE}
            postings = [posting(id, 1, 1, n, DAYS[0]) for n, id in enumerate(ALIKE, start=1)]
            writer.append(Batch([record(1)], accounts=rows, postings=postings))
        with store.reader("main") as reader:
            assert sorted(ALIKE) == [row.account for row in reader.accounts(after=None, limit=999)]
            for n, id in enumerate(ALIKE, start=1):
                assert account(id) == reader.account(id)
                assert [posting(id, 1, 1, n, DAYS[0])] == reader.postings(id, after=0, limit=9)
                after = [row.account for row in reader.accounts(after=id, limit=999)]
                assert [other for other in sorted(ALIKE) if other > id] == after

    def test_holds_of_accounts_that_look_alike_are_apart(self, store: Store) -> None:
        """One hold of them all: each has its own row, in order of code points, until it ends."""
        ids = sorted(ALIKE)
        rows = [hold(id, 1, held=n) for n, id in enumerate(ids, start=1)]
        with store.writer("main") as writer:
            writer.append(Batch([record(1)], accounts={id: account(id) for id in ids}, holds=rows))
            assert rows == writer.holds(after=(0, ""), limit=999)
        with store.reader("main") as reader:
            assert rows == reader.holds(after=(0, ""), limit=999)
            for n, row in enumerate(rows, start=1):
                assert [row] == reader.holds_of(row.account, after=(0, 0), limit=999)
                assert rows[n:] == reader.holds(after=(1, row.account), limit=999)
        with store.writer("main") as writer:
            writer.append(Batch(resolved=[1]))
        with store.reader("main") as reader:
            assert [] == reader.holds(after=(0, ""), limit=999)

    def test_operations_that_look_alike_are_apart(self, store: Store) -> None:
        """An id names one record and no other; an id that was not used finds none."""
        used, free = ALIKE[::2], ALIKE[1::2]
        with store.writer("main") as writer:
            writer.append(Batch([record(n, id=id) for n, id in enumerate(used, start=1)]))
            assert [None] * len(free) == [writer.find(id) for id in free]
        with store.reader("main") as reader:
            found = [reader.find(id) for id in used]
            assert list(range(1, len(used) + 1)) == [row and row.sequence for row in found]
            assert [None] * len(free) == [reader.find(id) for id in free]

    def test_banks_that_look_alike_are_apart(self, store: Store) -> None:
        """Each bank has its own journal, and they are listed in the order of code points."""
        for n, name in enumerate(ALIKE):
            store.make_bank(name, journal=f"journal-{n}")
        assert sorted([*ALIKE, "main"]) == list(store.banks())
        for n, name in enumerate(ALIKE):
            with store.reader(name) as reader:
                assert (f"journal-{n}", 0) == (reader.head().journal, reader.head().sequence)

    def test_texts_come_back_whole(self, store: Store) -> None:
        """Blanks, NUL, quotes, ten thousand characters: not one is lost or changed."""
        rows = [TextRow(n, "note", bytes(16), text) for n, text in enumerate(TEXTS, start=1)]
        with store.writer("main") as writer:
            writer.append(Batch([record(n) for n in range(1, len(rows) + 1)], rows))
            assert rows == writer.texts(after=0, through=len(rows))
        with store.reader("main") as reader:
            assert rows == reader.texts(after=0, through=len(rows))

    def test_the_largest_numbers_come_back(self, store: Store) -> None:
        """Seconds, balances, limits and instants within ±2**53, and bytes of every value."""
        most = MAX_INTEGER
        limits = account("m1")._replace(floor=-most, ceiling=most)
        open_ended = account("m2")._replace(floor=None, ceiling=0, joined_on=None, named=1)
        postings = [
            posting("m1", 1, 1, most, "0001-01-01"),
            posting("m1", 2, 1, -most, "9999-12-31"),
        ]
        holds = [HoldRow("m1", -most, 1, most, most), HoldRow("m2", NEVER, 1, 0, most)]
        statutes = [StatuteRow(1, "\U0001f600" * 128)]
        tiles = [TileRow(0, most, bytes(range(32))), TileRow(6, most, bytes(range(255, 223, -1)))]
        rows = record(1)._replace(body=bytes(range(256)) * 400, digest=bytes(range(32)))
        with store.writer("main") as writer:
            both = {"m1": limits, "m2": open_ended}
            batch = Batch([rows], accounts=both, postings=postings, holds=holds)
            batch.statutes, batch.tiles = statutes, tiles
            writer.append(batch)
        with store.reader("main") as reader:
            assert [rows] == reader.records(after=0, limit=9)
            assert [limits, open_ended] == reader.accounts(after=None, limit=9)
            assert postings == reader.postings_by_day("m1", limit=9)
            assert (most, most) == reader.totals("m1")
            assert holds == reader.holds(after=(0, ""), limit=9)
            assert holds[:1] == reader.holds_of("m1", after=(-most, 0), limit=9)
            assert [] == reader.holds_of("m2", after=(NEVER, most), limit=9)
            assert statutes == reader.statutes(before=most + 1, limit=9)
            assert [tiles[:1], tiles[1:]] == [
                reader.tiles(level=level, after=most - 1, limit=9) for level in (0, 6)
            ]

    def test_names_through_the_bank(self, store: Store) -> None:
        """A whole bank under such a name, with such accounts, passes its audit."""
        name = "Città \U0001f600 'o%s"
        bank = TimeBank(store, bank=name)
        for id in ("ß", "SS", "ss", "a b", "a  b"):
            bank.open_account(id, kind="fund", name=f"name of {id}")
        bank.transfer(earner="ß", spender="ss", hours=1, id="\U0001f600", note=" '%s")
        assert " '%s" == bank.transfer_by_id("\U0001f600").note
        assert ["name of SS", "name of a  b"] == [bank.account(id).name for id in ("SS", "a  b")]
        assert () == bank.audit().findings
