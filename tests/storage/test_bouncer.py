"""PostgreSQL behind PgBouncer in transaction mode: a session is another program's next."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from queue import Queue
from typing import Any

import psycopg
import psycopg2
import pytest

import timebank
from servers import (
    Bouncer,
    drop_database,
    new_database,
    pgbouncer_program,
    pgbouncer_version,
)
from storage.proxy import Proxy
from timebank import OutcomeUnknown, StoreBusy, StoreError, TimeBank, TimebankError, Unavailable
from timebank.audit import processes
from timebank.storage.server.postgres import PostgreSql
from timebank.storage.server.store import SqlStore, open_sql

pytestmark = pytest.mark.servers


@pytest.fixture
def direct() -> Iterator[str]:
    """A database without a pooler before it."""
    if pgbouncer_program() is None:
        assert os.environ.get("TIMEBANK_PGBOUNCER") != "required", "pgbouncer is not installed"
        pytest.skip("PgBouncer is not installed: the package pgbouncer has it")
    made = new_database("postgresql")
    yield made
    drop_database(made)


@pytest.fixture(params=[0, 100], ids=["unprepared", "prepared"])
def bouncer(request: pytest.FixtureRequest, direct: str) -> Iterator[Bouncer]:
    """One that knows nothing of prepared statements, and one that passes them on."""
    if request.param and pgbouncer_version() < (1, 21):
        pytest.skip("this PgBouncer is older than 1.21, which passes prepared statements on")
    with Bouncer(direct, prepared=request.param) as running:
        yield running


def fill(url: str) -> None:
    """A bank with six accounts."""
    with timebank.open(url) as bank:
        for number in range(4):
            bank.open_account(f"m{number}")
        bank.open_account("f1", kind="fund")


def settings(bouncer: Bouncer) -> list[tuple[str, ...]]:
    """What a host's own program finds on the sessions of the pool, each of them."""
    query = (
        "SELECT current_setting('lock_timeout'), current_setting('default_transaction_read_only'), "
        "current_setting('search_path'), (SELECT count(*)::text FROM pg_prepared_statements), "
        "current_setting('timebank.rebuild', true)"
    )
    first, second = (psycopg.connect(bouncer.address, prepare_threshold=None) for _ in range(2))
    with first, second:
        first.execute("BEGIN")
        second.execute("BEGIN")  # two at once have both sessions of the pool
        return [connection.execute(query).fetchone() or () for connection in (first, second)]


def test_writers_and_auditors_share_a_pool(bouncer: Bouncer) -> None:
    """Neither stops the other, the tables are made through it, and nothing is left behind."""
    before = settings(bouncer)
    assert {("0", "off", '"$user", public', "0")} == {found[:4] for found in before}
    fill(bouncer.url)
    with (
        timebank.open(bouncer.url) as bank,
        timebank.open(bouncer.url, read_only=True) as auditor,
    ):
        for number in range(12):  # more often than what is prepared after five
            bank.transfer(earner="m1", spender="f1", hours="0:01", id=f"t{number}")
            assert auditor.balance("m1").posted.seconds == 60 * (number + 1)
        bank.rebuild()
        assert auditor.audit().ok
        with bank.batch() as batch:
            batch.transfer(earner="m1", spender="f1", hours="0:01")
        for threshold in (bank, auditor):
            assert [None] == thresholds(threshold)
    after = settings(bouncer)
    assert before == [tuple(value or None for value in found) for found in after]


def thresholds(bank: TimeBank) -> list[int | None]:
    """After how many runs each kept connection prepares a statement."""
    store = bank.store
    assert isinstance(store, SqlStore)
    with store.reader("main") as reader:
        return [reader.transaction().cursor.connection.prepare_threshold]


def test_a_pooler_is_noticed_unless_the_url_says_what_to_do(direct: str) -> None:
    """Without one statements are prepared after five runs, with one never; a number is obeyed."""
    with Bouncer(direct) as running:
        for url, expected in (
            (direct, 5),
            (running.url, None),
            (f"{running.url}&prepare_threshold=none", None),
            (f"{direct}&prepare_threshold=none", None),
            (f"{direct}&prepare_threshold=2", 2),
            (f"{running.url}&prepare_threshold=7", 7),
        ):
            with timebank.open(url) as bank:
                assert [expected] == thresholds(bank)


def test_statements_that_must_not_be_prepared_say_what_to_write(direct: str) -> None:
    """Where the URL prepares them behind a pooler that does not know them."""
    if pgbouncer_version() >= (1, 21):
        pytest.skip("this PgBouncer knows them")
    with Bouncer(direct) as running:
        fill(running.url)
        url = f"{running.url}&prepare_threshold=0"
        with (
            timebank.open(url) as one,
            timebank.open(url) as other,
            pytest.raises(StoreError, match="prepare_threshold=none in the URL"),
        ):
            for bank in (one, other) * 4:
                bank.transfer(earner="m1", spender="f1", hours="0:01")


