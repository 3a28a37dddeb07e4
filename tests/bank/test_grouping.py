"""Group commit: threads that post at once share a commit, and nobody can tell from the journal."""

from __future__ import annotations

import itertools
import os
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

import attrs
import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

import timebank
from support import Clock, examples, sources
from timebank import Conflict, Hours, InvalidRequest, LimitExceeded, TimeBank
from timebank.bank import commit_group
from timebank.errors import (
    IdempotencyMismatch,
    OutcomeUnknown,
    Rejected,
    StoreBusy,
    StoreError,
    TimebankError,
    Unavailable,
)
from timebank.storage import Store, open_store
from timebank.storage.memory import MemoryStore
from timebank.testing.steps import SteppingStore

Work = Callable[[Any], Any]


def until(condition: Callable[[], bool]) -> None:
    """Let other threads run until it is so."""
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end, "it never came to be"
        time.sleep(0)


@attrs.define
class Outcome:
    """What a call came to, in its own thread."""

    result: Any = None
    error: BaseException | None = None
    is_done: bool = False


@attrs.define
class Crowd:
    """Threads whose calls arrive one after the other while the first waits for the lock."""

    store: Store
    #: What happens at each step of the store.
    faults: Callable[[str], None] = lambda _: None
    steps: list[str] = attrs.field(factory=list)
    bank: TimeBank = attrs.field(init=False)
    _closed: threading.Event | None = None

    def __attrs_post_init__(self) -> None:
        self.bank = TimeBank(SteppingStore(self.store, self._step), **self.sources())

    @staticmethod
    def sources() -> dict[str, Any]:
        """A clock that stands still, and salts in their order."""
        salts = itertools.count(1)
        return {
            "clock": lambda: datetime(2026, 3, 2, tzinfo=UTC),
            "new_id": lambda: "journal",
            "new_salt": lambda: next(salts).to_bytes(16, "big"),
        }

    def _step(self, step: str) -> None:
        closed = self._closed  # before the others are let in by the next line
        self.steps.append(step)
        if step == "before writing" and closed is not None:
            assert closed.wait(60)
        self.faults(step)

    def together(self, *work: Work, bank: TimeBank | None = None) -> list[Outcome]:
        """Have calls decided in one group, in this order; what each came to."""
        bank = bank or self.bank
        outcomes = [Outcome() for _ in work]

        def run(call: Work, outcome: Outcome) -> None:
            try:
                outcome.result = call(bank)
            except BaseException as error:  # noqa: BLE001 - looked at by the test
                outcome.error = error
            outcome.is_done = True

        self._closed = threading.Event()
        self.steps.clear()
        threads = []
        for number, (call, outcome) in enumerate(zip(work, outcomes, strict=True)):
            threads.append(threading.Thread(target=run, args=(call, outcome), daemon=True))
            threads[-1].start()
            until(partial(self._has_come, number))
        door, self._closed = self._closed, None
        door.set()
        for thread in threads:
            thread.join(60)
            assert not thread.is_alive()
        return outcomes

    def _has_come(self, number: int) -> bool:
        meeting = self.bank._group  # the queue has no other window
        return len(meeting._waiting) == number if number else "before writing" in self.steps

    @property
    def commits(self) -> int:
        """How often the store committed since the last group came together."""
        return self.steps.count("after writing")


def paid(number: int, **more: Any) -> Work:
    """A transfer of its own."""
    given = {"earner": "m1", "spender": "m2", "hours": "0:01", "id": f"t{number}"} | more
    return lambda bank: bank.transfer(**given)


@pytest.fixture(params=["memory:", "sqlite"])
def crowd(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Crowd]:
    """A crowd at a bank of three accounts, audited at the end."""
    url = f"sqlite:///{tmp_path}/a.db" if request.param == "sqlite" else request.param
    made = Crowd(open_store(url, create=True))
    for account in ("m1", "m2"):
        made.bank.open_account(account)
    made.bank.open_account("fund", kind="fund")
    yield made
    made.faults = lambda _: None
    assert () == made.bank.audit().findings
    made.bank.close()


