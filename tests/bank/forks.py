"""Processes that fork in the middle of something: a program, for tests of what the child inherits.

`python -m bank.forks CASE URL` prints what was wrong. The child of a case writes what was wrong to
its parent; a call of it that does not come back ends it.
"""

from __future__ import annotations

import faulthandler
import gc
import itertools
import os
import signal
import socket
import sqlite3
import sys
import tempfile
import threading
from collections.abc import Callable
from contextlib import closing, suppress
from functools import partial
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import timebank
from timebank import InvalidRequest, StoreError, TimeBank, TimebankError

#: After how long a child is one that waits for what nobody will give back.
STUCK_SECONDS: Final = 5


def pay(bank: Any, id: str) -> Any:
    """A transfer that passes."""
    return bank.transfer(earner="m1", spender="pot", hours="0:01", id=id)


def in_a_batch(bank: TimeBank, id: str) -> None:
    """A transfer in a batch of its own."""
    with bank.batch() as batch:
        pay(batch, id)


def in_a_preview(bank: TimeBank, id: str) -> None:
    """A transfer that is tried only."""
    with bank.preview() as preview:
        pay(preview, id)


#: What a child calls on a bank that it has inherited.
CALLS: Final[dict[str, Callable[[Any, str], Any]]] = {
    "balance": lambda bank, _: bank.balance("m1"),
    "transfers": lambda bank, _: list(bank.transfers()),
    "transfer": pay,
    "batch": in_a_batch,
    "preview": in_a_preview,
    "open_account": lambda bank, name: bank.open_account(f"a-{name}"),
    "head": lambda bank, _: bank.head(),
}


def came(call: Callable[[], Any], *errors: type[Exception]) -> list[str]:
    """What was wrong with a call that may be done, or raise one of these errors."""
    try:
        call()
    except errors:
        return []
    except BaseException as error:  # noqa: BLE001 - whatever it is, it is wrong
        return [f"{type(error).__name__}: {error}"]
    return []


def refused(call: Callable[[], Any]) -> list[str]:
    """What was wrong with a call that must not be done: it is not the child's."""
    try:
        call()
    except (InvalidRequest, StoreError):
        return []
    except BaseException as error:  # noqa: BLE001 - whatever it is, it is wrong
        return [f"{type(error).__name__}: {error}"]
    return ["it was done"]


def each(bank: Any, prefix: str) -> list[str]:
    """What was wrong with the calls of a child on an inherited bank: each is done or is told."""
    return [
        f"{name} in the child: {one}"
        for name, call in CALLS.items()
        for one in came(partial(call, bank, f"{prefix}-{name}"), TimebankError)
    ]


def forked(work: Callable[[], list[str]], *, meanwhile: Callable[[], Any] = lambda: None) -> Child:
    """Have a child do it, which ends then and there; `meanwhile` is the parent's."""
    reading, writing = os.pipe()
    pid = os.fork()
    if not pid:
        Child.telling = writing
        faulthandler.register(signal.SIGALRM, chain=True)  # says where it is, then ends it
        signal.alarm(STUCK_SECONDS)
        told = ["the child raised"]
        with suppress(BaseException):
            told = work()
        os.write(writing, "\n".join(told).encode()[:60_000])
        os._exit(0)
    os.close(writing)
    meanwhile()
    return Child(pid, reading)


class Child:
    """A child process, and what it says."""

    #: By which number a child tells its parent.
    telling = -1

    def __init__(self, pid: int, reading: int) -> None:
        self._pid = pid
        self._reading = reading

    def ended(self) -> list[str]:
        """What was wrong in it, when it has ended."""
        with os.fdopen(self._reading) as told:
            wrong = told.read().splitlines()
        _, status = os.waitpid(self._pid, 0)
        return wrong if status == 0 else [*wrong, "a call in the child did not come back"]


# -- cases ---------------------------------------------------------------------------------


