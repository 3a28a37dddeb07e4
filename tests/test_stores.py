"""What every store does alike: one set of tests over each of them."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import pytest

from timebank.errors import (
    BankNotFound,
    Conflict,
    InvalidRequest,
    StoreBusy,
    StoreError,
    WrongType,
)
from timebank.journal import genesis
from timebank.model import AccountRow, Head, PostingRow, RecordRow, TextRow
from timebank.storage import Batch, Reader, Store, open_store
from timebank.storage.lock import WriterLock
from timebank.storage.memory import MemoryStore
from timebank.storage.overlay import Overlay
from timebank.storage.sqlite import open_sqlite

DAYS = ("2026-03-03", "2026-03-01", "2026-03-02", "2026-03-01")


def record(sequence: int, *, id: str | None = None, refers_to: int | None = None) -> RecordRow:
    """A record whose digest is its sequence: a store does not verify."""
    return RecordRow(sequence, bytes([sequence]) * 32, b'{"n":%d}' % sequence, id, refers_to)


def account(id: str, *, opened: int = 1, status: str = "open") -> AccountRow:
    """An account with every type a limit may have."""
    return AccountRow(id, "member", status, "2026-01-31", -7200, "inherit", opened, None)


def posting(id: str, version: int, sequence: int, seconds: int, day: str) -> PostingRow:
    """A posting; its balance is of no interest here."""
    return PostingRow(id, version, sequence, seconds, seconds, day)


def small_bank() -> Batch:
    """Two accounts, four postings out of the order of their days, one reversal."""
    return Batch(
        records=[
            record(1),
            record(2, id="t2"),
            record(3, id="t3"),
            record(4, id="r4", refers_to=2),
            record(5, id="t5"),
        ],
        texts=[
            TextRow(2, "reason", b"s" * 16, "perché"),
            TextRow(2, "note", b"t" * 16, "a\0b"),
            TextRow(4, "reason", b"u" * 16, ""),
        ],
        accounts={id: account(id) for id in ("m1", "f1")},
        postings=[
            posting("m1", 1, 2, 3600, DAYS[0]),
            posting("m1", 2, 3, 1800, DAYS[1]),
            posting("m1", 3, 4, -3600, DAYS[2]),
            posting("m1", 4, 5, 60, DAYS[3]),
        ],
    )


@pytest.fixture(params=["memory:", "sqlite://", "sqlite:///{}/bank.db"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    """An empty store with one bank, `main`."""
    opened = open_store(request.param.format(tmp_path), create=True)
    opened.make_bank("main", journal="j1")
    yield opened
    opened.close()


@pytest.fixture
def filled(store: Store) -> Store:
    """The store with a small bank in it."""
    with store.writer("main") as writer:
        writer.append(small_bank())
    return store


@pytest.fixture(params=["committed", "in a writer", "on an overlay", "half and half"])
def reader(request: pytest.FixtureRequest, store: Store) -> Iterator[Reader]:
    """The small bank as each kind of reader sees it."""
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
        first = Batch(whole.records[:3], whole.texts[:1], {"m1": account("m1")}, whole.postings[:2])
        rest = Batch(whole.records[3:], whole.texts[1:], whole.accounts, whole.postings[2:])
        with store.writer("main") as writer:
            writer.append(first)
        with store.reader("main") as reading:
            overlay = Overlay(reading)
            overlay.append(rest)
            yield overlay


# -- reading -----------------------------------------------------------------------


def test_the_head_of_an_empty_bank_is_digest_zero(store: Store) -> None:
    """A bank without records has sequence 0 and the digest of its journal's id."""
    with store.reader("main") as reading:
        assert Head("j1", 0, genesis("j1")) == reading.head()


def test_the_head_is_the_last_record(reader: Reader) -> None:
    """The head follows what was appended."""
    assert Head("j1", 5, b"\x05" * 32) == reader.head()


def test_records_come_in_pages(reader: Reader) -> None:
    """`after` is exclusive and `limit` is kept; rows come back equal."""
    rows = small_bank().records
    assert rows == reader.records(after=0, limit=100)
    assert rows[1:3] == reader.records(after=1, limit=2)
    assert [] == reader.records(after=5, limit=2)
    assert [] == reader.records(after=10**30, limit=2)


