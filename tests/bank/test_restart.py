"""A real server, restarted in the middle of a commit, or whose commits wait for a standby."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest

import timebank
from servers import own_postgresql
from timebank import Hours, OutcomeUnknown, Unavailable

if TYPE_CHECKING:
    import psycopg


@pytest.fixture(scope="module")
def server() -> Iterator[Any]:
    """A PostgreSQL server of these tests' own, which each leaves without a standby."""
    made = own_postgresql()
    yield made
    made.cleanup()


def admin(server: Any) -> psycopg.Connection:
    """Another hand at the server."""
    import psycopg

    return psycopg.connect(server.get_uri(), autocommit=True)


def let_commits_wait(server: Any) -> None:
    """From now on commits of new connections wait for a standby that will never answer."""
    with admin(server) as connection:
        connection.execute("ALTER SYSTEM SET synchronous_standby_names = 'nobody'")
        connection.execute("SELECT pg_reload_conf()")
    for _ in range(10_000):
        with admin(server) as connection:
            if connection.execute("SHOW synchronous_standby_names").fetchone() == ("nobody",):
                return
    pytest.fail("the server did not take up its setting")


def let_commits_go(server: Any) -> None:
    """From now on none waits, nor do those that do."""
    with admin(server) as connection:
        connection.execute("ALTER SYSTEM RESET synchronous_standby_names")
        connection.execute("SELECT pg_reload_conf()")


def wait_for_the_commit(server: Any) -> None:
    """Return when a commit is on disk, and waits."""
    sql = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep'"
    with admin(server) as connection:
        for _ in range(10_000):
            (waiting,) = connection.execute(sql).fetchone() or (0,)
            if waiting:
                return
    pytest.fail("no commit is waiting")


@pytest.mark.servers
def test_a_server_restarted_in_the_middle_of_a_commit(server: Any) -> None:
    """`OutcomeUnknown` with the id; the restarted server tells, and the hours moved once."""
    url = f"postgresql+psycopg://postgres@/postgres?host={server.get_postmaster_info().socket_dir}"
    with timebank.open(url) as bank:
        bank.open_account("m1")
        bank.open_account("f1")
    let_commits_wait(server)
    told: list[BaseException] = []
    with timebank.open(url) as bank:

        def move() -> None:
            try:
                bank.transfer(earner="m1", spender="f1", hours=1, id="t1")
            except OutcomeUnknown as error:
                told.append(error)

        thread = threading.Thread(target=move)
        thread.start()
        wait_for_the_commit(server)
        server.restart_at_once()
        thread.join()
        assert ["t1"] == [getattr(error, "id", None) for error in told]
        move()
        assert (3, Hours(1)) == (bank.head().sequence, bank.balance("m1").posted)
        assert () == bank.audit().findings


#: What ends the wait of a commit for its standby.
CANCEL = "pg_cancel_backend(pid)"
TERMINATE = "pg_terminate_backend(pid, 5000)"


def end_the_wait(server: Any, how: str) -> None:
    """End the wait of the commit that waits."""
    wait_for_the_commit(server)
    with admin(server) as connection:
        connection.execute(f"SELECT {how} FROM pg_stat_activity WHERE wait_event = 'SyncRep'")


def at_once(work: Callable[[], object]) -> tuple[threading.Thread, list[object]]:
    """Do work on another thread; what comes of it is in the list when that has ended."""
    told: list[object] = []

    def do() -> None:
        try:
            told.append(work())
        except OutcomeUnknown as error:
            told.append(error)

    thread = threading.Thread(target=do)
    thread.start()
    return thread, told


@pytest.mark.servers
@pytest.mark.parametrize(
    ("how", "options"),
    [
        pytest.param(CANCEL, "", id="cancel"),
        pytest.param(CANCEL, "&options=-cclient_min_messages%3Derror", id="cancel, unheard of"),
        pytest.param(TERMINATE, "", id="terminate"),
        # It is over by then: the server waits on.
        pytest.param(
            CANCEL,
            "&options=-cstatement_timeout%3D1000",
            id="statement_timeout",
            marks=pytest.mark.nightly,
        ),
    ],
)
def test_a_wait_for_a_standby_that_is_ended(server: Any, how: str, options: str) -> None:
    """It is unknown; a repeat finds it, and is not told so before its own commit has waited."""
    folder = server.get_postmaster_info().socket_dir
    url = f"postgresql+psycopg://postgres@/postgres?host={folder}{options}"
    with timebank.open(url, bank=how + options) as bank:
        bank.open_account("m1")
        bank.open_account("f1", floor=None)
    let_commits_wait(server)
    try:
        with timebank.open(url, bank=how + options) as bank:

            def move() -> object:
                return bank.transfer(earner="m1", spender="f1", hours=1, id="t1")

            thread, told = at_once(move)
            wait_for_the_commit(server)
            if "statement_timeout" in options:
                time.sleep(1.2)
                assert thread.is_alive()
            end_the_wait(server, how)
            thread.join()
            assert [("t1", ("t1",))] == [(e.id, e.ids) for e in told if type(e) is OutcomeUnknown]
            thread, told = at_once(move)
            end_the_wait(server, how)  # for it is waited for
            thread.join()
            assert [OutcomeUnknown] == list(map(type, told))
            thread, told = at_once(move)
            wait_for_the_commit(server)
            assert ("t1", []) == (bank.transfer_by_id("t1").id, told)  # a reader sees it already
            let_commits_go(server)
            thread.join()
            assert ["t1"] == [getattr(one, "id", None) for one in told]
            assert (3, Hours(1)) == (bank.head().sequence, bank.balance("m1").posted)
            assert () == bank.audit().findings
    finally:
        let_commits_go(server)


@pytest.mark.servers
def test_a_server_that_became_a_standby(server: Any) -> None:
    """A bank that was not opened to read is told so; what reads goes on."""
    folder = server.get_postmaster_info().socket_dir
    url = f"postgresql+psycopg://postgres@/postgres?host={folder}"
    with timebank.open(url, bank="standby") as bank:
        bank.open_account("m1")
        signal = server.pgdata / "standby.signal"
        signal.touch()
        os.chown(signal, *(getattr(server.pgdata.stat(), name) for name in ("st_uid", "st_gid")))
        server.restart_at_once()
        try:
            for _ in range(2):
                with pytest.raises(Unavailable, match="may be a standby"):
                    bank.open_account("m2")
            with timebank.open(url, bank="standby", create=False, read_only=True) as reading:
                assert ("open", 1) == (reading.account("m1").status, reading.head().sequence)
        finally:
            with admin(server) as connection:
                connection.execute("SELECT pg_promote()")
        bank.open_account("m2")
        assert () == bank.audit().findings