def idle(bank: TimeBank) -> list[str]:
    """An open store, between two calls; the child calls it on threads too."""

    def child() -> list[str]:
        wrong = each(bank, "child")
        threads = [threading.Thread(target=lambda: wrong.extend(each(bank, "more")))]
        for one in threads:
            one.start()
        for one in threads:
            one.join()
        return wrong + came(bank.close, TimebankError)

    return forked(child).ended() + here(bank)


def batch(bank: TimeBank) -> list[str]:
    """An open batch, which the child uses and leaves: its calls are refused, nothing is kept."""
    block = bank.batch()
    opened = block.__enter__()
    pay(opened, "t1")

    def child() -> list[str]:
        other = opened.acting_as
        wrong = []
        for name, call in {
            "transfer": lambda: pay(opened, "child"),
            "balance": lambda: opened.balance("m1"),
            "transfers": lambda: list(opened.transfers()),
            "handle": lambda: other("carla").balance("m1"),
            "leaving": lambda: block.__exit__(None, None, None),
            "transfer after": lambda: pay(opened, "child"),
        }.items():
            wrong += [f"{name} of the batch in the child: {one}" for one in refused(call)]
        return wrong

    wrong = forked(child).ended()
    wrong += came(lambda: pay(opened, "t2"))
    wrong += came(lambda: block.__exit__(None, None, None))
    return wrong + there(bank, "t1", "t2") + here(bank)


def failing_batch(bank: TimeBank) -> list[str]:
    """An open batch that the child leaves by an exception: the parent's goes on."""
    wrong: list[str] = []

    def child_of(opened: Any) -> Callable[[], list[str]]:
        def child() -> list[str]:
            error = SystemExit()
            with suppress(SystemExit, TimebankError):
                if block.__exit__(SystemExit, error, None):
                    return ["the exception was swallowed"]
            return refused(lambda: pay(opened, "child"))

        return child

    block = bank.batch()
    opened = block.__enter__()
    pay(opened, "t1")
    wrong += forked(child_of(opened)).ended()
    wrong += came(lambda: pay(opened, "t2"))
    wrong += came(lambda: block.__exit__(None, None, None))
    return wrong + there(bank, "t1", "t2") + here(bank)


def preview(bank: TimeBank) -> list[str]:
    """An open preview and a half-read iterator: each call of the child is done, or is told."""
    wrong: list[str] = []
    unread = iter(bank.transfers())
    next(unread)
    with bank.preview() as opened:
        pay(opened, "t1")

        def child() -> list[str]:
            return (
                came(lambda: pay(opened, "t2"), TimebankError)
                + came(lambda: opened.balance("m1"), TimebankError)
                + came(lambda: list(unread), TimebankError)
                + came(lambda: bank.balance("m1"), TimebankError)
            )

        wrong += forked(child).ended()
        wrong += came(lambda: pay(opened, "t3"))
        wrong += came(lambda: opened.balance("m1"))
    wrong += came(lambda: list(unread))
    return wrong + here(bank)


def posting(bank: TimeBank) -> list[str]:
    """Threads post at the moment of the fork, in groups; all of theirs is kept."""
    wrong: list[str] = []
    kept: list[str] = []
    enough = threading.Event()
    begun = threading.Semaphore(0)

    def post(thread: int) -> None:
        for n in itertools.count():
            id = f"t-{thread}-{n}"
            wrong.extend(came(partial(pay, bank, id)))
            kept.append(id)
            begun.release()
            if enough.is_set():
                return

    threads = [threading.Thread(target=post, args=(n,), daemon=True) for n in range(4)]
    for one in threads:
        one.start()
    children = []
    for number in range(6):
        for _ in range(3):
            begun.acquire()
        children.append(forked(partial(each, bank, f"child-{number}")))
    enough.set()
    for child in children:
        wrong += child.ended()
    for one in threads:
        one.join(STUCK_SECONDS)
        wrong += ["a thread of the parent waits for ever"] * one.is_alive()
    return wrong + there(bank, *kept) + here(bank)


