"""Doors of a bank behind which it is called again: a program, for a call that waits for itself.

`python -m bank.doors DOOR URL` tries each kind of call behind a door, from each kind of call on
a bank and within a batch, and says what was wrong. A call that never comes back ends it.
"""

from __future__ import annotations

import faulthandler
import gc
import itertools
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, Final

import timebank
from timebank import Ask, InvalidRequest, Statute, TimeBank
from timebank.bank.carrying import copy_bank

#: After how long a call is one that waits for itself.
STUCK_SECONDS: Final = 8
#: How many calls are made at moments of no choosing.
MOMENTS: Final = 60
Call = Callable[[Any, str], Any]


def _batch(bank: Any, id: str) -> None:
    with bank.batch() as batch:
        pay(batch, id)


def _preview(bank: Any, id: str) -> None:
    with bank.preview() as preview:
        pay(preview, id)


def pay(bank: Any, id: str) -> Any:
    """A transfer that passes, with a text that needs a salt."""
    return bank.transfer(earner="m1", spender="pot", hours="0:01", id=id, note="bread")


#: What may come of a call behind a door.
WELL: Final = ("done", "refused")
#: What is called behind a door, on a bank or a batch.
INNER: Final[dict[str, Call]] = {
    "transfer": pay,
    "balance": lambda bank, _: bank.balance("m1"),
    "statement": lambda bank, _: bank.statement("m1"),
    "transfers": lambda bank, _: list(bank.transfers()),
    "open_account": lambda bank, name: bank.open_account(f"a-{name}"),
}
#: The same, of what only a bank has.
INNER_OF_A_BANK: Final[dict[str, Call]] = INNER | {"batch": _batch, "preview": _preview}


class Doors:
    """The doors of the banks here; behind the one that is armed, a call is made, once."""

    def __init__(self) -> None:
        self.door = ""
        self.call: Callable[[], Any] | None = None
        self.outcomes: list[str] = []
        #: Called instead, at each door of each thread.
        self.always: Callable[[str], None] | None = None
        self._seconds = itertools.count()
        self._ids = itertools.count()

    @contextmanager
    def armed(self, door: str, call: Callable[[], Any]) -> Iterator[None]:
        """Have a call made when a door is opened next."""
        self.door, self.call, self.outcomes = door, call, []
        yield
        self.call = None

    def opened(self, door: str) -> None:
        """Make the call, if it is this door's."""
        if self.always is not None:
            self.always(door)
        call = self.call
        if door == self.door and call is not None:
            self.call = None
            self.outcomes.append(outcome(call))

    def clock(self) -> datetime:
        """A second later at each reading."""
        self.opened("clock")
        return datetime(2026, 3, 2, tzinfo=UTC) + timedelta(seconds=next(self._seconds))

    def new_id(self) -> str:
        """An id of its own."""
        self.opened("new_id")
        return f"made-{next(self._ids)}"

    def new_salt(self) -> bytes:
        """Sixteen bytes."""
        self.opened("new_salt")
        return os.urandom(16)

    def permission(self, ask: Ask) -> bool:
        """Everybody may do everything; it is looked up who acts for whom."""
        self.opened("permission")
        return bool(ask.delegates("m1")) or True

    def progress(self, done: int, total: int) -> None:
        """What is said of a long call."""
        self.opened("progress")


DOORS = Doors()


#: What is called that opens a door, by the door.
OUTER: Final[dict[str, dict[str, Call]]] = {
    "clock": {
        "transfer": pay,
        "open_account": lambda bank, name: bank.open_account(f"o-{name}", name="Maria"),
        "run_due": lambda bank, _: bank.run_due(),
        "balance": lambda bank, _: bank.balance("m1"),
        "batch": _batch,
    },
    "new_id": {
        "transfer": lambda bank, _: bank.transfer(earner="m1", spender="pot", hours="0:01"),
        "hold": lambda bank, _: bank.hold(earner="m1", spender="pot", hours="0:01"),
    },
    "new_salt": {
        "transfer": pay,
        "rename": lambda bank, name: bank.rename("m1", f"Maria {name}"),
        "batch": _batch,
    },
    "permission": {
        "transfer": pay,
        "balance": lambda bank, _: bank.balance("m1"),
        "run_due": lambda bank, _: bank.run_due(),
        "batch": _batch,
    },
    "progress": {
        "audit": lambda bank, _: bank.audit(DOORS.progress),
        "rebuild": lambda bank, _: bank.rebuild(DOORS.progress),
        "replay": lambda bank, _: bank.replay(Statute(version="v/9"), progress=DOORS.progress),
        "impact": lambda bank, _: bank.impact(progress=DOORS.progress),
        "copy": lambda bank, _: _copied(bank),
    },
}


