"""A host that rolls back to any savepoint of its own at any moment, beside what must be left.

A savepoint is a snapshot: the host's rows, and the calls that stand. What the joined bank must
be after any history is what a bank of its own, in memory, is after the calls that stand.
"""

from __future__ import annotations

import itertools
import shutil
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, suppress
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, ClassVar, ParamSpec

import attrs
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

pytest.importorskip("django", reason="the hosts need the extra timebank[dev]")

from django.db import transaction

import timebank
from bank.hosts import HOSTS_AT_LENGTH, Django, Host, Psycopg, PyMySqlMariaDb, Sqlite3
from support import BEGINNING, examples
from timebank import Band, InvalidRequest, LimitExceeded, Statute, TimeBank, TimebankError, Welcome

P = ParamSpec("P")


class Failing(Exception):
    """What goes wrong in the host."""


# -- calls, and what they come to -------------------------------------------------------


@attrs.frozen
class Call:
    """A call of the bank: its name, what it is given, at which instant and by whom."""

    name: str
    given: dict[str, Any]
    now: datetime = BEGINNING
    actor: str | None = None

    def __call__(self, bank: Any) -> Any:
        """Make it on a bank, a batch or a preview."""
        if self.actor is not None:
            bank = bank.acting_as(self.actor)
        return getattr(bank, self.name)(**self.given)


@attrs.frozen
class Refused:
    """An error as its class and all that it says, to be compared."""

    kind: type[BaseException]
    message: str
    facts: str
    error: BaseException = attrs.field(eq=False, repr=False)


def told(ask: Callable[[Any], Any], bank: Any) -> Any:
    """What a call gives, or how it was refused."""
    try:
        return ask(bank)
    except Exception as error:  # noqa: BLE001 - compared with what the model says
        facts = {name: value for name, value in vars(error).items() if name != "original"}
        return Refused(type(error), str(error), repr(facts), error)


def is_invalid(found: Any) -> bool:
    """Whether it was refused because such a call cannot be made there."""
    return isinstance(found, Refused) and found.kind is InvalidRequest


def seen(bank: Any) -> dict[str, Any]:
    """Everything that can be read of a bank: the head stands for each byte of the journal."""
    accounts = list(bank.accounts())
    return {
        "head": bank.head(),
        "accounts": accounts,
        "balances": [bank.balance(account.id) for account in accounts],
        "transfers": list(bank.transfers()),
        "holds": list(bank.holds(status=None)),
    }


def leave(block: AbstractContextManager[Any], error: BaseException | None) -> BaseException | None:
    """Leave a block, cleanly or by an error; what comes out of it."""
    try:
        if error is None:
            block.__exit__(None, None, None)
            return None
        swallowed = block.__exit__(type(error), error, error.__traceback__)
    except BaseException as raised:  # noqa: BLE001 - compared with what the model says
        return raised
    return None if swallowed else error


def settings_of(clock: Callable[[], datetime]) -> dict[str, Any]:
    """How a bank is opened: with one salt, so that what was undone leaves no trace in the next."""
    return {
        "bank": "via-roma",
        "clock": clock,
        "new_id": lambda: "journal",
        "new_salt": lambda: bytes(16),
    }


# -- the model --------------------------------------------------------------------------


@attrs.frozen
class Left:
    """What there is: the host's rows, and the calls on our bank that were kept."""

    rows: frozenset[str]
    calls: tuple[Call, ...]


@attrs.frozen(eq=False)
class Point:
    """A savepoint, of the host (with a name) or of a batch, and what was there then."""

    left: Left
    name: str | None = None
    #: Begun without a transaction: SQLite begins one then, and its release is a commit.
    is_outermost: bool = False


