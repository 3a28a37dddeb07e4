"""A host's savepoints and ours, one within the other, whatever the host does with its own."""

from __future__ import annotations

import itertools
import os
import signal
import sqlite3
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, suppress
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("django", reason="the hosts need the extra timebank[dev]")

import psycopg

import timebank
from bank.hosts import (
    COUNT,
    HOSTS_AT_LENGTH,
    AlchemySession,
    Host,
    Psycopg,
    PyMySqlMariaDb,
    Sqlite3,
)
from timebank import Hours, InvalidRequest, StoreBusy
from timebank.model import TextRow
from timebank.storage.joined.savepoints import BatchSavepoint
from timebank.storage.joined.store import JoinedStore
from timebank.storage.protocol import Batch, Writer

#: Hosts that run statements of their own: one of each kind of database.
RAW = (
    Sqlite3,
    pytest.param(Psycopg, marks=pytest.mark.servers),
    pytest.param(PyMySqlMariaDb, marks=pytest.mark.servers),
)
SERVERS = RAW[1:]


#: How a call says no.
REFUSAL = timebank.AccountNotFound("m9")


class Failing(Exception):
    """What goes wrong in the host."""


@pytest.fixture(params=HOSTS_AT_LENGTH, ids=lambda kind: kind.__name__)
def host(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Host]:
    """A host with a table of its own, and a bank beside it in which two accounts are committed."""
    made = request.param(tmp_path)
    with timebank.open(made.url) as alone:
        alone.open_account("m1")
        alone.open_account("f1", kind="group")
    yield made
    made.close()


@pytest.fixture
def bank(host: Host) -> timebank.TimeBank:
    """The joined bank."""
    return timebank.join(host.handle)


@pytest.fixture
def store(bank: timebank.TimeBank) -> JoinedStore:
    """Its store."""
    assert isinstance(bank.store, JoinedStore)
    return bank.store


def put(writer: Writer, field: str) -> None:
    """Append a row that is seen by its field: what a call of ours writes."""
    writer.append(Batch(texts=[TextRow(1, field, bytes(16), "text")]))


def call(store: JoinedStore, savepoint: BatchSavepoint, field: str) -> None:
    """Write as a call of a batch does: in a savepoint of its own, within that of the batch."""
    with store.writer("main", within=savepoint) as writer:
        put(writer, field)


def there(store: JoinedStore) -> set[str]:
    """The fields that the host's transaction sees."""
    with store.reader("main") as reader:
        return {row.field for row in reader.texts(after=0, through=1)}


def count(host: Host) -> int:
    """How many rows of the host there are, as its transaction sees it."""
    row = host.run(COUNT)
    (found,) = row.values() if isinstance(row, dict) else row
    return int(found)


def begun(store: JoinedStore) -> BatchSavepoint:
    """The savepoint of a batch that has begun."""
    savepoint = store.batch_savepoint("main")
    savepoint.begin()
    return savepoint


def left(block: AbstractContextManager[Any], error: Exception | None = None) -> None:
    """Leave a block of the host that was entered by hand, by an error of its own or without."""
    if error is None:
        block.__exit__(None, None, None)
        return
    with suppress(Failing):  # some let it pass, and some raise it again
        block.__exit__(type(error), error, None)


def entered(block: AbstractContextManager[Any]) -> AbstractContextManager[Any]:
    """Enter a block of the host by hand."""
    block.__enter__()
    return block


# -- reads and previews ------------------------------------------------------------


def test_a_reader_undoes_nothing(host: Host, bank: timebank.TimeBank, store: JoinedStore) -> None:
    """What the host writes within a read that fails, or within a preview, stays."""
    with host.transaction():
        with pytest.raises(Failing), store.reader("main") as reader:
            assert 2 == reader.head().sequence
            host.book("b1")
            raise Failing
        with bank.preview() as preview:
            preview.transfer(earner="m1", spender="f1", hours=1)
            host.book("b2")
        assert Hours(0) == bank.balance("m1").posted
    assert 2 == host.booked()


def test_a_reader_lives_through_the_hosts_savepoints(host: Host, bank: timebank.TimeBank) -> None:
    """The host rolls back to a savepoint of its own while something is read, and reads go on."""
    with host.transaction():
        with pytest.raises(Failing), host.savepoint():
            bank.open_account("x")
            accounts = bank.accounts()
            assert "f1" == next(iter(accounts)).id
            raise Failing
        assert ["f1", "m1"] == [account.id for account in bank.accounts()]
        host.book("b1")
    assert 1 == host.booked()