def once(kind: str, error: BaseException) -> Callable[[str], None]:
    """A fault at the first step of a kind."""
    left = [error]

    def fault(step: str) -> None:
        if step == kind and left:
            raise left.pop()

    return fault


LEAD = commit_group.CommitGroup._lead.__code__
#: The lines of a leader's call.
LINES = sorted({line for *_, line in LEAD.co_lines() if line})


#: Those of all that it does where a group failed.
FAILING = [
    (code, line)
    for code in (LEAD, commit_group._failed.__code__, commit_group.give_up.__code__)
    for line in sorted({line for *_, line in code.co_lines() if line})
]


def at_line(
    line: int,
    act: Callable[[], None],
    *,
    group: int = 0,
    code: CodeType = LEAD,
    failed: bool = False,
) -> Work:
    """A transfer whose thread does something, once, at a line as the leader of so many.

    The line may be of what a leader calls by itself; and one of a leader whose group has `failed`.
    """
    left = [act]

    def look(frame: FrameType | None, event: str, _: object) -> Any:
        if frame is None or frame.f_code not in (LEAD, code):
            return None
        is_here = event == "line" and frame.f_code is code and frame.f_lineno == line
        leading = frame
        while leading.f_code is not LEAD and leading.f_back is not None:
            leading = leading.f_back
        led = len(leading.f_locals.get("group", ()))
        if is_here and led >= group and left and (sys.exc_info()[0] is not None or not failed):
            left.pop()()
        return look

    def called(bank: TimeBank) -> Any:
        before = sys.gettrace()
        sys.settrace(look)
        try:
            return paid(0)(bank)
        finally:
            sys.settrace(before)

    return called


# -- sharing ------------------------------------------------------------------


def test_all_that_came_share_one_commit(crowd: Crowd) -> None:
    """In the order in which they came, at one instant, each with its own result."""
    outcomes = crowd.together(*map(paid, range(8)))
    assert 1 == crowd.commits
    assert [f"t{n}" for n in range(8)] == [outcome.result.id for outcome in outcomes]
    assert [f"t{n}" for n in range(8)] == [one.id for one in crowd.bank.transfers()]
    assert 1 == len({one.recorded_at for one in crowd.bank.transfers()})


def test_a_leader_that_is_slow_at_any_line_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who looks for it meanwhile, and finds that nobody leads, never does again what is done."""
    monkeypatch.setattr(commit_group, "LOOK_EVERY_SECONDS", 0.001)
    for line in LINES:
        crowd = Crowd(MemoryStore())
        for account in ("m1", "m2"):
            crowd.bank.open_account(account)
        slow = at_line(line, partial(time.sleep, 0.01))
        outcomes = crowd.together(slow, paid(1), paid(2, hours="999"))
        told = [one.result and one.result.repeated for one in outcomes]
        assert (1, [False, False, None]) == (crowd.commits, told), line
        assert LimitExceeded is type(outcomes[2].error)


def interrupt() -> None:
    """What Ctrl-C does."""
    raise KeyboardInterrupt


@pytest.mark.parametrize("first", [StoreError("disk full"), Conflict("x"), KeyboardInterrupt()])
def test_an_interrupt_while_a_failure_is_told_leaves_nobody_with_what_was_not_kept(
    first: BaseException, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A commit fails, and an interrupt falls into what is done about it: who was told has it."""
    monkeypatch.setattr(commit_group, "LOOK_EVERY_SECONDS", 0.001)
    for code, line in FAILING:
        crowd = Crowd(MemoryStore())
        for account in ("m1", "m2"):
            crowd.bank.open_account(account)
        crowd.faults = once("ending writing", first)
        leader = at_line(line, interrupt, group=3, code=code, failed=True)
        outcomes = crowd.together(leader, paid(1), paid(2))
        kept = {one.id for one in crowd.bank.transfers()}
        for one in outcomes:
            where = (code.co_name, line)
            assert one.error is not None or (one.result.id in kept, one.result.repeated) == (
                True,
                False,
            ), where


