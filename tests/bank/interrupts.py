"""An interrupt at every point of a call: what raises it, and what must hold afterwards.

A call is made once while its points are listed: the lines (or instructions) of the library that
it runs through. Then it is made again for each of them, on a fresh store, and interrupted there.
"""

from __future__ import annotations

import contextlib
import gc
import inspect
import itertools
import os
import random
import shutil
import sqlite3
import sys
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from types import CodeType, FrameType
from typing import Any, Final, TypeVar

import attrs

import timebank
from servers import new_database
from support import BEGINNING
from timebank import (
    Balance,
    Band,
    Dues,
    Hours,
    OutcomeUnknown,
    Retryable,
    Statute,
    StoreError,
    TimeBank,
    TimebankError,
)
from timebank.storage import Store
from timebank.storage.memory import MemoryStore
from timebank.storage.sqlite import open_sqlite

#: How long a call waits for a lock here: one that stays taken is to be found quickly.
BUSY_SECONDS: Final = 0.5
#: After as long a thread is said to sleep for ever.
HANGS_SECONDS: Final = 5.0
#: And after as long a whole run, in which several may wait for each other.
RUN_SECONDS: Final = 60.0
FOLLOWERS: Final = 3
#: One of so many audits is a whole one: the others look at balances, sums and the head.
AUDITS: Final = 4
ACCOUNTS: Final = ("m1", "m2", "fund")

T = TypeVar("T")

_PACKAGE: Final = os.path.dirname(timebank.__file__) + os.sep  # noqa: PTH120 - a beginning of texts
#: What a call of a batch has begun here can no longer be taken away by itself.
SESSION: Final = _PACKAGE + os.path.join("bank", "session.py")  # noqa: PTH118 - as above
_KIT: Final = _PACKAGE + "testing" + os.sep


class Interrupt(KeyboardInterrupt):
    """What a user's Ctrl-C raises, told from a real one."""


class UndoneError(Exception):
    """A batch was taken back, though its caller had caught the interrupt."""


class WithoutError(Exception):
    """A batch was kept, whose caller had caught the interrupt of one call."""


class WrongError(Exception):
    """Something that must hold does not."""


# -- points -------------------------------------------------------------------


@attrs.frozen
class Point:
    """A moment in the library: the nth time that a function comes to a line or an instruction."""

    file: str
    function: str
    event: str
    place: int
    nth: int

    def __str__(self) -> str:
        file = self.file.removeprefix(_PACKAGE)
        at = f"{file}:{self.place}" if self.event == "line" else f"{file}:{self.event} {self.place}"
        return f"{at} in {self.function}" + (f", time {self.nth}" if self.nth > 1 else "")


def _is_ours(code: CodeType) -> bool:
    return code.co_filename.startswith(_PACKAGE) and not code.co_filename.startswith(_KIT)


class Meter:
    """Lists the points of one thread; with a target, interrupts it there, once."""

    def __init__(self, target: Point | None = None) -> None:
        self.points: list[Point] = []
        self.fired = False
        #: Whether a session had been entered, and had begun something else, where it fired.
        self.is_deep = False
        self._target = target
        self._seen: dict[tuple[CodeType, str, int], int] = {}

    def reach(self, code: CodeType, event: str, place: int) -> None:
        """Count a point.

        :raises Interrupt: it is the target.
        """
        key = (code, event, place)
        nth = self._seen[key] = self._seen.get(key, 0) + 1
        target = self._target
        if target is None:
            self.points.append(Point(code.co_filename, _name(code), event, place, nth))
        elif (
            not self.fired
            and place == target.place
            and nth == target.nth
            and event == target.event
            and code.co_filename == target.file
            and _name(code) == target.function
        ):
            self.fired = True
            self.is_deep = _is_deep(sys._getframe(1))
            raise Interrupt


def _is_deep(frame: FrameType | None) -> bool:
    callers = []
    while frame is not None:
        if _is_ours(frame.f_code):
            callers.append(frame.f_code.co_filename)
        frame = frame.f_back
    return SESSION in callers[1:]


def _name(code: CodeType) -> str:
    # Two lambdas of a file may have one name.
    return f"{code.co_qualname}" if "<" not in code.co_name else f"{code.co_firstlineno}"


