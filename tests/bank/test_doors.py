"""Calls from within a call: behind each door of a bank, and whatever a door itself may do wrong.

A call behind a door is done, or is refused at once. What waits for itself would wait for ever, so
these calls are made in a process of their own, which is ended where one does not come back.
"""

from __future__ import annotations

import itertools
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

import timebank
from bank.places import HERE, IN_TURN, fill, in_a_thread, opened, url_at
from servers import ON_SERVERS
from support import BEGINNING
from timebank import (
    AccountNotFound,
    Ask,
    BankBatch,
    Donate,
    Dues,
    Hours,
    InvalidRequest,
    LimitExceeded,
    NotPermitted,
    Statute,
    TimeBank,
    TimebankError,
    Welcome,
    WriteOff,
)

TESTS = Path(__file__).parents[1]


def places(quick: str, *slow: str) -> list[Any]:
    """One store for each change, others for the longer run; what is left, at night."""

    def marks(place: str) -> list[pytest.MarkDecorator]:
        if place == quick:
            return []
        return [pytest.mark.slow if place in slow else pytest.mark.nightly]

    return [pytest.param(one, marks=marks(one)) for one in HERE]


def tried(kind: str, door: str, url: str) -> str:
    """What was wrong, as `bank.doors` says it; where a call has waited for itself, which one."""
    done = subprocess.run(
        [sys.executable, "-m", "bank.doors", kind, door, url],
        cwd=TESTS,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        return done.stderr[-4000:]
    return done.stdout.strip()


# -- a call behind a door ------------------------------------------------------------------


@pytest.mark.parametrize("place", places("memory", "file", "private"))
@pytest.mark.parametrize("door", ["clock", pytest.param("new_salt", marks=pytest.mark.slow)])
def test_a_call_in_a_source(tmp_path: Path, place: str, door: str) -> None:
    """From the clock and the salts, which are asked for while the lock is held."""
    with url_at(place, tmp_path) as url:
        assert tried("calls", door, url) == ""


@pytest.mark.parametrize("place", places("memory", "file"))
@pytest.mark.parametrize(
    "door",
    [
        "permission",
        pytest.param("new_id", marks=pytest.mark.slow),
        pytest.param("progress", marks=pytest.mark.slow),
    ],
)
def test_a_call_in_a_callback(tmp_path: Path, place: str, door: str) -> None:
    """From what makes ids, what permits, and what is told of progress."""
    with url_at(place, tmp_path) as url:
        assert tried("calls", door, url) == ""


@pytest.mark.parametrize("place", places("file", "private"))
@pytest.mark.parametrize(
    "door",
    ["clock", *(pytest.param(one, marks=pytest.mark.slow) for one in ("new_salt", "permission"))],
)
def test_a_call_in_a_door_while_others_post(tmp_path: Path, place: str, door: str) -> None:
    """The thread whose door it is may lead the calls of others: none of them waits for ever."""
    with url_at(place, tmp_path) as url:
        assert tried("leading", door, url) == ""


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="this system has no such signals")
@pytest.mark.parametrize("place", places("file", "private"))
def test_a_call_in_a_signal_handler(tmp_path: Path, place: str) -> None:
    """A handler books while the main thread posts, at moments of no choosing."""
    with url_at(place, tmp_path) as url:
        assert tried("moments", "signal", url) == ""


@pytest.mark.slow
@pytest.mark.parametrize("place", places("file"))
def test_a_call_in_a_finalizer(tmp_path: Path, place: str) -> None:
    """A `__del__` books, whenever the garbage collector comes by."""
    with url_at(place, tmp_path) as url:
        assert tried("moments", "finalizer", url) == ""


@pytest.mark.slow
@pytest.mark.servers
@pytest.mark.parametrize("kind", ["calls", "leading", "moments"])
@pytest.mark.parametrize("place", ON_SERVERS)
def test_a_call_in_a_door_on_a_server(tmp_path: Path, place: str, kind: str) -> None:
    """The same on servers, where a connection is what would wait for itself."""
    with url_at(place, tmp_path) as url:
        assert tried(kind, "signal" if kind == "moments" else "clock", url) == ""