def test_four_clients_at_once(bouncer: Bouncer) -> None:
    """Each with a bank of its own, writing and reading: all is booked, once."""
    fill(bouncer.url)
    failed: list[TimebankError] = []

    def work(number: int) -> None:
        try:
            with timebank.open(bouncer.url, create=False) as bank:
                for turn in range(15):
                    bank.transfer(
                        earner=f"m{number}", spender="f1", hours="0:01", id=f"{number}-{turn}"
                    )
                    bank.balance(f"m{number}")
        except TimebankError as error:
            failed.append(error)

    clients = [threading.Thread(target=work, args=[number]) for number in range(4)]
    for client in clients:
        client.start()
    for client in clients:
        client.join()
    assert [] == failed
    with timebank.open(bouncer.url, read_only=True) as bank:
        assert ([15 * 60] * 4, True) == (
            [bank.balance(f"m{number}").posted.seconds for number in range(4)],
            bank.audit().ok,
        )


def test_a_pooler_that_is_killed_before_a_commit(
    direct: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is unknown what became of it; the same call tells, and books once."""
    with Bouncer(direct) as running:
        fill(running.url)
        with timebank.open(running.url) as bank:
            real = PostgreSql.commit_with

            def commit(dialect: PostgreSql, cursor: Any, append: str) -> tuple[bool, bool | None]:
                monkeypatch.undo()
                running.kill()
                return real(dialect, cursor, append)

            monkeypatch.setattr(PostgreSql, "commit_with", commit)
            with pytest.raises(OutcomeUnknown):
                bank.transfer(earner="m1", spender="f1", hours="0:01", id="t1")
            with pytest.raises(Unavailable):
                bank.balance("m1")
            running.start()
            assert 0 == bank.balance("m1").posted.seconds
            bank.transfer(earner="m1", spender="f1", hours="0:01", id="t1")
            assert (60, 6) == (bank.balance("m1").posted.seconds, bank.head().sequence)


def test_a_commit_whose_answer_the_pooler_loses(direct: str, tmp_path: Path) -> None:
    """It was booked, and the same call says so."""
    folder = Path(os.path.realpath(tmp_path))
    with (
        Bouncer(direct) as running,
        Proxy(folder / ".s.PGSQL.6432", running.folder / ".s.PGSQL.6432") as wire,
    ):
        fill(running.url)
        with timebank.open(running.url.replace(str(running.folder), str(folder))) as bank:
            wire.cut_at(rb"COMMIT(\0|$)", after=True)
            with pytest.raises(OutcomeUnknown):
                bank.transfer(earner="m1", spender="f1", hours="0:01", id="t1")
            bank.transfer(earner="m1", spender="f1", hours="0:01", id="t1")
            assert (60, 6) == (bank.balance("m1").posted.seconds, bank.head().sequence)


def test_a_pooler_that_dies_while_its_clients_write(direct: str) -> None:
    """Each call is done, refused or unknown; repeated with its id it is booked once."""
    with Bouncer(direct) as running:
        fill(running.url)
        told: Queue[int] = Queue()

        def work() -> None:
            with timebank.open(running.url, create=False) as bank:
                for turn in range(30):
                    for _ in range(1000):
                        with suppress(OutcomeUnknown, StoreBusy, Unavailable):
                            bank.transfer(earner="m1", spender="f1", hours="0:01", id=f"t{turn}")
                            break
                    told.put(turn)

        client = threading.Thread(target=work)
        client.start()
        while told.get(timeout=60) < 29:
            if told.qsize() < 2:
                running.kill()
                running.start()
        client.join()
    with timebank.open(direct) as bank:
        assert (30 * 60, 35, True) == (
            bank.balance("m1").posted.seconds,
            bank.head().sequence,
            bank.audit().ok,
        )


def test_a_host_keeps_its_own_settings(bouncer: Bouncer, direct: str) -> None:
    """A joined bank on a session of the pool writes, reads, and changes no setting of it."""
    fill(direct)
    with psycopg.connect(bouncer.address, prepare_threshold=None) as host:
        bank = timebank.join(host)
        for number in range(7):
            host.execute("SET LOCAL lock_timeout = 1234")
            bank.transfer(earner="m1", spender="f1", hours="0:01", id=f"t{number}")
            assert ("1234ms",) == host.execute("SHOW lock_timeout").fetchone()
            host.commit()
        assert bank.audit().ok
        host.rollback()
    with timebank.open(bouncer.url, read_only=True) as auditor:
        assert 7 * 60 == auditor.balance("m1").posted.seconds
    assert {("0", "off")} == {found[:2] for found in settings(bouncer)}


def test_a_host_on_psycopg_2(bouncer: Bouncer, direct: str) -> None:
    """It prepares nothing of itself, and a joined bank reads outside of its transactions too."""
    fill(direct)
    host = psycopg2.connect(bouncer.address)
    bank = timebank.join(host)
    for number in range(7):
        bank.transfer(earner="m1", spender="f1", hours="0:01", id=f"t{number}")
        host.commit()
    host.set_session(autocommit=True)
    assert (7 * 60, True) == (bank.balance("m1").posted.seconds, bank.audit().ok)
    host.close()
    assert {("0", "off")} == {found[:2] for found in settings(bouncer)}


def test_settings_of_the_url_hold_in_each_transaction(bouncer: Bouncer, direct: str) -> None:
    """A schema for each tenant, though the pooler passes no `options` on; nothing is left."""
    with psycopg.connect(direct.replace("+psycopg", ""), autocommit=True) as admin:
        for tenant in ("t1", "t2"):
            admin.execute(f"CREATE SCHEMA {tenant}")
    urls = [f"{bouncer.url}&options=-csearch_path%3D{tenant}" for tenant in ("t1", "t2")]
    one, other = (timebank.open(url) for url in urls)
    with one, other:
        one.open_account("a")
        other.open_account("b")
        assert [["a"], ["b"]] == [[a.id for a in bank.accounts()] for bank in (one, other)]
        assert one.audit().ok
        assert other.audit().ok
    assert {'"$user", public'} == {found[2] for found in settings(bouncer)}


def test_an_audit_in_two_processes(bouncer: Bouncer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each has a session of its own, and all of them find the same."""
    fill(bouncer.url)
    monkeypatch.setattr(processes, "START", 2)
    monkeypatch.setattr(processes, "EACH_ACCOUNT", 0)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(sys.path))
    real, asked = processes.Worker.__init__, []

    def started(worker: Any, *rest: Any) -> None:
        asked.append(rest)
        real(worker, *rest)

    monkeypatch.setattr(processes.Worker, "__init__", started)
    with timebank.open(bouncer.url, read_only=True) as bank:
        assert bank.audit(processes=2).ok
    assert 1 == len(asked)  # the audit takes the last stretch itself


