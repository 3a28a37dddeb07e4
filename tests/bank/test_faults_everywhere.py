"""Every statement of every store fails in turn, for every command.

The error is one of ours; nothing was written, or it is `OutcomeUnknown` and the same call tells;
the next call works, and the audit is clean. On SQLite the disk fails or is full, or the process
is killed; on a server the connection is really cut.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

import timebank
from servers import drop_database, new_database
from timebank import (
    Donate,
    Dues,
    OutcomeUnknown,
    Retryable,
    Statute,
    StoreError,
    TimeBank,
    TimebankError,
    Welcome,
    WriteOff,
)
from timebank.testing.races import in_processes

RULES = Statute(
    version="v1",
    welcome=Welcome(hours=1, fund="fund", due_back=True, given="when asked"),
    dues=Dues(hours="0:20", fund="fund", every="month"),
)
NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)


def prepared(url: str) -> None:
    """A bank on which every command has something to do."""
    with timebank.open(url, clock=lambda: NOW) as bank, bank.batch() as batch:
        for id in ("m1", "m2", "m3", "new", "frozen", "closed", "left"):
            batch.open_account(id, name=f"name of {id}")
        batch.open_account("fund", kind="fund")
        batch.adopt(RULES)
        batch.transfer(earner="m1", spender="m2", hours=2, id="t1", note="a note")
        batch.transfer(earner="left", spender="m2", hours=2, id="t2")
        for id in ("h1", "h2", "h3"):
            spender = "left" if id == "h3" else "m2"
            batch.hold(earner="m1", spender=spender, hours=1, id=id, note="a plan")
        batch.freeze("frozen", reason="abroad")
        batch.close_account("closed", reason="moved")
        batch.name_delegate("m1", "luca")


def in_a_batch(bank: TimeBank) -> None:
    """Several calls that are one commit."""
    with bank.batch() as batch:
        batch.open_account("b1", name="B")
        batch.transfer(earner="b1", spender="m1", hours=1, id="tb")
        batch.void("h1", reason="r", id="vb")
        batch.erase("m3", reason="asked")


#: Each may be called again: it is then done already.
COMMANDS: dict[str, Callable[[TimeBank], object]] = {
    "open_account": lambda b: b.open_account("m9", name="Nina"),
    "set_limits": lambda b: b.set_limits("m1", floor=-3),
    "rename": lambda b: b.rename("m1", "Mara"),
    "freeze": lambda b: b.freeze("m1", reason="abroad"),
    "thaw": lambda b: b.thaw("frozen"),
    "close_account": lambda b: b.close_account("new", reason="left"),
    "reopen": lambda b: b.reopen("closed"),
    "transfer": lambda b: b.transfer(earner="m1", spender="m2", hours=1, id="t9", note="n"),
    "many sides": lambda b: b.transfer(
        earner={"m1": 1, "m2": 1}, spender={"m2": 1, "m3": 1}, id="t9", via="fund"
    ),
    "hold": lambda b: b.hold(
        earner="m1", spender="m2", hours=1, id="h9", expires_in=timedelta(days=1)
    ),
    "settle": lambda b: b.settle("h1", hours="1:30", id="s9"),
    "void": lambda b: b.void("h1", reason="rain", id="v9"),
    "reverse": lambda b: b.reverse("t1", reason="twice", hours="0:30", id="r9"),
    "adopt": lambda b: b.adopt(Statute(version="v2")),
    "welcome": lambda b: b.welcome("new"),
    "run_due": lambda b: b.run_due(),
    "leave": lambda b: b.leave("left", disposal=[Donate("fund"), WriteOff("fund")], reason="r"),
    "name_delegate": lambda b: b.name_delegate("m1", "anna"),
    "end_delegate": lambda b: b.end_delegate("m1", "luca"),
    "erase": lambda b: b.erase("m2", reason="asked"),
    "rebuild": TimeBank.rebuild,
    "batch": in_a_batch,
}


class Trap:
    """Fires at one statement: before it is run, or after."""

    def __init__(self, fire: Callable[[Any], None]) -> None:
        self.left = 0
        #: By how many a call had fewer statements than the number, where it never fired.
        self.unused = 0
        self.after = False
        self.fired = ""
        self._fire = fire

    def set(self, left: int, *, after: bool) -> None:
        """Be ready for the statement of a number."""
        self.left, self.after, self.fired = left, after, ""

    def statement(self, sql: object, on: Any, real: Callable[[], Any]) -> Any:
        """Run a statement, or fail."""
        self.left -= 1
        if self.left:
            return real()
        self.fired = str(sql)
        if not self.after:
            self._fire(on)
            return real()  # on a connection that was cut
        real()
        self._fire(on)
        raise self.lost(on)

    def lost(self, on: Any) -> Exception:
        """What a driver says where the answer to a statement did not come."""
        import psycopg
        import pymysql

        if isinstance(on, psycopg.Cursor):
            return psycopg.OperationalError("server closed the connection unexpectedly")
        lost: Exception = pymysql.err.OperationalError(2013, "Lost connection during query")
        return lost


def failing(code: int, message: str) -> Callable[[Any], None]:
    """The driver's error."""

    def fire(_: Any) -> None:
        error = sqlite3.OperationalError(message)
        error.sqlite_errorcode = code
        raise error

    return fire