class Twin:
    """A bank of its own, on which the calls that stand were made."""

    def __init__(self) -> None:
        self.now = self.last = BEGINNING
        self.calls: tuple[Call, ...] = ()
        self.bank = self._opened()

    def _opened(self) -> TimeBank:
        return timebank.open("memory:", **settings_of(lambda: self.now))

    def at(self, calls: tuple[Call, ...], now: datetime) -> TimeBank:
        """The bank after these calls, at this instant.

        :raises TimebankError: one of them is refused, after those before it.
        """
        if calls[: len(self.calls)] != self.calls:
            self.calls, self.bank = (), self._opened()
            self.last = BEGINNING
        for call in calls[len(self.calls) :]:
            # What is done again, over what was recorded since, has the instant of that.
            self.now, before = max(call.now, self.last), self.bank.head()
            call(self.bank)
            if self.bank.head() != before:  # what was recorded already is no record of now
                self.last = self.now
            self.calls += (call,)
        self.now = now
        return self.bank


@attrs.define
class Batch:
    """A batch whose block is open."""

    block: AbstractContextManager[Any]
    handle: Any
    point: Point
    #: In which transaction it was opened.
    transaction: int
    #: Whether the host made savepoints since.
    is_divided: bool = False


@attrs.define
class Preview:
    """A preview whose block is open, and the calls on it."""

    block: AbstractContextManager[Any]
    handle: Any
    #: What was beneath it when it was last asked, and in which transaction.
    beneath: tuple[int, tuple[Call, ...]]
    calls: tuple[Call, ...] = ()
    #: Whether it was refused, for what is beneath it changed.
    is_refused: bool = False


# -- what is called ---------------------------------------------------------------------

ACCOUNTS = ("a", "b", "c", "d", "e", "fund")
FIRST = (
    Call("adopt", {"statute": Statute(version="via-roma/1", limits={"member": Band(floor=-3)})}),
    Call("open_account", {"id": "fund", "kind": "fund"}),
    Call("open_account", {"id": "a", "name": "Maria"}),
    Call("open_account", {"id": "b"}),
    Call(
        "adopt",
        {
            "statute": Statute(
                version="via-roma/2",
                limits={"member": Band(floor=-3, ceiling=6)},
                welcome=Welcome(hours=1, fund="fund"),
            )
        },
    ),
    Call("open_account", {"id": "c"}),
)

PAIRS = tuple(itertools.permutations(("a", "b", "fund"), 2))
accounts = st.sampled_from(("a", "b", *ACCOUNTS))
pairs = st.sampled_from((*PAIRS, *PAIRS, *itertools.permutations(ACCOUNTS, 2)))
hours = st.sampled_from(("0:10", "0:30", "1", "1", "2:10", "5"))
#: Of ids, and of what is the newest of its kind most often.
ids = st.integers(0, 7)
newest = st.sampled_from((0, 0, 0, 0, 1, 1, 2, 3, 4))
minutes = st.sampled_from((0, 0, 0, 1, 50))


@st.composite
def calls(draw: st.DrawFn) -> Call:
    """A call with few ids, so that they come again; refused now and then."""
    name = draw(
        st.sampled_from(
            (
                *("open_account", "transfer", "transfer", "transfer", "transfer", "hold"),
                *("hold", "settle", "void", "reverse", "set_limits", "freeze", "thaw"),
            )
        )
    )
    number = draw(ids)
    given: dict[str, Any]
    match name:
        case "open_account":
            given = {
                "id": draw(st.sampled_from("de")),
                "name": draw(st.sampled_from((None, "Pia"))),
            }
        case "transfer" | "hold":
            earner, spender = draw(pairs)
            given = {"earner": earner, "spender": spender, "hours": draw(hours)}
            given["id"] = f"{name[0]}{number}"
            if name == "hold":
                given["expires_in"] = draw(st.sampled_from((None, timedelta(hours=1))))
            else:
                given["note"] = draw(st.sampled_from((None, "bread")))
        case "settle":
            given = {"hold_id": f"h{draw(ids)}", "id": f"s{number}"}
            given["hours"] = draw(st.sampled_from((None, "0:20")))
        case "void":
            given = {"hold_id": f"h{number}", "id": f"v{number}"}
        case "reverse":
            given = {"transfer_id": f"{draw(st.sampled_from('ts'))}{draw(ids)}"}
            given |= {"id": f"r{number}", "reason": "by mistake"}
        case "set_limits":
            given = {"id": draw(accounts), "floor": draw(st.sampled_from((None, -1, -4)))}
            given["ceiling"] = draw(st.sampled_from((None, 2, 8)))
        case _:
            given = {"id": draw(accounts)}
    return Call(name, given, actor=draw(st.sampled_from((None, None, "anna"))))