def test_a_read_makes_no_bank(host: Host) -> None:
    """A bank that is not there is not found, and the host's transaction goes on."""
    other = timebank.join(host.handle, bank="other")
    with host.transaction():
        for reading in (other.head, lambda: other.balance("m1"), lambda: list(other.accounts())):
            with pytest.raises(timebank.BankNotFound):
                reading()
        assert ["main"] == list(other.store.banks())
        host.book("b1")
        other.open_account("m1")
        assert ["main", "other"] == list(other.store.banks())
    assert 1 == host.booked()


# -- one call ------------------------------------------------------------


def test_a_refusal_keeps_what_the_host_did_meanwhile(host: Host, store: JoinedStore) -> None:
    """A permission or a clock of the host may write: a refusal before ours does not undo that."""
    with host.transaction(), pytest.raises(timebank.AccountNotFound), store.writer("main"):
        host.book("b1")
        raise REFUSAL
    assert 1 == host.booked()


@pytest.mark.parametrize("error", [Failing(), KeyboardInterrupt(), StoreBusy("later")])
def test_another_error_undoes_the_call(
    host: Host, store: JoinedStore, error: BaseException
) -> None:
    """What is no refusal undoes all that was done in the call, and nothing else."""
    with host.transaction():
        host.book("b1")
        with pytest.raises(type(error)), store.writer("main") as writer:
            host.book("b2")
            put(writer, "note")
            raise error
        assert set() == there(store)
    assert 1 == host.booked()
    if isinstance(error, StoreBusy):
        assert "host" == error.scope


def test_a_refusal_after_a_row_undoes_the_row(host: Host, store: JoinedStore) -> None:
    """Half of a call is never left behind, though it ends by a refusal."""
    with host.transaction():
        with pytest.raises(timebank.AccountNotFound), store.writer("main") as writer:
            put(writer, "note")
            raise REFUSAL
        assert set() == there(store)


def test_a_dropped_call_is_undone_once(host: Host, store: JoinedStore) -> None:
    """To drop a call undoes it, at any time and twice; after its end nothing is undone."""
    with host.transaction():
        host.book("b1")
        block = store.writer("main")
        block.drop()
        put(block.__enter__(), "note")
        block.drop()
        block.drop()
        assert set() == there(store)
        with store.writer("main") as writer:
            put(writer, "name")
        block.drop()
        block.__exit__(None, None, None)
        with store.writer("main") as writer:
            put(writer, "reason")
        assert {"name", "reason"} == there(store)
    assert 1 == host.booked()


def test_a_call_is_not_locked_out_by_an_abandoned_one(host: Host, store: JoinedStore) -> None:
    """A block that nobody ended lets the next one begin as soon as it is gone."""
    with host.transaction():
        block = store.writer("main")
        block.__enter__()
        with pytest.raises(InvalidRequest, match="a batch is open on this thread"):
            store.writer("main").__enter__()
        del block
        with store.writer("main") as writer:
            put(writer, "note")
        assert {"note"} == there(store)


# -- a batch ------------------------------------------------------------


def test_a_batch_is_kept_or_undone_as_one(host: Host, store: JoinedStore) -> None:
    """Released, all of its calls stay; undone, none does; and what ended ends no second time."""
    with host.transaction():
        host.book("b1")
        savepoint = begun(store)
        call(store, savepoint, "note")
        call(store, savepoint, "name")
        assert {"note", "name"} == there(store)
        assert (True, False, False) == (savepoint.undo(), savepoint.undo(), savepoint.is_there())
        assert set() == there(store)
        savepoint = begun(store)
        call(store, savepoint, "reason")
        assert savepoint.is_there()
        assert (True, False, False) == (savepoint.release(), savepoint.undo(), savepoint.release())
        savepoint.drop()
        assert {"reason"} == there(store)
    assert 1 == host.booked()


def test_a_batch_stands_through_the_hosts_savepoints_within(host: Host, store: JoinedStore) -> None:
    """The host makes savepoints within it, keeps one and rolls back to another: it goes on."""
    with host.transaction():
        savepoint = begun(store)
        call(store, savepoint, "note")
        for error in (None, Failing()):
            block = entered(host.savepoint())
            call(store, savepoint, "name" if error is None else "reason")
            host.book("b1" if error is None else "b2")
            assert savepoint.is_there()
            left(block, error)
            assert savepoint.is_there()
        assert {"note", "name"} == there(store)
        call(store, savepoint, "reason")
        assert savepoint.release()
    assert 1 == host.booked()
    with host.transaction():
        assert {"note", "name", "reason"} == there(store)