# -- a door that fails ---------------------------------------------------------------------


class Doors:
    """The doors of a bank, one of which does what it is told, once."""

    def __init__(self) -> None:
        self.next: dict[str, Callable[[], Any]] = {}
        self.ids = itertools.count()

    def opened(self, door: str, usual: Any) -> Any:
        """What a door gives, or does."""
        return self.next.pop(door)() if door in self.next else usual

    def given(self) -> dict[str, Any]:
        """The doors, as a bank takes them."""
        return {
            "clock": lambda: self.opened("clock", BEGINNING),
            "new_id": lambda: self.opened("new_id", f"made-{next(self.ids)}"),
            "new_salt": lambda: self.opened("new_salt", os.urandom(16)),
            "permissions": lambda _: self.opened("permission", True),
        }


@pytest.fixture(params=IN_TURN)
def place(request: pytest.FixtureRequest) -> str:
    """Each kind of store of this process or of a file."""
    return str(request.param)


@pytest.fixture
def doors() -> Doors:
    """The doors of `bank`."""
    return Doors()


@pytest.fixture
def bank(place: str, tmp_path: Path, doors: Doors) -> Iterator[TimeBank]:
    """A bank with such doors, audited at the end."""
    with opened(place, tmp_path, **doors.given()) as made:
        fill(made)
        yield made
        assert () == made.audit().findings


def raising(error: BaseException) -> Callable[[], Any]:
    """What raises an error."""

    def fail() -> Any:
        raise error

    return fail


def pay(bank: Any, id: str | None = None) -> Any:
    """A transfer that passes, and opens every door but perhaps that of ids."""
    return bank.transfer(earner="m1", spender="f1", hours="0:10", id=id, note="bread")


def paid(bank: TimeBank) -> list[str]:
    """The ids of the transfers that are there."""
    return [one.id for one in bank.transfers()]


FAILS = [
    ("clock", raising(ValueError("no time"))),
    ("new_id", raising(ValueError("no id"))),
    ("new_salt", raising(ValueError("no salt"))),
    ("permission", raising(ValueError("nobody to ask"))),
    ("new_salt", raising(KeyboardInterrupt())),
    ("clock", raising(MemoryError())),
]
REFUSES = [
    ("clock", lambda: datetime(2026, 3, 2)),  # noqa: DTZ001 - that is what is wrong with it
    ("clock", lambda: None),
    ("new_salt", lambda: b"short"),
    ("new_id", lambda: " "),
    ("permission", lambda: False),
    ("permission", raising(LimitExceeded("m1", rule="floor", needed=Hours(1)))),
]


@pytest.mark.parametrize(("door", "does"), FAILS + REFUSES)
def test_a_door_that_fails_alone(
    bank: TimeBank, doors: Doors, door: str, does: Callable[[], Any]
) -> None:
    """Its error comes out, nothing is written, and the next call works, on every thread."""
    before = bank.head()
    doors.next[door] = does
    with pytest.raises((ValueError, KeyboardInterrupt, MemoryError, TimebankError)):
        pay(bank)
    assert not doors.next
    assert before == bank.head()
    assert before.sequence + 1 == pay(bank, "t1").sequence
    assert before.sequence + 2 == in_a_thread(lambda: pay(bank, "t2")).sequence


@pytest.mark.parametrize(("door", "does"), FAILS)
def test_a_door_that_fails_in_a_batch(
    bank: TimeBank, doors: Doors, door: str, does: Callable[[], Any]
) -> None:
    """The batch is over: later calls raise, and so does its clean end; nothing of it is there."""
    before = bank.head()
    with pytest.raises(TimebankError), bank.batch() as batch:
        pay(batch, "t1")
        other = batch.acting_as("carla")
        doors.next[door] = does
        with pytest.raises((ValueError, KeyboardInterrupt, MemoryError)):
            pay(batch)
        for handle in (batch, other):
            for call in (pay, lambda bank: bank.balance("m1"), lambda bank: list(bank.accounts())):
                with pytest.raises(TimebankError):
                    call(handle)
    assert before == bank.head()
    assert ["t0"] == paid(bank)
    assert before.sequence + 1 == pay(bank, "t2").sequence
    in_a_thread(lambda: pay(bank, "t3"))