def locked(bank: TimeBank) -> list[str]:
    """Another thread has the writer's lock at the fork, and gives it back in the parent only."""
    wrong: list[str] = []
    has, give = threading.Event(), threading.Event()

    def hold() -> None:
        with bank.batch() as opened:
            pay(opened, "t1")
            has.set()
            give.wait()
            pay(opened, "t2")

    holder = threading.Thread(target=lambda: wrong.extend(came(hold)), daemon=True)
    holder.start()
    has.wait()
    reader = forked(lambda: came(lambda: bank.balance("m1"), TimebankError))
    child = forked(partial(each, bank, "child"), meanwhile=give.set)
    wrong += reader.ended() + child.ended()
    holder.join(STUCK_SECONDS)
    return wrong + there(bank, "t1", "t2") + here(bank)


def waiting(bank: TimeBank) -> list[str]:
    """Threads wait for the lock that the forking thread has; the child has none of them."""
    wrong: list[str] = []
    with bank.batch() as opened:
        pay(opened, "t1")
        threads = [
            threading.Thread(target=lambda n=n: wrong.extend(came(lambda: pay(bank, f"w{n}"))))
            for n in range(3)
        ]
        for one in threads:
            one.start()
        child = forked(lambda: refused(lambda: pay(opened, "child")))
        wrong += child.ended()
        pay(opened, "t2")
    for one in threads:
        one.join(STUCK_SECONDS)
        wrong += ["a thread of the parent waits for ever"] * one.is_alive()
    return wrong + there(bank, "t1", "t2", "w0", "w1", "w2") + here(bank)


def daemon(bank: TimeBank) -> list[str]:
    """A child closes all it has, as daemons do; what it opens then stays its own, and open.

    A bank that is opened there is as it should be, or the child is told; so is the inherited one.
    """
    wrong = []
    for before, between in itertools.product(range(9), range(4)):
        child = forked(partial(in_a_daemon, bank, before, between))
        wrong += [f"with {before} and {between} files: {one}" for one in child.ended()]
        wrong += here(bank)
    return wrong


def in_a_daemon(bank: TimeBank, before: int, between: int) -> list[str]:
    """What was wrong where so many files are opened before the bank, and before it is written to.

    Each is a file of the child's: nobody else may write into it, or close it.
    """
    for number in {*range(3, 64)} - {Child.telling}:
        with suppress(OSError):
            os.close(number)
    files = [own_file() for _ in range(before)]
    wrong = []
    # In another memory there are no such accounts.
    with suppress(TimebankError), timebank.open(sys.argv[2]) as anew:
        anew.balance("m1")
        files += [own_file() for _ in range(between)]
        pay(anew, f"child-{before}-{between}")
        wrong += each(bank, f"other-{before}-{between}")  # whose log it drops
        files += [own_file(), own_file()]
        pay(anew, f"more-{before}-{between}")
    wrong += each(bank, f"child-{before}-{between}")
    for number, (name, file) in enumerate(files):
        if came(partial(os.write, name, b"mine")) or os.fstat(name).st_ino != file:
            wrong.append(f"its file {number} was closed")
        elif os.fstat(name).st_size != len(b"mine"):
            wrong.append(f"its file {number} was written to")
    return wrong


def own_file() -> tuple[int, int]:
    """A new file without a name: what it is opened as, and its number on its device."""
    with tempfile.TemporaryFile(buffering=0) as file:
        number = os.dup(file.fileno())
    return number, os.fstat(number).st_ino


# -- cases of a file, where a child is never refused ------------------------------------------


def crowded() -> list[tuple[socket.socket, socket.socket]]:
    """Clients of a child, which have whatever numbers are free."""
    return [socket.socketpair() for _ in range(6)]