#: Watches the thread that it is entered in, for a meter.
Watch = Callable[[Meter], AbstractContextManager[None]]


@contextmanager
def by_lines(meter: Meter) -> Iterator[None]:
    """Watch by `sys.settrace`: each line, and each entry of a function.

    A generator that goes on is no entry: in Python 3.11 an error there would end it past its own
    `finally`, which no signal does.
    """

    def local(frame: FrameType, event: str, _: Any) -> Any:
        if event == "line":
            meter.reach(frame.f_code, "line", frame.f_lineno)
        return local

    def enter(frame: FrameType, event: str, _: Any) -> Any:
        code = frame.f_code
        if not _is_ours(code):
            return None
        if not code.co_flags & inspect.CO_GENERATOR:
            meter.reach(code, "call", code.co_firstlineno)
        return local

    sys.settrace(enter)
    try:
        yield
    finally:
        sys.settrace(None)


@contextmanager
def by_opcodes(meter: Meter) -> Iterator[None]:
    """Watch by `sys.settrace`: each instruction."""

    def local(frame: FrameType, event: str, _: Any) -> Any:
        if event == "opcode":
            meter.reach(frame.f_code, "instruction", frame.f_lasti)
        return local

    def enter(frame: FrameType, event: str, _: Any) -> Any:
        if not _is_ours(frame.f_code):
            return None
        frame.f_trace_opcodes = True
        frame.f_trace_lines = False
        return local

    sys.settrace(enter)
    try:
        yield
    finally:
        sys.settrace(None)


@contextmanager
def by_monitoring(meter: Meter) -> Iterator[None]:
    """Watch by `sys.monitoring`, of Python 3.12 and later: each instruction."""
    monitoring: Any = sys.monitoring  # type: ignore[attr-defined, unused-ignore]
    tool, events = monitoring.DEBUGGER_ID, monitoring.events
    thread = threading.get_ident()

    def started(code: CodeType, _: int) -> Any:
        if _is_ours(code):
            monitoring.set_local_events(tool, code, events.INSTRUCTION)
        return monitoring.DISABLE

    def instruction(code: CodeType, offset: int) -> None:
        if threading.get_ident() == thread:
            meter.reach(code, "instruction", offset)

    monitoring.use_tool_id(tool, "timebank's tests")
    monitoring.register_callback(tool, events.PY_START, started)
    monitoring.register_callback(tool, events.INSTRUCTION, instruction)
    monitoring.set_events(tool, events.PY_START)
    monitoring.restart_events()
    try:
        yield
    finally:
        monitoring.set_events(tool, 0)
        monitoring.register_callback(tool, events.INSTRUCTION, None)
        monitoring.register_callback(tool, events.PY_START, None)
        monitoring.free_tool_id(tool)


#: Chooses among the points of a call.
Choice = Callable[[Sequence[Point]], list[Point]]


def each_line(points: Sequence[Point]) -> list[Point]:
    """Each distinct line, the first time that it is come to."""
    return [point for point in points if (point.event, point.nth) == ("line", 1)]


def each_line_that_keeps(points: Sequence[Point]) -> list[Point]:
    """Each distinct line of where something is kept, and an eighth of those that only compute."""
    keeping = tuple(_PACKAGE + folder + os.sep for folder in ("bank", "storage"))
    found = each_line(points)
    others = one_in(8, each_line)([point for point in found if not point.file.startswith(keeping)])
    return [point for point in found if point.file.startswith(keeping) or point in others]


def every_event(points: Sequence[Point]) -> list[Point]:
    """All that was seen."""
    return list(points)


def each_instruction(points: Sequence[Point]) -> list[Point]:
    """Each distinct instruction, the first time that it is come to."""
    return [point for point in points if point.nth == 1]