@pytest.mark.parametrize(("door", "does"), FAILS)
def test_a_door_that_fails_in_the_first_call_of_a_batch(
    bank: TimeBank, doors: Doors, door: str, does: Callable[[], Any]
) -> None:
    """The same where the batch has decided nothing yet: it is over all the same."""
    before = bank.head()
    with pytest.raises(TimebankError), bank.batch() as batch:
        doors.next[door] = does
        with pytest.raises((ValueError, KeyboardInterrupt, MemoryError)):
            pay(batch)
    assert before == bank.head()
    pay(bank, "t1")


@pytest.mark.parametrize(("door", "does"), REFUSES)
def test_a_door_that_refuses_in_a_batch(
    bank: TimeBank, doors: Doors, door: str, does: Callable[[], Any]
) -> None:
    """What is given wrongly, or not permitted, is a refusal: the batch goes on, and is kept."""
    with bank.batch() as batch:
        pay(batch, "t1")
        doors.next[door] = does
        with pytest.raises((InvalidRequest, NotPermitted, LimitExceeded)):
            pay(batch)
        pay(batch.acting_as("carla"), "t2")
    assert ["t0", "t1", "t2"] == paid(bank)


def test_a_refusal_leaves_a_batch_alive(bank: TimeBank) -> None:
    """By a rule, by an argument, by what is not there."""
    with bank.batch() as batch:
        pay(batch, "t1")
        with pytest.raises(LimitExceeded):
            batch.transfer(earner="m1", spender="f1", hours=50)
        with pytest.raises(InvalidRequest):
            batch.transfer(earner="m1", spender="m1", hours=1)
        with pytest.raises(AccountNotFound):
            batch.freeze("nobody")
        pay(batch, "t2")
    assert ["t0", "t1", "t2"] == paid(bank)


@pytest.mark.parametrize("door", ["clock", "new_salt", "permission"])
def test_a_door_that_fails_half_way_through_a_call_of_many_records(
    bank: TimeBank, doors: Doors, door: str
) -> None:
    """A leaving, of several records with a reason: all of it or nothing, and the next one works."""
    before = bank.head()
    doors.next[door] = raising(ValueError("no more"))
    with pytest.raises(ValueError, match="no more"):
        bank.leave("m1", disposal=Donate("pot"), reason="moved")
    assert before == bank.head()
    left = bank.leave("m1", disposal=Donate("pot"), reason="moved")
    assert ("closed", ["h0"]) == (left.account.status, [one.id for one in left.voided])


def test_a_progress_that_fails(bank: TimeBank) -> None:
    """What an audit or a rebuild is told by it comes out; the bank is as it was."""
    before, accounts = bank.head(), list(bank.accounts())
    for call in (bank.audit, bank.rebuild):
        with pytest.raises(ValueError, match="no more"):
            call(lambda *_: raising(ValueError("no more"))())
    assert (before, accounts) == (bank.head(), list(bank.accounts()))
    in_a_thread(lambda: pay(bank, "t1"))


# -- one instant a call --------------------------------------------------------------------


class Counting:
    """A clock that counts how often it is read, and is an hour later at each reading."""

    def __init__(self) -> None:
        self.readings: list[datetime] = []

    def __call__(self) -> datetime:
        """The next hour."""
        self.readings.append(datetime(2026, 3, 2, tzinfo=UTC) + timedelta(hours=self.count))
        return self.readings[-1]

    @property
    def count(self) -> int:
        """How often it was read."""
        return len(self.readings)


WEEK = timedelta(days=7)