def preloaded(bank: TimeBank) -> list[str]:
    """A worker opens banks of its own while clients come, uses the inherited one, and forks."""

    def job() -> list[str]:
        return came(partial(pay, bank, "job"))

    def worker() -> list[str]:
        wrong, clients = [], []
        for number in range(3):
            with timebank.open(sys.argv[2]) as own:
                wrong += came(partial(pay, own, f"own-{number}"))
            clients += crowded()
        return wrong + came(partial(pay, bank, "inherited")) + forked(job).ended()

    def user() -> list[str]:
        wrong = came(partial(pay, bank, "used"))
        clients = crowded()
        return wrong + forked(job).ended() + ["there are no clients"] * (not clients)

    wrong = forked(worker).ended() + forked(user).ended()
    return wrong + there(bank, "own-0", "own-1", "own-2", "inherited", "job", "used") + here(bank)


def dropped(bank: TimeBank) -> list[str]:
    """A worker has one of its own in the place of the inherited one, when the parent closes."""
    begun, closed = os.pipe(), os.pipe()
    kept = [timebank.open(sys.argv[2])]
    pay(kept[0], "before")

    def worker() -> list[str]:
        kept.clear()
        gc.collect()
        own = timebank.open(sys.argv[2])
        wrong = came(partial(pay, own, "first"))
        os.write(begun[1], b"x")
        os.read(closed[0], 1)
        return wrong + came(partial(pay, own, "second")) + came(partial(pay, own, "third"))

    bank.close()
    child = forked(worker)
    os.read(begun[0], 1)
    kept.pop().close()
    os.write(closed[1], b"x")
    wrong = child.ended()
    with timebank.open(sys.argv[2]) as again:
        return wrong + there(again, "first", "second", "third") + here(again)


def own_files(bank: TimeBank) -> list[str]:
    """The host has the same file open itself; its child closes that, and clients come."""
    path = urlsplit(sys.argv[2]).path
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("SELECT count(*) FROM timebank_records").fetchone()
        wrong = forked(partial(in_a_worker, bank, connection, "child-0")).ended()
    file = Path(path).open("rb")  # noqa: SIM115 - to close it here would take SQLite's locks along
    wrong += forked(partial(in_a_worker, bank, file, "child-1")).ended()
    return wrong + there(bank, "child-0", "child-1") + here(bank)


def in_a_worker(bank: TimeBank, own: Any, id: str) -> list[str]:
    """What was wrong in a child that closes what the host had open of the file."""
    own.close()
    clients = crowded()
    return came(partial(pay, bank, id)) + ["there are no clients"] * (not clients)


FILE_CASES: Final = {case.__name__: case for case in (preloaded, dropped, own_files)}
CASES: Final = {
    case.__name__: case
    for case in (idle, batch, failing_batch, preview, posting, locked, waiting, daemon)
}


# -- afterwards ----------------------------------------------------------------------------


def there(bank: TimeBank, *ids: str) -> list[str]:
    """What was wrong with the transfers: these were kept, and no child's that was refused."""
    found = {one.id for one in bank.transfers()}
    wrong = [f"{id} was acknowledged and is not there" for id in ids if id not in found]
    return wrong + ["a child wrote to its parent's batch"] * ("child" in found)


def here(bank: TimeBank) -> list[str]:
    """What was wrong in the parent afterwards."""
    wrong = came(lambda: pay(bank, "after"))
    wrong += came(lambda: in_a_batch(bank, "after-batch"))
    wrong += [f"the audit found {one}" for one in bank.audit().findings[:1]]
    return [f"in the parent: {one}" for one in wrong]


def main() -> None:
    """Try a case; print what was wrong."""
    name, url = sys.argv[1:]
    faulthandler.dump_traceback_later(8 * STUCK_SECONDS, exit=True)
    host = None
    if url.startswith("joined:"):
        host = sqlite3.connect(url.partition(":")[2], isolation_level=None)
        host.execute("BEGIN")
    bank = timebank.open(url) if host is None else timebank.join(host)
    bank.open_account("m1", kind="fund")
    bank.open_account("pot", kind="fund")
    pay(bank, "t0")
    wrong = (CASES | FILE_CASES)[name](bank)
    if host is None:
        bank.close()
    else:
        host.execute("COMMIT")
        host.close()
    print("\n".join(dict.fromkeys(wrong)))  # noqa: T201 - for the test


if __name__ == "__main__":
    main()