@pytest.mark.parametrize("error", [None, Failing()], ids=["released", "rolled back"])
def test_a_batch_is_gone_with_a_savepoint_around_it(
    host: Host, store: JoinedStore, error: Exception | None
) -> None:
    """The host ends an older savepoint: the batch's is gone, and its end does nothing at all."""
    for calls in range(3):
        with suppress(Failing), host.transaction():
            host.book("b1")
            block = entered(host.savepoint())
            host.book("b2")
            savepoint = begun(store)
            for field in ("note", "name")[:calls]:
                call(store, savepoint, field)
                assert savepoint.is_there()
            left(block, error)
            assert not savepoint.is_there()
            kept = set() if error else set(("note", "name")[:calls])
            assert kept == there(store)
            with pytest.raises(InvalidRequest, match="a batch is open"):
                store.writer("main").__enter__()
            assert (False, False) == (savepoint.release(), savepoint.undo())
            savepoint.drop()
            with store.writer("main") as writer:
                put(writer, "reason")
            assert kept | {"reason"} == there(store)
            assert (1 if error else 2) == count(host)
            raise Failing
    assert 0 == host.booked()


@pytest.mark.parametrize("error", [None, Failing()], ids=["commit", "rollback"])
def test_a_batch_is_gone_with_its_transaction(
    host: Host, store: JoinedStore, error: Exception | None
) -> None:
    """The host ends its transaction in the middle, and begins another: nothing is done to that."""
    for number, ending in enumerate(("is_there", "release", "undo", "drop")):
        field = ("note", "name", "reason")[number % 3]
        first = entered(host.transaction())
        before = there(store) - {field}
        savepoint = begun(store)
        with suppress(timebank.Conflict):  # the fourth time it is there
            call(store, savepoint, field)
        left(first, error)
        assert not savepoint.is_there()
        with host.transaction():
            host.book(f"b{number}")
            assert not getattr(savepoint, ending)()
            assert not savepoint.undo()
            assert (set() if error else before | {field}) == there(store)
        assert number + 1 == host.booked()
    with host.transaction():
        savepoint = begun(store)
        assert savepoint.is_there()
        assert savepoint.release()


def test_a_batch_that_ends_without_a_transaction(host: Host, store: JoinedStore) -> None:
    """The host has committed, and has no transaction: the batch's end finds that out quietly."""
    with host.transaction():
        savepoint = begun(store)
        call(store, savepoint, "note")
    assert (False, False) == (savepoint.is_there(), savepoint.release())
    savepoint.drop()
    with host.transaction():
        assert {"note"} == there(store)


def test_a_bank_is_written_through_its_batch_alone(host: Host, store: JoinedStore) -> None:
    """A direct call is refused while a batch is open; another bank's, or a dead one, is not."""
    with host.transaction():
        savepoint = begun(store)
        for other in (store.writer("main").__enter__, store.batch_savepoint("main").begin):
            with pytest.raises(InvalidRequest, match="a batch is open on this thread"):
                other()
        with (
            store.writer("main", within=savepoint),
            pytest.raises(InvalidRequest, match="a batch is open"),
        ):
            store.writer("main", within=savepoint).__enter__()
        timebank.join(host.handle, bank="other").open_account("m1")
        assert savepoint.is_there()
        del savepoint
        with store.writer("main") as writer:
            put(writer, "note")
        assert {"note"} == there(store)


def test_a_batch_of_a_missing_bank_makes_it(host: Host) -> None:
    """The bank is made where that was asked; else it is not found, and the host goes on."""
    with host.transaction():
        absent = timebank.join(host.handle, bank="other", create=False).store
        assert isinstance(absent, JoinedStore)
        with pytest.raises(timebank.BankNotFound):
            absent.batch_savepoint("other").begin()
        made = timebank.join(host.handle, bank="other").store
        assert isinstance(made, JoinedStore)
        savepoint = made.batch_savepoint("other")
        savepoint.begin()
        assert savepoint.is_there()
        assert savepoint.release()
        assert ["main", "other"] == list(made.banks())
        host.book("b1")
    assert 1 == host.booked()


