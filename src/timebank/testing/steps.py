"""A store of which every call can be counted, made to fail, or be the last of its process."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Any, Final

from timebank.bank import TimeBank
from timebank.statute import Statute
from timebank.storage.protocol import Store, is_droppable, wipes

#: Called with what is about to be done, or was done: "before append", "after commit".
Step = Callable[[str], None]

#: The calls of a reader or writer that are steps.
_CALLS: Final = frozenset(
    {
        *(
            "append",
            "confirms",
            "following_id",
            "head",
            "records",
            "find",
            "sequences",
            "referring",
            "texts",
            "account",
            "accounts",
        ),
        *("last_posting", "postings", "postings_by_day", "totals", "late"),
        *("holds", "holds_of", "statutes", "tiles"),
    }
)


class InjectedError(Exception):
    """A fault that no driver has: the store must undo what was begun all the same."""


class Countdown:
    """A step that raises at its number, once."""

    def __init__(self, number: int, fault: Callable[[str], Exception]) -> None:
        self.left = number
        self.paused = False
        self._fault = fault

    def __call__(self, step: str) -> None:
        """Count one step."""
        if self.paused:
            return
        self.left -= 1
        if not self.left:
            raise self._fault(step)


class LastStep:
    """A step that ends the process at its number, as a kill does: nothing is closed or flushed."""

    def __init__(self, number: int) -> None:
        self.left = number

    def __call__(self, _: str) -> None:
        """Count one step."""
        self.left -= 1
        if not self.left:
            os._exit(0)


class SteppingStore:
    """A store that passes every call on, and calls `step` before and after it.

    An exception from `step` before the end of a block ends that block as an error; after
    the end, what the block did is done.
    """

    def __init__(self, store: Store, step: Step) -> None:
        self._store = store
        self._step = step
        self.url = store.url

    def banks(self) -> Sequence[str]:
        """Implement `Store.banks`."""
        return self._store.banks()

    def make_bank(self, bank: str, *, journal: str) -> None:
        """Implement `Store.make_bank`."""
        self._step("before make_bank")
        self._store.make_bank(bank, journal=journal)
        self._step("after make_bank")

    def reader(self, bank: str) -> Any:
        """Implement `Store.reader`."""
        return _Block(self._store.reader(bank), self._step, "reading")

    def writer(self, bank: str) -> Any:
        """Implement `Store.writer`."""
        return _Block(self._store.writer(bank), self._step, "writing")

    def wipe(self) -> tuple[str, ...]:
        """Implement `Wipes.wipe`."""
        return self._store.wipe() if wipes(self._store) else ()

    def close(self) -> None:
        """Implement `Store.close`."""
        self._store.close()


class _Block:
    def __init__(self, block: Any, step: Step, kind: str) -> None:
        self._block = block
        self._step = step
        self._kind = kind

    def __enter__(self) -> Any:
        self._step(f"before {self._kind}")
        inner = self._block.__enter__()
        try:
            self._step(f"began {self._kind}")
        except BaseException as error:
            self._block.__exit__(type(error), error, error.__traceback__)
            raise
        return _Calls(inner, self._step)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if error is None:
            try:
                self._step(f"ending {self._kind}")
            except BaseException as fault:
                self._block.__exit__(type(fault), fault, fault.__traceback__)
                raise
        self._block.__exit__(kind, error, traceback)
        self._step(f"after {self._kind}")

    def drop(self) -> None:
        """Implement `Droppable.drop`."""
        if is_droppable(self._block):
            self._block.drop()


class _Calls:
    def __init__(self, inner: Any, step: Step) -> None:
        self._inner = inner
        self._step = step

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._inner, name)
        if name not in _CALLS:
            return found

        def call(*arguments: Any, **named: Any) -> Any:
            self._step(f"before {name}")
            result = found(*arguments, **named)
            self._step(f"after {name}")
            return result

        return call


def _open(bank: TimeBank) -> None:
    bank.open_account("m1", name="Maria")
    bank.open_account("f1", kind="group", name="Famiglia Rossi")


def _transfer(bank: TimeBank) -> None:
    bank.transfer(earner="m1", spender="f1", hours=1, id="t1", note="clinic")


def _batch(bank: TimeBank) -> None:
    with bank.batch() as batch:
        for id in ("b1", "b2", "b3"):
            batch.transfer(earner="m1", spender="f1", hours=1, id=id)
        for id in ("h1", "h2"):
            batch.hold(earner="m1", spender="f1", hours=2, id=id)


def _reverse(bank: TimeBank) -> None:
    bank.reverse("b1", reason="twice", id="r1")


def _adopt(bank: TimeBank) -> None:
    bank.adopt(Statute(version="2"))


def _settle(bank: TimeBank) -> None:
    bank.settle("h1", hours=1, id="s1")


#: What is done under faults. Each may be done again: ids are the keys.
WORK: Final[tuple[tuple[str, Callable[[TimeBank], None]], ...]] = (
    ("open", _open),
    ("transfer", _transfer),
    ("batch", _batch),
    ("reverse", _reverse),
    ("adopt", _adopt),
    ("settle", _settle),
    ("rebuild", TimeBank.rebuild),
)
#: The sequence of the head after each of them.
SEQUENCES: Final = {
    "open": 2,
    "transfer": 3,
    "batch": 8,
    "reverse": 9,
    "adopt": 10,
    "settle": 11,
    "rebuild": 11,
}
#: Where a head may stand after a fault or a crash: between calls, never within a batch.
WHOLE: Final = frozenset({0, 1, 2, 3, 8, 9, 10, 11})