several = st.lists(calls(), min_size=1, max_size=3)
beginnings = st.sampled_from(("BEGIN", "BEGIN IMMEDIATE", "SAVEPOINT"))
errors = st.sampled_from((None, Failing, KeyboardInterrupt, InvalidRequest))


@attrs.frozen
class Step:
    """How often something is done, as things are, and what it is given."""

    weight: Callable[[Any], int]
    given: st.SearchStrategy[dict[str, Any]]


STEPS: dict[str, Step] = {}


def step(
    weight: Callable[[Any], int], **given: st.SearchStrategy[Any]
) -> Callable[[Callable[P, None]], Callable[P, None]]:
    """Make a method a step of the machine.

    Were each a rule, Hypothesis would leave out half of them in each example.
    """

    def mark(method: Callable[P, None]) -> Callable[P, None]:
        STEPS[method.__name__] = Step(weight, st.fixed_dictionaries(given))
        return method

    return mark


#: The steps after which a transaction may end.
LONG = 10

# -- the machine ------------------------------------------------------------------------


class OwnTransactions(Sqlite3):
    """The standard library's driver, where the host writes each BEGIN and SAVEPOINT itself."""

    def connect(self) -> Any:
        """As `Host.connect`."""
        connection = sqlite3.connect(self.path, isolation_level=None)
        connection.execute("PRAGMA synchronous = OFF")
        return connection


