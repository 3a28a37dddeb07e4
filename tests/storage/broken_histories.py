"""Stores whose clients are told what is not so, each in one way: the checker must catch them."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import attrs

from storage.broken_stores import Calls, Wrapped
from timebank.errors import Unavailable
from timebank.storage.protocol import Batch


class Rolled(Exception):
    """Takes back what a writer did, past its caller."""


class LosesUpdates(Wrapped):
    """A balance is written as if the one before had not been."""

    def writing(self, writer: Any) -> Any:
        """Implement `Wrapped.writing`."""

        def append(real: Any, batch: Batch) -> None:
            rows = [row._replace(balance=row.seconds) for row in batch.postings]
            real(attrs.evolve(batch, postings=rows))

        return Calls(writer, append=append)


class WritesIdsAgain(Wrapped):
    """No id is found, and none is unique."""

    def reading(self, reader: Any) -> Any:
        """Implement `Wrapped.reading`."""

        def find(real: Any, id: str) -> Any:
            return None if id.startswith("shared") else real(id)

        def append(real: Any, batch: Batch) -> None:
            rows = [
                row._replace(id=None if row.id and row.id.startswith("shared") else row.id)
                for row in batch.records
            ]
            real(attrs.evolve(batch, records=rows))

        return Calls(
            reader,
            find=find,
            append=append,
            sequences=lambda *_: [],
            confirms=lambda real, *head, **_: real(*head, id=None),
            following_id=lambda *_: None,
        )


class ReadsThePast(Wrapped):
    """A reader sees what was there when another one began."""

    def __init__(self, store: Any) -> None:
        super().__init__(store)
        self._kept: dict[str, list[Any]] = {}

    @contextlib.contextmanager
    def reader(self, bank: str) -> Iterator[Any]:
        """A reader that began two readers ago."""
        kept = self._kept.setdefault(bank, [])
        block = self.store.reader(bank)
        reader = block.__enter__()
        reader.head()
        kept.append((block, reader))
        yield kept[max(len(kept) - 3, 0)][1]


class ResolvesHoldsTwice(Wrapped):
    """The rows of a hold stay, and nobody is told who resolved it."""

    def writing(self, writer: Any) -> Any:
        """Implement `Wrapped.writing`."""

        def append(real: Any, batch: Batch) -> None:
            real(attrs.evolve(batch, resolved=[]))

        return Calls(writer, append=append, referring=lambda *_: [])


class DeniesWhatIsDone(Wrapped):
    """Each seventh commit is done, and told as if nothing had been sent."""

    commits = 0

    @contextlib.contextmanager
    def writer(self, bank: str) -> Iterator[Any]:
        """A writer whose commit is denied now and then."""
        with self.store.writer(bank) as writer:
            yield writer
        self.commits += 1
        if not self.commits % 7:
            message = "the connection is gone"
            raise Unavailable(message)


class TellsWhatIsNotDone(Wrapped):
    """Each seventh commit is taken back, and told as done."""

    commits = 0

    @contextlib.contextmanager
    def writer(self, bank: str) -> Iterator[Any]:
        """A writer whose commit does nothing now and then."""
        self.commits += 1
        with contextlib.suppress(Rolled), self.store.writer(bank) as writer:
            yield writer
            if not self.commits % 7 and writer.head().sequence > 12:
                raise Rolled


class ShowsHalves(Wrapped):
    """Each append of a writer is there at once, for everybody."""

    @contextlib.contextmanager
    def writer(self, bank: str) -> Iterator[Any]:
        """A writer for each record."""
        with self.store.writer(bank):
            pass
        yield _Piecemeal(self.store, bank)


class _Piecemeal:
    append_last = confirms = following_id = None

    def __init__(self, store: Any, bank: str) -> None:
        self._store = store
        self._bank = bank

    def append(self, batch: Batch) -> None:
        """Write the records of a batch, one by one; the last one is not reached."""
        with self._store.writer(self._bank) as writer:
            last = len(batch.records) > 2 and batch.records[-1].kind == "transfer"
            if not last:
                writer.append(batch)
                return
            lost = batch.records[-1].sequence
            writer.append(
                attrs.evolve(
                    batch,
                    records=batch.records[:-1],
                    postings=[row for row in batch.postings if row.sequence != lost],
                )
            )

    def __getattr__(self, name: str) -> Any:
        def call(*arguments: Any, **named: Any) -> Any:
            with self._store.reader(self._bank) as reader:
                return getattr(reader, name)(*arguments, **named)

        return call


#: Each broken store, and the kinds of anomaly as one of which it must be found.
BROKEN: dict[type[Wrapped], tuple[str, ...]] = {
    LosesUpdates: ("wrong_balance",),
    WritesIdsAgain: ("doubled",),
    ReadsThePast: ("stale_read",),
    ResolvesHoldsTwice: ("resolved_twice",),
    DeniesWhatIsDone: ("failed_but_written",),
    TellsWhatIsNotDone: ("lost",),
    ShowsHalves: ("half_batch",),
}