def one_in(share: int, choice: Choice, *, seed: int = 17) -> Choice:
    """A seeded part of what another choice gives, in its order."""

    def chosen(points: Sequence[Point]) -> list[Point]:
        found = choice(points)
        kept = random.Random(seed).sample(range(len(found)), -(-len(found) // share))
        return [found[number] for number in sorted(kept)]

    return chosen


def without_exits(points: Sequence[Point]) -> list[Point]:
    """All but the first line of a reader's `__exit__`: who keeps the exception keeps the reader.

    What is left there is given back with the garbage, as `Droppable` says, and nobody else can.
    """
    lines = [point for point in points if point.event == "line"]
    ends = [point for point in lines if point.function.endswith("Reader.__exit__")]
    firsts = {
        (point.file, min(one.place for one in ends if one.file == point.file)) for point in ends
    }
    return [point for point in points if (point.file, point.place) not in firsts]


# -- the small bank, and what is done in it ------------------------------------------


def _now() -> datetime:
    return BEGINNING


def sources() -> dict[str, Any]:
    """A clock that stands still; ids and salts that are the same in every run."""
    ids, salts = itertools.count(1), itertools.count(1)
    return {
        "clock": _now,
        "new_id": lambda: f"id-{next(ids)}",
        "new_salt": lambda: next(salts).to_bytes(16, "big"),
    }


def furnish(bank: TimeBank) -> TimeBank:
    """Give a bank accounts, a rule, a transfer and an open hold, in one commit."""
    with bank.batch() as batch:
        batch.open_account("m1", name="Maria R.")
        batch.open_account("m2")
        batch.open_account("fund", kind="fund")
        batch.adopt(
            Statute(
                version="v1",
                limits={"member": Band(floor=-20)},
                dues=Dues(hours="0:20", fund="fund", every="month"),
            )
        )
        paid(batch, "t0")
        batch.hold(earner="m1", spender="m2", hours=1, id="h0", note="the plan")
    return bank


def paid(bank: Any, id: str) -> None:
    """An hour of the first member's, by a bank or a batch."""
    bank.transfer(earner="m1", spender="m2", hours=1, id=id, note="bread")


def _held(bank: TimeBank) -> None:
    bank.hold(earner="m2", spender="m1", hours=1, id="new", expires_in=timedelta(days=1))


def _settled(bank: TimeBank) -> None:
    bank.settle("h0", hours="0:30", id="new")


def _in_a_batch(bank: TimeBank) -> None:
    with bank.batch() as batch:
        paid(batch, "new-1")
        batch.settle("h0", id="new-2")


def _caught_in_a_batch(bank: TimeBank) -> None:
    """A batch whose caller catches the interrupt of a call, and goes on."""
    caught = False
    try:
        with bank.batch() as batch:
            for number in (1, 2):
                try:
                    paid(batch, f"new-{number}")
                except Interrupt:
                    caught = True
                except TimebankError:
                    if not caught:
                        raise
    except TimebankError:
        if not caught:
            raise
        raise UndoneError from None
    if caught:
        raise WithoutError


def _previewed(bank: TimeBank) -> None:
    with bank.preview() as preview:
        paid(preview, "new")
        preview.settle("h0", id="new-2")


def _stated(bank: TimeBank) -> None:
    assert bank.statement("m1").lines
    assert bank.balance("m1").posted


@attrs.frozen
class Operation:
    """A call of a bank, that may be made again."""

    name: str
    run: Callable[[TimeBank], object]
    closes: bool = False
    #: Transfers of it that may stay where the other was taken away by itself.
    parts: tuple[str, ...] = ()


OPERATIONS: Final = {
    operation.name: operation
    for operation in (
        Operation("transfer", lambda bank: paid(bank, "new")),
        Operation("hold", _held),
        Operation("settle", _settled),
        Operation("batch", _in_a_batch),
        Operation("batch-caught", _caught_in_a_batch, parts=("new-1", "new-2")),
        Operation("preview", _previewed),
        Operation("statement", _stated),
        Operation("run_due", lambda bank: bank.run_due()),
        Operation("close", lambda bank: bank.close(), closes=True),
    )
}


@attrs.frozen
class Found:
    """What is in a bank, in no order."""

    transfers: frozenset[str]
    holds: frozenset[tuple[str, str]]
    balances: tuple[Balance, ...]

    @classmethod
    def of(cls, bank: TimeBank) -> Found:
        """Read it.

        :raises WrongError: a balance is not the sum of the transfers.
        """
        transfers = list(bank.transfers())
        balances = tuple(bank.balance(account) for account in ACCOUNTS)
        for balance in balances:
            moved = [
                posting.hours
                for transfer in transfers
                for posting in transfer.postings
                if posting.account == balance.account
            ]
            if sum(moved, Hours(0)) != balance.posted:
                msg = f"{balance.account} stands at {balance.posted}, its postings are {moved}"
                raise WrongError(msg)
        return cls(
            frozenset(transfer.id for transfer in transfers),
            frozenset((hold.id, hold.status) for hold in bank.holds(status=None)),
            balances,
        )


def check_audit(bank: TimeBank, *, quick: bool) -> None:
    """Audit a bank.

    :raises WrongError: there are findings.
    """
    report = bank.audit(quick=quick)
    if not report.ok:
        found = report.findings[0]
        msg = f"{found.check} at {found.place}: {found.found}, not {found.expected}"
        raise WrongError(msg)


# -- stores -------------------------------------------------------------------


class Site(ABC):
    """A furnished bank in a store of its own, for one run."""

    #: Whether other threads of this process may call the bank.
    is_shared = True

    def __init__(self, ground: Ground) -> None:
        self.ground = ground
        self.bank = self.open()
        self._other: TimeBank | None = None

    @abstractmethod
    def open(self) -> TimeBank:
        """Open the bank."""

    def elsewhere(self) -> TimeBank | None:
        """The same bank through connections of another store's, if they can see it."""
        if self._other is None and self.ground.is_durable:
            self._other = self.open()
        return self._other

    def let_others(self) -> None:  # noqa: B027 - most have none
        """End what the bank's host has open, if it has a host."""

    def leave(self) -> None:
        """Close all that was opened."""
        if self._other is not None:
            self._other.close()
        self.bank.close()


class Ground:
    """Where sites are made: one kind of store."""

    name: str
    #: Whether another store can open the same bank.
    is_durable = False
    site: type[Site]

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.numbers = itertools.count(1)

    def make(self) -> Site:
        """Make a site."""
        return self.site(self)

    def renew(self) -> None:
        """Begin with another store: this one is closed, or something went wrong in it."""


class MemorySite(Site):
    """A bank in a dictionary."""

    def open(self) -> TimeBank:
        """As `Site.open`."""
        return furnish(TimeBank(MemoryStore(busy_timeout_seconds=BUSY_SECONDS), **sources()))


class Memory(Ground):
    """Stores in memory."""

    name = "memory"
    site = MemorySite


class PrivateSite(Site):
    """A bank in a private SQLite database."""

    def open(self) -> TimeBank:
        """As `Site.open`."""
        store = open_sqlite("sqlite://", create=True, busy_timeout_seconds=BUSY_SECONDS)
        return furnish(TimeBank(store, **sources()))


class Private(Ground):
    """Private SQLite databases."""

    name = "private"
    site = PrivateSite


class FileSite(Site):
    """A bank in a SQLite file."""

    ground: File

    def __init__(self, ground: File) -> None:
        self.path = ground.folder / f"{next(ground.numbers)}.db"
        shutil.copy(ground.template, self.path)
        super().__init__(ground)

    def open(self) -> TimeBank:
        """As `Site.open`."""
        url = f"sqlite:///{self.path}?synchronous=normal"
        store = open_sqlite(url, create=False, busy_timeout_seconds=BUSY_SECONDS)
        return TimeBank(store, create=False, **sources())

    def leave(self) -> None:
        """As `Site.leave`; the file goes too."""
        super().leave()
        self.path.unlink()


class File(Ground):
    """SQLite files, each a copy of one."""

    name = "file"
    is_durable = True
    site = FileSite

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.template = folder / "template.db"
        with closing_host(self.template) as host:
            host.execute("CREATE TABLE booking (id TEXT)")
        with timebank.open(f"sqlite:///{self.template}", **sources()) as bank:
            furnish(bank)


@contextmanager
def closing_host(path: Path) -> Iterator[sqlite3.Connection]:
    """A host's own connection to a file."""
    host = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None)
    try:
        yield host
    finally:
        host.close()


class JoinedSite(FileSite):
    """A bank joined to a host's transaction, in which there is a row of the host's."""

    is_shared = False

    def __init__(self, ground: File) -> None:
        super().__init__(ground)
        self.host = sqlite3.connect(self.path, timeout=BUSY_SECONDS, isolation_level=None)
        self.host.execute("PRAGMA synchronous = OFF")
        self.host.execute("BEGIN")
        self.host.execute("INSERT INTO booking VALUES ('before')")
        self.bank.close()
        self.bank = timebank.join(self.host, create=False, **sources())

    def let_others(self) -> None:
        """Have the host go on in its transaction, and commit."""
        self.host.execute("INSERT INTO booking VALUES ('after')")
        self.host.execute("COMMIT")
        with closing_host(self.path) as other:
            booked = other.execute("SELECT id FROM booking").fetchall()
        if booked != [("before",), ("after",)]:
            msg = f"of the host's rows there are {booked}"
            raise WrongError(msg)

    def leave(self) -> None:
        """As `Site.leave`."""
        self.host.close()
        super().leave()


class Joined(File):
    """Files of a host that the bank is joined to."""

    name = "joined"
    site = JoinedSite


class ServerSite(Site):
    """A bank of its own in a database of a server."""

    ground: Server

    def __init__(self, ground: Server) -> None:
        self.name = f"b{next(ground.numbers)}"
        furnish(TimeBank(ground.others(), bank=self.name, **sources()))
        super().__init__(ground)

    def open(self) -> TimeBank:
        """As `Site.open`."""
        return TimeBank(self.ground.own(), bank=self.name, create=False, **sources())

    def elsewhere(self) -> TimeBank:
        """As `Site.elsewhere`."""
        return TimeBank(self.ground.others(), bank=self.name, create=False, **sources())

    def leave(self) -> None:
        """As `Site.leave`: connections stay for the next run, which takes long to make them."""


class Server(Ground):
    """Banks in one database. It goes with its server: after a failure somebody may be in it."""

    is_durable = True
    site = ServerSite

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.url = new_database(self.name)
        if self.name == "mariadb":
            self.url += "&ssl_disabled=true"  # which the driver would prepare at great length
        timebank.open(self.url).close()
        self._own: Store | None = None
        self._others: Store | None = None

    def own(self) -> Store:
        """The store whose calls are interrupted."""
        if self._own is None:
            self._own = self._opened()
        return self._own

    def others(self) -> Store:
        """Another store, with connections of its own."""
        if self._others is None:
            self._others = self._opened()
        return self._others

    def renew(self) -> None:
        """As `Ground.renew`; what holds a lock still is let go by the garbage collector."""
        self._own = None

    def _opened(self) -> Store:
        from timebank.storage.server.store import SqlStore

        return SqlStore(self.url, busy_timeout_seconds=BUSY_SECONDS)


class PostgreSql(Server):
    """PostgreSQL."""

    name = "postgresql"


class MariaDb(Server):
    """MariaDB."""

    name = "mariadb"


GROUNDS: Final[dict[str, type[Ground]]] = {
    ground.name: ground for ground in (Memory, File, Private, Joined, PostgreSql, MariaDb)
}


# -- threads ------------------------------------------------------------------


def in_thread(work: Callable[[], T], seconds: float = HANGS_SECONDS) -> T:
    """Do it in a thread of its own; its result, or its error.

    :raises WrongError: it did not come to an end.
    """
    thread = Doing(work)
    thread.join(seconds)
    result: T = thread.outcome()
    return result


class Doing:
    """A thread at work, and what comes of it."""

    def __init__(self, work: Callable[[], Any]) -> None:
        self._work = work
        self._result: Any = None
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            self._result = self._work()
        except BaseException as error:  # noqa: BLE001 - raised again by `outcome`
            # What it refers to is let go here: a caller that catches an error keeps nothing.
            self._error = error.with_traceback(None)

    @property
    def is_over(self) -> bool:
        """Whether it has come to its end."""
        return not self._thread.is_alive()

    def join(self, seconds: float) -> None:
        """Wait for its end, not for ever."""
        self._thread.join(seconds)

    def outcome(self) -> Any:
        """The result.

        :raises WrongError: it has not come to an end.
        """
        if not self.is_over:
            msg = f"a thread sleeps in {self._where()}"
            raise WrongError(msg)
        if self._error is not None:
            raise self._error
        return self._result

    def _where(self) -> str:
        frame = self._frame()
        while frame is not None and not _is_ours(frame.f_code):
            frame = frame.f_back
        if frame is None:
            return "nothing of ours"
        return f"{frame.f_code.co_filename.removeprefix(_PACKAGE)}:{frame.f_lineno}"

    def _frame(self) -> FrameType | None:
        return sys._current_frames().get(self._thread.ident or 0)

    def settle(self) -> None:
        """Wait until it seems to wait itself, or has ended, or for a while."""
        last: tuple[int, int] | None = None
        times = 0
        end = time.monotonic() + BUSY_SECONDS / 4
        while times < 3 and not self.is_over and time.monotonic() < end:
            frame = self._frame()
            here = None if frame is None else (id(frame), frame.f_lasti)
            times = times + 1 if here is not None and here == last else 0
            last = here
            time.sleep(0.0004)


# -- one run ------------------------------------------------------------------


@attrs.define
class Swallowed:
    """What Python itself threw away: it was raised in a `__del__`, or a weak reference's call."""

    #: Interrupts: they are nobody's fault.
    count: int = 0
    errors: list[str] = attrs.field(factory=list)

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Look at it in this block, in place of a warning for each."""
        real = sys.unraisablehook

        def hook(unraisable: Any) -> None:
            if issubclass(unraisable.exc_type, Interrupt):
                self.count += 1
            elif issubclass(unraisable.exc_type, ResourceWarning):
                pass  # a connection that is left to the garbage collector, which closes it
            else:
                self.errors.append(f"{unraisable.exc_type.__name__}: {unraisable.exc_value}")

        sys.unraisablehook = hook
        try:
            yield
        finally:
            sys.unraisablehook = real
            gc.collect()  # what an interrupt has left is closed here, not in another test


@attrs.frozen
class Outcome:
    """What became of an interrupted call: whether it must be there, or must not be."""

    must: bool
    must_not: bool
    #: Whether one call of a batch may be missing: it was interrupted before it had begun anything.
    may_miss: bool = False

    @classmethod
    def of(cls, call: Callable[[], object], meter: Meter, swallowed: Swallowed) -> Outcome:
        """Make the call.

        :raises WrongError: it raised what nobody can make sense of, or ate the interrupt.
        """
        before = swallowed.count
        try:
            call()
        except Interrupt:
            return cls(must=False, must_not=False)
        except UndoneError:
            return cls(must=False, must_not=True)
        except WithoutError:
            if meter.is_deep:
                msg = "a batch was committed in which an interrupt was caught"
                raise WrongError(msg) from None
            return cls(must=False, must_not=False, may_miss=True)
        except WrongError:
            raise
        except BaseException as error:  # noqa: BLE001 - whatever it is, it must be ours
            if isinstance(error, TimebankError) and _is_of_an_interrupt(error):
                return cls(must=False, must_not=False)
            msg = f"the call raised {_told(error)}"
            raise WrongError(msg) from None
        if meter.fired and swallowed.count == before:
            msg = "the call ate the interrupt"
            raise WrongError(msg)
        return cls(must=True, must_not=False)


def _is_of_an_interrupt(error: BaseException | None) -> bool:
    while error is not None:
        if isinstance(error, Interrupt):
            return True
        error = error.__cause__ or error.__context__
    return False


def _told(error: BaseException) -> str:
    text = str(error).partition("\n")[0]
    if isinstance(error, WrongError):
        return text
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


@contextmanager
def saying(what: str) -> Iterator[None]:
    """Say what went wrong in a block."""
    try:
        yield
    except BaseException as error:  # noqa: BLE001 - also a real interrupt has no place here
        msg = f"{what}: {_told(error)}"
        raise WrongError(msg) from None


class Trial:
    """An operation on a kind of store, interrupted again and again."""

    def __init__(
        self,
        ground: Ground,
        operation: Operation,
        *,
        watch: Watch = by_lines,
        others_first: bool = True,
        audits: int = AUDITS,
        keeps: bool = False,
    ) -> None:
        #: Whether the exception is kept, with its frames, while it is looked at what is left.
        self.keeps = keeps
        self.ground = ground
        self.operation = operation
        self.others_first = others_first
        self._audits = audits
        self._runs = 0
        self.swallowed = Swallowed()
        self._watch = watch
        self._known: dict[bool, Found] = {}
        self._missing: list[Found] = []

    def complaints(self, choice: Choice) -> list[str]:
        """Interrupt at all points that are chosen; what did not hold, with its place."""
        found = []
        fired = 0
        with self.swallowed.watching():
            self._learn()
            in_thread(self.points)  # what is made once is made here
            seen = in_thread(self.points)
            points = choice(without_exits(seen) if self.keeps else seen)
            assert points
            for point in points:
                meter = Meter(point)
                complaint = in_thread_told(partial(self.run, meter))
                fired += meter.fired
                if complaint is None and self.swallowed.errors:
                    complaint = f"thrown away: {self.swallowed.errors[0]}"
                self.swallowed.errors.clear()
                if complaint is not None:
                    found.append(f"{point}: {complaint}")
                    self.ground.renew()
        assert fired > len(points) * 0.9, (fired, len(points))
        return found

    def _learn(self) -> None:
        """Learn what is there after the operation or without it, or with a part, and one more."""
        if self.operation.closes:
            return
        self._known = {
            False: in_thread(partial(self._after, lambda _: None)),
            True: in_thread(partial(self._after, self.operation.run)),
        }
        self._missing = [
            in_thread(partial(self._after, partial(paid, id=part))) for part in self.operation.parts
        ]

    def _after(self, work: Callable[[TimeBank], object]) -> Found:
        site = self.ground.make()
        work(site.bank)
        paid(site.bank, "next")
        found = Found.of(site.bank)
        site.leave()
        return found

    def points(self) -> list[Point]:
        """The points of one run that nobody interrupts."""
        meter = Meter()
        self.run(meter)
        return meter.points

    def run(self, meter: Meter) -> None:
        """Make the call on a fresh site, and look at what it left.

        :raises WrongError: something does not hold.
        """
        site = self.ground.make()
        kept: list[BaseException] = []

        def call() -> None:
            try:
                with self._watch(meter):
                    self.operation.run(site.bank)
            except BaseException as error:
                if self.keeps:
                    kept.append(error)
                raise

        outcome = Outcome.of(call, meter, self.swallowed)
        if self.operation.closes:
            self._check_closed(site)
        else:
            self._check(site, outcome)
        with saying("closing"):
            site.leave()

    def _check(self, site: Site, outcome: Outcome) -> None:
        bank = site.bank
        if self.others_first and site.is_shared:
            self._let_others_in(site)
        with saying("the next call"):
            paid(bank, "next")
        with saying("what is there"):
            found = Found.of(bank)
        known = [*self._known.values()]
        if outcome.may_miss:
            known = [self._known[True], *self._missing]
        if found not in known:
            msg = f"half of it is there: {found}"
            raise WrongError(msg)
        if outcome.must and found != self._known[True]:
            msg = "it was acknowledged, and is not there"
            raise WrongError(msg)
        if outcome.must_not and found != self._known[False]:
            msg = "it was taken back, and is there"
            raise WrongError(msg)
        if found != self._known[True]:
            with saying("the same call again"):
                self.operation.run(bank)
                if Found.of(bank) != self._known[True]:
                    msg = "it is not there"
                    raise WrongError(msg)
        with saying("the host"):
            site.let_others()
        self._check_others(site)

    def _let_others_in(self, site: Site) -> None:
        """Have others take the lock, and change nothing: what is remembered stays so."""
        other = site.elsewhere()
        if other is not None:
            with saying("another process"):
                paid(other, "t0")
        with saying("another thread"):
            in_thread(lambda: paid(site.bank, "t0"))

    def _check_others(self, site: Site) -> None:
        if site.is_shared:
            with saying("another thread, later"):
                in_thread(lambda: paid(site.bank, "later"))
        other = site.elsewhere()
        if other is not None:
            with saying("another process, later"):
                paid(other, "elsewhere")
        self._check_audit(other or site.bank)

    def _check_audit(self, bank: TimeBank) -> None:
        self._runs += 1
        with saying("the audit"):
            check_audit(bank, quick=self._runs % self._audits > 0)

    def _check_closed(self, site: Site) -> None:
        """After a close: it works, or says that it is closed; opened again it works."""
        is_open = False
        if self.others_first and (other := site.elsewhere()) is not None:
            with saying("another process"):
                paid(other, "t0")
        with saying("the next call"), contextlib.suppress(StoreError):
            paid(site.bank, "next")
            is_open = True
        with saying("another thread"), contextlib.suppress(StoreError):
            in_thread(lambda: paid(site.bank, "later"))
            is_open = True
        with saying("closing again"):
            site.bank.close()
        self.ground.renew()
        if self.ground.is_durable:
            with saying("opening again"):
                again = site.open()
                paid(again, "again")
                again.close()
            self.ground.renew()
            other = site.elsewhere()
            assert other is not None
            self._check_audit(other)
            with saying("what is there"):
                if is_open and not {"next", "later"} & Found.of(other).transfers:
                    msg = "what was acknowledged is not there"
                    raise WrongError(msg)


def in_thread_told(work: Callable[[], object]) -> str | None:
    """Do it in a thread; what did not hold, if anything."""
    try:
        in_thread(work, RUN_SECONDS)
    except WrongError as error:
        return str(error)
    return None


class GroupTrial(Trial):
    """The same in a group commit: the first that waits leads, and the others follow it.

    A batch that does nothing holds the lock until all have come.
    """

    def __init__(
        self,
        ground: Ground,
        operation: Operation,
        *,
        leads: bool,
        watch: Watch = by_lines,
        audits: int = AUDITS,
    ) -> None:
        super().__init__(ground, operation, watch=watch, audits=audits)
        self._leads = leads

    def run(self, meter: Meter) -> None:
        """Bring a group together, one of which is interrupted, and look at what it left.

        :raises WrongError: something does not hold.
        """
        site = self.ground.make()
        bank = site.bank

        def watched() -> Outcome:
            def call() -> None:
                with self._watch(meter):
                    self.operation.run(bank)

            return Outcome.of(call, meter, self.swallowed)

        works: list[Callable[[], Any]] = [
            partial(paid, bank, f"other-{number}") for number in range(FOLLOWERS)
        ]
        works.insert(0 if self._leads else 1, watched)
        door, entered = threading.Event(), threading.Event()

        def hold() -> None:
            with bank.batch():
                entered.set()
                door.wait(HANGS_SECONDS)

        holder = Doing(hold)
        entered.wait(HANGS_SECONDS)
        threads = []
        for work in works:
            threads.append(Doing(work))
            threads[-1].settle()
        door.set()
        end = time.monotonic() + HANGS_SECONDS
        for thread in (holder, *threads):
            thread.join(max(0.0, end - time.monotonic()))
        with saying("who held the lock"):
            holder.outcome()
        told = set[str]()
        others = list(threads)
        interrupted = others.pop(0 if self._leads else 1)
        for number, other in enumerate(others):
            with saying(f"follower {number}"), contextlib.suppress(*FAILURES):
                other.outcome()
                told.add(f"other-{number}")
        outcome = interrupted.outcome()
        self._check_group(site, told, outcome)
        with saying("closing"):
            site.leave()

    def _check_group(self, site: Site, told: set[str], outcome: Outcome) -> None:
        self._let_others_in(site)
        with saying("the next call"):
            paid(site.bank, "next")
        with saying("what is there"):
            found = Found.of(site.bank)
        is_there = self._is_there(found)
        if not told <= found.transfers:
            msg = f"acknowledged, and not there: {told - found.transfers}"
            raise WrongError(msg)
        if outcome.must and not is_there:
            msg = "it was acknowledged, and is not there"
            raise WrongError(msg)
        with saying("the same calls again"):
            self.operation.run(site.bank)
            for number in range(FOLLOWERS):
                paid(site.bank, f"other-{number}")
            found = Found.of(site.bank)
        known = self._known[True]
        all_of_them = known.transfers | {f"other-{number}" for number in range(FOLLOWERS)}
        if (found.transfers, found.holds) != (all_of_them, known.holds):
            msg = f"not all is there: {found}"
            raise WrongError(msg)
        self._check_others(site)

    def _is_there(self, found: Found) -> bool:
        return "new" in found.transfers or "new" in {id for id, _ in found.holds}


#: What a follower may be told.
FAILURES: Final = (StoreError, Retryable, OutcomeUnknown)