class HostMachine(RuleBasedStateMachine):
    """A program with a table and a joined bank on one connection, beside what must be left."""

    kind: ClassVar[type[Host]] = OwnTransactions

    def __init__(self) -> None:
        super().__init__()
        self.time = BEGINNING
        self.folder = Path(tempfile.mkdtemp())
        self.host = self.kind(self.folder)
        self.bank, self.observer = (
            timebank.join(self.host.handle, **settings_of(lambda: self.time)) for _ in range(2)
        )
        self.alone = timebank.open(self.host.url, **settings_of(lambda: self.time))
        self.twin, self.twin_of_preview = Twin(), Twin()
        self.committed = self.now = Left(frozenset(), ())
        #: The savepoints that exist, the oldest first; `None` where no transaction is open.
        self.points: list[Point] | None = None
        self.transactions = 0
        #: The steps of the transaction that is open.
        self.age = 0
        self.batch: Batch | None = None
        self.preview: Preview | None = None
        #: What a block that was left gave.
        self.ended: list[Any] = []
        self.count = 0
        self.has_failed = False

    @initialize(how=beginnings | st.none())
    def begin_to_live(self, how: str | None) -> None:
        """A statute, three members and a fund, committed by somebody; then a transaction."""
        for call in FIRST:
            call(self.alone)
        self.committed = self.now = Left(frozenset(), FIRST)
        if how is not None:
            self.begin(how)

    def steps(self) -> st.SearchStrategy[tuple[str, dict[str, Any]]]:
        """What can be done next."""
        names = [name for name, step in STEPS.items() for _ in range(step.weight(self))]
        return st.sampled_from(names).flatmap(
            lambda name: st.tuples(st.just(name), STEPS[name].given)
        )

    @rule(step=st.runner().flatmap(lambda machine: machine.steps()))
    def do(self, step: tuple[str, dict[str, Any]]) -> None:
        """One step."""
        name, given = step
        getattr(self, name)(**given)

    def teardown(self) -> None:
        """Leave the blocks and commit: what another connection sees is what must be left."""
        try:
            if not self.has_failed:
                if self.preview is not None:
                    self.leave_preview(None)
                if self.batch is not None:
                    self.leave_batch(None)
                if self.points is not None:
                    self.commit()
                self.agree(len(self.committed.rows), self.host.booked())
                expected = self.twin.at(self.committed.calls, self.time)
                self.agree(seen(expected), seen(self.alone))
                assert () == self.alone.audit().findings
        finally:
            for opened in (self.preview, self.batch):
                if opened is not None:
                    leave(opened.block, Failing())
            self.alone.close()
            self.host.close()
            shutil.rmtree(self.folder, ignore_errors=True)

    # -- comparing ----------------------------------------------------------------------

    def agree(self, expected: Any, found: Any) -> None:
        """Fail where they differ, with the error that came instead."""
        self.has_failed = expected != found
        if self.has_failed:
            cause = found.error if isinstance(found, Refused) else None
            if isinstance(expected, dict) and isinstance(found, dict):
                differing = [name for name, value in expected.items() if value != found[name]]
                expected, found = ([one[name] for name in differing] for one in (expected, found))
            msg = f"expected {expected}\n   found {found}"
            raise AssertionError(msg) from cause

    def agree_that_it_is_invalid(self, found: Any) -> None:
        """Fail where such a call was not refused, or otherwise than as invalid."""
        self.agree(InvalidRequest, found.kind if isinstance(found, Refused) else found)

    @property
    def is_open(self) -> bool:
        """Whether a transaction is."""
        return self.points is not None

    @property
    def is_batch_over(self) -> bool:
        """Whether the host released or undid the savepoint of the batch whose block is open."""
        return self.batch is not None and self.batch.point not in (self.points or ())

    def agree_on(self, ask: Callable[[Any], Any], found: Any) -> None:
        """Compare with what the twin says to it; what was not refused is kept."""
        expected = told(ask, self.twin.at(self.now.calls, self.time))
        self.agree(expected, found)
        if isinstance(ask, Call) and not isinstance(expected, Refused):
            self.now = attrs.evolve(self.now, calls=(*self.now.calls, ask))
            self.twin.calls = self.now.calls

    def ask_batch(self, ask: Callable[[Any], Any]) -> None:
        """Ask the batch: right while its savepoint exists, invalid once it does not."""
        assert self.batch is not None
        found = told(ask, self.batch.handle)
        is_unnoticed = self._may_go_unnoticed(self.batch) and not is_invalid(found)
        if self.is_batch_over and not is_unnoticed:
            self.agree_that_it_is_invalid(found)
        else:
            self.agree_on(ask, found)

    def _may_go_unnoticed(self, batch: Batch) -> bool:
        """Whether the end of its block may be the first to tell that a batch is over.

        MariaDB does not say whether a savepoint exists, where there are others as well.
        """
        is_same = self.is_open and self.transactions == batch.transaction
        return self.host.server == "mariadb" and batch.is_divided and is_same

    def ask_preview(self, ask: Callable[[Any], Any]) -> None:
        """Ask the preview: right on what is there now, or invalid where that has changed."""
        preview = self.preview
        assert preview is not None
        found = told(ask, preview.handle)
        beneath = (self.transactions, self.now.calls)
        if is_invalid(found) and (preview.is_refused or preview.beneath != beneath):
            preview.is_refused = True
            return
        try:
            twin = self.twin_of_preview.at(self.now.calls + preview.calls, self.time)
        except TimebankError:  # what was called on it cannot be made again
            self.agree_that_it_is_invalid(found)
            return
        expected = told(ask, twin)
        self.agree(expected, found)
        preview.beneath = beneath
        if isinstance(ask, Call) and not isinstance(expected, Refused):
            preview.calls += (ask,)
            self.twin_of_preview.calls += (ask,)

    # -- the host -----------------------------------------------------------------------

    def _in_transaction(self) -> list[Point]:
        assert self.points is not None
        return self.points

    def _of_host(self, number: int) -> int:
        """The index of one of the host's savepoints, from the newest on."""
        own = [at for at, point in enumerate(self._in_transaction()) if point.name is not None]
        return own[-1 - number % len(own)]

    def worth_of_savepoints(self) -> int:
        """How good it is to use one of the host's savepoints: the best is within a batch."""
        points = self.points or ()
        own = [at for at, point in enumerate(points) if point.name is not None]
        if not own:
            return 0
        is_around = any(point.name is None for point in points[own[-1] :])
        return 1 if is_around else 3

    @step(lambda host: 8 * (not host.is_open), how=beginnings)
    def begin(self, how: str) -> None:
        """A transaction; on SQLite a savepoint begins one too."""
        self.points, self.age = [], 0
        self.transactions += 1
        if self.host.server is not None:
            self.host.run("BEGIN")
        elif how != "SAVEPOINT":
            self.host.run(how)
        else:
            self.host.run("SAVEPOINT h0")
            self.points.append(Point(self.now, "h0", is_outermost=True))

    @step(lambda host: 4 * host.is_open)
    def savepoint(self) -> None:
        """One within all others; names come again, as libraries' do."""
        points = self._in_transaction()
        name = f"h{sum(point.name is not None for point in points)}"
        self.host.run(f"SAVEPOINT {name}")
        points.append(Point(self.now, name))
        if self.batch is not None:
            self.batch.is_divided = True

    @step(lambda host: 2 * host.worth_of_savepoints(), number=newest)
    def roll_back_to(self, number: int) -> None:
        """To any of them: it stays, and what was made after it is gone."""
        points, at = self._in_transaction(), self._of_host(number)
        self.host.run(f"ROLLBACK TO SAVEPOINT {points[at].name}")
        self.now = points[at].left
        del points[at + 1 :]

    @step(lambda host: host.worth_of_savepoints(), number=newest)
    def release(self, number: int) -> None:
        """Any of them, and those after it with it: nothing is undone."""
        points, at = self._in_transaction(), self._of_host(number)
        released = points[at]
        self.host.run(f"RELEASE SAVEPOINT {released.name}")
        del points[at:]
        if released.is_outermost:
            self._committed()

    @step(
        lambda host: 2 * (host.is_open and host.age >= LONG),
        is_kept=st.booleans(),
        next=beginnings | st.none(),
    )
    def end(self, is_kept: bool, next: str | None) -> None:
        """Commit, or roll back all; most often another transaction follows."""
        if is_kept:
            self.commit()
        else:
            self.host.run("ROLLBACK")
            self.now, self.points = self.committed, None
        if next is not None:
            self.begin(next)

    def commit(self) -> None:
        """Keep all that is there now, and look at it from elsewhere."""
        self.host.run("COMMIT")
        self._committed()

    def _committed(self) -> None:
        self.committed, self.points = self.now, None
        expected = self.twin.at(self.committed.calls, self.time)
        self.agree(expected.head(), self.alone.head())

    @step(lambda host: 2 * host.is_open)
    def book(self) -> None:
        """A row of the host."""
        self.count += 1
        self.host.book(f"b{self.count}")
        self.now = attrs.evolve(self.now, rows=self.now.rows | {f"b{self.count}"})

    # -- our calls ----------------------------------------------------------------------

    def in_turn(self, several: list[Call], minutes: int) -> Iterator[Call]:
        """Each call at an instant of its own."""
        for call in several:
            self.time += timedelta(minutes=minutes)
            yield attrs.evolve(call, now=self.time)

    @step(lambda host: host.is_open and host.host.server != "mariadb")
    def define(self) -> None:
        """A table of the host's, made and taken away: MariaDB would end the transaction."""
        self.host.run(f"CREATE TABLE made_{self.transactions} (id INTEGER)")
        self.host.run(f"DROP TABLE made_{self.transactions}")

    @step(lambda host: host.is_open and host.batch is None)
    def rebuild(self) -> None:
        """The derived rows are made anew, and so are right as before."""
        self.bank.rebuild()

    @step(lambda host: 2 * (not host.is_open), several=several, minutes=minutes)
    def call_elsewhere(self, several: list[Call], minutes: int) -> None:
        """Somebody else, with a connection of their own."""
        for call in self.in_turn(several, minutes):
            self.agree_on(call, told(call, self.alone))
        self.committed = self.now

    @step(lambda host: not host.is_open, call=calls())
    def call_without_a_transaction(self, call: Call) -> None:
        """What would write is refused; what reads sees what is committed."""
        for ask in (call, lambda bank: bank.batch().__enter__()):
            self.agree_that_it_is_invalid(told(ask, self.bank))
        self.agree_on(seen, told(seen, self.bank))

    @step(lambda host: 4 * host.is_open, several=several, minutes=minutes)
    def call_bank(self, several: list[Call], minutes: int) -> None:
        """Directly: refused while a batch is open, and so is another batch."""
        if self.batch is not None and not self.is_batch_over:
            for ask in (several[0], lambda bank: bank.batch().__enter__()):
                self.agree_that_it_is_invalid(told(ask, self.bank))
            return
        for call in self.in_turn(several, minutes):
            found = told(call, self.bank)
            if not (self.is_batch_over and is_invalid(found)):  # it may be, until its block is left
                self.agree_on(call, found)

    @step(lambda host: host.is_open)
    def read_bank(self) -> None:
        """Reads see the transaction, in a batch too."""
        self.agree_on(seen, told(seen, self.bank))

    @step(lambda host: 5 * (host.is_open and host.batch is None))
    def open_batch(self) -> None:
        """A savepoint of ours, for all or none."""
        block = self.bank.batch()
        point = Point(self.now)
        self.batch = Batch(block, block.__enter__(), point, self.transactions)
        self._in_transaction().append(point)

    @step(lambda host: 8 * (host.batch is not None), several=several, minutes=minutes)
    def call_batch(self, several: list[Call], minutes: int) -> None:
        """On the batch; a refusal is caught."""
        for call in self.in_turn(several, minutes):
            self.ask_batch(call)

    @step(lambda host: 2 * (host.batch is not None))
    def read_batch(self) -> None:
        """It sees what was called on it and was not undone since."""
        self.ask_batch(seen)

    @step(lambda host: (host.batch is not None) * (8 if host.is_batch_over else 2), error=errors)
    def leave_batch(self, error: type[BaseException] | None) -> None:
        """Cleanly all stays, by an error all is undone; and nothing where it was over."""
        batch, is_over = self.batch, self.is_batch_over
        assert batch is not None
        self.batch = None
        self.ended.append(batch.handle)
        given = None if error is None else error("of the host's")
        raised = leave(batch.block, given)
        if given is None:
            self.agree(InvalidRequest if is_over else type(None), type(raised))
        else:
            self.agree(given, raised)
        if not is_over:
            points = self._in_transaction()
            del points[points.index(batch.point) :]
            if given is not None:
                self.now = batch.point.left

    @step(lambda host: 3 * (host.is_open and host.preview is None))
    def open_preview(self) -> None:
        """No savepoint: there is nothing that it could undo."""
        block = self.bank.preview()
        self.preview = Preview(block, block.__enter__(), (self.transactions, self.now.calls))

    @step(lambda host: 4 * (host.preview is not None), several=several, minutes=minutes)
    def call_preview(self, several: list[Call], minutes: int) -> None:
        """Written nowhere."""
        for call in self.in_turn(several, minutes):
            self.ask_preview(call)

    @step(lambda host: 2 * (host.preview is not None))
    def read_preview(self) -> None:
        """It sees what was called on it, on top of what is there."""
        self.ask_preview(seen)

    @step(lambda host: host.preview is not None, error=errors)
    def leave_preview(self, error: type[BaseException] | None) -> None:
        """Nothing is undone, whatever the transaction is by then."""
        preview = self.preview
        assert preview is not None
        self.preview = None
        self.ended.append(preview.handle)
        given = None if error is None else error("of the host's")
        self.agree(given, leave(preview.block, given))

    @step(lambda host: 2 * bool(host.ended), call=calls(), number=newest)
    def call_what_ended(self, call: Call, number: int) -> None:
        """A handle that outlived its block does nothing."""
        self.agree_that_it_is_invalid(told(call, self.ended[-1 - number % len(self.ended)]))

    @invariant()
    def what_is_there_is_what_must_be_left(self) -> None:
        """The host's rows and every figure of ours, by a handle that nothing else uses."""
        self.age += 1
        cursor = self.host.handle.cursor()
        cursor.execute("SELECT id FROM booking")
        rows = [row["id"] if isinstance(row, dict) else row[0] for row in cursor.fetchall()]
        cursor.close()
        self.agree(sorted(self.now.rows), sorted(rows))
        self.agree_on(seen, told(seen, self.observer))


