"""What is the memory store's own, the lock's, and the private database's."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from inspect import get_annotations, isfunction
from types import SimpleNamespace
from typing import Any, get_args, get_type_hints

import pytest

from timebank import TimeBank
from timebank.errors import (
    BankNotFound,
    Corrupt,
    InvalidRequest,
    OtherVersion,
    StoreBusy,
    StoreError,
)
from timebank.model import Head, PostingRow
from timebank.storage import Batch, open_store, protocol
from timebank.storage.lock import WriterLock, this_process
from timebank.storage.memory import MemoryStore
from timebank.storage.sqlite import open_sqlite
from timebank.storage.sqlite.questions import QUERIES
from timebank.storage.tables import TableReader
from timebank.testing.rows import DAYS, everything, posting, record, small_bank

# -- what a store may have ------------------------------------------------------------------


def optional() -> Iterator[Any]:
    """Each question whether a store has something, with the methods of what it is asked for."""
    for name, ask in vars(protocol).items():
        if isfunction(ask) and "TypeGuard" in str(get_annotations(ask)["return"]):
            (kind,) = get_args(get_type_hints(ask)["return"])
            ours = [one for one in kind.__mro__ if one not in protocol.Writer.__mro__]
            methods = {method for one in ours for method in vars(one) if method[0] != "_"}
            yield pytest.param(ask, methods - vars(protocol.Store).keys(), id=name)


@pytest.mark.parametrize(("ask", "methods"), [*optional()])
def test_a_store_that_has_a_part_of_it_is_not_asked(
    ask: Callable[[object], bool], methods: set[str]
) -> None:
    """It has all methods of a kind, or the library takes the way of those that have none."""
    assert methods
    assert ask(SimpleNamespace(**dict.fromkeys(methods, print)))
    for missing in methods:
        others = dict.fromkeys(methods, print) | {missing: None}
        assert not ask(SimpleNamespace(**others)), missing


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
    monkeypatch.setattr(this_process, "pid", this_process.pid + 1)
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


@pytest.mark.parametrize("error", [StoreBusy, KeyboardInterrupt])
@pytest.mark.parametrize("kind", ["reader", "writer"])
def test_who_waits_in_vain_takes_nothing_from_who_writes(
    kind: str, error: type[BaseException], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Too long, or until an interrupt: what another thread has begun is not undone."""
    store: Any = open_sqlite("sqlite://", create=True, busy_timeout_seconds=0.01)
    store.make_bank("main", journal="j1")
    came: list[BaseException] = []

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    def wait() -> None:
        block = getattr(store, kind)("main")
        try:
            block.__enter__()
        except error as one:
            came.append(one)
        block.drop()  # once more, as after every exception

    if error is KeyboardInterrupt:
        monkeypatch.setattr(WriterLock, "_wait", interrupted)
    with store.writer("main") as writer:
        writer.append(Batch([record(1)]))
        thread = threading.Thread(target=wait)
        thread.start()
        thread.join()
        writer.append(Batch([record(2)]))
    assert 1 == len(came)
    with store.reader("main") as reader:
        assert 2 == reader.head().sequence


def test_a_private_database_does_not_follow_a_fork(monkeypatch: pytest.MonkeyPatch) -> None:
    """A child is told, instead of being given half of the parent's transaction."""
    store = open_sqlite("sqlite://", create=True)
    monkeypatch.setattr(this_process, "pid", this_process.pid + 1)
    with pytest.raises(StoreError, match="forked"):
        store.banks()
    monkeypatch.undo()
    store.close()


class Answers(TableReader):
    """Reads what each question in turn is answered."""

    def __init__(self, *answers: list[tuple[Any, ...]]) -> None:
        super().__init__(QUERIES, "main", "a server")
        self.answers = list(answers)

    def _fetch(self, sql: str, values: tuple[object, ...]) -> list[tuple[Any, ...]]:
        return self.answers.pop(0)


def test_a_bank_that_another_makes_between_two_questions_is_there() -> None:
    """Whoever writes on a server sees what others commit, from one statement to the next."""
    head = ("id-1", 1, bytes(32))
    assert Head(*head) == Answers([], [(1,)], [head]).head()
    with pytest.raises(Corrupt, match="own row of bank 'main' is missing"):
        Answers([], [(1,)], []).head()
    with pytest.raises(BankNotFound):
        Answers([], []).head()


def test_a_store_that_keeps_no_tree_is_told_when_a_bank_is_opened() -> None:
    """Not by the 256th record, which could not be kept."""
    store = open_store("memory:", create=True)

    class Before:
        """What a package written before the tree gives."""

        url = "before:books"
        make_bank = store.make_bank

        @contextmanager
        def reader(self, bank: str) -> Iterator[Any]:
            with store.reader(bank) as reader:
                yield SimpleNamespace(head=reader.head, records=reader.records)

    for create in (True, False):
        with pytest.raises(OtherVersion, match="before:books has no tiles of the tree"):
            TimeBank(Before(), create=create)  # type: ignore[arg-type] # that is what is tried
    assert [] == list(store.banks())
