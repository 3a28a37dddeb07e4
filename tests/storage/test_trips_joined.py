"""How often a joined call waits for PostgreSQL, on each driver of a host: counted on the wire."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Any, Final

import pytest

pytest.importorskip("django", reason="the hosts need the extra timebank[dev]")

import psycopg

import timebank
from bank.hosts import (
    AlchemyConnectionPostgres,
    AlchemyConnectionPsycopg2,
    AlchemySessionPostgres,
    AsyncConnectionPsycopg,
    AsyncSessionAsyncpg,
    DjangoPostgres,
    Host,
    Psycopg,
    Psycopg2,
    within,
)
from servers import drop_database, postgresql
from timebank import BankBatch, InvalidRequest, LimitExceeded, TimeBank
from wire.postgres import PostgresProtocol
from wire.proxy import Wire

pytestmark = pytest.mark.servers

_IDS: Final = count(1)
#: asyncpg tells no rows of several statements, so that the question is a trip of its own.
ASYNCPG: Final = AsyncSessionAsyncpg
KINDS: Final = (
    Psycopg,
    Psycopg2,
    AlchemyConnectionPostgres,
    AlchemySessionPostgres,
    AlchemyConnectionPsycopg2,
    AsyncConnectionPsycopg,
    DjangoPostgres,
    ASYNCPG,
)


class Counted:
    """A host behind a wire, and its joined bank."""

    def __init__(self, host: Host, wire: Wire) -> None:
        self.host = host
        self.wire = wire
        self.bank = timebank.join(host.handle)

    def run(self, work: Callable[[], object]) -> None:
        """Do it where the host may await."""
        if self.host.is_async:
            within(work)
        else:
            work()

    def trips(self, work: Callable[[], object]) -> int:
        """How often some work waits, done by `run`."""
        self.wire.disarm()
        work()
        found, is_asking = 0, False
        for message in self.wire.disarm():
            found += is_asking and not message.is_request
            is_asking = message.is_request
        return found

    @property
    def one(self) -> int:
        """The trips of one call."""
        return 3 if isinstance(self.host, ASYNCPG) else 2


@pytest.fixture(params=KINDS, ids=lambda kind: kind.__name__)
def counted(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Counted]:
    """A host of each driver, whose ledger has two accounts."""
    host = request.param(tmp_path)
    direct = host.url
    with timebank.open(direct) as alone:
        alone.open_account("m1"), alone.open_account("m2", floor=-5)
    host.disconnect()
    folder = Path(os.path.realpath(tmp_path))
    with Wire(folder / ".s.PGSQL.5432", postgresql() / ".s.PGSQL.5432", PostgresProtocol) as wire:
        host.url = f"{direct.partition('?')[0]}?host={folder}"
        host.handle = host.connect()
        yield Counted(host, wire)
        host.disconnect()
    host.url = direct
    drop_database(direct)


def post(bank: TimeBank | BankBatch, hours: Any = "0:01") -> Any:
    """Make a transfer, with a text that is hard to quote."""
    note = "100% a\\'b ? $1 %s"
    return bank.transfer(earner="m1", spender="m2", hours=hours, id=f"%s-{next(_IDS)}", note=note)


def test_a_call_is_two_trips(counted: Counted) -> None:
    """The savepoint, the lock, the head and the id; the rows and the end of the savepoint."""
    bank = counted.bank

    def twice() -> None:
        post(bank), post(bank)  # the tables are looked at, and the accounts

    def work() -> None:
        with counted.host.transaction():
            twice()
            assert [counted.one] * 3 == [counted.trips(lambda: post(bank)) for _ in range(3)]
        with counted.host.transaction():
            counted.host.book("b1")
            post(bank)  # it may have another connection, of which the version is looked at
            assert counted.one == counted.trips(lambda: post(bank.acting_as("carla")))

    counted.run(work)
    check(counted, 7)


def check(counted: Counted, number: int) -> None:
    """So many transfers are committed, and the audit has nothing to say."""
    with timebank.open(counted.host.url, create=False) as alone:
        assert number == len(list(alone.transfers()))
        assert () == alone.audit().findings


def test_a_call_of_a_batch_is_two_trips(counted: Counted) -> None:
    """That the batch is there is asked along with the head."""
    bank, one = counted.bank, counted.one

    def work() -> None:
        with counted.host.transaction():
            post(bank)
            with bank.batch() as batch:
                post(batch)
                assert [one, one] == [counted.trips(lambda: post(batch)) for _ in range(2)]
                with counted.host.savepoint():
                    counted.host.book("b1")
                    assert one == counted.trips(lambda: post(batch))

    counted.run(work)
    check(counted, 5)


def test_a_refusal_is_two_trips(counted: Counted) -> None:
    """The second ends the savepoint; what the next call knows is read anew."""
    bank = counted.bank

    def work() -> None:
        with counted.host.transaction():
            post(bank)

            def refused() -> None:
                with pytest.raises(LimitExceeded):
                    post(bank, 20)

            assert counted.one == counted.trips(refused)
            post(bank)

    counted.run(work)
    check(counted, 2)


def test_what_is_found_by_its_id_is_no_second_record(counted: Counted) -> None:
    """The id is looked for behind the lock, however it came to be there."""
    bank = counted.bank

    def work() -> None:
        with counted.host.transaction():
            made = post(bank)
            with timebank.open(counted.host.url) as alone:
                assert alone.head().sequence == 2
            again = bank.transfer(
                earner="m1", spender="m2", hours="0:01", id=made.id, note="100% a\\'b ? $1 %s"
            )
            assert (made.sequence, True) == (again.sequence, again.repeated)

    counted.run(work)
    check(counted, 1)


def test_a_batch_that_is_over_is_told_along_with_the_head(counted: Counted) -> None:
    """The host goes on in its transaction."""
    bank = counted.bank

    def work() -> None:
        with counted.host.transaction():
            post(bank)
            with pytest.raises(InvalidRequest, match="this batch is over"), bank.batch() as batch:
                post(batch)
                savepoint: Any = batch._life.check()._savepoint  # type: ignore[attr-defined]
                savepoint._savepoint.connection.release(savepoint._savepoint.name)
                post(batch)
            post(bank)
            counted.host.book("b1")

    counted.run(work)
    check(counted, 3)


def waits(url: str) -> bool:
    """Whether somebody waits for a lock on the server."""
    with psycopg.connect(url.replace("+psycopg", "")) as looking:
        found = looking.execute("SELECT count(*) FROM pg_locks WHERE NOT granted").fetchone()
    return found is not None and found[0] > 0


@pytest.mark.parametrize("kind", [Psycopg, Psycopg2])
def test_what_was_committed_while_the_lock_was_waited_for(tmp_path: Path, kind: type[Host]) -> None:
    """Is seen by the question that goes with it: the id is found, and what is known follows."""
    host = kind(tmp_path)
    alone = timebank.open(host.url)
    for account in ("m1", "m2"):
        alone.open_account(account, floor=None)
    bank = timebank.join(host.handle)
    with host.transaction():
        post(bank)
    told: list[Any] = []

    def work() -> None:
        with host.transaction():
            told.extend((post_same(bank), post(bank)))

    thread = threading.Thread(target=work)
    with alone.batch() as batch:
        made = post_same(batch)
        post(batch)
        thread.start()
        while not waits(host.url):
            assert thread.is_alive()
    thread.join()
    found, after = told
    assert (made.sequence, True) == (found.sequence, found.repeated)
    assert made.sequence + 2 == after.sequence
    assert () == alone.audit().findings
    alone.close()
    host.close()


def post_same(bank: TimeBank | BankBatch) -> Any:
    """Make a transfer that may be there."""
    return bank.transfer(earner="m1", spender="m2", hours="0:02", id="same")


class DjangoPrepares(DjangoPostgres):
    """Django, where each statement is prepared when it comes for the second time."""

    def options(self) -> dict[str, Any]:
        """As `Django.options`."""
        return super().options() | {"OPTIONS": {"prepare_threshold": 1}}


def test_a_site_that_prepares_its_statements(tmp_path: Path) -> None:
    """Several in one text cannot be prepared: they go one by one there."""
    host = DjangoPrepares(tmp_path)
    bank = timebank.join(host.handle)
    with host.transaction():
        for _ in range(4):
            bank.open_account("m1"), bank.open_account("m2")
        for _ in range(4):
            post(bank)
        with bank.batch() as batch:
            post(batch), post(batch)
    with timebank.open(host.url, create=False) as alone:
        assert (6, ()) == (len(list(alone.transfers())), alone.audit().findings)
    host.close()