@pytest.mark.parametrize("host", RAW, indirect=True, ids=lambda kind: kind.__name__)
@pytest.mark.parametrize("statement", ["RELEASE SAVEPOINT", "ROLLBACK TO SAVEPOINT"])
def test_savepoints_that_end_out_of_order(host: Host, store: JoinedStore, statement: str) -> None:
    """An older one of the host's ends while it has a newer one: MariaDB does not tell that."""
    with host.transaction():
        host.run("SAVEPOINT older")
        savepoint = begun(store)
        host.run("SAVEPOINT newer")
        call(store, savepoint, "note")
        host.book("b1")
        host.run(f"{statement} older")
        assert (host.server == "mariadb") == savepoint.is_there()
        assert (False, False) == (savepoint.release(), savepoint.undo())
        assert ({"note"} if statement.startswith("RELEASE") else set()) == there(store)
        host.book("b2")
    assert (2 if statement.startswith("RELEASE") else 1) == host.booked()


@pytest.mark.parametrize("host", RAW, indirect=True, ids=lambda kind: kind.__name__)
def test_to_ask_changes_nothing(host: Host, store: JoinedStore) -> None:
    """Asked a hundred times, with savepoints of the host above: each is where it was."""
    with host.transaction():
        savepoint = begun(store)
        host.run("SAVEPOINT a")
        host.book("b1")
        host.run("SAVEPOINT b")
        host.book("b2")
        for _ in range(100):
            assert savepoint.is_there()
        host.run("ROLLBACK TO SAVEPOINT b")
        assert savepoint.is_there()
        host.run("RELEASE SAVEPOINT a")
        assert savepoint.is_there()
        assert savepoint.release()
    assert 1 == host.booked()


@pytest.mark.servers
@pytest.mark.parametrize("host", [Psycopg], indirect=True)
def test_a_statement_of_the_hosts_that_fails_in_a_batch(host: Host, store: JoinedStore) -> None:
    """Nothing but an end by undoing is left then, and that heals the host's transaction."""
    with host.transaction():
        host.book("b1")
        savepoint = begun(store)
        call(store, savepoint, "note")
        with pytest.raises(Exception, match="nothing"):
            host.run("SELECT nothing")
        for asking in (savepoint.is_there, savepoint.release):
            with pytest.raises(InvalidRequest, match="roll it back"):
                asking()
        assert savepoint.undo()
        assert set() == there(store)
    assert 1 == host.booked()


@pytest.mark.servers
@pytest.mark.parametrize("host", [Psycopg], indirect=True)
def test_a_failed_transaction_is_left_as_it_is(host: Host, store: JoinedStore) -> None:
    """The batch's savepoint is gone, and a statement failed since: the host's own heals."""
    with host.transaction():
        host.run("SAVEPOINT a")
        savepoint = begun(store)
        host.run("ROLLBACK TO SAVEPOINT a")
        with pytest.raises(Exception, match="nothing"):
            host.run("SELECT nothing")
        assert not savepoint.undo()
        host.run("ROLLBACK TO SAVEPOINT a")
        host.book("b1")
    assert 1 == host.booked()


# -- the standard library's driver, in each of its ways ----------------------------------------

MODES: list[dict[str, Any]] = [{"isolation_level": None}, {"isolation_level": "DEFERRED"}]
if sys.version_info >= (3, 12):
    MODES.append({"autocommit": False})


@pytest.mark.parametrize("mode", MODES, ids=str)
@pytest.mark.parametrize("ending", ["COMMIT", "ROLLBACK", "release", "rollback to"])
def test_sqlites_own_ways_to_begin(mode: dict[str, Any], ending: str, tmp_path: Path) -> None:
    """Whoever begins the transaction, a batch is gone when it ends, and with an older savepoint."""
    connection = sqlite3.connect(tmp_path / "host.db", **mode)
    if not connection.in_transaction:
        connection.execute("BEGIN")
    connection.execute("CREATE TABLE booking (id TEXT)")
    bank = timebank.join(connection)
    bank.open_account("m1")
    store = bank.store
    assert isinstance(store, JoinedStore)
    connection.commit()
    if not connection.in_transaction:
        connection.execute("BEGIN")
    connection.execute("INSERT INTO booking VALUES ('b1')")
    connection.execute("SAVEPOINT a")
    savepoint = begun(store)
    call(store, savepoint, "note")
    connection.execute("INSERT INTO booking VALUES ('b2')")
    changes = connection.total_changes
    assert savepoint.is_there()
    assert changes == connection.total_changes
    if ending in ("COMMIT", "ROLLBACK"):
        {"COMMIT": connection.commit, "ROLLBACK": connection.rollback}[ending]()
        if not connection.in_transaction:
            connection.execute("BEGIN")
    else:
        connection.execute(f"{ending} a")
    assert (False, False, False) == (savepoint.is_there(), savepoint.release(), savepoint.undo())
    kept = {"COMMIT": 2, "ROLLBACK": 0, "release": 2, "rollback to": 1}[ending]
    assert (kept,) == connection.execute("SELECT count(*) FROM booking").fetchone()
    bank.open_account("m2")
    connection.commit()
    connection.close()


