"""Django sees each statement of a joined bank, and its own transactions are never harmed."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("django", reason="the hosts need the extra timebank[dev]")

from django.conf import settings
from django.db import DatabaseError, transaction
from django.test.utils import CaptureQueriesContext

import timebank
from bank.hosts import Django, DjangoMariaDb, DjangoPostgres, Host
from servers import drop_database, new_database
from timebank import Conflict, Hours, InvalidRequest, LimitExceeded

KINDS = [
    Django,
    pytest.param(DjangoPostgres, marks=pytest.mark.servers),
    pytest.param(DjangoMariaDb, marks=pytest.mark.servers),
]


@pytest.fixture(params=KINDS, ids=lambda kind: kind.__name__)
def host(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Any]:
    """Django, with a ledger that has two accounts."""
    made: Host = request.param(tmp_path)
    with timebank.open(made.url) as alone:
        alone.open_account("m1", name="Maria 100% ?")
        alone.open_account("f1")
    yield made
    made.close()


def test_each_statement_is_seen(host: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A read, a transfer, a batch and a rebuild, with DEBUG, are all in `connection.queries`."""
    monkeypatch.setattr(settings, "DEBUG", True)
    bank = timebank.join(host.handle)
    with CaptureQueriesContext(host.handle) as seen:
        assert Hours(0) == bank.balance("m1").posted
    assert any("timebank_accounts" in query["sql"] for query in seen)
    with CaptureQueriesContext(host.handle) as seen, transaction.atomic(using="host"):
        bank.transfer(earner="m1", spender="f1", hours=1, note="50% of it?")
        with bank.batch() as batch:
            batch.transfer(earner="m1", spender="f1", hours=2, id="t2")
        bank.erase(account="m1", reason="asked for")
        bank.rebuild()
        assert bank.audit().ok
    said = "\n".join(query["sql"] for query in seen)
    for words in ("SAVEPOINT timebank_", "timebank_records", "timebank_postings"):
        assert words in said
    with timebank.open(host.url, create=False) as alone:
        assert (True, Hours(3)) == (alone.audit().ok, alone.balance("m1").posted)


def test_what_wraps_queries_is_asked(host: Any) -> None:
    """A wrapper of the host's runs around each statement, and may forbid it."""

    class ForbiddenError(Exception):
        """The host's own."""

    def forbid(*given: Any) -> None:
        raise ForbiddenError

    bank = timebank.join(host.handle)
    with host.handle.execute_wrapper(forbid), pytest.raises(ForbiddenError):
        bank.balance("m1")
    assert Hours(0) == bank.balance("m1").posted


def test_a_refusal_leaves_django_as_it_was(host: Any) -> None:
    """What is caught, be it an error of the driver's, breaks no atomic block."""
    bank = timebank.join(host.handle)
    with transaction.atomic(using="host"):
        host.book("b1")
        with pytest.raises(LimitExceeded):
            bank.transfer(earner="m1", spender="f1", hours=21)
        with pytest.raises(LimitExceeded), bank.batch() as batch:
            batch.transfer(earner="m1", spender="f1", hours=21)
        with pytest.raises(InvalidRequest, match="this batch is over"), bank.batch() as batch:
            savepoint = batch._life.check()._savepoint  # type: ignore[attr-defined]
            savepoint.release()
            batch.open_account("m2")
        assert not host.handle.needs_rollback
        bank.open_account("m3")
        host.book("b2")
    assert 2 == host.booked()
    with timebank.open(host.url, create=False) as alone:
        assert ["f1", "m1", "m3"] == [account.id for account in alone.accounts()]