#: Each call that writes, with how many records it makes of the bank of `busy`.
CALLS: dict[str, tuple[int, Callable[[Any], Any]]] = {
    "open_account": (2, lambda bank: bank.open_account("new", name="Luca")),
    "set_limits": (1, lambda bank: bank.set_limits("f1", floor=None)),
    "rename": (1, lambda bank: bank.rename("m1", "Maria Rossi")),
    "freeze": (1, lambda bank: bank.freeze("m1", reason="away")),
    "thaw": (1, lambda bank: bank.thaw("frozen")),
    "close_account": (1, lambda bank: bank.close_account("empty")),
    "reopen": (1, lambda bank: bank.reopen("closed")),
    "transfer": (1, pay),
    "reverse": (1, lambda bank: bank.reverse("t0", reason="entered twice")),
    "hold": (
        1,
        lambda bank: bank.hold(
            earner="m1", spender="f1", hours="0:20", expires_in=timedelta(days=1)
        ),
    ),
    "settle": (1, lambda bank: bank.settle("h0", hours="0:40")),
    "void": (1, lambda bank: bank.void("h0", reason="it rains")),
    "adopt": (1, lambda bank: bank.adopt(Statute(version="via-roma/9"))),
    "welcome": (1, lambda bank: bank.welcome("m1")),
    "run_due": (2, lambda bank: bank.run_due()),
    "leave": (5, lambda bank: bank.leave("m1", disposal=WriteOff("pot"), reason="moved")),
    "name_delegate": (1, lambda bank: bank.name_delegate("m1", "carla", until=date(2027, 1, 1))),
    "end_delegate": (1, lambda bank: bank.end_delegate("m1", "luca")),
    "erase": (1, lambda bank: bank.erase("m1", reason="asked for")),
    "amend": (1, lambda bank: bank.amend("t0", note="to the dentist", reason="a slip")),
    "amend_account": (1, lambda bank: bank.amend_account("f1", kind="member", reason="a slip")),
    "close_books": (
        1,
        lambda bank: bank.close_books(through=date(2025, 12, 31), reason="approved"),
    ),
    "accept_history": (
        1,
        lambda bank: bank.accept_history(
            head=timebank.Head(JOURNAL["id"], 10**6, bytes(32)),
            reason="restored",
        ),
    ),
    "merge": (1, lambda bank: bank.merge("empty", into="m1", reason="twice the same")),
}


#: The journal of the bank that was prepared last: to ask for it would be a call more.
JOURNAL: dict[str, str] = {}


def busy(place: str, folder: Path, clock: Counting, *, asks: bool) -> Any:
    """A bank in which each call has something to do, with permissions that look things up."""

    def permission(ask: Ask) -> bool:
        return bool(ask.delegates("m1")) or ask.kind("m1") is None or True

    return opened(place, folder, clock=clock, permissions=permission if asks else None)


def prepare(bank: TimeBank) -> None:
    """A statute by which a welcome comes with an account, and dues are due at once."""
    fill(bank)
    JOURNAL["id"] = bank.head().journal
    bank.adopt(
        Statute(
            version="via-roma/2",
            welcome=Welcome(hours=2, fund="pot"),
            dues=Dues(hours=1, fund="pot", every="once", name="joining"),
        )
    )


@pytest.mark.parametrize("asks", [False, True], ids=["trusted", "permitted"])
@pytest.mark.parametrize("name", CALLS)
def test_a_call_has_one_instant(tmp_path: Path, name: str, asks: bool) -> None:
    """The clock is read once, and all records of the call have that instant: on the bank itself."""
    one_instant("memory", tmp_path, name, asks=asks, of=lambda bank: bank)


@pytest.mark.slow
@pytest.mark.parametrize("asks", [False, True], ids=["trusted", "permitted"])
@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize("where", ["file", "joined"])
def test_a_call_has_one_instant_wherever_it_is(
    tmp_path: Path, where: str, name: str, asks: bool
) -> None:
    """The same on other stores, and in the transaction of a host."""
    one_instant(where, tmp_path, name, asks=asks, of=lambda bank: bank)


def one_instant(
    place: str, folder: Path, name: str, *, asks: bool, of: Callable[[TimeBank], Any]
) -> None:
    """Make one call, and look at what it read and recorded."""
    clock = Counting()
    records, call = CALLS[name]
    with busy(place, folder, clock, asks=asks) as bank:
        prepare(bank)
        before, read = bank.head().sequence, clock.count
        call(of(bank))
        assert read + 1 == clock.count
        instant = clock.readings[-1]
        made = [one.recorded_at for one in bank.records(after=before)]
        assert [instant] * records == made


