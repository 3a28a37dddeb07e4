"""How often a call waits for a server, and what it asks: counted on the wire, not timed."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Any, Final

import pytest

import timebank
from servers import new_database, postgresql
from timebank import BankBatch, Conflict, OutcomeUnknown, StoreError, TimeBank
from timebank.bank.following import MOST
from timebank.journal import digest
from timebank.model import Head, RecordRow
from timebank.storage.protocol import Batch
from timebank.storage.server.store import SqlStore
from wire.acts import Message
from wire.postgres import PostgresProtocol
from wire.proxy import Wire

pytestmark = pytest.mark.servers

_IDS: Final = count(1)
_STATEMENT: Final = re.compile(rb"; (?=BEGIN|SET|SELECT|WITH|COMMIT|ROLLBACK)")


class Counted:
    """One process's banks behind a wire, and another's that go around it."""

    def __init__(self, wire: Wire, through: str, direct: str) -> None:
        self.wire = wire
        self.store = SqlStore(through)
        self.bank = TimeBank(self.store)
        self.other = timebank.open(direct)

    def trips(self, work: Callable[[], object]) -> list[list[str]]:
        """The statements of each trip of some work: how each begins, and what it is of."""
        self.wire.disarm()
        work()
        trips, asked = [], list[Message]()
        for message in self.wire.disarm():
            if message.is_request:
                asked.append(message)
            elif asked:  # the client has waited
                trips.append([text for one in asked for text in statements(one)])
                asked = []
        return trips


def statements(message: Message) -> list[str]:
    """The statements of a message, in short: none, where it names one that is prepared."""
    if message.kind not in ("Q", "P"):
        return []
    text = message.text.rstrip(b"\0") if message.kind == "Q" else message.text.split(b"\0")[1]
    return [part.decode().split(" ", 1)[0] for part in _STATEMENT.split(text)]


@pytest.fixture
def counted(tmp_path: Path) -> Iterator[Counted]:
    """A new database with two accounts, and a wire to it."""
    direct = new_database("postgresql")
    folder = Path(os.path.realpath(tmp_path))
    with timebank.open(direct) as bank:
        for account in ("m1", "m2"):
            bank.open_account(account, floor=None)
    through = f"{direct.partition('?')[0]}?host={folder}"
    target = postgresql() / ".s.PGSQL.5432"
    with Wire(folder / ".s.PGSQL.5432", target, PostgresProtocol) as wire:
        made = Counted(wire, through, direct)
        yield made
        made.store.close()
        made.other.close()


def post(bank: TimeBank | BankBatch) -> object:
    """Make a transfer."""
    return bank.transfer(earner="m1", spender="m2", hours="0:01", id=f"t{next(_IDS)}", note="a\\'b")


LOCK: Final = ["BEGIN", "SET", "SET", "SET", "SELECT", "SELECT"]
LOCK_AND_RECORDS: Final = [*LOCK, "SELECT"]
WRITE: Final = ["WITH", "COMMIT"]


def test_a_transfer_is_two_trips(counted: Counted) -> None:
    """The lock with the look-up of the id, and the rows with the commit."""
    post(counted.bank)
    assert [LOCK, WRITE] == counted.trips(lambda: post(counted.bank))


def test_after_a_foreign_write_it_is_three_and_then_two(counted: Counted) -> None:
    """What another wrote is read once; as long as others write it is asked with the lock."""
    post(counted.bank), post(counted.other)
    trips = counted.trips(lambda: post(counted.bank))
    assert (LOCK, WRITE, 3) == (trips[0], trips[-1], len(trips))
    for _ in range(3):
        post(counted.other), post(counted.other)
        assert [LOCK_AND_RECORDS, WRITE] == counted.trips(lambda: post(counted.bank))
    assert [LOCK_AND_RECORDS, WRITE] == counted.trips(lambda: post(counted.bank))
    assert [LOCK, WRITE] == counted.trips(lambda: post(counted.bank))
    assert counted.other.audit().ok


def test_far_behind_it_reads_anew(counted: Counted) -> None:
    """Beyond a bound all is looked at again: with the accounts, and no record but the last."""
    post(counted.bank)
    with counted.other.batch() as batch:
        for _ in range(MOST + 1):
            post(batch)
    assert 11 >= len(counted.trips(lambda: post(counted.bank)))


def test_a_bank_is_made_in_few_trips(counted: Counted) -> None:
    """Four find out that it is not there; then the lock, rows left over, the row, the commit."""
    assert 8 == len(counted.trips(lambda: TimeBank(counted.store, bank="new")))


def test_what_is_kept_for_the_commit_is_written_before_a_question(counted: Counted) -> None:
    """Whoever reads in the writer after its last rows finds them, and they are kept once."""
    post(counted.bank)
    with counted.other.store.reader("main") as reader:
        rows = reader.records(after=reader.head().sequence - 1, limit=1)
    (row,) = rows
    with counted.store.writer("main") as writer:
        body = row.body
        end = digest(row.digest, body)
        writer.append_last(
            Batch(records=[RecordRow(row.sequence + 1, end, body, "x", "last", None)])
        )
        assert row.sequence + 1 == writer.head().sequence
        found = writer.find("last")
        assert found is not None
        assert end == found.digest
    assert row.sequence + 1 == counted.other.head().sequence


@pytest.mark.parametrize(
    "change", [{"sequence": 9}, {"id": "taken"}, {"digest": b"short"}], ids=["gap", "id", "check"]
)
def test_last_rows_that_are_refused_leave_nothing(counted: Counted, change: dict[str, Any]) -> None:
    """By the commit at the latest, as what it is: it was not sent, so that nothing is unknown."""
    counted.bank.transfer(earner="m1", spender="m2", hours="0:01", id="taken")
    head = counted.bank.head()
    row = RecordRow(head.sequence + 1, bytes(32), b"{}", "x", "new", None)._replace(**change)
    with pytest.raises((Conflict, StoreError)) as caught, counted.store.writer("main") as writer:
        writer.append_last(Batch(records=[row]))
    assert not isinstance(caught.value, OutcomeUnknown)
    assert isinstance(caught.value, Conflict) == ("digest" not in change)
    assert head == counted.other.head()
    assert () == counted.other.audit().findings


def test_last_rows_that_do_not_follow_take_all_with_them(counted: Counted) -> None:
    """What was appended before in the same block is not kept by the commit that goes along."""
    post(counted.bank)
    head = counted.other.head()
    end = digest(head.digest, b"{}")
    row = RecordRow(head.sequence + 1, end, b"{}", "x", "first", None)
    with pytest.raises(Conflict), counted.store.writer("main") as writer:
        writer.append(Batch(records=[row]))
        writer._head = Head(head.journal, head.sequence + 5, end)  # as of a head that was moved
        writer.append_last(Batch(records=[row._replace(sequence=head.sequence + 6, id="last")]))
    assert head == counted.other.head()
    assert () == counted.other.audit().findings