def test_an_operation_is_found_by_its_id(reader: Reader) -> None:
    """An id finds its record, and no other id does."""
    rows = small_bank().records
    assert [rows[1], rows[3], None] == [reader.find(id) for id in ("t2", "r4", "T2")]


def test_what_refers_to_a_record_is_found(reader: Reader) -> None:
    """Reversals are found by the sequence of their original."""
    assert [small_bank().records[3]] == reader.referring(2)
    assert [] == reader.referring(3)


def test_texts_come_by_sequence_and_field(reader: Reader) -> None:
    """Texts are within (after, through], ordered by (sequence, field), and come back whole."""
    reason, note, other = small_bank().texts
    assert [note, reason, other] == reader.texts(after=0, through=5)
    assert [note, reason] == reader.texts(after=1, through=2)
    assert [other] == reader.texts(after=2, through=4)


def test_accounts_come_by_code_point(store: Store) -> None:
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


def test_an_account_comes_back_equal(reader: Reader) -> None:
    """Limits keep their type: an integer, a word or nothing."""
    assert account("m1") == reader.account("m1")
    assert None is reader.account("M1")


def test_the_last_posting_up_to_a_record(reader: Reader) -> None:
    """The last posting is by version, and may be asked for as of a record."""
    rows = small_bank().postings
    assert rows[3] == reader.last_posting("m1")
    assert [None, rows[0], rows[2]] == [
        reader.last_posting("m1", through=through) for through in (1, 2, 4)
    ]
    assert rows[3] == reader.last_posting("m1", through=10**30)
    assert None is reader.last_posting("f1")


def test_postings_come_by_version(reader: Reader) -> None:
    """`after` is a version and exclusive."""
    rows = small_bank().postings
    assert rows[1:3] == reader.postings("m1", after=1, limit=2)
    assert [] == reader.postings("m1", after=4, limit=2)


def test_postings_by_day_in_both_directions(reader: Reader) -> None:
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


def test_pages_of_postings_by_day_meet(reader: Reader) -> None:
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


def test_totals_within_days(reader: Reader) -> None:
    """Earned and spent are apart, both positive, and bounded by days."""
    assert (5460, 3600) == reader.totals("m1")
    assert (1860, 3600) == reader.totals("m1", until=DAYS[2])
    assert (0, 3600) == reader.totals("m1", since=DAYS[2], until=DAYS[2])
    assert (0, 0) == reader.totals("f1")


def test_a_sound_store_has_no_faults(reader: Reader) -> None:
    """Nothing is found where nothing is wrong."""
    assert [] == list(reader.faults(lambda: None))


# -- writing -----------------------------------------------------------------------


def test_an_exception_takes_back_everything(filled: Store) -> None:
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
    ],
    ids=["taken", "gap", "inner gap", "id", "id twice", "version", "text"],
)
def test_what_does_not_follow_is_a_conflict(filled: Store, batch: Batch) -> None:
    """A taken key or a gap is refused; the writer then takes no more and commits nothing."""
    with filled.reader("main") as reading:
        overlay = Overlay(reading)
        with pytest.raises(Conflict):
            overlay.append(batch)
    with pytest.raises(StoreError, match="nothing was written"), filled.writer("main") as writer:
        writer.append(Batch(accounts={"m1": account("m1", status="frozen")}))
        with pytest.raises(Conflict):
            writer.append(batch)
        with pytest.raises(StoreError, match="can only be left"):
            writer.append(Batch([record(6)]))
    with filled.reader("main") as reading:
        assert (account("m1"), 5) == (reading.account("m1"), reading.head().sequence)


def test_a_conflict_that_leaves_the_block_is_told(filled: Store) -> None:
    """The caller sees the conflict itself."""
    with pytest.raises(Conflict), filled.writer("main") as writer:
        writer.append(Batch([record(5)]))