def cut(cursor: Any) -> None:
    """End the connection under a cursor, as a network does."""
    import psycopg

    if isinstance(cursor, psycopg.Cursor):
        cursor.connection.pgconn.finish()
    else:
        cursor.connection._force_close()


@contextmanager
def trapped(trap: Trap, kind: str) -> Iterator[None]:
    """Every statement goes by the trap."""
    if kind == "sqlite":

        class Trapped(sqlite3.Connection):
            def execute(self, sql: str, *values: Any) -> sqlite3.Cursor:
                run = super().execute
                cursor: sqlite3.Cursor = trap.statement(sql, self, lambda: run(sql, *values))
                return cursor

            def executemany(self, sql: str, *rows: Any) -> sqlite3.Cursor:
                run = super().executemany
                cursor: sqlite3.Cursor = trap.statement(sql, self, lambda: run(sql, *rows))
                return cursor

        real = sqlite3.connect
        with mock.patch.object(sqlite3, "connect", lambda *a, **o: real(*a, **o, factory=Trapped)):
            yield
        return
    import psycopg
    import pymysql

    driver: Any = psycopg.Cursor if kind == "postgresql" else pymysql.cursors.Cursor
    execute = driver.execute

    def through(cursor: Any, sql: Any, *rest: Any, **named: Any) -> Any:
        return trap.statement(sql, cursor, lambda: execute(cursor, sql, *rest, **named))

    with mock.patch.object(driver, "execute", through):
        yield


FAULTS: dict[str, tuple[str, Callable[[Any], None], bool]] = {
    "the disk fails": ("sqlite", failing(sqlite3.SQLITE_IOERR_WRITE, "disk I/O error"), False),
    "the disk fails to answer": ("sqlite", failing(sqlite3.SQLITE_IOERR_FSYNC, "disk I/O"), True),
    "the disk is full": ("sqlite", failing(sqlite3.SQLITE_FULL, "database or disk is full"), False),
    "PostgreSQL is gone": ("postgresql", cut, False),
    "PostgreSQL's answer is lost": ("postgresql", cut, True),
    "MariaDB is gone": ("mariadb", cut, False),
    "MariaDB's answer is lost": ("mariadb", cut, True),
}


#: What a server is asked by each command takes minutes to cut off one by one: some commands stand
#: for all of them there, at every seventh statement and the last, on the one server or the other;
#: a file is tried at every third. All of it is tried at night.
SOME = ("open_account", "transfer", "reverse", "erase")