class PostgresHostMachine(HostMachine):
    """The same on PostgreSQL, where a statement that fails ends the transaction."""

    kind = Psycopg


class MariaDbHostMachine(HostMachine):
    """The same on MariaDB, where the release of a savepoint leaves those after it."""

    kind = PyMySqlMariaDb


class NightlyHostMachine(HostMachine):
    """The same for a hundred thousand steps."""


HostMachine.TestCase.settings = examples(30, steps=40)
TestHost = HostMachine.TestCase

PostgresHostMachine.TestCase.settings = examples(6, steps=30)
TestHostPostgres = pytest.mark.servers(PostgresHostMachine.TestCase)

MariaDbHostMachine.TestCase.settings = examples(6, steps=30)
TestHostMariaDb = pytest.mark.servers(MariaDbHostMachine.TestCase)

NightlyHostMachine.TestCase.settings = settings(max_examples=500, stateful_step_count=200)
TestHostNightly = pytest.mark.nightly(NightlyHostMachine.TestCase)


# -- the doors of each kind of host -----------------------------------------------------


@pytest.fixture(params=HOSTS_AT_LENGTH, ids=lambda kind: kind.__name__)
def host(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Host]:
    """A host with a table of its own and ours beside it."""
    made = request.param(tmp_path)
    yield made
    made.close()


