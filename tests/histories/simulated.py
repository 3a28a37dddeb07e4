"""Simulated runs: calls of a bank in memory, whose instants, fates and outcomes are chosen.

Each call happens at one instant, in the order in which it is made here, and is told to have begun
before and to have ended after it; a process does one thing after the other. That is all that
a sound storage promises, so that every such history is good.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import count
from random import Random
from typing import Any, Self

from timebank import (
    Head,
    HistoryLost,
    OutcomeUnknown,
    TimebankError,
    Unavailable,
)
from timebank import open as open_bank
from timebank.testing.history import History, RecordedBank, Recorder, history_of

MEMBERS = ("m0", "m1", "m2", "m3")
#: What becomes of a call that writes: most are told as they are.
FATES = ("told",) * 10 + ("unknown done", "unknown", "killed done", "killed", "failed")
ACTS = ("transfer",) * 6 + (
    *("hold", "hold", "resolve", "resolve", "resolve", "batch", "batch", "reverse"),
    *("again", "again", "other", "head", "read", "read", "find", "find_hold", "wait", "replica"),
)


class Killed(BaseException):
    """The process ends in the middle of a call."""


class Kept(Recorder):
    """A log that is kept, with instants that are said."""

    def __init__(self, process: str) -> None:
        self.process = process
        self.lines: list[dict[str, Any]] = []
        self.began = self.ended = self.free = 0
        self._calls = 0
        self.note("start", process=process)

    def note(self, what: str, **facts: object) -> None:
        """Implement `Recorder.note`."""
        at = self.began if what == "invoke" else self.ended
        self.lines.append({"what": what, "at": at, **facts})

    def close(self) -> None:
        """Implement `Recorder.close`."""


class Fated:
    """A bank whose calls come to what was chosen; what is done is kept, so that it can be again."""

    def __init__(self, run: Simulated) -> None:
        self._run = run

    def batch(self) -> Batched:
        """Return the block of a batch."""
        return Batched(self._run)

    def __getattr__(self, name: str) -> Any:
        real = getattr(self._run.bank, name)
        if name not in ("transfer", "hold", "settle", "void", "reverse"):
            return real

        def call(*arguments: Any, **named: Any) -> Any:
            return self._run.write(
                lambda bank: getattr(bank, name)(*arguments, **named), (named["id"],)
            )

        return call


class Losing:
    """A bank that has lost what somebody was told."""

    name = "main"

    def __init__(self, error: HistoryLost) -> None:
        self._error = error

    def transfer(self, **_: Any) -> Any:
        """Say so."""
        raise self._error


class Batched:
    """The block of a batch: what its calls come to is decided at its beginning."""

    def __init__(self, run: Simulated) -> None:
        self._run = run
        self._made: list[Any] = []

    def __enter__(self) -> Self:
        calls = list(self._run.batched)

        def act(bank: Any) -> list[Any]:
            with bank.batch() as batch:
                return [batch.transfer(**call) for call in calls]

        self._made = self._run.write(act, tuple(call["id"] for call in calls))
        return self

    def transfer(self, **_: Any) -> Any:
        """Return the next of them."""
        return self._made.pop(0)

    def __exit__(self, *_: object) -> None:
        pass


class Simulated:
    """A run: `step` after `step`, then `finish`."""

    def __init__(
        self, seed: int = 0, *, processes: int = 3, fates: tuple[str, ...] = FATES
    ) -> None:
        self.fates = fates
        self.chance = Random(seed)
        self.at = 1000
        self.logs = [Kept(f"p{number}") for number in range(processes)]
        self.all = list(self.logs)
        self.replica = Kept("replica")
        self.reader = Kept("z")
        self.done: list[tuple[datetime, Callable[[Any], object]]] = []
        self.now = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
        self.bank = self._opened()
        self.numbers = count(1)
        self.asked: list[Callable[[RecordedBank], object]] = []
        self.transfers: list[str] = ["none"]
        self.holds: list[str] = ["none"]
        self.after: dict[str, int] = {}
        self.told: dict[str, Head] = {}
        self.fate = "told"
        self.batched: list[dict[str, Any]] = []
        self.reader.began = self.reader.ended = self.at
        RecordedBank(self.bank, self.reader).begin()

    def _opened(self) -> Any:
        salts, ids = count(1), count(1)
        bank = open_bank(
            "memory:",
            clock=lambda: self.now,
            new_id=lambda: f"id-{next(ids)}",
            new_salt=lambda: next(salts).to_bytes(16, "big"),
        )
        now, self.now = self.now, datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
        for member in MEMBERS:
            bank.open_account(member, floor="-1:00", ceiling=None)
        self.now = now
        return bank

    # -- calls ----------------------------------------------------------------------

    def write(self, act: Callable[[Any], Any], ids: tuple[str, ...]) -> Any:
        """Act, as it is fated."""
        fate = self.fate
        if fate == "failed":
            message = "nobody is there"
            raise Unavailable(message)
        if fate in ("unknown", "killed"):
            raise Killed if fate == "killed" else OutcomeUnknown(ids[-1], ids=ids)
        result = act(self.bank)  # a refusal is told as one
        self.done.append((self.now, act))
        if fate == "told":
            return result
        raise Killed if fate == "killed done" else OutcomeUnknown(ids[-1], ids=ids)

    def step(self) -> None:
        """One call of one process, or an hour that passes."""
        chance = self.chance
        log = chance.choice(self.logs)
        act = chance.choice(ACTS)
        self.fate = chance.choice(self.fates)
        self.now += timedelta(seconds=chance.randrange(3))
        if act == "wait":
            self.now += timedelta(minutes=1)
            return
        if act == "replica":
            self._read_replica()
            return
        self.at = max(self.at, log.free) + 1 + chance.randrange(1000)
        log.began = chance.randint(log.free + 1, self.at)
        log.ended = self.at + 1 + chance.randrange(3000)
        log.free = log.ended
        fated: Any = Fated(self)
        bank = RecordedBank(fated, log)
        if act not in ("head", "read", "find", "find_hold") and self._lost(log, bank):
            return
        try:
            getattr(self, f"_{act}")(bank)
        except Killed:
            self._restart(log)
        except TimebankError:
            pass
        else:
            if self.fate == "told":
                self.told[log.process] = self.bank.head()

    def _restart(self, log: Kept) -> None:
        self.logs.remove(log)
        again = Kept(f"{log.process}+")
        again.free = log.free
        self.logs.append(again)
        self.all.append(again)

    def _sides(self) -> dict[str, Any]:
        earner, spender = self.chance.sample(MEMBERS, 2)
        return {
            "earner": earner,
            "spender": spender,
            "hours": f"{self.chance.randrange(1, 40)}m",
        }

    def _new(self) -> str:
        return f"x{next(self.numbers)}"

    def _ask(self, bank: RecordedBank, ask: Callable[[RecordedBank], object]) -> None:
        self.asked.append(ask)
        ask(bank)

    def _transfer(self, bank: RecordedBank) -> None:
        id, sides = self._new(), self._sides()
        self.transfers.append(id)
        self._ask(bank, lambda bank: bank.transfer(id=id, **sides))

    def _hold(self, bank: RecordedBank) -> None:
        id, sides = self._new(), self._sides()
        self.holds.append(id)
        expires = self.chance.choice([None, timedelta(seconds=20)])
        self._ask(bank, lambda bank: bank.hold(id=id, expires_in=expires, **sides))

    def _resolve(self, bank: RecordedBank) -> None:
        id, hold = self._new(), self.chance.choice(self.holds[-4:])
        if self.chance.random() < 0.5:
            self._ask(bank, lambda bank: bank.void(hold, id=id))
        else:
            self._ask(bank, lambda bank: bank.settle(hold, id=id))

    def _batch(self, bank: RecordedBank) -> None:
        calls = [{"id": self._new(), **self._sides()} for _ in range(3)]

        def ask(bank: RecordedBank) -> None:
            self.batched = calls
            bank.batch(calls)

        self._ask(bank, ask)

    def _reverse(self, bank: RecordedBank) -> None:
        id, transfer = self._new(), self.chance.choice(self.transfers)
        self._ask(bank, lambda bank: bank.reverse(transfer, id=id))

    def _again(self, bank: RecordedBank) -> None:
        if self.asked:
            self.chance.choice(self.asked[-6:])(bank)

    def _other(self, bank: RecordedBank) -> None:
        """Another request with an id that was used."""
        bank.transfer(id=self.chance.choice(self.transfers[-4:]), **self._sides())

    def _head(self, bank: RecordedBank) -> None:
        bank.head()

    def _read(self, bank: RecordedBank) -> None:
        process = bank.log.process
        self.after[process] = bank.read(after=self.after.get(process, 0))

    def _read_replica(self) -> None:
        """Read what is there now, and tell it much later."""
        self.replica.began = max(self.replica.free, self.at) + self.chance.randrange(9000)
        self.replica.ended = self.replica.free = self.replica.began + 500
        RecordedBank(self.bank, self.replica, node="n2", replica=True).read()

    def _find(self, bank: RecordedBank) -> None:
        bank.find(self.chance.choice(self.transfers[-5:]))

    def _find_hold(self, bank: RecordedBank) -> None:
        bank.find_hold(self.chance.choice(self.holds[-3:]))

    # -- loss -----------------------------------------------------------------------

    def lose(self, writes: int) -> None:
        """Lose the last writes, as a fail-over does."""
        kept = self.done[: len(self.done) - writes]
        now = self.now
        self.bank = self._opened()
        for self.now, act in kept:
            act(self.bank)
        self.now = now
        self.done = kept
        self.at = max([self.at, *(log.free for log in self.all)])  # who was connected is gone

    def _lost(self, log: Kept, bank: RecordedBank) -> bool:
        """Raise `HistoryLost` in a process whose head is gone, once."""
        told = self.told.get(log.process)
        if told is None or not told.sequence:
            return False
        found = self.bank.head()
        there = [
            record.digest for record in self.bank.records() if record.sequence <= told.sequence
        ]
        if len(there) == told.sequence and there[-1] == told.digest:
            return False
        del self.told[log.process]

        losing: Any = Losing(HistoryLost(head=told, found=found))
        try:
            RecordedBank(losing, log).transfer(id=self._new(), **self._sides())
        except HistoryLost:
            return True
        return False

    def hear(self, log: Kept) -> None:
        """Let a process hear of the loss at its next call, which is now."""
        self.at = max(self.at, log.free) + 10
        log.began, log.ended = self.at, self.at + 5
        log.free = log.ended
        self._lost(log, RecordedBank(self.bank, log))

    # -- the end --------------------------------------------------------------------

    def finish(self) -> Simulated:
        """Read the journal, when all have ended."""
        self.reader.began = max(log.free for log in [*self.all, self.replica]) + 10
        self.reader.ended = self.reader.began + 10
        RecordedBank(self.bank, self.reader).journal()
        return self

    @property
    def lines(self) -> list[dict[str, Any]]:
        """All lines, process by process."""
        return [line for log in [*self.all, self.replica, self.reader] for line in log.lines]

    @property
    def history(self) -> History:
        """What a log of the run would say."""
        return history_of(self.lines)


def simulated(seed: int, steps: int = 60) -> Simulated:
    """A run of so many steps."""
    run = Simulated(seed)
    for _ in range(steps):
        run.step()
    return run.finish()