def test_a_key_that_is_taken_is_told_as_everywhere(
    host: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Django's IntegrityError becomes a `Conflict`, whose cause is the driver's own error."""
    from timebank.storage.tables import TableReader

    bank = timebank.join(host.handle)
    monkeypatch.setattr(TableReader, "find", lambda *_: None)
    with transaction.atomic(using="host"):
        bank.transfer(earner="m1", spender="f1", hours=1, id="t1")
        with pytest.raises(Conflict) as caught:
            bank.transfer(earner="m1", spender="f1", hours=2, id="t1")
        assert "IntegrityError" in str(type(caught.value.__cause__).__mro__)
        assert not type(caught.value.__cause__).__module__.startswith("django")
        host.book("b1")
    assert 1 == host.booked()


def test_a_query_of_the_hosts_that_failed_is_honoured(host: Any) -> None:
    """In a block that must be rolled back nothing runs; a batch in it is undone all the same."""
    bank = timebank.join(host.handle)
    with transaction.atomic(using="host"):
        host.book("b1")
        with pytest.raises(DatabaseError), transaction.atomic(using="host"), bank.batch() as batch:
            batch.transfer(earner="m1", spender="f1", hours=1)
            with transaction.atomic(using="host", savepoint=False):
                host.run("SELECT nothing FROM nowhere")
        assert Hours(0) == bank.balance("m1").posted
    with transaction.atomic(using="host"):
        transaction.set_rollback(True, using="host")
        calls = (lambda: bank.open_account("late"), lambda: bank.balance("m1"))
        for call in calls:
            with pytest.raises(InvalidRequest, match="a query failed"):
                call()
    assert 1 == host.booked()


def test_tables_are_made_on_djangos_connection(host: Any) -> None:
    """As a migration of Django's makes them: outside of a transaction, or in it."""
    with host.handle.constraint_checks_disabled():
        for (name,) in reversed(tables_of(host)):
            host.run(f"DROP TABLE {name}")
    if host.server is None:  # a log in which a bank is another than in its file is refused
        host.run("PRAGMA wal_checkpoint(TRUNCATE)")
    bank = timebank.join(host.handle)
    with pytest.raises(timebank.BankNotFound):
        bank.balance("m1")
    if host.server == "mariadb":
        with (
            pytest.raises(InvalidRequest, match="while none is open"),
            transaction.atomic(using="host"),
        ):
            timebank.migrate_store(host.handle)
    else:
        with transaction.atomic(using="host"):
            assert "0001_ledger" == timebank.migrate_store(host.handle)[0]
            transaction.set_rollback(True, using="host")
        assert [] == tables_of(host)
    assert "0001_ledger" == timebank.migrate_store(host.handle)[0]
    assert [] == timebank.migrate_store(host.handle)
    with transaction.atomic(using="host"):
        bank.open_account("m1")
    with timebank.open(host.url, create=False) as alone:
        assert alone.audit().ok


def tables_of(host: Any) -> list[tuple[str]]:
    """The ledger's tables, parents before children."""
    order = (
        *("banks", "records", "accounts", "texts", "postings", "holds", "statutes", "tiles"),
        "migrations",
    )
    there = host.handle.introspection.table_names()
    return [(f"timebank_{name}",) for name in order if f"timebank_{name}" in there]


_ON_PSYCOPG2 = """
import sys
for name in ("psycopg", "psycopg_pool"):
    sys.modules[name] = None
import django
from django.conf import settings
settings.configure(DEBUG=True, DATABASES={{"default": {{
    "ENGINE": "django.db.backends.postgresql", "HOST": {host!r}, "NAME": {name!r},
    "USER": "postgres"}}}})
django.setup()
from django.db import connection, transaction
import timebank
bank = timebank.join(connection)
print(timebank.migrate_store(connection)[0], type(connection.connection).__module__)
connection.ensure_connection()
with transaction.atomic():
    bank.open_account("m1", name="100% Maria?")
    bank.open_account("f1")
    bank.transfer(earner="m1", spender="f1", hours=1, id="t1", note="n")
    try:
        with bank.batch() as batch:
            batch.transfer(earner="m1", spender="f1", hours=21)
    except timebank.LimitExceeded:
        print("refused")
    bank.rebuild()
print(bank.account("m1").name, bank.balance("m1").posted, bank.audit().ok)
print(connection.get_autocommit(), connection.connection.get_transaction_status())
print(any("timebank_records" in query["sql"] for query in connection.queries))
"""


@pytest.mark.servers
def test_django_on_psycopg2() -> None:
    """Where psycopg 3 is not installed Django takes psycopg 2, and so do we."""
    url = new_database("postgresql")
    place, _, query = url.partition("?")
    program = _ON_PSYCOPG2.format(host=query.removeprefix("host="), name=place.rpartition("/")[2])
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert "" == done.stderr
    assert [
        "0001_ledger psycopg2.extensions",
        "refused",
        "100% Maria? 1:00 True",
        "True 0",
        "True",
    ] == done.stdout.splitlines()
    drop_database(url)