@pytest.fixture
def bank(host: Host) -> TimeBank:
    """The joined bank, with two accounts committed."""
    joined = timebank.join(host.handle)
    with host.transaction():
        host.book("first")
        joined.open_account("m1")
        joined.open_account("f1", kind="group")
    return joined


def book(host: Host, bank: Any, id: str) -> None:
    """A booking is a row of the host and an hour of ours."""
    host.book(id)
    bank.transfer(earner="m1", spender="f1", hours=1, id=id)


def book_three(host: Host, bank: Any, *, is_read: bool) -> None:
    """Three bookings, each in a savepoint of the host's; the middle one fails, within another."""
    for id in ("b1", "b2", "b3"):
        with suppress(Failing), host.savepoint():
            host.book(f"{id}-asked")
            with host.savepoint():
                book(host, bank, id)
                if is_read:
                    bank.balance("m1")
                if id == "b2":
                    raise Failing


def kept(host: Host) -> tuple[int, list[str]]:
    """The host's rows and our transfers that are committed; ours pass an audit."""
    with timebank.open(host.url, create=False) as alone:
        assert () == alone.audit().findings
        return host.booked(), [transfer.id for transfer in alone.transfers()]


both = pytest.mark.parametrize("is_read", [False, True], ids=["unread", "read"])