@pytest.mark.parametrize("mode", ["session", "statement"])
def test_other_modes(direct: str, mode: str) -> None:
    """By the session all is well; by the statement it is refused, and nothing is written."""
    fill(direct)
    with Bouncer(direct, mode=mode) as running:
        if mode == "session":
            fill_once_more(running.url)
        else:
            with pytest.raises(StoreError, match="needs pool_mode = transaction, or session"):
                timebank.open(running.url)
            with pytest.raises(StoreError, match="needs pool_mode = transaction, or session"):
                timebank.open(running.url, bank="other", read_only=True)
    with timebank.open(direct) as bank:
        assert ((6 if mode == "session" else 5), True) == (bank.head().sequence, bank.audit().ok)


def test_a_pooler_that_has_nothing_free_is_busy(direct: str) -> None:
    """All its sessions are in use, or it takes no more clients: that passes."""
    fill(direct)
    with Bouncer(direct, query_wait_timeout="0.3") as running:
        bank = timebank.open(running.url)
        first, second = (psycopg.connect(running.address, prepare_threshold=None) for _ in "12")
        with bank, first, second:
            first.execute("SELECT 1")
            second.execute("SELECT 1")
            with pytest.raises(StoreBusy, match="the pooler had no connection free"):
                bank.balance("m1")
            first.rollback()
            assert 0 == bank.balance("m1").posted.seconds
    with (
        Bouncer(direct, max_client_conn=2) as running,
        timebank.open(running.url),
        timebank.open(running.url),
        pytest.raises(Unavailable, match="the pooler takes no more clients"),
    ):
        timebank.open(running.url)


def fill_once_more(url: str) -> None:
    """One record more."""
    with timebank.open(url) as bank:
        bank.transfer(earner="m1", spender="f1", hours="0:01")


def test_a_store_to_be_read_only_asks_no_server_before_it_refuses(direct: str) -> None:
    """`writer` and `make_bank` of it are refused though the server is gone."""
    store = open_sql(direct, create=True, read_only=False)
    store.close()
    closed = SqlStore(direct.replace("host=", "host=/nowhere"), read_only=True)
    for refused in (
        lambda: closed.writer("main"),
        lambda: closed.make_bank("other", journal="j1"),
    ):
        with pytest.raises(StoreError, match="opened with read_only"):
            refused()


def test_a_transaction_of_a_store_to_be_read_only_is_read_only(direct: str) -> None:
    """Whatever is tried in it, also by the transaction that looks at the version."""
    fill(direct)
    store = open_sql(direct, create=False, read_only=True)
    with store.reader("main") as reader:
        cursor = reader.transaction().cursor
        assert ("on",) == cursor.execute("SHOW transaction_read_only").fetchone()
    with store.transaction() as (_, transaction), pytest.raises(psycopg.Error):
        transaction.cursor.execute("DELETE FROM timebank_holds")
    store.close()


def test_a_session_that_another_program_left_read_only(direct: str) -> None:
    """Ours write all the same: each transaction says what it is."""
    with Bouncer(direct) as running:
        fill(running.url)
        first, second = (psycopg.connect(running.address, prepare_threshold=None) for _ in "12")
        with first, second:
            for other in (first, second):
                other.execute("SET default_transaction_read_only = on; SET lock_timeout = 1")
            first.commit()
            second.commit()
        fill_once_more(running.url)
        with timebank.open(direct) as bank:
            assert (6, True) == (bank.head().sequence, bank.audit().ok)