def test_what_a_leader_had_that_is_gone_is_found_out_by_its_own_thread(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Whether or not it was kept: it is booked once, and repeats nobody."""
    monkeypatch.setattr(commit_group, "LOOK_EVERY_SECONDS", 0.001)
    for line in LINES:
        crowd = Crowd(MemoryStore())
        for account in ("m1", "m2"):
            crowd.bank.open_account(account)
        leader = at_line(line, interrupt, group=3)
        outcomes = crowd.together(leader, paid(1), paid(2, hours="999"))
        assert (False, LimitExceeded) == (outcomes[1].result.repeated, type(outcomes[2].error)), (
            line
        )
        ids = [one.id for one in crowd.bank.transfers()]
        assert (1, {"t0", "t1"}) == (ids.count("t1"), {"t0", *ids}), line
        assert None is not outcomes[0].result or KeyboardInterrupt is type(outcomes[0].error)


def test_banks_that_were_opened_twice_share_too(crowd: Crowd) -> None:
    """The queue belongs to the store and the bank, not to the object; the actors are their own."""
    other = TimeBank(crowd.bank.store, create=False)
    other._sources = crowd.bank._sources
    outcomes = crowd.together(
        paid(0),
        lambda _: paid(1)(other.acting_as("anna")),
        lambda bank: paid(2)(bank.acting_as("bruno")),
    )
    assert (1, [None, None, None]) == (crowd.commits, [one.error for one in outcomes])
    actors = [record.actor for record in crowd.bank.records(after=3)]
    assert [None, "anna", "bruno"] == actors


def test_another_clock_is_another_commit(crowd: Crowd) -> None:
    """Each instant is of the clock that the caller's bank was given."""
    late = datetime(2026, 4, 1, tzinfo=UTC)
    other = TimeBank(crowd.bank.store, create=False, clock=lambda: late)
    crowd.together(paid(0), lambda _: paid(1)(other), paid(2))
    assert 2 == crowd.commits
    assert {late} == {crowd.bank.transfer_by_id("t1").recorded_at}


def test_a_refused_call_disturbs_nobody_and_hears_of_it_last(crowd: Crowd) -> None:
    """Nobody returns before the commit, whatever came of the call."""
    outcomes: list[Outcome] = []
    early: list[bool] = []

    def look(step: str) -> None:
        if step == "ending writing":
            early.extend(outcome.is_done for outcome in outcomes)

    crowd.faults = look
    refused = paid(1, hours="999")
    found = crowd.together(paid(0), refused, lambda bank: bank.reverse("none", reason="x"), paid(3))
    outcomes += found
    assert (1, []) == (crowd.commits, [one for one in early if one])
    assert [None, LimitExceeded, timebank.TransferNotFound, None] == [
        None if one.error is None else type(one.error) for one in found
    ]
    assert ["t0", "t3"] == [one.id for one in crowd.bank.transfers()]


def test_a_call_is_judged_by_those_before_it(crowd: Crowd) -> None:
    """Also by those of its own group: what the first spends the second cannot."""
    crowd.bank.set_limits("m2", floor="-0:02")
    outcomes = crowd.together(*(paid(n, hours="0:02") for n in range(4)))
    kinds = [type(outcome.error) for outcome in outcomes]
    assert [type(None), LimitExceeded, LimitExceeded, LimitExceeded] == kinds


def test_one_id_twice_in_a_group_is_one_transfer(crowd: Crowd) -> None:
    """The second is given the first; where it asked for something else, it is told."""
    same, other = paid(0), paid(0, hours="0:02")
    outcomes = crowd.together(same, same, other)
    assert (1, 1) == (crowd.commits, sum(1 for _ in crowd.bank.transfers()))
    assert outcomes[0].result == outcomes[1].result
    assert IdempotencyMismatch is type(outcomes[2].error)


def test_an_id_is_used_once_what_was_decided_is_appended(crowd: Crowd) -> None:
    """A reversal has it appended: who comes after with an id of before it repeats that call."""
    outcomes = crowd.together(
        paid(0), lambda bank: bank.reverse("t0", reason="x", id="r0"), paid(0), paid(1)
    )
    assert [None] * 4 == [one.error for one in outcomes]
    assert [False, False, True, False] == [one.result.repeated for one in outcomes]
    assert (1, 3) == (crowd.commits, sum(1 for _ in crowd.bank.transfers()))


def test_ids_of_a_group_are_looked_up_together(crowd: Crowd) -> None:
    """By a store that can: one question for all, and one more for each that was used before."""
    paid(0)(crowd.bank)
    refused = paid(3, hours="999")
    outcomes = crowd.together(paid(0), paid(1), paid(2), paid(1), refused, paid(3))
    assert ["t0", "t1", "t2", "t1", None, "t3"] == [
        one.result and one.result.id for one in outcomes
    ]
    assert ["t0", "t1", "t2", "t3"] == [one.id for one in crowd.bank.transfers()]
    asked = crowd.steps.count("before sequences"), crowd.steps.count("before find")
    # The repeated one and the one that comes twice. That which was refused at first is free, as
    # what follows it says.
    assert ((1, 2) if "sqlite" in crowd.store.url else (0, 6)) == asked


def test_a_leader_waits_longer_while_it_pays() -> None:
    """Where as many come as last time the next may wait twice as long; else as at first."""
    group = commit_group.CommitGroup({})
    group._last = 2
    call: Any = object()
    group._waiting.append(call)
    waits = []
    for _ in range(6):
        group._linger()
        waits.append(group._lingers_seconds / commit_group.LINGERS_SECONDS)
    assert [2, 4, 4, 4, 4, 4] == waits
    group._waiting.clear()
    group._linger()
    assert (commit_group.LINGERS_SECONDS, None) == (group._lingers_seconds, group._lingering)


def test_who_comes_last_lets_the_leader_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """A leader that would wait for a minute goes on when as many are there as last time."""
    monkeypatch.setattr(commit_group, "LINGERS_SECONDS", 60.0)
    bank = TimeBank(open_store("memory:", create=True))
    for account in ("m1", "m2"):
        bank.open_account(account, kind="fund")
    group = bank._group
    group._last, group._lingers_seconds = 2, 60.0
    first = threading.Thread(target=paid(1), args=(bank,), daemon=True)
    first.start()
    until(lambda: group._lingering is not None)
    paid(2)(bank)
    first.join(30)
    assert not first.is_alive()
    assert {"t1", "t2"} == {one.id for one in bank.transfers()}


def test_one_thread_waits_for_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its calls are groups of one."""
    bank = TimeBank(open_store("memory:", create=True))
    for account in ("m1", "m2"):
        bank.open_account(account, kind="fund")
    monkeypatch.delattr(commit_group.CommitGroup, "_linger")
    for number in range(5):
        paid(number)(bank)
    assert 5 == sum(1 for _ in bank.transfers())


def test_what_has_no_id_goes_alone(crowd: Crowd) -> None:
    """It could not be done again if the group failed."""
    outcomes = crowd.together(paid(0), paid(1))
    assert 1 == crowd.commits
    crowd.steps.clear()
    crowd.bank.freeze("m1")
    crowd.bank.thaw("m1")
    assert (2, [None, None]) == (crowd.commits, [one.error for one in outcomes])


def test_permissions_are_asked_in_the_callers_thread(crowd: Crowd) -> None:
    """A host's callable may look at what belongs to its thread."""
    asking: list[str] = []

    def ask(_: object) -> bool:
        asking.append(threading.current_thread().name)
        return True

    asked = TimeBank(crowd.bank.store, create=False, permissions=ask)
    threads = [threading.Thread(target=paid(n), args=(asked,), name=f"own-{n}") for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [f"own-{n}" for n in range(4)] == sorted(asking)


# -- failing ------------------------------------------------------------------


@pytest.mark.parametrize("error", [Conflict("crossed"), StoreError("disk"), ValueError("a bug")])
@pytest.mark.parametrize("step", ["after head", "before append", "ending writing"])
def test_a_group_that_fails_is_done_again_one_by_one(
    crowd: Crowd, step: str, error: Exception
) -> None:
    """Each by its own thread, and none twice."""
    crowd.faults = once(step, error)
    outcomes = crowd.together(*map(paid, range(5)))
    assert [None] * 5 == [outcome.error for outcome in outcomes]
    assert {f"t{n}" for n in range(5)} == {one.id for one in crowd.bank.transfers()}
    assert Hours("0:05") == crowd.bank.balance("m1").posted


def test_a_failure_that_stays_is_told_to_each(crowd: Crowd) -> None:
    """By an error of its own; and then the bank goes on."""

    def full(step: str) -> None:
        if step == "before append":
            msg = "the disk is full"
            raise StoreError(msg)

    crowd.faults = full
    outcomes = crowd.together(*map(paid, range(4)))
    assert [StoreError] * 4 == [type(outcome.error) for outcome in outcomes]
    assert 4 == len({id(outcome.error) for outcome in outcomes})
    crowd.faults = lambda _: None
    assert "t9" == paid(9)(crowd.bank).id
    assert ["t9"] == [one.id for one in crowd.bank.transfers()]


@pytest.mark.parametrize("step", ["ending writing", "after writing"])
def test_an_unknown_outcome_is_told_with_each_ones_id(crowd: Crowd, step: str) -> None:
    """Committed or not: whoever repeats the call learns it."""
    crowd.faults = once(step, OutcomeUnknown("t3"))
    outcomes = crowd.together(*map(paid, range(4)), paid(4, hours="999"))
    assert all(isinstance(outcome.error, OutcomeUnknown) for outcome in outcomes)
    told = [getattr(outcome.error, "id", None) for outcome in outcomes]
    assert [f"t{n}" for n in range(5)] == told
    again = crowd.together(*map(paid, range(4)))
    assert [f"t{n}" for n in range(4)] == [outcome.result.id for outcome in again]
    assert Hours("0:04") == crowd.bank.balance("m1").posted


@pytest.mark.parametrize("kind", [StoreBusy, Unavailable])
@pytest.mark.parametrize("step", ["before writing", "ending writing"])
def test_a_lock_or_a_server_that_never_came_is_told_to_all_who_waited(
    crowd: Crowd, kind: type[TimebankError], step: str
) -> None:
    """They have waited together: none of them waits for the same time-out once more."""
    crowd.faults = once(step, kind("nothing for longer than 30 s"))
    outcomes = crowd.together(*map(paid, range(4)))
    assert [kind] * 4 == [type(outcome.error) for outcome in outcomes]
    assert {"nothing for longer than 30 s"} == {str(outcome.error) for outcome in outcomes}
    assert 1 == crowd.steps.count("before writing")
    assert 0 == crowd.commits


@pytest.mark.parametrize("step", ["before writing", "began writing"])
def test_another_failure_to_begin_is_the_leaders(crowd: Crowd, step: str) -> None:
    """The next one leads, and finds out by itself."""
    crowd.faults = once(step, StoreError("this store is closed"))
    outcomes = crowd.together(*map(paid, range(4)))
    assert [StoreError, *[type(None)] * 3] == [type(outcome.error) for outcome in outcomes]
    assert 1 == crowd.commits


@pytest.mark.parametrize("step", ["before writing", "began writing", "ending writing"])
def test_an_interrupted_leader_takes_nobody_along(crowd: Crowd, step: str) -> None:
    """It does nothing more itself; the others are done, once."""
    crowd.faults = once(step, KeyboardInterrupt())
    outcomes = crowd.together(*map(paid, range(4)))
    kinds = [type(outcome.error) for outcome in outcomes]
    assert [KeyboardInterrupt, *[type(None)] * 3] == kinds
    assert {"t1", "t2", "t3"} == {one.id for one in crowd.bank.transfers()}


def test_an_interrupted_waiter_is_not_decided(
    crowd: Crowd, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It leaves the queue, and the others do not wait for it."""

    class Interrupted:
        """A gate at which the thread is interrupted once the leader has been let in."""

        def __init__(self) -> None:
            self._times = 0

        def acquire(self, timeout: float = 0) -> None:
            self._times += 1
            if self._times > 1:
                until(lambda: len(crowd.bank._group._waiting) == 2)
                raise KeyboardInterrupt

        def release(self) -> None:
            """Wake nobody."""

    gates: Iterator[Any] = iter([Interrupted(), threading.Lock()])
    monkeypatch.setattr(commit_group, "new_gate", partial(next, gates))
    outcomes = [Outcome() for _ in range(3)]
    crowd._closed = door = threading.Event()

    def run(number: int) -> None:
        try:
            outcomes[number].result = paid(number)(crowd.bank)
        except BaseException as error:  # noqa: BLE001 - looked at by the test
            outcomes[number].error = error

    threads = [threading.Thread(target=run, args=(n,), daemon=True) for n in range(3)]
    for number, thread in enumerate(threads):
        thread.start()
        if number < 2:
            until(partial(crowd._has_come, number))
    threads[1].join(60)
    until(partial(crowd._has_come, 1))
    crowd._closed = None
    door.set()
    for thread in threads:
        thread.join(60)
        assert not thread.is_alive()
    assert KeyboardInterrupt is type(outcomes[1].error)
    assert ["t0", "t2"] == [one.id for one in crowd.bank.transfers()]


def test_a_failed_group_leaves_no_cache_behind(crowd: Crowd) -> None:
    """What it had decided is not remembered as if it were so."""
    crowd.faults = once("ending writing", OutcomeUnknown("x"))
    crowd.together(*(paid(n, hours="0:30") for n in range(4)))
    assert Hours(0) == crowd.bank.balance("m1").posted
    assert paid(9)(crowd.bank).sequence == crowd.bank.head().sequence
    assert Hours("0:01") == crowd.bank.balance("m1").posted


# -- threads that hold the lock themselves ------------------------------------


@pytest.mark.parametrize("name", ["main", "second"])
def test_a_call_within_a_batch_waits_for_nobody(tmp_path: Path, name: str) -> None:
    """Another thread waits for the lock that the batch has: to wait for it would be for ever."""
    with timebank.open(f"sqlite:///{tmp_path}/a.db") as bank:
        second = TimeBank(bank.store, bank="second")
        for one in (bank, second):
            one.open_account("m1", kind="fund")
            one.open_account("m2", kind="fund")
        called = bank if name == "main" else second
        other = threading.Thread(target=paid(1), args=(called,), daemon=True)
        with bank.batch() as batch:
            other.start()
            until(called._group.is_led)
            with pytest.raises(InvalidRequest, match="a batch is open on this thread"):
                paid(2)(called)
            paid(3)(batch)
        other.join(60)
        assert not other.is_alive()
        assert called.transfer_by_id("t1").hours == Hours("0:01")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_forked_child_leads_by_itself(tmp_path: Path) -> None:
    """Though its parent was forked while a thread was leading."""
    program = """
import os, sys, threading, timebank
bank = timebank.open(sys.argv[1])
for id in ("m1", "m2"):
    bank.open_account(id, kind="fund")
pay = lambda id: bank.transfer(earner="m1", spender="m2", hours="0:01", id=id)
with bank.batch() as batch:
    other = threading.Thread(target=pay, args=("parent",), daemon=True)
    other.start()
    while not bank._group.is_led():
        pass
    child = os.fork()
    if not child:
        os._exit(1) if bank._group.is_led() else os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
other.join()
child = os.fork()
if not child:
    pay("child")
    os._exit(0)
assert os.waitpid(child, 0)[1] == 0
print([one.id for one in bank.transfers()])
"""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", program, f"sqlite:///{tmp_path}/a.db"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ("['parent', 'child']\n", "") == (done.stdout, done.stderr)


def test_a_joined_bank_takes_no_part(tmp_path: Path) -> None:
    """Its commit is its host's."""
    with timebank.open(f"sqlite:///{tmp_path}/a.db", **sources()) as bank:
        bank.open_account("m1", kind="fund")
        bank.open_account("m2", kind="fund")
        host = sqlite3.connect(tmp_path / "a.db", isolation_level=None)
        joined = timebank.join(host)
        host.execute("BEGIN IMMEDIATE")
        paid(0)(joined)
        assert joined._group is not bank._group
        host.execute("ROLLBACK")
        host.close()
        assert [] == list(bank.transfers())


def test_a_store_that_is_no_key_of_a_dictionary(clock: Clock) -> None:
    """Its banks meet as they were made."""

    class Unhashable(MemoryStore):
        __hash__ = None  # type: ignore[assignment]

        def __eq__(self, other: object) -> bool:
            return self is other

    bank = TimeBank(Unhashable(), **sources(clock))
    bank.open_account("m1", kind="fund")
    bank.open_account("m2", kind="fund")
    assert paid(0)(bank.acting_as("anna")).id == "t0"
    assert bank.acting_as("anna")._group is bank._group


# -- any history --------------------------------------------------------------

ACCOUNTS = ("m1", "m2", "m3", "fund")
ids = st.sampled_from([f"t{n}" for n in range(12)])
hours = st.sampled_from(["0:30", "1:00", "2:00", "5:00"])


@st.composite
def calls(draw: st.DrawFn) -> tuple[str, dict[str, Any]]:
    """A call that has an id, as its name and what it is given."""
    name = draw(st.sampled_from(["transfer", "transfer", "transfer", "reverse", "hold", "settle"]))
    given: dict[str, Any] = {"id": draw(ids)}
    if name in {"transfer", "hold"}:
        earner, spender = draw(st.permutations(ACCOUNTS))[:2]
        given |= {"earner": earner, "spender": spender, "hours": draw(hours)}
        if name == "transfer":
            given["note"] = draw(st.sampled_from([None, "bread", "a lift"]))
    elif name == "reverse":
        given |= {"transfer": draw(ids), "reason": "by mistake"}
    else:
        given |= {"hold": draw(ids)}
    return name, given


class GroupsAndOneByOne(RuleBasedStateMachine):
    """The journal of groups is byte for byte that of the same calls one after the other."""

    def __init__(self) -> None:
        super().__init__()
        self.now = datetime(2026, 3, 2, tzinfo=UTC)
        self.crowd = Crowd(MemoryStore())
        self.model = TimeBank(MemoryStore(), **Crowd.sources())
        for bank in (self.crowd.bank, self.model):
            clock = attrs.evolve(bank._sources, clock=lambda: self.now)
            bank._sources = clock

    @initialize()
    def open(self) -> None:
        """Three members with a floor that is soon reached, and a fund."""
        for bank in (self.crowd.bank, self.model):
            for account in ACCOUNTS[:-1]:
                bank.open_account(account, floor="-4", ceiling="6")
            bank.open_account("fund", kind="fund", floor="-9")

    @rule(group=st.lists(calls(), min_size=1, max_size=5))
    def act(self, group: list[tuple[str, dict[str, Any]]]) -> None:
        """The same calls, at once and one by one."""

        def called(name: str, given: dict[str, Any]) -> Work:
            words = dict(given)
            first = [words.pop(key) for key in ("transfer", "hold") if key in words]
            return lambda bank: getattr(bank, name)(*first, **words)

        work = [called(*one) for one in group]
        outcomes = self.crowd.together(*work)
        assert 1 == self.crowd.commits
        for call, outcome in zip(work, outcomes, strict=True):
            result, refusal = None, None
            try:
                result = call(self.model)
            except (timebank.NotFound, InvalidRequest, Rejected, IdempotencyMismatch) as error:
                refusal = error  # the reversal of a reversal is an invalid request
            assert (result, type(refusal)) == (outcome.result, type(outcome.error))
            assert str(refusal) == str(outcome.error)

    @rule(minutes=st.integers(1, 90))
    def wait(self, minutes: int) -> None:
        """Time runs."""
        self.now += timedelta(minutes=minutes)

    @invariant()
    def same(self) -> None:
        """Both journals are the same."""
        assert self.model.head() == self.crowd.bank.head()

    def teardown(self) -> None:
        """And an audit is clean."""
        assert () == self.crowd.bank.audit().findings


TestGroupsAndOneByOne = GroupsAndOneByOne.TestCase
TestGroupsAndOneByOne.settings = examples(40, steps=12)


# -- real threads, real processes ---------------------------------------------

POSTING = """
import sys, threading, timebank
bank = timebank.open(sys.argv[1], create=False)
lock = threading.Lock()
def post(thread):
    for n in range(1_000_000):
        id = f"{sys.argv[2]}-{thread}-{n}"
        bank.transfer(earner="m1", spender="fund", hours="0:01", id=id)
        with lock:
            print(id, flush=True)
for thread in range(8):
    threading.Thread(target=post, args=(thread,)).start()
"""

SPENDING = """
import sys, threading, timebank
from timebank import LimitExceeded
bank = timebank.open(sys.argv[1], create=False)
passed = []
def spend(thread):
    for n in range(100):
        try:
            id = f"{sys.argv[2]}-{thread}-{n}"
            bank.transfer(earner="pot", spender="hot", hours="0:00:01", id=id)
        except LimitExceeded:
            continue
        passed.append(n)
threads = [threading.Thread(target=spend, args=(thread,)) for thread in range(8)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(len(passed))
"""


def start(program: str, *arguments: str) -> subprocess.Popen[str]:
    """A process of its own."""
    return subprocess.Popen(
        [sys.executable, "-c", program, *arguments], stdout=subprocess.PIPE, text=True
    )


@pytest.mark.slow
def test_killed_threads_lose_no_acknowledged_transfer(tmp_path: Path) -> None:
    """Eight threads in a process that is killed, twelve times: all that returned is durable."""
    url = f"sqlite:///{tmp_path / 'bank.db'}"
    with timebank.open(url) as bank:
        bank.open_account("m1", kind="fund")
        bank.open_account("fund", kind="fund")
    acknowledged: set[str] = set()
    for run in range(12):
        process = start(POSTING, url, f"run{run}")
        assert process.stdout is not None
        for _ in range(7 * run + 1):
            acknowledged.add(process.stdout.readline().strip())
        process.kill()
        rest = process.stdout.read().split("\n")[:-1]  # the last line may be cut
        acknowledged.update(rest)
        process.stdout.close()
        process.wait()
    with timebank.open(url, create=False) as bank:
        found = [transfer.id for transfer in bank.transfers()]
        assert set() == acknowledged - set(found)
        assert len(found) == len(set(found))
        assert Hours.from_seconds(60 * len(found)) == bank.balance("m1").posted
        assert () == bank.audit().findings


@pytest.mark.slow
def test_threads_of_several_processes_spend_what_there_is(tmp_path: Path) -> None:
    """Four processes of eight threads, 3,200 attempts at 2,000 units: exactly 2,000 pass."""
    url = f"sqlite:///{tmp_path / 'bank.db'}"
    with timebank.open(url) as bank:
        bank.open_account("hot", floor=0)
        bank.open_account("pot", kind="fund")
        bank.transfer(earner="hot", spender="pot", hours=Hours.from_seconds(2000), id="fill")
    processes = [start(SPENDING, url, f"p{n}") for n in range(4)]
    passed = [int(process.communicate()[0]) for process in processes]
    with timebank.open(url, create=False) as bank:
        assert (2000, Hours(0)) == (sum(passed), bank.balance("hot").posted)
        assert () == bank.audit().findings