def test_another_writer_is_no_savepoint_of_ours(tmp_path: Path) -> None:
    """After the host's commit another connection has the lock: the answer is no, not busy."""
    hosts = [sqlite3.connect(tmp_path / "host.db", isolation_level=None, timeout=0) for _ in "ab"]
    hosts[0].execute("BEGIN")
    store = timebank.join(hosts[0]).store
    assert isinstance(store, JoinedStore)
    savepoint = begun(store)
    hosts[0].execute("COMMIT")
    hosts[1].execute("BEGIN IMMEDIATE")
    hosts[0].execute("BEGIN")
    assert (False, False) == (savepoint.is_there(), savepoint.undo())
    for connection in hosts:
        connection.close()


def test_tables_that_a_rollback_took_away(tmp_path: Path) -> None:
    """The host rolls back past the call that made the tables: the batch is gone with them."""
    connection = sqlite3.connect(tmp_path / "host.db", isolation_level=None)
    connection.execute("BEGIN")
    connection.execute("SAVEPOINT a")
    store = timebank.join(connection).store
    assert isinstance(store, JoinedStore)
    savepoint = begun(store)
    assert savepoint.is_there()
    connection.execute("ROLLBACK TO a")
    assert (False, False) == (savepoint.is_there(), savepoint.release())
    assert [] == store.banks()
    connection.close()


@pytest.mark.parametrize("host", RAW, indirect=True, ids=lambda kind: kind.__name__)
def test_a_forked_child_leaves_the_savepoint_alone(host: Host, store: JoinedStore) -> None:
    """What a child inherits of a batch or a call is not there for it, and it undoes nothing."""
    with host.transaction():
        savepoint = begun(store)
        call(store, savepoint, "note")
        block = store.writer("main", within=savepoint)
        put(block.__enter__(), "name")
        child = os.fork()
        if child == 0:
            code = 1
            try:
                block.drop()
                found = (savepoint.is_there(), savepoint.release(), savepoint.undo())
                savepoint.drop()
                code = int(found != (False, False, False))
            finally:
                os._exit(code)
        assert 0 == os.waitpid(child, 0)[1]
        block.__exit__(None, None, None)
        assert savepoint.is_there()
        assert savepoint.release()
        assert {"note", "name"} == there(store)


def test_a_handle_that_leads_elsewhere(tmp_path: Path) -> None:
    """A session that has closed its transaction and begun another has another connection."""
    host = AlchemySession(tmp_path)
    timebank.join(host.handle)
    store = timebank.join(host.handle).store
    assert isinstance(store, JoinedStore)
    first = entered(host.transaction())
    savepoint = begun(store)
    left(first)
    host.handle.close()
    with host.engine.connect(), host.transaction():
        host.book("b1")
        assert (False, False) == (savepoint.is_there(), savepoint.undo())
    assert 1 == host.booked()
    host.close()


# -- Django's shapes of a transaction ------------------------------------------------------------


DJANGO = tuple(kind for kind in HOSTS_AT_LENGTH if "Django" in str(kind.values[0]))


@pytest.mark.parametrize("host", DJANGO, indirect=True, ids=lambda kind: kind.__name__)
def test_a_block_of_django_without_a_savepoint(host: Host, store: JoinedStore) -> None:
    """An inner block that is no savepoint ends nothing; if it fails, its outer one fails too."""
    from django.db import transaction

    with host.transaction():
        savepoint = begun(store)
        with transaction.atomic(using="host", savepoint=False):
            call(store, savepoint, "note")
            host.book("b1")
        assert savepoint.is_there()
        assert savepoint.release()
    assert 1 == host.booked()
    with host.transaction(), pytest.raises(InvalidRequest, match="atomic block"):
        savepoint = begun(store)
        with suppress(Failing), transaction.atomic(using="host", savepoint=False):
            call(store, savepoint, "name")
            raise Failing
        try:
            savepoint.is_there()
        finally:
            assert savepoint.undo()
    with host.transaction():
        assert {"note"} == there(store)


