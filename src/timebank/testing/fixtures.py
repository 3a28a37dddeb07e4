"""The base class of the kit: where a store is and what it can do, and the fixtures of all parts."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar, TypeVar

import pytest

from timebank.errors import TimebankError
from timebank.storage import open_store
from timebank.storage.protocol import Store
from timebank.testing.rows import small_bank

Test = TypeVar("Test", bound=Callable[..., None])


def needs(*capabilities: str) -> Callable[[Test], Test]:
    """Mark a test as one for stores that declare these capabilities; others do not have it."""

    def mark(test: Test) -> Test:
        test.needs = capabilities  # type: ignore[attr-defined]  # read by `StoreUnderTest`
        return test

    return mark


class StoreUnderTest:
    """A store under test: a subclass says where a fresh one is, and what it can do.

    A capability that is off takes its tests away, so that none is skipped: what is then not
    promised is said beside each.
    """

    #: Another process can open the same URL. Off: nothing is said of races between processes,
    #: of crashes, or of what is there when the store is opened again.
    shared: ClassVar[bool] = True
    #: A reader stays as it was while a writer commits. Off: they wait for each other.
    snapshots: ClassVar[bool] = True
    #: The storage refuses to change a record that is there. Off: only an audit finds it.
    guards: ClassVar[bool] = False
    #: `statements` tells of each statement of the driver. Off: faults are at our calls only.
    traced: ClassVar[bool] = False
    #: `driver_errors` has rows. Off: nothing is said of what the driver's errors become.
    translated: ClassVar[bool] = False

    #: What a store may have beside the protocol, see `timebank.storage.protocol`. Off: it is not
    #: there. A reader that is an `AddsUp`:
    adds_up: ClassVar[bool] = False
    #: A reader, and a writer, that is an `AddsLate`:
    adds_late: ClassVar[bool] = False
    #: A reader, and a writer, that is a `FindsMany`:
    finds_many: ClassVar[bool] = False
    #: A reader that is a `Surveys`:
    surveys: ClassVar[bool] = False
    #: A reader that is a `FindsPostings`:
    finds_postings: ClassVar[bool] = False
    #: A reader that is a `GivesColumns`:
    gives_columns: ClassVar[bool] = False
    #: A reader that is a `KnowsVersion`:
    versioned: ClassVar[bool] = False
    #: A reader that is a `SeesSchema`:
    sees_schema: ClassVar[bool] = False
    #: A reader that is a `FindsOwn`:
    finds_own: ClassVar[bool] = False
    #: A writer that is a `MakesBank`:
    makes_banks: ClassVar[bool] = False
    #: A writer that is a `Confirms`:
    confirming: ClassVar[bool] = False
    #: A writer that is a `FindsFollowing`:
    finds_following: ClassVar[bool] = False
    #: The block that `writer` returns is a `Droppable`:
    droppable: ClassVar[bool] = False
    #: The store is a `HasAddress`:
    addressed: ClassVar[bool] = False
    #: The store is a `Wipes`:
    wipes: ClassVar[bool] = True

    #: How much is tried, where not all of it can be waited for each time.
    #: Of the steps at which something fails or a process ends, every how many-th; 1 is each.
    stride: ClassVar[int] = 1
    #: How many random histories are compared with those of the memory store.
    random_histories: ClassVar[int] = 20

    def __init_subclass__(cls, *, part: bool = False) -> None:
        """Take away the tests of what the store does not declare; a part of the kit has all."""
        super().__init_subclass__()
        if part:
            return
        for base in reversed(cls.__mro__):
            for name, test in list(vars(base).items()):
                if hasattr(test, "needs"):
                    declared = all(getattr(cls, capability) for capability in test.needs)
                    setattr(cls, name, test if declared else None)

    # -- to be said by the store's author -----------------------------------------

    def new_url(self, folder: Path) -> str:
        """Return the URL of a fresh, empty place; `folder` is empty, and the test's own."""
        raise NotImplementedError

    def open(self, url: str) -> Store:
        """Open the store at a URL."""
        return open_store(url, create=True)

    def statements(self, before: Callable[[str], None]) -> AbstractContextManager[None]:
        """Return a block in which `before` is called with each statement before the driver runs it.

        It concerns connections that are opened within the block. What `before` raises goes
        through the driver's call.
        """
        return nullcontext()

    def driver_errors(self) -> Iterable[tuple[BaseException, type[TimebankError]]]:
        """Return errors of the driver, each with the error that it must become."""
        return ()

    def translate(self, error: BaseException) -> TimebankError:
        """Return the error that the store makes of one of its driver."""
        raise NotImplementedError

    def tamper(self, url: str, bank: str, sequence: int) -> None:
        """Change a stored record past the library; it must be an error of the driver."""
        raise NotImplementedError

    # -- fixtures -----------------------------------------------------------------

    @pytest.fixture
    def url(self, tmp_path: Path) -> str:
        """Return the URL of a fresh place."""
        return self.new_url(tmp_path)

    @pytest.fixture
    def store(self, url: str) -> Iterator[Store]:
        """Open an empty store with one bank, `main`."""
        opened = self.open(url)
        opened.make_bank("main", journal="j1")
        yield opened
        opened.close()

    @pytest.fixture
    def filled(self, store: Store) -> Store:
        """Return the store with a small bank in it."""
        with store.writer("main") as writer:
            writer.append(small_bank())
        return store


class Clock:
    """A clock that moves by a minute at each reading."""

    def __init__(self) -> None:
        self.now = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        """Return the next minute."""
        self.now += timedelta(minutes=1)
        return self.now


def sources() -> dict[str, Any]:
    """Return a clock, ids and salts that are the same in every run.

    >>> from timebank.testing.fixtures import sources
    >>> sources()["new_id"]()
    'id-1'
    """
    ids, salts = itertools.count(1), itertools.count(1)
    return {
        "clock": Clock(),
        "new_id": lambda: f"id-{next(ids)}",
        "new_salt": lambda: next(salts).to_bytes(16, "big"),
    }
