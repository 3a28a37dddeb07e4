"""Every call ends: whatever a server, a network, a pooler or a name service does not do."""

from __future__ import annotations

import os
import signal
import socket
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest
import sqlalchemy

import timebank
from servers import (
    ON_SERVERS,
    SERVERS,
    Bouncer,
    drop_database,
    mariadb,
    new_database,
    pgbouncer_program,
    postgresql,
)
from storage.proxy import Proxy
from support import fill
from timebank import OutcomeUnknown, StoreBusy, StoreError, TimeBank, TimebankError, Unavailable
from timebank.storage import migrate_store
from timebank.storage.server import limits, rows
from timebank.storage.server.connecting_psycopg import LimitedConnection
from timebank.storage.server.store import open_sql

#: How much later than its limit a call may end on a machine that has much else to do.
SLACK_SECONDS = 25.0
#: Limits in a URL: to connect, and for one answer.
SMALL = "connect_timeout=2&read_timeout=1"


def ended(call: Callable[[], object], seconds: float) -> Exception | None:
    """Return how a call has ended, which it has to within a limit and some more.

    It runs in a thread of its own, so that the test ends in any case.
    """
    told: list[Exception | None] = []

    def run() -> None:
        try:
            call()
        except Exception as error:  # noqa: BLE001 - the test looks at it
            told.append(error)
        else:
            told.append(None)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(seconds + SLACK_SECONDS)
    if thread.is_alive():
        where = traceback.format_stack(sys._current_frames()[thread.ident or 0])
        pytest.fail(f"not ended after {seconds + SLACK_SECONDS:g} s:\n{''.join(where)}")
    return told[0]


def move(bank: TimeBank, id: str | None = None) -> None:
    """A minute from the family to the member."""
    bank.transfer(earner="m1", spender="f1", hours="0:01", id=id)


# -- limits ---------------------------------------------------------------------------------


def test_limits_are_those_of_the_url() -> None:
    """Without a word of it ours; long work has never less than the rest, a lock never as much."""
    assert limits.Limits(10, 60, 3600) == limits.limits_of({})
    found = limits.limits_of({"connect_timeout": 0, "read_timeout": 7200})
    assert (limits.Limits(130, 7200, 7200), 30) == (found, found.lock_seconds(30))
    small = limits.limits_of({"read_timeout": 2, "long_read_timeout": 9})
    assert (limits.Limits(10, 2, 9), 1.5) == (small, small.lock_seconds(30))


def test_a_connection_of_a_host_has_its_own_limits() -> None:
    """Nothing is set on it, whatever attributes it has."""

    class Theirs:
        limits = 5
        limit_seconds = 7.0

    theirs = Theirs()
    limits.be_patient(theirs)
    limits.be_ordinary(theirs)
    with limits.patience(theirs):
        assert 7.0 == theirs.limit_seconds
    with limits.patience(object()):
        pass


def test_a_name_is_looked_up_for_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    """A resolver that does not answer is not waited for; an address asks nobody."""
    asked = threading.Event()
    real = socket.getaddrinfo

    def getaddrinfo(host: str, *rest: Any, **options: Any) -> Any:
        if options.get("flags", 0) & socket.AI_NUMERICHOST:
            return real(host, *rest, **options)
        asked.wait()
        raise OSError

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    for host in ("127.0.0.1", "::1"):
        assert [host] == limits.addresses(host, 5432, 0.0)
    try:
        for server in SERVERS:
            url = f"{server}://u@bank.example/d?connect_timeout=2"
            assert type(ended(lambda url=url: timebank.open(url), 2)) is Unavailable  # type: ignore[misc]  # as above
    finally:
        asked.set()