def test_derived_rows_are_made_anew(filled: Store) -> None:
    """`anew` throws away what was derived, of this bank alone, and leaves the journal."""
    filled.make_bank("other", journal="j2")
    with filled.writer("other") as writer:
        writer.append(small_bank())
    with filled.writer("main") as writer:
        new = posting("m2", 1, 2, 5, DAYS[0])
        writer.append(Batch(anew=True, accounts={"m2": account("m2")}, postings=[new]))
        writer.append(Batch(accounts={"m3": account("m3")}))
        assert None is writer.account("m1")
        assert [] == writer.postings("m1", after=0, limit=9)
        assert (None, (0, 0)) == (writer.last_posting("m1"), writer.totals("m1"))
        assert [] == writer.postings_by_day("m1", limit=9)
    with filled.reader("main") as reading:
        assert ["m2", "m3"] == [row.account for row in reading.accounts(after=None, limit=9)]
        assert [new] == reading.postings("m2", after=0, limit=9)
        assert ([], []) == (reading.postings("m1", after=0, limit=9), list(reading.faults()))
        assert 5 == len(reading.records(after=0, limit=9))
    with filled.reader("other") as reading:
        assert 4 == len(reading.postings("m1", after=0, limit=9))


def test_a_rebuild_taken_back_leaves_all_as_it_was(filled: Store) -> None:
    """After a rollback the derived rows and their guards are there."""
    with pytest.raises(ZeroDivisionError), filled.writer("main") as writer:
        writer.append(Batch(anew=True))
        raise ZeroDivisionError
    with filled.reader("main") as reading:
        assert 4 == len(reading.postings("m1", after=0, limit=9))
        assert [] == list(reading.faults())


def test_banks_are_apart(filled: Store) -> None:
    """The same ids and sequences in another bank are others."""
    filled.make_bank("andere", journal="j2")
    assert ["andere", "main"] == list(filled.banks())
    with filled.writer("andere") as writer:
        writer.append(Batch([record(1, id="t2")]))
    with filled.reader("andere") as reading:
        assert Head("j2", 1, b"\x01" * 32) == reading.head()
        assert [record(1, id="t2")] == reading.records(after=0, limit=9)
        assert None is reading.account("m1")


def test_a_bank_is_made_once(filled: Store) -> None:
    """A second time nothing happens, whatever the journal's id."""
    filled.make_bank("main", journal="another")
    with filled.reader("main") as reading:
        assert "j1" == reading.head().journal


def test_a_journal_is_of_one_bank(filled: Store) -> None:
    """Two banks cannot have one journal's id."""
    with pytest.raises(Conflict):
        filled.make_bank("other", journal="j1")
    assert ["main"] == list(filled.banks())


def test_a_bank_that_is_not_there(store: Store) -> None:
    """The head says so; there are no rows."""
    with store.reader("nowhere") as reading:
        assert [] == reading.records(after=0, limit=9)
        with pytest.raises(BankNotFound, match="nowhere"):
            reading.head()
    with pytest.raises(BankNotFound), store.writer("nowhere") as writer:
        writer.append(Batch([record(1)]))
    with store.writer("nowhere"):
        """An empty transaction on no bank is no error."""


def test_what_is_closed_answers_no_more(filled: Store) -> None:
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


def test_a_thread_that_would_wait_for_itself_is_told(filled: Store) -> None:
    """A second writer on the thread that holds one is refused at once, the first lives on."""
    with filled.writer("main") as writer:
        with pytest.raises(InvalidRequest, match="on this thread"):
            filled.writer("main").__enter__()
        writer.append(Batch([record(6)]))
    with filled.reader("main") as reading:
        assert 6 == reading.head().sequence


def test_eight_threads_take_turns(store: Store) -> None:
    """Every append of every thread is there, and no two took one place."""

    def work() -> None:
        for _ in range(20):
            with store.writer("main") as writer:
                writer.append(Batch([record(writer.head().sequence + 1)]))
            with store.reader("main") as reading:
                reading.records(after=0, limit=5)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with store.reader("main") as reading:
        assert list(range(1, 161)) == [row.sequence for row in reading.records(after=0, limit=999)]


# -- snapshots: of stores that can read while they write ------------------------------


