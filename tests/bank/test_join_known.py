"""What a joined call has read is known to the next one, where that finds the same head."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any, Final

import pytest

import timebank
from timebank import BankBatch, LimitExceeded, TimeBank

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
_IDS: Final = count(1)


@pytest.fixture
def path(tmp_path: Path) -> str:
    """A file with two accounts that may owe five hours."""
    file = tmp_path / "host.db"
    with timebank.open(f"sqlite:///{file}", clock=lambda: NOW) as alone:
        for account in ("m1", "m2", "m3"):
            alone.open_account(account, floor=-5)
    return str(file)


@pytest.fixture
def host(path: str) -> Iterator[sqlite3.Connection]:
    """A host's connection to it."""
    connection = sqlite3.connect(path, isolation_level=None)
    yield connection
    connection.close()


def post(bank: TimeBank | BankBatch, hours: object = "0:01", earner: str = "m1") -> Any:
    """Make a transfer."""
    return bank.transfer(earner=earner, spender="m2", hours=hours, id=f"t{next(_IDS)}")


def asked(host: sqlite3.Connection, bank: TimeBank | BankBatch) -> list[str]:
    """How each statement of a transfer begins."""
    noted: list[str] = []
    host.set_trace_callback(noted.append)
    post(bank)
    host.set_trace_callback(None)
    return [sql.split(" ", 1)[0] for sql in noted]


LOOK: Final = ["SAVEPOINT", "DELETE", "SELECT"]
WRITE: Final = ["INSERT", "INSERT", "INSERT", "RELEASE"]
#: The statute, the last record, and where each of two accounts stands, with its holds.
ANEW: Final = ["SELECT"] * (1 + 1 + 2 * 3)


def test_a_call_asks_for_the_head_and_the_id(host: sqlite3.Connection) -> None:
    """In one question behind the lock; the first call reads the accounts as well."""
    bank = timebank.join(host)
    host.execute("BEGIN")
    asked(host, bank)  # the version of the tables is looked at
    bank._calls._known.clear()  # type: ignore[attr-defined]  # it is joined
    assert [*LOOK, *ANEW, *WRITE] == asked(host, bank)
    assert [*LOOK, *WRITE] == asked(host, bank)
    host.execute("COMMIT")
    host.execute("BEGIN")
    assert [*LOOK, *WRITE] == asked(host, bank.acting_as("carla"))


def test_a_call_of_a_batch_asks_whether_it_is_there(host: sqlite3.Connection) -> None:
    """The batch has the lock, and knows what the bank did."""
    bank = timebank.join(host)
    host.execute("BEGIN")
    post(bank)
    with bank.batch() as batch:
        for _ in range(2):
            assert ["RELEASE", "SAVEPOINT", "SELECT", *WRITE] == asked(host, batch)
    assert [*LOOK, *WRITE] == asked(host, bank)


def test_what_others_wrote_is_followed(host: sqlite3.Connection, path: str) -> None:
    """Their records are read, and nothing else."""
    bank = timebank.join(host)
    host.execute("BEGIN")
    post(bank)
    host.execute("COMMIT")
    with timebank.open(f"sqlite:///{path}") as alone:
        post(alone, "4:30"), alone.open_account("m4")
    host.execute("BEGIN")
    assert [*LOOK, "SELECT", *WRITE] == asked(host, bank)
    with pytest.raises(LimitExceeded):
        post(bank, "1:00")
    host.execute("COMMIT")
    assert () == bank.audit().findings


@pytest.mark.parametrize("lasts", ["a savepoint", "the transaction"])
def test_what_was_rolled_back_is_not_known(host: sqlite3.Connection, lasts: str) -> None:
    """The head is another one: all is read anew, and hours that are gone may be spent again."""
    bank = timebank.join(host)
    host.execute("BEGIN")
    post(bank)
    host.execute("COMMIT")
    for _ in range(3):
        host.execute("BEGIN")
        host.execute("SAVEPOINT s")
        post(bank, "4:30")
        with pytest.raises(LimitExceeded):
            post(bank, "0:30")
        post(bank, "0:01")
        host.execute("ROLLBACK TO s" if lasts == "a savepoint" else "ROLLBACK")
        with suppress(sqlite3.OperationalError):
            host.execute("COMMIT")
    host.execute("BEGIN")
    post(bank, "4:59")
    host.execute("COMMIT")
    assert () == bank.audit().findings