@both
def test_a_booking_that_fails_takes_its_hours_along(
    host: Host, bank: TimeBank, is_read: bool
) -> None:
    """Called on the bank: the savepoint that is rolled back has both, or neither."""
    with host.transaction():
        book_three(host, bank, is_read=is_read)
        assert 2 == bank.balance("m1").posted.seconds // 3600
    assert (5, ["b1", "b3"]) == kept(host)


@both
def test_a_booking_that_fails_in_a_batch_takes_its_hours_along(
    host: Host, bank: TimeBank, is_read: bool
) -> None:
    """Called on a batch: what was rolled back is gone from it, and the rest stays."""
    with host.transaction(), bank.batch() as batch:
        book(host, batch, "before")
        book_three(host, batch, is_read=is_read)
        assert 3 == batch.balance("m1").posted.seconds // 3600
        book(host, batch, "after")
    assert (7, ["before", "b1", "b3", "after"]) == kept(host)


@both
def test_a_batch_that_fails_takes_the_hosts_rows_along(
    host: Host, bank: TimeBank, is_read: bool
) -> None:
    """Left by an error, what was booked since it was opened is gone, and what was before stays."""
    with host.transaction():
        book(host, bank, "before")
        with pytest.raises(LimitExceeded), bank.batch() as batch:
            book_three(host, batch, is_read=is_read)
            batch.transfer(earner="m1", spender="f1", hours=99)
        book(host, bank, "after")
    assert (3, ["before", "after"]) == kept(host)