@pytest.fixture(params=["memory:", "sqlite:///{}/bank.db"])
def concurrent(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    """A filled store whose snapshots outlive later commits."""
    opened = open_store(request.param.format(tmp_path), create=True)
    opened.make_bank("main", journal="j1")
    with opened.writer("main") as writer:
        writer.append(small_bank())
    yield opened
    opened.close()


def everything(reading: Reader) -> list[object]:
    """All that a reader can be asked about the small bank."""
    return [
        reading.head(),
        reading.records(after=0, limit=99),
        [reading.find(id) for id in ("t2", "r4", "t6")],
        [reading.referring(sequence) for sequence in (1, 2, 3)],
        reading.texts(after=0, through=99),
        [reading.account(id) for id in ("f1", "m1", "x")],
        reading.accounts(after=None, limit=9),
        reading.last_posting("m1"),
        reading.postings("m1", after=0, limit=9),
        reading.postings_by_day("m1", limit=9),
        reading.totals("m1"),
    ]


@pytest.mark.parametrize("anew", [False, True])
def test_a_snapshot_does_not_move(concurrent: Store, *, anew: bool) -> None:
    """A reader sees what was there at its first read, whatever is committed after."""
    with concurrent.reader("main") as before:
        expected = everything(before)
        with concurrent.writer("main") as writer:
            if anew:
                writer.append(Batch(anew=True))
            writer.append(
                Batch(
                    [record(6, id="t6", refers_to=3)],
                    [TextRow(6, "note", b"v" * 16, "x"), TextRow(3, "note", b"w" * 16, "late")],
                    {"m1": account("m1", status="closed"), "x": account("x", opened=6)},
                    [posting("m1", 5 if not anew else 1, 6, 1, DAYS[1])],
                )
            )
            assert expected == everything(before)
        assert expected == everything(before)
    with concurrent.reader("main") as after:
        assert expected != everything(after)
        assert (6, "closed") == (after.head().sequence, after.account("m1").status)  # type: ignore[union-attr]


def test_a_posting_of_an_earlier_record_does_not_move_a_snapshot(concurrent: Store) -> None:
    """Rows that come late, for a record that was there, are seen by new readers only."""
    with concurrent.reader("main") as before:
        expected = everything(before)
        with concurrent.writer("main") as writer:
            writer.append(Batch(postings=[posting("m1", 5, 5, 7, DAYS[1])]))
        assert expected == everything(before)
    with concurrent.reader("main") as after:
        assert 5 == len(after.postings("m1", after=0, limit=9))


# -- the lock, the memory store's own, the registry ---------------------------------------


def test_a_lock_held_too_long_is_busy() -> None:
    """Another thread waits for as long as the time-out."""
    lock = WriterLock(where="memory:")
    lock.acquire(1)
    failures: list[BaseException] = []

    def wait() -> None:
        try:
            lock.acquire(0.01)
        except StoreBusy as error:
            failures.append(error)

    thread = threading.Thread(target=wait)
    thread.start()
    thread.join()
    lock.release()
    assert ["another thread wrote to memory: for longer than 0.01 s"] == [str(e) for e in failures]


def test_a_forked_child_has_a_lock_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the parent held is not held in the child, nor released by it."""
    lock = WriterLock(where="memory:")
    lock.acquire(1)
    parent = os.getpid()
    monkeypatch.setattr(os, "getpid", lambda: parent + 1)
    lock.release()
    lock.acquire(0)
    monkeypatch.undo()
    with pytest.raises(InvalidRequest):
        lock.acquire(0)


def test_an_interrupted_commit_in_memory_leaves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """A merge that stops half-way is taken back, so the next commit meets clean rows."""
    store = MemoryStore()
    store.make_bank("main", journal="j1")
    with store.writer("main") as writer:
        writer.append(small_bank())
    with store.reader("main") as reading:
        expected = everything(reading)

    class Interrupting(dict[str, list[PostingRow]]):
        def items(self) -> Any:
            yield from super().items()
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), store.writer("main") as writer:
        writer.append(Batch([record(6, id="t6")], postings=[posting("m1", 5, 6, 9, DAYS[0])]))
        writer.own_postings = Interrupting(writer.own_postings)
    with store.reader("main") as reading:
        assert expected == everything(reading)
    with store.writer("main") as writer:
        writer.append(Batch([record(6, id="other")]))
        assert None is writer.find("t6")


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("bank.db", "named by a URL"),
        ("memory:x", "nothing behind it"),
        ("redis://x", "known are memory, sqlite"),
        ("postgresql+psycopg://u:secret@h/d", "comes with a later version"),
        ("mariadb://h/d", "comes with a later version"),
        ("sqlite:bank.db", "SQLite is sqlite:///"),
        ("sqlite://host/bank.db", "SQLite is sqlite:///"),
        ("sqlite:///", "names no file"),
        ("sqlite:///:memory:", "names no file"),
        ("sqlite:///a%00b", "names no file"),
        ("sqlite:///\ud800", "no text"),
        ("sqlite:///a.db?synchronous=off", "one option"),
        ("sqlite:///a.db?full", "one option"),
        ("sqlite:///a.db?mode=ro", "one option"),
        ("sqlite://?", "one option"),
    ],
)
def test_a_url_that_cannot_be(url: str, message: str) -> None:
    """A URL is refused with what it should be, and no password in the message."""
    with pytest.raises(InvalidRequest, match=message) as caught:
        open_store(url, create=True)
    assert "secret" not in str(caught.value)


def test_a_url_is_text() -> None:
    """A path object is no URL."""
    with pytest.raises(WrongType):
        open_store(Path("bank.db"), create=True)  # type: ignore[arg-type]


def opened_with(url: str, *, create: bool) -> MemoryStore:
    """A store of another package."""
    store = MemoryStore()
    store.url = f"{url} {create}"
    return store


def test_an_installed_package_registers_a_scheme(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its callable gets the URL, for the scheme with or without a driver."""
    mine = EntryPoint("mine", "test_stores:opened_with", "timebank.stores")
    points = [mine, mine, EntryPoint("lost", "timebank:absent", "timebank.stores")]
    points += [EntryPoint("two", f"{package}:open", "timebank.stores") for package in "ab"]
    groups = {"timebank.stores": points}
    monkeypatch.setattr("importlib.metadata.entry_points", lambda *, group: groups[group])
    assert "mine+x:y True" == open_store("mine+x:y", create=True).url
    assert "mine:y False" == open_store("mine:y", create=True, read_only=True).url
    with pytest.raises(InvalidRequest, match="claimed twice: by a:open and by b:open"):
        open_store("two:x", create=True)
    with pytest.raises(StoreError, match="cannot be loaded"):
        open_store("lost:x", create=True)
    with pytest.raises(InvalidRequest, match="lost, memory, mine, sqlite, two"):
        open_store("none:x", create=True)


def test_a_private_database_is_one_connection() -> None:
    """Its thread reads through its batch, and writes when its snapshot has ended."""
    store = open_sqlite("sqlite://", create=True, busy_timeout_seconds=0.01)
    store.make_bank("main", journal="j1")
    with store.writer("main"), pytest.raises(InvalidRequest, match="through it"):
        store.banks()
    with store.reader("main") as outer, store.reader("main") as inner:
        assert outer.head() == inner.head()
        with pytest.raises(InvalidRequest, match="snapshot is open"):
            store.writer("main").__enter__()
        failures: list[BaseException] = []

        def wait() -> None:
            try:
                store.banks()
            except StoreBusy as error:
                failures.append(error)

        thread = threading.Thread(target=wait)
        thread.start()
        thread.join()
        store.close()
        assert ["j1", "j1"] == [outer.head().journal, inner.head().journal]
    assert 1 == len(failures)


def test_a_private_database_does_not_follow_a_fork(monkeypatch: pytest.MonkeyPatch) -> None:
    """A child is told, instead of being given half of the parent's transaction."""
    store = open_sqlite("sqlite://", create=True)
    parent = os.getpid()
    monkeypatch.setattr(os, "getpid", lambda: parent + 1)
    with pytest.raises(StoreError, match="forked"):
        store.banks()
    monkeypatch.undo()
    store.close()