def _copied(bank: TimeBank) -> None:
    with timebank.open("memory:") as target:
        copy_bank(bank.store, target.store, bank=bank.name, progress=DOORS.progress)


def outcome(call: Callable[[], Any]) -> str:
    """What came of a call behind a door: "done" and "refused" are well."""
    try:
        call()
    except InvalidRequest:
        return "refused"
    except BaseException as error:  # noqa: BLE001 - whatever it is, it is wrong
        return f"{type(error).__name__}: {error}"
    return "done"


def open_bank(url: str, *, asks: bool) -> TimeBank:
    """An empty bank with these doors, and a member and a fund in it."""
    bank = timebank.open(
        url,
        bank=f"bank-{next(_numbers)}",
        clock=DOORS.clock,
        new_id=DOORS.new_id,
        new_salt=DOORS.new_salt,
        permissions=DOORS.permission if asks else None,
    )
    bank.open_account("m1", name="Maria R.")
    bank.open_account("pot", kind="fund")
    pay(bank, "t0")
    return bank


_numbers = itertools.count()


def check(bank: TimeBank, case: str) -> list[str]:
    """What is wrong with a bank that should audit clean, and that everybody should write to."""
    trouble = [f"{case}: the audit found {one}" for one in bank.audit().findings[:1]]
    after = f"after-{next(_numbers)}"
    thread = threading.Thread(target=pay, args=(bank, after), daemon=True)
    thread.start()
    thread.join(STUCK_SECONDS / 2)
    if thread.is_alive():
        trouble.append(f"{case}: another thread waits for ever")
    elif after not in {one.id for one in bank.transfers()}:
        trouble.append(f"{case}: another thread cannot write")
    return trouble


# -- doors that a call opens itself --------------------------------------------------------


def each_call(door: str, url: str) -> list[str]:
    """Try each call behind a door, from each call that opens it; what was wrong."""
    trouble: list[str] = []
    for asks in [True] if door == "permission" else [False, True]:
        with open_bank(url, asks=asks) as bank:
            for name, outer in OUTER[door].items():
                has = hasattr(timebank.BankBatch, name)
                for inner, call in INNER_OF_A_BANK.items():
                    case = f"{inner} in the {door} of {name}, {asks=}"
                    trouble += one_call(bank, door, case, (outer, call))
                    if has:
                        case = f"{inner} on the bank in the {door} of {name} of a batch, {asks=}"
                        trouble += in_a_batch(bank, bank, door, case, (outer, call))
                for inner, call in INNER.items() if has else ():
                    case = f"{inner} on the batch in the {door} of {name} of it, {asks=}"
                    trouble += in_a_batch(bank, None, door, case, (outer, call))
            trouble += check(bank, f"after all of the {door}, {asks=}")
    return trouble


def one_call(bank: TimeBank, door: str, case: str, calls: tuple[Call, Call]) -> list[str]:
    """A call on the bank, and within it another on the bank."""
    watch(case)
    number, (outer, inner) = next(_numbers), calls
    with DOORS.armed(door, lambda: inner(bank, f"in-{number}")):
        came = outcome(lambda: outer(bank, f"out-{number}"))
    return judged(case) + ([] if came == "done" else [f"{case}: the outer call: {came}"])


def in_a_batch(
    bank: TimeBank, called: TimeBank | None, door: str, case: str, calls: tuple[Call, Call]
) -> list[str]:
    """A call on a batch, and within it another on `called`, or on the batch."""
    watch(case)
    number, (outer, inner) = next(_numbers), calls

    def work() -> None:
        with bank.batch() as batch:
            pay(batch, f"first-{number}")
            with DOORS.armed(door, lambda: inner(called or batch, f"in-{number}")):
                outer(batch, f"out-{number}")
            pay(batch, f"last-{number}")
        for id in (f"first-{number}", f"last-{number}"):
            bank.transfer_by_id(id)

    came = outcome(work)
    return judged(case) + ([] if came == "done" else [f"{case}: the batch: {came}"])


def judged(case: str) -> list[str]:
    """What was wrong behind a door."""
    if not DOORS.outcomes:
        return [f"{case}: the door was never opened"]
    return [f"{case}: {one}" for one in DOORS.outcomes if one not in WELL]