@both
def test_a_batch_goes_with_the_savepoint_around_it(
    host: Host, bank: TimeBank, is_read: bool
) -> None:
    """A batch that was left well is undone by the host, and can be done again."""
    with host.transaction():
        for error in (Failing, None):
            with suppress(Failing), host.savepoint():
                with bank.batch() as batch:
                    book_three(host, batch, is_read=is_read)
                if error is not None:
                    raise error
        book(host, bank, "after")
    assert (6, ["b1", "b3", "after"]) == kept(host)


@both
def test_a_preview_takes_nothing_along(host: Host, bank: TimeBank, is_read: bool) -> None:
    """Left by a refusal of its own, it leaves what was booked on the bank meanwhile."""
    with host.transaction():
        with pytest.raises(LimitExceeded), bank.preview() as preview:
            book_three(host, bank, is_read=is_read)
            with suppress(InvalidRequest):  # the journal has changed beneath it
                preview.transfer(earner="m1", spender="f1", hours=99)
            with bank.preview() as other:
                other.transfer(earner="m1", spender="f1", hours=99)
        book(host, bank, "after")
    assert (6, ["b1", "b3", "after"]) == kept(host)


@both
def test_what_is_tried_on_a_preview_is_written_nowhere(
    host: Host, bank: TimeBank, is_read: bool
) -> None:
    """The host's savepoints within and around it are as ever."""
    with host.transaction():
        with suppress(Failing), bank.preview() as preview, host.savepoint():
            host.book("b0")
            preview.transfer(earner="m1", spender="f1", hours=1, id="tried")
            if is_read:
                assert 1 == preview.balance("m1").posted.seconds // 3600
            raise Failing
        with host.savepoint(), bank.preview() as preview:
            host.book("b4")
            preview.transfer(earner="m1", spender="f1", hours=1, id="tried")
        book(host, bank, "after")
    assert (3, ["after"]) == kept(host)


@pytest.fixture
def django_host(tmp_path: Path) -> Iterator[Host]:
    """Django's connection to SQLite, with a table of its own and ours beside it."""
    made = Django(tmp_path)
    yield made
    made.close()


#: A block of Django's without a savepoint: an error in it is one of the block around it.
unmarked = partial(transaction.atomic, using="host", savepoint=False)


@both
def test_a_block_of_django_without_a_savepoint(django_host: Host, is_read: bool) -> None:
    """What fails in it is undone by the savepoint around it, with the hours of a batch."""
    bank = timebank.join(django_host.handle)
    with django_host.transaction():
        bank.open_account("m1")
        bank.open_account("f1", kind="group")
        with bank.batch() as batch:
            for id in ("b1", "b2", "b3"):
                with suppress(Failing), django_host.savepoint(), unmarked():
                    book(django_host, batch, id)
                    if is_read:
                        batch.balance("m1")
                    if id == "b2":
                        raise Failing
    assert (2, ["b1", "b3"]) == kept(django_host)


def test_a_transaction_of_django_that_must_be_rolled_back(django_host: Host) -> None:
    """What failed without a savepoint undoes all: the batch is told, and nothing is kept."""
    bank = timebank.join(django_host.handle)
    with django_host.transaction():
        bank.open_account("m1")
        bank.open_account("f1", kind="group")
    with pytest.raises(InvalidRequest), django_host.transaction(), bank.batch() as batch:
        book(django_host, batch, "b1")
        with suppress(Failing), unmarked():
            book(django_host, batch, "b2")
            raise Failing
        batch.transfer(earner="m1", spender="f1", hours=1)
    with suppress(InvalidRequest), django_host.transaction(), bank.batch() as batch:
        book(django_host, batch, "b3")
        with suppress(Failing), unmarked():
            raise Failing
    assert (0, []) == kept(django_host)