def test_a_host_that_nobody_knows(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is left out where another one is known, and `Unavailable` where none is."""

    def getaddrinfo(host: str, port: Any, **options: Any) -> Any:
        if host == "two.example" and not options.get("flags"):
            return [(None, None, None, "", (address, port)) for address in ("192.0.2.1", "::7")]
        raise socket.gaierror(socket.EAI_NONAME, "not known")

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    given: list[dict[str, Any]] = []

    def connect(**arguments: Any) -> None:
        given.append(arguments)
        raise psycopg.OperationalError

    monkeypatch.setattr(LimitedConnection, "connect", connect)
    with pytest.raises(Unavailable):
        timebank.open("postgresql://u@one.example:1,two.example:2,%2Frun%2Fx/d")
    expected = {
        "host": "two.example,two.example,/run/x",
        "hostaddr": "192.0.2.1,::7,",
        "port": "2,2,",
    }
    assert [expected] == [{name: found[name] for name in expected} for found in given]
    for server in SERVERS:
        with pytest.raises(Unavailable, match=r"not found|Can't connect"):
            timebank.open(f"{server}://u@one.example/d")
    assert 1 == len(given)


@contextmanager
def black_hole(path: Path | None = None) -> Iterator[int]:
    """A listener that accepts, and never says a word; its port."""
    family = socket.AF_INET if path is None else socket.AF_UNIX
    with socket.socket(family) as listener:
        listener.bind(("127.0.0.1", 0) if path is None else str(path))
        listener.listen()
        yield 0 if path is not None else listener.getsockname()[1]


@pytest.mark.parametrize(
    ("is_local", "server"),
    [
        pytest.param(True, "postgresql", id="socket-postgresql"),
        pytest.param(False, "mariadb", id="port-mariadb"),
        pytest.param(False, "postgresql", id="port-postgresql", marks=pytest.mark.nightly),
        pytest.param(True, "mariadb", id="socket-mariadb", marks=pytest.mark.nightly),
    ],
)
def test_a_server_that_accepts_and_says_nothing(
    server: str, tmp_path_factory: pytest.TempPathFactory, *, is_local: bool
) -> None:
    """`Unavailable`, within the limit of connecting."""
    folder = Path(os.path.realpath(tmp_path_factory.mktemp("b")))
    name = ".s.PGSQL.5432" if server == "postgresql" else "s"
    with black_hole(folder / name if is_local else None) as port:
        url = f"{server}://u@127.0.0.1:{port}/d?connect_timeout=2"
        if is_local and server == "postgresql":
            url = f"{server}://u@/d?host={folder}&connect_timeout=2"
        elif is_local:
            url = f"{server}://u@localhost/d?unix_socket={folder / name}&connect_timeout=2"
        assert type(ended(lambda: timebank.open(url), 2)) is Unavailable


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        ("connection timeout expired", Unavailable),
        ('connection to server at "db", port 5432 failed: Connection refused', Unavailable),
        ("FATAL:  sorry, too many clients already", Unavailable),
        ("FATAL:  the database system is starting up", Unavailable),
        ("connection failed: session is read-only", Unavailable),
        ("connection failed: server is in hot standby mode", Unavailable),
        ("PANICO: qualcosa", Unavailable),
        ('FATAL:  password authentication failed for user "u"', StoreError),
        ("fe_sendauth: no password supplied", StoreError),
        ('FATAL:  role "u" does not exist', StoreError),
        ('FATAL:  database "d" does not exist', StoreError),
        ('FATAL:  no pg_hba.conf entry for host "::1"', StoreError),
        ("server does not support SSL, but SSL was required", StoreError),
        ('root certificate file "x" does not exist', StoreError),
    ],
)
def test_what_an_error_of_connecting_is(said: str, kind: type[TimebankError]) -> None:
    """It has no SQLSTATE: what no waiting mends is told by its words, and the rest passes."""
    from timebank.storage.server.postgres import PostgreSql

    assert kind is type(PostgreSql().translated(psycopg.OperationalError(said), "here"))


# -- servers --------------------------------------------------------------------------------


@pytest.fixture(params=ON_SERVERS)
def url(request: pytest.FixtureRequest) -> Iterator[str]:
    """A database with a bank in it."""
    made = new_database(request.param)
    with timebank.open(made) as bank:
        fill(bank)
    yield made
    drop_database(made)


@contextmanager
def through(url: str, folder: Path) -> Iterator[tuple[Proxy, str]]:
    """A wire to a server, and the URL of a database through it, with small limits."""
    folder = Path(os.path.realpath(folder))
    if url.startswith("postgresql"):
        path, target = folder / ".s.PGSQL.5432", postgresql() / ".s.PGSQL.5432"
        option = f"host={folder}"
    else:
        path, target = folder / "s", mariadb()
        option = f"unix_socket={path}"
    with Proxy(path, target) as wire:
        yield wire, f"{url.partition('?')[0]}?{option}&{SMALL}"


@contextmanager
def stopped(url: str) -> Iterator[None]:
    """The server of this process of the tests, stopped: it keeps its sockets and says nothing."""
    if url.startswith("postgresql"):
        postmaster = int((postgresql() / ".s.PGSQL.5432.lock").read_text().split()[0])
        children = Path(f"/proc/{postmaster}/task/{postmaster}/children").read_text().split()
        pids = [postmaster, *map(int, children)]
    else:
        pids = [int((mariadb().parent / "pid").read_text())]
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)


def test_a_server_that_is_stopped(url: str) -> None:
    """A call on a connection that was made, and one that has to make one; then all goes on."""
    with timebank.open(f"{url}&{SMALL}") as bank, timebank.open(f"{url}&{SMALL}") as other:
        with stopped(url):
            calls = [
                lambda: move(bank, "t1"),
                lambda: other.balance("m1"),
                lambda: timebank.open(f"{url}&{SMALL}"),
            ]
            with ThreadPoolExecutor(len(calls)) as pool:
                told = list(pool.map(lambda call: ended(call, 1 + 2 + 1), calls))
            assert [Unavailable] * 3 == list(map(type, told)), told
        before = bank.head().sequence
        move(bank, "t1")
        assert before + 1 == other.head().sequence


def swallowing(url: str, folder: Path, word: bytes, *, heard: bool) -> Exception | None:
    """How a call ends whose message is swallowed, or its answer; the same call then tells."""
    with through(url, folder) as (wire, small), timebank.open(small, bank=folder.name) as bank:
        fill(bank)
        before = bank.head().sequence
        wire.mute_at(word, after=heard)
        error = ended(lambda: move(bank, "t1"), 3)
        assert 1 == wire.cuts
        assert "t1" == getattr(error, "id", "t1")
        wire.cut_all()  # the server notices that nobody is there
        move(bank, "t1")
        assert before + 1 == bank.head().sequence
        return error


def test_a_network_that_swallows_what_is_said(
    url: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Before the commit it is `Unavailable`, at it `OutcomeUnknown`.

    At the beginning of a transaction another connection is made, which finds the bank free, or
    locked by the one that was left.
    """
    first = (type(None), StoreBusy)
    cases: dict[bytes, tuple[type[object], ...]] = {
        rb"BEGIN|START TRANSACTION": first,
        rb"FOR UPDATE": (*first, Unavailable),
        # PostgreSQL is told to write and to commit by one message.
        rb"INSERT INTO timebank_records": (
            OutcomeUnknown if url.startswith("postgresql") else Unavailable,
        ),
        rb"COMMIT(\0|$)": (OutcomeUnknown,),
    }
    every = [(word, heard) for word in cases for heard in (False, True)]
    folders = [tmp_path_factory.mktemp("w") for _ in every]
    with ThreadPoolExecutor(len(every)) as pool:
        told = pool.map(
            lambda folder, case: swallowing(url, folder, case[0], heard=case[1]), folders, every
        )
        for (word, heard), error in zip(every, told, strict=True):
            assert type(error) in cases[word], (word, heard, error)


def silent_after(url: str, folder: Path, messages: int) -> None:
    """Open a bank and write to it, on a wire that passes some messages and no more."""
    with timebank.open(url, bank=folder.name) as direct:
        fill(direct)
        before = direct.head().sequence
        with through(url, folder) as (wire, small):
            opened: list[TimeBank] = []
            wire.mute_after(messages)
            open_it = ended(
                lambda: opened.append(timebank.open(small, bank=folder.name, create=False)), 5
            )
            if not opened:
                assert type(open_it) is Unavailable, open_it
                return
            error = ended(lambda: move(opened[0], "t1"), 5)
            wire.cut_all()
            with direct.store.writer(folder.name):  # what was under way has ended
                is_there = direct.head().sequence > before
            opened[0].close()
        if isinstance(error, OutcomeUnknown):
            return
        assert isinstance(error, Unavailable | StoreBusy | None), error
        assert (error is None) == is_there


@pytest.mark.nightly
@pytest.mark.parametrize("step", [8, 1])
def test_a_network_that_is_silent_from_some_message_on(
    url: str, tmp_path_factory: pytest.TempPathFactory, step: int
) -> None:
    """From any message on, of an opening and of a call: each ends, and nothing is told falsely."""
    with ThreadPoolExecutor(5) as pool:
        every = [
            pool.submit(silent_after, url, tmp_path_factory.mktemp("s"), number)
            for number in range(0, 40, step)
        ]
        for case in every:
            case.result()


def test_an_answer_that_comes_too_late(url: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    """It is read by nobody: its connection is closed, and another one made."""
    with through(url, tmp_path_factory.mktemp("w")) as (wire, small), timebank.open(small) as bank:
        before, connections = bank.head().sequence, wire.connections
        wire.slow_at(rb"FOR UPDATE", 1.6)
        assert type(ended(lambda: move(bank, "t1"), 2)) is Unavailable
        wire.slow_at(rb"\Znothing", 0)
        time.sleep(0.8)
        move(bank, "t2")
        assert before + 1 == bank.head().sequence
        assert wire.connections > connections


LONG = rb"DELETE FROM timebank_postings|sum\("


@pytest.mark.nightly
def test_work_on_all_of_a_bank_may_take_long(
    url: str, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Sums, whole-table checks, a rebuild, many rows; a store says how long that may be."""
    monkeypatch.setattr(rows, "MANY_ROWS", 4)
    with through(url, tmp_path_factory.mktemp("w")) as (wire, small), timebank.open(small) as bank:
        wire.slow_at(LONG, 1.2)
        with bank.store.reader("main") as reader:
            reader.totals("m1")
        assert bank.audit().ok
        bank.rebuild()
        wire.slow_at(rb"COMMIT(\0|$)", 1.2)
        with bank.batch() as batch:
            for _ in range(2):
                batch.transfer(earner="m1", spender="f1", hours="0:01")
        error = ended(lambda: move(bank, "t1"), 1)
        assert type(error) is OutcomeUnknown
        wire.slow_at(LONG, 2.4)
        with timebank.open(f"{small}&long_read_timeout=2") as short:
            assert type(ended(short.rebuild, 4)) is Unavailable


@pytest.mark.servers
def test_tables_may_take_long_to_be_made(tmp_path_factory: pytest.TempPathFactory) -> None:
    """A migration waits for each table as long as for other work on all of them."""
    made = new_database("postgresql")
    with through(made, tmp_path_factory.mktemp("w")) as (wire, small):
        wire.slow_at(rb"CREATE TABLE IF NOT EXISTS timebank_records", 1.4)
        assert ["0001_ledger", "guards"] == migrate_store(small)
    drop_database(made)


# -- locks, replicas, poolers ---------------------------------------------------------------


@pytest.mark.parametrize("what", ["row", "table"])
def test_a_lock_that_nobody_returns(url: str, what: str) -> None:
    """It is `StoreBusy`, told by the server, before it is taken for dead."""
    engine = sqlalchemy.create_engine(url)
    postgres = url.startswith("postgresql")
    with timebank.open(f"{url}&read_timeout=2") as bank, engine.connect() as other:
        if what == "row":
            other.exec_driver_sql("SELECT * FROM timebank_banks FOR UPDATE")
        elif postgres:
            other.exec_driver_sql("LOCK TABLE timebank_records IN ACCESS EXCLUSIVE MODE")
        else:
            other.exec_driver_sql("LOCK TABLES timebank_records WRITE")
        assert type(ended(lambda: move(bank, "t1"), 2)) is StoreBusy
        if what == "row":
            bank.balance("m1")  # who reads waits for nobody
        other.exec_driver_sql("ROLLBACK" if postgres else "UNLOCK TABLES")
        other.rollback()
        move(bank, "t1")
    engine.dispose()


@pytest.mark.servers
def test_a_standby_that_never_confirms() -> None:
    """The commit is of unknown outcome, and who comes next finds the bank locked."""
    made = new_database("postgresql")
    with timebank.open(made) as bank:
        fill(bank)
    options: Any = {"host": str(postgresql()), "user": "postgres", "autocommit": True}
    with psycopg.connect(**options) as admin:
        admin.execute("SET synchronous_commit = local")

        def wait_for(standby: str) -> None:
            admin.execute(f"ALTER SYSTEM SET synchronous_standby_names = '{standby}'")
            admin.execute("SELECT pg_reload_conf()")
            for _ in range(600):
                (shown,) = admin.execute("SHOW synchronous_standby_names").fetchone() or ("",)
                if shown == standby:
                    break
                time.sleep(0.01)

        with timebank.open(f"{made}&{SMALL}") as bank, timebank.open(f"{made}&{SMALL}") as other:
            before = bank.head().sequence
            wait_for("nobody")
            try:
                error = ended(lambda: move(bank, "t1"), 1)
                assert (OutcomeUnknown, "t1") == (type(error), getattr(error, "id", None))
                assert type(ended(lambda: move(other, "t2"), 1)) is StoreBusy
            finally:
                wait_for("")
            move(bank, "t1")
            assert before + 1 == bank.head().sequence
    drop_database(made)


@pytest.mark.servers
def test_a_pooler_that_never_answers() -> None:
    """PgBouncer, stopped, with a connection that it knows and for one that it does not."""
    if pgbouncer_program() is None:
        assert os.environ.get("TIMEBANK_PGBOUNCER") != "required", "pgbouncer is not installed"
        pytest.skip("PgBouncer is not installed: the package pgbouncer has it")
    made = new_database("postgresql")
    with Bouncer(made) as running, timebank.open(f"{running.url}&{SMALL}") as bank:
        fill(bank)
        process = running._process
        assert process is not None
        process.send_signal(signal.SIGSTOP)
        try:
            assert type(ended(lambda: move(bank, "t1"), 3)) is Unavailable
            assert type(ended(lambda: timebank.open(f"{running.url}&{SMALL}"), 2)) is Unavailable
        finally:
            process.send_signal(signal.SIGCONT)
        before = bank.head().sequence
        move(bank, "t1")
        assert before + 1 == bank.head().sequence
    drop_database(made)


def test_what_is_opened_to_read_makes_no_tables(url: str) -> None:
    """Though somebody asks a store for it without asking the server."""
    store = open_sql(url, create=True, read_only=True)
    for refused in (store.check_writable, lambda: store.make_bank("x", journal="j")):
        with pytest.raises(StoreError, match="opened with read_only"):
            refused()
    store.close()
    empty = new_database(url.partition("+")[0])
    with pytest.raises(StoreError, match="opened with read_only"):
        open_sql(empty, create=True, read_only=True)
    drop_database(empty)


def test_a_connection_has_the_limits_of_its_store(url: str) -> None:
    """As the URL says."""
    with timebank.open(f"{url}&read_timeout=7") as bank, bank.store.reader("main") as reader:
        connection = reader.transaction().connection  # type: ignore[attr-defined]  # that of a server
        assert (7, 7) == (connection.limit_seconds, connection.limits.read_seconds)
