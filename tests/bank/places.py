"""Where a bank may lie: for tests of what holds wherever it lies, and of what threads do there."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, TypeVar

import pytest

import timebank
from servers import ON_SERVERS, SERVERS, drop_database, new_database
from timebank import Statute, TimeBank, Welcome

Result = TypeVar("Result")

#: Stores of this process, or of a file.
HERE: Final = ("memory", "file", "private")
#: The same as parameters of a test, of which one is enough for each change.
IN_TURN: Final = ("memory", *(pytest.param(one, marks=pytest.mark.slow) for one in HERE[1:]))
#: Stores that are the bank's own, as parameters of a test.
OWN: Final = ("memory", "file", pytest.param("private", marks=pytest.mark.slow), *ON_SERVERS)
#: The same, and a connection of a host.
ALL: Final = (*OWN, "joined")
#: How long a thread is waited for that has nothing to wait for: far below a time-out of a lock.
SOON: Final = 6.0


@contextmanager
def url_at(place: str, folder: Path) -> Iterator[str]:
    """The address of an empty store of a kind, which is removed at the end."""
    if place in SERVERS:
        url = new_database(place)
        try:
            yield url
        finally:
            drop_database(url)
    elif place == "file":
        yield f"sqlite:///{folder / 'bank.db'}?synchronous=normal"
    else:
        yield {"memory": "memory:", "private": "sqlite://"}[place]


@contextmanager
def opened(place: str, folder: Path, **given: Any) -> Iterator[TimeBank]:
    """An empty bank there; joined, in an open transaction of its host."""
    if place != "joined":
        with url_at(place, folder) as url, timebank.open(url, **given) as bank:
            yield bank
        return
    # A host that hands its connection to other threads may do so: what they are told is ours.
    host = sqlite3.connect(folder / "host.db", isolation_level=None, check_same_thread=False)
    host.execute("BEGIN")
    yield timebank.join(host, **given)
    host.close()


def fill(bank: TimeBank) -> None:
    """Accounts in each state, a transfer, a hold, a statute with a welcome that is asked for."""
    bank.open_account("pot", kind="fund", name="Common pot")
    bank.open_account("m1", name="Maria R.")
    bank.open_account("f1", kind="group", floor="-2")
    bank.open_account("empty")
    bank.open_account("frozen")
    bank.freeze("frozen")
    bank.open_account("closed")
    bank.close_account("closed")
    bank.name_delegate("m1", "luca")
    bank.transfer(earner="m1", spender="f1", hours="0:30", id="t0", note="to the clinic")
    bank.hold(earner="m1", spender="f1", hours="0:30", id="h0")
    rule = Welcome(hours=2, fund="pot", given="when asked")
    bank.adopt(Statute(version="via-roma/1", welcome=rule))


def in_a_thread(work: Callable[[], Result], *, seconds: float = SOON) -> Result:
    """Have a thread do it; what comes of it, its error included. It may not take long."""
    results: list[Result] = []
    errors: list[BaseException] = []

    def run() -> None:
        try:
            results.append(work())
        except BaseException as error:  # noqa: BLE001 - raised again where it was called
            errors.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(seconds)
    assert not thread.is_alive(), f"a call has waited for {seconds:g} s"
    for error in errors:
        raise error
    return results[0]


def told(work: Callable[[], Any]) -> str:
    """The name of the error that a call raises, and what it says; "done" where it raises none."""
    try:
        work()
    except Exception as error:  # noqa: BLE001 - compared by the test
        return f"{type(error).__name__}: {error}"
    return "done"