@pytest.mark.parametrize("host", DJANGO, indirect=True, ids=lambda kind: kind.__name__)
@pytest.mark.parametrize("fails", [False, True])
def test_a_request_of_django_that_is_a_transaction(
    host: Host, bank: timebank.TimeBank, store: JoinedStore, fails: bool
) -> None:
    """With ATOMIC_REQUESTS a view's calls are kept with its answer, and undone with its error."""
    from django.core.handlers.base import BaseHandler
    from django.db import connections, transaction

    def view(_request: object) -> str:
        host.book("b1")
        savepoint = begun(store)
        call(store, savepoint, "note")
        with suppress(Failing), transaction.atomic(using="host"):
            call(store, savepoint, "name")
            raise Failing
        assert savepoint.is_there()
        assert savepoint.release()
        bank.transfer(earner="m1", spender="f1", hours=1)
        if fails:
            raise Failing
        return "done"

    connections.settings["host"]["ATOMIC_REQUESTS"] = True
    handled: Callable[[object], str] = BaseHandler().make_view_atomic(view)
    if fails:
        with pytest.raises(Failing):
            handled(None)
    else:
        assert "done" == handled(None)
    with host.transaction():
        assert (set() if fails else {"note"}) == there(store)
        assert Hours(0 if fails else 1) == bank.balance("m1").posted
    assert (0 if fails else 1) == host.booked()


# -- within a statement ------------------------------------------------------------