def test_the_same_head_is_the_same_bank(host: sqlite3.Connection) -> None:
    """What is rolled back and written again, byte by byte, is known again."""
    bank = timebank.join(host, clock=lambda: NOW)
    heads = []
    for _ in range(2):
        host.execute("BEGIN")
        bank.open_account("x", floor=-1)
        bank.transfer(earner="m1", spender="x", hours=1, id="same")
        heads.append(bank.head())
        with pytest.raises(LimitExceeded):
            bank.transfer(earner="m1", spender="x", hours=1)
        host.execute("ROLLBACK")
    assert heads[0] == heads[1]


def test_another_database_is_no_other_bank_at_its_head(tmp_path: Path, path: str) -> None:
    """A copy in which others wrote is followed or read anew, by whichever connection it comes."""
    copy = tmp_path / "copy.db"
    original = sqlite3.connect(path, isolation_level=None)
    other = sqlite3.connect(copy, isolation_level=None)
    original.backup(other)
    bank = timebank.join(original)
    bank_of_copy = timebank.join(other)
    bank_of_copy._calls = bank._calls  # type: ignore[attr-defined]  # as of one bank of a Django site
    for number in range(4):
        for connection, joined in ((original, bank), (other, bank_of_copy)):
            connection.execute("BEGIN")
            for _ in range(number):
                post(joined, earner="m3")
            post(joined, "1")
            connection.execute("COMMIT")
            assert () == joined.audit().findings
    for connection in (original, other):
        connection.close()


def test_a_rebuild_is_not_outlived(host: sqlite3.Connection) -> None:
    """What was read of rows that were wrong is read anew from those that are right."""
    bank = timebank.join(host)
    host.execute("BEGIN")
    post(bank)
    host.execute("UPDATE timebank_accounts SET status = 'frozen' WHERE account = 'm1'")
    bank._calls._known.clear()  # type: ignore[attr-defined]  # as one that begins
    with pytest.raises(timebank.AccountNotOpen):
        post(bank)
    post(bank, earner="m3")
    bank.rebuild()
    post(bank)
    assert () == bank.audit().findings
    host.execute("COMMIT")


def test_a_rebuild_by_one_is_not_outlived_by_another(host: sqlite3.Connection) -> None:
    """A digest covers the journal and no derived row: whoever made them anew, all read anew."""
    one, other = timebank.join(host), timebank.join(host)
    host.execute("BEGIN")
    post(other)
    host.execute("DROP TRIGGER timebank_postings_no_update")
    host.execute("UPDATE timebank_postings SET balance = balance + 3600")
    other._calls._known.clear()  # type: ignore[attr-defined]  # as one that begins
    post(other)
    one.rebuild(force=True)
    post(other)
    assert () == other.audit().findings
    host.execute("COMMIT")


def test_threads_share_what_is_known_and_no_state(path: str) -> None:
    """Each takes it for itself: on connections of their own, in turns, none is wrong."""
    failed: list[BaseException] = []

    def work(bank: TimeBank, connection: sqlite3.Connection) -> None:
        try:
            for number in range(25):
                connection.execute("BEGIN IMMEDIATE")
                post(bank)
                connection.execute("COMMIT" if number % 3 else "ROLLBACK")
            connection.close()
        except BaseException as error:  # noqa: BLE001 - told by the other thread
            failed.append(error)

    threads = []
    shared = None
    for _ in range(4):
        connection = sqlite3.connect(
            path, isolation_level=None, timeout=60, check_same_thread=False
        )
        bank = timebank.join(connection)
        shared = shared or bank._calls  # type: ignore[attr-defined]  # it is joined
        bank._calls = shared  # type: ignore[attr-defined]  # as above
        threads.append(threading.Thread(target=work, args=(bank, connection)))
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [] == failed
    with timebank.open(f"sqlite:///{path}") as alone:
        assert () == alone.audit().findings
        assert 4 * 16 == len(list(alone.transfers()))
