"""A real server, restarted in the middle of a commit."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

import timebank
from servers import own_postgresql
from timebank import Hours, OutcomeUnknown

if TYPE_CHECKING:
    import psycopg


@pytest.fixture
def server() -> Iterator[Any]:
    """A PostgreSQL server of this test's own."""
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
