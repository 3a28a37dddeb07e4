"""What the processes of a run do: write, hold, settle, repeat what they do not know, and read.

The same on every store: the kit, the tests and the clusters run it. A writer that is told nothing
of a call asks again with the call's id, at the next place if there are several, and leaves it
unknown now and then. Some ids are shared: whoever uses one asks for the same.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from itertools import count
from typing import Any, Final

import attrs

import timebank
from timebank.bank import TimeBank
from timebank.errors import Retryable, TimebankError, is_refusal
from timebank.hours import Hours
from timebank.testing.history.log import Recorder
from timebank.testing.history.recording import RecordedBank

#: What a writer does, and how often.
_WORK: Final = (
    ("transfer", 50),
    ("batch", 10),
    ("hold", 10),
    ("resolve", 14),
    ("shared", 8),
    ("reverse", 3),
    ("find", 3),
    ("head", 2),
)
#: What a reader does, and how often.
_READING: Final = (("read", 6), ("find", 2), ("find_hold", 1), ("head", 1))


@attrs.frozen
class Place:
    """Where banks are opened, by name: a store, or one node of a cluster.

    `node` is its name, and a `replica` may be behind.

    >>> from timebank.testing.history import Place
    >>> Place.at("memory:", node="n1").node
    'n1'
    """

    open: Callable[[str], TimeBank]
    node: str | None = None
    replica: bool = False

    @classmethod
    def at(cls, url: str, *, node: str | None = None, replica: bool = False) -> Place:
        """Return the place of a URL; all its banks are opened in one store, once."""
        stores: list[Any] = []

        def open_bank(name: str) -> TimeBank:
            if stores:
                return TimeBank(stores[0], bank=name, create=False)
            bank = timebank.open(url, bank=name, create=False, read_only=replica)
            stores.append(bank.store)
            return bank

        return cls(open_bank, node, replica)


@attrs.frozen
class Plan:
    """How large a run is: the names of its banks, and the accounts of each.

    `floor` is that of the accounts, near enough to zero that it refuses now and then. A writer
    asks at most `tries` times for one call, and waits `pause` seconds after each that failed.
    """

    banks: tuple[str, ...] = ("main",)
    accounts: int = 8
    floor: str = "-2:00"
    seed: int = 0
    tries: int = 1000
    pause: float = 0.02

    @property
    def members(self) -> list[str]:
        """The ids of the accounts of a bank."""
        return [f"m{number}" for number in range(self.accounts)]


def prepare(place: Place, plan: Plan, log: Recorder) -> None:
    """Open the accounts of all banks, and write where they begin. The banks are there already.

    :raises TimebankError: as writing the bank does.
    """
    for name in plan.banks:
        bank = place.open(name)
        with bank.batch() as batch:
            for member in plan.members:
                batch.open_account(member, floor=Hours(plan.floor), ceiling=None)
        RecordedBank(bank, log, node=place.node).begin()


def write(
    places: Sequence[Place],
    plan: Plan,
    log: Recorder,
    stop: Callable[[], bool],
    *,
    calls: int | None = None,
) -> None:
    """Write until told to stop, or so many calls; the next place is tried where one fails."""
    writer = _Writer(places, plan, log, stop)
    for number in count() if calls is None else range(calls):
        if stop():
            return
        writer.act(number)


def read(
    place: Place,
    plan: Plan,
    log: Recorder,
    stop: Callable[[], bool],
    *,
    calls: int | None = None,
    rest: float = 0.0,
) -> None:
    """Read until told to stop, or so many times, with a `rest` after each."""
    reader = _Reader(place, plan, log)
    for _ in count() if calls is None else range(calls):
        if stop():
            return
        reader.act()
        time.sleep(rest)


def finish(
    places: Sequence[Place], plan: Plan, log: Recorder, *, patience_seconds: float = 60.0
) -> None:
    """Read the whole journal of each bank at each place, once it can be reached again.

    :raises TimebankError: one cannot be read within the patience.
    """
    for place in places:
        for name in plan.banks:
            _insist(
                lambda place=place, name=name: RecordedBank(  # type: ignore[misc]  # bound above
                    place.open(name), log, node=place.node, replica=place.replica
                ).journal(),
                patience_seconds,
            )


def _insist(act: Callable[[], object], seconds: float) -> None:
    until = time.monotonic() + seconds
    while True:
        try:
            act()
        except TimebankError:
            if time.monotonic() > until:
                raise
            time.sleep(0.2)
        else:
            return


class _Client:
    """A process at a place: its banks, opened when they are first needed."""

    def __init__(self, places: Sequence[Place], plan: Plan, log: Recorder) -> None:
        self._places = places
        self._at = 0
        self._plan = plan
        self._log = log
        self._chance = random.Random(f"{plan.seed}/{log.process}")  # noqa: S311 - no secret
        self._open: dict[tuple[int, str], RecordedBank] = {}

    def bank(self, name: str) -> RecordedBank:
        """Return a bank at the place where this process is now.

        :raises TimebankError: as opening it does.
        """
        key = (self._at, name)
        if key not in self._open:
            place = self._places[self._at]
            self._open[key] = RecordedBank(
                place.open(name), self._log, node=place.node, replica=place.replica
            )
        return self._open[key]

    def move(self) -> None:
        """Go to the next place."""
        self._at = (self._at + 1) % len(self._places)

    def drawn(self, weighted: Sequence[tuple[str, int]]) -> str:
        """Draw one of some words."""
        words, weights = zip(*weighted, strict=True)
        word: str = self._chance.choices(words, weights)[0]
        return word


class _Writer(_Client):
    """A process that writes."""

    def __init__(
        self, places: Sequence[Place], plan: Plan, log: Recorder, stop: Callable[[], bool]
    ) -> None:
        super().__init__(places, plan, log)
        self._stop = stop
        self._own = f"{log.process}-{time.monotonic_ns():x}"
        self._done: list[tuple[str, str]] = []

    def act(self, number: int) -> None:
        """Do one thing, and again until its outcome is known."""
        name = self._chance.choice(self._plan.banks)
        do = self.drawn(_WORK)
        work: Callable[[str, str], Callable[[RecordedBank], object] | None]
        work = getattr(self, f"_{do}")
        call = work(name, f"{self._own}-{number}")
        if call is not None:
            self._insist(name, call)

    def _insist(self, name: str, call: Callable[[RecordedBank], object]) -> None:
        """Repeat a call until it is done or refused; now and then it is left, or done twice."""
        for _ in range(self._plan.tries):
            try:
                call(self.bank(name))
            except Exception as error:  # noqa: BLE001 - the log has it, and the checker judges it
                if is_refusal(error):
                    return
                if not isinstance(error, Retryable):
                    self.move()
                    if self._chance.random() < 0.05:
                        return
                if self._stop():
                    return
                time.sleep(self._plan.pause)
            else:
                if self._chance.random() > 0.04:
                    return

    # -- calls ----------------------------------------------------------------------

    def _sides(self, chance: random.Random) -> dict[str, Any]:
        earner, spender = chance.sample(self._plan.members, 2)
        return {
            "earner": earner,
            "spender": spender,
            "hours": Hours.from_seconds(60 * chance.randrange(1, 40)),
        }

    def _transfer(self, name: str, id: str) -> Callable[[RecordedBank], object]:
        sides = self._sides(self._chance)
        self._done.append((name, id))
        return lambda bank: bank.transfer(id=id, **sides)

    def _shared(self, name: str, id: str) -> Callable[[RecordedBank], object]:
        """Use an id that others use at about the same time, for the same."""
        shared = f"shared-{int(time.monotonic() * 10)}-{self._chance.randrange(2)}"
        sides = self._sides(random.Random(f"{name}/{shared}"))  # noqa: S311 - no secret
        return lambda bank: bank.transfer(id=shared, **sides)

    def _batch(self, name: str, id: str) -> Callable[[RecordedBank], object]:
        calls = [
            {"id": f"{id}.{part}", **self._sides(self._chance)}
            for part in range(self._chance.randrange(2, 5))
        ]
        return lambda bank: bank.batch(calls)

    def _hold(self, name: str, id: str) -> Callable[[RecordedBank], object]:
        sides = self._sides(self._chance)
        expires = self._chance.choice([None] * 5 + [timedelta(seconds=1)])
        return lambda bank: bank.hold(id=id, expires_in=expires, **sides)

    def _resolve(self, name: str, id: str) -> Callable[[RecordedBank], object] | None:
        """Settle or void one of the holds that are open, which others try as well."""
        try:
            found = [hold for hold, _ in zip(self.bank(name).bank.holds(), range(8), strict=False)]
        except TimebankError:
            return None
        if not found:
            return None
        hold = self._chance.choice(found).id
        if self._chance.random() < 0.4:
            return lambda bank: bank.void(hold, id=id)
        hours = self._chance.choice([None, Hours.from_seconds(60)])
        return lambda bank: bank.settle(hold, id=id, hours=hours)

    def _reverse(self, name: str, id: str) -> Callable[[RecordedBank], object] | None:
        mine = [done for bank, done in self._done[-20:] if bank == name]
        if not mine:
            return None
        transfer = self._chance.choice(mine)
        return lambda bank: bank.reverse(transfer, id=id)

    def _find(self, name: str, id: str) -> Callable[[RecordedBank], object] | None:
        mine = [done for bank, done in self._done[-5:] if bank == name]
        return None if not mine else lambda bank: bank.find(mine[-1])

    def _head(self, name: str, id: str) -> Callable[[RecordedBank], object]:
        return lambda bank: bank.head()


class _Reader(_Client):
    """A process that reads, and follows each bank from where it was."""

    def __init__(self, place: Place, plan: Plan, log: Recorder) -> None:
        super().__init__([place], plan, log)
        self._after: dict[str, int] = {}

    def act(self) -> None:
        """Read once; what fails is tried no more, for a reader loses nothing."""
        name = self._chance.choice(self._plan.banks)
        try:
            bank = self.bank(name)
            getattr(self, f"_{self.drawn(_READING)}")(bank, name)
        except Exception:  # noqa: BLE001 - the log has it, and the checker judges it
            time.sleep(self._plan.pause)

    def _read(self, bank: RecordedBank, name: str) -> None:
        after = self._after.get(name, 0)
        self._after[name] = after = bank.read(after=after)

    def _find(self, bank: RecordedBank, name: str) -> None:
        for id in self._recent(bank, "transfer"):
            bank.find(id)

    def _find_hold(self, bank: RecordedBank, name: str) -> None:
        for id in self._recent(bank, "hold"):
            bank.find_hold(id)

    def _head(self, bank: RecordedBank, name: str) -> None:
        bank.head()

    def _recent(self, bank: RecordedBank, kind: str) -> Iterator[str]:
        """Draw the id of one of the last records that are of a kind."""
        with bank.bank.store.reader(name := bank.bank.name) as reader:
            after = max(self._after.get(name, 0) - 50, 0)
            found = [row.id for row in reader.records(after=after, limit=50) if row.kind == kind]
        if found:
            yield str(self._chance.choice(found))