def cases() -> Iterator[Any]:
    """Yield a fault, a command and every how many-th statement, with the marks that they need."""
    slow, nightly, servers = pytest.mark.slow, pytest.mark.nightly, pytest.mark.servers
    for number, (fault, (kind, *_)) in enumerate(FAULTS.items()):
        for command in COMMANDS:
            id = f"{fault}-{command}"
            if kind == "sqlite":
                yield pytest.param(fault, command, 3, id=id, marks=slow)
                yield pytest.param(fault, command, 1, id=f"{id}-all", marks=[slow, nightly])
                continue
            turn = SOME.index(command) % 2 if command in SOME else None
            if turn == (number // 2) % 2:
                yield pytest.param(fault, command, 7, id=id, marks=[slow, servers])
            yield pytest.param(fault, command, 1, id=f"{id}-all", marks=[slow, servers, nightly])


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A prepared bank in a file."""
    path = tmp_path_factory.mktemp("faults") / "bank.db"
    prepared(f"sqlite:///{path}")
    return path


@pytest.fixture
def fresh(
    request: pytest.FixtureRequest, template: Path, tmp_path: Path
) -> Iterator[Callable[[], str]]:
    """Makes a prepared bank of the kind that the fault is for, as often as it is asked."""
    kind = FAULTS[request.node.callspec.params["fault"]][0]
    made: list[str] = []

    def make() -> str:
        if kind == "sqlite":
            path = shutil.copy(template, tmp_path / f"{len(made)}.db")
            made.append(f"sqlite:///{path}")
        else:
            made.append(new_database(kind))
            prepared(made[-1])
        return made[-1]

    yield make
    if kind != "sqlite":
        for url in made:
            drop_database(url)


def looked(url: str) -> tuple[int, bool]:
    """Where the journal stands, by a connection of its own, and whether all is well."""
    with timebank.open(url, create=False) as bank:
        report = bank.audit()
        return bank.head().sequence, report.ok


@pytest.mark.parametrize(("fault", "command", "stride"), [*cases()])
def test_every_statement_of_every_command(
    fault: str, command: str, stride: int, fresh: Callable[[], str]
) -> None:
    """It fails as it should, until there is no statement left to fail.

    Where a server is gone before a transaction begins, another connection is made and the call
    is done: then the next statement fails on a bank that is fresh.
    """
    kind, fire, after = FAULTS[fault]
    trap, tried = Trap(fire), list[int]()
    call = COMMANDS[command]
    number = 1
    while not tried or trap.fired:
        tried += failing_from(number, fresh(), trap, kind, call, stride=stride, after=after)
        number = tried[-1] + stride
    last = tried.pop() - trap.unused
    if last not in tried:
        failing_from(last, fresh(), trap, kind, call, stride=1, after=after)
    assert 3 < last


def failing_from(
    number: int,
    url: str,
    trap: Trap,
    kind: str,
    call: Callable[[TimeBank], object],
    *,
    stride: int,
    after: bool,
) -> list[int]:
    """Let one statement after the other fail until the call is done; the numbers of all."""
    before, tried = looked(url)[0], [number]
    with trapped(trap, kind), timebank.open(url, create=False, clock=lambda: NOW) as bank:
        bank.head()
        while True:
            trap.set(tried[-1], after=after)
            failure = failed(call, bank)
            trap.unused, trap.left = trap.left, 0
            if failure is None:
                break
            assert isinstance(failure, StoreError | Retryable | OutcomeUnknown), failure
            if looked(url)[0] != before:
                assert isinstance(failure, OutcomeUnknown), (trap.fired, failure)
                break
            assert "fund" == bank.account("fund").kind
            tried.append(tried[-1] + stride)
        call(bank)
        done, well = looked(url)
        assert (True, call is not TimeBank.rebuild) == (well, done > before)
        bank.transfer(earner="m3", spender="m2", hours="1m", limits="unchecked")
    assert looked(url)[1]
    return tried


def failed(call: Callable[[TimeBank], object], bank: TimeBank) -> TimebankError | None:
    """The error of a call, if it has one; any that is not ours goes through."""
    try:
        call(bank)
    except TimebankError as error:
        return error
    return None


@pytest.mark.slow
@pytest.mark.parametrize(
    "command",
    [
        pytest.param(command, marks=[] if command in SOME else [pytest.mark.nightly])
        for command in COMMANDS
    ],
)
def test_a_kill_at_every_statement_of_every_command(
    command: str, template: Path, tmp_path: Path
) -> None:
    """What was begun is there whole or not at all, and the next call completes it."""
    path = tmp_path / "bank.db"
    url = f"sqlite:///{path}"
    shutil.copy(template, path)
    before = looked(url)[0]
    COMMANDS[command](timebank.open(url, clock=lambda: NOW))
    whole = looked(url)[0]

    def dying(number: int, say: Callable[[str], None]) -> None:
        trap = Trap(lambda _: os._exit(0))
        with trapped(trap, "sqlite"):
            bank = timebank.open(url, create=False, clock=lambda: NOW)
            bank.head()
            trap.set(number, after=False)
            COMMANDS[command](bank)
            say("done")

    number, told = 0, list[str]()
    while told != ["done"]:
        number += 1
        for beside in tmp_path.iterdir():
            beside.unlink()
        shutil.copy(template, path)
        (told,) = in_processes(dying, [number])
        found, well = looked(url)
        assert well
        assert found in {before, whole}
    assert 3 < number


def test_a_disk_that_is_really_full(tmp_path: Path) -> None:
    """SQLite may take no page more: the call fails, the bank is as it was, and goes on later."""
    path = tmp_path / "bank.db"
    limit = 60

    class Bounded(sqlite3.Connection):
        def __init__(self, *arguments: Any, **options: Any) -> None:
            super().__init__(*arguments, **options)
            self.execute(f"PRAGMA max_page_count = {limit}")

    real = sqlite3.connect
    with mock.patch.object(sqlite3, "connect", lambda *a, **o: real(*a, **o, factory=Bounded)):
        bank = timebank.open(f"sqlite:///{path}", clock=lambda: NOW)
        bank.open_account("m1")
        bank.open_account("m2", floor=None)
        done = 0
        with pytest.raises(StoreError, match="the disk is full"):
            for number in range(1000):
                note = "x" * 900
                bank.transfer(earner="m1", spender="m2", hours=1, id=f"t{number}", note=note)
                done += 1
        assert 10 < done
        assert done == len(list(bank.transfers()))
        assert bank.audit().ok
        with pytest.raises(StoreError, match="the disk is full"):
            bank.transfer(earner="m1", spender="m2", hours=1, id=f"t{done}", note="x" * 9000)
        bank.close()
    with timebank.open(f"sqlite:///{path}") as bank, closing(sqlite3.connect(path)):
        bank.transfer(earner="m1", spender="m2", hours=1, id=f"t{done}", note="x" * 9000)
        assert bank.audit().ok