@pytest.mark.parametrize("host", SERVERS, indirect=True, ids=lambda kind: kind.__name__)
def test_a_call_within_a_statement_is_refused(
    host: Host, bank: timebank.TimeBank, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As from a signal handler, while the host's statement or ours waits for the server."""
    owner = type(host.handle)
    name = "wait" if isinstance(host, Psycopg) else "_read_packet"
    real, told = getattr(owner, name), []

    def interrupted(*arguments: Any, **named: Any) -> Any:
        for reading in (bank.head, bank.batch().__enter__):
            try:
                reading()
            except InvalidRequest as error:
                told.append(str(error))
        return real(*arguments, **named)

    with host.transaction():
        with monkeypatch.context() as patch:
            patch.setattr(owner, name, interrupted)
            host.book("b1")
            assert {True} == {"a statement is under way" in message for message in told}
            told.clear()
            bank.transfer(earner="m1", spender="f1", hours=1)
            assert 10 <= len(told)
            refusals = ("a statement is under way", "a batch is open")
            assert all(any(words in message for words in refusals) for message in told)
        assert ["f1", "m1"] == [account.id for account in bank.accounts()]
        bank.open_account("x")
    assert 1 == host.booked()


# -- interrupts ------------------------------------------------------------


class _Interrupting:
    """Raises at one of the lines of our code that are run, counted from the first."""

    def __init__(self, at: int) -> None:
        self.at = at
        self.is_done = False

    def __call__(self, frame: Any, event: str, argument: object) -> Any:
        """Trace a frame of ours, and none of the tests' or the drivers'."""
        if "/timebank/storage/" not in frame.f_code.co_filename:
            return None
        if event == "line" and not self.is_done:
            self.at -= 1
            if self.at < 0:
                self.is_done = True
                raise KeyboardInterrupt
        return self


def interrupted(work: Callable[[], Any], at: int) -> bool:
    """Do the work, interrupted at one of its lines; return whether it ended before that."""
    interrupting = _Interrupting(at)
    before = sys.gettrace()
    sys.settrace(interrupting)
    try:
        work()
    except KeyboardInterrupt:
        assert interrupting.is_done
    finally:
        sys.settrace(before)
    return not interrupting.is_done


@pytest.fixture
def keyboard() -> Iterator[None]:
    """Ctrl-C interrupts, also where a shell has started the tests in its background."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.servers
@pytest.mark.usefixtures("keyboard")
@pytest.mark.parametrize("host", [Psycopg], indirect=True)
@pytest.mark.parametrize("kind", ["call", "batch"])
def test_a_signal_while_a_lock_is_waited_for(host: Host, store: JoinedStore, kind: str) -> None:
    """The driver cancels the statement: ours is undone, and the host's transaction goes on."""
    address = host.url.replace("+psycopg", "")
    waiting = "SELECT 1 FROM pg_stat_activity WHERE %s = ANY(pg_blocking_pids(pid))"

    def interrupt(other: psycopg.Connection[Any]) -> None:
        with psycopg.connect(address, autocommit=True) as looking:
            while not looking.execute(waiting, (other.info.backend_pid,)).fetchone():
                pass
        os.kill(os.getpid(), signal.SIGINT)

    with psycopg.connect(address) as other, host.transaction():
        other.execute("SELECT * FROM timebank_banks FOR UPDATE")
        host.book("b1")
        thread = threading.Thread(target=interrupt, args=(other,))
        thread.start()
        block: Any = store.writer("main") if kind == "call" else store.batch_savepoint("main")
        with pytest.raises(KeyboardInterrupt):
            block.__enter__() if kind == "call" else block.begin()
        thread.join()
        other.rollback()
        block.drop()
        with store.writer("main") as writer:
            put(writer, "note")
        host.book("b2")
    assert 2 == host.booked()


class Calling:
    """One call of the bank, as it is done and as it is dropped."""

    def __init__(self, store: JoinedStore) -> None:
        self.block = store.writer("main")
        self.drop = self.block.drop

    def work(self) -> None:
        """Write a row."""
        with self.block as writer:
            put(writer, "note")


class Refused(Calling):
    """A call that is refused."""

    def work(self) -> None:
        """Write nothing."""
        with suppress(timebank.AccountNotFound), self.block:
            raise REFUSAL


class Batching:
    """A batch of one call that is kept."""

    def __init__(self, store: JoinedStore) -> None:
        self.store = store
        self.block = store.batch_savepoint("main")
        self.inner: Any = None

    def work(self) -> None:
        """Begin, write, ask and release."""
        self.block.begin()
        self.inner = self.store.writer("main", within=self.block)
        with self.inner as writer:
            put(writer, "note")
        assert self.block.is_there()
        assert self.block.release()

    def drop(self) -> None:
        """As the bank does at the end of its block."""
        if self.inner is not None:
            self.inner.drop()
        self.block.drop()


class Undoing(Batching):
    """A batch that is undone."""

    def work(self) -> None:
        """Begin, write and undo."""
        self.block.begin()
        self.inner = self.store.writer("main", within=self.block)
        with self.inner as writer:
            put(writer, "note")
        assert self.block.undo()


class Dropping(Undoing):
    """A batch and a call that are dropped, and the dropping is what is interrupted."""

    def work(self) -> None:
        """Drop what was begun."""
        self.block.begin()
        self.inner = self.store.writer("main", within=self.block)
        put(self.inner.__enter__(), "note")
        self.drop()


@pytest.mark.parametrize(
    ("host", "step"),
    [
        (Sqlite3, 4),
        pytest.param(Sqlite3, 1, marks=pytest.mark.nightly),
        *(
            pytest.param(kind, step, marks=marks, id=f"{kind.__name__}-{step}")
            for kind in (Psycopg, PyMySqlMariaDb)
            for step, marks in (
                (60, [pytest.mark.servers]),
                (1, [pytest.mark.servers, pytest.mark.nightly]),
            )
        ),
    ],
    indirect=["host"],
)
@pytest.mark.parametrize("kind", [Calling, Refused, Batching, Undoing, Dropping])
def test_an_interrupt_at_any_line(
    host: Host, store: JoinedStore, kind: type[Any], step: int
) -> None:
    """Dropped, it is there wholly or not at all; the next one begins, and the host goes on."""
    for at in itertools.count(step=step):
        with suppress(Failing), host.transaction():
            host.book("b1")
            doing = kind(store)
            is_whole = interrupted(doing.work, at)
            doing.drop()
            doing.drop()
            name = doing.block._savepoint and doing.block._savepoint.name
            assert name is None or not store.connected().release(name)
            found = there(store)
            if is_whole:
                assert (set() if kind in (Refused, Undoing, Dropping) else {"note"}) == found
            assert found <= {"note"}
            with store.writer("main") as writer:
                put(writer, "name")
            savepoint = begun(store)
            host.book("b2")
            assert savepoint.release()
            assert 2 == count(host)
            raise Failing
        if is_whole:
            break
    assert 20 < at
