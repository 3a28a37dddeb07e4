"""A host that ends or undoes its transaction from within a call of the bank.

The bank asks a clock, a salt or a permission of the host's in the middle of a call. What was
judged on a journal that is then gone must not be written, least of all in no transaction.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("django", reason="the hosts need the extra timebank[dev]")

import timebank
from bank.hosts import Host, Psycopg, PyMySqlMariaDb, Sqlite3
from timebank import InvalidRequest, TimeBank, TimebankError

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
ON_HOSTS = [
    Sqlite3,
    pytest.param(Psycopg, marks=pytest.mark.servers),
    pytest.param(PyMySqlMariaDb, marks=pytest.mark.servers),
]
#: A database answers alike whichever door a host came through: on a server one of them by day.
ON_HOSTS_BY_DOOR = [
    pytest.param(kind, name, marks=marks, id=f"{kind.__name__}-{name}")
    for kind, name, marks in (
        *((Sqlite3, name, []) for name in ("clock", "salt", "permission")),
        *((kind, "clock", [pytest.mark.servers]) for kind in (Psycopg, PyMySqlMariaDb)),
        *(
            (kind, name, [pytest.mark.servers, pytest.mark.nightly])
            for kind in (Psycopg, PyMySqlMariaDb)
            for name in ("salt", "permission")
        ),
    )
]
ENDS = {
    "to a savepoint": ("ROLLBACK TO SAVEPOINT s", "SELECT 1"),
    "all": ("ROLLBACK", "SELECT 1"),
    "all, and anew": ("ROLLBACK", "BEGIN"),
    "committed": ("COMMIT", "SELECT 1"),
    "committed, and anew": ("COMMIT", "BEGIN"),
}


@pytest.fixture(params=ON_HOSTS, ids=lambda kind: kind.__name__)
def host(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Host]:
    """A host that writes its statements itself."""
    made = request.param(tmp_path)
    if isinstance(made.handle, sqlite3.Connection):
        made.handle.isolation_level = None
    yield made
    made.close()


class Door:
    """A callable of the host's, in which it does something once."""

    def __init__(self) -> None:
        self.act: Callable[[], object] | None = None

    def _opened(self) -> None:
        act, self.act = self.act, None
        if act is not None:
            act()

    def clock(self) -> datetime:
        """The instant."""
        self._opened()
        return NOW

    def salt(self) -> bytes:
        """Sixteen bytes."""
        self._opened()
        return bytes(16)

    def permission(self, ask: object) -> bool:
        """Everything is allowed."""
        self._opened()
        return True


def joined(host: Host, door: Door, name: str) -> TimeBank:
    """The bank of a host, with one door of its own."""
    doors: dict[str, Any] = {
        "clock": {"clock": door.clock},
        "salt": {"new_salt": door.salt},
        "permission": {"permissions": door.permission},
    }
    return timebank.join(host.handle, **doors[name])


def pay(bank: Any, id: str, earner: str = "m1") -> None:
    """An hour, with a text that takes a salt."""
    bank.transfer(earner=earner, spender="f1", hours=1, id=id, note="a note")


def settled(host: Host) -> list[str]:
    """The transfers that are committed; the audit has nothing to say."""
    with timebank.open(host.url, create=False) as alone:
        assert () == alone.audit().findings
        return [transfer.id for transfer in alone.transfers()]


@pytest.mark.parametrize(("host", "name"), ON_HOSTS_BY_DOOR, indirect=["host"])
@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("within", ["alone", "batch"])
def test_a_call_whose_ground_is_taken_away(host: Host, name: str, end: str, within: str) -> None:
    """Nothing is written of it that does not follow what is there; the bank goes on.

    On a server, a transaction that was begun anew where the last one left off is as good.
    """
    may_pass = host.server is not None and end == "committed, and anew"
    door = Door()
    bank = joined(host, door, name)
    with host.transaction():
        bank.open_account("m1")
        bank.open_account("f1", kind="fund")
    host.run("BEGIN")
    host.run("SAVEPOINT s")
    bank.open_account("x", kind="fund")
    pay(bank, "t1", "x")

    def act() -> None:
        for statement in ENDS[end]:
            host.run(statement)

    if within == "batch":
        with pytest.raises(TimebankError), bank.batch() as batch:
            pay(batch, "t2", "x")
            door.act = act
            pay(batch, "t3", "x")
    else:
        door.act = act
        with suppress(TimebankError) if may_pass else pytest.raises(TimebankError):
            pay(bank, "t3", "x")
    with suppress(sqlite3.OperationalError):  # where there is no transaction any more
        host.run("COMMIT")
    before = {"t1", "t2"} if within == "batch" else {"t1"}
    kept = set(settled(host)) - ({"t3"} if may_pass else set())
    assert kept == (before if end.startswith("committed") else set())
    with host.transaction():
        pay(bank, "t9")
    assert "t9" in settled(host)


def test_a_call_from_within_a_call_by_another_handle(host: Host) -> None:
    """A permission that joins the same connection again cannot book there."""
    door = Door()
    bank, other = joined(host, door, "permission"), timebank.join(host.handle)
    with host.transaction():
        bank.open_account("m1")
        bank.open_account("f1", kind="fund")
        told: list[type] = []

        def act() -> None:
            try:
                pay(other, "inner")
            except InvalidRequest as error:
                told.append(type(error))

        door.act = act
        pay(bank, "outer")
    assert [InvalidRequest] == told
    assert ["outer"] == settled(host)


def test_a_factory_that_the_host_sets_within_a_batch(tmp_path: Path) -> None:
    """Rows in a shape of the host's are no matter; text in one is told."""
    connection = sqlite3.connect(tmp_path / "host.db", isolation_level=None)
    bank = timebank.join(connection)
    connection.execute("BEGIN")
    bank.open_account("m1")
    bank.open_account("f1", kind="fund")
    with bank.batch() as batch:
        pay(batch, "t1")
        connection.row_factory = lambda _, row: dict(enumerate(row))
        pay(batch, "t2")
        connection.text_factory = bytes
        with pytest.raises(InvalidRequest, match="text_factory"):
            pay(batch, "t3")
        connection.text_factory = str
        pay(batch, "t4")
    connection.execute("COMMIT")
    connection.row_factory = None
    connection.execute("BEGIN")
    assert ["t1", "t2", "t4"] == [transfer.id for transfer in bank.transfers()]
    assert () == bank.audit().findings
    connection.close()


@pytest.mark.parametrize("block", ["batch", "preview"])
def test_a_block_is_entered_once(tmp_path: Path, block: str) -> None:
    """While it lasts, and after its end."""
    connection = sqlite3.connect(tmp_path / "host.db", isolation_level=None)
    bank = timebank.join(connection)
    connection.execute("BEGIN")
    bank.open_account("m1")
    made = getattr(bank, block)()
    with made, pytest.raises(InvalidRequest):
        made.__enter__()
    with pytest.raises(InvalidRequest):
        made.__enter__()
    connection.close()