# -- while others post ---------------------------------------------------------------------


def leading(door: str, url: str) -> list[str]:
    """Threads post to one bank, and behind a door of each the bank is called again."""
    watch(f"threads post, with calls in the {door}")
    inside, turn = threading.local(), itertools.count()
    trouble: list[str] = []

    def again(opened: str) -> None:
        if opened != door or getattr(inside, "now", False):
            return
        inside.now = True
        number = next(turn)
        call = list(INNER_OF_A_BANK.values())[number % len(INNER_OF_A_BANK)]
        trouble.append(outcome(lambda: call(bank, f"in-{number}")))
        inside.now = False

    def post(thread: int) -> None:
        for n in range(25):
            trouble.append(outcome(partial(pay, bank, f"t-{thread}-{n}")))

    with open_bank(url, asks=door == "permission") as bank:
        DOORS.always = again
        threads = [threading.Thread(target=post, args=(n,), daemon=True) for n in range(4)]
        for one in threads:
            one.start()
        for one in threads:
            one.join()
        DOORS.always = None
        wanted = {f"t-{thread}-{n}" for thread in range(4) for n in range(25)}
        if not wanted <= {one.id for one in bank.transfers()}:
            trouble.append("not all is there that was posted")
        trouble += check(bank, "after all")
    return [one for one in trouble if one not in WELL]


# -- doors that open at any moment ---------------------------------------------------------


class Finalized:
    """Garbage of a cycle, which is found whenever it is looked for: it makes a call then."""

    call: Callable[[], None] | None = None

    def __init__(self) -> None:
        self.me = self

    def __del__(self) -> None:
        call, Finalized.call = Finalized.call, None  # one is enough at a time
        if call is not None:
            call()
            Finalized.call = call


def at_any_moment(door: str, url: str) -> list[str]:
    """Call the bank from a signal handler, or a `__del__`, while this thread calls it."""
    watch(f"calls in a {door}")
    outcomes: list[str] = []

    def again() -> None:
        number = len(outcomes)
        call = list(INNER_OF_A_BANK.values())[number % len(INNER_OF_A_BANK)]
        outcomes.append(outcome(lambda: call(bank, f"in-{number}")))
        watch(f"{number} calls in a {door}")

    def handler(*_: object) -> None:
        again()
        signal.setitimer(signal.ITIMER_REAL, 0.0005 + len(outcomes) % 7 * 0.0004)

    with open_bank(url, asks=False) as bank:
        if door == "signal":
            signal.signal(signal.SIGALRM, handler)
            signal.setitimer(signal.ITIMER_REAL, 0.001)
        else:
            Finalized.call = again
            gc.set_threshold(60)
        trouble, last = _posted(bank, until=lambda: len(outcomes) >= MOMENTS)
        signal.signal(signal.SIGALRM, signal.SIG_IGN)
        Finalized.call = None
        gc.collect()
        if not {f"t-{n}" for n in range(last)} <= {one.id for one in bank.transfers()}:
            trouble.append("what was acknowledged is not there")
        trouble += check(bank, "after all")
    return trouble + [one for one in outcomes if one not in WELL]


def _posted(bank: TimeBank, *, until: Callable[[], bool]) -> tuple[list[str], int]:
    """Post, and make garbage, until it is enough: what was wrong, and how much was posted."""
    trouble: list[str] = []
    for n in itertools.count():
        Finalized()
        calls: list[Callable[[], Any]] = [partial(pay, bank, f"t-{n}")]
        if n % 4 == 0:
            calls += [partial(_batch, bank, f"b-{n}"), partial(bank.statement, "m1")]
        for call in calls:
            came = outcome(call)
            if came != "done":
                trouble.append(f"the call itself: {came}")
        if until():
            return trouble, n
    raise AssertionError


def watch(case: str) -> None:
    """Say which case is tried, and end the program if it takes too long."""
    print(case, file=sys.stderr, flush=True)  # noqa: T201 - for who looks for what hangs
    faulthandler.dump_traceback_later(STUCK_SECONDS, exit=True)


def main() -> None:
    """Try what the command line names; print what was wrong."""
    kind, door, url = sys.argv[1:]
    tried = {"calls": each_call, "leading": leading, "moments": at_any_moment}[kind](door, url)
    print("\n".join(dict.fromkeys(tried)))  # noqa: T201 - for the test
    faulthandler.cancel_dump_traceback_later()


if __name__ == "__main__":
    main()