@pytest.mark.parametrize("asks", [False, True], ids=["trusted", "permitted"])
def test_each_call_on_a_batch_has_one_instant(tmp_path: Path, asks: bool) -> None:
    """Within a batch the clock is read once for each call, by the batch itself never."""
    for name, (records, call) in CALLS.items():
        clock = Counting()
        with busy("memory", tmp_path, clock, asks=asks) as bank:
            prepare(bank)
            before, read = bank.head().sequence, clock.count
            with bank.batch() as batch:
                pay(batch, "first")
                assert read + 1 == clock.count, name
                call(batch)
                assert read + 2 == clock.count, name
            assert read + 2 == clock.count, name
            first, second = clock.readings[-2:]
            made = [one.recorded_at for one in bank.records(after=before)]
            assert [first, *[second] * records] == made, name


def test_a_call_that_reads_has_one_instant_at_most(tmp_path: Path) -> None:
    """What depends on the time is of one moment, with permissions too."""
    clock = Counting()
    with busy("memory", tmp_path, clock, asks=True) as bank:
        prepare(bank)
        for call in (
            lambda: bank.balance("m1"),
            lambda: bank.statement("m1"),
            bank.trial_balance,
            lambda: bank.hold_by_id("h0"),
            lambda: list(bank.holds()),
            lambda: bank.dues("m1"),
            lambda: bank.delegates("m1"),
            lambda: bank.personal_data("m1"),
        ):
            read = clock.count
            call()
            assert clock.count <= read + 1


def test_a_refused_call_has_one_instant(tmp_path: Path) -> None:
    """What a refusal says of limits and days is of one moment too."""
    clock = Counting()
    with busy("memory", tmp_path, clock, asks=True) as bank:
        prepare(bank)
        read = clock.count
        with pytest.raises(LimitExceeded):
            bank.transfer(earner="m1", spender="f1", hours=50)
        assert read + 1 == clock.count


# -- a call of two records -----------------------------------------------------------------


@pytest.fixture
def poor(place: str, tmp_path: Path) -> Iterator[TimeBank]:
    """A bank whose common fund stands so low that no welcome can be booked any more."""
    with opened(place, tmp_path) as bank:
        bank.open_account("pot", kind="fund")
        bank.open_account("x", kind="fund")
        most = Hours.from_seconds(2**53)
        bank.transfer(earner="x", spender="pot", hours=most, limits="unchecked")
        bank.adopt(Statute(version="via-roma/1", welcome=Welcome(hours=2, fund="pot")))
        yield bank
        assert () == bank.audit().findings


def test_no_account_without_its_welcome(poor: TimeBank) -> None:
    """An account whose welcome cannot be booked is not opened; without one, it is."""
    before = poor.head()
    with pytest.raises(TimebankError):
        poor.open_account("m1", name="Maria R.")
    with pytest.raises(AccountNotFound):
        poor.account("m1")
    assert before == poor.head()
    assert "open" == poor.open_account("m1", welcome=False).status
    assert before.sequence + 1 == poor.head().sequence


def test_no_account_without_its_welcome_in_a_batch(poor: TimeBank) -> None:
    """Where the refusal is caught, the batch is as it was before the call, and is kept."""
    before = poor.head()
    with poor.batch() as batch:
        batch.freeze("x")
        with pytest.raises(TimebankError):
            batch.open_account("m1", name="Maria R.")
        with pytest.raises(AccountNotFound):
            batch.account("m1")
        assert before.sequence + 1 == batch.head().sequence
        batch.open_account("m1", welcome=False)
    assert ["freeze", "open_account"] == [one.kind for one in poor.records(after=before.sequence)]
    assert [] == list(poor.transfers(account="m1"))


def test_the_tables_are_of_calls_that_there_are() -> None:
    """Each call that writes is asked for its instant; a restart of the clock has its own tests."""
    reads = timebank.permissions.READS
    public = {name for name in dir(BankBatch) if hasattr(TimeBank, name) and name[0] != "_"}
    assert public - reads - {"acting_as", "restart_clock"} == set(CALLS)
